/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations: numbers in values, order of floats, the line of text and back, what is no line. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/proto.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* ---- names ---- */

static void names_of_access(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ACCESS_COUNT; i++)
		assert_int_equal(access_find(access_name(i), strlen(access_name(i))), i);
	assert_string_equal(access_name(ACCESS_READ), "read");
	assert_string_equal(access_name(ACCESS_OPAQUE), "opaque");
	assert_null(access_name(ACCESS_COUNT));
	assert_int_equal(access_find("rea", 3), ACCESS_COUNT);
	assert_int_equal(access_find("reads", 5), ACCESS_COUNT);
	assert_int_equal(access_find("reads", 4), ACCESS_READ);
	assert_string_equal(direction_name(DIR_UNSOLICITED), "unsolicited");
	assert_null(direction_name(3));
}

/* ---- values ---- */

static const uint8_t numbers[] = {0xff, 0xfe, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
				  0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

struct value_case {
	const char *name;
	struct op_values v;
	uint32_t i;
	bool ok;
	int64_t want;
};
#define NUMBERS(k, w, le, st, n)                                                                             \
	{                                                                                                    \
		.form = VALUES_NUMBERS, .kind = VALUES_##k, .width = w, .little = le, .stride = st,          \
		.count = n, .data = numbers                                                                  \
	}

static const struct value_case value_cases[] = {
	{"unsigned octet", NUMBERS(UNSIGNED, 1, false, 1, 16), 1, true, 0xfe},
	{"signed octet", NUMBERS(SIGNED, 1, false, 1, 16), 1, true, -2},
	{"unsigned 16", NUMBERS(UNSIGNED, 2, false, 2, 8), 0, true, 0xfffe},
	{"signed 16", NUMBERS(SIGNED, 2, false, 2, 8), 0, true, -2},
	{"little-endian 16", NUMBERS(UNSIGNED, 2, true, 2, 8), 0, true, 0xfeff},
	{"stride 4", NUMBERS(UNSIGNED, 2, false, 4, 4), 2, true, 0x8000},
	{"signed 32", NUMBERS(SIGNED, 4, false, 4, 4), 0, true, -98305},
	{"unsigned 32", NUMBERS(UNSIGNED, 4, false, 4, 4), 0, true, 0xfffe7fff},
	{"signed 64", NUMBERS(SIGNED, 8, false, 8, 2), 1, true, INT64_MIN},
	{"unsigned 64 above int64 does not turn negative", NUMBERS(UNSIGNED, 8, false, 8, 2), 1, true,
	 INT64_MAX},
	{"past the end", NUMBERS(UNSIGNED, 2, false, 2, 8), 8, false, 0},
	{"a float that is not a number", NUMBERS(FLOAT, 4, false, 4, 4), 1, false, 0},
	{"a float of two octets is none", NUMBERS(FLOAT, 2, false, 2, 4), 0, false, 0},
	{"one", {.form = VALUES_ONE, .one = -7}, 0, true, -7},
	{"one has no second", {.form = VALUES_ONE, .one = -7}, 1, false, 0},
	{"bit 0", {.form = VALUES_BITS, .count = 12, .data = numbers}, 0, true, 1},
	{"bit 8", {.form = VALUES_BITS, .count = 12, .data = numbers}, 8, true, 0},
	{"bit 9", {.form = VALUES_BITS, .count = 12, .data = numbers}, 9, true, 1},
	{"bit past the end", {.form = VALUES_BITS, .count = 12, .data = numbers}, 12, false, 0},
	{"none", {.form = VALUES_NONE}, 0, false, 0},
	{"unknown", {.form = VALUES_UNKNOWN}, 0, false, 0},
};

static void value(void **state)
{
	const struct value_case *c = *state;
	int64_t got = 0;
	assert_int_equal(op_value(&c->v, c->i, &got), c->ok);
	assert_int_equal(got, c->want);
}

static void floats_keep_their_order(void **state)
{
	(void)state;
	static const double ascending[] = {-INFINITY, -1e300, -1.5, -1,  -1e-300, 0,
					   1e-300,    0.1,    1,    1.5, 1e300,   INFINITY};
	for (size_t i = 0; i < ROWS(ascending); i++) {
		assert_true(op_double_of(op_order_double(ascending[i])) == ascending[i]);
		if (i > 0)
			assert_true(op_order_double(ascending[i - 1]) < op_order_double(ascending[i]));
	}
	assert_true(op_order_double(-0.0) == op_order_double(0.0));
	static const uint8_t single[] = {0x40, 0x60, 0, 0, 0xbf, 0x80, 0, 0};
	struct op_values v = {.form = VALUES_NUMBERS,
			      .kind = VALUES_FLOAT,
			      .width = 4,
			      .stride = 4,
			      .count = 2,
			      .data = single};
	int64_t got;
	assert_true(op_value(&v, 0, &got));
	assert_true(got == op_order_double(3.5));
	assert_true(op_value(&v, 1, &got));
	assert_true(got == op_order_double(-1.0));
}

/* ---- text ---- */

struct text_case {
	const char *text, *printed; /* printed NULL: the same */
};

static const struct text_case texts[] = {
	{"modbus request unit 4 write-multiple-registers holding 40..41 = 5 7", NULL},
	{"modbus request unit 4 read-holding-registers holding 40", NULL},
	{"modbus response unit 4 read-holding-registers holding = 1 2 3", NULL},
	{"modbus request unit 4 read-write-multiple-registers read holding 0..9", NULL},
	{"modbus request unit 4 read-write-multiple-registers write holding 0 = 9", NULL},
	{"modbus request unit 4 write-single-coil coil 7 = 1", NULL},
	{"modbus request unit 4 write-multiple-coils coil 0..3 = 1 0 0 1", NULL},
	{"modbus request unit 4 mask-write-register holding 4 = ?", NULL},
	{"modbus request unit 4 restart-communications", NULL},
	{"modbus request unit 4 modbus-plus-statistics configure", NULL},
	{"modbus request unit 1 function 90/65", NULL},
	{"modbus response unit 4 function 8 diagnose", NULL},
	{"modbus request unit 4 function 99 opaque", NULL},
	{"modbus request unit 4 read-device-identification id-code=basic object=0", NULL},
	{"modbus request unit 4 write-file-record file 40000..40002 = 1 2 3", NULL},
	{"modbus response unit 4 read-fifo-queue fifo 9 = 1 2 3", NULL},
	{"modbus request unit 4 user-defined-65 \"Pump \\\"1\\\"\\x0a\\\\\"", NULL},
	/* what people write */
	{"modbus unit 4 read-coils coil 0", "modbus request unit 4 read-coils coil 0"},
	{"  modbus\tunit  4 3 holding 0..9 ", "modbus request unit 4 read-holding-registers holding 0..9"},
	{"modbus unit 0x10 function 16 holding 0x28..0x29 = 0xff 7",
	 "modbus request unit 16 write-multiple-registers holding 40..41 = 255 7"},
	{"modbus unit 4 8/1", "modbus request unit 4 restart-communications"},
	{"modbus unit 4 function 43/14", "modbus request unit 4 read-device-identification"},
	{"modbus unit 4 43/14 id-code=4 object=128",
	 "modbus request unit 4 read-device-identification id-code=individual object=128"},
	{"modbus unit 4 function read-coils coil 1", "modbus request unit 4 read-coils coil 1"},
	{"modbus read-coils unit 4 coil 1", "modbus request unit 4 read-coils coil 1"},
	{"modbus unit 4 23 holding 0 = 9",
	 "modbus request unit 4 read-write-multiple-registers write holding 0 = 9"},
	{"modbus unit 4 23 holding 0..3",
	 "modbus request unit 4 read-write-multiple-registers read holding 0..3"},
	{"modbus unit 4 read-coils space 0 5..6", "modbus request unit 4 read-coils coil 5..6"},
	{"modbus unit 4 read-coils coil range 5..6", "modbus request unit 4 read-coils coil 5..6"},
	/* numbers over several registers, most significant first */
	{"modbus unit 4 16 holding 40..41 = 3.5",
	 "modbus request unit 4 write-multiple-registers holding 40..41 = 16480 0"},
	{"modbus unit 4 16 holding 40..43 = 3.5 -1e0",
	 "modbus request unit 4 write-multiple-registers holding 40..43 = 16480 0 49024 0"},
	{"modbus unit 4 16 holding 40..43 = 1.0",
	 "modbus request unit 4 write-multiple-registers holding 40..43 = 16368 0 0 0"},
	{"modbus unit 4 16 holding 40..41 = 70000",
	 "modbus request unit 4 write-multiple-registers holding 40..41 = 1 4464"},
	{"modbus unit 4 16 holding 40..41 = -2",
	 "modbus request unit 4 write-multiple-registers holding 40..41 = 65535 65534"},
	{"modbus unit 4 6 holding 40 = -5", "modbus request unit 4 write-single-register holding 40 = -5"},
	/* a line that was cut does not say what was written */
	{"modbus request unit 4 write-multiple-registers holding 0..99 = 1 2 3 ...",
	 "modbus request unit 4 write-multiple-registers holding 0..99 = ?"},
};

static void text(void **state)
{
	const struct text_case *c = *state;
	static struct op_text read;
	char err[200] = "", line[512];
	if (op_parse(c->text, &read, err, sizeof err))
		fail_msg("%s", err);
	size_t n = op_print(&read.op, read.proto, 128, line, sizeof line);
	assert_string_equal(line, c->printed ? c->printed : c->text);
	assert_int_equal(n, strlen(line));
}

struct wrong {
	const char *text, *message;
};

static const struct wrong wrongs[] = {
	{"", "nothing to read: PROTOCOL [unit N] FUNCTION TABLE FIRST..LAST [= VALUES]"},
	{"profibus unit 4 read", "no protocol 'profibus'"},
	{"modbus unit 4", "no function: write its name or its number"},
	{"modbus unit", "'unit' needs a number"},
	{"modbus unit 256 read-coils coil 1", "'256' is no unit: 0 to 255"},
	{"modbus unit four read-coils coil 1", "'four' is no unit: 0 to 255"},
	{"modbus origin 4 read-coils coil 1", "modbus knows no 'origin'"},
	{"modbus unit 4 read-coil coil 1", "modbus has no function 'read-coil'"},
	{"modbus unit 4 umas", "'umas' stands for several functions: write 90/SUB"},
	{"modbus unit 4 diagnostics", "'diagnostics' stands for several functions: write 8/SUB"},
	{"modbus unit 4 8", "function 8 needs its sub-function: 8/SUB"},
	{"modbus unit 4 3/1 holding 0", "modbus function 3 has no sub-functions"},
	{"modbus unit 4 8/21", "the function does several things: add operate, configure or diagnose"},
	{"modbus unit 4 read-coils", "read-coils needs a table and its addresses"},
	{"modbus unit 4 read-coils coil", "read-coils needs a table and its addresses"},
	{"modbus unit 4 read-coils coil 65536", "65536 is outside coil 0..65535"},
	{"modbus unit 4 read-coils coil 9..8", "the range 9..8 runs backwards"},
	{"modbus unit 4 read-coils coil 8 space 3", "the table is said twice"},
	{"modbus unit 4 read-coils space 3 space 3 8", "the table is said twice"},
	{"modbus unit 4 read-coils range 8 space 3", "the table comes before its addresses"},
	{"modbus unit 4 read-coils range 218351 fifo", "the table comes before its addresses"},
	{"modbus unit 4 read-coils coil 8 range 9", "the range is said twice"},
	{"modbus unit 4 unit 5 read-coils coil 8", "the unit is said twice"},
	{"modbus unit 4 read-coils function 2 coil 8", "the function is said twice"},
	{"modbus unit 4 read-coils read write coil 8", "the access is said twice"},
	{"modbus unit 4 read-coils coil 1..", "'1..' is no address range: FIRST or FIRST..LAST"},
	{"modbus unit 4 read-coils coil 1-2", "'1-2' is no address range: FIRST or FIRST..LAST"},
	{"modbus unit 4 20 file 9999", "9999 is outside file 10000..655359999"},
	{"modbus unit 4 read-coils relay 1", "'relay' is not understood here"},
	{"modbus unit 4 read-coils read-coils coil 1", "'read-coils' is not understood here"},
	{"modbus unit 4 5 coil 1 = 2", "'2' is neither 0 nor 1"},
	{"modbus unit 4 15 coil 1..3 = 1 0", "2 values do not fill 3 addresses"},
	{"modbus unit 4 16 holding 1..3 = 1 2", "2 values do not fill 3 addresses"},
	{"modbus unit 4 16 holding 1 = 1 2", "2 values do not fill 1 addresses"},
	{"modbus unit 4 6 holding 1 = 65536", "'65536' does not fit into 16 bits"},
	{"modbus unit 4 6 holding 1 = -32769", "'-32769' does not fit into 16 bits"},
	{"modbus unit 4 16 holding 1..2 = -1 65535", "'65535' does not fit into 16 bits"},
	{"modbus unit 4 6 holding 1 = 3.5", "'3.5' does not fit into 16 bits"},
	{"modbus unit 4 6 holding 1 = x", "'x' is no number"},
	{"modbus unit 4 16 holding 1..4 = 18446744073709551616", "'18446744073709551616' is no number"},
	{"modbus unit 4 16 holding 1..4 = -9223372036854775809", "'-9223372036854775809' is no number"},
	{"modbus unit 4 16 holding 1..8 = -1 9223372036854775808",
	 "'9223372036854775808' does not fit into 64 bits"},
	{"modbus unit 4 6 holding 1 = 0x1p3", "'0x1p3' is no number"},
	{"modbus unit 4 8/", "modbus has no function '8/'"},
	{"modbus unit 4 8/65536", "modbus has no function '8/65536'"},
	{"modbus unit 4 3 function 4 holding 1", "the function is said twice"},
	{"modbus unit 4 3 space x 1", "'x' is no space: 0 to 4294967295"},
	{"modbus unit 4 function", "'function' needs a number or a name"},
	{"modbus unit 4 3 holding range", "'range' needs FIRST..LAST"},
	{"modbus unit 4 43/14 object=1 object=1 object=1 object=1 object=1 object=1 object=1 object=1 object=1",
	 "more than 8 arguments"},
	{"modbus unit 4 6 holding 1 =", "'=' needs values"},
	{"modbus unit 4 6 holding 1 = ? 3", "nothing may follow '...' or stand beside '?'"},
	{"modbus unit 4 43/14 color=3", "modbus has no argument 'color'"},
	{"modbus unit 4 43/14 id-code=best", "'best' is no value of id-code"},
	{"modbus unit 4 user-defined-65 \"open", "the name in quotes has no end"},
	{"modbus unit 4 user-defined-65 \"\\q\"", "a name in quotes knows the escapes \\\" \\\\ and \\xHH"},
};

static void no_text(void **state)
{
	const struct wrong *w = *state;
	static struct op_text read;
	char err[200] = "", small[8];
	assert_int_equal(op_parse(w->text, &read, err, sizeof err), -1);
	assert_string_equal(err, w->message);
	/* A short buffer holds the beginning. */
	assert_int_equal(op_parse(w->text, &read, small, sizeof small), -1);
	assert_int_equal(strlen(small), 7);
	assert_memory_equal(small, w->message, 7);
}

static void long_names_and_long_lines(void **state)
{
	(void)state;
	static struct op_text read;
	static char line[40000];
	char err[100];
	/* A name of 256 octets, and one of 257. */
	for (size_t n = 256; n <= 257; n++) {
		int at = snprintf(line, sizeof line, "modbus user-defined-65 \"");
		memset(line + at, 'k', n);
		memcpy(line + (size_t)at + n, "\"", 2);
		assert_int_equal(op_parse(line, &read, err, sizeof err), n == 256 ? 0 : -1);
		if (n == 256)
			assert_int_equal(read.op.key.len, 256);
		else
			assert_string_equal(err, "the name in quotes is longer than 256 octets");
	}
	/* More values than there is room for, with and without a range. */
	static const struct {
		const char *head;
		unsigned n;
		const char *message;
	} rows[] = {{"modbus response 3 holding =", 512, NULL},
		    {"modbus response 3 holding =", 513, "too many values"},
		    {"modbus response 1 coil =", 8192, NULL},
		    {"modbus response 1 coil =", 8193, "too many values"}};
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t at = (size_t)snprintf(line, sizeof line, "%s", rows[i].head);
		for (unsigned k = 0; k < rows[i].n; k++, at += 2)
			memcpy(line + at, " 1", 3);
		assert_int_equal(op_parse(line, &read, err, sizeof err), rows[i].message ? -1 : 0);
		if (rows[i].message)
			assert_string_equal(err, rows[i].message);
		else
			assert_int_equal(read.op.values.count, rows[i].n);
	}
}

static void doubles(void **state)
{
	(void)state;
	static const uint8_t big[] = {0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18,
				      0x7f, 0xf8, 0,    0,    0,    0,    0,    0};
	struct op_values v = {.form = VALUES_NUMBERS,
			      .kind = VALUES_FLOAT,
			      .width = 8,
			      .stride = 8,
			      .count = 2,
			      .data = big};
	int64_t got;
	assert_true(op_value(&v, 0, &got));
	assert_true(op_double_of(got) == 3.141592653589793);
	assert_false(op_value(&v, 1, &got));
}

static void print_says_the_length_it_needs(void **state)
{
	(void)state;
	static const char line[] = "modbus request unit 4 write-multiple-registers holding 40..41 = 5 7";
	static struct op_text read;
	char err[100], buf[128];
	assert_int_equal(op_parse(line, &read, err, sizeof err), 0);
	for (size_t cap = 0; cap < sizeof buf; cap++) {
		memset(buf, '#', sizeof buf);
		assert_int_equal(op_print(&read.op, read.proto, 9, buf, cap), sizeof line - 1);
		size_t kept = cap == 0 ? 0 : cap - 1 < sizeof line - 1 ? cap - 1 : sizeof line - 1;
		assert_memory_equal(buf, line, kept);
		assert_int_equal(buf[cap == 0 ? 0 : kept], cap == 0 ? '#' : '\0');
		if (cap > 0)
			assert_int_equal(buf[cap], '#');
	}
	assert_int_equal(op_print(&read.op, read.proto, 9, NULL, 0), sizeof line - 1);
	(void)op_print(&read.op, read.proto, 1, buf, sizeof buf);
	assert_string_equal(buf, "modbus request unit 4 write-multiple-registers holding 40..41 = 5 ...");
	(void)op_print(&read.op, read.proto, 0, buf, sizeof buf);
	assert_string_equal(buf, "modbus request unit 4 write-multiple-registers holding 40..41 = ...");
}

/* A protocol of the test's own, for what Modbus has not. */
static const struct vocab_name causes[] = {{6, "activation"}, {0}};
static const struct vocab_arg test_args[] = {
	{"causes", "cause", causes, "why"}, {"qualifiers", "qualifier", NULL, ""}, {0}};
static const struct vocab_function test_functions[] = {
	{50u << 16, 50u << 16, "set-point", 1u << ACCESS_OPERATE, FN_VALUES, "a float"}, {0}};
static const struct vocab_space test_spaces[] = {
	{.code = 3, .name = "object", .max = 0xffffff, .bits = 32, .writable = true}, {0}};
static const struct proto test_proto = {.name = "test",
					.unit_key = "common-addresses",
					.origin_key = "originators",
					.functions = test_functions,
					.spaces = test_spaces,
					.args = test_args};

static void prints_what_other_protocols_have(void **state)
{
	(void)state;
	static const uint8_t little[] = {0, 0, 0x60, 0x40, 0xcd, 0xcc, 0xcc, 0x3d,
					 0, 0, 0xc0, 0x7f, 0,    0,    0x20, 0x41};
	struct op op = {.dir = DIR_UNSOLICITED,
			.access = ACCESS_OPERATE,
			.has = OP_UNIT | OP_ORIGIN | OP_SPACE | OP_RANGE | OP_KEY,
			.nargs = 3,
			.function = 50,
			.unit = 65535,
			.origin = 3,
			.space = 3,
			.first = 100,
			.last = 103,
			.key = {(const uint8_t *)"a\x01\"", 3},
			.values = {.form = VALUES_NUMBERS,
				   .kind = VALUES_FLOAT,
				   .width = 4,
				   .little = true,
				   .stride = 4,
				   .count = 4,
				   .data = little},
			.args = {{0, 6}, {1, -1}, {7, 2}}};
	char line[300];
	(void)op_print(&op, &test_proto, 9, line, sizeof line);
	assert_string_equal(line,
			    "test unsolicited unit 65535 origin 3 set-point object 100..103 \"a\\x01\\\"\""
			    " cause=activation qualifier=-1 arg7=2 = 3.5 0.1 nan 10.0");
	op = (struct op){.access = ACCESS_OPERATE,
			 .has = OP_RANGE | OP_SUB,
			 .function = 51,
			 .sub = 2,
			 .first = 1,
			 .last = 1};
	(void)op_print(&op, &test_proto, 9, line, sizeof line);
	assert_string_equal(line, "test request function 51/2 operate range 1");
	op = (struct op){.access = ACCESS_READ, .has = OP_SPACE, .function = 50, .space = 9};
	(void)op_print(&op, &test_proto, 9, line, sizeof line);
	assert_string_equal(line, "test request set-point read space 9");
}

static void ranges_in_two_parts(void **state)
{
	static const struct {
		uint32_t minors, first, last;
		const char *text;
	} rows[] = {
		{0, 7, 7, "7"},
		{0, 7, 9, "7..9"},
		{65536, 10u << 16 | 4, 10u << 16 | 4, "10/4"},
		{65536, 10u << 16, 10u << 16 | 9, "10/0..10/9"},
		{65536, 10u << 16, 10u << 16 | 65535, "10"},
		{65536, 10u << 16, 12u << 16 | 65535, "10..12"},
		{65536, 10u << 16 | 1, 12u << 16 | 65535, "10/1..12/65535"},
		{65536, 0, UINT32_MAX, "0..65535"},
		{100, 250, 299, "2/50..2/99"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct vocab_space s = {.name = "db", .max = UINT32_MAX, .minors = rows[i].minors};
		char text[PROTO_RANGE_TEXT];
		assert_int_equal(proto_range_print(&s, rows[i].first, rows[i].last, text, sizeof text),
				 strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	static const struct CMUnitTest singles[] = {
		cmocka_unit_test(names_of_access),
		cmocka_unit_test(floats_keep_their_order),
		cmocka_unit_test(doubles),
		cmocka_unit_test(print_says_the_length_it_needs),
		cmocka_unit_test(long_names_and_long_lines),
		cmocka_unit_test(prints_what_other_protocols_have),
		cmocka_unit_test(ranges_in_two_parts),
	};
	static struct CMUnitTest tests[ROWS(value_cases) + ROWS(texts) + ROWS(wrongs) + ROWS(singles)];
	size_t n = 0;
	for (size_t i = 0; i < ROWS(value_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = value_cases[i].name,
						 .test_func = value,
						 .initial_state = (void *)(uintptr_t)&value_cases[i]};
	for (size_t i = 0; i < ROWS(texts); i++)
		tests[n++] = (struct CMUnitTest){.name = texts[i].text,
						 .test_func = text,
						 .initial_state = (void *)(uintptr_t)&texts[i]};
	for (size_t i = 0; i < ROWS(wrongs); i++)
		tests[n++] = (struct CMUnitTest){.name = wrongs[i].message,
						 .test_func = no_text,
						 .initial_state = (void *)(uintptr_t)&wrongs[i]};
	for (size_t i = 0; i < ROWS(singles); i++)
		tests[n++] = singles[i];
	return _cmocka_run_group_tests("op", tests, n, NULL, NULL);
}
