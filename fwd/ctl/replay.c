/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl replay: what the firewall would have done, PDU by PDU. */
#include <string.h>

#include "fwd/ctl/scan.h"

struct replay {
	const struct policy *policy;
	bool json;
	uint64_t allow, deny, uninspected;
	uint64_t passed; /* denied in a conduit that is not enforced: on the wire they pass */
	uint64_t segments_denied, segments_uninspected; /* without a PDU of their own */
	uint64_t reasons[REASON_COUNT_OF];
};

/* What enforcing says: in learn and shadow the packet passes all the same, and `passed` tells. */
static const char *verdict_of(const struct report *r)
{
	if (r->judgement == JUDGED_UNINSPECTED)
		return "uninspected";
	return r->judgement == JUDGED_DENY || r->would_deny ? "deny" : "allow";
}

/* The operation a line speaks of: the one that failed, else the first. NULL when nothing was decoded. */
static const struct op *op_of(const struct report *r)
{
	if (!r->pdu || r->pdu->fault.reason != REASON_NONE || r->pdu->nops == 0)
		return NULL;
	uint32_t i = r->match && r->match->op < r->pdu->nops ? r->match->op : 0;
	return &r->pdu->ops[i];
}

static void detail_of(const struct replay *p, const struct report *r, char *buf, size_t cap)
{
	const struct fault *fault = r->pdu ? &r->pdu->fault : NULL;
	const struct match *match = r->match && r->match->reason == r->reason ? r->match : NULL;
	detail_print(p->policy, op_of(r), r->proto, r->reason, match, fault, buf, cap);
}

static void print_json(const struct replay *p, const struct report *r, const struct proto *proto)
{
	struct policy_conduit conduit;
	char detail[DETAIL_TEXT];
	struct jsonl j;
	const struct op *op = op_of(r);
	bool known = r->route && policy_conduit_get(p->policy, r->route->conduit, &conduit);

	jsonl_open(&j, scan_line, sizeof(scan_line));
	jsonl_object(&j, NULL);
	scan_json_head(&j, r);
	jsonl_str(&j, "conduit", known ? conduit.name : NULL);
	jsonl_str(&j, "proto", proto ? proto->name : NULL);
	if (r->pdu) {
		jsonl_uint(&j, "pdu", r->pdu_no);
		if (op)
			jsonl_op(&j, op, proto, 0);
		else
			jsonl_str(&j, "dir", direction_name(r->from_server ? DIR_RESPONSE : DIR_REQUEST));
		if (op && r->pdu->nops > 1)
			jsonl_uint(&j, "operations", r->pdu->nops);
		if (r->pdu->exception)
			jsonl_uint(&j, "exception", r->pdu->exception_code);
	} else {
		jsonl_null(&j, "pdu");
		jsonl_null(&j, "dir");
	}
	jsonl_str(&j, "verdict", verdict_of(r));
	jsonl_rule(&j, "rule", p->policy,
		   r->match && r->reason == REASON_NONE ? r->match->rule : POLICY_NO_RULE);
	jsonl_str(&j, "reason", reason_name(r->reason));
	if (r->reason != REASON_NONE) {
		detail_of(p, r, detail, sizeof(detail));
		jsonl_str(&j, "detail", detail);
	} else {
		jsonl_null(&j, "detail");
	}
	jsonl_str(&j, "mode", known ? mode_name(r->route->mode) : NULL);
	jsonl_bool(&j, "passed", r->judgement != JUDGED_DENY);
	jsonl_object_end(&j);
	jsonl_line(&j);
	fwrite(scan_line, 1, j.len, stdout);
}

static void print_text(const struct replay *p, const struct report *r, const struct proto *proto)
{
	const struct op *op = op_of(r);
	char detail[DETAIL_TEXT], rule[512];
	size_t cap = sizeof(scan_line), n = scan_print_head(r, scan_line, cap);

	if (op)
		op_print(op, proto, EVENT_VALUES, scan_line + n, cap - n);
	else
		snprintf(scan_line + n, cap - n, "%s", proto ? proto->name : "-");
	bool ruled = r->match && rule_print(p->policy, r->match->rule, rule, sizeof(rule));
	const char *passed =
		r->would_deny && r->judgement != JUDGED_DENY && r->route
			? (r->route->mode == MODE_LEARN ? " (learn: passed)" : " (shadow: passed)")
			: "";
	printf("%s: %s%s", scan_line, verdict_of(r), passed);
	if (r->reason != REASON_NONE) {
		detail_of(p, r, detail, sizeof(detail));
		printf(", %s: %s\n", reason_name(r->reason), detail);
	} else {
		printf(ruled ? " by %s\n" : "\n", rule);
	}
}

static void report(void *ctx, const struct report *r)
{
	struct replay *p = ctx;
	const struct proto *proto = r->proto < 0 ? NULL : proto_get((unsigned)r->proto);

	bool deny = r->judgement == JUDGED_DENY || r->would_deny;
	if (r->judgement == JUDGED_UNINSPECTED)
		(*(r->pdu ? &p->uninspected : &p->segments_uninspected))++;
	else if (deny)
		(*(r->pdu ? &p->deny : &p->segments_denied))++;
	else if (r->pdu)
		p->allow++;
	if (r->would_deny && r->judgement == JUDGED_ALLOW)
		p->passed++;
	if (r->reason < REASON_COUNT_OF)
		p->reasons[r->reason]++;
	if (p->json)
		print_json(p, r, proto);
	else if (r->pdu || r->reason != REASON_FLOW_DEAD)
		print_text(p, r, proto); /* what came behind a cut is only counted, for people */
}

static void summary_json(const struct replay *p, const struct scan *s)
{
	char hex[2 * POLICY_DIGEST + 1];
	struct jsonl j;

	digest_print(policy_digest(p->policy), hex);
	jsonl_open(&j, scan_line, sizeof(scan_line));
	jsonl_object(&j, NULL);
	jsonl_object(&j, "summary");
	jsonl_uint(&j, "frames", s->frames);
	jsonl_uint(&j, "not_ip", s->not_ip);
	jsonl_uint(&j, "truncated", s->truncated);
	jsonl_uint(&j, "packets_accepted", s->accepted);
	jsonl_uint(&j, "packets_dropped", s->dropped);
	jsonl_uint(&j, "packets_reset", s->reset);
	jsonl_uint(&j, "pdus", s->verdict->pdus);
	jsonl_uint(&j, "allow", p->allow);
	jsonl_uint(&j, "deny", p->deny);
	jsonl_uint(&j, "deny_passed", p->passed);
	jsonl_uint(&j, "uninspected", p->uninspected);
	jsonl_uint(&j, "segments_denied", p->segments_denied);
	jsonl_uint(&j, "segments_uninspected", p->segments_uninspected);
	jsonl_object(&j, "reasons");
	for (unsigned i = REASON_NONE + 1; i < REASON_COUNT_OF; i++)
		if (p->reasons[i])
			jsonl_uint(&j, reason_name((enum reason)i), p->reasons[i]);
	jsonl_object_end(&j);
	jsonl_str(&j, "policy", hex);
	jsonl_object_end(&j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	fwrite(scan_line, 1, j.len, stdout);
}

static void summary_text(const struct replay *p, const struct scan *s)
{
	printf("%llu frames, %llu PDUs: %llu allow, %llu deny", (unsigned long long)s->frames,
	       (unsigned long long)s->verdict->pdus, (unsigned long long)p->allow,
	       (unsigned long long)p->deny);
	if (p->passed)
		printf(" (%llu of them passed: not enforced)", (unsigned long long)p->passed);
	printf(", %llu uninspected", (unsigned long long)p->uninspected);
	if (p->segments_denied || p->segments_uninspected)
		printf("; segments without a PDU: %llu deny, %llu uninspected",
		       (unsigned long long)p->segments_denied, (unsigned long long)p->segments_uninspected);
	putchar('\n');
	for (unsigned i = REASON_NONE + 1; i < REASON_COUNT_OF; i++)
		if (p->reasons[i])
			printf("  %8llu %s: %s\n", (unsigned long long)p->reasons[i],
			       reason_name((enum reason)i), reason_text((enum reason)i));
}

int cmd_replay(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"policy", required_argument, NULL, OPT_POLICY},
						{"json", no_argument, NULL, OPT_JSON},
						{"fail-on-deny", no_argument, NULL, OPT_FAIL_ON_DENY},
						{"in-step", no_argument, NULL, OPT_IN_STEP},
						{0}};
	struct replay p = {0};
	const char *policy = NULL;
	bool fail_on_deny = false, in_step = false;
	struct loaded loaded;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_POLICY: policy = optarg; break;
		case OPT_JSON: p.json = true; break;
		case OPT_FAIL_ON_DENY: fail_on_deny = true; break;
		case OPT_IN_STEP: in_step = true; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	if (!policy)
		return ctl_usage(cmd, "--policy is missing");
	if (!loaded_open(cmd, policy, &loaded))
		return loaded.status;
	p.policy = &loaded.policy;
	struct scan s = {.policy = &loaded.policy, .in_step = in_step, .report = report, .ctx = &p};
	int status = scan_run(cmd, &s, argv[optind]);
	if (s.verdict) {
		if (p.json)
			summary_json(&p, &s);
		else
			summary_text(&p, &s);
	}
	scan_close(&s);
	loaded_close(&loaded);
	return status == EXIT_DONE && fail_on_deny && (p.deny || p.segments_denied) ? EXIT_NO : status;
}
