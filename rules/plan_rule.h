/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One rule of the hook plan, in no backend's language. rules/plan.c says which rules there are, rules/plan_iptables.c and
 * rules/plan_nft.c only how each is spelled: so both backends say the same by construction.
 */
#ifndef OTFW_RULES_PLAN_RULE_H
#define OTFW_RULES_PLAN_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/plan.h"

#define PLAN_PORTS 7 /* ranges of one rule: iptables' multiport takes 15 numbers, a range counts twice */

enum plan_table { TABLE_RAW, TABLE_FILTER, TABLE_MANGLE };
enum plan_side { SIDE_NONE, SIDE_DPORT, SIDE_SPORT, SIDE_ICMP };
enum plan_ct { CT_ANY, CT_ORIGINAL, CT_REPLY, CT_INVALID, CT_RELATED };
enum plan_syn { SYN_ANY, SYN_ONLY, SYN_NOT };
enum plan_action {
	DO_COUNT, /* nothing but its counters */
	DO_JUMP,
	DO_GOTO,
	DO_ACCEPT,
	DO_DROP,
	DO_NOTRACK,
	DO_RETURN,
	DO_REJECT, /* with a TCP reset */
	DO_MARK,
	DO_CONNMARK,
	DO_COPY, /* to a listener in user space, over NFLOG; goes on */
	DO_QUEUE
};

struct plan_range {
	uint16_t lo, hi;
};

struct plan_rule {
	enum plan_table table;
	const char *chain;
	/* What it matches: what is not set matches everything. */
	int family; /* 4, 6, or 0: both */
	const char *in, *out;
	const struct policy_net *src, *dst;
	uint8_t ipproto, not_ipproto; /* 0: any, none */
	enum plan_side side;
	unsigned nports;
	struct plan_range ports[PLAN_PORTS];
	enum plan_ct ct;
	enum plan_syn syn;
	bool dead;          /* the connection mark says PLAN_MARK_RESET */
	uint32_t mark;      /* the packet mark; 0: any */
	bool not_mark;      /* any mark but that one; then 0 means what it says */
	int64_t until_unix; /* before this second; 0: always */
	bool pure_ack;
	bool hops_255;
	/* What it does. */
	enum plan_action action;
	const char *to;      /* DO_JUMP, DO_GOTO */
	uint32_t value;      /* DO_MARK, DO_CONNMARK, DO_QUEUE; DO_COPY: octets of each packet, 0: all */
	bool bypass;         /* DO_QUEUE */
	const char *label;   /* kind of its comment ("kernel"); NULL: no comment */
	const char *account; /* nft: the counter object that outlives the rule; NULL: a counter of its own */
	const char *names[2];
};

#define PLAN_CHAIN_NAME 24

/* One printing of a policy's rules. */
struct plan {
	const struct policy *policy;
	const struct plan_options *o;
	FILE *out;
	struct policy_flow *flows; /* tracked lanes, sorted */
	size_t nflows;
	struct policy_flow *safety; /* in the policy's order */
	size_t nsafety;
};

void plan_put(const struct plan *pl, const struct plan_rule *r);
/* Declares and empties a chain. */
void plan_chain(const struct plan *pl, const char *name);

/* ---- plan_safety.c ---- */

/* What the rules of a safety flow do, each in a chain of its own. Counters carry the flow's number: "safety-in CONDUIT/3". */
enum safety_use {
	SAFETY_UNTRACK, /* raw: kept out of connection tracking */
	SAFETY_IN,      /* mangle: counted as it comes in */
	SAFETY_ACCEPT,  /* filter: accepted, ahead of everything */
	SAFETY_QUEUED,  /* filter: counted right before a queue, whatever the interface: always 0 */
	SAFETY_OUT,     /* mangle: counted as it leaves, having been accepted by SAFETY_ACCEPT */
	SAFETY_USES
};
/* The rules of every safety flow for one use. */
void plan_safety(const struct plan *pl, enum safety_use use);
/* Chains that copy to the mirror: declare, then their rules. */
void plan_safety_copies(const struct plan *pl, bool declare);
/* Ahead of a queue: a safety packet there would be one that waits for user space. */
void plan_safety_guard(const struct plan *pl, const char *queue);

/* "10.1.0.0/24", "fd00::1": a host without its length. buf holds 64 octets. Returns buf. */
const char *plan_net(const struct policy_net *n, char *buf, size_t cap);
/* 4 or 6. */
int plan_net_family(const struct policy_net *n);

/* Out of the base chains to `island_out`: what was forwarded, never what this host sends itself. */
extern const struct plan_rule plan_out;

void plan_iptables_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out);
void plan_nft_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out);
void plan_iptables_base(const struct plan_options *o, FILE *out);
void plan_nft_base(const struct plan_options *o, FILE *out);
void plan_iptables_remove(const struct plan_options *o, FILE *out);
void plan_nft_remove(const struct plan_options *o, FILE *out);
/* Starts (chain declared and emptied) and ends what FILL says of one table. */
void plan_iptables_open(enum plan_table t, FILE *out);
void plan_iptables_chain(const char *chain, FILE *out);
void plan_iptables_close(FILE *out);
void plan_nft_chain(const struct plan_options *o, const char *chain, FILE *out);

/* The parts of FILL that sort packets by zone and count them (rules/plan_ledger.c). */
void plan_ledger_filter(const struct policy *p, const struct plan_options *o, FILE *out);
void plan_ledger_mangle(const struct policy *p, const struct plan_options *o, FILE *out);

/* ---- plan_island.c ---- */

/* The chains `island` and `override` and what they lead to, declared and filled, of the filter table. */
void plan_island_forward(const struct plan *pl);
/* The chain `island_out`: what waited in a queue when its zone was isolated, and safety lanes. Of the mangle table. */
void plan_island_out(const struct plan *pl);

/* The rules that count marks on the way out. They depend on no policy, so they are made once and count on over reloads. */
void plan_ledger(void (*put)(const struct plan_options *, const struct plan_rule *, FILE *),
		 const struct plan_options *o, FILE *out);

#endif
