/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * learn.db: the shapes of what passed in conduits that learn, with counts, times, days and values. Its size is bounded: what is new beyond
 * LEARN_ROWS is counted as lost and said, what is known goes on being counted.
 */
#ifndef OTFW_FWD_RECORDER_LEARN_H
#define OTFW_FWD_RECORDER_LEARN_H

#include "fwd/common/jsonl.h"
#include "fwd/common/learn.h"
#include "fwd/recorder/db.h"

#define LEARN_ROWS        200000u
#define LEARN_CLIENTS     20000u
#define LEARN_FAULTS_KEPT 2000u /* kinds; others are counted as lost */
#define LEARN_FAULTS_SAID 1000u
#define LEARN_A_TURN      2048u /* shapes of one queue, so that a flood in one does not silence the others */

struct learn_db {
	struct db db;
	sqlite3_stmt *more, *fresh, *client_more, *client_fresh, *place, *fault_more, *fault_fresh;
	uint64_t rows, clients, faults;
	uint64_t lost;    /* new shapes, and faults, for which there was no room, or no database */
	uint64_t unknown; /* of generations whose names are gone */
	bool begun, told;
};

void learn_open(struct learn_db *l);
void learn_close(struct learn_db *l);
/* One shape as an engine told it; conduit: its name. */
void learn_keep(struct learn_db *l, const char *conduit, const struct shape *s);
/*
 * A message that passed only because its conduit learns, and that no rule can allow (protocols/reason.h): an event of the policy in force. A ring that is read a second
 * time has nothing new to say.
 */
void learn_fault(struct learn_db *l, const struct event *e, const struct policy *p);
/* Member "faults" of an answer: those last seen at or after since_us, the most frequent first, LEARN_FAULTS_SAID at most. */
void learn_faults_print(struct learn_db *l, int64_t since_us, struct jsonl *j);
/* One engine's ring. */
struct learn_reader {
	struct learn *learn;
	uint64_t epoch, tail;
	uint64_t lost; /* overwritten before they were read */
};
void learn_begin(struct learn_db *l, struct learn_reader *in, struct learn *learn, uint64_t epoch);
/* Keeps what is new in it, LEARN_A_TURN at most. policy_of: the image of a generation, or NULL. */
void learn_drain(struct learn_db *l, struct learn_reader *in,
		 const struct policy *(*policy_of)(void *ctx, uint32_t generation), void *ctx);
/* Ends the transaction of this turn. */
void learn_flush(struct learn_db *l);
/*
 * Everything last seen at or after since_us, as a file without a name (struct learn_file). The descriptor, or -1 after having said why;
 * *shapes: how many there are in it.
 */
int learn_file(struct learn_db *l, int64_t since_us, uint64_t *shapes);
/* When the newest shape of a conduit was first seen; 0: it has none. */
int64_t learn_newest_us(struct learn_db *l, const char *conduit);

/* When the newest shape of a conduit was first seen, microseconds. 0: there is none; -1: it is not known. */
int64_t learn_newest(struct learn_db *l, const char *conduit);

#endif
