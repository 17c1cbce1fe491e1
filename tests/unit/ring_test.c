/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/event.h"

static struct ring *ring;

static int setup(void **state)
{
	(void)state;
	ring = calloc(1, sizeof(*ring));
	return ring ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

static void put(uint64_t n)
{
	struct event e = {.ts_us = (int64_t)n, .packet_id = (uint32_t)n, .flow = ~(uint32_t)n};
	memset(e.text, (int)('a' + n % 26), sizeof(e.text) - 1);
	ring_put(ring, &e);
}

/* Every part of the event belongs to number n. */
static void assert_event(const struct event *e, uint64_t n)
{
	assert_int_equal(e->ts_us, n);
	assert_int_equal(e->packet_id, (uint32_t)n);
	assert_int_equal(e->flow, ~(uint32_t)n);
	for (size_t i = 0; i < sizeof(e->text) - 1; i++)
		assert_int_equal(e->text[i], 'a' + n % 26);
}

static void empty(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0;
	struct event e;
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 0);
	assert_int_equal(tail, 0);
	assert_int_equal(lost, 0);
}

static void in_order(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0;
	struct event e;
	for (uint64_t i = 0; i < 3 * RING_EVENTS; i++) {
		put(i);
		assert_int_equal(ring_get(ring, &tail, &e, &lost), 1);
		assert_event(&e, i);
	}
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 0);
	assert_int_equal(lost, 0);
}

/* Rows: how many are written before anyone reads, how many of them must be lost. */
struct overrun {
	uint64_t written, lost;
};

static void overrun(void **state)
{
	const struct overrun *row = *state;
	uint64_t tail = 0, lost = 0, read = 0;
	struct event e;

	setup(NULL);
	for (uint64_t i = 0; i < row->written; i++)
		put(i);
	while (ring_get(ring, &tail, &e, &lost) == 1) {
		assert_event(&e, row->lost + read);
		read++;
	}
	assert_int_equal(lost, row->lost);
	assert_int_equal(read, row->written - row->lost);
	assert_int_equal(tail, row->written);
	teardown(NULL);
}

static void slot_being_written(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0;
	struct event e;
	for (uint64_t i = 0; i < RING_EVENTS; i++)
		put(i);
	/* The producer is in slot 0 again, and has not moved the head yet. */
	atomic_store(&ring->slots[0].seq, 0);
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 1);
	assert_event(&e, 1);
	assert_int_equal(lost, 1);
}

static void producer_died_in_a_slot(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0;
	struct event e;
	put(0);
	atomic_store(&ring->slots[1].seq, 0);
	ring->slots[1].ts_us = 99;
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 1);
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 0);
	put(1);
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 1);
	assert_event(&e, 1);
	assert_int_equal(lost, 0);
}

static void head_that_lies(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0;
	struct event e;
	atomic_store(&ring->head, UINT64_MAX / 2);
	assert_int_equal(ring_get(ring, &tail, &e, &lost), 0);
	assert_int_equal(lost, UINT64_MAX / 2);
}

#define RACE_EVENTS 200000u

static void *race_writer(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < RACE_EVENTS; i++)
		put(i);
	return NULL;
}

static void reader_never_sees_half_an_event(void **state)
{
	(void)state;
	uint64_t tail = 0, lost = 0, read = 0;
	struct event e;
	pthread_t writer;

	assert_int_equal(pthread_create(&writer, NULL, race_writer, NULL), 0);
	while (tail < RACE_EVENTS)
		while (ring_get(ring, &tail, &e, &lost) == 1) {
			assert_event(&e, tail - 1);
			read++;
		}
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(read + lost, RACE_EVENTS);
	assert_true(read > 0);
}

/* Rows: an operation, and the numbers its copy must give back. */
struct copy {
	struct op op;
	uint32_t nvalues;
	unsigned kept;
	int64_t values[EVENT_VALUES];
};

static const uint8_t two_registers[] = {0x00, 0x05, 0xff, 0xfe};
static const uint8_t float_bytes[] = {0xc1, 0x48, 0x00, 0x00}; /* -12.5 */
static const uint8_t bit_bytes[] = {0x0d, 0x00, 0xff};
static const uint8_t many[200];

static void copy(void **state)
{
	const struct copy *row = *state;
	struct event_op kept;
	struct op back;

	event_op_from(&kept, &row->op);
	assert_int_equal(kept.nvalues, row->nvalues);
	event_op_to(&kept, &back);
	assert_int_equal(back.dir, row->op.dir);
	assert_int_equal(back.access, row->op.access);
	assert_int_equal(back.has, row->op.has);
	assert_int_equal(op_function_key(&back), op_function_key(&row->op));
	assert_int_equal(back.unit, row->op.unit);
	assert_int_equal(back.space, row->op.space);
	assert_int_equal(back.first, row->op.first);
	assert_int_equal(back.last, row->op.last);
	assert_int_equal(back.nargs, row->op.nargs);
	for (unsigned i = 0; i < back.nargs; i++)
		assert_int_equal(back.args[i].value, row->op.args[i].value);
	assert_int_equal(back.values.form == VALUES_UNKNOWN, row->op.values.form == VALUES_UNKNOWN);
	for (unsigned i = 0; i < row->kept; i++) {
		int64_t v = -1;
		assert_true(op_value(&back.values, i, &v));
		assert_int_equal(v, row->values[i]);
	}
	int64_t beyond;
	assert_false(op_value(&back.values, row->kept, &beyond));
	if (row->op.has & OP_KEY)
		assert_memory_equal(back.key.data, row->op.key.data, back.key.len);
}

#define REGISTERS(bytes, n)                                                                                  \
	{                                                                                                    \
		.form = VALUES_NUMBERS, .width = 2, .stride = 2, .count = (n), .data = (bytes)               \
	}

static struct copy copies[] = {
	{.op = {.dir = DIR_REQUEST,
		.access = ACCESS_READ,
		.has = OP_UNIT | OP_SPACE | OP_RANGE,
		.unit = 4,
		.function = 3,
		.space = 3,
		.first = 40,
		.last = 60}},
	{.op = {.function = 16, .access = ACCESS_WRITE, .values = REGISTERS(two_registers, 2)},
	 .nvalues = 2,
	 .kept = 2,
	 .values = {5, 65534}},
	{.op = {.function = 5, .values = {.form = VALUES_ONE, .one = 1}},
	 .nvalues = 1,
	 .kept = 1,
	 .values = {1}},
	{.op = {.function = 15, .values = {.form = VALUES_BITS, .count = 20, .data = bit_bytes}},
	 .nvalues = 20,
	 .kept = EVENT_VALUES,
	 .values = {1, 0, 1, 1}},
	{.op = {.function = 22, .values = {.form = VALUES_UNKNOWN}}},
	{.op = {.function = 16, .values = REGISTERS(many, 100)}, .nvalues = 100, .kept = EVENT_VALUES},
	{.op = {.has = OP_KEY | OP_SUB,
		.function = 43,
		.sub = 14,
		.nargs = 2,
		.args = {{0, 1}, {1, -7}},
		.key = {.data = (const uint8_t *)"name", .len = 4}}},
};

static void copy_of_a_float(void **state)
{
	(void)state;
	struct op op = {.values = {.form = VALUES_NUMBERS,
				   .kind = VALUES_FLOAT,
				   .width = 4,
				   .stride = 4,
				   .count = 1,
				   .data = float_bytes}},
		  back;
	struct event_op kept;
	int64_t v;
	event_op_from(&kept, &op);
	event_op_to(&kept, &back);
	assert_true(op_value(&back.values, 0, &v));
	assert_true(op_double_of(v) < -12.4 && op_double_of(v) > -12.6);
}

/* The ring's writer may be in an attacker's hands: counts in an event are bounded when it is read. */
static void copy_of_nonsense(void **state)
{
	(void)state;
	struct event_op kept;
	struct op back;
	memset(&kept, 0xff, sizeof(kept));
	event_op_to(&kept, &back);
	assert_int_equal(back.nargs, OP_ARGS_MAX);
	assert_int_equal(back.key.len, EVENT_KEY);
	assert_int_equal(back.values.form, VALUES_NONE);
	kept.values_form = VALUES_NUMBERS;
	event_op_to(&kept, &back);
	assert_int_equal(back.values.count, EVENT_VALUES);
}

int main(void)
{
	static struct overrun overruns[] = {{RING_EVENTS, 0},
					    {RING_EVENTS + 1, 1},
					    {2 * RING_EVENTS + 7, RING_EVENTS + 7},
					    {10 * RING_EVENTS, 9 * RING_EVENTS}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty, setup, teardown),
		cmocka_unit_test_setup_teardown(in_order, setup, teardown),
		{"overrun: exactly full", overrun, NULL, NULL, &overruns[0]},
		{"overrun: one too many", overrun, NULL, NULL, &overruns[1]},
		{"overrun: two rounds and seven", overrun, NULL, NULL, &overruns[2]},
		{"overrun: ten rounds", overrun, NULL, NULL, &overruns[3]},
		cmocka_unit_test_setup_teardown(slot_being_written, setup, teardown),
		cmocka_unit_test_setup_teardown(producer_died_in_a_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(head_that_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_never_sees_half_an_event, setup, teardown),
		{"copy: a read", copy, NULL, NULL, &copies[0]},
		{"copy: two registers", copy, NULL, NULL, &copies[1]},
		{"copy: one coil", copy, NULL, NULL, &copies[2]},
		{"copy: bits", copy, NULL, NULL, &copies[3]},
		{"copy: unknown values", copy, NULL, NULL, &copies[4]},
		{"copy: more values than are kept", copy, NULL, NULL, &copies[5]},
		{"copy: key, sub-function and arguments", copy, NULL, NULL, &copies[6]},
		cmocka_unit_test(copy_of_a_float),
		cmocka_unit_test(copy_of_nonsense),
	};
	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
