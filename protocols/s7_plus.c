/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7comm-plus by its header; its content is opaque. The layout follows the public analyses of S7-1200 and S7-1500.
 *
 *    +------+---------+--------+ - - - - - - - - - - - - - +--------+------+----------+------+----------+---------+- - - -+---------------+
 *    | 0x72 | version | length | version 3: digest length, | opcode | 0000 | function | 0000 | sequence | session | ...   | 0x72 version  |
 *    |      |         |        | digest                    |        |      |          |      | number   | (31)    |       | 0000          |
 *    +------+---------+--------+ - - - - - - - - - - - - - +--------+------+----------+------+----------+---------+- - - -+---------------+
 *                              |<--------------------------------- length ------------------------------------------>|
 *
 * Opcodes: 0x31 request, 0x32 response, 0x33 notification; 0x02 a response to a request that says it expects none, which therefore passes
 * like something unasked. A message whose last four octets (the trailer) are missing goes on in the next
 * TPKT, which has no opcode. Once InitSSL was answered the session carries TLS records: one function, plus-tls.
 *
 * A policy may name the functions; none of them is ever part of `any`.
 */
#include "protocols/s7.h"

enum { REQUEST = 0x31, RESPONSE = 0x32, RESPONSE_2 = 0x02, NO_RESPONSE = 0x40 };

static struct op *plus_op(struct s7 *s, enum direction dir, uint32_t sub, uint32_t version)
{
	struct op *op = s7_op(s, dir, ACCESS_OPAQUE, S7_PLUS);
	s7_sub(op, sub);
	s7_arg(op, S7_ARG_PLUS_VERSION, version);
	return op;
}

static void answers(struct s7 *s, uint32_t id)
{
	s->out->id = id;
	s->out->answers = asked_find(s->in->asked, s->in->nasked, id);
	if (s->out->answers >= 0)
		s->asked = &s->in->asked[s->out->answers];
}

/* The next TPKT of a message. */
static void goes_on(struct s7 *s, uint32_t version, bool last)
{
	bool server = s->in->from_server;
	uint32_t sub = s->st.plus_sub[server];
	if (server && s->st.plus_id[1] != 0) {
		answers(s, s->st.plus_id[1]);
		s->out->answer_more = !last && s->asked;
		plus_op(s, DIR_RESPONSE, sub, version);
	} else {
		plus_op(s, server ? DIR_UNSOLICITED : DIR_REQUEST, sub, version);
	}
}

static void function(struct s7 *s, struct cursor *c, uint32_t version, uint32_t opcode, bool last)
{
	bool server = s->in->from_server;
	uint32_t zero = cursor_be16(c, "plus.reserved");
	uint32_t sub = cursor_be16(c, "plus.function");
	zero |= cursor_be16(c, "plus.reserved");
	uint32_t id = S7_ID_PLUS | cursor_be16(c, "plus.sequence-number");
	cursor_check(c, zero == 0, 8, REASON_RESERVED, "plus.reserved");
	cursor_check(c, sub >= 0x400 && sub < 0x700, 6, REASON_FUNCTION_UNKNOWN, "plus.function");
	if (opcode == REQUEST) {
		uint32_t session = cursor_be32(c, "plus.session-id");
		uint32_t flags = cursor_u8(c, "plus.transport-flags");
		if (!cursor_ok(c))
			return;
		struct op *op = plus_op(s, DIR_REQUEST, sub, version);
		s7_arg(op, S7_ARG_PLUS_SESSION, session);
		s->out->id = id;
		if (!(flags & NO_RESPONSE))
			s7_ask(s, op);
	} else if (opcode == RESPONSE_2) {
		if (!cursor_ok(c))
			return;
		plus_op(s, DIR_UNSOLICITED, sub, version);
		id = 0;
	} else {
		if (!cursor_ok(c))
			return;
		answers(s, id);
		if (s->asked)
			cursor_check(c, s->asked->sub == sub, 6, REASON_ANSWER_FUNCTION, "plus.function");
		if (!cursor_ok(c))
			return;
		plus_op(s, DIR_RESPONSE, sub, version);
		s->out->answer_more = !last && s->asked;
		if (sub == S7_PLUS_INIT_SSL && s->asked)
			s->st.tls = 1;
	}
	s->st.plus_sub[server] = (uint16_t)sub;
	s->st.plus_id[server] = id;
}

void s7_plus(struct s7 *s)
{
	bool server = s->in->from_server;
	uint32_t start = s->c.at;
	cursor_u8(&s->c, "protocol-id");
	uint32_t version = cursor_u8(&s->c, "plus.version");
	cursor_check(&s->c, (version >= 1 && version <= 3) || version == 0xfe, 1, REASON_FIELD_VALUE,
		     "plus.version");
	uint32_t length = cursor_be16(&s->c, "plus.length");
	struct cursor c = cursor_sub(&s->c, length, "plus.length");
	bool last = cursor_left(&s->c) > 0 || version == 0xfe;
	if (cursor_left(&s->c) > 0) {
		uint32_t trailer = cursor_be32(&s->c, "plus.trailer");
		cursor_check(&s->c, trailer == (0x72000000u | version << 16), 4, REASON_LENGTH,
			     "plus.trailer");
		cursor_end(&s->c, "plus.trailer");
	}
	if (!cursor_ok(&s->c))
		return;
	s->st.phase = S7_IS_PLUS;
	if (version == 0xfe) {
		plus_op(s, server ? DIR_UNSOLICITED : DIR_REQUEST, S7_PLUS_EVENT, version);
		return;
	}
	if (s->st.middle[server]) {
		goes_on(s, version, last);
		s->st.middle[server] = !last;
		return;
	}
	s->st.middle[server] = !last;
	if (version == 3) {
		uint32_t digest = cursor_u8(&c, "plus.digest-length");
		cursor_bytes(&c, digest, "plus.digest");
	}
	uint32_t opcode = cursor_u8(&c, "plus.opcode");
	if (!cursor_ok(&c))
		return;
	if (opcode == S7_PLUS_NOTIFICATION && server) {
		plus_op(s, DIR_UNSOLICITED, S7_PLUS_NOTIFICATION, version);
		s->st.plus_sub[1] = S7_PLUS_NOTIFICATION;
		s->st.plus_id[1] = 0;
	} else if (server ? opcode == RESPONSE || opcode == RESPONSE_2 : opcode == REQUEST) {
		function(s, &c, version, opcode, last);
	} else {
		cursor_fail_at(&c, REASON_FUNCTION_UNKNOWN, "plus.opcode",
			       version == 3 ? c.at - 1 : start + 4);
	}
}

/* A record, or what of one is in this TPKT: content type 20 to 23, version 3.x. */
void s7_tls(struct s7 *s)
{
	bool server = s->in->from_server;
	if (!s->st.middle[server]) {
		cursor_u8(&s->c, "tls.content-type");
		uint32_t major = cursor_u8(&s->c, "tls.version");
		cursor_check(&s->c, major == 3, 1, REASON_MAGIC, "tls.version");
	}
	cursor_bytes(&s->c, cursor_left(&s->c), "tls.record");
	if (!cursor_ok(&s->c))
		return;
	s->st.middle[server] = !s->eot;
	s7_sub(s7_op(s, server ? DIR_UNSOLICITED : DIR_REQUEST, ACCESS_OPAQUE, S7_PLUS), S7_PLUS_TLS);
}
