/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: packet headers. What parses lies inside the input, and what is rewritten parses again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/engine/rewrite.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[65536];

static void check_rewritten(const struct pkt *p, uint32_t n, uint32_t payload_len)
{
	struct pkt q;

	CHECK(pkt_parse(out, n, &q) == REASON_NONE);
	CHECK(q.len == n && q.payload_len == payload_len);
	CHECK(memcmp(&q.tuple, &p->tuple, sizeof q.tuple) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkt p;

	if (size > 65535)
		return 0;
	enum reason r = pkt_parse(data, (uint32_t)size, &p);
	CHECK(r == REASON_NONE || r == REASON_BAD_PACKET || r == REASON_FRAGMENT || r == REASON_TRANSPORT ||
	      r == REASON_TRUNCATED);
	if (r != REASON_NONE && r != REASON_TRUNCATED)
		return 0;
	CHECK(p.data == data && p.l4 < p.payload && p.payload <= size);
	CHECK(p.payload + p.payload_len == p.len);
	CHECK((p.len > size) == (r == REASON_TRUNCATED));
	if (r == REASON_TRUNCATED)
		return 0;
	if (p.payload_len == 1)
		check_rewritten(&p, rewrite_octet(&p, 7, out, sizeof out), 1);
	if (p.tuple.ipproto != 6)
		return 0;
	check_rewritten(&p, rewrite_reset(&p, RESET_CUT, 1, out, sizeof out), 0);
	check_rewritten(&p, rewrite_reset(&p, RESET_KEEP, 1, out, sizeof out), p.payload_len);
	return 0;
}
