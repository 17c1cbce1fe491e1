/* SPDX-License-Identifier: GPL-2.0-or-later */
/* S7: golden PDUs, every refusal with reason, field and offset, framing, sessions, vocabulary. */
#include "protocols/proto.h"
#include "tests/laws/golden_s7.h"
#include "tests/laws/refused_s7.h"
#include "tests/unit/rows.h"

#define TPDU_NUMBER_ANY 1u

static const struct proto *s7;
static struct play play;
static struct pdu pdu;

/* Octets in memory of exactly that size, so that a sanitizer sees any step beyond. */
static uint8_t *exactly(const uint8_t *data, uint32_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	assert_non_null(p);
	memcpy(p, data, n);
	return p;
}

static void sound(const uint8_t *data, uint32_t n)
{
	if (pdu.fault.reason != REASON_NONE) {
		assert_non_null(pdu.fault.field);
		assert_true(pdu.fault.offset <= n);
		assert_int_equal(pdu.nops, 0);
		assert_false(pdu.answer_expected);
		return;
	}
	assert_null(pdu.fault.field);
	assert_in_range(pdu.nops, 1, PDU_OPS_MAX);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		const struct op_values *v = &op->values;
		if (op->has & OP_RANGE)
			assert_true(op->first <= op->last);
		if (v->form != VALUES_NUMBERS)
			continue;
		assert_true(v->count >= 1);
		const uint8_t *end = v->data + (size_t)(v->count - 1) * v->stride + v->width;
		assert_true((v->data >= data && end <= data + n) ||
			    (v->data >= pdu.scratch && end <= pdu.scratch + sizeof pdu.scratch));
	}
}

/* What went before on the session, then the PDU itself, in memory of its own size. */
static void decode_after(const char *request, uint8_t *data, uint32_t n, bool from_server, uint32_t options)
{
	static struct played parts[PLAY_PARTS];
	play_open(&play);
	play.options = options;
	play.picked_up = request == NULL;
	uint32_t nparts = play_parts(request, parts);
	for (uint32_t i = 0; i < nparts; i++) {
		play_pdu(&play, s7, parts[i].data, parts[i].n, parts[i].from_server, &pdu);
		if (pdu.fault.reason)
			fail_msg("what went before, part %u: %s at %s, octet %u", i,
				 reason_name(pdu.fault.reason), pdu.fault.field, pdu.fault.offset);
	}
	memset(&pdu, 0xa5, sizeof pdu);
	play_pdu(&play, s7, data, n, from_server, &pdu);
	sound(data, n);
}

static size_t lines(char *text, size_t cap)
{
	size_t at = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < pdu.nops; i++) {
		at += op_print(&pdu.ops[i], s7, 24, text + at, cap - at);
		text[at++] = '\n';
		text[at] = '\0';
	}
	return at;
}

/* ---- golden ---- */

static void golden(void **state)
{
	const struct golden *g = *state;
	static char text[16384];
	uint32_t n;
	uint8_t *data = rows_octets(g->hex, &n);

	struct frame f = s7->frame(data, n, g->from_server);
	assert_int_equal(f.state, FRAME_PDU);
	assert_int_equal(f.length, n);
	decode_after(g->request, data, n, g->from_server, 0);
	if (pdu.fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(pdu.fault.reason), pdu.fault.field,
			 pdu.fault.offset);
	lines(text, sizeof text);
	assert_string_equal(text, g->ops);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		assert_int_equal(pdu.ops[i].dir, pdu.ops[0].dir);
		if (!g->from_server && strncmp(g->ops, "s7comm response", 15) != 0)
			assert_int_equal(pdu.ops[i].dir, DIR_REQUEST);
	}
	if (pdu.ops[0].dir == DIR_RESPONSE && g->request)
		assert_true(pdu.answers >= 0);
	if (pdu.ops[0].dir != DIR_RESPONSE)
		assert_int_equal(pdu.answers, -1);
	static const char *const also[] = {"no such SZL", "a read acknowledged without data",
					   "a refusal nobody is known to have caused"};
	bool no = strstr(g->name, "refused") && !strstr(g->name, "three");
	for (size_t k = 0; k < sizeof also / sizeof *also; k++)
		no |= strcmp(g->name, also[k]) == 0;
	assert_int_equal(pdu.exception, no);
	free(data);
}

/* No prefix decodes, and frame() never says another length. */
static void golden_prefix(void **state)
{
	const struct golden *g = *state;
	uint32_t whole;
	uint8_t *data = rows_octets(g->hex, &whole);
	for (uint32_t n = 0; n < whole; n++) {
		uint8_t *part = exactly(data, n);
		struct frame f = s7->frame(part, n, g->from_server);
		assert_int_not_equal(f.state, FRAME_BAD);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, whole);
		decode_after(g->request, part, n, g->from_server, 0);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		free(part);
	}
	free(data);
}

/* One octet less or more, TPKT length and all: only what is opaque, or ends in a free text, has no length of its own. */
static void golden_length(void **state)
{
	const struct golden *g = *state;
	uint32_t n;
	uint8_t *data = rows_octets(g->hex, &n);
	bool free_form = strstr(g->ops, "plus-") || strstr(g->ops, "mms-") || strstr(g->name, "in parts") ||
			 strstr(g->name, "in three parts");
	for (int step = -1; !free_form && step <= 1; step += 2) {
		uint32_t m = (uint32_t)((int)n + step);
		uint8_t *other = calloc(1, m);
		assert_non_null(other);
		memcpy(other, data, m < n ? m : n);
		other[2] = (uint8_t)(m >> 8);
		other[3] = (uint8_t)m;
		decode_after(g->request, other, m, g->from_server, 0);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		free(other);
	}
	/* And an octet behind the TPKT. */
	uint8_t *longer = calloc(1, n + 1);
	assert_non_null(longer);
	memcpy(longer, data, n);
	decode_after(g->request, longer, n + 1, g->from_server, 0);
	assert_int_equal(pdu.fault.reason, REASON_TRAILING);
	assert_int_equal(pdu.fault.offset, n);
	free(longer);
	free(data);
}

/* What the vocabulary says of a function is what its requests carry. */
static void golden_vocabulary(void **state)
{
	const struct golden *g = *state;
	uint32_t n;
	uint8_t *data = rows_octets(g->hex, &n);
	decode_after(g->request, data, n, g->from_server, 0);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		const struct vocab_function *f = proto_function(s7, op_function_key(op));
		assert_non_null(f);
		if (op->has & OP_SPACE) {
			const struct vocab_space *s = proto_space(s7, op->space);
			assert_non_null(s);
			if (op->has & OP_RANGE)
				assert_true(op->first >= s->min && op->last <= s->max);
			if (op->access == ACCESS_WRITE || op->access == ACCESS_OPERATE)
				assert_true(s->writable);
		}
		if (op->dir == DIR_RESPONSE)
			continue;
		assert_true(f->access & 1u << op->access);
		assert_int_equal(!!(f->flags & FN_OPAQUE), op->access == ACCESS_OPAQUE);
		if (op->has & OP_RANGE)
			assert_true(f->flags & FN_RANGE);
		if (op->dir == DIR_REQUEST)
			assert_int_equal(!!(f->flags & FN_RANGE), !!(op->has & OP_RANGE));
		assert_int_equal(!!(f->flags & FN_KEY), !!(op->has & OP_KEY));
		assert_int_equal(!!(f->flags & FN_VALUES), op->values.form != VALUES_NONE);
		for (uint32_t k = 0; k < op->nargs; k++)
			assert_true(f->flags & FN_ARG(op->args[k].name) || strcmp(f->name, "read-bit") == 0);
	}
	free(data);
}

/* Decoding is without any other effect: the same state and octets give the same again. */
static void golden_twice(void **state)
{
	const struct golden *g = *state;
	static struct pdu first;
	static char text[16384], again[16384];
	uint32_t n;
	uint8_t *data = rows_octets(g->hex, &n);
	decode_after(g->request, data, n, g->from_server, 0);
	lines(text, sizeof text);
	first = pdu;
	decode_after(g->request, data, n, g->from_server, 0);
	lines(again, sizeof again);
	assert_string_equal(text, again);
	assert_int_equal(first.id, pdu.id);
	assert_int_equal(first.answers, pdu.answers);
	assert_int_equal(first.answer_expected, pdu.answer_expected);
	assert_int_equal(first.claim, pdu.claim);
	free(data);
}

/* ---- refused ---- */

static void refused(void **state)
{
	const struct refusal *r = *state;
	uint32_t n;
	uint8_t *data = rows_octets(r->hex, &n);
	decode_after(r->request, data, n, r->from_server, r->options);
	if (pdu.fault.reason != r->reason || !pdu.fault.field || strcmp(pdu.fault.field, r->field) != 0 ||
	    pdu.fault.offset != r->offset)
		fail_msg("%s at %s, octet %u instead of %s at %s, octet %u", reason_name(pdu.fault.reason),
			 pdu.fault.field ? pdu.fault.field : "-", pdu.fault.offset, reason_name(r->reason),
			 r->field, r->offset);
	free(data);
}

static void option_allows_tpdu_number(void **state)
{
	(void)state;
	uint32_t n;
	uint8_t *data = rows_octets(READ8, &n);
	data[6] = 0x81;
	decode_after(S7_SESSION, data, n, false, 0);
	assert_int_equal(pdu.fault.reason, REASON_RESERVED);
	const struct vocab_option *o =
		proto_option_for(proto_get(PROTO_s7comm), pdu.fault.reason, pdu.fault.field);
	assert_true(o && o->bit == TPDU_NUMBER_ANY);
	decode_after(S7_SESSION, data, n, false, TPDU_NUMBER_ANY);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.ops[0].last, 65536 + 7);
	free(data);
}

/* ---- framing ---- */

static const struct framing framings[] = {
	{"nothing", "", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"six octets", "0300001f02f0", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"shortest DT", "0300000702f080", FRAME_PDU, 7, REASON_NONE, NULL, 0},
	{"longest DT", "0300200402f080", FRAME_PDU, 8196, REASON_NONE, NULL, 0},
	{"too long", "0300200502f080", FRAME_BAD, 0, REASON_LENGTH, "tpkt.length", 2},
	{"another protocol", "16030100c80100", FRAME_BAD, 0, REASON_MAGIC, "tpkt.version", 0},
	{"CR", "0300001611e000", FRAME_PDU, 22, REASON_NONE, NULL, 0},
	{"an empty part", "0300000702f000", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"an empty part and a message", "0300000702f000 0300001f02f080", FRAME_PDU, 38, REASON_NONE, NULL, 0},
	{"an empty part and a header cut", "0300000702f000 0300001f02f0", FRAME_MORE, 0, REASON_NONE, NULL,
	 0},
	{"a part whose octets are not there", "0300000902f000", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"a part that begins like S7", "0300000802f00032 0300000802f08001", FRAME_PDU, 16, REASON_NONE, NULL,
	 0},
	{"a part that does not", "0300000802f00033", FRAME_PDU, 8, REASON_NONE, NULL, 0},
	{"two parts that begin like S7 together", "0300000802f00032 0300000802f00005", FRAME_PDU, 16,
	 REASON_NONE, NULL, 0},
	{"a connection between parts", "0300000702f000 0300001611e000", FRAME_BAD, 0, REASON_INTERLEAVED,
	 "cotp.pdu-type", 12},
	{"a part beyond 4096 octets", "0300000702f000 03000ffa02f080", FRAME_BAD, 0, REASON_OVERSIZE,
	 "tpkt.length", 9},
};

/* Parts without end: refused when 64 are there, which the header's limit lets one see. */
static void parts_without_end(void **state)
{
	(void)state;
	static uint8_t data[7 * 70];
	for (uint32_t i = 0; i < 70; i++)
		memcpy(data + i * 7, "\x03\x00\x00\x07\x02\xf0\x00", 7);
	for (uint32_t n = 0; n <= sizeof data; n++) {
		struct frame f = s7->frame(data, n, false);
		assert_int_equal(f.state, n < 64 * 7 ? FRAME_MORE : FRAME_BAD);
		if (f.state == FRAME_BAD) {
			assert_int_equal(f.fault.reason, REASON_OVERSIZE);
			assert_int_equal(f.fault.offset, 63 * 7 + 6);
		}
	}
	/* Few, and long: refused within .header octets. */
	static uint8_t big[8192];
	for (uint32_t i = 0; i < 8; i++)
		memcpy(big + i * 1024, "\x03\x00\x04\x00\x02\xf0\x00\x32\x01\x00\x00", 11);
	for (uint32_t n = 0; n <= s7->header; n++)
		if (s7->frame(big, n, false).state != FRAME_MORE) {
			assert_int_equal(s7->frame(big, n, false).state, FRAME_BAD);
			return;
		}
	fail_msg("no decision within %u octets", s7->header);
}

/* ---- sessions ---- */

/* Two jobs at a time, answered in either order; the same reference for a job and for userdata. */
static void answers_in_any_order(void **state)
{
	(void)state;
	uint32_t n;
	uint8_t *data;
	static const char two[] = S7_SESSION "|" READ8 "|" SZL;
	data = rows_octets("0300002502f080320700000001000c000800011208128401 0100000000ff09000400110000", &n);
	decode_after(two, data, n, true, 0);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.answers, 1);
	free(data);
	data = rows_octets("0300002102f0803203000000010002000c00000401ff0400400001020304050607", &n);
	decode_after(two, data, n, true, 0);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.answers, 0);
	free(data);
}

/* Only what changes something lays a claim to the controller. */
static void claims(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		enum claim claim;
	} rows[] = {{READ8, CLAIM_NONE}, {WRITE4, CLAIM_USE}, {STOP, CLAIM_USE}, {SZL, CLAIM_NONE}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t n;
		uint8_t *data = rows_octets(rows[i].hex, &n);
		decode_after(S7_SESSION, data, n, false, 0);
		assert_int_equal(pdu.fault.reason, REASON_NONE);
		assert_int_equal(pdu.claim, rows[i].claim);
		if (pdu.claim)
			assert_int_equal(pdu.claimed, CLAIM_SERVER);
		free(data);
	}
}

/* S7 inside a session that was opened for MMS stays refused, in a part of a message too. */
static void no_s7_in_mms(void **state)
{
	(void)state;
	const char *associated = NULL;
	for (size_t i = 0; i < GOLDEN_S7; i++)
		if (strcmp(golden_s7[i].name, "MMS: a request") == 0)
			associated = golden_s7[i].request;
	assert_non_null(associated);
	uint32_t n;
	uint8_t *data = rows_octets(STOP, &n);
	decode_after(associated, data, n, false, 0);
	assert_int_equal(pdu.fault.reason, REASON_MAGIC);
	assert_string_equal(pdu.fault.field, "protocol-id");
	free(data);
}

/* ---- vocabulary ---- */

static void vocabulary_is_sound(void **state)
{
	(void)state;
	unsigned n = 0;
	for (const struct vocab_function *f = s7->functions; f->name; f++, n++) {
		assert_true(f->lo <= f->hi);
		assert_int_not_equal(f->access, 0);
		assert_non_null(f->doc);
		assert_ptr_equal(proto_function_find(s7, f->name, strlen(f->name)), f);
		if (f->flags & FN_GROUP)
			assert_ptr_not_equal(proto_function(s7, f->lo), f);
		else
			assert_ptr_equal(proto_function(s7, f->lo == f->hi ? f->hi : f->lo), f);
		assert_int_equal(!!(f->flags & FN_OPAQUE), f->access == 1u << ACCESS_OPAQUE);
	}
	assert_true(n > 90);
	for (const struct vocab_space *s = s7->spaces; s->name; s++) {
		assert_ptr_equal(proto_space(s7, s->code), s);
		assert_ptr_equal(proto_space_find(s7, s->name, strlen(s->name)), s);
		assert_true(s->min <= s->max);
	}
	assert_null(proto_function(s7, 9u << 16));
	assert_null(proto_space(s7, 99));
	assert_int_equal(proto_find("s7comm", 6), PROTO_s7comm);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 102), PROTO_s7comm);
	assert_int_equal(proto_by_port(TRANSPORT_UDP, 102), -1);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} golden_runs[] = {{"golden", golden},
			   {"text", rows_text},
			   {"prefix", golden_prefix},
			   {"length", golden_length},
			   {"vocabulary", golden_vocabulary},
			   {"twice", golden_twice}};
	static const struct CMUnitTest singles[] = {cmocka_unit_test(option_allows_tpdu_number),
						    cmocka_unit_test(parts_without_end),
						    cmocka_unit_test(answers_in_any_order),
						    cmocka_unit_test(claims),
						    cmocka_unit_test(no_s7_in_mms),
						    cmocka_unit_test(vocabulary_is_sound)};
	static struct CMUnitTest
		tests[GOLDEN_S7 * ROWS(golden_runs) + ROWS(refused_s7) + ROWS(framings) + ROWS(singles)];
	static char names[GOLDEN_S7 * ROWS(golden_runs)][96];
	size_t n = 0;
	s7 = proto_get(PROTO_s7comm);
	rows_proto = s7;
	for (size_t k = 0; k < ROWS(golden_runs); k++)
		for (size_t i = 0; i < GOLDEN_S7; i++, n++) {
			(void)snprintf(names[n], sizeof names[n], "%s: %s", golden_runs[k].name,
				       golden_s7[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = golden_runs[k].run,
						       .initial_state = (void *)(uintptr_t)&golden_s7[i]};
		}
	for (size_t i = 0; i < ROWS(refused_s7); i++)
		tests[n++] = (struct CMUnitTest){.name = refused_s7[i].name,
						 .test_func = refused,
						 .initial_state = (void *)(uintptr_t)&refused_s7[i]};
	for (size_t i = 0; i < ROWS(framings); i++)
		tests[n++] = (struct CMUnitTest){.name = framings[i].name,
						 .test_func = rows_framed,
						 .initial_state = (void *)(uintptr_t)&framings[i]};
	for (size_t i = 0; i < ROWS(singles); i++)
		tests[n++] = singles[i];
	return _cmocka_run_group_tests("s7", tests, n, NULL, NULL);
}
