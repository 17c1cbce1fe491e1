/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is lent on top of a policy: the list, its end and its text; and what it makes of a policy, operation by operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fwd/common/overlay.h"
#include "rules/diff.h"
#include "rules/overlay.h"
#include "tests/policy_make.h"

#define S INT64_C(1000000)

/* ---- the list ---- */

static struct overlay list, back;
static char text[OVERLAY_TEXT_MAX];

static size_t fill(void)
{
	struct overlay_entry unlock = {.name = "prog/load",
				       .uid = 0,
				       .needs = 2,
				       .people = 2,
				       .login = {1001, 1002},
				       .for_us = 7200 * S,
				       .since_us = 1700000000 * S,
				       .until_us = 1700007200 * S,
				       .until_boot_us = 9000 * S,
				       .boot = "47cb92bb-becb-4a56-b9dd-e0fa3e445b55",
				       .reason = "new recipe: 7",
				       .ticket = "M-7"},
			     permit = unlock;

	permit.permit = true;
	permit.needs = permit.people = 1;
	permit.login[1] = 0;
	memset(permit.name, 0, sizeof(permit.name));
	memset(permit.ticket, 0, sizeof(permit.ticket));
	strcpy(permit.name, "K3T9QX");
	strcpy(permit.operation, "10.1.0.2 -> 10.2.0.9:502/tcp modbus request unit 1 write-coil coil 3 = 1");
	list = (struct overlay){.n = 2};
	list.list[0] = unlock;
	list.list[1] = permit;
	return overlay_print(&list, text, sizeof(text));
}

static void what_is_written_is_read(void **state)
{
	size_t n = fill();

	(void)state;
	assert_true(n > 0);
	assert_int_equal(overlay_parse(&back, text, n), 0);
	assert_int_equal(back.n, 2);
	assert_memory_equal(&back.list[0], &list.list[0], sizeof(list.list[0]));
	assert_memory_equal(&back.list[1], &list.list[1], sizeof(list.list[1]));
	list.n = 0;
	n = overlay_print(&list, text, sizeof(text));
	assert_int_equal(overlay_parse(&back, text, n), 0);
	assert_int_equal(back.n, 0);
}

static void every_change_is_seen(void **state)
{
	size_t n = fill();

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char was = text[i];

		text[i] = was == '1' ? '2' : '1';
		assert_int_equal(overlay_parse(&back, text, n), -1);
		text[i] = was;
		assert_int_equal(overlay_parse(&back, text, i), -1);
	}
	assert_int_equal(overlay_parse(&back, text, n), 0);
}

static void its_end(void **state)
{
	struct island_now now = {.wall_us = 1700000001 * S, .boot_us = 1801 * S, .clock_good = false};
	struct overlay_entry *e = &list.list[0];

	(void)state;
	fill();
	/* In the same boot the wall clock says nothing, good or not. */
	strcpy(now.boot, e->boot);
	assert_false(overlay_over(e, &now));
	now.wall_us = 1900000000 * S;
	assert_false(overlay_over(e, &now));
	now.boot_us = e->until_boot_us;
	assert_true(overlay_over(e, &now));
	/* In another boot it is the wall clock's, and only a good one's. */
	strcpy(now.boot, "other");
	now.boot_us = 5 * S;
	now.wall_us = 1700007199 * S;
	assert_true(overlay_over(e, &now));
	now.clock_good = true;
	assert_false(overlay_over(e, &now));
	overlay_carry(e, &now);
	assert_int_equal(e->until_boot_us, 6 * S);
	assert_string_equal(e->boot, "other");
	strcpy(e->boot, "one more");
	now.wall_us = 1700007200 * S;
	assert_true(overlay_over(e, &now));
	now.wall_us = 1699999999 * S;
	assert_true(overlay_over(e, &now));
}

static void warnings(void **state)
{
	static const struct {
		int64_t for_s, left_ms;
		unsigned due;
		int64_t next_ms;
	} rows[] = {{7200, 700000, 0, 100000}, {7200, 600000, 1, 540000}, {7200, 60000, 2, -1},
		    {60, 25000, 0, 5000},      {60, 20000, 1, 16000},     {60, 4000, 2, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct overlay_entry e = {.for_us = rows[i].for_s * S, .until_boot_us = 100000 * S};
		int64_t next;

		assert_int_equal(overlay_warnings(&e, 100000 * S - rows[i].left_ms * 1000, &next),
				 rows[i].due);
		assert_int_equal(next, rows[i].next_ms < 0 ? INT64_MAX : rows[i].next_ms * 1000);
	}
}

static void names(void **state)
{
	(void)state;
	assert_true(overlay_name_good(false, "prog/load-1"));
	assert_true(overlay_name_good(true, "K3T9QX"));
	assert_false(overlay_name_good(false, "prog"));
	assert_false(overlay_name_good(false, "a/b/c"));
	assert_false(overlay_name_good(false, "a/"));
	assert_false(overlay_name_good(false, "a b/c"));
	assert_false(overlay_name_good(true, "K3T/9Q"));
	assert_false(overlay_name_good(true, ""));
}

/* ---- policies ---- */

static const char plant[] =
	"version: 1\n"
	"zones:\n"
	"  office: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"
	"  cell: {level: 2, networks: [10.2.0.0/24], failure: closed}\n"
	"  sis: {level: 2, networks: [10.9.0.0/24], failure: closed, safety: true}\n"
	"conduits:\n"
	"  - {name: plc, from: [office], to: cell, servers: any, protocols: [modbus, s7comm, dnp3], at-most: [read, write, operate, diagnose, program], allow: [\n"
	"      {id: view, clients: any, servers: any, protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [0..9]}},\n"
	"      {id: load, clients: [10.1.0.20], servers: any, protocol: s7comm, functions: [download], addresses: {block: any}, block-types: any, unlock: {max: 4h}}]}\n"
	"  - {name: to-sis, from: [office], to: sis, lane: inspected, failure: closed, servers: any, protocols: [modbus], at-most: [read], allow: [\n"
	"      {id: view, clients: any, servers: any, protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [0..9]}}]}\n";

#define FROM  "10.1.0.2 -> 10.2.0.9:502/tcp modbus request unit 1 "
#define UNTIL (MAKE_NOW + 3600 * S)

/* With the items of it lent. The reason of the first that is refused in why. */
static bool lend(struct made *m, const struct overlay_item *it, size_t n, char *why, size_t cap)
{
	struct diag *d = diag_new();
	struct model *model = model_load_text("plant", plant, strlen(plant), MAKE_NOW, d);
	struct made base = {0};
	char err[200];
	bool good = true;

	assert_non_null(model);
	assert_int_equal(compile_image(model, d, &base.image, &base.size), 0);
	assert_int_equal(policy_open(&base.policy, base.image, base.size, err, sizeof(err)), 0);
	memcpy(model->base, policy_digest(&base.policy), POLICY_DIGEST);
	for (size_t i = 0; i < n && good; i++)
		good = overlay_apply(model, &base.policy, &it[i], why, cap) == 0;
	model->lent = n > 0;
	assert_int_equal(compile_image(model, d, &m->image, &m->size), 0);
	assert_int_equal(policy_open(&m->policy, m->image, m->size, err, sizeof(err)), 0);
	assert_memory_equal(policy_base_digest(&m->policy), policy_digest(&base.policy), POLICY_DIGEST);
	model_free(model);
	diag_free(d);
	free(base.image);
	return good;
}

static enum reason ask(const struct made *m, const char *client, const char *server, uint16_t port,
		       const char *line, const struct policy_now *now, struct match *out)
{
	static struct op_text op;
	static struct pdu pdu;
	struct tuple t = {.sport = 40000,
			  .dport = port,
			  .ipproto = 6,
			  .src = {[10] = 0xff, [11] = 0xff},
			  .dst = {[10] = 0xff, [11] = 0xff}};
	struct route route;
	char err[200];

	assert_int_equal(inet_pton(AF_INET, client, t.src + 12), 1);
	assert_int_equal(inet_pton(AF_INET, server, t.dst + 12), 1);
	if (op_parse(line, &op, err, sizeof(err)) != 0)
		fail_msg("%s: %s", line, err);
	policy_route(&m->policy, &t, false, &route);
	*out = (struct match){0};
	if (route.reason != REASON_NONE)
		return route.reason;
	pdu.fault.reason = REASON_NONE;
	pdu.nops = 1;
	pdu.ops[0] = op.op;
	return policy_match(&m->policy, route.ruleset, &pdu, t.src, now, NULL, out);
}

static void a_permit_is_exactly_that(void **state)
{
	static const struct {
		const char *client, *server, *op;
		bool allowed;
	} rows[] = {
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..42 = 5 6 5", true},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..41 = 5 6", true},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..42 = 5 6 6", false},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..42 = 6 5 5", false},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..43 = 5 6 5 5", false},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 39..41 = 5 5 6", false},
		{"10.1.0.2", "10.2.0.9", "modbus request unit 1 write-single-register holding 40 = 5", false},
		{"10.1.0.2", "10.2.0.9",
		 "modbus request unit 2 write-multiple-registers holding 40..42 = 5 6 5", false},
		{"10.1.0.3", "10.2.0.9",
		 "modbus request unit 1 write-multiple-registers holding 40..42 = 5 6 5", false},
		{"10.1.0.2", "10.2.0.8",
		 "modbus request unit 1 write-multiple-registers holding 40..42 = 5 6 5", false},
		{"10.1.0.2", "10.2.0.9", "modbus request unit 1 read-holding-registers holding 9", true},
		{"10.1.0.2", "10.2.0.9", "modbus request unit 1 read-holding-registers holding 40", false},
	};
	struct overlay_item it = {.permit = true,
				  .name = "K3T9QX",
				  .operation = FROM "write-multiple-registers holding 40..42 = 5 6 5",
				  .reason = "pump",
				  .until_us = UNTIL};
	struct policy_now now = {.unix_us = MAKE_NOW, .clock_good = true};
	struct made m = {0};
	struct match match;
	char why[300] = "";

	(void)state;
	assert_true(lend(&m, &it, 1, why, sizeof(why)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool got =
			ask(&m, rows[i].client, rows[i].server, 502, rows[i].op, &now, &match) == REASON_NONE;

		if (got != rows[i].allowed)
			fail_msg("%s -> %s %s", rows[i].client, rows[i].server, rows[i].op);
	}
	/* It ends, and does not need a good clock for being in force. */
	now.clock_good = false;
	assert_int_equal(ask(&m, "10.1.0.2", "10.2.0.9", 502, rows[0].op, &now, &match), REASON_NONE);
	now = (struct policy_now){.unix_us = UNTIL, .clock_good = true};
	assert_int_equal(ask(&m, "10.1.0.2", "10.2.0.9", 502, rows[0].op, &now, &match), REASON_UNTIL);
	free(m.image);
}

static void what_nobody_permits(void **state)
{
	static const struct {
		const char *operation, *why;
	} rows[] = {
		{"10.1.0.2 -> 10.2.0.9:102/tcp s7comm request plc-stop", "programming"},
		{"10.1.0.2 -> 10.2.0.9:102/tcp s7comm request request-download block 1 block-type=db",
		 "programming"},
		{FROM "restart-communications", "starts or stops a device"},
		{FROM "force-listen-only-mode", "starts or stops a device"},
		{"10.1.0.2 -> 10.2.0.9:20000/tcp dnp3 request unit 1 origin 2 cold-restart",
		 "starts or stops a device"},
		{FROM "mask-write-register holding 4", "not known"},
		{FROM "write-multiple-registers holding 40..42 = 5 ...", "not known"},
		{"10.1.0.2 -> 10.2.0.9:502/tcp modbus response unit 1 read-holding-registers holding 4 = 3",
		 "an answer"},
		{"10.1.0.2 -> 10.9.0.1:502/tcp modbus request unit 1 read-holding-registers holding 40",
		 "safety zone"},
		{"10.1.0.2 -> 10.7.0.1:502/tcp modbus request unit 1 read-holding-registers holding 40",
		 "no conduit"},
		{"10.1.0.2 -> 10.2.0.9:502/tcp iec104 request unit 1 origin 0 testfr",
		 "not one of the conduit's protocols"},
		{"hmi -> plc:502/tcp modbus request unit 1 read-holding-registers holding 40",
		 "two addresses"},
		{"10.1.0.2 -> 10.2.0.9:0/tcp modbus request unit 1 read-holding-registers holding 40",
		 "port"},
		{"10.1.0.2 -> 10.2.0.9:502/sctp modbus request unit 1 read-holding-registers holding 40",
		 "transport"},
		{"", "two addresses"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct overlay_item it = {.permit = true,
					  .name = "K3T9QX",
					  .operation = rows[i].operation,
					  .reason = "x",
					  .until_us = UNTIL};
		struct made m = {0};
		char why[300] = "";

		if (lend(&m, &it, 1, why, sizeof(why)))
			fail_msg("permitted: %s", rows[i].operation);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: \"%s\" does not hold \"%s\"", rows[i].operation, why, rows[i].why);
		free(m.image);
	}
}

static void a_rule_with_unlock(void **state)
{
	static const char load[] = "s7comm request request-download block 1 block-type=db";
	struct overlay_item it = {.name = "plc/load", .reason = "recipe", .until_us = UNTIL};
	struct policy_now now = {.unix_us = MAKE_NOW, .clock_good = true};
	struct made locked = {0}, open = {0};
	struct policy_unlock u;
	struct match match;
	char why[300];
	uint64_t job;

	(void)state;
	assert_true(lend(&locked, NULL, 0, why, sizeof(why)));
	assert_int_equal(ask(&locked, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_LOCKED);
	assert_int_not_equal(match.job, 0);
	job = match.job;
	assert_true(policy_unlock_get(&locked.policy, match.rule, &u));
	assert_int_equal(u.max_us, 4 * 3600 * S);
	assert_int_equal(u.approvals, 2);
	assert_false(u.lent);
	/* A job of this rule goes on, one of another does not. */
	now.job = job;
	assert_int_equal(ask(&locked, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_NONE);
	now.job = job + 1;
	assert_int_equal(ask(&locked, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_LOCKED);
	now.job = 0;

	assert_true(lend(&open, &it, 1, why, sizeof(why)));
	assert_int_equal(ask(&open, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_NONE);
	assert_int_equal(match.job, job);
	assert_int_not_equal(ask(&open, "10.1.0.2", "10.2.0.9", 102, load, &now, &match), REASON_NONE);
	now.clock_good = false;
	assert_int_equal(ask(&open, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_NONE);
	now = (struct policy_now){.unix_us = UNTIL, .clock_good = true};
	assert_int_equal(ask(&open, "10.1.0.20", "10.2.0.9", 102, load, &now, &match), REASON_LOCKED);
	/* Other rules have no job. */
	assert_int_equal(ask(&open, "10.1.0.2", "10.2.0.9", 502,
			     "modbus request unit 1 read-holding-registers holding 1", &now, &match),
			 REASON_NONE);
	assert_int_equal(match.job, 0);

	it.name = "plc/view";
	struct made none = {0};
	assert_false(lend(&none, &it, 1, why, sizeof(why)));
	free(none.image);
	it.name = "plc/gone";
	assert_false(lend(&none, &it, 1, why, sizeof(why)));
	free(none.image);
	free(locked.image);
	free(open.image);
}

/* A rule that gets an `unlock` allows less by itself, one that loses it more. */
static void diff_of_unlock(void **state)
{
	char *always = strdup(plant), *at = strstr(always, ", unlock: {max: 4h}");
	struct diff_count there = {0}, back_again = {0}, same = {0};
	FILE *null = fopen("/dev/null", "w");

	(void)state;
	assert_non_null(at);
	memmove(at, at + strlen(", unlock: {max: 4h}"), strlen(at + strlen(", unlock: {max: 4h}")) + 1);
	struct made a = made_from(always), b = made_from(plant);
	assert_non_null(null);
	assert_int_equal(diff_print(&a.policy, &b.policy, false, null, &there), 0);
	assert_int_equal(diff_print(&b.policy, &a.policy, false, null, &back_again), 0);
	assert_int_equal(diff_print(&b.policy, &b.policy, false, null, &same), 0);
	assert_int_equal(there.allowed, 0);
	assert_true(there.denied > 0);
	assert_true(back_again.allowed > 0);
	assert_int_equal(back_again.denied, 0);
	assert_int_equal(same.allowed + same.denied + same.changed, 0);
	fclose(null);
	made_free(&a);
	made_free(&b);
	free(always);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_change_is_seen),
		cmocka_unit_test(its_end),
		cmocka_unit_test(warnings),
		cmocka_unit_test(names),
		cmocka_unit_test(a_permit_is_exactly_that),
		cmocka_unit_test(what_nobody_permits),
		cmocka_unit_test(a_rule_with_unlock),
		cmocka_unit_test(diff_of_unlock),
	};
	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
