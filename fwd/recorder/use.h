/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each rule has allowed, by its name ("conduit/id"): over generations of the policy, restarts of engines, of the recorder and of the daemon.
 * Engines count in their shared memory (struct shm_use_table), kernel lanes in the kernel; both are folded into rules.db from time to time.
 * A rule that is changed under the same name goes on with its numbers.
 */
#ifndef OTFW_FWD_RECORDER_USE_H
#define OTFW_FWD_RECORDER_USE_H

#include "fwd/recorder/recorder.h"

#define USE_DAYS_KEPT 400 /* days with use of each rule; older ones are in the total only */

struct use_sum {
	uint64_t total; /* operations allowed; of a kernel lane: packets */
	int64_t first_us,
		last_us; /* wall clock; of a kernel lane: when a reading of its counter first showed it */
	unsigned days;   /* UTC days on which there was any */
};

/* Opens rules.db; without it nothing is kept, and that has been said. */
void use_open(struct recorder *r);
void use_close(struct recorder *r);
/* Now and then: folds what engines have counted. */
void use_look(struct recorder *r);
/* Does it now. */
void use_fold(struct recorder *r);
/* Folds what the last reading of the ledger said of the kernel lane. Its rules are counted in the kernel, in packets, answers included. */
void use_lanes(struct recorder *r);
/* Is it time for such a reading, and is there a rule that wants one? Says so once. */
bool use_lanes_due(struct recorder *r);
/* What a rule has allowed until now. False: nothing yet, or there is no database. */
bool use_get(struct recorder *r, const char *name, struct use_sum *out);
/* Is there a database, so that "nothing yet" means something? */
bool use_known(const struct recorder *r);
/*
 * Members of an answer: "rules", those of the policy in force from number `from` on with what each allowed, "rules-total", and "next", the number to
 * go on with (null at the end: a policy's rules need not fit into one answer). "rules-known" is false without a database.
 */
void use_print(struct recorder *r, unsigned from, struct jsonl *j);

#endif
