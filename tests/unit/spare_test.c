/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which denials get an event of their own, and that none goes uncounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/engine/spare.h"

#define START_US INT64_C(1700000000000000)

static struct shm *shm;
static struct ring *ring;
static uint64_t tail, lost;

static int setup(void **state)
{
	(void)state;
	shm = calloc(1, shm_size());
	assert_non_null(shm);
	shm_init(shm, 0, 0, FAILURE_CLOSED);
	ring = shm_at(shm, shm->ring_at);
	tail = lost = 0;
	spare_open(shm, ring);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(shm);
	return 0;
}

static void put(enum event_type type, enum reason reason, uint16_t sport, int64_t after_us)
{
	struct event e = {.type = (uint16_t)type,
			  .reason = (uint16_t)reason,
			  .count = 1,
			  .ts_us = START_US + after_us,
			  .tuple = {.sport = sport, .dport = 502}};

	spare_put(&e);
}

/* Events in the ring, and the sum of what they stand for. */
static unsigned drain(uint64_t *sum)
{
	struct event e;
	unsigned n = 0;

	*sum = 0;
	while (ring_get(ring, &tail, &e, &lost) == 1) {
		n++;
		*sum += e.count;
	}
	assert_int_equal(lost, 0);
	return n;
}

static void sweep(int64_t after_us)
{
	for (unsigned i = 0; i < SPARE_SLOTS / SPARE_SWEEP; i++)
		spare_tick(START_US + after_us);
}

static void one_flow_and_reason(void **state)
{
	uint64_t sum;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		put(EVENT_DENY, REASON_ADDRESS, 1000, i);
	assert_int_equal(drain(&sum), SPARE_BURST);
	assert_int_equal(shm->counters[SHM_EVENTS_SPARED], 100 - SPARE_BURST);
	sweep(500000);
	assert_int_equal(drain(&sum), 0);
	sweep(SPARE_WINDOW_US + 1);
	assert_int_equal(drain(&sum), 1);
	assert_int_equal(sum, 100 - SPARE_BURST);
	sweep(3 * SPARE_WINDOW_US);
	assert_int_equal(drain(&sum), 0);
}

static void the_next_window_begins_anew(void **state)
{
	uint64_t sum;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		put(EVENT_DENY, REASON_ADDRESS, 1000, i);
	put(EVENT_DENY, REASON_ADDRESS, 1000, SPARE_WINDOW_US + 10);
	/* Eight, the two that were spared in one, and the new one. */
	assert_int_equal(drain(&sum), SPARE_BURST + 2);
	assert_int_equal(sum, 11);
}

static void another_reason_or_flow_is_not_spared(void **state)
{
	uint64_t sum;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		put(EVENT_DENY, REASON_ADDRESS, 1000, i);
	put(EVENT_DENY, REASON_FUNCTION, 1000, 30);
	put(EVENT_DENY, REASON_ADDRESS, 1001, 30);
	assert_int_equal(drain(&sum), SPARE_BURST + 2);
}

static void only_denials(void **state)
{
	uint64_t sum;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		put(EVENT_ALERT, REASON_ADDRESS, 1000, i);
		put(EVENT_LEARN, REASON_ADDRESS, 1000, i);
		put(EVENT_UNINSPECTED, REASON_TRUNCATED, 1000, i);
	}
	assert_int_equal(drain(&sum), 300);
	assert_int_equal(shm->counters[SHM_EVENTS_SPARED], 0);
}

static void a_flood_of_flows(void **state)
{
	uint64_t sum, all = 0;
	unsigned n = 0;

	(void)state;
	/* 60,000 flows in a second, drained as the recorder does it, then quiet. */
	for (unsigned i = 0; i < 60000; i++) {
		put(EVENT_DENY, REASON_NO_RULE, (uint16_t)i, i * 16);
		if (i % 1000 == 0) {
			n += drain(&sum);
			all += sum;
		}
	}
	for (int s = 2; s < 8; s++) {
		sweep(s * SPARE_WINDOW_US);
		n += drain(&sum);
		all += sum;
	}
	assert_int_equal(all, 60000);
	assert_true(n <= 4 * SPARE_RATE);
	assert_true(n >= SPARE_RATE);
}

static void a_clock_set_back(void **state)
{
	uint64_t sum;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		put(EVENT_DENY, REASON_ADDRESS, 1000, i);
	put(EVENT_DENY, REASON_ADDRESS, 1000, -INT64_C(3600000000));
	assert_int_equal(drain(&sum), SPARE_BURST + 2);
	assert_int_equal(sum, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_flow_and_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_window_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(another_reason_or_flow_is_not_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(only_denials, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_flows, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_set_back, setup, teardown),
	};

	return cmocka_run_group_tests_name("spare", tests, NULL, NULL);
}
