/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of a conduit are worth comparing: pairs grow with the square of the rules, those that matter do not. */
#ifndef OTFW_RULES_LOAD_NEAR_H
#define OTFW_RULES_LOAD_NEAR_H

#include "rules/load.h"

struct near_index;

/* NEAR_MAX: rules found for one at most. In a policy where more rules than that hold one another, some go unnamed. */
#define NEAR_MAX 64u

/* The rules of a conduit by server, unit and address. Memory is the load's. */
struct near_index *near_index_new(struct load *l, const struct model_conduit *c);

/*
 * The rules that may hold all of rule i, and those with a range that begins where one of rule i's ends: their numbers,
 * ascending, without i. Returns how many.
 */
size_t near_find(struct near_index *n, size_t i, uint32_t out[static NEAR_MAX]);

#endif
