/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet headers: IPv4 and IPv6, TCP and UDP. Pure: bytes in, struct pkt out. */
#ifndef OTFW_FWD_ENGINE_PKT_H
#define OTFW_FWD_ENGINE_PKT_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/policy.h"

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct pkt {
	const uint8_t *data; /* the IP header */
	uint32_t len;        /* octets of the IP packet (padding of short frames cut off) */
	uint16_t l4;         /* offset of the TCP or UDP header */
	uint16_t payload;    /* offset of the payload */
	uint32_t payload_len;
	struct tuple tuple;
	uint32_t seq, ack; /* TCP */
	uint8_t flags;     /* TCP, enum tcp_flag */
	uint16_t urgent;
	bool v6;
};

/*
 * Parses len octets that start at the IP header. REASON_NONE, BAD_PACKET, FRAGMENT or TRANSPORT (neither TCP nor UDP:
 * tuple is filled as far as addresses and protocol go), or TRUNCATED: all headers are there and everything in out is set,
 * but the payload ends before payload_len octets. Octets behind the IP packet (padding) are cut off. IPv6 extension headers
 * (hop-by-hop, routing, destination options) are walked, bounded. Checksums are the kernel's business (RFC 791, 8200, 9293, 768).
 */
enum reason pkt_parse(const uint8_t *data, uint32_t len, struct pkt *out);

#endif
