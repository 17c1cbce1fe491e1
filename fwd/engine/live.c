/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/live.h"

#include <string.h>

#include "fwd/engine/spare.h"
#include "fwd/engine/study.h"

/* New shapes that get an event of their own, a second: what a scan makes of them is in the learn table all the same. */
#define LEARN_EVENTS_A_SECOND 100u

static struct {
	struct shm *shm;
	struct ring *ring;
	struct learn *learn;
	struct assets *assets;
	int64_t learn_second;
	uint32_t learn_events; /* in it */
	uint32_t generation;
	bool counting; /* .event is not written yet */
	struct event event;
} live;

void live_open(struct shm *shm)
{
	live.shm = shm;
	live.ring = shm_at(shm, shm->ring_at);
	live.learn = shm_at(shm, shm->learn_at);
	live.assets = shm_at(shm, shm->assets_at);
	live.counting = false;
	spare_open(shm, live.ring);
}

void live_generation(uint32_t generation)
{
	live_flush();
	live.generation = generation;
}

void live_flush(void)
{
	if (live.counting)
		spare_put(&live.event);
	live.counting = false;
}

void live_tick(const struct verdict_time *now)
{
	live_flush();
	spare_tick(now->wall_us);
	learn_tick(live.learn, now->wall_us);
	asset_tick(live.assets, now->wall_us);
}

static enum event_type type_of(const struct report *r)
{
	if (r->candidate)
		return r->would_deny ? EVENT_SHADOW_DENY : EVENT_SHADOW_ALLOW;
	if (r->judgement == JUDGED_DENY)
		return EVENT_DENY;
	if (r->judgement == JUDGED_UNINSPECTED)
		return EVENT_UNINSPECTED;
	if (r->would_deny)
		return r->route && r->route->mode == MODE_LEARN ? EVENT_LEARN : EVENT_SHADOW_DENY;
	return r->reason != REASON_NONE ? EVENT_ALERT : EVENT_NONE;
}

/* Everything that an event always says; op, match and fault only where `has` names them. */
static void fill(struct event *e, const struct report *r, enum event_type type)
{
	e->ts_us = r->ts_us;
	e->generation = r->candidate ? r->candidate : live.generation;
	e->type = (uint16_t)type;
	e->reason = (uint16_t)r->reason;
	e->candidate = r->candidate != 0;
	e->now_reason = (uint16_t)r->now;
	e->has = EVENT_HAS_TUPLE;
	e->zone = r->route ? r->route->zone : POLICY_NO_INDEX;
	e->conduit = r->route ? r->route->conduit : POLICY_NO_INDEX;
	e->rule = r->match ? r->match->rule : POLICY_NO_RULE;
	e->proto = (int16_t)r->proto;
	e->mode = r->route ? (uint8_t)r->route->mode : MODE_ENFORCE;
	e->transport = r->transport;
	e->from_server = r->from_server;
	e->failure = r->route ? (uint8_t)r->route->failure : live.shm->guardian.failure;
	e->packet_id = r->id;
	e->flow = r->flow;
	e->count = 1;
	e->tuple = *r->tuple;
	e->text[0] = '\0';
	if (r->match) {
		e->has |= EVENT_HAS_MATCH;
		e->match = *r->match;
	}
	if (!r->pdu)
		return;
	if (r->pdu->fault.reason != REASON_NONE) {
		const char *field = r->pdu->fault.field ? r->pdu->fault.field : "";
		size_t n = strnlen(field, EVENT_FIELD - 1);
		e->has |= EVENT_HAS_FAULT;
		e->fault_offset = r->pdu->fault.offset;
		memcpy(e->fault_field, field, n);
		e->fault_field[n] = '\0';
	} else if (r->pdu->nops > 0) {
		/* The operation that failed, not simply the first. */
		uint32_t i = r->match && r->match->reason != REASON_NONE && r->match->op < r->pdu->nops
				     ? r->match->op
				     : 0;
		e->has |= EVENT_HAS_OP;
		event_op_from(&e->op, &r->pdu->ops[i]);
	}
}

static void note(void *ctx, struct shape *s)
{
	bool *fresh = ctx;

	s->generation = live.generation;
	*fresh = learn_note(live.learn, s) || *fresh;
}

/*
 * What passes in a conduit that learns. False: it needs no event, because its shape is known, or too many are new at once.
 */
static bool learn_report(const struct report *r)
{
	bool fresh = false;

	if (study_report(r, note, &fresh) == 0)
		return true;
	if (!fresh)
		return false;
	if (live.learn_second != r->ts_us / 1000000) {
		live.learn_second = r->ts_us / 1000000;
		live.learn_events = 0;
	}
	return live.learn_events++ < LEARN_EVENTS_A_SECOND;
}

void live_event(const struct report *r)
{
	enum event_type type = type_of(r);
	struct event *e = &live.event;
	bool learns =
		!r->candidate && r->route && r->route->mode == MODE_LEARN && r->judgement == JUDGED_ALLOW;

	if (learns && !learn_report(r) && type == EVENT_LEARN)
		return;
	if (type == EVENT_NONE)
		return;
	if (live.counting && !r->pdu && e->type == type && e->candidate == (r->candidate != 0) &&
	    e->reason == (uint16_t)r->reason && e->flow == r->flow &&
	    memcmp(&e->tuple, r->tuple, sizeof e->tuple) == 0) {
		e->count++;
		return;
	}
	live_flush();
	fill(e, r, type);
	if (r->pdu)
		spare_put(e);
	else
		live.counting = true;
}

/* An event that is about no operation. */
static void plain(struct event *e, enum event_type type, enum reason reason, const struct verdict_time *now)
{
	live_flush();
	e->ts_us = now->wall_us;
	e->generation = live.generation;
	e->type = (uint16_t)type;
	e->reason = (uint16_t)reason;
	e->candidate = false;
	e->now_reason = REASON_NONE;
	e->has = 0;
	e->zone = e->conduit = POLICY_NO_INDEX;
	e->rule = POLICY_NO_RULE;
	e->proto = -1;
	e->mode = MODE_ENFORCE;
	e->transport = 0;
	e->from_server = false;
	e->failure = live.shm->guardian.failure;
	e->packet_id = 0;
	e->flow = UINT32_MAX;
	e->count = 1;
	e->text[0] = '\0';
}

void live_late(uint32_t id, const struct verdict_time *now)
{
	struct event *e = &live.event;

	if (live.counting && e->type == EVENT_UNINSPECTED && e->reason == REASON_RELEASED && !e->has) {
		e->count++;
		return;
	}
	plain(e, EVENT_UNINSPECTED, REASON_RELEASED, now);
	e->packet_id = id;
	live.counting = true;
}

void live_quarantine(const struct tuple *ends, uint32_t flow, const struct verdict_time *now)
{
	static const char text[] =
		"engines died on packets between these ends: nothing new between them passes";
	struct event *e = &live.event;

	plain(e, EVENT_ALERT, REASON_QUARANTINED, now);
	e->has = EVENT_HAS_TUPLE;
	e->tuple = *ends;
	e->transport = ends->ipproto == 17 ? TRANSPORT_UDP : TRANSPORT_TCP;
	e->flow = flow;
	memcpy(e->text, text, sizeof text);
	ring_put(live.ring, e);
}
