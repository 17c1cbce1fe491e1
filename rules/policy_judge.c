/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule lets through: access, station, origin, addresses, values, arguments, hours and rate, in this order. */
#include <endian.h>
#include <string.h>

#include "rules/policy_judge.h"

bool interval_near(const struct image *m, struct image_span s, int64_t x, int64_t *lo, int64_t *hi)
{
	const struct image_interval *v = image_intervals(m) + s.at;
	uint32_t at = 0, n = s.n;

	if (s.n == 0)
		return false;
	while (n > 0) { /* the first that ends at x or behind it */
		uint32_t half = n / 2;
		if (v[at + half].hi < x) {
			at += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	if (at == s.n)
		at--;
	else if (at > 0 && v[at].lo > x &&
		 (uint64_t)x - (uint64_t)v[at - 1].hi <= (uint64_t)v[at].lo - (uint64_t)x)
		at--;
	*lo = v[at].lo;
	*hi = v[at].hi;
	return true;
}

static enum reason outside(const struct asking *a, enum reason why, struct image_span set, int64_t got,
			   struct match *out)
{
	out->got = got;
	out->lo = 0;
	out->hi = -1;
	interval_near(a->m, set, got, &out->lo, &out->hi);
	return why;
}

static int64_t ordered(int64_t x)
{
	return op_order_double((double)x);
}

/*
 * A number against bounds, as numbers: a protocol that types its values lets the sender choose between integer and float, and that
 * choice must not decide. is_float, float_bounds: which of the two are op_order_double() numbers.
 */
static bool number_has(const struct image *m, struct image_span set, int64_t x, bool is_float,
		       bool float_bounds)
{
	if (is_float == float_bounds)
		return interval_has(m, set, x);
	if (!is_float)
		return interval_has(m, set, ordered(x));
	for (uint32_t i = set.at; i < set.at + set.n; i++)
		if (ordered(image_intervals(m)[i].lo) <= x && x <= ordered(image_intervals(m)[i].hi))
			return true;
	return false;
}

/* What is said of it: all three as floats, where one is. */
static enum reason outside_number(const struct asking *a, struct image_span set, int64_t got,
				  bool float_bounds, struct match *out)
{
	bool is_float = out->is_float;

	if (is_float == float_bounds)
		return outside(a, REASON_VALUE, set, got, out);
	out->is_float = true;
	if (!is_float)
		return outside(a, REASON_VALUE, set, ordered(got), out);
	double d = op_double_of(got);
	bool fits = d > -9e18 && d < 9e18;
	(void)outside(a, REASON_VALUE, set, fits ? (int64_t)d : d < 0 ? INT64_MIN : INT64_MAX, out);
	out->got = got;
	if (out->lo <= out->hi) {
		out->lo = ordered(out->lo);
		out->hi = ordered(out->hi);
	}
	return REASON_VALUE;
}

static bool ordered_float(uint32_t bits, int64_t *out)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	if (f != f)
		return false;
	/* Adding nothing turns minus zero into zero: a bound of 0 means both. */
	*out = op_order_double((double)f + 0.0);
	return true;
}

/*
 * Value number i of the operation as the cell types it: registers or octets put together where the cell takes several, else
 * the protocol's number reinterpreted. False where it is not a number of that type.
 */
static bool typed_value(const struct op_values *v, uint32_t i, const struct image_cell *c, int64_t *out,
			bool *is_float)
{
	int64_t x, y;

	*is_float = c->type == TYPE_FLOAT32;
	if (!op_value(v, i, &x))
		return false;
	if ((c->flags & IMAGE_CELL_NUMBERS) != 0) {
		*is_float = v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT;
		*out = x;
		return true;
	}
	if (v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT) {
		*is_float = true;
		*out = x;
		return c->step == 1 && (c->type == TYPE_RAW || c->type == TYPE_FLOAT32);
	}
	if (c->step > 1) {
		unsigned bits = policy_type_bits(c->type) / c->step;
		uint32_t joined = 0;

		for (uint32_t k = 0; k < c->step; k++) {
			if (!op_value(v, i + ((c->flags & IMAGE_CELL_SWAP) != 0 ? c->step - 1 - k : k), &y))
				return false;
			joined = joined << bits | ((uint32_t)y & ((1u << bits) - 1));
		}
		x = joined;
	}
	switch (c->type) {
	case TYPE_UINT16:
		if (x < 0 && x >= INT16_MIN)
			x += 0x10000;
		break;
	case TYPE_INT16:
		if (x > INT16_MAX && x <= UINT16_MAX)
			x -= 0x10000;
		break;
	case TYPE_UINT32:
		if (x < 0 && x >= INT32_MIN)
			x += 0x100000000;
		break;
	case TYPE_INT32:
		if (x > INT32_MAX && x <= UINT32_MAX)
			x -= 0x100000000;
		break;
	case TYPE_FLOAT32: return x >= INT32_MIN && x <= UINT32_MAX && ordered_float((uint32_t)x, out);
	default: break;
	}
	*out = x;
	return true;
}

/* Are there as many values as addresses? One value stands for one address. */
static bool values_known(const struct op_values *v, uint64_t addresses)
{
	if (v->form == VALUES_ONE)
		return addresses == 1;
	return (v->form == VALUES_NUMBERS || v->form == VALUES_BITS) && v->count == addresses;
}

#define INSIDE_BLOCK 16u

/* INSIDE_BLOCK 16-bit numbers, most significant octet first, each from lo to lo + width: without a branch. */
static inline bool block_inside(const uint8_t *p, uint16_t lo, uint16_t width)
{
	uint16_t block[INSIDE_BLOCK], bad = 0;

	memcpy(block, p, sizeof(block));
	for (uint32_t k = 0; k < INSIDE_BLOCK; k++)
		bad |= (uint16_t)(be16toh(block[k]) - lo) > width;
	return bad == 0;
}

/*
 * How many values from number i on, n at most, are surely inside the cell: a run of plain 16-bit registers against one interval,
 * a block at a time. What it leaves, the loop below looks at one by one, and finds the words for.
 */
static uint32_t values_inside(const struct image *m, const struct op_values *v, const struct image_cell *c,
			      uint32_t i, uint32_t n)
{
	const struct image_interval *set = image_intervals(m) + c->values.at;
	uint32_t done = 0;

	if (v->form != VALUES_NUMBERS || v->kind != VALUES_UNSIGNED || v->width != 2 || v->stride != 2 ||
	    v->little || c->values.n != 1 || (c->type != TYPE_RAW && c->type != TYPE_UINT16) ||
	    i >= v->count || n > v->count - i || set->hi < 0 || set->lo > UINT16_MAX)
		return 0;
	uint16_t lo = set->lo < 0 ? 0 : (uint16_t)set->lo;
	uint16_t width = (uint16_t)((set->hi > UINT16_MAX ? UINT16_MAX : set->hi) - lo);
	const uint8_t *p = v->data + (size_t)i * 2;
	/* The last block takes in some that were looked at already. */
	for (uint32_t at = 0; n >= INSIDE_BLOCK && done < n && block_inside(p + (size_t)at * 2, lo, width);
	     at = n - done < INSIDE_BLOCK ? n - INSIDE_BLOCK : done)
		done = at + INSIDE_BLOCK;
	return done;
}

/* Every value written to first..last against the cells of a run that contains it. */
static enum reason judge_values(const struct asking *a, const struct image_rule *r, uint32_t run,
				struct match *out)
{
	const struct image_cell *cells = image_cells(a->m);
	const struct op_values *v = &a->op->values;
	uint32_t at = run, n = r->cells[1].at + r->cells[1].n - run;

	/* The cell that holds first: the last of the run's space that begins at or before it. */
	while (n > 1) {
		uint32_t half = n / 2;
		const struct image_cell *c = &cells[at + half];
		if (c->space == a->space && c->first <= a->first)
			at += half;
		n -= half;
	}
	for (uint64_t x = a->first; x <= a->last; at++) {
		const struct image_cell *c = &cells[at];
		uint32_t end = c->last < a->last ? c->last : a->last;

		out->cell = at;
		uint32_t part = c->step - 1; /* a power of two less one */
		if (((x - c->first) & part) != 0 || ((end - c->first) & part) != part) {
			out->at = (uint32_t)x;
			out->lo = c->first;
			out->hi = c->last;
			return REASON_VALUE_CUT;
		}
		if ((c->flags & IMAGE_CELL_BOUNDED) == 0) {
			x = (uint64_t)end + 1;
			continue;
		}
		if (!values_known(v, (uint64_t)a->last - a->first + 1))
			return REASON_VALUE_UNKNOWN;
		if (c->step == 1)
			x += values_inside(a->m, v, c, (uint32_t)(x - a->first), (uint32_t)(end - x + 1));
		for (; x <= end; x += c->step) {
			int64_t got = 0;
			out->at = (uint32_t)x;
			if (!typed_value(v, (uint32_t)(x - a->first), c, &got, &out->is_float)) {
				out->arg = 1; /* not a number */
				return outside(a, REASON_VALUE, c->values, got, out);
			}
			if (!number_has(a->m, c->values, got, out->is_float, c->type == TYPE_FLOAT32))
				return outside_number(a, c->values, got, c->type == TYPE_FLOAT32, out);
		}
	}
	return REASON_NONE;
}

/* A write that names no addresses, against the values of the rule. */
static enum reason judge_plain_values(const struct asking *a, const struct image_rule *r, struct match *out)
{
	const struct op_values *v = &a->op->values;

	if (v->form == VALUES_NONE)
		return a->op->access == ACCESS_WRITE ? REASON_VALUE_UNKNOWN : REASON_NONE;
	if (v->form == VALUES_UNKNOWN)
		return REASON_VALUE_UNKNOWN;
	uint32_t n = v->form == VALUES_ONE ? 1 : v->count;
	for (uint32_t i = 0; i < n; i++) {
		int64_t got = 0;
		out->is_float = v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT;
		if (!op_value(v, i, &got)) {
			out->arg = 1;
			return outside(a, REASON_VALUE, r->values, got, out);
		}
		if (!number_has(a->m, r->values, got, out->is_float, false))
			return outside_number(a, r->values, got, false, out);
	}
	return REASON_NONE;
}

static __attribute__((noinline)) enum reason judge_more(const struct asking *a, const struct image_rule *r,
							uint32_t rule, struct match *out)
{
	enum reason why;

	for (uint32_t i = 0; i < r->args.n; i++) {
		const struct image_arg *arg = &image_args(a->m)[r->args.at + i];
		const struct op_arg *have = NULL;
		for (uint32_t k = 0; k < a->op->nargs && k < OP_ARGS_MAX && have == NULL; k++)
			if (a->op->args[k].name == arg->name)
				have = &a->op->args[k];
		/* A message that has not got it is not asked for it: one rule may be about functions that differ in this. */
		if (have != NULL && !interval_has(a->m, arg->values, have->value)) {
			out->arg = (uint16_t)arg->name;
			return outside(a, REASON_ARGUMENT, arg->values, have->value, out);
		}
	}
	why = policy_hours(a->m, r, a->now);
	if (why != REASON_NONE) {
		out->got = a->now->unix_us;
		out->hi = (r->flags & IMAGE_RULE_UNTIL) != 0 ? r->until_us : r->lent_until_us;
		return why;
	}
	if ((r->flags & IMAGE_RULE_UNLOCK) != 0) {
		out->job = r->rate_key;
		if (!policy_lent(r, a->now) && a->now->job != r->rate_key)
			return REASON_LOCKED;
	}
	if ((r->flags & IMAGE_RULE_RATE) != 0 && a->rates != NULL &&
	    !rate_claim(r, rule, a->client, a->now->unix_us, a->rates, a->takes)) {
		out->lo = 0;
		out->hi = r->rate_max;
		return REASON_RATE;
	}
	return REASON_NONE;
}

/* One of the rule's symbolic names; `Motor*` is all that begin with Motor. */
static __attribute__((noinline)) bool judge_name(const struct image *m, const struct image_rule *r,
						 struct view key)
{
	if ((r->flags & IMAGE_RULE_ANY_NAME) != 0)
		return true;
	for (uint32_t i = 0; i < r->names.n; i++) {
		const char *name = image_strings(m) + image_words(m)[r->names.at + i];
		size_t len = strlen(name);
		bool prefix = len > 0 && name[len - 1] == '*';

		len -= prefix;
		if ((prefix ? key.len >= len : key.len == len) && memcmp(key.data, name, len) == 0)
			return true;
	}
	return false;
}

enum reason judge(const struct asking *a, const struct image_slot *s, uint32_t cell, uint32_t lo, uint32_t hi,
		  struct match *out)
{
	const struct image_rule *r = &image_rules(a->m)[s->rule];
	const struct op *op = a->op;

	if (op->access == ACCESS_OPAQUE && (r->flags & IMAGE_RULE_NAMED) == 0)
		return REASON_OPAQUE;
	if (op->access >= ACCESS_COUNT || (r->access >> op->access & 1) == 0)
		return REASON_ACCESS;
	bool unit = (op->has & OP_UNIT) != 0, origin = (op->has & OP_ORIGIN) != 0;
	bool session = op->access == ACCESS_SESSION; /* of the connection, where it names neither */
	if (s->listed != 0 && (unit || !session) &&
	    (a->unit == IMAGE_UNIT_NONE || !interval_has(a->m, s->units, a->unit)))
		return outside(a, REASON_UNIT, s->units, a->unit, out);
	if ((r->flags & IMAGE_RULE_ORIGINS) != 0 && (origin || !session) &&
	    (!origin || !interval_has(a->m, r->origins, op->origin)))
		return outside(a, REASON_ORIGIN, r->origins, op->origin, out);
	if ((op->has & OP_KEY) != 0 && !judge_name(a->m, r, op->key))
		return REASON_KEY;
	if (a->ranged) {
		if (cell == IMAGE_NONE || a->first < lo || a->last > hi) {
			out->cell = cell;
			out->lo = lo;
			out->hi = hi;
			return REASON_ADDRESS;
		}
		if (a->dir == 1) {
			enum reason why = judge_values(a, r, cell, out);
			if (why != REASON_NONE)
				return why;
		}
	} else if ((r->flags & IMAGE_RULE_BOUNDED) != 0 && (IMAGE_CHANGES >> op->access & 1) != 0) {
		enum reason why = judge_plain_values(a, r, out);
		if (why != REASON_NONE)
			return why;
	}
	if ((r->flags & IMAGE_RULE_MORE) != 0)
		return judge_more(a, r, s->rule, out);
	return REASON_NONE;
}
