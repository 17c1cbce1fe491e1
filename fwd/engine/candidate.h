/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second policy judged beside the one in force: what would change if it were. It decides nothing. Each PDU and each packet that the active policy was
 * asked about is held against the candidate too, with its own routes, rates and masters in control; where the outcome differs
 * a report with `candidate` set goes to the sink. Answers go with their requests: what follows from a difference is none of its own.
 *
 * While a policy is on trial with a guard, the confirmed one takes the candidate's place: operations that a rule of it allows and the one on trial
 * denies are counted in SHM_GUARD_DENIED, whatever the conduit's mode was. What no rule of it allowed never counts.
 *
 * Memory is fixed and the caller's; without a candidate it costs one comparison a PDU.
 *
 * Two things it cannot know: octets are put together and decoded by what the active policy let go, so that behind a request that only one of the two
 * allows both see the same session; and where its leniencies differ from the active rules', each PDU is decoded again from the active session's state.
 */
#ifndef OTFW_FWD_ENGINE_CANDIDATE_H
#define OTFW_FWD_ENGINE_CANDIDATE_H

#include "fwd/engine/claim.h"
#include "fwd/engine/work.h"

struct candidate_flow {
	struct flow_key key;
	uint32_t generation; /* of the candidate; 0: never routed */
	struct route route;
};

struct candidate {
	struct policy policy; /* .image NULL: there is none */
	uint32_t generation;
	bool guard; /* it is the confirmed policy, beside one on trial: what it allows and the trial denies is counted, nothing is reported */
	struct match match;
	struct pdu pdu; /* decoded with its own leniencies, where they differ */
	uint8_t before[PROTO_STATE_MAX]
		__attribute__((aligned(8))); /* the flow's state before the PDU at hand */
	struct rate_slot rates[SHM_RATES];
	struct claim_slot claims[SHM_CLAIMS];
	struct candidate_flow flows[SHM_FLOWS];
};

/* p NULL: there is none any more. Rates and masters begin anew. */
void candidate_policy(struct candidate *c, const struct policy *p, uint32_t generation, bool guard);

/* What the active policy has come to. */
struct candidate_now {
	enum reason reason; /* REASON_NONE: allowed */
	bool passes;        /* on the wire */
	bool answer;        /* it answers a request; late: after its time */
	int64_t expires_us; /* answer: the request's */
};

/* Before a PDU is decoded: keeps the state it is decoded from, where that is needed. */
void candidate_before(struct work *w);
/* Behind its judgement; w->v->pdu is as it was decoded. */
void candidate_pdu(struct work *w, struct view bytes, bool answers_known, const struct candidate_now *now);
/* A packet, or octets that do not frame: what became of it (as in struct report). pdu may be NULL. */
void candidate_packet(struct work *w, enum judgement j, bool would_deny, enum reason reason,
		      const struct pdu *pdu);

static inline bool candidate_is(const struct verdict *v)
{
	return v->candidate && v->policy;
}

#endif
