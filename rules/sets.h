/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of numbers and of addresses, as the model holds them. Loader and compiler only. */
#ifndef OTFW_RULES_SETS_H
#define OTFW_RULES_SETS_H

#include "rules/arena.h"
#include "rules/model.h"

void set_add(struct arena *a, struct intervals *s, int64_t lo, int64_t hi);
/* Sorts, merges what overlaps or touches. To be called after the last set_add. */
void set_normalise(struct intervals *s);
struct intervals set_subtract(struct arena *a, const struct intervals *from, const struct intervals *what);
/* Is [lo, hi] inside one interval? `any` holds everything. */
bool set_holds(const struct intervals *s, int64_t lo, int64_t hi);
bool set_within(const struct intervals *inner, const struct intervals *outer);
bool set_meets(const struct intervals *x, const struct intervals *y);

bool net_within(const struct model_net *inner, const struct model_net *outer);
bool net_meets(const struct model_net *x, const struct model_net *y);
/* Is inner inside one of outer's? */
bool nets_hold(const struct model_nets *outer, const struct model_net *inner);
void nets_add(struct arena *a, struct model_nets *nets, const struct model_net *net);
/* Sorted by address, those inside another one removed. */
void nets_normalise(struct model_nets *nets);
/* 10.1.2.0/24; a host without its prefix length. */
const char *net_text(struct arena *a, const struct model_net *net);

/* Ends: do both hold an address in common (and a station, where both are stations)? Is every inner one inside one of outer? */
bool end_within(const struct model_end *inner, const struct model_end *outer);
bool ends_within(const struct model_ends *inner, const struct model_ends *outer);
bool ends_meet(const struct model_ends *x, const struct model_ends *y, bool stations);

#endif
