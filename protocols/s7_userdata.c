/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7comm: userdata (ROSCTR 7), by function group and sub-function.
 *
 *    parameters:                                                                              data:
 *    +----------+--------+--------+--------------+----------+----------+ - - - - - - - - - - - - - +    +--------+-----------+--------+------+
 *    | 00 01 12 | length | method | type | group | sub-     | sequence | data unit | last | error |    | return | transport | length | data |
 *    |          | 4 or 8 | 11, 12 | 4 bits each  | function | number   | reference | data |       |    | code   | size      |        |      |
 *    +----------+--------+--------+--------------+----------+----------+ - - - - - - - - - - - - - +    +--------+-----------+--------+------+
 *
 * Types: 4 a request, 8 its answer, 0 what the controller sends unasked (alarms, cyclic data, a change of mode). An answer in parts says
 * that it is not the last; the client asks for the next part with method 12 and the sequence number of the answer, and names nothing
 * else: the SZL read goes on from what was asked first. Asking on where no answer said so is refused (state).
 *
 * Programmer functions, BSEND and NC functions are named, their content is opaque. Sub-functions that nobody has described are refused.
 */
#include <string.h>

#include "protocols/ident.h"
#include "protocols/s7.h"

enum { PUSH = 0, REQUEST = 4, RESPONSE = 8, METHOD_REQUEST = 0x11, METHOD_RESPONSE = 0x12 };
enum { SUCCESS = 0xff };

/* What a request of a sub-function holds. */
enum content { CONTENT_NONE, CONTENT_SZL, CONTENT_TYPE, CONTENT_BLOCK, CONTENT_ITEMS, CONTENT_FREE };

struct userdata {
	uint32_t method, type, group, sub, number;
	uint32_t last, error;
	bool long_form;
	enum access access;
	enum content content;
};

static void kind(struct userdata *u, enum access access, enum content content)
{
	u->access = access;
	u->content = content;
}

/* False where nobody knows such a sub-function. */
static bool defined(struct userdata *u)
{
	kind(u, ACCESS_READ, CONTENT_FREE);
	switch (u->group) {
	case S7_GROUP_MODE:
		return u->type == PUSH &&
		       (u->sub <= 4 || u->sub == 6 || u->sub == 9 || u->sub == 11 || u->sub == 12);
	case S7_GROUP_PROGRAMMER: kind(u, ACCESS_OPAQUE, CONTENT_FREE); return u->sub >= 1 && u->sub <= 0x1f;
	case S7_GROUP_CYCLIC:
		if (u->sub != 4)
			u->content = CONTENT_ITEMS;
		return u->sub == 1 || u->sub == 4 || u->sub == 5 || u->sub == 7;
	case S7_GROUP_BLOCKS:
		u->access = ACCESS_DIAGNOSE;
		u->content = u->sub == 1 ? CONTENT_NONE : u->sub == 2 ? CONTENT_TYPE : CONTENT_BLOCK;
		return u->sub >= 1 && u->sub <= 3;
	case S7_GROUP_CPU:
		switch (u->sub) {
		case 1: u->content = CONTENT_SZL; return true;
		case 2:    /* message service */
		case 3:    /* diagnostic message */
		case 5:    /* ALARM_8 indication */
		case 6:    /* NOTIFY indication */
		case 9:    /* SCAN indication */
		case 0x0c: /* ALARM acknowledgement indication */
		case 0x0d: /* ALARM lock indication */
		case 0x0e: /* ALARM unlock indication */
		case 0x11: /* ALARM_SQ indication */
		case 0x12: /* ALARM_S indication */
		case 0x13: /* ALARM query */
		case 0x16: /* NOTIFY_8 indication */ return true;
		case 7: /* ALARM_8 lock */
		case 8: /* ALARM_8 unlock */
		case 0x0b: /* ALARM acknowledgement */ u->access = ACCESS_OPERATE; return true;
		default: return false;
		}
	case S7_GROUP_SECURITY: u->access = ACCESS_PROGRAM; return u->sub == 1 || u->sub == 2;
	case S7_GROUP_TIME:
		if (u->sub == 2 || u->sub == 4)
			u->access = ACCESS_CONFIGURE;
		return u->sub >= 1 && u->sub <= 4;
	case S7_GROUP_BSEND:
	case S7_GROUP_NC: kind(u, ACCESS_OPAQUE, CONTENT_FREE); return true;
	default: return false;
	}
}

/* A change of mode has a head and a length of its own: 01 00 10 10, two octets 0, the mode, 0. */
static void mode_change(struct s7 *s, struct userdata *u)
{
	struct cursor *c = &s->param;
	uint32_t fixed = cursor_u8(c, "userdata.length");
	cursor_check(c, fixed == 0x10 && cursor_left(c) == 4, 1, REASON_LENGTH, "userdata.length");
	fixed = cursor_be16(c, "userdata.method");
	*u = (struct userdata){.type = PUSH, .group = S7_GROUP_MODE};
	u->sub = cursor_u8(c, "userdata.mode");
	fixed |= cursor_u8(c, "userdata.sequence-number");
	cursor_check(c, fixed == 0, 4, REASON_RESERVED, "userdata.method");
	if (cursor_ok(c) && !defined(u))
		cursor_fail_at(c, REASON_SUBFUNCTION_UNKNOWN, "userdata.mode", c->at - 2);
}

static void parameters(struct s7 *s, struct userdata *u)
{
	struct cursor *c = &s->param;
	uint32_t head = (uint32_t)cursor_be16(c, "userdata.head") << 8;
	head |= cursor_u8(c, "userdata.head");
	if (head == 0x010010 && s->in->from_server) {
		mode_change(s, u);
		return;
	}
	cursor_check(c, head == 0x112, 3, REASON_MAGIC, "userdata.head");
	uint32_t len = cursor_u8(c, "userdata.length");
	cursor_check(c, (len == 4 || len == 8) && len == cursor_left(c), 1, REASON_LENGTH, "userdata.length");
	u->method = cursor_u8(c, "userdata.method");
	u->long_form = len == 8;
	cursor_check(c, u->method == (u->long_form ? METHOD_RESPONSE : METHOD_REQUEST), 1, REASON_FIELD_VALUE,
		     "userdata.method");
	u->type = cursor_u8(c, "userdata.type");
	u->group = u->type & 15;
	u->type >>= 4;
	u->sub = cursor_u8(c, "userdata.sub-function");
	u->number = cursor_u8(c, "userdata.sequence-number");
	u->last = u->error = 0;
	if (u->long_form && cursor_ok(c)) {
		cursor_u8(c, "userdata.data-unit-reference");
		u->last = cursor_u8(c, "userdata.last-data-unit");
		cursor_check(c, u->last <= 1, 1, REASON_FIELD_VALUE, "userdata.last-data-unit");
		u->error = cursor_be16(c, "userdata.error");
	}
	if (!cursor_ok(c))
		return;
	uint32_t at = c->at - (u->long_form ? 7 : 3);
	bool right = u->group == S7_GROUP_MODE ? false
		     : s->in->from_server      ? u->type == RESPONSE || u->type == PUSH
					       : u->type == REQUEST;
	if (!right)
		cursor_fail_at(c, REASON_FIELD_VALUE, "userdata.type", at);
	else if (!defined(u))
		cursor_fail_at(c, REASON_SUBFUNCTION_UNKNOWN, "userdata.sub-function", at + 1);
}

/* Return code, transport size, length: the length is that of the rest. */
static uint32_t data_header(struct s7 *s)
{
	struct cursor *c = &s->data;
	uint32_t code = cursor_u8(c, "data.return-code");
	uint32_t transport = cursor_u8(c, "data.transport-size");
	uint32_t length = cursor_be16(c, "data.length");
	uint32_t octets = s7_data_octets(transport, length);
	cursor_check(c, octets != UINT32_MAX, 3, REASON_FIELD_VALUE, "data.transport-size");
	cursor_check(c, octets == cursor_left(c), 2, REASON_LENGTH, "data.length");
	return code;
}

/* ---- answers in parts ---- */

static struct s7_sequence *sequence_find(struct s7 *s, const struct userdata *u)
{
	for (uint32_t i = 0; i < S7_SEQUENCES; i++) {
		struct s7_sequence *q = &s->st.sequence[i];
		if (q->on && q->group == u->group && q->sub == u->sub && q->number == u->number)
			return q;
	}
	return NULL;
}

/* After an answer: another part is there to be asked for, or this was the last. */
static void sequence_keep(struct s7 *s, const struct userdata *u, uint32_t szl)
{
	struct s7_sequence *q = sequence_find(s, u);
	if (u->last == 0) {
		if (q)
			q->on = 0;
		return;
	}
	if (!q) {
		q = &s->st.sequence[s->st.sequence_next % S7_SEQUENCES];
		s->st.sequence_next = (uint8_t)((s->st.sequence_next + 1) % S7_SEQUENCES);
	}
	*q = (struct s7_sequence){.on = 1,
				  .group = (uint8_t)u->group,
				  .sub = (uint8_t)u->sub,
				  .number = (uint8_t)u->number,
				  .szl = szl};
}

/* ---- requests ---- */

static void block_arg(struct s7 *s, struct op *op, bool with_number)
{
	uint32_t type = s7_block_type(&s->data, "block.type");
	s7_arg(op, S7_ARG_BLOCK_TYPE, type);
	if (!with_number)
		return;
	uint32_t number = s7_block_number(&s->data, "block.number");
	uint32_t fs = cursor_u8(&s->data, "block.file-system");
	cursor_check(&s->data, fs == 'A' || fs == 'B' || fs == 'P', 1, REASON_FIELD_VALUE,
		     "block.file-system");
	s7_range(op, S7_SPACE_BLOCK, number, 1);
}

static void request(struct s7 *s, const struct userdata *u)
{
	struct cursor *c = &s->data;
	uint32_t function = S7_USERDATA | u->group, szl = 0;
	/* Only programmer functions have the long form in their first request. */
	const struct s7_sequence *more = NULL;
	if (u->long_form && u->access != ACCESS_OPAQUE) {
		more = sequence_find(s, u);
		/* What has a range of its own says it each time; a list says it once, so that must have been seen. */
		bool lists = u->content != CONTENT_BLOCK && u->content != CONTENT_ITEMS;
		if (!lists || (!more && (s->in->answers_known || u->content == CONTENT_SZL)))
			cursor_fail_at(c, REASON_STATE, "userdata.sequence-number", s->param.at - 5);
	}
	uint32_t code = data_header(s);
	if (!cursor_ok(c))
		return;
	if (u->long_form && u->access != ACCESS_OPAQUE) {
		s7_size(c, 0, "data.length");
		struct op *op = s7_op(s, DIR_REQUEST, u->access, function);
		s7_sub(op, u->sub);
		if (more && u->content == CONTENT_SZL)
			s7_range(op, S7_SPACE_SZL, szl = more->szl, 1);
		s7_ask(s, op)->flags = 1;
		return;
	}
	if (u->content == CONTENT_ITEMS) {
		uint32_t count = cursor_be16(c, "cyclic.item-count");
		cursor_u8(c, "cyclic.time-base");
		cursor_u8(c, "cyclic.time-factor");
		cursor_check(c, count >= 1 && count <= S7_ITEMS_MAX, 4, REASON_COUNT, "cyclic.item-count");
		s7_items_read(s, c, function << 16 | u->sub, count);
		cursor_end(c, "data.length");
		if (cursor_ok(c))
			s7_ask(s, &s->out->ops[0])->has = OP_SUB;
		return;
	}
	struct op *op = s7_op(s, DIR_REQUEST, u->access, function);
	s7_sub(op, u->sub);
	switch (u->content) {
	case CONTENT_SZL:
		cursor_check(c, code == SUCCESS, 4, REASON_FIELD_VALUE, "data.return-code");
		if (!s7_size(c, 4, "data.length"))
			return;
		szl = cursor_be32(c, "szl.id");
		s7_range(op, S7_SPACE_SZL, szl, 1);
		break;
	case CONTENT_TYPE: block_arg(s, op, false); break;
	case CONTENT_BLOCK: block_arg(s, op, true); break;
	case CONTENT_NONE: break;
	default: cursor_bytes(c, cursor_left(c), "data"); break;
	}
	cursor_end(c, "data.length");
	if (cursor_ok(c))
		s7_ask(s, op);
}

/* ---- what the controller sends ---- */

enum { ORDER_INDEX = 1, FIRMWARE_INDEX = 7, ORDER_OCTETS = 28, COMPONENT_OCTETS = 34, LIST_INDEXES = 12 };

/* "V", major, minor and patch, put together behind what a message in parts may take of the scratch. */
static struct view version_text(struct s7 *s, struct view record)
{
	_Static_assert(PDU_SCRATCH - S7_JOINED_MAX >= 16, "room for a version");
	uint8_t *to = s->out->scratch + S7_JOINED_MAX;
	uint32_t n = 0;
	to[n++] = 'V';
	for (uint32_t i = 25; i < ORDER_OCTETS; i++) {
		uint32_t v = view_u8(record, i);
		if (i > 25)
			to[n++] = '.';
		if (v >= 100)
			to[n++] = (uint8_t)('0' + v / 100);
		if (v >= 10)
			to[n++] = (uint8_t)('0' + v / 10 % 10);
		to[n++] = (uint8_t)('0' + v % 10);
	}
	return (struct view){.data = to, .len = n};
}

/* Lists 0x11 and 0x111: index, order number of 20 octets, type, version; that of the firmware begins with 'V'. */
static void tell_modules(struct s7 *s, const struct view records[LIST_INDEXES])
{
	struct pdu_ident from = {0};
	struct view order = records[ORDER_INDEX], firmware = records[FIRMWARE_INDEX];
	if (order.data)
		ident_text(s->out, from, IDENT_ORDER, (struct view){.data = order.data + 2, .len = 20});
	if (view_u8(firmware, 24) == 'V')
		ident_text(s->out, from, IDENT_VERSION, version_text(s, firmware));
}

/* Lists 0x1c and 0x11c: index, text. An empty name of the station leaves that of the module to stand for it, an empty place the plant. */
static void tell_components(struct s7 *s, const struct view records[LIST_INDEXES])
{
	static const struct {
		uint8_t kind, index, instead;
	} told[] = {{IDENT_NAME, 1, 2}, {IDENT_SERIAL, 5, 5}, {IDENT_PRODUCT, 7, 7}, {IDENT_PLACE, 11, 3}};
	struct pdu_ident from = {0};
	for (uint32_t i = 0; i < sizeof told / sizeof *told; i++) {
		const uint8_t ways[] = {told[i].index, told[i].instead};
		for (uint32_t k = 0; k < 2 && records[ways[0]].data; k++) {
			struct view v = records[ways[k]];
			if (v.data)
				ident_text(s->out, from, (enum ident_kind)told[i].kind,
					   (struct view){.data = v.data + 2, .len = v.len - 2});
		}
	}
}

/*
 * What a list of system states says the device is: length and number of its records stand before them. Of a first part of several what
 * lies in it whole; a list that is not as long as it says, or whose records are of another length, says nothing.
 */
static void tell(struct s7 *s, uint32_t list, bool more)
{
	struct cursor c = s->data;
	struct view records[LIST_INDEXES] = {{0}};
	bool modules = list == 0x11 || list == 0x111;
	if (!modules && list != 0x1c && list != 0x11c)
		return;
	if (cursor_left(&c) < 4)
		return;
	uint32_t size = cursor_be16(&c, "szl.record-length"), n = cursor_be16(&c, "szl.record-count");
	uint32_t left = cursor_left(&c);
	if (size != (modules ? ORDER_OCTETS : COMPONENT_OCTETS) ||
	    (more ? n * size <= left : n * size != left))
		return;
	/* A record has its octets, which bounds the loop. */
	while (cursor_left(&c) >= size) {
		struct view record = cursor_bytes(&c, size, "szl.record");
		uint32_t index = view_be16(record, 0);
		if (index < LIST_INDEXES && !records[index].data)
			records[index] = record;
	}
	if (modules)
		tell_modules(s, records);
	else
		tell_components(s, records);
}

static void response(struct s7 *s, const struct userdata *u)
{
	struct cursor *c = &s->data;
	uint32_t function = S7_USERDATA | u->group;
	s->out->answers = asked_find(s->in->asked, s->in->nasked, s->out->id);
	if (s->out->answers >= 0) {
		s->asked = &s->in->asked[s->out->answers];
		if (s->asked->function != function || s->asked->sub != u->sub)
			cursor_fail_at(c, REASON_ANSWER_FUNCTION, "userdata.sub-function", s->param.at - 6);
	}
	if (!u->long_form)
		cursor_fail_at(c, REASON_LENGTH, "userdata.length", s->param.at - 5);
	uint32_t code = cursor_left(c) > 0 ? data_header(s) : 0;
	if (!cursor_ok(c))
		return;
	/* The first part of a list says which one it is. */
	if (u->content == CONTENT_SZL && s->asked && !s->asked->flags && code == SUCCESS &&
	    cursor_left(c) >= 4) {
		uint32_t szl = cursor_be32(c, "szl.id");
		cursor_check(c, szl == s->asked->first, 4, REASON_ANSWER_CONTENT, "szl.id");
		if (cursor_ok(c) && !u->error)
			tell(s, szl >> 16, u->last != 0);
	}
	cursor_bytes(c, cursor_left(c), "data");
	struct op *op = s7_answer_op(s, u->access, function);
	if (!s->asked)
		s7_sub(op, u->sub);
	if (u->error) {
		s->out->exception = true;
		s->out->exception_code = (uint8_t)(u->error >> 8);
	} else if (code != SUCCESS && code != 0) {
		s7_arg(op, S7_ARG_RESULT, code);
	}
	sequence_keep(s, u, s->asked && s->asked->space == S7_SPACE_SZL ? s->asked->first : 0);
}

static void push(struct s7 *s, const struct userdata *u)
{
	/* What a request must name, nothing unasked may leave out. */
	if (u->content != CONTENT_FREE && u->content != CONTENT_ITEMS)
		cursor_fail_at(&s->param, REASON_FIELD_VALUE, "userdata.type",
			       s->param.at - (u->long_form ? 7 : 3));
	if (cursor_left(&s->data) > 0)
		data_header(s);
	cursor_bytes(&s->data, cursor_left(&s->data), "data");
	if (!cursor_ok(&s->data))
		return;
	struct op *op = s7_op(s, DIR_UNSOLICITED, u->access, S7_USERDATA | u->group);
	/* Cyclic data says no ranges: a function of its own, for those of its requests must be bounded. */
	s7_sub(op, u->sub | (u->content == CONTENT_ITEMS ? S7_PUSHED : 0u));
}

void s7_userdata(struct s7 *s)
{
	struct userdata u;
	s->out->id |= S7_ID_USERDATA;
	parameters(s, &u);
	if (!cursor_ok(&s->c))
		return;
	if (u.type == REQUEST)
		request(s, &u);
	else if (u.type == RESPONSE)
		response(s, &u);
	else
		push(s, &u);
}
