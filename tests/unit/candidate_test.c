/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A candidate beside the policy in force. Each row: which policy is in force, which is the candidate, what comes by, and the differences that are told. Whatever the
 * candidate is, decisions and the active policy's own reports are those of a run without one.
 */
#include "fwd/engine/candidate.h"
#include "tests/unit/verdict_fixture.h"

static struct test_policy narrow_shadow, elsewhere, rated, closed_quick;

static void writes(void)
{
	WRITE(1, 45, 1);
	from_client(0, q, 12);
	from_server(0, 12, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
}
static void a_write_beyond(void)
{
	WRITE(1, 50, 1);
	from_client(0, q, 12);
}
static void polls(void)
{
	for (uint16_t i = 0; i < 6; i++) {
		READ(i, 0, 1);
		from_client(12u * i, q, 12);
		uint32_t n = modbus_answer(ans, i, 1, 1);
		from_server(n * i, 12u * (i + 1u), ans, n);
	}
}
static void bytes_that_are_none(void)
{
	memset(q, 0xff, 12);
	from_client(0, q, 12);
}
static void late_datagram(void)
{
	static struct packet k;

	READ(3, 0, 1);
	packet_udp(&k, false, 40000, q, 12);
	bench_send(b, &k);
	bench_wait(b, 3000000);
	uint32_t n = modbus_answer(ans, 3, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	bench_send(b, &k);
}

struct expected {
	bool allows;
	enum reason reason, now;
};
#define DENIES(r)                                                                                            \
	{                                                                                                    \
		false, REASON_##r, REASON_NONE                                                               \
	}
#define ALLOWS(now)                                                                                          \
	{                                                                                                    \
		true, REASON_NONE, REASON_##now                                                              \
	}

static const struct {
	const char *name;
	struct test_policy *active, *candidate;
	void (*traffic)(void);
	unsigned n;
	struct expected told[8];
} rows[] = {
	{"the same", &closed, &closed, writes, 0, {{0}}},
	{"a narrower one", &closed, &narrow, writes, 1, {DENIES(ADDRESS)}},
	{"a wider one", &narrow, &closed, writes, 1, {ALLOWS(ADDRESS)}},
	{"both deny", &closed, &narrow, a_write_beyond, 0, {{0}}},
	{"watched, now enforced",
	 &shadow,
	 &closed,
	 a_write_beyond,
	 1,
	 {{false, REASON_ADDRESS, REASON_ADDRESS}}},
	{"enforced, now watched",
	 &closed,
	 &shadow,
	 a_write_beyond,
	 1,
	 {{false, REASON_ADDRESS, REASON_ADDRESS}}},
	{"watched by both, a rule less", &shadow, &narrow_shadow, writes, 1, {DENIES(ADDRESS)}},
	{"watched by both, a rule more", &narrow_shadow, &shadow, writes, 0, {{0}}},
	{"no such conduit any more",
	 &closed,
	 &elsewhere,
	 writes,
	 2,
	 {DENIES(NO_CONDUIT), DENIES(NO_CONDUIT)}},
	{"a rate of its own",
	 &closed,
	 &rated,
	 polls,
	 4,
	 {DENIES(RATE), DENIES(RATE), DENIES(RATE), DENIES(RATE)}},
	{"not a PDU, now enforced",
	 &shadow,
	 &closed,
	 bytes_that_are_none,
	 1,
	 {{false, REASON_COUNT_OF, REASON_COUNT_OF}}},
	{"not a PDU, the zone opened", &closed, &open_zone, bytes_that_are_none, 0, {{0}}},
	{"less patience for answers", &closed, &closed_quick, late_datagram, 1, {DENIES(ANSWER_LATE)}},
};

struct run {
	uint32_t n, told;
	struct seen active[64], candidate[64];
	enum action action[64];
	uint32_t ids;
};

static uint32_t generation; /* of the newest candidate: none comes twice */

static void play(struct run *r, struct test_policy *active, struct test_policy *candidate,
		 void (*traffic)(void))
{
	static struct candidate c;

	memset(r, 0, sizeof(*r));
	start(active);
	if (candidate) {
		candidate_policy(&c, &candidate->p, ++generation, false);
		b->v->candidate = &c;
	}
	bench_handshake(b);
	traffic();
	for (uint32_t i = 0; i < b->nreports; i++) {
		assert_true(r->n < 64 && r->told < 64);
		if (b->reports[i].candidate)
			r->candidate[r->told++] = b->reports[i];
		else
			r->active[r->n++] = b->reports[i];
	}
	for (uint32_t id = 1; id < b->next_id && id < 64; id++)
		r->action[r->ids++] = b->got[id].action;
	bench_free(b);
}

static void differences(void **state)
{
	static struct run with, without;
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		play(&without, rows[i].active, NULL, rows[i].traffic);
		play(&with, rows[i].active, rows[i].candidate, rows[i].traffic);
		assert_int_equal(without.told, 0);
		assert_int_equal(with.n, without.n);
		assert_int_equal(with.ids, without.ids);
		assert_memory_equal(with.active, without.active, sizeof with.active);
		assert_memory_equal(with.action, without.action, sizeof with.action);
		bool good = with.told == rows[i].n;
		for (uint32_t k = 0; good && k < with.told; k++) {
			const struct seen *s = &with.candidate[k];
			const struct expected *e = &rows[i].told[k];
			good = s->candidate == generation && s->would_deny != e->allows &&
			       s->judgement == JUDGED_ALLOW &&
			       (e->reason == REASON_COUNT_OF ? s->reason != REASON_NONE
							     : s->reason == e->reason) &&
			       (e->now == REASON_COUNT_OF ? s->now == s->reason : s->now == e->now);
		}
		if (good)
			continue;
		wrong++;
		fprintf(stderr, "%s:\n", rows[i].name);
		for (uint32_t k = 0; k < with.told; k++)
			fprintf(stderr, "  %s %s, now %s\n",
				with.candidate[k].would_deny ? "denies" : "allows",
				reason_name(with.candidate[k].reason), reason_name(with.candidate[k].now));
	}
	assert_int_equal(wrong, 0);
}

/* Rates, routes and masters of a candidate are its own. */
static void another_candidate_begins_anew(void **state)
{
	static struct candidate c;

	(void)state;
	start(&closed);
	candidate_policy(&c, &rated.p, ++generation, false);
	b->v->candidate = &c;
	bench_handshake(b);
	polls();
	uint32_t told = b->nreports;
	candidate_policy(&c, &closed.p, ++generation, false);
	polls();
	for (uint32_t i = told; i < b->nreports; i++)
		assert_int_equal(b->reports[i].candidate, 0);
	candidate_policy(&c, NULL, ++generation, false);
	b->v->candidate = NULL;
	bench_free(b);
}

static void text_policy(struct test_policy *t, const char *server, const char *rest, const char *rate)
{
	char text[2048];

	snprintf(
		text, sizeof text,
		"version: 1\nsite: {name: test}\nzones:\n"
		"  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"
		"  cell: {level: 2, networks: [10.10.2.0/24], failure: closed, deadline: 20ms}\n"
		"hosts: {plc: %s}\n"
		"conduits:\n"
		"  - {name: control, from: [room], to: cell, servers: [plc], protocols: [modbus], mode: enforce%s, allow: [\n"
		"      {id: view, clients: any, protocol: modbus, transport: [tcp, udp], units: [1], functions: [read-holding-registers],\n"
		"       addresses: {holding: [0..99]}%s},\n"
		"      {id: set, clients: any, protocol: modbus, transport: [tcp, udp], units: [1], functions: [write-single-register],\n"
		"       addresses: {holding: [40..49]}, values: 0..1000}]}\n",
		server, rest, rate);
	test_policy_open(t, text);
}

static int all_open(void **state)
{
	test_policy_common(&narrow_shadow, "closed", "shadow", "reset", "40..41");
	text_policy(&elsewhere, "10.10.2.9", "", "");
	text_policy(&rated, "10.10.2.2", "", ", rate: {max: 1/min, burst: 2, per: client}");
	text_policy(&closed_quick, "10.10.2.2", ", answer-within: 1s", "");
	return policies_open(state);
}
static int all_close(void **state)
{
	struct test_policy *all[] = {&narrow_shadow, &elsewhere, &rated, &closed_quick};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		test_policy_close(all[i]);
	return policies_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences),
		cmocka_unit_test(another_candidate_begins_anew),
	};
	return cmocka_run_group_tests(tests, all_open, all_close);
}
