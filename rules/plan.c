/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules there are. A forwarded packet meets, in this order:
 *
 *   safety         the safety lane: untracked (raw table), accepted ahead of everything
 *   island         what belongs to an isolated zone is dropped (rules/plan_island.c)
 *   reset          what belongs to a session that an engine has reset gets a RST; a SYN makes a new session of it
 *   invalid        dropped: bad checksums, out of window, impossible flags
 *   override       tuples of an overridden zone: accepted without inspection
 *   to_servers     tuples from client to server, by server: kernel lane accepted, inspected lane queued
 *   from_servers   their answers
 *   related        ICMP errors about an accepted session
 *   drops          everything else is dropped, counted by cause and zone (rules/plan_ledger.c)
 *
 * A TCP session opens with a SYN from the client, and only in that direction; other segments may also belong to a session that was there
 * before the ruleset, whose "original" direction conntrack may have guessed wrong: so they are tried both ways. That opens
 * nothing: without a SYN no session begins. Everything else follows conntrack's direction strictly.
 *
 * Only forwarded packets are touched, never what the firewall host itself sends or receives.
 */
#include "rules/plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "rules/plan_rule.h"

int plan_net_family(const struct policy_net *n)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return n->plen >= 96 && memcmp(n->ip, mapped, sizeof(mapped)) == 0 ? 4 : 6;
}

const char *plan_net(const struct policy_net *n, char *buf, size_t cap)
{
	char ip[INET6_ADDRSTRLEN];
	bool v4 = plan_net_family(n) == 4;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? n->ip + 12 : n->ip, ip, sizeof(ip));
	if (n->plen == 128)
		snprintf(buf, cap, "%s", ip);
	else
		snprintf(buf, cap, "%s/%u", ip, v4 ? n->plen - 96u : n->plen);
	return buf;
}

static uint16_t queue_number(const struct plan *pl, uint16_t queue)
{
	return pl->o->queue_nums ? pl->o->queue_nums[queue] : (uint16_t)(pl->o->queue_base + queue);
}

static bool wanted(const struct plan *pl, int family)
{
	return pl->o->backend == PLAN_NFT || family == 0 || family == pl->o->family;
}

void plan_put(const struct plan *pl, const struct plan_rule *r)
{
	int family = r->src ? plan_net_family(r->src) : r->dst ? plan_net_family(r->dst) : r->family;

	if (!wanted(pl, family))
		return;
	if (pl->o->backend == PLAN_NFT)
		plan_nft_rule(pl->o, r, pl->out);
	else
		plan_iptables_rule(pl->o, r, pl->out);
}

void plan_chain(const struct plan *pl, const char *name)
{
	if (pl->o->backend == PLAN_NFT)
		plan_nft_chain(pl->o, name, pl->out);
	else
		plan_iptables_chain(name, pl->out);
}

/* ---- collecting ---- */

static int by_lane_server_client(const void *va, const void *vb)
{
	const struct policy_flow *a = va, *b = vb;
	int d;

	/* Inspected before kernel: where both name a tuple, it is looked at. Longer prefixes first. */
	if (a->lane != b->lane)
		return a->lane == LANE_INSPECTED ? -1 : 1;
	if (a->server.plen != b->server.plen)
		return a->server.plen > b->server.plen ? -1 : 1;
	if ((d = memcmp(a->server.ip, b->server.ip, 16)) != 0)
		return d;
	if (a->client.plen != b->client.plen)
		return a->client.plen > b->client.plen ? -1 : 1;
	if ((d = memcmp(a->client.ip, b->client.ip, 16)) != 0)
		return d;
	if (a->ipproto != b->ipproto)
		return a->ipproto < b->ipproto ? -1 : 1;
	if (a->queue != b->queue)
		return a->queue < b->queue ? -1 : 1;
	if (a->conduit != b->conduit)
		return a->conduit < b->conduit ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

static bool same_server(const struct policy_flow *a, const struct policy_flow *b)
{
	return a->lane == b->lane && a->server.plen == b->server.plen &&
	       memcmp(a->server.ip, b->server.ip, 16) == 0;
}

/* Same rule but for the ports. A kernel lane rule keeps counters of its own, inspected ones share their conduit's. */
static bool same_but_ports(const struct policy_flow *a, const struct policy_flow *b)
{
	return same_server(a, b) && a->client.plen == b->client.plen &&
	       memcmp(a->client.ip, b->client.ip, 16) == 0 && a->ipproto == b->ipproto &&
	       a->queue == b->queue && a->conduit == b->conduit &&
	       (a->lane == LANE_INSPECTED || a->rule == b->rule);
}

static int collect(struct plan *pl)
{
	unsigned n = policy_flows(pl->policy);

	pl->flows = calloc(n + 1u, sizeof(*pl->flows));
	pl->safety = calloc(n + 1u, sizeof(*pl->safety));
	if (!pl->flows || !pl->safety)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		struct policy_flow f;

		if (!policy_flow_get(pl->policy, i, &f) || !wanted(pl, plan_net_family(&f.server)))
			continue;
		if (f.lane == LANE_SAFETY)
			pl->safety[pl->nsafety++] = f;
		else if (f.lane == LANE_KERNEL || f.lane == LANE_INSPECTED)
			pl->flows[pl->nflows++] = f;
	}
	qsort(pl->flows, pl->nflows, sizeof(*pl->flows), by_lane_server_client);
	return 0;
}

/* ---- tracked lanes ---- */

/* The ICMP type that answers one, or -1. */
static int icmp_answer(uint8_t ipproto, unsigned type)
{
	if (ipproto == IPPROTO_ICMPV6)
		return type == 128 ? 129 : -1;
	switch (type) {
	case 8: return 0;
	case 13: return 14;
	case 15: return 16;
	case 17: return 18;
	default: return -1;
	}
}

static void icmp_rules(const struct plan *pl, struct plan_rule *r, const struct policy_flow *f, bool back)
{
	r->side = SIDE_ICMP;
	if (f->lo == 0 && f->hi >= 255) {
		r->side = SIDE_NONE;
		plan_put(pl, r);
		return;
	}
	for (unsigned type = f->lo; type <= f->hi && type <= 255; type++) {
		int t = back ? icmp_answer(f->ipproto, type) : (int)type;

		if (t < 0)
			continue;
		r->nports = 1;
		r->ports[0] = (struct plan_range){(uint16_t)t, (uint16_t)t};
		plan_put(pl, r);
	}
}

/* The rules for flows a..b-1, which differ by their ports only; back: for the answers. */
static void flow_rules(const struct plan *pl, const char *name, size_t a, size_t b, bool back)
{
	const struct policy_flow *f = &pl->flows[a];
	struct policy_conduit c = {.name = "?"};
	struct policy_rule pr = {.id = NULL};
	char queue[PLAN_CHAIN_NAME];
	struct plan_rule r = {
		.table = TABLE_FILTER,
		.chain = name,
		.ipproto = f->ipproto,
		.side = back ? SIDE_SPORT : SIDE_DPORT,
		.action = DO_GOTO,
		.to = "kernel",
		.label = "kernel",
	};

	/* The chain itself was chosen by the server's address. */
	if (back)
		r.dst = &f->client;
	else
		r.src = &f->client;
	policy_conduit_get(pl->policy, f->conduit, &c);
	r.names[0] = c.name;
	if (f->lane == LANE_INSPECTED) {
		snprintf(queue, sizeof(queue), "queue_%u", queue_number(pl, f->queue));
		r.to = queue;
		r.label = "inspected";
	} else if (f->rule != POLICY_NO_RULE && policy_rule_get(pl->policy, f->rule, &pr)) {
		r.names[1] = pr.id;
	}
	if (f->ipproto == IPPROTO_ICMP || f->ipproto == IPPROTO_ICMPV6) {
		for (size_t i = a; i < b; i++)
			icmp_rules(pl, &r, &pl->flows[i], back);
		return;
	}
	for (size_t i = a; i < b; i++) {
		r.ports[r.nports++] = (struct plan_range){pl->flows[i].lo, pl->flows[i].hi};
		if (r.nports == PLAN_PORTS || i + 1 == b) {
			plan_put(pl, &r);
			r.nports = 0;
		}
	}
}

/* Calls each(server's first flow, past its last, number) for every server of every lane. */
static void each_server(const struct plan *pl, bool back,
			void (*each)(const struct plan *, size_t, size_t, unsigned, bool))
{
	unsigned k = 0;

	for (size_t a = 0, b; a < pl->nflows; a = b, k++) {
		for (b = a + 1; b < pl->nflows && same_server(&pl->flows[a], &pl->flows[b]); b++)
			;
		each(pl, a, b, k, back);
	}
}

static void server_name(char *buf, unsigned k, bool back)
{
	snprintf(buf, PLAN_CHAIN_NAME, "%s_%u", back ? "from" : "to", k);
}

/*
 * The rules of one server, found by the client's address: a kernel that has only lists looks through them one by one, so a long
 * list becomes a tree. A node is a chain; where more than LEAF rules of one prefix length would stand in it, it holds a jump for
 * each of the up to 2^BRANCH_BITS prefixes they share, and they stand in the chains behind. Who is in none comes back and goes on.
 */
#define LEAF        8u
#define BRANCH_BITS 4u

struct tree {
	const struct plan *pl;
	unsigned server, chains;
	bool back, declare;
};

/* The first flow behind a that needs a rule of its own. */
static size_t rule_end(const struct plan *pl, size_t a, size_t b)
{
	size_t j = a + 1;

	while (j < b && same_but_ports(&pl->flows[a], &pl->flows[j]))
		j++;
	return j;
}

static unsigned rule_count(const struct plan *pl, size_t a, size_t b)
{
	unsigned n = 0;

	for (; a < b; a = rule_end(pl, a, b))
		n++;
	return n;
}

static unsigned common_bits(const uint8_t a[16], const uint8_t b[16])
{
	unsigned n = 0;

	while (n < 128 && ((a[n / 8] ^ b[n / 8]) >> (7 - n % 8) & 1) == 0)
		n++;
	return n;
}

static void prefix(struct policy_net *out, const struct policy_net *in, unsigned bits)
{
	*out = *in;
	out->plen = (uint8_t)bits;
	for (unsigned i = bits; i < 128; i++)
		out->ip[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

/* Flows a..b-1, of one server and one prefix length, in the order of their clients, into the chain of that name. */
static void tree_fill(struct tree *t, const char *name, size_t a, size_t b)
{
	const struct policy_flow *v = t->pl->flows;
	unsigned shared = common_bits(v[a].client.ip, v[b - 1].client.ip);

	/* The depth is bounded: each level takes at least one bit of the address. */
	if (rule_count(t->pl, a, b) <= LEAF || shared >= v[a].client.plen) {
		for (size_t j; a < b && !t->declare; a = j) {
			j = rule_end(t->pl, a, b);
			flow_rules(t->pl, name, a, j, t->back);
		}
		return;
	}
	unsigned bits = shared + BRANCH_BITS < v[a].client.plen ? shared + BRANCH_BITS : v[a].client.plen;
	for (size_t j; a < b; a = j) {
		char child[PLAN_CHAIN_NAME];
		struct policy_net net;
		struct plan_rule r = {.table = TABLE_FILTER, .chain = name, .action = DO_JUMP, .to = child};

		for (j = a + 1; j < b && common_bits(v[a].client.ip, v[j].client.ip) >= bits; j++)
			;
		if (rule_count(t->pl, a, j) == 1) {
			if (!t->declare)
				flow_rules(t->pl, name, a, j, t->back);
			continue;
		}
		snprintf(child, sizeof(child), "%s_%u_%u", t->back ? "from" : "to", t->server, t->chains++);
		prefix(&net, &v[a].client, bits);
		if (t->back)
			r.dst = &net;
		else
			r.src = &net;
		if (t->declare)
			plan_chain(t->pl, child);
		else
			plan_put(t->pl, &r);
		tree_fill(t, child, a, j);
	}
}

static void server_tree(const struct plan *pl, size_t a, size_t b, unsigned k, bool back, bool declare)
{
	struct tree t = {.pl = pl, .server = k, .back = back, .declare = declare};
	char name[PLAN_CHAIN_NAME];

	server_name(name, k, back);
	if (declare)
		plan_chain(pl, name);
	for (size_t i = a, j; i < b; i = j) {
		for (j = i + 1; j < b && pl->flows[j].client.plen == pl->flows[i].client.plen; j++)
			;
		tree_fill(&t, name, i, j);
	}
}

static void server_chain(const struct plan *pl, size_t a, size_t b, unsigned k, bool back)
{
	server_tree(pl, a, b, k, back, true);
}

static void server_rules(const struct plan *pl, size_t a, size_t b, unsigned k, bool back)
{
	server_tree(pl, a, b, k, back, false);
}

static void server_jump(const struct plan *pl, size_t a, size_t b, unsigned k, bool back)
{
	char name[PLAN_CHAIN_NAME];
	struct plan_rule r = {
		.table = TABLE_FILTER,
		.chain = back ? "from_servers" : "to_servers",
		.action = DO_JUMP,
		.to = name,
	};

	(void)b;
	if (back)
		r.src = &pl->flows[a].server;
	else
		r.dst = &pl->flows[a].server;
	server_name(name, k, back);
	plan_put(pl, &r);
}

/* ---- fixed parts ---- */

#define FORWARD(...) plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER, .chain = "forward", __VA_ARGS__})

/* Frames that are not IP cross a bridge only when they are named; 802.3/LLC has no EtherType and is never named. */
static void ethertypes(const struct plan *pl, const char *table)
{
	uint16_t lo, hi;

	fprintf(pl->out,
		"add rule bridge %s forward ether type arp counter accept comment \"otfw ethertype\"\n",
		table);
	/* A range may span IP's own: those are never meant. */
	for (unsigned i = 0; policy_ethertype(pl->policy, i, &lo, &hi); i++)
		fprintf(pl->out,
			"add rule bridge %s forward ether type != { ip, ip6 } ether type 0x%04x-0x%04x counter accept comment \"otfw ethertype\"\n",
			table, lo, hi);
	fprintf(pl->out,
		"add rule bridge %s forward ether type != { ip, ip6 } counter drop comment \"otfw ethertype-unlisted\"\n",
		table);
}

/* IP frames go on to iptables. */
static void link_fill(const struct plan *pl)
{
	fputs("flush chain bridge otfw_link forward\n", pl->out);
	ethertypes(pl, "otfw_link");
	fputs("add rule bridge otfw_link forward accept\n", pl->out);
}

static int link_print(const struct plan *pl, enum plan_part part)
{
	switch (part) {
	case PLAN_BASE:
		/* Ahead of br_netfilter; drops until it is filled. */
		fputs("table bridge otfw_link {\n\tchain forward {\n\t}\n\tchain hook_forward {\n"
		      "\t\ttype filter hook forward priority -200; policy drop;\n\t}\n}\n"
		      "flush chain bridge otfw_link hook_forward\n"
		      "add rule bridge otfw_link hook_forward jump forward\n",
		      pl->out);
		break;
	case PLAN_FILL: link_fill(pl); break;
	case PLAN_ISLAND: break;
	case PLAN_REMOVE:
		fputs("add table bridge otfw_link\ndelete table bridge otfw_link\n", pl->out);
		break;
	}
	return fflush(pl->out) != 0 || ferror(pl->out) ? -1 : 0;
}

static void related(const struct plan *pl)
{
	static const struct {
		int family;
		uint8_t ipproto;
		uint8_t type;
	} errors[] = {
		{4, IPPROTO_ICMP, 3},   /* destination unreachable, fragmentation needed */
		{4, IPPROTO_ICMP, 11},  /* time exceeded */
		{4, IPPROTO_ICMP, 12},  /* parameter problem */
		{6, IPPROTO_ICMPV6, 1}, /* destination unreachable */
		{6, IPPROTO_ICMPV6, 2}, /* packet too big */
		{6, IPPROTO_ICMPV6, 3}, /* time exceeded */
		{6, IPPROTO_ICMPV6, 4}, /* parameter problem */
	};

	/* Errors only: a redirect is related as well, and nobody's business across a conduit. */
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		FORWARD(.family = errors[i].family, .ipproto = errors[i].ipproto, .side = SIDE_ICMP,
			.nports = 1, .ports = {{errors[i].type, errors[i].type}}, .ct = CT_RELATED,
			.action = DO_GOTO, .to = "kernel", .label = "related");
}

static void neighbours(const struct plan *pl)
{
	/* On a bridge neighbour discovery crosses the forward hook; without it no IPv6 host finds another. */
	for (uint16_t type = 135; type <= 136; type++)
		FORWARD(.family = 6, .ipproto = IPPROTO_ICMPV6, .side = SIDE_ICMP, .nports = 1,
			.ports = {{type, type}}, .hops_255 = true, .action = DO_GOTO, .to = "kernel",
			.label = "neighbour");
}

static void forward(const struct plan *pl)
{
	FORWARD(.action = DO_JUMP, .to = "safety");
	FORWARD(.action = DO_JUMP, .to = "island");
	if (pl->o->bridge && pl->o->backend == PLAN_NFT)
		ethertypes(pl, "otfw");
	if (pl->o->bridge)
		neighbours(pl);
	FORWARD(.ipproto = IPPROTO_TCP, .syn = SYN_ONLY, .dead = true, .action = DO_CONNMARK, .value = 0,
		.label = "reconnect");
	/* nft's bridge family has no reject in forward: there the engine itself answers what still comes. */
	if (!(pl->o->bridge && pl->o->backend == PLAN_NFT))
		FORWARD(.ipproto = IPPROTO_TCP, .syn = SYN_NOT, .dead = true, .action = DO_GOTO,
			.to = "drops");
	FORWARD(.ct = CT_INVALID, .action = DO_GOTO, .to = "drops");
	FORWARD(.action = DO_JUMP, .to = "override");
	FORWARD(.ct = CT_ORIGINAL, .action = DO_JUMP, .to = "to_servers");
	FORWARD(.ipproto = IPPROTO_TCP, .syn = SYN_NOT, .action = DO_JUMP, .to = "from_servers");
	FORWARD(.not_ipproto = IPPROTO_TCP, .ct = CT_REPLY, .action = DO_JUMP, .to = "from_servers");
	FORWARD(.ipproto = IPPROTO_TCP, .syn = SYN_NOT, .ct = CT_REPLY, .action = DO_JUMP,
		.to = "to_servers");
	related(pl);
	FORWARD(.action = DO_JUMP, .to = "drops");
}

static void queues(const struct plan *pl, bool declare)
{
	for (unsigned i = 0; i < policy_queues(pl->policy); i++) {
		struct policy_queue q;
		char name[PLAN_CHAIN_NAME];
		struct plan_rule r = {.table = TABLE_FILTER, .chain = name};

		policy_queue_get(pl->policy, i, &q);
		snprintf(name, sizeof(name), "queue_%u", queue_number(pl, (uint16_t)i));
		if (declare) {
			plan_chain(pl, name);
			continue;
		}
		for (int family = 4; family <= 6; family += 2) {
			r.family = family;
			r.ipproto = IPPROTO_TCP;
			r.pure_ack = true;
			r.action = DO_GOTO;
			r.to = "kernel";
			r.label = "ack";
			plan_put(pl, &r);
		}
		plan_safety_guard(pl, name);
		r = (struct plan_rule){
			.table = TABLE_FILTER, .chain = name, .action = DO_MARK, .value = PLAN_MARK_QUEUED};
		plan_put(pl, &r);
		r.action = DO_QUEUE;
		r.value = queue_number(pl, (uint16_t)i);
		r.bypass = q.failure == FAILURE_OPEN;
		r.label = "queue";
		r.names[0] = q.engine && *q.engine ? q.engine : "common";
		plan_put(pl, &r);
	}
}

static void accepts(const struct plan *pl)
{
	static const struct {
		const char *chain;
		uint32_t mark;
	} ends[] = {{"safety_accept", PLAN_MARK_SAFETY}, {"kernel", PLAN_MARK_KERNEL}};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER,
						 .chain = ends[i].chain,
						 .action = DO_MARK,
						 .value = ends[i].mark});
		plan_put(pl, &(struct plan_rule){
				     .table = TABLE_FILTER, .chain = ends[i].chain, .action = DO_ACCEPT});
	}
}

/*
 * mangle, raw, filter, mangle: what an isolated zone is in this policy is cut on the way out before anything else changes, and in the
 * forward chain together with it.
 * raw before filter, each a commit of its own: between the two a new safety lane is untracked and not yet accepted (dropped),
 * an old one tracked and still accepted. What counts safety packets in and out is one commit (mangle), so that both begin
 * anew at the same time. IPv4 and IPv6 have no flow in common.
 */
static void fill(const struct plan *pl)
{
	static const char *const fixed[] = {"forward", "safety",     "safety_accept", "safety_queued",
					    "kernel",  "to_servers", "from_servers"};
	bool ipt = pl->o->backend == PLAN_IPTABLES;

	bool islands = !pl->o->keep_islands;

	if (ipt && islands) {
		plan_iptables_open(TABLE_MANGLE, pl->out);
		plan_island_out(pl);
		plan_iptables_close(pl->out);
	}
	if (ipt)
		plan_iptables_open(TABLE_RAW, pl->out);
	plan_chain(pl, "prerouting");
	plan_safety(pl, SAFETY_UNTRACK);
	if (ipt) {
		plan_iptables_close(pl->out);
		plan_iptables_open(TABLE_FILTER, pl->out);
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		plan_chain(pl, fixed[i]);
	plan_safety_copies(pl, true);
	queues(pl, true);
	each_server(pl, false, server_chain);
	each_server(pl, true, server_chain);
	plan_ledger_filter(pl->policy, pl->o, pl->out);
	if (islands)
		plan_island_forward(pl);
	if (islands && !ipt)
		plan_island_out(pl);
	forward(pl);
	plan_safety(pl, SAFETY_ACCEPT);
	plan_safety_copies(pl, false);
	plan_safety(pl, SAFETY_QUEUED);
	accepts(pl);
	queues(pl, false);
	each_server(pl, false, server_rules);
	each_server(pl, true, server_rules);
	each_server(pl, false, server_jump);
	each_server(pl, true, server_jump);
	if (ipt) {
		plan_iptables_close(pl->out);
		plan_iptables_open(TABLE_MANGLE, pl->out);
	}
	plan_chain(pl, "safety_in");
	plan_chain(pl, "safety_out");
	plan_safety(pl, SAFETY_IN);
	plan_safety(pl, SAFETY_OUT);
	plan_ledger_mangle(pl->policy, pl->o, pl->out);
	if (ipt)
		plan_iptables_close(pl->out);
}

/* What is new first, then what waits: in between a packet that waited may leave, none comes to wait. */
static void island(const struct plan *pl)
{
	bool ipt = pl->o->backend == PLAN_IPTABLES;

	if (ipt)
		plan_iptables_open(TABLE_FILTER, pl->out);
	plan_island_forward(pl);
	if (ipt) {
		plan_iptables_close(pl->out);
		plan_iptables_open(TABLE_MANGLE, pl->out);
	}
	plan_island_out(pl);
	if (ipt)
		plan_iptables_close(pl->out);
}

int plan_print(const struct policy *p, const struct plan_options *o, enum plan_part part, FILE *out)
{
	struct plan pl = {.policy = p, .o = o, .out = out};
	bool nft = o->backend == PLAN_NFT;

	errno = 0;
	if (o->backend == PLAN_LINK)
		return link_print(&pl, part);
	switch (part) {
	case PLAN_BASE: (nft ? plan_nft_base : plan_iptables_base)(o, out); break;
	case PLAN_REMOVE: (nft ? plan_nft_remove : plan_iptables_remove)(o, out); break;
	case PLAN_ISLAND: island(&pl); break;
	case PLAN_FILL:
		if (collect(&pl) == 0)
			fill(&pl);
		free(pl.flows);
		free(pl.safety);
		if (!pl.flows || !pl.safety) {
			errno = ENOMEM;
			return -1;
		}
		break;
	}
	return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
