/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit chain: records numbered from 1, each a line of JSON that begins with its number and time; its digest is SHA-256 over the digest before it (32
 * octets of 0 before the first) and the line. Whoever changes, removes or moves a record must make all digests after it anew; whoever has noted one
 * of them (the journal, the event log) sees that.
 */
#ifndef OTFW_FWD_COMMON_CHAIN_H
#define OTFW_FWD_COMMON_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_DIGEST 32
#define CHAIN_HEX    (2 * CHAIN_DIGEST + 1)
#define CHAIN_WHY    160

void chain_digest(const uint8_t before[CHAIN_DIGEST], const void *text, size_t len,
		  uint8_t out[CHAIN_DIGEST]);
/* 64 hexadecimal digits and nothing else. */
bool chain_read_hex(const char *hex, uint8_t out[CHAIN_DIGEST]);

/* Checking, record by record in the order in which they are kept. All 0 at first. */
struct chain {
	int64_t n; /* of the last record seen */
	uint8_t digest[CHAIN_DIGEST];
	bool gap; /* the last one had no digest: the next cannot be checked */
};
/* False, with a sentence that names the record, when this one is not what must follow. Goes on behind it in either case. */
bool chain_check(struct chain *c, int64_t n, const char *text, size_t len, const void *digest,
		 size_t digest_len, char why[CHAIN_WHY]);

#endif
