/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/suspect.h"

#include <string.h>

static bool same_ends(const struct shm_suspect *e, const uint8_t *client, const uint8_t *server,
		      uint16_t port, uint8_t ipproto)
{
	return e->crashes && e->port == port && e->ipproto == ipproto && memcmp(e->client, client, 16) == 0 &&
	       memcmp(e->server, server, 16) == 0;
}

/* Its entry, or the one that is least missed. */
static struct shm_suspect *entry_of(struct shm *s, const struct tuple *t)
{
	struct shm_suspect *best = &s->suspects[0];

	for (unsigned i = 0; i < SHM_SUSPECTS; i++) {
		struct shm_suspect *e = &s->suspects[i];
		if (same_ends(e, t->src, t->dst, t->dport, t->ipproto))
			return e;
		if (best->crashes && (!e->crashes || (e->until_us < best->until_us) ||
				      (e->until_us == best->until_us && e->first_us < best->first_us)))
			best = e;
	}
	*best = (struct shm_suspect){.port = t->dport, .ipproto = t->ipproto};
	memcpy(best->client, t->src, 16);
	memcpy(best->server, t->dst, 16);
	return best;
}

bool suspect_book(struct memory *m, uint32_t slot, int64_t now_us, struct tuple *ends)
{
	if (slot >= SHM_FLOWS || !flow_at(m, slot)->used)
		return false;
	struct flow *f = flow_at(m, slot);
	flow_tuple(f, ends);
	flow_clear(m, slot);
	f->flags |= FLOW_DEAD;

	struct shm_suspect *e = entry_of(m->shm, ends);
	bool was = e->until_us > now_us;
	if (!was && (e->crashes == 0 || now_us - e->first_us > SUSPECT_WINDOW_US)) {
		e->crashes = 0;
		e->first_us = now_us;
		e->until_us = 0;
	}
	if (e->crashes < UINT8_MAX)
		e->crashes++;
	if (e->crashes < SUSPECT_CRASHES)
		return false;
	e->until_us = now_us + SUSPECT_QUARANTINE_US;
	if (!was)
		atomic_store_explicit(
			&m->shm->engine.quarantines,
			atomic_load_explicit(&m->shm->engine.quarantines, memory_order_relaxed) + 1,
			memory_order_relaxed);
	return !was;
}

bool suspect_barred(const struct shm *s, const struct tuple *t, bool from_server, int64_t now_us)
{
	if (atomic_load_explicit(&s->engine.quarantines, memory_order_relaxed) == 0)
		return false;
	for (unsigned i = 0; i < SHM_SUSPECTS; i++) {
		const struct shm_suspect *e = &s->suspects[i];
		if (e->until_us > now_us &&
		    same_ends(e, from_server ? t->dst : t->src, from_server ? t->src : t->dst,
			      from_server ? t->sport : t->dport, t->ipproto))
			return true;
	}
	return false;
}
