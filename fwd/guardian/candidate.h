/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTFW_FWD_GUARDIAN_CANDIDATE_H
#define OTFW_FWD_GUARDIAN_CANDIDATE_H

#include "fwd/guardian/guardian.h"

/* At the start: what was stored. A candidate that cannot be read is none, and that is said. */
void candidate_load(struct guardian *g);
/* POLICY_CANDIDATE, with the caller's memory, and POLICY_DROP. fd stays the caller's. */
void candidate_request(struct guardian *g, const struct msg *m, int fd);
/* Called each turn; never waits. */
void candidate_step(struct guardian *g);
/* To the recorder: which it is, or that there is none. */
void candidate_tell(struct guardian *g);
/* To an engine that has just been started: which it is, if there is one. */
void candidate_hand_out(struct guardian *g, struct queue *q);
/* A trial with a guard has begun or is over: engines get the confirmed policy in the candidate's place, or the candidate again. */
void candidate_guard(struct guardian *g);
/* A copy that the caller drops; source is its own memfd, -1: none. False: there is no candidate. */
bool candidate_take(struct guardian *g, struct image_mem *img, int *source, struct policy_meta *meta);

/* Answers a request about policies with one line. */
void policy_answer(struct guardian *g, uint32_t request, bool good, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
