/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MMS on port 102, by name: what ISO 8327 (session) and ISO 8823 (presentation) say at its beginning. Its content is opaque.
 *
 *    CONNECT    0x0d LI  parameters: ... 0xc1 or 0xc2 user data: CP PPDU (0x31) whose context list names MMS
 *    ACCEPT     0x0e     REFUSE 0x0c      FINISH 0x09      DISCONNECT 0x0a      ABORT 0x19      ABORT ACCEPT 0x1a
 *    data       GIVE TOKENS and DATA TRANSFER, 01 00 01 00, then a presentation PDU
 *
 * A session becomes MMS by its CONNECT, and only if the presentation context names MMS (ISO 9506, 1.0.9506.2.1); another application over
 * the same port is refused (bad-magic), and so is S7 inside an MMS session. A TSDU in parts is one PDU a part.
 */
#include <string.h>

#include "protocols/s7.h"

enum {
	CONNECT = 0x0d,
	ACCEPT = 0x0e,
	REFUSE = 0x0c,
	FINISH = 0x09,
	DISCONNECT = 0x0a,
	ABORT = 0x19,
	ABORT_ACCEPT = 0x1a,
	GIVE_TOKENS = 0x01,
};

/* The object identifier as BER has it in the context definition list. */
static const uint8_t mms_oid[] = {0x06, 0x05, 0x28, 0xca, 0x22, 0x02, 0x01};

static bool names_mms(struct view v)
{
	for (uint32_t i = 0; i + sizeof mms_oid <= v.len; i++)
		if (memcmp(v.data + i, mms_oid, sizeof mms_oid) == 0)
			return true;
	return false;
}

/* LI: one octet, or 0xff and two. */
static uint32_t indicator(struct cursor *c, const char *field)
{
	uint32_t li = cursor_u8(c, field);
	return li == 0xff ? cursor_be16(c, field) : li;
}

/* Behind the type of CONNECT: parameters up to the user data, which must be there. */
static void connect(struct s7 *s)
{
	uint32_t li = indicator(&s->c, "session.length-indicator");
	cursor_check(&s->c, li == cursor_left(&s->c), 1, REASON_LENGTH, "session.length-indicator");
	bool found = false;
	/* A parameter takes two octets at least. */
	for (uint32_t i = 0; i < S7_PDU_MAX / 2 && cursor_ok(&s->c) && cursor_left(&s->c) > 0; i++) {
		uint32_t pi = cursor_u8(&s->c, "session.parameter");
		uint32_t len = indicator(&s->c, "session.parameter-length");
		struct view v = cursor_bytes(&s->c, len, "session.parameter");
		if (pi == 0xc1 || pi == 0xc2)
			found |= view_u8(v, 0) == 0x31 && names_mms(v);
	}
	if (!found)
		cursor_fail(&s->c, REASON_MAGIC, "presentation.context");
}

static void osi_op(struct s7 *s, enum direction dir, uint32_t sub)
{
	s7_sub(s7_op(s, dir, ACCESS_OPAQUE, S7_MMS), sub);
}

static void answer(struct s7 *s, uint32_t type)
{
	s->out->id = S7_ID_MMS;
	s->out->answers = asked_find(s->in->asked, s->in->nasked, S7_ID_MMS);
	s->out->exception = type != ACCEPT;
	osi_op(s, DIR_RESPONSE, S7_MMS_ASSOCIATE);
	s->st.phase = type == ACCEPT ? S7_IS_MMS : S7_CLOSED;
}

void s7_osi(struct s7 *s)
{
	bool server = s->in->from_server;
	enum direction dir = server ? DIR_UNSOLICITED : DIR_REQUEST;
	bool middle = s->st.middle[server];
	enum s7_phase phase = (enum s7_phase)s->st.phase;
	uint32_t start = s->c.at;

	s->st.middle[server] = !s->eot;
	if (middle) {
		cursor_bytes(&s->c, cursor_left(&s->c), "session.data");
		osi_op(s, dir, S7_MMS_DATA);
		return;
	}
	uint32_t type = cursor_u8(&s->c, "session.type");
	bool belongs = false;
	switch (type) {
	case CONNECT: belongs = !server && (phase == S7_CONNECTED || phase == S7_PICKED); break;
	case ACCEPT:
	case REFUSE: belongs = server && phase == S7_ASSOCIATING; break;
	case GIVE_TOKENS: belongs = phase == S7_IS_MMS || phase == S7_PICKED; break;
	case FINISH:
	case DISCONNECT: belongs = phase == S7_IS_MMS; break;
	case ABORT:
	case ABORT_ACCEPT: belongs = phase == S7_IS_MMS || phase == S7_ASSOCIATING; break;
	default: cursor_fail_at(&s->c, REASON_MAGIC, "protocol-id", start); return;
	}
	if (!belongs) {
		cursor_fail_at(&s->c, REASON_STATE, "session.type", start);
		return;
	}
	if (type == CONNECT) {
		connect(s);
		if (!cursor_ok(&s->c))
			return;
		osi_op(s, dir, S7_MMS_ASSOCIATE);
		s->out->id = S7_ID_MMS;
		s7_ask(s, &s->out->ops[0]);
		s->st.phase = S7_ASSOCIATING;
		return;
	}
	if (type == GIVE_TOKENS) {
		uint32_t rest = (uint32_t)cursor_u8(&s->c, "session.give-tokens") << 16;
		rest |= (uint32_t)cursor_be16(&s->c, "session.data-transfer");
		cursor_check(&s->c, rest == 0x000100, 3, REASON_MAGIC, "session.give-tokens");
		s->st.phase = S7_IS_MMS;
	}
	cursor_bytes(&s->c, cursor_left(&s->c), "session.data");
	if (!cursor_ok(&s->c))
		return;
	if (type == ACCEPT || type == REFUSE)
		answer(s, type);
	else
		osi_op(s, dir, type == GIVE_TOKENS ? S7_MMS_DATA : S7_MMS_RELEASE);
}
