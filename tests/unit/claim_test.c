/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in control of a station: first come, taking over, giving back, silence, and a table that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/engine/claim.h"

#define NOW INT64_C(1000000)

static struct shm *shm;

static int up(void **state)
{
	(void)state;
	shm = calloc(1, shm_size());
	assert_non_null(shm);
	shm_init(shm, 0, 0, FAILURE_CLOSED);
	return 0;
}

static int down(void **state)
{
	(void)state;
	free(shm);
	return 0;
}

/* Client `who` of server `server`, from either end of the key. */
static struct flow flow_of(uint8_t who, uint8_t server)
{
	struct flow f = {0};
	bool b = who > server;

	memset(b ? f.key.b : f.key.a, who, 16);
	memset(b ? f.key.a : f.key.b, server, 16);
	*(b ? &f.key.pb : &f.key.pa) = 40000;
	*(b ? &f.key.pa : &f.key.pb) = 2404;
	f.flags = b ? FLOW_CLIENT_B : 0;
	return f;
}

static enum reason ask(uint8_t who, uint8_t server, enum claim claim, uint32_t station, int64_t after_us)
{
	struct flow f = flow_of(who, server);
	return claim_judge(shm, &f, claim, station, NOW + after_us);
}

static void first_come(void **state)
{
	(void)state;
	assert_int_equal(ask(1, 9, CLAIM_USE, 10, 0), REASON_NONE);
	assert_int_equal(ask(20, 9, CLAIM_USE, 10, 1), REASON_ANOTHER_MASTER);
	/* Another station, another server: not concerned. */
	assert_int_equal(ask(20, 9, CLAIM_USE, 11, 2), REASON_NONE);
	assert_int_equal(ask(20, 8, CLAIM_USE, 10, 3), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, 10, 4), REASON_NONE);
	assert_int_equal(ask(20, 9, CLAIM_NONE, 10, 5), REASON_NONE);
}

static void taking_over(void **state)
{
	(void)state;
	assert_int_equal(ask(1, 9, CLAIM_TAKE, CLAIM_SERVER, 0), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, CLAIM_SERVER, 1), REASON_NONE);
	assert_int_equal(ask(20, 9, CLAIM_USE, CLAIM_SERVER, 2), REASON_ANOTHER_MASTER);
	assert_int_equal(ask(20, 9, CLAIM_TAKE, CLAIM_SERVER, 3), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, CLAIM_SERVER, 4), REASON_ANOTHER_MASTER);
	/* Who has it no more cannot give it back. */
	assert_int_equal(ask(1, 9, CLAIM_GIVE, CLAIM_SERVER, 5), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, CLAIM_SERVER, 6), REASON_ANOTHER_MASTER);
	assert_int_equal(ask(20, 9, CLAIM_GIVE, CLAIM_SERVER, 7), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, CLAIM_SERVER, 8), REASON_NONE);
}

static void silence(void **state)
{
	(void)state;
	assert_int_equal(ask(1, 9, CLAIM_USE, 10, 0), REASON_NONE);
	assert_int_equal(ask(20, 9, CLAIM_USE, 10, CLAIM_IDLE_US - 1), REASON_ANOTHER_MASTER);
	assert_int_equal(ask(1, 9, CLAIM_KEEP, 10, CLAIM_IDLE_US - 1), REASON_NONE);
	/* What others keep alive is not theirs. */
	assert_int_equal(ask(20, 9, CLAIM_KEEP, 10, 2 * CLAIM_IDLE_US - 3), REASON_NONE);
	assert_int_equal(ask(20, 9, CLAIM_USE, 10, 2 * CLAIM_IDLE_US - 2), REASON_ANOTHER_MASTER);
	assert_int_equal(ask(20, 9, CLAIM_USE, 10, 2 * CLAIM_IDLE_US), REASON_NONE);
	assert_int_equal(ask(1, 9, CLAIM_USE, 10, 2 * CLAIM_IDLE_US + 1), REASON_ANOTHER_MASTER);
}

/* However many stations there are: no two clients in control of one, and a refusal rather than a guess. */
static void many(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (uint32_t station = 0; station < 4 * SHM_CLAIMS; station++) {
		enum reason r = ask(1, 9, CLAIM_USE, station, 0);
		assert_true(r == REASON_NONE || r == REASON_TABLE_FULL);
		refused += r == REASON_TABLE_FULL;
		if (r == REASON_NONE)
			assert_int_equal(ask(20, 9, CLAIM_USE, station, 1), REASON_ANOTHER_MASTER);
	}
	assert_in_range(refused, 3 * SHM_CLAIMS, 4 * SHM_CLAIMS - 1);
	/* A minute later all of it is free again. */
	assert_int_equal(ask(20, 9, CLAIM_USE, 4 * SHM_CLAIMS - 1, CLAIM_IDLE_US + 1), REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_come, up, down),
		cmocka_unit_test_setup_teardown(taking_over, up, down),
		cmocka_unit_test_setup_teardown(silence, up, down),
		cmocka_unit_test_setup_teardown(many, up, down),
	};
	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
