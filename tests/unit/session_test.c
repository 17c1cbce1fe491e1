/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions: answers, pick-up, open zones, shadow and learn, a change of policy, a dead engine, datagrams, captures. */
#include "protocols/dnp3.h"
#include "tests/laws/play.h"
#include "tests/laws/rules_dnp3.h"
#include "tests/unit/verdict_fixture.h"

static struct test_policy telecontrol;

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

/* The same in an open zone: what finds no place passes and is counted, whatever it is. */
static void table_full_open(void **state)
{
	static struct packet k;

	(void)state;
	for (uint32_t i = 0; i < SHM_FLOWS; i++) {
		packet_tcp(&k, false, (uint16_t)(1024 + i), TCP_SYN, 1, 0, NULL, 0);
		ACCEPTED(bench_send(b, &k));
	}
	packet_tcp(&k, false, (uint16_t)(1024 + SHM_FLOWS), TCP_SYN, 1, 0, NULL, 0);
	PASSED(bench_send(b, &k));
	said(JUDGED_UNINSPECTED, REASON_TABLE_FULL);
	WRITE(1, 50, 1);
	packet_tcp(&k, false, (uint16_t)(1024 + SHM_FLOWS), TCP_ACK, 2, 1, q, 12);
	PASSED(bench_send(b, &k));
	said(JUDGED_UNINSPECTED, REASON_TABLE_FULL);
	assert_int_equal(counter(SHM_FLOWS_REFUSED), 2);
	assert_int_equal(counter(SHM_PASSED), 2);
	/* Who has a flow is inspected as before. */
	packet_tcp(&k, false, 1024, TCP_ACK, 2, 1, q, 12);
	RESET(bench_send(b, &k));
	said(JUDGED_DENY, REASON_ADDRESS);
}

/* A datagram longer than any PDU, and one that the kernel gave a part of. */
static void too_long(void)
{
	static struct packet k;
	static uint8_t big[300];

	modbus_ask(big, 1, 1, 3, 0, 1);
	packet_put16(big + 4, sizeof(big) - 6);
	packet_udp(&k, false, 40000, big, sizeof(big));
	uint32_t whole = bench_send(b, &k);
	uint32_t part = b->next_id++;
	verdict_packet(b->v, k.data, k.len - 4, part, true, false, &b->now);
	if (b->v->policy == &closed.p) {
		DROPPED(whole);
		DROPPED(part);
		said(JUDGED_DENY, REASON_TRUNCATED);
	} else {
		PASSED(whole);
		PASSED(part);
		said(JUDGED_UNINSPECTED, REASON_TRUNCATED);
		assert_int_equal(b->reports[0].reason, REASON_OVERSIZE);
		assert_int_equal(counter(SHM_PASSED), 2);
	}
	/* Only wrong, not too long: denied in either kind of zone. */
	READ(3, 0, 1);
	packet_udp(&k, false, 40000, q, 11);
	DROPPED(bench_send(b, &k));
}
static void datagram_too_long(void **state)
{
	(void)state;
	too_long();
}
static void datagram_too_long_open(void **state)
{
	(void)state;
	too_long();
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

/* Decoders get the time: a select lapses in the engine as it does in theirs. */
static int on_dnp3(void **state)
{
	char text[2048];

	(void)state;
	snprintf(text, sizeof text,
		 "version: 1\n"
		 "site: {name: test}\n"
		 "zones:\n"
		 "  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"
		 "  cell: {level: 2, networks: [10.10.2.0/24], failure: closed}\n"
		 "hosts: {rtu: 10.10.2.2}\n"
		 "conduits:\n"
		 "  - name: control\n"
		 "    from: [room]\n"
		 "    to: cell\n"
		 "    servers: [rtu]\n"
		 "    protocols: [dnp3]\n"
		 "    mode: enforce\n"
		 "    on-deny: reset\n"
		 "    at-most: [read, operate]\n"
		 "    allow:\n"
		 "%s",
		 narrow_dnp3);
	test_policy_open(&telecontrol, text);
	bench_port = 20000;
	return start(&telecontrol);
}
static int down_dnp3(void **state)
{
	int rc = down(state);

	bench_port = 502;
	test_policy_close(&telecontrol);
	return rc;
}
static uint32_t select_and_wait(int64_t us)
{
	uint32_t n =
		play_unhex("05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb", q, NULL);

	bench_handshake(b);
	ACCEPTED(from_client(0, q, n));
	b->now.mono_us += us;
	uint32_t more =
		play_unhex("05641ac404000300c2e6c0c6040c012801000a00030164000000b066c80000000078fb", q, NULL);
	return from_client(n, q, more);
}
static void operated_in_time(void **state)
{
	(void)state;
	ACCEPTED(select_and_wait(DNP3_SELECT_US));
}
static void operated_too_late(void **state)
{
	(void)state;
	RESET(select_and_wait(DNP3_SELECT_US + 1));
	said(JUDGED_DENY, REASON_NOT_SELECTED);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		ON(open, table_full_open),
		ON(closed, datagram_too_long),
		ON(open, datagram_too_long_open),
		ON(closed, replay_stays_in_step),
		cmocka_unit_test_setup_teardown(operated_in_time, on_dnp3, down_dnp3),
		cmocka_unit_test_setup_teardown(operated_too_late, on_dnp3, down_dnp3),
		ON(nothing, decode_without_policy),
	};
	return cmocka_run_group_tests_name("session", tests, policies_open, policies_close);
}
