/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of one conduit that speak of the same clients, servers and ports are one group from here on: ten thousand rules between
 * one client and one server cost routing what one does.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

#define IP_ICMP   1u
#define IP_TCP    6u
#define IP_UDP    17u
#define IP_ICMPV6 58u

/* ICMP types that mean the same in IPv6. A rule speaks of the IPv4 number. */
static const struct {
	uint32_t v4, v6;
} icmp_pairs[] = {{3, 1}, {11, 3}, {12, 4}, {8, 128}, {0, 129}};

uint32_t compile_ends_list(struct build *b, const struct model_ends *ends)
{
	struct records nets = {.size = sizeof(struct model_net)};

	for (size_t i = 0; i < ends->n; i++)
		if (ends->v[i].addrs.n > 0)
			memcpy(records_add(&nets, ends->v[i].addrs.n), ends->v[i].addrs.v,
			       ends->v[i].addrs.n * sizeof(struct model_net));
	uint32_t list = build_list(b, nets.v, nets.n);
	records_free(&nets);
	return list;
}

static void add_ports(struct records *out, uint32_t ipproto, const struct intervals *v)
{
	if (v->any) {
		*(struct port_key *)records_add(out, 1) = (struct port_key){
			ipproto << 16, ipproto << 16 | (ipproto == IP_ICMP ? 0xff : 0xffff)};
		return;
	}
	for (size_t i = 0; i < v->n; i++)
		*(struct port_key *)records_add(out, 1) = (struct port_key){
			ipproto << 16 | (uint32_t)v->v[i].lo, ipproto << 16 | (uint32_t)v->v[i].hi};
}

static void add_icmpv6(struct records *out, const struct intervals *v)
{
	for (size_t k = 0; k < sizeof(icmp_pairs) / sizeof(icmp_pairs[0]); k++) {
		bool in = v->any;
		for (size_t i = 0; i < v->n && !in; i++)
			in = v->v[i].lo <= icmp_pairs[k].v4 && icmp_pairs[k].v4 <= v->v[i].hi;
		uint32_t key = IP_ICMPV6 << 16 | icmp_pairs[k].v6;
		if (in)
			*(struct port_key *)records_add(out, 1) = (struct port_key){key, key};
	}
}

static int port_cmp(const void *x, const void *y)
{
	const struct port_key *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static int end_cmp(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct group_end));
}

static void add_ends(struct build *b, struct records *out, const struct model_ends *ends)
{
	for (size_t i = 0; i < ends->n; i++) {
		uint32_t list = build_list(b, ends->v[i].addrs.v, ends->v[i].addrs.n);
		*(struct group_end *)records_add(out, 1) =
			(struct group_end){list, ends->v[i].has_unit ? (uint32_t)GROUP_END_UNIT : 0u,
					   ends->v[i].has_unit ? ends->v[i].unit : 0};
	}
}

/* The number of the group of these settings. ends and ports are emptied. */
static uint32_t group_at(struct build *b, struct intern *known, const struct rule_group *like,
			 struct records *ends, struct records *ports)
{
	struct records key = {.size = 1};
	uint32_t head[] = {like->conduit, like->lane, (uint32_t)like->proto, like->clients,
			   (uint32_t)ends->n};
	bool fresh;

	if (ends->n > 0)
		qsort(ends->v, ends->n, ends->size, end_cmp);
	if (ports->n > 0)
		qsort(ports->v, ports->n, ports->size, port_cmp);
	memcpy(records_add(&key, sizeof(head)), head, sizeof(head));
	if (ends->n > 0)
		memcpy(records_add(&key, ends->n * ends->size), ends->v, ends->n * ends->size);
	if (ports->n > 0)
		memcpy(records_add(&key, ports->n * ports->size), ports->v, ports->n * ports->size);
	uint32_t *at = intern_at(known, key.v, key.n, &fresh);
	if (fresh) {
		*at = (uint32_t)b->groups.n;
		struct rule_group *g = records_add(&b->groups, 1);
		*g = *like;
		g->ends = (struct image_span){(uint32_t)b->ends.n, (uint32_t)ends->n};
		g->ports = (struct image_span){(uint32_t)b->ports.n, (uint32_t)ports->n};
		if (ends->n > 0)
			memcpy(records_add(&b->ends, ends->n), ends->v, ends->n * ends->size);
		if (ports->n > 0)
			memcpy(records_add(&b->ports, ports->n), ports->v, ports->n * ports->size);
	}
	records_free(&key);
	ends->n = 0;
	ports->n = 0;
	return *at;
}

struct gathering {
	struct intern known;
	struct records ends, ports;
};

static void gather_rules(struct build *b, uint32_t conduit, const struct model_conduit *c,
			 struct gathering *g)
{
	const struct image_conduit *out = (struct image_conduit *)b->parts[IMAGE_CONDUITS].v + conduit;
	uint32_t *of = calloc(c->nrules + 1, sizeof(*of)), base = (uint32_t)b->groups.n;

	if (of == NULL)
		return;
	for (size_t i = 0; i < c->nrules; i++) {
		const struct model_rule *r = &c->rules[i];
		struct rule_group like = {.conduit = conduit, .lane = r->lane, .proto = -1, .pos = r->pos};
		like.name = r->id;
		like.clients = compile_ends_list(b, &r->clients);
		add_ends(b, &g->ends, &r->servers);
		if (r->lane == LANE_INSPECTED) {
			like.proto = r->proto;
			if ((r->transports & TRANSPORT_TCP) != 0)
				add_ports(&g->ports, IP_TCP, &r->ports);
			if ((r->transports & TRANSPORT_UDP) != 0)
				add_ports(&g->ports, IP_UDP, &r->ports);
		} else {
			add_ports(&g->ports, IP_TCP, &r->tcp);
			add_ports(&g->ports, IP_UDP, &r->udp);
			add_ports(&g->ports, IP_ICMP, &r->icmp);
			add_icmpv6(&g->ports, &r->icmp);
		}
		of[i] = group_at(b, &g->known, &like, &g->ends, &g->ports);
	}
	/* Rules are handed to their groups in their own order. */
	struct rule_group *groups = b->groups.v;
	for (size_t i = 0; i < c->nrules; i++)
		groups[of[i]].rules.n++;
	uint32_t at = (uint32_t)b->group_rules.n;
	for (uint32_t i = base; i < b->groups.n; i++) {
		groups[i].rules.at = at;
		at += groups[i].rules.n;
		groups[i].rules.n = 0;
	}
	if (c->nrules > 0)
		records_add(&b->group_rules, c->nrules);
	uint32_t *rules = b->group_rules.v;
	for (uint32_t i = 0; i < c->nrules; i++)
		rules[groups[of[i]].rules.at + groups[of[i]].rules.n++] = out->rules.at + i;
	free(of);
}

/* A conduit that learns or shadows sees all of its scope. */
static void gather_scope(struct build *b, uint32_t conduit, const struct model_conduit *c,
			 struct gathering *g)
{
	for (unsigned i = 0; i < PROTO_COUNT; i++) {
		const struct proto *proto = proto_get(i);
		if (proto == NULL || (c->protocols >> i & 1) == 0)
			continue;
		struct rule_group like = {.conduit = conduit,
					  .lane = LANE_INSPECTED,
					  .proto = (int32_t)i,
					  .pos = c->pos,
					  .name = c->name};
		like.clients = compile_ends_list(b, &c->clients);
		struct model_ends servers = c->servers;
		for (size_t k = 0; k < servers.n; k++) {
			uint32_t list = build_list(b, servers.v[k].addrs.v, servers.v[k].addrs.n);
			*(struct group_end *)records_add(&g->ends, 1) = (struct group_end){list, 0, 0};
		}
		for (unsigned k = 0; k < PROTO_PORTS_MAX && proto->ports[k] != 0; k++) {
			struct interval port = {proto->ports[k], proto->ports[k]};
			struct intervals one = {.v = &port, .n = 1};
			if ((proto->transports & TRANSPORT_TCP) != 0)
				add_ports(&g->ports, IP_TCP, &one);
			if ((proto->transports & TRANSPORT_UDP) != 0)
				add_ports(&g->ports, IP_UDP, &one);
		}
		/* Never the group of a rule: it must not lend its tuples the rule's name. */
		intern_free(&g->known);
		group_at(b, &g->known, &like, &g->ends, &g->ports);
	}
	/* Last, the rest: ports and protocols that nobody knows here. */
	static const uint32_t rest[][2] = {
		{IP_TCP, 0xffff}, {IP_UDP, 0xffff}, {IP_ICMP, 0xff}, {IP_ICMPV6, 0xff}};
	struct rule_group like = {
		.conduit = conduit, .lane = LANE_INSPECTED, .proto = -1, .pos = c->pos, .name = c->name};
	like.clients = compile_ends_list(b, &c->clients);
	for (size_t k = 0; k < c->servers.n; k++) {
		uint32_t list = build_list(b, c->servers.v[k].addrs.v, c->servers.v[k].addrs.n);
		*(struct group_end *)records_add(&g->ends, 1) = (struct group_end){list, 0, 0};
	}
	for (size_t k = 0; k < sizeof(rest) / sizeof(rest[0]); k++)
		*(struct port_key *)records_add(&g->ports, 1) =
			(struct port_key){rest[k][0] << 16, rest[k][0] << 16 | rest[k][1]};
	intern_free(&g->known);
	group_at(b, &g->known, &like, &g->ends, &g->ports);
}

/* Peers in both orders, and each peer to every multicast group. */
static void gather_safety(struct build *b, uint32_t conduit, const struct model_conduit *c,
			  struct gathering *g)
{
	for (size_t i = 0; i < c->peers.n; i++) {
		struct rule_group like = {
			.conduit = conduit, .lane = LANE_SAFETY, .proto = -1, .pos = c->pos, .name = c->name};
		like.clients = build_list(b, c->peers.v[i].addrs.v, c->peers.v[i].addrs.n);
		for (size_t k = 0; k < c->peers.n; k++) {
			if (k == i && c->peers.v[i].host != NULL)
				continue;
			uint32_t list = build_list(b, c->peers.v[k].addrs.v, c->peers.v[k].addrs.n);
			*(struct group_end *)records_add(&g->ends, 1) = (struct group_end){list, 0, 0};
		}
		if (c->groups.n > 0) {
			uint32_t list = build_list(b, c->groups.v, c->groups.n);
			*(struct group_end *)records_add(&g->ends, 1) =
				(struct group_end){list, GROUP_END_GROUP, 0};
		}
		add_ports(&g->ports, IP_TCP, &c->tcp);
		add_ports(&g->ports, IP_UDP, &c->udp);
		group_at(b, &g->known, &like, &g->ends, &g->ports);
	}
}

void compile_groups(struct build *b)
{
	struct gathering g = {.ends = {.size = sizeof(struct group_end)},
			      .ports = {.size = sizeof(struct port_key)}};

	for (uint32_t i = 0; i < b->model->nconduits; i++) {
		const struct model_conduit *c = &b->model->conduits[b->conduit_order[i]];
		if (c->lane == LANE_SAFETY) {
			gather_safety(b, i, c, &g);
		} else {
			gather_rules(b, i, c, &g);
			if (c->mode != MODE_ENFORCE)
				gather_scope(b, i, c, &g);
		}
		intern_free(&g.known);
	}
	records_free(&g.ends);
	records_free(&g.ports);
}
