/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fwd/common/shm.h"

static void *fresh(void)
{
	void *mem = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	shm_init(mem, 7, 2, FAILURE_OPEN);
	return mem;
}

static void parts_are_disjoint_and_in_order(void **state)
{
	const char *err = NULL;
	struct shm *s = shm_open_mem(fresh(), shm_size(), &err);

	(void)state;
	assert_non_null(s);
	assert_true(s->flows_at >= sizeof(struct shm));
	assert_true(s->pool_at >= s->flows_at + (uint64_t)SHM_FLOWS * SHM_FLOW_SIZE);
	assert_true(s->held_at >= s->pool_at + SHM_POOL_SIZE);
	assert_true(s->books_at >= s->held_at + SHM_HELD * sizeof(struct shm_held));
	assert_true(s->rates_at >= s->books_at + SHM_BOOKS * sizeof(struct shm_book));
	assert_true(s->ring_at >= s->rates_at + SHM_RATES * sizeof(struct rate_slot));
	assert_true(s->guardian_ring_at >= s->ring_at + sizeof(struct ring));
	assert_true(s->size >= s->guardian_ring_at + sizeof(struct ring));
	assert_int_equal(s->size, shm_size());
	munmap(s, shm_size());
}

static void fits_the_memory_budget(void **state)
{
	(void)state;
	assert_true(shm_size() <= (size_t)128 << 20);
}

static void parts_are_aligned(void **state)
{
	const char *err;
	struct shm *s = shm_open_mem(fresh(), shm_size(), &err);
	const uint64_t at[] = {s->flows_at, s->pool_at, s->held_at,         s->books_at,
			       s->rates_at, s->ring_at, s->guardian_ring_at};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_int_equal(at[i] % 64, 0);
	munmap(s, shm_size());
}

static void init_says_whose_queue_it_is(void **state)
{
	const char *err;
	struct shm *s = shm_open_mem(fresh(), shm_size(), &err);

	(void)state;
	assert_int_equal(s->guardian.queue_num, 7);
	assert_int_equal(s->guardian.queue_index, 2);
	assert_int_equal(s->guardian.failure, FAILURE_OPEN);
	assert_int_equal(atomic_load(&s->engine.current_flow), UINT32_MAX);
	assert_int_equal(atomic_load(&s->before.slot), UINT32_MAX);
	assert_int_equal(atomic_load(&s->engine.started), 0);
	munmap(s, shm_size());
}

static bool same_octets(const unsigned char *p, size_t n, unsigned char octet)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != octet)
			return false;
	return true;
}

/* What an earlier guardian left: flows, pool, rates and claims as they are, all else as new, with an epoch of its own. */
static void renewed(void **state)
{
	const char *err = NULL;
	unsigned char *mem = fresh(), *new = fresh();
	struct shm *s = (struct shm *)(void *)mem, *n = (struct shm *)(void *)new;
	uint64_t epoch = s->epoch;

	(void)state;
	memset(mem + sizeof(struct shm), 0xa5, shm_size() - sizeof(struct shm));
	memset(&s->guardian, 0xa5, sizeof(s->guardian));
	memset(s->suspects, 0xa5, sizeof(s->suspects));
	memset(&s->openings, 0xa5, sizeof(s->openings));
	memset(s->counters, 0xa5, sizeof(s->counters));
	atomic_store(&s->engine.generation, 9);
	atomic_store(&s->engine.busy, 1);
	atomic_store(&s->guardian.suspect_flow, 0);
	shm_renew(s, 7, 2, FAILURE_OPEN);
	assert_ptr_equal(shm_open_mem(mem, shm_size(), &err), s);
	assert_int_not_equal(s->epoch, epoch);
	n->epoch = s->epoch;
	assert_memory_equal(s, n, sizeof(*s));
	assert_true(same_octets(mem + s->flows_at, s->held_at - s->flows_at, 0xa5));
	assert_true(same_octets(mem + s->held_at, s->rates_at - s->held_at, 0));
	assert_true(same_octets(mem + s->rates_at, s->use_at - s->rates_at, 0xa5));
	assert_true(same_octets(mem + s->use_at, shm_size() - s->use_at, 0));
	munmap(mem, shm_size());
	munmap(new, shm_size());
}

/* An engine was killed in the middle of a flow, or had died of itself in one: it is for the next engine to see to. */
static void renewed_in_a_flow(void **state)
{
	struct shm *s = fresh();

	(void)state;
	s->before.end = 99;
	s->before.flow[5] = 0x1234;
	atomic_store(&s->before.slot, 17);
	atomic_store(&s->engine.current_flow, 17);
	atomic_store(&s->guardian.suspect_flow, 5);
	shm_renew(s, 7, 2, FAILURE_CLOSED);
	assert_int_equal(atomic_load(&s->before.slot), 17);
	assert_int_equal(s->before.end, 99);
	assert_int_equal(s->before.flow[5], 0x1234);
	assert_int_equal(atomic_load(&s->engine.current_flow), UINT32_MAX);
	assert_int_equal(atomic_load(&s->guardian.suspect_flow), 5);
	munmap(s, shm_size());
}

static void adding_counts(void **state)
{
	const char *err;
	struct shm *s = shm_open_mem(fresh(), shm_size(), &err);

	(void)state;
	shm_add(s, SHM_BYTES, 1500);
	shm_add(s, SHM_BYTES, 60);
	assert_int_equal(atomic_load(&s->counters[SHM_BYTES]), 1560);
	assert_int_equal(atomic_load(&s->counters[SHM_PACKETS]), 0);
	munmap(s, shm_size());
}

/* An engine gone bad says that the parts are elsewhere: what others look for is where it was. */
static void moved_by_an_engine(void **state)
{
	struct shm *s = fresh();
	const char *books = (char *)s + s->books_at, *use = (char *)s + s->use_at;
	struct shm_layout l = shm_layout();

	(void)state;
	assert_int_equal(l.flows, s->flows_at);
	assert_int_equal(l.held, s->held_at);
	assert_int_equal(l.ring, s->ring_at);
	assert_int_equal(l.guardian_ring, s->guardian_ring_at);
	assert_int_equal(l.learn, s->learn_at);
	assert_int_equal(l.assets, s->assets_at);
	s->books_at = s->use_at = (uint64_t)1 << 40;
	assert_ptr_equal(shm_book_at(s, SHM_BOOK_AT(0, 0, 0)),
			 ((const struct shm_book *)(const void *)books)->n);
	assert_ptr_equal(shm_use_table(s, 0), use);
	munmap(s, shm_size());
}

static void every_counter_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SHM_COUNTERS; i++) {
		assert_non_null(shm_counter_name(i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(shm_counter_name(i), shm_counter_name(j));
	}
	assert_null(shm_counter_name(SHM_COUNTERS));
}

struct bad {
	const char *name;
	size_t offset, len; /* octets inverted */
	size_t cut;         /* octets the mapping is said to be shorter */
};

static void refuses(void **state)
{
	const struct bad *b = *state;
	const char *err = NULL;
	unsigned char *mem = fresh();

	for (size_t i = 0; i < b->len; i++)
		mem[b->offset + i] ^= 0xff;
	assert_null(shm_open_mem(mem, shm_size() - b->cut, &err));
	assert_non_null(err);
	munmap(mem, shm_size());
}

#define FIELD(f) offsetof(struct shm, f), 1, 0
static struct bad bads[] = {
	{"refuses_other_magic", FIELD(magic)},    {"refuses_other_version", FIELD(version)},
	{"refuses_other_size", FIELD(size)},      {"refuses_moved_flows", FIELD(flows_at)},
	{"refuses_moved_pool", FIELD(pool_at)},   {"refuses_moved_held", FIELD(held_at)},
	{"refuses_moved_rates", FIELD(rates_at)}, {"refuses_moved_claims", FIELD(claims_at)},
	{"refuses_moved_use", FIELD(use_at)},     {"refuses_moved_learn", FIELD(learn_at)},
	{"refuses_moved_ring", FIELD(ring_at)},   {"refuses_moved_guardian_ring", FIELD(guardian_ring_at)},
	{"refuses_short_mapping", 0, 0, 1},       {"refuses_mapping_without_header", 0, 0, 0},
};

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(parts_are_disjoint_and_in_order),
		cmocka_unit_test(fits_the_memory_budget),
		cmocka_unit_test(parts_are_aligned),
		cmocka_unit_test(init_says_whose_queue_it_is),
		cmocka_unit_test(renewed),
		cmocka_unit_test(renewed_in_a_flow),
		cmocka_unit_test(adding_counts),
		cmocka_unit_test(moved_by_an_engine),
		cmocka_unit_test(every_counter_has_a_name_of_its_own),
	};
	struct CMUnitTest rows[sizeof(bads) / sizeof(bads[0])];
	size_t n = sizeof(bads) / sizeof(bads[0]);
	int failed;

	bads[n - 1].cut = shm_size() - sizeof(struct shm) + 1;
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct CMUnitTest){
			.name = bads[i].name, .test_func = refuses, .initial_state = &bads[i]};
	failed = cmocka_run_group_tests_name("shm", fixed, NULL, NULL);
	return failed + _cmocka_run_group_tests("shm refuses", rows, n, NULL, NULL);
}
