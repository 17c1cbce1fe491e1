/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>

#include "rules/plan.h"
#include "rules/plan_opening.h"

static const char *family_of(bool bridge)
{
	return bridge ? "bridge" : "inet";
}

/*
 * Told apart by addresses, the UDP header's destination port and length (32 bits from bit 16), and the id (from bit 112). Raw, because nft 1.0.6
 * loses the types of a set with one part more.
 *
 * A set of intervals cannot forget what nobody renews: where lengths vary, `varied` knows which, and `alive` whether it is still in use.
 */
static void one_family(const char *family, const char *ip, const char *n, bool fresh, FILE *out)
{
	char set[16];

	snprintf(set, sizeof(set), "opened%s", n);
	fprintf(out,
		"add set %s otfw_opened %s { typeof %s saddr . %s daddr . @th,16,32 . @th,112,32; "
		"flags dynamic,timeout; timeout %us; size %u; }\n",
		family, set, ip, ip, PLAN_OPENING_S, PLAN_OPENINGS);
	fprintf(out,
		"add rule %s otfw_opened early meta l4proto udp %s saddr . %s daddr . @th,16,32 . @th,112,32 @%s "
		"meta mark set meta mark & 0x%x | 0x%x update @%s { %s saddr . %s daddr . @th,16,32 . @th,112,32 timeout "
		"%us } counter comment \"otfw opened\"\n",
		family, ip, ip, set, ~PLAN_MARK_MASK, PLAN_MARK_OPENED, set, ip, ip, PLAN_OPENING_S);
	fprintf(out,
		"add set %s otfw_opened varied%s { typeof %s saddr . %s daddr . @th,16,32 . @th,112,32; "
		"flags interval; size %u; }\n",
		family, n, ip, ip, PLAN_OPENINGS);
	fprintf(out,
		"add set %s otfw_opened alive%s { typeof %s saddr . %s daddr . @th,16,16 . @th,112,32; "
		"flags dynamic,timeout; timeout %us; size %u; }\n",
		family, n, ip, ip, PLAN_OPENING_S, PLAN_OPENINGS);
	if (fresh)
		fprintf(out, "flush set %s otfw_opened varied%s\n", family, n);
	fprintf(out,
		"add rule %s otfw_opened early meta l4proto udp %s saddr . %s daddr . @th,16,16 . @th,112,32 @alive%s "
		"%s saddr . %s daddr . @th,16,32 . @th,112,32 @varied%s meta mark set meta mark & 0x%x | 0x%x "
		"update @alive%s { %s saddr . %s daddr . @th,16,16 . @th,112,32 timeout %us } "
		"counter comment \"otfw opened\"\n",
		family, ip, ip, n, ip, ip, n, ~PLAN_MARK_MASK, PLAN_MARK_OPENED, n, ip, ip, PLAN_OPENING_S);
}

void plan_opening_table(bool bridge, bool fresh, FILE *out)
{
	const char *family = family_of(bridge);

	fprintf(out, "add table %s otfw_opened\n", family);
	/* Ahead of `raw`, where the main ruleset begins. */
	fprintf(out, "add chain %s otfw_opened early { type filter hook prerouting priority %s; }\n", family,
		"-310");
	fprintf(out, "flush chain %s otfw_opened early\n", family);
	one_family(family, "ip", "4", fresh, out);
	one_family(family, "ip6", "6", fresh, out);
}

void plan_opening_put(bool bridge, const struct plan_opening *o, bool close, FILE *out)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool v4 = memcmp(o->from, mapped, sizeof(mapped)) == 0;
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	if (v4 != (memcmp(o->to, mapped, sizeof(mapped)) == 0))
		return; /* one end of each family: no such datagram */
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? o->from + 12 : o->from, from, sizeof(from)) ||
	    !inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? o->to + 12 : o->to, to, sizeof(to)))
		return;
	uint32_t port = (uint32_t)o->port << 16, lo = port | (uint32_t)(o->lo + PLAN_OPENING_LEN),
		 hi = port | (uint32_t)(o->hi + PLAN_OPENING_LEN);
	/* What is not there cannot be taken away: it is added first. */
	for (int pass = 0; pass <= close; pass++) {
		fprintf(out, "%s element %s otfw_opened ", pass ? "delete" : "add", family_of(bridge));
		if (o->lo == o->hi) {
			fprintf(out, "opened%c { %s . %s . 0x%08x . 0x%08x }\n", v4 ? '4' : '6', from, to, lo,
				o->id);
			continue;
		}
		fprintf(out, "varied%c { %s . %s . 0x%08x-0x%08x . 0x%08x }\n", v4 ? '4' : '6', from, to, lo,
			hi, o->id);
		fprintf(out, "%s element %s otfw_opened alive%c { %s . %s . 0x%04x . 0x%08x }\n",
			pass ? "delete" : "add", family_of(bridge), v4 ? '4' : '6', from, to, o->port, o->id);
	}
}

void plan_opening_remove(bool bridge, FILE *out)
{
	fprintf(out, "add table %s otfw_opened\ndelete table %s otfw_opened\n", family_of(bridge),
		family_of(bridge));
}
