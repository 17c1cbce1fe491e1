/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of diff share. Not for anyone else. */
#ifndef OTFW_RULES_DIFF_SET_H
#define OTFW_RULES_DIFF_SET_H

#include "rules/compile.h"

/* The rules one policy has between two classes on one port; slots.n may be 0. */
struct diff_side {
	const struct image *image;
	struct image_span slots;
	uint32_t proto;
};

/* Operations of one rule that the other side refuses. */
struct diff_piece {
	uint32_t rule, function;
	const char *name; /* of the function */
	unsigned access, dir;
	bool ranged, any_unit, is_float;
	int64_t unit_lo, unit_hi;
	uint32_t space, lo, hi;
	const char *point;
	struct image_interval *values; /* nvalues: those that are refused; owned */
	size_t nvalues;
};

/* Appends to out (struct diff_piece) what s lets through and o does not. */
void diff_sets(const struct diff_side *s, const struct diff_side *o, struct records *out);

#endif
