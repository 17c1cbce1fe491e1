/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTFW_FWD_GUARDIAN_COMMIT_H
#define OTFW_FWD_GUARDIAN_COMMIT_H

#include "fwd/guardian/guardian.h"

/*
 * At the start: reads the history and which of it is the policy, and begins its load. False: the file is the policy, and its load is
 * the caller's.
 */
bool commit_boot(struct guardian *g);
/* POLICY_COMMIT, POLICY_CONFIRM, POLICY_ROLLBACK. */
void commit_request(struct guardian *g, const struct msg *m);
/* A load of a policy is over; words: what was said about it. */
void commit_reloaded(struct guardian *g, bool good, bool given, const char *words);
/* A load of the file that was asked for is in force: words (a memfd, taken) go to whoever asked once it is written down. False: it is not. */
bool commit_answers(struct guardian *g, uint32_t request, int words);
/* Is a policy on trial with a guard? Then the confirmed one is commit.base. */
bool commit_guards(const struct guardian *g);
/*
 * Would a load of the file take a conduit from enforce or shadow back to a mode that lets more pass, where a committed policy is in force, and nobody said that this is
 * meant? Then it is not to be loaded, for that reason: a file that was not written behind a promotion says nothing about it.
 */
bool commit_takes_back(const struct guardian *g, const struct image_mem *file, char *why, size_t cap);
/* Called each turn; never waits. */
void commit_step(struct guardian *g);
/* Milliseconds until commit_step() is useful without the end of a child; -1: no need. */
int commit_wait_ms(const struct guardian *g);
/* To the recorder. */
void commit_tell(struct guardian *g);

/* ---- what its parts share ---- */

/* The policy in force without what is lent on top of it. */
const struct image_mem *commit_proper(const struct guardian *g);

#define COMMIT_FILE     "commit" /* in the state directory */
#define COMMIT_RETRY_US 1000000

/* Answers and audits what is being done, and ends it. */
void commit_conclude(struct guardian *g, bool good, const char *words);
/* commit.next is to be in force, once no reload runs. */
void commit_swap(struct guardian *g);
/* Has state and changed metas written down; the end of that concludes. */
void commit_save(struct guardian *g);
void commit_mark(struct guardian *g, uint32_t number, enum meta_state state);
/* The trial, if there is one, has ended so. */
void commit_trial_over(struct guardian *g, enum meta_state why);
/* commit.next and its source begin their way into the history, as `what` says. False: not even begun. */
bool commit_store_next(struct guardian *g, const struct policy_meta *what);
void commit_forget_stored(struct guardian *g);
/* Is the time of the trial over? */
bool commit_over(const struct guardian *g);

/* ---- commit_request.c ---- */

/* To the confirmed policy, for this reason. */
void commit_back(struct guardian *g, enum meta_state why);
/* A request that waited, once it can be looked at. */
void commit_held(struct guardian *g);
/* A policy of the history was read. */
void commit_fetched(struct guardian *g, int err);

/* ---- commit_list.c: the history in memory ---- */

struct policy_meta *commit_find(struct guardian *g, uint32_t number);
/* A place for the next number; the oldest that nothing needs gives way, and its files are to be removed (0: none is). */
struct policy_meta *commit_new(struct guardian *g, uint32_t *gone);
/* Reads the metas of the state directory. */
void commit_list_read(struct guardian *g);

#endif
