/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger's share of the ruleset. A packet is booked under the zone it is for; where its destination lies in no zone (a multicast
 * group), under the zone it comes from; else under "no-zone". Rules cost, so each packet is counted where its way ends anyway, and once:
 *
 *   in the forward chain   accepted (safety, kernel lane, override), dropped (by cause), or given to a queue
 *   on the way out         by the mark that says who let it go, if it had waited in a queue; or isolated
 *
 * What enters the forward chain is counted by the rule that leads there; it equals the sum of the first. What was given to a queue and
 * did not leave was dropped behind it, or got lost: the difference says how many, the engine's and the guardian's books say why.
 *
 * An account must survive a reload, which replaces the rules around it. So every zone has chains of its own, found by its name and not by its
 * number in the policy, that are made once and never touched again; what a reload replaces only leads to them. With nft counter objects do the
 * same. Where a rule knows the zone of what it matches it leads there directly; only what it cannot know is found by address.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "rules/plan_rule.h"

#define NO_ZONE "no-zone"

/* What waited in a queue and leaves, the likeliest first. */
static const struct {
	uint32_t mark;
	const char *name;
} marks[] = {
	{PLAN_MARK_INSPECTED, "inspected"}, {PLAN_MARK_RELEASED, "released"}, {PLAN_MARK_PASSED, "passed"},
	{PLAN_MARK_QUEUED, "unseen"},       {PLAN_MARK_RESET, "reset"},
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

/* ---- names ---- */

#define HASH 2166136261u

static uint32_t hash(uint32_t h, const void *p, size_t n)
{
	const uint8_t *at = p;

	for (; n > 0; n--)
		h = (h ^ *at++) * 16777619u;
	return h;
}

static const char *zone_name(const struct policy *p, unsigned zone)
{
	struct policy_zone z = {.name = NO_ZONE};

	policy_zone_get(p, zone, &z);
	return z.name;
}

/* The account's number of a zone: the hash of its name, salted should an earlier zone have the same one. */
static uint32_t zone_key(const struct policy *p, unsigned zone)
{
	const char *name = zone_name(p, zone);
	uint32_t salt = 0, key = hash(HASH, name, strlen(name));

	for (unsigned i = 0; i < zone; i++) {
		const char *other = zone_name(p, i);

		salt += hash(HASH, other, strlen(other)) == key;
	}
	return salt ? hash(HASH ^ salt, name, strlen(name)) : key;
}

unsigned plan_zone(const struct policy *p, const struct policy_net *to, const struct policy_net *from)
{
	int zone = policy_zone_of(p, to->ip);

	if (zone < 0)
		zone = policy_zone_of(p, from->ip);
	return zone < 0 ? policy_zones(p) : (unsigned)zone;
}

static const struct {
	const char *chain;
	enum plan_table table;
} accounts[ACCOUNTS] = {
	[ACCOUNT_KERNEL] = {"kernel", TABLE_FILTER},  [ACCOUNT_OVERRIDE] = {"over", TABLE_FILTER},
	[ACCOUNT_DROP_TO] = {"dropto", TABLE_FILTER}, [ACCOUNT_DROP_FROM] = {"dropfrom", TABLE_FILTER},
	[ACCOUNT_BAD] = {"bad", TABLE_FILTER},        [ACCOUNT_CUT] = {"cut", TABLE_FILTER},
	[ACCOUNT_OUT] = {"out", TABLE_MANGLE},        [ACCOUNT_CUT_OUT] = {"cutout", TABLE_MANGLE},
};

const char *plan_account(const struct policy *p, enum plan_account kind, unsigned zone,
			 char buf[PLAN_ACCOUNT])
{
	snprintf(buf, PLAN_ACCOUNT, "%s_%08x", accounts[kind].chain, zone_key(p, zone));
	return buf;
}

/* Everything that such an account says is in its name, so that it never needs to change. */
const char *plan_account_queue(const struct plan *pl, unsigned queue, bool tcp, unsigned zone,
			       char buf[PLAN_ACCOUNT])
{
	const char *name = zone_name(pl->policy, zone);
	struct policy_queue q = {.engine = NULL};
	uint32_t key = zone_key(pl->policy, zone);
	uint8_t more[4];

	policy_queue_get(pl->policy, queue, &q);
	more[0] = (uint8_t)(plan_queue_number(pl, queue) >> 8);
	more[1] = (uint8_t)plan_queue_number(pl, queue);
	more[2] = (uint8_t)((q.failure == FAILURE_OPEN) | tcp << 1);
	more[3] = plan_safety_has(pl, tcp ? IPPROTO_TCP : IPPROTO_UDP);
	key = hash(key, name, strlen(name));
	key = hash(key, more, sizeof(more));
	if (q.engine)
		key = hash(key, q.engine, strlen(q.engine));
	snprintf(buf, PLAN_ACCOUNT, "queue_%08x", key);
	return buf;
}

/* The zone that a direction of a safety flow is booked under. */
static unsigned flow_zone(const struct plan *pl, size_t flow, bool back)
{
	const struct policy_flow *f = &pl->safety[flow];

	return back ? plan_zone(pl->policy, &f->client, &f->server)
		    : plan_zone(pl->policy, &f->server, &f->client);
}

const char *plan_account_flow(const struct plan *pl, size_t flow, bool back, bool out, char buf[PLAN_ACCOUNT])
{
	const struct policy_flow *f = &pl->safety[flow];
	struct policy_conduit c = {.name = "?"};
	uint8_t more[6] = {f->ipproto,    back, (uint8_t)(f->lo >> 8), (uint8_t)f->lo, (uint8_t)(f->hi >> 8),
			   (uint8_t)f->hi};
	uint32_t key;

	policy_conduit_get(pl->policy, f->conduit, &c);
	key = hash(HASH, c.name, strlen(c.name));
	key = hash(key, f->client.ip, 16);
	key = hash(key, &f->client.plen, 1);
	key = hash(key, f->server.ip, 16);
	key = hash(key, &f->server.plen, 1);
	key = hash(key, more, sizeof(more));
	if (out) {
		const char *zone = zone_name(pl->policy, flow_zone(pl, flow, back));

		key = hash(key, zone, strlen(zone));
	}
	snprintf(buf, PLAN_ACCOUNT, "%s_%08x", out ? "flowend" : "flowin", key);
	return buf;
}

/* ---- one account ---- */

struct account {
	const struct plan *pl;
	enum plan_table table;
	const char *zone;
	char chain[PLAN_ACCOUNT]; /* "dropto_89abcdef" */
};

/* True when its rules are to be printed: it is not there, or (nft) its counters are kept apart from its rules. */
static bool account_open(const struct account *a)
{
	const struct plan_options *o = a->pl->o;
	char line[PLAN_ACCOUNT + 16];

	if (o->backend == PLAN_NFT) {
		plan_chain(a->pl, a->chain);
		return true;
	}
	snprintf(line, sizeof(line), "otfw-%s\n", a->chain);
	if (o->accounts && strstr(o->accounts, line))
		return false;
	/* Not a chain line: that would empty it. */
	fprintf(a->pl->out, "-N otfw-%s\n", a->chain);
	return true;
}

static void account_rule(const struct account *a, struct plan_rule r, const char *what)
{
	char counter[PLAN_ACCOUNT + 16];

	if (what)
		snprintf(counter, sizeof(counter), "%s_%s", a->chain, what);
	r.table = a->table;
	r.chain = a->chain;
	r.account = what ? counter : NULL;
	if (r.label && !r.names[0])
		r.names[0] = a->zone;
	plan_put(a->pl, &r);
}
#define RULE(a, what, ...) account_rule(a, (struct plan_rule){__VA_ARGS__}, what)

static void account_accept(const struct account *a, uint32_t mark, const char *label)
{
	RULE(a, "all", .action = DO_MARK, .value = mark, .label = label);
	RULE(a, NULL, .action = DO_ACCEPT);
}

static void account_bad(const struct account *a)
{
	/* nft's bridge family has no reject in forward: BASE has it, further in front. Nothing but what is invalid comes here. */
	if (!(a->pl->o->bridge && a->pl->o->backend == PLAN_NFT))
		RULE(a, "reset", .ipproto = IPPROTO_TCP, .syn = SYN_NOT, .dead = true, .action = DO_REJECT,
		     .label = "reset");
	RULE(a, "invalid", .action = DO_DROP, .label = "invalid");
}

static void account_drop(const struct account *a, bool from)
{
	if (strcmp(a->zone, NO_ZONE) == 0)
		RULE(a, "unlisted", .action = DO_DROP, .label = NO_ZONE, .names = {""});
	else
		RULE(a, "unlisted", .action = DO_DROP, .label = from ? "unlisted-from" : "unlisted-to");
}

static void account_out(const struct account *a)
{
	for (size_t i = 0; i < MARKS; i++)
		RULE(a, marks[i].name, .mark = marks[i].mark, .action = DO_RETURN, .label = "out",
		     .names = {a->zone, marks[i].name});
}

/* What was counted as accepted before is said apart, to be taken off there. */
static void account_cut_out(const struct account *a)
{
	static const struct {
		uint32_t mark;
		const char *name;
	} before[] = {
		{PLAN_MARK_SAFETY, "safety"}, {PLAN_MARK_KERNEL, "kernel"}, {PLAN_MARK_OVERRIDE, "override"}};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		RULE(a, before[i].name, .mark = before[i].mark, .action = DO_DROP, .label = "isolated-out",
		     .names = {a->zone, before[i].name});
	RULE(a, "queue", .action = DO_DROP, .label = "isolated-out", .names = {a->zone, "queue"});
}

static void zone_account(const struct plan *pl, enum plan_account kind, unsigned zone)
{
	struct account a = {.pl = pl, .table = accounts[kind].table, .zone = zone_name(pl->policy, zone)};

	plan_account(pl->policy, kind, zone, a.chain);
	if (!account_open(&a))
		return;
	switch (kind) {
	case ACCOUNT_KERNEL: account_accept(&a, PLAN_MARK_KERNEL, "accepted-kernel"); break;
	case ACCOUNT_OVERRIDE: account_accept(&a, PLAN_MARK_OVERRIDE, "accepted-override"); break;
	case ACCOUNT_DROP_TO:
	case ACCOUNT_DROP_FROM: account_drop(&a, kind == ACCOUNT_DROP_FROM); break;
	case ACCOUNT_BAD: account_bad(&a); break;
	case ACCOUNT_CUT: RULE(&a, "all", .action = DO_DROP, .label = "isolated"); break;
	case ACCOUNT_OUT: account_out(&a); break;
	case ACCOUNT_CUT_OUT: account_cut_out(&a); break;
	case ACCOUNTS: break;
	}
}

static void zone_accounts(const struct plan *pl, enum plan_table table)
{
	for (unsigned zone = 0; zone <= policy_zones(pl->policy); zone++)
		for (unsigned kind = 0; kind < ACCOUNTS; kind++)
			if (accounts[kind].table == table)
				zone_account(pl, (enum plan_account)kind, zone);
}

/* ---- accounts of queues ---- */

static void queue_account(const struct plan *pl, unsigned queue, bool tcp, unsigned zone)
{
	struct account a = {.pl = pl, .table = TABLE_FILTER, .zone = zone_name(pl->policy, zone)};
	char kernel[PLAN_ACCOUNT];
	struct policy_queue q = {.engine = NULL};

	plan_account_queue(pl, queue, tcp, zone, a.chain);
	if (!account_open(&a))
		return;
	policy_queue_get(pl->policy, queue, &q);
	plan_account(pl->policy, ACCOUNT_KERNEL, zone, kernel);
	for (int family = 4; family <= 6 && tcp; family += 2)
		RULE(&a, NULL, .family = family, .ipproto = IPPROTO_TCP, .pure_ack = true, .action = DO_GOTO,
		     .to = kernel, .label = "ack");
	if (plan_safety_has(pl, tcp ? IPPROTO_TCP : IPPROTO_UDP))
		RULE(&a, NULL, .action = DO_JUMP, .to = "safety_queued");
	RULE(&a, "all", .action = DO_MARK, .value = PLAN_MARK_QUEUED, .label = "queued");
	RULE(&a, NULL, .action = DO_QUEUE, .value = plan_queue_number(pl, queue),
	     .bypass = q.failure == FAILURE_OPEN, .label = "queue",
	     .names = {q.engine && *q.engine ? q.engine : "common"});
}

/* Each that a rule leads to, once. */
static void queue_accounts(const struct plan *pl)
{
	unsigned zones = policy_zones(pl->policy) + 1, queues = policy_queues(pl->policy);
	bool *seen = calloc((size_t)zones * (queues + 1), 2 * sizeof(*seen));

	for (size_t i = 0; i < 2 * pl->ngroups && seen; i++) {
		const struct policy_flow *f = &pl->flows[pl->groups[i / 2]];
		bool tcp = f->ipproto == IPPROTO_TCP;
		unsigned zone = i % 2 ? plan_zone(pl->policy, &f->client, &f->server)
				      : plan_zone(pl->policy, &f->server, &f->client);
		bool *at = &seen[((size_t)f->queue * zones + zone) * 2 + tcp];

		if (f->lane != LANE_INSPECTED || f->queue >= queues || *at)
			continue;
		*at = true;
		queue_account(pl, f->queue, tcp, zone);
	}
	free(seen);
}

/* ---- accounts of safety flows ---- */

/* Untracked and counted where it comes in; counted again, under its zone too, where it is accepted. */
static void flow_account(const struct plan *pl, size_t flow, bool back, bool out, unsigned number)
{
	struct account a = {.pl = pl, .table = out ? TABLE_FILTER : TABLE_RAW};
	struct policy_conduit c = {.name = "?"};
	char text[16];

	plan_account_flow(pl, flow, back, out, a.chain);
	if (!account_open(&a))
		return;
	policy_conduit_get(pl->policy, pl->safety[flow].conduit, &c);
	snprintf(text, sizeof(text), "%u", number);
	if (!out) {
		RULE(&a, "all", .action = DO_NOTRACK, .label = "safety-in", .names = {c.name, text});
		return;
	}
	RULE(&a, "all", .action = DO_MARK, .value = PLAN_MARK_SAFETY, .label = "safety-out",
	     .names = {c.name, text, zone_name(pl->policy, flow_zone(pl, flow, back))});
	RULE(&a, NULL, .action = DO_ACCEPT);
}

static void flow_accounts(const struct plan *pl, bool out)
{
	unsigned number = 0;

	for (size_t i = 0; i < pl->nsafety; i++) {
		if (i > 0 && pl->safety[i].conduit != pl->safety[i - 1].conduit)
			number = 0;
		for (int back = 0; back <= !pl->safety[i].multicast; back++)
			flow_account(pl, i, back, out, number++);
	}
}

/* ---- finding them by address ---- */

struct place {
	struct policy_net net;
	unsigned zone;
};

static int by_net(const void *a, const void *b)
{
	return plan_net_order(&((const struct place *)a)->net, &((const struct place *)b)->net);
}

struct sorting {
	const struct place *places;
	enum plan_account kind;
	enum plan_action action;
};

static const struct policy_net *place_net(const struct plan_tree *t, size_t i)
{
	return &((const struct sorting *)t->ctx)->places[i].net;
}

static void place_put(const struct plan *pl, const struct plan_tree *t, const char *chain, size_t i)
{
	const struct sorting *s = t->ctx;
	char name[PLAN_ACCOUNT];
	struct plan_rule r = {.table = t->table, .chain = chain, .action = s->action, .to = name};

	plan_account(pl->policy, s->kind, s->places[i].zone, name);
	*(t->by_source ? &r.src : &r.dst) = &s->places[i].net;
	plan_put(pl, &r);
}

/* The networks of all zones, of the families that are printed. NULL: no memory, or none. */
static struct place *places_of(const struct plan *pl, size_t *n)
{
	struct place *v = NULL;
	size_t cap = 0;
	struct policy_net net;

	*n = 0;
	for (unsigned zone = 0; zone < policy_zones(pl->policy); zone++)
		for (unsigned i = 0; policy_zone_net(pl->policy, zone, i, &net); i++) {
			if (!plan_wanted(pl, plan_net_family(&net)))
				continue;
			if (*n == cap) {
				struct place *more = realloc(v, (cap = 2 * cap + 16) * sizeof(*v));

				if (!more) {
					free(v);
					*n = 0;
					return NULL;
				}
				v = more;
			}
			v[(*n)++] = (struct place){net, zone};
		}
	if (*n)
		qsort(v, *n, sizeof(*v), by_net);
	return v;
}

/*
 * A chain that leads to the account of where a packet goes, else of where it comes from. Where that is to be the packet's end a drop stands
 * behind, should somebody have emptied an account.
 */
static void sort(const struct plan *pl, enum plan_table table, const char *chain, enum plan_account to,
		 enum plan_account from)
{
	bool ends = to == ACCOUNT_DROP_TO || to == ACCOUNT_BAD || to == ACCOUNT_CUT || to == ACCOUNT_CUT_OUT;
	enum plan_action action = ends ? DO_JUMP : DO_GOTO;
	char name[PLAN_ACCOUNT], prefix[PLAN_CHAIN_NAME];
	size_t n;
	struct place *places = places_of(pl, &n);

	plan_chain(pl, chain);
	for (int by_source = 0; by_source <= 1; by_source++) {
		struct sorting s = {.places = places, .kind = by_source ? from : to, .action = action};
		struct plan_tree t = {.table = table,
				      .name = prefix,
				      .by_source = by_source,
				      .n = n,
				      .net = place_net,
				      .put = place_put,
				      .ctx = &s};

		snprintf(prefix, sizeof(prefix), "%s_%s", chain, by_source ? "from" : "to");
		plan_tree(pl, &t, chain);
	}
	plan_account(pl->policy, from, policy_zones(pl->policy), name);
	plan_put(pl, &(struct plan_rule){.table = table, .chain = chain, .action = action, .to = name});
	if (ends)
		plan_put(pl,
			 &(struct plan_rule){
				 .table = table, .chain = chain, .action = DO_DROP, .label = "uncounted"});
	free(places);
}

void plan_ledger_raw(const struct plan *pl)
{
	flow_accounts(pl, false);
}

void plan_ledger_filter(const struct plan *pl)
{
	zone_accounts(pl, TABLE_FILTER);
	flow_accounts(pl, true);
	queue_accounts(pl);
	sort(pl, TABLE_FILTER, "drops", ACCOUNT_DROP_TO, ACCOUNT_DROP_FROM);
	sort(pl, TABLE_FILTER, "bad", ACCOUNT_BAD, ACCOUNT_BAD);
	sort(pl, TABLE_FILTER, "isolated", ACCOUNT_CUT, ACCOUNT_CUT);
	sort(pl, TABLE_FILTER, "kernel", ACCOUNT_KERNEL, ACCOUNT_KERNEL);
}

void plan_ledger_mangle(const struct plan *pl)
{
	zone_accounts(pl, TABLE_MANGLE);
	sort(pl, TABLE_MANGLE, "zones_out", ACCOUNT_OUT, ACCOUNT_OUT);
	sort(pl, TABLE_MANGLE, "isolated_out", ACCOUNT_CUT_OUT, ACCOUNT_CUT_OUT);
}

/* ---- what is made once ---- */

/* Safety first: it is the one that must not wait, not even for a comparison. What this host sends itself has no mark. */
void plan_ledger(void (*print)(const struct plan_options *, const struct plan_rule *, FILE *),
		 const struct plan_options *o, FILE *out)
{
	static const struct {
		uint32_t mark;
		const char *name, *account, *to; /* nft: a counter with a name is not begun anew by a start */
	} ways[] = {
		{PLAN_MARK_SAFETY, "safety", "ledger_safety", "post_safety"},
		{PLAN_MARK_INSPECTED, "inspected", "ledger_inspected", "post_queued"},
		{PLAN_MARK_KERNEL, "kernel", "ledger_kernel", "post_kernel"},
		{0, NULL, NULL, NULL},
		{PLAN_MARK_RELEASED, "released", "ledger_released", "post_queued"},
		{PLAN_MARK_PASSED, "passed", "ledger_passed", "post_queued"},
		{PLAN_MARK_QUEUED, "unseen", "ledger_unseen", "post_queued"},
		{PLAN_MARK_OVERRIDE, "override", "ledger_override", "post_kernel"},
		{PLAN_MARK_RESET, "reset", "ledger_reset", "post_queued"},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct plan_rule r = {.table = TABLE_MANGLE,
				      .chain = "postrouting",
				      .mark = ways[i].mark,
				      .action = DO_GOTO,
				      .to = ways[i].to,
				      .label = "ledger",
				      .account = ways[i].account,
				      .names = {ways[i].name}};

		if (ways[i].mark == 0) {
			r.no_mark = true;
			r.action = DO_RETURN;
			r.label = NULL;
		} else if (ways[i].mark == PLAN_MARK_RESET) {
			r.action = DO_CONNMARK;
			r.value = PLAN_MARK_RESET;
			print(o, &r, out);
			r.action = DO_GOTO;
			r.label = NULL;
			r.account = NULL;
		}
		print(o, &r, out);
	}
}
