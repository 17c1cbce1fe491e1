/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are not IP, on a bridge: those that the policy names by EtherType, and no other. */
#include "rules/plan_rule.h"

/* 802.3/LLC has no EtherType and is never named. */
void plan_ethertypes(const struct plan *pl, const char *table)
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
	plan_ethertypes(pl, "otfw_link");
	fputs("add rule bridge otfw_link forward accept\n", pl->out);
}

int plan_link(const struct plan *pl, enum plan_part part)
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
