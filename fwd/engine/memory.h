/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine makes of the two big parts of its shared memory, the flow array and the pool. Nothing here is ever
 * allocated from anywhere else, so the engine's memory is fixed at start: 40 MiB flows and 56 MiB pool.
 *
 *   pool = head | 32,768 small rings of 1 KiB | 4,096 cells of 1.5 KiB | 572 chunks of 32 KiB
 *
 * A small ring belongs to a flow and direction for good: that much history is guaranteed whatever others do. Cells belong
 * to the held segments of the same number. Chunks are lent: to the history of streams with more than 1 KiB unacknowledged
 * (up to HISTORY_CHUNKS each, 2 MiB) and to held segments that do not fit in a cell.
 */
#ifndef OTFW_FWD_ENGINE_MEMORY_H
#define OTFW_FWD_ENGINE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "fwd/common/shm.h"

#define FLOW_BUCKETS   32768u
#define RING_SIZE      1024u
#define CELL_SIZE      1536u
#define CHUNK_SIZE     32768u
#define CHUNK_NONE     0xffffu
#define POOL_HEAD      (128u << 10)
#define POOL_RINGS     (SHM_FLOWS * 2u * RING_SIZE)
#define POOL_CELLS     (SHM_HELD * CELL_SIZE)
#define POOL_CHUNKS    ((SHM_POOL_SIZE - POOL_HEAD - POOL_RINGS - POOL_CELLS) / CHUNK_SIZE)
#define CHUNK_WORDS    ((POOL_CHUNKS + 63u) / 64u)
#define HELD_WORDS     (SHM_HELD / 64u)
#define HISTORY_CHUNKS 64u /* a power of two */

/* At the start of the pool. */
struct pool_head {
	uint64_t ready;         /* 1 once laid out */
	uint64_t key[2];        /* of the flow hash */
	uint32_t fresh;         /* flow slots from here on were never used */
	uint32_t free_flow;     /* list of freed slots: slot + 1, 0 ends */
	uint32_t nflows, nheld; /* in use */
	uint32_t nchunks_free;
	uint32_t sweep_at; /* next flow slot that the sweep looks at */
	int64_t swept_us;
	uint64_t chunk_used[CHUNK_WORDS];
	uint64_t held_used[HELD_WORDS];
	uint16_t bucket[FLOW_BUCKETS]; /* slot + 1, 0: empty */
};
_Static_assert(sizeof(struct pool_head) <= POOL_HEAD, "the pool's head does not fit");
_Static_assert(POOL_CHUNKS >= 256 && POOL_CHUNKS < CHUNK_NONE, "too few or too many chunks");

/* Where everything is, in this process. */
struct memory {
	struct shm *shm;
	struct pool_head *head;
	uint8_t *flows, *pool;
	struct shm_held *held;
};

/*
 * Finds the parts and lays them out: the hash key (random) on first use; the lists, the buckets and the bitmaps anew
 * every time, for flow.c to fill from the flows it keeps.
 */
void memory_open(struct memory *m, struct shm *shm);

/* n (1 or 2) adjacent chunks; the number of the first, or CHUNK_NONE. */
uint16_t chunk_take(struct memory *m, unsigned n);
void chunk_give(struct memory *m, uint16_t first, unsigned n);
/* Marks a chunk that a kept flow says it has. False when it is taken already or is none. */
bool chunk_claim(struct memory *m, uint16_t chunk);

static inline uint8_t *chunk_at(const struct memory *m, uint16_t chunk)
{
	return m->pool + POOL_HEAD + POOL_RINGS + POOL_CELLS + (uint32_t)chunk * CHUNK_SIZE;
}
static inline uint8_t *ring_at(const struct memory *m, uint32_t slot, unsigned dir)
{
	return m->pool + POOL_HEAD + (slot * 2u + dir) * RING_SIZE;
}
static inline uint8_t *cell_at(const struct memory *m, uint32_t held)
{
	return m->pool + POOL_HEAD + POOL_RINGS + held * CELL_SIZE;
}

#endif
