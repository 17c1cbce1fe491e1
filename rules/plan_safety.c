/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The safety lane in the hook plan: untracked, accepted ahead of everything, counted as it comes in and as it is accepted, and
 * counted again where it must never be seen, right before a queue. Comments cost like any other match: only what counts has one. A
 * packet whose two ports are both the conduit's belongs to two flows and is counted under the first, everywhere alike.
 *
 * Where there are more than a few rules they are found by the source: what is no peer's passes them quickly.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/plan_rule.h"

#define FLAT 2u /* directions that stand in one list */

/* Which chain, and what is done there. */
static const struct {
	enum plan_table table;
	const char *chain, *label;
	bool in, out; /* bound to the interface it came by, leaves by */
} uses[SAFETY_USES] = {
	[SAFETY_UNTRACK] = {TABLE_RAW, "prerouting", NULL, true, false},
	[SAFETY_ACCEPT] = {TABLE_FILTER, "forward", NULL, true, true},
	[SAFETY_QUEUED] = {TABLE_FILTER, "safety_queued", "safety-queued", false, false},
};

/* One direction of a safety flow. */
struct way {
	size_t flow; /* in pl->safety */
	bool back;
	unsigned number; /* within its conduit */
	struct policy_net src, dst;
};

static void copy_name(const struct way *w, char buf[PLAN_ACCOUNT])
{
	snprintf(buf, PLAN_ACCOUNT, "safety_%zu_%d", w->flow, w->back);
}

/* The account that ends its way here; for what is copied the chain in between. */
static void way_target(const struct plan *pl, const struct way *w, enum safety_use use, char to[PLAN_ACCOUNT])
{
	switch (use) {
	case SAFETY_UNTRACK: plan_account_flow(pl, w->flow, w->back, false, to); break;
	case SAFETY_ACCEPT:
		if (policy_copies(pl->policy, pl->safety[w->flow].conduit))
			copy_name(w, to);
		else
			plan_account_flow(pl, w->flow, w->back, true, to);
		break;
	default: *to = '\0'; break;
	}
}

/* Its rules, bound to the conduit's interfaces. found: the chain is its source's own. */
static void way_rules(const struct plan *pl, const struct way *w, enum safety_use use, const char *chain,
		      bool found)
{
	const struct policy_flow *f = &pl->safety[w->flow];
	struct policy_conduit c = {.name = "?"};
	struct policy_safety s = {.interfaces = 0};
	char to[PLAN_ACCOUNT], number[16];
	bool in = uses[use].in, out = uses[use].out;
	struct plan_rule r = {
		.table = uses[use].table,
		.chain = chain,
		.src = found ? NULL : &w->src,
		.dst = &w->dst,
		.ipproto = f->ipproto,
		.side = w->back ? SIDE_SPORT : SIDE_DPORT,
		.nports = 1,
		.ports = {{f->lo, f->hi}},
		.action = use == SAFETY_QUEUED ? DO_RETURN : DO_GOTO,
		.to = to,
		.label = uses[use].label,
	};

	way_target(pl, w, use, to);
	policy_conduit_get(pl->policy, f->conduit, &c);
	policy_safety_get(pl->policy, f->conduit, &s);
	if (uses[use].label)
		r.names[0] = c.name;
	if (use == SAFETY_QUEUED) {
		snprintf(number, sizeof(number), "%u", w->number);
		r.names[1] = number;
	}
	if (s.interfaces == 0 || (!in && !out)) {
		plan_put(pl, &r);
		return;
	}
	for (unsigned i = 0; i < (in ? s.interfaces : 1); i++) {
		r.in = in ? policy_interface(pl->policy, f->conduit, i) : NULL;
		for (unsigned j = 0; j < (out ? s.interfaces : 1); j++) {
			/* Back out where it came in makes sense only where there is no other. */
			if (in && out && i == j && s.interfaces > 1)
				continue;
			r.out = out ? policy_interface(pl->policy, f->conduit, j) : NULL;
			plan_put(pl, &r);
		}
	}
}

/* ---- all of them, by source ---- */

struct ways {
	struct way *v;
	size_t n;
	size_t *sources; /* the first of each source, and n behind the last */
	size_t nsources;
	enum safety_use use;
};

static int by_source(const void *va, const void *vb)
{
	const struct way *a = va, *b = vb;
	int d = plan_net_order(&a->src, &b->src);

	if (d != 0)
		return d;
	/* In the policy's order, so that every chain finds the same one first. */
	if (a->flow != b->flow)
		return a->flow < b->flow ? -1 : 1;
	return a->back - b->back;
}

static bool collect(const struct plan *pl, struct ways *w)
{
	unsigned number = 0;

	*w = (struct ways){.v = calloc(2 * pl->nsafety + 1, sizeof(*w->v)),
			   .sources = calloc(2 * pl->nsafety + 1, sizeof(*w->sources))};
	for (size_t i = 0; i < pl->nsafety && w->v && w->sources; i++) {
		const struct policy_flow *f = &pl->safety[i];

		if (i > 0 && f->conduit != pl->safety[i - 1].conduit)
			number = 0;
		/* A group sends nothing. */
		for (int back = 0; back <= !f->multicast; back++)
			w->v[w->n++] = (struct way){i, back, number++, back ? f->server : f->client,
						    back ? f->client : f->server};
	}
	if (!w->v || !w->sources)
		return false;
	qsort(w->v, w->n, sizeof(*w->v), by_source);
	for (size_t i = 0; i < w->n; i++)
		if (i == 0 || plan_net_order(&w->v[i - 1].src, &w->v[i].src) != 0)
			w->sources[w->nsources++] = i;
	w->sources[w->nsources] = w->n;
	return true;
}

static void release(struct ways *w)
{
	free(w->v);
	free(w->sources);
}

static const struct policy_net *source_net(const struct plan_tree *t, size_t i)
{
	const struct ways *w = t->ctx;

	return &w->v[w->sources[i]].src;
}

static void source_put(const struct plan *pl, const struct plan_tree *t, const char *chain, size_t i)
{
	const struct ways *w = t->ctx;
	char name[PLAN_CHAIN_NAME];
	struct plan_rule r = {.table = t->table, .chain = chain, .action = DO_JUMP, .to = name};
	bool flat = w->n <= FLAT || w->sources[i + 1] - w->sources[i] == 1;

	snprintf(name, sizeof(name), "%s_by%zu", t->name, i);
	if (!flat)
		plan_chain(pl, name);
	for (size_t k = w->sources[i]; k < w->sources[i + 1]; k++)
		way_rules(pl, &w->v[k], w->use, flat ? chain : name, !flat);
	if (flat)
		return;
	r.src = source_net(t, i);
	plan_put(pl, &r);
}

void plan_safety(const struct plan *pl, enum safety_use use)
{
	static const char *const names[SAFETY_USES] = {"safety_in", "safety", "safety_queued"};
	struct ways w;
	struct plan_tree t = {.table = uses[use].table,
			      .name = names[use],
			      .net = source_net,
			      .put = source_put,
			      .ctx = &w};

	t.by_source = true;
	if (collect(pl, &w)) {
		w.use = use;
		t.n = w.nsources;
		plan_tree(pl, &t, uses[use].chain);
	}
	release(&w);
}

/* Copies for the mirror, on the way to being accepted: NFLOG waits for nobody and decides nothing. */
static void copy_chain(const struct plan *pl, const struct way *w)
{
	unsigned conduit = pl->safety[w->flow].conduit;
	struct policy_conduit c = {.name = "?"};
	struct policy_safety s = {.mirror = false};
	char name[PLAN_ACCOUNT], to[PLAN_ACCOUNT];

	copy_name(w, name);
	plan_account_flow(pl, w->flow, w->back, true, to);
	policy_conduit_get(pl->policy, conduit, &c);
	policy_safety_get(pl->policy, conduit, &s);
	plan_chain(pl, name);
	plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
					 .chain = name,
					 .action = DO_COPY,
					 .value = s.mirror ? 0 : PLAN_COPY_HEADER,
					 .label = "copy",
					 .names = {c.name}});
	plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER, .chain = name, .action = DO_GOTO, .to = to});
}

void plan_safety_copies(const struct plan *pl)
{
	struct ways w;

	if (collect(pl, &w))
		for (size_t i = 0; i < w.n; i++)
			if (policy_copies(pl->policy, pl->safety[w.v[i].flow].conduit))
				copy_chain(pl, &w.v[i]);
	release(&w);
}

bool plan_safety_has(const struct plan *pl, uint8_t ipproto)
{
	for (size_t i = 0; i < pl->nsafety; i++)
		if (pl->safety[i].ipproto == ipproto)
			return true;
	return false;
}
