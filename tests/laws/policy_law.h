/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P1 and P2 over every golden request: a rule made from a request allows it; with any one address, station, function,
 * value or qualifier moved outside it is refused for exactly that; a rule that lacks a key never allows more.
 */
#ifndef OTFW_TESTS_LAWS_POLICY_LAW_H
#define OTFW_TESTS_LAWS_POLICY_LAW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/laws/law.h"
#include "tests/laws/play.h"
#include "tests/policy_make.h"

static const struct law *lawful;
static int lawful_proto;

/* ---- a golden request, decoded ---- */

struct request {
	struct pdu pdu;
};

/* Requests, and what a server says unasked: what rules judge. Views point into parts that stay. */
static bool request_of(const struct golden *g, struct request *r)
{
	static struct played parts[PLAY_PARTS];
	static struct play play;

	play_open(&play);
	play_golden(&play, proto_get((unsigned)lawful_proto), g->request, g->hex, g->from_server, parts,
		    &r->pdu);
	return r->pdu.fault.reason == REASON_NONE && r->pdu.nops > 0 && r->pdu.ops[0].dir != DIR_RESPONSE;
}

/* ---- the rule that allows exactly it ---- */

/* Further than any two numbers of one request are apart. */
#define FAR_OFF      1000003
#define EXACT_VALUES (PDU_OPS_MAX * 128)

struct exact {
	struct interval zone, ports, units[PDU_OPS_MAX], origins[PDU_OPS_MAX], functions[PDU_OPS_MAX];
	struct interval values[EXACT_VALUES];
	struct model_cell cells[PDU_OPS_MAX];
	struct model_arg args[FN_ARGS_MAX];
	struct interval arg_values[FN_ARGS_MAX][PDU_OPS_MAX];
	char names[PDU_OPS_MAX][256];
	const char *name[PDU_OPS_MAX];
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
	size_t nvalues = 0, ncells = 0, nfunctions = 0, nunits = 0, norigins = 0, nargs[FN_ARGS_MAX] = {0};

	memset(e, 0, sizeof(*e));
	ip_of("10.1.0.2", e->client.ip);
	ip_of("10.2.0.2", e->server.ip);
	e->client.plen = e->server.plen = 128;
	e->zones[0] = (struct model_zone){.name = "a", .level = -1, .nets = {&e->client, 1}};
	e->zones[1] = (struct model_zone){.name = "b", .level = -1, .nets = {&e->server, 1}};
	e->client_end.addrs = (struct model_nets){&e->client, 1};
	e->server_end.addrs = (struct model_nets){&e->server, 1};
	e->ports = (struct interval){lawful->port, lawful->port};
	e->rule = (struct model_rule){.id = "exact",
				      .lane = LANE_INSPECTED,
				      .proto = lawful_proto,
				      .clients = {&e->client_end, 1},
				      .servers = {&e->server_end, 1},
				      .transports = TRANSPORT_TCP,
				      .ports = {.v = &e->ports, .n = 1},
				      .until_us = INT64_MAX};
	for (uint32_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];
		bool change = (IMAGE_CHANGES >> op->access & 1) != 0;
		if ((op->has & OP_UNIT) != 0)
			nunits = add_sorted(e->units, nunits, op->unit);
		if ((op->has & OP_ORIGIN) != 0)
			norigins = add_sorted(e->origins, norigins, op->origin);
		if ((op->has & OP_KEY) != 0) {
			char *name = e->names[e->rule.nnames];
			assert_in_range(op->key.len, 1, sizeof(e->names[0]) - 1);
			memcpy(name, op->key.data, op->key.len);
			name[op->key.len] = '\0';
			e->name[e->rule.nnames++] = name;
		}
		e->rule.access |= 1u << op->access;
		nfunctions = add_sorted(e->functions, nfunctions, op_function_key(op));
		bool known = op->values.form == VALUES_ONE || op->values.form == VALUES_BITS ||
			     op->values.form == VALUES_NUMBERS;
		for (uint32_t k = 0; known && k < (op->values.form == VALUES_ONE ? 1 : op->values.count);
		     k++) {
			int64_t v;
			if (!op_value(&op->values, k, &v))
				continue;
			assert_in_range(nvalues, 0, EXACT_VALUES - 1);
			nvalues = add_sorted(e->values, nvalues, v);
		}
		if ((op->has & OP_RANGE) != 0)
			e->cells[ncells++] = (struct model_cell){
				.space = op->space,
				.first = op->first,
				.last = op->last,
				.type = known && op->values.kind == VALUES_FLOAT ? TYPE_FLOAT32 : TYPE_RAW,
				.read = !change,
				.write = change,
				.bounded = change && known};
		for (uint32_t k = 0; k < op->nargs; k++) {
			unsigned name = op->args[k].name;
			assert_in_range(name, 0, FN_ARGS_MAX - 1);
			nargs[name] = add_sorted(e->arg_values[name], nargs[name], op->args[k].value);
		}
	}
	for (unsigned k = 0; k < FN_ARGS_MAX; k++)
		if (nargs[k] > 0)
			e->args[e->rule.nargs++] =
				(struct model_arg){(uint16_t)k, {.v = e->arg_values[k], .n = nargs[k]}};
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
	e->rule.units = (struct intervals){.v = e->units, .n = nunits, .any = nunits == 0};
	e->rule.origins = (struct intervals){.v = e->origins, .n = norigins, .any = norigins == 0};
	e->rule.names = e->name;
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
					    .protocols = 1u << lawful_proto,
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
	struct tuple t = tuple_of("10.1.0.2", 40000, "10.2.0.2", lawful->port, 6);
	struct policy_now now = {MAKE_NOW, true, 0};
	struct route r;
	struct match out;

	policy_route(&m->policy, &t, false, &r);
	if (r.reason != REASON_NONE)
		return r.reason;
	return policy_match(&m->policy, r.ruleset, pdu, t.src, &now, NULL, &out);
}

/* Does the operation write what its values say? */
#define CHANGES(op) ((op)->access == ACCESS_WRITE || (op)->access == ACCESS_OPERATE)

#define KEEPS_SESSION(op) ((op)->access == ACCESS_SESSION)

/* Counts number k of v, at b, up until it is none of the rule's. False where it comes round. */
static bool move_outside(const struct exact *e, const struct op_values *v, uint32_t k, uint8_t *b)
{
	for (unsigned tries = 0; tries < 70000; tries++) {
		int64_t x;
		bool inside = false;
		for (unsigned at = 0; at < v->width; at++)
			if (++b[v->little ? at : v->width - 1u - at] != 0)
				break;
		if (!op_value(v, k, &x))
			return true;
		for (size_t j = 0; j < e->rule.values.n; j++)
			inside = inside || e->values[j].lo == x;
		if (!inside)
			return true;
	}
	return false;
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

		if ((op->has & OP_UNIT) != 0) {
			op->unit += FAR_OFF;
			assert_int_equal(judge(&m, p), REASON_UNIT);
			*op = keep;
			/* What keeps a session and names no station is of all of them. */
			op->has &= (uint8_t)~OP_UNIT;
			assert_int_equal(judge(&m, p), KEEPS_SESSION(op) ? REASON_NONE : REASON_UNIT);
			*op = keep;
		}
		if ((op->has & OP_ORIGIN) != 0) {
			op->origin += FAR_OFF;
			assert_int_equal(judge(&m, p), REASON_ORIGIN);
			*op = keep;
			op->has &= (uint8_t)~OP_ORIGIN;
			assert_int_equal(judge(&m, p), KEEPS_SESSION(op) ? REASON_NONE : REASON_ORIGIN);
			*op = keep;
		}
		if ((op->has & OP_KEY) != 0) {
			static const uint8_t other[] = "no such name";
			op->key = (struct view){other, sizeof(other) - 1};
			assert_int_equal(judge(&m, p), REASON_KEY);
			*op = keep;
			op->key.len--;
			assert_int_equal(judge(&m, p), REASON_KEY);
			*op = keep;
		}
		op->function ^= 0x100;
		assert_int_equal(judge(&m, p), op->access == ACCESS_OPAQUE ? REASON_OPAQUE : REASON_FUNCTION);
		*op = keep;
		op->access = op->access == ACCESS_SESSION ? ACCESS_PROGRAM : ACCESS_SESSION;
		assert_int_equal(judge(&m, p), REASON_ACCESS);
		*op = keep;
		for (uint32_t k = 0; k < op->nargs; k++) {
			op->args[k].value += FAR_OFF;
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
		if (op->values.form == VALUES_ONE && CHANGES(op)) {
			op->values.one = 1000000;
			assert_int_equal(judge(&m, p), REASON_VALUE);
			*op = keep;
		}
		if ((op->values.form == VALUES_ONE || op->values.form == VALUES_NUMBERS) && CHANGES(op)) {
			op->values.form = VALUES_UNKNOWN;
			assert_int_equal(judge(&m, p), REASON_VALUE_UNKNOWN);
			*op = keep;
		}
		if (op->values.form == VALUES_NUMBERS && CHANGES(op)) {
			/* Every written value counts, wherever it stands: each in turn becomes one that is not in the set. */
			for (uint32_t k = 0; k < op->values.count; k++) {
				uint8_t *b = (uint8_t *)(uintptr_t)op->values.data + k * op->values.stride;
				uint8_t was[8];
				memcpy(was, b, op->values.width);
				if (!move_outside(&e, &op->values, k, b))
					continue; /* the set has all that its octets can say */
				assert_int_equal(judge(&m, p), REASON_VALUE);
				memcpy(b, was, op->values.width);
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
	"    mode: enforce\n"
	"    at-most: [read, write, operate, configure, program, session, diagnose, opaque]\n"
	"    protocols: [";

static void keys_of(const char *const *keys, int without, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "%s%s]\n    allow:\n      - {", head, lawful->proto);

	for (int i = 0; i < LAW_KEYS && keys[i] != NULL; i++)
		if (i != without)
			n += (size_t)snprintf(out + n, cap - n, "%s, ", keys[i]);
	snprintf(out + n - 2, cap - n, "}\n");
}

static void without_a_key(void **state)
{
	static struct request r;
	char yaml[4000];
	const char *const(*rules)[LAW_KEYS] = lawful->rules;
	unsigned compiled = 0, allowed = 0;

	(void)state;
	for (size_t i = 0; i < lawful->nrules; i++) {
		struct made all, less;
		keys_of(rules[i], -1, yaml, sizeof(yaml));
		all = made_from(yaml);
		for (int k = 0; k < LAW_KEYS && rules[i][k] != NULL; k++) {
			keys_of(rules[i], k, yaml, sizeof(yaml));
			if (!made_try(&less, yaml, false))
				continue;
			compiled++;
			for (size_t g = 0; g < lawful->ngolden; g++) {
				if (!request_of(&lawful->golden[g], &r))
					continue;
				bool had = judge(&all, &r.pdu) == REASON_NONE;
				allowed += had;
				if (!had && judge(&less, &r.pdu) == REASON_NONE)
					fail_msg("%s passes without \"%s\"", lawful->golden[g].name,
						 rules[i][k]);
			}
			made_free(&less);
		}
		made_free(&all);
	}
	/* Only keys that default to what they say may be left out, and the rules did allow something. */
	assert_int_equal(compiled, lawful->left_out);
	assert_in_range(allowed, 1, UINT32_MAX);
}

#define SUBJECTS_MAX 1024

static int policy_law(const struct law *l)
{
	static struct CMUnitTest tests[2 * SUBJECTS_MAX + 1];
	static char titles[2 * SUBJECTS_MAX][120];
	static struct request r;
	size_t n = 0;

	lawful = l;
	lawful_proto = proto_find(l->proto, strlen(l->proto));
	if (lawful_proto < 0 || l->ngolden > SUBJECTS_MAX)
		return 1;
	for (size_t i = 0; i < l->ngolden; i++) {
		if (!request_of(&l->golden[i], &r))
			continue;
		void *g = (void *)(uintptr_t)&l->golden[i];
		snprintf(titles[n], sizeof(titles[n]), "exactly: %s", l->golden[i].name);
		tests[n] = (struct CMUnitTest){titles[n], exactly, NULL, NULL, g};
		n++;
		snprintf(titles[n], sizeof(titles[n]), "same bytes: %s", l->golden[i].name);
		tests[n] = (struct CMUnitTest){titles[n], same_bytes, NULL, NULL, g};
		n++;
	}
	if (n < 40) {
		fprintf(stderr, "only %zu golden requests\n", n / 2);
		return 1;
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(without_a_key);
	return _cmocka_run_group_tests("policy laws", tests, n, NULL, NULL);
}

#endif
