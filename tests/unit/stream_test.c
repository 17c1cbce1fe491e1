/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a stream: history in ring and chunks, the pool's limits, PDUs across segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/packets.h"

static struct bench *b;
static struct stream *s;
static struct history h;

static int up(void **state)
{
	struct tuple t = {.sport = 1, .dport = 2, .ipproto = 6};
	struct flow_key k;

	(void)state;
	b = bench_new();
	bool src = flow_key(&k, &t);
	h = (struct history){&b->v->memory, flow_add(&b->v->memory, &k, src, false, 0), 0};
	s = &flow_at(&b->v->memory, h.slot)->dir[0];
	return 0;
}
static int down(void **state)
{
	(void)state;
	bench_free(b);
	return 0;
}

/* An octet that tells its place. */
static uint8_t octet(uint64_t pos)
{
	return (uint8_t)(pos * 131 + (pos >> 8) * 7 + (pos >> 16));
}

static void forward(uint64_t *pos, uint32_t n)
{
	static uint8_t buf[70000];
	for (uint32_t i = 0; i < n; i++)
		buf[i] = octet(*pos + i);
	stream_forward(&h, s, buf, n);
	*pos += n;
}

static void assert_history(uint64_t pos, uint32_t back)
{
	static uint8_t want[HISTORY_CHUNKS * CHUNK_SIZE], got[HISTORY_CHUNKS * CHUNK_SIZE];
	assert_true(back <= s->kept);
	for (uint32_t i = 0; i < back; i++)
		want[i] = octet(pos - back + i);
	stream_copy(&h, s, back, got, back);
	assert_memory_equal(want, got, back);
	assert_true(stream_same(&h, s, back, want, back));
	if (back) {
		want[back / 2] ^= 1;
		assert_false(stream_same(&h, s, back, want, back));
	}
}

/* Acknowledged in time, a stream never leaves its own ring, whatever its length. */
static void stays_small(void **state)
{
	uint64_t pos = 0;

	(void)state;
	stream_start(&h, s, 0xfffffff0u, true);
	for (unsigned i = 0; i < 5000; i++) {
		forward(&pos, 1 + i % 300);
		assert_int_equal(s->next, (uint32_t)(0xfffffff0u + pos));
		assert_int_equal(s->nchunks, 0);
		assert_history(pos, s->kept < 300 ? s->kept : 300);
		s->acked = s->next;
	}
	assert_int_equal(s->kept, RING_SIZE);
	assert_history(pos, RING_SIZE);
}

static void grows(void **state)
{
	uint64_t pos = 0;
	uint32_t all = b->v->memory.head->nchunks_free;

	(void)state;
	stream_start(&h, s, 77, true);
	forward(&pos, 1000);
	assert_int_equal(s->nchunks, 0);
	forward(&pos, 25);
	assert_int_equal(s->nchunks, 2);
	assert_history(pos, 1025);
	for (unsigned i = 0; i < 200; i++) {
		forward(&pos, 60000);
		assert_history(pos, s->kept < 200000 ? s->kept : 200000);
	}
	assert_int_equal(s->nchunks, HISTORY_CHUNKS);
	assert_true(s->kept > (HISTORY_CHUNKS - 1) * CHUNK_SIZE);
	assert_history(pos, s->kept);
	assert_int_equal(b->v->memory.head->nchunks_free, all - HISTORY_CHUNKS);
	stream_shrink(&h, s);
	assert_int_equal(s->kept, RING_SIZE);
	assert_history(pos, RING_SIZE);
	assert_int_equal(b->v->memory.head->nchunks_free, all);
	forward(&pos, 60000);
	assert_history(pos, 61024);
	stream_start(&h, s, 5, false);
	assert_int_equal(b->v->memory.head->nchunks_free, all);
	assert_int_equal(s->kept, 0);
}

/* With the pool used up a stream keeps its own 1 KiB; with it three quarters used, what it has and no more. */
static void pool_used_up(void **state)
{
	struct memory *m = &b->v->memory;
	uint64_t pos = 0;

	(void)state;
	while (m->head->nchunks_free > POOL_CHUNKS / 4)
		assert_int_not_equal(chunk_take(m, 1), CHUNK_NONE);
	stream_start(&h, s, 0, true);
	for (unsigned i = 0; i < 50; i++)
		forward(&pos, 5000);
	assert_int_equal(s->nchunks, 2);
	assert_true(s->kept >= CHUNK_SIZE);
	assert_history(pos, s->kept);
	stream_start(&h, s, 0, true);
	pos = 0;
	while (chunk_take(m, 1) != CHUNK_NONE)
		;
	assert_int_equal(m->head->nchunks_free, 0);
	for (unsigned i = 0; i < 50; i++)
		forward(&pos, 5000);
	assert_int_equal(s->nchunks, 0);
	assert_history(pos, RING_SIZE);
}

static void chunk_pairs(void **state)
{
	struct memory *m = &b->v->memory;
	uint16_t one = chunk_take(m, 1), two = chunk_take(m, 2);

	(void)state;
	assert_int_equal(one, 0);
	assert_int_equal(two, 1);
	chunk_give(m, one, 1);
	assert_int_equal(chunk_take(m, 2), 3);
	assert_int_equal(chunk_take(m, 1), 0);
	assert_false(chunk_claim(m, 4));
	assert_false(chunk_claim(m, (uint16_t)POOL_CHUNKS));
	assert_true(chunk_claim(m, 5));
	uint32_t n = 0;
	while (chunk_take(m, 2) != CHUNK_NONE)
		n++;
	assert_true(n >= POOL_CHUNKS / 2 - CHUNK_WORDS - 3);
}

/* Every way to cut three PDUs in two finds the same three. */
static void pdus_across_segments(void **state)
{
	const struct proto *modbus = proto_get(PROTO_modbus);
	uint8_t bytes[64];
	uint32_t n = 0;

	(void)state;
	n += modbus_ask(bytes + n, 1, 1, 3, 10, 1);
	n += modbus_ask(bytes + n, 2, 1, 6, 20, 2);
	n += modbus_ask(bytes + n, 3, 1, 3, 30, 3);
	for (uint32_t cut = 0; cut <= n; cut++) {
		unsigned found = 0;
		stream_start(&h, s, 0, true);
		for (unsigned half = 0; half < 2; half++) {
			const uint8_t *from = half ? bytes + cut : bytes;
			uint32_t len = half ? n - cut : cut;
			struct walk w;
			struct view pdu;
			walk_open(&w, s, from, len);
			while (walk_next(&w, &h, s, modbus, false, b->v->join, &pdu) == FRAME_PDU) {
				assert_int_equal(pdu.len, 12);
				assert_memory_equal(pdu.data, bytes + 12 * found, 12);
				found++;
			}
			assert_int_equal(w.at, len);
			stream_keep(s, &w);
			stream_forward(&h, s, from, len);
		}
		assert_int_equal(found, 3);
		assert_int_equal(s->part, 0);
	}
}

static void bad_frames(void **state)
{
	const struct proto *modbus = proto_get(PROTO_modbus);
	uint8_t bytes[12];
	struct walk w;
	struct view pdu;

	(void)state;
	modbus_ask(bytes, 1, 1, 3, 0, 1);
	bytes[2] = 1; /* protocol identifier */
	stream_start(&h, s, 0, true);
	walk_open(&w, s, bytes, 12);
	assert_int_equal(walk_next(&w, &h, s, modbus, false, b->v->join, &pdu), FRAME_BAD);
	assert_int_not_equal(w.fault.reason, REASON_NONE);
	/* The same in single octets: bad as soon as the octet is there, and the walk of what went before was kept. */
	unsigned i = 0;
	enum frame_state st = FRAME_MORE;
	for (; i < 12 && st == FRAME_MORE; i++) {
		walk_open(&w, s, bytes + i, 1);
		st = walk_next(&w, &h, s, modbus, false, b->v->join, &pdu);
		if (st == FRAME_MORE) {
			stream_keep(s, &w);
			stream_forward(&h, s, bytes + i, 1);
		}
	}
	assert_int_equal(st, FRAME_BAD);
	assert_true(i <= modbus->header);
}

/* A PDU whose beginning is no longer kept cannot be put together. */
static void part_not_kept(void **state)
{
	uint8_t bytes[12];
	struct walk w;
	struct view pdu;

	(void)state;
	modbus_ask(bytes, 1, 1, 3, 0, 1);
	stream_start(&h, s, 0, true);
	s->part = 6;
	s->need = 12;
	walk_open(&w, s, bytes + 6, 6);
	assert_int_equal(walk_next(&w, &h, s, proto_get(PROTO_modbus), false, b->v->join, &pdu), FRAME_BAD);
	assert_int_equal(w.fault.reason, REASON_TABLE_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stays_small, up, down),
		cmocka_unit_test_setup_teardown(grows, up, down),
		cmocka_unit_test_setup_teardown(pool_used_up, up, down),
		cmocka_unit_test_setup_teardown(chunk_pairs, up, down),
		cmocka_unit_test_setup_teardown(pdus_across_segments, up, down),
		cmocka_unit_test_setup_teardown(bad_frames, up, down),
		cmocka_unit_test_setup_teardown(part_not_kept, up, down),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
