/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"
#include "tests/unit/statedir.h"

void complain(const char *fmt, ...)
{
	(void)fmt;
}

int64_t clock_us(void)
{
	return (int64_t)time(NULL) * 1000000;
}

static struct why *w;

static int setup(void **state)
{
	(void)state;
	if (statedir_open() < 0)
		return -1;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	why_open(w);
	return 0;
}

static void again(void)
{
	why_close(w);
	memset(w, 0, sizeof(*w));
	why_open(w);
}

static int teardown(void **state)
{
	(void)state;
	why_close(w);
	free(w);
	return statedir_close("why.db");
}

/* Denial number n: another address each. */
static struct event denial(uint32_t n, int64_t ts_us)
{
	return (struct event){
		.type = EVENT_DENY,
		.ts_us = ts_us,
		.has = EVENT_HAS_TUPLE | EVENT_HAS_OP,
		.reason = REASON_ADDRESS,
		.zone = POLICY_NO_INDEX,
		.conduit = POLICY_NO_INDEX,
		.rule = POLICY_NO_RULE,
		.count = 1,
		.tuple = {.src = {10}, .dst = {20}, .sport = (uint16_t)n, .dport = 502, .ipproto = 6},
		.op = {.has = OP_SPACE | OP_RANGE, .function = 3, .first = n, .last = n}};
}

static void note(uint32_t n, int64_t ts_us, char id[WHY_ID])
{
	struct event e = denial(n, ts_us);
	char line[64];
	uint32_t place;

	assert_true(why_id(w, &e, NULL, id, &place));
	int len = snprintf(line, sizeof(line), "{\"n\":%u,\"id\":\"%s\"}", n, id);
	why_keep(w, place, line, (size_t)len);
}

/* What is kept of an id, or NULL. */
static json_t *kept(const char *id)
{
	static char text[4096];
	struct jsonl j;
	json_error_t err;

	jsonl_open(&j, text, sizeof(text));
	if (!why_print(w, id, &j))
		return NULL;
	assert_false(j.cut);
	json_t *o = json_loadb(text, j.len, 0, &err);
	assert_non_null(o);
	return o;
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void test_same_denial_same_id(void **state)
{
	char a[WHY_ID], b[WHY_ID], c[WHY_ID];

	(void)state;
	note(1, 1000, a);
	note(1, 2000, b);
	note(2, 2000, c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 6);
	json_t *o = kept(a);
	assert_non_null(o);
	assert_int_equal(number(o, "times"), 2);
	assert_int_equal(number(json_object_get(o, "event"), "n"), 1);
	json_decref(o);
}

static void test_survives_a_restart(void **state)
{
	char a[WHY_ID], b[WHY_ID];

	(void)state;
	note(1, 1000, a);
	again();
	json_t *o = kept(a);
	assert_non_null(o);
	json_decref(o);
	/* The ring is read a second time: the same id, and not counted again. */
	note(1, 1000, b);
	assert_string_equal(a, b);
	o = kept(b);
	assert_int_equal(number(o, "times"), 1);
	json_decref(o);
}

static void test_read_as_people_write(void **state)
{
	char a[WHY_ID], other[WHY_ID];

	(void)state;
	note(1, 1000, a);
	for (size_t i = 0; i < WHY_ID; i++)
		other[i] = a[i] == '0'   ? 'o'
			   : a[i] == '1' ? 'l'
			   : a[i] >= 'A' ? (char)(a[i] - 'A' + 'a')
					 : a[i];
	json_t *o = kept(other);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "id")), a);
	json_decref(o);
	static const char *const wrong[] = {"", "0", "ABCDE", "ABCDEFG", "ABC-EF", "UUUUUU", "'; DROP"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(kept(wrong[i]));
}

static void test_bounded(void **state)
{
	char often[WHY_ID], last[WHY_ID], once[WHY_ID], same[WHY_ID];

	(void)state;
	note(0, 1, often);
	note(1, 1, once);
	for (uint32_t n = 2; n < 3 * WHY_KEPT; n++) {
		note(n, n, last);
		if (n % 1000 == 0) {
			note(0, n, same); /* what goes on is not pushed out by what happened once */
			assert_string_equal(often, same);
		}
	}
	json_t *o = kept(last);
	assert_non_null(o);
	json_decref(o);
	o = kept(often);
	assert_non_null(o);
	assert_int_equal(number(o, "times"), 30);
	json_decref(o);
	assert_null(kept(once));
	assert_int_equal(db_number(&w->db, "SELECT count(*) FROM denial", -1), WHY_KEPT);
	assert_int_equal(db_number(&w->db, "SELECT count(DISTINCT id) FROM denial", -1), WHY_KEPT);
	again();
	assert_int_equal(w->used, WHY_KEPT);
	o = kept(last);
	assert_non_null(o);
	json_decref(o);
}

static void test_only_denials(void **state)
{
	struct event e = denial(1, 1);
	char id[WHY_ID];
	uint32_t place;

	(void)state;
	e.type = EVENT_ALERT;
	assert_false(why_id(w, &e, NULL, id, &place));
	e.type = EVENT_SHADOW_DENY;
	assert_true(why_id(w, &e, NULL, id, &place));
	e.has = 0; /* of many flows: no ends */
	assert_false(why_id(w, &e, NULL, id, &place));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_denial_same_id),  TEST(test_survives_a_restart),
		TEST(test_read_as_people_write), TEST(test_bounded),
		TEST(test_only_denials),
	};
	return cmocka_run_group_tests_name("why", tests, NULL, NULL);
}
