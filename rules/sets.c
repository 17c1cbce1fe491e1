/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/sets.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void set_add(struct arena *a, struct intervals *s, int64_t lo, int64_t hi)
{
	s->v = arena_more(a, s->v, s->n, sizeof(*s->v));
	s->v[s->n++] = (struct interval){lo, hi};
}

static int by_lo(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi < y->hi ? -1 : x->hi > y->hi;
}

void set_normalise(struct intervals *s)
{
	size_t n = 0;

	if (s->any || !s->n) {
		s->n = 0;
		return;
	}
	qsort(s->v, s->n, sizeof(*s->v), by_lo);
	for (size_t i = 1; i < s->n; i++) {
		if (s->v[n].hi == INT64_MAX || s->v[i].lo <= s->v[n].hi + 1) {
			if (s->v[i].hi > s->v[n].hi)
				s->v[n].hi = s->v[i].hi;
		} else {
			s->v[++n] = s->v[i];
		}
	}
	s->n = n + 1;
}

struct intervals set_subtract(struct arena *a, const struct intervals *from, const struct intervals *what)
{
	struct intervals out = {0};

	for (size_t i = 0; i < from->n; i++) {
		int64_t lo = from->v[i].lo, hi = from->v[i].hi;
		bool left = true;

		for (size_t j = 0; j < what->n && left; j++) {
			const struct interval *w = &what->v[j];

			if (w->hi < lo || w->lo > hi)
				continue;
			if (w->lo > lo)
				set_add(a, &out, lo, w->lo - 1);
			if (w->hi >= hi)
				left = false;
			else
				lo = w->hi + 1;
		}
		if (left)
			set_add(a, &out, lo, hi);
	}
	set_normalise(&out);
	return out;
}

bool set_holds(const struct intervals *s, int64_t lo, int64_t hi)
{
	if (s->any)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].lo <= lo && hi <= s->v[i].hi)
			return true;
	return false;
}

bool set_within(const struct intervals *inner, const struct intervals *outer)
{
	if (outer->any)
		return true;
	if (inner->any)
		return false;
	for (size_t i = 0; i < inner->n; i++)
		if (!set_holds(outer, inner->v[i].lo, inner->v[i].hi))
			return false;
	return true;
}

bool set_meets(const struct intervals *x, const struct intervals *y)
{
	if (x->any || y->any)
		return (x->any || x->n) && (y->any || y->n);
	for (size_t i = 0, j = 0; i < x->n && j < y->n;) {
		if (x->v[i].hi < y->v[j].lo)
			i++;
		else if (y->v[j].hi < x->v[i].lo)
			j++;
		else
			return true;
	}
	return false;
}

static bool same_prefix(const uint8_t *x, const uint8_t *y, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(x, y, whole))
		return false;
	return !rest || !((x[whole] ^ y[whole]) >> (8 - rest));
}

bool net_within(const struct model_net *inner, const struct model_net *outer)
{
	return inner->plen >= outer->plen && same_prefix(inner->ip, outer->ip, outer->plen);
}

bool net_meets(const struct model_net *x, const struct model_net *y)
{
	return net_within(x, y) || net_within(y, x);
}

bool nets_hold(const struct model_nets *outer, const struct model_net *inner)
{
	for (size_t i = 0; i < outer->n; i++)
		if (net_within(inner, &outer->v[i]))
			return true;
	return false;
}

void nets_add(struct arena *a, struct model_nets *nets, const struct model_net *net)
{
	nets->v = arena_more(a, nets->v, nets->n, sizeof(*nets->v));
	nets->v[nets->n++] = *net;
}

static int by_address(const void *a, const void *b)
{
	const struct model_net *x = a, *y = b;
	int c = memcmp(x->ip, y->ip, 16);

	return c ? c : (int)x->plen - (int)y->plen;
}

void nets_normalise(struct model_nets *nets)
{
	size_t n = 0;

	if (!nets->n)
		return;
	qsort(nets->v, nets->n, sizeof(*nets->v), by_address);
	for (size_t i = 1; i < nets->n; i++) /* a network sorts before what it holds */
		if (!net_within(&nets->v[i], &nets->v[n]))
			nets->v[++n] = nets->v[i];
	nets->n = n + 1;
}

const char *net_text(struct arena *a, const struct model_net *net)
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = net->plen >= 96 && !memcmp(net->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? net->ip + 12 : net->ip, text, sizeof(text));
	if (net->plen == 128)
		return arena_print(a, "%s", text);
	return arena_print(a, "%s/%d", text, v4 ? net->plen - 96 : net->plen);
}

bool end_within(const struct model_end *inner, const struct model_end *outer)
{
	if (outer->has_unit && !(inner->has_unit && inner->unit == outer->unit))
		return false;
	for (size_t i = 0; i < inner->addrs.n; i++)
		if (!nets_hold(&outer->addrs, &inner->addrs.v[i]))
			return false;
	return true;
}

bool ends_within(const struct model_ends *inner, const struct model_ends *outer)
{
	for (size_t i = 0; i < inner->n; i++) {
		bool found = false;

		for (size_t j = 0; j < outer->n && !found; j++)
			found = end_within(&inner->v[i], &outer->v[j]);
		if (!found)
			return false;
	}
	return true;
}

static bool end_meets(const struct model_end *x, const struct model_end *y, bool stations)
{
	if (stations && x->has_unit && y->has_unit && x->unit != y->unit)
		return false;
	for (size_t i = 0; i < x->addrs.n; i++)
		for (size_t j = 0; j < y->addrs.n; j++)
			if (net_meets(&x->addrs.v[i], &y->addrs.v[j]))
				return true;
	return false;
}

bool ends_meet(const struct model_ends *x, const struct model_ends *y, bool stations)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t j = 0; j < y->n; j++)
			if (end_meets(&x->v[i], &y->v[j], stations))
				return true;
	return false;
}
