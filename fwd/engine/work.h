/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet on its way through the engine: what verdict.c, segment.c, held.c and judge.c hand to each other. */
#ifndef OTFW_FWD_ENGINE_WORK_H
#define OTFW_FWD_ENGINE_WORK_H

#include "fwd/engine/verdict.h"

#define IPPROTO_TCP_NR    6u
#define IPPROTO_UDP_NR    17u
#define IPPROTO_ICMP_NR   1u
#define IPPROTO_ICMPV6_NR 58u

#define HELD_PER_FLOW   64u
#define HELD_LONGEST_US 1000000 /* no deadline keeps a segment longer */
#define HELD_DEFAULT_US 10000   /* where a route says nothing */
#define HELD_AHEAD_MAX  (1u << 24)
/*
 * Closed zones: a segment that came so often ahead of a gap that never filled is out of sync with us, not with its receiver. A sender repeats
 * what it lost before anything else.
 */
#define HELD_STALLS 3u

struct work {
	struct verdict *v;
	const struct verdict_time *now;
	const struct pkt *p;
	uint32_t id;
	bool gso, truncated;
	bool fresh; /* its flow was made for it */
	bool ahead; /* its receiver has octets that never came by here: it expects this segment, not the stream's next */
	uint32_t slot;  /* FLOW_NONE: no flow */
	struct flow *f; /* NULL then */
	struct stream *s;
	unsigned dir;              /* 1: from the server */
	const struct route *route; /* the flow's, or one that names why there is none; NULL: none */
	enum reason reason;        /* the last that was reported */
	bool refused;              /* enforcing denies it; it is looked at to its end all the same */
};

static inline struct history work_history(const struct work *w)
{
	return (struct history){&w->v->memory, w->slot, w->dir};
}
/*
 * Learn, shadow, or no policy at all: what enforcing denies is reported as that and passes. What is denied and why is the same code for
 * every mode; only the end of it, here and in judge.c, knows the difference.
 */
static inline bool work_permissive(const struct work *w)
{
	return !w->v->policy || (w->route && w->route->mode != MODE_ENFORCE);
}
/* Behind a denial the stream goes on as if the packet had been let go (as it is, or in replay). */
static inline bool work_in_step(const struct work *w)
{
	return w->v->in_step || work_permissive(w);
}
/* What cannot be inspected passes. */
static inline bool work_open(const struct work *w)
{
	return !w->v->policy || w->route->failure == FAILURE_OPEN;
}
static inline uint64_t work_answer_within(const struct work *w)
{
	return route_answer_within(w->route);
}

/* ---- judge.c ---- */

/* The flow is about to be changed for this packet: before its first change, and again after each decision that was made on the way. */
void work_keep(const struct work *w);

/* Decisions: each packet gets exactly one. */
void work_accept(struct work *w, uint32_t mark);
void work_accept_rewritten(struct work *w, uint32_t mark, const uint8_t *packet, uint32_t len);
void work_drop(struct work *w);
/* As the conduit's on-deny says, in every mode: reset and dead, or dropped. kill: dead in either case. */
void work_cut(struct work *w, bool kill);
/* The same where it was denied by what learn and shadow let pass: there it is accepted. */
void work_refuse(struct work *w, bool kill);

void work_report(struct work *w, enum judgement j, bool would_deny, enum reason reason, const struct pdu *pdu,
		 const struct match *match);
/* Reports that enforcing denies it. */
void work_report_denied(struct work *w, enum reason reason, const struct pdu *pdu, const struct match *match);
/* Report and drop; in learn and shadow: report and accept. */
void work_deny(struct work *w, enum reason reason);
/* Report and drop, in every mode: what is not the policy's to allow. */
void work_forbid(struct work *w, enum reason reason);
/*
 * Reports that enforcing denies it. True: the stream stays in step, so it is looked at all the same, and however it then is accepted, a denial is
 * what becomes of it. False: the caller ends its way.
 */
bool work_denied(struct work *w, enum reason reason);
/* Report and accept as uninspected. */
void work_uninspected(struct work *w, enum reason reason);

enum outcome { OUT_PASS, OUT_WOULD_DENY, OUT_DENY };
/*
 * Decodes and judges one PDU; reports it. The flow's asked table changes at once (v->undo takes it back), its protocol state in v->state.
 */
enum outcome judge_pdu(struct work *w, struct view pdu);
/* Would these octets decode? For finding a boundary; no report, no effect. */
bool judge_probe(struct work *w, struct view pdu);

/* ---- segment.c: a TCP segment with payload on a live flow ---- */
void segment_judge(struct work *w);

/* ---- held.c ---- */

enum hold { HOLD_DONE, HOLD_REPEAT, HOLD_FULL };
/* Keeps the packet for later. HOLD_REPEAT: the same octets are held already. */
enum hold held_add(struct work *w);
/* Judges what follows the stream now, in both directions; all of it when the flow is dead. */
void held_settle(struct verdict *v, uint32_t slot, const struct verdict_time *now);
/* Gives the octets before the first held segment up. False when none is held. */
bool held_give_up_gap(struct verdict *v, uint32_t slot, unsigned dir, const struct verdict_time *now);
/* Drops all of a flow's held segments, for this reason. */
void held_flush(struct verdict *v, uint32_t slot, enum reason reason, const struct verdict_time *now);
/* Deals with those past their time. Returns microseconds to the next one's, INT64_MAX when none is held. */
int64_t held_expire(struct verdict *v, const struct verdict_time *now);

#endif
