/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two rule sets held against each other. Each rule of the one is cut into pieces at every border of the other's rules (function,
 * access, station, address); a piece that no single rule of the other contains, values and terms included, is a difference.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff_set.h"

#define WRITES                                                                                               \
	(1u << ACCESS_WRITE | 1u << ACCESS_OPERATE | 1u << ACCESS_CONFIGURE | 1u << ACCESS_PROGRAM |         \
	 1u << ACCESS_OPAQUE)

static int edge_cmp(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

static size_t edges_unique(int64_t *v, size_t n)
{
	size_t k = 0;

	qsort(v, n, sizeof(*v), edge_cmp);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || v[i] != v[k - 1])
			v[k++] = v[i];
	return k;
}

static const struct image_rule *rule_of(const struct image *m, const struct image_slot *s)
{
	return &image_rules(m)[s->rule];
}

/* Is every number of a (of image ma) in b (of image mb)? */
static bool set_inside(const struct image *ma, struct image_span a, const struct image *mb,
		       struct image_span b)
{
	const struct image_interval *x = image_intervals(ma) + a.at, *y = image_intervals(mb) + b.at;
	uint32_t k = 0;

	for (uint32_t i = 0; i < a.n; i++) {
		while (k < b.n && y[k].hi < x[i].lo)
			k++;
		if (k == b.n || y[k].lo > x[i].lo || y[k].hi < x[i].hi)
			return false;
	}
	return true;
}

/* Does a, which may end in `*`, stand for every name that b stands for? */
static bool name_covers(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n > 0 && a[n - 1] == '*' ? strncmp(a, b, n - 1) == 0 : strcmp(a, b) == 0;
}

static bool names_cover(const struct image *ma, const struct image_rule *a, const struct image *mb,
			const struct image_rule *b)
{
	if ((a->flags & IMAGE_RULE_ANY_NAME) != 0)
		return true;
	if ((b->flags & IMAGE_RULE_ANY_NAME) != 0)
		return false;
	for (uint32_t i = 0; i < b->names.n; i++) {
		bool found = false;
		for (uint32_t k = 0; k < a->names.n && !found; k++)
			found = name_covers(image_strings(ma) + image_words(ma)[a->names.at + k],
					    image_strings(mb) + image_words(mb)[b->names.at + i]);
		if (!found)
			return false;
	}
	return true;
}

/* Do the terms of rule a (hours, end, rate, qualifiers, asking stations) let through whatever those of b do? */
static bool terms_cover(const struct image *ma, const struct image_rule *a, const struct image *mb,
			const struct image_rule *b)
{
	if ((a->flags & IMAGE_RULE_ORIGINS) != 0 &&
	    ((b->flags & IMAGE_RULE_ORIGINS) == 0 || !set_inside(mb, b->origins, ma, a->origins)))
		return false;
	if ((a->flags & IMAGE_RULE_WHEN) != 0 && ((b->flags & IMAGE_RULE_WHEN) == 0 || a->days != b->days ||
						  a->from_min != b->from_min || a->to_min != b->to_min))
		return false;
	if ((a->flags & IMAGE_RULE_UNTIL) != 0 && a->until_us < b->until_us)
		return false;
	if ((a->flags & IMAGE_RULE_UNLOCK) != 0 &&
	    ((b->flags & IMAGE_RULE_UNLOCK) == 0 || a->unlock_max_us < b->unlock_max_us ||
	     a->unlock_approvals > b->unlock_approvals))
		return false;
	/* A permit ends by itself; an unlocked rule stays one that is locked. */
	if ((a->flags & (IMAGE_RULE_LENT | IMAGE_RULE_UNLOCK)) == IMAGE_RULE_LENT &&
	    ((b->flags & IMAGE_RULE_LENT) == 0 || a->lent_until_us < b->lent_until_us))
		return false;
	if ((a->flags & IMAGE_RULE_RATE) != 0 &&
	    ((b->flags & IMAGE_RULE_RATE) == 0 || a->rate_step > b->rate_step ||
	     a->rate_room < b->rate_room || ((a->flags ^ b->flags) & IMAGE_RULE_PER_CLIENT) != 0))
		return false;
	for (uint32_t i = 0; i < a->args.n; i++) {
		const struct image_arg *x = &image_args(ma)[a->args.at + i];
		bool bound = false;
		for (uint32_t k = 0; k < b->args.n && !bound; k++) {
			const struct image_arg *y = &image_args(mb)[b->args.at + k];
			bound = x->name == y->name && set_inside(mb, y->values, ma, x->values);
		}
		if (!bound)
			return false;
	}
	return names_cover(ma, a, mb, b);
}

/* What may be written: not bounded, or a set of numbers of one type. */
struct bound {
	bool bounded;
	uint32_t type, step, swap;
	struct image_span values;
};

static struct bound bound_of_cell(const struct image_cell *c)
{
	return (struct bound){.bounded = (c->flags & IMAGE_CELL_BOUNDED) != 0,
			      .type = c->type,
			      .step = c->step,
			      .swap = c->flags & IMAGE_CELL_SWAP,
			      .values = c->values};
}

static struct bound bound_of_rule(const struct image_rule *r)
{
	return (struct bound){
		.bounded = (r->flags & IMAGE_RULE_BOUNDED) != 0, .step = 1, .values = r->values};
}

static bool same_type(const struct bound *a, const struct bound *b)
{
	return a->type == b->type && a->step == b->step && a->swap == b->swap;
}

/* The cell of r in that space and direction which contains lo..hi, or NULL. */
static const struct image_cell *cell_with(const struct image *m, const struct image_rule *r, unsigned dir,
					  uint32_t space, uint32_t lo, uint32_t hi)
{
	for (uint32_t i = r->cells[dir].at; i < r->cells[dir].at + r->cells[dir].n; i++) {
		const struct image_cell *c = &image_cells(m)[i];
		if (c->space == space && c->first <= lo && hi <= c->last)
			return c;
	}
	return NULL;
}

/* Without the rows of v that lie in any of the other's sets. */
static size_t subtract(struct image_interval **v, size_t n, struct image_interval cut)
{
	struct image_interval *out = calloc(2 * n + 1, sizeof(*out));
	size_t k = 0;

	if (out == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct image_interval x = (*v)[i];
		if (x.hi < cut.lo || x.lo > cut.hi) {
			out[k++] = x;
			continue;
		}
		if (x.lo < cut.lo)
			out[k++] = (struct image_interval){x.lo, cut.lo - 1};
		if (x.hi > cut.hi)
			out[k++] = (struct image_interval){cut.hi + 1, x.hi};
	}
	free(*v);
	*v = out;
	return k;
}

/*
 * Holds one piece of rule r against the other's slots. True when one of them contains it. Otherwise *left holds the values
 * that none of them lets through (*nleft 0: values are not what it is about).
 */
static bool piece_covered(const struct diff_side *o, const struct diff_side *s, const struct image_rule *r,
			  const struct diff_piece *p, const struct bound *mine, struct image_interval **left,
			  size_t *nleft)
{
	const struct image *m = o->image;

	*nleft = 0;
	*left = NULL;
	if (mine->bounded) {
		*nleft = mine->values.n;
		*left = calloc(*nleft + 1, sizeof(**left));
		if (*left == NULL)
			abort();
		memcpy(*left, image_intervals(s->image) + mine->values.at, *nleft * sizeof(**left));
	}
	for (uint32_t i = 0; i < o->slots.n; i++) {
		const struct image_slot *slot = &image_slots(m)[o->slots.at + i];
		const struct image_rule *x = rule_of(m, slot);
		struct bound theirs = bound_of_rule(x);
		if (!interval_has(m, x->functions, p->function) || (x->access >> p->access & 1) == 0 ||
		    (p->access == ACCESS_OPAQUE && (x->flags & IMAGE_RULE_NAMED) == 0) ||
		    (slot->listed != 0 && (p->any_unit || !interval_has(m, slot->units, p->unit_lo))) ||
		    !terms_cover(m, x, s->image, r))
			continue;
		if (p->ranged) {
			const struct image_cell *c = cell_with(m, x, p->dir, p->space, p->lo, p->hi);
			if (c == NULL)
				continue;
			theirs = bound_of_cell(c);
			if (p->dir == 0)
				return true;
			/* A typed value that the other cuts, or the reverse, is another operation. */
			if (theirs.step > 1 && mine->step != theirs.step)
				continue;
		}
		if ((WRITES >> p->access & 1) == 0 || !theirs.bounded)
			return true;
		if (!mine->bounded || !same_type(mine, &theirs))
			continue;
		if (set_inside(s->image, mine->values, m, theirs.values))
			return true;
		for (uint32_t k = 0; k < theirs.values.n; k++)
			*nleft = subtract(left, *nleft, image_intervals(m)[theirs.values.at + k]);
	}
	/* Each value alone may be let through by some rule: then no single write changes. */
	return mine->bounded && *nleft == 0 && mine->values.n > 0;
}

static void put_piece(struct records *out, struct diff_piece *p, struct image_interval *left, size_t nleft)
{
	p->nvalues = nleft;
	p->values = left;
	*(struct diff_piece *)records_add(out, 1) = *p;
}

/* Borders of stations and addresses of both sides. */
struct borders {
	struct records units, addresses;
};

static void add_edge(struct records *r, int64_t at)
{
	*(int64_t *)records_add(r, 1) = at;
}

static void collect_borders(const struct diff_side *s, struct borders *b)
{
	const struct image *m = s->image;

	for (uint32_t i = 0; i < s->slots.n; i++) {
		const struct image_slot *slot = &image_slots(m)[s->slots.at + i];
		const struct image_rule *r = rule_of(m, slot);
		for (uint32_t k = 0; slot->listed != 0 && k < slot->units.n; k++) {
			add_edge(&b->units, image_intervals(m)[slot->units.at + k].lo);
			add_edge(&b->units, image_intervals(m)[slot->units.at + k].hi + 1);
		}
		for (unsigned dir = 0; dir < 2; dir++)
			for (uint32_t k = r->cells[dir].at; k < r->cells[dir].at + r->cells[dir].n; k++) {
				const struct image_cell *c = &image_cells(m)[k];
				add_edge(&b->addresses, (int64_t)c->space << 32 | c->first);
				add_edge(&b->addresses, ((int64_t)c->space << 32 | c->last) + 1);
			}
	}
}

static void rule_addresses(const struct diff_side *s, const struct diff_side *o, const struct image_rule *r,
			   struct diff_piece *p, const int64_t *edges, size_t nedges, struct records *out)
{
	struct image_interval *left;
	size_t nleft;

	if (!p->ranged) {
		struct bound mine = bound_of_rule(r);
		if ((WRITES >> p->access & 1) == 0)
			mine.bounded = false;
		if (!piece_covered(o, s, r, p, &mine, &left, &nleft))
			put_piece(out, p, left, nleft);
		else
			free(left);
		return;
	}
	for (uint32_t k = r->cells[p->dir].at; k < r->cells[p->dir].at + r->cells[p->dir].n; k++) {
		const struct image_cell *c = &image_cells(s->image)[k];
		struct bound mine = bound_of_cell(c);
		int64_t at = (int64_t)c->space << 32 | c->first, end = (int64_t)c->space << 32 | c->last;
		const int64_t *e = edges, *stop = edges + nedges;
		while (e < stop && *e <= at)
			e++;
		while (at <= end) {
			int64_t next = e < stop && *e <= end ? *e++ : end + 1;
			p->space = c->space;
			p->lo = (uint32_t)at;
			p->hi = (uint32_t)(next - 1);
			p->is_float = c->type == TYPE_FLOAT32;
			p->point = image_strings(s->image) + c->point;
			if (!piece_covered(o, s, r, p, &mine, &left, &nleft))
				put_piece(out, p, left, nleft);
			else
				free(left);
			at = next;
		}
	}
	p->lo = p->hi = p->space = 0;
	p->point = "";
}

void diff_sets(const struct diff_side *s, const struct diff_side *o, struct records *out)
{
	const struct image *m = s->image;
	const struct proto *proto = proto_get(s->proto);
	struct borders b = {.units = {.size = sizeof(int64_t)}, .addresses = {.size = sizeof(int64_t)}};

	collect_borders(s, &b);
	collect_borders(o, &b);
	b.units.n = b.units.n > 0 ? edges_unique(b.units.v, b.units.n) : 0;
	b.addresses.n = b.addresses.n > 0 ? edges_unique(b.addresses.v, b.addresses.n) : 0;
	for (uint32_t i = 0; i < s->slots.n; i++) {
		const struct image_slot *slot = &image_slots(m)[s->slots.at + i];
		const struct image_rule *r = rule_of(m, slot);
		/* Functions one vocabulary entry at a time: the narrowest that stands for a key. */
		for (const struct vocab_function *f = proto->functions; f->name != NULL; f++) {
			if (proto_function(proto, f->lo) != f || !interval_has(m, r->functions, f->lo))
				continue;
			for (unsigned a = 0; a < ACCESS_COUNT; a++) {
				if ((f->access & r->access) >> a == 0 ||
				    ((f->access & r->access) >> a & 1) == 0)
					continue;
				struct diff_piece p = {.rule = slot->rule,
						       .function = f->lo,
						       .name = f->name,
						       .access = a,
						       .dir = WRITES >> a & 1,
						       .ranged = (f->flags & FN_RANGE) != 0,
						       .point = ""};
				struct image_interval all = {0, proto->unit_max};
				const struct image_interval *u =
					slot->listed != 0 ? image_intervals(m) + slot->units.at : &all;
				uint32_t nu = slot->listed != 0 ? slot->units.n : 1;
				for (uint32_t k = 0; k < nu; k++) {
					int64_t at = u[k].lo;
					const int64_t *e = b.units.v, *stop = e + b.units.n;
					while (e < stop && *e <= at)
						e++;
					while (at <= u[k].hi) {
						int64_t next = e < stop && *e <= u[k].hi ? *e++ : u[k].hi + 1;
						p.unit_lo = at;
						p.unit_hi = next - 1;
						p.any_unit = slot->listed == 0 && b.units.n == 0;
						rule_addresses(s, o, r, &p, b.addresses.v, b.addresses.n,
							       out);
						at = next;
					}
				}
			}
		}
	}
	records_free(&b.units);
	records_free(&b.addresses);
}
