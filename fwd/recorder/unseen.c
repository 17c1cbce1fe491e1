/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/unseen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/sessions.h"

#define LINE_LONGEST 2048u /* of connection tracking; with labels and zones about 400 */

static uint64_t hash(const struct tuple *t)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	uint8_t v[37];

	memcpy(v, t->src, 16);
	memcpy(v + 16, t->dst, 16);
	v[32] = (uint8_t)(t->sport >> 8);
	v[33] = (uint8_t)t->sport;
	v[34] = (uint8_t)(t->dport >> 8);
	v[35] = (uint8_t)t->dport;
	v[36] = t->ipproto;
	for (size_t i = 0; i < sizeof(v); i++)
		h = (h ^ v[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h ? h : 1;
}

/* ---- sessions that are known ---- */

/* Its place, or the free one that it would get. A quarter is free: this ends. */
static struct unseen_known *place_of(struct unseen_known *v, uint64_t ident)
{
	size_t i = (size_t)(ident % UNSEEN_KNOWN);

	while (v[i].ident && v[i].ident != ident)
		i = (i + 1) % UNSEEN_KNOWN;
	return &v[i];
}

/* What two passes have not found has ended: one may miss an entry, since the table changes while it is read. */
static void sweep(struct unseen *u)
{
	static struct unseen_known kept[UNSEEN_KNOWN];

	memset(kept, 0, sizeof(kept));
	u->nknown = 0;
	for (size_t i = 0; i < UNSEEN_KNOWN; i++)
		if (u->known[i].ident && u->pass - u->known[i].pass <= 1) {
			*place_of(kept, u->known[i].ident) = u->known[i];
			u->nknown++;
		}
	memcpy(u->known, kept, sizeof(kept));
}

/* ---- one of them ---- */

static bool differs(const struct policy *now, const struct policy *next, struct event *e)
{
	struct route was, then;

	policy_route(now, &e->tuple, false, &was);
	if (was.reason != REASON_NONE || was.lane != LANE_KERNEL)
		return false; /* an engine's, or denied */
	policy_route(next, &e->tuple, false, &then);
	if (then.reason == REASON_NONE && then.lane != LANE_INSPECTED)
		return false;
	bool looked_at = then.reason == REASON_NONE && then.proto >= 0;
	e->type = looked_at ? EVENT_UNINSPECTED : EVENT_SHADOW_DENY;
	e->reason = (uint16_t)(looked_at                    ? REASON_NONE
			       : then.reason != REASON_NONE ? then.reason
							    : REASON_NO_RULE);
	e->zone = then.zone;
	e->conduit = then.conduit;
	e->proto = (int16_t)(looked_at ? then.proto : -1);
	e->mode = (uint8_t)then.mode;
	e->failure = (uint8_t)then.failure;
	return true;
}

bool unseen_line(struct recorder *r, char *line, int64_t now_us)
{
	static char text[DIFFER_LINE];
	struct unseen *u = &r->unseen;
	const struct policy *now = image_newest(r);
	struct event e = {.ts_us = now_us,
			  .generation = r->candidate.generation,
			  .has = EVENT_HAS_TUPLE,
			  .rule = POLICY_NO_RULE,
			  .candidate = true,
			  .count = 1};
	struct jsonl j;

	if (!now || !r->candidate.mem || !sessions_tuple(line, &e.tuple) ||
	    !differs(now, &r->candidate.policy, &e))
		return false;
	e.transport = (uint8_t)(e.tuple.ipproto == 6    ? TRANSPORT_TCP
				: e.tuple.ipproto == 17 ? TRANSPORT_UDP
							: 0);
	struct unseen_known *k = place_of(u->known, hash(&e.tuple));
	/* At the first look after a restart, those of a difference that was written are taken for the sessions it has counted. */
	if ((k->ident || u->resumed) && differ_again(&r->differ, &e)) {
		if (!k->ident && u->nknown < UNSEEN_KNOWN / 4 * 3) {
			k->ident = hash(&e.tuple);
			u->nknown++;
		}
		if (k->ident)
			k->pass = u->pass;
		return true;
	}
	if (!k->ident && u->nknown == UNSEEN_KNOWN / 4 * 3) {
		u->missed++;
		if (differ_again(&r->differ, &e))
			return true;
	} else if (!k->ident) {
		k->ident = hash(&e.tuple);
		u->nknown++;
	}
	if (k->ident)
		k->pass = u->pass;
	jsonl_open(&j, text, sizeof(text));
	jsonl_event(&j, &e, &r->candidate.policy, NULL, NULL, 0);
	if (!j.cut)
		differ_session(&r->differ, &e, text, j.len - 1);
	return true;
}

/* ---- passes ---- */

static void pass_ends(struct unseen *u, int64_t now_us)
{
	sweep(u);
	u->next_us = now_us + UNSEEN_EVERY_US;
	u->at = 0;
	u->have = 0;
	u->pass++;
	u->passes++;
	u->resumed = false;
}

void unseen_look(struct recorder *r)
{
	struct unseen *u = &r->unseen;
	int64_t now_us = clock_us();
	size_t turn = 0;

	/* The wall clock may be set back. */
	if (u->next_us - now_us > UNSEEN_EVERY_US)
		u->next_us = now_us;
	if (r->track_fd < 0 || !r->candidate.mem || !r->nimages || now_us < u->next_us)
		return;
	while (turn < UNSEEN_TURN && clock_us() - now_us < UNSEEN_TURN_US) {
		char *line = u->part, *end;
		ssize_t n = pread(r->track_fd, u->part + u->have, sizeof(u->part) - 1 - u->have, u->at);
		if (n <= 0) {
			pass_ends(u, now_us);
			return;
		}
		u->at += n;
		turn += (size_t)n;
		u->have += (size_t)n;
		u->part[u->have] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			unseen_line(r, line, now_us);
			line = end + 1;
		}
		u->have -= (size_t)(line - u->part);
		memmove(u->part, line, u->have);
		if (u->have > LINE_LONGEST)
			u->have = 0; /* no line is that long */
	}
	if (u->at > UNSEEN_PASS) /* it grows while it is read: there is an end to it */
		pass_ends(u, now_us);
}

/* ---- counters ---- */

/* "CONDUIT/FLOW" */
static const char *conduit_of(const struct ledger_flow *f, char name[2 * LEDGER_NAME])
{
	char *slash;

	snprintf(name, 2 * LEDGER_NAME, "%s", f->name);
	slash = strrchr(name, '/');
	if (slash)
		*slash = '\0';
	return name;
}

static struct unseen_counter *counter(struct unseen_counters *c, const char *what, const char *name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->list[i].what, what) == 0 && strcmp(c->list[i].name, name) == 0)
			return &c->list[i];
	if (c->n == UNSEEN_COUNTERS)
		return NULL;
	c->list[c->n] = (struct unseen_counter){.packets = 0};
	snprintf(c->list[c->n].what, sizeof(c->list[0].what), "%s", what);
	snprintf(c->list[c->n].name, sizeof(c->list[0].name), "%s", name);
	return &c->list[c->n++];
}

static void count(const struct ledger *l, struct unseen_counters *c)
{
	char name[2 * LEDGER_NAME];
	struct unseen_counter *x;

	c->n = 0;
	for (unsigned i = 0; i < l->nflows; i++)
		if ((x = counter(c, "safety", conduit_of(&l->flows[i], name))) != NULL)
			x->packets += l->flows[i].in[1];
	for (unsigned i = 0; i < l->nzones; i++)
		if ((x = counter(c, "unlisted", l->zones[i].name)) != NULL)
			x->packets += l->zones[i].drop[1][DROP_UNLISTED];
}

static void base_load(struct unseen *u, struct db *db)
{
	sqlite3_stmt *s = db_prepare(db, "SELECT name, packets FROM counter");

	u->base.n = 0;
	u->based = false;
	while (s && db_step(db, s) == SQLITE_ROW) {
		char text[32 + LEDGER_NAME * 2];
		char *blank;
		struct unseen_counter *x;
		snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(s, 0));
		blank = strchr(text, ' ');
		if (!blank)
			continue;
		*blank = '\0';
		if ((x = counter(&u->base, text, blank + 1)) != NULL)
			x->packets = (uint64_t)sqlite3_column_int64(s, 1);
		u->based = true;
	}
	sqlite3_finalize(s);
}

static void base_keep(const struct unseen *u, struct db *db)
{
	sqlite3_stmt *s = db_prepare(db, "INSERT OR REPLACE INTO counter VALUES (?1, ?2)");
	bool good = s && db_run(db, "BEGIN IMMEDIATE");

	for (unsigned i = 0; good && i < u->base.n; i++) {
		char text[32 + LEDGER_NAME * 2];
		snprintf(text, sizeof(text), "%s %s", u->base.list[i].what, u->base.list[i].name);
		sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(s, 2, (int64_t)u->base.list[i].packets);
		good = db_step(db, s) == SQLITE_DONE;
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	if (good)
		db_run(db, "COMMIT");
	else if (db->sql && sqlite3_get_autocommit(db->sql) == 0)
		db_run(db, "ROLLBACK");
}

void unseen_begin(struct recorder *r, bool same)
{
	struct unseen *u = &r->unseen;

	memset(u, 0, sizeof(*u));
	u->pass = 1;
	u->resumed = same;
	if (same)
		base_load(u, &r->differ.db);
	u->wanted = r->candidate.mem && !u->based;
}

bool unseen_due(struct recorder *r)
{
	bool due = r->unseen.wanted && !r->unseen.asked && r->nimages > 0;

	r->unseen.asked |= due;
	return due;
}

void unseen_ledger(struct recorder *r)
{
	struct unseen *u = &r->unseen;

	u->read = r->ledger.good;
	if (!r->candidate.mem || !u->read)
		return;
	count(&r->ledger, &u->now);
	if (!u->wanted)
		return;
	u->base = u->now;
	u->based = true;
	u->wanted = false;
	base_keep(u, &r->differ.db);
}

/* Since the candidate came; what counts less than it did has begun anew. */
static uint64_t since(const struct unseen *u, const struct unseen_counter *now)
{
	for (unsigned i = 0; i < u->base.n; i++) {
		const struct unseen_counter *b = &u->base.list[i];
		if (strcmp(b->what, now->what) == 0 && strcmp(b->name, now->name) == 0)
			return now->packets >= b->packets ? now->packets - b->packets : now->packets;
	}
	return now->packets;
}

void unseen_print(const struct recorder *r, struct jsonl *j)
{
	const struct unseen *u = &r->unseen;

	jsonl_object(j, "kernel");
	jsonl_bool(j, "tracking", r->track_fd >= 0);
	jsonl_uint(j, "passes", u->passes);
	jsonl_uint(j, "missed", u->missed);
	if (!u->based || !u->read) {
		jsonl_null(j, "counters");
	} else {
		jsonl_array(j, "counters");
		for (unsigned i = 0; i < u->now.n; i++) {
			jsonl_object(j, NULL);
			jsonl_str(j, "what", u->now.list[i].what);
			jsonl_str(j, "name", u->now.list[i].name);
			jsonl_uint(j, "packets", since(u, &u->now.list[i]));
			jsonl_object_end(j);
		}
		jsonl_array_end(j);
	}
	jsonl_object_end(j);
}
