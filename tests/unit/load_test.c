/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy means: numbers in their neutral form, keys that cannot be left out, and warnings about dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "rules/init.h"
#include "rules/model.h"

#define PLANT                                                                                                \
	"version: 1\n"                                                                                       \
	"zones:\n"                                                                                           \
	"  control: {level: 2, networks: [10.1.2.0/24, fd00:2::/64], failure: closed}\n"                     \
	"  cell: {level: 1, networks: [10.1.1.0/24], failure: open, deadline: 5ms}\n"                        \
	"hosts:\n"                                                                                           \
	"  hmi: [10.1.2.10, fd00:2::10, 192.168.1.1]\n"                                                      \
	"  ews: 10.1.2.20\n"                                                                                 \
	"  plc: 10.1.1.5\n"                                                                                  \
	"  gw: 10.1.1.2\n"                                                                                   \
	"  p-1..p-3: {at: gw, units: 4..6}\n"                                                                \
	"groups: {all: [p-1..p-2, last], last: [p-3]}\n"                                                     \
	"profiles:\n"                                                                                        \
	"  pump:\n"                                                                                          \
	"    protocol: modbus\n"                                                                             \
	"    addressing: modicon\n"                                                                          \
	"    points:\n"                                                                                      \
	"      status: 40001..40040\n"                                                                       \
	"      flow: {at: 40041..40044, type: float32, values: -1.5..2.5, word-order: little}\n"             \
	"      set: {at: 400051, type: int16, values: [-5..5, 6, 100]}\n"                                    \
	"      lamp: {at: 1, type: bool, values: any}\n"                                                     \
	"      input: 30005\n"                                                                               \
	"conduits:\n"                                                                                        \
	"  - name: c\n"                                                                                      \
	"    from: [control]\n"                                                                              \
	"    to: cell\n"

static const int64_t noon = INT64_C(1767268800000000); /* 2026-01-01T12:00:00Z */

/* Loads; the diagnostics' text goes to *says (to be freed). */
static struct model *load(const char *text, char **says)
{
	struct diag *d = diag_new();
	size_t n;
	FILE *f = open_memstream(says, &n);
	struct model *m = model_load_text("t.yaml", text, strlen(text), noon, d);

	diag_print(d, f, false);
	fclose(f);
	assert_int_equal(m != NULL, diag_errors(d) == 0);
	diag_free(d);
	return m;
}

static struct model *good(const char *text)
{
	char *says;
	struct model *m = load(text, &says);

	assert_string_equal(says, "");
	free(says);
	assert_non_null(m);
	return m;
}

static void test_plant(void **state)
{
	struct model *m = good(PLANT "    servers: [all, plc]\n    protocols: [modbus]\n");
	const struct model_conduit *c = &m->conduits[0];

	(void)state;
	assert_int_equal(m->nzones, 2);
	assert_string_equal(m->zones[0].name, "cell"); /* by name, whatever the order of the file */
	assert_int_equal(m->zones[0].level, 10);
	assert_int_equal(m->zones[0].failure, FAILURE_OPEN);
	assert_int_equal(m->zones[0].deadline_us, 5000);
	assert_int_equal(m->zones[1].nets.n, 2);
	assert_int_equal(m->nhosts, 7);
	assert_string_equal(m->hosts[3].name, "p-1");
	assert_string_equal(m->hosts[3].at->name, "gw");
	assert_int_equal(m->hosts[5].unit, 6);
	assert_int_equal(m->hosts[5].zone, 0);
	assert_int_equal(c->failure, FAILURE_OPEN); /* that of the `to` zone */
	assert_int_equal(c->mode, MODE_ENFORCE);
	assert_int_equal(c->answer_within_us, 10000000);
	assert_int_equal(c->at_most, (1u << ACCESS_COUNT) - 1);
	assert_int_equal(c->servers.n, 4);
	assert_true(c->servers.v[0].has_unit);
	assert_int_equal(c->servers.v[0].unit, 4);
	assert_false(c->servers.v[3].has_unit);
	assert_int_equal(c->clients.n, 2);
	assert_null(m->timezone);
	model_free(m);
}

static const struct model_cell *cell(const struct model_rule *r, uint32_t first, bool write)
{
	for (size_t i = 0; i < r->ncells; i++)
		if (r->cells[i].first == first && r->cells[i].write == write)
			return &r->cells[i];
	fail_msg("no cell begins at %u", first);
	return NULL;
}

static void test_profile(void **state)
{
	struct model *m = good(
		PLANT
		"    servers: [all]\n    protocols: [modbus]\n    allow:\n"
		"      - {id: r, clients: [hmi], use: pump, read: [status, input], write: [flow, set, lamp]}\n");
	const struct model_rule *r = &m->conduits[0].rules[0];
	const struct model_cell *c;

	(void)state;
	assert_int_equal(r->access, 1u << ACCESS_READ | 1u << ACCESS_WRITE);
	assert_true(r->units.any);
	assert_int_equal(r->ncells, 5);
	assert_int_equal(r->clients.n, 1);
	assert_int_equal(r->clients.v[0].addrs.n, 2); /* the address outside the zone is left out */
	c = cell(r, 40, true);
	assert_int_equal(c->last, 43);
	assert_int_equal(c->type, TYPE_FLOAT32);
	assert_true(c->word_swap && c->bounded && !c->read);
	assert_int_equal(c->values.n, 1);
	assert_int_equal(c->values.v[0].lo, op_order_double(-1.5));
	assert_int_equal(c->values.v[0].hi, op_order_double(2.5));
	assert_string_equal(c->point, "flow");
	c = cell(r, 50, true);
	assert_int_equal(c->values.n, 2); /* -5..6 and 100 */
	assert_int_equal(c->values.v[0].hi, 6);
	c = cell(r, 4, false);
	assert_string_equal(proto_space(proto_get(0), c->space)->name, "input");
	for (size_t i = 0; i < r->ncells; i++)
		if (r->cells[i].type == TYPE_BOOL)
			assert_false(r->cells[i].bounded);
	for (size_t i = 0; i < r->functions.n; i++) /* nothing opaque, nothing without a range */
		for (int64_t k = r->functions.v[i].lo; k <= r->functions.v[i].hi; k += 65536)
			assert_true(proto_function(proto_get(0), (uint32_t)k)->flags & FN_RANGE);
	model_free(m);
}

static void test_raw(void **state)
{
	struct model *m = good(
		PLANT
		"    servers: [plc, gw]\n    protocols: [modbus]\n    allow:\n"
		"      - id: r\n        clients: any\n        servers: [plc]\n        protocol: modbus\n"
		"        ports: [502, 1502]\n        units: [1..3, 4, 9]\n"
		"        functions: [3, 8/0, 90, write-multiple-registers, read-device-identification]\n"
		"        addresses: {holding: [0..99, 100..109], coil: any, except: {holding: [40..49]}}\n"
		"        values: [-1..5]\n        id-codes: [basic, 2]\n        objects: any\n"
		"        rate: {max: 2/min, burst: 3, per: client}\n"
		"        when: {days: [sat-mon, wed], between: \"22:00-06:00\"}\n"
		"        until: 2030-12-31T18:00:00+01:00\n        padding-any: true\n");
	const struct model_rule *r = &m->conduits[0].rules[0];

	(void)state;
	assert_int_equal(r->lane, LANE_INSPECTED);
	assert_int_equal(r->transports, TRANSPORT_TCP);
	assert_int_equal(r->ports.n, 2);
	assert_int_equal(r->units.n, 2);
	assert_int_equal(r->units.v[0].hi, 4);
	assert_int_equal(r->functions.n, 5);
	assert_int_equal(r->functions.v[0].lo, 3 << 16);
	assert_int_equal(r->functions.v[0].hi, 3 << 16);
	assert_int_equal(r->functions.v[4].lo, 90 << 16);
	assert_int_equal(r->functions.v[4].hi, 90 << 16 | 0xffff);
	assert_int_equal(r->access, 1u << ACCESS_READ | 1u << ACCESS_WRITE | 1u << ACCESS_DIAGNOSE |
					    1u << ACCESS_OPAQUE);
	assert_int_equal(r->ncells, 3);
	assert_true(r->values_bounded);
	assert_int_equal(r->values.v[0].lo, -1);
	assert_int_equal(r->nargs, 1);
	assert_int_equal(r->args[0].values.v[0].lo, 1);
	assert_int_equal(r->args[0].values.v[0].hi, 2);
	assert_int_equal(r->rate.max, 2);
	assert_int_equal(r->rate.window_us, 60000000);
	assert_int_equal(r->rate.burst, 3);
	assert_int_equal(r->rate.per, RATE_PER_CLIENT);
	assert_int_equal(r->when.days, 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6);
	assert_int_equal(r->when.from_min, 22 * 60);
	assert_int_equal(r->when.to_min, 6 * 60);
	assert_int_equal(r->until_us, INT64_C(1924966800000000));
	assert_int_not_equal(r->options, 0);
	model_free(m);
}

/* `any` is every function but the opaque ones. */
/* What does without a safeguard is not what points imply. */
static void test_profile_named(void **state)
{
	struct model *m = good(
		"version: 1\n"
		"site: {name: s}\n"
		"zones:\n"
		"  control: {level: 2, networks: [10.1.2.0/24], failure: closed}\n"
		"  cell: {level: 1, networks: [10.1.1.0/24], failure: closed}\n"
		"hosts: {gw: 10.1.1.2, bay: {at: gw, unit: 4}}\n"
		"profiles: {bay: {protocol: dnp3, points: {breaker: {at: crob 4, values: [65, 129]}}}}\n"
		"conduits:\n"
		"  - name: c\n"
		"    from: [control]\n"
		"    to: cell\n"
		"    servers: [bay]\n"
		"    protocols: [dnp3]\n"
		"    allow:\n"
		"      - {id: r, clients: any, masters: [1], use: bay, operate: [breaker], objects: any, controls: any, "
		"counts: any, on-times: any, off-times: any}\n");
	const struct model_rule *r = &m->conduits[0].rules[0];
	static const struct {
		const char *function;
		bool held;
	} rows[] = {{"select", true},
		    {"operate", true},
		    {"direct-operate", false},
		    {"direct-operate-no-ack", false},
		    {"cold-restart", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vocab_function *f = proto_function_find(proto_get(PROTO_dnp3), rows[i].function,
								     strlen(rows[i].function));
		bool held = false;

		assert_non_null(f);
		for (size_t k = 0; k < r->functions.n; k++)
			held = held || (r->functions.v[k].lo <= f->lo && f->lo <= r->functions.v[k].hi);
		assert_int_equal(held, rows[i].held);
	}
	model_free(m);
}

static void test_functions_any(void **state)
{
	struct model *m = good(
		PLANT
		"    servers: [plc]\n    protocols: [modbus]\n    allow:\n"
		"      - {id: r, clients: [hmi], protocol: modbus, units: any, functions: any, addresses: any, values: "
		"any, id-codes: any, objects: any}\n");
	const struct model_rule *r = &m->conduits[0].rules[0];
	unsigned opaque = 0, other = 0;

	(void)state;
	for (const struct vocab_function *f = proto_get(0)->functions; f->name; f++) {
		bool held = false;

		for (size_t i = 0; i < r->functions.n; i++)
			held = held || (r->functions.v[i].lo <= f->lo && f->lo <= r->functions.v[i].hi);
		assert_int_equal(held, !(f->flags & FN_OPAQUE));
		*(f->flags & FN_OPAQUE ? &opaque : &other) += 1;
	}
	assert_true(opaque && other);
	assert_false(r->access & 1u << ACCESS_OPAQUE);
	model_free(m);
}

/* ---- leaving a key out ---- */

struct left_out {
	const char *name, *conduit;
	const char *keys[14]; /* of one rule; each is left out in turn */
	const char *
		may; /* those that may be left out, because they restrict, or the rule allows less without them */
};

static const struct left_out rules[] = {
	{"raw rule",
	 "    servers: [plc, gw]\n    protocols: [modbus]\n",
	 {"id: r", "clients: [hmi]", "servers: [plc]", "protocol: modbus", "units: [1]",
	  "functions: [3, 16, 43/14]", "addresses: {holding: [0..9]}", "values: 0..5", "id-codes: [basic]",
	  "objects: 0..3", "rate: {max: 2/s}", "ports: [502]", "rare: true"},
	 "rate ports rare"},
	{"profile rule",
	 "    servers: any\n    protocols: [modbus]\n",
	 {"id: r", "clients: [hmi]", "servers: [plc]", "use: pump", "units: [1]", "read: [status]",
	  "write: [set]", "until: 2030-01-01T00:00:00Z"},
	 "read write until"},
	{"rule of stations",
	 "    servers: [p-1, p-2]\n    protocols: [modbus]\n",
	 {"id: r", "clients: [hmi]", "servers: [p-1]", "use: pump", "read: [status]"},
	 ""},
	{"rule of ports",
	 "    servers: [plc, gw]\n",
	 {"id: r", "clients: [hmi]", "servers: [plc]", "tcp: [443]", "udp: [123]"},
	 "tcp udp"},
	{"rule of one port", "    servers: [plc]\n", {"id: r", "clients: [hmi]", "icmp: [echo]"}, ""},
};

static char *rule_without(const struct left_out *l, size_t out)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	const char *sep = "";

	fprintf(f, PLANT "%s    allow:\n      - {", l->conduit);
	for (size_t i = 0; l->keys[i]; i++)
		if (i != out) {
			fprintf(f, "%s%s", sep, l->keys[i]);
			sep = ", ";
		}
	fputs("}\n", f);
	fclose(f);
	return text;
}

static void test_left_out(void **state)
{
	const struct left_out *l = *state;
	char *text = rule_without(l, SIZE_MAX);

	model_free(good(text));
	free(text);
	for (size_t i = 0; l->keys[i]; i++) {
		char key[32], *says;
		size_t n = strcspn(l->keys[i], ":");

		memcpy(key, l->keys[i], n);
		key[n] = 0;
		text = rule_without(l, i);
		struct model *m = load(text, &says);
		if ((m != NULL) != (strstr(l->may, key) != NULL))
			fail_msg("without \"%s\": %s", key, m ? "allowed" : says);
		model_free(m);
		free(says);
		free(text);
	}
}

/* ---- warnings about dates ---- */

struct date {
	const char *name, *key, *says;
};
static const struct date dates[] = {
	{"until: far", "until: 2026-01-20T00:00:00Z", NULL},
	{"until: within 7 days", "until: 2026-01-05T12:00:00Z", "ends within 7 days (in 4 d)"},
	{"until: within 24 hours", "until: 2026-01-02T00:30:00+02:00", "ends within 24 hours (in 10 h)"},
	{"until: past", "until: 2026-01-01T12:00:00Z", "has ended"},
	{"review: today", "review: 2026-01-01", NULL},
	{"review: yesterday", "review: 2025-12-31", "should have been reviewed by 2025-12-31"},
};

static void test_date(void **state)
{
	const struct date *t = *state;
	char text[4096], *says;

	snprintf(text, sizeof(text),
		 PLANT "    servers: [plc]\n    protocols: [modbus]\n    allow:\n"
		       "      - {id: r, clients: [hmi], use: pump, units: 1, read: [status], %s}\n",
		 t->key);
	struct model *m = load(text, &says);
	assert_non_null(m);
	if (t->says)
		assert_non_null(strstr(says, t->says));
	else
		assert_string_equal(says, "");
	free(says);
	model_free(m);
}

static void test_init(void **state)
{
	(void)state;
	for (int bridge = 0; bridge < 2; bridge++) {
		char *text;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		assert_int_equal(init_policy(bridge, "eth0", "eth1.5", f), 0);
		fclose(f);
		struct model *m = good(text);
		assert_int_equal(m->nconduits, 1);
		assert_int_equal(m->conduits[0].mode, MODE_LEARN);
		assert_int_equal(m->conduits[0].at_most, (1u << ACCESS_COUNT) - 1);
		assert_int_equal(m->ethertypes.any, bridge);
		model_free(m);
		free(text);
	}
	assert_int_equal(init_policy(true, "eth0; reboot", "eth1", stdout), -1);
	assert_int_equal(init_policy(true, "eth0", "", stdout), -1);
}

static void test_include_in_text(void **state)
{
	char *says;
	struct model *m = load("version: 1\ninclude: [x.yaml]\n", &says);

	(void)state;
	assert_null(m);
	assert_non_null(strstr(says, "t.yaml:2:10: error: `include` needs a policy that is a file"));
	free(says);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Ten thousand rules between the same ends, each of two ranges far apart, so that every one lies inside the bounds of the one
 * before it: all pairs are near, none meets. Two more at the end do.
 */
static void test_many(void **state)
{
	enum { MANY = 10000 };
	size_t n, at;
	char *text, *says;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	fputs("version: 1\n"
	      "site: {name: x}\n"
	      "zones:\n"
	      "  a: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"
	      "  b: {level: 2, networks: [10.2.0.0/24], failure: closed}\n"
	      "hosts: {c: 10.1.0.2, p: 10.2.0.2}\n"
	      "conduits:\n"
	      "  - name: line\n"
	      "    from: [a]\n"
	      "    to: b\n"
	      "    servers: [p]\n"
	      "    protocols: [modbus]\n"
	      "    mode: enforce\n"
	      "    at-most: [read]\n"
	      "    allow:\n",
	      f);
	for (unsigned i = 0; i < MANY + 2; i++) {
		fprintf(f, "      - {id: r%u, clients: [c], protocol: modbus, units: [1], functions: [3], ",
			i);
		if (i < MANY)
			fprintf(f, "addresses: {holding: [%u, %u]}}\n", 2 * i, 65534 - 2 * i);
		else
			fprintf(f, "addresses: {holding: [%u]}}\n", i == MANY ? 40 : 10001);
	}
	fclose(f);

	clock_t began = clock();
	struct model *m = load(text, &says);
	double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;

	assert_non_null(m);
	assert_non_null(
		strstr(says, "rule \"line/r10000\" allows nothing that rule \"r20\" (line 36) does not"));
	assert_non_null(strstr(says, "rules \"r5000\" and \"r10001\" of conduit \"line\" meet at holding "
				     "10000 and 10001"));
	assert_non_null(strstr(says, "rules \"r10001\" and \"r5001\" of conduit \"line\" meet at holding "
				     "10001 and 10002"));
	at = 0;
	for (const char *w = says; (w = strstr(w, "warning: ")) != NULL; w++)
		at++;
	assert_int_equal(at, 3);
	/* Comparing all pairs takes ten times as long, on any machine. */
	if (seconds > 6)
		fail_msg("%u rules took %.1f s to load", MANY, seconds);
	model_free(m);
	free(says);
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rules) + COUNT(dates) + 8];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rules); i++)
		tests[n++] = (struct CMUnitTest){rules[i].name, test_left_out, NULL, NULL,
						 (void *)(uintptr_t)&rules[i]};
	for (size_t i = 0; i < COUNT(dates); i++)
		tests[n++] = (struct CMUnitTest){dates[i].name, test_date, NULL, NULL,
						 (void *)(uintptr_t)&dates[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_plant);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_profile);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_profile_named);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_raw);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_functions_any);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_init);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_include_in_text);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
