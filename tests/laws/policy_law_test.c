/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P1 and P2 over every golden request: a rule made from a request allows it; with any one address, station, function,
 * value or qualifier moved outside it is refused for exactly that; a rule that lacks a key never allows more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/laws/golden_modbus.h"
#include "tests/policy_make.h"

#define GOLDEN (sizeof(golden_modbus) / sizeof(golden_modbus[0]))

/* ---- a golden request, decoded ---- */

struct request {
	uint8_t bytes[512];
	struct pdu pdu;
};

static bool request_of(const struct golden *g, struct request *r)
{
	size_t n = strlen(g->hex) / 2;

	if (g->from_server || n > sizeof(r->bytes))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned x = 0;
		sscanf(g->hex + 2 * i, "%2x", &x);
		r->bytes[i] = (uint8_t)x;
	}
	struct pdu_in in = {.data = r->bytes, .len = (uint32_t)n, .answers_known = true};
	proto_get(0)->decode(&in, &r->pdu);
	return r->pdu.fault.reason == REASON_NONE;
}

/* ---- the rule that allows exactly it ---- */

struct exact {
	struct interval zone, ports, units, functions[PDU_OPS_MAX];
	struct interval values[PDU_OPS_MAX * 128];
	struct model_cell cells[PDU_OPS_MAX];
	struct model_arg args[OP_ARGS_MAX];
	struct interval arg_values[OP_ARGS_MAX];
	struct model_net client, server;
	struct model_end client_end, server_end;
	struct model_zone zones[2];
	struct model_rule rule;
	struct model_conduit conduit;
	struct model model;
};

static size_t add_sorted(struct interval *v, size_t n, int64_t x)
{
	size_t i = 0;

	for (; i < n; i++)
		if (v[i].lo <= x && x <= v[i].hi)
			return n;
	for (i = n; i > 0 && v[i - 1].lo > x; i--)
		v[i] = v[i - 1];
	v[i] = (struct interval){x, x};
	return n + 1;
}

static int cell_cmp(const void *x, const void *y)
{
	const struct model_cell *a = x, *b = y;

	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->last < b->last ? -1 : a->last > b->last;
}

static void exact_of(const struct pdu *p, struct exact *e)
{
	size_t nvalues = 0, ncells = 0, nfunctions = 0;

	memset(e, 0, sizeof(*e));
	ip_of("10.1.0.2", e->client.ip);
	ip_of("10.2.0.2", e->server.ip);
	e->client.plen = e->server.plen = 128;
	e->zones[0] = (struct model_zone){.name = "a", .level = -1, .nets = {&e->client, 1}};
	e->zones[1] = (struct model_zone){.name = "b", .level = -1, .nets = {&e->server, 1}};
	e->client_end.addrs = (struct model_nets){&e->client, 1};
	e->server_end.addrs = (struct model_nets){&e->server, 1};
	e->ports = (struct interval){502, 502};
	e->rule = (struct model_rule){.id = "exact",
				      .lane = LANE_INSPECTED,
				      .clients = {&e->client_end, 1},
				      .servers = {&e->server_end, 1},
				      .transports = TRANSPORT_TCP,
				      .ports = {.v = &e->ports, .n = 1},
				      .until_us = INT64_MAX};
	for (uint32_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];
		bool change = op->access != ACCESS_READ;
		e->units = (struct interval){op->unit, op->unit};
		e->rule.access |= 1u << op->access;
		nfunctions = add_sorted(e->functions, nfunctions, op_function_key(op));
		bool known = op->values.form == VALUES_ONE || op->values.form == VALUES_BITS ||
			     op->values.form == VALUES_NUMBERS;
		for (uint32_t k = 0; known && k < (op->values.form == VALUES_ONE ? 1 : op->values.count);
		     k++) {
			int64_t v;
			assert_true(op_value(&op->values, k, &v));
			nvalues = add_sorted(e->values, nvalues, v);
		}
		if ((op->has & OP_RANGE) != 0)
			e->cells[ncells++] = (struct model_cell){.space = op->space,
								 .first = op->first,
								 .last = op->last,
								 .read = !change,
								 .write = change,
								 .bounded = change && known};
		for (uint32_t k = 0; k < op->nargs; k++) {
			e->arg_values[k] = (struct interval){op->args[k].value, op->args[k].value};
			e->args[k] = (struct model_arg){op->args[k].name, {.v = &e->arg_values[k], .n = 1}};
		}
		e->rule.nargs = op->nargs;
	}
	if (ncells > 0)
		qsort(e->cells, ncells, sizeof(e->cells[0]), cell_cmp);
	/* Operations of one PDU may overlap; cells of one rule and direction do not. */
	size_t k = 0;
	for (size_t i = 0; i < ncells; i++) {
		bool twice = false;
		for (size_t j = 0; j < k; j++) {
			struct model_cell *c = &e->cells[j];
			if (c->space == e->cells[i].space && c->write == e->cells[i].write &&
			    e->cells[i].first <= c->last) {
				if (e->cells[i].last > c->last)
					c->last = e->cells[i].last;
				twice = true;
			}
		}
		if (!twice)
			e->cells[k++] = e->cells[i];
	}
	for (size_t i = 0; i < k; i++)
		e->cells[i].values = (struct intervals){.v = e->values, .n = nvalues};
	e->rule.values_bounded = nvalues > 0;
	e->rule.values = (struct intervals){.v = e->values, .n = nvalues};
	e->rule.units = (struct intervals){.v = &e->units, .n = 1};
	e->rule.functions = (struct intervals){.v = e->functions, .n = nfunctions};
	e->rule.cells = e->cells;
	e->rule.ncells = k;
	e->rule.args = e->args;
	e->conduit = (struct model_conduit){.name = "c",
					    .lane = LANE_INSPECTED,
					    .from = {.v = &e->zone, .n = 1},
					    .to = 1,
					    .clients = {&e->client_end, 1},
					    .servers = {&e->server_end, 1},
					    .protocols = 1,
					    .mode = MODE_ENFORCE,
					    .at_most = UINT32_MAX,
					    .rules = &e->rule,
					    .nrules = 1};
	e->model = (struct model){
		.site_name = "x", .zones = e->zones, .nzones = 2, .conduits = &e->conduit, .nconduits = 1};
}

static struct made exact_compile(const struct exact *e)
{
	struct made m = {0};
	struct diag *d = diag_new();
	char err[200];

	if (compile_image(&e->model, d, &m.image, &m.size) != 0) {
		diag_print(d, stderr, false);
		fail();
	}
	diag_free(d);
	assert_int_equal(policy_open(&m.policy, m.image, m.size, err, sizeof(err)), 0);
	return m;
}

static enum reason judge(const struct made *m, const struct pdu *pdu)
{
	struct tuple t = tuple_of("10.1.0.2", 40000, "10.2.0.2", 502, 6);
	struct policy_now now = {MAKE_NOW, true};
	struct route r;
	struct match out;

	policy_route(&m->policy, &t, false, &r);
	if (r.reason != REASON_NONE)
		return r.reason;
	return policy_match(&m->policy, r.ruleset, pdu, t.src, &now, NULL, &out);
}

/* The rule without one thing of it, or with one thing moved, refuses for that very thing. */
static void exactly(void **state)
{
	static struct request r;
	static struct exact e;
	const struct golden *g = *state;

	assert_true(request_of(g, &r));
	exact_of(&r.pdu, &e);
	struct made m = exact_compile(&e);
	assert_int_equal(judge(&m, &r.pdu), REASON_NONE);

	struct pdu *p = &r.pdu;
	uint32_t nops = p->nops;
	p->nops = 0;
	assert_int_equal(judge(&m, p), REASON_NO_OPERATION);
	p->nops = nops;

	for (uint32_t i = 0; i < nops; i++) {
		struct op *op = &p->ops[i];
		const struct op keep = *op;

		op->unit++;
		assert_int_equal(judge(&m, p), REASON_UNIT);
		*op = keep;
		op->has &= (uint8_t)~OP_UNIT;
		assert_int_equal(judge(&m, p), REASON_UNIT);
		*op = keep;
		op->function ^= 0x100;
		assert_int_equal(judge(&m, p), op->access == ACCESS_OPAQUE ? REASON_OPAQUE : REASON_FUNCTION);
		*op = keep;
		op->access = op->access == ACCESS_SESSION ? ACCESS_PROGRAM : ACCESS_SESSION;
		assert_int_equal(judge(&m, p), REASON_ACCESS);
		*op = keep;
		for (uint32_t k = 0; k < op->nargs; k++) {
			op->args[k].value++;
			assert_int_equal(judge(&m, p), REASON_ARGUMENT);
			*op = keep;
		}
		if ((op->has & OP_RANGE) != 0) {
			/* Overlap is not enough: past the end of the run that the rule has there. */
			op->last = UINT32_MAX;
			assert_int_equal(judge(&m, p), REASON_ADDRESS);
			*op = keep;
			op->space += 1000;
			assert_int_equal(judge(&m, p), REASON_ADDRESS);
			*op = keep;
			op->has &= (uint8_t) ~(OP_RANGE | OP_SPACE);
			assert_int_equal(judge(&m, p), REASON_ADDRESS);
			*op = keep;
			if (op->first > 0 && nops == 1) {
				op->first--;
				assert_int_equal(judge(&m, p), REASON_ADDRESS);
				*op = keep;
				op->first--;
				op->last--;
				assert_int_equal(judge(&m, p), REASON_ADDRESS);
				*op = keep;
			}
		}
		if (op->values.form == VALUES_ONE && op->access == ACCESS_WRITE) {
			op->values.one = 1000000;
			assert_int_equal(judge(&m, p), REASON_VALUE);
			*op = keep;
		}
		if ((op->values.form == VALUES_ONE || op->values.form == VALUES_NUMBERS) &&
		    op->access == ACCESS_WRITE) {
			op->values.form = VALUES_UNKNOWN;
			assert_int_equal(judge(&m, p), REASON_VALUE_UNKNOWN);
			*op = keep;
		}
		if (op->values.form == VALUES_NUMBERS && op->access == ACCESS_WRITE) {
			/* Every written value counts, wherever it stands: each in turn becomes one that is not in the set. */
			for (uint32_t k = 0; k < op->values.count; k++) {
				uint8_t *b = r.bytes + (op->values.data - r.bytes) + k * op->values.stride;
				uint8_t was[2] = {b[0], b[1]};
				int64_t v;
				bool inside;
				do {
					b[1]++;
					b[0] = (uint8_t)(b[0] + (b[1] == 0));
					assert_true(op_value(&op->values, k, &v));
					inside = false;
					for (size_t j = 0; j < e.rule.values.n; j++)
						inside = inside || e.values[j].lo == v;
				} while (inside);
				assert_int_equal(judge(&m, p), REASON_VALUE);
				b[0] = was[0];
				b[1] = was[1];
			}
		}
		*op = keep;
	}
	assert_int_equal(judge(&m, p), REASON_NONE);
	made_free(&m);
}

/* Compiling twice gives the same bytes, and the digest in them is theirs. */
static void same_bytes(void **state)
{
	static struct request r;
	static struct exact e;
	char err[200];

	assert_true(request_of(*state, &r));
	exact_of(&r.pdu, &e);
	struct made a = exact_compile(&e), b = exact_compile(&e);
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.image, b.image, a.size);
	assert_int_equal(image_verify(a.image, a.size, err, sizeof(err)), 0);
	made_free(&a);
	made_free(&b);
}

/* ---- leaving out a key never allows more ---- */

static const char head[] =
	"version: 1\nsite: {name: x}\nzones:\n"
	"  a: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"
	"  b: {level: 2, networks: [10.2.0.0/24], failure: closed}\n"
	"hosts: {plc: 10.2.0.2, hmi: 10.1.0.2}\n"
	"conduits:\n  - name: c\n    from: [a]\n    to: b\n    servers: [plc]\n"
	"    protocols: [modbus]\n    mode: enforce\n"
	"    at-most: [read, write, operate, configure, program, session, diagnose, opaque]\n    allow:\n";
static const char *const rules[][9] = {
	{"id: r", "clients: [hmi]", "protocol: modbus", "units: [4]", "functions: [3]",
	 "addresses: {holding: [100..120]}"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [6, 16]",
	 "addresses: {holding: [0..60]}", "values: 0..10"},
	{"id: r", "clients: any", "protocol: modbus", "units: [4]", "functions: [5, 15]",
	 "addresses: {coil: any}", "values: [1]", "ports: [502]", "transport: [tcp]"},
	{"id: r", "clients: [hmi]", "protocol: modbus", "units: any", "functions: [90]"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [8]"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [23]",
	 "addresses: {holding: any}", "values: any"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [22]",
	 "addresses: {holding: any}", "values: any"},
};

static void keys_of(const char *const *keys, int without, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "%s      - {", head);

	for (int i = 0; i < 9 && keys[i] != NULL; i++)
		if (i != without)
			n += (size_t)snprintf(out + n, cap - n, "%s, ", keys[i]);
	snprintf(out + n - 2, cap - n, "}\n");
}

static void without_a_key(void **state)
{
	static struct request r;
	char yaml[2000];
	unsigned compiled = 0, allowed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct made all, less;
		keys_of(rules[i], -1, yaml, sizeof(yaml));
		all = made_from(yaml);
		for (int k = 0; k < 9 && rules[i][k] != NULL; k++) {
			keys_of(rules[i], k, yaml, sizeof(yaml));
			if (!made_try(&less, yaml, false))
				continue;
			compiled++;
			for (size_t g = 0; g < GOLDEN; g++) {
				if (!request_of(&golden_modbus[g], &r))
					continue;
				bool had = judge(&all, &r.pdu) == REASON_NONE;
				allowed += had;
				if (!had && judge(&less, &r.pdu) == REASON_NONE)
					fail_msg("%s passes without \"%s\"", golden_modbus[g].name,
						 rules[i][k]);
			}
			made_free(&less);
		}
		made_free(&all);
	}
	/* Only keys that default to what they say may be left out, and the rules did allow something. */
	assert_in_range(compiled, 1, 4);
	assert_in_range(allowed, 1, UINT32_MAX);
}

int main(void)
{
	static struct CMUnitTest tests[2 * GOLDEN + 1];
	static char titles[2 * GOLDEN][120];
	static struct request r;
	size_t n = 0;

	for (size_t i = 0; i < GOLDEN; i++) {
		if (!request_of(&golden_modbus[i], &r))
			continue;
		void *g = (void *)(uintptr_t)&golden_modbus[i];
		snprintf(titles[n], sizeof(titles[n]), "exactly: %s", golden_modbus[i].name);
		tests[n] = (struct CMUnitTest){titles[n], exactly, NULL, NULL, g};
		n++;
		snprintf(titles[n], sizeof(titles[n]), "same bytes: %s", golden_modbus[i].name);
		tests[n] = (struct CMUnitTest){titles[n], same_bytes, NULL, NULL, g};
		n++;
	}
	if (n < 40) {
		fprintf(stderr, "only %zu golden requests\n", n / 2);
		return 1;
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(without_a_key);
	/* The rest of the table is answers: cmocka passes over rows without a function. */
	return cmocka_run_group_tests_name("policy laws", tests, NULL, NULL);
}
