/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/overlay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEAD        "otfw-overlay 1\n"
#define TIME_MAX    (INT64_MAX / 4)
#define MINUTE      INT64_C(60000000)
#define LINE_MAX_OF (OVERLAY_OPERATION + 64)

struct overlay_entry *overlay_find(struct overlay *o, bool permit, const char *name)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->list[i].permit == permit && strcmp(o->list[i].name, name) == 0)
			return &o->list[i];
	return NULL;
}

void overlay_remove(struct overlay *o, const struct overlay_entry *e)
{
	size_t i = (size_t)(e - o->list);

	memmove(&o->list[i], &o->list[i + 1], (o->n - i - 1) * sizeof(o->list[0]));
	o->n--;
}

bool overlay_over(const struct overlay_entry *e, const struct island_now *now)
{
	if (strcmp(e->boot, now->boot) == 0)
		return now->boot_us >= e->until_boot_us || e->until_boot_us - now->boot_us > LEND_MAX_US;
	return !now->clock_good || now->wall_us < e->since_us || now->wall_us >= e->until_us;
}

void overlay_carry(struct overlay_entry *e, const struct island_now *now)
{
	if (strcmp(e->boot, now->boot) == 0)
		return;
	e->until_boot_us = now->boot_us + (e->until_us - now->wall_us);
	memcpy(e->boot, now->boot, sizeof(e->boot));
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

unsigned overlay_warnings(const struct overlay_entry *e, int64_t boot_us, int64_t *next_us)
{
	const int64_t before[] = {lesser(10 * MINUTE, e->for_us / 3), lesser(MINUTE, e->for_us / 15)};
	int64_t left = e->until_boot_us - boot_us;
	unsigned n = 0;

	*next_us = INT64_MAX;
	for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		if (left <= before[i])
			n++;
		else
			*next_us = lesser(*next_us, left - before[i]);
	return n;
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool overlay_name_good(bool permit, const char *name)
{
	size_t n = strnlen(name, OVERLAY_NAME), slashes = 0;

	if (n == 0 || n == OVERLAY_NAME || !alnum(name[0]))
		return false;
	for (size_t i = 0; i < n; i++) {
		slashes += name[i] == '/';
		if (!alnum(name[i]) && (permit || !strchr("-_./", name[i])))
			return false;
	}
	return slashes == (permit ? 0 : 1) && name[n - 1] != '/';
}

bool overlay_line_good(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	if (n == 0 || n == cap)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
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
	o->len = n < 0 || (size_t)n >= o->cap - o->len ? o->cap : o->len + (size_t)n;
}

size_t overlay_print(const struct overlay *o, char *buf, size_t cap)
{
	struct out out = {.buf = buf, .cap = cap};

	put(&out, HEAD);
	for (unsigned i = 0; i < o->n; i++) {
		const struct overlay_entry *e = &o->list[i];

		put(&out,
		    "%s %s uid %" PRIu32 " for %" PRId64 " since %" PRId64 " until %" PRId64 " at %" PRId64
		    " of %s needs %u\n",
		    e->permit ? "permit" : "unlock", e->name, e->uid, e->for_us, e->since_us, e->until_us,
		    e->until_boot_us, e->boot, e->needs);
		for (unsigned k = 0; k < e->people; k++)
			put(&out, "login %" PRIu32 "\n", e->login[k]);
		put(&out, "reason %s\n", e->reason);
		if (*e->ticket)
			put(&out, "ticket %s\n", e->ticket);
		if (e->permit)
			put(&out, "operation %s\n", e->operation);
	}
	if (out.len < out.cap)
		put(&out, "sum %016" PRIx64 "\n", islands_sum(0, buf, out.len));
	return out.len < out.cap ? out.len : 0;
}

static bool text_of(char *to, size_t cap, const char *line, size_t skip)
{
	if (*to || !overlay_line_good(line + skip, cap))
		return false;
	strcpy(to, line + skip);
	return true;
}

static bool parse_line(struct overlay *o, const char *line)
{
	struct overlay_entry new = {0}, *last = o->n ? &o->list[o->n - 1] : NULL;
	char kind[8];

	if (sscanf(line,
		   "%7s %159s uid %" SCNu32 " for %" SCNd64 " since %" SCNd64 " until %" SCNd64 " at %" SCNd64
		   " of %39s needs %1u",
		   kind, new.name, &new.uid, &new.for_us, &new.since_us, &new.until_us, &new.until_boot_us,
		   new.boot, &new.needs) != 9) {
		if (last && strncmp(line, "reason ", 7) == 0)
			return text_of(last->reason, sizeof(last->reason), line, 7);
		if (last && strncmp(line, "ticket ", 7) == 0)
			return text_of(last->ticket, sizeof(last->ticket), line, 7);
		if (last && last->permit && strncmp(line, "operation ", 10) == 0)
			return text_of(last->operation, sizeof(last->operation), line, 10);
		return last && last->people < UNLOCK_APPROVALS_MAX &&
		       sscanf(line, "login %" SCNu32, &last->login[last->people++]) == 1;
	}
	new.permit = strcmp(kind, "permit") == 0;
	if ((!new.permit &&strcmp(kind, "unlock") != 0) || !overlay_name_good(new.permit, new.name) ||
	    overlay_find(o, new.permit, new.name) || o->n == OVERLAY_MAX || new.needs < 1 ||
	    new.needs > UNLOCK_APPROVALS_MAX || new.for_us < LEND_MIN_US || new.for_us > LEND_MAX_US ||
	    new.since_us < 0 || new.since_us > TIME_MAX || new.until_us < new.since_us ||
	    new.until_us > new.since_us + LEND_MAX_US || new.until_boot_us < 0 ||
	    new.until_boot_us > TIME_MAX)
		return false;
	o->list[o->n++] = new;
	return true;
}

/* Is text what overlay_print() makes of o? */
static bool prints_as(const struct overlay *o, const char *text, size_t len)
{
	static char again[OVERLAY_TEXT_MAX];

	return overlay_print(o, again, sizeof(again)) == len && memcmp(again, text, len) == 0;
}

int overlay_parse(struct overlay *o, const char *text, size_t len)
{
	size_t at = strlen(HEAD);
	bool good = len > at && memcmp(text, HEAD, at) == 0;

	o->n = 0;
	while (good && at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : 0;
		char line[LINE_MAX_OF];

		good = end && n < sizeof(line);
		if (!good)
			break;
		memcpy(line, text + at, n);
		line[n] = '\0';
		at += n + 1;
		/* The last line is held against our own below. */
		if (strncmp(line, "sum ", 4) == 0 && at == len)
			break;
		good = strlen(line) == n && parse_line(o, line);
	}
	for (unsigned i = 0; good && i < o->n; i++)
		good = o->list[i].people && *o->list[i].reason &&
		       (!o->list[i].permit || *o->list[i].operation);
	if (good && prints_as(o, text, len))
		return 0;
	o->n = 0;
	return -1;
}
