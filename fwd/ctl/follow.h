/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy file behind a promotion that was confirmed. */
#ifndef OTFW_FWD_CTL_FOLLOW_H
#define OTFW_FWD_CTL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "fwd/ctl/ask.h"
#include "rules/diag.h"

/* The name of a candidate that `promote` makes: by it `confirm` knows what to do. */
void promote_name(char *to, size_t cap, const char *conduit, const char *mode);
/* Is the candidate in this state directory one of those? */
bool promote_left(const char *dir);
/*
 * Has what is confirmed now come by a promotion? Then its mode is written into the file that has the conduit, or it is said why not and what to write there. leave: it is
 * only said.
 */
void follow_promotion(const struct command *cmd, const struct ask *a, bool leave);
/* Do two texts differ by one mode of a conduit alone, the word behind a "mode:"? *at: where it begins. */
bool follow_word(const char *a, size_t alen, const char *b, size_t blen, size_t *at);

/* Octets before the word of a mode that a model found there; len where there is no such place. */
size_t mode_at(const char *text, size_t len, struct pos pos);

#endif
