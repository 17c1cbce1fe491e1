/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After a refusal: the rule that came closest, so that the log can say what was missing. */
#include "rules/policy_judge.h"

unsigned judge_stage(enum reason r)
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
	case REASON_LOCKED: return 16;
	case REASON_RATE: return 17;
	default: return 18;
	}
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

enum reason judge_cold(const struct asking *a, const struct image_slot *s, uint32_t flags, struct match *out)
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
		unsigned have = judge_stage(best->reason), got = judge_stage(why);
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

void nearest(struct asking *a, const struct image_set *set, const struct image_fatom *f, uint32_t unit_atom,
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
