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
 * Rules that everybody must pass cost everybody: where no zone is isolated or overridden, nothing of this stands in a packet's way.
 *
 * Packets between hosts of one zone are let alone: an island goes on by itself.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rules/plan_rule.h"

#define CHAIN_NAME 28

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
	plan_put(pl, &(struct plan_rule){.table = table,
					 .chain = name,
					 .action = DO_GOTO,
					 .to = table == TABLE_MANGLE ? "isolated_out" : "isolated"});
}

/* The chains that what isolated zones send and get is led to. */
static void cut_sides(const struct plan *pl, enum plan_table table)
{
	char name[CHAIN_NAME];

	for (unsigned k = 0; k < pl->o->nislands; k++)
		for (int from = 0; from <= 1 && !pl->o->islands[k].override; from++) {
			side_name(name, side_kind(table), from, k);
			plan_chain(pl, name);
			cut_side(pl, &pl->o->islands[k], table, from, k);
		}
}

/* From a chain to those. safety: only of zones whose safety lanes are cut as well. */
static void cut_jumps(const struct plan *pl, enum plan_table table, const char *chain, bool safety)
{
	for (unsigned k = 0; k < pl->o->nislands; k++) {
		const struct plan_island *is = &pl->o->islands[k];
		struct policy_net net;

		if (is->override || (safety && !is->safety))
			continue;
		for (unsigned i = 0; island_net(pl, is, i, &net); i++)
			for (int from = 0; from <= 1; from++) {
				char name[CHAIN_NAME];
				struct plan_rule r = {
					.table = table, .chain = chain, .action = DO_JUMP, .to = name};

				side_name(name, side_kind(table), from, k);
				*(from ? &r.src : &r.dst) = &net;
				plan_put(pl, &r);
			}
	}
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
		char to[PLAN_ACCOUNT];
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
			.to = to,
			.label = "override",
		};

		if (f.lane != LANE_INSPECTED || !policy_conduit_get(p, f.conduit, &c) || c.to != zone ||
		    safe_end(p, &f.client) || safe_end(p, &f.server))
			continue;
		r.names[0] = c.name;
		plan_account(p, ACCOUNT_OVERRIDE, plan_zone(p, r.dst, r.src), to);
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
				      .chain = "gate",
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

static bool passes(const struct plan *pl, unsigned k, unsigned *zone)
{
	const struct plan_island *is = &pl->o->islands[k];
	struct policy_zone z;

	return is->override && zone_find(pl->policy, is->zone, zone, &z) && !z.safety;
}

/* ---- the chains that lead there ---- */

#define GATE(...) plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER, .chain = "gate", __VA_ARGS__})

/* On a bridge neighbour discovery crosses the forward hook; without it no IPv6 host finds another. */
static void neighbours(const struct plan *pl)
{
	for (uint16_t type = 135; type <= 136; type++)
		GATE(.family = 6, .ipproto = IPPROTO_ICMPV6, .side = SIDE_ICMP, .nports = 1,
		     .ports = {{type, type}}, .hops_255 = true, .action = DO_GOTO, .to = "kernel",
		     .label = "neighbour");
}

/* A connection mark of otfw's is rare: one comparison for all that has none. */
static void marked(const struct plan *pl)
{
	plan_chain(pl, "marked");
	plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
					 .chain = "marked",
					 .ipproto = IPPROTO_TCP,
					 .syn = SYN_ONLY,
					 .dead = true,
					 .action = DO_CONNMARK,
					 .label = "reconnect"});
	/* nft's bridge family has no reject in forward: there the engine itself answers what still comes. */
	if (!(pl->o->bridge && pl->o->backend == PLAN_NFT))
		plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
						 .chain = "marked",
						 .ipproto = IPPROTO_TCP,
						 .syn = SYN_NOT,
						 .dead = true,
						 .action = DO_JUMP,
						 .to = "bad"});
}

void plan_island_forward(const struct plan *pl)
{
	char name[CHAIN_NAME];
	unsigned zone;

	marked(pl);
	cut_sides(pl, TABLE_FILTER);
	for (unsigned k = 0; k < pl->o->nislands; k++)
		for (int from = 0; from <= 1 && passes(pl, k, &zone); from++) {
			side_name(name, "override", from, k);
			plan_chain(pl, name);
			pass_side(pl, zone, from, k);
		}
	plan_chain(pl, "gate");
	cut_jumps(pl, TABLE_FILTER, "gate", false);
	if (pl->o->bridge)
		neighbours(pl);
	GATE(.marked = true, .action = DO_JUMP, .to = "marked");
	GATE(.ct = CT_INVALID, .action = DO_JUMP, .to = "bad");
	for (unsigned k = 0; k < pl->o->nislands; k++)
		if (passes(pl, k, &zone))
			pass_jumps(pl, &pl->o->islands[k], k);
}

void plan_island_out(const struct plan *pl)
{
	static const struct {
		const char *chain, *to;
		bool safety;
	} ways[] = {{"post_safety", NULL, true},
		    {"post_queued", "zones_out", false},
		    {"post_kernel", NULL, false}};

	cut_sides(pl, TABLE_MANGLE);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		plan_chain(pl, ways[i].chain);
		cut_jumps(pl, TABLE_MANGLE, ways[i].chain, ways[i].safety);
		if (ways[i].to)
			plan_put(pl, &(struct plan_rule){.table = TABLE_MANGLE,
							 .chain = ways[i].chain,
							 .action = DO_GOTO,
							 .to = ways[i].to});
	}
}
