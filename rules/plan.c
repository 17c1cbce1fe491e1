/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules there are. A forwarded packet meets, in this order:
 *
 *   safety         the safety lane: untracked (raw table), accepted ahead of everything (rules/plan_safety.c)
 *   gate           rules/plan_island.c:
 *     island         what belongs to an isolated zone is dropped
 *     marked         what belongs to a session that an engine has reset gets a RST; a SYN makes a new session of it
 *     invalid        dropped: bad checksums, out of window, impossible flags
 *     override       tuples of an overridden zone: accepted without inspection
 *   opened         datagrams that an allowed message has opened the way for: accepted (rules/plan_opening.c)
 *   to_servers     tuples from client to server, by server: kernel lane accepted, inspected lane queued (rules/plan_lane.c)
 *   from_servers   their answers
 *   related        ICMP errors about an accepted session
 *   to_rest, from_rest   what is left of the scope of conduits that learn or shadow: queued
 *   drops          everything else is dropped, counted by cause and zone (rules/plan_ledger.c)
 *
 * Each rule costs every packet that comes by some ten nanoseconds, so the order is by frequency where meaning leaves a choice, and what is
 * rare is behind one comparison.
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

void plan_comment(const struct plan_rule *r, FILE *out)
{
	char name[48];

	fprintf(out, "otfw %s", r->label);
	for (size_t i = 0; i < PLAN_NAMES && r->names[i]; i++)
		fprintf(out, "%c%s", " / "[i], policy_clean(r->names[i], name, sizeof(name)));
}

uint16_t plan_queue_number(const struct plan *pl, unsigned queue)
{
	return pl->o->queue_nums ? pl->o->queue_nums[queue] : (uint16_t)(pl->o->queue_base + queue);
}

bool plan_wanted(const struct plan *pl, int family)
{
	return pl->o->backend == PLAN_NFT || family == 0 || family == pl->o->family;
}

void plan_put(const struct plan *pl, const struct plan_rule *r)
{
	int family = r->src ? plan_net_family(r->src) : r->dst ? plan_net_family(r->dst) : r->family;

	if (!plan_wanted(pl, family))
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

/* ---- fixed parts ---- */

#define RULE(in, ...) plan_put(pl, &(struct plan_rule){.table = TABLE_FILTER, .chain = in, __VA_ARGS__})

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

	plan_chain(pl, "related");
	/* Errors only: a redirect is related as well, and nobody's business across a conduit. */
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		RULE("related", .family = errors[i].family, .ipproto = errors[i].ipproto, .side = SIDE_ICMP,
		     .nports = 1, .ports = {{errors[i].type, errors[i].type}}, .ct = CT_RELATED,
		     .action = DO_GOTO, .to = "kernel", .label = "related");
}

/* Segments of a session are tried both ways. */
static void sessions(const struct plan *pl)
{
	plan_chain(pl, "sessions");
	RULE("sessions", .action = DO_JUMP, .to = "to_servers");
	RULE("sessions", .action = DO_JUMP, .to = "from_servers");
	if (plan_rest(pl)) {
		RULE("sessions", .action = DO_JUMP, .to = "to_rest");
		RULE("sessions", .action = DO_JUMP, .to = "from_rest");
	}
	RULE("sessions", .action = DO_GOTO, .to = "drops");
}

/* Has the policy a rule whose messages open the way for datagrams beside their session? */
static bool opens(const struct policy *p)
{
	struct policy_rule r;

	for (unsigned i = 0; policy_rule_get(p, i, &r); i++)
		if (r.lane == LANE_INSPECTED && r.proto >= 0 && proto_get((unsigned)r.proto)->opens)
			return true;
	return false;
}

static void forward(const struct plan *pl)
{
	plan_chain(pl, "forward");
	plan_safety(pl, SAFETY_ACCEPT);
	if (pl->o->bridge && pl->o->backend == PLAN_NFT)
		plan_ethertypes(pl, "otfw");
	RULE("forward", .action = DO_JUMP, .to = "gate");
	if (opens(pl->policy))
		RULE("forward", .ipproto = IPPROTO_UDP, .mark = PLAN_MARK_OPENED, .action = DO_GOTO,
		     .to = "kernel", .label = "opened");
	RULE("forward", .ipproto = IPPROTO_TCP, .syn = SYN_NOT, .action = DO_GOTO, .to = "sessions");
	RULE("forward", .ct = CT_ORIGINAL, .action = DO_JUMP, .to = "to_servers");
	RULE("forward", .not_ipproto = IPPROTO_TCP, .ct = CT_REPLY, .action = DO_JUMP, .to = "from_servers");
	RULE("forward", .family = 4, .ipproto = IPPROTO_ICMP, .action = DO_JUMP, .to = "related");
	RULE("forward", .family = 6, .ipproto = IPPROTO_ICMPV6, .action = DO_JUMP, .to = "related");
	if (plan_rest(pl)) {
		RULE("forward", .ct = CT_ORIGINAL, .action = DO_JUMP, .to = "to_rest");
		RULE("forward", .not_ipproto = IPPROTO_TCP, .ct = CT_REPLY, .action = DO_JUMP,
		     .to = "from_rest");
	}
	RULE("forward", .action = DO_GOTO, .to = "drops");
}

static void table_begin(const struct plan *pl, enum plan_table t)
{
	if (pl->o->backend == PLAN_IPTABLES)
		plan_iptables_open(t, pl->out);
}

static void table_end(const struct plan *pl)
{
	if (pl->o->backend == PLAN_IPTABLES)
		plan_iptables_close(pl->out);
}

/*
 * mangle, raw, filter, each a commit of its own. What is counted and cut on the way out comes first. raw before filter: between the two a
 * new safety lane is untracked and not yet accepted (dropped), an old one tracked and still accepted. IPv4 and IPv6 have
 * no flow in common. The chain `forward` is filled last, with everything that it leads to there.
 */
static void fill(const struct plan *pl)
{
	bool islands = !pl->o->keep_islands;

	table_begin(pl, TABLE_MANGLE);
	plan_ledger_mangle(pl);
	if (islands)
		plan_island_out(pl);
	table_end(pl);

	table_begin(pl, TABLE_RAW);
	plan_ledger_raw(pl);
	plan_chain(pl, "prerouting");
	plan_safety(pl, SAFETY_UNTRACK);
	table_end(pl);

	table_begin(pl, TABLE_FILTER);
	plan_chain(pl, "safety_queued");
	plan_safety(pl, SAFETY_QUEUED);
	plan_ledger_filter(pl);
	plan_safety_copies(pl);
	if (islands)
		plan_island_forward(pl);
	plan_lanes(pl);
	related(pl);
	sessions(pl);
	forward(pl);
	table_end(pl);
}

/* What is new first, then what waits: in between a packet that waited may leave, none comes to wait. */
static void island(const struct plan *pl)
{
	table_begin(pl, TABLE_FILTER);
	plan_island_forward(pl);
	table_end(pl);
	table_begin(pl, TABLE_MANGLE);
	plan_island_out(pl);
	table_end(pl);
}

int plan_print(const struct policy *p, const struct plan_options *o, enum plan_part part, FILE *out)
{
	struct plan pl = {.policy = p, .o = o, .out = out};
	bool nft = o->backend == PLAN_NFT;

	errno = 0;
	if (o->backend == PLAN_LINK)
		return plan_link(&pl, part);
	switch (part) {
	case PLAN_BASE: (nft ? plan_nft_base : plan_iptables_base)(o, out); break;
	case PLAN_REMOVE: (nft ? plan_nft_remove : plan_iptables_remove)(o, out); break;
	case PLAN_ISLAND: island(&pl); break;
	case PLAN_FILL:
		if (plan_collect(&pl) < 0) {
			plan_release(&pl);
			errno = ENOMEM;
			return -1;
		}
		fill(&pl);
		plan_release(&pl);
		break;
	}
	return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
