/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routing and judging: one row, one operation, one sentence. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/policy_make.h"

static const char plant[] =
	"version: 1\n"
	"site: {name: Test plant, timezone: Europe/Berlin}\n"
	"zones:\n"
	"  control: {level: 3, networks: [10.1.0.0/24, 'fd00:1::/64'], failure: closed}\n"
	"  cell:    {level: 2, networks: [10.2.0.0/24, 'fd00:2::/64'], failure: closed}\n"
	"  pack:    {level: 2, networks: [10.3.0.0/24], failure: open, deadline: 5ms}\n"
	"hosts:\n"
	"  hmi: [10.1.0.2, 'fd00:1::2']\n"
	"  ews: 10.1.0.20\n"
	"  gw: 10.2.0.2\n"
	"  plc: [10.2.0.9, 'fd00:2::9']\n"
	"  p-101: {at: gw, unit: 4}\n"
	"  p-102: {at: gw, unit: 5}\n"
	"  wrapper: 10.3.0.2\n"
	"profiles:\n"
	"  pump:\n"
	"    protocol: modbus\n"
	"    points:\n"
	"      status: 'holding 0..39'\n"
	"      speed: {at: 'holding 40', type: uint16, values: 0..1000}\n"
	"      start: {at: 'holding 41', values: [0, 1]}\n"
	"      trim: {at: 'holding 42', type: int16, values: -10..10}\n"
	"      total: {at: 'holding 50..53', type: uint32, values: 0..100000}\n"
	"      level: {at: 'holding 60..61', type: float32, values: 0..12.5}\n"
	"      swapped: {at: 'holding 62..63', type: float32, word-order: little, values: -1.5..1.5}\n"
	"      run: {at: 'coil 7', values: [1]}\n"
	"conduits:\n"
	"  - name: pumps\n"
	"    from: [control]\n"
	"    to: cell\n"
	"    servers: [p-101, p-102]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read, write]\n"
	"    allow:\n"
	"      - {id: view, clients: [hmi], servers: any, use: pump, read: [status, speed]}\n"
	"      - {id: set, clients: [hmi], servers: [p-101], use: pump,\n"
	"         write: [speed, start, trim, total, level, swapped, run]}\n"
	"      - {id: raw, clients: [ews], servers: any, protocol: modbus, units: [4], functions: [3, 16, 22],\n"
	"         addresses: {holding: [0..99], except: [40..49]}, values: any}\n"
	"  - name: plc\n"
	"    from: [control]\n"
	"    to: cell\n"
	"    servers: [plc]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read, write, operate, configure, program, session, diagnose, opaque]\n"
	"    allow:\n"
	"      - {id: work, clients: [hmi], protocol: modbus, units: [1], functions: [3, 6],\n"
	"         addresses: {holding: [0..9]}, values: any, when: {days: mon-fri, between: '06:00-22:00'}}\n"
	"      - {id: night, clients: [hmi], protocol: modbus, units: [1], functions: [3],\n"
	"         addresses: {holding: [20..29]}, when: {days: fri, between: '22:00-06:00'}}\n"
	"      - {id: job, clients: [hmi], protocol: modbus, units: [2], functions: [3],\n"
	"         addresses: {holding: [0..9]}, until: '2027-12-31T18:00:00+01:00'}\n"
	"      - {id: umas, clients: [ews], protocol: modbus, units: [1], functions: [90]}\n"
	"      - {id: all, clients: [ews], protocol: modbus, units: any, functions: any, addresses: any, values: any,\n"
	"         id-codes: any, objects: any}\n"
	"      - {id: web, clients: any, tcp: [443], icmp: [echo]}\n"
	"  - name: pack\n"
	"    from: [control]\n"
	"    to: pack\n"
	"    servers: [wrapper]\n"
	"    protocols: [modbus]\n"
	"    mode: learn\n"
	"    at-most: [read]\n";

static struct made made;

static int setup(void **state)
{
	(void)state;
	made = made_from(plant);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_free(&made);
	return 0;
}

/* ---- judging ---- */

#define HOUR 3600000000
#define DAY  (24 * HOUR)

struct row {
	const char *client, *server;
	const char *op;
	const char *reason;
	const char *detail; /* what the sentence holds */
	int64_t after;      /* of MAKE_NOW: Friday 2027-01-15 09:00 in Berlin */
	bool bad_clock;
};

#define MB "modbus request unit "
static const struct row rows[] = {
	{"10.1.0.2", "10.2.0.2", MB "4 read-holding-registers holding 0..40", "none",
	 "allowed by rule pumps/view", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "5 read-holding-registers holding 3", "none", "pumps/view", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 read-holding-registers holding 30..41", "address",
	 "holding 30..41 is not inside 0..40 of rule pumps/view", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 read-holding-registers holding 41", "address",
	 "holding 41 is not inside 0..40 of rule pumps/view", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 read-coils coil 7", "address",
	 "coil 7 is not inside rule pumps/view, which has no coil to read", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "6 read-holding-registers holding 3", "unit",
	 "unit 6 is not inside 4..5 of rule pumps/view", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "5 write-single-register holding 40 = 5", "unit",
	 "unit 5 is not inside 4 of rule pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-single-register holding 40 = 1000", "none", "pumps/set", 0,
	 false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-single-register holding 40 = 1001", "value",
	 "speed (holding 40) = 1001 is not inside 0..1000 of rule pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 40..42 = 9 1 65526", "none",
	 "pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 40..42 = 9 1 65525", "value",
	 "trim (holding 42) = -11 is not inside -10..10 of rule pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 40..43 = 9 1 0 0", "address",
	 "holding 40..43 is not inside 40..42 of rule pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 50..53 = 1 34464 0 1", "none",
	 "pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 50..53 = 0 1 1 34465", "value",
	 "total (holding 52..53) = 100001 is not inside 0..100000", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-single-register holding 50 = 0", "value-cut",
	 "cuts through a value of two addresses", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 51..52 = 0 0", "value-cut", "total",
	 0, false},
	/* 12.5 is 0x41480000; 12.500001 is 0x41480001; NaN is 0x7fc00000; -0.0 is 0x80000000 */
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 60..61 = 16712 0", "none",
	 "pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 60..61 = 16712 1", "value",
	 "level (holding 60..61) = 12.50000", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 60..61 = 32704 0", "value",
	 "no number is not inside", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 60..61 = 32768 0", "none",
	 "pumps/set", 0, false},
	/* 1.5 is 0x3fc00000, its low word first: 0 16320; high word first it is a tiny number and inside as well */
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 62..63 = 0 16320", "none",
	 "pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-multiple-registers holding 62..63 = 0 16448", "value",
	 "swapped (holding 62..63) = 3 is not inside -1.5..1.5", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-single-coil coil 7 = 1", "none", "pumps/set", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 write-single-coil coil 7 = 0", "value",
	 "run (coil 7) = 0 is not inside 1", 0, false},
	{"10.1.0.2", "10.2.0.2", MB "4 mask-write-register holding 40 = ?", "value-unknown",
	 "what is written cannot be known", 0, false},
	{"10.1.0.20", "10.2.0.2", MB "4 mask-write-register holding 30 = ?", "none", "pumps/raw", 0, false},
	{"10.1.0.20", "10.2.0.2", MB "4 write-multiple-registers holding 38..41 = 1 1 1 1", "address",
	 "holding 38..41 is not inside 0..39 of rule pumps/raw", 0, false},
	{"10.1.0.20", "10.2.0.2", MB "4 write-multiple-registers holding 48..50 = 1 1 1", "address",
	 "holding 48..50 is not inside 50..99 of rule pumps/raw", 0, false},
	{"10.1.0.20", "10.2.0.2", MB "5 read-holding-registers holding 0", "unit", "unit 5 is not inside 4",
	 0, false},
	{"10.1.0.20", "10.2.0.2", MB "4 write-single-coil coil 7 = 1", "function",
	 "write-single-coil is in no rule of pumps for this client", 0, false},
	/* FC 8/1 has neither range nor values */
	{"10.1.0.2", "10.2.0.2", MB "4 restart-communications", "function",
	 "restart-communications is in no rule of pumps for this client", 0, false},
	{"10.1.0.20", "10.2.0.9", MB "9 restart-communications", "none", "plc/all", 0, false},
	{"10.1.0.20", "10.2.0.9", "modbus request unit 1 function 90/2 opaque", "none", "plc/umas", 0, false},
	{"10.1.0.20", "10.2.0.9", "modbus request unit 2 function 90/2 opaque", "unit", "plc/umas", 0, false},
	{"10.1.0.2", "10.2.0.9", "modbus request unit 1 function 90/2 opaque", "opaque",
	 "its payload cannot be read", 0, false},
	/* hours: 09:00 on Friday in Berlin */
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "none", "plc/work", 0, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "none", "plc/work", 13 * HOUR - 1,
	 false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "when",
	 "outside mon,tue,wed,thu,fri 06:00-22:00 of rule plc/work", 13 * HOUR, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "when", "plc/work", DAY, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "clock",
	 "the clock is not synchronised, so rule plc/work is off", 0, true},
	/* crossing midnight: Friday's night ends on Saturday, Thursday's is not open */
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 20", "when", "plc/night", 0, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 20", "none", "plc/night", 13 * HOUR,
	 false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 20", "none", "plc/night", 21 * HOUR - 1,
	 false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 20", "when", "plc/night", 21 * HOUR,
	 false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 20", "when", "plc/night", -4 * HOUR,
	 false},
	/* summer time: from Sunday 2027-03-28 on 05:00 UTC is 07:00 in Berlin; on Friday before 05:00 UTC is 06:00 */
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "none", "plc/work",
	 74 * DAY - 4 * HOUR, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "none", "plc/work",
	 70 * DAY - 3 * HOUR, false},
	{"10.1.0.2", "10.2.0.9", MB "1 read-holding-registers holding 0", "when", "plc/work",
	 70 * DAY - 3 * HOUR - 1, false},
	/* until 17:00 UTC on the last day of 2027 */
	{"10.1.0.2", "10.2.0.9", MB "2 read-holding-registers holding 0", "none", "plc/job",
	 350 * DAY + 9 * HOUR - 1, false},
	{"10.1.0.2", "10.2.0.9", MB "2 read-holding-registers holding 0", "until",
	 "rule plc/job ended 2027-12-31T17:00:00Z", 350 * DAY + 9 * HOUR, false},
	{"fd00:1::2", "fd00:2::9", MB "1 read-holding-registers holding 0", "none", "plc/work", 0, false},
};

static void judge_row(void **state)
{
	const struct row *r = *state;
	struct tuple t = tuple_of(r->client, 40000, r->server, 502, 6);
	struct route route;
	struct op_text text;
	static struct pdu pdu;
	struct policy_now now = {MAKE_NOW + r->after, !r->bad_clock, 0};
	struct match m, tried;
	char err[200] = "", detail[300];

	policy_route(&made.policy, &t, false, &route);
	assert_int_equal(route.reason, REASON_NONE);
	assert_int_equal(route.lane, LANE_INSPECTED);
	if (op_parse(r->op, &text, err, sizeof(err)) != 0)
		fail_msg("%s: %s", r->op, err);
	pdu.fault.reason = REASON_NONE;
	pdu.nops = 1;
	pdu.ops[0] = text.op;
	enum reason got = policy_match(&made.policy, route.ruleset, &pdu, t.src, &now, NULL, &m);
	assert_string_equal(reason_name(got), r->reason);
	assert_int_equal(m.reason, got);
	size_t n = policy_detail(&made.policy, &text.op, route.proto, &m, detail, sizeof(detail));
	assert_int_equal(n, strlen(detail));
	if (strstr(detail, r->detail) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", detail, r->detail);
	/* The rule that is named says the same when it is asked alone. */
	assert_int_not_equal(m.rule, POLICY_NO_RULE);
	enum reason alone =
		policy_try(&made.policy, m.rule, &text.op, route.proto, t.src, t.dst, &now, &tried);
	assert_int_equal(alone, got);
	assert_int_equal(policy_try(&made.policy, m.rule, &text.op, route.proto, NULL, NULL, &now, &tried),
			 got);
}

/* A name is what somebody sent: nothing of it steers a terminal, or ends the quotes. */
static void a_name_off_the_wire(void **state)
{
	static const char name[] = "a\x1b[2J\" \\\xc2\x9b";
	static struct op_text text;
	struct match m = {.reason = REASON_KEY};
	char err[200], detail[300];

	(void)state;
	assert_int_equal(op_parse(MB "1 read-holding-registers holding 0", &text, err, sizeof(err)), 0);
	text.op.has |= OP_KEY;
	text.op.key = (struct view){.data = (const uint8_t *)name, .len = sizeof(name)};
	size_t n = policy_detail(&made.policy, &text.op, PROTO_modbus, &m, detail, sizeof(detail));
	assert_int_equal(n, strlen(detail));
	if (!strstr(detail, " \"a\\x1b[2J\\\" \\\\\\xc2\\x9b\\x00\" is not among the names of "))
		fail_msg("%s", detail);
}

/* ---- PDUs of several operations ---- */

static uint32_t set_of(const char *client, const char *server)
{
	struct tuple t = tuple_of(client, 40000, server, 502, 6);
	struct route route;

	policy_route(&made.policy, &t, false, &route);
	assert_int_equal(route.reason, REASON_NONE);
	return route.ruleset;
}

static void several(void **state)
{
	static struct pdu pdu;
	static struct op_text a, b;
	struct policy_now now = {MAKE_NOW, true, 0};
	struct match m;
	uint8_t client[16];
	char err[200];

	(void)state;
	ip_of("10.1.0.20", client);
	uint32_t set = set_of("10.1.0.20", "10.2.0.9");
	assert_int_equal(op_parse(MB "1 read-holding-registers holding 0", &a, err, sizeof(err)), 0);
	assert_int_equal(op_parse("modbus request unit 9 function 90/2 opaque", &b, err, sizeof(err)), 0);
	pdu.ops[0] = a.op;
	pdu.ops[1] = a.op;
	pdu.nops = 2;
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m), REASON_NONE);
	pdu.ops[1] = b.op;
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m), REASON_UNIT);
	assert_int_equal(m.op, 1);
	pdu.nops = 0;
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m), REASON_NO_OPERATION);
	pdu.nops = PDU_OPS_MAX + 1;
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m),
			 REASON_TOO_MANY_OPERATIONS);
	pdu.nops = 1;
	assert_int_equal(policy_match(&made.policy, UINT32_MAX, &pdu, client, &now, NULL, &m),
			 REASON_NO_RULE);
	pdu.fault.reason = REASON_SHORT;
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m), REASON_SHORT);
	pdu.fault.reason = REASON_NONE;

	/* The ceiling that learning stops at: conduit pack is read only. */
	pdu.nops = 2;
	pdu.ops[1] = a.op;
	assert_true(policy_at_most(&made.policy, 0, &pdu));
	pdu.ops[1].access = ACCESS_WRITE;
	assert_false(policy_at_most(&made.policy, 0, &pdu));
	pdu.nops = 0;
	assert_false(policy_at_most(&made.policy, 0, &pdu));
	assert_false(policy_at_most(&made.policy, 99, &pdu));
}

/* ---- routing ---- */

struct path {
	const char *src;
	unsigned sport;
	const char *dst;
	unsigned dport, ipproto;
	bool both;
	const char *reason, *conduit;
	enum lane lane;
	bool from_server;
};

static const struct path paths[] = {
	{"10.1.0.2", 40000, "10.2.0.2", 502, 6, false, "none", "pumps", LANE_INSPECTED, false},
	{"10.2.0.2", 502, "10.1.0.2", 40000, 6, true, "none", "pumps", LANE_INSPECTED, true},
	{"10.2.0.2", 502, "10.1.0.2", 40000, 6, false, "no-conduit", NULL, LANE_NONE, false},
	{"10.1.0.2", 40000, "10.2.0.2", 503, 6, true, "no-rule", "pumps", LANE_NONE, false},
	{"10.1.0.2", 40000, "10.2.0.2", 502, 17, true, "no-rule", "pumps", LANE_NONE, false},
	{"10.1.0.3", 40000, "10.2.0.2", 502, 6, true, "no-rule", "pumps", LANE_NONE, false},
	{"10.1.0.2", 40000, "10.2.0.3", 502, 6, true, "no-conduit", NULL, LANE_NONE, false},
	{"10.9.0.2", 40000, "10.2.0.2", 502, 6, true, "no-zone", NULL, LANE_NONE, false},
	{"10.1.0.99", 40000, "10.2.0.9", 443, 6, true, "none", "plc", LANE_KERNEL, false},
	{"10.1.0.99", 0, "10.2.0.9", 8, 1, true, "none", "plc", LANE_KERNEL, false},
	{"fd00:1::99", 0, "fd00:2::9", 128, 58, true, "none", "plc", LANE_KERNEL, false},
	{"10.1.0.77", 40000, "10.3.0.2", 502, 6, true, "none", "pack", LANE_INSPECTED, false},
	{"10.1.0.77", 40000, "10.3.0.2", 44818, 6, true, "none", "pack", LANE_INSPECTED, false},
	{"10.3.0.2", 44818, "10.1.0.77", 40000, 6, true, "none", "pack", LANE_INSPECTED, true},
	{"10.3.0.2", 44818, "10.1.0.77", 40000, 6, false, "no-conduit", NULL, LANE_NONE, false},
	{"10.1.0.77", 0, "10.3.0.2", 8, 1, true, "none", "pack", LANE_INSPECTED, false},
};

static void route_row(void **state)
{
	const struct path *r = *state;
	struct tuple t = tuple_of(r->src, r->sport, r->dst, r->dport, r->ipproto);
	struct route out;
	struct policy_conduit c = {0};

	policy_route(&made.policy, &t, r->both, &out);
	assert_string_equal(reason_name(out.reason), r->reason);
	assert_int_equal(out.lane, r->lane);
	assert_int_equal(out.from_server, r->from_server);
	assert_int_equal(policy_conduit_get(&made.policy, out.conduit, &c), r->conduit != NULL);
	if (r->conduit != NULL)
		assert_string_equal(c.name, r->conduit);
	if (r->lane == LANE_INSPECTED) {
		struct policy_queue q;
		assert_true(policy_queue_get(&made.policy, out.queue, &q));
		assert_int_equal(q.failure, out.failure);
	}
}

static void names(void **state)
{
	uint8_t gw[16], hmi[16], none[16];

	(void)state;
	ip_of("10.2.0.2", gw);
	ip_of("fd00:1::2", hmi);
	ip_of("10.1.0.200", none);
	assert_string_equal(policy_site(&made.policy), "Test plant");
	assert_string_equal(policy_host_name(&made.policy, gw, -1), "gw");
	assert_string_equal(policy_host_name(&made.policy, gw, 5), "p-102");
	assert_null(policy_host_name(&made.policy, gw, 6));
	assert_string_equal(policy_host_name(&made.policy, hmi, -1), "hmi");
	assert_null(policy_host_name(&made.policy, none, -1));
	assert_int_equal(policy_zone_of(&made.policy, none), policy_zone_of(&made.policy, hmi));
	ip_of("192.0.2.1", none);
	assert_int_equal(policy_zone_of(&made.policy, none), -1);
}

/* A set that is learned has no rules: matching says so, it does not pass. */
static void learn(void **state)
{
	static struct pdu pdu = {.nops = 1};
	struct policy_now now = {MAKE_NOW, true, 0};
	struct match m;
	uint8_t client[16];

	(void)state;
	ip_of("10.1.0.77", client);
	uint32_t set = set_of("10.1.0.77", "10.3.0.2");
	assert_int_equal(policy_match(&made.policy, set, &pdu, client, &now, NULL, &m), REASON_NO_RULE);
}

/* In a zone that talks to itself and learns, either end could be the server. */
static void who_is_the_server(void **state)
{
	static const struct {
		unsigned sport, dport, ipproto;
		bool from_server, v6;
	} ends[] = {
		{40000, 502, 6, false, false}, {502, 40000, 6, true, false},   {40000, 8080, 6, false, false},
		{8080, 40000, 6, true, false}, {9999, 5353, 17, false, false}, {0, 8, 1, false, false},
		{0, 0, 1, true, false},        {0, 3, 1, false, false},        {0, 14, 1, true, false},
		{0, 128, 58, false, true},     {0, 129, 58, true, true},
	};
	struct made one = made_from(
		"version: 1\nzones:\n  plant: {networks: [10.0.0.0/8, \"fd00::/8\"], failure: open, deadline: 20ms}\n"
		"conduits:\n  - {name: all, from: [plant], to: plant, servers: any, protocols: [modbus], mode: learn}\n");

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct tuple t =
			tuple_of(ends[i].v6 ? "fd00::1" : "10.1.0.1", ends[i].sport,
				 ends[i].v6 ? "fd00::2" : "10.1.0.2", ends[i].dport, ends[i].ipproto);
		struct route out;
		policy_route(&one.policy, &t, true, &out);
		assert_int_equal(out.reason, REASON_NONE);
		assert_int_equal(out.lane, LANE_INSPECTED);
		assert_int_equal(out.from_server, ends[i].from_server);
	}
	made_free(&one);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + sizeof(paths) / sizeof(paths[0]) + 5];
	static char titles[sizeof(paths) / sizeof(paths[0])][80];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[n++] =
			(struct CMUnitTest){rows[i].op, judge_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(titles[i], sizeof(titles[i]), "route %s to %s port %u protocol %u", paths[i].src,
			 paths[i].dst, paths[i].dport, paths[i].ipproto);
		tests[n++] =
			(struct CMUnitTest){titles[i], route_row, NULL, NULL, (void *)(uintptr_t)&paths[i]};
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(several);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_name_off_the_wire);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(names);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(learn);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(who_is_the_server);
	assert(n == sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests_name("policy", tests, setup, teardown);
}
