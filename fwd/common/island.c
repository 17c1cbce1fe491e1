/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/island.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEAD     "otfw-island 1\n"
#define TIME_MAX (INT64_MAX / 4)

struct island *islands_find(struct islands *s, const char *zone, bool override)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->list[i].override == override && strcmp(s->list[i].zone, zone) == 0)
			return &s->list[i];
	return NULL;
}

struct island *islands_put(struct islands *s, const struct island *new)
{
	struct island *is = islands_find(s, new->zone, new->override);
	bool safety = new->safety;

	if (is)
		safety |= is->safety;
	else if (s->n < ISLAND_MAX)
		is = &s->list[s->n++];
	else
		return NULL;
	*is = *new;
	is->safety = safety;
	return is;
}

void islands_remove(struct islands *s, const struct island *is)
{
	size_t i = (size_t)(is - s->list);

	memmove(&s->list[i], &s->list[i + 1], (s->n - i - 1) * sizeof(s->list[0]));
	s->n--;
}

bool island_over(const struct island *is, const struct island_now *now)
{
	if (!is->override)
		return false;
	if (strcmp(is->boot, now->boot) == 0)
		return now->boot_us >= is->until_boot_us ||
		       is->until_boot_us - now->boot_us > OVERRIDE_MAX_US;
	return !now->clock_good || now->wall_us < is->since_us || now->wall_us >= is->until_us;
}

void island_carry(struct island *is, const struct island_now *now)
{
	if (!is->override || strcmp(is->boot, now->boot) == 0)
		return;
	is->until_boot_us = now->boot_us + (is->until_us - now->wall_us);
	memcpy(is->boot, now->boot, sizeof(is->boot));
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool island_zone_good(const char *zone)
{
	size_t n = strnlen(zone, ISLAND_ZONE);

	if (n == 0 || n == ISLAND_ZONE || !alnum(zone[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!alnum(zone[i]) && !strchr("-_.", zone[i]))
			return false;
	return true;
}

bool island_reason_good(const char *reason)
{
	size_t n = strnlen(reason, ISLAND_REASON);

	if (n == 0 || n == ISLAND_REASON || reason[0] == ' ' || reason[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)reason[i] < 0x20 || reason[i] == 0x7f)
			return false;
	return true;
}

/* ---- text ---- */

struct out {
	char *buf;
	size_t cap, len;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->len >= o->cap)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->cap - o->len, fmt, ap);
	va_end(ap);
	/* What does not fit makes len reach cap: nothing follows it. */
	o->len = n < 0 || (size_t)n >= o->cap - o->len ? o->cap : o->len + (size_t)n;
}

uint64_t islands_sum(uint64_t sum, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	uint64_t h = sum ? sum : UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

size_t islands_print(const struct islands *s, char *buf, size_t cap)
{
	struct out o = {.buf = buf, .cap = cap};

	put(&o, HEAD);
	for (unsigned i = 0; i < s->n; i++) {
		const struct island *is = &s->list[i];

		if (is->override)
			put(&o,
			    "override %s uid %" PRIu32 " since %" PRId64 " until %" PRId64 " at %" PRId64
			    " of %s\n",
			    is->zone, is->uid, is->since_us, is->until_us, is->until_boot_us, is->boot);
		else
			put(&o, "isolate %s uid %" PRIu32 " since %" PRId64 " safety %d\n", is->zone, is->uid,
			    is->since_us, is->safety);
		put(&o, "reason %s\n", is->reason);
		for (unsigned k = 0; k < is->nnets; k++) {
			put(&o, "net ");
			for (unsigned b = 0; b < 16; b++)
				put(&o, "%02x", is->nets[k].ip[b]);
			put(&o, "/%u\n", is->nets[k].plen);
		}
	}
	if (o.len < o.cap)
		put(&o, "sum %016" PRIx64 "\n", islands_sum(0, buf, o.len));
	return o.len < o.cap ? o.len : 0;
}

static bool parse_net(const char *line, struct policy_net *net)
{
	unsigned plen;

	for (unsigned b = 0; b < 16; b++) {
		unsigned octet;

		if (sscanf(line + 2 * b, "%2x", &octet) != 1)
			return false;
		net->ip[b] = (uint8_t)octet;
	}
	if (sscanf(line + 32, "/%3u", &plen) != 1 || plen > 128)
		return false;
	net->plen = (uint8_t)plen;
	return true;
}

static bool parse_line(struct islands *s, const char *line)
{
	struct island new = {0}, *last = s->n ? &s->list[s->n - 1] : NULL;
	int safety = 0;

	if (sscanf(line,
		   "override %63s uid %" SCNu32 " since %" SCNd64 " until %" SCNd64 " at %" SCNd64 " of %39s",
		   new.zone, &new.uid, &new.since_us, &new.until_us, &new.until_boot_us, new.boot) == 6)
		new.override = true;
	else if (sscanf(line, "isolate %63s uid %" SCNu32 " since %" SCNd64 " safety %1d", new.zone, &new.uid,
			&new.since_us, &safety) == 4)
		new.safety = safety == 1;
	else if (last && strncmp(line, "reason ", 7) == 0 && !*last->reason && island_reason_good(line + 7))
		return strcpy(last->reason, line + 7), true;
	else if (last && strncmp(line, "net ", 4) == 0 && strlen(line) > 36 && last->nnets < ISLAND_NETS)
		return parse_net(line + 4, &last->nets[last->nnets++]);
	else
		return false;
	if (new.since_us < 0 || new.since_us > TIME_MAX || new.until_boot_us < 0 ||
	    new.until_boot_us > TIME_MAX ||
	    (new.override && (new.until_us - new.since_us < OVERRIDE_MIN_US ||
			      new.until_us - new.since_us > OVERRIDE_MAX_US)))
		return false;
	if (!island_zone_good(new.zone) || islands_find(s, new.zone, new.override) || s->n == ISLAND_MAX)
		return false;
	s->list[s->n++] = new;
	return true;
}

/* Is text what islands_print() makes of s? */
static bool prints_as(const struct islands *s, const char *text, size_t len)
{
	static char again[ISLAND_TEXT_MAX];

	return islands_print(s, again, sizeof(again)) == len && memcmp(again, text, len) == 0;
}

int islands_parse(struct islands *s, const char *text, size_t len)
{
	size_t at = strlen(HEAD);
	bool good = len > at && memcmp(text, HEAD, at) == 0;

	s->n = 0;
	while (good && at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : 0;
		char line[256];

		good = end && n < sizeof(line);
		if (!good)
			break;
		memcpy(line, text + at, n);
		line[n] = '\0';
		at += n + 1;
		/* The last line is held against our own below. */
		if (strncmp(line, "sum ", 4) == 0 && at == len)
			break;
		good = strlen(line) == n && parse_line(s, line);
	}
	for (unsigned i = 0; good && i < s->n; i++)
		good = *s->list[i].reason != '\0';
	/* One text for one list: leading zeros, blanks, a wrong sum, lines left out or out of order all differ from it. */
	if (good && prints_as(s, text, len))
		return 0;
	s->n = 0;
	return -1;
}
