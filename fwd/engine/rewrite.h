/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only two things otfw ever writes into a packet: a reset in place of a segment, and the known octet of a keep-alive. */
#ifndef OTFW_FWD_ENGINE_REWRITE_H
#define OTFW_FWD_ENGINE_REWRITE_H

#include "fwd/engine/pkt.h"

enum reset_form {
	RESET_CUT, /* RST|ACK without payload: the receiver's end; the ruleset's REJECT answers the sender */
	RESET_KEEP /* the same with the payload zeroed: a GSO packet must not shrink */
};

/*
 * Copies p into out (cap octets) as a reset with sequence number seq; lengths and checksums are right. Returns the length, 0 when it does
 * not fit or p is not TCP.
 */
uint32_t rewrite_reset(const struct pkt *p, enum reset_form form, uint32_t seq, uint8_t *out, uint32_t cap);

/* Copies p into out with its one octet of payload replaced. Returns the length, 0 when it does not fit. */
uint32_t rewrite_octet(const struct pkt *p, uint8_t octet, uint8_t *out, uint32_t cap);

/* Sets the IPv4 header checksum and that of TCP or UDP for a packet of len octets whose layer 4 starts at l4. */
void rewrite_checksums(uint8_t *packet, uint32_t len, uint32_t l4, bool v6);

#endif
