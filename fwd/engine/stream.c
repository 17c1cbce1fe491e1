/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/stream.h"

#include <string.h>

#define CHUNKS_FIRST 2u /* borrowed at once, so that 32 KiB at least stay when the oldest is used again */

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void give_chunks(const struct history *h, struct stream *s)
{
	for (unsigned i = 0; i < s->nchunks && i < HISTORY_CHUNKS; i++)
		chunk_give(h->m, s->chunk[(s->first_chunk + i) % HISTORY_CHUNKS], 1);
	s->nchunks = 0;
}

void stream_start(const struct history *h, struct stream *s, uint32_t next, bool from_syn)
{
	give_chunks(h, s);
	s->off = 0;
	s->next = s->acked = next;
	s->kept = s->part = s->need = s->gap = 0;
	s->stalls = 0;
	s->state = STREAM_SYNC;
	s->from_syn = from_syn;
}

void stream_skip(const struct history *h, struct stream *s, uint32_t next)
{
	give_chunks(h, s);
	s->next = s->acked = next;
	s->kept = s->part = s->need = 0;
	s->state = STREAM_LOST;
	s->from_syn = false;
}

/* The octet at a position, and how many follow it contiguously. */
static uint8_t *place(const struct history *h, const struct stream *s, uint64_t pos, uint32_t *run)
{
	if (s->nchunks == 0) {
		uint32_t at = (uint32_t)(pos % RING_SIZE);
		*run = RING_SIZE - at;
		return ring_at(h->m, h->slot, h->dir) + at;
	}
	uint32_t at = (uint32_t)(pos % CHUNK_SIZE);
	*run = CHUNK_SIZE - at;
	return chunk_at(h->m, s->chunk[pos / CHUNK_SIZE % HISTORY_CHUNKS]) + at;
}

void stream_copy(const struct history *h, const struct stream *s, uint32_t back, uint8_t *out, uint32_t n)
{
	uint64_t pos = s->off - back;
	while (n > 0) {
		uint32_t run;
		const uint8_t *p = place(h, s, pos, &run);
		run = min32(run, n);
		memcpy(out, p, run);
		out += run;
		pos += run;
		n -= run;
	}
}

bool stream_same(const struct history *h, const struct stream *s, uint32_t back, const uint8_t *data,
		 uint32_t n)
{
	uint64_t pos = s->off - back;
	while (n > 0) {
		uint32_t run;
		const uint8_t *p = place(h, s, pos, &run);
		run = min32(run, n);
		if (memcmp(data, p, run) != 0)
			return false;
		data += run;
		pos += run;
		n -= run;
	}
	return true;
}

void stream_shrink(const struct history *h, struct stream *s)
{
	uint8_t last[RING_SIZE];
	uint32_t n = min32(s->kept, RING_SIZE);

	if (s->nchunks == 0)
		return;
	stream_copy(h, s, n, last, n);
	uint8_t *ring = ring_at(h->m, h->slot, h->dir);
	for (uint32_t i = 0; i < n; i++)
		ring[(s->off - n + i) % RING_SIZE] = last[i];
	/* In this order: wherever an engine is killed in it, what is kept is there. */
	s->kept = n;
	atomic_signal_fence(memory_order_seq_cst);
	give_chunks(h, s);
}

/* The chunk after the last one: a new one while the pool is well filled, else the oldest of the stream's own. */
static void next_chunk(const struct history *h, struct stream *s)
{
	uint16_t c = CHUNK_NONE;

	if (s->nchunks < HISTORY_CHUNKS &&
	    (s->nchunks < CHUNKS_FIRST || h->m->head->nchunks_free > POOL_CHUNKS / 4))
		c = chunk_take(h->m, 1);
	if (c == CHUNK_NONE) {
		c = s->chunk[s->first_chunk % HISTORY_CHUNKS];
		s->first_chunk++;
		s->nchunks--;
	}
	s->chunk[(s->first_chunk + s->nchunks) % HISTORY_CHUNKS] = c;
	s->nchunks++;
}

/* From the small ring to chunks. The ring goes on when the pool has none left. */
static void grow(const struct history *h, struct stream *s)
{
	uint8_t last[RING_SIZE];
	uint32_t n = min32(s->kept, RING_SIZE);

	if (h->m->head->nchunks_free < CHUNKS_FIRST)
		return;
	stream_copy(h, s, n, last, n);
	s->first_chunk = (s->off - n) / CHUNK_SIZE;
	for (unsigned i = 0; i < CHUNKS_FIRST; i++)
		next_chunk(h, s);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t run;
		*place(h, s, s->off - n + i, &run) = last[i];
	}
}

void stream_forward(const struct history *h, struct stream *s, const uint8_t *data, uint32_t n)
{
	/* What may be repeated must stay, and so must the beginning of a PDU whose end has not come (part counts these octets too). */
	uint32_t wanted = s->next - s->acked + n;
	if (s->nchunks == 0 && (wanted > RING_SIZE || s->part > RING_SIZE))
		grow(h, s);
	s->next += n;
	/* In this order: what has not moved on has lost nothing (before.c). */
	atomic_signal_fence(memory_order_seq_cst);
	if (s->nchunks == 0) {
		uint32_t skip = n > RING_SIZE ? n - RING_SIZE : 0;
		s->kept = min32(s->kept + n, RING_SIZE);
		s->off += skip;
		data += skip;
		n -= skip;
		while (n > 0) {
			uint32_t run;
			uint8_t *p = place(h, s, s->off, &run);
			run = min32(run, n);
			memcpy(p, data, run);
			s->off += run;
			data += run;
			n -= run;
		}
		return;
	}
	s->kept += n;
	while (n > 0) {
		uint32_t run;
		while (s->off / CHUNK_SIZE >= s->first_chunk + s->nchunks)
			next_chunk(h, s);
		uint8_t *p = place(h, s, s->off, &run);
		run = min32(run, n);
		memcpy(p, data, run);
		s->off += run;
		data += run;
		n -= run;
	}
	uint64_t most = s->off - s->first_chunk * CHUNK_SIZE;
	if (s->kept > most)
		s->kept = (uint32_t)most;
}

void walk_open(struct walk *w, const struct stream *s, const uint8_t *data, uint32_t len)
{
	*w = (struct walk){.data = data, .len = len, .part = s->part, .need = s->need};
}

void stream_keep(struct stream *s, const struct walk *w)
{
	s->part = w->part;
	s->need = w->need;
}

static enum frame_state bad(struct walk *w, enum reason reason, uint32_t offset, const char *field)
{
	w->fault = (struct fault){.reason = reason, .offset = offset, .field = field};
	return FRAME_BAD;
}

/* What the header says, held against the protocol's limits. have: octets that frame() saw. */
static enum frame_state measure(struct walk *w, const struct proto *proto, const uint8_t *data, uint32_t have,
				bool from_server)
{
	uint32_t n = min32(have, proto->header);
	struct frame f = proto->frame(data, n, from_server);

	if (f.state == FRAME_BAD)
		return bad(w, f.fault.reason, f.fault.offset, f.fault.field);
	if (f.state == FRAME_MORE)
		return n < proto->header ? FRAME_MORE : bad(w, REASON_SHORT, n, "header");
	if (f.length > proto->max_pdu || f.length > PROTO_PDU_MAX)
		return bad(w, REASON_OVERSIZE, 0, "length");
	if (f.length == 0)
		return bad(w, REASON_LENGTH, 0, "length");
	w->need = f.length;
	return FRAME_PDU;
}

/* A PDU that began in an earlier segment. */
static enum frame_state walk_join(struct walk *w, const struct history *h, const struct stream *s,
				  const struct proto *proto, bool from_server, uint8_t *join,
				  struct view *pdu)
{
	uint32_t left = w->len - w->at;

	if (w->part > s->kept || w->part > PROTO_PDU_MAX)
		return bad(w, REASON_TABLE_FULL, 0, NULL);
	if (w->need == 0) {
		uint32_t take = 0;
		stream_copy(h, s, w->part, join, w->part);
		if (w->part < proto->header) {
			take = min32(proto->header - w->part, left);
			memcpy(join + w->part, w->data + w->at, take);
		}
		enum frame_state st = measure(w, proto, join, w->part + take, from_server);
		if (st == FRAME_BAD)
			return st;
		if (st == FRAME_MORE) {
			w->part += left;
			w->at = w->len;
			return st;
		}
		if (w->need < w->part)
			return bad(w, REASON_LENGTH, 0, "length");
	} else if (left >= w->need - w->part) {
		stream_copy(h, s, w->part, join, w->part);
	}
	uint32_t rest = w->need - w->part;
	if (left < rest) {
		w->part += left;
		w->at = w->len;
		return FRAME_MORE;
	}
	memcpy(join + w->part, w->data + w->at, rest);
	*pdu = (struct view){.data = join, .len = w->need};
	w->at += rest;
	w->start = w->at;
	w->part = w->need = 0;
	return FRAME_PDU;
}

enum frame_state walk_next(struct walk *w, const struct history *h, const struct stream *s,
			   const struct proto *proto, bool from_server, uint8_t *join, struct view *pdu)
{
	uint32_t left = w->len - w->at;

	if (left == 0)
		return FRAME_MORE;
	if (w->part > 0)
		return walk_join(w, h, s, proto, from_server, join, pdu);
	enum frame_state st = measure(w, proto, w->data + w->at, left, from_server);
	if (st == FRAME_BAD)
		return st;
	if (st == FRAME_MORE || left < w->need) {
		w->part = left;
		w->at = w->len;
		return FRAME_MORE;
	}
	*pdu = (struct view){.data = w->data + w->at, .len = w->need};
	w->at += w->need;
	w->start = w->at;
	w->need = 0;
	return FRAME_PDU;
}
