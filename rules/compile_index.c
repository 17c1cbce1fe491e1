/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of one rule set: functions, then stations, then addresses are each cut where any rule begins or ends, so that
 * one binary search per dimension leads to the rules that contain a point. Overlapping ranges could make the lists of a dimension grow with
 * the square of the rules; past COMPILE_SPREAD a dimension is left whole, and its rules are tried one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

/* Someone's stretch of one dimension, inclusive. */
struct stretch {
	uint64_t lo, hi;
	uint32_t who;
};

/* A dimension cut into atoms: atom i begins at edges[i] and holds who[at[i] .. at[i + 1]]. */
struct cut {
	uint64_t *edges;
	uint32_t *at, *who;
	size_t n;
	bool whole; /* left so, but for the edges that must be: who of an atom need not hold all of it */
};

static int edge_cmp(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static size_t edge_find(const struct cut *c, uint64_t key)
{
	size_t at = 0, n = c->n;

	while (n > 1) {
		size_t half = n / 2;
		if (c->edges[at + half] <= key)
			at += half;
		n -= half;
	}
	return at;
}

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* Cuts at every begin and end, and at the n edges in `always` (0 is always one). who of an atom stays in the order of v. */
static void cut_make(struct cut *c, const struct stretch *v, size_t n, const uint64_t *always, size_t nalways,
		     size_t limit)
{
	c->edges = must(calloc(2 * n + nalways + 1, sizeof(*c->edges)));
	size_t k = 1;
	for (size_t i = 0; i < nalways; i++)
		c->edges[k++] = always[i];
	for (size_t i = 0; i < n; i++) {
		c->edges[k++] = v[i].lo;
		if (v[i].hi < UINT64_MAX)
			c->edges[k++] = v[i].hi + 1;
	}
	qsort(c->edges, k, sizeof(*c->edges), edge_cmp);
	c->n = 0;
	for (size_t i = 0; i < k; i++)
		if (i == 0 || c->edges[i] != c->edges[i - 1])
			c->edges[c->n++] = c->edges[i];

	size_t total = 0;
	for (size_t i = 0; i < n && total <= limit; i++)
		total += edge_find(c, v[i].hi) - edge_find(c, v[i].lo) + 1;
	c->whole = total > limit;
	if (c->whole) { /* too much overlap: only the edges that must be */
		c->n = 1;
		for (size_t i = 0; i < nalways; i++)
			if (always[i] != c->edges[c->n - 1])
				c->edges[c->n++] = always[i];
		total = 0;
		for (size_t i = 0; i < n; i++)
			total += edge_find(c, v[i].hi) - edge_find(c, v[i].lo) + 1;
	}
	c->at = must(calloc(c->n + 2, sizeof(*c->at)));
	c->who = must(calloc(total + 1, sizeof(*c->who)));
	for (size_t i = 0; i < n; i++)
		for (size_t j = edge_find(c, v[i].lo), end = edge_find(c, v[i].hi); j <= end; j++)
			c->at[j + 2]++;
	for (size_t j = 2; j < c->n + 2; j++)
		c->at[j] += c->at[j - 1];
	for (size_t i = 0; i < n; i++)
		for (size_t j = edge_find(c, v[i].lo), end = edge_find(c, v[i].hi); j <= end; j++)
			c->who[c->at[j + 1]++] = v[i].who;
}

static void cut_free(struct cut *c)
{
	free(c->edges);
	free(c->at);
	free(c->who);
}

static size_t limit_of(size_t n)
{
	return n * COMPILE_SPREAD + 65536;
}

/* Runs of adjacent cells of the slots' rules, in slot order. */
struct run {
	uint32_t slot, space, lo, hi, cell;
};

static void collect_runs(const struct build *b, const uint32_t *slots, size_t n, unsigned dir,
			 struct records *out)
{
	const struct image_slot *all = b->parts[IMAGE_SLOTS].v;
	const struct image_rule *rules = b->parts[IMAGE_RULES].v;
	const struct image_cell *cells = b->parts[IMAGE_CELLS].v;

	for (size_t i = 0; i < n; i++) {
		struct image_span s = rules[all[slots[i]].rule].cells[dir];
		for (uint32_t k = s.at; k < s.at + s.n;) {
			struct run *r = records_add(out, 1);
			*r = (struct run){slots[i], cells[k].space, cells[k].first, cells[k].last, k};
			for (k++; k < s.at + s.n && cells[k].space == r->space &&
				  (uint64_t)cells[k - 1].last + 1 == cells[k].first;
			     k++)
				r->hi = cells[k].last;
		}
	}
}

/* One candidate. proven: every unit that leads to it is the slot's. */
static struct image_cand cand_of(const struct build *b, uint32_t slot, uint32_t lo, uint32_t hi,
				 uint32_t cell, unsigned dir, bool proven)
{
	const struct image_slot *s = (struct image_slot *)b->parts[IMAGE_SLOTS].v + slot;
	const struct image_rule *r = (struct image_rule *)b->parts[IMAGE_RULES].v + s->rule;
	struct image_cand c = {.slot = slot, .lo = lo, .hi = hi, .cell = cell, .rule = (uint16_t)s->rule};

	if (proven || s->listed == 0)
		c.plain = (uint16_t)policy_plain(r, b->parts[IMAGE_CELLS].v, cell, hi, dir);
	return c;
}

static struct image_span put_cands(struct build *b, const struct image_cand *v, size_t n)
{
	if (n == 0)
		return (struct image_span){0, 0};
	uint32_t at = build_n(b, IMAGE_CANDS);
	memcpy(build_add(b, IMAGE_CANDS, n), v, n * sizeof(*v));
	return (struct image_span){at, (uint32_t)n};
}

/* Fewer atoms than this a search finds as fast. */
#define GUIDE_MIN 16u

/*
 * A guide over the n sorted atom begins, where they are many: over the stretch of the dimension (one space of addresses) that
 * holds most of them, cut into at least as many parts.
 */
static uint32_t guide_make(struct build *b, const uint64_t *lo, uint32_t n)
{
	uint32_t from = 0, end = 0;

	for (uint32_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && lo[k] >> 32 == lo[i] >> 32;)
			k++;
		if (k - i > end - from) {
			from = i;
			end = k;
		}
	}
	if (end - from < GUIDE_MIN)
		return IMAGE_NONE;
	struct image_guide g = {.base = lo[from]};
	uint64_t length = lo[end - 1] - lo[from] + 1;
	while (length >> g.shift > 2 * (uint64_t)(end - from))
		g.shift++;
	g.words = (struct image_span){build_n(b, IMAGE_WORDS), (uint32_t)((length - 1) >> g.shift) + 2};
	if (g.base > UINT64_MAX - ((uint64_t)g.words.n << g.shift))
		return IMAGE_NONE; /* at the very end of what can be numbered */
	uint32_t *w = build_add(b, IMAGE_WORDS, g.words.n);
	for (uint32_t i = 0, at = from; i < g.words.n; i++) {
		while (at + 1 < n && lo[at + 1] <= g.base + ((uint64_t)i << g.shift))
			at++;
		w[i] = at;
	}
	*(struct image_guide *)build_add(b, IMAGE_GUIDES, 1) = g;
	return build_n(b, IMAGE_GUIDES) - 1;
}

static uint32_t guide_addresses(struct build *b, struct image_span s)
{
	struct records lo = {.size = sizeof(uint64_t)};

	for (uint32_t i = 0; i < s.n; i++) {
		const struct image_aatom *a = (struct image_aatom *)b->parts[IMAGE_AATOMS].v + s.at + i;
		*(uint64_t *)records_add(&lo, 1) = a->lo;
	}
	uint32_t guide = guide_make(b, lo.v, s.n);
	records_free(&lo);
	return guide;
}

static uint32_t guide_units(struct build *b, struct image_span s)
{
	struct records lo = {.size = sizeof(uint64_t)};

	for (uint32_t i = 0; i < s.n; i++) {
		const struct image_uatom *u = (struct image_uatom *)b->parts[IMAGE_UATOMS].v + s.at + i;
		/* "No station" lies far behind all others: it would spoil the guide to them. */
		if (u->lo != IMAGE_UNIT_NONE)
			*(uint64_t *)records_add(&lo, 1) = u->lo;
	}
	uint32_t guide = guide_make(b, lo.v, (uint32_t)lo.n);
	records_free(&lo);
	return guide;
}

/* Address atoms of some slots. */
static struct image_span index_addresses(struct build *b, const uint32_t *slots, size_t n, unsigned dir,
					 bool proven)
{
	struct records runs = {.size = sizeof(struct run)}, stretches = {.size = sizeof(struct stretch)},
		       spaces = {.size = sizeof(uint64_t)}, cands = {.size = sizeof(struct image_cand)};
	struct cut c;

	collect_runs(b, slots, n, dir, &runs);
	const struct run *r = runs.v;
	for (uint32_t i = 0; i < runs.n; i++) {
		uint64_t space = (uint64_t)r[i].space << 32;
		*(struct stretch *)records_add(&stretches, 1) =
			(struct stretch){space | r[i].lo, space | r[i].hi, i};
		/* Spaces stay apart whatever happens: candidates do not say theirs. */
		*(uint64_t *)records_add(&spaces, 1) = space;
		if (r[i].space < UINT32_MAX)
			*(uint64_t *)records_add(&spaces, 1) = space + ((uint64_t)1 << 32);
	}
	uint64_t *sp = spaces.v;
	size_t nsp = 0;
	if (spaces.n > 0)
		qsort(sp, spaces.n, sizeof(*sp), edge_cmp);
	for (size_t i = 0; i < spaces.n; i++)
		if (i == 0 || sp[i] != sp[i - 1])
			sp[nsp++] = sp[i];
	cut_make(&c, stretches.v, stretches.n, sp, nsp, limit_of(runs.n));
	uint32_t at = build_n(b, IMAGE_AATOMS), count = 0;
	for (size_t i = 0; i < c.n; i++) {
		cands.n = 0;
		for (uint32_t k = c.at[i]; k < c.at[i + 1]; k++) {
			const struct run *x = &r[c.who[k]];
			*(struct image_cand *)records_add(&cands, 1) =
				cand_of(b, x->slot, x->lo, x->hi, x->cell, dir, proven);
		}
		struct image_aatom *have = b->parts[IMAGE_AATOMS].v;
		if (count > 0 && cands.n == 0 && have[at + count - 1].cands.n == 0)
			continue;
		struct image_span s = put_cands(b, cands.v, cands.n);
		*(struct image_aatom *)build_add(b, IMAGE_AATOMS, 1) = (struct image_aatom){c.edges[i], s};
		count++;
	}
	cut_free(&c);
	records_free(&runs);
	records_free(&stretches);
	records_free(&spaces);
	records_free(&cands);
	return (struct image_span){at, count};
}

/* What an atom of stations leads to: equal lists of slots share it. */
struct led {
	struct image_span aatoms, all;
	uint32_t guide;
};

struct indexing {
	struct intern lists; /* slots, direction and proven -> led */
	struct intern units; /* slots and direction -> unit atoms */
	struct records leds, spans;
};

static void key_of(struct records *key, const uint32_t *slots, size_t n, unsigned dir)
{
	key->n = 0;
	*(uint32_t *)records_add(key, 1) = dir;
	if (n > 0)
		memcpy(records_add(key, n), slots, n * sizeof(*slots));
}

static struct led index_slots(struct build *b, struct indexing *x, const uint32_t *slots, size_t n,
			      unsigned dir, bool proven)
{
	struct records key = {.size = sizeof(uint32_t)}, cands = {.size = sizeof(struct image_cand)};
	bool fresh;

	key_of(&key, slots, n, dir | (proven ? 2u : 0u));
	uint32_t *at = intern_at(&x->lists, key.v, key.n * key.size, &fresh);
	records_free(&key);
	if (!fresh)
		return ((struct led *)x->leds.v)[*at];
	*at = (uint32_t)x->leds.n;
	struct led out = {.aatoms = index_addresses(b, slots, n, dir, proven)};
	for (size_t i = 0; i < n; i++)
		*(struct image_cand *)records_add(&cands, 1) =
			cand_of(b, slots[i], 0, 0, IMAGE_NONE, dir, proven);
	out.guide = guide_addresses(b, out.aatoms);
	out.all = put_cands(b, cands.v, cands.n);
	records_free(&cands);
	*(struct led *)records_add(&x->leds, 1) = out;
	return out;
}

/* The unit atoms that a function leads to. */
struct stations {
	struct image_span uatoms;
	uint32_t guide;
};

/* Unit atoms of some slots. */
static struct stations index_units(struct build *b, struct indexing *x, const uint32_t *slots, size_t n,
				   unsigned dir)
{
	struct records key = {.size = sizeof(uint32_t)}, stretches = {.size = sizeof(struct stretch)},
		       uatoms = {.size = sizeof(struct image_uatom)};
	bool fresh;
	struct cut c;

	key_of(&key, slots, n, dir);
	uint32_t *known = intern_at(&x->units, key.v, key.n * key.size, &fresh);
	records_free(&key);
	if (!fresh)
		return ((struct stations *)x->spans.v)[*known];
	*known = (uint32_t)x->spans.n;

	for (size_t i = 0; i < n; i++) {
		const struct image_slot *s = (struct image_slot *)b->parts[IMAGE_SLOTS].v + slots[i];
		if (s->listed == 0)
			*(struct stretch *)records_add(&stretches, 1) =
				(struct stretch){0, UINT32_MAX, slots[i]};
		for (uint32_t k = s->units.at; s->listed != 0 && k < s->units.at + s->units.n; k++) {
			struct image_interval v = ((struct image_interval *)b->parts[IMAGE_INTERVALS].v)[k];
			int64_t lo = v.lo > 0 ? v.lo : 0;
			int64_t hi = v.hi < IMAGE_UNIT_NONE - 1 ? v.hi : (int64_t)IMAGE_UNIT_NONE - 1;
			if (lo <= hi)
				*(struct stretch *)records_add(&stretches, 1) =
					(struct stretch){(uint64_t)lo, (uint64_t)hi, slots[i]};
		}
		/* What keeps a session names no station and belongs to all of them. */
		if (s->listed != 0)
			*(struct stretch *)records_add(&stretches, 1) =
				(struct stretch){IMAGE_UNIT_NONE, IMAGE_UNIT_NONE, slots[i]};
	}
	cut_make(&c, stretches.v, stretches.n, NULL, 0, limit_of(n));
	for (size_t i = 0; i < c.n && c.edges[i] <= UINT32_MAX; i++) {
		/* In a dimension left whole a slot with several stretches would stand several times. */
		size_t m = 0;
		uint32_t *who = c.who + c.at[i];
		for (uint32_t k = 0; k < c.at[i + 1] - c.at[i]; k++)
			if (m == 0 || who[m - 1] != who[k])
				who[m++] = who[k];
		struct led led = index_slots(b, x, who, m, dir, !c.whole && c.edges[i] != IMAGE_UNIT_NONE);
		struct image_uatom *last = uatoms.v;
		if (uatoms.n > 0 && memcmp(&last[uatoms.n - 1].aatoms, &led.aatoms, sizeof(led.aatoms)) == 0)
			continue;
		*(struct image_uatom *)records_add(&uatoms, 1) =
			(struct image_uatom){(uint32_t)c.edges[i], led.aatoms, led.all, led.guide};
	}
	cut_free(&c);
	struct stations out = {.uatoms = {build_n(b, IMAGE_UATOMS), (uint32_t)uatoms.n}};
	memcpy(build_add(b, IMAGE_UATOMS, uatoms.n), uatoms.v, uatoms.n * uatoms.size);
	out.guide = guide_units(b, out.uatoms);
	records_free(&stretches);
	records_free(&uatoms);
	*(struct stations *)records_add(&x->spans, 1) = out;
	return out;
}

/* Functions of the vocabulary whose operations always carry a range. */
static uint32_t function_flags(const struct proto *proto, uint64_t key)
{
	const struct vocab_function *f = proto_function(proto, (uint32_t)key);

	return f != NULL && (f->flags & FN_RANGE) != 0 ? IMAGE_FATOM_RANGE : 0;
}

void compile_index(struct build *b, struct image_set *set, const struct image_slot *slots, size_t n)
{
	const struct proto *proto = proto_get(set->proto);
	struct records stretches = {.size = sizeof(struct stretch)}, edges = {.size = sizeof(uint64_t)},
		       fatoms = {.size = sizeof(struct image_fatom)};
	struct indexing x = {.leds = {.size = sizeof(struct led)},
			     .spans = {.size = sizeof(struct stations)}};
	struct cut c;

	set->slots = (struct image_span){n > 0 ? build_n(b, IMAGE_SLOTS) : 0, (uint32_t)n};
	set->fatoms = (struct image_span){0, 0};
	if (n == 0)
		return;
	memcpy(build_add(b, IMAGE_SLOTS, n), slots, n * sizeof(*slots));
	for (uint32_t i = 0; i < n; i++) {
		const struct image_rule *r = (struct image_rule *)b->parts[IMAGE_RULES].v + slots[i].rule;
		for (uint32_t k = r->functions.at; k < r->functions.at + r->functions.n; k++) {
			struct image_interval v = ((struct image_interval *)b->parts[IMAGE_INTERVALS].v)[k];
			*(struct stretch *)records_add(&stretches, 1) =
				(struct stretch){(uint64_t)v.lo, (uint64_t)v.hi, set->slots.at + i};
		}
	}
	for (const struct vocab_function *f = proto->functions; f->name != NULL; f++) {
		*(uint64_t *)records_add(&edges, 1) = f->lo;
		*(uint64_t *)records_add(&edges, 1) = (uint64_t)f->hi + 1;
	}
	uint64_t *e = edges.v;
	if (edges.n > 0)
		qsort(e, edges.n, sizeof(*e), edge_cmp);
	/* Functions are few: this dimension is never left whole. */
	cut_make(&c, stretches.v, stretches.n, edges.v, edges.n, SIZE_MAX);
	for (size_t i = 0; i < c.n && c.edges[i] <= UINT32_MAX; i++) {
		if (c.at[i] == c.at[i + 1])
			continue;
		uint64_t hi = i + 1 < c.n ? c.edges[i + 1] - 1 : UINT32_MAX;
		struct image_fatom f = {.lo = (uint32_t)c.edges[i],
					.hi = (uint32_t)hi,
					.flags = function_flags(proto, c.edges[i])};
		for (unsigned dir = 0; dir < 2; dir++) {
			struct stations s = index_units(b, &x, c.who + c.at[i], c.at[i + 1] - c.at[i], dir);
			f.uatoms[dir] = s.uatoms;
			f.guide[dir] = s.guide;
		}
		struct image_fatom *last = fatoms.v;
		if (fatoms.n > 0 && (uint64_t)last[fatoms.n - 1].hi + 1 == f.lo &&
		    last[fatoms.n - 1].flags == f.flags &&
		    memcmp(last[fatoms.n - 1].uatoms, f.uatoms, sizeof(f.uatoms)) == 0)
			last[fatoms.n - 1].hi = f.hi;
		else
			*(struct image_fatom *)records_add(&fatoms, 1) = f;
	}
	cut_free(&c);
	set->fatoms = (struct image_span){build_n(b, IMAGE_FATOMS), (uint32_t)fatoms.n};
	if (fatoms.n > 0)
		memcpy(build_add(b, IMAGE_FATOMS, fatoms.n), fatoms.v, fatoms.n * fatoms.size);
	intern_free(&x.lists);
	intern_free(&x.units);
	records_free(&x.leds);
	records_free(&x.spans);
	records_free(&stretches);
	records_free(&edges);
	records_free(&fatoms);
}
