/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tracked lanes: which tuples go to a queue and which the kernel accepts. Found by the server's address, then by the client's; a
 * server with few rules has them in place of a chain of its own. Each leads to the account of the zone that its packets go to.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/plan_rule.h"

#define SERVER_INLINE 2u /* rules that a server has without a chain of its own */

/* ---- collecting ---- */

/* Inspected before kernel: where both name a tuple, it is looked at. What learn and shadow take because nothing else does comes last. */
enum rank { RANK_INSPECTED, RANK_KERNEL, RANK_REST };
static int rank(const struct policy_flow *f)
{
	return f->rest ? RANK_REST : f->lane == LANE_INSPECTED ? RANK_INSPECTED : RANK_KERNEL;
}

static int by_lane_server_client(const void *va, const void *vb)
{
	const struct policy_flow *a = va, *b = vb;
	int d;

	if (rank(a) != rank(b))
		return rank(a) < rank(b) ? -1 : 1;
	if ((d = plan_net_order(&a->server, &b->server)) != 0)
		return d;
	if ((d = plan_net_order(&a->client, &b->client)) != 0)
		return d;
	if (a->ipproto != b->ipproto)
		return a->ipproto < b->ipproto ? -1 : 1;
	if (a->queue != b->queue)
		return a->queue < b->queue ? -1 : 1;
	if (a->conduit != b->conduit)
		return a->conduit < b->conduit ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

static bool same_server(const struct policy_flow *a, const struct policy_flow *b)
{
	return rank(a) == rank(b) && a->server.plen == b->server.plen &&
	       memcmp(a->server.ip, b->server.ip, 16) == 0;
}

/* Same rule but for the ports. A kernel lane rule keeps counters of its own, inspected ones share their conduit's. */
static bool same_but_ports(const struct policy_flow *a, const struct policy_flow *b)
{
	return same_server(a, b) && a->client.plen == b->client.plen &&
	       memcmp(a->client.ip, b->client.ip, 16) == 0 && a->ipproto == b->ipproto &&
	       a->queue == b->queue && a->conduit == b->conduit &&
	       (a->lane == LANE_INSPECTED || a->rule == b->rule);
}

static void group(struct plan *pl)
{
	const struct policy_flow *f = pl->flows;

	for (size_t i = 0; i < pl->nflows; i++) {
		if (i > 0 && same_but_ports(&f[i - 1], &f[i]))
			continue;
		if (i == 0 || !same_server(&f[i - 1], &f[i]))
			pl->servers[pl->nservers++] = pl->ngroups;
		pl->groups[pl->ngroups++] = i;
	}
	pl->groups[pl->ngroups] = pl->nflows;
	pl->servers[pl->nservers] = pl->ngroups;
}

int plan_collect(struct plan *pl)
{
	unsigned n = policy_flows(pl->policy);

	pl->flows = calloc(n + 1u, sizeof(*pl->flows));
	pl->groups = calloc(n + 1u, sizeof(*pl->groups));
	pl->servers = calloc(n + 1u, sizeof(*pl->servers));
	pl->safety = calloc(n + 1u, sizeof(*pl->safety));
	if (!pl->flows || !pl->groups || !pl->servers || !pl->safety)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		struct policy_flow f;

		if (!policy_flow_get(pl->policy, i, &f) || !plan_wanted(pl, plan_net_family(&f.server)))
			continue;
		if (f.lane == LANE_SAFETY)
			pl->safety[pl->nsafety++] = f;
		else if (f.lane == LANE_KERNEL || f.lane == LANE_INSPECTED)
			pl->flows[pl->nflows++] = f;
	}
	qsort(pl->flows, pl->nflows, sizeof(*pl->flows), by_lane_server_client);
	group(pl);
	return 0;
}

void plan_release(struct plan *pl)
{
	free(pl->flows);
	free(pl->groups);
	free(pl->servers);
	free(pl->safety);
}

/* ---- rules ---- */

/* The ICMP type that answers one, or -1. */
static int icmp_answer(uint8_t ipproto, unsigned type)
{
	if (ipproto == IPPROTO_ICMPV6)
		return type == 128 ? 129 : -1;
	switch (type) {
	case 8: return 0;
	case 13: return 14;
	case 15: return 16;
	case 17: return 18;
	default: return -1;
	}
}

static void icmp_rules(const struct plan *pl, struct plan_rule *r, const struct policy_flow *f, bool back)
{
	r->side = SIDE_ICMP;
	if (f->lo == 0 && f->hi >= 255) {
		r->side = SIDE_NONE;
		plan_put(pl, r);
		return;
	}
	for (unsigned type = f->lo; type <= f->hi && type <= 255; type++) {
		int t = back ? icmp_answer(f->ipproto, type) : (int)type;

		if (t < 0)
			continue;
		r->nports = 1;
		r->ports[0] = (struct plan_range){(uint16_t)t, (uint16_t)t};
		plan_put(pl, r);
	}
}

/* The rules of a group; back: for the answers; whole: nobody has looked at the server's address yet. */
static void group_rules(const struct plan *pl, const char *chain, size_t g, bool back, bool whole)
{
	size_t a = pl->groups[g], b = pl->groups[g + 1];
	const struct policy_flow *f = &pl->flows[a];
	unsigned zone = back ? plan_zone(pl->policy, &f->client, &f->server)
			     : plan_zone(pl->policy, &f->server, &f->client);
	struct policy_conduit c = {.name = "?"};
	struct policy_rule pr = {.id = NULL};
	char to[PLAN_ACCOUNT];
	struct plan_rule r = {
		.table = TABLE_FILTER,
		.chain = chain,
		.ipproto = f->ipproto,
		.side = back ? SIDE_SPORT : SIDE_DPORT,
		.action = DO_GOTO,
		.to = to,
		.label = "kernel",
	};

	*(back ? &r.dst : &r.src) = &f->client;
	if (whole)
		*(back ? &r.src : &r.dst) = &f->server;
	policy_conduit_get(pl->policy, f->conduit, &c);
	r.names[0] = c.name;
	if (f->lane == LANE_INSPECTED) {
		plan_account_queue(pl, f->queue, f->ipproto == IPPROTO_TCP, zone, to);
		r.label = "inspected";
	} else {
		plan_account(pl->policy, ACCOUNT_KERNEL, zone, to);
		if (f->rule != POLICY_NO_RULE && policy_rule_get(pl->policy, f->rule, &pr))
			r.names[1] = pr.id;
	}
	if (f->ipproto == IPPROTO_ICMP || f->ipproto == IPPROTO_ICMPV6) {
		for (size_t i = a; i < b; i++)
			icmp_rules(pl, &r, &pl->flows[i], back);
		return;
	}
	for (size_t i = a; i < b; i++) {
		r.ports[r.nports++] = (struct plan_range){pl->flows[i].lo, pl->flows[i].hi};
		if (r.nports == PLAN_PORTS || i + 1 == b) {
			plan_put(pl, &r);
			r.nports = 0;
		}
	}
}

static const struct policy_net *client_net(const struct plan_tree *t, size_t i)
{
	return &t->pl->flows[t->pl->groups[t->first + i]].client;
}

static void client_put(const struct plan *pl, const struct plan_tree *t, const char *chain, size_t i)
{
	group_rules(pl, chain, t->first + i, t->back, false);
}

static const struct policy_net *server_net(const struct plan_tree *t, size_t i)
{
	return &t->pl->flows[t->pl->groups[t->pl->servers[t->first + i]]].server;
}

/* A server: its few rules, or a jump to a chain of its own, where they are found by the client. */
static void server_put(const struct plan *pl, const struct plan_tree *t, const char *chain, size_t i)
{
	size_t s = t->first + i, a = pl->servers[s], b = pl->servers[s + 1];
	char name[PLAN_CHAIN_NAME];
	struct plan_tree clients = {
		.table = TABLE_FILTER,
		.name = name,
		.by_source = !t->back,
		.n = b - a,
		.net = client_net,
		.put = client_put,
		.pl = pl,
		.first = a,
		.back = t->back,
	};
	struct plan_rule r = {.table = TABLE_FILTER, .chain = chain, .action = DO_JUMP, .to = name};

	if (b - a <= SERVER_INLINE) {
		for (; a < b; a++)
			group_rules(pl, chain, a, t->back, true);
		return;
	}
	snprintf(name, sizeof(name), "%s_%zu", t->back ? "from" : "to", s);
	plan_chain(pl, name);
	plan_tree(pl, &clients, name);
	*(t->back ? &r.src : &r.dst) = server_net(t, i);
	plan_put(pl, &r);
}

bool plan_rest(const struct plan *pl)
{
	return pl->nflows > 0 && pl->flows[pl->nflows - 1].rest;
}

/* Towards servers, and their answers. rest: what nothing else takes, in chains of its own that come last. */
static void lanes(const struct plan *pl, bool rest)
{
	static const char *const chains[2][2] = {{"to_servers", "from_servers"}, {"to_rest", "from_rest"}};
	static const char *const trees[2][2] = {{"servers_to", "servers_from"}, {"rest_to", "rest_from"}};

	for (int back = 0; back <= 1; back++) {
		const char *chain = chains[rest][back];
		struct plan_tree t = {
			.table = TABLE_FILTER,
			.name = trees[rest][back],
			.by_source = back,
			.net = server_net,
			.put = server_put,
			.pl = pl,
			.back = back,
		};

		plan_chain(pl, chain);
		/* What is inspected comes first. */
		for (size_t i = 0; i < pl->nservers; i += t.n) {
			int first = rank(&pl->flows[pl->groups[pl->servers[i]]]);

			t.first = i;
			for (t.n = 1; i + t.n < pl->nservers; t.n++)
				if (rank(&pl->flows[pl->groups[pl->servers[i + t.n]]]) != first)
					break;
			if ((first == RANK_REST) == rest)
				plan_tree(pl, &t, chain);
		}
	}
}

void plan_lanes(const struct plan *pl)
{
	lanes(pl, false);
	if (plan_rest(pl))
		lanes(pl, true);
}
