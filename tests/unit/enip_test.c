/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EtherNet/IP: golden PDUs, every refusal with reason, field and offset, framing, sessions, connections, options, vocabulary. */
#include "protocols/proto.h"
#include "tests/laws/golden_enip.h"
#include "tests/laws/refused_enip.h"
#include "tests/unit/rows.h"

static const struct proto *enip;
static struct played parts[PLAY_PARTS];
static struct play play;
static struct pdu pdu;

/* What went before; the octets of the row in memory of exactly their size, so that a sanitizer sees any step beyond. */
static uint8_t *row(const char *request, const char *hex, uint32_t options, uint32_t *len)
{
	play_open(&play);
	play.options = options;
	uint32_t n = play_parts(request, parts);
	for (uint32_t i = 0; i < n; i++) {
		play_pdu(&play, enip, parts[i].data, parts[i].n, parts[i].from_server, &pdu);
		if (pdu.fault.reason)
			fail_msg("before it: %s at %s, octet %u", reason_name(pdu.fault.reason),
				 pdu.fault.field, pdu.fault.offset);
	}
	*len = play_unhex(hex, parts[0].data, NULL);
	uint8_t *p = malloc(*len ? *len : 1);
	assert_non_null(p);
	memcpy(p, parts[0].data, *len);
	return p;
}

static void decode(const uint8_t *data, uint32_t len, bool from_server)
{
	memset(&pdu, 0xa5, sizeof pdu);
	play_pdu(&play, enip, data, len, from_server, &pdu);
	if (pdu.fault.reason == REASON_NONE) {
		assert_null(pdu.fault.field);
		assert_in_range(pdu.nops, 1, PDU_OPS_MAX);
	} else {
		assert_non_null(pdu.fault.field);
		assert_true(pdu.fault.offset <= len);
		assert_int_equal(pdu.nops, 0);
		assert_false(pdu.answer_expected);
	}
}

static void inside(const uint8_t *data, uint32_t len, struct view v)
{
	bool here = v.data >= data && v.data + v.len <= data + len;
	bool scratch = v.data >= pdu.scratch && v.data + v.len <= pdu.scratch + PDU_SCRATCH;
	assert_true(here || scratch);
}

/* ---- golden ---- */

static void golden(void **state)
{
	const struct golden *g = *state;
	uint32_t len;
	uint8_t *data = row(g->request, g->hex, 0, &len);
	struct frame f = enip->frame(data, len, g->from_server);
	assert_int_equal(f.state, FRAME_PDU);
	assert_int_equal(f.length, len);

	decode(data, len, g->from_server);
	if (pdu.fault.reason)
		fail_msg("%s at %s, octet %u", reason_name(pdu.fault.reason), pdu.fault.field,
			 pdu.fault.offset);
	assert_true(pdu.exception ==
		    (strstr(g->name, "refused") || strstr(g->name, "fails") || strstr(g->name, "not there")));
	bool silent = strstr(g->ops, "nop") || strstr(g->ops, "unregister");
	assert_int_equal(pdu.answer_expected, !g->from_server && !silent);

	char text[8192] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		if (op->has & OP_KEY)
			inside(data, len, op->key);
		if (op->values.form == VALUES_NUMBERS)
			inside(data, len,
			       (struct view){op->values.data,
					     (op->values.count - 1) * op->values.stride + op->values.width});
		at += op_print(op, enip, 24, text + at, sizeof text - at);
		text[at++] = '\n';
		text[at] = '\0';
	}
	assert_string_equal(text, g->ops);
	free(data);
}

static void golden_prefix(void **state)
{
	const struct golden *g = *state;
	uint32_t whole;
	uint8_t *data = row(g->request, g->hex, 0, &whole);
	for (uint32_t len = 0; len < whole; len++) {
		uint8_t *part = malloc(len ? len : 1);
		assert_non_null(part);
		memcpy(part, data, len);
		struct frame f = enip->frame(part, len, g->from_server);
		assert_int_equal(f.state, len < 4 ? FRAME_MORE : FRAME_PDU);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, whole);
		decode(part, len, g->from_server);
		assert_int_not_equal(pdu.fault.reason, REASON_NONE);
		free(part);
	}
	/* And an octet that the length does not count, as a datagram may hold. */
	uint8_t *longer = calloc(1, whole + 1);
	assert_non_null(longer);
	memcpy(longer, data, whole);
	decode(longer, whole + 1, g->from_server);
	assert_int_equal(pdu.fault.reason, REASON_TRAILING);
	assert_int_equal(pdu.fault.offset, whole);
	free(longer);
	free(data);
}

/* What the vocabulary says of a function is what its requests carry. */
static void golden_vocabulary(void **state)
{
	const struct golden *g = *state;
	uint32_t len;
	if (g->from_server)
		return;
	uint8_t *data = row(g->request, g->hex, 0, &len);
	decode(data, len, false);
	for (uint32_t i = 0; i < pdu.nops; i++) {
		const struct op *op = &pdu.ops[i];
		const struct vocab_function *f = proto_function(enip, op_function_key(op));
		assert_non_null(f);
		assert_true(f->access & 1u << op->access);
		assert_int_equal(!!(f->flags & FN_RANGE), !!(op->has & OP_RANGE));
		assert_int_equal(!!(f->flags & FN_OPAQUE), op->access == ACCESS_OPAQUE);
		assert_int_equal(!!(f->flags & FN_VALUES), op->values.form != VALUES_NONE);
		if (op->has & OP_KEY)
			assert_true(f->flags & FN_KEY);
		for (uint32_t k = 0; k < op->nargs; k++)
			assert_true(f->flags & FN_ARG(op->args[k].name));
		assert_int_equal(op_function_key(op) & 0xffff ? !!(op->has & OP_SUB) : 1, 1);
		if (op->has & OP_SPACE) {
			const struct vocab_space *s = proto_space(enip, op->space);
			assert_non_null(s);
			assert_true(op->first <= op->last && op->first >= s->min && op->last <= s->max);
			if (op->access == ACCESS_WRITE)
				assert_true(s->writable);
		}
	}
	free(data);
}

/* ---- refused ---- */

static void refused(void **state)
{
	const struct refusal *r = *state;
	uint32_t len;
	uint8_t *data = row(r->request, r->hex, r->options, &len);
	decode(data, len, r->from_server);
	assert_string_equal(reason_name(pdu.fault.reason), reason_name(r->reason));
	assert_string_equal(pdu.fault.field, r->field);
	assert_int_equal(pdu.fault.offset, r->offset);
	free(data);
}

/* ---- framing ---- */

static void framing(void **state)
{
	static const struct {
		const char *hex;
		enum frame_state state;
		uint32_t length;
		enum reason reason;
	} rows[] = {
		{"", FRAME_MORE, 0, REASON_NONE},
		{"6f", FRAME_MORE, 0, REASON_NONE},
		{"6f00", FRAME_MORE, 0, REASON_NONE},
		{"6f0010", FRAME_MORE, 0, REASON_NONE},
		{"6f001000", FRAME_PDU, 40, REASON_NONE},
		{"00000000", FRAME_PDU, 24, REASON_NONE},
		{"70000010", FRAME_PDU, 4120, REASON_NONE},
		{"70000110", FRAME_BAD, 0, REASON_OVERSIZE},
		{"6f00ffff", FRAME_BAD, 0, REASON_OVERSIZE},
		{"7200", FRAME_BAD, 0, REASON_FUNCTION_UNKNOWN},
		{"006f", FRAME_BAD, 0, REASON_FUNCTION_UNKNOWN},
		{"16030100", FRAME_BAD, 0, REASON_FUNCTION_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t data[8];
		uint32_t len = play_unhex(rows[i].hex, data, NULL);
		for (int server = 0; server < 2; server++) {
			struct frame f = enip->frame(data, len, server);
			assert_int_equal(f.state, rows[i].state);
			assert_int_equal(f.fault.reason, rows[i].reason);
			if (f.state == FRAME_PDU)
				assert_int_equal(f.length, rows[i].length);
		}
	}
}

/* ---- sessions ---- */

#define HEADER(command, length) command "00" length "0044332211 00000000 0102030405060708 00000000"
/* Get Attribute Single of the identity, on its own and on connection 0x10000001. */
#define READ     HEADER("6f", "18") "00000000 0500 0200 00000000 b2000800 0e03200124013007"
#define READ_ON  HEADER("70", "1e") "00000000 0000 0200 a1000400 01000010 b1000a00 0100 0e03200124013007"
#define ANSWERED HEADER("70", "1c") "00000000 0000 0200 a1000400 01000020 b1000800 0100 8e000000 0700"

static enum reason step(const char *hex, bool from_server)
{
	uint8_t data[PLAY_BYTES];
	uint32_t len = play_unhex(hex, data, NULL);
	decode(data, len, from_server);
	return pdu.fault.reason;
}

/* In a session whose beginning nobody saw, number and connection are what is seen first, and then no other. */
static void found_in_its_middle(void **state)
{
	(void)state;
	play_open(&play);
	play.picked_up = true;
	assert_int_equal(step(READ_ON, false), REASON_NONE);
	assert_int_equal(pdu.ops[0].args[0].value, 0xffff); /* by which way is not known */
	assert_int_equal(step(ANSWERED, true), REASON_NONE);
	assert_true(pdu.answers >= 0);
	play.picked_up = false;
	assert_int_equal(step(READ, false), REASON_NONE);
	assert_int_equal(step(READ_ON, false), REASON_NONE);
	assert_int_equal(step(ANSWERED, true), REASON_NONE);
	uint8_t data[PLAY_BYTES];
	uint32_t len = play_unhex(READ_ON, data, NULL);
	data[36] ^= 1;
	decode(data, len, false);
	assert_int_equal(pdu.fault.reason, REASON_STATE);
	assert_string_equal(pdu.fault.field, "connection-id");
	len = play_unhex(READ, data, NULL);
	data[4] ^= 1;
	decode(data, len, false);
	assert_int_equal(pdu.fault.reason, REASON_STATE);
	assert_string_equal(pdu.fault.field, "session-handle");
}

/* What is closed, or ends with its session, is no longer there. */
static void closed_is_closed(void **state)
{
	uint32_t n;
	(void)state;
	for (size_t i = 0; i < GOLDEN_ENIP; i++) {
		bool close = strcmp(golden_enip[i].name, "closed") == 0;
		if (!close && strcmp(golden_enip[i].name, "closing refused") != 0)
			continue;
		free(row(golden_enip[i].request, READ_ON, 0, &n));
		assert_int_equal(step(READ_ON, false), REASON_NONE);
		assert_int_equal(step(golden_enip[i].hex, true), REASON_NONE);
		assert_int_equal(step(READ_ON, false), close ? REASON_STATE : REASON_NONE);
	}
	free(row(CONNECTION, READ_ON, 0, &n));
	assert_int_equal(step(HEADER("66", "00"), false), REASON_NONE);
	assert_int_equal(step(READ, false), REASON_STATE);
	assert_int_equal(step(READ_ON, false), REASON_STATE);
}

/* An opening that was refused gives its place back; as many as there are places may be open. */
static void places(void **state)
{
	const struct golden *open = NULL, *answer = NULL;
	uint8_t data[PLAY_BYTES];
	uint32_t len;
	(void)state;
	for (size_t i = 0; i < GOLDEN_ENIP; i++) {
		if (strcmp(golden_enip[i].name, "open a connection for messages") == 0)
			open = &golden_enip[i];
		if (strcmp(golden_enip[i].name, "opened") == 0)
			answer = &golden_enip[i];
	}
	assert_non_null(open);
	assert_non_null(answer);
	free(row(SESSION, open->hex, 0, &len));
	for (unsigned i = 0; i < 17; i++) {
		len = play_unhex(open->hex, data, NULL);
		data[56] = (uint8_t)i; /* serial number */
		decode(data, len, false);
		assert_int_equal(pdu.fault.reason, i < 16 ? REASON_NONE : REASON_PENDING_FULL);
		if (i == 16)
			break;
		len = play_unhex(answer->hex, data, NULL);
		data[52] = (uint8_t)i;
		decode(data, len, true);
		assert_int_equal(pdu.fault.reason, REASON_NONE);
	}
}

/* An accepted I/O connection says which datagrams are its own, both ways; closing says that they end. */
static void io_openings(void **state)
{
	static const uint8_t group[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 239, 192, 1, 32};
	/* The opening's name, in a Forward Close. */
	static const char close[] = HEADER("6f", "26") "00000000 0500 0200 00000000 b2001600"
						       "4e0220062401 0a0e 3512 4d00 0100feca 0200 20042464";
	static const char closed[] = HEADER("6f", "1e") "00000000 0500 0200 00000000 b2000e00"
							"ce000000 3512 4d00 0100feca 0000";
	unsigned seen = 0;
	(void)state;
	for (size_t i = 0; i < GOLDEN_ENIP; i++) {
		const struct golden *g = &golden_enip[i];
		if (strcmp(g->name, "opened") == 0) {
			uint32_t len;
			uint8_t *data = row(g->request, g->hex, 0, &len);
			decode(data, len, true);
			assert_int_equal(pdu.nopenings, 0);
			free(data);
			seen++;
		}
		if (strcmp(g->name, "I/O opened") != 0)
			continue;
		uint32_t len;
		uint8_t *data = row(g->request, g->hex, 0, &len);
		decode(data, len, true);
		assert_int_equal(pdu.nopenings, 2);
		const struct pdu_opening *o = pdu.openings;
		assert_false(o[0].close || o[0].from_server || o[0].to_group);
		assert_int_equal(o[0].port, 2222);
		assert_int_equal(o[0].id, 0x01000030);
		assert_int_equal(o[0].lo, 18 + 38);
		assert_int_equal(o[0].hi, 18 + 38);
		assert_true(!o[1].close && o[1].from_server && o[1].to_group);
		assert_memory_equal(o[1].group, group, 16);
		assert_int_equal(o[1].id, 0x01000040);
		assert_int_equal(o[1].hi, 18 + 34);
		assert_int_equal(step(close, false), REASON_NONE);
		assert_int_equal(pdu.nopenings, 0);
		assert_int_equal(step(closed, true), REASON_NONE);
		assert_int_equal(pdu.nopenings, 2);
		assert_true(pdu.openings[0].close && pdu.openings[1].close);
		assert_int_equal(pdu.openings[0].id, 0x01000030);
		assert_memory_equal(pdu.openings[1].group, group, 16);
		free(data);
		seen++;
	}
	assert_int_equal(seen, 2);
}

/* Datagrams that nobody opened. */
static void io_datagrams(void **state)
{
	static const struct {
		const char *hex;
		enum reason reason;
	} rows[] = {
		{"0200 0280 0800 01000010 01000000 b100 0400 01020304", REASON_NONE},
		{"0100 0280 0800 01000010 01000000 b100 0400 01020304", REASON_COUNT},
		{"0200 a100 0800 01000010 01000000 b100 0400 01020304", REASON_FIELD_VALUE},
		{"0200 0280 0400 01000010 01000000 b100 0400 01020304", REASON_LENGTH},
		{"0200 0280 0800 01000010 01000000 b200 0400 01020304", REASON_FIELD_VALUE},
		{"0200 0280 0800 01000010 01000000 b100 0500 01020304", REASON_SHORT},
		{"0200 0280 0800 01000010 01000000 b100 0300 01020304", REASON_TRAILING},
		{"0200 0280 0800 0100", REASON_SHORT},
	};
	const struct proto *io = proto_get(PROTO_enip_io);
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t data[64];
		char line[200];
		struct pdu_in in = {.data = data, .len = play_unhex(rows[i].hex, data, NULL)};
		io->decode(&in, &pdu);
		assert_int_equal(pdu.fault.reason, rows[i].reason);
		assert_int_equal(pdu.nops, rows[i].reason == REASON_NONE);
		if (pdu.nops == 0)
			continue;
		(void)op_print(&pdu.ops[0], io, 8, line, sizeof line);
		assert_string_equal(line, "enip-io request io-data connection 268435457 size=4");
		assert_int_equal(pdu.ops[0].access, ACCESS_OPAQUE);
	}
	assert_int_equal(io->frame((const uint8_t *)"", 0, false).state, FRAME_BAD);
}

/* ---- options ---- */

static void get_all_with_data(void **state)
{
	static const char hex[] = HEADER("6f", "18") "00000000 0500 0200 00000000 b2000800 010220ac24010100";
	uint32_t len;
	(void)state;
	uint8_t *data = row(SESSION, hex, 0, &len);
	decode(data, len, false);
	assert_int_equal(pdu.fault.reason, REASON_TRAILING);
	const struct vocab_option *o = proto_option_for(enip, REASON_TRAILING, pdu.fault.field);
	assert_true(o && o->bit == 1);
	play.options = 1;
	decode(data, len, false);
	assert_int_equal(pdu.fault.reason, REASON_NONE);
	free(data);
}

/* ---- vocabulary ---- */

static void vocabulary_is_sound(void **state)
{
	unsigned n = 0;
	(void)state;
	for (const struct vocab_function *f = enip->functions; f->name; f++, n++) {
		assert_true(f->lo <= f->hi);
		assert_int_not_equal(f->access, 0);
		assert_non_null(f->doc);
		assert_ptr_equal(proto_function_find(enip, f->name, strlen(f->name)), f);
		assert_ptr_equal(proto_function(enip, f->lo), f);
		assert_ptr_equal(proto_function(enip, f->hi), f);
		assert_int_equal(!!(f->flags & FN_OPAQUE), f->access == 1u << ACCESS_OPAQUE);
		/* None lies inside another: `functions: any` takes the opaque ones away and nothing else. */
		for (const struct vocab_function *g = enip->functions; g->name; g++)
			assert_true(f == g || f->hi < g->lo || g->hi < f->lo);
	}
	assert_true(n > 150);
	for (const struct vocab_space *s = enip->spaces; s->name; s++) {
		assert_ptr_equal(proto_space(enip, s->code), s);
		assert_ptr_equal(proto_space_find(enip, s->name, strlen(s->name)), s);
	}
	for (const struct vocab_arg *a = enip->args; a->key; a++)
		assert_true(a->name && a->doc);
	assert_int_equal(proto_by_port(TRANSPORT_TCP, 44818), PROTO_enip);
	assert_int_equal(proto_by_port(TRANSPORT_UDP, 44818), PROTO_enip);
	assert_null(proto_function(enip, 0x64u << 16));
}

int main(void)
{
	static struct CMUnitTest tests[GOLDEN_ENIP * 4 + ROWS(refused_enip) + 8];
	static char names[GOLDEN_ENIP * 4][120];
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} golden_runs[] = {{"golden", golden},
			   {"text", rows_text},
			   {"prefix", golden_prefix},
			   {"vocabulary", golden_vocabulary}};
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(framing),           cmocka_unit_test(found_in_its_middle),
		cmocka_unit_test(closed_is_closed),  cmocka_unit_test(places),
		cmocka_unit_test(io_openings),       cmocka_unit_test(io_datagrams),
		cmocka_unit_test(get_all_with_data), cmocka_unit_test(vocabulary_is_sound)};
	size_t n = 0;
	enip = proto_get(PROTO_enip);
	rows_proto = enip;
	for (size_t k = 0; k < ROWS(golden_runs); k++) {
		for (size_t i = 0; i < GOLDEN_ENIP; i++, n++) {
			(void)snprintf(names[n], sizeof names[n], "%s: %s", golden_runs[k].name,
				       golden_enip[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = golden_runs[k].run,
						       .initial_state = (void *)(uintptr_t)&golden_enip[i]};
		}
	}
	for (size_t i = 0; i < ROWS(refused_enip); i++)
		tests[n++] = (struct CMUnitTest){.name = refused_enip[i].name,
						 .test_func = refused,
						 .initial_state = (void *)(uintptr_t)&refused_enip[i]};
	for (size_t i = 0; i < ROWS(singles); i++)
		tests[n++] = singles[i];
	return _cmocka_run_group_tests("enip", tests, n, NULL, NULL);
}
