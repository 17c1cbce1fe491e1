/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs of several requests under a rule with `unlock`: a download that was begun while the rule was unlocked goes on when it is locked again, to
 * its end, or until nothing of it came for JOB_SILENT_US; no new one begins. One job a flow, known by its rule's name, so that it outlives the policy image,
 * by the station and by what the protocol tells its jobs apart by (struct proto.job_of: a file's number).
 * The vocabularies say which functions begin, continue and end one (FN_BEGINS, FN_CONTINUES, FN_ENDS). Where none ends one, silence does.
 */
#ifndef OTFW_FWD_ENGINE_JOB_H
#define OTFW_FWD_ENGINE_JOB_H

#include "fwd/engine/work.h"

#define JOB_SILENT_US 30000000

/* The operations at hand (w->v->pdu) passed by the rule with `unlock` that w->v->match names. */
void job_note(struct work *w);
/* They were refused because the rule is locked: do they belong to a job of it that goes on? */
bool job_goes_on(const struct work *w);

#endif
