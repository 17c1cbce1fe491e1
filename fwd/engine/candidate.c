/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/candidate.h"

#include <string.h>

void candidate_policy(struct candidate *c, const struct policy *p, uint32_t generation, bool guard)
{
	c->guard = guard;
	c->policy = p ? *p : (struct policy){0};
	c->generation = p ? generation : 0;
	memset(c->rates, 0, sizeof c->rates);
	memset(c->claims, 0, sizeof c->claims);
}

/* The candidate's route: a flow's is looked up once. */
static const struct route *route_of(const struct work *w, struct route *once)
{
	struct candidate *c = w->v->candidate;
	struct tuple t;

	if (!w->f) {
		policy_route(&c->policy, &w->p->tuple, true, once);
		return once;
	}
	struct candidate_flow *f = &c->flows[w->slot];
	if (f->generation != c->generation || memcmp(&f->key, &w->f->key, sizeof f->key) != 0) {
		flow_tuple(w->f, &t);
		policy_route(&c->policy, &t, false, &f->route);
		f->key = w->f->key;
		f->generation = c->generation;
	}
	return &f->route;
}

static void tell(struct work *w, const struct route *route, bool allows, enum reason reason, enum reason now,
		 const struct pdu *pdu, const struct match *match)
{
	struct verdict *v = w->v;
	uint8_t ipproto = w->p->tuple.ipproto;
	struct report r = {
		.id = w->id,
		.ts_us = w->now->wall_us,
		.tuple = &w->p->tuple,
		.route = route,
		.flow = w->slot,
		.transport = ipproto == IPPROTO_TCP_NR   ? TRANSPORT_TCP
			     : ipproto == IPPROTO_UDP_NR ? TRANSPORT_UDP
							 : 0,
		.from_server = w->dir == 1,
		.proto = route->reason == REASON_NONE && route->proto >= 0 ? route->proto
			 : w->route                                        ? w->route->proto
									   : -1,
		.pdu = pdu,
		.judgement = JUDGED_ALLOW,
		.would_deny = !allows,
		.reason = allows ? REASON_NONE : reason,
		.match = match,
		.candidate = v->candidate->generation,
		.now = now,
	};
	v->sink.report(v->sink.ctx, &r);
}

void candidate_before(struct work *w)
{
	struct candidate *c = w->v->candidate;
	uint32_t n = proto_get((unsigned)w->route->proto)->state_size;

	if (n)
		memcpy(c->before, w->v->state, n);
}

/* The PDU as the candidate's leniencies have it decoded. */
static const struct pdu *decoded(struct work *w, const struct route *route, struct view bytes, bool known)
{
	struct verdict *v = w->v;
	struct candidate *c = v->candidate;

	if (route->options == w->route->options)
		return &v->pdu;
	struct pdu_in in = {
		.data = bytes.data,
		.len = bytes.len,
		.from_server = w->dir == 1,
		.answers_known = known,
		.asked = w->f->asked,
		.nasked = pending_slots(w->f),
		.now_us = w->now->mono_us,
		.state = c->before,
		.options = route->options,
	};
	proto_get((unsigned)route->proto)->decode(&in, &c->pdu);
	return &c->pdu;
}

/* A request, or what comes unasked, by the candidate's rules. *hard: not even its learning passes it. */
static enum reason ask(struct work *w, const struct route *route, const struct pdu *pdu, bool *hard)
{
	struct candidate *c = w->v->candidate;
	struct policy_now now = {.unix_us = w->now->wall_us, .clock_good = w->now->clock_good};
	struct rates rates = {.slots = c->rates, .n = SHM_RATES};
	enum reason r =
		policy_match(&c->policy, route->ruleset, pdu, flow_client(w->f), &now, &rates, &c->match);

	if (r == REASON_NONE && route->single_master && pdu->claim != CLAIM_NONE && w->dir == 0)
		r = claim_judge_in(c->claims, w->f, (enum claim)pdu->claim, pdu->claimed, w->now->mono_us);
	if (r != REASON_NONE && route->mode == MODE_LEARN &&
	    !policy_at_most(&c->policy, route->conduit, pdu)) {
		*hard = true;
		return REASON_ACCESS;
	}
	return r;
}

/*
 * Different is what goes on under one and not under the other, and what only the candidate would report. What the active policy reports, lets go, and
 * the candidate allows is what a rule that was missing has come to: nothing changes.
 */
static bool differs(const struct candidate_now *now, bool ok, bool passes)
{
	return passes != now->passes || (passes && now->reason == REASON_NONE && !ok);
}

void candidate_pdu(struct work *w, struct view bytes, bool answers_known, const struct candidate_now *now)
{
	struct candidate *c = w->v->candidate;
	struct route once;
	const struct route *route = route_of(w, &once);
	const struct pdu *pdu = &w->v->pdu;
	const struct match *match = NULL;
	enum reason r = route->reason;
	bool hard = false;

	if (r == REASON_NONE && route->lane == LANE_INSPECTED) {
		if (route->proto < 0) {
			r = REASON_NO_RULE;
		} else if (route->proto != w->route->proto) {
			r = REASON_PROTOCOL;
		} else {
			pdu = decoded(w, route, bytes, answers_known);
			r = pdu->fault.reason;
			if (r == REASON_NONE && pdu->nops == 0)
				r = REASON_NO_OPERATION;
			if (r == REASON_NONE && pdu->ops[0].dir == DIR_RESPONSE) {
				/* It answers what both let go, or what only the active policy did: that was told with the request. */
				int64_t within = (int64_t)route_answer_within(route);
				int64_t till = now->expires_us - (int64_t)work_answer_within(w) + within;
				if (pdu->answers < 0 && answers_known)
					r = REASON_UNASKED;
				else if (now->answer && till <= w->now->mono_us &&
					 w->p->tuple.ipproto != IPPROTO_TCP_NR)
					r = REASON_ANSWER_LATE;
			} else if (r == REASON_NONE) {
				r = ask(w, route, pdu, &hard);
				match = &c->match;
				/* Too many requests at a time are so under either. */
				if (r == REASON_NONE &&
				    (now->reason == REASON_PENDING_FULL || now->reason == REASON_ID_IN_USE)) {
					r = now->reason;
					match = NULL;
				}
			}
		}
	} else if (w->v->pdu.nops > 0 && w->v->pdu.ops[0].dir == DIR_RESPONSE && now->answer) {
		return; /* of a session that the candidate does not have: told with its requests */
	}
	if (c->guard) {
		/* A rule that names it, or a lane that asks no rule: then it was allowed, and not only let go. */
		if (!now->passes && r == REASON_NONE && (match || route->lane == LANE_KERNEL))
			shm_add(w->v->shm, SHM_GUARD_DENIED, 1);
		return;
	}
	bool ok = r == REASON_NONE, passes = ok || (route->mode != MODE_ENFORCE && !hard);
	if (differs(now, ok, passes))
		tell(w, route, passes && ok, r, now->reason, pdu, match);
}

/* Does the packet's trouble lie in its addresses and ports? */
static bool about_route(enum reason r)
{
	return r == REASON_NO_ZONE || r == REASON_NO_CONDUIT || r == REASON_NO_RULE;
}

/* What the candidate makes of a packet that the active policy had this to say of. */
static enum reason packet_reason(const struct route *route, enum reason reason, bool uninspected)
{
	if (route->reason != REASON_NONE)
		return route->reason;
	if (route->lane != LANE_INSPECTED)
		return REASON_NONE;
	if (route->proto < 0)
		return REASON_NO_RULE;
	if (about_route(reason))
		return REASON_NONE; /* it would be looked at */
	return uninspected && route->failure == FAILURE_OPEN ? REASON_NONE : reason;
}

void candidate_packet(struct work *w, enum judgement j, bool would_deny, enum reason reason,
		      const struct pdu *pdu)
{
	struct route once;
	struct candidate_now now = {.reason = reason, .passes = j != JUDGED_DENY};
	bool uninspected = j == JUDGED_UNINSPECTED;

	/* A packet that never came to be an operation is not what a guard counts. */
	if (w->v->candidate->guard)
		return;
	/* Neither policy has a say in these. */
	if (reason == REASON_FLOW_DEAD || reason == REASON_QUARANTINED || reason == REASON_RELEASED)
		return;
	if (!uninspected && !would_deny && j != JUDGED_DENY)
		return;
	const struct route *route = route_of(w, &once);
	enum reason r = packet_reason(route, reason, uninspected);
	/* Under the active policy it was cut because the zone is closed: an open one lets pass what cannot be looked at. */
	if (r == reason && !uninspected && route->failure == FAILURE_OPEN && w->route &&
	    w->route->failure == FAILURE_CLOSED && !about_route(reason))
		return;
	bool ok = r == REASON_NONE, passes = ok || route->mode != MODE_ENFORCE;
	if (uninspected)
		now.reason = REASON_NONE;
	if (differs(&now, ok, passes))
		tell(w, route, passes && ok, r, reason, pdu, NULL);
}
