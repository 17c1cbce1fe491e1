/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/plan_rule.h"

static const char *family(const struct plan_options *o)
{
	return o->bridge ? "bridge" : "inet";
}

static const char *proto_word(uint8_t ipproto)
{
	switch (ipproto) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmpv6";
	default: return "ip";
	}
}

static void print_ports(const struct plan_rule *r, FILE *out)
{
	const char *field = r->side == SIDE_DPORT ? "dport" : r->side == SIDE_SPORT ? "sport" : "type";

	fprintf(out, " %s %s ", proto_word(r->ipproto), field);
	if (r->nports > 1)
		fputs("{ ", out);
	for (unsigned i = 0; i < r->nports; i++) {
		fprintf(out, "%s%u", i ? ", " : "", r->ports[i].lo);
		if (r->ports[i].hi != r->ports[i].lo)
			fprintf(out, "-%u", r->ports[i].hi);
	}
	if (r->nports > 1)
		fputs(" }", out);
}

static void print_ct(enum plan_ct ct, FILE *out)
{
	switch (ct) {
	case CT_ANY: break;
	case CT_ORIGINAL: fputs(" ct direction original", out); break;
	case CT_REPLY: fputs(" ct direction reply", out); break;
	case CT_INVALID: fputs(" ct state invalid", out); break;
	case CT_RELATED: fputs(" ct state related", out); break;
	}
}

/*
 * Pure ACKs by two small sets of (IP length, data offset), which BASE declares. IP options and extension headers fall through to the
 * queue.
 */
static void print_ack(const struct plan_rule *r, FILE *out)
{
	fputs(r->family == 4 ? " ip hdrlength 5 ip frag-off & 0x3fff == 0" : " ip6 nexthdr tcp", out);
	fputs(" tcp flags & (fin|syn|rst|psh|ack|urg) == ack", out);
	fputs(r->family == 4 ? " ip length . tcp doff @ack4" : " ip6 length . tcp doff @ack6", out);
}

static void print_matches(const struct plan_rule *r, FILE *out)
{
	char buf[64];

	if (r->in)
		fprintf(out, " iifname \"%s\"", r->in);
	if (r->out)
		fprintf(out, " oifname \"%s\"", r->out);
	if (r->src)
		fprintf(out, " %s saddr %s", plan_net_family(r->src) == 4 ? "ip" : "ip6",
			plan_net(r->src, buf, sizeof(buf)));
	if (r->dst)
		fprintf(out, " %s daddr %s", plan_net_family(r->dst) == 4 ? "ip" : "ip6",
			plan_net(r->dst, buf, sizeof(buf)));
	if (r->nports)
		print_ports(r, out);
	else if (r->ipproto && !r->pure_ack && r->syn == SYN_ANY)
		fprintf(out, " meta l4proto %u", r->ipproto);
	if (r->not_ipproto)
		fprintf(out, " meta l4proto != %u", r->not_ipproto);
	if (r->syn != SYN_ANY)
		fprintf(out, " tcp flags & (fin|syn|rst|ack) %s syn", r->syn == SYN_ONLY ? "==" : "!=");
	print_ct(r->ct, out);
	if (r->dead)
		fprintf(out, " ct mark & 0x%x == 0x%x", PLAN_MARK_MASK, PLAN_MARK_RESET);
	if (r->marked)
		fprintf(out, " ct mark & 0x%x != 0x0", PLAN_MARK_MASK);
	if (r->mark || r->no_mark)
		fprintf(out, " meta mark & 0x%x == 0x%x", PLAN_MARK_MASK, r->mark);
	/* A quoted number is seconds of unix time; a date would be read in the local time zone. */
	if (r->until_unix)
		fprintf(out, " meta time < \"%" PRId64 "\"", r->until_unix);
	if (r->hops_255)
		fputs(" ip6 hoplimit 255", out);
	if (r->pure_ack)
		print_ack(r, out);
}

static void print_action(const struct plan_rule *r, FILE *out)
{
	char prefix[POLICY_COPY_NAME];

	if (r->account)
		fprintf(out, " counter name \"%s\"", r->account);
	else if (r->label)
		fputs(" counter", out);
	switch (r->action) {
	case DO_COUNT: break;
	case DO_JUMP: fprintf(out, " jump %s", r->to); break;
	case DO_GOTO: fprintf(out, " goto %s", r->to); break;
	case DO_ACCEPT: fputs(" accept", out); break;
	case DO_DROP: fputs(" drop", out); break;
	case DO_NOTRACK: fputs(" notrack", out); break;
	case DO_RETURN: fputs(" return", out); break;
	case DO_REJECT: fputs(" reject with tcp reset", out); break;
	case DO_MARK:
		fprintf(out, " meta mark set meta mark & 0x%08x | 0x%x", ~PLAN_MARK_MASK, r->value);
		break;
	case DO_CONNMARK:
		fprintf(out, " ct mark set ct mark & 0x%08x | 0x%x", ~PLAN_MARK_MASK, r->value);
		break;
	case DO_COPY:
		fprintf(out, " log prefix \"%s\" group %u queue-threshold 1",
			policy_copy_name(r->names[0], prefix), PLAN_COPY_GROUP);
		if (r->value)
			fprintf(out, " snaplen %u", r->value);
		break;
	case DO_QUEUE: fprintf(out, " queue num %u%s", r->value, r->bypass ? " bypass" : ""); break;
	}
}

void plan_nft_rule(const struct plan_options *o, const struct plan_rule *r, FILE *out)
{
	/* Made if it is not there; one that is there keeps its count. */
	if (r->account)
		fprintf(out, "add counter %s otfw %s\n", family(o), r->account);
	fprintf(out, "add rule %s otfw %s", family(o), r->chain);
	print_matches(r, out);
	print_action(r, out);
	if (r->label) {
		fputs(" comment \"", out);
		plan_comment(r, out);
		fputc('"', out);
	}
	fputc('\n', out);
}

/* Made if it is not there, and emptied: one transaction with the rules that follow, so nobody sees it empty. */
void plan_nft_chain(const struct plan_options *o, const char *chain, FILE *out)
{
	fprintf(out, "add chain %s otfw %s\nflush chain %s otfw %s\n", family(o), chain, family(o), chain);
}

static void print_ack_set(const char *name, const char *type, unsigned base, FILE *out)
{
	fprintf(out, "\tset %s {\n\t\ttypeof %s . tcp doff\n\t\telements = { ", name, type);
	for (unsigned doff = 5; doff <= 15; doff++)
		fprintf(out, "%s%u . %u", doff > 5 ? ", " : "", base + 4 * doff, doff);
	fputs(" }\n\t}\n", out);
}

/*
 * On a bridge: nft can reject there only before the forward hook, and what is known of a session only behind connection tracking (-200). The sender of
 * a session that an engine has reset learns of it with its next segment; the safety lane is untracked and has no mark. What is
 * rejected here never enters the forward path, so it is in no zone's account.
 */
static void print_bridge_reset(FILE *out)
{
	fprintf(out,
		"table bridge otfw {\n"
		"\tchain hook_reset {\n\t\ttype filter hook prerouting priority -150; policy accept;\n\t}\n}\n"
		"flush chain bridge otfw hook_reset\n"
		"add rule bridge otfw hook_reset ct mark & 0x%x == 0x%x tcp flags & (fin|syn|rst|ack) != syn counter "
		"reject with tcp reset comment \"otfw bridge-reset\"\n",
		PLAN_MARK_MASK, PLAN_MARK_RESET);
}

/*
 * Chains without rules may be declared again and again. The hooks' own rules are replaced by the same, which leaves waiting
 * packets alone. The forward hook drops what its chain does not accept, so it is closed until it is filled. A dropping policy is
 * also what remains should somebody flush the chain.
 */
void plan_nft_base(const struct plan_options *o, FILE *out)
{
	const char *f = family(o);

	fprintf(out, "table %s otfw {\n", f);
	print_ack_set("ack4", "ip length", 20, out);
	print_ack_set("ack6", "ip6 length", 0, out);
	fputs("\tchain prerouting {\n\t}\n\tchain forward {\n\t}\n\tchain postrouting {\n\t}\n"
	      "\tchain post_safety {\n\t}\n\tchain post_queued {\n\t}\n\tchain post_kernel {\n\t}\n"
	      "\tcounter entered {\n\t}\n"
	      "\tchain hook_prerouting {\n\t\ttype filter hook prerouting priority -300; policy accept;\n\t}\n"
	      "\tchain hook_forward {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n"
	      "\tchain hook_postrouting {\n\t\ttype filter hook postrouting priority -150; policy accept;\n\t}\n"
	      "}\n",
	      out);
	fprintf(out,
		"flush chain %s otfw hook_prerouting\nadd rule %s otfw hook_prerouting jump prerouting\n"
		"flush chain %s otfw hook_forward\n"
		"add rule %s otfw hook_forward counter name \"entered\" jump forward comment \"otfw entered\"\n"
		"flush chain %s otfw hook_postrouting\nadd rule %s otfw hook_postrouting jump postrouting\n"
		"flush chain %s otfw postrouting\n",
		f, f, f, f, f, f, f);
	if (o->bridge)
		print_bridge_reset(out);
	plan_ledger(plan_nft_rule, o, out);
}

/* Takes base chains away, and with them whatever waits in any queue. */
void plan_nft_remove(const struct plan_options *o, FILE *out)
{
	fprintf(out, "add table %s otfw\ndelete table %s otfw\n", family(o), family(o));
}
