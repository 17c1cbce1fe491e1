/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of cover share: boxes of shapes, and sets as numbers. Not for anyone else. */
#ifndef OTFW_RULES_COVER_INNER_H
#define OTFW_RULES_COVER_INNER_H

#include "rules/cover.h"
#include "rules/model.h"

/* The dimensions of a box. A set of each, all combinations of which the rule allows. */
enum cover_dim {
	DIM_ADDRESSES, /* space << 32 | address */
	DIM_KEYS,      /* numbers of texts */
	DIM_VALUES,
	DIM_UNITS,     /* of L4 shapes ports, of ICMP types */
	DIM_FUNCTIONS, /* function keys */
	DIM_ORIGINS,
	DIM_CLIENTS, /* numbers of texts */
	DIM_SERVERS, /* the same */
	DIM_ARGS,
	DIMS = DIM_ARGS + FN_ARGS_MAX
};

#define COVER_ANY      0u /* the number of the set that is all there is: it merges with nothing else */
#define COVER_NOTHING  1u /* of the set without members */
#define COVER_VALUE_AT INT64_C(100000000000000000) /* no bound of a rule is beyond */

/* What the function of a box is; boxes that differ in it never merge. */
enum cover_kind {
	KIND_RANGE = 1,
	KIND_VALUES = 2,
	KIND_STATION = 4,
	KIND_CHANGES = 8,
	KIND_NEW = 16 /* the client's: whoever accepts a rule must not take a newcomer in with it */
};

struct cover_box {
	uint16_t conduit, port;
	int16_t proto;
	uint8_t ipproto, access;
	uint8_t kind;  /* enum cover_kind */
	uint8_t doubt; /* enum cover_doubt */
	uint32_t set[DIMS];
	/* evidence */
	uint8_t values; /* enum shape_values */
	int64_t min, max;
	uint64_t count;
	int64_t first_us, last_us;
	uint32_t days, client_days;
	bool gone;    /* merged into another */
	size_t shape; /* the first of them */
};

struct cover_set {
	struct interval *v;
	uint32_t n;
	uint64_t hash;
};

struct cover {
	const struct policy *policy;
	struct cover_options options;
	struct shape *shapes;
	size_t nshapes, shapes_cap;
	uint32_t *shape_table; /* by identity: number + 1 */
	size_t shape_slots;
	struct cover_box *boxes;
	size_t nboxes, boxes_cap;
	struct cover_set *sets;
	uint32_t nsets, sets_cap;
	uint32_t *set_table;
	uint32_t set_slots;
	char **texts;
	uint32_t ntexts, texts_cap;
	uint32_t *text_table;
	uint32_t text_slots;
	unsigned profiles; /* written so far */
};

void *cover_alloc(void *old, size_t n,
		  size_t size); /* realloc() that ends the process when there is no memory */
/* The number of a set; v is sorted and merged (bridging gap) in place. */
uint32_t cover_set_at(struct cover *c, struct interval *v, size_t n, enum cover_dim d);
uint32_t cover_text_at(struct cover *c, const char *text);
/* The box of one shape. False where no rule can say it. */
bool cover_box_of(struct cover *c, const struct shape *s, struct cover_box *b);
/* Merges what differs in one dimension only. */
void cover_merge(struct cover *c, struct cover_box *v, size_t n);

/* cover_text.c: one box as a rule. */
struct cover_line { /* how it is written */
	unsigned indent;
	bool flow;           /* on one line, in braces */
	bool review;         /* values: REVIEW */
	bool comment;        /* each line behind "# " */
	const char *reason;  /* or NULL */
	const char *profile; /* instead of functions and addresses, with points */
	const char *points;
};
void cover_print_rule(const struct cover *c, const struct cover_box *b, const char *id,
		      const struct cover_line *line, FILE *out);
void cover_print_evidence(const struct cover *c, const struct cover_box *b, unsigned indent, const char *lead,
			  FILE *out);
/* The flags of all functions of the box, and their access. */
uint32_t cover_flags(const struct cover *c, const struct cover_box *b, uint32_t *access);
const char *cover_doubt_text(enum cover_doubt d);

#endif
