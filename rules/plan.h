/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hook plan: what the kernel is told so that each packet takes its lane. Printed as text for nft or for
 * iptables-restore; the guardian loads it, `otfwctl ruleset` shows it. Three parts, because base chains are made once:
 * a change to them would empty the queues (packets that wait there are lost, in no counter).
 *
 * iptables text is for `iptables-restore -n` (`ip6tables-restore -n`), never without -n. nft text is for `nft -f`.
 */
#ifndef OTFW_RULES_PLAN_H
#define OTFW_RULES_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/policy.h"

enum plan_backend {
	PLAN_NFT,
	PLAN_IPTABLES,
	/* nft text for a bridge's frames that are not IP: iptables never sees those, so a bridge has this beside PLAN_IPTABLES. */
	PLAN_LINK
};
enum plan_part {
	PLAN_BASE, /* tables, base chains, jumps to otfw's own chains, which drop everything until they are filled.
		       Loading it twice changes nothing (iptables-restore says that a chain exists) */
	PLAN_FILL,   /* contents of otfw's own chains, sets and maps: the only part that a reload loads */
	PLAN_REMOVE, /* takes everything away again */
	PLAN_ISLAND  /* what isolates and overrides, alone: chains that FILL has too. Nothing for PLAN_LINK */
};

/*
 * iptables: what BASE says and what an account says stays in the kernel when a new version starts, so that it counts on. This number changes with
 * either; an empty chain of BASE's carries it, and the guardian does not go on with another one.
 */
#define PLAN_LAYOUT       3
#define PLAN_LAYOUT_CHAIN "otfw-layout-" PLAN_TEXT(PLAN_LAYOUT)
#define PLAN_TEXT(n)      PLAN_TEXT_OF(n)
#define PLAN_TEXT_OF(n)   #n

/*
 * Packet marks, in the low octet (the rest belongs to others): the ledger. A packet gets PLAN_MARK_QUEUED before the queue
 * and a verdict's mark behind it; they are counted on the way out. What leaves with PLAN_MARK_QUEUED nobody saw: the kernel let it
 * go by bypass or fail-open. What this host sends itself carries none of them.
 */
#define PLAN_MARK_MASK      0xffu
#define PLAN_MARK_INSPECTED 0x1u /* engine: inspected and allowed */
#define PLAN_MARK_RELEASED  0x2u /* guardian: let go uninspected at the deadline */
#define PLAN_MARK_PASSED    0x3u /* engine: passed without inspection (open zone), cause in the events */
#define PLAN_MARK_KERNEL    0x4u /* kernel lane, and pure ACKs of inspected flows */
#define PLAN_MARK_SAFETY    0x5u
#define PLAN_MARK_QUEUED    0x6u
#define PLAN_MARK_OVERRIDE  0x7u /* kernel: let go uninspected, because the zone is overridden */
#define PLAN_MARK_OPENED    0x9u /* kernel: a datagram that an allowed message has opened the way for */
#define PLAN_MARK_RESET                                                                                      \
	0x77u /* engine: this packet became a RST; both ends must get one. Also the connection mark */

#define PLAN_QUEUES_MAX 64

/*
 * Copies of safety packets, for conduits with `mirror`, `watchdog` or `expect`: NFLOG group, each with policy_copy_name()
 * as prefix. Without `mirror` only what headers need.
 */
#define PLAN_COPY_GROUP  7766u
#define PLAN_COPY_HEADER 128u

/*
 * A zone that is cut off from all others, or one whose inspected conduits pass uninspected. A zone that the policy no longer names is
 * isolated by the networks given here; one that it names, by the policy's. An override of a safety zone, or of none, says nothing.
 */
struct plan_island {
	const char *zone;
	bool override;
	bool safety;        /* isolate: the safety lanes as well */
	int64_t until_unix; /* override: seconds; the kernel ends it also when nobody else does */
	const struct policy_net *nets;
	unsigned nnets;
};

struct plan_options {
	enum plan_backend backend;
	int family;          /* iptables only: 4 or 6 */
	uint16_t queue_base; /* number of policy_queue() 0 */
	const uint16_t *
		queue_nums; /* number of policy_queue() i, when a reload has moved them; NULL: queue_base + i */
	/*
	 * iptables: the accounts that the kernel has already, chains by name, one a line ("otfw-out_89abcdef\n"). FILL leaves
	 * those alone, so that they count on; it makes the others. NULL: none.
	 */
	const char *accounts;
	const struct plan_island *islands; /* what FILL and ISLAND say besides the policy */
	unsigned nislands;
	bool keep_islands; /* FILL leaves those chains as they are: they are there, and nothing of theirs changes */
	bool bridge; /* nft: bridge family; iptables: br_netfilter (physical ports, neighbour discovery) */
};

/*
 * Prints one part. 0, or -1 with errno (from the stream, or ENOMEM). Same policy and options, same text. BASE and REMOVE do not
 * depend on the policy: p may be NULL.
 */
int plan_print(const struct policy *p, const struct plan_options *o, enum plan_part part, FILE *out);

#endif
