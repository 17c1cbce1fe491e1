/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/learn.h"

#include <string.h>

#include "fwd/common/slots.h"

_Static_assert((LEARN_SETS & (LEARN_SETS - 1)) == 0 && (LEARN_RING & (LEARN_RING - 1)) == 0,
	       "positions wrap by a mask");

/* One writer each: no read-modify-write needed. */
static void count(_Atomic uint64_t *c)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

static struct slots ring(struct learn *l)
{
	return (struct slots){.head = &l->head,
			      .at = l->ring,
			      .n = LEARN_RING,
			      .slot = sizeof(struct learn_slot),
			      .record = sizeof(struct shape)};
}

/* Said, so that what comes from here on is new. An engine that dies in between has it told twice: counts only grow. */
static void tell(struct learn *l, struct learn_entry *e, int64_t now_us)
{
	struct slots r = ring(l);

	if (e->shape.count == 0)
		return;
	slots_put(&r, &e->shape);
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
	struct slots r = ring(l);

	return slots_get(&r, tail, out, lost);
}
