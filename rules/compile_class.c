/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All address lists of the policy cut the address space into atoms; atoms that lie in the same lists are one class. In terms of
 * classes it is then asked whether conduits are apart and rules within theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

/* Sums of these numbers tell sets of lists apart: two 64-bit words of a mixed counter each. */
static uint64_t token(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

struct edge {
	struct policy_ip at;
	uint64_t sum[2]; /* what the lists that begin (or end) here add up to */
};

static int edge_cmp(const void *x, const void *y)
{
	return policy_ip_cmp(((const struct edge *)x)->at, ((const struct edge *)y)->at);
}

static bool next_ip(struct policy_ip *a)
{
	if (++a->lo == 0)
		return ++a->hi != 0;
	return true;
}

static struct edge *merge_edges(struct build *b, size_t *n)
{
	struct records edges = {.size = sizeof(struct edge)};
	const struct policy_ip *r = b->list_ranges.v;
	const struct image_span *spans = b->list_spans.v;

	records_add(&edges, 1); /* address 0 */
	for (uint32_t i = 0; i < b->list_spans.n; i++) {
		uint64_t t[2] = {token(2 * (uint64_t)i), token(2 * (uint64_t)i + 1)};
		for (uint32_t k = spans[i].at; k < spans[i].at + spans[i].n; k++) {
			*(struct edge *)records_add(&edges, 1) =
				(struct edge){r[2 * (size_t)k], {t[0], t[1]}};
			struct policy_ip end = r[2 * (size_t)k + 1];
			if (next_ip(&end))
				*(struct edge *)records_add(&edges, 1) =
					(struct edge){end, {(uint64_t)0 - t[0], (uint64_t)0 - t[1]}};
		}
	}
	struct edge *e = edges.v;
	qsort(e, edges.n, sizeof(*e), edge_cmp);
	size_t k = 0;
	for (size_t i = 1; i < edges.n; i++) {
		if (policy_ip_cmp(e[i].at, e[k].at) != 0) {
			e[++k] = e[i];
			continue;
		}
		e[k].sum[0] += e[i].sum[0];
		e[k].sum[1] += e[i].sum[1];
	}
	*n = k + 1;
	return e;
}

/* Atoms and classes; *class_of gets the class of each edge's atom. */
static uint32_t make_classes(struct build *b, const struct edge *e, size_t n, uint32_t *class_of)
{
	struct intern known = {0};
	uint64_t sum[2] = {0, 0};
	uint32_t classes = 0;

	for (size_t i = 0; i < n; i++) {
		bool fresh;
		sum[0] += e[i].sum[0];
		sum[1] += e[i].sum[1];
		uint32_t *c = intern_at(&known, sum, sizeof(sum), &fresh);
		if (fresh)
			*c = classes++;
		class_of[i] = *c;
		if (i == 0 || class_of[i] != class_of[i - 1])
			*(struct image_atom *)build_add(b, IMAGE_ATOMS, 1) =
				(struct image_atom){.hi = e[i].at.hi, .lo = e[i].at.lo, .class = *c};
	}
	intern_free(&known);
	return classes;
}

static int number_cmp(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/* For each list the classes it is made of, ascending. */
static bool list_classes(struct build *b, const struct edge *e, size_t n, const uint32_t *class_of,
			 uint32_t classes)
{
	const struct policy_ip *r = b->list_ranges.v;
	const struct image_span *spans = b->list_spans.v;
	uint32_t *seen = calloc(classes, sizeof(*seen));

	b->list_classes = calloc(b->list_spans.n + 1, sizeof(*b->list_classes));
	if (seen == NULL || b->list_classes == NULL) {
		free(seen);
		return false;
	}
	for (uint32_t i = 0; i < b->list_spans.n; i++) {
		struct records out = {.size = sizeof(uint32_t)};
		for (uint32_t k = spans[i].at; k < spans[i].at + spans[i].n; k++) {
			struct edge want = {.at = r[2 * (size_t)k]};
			const struct edge *from = bsearch(&want, e, n, sizeof(*e), edge_cmp);
			for (size_t j = (size_t)(from - e);
			     j < n && policy_ip_cmp(e[j].at, r[2 * (size_t)k + 1]) <= 0; j++) {
				if (seen[class_of[j]] == i + 1)
					continue;
				seen[class_of[j]] = i + 1;
				*(uint32_t *)records_add(&out, 1) = class_of[j];
			}
		}
		if (out.n > 0)
			qsort(out.v, out.n, sizeof(uint32_t), number_cmp);
		b->list_classes[i] = (struct class_list){out.v, out.n};
	}
	free(seen);
	return true;
}

struct class_list compile_conduit_classes(const struct build *b, uint32_t conduit, unsigned server)
{
	return b->list_classes[((const uint32_t *)b->conduit_lists.v)[2 * (size_t)conduit + server]];
}

/* What a class is to zones and conduits. */
static void describe_classes(struct build *b, uint32_t classes)
{
	const struct model *m = b->model;
	struct image_class *out = build_add(b, IMAGE_CLASSES, classes);

	for (uint32_t i = 0; i < classes; i++)
		out[i].zone = IMAGE_NONE;
	for (uint32_t i = 0; i < m->nzones; i++) {
		const struct model_zone *z = &m->zones[b->zone_order[i]];
		struct class_list l = b->list_classes[build_list(b, z->nets.v, z->nets.n)];
		for (size_t k = 0; k < l.n; k++)
			if (out[l.v[k]].zone == IMAGE_NONE)
				out[l.v[k]].zone = i;
	}
	/* Two passes for each end: count, then fill; conduits come in ascending order. */
	for (unsigned server = 0; server < 2; server++) {
		for (unsigned pass = 0; pass < 2; pass++) {
			for (uint32_t i = 0; i < m->nconduits; i++) {
				const struct model_conduit *c = &m->conduits[b->conduit_order[i]];
				if (c->lane != LANE_INSPECTED)
					continue;
				struct class_list l = compile_conduit_classes(b, i, server);
				for (size_t k = 0; k < l.n; k++) {
					struct image_class *x = &out[l.v[k]];
					struct image_span *s = server != 0 ? &x->servers : &x->clients;
					if (pass == 1)
						((uint32_t *)b->parts[IMAGE_WORDS].v)[s->at + s->n] = i;
					s->n++;
				}
			}
			if (pass == 1)
				continue;
			uint32_t at = build_n(b, IMAGE_WORDS);
			for (uint32_t i = 0; i < classes; i++) {
				struct image_span *s = server != 0 ? &out[i].servers : &out[i].clients;
				s->at = at;
				at += s->n;
				s->n = 0;
			}
			build_add(b, IMAGE_WORDS, at - build_n(b, IMAGE_WORDS));
		}
	}
}

static bool lists_meet(struct class_list a, struct class_list b)
{
	for (size_t i = 0, k = 0; i < a.n && k < b.n;) {
		if (a.v[i] == b.v[k])
			return true;
		if (a.v[i] < b.v[k])
			i++;
		else
			k++;
	}
	return false;
}

static bool list_within(struct class_list a, struct class_list b)
{
	size_t k = 0;

	for (size_t i = 0; i < a.n; i++) {
		while (k < b.n && b.v[k] < a.v[i])
			k++;
		if (k == b.n || b.v[k] != a.v[i])
			return false;
	}
	return true;
}

static bool conduits_disjoint(struct build *b)
{
	const struct model *m = b->model;
	bool ok = true;

	for (uint32_t i = 0; i < m->nconduits; i++) {
		const struct model_conduit *x = &m->conduits[b->conduit_order[i]];
		if (x->lane != LANE_INSPECTED)
			continue;
		struct class_list xc = compile_conduit_classes(b, i, 0),
				  xs = compile_conduit_classes(b, i, 1);
		for (uint32_t k = i + 1; k < m->nconduits; k++) {
			const struct model_conduit *y = &m->conduits[b->conduit_order[k]];
			if (y->lane != LANE_INSPECTED)
				continue;
			if (!lists_meet(xs, compile_conduit_classes(b, k, 1)) ||
			    !lists_meet(xc, compile_conduit_classes(b, k, 0)))
				continue;
			diag_error(b->diag, y->pos,
				   "conduit \"%s\" overlaps conduit \"%s\": they share a client and a server",
				   y->name, x->name);
			ok = false;
		}
	}
	return ok;
}

static bool groups_in_scope(struct build *b)
{
	const struct rule_group *g = b->groups.v;
	const struct group_end *ends = b->ends.v;
	bool ok = true;

	for (size_t i = 0; i < b->groups.n; i++) {
		const struct model_conduit *c = &b->model->conduits[b->conduit_order[g[i].conduit]];
		if (g[i].rules.n == 0)
			continue;
		struct class_list clients = compile_conduit_classes(b, g[i].conduit, 0);
		struct class_list servers = compile_conduit_classes(b, g[i].conduit, 1);
		if (!list_within(b->list_classes[g[i].clients], clients)) {
			diag_error(b->diag, g[i].pos, "rule \"%s\" has clients outside conduit \"%s\"",
				   g[i].name, c->name);
			ok = false;
		}
		for (uint32_t k = g[i].ends.at; k < g[i].ends.at + g[i].ends.n; k++) {
			if (list_within(b->list_classes[ends[k].list], servers))
				continue;
			diag_error(b->diag, g[i].pos, "rule \"%s\" has servers outside conduit \"%s\"",
				   g[i].name, c->name);
			ok = false;
			break;
		}
	}
	return ok;
}

bool compile_classes(struct build *b)
{
	const struct model *m = b->model;
	bool good = false;
	size_t n;

	/* Every list that will be asked for is numbered before the address space is cut. */
	for (uint32_t i = 0; i < m->nzones; i++)
		build_list(b, m->zones[b->zone_order[i]].nets.v, m->zones[b->zone_order[i]].nets.n);
	for (uint32_t i = 0; i < m->nconduits; i++) {
		const struct model_conduit *c = &m->conduits[b->conduit_order[i]];
		uint32_t clients = compile_ends_list(b, &c->clients),
			 servers = compile_ends_list(b, &c->servers);
		uint32_t *lists = records_add(&b->conduit_lists, 2);
		lists[0] = clients;
		lists[1] = servers;
	}
	struct edge *e = merge_edges(b, &n);
	uint32_t *class_of = calloc(n, sizeof(*class_of));
	if (class_of != NULL) {
		uint32_t classes = make_classes(b, e, n, class_of);
		if (list_classes(b, e, n, class_of, classes)) {
			describe_classes(b, classes);
			bool disjoint = conduits_disjoint(b), scoped = groups_in_scope(b);
			good = disjoint && scoped;
		}
	}
	free(class_of);
	free(e);
	return good;
}
