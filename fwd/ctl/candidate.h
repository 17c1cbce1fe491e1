/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The candidate, as commands share it. */
#ifndef OTFW_FWD_CTL_CANDIDATE_H
#define OTFW_FWD_CTL_CANDIDATE_H

#include <jansson.h>

#include "fwd/ctl/ask.h"

/* Prints what the candidate would change. Exit status: 1 where there is none. */
int candidate_diff(const struct command *cmd, const struct ask *a);
/* Brings an image with its source text (rules/source.h) as the candidate; name: for people, the file it was made from. Exit status. */
int candidate_send(const struct command *cmd, const struct ask *a, const uint8_t *image, size_t size,
		   const char *source, size_t source_len, const char *name);
/* Is this event of a difference one that the candidate would deny? */
bool difference_denies(const json_t *event);

#endif
