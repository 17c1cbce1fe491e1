/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of verdicts share: an engine under each policy, shorthand for segments and for what became of them. */
#ifndef OTFW_TESTS_UNIT_VERDICT_FIXTURE_H
#define OTFW_TESTS_UNIT_VERDICT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policies.h"

#define C0 (CLIENT_ISN + 1)
#define S0 (SERVER_ISN + 1)

static struct bench *b;
static struct test_policy closed, dropping, open_zone, shadow, learn, narrow;
static uint8_t q[64], ans[300];

static inline int start(struct test_policy *t)
{
	b = bench_new();
	if (t)
		verdict_policy(b->v, &t->p, 1);
	return 0;
}
static inline int on_closed(void **state)
{
	(void)state;
	return start(&closed);
}
static inline int on_dropping(void **state)
{
	(void)state;
	return start(&dropping);
}
static inline int on_open(void **state)
{
	(void)state;
	return start(&open_zone);
}
static inline int on_shadow(void **state)
{
	(void)state;
	return start(&shadow);
}
static inline int on_learn(void **state)
{
	(void)state;
	return start(&learn);
}
static inline int on_nothing(void **state)
{
	(void)state;
	return start(NULL);
}
/* The ledger's books: each drop, each packet passed uninspected, each reset stands under one zone and one reason. */
static inline void booked_all(void)
{
	static const enum shm_counter counters[SHM_BOOK_KINDS] = {SHM_DROPPED, SHM_PASSED, SHM_RESETS};

	for (uint32_t kind = 0; kind < SHM_BOOK_KINDS; kind++) {
		uint64_t n = 0;

		for (uint32_t book = 0; book < SHM_BOOKS; book++)
			for (uint32_t r = 0; r < REASON_COUNT_OF; r++)
				n += atomic_load(shm_book_at(b->shm, SHM_BOOK_AT(book, kind, r)));
		assert_int_equal(n, atomic_load(&b->shm->counters[counters[kind]]));
	}
}

/* In the end every packet has had exactly one decision. */
static inline int down(void **state)
{
	(void)state;
	bench_wait(b, 2500000);
	assert_int_equal(b->v->memory.head->nheld, 0);
	for (uint32_t id = b->next_id > BENCH_IDS ? b->next_id - BENCH_IDS : 1; id < b->next_id; id++)
		assert_int_equal(b->got[id % BENCH_IDS].count, 1);
	assert_int_equal(atomic_load(&b->shm->before.slot), FLOW_NONE);
	if (b->v->policy)
		booked_all();
	bench_free(b);
	return 0;
}

static inline void got(uint32_t id, enum action action, uint32_t mark)
{
	assert_int_equal(b->got[id % BENCH_IDS].count, 1);
	assert_int_equal(b->got[id % BENCH_IDS].action, action);
	assert_int_equal(b->got[id % BENCH_IDS].mark, mark);
}
#define ACCEPTED(id) got(id, ACTION_ACCEPT, PLAN_MARK_INSPECTED)
#define PASSED(id)   got(id, ACTION_ACCEPT, PLAN_MARK_PASSED)
#define DROPPED(id)  got(id, ACTION_DROP, 0)
#define RESET(id)    got(id, ACTION_RESET, PLAN_MARK_RESET)
#define WAITS(id)    assert_int_equal(b->got[(id) % BENCH_IDS].count, 0)

static inline void said(enum judgement j, enum reason r)
{
	assert_true(b->nreports > 0);
	const struct seen *s = &b->reports[(b->nreports - 1) % BENCH_REPORTS];
	assert_string_equal(reason_name(s->reason), reason_name(r));
	assert_int_equal(s->judgement, j);
}
static inline uint32_t from_client(uint32_t at, const uint8_t *data, uint32_t n)
{
	return bench_tcp(b, false, TCP_ACK | TCP_PSH, C0 + at, S0, data, n);
}
static inline uint32_t from_server(uint32_t at, uint32_t ack, const uint8_t *data, uint32_t n)
{
	return bench_tcp(b, true, TCP_ACK | TCP_PSH, S0 + at, C0 + ack, data, n);
}
static inline uint64_t counter(enum shm_counter c)
{
	return atomic_load(&b->shm->counters[c]);
}

#define READ(id, a, n)  modbus_ask(q, id, 1, 3, a, n)
#define WRITE(id, a, v) modbus_ask(q, id, 1, 6, a, v)

static inline int policies_open(void **state)
{
	(void)state;
	test_policy_common(&closed, "closed", "enforce", "reset", "40..49");
	test_policy_common(&dropping, "closed", "enforce", "drop", "40..49");
	test_policy_common(&open_zone, "open", "enforce", "reset", "40..49");
	test_policy_common(&shadow, "closed", "shadow", "reset", "40..49");
	test_policy_common(&learn, "closed", "learn", "reset", "40..49");
	test_policy_common(&narrow, "closed", "enforce", "reset", "40..41");
	return 0;
}
static inline int policies_close(void **state)
{
	struct test_policy *all[] = {&closed, &dropping, &open_zone, &shadow, &learn, &narrow};
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		test_policy_close(all[i]);
	return 0;
}

#define ON(policy, test) cmocka_unit_test_setup_teardown(test, on_##policy, down)

#endif
