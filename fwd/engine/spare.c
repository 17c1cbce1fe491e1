/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/spare.h"

#include <string.h>

struct slot {
	uint64_t key; /* 0: unused */
	int64_t since_us;
	uint32_t written;  /* in this window */
	uint32_t count;    /* spared and not told yet */
	struct event last; /* of those */
};

static struct {
	struct shm *shm;
	struct ring *ring;
	struct slot slots[SPARE_SLOTS];
	uint32_t sweep_at;
	/* The bucket of all denials, and what was spared where no slot could keep it. */
	int64_t since_us;
	uint32_t tokens;
	uint32_t count;
	struct event last;
} spare;

void spare_open(struct shm *shm, struct ring *ring)
{
	memset(&spare, 0, sizeof spare);
	spare.shm = shm;
	spare.ring = ring;
	spare.tokens = SPARE_RATE;
}

/* A window that is over, or a clock that was set back. */
static bool over(int64_t since_us, int64_t now_us)
{
	return now_us - since_us >= SPARE_WINDOW_US || now_us < since_us;
}

/* "And so many more": the last of them says which, if it has a flow in common with them. */
static void tell(struct event *e, uint32_t *count)
{
	e->count = *count;
	*count = 0;
	ring_put(spare.ring, e);
}

static bool token(int64_t now_us)
{
	if (over(spare.since_us, now_us)) {
		spare.since_us = now_us;
		spare.tokens = SPARE_RATE;
	}
	if (spare.tokens == 0)
		return false;
	spare.tokens--;
	return true;
}

/* Many flows in one: what they have in common is the type, and when it was. */
static void pour(const struct event *e, uint32_t n)
{
	if (spare.count && (spare.last.type != e->type || spare.last.candidate != e->candidate))
		tell(&spare.last, &spare.count);
	if (spare.count == 0) {
		spare.last = *e;
		spare.last.has = 0;
		spare.last.reason = REASON_NONE;
		spare.last.zone = spare.last.conduit = POLICY_NO_INDEX;
		spare.last.rule = POLICY_NO_RULE;
		spare.last.proto = -1;
		spare.last.transport = 0;
		spare.last.flow = UINT32_MAX;
		spare.last.packet_id = 0;
	}
	spare.count += n;
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

/* Would-be denials are told apart by what was asked for as well: there the question is what else a rule must allow. */
static uint64_t mix_op(uint64_t h, const struct event *e)
{
	const struct event_op *o = &e->op;

	h = mix(h, &e->type, sizeof e->type);
	h = mix(h, &e->candidate, sizeof e->candidate);
	if (!(e->has & EVENT_HAS_OP))
		return h;
	const uint32_t what[] = {o->function, o->sub, o->unit, o->space, o->first, o->last};
	h = mix(h, what, sizeof what);
	return mix(h, o->key, o->key_len < sizeof o->key ? o->key_len : sizeof o->key);
}

static uint64_t key_of(const struct event *e)
{
	uint64_t h = mix(UINT64_C(14695981039346656037), &e->reason, sizeof e->reason);

	h = mix(h, e->tuple.src, sizeof e->tuple.src);
	h = mix(h, e->tuple.dst, sizeof e->tuple.dst);
	h = mix(h, &e->tuple.sport, sizeof e->tuple.sport);
	h = mix(h, &e->tuple.dport, sizeof e->tuple.dport);
	if (e->type != EVENT_DENY)
		h = mix_op(h, e);
	return h ? h : 1;
}

/* What a slot still has to tell. */
static void settle(struct slot *s, int64_t now_us)
{
	if (s->count && token(now_us)) {
		tell(&s->last, &s->count);
	} else if (s->count) {
		pour(&s->last, s->count);
		s->count = 0;
	}
}

void spare_put(const struct event *e)
{
	if (e->type != EVENT_DENY && e->type != EVENT_SHADOW_DENY && e->type != EVENT_SHADOW_ALLOW) {
		ring_put(spare.ring, e);
		return;
	}
	uint64_t key = key_of(e);
	struct slot *s = &spare.slots[(key ^ key >> 32) % SPARE_SLOTS];

	if (s->key != key || over(s->since_us, e->ts_us)) {
		settle(s, e->ts_us);
		s->key = key;
		s->since_us = e->ts_us;
		s->written = 0;
	}
	if (s->written < SPARE_BURST && token(e->ts_us)) {
		s->written++;
		ring_put(spare.ring, e);
		return;
	}
	s->last = *e;
	s->count += e->count;
	shm_add(spare.shm, SHM_EVENTS_SPARED, e->count);
}

void spare_tick(int64_t now_us)
{
	for (unsigned i = 0; i < SPARE_SWEEP; i++) {
		struct slot *s = &spare.slots[spare.sweep_at++ % SPARE_SLOTS];

		if (s->key && over(s->since_us, now_us)) {
			settle(s, now_us);
			s->key = 0;
		}
	}
	if (spare.count && over(spare.last.ts_us, now_us))
		tell(&spare.last, &spare.count);
}
