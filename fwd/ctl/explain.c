/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl explain: which rule allows an operation, or what stops it at each rule that comes close. */
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/explain.h"
#include "fwd/ctl/explain_ends.h"
#include "fwd/ctl/scan.h"
#include "rules/arena.h"
#include "rules/scalar.h"

#define CLIENT_PORT  49152 /* any: no rule asks for it */
#define TOGETHER_MAX 8     /* rules named that only together would allow it */

struct answer {
	const struct policy *policy;
	const struct question *q;
	struct policy_now now;
	int proto;
	const uint8_t *client, *server; /* the addresses that came furthest; NULL: none given */
	struct route route;
	struct match match;
	enum reason reason; /* REASON_NONE: allowed */
	unsigned first_rule, nrules;
	unsigned together[TOGETHER_MAX];
	unsigned ntogether;
};

/* Judges one pair of addresses as the engine would. */
static void judge_pair(struct answer *a, const uint8_t *client, const uint8_t *server)
{
	struct tuple t = {.sport = CLIENT_PORT, .dport = a->q->port, .ipproto = a->q->ipproto};
	static struct pdu pdu;
	struct policy_conduit c;

	memcpy(t.src, client, 16);
	memcpy(t.dst, server, 16);
	a->client = client;
	a->server = server;
	a->match = (struct match){.rule = POLICY_NO_RULE};
	policy_route(a->policy, &t, false, &a->route);
	a->reason = a->route.reason;
	if (a->route.conduit != POLICY_NO_INDEX && policy_conduit_get(a->policy, a->route.conduit, &c)) {
		a->first_rule = c.first_rule;
		a->nrules = c.nrules;
	}
	if (a->reason != REASON_NONE || a->route.lane != LANE_INSPECTED)
		return;
	if (a->route.proto < 0) {
		a->reason = REASON_NO_RULE;
		return;
	}
	if (a->route.proto != a->proto) {
		a->reason = REASON_PROTOCOL;
		return;
	}
	pdu = (struct pdu){.nops = 1, .answers = -1};
	pdu.ops[0] = a->q->text.op;
	a->reason = policy_match(a->policy, a->route.ruleset, &pdu, client, &a->now, NULL, &a->match);
}

/* A name can have several addresses: the pair that is allowed, else the one that comes furthest. */
static void judge(struct answer *a)
{
	const struct question *q = a->q;
	struct answer best = *a;
	bool any = false;

	if (!q->has_ends) {
		/* No addresses: is there a rule that allows it for anyone? */
		a->nrules = policy_rules(a->policy);
		a->reason = REASON_NO_RULE;
		a->match = (struct match){.rule = POLICY_NO_RULE};
		for (unsigned i = 0; i < a->nrules && a->reason != REASON_NONE; i++)
			a->reason = policy_try(a->policy, i, &q->text.op, a->proto, NULL, NULL, &a->now,
					       &a->match);
		if (a->reason != REASON_NONE)
			a->reason = REASON_NO_RULE;
		return;
	}
	for (unsigned c = 0; c < q->client.n; c++)
		for (unsigned s = 0; s < q->server.n; s++) {
			judge_pair(a, q->client.ip[c], q->server.ip[s]);
			if (a->reason == REASON_NONE)
				return;
			if (!any ||
			    (best.route.conduit == POLICY_NO_INDEX && a->route.conduit != POLICY_NO_INDEX))
				best = *a;
			any = true;
		}
	*a = best;
}

/* The part of op at addresses first..last; bits holds its values where they do not begin at an octet. */
static struct op op_part(const struct op *op, uint32_t first, uint32_t last,
			 uint8_t bits[PROTO_PDU_MAX / 8 + 1])
{
	struct op part = *op;
	struct op_values *v = &part.values;
	uint32_t skip = first - op->first, n = last - first + 1;

	part.first = first;
	part.last = last;
	if (v->form == VALUES_BITS) {
		memset(bits, 0, n / 8 + 1);
		for (uint32_t i = 0; i < n && skip + i < v->count; i++) {
			int64_t bit = 0;
			if (op_value(&op->values, skip + i, &bit) && bit)
				bits[i / 8] |= (uint8_t)(1u << i % 8);
		}
		v->data = bits;
		v->count = n;
	} else if (v->form == VALUES_NUMBERS) {
		v->data += (size_t)skip * v->stride;
		v->count = n;
	}
	return part;
}

/* Ranges of different rules never merge: finds out whether that is all that stops it. */
static void find_together(struct answer *a)
{
	static uint8_t bits[PROTO_PDU_MAX / 8 + 1];
	const struct op *op = &a->q->text.op;
	uint32_t at = op->first;

	if (a->reason != REASON_ADDRESS || !(op->has & OP_RANGE) || op->last - op->first >= PROTO_PDU_MAX)
		return;
	if (op->values.form == VALUES_NUMBERS && op->values.count != op->last - op->first + 1)
		return;
	while (at <= op->last && a->ntogether < TOGETHER_MAX) {
		uint32_t best = 0;
		for (unsigned i = 0; i < a->nrules; i++)
			for (uint32_t n = op->last - at + 1; n > best; n--) {
				struct op part = op_part(op, at, at + n - 1, bits);
				struct match m;
				if (policy_try(a->policy, a->first_rule + i, &part, a->proto, a->client,
					       a->server, &a->now, &m) == REASON_NONE) {
					best = n;
					a->together[a->ntogether] = a->first_rule + i;
				}
			}
		if (best == 0)
			break;
		a->ntogether++;
		at += best;
	}
	if (at <= op->last)
		a->ntogether = 0;
}

/* ---- addresses in all three ways of writing them ---- */

struct written {
	char zero[PROTO_RANGE_TEXT], one[32], modicon[32]; /* "" where there is none */
};

static void range_print(char *buf, size_t cap, uint64_t first, uint64_t last)
{
	if (first == last)
		snprintf(buf, cap, "%llu", (unsigned long long)first);
	else
		snprintf(buf, cap, "%llu..%llu", (unsigned long long)first, (unsigned long long)last);
}

static bool written_of(const struct op *op, const struct proto *proto, struct written *w)
{
	const struct vocab_space *s = op->has & OP_SPACE ? proto_space(proto, op->space) : NULL;

	*w = (struct written){0};
	if (!s || !(op->has & OP_RANGE))
		return false;
	proto_range_print(s, op->first, op->last, w->zero, sizeof(w->zero));
	/* Spaces that Modicon numbers never had (files, queues) have one way of counting only. */
	if (!s->modicon_first)
		return true;
	range_print(w->one, sizeof(w->one), (uint64_t)op->first + 1, (uint64_t)op->last + 1);
	uint64_t first = (uint64_t)s->modicon_first + op->first, last = (uint64_t)s->modicon_first + op->last;
	if (last > s->modicon_last && s->modicon_first6) {
		first = (uint64_t)s->modicon_first6 + op->first;
		last = (uint64_t)s->modicon_first6 + op->last;
		if (last > s->modicon_last6)
			return true;
	} else if (last > s->modicon_last) {
		return true;
	}
	range_print(w->modicon, sizeof(w->modicon), first, last);
	return true;
}

/* ---- the answer in words ---- */

static const char *lane_words(enum lane lane)
{
	return lane == LANE_SAFETY ? "safety lane: accepted in the kernel, never inspected"
				   : "kernel lane: accepted by address and port, never inspected";
}

static void why(const struct answer *a, const struct match *m, enum reason reason, char *buf, size_t cap)
{
	bool matched = m && m->reason == reason && reason != REASON_NO_RULE;
	detail_print(a->policy, &a->q->text.op, a->proto, reason, matched ? m : NULL, NULL, buf, cap);
}

/* Calls back for each rule that is worth a line: not those of other clients and servers, nor of other protocols. */
static void each_rule(const struct answer *a,
		      void (*line)(const struct answer *, unsigned, enum reason, const struct match *,
				   void *),
		      void *ctx)
{
	for (unsigned i = 0; i < a->nrules; i++) {
		struct match m;
		enum reason r = policy_try(a->policy, a->first_rule + i, &a->q->text.op, a->proto, a->client,
					   a->server, &a->now, &m);
		if (r != REASON_NO_RULE && r != REASON_PROTOCOL)
			line(a, a->first_rule + i, r, &m, ctx);
	}
}

static void rule_text(const struct answer *a, unsigned rule, enum reason r, const struct match *m, void *ctx)
{
	char name[512], detail[DETAIL_TEXT];
	bool *header = ctx;

	rule_print(a->policy, rule, name, sizeof(name));
	if (!*header)
		printf("rule by rule:\n");
	*header = true;
	if (r == REASON_NONE) {
		printf("  %s: allows it\n", name);
		return;
	}
	why(a, m, r, detail, sizeof(detail));
	printf("  %s: %s: %s\n", name, reason_name(r), detail);
}

static void end_text(const struct answer *a, const struct question_end *e, const uint8_t *ip)
{
	char addr[ADDRESS_TEXT];
	struct policy_zone z;
	int zone = policy_zone_of(a->policy, ip);

	address_print(ip, addr);
	printf("%s", e->name);
	if (strcmp(addr, e->name) != 0)
		printf(" (%s)", addr);
	if (zone >= 0 && policy_zone_get(a->policy, (unsigned)zone, &z))
		printf(" in zone %s", z.name);
	else
		printf(" in no zone");
}

static void print_text(const struct answer *a)
{
	const struct op *op = &a->q->text.op;
	char detail[DETAIL_TEXT], name[512];
	struct policy_conduit c;
	struct written w;

	op_print(op, a->q->text.proto, OP_PARSE_VALUES, scan_line, sizeof(scan_line));
	printf("%s\n", scan_line);
	if (written_of(op, a->q->text.proto, &w)) {
		printf("  address %s zero-based", w.zero);
		if (*w.one)
			printf(", %s one-based", w.one);
		if (*w.modicon)
			printf(", %s modicon", w.modicon);
		putchar('\n');
	}
	if (a->q->has_ends) {
		printf("from ");
		end_text(a, &a->q->client, a->client);
		printf(" to ");
		end_text(a, &a->q->server, a->server);
		printf(", port %u/%s\n", a->q->port, a->q->ipproto == 17 ? "udp" : "tcp");
	}
	if (a->route.conduit != POLICY_NO_INDEX && policy_conduit_get(a->policy, a->route.conduit, &c))
		printf("conduit %s, %s\n", c.name, mode_name(c.mode));
	if (a->reason == REASON_NONE && a->q->has_ends && a->route.lane != LANE_INSPECTED) {
		printf("allowed: %s\n", lane_words(a->route.lane));
		return;
	}
	if (a->reason == REASON_NONE) {
		rule_print(a->policy, a->match.rule, name, sizeof(name));
		printf("allowed by %s\n", name);
	} else {
		why(a, &a->match, a->reason, detail, sizeof(detail));
		printf("denied, %s: %s\n", reason_name(a->reason), detail);
	}
	for (unsigned i = 0; i < a->ntogether; i++) {
		rule_print(a->policy, a->together[i], name, sizeof(name));
		printf("%s%s", i ? " and " : "", name);
	}
	if (a->ntogether)
		printf(" together name all of it, but no rule alone does: ranges of different rules never merge\n");
	bool header = false;
	each_rule(a, rule_text, &header);
}

static void rule_json(const struct answer *a, unsigned rule, enum reason r, const struct match *m, void *ctx)
{
	struct jsonl *j = ctx;
	char detail[DETAIL_TEXT];

	jsonl_object(j, NULL);
	jsonl_rule(j, "rule", a->policy, rule);
	jsonl_str(j, "reason", reason_name(r));
	if (r == REASON_NONE) {
		jsonl_null(j, "detail");
	} else {
		why(a, m, r, detail, sizeof(detail));
		jsonl_str(j, "detail", detail);
	}
	jsonl_object_end(j);
}

/* One object into scan_line; its length. */
static size_t print_json(const struct answer *a)
{
	const struct op *op = &a->q->text.op;
	char text[4096], addr[ADDRESS_TEXT], detail[DETAIL_TEXT];
	struct policy_conduit c;
	struct written w;
	struct jsonl j;

	jsonl_open(&j, scan_line, sizeof(scan_line));
	jsonl_object(&j, NULL);
	op_print(op, a->q->text.proto, OP_PARSE_VALUES, text, sizeof(text));
	jsonl_str(&j, "operation", text);
	jsonl_str(&j, "client", a->q->has_ends ? a->q->client.name : NULL);
	jsonl_str(&j, "src", a->q->has_ends ? address_print(a->client, addr) : NULL);
	jsonl_str(&j, "server", a->q->has_ends ? a->q->server.name : NULL);
	jsonl_str(&j, "dst", a->q->has_ends ? address_print(a->server, addr) : NULL);
	jsonl_uint(&j, "dport", a->q->port);
	jsonl_str(&j, "proto", a->q->text.proto->name);
	jsonl_op(&j, op, a->q->text.proto, 0);
	jsonl_object(&j, "addresses");
	if (written_of(op, a->q->text.proto, &w)) {
		jsonl_str(&j, "zero_based", w.zero);
		jsonl_str(&j, "one_based", *w.one ? w.one : NULL);
		jsonl_str(&j, "modicon", *w.modicon ? w.modicon : NULL);
	}
	jsonl_object_end(&j);
	bool known =
		a->route.conduit != POLICY_NO_INDEX && policy_conduit_get(a->policy, a->route.conduit, &c);
	jsonl_str(&j, "conduit", known ? c.name : NULL);
	jsonl_str(&j, "mode", known ? mode_name(c.mode) : NULL);
	jsonl_str(&j, "verdict", a->reason == REASON_NONE ? "allow" : "deny");
	jsonl_rule(&j, "rule", a->policy, a->reason == REASON_NONE ? a->match.rule : POLICY_NO_RULE);
	jsonl_str(&j, "reason", reason_name(a->reason));
	if (a->reason == REASON_NONE) {
		jsonl_str(&j, "detail",
			  a->q->has_ends && a->route.lane != LANE_INSPECTED ? lane_words(a->route.lane)
									    : NULL);
	} else {
		why(a, &a->match, a->reason, detail, sizeof(detail));
		jsonl_str(&j, "detail", detail);
	}
	jsonl_array(&j, "together");
	for (unsigned i = 0; i < a->ntogether; i++)
		jsonl_rule(&j, NULL, a->policy, a->together[i]);
	jsonl_array_end(&j);
	jsonl_array(&j, "rules");
	each_rule(a, rule_json, &j);
	jsonl_array_end(&j);
	jsonl_object_end(&j);
	return j.cut ? 0 : j.len;
}

bool explain_print(const struct policy *p, const char *line, int64_t at_us, bool json, char *err, size_t cap)
{
	static struct question q;
	struct answer a = {.policy = p,
			   .q = &q,
			   .now = {.unix_us = at_us, .clock_good = true},
			   .route = {.conduit = POLICY_NO_INDEX, .zone = POLICY_NO_INDEX}};

	*err = 0;
	if (question_read(p, line, &q, err, cap) != 0)
		return false;
	a.proto = proto_find(q.text.proto->name, strlen(q.text.proto->name));
	judge(&a);
	find_together(&a);
	if (json)
		fwrite(scan_line, 1, print_json(&a), stdout);
	else
		print_text(&a);
	return a.reason == REASON_NONE;
}

/* "2026-12-31T18:00:00+01:00" */
static bool time_read(const struct command *cmd, const char *text, int64_t *out)
{
	struct arena *arena = arena_new();
	const char *wrong = scalar_time(arena, text, out);

	if (wrong)
		ctl_error(cmd, "--at %s: %s", text, wrong);
	arena_free(arena);
	return !wrong;
}

int cmd_explain(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"policy", required_argument, NULL, OPT_POLICY},
						{"json", no_argument, NULL, OPT_JSON},
						{"at", required_argument, NULL, OPT_AT},
						{0}};
	const char *policy = NULL;
	struct loaded loaded;
	bool json = false, allowed;
	int64_t at = ctl_now();
	char err[512];
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c == OPT_POLICY)
			policy = optarg;
		else if (c == OPT_JSON)
			json = true;
		else if (c != OPT_AT || !time_read(cmd, optarg, &at))
			return EXIT_UNABLE;
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	if (!policy)
		return ctl_usage(cmd, "--policy is missing");
	if (!loaded_open(cmd, policy, &loaded))
		return loaded.status;
	allowed = explain_print(&loaded.policy, argv[optind], at, json, err, sizeof(err));
	if (json && !*err)
		putchar('\n');
	loaded_close(&loaded);
	if (*err)
		return ctl_error(cmd, "%s", err);
	return allowed ? EXIT_DONE : EXIT_NO;
}
