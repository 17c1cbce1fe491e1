/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a candidate would change, of what has come by since it was loaded: engines report each difference (fwd/engine/candidate.h), what the kernel lets
 * through is found in connection tracking (unseen.h), here they are added up. Of fixed bounds: the oldest gives way, which is counted.
 *
 * In memory, and every DIFFER_WRITE_US in differences.db, which belongs to one candidate (by its digest) and is emptied with it. How far each engine's ring had been read
 * is written in the same transaction: a recorder that is started anew reads what is left of the ring, and counts nothing twice.
 */
#ifndef OTFW_FWD_RECORDER_DIFFER_H
#define OTFW_FWD_RECORDER_DIFFER_H

#include "fwd/common/jsonl.h"
#include "fwd/recorder/db.h"

#define DIFFER_KEPT     1024u
#define DIFFER_LINE     8192u /* octets of an event; one that is longer is counted, and not shown */
#define DIFFER_TABLE    2048u /* a power of two, twice DIFFER_KEPT */
#define DIFFER_WRITE_US INT64_C(2000000)

struct differ_entry {
	uint64_t ident; /* 0: free */
	int64_t first_us, last_us;
	uint64_t count;
	bool dirty;  /* not written yet */
	bool kernel; /* a session that the kernel let through, not an operation; count: sessions */
	bool values; /* written ones, as the events carry them: */
	int64_t min, max;
	char *line; /* the newest event, as JSON without its newline; malloc'ed */
	size_t len;
};
struct differ {
	struct db db;
	sqlite3_stmt *put, *head, *place;
	bool dirty;
	bool stale; /* what the database has is another candidate's: that it is none could not be written */
	int64_t written_us;
	uint8_t digest[POLICY_DIGEST]; /* of the candidate */
	int64_t since_us;              /* 0: there is no candidate */
	uint64_t given_up, events, spared;
	unsigned used;
	uint16_t table[DIFFER_TABLE]; /* index + 1; rebuilt when an entry gives way */
	struct differ_entry list[DIFFER_KEPT];
};

/* How far the ring of one memory has been read. */
struct differ_place {
	uint64_t epoch, tail;
};

/* Takes up what was written; without differences.db nothing outlives the recorder, and that has been said. */
void differ_open(struct differ *d);
void differ_close(struct differ *d);
/* The candidate's digest; NULL: there is none. What was counted for another one is forgotten. True: it goes on with what it had. */
bool differ_begin(struct differ *d, const uint8_t *digest, int64_t now_us);
/* How far a ring had been read when its differences were written; 0: never. */
uint64_t differ_read_to(struct differ *d, uint64_t epoch);
/* A difference that an engine has reported, by the candidate p; line: its event. Without a tuple it is one of many that were thinned out. */
void differ_note(struct differ *d, const struct event *e, const char *line, size_t len);
/* The same of a session in connection tracking. */
void differ_session(struct differ *d, const struct event *e, const char *line, size_t len);
/* A session that is known is there still. False: its entry has given way. */
bool differ_again(struct differ *d, const struct event *e);
/* Writes what has changed, when it is time. */
void differ_flush(struct differ *d, const struct differ_place *places, unsigned n, int64_t now_us);
/* Members of the answer: since, kept, events, spared, given-up, and differences, the newest first. What finds no room is said as left-out. */
void differ_print(const struct differ *d, struct jsonl *j);

#endif
