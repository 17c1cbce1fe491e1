/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules found by an address. A kernel that has only lists looks through them one by one, so a long list becomes a tree. A node is a
 * chain; where more than LEAF entries of one prefix length would stand in it, it holds a jump for each of the up to
 * 2^BRANCH_BITS prefixes they share, and they stand in the chains behind. What is in none comes back and goes on.
 */
#include <stdio.h>
#include <string.h>

#include "rules/plan_rule.h"

#define LEAF        8u
#define BRANCH_BITS 4u

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

static const struct policy_net *net(const struct plan_tree *t, size_t i)
{
	return t->net(t, i);
}

/* Entries a..b-1, of one prefix length, into the chain of that name. */
static void fill(const struct plan *pl, struct plan_tree *t, const char *name, size_t a, size_t b)
{
	const struct policy_net *first = net(t, a);
	unsigned shared = common_bits(first->ip, net(t, b - 1)->ip);

	/* The depth is bounded: each level takes at least one bit of the address. */
	if (b - a <= LEAF || shared >= first->plen) {
		for (; a < b; a++)
			t->put(pl, t, name, a);
		return;
	}
	unsigned bits = shared + BRANCH_BITS < first->plen ? shared + BRANCH_BITS : first->plen;
	for (size_t j; a < b; a = j) {
		char child[PLAN_CHAIN_NAME];
		struct policy_net at;
		struct plan_rule r = {.table = t->table, .chain = name, .action = DO_JUMP, .to = child};

		for (j = a + 1; j < b && common_bits(net(t, a)->ip, net(t, j)->ip) >= bits; j++)
			;
		if (j == a + 1) {
			t->put(pl, t, name, a);
			continue;
		}
		snprintf(child, sizeof(child), "%s_%u", t->name, t->chains++);
		prefix(&at, net(t, a), bits);
		*(t->by_source ? &r.src : &r.dst) = &at;
		plan_chain(pl, child);
		fill(pl, t, child, a, j);
		plan_put(pl, &r);
	}
}

void plan_tree(const struct plan *pl, struct plan_tree *t, const char *chain)
{
	for (size_t i = 0, j; i < t->n; i = j) {
		for (j = i + 1; j < t->n && net(t, j)->plen == net(t, i)->plen; j++)
			;
		fill(pl, t, chain, i, j);
	}
}

int plan_net_order(const struct policy_net *a, const struct policy_net *b)
{
	if (a->plen != b->plen)
		return a->plen > b->plen ? -1 : 1;
	return memcmp(a->ip, b->ip, 16);
}
