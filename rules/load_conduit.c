/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conduits: scope, settings, the safety lane; and what no two of them may have in common. */
#include <stdlib.h>
#include <string.h>

#include "rules/load.h"
#include "rules/scalar.h"
#include "rules/sets.h"

#define ANSWER_WITHIN_US 10000000
#define ALTERS           (1u << ACCESS_WRITE | 1u << ACCESS_OPERATE | 1u << ACCESS_PROGRAM | 1u << ACCESS_CONFIGURE)

/*
 * Ports that engineering tools and controllers listen on. A safety system reached on one of them by a lane that nobody
 * inspects is how TRITON came in.
 */
static const struct {
	uint16_t lo, hi;
	uint8_t transports;
	const char *what;
} engineering[] = {
	{102, 102, TRANSPORT_TCP, "S7, MMS"},
	{502, 502, TRANSPORT_TCP | TRANSPORT_UDP, "Modbus, UMAS"},
	{789, 789, TRANSPORT_TCP | TRANSPORT_UDP, "Red Lion Crimson"},
	{1089, 1091, TRANSPORT_TCP | TRANSPORT_UDP, "FOUNDATION Fieldbus HSE"},
	{1131, 1132, TRANSPORT_TCP | TRANSPORT_UDP, "CODESYS, WAGO"},
	{1217, 1217, TRANSPORT_TCP, "CODESYS gateway"},
	{1502, 1502, TRANSPORT_TCP | TRANSPORT_UDP, "TriStation"},
	{1740, 1743, TRANSPORT_UDP, "CODESYS"},
	{1911, 1911, TRANSPORT_TCP, "Fox"},
	{1962, 1962, TRANSPORT_TCP, "PCWorx"},
	{2222, 2222, TRANSPORT_TCP | TRANSPORT_UDP, "EtherNet/IP implicit"},
	{2404, 2404, TRANSPORT_TCP, "IEC 60870-5-104"},
	{2455, 2455, TRANSPORT_TCP, "CODESYS 2"},
	{4000, 4000, TRANSPORT_TCP, "ROC Plus"},
	{4840, 4840, TRANSPORT_TCP | TRANSPORT_UDP, "OPC UA"},
	{4911, 4911, TRANSPORT_TCP, "Fox over TLS"},
	{5006, 5008, TRANSPORT_TCP | TRANSPORT_UDP, "MELSEC"},
	{5094, 5094, TRANSPORT_TCP | TRANSPORT_UDP, "HART-IP"},
	{9600, 9600, TRANSPORT_TCP | TRANSPORT_UDP, "FINS"},
	{11740, 11743, TRANSPORT_TCP, "CODESYS 3"},
	{18245, 18246, TRANSPORT_TCP, "GE-SRTP"},
	{20000, 20000, TRANSPORT_TCP | TRANSPORT_UDP, "DNP3"},
	{20547, 20547, TRANSPORT_TCP | TRANSPORT_UDP, "ProConOS"},
	{34962, 34964, TRANSPORT_TCP | TRANSPORT_UDP, "PROFINET"},
	{44818, 44818, TRANSPORT_TCP | TRANSPORT_UDP, "EtherNet/IP"},
	{47808, 47808, TRANSPORT_UDP, "BACnet/IP"},
	{48898, 48899, TRANSPORT_TCP | TRANSPORT_UDP, "ADS"},
};

const char *load_engineering_port(const struct intervals *ports, bool udp, int64_t *port)
{
	for (size_t i = 0; i < sizeof(engineering) / sizeof(engineering[0]); i++) {
		if (!(engineering[i].transports & (udp ? TRANSPORT_UDP : TRANSPORT_TCP)))
			continue;
		for (int64_t p = engineering[i].lo; p <= engineering[i].hi; p++)
			if (set_holds(ports, p, p)) {
				*port = p;
				return engineering[i].what;
			}
	}
	return NULL;
}

/* ---- scope ---- */

static int find_zone(struct load *l, struct node *n)
{
	const struct section *const sections[] = {&l->zones, NULL};
	const struct entry *e = load_find(&l->zones, n->text);

	if (e)
		return (int)((const struct model_zone *)e->made - l->model->zones);
	load_unknown(l, n, "zone", n->text, sections);
	return -1;
}

static void from_nets(struct load *l, const struct model_conduit *c, struct model_nets *out)
{
	for (size_t i = 0; i < c->from.n; i++)
		for (int64_t z = c->from.v[i].lo; z <= c->from.v[i].hi; z++)
			for (size_t j = 0; j < l->model->zones[z].nets.n; j++)
				nets_add(l->arena, out, &l->model->zones[z].nets.v[j]);
	nets_normalise(out);
}

void load_narrow(struct load *l, struct node *list, struct model_ends *ends, const struct model_nets *nets,
		 const char *where)
{
	size_t n = 0;

	for (size_t i = 0; i < ends->n; i++) {
		struct model_end e = ends->v[i];
		struct model_nets kept = {0};

		for (size_t j = 0; j < e.addrs.n; j++)
			if (nets_hold(nets, &e.addrs.v[j]))
				nets_add(l->arena, &kept, &e.addrs.v[j]);
		if (!kept.n) {
			diag_error(l->diag, list->pos, "\"%s\"%s is not in %s",
				   e.host ? e.host->name : net_text(l->arena, &e.addrs.v[0]),
				   e.host ? arena_print(l->arena, " (%s)", net_text(l->arena, &e.addrs.v[0]))
					  : "",
				   where);
			continue;
		}
		e.addrs = kept;
		ends->v[n++] = e;
	}
	ends->n = n;
}

static void whole_nets(struct load *l, const struct model_nets *nets, struct model_ends *out)
{
	for (size_t i = 0; i < nets->n; i++) {
		struct model_end e = {0};

		nets_add(l->arena, &e.addrs, &nets->v[i]);
		out->v = arena_more(l->arena, out->v, out->n, sizeof(*out->v));
		out->v[out->n++] = e;
	}
}

static void load_ends(struct load *l, struct node *n, struct model_conduit *c)
{
	struct node *clients = load_get(n, "clients"), *servers = load_get(n, "servers");
	const struct model_zone *to = &l->model->zones[c->to];
	struct model_nets nets = {0};

	from_nets(l, c, &nets);
	if (clients && clients->set.any) {
		whole_nets(l, &nets, &c->clients);
	} else if (clients) {
		if (load_members(l, clients, &c->clients))
			load_narrow(l, clients, &c->clients, &nets, "a `from` zone of the conduit");
	} else if (!node_find(n, "clients")) {
		whole_nets(l, &nets, &c->clients);
	}
	if (!servers)
		return;
	if (servers->set.any)
		whole_nets(l, &to->nets, &c->servers);
	else if (load_members(l, servers, &c->servers))
		load_narrow(l, servers, &c->servers, &to->nets,
			    arena_print(l->arena, "zone \"%s\"", to->name));
}

/* ---- settings ---- */

static bool touches_safety(const struct load *l, const struct model_conduit *c)
{
	bool safety = l->model->zones[c->to].safety;

	for (size_t i = 0; i < c->from.n; i++)
		for (int64_t z = c->from.v[i].lo; z <= c->from.v[i].hi; z++)
			safety = safety || l->model->zones[z].safety;
	return safety;
}

/* The ports of an inspected rule that are not its protocol's own. */
static struct intervals other_ports(struct load *l, const struct model_rule *r)
{
	const struct proto *p = proto_get((unsigned)r->proto);
	struct intervals own = {0};

	for (size_t i = 0; i < PROTO_PORTS_MAX && p->ports[i]; i++)
		set_add(l->arena, &own, p->ports[i], p->ports[i]);
	set_normalise(&own);
	return set_subtract(l->arena, &r->ports, &own);
}

/*
 * One port of one server cannot be two things: inspected by one rule and passed by another, or inspected as two protocols.
 * Default ports of the conduit's protocols have been looked at with each rule of ports.
 */
static void check_rule_ports(struct load *l, const struct model_conduit *c)
{
	struct intervals inspected = {0};
	uint32_t protocols = 0;

	for (size_t i = 0; i < c->nrules; i++) {
		const struct model_rule *r = &c->rules[i];

		if (r->lane != LANE_INSPECTED || r->proto < 0)
			continue;
		protocols |= 1u << r->proto;
		const struct intervals ports = other_ports(l, r);
		for (size_t j = 0; j < ports.n; j++)
			set_add(l->arena, &inspected, ports.v[j].lo, ports.v[j].hi);
	}
	set_normalise(&inspected);
	bool several = protocols & (protocols - 1);
	for (size_t i = 0; i < c->nrules; i++) {
		const struct model_rule *x = &c->rules[i];
		bool kernel = x->lane == LANE_KERNEL;

		if (kernel ? !set_meets(&x->tcp, &inspected) && !set_meets(&x->udp, &inspected) : !several)
			continue;
		for (size_t j = 0; j < c->nrules; j++) {
			const struct model_rule *y = &c->rules[j];

			if (y->lane != LANE_INSPECTED || y->proto < 0 ||
			    !ends_meet(&x->clients, &y->clients, false) ||
			    !ends_meet(&x->servers, &y->servers, false))
				continue;
			const struct intervals ports = other_ports(l, y);
			if (kernel && ((y->transports & TRANSPORT_TCP && set_meets(&x->tcp, &ports)) ||
				       (y->transports & TRANSPORT_UDP && set_meets(&x->udp, &ports)))) {
				diag_error(l->diag, x->pos,
					   "rule \"%s/%s\" passes ports that rule \"%s\" (line %u) inspects",
					   c->name, x->id, y->id, y->pos.line);
				break;
			}
			if (!kernel && i < j && x->proto != y->proto && x->proto >= 0 &&
			    (x->transports & y->transports) && set_meets(&x->ports, &y->ports))
				diag_error(
					l->diag, y->pos,
					"rules \"%s\" and \"%s\" of conduit \"%s\" give the same port two protocols",
					x->id, y->id, c->name);
		}
	}
}

static int by_id(const void *a, const void *b)
{
	const struct model_rule *x = *(const struct model_rule *const *)a;
	const struct model_rule *y = *(const struct model_rule *const *)b;
	int c = strcmp(x->id, y->id);

	return c ? c : (x > y) - (x < y);
}

static void check_rule_ids(struct load *l, const struct model_conduit *c)
{
	const struct model_rule **v = load_array(l, c->nrules, sizeof(const struct model_rule *));
	size_t n = 0, first = 0;

	for (size_t i = 0; i < c->nrules; i++)
		if (c->rules[i].id)
			v[n++] = &c->rules[i];
	if (n)
		qsort(v, n, sizeof(const struct model_rule *), by_id);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(v[i]->id, v[first]->id)) {
			first = i;
			continue;
		}
		diag_error(l->diag, v[i]->pos,
			   "two rules of conduit \"%s\" have the id \"%s\"; the first in line %u", c->name,
			   v[i]->id, v[first]->pos.line);
	}
}

static void load_inspected(struct load *l, struct node *n, struct model_conduit *c)
{
	const struct model_zone *to = &l->model->zones[c->to];
	struct node *at_most = load_get(n, "at-most"), *allow = load_get(n, "allow"), *v;

	load_ends(l, n, c);
	c->protocols = (uint32_t)load_num(n, "protocols", 0);
	c->mode = (enum policy_mode)load_num(n, "mode", MODE_ENFORCE);
	if ((v = load_get(n, "mode")) != NULL)
		c->mode_pos = v->pos;
	c->at_most = (1u << ACCESS_COUNT) - 1;
	c->single_master = load_num(n, "single-master", 0);
	if (at_most)
		c->at_most = at_most->set.any ? c->at_most & ~(1u << ACCESS_OPAQUE) : (uint32_t)at_most->num;
	c->on_deny_given = (v = load_get(n, "on-deny")) != NULL;
	c->on_deny = v ? (enum on_deny)v->num : DENY_RESET;
	c->failure = (enum failure)load_num(n, "failure", to->failure);
	c->deadline_us = (uint32_t)load_num(n, "deadline", to->deadline_us);
	if (c->failure == FAILURE_OPEN && to->failure != FAILURE_OPEN && !node_find(n, "deadline"))
		diag_error(l->diag, c->pos,
			   "a conduit that is open while its zone \"%s\" is not needs a \"deadline\"",
			   to->name);
	c->answer_within_us = (uint64_t)load_num(n, "answer-within", ANSWER_WITHIN_US);
	if (!allow || allow->kind != NODE_LIST)
		return;
	c->rules = load_array(l, allow->n, sizeof(*c->rules));
	for (struct node *r = allow->first; r; r = r->next)
		if (r->kind == NODE_MAP)
			load_rule(l, c, n, r, &c->rules[c->nrules++]);
	check_rule_ports(l, c);
	check_rule_ids(l, c);
}

static void check_safety_ports(struct load *l, struct node *n, const struct model_conduit *c)
{
	struct node *tcp = load_get(n, "tcp"), *udp = load_get(n, "udp");
	int64_t port;
	const char *what;

	if (!node_find(n, "tcp") && !node_find(n, "udp"))
		diag_error(l->diag, c->pos, "a conduit in the safety lane needs \"tcp\" or \"udp\" ports");
	if (tcp && (what = load_engineering_port(&tcp->set, false, &port)))
		diag_error(
			l->diag, tcp->pos,
			"tcp port %lld (%s) is an engineering port: it cannot be in a safety lane, where nobody "
			"inspects it",
			(long long)port, what);
	if (udp && (what = load_engineering_port(&udp->set, true, &port)))
		diag_error(
			l->diag, udp->pos,
			"udp port %lld (%s) is an engineering port: it cannot be in a safety lane, where nobody "
			"inspects it",
			(long long)port, what);
}

static void load_safety(struct load *l, struct node *n, struct model_conduit *c)
{
	const struct model_zone *to = &l->model->zones[c->to];
	struct node *peers = load_get(n, "peers"), *multicast = load_get(n, "multicast"),
		    *tcp = load_get(n, "tcp"), *udp = load_get(n, "udp"),
		    *interfaces = load_get(n, "interfaces"), *expect = load_get(n, "expect");
	struct model_nets nets = {0};
	bool here = false, there = false;

	c->failure = to->failure;
	c->deadline_us = to->deadline_us;
	if (!touches_safety(l, c))
		diag_error(l->diag, c->pos,
			   "conduit \"%s\" is in the safety lane, but joins no zone with `safety: true`",
			   c->name);
	check_safety_ports(l, n, c);
	from_nets(l, c, &nets);
	if (peers && load_members(l, peers, &c->peers)) {
		struct model_nets both = {0};

		for (size_t i = 0; i < c->peers.n; i++)
			if (c->peers.v[i].has_unit)
				diag_error(l->diag, peers->pos,
					   "\"%s\" is a station behind a gateway: a safety lane joins hosts",
					   c->peers.v[i].host->name);
		for (size_t i = 0; i < c->peers.n; i++)
			for (size_t j = 0; j < c->peers.v[i].addrs.n; j++) {
				here = here || nets_hold(&nets, &c->peers.v[i].addrs.v[j]);
				there = there || nets_hold(&to->nets, &c->peers.v[i].addrs.v[j]);
			}
		for (size_t i = 0; i < nets.n; i++)
			nets_add(l->arena, &both, &nets.v[i]);
		for (size_t i = 0; i < to->nets.n; i++)
			nets_add(l->arena, &both, &to->nets.v[i]);
		nets_normalise(&both);
		load_narrow(l, peers, &c->peers, &both, "a zone of the conduit");
		if (!here || (!there && !multicast))
			diag_error(l->diag, peers->pos, "no peer lies in %s",
				   here ? arena_print(l->arena, "zone \"%s\"", to->name)
					: "a `from` zone of the conduit");
	}
	for (struct node *i = multicast && multicast->kind == NODE_LIST ? multicast->first : multicast; i;
	     i = i->next) {
		bool v4 =
			i->net.plen >= 96 && i->net.ip[10] == 0xff && i->net.ip[11] == 0xff && !i->net.ip[0];

		if (v4 ? (i->net.ip[12] & 0xf0) != 0xe0 : i->net.ip[0] != 0xff)
			diag_error(l->diag, i->pos, "%s is no multicast group (224.0.0.0/4, ff00::/8)",
				   i->text);
		nets_add(l->arena, &c->groups, &i->net);
		if (multicast->kind != NODE_LIST)
			break;
	}
	nets_normalise(&c->groups);
	if (tcp)
		c->tcp = tcp->set;
	if (udp)
		c->udp = udp->set;
	for (struct node *i = interfaces && interfaces->kind == NODE_LIST ? interfaces->first : interfaces; i;
	     i = i->next) {
		if (strlen(i->text) > 15 || strpbrk(i->text, "/ \t\"*+"))
			diag_error(l->diag, i->pos, "\"%s\" is no name of a network interface", i->text);
		c->interfaces = arena_more(l->arena, c->interfaces, c->ninterfaces, sizeof(*c->interfaces));
		c->interfaces[c->ninterfaces++] = i->text;
		if (interfaces->kind != NODE_LIST)
			break;
	}
	c->mirror = load_num(n, "mirror", 0);
	c->watchdog_us = (uint64_t)load_num(n, "watchdog", 0);
	if (expect)
		c->expect = expect->rate;
}

static void load_conduit(struct load *l, struct node *n, struct model_conduit *c)
{
	struct node *name = load_get(n, "name"), *from = load_get(n, "from"), *to = load_get(n, "to");

	c->name = name ? name->text : "?";
	c->pos = name ? name->pos : n->pos;
	c->to = to ? find_zone(l, to) : -1;
	for (struct node *i = from && from->kind == NODE_LIST ? from->first : from; i; i = i->next) {
		int z = find_zone(l, i);

		if (z >= 0)
			set_add(l->arena, &c->from, z, z);
		if (from->kind != NODE_LIST)
			break;
	}
	set_normalise(&c->from);
	if (c->to < 0 || !c->from.n)
		return; /* nothing else can be said */
	c->lane = load_num(n, "lane", 0) ? LANE_SAFETY : LANE_INSPECTED;
	if (touches_safety(l, c) && !node_find(n, "lane"))
		diag_error(l->diag, c->pos,
			   "conduit \"%s\" touches a safety zone: it must say \"lane\", inspected or safety",
			   c->name);
	else if (touches_safety(l, c) && c->lane == LANE_INSPECTED && !node_find(n, "failure"))
		diag_error(l->diag, c->pos,
			   "conduit \"%s\" touches a safety zone: it must say \"failure\", closed or open",
			   c->name);
	if (c->lane == LANE_SAFETY)
		load_safety(l, n, c);
	else
		load_inspected(l, n, c);
	for (size_t i = 0; i < c->nrules && c->failure == FAILURE_OPEN && touches_safety(l, c); i++)
		if (c->rules[i].lane == LANE_INSPECTED && c->rules[i].access & ALTERS)
			diag_error(
				l->diag, c->rules[i].pos,
				"rule \"%s/%s\" changes a safety system and its conduit is open: what may write cannot pass "
				"uninspected",
				c->name, c->rules[i].id ? c->rules[i].id : "?");
}

static int by_name(const void *a, const void *b)
{
	const struct model_conduit *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool later(struct pos x, struct pos y)
{
	return x.file != y.file ? x.file > y.file : x.line != y.line ? x.line > y.line : x.col > y.col;
}

/* A safety lane is found by its ports before any conduit is: it must leave those that are inspected alone. */
static void check_pair(struct load *l, const struct model_conduit *x, const struct model_conduit *y)
{
	if (later(x->pos, y->pos)) {
		const struct model_conduit *t = x;

		x = y;
		y = t;
	}
	if (!strcmp(x->name, y->name)) {
		diag_error(l->diag, y->pos, "conduit \"%s\" is defined twice; first at %s", y->name,
			   diag_where(l->diag, x->pos));
		return;
	}
	if (x->lane == LANE_SAFETY && y->lane == LANE_SAFETY) {
		if (ends_meet(&x->peers, &y->peers, false) &&
		    (set_meets(&x->tcp, &y->tcp) || set_meets(&x->udp, &y->udp)) && x->to == y->to)
			diag_error(l->diag, y->pos, "safety lanes \"%s\" and \"%s\" share peers and ports",
				   x->name, y->name);
		return;
	}
	if (x->lane == LANE_SAFETY || y->lane == LANE_SAFETY) {
		const struct model_conduit *safety = x->lane == LANE_SAFETY ? x : y,
					   *other = safety == x ? y : x;

		if (!ends_meet(&safety->peers, &other->clients, false) ||
		    !ends_meet(&safety->peers, &other->servers, false))
			return;
		for (size_t i = 0; i < other->nrules; i++) {
			const struct model_rule *r = &other->rules[i];
			bool tcp = r->lane == LANE_KERNEL ? set_meets(&r->tcp, &safety->tcp)
							  : (r->transports & TRANSPORT_TCP) &&
								    set_meets(&r->ports, &safety->tcp);
			bool udp = r->lane == LANE_KERNEL ? set_meets(&r->udp, &safety->udp)
							  : (r->transports & TRANSPORT_UDP) &&
								    set_meets(&r->ports, &safety->udp);

			if (tcp || udp)
				diag_error(
					l->diag, r->pos,
					"rule \"%s/%s\" has ports that safety lane \"%s\" passes uninspected",
					other->name, r->id ? r->id : "?", safety->name);
		}
		return;
	}
	if (ends_meet(&x->clients, &y->clients, false) && ends_meet(&x->servers, &y->servers, false))
		diag_error(
			l->diag, y->pos,
			"conduit \"%s\" overlaps conduit \"%s\" of %s: some client and server belong to both; narrow `clients` or "
			"`servers`",
			y->name, x->name, diag_where(l->diag, x->pos));
}

void load_conduits(struct load *l)
{
	struct model *m = l->model;
	size_t n = 0;

	for (size_t i = 0; i < l->nfiles; i++) {
		const struct node *list = load_get(l->files[i].root, "conduits");

		n += list ? list->n : 0;
	}
	m->conduits = load_array(l, n, sizeof(*m->conduits));
	for (size_t i = 0; i < l->nfiles; i++) {
		const struct node *list = load_get(l->files[i].root, "conduits");

		for (struct node *c = list ? list->first : NULL; c; c = c->next)
			if (c->kind == NODE_MAP)
				load_conduit(l, c, &m->conduits[m->nconduits++]);
	}
	qsort(m->conduits, m->nconduits, sizeof(*m->conduits), by_name);
	for (size_t i = 0; i < m->nconduits; i++)
		for (size_t j = i + 1; j < m->nconduits; j++)
			check_pair(l, &m->conduits[i], &m->conduits[j]);
}
