/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments in, decisions and reports out: what passes, what is withheld, held or repeated, what becomes a reset. */
#include "tests/unit/verdict_fixture.h"

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

static void reset_of_gso(void **state)
{
	static struct packet k;
	struct pkt p;

	(void)state;
	WRITE(1, 50, 1);
	packet_tcp(&k, false, 41000, TCP_SYN, 100, 0, NULL, 0);
	bench_send(b, &k);
	packet_tcp(&k, false, 41000, TCP_ACK, 101, 0, q, 12);
	uint32_t id = b->next_id++;
	verdict_packet(b->v, k.data, k.len, id, false, true, &b->now);
	RESET(id);
	assert_int_equal(b->got[id].len, k.len);
	assert_int_equal(pkt_parse(b->rewritten, k.len, &p), REASON_NONE);
	assert_int_equal(p.flags, TCP_RST | TCP_ACK);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(b->rewritten[40 + i], 0);
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

/* The gap was filled where we did not see it: the sender goes on repeating what comes behind it. */
static void gap_that_never_fills(void **state)
{
	struct pkt p;
	uint32_t id = 0;

	(void)state;
	bench_handshake(b);
	READ(2, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		id = from_client(12, q, 12);
		uint32_t behind = from_client(24, q, 12);
		WAITS(id);
		bench_wait(b, 200000);
		DROPPED(behind);
		if (i < 2)
			DROPPED(id);
	}
	RESET(id);
	assert_int_equal(pkt_parse(b->rewritten, b->got[id].len, &p), REASON_NONE);
	assert_int_equal(p.seq, C0 + 12); /* what the server expects */
	assert_int_equal(atomic_load(&b->shm->reasons[REASON_GAP]), 1);
	RESET(from_client(12, q, 12));
	said(JUDGED_DENY, REASON_FLOW_DEAD);
}

/* Each time another segment, and in the end the one that was missing: that is only a bad line. */
static void gap_that_fills_late(void **state)
{
	(void)state;
	bench_handshake(b);
	READ(2, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t id = from_client(12 + 12 * i, q, 12);
		bench_wait(b, 200000);
		DROPPED(id);
		said(JUDGED_DENY, REASON_HELD_EXPIRED);
	}
	ACCEPTED(from_client(0, q, 12));
}

/* The client has an answer that never came by here. */
static void went_by_unseen(void **state)
{
	struct pkt p;

	(void)state;
	bench_handshake(b);
	READ(1, 0, 1);
	ACCEPTED(from_client(0, q, 12));
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	ACCEPTED(from_server(0, 12, ans, n));
	READ(3, 0, 1);
	uint32_t id = bench_tcp(b, false, TCP_ACK | TCP_PSH, C0 + 24, S0 + 2 * n, q, 12);
	if (b->v->policy == &open_zone.p) {
		WAITS(id);
		bench_wait(b, 25000);
		ACCEPTED(id); /* it begins with a PDU: in step again */
		assert_int_equal(counter(SHM_RESETS), 0);
		return;
	}
	RESET(id);
	said(JUDGED_DENY, REASON_GAP);
	assert_int_equal(pkt_parse(b->rewritten, b->got[id].len, &p), REASON_NONE);
	assert_int_equal(p.seq, C0 + 24);
}

/* A FIN has a number as well, and is no octet that went by. */
static void after_a_fin(void **state)
{
	(void)state;
	bench_handshake(b);
	ACCEPTED(bench_tcp(b, true, TCP_FIN | TCP_ACK, S0, C0, NULL, 0));
	READ(1, 0, 1);
	ACCEPTED(bench_tcp(b, false, TCP_ACK | TCP_PSH, C0, S0 + 1, q, 12));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(closed, allows),
		ON(closed, denies_with_reset),
		ON(closed, reset_of_gso),
		ON(dropping, denies_with_drop),
		ON(dropping, withheld_whole),
		ON(closed, octet_by_octet),
		ON(closed, repeats),
		ON(dropping, overlap_differs_in_a_part),
		ON(closed, older_than_history),
		ON(closed, ahead_is_held),
		ON(closed, held_dies_with_its_flow),
		ON(closed, held_expires),
		ON(closed, gap_that_never_fills),
		ON(closed, gap_that_fills_late),
		ON(closed, went_by_unseen),
		ON(open, went_by_unseen),
		ON(closed, after_a_fin),
		ON(closed, held_is_bounded),
		ON(closed, held_large),
		ON(closed, keep_alives),
		ON(closed, odd_segments),
		ON(closed, truncated),
	};
	return cmocka_run_group_tests_name("verdict", tests, policies_open, policies_close);
}
