/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/lane.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((LANE_SLOTS & (LANE_SLOTS - 1)) == 0 && LANE_SLOTS > LANE_FLOWS,
	       "a free slot ends every search");

static struct mirror_lane *lane_of(const struct lanes *l, unsigned conduit)
{
	return conduit < MIRROR_LANES ? &l->shm->lanes[conduit] : NULL;
}

static void alarm_raise(struct lanes *l, struct lane_alarm *a, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void alarm_raise(struct lanes *l, struct lane_alarm *a, const char *fmt, ...)
{
	struct mirror_lane *lane = lane_of(l, a->conduit);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	if (a->kind != LANE_BELOW && a->kind != LANE_RUNS_AGAIN) {
		mirror_add(&l->shm->alarms, 1);
		if (lane)
			mirror_add(&lane->alarms, 1);
	}
	l->alarm(l->ctx, a);
}

/* ---- policy ---- */

static void lane_reset(struct mirror_lane *m, uint64_t copies, uint64_t alarms)
{
	atomic_store(&m->copies, copies);
	atomic_store(&m->alarms, alarms);
	atomic_store(&m->flows, 0);
	atomic_store(&m->silent, 0);
	atomic_store(&m->above, 0);
}

void lane_policy(struct lanes *l, const struct policy *p, uint32_t generation)
{
	static uint64_t copies[MIRROR_LANES], alarms[MIRROR_LANES];
	struct policy_conduit now, before;

	memset(copies, 0, sizeof(copies));
	memset(alarms, 0, sizeof(alarms));
	for (unsigned i = 0; l->policy && i < MIRROR_LANES && policy_conduit_get(p, i, &now); i++)
		for (unsigned k = 0; k < MIRROR_LANES && policy_conduit_get(l->policy, k, &before); k++)
			if (strcmp(now.name, before.name) == 0) {
				copies[i] = atomic_load(&l->shm->lanes[k].copies);
				alarms[i] = atomic_load(&l->shm->lanes[k].alarms);
			}
	/* A new mirror over the same policy: what its predecessor had counted stands. */
	for (unsigned i = 0; i < MIRROR_LANES; i++) {
		struct mirror_lane *m = &l->shm->lanes[i];

		if (l->policy)
			lane_reset(m, copies[i], alarms[i]);
		else if (atomic_load(&l->shm->generation) == generation)
			lane_reset(m, atomic_load(&m->copies), atomic_load(&m->alarms));
		else
			lane_reset(m, 0, 0);
	}
	l->policy = p;
	l->nflows = 0;
	memset(l->slots, 0, sizeof(l->slots));
	memset(l->rates, 0, sizeof(l->rates));
	atomic_store(&l->shm->generation, generation);
}

int lane_find(const struct lanes *l, const char *prefix, uint32_t len)
{
	struct policy_conduit c;
	char name[POLICY_COPY_NAME];

	for (unsigned i = 0; l->policy && policy_conduit_get(l->policy, i, &c); i++) {
		if (c.lane != LANE_SAFETY || !policy_copies(l->policy, i))
			continue;
		policy_copy_name(c.name, name);
		if (strlen(name) == len && memcmp(name, prefix, len) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- flows ---- */

static bool flow_is(const struct lane_flow *f, unsigned conduit, const struct tuple *t)
{
	return f->conduit == conduit && f->tuple.ipproto == t->ipproto &&
	       memcmp(f->tuple.src, t->src, 16) == 0 && memcmp(f->tuple.dst, t->dst, 16) == 0;
}

/* FNV-1a. Peers stand in the policy: nobody else can fill a chain of it. */
static uint32_t flow_hash(unsigned conduit, const struct tuple *t)
{
	uint32_t h = 2166136261u ^ conduit ^ (uint32_t)t->ipproto << 16;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ t->src[i]) * 16777619u;
	for (unsigned i = 0; i < 16; i++)
		h = (h ^ t->dst[i]) * 16777619u;
	return h;
}

/* NULL when the table is full. */
static struct lane_flow *flow_of(struct lanes *l, unsigned conduit, const struct tuple *t)
{
	uint32_t at = flow_hash(conduit, t) & (LANE_SLOTS - 1);
	struct mirror_lane *lane = lane_of(l, conduit);

	for (; l->slots[at]; at = (at + 1) & (LANE_SLOTS - 1))
		if (flow_is(&l->flows[l->slots[at] - 1], conduit, t))
			return &l->flows[l->slots[at] - 1];
	if (l->nflows == LANE_FLOWS)
		return NULL;
	l->slots[at] = (uint16_t)(l->nflows + 1);
	l->flows[l->nflows] = (struct lane_flow){.tuple = *t, .conduit = (uint16_t)conduit};
	if (lane)
		atomic_store(&lane->flows, atomic_load(&lane->flows) + 1);
	return &l->flows[l->nflows++];
}

static void set_silent(struct lanes *l, struct lane_flow *f, bool silent)
{
	struct mirror_lane *lane = lane_of(l, f->conduit);

	f->silent = silent;
	if (lane)
		atomic_store(&lane->silent, atomic_load(&lane->silent) + (silent ? 1u : ~0u));
}

/* ---- rate ---- */

/* Windows follow each other: a packet or a tick behind the end of one closes it. */
static void window_close(struct lanes *l, unsigned conduit, const struct policy_safety *s, int64_t now_us)
{
	struct lane_rate *r = &l->rates[conduit];
	struct lane_alarm a = {.kind = LANE_BELOW, .conduit = (uint16_t)conduit, .proto = -1, .count = 1};

	if (r->window_us == 0 || now_us - r->window_us < (int64_t)s->expect_window_us)
		return;
	if (r->above && r->packets <= s->expect_max) {
		r->above = false;
		atomic_store(&l->shm->lanes[conduit].above, 0);
		alarm_raise(l, &a, "no more than %u packets in %u ms again", s->expect_max,
			    (unsigned)(s->expect_window_us / 1000));
	}
	/* While there is an alarm the next window begins at once, so that silence ends it too. */
	r->window_us = r->above ? now_us : 0;
	r->packets = 0;
}

static void window_count(struct lanes *l, unsigned conduit, const struct policy_safety *s, int64_t now_us)
{
	struct lane_rate *r = &l->rates[conduit];
	struct lane_alarm a = {.kind = LANE_ABOVE, .conduit = (uint16_t)conduit, .proto = -1, .count = 1};

	window_close(l, conduit, s, now_us);
	if (r->window_us == 0)
		r->window_us = now_us;
	r->packets++;
	if (r->packets <= s->expect_max || r->above)
		return;
	r->above = true;
	atomic_store(&l->shm->lanes[conduit].above, 1);
	alarm_raise(l, &a, "more than the expected %u packets in %u ms; all were passed", s->expect_max,
		    (unsigned)(s->expect_window_us / 1000));
}

/* ---- PDUs ---- */

/* Does it ask for anything but to read? The first such operation, or NULL. */
static const struct op *changes(const struct pdu *pdu)
{
	for (uint32_t i = 0; i < pdu->nops && i < PDU_OPS_MAX; i++)
		if (pdu->ops[i].access != ACCESS_READ && pdu->ops[i].access != ACCESS_SESSION &&
		    pdu->ops[i].access != ACCESS_DIAGNOSE)
			return &pdu->ops[i];
	return NULL;
}

/*
 * A payload that begins with a whole PDU of a protocol that otfw knows. Streams are not put together: a PDU that is cut in
 * two goes unseen here.
 */
static void look_at(struct lanes *l, struct lane_flow *f, const struct pkt *pkt, int64_t now_us)
{
	static uint8_t state[PROTO_STATE_MAX];
	const uint8_t *data = pkt->data + pkt->payload;
	bool tcp = pkt->tuple.ipproto == 6;

	for (unsigned i = 0; i < PROTO_COUNT; i++) {
		const struct proto *p = proto_get(i);
		struct pdu_in in = {.data = data, .len = pkt->payload_len, .state = state};
		struct lane_alarm a = {
			.kind = LANE_PDU, .conduit = f->conduit, .tuple = &f->tuple, .proto = (int)i};

		if (!(p->transports & (tcp ? TRANSPORT_TCP : TRANSPORT_UDP)))
			continue;
		if (tcp) {
			struct frame fr = p->frame(data, in.len, false);

			if (fr.state != FRAME_PDU || fr.length > in.len || fr.length > p->max_pdu)
				continue;
			in.len = fr.length;
		} else if (in.len > p->max_pdu) {
			continue;
		}
		memset(state, 0, sizeof(state));
		p->decode(&in, &l->pdu);
		if (l->pdu.fault.reason != REASON_NONE || !(a.op = changes(&l->pdu)))
			continue;
		f->pdus++;
		if (f->pdu_us && now_us - f->pdu_us < LANE_PDU_EVERY)
			return;
		a.count = f->pdus;
		f->pdus = 0;
		f->pdu_us = now_us;
		alarm_raise(l, &a, "%s in a safety lane, where nothing is inspected; it was passed",
			    p->title);
		return;
	}
}

/* ---- */

void lane_packet(struct lanes *l, unsigned conduit, const uint8_t *data, uint32_t len, int64_t now_us)
{
	struct mirror_lane *lane = lane_of(l, conduit);
	struct policy_safety s;
	struct lane_flow *f;
	struct pkt pkt;
	enum reason r = pkt_parse(data, len, &pkt);

	if (!policy_safety_get(l->policy, conduit, &s))
		return;
	mirror_add(&l->shm->copies, 1);
	if (lane)
		mirror_add(&lane->copies, 1);
	if (s.expect_max && conduit < MIRROR_LANES)
		window_count(l, conduit, &s, now_us);
	/* What is cut off by the copy's length still says whose it is. */
	if (r != REASON_NONE && r != REASON_TRUNCATED)
		return;
	f = flow_of(l, conduit, &pkt.tuple);
	if (!f)
		return;
	f->tuple = pkt.tuple;
	if (f->silent) {
		struct lane_alarm a = {.kind = LANE_RUNS_AGAIN,
				       .conduit = f->conduit,
				       .tuple = &f->tuple,
				       .proto = -1,
				       .count = 1};

		set_silent(l, f, false);
		alarm_raise(l, &a, "runs again after %lld ms", (long long)((now_us - f->last_us) / 1000));
	}
	f->last_us = now_us;
	if (f->packets < LANE_RUNS)
		f->packets++;
	if (s.mirror && r == REASON_NONE && pkt.payload_len > 0)
		look_at(l, f, &pkt, now_us);
}

int64_t lane_tick(struct lanes *l, int64_t now_us)
{
	int64_t next = LANE_IDLE_US;
	struct policy_safety s;

	for (uint32_t i = 0; i < l->nflows; i++) {
		struct lane_flow *f = &l->flows[i];
		struct lane_alarm a = {.kind = LANE_SILENT,
				       .conduit = f->conduit,
				       .tuple = &f->tuple,
				       .proto = -1,
				       .count = 1};
		int64_t left;

		if (f->silent || f->packets < LANE_RUNS || !policy_safety_get(l->policy, f->conduit, &s) ||
		    s.watchdog_us == 0)
			continue;
		left = f->last_us + (int64_t)s.watchdog_us - now_us;
		if (left < 0) {
			set_silent(l, f, true);
			alarm_raise(l, &a, "no packet for more than %lld ms",
				    (long long)(s.watchdog_us / 1000));
		} else if (left + 1 < next) {
			next = left + 1;
		}
	}
	for (unsigned i = 0; i < MIRROR_LANES; i++) {
		if (l->rates[i].window_us == 0 || !policy_safety_get(l->policy, i, &s))
			continue;
		window_close(l, i, &s, now_us);
	}
	return next;
}
