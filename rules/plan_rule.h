/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One rule of the hook plan, in no backend's language. rules/plan.c and what it calls (plan_lane.c, plan_safety.c, plan_island.c,
 * plan_ledger.c) say which rules there are, rules/plan_iptables.c and rules/plan_nft.c only how each is spelled: so both backends
 * say the same by construction.
 */
#ifndef OTFW_RULES_PLAN_RULE_H
#define OTFW_RULES_PLAN_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/plan.h"

#define PLAN_NAMES 3
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
	bool marked;        /* it says anything at all */
	uint32_t mark;      /* the packet mark; 0: any */
	bool no_mark;       /* it has none of otfw's */
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
	const char *names
		[PLAN_NAMES]; /* what the comment says of it: "CONDUIT", "CONDUIT/ID", "CONDUIT/FLOW ZONE" */
};

#define PLAN_CHAIN_NAME 24

/* One printing of a policy's rules. */
struct plan {
	const struct policy *policy;
	const struct plan_options *o;
	FILE *out;
	struct policy_flow *flows; /* tracked lanes, sorted */
	size_t nflows;
	size_t *groups; /* flows that share rules: the first of each, and nflows behind the last */
	size_t ngroups;
	size_t *servers; /* groups of one lane and server: the first of each, and ngroups behind the last */
	size_t nservers;
	struct policy_flow *safety; /* in the policy's order */
	size_t nsafety;
};

void plan_put(const struct plan *pl, const struct plan_rule *r);
/* Declares and empties a chain. */
void plan_chain(const struct plan *pl, const char *name);
/* The number that queue i of the policy has in the kernel. */
uint16_t plan_queue_number(const struct plan *pl, unsigned queue);
/* Is this family printed? 0: what is of both. */
bool plan_wanted(const struct plan *pl, int family);

/* ---- plan_tree.c: rules found by an address ---- */

struct plan_tree {
	enum plan_table table;
	const char *name; /* chains of its own are this and a number */
	bool by_source;
	size_t n; /* entries, in the order of their networks: see plan_net_order() */
	const struct policy_net *(*net)(const struct plan_tree *t, size_t i);
	void (*put)(const struct plan *pl, const struct plan_tree *t, const char *chain, size_t i);
	/* What they need to know, besides. */
	const struct plan *pl;
	const void *ctx;
	size_t first;
	bool back;
	unsigned chains; /* begins with 0 */
};
void plan_tree(const struct plan *pl, struct plan_tree *t, const char *chain);
/* Longer prefixes first, then by address. */
int plan_net_order(const struct policy_net *a, const struct policy_net *b);

/* ---- plan_lane.c: the tracked lanes ---- */

/* Sorts the policy's flows into lanes, groups and servers. -1: no memory. */
int plan_collect(struct plan *pl);
void plan_release(struct plan *pl);
/* Does a conduit learn or shadow, so that it takes all of its scope? */
bool plan_rest(const struct plan *pl);
/* The chains `to_servers` and `from_servers`, where there is a rest `to_rest` and `from_rest`, and those that they lead to. */
void plan_lanes(const struct plan *pl);

/* ---- plan_safety.c ---- */

/* Chains of the safety lane, each with a rule for every flow. */
enum safety_use {
	SAFETY_UNTRACK, /* raw: kept out of connection tracking, counted as it comes in */
	SAFETY_ACCEPT,  /* filter: counted as it goes out, accepted, ahead of everything */
	SAFETY_QUEUED,  /* filter: counted right before a queue, whatever the interface: always 0 */
	SAFETY_USES
};
/* The rules of every safety flow for one use, into its chain, which is declared. */
void plan_safety(const struct plan *pl, enum safety_use use);
/* Chains that copy to the mirror. */
void plan_safety_copies(const struct plan *pl);
/* Is there a safety flow of this transport? Then a queue must see that no packet of it comes there. */
bool plan_safety_has(const struct plan *pl, uint8_t ipproto);

/* ---- plan_link.c ---- */
void plan_ethertypes(const struct plan *pl, const char *table);
int plan_link(const struct plan *pl, enum plan_part part);

/* ---- plan_island.c: what isolates and overrides ---- */

/*
 * The chain `gate` and what it leads to: isolated zones, sessions that were reset, what is invalid, overridden zones. Of the filter
 * table. Nothing in it but the overrides depends on the policy's conduits.
 */
void plan_island_forward(const struct plan *pl);
/* The chains that marked packets meet on the way out, of the mangle table: an isolated zone's are cut, others are counted. */
void plan_island_out(const struct plan *pl);

/* ---- plan_ledger.c: the accounts ---- */

#define PLAN_ACCOUNT 32 /* name of an account's chain */

/* Accounts of a zone: chains that packets end in, and that count them. */
enum plan_account {
	ACCOUNT_KERNEL,    /* filter: accepted in the kernel */
	ACCOUNT_OVERRIDE,  /* filter: accepted uninspected, the zone is overridden */
	ACCOUNT_DROP_TO,   /* filter: unlisted */
	ACCOUNT_DROP_FROM, /* filter: unlisted, found by where it comes from */
	ACCOUNT_BAD,       /* filter: of a session that was reset, or invalid */
	ACCOUNT_CUT,       /* filter: isolated */
	ACCOUNT_OUT,       /* mangle: left, having waited in a queue; by mark */
	ACCOUNT_CUT_OUT,   /* mangle: isolated */
	ACCOUNTS
};
/* The zone that a packet between these two networks is booked under: where it goes; else where it comes from; else none (policy_zones()). */
unsigned plan_zone(const struct policy *p, const struct policy_net *to, const struct policy_net *from);
const char *plan_account(const struct policy *p, enum plan_account kind, unsigned zone,
			 char buf[PLAN_ACCOUNT]);
/* The account of packets of one zone that go to one queue. */
const char *plan_account_queue(const struct plan *pl, unsigned queue, bool tcp, unsigned zone,
			       char buf[PLAN_ACCOUNT]);
/* The accounts of a safety flow, by its place in pl->safety: as it comes in (raw), and as it is accepted to go out (filter). */
const char *plan_account_flow(const struct plan *pl, size_t flow, bool back, bool out,
			      char buf[PLAN_ACCOUNT]);

/* Accounts and the chains that lead to them by address, of one table each. */
void plan_ledger_raw(const struct plan *pl);
void plan_ledger_filter(const struct plan *pl);
void plan_ledger_mangle(const struct plan *pl);
/* The rules that count marks on the way out. They depend on no policy, so they are made once and count on over reloads. */
void plan_ledger(void (*put)(const struct plan_options *, const struct plan_rule *, FILE *),
		 const struct plan_options *o, FILE *out);

/* ---- spelling ---- */

/* What a rule's comment says: "otfw LABEL NAMES", without quotes. */
void plan_comment(const struct plan_rule *r, FILE *out);

/* "10.1.0.0/24", "fd00::1": a host without its length. buf holds 64 octets. Returns buf. */
const char *plan_net(const struct policy_net *n, char *buf, size_t cap);
/* 4 or 6. */
int plan_net_family(const struct policy_net *n);

void plan_iptables_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out);
void plan_nft_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out);
void plan_iptables_base(const struct plan_options *o, FILE *out);
void plan_nft_base(const struct plan_options *o, FILE *out);
void plan_iptables_remove(const struct plan_options *o, FILE *out);
void plan_nft_remove(const struct plan_options *o, FILE *out);
/* Starts and ends what is said of one table. */
void plan_iptables_open(enum plan_table t, FILE *out);
void plan_iptables_chain(const char *chain, FILE *out);
void plan_iptables_close(FILE *out);
void plan_nft_chain(const struct plan_options *o, const char *chain, FILE *out);

#endif
