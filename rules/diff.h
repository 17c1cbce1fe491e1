/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a change of policy changes: not texts but operations. Two images are held against each other for every client and
 * server that either knows; what one lets through and the other does not becomes a line that names conduit, rule, function,
 * addresses, values, clients and servers.
 */
#ifndef OTFW_RULES_DIFF_H
#define OTFW_RULES_DIFF_H

#include <stdbool.h>
#include <stdio.h>

#include "rules/policy.h"

struct diff_count {
	unsigned allowed; /* lines of what becomes allowed */
	unsigned denied;  /* lines of what becomes denied */
	unsigned
		changed; /* lines of settings that change neither by themselves: failure mode, deadline, on-deny ... */
	unsigned safety; /* of all of them, those about a safety lane */
};

/*
 * Prints the difference, sorted, for people:
 *
 *   hmi-pumps/set: write holding 41 = 0..1000 by hmi-1 at p-101 becomes allowed
 *
 * or as JSON lines {"change":"allowed"|"denied"|"changed","conduit","rule","what","clients":[...],"servers":[...]}. The rule is
 * the one that allows it, in the policy that does; null for a conduit as a whole. Nothing is printed for equal policies.
 * Rates, hours and other terms of a rule are held against the other policy's rule as a whole: a rule that loses them allows more.
 * 0, or -1 with errno (memory, stream).
 */
int diff_print(const struct policy *before, const struct policy *after, bool json, FILE *out,
	       struct diff_count *count);
/* A session that the kernel's lane has let through: addresses in IPv6 form, the server's port (ICMP: the type). */
struct diff_seen {
	uint8_t client[16], server[16];
	uint8_t ipproto;
	uint16_t port;
};
/*
 * The same, of what no engine sees under `before` because its kernel decides it: tuples of the safety lane and of the kernel's that `after` does not have
 * there ("becomes inspected", "becomes reported" where it goes on all the same), and tuples that are dropped as unlisted and that `after` lets through. Of settings
 * only where a safety lane lies. Each line says in front ("in the kernel, seen: ", "observed" in JSON) whether one of `seen` is of it;
 * of safety lanes and of what is dropped nothing is seen: there it is "in the kernel: " and null.
 */
int diff_print_unseen(const struct policy *before, const struct policy *after, const struct diff_seen *seen,
		      size_t nseen, bool json, FILE *out, struct diff_count *count);

#endif
