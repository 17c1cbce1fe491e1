/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the audit chain is read from, and how it is held against what was noted of it. */
#include "fwd/ctl/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_S 20

/* ---- the running firewall ---- */

static void part_take(const json_t *part, audit_take *take, void *ctx)
{
	json_t *record;
	size_t i;

	json_array_foreach(json_object_get(part, "records"), i, record)
	{
		const json_t *text = json_array_get(record, 1);
		const char *hex = json_string_value(json_array_get(record, 2));
		uint8_t digest[CHAIN_DIGEST];
		bool good = hex && chain_read_hex(hex, digest);

		take(ctx, (int64_t)json_integer_value(json_array_get(record, 0)),
		     json_is_string(text) ? json_string_value(text) : "", json_string_length(text), digest,
		     good ? sizeof(digest) : 0);
	}
}

bool audit_read_live(const struct command *cmd, const struct ask *a, audit_take *take, void *ctx,
		     struct audit_head *head)
{
	long long from = 0;

	for (;;) {
		char request[64];

		snprintf(request, sizeof(request), "{\"cmd\":\"audit\",\"from\":%lld}\n", from);
		char *text = ask_text(cmd, a, request, TIMEOUT_S);
		json_t *part = text ? ask_answer(cmd, a, text) : NULL;
		const json_t *next = json_object_get(part, "next");
		const char *hex = json_string_value(json_object_get(part, "head"));
		long long at = (long long)json_integer_value(next);

		free(text);
		if (!part)
			return false;
		if (!json_is_true(json_object_get(part, "read"))) {
			ctl_error(cmd, "the recorder cannot read its audit chain");
			json_decref(part);
			return false;
		}
		/* The head as the first part has it: later records may be added while the rest is read. */
		if (from == 0) {
			*head = (struct audit_head){.n = ask_number(part, "n"),
						    .waiting = ask_number(part, "waiting"),
						    .lost = ask_number(part, "lost")};
			head->known = hex && chain_read_hex(hex, head->digest);
		}
		part_take(part, take, ctx);
		bool more = json_is_integer(next);
		json_decref(part);
		if (!more)
			return true;
		if (at <= from) {
			ctl_error(cmd, "%s: the answer does not go on", a->path);
			return false;
		}
		from = at;
	}
}

/* ---- a file ---- */

static sqlite3 *file_open(const struct command *cmd, const char *path)
{
	sqlite3 *db = NULL;

	if (access(path, R_OK) != 0) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		ctl_error(cmd, "%s: %s", path, db ? sqlite3_errmsg(db) : "no memory");
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

bool audit_read_file(const struct command *cmd, const char *path, audit_take *take, void *ctx)
{
	sqlite3 *db = file_open(cmd, path);
	sqlite3_stmt *s = NULL;
	int rc;

	if (!db)
		return false;
	rc = sqlite3_prepare_v2(db, "SELECT n, text, digest FROM record ORDER BY n", -1, &s, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(s);
		if (rc != SQLITE_ROW)
			break;
		const char *text = (const char *)sqlite3_column_text(s, 1);

		take(ctx, sqlite3_column_int64(s, 0), text ? text : "", (size_t)sqlite3_column_bytes(s, 1),
		     sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2));
	}
	if (rc != SQLITE_DONE)
		ctl_error(cmd, "%s: %s", path, sqlite3_errmsg(db));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return rc == SQLITE_DONE;
}

/* ---- against what was noted ---- */

static void found(struct audit_check *c, const char *why)
{
	struct audit_found *f = c->found;

	if (f->n == AUDIT_FINDINGS)
		f->more++;
	else
		snprintf(f->why[f->n++], CHAIN_WHY, "%s", why);
}

static int by_number(const void *a, const void *b)
{
	const struct audit_note *x = a, *y = b;

	return x->n < y->n ? -1 : x->n > y->n;
}

void audit_check_begin(struct audit_check *c, struct audit_found *f, struct audit_note *notes, size_t nnotes)
{
	*f = (struct audit_found){.records = 0};
	*c = (struct audit_check){.found = f, .notes = notes, .nnotes = nnotes};
	if (nnotes)
		qsort(notes, nnotes, sizeof(*notes), by_number);
}

void audit_check_take(void *ctx, int64_t n, const char *text, size_t len, const void *digest,
		      size_t digest_len)
{
	struct audit_check *c = ctx;
	char why[CHAIN_WHY];
	size_t lo = 0, hi = c->nnotes;

	c->found->records++;
	if (!chain_check(&c->chain, n, text, len, digest, digest_len, why))
		found(c, why);
	memcpy(c->found->head, c->chain.digest, CHAIN_DIGEST);
	if (digest_len != CHAIN_DIGEST)
		return;
	/* Notes without a number come first: there are few. */
	for (size_t i = 0; i < c->nnotes && c->notes[i].n == 0; i++)
		if (memcmp(c->notes[i].digest, digest, CHAIN_DIGEST) == 0)
			c->notes[i].seen = true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->notes[mid].n < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (bool told = false; lo < c->nnotes && c->notes[lo].n == n; lo++) {
		c->notes[lo].seen = true;
		if (told || memcmp(c->notes[lo].digest, digest, CHAIN_DIGEST) == 0)
			continue;
		snprintf(why, sizeof(why),
			 "record %" PRId64 " is not the one that %s knows: the chain was made anew", n,
			 c->notes[lo].from);
		found(c, why);
		told = true;
	}
}

void audit_check_head(struct audit_check *c, const struct audit_head *head)
{
	char why[CHAIN_WHY];

	if (!head->known || head->n < c->chain.n)
		return;
	if (head->n > c->chain.n)
		snprintf(why, sizeof(why),
			 "the chain ends at record %" PRId64 ", and the recorder has written %" PRId64,
			 c->chain.n, head->n);
	else if (memcmp(head->digest, c->chain.digest, CHAIN_DIGEST) != 0)
		snprintf(why, sizeof(why), "record %" PRId64 " is not the one that the recorder has written",
			 head->n);
	else
		return;
	found(c, why);
}

void audit_check_end(struct audit_check *c)
{
	const struct audit_note *last = c->nnotes ? &c->notes[c->nnotes - 1] : NULL;
	int64_t end = c->chain.n;
	char why[CHAIN_WHY];

	for (size_t i = 0; i < c->nnotes && c->notes[i].n == 0; i++)
		if (!c->notes[i].seen) {
			snprintf(
				why, sizeof(why),
				"no record has the digest that %s knows: the chain was cut off behind record %" PRId64
				", or made anew",
				c->notes[i].from, end);
			found(c, why);
		}
	if (!last || last->n <= end)
		return;
	if (last->n == end + 1)
		snprintf(why, sizeof(why), "record %" PRId64 " is missing at the end: %s knows it", last->n,
			 last->from);
	else
		snprintf(why, sizeof(why),
			 "records %" PRId64 " to %" PRId64 " are missing at the end: %s knows them", end + 1,
			 last->n, last->from);
	found(c, why);
}
