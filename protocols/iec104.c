/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IEC 60870-5-104 over TCP: the APCI. Everything behind it is in the other files of iec104.h.
 *
 *   IEC 60870-5-104:2006 (edition 2.0)     APCI, sequence numbers, start and stop of the transfer, parameters k and w
 *   IEC 60870-5-101:2003 (edition 2.0)     ASDU: types, causes, information elements
 *   IEC 60870-5-5:1995, IEC/TS 60870-5-7:2013
 *
 *    octet  0      1        2        3        4        5
 *           +------+--------+--------+--------+--------+--------+
 *           | 68h  | length | control field                     |
 *           +------+--------+--------+--------+--------+--------+
 *     I format                N(S) << 1       N(R) << 1           and an ASDU
 *     S format                01h      00h    N(R) << 1
 *     U format                one function    00h      00h
 *
 *           6      7        8        9        10       12            15
 *           +------+--------+--------+--------+--------+-------------+-----------------
 *           | type | SQ,    | T, P/N,| origi- | common | information | elements ...
 *           |      | number | cause  | nator  | address| obj. address|
 *           +------+--------+--------+--------+--------+-------------+-----------------
 *
 * All numbers are little-endian. The sizes of cause (2), common address (2) and object address (3) are fixed (8.1 to 8.4).
 * What is refused, and why:
 *   - an I format whose N(S) is not the next one, an N(R) that acknowledges what was not sent or takes back what it had, more than k
 *     without acknowledgement (option wide-window): either end would close the connection, or believe what was never said. w is the receiver's
 *     own promise and cannot be seen from the middle, where its acknowledgement may still be under way;
 *   - an I format while the transfer is stopped, STARTDT and STOPDT from the station: not the standard's session;
 *   - types, causes, qualifiers and bits that are reserved, times that are none, objects that are missing or left over, process
 *     information sent to a station: what devices do with it differs, where they survive it. Private types (128 to 255) among them;
 *   - an execute that was not selected (option direct-execute), as iec104_command.c has it.
 */
#include <string.h>

#include "protocols/iec104.h"

/* ---- frame ---- */

static struct frame iec104_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	(void)from_server;
	struct frame f = {.state = FRAME_MORE};
	if (len < 1)
		return f;
	struct cursor c = cursor_open(data, len < 2 ? 1 : 2, &f.fault);
	uint32_t start = cursor_u8(&c, "apci.start");
	cursor_check(&c, start == I104_START, 1, REASON_MAGIC, "apci.start");
	if (cursor_ok(&c)) {
		if (len < 2)
			return f;
		uint32_t length = cursor_u8(&c, "apci.length");
		cursor_check(&c, length >= I104_LENGTH_MIN && length <= I104_LENGTH_MAX, 1, REASON_LENGTH,
			     "apci.length");
		f.length = 2 + length;
	}
	f.state = cursor_ok(&c) ? FRAME_PDU : FRAME_BAD;
	return f;
}

/* ---- sequence numbers ---- */

static uint32_t distance(uint32_t from, uint32_t to)
{
	return (to - from) & (I104_NUMBERS - 1);
}

/*
 * Takes the numbers of an APDU. A session that began unseen is believed until everything of it is known (answers_known), and so is, where
 * the policy lets a wrong number pass, what follows it: the state goes on from what was sent.
 */
static void number_sent(struct iec104 *m, unsigned end, uint32_t ns)
{
	struct iec104_session *s = &m->s;
	bool expected = !(s->known[end] & I104_SENT_KNOWN) || s->sent[end] == ns;

	if (!expected && m->in->answers_known)
		cursor_fail_at(&m->c, REASON_SEQUENCE, "n-s", 2);
	s->sent[end] = (uint16_t)distance(0, ns + 1);
	s->known[end] |= I104_SENT_KNOWN;
	uint32_t k = m->in->options & I104_OPTION_WINDOW ? I104_K_MAX : I104_K;
	if (!(s->known[end] & I104_ACKED_KNOWN))
		return;
	if (distance(s->acked[end], s->sent[end]) <= k)
		return;
	if (m->in->answers_known)
		cursor_fail_at(&m->c, REASON_SEQUENCE, "k", 2);
	else
		s->known[end] &= (uint8_t)~I104_ACKED_KNOWN;
}

/*
 * N(R) of one end acknowledges what the other one has sent below it. As long as nothing of that was seen, a number is believed that
 * does not go back.
 */
static void number_received(struct iec104 *m, unsigned end, uint32_t nr)
{
	struct iec104_session *s = &m->s;
	unsigned other = !end;
	bool sent = s->known[other] & I104_SENT_KNOWN, acked = s->known[other] & I104_ACKED_KNOWN;
	uint32_t most = sent ? distance(s->acked[other], s->sent[other]) : I104_NUMBERS / 2;

	if (acked && distance(s->acked[other], nr) > most) {
		if (m->in->answers_known)
			cursor_fail_at(&m->c, REASON_SEQUENCE, "n-r", 4);
		else
			s->known[other] &= (uint8_t)~I104_SENT_KNOWN;
	}
	s->acked[other] = (uint16_t)nr;
	s->known[other] |= I104_ACKED_KNOWN;
}

/* ---- U and S formats: operations that address no station ---- */

static struct op *session_op(struct iec104 *m, enum direction dir, uint16_t function)
{
	struct op *op = iec104_op(m, dir, ACCESS_SESSION);

	op->has = 0;
	op->function = function;
	op->unit = op->origin = 0;
	op->nargs = 0;
	return op;
}

/* act of U function `code` asks, con answers. */
static void session_ask(struct iec104 *m, uint32_t id, uint16_t function)
{
	struct asked *a = &m->out->ask;

	memset(a, 0, sizeof *a);
	a->id = id;
	a->function = function;
	m->out->answer_expected = true;
}

static int32_t session_asked(const struct iec104 *m, uint32_t id)
{
	const struct asked *a = m->in->asked;

	for (uint32_t i = 0; i < m->in->nasked; i++)
		if (a[i].expires_us && a[i].id == id)
			return (int32_t)i;
	return -1;
}

static void s_format(struct iec104 *m)
{
	if (!iec104_size(m, 0))
		return;
	bool server = m->in->from_server;
	/* It acknowledges what was sent, so the transfer has been running; it may come late, after STOPDT. */
	session_op(m, server ? DIR_UNSOLICITED : DIR_REQUEST, I104_ACKNOWLEDGE);
}

static void u_format(struct iec104 *m, uint32_t control)
{
	bool server = m->in->from_server, con = false;
	uint16_t function = 0;

	switch (control) {
	case 0x07: function = I104_STARTDT; break;
	case 0x0b:
		function = I104_STARTDT;
		con = true;
		break;
	case 0x13: function = I104_STOPDT; break;
	case 0x23:
		function = I104_STOPDT;
		con = true;
		break;
	case 0x43: function = I104_TESTFR; break;
	case 0x83:
		function = I104_TESTFR;
		con = true;
		break;
	default: cursor_fail_at(&m->c, REASON_RESERVED, "u-format", 2); return;
	}
	if (!iec104_size(m, 0))
		return;
	/* Only the controlling station starts and stops (5.3); either end tests. */
	if (function != I104_TESTFR && server != con) {
		cursor_fail_at(&m->c, REASON_STATE, "u-format", 2);
		return;
	}
	uint32_t asker = con ? !server : server, id = I104_ID_SESSION + function * 2u + asker;
	m->out->id = id;
	session_op(m, con ? DIR_RESPONSE : server ? DIR_UNSOLICITED : DIR_REQUEST, function);
	if (con) {
		m->out->answers = session_asked(m, id);
		if (function == I104_STARTDT)
			m->s.transfer = I104_STARTED;
		else if (function == I104_STOPDT)
			m->s.transfer = I104_STOPPED;
		return;
	}
	session_ask(m, id, function);
	if (function == I104_STARTDT) {
		m->out->claim = CLAIM_TAKE;
		m->s.transfer = I104_STARTING;
	} else if (function == I104_STOPDT) {
		m->out->claim = CLAIM_GIVE;
		m->s.transfer = I104_STOPPING;
	}
}

/* ---- I format ---- */

/* Whether an I format may come from this end now (5.3, and the state tables of edition 2). */
static bool transferring(const struct iec104 *m)
{
	switch (m->s.transfer) {
	case I104_STARTED:
	case I104_UNSEEN: return true;
	case I104_STOPPING: return m->in->from_server;
	default: return false;
	}
}

/* The head of an ASDU. What type and cause allow is looked up. */
static bool head(struct iec104 *m)
{
	if (cursor_left(&m->c) < I104_HEAD) {
		cursor_fail_at(&m->c, REASON_LENGTH, "apci.length", 1);
		return false;
	}
	struct view v = cursor_bytes(&m->c, I104_HEAD, "asdu");
	uint32_t type = view_u8(v, 0), vsq = view_u8(v, 1), cot = view_u8(v, 2);

	m->type = (uint8_t)type;
	m->t = &iec104_types[type & I104_TYPE_MAX];
	m->sq = vsq & 0x80;
	m->count = vsq & 0x7f;
	m->cause = cot & 0x3f;
	m->negative = cot & 0x40;
	m->test = cot & 0x80;
	m->origin = view_u8(v, 3);
	m->unit = (uint16_t)iec104_le16(v, 4);

	uint64_t causes = iec104_causes[m->in->from_server][m->t->group];
	/* Most of what there is: one look says that nothing is wrong. */
	if (type <= I104_TYPE_MAX && causes >> m->cause & 1 && m->count == 1 && !m->sq && !m->negative &&
	    m->unit != 0 && m->unit != I104_CA_ALL)
		return true;
	/* A type without any cause in this direction is not sent in it. */
	if (type > I104_TYPE_MAX || causes == 0)
		cursor_fail_at(&m->c, REASON_FUNCTION_UNKNOWN, "type-identification", I104_APCI);
	iec104_check(m, m->count >= 1 && (m->count == 1 || m->t->flags & I104_T_MANY), I104_APCI + 1,
		     REASON_COUNT, "vsq.number");
	iec104_check(m, !m->sq || m->t->flags & I104_T_SQ, I104_APCI + 1, REASON_FIELD_VALUE, "vsq.sq");
	iec104_check(m, causes >> m->cause & 1, I104_APCI + 2, REASON_FIELD_VALUE, "cot.cause");
	/* Says no to an activation; has no meaning elsewhere, and is 0 there (7.2.3). */
	bool answers = m->cause == I104_COT_ACTCON || m->cause == I104_COT_DEACTCON ||
		       m->cause == I104_COT_ACTTERM || m->cause >= I104_COT_UNKNOWN_FIRST;
	iec104_check(m, !m->negative || answers, I104_APCI + 2, REASON_RESERVED, "cot.p-n");
	iec104_check(m, m->unit != 0, I104_APCI + 4, REASON_FIELD_VALUE, "common-address");
	/* No station is all of them; one that does not know a type returns the address as it came. */
	iec104_check(m, m->unit != I104_CA_ALL || !m->in->from_server || answers, I104_APCI + 4,
		     REASON_BROADCAST, "common-address");
	return cursor_ok(&m->c);
}

static void asdu(struct iec104 *m)
{
	switch (m->t->group) {
	case I104_G_DATA:
	case I104_G_COUNTER:
	case I104_G_EVENT:
	case I104_G_INIT: iec104_monitor(m); break;
	case I104_G_FILE: iec104_file(m); break;
	case I104_G_SECURE: iec104_secure(m); break;
	default:
		if (m->in->from_server)
			iec104_reply(m);
		else
			iec104_request(m);
	}
}

static void i_format(struct iec104 *m)
{
	if (!transferring(m) && m->in->answers_known)
		cursor_fail_at(&m->c, REASON_STATE, "i-format", 2);
	if (!transferring(m))
		m->s.transfer = I104_UNSEEN;
	if (cursor_ok(&m->c) && head(m))
		asdu(m);
}

/* Start, length, and that the control field is there. The whole is looked at first: only what is wrong is read field by field. */
static bool apci(struct iec104 *m)
{
	struct view v = {.data = m->in->data, .len = m->in->len};

	if (v.len >= I104_APCI && v.len <= I104_PDU_MAX && v.data[0] == I104_START &&
	    v.data[1] == v.len - 2) {
		m->c.at = I104_APCI;
		return true;
	}
	uint32_t start = cursor_u8(&m->c, "apci.start");
	cursor_check(&m->c, start == I104_START, 1, REASON_MAGIC, "apci.start");
	uint32_t length = cursor_u8(&m->c, "apci.length");
	cursor_check(&m->c,
		     length >= I104_LENGTH_MIN && length <= I104_LENGTH_MAX && length <= cursor_left(&m->c),
		     1, REASON_LENGTH, "apci.length");
	if (cursor_ok(&m->c))
		cursor_fail_at(&m->c, REASON_TRAILING, "apci.length", 2 + length);
	return false;
}

static void iec104_decode(const struct pdu_in *in, struct pdu *out)
{
	struct iec104 m;
	unsigned end = in->from_server ? I104_SERVER : I104_CLIENT;

	m.c = cursor_open(in->data, in->len, &out->fault);
	m.in = in;
	m.out = out;
	m.type = m.cause = m.origin = 0;
	m.unit = 0;
	m.test = m.negative = false;
	memcpy(&m.s, in->state, sizeof m.s);
	pdu_open(out);
	if (!m.s.seen) {
		m.s.seen = 1;
		m.s.transfer = in->answers_known ? I104_STOPPED : I104_UNSEEN;
		m.s.known[0] = m.s.known[1] = in->answers_known ? I104_SENT_KNOWN | I104_ACKED_KNOWN : 0;
	}

	if (!apci(&m)) {
		memcpy(in->state, &m.s, sizeof m.s);
		return;
	}
	struct view control = {.data = in->data + 2, .len = 4};
	uint32_t first = iec104_le16(control, 0), second = iec104_le16(control, 2);

	/* A message that asks for nothing shows that its sender is there. */
	out->claimed = CLAIM_SERVER;
	out->claim = in->from_server ? CLAIM_NONE : CLAIM_KEEP;

	/* The last bit but one tells S from U; an I format has the last bit 0, and so has every N(R). */
	iec104_check(&m, !(second & 1), 4, REASON_RESERVED, "n-r");
	if (!(first & 1)) {
		out->id = first >> 1;
		number_received(&m, end, second >> 1);
		number_sent(&m, end, first >> 1);
		if (cursor_ok(&m.c))
			i_format(&m);
	} else if (!(first & 2)) {
		iec104_check(&m, first == 1, 2, REASON_RESERVED, "s-format");
		if (cursor_ok(&m.c))
			number_received(&m, end, second >> 1);
		if (cursor_ok(&m.c))
			s_format(&m);
	} else {
		iec104_check(&m, first >> 8 == 0 && second == 0, 3, REASON_RESERVED, "u-format");
		if (cursor_ok(&m.c))
			u_format(&m, first);
	}
	memcpy(in->state, &m.s, sizeof m.s);
	if (!cursor_ok(&m.c)) {
		out->nops = 0;
		out->answer_expected = out->answer_more = false;
		out->claim = CLAIM_NONE;
	}
}

const struct proto proto_iec104 = {
	.name = "iec104",
	.title = "IEC 60870-5-104",
	.transports = TRANSPORT_TCP,
	.ports = {2404},
	.max_pdu = I104_PDU_MAX,
	.header = 2,
	.state_size = sizeof(struct iec104_state),
	.unit_key = "common-addresses",
	.origin_key = "originators",
	.unit_max = I104_CA_ALL,
	.origin_max = 255,
	.functions = iec104_functions,
	.spaces = iec104_spaces,
	.args = iec104_args,
	.options = iec104_options,
	.job_of = FN_ARG(I104_ARG_FILE) | FN_ARG(I104_ARG_NOF),
	.frame = iec104_frame,
	.decode = iec104_decode,
};
