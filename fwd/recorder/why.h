/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was denied, by a short id that people can say: the last WHY_KEPT different denials, with the newest event of each. The same client
 * that is refused the same operation for the same reason has one id, however often: a poll that is denied every second cannot push out what
 * happened once. In memory, and in why.db, which survives restarts.
 */
#ifndef OTFW_FWD_RECORDER_WHY_H
#define OTFW_FWD_RECORDER_WHY_H

#include "fwd/common/jsonl.h"
#include "fwd/recorder/db.h"

#define WHY_KEPT 10000u
#define WHY_ID   7 /* six of Crockford's digits, terminated */

struct why_entry {
	uint64_t ident;
	uint32_t id;   /* 30 bits; unique among those kept */
	uint32_t next; /* in its bucket: index + 1, 0 ends */
	int64_t first_us, last_us;
	uint64_t times;
	bool again; /* seen since the hand last went by */
};
#define WHY_BUCKETS 16384u

struct why {
	struct db db;
	sqlite3_stmt *put, *get;
	bool begun; /* a transaction is open */
	uint32_t used, hand;
	uint32_t buckets[WHY_BUCKETS];
	struct why_entry list[WHY_KEPT];
};

/* Reads what is kept. Without a database ids last as long as the process, and `otfwctl why` finds none. */
void why_open(struct why *w);
void why_close(struct why *w);
/*
 * Is this event one that has an id? Then its id in text, and its place for why_keep(). An event that was read before (the recorder
 * was restarted, the ring was not) has the id that it had.
 */
bool why_id(struct why *w, const struct event *e, const struct policy *p, char text[WHY_ID], uint32_t *place);
/* The event's line, without its newline. */
void why_keep(struct why *w, uint32_t place, const char *line, size_t len);
/* What was kept goes to the database in one piece. */
void why_flush(struct why *w);
/* The answer to {"cmd":"why","id":...}: false where there is none such. Digits may be written as people read them: small, o for 0, i and l for 1. */
bool why_print(struct why *w, const char *id, struct jsonl *j);

#endif
