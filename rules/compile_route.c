/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From classes of addresses to rule sets: for each pair of classes the ports are cut into entries, each with the rules that
 * take it.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

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
	if (first->lane == LANE_INSPECTED && first->proto >= 0)
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

void compile_routes(struct build *b)
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
