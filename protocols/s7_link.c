/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7 communication over TPKT and COTP: frame, connection, and what a session carries. Siemens has not published the S7 protocol: its
 * layouts follow the public analyses and what devices send.
 *
 *   RFC 1006 (1987), 6              TPKT
 *   RFC 905 / ISO 8073, 13          COTP class 0: CR, CC, DR, DT
 *   RFC 2126 (1997)                 ISO transport over TCP
 *
 *    octet  0   1   2       4    5      6        7
 *           +---+---+-------+----+------+--------+----------------------------- - - -+
 *           | 3 | 0 | TPKT  | LI | TPDU | EOT    | user data: 0x32 S7comm, 0x72      |
 *           |   |   |length | 2  | 0xf0 | number | S7comm-plus, else OSI session      |
 *           +---+---+-------+----+------+--------+----------------------------- - - -+
 *
 * One PDU is one TPKT, or all of a message that COTP carries in several DT: parts without EOT up to the one with it. STEP 7 sends an
 * empty part after each answer, so that the other end's TCP acknowledges at once; it is the beginning of the next message. Only parts
 * that begin like S7 are joined. Those of an OSI session are one PDU each, for nothing in them is read.
 *
 * What is refused, and why:
 *   - TPKT versions other than 3, reserved bits, TPDU numbers (class 0 has none), classes other than 0, TPDUs but CR, CC, DR and DT: RFC 1006
 *     allows no others;
 *   - a message in more than 64 parts or 4096 octets, and another TPDU between its parts: no device sends them, and what a
 *     receiver does with them is not known;
 *   - data before the connection is confirmed, jobs but setup communication before that is answered, S7comm and S7comm-plus in one
 *     session: the state they need does not exist;
 *   - messages above the negotiated PDU length.
 */
#include <string.h>

#include "protocols/s7.h"

_Static_assert((int)S7_JOINED_MAX <= PDU_SCRATCH, "a message in parts is put together there");

static struct frame bad(enum reason reason, uint32_t offset, const char *field)
{
	return (struct frame){.state = FRAME_BAD,
			      .fault = {.reason = reason, .offset = offset, .field = field}};
}

/* Does octet i of a message, at most 3, belong to one of S7comm or S7comm-plus? *plus: which, by octet 0. */
static bool begins_s7(uint32_t i, uint8_t octet, bool *plus)
{
	if (i == 0) {
		*plus = octet == 0x72;
		return octet == 0x32 || *plus;
	}
	if (*plus) /* version; then a length, which may be anything */
		return i > 1 || (octet >= 1 && octet <= 3) || octet >= 0xfe;
	if (i == 1)
		return (octet >= 1 && octet <= 3) || octet == 7;
	return octet == 0;
}

static struct frame s7_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	struct frame f = {.state = FRAME_MORE};
	uint32_t at = 0, seen = 0;
	bool s7 = true, plus = false;
	(void)from_server;

	for (uint32_t parts = 1; len - at >= S7_DT; parts++) {
		struct view v = {.data = data + at, .len = S7_DT};
		uint32_t length = view_be16(v, 2);
		if (view_u8(v, 0) != 3)
			return bad(REASON_MAGIC, at, "tpkt.version");
		if (view_u8(v, 1) != 0)
			return bad(REASON_RESERVED, at + 1, "tpkt.reserved");
		if (length < S7_DT || length > S7_PDU_MAX)
			return bad(REASON_LENGTH, at + 2, "tpkt.length");
		uint32_t whole = at + length;
		if (parts > 1 && whole > S7_JOINED_MAX)
			return bad(REASON_OVERSIZE, at + 2, "tpkt.length");
		f.length = whole;
		if (view_u8(v, 5) != 0xf0) {
			if (parts > 1)
				return bad(REASON_INTERLEAVED, at + 5, "cotp.pdu-type");
			f.state = FRAME_PDU;
			return f;
		}
		if (view_u8(v, 4) != 2)
			return bad(REASON_LENGTH, at + 4, "cotp.length-indicator");
		if (view_u8(v, 6) & 0x80) {
			f.state = FRAME_PDU;
			return f;
		}
		for (uint32_t i = S7_DT; s7 && seen < 4 && i < length; i++, seen++) {
			if (at + i >= len)
				return (struct frame){.state = FRAME_MORE};
			s7 = begins_s7(seen, data[at + i], &plus);
		}
		if (!s7) {
			f.state = FRAME_PDU;
			return f;
		}
		if (parts == S7_PARTS_MAX || whole + S7_DT + 4 > S7_JOINED_MAX)
			return bad(REASON_OVERSIZE, at + 6, "cotp.eot");
		at = whole;
		if (at > len)
			break;
	}
	return (struct frame){.state = FRAME_MORE};
}

uint32_t s7_hash(struct view v)
{
	uint32_t h = 0x811c9dc5u;
	for (uint32_t i = 0; i < v.len; i++)
		h = (h ^ v.data[i]) * 0x01000193u;
	return h;
}

struct op *s7_answer_op(struct s7 *s, enum access access, uint32_t function)
{
	struct op *op = s7_op(s, DIR_RESPONSE, access, function);
	if (s->asked) {
		op->has |= s->asked->has & (OP_SPACE | OP_RANGE | OP_SUB);
		op->sub = s->asked->sub;
		op->space = s->asked->has & OP_SPACE ? s->asked->space : 0;
		op->first = s->asked->has & OP_RANGE ? s->asked->first : 0;
		op->last = s->asked->has & OP_RANGE ? s->asked->last : 0;
	}
	return op;
}

/* ---- CR, CC, DR ---- */

struct tsaps {
	struct view calling, called;
	bool has_calling, has_called;
};

/* Behind the class: parameters, each once (13.3.4). */
static void parameters(struct s7 *s, struct tsaps *t)
{
	bool has_size = false;
	*t = (struct tsaps){0};
	for (uint32_t n = 0; cursor_ok(&s->c) && cursor_left(&s->c) > 0; n++) {
		if (n == S7_COTP_PARAMS_MAX) {
			cursor_fail(&s->c, REASON_COUNT, "cotp.parameters");
			return;
		}
		uint32_t code = cursor_u8(&s->c, "cotp.parameter-code");
		uint32_t len = cursor_u8(&s->c, "cotp.parameter-length");
		struct view v = cursor_bytes(&s->c, len, "cotp.parameter");
		if (!cursor_ok(&s->c))
			return;
		bool again = false;
		switch (code) {
		case 0xc0:
			again = has_size;
			has_size = true;
			cursor_check(&s->c, len == 1 && v.data[0] >= 7 && v.data[0] <= 13, len,
				     REASON_FIELD_VALUE, "cotp.tpdu-size");
			break;
		case 0xc1:
			again = t->has_calling;
			t->has_calling = true;
			t->calling = v;
			break;
		case 0xc2:
			again = t->has_called;
			t->has_called = true;
			t->called = v;
			break;
		default: cursor_fail_at(&s->c, REASON_RESERVED, "cotp.parameter-code", s->c.at - len - 2);
		}
		cursor_check(&s->c, !again, len + 2, REASON_FIELD_VALUE, "cotp.parameter-code");
	}
}

/* LI, code and credit, references, class: what CR and CC have in common. */
static void connection(struct s7 *s, uint32_t *dst, uint32_t *src, struct tsaps *t)
{
	uint32_t li = cursor_u8(&s->c, "cotp.length-indicator");
	cursor_check(&s->c, li == cursor_left(&s->c) && li >= 6, 1, REASON_LENGTH, "cotp.length-indicator");
	cursor_u8(&s->c, "cotp.pdu-type");
	*dst = cursor_be16(&s->c, "cotp.destination-reference");
	*src = cursor_be16(&s->c, "cotp.source-reference");
	uint32_t class = cursor_u8(&s->c, "cotp.class");
	cursor_check(&s->c, class == 0, 1, REASON_FIELD_VALUE, "cotp.class");
	parameters(s, t);
}

/* CR. The called TSAP of a controller is connection kind, rack (3 bits) and slot (5 bits). */
static void connect_request(struct s7 *s)
{
	uint32_t dst, src;
	struct tsaps t;
	connection(s, &dst, &src, &t);
	if (!cursor_ok(&s->c))
		return;
	if (dst != 0)
		cursor_fail_at(&s->c, REASON_FIELD_VALUE, "cotp.destination-reference", 6);
	if (s->st.phase != S7_NEW)
		cursor_fail_at(&s->c, REASON_STATE, "cotp.pdu-type", 5);
	if (!cursor_ok(&s->c))
		return;
	struct op *op = s7_op(s, DIR_REQUEST, ACCESS_SESSION, S7_CONNECT);
	if (t.calling.len == 2 && t.called.len == 2) {
		uint32_t called = view_be16(t.called, 0);
		s7_sub(op, S7_CONNECT_NUMBER);
		s7_arg(op, S7_ARG_CALLING_TSAP, view_be16(t.calling, 0));
		s7_arg(op, S7_ARG_KIND, called >> 8);
		s7_arg(op, S7_ARG_RACK, called >> 5 & 7);
		s7_arg(op, S7_ARG_SLOT, called & 31);
	} else {
		s7_sub(op, S7_CONNECT_NAME);
		op->has |= OP_KEY;
		op->key = t.called;
	}
	s->out->id = S7_ID_CONNECT;
	struct asked *a = s7_ask(s, op);
	a->size = src;
	a->aux[0] = s7_hash(t.called);
	a->aux[1] = s7_hash(t.calling);
	s->st.phase = S7_CONNECTING;
}

/* Whether the connection is one that CC or DR may answer. */
static void connect_asked(struct s7 *s)
{
	s->out->id = S7_ID_CONNECT;
	s->out->answers = asked_find(s->in->asked, s->in->nasked, S7_ID_CONNECT);
	if (s->out->answers >= 0)
		s->asked = &s->in->asked[s->out->answers];
}

static void connect_confirm(struct s7 *s)
{
	uint32_t dst, src;
	struct tsaps t;
	connect_asked(s);
	connection(s, &dst, &src, &t);
	if (s->st.phase != S7_NEW && s->st.phase != S7_CONNECTING)
		cursor_fail_at(&s->c, REASON_STATE, "cotp.pdu-type", 5);
	if (s->asked && dst != s->asked->size)
		cursor_fail_at(&s->c, REASON_ANSWER_CONTENT, "cotp.destination-reference", 6);
	if (s->asked && ((t.has_called && s7_hash(t.called) != s->asked->aux[0]) ||
			 (t.has_calling && s7_hash(t.calling) != s->asked->aux[1])))
		cursor_fail_at(&s->c, REASON_ANSWER_CONTENT, "cotp.tsap", 11);
	if (!cursor_ok(&s->c))
		return;
	struct op *op = s7_answer_op(s, ACCESS_SESSION, S7_CONNECT);
	if (!s->asked)
		s7_sub(op, t.called.len == 2 ? S7_CONNECT_NUMBER : S7_CONNECT_NAME);
	s->st.phase = S7_CONNECTED;
}

/* DR refuses a connection, or ends it; class 0 does not answer it. */
static void disconnect(struct s7 *s)
{
	uint32_t li = cursor_u8(&s->c, "cotp.length-indicator");
	cursor_check(&s->c, li == cursor_left(&s->c) && li >= 6, 1, REASON_LENGTH, "cotp.length-indicator");
	cursor_u8(&s->c, "cotp.pdu-type");
	cursor_be16(&s->c, "cotp.destination-reference");
	cursor_be16(&s->c, "cotp.source-reference");
	uint32_t why = cursor_u8(&s->c, "cotp.reason");
	/* ISO 8073 lets a text follow. */
	if (cursor_left(&s->c) > 0) {
		uint32_t code = cursor_u8(&s->c, "cotp.parameter-code");
		uint32_t len = cursor_u8(&s->c, "cotp.parameter-length");
		cursor_check(&s->c, code == 0xe0, 2, REASON_RESERVED, "cotp.parameter-code");
		cursor_bytes(&s->c, len, "cotp.parameter");
		cursor_end(&s->c, "cotp.parameter");
	}
	if (s->st.phase == S7_CLOSED || (s->st.phase == S7_NEW && s->in->answers_known))
		cursor_fail_at(&s->c, REASON_STATE, "cotp.pdu-type", 5);
	if (s->in->from_server && s->st.phase == S7_CONNECTING)
		connect_asked(s);
	if (!cursor_ok(&s->c))
		return;
	if (s->asked) {
		s7_answer_op(s, ACCESS_SESSION, S7_CONNECT);
		s->out->exception = true;
		s->out->exception_code = (uint8_t)why;
	} else {
		s7_op(s, s->in->from_server ? DIR_UNSOLICITED : DIR_REQUEST, ACCESS_SESSION, S7_DISCONNECT);
	}
	s->st.phase = S7_CLOSED;
}

/* ---- DT ---- */

/* Class 0 has none (13.7.3): it does not tell receivers apart, and is refused like everything that has no meaning. */
static void tpdu_number(struct s7 *s, uint32_t at)
{
	if (!(s->in->options & S7_OPTION_TPDU_NUMBER))
		cursor_fail_at(&s->c, REASON_RESERVED, "cotp.tpdu-number", at);
}

/* Puts a message in parts together behind the header of its first part, so that offsets are those of one TPKT. */
static void join(struct s7 *s)
{
	const uint8_t *data = s->in->data;
	uint32_t n = S7_DT, at = 0, len = s->in->len;
	uint8_t *to = s->out->scratch;

	if (len > S7_JOINED_MAX) {
		cursor_fail_at(&s->c, REASON_OVERSIZE, "tpkt.length", 2);
		return;
	}
	memcpy(to, data, S7_DT);
	/* s7_frame() found the parts to fill the PDU exactly. */
	for (uint32_t parts = 0; parts < S7_PARTS_MAX && len - at >= S7_DT; parts++) {
		struct view v = {.data = data + at, .len = S7_DT};
		uint32_t part = view_be16(v, 2);
		if (part < S7_DT || part > len - at) {
			cursor_fail_at(&s->c, REASON_LENGTH, "tpkt.length", at + 2);
			return;
		}
		if (view_u8(v, 6) & 0x7f)
			tpdu_number(s, at + 6);
		memcpy(to + n, data + at + S7_DT, part - S7_DT);
		n += part - S7_DT;
		s->eot = view_u8(v, 6) & 0x80;
		at += part;
	}
	s->c.data = to;
	s->c.at = S7_DT;
	s->c.end = n;
}

/* What the session carries decides what a message may be. */
static void message(struct s7 *s)
{
	struct view v = {.data = s->c.data + s->c.at, .len = cursor_left(&s->c)};
	uint32_t id = view_u8(v, 0);
	enum s7_phase phase = (enum s7_phase)s->st.phase;
	bool middle = s->st.middle[s->in->from_server];

	if (phase == S7_NEW && !s->in->answers_known)
		phase = s->st.phase = S7_PICKED;
	if (phase == S7_NEW || phase == S7_CONNECTING || phase == S7_CLOSED) {
		cursor_fail_at(&s->c, REASON_STATE, "cotp.pdu-type", 5);
	} else if (v.len == 0) {
		cursor_fail(&s->c, REASON_NO_OPERATION, "cotp.user-data");
	} else if (phase == S7_IS_MMS || phase == S7_ASSOCIATING) {
		s7_osi(s);
	} else if (s->st.tls && (middle || (id >= 0x14 && id <= 0x17))) {
		s7_tls(s);
	} else if (id != 0x32 && id != 0x72) {
		if (phase == S7_CONNECTED || phase == S7_PICKED)
			s7_osi(s);
		else
			cursor_fail(&s->c, REASON_MAGIC, "protocol-id");
	} else if (!s->eot) {
		/* s7_frame() joins what begins like S7: this began otherwise. */
		cursor_fail(&s->c, REASON_MAGIC, "protocol-id");
	} else if (id == 0x72) {
		if (phase == S7_READY)
			cursor_fail(&s->c, REASON_STATE, "protocol-id");
		else
			s7_plus(s);
	} else if (phase == S7_IS_PLUS) {
		cursor_fail(&s->c, REASON_STATE, "protocol-id");
	} else {
		s7_message(s);
	}
}

/* Header and parts. The plain case, one TPKT with a whole message, is looked at as a whole. */
static bool header(struct s7 *s)
{
	struct view v = {.data = s->in->data, .len = s->in->len};
	s->eot = true;
	if (v.len >= S7_DT && v.len <= S7_PDU_MAX && view_be16(v, 0) == 0x300 && view_be16(v, 2) == v.len &&
	    view_be16(v, 4) == 0x2f0 && view_u8(v, 6) == 0x80) {
		s->c.at = S7_DT;
		return true;
	}
	struct frame f = s7_frame(v.data, v.len, s->in->from_server);
	if (f.state == FRAME_BAD)
		cursor_fail_at(&s->c, f.fault.reason, f.fault.field, f.fault.offset);
	else if (f.state == FRAME_MORE || f.length > v.len)
		cursor_fail_at(&s->c, REASON_SHORT, "tpkt.length", v.len);
	else if (f.length < v.len)
		cursor_fail_at(&s->c, REASON_TRAILING, "tpkt.length", f.length);
	return cursor_ok(&s->c);
}

static void s7_decode(const struct pdu_in *in, struct pdu *out)
{
	struct s7 s;
	s.c = cursor_open(in->data, in->len, &out->fault);
	s.in = in;
	s.out = out;
	s.asked = NULL;
	memcpy(&s.st, in->state, sizeof s.st);

	pdu_open(out);
	if (!header(&s))
		return;
	uint32_t type = in->data[5];
	if (s.c.at == 0 && type == 0xf0) {
		if (view_be16((struct view){in->data, in->len}, 2) == in->len) {
			/* One TPKT: of something that is not S7, or with a TPDU number. */
			s.c.at = S7_DT;
			s.eot = in->data[6] & 0x80;
			if (in->data[6] & 0x7f)
				tpdu_number(&s, 6);
		} else {
			join(&s);
		}
	}
	if (!cursor_ok(&s.c))
		return;
	if (type == 0xf0) {
		message(&s);
	} else {
		s.c.at = S7_TPKT;
		if (type == 0xe0 && !in->from_server)
			connect_request(&s);
		else if (type == 0xd0 && in->from_server)
			connect_confirm(&s);
		else if (type == 0x80)
			disconnect(&s);
		else
			cursor_fail_at(&s.c, REASON_FUNCTION_UNKNOWN, "cotp.pdu-type", 5);
	}
	if (!cursor_ok(&s.c)) {
		out->nops = 0;
		out->nidents = 0;
		out->answer_expected = false;
		out->exception = false;
		return;
	}
	memcpy(in->state, &s.st, sizeof s.st);
}

const struct proto proto_s7comm = {
	.name = "s7comm",
	.title = "S7 communication",
	.transports = TRANSPORT_TCP,
	.ports = {102},
	.max_pdu = S7_PDU_MAX,
	.header = S7_JOINED_MAX,
	.state_size = sizeof(struct s7_state),
	.name_key = "services",
	.functions = s7_functions,
	.spaces = s7_spaces,
	.args = s7_args,
	.options = s7_options,
	.frame = s7_frame,
	.decode = s7_decode,
};
