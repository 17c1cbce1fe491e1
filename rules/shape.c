/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes against a policy. */
#include "rules/shape.h"

#include <string.h>

static void put_value(uint8_t *to, int64_t x, bool is_float)
{
	if (is_float) {
		double d = op_double_of(x);
		memcpy(to, &d, sizeof(d));
	} else {
		memcpy(to, &x, sizeof(x));
	}
}

void shape_op(const struct shape *s, bool high, struct shape_op *out)
{
	struct op *op = &out->op;
	uint64_t n = (s->has & OP_RANGE) != 0 ? (uint64_t)s->last - s->first + 1 : 1;

	memset(op, 0, sizeof(*op));
	op->dir = s->dir;
	op->access = s->access;
	op->has = s->has;
	op->function = s->function;
	op->sub = s->sub;
	op->unit = s->unit;
	op->origin = s->origin;
	op->space = s->space;
	op->first = s->first;
	op->last = s->last;
	op->key = (struct view){s->key, s->key_len < SHAPE_KEY ? s->key_len : SHAPE_KEY};
	op->nargs = s->nargs < OP_ARGS_MAX ? s->nargs : OP_ARGS_MAX;
	for (uint32_t i = 0; i < op->nargs; i++)
		op->args[i] = (struct op_arg){s->arg_name[i], s->arg[i]};
	if (s->values == SHAPE_NO_VALUES)
		return;
	op->values.form = VALUES_UNKNOWN;
	if (s->values == SHAPE_VALUES_UNKNOWN || n > SHAPE_OP_VALUES)
		return;
	op->values = (struct op_values){.form = VALUES_NUMBERS,
					.kind = s->values == SHAPE_FLOATS ? VALUES_FLOAT : VALUES_SIGNED,
					.width = 8,
					.stride = 8,
					.little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
					.count = (uint32_t)n,
					.data = out->values};
	for (uint32_t i = 0; i < n; i++)
		put_value(out->values + 8 * (size_t)i, high ? s->max : s->min, s->values == SHAPE_FLOATS);
}

bool shape_allowed(const struct policy *p, const struct shape *s)
{
	static _Thread_local struct shape_op made;
	static _Thread_local struct pdu pdu;
	struct tuple t = {.dport = s->port, .ipproto = s->ipproto};
	struct policy_now now = {.unix_us = s->last_us, .clock_good = true};
	struct route r;
	struct match m;

	memcpy(t.src, s->client, 16);
	memcpy(t.dst, s->server, 16);
	policy_route(p, &t, false, &r);
	if (r.reason != REASON_NONE || s->key_len > SHAPE_KEY)
		return false;
	if (s->proto < 0 || r.lane != LANE_INSPECTED)
		return r.lane == LANE_KERNEL;
	if (r.proto != s->proto)
		return false;
	pdu_open(&pdu);
	pdu.fault.reason = REASON_NONE;
	pdu.nops = 1;
	for (int high = 0; high < 2; high++) {
		shape_op(s, high, &made);
		pdu.ops[0] = made.op;
		if (policy_match(p, r.ruleset, &pdu, s->client, &now, NULL, &m) != REASON_NONE)
			return false;
	}
	return true;
}
