/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of isolate and override share: island.c (what is in force, and when it changes by itself), island_request.c (people),
 * island_apply.c (the kernel) and island_state.c (the disk).
 */
#ifndef OTFW_FWD_GUARDIAN_ISLAND_H
#define OTFW_FWD_GUARDIAN_ISLAND_H

#include <time.h>

#include "fwd/guardian/guardian.h"

#define ISLAND_RETRY_US 1000000 /* what failed is tried again */
#define ISLAND_WHY      512     /* octets of a reason, its end included */

int64_t island_clock_us(clockid_t id);
void island_now_get(const struct guardian *g, struct island_now *now);
/* Index in the policy in force, -1: it has no such zone. */
int island_zone_find(const struct guardian *g, const char *name, struct policy_zone *out);
/* An event about a zone, on standard error as well. Rings belong to queues: where there are several, the first one's carries it. */
void island_event(struct guardian *g, enum event_type type, const char *zone, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The zone's networks in the policy in force. True when they are others than before. */
bool island_take_nets(const struct guardian *g, struct island *is, unsigned zone);
/* The list has changed: it is to be loaded, written and told. */
void island_changed(struct guardian *g);

/* island_request.c */
/* Answers those whose change is in the kernel and on disk. */
void island_answer_done(struct guardian *g);
/* The kernel refused what these asked for (or the disk did): said once, and overrides that are not in force are given up. */
void island_answer_failed(struct guardian *g, uint32_t upto, bool kernel, const char *why);

/* island_apply.c */
/* Of what PLAN_ISLAND says in the active policy. False when it cannot be printed. */
bool island_text_sum(int *texts, int n, uint64_t *sum);
void island_apply_start(struct guardian *g);
void island_apply_step(struct guardian *g);
/* True when the child of pid has ended and was reaped. */
bool island_child_done(pid_t *pid, int *pidfd, int *status);

/* island_state.c */
/* Starts a process that writes the list: a disk may take seconds. */
void island_save_start(struct guardian *g);
void island_save_step(struct guardian *g);

#endif
