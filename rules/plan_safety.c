/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The safety lane in the hook plan: untracked, accepted ahead of everything, counted as it comes in and as it leaves, and
 * counted again where it must never be seen, right before a queue. A packet whose two ports are both the conduit's belongs to
 * two flows and is counted under the first, everywhere alike.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "rules/plan_rule.h"

/* Which chain, and what is done there. */
static const struct {
	enum plan_table table;
	const char *chain, *label;
	enum plan_action action;
	bool in, out; /* bound to the interface it came by, leaves by */
	bool numbered;
} safety_uses[SAFETY_USES] = {
	[SAFETY_UNTRACK] = {TABLE_RAW, "prerouting", "untracked", DO_NOTRACK, true, false, false},
	[SAFETY_IN] = {TABLE_MANGLE, "safety_in", "safety-in", DO_RETURN, true, false, true},
	[SAFETY_ACCEPT] = {TABLE_FILTER, "safety", "safety", DO_GOTO, true, true, false},
	[SAFETY_QUEUED] = {TABLE_FILTER, "safety_queued", "safety-queued", DO_RETURN, false, false, true},
	[SAFETY_OUT] = {TABLE_MANGLE, "safety_out", "safety-out", DO_RETURN, false, true, true},
};

/* One direction of a safety flow for one use, bound to the conduit's interfaces. */
static void safety_way(const struct plan *pl, unsigned number, const struct policy_flow *f, bool back,
		       enum safety_use use)
{
	struct policy_conduit c = {.name = "?"};
	struct policy_safety s = {.interfaces = 0};
	char copies[PLAN_CHAIN_NAME], flow[16];
	bool in = safety_uses[use].in, out = safety_uses[use].out;
	struct plan_rule r = {
		.table = safety_uses[use].table,
		.chain = safety_uses[use].chain,
		.src = back ? &f->server : &f->client,
		.dst = back ? &f->client : &f->server,
		.ipproto = f->ipproto,
		.side = back ? SIDE_SPORT : SIDE_DPORT,
		.nports = 1,
		.ports = {{f->lo, f->hi}},
		.action = safety_uses[use].action,
		.to = "safety_accept",
		.label = safety_uses[use].label,
	};

	policy_conduit_get(pl->policy, f->conduit, &c);
	policy_safety_get(pl->policy, f->conduit, &s);
	r.names[0] = c.name;
	if (safety_uses[use].numbered) {
		snprintf(flow, sizeof(flow), "%u", number);
		r.names[1] = flow;
	}
	if (policy_copies(pl->policy, f->conduit)) {
		snprintf(copies, sizeof(copies), "safety_%u", f->conduit);
		r.to = copies;
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

void plan_safety(const struct plan *pl, enum safety_use use)
{
	unsigned number = 0;

	for (size_t i = 0; i < pl->nsafety; i++) {
		const struct policy_flow *f = &pl->safety[i];

		/* Sorted by conduit. */
		if (i > 0 && f->conduit != pl->safety[i - 1].conduit)
			number = 0;
		safety_way(pl, number++, f, false, use);
		/* A group sends nothing. */
		if (!f->multicast)
			safety_way(pl, number++, f, true, use);
	}
}

/* Copies for the mirror, on the way to being accepted: NFLOG waits for nobody and decides nothing. */
void plan_safety_copies(const struct plan *pl, bool declare)
{
	for (size_t i = 0; i < pl->nsafety; i++) {
		unsigned conduit = pl->safety[i].conduit;
		struct policy_conduit c = {.name = "?"};
		struct policy_safety s = {.mirror = false};
		char name[PLAN_CHAIN_NAME];
		struct plan_rule r = {.table = TABLE_FILTER, .chain = name};

		/* Sorted by conduit: each once. */
		if (!policy_copies(pl->policy, conduit) || (i > 0 && pl->safety[i - 1].conduit == conduit))
			continue;
		snprintf(name, sizeof(name), "safety_%u", conduit);
		if (declare) {
			plan_chain(pl, name);
			continue;
		}
		policy_conduit_get(pl->policy, conduit, &c);
		policy_safety_get(pl->policy, conduit, &s);
		r.action = DO_COPY;
		r.value = s.mirror ? 0 : PLAN_COPY_HEADER;
		r.label = "copy";
		r.names[0] = c.name;
		plan_put(pl, &r);
		plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
						 .chain = name,
						 .action = DO_GOTO,
						 .to = "safety_accept"});
	}
}

void plan_safety_guard(const struct plan *pl, const char *queue)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t k = 0; k < sizeof(protos); k++) {
		for (size_t i = 0; i < pl->nsafety; i++) {
			if (pl->safety[i].ipproto != protos[k])
				continue;
			plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
							 .chain = queue,
							 .ipproto = protos[k],
							 .action = DO_JUMP,
							 .to = "safety_queued"});
			break;
		}
	}
}
