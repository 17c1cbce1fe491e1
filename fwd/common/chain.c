/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/chain.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(CHAIN_DIGEST == crypto_hash_sha256_BYTES, "the digest is SHA-256");

void chain_digest(const uint8_t before[CHAIN_DIGEST], const void *text, size_t len, uint8_t out[CHAIN_DIGEST])
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, before, CHAIN_DIGEST);
	crypto_hash_sha256_update(&s, text, len);
	crypto_hash_sha256_final(&s, out);
}

bool chain_read_hex(const char *hex, uint8_t out[CHAIN_DIGEST])
{
	size_t n = 0;

	return strlen(hex) == CHAIN_HEX - 1 &&
	       sodium_hex2bin(out, CHAIN_DIGEST, hex, CHAIN_HEX - 1, NULL, &n, NULL) == 0 &&
	       n == CHAIN_DIGEST;
}

/* The number that a record's text says it has, -1: it says none. */
static int64_t number_of(const char *text, size_t len)
{
	static const char begin[] = "{\"n\":";
	int64_t n = 0;
	size_t at = sizeof(begin) - 1, from = at;

	if (len <= at || memcmp(text, begin, at) != 0)
		return -1;
	for (; at < len && text[at] >= '0' && text[at] <= '9' && at - from < 18; at++)
		n = n * 10 + (text[at] - '0');
	return at > from && at < len && text[at] == ',' ? n : -1;
}

bool chain_check(struct chain *c, int64_t n, const char *text, size_t len, const void *digest,
		 size_t digest_len, char why[CHAIN_WHY])
{
	int64_t want = c->n + 1, says = number_of(text, len);
	uint8_t made[CHAIN_DIGEST];
	bool gap = c->gap;

	why[0] = '\0';
	chain_digest(c->digest, text, len, made);
	c->gap = false;
	if (n < want)
		snprintf(why, CHAIN_WHY, "record %" PRId64 " stands behind record %" PRId64, n, c->n);
	else if (n == want + 1)
		snprintf(why, CHAIN_WHY, "record %" PRId64 " is missing", want);
	else if (n > want)
		snprintf(why, CHAIN_WHY, "records %" PRId64 " to %" PRId64 " are missing", want, n - 1);
	else if (says != n && says > 0)
		snprintf(why, CHAIN_WHY, "record %" PRId64 " holds the text of record %" PRId64, n, says);
	else if (digest_len != CHAIN_DIGEST || (!gap && memcmp(made, digest, CHAIN_DIGEST) != 0) || says != n)
		snprintf(why, CHAIN_WHY,
			 "record %" PRId64 " is not as it was written: its text or a digest was changed", n);
	c->n = n;
	if (digest_len == CHAIN_DIGEST)
		memcpy(c->digest, digest, CHAIN_DIGEST);
	else
		c->gap = true;
	return why[0] == '\0';
}
