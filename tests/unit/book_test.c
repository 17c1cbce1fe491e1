/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The books of what was not let pass: a zone keeps its own over policies, and an entry names one counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policies.h"

static struct test_policy closed, open_zone;

static uint64_t value(struct shm *s, uint32_t at)
{
	_Atomic uint64_t *n = shm_book_at(s, at);

	assert_non_null(n);
	return atomic_load(n);
}

static void entries_are_apart(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_null(shm_book_at(b->shm, 0));
	assert_null(shm_book_at(b->shm, SHM_BOOK_AT(SHM_BOOKS, 0, 0)));
	for (uint32_t book = 0; book < SHM_BOOKS; book++)
		for (uint32_t kind = 0; kind < SHM_BOOK_KINDS; kind++)
			for (uint32_t r = 0; r < REASON_COUNT_OF; r++) {
				assert_int_equal(SHM_BOOK_KIND(SHM_BOOK_AT(book, kind, r)), kind);
				assert_int_equal(value(b->shm, SHM_BOOK_AT(book, kind, r)), 0);
				book_add(b->shm, SHM_BOOK_AT(book, kind, r), 1);
			}
	for (uint32_t at = 1; at < SHM_BOOK_AT(SHM_BOOKS, 0, 0); at++)
		assert_int_equal(value(b->shm, at), 1);
	bench_free(b);
}

static void a_verdict_that_was_late_is_taken_off(void **state)
{
	struct bench *b = bench_new();
	uint32_t at = SHM_BOOK_AT(3, SHM_BOOK_PASSED, REASON_GAP);

	(void)state;
	book_add(b->shm, at, 1);
	book_add(b->shm, at, 1);
	book_add(b->shm, at, -1);
	assert_int_equal(value(b->shm, at), 1);
	book_add(b->shm, 0, 1); /* nowhere */
	bench_free(b);
}

static void a_zone_keeps_its_book(void **state)
{
	struct bench *b = bench_new();
	struct books first = {.shm = NULL}, second = {.shm = NULL};
	const struct shm_book *books = shm_at(b->shm, b->shm->books_at);
	struct policy_zone z;
	struct policy_net net;

	(void)state;
	book_policy(&first, b->shm, &closed.p);
	book_policy(&second, b->shm, &open_zone.p);
	assert_string_equal(books[0].zone, "no-zone");
	assert_string_equal(books[SHM_BOOKS - 1].zone, "other-zones");
	for (unsigned i = 0; policy_zone_get(&closed.p, i, &z); i++) {
		struct tuple t = {.ipproto = 6};
		uint32_t at;

		assert_true(policy_zone_net(&closed.p, i, 0, &net));
		memcpy(t.dst, net.ip, 16);
		at = book_entry(&first, &closed.p, &t, SHM_BOOK_RESET, REASON_VALUE);
		assert_string_equal(books[(at - 1) / (SHM_BOOK_KINDS * REASON_COUNT_OF)].zone, z.name);
		assert_int_equal(at, book_entry(&second, &open_zone.p, &t, SHM_BOOK_RESET, REASON_VALUE));
	}
	/* Of no zone; and without a policy nothing is booked. */
	struct tuple nowhere = {.ipproto = 6};
	assert_int_equal(book_entry(&first, &closed.p, &nowhere, SHM_BOOK_DROPPED, REASON_GAP),
			 SHM_BOOK_AT(0, SHM_BOOK_DROPPED, REASON_GAP));
	assert_int_equal(book_entry(&first, NULL, &nowhere, SHM_BOOK_DROPPED, REASON_GAP), 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_apart),
		cmocka_unit_test(a_verdict_that_was_late_is_taken_off),
		cmocka_unit_test(a_zone_keeps_its_book),
	};

	test_policy_common(&closed, "closed", "enforce", "reset", "0..99");
	test_policy_common(&open_zone, "open", "enforce", "reset", "0..99");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_policy_close(&closed);
	test_policy_close(&open_zone);
	return failed;
}
