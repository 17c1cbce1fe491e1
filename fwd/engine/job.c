/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/job.h"

static uint32_t flags_of(const struct work *w, const struct op *op)
{
	const struct vocab_function *f =
		proto_function(proto_get((unsigned)w->route->proto), op_function_key(op));

	return f ? f->flags : 0;
}

void job_note(struct work *w)
{
	uint64_t job = w->v->match.job;
	uint32_t flags = flags_of(w, &w->v->pdu.ops[0]);
	struct flow *f = w->f;

	if (flags & FN_BEGINS)
		f->job = job;
	if (f->job != job)
		return;
	if (flags & FN_ENDS)
		f->job = 0;
	else if (flags & (FN_BEGINS | FN_CONTINUES))
		f->job_us = w->now->mono_us;
}

bool job_goes_on(const struct work *w)
{
	const struct flow *f = w->f;

	if (f->job == 0 || f->job != w->v->match.job || w->now->mono_us - f->job_us > JOB_SILENT_US)
		return false;
	for (uint32_t i = 0; i < w->v->pdu.nops; i++)
		if (!(flags_of(w, &w->v->pdu.ops[i]) & (FN_CONTINUES | FN_ENDS)))
			return false;
	return true;
}
