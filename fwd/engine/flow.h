/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: one entry per TCP or UDP session that an engine inspects, in shared memory that outlives it. A flow caches
 * its route (conduit, rule set, mode), both directions' streams, the requests that wait for answers and the protocol's own
 * state. Lookup is by a keyed hash over the tuple with its ends in order, so that both directions find the same entry.
 */
#ifndef OTFW_FWD_ENGINE_FLOW_H
#define OTFW_FWD_ENGINE_FLOW_H

#include "fwd/engine/stream.h"
#include "rules/policy.h"

#define FLOW_NONE  UINT32_MAX
#define FLOW_ASKED 32u
#define FLOW_CHAIN 32u /* entries of one bucket: more is TABLE_FULL */

/* Idle times, microseconds. A session that waits in the middle of a PDU is kept as long as connection tracking keeps it:
 * forgetting it would let its sender choose anew where a PDU begins. */
#define FLOW_IDLE_US   (3600ll * 1000000)
#define FLOW_MID_US    (5ll * 86400 * 1000000)
#define FLOW_CLOSED_US (30ll * 1000000)
#define FLOW_UDP_US    (180ll * 1000000)
/* After so long without a packet a stream's borrowed chunks go back. */
#define FLOW_QUIET_US (60ll * 1000000)

struct flow_key {
	uint8_t a[16], b[16]; /* the lower end first */
	uint16_t pa, pb;
	uint32_t ipproto;
};
_Static_assert(sizeof(struct flow_key) == 40, "flow keys are compared and hashed as five words");

enum flow_flags {
	FLOW_DEAD = 1 << 0,     /* cut: what still comes is denied */
	FLOW_CLIENT_B = 1 << 1, /* the client is end b of the key */
	FLOW_SYN = 1 << 2,      /* a SYN with number syn_seq waits for its SYN-ACK */
	FLOW_SYN_B = 1 << 3,    /* it came from end b */
	FLOW_FRESH = 1 << 4,    /* nothing but SYNs so far */
	FLOW_RST = 1 << 5,
	FLOW_FIN0 = 1 << 6, /* from the client */
	FLOW_FIN1 = 1 << 7, /* from the server */
};

struct flow {
	struct flow_key key;
	uint32_t used;  /* 1: this slot is a flow. Written last */
	uint32_t chain; /* next in its bucket, or in the list of free slots: slot + 1, 0 ends */
	uint32_t generation;
	uint16_t flags; /* enum flow_flags */
	uint16_t nheld;
	uint32_t syn_seq;
	uint32_t asked_used;   /* bit i: asked[i] */
	int64_t last_us;       /* last packet */
	int64_t unknown_till;  /* until then answers to requests never seen are taken */
	uint64_t job;          /* that was begun under a rule with `unlock` (job.h); 0: none */
	int64_t job_us;        /* when something of it passed last */
	int64_t sighted_us[2]; /* when who sends was last noted (sight.h), as dir */
	struct route route;
	struct stream dir[2]; /* 0: from the client, 1: from the server */
	struct asked asked[FLOW_ASKED];
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8)));
};
_Static_assert(sizeof(struct flow) <= SHM_FLOW_SIZE, "a flow does not fit in SHM_FLOW_SIZE");

static inline struct flow *flow_at(const struct memory *m, uint32_t slot)
{
	return (struct flow *)(void *)(m->flows + (size_t)slot * SHM_FLOW_SIZE);
}

#define ANSWER_WITHIN_US 10000000u /* where a route says nothing */
static inline uint64_t route_answer_within(const struct route *r)
{
	return r->answer_within_us ? r->answer_within_us : ANSWER_WITHIN_US;
}
/* Requests of this flow may have passed unseen until now: their answers are taken. */
static inline void flow_unseen(struct flow *f, int64_t now_us)
{
	int64_t till = now_us + (int64_t)route_answer_within(&f->route);

	if (f->unknown_till < till)
		f->unknown_till = till;
}

/* The key of a tuple, and whether its source is end b. */
bool flow_key(struct flow_key *out, const struct tuple *t);

/* Slot, or FLOW_NONE. */
uint32_t flow_find(const struct memory *m, const struct flow_key *k);
/* A new flow with both streams unknown, or FLOW_NONE when the table is full. source_b, from_server: as the tuple went. */
uint32_t flow_add(struct memory *m, const struct flow_key *k, bool source_b, bool from_server,
		  int64_t now_us);
/* Frees the slot; its held segments must be gone. */
void flow_remove(struct memory *m, uint32_t slot);

/* Everything but key and route as new: streams unknown, nothing asked, alive. */
void flow_clear(struct memory *m, uint32_t slot);

/* When nothing came for so long that the flow may be forgotten. */
bool flow_expired(const struct flow *f, int64_t now_us);

/* The client's and the server's address. */
static inline const uint8_t *flow_client(const struct flow *f)
{
	return f->flags & FLOW_CLIENT_B ? f->key.b : f->key.a;
}
/* The tuple from client to server. */
void flow_tuple(const struct flow *f, struct tuple *out);

/*
 * Takes over what an earlier engine left: every used slot is filed again under its hash, the chunks it has are claimed. One
 * that contradicts itself or another is given up: dead, so that the next packet is denied. Of an open zone's flows nobody knows what the guardian let go meanwhile.
 */
void flow_recover(struct memory *m, int64_t now_us);

/* All are to be routed anew: of which policy their routes are, and the rules of what was asked, is not known. */
void flow_unroute(const struct memory *m);

/* ---- requests that wait for answers ---- */

/* What a segment has changed in the table, so that a withheld one leaves no trace. */
struct undo {
	uint32_t touched; /* slots saved */
	uint32_t used;    /* asked_used before */
	uint64_t job;     /* the same */
	int64_t job_us;
	struct asked saved[FLOW_ASKED];
};
static inline void undo_open(struct undo *u, const struct flow *f)
{
	u->touched = 0;
	u->used = f->asked_used;
	u->job = f->job;
	u->job_us = f->job_us;
}
void undo_all(const struct undo *u, struct flow *f);

/* Slots handed to a decoder: all up to the highest used one. */
static inline uint32_t pending_slots(const struct flow *f)
{
	return f->asked_used ? 32u - (uint32_t)__builtin_clz(f->asked_used) : 0;
}
/* Files a request. REASON_NONE, ID_IN_USE, or PENDING_FULL; entries past their time give way. */
enum reason pending_add(struct flow *f, struct undo *u, const struct asked *ask, uint16_t rule,
			int64_t expires_us, int64_t now_us);
/* An answer came that others follow: the request goes on waiting, till expires_us. */
void pending_keep(struct flow *f, struct undo *u, uint32_t slot, int64_t expires_us);
/* Its answer came. */
void pending_take(struct flow *f, struct undo *u, uint32_t slot);

#endif
