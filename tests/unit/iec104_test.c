/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IEC 60870-5-104: golden APDUs, every refusal with reason, field and offset, framing, sessions, pairing, select before execute, vocabulary. */
#include "protocols/proto.h"
#include "tests/laws/golden_iec104.h"
#include "tests/laws/refused_iec104.h"
#include "tests/unit/rows.h"

#define DIRECT      1u
#define NO_TERM     2u
#define WIDE_WINDOW 4u
#define ANY_YEAR    8u
#define SLOTS       16u

static const struct proto *iec104;

/* One side of the wire as the flow would keep it. */
struct session {
	uint8_t state[PROTO_STATE_MAX + 1]; /* used from octet 1: no decoder may count on alignment */
	struct asked asked[SLOTS];
	int64_t now_us;
	uint32_t options;
	bool unseen; /* picked up in the middle */
	struct pdu pdu;
};

static void decode(struct session *s, const uint8_t *data, uint32_t len, bool from_server)
{
	struct pdu *p = &s->pdu;
	uint8_t state[PROTO_STATE_MAX + 1];
	struct pdu_in in = {.data = data,
			    .len = len,
			    .from_server = from_server,
			    .answers_known = !s->unseen,
			    .asked = s->asked,
			    .nasked = SLOTS,
			    .now_us = s->now_us,
			    .state = state + 1,
			    .options = s->options};
	memcpy(state, s->state, sizeof state);
	memset(p, 0xa5, sizeof *p);
	iec104->decode(&in, p);
	if (p->fault.reason == REASON_NONE) {
		assert_null(p->fault.field);
		assert_in_range(p->nops, 1, PDU_OPS_MAX);
		memcpy(s->state, state, sizeof state);
	} else {
		assert_non_null(p->fault.field);
		assert_true(p->fault.offset <= len);
		assert_int_equal(p->nops, 0);
		assert_false(p->answer_expected);
	}
}

/* What the flow does with an APDU that passes. */
static void file(struct session *s)
{
	struct pdu *p = &s->pdu;
	unsigned i = 0;
	if (p->answers >= 0 && !p->answer_more)
		s->asked[p->answers].expires_us = 0;
	if (!p->answer_expected)
		return;
	for (i = 0; i < SLOTS; i++)
		assert_false(s->asked[i].expires_us && s->asked[i].id == p->ask.id);
	for (i = 0; i < SLOTS && s->asked[i].expires_us; i++)
		;
	assert_true(i < SLOTS);
	s->asked[i] = p->ask;
	s->asked[i].expires_us = 1;
}

static void pass(struct session *s, const char *hex, uint32_t n, bool from_server)
{
	uint32_t len;
	uint8_t *data = rows_octets(hex, &len);
	decode(s, data, len, from_server);
	if (s->pdu.fault.reason)
		fail_msg("%.*s: %s at %s, octet %u", (int)n, hex, reason_name(s->pdu.fault.reason),
			 s->pdu.fault.field, s->pdu.fault.offset);
	file(s);
	free(data);
}

/* APDUs with `|` between them, `<` before one from the server. */
static void play(struct session *s, const char *history)
{
	for (const char *at = history; at && *at;) {
		bool server = *at == '<';
		at += server;
		uint32_t n = (uint32_t)strcspn(at, "|");
		pass(s, at, n, server);
		at += n + (at[n] == '|');
	}
}

static struct session *opened(const char *history, uint32_t options)
{
	static struct session s;
	memset(&s, 0, sizeof s);
	s.options = options;
	s.now_us = 1000000000;
	play(&s, history);
	return &s;
}

/* ---- golden ---- */

static void inside(const uint8_t *data, uint32_t len, const struct op *op)
{
	const struct op_values *v = &op->values;
	if (v->form != VALUES_NUMBERS)
		return;
	assert_true(v->count >= 1);
	assert_true(v->data >= data);
	assert_true(v->data + (size_t)(v->count - 1) * v->stride + v->width <= data + len);
}

static void golden(void **state)
{
	const struct golden *g = *state;
	struct session *s = opened(g->request, 0);
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);

	struct frame f = iec104->frame(data, len, g->from_server);
	assert_int_equal(f.state, FRAME_PDU);
	assert_int_equal(f.length, len);
	decode(s, data, len, g->from_server);
	struct pdu *p = &s->pdu;
	if (p->fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(p->fault.reason), p->fault.field, p->fault.offset);

	char text[16384] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];
		inside(data, len, op);
		assert_int_equal(op->dir, p->ops[0].dir);
		assert_int_equal(op->dir == DIR_REQUEST, !g->from_server && p->ops[0].dir != DIR_RESPONSE);
		at += op_print(op, iec104, 24, text + at, sizeof text - at);
		text[at++] = '\n';
		text[at] = '\0';
	}
	assert_string_equal(text, g->ops);
	/* What is a response answers what was asked for; whoever says no says so. */
	assert_int_equal(p->ops[0].dir == DIR_RESPONSE, p->answers >= 0);
	assert_int_equal(p->exception, strstr(text, "negative=1") || strstr(text, "cause=unknown-type"));
	if (g->from_server)
		assert_int_equal(p->claim, CLAIM_NONE);
	else
		assert_int_not_equal(p->claim, CLAIM_NONE);
	assert_int_equal(p->claimed, CLAIM_SERVER);
	free(data);
}

static void golden_prefix(void **state)
{
	const struct golden *g = *state;
	struct session *s = opened(g->request, 0);
	uint32_t whole;
	uint8_t *data = rows_octets(g->hex, &whole);
	for (uint32_t len = 0; len < whole; len++) {
		uint8_t *part = malloc(len ? len : 1);
		assert_non_null(part);
		memcpy(part, data, len);
		struct frame f = iec104->frame(part, len, g->from_server);
		assert_int_equal(f.state, len < 2 ? FRAME_MORE : FRAME_PDU);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, whole);
		decode(s, part, len, g->from_server);
		assert_int_not_equal(s->pdu.fault.reason, REASON_NONE);
		free(part);
	}
	free(data);
}

/* One octet shorter or longer, with a length that agrees: only what is not read has no length of its own. */
static void golden_length(void **state)
{
	const struct golden *g = *state;
	struct session *s;
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	bool free_form = strstr(g->ops, "secure-") != NULL;
	for (int step = -1; step <= 1; step += 2) {
		s = opened(g->request, 0);
		uint32_t n = (uint32_t)((int)len + step);
		uint8_t *other = calloc(1, n);
		assert_non_null(other);
		memcpy(other, data, n < len ? n : len);
		other[1] = (uint8_t)(n - 2);
		decode(s, other, n, g->from_server);
		if (!free_form)
			assert_int_not_equal(s->pdu.fault.reason, REASON_NONE);
		else if (step > 0)
			assert_int_equal(s->pdu.fault.reason, REASON_NONE);
		free(other);
	}
	free(data);
}

/* What the vocabulary says of a function is what its requests carry. */
static void golden_vocabulary(void **state)
{
	const struct golden *g = *state;
	struct session *s = opened(g->request, 0);
	uint32_t len, flags = 0;
	uint8_t *data = rows_octets(g->hex, &len);
	decode(s, data, len, g->from_server);
	assert_int_equal(s->pdu.fault.reason, REASON_NONE);
	for (uint32_t i = 0; i < s->pdu.nops; i++) {
		const struct op *op = &s->pdu.ops[i];
		const struct vocab_function *f = proto_function(iec104, op_function_key(op));
		assert_non_null(f);
		assert_int_equal(f->lo, f->hi);
		flags = 0;
		if (op->has & OP_SPACE) {
			const struct vocab_space *v = proto_space(iec104, op->space);
			assert_non_null(v);
			assert_true(op->has & OP_RANGE);
			assert_true(op->first >= v->min && op->last <= v->max && op->first <= op->last);
			if (op->access != ACCESS_READ)
				assert_true(v->writable);
			flags |= FN_RANGE;
		}
		assert_true(f->access & 1u << op->access);
		for (uint32_t k = 0; k < op->nargs; k++) {
			for (uint32_t j = 0; j < k; j++)
				assert_int_not_equal(op->args[k].name, op->args[j].name);
			flags |= FN_ARG(op->args[k].name);
		}
		if (op->access == ACCESS_OPAQUE)
			flags |= FN_OPAQUE;
		if (op->access == ACCESS_SESSION)
			flags |= FN_SESSION;
		if (op->access != ACCESS_READ && op->values.form != VALUES_NONE)
			flags |= FN_VALUES;
		/* Answers say `negative` besides; those to a read are its own kind of message. */
		if (op->dir == DIR_RESPONSE)
			flags &= ~FN_ARG(2);
		assert_int_equal(flags,
				 f->flags & ~(uint32_t)(FN_BEGINS | FN_CONTINUES | FN_ENDS | FN_STOPS));
	}
	free(data);
}

/* ---- refusals ---- */

static void refused(void **state)
{
	const struct refusal *r = *state;
	struct session *s = opened(r->request, r->options);
	uint32_t len;
	uint8_t *data = rows_octets(r->hex, &len);
	decode(s, data, len, r->from_server);
	assert_string_equal(reason_name(s->pdu.fault.reason), reason_name(r->reason));
	assert_string_equal(s->pdu.fault.field, r->field);
	assert_int_equal(s->pdu.fault.offset, r->offset);
	assert_int_equal(s->pdu.claim, CLAIM_NONE);
	free(data);
}

/* ---- options: each lets one refusal through, and no other one does ---- */

struct option_case {
	const char *name;
	uint32_t option;
};

static const struct option_case option_cases[] = {
	{"execute without a select", DIRECT},      {"set-point without a select", DIRECT},
	{"execute of another value", DIRECT},      {"thirteen without acknowledgement", WIDE_WINDOW},
	{"year 109, counted from 1900", ANY_YEAR},
};

static void option_allows(void **state)
{
	const struct option_case *c = *state;
	const struct refusal *r = refused_iec104;
	uint32_t len;
	while (strcmp(r->name, c->name))
		r++;
	uint8_t *data = rows_octets(r->hex, &len);
	struct session *s = opened(r->request, c->option);
	decode(s, data, len, r->from_server);
	assert_int_equal(s->pdu.fault.reason, REASON_NONE);
	s = opened(r->request, ~c->option);
	decode(s, data, len, r->from_server);
	assert_int_equal(s->pdu.fault.reason, r->reason);
	/* Who learns is told which one it is. */
	const struct vocab_option *o = proto_option_for(rows_proto, r->reason, r->field);
	assert_true(o && o->bit == c->option);
	assert_null(proto_option_for(rows_proto, REASON_NONE, ""));
	assert_null(proto_option_for(rows_proto, r->reason, "another"));
	free(data);
}

/* ---- framing ---- */

static const struct framing framings[] = {
	{"nothing", "", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"the start alone", "68", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"another start shows early", "16", FRAME_BAD, 0, REASON_MAGIC, "apci.start", 0},
	{"shortest", "6804", FRAME_PDU, 6, REASON_NONE, NULL, 0},
	{"longest", "68fd", FRAME_PDU, 255, REASON_NONE, NULL, 0},
	{"length 3", "6803", FRAME_BAD, 0, REASON_LENGTH, "apci.length", 1},
	{"length 254", "68fe", FRAME_BAD, 0, REASON_LENGTH, "apci.length", 1},
	{"IEC 60870-5-101", "10490149", FRAME_BAD, 0, REASON_MAGIC, "apci.start", 0},
};

/* ---- sessions ---- */

static enum reason one(struct session *s, bool from_server, const char *hex)
{
	uint32_t len;
	uint8_t *data = rows_octets(hex, &len);
	decode(s, data, len, from_server);
	if (s->pdu.fault.reason == REASON_NONE)
		file(s);
	free(data);
	return s->pdu.fault.reason;
}

/* An I format with the single point 100, or an interrogation. */
static enum reason numbered(struct session *s, bool from_server, uint32_t ns, uint32_t nr)
{
	char hex[64];
	(void)snprintf(hex, sizeof hex, "680e %02x%02x %02x%02x %s", ns * 2 & 255, ns * 2 >> 8, nr * 2 & 255,
		       nr * 2 >> 8, from_server ? "0101 0300 0100 640000 01" : "6801 0600 0100 000000 aa55");
	if (!from_server)
		hex[3] = 'f';
	return one(s, from_server, hex);
}

static void numbers_wrap(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	for (uint32_t i = 0; i < 32768 + 100; i++) {
		assert_int_equal(numbered(s, true, i & 32767, 0), REASON_NONE);
		char ack[32];
		uint32_t nr = (i + 1) & 32767;
		(void)snprintf(ack, sizeof ack, "6804 0100 %02x%02x", nr * 2 & 255, nr * 2 >> 8);
		assert_int_equal(one(s, false, ack), REASON_NONE);
	}
	assert_int_equal(numbered(s, true, 99, 0), REASON_SEQUENCE);
	assert_int_equal(numbered(s, true, 100, 0), REASON_NONE);
}

static void a_window_of_twelve(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(numbered(s, true, i, 0), REASON_NONE);
	assert_int_equal(numbered(s, true, 12, 0), REASON_SEQUENCE);
	assert_string_equal(s->pdu.fault.field, "k");
	/* An acknowledgement of one makes room for one; N(R) of an I format is one too. */
	assert_int_equal(numbered(s, false, 0, 1), REASON_NONE);
	assert_int_equal(numbered(s, true, 12, 1), REASON_NONE);
	assert_int_equal(numbered(s, true, 13, 1), REASON_SEQUENCE);
}

static void a_session_seen_from_its_middle(void **state)
{
	(void)state;
	struct session *s = opened(NULL, 0);
	s->unseen = true;
	assert_int_equal(numbered(s, true, 777, 32767), REASON_NONE);
	s->unseen = false;
	assert_int_equal(numbered(s, true, 777, 32767), REASON_SEQUENCE);
	assert_int_equal(numbered(s, true, 778, 32766), REASON_SEQUENCE);
	assert_int_equal(numbered(s, true, 778, 32767), REASON_NONE);
	assert_int_equal(numbered(s, false, 32767, 779), REASON_NONE);
	assert_int_equal(numbered(s, false, 1, 779), REASON_SEQUENCE);
	assert_int_equal(numbered(s, false, 0, 780), REASON_SEQUENCE);
	assert_int_equal(numbered(s, false, 0, 779), REASON_NONE);
	/* Stopped, it is a session like any other. */
	assert_int_equal(one(s, false, "680413000000"), REASON_NONE);
	assert_int_equal(numbered(s, false, 1, 779), REASON_STATE);
	assert_int_equal(numbered(s, true, 779, 1), REASON_NONE);
	assert_int_equal(one(s, true, "680423000000"), REASON_NONE);
	assert_int_equal(numbered(s, true, 780, 1), REASON_STATE);
	assert_int_equal(one(s, false, "680407000000"), REASON_NONE);
	assert_int_equal(one(s, true, "68040b000000"), REASON_NONE);
	/* The numbers go on where they were. */
	assert_int_equal(numbered(s, true, 780, 1), REASON_NONE);
}

/* While answers are unknown a wrong number is believed: some of the session was not seen. */
static void numbers_are_taken_up_again(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	assert_int_equal(numbered(s, true, 0, 0), REASON_NONE);
	s->unseen = true;
	assert_int_equal(numbered(s, true, 40, 9), REASON_NONE);
	assert_int_equal(numbered(s, false, 9, 41), REASON_NONE);
	s->unseen = false;
	assert_int_equal(numbered(s, true, 41, 10), REASON_NONE);
	assert_int_equal(numbered(s, true, 43, 10), REASON_SEQUENCE);
}

static void an_answer_unasked(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	/* Its request is not known: it stands for itself, and the flow judges that nobody asked. */
	assert_int_equal(one(s, true, "680e 0000 0000 2d01 0700 0100 e90300 01"), REASON_NONE);
	assert_int_equal(s->pdu.ops[0].dir, DIR_RESPONSE);
	assert_int_equal(s->pdu.answers, -1);
	s = opened(NULL, 0);
	assert_int_equal(one(s, true, "68040b000000"), REASON_NONE);
	assert_int_equal(s->pdu.answers, -1);
	/* Another object, another station, another type: not the answer. */
	static const char *const others[] = {
		"680e 0000 0200 2d01 0700 0100 ea0300 81", "680e 0000 0200 2d01 0700 0200 e90300 81",
		"680e 0000 0200 2e01 0700 0100 e90300 81", "680e 0000 0200 2d01 0900 0100 e90300 81"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		s = opened(START "|680e 0000 0000 2d01 0600 0100 e90300 81", 0);
		assert_int_equal(one(s, true, others[i]), REASON_NONE);
		assert_int_equal(s->pdu.answers, -1);
	}
	/* A read of an object is not answered by another one, nor by what is spontaneous. */
	s = opened(START "|680d 0000 0000 6601 0500 0100 640000", 0);
	assert_int_equal(one(s, true, "680e 0000 0200 0101 0500 0100 650000 01"), REASON_NONE);
	assert_int_equal(s->pdu.ops[0].dir, DIR_UNSOLICITED);
	assert_int_equal(one(s, true, "680e 0200 0200 0101 0300 0100 640000 01"), REASON_NONE);
	assert_int_equal(s->pdu.ops[0].dir, DIR_UNSOLICITED);
	assert_int_equal(one(s, true, "680e 0400 0200 0101 0500 0100 640000 01"), REASON_NONE);
	assert_int_equal(s->pdu.ops[0].dir, DIR_RESPONSE);
	assert_int_equal(s->pdu.answers, 0);
}

static void answers_that_others_follow(void **state)
{
	(void)state;
	struct session *s = opened(START "|680e 0000 0000 6401 0600 0100 000000 14", 0);
	assert_int_equal(one(s, true, "680e 0000 0200 6401 0700 0100 000000 14"), REASON_NONE);
	assert_true(s->pdu.answer_more);
	assert_int_equal(one(s, true, "680e 0200 0200 0101 1400 0100 640000 01"), REASON_NONE);
	assert_int_equal(s->pdu.answers, -1);
	assert_int_equal(one(s, true, "680e 0400 0200 6401 0a00 0100 000000 14"), REASON_NONE);
	assert_int_equal(s->pdu.answers, 0);
	assert_false(s->pdu.answer_more);
	/* Twice: nobody asked for the second one. */
	assert_int_equal(one(s, true, "680e 0600 0200 6401 0a00 0100 000000 14"), REASON_NONE);
	assert_int_equal(s->pdu.answers, -1);

	/* Refused: nothing follows. */
	s = opened(START "|680e 0000 0000 6401 0600 0100 000000 14", 0);
	assert_int_equal(one(s, true, "680e 0000 0200 6401 4700 0100 000000 14"), REASON_NONE);
	assert_true(s->pdu.exception);
	assert_false(s->pdu.answer_more);

	/* All stations were asked: each answers. */
	s = opened(START "|680e 0000 0000 6401 0600 ffff 000000 14", 0);
	assert_int_equal(one(s, true, "680e 0000 0200 6401 0700 0100 000000 14"), REASON_NONE);
	assert_int_equal(one(s, true, "680e 0200 0200 6401 0700 0200 000000 14"), REASON_NONE);
	assert_int_equal(one(s, true, "680e 0400 0200 6401 0a00 0100 000000 14"), REASON_NONE);
	assert_true(s->pdu.answer_more);
	assert_int_equal(one(s, true, "680e 0600 0200 6401 0a00 0200 000000 14"), REASON_NONE);
	assert_int_equal(s->pdu.answers, 0);
}

#define EXECUTE   "680e %02x00 %02x00 2d01 0600 0100 e90300 01"
#define CONFIRMED "680e %02x00 %02x00 2d01 0700 0100 e90300 01"
#define ENDED     "680e %02x00 %02x00 2d01 0a00 0100 e90300 01"

static int32_t answered(struct session *s, bool from_server, const char *form, unsigned ns, unsigned nr)
{
	char hex[80];
	(void)snprintf(hex, sizeof hex, form, ns * 2, nr * 2);
	assert_int_equal(one(s, from_server, hex), REASON_NONE);
	return s->pdu.answers;
}

/* The same command again before the first one ended: the later one is confirmed, the earlier one ends. */
static void the_same_command_twice(void **state)
{
	(void)state;
	struct session *s = opened(START, DIRECT);
	(void)answered(s, false, EXECUTE, 0, 0);
	assert_int_equal(answered(s, true, CONFIRMED, 0, 1), 0);
	assert_true(s->pdu.answer_more);
	(void)answered(s, false, EXECUTE, 1, 1);
	assert_int_equal(answered(s, true, CONFIRMED, 1, 2), 1);
	assert_int_equal(answered(s, true, ENDED, 2, 2), 0);
	assert_int_equal(answered(s, true, ENDED, 3, 2), 1);
	assert_int_equal(answered(s, true, ENDED, 4, 2), -1);
}

static void a_station_without_termination(void **state)
{
	(void)state;
	struct session *s = opened(START, DIRECT | NO_TERM);
	(void)answered(s, false, EXECUTE, 0, 0);
	assert_int_equal(answered(s, true, CONFIRMED, 0, 1), 0);
	assert_false(s->pdu.answer_more);
	/* An interrogation ends all the same. */
	assert_int_equal(one(s, false, "680e 0200 0200 6401 0600 0100 000000 14"), REASON_NONE);
	assert_int_equal(one(s, true, "680e 0200 0400 6401 0700 0100 000000 14"), REASON_NONE);
	assert_true(s->pdu.answer_more);
}

#define SELECT "680e 0000 0000 2d01 0600 0100 e90300 81"
#define ACT    "680e 0200 0000 2d01 0600 0100 e90300 01"

static void a_select_lapses(void **state)
{
	(void)state;
	struct session *s = opened(START "|" SELECT, 0);
	s->now_us += 30000000;
	assert_int_equal(one(s, false, ACT), REASON_NONE);
	s = opened(START "|" SELECT, 0);
	s->now_us += 30000001;
	assert_int_equal(one(s, false, ACT), REASON_NOT_SELECTED);
}

/* More points than there is room for: the one selected first is forgotten, and its execute refused. */
static void seventeen_selects(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	char hex[80];
	for (unsigned i = 0; i < 17; i++) {
		s->now_us += 10;
		(void)snprintf(hex, sizeof hex, "680e %02x00 %02x00 2d01 0600 0100 %02x0000 81", i * 2, i * 2,
			       i + 1);
		assert_int_equal(one(s, false, hex), REASON_NONE);
		(void)snprintf(hex, sizeof hex, "680e %02x00 %02x00 2d01 0700 0100 %02x0000 81", i * 2,
			       i * 2 + 2, i + 1);
		assert_int_equal(one(s, true, hex), REASON_NONE);
	}
	assert_int_equal(one(s, false, "680e 2200 2200 2d01 0600 0100 010000 01"), REASON_NOT_SELECTED);
	assert_int_equal(one(s, false, "680e 2200 2200 2d01 0600 0100 020000 01"), REASON_NONE);
	assert_int_equal(one(s, false, "680e 2400 2200 2d01 0600 0100 110000 01"), REASON_NONE);
}

/* A denied select is none: the state of what does not pass is not kept. */
static void a_denied_select(void **state)
{
	(void)state;
	struct session *s = opened(START, 0);
	uint8_t before[sizeof s->state];
	memcpy(before, s->state, sizeof before);
	assert_int_equal(one(s, false, SELECT), REASON_NONE);
	memcpy(s->state, before, sizeof before);
	memset(s->asked, 0, sizeof s->asked);
	assert_int_equal(one(s, false, "680e 0000 0000 2d01 0600 0100 e90300 01"), REASON_NOT_SELECTED);
}

static void who_is_in_control(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		enum claim claim;
	} cases[] = {
		{"680407000000", CLAIM_TAKE},
		{"680413000000", CLAIM_GIVE},
		{"680443000000", CLAIM_KEEP},
		{"680401000000", CLAIM_KEEP},
		{"680e 0000 0000 2d01 0600 0100 e90300 81", CLAIM_USE},
		{"6810 0000 0000 3001 0600 0100 ec0300 008080", CLAIM_USE},
		{"680e 0000 0000 6901 0600 0100 000000 01", CLAIM_USE},
		{"6814 0000 0000 6701 0600 0100 000000 e8031e0cd50b1a", CLAIM_USE},
		{"680e 0000 0000 6501 0600 0100 000000 45", CLAIM_USE},
		{"680e 0000 0000 6401 0600 0100 000000 14", CLAIM_KEEP},
		{"680e 0000 0000 6501 0600 0100 000000 05", CLAIM_KEEP},
		{"6811 0000 0000 7a01 0d00 0100 d00700 0100 00 04", CLAIM_USE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct session *s = opened(cases[i].hex[9] == '4' ? NULL : START, 0);
		assert_int_equal(one(s, false, cases[i].hex), REASON_NONE);
		assert_int_equal(s->pdu.claim, cases[i].claim);
		assert_int_equal(s->pdu.claimed, CLAIM_SERVER);
	}
}

/* ---- vocabulary ---- */

static void vocabulary_is_sound(void **state)
{
	(void)state;
	unsigned n = 0;
	for (const struct vocab_function *f = iec104->functions; f->name; f++, n++) {
		assert_true(f->lo <= f->hi);
		assert_int_not_equal(f->access, 0);
		assert_non_null(f->doc);
		assert_ptr_equal(proto_function_find(iec104, f->name, strlen(f->name)), f);
		if (f->flags & FN_GROUP)
			assert_ptr_not_equal(proto_function(iec104, f->lo), f);
		else
			assert_ptr_equal(proto_function(iec104, f->hi), f);
		assert_int_equal(!!(f->flags & FN_OPAQUE), f->access == 1u << ACCESS_OPAQUE);
	}
	assert_true(n > 90);
	for (const struct vocab_space *v = iec104->spaces; v->name; v++) {
		assert_ptr_equal(proto_space(iec104, v->code), v);
		assert_ptr_equal(proto_space_find(iec104, v->name, strlen(v->name)), v);
		assert_true(v->min <= v->max);
	}
	unsigned args = 0;
	for (const struct vocab_arg *a = iec104->args; a->key; a++)
		args++;
	assert_in_range(args, 1, FN_ARGS_MAX);
	assert_int_equal(proto_find("iec104", 6), PROTO_iec104);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 2404), PROTO_iec104);
	assert_int_equal(proto_by_port(TRANSPORT_UDP, 2404), -1);
}

int main(void)
{
	static struct CMUnitTest
		tests[GOLDEN_IEC104 * 5 + ROWS(refused_iec104) + ROWS(option_cases) + ROWS(framings) + 20];
	static char names[GOLDEN_IEC104 * 5][128];
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} golden_runs[] = {{"golden", golden},
			   {"text", rows_text},
			   {"prefix", golden_prefix},
			   {"length", golden_length},
			   {"vocabulary", golden_vocabulary}};
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(a_window_of_twelve),
		cmocka_unit_test(a_session_seen_from_its_middle),
		cmocka_unit_test(numbers_are_taken_up_again),
		cmocka_unit_test(an_answer_unasked),
		cmocka_unit_test(answers_that_others_follow),
		cmocka_unit_test(the_same_command_twice),
		cmocka_unit_test(a_station_without_termination),
		cmocka_unit_test(a_select_lapses),
		cmocka_unit_test(seventeen_selects),
		cmocka_unit_test(a_denied_select),
		cmocka_unit_test(who_is_in_control),
		cmocka_unit_test(vocabulary_is_sound),
	};
	size_t n = 0;
	iec104 = proto_get(PROTO_iec104);
	rows_proto = iec104;
	for (size_t k = 0; k < ROWS(golden_runs); k++) {
		for (size_t i = 0; i < GOLDEN_IEC104; i++, n++) {
			(void)snprintf(names[n], sizeof names[n], "%s: %s", golden_runs[k].name,
				       golden_iec104[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = golden_runs[k].run,
						       .initial_state = (void *)(uintptr_t)&golden_iec104[i]};
		}
	}
	for (size_t i = 0; i < ROWS(refused_iec104); i++)
		tests[n++] = (struct CMUnitTest){.name = refused_iec104[i].name,
						 .test_func = refused,
						 .initial_state = (void *)(uintptr_t)&refused_iec104[i]};
	for (size_t i = 0; i < ROWS(option_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = option_cases[i].name,
						 .test_func = option_allows,
						 .initial_state = (void *)(uintptr_t)&option_cases[i]};
	for (size_t i = 0; i < ROWS(framings); i++)
		tests[n++] = (struct CMUnitTest){.name = framings[i].name,
						 .test_func = rows_framed,
						 .initial_state = (void *)(uintptr_t)&framings[i]};
	for (size_t i = 0; i < ROWS(singles); i++)
		tests[n++] = singles[i];
	return _cmocka_run_group_tests("iec104", tests, n, NULL, NULL);
}
