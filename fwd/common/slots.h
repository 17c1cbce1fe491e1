/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of records of one size in shared memory, from one writer to readers that write nothing. A slot is a sequence number
 * (its place + 1, written last; 0 while it is being written) and the record behind it, so that a reader sees a record whole or not at all. The
 * writer never waits: it overwrites, and the reader counts what it lost.
 */
#ifndef OTFW_FWD_COMMON_SLOTS_H
#define OTFW_FWD_COMMON_SLOTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where a ring is: n slots (a power of two), `slot` octets each, of which `record` follow the sequence number. */
struct slots {
	_Atomic uint64_t *head; /* records ever put */
	void *at;
	uint32_t n;
	uint32_t slot, record;
};

/* A writer that dies on the way leaves a slot with 0 at head, which its successor writes again: head moves last. */
static inline void slots_put(const struct slots *s, const void *record)
{
	uint64_t at = atomic_load_explicit(s->head, memory_order_relaxed);
	char *slot = (char *)s->at + (at & (s->n - 1)) * s->slot;
	_Atomic uint64_t *seq = (_Atomic uint64_t *)(void *)slot;

	atomic_store_explicit(seq, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(slot + sizeof(*seq), record, s->record);
	atomic_store_explicit(seq, at + 1, memory_order_release);
	atomic_store_explicit(s->head, at + 1, memory_order_release);
}

/*
 * The next record at *tail. 1: out is filled; 0: nothing new. *lost grows by what was overwritten before it was read. A writer that keeps
 * overtaking ends the call after one round. The writer is not trusted: octets in out can be anything.
 */
static inline int slots_get(const struct slots *s, uint64_t *tail, void *out, uint64_t *lost)
{
	for (uint32_t round = 0; round < s->n; round++) {
		uint64_t head = atomic_load_explicit(s->head, memory_order_acquire);

		if (*tail >= head)
			return 0;
		if (head - *tail > s->n) {
			*lost += head - s->n - *tail;
			*tail = head - s->n;
		}
		uint64_t want = *tail + 1;
		const char *slot = (const char *)s->at + (*tail & (s->n - 1)) * s->slot;
		const _Atomic uint64_t *seq = (const _Atomic uint64_t *)(const void *)slot;
		*tail = want;
		if (atomic_load_explicit(seq, memory_order_acquire) == want) {
			memcpy(out, slot + sizeof(*seq), s->record);
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(seq, memory_order_relaxed) == want)
				return 1;
		}
		*lost += 1;
	}
	return 0;
}

#endif
