/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between load_rule.c (who, limits, kinds of rules) and load_what.c (functions, addresses, points). */
#ifndef OTFW_RULES_LOAD_RULE_H
#define OTFW_RULES_LOAD_RULE_H

#include "rules/load.h"

/* A rule while it is made. */
struct making {
	struct load *l;
	struct model_conduit *c;
	struct node *conduit, *n;
	struct model_rule *r;
	const struct proto *p;
	uint32_t flags;      /* FN_... of the functions it names */
	uint32_t all_access; /* access of its functions */
};

/* Reads `functions` into the rule, and what they carry into the flags. False when one is unknown. */
bool load_rule_functions(struct making *m);
/* Reads `addresses` into cells; the rule's values must be there already. */
void load_rule_cells(struct making *m);
/* Reads `use`, `read`, `write` and `operate`: protocol, functions and cells. Leaves m->p NULL when there is no such profile. */
void load_rule_profile(struct making *m);

#endif
