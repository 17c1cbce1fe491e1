/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/rewrite.h"

#include <string.h>

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071. len <= 64 KiB keeps the sum inside 64 bits with room to spare. */
static uint64_t sum(const uint8_t *p, uint32_t len, uint64_t acc)
{
	uint32_t i = 0;
	for (; i + 1 < len; i += 2)
		acc += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (i < len)
		acc += (uint32_t)(p[i] << 8);
	return acc;
}

static uint16_t fold(uint64_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

void rewrite_checksums(uint8_t *packet, uint32_t len, uint32_t l4, bool v6)
{
	uint32_t n = len - l4;
	uint8_t proto;
	uint64_t acc;

	if (v6) {
		/* A TCP or UDP header stands at l4: what the last extension header calls it does not matter here. */
		uint8_t at = packet[6];
		for (uint32_t off = 40; off < l4; off += (packet[off + 1] + 1u) * 8u)
			at = packet[off];
		proto = at;
		acc = sum(packet + 8, 32, 0);
	} else {
		proto = packet[9];
		put16(packet + 10, 0);
		put16(packet + 10, fold(sum(packet, (packet[0] & 0x0fu) * 4u, 0)));
		acc = sum(packet + 12, 8, 0);
	}
	uint8_t *check = packet + l4 + (proto == 6 ? 16 : 6);
	put16(check, 0);
	uint16_t c = fold(sum(packet + l4, n, acc + proto + n));
	put16(check, proto == 17 && c == 0 ? 0xffff : c);
}

uint32_t rewrite_reset(const struct pkt *p, enum reset_form form, uint32_t seq, uint8_t *out, uint32_t cap)
{
	uint32_t len = form == RESET_CUT ? p->payload : p->payload + p->payload_len;

	if (p->tuple.ipproto != 6 || len > cap)
		return 0;
	memcpy(out, p->data, p->payload);
	memset(out + p->payload, 0, len - p->payload);
	uint8_t *t = out + p->l4;
	put16(t + 4, seq >> 16);
	put16(t + 6, seq & 0xffff);
	t[13] = TCP_RST | TCP_ACK;
	put16(t + 18, 0);
	if (p->v6)
		put16(out + 4, len - 40);
	else
		put16(out + 2, len);
	rewrite_checksums(out, len, p->l4, p->v6);
	return len;
}

uint32_t rewrite_octet(const struct pkt *p, uint8_t octet, uint8_t *out, uint32_t cap)
{
	uint32_t len = p->payload + p->payload_len;

	if (p->payload_len != 1 || len > cap)
		return 0;
	memcpy(out, p->data, p->payload);
	out[p->payload] = octet;
	rewrite_checksums(out, len, p->l4, p->v6);
	return len;
}
