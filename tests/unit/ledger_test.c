/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger's arithmetic (P6), on counters as iptables-save and nft print them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fwd/recorder/ledger.c"

void complain(const char *fmt, ...)
{
	(void)fmt;
}
int64_t clock_us(void)
{
	return 0;
}

#define IPT(in, inspected, unseen)                                                                               \
	"*mangle\n:FORWARD ACCEPT [9:9]\n"                                                                       \
	"[" in ":800] -A otfw-in_1 -m comment --comment \"otfw in cell\" -j RETURN\n"                            \
	"[" inspected                                                                                            \
	":1] -A otfw-out_1 -m mark --mark 0x1/0xff -m comment --comment \"otfw out cell/inspected\" -j RETURN\n" \
	"[" unseen                                                                                               \
	":1] -A otfw-out_1 -m mark --mark 0x6/0xff -m comment --comment \"otfw out cell/unseen\" -j RETURN\n"    \
	"[77:1] -A otfw-postrouting -m mark --mark 0x1/0xff -m comment --comment \"otfw ledger inspected\"\n"    \
	"[55:1] -A otfw-safety_in -m comment --comment \"otfw safety-in peers/1\" -j RETURN\nCOMMIT\n"
#define DROPS_TEXT(invalid, unlisted)                                                                              \
	"[" invalid                                                                                                \
	":1] -A otfw-dropto_1 -m conntrack --ctstate INVALID -m comment --comment \"otfw invalid cell\" -j DROP\n" \
	"[" unlisted ":1] -A otfw-dropto_1 -m comment --comment \"otfw unlisted-to cell\" -j DROP\n"               \
	"[0:0] -A otfw-dropfrom_0 -m comment --comment \"otfw no-zone\" -j DROP\n"
/* Queue, dropped, of them late, settled, suspects, released. */
#define BOOKS(before, row, after) "\n@ books\nbefore 0 " before "\n" row "\nafter 0 " after "\n"
#define ROW(waiting, full, refused)                                                                          \
	"    0  31621     " waiting " 2 65531     " full "     " refused "      100  1"
#define READING(first, drops, books, second)                                                                 \
	"\n@ first\n" first "\n@ drops\n" drops books "\n@ second\n" second

struct row {
	const char *name, *text, *base;
	int64_t unaccounted;
	uint64_t moving;
	int64_t before;
};
static const struct row rows[] = {
	{"all_left",
	 READING(IPT("10", "10", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0"), IPT("10", "10", "0")),
	 NULL, 0, 0, 0},
	{"kernel_drops_are_booked",
	 READING(IPT("10", "5", "1"), DROPS_TEXT("3", "1"),
		 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0"), IPT("10", "5", "1")),
	 NULL, 0, 0, 0},
	{"queue_books_explain_the_rest",
	 READING(IPT("21", "0", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("6 0 5 4 9", ROW("3", "2", "1"), "6 0 5 4 9"), IPT("21", "0", "0")),
	 NULL, 0, 0, 0},
	{"a_drop_that_came_too_late_is_none",
	 READING(IPT("10", "8", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("5 3 0 0 0", ROW("0", "0", "0"), "5 3 0 0 0"), IPT("10", "8", "0")),
	 NULL, 0, 0, 0},
	{"lost_packets_are_unaccounted",
	 READING(IPT("10", "8", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0"), IPT("10", "8", "0")),
	 NULL, 2, 0, 0},
	{"one_booked_twice_shows_too",
	 READING(IPT("10", "10", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("1 0 0 0 0", ROW("0", "0", "0"), "1 0 0 0 0"), IPT("10", "10", "0")),
	 NULL, -1, 0, 0},
	{"packets_that_move_are_no_loss",
	 READING(IPT("10", "8", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("0 0 0 0 0", ROW("2", "0", "0"), "0 0 0 0 0"), IPT("15", "15", "0")),
	 NULL, 0, 12, 0},
	{"a_loss_beyond_what_moves_shows",
	 READING(IPT("10", "4", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0"), IPT("12", "6", "0")),
	 NULL, 4, 4, 0},
	{"losses_before_the_start_are_told_apart",
	 READING(IPT("20", "15", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("1 0 0 0 0", ROW("0", "0", "0"), "1 0 0 0 0"), IPT("20", "15", "0")),
	 READING(IPT("10", "6", "0"), DROPS_TEXT("0", "0"),
		 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0"), IPT("10", "6", "0")),
	 0, 0, 4},
};

static struct ledger now, base;

static void weighs(void **state)
{
	const struct row *r = *state;
	struct ledger_balance b;

	memset(&base, 0, sizeof(base));
	assert_true(ledger_parse(&now, r->text));
	if (r->base)
		assert_true(ledger_parse(&base, r->base));
	ledger_weigh(&now, &base, &b);
	assert_int_equal(b.unaccounted, r->unaccounted);
	assert_int_equal(b.moving, r->moving);
	assert_int_equal(b.before, r->before);
}

static void other_labels_are_left_alone(void **state)
{
	(void)state;
	assert_true(ledger_parse(&now, rows[1].text));
	assert_int_equal(now.nzones, 2);
	assert_string_equal(now.zones[0].name, "cell");
	assert_int_equal(now.zones[0].in[0], 10);
	assert_int_equal(now.zones[0].out[1][OUT_UNSEEN], 1);
	assert_int_equal(now.zones[0].drop[0][DROP_INVALID], 3);
	assert_string_equal(now.zones[1].name, "no-zone");
}

static void both_families_add_up(void **state)
{
	(void)state;
	assert_true(ledger_parse(&now,
				 "@ first\n" IPT("10", "1", "2") "@ first\n" IPT(
					 "5", "1", "0") "@ drops\n" DROPS_TEXT("1", "0")
					 BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0") "@ second\n" IPT(
						 "10", "1", "2") "@ second\n" IPT("6", "1", "0")));
	assert_int_equal(now.zones[0].in[0], 15);
	assert_int_equal(now.zones[0].in[1], 16);
	assert_int_equal(now.zones[0].out[0][OUT_INSPECTED], 2);
}

static void nft_counters_are_objects(void **state)
{
#define NFT                                                                                                                              \
	"table inet otfw {\n\tcounter in_1_all {\n\t\tpackets 7 bytes 99\n\t}\n\n\tcounter out_1_kernel {\n\t\tpackets 6 bytes 1\n\t}\n" \
	"\tcounter dropto_1_invalid {\n\t\tpackets 1 bytes 40\n\t}\n\tchain in_1 {\n"                                                    \
	"\t\tcounter name \"in_1_all\" return comment \"otfw in cell\"\n\t}\n\tchain out_1 {\n"                                          \
	"\t\tmeta mark & 0x000000ff == 0x00000004 counter name \"out_1_kernel\" return comment \"otfw out cell/kernel\"\n\t}\n"          \
	"\tchain dropto_1 {\n\t\tct state invalid counter name \"dropto_1_invalid\" drop comment \"otfw invalid cell\"\n\t}\n"           \
	"\tchain forward {\n\t\tcounter packets 3 bytes 9 goto kernel comment \"otfw kernel cell/web\"\n\t}\n}\n"
	struct ledger_balance b;

	(void)state;
	memset(&base, 0, sizeof(base));
	assert_true(ledger_parse(
		&now, "@ first\n" NFT BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0") "@ second\n" NFT));
	assert_int_equal(now.zones[0].in[1], 7);
	assert_int_equal(now.zones[0].out[0][OUT_KERNEL], 6);
	assert_int_equal(now.zones[0].drop[1][DROP_INVALID], 1);
	ledger_weigh(&now, &base, &b);
	assert_int_equal(b.unaccounted, 0);
}

static void half_a_reading_is_none(void **state)
{
	(void)state;
	assert_false(ledger_parse(&now, ""));
	assert_false(ledger_parse(&now, "@ first\n" IPT("10", "10", "0")));
	assert_false(ledger_parse(&now, "@ first\n" IPT("1", "1", "0") "@ second\n" IPT("1", "1", "0")));
	assert_false(ledger_parse(&now, "@ first\n@ first\n@ books\n@ second\n"));
	assert_false(now.good);
}

static void safety_flows_are_listed(void **state)
{
	static const char ipt[] =
		"\n@ first\n[7:1] -A otfw-safety_in -m comment --comment \"otfw safety-in peers/1\" -j RETURN\n"
		"\n@ drops\n[2:1] -A otfw-safety_queued -m comment --comment \"otfw safety-queued peers/1\" -j RETURN\n"
		"\n@ books\n"
		"\n@ second\n[8:1] -A otfw-safety_in -i a -m comment --comment \"otfw safety-in peers/1\" -j RETURN\n"
		"[1:1] -A otfw-safety_in -i b -m comment --comment \"otfw safety-in peers/1\" -j RETURN\n"
		"[9:1] -A otfw-safety_out -m comment --comment \"otfw safety-out peers/1\" -j RETURN\n"
		"[5:1] -A otfw-safety_out -m comment --comment \"otfw safety-out peers/2\" -j RETURN\n";
	static const char nft[] =
		"\n@ first\n\n@ books\n\n@ second\n"
		"\t\tiifname \"a\" udp dport 30010 counter packets 12 bytes 96 return comment \"otfw safety-in peers/0\"\n";
	static struct ledger l;

	(void)state;
	assert_true(ledger_parse(&l, ipt));
	assert_int_equal(l.nflows, 2);
	assert_string_equal(l.flows[0].name, "peers/1");
	assert_int_equal(l.flows[0].in, 9); /* both interfaces, as the second reading has them */
	assert_int_equal(l.flows[0].out, 9);
	assert_int_equal(l.flows[0].queued, 2);
	assert_int_equal(l.flows[1].out, 5);
	assert_true(ledger_parse(&l, nft));
	assert_int_equal(l.nflows, 1);
	assert_int_equal(l.flows[0].in, 12);
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(other_labels_are_left_alone), cmocka_unit_test(both_families_add_up),
		cmocka_unit_test(nft_counters_are_objects),    cmocka_unit_test(half_a_reading_is_none),
		cmocka_unit_test(safety_flows_are_listed),
	};
	struct CMUnitTest table[sizeof(rows) / sizeof(rows[0])];
	size_t n = sizeof(rows) / sizeof(rows[0]);

	for (size_t i = 0; i < n; i++)
		table[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = weighs,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	int failed = _cmocka_run_group_tests("ledger weighs", table, n, NULL, NULL);
	return failed + cmocka_run_group_tests_name("ledger", fixed, NULL, NULL);
}
