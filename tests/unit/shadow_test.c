/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shadow is enforcing that lets go. Each row is a piece of traffic with something in it that enforcing denies; it is played three times: enforced, enforced in step
 * (as replay does), and in shadow. Shadow must report what enforcing in step denies, for the same reason and in the same order, must withhold nothing, and
 * the first thing it reports must be what enforcing itself denies first. In closed zones, open ones, and with drop on deny.
 */
#include "tests/unit/verdict_fixture.h"

static uint8_t more[64];

static void address(void)
{
	WRITE(1, 50, 1);
	from_client(0, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
	uint32_t n = modbus_answer(ans, 2, 1, 1);
	from_server(0, 24, ans, n);
	WRITE(3, 60, 1);
	from_client(24, q, 12);
}
static void two_in_one(void)
{
	modbus_ask(q, 1, 1, 6, 50, 1);
	modbus_ask(q + 12, 2, 1, 3, 0, 1);
	from_client(0, q, 24);
	READ(3, 0, 1);
	from_client(24, q, 12);
}
static void function(void)
{
	modbus_ask(q, 1, 1, 8, 1, 0);
	from_client(0, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
}
static void unasked(void)
{
	uint32_t n = modbus_answer(ans, 7, 1, 1);
	from_server(0, 0, ans, n);
	READ(1, 0, 1);
	from_client(0, q, 12);
	n = modbus_answer(ans, 1, 1, 1);
	from_server(11, 12, ans, n);
}
static void malformed(void)
{
	READ(1, 0, 1);
	q[5] = 5;
	from_client(0, q, 11);
	READ(2, 0, 1);
	from_client(11, q, 12);
}
static void no_frame(void)
{
	memset(q, 0xff, 12);
	from_client(0, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
	WRITE(3, 50, 1);
	from_client(24, q, 12);
}
static void no_frame_behind_one(void)
{
	READ(1, 0, 1);
	memset(q + 12, 0xff, 12);
	from_client(0, q, 24);
	READ(2, 0, 1);
	from_client(24, q, 12);
}
static void keep_alive(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	more[0] = 0xa5;
	from_client(11, more, 1);
	WRITE(2, 50, 1);
	from_client(12, q, 12);
	from_client(23, q + 11, 1);
}
static void overlap(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	q[9] = 7;
	from_client(0, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
}
static void overlap_and_more(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	q[9] = 7;
	modbus_ask(q + 12, 2, 1, 3, 0, 1);
	from_client(0, q, 24);
	READ(3, 0, 1);
	from_client(24, q, 12);
}
static void before_history(void)
{
	memset(more, 0, sizeof more);
	from_client(0u - 5000u, more, 20);
	READ(1, 0, 1);
	from_client(0, q, 12);
}
static void urgent(void)
{
	READ(1, 0, 1);
	bench_tcp(b, false, TCP_ACK | TCP_URG, C0, S0, q, 12);
	READ(2, 0, 1);
	from_client(12, q, 12);
}
static void syn_with_data(void)
{
	READ(1, 0, 1);
	bench_tcp(b, false, TCP_SYN, CLIENT_ISN + 100, 0, q, 12);
	from_client(0, q, 12);
}
static void syn_ack_with_data(void)
{
	READ(1, 0, 1);
	bench_tcp(b, true, TCP_SYN | TCP_ACK, SERVER_ISN, C0, q, 12);
	from_client(0, q, 12);
}
static void gap(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	READ(3, 0, 1);
	from_client(24, q, 12);
	bench_wait(b, 100000);
	WRITE(2, 50, 1);
	from_client(12, q, 12);
	READ(4, 0, 1);
	from_client(36, q, 12);
}
static void acknowledged_unseen(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	uint32_t n = modbus_answer(ans, 1, 1, 1);
	from_server(0, 36, ans, n);
	READ(2, 0, 1);
	from_client(36, q, 12);
}
static void in_the_middle(void)
{
	memset(more, 0x11, sizeof more);
	bench_tcp(b, false, TCP_ACK, 77777, 88888, more, 20);
	READ(1, 0, 1);
	bench_tcp(b, false, TCP_ACK, 77797, 88888, q, 12);
}
static void far_ahead(void)
{
	READ(1, 0, 1);
	from_client(0, q, 12);
	READ(2, 0, 1);
	from_client(0x2000000, q, 12);
	READ(3, 0, 1);
	from_client(0x2000000 + 12, q, 12);
}
static void too_many_ahead(void)
{
	for (uint32_t i = 0; i < 70; i++) {
		READ((uint16_t)(i + 1), 0, 1);
		from_client(12 + 24 * i, q, 12);
	}
	bench_wait(b, 100000);
	READ(100, 0, 1);
	from_client(12 + 24 * 70, q, 12);
}
static void fragment(void)
{
	static struct packet k;

	packet_udp(&k, false, 40000, q, 12);
	k.data[6] |= 0x20;
	bench_send(b, &k);
}
static void icmp(void)
{
	static struct packet k;

	packet_udp(&k, false, 40000, q, 12);
	k.data[9] = 1;
	bench_send(b, &k);
}
static void datagrams(void)
{
	static struct packet k;

	WRITE(2, 50, 1);
	packet_udp(&k, false, 40000, q, 12);
	bench_send(b, &k);
	uint32_t n = modbus_answer(ans, 9, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	bench_send(b, &k);
	READ(3, 0, 1);
	packet_udp(&k, false, 40000, q, 11);
	bench_send(b, &k);
	packet_udp(&k, false, 40000, q, 12);
	bench_send(b, &k);
	bench_wait(b, 11000000);
	n = modbus_answer(ans, 3, 1, 1);
	packet_udp(&k, true, 40000, ans, n);
	bench_send(b, &k);
}
static void too_many_requests(void)
{
	for (uint16_t i = 0; i < 40; i++) {
		READ((uint16_t)(i + 1), 0, 1);
		from_client(12u * i, q, 12);
	}
}

static const struct {
	const char *name;
	void (*play)(void);
	bool open; /* enforced in an open zone something is denied as well */
} rows[] = {
	{"address", address, true},
	{"two in one segment", two_in_one, true},
	{"function", function, true},
	{"unasked answer", unasked, true},
	{"malformed", malformed, true},
	{"no frame", no_frame, true},
	{"no frame behind one", no_frame_behind_one, false},
	{"keep-alive", keep_alive, true},
	{"overlap", overlap, true},
	{"overlap and more", overlap_and_more, true},
	{"before the history", before_history, true},
	{"urgent", urgent, true},
	{"data on a SYN", syn_with_data, true},
	{"data on a SYN-ACK", syn_ack_with_data, true},
	{"gap", gap, false},
	{"acknowledged unseen", acknowledged_unseen, false},
	{"in the middle", in_the_middle, false},
	{"far ahead", far_ahead, false},
	{"too many ahead", too_many_ahead, true},
	{"fragment", fragment, true},
	{"icmp", icmp, true},
	{"datagrams", datagrams, true},
	{"too many requests", too_many_requests, true},
};

struct told {
	enum judgement judgement;
	enum reason reason;
	bool is_pdu;
	uint32_t first;
};
static struct told told[3][BENCH_REPORTS];

/* What each report comes to as enforcing says it. */
static uint32_t play(struct test_policy *t, bool in_step, bool shadowed, void (*traffic)(void),
		     struct told *out)
{
	start(t);
	b->v->in_step = in_step;
	bench_handshake(b);
	traffic();
	bench_wait(b, 2500000);
	assert_int_equal(b->v->memory.head->nheld, 0);
	for (uint32_t id = 1; id < b->next_id; id++)
		assert_int_equal(b->got[id].count, 1);
	booked_all();
	for (uint32_t i = 0; i < b->nreports; i++) {
		const struct seen *s = &b->reports[i];
		assert_true(s->would_deny == (shadowed && s->would_deny));
		out[i] = (struct told){s->would_deny ? JUDGED_DENY : s->judgement, s->reason, s->is_pdu,
				       s->first};
		if (shadowed)
			assert_int_not_equal(s->judgement, JUDGED_DENY);
	}
	if (shadowed)
		for (uint32_t id = 1; id < b->next_id; id++)
			assert_int_not_equal(b->got[id].action, ACTION_RESET);
	if (shadowed)
		assert_int_equal(counter(SHM_DROPPED), 0);
	uint32_t n = b->nreports;
	bench_free(b);
	return n;
}

static int first_denial(const struct told *t, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (t[i].judgement == JUDGED_DENY)
			return (int)i;
	return -1;
}

static void compare(struct test_policy *enforce, struct test_policy *watch, bool open)
{
	unsigned wrong = 0;

	for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		uint32_t plain = play(enforce, false, false, rows[r].play, told[0]),
			 step = play(enforce, true, false, rows[r].play, told[1]),
			 n = play(watch, false, true, rows[r].play, told[2]);
		bool same = step == n;
		for (uint32_t i = 0; same && i < n; i++)
			same = told[1][i].judgement == told[2][i].judgement &&
			       told[1][i].reason == told[2][i].reason &&
			       told[1][i].is_pdu == told[2][i].is_pdu && told[1][i].first == told[2][i].first;
		int a = first_denial(told[0], plain), z = first_denial(told[2], n);
		bool first =
			(a < 0) == (z < 0) && (a < 0 || (a == z && told[0][a].reason == told[2][z].reason));
		if (a < 0 && (!open || rows[r].open))
			first = false; /* the row says that something is denied */
		if (same && first)
			continue;
		wrong++;
		fprintf(stderr, "%s: %s\n", rows[r].name,
			same ? "the first denial is another" : "shadow and enforce differ");
		for (unsigned k = 0; k < 3; k++)
			for (uint32_t i = 0; i < (k == 0 ? plain : k == 1 ? step : n); i++)
				fprintf(stderr, "  %s %u: %d %s%s\n",
					k == 0   ? "enforce"
					: k == 1 ? "in step"
						 : "shadow ",
					i, told[k][i].judgement, reason_name(told[k][i].reason),
					told[k][i].is_pdu ? " (PDU)" : "");
	}
	assert_int_equal(wrong, 0);
}

static struct test_policy shadow_open, shadow_drop;

static void closed_zone(void **state)
{
	(void)state;
	compare(&closed, &shadow, false);
}
static void closed_zone_drop(void **state)
{
	(void)state;
	compare(&dropping, &shadow_drop, false);
}
static void zone_that_is_open(void **state)
{
	(void)state;
	compare(&open_zone, &shadow_open, true);
}

static int all_open(void **state)
{
	test_policy_common(&shadow_open, "open", "shadow", "reset", "40..49");
	test_policy_common(&shadow_drop, "closed", "shadow", "drop", "40..49");
	return policies_open(state);
}
static int all_close(void **state)
{
	test_policy_close(&shadow_open);
	test_policy_close(&shadow_drop);
	return policies_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_zone),
		cmocka_unit_test(closed_zone_drop),
		cmocka_unit_test(zone_that_is_open),
	};
	return cmocka_run_group_tests(tests, all_open, all_close);
}
