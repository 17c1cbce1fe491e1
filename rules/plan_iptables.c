/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "rules/plan_rule.h"

/*
 * A TCP segment without payload whose flags are exactly ACK: IP length == header length + data offset. IPv4 with any header
 * length but no fragment, IPv6 without extension headers; what has others goes to the queue.
 */
#define ACK4                                                                                                 \
	"16,177 0 0 0,40 0 0 6,69 11 0 16383,80 0 0 13,84 0 0 63,21 0 8 16,80 0 0 12,116 0 0 2,84 0 0 60,"   \
	"2 0 0 0,40 0 0 2,28 0 0 0,97 0 0 0,29 1 0 0,6 0 0 0,6 0 0 65535"
#define ACK6                                                                                                 \
	"13,48 0 0 6,21 0 9 6,48 0 0 53,84 0 0 63,21 0 6 16,48 0 0 52,116 0 0 2,84 0 0 60,7 0 0 0,"          \
	"40 0 0 4,29 1 0 0,6 0 0 0,6 0 0 65535"

static const char *proto_word(uint8_t ipproto)
{
	switch (ipproto) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "ipv6-icmp";
	default: return "all";
	}
}

static void print_ports(const struct plan_rule *r, FILE *out)
{
	bool d = r->side == SIDE_DPORT;

	if (r->nports == 0)
		return;
	if (r->side == SIDE_ICMP) {
		/* rules/plan.c gives one type a rule: iptables takes no more. */
		fprintf(out, " -m %s %s %u", r->ipproto == IPPROTO_ICMP ? "icmp" : "icmp6",
			r->ipproto == IPPROTO_ICMP ? "--icmp-type" : "--icmpv6-type", r->ports[0].lo);
		return;
	}
	if (r->nports == 1)
		fprintf(out, " --%s ", d ? "dport" : "sport");
	else
		fprintf(out, " -m multiport --%s ", d ? "dports" : "sports");
	for (unsigned i = 0; i < r->nports; i++) {
		fprintf(out, "%s%u", i ? "," : "", r->ports[i].lo);
		if (r->ports[i].hi != r->ports[i].lo)
			fprintf(out, ":%u", r->ports[i].hi);
	}
}

static void print_ct(enum plan_ct ct, FILE *out)
{
	switch (ct) {
	case CT_ANY: break;
	case CT_ORIGINAL: fputs(" -m conntrack --ctdir ORIGINAL", out); break;
	case CT_REPLY: fputs(" -m conntrack --ctdir REPLY", out); break;
	case CT_INVALID: fputs(" -m conntrack --ctstate INVALID", out); break;
	case CT_RELATED: fputs(" -m conntrack --ctstate RELATED", out); break;
	}
}

/* UTC, which is what it takes where nothing else is said; the second that it names is the last one. */
static void print_until(int64_t unix_s, FILE *out)
{
	time_t t = (time_t)unix_s - 1;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, " -m time --datestop %s", text);
}

static void print_matches(const struct plan_options *o, const struct plan_rule *r, FILE *out)
{
	/* Under br_netfilter -i and -o are the bridge; its ports are what a policy names. */
	bool ports = o->bridge && (r->in || r->out);
	char buf[64];

	if (ports)
		fputs(" -m physdev", out);
	if (r->in)
		fprintf(out, " %s %s", ports ? "--physdev-in" : "-i", r->in);
	if (r->out)
		fprintf(out, " %s %s", ports ? "--physdev-out" : "-o", r->out);
	if (r->src)
		fprintf(out, " -s %s", plan_net(r->src, buf, sizeof(buf)));
	if (r->dst)
		fprintf(out, " -d %s", plan_net(r->dst, buf, sizeof(buf)));
	if (r->ipproto)
		fprintf(out, " -p %s", proto_word(r->ipproto));
	if (r->not_ipproto)
		fprintf(out, " ! -p %s", proto_word(r->not_ipproto));
	print_ports(r, out);
	if (r->syn != SYN_ANY)
		fputs(r->syn == SYN_ONLY ? " --syn" : " ! --syn", out);
	print_ct(r->ct, out);
	if (r->dead)
		fprintf(out, " -m connmark --mark 0x%x/0x%x", PLAN_MARK_RESET, PLAN_MARK_MASK);
	if (r->marked)
		fprintf(out, " -m connmark ! --mark 0x0/0x%x", PLAN_MARK_MASK);
	if (r->mark || r->no_mark)
		fprintf(out, " -m mark --mark 0x%x/0x%x", r->mark, PLAN_MARK_MASK);
	if (r->until_unix)
		print_until(r->until_unix, out);
	if (r->hops_255)
		fputs(" -m hl --hl-eq 255", out);
	if (r->pure_ack)
		fprintf(out, " -m bpf --bytecode \"%s\"", o->family == 4 ? ACK4 : ACK6);
}

static void print_action(const struct plan_rule *r, FILE *out)
{
	char prefix[POLICY_COPY_NAME];

	switch (r->action) {
	case DO_COUNT: break;
	case DO_JUMP: fprintf(out, " -j otfw-%s", r->to); break;
	case DO_GOTO: fprintf(out, " -g otfw-%s", r->to); break;
	case DO_ACCEPT: fputs(" -j ACCEPT", out); break;
	case DO_DROP: fputs(" -j DROP", out); break;
	case DO_NOTRACK: fputs(" -j CT --notrack", out); break;
	case DO_RETURN: fputs(" -j RETURN", out); break;
	case DO_REJECT: fputs(" -j REJECT --reject-with tcp-reset", out); break;
	case DO_MARK: fprintf(out, " -j MARK --set-xmark 0x%x/0x%x", r->value, PLAN_MARK_MASK); break;
	case DO_CONNMARK: fprintf(out, " -j CONNMARK --set-xmark 0x%x/0x%x", r->value, PLAN_MARK_MASK); break;
	case DO_COPY:
		fprintf(out, " -j NFLOG --nflog-group %u --nflog-threshold 1 --nflog-prefix \"%s\"",
			PLAN_COPY_GROUP, policy_copy_name(r->names[0], prefix));
		if (r->value)
			fprintf(out, " --nflog-size %u", r->value);
		break;
	case DO_QUEUE:
		fprintf(out, " -j NFQUEUE --queue-num %u%s", r->value, r->bypass ? " --queue-bypass" : "");
		break;
	}
}

void plan_iptables_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out)
{
	fprintf(out, "-A otfw-%s", r->chain);
	print_matches(o, r, out);
	if (r->label) {
		fputs(" -m comment --comment \"", out);
		plan_comment(r, out);
		fputc('"', out);
	}
	print_action(r, out);
	fputc('\n', out);
}

void plan_iptables_open(enum plan_table t, FILE *out)
{
	static const char *const names[] = {
		[TABLE_RAW] = "raw", [TABLE_FILTER] = "filter", [TABLE_MANGLE] = "mangle"};

	fprintf(out, "*%s\n", names[t]);
}

void plan_iptables_chain(const char *chain, FILE *out)
{
	fprintf(out, ":otfw-%s - [0:0]\n", chain);
}

void plan_iptables_close(FILE *out)
{
	fputs("COMMIT\n", out);
}

/*
 * -N instead of a chain line: that would empty a chain that is already there, so a second load would close a running
 * firewall. As it is, a second load fails on -N and changes nothing. Closed first: the jump comes when its chain drops.
 */
void plan_iptables_base(const struct plan_options *o, FILE *out)
{
	fputs("*filter\n-N otfw-forward\n-A otfw-forward -m comment --comment \"otfw closed\" -j DROP\n"
	      "-I FORWARD 1 -j otfw-forward\nCOMMIT\n"
	      "*raw\n-N otfw-prerouting\n-I PREROUTING 1 -j otfw-prerouting\nCOMMIT\n"
	      "*mangle\n-N " PLAN_LAYOUT_CHAIN
	      "\n-N otfw-post_safety\n-N otfw-post_queued\n-N otfw-post_kernel\n-N otfw-postrouting\n",
	      out);
	plan_ledger(plan_iptables_rule, o, out);
	fputs("-I POSTROUTING 1 -j otfw-postrouting\nCOMMIT\n", out);
}

/* Jumps and what they lead to. Chains that nothing leads to any more are harmless; the guardian sweeps those that it finds. */
void plan_iptables_remove(const struct plan_options *o, FILE *out)
{
	(void)o;
	fputs("*filter\n-D FORWARD -j otfw-forward\n-F otfw-forward\nCOMMIT\n"
	      "*raw\n-D PREROUTING -j otfw-prerouting\n-F otfw-prerouting\n-X otfw-prerouting\nCOMMIT\n"
	      "*mangle\n-D POSTROUTING -j otfw-postrouting\n-F otfw-postrouting\n-X otfw-postrouting\n-X " PLAN_LAYOUT_CHAIN
	      "\nCOMMIT\n",
	      out);
}
