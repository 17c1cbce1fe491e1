/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths: Volume 1, C-1.4. A padded path is a row of segments, each of whole 16-bit words:
 *
 *    000x pppp  port       a hop: port number and the address behind it      backplane, slot 2: 01 02
 *    001t ttff  logical    class, instance, member, connection point, attribute, or an electronic key; 8, 16 or 32 bits
 *    010x xxxx  network    how often a connection may produce
 *    011n nnnn  symbolic   a name of n octets
 *    1000 0000  data       words that configure what is opened
 *    1001 0001  data       a name, its length before it
 *
 * A tag's name is put together as people write it: `Program:Main.Line[2].Speed`. An index at its very end is not part of the
 * name but where the elements begin. Names may hold anything printable but `.`, `[`, `]` and `,`, so that no two paths
 * read the same.
 */
#include <string.h>

#include "protocols/enip.h"

/* Where the walk stands. */
struct walk {
	struct enip *e;
	struct cursor *c;
	struct cip_path *p;
	enum path_kind kind;
	uint32_t hops;
	uint32_t index[CIP_INDEXES_MAX];
	uint32_t nindex; /* indexes behind the last symbol */
	uint32_t symbols;
	bool key_written; /* key is in scratch */
};

static void wrong(struct walk *w, enum reason reason, const char *field, uint32_t back)
{
	cursor_fail_at(w->c, reason, field, w->c->at - back);
}

static void pad(struct walk *w, bool odd)
{
	if (!odd)
		return;
	uint32_t zero = cursor_u8(w->c, "path.pad");
	cursor_check(w->c, zero == 0, 1, REASON_RESERVED, "path.pad");
}

/* ---- hops ---- */

static void port(struct walk *w, uint32_t head)
{
	uint32_t start = w->c->at - 1, number = head & 15, size = 1, link = 0;
	bool extended = head & 16;
	if (w->kind == PATH_REQUEST || w->p->npairs || w->symbols || w->p->config.data) {
		wrong(w, REASON_FIELD_VALUE, "path.port", 1);
		return;
	}
	if (extended) {
		size = cursor_u8(w->c, "path.link-size");
		cursor_check(w->c, size >= 1, 1, REASON_COUNT, "path.link-size");
	}
	if (number == 15)
		number = cursor_le16(w->c, "path.port");
	cursor_check(w->c, number >= 1, 1, REASON_RESERVED, "path.port");
	if (extended)
		cursor_bytes(w->c, size, "path.link");
	else
		link = cursor_u8(w->c, "path.link");
	pad(w, (w->c->at - start) & 1);
	bool plain = !extended && number < 15 && ++w->hops == 1 && w->p->route == ROUTE_DIRECT;
	w->p->route = plain ? (uint16_t)(number << 8 | link) : (uint16_t)ROUTE_ELSEWHERE;
}

/* ---- names ---- */

static bool key_put(struct walk *w, const uint8_t *from, uint32_t n)
{
	if (!cursor_ok(w->c))
		return false;
	if (w->p->key.len + n > CIP_KEY_MAX || w->e->scratch + n > PDU_SCRATCH) {
		wrong(w, REASON_OVERSIZE, "path.symbol", 0);
		return false;
	}
	memcpy(w->e->out->scratch + w->e->scratch, from, n);
	w->e->scratch += n;
	w->p->key.len += n;
	return true;
}

/* From now on the key grows in scratch. */
static void key_move(struct walk *w)
{
	if (w->key_written)
		return;
	struct view have = w->p->key;
	w->key_written = true;
	w->p->key.data = w->e->out->scratch + w->e->scratch;
	w->p->key.len = 0;
	if (have.len)
		key_put(w, have.data, have.len);
}

static void key_number(struct walk *w, uint32_t n)
{
	uint8_t digits[10];
	unsigned at = sizeof digits;
	do
		digits[--at] = (uint8_t)('0' + n % 10);
	while ((n /= 10) != 0);
	key_put(w, digits + at, (uint32_t)sizeof digits - at);
}

/* The indexes seen so far belong to what is named, for more follows, or because they are of several dimensions. */
static void key_indexes(struct walk *w)
{
	if (w->nindex == 0)
		return;
	key_move(w);
	for (uint32_t i = 0; i < w->nindex; i++) {
		key_put(w, (const uint8_t *)(i ? "," : "["), 1);
		key_number(w, w->index[i]);
	}
	key_put(w, (const uint8_t *)"]", 1);
	w->nindex = 0;
}

static bool name_good(struct view v)
{
	for (uint32_t i = 0; i < v.len; i++) {
		uint8_t x = v.data[i];
		if (x <= ' ' || x == 0x7f || x == '.' || x == '[' || x == ']' || x == ',')
			return false;
	}
	return v.len > 0;
}

static void symbol(struct walk *w, uint32_t n)
{
	struct view name = cursor_bytes(w->c, n, "path.symbol");
	if (!cursor_ok(w->c))
		return;
	if (w->kind == PATH_ROUTE || w->p->has_attribute || w->p->npoints || !name_good(name)) {
		wrong(w, REASON_FIELD_VALUE, "path.symbol", n);
		return;
	}
	/* Names end where an object begins, but an instance of symbols has members with names. */
	if (w->p->npairs && w->p->class[w->p->npairs - 1] != CLASS_SYMBOL) {
		wrong(w, REASON_FIELD_VALUE, "path.symbol", n);
		return;
	}
	if (w->symbols++ == 0 && w->nindex == 0) {
		w->p->key = name;
	} else {
		key_indexes(w);
		key_move(w);
		if (w->p->key.len)
			key_put(w, (const uint8_t *)".", 1);
		key_put(w, name.data, name.len);
	}
	w->p->has_key = true;
}

/* ---- logical segments ---- */

static void electronic_key(struct walk *w)
{
	uint32_t format = cursor_u8(w->c, "path.key-format");
	cursor_check(w->c, format == 4 && w->kind == PATH_CONNECT && !w->p->npairs, 1, REASON_FIELD_VALUE,
		     "path.key-format");
	cursor_bytes(w->c, 8, "path.key");
}

static void logical(struct walk *w, uint32_t head)
{
	struct cip_path *p = w->p;
	uint32_t type = head >> 2 & 7, format = head & 3, value, start = w->c->at - 1;
	if (w->kind == PATH_ROUTE) {
		wrong(w, REASON_FIELD_VALUE, "path.segment", 1);
		return;
	}
	if (type == 5 && format == 0) {
		electronic_key(w);
		return;
	}
	bool wide = type == 1 || type == 2 || type == 3; /* what may have 32 bits */
	if (type >= 5 || format == 3 || (format == 2 && !wide)) {
		wrong(w, REASON_RESERVED, "path.segment", 1);
		return;
	}
	if (format)
		pad(w, true);
	value = format == 0   ? cursor_u8(w->c, "path.value")
		: format == 1 ? cursor_le16(w->c, "path.value")
			      : cursor_le32(w->c, "path.value");
	if (!cursor_ok(w->c))
		return;
	bool good = true;
	switch (type) {
	case 0:
		good = p->npairs < CIP_PAIRS_MAX && value != 0 && !p->has_attribute && !p->npoints &&
		       !p->nmembers && w->nindex == 0 && (p->npairs == 0 || p->has_instance[p->npairs - 1]) &&
		       !(w->symbols && p->npairs);
		if (!good)
			break;
		p->class[p->npairs] = value;
		p->has_instance[p->npairs++] = false;
		break;
	case 1:
		good = p->npairs && !p->has_instance[p->npairs - 1] && !p->has_attribute && !p->npoints &&
		       w->nindex == 0;
		if (!good)
			break;
		p->instance[p->npairs - 1] = value;
		p->has_instance[p->npairs - 1] = true;
		break;
	case 2:
		if (w->symbols || (p->npairs && p->class[p->npairs - 1] == CLASS_SYMBOL)) {
			good = w->nindex < CIP_INDEXES_MAX &&
			       !(w->symbols && p->npairs && p->class[p->npairs - 1] != CLASS_SYMBOL);
			if (good)
				w->index[w->nindex++] = value;
			break;
		}
		good = p->npairs && p->nmembers == 0 && !p->npoints;
		p->member = value;
		p->nmembers = 1;
		break;
	case 3:
		good = w->kind == PATH_CONNECT && p->npairs && p->npoints < CIP_POINTS_MAX &&
		       !p->has_attribute;
		if (good)
			p->points[p->npoints++] = value;
		break;
	default:
		good = p->npairs && !p->has_attribute && !p->npoints && !p->nmembers && w->nindex == 0;
		p->attribute = value;
		p->has_attribute = true;
		break;
	}
	if (!good)
		cursor_fail_at(w->c, REASON_FIELD_VALUE, "path.segment", start);
}

/* Production inhibit time and the like: they bear on when, not on what. */
static void network(struct walk *w, uint32_t head)
{
	if (w->kind != PATH_CONNECT || head < 0x41 || head > 0x43) {
		wrong(w, REASON_FIELD_VALUE, "path.segment", 1);
		return;
	}
	cursor_u8(w->c, "path.network");
}

static void segment(struct walk *w)
{
	uint32_t head = cursor_u8(w->c, "path.segment");
	if (!cursor_ok(w->c))
		return;
	if (head >> 5 == 0) {
		port(w, head);
	} else if (head >> 5 == 1) {
		logical(w, head);
	} else if (head >> 5 == 2) {
		network(w, head);
	} else if (head == 0x91) {
		uint32_t n = cursor_u8(w->c, "path.symbol-size");
		symbol(w, n);
		pad(w, n & 1);
	} else if (head > 0x60 && head < 0x80) {
		/* Format octet and name together fill whole words. */
		symbol(w, head & 31);
		pad(w, !(head & 1));
	} else if (head == 0x80 && w->kind == PATH_CONNECT && w->p->config.data == NULL) {
		uint32_t n = cursor_u8(w->c, "path.data-size");
		w->p->config = cursor_bytes(w->c, n * 2, "path.data");
	} else {
		wrong(w, REASON_FIELD_VALUE, "path.segment", 1);
	}
}

void cip_path(struct enip *e, struct cursor *c, uint32_t words, enum path_kind kind, struct cip_path *p)
{
	p->start = c->at;
	p->key = p->config = (struct view){0};
	p->route = ROUTE_DIRECT;
	p->attribute = p->member = 0;
	p->npairs = p->npoints = p->nmembers = 0;
	p->has_attribute = p->has_key = false;
	struct cursor sub = cursor_sub(c, words * 2, "path-size");
	struct walk w = {.e = e, .c = &sub, .p = p, .kind = kind};
	/* A segment has two octets at least: never more turns than words. */
	while (cursor_ok(&sub) && cursor_left(&sub) > 0)
		segment(&w);
	if (!cursor_ok(&sub))
		return;
	if (kind == PATH_ROUTE) {
		cursor_check(&sub, p->route != ROUTE_DIRECT, 0, REASON_COUNT, "path-size");
		return;
	}
	if (p->npairs == 0 && !p->has_key)
		cursor_fail_at(&sub, REASON_FIELD_VALUE, "path-size", p->start);
	if (w.nindex > 1) {
		key_indexes(&w);
		p->has_key = true;
	} else if (w.nindex == 1) {
		p->member = w.index[0];
		p->nmembers = 1;
	}
}
