/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet's way to its flow: routes, handshakes, sessions found in the middle, datagrams. Payload of TCP goes on in segment.c. */
#include "fwd/engine/verdict.h"

#include <string.h>

#include "fwd/engine/before.h"
#include "fwd/engine/suspect.h"
#include "fwd/engine/work.h"
#include "rules/plan.h"

#define SWEEP_SLOTS  64u /* looked at in one tick */
#define SWEEP_EVERY  50000
#define TICK_IDLE_US 100000

static void publish_flow(struct verdict *v, uint32_t slot)
{
	atomic_store_explicit(&v->shm->engine.current_flow, slot, memory_order_relaxed);
}

static void end_change(struct verdict *v)
{
	struct shm *s = v->shm;

	publish_flow(v, FLOW_NONE);
	before_done(s);
	atomic_store_explicit(&s->counters[SHM_HELD_NOW], v->memory.head->nheld, memory_order_relaxed);
	atomic_store_explicit(&s->counters[SHM_FLOWS_NOW], v->memory.head->nflows, memory_order_relaxed);
}

void verdict_init(struct verdict *v, struct shm *shm, const struct verdict_sink *sink, int64_t now_us)
{
	v->policy = NULL;
	v->books.shm = NULL;
	v->generation = 0;
	v->in_step = false;
	v->port_hook = NULL;
	v->port_ctx = NULL;
	v->candidate = NULL;
	v->mac = NULL;
	v->shm = shm;
	v->assets = shm_at(shm, shm->assets_at);
	v->sink = *sink;
	v->pdus = 0;
	v->rates = (struct rates){.slots = shm_at(shm, shm->rates_at), .n = SHM_RATES};
	memory_open(&v->memory, shm);
	for (uint32_t i = 0; i < SHM_HELD; i++)
		atomic_store_explicit(&v->memory.held[i].state, 0, memory_order_relaxed);
	before_restore(&v->memory);
	flow_recover(&v->memory, now_us);
	/* None of this guardian's engines has judged: its generations are not those of the memory that it took over. */
	if (atomic_load(&shm->engine.generation) == 0)
		flow_unroute(&v->memory);
	end_change(v);
}

void verdict_policy(struct verdict *v, const struct policy *p, uint32_t generation)
{
	v->policy = p;
	v->generation = generation;
	book_policy(&v->books, v->shm, p);
	use_policy(&v->use, v->shm, p, generation);
}

/* ---- routes ---- */

/* Without a policy: the ports say which protocol it is and which end is the server. */
static void route_by_port(const struct verdict *v, const struct tuple *t, bool both, struct route *out)
{
	enum transport tr = t->ipproto == IPPROTO_TCP_NR ? TRANSPORT_TCP : TRANSPORT_UDP;
	int proto = -1;
	bool from_server = false;

	if (!v->port_hook || !v->port_hook(v->port_ctx, t, &proto, &from_server)) {
		proto = proto_by_port(tr, t->dport);
		if (proto < 0 && both) {
			proto = proto_by_port(tr, t->sport);
			from_server = proto >= 0;
		}
	}
	*out = (struct route){
		.reason = proto < 0 ? REASON_NO_CONDUIT : REASON_NONE,
		.from_server = from_server,
		.lane = LANE_INSPECTED,
		.mode = MODE_LEARN,
		.failure = FAILURE_OPEN,
		.on_deny = DENY_DROP,
		.proto = proto,
		.conduit = POLICY_NO_INDEX,
		.zone = POLICY_NO_INDEX,
		.queue = POLICY_NO_INDEX,
		.options = UINT32_MAX,
		.answer_within_us = ANSWER_WITHIN_US,
	};
}

static void route_of(const struct verdict *v, const struct tuple *t, bool both, struct route *out)
{
	if (v->policy)
		policy_route(v->policy, t, both, out);
	else
		route_by_port(v, t, both, out);
}

/* ICMP that answers or tells of trouble: it comes with what it is about. */
static bool icmp_follows(const struct tuple *t)
{
	switch ((unsigned)t->ipproto << 8 | t->dport) {
	case IPPROTO_ICMP_NR << 8 | 0:
	case IPPROTO_ICMP_NR << 8 | 3:
	case IPPROTO_ICMP_NR << 8 | 11:
	case IPPROTO_ICMP_NR << 8 | 12:
	case IPPROTO_ICMP_NR << 8 | 14:
	case IPPROTO_ICMP_NR << 8 | 16:
	case IPPROTO_ICMP_NR << 8 | 18:
	case IPPROTO_ICMPV6_NR << 8 | 1:
	case IPPROTO_ICMPV6_NR << 8 | 2:
	case IPPROTO_ICMPV6_NR << 8 | 3:
	case IPPROTO_ICMPV6_NR << 8 | 4:
	case IPPROTO_ICMPV6_NR << 8 | 129: return true;
	default: return false;
	}
}

/*
 * What a conduit that learns or shadows takes although nobody knows its protocol. It passes unread, to learn only below an at-most that
 * has such things.
 */
static void rest(struct work *w, enum reason reason)
{
	struct policy_conduit c;

	if (w->route->mode == MODE_LEARN && policy_conduit_get(w->v->policy, w->route->conduit, &c) &&
	    !(c.at_most >> ACCESS_OPAQUE & 1))
		work_forbid(w, REASON_ACCESS);
	else if (icmp_follows(&w->p->tuple))
		work_accept(w, PLAN_MARK_PASSED); /* enforcing judges what it follows */
	else
		work_deny(w, reason);
}

/*
 * A packet that belongs to no flow: is it one that may begin one? False: it is dealt with (nothing allows it, or another
 * lane's). Without a policy what has no known port is nobody's business.
 */
static bool route_packet(struct work *w, bool both, struct route *r)
{
	route_of(w->v, &w->p->tuple, both, r);
	w->route = r;
	w->dir = r->from_server;
	if (r->reason != REASON_NONE && w->v->policy)
		work_deny(w, r->reason);
	else if (r->reason != REASON_NONE || r->lane != LANE_INSPECTED)
		work_accept(w, PLAN_MARK_INSPECTED);
	else if (suspect_barred(w->v->shm, &w->p->tuple, r->from_server, w->now->mono_us))
		work_forbid(w, REASON_QUARANTINED);
	else if (r->proto < 0)
		rest(w, REASON_NO_RULE);
	else
		return true;
	return false;
}

static void refuse_full(struct work *w)
{
	shm_add(w->v->shm, SHM_FLOWS_REFUSED, 1);
	if (work_open(w))
		work_uninspected(w, REASON_TABLE_FULL);
	else
		work_deny(w, REASON_TABLE_FULL);
}

static void enter(struct work *w, uint32_t slot)
{
	w->slot = slot;
	w->f = flow_at(&w->v->memory, slot);
	w->s = &w->f->dir[w->dir];
	w->route = &w->f->route;
	work_keep(w);
}

/* Looks at some flows and frees those that are over. */
static void sweep(struct verdict *v, unsigned n, int64_t now_us)
{
	struct pool_head *h = v->memory.head;

	for (; n > 0 && h->fresh > 0; n--) {
		if (h->sweep_at >= h->fresh)
			h->sweep_at = 0;
		uint32_t slot = h->sweep_at++;
		struct flow *f = flow_at(&v->memory, slot);
		if (!f->used)
			continue;
		if (flow_expired(f, now_us)) {
			flow_remove(&v->memory, slot);
			continue;
		}
		if (now_us - f->last_us > FLOW_QUIET_US)
			for (unsigned d = 0; d < 2; d++)
				if (f->dir[d].part <= RING_SIZE)
					stream_shrink(&(struct history){&v->memory, slot, d}, &f->dir[d]);
	}
}

/* A flow for this packet, which route r lets begin one. False when the table is full: dealt with. */
static bool begin(struct work *w, const struct flow_key *key, bool source_b, const struct route *r)
{
	struct memory *m = &w->v->memory;
	uint32_t slot = flow_add(m, key, source_b, w->dir == 1, w->now->mono_us);

	if (slot == FLOW_NONE) {
		sweep(w->v, SWEEP_SLOTS, w->now->mono_us);
		slot = flow_add(m, key, source_b, w->dir == 1, w->now->mono_us);
	}
	if (slot == FLOW_NONE) {
		refuse_full(w);
		return false;
	}
	publish_flow(w->v, slot);
	w->fresh = true;
	enter(w, slot);
	w->f->route = *r;
	w->f->route.from_server = false;
	w->f->generation = w->v->generation;
	shm_add(w->v->shm, SHM_FLOWS_EVER, 1);
	return true;
}

/* Is there nothing to follow on this route? No rule names it; a conduit that only watches lets it pass. */
static bool route_none(const struct route *r)
{
	return r->reason != REASON_NONE || (r->lane == LANE_INSPECTED && r->proto < 0);
}

/* A flow that the policy has nothing to say of any more. Deals with the packet. */
static void unrouted(struct work *w, const struct route *r)
{
	struct flow *f = w->f;
	enum reason reason = r->reason != REASON_NONE ? r->reason : REASON_NO_RULE;

	if (r->mode == MODE_ENFORCE) {
		f->route.mode = MODE_ENFORCE; /* what is held is denied as this is */
		work_report(w, JUDGED_DENY, false, reason, NULL, NULL);
		held_flush(w->v, w->slot, reason, w->now);
		work_cut(w, true);
		return;
	}
	held_flush(w->v, w->slot, reason, w->now);
	flow_remove(&w->v->memory, w->slot);
	w->f = NULL;
	w->s = NULL;
	w->slot = FLOW_NONE;
	w->route = r;
	if (r->reason == REASON_NONE)
		rest(w, REASON_NO_RULE);
	else
		work_deny(w, reason);
	w->route = NULL;
}

/* The policy changed since this flow was routed. False: the packet is dealt with. */
static bool route_anew(struct work *w)
{
	struct flow *f = w->f;
	struct tuple t;
	struct route r;

	flow_tuple(f, &t);
	route_of(w->v, &t, false, &r);
	if (route_none(&r)) {
		unrouted(w, &r);
		return false;
	}
	if (r.lane != LANE_INSPECTED || r.proto != f->route.proto) {
		held_flush(w->v, w->slot, REASON_PROTOCOL, w->now);
		work_keep(w);
		if (r.lane != LANE_INSPECTED) {
			flow_remove(&w->v->memory, w->slot);
			w->f = NULL;
			w->s = NULL;
			w->slot = FLOW_NONE;
			work_accept(w, PLAN_MARK_INSPECTED);
			return false;
		}
		uint16_t dead = f->flags & FLOW_DEAD;
		flow_clear(&w->v->memory, w->slot);
		f->flags |= dead;
	}
	f->route = r;
	f->generation = w->v->generation;
	return true;
}

/* ---- TCP ---- */

static void picked_up(struct work *w)
{
	shm_add(w->v->shm, SHM_PICKED_UP, 1);
	if (w->v->policy)
		flow_unseen(w->f, w->now->mono_us);
	else
		w->f->unknown_till = INT64_MAX;
}

/*
 * A SYN. It changes nothing in a session that is known: only the other end's SYN-ACK proves that a new one has begun. Otherwise a
 * client could choose anew, in the middle of a PDU, where PDUs begin, with a SYN that the server ignores.
 */
static void tcp_syn(struct work *w, const struct flow_key *key, bool source_b)
{
	struct route r;
	uint32_t slot = w->slot;

	w->f = NULL;
	w->s = NULL;
	w->slot = FLOW_NONE;
	if (!route_packet(w, false, &r))
		return;
	if (w->p->payload_len && !work_denied(w, REASON_SYN_DATA)) {
		work_drop(w);
		return;
	}
	w->dir = 0;
	if (slot == FLOW_NONE) {
		if (!begin(w, key, source_b, &r))
			return;
		struct history h = work_history(w);
		stream_start(&h, w->s, w->p->seq + 1, true);
		w->f->flags |= FLOW_FRESH;
	} else {
		enter(w, slot);
	}
	struct flow *f = w->f;
	if (f->flags & FLOW_FRESH) {
		f->flags = FLOW_FRESH | (source_b ? FLOW_CLIENT_B : 0);
		f->route = r;
		f->generation = w->v->generation;
	}
	f->flags |= FLOW_SYN;
	f->flags &= (uint16_t)~FLOW_SYN_B;
	if (source_b)
		f->flags |= FLOW_SYN_B;
	f->syn_seq = w->p->seq;
	f->last_us = w->now->mono_us;
	if (f->flags & FLOW_FRESH) {
		/* Nothing was sent yet: a SYN with another number is simply the one that counts. */
		struct history h = work_history(w);
		stream_start(&h, w->s, w->p->seq + 1, true);
	}
	work_accept(w, PLAN_MARK_INSPECTED);
}

static void tcp_syn_ack(struct work *w, const struct flow_key *key, bool source_b)
{
	struct memory *m = &w->v->memory;
	struct flow *f = w->f;
	struct route r;

	if (w->p->payload_len) {
		if (!f && !route_packet(w, true, &r))
			return;
		if (!work_denied(w, REASON_SYN_DATA)) {
			work_drop(w);
			return;
		}
	}
	if (!f) {
		if (!route_packet(w, true, &r))
			return;
		if (w->dir == 0) {
			/* A client answers no SYN: nothing may begin here. */
			work_deny(w, REASON_NOT_SYNCHRONISED);
			return;
		}
		if (!begin(w, key, source_b, &r))
			return;
		f = w->f;
	} else if (f->flags & FLOW_SYN && !(f->flags & FLOW_SYN_B) == source_b &&
		   w->p->ack == f->syn_seq + 1) {
		held_flush(w->v, w->slot, REASON_GAP, w->now);
		work_keep(w);
		flow_clear(m, w->slot);
		f->flags = source_b ? 0 : FLOW_CLIENT_B;
		w->dir = 1;
		w->s = &f->dir[1];
		f->generation = w->v->generation;
		struct tuple t;
		flow_tuple(f, &t);
		route_of(w->v, &t, false, &r);
		if (route_none(&r)) {
			if (r.mode == MODE_ENFORCE)
				f->flags |= FLOW_DEAD;
			unrouted(w, &r);
			return;
		}
		if (r.lane != LANE_INSPECTED) {
			flow_remove(m, w->slot);
			w->f = NULL;
			w->s = NULL;
			w->slot = FLOW_NONE;
			work_accept(w, PLAN_MARK_INSPECTED);
			return;
		}
		f->route = r;
	} else if (f->flags & FLOW_DEAD) {
		work_report(w, JUDGED_DENY, false, REASON_FLOW_DEAD, NULL, NULL);
		work_cut(w, true);
		return;
	} else {
		work_accept(w, PLAN_MARK_INSPECTED); /* a repetition */
		return;
	}
	f->last_us = w->now->mono_us;
	stream_start(&(struct history){m, w->slot, 0}, &f->dir[0], w->p->ack, true);
	stream_start(&(struct history){m, w->slot, 1}, &f->dir[1], w->p->seq + 1, true);
	work_accept(w, PLAN_MARK_INSPECTED);
}

/*
 * A closed zone's segment that acknowledges octets of the other end which never came by here (they went while the zone was
 * overridden): out of sync for good. An end acknowledges only what we let go; one number more is a FIN.
 */
static bool went_by_unseen(const struct work *w)
{
	const struct stream *other = &w->f->dir[!w->dir];

	return !work_open(w) && w->p->flags & TCP_ACK && other->state != STREAM_NONE &&
	       (int32_t)(w->p->ack - other->next) > 1;
}

static void tcp(struct work *w)
{
	struct verdict *v = w->v;
	const struct pkt *p = w->p;
	struct flow_key key;
	struct route r;
	bool source_b = flow_key(&key, &p->tuple);
	uint32_t slot = flow_find(&v->memory, &key);

	if (slot != FLOW_NONE) {
		publish_flow(v, slot);
		w->dir = source_b != !!(flow_at(&v->memory, slot)->flags & FLOW_CLIENT_B);
		enter(w, slot);
	}
	if ((p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		tcp_syn(w, &key, source_b);
		return;
	}
	if (w->f && w->f->generation != v->generation && !route_anew(w))
		return;
	if (p->flags & TCP_SYN) {
		tcp_syn_ack(w, &key, source_b);
		return;
	}
	if (!w->f) {
		if (!route_packet(w, true, &r))
			return;
		if (p->payload_len == 0) {
			work_accept(w, PLAN_MARK_INSPECTED); /* nothing in it */
			return;
		}
		if (!begin(w, &key, source_b, &r))
			return;
		picked_up(w);
	}
	struct flow *f = w->f;
	if (f->flags & FLOW_DEAD) {
		if (p->flags & TCP_RST && p->payload_len == 0) {
			work_accept(w, PLAN_MARK_INSPECTED);
			return;
		}
		work_report(w, JUDGED_DENY, false, REASON_FLOW_DEAD, NULL, NULL);
		work_cut(w, true);
		return;
	}
	f->last_us = w->now->mono_us;
	f->flags &= (uint16_t)~FLOW_FRESH;
	if (p->flags & TCP_URG && (p->payload_len || p->urgent)) {
		if (!work_denied(w, REASON_URGENT)) {
			work_cut(w, false);
			return;
		}
		/* What the receiver takes out of the stream as urgent is its own choice: boundaries are lost. */
		struct history h = work_history(w);
		stream_skip(&h, w->s, p->seq + p->payload_len);
		work_accept(w, PLAN_MARK_PASSED);
		return;
	}
	struct stream *other = &f->dir[!w->dir];
	if (p->flags & TCP_ACK && other->state != STREAM_NONE && (int32_t)(p->ack - other->acked) > 0 &&
	    (int32_t)(p->ack - other->next) <= 0)
		other->acked = p->ack;
	if (p->flags & TCP_RST)
		f->flags |= FLOW_RST;
	if (p->flags & TCP_FIN)
		f->flags |= w->dir ? FLOW_FIN1 : FLOW_FIN0;
	if (p->payload_len == 0) {
		work_accept(w, PLAN_MARK_INSPECTED);
		return;
	}
	bool unseen = went_by_unseen(w);
	w->ahead = unseen;
	if (unseen && !work_denied(w, REASON_GAP)) {
		work_cut(w, false);
	} else {
		if (unseen)
			stream_skip(&(struct history){&v->memory, w->slot, !w->dir}, other, p->ack);
		segment_judge(w);
	}
	if (f->nheld)
		held_settle(v, w->slot, w->now);
}

/* ---- UDP: a datagram is a PDU ---- */

static void udp(struct work *w)
{
	struct verdict *v = w->v;
	struct flow_key key;
	struct route r;
	bool source_b = flow_key(&key, &w->p->tuple);
	uint32_t slot = flow_find(&v->memory, &key);

	if (slot != FLOW_NONE) {
		publish_flow(v, slot);
		w->dir = source_b != !!(flow_at(&v->memory, slot)->flags & FLOW_CLIENT_B);
		enter(w, slot);
		if (w->f->generation != v->generation && !route_anew(w))
			return;
	} else {
		if (!route_packet(w, true, &r) || !begin(w, &key, source_b, &r))
			return;
		if (w->dir == 1)
			picked_up(w);
	}
	w->f->last_us = w->now->mono_us;
	if (w->f->flags & FLOW_DEAD) {
		if (suspect_barred(v->shm, &w->p->tuple, w->dir == 1, w->now->mono_us)) {
			work_forbid(w, REASON_QUARANTINED);
			return;
		}
		/* Only an engine's death kills a UDP flow: the datagram that it died on is gone, the next ones are judged. */
		flow_clear(&v->memory, w->slot);
	}
	if (w->truncated) {
		if (work_open(w))
			work_uninspected(w, REASON_TRUNCATED);
		else
			work_deny(w, REASON_TRUNCATED);
		return;
	}
	const struct proto *proto = proto_get((unsigned)w->route->proto);
	/* What is too long to be looked at is for the failure mode to decide; what is only wrong is denied in either kind of zone. */
	if (w->p->payload_len > proto->max_pdu && v->policy && work_open(w)) {
		work_uninspected(w, REASON_OVERSIZE);
		return;
	}
	undo_open(&v->undo, w->f);
	v->openings.n = 0;
	if (proto->state_size)
		memcpy(v->state, w->f->state, proto->state_size);
	struct view bytes = {.data = w->p->data + w->p->payload, .len = w->p->payload_len};
	enum outcome o = judge_pdu(w, bytes);
	if (o == OUT_DENY && !v->in_step) {
		undo_all(&v->undo, w->f);
		work_drop(w);
		return;
	}
	if (proto->state_size)
		memcpy(w->f->state, v->state, proto->state_size);
	if (o == OUT_DENY) {
		work_drop(w);
		return;
	}
	opening_publish(&v->openings, v->shm);
	work_accept(w, o == OUT_PASS ? PLAN_MARK_INSPECTED : PLAN_MARK_PASSED);
}

/* ---- entry ---- */

/* Headers that cannot be followed. */
static void odd(struct work *w, enum reason reason)
{
	struct route r;

	if (!w->v->policy) {
		work_accept(w, PLAN_MARK_PASSED);
		return;
	}
	/* Its addresses at least say whose it is: ports are 0 where they could not be read. */
	policy_route(w->v->policy, &w->p->tuple, true, &r);
	w->route = &r;
	w->dir = r.from_server;
	/* ICMP and the like have no flow; a rule of the kernel's lane may allow them. */
	if (reason == REASON_TRANSPORT && r.reason == REASON_NONE && r.lane != LANE_INSPECTED)
		work_accept(w, PLAN_MARK_INSPECTED);
	else if (reason == REASON_TRANSPORT && r.reason == REASON_NONE && r.proto < 0)
		rest(w, reason);
	else if (w->v->in_step && reason == REASON_TRANSPORT && r.reason == REASON_NO_RULE &&
		 icmp_follows(&w->p->tuple))
		work_accept(w,
			    PLAN_MARK_PASSED); /* as rest() has it: an engine that enforces is never asked */
	else
		work_deny(w, reason);
}

void verdict_packet(struct verdict *v, const uint8_t *data, uint32_t len, uint32_t id, bool truncated,
		    bool gso, const struct verdict_time *now)
{
	struct pkt p;
	struct work w = {.v = v, .now = now, .p = &p, .id = id, .gso = gso, .slot = FLOW_NONE};
	enum reason r = pkt_parse(data, len, &p);

	shm_add(v->shm, SHM_PACKETS, 1);
	shm_add(v->shm, SHM_BYTES, len);
	w.truncated = truncated || r == REASON_TRUNCATED;
	if (r != REASON_NONE && r != REASON_TRUNCATED) {
		odd(&w, r);
		return;
	}
	if (p.tuple.ipproto == IPPROTO_TCP_NR)
		tcp(&w);
	else
		udp(&w);
	end_change(v);
}

void verdict_released(struct verdict *v, const uint8_t *data, uint32_t len, uint32_t id,
		      const struct verdict_time *now)
{
	struct pkt p;
	struct flow_key key;
	struct work w = {.v = v, .now = now, .p = &p, .id = id, .slot = FLOW_NONE};
	enum reason r = pkt_parse(data, len, &p);

	shm_add(v->shm, SHM_PACKETS, 1);
	shm_add(v->shm, SHM_BYTES, len);
	if (r != REASON_NONE && r != REASON_TRUNCATED)
		return;
	bool source_b = flow_key(&key, &p.tuple);
	uint32_t slot = flow_find(&v->memory, &key);
	if (slot != FLOW_NONE) {
		publish_flow(v, slot);
		w.dir = source_b != !!(flow_at(&v->memory, slot)->flags & FLOW_CLIENT_B);
		enter(&w, slot);
		uint32_t end = p.seq + p.payload_len;
		if (p.tuple.ipproto == IPPROTO_TCP_NR && p.payload_len &&
		    (w.s->state == STREAM_NONE || (int32_t)(end - w.s->next) > 0)) {
			struct history h = work_history(&w);
			stream_skip(&h, w.s, end);
		}
		flow_unseen(w.f, now->mono_us);
	}
	work_report(&w, JUDGED_UNINSPECTED, false, REASON_RELEASED, NULL, NULL);
	end_change(v);
}

int64_t verdict_tick(struct verdict *v, const struct verdict_time *now)
{
	struct pool_head *h = v->memory.head;
	int64_t next = TICK_IDLE_US;

	if (h->nheld) {
		int64_t held = held_expire(v, now);
		next = held < next ? held : next;
	}
	if (now->mono_us - h->swept_us >= SWEEP_EVERY || now->mono_us < h->swept_us) {
		h->swept_us = now->mono_us;
		sweep(v, SWEEP_SLOTS, now->mono_us);
	}
	end_change(v);
	return next;
}
