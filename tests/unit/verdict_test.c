/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets in, decisions and reports out: what passes, what is withheld, what becomes a reset, under a real policy. */
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

static int start(struct test_policy *t)
{
	b = bench_new();
	if (t)
		verdict_policy(b->v, &t->p, 1);
	return 0;
}
static int on_closed(void **state)
{
	(void)state;
	return start(&closed);
}
static int on_dropping(void **state)
{
	(void)state;
	return start(&dropping);
}
static int on_open(void **state)
{
	(void)state;
	return start(&open_zone);
}
static int on_shadow(void **state)
{
	(void)state;
	return start(&shadow);
}
static int on_learn(void **state)
{
	(void)state;
	return start(&learn);
}
static int on_nothing(void **state)
{
	(void)state;
	return start(NULL);
}
/* In the end every packet has had exactly one decision. */
static int down(void **state)
{
	(void)state;
	bench_wait(b, 2500000);
	assert_int_equal(b->v->memory.head->nheld, 0);
	for (uint32_t id = b->next_id > BENCH_IDS ? b->next_id - BENCH_IDS : 1; id < b->next_id; id++)
		assert_int_equal(b->got[id % BENCH_IDS].count, 1);
	assert_int_equal(atomic_load(&b->shm->flows_clean), 1);
	bench_free(b);
	return 0;
}

static void got(uint32_t id, enum action action, uint32_t mark)
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

static void said(enum judgement j, enum reason r)
{
	assert_true(b->nreports > 0);
	const struct seen *s = &b->reports[(b->nreports - 1) % BENCH_REPORTS];
	assert_string_equal(reason_name(s->reason), reason_name(r));
	assert_int_equal(s->judgement, j);
}
static uint32_t from_client(uint32_t at, const uint8_t *data, uint32_t n)
{
	return bench_tcp(b, false, TCP_ACK | TCP_PSH, C0 + at, S0, data, n);
}
static uint32_t from_server(uint32_t at, uint32_t ack, const uint8_t *data, uint32_t n)
{
	return bench_tcp(b, true, TCP_ACK | TCP_PSH, S0 + at, C0 + ack, data, n);
}
static uint64_t counter(enum shm_counter c)
{
	return atomic_load(&b->shm->counters[c]);
}

#define READ(id, a, n)  modbus_ask(q, id, 1, 3, a, n)
#define WRITE(id, a, v) modbus_ask(q, id, 1, 6, a, v)

static void allows(void **state)
{
	(void)state;
	bench_handshake(b);
	ACCEPTED(1);
	ACCEPTED(2);
	READ(1, 0, 10);
	ACCEPTED(from_client(0, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
	assert_int_equal(b->reports[0].last, 9);
	uint32_t n = modbus_answer(ans, 1, 1, 10);
	ACCEPTED(from_server(0, 12, ans, n));
	said(JUDGED_ALLOW, REASON_NONE);
	assert_true(b->reports[1].from_server);
	WRITE(2, 45, 1000);
	ACCEPTED(from_client(12, q, 12));
	ACCEPTED(from_server(n, 24, q, 12));
	assert_int_equal(b->nreports, 4);
	ACCEPTED(bench_tcp(b, false, TCP_FIN | TCP_ACK, C0 + 24, S0 + n, NULL, 0));
	assert_int_equal(counter(SHM_PDUS), 4);
	assert_int_equal(counter(SHM_INSPECTED), 7);
}

static void denies_with_reset(void **state)
{
	struct pkt p;

	(void)state;
	bench_handshake(b);
	WRITE(1, 50, 1);
	uint32_t id = from_client(0, q, 12);
	RESET(id);
	said(JUDGED_DENY, REASON_ADDRESS);
	assert_int_equal(pkt_parse(b->rewritten, b->got[id].len, &p), REASON_NONE);
	assert_int_equal(p.flags, TCP_RST | TCP_ACK);
	assert_int_equal(p.seq, C0);
	assert_int_equal(p.payload_len, 0);
	READ(2, 0, 1);
	RESET(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_FLOW_DEAD);
	ACCEPTED(bench_tcp(b, true, TCP_RST, S0, 0, NULL, 0));
	/* The same ports again: alive once the server has answered. */
	ACCEPTED(bench_tcp(b, false, TCP_SYN, 7000, 0, NULL, 0));
	READ(2, 0, 1);
	RESET(bench_tcp(b, false, TCP_ACK, 7001, 9001, q, 12));
	ACCEPTED(bench_tcp(b, true, TCP_SYN | TCP_ACK, 9000, 7001, NULL, 0));
	ACCEPTED(bench_tcp(b, false, TCP_ACK, 7001, 9001, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
}

static void reset_forms(void **state)
{
	static struct packet k;
	struct pkt p;

	(void)state;
	WRITE(1, 50, 1);
	for (unsigned form = 0; form < 2; form++) {
		b->v->nft_reset = form == 1;
		packet_tcp(&k, false, (uint16_t)(41000 + form), TCP_SYN, 100, 0, NULL, 0);
		bench_send(b, &k);
		packet_tcp(&k, false, (uint16_t)(41000 + form), TCP_ACK, 101, 0, q, 12);
		uint32_t id = b->next_id++;
		verdict_packet(b->v, k.data, k.len, id, false, true, &b->now);
		RESET(id);
		assert_int_equal(b->got[id].len, k.len);
		assert_int_equal(pkt_parse(b->rewritten, k.len, &p), REASON_NONE);
		assert_int_equal(p.flags, form ? TCP_ACK : TCP_RST | TCP_ACK);
		for (uint32_t i = 0; i < 12; i++)
			assert_int_equal(b->rewritten[40 + i], 0);
	}
	b->v->nft_reset = false;
}

static void denies_with_drop(void **state)
{
	(void)state;
	bench_handshake(b);
	WRITE(1, 50, 1);
	DROPPED(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
	DROPPED(from_client(0, q, 12));
	/* The stream has not moved: another request in its place is judged for itself. */
	WRITE(1, 49, 1);
	ACCEPTED(from_client(0, q, 12));
}

/* A segment that is withheld leaves nothing behind: its first request is not taken for one that waits. */
static void withheld_whole(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	WRITE(2, 50, 1);
	modbus_ask(q, 1, 1, 3, 0, 1);
	modbus_ask(q + 12, 2, 1, 6, 50, 1);
	DROPPED(from_client(0, q, 24));
	assert_int_equal(b->nreports, 2);
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	DROPPED(from_server(0, 0, ans, n));
	said(JUDGED_DENY, REASON_UNASKED);
	ACCEPTED(from_client(0, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
	ACCEPTED(from_server(0, 12, ans, n));
}

static void octet_by_octet(void **state)
{
	(void)state;
	bench_handshake(b);
	WRITE(1, 50, 1);
	for (uint32_t i = 0; i < 11; i++)
		ACCEPTED(from_client(i, q + i, 1));
	assert_int_equal(b->nreports, 0);
	RESET(from_client(11, q + 11, 1));
	said(JUDGED_DENY, REASON_ADDRESS);
}

static void repeats(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(1, 0, 10);
	ACCEPTED(from_client(0, q, 7));
	ACCEPTED(from_client(0, q, 7));
	ACCEPTED(from_client(3, q + 3, 4));
	ACCEPTED(from_client(2, q + 2, 10));
	ACCEPTED(from_client(0, q, 12));
	assert_int_equal(b->nreports, 1);
	q[9] = 5;
	RESET(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_OVERLAP);
	q[9] = 0;
	RESET(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}

/* The first half was forwarded; a second copy with another end must not replace what the receiver may not have. */
static void overlap_differs_in_a_part(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(1, 0, 10);
	ACCEPTED(from_client(0, q, 9));
	q[8] ^= 1;
	DROPPED(from_client(4, q + 4, 8));
	said(JUDGED_DENY, REASON_OVERLAP);
	q[8] ^= 1;
	DROPPED(from_client(9, q + 9, 3)); /* dead even where denials drop */
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}

static void older_than_history(void **state)
{
	uint32_t at = 0, answered = 0;

	(void)state;
	bench_handshake(b);
	for (uint16_t i = 0; i < 100; i++) {
		READ(i, 0, 1);
		ACCEPTED(bench_tcp(b, false, TCP_ACK, C0 + at, S0 + answered, q, 12));
		at += 12;
		uint32_t n = modbus_answer(ans, i, 1, 1);
		ACCEPTED(from_server(answered, at, ans, n));
		answered += n;
	}
	READ(0, 0, 1);
	DROPPED(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_HISTORY);
	READ(99, 0, 1);
	ACCEPTED(from_client(at - 12, q, 12));
	READ(100, 0, 1);
	ACCEPTED(from_client(at, q, 12));
}

static void ahead_is_held(void **state)
{
	uint8_t two[24];

	(void)state;
	bench_handshake(b);
	modbus_ask(two, 1, 1, 3, 0, 1);
	modbus_ask(two + 12, 2, 1, 6, 50, 1);
	uint32_t second = from_client(12, two + 12, 12);
	WAITS(second);
	uint32_t again = from_client(12, two + 12, 12);
	DROPPED(again);
	assert_int_equal(counter(SHM_HELD_NOW), 1);
	uint32_t first = from_client(0, two, 12);
	ACCEPTED(first);
	RESET(second);
	said(JUDGED_DENY, REASON_ADDRESS);
	assert_int_equal(counter(SHM_HELD_NOW), 0);
}

/* Held ones that a denial leaves behind are denied with it. */
static void held_dies_with_its_flow(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(2, 0, 1);
	uint32_t later = from_client(12, q, 12);
	WAITS(later);
	WRITE(1, 50, 1);
	RESET(from_client(0, q, 12));
	DROPPED(later);
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}

static void held_expires(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(2, 0, 1);
	uint32_t later = from_client(12, q, 12);
	bench_wait(b, 19000);
	WAITS(later);
	bench_wait(b, 3000);
	DROPPED(later);
	said(JUDGED_DENY, REASON_HELD_EXPIRED);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
}

static void held_is_bounded(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	uint32_t id = 0;
	for (uint32_t i = 1; i <= 64; i++) {
		id = from_client(12 * i, q, 12);
		WAITS(id);
	}
	DROPPED(from_client(12 * 65, q, 12));
	said(JUDGED_DENY, REASON_HELD_FULL);
	assert_int_equal(counter(SHM_HELD_NOW), 64);
	DROPPED(from_client(1u << 25, q, 12));
	said(JUDGED_DENY, REASON_GAP);
	bench_wait(b, 30000);
	DROPPED(id);
	assert_int_equal(counter(SHM_HELD_NOW), 0);
}

/* Too large for a cell: chunks are lent and come back. */
static void held_large(void **state)
{
	static uint8_t big[60000];
	uint32_t chunks = b->v->memory.head->nchunks_free, n = 0;

	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	for (uint16_t i = 0; n + 12 <= sizeof big; i++)
		n += modbus_ask(big + n, i, 1, 0x10, 0, 0); /* decodes as no write of registers: denied */
	uint32_t id = from_client(12, big, n);
	WAITS(id);
	assert_int_equal(b->v->memory.head->nchunks_free, chunks - 2);
	ACCEPTED(from_client(0, q, 12));
	RESET(id);
	assert_int_equal(b->v->memory.head->nchunks_free, chunks);
}

static void keep_alives(void **state)
{
	(void)state;
	bench_handshake(b);
	uint8_t garbage = 0xee;
	uint32_t id = from_client((uint32_t)-1, &garbage, 1); /* nothing was sent yet */
	ACCEPTED(id);
	assert_int_equal(b->got[id].len, 41);
	assert_int_equal(b->rewritten[40], 0);
	READ(1, 0, 0x0a);
	ACCEPTED(from_client(0, q, 12));
	id = from_client(11, &garbage, 1);
	ACCEPTED(id);
	assert_int_equal(b->rewritten[40], 0x0a);
	assert_int_equal(counter(SHM_KEEPALIVES), 2);
	id = from_client(11, q + 11, 1);
	ACCEPTED(id);
	assert_int_equal(b->got[id].len, 0);
	ACCEPTED(bench_tcp(b, false, TCP_ACK, C0 + 11, S0, NULL, 0));
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
}

static void odd_segments(void **state)
{
	static struct packet k;

	(void)state;
	READ(1, 0, 1);
	DROPPED(bench_tcp(b, false, TCP_SYN, CLIENT_ISN, 0, q, 12));
	said(JUDGED_DENY, REASON_SYN_DATA);
	bench_handshake(b);
	packet_tcp(&k, false, 40000, TCP_ACK | TCP_URG, C0, S0, q, 12);
	packet_put16(k.data + 38, 3);
	RESET(bench_send(b, &k));
	said(JUDGED_DENY, REASON_URGENT);
	/* From the server no session may begin, to nowhere neither. */
	packet_tcp(&k, true, 40001, TCP_SYN, 1, 0, NULL, 0);
	DROPPED(bench_send(b, &k));
	packet_tcp(&k, false, 40001, TCP_SYN, 1, 0, NULL, 0);
	k.data[19] = 99;
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_NO_CONDUIT);
	packet_tcp(&k, false, 40001, TCP_ACK, 1, 0, NULL, 0);
	k.data[6] = 0x20;
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_FRAGMENT);
	k.data[6] = 0;
	k.data[9] = 1;
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_TRANSPORT);
	assert_int_equal(counter(SHM_FLOWS_NOW), 1);
}

static void truncated(void **state)
{
	static struct packet k;

	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	packet_tcp(&k, false, 40000, TCP_ACK, C0, S0, q, 12);
	uint32_t id = b->next_id++;
	verdict_packet(b->v, k.data, k.len - 3, id, true, false, &b->now);
	DROPPED(id);
	said(JUDGED_DENY, REASON_TRUNCATED);
}

static void answers(void **state)
{
	(void)state;
	bench_handshake(b);
	uint32_t n = modbus_answer(ans, 9, 1, 1);
	DROPPED(from_server(0, 0, ans, n));
	said(JUDGED_DENY, REASON_UNASKED);
	READ(9, 0, 2);
	ACCEPTED(from_client(0, q, 12));
	DROPPED(from_server(0, 12, ans, n));
	said(JUDGED_DENY, REASON_ANSWER_SIZE);
	n = modbus_answer(ans, 9, 2, 2);
	DROPPED(from_server(0, 12, ans, n));
	said(JUDGED_DENY, REASON_ANSWER_UNIT);
	READ(9, 0, 1);
	DROPPED(from_client(12, q, 12));
	said(JUDGED_DENY, REASON_ID_IN_USE);
	n = modbus_answer(ans, 9, 1, 2);
	ACCEPTED(from_server(0, 12, ans, n));
	/* Once. */
	DROPPED(from_server(n, 12, ans, n));
	said(JUDGED_DENY, REASON_UNASKED);
	READ(9, 0, 1);
	ACCEPTED(from_client(12, q, 12));
}

static void late_answer(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(9, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	b->now.mono_us += 10000001;
	uint32_t n = modbus_answer(ans, 9, 1, 1);
	ACCEPTED(from_server(0, 12, ans, n));
	said(JUDGED_ALLOW, REASON_ANSWER_LATE);
	assert_int_equal(counter(SHM_LATE_ANSWERS), 1);
}

static void pending_is_bounded(void **state)
{
	(void)state;
	bench_handshake(b);
	for (uint16_t i = 0; i < FLOW_ASKED; i++) {
		READ(i, 0, 1);
		ACCEPTED(from_client(12u * i, q, 12));
	}
	READ(99, 0, 1);
	DROPPED(from_client(12 * FLOW_ASKED, q, 12));
	said(JUDGED_DENY, REASON_PENDING_FULL);
	b->now.mono_us += 10000001;
	ACCEPTED(from_client(12 * FLOW_ASKED, q, 12));
}

static void picked_up(void **state)
{
	(void)state;
	uint32_t n = modbus_answer(ans, 77, 1, 1);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	assert_int_equal(counter(SHM_PICKED_UP), 1);
	ACCEPTED(from_server(0, 12, ans, n)); /* to a request before our time */
	b->now.mono_us += 10000001;
	DROPPED(from_server(n, 12, ans, n));
	said(JUDGED_DENY, REASON_UNASKED);
}

static void picked_up_in_a_pdu(void **state)
{
	(void)state;
	READ(1, 0, 1);
	RESET(from_client(0, q + 5, 7));
	said(JUDGED_DENY, REASON_NOT_SYNCHRONISED);
}

/* What the policy forbids is found at the first segment of a picked-up session as well. */
static void picked_up_and_denied(void **state)
{
	(void)state;
	WRITE(1, 50, 1);
	RESET(from_client(0, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}

/* A SYN that the server ignores must not give its sender a new PDU boundary in the middle of a PDU. */
static void syn_in_a_pdu(void **state)
{
	uint8_t evil[24];

	(void)state;
	bench_handshake(b);
	/* Write-multiple-registers whose values look like an allowed read of their own. */
	static const uint8_t head[] = {0, 1, 0, 0, 0, 0, 1, 6, 0, 45, 0, 1};
	memcpy(evil, head, 12);
	evil[5] = 6;
	READ(2, 0, 1);
	ACCEPTED(from_client(0, evil, 10));
	ACCEPTED(bench_tcp(b, false, TCP_SYN, C0 + 9, 0, NULL, 0));
	DROPPED(from_client(10, q, 12)); /* as the rest of the write and a broken PDU, not as a read */
	ACCEPTED(from_client(10, evil + 10, 2));
	said(JUDGED_ALLOW, REASON_NONE);
	/* A server that does answer begins anew. */
	ACCEPTED(bench_tcp(b, true, TCP_SYN | TCP_ACK, 70000, C0 + 10, NULL, 0));
	ACCEPTED(bench_tcp(b, false, TCP_ACK, C0 + 10, 70001, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
}

static void open_zone_bad_frame(void **state)
{
	(void)state;
	bench_handshake(b);
	memset(q, 0xff, sizeof q);
	PASSED(from_client(0, q, 12));
	assert_int_equal(b->reports[0].judgement, JUDGED_UNINSPECTED);
	PASSED(from_client(12, q, 20));
	said(JUDGED_UNINSPECTED, REASON_NOT_SYNCHRONISED);
	READ(1, 0, 1);
	ACCEPTED(from_client(32, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
	WRITE(2, 50, 1);
	RESET(from_client(44, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}

static void open_zone_gap(void **state)
{
	uint8_t first[12];

	(void)state;
	bench_handshake(b);
	modbus_ask(first, 1, 1, 3, 0, 1);
	READ(2, 0, 1);
	uint32_t id = from_client(12, q, 12);
	bench_wait(b, 19000);
	WAITS(id);
	bench_wait(b, 3000);
	ACCEPTED(id); /* begins with a PDU: inspected after all */
	said(JUDGED_ALLOW, REASON_NONE);
	PASSED(from_client(0, first, 12)); /* what was given up comes late */
	said(JUDGED_UNINSPECTED, REASON_GAP);
	READ(3, 0, 1);
	ACCEPTED(from_client(24, q, 12));
	WRITE(4, 50, 1);
	RESET(from_client(36, q, 12));
}

static void released_by_the_guardian(void **state)
{
	static struct packet k;

	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	packet_tcp(&k, false, 40000, TCP_ACK, C0, S0, q, 12);
	verdict_released(b->v, k.data, k.len, 9999, &b->now);
	said(JUDGED_UNINSPECTED, REASON_RELEASED);
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	ACCEPTED(from_server(0, 12, ans, n));
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
}

static void shadow_passes(void **state)
{
	(void)state;
	bench_handshake(b);
	WRITE(1, 50, 1);
	PASSED(from_client(0, q, 12));
	said(JUDGED_ALLOW, REASON_ADDRESS);
	assert_true(b->reports[0].would_deny);
	ACCEPTED(from_server(0, 12, q, 12)); /* its answer is understood */
	said(JUDGED_ALLOW, REASON_NONE);
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
	memset(q, 0xff, 12);
	PASSED(from_client(24, q, 12));
	assert_true(b->reports[3].would_deny);
	READ(3, 0, 1);
	ACCEPTED(from_client(36, q, 12));
	q[9] = 7;
	PASSED(from_client(36, q, 12));
	said(JUDGED_ALLOW, REASON_OVERLAP);
	assert_int_equal(counter(SHM_DROPPED) + counter(SHM_RESETS), 0);
}

static void learn_stops_at_most(void **state)
{
	(void)state;
	bench_handshake(b);
	WRITE(1, 50, 1);
	PASSED(from_client(0, q, 12));
	assert_true(b->reports[0].would_deny);
	modbus_ask(q, 2, 1, 8, 1, 0); /* restart communications: diagnose */
	RESET(from_client(12, q, 12));
	said(JUDGED_DENY, REASON_ACCESS);
}

static void policy_changes(void **state)
{
	(void)state;
	bench_handshake(b);
	WRITE(1, 45, 1);
	ACCEPTED(from_client(0, q, 12));
	verdict_policy(b->v, &narrow.p, 2);
	ACCEPTED(from_server(0, 12, q, 12)); /* asked under the old policy */
	READ(2, 0, 1);
	ACCEPTED(from_client(12, q, 12));
	WRITE(3, 45, 1);
	RESET(from_client(24, q, 12));
	said(JUDGED_DENY, REASON_ADDRESS);
}

static void engine_dies(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	bench_attach(b);
	verdict_policy(b->v, &closed.p, 1);
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	ACCEPTED(from_server(0, 12, ans, n));
	said(JUDGED_ALLOW, REASON_NONE);
	/* Now inside a packet of this flow. */
	atomic_store(&b->shm->engine.current_flow, 0);
	atomic_store(&b->shm->flows_clean, 0);
	bench_attach(b);
	verdict_policy(b->v, &closed.p, 1);
	READ(2, 0, 1);
	RESET(from_client(12, q, 12));
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}

static void datagrams(void **state)
{
	static struct packet k;

	(void)state;
	READ(1, 0, 1);
	packet_udp(&k, false, 40000, q, 12);
	ACCEPTED(bench_send(b, &k));
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	ACCEPTED(bench_send(b, &k));
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_UNASKED);
	WRITE(2, 50, 1);
	packet_udp(&k, false, 40000, q, 12);
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_ADDRESS);
	READ(3, 0, 1);
	packet_udp(&k, false, 40000, q, 11);
	DROPPED(bench_send(b, &k));
	packet_udp(&k, false, 40000, q, 12);
	ACCEPTED(bench_send(b, &k));
	b->now.mono_us += 10000001;
	n = modbus_answer(ans, 3, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	DROPPED(bench_send(b, &k));
	said(JUDGED_DENY, REASON_ANSWER_LATE);
}

static void table_full(void **state)
{
	static struct packet k;
	uint32_t id = 0;

	(void)state;
	for (uint32_t i = 0; i <= SHM_FLOWS; i++) {
		packet_tcp(&k, false, (uint16_t)(1024 + i), TCP_SYN, 1, 0, NULL, 0);
		id = bench_send(b, &k);
	}
	DROPPED(id);
	said(JUDGED_DENY, REASON_TABLE_FULL);
	assert_int_equal(counter(SHM_FLOWS_REFUSED), 1);
	assert_int_equal(counter(SHM_FLOWS_NOW), SHM_FLOWS);
	/* Idle ones make room. */
	b->now.mono_us += FLOW_IDLE_US + 1;
	ACCEPTED(bench_send(b, &k));
}

static void replay_stays_in_step(void **state)
{
	(void)state;
	b->v->in_step = true;
	bench_handshake(b);
	modbus_ask(q, 1, 1, 6, 50, 1);
	modbus_ask(q + 12, 2, 1, 3, 0, 1);
	RESET(from_client(0, q, 24));
	assert_int_equal(b->nreports, 2);
	assert_int_equal(b->reports[0].judgement, JUDGED_DENY);
	assert_int_equal(b->reports[1].judgement, JUDGED_ALLOW);
	ACCEPTED(from_server(0, 24, q, 12));
	said(JUDGED_ALLOW, REASON_NONE);
	READ(3, 0, 1);
	ACCEPTED(from_client(24, q, 12));
}

static void decode_without_policy(void **state)
{
	(void)state;
	WRITE(1, 9999, 9);
	ACCEPTED(from_client(0, q, 12));
	assert_int_equal(b->reports[0].first, 9999);
	READ(3, 0, 1);
	uint32_t id = from_client(24, q, 12);
	WAITS(id);
	bench_wait(b, 1001000);
	ACCEPTED(id);
	assert_int_equal(b->nreports, 2);
	memset(q, 0xff, 12);
	PASSED(from_client(36, q, 12));
	assert_true(b->reports[2].would_deny);
	assert_true(b->reports[2].is_pdu);
	uint32_t n = modbus_answer(ans, 77, 1, 1);
	ACCEPTED(from_server(0, 12, ans, n));
	said(JUDGED_ALLOW, REASON_NONE);
}

static int policies_open(void **state)
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
static int policies_close(void **state)
{
	struct test_policy *all[] = {&closed, &dropping, &open_zone, &shadow, &learn, &narrow};
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		test_policy_close(all[i]);
	return 0;
}

#define ON(policy, test) cmocka_unit_test_setup_teardown(test, on_##policy, down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(closed, allows),
		ON(closed, denies_with_reset),
		ON(closed, reset_forms),
		ON(dropping, denies_with_drop),
		ON(dropping, withheld_whole),
		ON(closed, octet_by_octet),
		ON(closed, repeats),
		ON(dropping, overlap_differs_in_a_part),
		ON(closed, older_than_history),
		ON(closed, ahead_is_held),
		ON(closed, held_dies_with_its_flow),
		ON(closed, held_expires),
		ON(closed, held_is_bounded),
		ON(closed, held_large),
		ON(closed, keep_alives),
		ON(closed, odd_segments),
		ON(closed, truncated),
		ON(dropping, answers),
		ON(closed, late_answer),
		ON(dropping, pending_is_bounded),
		ON(dropping, picked_up),
		ON(closed, picked_up_in_a_pdu),
		ON(closed, picked_up_and_denied),
		ON(dropping, syn_in_a_pdu),
		ON(open, open_zone_bad_frame),
		ON(open, open_zone_gap),
		ON(open, released_by_the_guardian),
		ON(shadow, shadow_passes),
		ON(learn, learn_stops_at_most),
		ON(closed, policy_changes),
		ON(closed, engine_dies),
		ON(closed, datagrams),
		ON(closed, table_full),
		ON(closed, replay_stays_in_step),
		ON(nothing, decode_without_policy),
	};
	return cmocka_run_group_tests_name("verdict", tests, policies_open, policies_close);
}
