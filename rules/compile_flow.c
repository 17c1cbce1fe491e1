/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boxes of the hook plan: what each group lets into its lane, in networks and ports. */
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

static int flow_cmp(const void *x, const void *y)
{
	const struct image_flow *a = x, *b = y;
	int c;

	if (a->conduit != b->conduit)
		return a->conduit < b->conduit ? -1 : 1;
	if (a->lane != b->lane)
		return a->lane < b->lane ? -1 : 1;
	if (a->ipproto != b->ipproto)
		return a->ipproto < b->ipproto ? -1 : 1;
	if ((c = memcmp(a->client.ip, b->client.ip, 16)) != 0)
		return c;
	if (a->client.plen != b->client.plen)
		return a->client.plen < b->client.plen ? -1 : 1;
	if ((c = memcmp(a->server.ip, b->server.ip, 16)) != 0)
		return c;
	if (a->server.plen != b->server.plen)
		return a->server.plen < b->server.plen ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

/* Equal boxes: the lowest rule first, a scope (IMAGE_NONE) last. */
static int flow_rule_cmp(const void *x, const void *y)
{
	const struct image_flow *a = x, *b = y;
	int c = flow_cmp(x, y);

	if (c != 0)
		return c;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool is_v4(const struct image_net *n)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return n->plen >= 96 && memcmp(n->ip, mapped, sizeof(mapped)) == 0;
}

/* A list of addresses as networks again: each range of a list is one net, for lists are made of nets. */
static void list_nets(const struct build *b, uint32_t list, struct records *out)
{
	const struct image_span *s = (const struct image_span *)b->list_spans.v + list;
	const struct policy_ip *r = b->list_ranges.v;

	out->n = 0;
	for (uint32_t i = s->at; i < s->at + s->n; i++) {
		struct policy_ip lo = r[2 * (size_t)i], hi = r[2 * (size_t)i + 1];
		struct image_net *net = records_add(out, 1);
		uint64_t free_hi = lo.hi ^ hi.hi, free_lo = lo.lo ^ hi.lo;
		net->plen = 128;
		for (; free_lo != 0; free_lo >>= 1)
			net->plen--;
		for (; free_hi != 0; free_hi >>= 1)
			net->plen--;
		for (unsigned k = 0; k < 8; k++) {
			net->ip[k] = (uint8_t)(lo.hi >> (56 - 8 * k));
			net->ip[8 + k] = (uint8_t)(lo.lo >> (56 - 8 * k));
		}
	}
}

static bool group_flows(struct build *b, const struct rule_group *g, struct records *out,
			struct records *clients, struct records *servers)
{
	const struct group_end *ends = (const struct group_end *)b->ends.v + g->ends.at;
	const struct port_key *ports = (const struct port_key *)b->ports.v + g->ports.at;

	list_nets(b, g->clients, clients);
	const struct image_net *c = clients->v;
	for (uint32_t e = 0; e < g->ends.n; e++) {
		/* Stations of one gateway share its address. */
		if (e > 0 && ends[e].list == ends[e - 1].list && ends[e].flags == ends[e - 1].flags)
			continue;
		list_nets(b, ends[e].list, servers);
		const struct image_net *s = servers->v;
		if (out->n + clients->n * servers->n * g->ports.n > COMPILE_FLOWS_MAX) {
			diag_error(b->diag, g->pos,
				   "the policy needs more than %u entries in the kernel's tables",
				   COMPILE_FLOWS_MAX);
			return false;
		}
		for (size_t i = 0; i < clients->n; i++) {
			for (size_t k = 0; k < servers->n; k++) {
				bool v4 = is_v4(&c[i]);
				if (v4 != is_v4(&s[k]))
					continue;
				for (uint32_t p = 0; p < g->ports.n; p++) {
					uint32_t ipproto = ports[p].lo >> 16;
					if ((ipproto == 1 && !v4) || (ipproto == 58 && v4))
						continue;
					*(struct image_flow *)records_add(out, 1) = (struct image_flow){
						.client = c[i],
						.server = s[k],
						.conduit = g->conduit,
						.rule = g->rules.n > 0
								? ((const uint32_t *)
									   b->group_rules.v)[g->rules.at]
								: IMAGE_NONE,
						.lane = g->lane,
						.lo = (uint16_t)ports[p].lo,
						.hi = (uint16_t)ports[p].hi,
						.ipproto = ipproto,
						.multicast = (ends[e].flags & GROUP_END_GROUP) != 0};
				}
			}
		}
	}
	return true;
}

void compile_flows(struct build *b)
{
	struct records out = {.size = sizeof(struct image_flow)},
		       clients = {.size = sizeof(struct image_net)},
		       servers = {.size = sizeof(struct image_net)};
	const struct rule_group *g = b->groups.v;
	bool ok = true;

	for (size_t i = 0; i < b->groups.n && ok; i++)
		ok = group_flows(b, &g[i], &out, &clients, &servers);
	const struct image_flow *f = out.v;
	if (out.n > 0)
		qsort(out.v, out.n, sizeof(*f), flow_rule_cmp);
	for (size_t i = 0; i < out.n && ok; i++)
		if (i == 0 || flow_cmp(&f[i], &f[i - 1]) != 0)
			*(struct image_flow *)build_add(b, IMAGE_FLOWS, 1) = f[i];
	records_free(&out);
	records_free(&clients);
	records_free(&servers);
}
