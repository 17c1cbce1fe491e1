/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger's share of the ruleset. A packet is booked under the zone it is for; where its destination lies in no zone (a multicast
 * group), under the zone it comes from; else under "no-zone". It is counted three times over:
 *
 *   in           as it enters the forward path, ahead of every rule
 *   out          as it leaves, by the mark that says who let it go
 *   drops        when the kernel drops it, by cause
 *
 * What came in, did not leave and was not dropped here was dropped behind a queue, or got lost: the difference says how many, the
 * engine's and the guardian's books say why.
 *
 * An account must survive a reload, which replaces the rules around it. So every zone has chains of its own, found by its name and not by its
 * number in the policy, that are made once and never touched again; what a reload replaces only leads to them. With nft counter objects do the same.
 */
#include <netinet/in.h>
#include <string.h>

#include "rules/plan_rule.h"

#define NO_ZONE      "no-zone"
#define PLAN_ACCOUNT 32 /* name of an account's chain */

static const struct {
	uint32_t mark;
	const char *name;
} marks[] = {
	/* Safety first, here and wherever packets are sorted: it is the one that must not wait, not even for a comparison. */
	{PLAN_MARK_SAFETY, "safety"},     {PLAN_MARK_INSPECTED, "inspected"},
	{PLAN_MARK_RELEASED, "released"}, {PLAN_MARK_PASSED, "passed"},
	{PLAN_MARK_KERNEL, "kernel"},     {PLAN_MARK_QUEUED, "unseen"},
	{PLAN_MARK_OVERRIDE, "override"}, {PLAN_MARK_RESET, "reset"},
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

static void put(const struct plan_options *o, const struct plan_rule *r, FILE *out)
{
	if (o->backend == PLAN_NFT)
		plan_nft_rule(o, r, out);
	else
		plan_iptables_rule(o, r, out);
}

/* ---- names ---- */

static uint32_t hash(const char *name, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

/* The account's number of zone z: the hash of its name, salted should an earlier zone have the same one. */
static uint32_t zone_key(const struct policy *p, unsigned z)
{
	struct policy_zone zone = {.name = "?"}, other = {.name = "?"};
	uint32_t salt = 0, key;

	policy_zone_get(p, z, &zone);
	key = hash(zone.name, 0);
	for (unsigned i = 0; i < z; i++) {
		policy_zone_get(p, i, &other);
		salt += hash(other.name, 0) == key;
	}
	return salt ? hash(zone.name, salt) : key;
}

/* ---- one account ---- */

struct account {
	const struct plan_options *o;
	FILE *out;
	const char *zone;
	char chain[PLAN_ACCOUNT]; /* "dropto_89abcdef" */
};

/* True when its rules are to be printed: it is not there, or (nft) its counters are kept apart from its rules. */
static bool account_open(struct account *a, const char *kind, uint32_t key)
{
	char line[PLAN_ACCOUNT + 16];

	snprintf(a->chain, sizeof(a->chain), "%s_%08x", kind, key);
	if (a->o->backend == PLAN_NFT) {
		plan_nft_chain(a->o, a->chain, a->out);
		return true;
	}
	snprintf(line, sizeof(line), "otfw-%s\n", a->chain);
	if (a->o->accounts && strstr(a->o->accounts, line))
		return false;
	/* Not a chain line: that would empty it. */
	fprintf(a->out, "-N otfw-%s\n", a->chain);
	return true;
}

static void account_rule(struct account *a, struct plan_rule r, const char *what)
{
	char counter[PLAN_ACCOUNT + 16];

	snprintf(counter, sizeof(counter), "%s_%s", a->chain, what);
	r.chain = a->chain;
	r.account = counter;
	put(a->o, &r, a->out);
}

static void account_in(struct account *a, uint32_t key)
{
	if (account_open(a, "in", key))
		account_rule(a,
			     (struct plan_rule){.table = TABLE_MANGLE,
						.action = DO_RETURN,
						.label = "in",
						.names = {a->zone}},
			     "all");
}

/* What another chain has marked for it is dropped here, where the count is kept. */
static void account_cut(struct account *a, enum plan_table table)
{
	account_rule(a,
		     (struct plan_rule){.table = table,
					.mark = PLAN_MARK_ISOLATED,
					.action = DO_DROP,
					.label = table == TABLE_MANGLE ? "isolated-out" : "isolated",
					.names = {a->zone}},
		     "isolated");
}

static void account_out(struct account *a, uint32_t key)
{
	if (!account_open(a, "out", key))
		return;
	for (size_t i = 0; i < MARKS; i++)
		account_rule(a,
			     (struct plan_rule){.table = TABLE_MANGLE,
						.mark = marks[i].mark,
						.action = DO_RETURN,
						.label = "out",
						.names = {a->zone, marks[i].name}},
			     marks[i].name);
	account_cut(a, TABLE_MANGLE);
}

/* from: found by where it comes from. */
static void account_drops(struct account *a, uint32_t key, bool from)
{
	bool reject = !(a->o->bridge && a->o->backend == PLAN_NFT);

	if (!account_open(a, from ? "dropfrom" : "dropto", key))
		return;
	account_cut(a, TABLE_FILTER);
	if (reject)
		account_rule(a,
			     (struct plan_rule){.table = TABLE_FILTER,
						.ipproto = IPPROTO_TCP,
						.syn = SYN_NOT,
						.dead = true,
						.action = DO_REJECT,
						.label = "reset",
						.names = {a->zone}},
			     "reset");
	account_rule(a,
		     (struct plan_rule){.table = TABLE_FILTER,
					.ct = CT_INVALID,
					.action = DO_DROP,
					.label = "invalid",
					.names = {a->zone}},
		     "invalid");
	if (strcmp(a->zone, NO_ZONE) == 0)
		account_rule(a,
			     (struct plan_rule){.table = TABLE_FILTER, .action = DO_DROP, .label = NO_ZONE},
			     "unlisted");
	else
		account_rule(a,
			     (struct plan_rule){.table = TABLE_FILTER,
						.action = DO_DROP,
						.label = from ? "unlisted-from" : "unlisted-to",
						.names = {a->zone}},
			     "unlisted");
}

/* ---- sorting ---- */

/* From chain to zone z's account. iptables: of this family's networks only. */
static void sort_zone(const struct policy *p, const struct plan_options *o, FILE *out, struct plan_rule r,
		      const char *kind, unsigned z, bool by_source)
{
	char name[PLAN_ACCOUNT];
	struct policy_net net;

	snprintf(name, sizeof(name), "%s_%08x", kind, zone_key(p, z));
	r.to = name;
	for (unsigned i = 0; policy_zone_net(p, z, i, &net); i++) {
		if (o->backend == PLAN_IPTABLES && plan_net_family(&net) != o->family)
			continue;
		r.src = by_source ? &net : NULL;
		r.dst = by_source ? NULL : &net;
		put(o, &r, out);
	}
}

static void sort(const struct policy *p, const struct plan_options *o, FILE *out, enum plan_table table,
		 const char *chain, const char *to, const char *from)
{
	char name[PLAN_ACCOUNT];
	struct plan_rule r = {.table = table, .chain = chain, .action = DO_GOTO};

	for (int by_source = 0; by_source <= 1; by_source++)
		for (int safety = 1; safety >= 0; safety--)
			for (unsigned z = 0; z < policy_zones(p); z++) {
				struct policy_zone zone = {.safety = false};

				policy_zone_get(p, z, &zone);
				if (zone.safety == (safety == 1))
					sort_zone(p, o, out, r, by_source ? from : to, z, by_source);
			}
	snprintf(name, sizeof(name), "%s_%08x", from, hash(NO_ZONE, 0));
	r.to = name;
	put(o, &r, out);
}

static void chain_fresh(const struct plan_options *o, const char *name, FILE *out)
{
	if (o->backend == PLAN_NFT)
		plan_nft_chain(o, name, out);
	else
		plan_iptables_chain(name, out);
}

static void each_account(const struct policy *p, const struct plan_options *o, FILE *out,
			 void (*each)(struct account *a, uint32_t key))
{
	struct account a = {.o = o, .out = out};

	for (unsigned z = 0; z < policy_zones(p); z++) {
		struct policy_zone zone = {.name = "?"};

		policy_zone_get(p, z, &zone);
		a.zone = zone.name;
		each(&a, zone_key(p, z));
	}
	a.zone = NO_ZONE;
	each(&a, hash(NO_ZONE, 0));
}

static void both_drops(struct account *a, uint32_t key)
{
	account_drops(a, key, false);
	account_drops(a, key, true);
}

static void both_ways(struct account *a, uint32_t key)
{
	account_in(a, key);
	account_out(a, key);
}

void plan_ledger_filter(const struct policy *p, const struct plan_options *o, FILE *out)
{
	chain_fresh(o, "drops", out);
	each_account(p, o, out, both_drops);
	sort(p, o, out, TABLE_FILTER, "drops", "dropto", "dropfrom");
}

void plan_ledger_mangle(const struct policy *p, const struct plan_options *o, FILE *out)
{
	chain_fresh(o, "zones_in", out);
	chain_fresh(o, "zones_out", out);
	each_account(p, o, out, both_ways);
	sort(p, o, out, TABLE_MANGLE, "zones_in", "in", "in");
	sort(p, o, out, TABLE_MANGLE, "zones_out", "out", "out");
}

/* ---- what is made once ---- */

void plan_ledger(void (*print)(const struct plan_options *, const struct plan_rule *, FILE *),
		 const struct plan_options *o, FILE *out)
{
	for (size_t i = 0; i < MARKS; i++) {
		struct plan_rule r = {.table = TABLE_MANGLE,
				      .chain = "postrouting",
				      .mark = marks[i].mark,
				      .label = "ledger",
				      .names = {marks[i].name}};

		if (marks[i].mark == PLAN_MARK_RESET) {
			r.action = DO_CONNMARK;
			r.value = PLAN_MARK_RESET;
		}
		print(o, &r, out);
		if (marks[i].mark == PLAN_MARK_SAFETY) {
			r = (struct plan_rule){.table = TABLE_MANGLE,
					       .chain = "postrouting",
					       .mark = PLAN_MARK_SAFETY,
					       .action = DO_JUMP,
					       .to = "safety_out"};
			print(o, &r, out);
			r.action = DO_GOTO;
			r.to = "zones_out";
			print(o, &r, out);
		}
	}
	print(o,
	      &(struct plan_rule){
		      .table = TABLE_MANGLE, .chain = "postrouting", .action = DO_JUMP, .to = "zones_out"},
	      out);
}
