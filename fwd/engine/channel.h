/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guardian sends an engine over FD_CHANNEL: the policy in force and the one judged beside it, in sealed memory. */
#ifndef OTFW_FWD_ENGINE_CHANNEL_H
#define OTFW_FWD_ENGINE_CHANNEL_H

#include <stdint.h>

#include "rules/policy.h"

struct channel {
	struct policy policy; /* the newest; .image is NULL before the first */
	/* It has come, and is in `policy`; old: the one before, valid during the call only (.image NULL: there was none). */
	void (*taken)(const struct policy *old, uint32_t generation);
	/* The same for a policy that is only judged beside it; .image NULL: there is none (any more). */
	struct policy candidate;
	bool guard; /* the candidate is the confirmed policy, beside one on trial */
	void (*candidate_taken)(uint32_t generation);
};

/* Reads what is there, without waiting. 1: go on. 0: the guardian is gone. -1 with errno and *what: a policy that cannot be used. */
int channel_read(struct channel *c, const char **what);

#endif
