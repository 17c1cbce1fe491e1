/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/before.h"
#include "fwd/engine/candidate.h"
#include "fwd/engine/claim.h"
#include "fwd/engine/job.h"
#include "fwd/engine/rewrite.h"
#include "fwd/engine/sight.h"
#include "fwd/engine/work.h"
#include "rules/plan.h"

void work_keep(const struct work *w)
{
	before_keep(&w->v->memory, w->slot,
		    &(struct change){.dir = w->dir,
				     .end = w->p->seq + w->p->payload_len,
				     .octets = w->p->payload_len,
				     .fresh = w->fresh});
}

/*
 * Whatever a decision rests on has been written before it is made. It is a system call in the live engine, the likeliest
 * place to be killed from outside in, and that must not cost a session.
 */
static void decide(struct work *w, const struct decision *d)
{
	before_done(w->v->shm);
	w->v->sink.decide(w->v->sink.ctx, w->id, d);
}

static uint32_t entry(const struct work *w, enum shm_book_kind kind)
{
	return book_entry(&w->v->books, w->v->policy, &w->p->tuple, kind, w->reason);
}

void work_accept_rewritten(struct work *w, uint32_t mark, const uint8_t *packet, uint32_t len)
{
	if (w->refused && !work_permissive(w)) {
		work_cut(w, false);
		return;
	}
	if (w->refused)
		mark = PLAN_MARK_PASSED;
	uint32_t book = mark == PLAN_MARK_INSPECTED ? 0 : entry(w, SHM_BOOK_PASSED);

	shm_add(w->v->shm, mark == PLAN_MARK_INSPECTED ? SHM_INSPECTED : SHM_PASSED, 1);
	book_add(w->v->shm, book, 1);
	decide(w, &(struct decision){.action = ACTION_ACCEPT,
				     .mark = mark,
				     .book = book,
				     .packet = packet,
				     .packet_len = len});
}

void work_accept(struct work *w, uint32_t mark)
{
	work_accept_rewritten(w, mark, NULL, 0);
}

/* Said before it is done and booked after: whoever kills the engine in between, its successor's ledger is right to the packet. */
void work_drop(struct work *w)
{
	struct shm *s = w->v->shm;
	uint64_t n = atomic_load_explicit(&s->counters[SHM_DROPPED], memory_order_relaxed) + 1;
	uint32_t book = entry(w, SHM_BOOK_DROPPED);
	_Atomic uint64_t *at = shm_book_at(s, book);
	uint64_t booked = at ? atomic_load_explicit(at, memory_order_relaxed) + 1 : 0;

	atomic_store_explicit(&s->engine.dropping_at, book, memory_order_relaxed);
	atomic_store_explicit(&s->engine.dropping_now, booked, memory_order_relaxed);
	atomic_store_explicit(&s->engine.dropping_id, w->id, memory_order_relaxed);
	atomic_store_explicit(&s->engine.dropping, n, memory_order_release);
	decide(w, &(struct decision){.action = ACTION_DROP, .book = book});
	if (at)
		atomic_store_explicit(at, booked, memory_order_relaxed);
	atomic_store_explicit(&s->counters[SHM_DROPPED], n, memory_order_relaxed);
	atomic_store_explicit(&s->engine.dropping, 0, memory_order_release);
}

/* The reset takes the number that the receiver expects next, not that of the denied segment: RFC 5961 accepts no other. */
static void reset(struct work *w)
{
	struct verdict *v = w->v;
	enum reset_form form = w->gso ? RESET_KEEP : RESET_CUT;
	uint32_t seq = w->s && w->s->state != STREAM_NONE && !w->ahead ? w->s->next : w->p->seq;
	uint32_t len = w->truncated && form != RESET_CUT
			       ? 0
			       : rewrite_reset(w->p, form, seq, v->rewrite, sizeof v->rewrite);

	if (len == 0) {
		work_drop(w);
		return;
	}
	uint32_t book = entry(w, SHM_BOOK_RESET);
	shm_add(v->shm, SHM_RESETS, 1);
	book_add(v->shm, book, 1);
	decide(w, &(struct decision){.action = ACTION_RESET,
				     .mark = PLAN_MARK_RESET,
				     .book = book,
				     .packet = v->rewrite,
				     .packet_len = len});
}

void work_cut(struct work *w, bool kill)
{
	bool rst = w->p->tuple.ipproto == IPPROTO_TCP_NR && w->route->on_deny == DENY_RESET;

	if (w->f && (rst || kill) && !w->v->in_step)
		w->f->flags |= FLOW_DEAD;
	if (rst)
		reset(w);
	else
		work_drop(w);
}

void work_refuse(struct work *w, bool kill)
{
	if (work_permissive(w))
		work_accept(w, PLAN_MARK_PASSED);
	else
		work_cut(w, kill);
}

void work_report(struct work *w, enum judgement j, bool would_deny, enum reason reason, const struct pdu *pdu,
		 const struct match *match)
{
	struct verdict *v = w->v;
	uint8_t ipproto = w->p->tuple.ipproto;
	struct report r = {
		.id = w->id,
		.ts_us = w->now->wall_us,
		.tuple = &w->p->tuple,
		.route = v->policy ? w->route : NULL,
		.flow = w->slot,
		.transport = ipproto == IPPROTO_TCP_NR   ? TRANSPORT_TCP
			     : ipproto == IPPROTO_UDP_NR ? TRANSPORT_UDP
							 : 0,
		.from_server = w->dir == 1,
		.proto = w->route ? w->route->proto : -1,
		.pdu = pdu,
		.judgement = j,
		.would_deny = would_deny,
		.reason = reason,
		.match = match,
	};
	if (reason != REASON_NONE)
		w->reason = reason;
	if (pdu) {
		r.pdu_no = ++v->pdus;
		shm_add(v->shm, SHM_PDUS, 1);
		if (j == JUDGED_DENY)
			shm_add(v->shm, SHM_PDUS_DENIED, 1);
		if (would_deny)
			shm_add(v->shm, SHM_PDUS_SHADOW, 1);
	}
	if (j == JUDGED_DENY)
		atomic_store_explicit(&v->shm->reasons[reason],
				      atomic_load_explicit(&v->shm->reasons[reason], memory_order_relaxed) +
					      1,
				      memory_order_relaxed);
	v->sink.report(v->sink.ctx, &r);
	if (!pdu && candidate_is(v))
		candidate_packet(w, j, would_deny, reason, NULL);
}

void work_report_denied(struct work *w, enum reason reason, const struct pdu *pdu, const struct match *match)
{
	bool pass = work_permissive(w);

	work_report(w, pass ? JUDGED_ALLOW : JUDGED_DENY, pass, reason, pdu, match);
}

void work_deny(struct work *w, enum reason reason)
{
	work_report_denied(w, reason, NULL, NULL);
	if (work_permissive(w)) {
		sight_packet(w);
		work_accept(w, PLAN_MARK_PASSED);
	} else {
		work_drop(w);
	}
}

void work_forbid(struct work *w, enum reason reason)
{
	work_report(w, JUDGED_DENY, false, reason, NULL, NULL);
	work_drop(w);
}

bool work_denied(struct work *w, enum reason reason)
{
	work_report_denied(w, reason, NULL, NULL);
	w->refused = true;
	return work_in_step(w);
}

void work_uninspected(struct work *w, enum reason reason)
{
	work_report(w, JUDGED_UNINSPECTED, false, reason, NULL, NULL);
	sight_packet(w);
	work_accept(w, PLAN_MARK_PASSED);
}

static void decode(struct work *w, struct view pdu, bool answers_known)
{
	struct verdict *v = w->v;
	struct flow *f = w->f;
	struct pdu_in in = {
		.data = pdu.data,
		.len = pdu.len,
		.from_server = w->dir == 1,
		.answers_known = answers_known,
		.asked = f->asked,
		.nasked = pending_slots(f),
		.now_us = w->now->mono_us,
		.state = v->state,
		.options = w->route->options,
	};
	proto_get((unsigned)w->route->proto)->decode(&in, &v->pdu);
}

bool judge_probe(struct work *w, struct view pdu)
{
	decode(w, pdu, false);
	return w->v->pdu.fault.reason == REASON_NONE && w->v->pdu.nops > 0;
}

/* A well-formed request, or a message that needs none: the policy's. REASON_NONE, or why not; *hard: not even learn passes it. */
static enum reason ask_policy(struct work *w, const struct match **match, bool *hard)
{
	struct verdict *v = w->v;

	if (!v->policy)
		return REASON_NONE;
	struct policy_now now = {.unix_us = w->now->wall_us, .clock_good = w->now->clock_good};
	enum reason r = policy_match_used(v->policy, w->route->ruleset, &v->pdu, flow_client(w->f), &now,
					  &v->rates, &v->match, v->use.by);
	/* A rule with `unlock` is involved. */
	if (v->match.job && r == REASON_LOCKED && job_goes_on(w)) {
		now.job = v->match.job;
		r = policy_match_used(v->policy, w->route->ruleset, &v->pdu, flow_client(w->f), &now,
				      &v->rates, &v->match, v->use.by);
	}
	if (v->match.job && r == REASON_NONE)
		job_note(w);
	*match = &v->match;
	if (r == REASON_NONE && w->route->single_master && v->pdu.claim != CLAIM_NONE && w->dir == 0)
		r = claim_judge(v->shm, w->f, (enum claim)v->pdu.claim, v->pdu.claimed, w->now->mono_us);
	if (r != REASON_NONE && w->route->mode == MODE_LEARN &&
	    !policy_at_most(v->policy, w->route->conduit, &v->pdu)) {
		*hard = true;
		return REASON_ACCESS;
	}
	return r;
}

static enum outcome judge(struct work *w, struct view bytes, bool known, struct candidate_now *told)
{
	struct verdict *v = w->v;
	struct flow *f = w->f;
	struct pdu *pdu = &v->pdu;
	const struct match *match = NULL;
	int64_t now = w->now->mono_us;
	bool late = false, hard = false, answer = false;
	enum reason r;

	decode(w, bytes, known);
	r = pdu->fault.reason;
	if (r == REASON_NONE && pdu->nops == 0)
		r = REASON_NO_OPERATION;
	if (r == REASON_NONE && pdu->ops[0].dir == DIR_RESPONSE) {
		answer = pdu->answers >= 0;
		late = answer && f->asked[pdu->answers].expires_us <= (uint64_t)now;
		told->answer = answer;
		told->expires_us = answer ? (int64_t)f->asked[pdu->answers].expires_us : 0;
		if (!answer && known)
			r = REASON_UNASKED;
	} else if (r == REASON_NONE) {
		r = ask_policy(w, &match, &hard);
	}
	/* What passes is remembered, allowed or not, so that its answer is understood. */
	if (pdu->fault.reason == REASON_NONE && pdu->nops > 0 && pdu->answer_expected &&
	    (r == REASON_NONE || (work_permissive(w) && !hard) || v->in_step)) {
		enum reason full =
			pending_add(f, &v->undo, &pdu->ask, match ? v->match.rule : (uint16_t)POLICY_NO_RULE,
				    now + (int64_t)work_answer_within(w), now);
		if (r == REASON_NONE)
			r = full;
	}
	if (pdu->fault.reason == REASON_NONE && pdu->nopenings &&
	    (r == REASON_NONE || r == REASON_ANSWER_LATE))
		opening_add(&v->openings, f, pdu,
			    answer  ? f->asked[pdu->answers].rule
			    : match ? match->rule
				    : (uint16_t)POLICY_NO_RULE,
			    v->generation);
	if (answer && pdu->answer_more)
		pending_keep(f, &v->undo, (uint32_t)pdu->answers, now + (int64_t)work_answer_within(w));
	else if (answer)
		pending_take(f, &v->undo, (uint32_t)pdu->answers);
	if (late && w->p->tuple.ipproto == IPPROTO_TCP_NR) {
		shm_add(v->shm, SHM_LATE_ANSWERS, 1);
		work_report(w, JUDGED_ALLOW, false, REASON_ANSWER_LATE, pdu, NULL);
		return OUT_PASS;
	}
	if (late) {
		shm_add(v->shm, SHM_LATE_ANSWERS, 1);
		r = REASON_ANSWER_LATE;
	}
	told->reason = r;
	if (r == REASON_NONE) {
		if (match)
			use_add(&v->use, pdu->nops, w->now->wall_us);
		work_report(w, JUDGED_ALLOW, false, r, pdu, match);
		return OUT_PASS;
	}
	if (hard) {
		work_report(w, JUDGED_DENY, false, r, pdu, match);
		return OUT_DENY;
	}
	work_report_denied(w, r, pdu, match);
	return work_permissive(w) ? OUT_WOULD_DENY : OUT_DENY;
}

enum outcome judge_pdu(struct work *w, struct view bytes)
{
	struct candidate_now told = {.reason = REASON_NONE};
	bool known = w->now->mono_us >= w->f->unknown_till;

	if (!candidate_is(w->v)) {
		enum outcome o = judge(w, bytes, known, &told);
		sight_pdu(w, o);
		return o;
	}
	candidate_before(w);
	enum outcome o = judge(w, bytes, known, &told);
	sight_pdu(w, o);
	told.passes = o != OUT_DENY;
	candidate_pdu(w, bytes, known, &told);
	return o;
}
