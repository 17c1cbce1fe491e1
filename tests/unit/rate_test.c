/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates: tokens over time, per rule and per client, taken only when the whole PDU passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/policy_make.h"

static const char plant[] =
	"version: 1\n"
	"site: {name: Test plant}\n"
	"zones:\n"
	"  control: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"
	"  cell:    {level: 2, networks: [10.2.0.0/24], failure: closed}\n"
	"hosts: {plc: 10.2.0.9}\n"
	"conduits:\n"
	"  - name: plc\n"
	"    from: [control]\n"
	"    to: cell\n"
	"    servers: [plc]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    at-most: [read, write]\n"
	"    allow:\n"
	"      - {id: own, clients: any, protocol: modbus, units: [1], functions: [3], addresses: {holding: [0..9]},\n"
	"         rate: {max: 2/s, burst: 4, per: client}}\n"
	"      - {id: shared, clients: any, protocol: modbus, units: [1], functions: [3],\n"
	"         addresses: {holding: [10..19]}, rate: {max: 60/min, burst: 1, per: rule}}\n"
	"      - {id: free, clients: any, protocol: modbus, units: [1], functions: [3],\n"
	"         addresses: {holding: [5]}}\n";

static struct made made;
static struct rate_slot slots[64];
static struct rates rates = {slots, 64};
static uint32_t set;

static int setup(void **state)
{
	struct tuple t = tuple_of("10.1.0.1", 40000, "10.2.0.9", 502, 6);
	struct route route;

	(void)state;
	made = made_from(plant);
	policy_route(&made.policy, &t, false, &route);
	set = route.ruleset;
	return route.reason == REASON_NONE ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	made_free(&made);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	memset(slots, 0, sizeof(slots));
	return 0;
}

/* n reads of one address in one PDU. */
static enum reason reads(const char *client, unsigned address, unsigned n, int64_t at_us)
{
	static struct pdu pdu;
	static struct op_text text;
	char line[100], err[100];
	uint8_t ip[16];
	struct policy_now now = {MAKE_NOW + at_us, false, 0};
	struct match m;

	snprintf(line, sizeof(line), "modbus request unit 1 read-holding-registers holding %u", address);
	assert_int_equal(op_parse(line, &text, err, sizeof(err)), 0);
	ip_of(client, ip);
	pdu.nops = n;
	for (unsigned i = 0; i < n; i++)
		pdu.ops[i] = text.op;
	return policy_match(&made.policy, set, &pdu, ip, &now, &rates, &m);
}

static void burst_then_rate(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 499999), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 500000), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 500000), REASON_RATE);
	/* After two idle seconds the whole burst is there again, and no more. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(reads("10.1.0.1", 0, 1, 3000000), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 3000000), REASON_RATE);
}

static void clients_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.2", 0, 1, 0), REASON_NONE);
	/* The other rule is one bucket for all. */
	assert_int_equal(reads("10.1.0.1", 10, 1, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.2", 10, 1, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.2", 10, 1, 1000000), REASON_NONE);
}

/* Each operation takes a token; a PDU that is refused takes none. */
static void whole_pdus(void **state)
{
	(void)state;
	assert_int_equal(reads("10.1.0.1", 0, 5, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 3, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 2, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_RATE);
}

/* A second rule that contains the operation lets it through when the first has no token left. */
static void other_rule(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(reads("10.1.0.1", 5, 1, 0), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 4, 1, 0), REASON_RATE);
}

/* A clock that is set back by an hour must not shut the rule for an hour. */
static void clock_back(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(reads("10.1.0.1", 0, 1, 3600000000), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 0), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 499999), REASON_RATE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 500000), REASON_NONE);
	assert_int_equal(reads("10.1.0.1", 0, 1, 500000), REASON_RATE);
}

/* More clients than slots: those without one are refused, nobody gets more than his own. */
static void table_full(void **state)
{
	unsigned passed = 0;
	char ip[32];

	(void)state;
	for (unsigned i = 1; i < 250; i++) {
		snprintf(ip, sizeof(ip), "10.1.0.%u", i);
		passed += reads(ip, 0, 4, 0) == REASON_NONE;
		assert_int_equal(reads(ip, 0, 4, 0), REASON_RATE);
	}
	assert_in_range(passed, 32, 64);
	/* Once their buckets are full again their slots are free for others. */
	for (unsigned i = 1; i < 30; i++) {
		snprintf(ip, sizeof(ip), "10.1.0.%u", i);
		assert_int_equal(reads(ip, 0, 4, 60000000 + i * 10000000), REASON_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(burst_then_rate, empty), cmocka_unit_test_setup(clients_apart, empty),
		cmocka_unit_test_setup(whole_pdus, empty),      cmocka_unit_test_setup(other_rule, empty),
		cmocka_unit_test_setup(clock_back, empty),      cmocka_unit_test_setup(table_full, empty),
	};

	return cmocka_run_group_tests_name("rate", tests, setup, teardown);
}
