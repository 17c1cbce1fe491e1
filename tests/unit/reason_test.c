/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/reason.h"

static void every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT_OF; i++) {
		const char *name = reason_name((enum reason)i);
		assert_int_equal(reason_find(name), i);
		assert_in_range(strlen(name), 3, 31);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
	}
}

static void every_reason_has_a_sentence(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT_OF; i++) {
		const char *text = reason_text((enum reason)i);
		assert_true(strlen(text) > strlen(reason_name((enum reason)i)) / 2);
		assert_int_not_equal(text[strlen(text) - 1], '.');
	}
}

static void names_that_others_read(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_NONE), "none");
	assert_string_equal(reason_name(REASON_LENGTH), "length-mismatch");
	assert_string_equal(reason_name(REASON_ADDRESS), "address");
	assert_int_equal(reason_find("length-mismatch"), REASON_LENGTH);
	assert_int_equal(REASON_NONE, 0);
}

static void what_is_no_reason(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_COUNT_OF), "?");
	assert_string_equal(reason_text((enum reason)60000), "?");
	assert_int_equal(reason_find("length"), REASON_COUNT_OF);
	assert_int_equal(reason_find(""), REASON_COUNT_OF);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(every_reason_has_a_sentence),
		cmocka_unit_test(names_that_others_read),
		cmocka_unit_test(what_is_no_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
