/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolate and override. Their chains are filled by a reload, in the same commit as everything else, and alone when a zone is
 * isolated, released or overridden: no base chain changes, so nothing that waits in a queue is lost.
 *
 * A packet meets them in this order: the safety lane has it already; an isolated zone drops it; what connection tracking calls invalid is
 * dropped; an overridden zone accepts it if a conduit lists its tuple. So isolate wins over override, and override opens nothing but
 * what would else have been inspected.
 *
 * An isolated zone is cut a second time on the way out. A packet that waited for its verdict when the zone was isolated goes on behind
 * the forward chain; there it meets this cut. It is also the one that cuts safety lanes, when told to: so nothing ever stands before the safety
 * lane in the forward chain. Only packets with a mark of otfw's come there: what this host sends has none.
 *
 * Packets between hosts of one zone are let alone: an island goes on by itself.
 */
#include <stdio.h>
#include <string.h>

#include "rules/plan_rule.h"

#define CHAIN_NAME 28

const struct plan_rule plan_out = {.table = TABLE_MANGLE,
				   .chain = "postrouting",
				   .not_mark = true,
				   .action = DO_JUMP,
				   .to = "island_out"};

static bool zone_find(const struct policy *p, const char *name, unsigned *zone, struct policy_zone *out)
{
	for (*zone = 0; policy_zone_get(p, *zone, out); ++*zone)
		if (strcmp(out->name, name) == 0)
			return true;
	return false;
}

/* Network i of an isolated zone. */
static bool island_net(const struct plan *pl, const struct plan_island *is, unsigned i,
		       struct policy_net *net)
{
	struct policy_zone z;
	unsigned zone;

	if (zone_find(pl->policy, is->zone, &zone, &z))
		return policy_zone_net(pl->policy, zone, i, net);
	if (i >= is->nnets)
		return false;
	*net = is->nets[i];
	return true;
}

/* nft has one table for both: there the chains' names must differ. */
static const char *side_kind(enum plan_table table)
{
	return table == TABLE_MANGLE ? "island_out" : "island";
}

static void side_name(char buf[CHAIN_NAME], const char *what, bool from, unsigned k)
{
	snprintf(buf, CHAIN_NAME, "%s_%s_%u", what, from ? "from" : "to", k);
}

/* From (or to) zone k, and not within it. */
static void cut_side(const struct plan *pl, const struct plan_island *is, enum plan_table table, bool from,
		     unsigned k)
{
	char name[CHAIN_NAME];
	struct plan_rule back = {.table = table, .chain = name, .action = DO_RETURN};
	struct policy_net net;

	side_name(name, side_kind(table), from, k);
	for (unsigned i = 0; island_net(pl, is, i, &net); i++) {
		back.src = from ? NULL : &net;
		back.dst = from ? &net : NULL;
		plan_put(pl, &back);
	}
	/* Dropped where the ledger counts it; the drop at the end is for an account that somebody took away. */
	plan_put(pl, &(struct plan_rule){
			     .table = table, .chain = name, .action = DO_MARK, .value = PLAN_MARK_ISOLATED});
	plan_put(pl, &(struct plan_rule){.table = table,
					 .chain = name,
					 .action = DO_JUMP,
					 .to = table == TABLE_MANGLE ? "zones_out" : "drops"});
	plan_put(pl, &(struct plan_rule){.table = table,
					 .chain = name,
					 .action = DO_DROP,
					 .label = "isolated-uncounted",
					 .names = {is->zone}});
}

static void cut_jumps(const struct plan *pl, const struct plan_island *is, enum plan_table table, unsigned k)
{
	bool spare = table == TABLE_MANGLE && !is->safety;
	struct policy_net net;

	for (unsigned i = 0; island_net(pl, is, i, &net); i++)
		for (int from = 0; from <= 1; from++) {
			char name[CHAIN_NAME];
			struct plan_rule r = {.table = table,
					      .chain = side_kind(table),
					      .mark = spare ? PLAN_MARK_SAFETY : 0,
					      .not_mark = spare,
					      .action = DO_JUMP,
					      .to = name};

			side_name(name, side_kind(table), from, k);
			r.src = from ? &net : NULL;
			r.dst = from ? NULL : &net;
			plan_put(pl, &r);
		}
}

/* Chains first: a jump needs its target. */
static void cuts(const struct plan *pl, enum plan_table table)
{
	const struct plan_options *o = pl->o;
	char name[CHAIN_NAME];

	plan_chain(pl, side_kind(table));
	for (unsigned k = 0; k < o->nislands; k++) {
		if (o->islands[k].override)
			continue;
		for (int from = 0; from <= 1; from++) {
			side_name(name, side_kind(table), from, k);
			plan_chain(pl, name);
		}
		for (int from = 0; from <= 1; from++)
			cut_side(pl, &o->islands[k], table, from, k);
	}
	for (unsigned k = 0; k < o->nislands; k++)
		if (!o->islands[k].override)
			cut_jumps(pl, &o->islands[k], table, k);
}

/* ---- override ---- */

static bool safe_end(const struct policy *p, const struct policy_net *net)
{
	struct policy_zone z;
	int zone = policy_zone_of(p, net->ip);

	return zone >= 0 && policy_zone_get(p, (unsigned)zone, &z) && z.safety;
}

/* The tuples that the zone's conduits have inspected. A conduit that touches a safety zone keeps its inspection. */
static void pass_side(const struct plan *pl, unsigned zone, bool from, unsigned k)
{
	const struct policy *p = pl->policy;
	char name[CHAIN_NAME];
	struct policy_flow f;

	side_name(name, "override", from, k);
	for (unsigned i = 0; policy_flow_get(p, i, &f); i++) {
		struct policy_conduit c = {.name = "?"};
		struct plan_rule r = {
			.table = TABLE_FILTER,
			.chain = name,
			.src = from ? &f.server : &f.client,
			.dst = from ? &f.client : &f.server,
			.ipproto = f.ipproto,
			.side = from ? SIDE_SPORT : SIDE_DPORT,
			.nports = 1,
			.ports = {{f.lo, f.hi}},
			.action = DO_GOTO,
			.to = "override_accept",
			.label = "override",
		};

		if (f.lane != LANE_INSPECTED || !policy_conduit_get(p, f.conduit, &c) || c.to != zone ||
		    safe_end(p, &f.client) || safe_end(p, &f.server))
			continue;
		r.names[0] = c.name;
		plan_put(pl, &r);
	}
}

/* As forward does it for what is inspected: a session opens in one direction only. */
static void pass_jumps(const struct plan *pl, const struct plan_island *is, unsigned k)
{
	static const struct {
		bool from, tcp, udp;
		enum plan_ct ct;
	} ways[] = {{false, false, false, CT_ORIGINAL},
		    {true, true, false, CT_ANY},
		    {true, false, true, CT_REPLY},
		    {false, true, false, CT_REPLY}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char name[CHAIN_NAME];
		struct plan_rule r = {.table = TABLE_FILTER,
				      .chain = "override",
				      .ipproto = ways[i].tcp ? 6 : 0,
				      .syn = ways[i].tcp ? SYN_NOT : SYN_ANY,
				      .not_ipproto = ways[i].udp ? 6 : 0,
				      .ct = ways[i].ct,
				      .until_unix = is->until_unix,
				      .action = DO_JUMP,
				      .to = name};

		side_name(name, "override", ways[i].from, k);
		plan_put(pl, &r);
	}
}

static void passes(const struct plan *pl)
{
	const struct plan_options *o = pl->o;
	struct policy_zone z;
	char name[CHAIN_NAME];
	unsigned zone;

	plan_chain(pl, "override");
	plan_chain(pl, "override_accept");
	plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
					 .chain = "override_accept",
					 .action = DO_MARK,
					 .value = PLAN_MARK_OVERRIDE});
	plan_put(pl,
		 &(struct plan_rule){.table = TABLE_FILTER, .chain = "override_accept", .action = DO_ACCEPT});
	for (unsigned k = 0; k < o->nislands; k++) {
		const struct plan_island *is = &o->islands[k];

		if (!is->override || !zone_find(pl->policy, is->zone, &zone, &z) || z.safety)
			continue;
		for (int from = 0; from <= 1; from++) {
			side_name(name, "override", from, k);
			plan_chain(pl, name);
			pass_side(pl, zone, from, k);
		}
		pass_jumps(pl, is, k);
	}
}

void plan_island_forward(const struct plan *pl)
{
	cuts(pl, TABLE_FILTER);
	passes(pl);
}

void plan_island_out(const struct plan *pl)
{
	cuts(pl, TABLE_MANGLE);
}
