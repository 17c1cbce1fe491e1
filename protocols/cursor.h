/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way bytes from the wire are read. A cursor walks a bounded view; the first read that fails latches a
 * struct fault, and every later read of it and of its sub-cursors returns 0 without moving, so a decoder may
 * read a whole structure and ask once at the end. A length field becomes a sub-cursor that cursor_end() must find consumed.
 */
#ifndef OTFW_PROTOCOLS_CURSOR_H
#define OTFW_PROTOCOLS_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/reason.h"

/* Why a PDU was refused: the field in the specification's own words, and the offset from the PDU's first byte. */
struct fault {
	enum reason reason;
	uint32_t offset;
	const char *field; /* static string; NULL while reason is REASON_NONE */
};

/* Bytes of the PDU (or of a name in it); never owned, valid as long as the PDU is. */
struct view {
	const uint8_t *data;
	uint32_t len;
};

struct cursor {
	const uint8_t *data; /* start of the PDU, so that offsets in faults count from there */
	uint32_t at, end;    /* next byte, first byte beyond */
	struct fault *fault; /* shared by all sub-cursors of one PDU */
};

/* len <= UINT32_MAX; *fault is reset. */
static inline struct cursor cursor_open(const uint8_t *data, uint32_t len, struct fault *fault)
{
	*fault = (struct fault){.reason = REASON_NONE};
	return (struct cursor){.data = data, .at = 0, .end = len, .fault = fault};
}

static inline bool cursor_ok(const struct cursor *c)
{
	return c->fault->reason == REASON_NONE;
}

static inline uint32_t cursor_left(const struct cursor *c)
{
	return c->end - c->at;
}

/* Latches (the first call wins), at the given offset from the start of the PDU. */
static inline void cursor_fail_at(struct cursor *c, enum reason reason, const char *field, uint32_t offset)
{
	if (c->fault->reason == REASON_NONE)
		*c->fault = (struct fault){.reason = reason, .offset = offset, .field = field};
}

/* Latches at the current position. */
static inline void cursor_fail(struct cursor *c, enum reason reason, const char *field)
{
	cursor_fail_at(c, reason, field, c->at);
}

/* True when n more bytes can be read; otherwise latches REASON_SHORT for field. */
static inline bool cursor_need(struct cursor *c, uint32_t n, const char *field)
{
	if (c->fault->reason != REASON_NONE)
		return false;
	if (c->end - c->at < n) {
		cursor_fail(c, REASON_SHORT, field);
		return false;
	}
	return true;
}

static inline uint8_t cursor_u8(struct cursor *c, const char *field)
{
	return cursor_need(c, 1, field) ? c->data[c->at++] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c, const char *field)
{
	if (!cursor_need(c, 2, field))
		return 0;
	const uint8_t *p = c->data + c->at;
	c->at += 2;
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t cursor_le16(struct cursor *c, const char *field)
{
	if (!cursor_need(c, 2, field))
		return 0;
	const uint8_t *p = c->data + c->at;
	c->at += 2;
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t cursor_be32(struct cursor *c, const char *field)
{
	uint32_t hi = cursor_be16(c, field);
	return hi << 16 | cursor_be16(c, field);
}

static inline uint32_t cursor_le32(struct cursor *c, const char *field)
{
	uint32_t lo = cursor_le16(c, field);
	return (uint32_t)cursor_le16(c, field) << 16 | lo;
}

/* The next n bytes as a view; an empty view after a failure. */
static inline struct view cursor_bytes(struct cursor *c, uint32_t n, const char *field)
{
	if (!cursor_need(c, n, field))
		return (struct view){0};
	struct view v = {.data = c->data + c->at, .len = n};
	c->at += n;
	return v;
}

/* A number inside a view whose length the caller knows: the compiler drops the check. 0 where the view is shorter. */
static inline uint8_t view_u8(struct view v, uint32_t at)
{
	return at < v.len ? v.data[at] : 0;
}

static inline uint16_t view_be16(struct view v, uint32_t at)
{
	if (v.len < 2 || at > v.len - 2)
		return 0;
	return (uint16_t)(v.data[at] << 8 | v.data[at + 1]);
}

/* A cursor over the next n bytes, which this one steps over. Close it with cursor_end(). */
static inline struct cursor cursor_sub(struct cursor *c, uint32_t n, const char *field)
{
	struct cursor s = *c;
	if (!cursor_need(c, n, field)) {
		s.end = s.at;
		return s;
	}
	s.end = s.at + n;
	c->at += n;
	return s;
}

/* Latches REASON_TRAILING when bytes are left. */
static inline void cursor_end(struct cursor *c, const char *field)
{
	if (cursor_ok(c) && c->at != c->end)
		cursor_fail(c, REASON_TRAILING, field);
}

/* Latches reason at the field that starts `back` bytes before the current position, unless ok. */
static inline void cursor_check(struct cursor *c, bool ok, uint32_t back, enum reason reason,
				const char *field)
{
	if (!ok)
		cursor_fail_at(c, reason, field, c->at - back);
}

#endif
