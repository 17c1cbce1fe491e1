/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is lent on top of the policy for a while: unlocked rules and permitted operations (fwd/common/overlay.h). Checked against the policy in force,
 * kept on disk, compiled on top of the texts that policy was made from (reload.c), taken back by the clock that counts from boot.
 */
#ifndef OTFW_FWD_GUARDIAN_OVERLAY_H
#define OTFW_FWD_GUARDIAN_OVERLAY_H

#include "fwd/guardian/guardian.h"

/* At the start: what was kept and goes on. */
void overlay_load(struct guardian *g);
/* MSG_LEND; fd stays the caller's. */
void overlay_request(struct guardian *g, const struct msg *m, int fd);
/* Called each turn: ends, warns, has reloads begin, writes, answers. Never waits. */
void overlay_step(struct guardian *g);
/* Milliseconds until overlay_step() is useful; -1: no need. */
int overlay_wait_ms(const struct guardian *g);
/* To the recorder: what is lent, and what waits for approval. */
void overlay_tell(struct guardian *g);
/* Has the last change written down, waiting for it at most two seconds. */
void overlay_end(struct guardian *g);

/* For reload.c: a memfd with the list, -1: nothing is to be lent. */
int overlay_apply_text(struct guardian *g);
/* A reload is over; words: what was said on its way. What has not come into force is given up. */
void overlay_loaded(struct guardian *g, bool good, int words);

/* Has the policy in force a rule that is lent for it? */
bool overlay_is_lent(const struct guardian *g, const struct overlay_entry *e);

/* overlay_request.c */
void overlay_changed(struct guardian *g, bool force);
void overlay_event(struct guardian *g, enum event_type type, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* It ends, or comes to nothing, and nobody asked for that: a record all the same. words: how. */
void overlay_itself(struct guardian *g, const struct overlay_entry *e, const char *words);
/* "unlock" or "permit" */
const char *overlay_kind(const struct overlay_entry *e);
void overlay_answer_done(struct guardian *g);
/* It did not come into force. */
void overlay_answer_failed(struct guardian *g, const struct overlay_entry *e, const char *why);

#endif
