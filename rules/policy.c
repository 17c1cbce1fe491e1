/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an open image says of names and settings. */
#include <string.h>

#include "rules/policy_inner.h"

static const char *string_at(const struct image *m, uint32_t at)
{
	return image_strings(m) + at;
}

/* A string that may not have been given. */
static const char *string_or_null(const struct image *m, uint32_t at)
{
	return at == 0 ? NULL : string_at(m, at);
}

static uint16_t index16(uint32_t i)
{
	return i < POLICY_NO_INDEX ? (uint16_t)i : (uint16_t)POLICY_NO_INDEX;
}

const uint8_t *policy_digest(const struct policy *p)
{
	return p->image->digest;
}

const uint8_t *policy_base_digest(const struct policy *p)
{
	return p->image->lent != 0 ? p->image->base : p->image->digest;
}

unsigned policy_zones(const struct policy *p)
{
	return image_n_zones(p->image);
}

unsigned policy_conduits(const struct policy *p)
{
	return image_n_conduits(p->image);
}

unsigned policy_rules(const struct policy *p)
{
	return image_n_rules(p->image);
}

unsigned policy_queues(const struct policy *p)
{
	return image_n_queues(p->image);
}

bool policy_zone_get(const struct policy *p, unsigned i, struct policy_zone *out)
{
	if (i >= image_n_zones(p->image))
		return false;
	const struct image_zone *z = &image_zones(p->image)[i];
	*out = (struct policy_zone){.name = string_at(p->image, z->name),
				    .level = z->level,
				    .failure = (enum failure)z->failure,
				    .deadline_us = z->deadline_us,
				    .safety = z->safety != 0,
				    .queue = index16(z->queue)};
	return true;
}

bool policy_conduit_get(const struct policy *p, unsigned i, struct policy_conduit *out)
{
	if (i >= image_n_conduits(p->image))
		return false;
	const struct image_conduit *c = &image_conduits(p->image)[i];
	*out = (struct policy_conduit){.name = string_at(p->image, c->name),
				       .lane = (enum lane)c->lane,
				       .to = index16(c->to),
				       .queue = index16(c->queue),
				       .mode = (enum policy_mode)c->mode,
				       .on_deny = (enum on_deny)c->on_deny,
				       .failure = (enum failure)c->failure,
				       .deadline_us = c->deadline_us,
				       .answer_within_us = c->answer_within_us,
				       .at_most = c->at_most,
				       .single_master = c->single_master != 0,
				       .first_rule = c->rules.at,
				       .nrules = c->rules.n};
	return true;
}

bool policy_rule_get(const struct policy *p, unsigned i, struct policy_rule *out)
{
	if (i >= image_n_rules(p->image))
		return false;
	const struct image_rule *r = &image_rules(p->image)[i];
	*out = (struct policy_rule){.id = string_at(p->image, r->id),
				    .reason = string_or_null(p->image, r->reason),
				    .owner = string_or_null(p->image, r->owner),
				    .ticket = string_or_null(p->image, r->ticket),
				    .conduit = index16(r->conduit),
				    .lane = (enum lane)r->lane,
				    .proto = r->proto};
	return true;
}

bool policy_queue_get(const struct policy *p, unsigned i, struct policy_queue *out)
{
	if (i >= image_n_queues(p->image))
		return false;
	const struct image_queue *q = &image_queues(p->image)[i];
	*out = (struct policy_queue){.engine = string_at(p->image, q->engine),
				     .failure = (enum failure)q->failure,
				     .deadline_us = q->deadline_us};
	return true;
}

bool policy_unlock_get(const struct policy *p, unsigned rule, struct policy_unlock *out)
{
	if (rule >= image_n_rules(p->image))
		return false;
	const struct image_rule *r = &image_rules(p->image)[rule];
	*out = (struct policy_unlock){.max_us = r->unlock_max_us,
				      .approvals = r->unlock_approvals,
				      .lent = (r->flags & IMAGE_RULE_LENT) != 0,
				      .until_us = r->lent_until_us};
	return (r->flags & (IMAGE_RULE_UNLOCK | IMAGE_RULE_LENT)) != 0;
}

const char *policy_site(const struct policy *p)
{
	return string_at(p->image, p->image->site);
}

const char *policy_host_name(const struct policy *p, const uint8_t ip[16], int64_t unit)
{
	const struct image_host *h = image_hosts(p->image);
	struct policy_ip a = policy_ip(ip);
	uint32_t lo = 0, n = image_n_hosts(p->image);

	if (unit < 0)
		unit = -1;
	while (n > 0) {
		uint32_t half = n / 2;
		int c = policy_ip_cmp((struct policy_ip){h[lo + half].hi, h[lo + half].lo}, a);
		if (c < 0 || (c == 0 && h[lo + half].unit < unit)) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	if (lo >= image_n_hosts(p->image) || h[lo].hi != a.hi || h[lo].lo != a.lo || h[lo].unit != unit)
		return NULL;
	return string_at(p->image, h[lo].name);
}

int policy_zone_of(const struct policy *p, const uint8_t ip[16])
{
	uint32_t zone = image_classes(p->image)[policy_class(p->image, ip)].zone;

	return zone == IMAGE_NONE ? -1 : (int)zone;
}

static struct policy_net net_of(const struct image_net *n)
{
	struct policy_net out = {.plen = (uint8_t)n->plen};

	memcpy(out.ip, n->ip, sizeof(out.ip));
	return out;
}

static bool net_in(const struct policy *p, struct image_span s, unsigned i, struct policy_net *out)
{
	if (i >= s.n)
		return false;
	*out = net_of(&image_nets(p->image)[s.at + i]);
	return true;
}

unsigned policy_flows(const struct policy *p)
{
	return image_n_flows(p->image);
}

bool policy_flow_get(const struct policy *p, unsigned i, struct policy_flow *out)
{
	if (i >= image_n_flows(p->image))
		return false;
	const struct image_flow *f = &image_flows(p->image)[i];
	const struct image_conduit *c = &image_conduits(p->image)[f->conduit];
	*out = (struct policy_flow){.conduit = index16(f->conduit),
				    .rule = index16(f->rule),
				    .lane = (enum lane)f->lane,
				    .mode = (enum policy_mode)c->mode,
				    .failure = (enum failure)c->failure,
				    .client = net_of(&f->client),
				    .server = net_of(&f->server),
				    .ipproto = (uint8_t)f->ipproto,
				    .lo = f->lo,
				    .hi = f->hi,
				    .queue = f->lane == LANE_INSPECTED ? index16(c->queue)
								       : (uint16_t)POLICY_NO_INDEX,
				    .multicast = f->multicast != 0,
				    .rest = f->lane == LANE_INSPECTED && f->rule == IMAGE_NONE && f->lo == 0};
	return true;
}

bool policy_zone_net(const struct policy *p, unsigned zone, unsigned i, struct policy_net *out)
{
	return zone < image_n_zones(p->image) && net_in(p, image_zones(p->image)[zone].nets, i, out);
}

static const struct image_conduit *safety_conduit(const struct policy *p, unsigned i)
{
	if (i >= image_n_conduits(p->image) || image_conduits(p->image)[i].lane != LANE_SAFETY)
		return NULL;
	return &image_conduits(p->image)[i];
}

bool policy_safety_get(const struct policy *p, unsigned conduit, struct policy_safety *out)
{
	const struct image_conduit *c = safety_conduit(p, conduit);

	if (c == NULL)
		return false;
	*out = (struct policy_safety){.mirror = c->mirror != 0,
				      .watchdog_us = c->watchdog_us,
				      .expect_max = c->expect_max,
				      .expect_window_us = c->expect_window_us,
				      .interfaces = c->interfaces.n};
	return true;
}

const char *policy_interface(const struct policy *p, unsigned conduit, unsigned i)
{
	const struct image_conduit *c = safety_conduit(p, conduit);

	if (c == NULL || i >= c->interfaces.n)
		return NULL;
	return string_at(p->image, image_words(p->image)[c->interfaces.at + i]);
}

bool policy_peer(const struct policy *p, unsigned conduit, unsigned i, struct policy_net *out)
{
	const struct image_conduit *c = safety_conduit(p, conduit);

	return c != NULL && net_in(p, c->peers, i, out);
}

bool policy_group(const struct policy *p, unsigned conduit, unsigned i, struct policy_net *out)
{
	const struct image_conduit *c = safety_conduit(p, conduit);

	return c != NULL && net_in(p, c->groups, i, out);
}

bool policy_ethertype(const struct policy *p, unsigned i, uint16_t *lo, uint16_t *hi)
{
	struct image_span s = p->image->ethertypes;

	if (i >= s.n)
		return false;
	const struct image_interval *v = &image_intervals(p->image)[s.at + i];
	*lo = (uint16_t)v->lo;
	*hi = (uint16_t)v->hi;
	return true;
}
