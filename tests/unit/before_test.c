/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine is killed at any instruction. A child judges one packet, one instruction at a time; wherever its flow, what is kept of it or the
 * decision has changed, a successor takes over a copy of the memory, and the session has to go on as if nothing had been: what was decided
 * counts, and what was not the guardian has dropped (closed zone: its sender repeats it) or let go (open zone).
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "fwd/engine/before.h"
#include "tests/unit/verdict_fixture.h"

#define STEPS_MAX 4000000u

static int fd = -1;
/* Shared with the child: 1 + the action once the decision for packet `id` was given. */
static struct decided {
	_Atomic uint32_t id, action;
} * decided;
static struct packet victim;
static uint8_t bulk[40000];

static void note(struct bench *at, uint32_t id, const struct decision *d)
{
	(void)at;
	if (id == decided->id)
		decided->action = 1 + d->action;
}

static void bench_shared(struct test_policy *t)
{
	fd = memfd_create("otfw-before", 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)shm_size()), 0);
	decided = mmap(NULL, sizeof *decided, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(decided != MAP_FAILED);
	b = bench_on(fd, MAP_SHARED, true);
	b->on_decide = note;
	verdict_policy(b->v, &t->p, 1);
}

static int end(void **state)
{
	(void)state;
	munmap(decided, sizeof *decided);
	bench_free(b);
	close(fd);
	return 0;
}

/* What a successor's work depends on, of the first flow. */
struct image {
	uint8_t flow[SHM_FLOW_SIZE], rings[2 * RING_SIZE];
	struct shm_before before;
	struct decided decided;
};
static void image_take(struct image *i)
{
	memcpy(i->flow, flow_at(&b->v->memory, 0), sizeof i->flow);
	memcpy(i->rings, ring_at(&b->v->memory, 0, 0), sizeof i->rings);
	memcpy(&i->before, &b->shm->before, sizeof i->before);
	memcpy(&i->decided, decided, sizeof i->decided);
}

/* A successor on a copy of the memory as it is now. */
static void succeed(const struct test_policy *t, void (*after)(bool was_decided))
{
	struct bench *dead = b;
	uint32_t action = decided->action;

	b = bench_on(fd, MAP_PRIVATE, false);
	b->now = dead->now;
	b->next_id = dead->next_id + 1;
	verdict_policy(b->v, &t->p, 1);
	after(action != 0);
	bench_free(b);
	b = dead;
}

/* Judges the victim instruction by instruction. */
static void killed_anywhere(const struct test_policy *t, void (*after)(bool was_decided))
{
	static struct image last, now;
	unsigned before = 0, behind = 0;
	uint32_t steps = 0;
	int status;

	decided->action = 0;
	decided->id = b->next_id;
	image_take(&last);
	succeed(t, after); /* killed before the first instruction */
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(99);
		raise(SIGSTOP);
		bench_send(b, &victim);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL), 0);
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status))
			break;
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
		assert_true(++steps < STEPS_MAX);
		image_take(&now);
		if (memcmp(&now, &last, sizeof now) == 0)
			continue;
		last = now;
		if (decided->action)
			behind++;
		else
			before++;
		succeed(t, after);
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(decided->action != 0);
	succeed(t, after);
	print_message("           %u instructions, %u states before the decision, %u behind it\n", steps,
		      before, behind);
	assert_true(before >= 4 && behind >= 1);
}

static uint32_t again(void)
{
	return bench_send(b, &victim);
}
static void packet(bool from_server, uint32_t at, uint32_t ack, const uint8_t *data, uint32_t n)
{
	packet_tcp(&victim, from_server, 40000, TCP_ACK | TCP_PSH, (from_server ? S0 : C0) + at,
		   (from_server ? C0 : S0) + ack, data, n);
}

/* ---- a closed zone ---- */

static void session_goes_on(uint16_t id, uint32_t at, uint32_t answer_at)
{
	uint32_t n = modbus_answer(ans, id, 1, 1);

	ACCEPTED(from_server(answer_at, at, ans, n));
	READ((uint16_t)(id + 1), 7, 1);
	ACCEPTED(from_client(at, q, 12));
	n = modbus_answer(ans, (uint16_t)(id + 1), 1, 1);
	ACCEPTED(from_server(answer_at + n, at + 12, ans, n));
	/* And who may not write still may not. */
	WRITE((uint16_t)(id + 2), 60, 1);
	RESET(from_client(at + 12, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}

static void after_request(bool was_decided)
{
	(void)was_decided; /* it may be repeated in either case */
	ACCEPTED(again());
	session_goes_on(1, 12, 0);
}
static void request(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	READ(1, 0, 1);
	packet(false, 0, 0, q, 12);
	killed_anywhere(&closed, after_request);
}

static void after_second_half(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	session_goes_on(1, 12, 0);
}
static void second_half(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 5));
	packet(false, 5, 0, q + 5, 7);
	killed_anywhere(&closed, after_second_half);
}

static void after_first_half(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(1, 0, 1);
	ACCEPTED(from_client(5, q + 5, 7));
	session_goes_on(1, 12, 0);
}
static void first_half(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	READ(1, 0, 1);
	packet(false, 0, 0, q, 5);
	killed_anywhere(&closed, after_first_half);
}

static uint32_t answer_len;
static void after_answer(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
	session_goes_on(2, 24, answer_len);
}
static void answer(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	answer_len = modbus_answer(ans, 1, 1, 1);
	packet(true, 0, 12, ans, answer_len);
	killed_anywhere(&closed, after_answer);
}

/* What is forbidden does not pass, wherever the engine that denies it is killed. */
static void after_forbidden(bool was_decided)
{
	RESET(again());
	if (was_decided || b->reports[(b->nreports - 1) % BENCH_REPORTS].reason != REASON_ADDRESS)
		said(JUDGED_DENY, REASON_FLOW_DEAD);
	READ(2, 0, 1);
	RESET(from_client(12, q, 12));
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}
static void forbidden(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	WRITE(1, 60, 1);
	packet(false, 0, 0, q, 12);
	killed_anywhere(&closed, after_forbidden);
}

/* It fills a gap that another one waits behind: of that the successor knows nothing, and the guardian drops it. */
static void after_gap(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(2, 1, 1);
	ACCEPTED(from_client(12, q, 12));
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	ACCEPTED(from_server(0, 24, ans, n));
	session_goes_on(2, 24, n);
}
static void gap(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	READ(2, 1, 1);
	WAITS(from_client(12, q, 12));
	READ(1, 0, 1);
	packet(false, 0, 0, q, 12);
	killed_anywhere(&closed, after_gap);
}

/* A session that has only just begun. */
static void after_syn(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	ACCEPTED(bench_tcp(b, true, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0));
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	session_goes_on(1, 12, 0);
}
static void syn(void **state)
{
	(void)state;
	bench_shared(&closed);
	packet_tcp(&victim, false, 40000, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
	killed_anywhere(&closed, after_syn);
}
static void after_syn_ack(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	session_goes_on(1, 12, 0);
}
static void syn_ack(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_tcp(b, false, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
	packet_tcp(&victim, true, 40000, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
	killed_anywhere(&closed, after_syn_ack);
}

/* Many requests that nobody has acknowledged: the history moves from its ring into chunks. */
#define PIPELINE 20u
static uint32_t pipeline(uint16_t id, uint8_t *out)
{
	for (unsigned i = 0; i < PIPELINE; i++)
		modbus_ask(out + 12 * i, (uint16_t)(id + i), 1, 3, 0, 1);
	return 12 * PIPELINE;
}
static uint32_t pipeline_at;
static void after_chunks(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	/* All from the beginning may still be repeated, but for what the packet may have overwritten. */
	uint32_t n = pipeline(0, bulk);
	ACCEPTED(from_client(pipeline_at - n, bulk, n));
}
static void chunks(void **state)
{
	(void)state;
	bench_shared(&open_zone);
	bench_handshake(b);
	pipeline_at = 0;
	/* Answers expire, so that the same numbers can be asked again. */
	for (unsigned i = 0; i < 4; i++) {
		uint32_t n = pipeline(0, bulk);
		ACCEPTED(from_client(pipeline_at, bulk, n));
		pipeline_at += n;
		b->now.mono_us += 10000001;
	}
	assert_int_equal(flow_at(&b->v->memory, 0)->dir[0].nchunks, 0);
	uint32_t n = pipeline(0, bulk);
	packet(false, pipeline_at, 0, bulk, n);
	flow_at(&b->v->memory, 0)->route.failure = FAILURE_CLOSED;
	killed_anywhere(&open_zone, after_chunks);
}

/* The rest of a request whose beginning lies in chunks: what the packet cannot have overwritten of it is there. */
static void after_rest(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(101, 0, 1);
	ACCEPTED(from_client(pipeline_at + 12, q, 12));
}
static void rest_behind_chunks(void **state)
{
	(void)state;
	bench_shared(&open_zone);
	bench_handshake(b);
	pipeline_at = 0;
	for (unsigned i = 0; i < 5; i++) {
		uint32_t n = pipeline(0, bulk);
		ACCEPTED(from_client(pipeline_at, bulk, n));
		pipeline_at += n;
		b->now.mono_us += 10000001;
	}
	READ(100, 0, 1);
	ACCEPTED(from_client(pipeline_at, q, 5));
	assert_true(flow_at(&b->v->memory, 0)->dir[0].nchunks > 0);
	packet(false, pipeline_at + 5, 0, q + 5, 7);
	flow_at(&b->v->memory, 0)->route.failure = FAILURE_CLOSED;
	killed_anywhere(&open_zone, after_rest);
}

/* The rest of an answer with more behind it than the ring holds: it grows into chunks instead. */
static void after_more(bool was_decided)
{
	(void)was_decided;
	ACCEPTED(again());
	READ(10, 0, 1);
	ACCEPTED(from_client(12 * 15, q, 12));
}
static void more_than_a_ring(void **state)
{
	(void)state;
	bench_shared(&closed);
	bench_handshake(b);
	uint32_t n = 0;
	for (uint16_t i = 0; i < 15; i++) {
		READ(i, 0, 40);
		ACCEPTED(from_client(12u * i, q, 12));
		n += modbus_answer(bulk + n, i, 1, 40);
	}
	ACCEPTED(from_server(0, 12 * 15, bulk, 5));
	packet(true, 5, 12 * 15, bulk + 5, n - 5);
	killed_anywhere(&closed, after_more);
}

static void after_datagram(bool was_decided)
{
	static struct packet k;

	uint32_t n;

	/* Nobody repeats a datagram; a client that does without a new number finds its first one waiting for an answer, or gone. */
	if (!was_decided && b->got[again() % BENCH_IDS].action != ACTION_ACCEPT)
		said(JUDGED_DENY, REASON_ID_IN_USE);
	n = modbus_answer(ans, 1, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	ACCEPTED(bench_send(b, &k));
	READ(2, 0, 1);
	packet_udp(&k, false, 40000, q, 12);
	ACCEPTED(bench_send(b, &k));
	n = modbus_answer(ans, 2, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	ACCEPTED(bench_send(b, &k));
}
static void datagram(void **state)
{
	(void)state;
	bench_shared(&closed);
	READ(1, 0, 1);
	packet_udp(&victim, false, 40000, q, 12);
	killed_anywhere(&closed, after_datagram);
}

/* ---- an open zone: what was not decided passed unseen ---- */

static void passes(uint32_t id)
{
	bench_wait(b, 30000);
	assert_int_equal(b->got[id % BENCH_IDS].count, 1);
	assert_int_equal(b->got[id % BENCH_IDS].action, ACTION_ACCEPT);
}
static void after_open_request(bool was_decided)
{
	(void)was_decided;
	uint32_t n = modbus_answer(ans, 1, 1, 1);

	passes(from_server(0, 12, ans, n));
	READ(2, 0, 1);
	passes(from_client(12, q, 12));
	n = modbus_answer(ans, 2, 1, 1);
	passes(from_server(n, 24, ans, n));
	/* Inspected again. */
	WRITE(3, 60, 1);
	RESET(from_client(24, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}
static void open_request(void **state)
{
	(void)state;
	bench_shared(&open_zone);
	bench_handshake(b);
	READ(1, 0, 1);
	packet(false, 0, 0, q, 12);
	killed_anywhere(&open_zone, after_open_request);
}
static void after_open_answer(bool was_decided)
{
	(void)was_decided;
	READ(2, 0, 1);
	passes(from_client(12, q, 12));
	uint32_t n = modbus_answer(ans, 2, 1, 1);
	passes(from_server(answer_len, 24, ans, n));
	WRITE(3, 60, 1);
	RESET(from_client(24, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}
static void open_answer(void **state)
{
	(void)state;
	bench_shared(&open_zone);
	bench_handshake(b);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	answer_len = modbus_answer(ans, 1, 1, 1);
	packet(true, 0, 12, ans, answer_len);
	killed_anywhere(&open_zone, after_open_answer);
}

#define KILLED(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KILLED(request),
		KILLED(first_half),
		KILLED(second_half),
		KILLED(answer),
		KILLED(forbidden),
		KILLED(gap),
		KILLED(syn),
		KILLED(syn_ack),
		KILLED(chunks),
		KILLED(rest_behind_chunks),
		KILLED(more_than_a_ring),
		KILLED(datagram),
		KILLED(open_request),
		KILLED(open_answer),
	};

	return cmocka_run_group_tests_name("before", tests, policies_open, policies_close);
}
