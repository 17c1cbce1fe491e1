/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments that arrived ahead of the stream: the queue itself reorders. Their verdict waits, their octets are kept, because the
 * decision is made from them when the gap before them fills.
 */
#include <string.h>

#include "fwd/engine/before.h"
#include "fwd/engine/work.h"

/* In front of the kept packet. */
struct kept {
	uint32_t len;
	uint32_t gso;
};

static bool in_cell(uint32_t len)
{
	return len + sizeof(struct kept) <= CELL_SIZE;
}

static uint8_t *bytes_of(const struct memory *m, uint32_t i)
{
	return m->pool + m->held[i].bytes;
}

static uint32_t take_slot(struct memory *m)
{
	for (uint32_t w = 0; w < HELD_WORDS; w++)
		if (~m->head->held_used[w]) {
			unsigned bit = (unsigned)__builtin_ctzll(~m->head->held_used[w]);
			m->head->held_used[w] |= 1ull << bit;
			m->head->nheld++;
			return w * 64 + bit;
		}
	return SHM_HELD_NONE;
}

static void give_slot(struct memory *m, uint32_t i)
{
	struct shm_held *h = &m->held[i];
	struct kept k;

	memcpy(&k, bytes_of(m, i), sizeof k);
	if (!in_cell(k.len)) {
		uint32_t first = (uint32_t)(h->bytes - (POOL_HEAD + POOL_RINGS + POOL_CELLS)) / CHUNK_SIZE;
		chunk_give(m, (uint16_t)first, k.len + sizeof k > CHUNK_SIZE ? 2 : 1);
	}
	atomic_store_explicit(&h->state, 0, memory_order_release);
	m->head->held_used[i / 64] &= ~(1ull << (i % 64));
	m->head->nheld--;
}

enum hold held_add(struct work *w)
{
	struct memory *m = &w->v->memory;
	const struct pkt *p = w->p;
	uint16_t *link = &w->s->held;

	for (unsigned i = 0; *link != SHM_HELD_NONE && i < HELD_PER_FLOW; i++) {
		const struct shm_held *h = &m->held[*link];
		int32_t d = (int32_t)(h->seq - p->seq);
		if (d == 0 && h->len == p->payload_len)
			return HOLD_REPEAT;
		if (d > 0)
			break;
		link = &m->held[*link].next;
	}
	if (w->f->nheld >= HELD_PER_FLOW)
		return HOLD_FULL;
	uint32_t size = p->len + (uint32_t)sizeof(struct kept), at;
	uint32_t i = take_slot(m);
	if (i == SHM_HELD_NONE)
		return HOLD_FULL;
	if (in_cell(p->len)) {
		at = POOL_HEAD + POOL_RINGS + i * CELL_SIZE;
	} else {
		uint16_t c = size > 2 * CHUNK_SIZE ? CHUNK_NONE : chunk_take(m, size > CHUNK_SIZE ? 2 : 1);
		if (c == CHUNK_NONE) {
			m->head->held_used[i / 64] &= ~(1ull << (i % 64));
			m->head->nheld--;
			return HOLD_FULL;
		}
		at = POOL_HEAD + POOL_RINGS + POOL_CELLS + (uint32_t)c * CHUNK_SIZE;
	}
	struct kept k = {.len = p->len, .gso = w->gso};
	memcpy(m->pool + at, &k, sizeof k);
	memcpy(m->pool + at + sizeof k, p->data, p->len);
	struct shm_held *h = &m->held[i];
	h->id = w->id;
	h->flow = w->slot;
	h->seq = p->seq;
	h->len = p->payload_len;
	h->bytes = at;
	h->dir = (uint8_t)w->dir;
	h->flags = p->flags;
	h->since_us = w->now->mono_us;
	h->next = *link;
	atomic_store_explicit(&h->state, 1, memory_order_release);
	*link = (uint16_t)i;
	w->f->nheld++;
	shm_add(w->v->shm, SHM_HELD_EVER, 1);
	return HOLD_DONE;
}

/* The work that a held segment is; its packet in *p. */
static void work_of(struct verdict *v, uint32_t i, const struct verdict_time *now, struct work *w,
		    struct pkt *p)
{
	struct memory *m = &v->memory;
	const struct shm_held *h = &m->held[i];
	struct kept k;

	/* Should the engine die on it, this is the suspect. */
	atomic_store_explicit(&v->shm->engine.current_id, h->id, memory_order_relaxed);
	memcpy(&k, bytes_of(m, i), sizeof k);
	(void)pkt_parse(bytes_of(m, i) + sizeof k, k.len, p); /* it parsed when it came */
	struct flow *f = flow_at(m, h->flow);
	*w = (struct work){
		.v = v,
		.now = now,
		.p = p,
		.id = h->id,
		.gso = k.gso,
		.slot = h->flow,
		.f = f,
		.s = &f->dir[h->dir],
		.dir = h->dir,
		.route = &f->route,
	};
}

static uint32_t pop(struct memory *m, struct flow *f, unsigned dir)
{
	uint32_t i = f->dir[dir].held;

	f->dir[dir].held = m->held[i].next;
	f->nheld--;
	return i;
}

void held_flush(struct verdict *v, uint32_t slot, enum reason reason, const struct verdict_time *now)
{
	struct flow *f = flow_at(&v->memory, slot);

	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned n = 0; f->dir[dir].held != SHM_HELD_NONE && n < HELD_PER_FLOW; n++) {
			struct work w;
			struct pkt p;
			uint32_t i = pop(&v->memory, f, dir);
			work_of(v, i, now, &w, &p);
			if (reason == REASON_FLOW_DEAD)
				work_forbid(&w, reason);
			else
				work_deny(&w, reason);
			give_slot(&v->memory, i);
		}
}

void held_settle(struct verdict *v, uint32_t slot, const struct verdict_time *now)
{
	struct flow *f = flow_at(&v->memory, slot);

	for (unsigned dir = 0; dir < 2; dir++) {
		struct stream *s = &f->dir[dir];
		for (unsigned n = 0; s->held != SHM_HELD_NONE && n < HELD_PER_FLOW; n++) {
			if (f->flags & FLOW_DEAD || (int32_t)(v->memory.held[s->held].seq - s->next) > 0)
				break;
			struct work w;
			struct pkt p;
			uint32_t i = pop(&v->memory, f, dir);
			work_of(v, i, now, &w, &p);
			work_keep(&w);
			segment_judge(&w);
			give_slot(&v->memory, i);
		}
	}
	if (f->flags & FLOW_DEAD && f->nheld)
		held_flush(v, slot, REASON_FLOW_DEAD, now);
}

bool held_give_up_gap(struct verdict *v, uint32_t slot, unsigned dir, const struct verdict_time *now)
{
	struct flow *f = flow_at(&v->memory, slot);
	struct stream *s = &f->dir[dir];

	if (s->held == SHM_HELD_NONE)
		return false;
	uint32_t to = v->memory.held[s->held].seq;
	before_keep(&v->memory, slot, &(struct change){.dir = dir, .end = s->next});
	s->hole = s->next;
	s->gap = to - s->next;
	stream_skip(&(struct history){&v->memory, slot, dir}, s, to);
	flow_unseen(f, now->mono_us);
	return true;
}

static int64_t patience(const struct verdict *v, const struct flow *f)
{
	int64_t us = f->route.deadline_us ? f->route.deadline_us : HELD_DEFAULT_US;

	if (!v->policy)
		return VERDICT_GAP_US;
	return us < HELD_LONGEST_US ? us : HELD_LONGEST_US;
}

/* Takes one held segment out of its list. */
static void unlink_held(struct memory *m, uint32_t i)
{
	struct flow *f = flow_at(m, m->held[i].flow);
	uint16_t *link = &f->dir[m->held[i].dir].held;

	for (unsigned n = 0; *link != SHM_HELD_NONE && n < HELD_PER_FLOW; n++) {
		if (*link == i) {
			*link = m->held[i].next;
			f->nheld--;
			return;
		}
		link = &m->held[*link].next;
	}
}

/* Its sender is sure that all before it has arrived: it repeats this segment and nothing earlier. */
static bool out_of_sync(struct stream *s, uint32_t seq)
{
	/* Those behind it expire with it and say nothing new. */
	if (s->stalls && (int32_t)(s->stalled - s->next) > 0 && (int32_t)(seq - s->stalled) > 0)
		return false;
	if (s->stalls == 0 || s->stalled != seq) {
		s->stalled = seq;
		s->stalls = 0;
	}
	return ++s->stalls >= HELD_STALLS;
}

static void expire_one(struct verdict *v, uint32_t i, const struct verdict_time *now)
{
	struct memory *m = &v->memory;
	uint32_t slot = m->held[i].flow;
	unsigned dir = m->held[i].dir;
	struct flow *f = flow_at(m, slot);
	struct work w;
	struct pkt p;

	atomic_store_explicit(&v->shm->engine.current_flow, slot, memory_order_relaxed);
	work_of(v, i, now, &w, &p);
	if (!work_open(&w) && !work_in_step(&w)) {
		unlink_held(m, i);
		if (out_of_sync(w.s, p.seq)) {
			w.ahead = true;
			work_report(&w, JUDGED_DENY, false, REASON_GAP, NULL, NULL);
			work_cut(&w, false);
		} else {
			work_deny(&w, REASON_HELD_EXPIRED);
		}
		give_slot(m, i);
		if (f->flags & FLOW_DEAD)
			held_flush(v, slot, REASON_FLOW_DEAD, now);
		return;
	}
	if (!work_open(&w))
		work_report_denied(&w, REASON_HELD_EXPIRED, NULL, NULL);
	/* Those before it in the list have gaps of their own. */
	for (unsigned n = 0; n < HELD_PER_FLOW && m->head->held_used[i / 64] >> (i % 64) & 1; n++) {
		if (!held_give_up_gap(v, slot, dir, now))
			break;
		held_settle(v, slot, now);
		if (f->flags & FLOW_DEAD)
			break;
	}
}

int64_t held_expire(struct verdict *v, const struct verdict_time *now)
{
	struct memory *m = &v->memory;
	int64_t next = INT64_MAX;

	for (uint32_t k = 0; m->head->nheld && k < HELD_WORDS; k++)
		for (uint64_t bits = m->head->held_used[k]; bits; bits &= bits - 1) {
			uint32_t i = k * 64 + (uint32_t)__builtin_ctzll(bits);
			if (!(m->head->held_used[k] >> (i % 64) & 1))
				continue; /* let go together with an earlier one */
			const struct shm_held *h = &m->held[i];
			int64_t left = patience(v, flow_at(m, h->flow)) - (now->mono_us - h->since_us);
			if (left > 0)
				next = left < next ? left : next;
			else
				expire_one(v, i, now);
		}
	return next;
}
