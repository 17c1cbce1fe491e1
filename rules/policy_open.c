/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening an image: every offset, index, count and order that a lookup relies on is checked here, once, so that none of them
 * checks again.
 */
#include <stdio.h>
#include <string.h>

#include "rules/policy_inner.h"

struct opening {
	const struct image *m;
	char *err;
	size_t cap;
};

static bool bad(const struct opening *o, const char *part, uint32_t i, const char *what)
{
	snprintf(o->err, o->cap, "image is damaged: %s %u: %s", part, (unsigned)i, what);
	return false;
}

#define PART_SIZE_OF                                                                                         \
	static const struct {                                                                                \
		const char *name;                                                                            \
		uint32_t size;                                                                               \
	} parts[] = {IMAGE_PARTS}

static bool open_header(const struct opening *o, const void *image, size_t size)
{
#define IMAGE_PART(sym, name, type) {#name, (uint32_t)sizeof(type)},
	PART_SIZE_OF;
#undef IMAGE_PART
	const struct image *m = o->m;

	if (size < sizeof(IMAGE_MAGIC) - 1 || memcmp(image, IMAGE_MAGIC, sizeof(IMAGE_MAGIC) - 1) != 0) {
		snprintf(o->err, o->cap, "this is no policy image");
		return false;
	}
	if (size < sizeof(*m) || (uintptr_t)image % 8 != 0) {
		snprintf(o->err, o->cap, "image is cut off or not aligned");
		return false;
	}
	if (m->order != IMAGE_ORDER) {
		snprintf(o->err, o->cap, "image was compiled for a machine of another byte order");
		return false;
	}
	if (m->version != IMAGE_VERSION) {
		snprintf(o->err, o->cap, "image version %u, this is version %u", (unsigned)m->version,
			 IMAGE_VERSION);
		return false;
	}
	if (m->size != size || size > IMAGE_MAX) {
		snprintf(o->err, o->cap, "image size does not match: %zu octets, its header says %u", size,
			 (unsigned)m->size);
		return false;
	}
	for (uint32_t i = 0; i < IMAGE_PART_COUNT; i++) {
		const struct image_part *p = &m->parts[i];
		if (p->at % 8 != 0 || p->at < sizeof(*m) || p->at > size ||
		    p->n > (size - p->at) / parts[i].size)
			return bad(o, parts[i].name, 0, "lies outside the image");
	}
	const char *s = image_strings(m);
	uint32_t n = image_n_strings(m);
	if (n == 0 || s[0] != '\0' || s[n - 1] != '\0')
		return bad(o, "strings", 0, "do not end");
	return true;
}

static bool string_ok(const struct image *m, uint32_t at)
{
	return at < image_n_strings(m);
}

static bool span_ok(struct image_span s, uint32_t n)
{
	return s.at <= n && s.n <= n - s.at;
}

/* A set of intervals: inside its part, sorted, disjoint. */
static bool set_ok(const struct image *m, struct image_span s)
{
	if (!span_ok(s, image_n_intervals(m)))
		return false;
	const struct image_interval *v = image_intervals(m) + s.at;
	for (uint32_t i = 0; i < s.n; i++)
		if (v[i].lo > v[i].hi || (i > 0 && v[i].lo <= v[i - 1].hi))
			return false;
	return true;
}

static bool nets_ok(const struct image *m, struct image_span s)
{
	if (!span_ok(s, image_n_nets(m)))
		return false;
	for (uint32_t i = 0; i < s.n; i++)
		if (image_nets(m)[s.at + i].plen > 128)
			return false;
	return true;
}

/* Words that are each below limit. */
static bool words_ok(const struct image *m, struct image_span s, uint32_t limit)
{
	if (!span_ok(s, image_n_words(m)))
		return false;
	for (uint32_t i = 0; i < s.n; i++)
		if (image_words(m)[s.at + i] >= limit)
			return false;
	return true;
}

static bool open_names(const struct opening *o)
{
	const struct image *m = o->m;
	uint32_t nqueues = image_n_queues(m), nzones = image_n_zones(m), nconduits = image_n_conduits(m);
	uint32_t nrules = image_n_rules(m);

	if (nzones >= POLICY_NO_INDEX || nqueues >= POLICY_NO_INDEX || nconduits >= POLICY_NO_INDEX ||
	    nrules >= POLICY_NO_RULE)
		return bad(o, "header", 0, "more zones, queues, conduits or rules than can be numbered");
	if (!string_ok(m, m->site) || !set_ok(m, m->ethertypes))
		return bad(o, "header", 0, "site or EtherTypes");
	for (uint32_t i = 0; i < nzones; i++) {
		const struct image_zone *z = &image_zones(m)[i];
		if (!string_ok(m, z->name) || z->failure > FAILURE_OPEN || !nets_ok(m, z->nets) ||
		    (z->queue != IMAGE_NONE && z->queue >= nqueues))
			return bad(o, "zones", i, "a field is out of bounds");
	}
	for (uint32_t i = 0; i < nqueues; i++) {
		const struct image_queue *q = &image_queues(m)[i];
		if (!string_ok(m, q->engine) || q->failure > FAILURE_OPEN)
			return bad(o, "queues", i, "a field is out of bounds");
	}
	for (uint32_t i = 0; i < image_n_hosts(m); i++) {
		const struct image_host *h = &image_hosts(m)[i];
		if (!string_ok(m, h->name))
			return bad(o, "hosts", i, "name is out of bounds");
		if (i == 0)
			continue;
		int c = policy_ip_cmp((struct policy_ip){h[-1].hi, h[-1].lo},
				      (struct policy_ip){h->hi, h->lo});
		if (c > 0 || (c == 0 && h[-1].unit >= h->unit))
			return bad(o, "hosts", i, "not in order");
	}
	for (uint32_t i = 0; i < nconduits; i++) {
		const struct image_conduit *c = &image_conduits(m)[i];
		if (!string_ok(m, c->name) || c->to >= nzones || c->mode > MODE_LEARN ||
		    c->on_deny > DENY_DROP || c->failure > FAILURE_OPEN || !span_ok(c->rules, nrules) ||
		    !words_ok(m, c->interfaces, image_n_strings(m)) || !nets_ok(m, c->peers) ||
		    !nets_ok(m, c->groups))
			return bad(o, "conduits", i, "a field is out of bounds");
		if (c->lane != LANE_SAFETY && c->lane != LANE_INSPECTED)
			return bad(o, "conduits", i, "lane");
		if (c->lane == LANE_INSPECTED ? c->queue >= nqueues : c->queue != IMAGE_NONE)
			return bad(o, "conduits", i, "queue");
	}
	const struct image_offset *t = image_offsets(m);
	if (image_n_offsets(m) == 0 || t[0].from_us != INT64_MIN)
		return bad(o, "offsets", 0, "do not begin at the beginning");
	for (uint32_t i = 0; i < image_n_offsets(m); i++)
		if ((i > 0 && t[i].from_us <= t[i - 1].from_us) || t[i].offset_us > 86400000000 ||
		    t[i].offset_us < -86400000000)
			return bad(o, "offsets", i, "not in order");
	return true;
}

static bool open_cells(const struct opening *o, struct image_span s)
{
	const struct image *m = o->m;

	if (!span_ok(s, image_n_cells(m)))
		return false;
	for (uint32_t i = s.at; i < s.at + s.n; i++) {
		const struct image_cell *c = &image_cells(m)[i];
		if (c->first > c->last || c->type >= TYPE_COUNT ||
		    (c->step != 1 && c->step != 2 && c->step != 4) ||
		    (c->step > 1 && policy_type_bits(c->type) / c->step < 8) || !set_ok(m, c->values) ||
		    !string_ok(m, c->point))
			return false;
		if (i > s.at &&
		    (c[-1].space > c->space || (c[-1].space == c->space && c[-1].last >= c->first)))
			return false;
	}
	return true;
}

static bool open_rules(const struct opening *o)
{
	const struct image *m = o->m;

	for (uint32_t i = 0; i < image_n_rules(m); i++) {
		const struct image_rule *r = &image_rules(m)[i];
		if (!string_ok(m, r->id) || !string_ok(m, r->reason) || !string_ok(m, r->owner) ||
		    !string_ok(m, r->ticket) || r->conduit >= image_n_conduits(m))
			return bad(o, "rules", i, "a field is out of bounds");
		if (r->lane != LANE_INSPECTED && r->lane != LANE_KERNEL)
			return bad(o, "rules", i, "lane");
		if (r->proto < -1 || r->proto >= PROTO_COUNT || (r->lane == LANE_INSPECTED && r->proto < 0))
			return bad(o, "rules", i, "protocol");
		if (!set_ok(m, r->functions) || !set_ok(m, r->units) || !set_ok(m, r->origins) ||
		    !set_ok(m, r->values))
			return bad(o, "rules", i, "a set is out of order");
		if (!open_cells(o, r->cells[0]) || !open_cells(o, r->cells[1]))
			return bad(o, "rules", i, "addresses are out of order");
		if (!span_ok(r->args, image_n_args(m)))
			return bad(o, "rules", i, "arguments are out of bounds");
		for (uint32_t k = 0; k < r->args.n; k++)
			if (!set_ok(m, image_args(m)[r->args.at + k].values))
				return bad(o, "rules", i, "an argument is out of order");
		if (!span_ok(r->names, image_n_words(m)))
			return bad(o, "rules", i, "names are out of bounds");
		for (uint32_t k = 0; k < r->names.n; k++)
			if (!string_ok(m, image_words(m)[r->names.at + k]))
				return bad(o, "rules", i, "a name is out of bounds");
		if (r->from_min > 1440 || r->to_min > 1440)
			return bad(o, "rules", i, "hours");
		if ((r->flags & IMAGE_RULE_RATE) != 0 &&
		    (r->rate_step == 0 || r->rate_step > UINT64_MAX >> 24 || r->rate_room > UINT64_MAX >> 8))
			return bad(o, "rules", i, "rate");
	}
	return true;
}

static bool open_routes(const struct opening *o)
{
	const struct image *m = o->m;
	const struct image_atom *a = image_atoms(m);

	if (image_n_atoms(m) == 0 || a[0].hi != 0 || a[0].lo != 0)
		return bad(o, "atoms", 0, "do not begin at the beginning");
	for (uint32_t i = 0; i < image_n_atoms(m); i++) {
		if (a[i].class >= image_n_classes(m))
			return bad(o, "atoms", i, "class is out of bounds");
		if (i > 0 && policy_ip_cmp((struct policy_ip){a[i - 1].hi, a[i - 1].lo},
					   (struct policy_ip){a[i].hi, a[i].lo}) >= 0)
			return bad(o, "atoms", i, "not in order");
	}
	for (uint32_t i = 0; i < image_n_classes(m); i++) {
		const struct image_class *c = &image_classes(m)[i];
		if ((c->zone != IMAGE_NONE && c->zone >= image_n_zones(m)) ||
		    !words_ok(m, c->clients, image_n_conduits(m)) ||
		    !words_ok(m, c->servers, image_n_conduits(m)))
			return bad(o, "classes", i, "a field is out of bounds");
	}
	for (uint32_t i = 0; i < image_n_pairs(m); i++) {
		const struct image_pair *p = &image_pairs(m)[i];
		if (p->client >= image_n_classes(m) || p->server >= image_n_classes(m) ||
		    !span_ok(p->entries, image_n_entries(m)))
			return bad(o, "pairs", i, "a field is out of bounds");
		if (i > 0 &&
		    (p[-1].client > p->client || (p[-1].client == p->client && p[-1].server >= p->server)))
			return bad(o, "pairs", i, "not in order");
		const struct image_entry *e = image_entries(m) + p->entries.at;
		for (uint32_t k = 0; k < p->entries.n; k++) {
			if (e[k].lo > e[k].hi || (k > 0 && e[k].lo <= e[k - 1].hi))
				return bad(o, "pairs", i, "entries are out of order");
		}
	}
	for (uint32_t i = 0; i < image_n_entries(m); i++) {
		const struct image_entry *e = &image_entries(m)[i];
		if (e->conduit >= image_n_conduits(m) || e->lane < LANE_SAFETY || e->lane > LANE_INSPECTED ||
		    (e->set != IMAGE_NONE && (e->lane != LANE_INSPECTED || e->set >= image_n_sets(m))) ||
		    (e->lane == LANE_INSPECTED && image_conduits(m)[e->conduit].lane != LANE_INSPECTED))
			return bad(o, "entries", i, "a field is out of bounds");
	}
	for (uint32_t i = 0; i < image_n_flows(m); i++) {
		const struct image_flow *f = &image_flows(m)[i];
		if (f->client.plen > 128 || f->server.plen > 128 || f->conduit >= image_n_conduits(m) ||
		    (f->rule != IMAGE_NONE && f->rule >= image_n_rules(m)) || f->lane < LANE_SAFETY ||
		    f->lane > LANE_INSPECTED || f->lo > f->hi || f->ipproto > 255)
			return bad(o, "flows", i, "a field is out of bounds");
	}
	return true;
}

/* May a candidate's plain bits stand, where units lo..hi lead to it? */
static bool plain_ok(const struct image *m, const struct image_cand *c, unsigned dir, uint32_t lo,
		     uint32_t hi)
{
	const struct image_slot *s = &image_slots(m)[c->slot];
	int64_t from, to;

	if (c->plain == 0)
		return true;
	if (s->listed != 0 && (!interval_near(m, s->units, lo, &from, &to) || from > lo || to < hi))
		return false;
	return (c->plain & ~policy_plain(&image_rules(m)[s->rule], image_cells(m), c->cell, c->hi, dir)) == 0;
}

/* Candidates that the units lo..hi lead to. */
static bool open_cands(const struct opening *o, struct image_span s, bool ranged, unsigned dir, uint32_t lo,
		       uint32_t hi)
{
	const struct image *m = o->m;

	if (!span_ok(s, image_n_cands(m)))
		return false;
	for (uint32_t i = s.at; i < s.at + s.n; i++) {
		const struct image_cand *c = &image_cands(m)[i];
		if (c->slot >= image_n_slots(m) || c->rule != image_slots(m)[c->slot].rule ||
		    (c->cell != IMAGE_NONE) != ranged)
			return false;
		struct image_span cells = image_rules(m)[c->rule].cells[dir];
		if (!ranged) {
			if (!plain_ok(m, c, dir, lo, hi))
				return false;
			continue;
		}
		if (c->lo > c->hi || c->cell < cells.at || c->cell - cells.at >= cells.n ||
		    image_cells(m)[c->cell].first != c->lo)
			return false;
		/* The run must be there: matching values walks it without asking again. */
		uint64_t next = c->lo;
		uint32_t k = c->cell;
		for (; k < cells.at + cells.n && next <= c->hi; k++) {
			const struct image_cell *cell = &image_cells(m)[k];
			if (cell->space != image_cells(m)[c->cell].space || cell->first != next)
				return false;
			next = (uint64_t)cell->last + 1;
		}
		if (next != (uint64_t)c->hi + 1 || !plain_ok(m, c, dir, lo, hi))
			return false;
	}
	return true;
}

/*
 * A guide to the n atoms whose field lo is at `los`, and every so many octets behind it: each word is the atom that a search
 * among all would find.
 */
static bool guide_ok(const struct image *m, uint32_t guide, const void *los, size_t width, bool wide,
		     uint32_t n)
{
	if (guide == IMAGE_NONE)
		return true;
	if (guide >= image_n_guides(m))
		return false;
	const struct image_guide *g = &image_guides(m)[guide];
	if (g->shift > 32 || g->words.n < 2 || !span_ok(g->words, image_n_words(m)) ||
	    g->base > UINT64_MAX - ((uint64_t)g->words.n << g->shift))
		return false;
	for (uint32_t i = 0; i < g->words.n; i++) {
		uint32_t w = image_words(m)[g->words.at + i];
		uint64_t key = g->base + ((uint64_t)i << g->shift), lo[2] = {0, UINT64_MAX};
		for (uint32_t k = 0; k < 2 && w < n && k < n - w; k++) {
			const char *at = (const char *)los + (size_t)(w + k) * width;
			lo[k] = wide ? *(const uint64_t *)(const void *)at
				     : *(const uint32_t *)(const void *)at;
		}
		if (w >= n || lo[0] > key || (w + 1 < n && lo[1] <= key))
			return false;
	}
	return true;
}

static bool open_uatoms(const struct opening *o, struct image_span s, uint32_t guide, unsigned dir)
{
	const struct image *m = o->m;

	if (s.n == 0 || !span_ok(s, image_n_uatoms(m)) ||
	    !guide_ok(m, guide, &image_uatoms(m)[s.at].lo, sizeof(struct image_uatom), false, s.n))
		return false;
	for (uint32_t i = s.at; i < s.at + s.n; i++) {
		const struct image_uatom *u = &image_uatoms(m)[i];
		if (i == s.at ? u->lo != 0 : u->lo <= u[-1].lo)
			return false;
		uint32_t hi = i + 1 < s.at + s.n ? u[1].lo - 1 : UINT32_MAX;
		if (!open_cands(o, u->all, false, dir, u->lo, hi) || u->aatoms.n == 0 ||
		    !span_ok(u->aatoms, image_n_aatoms(m)) ||
		    !guide_ok(m, u->guide, &image_aatoms(m)[u->aatoms.at].lo, sizeof(struct image_aatom),
			      true, u->aatoms.n))
			return false;
		for (uint32_t k = u->aatoms.at; k < u->aatoms.at + u->aatoms.n; k++) {
			const struct image_aatom *a = &image_aatoms(m)[k];
			if ((k == u->aatoms.at ? a->lo != 0 : a->lo <= a[-1].lo) ||
			    !open_cands(o, a->cands, true, dir, u->lo, hi))
				return false;
		}
	}
	return true;
}

static bool open_sets(const struct opening *o)
{
	const struct image *m = o->m;

	for (uint32_t i = 0; i < image_n_slots(m); i++) {
		const struct image_slot *s = &image_slots(m)[i];
		if (s->rule >= image_n_rules(m) || image_rules(m)[s->rule].lane != LANE_INSPECTED ||
		    !set_ok(m, s->units))
			return bad(o, "slots", i, "a field is out of bounds");
	}
	for (uint32_t i = 0; i < image_n_sets(m); i++) {
		const struct image_set *s = &image_sets(m)[i];
		if (s->conduit >= image_n_conduits(m) || s->proto >= PROTO_COUNT ||
		    !span_ok(s->slots, image_n_slots(m)) || !span_ok(s->fatoms, image_n_fatoms(m)))
			return bad(o, "sets", i, "a field is out of bounds");
		for (uint32_t k = s->fatoms.at; k < s->fatoms.at + s->fatoms.n; k++) {
			const struct image_fatom *f = &image_fatoms(m)[k];
			if (f->lo > f->hi || (k > s->fatoms.at && f->lo <= f[-1].hi))
				return bad(o, "sets", i, "functions are out of order");
			if (!open_uatoms(o, f->uatoms[0], f->guide[0], 0) ||
			    !open_uatoms(o, f->uatoms[1], f->guide[1], 1))
				return bad(o, "sets", i, "stations or addresses are out of order");
		}
	}
	return true;
}

int policy_open(struct policy *p, const void *image, size_t size, char *err, size_t errcap)
{
	struct opening o = {.m = image, .err = err, .cap = errcap};

	if (!open_header(&o, image, size) || !open_names(&o) || !open_rules(&o) || !open_sets(&o) ||
	    !open_routes(&o))
		return -1;
	*p = (struct policy){.image = image, .size = size};
	return 0;
}
