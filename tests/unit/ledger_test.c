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

#define IPT(entered, queued, inspected, unseen)                                                                                   \
	"*filter\n:FORWARD ACCEPT [9:9]\n[" entered                                                                               \
	":1] -A FORWARD -j otfw-forward\n[3:3] -A FORWARD -j theirs\n"                                                            \
	"[" queued                                                                                                                \
	":800] -A otfw-queue_1 -m comment --comment \"otfw queued cell\" -j MARK --set-xmark 0x6/0xff\n"                          \
	"[" inspected                                                                                                             \
	":1] -A otfw-out_1 -m mark --mark 0x1/0xff -m comment --comment \"otfw out cell/inspected\" -j RETURN\n"                  \
	"[" unseen                                                                                                                \
	":1] -A otfw-out_1 -m mark --mark 0x6/0xff -m comment --comment \"otfw out cell/unseen\" -j RETURN\n"                     \
	"[77:1] -A otfw-postrouting -m mark --mark 0x1/0xff -m comment --comment \"otfw ledger inspected\" -g otfw-post_queued\n" \
	"[55:1] -A otfw-flowin_1 -m comment --comment \"otfw safety-in peers/1\" -j CT --notrack\nCOMMIT\n"
#define DROPS_TEXT(invalid, unlisted)                                                                        \
	"[" invalid ":1] -A otfw-bad_1 -m comment --comment \"otfw invalid cell\" -j DROP\n"                 \
	"[" unlisted ":1] -A otfw-dropto_1 -m comment --comment \"otfw unlisted-to cell\" -j DROP\n"         \
	"[0:0] -A otfw-dropfrom_0 -m comment --comment \"otfw no-zone\" -j DROP\n"
/* Accepted in the kernel, and isolated on the way out: from a queue, from the kernel lane. */
#define MORE_TEXT(kernel, cut, cut_kernel)                                                                       \
	"[" kernel                                                                                               \
	":1] -A otfw-kernel_1 -m comment --comment \"otfw accepted-kernel cell\" -j MARK --set-xmark 0x4/0xff\n" \
	"[" cut ":1] -A otfw-cutout_1 -m comment --comment \"otfw isolated-out cell/queue\" -j DROP\n"           \
	"[" cut_kernel                                                                                           \
	":1] -A otfw-cutout_1 -m comment --comment \"otfw isolated-out cell/kernel\" -j DROP\n"
/* Queue, dropped, of them late, settled, suspects, released. */
#define BOOKS(before, row, after) "\n@ books\nbefore 0 " before "\n" row "\nafter 0 " after "\n"
#define ROW(waiting, full, refused)                                                                          \
	"    0  31621     " waiting " 2 65531     " full "     " refused "      100  1"
#define READING(first, drops, books, second) "\n@ first\n" first drops books "\n@ second\n" second drops
#define NO_DROPS                             DROPS_TEXT("0", "0")
#define NO_BOOKS                             BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0")

struct row {
	const char *name, *text, *base;
	int64_t unaccounted;
	uint64_t moving;
	int64_t before;
};
#define SAME(text, drops, books) READING(text, drops, books, text)
static const struct row rows[] = {
	{"all_left", SAME(IPT("10", "10", "10", "0"), NO_DROPS, NO_BOOKS), NULL, 0, 0, 0},
	{"kernel_drops_are_booked", SAME(IPT("10", "6", "5", "1"), DROPS_TEXT("3", "1"), NO_BOOKS), NULL, 0,
	 0, 0},
	{"queue_books_explain_the_rest",
	 SAME(IPT("21", "21", "0", "0"), NO_DROPS, BOOKS("6 0 5 4 9", ROW("3", "2", "1"), "6 0 5 4 9")), NULL,
	 0, 0, 0},
	{"a_drop_that_came_too_late_is_none",
	 SAME(IPT("10", "10", "8", "0"), NO_DROPS, BOOKS("5 3 0 0 0", ROW("0", "0", "0"), "5 3 0 0 0")), NULL,
	 0, 0, 0},
	{"packets_lost_behind_a_queue_are_unaccounted", SAME(IPT("10", "10", "8", "0"), NO_DROPS, NO_BOOKS),
	 NULL, 2, 0, 0},
	{"packets_that_no_account_has_are_unaccounted", SAME(IPT("10", "7", "7", "0"), NO_DROPS, NO_BOOKS),
	 NULL, 3, 0, 0},
	{"one_booked_twice_shows_too",
	 SAME(IPT("10", "10", "10", "0"), NO_DROPS, BOOKS("1 0 0 0 0", ROW("0", "0", "0"), "1 0 0 0 0")),
	 NULL, -1, 0, 0},
	{"what_is_isolated_on_its_way_out_is_no_loss",
	 SAME(IPT("10", "6", "4", "0") MORE_TEXT("4", "2", "1"), NO_DROPS, NO_BOOKS), NULL, 0, 0, 0},
	{"packets_that_move_are_no_loss",
	 READING(IPT("10", "10", "8", "0"), NO_DROPS, BOOKS("0 0 0 0 0", ROW("2", "0", "0"), "0 0 0 0 0"),
		 IPT("15", "15", "15", "0")),
	 NULL, 0, 22, 0},
	{"a_loss_beyond_what_moves_shows",
	 READING(IPT("10", "10", "4", "0"), NO_DROPS, NO_BOOKS, IPT("12", "12", "6", "0")), NULL, 4, 8, 0},
	{"losses_before_the_start_are_told_apart",
	 SAME(IPT("20", "20", "15", "0"), NO_DROPS, BOOKS("1 0 0 0 0", ROW("0", "0", "0"), "1 0 0 0 0")),
	 SAME(IPT("10", "10", "6", "0"), NO_DROPS, NO_BOOKS), 0, 0, 4},
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
	assert_int_equal(now.entered[0], 10);
	assert_int_equal(now.zones[0].way[0][WAY_QUEUE], 6);
	assert_int_equal(now.zones[0].out[1][OUT_UNSEEN], 1);
	assert_int_equal(now.zones[0].drop[0][DROP_INVALID], 3);
	assert_string_equal(now.zones[1].name, "no-zone");
}

static void both_families_add_up(void **state)
{
	(void)state;
	assert_true(ledger_parse(
		&now, "@ first\n" IPT("10", "10", "1", "2") "@ first\n" IPT("5", "5", "1", "0") NO_BOOKS
		"@ second\n" IPT("10", "10", "1", "2") "@ second\n" IPT("6", "6", "1", "0")));
	assert_int_equal(now.entered[0], 15);
	assert_int_equal(now.entered[1], 16);
	assert_int_equal(now.zones[0].way[1][WAY_QUEUE], 16);
	assert_int_equal(now.zones[0].out[0][OUT_INSPECTED], 2);
}

static void nft_counters_are_objects(void **state)
{
#define NFT                                                                                                                              \
	"table inet otfw {\n\tcounter entered {\n\t\tpackets 8 bytes 99\n\t}\n\n\tcounter queue_1_all {\n\t\tpackets 1 bytes 9\n\t}\n\n" \
	"\tcounter kernel_1_all {\n\t\tpackets 6 bytes 1\n\t}\n\tcounter out_1_inspected {\n\t\tpackets 1 bytes 1\n\t}\n"                \
	"\tcounter bad_1_invalid {\n\t\tpackets 1 bytes 40\n\t}\n\tchain queue_1 {\n"                                                    \
	"\t\tcounter name \"queue_1_all\" meta mark set meta mark & 0xffffff00 | 0x00000006 comment \"otfw queued cell\"\n\t}\n"         \
	"\tchain kernel_1 {\n\t\tcounter name \"kernel_1_all\" meta mark set 0x4 comment \"otfw accepted-kernel cell\"\n\t}\n"           \
	"\tchain out_1 {\n"                                                                                                              \
	"\t\tmeta mark & 0x000000ff == 0x00000001 counter name \"out_1_inspected\" return comment \"otfw out cell/inspected\"\n\t}\n"    \
	"\tchain bad_1 {\n\t\tcounter name \"bad_1_invalid\" drop comment \"otfw invalid cell\"\n\t}\n"                                  \
	"\tchain hook_forward {\n\t\ttype filter hook forward priority 0; policy drop;\n"                                                \
	"\t\tcounter name \"entered\" jump forward comment \"otfw entered\"\n\t}\n"                                                      \
	"\tchain forward {\n\t\tcounter packets 3 bytes 9 goto kernel_1 comment \"otfw kernel cell/web\"\n\t}\n}\n"
	struct ledger_balance b;

	(void)state;
	memset(&base, 0, sizeof(base));
	assert_true(ledger_parse(
		&now, "@ first\n" NFT BOOKS("0 0 0 0 0", ROW("0", "0", "0"), "0 0 0 0 0") "@ second\n" NFT));
	assert_int_equal(now.entered[1], 8);
	assert_int_equal(now.zones[0].way[0][WAY_KERNEL], 6);
	assert_int_equal(now.zones[0].drop[1][DROP_INVALID], 1);
	ledger_weigh(&now, &base, &b);
	assert_int_equal(b.unaccounted, 0);
}

static void half_a_reading_is_none(void **state)
{
	(void)state;
	assert_false(ledger_parse(&now, ""));
	assert_false(ledger_parse(&now, "@ first\n" IPT("10", "10", "10", "0")));
	assert_false(
		ledger_parse(&now, "@ first\n" IPT("1", "1", "1", "0") "@ second\n" IPT("1", "1", "1", "0")));
	assert_false(ledger_parse(&now, "@ first\n@ first\n@ books\n@ second\n"));
	assert_false(now.good);
}

static void safety_flows_are_listed(void **state)
{
#define FLOW(n, chain, label)                                                                                \
	"[" n ":1] -A otfw-" chain " -m comment --comment \"otfw " label "\" -j RETURN\n"
	static const char ipt[] = "\n@ first\n" FLOW("7", "flowin_1", "safety-in peers/1") FLOW(
		"7", "flowend_1", "safety-out peers/1 sis") FLOW("4", "flowin_2", "safety-in peers/2")
		FLOW("3", "flowend_2", "safety-out peers/2 sis")
			FLOW("1", "safety_queued", "safety-queued peers/1") "\n@ books\n\n@ second\n" FLOW(
				"8", "flowin_1", "safety-in peers/1")
				FLOW("9", "flowend_1", "safety-out peers/1 sis")
					FLOW("4", "flowin_2", "safety-in peers/2")
						FLOW("3", "flowend_2", "safety-out peers/2 sis")
							FLOW("2", "safety_queued", "safety-queued peers/1");
	static const char nft[] =
		"\n@ first\n\n@ books\n\n@ second\n"
		"\tcounter flowin_1_all {\n\t\tpackets 12 bytes 96\n\t}\n"
		"\t\tcounter name \"flowin_1_all\" notrack comment \"otfw safety-in peers/0\"\n"
		"\t\tudp dport 30010 counter packets 3 bytes 96 return comment \"otfw safety-queued peers/0\"\n";
	static struct ledger l;

	(void)state;
	assert_true(ledger_parse(&l, ipt));
	assert_int_equal(l.nflows, 2);
	assert_string_equal(l.flows[0].name, "peers/1");
	assert_int_equal(l.flows[0].in[1], 8);
	assert_int_equal(l.flows[0].out[1], 9);
	assert_int_equal(l.flows[0].queued, 2);
	assert_int_equal(flow_lost(&l.flows[0]), 0); /* they moved between two listings */
	assert_int_equal(flow_lost(&l.flows[1]), 1);
	/* And that is what their zone has accepted in the lane. */
	assert_int_equal(l.nzones, 1);
	assert_string_equal(l.zones[0].name, "sis");
	assert_int_equal(l.zones[0].way[1][WAY_SAFETY], 12);
	assert_true(ledger_parse(&l, nft));
	assert_int_equal(l.nflows, 1);
	assert_int_equal(l.flows[0].in[1], 12);
	assert_int_equal(l.flows[0].queued, 3);
}

static void a_name_that_is_too_long_takes_no_place(void **state)
{
#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
	static const char text[] = "\n@ first\n" FLOW("7", "flowin_1", "safety-in " LONG "/1")
		FLOW("2", "forward", "kernel " LONG "/web") "\n@ books\n\n@ second\n" FLOW(
			"8", "flowin_1", "safety-in " LONG "/1") FLOW("2", "forward", "kernel " LONG "/web")
			FLOW("2", "forward", "kernel " LONG "/web") FLOW("3", "forward", "kernel cell/web");
	static struct ledger l;

	(void)state;
	assert_true(ledger_parse(&l, text));
	assert_int_equal(l.nflows, 0);
	assert_int_equal(l.nlanes, 1);
	assert_string_equal(l.lanes[0].name, "cell/web");
	assert_int_equal(l.lanes[0].packets, 3);
	/* Of a zone that is an account without a name: such a reading is none. */
	assert_false(ledger_parse(
		&l, "\n@ first\n" FLOW("7", "dropto_1", "unlisted-to " LONG) "\n@ books\n\n@ second\n"));
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(other_labels_are_left_alone),
		cmocka_unit_test(both_families_add_up),
		cmocka_unit_test(nft_counters_are_objects),
		cmocka_unit_test(half_a_reading_is_none),
		cmocka_unit_test(safety_flows_are_listed),
		cmocka_unit_test(a_name_that_is_too_long_takes_no_place),
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
