/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One operation against one rule: what the matcher's parts ask each other. Not for anyone else. */
#ifndef OTFW_RULES_POLICY_JUDGE_H
#define OTFW_RULES_POLICY_JUDGE_H

#include "rules/policy_inner.h"

/* An operation, and what is known about who asks. */
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

static inline void match_clear(struct match *m)
{
	*m = (struct match){.rule = POLICY_NO_RULE, .cell = IMAGE_NONE};
}

/*
 * Does the rule of this slot contain the operation? Its function is known to. cell is the first of a run of its cells that
 * contains lo..hi, or IMAGE_NONE. On refusal out says against what.
 */
enum reason judge(const struct asking *a, const struct image_slot *s, uint32_t cell, uint32_t lo, uint32_t hi,
		  struct match *out);

/* judge() for a rule that the index did not bring. flags: of the function atom. out is cleared first. */
enum reason judge_cold(const struct asking *a, const struct image_slot *s, uint32_t flags, struct match *out);

/* Checks in their order, as a number: who came furthest came closest. */
unsigned judge_stage(enum reason r);

/*
 * The rule that came closest to allowing what every rule refused: of all in a small set; in a large one of those the index
 * leads to, and of their neighbours. f: the function's atom, or NULL; the other two: where the search in it ended.
 */
void nearest(struct asking *a, const struct image_set *set, const struct image_fatom *f, uint32_t unit_atom,
	     uint32_t address_atom, struct match *out);

#endif
