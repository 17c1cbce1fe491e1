/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNP3 over TCP and UDP: the application header, who is asked and who answers, select before operate. Link frames are in
 * dnp3_link.c, objects in dnp3_objects.c, what they mean in dnp3_request.c and dnp3_answer.c, names in dnp3_vocab.c.
 *
 *   IEEE 1815-2012, clause 4 (application layer)
 *
 *    octet 0        1          2                4
 *         +---------+----------+----------------+------------------------ - -
 *         | control | function | indications    | object headers, objects
 *         |         |          | (answers only) |
 *         +---------+----------+----------------+------------------------ - -
 *
 *   control: FIR, FIN (first, last fragment), CON (to be confirmed), UNS (unsolicited), sequence number modulo 16
 *
 * What is refused, and why:
 *   - requests in several fragments, that want a confirmation, or that are marked unsolicited: a master sends none (4.2.2.4);
 *   - unsolicited answers in several fragments; answers whose UNS bit disagrees with the function;
 *   - functions nobody defined, answers as requests and requests as answers;
 *   - OPERATE without a SELECT of the same objects, with the sequence number before it, in the last ten seconds;
 *   - broadcasts of functions that want an answer.
 */
#include "protocols/dnp3.h"

_Static_assert((int)DNP3_APP_MAX + 16 <= PDU_SCRATCH, "a fragment is put together in the scratch octets");

struct op *dnp3_op(struct dnp3 *d, enum access access)
{
	if (d->out->nops >= PDU_OPS_MAX) {
		cursor_fail(&d->c, REASON_TOO_MANY_OPERATIONS, "objects");
		return NULL;
	}
	struct op *op = &d->out->ops[d->out->nops++];
	op->dir = d->dir;
	op->access = (uint8_t)access;
	op->has = OP_UNIT | OP_ORIGIN;
	op->nargs = 0;
	op->function = d->function;
	op->sub = 0;
	op->unit = d->unit;
	op->origin = d->origin;
	op->space = 0;
	op->first = 0;
	op->last = 0;
	op->key.data = NULL;
	op->key.len = 0;
	op->values.form = VALUES_NONE;
	op->values.kind = VALUES_UNSIGNED;
	op->values.count = 0;
	return op;
}

void dnp3_arg(struct op *op, unsigned name, int64_t value)
{
	op->args[op->nargs++] = (struct op_arg){.name = (uint16_t)name, .value = value};
}

void dnp3_range(struct op *op, const struct dnp3_objects *o)
{
	op->has |= OP_SPACE | OP_RANGE;
	op->space = o->space;
	op->first = o->first;
	op->last = o->last;
	dnp3_arg(op, DNP3_ARG_OBJECT, o->group << 8 | o->variation);
}

struct dnp3_station *dnp3_station(struct dnp3 *d, bool make)
{
	struct dnp3_station *oldest = &d->state->stations[0];
	for (unsigned i = 0; i < DNP3_STATIONS; i++) {
		struct dnp3_station *s = &d->state->stations[i];
		if (s->stamp != 0 && s->unit == d->unit && s->origin == d->origin)
			return s;
		/* Stamps are compared as distances, so that they may wrap. */
		if (oldest->stamp != 0 &&
		    (s->stamp == 0 || d->state->stamp - s->stamp > d->state->stamp - oldest->stamp))
			oldest = s;
	}
	if (!make)
		return NULL;
	*oldest = (struct dnp3_station){.unit = d->unit, .origin = d->origin};
	return oldest;
}

/*
 * The request that an answer with this sequence number belongs to: the latest one, for a master repeats a request whose answer
 * it misses under the same number.
 */
static int32_t find_asked(const struct dnp3 *d, uint32_t seq)
{
	const struct asked *best = NULL;
	for (uint32_t i = 0; i < d->in->nasked; i++) {
		const struct asked *a = &d->in->asked[i];
		if (a->expires_us != 0 && (a->unit == d->unit || a->unit == DNP3_SELF) &&
		    a->aux[0] == ((uint32_t)d->origin << 8 | seq) &&
		    (!best || (int32_t)(a->id - best->id) > 0))
			best = a;
	}
	return best ? (int32_t)(best - d->in->asked) : -1;
}

/* A part of an answer behind the first: it must be the next one. */
static void later_part(struct dnp3 *d)
{
	uint32_t seq = d->app_control & APP_SEQ;
	struct dnp3_station *s = dnp3_station(d, false);
	if (!s || !s->parts)
		return;
	cursor_check(&d->c, seq == s->next, d->c.at, REASON_SEQUENCE, "application-control.sequence");
	d->out->answers = asked_find(d->in->asked, d->in->nasked, s->asked);
}

/* Pairs a solicited answer with its request, and remembers what a part leaves open. */
static void pair(struct dnp3 *d)
{
	uint32_t seq = d->app_control & APP_SEQ;
	bool last = d->app_control & APP_FIN;
	if (d->app_control & APP_FIR)
		d->out->answers = find_asked(d, seq);
	else
		later_part(d);
	struct dnp3_station *s = dnp3_station(d, !last);
	if (d->out->answers >= 0)
		d->asked = &d->in->asked[d->out->answers];
	if (s) {
		s->parts = !last;
		s->next = (seq + 1) & APP_SEQ;
		s->asked = d->asked ? d->asked->id : 0;
		s->stamp = ++d->state->stamp ? d->state->stamp : ++d->state->stamp;
	}
	d->out->answer_more = d->asked && !last;
}

/* May this be sent to all stations? What wants an answer may not (4.4). */
static bool broadcastable(uint32_t function)
{
	switch (function) {
	case DNP3_WRITE:
	case DNP3_DIRECT_OPERATE:
	case DNP3_DIRECT_OPERATE_NR:
	case DNP3_FREEZE:
	case DNP3_FREEZE_NR:
	case DNP3_FREEZE_CLEAR:
	case DNP3_FREEZE_CLEAR_NR:
	case DNP3_FREEZE_AT:
	case DNP3_FREEZE_AT_NR:
	case DNP3_COLD_RESTART:
	case DNP3_WARM_RESTART:
	case DNP3_ENABLE_UNSOLICITED:
	case DNP3_DISABLE_UNSOLICITED:
	case DNP3_ASSIGN_CLASS:
	case DNP3_RECORD_TIME: return true;
	default: return false;
	}
}

/* Is this function answered? The stations' answer to a challenge is that to the request that was challenged. */
static bool answered(const struct dnp3 *d)
{
	switch (d->function) {
	case DNP3_CONFIRM:
	case DNP3_DIRECT_OPERATE_NR:
	case DNP3_FREEZE_NR:
	case DNP3_FREEZE_CLEAR_NR:
	case DNP3_FREEZE_AT_NR:
	case DNP3_AUTHENTICATE_NR: return false;
	default: return d->unit < DNP3_BROADCAST_FIRST && !d->unanswered;
	}
}

/* OPERATE repeats the objects of the SELECT before it, with the next sequence number, in time; it may itself be repeated. */
static void select_operate(struct dnp3 *d)
{
	if (!cursor_ok(&d->c))
		return;
	uint32_t seq = d->app_control & APP_SEQ;
	uint64_t h = dnp3_hash(DNP3_HASH_START, d->c.data + 2, d->app_len - 2);
	struct dnp3_station *s = dnp3_station(d, d->function == DNP3_SELECT);
	if (d->function == DNP3_SELECT) {
		s->select = h;
		s->select_us = d->in->now_us;
		s->select_seq = (uint8_t)seq;
		s->selected = true;
		s->stamp = ++d->state->stamp ? d->state->stamp : ++d->state->stamp;
	} else if (!s || !s->selected || s->select != h || ((s->select_seq + 1u) & APP_SEQ) != seq ||
		   d->in->now_us - s->select_us > DNP3_SELECT_US) {
		dnp3_fail(d, REASON_NOT_SELECTED, "function", 1);
	}
}

/* What kinds of objects the answer may hold. */
static uint32_t answer_spaces(const struct dnp3 *d)
{
	uint32_t spaces = d->spaces | 1u << SP_AUTHENTICATION;
	switch (d->function) {
	case DNP3_READ: return d->spaces & 1u << SP_CLASS ? UINT32_MAX : spaces | 1u << SP_TIME;
	case DNP3_COLD_RESTART:
	case DNP3_WARM_RESTART:
	case DNP3_DELAY_MEASURE: return spaces | 1u << SP_TIME;
	case DNP3_ACTIVATE: return spaces | 1u << SP_APPLICATION;
	case DNP3_INITIALIZE_DATA:
	case DNP3_SAVE_CONFIGURATION: return UINT32_MAX;
	default: return spaces;
	}
}

static void ask(struct dnp3 *d)
{
	struct asked *a = &d->out->ask;
	a->expires_us = 0;
	/* Not the sequence number: a master repeats a request under the same one before the first has expired here. */
	a->id = ++d->state->requests;
	a->unit = d->unit;
	a->space = answer_spaces(d);
	a->first = (uint32_t)(d->command >> 32);
	a->last = (uint32_t)d->command;
	a->size = 0;
	a->aux[0] = (uint32_t)d->origin << 8 | (d->app_control & APP_SEQ);
	a->aux[1] = d->blocks == 1; /* the answer is this block */
	a->function = d->function;
	a->sub = 0;
	a->rule = 0;
	a->has = 0;
	a->flags = 0;
	d->out->answer_expected = true;
}

static void request(struct dnp3 *d)
{
	uint32_t wanted = APP_FIR | APP_FIN, bits = APP_FIR | APP_FIN | APP_CON | APP_UNS;
	if (d->function == DNP3_CONFIRM)
		bits &= ~(uint32_t)APP_UNS;
	cursor_check(&d->c, (d->app_control & bits) == wanted, 2, REASON_FIELD_VALUE, "application-control");
	bool to_all = d->unit >= DNP3_BROADCAST_FIRST;
	cursor_check(&d->c, !to_all || broadcastable(d->function), 1, REASON_BROADCAST, "function");
	d->dir = DIR_REQUEST;
	dnp3_request(d);
	if (d->function == DNP3_SELECT || d->function == DNP3_OPERATE)
		select_operate(d);
	if (!cursor_ok(&d->c))
		return;
	d->out->claim = d->function == DNP3_CONFIRM ? CLAIM_KEEP : CLAIM_USE;
	d->out->claimed = to_all ? CLAIM_SERVER : d->unit;
	if (answered(d))
		ask(d);
}

static void answer(struct dnp3 *d)
{
	bool unasked = d->function == DNP3_UNSOLICITED;
	cursor_check(&d->c,
		     d->function == DNP3_AUTHENTICATE_ANSWER || !(d->app_control & APP_UNS) == !unasked, 2,
		     REASON_FIELD_VALUE, "application-control");
	cursor_check(&d->c, !unasked || (d->app_control & (APP_FIR | APP_FIN)) == (APP_FIR | APP_FIN), 2,
		     REASON_FIELD_VALUE, "application-control");
	d->dir = unasked ? DIR_UNSOLICITED : DIR_RESPONSE;
	if (!unasked)
		pair(d);
	dnp3_answer(d);
}

/* A link frame without user data: an operation of the session, in either direction. No master waits long for one. */
static void link_only(struct dnp3 *d)
{
	d->function = (uint16_t)((d->control & LINK_PRM ? DNP3_LINK_PRIMARY : DNP3_LINK_SECONDARY) |
				 (d->control & LINK_FUNCTION));
	d->dir = d->in->from_server ? DIR_UNSOLICITED : DIR_REQUEST;
	(void)dnp3_op(d, ACCESS_SESSION);
	d->out->claim = d->in->from_server ? CLAIM_NONE : CLAIM_KEEP;
	d->out->claimed = d->unit;
}

static void application(struct dnp3 *d)
{
	d->app_control = cursor_u8(&d->c, "application-control");
	d->function = cursor_u8(&d->c, "function");
	if (!cursor_ok(&d->c))
		return;
	d->out->id = d->app_control & APP_SEQ;
	bool known = d->in->from_server
			     ? d->function >= DNP3_RESPONSE && d->function <= DNP3_AUTHENTICATE_ANSWER
			     : d->function <= DNP3_AUTHENTICATE_NR;
	cursor_check(&d->c, known, 1, REASON_FUNCTION_UNKNOWN, "function");
	if (!known)
		return;
	if (d->in->from_server)
		answer(d);
	else
		request(d);
}

static void dnp3_decode(const struct pdu_in *in, struct pdu *out)
{
	struct dnp3 d = {.in = in, .out = out, .state = in->state, .command = DNP3_HASH_START};

	pdu_open(out);
	d.c = cursor_open(out->scratch, 0, &out->fault);
	if (!dnp3_link(&d))
		return;
	if (d.app_len == 0) {
		link_only(&d);
		return;
	}
	d.c.end = d.app_len;
	application(&d);
	if (cursor_ok(&d.c) && out->nops == 0)
		cursor_fail(&d.c, REASON_NO_OPERATION, "objects");
	if (!cursor_ok(&d.c)) {
		out->fault.offset = dnp3_link_offset(in, out->fault.offset);
		out->nops = 0;
		out->nidents = 0;
		out->answer_expected = out->answer_more = false;
		out->claim = CLAIM_NONE;
	}
}

const struct proto proto_dnp3 = {
	.name = "dnp3",
	.title = "DNP3",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = {20000},
	.max_pdu = DNP3_PDU_MAX,
	.header = DNP3_PDU_MAX,
	.state_size = sizeof(struct dnp3_state),
	.unit_key = "outstations",
	.origin_key = "masters",
	.name_key = "files",
	.unit_max = 65535,
	.origin_max = 65535,
	.functions = dnp3_functions,
	.spaces = dnp3_spaces,
	.args = dnp3_args,
	.frame = dnp3_frame,
	.decode = dnp3_decode,
};
