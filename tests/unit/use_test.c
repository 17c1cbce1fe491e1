/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each rule allowed: the engine's tables, and their way into rules.db over generations and restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/engine/use.h"
#include "fwd/recorder/use.h"
#include "tests/policy_make.h"

#define NOW INT64_C(1800000000000000)
#define DAY INT64_C(86400000000)

static char complaint[512];

void complain(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, args);
	va_end(args);
}
int64_t clock_us(void)
{
	return NOW;
}

#define HEAD                                                                                                 \
	"version: 1\nsite: {name: t}\nzones:\n"                                                              \
	"  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"                                    \
	"  cell: {level: 2, networks: [10.10.2.0/24], failure: closed}\n"                                    \
	"hosts: {plc: 10.10.2.2, web: 10.10.2.3}\nconduits:\n"                                               \
	"  - name: c\n    from: [room]\n    to: cell\n    servers: [plc]\n    protocols: [modbus]\n"         \
	"    mode: enforce\n    at-most: [read, write]\n    allow:\n"
#define RULE(id)                                                                                             \
	"      - {id: " id ", clients: any, protocol: modbus, units: [1], "                                  \
	"functions: [read-holding-registers], addresses: {holding: [0..9]}}\n"
#define KERNEL                                                                                               \
	"  - name: k\n    from: [room]\n    to: cell\n    servers: [web]\n    mode: enforce\n    allow:\n"   \
	"      - {id: https, clients: any, tcp: [443]}\n"

static char dir[] = "/tmp/otfw-use-XXXXXX";
static struct made first, second;
static struct recorder *r;
static struct shm *shm;
static int shm_fd;

static void memory_new(void)
{
	if (shm)
		munmap(shm, shm_size());
	if (shm_fd > 0)
		close(shm_fd);
	shm_fd = memfd_create("shm", MFD_CLOEXEC);
	assert_int_equal(ftruncate(shm_fd, (off_t)shm_size()), 0);
	shm = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd, 0);
	assert_ptr_not_equal(shm, MAP_FAILED);
	shm_init(shm, 7, 0, FAILURE_CLOSED);
}

static void image_give(uint32_t generation, const struct made *m)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_int_equal(write(fd, m->image, m->size), m->size);
	image_add(r, generation, fd);
}

/* A recorder as the guardian starts one: the memory, the policy in force. */
static void recorder_up(uint32_t generation, const struct made *m)
{
	r = calloc(1, sizeof(*r));
	assert_non_null(r);
	use_open(r);
	assert_true(use_known(r));
	queue_add(r, 7, dup(shm_fd));
	image_give(generation, m);
	assert_string_equal(complaint, "");
}
/* kill -9: nothing is folded at the end. */
static void recorder_killed(void)
{
	use_close(r);
	modes_close(&r->modes);
	for (unsigned i = 0; i < r->nqueues; i++)
		munmap(r->queues[i].shm, shm_size());
	for (unsigned i = 0; i < r->nimages; i++)
		image_unmap(&r->images[i]);
	free(r);
	r = NULL;
}

static int setup(void **state)
{
	(void)state;
	complaint[0] = 0;
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (dup2(fd, FD_STATE) != FD_STATE)
		return -1;
	close(fd);
	memory_new();
	return 0;
}
static int teardown(void **state)
{
	static const char *const names[] = {"rules.db", "rules.db-wal", "rules.db-shm"};
	char path[64];

	(void)state;
	if (r)
		recorder_killed();
	close(FD_STATE);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* The engine allows an operation by each of these rules. */
static void allow(struct use *u, uint32_t nops, uint16_t a, uint16_t b, int64_t at)
{
	u->by[0] = a;
	u->by[1] = b;
	use_add(u, nops, at);
}
static void holds(const char *rule, uint64_t total, unsigned days, int64_t last)
{
	struct use_sum s;

	use_fold(r);
	assert_int_equal(use_get(r, rule, &s), total > 0);
	assert_int_equal(s.total, total);
	assert_int_equal(s.days, days);
	assert_int_equal(s.last_us, last);
}

static void each_operation_counts_for_its_rule(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	holds("c/a", 0, 0, 0);
	allow(&u, 2, 0, 1, NOW);
	allow(&u, 1, 0, 0, NOW + DAY);
	allow(&u, 1, POLICY_NO_RULE, 0, NOW); /* is nobody's */
	holds("c/a", 2, 1, NOW + DAY);
	holds("c/b", 1, 1, NOW);
	allow(&u, 1, 0, 0, NOW + 2 * DAY);
	holds("c/a", 3, 2, NOW + 2 * DAY);
}

static void nothing_counts_twice_when_the_recorder_is_killed(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW);
	holds("c/a", 1, 1, NOW);
	allow(&u, 1, 0, 0, NOW + 1); /* after the last fold */
	recorder_killed();
	recorder_up(1, &first);
	holds("c/a", 2, 1, NOW + 1);
	recorder_killed();
	recorder_up(1, &first);
	holds("c/a", 2, 1, NOW + 1);
}

static void names_outlive_generations(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW);
	image_give(2, &second); /* there b is rule 0, and a is rule 1 */
	allow(&u, 1, 0, 0, NOW + 1);
	use_policy(&u, shm, &second.policy, 2);
	allow(&u, 1, 0, 0, NOW + 2);
	allow(&u, 1, 1, 0, NOW + 3);
	holds("c/a", 3, 1, NOW + 3);
	holds("c/b", 1, 1, NOW + 2);
	image_give(3, &first);
	use_policy(&u, shm, &first.policy, 3);
	allow(&u, 1, 0, 0, NOW + 4);
	holds("c/a", 4, 1, NOW + 4);
}

static void another_engine_goes_on_with_the_table(void **state)
{
	struct use u, next;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW);
	holds("c/a", 1, 1, NOW);
	use_policy(&next, shm, &first.policy, 1);
	assert_ptr_equal(next.table, u.table);
	allow(&next, 1, 0, 0, NOW + 1);
	holds("c/a", 2, 1, NOW + 1);
}

static void fresh_memory_counts_from_nothing(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	for (int i = 0; i < 5; i++)
		allow(&u, 1, 0, 0, NOW);
	holds("c/a", 5, 1, NOW);
	recorder_killed();
	memory_new(); /* the daemon was started anew: the same numbers of generations */
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW + 1);
	holds("c/a", 6, 1, NOW + 1);
}

static void a_table_being_cleared_is_not_read(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW);
	atomic_store(&u.table->generation, 0);
	holds("c/a", 0, 0, 0);
	atomic_store(&u.table->generation, 1);
	holds("c/a", 1, 1, NOW);
}

static void what_another_process_writes_is_not_believed(void **state)
{
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 0, 0, NOW);
	holds("c/a", 1, 1, NOW);
	atomic_store(&u.table->rules[0].n, 0); /* counters do not go back */
	holds("c/a", 1, 1, NOW);
	atomic_store(&u.table->generation, 77); /* a generation that nobody handed out */
	atomic_store(&u.table->rules[0].n, 9);
	holds("c/a", 1, 1, NOW);
}

static void the_kernel_lane_is_folded_from_readings(void **state)
{
	static const struct {
		uint64_t packets, total;
		uint32_t generation;
	} readings[] = {{0, 0, 1}, {4, 4, 1}, {4, 4, 1}, {9, 9, 1}, {2, 11, 1}, {5, 16, 2}, {6, 17, 2}};
	struct use_sum s;

	(void)state;
	recorder_up(1, &first);
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		if (readings[i].generation != r->images[0].generation)
			image_give(readings[i].generation, &second);
		r->ledger.good = true;
		r->ledger.nlanes = 1;
		strcpy(r->ledger.lanes[0].name, "k/https");
		r->ledger.lanes[0].packets = readings[i].packets;
		use_lanes(r);
		use_get(r, "k/https", &s);
		assert_int_equal(s.total, readings[i].total);
	}
}

static void rules_are_listed_with_those_never_used(void **state)
{
	static char text[JSONL_MAX];
	struct jsonl j;
	struct use u;

	(void)state;
	recorder_up(1, &first);
	use_policy(&u, shm, &first.policy, 1);
	allow(&u, 1, 1, 0, NOW);
	use_fold(r);
	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	use_print(r, 1, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_non_null(strstr(text, "\"rules-known\":true,\"rules\":[{\"rule\":\"c/b\""));
	assert_non_null(strstr(
		text, "\"total\":1,\"days\":1,\"first\":1800000000.000000,\"last\":1800000000.000000}"));
	assert_non_null(
		strstr(text, "{\"rule\":\"k/https\",\"conduit\":\"k\",\"id\":\"https\",\"lane\":\"kernel\""));
	assert_non_null(strstr(
		text,
		"\"total\":0,\"days\":0,\"first\":null,\"last\":null}],\"rules-total\":3,\"next\":null}"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(each_operation_counts_for_its_rule),
		CASE(nothing_counts_twice_when_the_recorder_is_killed),
		CASE(names_outlive_generations),
		CASE(another_engine_goes_on_with_the_table),
		CASE(fresh_memory_counts_from_nothing),
		CASE(a_table_being_cleared_is_not_read),
		CASE(what_another_process_writes_is_not_believed),
		CASE(the_kernel_lane_is_folded_from_readings),
		CASE(rules_are_listed_with_those_never_used),
	};
	first = made_from(HEAD RULE("a") RULE("b") KERNEL);
	second = made_from(HEAD RULE("b") RULE("a") KERNEL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	made_free(&first);
	made_free(&second);
	if (shm)
		munmap(shm, shm_size());
	return failed;
}
