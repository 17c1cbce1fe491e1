/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rates and hours. A rate is a GCRA bucket: it stores the time at which it would be empty-handed again (the theoretical
 * arrival time), so that a bucket is one number and nothing refills it.
 */
#include "rules/policy_inner.h"

#define DAY_US 86400000000

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t bucket_key(const struct image_rule *r, const uint8_t client[16])
{
	uint64_t k = r->rate_key;

	if ((r->flags & IMAGE_RULE_PER_CLIENT) != 0 && client != NULL) {
		struct policy_ip a = policy_ip(client);
		k = mix(k ^ a.hi);
		k = mix(k ^ a.lo);
	}
	return k != 0 ? k : 1;
}

/* The bucket's slot, or one that it may have: free, or full again so that forgetting it changes nothing. NULL: none. */
static struct rate_slot *find_slot(const struct rates *rates, uint64_t key, uint64_t now)
{
	struct rate_slot *spare = NULL;

	if (rates->n == 0)
		return NULL;
	for (uint32_t i = 0; i < RATE_PROBES; i++) {
		struct rate_slot *s = &rates->slots[(key + i) & (rates->n - 1)];
		if (s->key == key)
			return s;
		if (spare == NULL && (s->key == 0 || s->tat <= now))
			spare = s;
	}
	return spare;
}

static uint64_t ticks(int64_t now_us)
{
	return now_us > 0 ? (uint64_t)now_us * RATE_TICKS : 0;
}

/*
 * Where the bucket stands. A bucket cannot be emptier than empty unless the clock went back: then it is put to empty at the new
 * time, for otherwise it would stay shut until the clock has caught up.
 */
static uint64_t arrival(const struct image_rule *r, struct rate_slot *s, uint64_t key, uint64_t now)
{
	uint64_t emptiest = now + r->rate_room + r->rate_step;

	if (s->key != key || s->tat < now)
		return now;
	if (s->tat > emptiest)
		s->tat = emptiest;
	return s->tat;
}

bool rate_claim(const struct image_rule *rule, uint32_t number, const uint8_t client[16], int64_t now_us,
		const struct rates *rates, struct rate_takes *takes)
{
	uint64_t key = bucket_key(rule, client), now = ticks(now_us);
	struct rate_slot *s = find_slot(rates, key, now);
	uint32_t i = 0;

	if (s == NULL)
		return false;
	while (i < takes->n && takes->v[i].rule != number)
		i++;
	uint64_t claimed = i < takes->n ? takes->v[i].tokens : 0;
	if (arrival(rule, s, key, now) + claimed * rule->rate_step > now + rule->rate_room)
		return false;
	if (i == takes->n) {
		if (i == PDU_OPS_MAX)
			return false;
		takes->v[i].rule = number;
		takes->v[i].tokens = 0;
		takes->n++;
	}
	takes->v[i].tokens++;
	return true;
}

bool rate_commit(const struct image *m, const uint8_t client[16], int64_t now_us, struct rates *rates,
		 const struct rate_takes *takes)
{
	uint64_t now = ticks(now_us);

	for (uint32_t i = 0; i < takes->n; i++) {
		const struct image_rule *r = &image_rules(m)[takes->v[i].rule];
		uint64_t key = bucket_key(r, client);
		struct rate_slot *s = find_slot(rates, key, now);
		if (s == NULL)
			return false;
		s->tat = arrival(r, s, key, now) + takes->v[i].tokens * r->rate_step;
		s->key = key;
	}
	return true;
}

/* Microseconds that local time is ahead of UTC at that moment. */
static int64_t offset_at(const struct image *m, int64_t unix_us)
{
	const struct image_offset *t = image_offsets(m);
	uint32_t at = 0, n = image_n_offsets(m);

	while (n > 1) {
		uint32_t half = n / 2;
		if (t[at + half].from_us <= unix_us)
			at += half;
		n -= half;
	}
	return t[at].offset_us;
}

enum reason policy_hours(const struct image *m, const struct image_rule *r, const struct policy_now *now)
{
	if ((r->flags & (IMAGE_RULE_LENT | IMAGE_RULE_UNLOCK)) == IMAGE_RULE_LENT && !policy_lent(r, now))
		return REASON_UNTIL;
	if ((r->flags & (IMAGE_RULE_WHEN | IMAGE_RULE_UNTIL)) == 0)
		return REASON_NONE;
	/* A day either way of the representable is no time of a plant; it keeps the sums below in range. */
	if (!now->clock_good || now->unix_us > INT64_MAX - 2 * DAY_US || now->unix_us < 0)
		return REASON_CLOCK;
	if ((r->flags & IMAGE_RULE_UNTIL) != 0 && now->unix_us >= r->until_us)
		return REASON_UNTIL;
	if ((r->flags & IMAGE_RULE_WHEN) == 0)
		return REASON_NONE;

	int64_t local = now->unix_us + offset_at(m, now->unix_us);
	int64_t day = local / DAY_US - (local % DAY_US < 0);
	uint32_t minute = (uint32_t)((local - day * DAY_US) / 60000000);
	/* 1970-01-01 was a Thursday: day 3 of a week that begins on Monday. */
	uint32_t weekday = (uint32_t)(((day % 7) + 7 + 3) % 7);
	bool today = (r->days >> weekday & 1) != 0, yesterday = (r->days >> ((weekday + 6) % 7) & 1) != 0;
	bool open;
	if (r->from_min < r->to_min)
		open = today && minute >= r->from_min && minute < r->to_min;
	else
		open = (today && minute >= r->from_min) || (yesterday && minute < r->to_min);
	return open ? REASON_NONE : REASON_WHEN;
}
