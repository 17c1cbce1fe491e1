/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From addresses to rule sets. All address lists of the policy cut the address space into atoms; atoms that lie in the same
 * lists are one class; for each pair of classes the ports are cut into entries, each with the rules that take it.
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

/* Classes of the clients (0) or servers (1) of a conduit. */
static struct class_list conduit_classes(const struct build *b, uint32_t conduit, unsigned server)
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
				struct class_list l = conduit_classes(b, i, server);
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
		struct class_list xc = conduit_classes(b, i, 0), xs = conduit_classes(b, i, 1);
		for (uint32_t k = i + 1; k < m->nconduits; k++) {
			const struct model_conduit *y = &m->conduits[b->conduit_order[k]];
			if (y->lane != LANE_INSPECTED)
				continue;
			if (!lists_meet(xs, conduit_classes(b, k, 1)) ||
			    !lists_meet(xc, conduit_classes(b, k, 0)))
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
		struct class_list clients = conduit_classes(b, g[i].conduit, 0);
		struct class_list servers = conduit_classes(b, g[i].conduit, 1);
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

/* A group between two classes. units: number of a set of stations, or ANY_UNIT. */
#define ANY_UNIT UINT32_MAX
struct tuple_use {
	uint32_t client, server, group, units;
};

static int use_cmp(const void *x, const void *y)
{
	const struct tuple_use *a = x, *b = y;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return a->group < b->group ? -1 : a->group > b->group;
}

struct server_unit {
	uint32_t class, listed, unit;
};

static int server_cmp(const void *x, const void *y)
{
	const struct server_unit *a = x, *b = y;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->listed != b->listed)
		return a->listed < b->listed ? -1 : 1;
	return a->unit < b->unit ? -1 : a->unit > b->unit;
}

/* Number for a set of stations, kept as one span of intervals. */
static uint32_t units_number(struct build *b, struct records *sets, const struct server_unit *v, size_t n)
{
	struct records out = {.size = sizeof(struct image_interval)};
	bool fresh;

	for (size_t i = 0; i < n; i++) {
		struct image_interval *have = out.v;
		if (out.n > 0 && have[out.n - 1].hi >= (int64_t)v[i].unit - 1)
			have[out.n - 1].hi = v[i].unit;
		else
			*(struct image_interval *)records_add(&out, 1) =
				(struct image_interval){v[i].unit, v[i].unit};
	}
	struct image_span s = build_set(b, out.v, out.n);
	records_free(&out);
	uint32_t *at = intern_at(&b->units, &s, sizeof(s), &fresh);
	if (fresh) {
		*at = (uint32_t)sets->n;
		*(struct image_span *)records_add(sets, 1) = s;
	}
	return *at;
}

/* All (client class, server class, group), sorted. False after an error. */
static bool gather_uses(struct build *b, struct records *uses, struct records *unit_sets)
{
	const struct rule_group *groups = b->groups.v;
	const struct group_end *ends = b->ends.v;
	struct records servers = {.size = sizeof(struct server_unit)};
	bool ok = true;

	for (uint32_t g = 0; g < b->groups.n && ok; g++) {
		struct class_list clients = b->list_classes[groups[g].clients];
		servers.n = 0;
		for (uint32_t k = groups[g].ends.at; k < groups[g].ends.at + groups[g].ends.n; k++) {
			struct class_list l = b->list_classes[ends[k].list];
			for (size_t j = 0; j < l.n; j++)
				*(struct server_unit *)records_add(&servers, 1) = (struct server_unit){
					l.v[j], (ends[k].flags & GROUP_END_UNIT) != 0, ends[k].unit};
		}
		struct server_unit *s = servers.v;
		if (servers.n > 0)
			qsort(s, servers.n, sizeof(*s), server_cmp);
		for (size_t i = 0; i < servers.n && ok;) {
			size_t k = i;
			while (k < servers.n && s[k].class == s[i].class)
				k++;
			/* One member that is the host itself, not a station of it, lets every station through. */
			uint32_t units =
				s[i].listed == 0 ? ANY_UNIT : units_number(b, unit_sets, s + i, k - i);
			if (uses->n + clients.n > COMPILE_TUPLES_MAX) {
				diag_error(b->diag, groups[g].pos,
					   "the policy joins more than %u pairs of clients and servers",
					   COMPILE_TUPLES_MAX);
				ok = false;
				break;
			}
			for (size_t c = 0; c < clients.n; c++)
				*(struct tuple_use *)records_add(uses, 1) =
					(struct tuple_use){clients.v[c], s[i].class, g, units};
			i = k;
		}
	}
	records_free(&servers);
	if (uses->n > 0)
		qsort(uses->v, uses->n, sizeof(struct tuple_use), use_cmp);
	return ok;
}

/* Stations of the rule and stations of the server, both. */
static struct image_slot make_slot(struct build *b, uint32_t rule, const struct image_span *restricted)
{
	const struct image_rule *r = (struct image_rule *)b->parts[IMAGE_RULES].v + rule;
	struct image_slot s = {.rule = rule, .listed = (r->flags & IMAGE_RULE_UNITS) != 0, .units = r->units};

	if (restricted == NULL)
		return s;
	if (s.listed == 0) {
		s.listed = 1;
		s.units = *restricted;
		return s;
	}
	const struct image_interval *v = b->parts[IMAGE_INTERVALS].v;
	struct records out = {.size = sizeof(struct image_interval)};
	for (uint32_t i = 0, k = 0; i < s.units.n && k < restricted->n;) {
		struct image_interval x = v[s.units.at + i], y = v[restricted->at + k];
		int64_t lo = x.lo > y.lo ? x.lo : y.lo, hi = x.hi < y.hi ? x.hi : y.hi;
		if (lo <= hi)
			*(struct image_interval *)records_add(&out, 1) = (struct image_interval){lo, hi};
		if (x.hi < y.hi)
			i++;
		else
			k++;
	}
	s.units = build_set(b, out.v, out.n);
	records_free(&out);
	return s;
}

static int slot_cmp(const void *x, const void *y)
{
	const struct image_slot *a = x, *b = y;

	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* The set of the groups in uses[active[i]], all of one protocol. */
static uint32_t make_set(struct build *b, const struct tuple_use *uses, const uint32_t *active, size_t n,
			 const struct image_span *unit_sets, uint32_t conduit, uint32_t proto)
{
	const struct rule_group *groups = b->groups.v;
	struct records key = {.size = sizeof(uint32_t)};
	bool fresh;

	*(uint32_t *)records_add(&key, 1) = conduit;
	*(uint32_t *)records_add(&key, 1) = proto;
	for (size_t i = 0; i < n; i++) {
		if (groups[uses[active[i]].group].rules.n == 0)
			continue;
		uint32_t *k = records_add(&key, 2);
		k[0] = uses[active[i]].group;
		k[1] = uses[active[i]].units;
	}
	uint32_t *at = intern_at(&b->rulesets, key.v, key.n * key.size, &fresh);
	records_free(&key);
	if (!fresh)
		return *at;
	*at = build_n(b, IMAGE_SETS);
	struct image_set set = {.conduit = conduit, .proto = proto};
	struct records slots = {.size = sizeof(struct image_slot)};
	const uint32_t *rules = b->group_rules.v;
	for (size_t i = 0; i < n; i++) {
		const struct rule_group *g = &groups[uses[active[i]].group];
		uint32_t units = uses[active[i]].units;
		for (uint32_t k = g->rules.at; k < g->rules.at + g->rules.n; k++) {
			*(struct image_slot *)records_add(&slots, 1) =
				make_slot(b, rules[k], units == ANY_UNIT ? NULL : &unit_sets[units]);
			set.options |= ((struct image_rule *)b->parts[IMAGE_RULES].v)[rules[k]].options;
		}
	}
	if (slots.n > 0)
		qsort(slots.v, slots.n, sizeof(struct image_slot), slot_cmp);
	uint32_t number = build_n(b, IMAGE_SETS);
	compile_index(b, &set, slots.v, slots.n);
	*(struct image_set *)build_add(b, IMAGE_SETS, 1) = set;
	records_free(&slots);
	return number;
}

/* What the groups active in one interval of ports make of it. False after an error. */
static bool make_entry(struct build *b, const struct tuple_use *uses, const uint32_t *active, size_t n,
		       const struct image_span *unit_sets, struct image_entry *out)
{
	const struct rule_group *groups = b->groups.v;
	const struct rule_group *first = NULL;

	/* A scope takes only what no rule takes. */
	for (size_t i = 0; i < n; i++) {
		const struct rule_group *g = &groups[uses[active[i]].group];
		if (g->rules.n == 0 && g->lane == LANE_INSPECTED) {
			if (first == NULL)
				first = g;
			continue;
		}
		if (first == NULL || (first->rules.n == 0 && first->lane == LANE_INSPECTED)) {
			first = g;
			continue;
		}
		const char *what = NULL;
		if (first->lane != g->lane)
			what = "one is inspected and the other is not";
		else if (first->conduit != g->conduit)
			what = "they belong to different conduits";
		else if (first->proto != g->proto)
			what = "they are of different protocols";
		if (what != NULL) {
			diag_error(b->diag, g->pos,
				   "\"%s\" and \"%s\" take the same port between the same addresses: %s",
				   g->name, first->name, what);
			return false;
		}
	}
	out->conduit = first->conduit;
	out->lane = first->lane;
	out->set = IMAGE_NONE;
	if (first->lane == LANE_INSPECTED)
		out->set = make_set(b, uses, active, n, unit_sets, first->conduit, (uint32_t)first->proto);
	return true;
}

static int edge_number_cmp(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

/* The entries of one pair of classes. False after an error. */
static bool make_entries(struct build *b, const struct tuple_use *uses, size_t n,
			 const struct image_span *unit_sets, struct image_span *out)
{
	const struct rule_group *groups = b->groups.v;
	const struct port_key *ports = b->ports.v;
	struct records edges = {.size = sizeof(uint64_t)}, active = {.size = sizeof(uint32_t)};
	bool ok = true;

	out->at = build_n(b, IMAGE_ENTRIES);
	for (size_t i = 0; i < n; i++) {
		struct image_span p = groups[uses[i].group].ports;
		for (uint32_t k = p.at; k < p.at + p.n; k++) {
			*(uint64_t *)records_add(&edges, 1) = ports[k].lo;
			*(uint64_t *)records_add(&edges, 1) = (uint64_t)ports[k].hi + 1;
		}
	}
	uint64_t *e = edges.v;
	if (edges.n > 0)
		qsort(e, edges.n, sizeof(*e), edge_number_cmp);
	for (size_t i = 0; i + 1 < edges.n && ok; i++) {
		if (e[i] == e[i + 1])
			continue;
		active.n = 0;
		for (uint32_t k = 0; k < n; k++) {
			struct image_span p = groups[uses[k].group].ports;
			bool in = false;
			for (uint32_t j = p.at; j < p.at + p.n && !in; j++)
				in = ports[j].lo <= e[i] && e[i] <= ports[j].hi;
			if (in)
				*(uint32_t *)records_add(&active, 1) = k;
		}
		if (active.n == 0)
			continue;
		struct image_entry entry = {.lo = (uint32_t)e[i], .hi = (uint32_t)(e[i + 1] - 1)};
		ok = make_entry(b, uses, active.v, active.n, unit_sets, &entry);
		struct image_entry *last = b->parts[IMAGE_ENTRIES].v;
		uint32_t at = build_n(b, IMAGE_ENTRIES);
		if (at > out->at && (uint64_t)last[at - 1].hi + 1 == entry.lo &&
		    last[at - 1].set == entry.set && last[at - 1].conduit == entry.conduit &&
		    last[at - 1].lane == entry.lane)
			last[at - 1].hi = entry.hi;
		else
			*(struct image_entry *)build_add(b, IMAGE_ENTRIES, 1) = entry;
	}
	out->n = build_n(b, IMAGE_ENTRIES) - out->at;
	records_free(&edges);
	records_free(&active);
	return ok;
}

static void make_pairs(struct build *b)
{
	struct records uses = {.size = sizeof(struct tuple_use)},
		       unit_sets = {.size = sizeof(struct image_span)};
	struct records key = {.size = sizeof(uint32_t)}, spans = {.size = sizeof(struct image_span)};
	struct intern known = {0};
	bool ok = gather_uses(b, &uses, &unit_sets), fresh;
	const struct tuple_use *u = uses.v;

	for (size_t i = 0; i < uses.n && ok;) {
		size_t k = i;
		key.n = 0;
		for (; k < uses.n && u[k].client == u[i].client && u[k].server == u[i].server; k++) {
			uint32_t *w = records_add(&key, 2);
			w[0] = u[k].group;
			w[1] = u[k].units;
		}
		/* Pairs with the same groups have the same entries. */
		uint32_t *at = intern_at(&known, key.v, key.n * key.size, &fresh);
		if (fresh) {
			struct image_span s;
			*at = (uint32_t)spans.n;
			ok = make_entries(b, u + i, k - i, unit_sets.v, &s);
			*(struct image_span *)records_add(&spans, 1) = s;
			at = intern_at(&known, key.v, key.n * key.size, &fresh);
		}
		*(struct image_pair *)build_add(b, IMAGE_PAIRS, 1) =
			(struct image_pair){u[i].client, u[i].server, ((struct image_span *)spans.v)[*at]};
		i = k;
	}
	records_free(&uses);
	records_free(&unit_sets);
	records_free(&key);
	records_free(&spans);
	intern_free(&known);
}

void compile_routes(struct build *b)
{
	const struct model *m = b->model;
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
			if (disjoint && scoped)
				make_pairs(b);
		}
	}
	free(class_of);
	free(e);
}
