/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/pkt.h"

#include <string.h>

#define V4_MIN         20u
#define V6_LEN         40u
#define V6_EXTENSIONS  8u /* headers walked; the kernel itself sends no more than a handful */
#define TCP_MIN        20u
#define UDP_LEN        8u
#define PROTO_TCP      6u
#define PROTO_UDP      17u
#define PROTO_ICMP     1u
#define PROTO_ICMPV6   58u
#define V6_HOPOPTS     0u
#define V6_ROUTING     43u
#define V6_FRAGMENT    44u
#define V6_DESTOPTS    60u
#define V4_OFFSET_MASK 0x1fffu
#define V4_MORE        0x2000u

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void map_v4(uint8_t out[16], const uint8_t *ip)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(out, prefix, sizeof prefix);
	memcpy(out + 12, ip, 4);
}

/* The IPv4 header: where layer 4 starts and how long the packet says it is. */
static enum reason parse_v4(const uint8_t *d, uint32_t len, struct pkt *out, uint32_t *total)
{
	if (len < V4_MIN)
		return REASON_BAD_PACKET;
	uint32_t ihl = (d[0] & 0x0fu) * 4u;
	*total = be16(d + 2);
	if (ihl < V4_MIN || ihl > len || *total < ihl)
		return REASON_BAD_PACKET;
	map_v4(out->tuple.src, d + 12);
	map_v4(out->tuple.dst, d + 16);
	out->tuple.ipproto = d[9];
	out->l4 = (uint16_t)ihl;
	if (be16(d + 6) & (V4_OFFSET_MASK | V4_MORE))
		return REASON_FRAGMENT;
	return REASON_NONE;
}

static enum reason parse_v6(const uint8_t *d, uint32_t len, struct pkt *out, uint32_t *total)
{
	if (len < V6_LEN)
		return REASON_BAD_PACKET;
	out->v6 = true;
	*total = V6_LEN + be16(d + 4);
	memcpy(out->tuple.src, d + 8, 16);
	memcpy(out->tuple.dst, d + 24, 16);
	uint32_t end = *total < len ? *total : len, at = V6_LEN;
	uint8_t next = d[6];
	for (unsigned i = 0; i <= V6_EXTENSIONS; i++) {
		out->tuple.ipproto = next;
		out->l4 = (uint16_t)at;
		if (next == V6_FRAGMENT)
			return REASON_FRAGMENT;
		if (next != V6_HOPOPTS && next != V6_ROUTING && next != V6_DESTOPTS)
			return REASON_NONE;
		if (end - at < 8)
			return REASON_BAD_PACKET;
		uint32_t hlen = (d[at + 1] + 1u) * 8u;
		if (end - at < hlen)
			return REASON_BAD_PACKET;
		next = d[at];
		at += hlen;
	}
	return REASON_BAD_PACKET;
}

enum reason pkt_parse(const uint8_t *data, uint32_t len, struct pkt *out)
{
	uint32_t total;
	enum reason r;

	*out = (struct pkt){.data = data};
	if (len == 0)
		return REASON_BAD_PACKET;
	if (data[0] >> 4 == 4)
		r = parse_v4(data, len, out, &total);
	else if (data[0] >> 4 == 6)
		r = parse_v6(data, len, out, &total);
	else
		r = REASON_BAD_PACKET;
	if (r != REASON_NONE)
		return r;
	out->len = total;
	uint32_t here = total < len ? total : len; /* octets that are both in the packet and in the buffer */
	const uint8_t *t = data + out->l4;
	if (out->tuple.ipproto == PROTO_TCP) {
		if (here < out->l4 + TCP_MIN)
			return REASON_BAD_PACKET;
		uint32_t off = (t[12] >> 4) * 4u;
		if (off < TCP_MIN || here < out->l4 + off)
			return REASON_BAD_PACKET;
		out->seq = be32(t + 4);
		out->ack = be32(t + 8);
		out->flags = t[13] & 0x3f;
		out->urgent = be16(t + 18);
		out->payload = (uint16_t)(out->l4 + off);
	} else if (out->tuple.ipproto == PROTO_UDP) {
		if (here < out->l4 + UDP_LEN)
			return REASON_BAD_PACKET;
		uint32_t said = be16(t + 4);
		if (said < UDP_LEN || out->l4 + said > total)
			return REASON_BAD_PACKET;
		/* A datagram shorter than its IP packet hides octets behind itself. */
		if (out->l4 + said != total)
			return REASON_BAD_PACKET;
		out->payload = (uint16_t)(out->l4 + UDP_LEN);
	} else {
		if ((out->tuple.ipproto == PROTO_ICMP || out->tuple.ipproto == PROTO_ICMPV6) &&
		    here > out->l4)
			out->tuple.dport = t[0];
		return REASON_TRANSPORT;
	}
	out->tuple.sport = be16(t);
	out->tuple.dport = be16(t + 2);
	out->payload_len = total - out->payload;
	return total > len ? REASON_TRUNCATED : REASON_NONE;
}
