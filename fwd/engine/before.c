/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/before.h"

#include <string.h>

#include "fwd/engine/work.h"

#define HEAD offsetof(struct flow, asked)

static uint32_t state_size(const struct flow *f)
{
	const struct proto *p = f->route.proto >= 0 ? proto_get((unsigned)f->route.proto) : NULL;

	return p && p->state_size <= PROTO_STATE_MAX ? p->state_size : 0;
}

void before_keep(const struct memory *m, uint32_t slot, const struct change *c)
{
	struct shm_before *b = &m->shm->before;
	const struct flow *f = flow_at(m, slot);
	struct flow *kept = (struct flow *)(void *)b->flow;

	before_done(m->shm);
	b->dir = c->dir;
	b->end = c->end;
	b->octets = c->octets;
	b->fresh = c->fresh;
	if (!c->fresh) {
		b->asked = pending_slots(f);
		b->state = state_size(f);
		memcpy(kept, f, HEAD);
		memcpy(kept->asked, f->asked, b->asked * sizeof *f->asked);
		if (b->state)
			memcpy(kept->state, f->state, b->state);
	}
	atomic_store_explicit(&b->slot, slot, memory_order_release);
	/* What is killed has done all before the place where it was: only the compiler must not move a change up to here. */
	atomic_signal_fence(memory_order_seq_cst);
}

/* How much of a stream's history the packet cannot have overwritten: in a ring the oldest octets, else a chunk for each that it needed. */
static uint32_t history_left(const struct stream *s, uint32_t octets)
{
	uint64_t from =
		s->off + octets < RING_SIZE ? 0 : s->off + octets - RING_SIZE; /* the first that is there */

	if (s->nchunks) {
		uint64_t end = (s->off + octets + CHUNK_SIZE - 1) / CHUNK_SIZE;
		uint64_t have = s->first_chunk + s->nchunks;
		from = (s->first_chunk + (end > have ? end - have : 0)) * CHUNK_SIZE;
	}
	uint64_t left = s->off > from ? s->off - from : 0;
	return s->kept < left ? s->kept : (uint32_t)left;
}

/* Octets that the packet may have written into the history that is put back. */
static uint32_t written(const struct stream *torn, const struct stream *kept, uint32_t octets)
{
	/* It goes on before it writes; from a ring that is too small it writes elsewhere. */
	return torn->next == kept->next || (kept->nchunks == 0 && torn->nchunks != 0) ? 0 : octets;
}

void before_restore(struct memory *m)
{
	struct shm_before *b = &m->shm->before;
	uint32_t slot = atomic_load_explicit(&b->slot, memory_order_acquire);
	const struct flow *kept = (const struct flow *)(const void *)b->flow;

	if (slot >= SHM_FLOWS)
		return;
	struct flow *f = flow_at(m, slot);
	if (b->fresh) {
		f->used = 0;
		return;
	}
	unsigned dir = b->dir & 1;
	uint32_t octets = written(&f->dir[dir], &kept->dir[dir], b->octets);
	uint32_t asked = b->asked <= FLOW_ASKED ? b->asked : FLOW_ASKED;
	memcpy(f, kept, HEAD);
	memcpy(f->asked, kept->asked, asked * sizeof *f->asked);
	for (uint32_t i = asked; i < FLOW_ASKED; i++)
		f->asked[i].expires_us = 0;
	memcpy(f->state, kept->state, b->state <= PROTO_STATE_MAX ? b->state : PROTO_STATE_MAX);
	struct stream *s = &f->dir[dir];
	s->kept = history_left(s, octets);
	if (f->route.failure != FAILURE_OPEN)
		return;
	/* The guardian lets it go. Which chunks are taken is not known before flow_recover(): they are only forgotten. */
	if (f->key.ipproto == 6 && b->octets &&
	    (s->state == STREAM_NONE || (int32_t)(b->end - s->next) > 0)) {
		s->nchunks = 0;
		stream_skip(&(struct history){m, slot, dir}, s, b->end);
	}
}
