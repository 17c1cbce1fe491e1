/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the matcher share. Not for anyone else. */
#ifndef OTFW_RULES_POLICY_INNER_H
#define OTFW_RULES_POLICY_INNER_H

#include "rules/image.h"
#include "rules/policy.h"

/* Rules looked at to say which one came closest to allowing what was refused. */
#define POLICY_NEAR_MAX 256u
/* Slots looked at for one token bucket. */
#define RATE_PROBES 16u
/* Parts of a microsecond that token buckets count in, so that no rate up to a million a second is rounded. */
#define RATE_TICKS 256u

/* 128-bit addresses as two numbers, so that order is comparison. */
struct policy_ip {
	uint64_t hi, lo;
};

static inline struct policy_ip policy_ip(const uint8_t ip[16])
{
	struct policy_ip a = {0, 0};
	for (int i = 0; i < 8; i++) {
		a.hi = a.hi << 8 | ip[i];
		a.lo = a.lo << 8 | ip[8 + i];
	}
	return a;
}

static inline int policy_ip_cmp(struct policy_ip a, struct policy_ip b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/* Is x in the set? Its intervals are sorted. */
static inline bool interval_has(const struct image *m, struct image_span s, int64_t x)
{
	const struct image_interval *v = image_intervals(m) + s.at;
	uint32_t lo = 0, n = s.n;

	if (n == 1) /* most sets: one station, one range of values */
		return v->lo <= x && x <= v->hi;
	while (n > 0) {
		uint32_t half = n / 2;
		if (v[lo + half].hi < x) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo < s.n && v[lo].lo <= x;
}

/*
 * What a candidate of this rule may have in image_cand.plain, where every unit that leads to it is the slot's. cells: those of the
 * image or of the image to be; cell: the first of a run that ends at hi, or IMAGE_NONE.
 */
static inline uint32_t policy_plain(const struct image_rule *r, const struct image_cell *cells, uint32_t cell,
				    uint32_t hi, unsigned dir)
{
	uint32_t bits = r->access & (dir == 1 ? IMAGE_CHANGES : ~IMAGE_CHANGES) & ((1u << ACCESS_COUNT) - 1);

	if ((r->flags & IMAGE_RULE_NAMED) == 0)
		bits &= ~(1u << ACCESS_OPAQUE);
	if ((r->flags & IMAGE_RULE_MORE) != 0)
		return 0;
	if (dir == 0)
		return bits;
	if (cell == IMAGE_NONE)
		return (r->flags & IMAGE_RULE_BOUNDED) != 0 ? 0 : bits;
	while ((cells[cell].flags & IMAGE_CELL_BOUNDED) == 0 && cells[cell].step == 1) {
		if (cells[cell].last >= hi)
			return bits;
		cell++;
	}
	return 0;
}

/* The interval of the set that lies closest to x: in *lo, *hi. False for an empty set. */
bool interval_near(const struct image *m, struct image_span s, int64_t x, int64_t *lo, int64_t *hi);

/* What one PDU takes from the buckets if it passes. */
struct rate_takes {
	uint32_t n;
	struct {
		uint32_t rule, tokens;
	} v[PDU_OPS_MAX];
};

/* Can the bucket of rule and client give one token more than takes already claims? Claims it. */
bool rate_claim(const struct image_rule *rule, uint32_t number, const uint8_t client[16], int64_t now_us,
		const struct rates *rates, struct rate_takes *takes);
/* Takes what was claimed. False where a bucket finds no slot: then the PDU must not pass. */
bool rate_commit(const struct image *m, const uint8_t client[16], int64_t now_us, struct rates *rates,
		 const struct rate_takes *takes);

/* Is the rule in force by an overlay? Who lends it takes it back by the clock that counts from boot; the wall clock ends it too, where it is good. */
static inline bool policy_lent(const struct image_rule *r, const struct policy_now *now)
{
	return (r->flags & IMAGE_RULE_LENT) != 0 && !(now->clock_good && now->unix_us >= r->lent_until_us);
}

/* REASON_NONE, WHEN, UNTIL or CLOCK for the hours of a rule. */
enum reason policy_hours(const struct image *m, const struct image_rule *r, const struct policy_now *now);

/* The class of an address. */
uint32_t policy_class(const struct image *m, const uint8_t ip[16]);
/* Entries between two classes; NULL: none. */
const struct image_pair *policy_pair(const struct image *m, uint32_t client, uint32_t server);

#endif
