/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom an engine notes, and whom not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/engine/sight.h"
#include "tests/unit/policies.h"

#define S INT64_C(1000000)

static void sweep(struct assets *a, int64_t at_us)
{
	for (unsigned i = 0; i < ASSET_SETS * ASSET_WAYS / ASSET_TURN; i++)
		asset_tick(a, at_us);
}

static struct bench *b;
static struct test_policy enforce, watching;

static unsigned noted(struct sighting *out, unsigned cap)
{
	static uint64_t tail, lost;
	static struct shm *of;
	struct sighting s;
	unsigned n = 0;

	if (of != b->shm || tail > atomic_load(&b->v->assets->head))
		tail = 0;
	of = b->shm;
	while (asset_get(b->v->assets, &tail, &s, &lost) == 1)
		if (n < cap)
			out[n++] = s;
	return n;
}

static void poll_once(uint16_t address)
{
	uint8_t q[12], ans[300];

	bench_handshake(b);
	bench_tcp(b, false, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, SERVER_ISN + 1, q,
		  modbus_ask(q, 1, 1, 3, address, 2));
	bench_tcp(b, true, TCP_ACK | TCP_PSH, SERVER_ISN + 1, CLIENT_ISN + 13, ans,
		  modbus_answer(ans, 1, 1, 2));
}

static void ends_of_what_passes(void **state)
{
	static const uint8_t client[16] = {[10] = 0xff, 0xff, 10, 10, 1, 2},
			     server[16] = {[10] = 0xff, 0xff, 10, 10, 2, 2};
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct sighting s[8];
	uint8_t q[12];

	(void)state;
	b = bench_new();
	verdict_policy(b->v, &enforce.p, 3);
	b->v->mac = mac;
	b->v->mac_id = 3; /* that of the request */
	poll_once(0);
	assert_int_equal(noted(s, 8), 2);
	assert_memory_equal(s[0].address, client, 16);
	assert_int_equal(s[0].role, SIGHT_CLIENT);
	assert_int_equal(s[0].proto, PROTO_modbus);
	assert_int_equal(s[0].port, 502);
	assert_int_equal(s[0].generation, 3);
	assert_int_equal(s[0].has_mac, 1);
	assert_memory_equal(s[0].mac, mac, 6);
	assert_memory_equal(s[1].address, server, 16);
	assert_int_equal(s[1].role, SIGHT_SERVER);
	assert_int_equal(s[1].port, 502);
	assert_int_equal(s[1].has_mac, 0); /* that of another packet is nobody's */
	/* The same a second later says nothing new; after its time it is told again. */
	uint32_t seq = CLIENT_ISN + 13;
	for (unsigned i = 0; i < 13; i++) {
		b->now.mono_us += S;
		b->now.wall_us += S;
		bench_tcp(b, false, TCP_ACK | TCP_PSH, seq, SERVER_ISN + 14, q,
			  modbus_ask(q, (uint16_t)(2 + i), 1, 3, 0, 2));
		seq += 12;
		sweep(b->v->assets, b->now.wall_us);
		assert_int_equal(noted(s, 8), i == 9);
	}
	bench_free(b);
}

static void nothing_of_what_is_refused(void **state)
{
	struct sighting s[8];
	uint8_t q[12];

	(void)state;
	b = bench_new();
	verdict_policy(b->v, &enforce.p, 1);
	poll_once(500); /* a register that nobody may read, and an answer to it */
	assert_int_equal(noted(s, 8), 0);
	/* A handshake alone makes nobody a server. */
	static struct packet k;
	packet_tcp(&k, false, 40001, TCP_SYN, 1, 0, NULL, 0);
	bench_send(b, &k);
	packet_tcp(&k, true, 40001, TCP_SYN | TCP_ACK, 9, 2, NULL, 0);
	bench_send(b, &k);
	assert_int_equal(noted(s, 8), 0);
	/* UDP to another port. */
	bench_port = 4444;
	packet_udp(&k, false, 40002, q, modbus_ask(q, 1, 1, 3, 0, 2));
	bench_send(b, &k);
	bench_port = 502;
	assert_int_equal(noted(s, 8), 0);
	bench_free(b);
}

static void what_is_not_read_has_a_port(void **state)
{
	static struct packet k;
	struct sighting s[8];

	(void)state;
	b = bench_new();
	verdict_policy(b->v, &watching.p, 1);
	bench_port = 4444;
	packet_tcp(&k, false, 40000, TCP_SYN, 1, 0, NULL, 0);
	bench_send(b, &k);
	packet_tcp(&k, true, 40000, TCP_RST | TCP_ACK, 0, 2, NULL, 0);
	bench_send(b, &k);
	assert_int_equal(noted(s, 8), 0); /* a scan of closed ports */
	packet_udp(&k, false, 40000, (const uint8_t *)"hello", 5);
	bench_send(b, &k);
	packet_udp(&k, true, 40000, (const uint8_t *)"hello", 5);
	bench_send(b, &k);
	bench_port = 502;
	assert_int_equal(noted(s, 8), 2);
	assert_int_equal(s[0].proto, -1);
	assert_int_equal(s[0].role, SIGHT_CLIENT);
	assert_int_equal(s[0].port, 4444);
	assert_int_equal(s[0].ipproto, 17);
	assert_int_equal(s[1].role, SIGHT_SERVER);
	assert_int_equal(s[1].port, 4444);
	bench_free(b);
}

static void identification_of_what_passes(void **state)
{
	struct sighting s[16];
	char longer[100];

	(void)state;
	b = bench_new();
	verdict_policy(b->v, &enforce.p, 1);
	poll_once(0);
	noted(s, 16);
	static struct packet k;
	struct pkt p;
	packet_tcp(&k, true, 40000, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	struct work w = {.v = b->v, .now = &b->now, .p = &p, .dir = 1, .slot = 0};
	w.f = flow_at(&b->v->memory, 0);
	w.route = &w.f->route;
	memset(longer, 'x', sizeof(longer));
	b->v->pdu.fault.reason = REASON_NONE;
	b->v->pdu.nops = 1;
	b->v->pdu.nidents = 3;
	b->v->pdu.idents[0] = (struct pdu_ident){
		.kind = IDENT_VENDOR, .has_unit = true, .unit = 4, .text = {(const uint8_t *)"Acme", 4}};
	b->v->pdu.idents[1] =
		(struct pdu_ident){.kind = IDENT_NAME, .text = {(const uint8_t *)longer, sizeof(longer)}};
	b->v->pdu.idents[2] = (struct pdu_ident){.kind = IDENT_VERSION, .number = 2u << 16 | 10, .unit = 99};
	sight_pdu(&w, OUT_DENY);
	sight_pdu(&w, OUT_WOULD_DENY); /* an answer that nobody asked for, in a conduit that only watches */
	assert_int_equal(noted(s, 16), 0);
	sight_pdu(&w, OUT_PASS);
	assert_int_equal(noted(s, 16), 3);
	assert_int_equal(s[0].ident, IDENT_VENDOR);
	assert_int_equal(s[0].unit, 4);
	assert_int_equal(s[0].text_len, 4);
	assert_memory_equal(s[0].text, "Acme", 4);
	assert_int_equal(s[0].role, SIGHT_SERVER);
	assert_int_equal(s[1].text_len, SIGHT_TEXT);
	assert_int_equal(s[1].has_unit, 0);
	assert_int_equal(s[2].text_len, 0);
	assert_int_equal(s[2].number, 2u << 16 | 10);
	assert_int_equal(s[2].unit, 0);
	for (unsigned i = 0; i < SIGHT_TEXT; i++)
		assert_int_equal(s[2].text[i], 0);
	sight_pdu(&w, OUT_PASS);
	assert_int_equal(noted(s, 16), 0);
	/* Of a PDU that is malformed nothing is taken. */
	b->v->pdu.idents[0].text.data = (const uint8_t *)"Evil";
	b->v->pdu.fault.reason = REASON_SHORT;
	sight_pdu(&w, OUT_PASS);
	assert_int_equal(noted(s, 16), 0);
	bench_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_what_passes),
		cmocka_unit_test(nothing_of_what_is_refused),
		cmocka_unit_test(what_is_not_read_has_a_port),
		cmocka_unit_test(identification_of_what_passes),
	};

	test_policy_common(&enforce, "closed", "enforce", "drop", "40..49");
	test_policy_common(&watching, "closed", "shadow", "drop", "40..49");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_policy_close(&enforce);
	test_policy_close(&watching);
	return failed;
}
