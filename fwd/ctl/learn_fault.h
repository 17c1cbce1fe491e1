/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What passes only because a conduit learns, and no rule can allow: malformed messages, answers that nobody asked for, streams that lost their place. Nothing
 * is proposed for it, and enforcing will deny it: so a proposal says it in front, with the option of a rule that is for such devices where there is one.
 */
#ifndef OTFW_FWD_CTL_LEARN_FAULT_H
#define OTFW_FWD_CTL_LEARN_FAULT_H

#include <stdio.h>

#include "protocols/proto.h"
#include "rules/policy.h"

#define LEARN_FAULTS 1024u /* kinds kept; others are counted */

struct learn_fault {
	uint8_t client[16], server[16];
	int proto; /* -1: none */
	enum reason reason;
	char field[64]; /* "": none */
	uint64_t count;
};
struct learn_faults {
	struct learn_fault *list; /* sorted by nothing until they are printed; owned */
	size_t n;
	uint64_t messages, beyond; /* beyond: of kinds that found no room */
};

void learn_fault_add(struct learn_faults *f, const struct learn_fault *fault);
/* Comments for the head of a proposal; nothing where there are none. */
void learn_faults_print(struct learn_faults *f, const struct policy *p, FILE *out);
void learn_faults_free(struct learn_faults *f);

#endif
