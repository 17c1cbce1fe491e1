/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations against rules. One function, judge(), knows what a rule lets through; the index only brings it the rules that
 * can matter, and after a refusal it is asked again to find the rule that came closest.
 */
#include <endian.h>
#include <string.h>

#include "rules/policy_inner.h"

/* Kinds of access for which a range is one to be changed, not read. */
#define CHANGES                                                                                              \
	(1u << ACCESS_WRITE | 1u << ACCESS_OPERATE | 1u << ACCESS_CONFIGURE | 1u << ACCESS_PROGRAM |         \
	 1u << ACCESS_OPAQUE)

struct asking {
	const struct image *m;
	const struct op *op;
	const uint8_t *client;
	const struct policy_now *now;
	const struct rates *rates; /* NULL: rates are not looked at */
	struct rate_takes *takes;
	uint32_t key;  /* function */
	uint32_t unit; /* IMAGE_UNIT_NONE: it names none */
	unsigned dir;  /* 0 reads, 1 changes */
	bool ranged;
	uint32_t space, first, last;
};

/* Checks in their order: who came furthest came closest. */
static unsigned stage(enum reason r)
{
	switch (r) {
	case REASON_NO_RULE: return 0;
	case REASON_PROTOCOL: return 1;
	case REASON_FUNCTION: return 2;
	case REASON_OPAQUE: return 3;
	case REASON_ACCESS: return 4;
	case REASON_UNIT: return 5;
	case REASON_ORIGIN: return 6;
	case REASON_KEY: return 7;
	case REASON_ADDRESS: return 8;
	case REASON_VALUE_CUT: return 9;
	case REASON_VALUE_UNKNOWN: return 10;
	case REASON_VALUE: return 11;
	case REASON_ARGUMENT: return 12;
	case REASON_CLOCK: return 13;
	case REASON_UNTIL: return 14;
	case REASON_WHEN: return 15;
	case REASON_RATE: return 16;
	default: return 17;
	}
}

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
 * Value number i of the operation as the cell types it: two 16-bit registers put together where the cell takes two, else the
 * protocol's number reinterpreted. False where it is not a number of that type.
 */
static bool typed_value(const struct op_values *v, uint32_t i, const struct image_cell *c, int64_t *out,
			bool *is_float)
{
	int64_t x, y;

	*is_float = c->type == TYPE_FLOAT32;
	if (!op_value(v, i, &x))
		return false;
	if (v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT) {
		*is_float = true;
		*out = x;
		return c->step == 1 && (c->type == TYPE_RAW || c->type == TYPE_FLOAT32);
	}
	if (c->step == 2) {
		if (!op_value(v, i + 1, &y))
			return false;
		uint32_t a = (uint32_t)x & 0xffff, b = (uint32_t)y & 0xffff;
		x = (c->flags & IMAGE_CELL_SWAP) != 0 ? b << 16 | a : a << 16 | b;
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
		if (c->step == 2 && ((x - c->first) % 2 != 0 || (end - c->first) % 2 != 1)) {
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
			if (!interval_has(a->m, c->values, got))
				return outside(a, REASON_VALUE, c->values, got, out);
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
		if (!interval_has(a->m, r->values, got))
			return outside(a, REASON_VALUE, r->values, got, out);
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
		/* An operation that does not carry the argument is not bound by it being absent: the rule asks for it. */
		if (have == NULL || !interval_has(a->m, arg->values, have->value)) {
			out->arg = (uint16_t)arg->name;
			return outside(a, REASON_ARGUMENT, arg->values,
				       have != NULL ? have->value : INT64_MIN, out);
		}
	}
	why = policy_hours(a->m, r, a->now);
	if (why != REASON_NONE) {
		out->got = a->now->unix_us;
		out->hi = r->until_us;
		return why;
	}
	if ((r->flags & IMAGE_RULE_RATE) != 0 && a->rates != NULL &&
	    !rate_claim(r, rule, a->client, a->now->unix_us, a->rates, a->takes)) {
		out->lo = 0;
		out->hi = r->rate_max;
		return REASON_RATE;
	}
	return REASON_NONE;
}

/*
 * Does the rule of this slot contain the operation? Its function is known to. cell is the first of a run of its cells that
 * contains lo..hi, or IMAGE_NONE. On refusal out says against what.
 */
static inline __attribute__((always_inline)) enum reason judge(const struct asking *a,
							       const struct image_slot *s, uint32_t cell,
							       uint32_t lo, uint32_t hi, struct match *out)
{
	const struct image_rule *r = &image_rules(a->m)[s->rule];
	const struct op *op = a->op;

	if (op->access == ACCESS_OPAQUE && (r->flags & IMAGE_RULE_NAMED) == 0)
		return REASON_OPAQUE;
	if (op->access >= ACCESS_COUNT || (r->access >> op->access & 1) == 0)
		return REASON_ACCESS;
	if (s->listed != 0 && (a->unit == IMAGE_UNIT_NONE || !interval_has(a->m, s->units, a->unit)))
		return outside(a, REASON_UNIT, s->units, a->unit, out);
	if ((r->flags & IMAGE_RULE_ORIGINS) != 0 &&
	    ((op->has & OP_ORIGIN) == 0 || !interval_has(a->m, r->origins, op->origin)))
		return outside(a, REASON_ORIGIN, r->origins, op->origin, out);
	if ((op->has & OP_KEY) != 0)
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
	} else if ((r->flags & IMAGE_RULE_BOUNDED) != 0 && (CHANGES >> op->access & 1) != 0) {
		enum reason why = judge_plain_values(a, r, out);
		if (why != REASON_NONE)
			return why;
	}
	if ((r->flags & IMAGE_RULE_MORE) != 0)
		return judge_more(a, r, s->rule, out);
	return REASON_NONE;
}

static void match_clear(struct match *m)
{
	*m = (struct match){.rule = POLICY_NO_RULE, .cell = IMAGE_NONE};
}

/* The run of the rule's cells in a->space that holds a->first, or comes closest to it. IMAGE_NONE: no cell in that space. */
static uint32_t run_near(const struct asking *a, const struct image_rule *r, uint32_t *lo, uint32_t *hi)
{
	const struct image_cell *cells = image_cells(a->m);
	uint32_t from = r->cells[a->dir].at, end = from + r->cells[a->dir].n, at = from, n = end - from;

	while (n > 0) { /* the first cell that ends at a->first or behind it */
		uint32_t half = n / 2;
		const struct image_cell *c = &cells[at + half];
		if (c->space < a->space || (c->space == a->space && c->last < a->first)) {
			at += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	bool behind = at < end && cells[at].space == a->space;
	bool before = at > from && cells[at - 1].space == a->space;
	if (!behind && !before)
		return IMAGE_NONE;
	if (!behind || (before && cells[at].first > a->first &&
			a->first - cells[at - 1].last < cells[at].first - a->first))
		at--;
	uint32_t first = at;
	while (first > from && cells[first - 1].space == a->space &&
	       (uint64_t)cells[first - 1].last + 1 == cells[first].first)
		first--;
	*lo = cells[first].first;
	while (at + 1 < end && cells[at + 1].space == a->space &&
	       (uint64_t)cells[at].last + 1 == cells[at + 1].first)
		at++;
	*hi = cells[at].last;
	return first;
}

/* judge() for a rule that the index did not bring. */
static __attribute__((noinline, cold)) enum reason judge_cold(const struct asking *a,
							      const struct image_slot *s, uint32_t flags,
							      struct match *out)
{
	const struct image_rule *r = &image_rules(a->m)[s->rule];
	uint32_t lo = 0, hi = 0, cell = IMAGE_NONE;

	match_clear(out);
	out->rule = (uint16_t)s->rule;
	if (!interval_has(a->m, r->functions, a->key)) {
		out->got = a->key;
		return a->op->access == ACCESS_OPAQUE ? REASON_OPAQUE : REASON_FUNCTION;
	}
	if (!a->ranged && (flags & IMAGE_FATOM_RANGE) != 0)
		return REASON_ADDRESS;
	if (a->ranged)
		cell = run_near(a, r, &lo, &hi);
	return judge(a, s, cell, lo, hi, out);
}

static void keep_nearer(struct match *best, const struct asking *a, enum reason why, const struct match *m)
{
	if (best->reason != REASON_NONE) {
		unsigned have = stage(best->reason), got = stage(why);
		if (got < have)
			return;
		/* Equally far: the range that starts closer to what was asked for. */
		if (got == have) {
			if (why != REASON_ADDRESS || m->cell == IMAGE_NONE)
				return;
			if (best->cell != IMAGE_NONE) {
				int64_t x = a->first;
				int64_t d = x < m->lo ? m->lo - x : x > m->hi ? x - m->hi : 0;
				int64_t e = x < best->lo ? best->lo - x : x > best->hi ? x - best->hi : 0;
				if (d >= e)
					return;
			}
		}
	}
	uint16_t op = best->op;
	*best = *m;
	best->reason = why;
	best->op = op;
}

static void near_cands(const struct asking *a, struct image_span s, uint32_t flags, uint32_t *left,
		       struct match *best)
{
	struct match m;

	for (uint32_t i = 0; i<s.n && * left> 0; i++, --*left) {
		enum reason why =
			judge_cold(a, &image_slots(a->m)[image_cands(a->m)[s.at + i].slot], flags, &m);
		if (why != REASON_NONE)
			keep_nearer(best, a, why, &m);
	}
}

/*
 * The rule that came closest to allowing what every rule refused: of all in a small set; in a large one of those the index
 * leads to, and of their neighbours.
 */
static __attribute__((noinline, cold)) void nearest(struct asking *a, const struct image_set *set,
						    const struct image_fatom *f, uint32_t unit_atom,
						    uint32_t address_atom, struct match *out)
{
	const struct image *m = a->m;
	uint32_t left = POLICY_NEAR_MAX, flags = f != NULL ? f->flags : 0;
	struct match one;

	out->reason = REASON_NONE;
	if (set->slots.n <= POLICY_NEAR_MAX || f == NULL) {
		for (uint32_t i = 0; i < set->slots.n && left > 0; i++, left--) {
			enum reason why = judge_cold(a, &image_slots(m)[set->slots.at + i], flags, &one);
			if (why != REASON_NONE)
				keep_nearer(out, a, why, &one);
		}
		return;
	}
	struct image_span us = f->uatoms[a->dir];
	for (uint32_t d = 0; d < us.n && left > 0; d++) {
		for (unsigned side = 0; side < (d == 0 ? 1u : 2u) && left > 0; side++) {
			if (side == 0 ? unit_atom < us.at + d : unit_atom + d >= us.at + us.n)
				continue;
			const struct image_uatom *u =
				&image_uatoms(m)[side == 0 ? unit_atom - d : unit_atom + d];
			if (d > 0 || !a->ranged) {
				near_cands(a, u->all, flags, &left, out);
				left -= left > 0;
				continue;
			}
			for (uint32_t e = 0; e < u->aatoms.n && left > 0; e++, left -= left > 0) {
				if (address_atom >= u->aatoms.at + e)
					near_cands(a, image_aatoms(m)[address_atom - e].cands, flags, &left,
						   out);
				if (e > 0 && address_atom + e < u->aatoms.at + u->aatoms.n)
					near_cands(a, image_aatoms(m)[address_atom + e].cands, flags, &left,
						   out);
			}
		}
	}
	if (out->reason == REASON_NONE)
		*out = (struct match){.reason = a->op->access == ACCESS_OPAQUE ? REASON_OPAQUE
									       : REASON_FUNCTION,
				      .rule = POLICY_NO_RULE,
				      .op = out->op,
				      .cell = IMAGE_NONE,
				      .got = a->key};
}

static const struct image_fatom *find_function(const struct image *m, const struct image_set *set,
					       uint32_t key)
{
	const struct image_fatom *f = image_fatoms(m) + set->fatoms.at;
	uint32_t at = 0, n = set->fatoms.n;

	if (n == 0)
		return NULL;
	while (n > 1) {
		uint32_t half = n / 2;
		at = f[at + half].lo <= key ? at + half : at;
		n -= half;
	}
	return f[at].lo <= key && key <= f[at].hi ? &f[at] : NULL;
}

static uint32_t find_unit(const struct image *m, struct image_span s, uint32_t unit)
{
	const struct image_uatom *u = image_uatoms(m);
	uint32_t at = s.at, n = s.n;

	while (n > 1) {
		uint32_t half = n / 2;
		at = u[at + half].lo <= unit ? at + half : at;
		n -= half;
	}
	return at;
}

static uint32_t find_address(const struct image *m, struct image_span s, uint64_t key)
{
	const struct image_aatom *v = image_aatoms(m);
	uint32_t at = s.at, n = s.n;

	while (n > 1) {
		uint32_t half = n / 2;
		at = v[at + half].lo <= key ? at + half : at;
		n -= half;
	}
	return at;
}

/* Fills what of a question comes from the operation. */
static inline __attribute__((always_inline)) void ask(struct asking *a, const struct op *op, uint32_t proto)
{
	a->op = op;
	a->key = op_function_key(op);
	a->unit = (op->has & OP_UNIT) != 0 ? op->unit : IMAGE_UNIT_NONE;
	a->dir = op->access >= ACCESS_COUNT || (CHANGES >> op->access & 1) != 0;
	a->ranged = (op->has & (OP_RANGE | OP_SPACE)) != 0;
	a->space = (op->has & OP_SPACE) != 0 ? op->space : 0;
	a->first = op->first;
	a->last = op->last;
	if ((op->has & (OP_RANGE | OP_SPACE)) == OP_SPACE) {
		/* No range: the whole of the space is meant. */
		const struct vocab_space *s = proto_space(proto_get(proto), op->space);
		a->first = s != NULL ? s->min : 0;
		a->last = s != NULL ? s->max : UINT32_MAX;
	}
}

/* One operation against the set. out->op is kept. */
static inline __attribute__((always_inline)) enum reason match_op(struct asking *a,
								  const struct image_set *set,
								  struct match *out)
{
	const struct image *m = a->m;
	const struct image_fatom *f = find_function(m, set, a->key);
	uint32_t unit_atom = 0, address_atom = 0;
	struct image_span s = {0, 0};

	if (f != NULL && (a->op->access >= ACCESS_COUNT || a->first > a->last))
		f = NULL; /* nothing a decoder makes: no rule allows it */
	if (f != NULL) {
		unit_atom = find_unit(m, f->uatoms[a->dir], a->unit);
		const struct image_uatom *u = &image_uatoms(m)[unit_atom];
		if (a->ranged) {
			address_atom = find_address(m, u->aatoms, (uint64_t)a->space << 32 | a->first);
			s = image_aatoms(m)[address_atom].cands;
		} else if ((f->flags & IMAGE_FATOM_RANGE) == 0) {
			s = u->all;
		}
	}
	for (uint32_t i = 0; i < s.n; i++) {
		const struct image_cand *c = &image_cands(m)[s.at + i];
		const struct image_slot *slot = &image_slots(m)[c->slot];
		if (judge(a, slot, c->cell, c->lo, c->hi, out) == REASON_NONE) {
			if (i > 0) /* what refusing candidates left behind is of no interest */
				*out = (struct match){.op = out->op};
			out->rule = (uint16_t)slot->rule;
			out->cell = c->cell;
			return REASON_NONE;
		}
	}
	nearest(a, set, f, unit_atom, address_atom, out);
	return out->reason;
}

enum reason policy_match(const struct policy *p, uint32_t ruleset, const struct pdu *pdu,
			 const uint8_t client[16], const struct policy_now *now, struct rates *rates,
			 struct match *out)
{
	const struct image *m = p->image;
	struct rate_takes takes;
	struct asking a = {.m = m, .client = client, .now = now, .rates = rates, .takes = &takes};

	takes.n = 0;
	match_clear(out);
	if (pdu->fault.reason != REASON_NONE)
		return out->reason = pdu->fault.reason;
	if (pdu->nops == 0)
		return out->reason = REASON_NO_OPERATION;
	if (pdu->nops > PDU_OPS_MAX)
		return out->reason = REASON_TOO_MANY_OPERATIONS;
	if (ruleset >= image_n_sets(m) || image_sets(m)[ruleset].slots.n == 0)
		return out->reason = REASON_NO_RULE;

	const struct image_set *set = &image_sets(m)[ruleset];
	struct match first;
	for (uint32_t i = 0; i < pdu->nops; i++) {
		ask(&a, &pdu->ops[i], set->proto);
		struct match *to = i == 0 ? out : &first;
		if (i > 0)
			match_clear(&first);
		to->op = (uint16_t)i;
		if (match_op(&a, set, to) != REASON_NONE) {
			if (i > 0)
				*out = first;
			return out->reason;
		}
	}
	if (takes.n > 0 && !rate_commit(m, client, now->unix_us, rates, &takes))
		return out->reason = REASON_RATE;
	return out->reason = REASON_NONE;
}

bool policy_at_most(const struct policy *p, unsigned conduit, const struct pdu *pdu)
{
	if (conduit >= image_n_conduits(p->image) || pdu->nops == 0 || pdu->nops > PDU_OPS_MAX)
		return false;
	uint32_t at_most = image_conduits(p->image)[conduit].at_most;
	for (uint32_t i = 0; i < pdu->nops; i++)
		if (pdu->ops[i].access >= ACCESS_COUNT || (at_most >> pdu->ops[i].access & 1) == 0)
			return false;
	return true;
}

enum reason policy_try(const struct policy *p, unsigned rule, const struct op *op, int proto,
		       const uint8_t client[16], const uint8_t server[16], const struct policy_now *now,
		       struct match *out)
{
	const struct image *m = p->image;
	enum reason why = REASON_NO_RULE;
	struct match one;

	match_clear(out);
	if (rule >= image_n_rules(m))
		return out->reason = REASON_NO_RULE;
	out->rule = (uint16_t)rule;
	const struct image_rule *r = &image_rules(m)[rule];
	if (r->lane != LANE_INSPECTED || r->proto != proto)
		return out->reason = REASON_PROTOCOL;

	struct rate_takes takes;
	takes.n = 0;
	struct asking a = {.m = m, .client = client, .now = now, .rates = NULL, .takes = &takes};
	ask(&a, op, (uint32_t)proto);
	const struct vocab_function *f = proto_function(proto_get((unsigned)proto), a.key);
	uint32_t flags = f != NULL && (f->flags & FN_RANGE) != 0 ? IMAGE_FATOM_RANGE : 0;

	/* The slots of this rule: those between the two addresses, or all of them when an address is not given. */
	uint32_t from = 0, to = image_n_sets(m);
	const struct image_pair *pair = NULL;
	if (client != NULL && server != NULL) {
		pair = policy_pair(m, policy_class(m, client), policy_class(m, server));
		to = pair != NULL ? pair->entries.n : 0;
	}
	out->reason = REASON_NO_RULE;
	for (uint32_t i = from; i < to; i++) {
		uint32_t at = i;
		if (pair != NULL)
			at = image_entries(m)[pair->entries.at + i].set;
		if (at == IMAGE_NONE)
			continue;
		struct image_span s = image_sets(m)[at].slots;
		for (uint32_t k = 0; k < s.n; k++) {
			const struct image_slot *slot = &image_slots(m)[s.at + k];
			if (slot->rule != rule)
				continue;
			enum reason got = judge_cold(&a, slot, flags, &one);
			if (got == REASON_NONE || stage(got) >= stage(why)) {
				why = got;
				*out = one;
				out->reason = got;
			}
			if (got == REASON_NONE)
				return REASON_NONE;
		}
	}
	return why;
}
