/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/island.h"

#define S INT64_C(1000000)

static struct islands list, back;
static char text[ISLAND_TEXT_MAX];

static struct island entry(const char *zone, bool override)
{
	struct island is = {.override = override,
			    .uid = 1000,
			    .since_us = 1700000000 * S,
			    .until_us = override ? 1700000900 * S : 0,
			    .until_boot_us = override ? 1000 * S : 0,
			    .nnets = 2,
			    .nets = {{{[10] = 0xff, [11] = 0xff, [12] = 10}, 104}, {{0xfd}, 64}}};

	snprintf(is.zone, sizeof(is.zone), "%s", zone);
	strcpy(is.reason, "worm on the line: cut");
	if (override)
		strcpy(is.boot, "47cb92bb-becb-4a56-b9dd-e0fa3e445b55");
	return is;
}

static size_t fill(void)
{
	struct island a = entry("cell", false), b = entry("line", true);

	list.n = 0;
	a.safety = true;
	assert_non_null(islands_put(&list, &a));
	assert_non_null(islands_put(&list, &b));
	return islands_print(&list, text, sizeof(text));
}

static void what_is_written_is_read(void **state)
{
	size_t n = fill();

	(void)state;
	assert_true(n > 0);
	assert_int_equal(islands_parse(&back, text, n), 0);
	assert_int_equal(back.n, 2);
	assert_memory_equal(&back.list[0], &list.list[0], sizeof(list.list[0]));
	assert_memory_equal(&back.list[1], &list.list[1], sizeof(list.list[1]));
}

static void an_empty_list_is_a_list(void **state)
{
	(void)state;
	list.n = 0;
	size_t n = islands_print(&list, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(islands_parse(&back, text, n), 0);
	assert_int_equal(back.n, 0);
}

static void a_full_list_fits_its_text(void **state)
{
	(void)state;
	list.n = 0;
	for (unsigned i = 0; i < ISLAND_MAX; i++) {
		struct island is = entry("", true);

		memset(is.zone, 'z', ISLAND_ZONE - 1);
		is.zone[snprintf(is.zone, ISLAND_ZONE, "%u", i)] = 'z';
		memset(is.reason, 'r', ISLAND_REASON - 1);
		memset(is.boot, 'b', ISLAND_BOOT - 1);
		is.uid = UINT32_MAX;
		is.since_us = is.until_boot_us = INT64_MAX / 4;
		is.until_us = is.since_us + OVERRIDE_MAX_US;
		is.nnets = ISLAND_NETS;
		memset(is.nets, 0xff, sizeof(is.nets));
		for (unsigned k = 0; k < ISLAND_NETS; k++)
			is.nets[k].plen = 128;
		assert_non_null(islands_put(&list, &is));
	}
	struct island more = entry("more", false);
	assert_null(islands_put(&list, &more));
	size_t n = islands_print(&list, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(islands_parse(&back, text, n), 0);
	assert_int_equal(back.n, ISLAND_MAX);
	assert_int_equal(islands_print(&list, text, 4096), 0);
}

static void every_damage_is_seen(void **state)
{
	size_t n = fill();
	char *bad = malloc(n + 1);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(bad, text, n);
			bad[i] = (char)(bad[i] ^ (1 << bit));
			if (islands_parse(&back, bad, n) == 0)
				fail_msg("bit %d of octet %zu is not missed", bit, i);
			assert_int_equal(back.n, 0);
		}
	for (size_t len = 0; len < n; len++)
		if (islands_parse(&back, text, len) == 0)
			fail_msg("cut to %zu octets it is taken", len);
	memcpy(bad, text, n);
	bad[n] = '\n';
	assert_int_equal(islands_parse(&back, bad, n + 1), -1);
	free(bad);
}

static void isolating_again_never_loosens(void **state)
{
	struct island again = entry("cell", false);

	(void)state;
	fill();
	strcpy(again.reason, "still");
	struct island *is = islands_put(&list, &again);
	assert_int_equal(list.n, 2);
	assert_true(is->safety);
	assert_string_equal(is->reason, "still");
}

static void isolation_and_override_are_two_entries(void **state)
{
	struct island both = entry("cell", true);

	(void)state;
	fill();
	islands_put(&list, &both);
	assert_int_equal(list.n, 3);
	islands_remove(&list, islands_find(&list, "cell", true));
	assert_non_null(islands_find(&list, "cell", false));
	assert_non_null(islands_find(&list, "line", true));
	assert_null(islands_find(&list, "line", false));
	islands_remove(&list, islands_find(&list, "cell", false));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.list[0].zone, "line");
}

/* ---- when an override ends; wall clock and boot clock in seconds behind its start and boot ---- */

struct over_row {
	const char *name;
	bool same_boot, clock_good;
	int64_t wall, boot;
	bool over;
};
static const struct over_row over_rows[] = {
	{"runs", true, true, 10, 200, false},
	{"ends_by_the_clock_since_boot", true, true, 10, 1000, true},
	{"a_wall_clock_set_back_does_not_prolong_it", true, true, -90000, 1000, true},
	{"a_wall_clock_set_ahead_does_not_end_it", true, true, 90000, 999, false},
	{"an_unsynchronised_clock_is_no_matter_in_the_same_boot", true, false, 10, 200, false},
	{"goes_on_behind_a_reboot_by_a_good_clock", false, true, 899, 5, false},
	{"never_longer_than_the_most_there_is", true, true, 10, -30000, true},
	{"ended_while_it_was_off", false, true, 900, 5, true},
	{"a_doubtful_clock_ends_it_at_boot", false, false, 10, 5, true},
	{"a_clock_before_its_start_ends_it_at_boot", false, true, -1, 5, true},
};

static void ends(void **state)
{
	const struct over_row *r = *state;
	struct island is = entry("line", true);
	struct island_now now = {
		.wall_us = is.since_us + r->wall * S, .boot_us = r->boot * S, .clock_good = r->clock_good};

	strcpy(now.boot, r->same_boot ? is.boot : "another");
	assert_int_equal(island_over(&is, &now), r->over);
	is.override = false;
	assert_false(island_over(&is, &now));
}

static void a_reboot_carries_what_is_left(void **state)
{
	struct island is = entry("line", true);
	struct island_now now = {.wall_us = is.since_us + 600 * S, .boot_us = 20 * S, .clock_good = true};

	(void)state;
	strcpy(now.boot, "another");
	assert_false(island_over(&is, &now));
	island_carry(&is, &now);
	assert_string_equal(is.boot, "another");
	assert_int_equal(is.until_boot_us, 320 * S);
	now.boot_us = 320 * S - 1;
	now.clock_good = false;
	assert_false(island_over(&is, &now));
	now.boot_us++;
	assert_true(island_over(&is, &now));
}

/* ---- words ---- */

struct word_row {
	const char *name, *text;
	bool zone, reason;
};
static const struct word_row words[] = {
	{"a_name", "tank-cell_2.b", true, true},
	{"nothing", "", false, false},
	{"blank_inside", "tank cell", false, true},
	{"blank_in_front", " cell", false, false},
	{"blank_behind", "cell ", false, false},
	{"line_feed", "a\nnet 00", false, false},
	{"delete", "a\x7f", false, false},
	{"not_ascii",
	 "Stra\xc3\x9f"
	 "e",
	 false, true},
	{"dash_in_front", "-cell", false, true},
	{"63", "a23456789b123456789c123456789d123456789e123456789f123456789g123", true, true},
	{"64", "a23456789b123456789c123456789d123456789e123456789f123456789g1234", false, true},
	{"95",
	 "a23456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789i123456789j12345",
	 false, true},
	{"96",
	 "a23456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789i123456789j123456",
	 false, false},
};

static void taken(void **state)
{
	const struct word_row *r = *state;

	assert_int_equal(island_zone_good(r->text), r->zone);
	assert_int_equal(island_reason_good(r->text), r->reason);
}

#define OVERS (sizeof(over_rows) / sizeof(over_rows[0]))
#define WORDS (sizeof(words) / sizeof(words[0]))

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(a_full_list_fits_its_text),
		cmocka_unit_test(every_damage_is_seen),
		cmocka_unit_test(isolating_again_never_loosens),
		cmocka_unit_test(isolation_and_override_are_two_entries),
		cmocka_unit_test(a_reboot_carries_what_is_left),
	};
	struct CMUnitTest table[OVERS + WORDS];

	for (size_t i = 0; i < OVERS; i++)
		table[i] = (struct CMUnitTest){.name = over_rows[i].name,
					       .test_func = ends,
					       .initial_state = (void *)(uintptr_t)&over_rows[i]};
	for (size_t i = 0; i < WORDS; i++)
		table[OVERS + i] = (struct CMUnitTest){.name = words[i].name,
						       .test_func = taken,
						       .initial_state = (void *)(uintptr_t)&words[i]};
	return cmocka_run_group_tests_name("island", fixed, NULL, NULL) +
	       _cmocka_run_group_tests("island words and ends", table, OVERS + WORDS, NULL, NULL);
}
