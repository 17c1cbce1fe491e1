/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a tuple to a conduit and a rule set: once per flow. */
#include "rules/policy_inner.h"

uint32_t policy_class(const struct image *m, const uint8_t ip[16])
{
	const struct image_atom *a = image_atoms(m);
	struct policy_ip x = policy_ip(ip);
	uint32_t at = 0, n = image_n_atoms(m);

	while (n > 1) {
		uint32_t half = n / 2;
		if (policy_ip_cmp((struct policy_ip){a[at + half].hi, a[at + half].lo}, x) <= 0)
			at += half;
		n -= half;
	}
	return a[at].class;
}

const struct image_pair *policy_pair(const struct image *m, uint32_t client, uint32_t server)
{
	const struct image_pair *v = image_pairs(m);
	uint32_t lo = 0, n = image_n_pairs(m);

	while (n > 0) {
		uint32_t half = n / 2;
		const struct image_pair *q = &v[lo + half];
		if (q->client < client || (q->client == client && q->server < server)) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo < image_n_pairs(m) && v[lo].client == client && v[lo].server == server ? &v[lo] : NULL;
}

/* The conduit whose scope both classes lie in, or IMAGE_NONE: two sorted lists without a common member. */
static uint32_t scope_of(const struct image *m, uint32_t client, uint32_t server)
{
	struct image_span a = image_classes(m)[client].clients, b = image_classes(m)[server].servers;
	const uint32_t *w = image_words(m);

	for (uint32_t i = 0, k = 0; i < a.n && k < b.n;) {
		uint32_t x = w[a.at + i], y = w[b.at + k];
		if (x == y)
			return x;
		if (x < y)
			i++;
		else
			k++;
	}
	return IMAGE_NONE;
}

static const struct image_entry *entry_of(const struct image *m, const struct image_pair *pair, uint32_t key)
{
	const struct image_entry *e = image_entries(m) + pair->entries.at;
	uint32_t lo = 0, n = pair->entries.n;

	while (n > 0) {
		uint32_t half = n / 2;
		if (e[lo + half].hi < key) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo < pair->entries.n && e[lo].lo <= key ? &e[lo] : NULL;
}

/* The settings of conduit c, with a reason why no lane is open. */
static void refuse(const struct image *m, uint32_t c, enum reason why, struct route *out)
{
	const struct image_conduit *conduit = &image_conduits(m)[c];

	out->reason = why;
	out->conduit = (uint16_t)c;
	out->zone = (uint16_t)conduit->to;
	out->mode = (enum policy_mode)conduit->mode;
	out->failure = (enum failure)conduit->failure;
	out->on_deny = (enum on_deny)conduit->on_deny;
	out->single_master = conduit->single_master != 0;
	out->deadline_us = conduit->deadline_us;
	out->answer_within_us = conduit->answer_within_us;
}

/* One direction. True when an entry takes it; otherwise out says how far it came. */
static bool route_one(const struct image *m, uint32_t client, uint32_t server, uint32_t key,
		      struct route *out)
{
	const struct image_pair *pair = policy_pair(m, client, server);
	const struct image_entry *e = pair != NULL ? entry_of(m, pair, key) : NULL;

	if (e == NULL) {
		uint32_t c = scope_of(m, client, server);
		if (c != IMAGE_NONE)
			refuse(m, c, REASON_NO_RULE, out);
		return false;
	}
	refuse(m, e->conduit, REASON_NONE, out);
	out->lane = (enum lane)e->lane;
	out->proto = -1;
	if (e->lane == LANE_INSPECTED)
		out->queue = (uint16_t)image_conduits(m)[e->conduit].queue;
	if (e->set != IMAGE_NONE) {
		const struct image_set *s = &image_sets(m)[e->set];
		out->proto = (int)s->proto;
		out->ruleset = e->set;
		out->options = s->options;
	}
	return true;
}

/* All that a conduit in learn or shadow mode takes because nothing else does. */
static bool is_rest(const struct route *r)
{
	return r->lane == LANE_INSPECTED && r->proto < 0;
}

/* Where anything goes in either direction: does it come from the server? That is the end with the lower port, and who answers an echo. */
static bool looks_answered(const struct tuple *t)
{
	switch (t->ipproto) {
	case 1: return t->dport == 0 || t->dport == 14 || t->dport == 16 || t->dport == 18;
	case 58: return t->dport == 129;
	default: return t->sport < t->dport;
	}
}

void policy_route(const struct policy *p, const struct tuple *t, bool both, struct route *out)
{
	const struct image *m = p->image;
	uint32_t src = policy_class(m, t->src), dst = policy_class(m, t->dst);
	uint32_t proto = (uint32_t)t->ipproto << 16;

	*out = (struct route){.reason = REASON_NO_CONDUIT,
			      .proto = -1,
			      .conduit = POLICY_NO_INDEX,
			      .zone = POLICY_NO_INDEX,
			      .queue = POLICY_NO_INDEX,
			      .ruleset = IMAGE_NONE};
	bool found = route_one(m, src, dst, proto | t->dport, out);
	if (found && (!both || !is_rest(out)))
		return;
	if (both) {
		struct route back = *out;
		back.lane = LANE_NONE;
		/* Who is the server where anything goes: who is so by a rule or a protocol, else by the looks of it. */
		if (route_one(m, dst, src, proto | t->sport, &back) &&
		    (!found || !is_rest(&back) || looks_answered(t))) {
			back.from_server = true;
			*out = back;
			return;
		}
		if (found)
			return;
		/* Neither is open: say what the packet's own direction came to, if that was anything. */
		if (out->reason == REASON_NO_CONDUIT && back.reason == REASON_NO_RULE) {
			back.from_server = true;
			*out = back;
		}
	}
	if (out->reason == REASON_NO_CONDUIT) {
		uint32_t to = image_classes(m)[dst].zone;
		if (to != IMAGE_NONE)
			out->zone = (uint16_t)to;
		if (to == IMAGE_NONE || image_classes(m)[src].zone == IMAGE_NONE)
			out->reason = REASON_NO_ZONE;
	}
}
