/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes to boxes, and boxes that differ in one thing to one. */
#include "rules/cover_inner.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_A_RULE 200u /* symbolic names that one rule takes: below what the loader allows */
#define ROUNDS       4

void *cover_alloc(void *old, size_t n, size_t size)
{
	void *p = n > SIZE_MAX / size ? NULL : realloc(old, n * size);

	if (p == NULL && n > 0) {
		fputs("otfw: no memory for rules\n", stderr);
		exit(2);
	}
	return p;
}

/* ---- texts and sets as numbers ---- */

static uint64_t hash_of(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h ^ h >> 31;
}

uint32_t cover_text_at(struct cover *c, const char *text)
{
	if (c->ntexts * 2 >= c->text_slots) {
		c->text_slots = c->text_slots ? c->text_slots * 2 : 256;
		c->text_table = cover_alloc(c->text_table, c->text_slots, sizeof(*c->text_table));
		memset(c->text_table, 0, c->text_slots * sizeof(*c->text_table));
		for (uint32_t i = 0; i < c->ntexts; i++) {
			size_t at = hash_of(c->texts[i], strlen(c->texts[i])) & (c->text_slots - 1);
			while (c->text_table[at])
				at = (at + 1) & (c->text_slots - 1);
			c->text_table[at] = i + 1;
		}
	}
	size_t at = hash_of(text, strlen(text)) & (c->text_slots - 1);
	for (; c->text_table[at]; at = (at + 1) & (c->text_slots - 1))
		if (strcmp(c->texts[c->text_table[at] - 1], text) == 0)
			return c->text_table[at] - 1;
	if (c->ntexts == c->texts_cap) {
		c->texts_cap = c->texts_cap ? c->texts_cap * 2 : 256;
		c->texts = cover_alloc(c->texts, c->texts_cap, sizeof(*c->texts));
	}
	size_t len = strlen(text) + 1;
	c->texts[c->ntexts] = memcpy(cover_alloc(NULL, len, 1), text, len);
	c->text_table[at] = ++c->ntexts;
	return c->ntexts - 1;
}

static int by_lo(const void *x, const void *y)
{
	const struct interval *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo ? 1 : a->hi < b->hi ? -1 : a->hi > b->hi;
}

/* Numbers of texts and of addresses in different spaces are not neighbours. */
static bool joins(const struct interval *a, const struct interval *b, enum cover_dim d, uint32_t gap)
{
	if (b->lo <= a->hi)
		return true;
	if (d == DIM_KEYS || d == DIM_CLIENTS || d == DIM_SERVERS)
		return false;
	if (d == DIM_ADDRESSES)
		return a->hi >> 32 == b->lo >> 32 && b->lo - a->hi - 1 <= (int64_t)gap;
	return b->lo - a->hi == 1;
}

uint32_t cover_set_at(struct cover *c, struct interval *v, size_t n, enum cover_dim d)
{
	size_t k = 0;

	if (n == 0)
		return COVER_NOTHING;
	qsort(v, n, sizeof(*v), by_lo);
	for (size_t i = 1; i < n; i++) {
		if (!joins(&v[k], &v[i], d, c->options.gap))
			v[++k] = v[i];
		else if (v[i].hi > v[k].hi)
			v[k].hi = v[i].hi;
	}
	n = k + 1;
	uint64_t h = hash_of(v, n * sizeof(*v));
	if (c->nsets * 2 >= c->set_slots) {
		c->set_slots = c->set_slots ? c->set_slots * 2 : 1024;
		c->set_table = cover_alloc(c->set_table, c->set_slots, sizeof(*c->set_table));
		memset(c->set_table, 0, c->set_slots * sizeof(*c->set_table));
		for (uint32_t i = 2; i < c->nsets; i++) {
			size_t at = c->sets[i].hash & (c->set_slots - 1);
			while (c->set_table[at])
				at = (at + 1) & (c->set_slots - 1);
			c->set_table[at] = i;
		}
	}
	size_t at = h & (c->set_slots - 1);
	for (; c->set_table[at]; at = (at + 1) & (c->set_slots - 1)) {
		const struct cover_set *s = &c->sets[c->set_table[at]];
		if (s->hash == h && s->n == n && memcmp(s->v, v, n * sizeof(*v)) == 0)
			return c->set_table[at];
	}
	if (c->nsets + 1 >= c->sets_cap) {
		c->sets_cap = c->sets_cap ? c->sets_cap * 2 : 1024;
		c->sets = cover_alloc(c->sets, c->sets_cap, sizeof(*c->sets));
	}
	struct cover_set *s = &c->sets[c->nsets];
	*s = (struct cover_set){.v = cover_alloc(NULL, n, sizeof(*v)), .n = (uint32_t)n, .hash = h};
	memcpy(s->v, v, n * sizeof(*v));
	c->set_table[at] = c->nsets;
	return c->nsets++;
}

static uint32_t one(struct cover *c, enum cover_dim d, int64_t lo, int64_t hi)
{
	struct interval v = {lo, hi};

	return cover_set_at(c, &v, 1, d);
}

/* ---- a shape as a box ---- */

const char *cover_end(const struct policy *p, const uint8_t ip[16], int64_t unit, char buf[64])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const char *name = unit >= 0 ? policy_host_name(p, ip, unit) : NULL;

	if (name == NULL)
		name = policy_host_name(p, ip, -1);
	if (name != NULL)
		return name;
	if (memcmp(ip, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, ip + 12, buf, 64);
	else
		inet_ntop(AF_INET6, ip, buf, 64);
	return buf;
}

/* Are there stations behind this address? */
static bool has_stations(const struct policy *p, const uint8_t ip[16])
{
	struct policy_host h;

	for (unsigned i = 0; policy_host_get(p, i, &h); i++)
		if (h.unit >= 0 && memcmp(h.ip, ip, 16) == 0)
			return true;
	return false;
}

/* A name that a rule can say; what is longer than is kept, as a beginning. NULL: none can. */
static const char *key_text(const struct shape *s, char buf[SHAPE_KEY + 2])
{
	uint32_t n = s->key_len < SHAPE_KEY ? s->key_len : SHAPE_KEY;

	memcpy(buf, s->key, n);
	buf[n] = '\0';
	if (n == 0 || strlen(buf) != n || strchr(buf, '*') != NULL)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		if ((uint8_t)buf[i] < 0x20 || (uint8_t)buf[i] >= 0x7f)
			return NULL;
	if (s->key_len > SHAPE_KEY)
		strcpy(buf + n, "*");
	return buf;
}

static void box_values(struct cover *c, const struct shape *s, struct cover_box *b)
{
	b->values = s->values;
	b->min = s->min;
	b->max = s->max;
	if (s->values == SHAPE_NO_VALUES) {
		/* A write that says nothing of what it writes can only be taken as it is. */
		b->set[DIM_VALUES] = (b->kind & KIND_CHANGES) != 0 ? COVER_ANY : COVER_NOTHING;
		return;
	}
	int64_t lo = s->min, hi = s->max;
	if (s->values == SHAPE_FLOATS) {
		/* Rules without a type have whole numbers for bounds. */
		double a = op_double_of(lo), z = op_double_of(hi);
		bool fits = a > -1e16 && z < 1e16;
		lo = fits ? (int64_t)a - ((double)(int64_t)a > a) : -COVER_VALUE_AT - 1;
		hi = fits ? (int64_t)z + ((double)(int64_t)z < z) : COVER_VALUE_AT + 1;
	}
	b->set[DIM_VALUES] = s->values == SHAPE_VALUES_UNKNOWN || lo < -COVER_VALUE_AT || hi > COVER_VALUE_AT
				     ? COVER_ANY
				     : one(c, DIM_VALUES, lo, hi);
}

/* ICMP types as rules say them: those of IPv4. -1: none. */
static int icmp_type(const struct shape *s)
{
	static const struct {
		uint8_t v4, v6;
	} same[] = {{3, 1}, {11, 3}, {12, 4}, {8, 128}, {0, 129}};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]) && s->ipproto == 58; i++)
		if (same[i].v6 == s->port)
			return same[i].v4;
	return s->ipproto == 1 ? s->port : -1;
}

static bool box_port(struct cover *c, const struct shape *s, struct cover_box *b)
{
	int port = s->ipproto == 1 || s->ipproto == 58 ? icmp_type(s) : s->port;

	b->ipproto = s->ipproto == 58 ? 1 : s->ipproto;
	b->port = 0;
	if (port < 0 || (port == 0 && b->ipproto != 1))
		return false;
	b->set[DIM_UNITS] = one(c, DIM_UNITS, port, port);
	return b->ipproto == 6 || b->ipproto == 17 || b->ipproto == 1;
}

static bool box_op(struct cover *c, const struct shape *s, struct cover_box *b)
{
	const struct proto *p = proto_get((unsigned)s->proto);
	uint32_t key = (uint32_t)s->function << 16 | s->sub;
	const struct vocab_function *f = p != NULL ? proto_function(p, key) : NULL;
	char name[SHAPE_KEY + 2];

	if (f == NULL || s->access >= ACCESS_COUNT || (f->access >> s->access & 1) == 0)
		return false;
	uint32_t flags = cover_flags(c, b, NULL);
	b->kind = (flags & FN_RANGE ? KIND_RANGE : 0) | (flags & FN_VALUES ? KIND_VALUES : 0);
	if (s->access != ACCESS_READ && s->access != ACCESS_SESSION && s->access != ACCESS_DIAGNOSE)
		b->kind |= KIND_CHANGES;
	if ((s->has & (OP_SPACE | OP_RANGE)) != 0) {
		const struct vocab_space *sp = proto_space(p, s->space);
		bool ranged = (s->has & OP_RANGE) != 0;
		if (sp == NULL || (flags & FN_RANGE) == 0 || (s->has & OP_SPACE) == 0)
			return false;
		uint32_t first = ranged ? s->first : sp->min, last = ranged ? s->last : sp->max;
		if (first < sp->min || last > sp->max)
			return false;
		b->set[DIM_ADDRESSES] = one(c, DIM_ADDRESSES, (int64_t)((uint64_t)s->space << 32 | first),
					    (int64_t)((uint64_t)s->space << 32 | last));
	} else if ((flags & FN_RANGE) != 0) {
		return false; /* without one the function is none that a rule allows */
	}
	if ((s->has & OP_KEY) != 0) {
		const char *text = key_text(s, name);
		if (text == NULL || (flags & FN_KEY) == 0)
			return false;
		uint32_t at = cover_text_at(c, text);
		b->set[DIM_KEYS] = one(c, DIM_KEYS, at, at);
	}
	box_values(c, s, b);
	if (p->unit_key != NULL)
		b->set[DIM_UNITS] = (s->has & OP_UNIT) != 0 ? one(c, DIM_UNITS, s->unit, s->unit) : COVER_ANY;
	if (p->origin_key != NULL)
		b->set[DIM_ORIGINS] =
			(s->has & OP_ORIGIN) != 0 ? one(c, DIM_ORIGINS, s->origin, s->origin) : COVER_ANY;
	for (uint32_t i = 0; i < s->nargs && i < OP_ARGS_MAX; i++)
		if (s->arg_name[i] < FN_ARGS_MAX && (flags & FN_ARG(s->arg_name[i])) != 0)
			b->set[DIM_ARGS + s->arg_name[i]] =
				s->arg[i] < -COVER_VALUE_AT || s->arg[i] > COVER_VALUE_AT
					? COVER_ANY
					: one(c, DIM_VALUES, s->arg[i], s->arg[i]);
	return true;
}

static enum cover_doubt doubt_of(const struct cover *c, const struct shape *s, const struct cover_box *b,
				 bool sayable)
{
	struct policy_conduit conduit;
	uint32_t access = 0, flags;

	if (!sayable)
		return COVER_UNSAYABLE;
	flags = cover_flags(c, b, &access);
	bool known = policy_conduit_get(c->policy, s->conduit, &conduit);
	bool stations = has_stations(c->policy, s->server);
	if (s->proto >= 0 && known && (access & ~conduit.at_most & ~(1u << ACCESS_SESSION)) != 0)
		return COVER_BEYOND;
	if (stations && (s->proto < 0 || (b->kind & KIND_STATION) == 0))
		return COVER_BEYOND;
	if (c->options.all)
		return COVER_PROPOSED;
	if (s->proto < 0 || (flags & FN_OPAQUE) != 0 || (access >> ACCESS_OPAQUE & 1) != 0)
		return COVER_OPAQUE;
	if ((access & (1u << ACCESS_WRITE | 1u << ACCESS_OPERATE | 1u << ACCESS_CONFIGURE |
		       1u << ACCESS_PROGRAM)) != 0)
		return COVER_WRITES;
	return COVER_PROPOSED;
}

bool cover_box_of(struct cover *c, const struct shape *s, struct cover_box *b)
{
	char buf[64];
	struct interval key = {0};

	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < DIMS; i++)
		b->set[i] = COVER_NOTHING;
	b->conduit = s->conduit;
	b->port = s->port;
	b->proto = s->proto < PROTO_COUNT ? s->proto : -1;
	b->ipproto = s->ipproto;
	b->access = s->access;
	b->count = s->count;
	b->first_us = s->first_us;
	b->last_us = s->last_us;
	b->days = s->days;
	b->client_days = s->client_days > s->days ? s->client_days : s->days;
	int64_t unit = s->proto >= 0 && (s->has & OP_UNIT) != 0 ? (int64_t)s->unit : -1;
	if (unit >= 0 && policy_host_name(c->policy, s->server, unit) != NULL)
		b->kind |= KIND_STATION;
	uint32_t at = cover_text_at(c, cover_end(c->policy, s->client, -1, buf));
	b->set[DIM_CLIENTS] = one(c, DIM_CLIENTS, at, at);
	at = cover_text_at(c, cover_end(c->policy, s->server, unit, buf));
	b->set[DIM_SERVERS] = one(c, DIM_SERVERS, at, at);
	key.lo = key.hi = (int64_t)s->function << 16 | s->sub;
	if (s->proto >= 0)
		b->set[DIM_FUNCTIONS] = cover_set_at(c, &key, 1, DIM_KEYS);
	uint8_t station = b->kind & KIND_STATION;
	bool sayable = s->proto >= 0 ? s->proto < PROTO_COUNT && box_op(c, s, b) : box_port(c, s, b);
	b->kind |= station;
	b->doubt = (uint8_t)doubt_of(c, s, b, sayable);
	return sayable;
}

/* ---- merging ---- */

static bool same_but(const struct cover_box *a, const struct cover_box *b, unsigned d)
{
	if (a->conduit != b->conduit || a->port != b->port || a->proto != b->proto ||
	    a->ipproto != b->ipproto || a->access != b->access || a->kind != b->kind || a->doubt != b->doubt)
		return false;
	for (unsigned i = 0; i < DIMS; i++)
		if (i != d && a->set[i] != b->set[i])
			return false;
	return (a->set[d] == COVER_ANY) == (b->set[d] == COVER_ANY);
}

static uint64_t hash_but(const struct cover_box *b, unsigned d)
{
	uint32_t w[DIMS + 4];

	for (unsigned i = 0; i < DIMS; i++)
		w[i] = i == d ? b->set[i] == COVER_ANY : b->set[i];
	w[DIMS] = (uint32_t)b->conduit << 16 | b->port;
	w[DIMS + 1] = (uint32_t)(uint16_t)b->proto << 16 | (uint32_t)b->ipproto << 8 | b->access;
	w[DIMS + 2] = (uint32_t)b->kind << 8 | b->doubt;
	w[DIMS + 3] = 0;
	uint64_t h = 0;
	for (unsigned i = 0; i < DIMS + 4; i++) {
		h = (h ^ w[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static void join(struct cover_box *a, const struct cover_box *b)
{
	if (a->values == SHAPE_NO_VALUES) {
		a->values = b->values;
		a->min = b->min;
		a->max = b->max;
	} else if (b->values != SHAPE_NO_VALUES) {
		if (a->values != b->values)
			a->values = SHAPE_VALUES_UNKNOWN;
		a->min = b->min < a->min ? b->min : a->min;
		a->max = b->max > a->max ? b->max : a->max;
	}
	a->count += b->count;
	a->first_us = b->first_us < a->first_us ? b->first_us : a->first_us;
	a->last_us = b->last_us > a->last_us ? b->last_us : a->last_us;
	a->days = b->days > a->days ? b->days : a->days;
}

struct by_hash {
	uint64_t hash;
	uint32_t box;
};

static int by_hash(const void *x, const void *y)
{
	const struct by_hash *a = x, *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->box < b->box ? -1 : a->box > b->box;
}

/* The boxes that order[0..n) names, all equal but in d, become the first of them. */
static void unite(struct cover *c, struct cover_box *v, const struct by_hash *order, size_t n, unsigned d)
{
	struct cover_box *first = &v[order[0].box];
	struct interval *all = NULL;
	size_t members = 0, cap = 0;

	for (size_t i = 0; i < n; i++) {
		struct cover_box *b = &v[order[i].box];
		const struct cover_set *s = &c->sets[b->set[d]];
		if (d == DIM_KEYS && members > 0 && members + s->n > NAMES_A_RULE) {
			first->set[d] = cover_set_at(c, all, members, d);
			first = b;
			members = 0;
		}
		if (members + s->n > cap) {
			cap = 2 * (members + s->n);
			all = cover_alloc(all, cap, sizeof(*all));
		}
		if (s->n > 0)
			memcpy(all + members, s->v, s->n * sizeof(*all));
		members += s->n;
		if (b == first)
			continue;
		join(first, b);
		b->gone = true;
	}
	if (first->set[d] != COVER_ANY)
		first->set[d] = cover_set_at(c, all, members,
					     d >= DIM_ARGS        ? DIM_VALUES
					     : d == DIM_FUNCTIONS ? DIM_KEYS
								  : (enum cover_dim)d);
	free(all);
}

static bool merge_one(struct cover *c, struct cover_box *v, size_t n, unsigned d, struct by_hash *order)
{
	bool any = false;
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (!v[i].gone)
			order[m++] = (struct by_hash){hash_but(&v[i], d), (uint32_t)i};
	qsort(order, m, sizeof(*order), by_hash);
	for (size_t i = 0, k; i < m; i = k) {
		for (k = i + 1; k < m && order[k].hash == order[i].hash &&
				same_but(&v[order[i].box], &v[order[k].box], d);
		     k++)
			;
		if (k - i < 2)
			continue;
		if (d == DIM_KEYS && k - i > 1) {
			/* Full rules are left as they are, or this would never end. */
			size_t least = SIZE_MAX;
			for (size_t j = i; j < k; j++)
				least = c->sets[v[order[j].box].set[d]].n < least
						? c->sets[v[order[j].box].set[d]].n
						: least;
			if (least * 2 > NAMES_A_RULE)
				continue;
		}
		unite(c, v, order + i, k - i, d);
		any = true;
	}
	return any;
}

void cover_merge(struct cover *c, struct cover_box *v, size_t n)
{
	struct by_hash *order = cover_alloc(NULL, n + 1, sizeof(*order));
	bool any = true;

	for (unsigned round = 0; round < ROUNDS && any; round++) {
		any = false;
		for (unsigned d = 0; d < DIMS; d++)
			any = merge_one(c, v, n, d, order) || any;
	}
	free(order);
}

/* ---- the caller's side ---- */

struct cover *cover_new(const struct policy *p, const struct cover_options *o)
{
	struct cover *c = cover_alloc(NULL, 1, sizeof(*c));

	*c = (struct cover){.policy = p, .options = *o};
	if (c->options.id == NULL)
		c->options.id = "learned";
	c->sets_cap = 1024;
	c->sets = cover_alloc(NULL, c->sets_cap, sizeof(*c->sets));
	c->sets[COVER_ANY] = c->sets[COVER_NOTHING] = (struct cover_set){0};
	c->nsets = 2;
	return c;
}

void cover_free(struct cover *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->nsets; i++)
		free(c->sets[i].v);
	for (uint32_t i = 0; i < c->ntexts; i++)
		free(c->texts[i]);
	free(c->shapes);
	free(c->shape_table);
	free(c->boxes);
	free(c->sets);
	free(c->set_table);
	free(c->texts);
	free(c->text_table);
	free(c);
}

static bool room(struct cover *c)
{
	if (c->nshapes == c->shapes_cap) {
		size_t cap = c->shapes_cap ? c->shapes_cap * 2 : 1024;
		struct shape *v = realloc(c->shapes, cap * sizeof(*v));
		if (v == NULL)
			return false;
		c->shapes = v;
		c->shapes_cap = cap;
	}
	if (c->nshapes * 2 < c->shape_slots)
		return true;
	size_t slots = c->shape_slots ? c->shape_slots * 2 : 4096;
	uint32_t *t = calloc(slots, sizeof(*t));
	if (t == NULL)
		return false;
	for (size_t i = 0; i < c->nshapes; i++) {
		size_t at = shape_hash(&c->shapes[i]) & (slots - 1);
		while (t[at])
			at = (at + 1) & (slots - 1);
		t[at] = (uint32_t)i + 1;
	}
	free(c->shape_table);
	c->shape_table = t;
	c->shape_slots = slots;
	return true;
}

bool cover_add(struct cover *c, const struct shape *s)
{
	if (!room(c))
		return false;
	size_t at = shape_hash(s) & (c->shape_slots - 1);
	for (; c->shape_table[at]; at = (at + 1) & (c->shape_slots - 1)) {
		struct shape *have = &c->shapes[c->shape_table[at] - 1];
		if (shape_same(have, s)) {
			shape_add(have, s);
			return true;
		}
	}
	c->shapes[c->nshapes++] = *s;
	c->shape_table[at] = (uint32_t)c->nshapes;
	return true;
}
