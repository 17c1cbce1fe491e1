/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The candidate, as commands share it. */
#ifndef OTFW_FWD_CTL_CANDIDATE_H
#define OTFW_FWD_CTL_CANDIDATE_H

#include <jansson.h>

#include "fwd/ctl/ask.h"

/* Prints what the candidate would change. Exit status: 1 where there is none. */
int candidate_diff(const struct command *cmd, const struct ask *a);
/* Is this event of a difference one that the candidate would deny? */
bool difference_denies(const json_t *event);

#endif
