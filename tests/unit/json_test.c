/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "rules/model.h"

static char line[JSONL_MAX];

/* Rows: octets, and the JSON string they become. */
struct quoted {
	const char *name, *text;
	size_t len;
	const char *json;
};
static struct quoted quoteds[] = {
	{"plain", "holding", 7, "\"holding\""},
	{"empty", "", 0, "\"\""},
	{"quote and backslash", "a\"b\\c", 5, "\"a\\\"b\\\\c\""},
	{"control", "a\n\x01\x7f", 4, "\"a\\u000a\\u0001\\u007f\""},
	{"embedded zero", "a\0b", 3, "\"a\\u0000b\""},
	{"two octets", "\xc3\xa4", 2, "\"\xc3\xa4\""},
	{"three octets", "\xe2\x82\xac!", 4, "\"\xe2\x82\xac!\""},
	{"four octets", "\xf0\x9f\x94\xa5", 4, "\"\xf0\x9f\x94\xa5\""},
	{"lone continuation", "\x80x", 2, "\"\\ufffdx\""},
	{"overlong", "\xc0\xaf", 2, "\"\\ufffd\\ufffd\""},
	{"surrogate", "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},
	{"cut off", "\xe2\x82", 2, "\"\\ufffd\\ufffd\""},
	{"beyond unicode", "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
};

static void quoted(void **state)
{
	const struct quoted *row = *state;
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_strn(&j, NULL, row->text, row->len);
	jsonl_line(&j);
	assert_false(j.cut);
	assert_int_equal(j.len, strlen(row->json) + 1);
	assert_memory_equal(line, row->json, strlen(row->json));
	json_error_t err;
	json_t *back = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
	assert_non_null(back);
	json_decref(back);
}

static void numbers(void **state)
{
	(void)state;
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_uint(&j, "max", UINT64_MAX);
	jsonl_int(&j, "min", INT64_MIN);
	jsonl_int(&j, "zero", 0);
	jsonl_time(&j, "ts", 1700000000000042);
	jsonl_time(&j, "before", -1500000);
	jsonl_double(&j, "tenth", 0.1);
	jsonl_double(&j, "whole", 5);
	jsonl_double(&j, "nan", NAN);
	jsonl_double(&j, "inf", INFINITY);
	jsonl_bool(&j, "yes", true);
	jsonl_array(&j, "list");
	jsonl_int(&j, NULL, 1);
	jsonl_object(&j, NULL);
	jsonl_object_end(&j);
	jsonl_array(&j, NULL);
	jsonl_array_end(&j);
	jsonl_null(&j, NULL);
	jsonl_array_end(&j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_string_equal(line, "{\"max\":18446744073709551615,\"min\":-9223372036854775808,\"zero\":0,"
				  "\"ts\":1700000000.000042,\"before\":-1.500000,\"tenth\":0.1,\"whole\":5,"
				  "\"nan\":null,\"inf\":null,\"yes\":true,\"list\":[1,{},[],null]}\n");
}

static void too_small_a_buffer(void **state)
{
	(void)state;
	char small[16];
	for (size_t cap = 1; cap <= sizeof(small); cap++) {
		struct jsonl j;
		memset(small, 'x', sizeof(small));
		jsonl_open(&j, small, cap);
		jsonl_object(&j, NULL);
		jsonl_str(&j, "key", "a value that is too long");
		jsonl_object_end(&j);
		jsonl_line(&j);
		assert_true(j.cut);
		assert_true(j.len < cap);
		for (size_t i = cap; i < sizeof(small); i++)
			assert_int_equal(small[i], 'x');
	}
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		uint8_t ip[16];
		const char *text;
	} rows[] = {
		{{[10] = 0xff, [11] = 0xff, 10, 1, 2, 3}, "10.1.2.3"},
		{{[10] = 0xff, [11] = 0xff, 255, 100, 99, 0}, "255.100.99.0"},
		{{0x20, 0x01, 0x0d, 0xb8, [15] = 1}, "2001:db8::1"},
		{{[15] = 1}, "::1"},
	};
	char buf[ADDRESS_TEXT];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(address_print(rows[i].ip, buf), rows[i].text);
}

static const uint8_t written[] = {0x00, 0x05, 0x00, 0x07};

static struct op write_two(void)
{
	return (struct op){
		.dir = DIR_REQUEST,
		.access = ACCESS_WRITE,
		.has = OP_UNIT | OP_SPACE | OP_RANGE,
		.function = 16,
		.unit = 1,
		.space = proto_space_find(proto_get(PROTO_modbus), "holding", 7)->code,
		.first = 40,
		.last = 41,
		.values = {.form = VALUES_NUMBERS, .width = 2, .stride = 2, .count = 2, .data = written}};
}

static void operation(void **state)
{
	(void)state;
	struct op op = write_two();
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_op(&j, &op, proto_get(PROTO_modbus), 0);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_string_equal(
		line, "{\"dir\":\"request\",\"unit\":1,\"function\":16,\"function_name\":"
		      "\"write-multiple-registers\",\"access\":\"write\",\"space\":\"holding\",\"first\":40,"
		      "\"last\":41,\"key\":null,\"values\":[5,7]}\n");
}

static void operation_with_arguments(void **state)
{
	(void)state;
	struct op op = {.dir = DIR_REQUEST,
			.has = OP_UNIT | OP_SUB,
			.unit = 1,
			.function = 43,
			.sub = 14,
			.nargs = 2,
			.args = {{0, 4}, {1, 130}}};
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_op(&j, &op, proto_get(PROTO_modbus), 0);
	jsonl_object_end(&j);
	jsonl_line(&j);
	json_t *o = json_loads(line, 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "sub")), 14);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "args"), "object")), 130);
	assert_true(json_is_null(json_object_get(o, "values")));
	assert_true(json_is_null(json_object_get(o, "first")));
	json_decref(o);
}

static void unknown_values_are_null(void **state)
{
	(void)state;
	struct op op = write_two();
	op.values = (struct op_values){.form = VALUES_UNKNOWN};
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_op(&j, &op, proto_get(PROTO_modbus), 0);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_non_null(strstr(line, "\"values\":null"));
}

static struct event deny_event(void)
{
	struct event e = {.ts_us = 1700000000123456,
			  .type = EVENT_DENY,
			  .reason = REASON_LENGTH,
			  .has = EVENT_HAS_TUPLE | EVENT_HAS_OP | EVENT_HAS_FAULT,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .proto = PROTO_modbus,
			  .transport = TRANSPORT_TCP,
			  .generation = 3,
			  .fault_offset = 4,
			  .fault_field = "mbap.length",
			  .tuple = {.src = {[10] = 0xff, [11] = 0xff, 10, 1, 1, 2},
				    .dst = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 2},
				    .sport = 40112,
				    .dport = 502,
				    .ipproto = 6}};
	struct op op = write_two();
	event_op_from(&e.op, &op);
	return e;
}

static void event_without_its_image(void **state)
{
	(void)state;
	struct event e = deny_event();
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_event(&j, &e, NULL, NULL, "engine", 3);
	assert_false(j.cut);
	json_t *o = json_loads(line, 0, NULL);
	assert_non_null(o);
	static const struct {
		const char *key, *value; /* NULL: null */
	} rows[] = {
		{"event", "deny"},
		{"reason", "length-mismatch"},
		{"detail", "mbap.length at offset 4: a length field disagrees with what the message needs"},
		{"zone", NULL},
		{"conduit", NULL},
		{"rule", NULL},
		{"policy", NULL},
		{"client", "10.1.1.2"},
		{"server", "10.1.2.2"},
		{"src", "10.1.1.2"},
		{"dst", "10.1.2.2"},
		{"transport", "tcp"},
		{"proto", "modbus"},
		{"function_name", "write-multiple-registers"},
		{"field", "mbap.length"},
		{"mode", NULL},
		{"failure", "closed"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *v = json_object_get(o, rows[i].key);
		if (!v)
			fail_msg("no %s", rows[i].key);
		if (rows[i].value)
			assert_string_equal(json_string_value(v), rows[i].value);
		else
			assert_true(json_is_null(v));
	}
	assert_int_equal(json_integer_value(json_object_get(o, "sport")), 40112);
	assert_int_equal(json_array_size(json_object_get(o, "values")), 2);
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "generation")), 3);
	const char *text = json_string_value(json_object_get(o, "operation"));
	assert_string_equal(text, "10.1.1.2 -> 10.1.2.2:502 modbus request unit 1 write-multiple-registers "
				  "holding 40..41 = 5 7");
	json_decref(o);
}

static void event_that_is_no_packet(void **state)
{
	(void)state;
	struct event e = {.type = EVENT_STATE,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .proto = -1,
			  .text = "engine of queue 3 ended"};
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_event(&j, &e, NULL, NULL, NULL, 0);
	assert_string_equal(
		line, "{\"ts\":0.000000,\"event\":\"state\",\"zone\":null,\"conduit\":null,\"rule\":null,"
		      "\"reason\":\"none\",\"detail\":\"engine of queue 3 ended\",\"mode\":null,"
		      "\"failure\":\"closed\",\"count\":1,\"policy\":null,\"generation\":0}\n");
}

static void event_from_the_server(void **state)
{
	(void)state;
	struct event e = deny_event();
	e.from_server = true;
	struct jsonl j;
	jsonl_open(&j, line, sizeof(line));
	jsonl_event(&j, &e, NULL, NULL, "engine", 3);
	assert_non_null(strstr(line, "\"client\":\"10.1.2.2\",\"server\":\"10.1.1.2\""));
}

/* ---- with the names of a policy ---- */

static const char policy_text[] = "version: 1\n"
				  "site: {name: Test}\n"
				  "zones:\n"
				  "  room: {networks: [10.1.1.0/24], failure: closed}\n"
				  "  cell: {networks: [10.1.2.0/24], failure: closed}\n"
				  "hosts:\n"
				  "  hmi: 10.1.1.2\n"
				  "  gw: 10.1.2.2\n"
				  "  p-101: {at: gw, unit: 1}\n"
				  "conduits:\n"
				  "  - name: pumps\n"
				  "    from: [room]\n"
				  "    to: cell\n"
				  "    servers: [gw]\n"
				  "    protocols: [modbus]\n"
				  "    mode: enforce\n"
				  "    at-most: [read, write]\n"
				  "    allow:\n"
				  "      - id: set\n"
				  "        clients: [hmi]\n"
				  "        protocol: modbus\n"
				  "        units: [1]\n"
				  "        functions: [write-multiple-registers]\n"
				  "        addresses: {holding: [40..49]}\n"
				  "        values: 0..6\n";

static uint8_t *image;

static struct policy test_policy(void)
{
	struct policy p;
	char err[256];
	size_t size;
	struct diag *diag = diag_new();
	struct model *m = model_load_text("test", policy_text, strlen(policy_text), 0, diag);
	if (!m || compile_image(m, diag, &image, &size) != 0)
		diag_print(diag, stderr, false);
	assert_non_null(image);
	assert_int_equal(policy_open(&p, image, size, err, sizeof(err)), 0);
	model_free(m);
	diag_free(diag);
	return p;
}

static int image_free(void **state)
{
	(void)state;
	free(image);
	image = NULL;
	return 0;
}

static void event_with_names(void **state)
{
	(void)state;
	struct policy p = test_policy();
	struct event e = deny_event();
	struct pdu *pdu = calloc(1, sizeof(*pdu));
	struct policy_now now = {.clock_good = true};
	struct route route;
	struct jsonl j;

	assert_non_null(pdu);
	pdu->nops = 1;
	pdu->ops[0] = write_two();
	policy_route(&p, &e.tuple, true, &route);
	assert_int_equal(route.reason, REASON_NONE);
	e.reason = (uint16_t)policy_match(&p, route.ruleset, pdu, e.tuple.src, &now, NULL, &e.match);
	assert_int_equal(e.reason, REASON_VALUE);
	e.has = EVENT_HAS_TUPLE | EVENT_HAS_OP | EVENT_HAS_MATCH;
	e.zone = route.zone;
	e.conduit = route.conduit;
	jsonl_open(&j, line, sizeof(line));
	jsonl_event(&j, &e, &p, "K3T9QX", "engine", 0);
	json_t *o = json_loads(line, 0, NULL);
	assert_non_null(o);
	static const char *const rows[][2] = {
		{"zone", "cell"},
		{"conduit", "pumps"},
		{"client", "hmi"},
		{"server", "p-101"},
		{"mode", "enforce"},
		{"reason", "value"},
		{"detail", "holding 41 = 7 is not inside 0..6 of rule pumps/set"},
		{"operation",
		 "hmi -> p-101:502 modbus request unit 1 write-multiple-registers holding 40..41 = 5 7"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(json_string_value(json_object_get(o, rows[i][0])), rows[i][1]);
	assert_int_equal(strlen(json_string_value(json_object_get(o, "policy"))), 64);
	json_decref(o);
	free(pdu);
}

/* A station that has no name of its own goes by that of the host it stands behind. */
static void station_without_a_name(void **state)
{
	(void)state;
	struct policy p = test_policy();
	struct event e = deny_event();
	char addr[ADDRESS_TEXT];
	assert_string_equal(end_name(&p, e.tuple.dst, 1, addr), "p-101");
	assert_string_equal(end_name(&p, e.tuple.dst, 9, addr), "gw");
	assert_string_equal(end_name(&p, e.tuple.dst, -1, addr), "gw");
	e.tuple.dst[15] = 77;
	assert_string_equal(end_name(&p, e.tuple.dst, 1, addr), "10.1.2.77");
}

/* An engine that was taken over can write anything into its ring: every line must still be JSON. */
static void event_of_nonsense(void **state)
{
	(void)state;
	struct ring *ring = calloc(1, sizeof(*ring));
	struct policy p = test_policy();
	uint64_t tail = 0, lost = 0;
	assert_non_null(ring);
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct event e;
		struct jsonl j;
		for (size_t i = 0; i < sizeof(e); i++)
			((unsigned char *)&e)[i] = (unsigned char)rand();
		if (round % 2)
			e.proto = PROTO_modbus;
		if (round % 4 == 1)
			e.op.values_form = (uint8_t)(round % 5);
		if (round % 8 >= 4) {
			/* Nearly right: the parts that are looked up in the image. */
			e.reason = (uint16_t)(round % REASON_COUNT_OF);
			e.match.reason = (enum reason)e.reason;
			e.conduit = e.zone = e.rule = e.match.rule = (uint16_t)(round % 3);
			e.match.cell = (uint32_t)(round % 5);
			e.has = 0xffff;
			e.text[0] = 0;
		}
		ring_put(ring, &e);
		assert_int_equal(ring_get(ring, &tail, &e, &lost), 1);
		jsonl_open(&j, line, sizeof(line));
		jsonl_event(&j, &e, round % 2 ? &p : NULL, NULL, "engine", 3);
		assert_false(j.cut);
		json_error_t err;
		json_t *o = json_loads(line, JSON_ALLOW_NUL, &err);
		if (!o)
			fail_msg("round %d: %s: %s", round, err.text, line);
		json_decref(o);
	}
	free(ring);
}

#define QUOTED(i)                                                                                            \
	{                                                                                                    \
		quoteds[i].name, quoted, NULL, NULL, &quoteds[i]                                             \
	}

int main(void)
{
	struct CMUnitTest tests[sizeof(quoteds) / sizeof(quoteds[0]) + 16];
	size_t n = 0;
	for (; n < sizeof(quoteds) / sizeof(quoteds[0]); n++)
		tests[n] = (struct CMUnitTest)QUOTED(n);
	const struct CMUnitTest more[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(too_small_a_buffer),
		cmocka_unit_test(addresses),
		cmocka_unit_test(operation),
		cmocka_unit_test(operation_with_arguments),
		cmocka_unit_test(unknown_values_are_null),
		cmocka_unit_test(event_without_its_image),
		cmocka_unit_test(event_that_is_no_packet),
		cmocka_unit_test(event_from_the_server),
		cmocka_unit_test_teardown(event_with_names, image_free),
		cmocka_unit_test_teardown(station_without_a_name, image_free),
		cmocka_unit_test_teardown(event_of_nonsense, image_free),
	};
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		tests[n++] = more[i];
	return _cmocka_run_group_tests("json", tests, n, NULL, NULL);
}
