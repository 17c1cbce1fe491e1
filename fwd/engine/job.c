/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/job.h"

static const struct proto *proto_of(const struct work *w)
{
	return proto_get((unsigned)w->route->proto);
}

static uint32_t flags_of(const struct work *w, const struct op *op)
{
	const struct proto *p = proto_of(w);
	const struct vocab_function *f = proto_function(p, op_function_key(op));
	uint32_t flags = f ? f->flags : 0;

	/* A function for all kinds of things: only where jobs have theirs. */
	if ((flags & (FN_CONTINUES | FN_RANGE)) == (FN_CONTINUES | FN_RANGE)) {
		const struct vocab_space *s = op->has & OP_RANGE ? proto_space(p, op->space) : NULL;
		if (!s || !s->job)
			flags &= ~(uint32_t)FN_CONTINUES;
	}
	return flags;
}

static uint64_t mix(uint64_t h, uint64_t more)
{
	h = (h ^ more) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* The job that an operation belongs to: its rule's, its station's, and what else the protocol tells jobs apart by. Never 0. */
static uint64_t job_of(const struct work *w, const struct op *op)
{
	uint32_t by = proto_of(w)->job_of;
	uint64_t h = w->v->match.job;

	if (op->has & OP_UNIT)
		h = mix(h, UINT64_C(1) << 32 | op->unit);
	if (by & FN_RANGE && op->has & OP_RANGE)
		h = mix(h, UINT64_C(2) << 32 | op->first);
	for (uint32_t i = 0; i < op->nargs && i < OP_ARGS_MAX; i++)
		if (op->args[i].name < FN_ARGS_MAX && by & FN_ARG(op->args[i].name))
			h = mix(mix(h, UINT64_C(3) << 32 | op->args[i].name), (uint64_t)op->args[i].value);
	return h ? h : 1;
}

void job_note(struct work *w)
{
	const struct op *op = &w->v->pdu.ops[0];
	uint32_t flags = flags_of(w, op);
	struct flow *f = w->f;
	uint64_t job;

	if (!(flags & (FN_BEGINS | FN_CONTINUES | FN_ENDS)))
		return;
	job = job_of(w, op);
	if (flags & FN_BEGINS)
		f->job = job;
	if (f->job != job)
		return;
	if (flags & FN_ENDS)
		f->job = 0;
	else
		f->job_us = w->now->mono_us;
}

bool job_goes_on(const struct work *w)
{
	const struct flow *f = w->f;

	if (f->job == 0 || w->now->mono_us - f->job_us > JOB_SILENT_US)
		return false;
	for (uint32_t i = 0; i < w->v->pdu.nops; i++) {
		const struct op *op = &w->v->pdu.ops[i];
		if (!(flags_of(w, op) & (FN_CONTINUES | FN_ENDS)) || job_of(w, op) != f->job)
			return false;
	}
	return true;
}
