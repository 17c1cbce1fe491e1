/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model as an image. Zones and conduits are numbered in the order of their names and every number is given out by walking
 * lists in a fixed order, so the same model gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

static const uint32_t part_sizes[] = {
#define IMAGE_PART(sym, name, type) (uint32_t)sizeof(type),
	IMAGE_PARTS
#undef IMAGE_PART
};

struct named {
	const char *name;
	uint32_t index;
};

static int named_cmp(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int c = strcmp(a->name, b->name);

	return c != 0 ? c : (a->index < b->index ? -1 : a->index > b->index);
}

/* order[image index] = model index, of[model index] = image index. */
static void put_in_order(struct named *v, size_t n, uint32_t *order, uint32_t *of)
{
	qsort(v, n, sizeof(*v), named_cmp);
	for (uint32_t i = 0; i < n; i++) {
		order[i] = v[i].index;
		of[v[i].index] = i;
	}
}

static bool order_names(struct build *b)
{
	const struct model *m = b->model;
	size_t most = (m->nzones > m->nconduits ? m->nzones : m->nconduits) + 1;
	struct named *v = calloc(most, sizeof(*v));

	b->zone_order = calloc(m->nzones + 1, sizeof(uint32_t));
	b->zone_of = calloc(m->nzones + 1, sizeof(uint32_t));
	b->conduit_order = calloc(m->nconduits + 1, sizeof(uint32_t));
	b->conduit_of = calloc(m->nconduits + 1, sizeof(uint32_t));
	bool ok = v != NULL && b->zone_order != NULL && b->zone_of != NULL && b->conduit_order != NULL &&
		  b->conduit_of != NULL;
	if (ok) {
		for (uint32_t i = 0; i < m->nzones; i++)
			v[i] = (struct named){m->zones[i].name, i};
		put_in_order(v, m->nzones, b->zone_order, b->zone_of);
		for (uint32_t i = 0; i < m->nconduits; i++)
			v[i] = (struct named){m->conduits[i].name, i};
		put_in_order(v, m->nconduits, b->conduit_order, b->conduit_of);
	}
	free(v);
	return ok;
}

static bool within_limits(struct build *b)
{
	const struct model *m = b->model;
	size_t rules = 0;

	for (size_t i = 0; i < m->nconduits; i++) {
		rules += m->conduits[i].nrules;
		if (rules >= POLICY_NO_RULE) {
			diag_error(b->diag, m->conduits[i].pos, "more than %u rules", POLICY_NO_RULE - 1);
			return false;
		}
	}
	if (m->nconduits >= POLICY_NO_INDEX) {
		diag_error(b->diag, m->conduits[POLICY_NO_INDEX].pos, "more than %u conduits",
			   POLICY_NO_INDEX - 1);
		return false;
	}
	if (m->nzones >= POLICY_NO_INDEX) {
		diag_error(b->diag, m->zones[POLICY_NO_INDEX].pos, "more than %u zones", POLICY_NO_INDEX - 1);
		return false;
	}
	return true;
}

/* The engine that inspects what goes to a zone: a safety zone's is never shared by accident. */
static const char *engine_of(const struct model_zone *z)
{
	if (z->engine != NULL)
		return z->engine;
	return z->safety ? z->name : "";
}

/* Queue of an engine and a failure mode, or IMAGE_NONE. */
static uint32_t queue_find(const struct build *b, const char *engine, enum failure failure)
{
	const struct image_queue *q = b->parts[IMAGE_QUEUES].v;
	const char *strings = b->parts[IMAGE_STRINGS].v;

	for (uint32_t i = 0; i < b->parts[IMAGE_QUEUES].n; i++)
		if (q[i].failure == (uint32_t)failure && strcmp(strings + q[i].engine, engine) == 0)
			return i;
	return IMAGE_NONE;
}

struct queue_need {
	const char *engine;
	enum failure failure;
	uint32_t deadline_us;
};

static int need_cmp(const void *x, const void *y)
{
	const struct queue_need *a = x, *b = y;
	int c = strcmp(a->engine, b->engine);

	if (c != 0)
		return c;
	if (a->failure != b->failure)
		return a->failure < b->failure ? -1 : 1;
	return a->deadline_us < b->deadline_us ? -1 : a->deadline_us > b->deadline_us;
}

static void compile_queues(struct build *b)
{
	const struct model *m = b->model;
	struct records needs = {.size = sizeof(struct queue_need)};

	for (size_t i = 0; i < m->nconduits; i++) {
		const struct model_conduit *c = &m->conduits[i];
		if (c->lane != LANE_INSPECTED)
			continue;
		*(struct queue_need *)records_add(&needs, 1) =
			(struct queue_need){engine_of(&m->zones[c->to]), c->failure, c->deadline_us};
	}
	struct queue_need *v = needs.v;
	if (needs.n > 0)
		qsort(v, needs.n, sizeof(*v), need_cmp);
	for (size_t i = 0; i < needs.n; i++) {
		/* Sorted by deadline last: the first of each pair is the shortest. */
		if (i > 0 && strcmp(v[i].engine, v[i - 1].engine) == 0 && v[i].failure == v[i - 1].failure)
			continue;
		uint32_t engine = build_string(b, v[i].engine);
		*(struct image_queue *)build_add(b, IMAGE_QUEUES, 1) =
			(struct image_queue){engine, v[i].failure, v[i].deadline_us};
	}
	records_free(&needs);
}

static void compile_zones(struct build *b)
{
	const struct model *m = b->model;

	for (uint32_t i = 0; i < m->nzones; i++) {
		uint32_t at = b->zone_order[i];
		const struct model_zone *z = &m->zones[at];
		struct image_zone out = {.name = build_string(b, z->name),
					 .level = z->level,
					 .failure = z->failure,
					 .safety = z->safety,
					 .deadline_us = z->deadline_us,
					 .queue = queue_find(b, engine_of(z), z->failure)};
		bool used = false;
		uint32_t other = IMAGE_NONE;
		for (uint32_t k = 0; k < m->nconduits; k++) {
			const struct model_conduit *c = &m->conduits[b->conduit_order[k]];
			if (c->lane != LANE_INSPECTED || c->to != (int)at)
				continue;
			used = true;
			if (other == IMAGE_NONE)
				other = queue_find(b, engine_of(z), c->failure);
		}
		if (!used)
			out.queue = IMAGE_NONE;
		else if (out.queue == IMAGE_NONE)
			out.queue = other;
		out.nets = build_nets(b, z->nets.v, z->nets.n);
		*(struct image_zone *)build_add(b, IMAGE_ZONES, 1) = out;
	}
}

static int host_cmp(const void *x, const void *y)
{
	const struct image_host *a = x, *b = y;
	int c = policy_ip_cmp((struct policy_ip){a->hi, a->lo}, (struct policy_ip){b->hi, b->lo});

	if (c != 0)
		return c;
	return a->unit < b->unit ? -1 : a->unit > b->unit;
}

static void compile_hosts(struct build *b)
{
	const struct model *m = b->model;
	struct named *v = calloc(m->nhosts + 1, sizeof(*v));

	if (v == NULL)
		return;
	for (uint32_t i = 0; i < m->nhosts; i++)
		v[i] = (struct named){m->hosts[i].name, i};
	qsort(v, m->nhosts, sizeof(*v), named_cmp);
	struct records out = {.size = sizeof(struct image_host)};
	for (uint32_t i = 0; i < m->nhosts; i++) {
		const struct model_host *h = &m->hosts[v[i].index];
		uint32_t name = build_string(b, h->name);
		for (size_t k = 0; k < h->addrs.n; k++) {
			if (h->addrs.v[k].plen != 128)
				continue;
			struct policy_ip a = policy_ip(h->addrs.v[k].ip);
			*(struct image_host *)records_add(&out, 1) =
				(struct image_host){.hi = a.hi,
						    .lo = a.lo,
						    .unit = h->at != NULL ? (int64_t)h->unit : -1,
						    .name = name};
		}
	}
	free(v);
	struct image_host *h = out.v;
	if (out.n > 0)
		qsort(h, out.n, sizeof(*h), host_cmp);
	for (size_t i = 0; i < out.n; i++)
		if (i == 0 || host_cmp(&h[i], &h[i - 1]) != 0)
			*(struct image_host *)build_add(b, IMAGE_HOSTS, 1) = h[i];
	records_free(&out);
}

static struct image_span end_nets(struct build *b, const struct model_ends *ends)
{
	uint32_t at = build_n(b, IMAGE_NETS), n = 0;

	for (size_t i = 0; i < ends->n; i++)
		n += build_nets(b, ends->v[i].addrs.v, ends->v[i].addrs.n).n;
	return (struct image_span){n > 0 ? at : 0, n};
}

static void compile_safety(struct build *b, const struct model_conduit *c, struct image_conduit *out)
{
	out->queue = IMAGE_NONE;
	out->mirror = c->mirror;
	out->watchdog_us = c->watchdog_us;
	out->expect_max = c->expect.max;
	out->expect_window_us = c->expect.window_us;
	out->peers = end_nets(b, &c->peers);
	out->groups = build_nets(b, c->groups.v, c->groups.n);
	for (size_t i = 0; i < c->ninterfaces; i++) {
		uint32_t name = build_string(b, c->interfaces[i]);
		if (out->interfaces.n++ == 0)
			out->interfaces.at = build_n(b, IMAGE_WORDS);
		*(uint32_t *)build_add(b, IMAGE_WORDS, 1) = name;
	}
}

static void compile_conduits(struct build *b)
{
	const struct model *m = b->model;

	for (uint32_t i = 0; i < m->nconduits; i++) {
		const struct model_conduit *c = &m->conduits[b->conduit_order[i]];
		const struct model_zone *to = &m->zones[c->to];
		struct image_conduit out = {.name = build_string(b, c->name),
					    .lane = c->lane,
					    .to = b->zone_of[c->to],
					    .mode = c->mode,
					    .on_deny = c->on_deny,
					    .failure = c->failure,
					    .deadline_us = c->deadline_us,
					    .answer_within_us = c->answer_within_us,
					    .at_most = c->at_most,
					    .single_master = c->single_master};
		if (c->lane == LANE_SAFETY) {
			compile_safety(b, c, &out);
		} else {
			out.queue = queue_find(b, engine_of(to), c->failure);
			out.rules = (struct image_span){build_n(b, IMAGE_RULES), (uint32_t)c->nrules};
			for (size_t k = 0; k < c->nrules; k++)
				compile_rule(b, i, c, &c->rules[k]);
		}
		*(struct image_conduit *)build_add(b, IMAGE_CONDUITS, 1) = out;
	}
}

static bool has_hours(const struct model *m)
{
	for (size_t i = 0; i < m->nconduits; i++)
		for (size_t k = 0; k < m->conduits[i].nrules; k++)
			if (m->conduits[i].rules[k].when.days != 0)
				return true;
	return false;
}

static int finish(struct build *b, uint8_t **image, size_t *size)
{
	struct image h = {.version = IMAGE_VERSION, .order = IMAGE_ORDER, .site = b->site};
	uint64_t at = sizeof(h);

	/* Strings end with one: an empty policy has the empty string. */
	h.ethertypes = b->ethertypes;
	memcpy(h.magic, IMAGE_MAGIC, sizeof(h.magic));
	h.lent = b->model->lent;
	if (b->model->lent)
		memcpy(h.base, b->model->base, sizeof(h.base));
	for (unsigned i = 0; i < IMAGE_PART_COUNT; i++) {
		h.parts[i] = (struct image_part){(uint32_t)at, (uint32_t)b->parts[i].n};
		at += (uint64_t)b->parts[i].n * part_sizes[i];
		at = (at + 7) & ~(uint64_t)7;
		if (at > IMAGE_MAX) {
			diag_error(b->diag, (struct pos){0, 0, 0},
				   "the policy needs an image of more than %u MiB", IMAGE_MAX >> 20);
			return -1;
		}
	}
	h.size = (uint32_t)at;
	uint8_t *out = calloc(1, at);
	if (out == NULL) {
		diag_error(b->diag, (struct pos){0, 0, 0}, "no memory for an image of %zu octets",
			   (size_t)at);
		return -1;
	}
	memcpy(out, &h, sizeof(h));
	for (unsigned i = 0; i < IMAGE_PART_COUNT; i++)
		if (b->parts[i].n > 0)
			memcpy(out + h.parts[i].at, b->parts[i].v, b->parts[i].n * part_sizes[i]);
	image_seal(out, at);

	/* What is written here is read with full trust later: the compiler's own mistakes end here. */
	struct policy p;
	char err[160];
	if (policy_open(&p, out, at, err, sizeof(err)) != 0) {
		diag_error(b->diag, (struct pos){0, 0, 0},
			   "the compiler made an image that does not open: %s", err);
		free(out);
		return -1;
	}
	*image = out;
	*size = at;
	return 0;
}

static void build_free(struct build *b)
{
	for (unsigned i = 0; i < IMAGE_PART_COUNT; i++)
		records_free(&b->parts[i]);
	for (size_t i = 0; b->list_classes != NULL && i < b->list_spans.n; i++)
		free(b->list_classes[i].v);
	free(b->list_classes);
	struct intern *interns[] = {&b->strings, &b->sets, &b->lists, &b->units, &b->rulesets};
	for (size_t i = 0; i < sizeof(interns) / sizeof(interns[0]); i++)
		intern_free(interns[i]);
	struct records *records[] = {&b->groups,     &b->ends,        &b->ports,        &b->group_rules,
				     &b->list_spans, &b->list_ranges, &b->conduit_lists};
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		records_free(records[i]);
	free(b->zone_of);
	free(b->zone_order);
	free(b->conduit_of);
	free(b->conduit_order);
}

int compile_image(const struct model *m, struct diag *diag, uint8_t **image, size_t *size)
{
	struct build b = {.model = m, .diag = diag};
	unsigned before = diag_errors(diag);
	int rc = -1;

	for (unsigned i = 0; i < IMAGE_PART_COUNT; i++)
		b.parts[i].size = part_sizes[i];
	b.groups.size = sizeof(struct rule_group);
	b.ends.size = sizeof(struct group_end);
	b.ports.size = sizeof(struct port_key);
	b.group_rules.size = sizeof(uint32_t);
	b.list_spans.size = sizeof(struct image_span);
	b.conduit_lists.size = sizeof(uint32_t);
	b.list_ranges.size = 2 * sizeof(struct policy_ip);

	if (order_names(&b) && within_limits(&b)) {
		b.site = build_string(&b, m->site_name);
		b.ethertypes = build_intervals(&b, &m->ethertypes);
		compile_offsets(&b, has_hours(m));
		compile_queues(&b);
		compile_zones(&b);
		compile_hosts(&b);
		compile_conduits(&b);
		compile_groups(&b);
		if (diag_errors(diag) == before && compile_classes(&b))
			compile_routes(&b);
		if (diag_errors(diag) == before)
			compile_flows(&b);
		if (diag_errors(diag) == before)
			rc = finish(&b, image, size);
	}
	build_free(&b);
	return rc;
}
