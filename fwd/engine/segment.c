/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP segment with payload on a live flow: where it lies in the stream, what PDUs it completes, what becomes of it. */
#include <string.h>

#include "fwd/engine/candidate.h"
#include "fwd/engine/rewrite.h"
#include "fwd/engine/work.h"
#include "rules/plan.h"

static void state_load(struct work *w, const struct proto *proto)
{
	if (proto->state_size)
		memcpy(w->v->state, w->f->state, proto->state_size);
}

static void state_keep(struct work *w, const struct proto *proto)
{
	if (proto->state_size)
		memcpy(w->f->state, w->v->state, proto->state_size);
}

/* Is the start of these octets a PDU boundary? Only if a whole PDU frames and decodes. */
static bool boundary(struct work *w, const struct proto *proto, const uint8_t *data, uint32_t n)
{
	struct history h = work_history(w);
	struct stream none = {.state = STREAM_SYNC};
	struct walk k;
	struct view pdu;

	walk_open(&k, &none, data, n);
	bool found = walk_next(&k, &h, &none, proto, w->dir == 1, w->v->join, &pdu) == FRAME_PDU &&
		     judge_probe(w, pdu);
	/* The probe's state is not what the judgement of the same octets begins with. */
	state_load(w, proto);
	return found;
}

/* A segment on a stream whose boundaries are not known. True: they are from here on. Otherwise it is dealt with. */
static bool synchronise(struct work *w, const struct proto *proto, const uint8_t *data, uint32_t n)
{
	struct stream *s = w->s;
	struct history h = work_history(w);

	if (boundary(w, proto, data, n)) {
		s->part = s->need = 0;
		return true;
	}
	if (!work_open(w) && !work_denied(w, REASON_NOT_SYNCHRONISED)) {
		work_cut(w, false);
		return false;
	}
	s->state = STREAM_LOST;
	s->part = s->need = 0;
	stream_forward(&h, s, data, n);
	if (work_open(w))
		work_uninspected(w, REASON_NOT_SYNCHRONISED);
	else
		work_accept(w, PLAN_MARK_PASSED);
	return false;
}

/* Octets that do not frame, after those that did. True: the segment passes uninspected. */
static bool bad_frame(struct work *w, const struct walk *k)
{
	struct pdu *pdu = &w->v->pdu;

	pdu_open(pdu);
	pdu->fault = k->fault;
	if (w->v->policy && work_open(w)) {
		work_report(w, JUDGED_UNINSPECTED, false, k->fault.reason, pdu, NULL);
		if (candidate_is(w->v))
			candidate_packet(w, JUDGED_UNINSPECTED, false, k->fault.reason, pdu);
		return true;
	}
	work_report_denied(w, k->fault.reason, pdu, NULL);
	if (candidate_is(w->v))
		candidate_packet(w, work_permissive(w) ? JUDGED_ALLOW : JUDGED_DENY, work_permissive(w),
				 k->fault.reason, pdu);
	return false;
}

/* n octets that begin at the stream's next one. */
static void in_order(struct work *w, const uint8_t *data, uint32_t n)
{
	struct verdict *v = w->v;
	struct stream *s = w->s;
	struct history h = work_history(w);
	const struct proto *proto = proto_get((unsigned)w->route->proto);
	uint32_t mark = PLAN_MARK_INSPECTED;
	bool cut = false, lost = false;
	enum frame_state st;
	struct walk k;
	struct view bytes;

	undo_open(&v->undo, w->f);
	v->openings.n = 0;
	state_load(w, proto);
	if (s->state != STREAM_SYNC && !synchronise(w, proto, data, n))
		return;
	walk_open(&k, s, data, n);
	while ((st = walk_next(&k, &h, s, proto, w->dir == 1, v->join, &bytes)) == FRAME_PDU) {
		enum outcome o = judge_pdu(w, bytes);
		if (o == OUT_DENY) {
			cut = true;
			if (!v->in_step)
				break;
		} else if (o == OUT_WOULD_DENY) {
			mark = PLAN_MARK_PASSED;
		}
	}
	if (st == FRAME_BAD) {
		lost = true;
		if (bad_frame(w, &k) || work_permissive(w))
			mark = PLAN_MARK_PASSED;
		else
			cut = true;
	}
	if (cut && !v->in_step) {
		undo_all(&v->undo, w->f);
		work_cut(w, false);
		return;
	}
	stream_keep(s, &k);
	if (lost)
		s->part = s->need = 0;
	uint8_t state = lost ? STREAM_LOST : STREAM_SYNC;
	stream_forward(&h, s, data, n);
	s->state = state;
	state_keep(w, proto);
	if (cut) {
		work_cut(w, false);
		return;
	}
	opening_publish(&v->openings, v->shm);
	work_accept(w, mark);
}

/* One octet just before next: a keep-alive. Its octet goes on as the known one. */
static void keep_alive(struct work *w)
{
	struct verdict *v = w->v;
	struct stream *s = w->s;
	struct history h = work_history(w);
	const uint8_t *data = w->p->data + w->p->payload;
	uint8_t known = 0; /* the SYN's own number: the receiver has it and looks at no octet */

	if (s->kept >= 1)
		stream_copy(&h, s, 1, &known, 1);
	else if (!(s->from_syn && s->off == 0)) {
		if (!v->policy)
			work_uninspected(w, REASON_HISTORY);
		else
			work_deny(w, REASON_HISTORY);
		return;
	}
	if (data[0] == known) {
		work_accept(w, PLAN_MARK_INSPECTED);
		return;
	}
	uint32_t len = rewrite_octet(w->p, known, v->rewrite, sizeof v->rewrite);
	if (len == 0) {
		work_deny(w, REASON_OVERLAP);
		return;
	}
	shm_add(v->shm, SHM_KEEPALIVES, 1);
	work_accept_rewritten(w, PLAN_MARK_INSPECTED, v->rewrite, len);
}

/* A segment whose octets are not looked at although their place is known: the stream goes on behind it, out of step. */
static void skip_over(struct work *w)
{
	uint32_t end = w->p->seq + w->p->payload_len;
	struct history h = work_history(w);

	if ((int32_t)(end - w->s->next) > 0)
		stream_skip(&h, w->s, end);
}

static void pass_over(struct work *w, enum reason reason)
{
	skip_over(w);
	work_uninspected(w, reason);
}

/* The same where enforcing denies it. kill: there it is the end of the flow. */
static void refuse_over(struct work *w, enum reason reason, bool kill)
{
	if (work_in_step(w))
		skip_over(w);
	work_report_denied(w, reason, NULL, NULL);
	if (kill)
		work_refuse(w, true);
	else if (work_permissive(w))
		work_accept(w, PLAN_MARK_PASSED);
	else
		work_drop(w);
}

/* Octets that were forwarded before, and perhaps new ones behind them. */
static void repeated(struct work *w, uint32_t back)
{
	struct stream *s = w->s;
	struct history h = work_history(w);
	const uint8_t *data = w->p->data + w->p->payload;
	uint32_t n = w->p->payload_len, old = back < n ? back : n;

	if (n == 1 && back == 1) {
		keep_alive(w);
		return;
	}
	if (s->gap && w->p->seq - s->hole < s->gap && (work_open(w) || work_in_step(w))) {
		/* What was given up comes late; its reader waits for it. */
		if (work_open(w))
			pass_over(w, REASON_GAP);
		else
			refuse_over(w, REASON_GAP, false);
		return;
	}
	if (back > s->kept) {
		if (!w->v->policy || (work_open(w) && s->state == STREAM_LOST))
			pass_over(w, REASON_HISTORY);
		else
			refuse_over(w, REASON_HISTORY, false);
		return;
	}
	if (!stream_same(&h, s, back, data, old)) {
		refuse_over(w, REASON_OVERLAP, true);
		return;
	}
	if (old == n)
		work_accept(w, PLAN_MARK_INSPECTED);
	else
		in_order(w, data + old, n - old);
}

/* A segment ahead of the stream by so many octets. */
static void ahead(struct work *w, uint32_t by)
{
	struct stream *s = w->s;
	struct history h = work_history(w);

	if (s->state != STREAM_LOST && by < HELD_AHEAD_MAX) {
		switch (held_add(w)) {
		case HOLD_DONE: return;
		case HOLD_REPEAT: work_drop(w); return;
		case HOLD_FULL: break;
		}
		if (w->v->policy && !work_denied(w, REASON_HELD_FULL)) {
			work_drop(w);
			return;
		}
		/* Nothing may be dropped: the gap is given up for the segments that wait, then for this one. */
		for (unsigned i = 0; i < HELD_PER_FLOW && s->held != SHM_HELD_NONE &&
				     (int32_t)(w->v->memory.held[s->held].seq - w->p->seq) < 0;
		     i++) {
			held_give_up_gap(w->v, w->slot, w->dir, w->now);
			held_settle(w->v, w->slot, w->now);
		}
		work_keep(w);
		if ((int32_t)(w->p->seq - s->next) <= 0) {
			uint32_t back = s->next - w->p->seq;
			if (back)
				repeated(w, back);
			else
				in_order(w, w->p->data + w->p->payload, w->p->payload_len);
			return;
		}
	} else if (!work_open(w) && !work_denied(w, REASON_GAP)) {
		work_drop(w);
		return;
	}
	s->hole = s->next;
	s->gap = w->p->seq - s->next;
	stream_skip(&h, s, w->p->seq);
	flow_unseen(w->f, w->now->mono_us);
	in_order(w, w->p->data + w->p->payload, w->p->payload_len);
}

void segment_judge(struct work *w)
{
	struct stream *s = w->s;
	struct history h = work_history(w);

	if (w->truncated) {
		if (s->state == STREAM_NONE && (work_open(w) || work_in_step(w)))
			stream_skip(&h, s, w->p->seq);
		if (work_open(w))
			pass_over(w, REASON_TRUNCATED);
		else
			refuse_over(w, REASON_TRUNCATED, false);
		return;
	}
	if (s->state == STREAM_NONE) {
		stream_start(&h, s, w->p->seq, false);
		s->state = STREAM_NONE;
	}
	int32_t d = (int32_t)(w->p->seq - s->next);
	if (d < 0)
		repeated(w, 0u - (uint32_t)d);
	else if (d > 0)
		ahead(w, (uint32_t)d);
	else
		in_order(w, w->p->data + w->p->payload, w->p->payload_len);
}
