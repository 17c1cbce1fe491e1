/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hook plan: what the kernel is told so that each packet takes its lane. Printed as text for nft or for
 * iptables-restore; the guardian loads it, `otfwctl ruleset` shows it. Three parts, because base chains are made once:
 * a change to them would empty the queues (packets that wait there are lost, in no counter).
 */
#ifndef OTFW_RULES_PLAN_H
#define OTFW_RULES_PLAN_H

#include <stdint.h>
#include <stdio.h>

#include "rules/policy.h"

enum plan_backend { PLAN_NFT, PLAN_IPTABLES };
enum plan_part {
	PLAN_BASE,  /* tables, base chains, jumps to otfw's own chains. Loading it twice changes nothing */
	PLAN_FILL,  /* contents of otfw's own chains, sets and maps: the only part that a reload loads */
	PLAN_REMOVE /* takes everything away again */
};

/* Packet marks: set by verdicts, cleared before the queue, counted on the way out (the ledger). */
#define PLAN_MARK_INSPECTED 0x1u /* engine: inspected and allowed */
#define PLAN_MARK_RELEASED  0x2u /* guardian: let go uninspected at the deadline */
#define PLAN_MARK_PASSED    0x3u /* engine: passed without inspection (open zone), cause in the events */
#define PLAN_MARK_RESET                                                                                      \
	0x77u /* engine: this packet became a RST; both ends must get one. Also the connection mark */

struct plan_options {
	enum plan_backend backend;
	int family;          /* iptables only: 4 or 6 */
	uint16_t queue_base; /* number of policy_queue() 0 */
	bool bridge; /* nft: bridge family; iptables: br_netfilter, nothing to change in the rules but REJECT */
};

/* Prints one part. 0, or -1 with errno from the stream. Same policy and options, same text. */
int plan_print(const struct policy *p, const struct plan_options *o, enum plan_part part, FILE *out);

#endif
