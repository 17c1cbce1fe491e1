/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table: both directions find one entry, a full table says so, a successor takes over, the asked table and its undo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fwd/engine/before.h"
#include "fwd/engine/suspect.h"
#include "tests/unit/packets.h"

static struct bench *b;

static int up(void **state)
{
	(void)state;
	b = bench_new();
	return 0;
}
static int down(void **state)
{
	(void)state;
	bench_free(b);
	return 0;
}

static struct tuple tuple_of(uint32_t n)
{
	struct tuple t = {.sport = (uint16_t)(1024 + n % 60000), .dport = 502, .ipproto = 6};
	memset(t.src, 0x11, 16);
	memset(t.dst, 0x22, 16);
	t.src[3] = (uint8_t)(n / 60000);
	return t;
}

static struct tuple turned(const struct tuple *t)
{
	struct tuple r = {.sport = t->dport, .dport = t->sport, .ipproto = t->ipproto};
	memcpy(r.src, t->dst, 16);
	memcpy(r.dst, t->src, 16);
	return r;
}

static void both_directions(void **state)
{
	struct memory *m = &b->v->memory;
	struct tuple t = tuple_of(1), back = turned(&t), again;
	struct flow_key k, l;

	(void)state;
	bool s1 = flow_key(&k, &t), s2 = flow_key(&l, &back);
	assert_memory_equal(&k, &l, sizeof k);
	assert_int_not_equal(s1, s2);
	assert_int_equal(flow_find(m, &k), FLOW_NONE);
	uint32_t slot = flow_add(m, &k, s1, false, 0);
	assert_int_not_equal(slot, FLOW_NONE);
	assert_int_equal(flow_find(m, &l), slot);
	flow_tuple(flow_at(m, slot), &again);
	assert_memory_equal(again.src, t.src, 16);
	assert_int_equal(again.dport, 502);
	assert_memory_equal(flow_client(flow_at(m, slot)), t.src, 16);
	/* Found through the server's packet it is the same client. */
	flow_remove(m, slot);
	slot = flow_add(m, &l, s2, true, 0);
	assert_memory_equal(flow_client(flow_at(m, slot)), t.src, 16);
	flow_remove(m, slot);
	assert_int_equal(flow_find(m, &k), FLOW_NONE);
	assert_int_equal(m->head->nflows, 0);
}

static void fills_and_empties(void **state)
{
	struct memory *m = &b->v->memory;
	struct flow_key k;

	(void)state;
	for (uint32_t i = 0; i < SHM_FLOWS; i++) {
		struct tuple t = tuple_of(i);
		bool s = flow_key(&k, &t);
		assert_int_not_equal(flow_add(m, &k, s, false, 0), FLOW_NONE);
	}
	assert_int_equal(m->head->nflows, SHM_FLOWS);
	struct tuple over = tuple_of(SHM_FLOWS);
	bool s = flow_key(&k, &over);
	assert_int_equal(flow_add(m, &k, s, false, 0), FLOW_NONE);
	for (uint32_t i = 0; i < SHM_FLOWS; i++) {
		struct tuple t = tuple_of(i);
		flow_key(&k, &t);
		uint32_t slot = flow_find(m, &k);
		assert_int_not_equal(slot, FLOW_NONE);
		flow_remove(m, slot);
	}
	assert_int_equal(m->head->nflows, 0);
	s = flow_key(&k, &over);
	assert_int_not_equal(flow_add(m, &k, s, false, 0), FLOW_NONE);
}

static void successor(void **state)
{
	struct flow_key k[3];
	uint32_t slot[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct tuple t = tuple_of(i);
		bool s = flow_key(&k[i], &t);
		slot[i] = flow_add(&b->v->memory, &k[i], s, false, 0);
		struct stream *st = &flow_at(&b->v->memory, slot[i])->dir[0];
		struct history h = {&b->v->memory, slot[i], 0};
		stream_start(&h, st, 100, true);
		stream_forward(&h, st, (const uint8_t *)"0123456789", 10);
	}
	flow_remove(&b->v->memory, slot[1]);
	/* Killed in the middle of the third one. */
	before_keep(&b->v->memory, slot[2], &(struct change){.octets = 4, .end = 114});
	struct flow *third = flow_at(&b->v->memory, slot[2]);
	stream_forward(&(struct history){&b->v->memory, slot[2], 0}, &third->dir[0], (const uint8_t *)"abcd",
		       4);
	third->flags |= FLOW_DEAD;
	atomic_store(&b->shm->engine.current_flow, slot[2]);
	bench_attach(b);
	struct memory *m = &b->v->memory;
	assert_int_equal(m->head->nflows, 2);
	assert_int_equal(flow_find(m, &k[0]), slot[0]);
	assert_int_equal(flow_find(m, &k[1]), FLOW_NONE);
	assert_int_equal(flow_find(m, &k[2]), slot[2]);
	const struct flow *f = flow_at(m, slot[0]);
	assert_int_equal(f->flags & FLOW_DEAD, 0);
	assert_int_equal(f->dir[0].next, 110);
	struct history h = {m, slot[0], 0};
	assert_true(stream_same(&h, &f->dir[0], 10, (const uint8_t *)"0123456789", 10));
	f = flow_at(m, slot[2]);
	assert_int_equal(f->flags & FLOW_DEAD, 0);
	assert_int_equal(f->dir[0].next, 110);
	assert_int_equal(f->dir[0].kept, 10);
	assert_true(stream_same(&(struct history){m, slot[2], 0}, &f->dir[0], 10,
				(const uint8_t *)"0123456789", 10));
	assert_int_equal(atomic_load(&b->shm->engine.current_flow), FLOW_NONE);
}

/* Chunks that two flows both claim belong to neither for certain: the later one is given up. */
static void successor_claims_chunks(void **state)
{
	static uint8_t bulk[100000];
	uint32_t slot[2];

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct flow_key k;
		struct tuple t = tuple_of(i);
		bool s = flow_key(&k, &t);
		slot[i] = flow_add(&b->v->memory, &k, s, false, 0);
		struct stream *st = &flow_at(&b->v->memory, slot[i])->dir[0];
		struct history h = {&b->v->memory, slot[i], 0};
		stream_start(&h, st, 0, true);
		stream_forward(&h, st, bulk, sizeof bulk);
		assert_true(st->nchunks > 0);
	}
	uint32_t used = POOL_CHUNKS - b->v->memory.head->nchunks_free;
	struct stream *st = &flow_at(&b->v->memory, slot[1])->dir[0];
	uint16_t before = st->nchunks;
	st->chunk[st->first_chunk % HISTORY_CHUNKS] =
		flow_at(&b->v->memory, slot[0])
			->dir[0]
			.chunk[flow_at(&b->v->memory, slot[0])->dir[0].first_chunk % HISTORY_CHUNKS];
	bench_attach(b);
	struct memory *m = &b->v->memory;
	assert_int_equal(flow_at(m, slot[0])->flags & FLOW_DEAD, 0);
	assert_int_not_equal(flow_at(m, slot[1])->flags & FLOW_DEAD, 0);
	assert_int_equal(POOL_CHUNKS - m->head->nchunks_free, used - before);
}

/*
 * A stream that contradicts itself would lead out of the history, or out of the place where a PDU is put together: its flow is given up, and its chunks
 * are nobody's. Each row spoils one thing of a stream with chunks; the last one spoils nothing.
 */
static void successor_mistrusts(void **state)
{
	static uint8_t bulk[100000];
	static const struct {
		const char *what;
		struct stream spoil; /* added */
		bool ring;           /* of a stream without chunks */
	} rows[] = {
		{"state", {.state = 7}, false},
		{"more kept than ever came", {.kept = 1000000}, false},
		{"kept before its first chunk", {.first_chunk = 1}, false},
		{"next behind its last chunk", {.off = 40000}, false},
		{"chunks that do not reach", {.nchunks = UINT16_MAX}, false},
		{"chunks without number", {.nchunks = HISTORY_CHUNKS}, false},
		{"the last octet of all", {.off = UINT64_MAX - 100000}, false},
		{"part", {.part = PROTO_PDU_MAX + 1}, false},
		{"need", {.need = PROTO_PDU_MAX + 1}, false},
		{"a part of all", {.part = 12, .need = 12}, false},
		{"more kept than the ring has", {.kept = 1}, true},
		{"nothing", {0}, false},
		{"nothing of the ring", {0}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct memory *m = &b->v->memory;
		struct tuple t = tuple_of((uint32_t)i);
		struct flow_key k;
		bool s = flow_key(&k, &t), nothing = strncmp(rows[i].what, "nothing", 7) == 0;
		uint32_t slot = flow_add(m, &k, s, false, 0), before = m->head->nchunks_free;
		struct flow *f = flow_at(m, slot);
		struct stream *st = &f->dir[1];
		const struct stream *x = &rows[i].spoil;
		struct history h = {m, slot, 1};
		stream_start(&h, st, 0, true);
		for (uint32_t at = 0; rows[i].ring && at < 2000; at += 500) {
			st->acked = st->next;
			stream_forward(&h, st, bulk, 500);
		}
		if (!rows[i].ring)
			stream_forward(&h, st, bulk, sizeof bulk);
		assert_int_equal(st->nchunks == 0, rows[i].ring);
		st->state = (uint8_t)(st->state + x->state);
		st->kept += x->kept;
		st->first_chunk += x->first_chunk;
		st->off += x->off;
		st->nchunks = (uint16_t)(st->nchunks + x->nchunks);
		st->part += x->part;
		st->need += x->need;
		bench_attach(b);
		f = flow_at(m, slot);
		if (nothing == !!(f->flags & FLOW_DEAD))
			fail_msg("%s: %s", rows[i].what, nothing ? "given up" : "not given up");
		if (!nothing)
			assert_int_equal(m->head->nchunks_free, before);
		flow_remove(m, slot);
		assert_int_equal(m->head->nchunks_free, before);
	}
}

/* Over a restart of the guardian where PDUs begin is known, and nothing of the policy: it may be another one. */
static void outlives_the_guardian(void **state)
{
	struct flow_key k;
	struct tuple t = tuple_of(1);
	bool s = flow_key(&k, &t);
	uint32_t slot = flow_add(&b->v->memory, &k, s, false, 0);
	struct flow *f = flow_at(&b->v->memory, slot);
	struct history h = {&b->v->memory, slot, 0};

	(void)state;
	stream_start(&h, &f->dir[0], 100, true);
	stream_forward(&h, &f->dir[0], (const uint8_t *)"0123456789", 10);
	f->dir[0].part = 10;
	f->dir[0].need = 25;
	f->generation = 4;
	f->asked[3] = (struct asked){.id = 9, .rule = 2};
	f->asked_used = 1u << 3;
	/* The next engine of the same guardian: its generations are still what they were. */
	atomic_store(&b->shm->engine.generation, 4);
	bench_attach(b);
	assert_int_equal(f->generation, 4);
	assert_int_equal(f->asked[3].rule, 2);
	shm_renew(b->shm, 1, 0, FAILURE_CLOSED);
	bench_attach(b);
	assert_int_equal(flow_find(&b->v->memory, &k), slot);
	assert_int_equal(f->flags & FLOW_DEAD, 0);
	assert_int_equal(f->dir[0].next, 110);
	assert_int_equal(f->dir[0].part, 10);
	assert_int_equal(f->dir[0].need, 25);
	assert_int_equal(f->generation, 0);
	assert_int_equal(f->asked[3].id, 9);
	assert_int_equal(f->asked[3].rule, POLICY_NO_RULE);
	/* Killed together with its guardian in the middle of a change: put back, for the packet went with the queue. */
	f->generation = 1;
	before_keep(&b->v->memory, slot, &(struct change){.octets = 4, .end = 114});
	stream_forward(&h, &f->dir[0], (const uint8_t *)"abcd", 4);
	f->dir[0].part = 14;
	shm_renew(b->shm, 1, 0, FAILURE_CLOSED);
	bench_attach(b);
	assert_int_equal(f->flags & FLOW_DEAD, 0);
	assert_int_equal(f->dir[0].next, 110);
	assert_int_equal(f->dir[0].part, 10);
	assert_int_equal(f->generation, 0);
}

/* Deaths are counted by client, server and the server's port; the third within a minute bars what is new between them. */
static void suspects(void **state)
{
	struct memory *m = &b->v->memory;
	struct tuple ends, other = tuple_of(1), back;
	int64_t at = 5000000;

	(void)state;
	other.src[7] = 1;
	for (uint32_t i = 0; i < SUSPECT_CRASHES; i++, at += 1000000) {
		struct flow_key k;
		struct tuple t = tuple_of(i); /* another port of the same client each time */
		bool s = flow_key(&k, &t);
		uint32_t slot = flow_add(m, &k, s, false, at);
		assert_false(suspect_barred(m->shm, &t, false, at));
		assert_int_equal(suspect_book(m, slot, at, &ends), i + 1 == SUSPECT_CRASHES);
		assert_int_not_equal(flow_at(m, slot)->flags & FLOW_DEAD, 0);
		assert_memory_equal(ends.src, t.src, 16);
		assert_int_equal(ends.dport, 502);
	}
	assert_int_equal(atomic_load(&m->shm->engine.quarantines), 1);
	struct tuple t = tuple_of(77);
	back = turned(&t);
	assert_true(suspect_barred(m->shm, &t, false, at));
	assert_true(suspect_barred(m->shm, &back, true, at));
	assert_false(suspect_barred(m->shm, &back, false, at));
	assert_false(suspect_barred(m->shm, &other, false, at));
	t.dport = 503;
	assert_false(suspect_barred(m->shm, &t, false, at));
	t.dport = 502;
	t.ipproto = 17;
	assert_false(suspect_barred(m->shm, &t, false, at));
	t.ipproto = 6;
	assert_true(suspect_barred(m->shm, &t, false, at - 1000001 + SUSPECT_QUARANTINE_US));
	assert_false(suspect_barred(m->shm, &t, false, at + SUSPECT_QUARANTINE_US));
}

/* Too far apart they are three accidents; and more ends than there are entries forget the oldest, never one in quarantine. */
static void suspects_far_apart(void **state)
{
	struct memory *m = &b->v->memory;
	struct flow_key k;
	struct tuple t = tuple_of(0), ends, first = t;
	int64_t at = 5000000;

	(void)state;
	bool s = flow_key(&k, &t);
	uint32_t slot = flow_add(m, &k, s, false, at);
	for (unsigned i = 0; i < 10; i++, at += SUSPECT_WINDOW_US / 2 + 1)
		assert_false(suspect_book(m, slot, at, &ends));
	assert_false(suspect_book(m, SHM_FLOWS, at, &ends));
	assert_false(suspect_book(m, UINT32_MAX, at, &ends));
	at += SUSPECT_WINDOW_US + 1;
	for (unsigned i = 0; i < SUSPECT_CRASHES; i++)
		assert_int_equal(suspect_book(m, slot, at, &ends), i + 1 == SUSPECT_CRASHES);
	for (uint32_t i = 0; i < 3 * SHM_SUSPECTS; i++) {
		t = tuple_of(0);
		t.src[9] = (uint8_t)(i + 1);
		s = flow_key(&k, &t);
		assert_false(suspect_book(m, flow_add(m, &k, s, false, at), at + i, &ends));
	}
	assert_true(suspect_barred(m->shm, &first, false, at + 100));
}

static void expiry(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t flags;
		uint32_t part;
		int64_t keeps;
	} rows[] = {{6, 0, 0, FLOW_IDLE_US},          {6, 0, 3, FLOW_MID_US},
		    {6, FLOW_RST, 0, FLOW_CLOSED_US}, {6, FLOW_RST, 3, FLOW_MID_US},
		    {6, FLOW_FIN0, 0, FLOW_IDLE_US},  {6, FLOW_FIN0 | FLOW_FIN1, 0, FLOW_CLOSED_US},
		    {17, 0, 0, FLOW_UDP_US}};

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct flow f = {.key.ipproto = rows[i].proto, .flags = rows[i].flags};
		f.dir[0].part = rows[i].part;
		assert_false(flow_expired(&f, rows[i].keeps));
		assert_true(flow_expired(&f, rows[i].keeps + 1));
		f.nheld = 1;
		assert_false(flow_expired(&f, rows[i].keeps + 1));
	}
}

static void asked_table(void **state)
{
	static struct flow f;
	static struct undo u;

	(void)state;
	memset(&f, 0, sizeof f);
	undo_open(&u, &f);
	for (uint32_t i = 0; i < FLOW_ASKED; i++) {
		struct asked a = {.id = i};
		assert_int_equal(pending_add(&f, &u, &a, 7, 1000, 0), REASON_NONE);
	}
	struct asked over = {.id = 99}, same = {.id = 5};
	assert_int_equal(pending_add(&f, &u, &over, 7, 1000, 999), REASON_PENDING_FULL);
	assert_int_equal(pending_add(&f, &u, &same, 7, 1000, 999), REASON_ID_IN_USE);
	/* Their time over, they give way. */
	assert_int_equal(pending_add(&f, &u, &same, 8, 3000, 1000), REASON_NONE);
	assert_int_equal(f.asked[asked_find(f.asked, pending_slots(&f), 5)].rule, 8);
	assert_int_equal(pending_add(&f, &u, &over, 7, 3000, 1000), REASON_NONE);
	assert_int_equal(asked_find(f.asked, pending_slots(&f), 0), -1);
	undo_all(&u, &f);
	assert_int_equal(f.asked_used, 0);
	for (uint32_t i = 0; i < FLOW_ASKED; i++)
		assert_int_equal(f.asked[i].expires_us, 0);
}

static void asked_undo(void **state)
{
	static struct flow f, before;
	static struct undo u;
	struct asked a = {.id = 1}, c = {.id = 2};

	(void)state;
	memset(&f, 0, sizeof f);
	undo_open(&u, &f);
	assert_int_equal(pending_add(&f, &u, &a, 1, 1000, 0), REASON_NONE);
	assert_int_equal(pending_slots(&f), 1);
	before = f;
	undo_open(&u, &f);
	pending_take(&f, &u, 0);
	assert_int_equal(pending_slots(&f), 0);
	assert_int_equal(pending_add(&f, &u, &c, 1, 1000, 0), REASON_NONE);
	undo_all(&u, &f);
	assert_memory_equal(&f, &before, sizeof f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_directions, up, down),
		cmocka_unit_test_setup_teardown(fills_and_empties, up, down),
		cmocka_unit_test_setup_teardown(successor, up, down),
		cmocka_unit_test_setup_teardown(successor_claims_chunks, up, down),
		cmocka_unit_test_setup_teardown(successor_mistrusts, up, down),
		cmocka_unit_test_setup_teardown(outlives_the_guardian, up, down),
		cmocka_unit_test_setup_teardown(suspects, up, down),
		cmocka_unit_test_setup_teardown(suspects_far_apart, up, down),
		cmocka_unit_test(expiry),
		cmocka_unit_test(asked_table),
		cmocka_unit_test(asked_undo),
	};
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
