/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules sorted by place, so that each is compared with its neighbours alone. A place is an address and a unit of a server. A
 * rule of another place can neither hold it nor meet it, unless it is one for many places:
 *
 *   (address, unit)   rules that list this unit
 *   (address, any)    rules for any unit there        (address, all)   every rule for the address
 *   (any)             rules for networks, or for more places than are worth listing
 *   (all)             every rule
 *
 * In a place, ranges lie sorted by space and first address. What may hold a range begins before it or with it, what meets it
 * begins behind its end. Looking is bounded: NEAR_LOOKS at a glance, NEAR_MAX found.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/load_near.h"

#define NEAR_LOOKS    2048u /* entries that one search glances at */
#define NEAR_PLACES   16u   /* addresses times units of a rule that are listed */
#define NEAR_ENTRIES  256u  /* places times ranges */
#define NEAR_SEARCHES 1024u /* of one rule */

#define NO_SPACE UINT32_MAX /* the entry that every rule has: for those without ranges */

enum { UNIT_ANY = -1, UNIT_ALL = -2, UNIT_NONE = -3 };
enum { PLACE_ANY = 1, PLACE_ALL = 2 };

/* A range of a rule at a place. */
struct placed {
	uint64_t place;
	uint32_t space, first, last;
	uint32_t rule;
};

/* A rule at a glance. */
struct glance {
	uint64_t clients, servers; /* a bit for each address, hashed; all for a network */
	int64_t unit_lo, unit_hi;
	int64_t first, last; /* of its cells */
};

struct near_index {
	const struct model_conduit *conduit;
	struct placed *v;
	size_t n;
	struct glance *glances;
	uint32_t *seen; /* by rule: 1 + the last rule that found it */
};

/* Where a rule is entered and searches: its places, or `wide`. */
struct places {
	struct {
		const struct model_net *net;
		int64_t unit;
	} v[NEAR_PLACES];
	size_t n;
	bool wide;
};

static uint64_t address_hash(const struct model_net *net)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ net->ip[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

/* Two places of one number only cost time. */
static uint64_t place_of(const struct model_net *net, int64_t unit)
{
	return ((address_hash(net) ^ (uint64_t)(unit + 4)) * UINT64_C(0x9e3779b97f4a7c15)) | 4;
}

static uint64_t bits_of(const struct model_ends *e)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < e->n; i++)
		for (size_t j = 0; j < e->v[i].addrs.n; j++) {
			const struct model_net *net = &e->v[i].addrs.v[j];

			if (net->plen < 128)
				return UINT64_MAX;
			bits |= UINT64_C(1) << address_hash(net) % 64;
		}
	return bits;
}

static struct glance glance(const struct model_rule *r)
{
	struct glance g = {bits_of(&r->clients), bits_of(&r->servers), 0, INT64_MAX, 0, INT64_MAX};

	if (!r->units.any && r->units.n) {
		g.unit_lo = r->units.v[0].lo;
		g.unit_hi = r->units.v[r->units.n - 1].hi;
	}
	for (size_t i = 0; i < r->ncells; i++) {
		if (!i || r->cells[i].first < g.first)
			g.first = r->cells[i].first;
		if (!i || r->cells[i].last > g.last)
			g.last = r->cells[i].last;
	}
	return g;
}

/* False: nothing in common, and no seam. */
static bool near_each_other(const struct glance *x, const struct glance *y)
{
	return (x->clients & y->clients) && (x->servers & y->servers) && x->unit_lo <= y->unit_hi &&
	       y->unit_lo <= x->unit_hi && x->first <= y->last + (y->last < INT64_MAX) &&
	       y->first <= x->last + (x->last < INT64_MAX);
}

static void place_add(struct places *p, const struct model_net *net, int64_t unit)
{
	if (p->n == NEAR_PLACES) {
		p->wide = true;
		return;
	}
	p->v[p->n].net = net;
	p->v[p->n++].unit = unit;
}

static void places_of_host(struct places *p, const struct model_rule *r, const struct model_end *end,
			   const struct model_net *net)
{
	int64_t units = 0;

	for (size_t i = 0; i < r->units.n; i++)
		units += r->units.v[i].hi - r->units.v[i].lo < NEAR_PLACES
				 ? r->units.v[i].hi - r->units.v[i].lo + 1
				 : NEAR_PLACES + 1;
	if (r->lane != LANE_INSPECTED)
		place_add(p, net, UNIT_NONE);
	else if (end->has_unit)
		place_add(p, net, end->unit);
	else if (r->units.any || !r->units.n || units > NEAR_PLACES)
		place_add(p, net, UNIT_ANY);
	else
		for (size_t i = 0; i < r->units.n; i++)
			for (int64_t u = r->units.v[i].lo; u <= r->units.v[i].hi; u++)
				place_add(p, net, u);
}

static struct places places_of(const struct model_rule *r)
{
	struct places p = {.wide = r->servers.n == 0};

	for (size_t i = 0; i < r->servers.n && !p.wide; i++)
		for (size_t j = 0; j < r->servers.v[i].addrs.n && !p.wide; j++) {
			const struct model_net *net = &r->servers.v[i].addrs.v[j];

			if (net->plen < 128)
				p.wide = true;
			else
				places_of_host(&p, r, &r->servers.v[i], net);
		}
	if (p.n == 0 || p.n * 2 * (r->ncells + 1) > NEAR_ENTRIES)
		p.wide = true;
	return p;
}

/* Enters a rule at a place; v NULL: only counts. */
static size_t enter(struct placed *v, uint64_t place, const struct model_rule *r, uint32_t rule)
{
	for (size_t i = 0; v && i < r->ncells; i++)
		v[i] = (struct placed){place, r->cells[i].space, r->cells[i].first, r->cells[i].last, rule};
	if (v)
		v[r->ncells] = (struct placed){place, NO_SPACE, 0, 0, rule};
	return r->ncells + 1;
}

static size_t enter_all(struct placed *v, const struct model_rule *r, uint32_t rule)
{
	struct places p = places_of(r);
	size_t n = enter(v, PLACE_ALL, r, rule);

	if (p.wide)
		return n + enter(v ? v + n : NULL, PLACE_ANY, r, rule);
	for (size_t i = 0; i < p.n; i++) {
		n += enter(v ? v + n : NULL, place_of(p.v[i].net, p.v[i].unit), r, rule);
		n += enter(v ? v + n : NULL, place_of(p.v[i].net, UNIT_ALL), r, rule);
	}
	return n;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

struct near_index *near_index_new(struct load *l, const struct model_conduit *c)
{
	struct near_index *n = load_array(l, 1, sizeof(*n));

	n->conduit = c;
	for (size_t i = 0; i < c->nrules; i++)
		n->n += enter_all(NULL, &c->rules[i], (uint32_t)i);
	n->v = load_array(l, n->n, sizeof(*n->v));
	n->glances = load_array(l, c->nrules, sizeof(*n->glances));
	n->seen = load_array(l, c->nrules, sizeof(*n->seen));
	for (size_t i = 0, at = 0; i < c->nrules; i++) {
		at += enter_all(n->v + at, &c->rules[i], (uint32_t)i);
		n->glances[i] = glance(&c->rules[i]);
		n->seen[i] = 0;
	}
	if (n->n)
		qsort(n->v, n->n, sizeof(*n->v), entry_cmp);
	return n;
}

/* What one rule has found so far. */
struct found {
	uint32_t self;
	uint32_t *v;
	size_t n, max;
};

static void found_add(struct near_index *n, struct found *f, uint32_t rule)
{
	if (rule == f->self || n->seen[rule] == f->self + 1 || f->n == f->max ||
	    !near_each_other(&n->glances[f->self], &n->glances[rule]))
		return;
	n->seen[rule] = f->self + 1;
	f->v[f->n++] = rule;
}

/* The first entry at the place that is not before this one. */
static size_t entry_at(const struct near_index *n, const struct placed *key)
{
	size_t at = 0, left = n->n;

	while (left > 0) {
		size_t half = left / 2;
		if (entry_cmp(&n->v[at + half], key) < 0) {
			at += half + 1;
			left -= half + 1;
		} else {
			left = half;
		}
	}
	return at;
}

/* Entries there that begin at this very address, from rule `from` on. */
static void find_beginning(struct near_index *n, struct found *f, uint64_t place, uint32_t space,
			   uint32_t first, uint32_t from)
{
	struct placed key = {.place = place, .space = space, .first = first, .rule = from};
	size_t at = entry_at(n, &key);

	for (size_t looks = 0; looks < NEAR_LOOKS && at < n->n; looks++, at++) {
		const struct placed *e = &n->v[at];
		if (e->place != place || e->space != space || e->first != first)
			return;
		found_add(n, f, e->rule);
	}
}

/* Entries there that hold this address. */
static void find_holding(struct near_index *n, struct found *f, uint64_t place, uint32_t space,
			 uint32_t first)
{
	struct placed key = {.place = place, .space = space, .first = first, .rule = f->self};
	size_t at = entry_at(n, &key);

	for (size_t looks = 0; looks < NEAR_LOOKS && at > 0; looks++) {
		const struct placed *e = &n->v[--at];
		if (e->place != place || e->space != space)
			break;
		if (e->last >= first)
			found_add(n, f, e->rule);
	}
	find_beginning(n, f, place, space, first, f->self);
}

static void find_holders(struct near_index *n, struct found *f, const struct places *p)
{
	const struct model_rule *r = &n->conduit->rules[f->self];
	uint32_t space = NO_SPACE, first = 0;

	/* Who holds the rule holds this address of it. */
	for (size_t i = 0; i < r->ncells && space == NO_SPACE; i++) {
		const struct model_cell *c = &r->cells[i];
		if ((c->read && r->access & 1u << ACCESS_READ) ||
		    (c->write && r->access & 1u << ACCESS_WRITE)) {
			space = c->space;
			first = c->first;
		}
	}
	if (!p->wide) {
		find_holding(n, f, place_of(p->v[0].net, p->v[0].unit), space, first);
		find_holding(n, f, place_of(p->v[0].net, UNIT_ANY), space, first);
	}
	find_holding(n, f, PLACE_ANY, space, first);
}

static void find_seams(struct near_index *n, struct found *f, const struct places *p)
{
	const struct model_rule *r = &n->conduit->rules[f->self];
	unsigned searches = 0;

	for (size_t i = 0; i < r->ncells && searches < NEAR_SEARCHES; i++) {
		uint32_t space = r->cells[i].space, next = r->cells[i].last + 1;

		if (next == 0)
			continue;
		for (size_t k = 0; !p->wide && k < p->n; k++, searches += 2) {
			const struct model_net *net = p->v[k].net;
			bool any = p->v[k].unit == UNIT_ANY;

			find_beginning(n, f, place_of(net, any ? UNIT_ALL : p->v[k].unit), space, next, 0);
			if (!any)
				find_beginning(n, f, place_of(net, UNIT_ANY), space, next, 0);
		}
		find_beginning(n, f, p->wide ? PLACE_ALL : PLACE_ANY, space, next, 0);
		searches++;
	}
}

static int rule_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t near_find(struct near_index *n, size_t i, uint32_t out[static NEAR_MAX])
{
	struct places p = places_of(&n->conduit->rules[i]);
	struct found f = {.self = (uint32_t)i, .v = out, .max = NEAR_MAX / 2};

	/* Neither search takes the room of the other. */
	find_seams(n, &f, &p);
	f.max = NEAR_MAX;
	find_holders(n, &f, &p);
	if (f.n)
		qsort(out, f.n, sizeof(*out), rule_cmp);
	return f.n;
}
