/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles: points with addresses as people write them, to cells with zero-based ones. */
#include <stdlib.h>
#include <string.h>

#include "rules/load.h"
#include "rules/scalar.h"
#include "rules/sets.h"

const struct vocab_space *load_space(struct load *l, struct node *n, const struct proto *p, const char *name)
{
	const struct vocab_space *s = proto_space_find(p, name, strlen(name));
	struct near near = {.text = name};

	if (s)
		return s;
	for (s = p->spaces; s && s->name; s++)
		schema_nearer(&near, s->name);
	if (near.best) {
		diag_error(l->diag, n->pos, "%s has no space \"%s\"; did you mean \"%s\"?", p->name, name,
			   near.best);
	} else {
		const char *all = "";

		for (s = p->spaces; s && s->name; s++)
			all = arena_print(l->arena, "%s%s%s", all, *all ? ", " : "", s->name);
		diag_error(l->diag, n->pos, "%s has no space \"%s\"; there are: %s", p->name, name,
			   *all ? all : "none");
	}
	return NULL;
}

bool load_addresses(struct load *l, struct node *n, const char *text, const struct vocab_space *s,
		    int64_t base, struct interval *out)
{
	const char *why = s->minors ? scalar_parts(l->arena, text, s->min, s->max, s->minors, out)
				    : scalar_range(l->arena, text, s->min + base, s->max + base, false, out);

	if (s->minors)
		base = 0; /* in two parts as the device itself counts them */
	if (why) {
		diag_error(l->diag, n->pos, "%s", why);
		return false;
	}
	out->lo -= base;
	out->hi -= base;
	return true;
}

/* 40001..40040: the number says the space. */
static const struct vocab_space *modicon(struct load *l, struct node *n, const struct proto *p,
					 struct interval *out)
{
	const char *why = scalar_range(l->arena, n->text, 0, UINT32_MAX, false, out);

	if (why) {
		diag_error(l->diag, n->pos, "%s", why);
		return NULL;
	}
	for (const struct vocab_space *s = p->spaces; s && s->name; s++) {
		int64_t first = s->modicon_first, last = s->modicon_last;

		if (out->lo > 99999) {
			first = s->modicon_first6;
			last = s->modicon_last6;
		}
		if (!first || out->lo < first || out->lo > last)
			continue;
		if (out->hi > last) {
			diag_error(l->diag, n->pos, "%s leaves %s, whose numbers are %lld..%lld", n->text,
				   s->name, (long long)first, (long long)last);
			return NULL;
		}
		out->lo -= first;
		out->hi -= first;
		return s;
	}
	diag_error(l->diag, n->pos,
		   "%s is in no space of %s; Modicon numbers are such as 40001 (the first holding register)",
		   n->text, p->name);
	return NULL;
}

/* "holding 40..41", as logs print it. */
static const struct vocab_space *spaced(struct load *l, struct node *n, const struct proto *p, int64_t base,
					struct interval *out)
{
	const char *blank = strchr(n->text, ' ');

	if (!blank) {
		diag_error(l->diag, n->pos,
			   "expected a space and an address, such as \"%s %s\", found \"%s\"",
			   p->spaces && p->spaces->name ? p->spaces->name : "space",
			   n->text[0] >= '0' && n->text[0] <= '9' ? n->text : "0..9", n->text);
		return NULL;
	}
	const struct vocab_space *s =
		load_space(l, n, p, arena_text(l->arena, n->text, (size_t)(blank - n->text)));
	while (*blank == ' ')
		blank++;
	return s && load_addresses(l, n, blank, s, base, out) ? s : NULL;
}

static unsigned bits_of(enum value_type t)
{
	return t == TYPE_BOOL ? 1 : t == TYPE_UINT16 || t == TYPE_INT16 ? 16 : t == TYPE_RAW ? 0 : 32;
}

bool load_values(struct load *l, struct node *n, enum value_type type, unsigned bits, struct intervals *out)
{
	static const struct {
		int64_t min, max;
	} limits[TYPE_COUNT] = {
		[TYPE_BOOL] = {0, 1},
		[TYPE_UINT16] = {0, UINT16_MAX},
		[TYPE_INT16] = {INT16_MIN, INT16_MAX},
		[TYPE_UINT32] = {0, UINT32_MAX},
		[TYPE_INT32] = {INT32_MIN, INT32_MAX},
	};
	int64_t min = limits[type].min, max = limits[type].max;
	bool good = true;

	if (n->set.any) {
		out->any = true;
		return true;
	}
	if (type == TYPE_RAW) {
		bool known = bits && bits < 63;

		min = known ? 0 : -INT64_C(100000000000000000);
		max = known ? (INT64_C(1) << bits) - 1 : INT64_C(100000000000000000);
	}
	for (struct node *i = n->kind == NODE_LIST ? n->first : n; i; i = i->next) {
		struct interval r;
		if (strcmp(i->text, "REVIEW") == 0) {
			diag_error(
				l->diag, i->pos,
				"a person must write the bound here: what was seen is no proof of what is right");
			good = false;
			if (n->kind != NODE_LIST)
				break;
			continue;
		}
		const char *why = type == TYPE_FLOAT32 ? scalar_float_range(l->arena, i->text, &r)
						       : scalar_range(l->arena, i->text, min, max, false, &r);

		if (why) {
			diag_error(l->diag, i->pos, "%s", why);
			good = false;
		} else {
			set_add(l->arena, out, r.lo, r.hi);
		}
		if (n->kind != NODE_LIST)
			break;
	}
	set_normalise(out);
	return good;
}

static int by_cell(const void *a, const void *b)
{
	const struct model_cell *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static bool one_range(struct load *l, struct node *n, const struct proto *p, enum addressing form,
		      enum value_type type, struct point *out)
{
	struct interval r;
	const struct vocab_space *s = form == ADDRESSING_MODICON
					      ? modicon(l, n, p, &r)
					      : spaced(l, n, p, form == ADDRESSING_ONE ? 1 : 0, &r);
	unsigned bits = bits_of(type);

	if (!s)
		return false;
	if (bits && s->bits && (type == TYPE_BOOL) != (s->bits == 1)) {
		diag_error(l->diag, n->pos,
			   s->bits == 1 ? "%s holds single bits: type bool, or none at all"
					: "%s holds numbers of %u bits, not type bool",
			   s->name, s->bits);
		return false;
	}
	unsigned each = bits && s->bits ? (bits + s->bits - 1u) / s->bits : 1;
	if ((uint64_t)(r.hi - r.lo + 1) % each) {
		diag_error(
			l->diag, n->pos,
			"a value of this type takes %u addresses, and \"%s\" has %lld: a multiple is needed",
			each, n->text, (long long)(r.hi - r.lo + 1));
		return false;
	}
	out->cells = arena_more(l->arena, out->cells, out->ncells, sizeof(*out->cells));
	out->cells[out->ncells++] = (struct model_cell){.space = s->code,
							.first = (uint32_t)r.lo,
							.last = (uint32_t)r.hi,
							.type = type,
							.point = out->name};
	return true;
}

static void load_point(struct load *l, struct node *n, const struct proto *p, enum addressing form,
		       bool little, struct point *out)
{
	bool map = n->kind == NODE_MAP;
	struct node *at = map ? load_get(n, "at") : n, *values = map ? load_get(n, "values") : NULL;
	enum value_type type = map ? (enum value_type)load_num(n, "type", TYPE_RAW) : TYPE_RAW;
	struct intervals set = {0};

	out->name = n->key->text;
	out->pos = n->key->pos;
	out->type = type;
	out->bad = n->bad || !at || at->bad;
	if (out->bad)
		return;
	if (map)
		little = load_num(n, "word-order", little ? WORD_ORDER_LITTLE : WORD_ORDER_BIG) ==
			 WORD_ORDER_LITTLE;
	for (struct node *i = at->kind == NODE_LIST ? at->first : at; i; i = i->next) {
		out->bad = !one_range(l, i, p, form, type, out) || out->bad;
		if (at->kind != NODE_LIST)
			break;
	}
	if (out->bad)
		return;
	qsort(out->cells, out->ncells, sizeof(*out->cells), by_cell);
	if (out->cells[0].space != out->cells[out->ncells - 1].space) {
		diag_error(l->diag, at->pos,
			   "the ranges of point \"%s\" lie in two spaces: make it two points", out->name);
		out->bad = true;
		return;
	}
	for (size_t i = 1; i < out->ncells; i++)
		if (out->cells[i].space == out->cells[i - 1].space &&
		    out->cells[i].first <= out->cells[i - 1].last) {
			diag_error(l->diag, at->pos, "the ranges of point \"%s\" overlap", out->name);
			out->bad = true;
			return;
		}
	if (values) {
		out->has_values = true;
		out->bad = !load_values(l, values, type, proto_space(p, out->cells[0].space)->bits, &set);
	}
	for (size_t i = 0; i < out->ncells; i++) {
		out->cells[i].word_swap = little;
		out->cells[i].bounded = values && !set.any;
		out->cells[i].values = set;
	}
}

void load_profiles(struct load *l)
{
	for (size_t i = 0; i < l->profiles.n; i++) {
		const struct node *n = l->profiles.v[i].node, *protocol = load_get(n, "protocol"),
				  *points = load_get(n, "points");
		struct profile *out = arena_alloc(l->arena, sizeof(*out));

		if (!protocol || !points || points->kind != NODE_MAP || n->bad)
			continue;
		out->name = l->profiles.v[i].name;
		out->proto = (int)protocol->num;
		out->points = load_array(l, points->n, sizeof(*out->points));
		for (struct node *p = points->first; p; p = p->next)
			load_point(l, p, proto_get((unsigned)out->proto),
				   (enum addressing)load_num(n, "addressing", ADDRESSING_ZERO),
				   load_num(n, "word-order", WORD_ORDER_BIG) == WORD_ORDER_LITTLE,
				   &out->points[out->npoints++]);
		l->profiles.v[i].made = out;
	}
}
