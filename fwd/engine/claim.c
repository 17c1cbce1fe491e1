/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/claim.h"

#include <string.h>

static bool live(const struct claim_slot *s, int64_t now_us)
{
	return s->last_us != 0 && now_us >= s->last_us && now_us - s->last_us < CLAIM_IDLE_US;
}

/* The slot of this server and station, else one to use; NULL when every place it may take is taken. */
static struct claim_slot *slot_of(struct claim_slot *slots, const uint8_t server[16], uint16_t port,
				  uint32_t station, int64_t now_us)
{
	struct claim_slot *open = NULL;
	uint64_t h = UINT64_C(14695981039346656037) ^ station ^ (uint64_t)port << 32;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ server[i]) * UINT64_C(1099511628211);
	h ^= h >> 29;
	for (unsigned i = 0; i < CLAIM_PROBE; i++) {
		struct claim_slot *s = &slots[(h + i) % SHM_CLAIMS];

		if (s->station == station && s->port == port && s->last_us != 0 &&
		    memcmp(s->server, server, 16) == 0)
			return s;
		if (!open && !live(s, now_us))
			open = s;
	}
	return open;
}

enum reason claim_judge(struct shm *shm, const struct flow *f, enum claim claim, uint32_t station,
			int64_t now_us)
{
	return claim_judge_in(shm_at(shm, shm->claims_at), f, claim, station, now_us);
}

enum reason claim_judge_in(struct claim_slot *slots, const struct flow *f, enum claim claim, uint32_t station,
			   int64_t now_us)
{
	bool b = f->flags & FLOW_CLIENT_B;
	const uint8_t *client = flow_client(f), *server = b ? f->key.a : f->key.b;
	uint16_t port = b ? f->key.pa : f->key.pb;

	if (claim == CLAIM_NONE)
		return REASON_NONE;
	struct claim_slot *s = slot_of(slots, server, port, station, now_us);
	bool held = s && live(s, now_us);
	bool mine = held && memcmp(s->client, client, 16) == 0;

	switch (claim) {
	case CLAIM_KEEP:
		if (mine)
			s->last_us = now_us;
		return REASON_NONE;
	case CLAIM_GIVE:
		if (mine)
			s->last_us = 0;
		return REASON_NONE;
	case CLAIM_USE:
		if (held && !mine)
			return REASON_ANOTHER_MASTER;
		break;
	default: break;
	}
	if (!s)
		return REASON_TABLE_FULL;
	memcpy(s->server, server, 16);
	memcpy(s->client, client, 16);
	s->station = station;
	s->port = port;
	s->last_us = now_us;
	return REASON_NONE;
}
