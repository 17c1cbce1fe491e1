/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the mirror makes of copies: rate, silence, PDUs that change something; and that it never makes anything of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fwd/engine/lane.h"
#include "tests/unit/policies.h"

#define MS 1000

static const char text[] =
	"version: 1\n"
	"zones:\n"
	"  sis: {level: 1, networks: [10.10.1.0/24], failure: closed, safety: true}\n"
	"  io: {level: 1, networks: [10.10.2.0/24], failure: closed, safety: true}\n"
	"hosts: {a: 10.10.1.2, b: 10.10.2.2}\n"
	"conduits:\n"
	"  - {name: plain, from: [sis], to: io, lane: safety, peers: [a, b], udp: [30010], interfaces: [eth1]}\n"
	"  - {name: all, from: [sis], to: io, lane: safety, peers: [a, b], udp: [30011], tcp: [30011], interfaces: [eth1],\n"
	"     expect: 5/s, watchdog: 50ms, mirror: true}\n"
	"  - {name: two.words, from: [sis], to: io, lane: safety, peers: [a, b], udp: [30012], interfaces: [eth1], watchdog: 1s}\n";

static struct test_policy policy;
static struct mirror_shm *shm;
static struct lanes *lanes;
static unsigned raised[LANE_PDU + 1];
static uint32_t stands_for;
static char said[LANE_TEXT];
static int all;

static void on_alarm(void *ctx, const struct lane_alarm *a)
{
	(void)ctx;
	assert_in_range(a->kind, LANE_ABOVE, LANE_PDU);
	raised[a->kind]++;
	stands_for = a->count;
	strcpy(said, a->text);
}

static int up(void **state)
{
	(void)state;
	shm = calloc(1, sizeof(*shm));
	lanes = calloc(1, sizeof(*lanes));
	assert_true(shm && lanes);
	mirror_init(shm);
	lanes->shm = shm;
	lanes->alarm = on_alarm;
	memset(raised, 0, sizeof(raised));
	lane_policy(lanes, &policy.p, 1);
	all = lane_find(lanes, "all", 3);
	assert_true(all >= 0);
	return 0;
}
static int down(void **state)
{
	(void)state;
	free(shm);
	free(lanes);
	return 0;
}

static void copy(bool back, const uint8_t *data, uint32_t n, int64_t at)
{
	struct packet k;

	packet_udp(&k, back, 40000, data, n);
	lane_packet(lanes, (unsigned)all, k.data, k.len, at);
}
#define COPY(at) copy(false, (const uint8_t *)"safe", 4, at)

static void conduits_are_found_by_their_prefix(void **state)
{
	(void)state;
	assert_int_equal(lane_find(lanes, "plain", 5), -1); /* has no alarm: is not copied */
	assert_int_equal(lane_find(lanes, "two.words", 9) >= 0, 1);
	assert_int_equal(lane_find(lanes, "al", 2), -1);
	assert_int_equal(lane_find(lanes, "", 0), -1);
}

static void as_many_as_expected_are_no_alarm(void **state)
{
	(void)state;
	for (int s = 1; s < 5; s++)
		for (int i = 0; i < 5; i++)
			COPY(s * 1000 * MS + i * 10 * MS);
	assert_int_equal(raised[LANE_ABOVE], 0);
}

static void more_are_one_alarm_until_it_is_over(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		COPY(1000 * MS + i * MS);
	assert_int_equal(raised[LANE_ABOVE], 1);
	assert_int_equal(atomic_load(&shm->lanes[all].above), 1);
	/* The window ends, and the next one is quiet. */
	lane_tick(lanes, 2001 * MS);
	assert_int_equal(raised[LANE_BELOW], 0);
	lane_tick(lanes, 3002 * MS);
	assert_int_equal(raised[LANE_BELOW], 1);
	assert_int_equal(atomic_load(&shm->lanes[all].above), 0);
	/* One flow more or less above for long stays one alarm. */
	for (int i = 0; i < 30; i++)
		COPY(4000 * MS + i * 100 * MS);
	assert_int_equal(raised[LANE_ABOVE], 2);
	assert_int_equal(raised[LANE_BELOW], 1);
}

static void silence_is_an_alarm_of_its_direction(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		COPY(1000 * MS + i * 10 * MS);
		copy(true, (const uint8_t *)"back", 4, 1000 * MS + i * 10 * MS);
	}
	/* The last was at 1020: silent from 1070 on. */
	assert_int_equal(lane_tick(lanes, 1060 * MS), 10 * MS + 1);
	assert_int_equal(lane_tick(lanes, 1070 * MS), 1);
	assert_int_equal(raised[LANE_SILENT], 0);
	COPY(1070 * MS);
	lane_tick(lanes, 1070 * MS + 1);
	assert_int_equal(raised[LANE_SILENT], 1);
	assert_int_equal(atomic_load(&shm->lanes[all].silent), 1);
	lane_tick(lanes, 1110 * MS);
	assert_int_equal(raised[LANE_SILENT], 1);
	copy(true, (const uint8_t *)"back", 4, 1115 * MS);
	assert_int_equal(raised[LANE_RUNS_AGAIN], 1);
	assert_string_equal(said, "runs again after 95 ms");
	assert_int_equal(atomic_load(&shm->lanes[all].silent), 0);
	assert_int_equal(atomic_load(&shm->lanes[all].flows), 2);
}

static void one_packet_is_not_running_yet(void **state)
{
	(void)state;
	COPY(1000 * MS);
	lane_tick(lanes, 5000 * MS);
	assert_int_equal(raised[LANE_SILENT], 0);
}

static void a_read_is_no_alarm_a_write_is(void **state)
{
	uint8_t q[64];

	(void)state;
	copy(false, q, modbus_ask(q, 1, 1, 3, 0, 2), 1000 * MS);
	assert_int_equal(raised[LANE_PDU], 0);
	for (int i = 0; i < 4; i++)
		copy(false, q, modbus_ask(q, 1, 1, 6, 5, 7), 1100 * MS + i);
	assert_int_equal(raised[LANE_PDU], 1);
	assert_int_equal(stands_for, 1);
	/* Later it says how many there were. */
	copy(false, q, modbus_ask(q, 1, 1, 6, 5, 7), 1100 * MS + LANE_PDU_EVERY + 1);
	assert_int_equal(raised[LANE_PDU], 2);
	assert_int_equal(stands_for, 4);
}

static void nothing_is_made_of_nonsense(void **state)
{
	uint8_t junk[300];
	struct packet k;
	uint8_t q[64];

	(void)state;
	for (uint32_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 37 + 11);
	copy(false, junk, sizeof(junk), 1000 * MS);
	/* Every prefix of a copy, headers cut off included; exactly as long, so that a sanitizer sees a step beyond. */
	packet_udp(&k, false, 40000, q, modbus_ask(q, 1, 1, 6, 5, 7));
	for (uint32_t n = 0; n < k.len; n++) {
		uint8_t *cut = malloc(n + 1u);

		memcpy(cut, k.data, n);
		lane_packet(lanes, (unsigned)all, cut, n, 1001 * MS);
		free(cut);
	}
	assert_int_equal(raised[LANE_PDU], 0);
}

static void a_new_policy_keeps_counts_by_name(void **state)
{
	static struct policy again;

	(void)state;
	COPY(1000 * MS);
	COPY(1001 * MS);
	again = policy.p;
	lane_policy(lanes, &again, 2);
	assert_int_equal(atomic_load(&shm->lanes[all].copies), 2);
	assert_int_equal(atomic_load(&shm->lanes[all].flows), 0);
	assert_int_equal(atomic_load(&shm->generation), 2);
	/* Flows begin anew: nobody is silent by the change itself. */
	lane_tick(lanes, 9000 * MS);
	assert_int_equal(raised[LANE_SILENT], 0);
}

static void a_new_mirror_goes_on_with_the_counts(void **state)
{
	(void)state;
	COPY(1000 * MS);
	memset(lanes, 0, sizeof(*lanes));
	lanes->shm = shm;
	lanes->alarm = on_alarm;
	lane_policy(lanes, &policy.p, 1);
	assert_int_equal(atomic_load(&shm->lanes[all].copies), 1);
	assert_int_equal(atomic_load(&shm->lanes[all].flows), 0);
}

static int open_policy(void **state)
{
	(void)state;
	test_policy_open(&policy, text);
	return 0;
}
static int close_policy(void **state)
{
	(void)state;
	test_policy_close(&policy);
	return 0;
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(conduits_are_found_by_their_prefix),   ROW(as_many_as_expected_are_no_alarm),
		ROW(more_are_one_alarm_until_it_is_over),  ROW(silence_is_an_alarm_of_its_direction),
		ROW(one_packet_is_not_running_yet),        ROW(a_read_is_no_alarm_a_write_is),
		ROW(nothing_is_made_of_nonsense),          ROW(a_new_policy_keeps_counts_by_name),
		ROW(a_new_mirror_goes_on_with_the_counts),
	};

	return cmocka_run_group_tests_name("lane", tests, open_policy, close_policy);
}
