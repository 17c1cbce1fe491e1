/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/flow.h"

#include <string.h>

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

#define SIP_ROUND                                                                                            \
	do {                                                                                                 \
		v0 += v1;                                                                                    \
		v1 = rotl(v1, 13) ^ v0;                                                                      \
		v0 = rotl(v0, 32);                                                                           \
		v2 += v3;                                                                                    \
		v3 = rotl(v3, 16) ^ v2;                                                                      \
		v0 += v3;                                                                                    \
		v3 = rotl(v3, 21) ^ v0;                                                                      \
		v2 += v1;                                                                                    \
		v1 = rotl(v1, 17) ^ v2;                                                                      \
		v2 = rotl(v2, 32);                                                                           \
	} while (0)

/* SipHash-1-3 of the five words of a key (the length is fixed, so its octet is left out). */
static uint32_t bucket_of(const struct memory *m, const struct flow_key *k)
{
	uint64_t word[5];
	memcpy(word, k, sizeof word);
	uint64_t v0 = 0x736f6d6570736575u ^ m->head->key[0], v1 = 0x646f72616e646f6du ^ m->head->key[1];
	uint64_t v2 = 0x6c7967656e657261u ^ m->head->key[0], v3 = 0x7465646279746573u ^ m->head->key[1];
	for (unsigned i = 0; i < 5; i++) {
		v3 ^= word[i];
		SIP_ROUND;
		v0 ^= word[i];
	}
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return (uint32_t)(v0 ^ v1 ^ v2 ^ v3) % FLOW_BUCKETS;
}

bool flow_key(struct flow_key *out, const struct tuple *t)
{
	int c = memcmp(t->src, t->dst, 16);
	bool source_b = c > 0 || (c == 0 && t->sport > t->dport);

	memcpy(source_b ? out->b : out->a, t->src, 16);
	memcpy(source_b ? out->a : out->b, t->dst, 16);
	out->pa = source_b ? t->dport : t->sport;
	out->pb = source_b ? t->sport : t->dport;
	out->ipproto = t->ipproto;
	return source_b;
}

void flow_tuple(const struct flow *f, struct tuple *out)
{
	bool b = f->flags & FLOW_CLIENT_B;

	memcpy(out->src, b ? f->key.b : f->key.a, 16);
	memcpy(out->dst, b ? f->key.a : f->key.b, 16);
	out->sport = b ? f->key.pb : f->key.pa;
	out->dport = b ? f->key.pa : f->key.pb;
	out->ipproto = (uint8_t)f->key.ipproto;
}

uint32_t flow_find(const struct memory *m, const struct flow_key *k)
{
	uint32_t at = m->head->bucket[bucket_of(m, k)];

	for (unsigned i = 0; at != 0 && i < FLOW_CHAIN; i++) {
		const struct flow *f = flow_at(m, at - 1);
		if (memcmp(&f->key, k, sizeof *k) == 0)
			return at - 1;
		at = f->chain;
	}
	return FLOW_NONE;
}

/* Files a slot in its bucket. False when the bucket is full. */
static bool file(struct memory *m, uint32_t slot)
{
	struct flow *f = flow_at(m, slot);
	uint16_t *bucket = &m->head->bucket[bucket_of(m, &f->key)];
	unsigned n = 0;

	for (uint32_t at = *bucket; at != 0 && n < FLOW_CHAIN; at = flow_at(m, at - 1)->chain)
		n++;
	if (n == FLOW_CHAIN)
		return false;
	f->chain = *bucket;
	*bucket = (uint16_t)(slot + 1);
	return true;
}

static void free_slot(struct memory *m, uint32_t slot)
{
	struct flow *f = flow_at(m, slot);

	f->used = 0;
	f->chain = m->head->free_flow;
	m->head->free_flow = slot + 1;
}

static void streams_unknown(struct flow *f)
{
	for (unsigned d = 0; d < 2; d++) {
		struct stream *s = &f->dir[d];
		s->state = STREAM_NONE;
		s->off = 0;
		s->kept = s->part = s->need = s->gap = 0;
		s->stalls = 0;
		s->from_syn = false;
		s->nchunks = 0;
		s->held = SHM_HELD_NONE;
	}
}

uint32_t flow_add(struct memory *m, const struct flow_key *k, bool source_b, bool from_server, int64_t now_us)
{
	struct pool_head *h = m->head;
	uint32_t slot;

	if (h->free_flow) {
		slot = h->free_flow - 1;
		h->free_flow = flow_at(m, slot)->chain;
	} else if (h->fresh < SHM_FLOWS) {
		slot = h->fresh++;
	} else {
		return FLOW_NONE;
	}
	struct flow *f = flow_at(m, slot);
	f->key = *k;
	f->flags = source_b != from_server ? FLOW_CLIENT_B : 0;
	f->generation = 0;
	f->nheld = 0;
	f->asked_used = 0;
	f->last_us = now_us;
	f->sighted_us[0] = f->sighted_us[1] = INT64_MIN / 2; /* never */
	f->unknown_till = 0;
	f->job = 0;
	memset(f->state, 0, sizeof f->state);
	memset(f->asked, 0, sizeof f->asked);
	streams_unknown(f);
	if (!file(m, slot)) {
		free_slot(m, slot);
		return FLOW_NONE;
	}
	f->used = 1;
	h->nflows++;
	return slot;
}

void flow_remove(struct memory *m, uint32_t slot)
{
	struct flow *f = flow_at(m, slot);
	uint16_t *bucket = &m->head->bucket[bucket_of(m, &f->key)];

	f->used = 0; /* first: what follows leaves no flow */
	atomic_signal_fence(memory_order_seq_cst);
	for (unsigned d = 0; d < 2; d++)
		stream_start(&(struct history){m, slot, d}, &f->dir[d], 0, false);
	if (*bucket == slot + 1) {
		*bucket = (uint16_t)f->chain;
	} else {
		uint32_t at = *bucket;
		for (unsigned i = 0; at != 0 && i < FLOW_CHAIN; i++) {
			struct flow *g = flow_at(m, at - 1);
			if (g->chain == slot + 1) {
				g->chain = f->chain;
				break;
			}
			at = g->chain;
		}
	}
	free_slot(m, slot);
	m->head->nflows--;
}

void flow_clear(struct memory *m, uint32_t slot)
{
	struct flow *f = flow_at(m, slot);

	for (unsigned d = 0; d < 2; d++)
		stream_start(&(struct history){m, slot, d}, &f->dir[d], 0, false);
	streams_unknown(f);
	f->flags &= FLOW_CLIENT_B;
	f->asked_used = 0;
	memset(f->asked, 0, sizeof f->asked);
	memset(f->state, 0, sizeof f->state);
	f->unknown_till = 0;
	f->job = 0;
}

bool flow_expired(const struct flow *f, int64_t now_us)
{
	int64_t idle = now_us - f->last_us;

	if (f->nheld)
		return false;
	if (f->key.ipproto != 6)
		return idle > FLOW_UDP_US;
	if (f->dir[0].part || f->dir[1].part)
		return idle > FLOW_MID_US;
	if (f->flags & FLOW_RST || (f->flags & FLOW_FIN0 && f->flags & FLOW_FIN1))
		return idle > FLOW_CLOSED_US;
	return idle > FLOW_IDLE_US;
}

/*
 * Does what it says of itself hold together? Cut off in the middle of a change, or written by an engine gone bad, it could lead out of the
 * memory.
 */
static bool sound_stream(const struct stream *s)
{
	if (s->state > STREAM_LOST || s->nchunks > HISTORY_CHUNKS || s->kept > s->off ||
	    s->part > PROTO_PDU_MAX || s->need > PROTO_PDU_MAX || (s->need > 0 && s->part >= s->need))
		return false;
	if (s->nchunks == 0)
		return s->kept <= RING_SIZE;
	return (s->off - s->kept) / CHUNK_SIZE >= s->first_chunk &&
	       (s->off - 1) / CHUNK_SIZE - s->first_chunk < s->nchunks;
}

void flow_recover(struct memory *m, int64_t now_us)
{
	struct pool_head *h = m->head;

	if (h->fresh > SHM_FLOWS)
		h->fresh = SHM_FLOWS;
	for (uint32_t slot = 0; slot < h->fresh; slot++) {
		struct flow *f = flow_at(m, slot);
		if (!f->used) {
			free_slot(m, slot);
			continue;
		}
		f->nheld = 0;
		f->dir[0].held = f->dir[1].held = SHM_HELD_NONE;
		bool sound = sound_stream(&f->dir[0]) && sound_stream(&f->dir[1]);
		for (unsigned d = 0; d < 2; d++) {
			struct stream *s = &f->dir[d];
			unsigned n = sound ? s->nchunks : 0, i = 0;
			while (i < n && chunk_claim(m, s->chunk[(s->first_chunk + i) % HISTORY_CHUNKS]))
				i++;
			if (i < s->nchunks) {
				sound = false;
				s->nchunks = (uint16_t)i;
			}
		}
		if (flow_find(m, &f->key) != FLOW_NONE || !file(m, slot)) {
			for (unsigned d = 0; d < 2; d++)
				stream_start(&(struct history){m, slot, d}, &f->dir[d], 0, false);
			free_slot(m, slot);
			continue;
		}
		h->nflows++;
		if (f->route.failure == FAILURE_OPEN)
			flow_unseen(f, now_us);
		if (!sound) {
			flow_clear(m, slot);
			f->flags |= FLOW_DEAD;
		}
	}
}

void flow_unroute(const struct memory *m)
{
	for (uint32_t slot = 0; slot < m->head->fresh; slot++) {
		struct flow *f = flow_at(m, slot);

		f->generation = 0;
		for (unsigned i = 0; i < FLOW_ASKED; i++)
			f->asked[i].rule = POLICY_NO_RULE;
	}
}

/* ---- requests that wait for answers ---- */

static void save(struct undo *u, const struct flow *f, uint32_t i)
{
	if (!(u->touched >> i & 1)) {
		u->touched |= 1u << i;
		u->saved[i] = f->asked[i];
	}
}

void undo_all(const struct undo *u, struct flow *f)
{
	for (uint32_t t = u->touched; t; t &= t - 1) {
		unsigned i = (unsigned)__builtin_ctz(t);
		f->asked[i] = u->saved[i];
	}
	f->asked_used = u->used;
	f->job = u->job;
	f->job_us = u->job_us;
}

enum reason pending_add(struct flow *f, struct undo *u, const struct asked *ask, uint16_t rule,
			int64_t expires_us, int64_t now_us)
{
	int32_t same = asked_find(f->asked, pending_slots(f), ask->id);
	uint32_t slot = FLOW_ASKED;

	if (same >= 0) {
		if (f->asked[same].expires_us > (uint64_t)now_us)
			return REASON_ID_IN_USE;
		slot = (uint32_t)same;
	} else if (~f->asked_used) {
		slot = (uint32_t)__builtin_ctz(~f->asked_used);
	} else {
		uint64_t oldest = (uint64_t)now_us + 1;
		for (uint32_t i = 0; i < FLOW_ASKED; i++)
			if (f->asked[i].expires_us < oldest) {
				oldest = f->asked[i].expires_us;
				slot = i;
			}
		if (slot == FLOW_ASKED)
			return REASON_PENDING_FULL;
	}
	save(u, f, slot);
	f->asked[slot] = *ask;
	f->asked[slot].expires_us = (uint64_t)expires_us;
	f->asked[slot].rule = rule;
	f->asked_used |= 1u << slot;
	return REASON_NONE;
}

void pending_keep(struct flow *f, struct undo *u, uint32_t slot, int64_t expires_us)
{
	save(u, f, slot);
	f->asked[slot].expires_us = (uint64_t)expires_us;
}

void pending_take(struct flow *f, struct undo *u, uint32_t slot)
{
	save(u, f, slot);
	f->asked[slot].expires_us = 0;
	f->asked_used &= ~(1u << slot);
}
