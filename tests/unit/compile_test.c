/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compiling: the same bytes whatever the order, named refusals, boxes for the plan, and an index that does not grow with rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/policy_make.h"

#define ZONE_A "  a: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"
#define ZONE_B "  b: {level: 2, networks: [10.2.0.0/24], failure: open, deadline: 5ms}\n"
#define CONDUIT(name, host)                                                                                   \
	"  - {name: " name ", from: [a], to: b, servers: [" host "], protocols: [modbus], mode: enforce,\n"   \
	"     at-most: [read], allow: [{id: r, clients: any, protocol: modbus, units: any, functions: [3],\n" \
	"       addresses: {holding: [0..9]}}]}\n"
#define HEAD(zones, hosts) "version: 1\nsite: {name: x}\nzones:\n" zones "hosts: {" hosts "}\nconduits:\n"

static const char plain[] =
	HEAD(ZONE_A ZONE_B, "p: 10.2.0.2, q: 10.2.0.3") CONDUIT("one", "p") CONDUIT("two", "q");

static void any_order(void **state)
{
	struct made a = made_from(plain), b = made_from(HEAD(ZONE_B ZONE_A, "q: 10.2.0.3, p: 10.2.0.2")
								CONDUIT("two", "q") CONDUIT("one", "p"));

	(void)state;
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.image, b.image, a.size);
	made_free(&a);
	made_free(&b);
}

static void verified(void **state)
{
	struct made m = made_from(plain);
	struct image *h = (struct image *)(void *)m.image;
	struct policy p;
	char err[200];

	(void)state;
	assert_true(image_is(m.image, m.size));
	assert_false(image_is("version: 1", 10));
	assert_int_equal(image_verify(m.image, m.size, err, sizeof(err)), 0);
	assert_memory_equal(policy_digest(&m.policy), h->digest, IMAGE_DIGEST);
	/* Every octet behind the digest is under it. */
	for (size_t i = offsetof(struct image, parts); i < m.size; i += 7) {
		m.image[i] ^= 0x10;
		assert_int_equal(image_verify(m.image, m.size, err, sizeof(err)), -1);
		assert_string_equal(err, "image digest does not match: it was changed after it was compiled");
		m.image[i] ^= 0x10;
	}
	assert_int_equal(image_verify(m.image, m.size - 1, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "image size does not match"));
	assert_int_equal(policy_open(&p, m.image, m.size - 8, err, sizeof(err)), -1);
	assert_int_equal(image_verify(m.image, 40, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "cut off"));
	h->version = IMAGE_VERSION + 2;
	assert_int_equal(image_verify(m.image, m.size, err, sizeof(err)), -1);
	char want[80];
	snprintf(want, sizeof(want), "image version %u, this is version %u", IMAGE_VERSION + 2,
		 IMAGE_VERSION);
	assert_string_equal(err, want);
	assert_int_equal(policy_open(&p, m.image, m.size, err, sizeof(err)), -1);
	assert_string_equal(err, want);
	h->magic[0] = 'O';
	assert_int_equal(image_verify(m.image, m.size, err, sizeof(err)), -1);
	assert_string_equal(err, "this is no policy image");
	made_free(&m);
}

/* One closed conduit and one open one: a queue each, the boxes they let in, the networks of their zones. */
static void for_the_plan(void **state)
{
	struct made m = made_from(HEAD(
		ZONE_A ZONE_B,
		"p: 10.2.0.2") "  - {name: up, from: [a], to: b, servers: [p], protocols: [modbus], mode: enforce, at-most: [read],\n"
			       "     allow: [{id: r, clients: any, protocol: modbus, units: any, functions: [3],\n"
			       "              addresses: {holding: [0..9]}}, {id: s, clients: any, tcp: [22, 443]}]}\n");
	struct policy_flow f;
	struct policy_queue q;
	struct policy_net net;

	(void)state;
	assert_int_equal(policy_queues(&m.policy), 1);
	assert_true(policy_queue_get(&m.policy, 0, &q));
	assert_int_equal(q.failure, FAILURE_OPEN);
	assert_int_equal(q.deadline_us, 5000);
	assert_int_equal(policy_flows(&m.policy), 3);
	static const struct {
		enum lane lane;
		unsigned port;
	} want[] = {{LANE_KERNEL, 22}, {LANE_KERNEL, 443}, {LANE_INSPECTED, 502}};
	for (unsigned i = 0; i < 3; i++) {
		assert_true(policy_flow_get(&m.policy, i, &f));
		assert_int_equal(f.lane, want[i].lane);
		assert_int_equal(f.lo, want[i].port);
		assert_int_equal(f.hi, want[i].port);
		assert_int_equal(f.ipproto, 6);
		assert_int_equal(f.client.plen, 120);
		assert_int_equal(f.server.plen, 128);
		assert_int_equal(f.queue, f.lane == LANE_INSPECTED ? 0 : POLICY_NO_INDEX);
	}
	assert_false(policy_flow_get(&m.policy, 3, &f));
	assert_true(policy_zone_net(&m.policy, 0, 0, &net));
	assert_int_equal(net.plen, 120);
	assert_false(policy_zone_net(&m.policy, 0, 1, &net));
	made_free(&m);
}

/* Images that the fuzzer starts from: they must still open, or it would look at nothing. */
static void corpus_opens(void **state)
{
	static const char *const all[] = {
		"tests/fuzz/corpus/image/plain.img", "tests/fuzz/corpus/image/plant.img",
		"tests/fuzz/corpus/image/many.img", "tests/fuzz/corpus/image/design.img"};
	static uint64_t room[4096];
	char err[200] = "";
	struct policy p;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		FILE *f = fopen(all[i], "rb");
		assert_non_null(f);
		size_t n = fread(room, 1, sizeof(room), f);
		fclose(f);
		if (policy_open(&p, room, n, err, sizeof(err)) != 0)
			fail_msg("%s: %s; tests/fuzz/corpus-src/make.sh makes it anew", all[i], err);
	}
}

/* ---- many rules ---- */

#define MANY 10000

struct crowd {
	struct model_net client, server;
	struct model_end ends[2];
	struct model_zone zones[2];
	struct model_conduit conduit;
	struct model model;
	struct interval zone, port, functions;
	struct model_rule rules[MANY];
	struct model_cell cells[MANY];
	struct interval units[MANY];
	char ids[MANY][24];
};

/* Rules between one client and one server: by address, or by station. */
static struct made crowd_of(size_t n, bool by_unit)
{
	static struct crowd c;
	struct made m = {0};
	char err[200];

	memset(&c, 0, sizeof(c));
	ip_of("10.1.0.2", c.client.ip);
	ip_of("10.2.0.2", c.server.ip);
	c.client.plen = c.server.plen = 128;
	c.ends[0].addrs = (struct model_nets){&c.client, 1};
	c.ends[1].addrs = (struct model_nets){&c.server, 1};
	c.zones[0] = (struct model_zone){.name = "a", .nets = {&c.client, 1}};
	c.zones[1] = (struct model_zone){.name = "b", .nets = {&c.server, 1}};
	c.port = (struct interval){502, 502};
	c.functions = (struct interval){3 << 16, 3 << 16};
	for (size_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(by_unit ? i / 250 : i) * 6;
		snprintf(c.ids[i], sizeof(c.ids[i]), "r%zu", i);
		c.units[i] = by_unit ? (struct interval){(int64_t)i % 250, (int64_t)i % 250}
				     : (struct interval){4, 4};
		c.cells[i] = (struct model_cell){.space = 3, .first = at, .last = at + 4, .read = true};
		c.rules[i] = (struct model_rule){.id = c.ids[i],
						 .lane = LANE_INSPECTED,
						 .clients = {&c.ends[0], 1},
						 .servers = {&c.ends[1], 1},
						 .transports = TRANSPORT_TCP,
						 .ports = {.v = &c.port, .n = 1},
						 .units = {.v = &c.units[i], .n = 1},
						 .functions = {.v = &c.functions, .n = 1},
						 .access = 1u << ACCESS_READ,
						 .cells = &c.cells[i],
						 .ncells = 1,
						 .until_us = INT64_MAX};
	}
	c.conduit = (struct model_conduit){.name = "c",
					   .lane = LANE_INSPECTED,
					   .from = {.v = &c.zone, .n = 1},
					   .to = 1,
					   .clients = {&c.ends[0], 1},
					   .servers = {&c.ends[1], 1},
					   .protocols = 1,
					   .at_most = 1u << ACCESS_READ,
					   .rules = c.rules,
					   .nrules = n};
	c.model = (struct model){
		.site_name = "x", .zones = c.zones, .nzones = 2, .conduits = &c.conduit, .nconduits = 1};
	struct diag *d = diag_new();
	if (compile_image(&c.model, d, &m.image, &m.size) != 0) {
		diag_print(d, stderr, false);
		fail();
	}
	diag_free(d);
	assert_int_equal(policy_open(&m.policy, m.image, m.size, err, sizeof(err)), 0);
	return m;
}

/* Best of several runs of 2000 matches over rule i's first addresses, in ns. */
static int64_t match_ns(const struct made *m, size_t i, bool by_unit)
{
	static struct pdu pdu = {.nops = 1};
	struct policy_now now = {MAKE_NOW, true, 0};
	struct match out;
	struct tuple t = tuple_of("10.1.0.2", 40000, "10.2.0.2", 502, 6);
	struct route r;
	int64_t best = INT64_MAX;
	uint32_t at = (uint32_t)(by_unit ? i / 250 : i) * 6;

	policy_route(&m->policy, &t, false, &r);
	assert_int_equal(r.reason, REASON_NONE);
	pdu.ops[0] = (struct op){.access = ACCESS_READ,
				 .has = OP_UNIT | OP_SPACE | OP_RANGE,
				 .function = 3,
				 .unit = by_unit ? (uint32_t)i % 250 : 4,
				 .space = 3,
				 .first = at,
				 .last = at + 4};
	for (int run = 0; run < 20; run++) {
		struct timespec a, z;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		for (int k = 0; k < 2000; k++)
			policy_match(&m->policy, r.ruleset, &pdu, t.src, &now, NULL, &out);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &z);
		int64_t ns = (z.tv_sec - a.tv_sec) * 1000000000 + (z.tv_nsec - a.tv_nsec);
		best = ns < best ? ns : best;
	}
	assert_int_equal(out.reason, REASON_NONE);
	assert_int_equal(out.rule, i);
	/* One address more is in no rule, and finding that out is bounded too. */
	pdu.ops[0].last++;
	assert_int_equal(policy_match(&m->policy, r.ruleset, &pdu, t.src, &now, NULL, &out), REASON_ADDRESS);
	assert_int_equal(out.lo, at);
	assert_int_equal(out.hi, at + 4);
	return best;
}

/* Ten more levels of binary search, not a thousand times the rules: twice the time leaves room for cold caches and sanitizers. */
static void many_rules(void **state)
{
	(void)state;
	for (unsigned by_unit = 0; by_unit < 2; by_unit++) {
		struct made few = crowd_of(10, by_unit != 0), many = crowd_of(MANY, by_unit != 0);
		int64_t a = match_ns(&few, 5, by_unit != 0), b = match_ns(&many, 7777, by_unit != 0);
		print_message("10 rules %lld ns, 10000 rules %lld ns a match\n", (long long)a / 2000,
			      (long long)b / 2000);
		assert_true(b < 3 * a);
		made_free(&few);
		made_free(&many);
	}
}

static void refuses(const char *yaml, const char *what)
{
	struct made m;

	if (made_try(&m, yaml, false)) {
		made_free(&m);
		fail_msg("compiled: %s", what);
	}
}

static void contradictions(void **state)
{
	(void)state;
	refuses(HEAD(ZONE_A ZONE_B, "p: 10.2.0.2, q: 10.2.0.3") CONDUIT("one", "p") CONDUIT("two", "p"),
		"conduits that share a client and a server");
	refuses(HEAD(ZONE_A ZONE_B,
		     "p: 10.2.0.2") "  - {name: up, from: [a], to: b, servers: [p], protocols: [modbus], mode: enforce, at-most: [read],\n"
				    "     allow: [{id: r, clients: any, protocol: modbus, units: any, functions: [3],\n"
				    "              addresses: {holding: [0..9]}}, {id: s, clients: any, tcp: [500..510]}]}\n",
		"a port that is inspected and not inspected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),    cmocka_unit_test(verified),
		cmocka_unit_test(for_the_plan), cmocka_unit_test(corpus_opens),
		cmocka_unit_test(many_rules),   cmocka_unit_test(contradictions),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
