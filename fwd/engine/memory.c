/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/memory.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

void memory_open(struct memory *m, struct shm *shm)
{
	*m = (struct memory){
		.shm = shm,
		.flows = shm_at(shm, shm->flows_at),
		.pool = shm_at(shm, shm->pool_at),
		.held = shm_at(shm, shm->held_at),
	};
	m->head = (struct pool_head *)(void *)m->pool;
	struct pool_head *h = m->head;
	if (!h->ready) {
		/* The key only makes buckets hard to guess; a clock is good enough where there is no entropy yet. */
		if (getrandom(h->key, sizeof h->key, GRND_NONBLOCK) != (ssize_t)sizeof h->key) {
			struct timespec t;
			clock_gettime(CLOCK_REALTIME, &t);
			h->key[0] = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec;
			h->key[1] = h->key[0] * 0x9e3779b97f4a7c15u ^ (uintptr_t)m;
		}
		h->ready = 1;
	}
	h->free_flow = 0;
	h->nflows = h->nheld = 0;
	h->nchunks_free = POOL_CHUNKS;
	memset(h->chunk_used, 0, sizeof h->chunk_used);
	memset(h->held_used, 0, sizeof h->held_used);
	memset(h->bucket, 0, sizeof h->bucket);
	for (unsigned i = POOL_CHUNKS; i < CHUNK_WORDS * 64u; i++)
		h->chunk_used[i / 64] |= 1ull << (i % 64);
}

uint16_t chunk_take(struct memory *m, unsigned n)
{
	struct pool_head *h = m->head;

	for (unsigned w = 0; w < CHUNK_WORDS; w++) {
		uint64_t open = ~h->chunk_used[w];
		if (n == 2)
			open &= open >> 1;
		if (!open)
			continue;
		unsigned bit = (unsigned)__builtin_ctzll(open);
		h->chunk_used[w] |= (n == 2 ? 3ull : 1ull) << bit;
		h->nchunks_free -= n;
		return (uint16_t)(w * 64 + bit);
	}
	return CHUNK_NONE;
}

void chunk_give(struct memory *m, uint16_t first, unsigned n)
{
	for (unsigned i = first; i < first + n && i < POOL_CHUNKS; i++) {
		m->head->chunk_used[i / 64] &= ~(1ull << (i % 64));
		m->head->nchunks_free++;
	}
}

bool chunk_claim(struct memory *m, uint16_t chunk)
{
	if (chunk >= POOL_CHUNKS || m->head->chunk_used[chunk / 64] >> (chunk % 64) & 1)
		return false;
	m->head->chunk_used[chunk / 64] |= 1ull << (chunk % 64);
	m->head->nchunks_free--;
	return true;
}
