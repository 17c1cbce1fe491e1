/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CIP answers: Volume 1, 2-4.2 and appendix B.
 *
 *    octet  0                1          2         3                 4
 *           +----------------+----------+---------+-----------------+------------------- - - -+
 *           | service | 0x80 | reserved | general | size of the     | additional status,      |
 *           |                | 0        | status  | additional one  | the service's data      |
 *           +----------------+----------+---------+-----------------+------------------- - - -+
 *
 * An answer says neither path nor, for services from 0x4b on, the class that its code belongs to: both come from the request.
 * One that answers several services is opened like their request, each answer in its turn; where the request is known their number
 * and their codes must be those that were asked for. An Unconnected Send that fails on the way answers for itself.
 */
#include "protocols/enip.h"

#define CODES_START 0x811c9dc5u
enum { STATUS_PARTIAL = 6, NO_CLASS = 0xffff };

struct part {
	struct cursor c;
	uint32_t base, table, next, count;
};

/* An operation of an answer whose request is not known, or was one of several. */
static struct op *bare_op(struct enip *e, uint32_t code)
{
	struct op *op = enip_op(e, DIR_RESPONSE, ACCESS_READ, code);
	if (!op)
		return NULL;
	op->access = (uint8_t)(code <= CIP_COMMON_LAST ? cip_access(code, 0, 0) : ACCESS_OPAQUE);
	/* Of which class such a code is one the answer does not say: it has no sub-function, and no name. */
	op->sub = code <= CIP_COMMON_LAST ? 0 : NO_CLASS;
	return op;
}

static struct op *asked_op(struct enip *e)
{
	const struct asked *a = e->asked;
	uint32_t class = (a->has & OP_SPACE) && a->space == SPACE_OBJECT ? a->first / CIP_MINORS : 0;
	struct op *op = enip_op(e, DIR_RESPONSE, cip_access(a->function, a->sub, class), a->function);
	if (!op)
		return NULL;
	op->has = a->has & (OP_SUB | OP_SPACE | OP_RANGE);
	op->sub = a->sub;
	op->space = a->space;
	op->first = a->has & OP_RANGE ? a->first : 0;
	op->last = a->has & OP_RANGE ? a->last : 0;
	return op;
}

/* Status and additional status of one answer; false where it is refused. */
static bool status(struct cip_reply *r)
{
	uint32_t code = cursor_u8(&r->c, "service");
	cursor_check(&r->c, code & CIP_ANSWER, 1, REASON_FIELD_VALUE, "service");
	r->code = code & ~(uint32_t)CIP_ANSWER;
	cursor_check(&r->c, r->code >= 1 && r->code <= CIP_SERVICE_LAST, 1, REASON_FUNCTION_UNKNOWN,
		     "service");
	uint32_t reserved = cursor_u8(&r->c, "reserved");
	cursor_check(&r->c, reserved == 0, 1, REASON_RESERVED, "reserved");
	r->status = cursor_u8(&r->c, "general-status");
	uint32_t words = cursor_u8(&r->c, "additional-status-size");
	cursor_bytes(&r->c, words * 2, "additional-status");
	return cursor_ok(&r->c);
}

static void list_answer(struct enip *e, struct cip_reply *r)
{
	if (cursor_left(&r->c) == 0 && r->status != 0)
		return;
	uint32_t n = cursor_le16(&r->c, "attribute-count");
	if (r->alone && e->asked)
		cursor_check(&r->c, n <= e->asked->size, 2, REASON_ANSWER_SIZE, "attribute-count");
	/* Each has its number and its status at least. */
	cursor_check(&r->c, n * 4 <= cursor_left(&r->c), 2, REASON_COUNT, "attribute-count");
}

/* What stands behind the status of one service. */
static void content(struct enip *e, struct cip_reply *r)
{
	struct op *op = r->alone && e->asked ? asked_op(e) : bare_op(e, r->code);
	if (!op)
		return;
	bool good = r->status == 0 || r->status == STATUS_PARTIAL;
	bool tag = r->alone && e->asked &&
		   (e->asked->sub == CLASS_SYMBOLIC || e->asked->sub == CLASS_SYMBOL) &&
		   (e->asked->has & OP_SUB) && r->code != CIP_INSTANCE_LIST;
	bool manager = r->alone && e->asked && (e->asked->has & OP_SUB) &&
		       (e->asked->sub == CLASS_CONNECTION || e->asked->sub >= CLASS_OPEN_CONFIG);
	if (r->alone && e->asked && e->asked->function >= PCCC_FN && r->code == CIP_EXECUTE_PCCC) {
		if (good)
			cip_pccc_answer(e, r, op);
	} else if (manager && (r->code == CIP_FORWARD_OPEN || r->code == CIP_LARGE_OPEN)) {
		cip_open_answer(e, r);
	} else if (manager && r->code == CIP_FORWARD_CLOSE) {
		cip_close_answer(e, r);
	} else if (tag && good) {
		cip_tag_answer(e, r, op);
	} else if (r->code == CIP_GET_LIST || r->code == CIP_SET_LIST) {
		list_answer(e, r);
	} else if (r->code == CIP_GET_SINGLE && good) {
		struct view v = {.data = r->c.data + r->c.at, .len = cursor_left(&r->c)};
		if (v.len)
			cip_octets(op, v);
	} else if (r->code == CIP_SET_SINGLE && good) {
		cursor_end(&r->c, "service");
	}
}

/* Whether this is the answer to what was asked; an Unconnected Send may say that it got no further. */
static void belongs(struct enip *e, struct cip_reply *r)
{
	uint32_t code = e->asked->flags & ~(uint32_t)CIP_ANSWER;
	bool lost = (e->asked->flags & CIP_ANSWER) && r->code == CIP_UNCONNECTED_SEND && r->status != 0;
	if (r->code != code && !lost)
		cursor_fail_at(&r->c, REASON_ANSWER_FUNCTION, "service", r->at);
}

static void part_open(struct cip_reply *r, struct part *p)
{
	p->base = r->c.at;
	p->count = cursor_le16(&r->c, "service-count");
	p->next = 0;
	p->table = r->c.at;
	cursor_check(&r->c, p->count >= 1, 2, REASON_COUNT, "service-count");
	cursor_check(&r->c, p->count <= PDU_OPS_MAX, 2, REASON_TOO_MANY_OPERATIONS, "service-count");
	cursor_bytes(&r->c, p->count * 2, "service-offset");
	p->c = r->c;
}

static struct cursor part_next(struct part *p)
{
	uint32_t i = p->next++;
	struct cursor t = cip_part(&p->c, p->table + 2 * i, p->c.end);
	uint32_t from = cursor_le16(&t, "service-offset"), to = p->c.end - p->base;
	if (i + 1 < p->count)
		to = cursor_le16(&t, "service-offset");
	uint32_t least = 2 + 2 * p->count;
	if ((i == 0 ? from != least : from < least) || to <= from || to > p->c.end - p->base) {
		cursor_fail_at(&p->c, REASON_LENGTH, "service-offset", p->table + 2 * i);
		return cip_part(&p->c, p->c.end, p->c.end);
	}
	return cip_part(&p->c, p->base + from, p->base + to);
}

/* Several answers in one, at most CIP_LEVELS_MAX deep. */
static void several(struct enip *e, struct cip_reply *whole)
{
	struct part parts[CIP_LEVELS_MAX];
	uint32_t top = 1, codes = CODES_START;
	part_open(whole, &parts[0]);
	if (cursor_ok(&e->c) && e->asked && parts[0].count != e->asked->size)
		cursor_fail_at(&e->c, REASON_ANSWER_SIZE, "service-count", parts[0].base);
	while (top > 0 && cursor_ok(&e->c)) {
		struct part *p = &parts[top - 1];
		if (p->next == p->count) {
			top--;
			continue;
		}
		struct cip_reply r = {.c = part_next(p)};
		r.at = r.c.at;
		if (!status(&r))
			return;
		if (top == 1)
			codes = (codes ^ r.code) * 0x01000193u;
		if (r.code == CIP_MULTIPLE && cursor_left(&r.c) > 0) {
			if (top == CIP_LEVELS_MAX) {
				cursor_fail_at(&r.c, REASON_TOO_MANY_OPERATIONS, "service", r.at);
				return;
			}
			part_open(&r, &parts[top++]);
		} else {
			content(e, &r);
		}
	}
	if (cursor_ok(&e->c) && e->asked && codes != e->asked->unit)
		cursor_fail_at(&e->c, REASON_ANSWER_FUNCTION, "service", whole->at);
}

void cip_answer(struct enip *e, struct cursor *m)
{
	struct cip_reply r = {.c = *m, .at = m->at, .alone = true};
	if (!status(&r))
		return;
	if (r.status != 0 && r.status != STATUS_PARTIAL) {
		e->out->exception = true;
		e->out->exception_code = (uint8_t)r.status;
	}
	if (e->asked) {
		belongs(e, &r);
		if (!cursor_ok(&r.c))
			return;
	}
	if (r.code == CIP_MULTIPLE && cursor_left(&r.c) > 0) {
		several(e, &r);
		return;
	}
	if (e->asked && r.status == 0)
		cip_identity_answer(e, &r);
	/* On its own an opening still says which connections there are. */
	if (!e->asked && !e->in->answers_known && !e->connected &&
	    (r.code == CIP_FORWARD_OPEN || r.code == CIP_LARGE_OPEN) && r.status == 0 &&
	    cursor_left(&r.c) >= 26)
		cip_open_answer(e, &r);
	else
		content(e, &r);
	if (!cursor_ok(&r.c))
		return;
	if (e->out->nops == 0) {
		struct op *op = bare_op(e, r.code);
		if (op)
			op->access = ACCESS_SESSION;
	}
}
