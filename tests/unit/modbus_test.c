/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modbus: golden PDUs, every refusal with reason, field and offset, framing, pairing, options, vocabulary. */
#include "protocols/proto.h"
#include "tests/laws/golden_modbus.h"
#include "tests/laws/refused_modbus.h"
#include "tests/unit/rows.h"

#define UNIT_ZERO   1u
#define PADDING_ANY 2u

static const struct proto *modbus;

static void decode(const uint8_t *data, uint32_t len, bool from_server, const struct asked *asked,
		   uint32_t nasked, uint32_t options, struct pdu *out)
{
	struct pdu_in in = {.data = data,
			    .len = len,
			    .from_server = from_server,
			    .answers_known = asked != NULL,
			    .asked = asked,
			    .nasked = nasked,
			    .options = options};
	memset(out, 0xa5, sizeof *out);
	modbus->decode(&in, out);
	if (out->fault.reason == REASON_NONE) {
		assert_null(out->fault.field);
		assert_in_range(out->nops, 1, PDU_OPS_MAX);
	} else {
		assert_non_null(out->fault.field);
		assert_true(out->fault.offset <= len);
		assert_int_equal(out->nops, 0);
		assert_false(out->answer_expected);
	}
}

/* The request as the flow would keep it. */
static void ask(const char *hex, uint32_t options, struct asked *slot)
{
	static struct pdu pdu;
	uint32_t len;
	uint8_t *data = rows_octets(hex, &len);
	decode(data, len, false, NULL, 0, options, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_true(pdu.answer_expected);
	*slot = pdu.ask;
	slot->expires_us = 1;
	free(data);
}

static void inside(const uint8_t *data, uint32_t len, const struct op *op)
{
	const struct op_values *v = &op->values;
	if (v->form == VALUES_BITS) {
		assert_true(v->count >= 1);
		assert_true(v->data >= data && v->data + (v->count + 7) / 8 <= data + len);
	}
	if (v->form == VALUES_NUMBERS) {
		assert_true(v->count >= 1);
		assert_true(v->data >= data);
		assert_true(v->data + (size_t)(v->count - 1) * v->stride + v->width <= data + len);
	}
}

/* ---- golden ---- */

static void golden(void **state)
{
	const struct golden *g = *state;
	static struct pdu pdu;
	struct asked asked[3] = {{.id = 0xffff}, {.id = 0xfffe, .expires_us = 1}, {0}};
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	if (g->request)
		ask(g->request, 0, &asked[2]);

	struct frame f = modbus->frame(data, len, g->from_server);
	assert_int_equal(f.state, FRAME_PDU);
	assert_int_equal(f.length, len);

	decode(data, len, g->from_server, g->request ? asked : NULL, g->request ? 3 : 0, 0, &pdu);
	if (pdu.fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(pdu.fault.reason), pdu.fault.field,
			 pdu.fault.offset);
	assert_int_equal(pdu.id, data[0] << 8 | data[1]);
	assert_int_equal(pdu.answers, g->request ? 2 : -1);
	assert_int_equal(pdu.exception, g->from_server && (data[7] & 0x80));
	if (pdu.exception)
		assert_int_equal(pdu.exception_code, data[8]);
	/* Only broadcasts go unanswered. */
	assert_int_equal(pdu.answer_expected, !g->from_server && data[6] != 0);

	char text[8192] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		inside(data, len, op);
		assert_int_equal(op->dir, g->from_server ? DIR_RESPONSE : DIR_REQUEST);
		if (op->has & OP_RANGE)
			assert_true(op->first <= op->last);
		at += op_print(op, modbus, 24, text + at, sizeof text - at);
		text[at++] = '\n';
		text[at] = '\0';
	}
	assert_string_equal(text, g->ops);
	free(data);
}

static void golden_prefix(void **state)
{
	const struct golden *g = *state;
	static struct pdu pdu;
	uint32_t whole;
	uint8_t *data = rows_octets(g->hex, &whole);
	for (uint32_t len = 0; len < whole; len++) {
		uint8_t *part = malloc(len ? len : 1);
		assert_non_null(part);
		memcpy(part, data, len);
		struct frame f = modbus->frame(part, len, g->from_server);
		assert_int_equal(f.state, len < 6 ? FRAME_MORE : FRAME_PDU);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, whole);
		decode(part, len, g->from_server, NULL, 0, 0, &pdu);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		free(part);
	}
	free(data);
}

/* The same PDU made one octet shorter or longer, with an MBAP length that agrees: only what is opaque has no length of its own. */
static void golden_length(void **state)
{
	const struct golden *g = *state;
	static struct pdu pdu;
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	bool free_form = strstr(g->ops, "user-defined") || strstr(g->ops, "function 90/") ||
			 strstr(g->ops, "canopen") || (g->from_server && strstr(g->ops, "modbus-plus"));
	if (data[7] & 0x80)
		free_form = false;
	for (int step = -1; step <= 1; step += 2) {
		uint32_t n = (uint32_t)((int)len + step);
		uint8_t *other = calloc(1, n);
		assert_non_null(other);
		memcpy(other, data, n < len ? n : len);
		other[4] = (uint8_t)((n - 6) >> 8);
		other[5] = (uint8_t)(n - 6);
		decode(other, n, g->from_server, NULL, 0, 0, &pdu);
		if (!free_form)
			assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		else if (step > 0)
			assert_int_equal(pdu.fault.reason, REASON_NONE);
		free(other);
	}
	/* And an octet that the MBAP length does not count, as a datagram may hold. */
	uint8_t *longer = calloc(1, len + 1);
	assert_non_null(longer);
	memcpy(longer, data, len);
	decode(longer, len + 1, g->from_server, NULL, 0, 0, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_TRAILING);
	assert_int_equal(pdu.fault.offset, len);
	free(longer);
	free(data);
}

/* What the vocabulary says of a function is what its requests carry. */
static void golden_vocabulary(void **state)
{
	const struct golden *g = *state;
	static struct pdu pdu;
	uint32_t len;
	uint8_t *data = rows_octets(g->hex, &len);
	decode(data, len, g->from_server, NULL, 0, 0, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	bool values = false;
	const struct vocab_function *f = proto_function(modbus, op_function_key(&pdu.ops[0]));
	/* An exception does not say which sub-function it is about. */
	if (!pdu.exception)
		assert_non_null(f);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		if (op->has & OP_SPACE) {
			const struct vocab_space *s = proto_space(modbus, op->space);
			assert_non_null(s);
			if (op->has & OP_RANGE)
				assert_true(op->first >= s->min && op->last <= s->max);
			if (op->access == ACCESS_WRITE)
				assert_true(s->writable);
		}
		if (g->from_server)
			continue;
		assert_true(f->access & 1u << op->access);
		assert_int_equal(!!(f->flags & FN_RANGE), !!(op->has & OP_RANGE));
		assert_int_equal(!!(f->flags & FN_OPAQUE), op->access == ACCESS_OPAQUE);
		assert_int_equal(!!(f->flags & FN_ARGS), op->nargs > 0);
		values |= op->values.form != VALUES_NONE;
	}
	if (!g->from_server)
		assert_int_equal(!!(f->flags & FN_VALUES), values);
	free(data);
}

/* ---- refused_modbus ---- */

static void refused(void **state)
{
	const struct refusal *r = *state;
	static struct pdu pdu;
	struct asked asked[1] = {{0}};
	uint32_t len;
	uint8_t *data = rows_octets(r->hex, &len);
	if (r->request)
		ask(r->request, r->options, &asked[0]);
	decode(data, len, r->from_server, asked, 1, r->options, &pdu);
	assert_string_equal(reason_name(pdu.fault.reason), reason_name(r->reason));
	assert_string_equal(pdu.fault.field, r->field);
	assert_int_equal(pdu.fault.offset, r->offset);
	if (r->request)
		assert_int_equal(pdu.answers, 0);
	free(data);
}

/* ---- options ---- */

struct option_case {
	const char *name;
	bool from_server;
	const char *hex;
	uint32_t options;
	bool answer_expected;
};

static const struct option_case option_cases[] = {
	{"unit-zero-is-device: a read", false, "0001 0000 0006 00 03 0000 0001", UNIT_ZERO, true},
	{"unit-zero-is-device: a write is answered", false, "0001 0000 0006 00 06 0000 0001", UNIT_ZERO,
	 true},
	{"unit-zero-is-device: an answer", true, "0001 0000 0005 00 03 02 0001", UNIT_ZERO, false},
	{"unit-zero-is-device: an exception", true, "0001 0000 0003 00 83 02", UNIT_ZERO, false},
	{"unit-zero-is-device: UMAS", false, "0001 0000 0004 00 5a 00 02", UNIT_ZERO, true},
	{"padding-any: a bit behind the last coil", false, "0001 0000 0008 04 0f 0000 0003 01 fd",
	 PADDING_ANY, true},
};

static void option_allows(void **state)
{
	const struct option_case *c = *state;
	static struct pdu pdu;
	uint32_t len;
	uint8_t *data = rows_octets(c->hex, &len);
	/* The other option alone does not help. */
	decode(data, len, c->from_server, NULL, 0, (UNIT_ZERO | PADDING_ANY) & ~c->options, &pdu);
	if (strstr(c->name, "is answered")) {
		assert_int_equal(pdu.fault.reason, REASON_NONE);
		assert_false(pdu.answer_expected);
	} else {
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		/* Who learns is told which one would. */
		const struct vocab_option *o = proto_option_for(modbus, pdu.fault.reason, pdu.fault.field);
		assert_true(o && o->bit == c->options);
	}
	decode(data, len, c->from_server, NULL, 0, c->options, &pdu);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	assert_int_equal(pdu.answer_expected, c->answer_expected);
	free(data);
}

static void padding_is_no_value(void **state)
{
	(void)state;
	static struct pdu pdu;
	uint32_t len;
	uint8_t *data = rows_octets("0001 0000 0008 04 0f 0000 0003 01 fd", &len);
	int64_t v = -1;
	decode(data, len, false, NULL, 0, PADDING_ANY, &pdu);
	assert_int_equal(pdu.ops[0].values.count, 3);
	assert_true(op_value(&pdu.ops[0].values, 2, &v));
	assert_int_equal(v, 1);
	assert_false(op_value(&pdu.ops[0].values, 3, &v));
	free(data);
}

/* ---- framing ---- */

static const struct framing framings[] = {
	{"nothing", "", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"three octets of anything", "ffff ff", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"the protocol identifier shows early", "0001 0001", FRAME_BAD, 0, REASON_MAGIC, "mbap.protocol-id",
	 2},
	{"five octets", "0001 0000 00", FRAME_MORE, 0, REASON_NONE, NULL, 0},
	{"shortest", "0001 0000 0002", FRAME_PDU, 8, REASON_NONE, NULL, 0},
	{"longest", "0001 0000 00fe", FRAME_PDU, 260, REASON_NONE, NULL, 0},
	{"length 1", "0001 0000 0001", FRAME_BAD, 0, REASON_LENGTH, "mbap.length", 4},
	{"length 255", "0001 0000 00ff", FRAME_BAD, 0, REASON_LENGTH, "mbap.length", 4},
	{"length 65535", "0001 0000 ffff", FRAME_BAD, 0, REASON_LENGTH, "mbap.length", 4},
	{"another protocol", "1603 0100 c8", FRAME_BAD, 0, REASON_MAGIC, "mbap.protocol-id", 2},
};

/* ---- pairing ---- */

static void answers_in_any_order(void **state)
{
	(void)state;
	static struct pdu pdu;
	static const char *const requests[] = {"0001 0000 0006 04 03 0000 0001",
					       "0002 0000 0006 05 03 0010 0002",
					       "0003 0000 0006 04 01 0020 0009"};
	static const char *const answers[] = {"0003 0000 0005 04 01 02 ff01", "0001 0000 0005 04 03 02 0007",
					      "0002 0000 0007 05 03 04 0001 0002"};
	static const struct {
		int32_t slot;
		uint32_t first, last;
	} want[] = {{2, 32, 40}, {0, 0, 0}, {1, 16, 17}};
	struct asked asked[4] = {{0}};
	for (int i = 0; i < 3; i++)
		ask(requests[i], 0, &asked[i]);
	for (int i = 0; i < 3; i++) {
		uint32_t len;
		uint8_t *data = rows_octets(answers[i], &len);
		decode(data, len, true, asked, 4, 0, &pdu);
		assert_int_equal(pdu.fault.reason, REASON_NONE);
		assert_int_equal(pdu.answers, want[i].slot);
		assert_int_equal(pdu.ops[0].first, want[i].first);
		assert_int_equal(pdu.ops[0].last, want[i].last);
		/* Once the slot is free the same answer belongs to nobody, and says no address. */
		asked[want[i].slot].expires_us = 0;
		decode(data, len, true, asked, 4, 0, &pdu);
		assert_int_equal(pdu.fault.reason, REASON_NONE);
		assert_int_equal(pdu.answers, -1);
		assert_false(pdu.ops[0].has & OP_RANGE);
		free(data);
	}
}

/* ---- vocabulary ---- */

static void vocabulary_is_sound(void **state)
{
	(void)state;
	unsigned n = 0;
	for (const struct vocab_function *f = modbus->functions; f->name; f++, n++) {
		assert_true(f->lo <= f->hi);
		assert_int_not_equal(f->access, 0);
		assert_non_null(f->doc);
		assert_ptr_equal(proto_function_find(modbus, f->name, strlen(f->name)), f);
		if (f->flags & FN_GROUP)
			assert_ptr_not_equal(proto_function(modbus, f->lo), f);
		else
			assert_ptr_equal(proto_function(modbus, f->hi), f);
		assert_int_equal(!!(f->flags & FN_OPAQUE), f->access == 1u << ACCESS_OPAQUE);
	}
	assert_true(n > 40);
	for (const struct vocab_space *s = modbus->spaces; s->name; s++) {
		assert_ptr_equal(proto_space(modbus, s->code), s);
		assert_ptr_equal(proto_space_find(modbus, s->name, strlen(s->name)), s);
		assert_true(s->min <= s->max);
		assert_true(s->bits == 1 || s->bits == 16);
		assert_true(s->modicon_last >= s->modicon_first && s->modicon_last6 >= s->modicon_first6);
	}
	assert_null(proto_function(modbus, 9u << 16));
	assert_null(proto_function(modbus, 8u << 16 | 5));
	assert_null(proto_space(modbus, 99));
	assert_null(proto_function_find(modbus, "read-coil", 9));
}

static void registry(void **state)
{
	(void)state;
	assert_int_equal(proto_find("modbus", 6), PROTO_modbus);
	assert_int_equal(proto_find("modbu", 5), -1);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 502), PROTO_modbus);
	assert_int_equal(proto_by_port(TRANSPORT_UDP, 502), PROTO_modbus);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 503), -1);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 0), -1);
	assert_null(proto_get(PROTO_COUNT));
	for (unsigned i = 0; i < PROTO_COUNT; i++) {
		const struct proto *p = proto_get(i);
		assert_true(p->max_pdu <= PROTO_PDU_MAX && p->state_size <= PROTO_STATE_MAX);
		assert_true(p->header <= p->max_pdu);
		assert_non_null(p->functions);
		assert_non_null(p->spaces);
	}
}

int main(void)
{
	static struct CMUnitTest
		tests[GOLDEN_MODBUS * 5 + ROWS(refused_modbus) + ROWS(option_cases) + ROWS(framings) + 8];
	static char names[GOLDEN_MODBUS * 5][96];
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} golden_runs[] = {{"golden", golden},
			   {"text", rows_text},
			   {"prefix", golden_prefix},
			   {"length", golden_length},
			   {"vocabulary", golden_vocabulary}};
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(padding_is_no_value), cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(vocabulary_is_sound), cmocka_unit_test(registry)};
	size_t n = 0;
	modbus = proto_get(PROTO_modbus);
	rows_proto = modbus;
	for (size_t k = 0; k < ROWS(golden_runs); k++) {
		for (size_t i = 0; i < GOLDEN_MODBUS; i++, n++) {
			(void)snprintf(names[n], sizeof names[n], "%s: %s", golden_runs[k].name,
				       golden_modbus[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = golden_runs[k].run,
						       .initial_state = (void *)(uintptr_t)&golden_modbus[i]};
		}
	}
	for (size_t i = 0; i < ROWS(refused_modbus); i++)
		tests[n++] = (struct CMUnitTest){.name = refused_modbus[i].name,
						 .test_func = refused,
						 .initial_state = (void *)(uintptr_t)&refused_modbus[i]};
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
	return _cmocka_run_group_tests("modbus", tests, n, NULL, NULL);
}
