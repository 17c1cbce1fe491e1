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
	DO_RETURN, /* counted, and no further in this chain */
	DO_JUMP,
	DO_GOTO,
	DO_ACCEPT,
	DO_DROP,
	DO_NOTRACK,
	DO_REJECT, /* with a TCP reset */
	DO_MARK,
	DO_CONNMARK,
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
	bool dead;     /* the connection mark says PLAN_MARK_RESET */
	uint32_t mark; /* the packet mark; 0: any */
	bool pure_ack;
	bool hops_255;
	/* What it does. */
	enum plan_action action;
	const char *to;    /* DO_JUMP, DO_GOTO */
	uint32_t value;    /* DO_MARK, DO_CONNMARK, DO_QUEUE */
	bool bypass;       /* DO_QUEUE */
	const char *label; /* kind of its comment ("kernel"); NULL: no comment */
	const char *names[2];
};

/* Writes src into buf as a backend takes it in a comment: letters, digits and -_./: only. Returns buf. */
const char *plan_clean(const char *src, char *buf, size_t cap);
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
/* Starts (chain declared and emptied) and ends what FILL says of one table. */
void plan_iptables_open(enum plan_table t, FILE *out);
void plan_iptables_chain(const char *chain, FILE *out);
void plan_iptables_close(FILE *out);
void plan_nft_chain(const struct plan_options *o, const char *chain, FILE *out);

/* The rules that count marks on the way out. They depend on no policy, so they are made once and count on over reloads. */
void plan_ledger(void (*put)(const struct plan_options *, const struct plan_rule *, FILE *),
		 const struct plan_options *o, FILE *out);

#endif
