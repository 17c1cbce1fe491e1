/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a packet to a decision: pkt -> flow -> stream -> protocols -> policy, in one place, for the live queue and for
 * captures alike. Pure: bytes and time come in, decisions and reports go out through the sink; memory is the caller's.
 */
#ifndef OTFW_FWD_ENGINE_VERDICT_H
#define OTFW_FWD_ENGINE_VERDICT_H

#include "fwd/common/shm.h"
#include "fwd/engine/book.h"
#include "fwd/engine/flow.h"
#include "fwd/engine/opening.h"
#include "fwd/engine/pkt.h"
#include "fwd/engine/use.h"
#include "rules/policy.h"

enum action {
	ACTION_ACCEPT,
	ACTION_DROP,
	ACTION_RESET /* accepted in the kernel's sense, but rewritten into the RST that the ruleset doubles */
};

/* What becomes of one packet. Every id handed to verdict_packet() gets exactly one, at once or (held segments) later. */
struct decision {
	enum action action;
	uint32_t mark; /* PLAN_MARK_*, 0 with ACTION_DROP */
	uint32_t book; /* where it is booked (SHM_BOOK_AT), should it turn out to be too late; 0: nowhere */
	const uint8_t *packet; /* the rewritten IP packet, or NULL: unchanged */
	uint32_t packet_len;
};

enum judgement { JUDGED_ALLOW, JUDGED_DENY, JUDGED_UNINSPECTED };

/*
 * One PDU that was judged, or a segment that never became one (pdu NULL, pdu_no 0). Bytes that do not frame have a pdu with
 * nops 0 and their fault. Where something malformed or not allowed passes all the same (learn, shadow, no policy) judgement is ALLOW with
 * would_deny and reason set. A late answer on TCP is ALLOW with reason ANSWER_LATE. PDUs of a segment that is withheld because of a later one
 * were reported when they were judged. Valid during the call only.
 */
struct report {
	uint32_t id; /* the packet that completed it */
	int64_t ts_us;
	const struct tuple *tuple; /* as that packet went */
	const struct route *route; /* NULL without a policy */
	uint32_t flow;             /* slot, UINT32_MAX: none */
	uint8_t transport;
	bool from_server;
	int proto; /* -1: unknown */
	const struct pdu *pdu;
	uint64_t pdu_no; /* from 1, counted over all flows */
	enum judgement judgement;
	bool would_deny; /* shadow or learn: it passes, enforcing would deny it (reason and match say why) */
	enum reason reason;
	const struct match *match; /* NULL unless the policy was asked */
	/*
	 * Generation of the candidate whose verdict this is (fwd/engine/candidate.h), 0: of the policy in force. Where it is set the verdict differs from the one in
	 * force, which had this reason; nothing was decided by it.
	 */
	uint32_t candidate;
	enum reason now;
};

struct verdict_sink {
	void *ctx;
	void (*decide)(void *ctx, uint32_t id, const struct decision *d);
	void (*report)(void *ctx, const struct report *r);
};

#define VERDICT_GAP_US 1000000

#define VERDICT_SCRATCH (PROTO_PDU_MAX + 1)

struct verdict {
	/* The caller's, set after verdict_init(). */
	const struct policy *
		policy; /* NULL: decode everything on known ports, allow everything, resynchronise after gaps */
	uint32_t generation; /* changes with the policy: flows are routed anew */
	bool in_step; /* replay: a denied PDU counts as forwarded and kills nothing, so that all after it is judged */
	bool (*port_hook)(void *ctx, const struct tuple *t, int *proto,
			  bool *from_server); /* decode --port; may be NULL */
	void *port_ctx;

	struct candidate *candidate; /* judged beside it; NULL: none is */

	const uint8_t *
		mac; /* where packet mac_id came from on its link, 6 octets; NULL: not known. For the inventory */
	uint32_t mac_id;

	struct shm *shm; /* flow table, pool, held, rates, counters */
	struct assets *assets;
	struct verdict_sink sink;
	struct memory memory;
	struct rates rates;
	struct books books;
	struct use use;
	uint64_t pdus;
	struct match match;
	struct openings openings;                                   /* of the segment at hand */
	struct undo undo;                                           /* of the segment at hand */
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8))); /* of its flow, until it passes */
	struct pdu pdu;                                             /* scratch of the PDU at hand */
	uint8_t join[VERDICT_SCRATCH];    /* a PDU put together from several segments */
	uint8_t rewrite[VERDICT_SCRATCH]; /* a packet rewritten for RESET or a keep-alive */
};

/* Time as an argument: mono_us orders and expires, wall_us is for rules and records. */
struct verdict_time {
	int64_t mono_us, wall_us;
	bool clock_good;
};

/* First use of the memory, and taking over from an engine that died: what it left half done is put back, its held segments are given up. now_us: monotonic. */
void verdict_init(struct verdict *v, struct shm *shm, const struct verdict_sink *sink, int64_t now_us);
void verdict_policy(struct verdict *v, const struct policy *p, uint32_t generation);

/*
 * One packet, from its IP header. truncated: the kernel gave less than all. gso: it stands for several segments (its length
 * must not shrink). Calls sink.decide for id now or later, for other held ids when this packet fills their gap. Without a policy (captures)
 * a gap is given up after VERDICT_GAP_US of capture time; at the end of a capture a verdict_tick() with that much more time lets the last held ones go.
 */
void verdict_packet(struct verdict *v, const uint8_t *data, uint32_t len, uint32_t id, bool truncated,
		    bool gso, const struct verdict_time *now);

/*
 * A packet that somebody else has already let go: its flow follows the stream and is out of step from there, so that the next segment is not taken for
 * one behind a gap. Reported as uninspected (RELEASED); no decision.
 */
void verdict_released(struct verdict *v, const uint8_t *data, uint32_t len, uint32_t id,
		      const struct verdict_time *now);

/* Lets held segments go that have waited too long; expires idle flows a few at a time. Call about every millisecond while segments are held, else every 100 ms.
 * Returns the microseconds until the next call is useful. */
int64_t verdict_tick(struct verdict *v, const struct verdict_time *now);

#endif
