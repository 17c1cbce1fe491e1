/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people change for a while without changing the policy: a rule with `unlock` that is unlocked, an operation that is permitted. Both
 * end up in the image as rules that are lent until a time; the guardian makes a new image without them when it is over.
 */
#ifndef OTFW_RULES_OVERLAY_H
#define OTFW_RULES_OVERLAY_H

#include "rules/model.h"

#define OVERLAY_RULE "permit-" /* how the ids of rules begin that a permit adds */

struct overlay_item {
	bool permit;
	const char *name; /* the rule, as "conduit/id"; of a permit: the id of the denial */
	/* Of a permit: what is permitted, with addresses: "10.10.1.2 -> 10.10.2.2:502/tcp modbus request unit 1 ..." */
	const char *operation;
	const char *reason, *ticket; /* NULL: none */
	int64_t until_us;
};

/*
 * Changes the model. base: the image of the model as it was. A permit becomes a rule for exactly that operation: client, server, port, station,
 * function, range, each value that is written, each qualifier. Never permitted are programs, starts and stops, what is not read or
 * cannot be known, what is beyond the conduit's at-most, and anything that touches a safety zone. 0, or -1 with one line in why: then nothing has changed.
 */
int overlay_apply(struct model *m, const struct policy *base, const struct overlay_item *it, char *why,
		  size_t cap);

#endif
