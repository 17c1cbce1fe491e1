/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations against rules. One function, judge() in policy_judge.c, knows what a rule lets through; the index only brings it the rules that
 * can matter, and after a refusal it is asked again to find the rule that came closest.
 */
#include "rules/policy_judge.h"

/* The last of the n >= 1 sorted records from v on whose field lo is at most key, or the first. */
#define LAST_AT_MOST(v, n, key)                                                                              \
	for (uint32_t left_ = (n); left_ > 1;) {                                                             \
		uint32_t half_ = left_ / 2;                                                                  \
		(v) = (v)[half_].lo <= (key) ? (v) + half_ : (v);                                            \
		left_ -= half_;                                                                              \
	}

static inline const struct image_fatom *find_function(const struct image *m, const struct image_set *set,
						      uint32_t key)
{
	const struct image_fatom *f = image_fatoms(m) + set->fatoms.at;

	if (set->fatoms.n == 0)
		return NULL;
	LAST_AT_MOST(f, set->fatoms.n, key)
	return f->lo <= key && key <= f->hi ? f : NULL;
}

/* Narrows *at and *n, a span of atoms, to those among which the key's is. */
static inline void narrow(const struct image *m, uint32_t guide, uint64_t key, uint32_t *at, uint32_t *n)
{
	const struct image_guide *g = image_guides(m) + guide;
	uint64_t i = (key - g->base) >> g->shift; /* huge below the base */

	if (i < (uint64_t)g->words.n - 1) {
		const uint32_t *w = image_words(m) + g->words.at + i;
		*at += w[0];
		*n = w[1] - w[0] + 1;
	}
}

static inline const struct image_uatom *find_unit(const struct image *m, struct image_span s, uint32_t guide,
						  uint32_t unit)
{
	if (guide != IMAGE_NONE)
		narrow(m, guide, unit, &s.at, &s.n);
	const struct image_uatom *u = image_uatoms(m) + s.at;
	LAST_AT_MOST(u, s.n, unit)
	return u;
}

static inline const struct image_aatom *find_address(const struct image *m, const struct image_uatom *u,
						     uint64_t key)
{
	struct image_span s = u->aatoms;

	if (u->guide != IMAGE_NONE)
		narrow(m, u->guide, key, &s.at, &s.n);
	const struct image_aatom *v = image_aatoms(m) + s.at;
	LAST_AT_MOST(v, s.n, key)
	return v;
}

/*
 * The candidate that allows the operation without a look at its rule, which is what most traffic meets. NULL says nothing:
 * match_op() finds out.
 */
static inline __attribute__((always_inline)) const struct image_cand *allowed_plainly(
	const struct image *m, const struct image_set *set, const struct op *op)
{
	uint32_t has = op->has, kind = 1u << (op->access & 31);
	const struct image_fatom *f = find_function(m, set, op_function_key(op));
	struct image_span s;

	if (f == NULL || op->access >= ACCESS_COUNT || op->first > op->last || (has & OP_KEY) != 0)
		return NULL;
	unsigned dir = (IMAGE_CHANGES & kind) != 0;
	const struct image_uatom *u = find_unit(m, f->uatoms[dir], f->guide[dir],
						(has & OP_UNIT) != 0 ? op->unit : IMAGE_UNIT_NONE);
	if ((has & (OP_RANGE | OP_SPACE)) == (OP_RANGE | OP_SPACE)) {
		s = find_address(m, u, (uint64_t)op->space << 32 | op->first)->cands;
		for (const struct image_cand *c = image_cands(m) + s.at, *end = c + s.n; c < end; c++)
			if (op->last <= c->hi && op->first >= c->lo)
				return (c->plain & kind) != 0 ? c : NULL;
		return NULL;
	}
	if ((has & (OP_RANGE | OP_SPACE)) != 0 || (f->flags & IMAGE_FATOM_RANGE) != 0 || u->all.n == 0)
		return NULL;
	const struct image_cand *c = image_cands(m) + u->all.at;
	return (c->plain & kind) != 0 ? c : NULL;
}

/* Fills what of a question comes from the operation. */
static inline __attribute__((always_inline)) void ask(struct asking *a, const struct op *op, uint32_t proto)
{
	a->op = op;
	a->key = op_function_key(op);
	a->unit = (op->has & OP_UNIT) != 0 ? op->unit : IMAGE_UNIT_NONE;
	a->dir = op->access >= ACCESS_COUNT || (IMAGE_CHANGES >> op->access & 1) != 0;
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
		const struct image_uatom *u = find_unit(m, f->uatoms[a->dir], f->guide[a->dir], a->unit);
		unit_atom = (uint32_t)(u - image_uatoms(m));
		if (a->ranged) {
			const struct image_aatom *v = find_address(m, u, (uint64_t)a->space << 32 | a->first);
			address_atom = (uint32_t)(v - image_aatoms(m));
			s = v->cands;
		} else if ((f->flags & IMAGE_FATOM_RANGE) == 0) {
			s = u->all;
		}
	}
	for (uint32_t i = 0; i < s.n; i++) {
		const struct image_cand *c = &image_cands(m)[s.at + i];
		const struct image_slot *slot = &image_slots(m)[c->slot];
		if (judge(a, slot, c->cell, c->lo, c->hi, out) == REASON_NONE) {
			if (i > 0) /* what refusing candidates left behind is of no interest */
				*out = (struct match){
					.op = out->op,
					.job = (image_rules(m)[slot->rule].flags & IMAGE_RULE_UNLOCK) != 0
						       ? image_rules(m)[slot->rule].rate_key
						       : 0};
			out->rule = (uint16_t)slot->rule;
			out->cell = c->cell;
			return REASON_NONE;
		}
	}
	nearest(a, set, f, unit_atom, address_atom, out);
	return out->reason;
}

/* The whole of the question, for what allowed_plainly() does not answer. The PDU is one with operations, the set has rules. */
static __attribute__((noinline)) enum reason match_pdu(const struct image *m, const struct image_set *set,
						       const struct pdu *pdu, const uint8_t client[16],
						       const struct policy_now *now, struct rates *rates,
						       struct match *out, uint16_t *used)
{
	struct rate_takes takes;
	struct asking a = {.m = m, .client = client, .now = now, .rates = rates, .takes = &takes};
	struct match first;

	takes.n = 0;
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
		if (used != NULL)
			used[i] = to->rule;
	}
	if (takes.n > 0 && !rate_commit(m, client, now->unix_us, rates, &takes))
		return out->reason = REASON_RATE;
	return out->reason = REASON_NONE;
}

static inline __attribute__((always_inline)) enum reason match(
	const struct policy *p, uint32_t ruleset, const struct pdu *pdu, const uint8_t client[16],
	const struct policy_now *now, struct rates *rates, struct match *out, uint16_t *used)
{
	const struct image *m = p->image;

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
	const struct image_cand *c = pdu->nops == 1 ? allowed_plainly(m, set, &pdu->ops[0]) : NULL;
	if (c == NULL)
		return match_pdu(m, set, pdu, client, now, rates, out, used);
	out->rule = c->rule;
	out->cell = c->cell;
	if (used != NULL)
		used[0] = c->rule;
	return REASON_NONE;
}

enum reason policy_match(const struct policy *p, uint32_t ruleset, const struct pdu *pdu,
			 const uint8_t client[16], const struct policy_now *now, struct rates *rates,
			 struct match *out)
{
	return match(p, ruleset, pdu, client, now, rates, out, NULL);
}

enum reason policy_match_used(const struct policy *p, uint32_t ruleset, const struct pdu *pdu,
			      const uint8_t client[16], const struct policy_now *now, struct rates *rates,
			      struct match *out, uint16_t used[PDU_OPS_MAX])
{
	return match(p, ruleset, pdu, client, now, rates, out, used);
}

bool policy_at_most(const struct policy *p, unsigned conduit, const struct pdu *pdu)
{
	if (conduit >= image_n_conduits(p->image) || pdu->nops == 0 || pdu->nops > PDU_OPS_MAX)
		return false;
	uint32_t at_most = image_conduits(p->image)[conduit].at_most | 1u << ACCESS_SESSION;
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
			if (got == REASON_NONE || judge_stage(got) >= judge_stage(why)) {
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
