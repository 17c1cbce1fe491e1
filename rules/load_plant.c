/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Site, zones, hosts and groups. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/load.h"
#include "rules/scalar.h"
#include "rules/sets.h"

#define DEADLINE_CLOSED_US 100000

/* A zone name that this machine knows: what `when` will be judged by. */
static bool timezone_exists(const char *name)
{
	char path[320], magic[4];
	bool good;

	if (!strcmp(name, "UTC"))
		return true;
	if (name[0] == '/' || strstr(name, "..") || strlen(name) > 255)
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	good = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "TZif", 4);
	fclose(f);
	return good;
}

void load_site(struct load *l)
{
	const struct node *root = l->nfiles ? l->files[0].root : NULL;
	const struct node *site = load_get(root, "site"), *bridge = load_get(root, "bridge"), *n;

	if (site && (n = load_get(site, "name")))
		l->model->site_name = n->text;
	if (site && (n = load_get(site, "timezone"))) {
		if (!timezone_exists(n->text))
			diag_error(
				l->diag, n->pos,
				"no time zone is called \"%s\" in /usr/share/zoneinfo; expected one such as "
				"Europe/Berlin, or UTC",
				n->text);
		l->model->timezone = strcmp(n->text, "UTC") ? n->text : NULL;
	}
	if (site)
		l->require = (unsigned)load_num(site, "require", 0);
	if (bridge && (n = load_get(bridge, "ethertypes")))
		l->model->ethertypes = n->set;
}

/* ---- zones ---- */

static void nets_of(struct load *l, const struct node *n, struct model_nets *out)
{
	if (n->kind == NODE_SCALAR) {
		nets_add(l->arena, out, &n->net);
	} else {
		for (const struct node *i = n->first; i; i = i->next)
			nets_add(l->arena, out, &i->net);
	}
	nets_normalise(out);
}

static void check_overlap(struct load *l, const struct model_zone *x, const struct model_zone *y)
{
	for (size_t i = 0; i < x->nets.n; i++)
		for (size_t j = 0; j < y->nets.n; j++)
			if (net_meets(&x->nets.v[i], &y->nets.v[j])) {
				bool y_later = x->pos.file != y->pos.file ? x->pos.file < y->pos.file
									  : x->pos.line <= y->pos.line;

				if (!y_later) {
					const struct model_zone *t = x;
					x = y;
					y = t;
					size_t k = i;
					i = j;
					j = k;
				}
				diag_error(
					l->diag, y->pos, "zone \"%s\" overlaps zone \"%s\" of %s: %s and %s",
					y->name, x->name, diag_where(l->diag, x->pos),
					net_text(l->arena, &y->nets.v[j]), net_text(l->arena, &x->nets.v[i]));
				return;
			}
}

void load_zones(struct load *l)
{
	struct model *m = l->model;

	m->zones = load_array(l, l->zones.n, sizeof(*m->zones));
	for (size_t i = 0; i < l->zones.n; i++) {
		const struct node *n = l->zones.v[i].node, *v;
		struct model_zone *z = &m->zones[m->nzones++];

		l->zones.v[i].made = z;
		z->name = l->zones.v[i].name;
		z->pos = n->key->pos;
		z->level = (int)load_num(n, "level", -1);
		z->failure = load_num(n, "failure", FAILURE_CLOSED) == FAILURE_OPEN ? FAILURE_OPEN
										    : FAILURE_CLOSED;
		z->safety = load_num(n, "safety", 0);
		z->deadline_us = (uint32_t)load_num(n, "deadline", DEADLINE_CLOSED_US);
		if (z->failure == FAILURE_OPEN && n->kind == NODE_MAP && !node_find(n, "deadline"))
			diag_error(
				l->diag, z->pos,
				"an open zone needs a \"deadline\": how long its packets may wait for inspection");
		if ((v = load_get(n, "engine")))
			z->engine = v->text;
		else if (z->safety)
			z->engine = z->name;
		if ((v = load_get(n, "networks")))
			nets_of(l, v, &z->nets);
	}
	for (size_t i = 0; i < m->nzones; i++)
		for (size_t j = i + 1; j < m->nzones; j++) {
			const struct model_zone *x = &m->zones[i], *y = &m->zones[j];

			check_overlap(l, x, y);
			if (x->engine && y->engine && x->safety != y->safety && !strcmp(x->engine, y->engine))
				diag_error(
					l->diag, x->safety ? y->pos : x->pos,
					"zone \"%s\" shares engine \"%s\" with safety zone \"%s\": a safety zone has an engine of its "
					"own",
					x->safety ? y->name : x->name, x->engine,
					x->safety ? x->name : y->name);
		}
}

/* ---- hosts ---- */

static void load_station(struct load *l, struct entry *e)
{
	struct model_host *h = e->made;
	struct node *at = load_get(e->node, "at"), *unit = load_get(e->node, "unit"),
		    *units = load_get(e->node, "units");
	bool several = strstr(e->node->key->text, "..");
	const char *why;

	if (!at || e->node->bad)
		return;
	struct entry *gateway = load_find(&l->hosts, at->text);
	if (!gateway) {
		const struct section *const sections[] = {&l->hosts, NULL};

		load_unknown(l, at, "host", at->text, sections);
		return;
	}
	if (gateway->node->kind == NODE_MAP) {
		diag_error(l->diag, at->pos,
			   "\"%s\" is a station itself: a gateway is a host with an address", at->text);
		return;
	}
	h->at = gateway->made;
	h->addrs = h->at->addrs;
	h->zone = h->at->zone;
	if (several != !!node_find(e->node, "units") || several == !!node_find(e->node, "unit")) {
		diag_error(l->diag, e->node->key->pos,
			   several ? "a range of stations needs \"units\", a range of as many numbers"
				   : "a station needs \"unit\", its number behind the gateway");
		return;
	}
	if (!several) {
		h->unit = unit ? (uint32_t)unit->num : 0;
		return;
	}
	if (!units)
		return;
	struct interval r = {0, 0};
	const char **names;
	size_t n;
	char buf[256];
	if (units->kind != NODE_SCALAR) {
		diag_error(l->diag, units->pos, "\"units\" of a range of stations is one range, a..b");
	} else if ((why = scalar_range(l->arena, units->text, 0, UINT32_MAX, false, &r))) {
		diag_error(l->diag, units->pos, "%s", why);
	} else if (load_names(l->arena, e->node->key->text, buf, sizeof(buf), &names, &n) &&
		   (uint64_t)(r.hi - r.lo) + 1 != n) {
		diag_error(l->diag, units->pos, "%zu names and %lld units: they must be as many", n,
			   (long long)(r.hi - r.lo + 1));
	}
	h->unit = (uint32_t)(r.lo + e->index);
}

static int by_station(const void *a, const void *b)
{
	const struct model_host *x = *(struct model_host *const *)a, *y = *(struct model_host *const *)b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Two names for one station would make logs say either. */
static void check_stations(struct load *l)
{
	const struct model *m = l->model;
	struct model_host **v = load_array(l, m->nhosts, sizeof(struct model_host *));
	size_t n = 0;

	for (size_t i = 0; i < m->nhosts; i++)
		if (m->hosts[i].at)
			v[n++] = &m->hosts[i];
	qsort(v, n, sizeof(struct model_host *), by_station);
	for (size_t i = 1; i < n; i++)
		if (v[i]->at == v[i - 1]->at && v[i]->unit == v[i - 1]->unit)
			diag_error(l->diag, v[i]->pos, "unit %u behind \"%s\" is \"%s\" already, at %s",
				   v[i]->unit, v[i]->at->name, v[i - 1]->name,
				   diag_where(l->diag, v[i - 1]->pos));
}

void load_hosts(struct load *l)
{
	struct model *m = l->model;

	if (l->hosts.n > LOAD_HOSTS_MAX) {
		diag_error(l->diag, l->hosts.v[0].node->key->pos, "more than %d hosts", LOAD_HOSTS_MAX);
		l->hosts.n = 0;
	}
	m->hosts = load_array(l, l->hosts.n, sizeof(*m->hosts));
	m->nhosts = l->hosts.n;
	for (size_t i = 0; i < l->hosts.n; i++) {
		struct entry *e = &l->hosts.v[i];
		struct model_host *h = &m->hosts[i];

		e->made = h;
		h->name = e->name;
		h->pos = e->node->key->pos;
		h->zone = -1;
		if (e->node->bad || e->node->kind == NODE_MAP)
			continue;
		if (strstr(e->node->key->text, "..")) {
			diag_error(l->diag, h->pos,
				   "a range of names is for stations only: {at: GATEWAY, units: a..b}");
			continue;
		}
		nets_of(l, e->node, &h->addrs);
		for (size_t j = 0; j < h->addrs.n && h->zone < 0; j++)
			for (size_t z = 0; z < m->nzones && h->zone < 0; z++)
				if (nets_hold(&m->zones[z].nets, &h->addrs.v[j]))
					h->zone = (int)z;
		if (h->zone < 0)
			diag_error(l->diag, h->pos, "host \"%s\" (%s) lies in no zone", h->name,
				   net_text(l->arena, &h->addrs.v[0]));
	}
	for (size_t i = 0; i < l->hosts.n; i++)
		if (l->hosts.v[i].node->kind == NODE_MAP)
			load_station(l, &l->hosts.v[i]);
	check_stations(l);
	for (size_t i = 0; i < l->groups.n; i++) {
		const struct entry *g = &l->groups.v[i], *h = load_find(&l->hosts, g->name);

		if (h)
			diag_error(l->diag, g->node->key->pos, "group \"%s\" has the name of a host, at %s",
				   g->name, diag_where(l->diag, h->node->key->pos));
	}
}

/* ---- members of lists ---- */

static void add_end(struct load *l, struct model_ends *out, const struct model_end *e)
{
	for (size_t i = 0; i < out->n; i++)
		if (e->host ? out->v[i].host == e->host
			    : !out->v[i].host && net_within(&e->addrs.v[0], &out->v[i].addrs.v[0]))
			return;
	out->v = arena_more(l->arena, out->v, out->n, sizeof(*out->v));
	out->v[out->n++] = *e;
}

static bool add_host(struct load *l, struct model_ends *out, const struct model_host *h)
{
	struct model_end e = {.host = h, .addrs = h->addrs, .has_unit = h->at != NULL, .unit = h->unit};

	if (!h->addrs.n)
		return false; /* its own error has been reported */
	add_end(l, out, &e);
	return true;
}

static bool members(struct load *l, struct node *list, struct model_ends *out, unsigned depth);

static bool member(struct load *l, struct node *n, struct model_ends *out, unsigned depth)
{
	const struct section *const sections[] = {&l->hosts, &l->groups, NULL};
	struct entry *e;
	const char **names;
	size_t count;
	char why[256];
	bool good = true;

	if (n->bad)
		return false;
	if (scalar_is_net(n->text)) {
		struct model_end end = {0};
		struct model_net net;

		if (scalar_net(l->arena, n->text, true, &net))
			return false;
		nets_add(l->arena, &end.addrs, &net);
		add_end(l, out, &end);
		return true;
	}
	if (strstr(n->text, "..")) {
		if (!load_names(l->arena, n->text, why, sizeof(why), &names, &count)) {
			diag_error(l->diag, n->pos, "%s", why);
			return false;
		}
		for (size_t i = 0; i < count && good; i++) {
			if ((e = load_find(&l->hosts, names[i]))) {
				good = add_host(l, out, e->made);
			} else {
				load_unknown(l, n, "host", names[i], sections);
				good = false;
			}
		}
		return good;
	}
	if ((e = load_find(&l->hosts, n->text)))
		return add_host(l, out, e->made);
	if (!(e = load_find(&l->groups, n->text))) {
		load_unknown(l, n, "host or group", n->text, sections);
		return false;
	}
	if (e->state == 1 || depth >= LOAD_GROUPS_DEPTH) {
		diag_error(l->diag, n->pos,
			   e->state == 1 ? "group \"%s\" is a member of itself"
					 : "groups nested too deep at \"%s\"",
			   n->text);
		n->bad = true;
		return false;
	}
	e->state = 1;
	good = members(l, e->node, out, depth + 1);
	e->state = 2;
	return good;
}

static bool members(struct load *l, struct node *list, struct model_ends *out, unsigned depth)
{
	bool good = true;

	if (list->kind == NODE_SCALAR)
		return member(l, list, out, depth);
	if (list->kind != NODE_LIST)
		return false;
	for (struct node *n = list->first; n; n = n->next)
		good = member(l, n, out, depth) && good;
	return good;
}

bool load_members(struct load *l, struct node *list, struct model_ends *out)
{
	return members(l, list, out, 0);
}
