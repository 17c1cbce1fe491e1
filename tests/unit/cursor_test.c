/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/cursor.h"

static const uint8_t octets[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};

static void reads_numbers_in_both_orders(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 7, &f);
	assert_int_equal(cursor_u8(&c, "a"), 0x01);
	assert_int_equal(cursor_be16(&c, "b"), 0x0203);
	assert_int_equal(cursor_be32(&c, "c"), 0x04050607);
	assert_int_equal(cursor_left(&c), 0);
	cursor_end(&c, "end");
	assert_true(cursor_ok(&c));
	c = cursor_open(octets, 6, &f);
	assert_int_equal(cursor_le16(&c, "b"), 0x0201);
	assert_int_equal(cursor_le32(&c, "c"), 0x06050403);
	assert_true(cursor_ok(&c));
}

static void the_first_failure_stays(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 3, &f);
	assert_int_equal(cursor_be16(&c, "one"), 0x0102);
	assert_int_equal(cursor_be16(&c, "two"), 0);
	assert_int_equal(f.reason, REASON_SHORT);
	assert_string_equal(f.field, "two");
	assert_int_equal(f.offset, 2);
	/* There is an octet left, but nothing is read any more, and nothing else is blamed. */
	assert_int_equal(cursor_u8(&c, "three"), 0);
	assert_int_equal(cursor_left(&c), 1);
	cursor_fail(&c, REASON_COUNT, "four");
	cursor_end(&c, "five");
	assert_int_equal(cursor_bytes(&c, 0, "six").len, 0);
	assert_int_equal(f.reason, REASON_SHORT);
	assert_string_equal(f.field, "two");
}

static void half_a_number_is_none(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 3, &f);
	(void)cursor_be32(&c, "number");
	assert_int_equal(f.reason, REASON_SHORT);
	assert_int_equal(f.offset, 2);
}

static void what_is_left_over_is_said(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 3, &f);
	(void)cursor_u8(&c, "a");
	cursor_end(&c, "rest");
	assert_int_equal(f.reason, REASON_TRAILING);
	assert_int_equal(f.offset, 1);
	assert_string_equal(f.field, "rest");
}

static void a_sub_cursor_ends_where_its_length_says(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 8, &f);
	(void)cursor_u8(&c, "length");
	struct cursor s = cursor_sub(&c, 3, "part");
	assert_int_equal(cursor_left(&s), 3);
	assert_int_equal(cursor_left(&c), 4);
	assert_int_equal(cursor_be16(&s, "a"), 0x0203);
	assert_int_equal(cursor_u8(&c, "behind"), 0x05);
	assert_int_equal(cursor_be16(&s, "b"), 0);
	/* Its failure is everybody's, and counts from the PDU's first octet. */
	assert_false(cursor_ok(&c));
	assert_int_equal(f.offset, 3);
	assert_string_equal(f.field, "b");
}

static void a_sub_cursor_past_the_end_is_empty(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 4, &f);
	(void)cursor_u8(&c, "length");
	struct cursor s = cursor_sub(&c, 4, "part");
	assert_int_equal(cursor_left(&s), 0);
	assert_int_equal(f.reason, REASON_SHORT);
	c = cursor_open(octets, 4, &f);
	s = cursor_sub(&c, UINT32_MAX, "part");
	assert_int_equal(cursor_left(&s), 0);
	assert_int_equal(f.reason, REASON_SHORT);
}

static void views_point_into_the_octets(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 8, &f);
	(void)cursor_be16(&c, "a");
	struct view v = cursor_bytes(&c, 6, "rest");
	assert_ptr_equal(v.data, octets + 2);
	assert_int_equal(v.len, 6);
	v = cursor_bytes(&c, 1, "more");
	assert_null(v.data);
	assert_int_equal(v.len, 0);
}

static void a_check_blames_the_field_before(void **state)
{
	(void)state;
	struct fault f;
	struct cursor c = cursor_open(octets, 8, &f);
	(void)cursor_be16(&c, "a");
	(void)cursor_be16(&c, "b");
	cursor_check(&c, true, 4, REASON_COUNT, "a");
	assert_true(cursor_ok(&c));
	cursor_check(&c, false, 2, REASON_COUNT, "b");
	cursor_check(&c, false, 4, REASON_RANGE_END, "a");
	assert_int_equal(f.reason, REASON_COUNT);
	assert_int_equal(f.offset, 2);
	assert_string_equal(f.field, "b");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers_in_both_orders),
		cmocka_unit_test(the_first_failure_stays),
		cmocka_unit_test(half_a_number_is_none),
		cmocka_unit_test(what_is_left_over_is_said),
		cmocka_unit_test(a_sub_cursor_ends_where_its_length_says),
		cmocka_unit_test(a_sub_cursor_past_the_end_is_empty),
		cmocka_unit_test(views_point_into_the_octets),
		cmocka_unit_test(a_check_blames_the_field_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
