/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/asset.h"

#include <string.h>

#include "fwd/common/slots.h"

_Static_assert((ASSET_SETS & (ASSET_SETS - 1)) == 0 && (ASSET_RING & (ASSET_RING - 1)) == 0,
	       "positions wrap by a mask");
_Static_assert(SIGHT_IDENTITY % 8 == 0, "identities are hashed by words");

static struct slots ring(struct assets *a)
{
	return (struct slots){.head = &a->head,
			      .at = a->ring,
			      .n = ASSET_RING,
			      .slot = sizeof(struct asset_slot),
			      .record = sizeof(struct sighting)};
}

static uint64_t hash_of(const struct sighting *s)
{
	uint64_t h = UINT64_C(0x9e3779b97f4a7c15), word;

	for (size_t i = 0; i < SIGHT_IDENTITY; i += sizeof(word)) {
		memcpy(&word, (const char *)s + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 29;
	}
	return h ? h : 1;
}

/* An engine that dies in between has it told twice: nothing is added up. */
static void tell(struct assets *a, struct asset_entry *e, int64_t now_us)
{
	struct slots r = ring(a);

	slots_put(&r, &e->s);
	e->more = 0;
	e->told_us = now_us;
}

static bool too_many(struct assets *a, const struct sighting *s)
{
	int64_t second = s->last_us / 1000000;

	if (a->second != second) {
		a->second = second;
		a->fresh[0] = a->fresh[1] = 0;
	}
	if (a->fresh[s->ident != SIGHT_NO_IDENT]++ < ASSET_FRESH_A_SECOND)
		return false;
	atomic_store_explicit(&a->spared, atomic_load_explicit(&a->spared, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	return true;
}

bool asset_note(struct assets *a, const struct sighting *s)
{
	uint64_t hash = hash_of(s);
	struct asset_entry *set = &a->entries[(hash & (ASSET_SETS - 1)) * ASSET_WAYS], *oldest = set;

	for (unsigned i = 0; i < ASSET_WAYS; i++) {
		struct asset_entry *e = &set[i];

		if (e->hash == hash && memcmp(&e->s, s, SIGHT_IDENTITY) == 0) {
			e->s.last_us = s->last_us;
			if (s->has_mac) {
				memcpy(e->s.mac, s->mac, sizeof(e->s.mac));
				e->s.has_mac = 1;
			}
			e->more++;
			return true;
		}
		if (oldest->hash != 0 && (e->hash == 0 || e->s.last_us < oldest->s.last_us))
			oldest = e;
	}
	if (too_many(a, s))
		return false;
	if (oldest->hash != 0 && oldest->more)
		tell(a, oldest, s->last_us);
	/* In this order: an engine that dies here leaves a free entry, never a torn one. */
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&oldest->hash = 0;
	oldest->s = *s;
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint64_t *)&oldest->hash = hash;
	tell(a, oldest, s->last_us);
	return true;
}

void asset_tick(struct assets *a, int64_t now_us)
{
	for (unsigned i = 0; i < ASSET_TURN; i++) {
		struct asset_entry *e = &a->entries[a->sweep_at++ % (ASSET_SETS * ASSET_WAYS)];

		if (e->hash != 0 && e->more != 0 &&
		    (now_us - e->told_us >= ASSET_EVERY_US || now_us < e->told_us))
			tell(a, e, now_us);
	}
}

int asset_get(struct assets *a, uint64_t *tail, struct sighting *out, uint64_t *lost)
{
	struct slots r = ring(a);

	return slots_get(&r, tail, out, lost);
}
