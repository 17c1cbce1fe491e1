/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7comm: the header, and which part of the decoder a message belongs to.
 *
 *    +------+--------+------------+-----------+-----------+--------+ - - - - - - - - - +--------- - -+------ - -+
 *    | 0x32 | ROSCTR | redundancy | PDU       | parameter | data   | error class, code | parameters  | data     |
 *    |      |        | id, 0      | reference | length    | length | (ROSCTR 2 and 3)  |             |          |
 *    +------+--------+------------+-----------+-----------+--------+ - - - - - - - - - +--------- - -+------ - -+
 *
 * ROSCTR: 1 a job, 2 an acknowledgement alone, 3 one with data, 7 userdata. All numbers are big-endian. The client asks for jobs; only
 * while a block is downloaded the controller does, for its parts.
 */
#include "protocols/s7.h"

enum { JOB = 1, ACK = 2, ACK_DATA = 3, USERDATA = 7 };

enum access s7_access(uint32_t function, uint32_t sub)
{
	switch (function) {
	case S7_READ: return sub >= S7_VAR_SYMBOLIC ? ACCESS_OPAQUE : ACCESS_READ;
	case S7_WRITE:
		/* A bit is a command: the octet's other bits, and so its value, are the device's. */
		return sub >= S7_VAR_SYMBOLIC ? ACCESS_OPAQUE
		       : sub == S7_VAR_BIT    ? ACCESS_OPERATE
					      : ACCESS_WRITE;
	case S7_SETUP:
	case S7_ACKNOWLEDGE: return ACCESS_SESSION;
	default: return ACCESS_PROGRAM;
	}
}

static bool job_known(uint32_t function)
{
	return function == S7_READ || function == S7_WRITE || function == S7_SETUP ||
	       (function >= S7_REQUEST_DOWNLOAD && function <= S7_END_UPLOAD) || function == S7_PI_SERVICE ||
	       function == S7_PLC_STOP;
}

/* Setup communication, job and acknowledgement: parallel jobs of caller and called, PDU length. */
static uint32_t setup(struct s7 *s)
{
	s7_size(&s->data, 0, "header.data-length");
	if (!s7_size(&s->param, 7, "header.parameter-length"))
		return 0;
	cursor_u8(&s->param, "setup.reserved");
	cursor_be16(&s->param, "setup.max-amq-calling");
	cursor_be16(&s->param, "setup.max-amq-called");
	uint32_t length = cursor_be16(&s->param, "setup.pdu-length");
	/* What is proposed may be anything; what is agreed on must be possible. */
	cursor_check(&s->param,
		     length >= S7_LENGTH_MIN && (s->rosctr == JOB || length <= S7_JOINED_MAX - S7_DT), 2,
		     REASON_FIELD_VALUE, "setup.pdu-length");
	return length;
}

static void job(struct s7 *s)
{
	uint32_t function = cursor_u8(&s->param, "param.function");
	bool client = !s->in->from_server;
	cursor_check(&s->param, job_known(function), 1, REASON_FUNCTION_UNKNOWN, "param.function");
	if (client ? s->st.phase != S7_READY && function != S7_SETUP
		   : function != S7_DOWNLOAD_BLOCK && function != S7_DOWNLOAD_ENDED)
		cursor_check(&s->param, false, 1, REASON_STATE, "param.function");
	if (!cursor_ok(&s->c))
		return;
	s->out->id |= client ? S7_ID_CLIENT : S7_ID_SERVER;
	if (!client) {
		s7_block_server_job(s, function);
		return;
	}
	switch (function) {
	case S7_READ:
	case S7_WRITE: s7_var_request(s, function); break;
	case S7_SETUP: {
		uint32_t length = setup(s);
		if (cursor_ok(&s->c))
			s7_ask(s, s7_op(s, DIR_REQUEST, ACCESS_SESSION, S7_SETUP))->size = length;
		break;
	}
	default: s7_block_request(s, function); break;
	}
}

/* An acknowledgement that says no, or nothing: what it holds besides the function is not read. */
static void acknowledge_bare(struct s7 *s)
{
	uint32_t function = s->asked ? s->asked->function : S7_ACKNOWLEDGE;
	if (cursor_left(&s->param) > 0) {
		uint32_t said = cursor_u8(&s->param, "param.function");
		cursor_check(&s->param, job_known(said), 1, REASON_FUNCTION_UNKNOWN, "param.function");
		if (s->asked)
			cursor_check(&s->param, said == function, 1, REASON_ANSWER_FUNCTION,
				     "param.function");
		/* The count of items, or a status. */
		if (cursor_left(&s->param) > 0)
			cursor_u8(&s->param, "param.item-count");
		function = said;
	}
	cursor_end(&s->param, "header.parameter-length");
	s7_size(&s->data, 0, "header.data-length");
	if (!cursor_ok(&s->c))
		return;
	struct op *op = s7_answer_op(s, s7_access(function, s->asked ? s->asked->sub : 0), function);
	/* Of several items no range says which. */
	if (function == S7_READ || function == S7_WRITE || function == S7_PI_SERVICE) {
		if (!s->asked)
			s7_sub(op, 0);
	}
	s->out->exception = s->error != 0;
	s->out->exception_code = (uint8_t)(s->error >> 8);
}

static void acknowledge(struct s7 *s)
{
	bool client = !s->in->from_server;
	s->out->id |= client ? S7_ID_SERVER : S7_ID_CLIENT;
	s->out->answers = asked_find(s->in->asked, s->in->nasked, s->out->id);
	if (s->out->answers >= 0)
		s->asked = &s->in->asked[s->out->answers];
	if (s->error || s->rosctr == ACK) {
		acknowledge_bare(s);
		return;
	}
	uint32_t function = cursor_u8(&s->param, "param.function");
	cursor_check(&s->param, job_known(function), 1, REASON_FUNCTION_UNKNOWN, "param.function");
	if (s->asked)
		cursor_check(&s->param, s->asked->function == function, 1, REASON_ANSWER_FUNCTION,
			     "param.function");
	/* A client acknowledges only what a controller asks for. */
	cursor_check(&s->param, !client || function == S7_DOWNLOAD_BLOCK || function == S7_DOWNLOAD_ENDED, 1,
		     REASON_STATE, "param.function");
	if (!cursor_ok(&s->c))
		return;
	switch (function) {
	case S7_READ:
	case S7_WRITE: s7_var_answer(s, function); break;
	case S7_SETUP: {
		uint32_t length = setup(s);
		if (s->asked && length > s->asked->size)
			cursor_fail_at(&s->c, REASON_ANSWER_CONTENT, "setup.pdu-length", s->param.at - 2);
		if (!cursor_ok(&s->c))
			return;
		s7_answer_op(s, ACCESS_SESSION, S7_SETUP);
		s->st.phase = S7_READY;
		s->st.pdu_length = (uint16_t)length;
		break;
	}
	default: s7_block_answer(s, function); break;
	}
}

void s7_message(struct s7 *s)
{
	uint32_t start = s->c.at, total = cursor_left(&s->c);
	struct view h = cursor_bytes(&s->c, 10, "header");
	if (!cursor_ok(&s->c))
		return;
	s->rosctr = view_u8(h, 1);
	bool ack = s->rosctr == ACK || s->rosctr == ACK_DATA;
	if (s->rosctr != JOB && s->rosctr != USERDATA && !ack)
		cursor_fail_at(&s->c, REASON_FUNCTION_UNKNOWN, "header.rosctr", start + 1);
	if (view_be16(h, 2) != 0)
		cursor_fail_at(&s->c, REASON_RESERVED, "header.redundancy-id", start + 2);
	s->out->id = view_be16(h, 4);
	uint32_t parameters = view_be16(h, 6), data = view_be16(h, 8);
	s->error = ack ? cursor_be16(&s->c, "header.error") : 0;
	if (parameters + data != cursor_left(&s->c))
		cursor_fail_at(&s->c, REASON_LENGTH, "header.parameter-length", start + 6);
	if (s->st.pdu_length && total > s->st.pdu_length)
		cursor_fail_at(&s->c, REASON_OVERSIZE, "header.data-length", start + 8);
	if (!cursor_ok(&s->c))
		return;
	s->param = cursor_sub(&s->c, parameters, "header.parameter-length");
	s->data = cursor_sub(&s->c, data, "header.data-length");
	/* A session whose beginning nobody saw carries what it carries. */
	if (s->st.phase == S7_PICKED)
		s->st.phase = S7_READY;
	switch (s->rosctr) {
	case JOB: job(s); break;
	case USERDATA:
		if (s->st.phase != S7_READY)
			cursor_fail_at(&s->c, REASON_STATE, "header.rosctr", start + 1);
		else
			s7_userdata(s);
		break;
	default: acknowledge(s); break;
	}
	cursor_end(&s->param, "header.parameter-length");
	cursor_end(&s->data, "header.data-length");
	/* Only one client at a time may change something where a conduit says so. */
	if (cursor_ok(&s->c) && !s->in->from_server && s->out->nops > 0) {
		enum access a = (enum access)s->out->ops[0].access;
		if (a == ACCESS_WRITE || a == ACCESS_OPERATE || a == ACCESS_CONFIGURE ||
		    a == ACCESS_PROGRAM) {
			s->out->claim = CLAIM_USE;
			s->out->claimed = CLAIM_SERVER;
		}
	}
}
