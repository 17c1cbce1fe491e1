/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a TCP session: which octet comes next, the octets that were forwarded last, and the PDU that has begun
 * but is not complete. Pure.
 *
 * History: the octets before `next`, as they were forwarded. A repetition must equal them. Each direction keeps at least the
 * last 1,024 octets (32,768 rings, 32 MiB); one that has more than that unacknowledged borrows chunks of 32 KiB from
 * a common 18 MiB, two at first and up to 64 (2 MiB) while a quarter of them is free. Pure acknowledgements do not reach the
 * engine, so "acknowledged" is what the other direction's payload segments said.
 */
#ifndef OTFW_FWD_ENGINE_STREAM_H
#define OTFW_FWD_ENGINE_STREAM_H

#include "fwd/engine/memory.h"
#include "protocols/proto.h"

enum stream_state {
	STREAM_NONE, /* nothing seen: the first payload is a pick-up */
	STREAM_SYNC, /* next is known, and every PDU boundary since */
	STREAM_LOST  /* next is known, but not where PDUs begin */
};

struct stream {
	uint64_t off;       /* octets forwarded since next was first known: the position of next */
	uint32_t next;      /* sequence number expected next */
	uint32_t kept;      /* octets of history before next */
	uint32_t acked;     /* the other end has said it has everything before this */
	uint32_t hole, gap; /* open zones: octets [hole, hole + gap) were given up; they may still come */
	uint32_t stalled;   /* closed zones: the first octet behind the gap that did not fill in time last, */
	uint32_t part;      /* octets of an incomplete PDU, already forwarded */
	uint32_t need;      /* its length, 0 while the header is not complete */
	uint8_t state;      /* enum stream_state */
	uint8_t stalls;     /* and how often it did not */
	bool from_syn;      /* next was learnt from the handshake */
	uint16_t held;      /* first of its held segments, by sequence number; SHM_HELD_NONE */
	uint16_t nchunks;
	uint64_t first_chunk; /* position / CHUNK_SIZE of the oldest */
	uint16_t chunk[HISTORY_CHUNKS];
};

/* Where one direction's octets live: its small ring, or the chunks of the pool. */
struct history {
	struct memory *m;
	uint32_t slot;
	unsigned dir;
};

/* Begins anew at sequence number next. Chunks are given back. */
void stream_start(const struct history *h, struct stream *s, uint32_t next, bool from_syn);
/* Continues at sequence number next after octets that were never seen: no history, no PDU in progress, out of step. */
void stream_skip(const struct history *h, struct stream *s, uint32_t next);
/* Gives chunks back; the last RING_SIZE octets stay. */
void stream_shrink(const struct history *h, struct stream *s);

/* n octets were forwarded: next moves on, history grows. Bounded by n. */
void stream_forward(const struct history *h, struct stream *s, const uint8_t *data, uint32_t n);

/* Copies the n octets that start `back` octets before next. back <= kept, n <= back. */
void stream_copy(const struct history *h, const struct stream *s, uint32_t back, uint8_t *out, uint32_t n);
/* Do these n octets equal the ones that start `back` octets before next? Same bounds. */
bool stream_same(const struct history *h, const struct stream *s, uint32_t back, const uint8_t *data,
		 uint32_t n);

/* Walks the PDUs of the octets at next. Changes nothing: the walk is kept by stream_keep() when the segment passes. */
struct walk {
	const uint8_t *data;
	uint32_t len, at;
	uint32_t part, need; /* as in struct stream, at position at */
	uint32_t start;      /* offset in data where the last PDU ended: what comes after was not judged */
	struct fault fault;  /* after FRAME_BAD */
};
void walk_open(struct walk *w, const struct stream *s, const uint8_t *data, uint32_t len);
/*
 * The next PDU: FRAME_PDU with *pdu in data or put together in join (PROTO_PDU_MAX octets), FRAME_MORE when the octets end
 * before it is complete, FRAME_BAD when this is none (or a part of it is no longer kept: REASON_TABLE_FULL).
 */
enum frame_state walk_next(struct walk *w, const struct history *h, const struct stream *s,
			   const struct proto *proto, bool from_server, uint8_t *join, struct view *pdu);
/* The walk's PDU in progress becomes the stream's. */
void stream_keep(struct stream *s, const struct walk *w);

#endif
