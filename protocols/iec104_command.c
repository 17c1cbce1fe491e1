/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a controlling station asks for, and the answers. A station repeats the command with another cause: confirmed, terminated, or
 * unknown. No identifier pairs the two: type, common address and object do, and of several such requests value and qualifier.
 *
 * Select before execute (IEC 60870-5-101:2003, 7.2.6.26; IEC 60870-5-5:1995, 6.8): a command with S/E = 1 announces the one with S/E = 0.
 * That one is let through when type, station, object, originator, value and qualifier are those of the select, once, within
 * I104_SELECT_US, and as long as the station has not refused the select.
 */
#include <string.h>

#include "protocols/iec104.h"

/* ---- selected points; in the flow's state, octet by octet, for that has no alignment ---- */

static uint8_t *slot_at(const struct iec104 *m, unsigned i)
{
	return (uint8_t *)m->in->state + offsetof(struct iec104_state, selects) +
	       i * sizeof(struct iec104_select);
}

static struct iec104_select select_of(const struct iec104 *m, const struct op *op,
				      const struct iec104_content *what)
{
	struct iec104_select s;

	memset(&s, 0, sizeof s);
	s.at_us = m->in->now_us;
	s.ioa = op->first;
	s.value = what->value;
	s.unit = m->unit;
	s.used = 1;
	s.type = m->type;
	s.qualifier = what->qualifier & 0x7f; /* without S/E itself */
	s.origin = m->origin;
	return s;
}

static bool same_point(const struct iec104_select *a, const struct iec104_select *b)
{
	return a->used && a->type == b->type && a->unit == b->unit && a->ioa == b->ioa;
}

/* Forgets what is selected of the point of s. True: that was s itself, not yet lapsed. */
static bool select_take(struct iec104 *m, const struct iec104_select *s)
{
	bool found = false;

	for (unsigned i = 0; i < I104_SELECTS; i++) {
		struct iec104_select have;
		memcpy(&have, slot_at(m, i), sizeof have);
		if (!same_point(&have, s))
			continue;
		found = have.value == s->value && have.qualifier == s->qualifier &&
			have.origin == s->origin && s->at_us - have.at_us <= I104_SELECT_US;
		have.used = 0;
		memcpy(slot_at(m, i), &have, sizeof have);
	}
	return found;
}

/* Remembers it; where all slots are taken the oldest gives way. */
static void select_put(struct iec104 *m, const struct iec104_select *s)
{
	unsigned at = 0;
	int64_t oldest = INT64_MAX;

	(void)select_take(m, s);
	for (unsigned i = 0; i < I104_SELECTS; i++) {
		struct iec104_select have;
		memcpy(&have, slot_at(m, i), sizeof have);
		int64_t age = have.used ? have.at_us : INT64_MIN;
		if (age < oldest) {
			oldest = age;
			at = i;
		}
	}
	memcpy(slot_at(m, at), s, sizeof *s);
}

/* ---- requests ---- */

static bool has_select(const struct iec104_type *t)
{
	return t->group == I104_G_COMMAND && t->form != I104_F_BSI_BARE;
}

static void selecting(struct iec104 *m, const struct op *op, const struct iec104_content *what)
{
	struct iec104_select s = select_of(m, op, what);

	if (m->cause == I104_COT_ACT && what->select)
		select_put(m, &s);
	else if (m->cause == I104_COT_DEACT)
		(void)select_take(m, &s);
	else if (!select_take(m, &s) && !(m->in->options & I104_OPTION_DIRECT))
		cursor_fail_at(&m->c, REASON_NOT_SELECTED, "s-e", I104_APCI + I104_HEAD + 3);
}

/* All stations at once can be interrogated, set to a time and reset (IEC 60870-5-101:2003, 7.2.4); no point is in all of them. */
static bool to_all(const struct iec104_type *t)
{
	return t->group == I104_G_INTERROGATE || t->group == I104_G_COUNTERS || t->group == I104_G_CLOCK ||
	       t->group == I104_G_RESET;
}

void iec104_request(struct iec104 *m)
{
	struct iec104_content what;

	if (m->unit == I104_CA_ALL && !to_all(m->t)) {
		cursor_fail_at(&m->c, REASON_BROADCAST, "common-address", I104_APCI + 4);
		return;
	}
	if (!iec104_size(m, 3u + m->t->size))
		return;
	struct op *op = iec104_op(m, DIR_REQUEST, (enum access)m->t->access);
	iec104_object(m, op, &what);
	if (cursor_ok(&m->c) && has_select(m->t))
		selecting(m, op, &what);
	if (!cursor_ok(&m->c))
		return;
	if (op->access != ACCESS_READ && op->access != ACCESS_DIAGNOSE)
		m->out->claim = CLAIM_USE;
	/* Every request has a send sequence number of its own. */
	struct asked *a = &m->out->ask;
	a->expires_us = 0;
	a->id = m->out->id;
	a->unit = m->unit;
	a->space = op->space;
	a->first = op->first;
	a->last = op->last;
	a->size = m->origin;
	a->aux[0] = what.value;
	a->aux[1] = what.qualifier;
	a->function = m->type;
	a->sub = 0;
	a->rule = 0;
	a->has = op->has;
	a->flags = m->cause;
	m->out->answer_expected = true;
}

/* ---- answers ---- */

int32_t iec104_asked_read(const struct iec104 *m, uint32_t ioa)
{
	const struct asked *a = m->in->asked;

	for (uint32_t i = 0; i < m->in->nasked; i++)
		if (a[i].expires_us && a[i].function == I104_C_RD && a[i].unit == m->unit &&
		    a[i].first == ioa && a[i].size == m->origin)
			return (int32_t)i;
	return -1;
}

/* Is request a the later one of the two? Numbers are modulo 32768, and no two requests wait half a turn apart. */
static bool later(const struct asked *a, const struct asked *b)
{
	return ((a->id - b->id) & (I104_NUMBERS - 1)) < I104_NUMBERS / 2;
}

static bool repeated(const struct asked *a, const struct iec104_content *what)
{
	return a->aux[0] == what->value && a->aux[1] == what->qualifier;
}

/*
 * The request that this answers. Of several for the same object the one that was for this value; of those the last when it is
 * confirmed, the first when it ends: a station that sends no termination leaves requests behind, till they expire.
 */
static int32_t find(const struct iec104 *m, const struct op *op, const struct iec104_content *what)
{
	const struct asked *a = m->in->asked;
	bool unknown = m->cause >= I104_COT_UNKNOWN_FIRST, ends = m->cause == I104_COT_ACTTERM;
	uint8_t cause = m->cause == I104_COT_DEACTCON ? I104_COT_DEACT : I104_COT_ACT;
	int32_t best = -1;

	for (uint32_t i = 0; i < m->in->nasked; i++) {
		if (!a[i].expires_us || a[i].function != m->type || a[i].first != op->first ||
		    (a[i].unit != m->unit && a[i].unit != I104_CA_ALL))
			continue;
		/* A delay that was measured is told with cause 3. */
		if (!unknown && a[i].flags != cause && m->t->group != I104_G_DELAY)
			continue;
		if (best >= 0) {
			bool mine = repeated(&a[i], what), other = repeated(&a[best], what);
			if (mine != other ? other : later(&a[i], &a[best]) == ends)
				continue;
		}
		best = (int32_t)i;
	}
	return best;
}

/* Whether a positive confirmation is followed by a termination. */
static bool terminates(const struct iec104 *m, const struct iec104_content *what)
{
	switch (m->t->group) {
	case I104_G_INTERROGATE:
	case I104_G_COUNTERS: return true;
	case I104_G_COMMAND: return !what->select && !(m->in->options & I104_OPTION_NO_TERM);
	default: return false;
	}
}

static void confirmation(struct iec104 *m, struct op *op, const struct iec104_content *what)
{
	m->out->answers = find(m, op, what);
	if (m->out->answers < 0)
		return;
	const struct asked *a = &m->in->asked[m->out->answers];
	uint32_t element = I104_APCI + I104_HEAD + 3;

	iec104_check(m, a->size == m->origin, I104_APCI + 3, REASON_ANSWER_CONTENT, "originator-address");
	iec104_check(m, repeated(a, what), element, REASON_ANSWER_CONTENT, "information-element");
	m->out->answer_more = a->unit == I104_CA_ALL ||
			      (m->cause == I104_COT_ACTCON && !m->negative && terminates(m, what));
}

/* The station says no to a select: its execute would be for nothing, or for another select. */
static void refused(struct iec104 *m, const struct op *op, const struct iec104_content *what)
{
	struct iec104_select s = select_of(m, op, what);

	(void)select_take(m, &s);
}

void iec104_reply(struct iec104 *m)
{
	struct iec104_content what;
	/* Its time after the hour has changed: nobody asked. */
	bool told = m->t->group == I104_G_CLOCK && m->cause == I104_COT_SPONTANEOUS;

	if (!iec104_size(m, 3u + m->t->size))
		return;
	struct op *op = iec104_op(m, told ? DIR_UNSOLICITED : DIR_RESPONSE,
				  told ? ACCESS_READ : (enum access)m->t->access);
	iec104_object(m, op, &what);
	if (!cursor_ok(&m->c) || told)
		return;
	bool no = m->negative || m->cause >= I104_COT_UNKNOWN_FIRST;
	if (has_select(m->t) && what.select && no)
		refused(m, op, &what);
	m->out->exception = no;
	m->out->exception_code = no ? m->cause : 0;
	confirmation(m, op, &what);
}
