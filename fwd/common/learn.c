/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/learn.h"

#include <string.h>

_Static_assert((LEARN_SETS & (LEARN_SETS - 1)) == 0 && (LEARN_RING & (LEARN_RING - 1)) == 0,
	       "positions wrap by a mask");

/* One writer each: no read-modify-write needed. */
static void count(_Atomic uint64_t *c)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The order of the stores is that of the event ring (event.c). */
static void put(struct learn *l, const struct shape *s)
{
	uint64_t at = atomic_load_explicit(&l->head, memory_order_relaxed);
	struct learn_slot *slot = &l->ring[at & (LEARN_RING - 1)];

	atomic_store_explicit(&slot->seq, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	slot->shape = *s;
	atomic_store_explicit(&slot->seq, at + 1, memory_order_release);
	atomic_store_explicit(&l->head, at + 1, memory_order_release);
}

/* Said, so that what comes from here on is new. An engine that dies in between has it told twice: counts only grow. */
static void tell(struct learn *l, struct learn_entry *e, int64_t now_us)
{
	if (e->shape.count == 0)
		return;
	put(l, &e->shape);
	e->shape.count = 0;
	e->told_us = now_us;
}

bool learn_note(struct learn *l, const struct shape *s)
{
	uint64_t hash = shape_hash(s);
	struct learn_entry *set = &l->entries[(hash & (LEARN_SETS - 1)) * LEARN_WAYS], *oldest = set;

	for (unsigned i = 0; i < LEARN_WAYS; i++) {
		struct learn_entry *e = &set[i];

		if (e->hash == hash && shape_same(&e->shape, s)) {
			shape_add(&e->shape, s);
			return false;
		}
		if (oldest->hash != 0 && (e->hash == 0 || e->shape.last_us < oldest->shape.last_us))
			oldest = e;
	}
	if (oldest->hash != 0) {
		tell(l, oldest, s->last_us);
		count(&l->pushed);
	}
	/* In this order: an engine that dies here leaves a free entry, never a torn one. */
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&oldest->hash = 0;
	oldest->shape = *s;
	oldest->told_us = 0;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&oldest->hash = hash;
	count(&l->fresh);
	return true;
}

void learn_tick(struct learn *l, int64_t now_us)
{
	for (unsigned i = 0; i < LEARN_TURN; i++) {
		struct learn_entry *e = &l->entries[l->sweep_at++ % (LEARN_SETS * LEARN_WAYS)];

		if (e->hash != 0 && e->shape.count != 0 &&
		    (now_us - e->told_us >= LEARN_EVERY_US || now_us < e->told_us))
			tell(l, e, now_us);
	}
}

int learn_get(struct learn *l, uint64_t *tail, struct shape *out, uint64_t *lost)
{
	for (unsigned round = 0; round < LEARN_RING; round++) {
		uint64_t head = atomic_load_explicit(&l->head, memory_order_acquire);

		if (*tail >= head)
			return 0;
		if (head - *tail > LEARN_RING) {
			*lost += head - LEARN_RING - *tail;
			*tail = head - LEARN_RING;
		}
		uint64_t want = *tail + 1;
		struct learn_slot *slot = &l->ring[*tail & (LEARN_RING - 1)];
		*tail = want;
		if (atomic_load_explicit(&slot->seq, memory_order_acquire) == want) {
			*out = slot->shape;
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(&slot->seq, memory_order_relaxed) == want)
				return 1;
		}
		*lost += 1;
	}
	return 0;
}
