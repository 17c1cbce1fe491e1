/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an engine needs of shapes: making one from an operation, telling equal ones, adding them up. */
#include "rules/shape.h"

#include <string.h>

_Static_assert(SHAPE_IDENTITY % 8 == 0, "hashed eight octets at a time");

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t hash_octets(const uint8_t *p, uint32_t n)
{
	uint64_t h = n;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t x;
		memcpy(&x, p, 8);
		h = mix(h, x);
	}
	for (; n > 0; n--)
		h = mix(h, *p++);
	return h;
}

/* Every value, or what keeps them from being bounded: a mask, a number that is none, other than one value an address. */
static void take_values(struct shape *s, const struct op *op)
{
	const struct op_values *v = &op->values;
	uint32_t n = v->form == VALUES_ONE ? 1 : v->count;
	uint64_t addresses = (uint64_t)op->last - op->first + 1;

	if (v->form == VALUES_NONE)
		return;
	s->values = SHAPE_VALUES_UNKNOWN;
	if (v->form == VALUES_UNKNOWN || n == 0 || ((op->has & OP_RANGE) != 0 && n != addresses))
		return;
	int64_t min = INT64_MAX, max = INT64_MIN;
	for (uint32_t i = 0; i < n; i++) {
		int64_t x = 0;
		if (!op_value(v, i, &x))
			return;
		min = x < min ? x : min;
		max = x > max ? x : max;
	}
	s->values = v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT ? SHAPE_FLOATS : SHAPE_INTEGERS;
	s->min = min;
	s->max = max;
}

static void take_op(struct shape *s, const struct op *op)
{
	s->dir = op->dir;
	s->access = op->access;
	s->has = op->has;
	s->function = op->function;
	s->sub = op->sub;
	if ((op->has & OP_UNIT) != 0)
		s->unit = op->unit;
	if ((op->has & OP_ORIGIN) != 0)
		s->origin = op->origin;
	if ((op->has & OP_SPACE) != 0)
		s->space = op->space;
	if ((op->has & OP_RANGE) != 0) {
		s->first = op->first;
		s->last = op->last;
	}
	if ((op->has & OP_KEY) != 0) {
		s->key_len = op->key.len;
		memcpy(s->key, op->key.data, op->key.len < SHAPE_KEY ? op->key.len : SHAPE_KEY);
		if (op->key.len > SHAPE_KEY)
			s->key_hash = hash_octets(op->key.data, op->key.len);
	}
	s->nargs = op->nargs < OP_ARGS_MAX ? op->nargs : OP_ARGS_MAX;
	for (uint32_t i = 0; i < s->nargs; i++) {
		s->arg_name[i] = op->args[i].name;
		s->arg[i] = op->args[i].value;
	}
	take_values(s, op);
}

void shape_of(struct shape *s, uint16_t conduit, const struct tuple *to_server, int proto,
	      const struct op *op, int64_t now_us)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->client, to_server->src, 16);
	memcpy(s->server, to_server->dst, 16);
	s->conduit = conduit;
	s->port = to_server->dport;
	s->ipproto = to_server->ipproto;
	s->proto = op != NULL ? (int16_t)proto : -1;
	if (op != NULL)
		take_op(s, op);
	else
		s->access = ACCESS_OPAQUE;
	s->count = 1;
	s->first_us = s->last_us = now_us;
}

uint64_t shape_hash(const struct shape *s)
{
	uint64_t h = hash_octets((const uint8_t *)s, SHAPE_IDENTITY);

	return h != 0 ? h : 1;
}

bool shape_same(const struct shape *a, const struct shape *b)
{
	return memcmp(a, b, SHAPE_IDENTITY) == 0;
}

void shape_add(struct shape *to, const struct shape *more)
{
	if (more->count == 0)
		return;
	if (to->count == 0) {
		to->min = more->min;
		to->max = more->max;
		to->first_us = more->first_us;
		to->last_us = more->last_us;
	}
	to->min = more->min < to->min ? more->min : to->min;
	to->max = more->max > to->max ? more->max : to->max;
	to->first_us = more->first_us < to->first_us ? more->first_us : to->first_us;
	to->last_us = more->last_us > to->last_us ? more->last_us : to->last_us;
	to->days = more->days > to->days ? more->days : to->days;
	to->client_days = more->client_days > to->client_days ? more->client_days : to->client_days;
	to->count += more->count;
}
