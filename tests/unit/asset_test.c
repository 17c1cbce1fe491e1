/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/recorder/asset.h"
#include "fwd/recorder/recorder.h"
#include "tests/unit/policies.h"
#include "tests/unit/statedir.h"

#define NOW INT64_C(1800000000000000)
#define S   INT64_C(1000000)

static int64_t now_us = NOW;
static unsigned complaints;

void complain(const char *fmt, ...)
{
	(void)fmt;
	complaints++;
}

int64_t clock_us(void)
{
	return now_us;
}

static struct sighting one(uint32_t host, unsigned role)
{
	struct sighting s = {.generation = 1,
			     .proto = PROTO_modbus,
			     .port = 502,
			     .ipproto = 6,
			     .role = (uint8_t)role,
			     .ident = SIGHT_NO_IDENT,
			     .first_us = now_us,
			     .last_us = now_us};

	s.address[10] = s.address[11] = 0xff;
	s.address[12] = 10;
	s.address[13] = (uint8_t)(host >> 16);
	s.address[14] = (uint8_t)(host >> 8);
	s.address[15] = (uint8_t)host;
	return s;
}

static struct sighting said(uint32_t host, uint8_t kind, const char *text)
{
	struct sighting s = one(host, SIGHT_SERVER);

	s.ident = kind;
	s.has_unit = 1;
	s.unit = 7;
	s.text_len = (uint8_t)strlen(text);
	memcpy(s.text, text, strlen(text));
	return s;
}

/* ---- the table ---- */

static struct assets *table(void)
{
	struct assets *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	return a;
}

static void sweep(struct assets *a, int64_t at_us)
{
	for (unsigned i = 0; i < ASSET_SETS * ASSET_WAYS / ASSET_TURN; i++)
		asset_tick(a, at_us);
}

static unsigned drained(struct assets *a, uint64_t *tail, uint64_t *lost, struct sighting *last)
{
	unsigned n = 0;

	while (asset_get(a, tail, last, lost) == 1)
		n++;
	return n;
}

static void equal_ones_are_one(void **state)
{
	struct assets *a = table();
	struct sighting s = one(1, SIGHT_SERVER), out;
	uint64_t tail = 0, lost = 0;

	(void)state;
	assert_true(asset_note(a, &s));
	assert_int_equal(drained(a, &tail, &lost, &out), 1); /* at once */
	for (unsigned i = 1; i <= 1000; i++) {
		s.last_us = s.first_us = NOW + i;
		s.has_mac = 1;
		s.mac[5] = 9;
		assert_true(asset_note(a, &s));
	}
	assert_int_equal(drained(a, &tail, &lost, &out), 0);
	sweep(a, NOW + ASSET_EVERY_US - 1);
	assert_int_equal(drained(a, &tail, &lost, &out), 0);
	sweep(a, NOW + ASSET_EVERY_US);
	assert_int_equal(drained(a, &tail, &lost, &out), 1);
	assert_int_equal(out.first_us, NOW);
	assert_int_equal(out.last_us, NOW + 1000);
	assert_int_equal(out.has_mac, 1);
	assert_int_equal(out.mac[5], 9);
	/* Who is silent is not told again. */
	sweep(a, NOW + 10 * ASSET_EVERY_US);
	assert_int_equal(drained(a, &tail, &lost, &out), 0);
	s.role = SIGHT_CLIENT;
	assert_true(asset_note(a, &s));
	assert_int_equal(drained(a, &tail, &lost, &out), 1);
	assert_int_equal(lost, 0);
	free(a);
}

static void a_flood_is_bounded_and_counted(void **state)
{
	struct assets *a = table();
	struct sighting s, out;
	uint64_t tail = 0, lost = 0;
	unsigned taken = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		s = one(i, SIGHT_CLIENT);
		taken += asset_note(a, &s);
	}
	assert_int_equal(taken, ASSET_FRESH_A_SECOND);
	assert_int_equal(atomic_load(&a->spared), 5000 - ASSET_FRESH_A_SECOND);
	/* What devices say has a budget of its own, and what is known needs none. */
	s = said(1, IDENT_VENDOR, "x");
	assert_true(asset_note(a, &s));
	s = one(3, SIGHT_CLIENT);
	assert_true(asset_note(a, &s));
	assert_int_equal(drained(a, &tail, &lost, &out), ASSET_FRESH_A_SECOND + 1);
	free(a);
}

static void what_is_pushed_out_was_told(void **state)
{
	struct assets *a = table();
	struct sighting s, out;
	uint64_t tail = 0, lost = 0, told = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		s = one(i, SIGHT_CLIENT);
		s.first_us = s.last_us = NOW + i * S / 100;
		assert_true(asset_note(a, &s));
		s.last_us += 5;
		assert_true(asset_note(a, &s)); /* so that there is something left to tell */
		if (i % 500 == 499)
			told += drained(a, &tail, &lost, &out);
	}
	sweep(a, NOW + 1000 * S);
	told += drained(a, &tail, &lost, &out);
	assert_int_equal(told, 40000);
	assert_int_equal(lost, 0);
	/* A reader that sleeps knows how much it lost. */
	for (uint32_t i = 0; i < 3000; i++) {
		s = one(30000 + i, SIGHT_CLIENT);
		s.first_us = s.last_us = NOW + 2000 * S + i * S / 100;
		asset_note(a, &s);
	}
	uint64_t head = atomic_load(&a->head), from = tail;
	assert_int_equal(drained(a, &tail, &lost, &out), ASSET_RING);
	assert_int_equal(lost, head - from - ASSET_RING);
	free(a);
}

/* ---- the database ---- */

static struct test_policy enforce;

static struct asset_db *db;
static struct log *events;

static int db_setup(void **state)
{
	(void)state;
	now_us = NOW;
	complaints = 0;
	if (statedir_open() < 0)
		return -1;
	db = calloc(1, sizeof(*db));
	events = calloc(1, sizeof(*events));
	if (!db || !events)
		return -1;
	log_open(events, memfd_create("events", 0));
	asset_open(db, events);
	return db->db.sql ? 0 : -1;
}

static int db_teardown(void **state)
{
	(void)state;
	asset_close(db);
	free(db);
	close(events->fd);
	free(events);
	now_us = NOW;
	return statedir_close("assets.db");
}

static void again(void)
{
	asset_close(db);
	memset(db, 0, sizeof(*db));
	asset_open(db, events);
}

/* Events since the last call: how many lines, the sum of their counts, and the last. */
static unsigned told(uint64_t *count, char last[2048])
{
	unsigned n = 0;

	asset_flush(db, now_us);
	*count = 0;
	for (char *at = events->buf; at < events->buf + events->len;) {
		char *end = memchr(at, '\n', events->len - (size_t)(at - events->buf));
		json_t *o = json_loadb(at, (size_t)(end - at), 0, NULL);

		assert_non_null(o);
		assert_string_equal(json_string_value(json_object_get(o, "event")), "asset");
		*count += (uint64_t)json_integer_value(json_object_get(o, "count"));
		if (last)
			snprintf(last, 2048, "%s", json_string_value(json_object_get(o, "detail")));
		json_decref(o);
		n++;
		at = end + 1;
	}
	events->len = 0;
	return n;
}

static json_t *listed(const struct asset_query *q)
{
	static char text[JSONL_MAX];
	struct jsonl j;

	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	asset_print(db, &enforce.p, q, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_false(j.cut);
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_true(json_is_true(json_object_get(o, "assets-known")));
	return o;
}

static const char *text_at(json_t *o, const char *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(o, list), i), key));
}

static void one_asset_an_address(void **state)
{
	struct sighting s = one(0x0a0202, SIGHT_SERVER), v;
	char last[2048];
	uint64_t count;

	(void)state;
	memcpy(s.mac, "\2\1\2\3\4\5", 6);
	s.has_mac = 1;
	asset_keep(db, &enforce.p, "cell", &s);
	assert_int_equal(told(&count, last), 1);
	assert_string_equal(last, "new asset 10.10.2.2 (plc) in zone cell: server of modbus");
	now_us += 5 * S;
	s.last_us = now_us;
	asset_keep(db, &enforce.p, "cell", &s);
	assert_int_equal(told(&count, last), 0);
	s.role = SIGHT_CLIENT;
	s.proto = PROTO_iec104;
	s.port = 2404;
	asset_keep(db, &enforce.p, "cell", &s);
	assert_int_equal(told(&count, last), 1);
	assert_string_equal(last, "asset 10.10.2.2 (plc) in zone cell: it is now also client of iec104");
	v = said(0x0a0202, IDENT_SERIAL, "  A-1\x1b[2J\xc2\x9b\x07 ");
	asset_keep(db, &enforce.p, "cell", &v);
	assert_int_equal(told(&count, last), 0);
	again();
	asset_keep(db, &enforce.p, "cell", &s);
	asset_keep(db, &enforce.p, "cell", &v);
	assert_int_equal(told(&count, last), 0); /* known from before */

	json_t *o = listed(&(struct asset_query){.from = 0}), *list = json_object_get(o, "assets"),
	       *asset = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(asset, "address")), "10.10.2.2");
	assert_string_equal(json_string_value(json_object_get(asset, "name")), "plc");
	assert_string_equal(json_string_value(json_object_get(asset, "zone")), "cell");
	assert_string_equal(json_string_value(json_object_get(asset, "mac")), "02:01:02:03:04:05");
	assert_int_equal(json_integer_value(json_object_get(asset, "mac-addresses")), 1);
	assert_true(json_real_value(json_object_get(asset, "first")) == (double)(NOW / S));
	assert_true(json_real_value(json_object_get(asset, "last")) == (double)(NOW / S + 5));
	assert_int_equal(json_array_size(json_object_get(asset, "roles")), 2);
	assert_string_equal(text_at(asset, "roles", 0, "role"), "server");
	assert_string_equal(text_at(asset, "roles", 0, "protocol"), "modbus");
	assert_string_equal(text_at(asset, "roles", 1, "role"), "client");
	assert_string_equal(text_at(asset, "roles", 1, "protocol"), "iec104");
	assert_int_equal(json_array_size(json_object_get(asset, "identification")), 1);
	assert_string_equal(text_at(asset, "identification", 0, "kind"), "serial");
	assert_string_equal(text_at(asset, "identification", 0, "value"), "A-1.[2J..");
	json_decref(o);
	/* What the query leaves out. */
	o = listed(&(struct asset_query){.zone = "room"});
	assert_int_equal(json_array_size(json_object_get(o, "assets")), 0);
	json_decref(o);
	o = listed(&(struct asset_query){.since_us = now_us + 1});
	assert_int_equal(json_array_size(json_object_get(o, "assets")), 0);
	json_decref(o);
	o = listed(&(struct asset_query){.since_us = now_us, .zone = "cell"});
	assert_int_equal(json_array_size(json_object_get(o, "assets")), 1);
	json_decref(o);
}

static void a_change_is_told(void **state)
{
	struct sighting s = one(7, SIGHT_SERVER), v = said(7, IDENT_VERSION, "1.0"), old = v;
	char last[2048];
	uint64_t count;

	(void)state;
	memcpy(s.mac, "\2\0\0\0\0\1", 6);
	s.has_mac = 1;
	asset_keep(db, NULL, "cell", &s);
	asset_keep(db, NULL, "cell", &v);
	told(&count, last);
	now_us += 10 * S;
	v = said(7, IDENT_VERSION, "1.1");
	asset_keep(db, NULL, "cell", &v);
	assert_int_equal(told(&count, last), 1);
	assert_string_equal(
		last,
		"asset 10.0.0.7 in zone cell: its version of unit 7 by modbus is \"1.1\" now, it was \"1.0\"");
	/* What was said before comes late, or once more: no news. */
	asset_keep(db, NULL, "cell", &old);
	asset_keep(db, NULL, "cell", &v);
	assert_int_equal(told(&count, last), 0);
	/* One that changes all the time is told once an hour, and counted. */
	for (unsigned i = 0; i < 100; i++) {
		now_us += S;
		v = said(7, IDENT_VERSION, i & 1 ? "1.1" : "1.2");
		asset_keep(db, NULL, "cell", &v);
	}
	assert_int_equal(told(&count, last), 0);
	json_t *o = listed(&(struct asset_query){.from = 0}),
	       *asset = json_array_get(json_object_get(o, "assets"), 0),
	       *ident = json_array_get(json_object_get(asset, "identification"), 0);
	assert_int_equal(json_integer_value(json_object_get(ident, "changes")), 101);
	assert_string_equal(json_string_value(json_object_get(ident, "value")), "1.1");
	assert_string_equal(json_string_value(json_object_get(ident, "before")), "1.2");
	assert_int_equal(json_integer_value(json_object_get(ident, "unit")), 7);
	assert_true(json_real_value(json_object_get(ident, "since")) == (double)(now_us / S));
	assert_true(json_real_value(json_object_get(ident, "first")) == (double)(NOW / S));
	json_decref(o);
	now_us += ASSET_TELL_US;
	v = said(7, IDENT_VERSION, "2.0");
	asset_keep(db, NULL, "cell", &v);
	assert_int_equal(told(&count, last), 1);
	/* Another box has taken the address. */
	now_us += S;
	s.last_us = now_us;
	s.mac[5] = 2;
	asset_keep(db, NULL, "cell", &s);
	assert_int_equal(told(&count, last), 1);
	assert_string_equal(
		last,
		"asset 10.0.0.7 in zone cell: its packets come from 02:00:00:00:00:02 now, they came from 02:00:00:00:00:01");
	s.mac[5] = 1;
	asset_keep(db, NULL, "cell", &s);
	assert_int_equal(told(&count, last), 0);
}

static void a_known_protocol_replaces_a_port(void **state)
{
	struct sighting s = one(7, SIGHT_SERVER);
	char last[2048];
	uint64_t count;

	(void)state;
	s.proto = -1;
	asset_keep(db, NULL, "cell", &s);
	assert_int_equal(told(&count, last), 1);
	assert_string_equal(last, "new asset 10.0.0.7 in zone cell: server of tcp port 502");
	s.proto = PROTO_modbus;
	asset_keep(db, NULL, "cell", &s);
	s.proto = -1;
	asset_keep(db, NULL, "cell", &s);
	json_t *o = listed(&(struct asset_query){.from = 0}),
	       *asset = json_array_get(json_object_get(o, "assets"), 0);
	assert_int_equal(json_array_size(json_object_get(asset, "roles")), 1);
	assert_string_equal(text_at(asset, "roles", 0, "protocol"), "modbus");
	json_decref(o);
}

/* A large network behind one router: what each answer costs is bounded. */
static void one_mac_of_many(void **state)
{
	struct asset_query q = {.from = 0};

	(void)state;
	for (uint32_t i = 0; i < 150; i++) {
		struct sighting s = one(i, SIGHT_CLIENT);
		s.has_mac = 1;
		asset_keep(db, NULL, "routed", &s);
	}
	json_t *o = listed(&q), *list = json_object_get(o, "assets");
	assert_int_equal(json_array_size(list), 150);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "mac-addresses")), 100);
	json_decref(o);
}

static void it_is_bounded(void **state)
{
	json_t *o;
	struct sighting s;
	uint64_t count;
	char last[2048];

	(void)state;
	for (uint32_t i = 0; i < ASSET_ZONE_ROWS + 100; i++) {
		s = one(i, SIGHT_CLIENT);
		asset_keep(db, NULL, "flooded", &s);
	}
	assert_int_equal(db->rows, ASSET_ZONE_ROWS);
	assert_int_equal(db->lost, 100);
	assert_int_equal(complaints, 1); /* said once */
	/* Not an event each, and none forgotten. */
	assert_int_equal(told(&count, last), ASSET_EVENTS);
	now_us += S;
	assert_int_equal(told(&count, last), 1);
	assert_int_equal(count, ASSET_ZONE_ROWS - ASSET_EVENTS);
	/* Another zone has room. */
	s = one(1, SIGHT_CLIENT);
	asset_keep(db, NULL, "other", &s);
	assert_int_equal(db->rows, ASSET_ZONE_ROWS + 1);
	for (uint32_t i = 0; i < 3 * ASSET_ROLES; i++) {
		s.proto = -1;
		s.port = (uint16_t)(i + 1);
		asset_keep(db, NULL, "other", &s);
	}
	for (uint32_t i = 0; i < 2 * ASSET_IDENTS; i++) {
		s = said(1, IDENT_NAME, "\x80\xff\"\\\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
		s.text_len = SIGHT_TEXT;
		memset(s.text + 16, 0xff, SIGHT_TEXT - 16);
		s.unit = i;
		asset_keep(db, NULL, "other", &s);
		s.text[0] ^= (uint8_t)(1 + i);
		s.text[1] = 'x';
		now_us++;
		s.last_us = now_us;
		asset_keep(db, NULL, "other", &s); /* so that there is a value before, too */
	}
	/* The longest asset there can be is a whole answer, and pages are followed to the end. */
	unsigned n = 0;
	struct asset_query q = {.from = 0};
	do {
		o = listed(&q);
		json_t *list = json_object_get(o, "assets"), *one_of = NULL;
		size_t i;
		json_array_foreach(list, i, one_of)
		{
			n++;
			if (strcmp(json_string_value(json_object_get(one_of, "zone")), "other") != 0)
				continue;
			assert_int_equal(json_array_size(json_object_get(one_of, "roles")), ASSET_ROLES);
			assert_int_equal(json_array_size(json_object_get(one_of, "identification")),
					 ASSET_IDENTS);
		}
		q.from = json_integer_value(json_object_get(o, "next"));
		json_decref(o);
	} while (q.from);
	assert_int_equal(n, ASSET_ZONE_ROWS + 1);
	again();
	assert_int_equal(db->rows, ASSET_ZONE_ROWS + 1);
	for (uint32_t z = 0; z < 3; z++)
		for (uint32_t i = 0; i < ASSET_ZONE_ROWS; i++) {
			char zone[16];
			snprintf(zone, sizeof(zone), "z%u", z);
			s = one(i, SIGHT_CLIENT);
			asset_keep(db, NULL, zone, &s);
		}
	assert_int_equal(db->rows, ASSET_ROWS);
	/* Nor do all of them together have as many roles and identifications as each by itself. */
	uint64_t lost = db->lost;
	for (uint32_t i = 0; db->parts < ASSET_PARTS && i < ASSET_PARTS; i++) {
		s = said(1 + i % 4000, IDENT_NAME, "x");
		s.unit = i / 4000;
		asset_keep(db, NULL, "z0", &s);
	}
	assert_int_equal(db->parts, ASSET_PARTS);
	assert_int_equal(db->lost, lost);
	s = said(4500, IDENT_NAME, "x");
	asset_keep(db, NULL, "z0", &s);
	assert_int_equal(db->lost, lost + 1);
	s = one(4500, SIGHT_SERVER);
	asset_keep(db, NULL, "z0", &s);
	assert_int_equal(db->lost, lost + 2);
	again();
	assert_int_equal(db->parts, ASSET_PARTS);
}

static const struct policy *policy_of(void *ctx, uint32_t generation)
{
	(void)ctx;
	return generation == 1 ? &enforce.p : NULL;
}

/* Killed with the last turn not written: what was new is there, and the ring is read on from where the file stands. */
static void a_kill_costs_nothing(void **state)
{
	struct assets *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct asset_reader in;
	struct sighting s;
	uint64_t count;
	int status;

	(void)state;
	assert_ptr_not_equal(a, MAP_FAILED);
	asset_close(db);
	for (uint32_t i = 0; i < 50; i++) {
		s = one(0x0a0100 + i, SIGHT_CLIENT);
		asset_note(a, &s);
	}
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		asset_open(db, NULL);
		asset_begin(db, &in, a, 77);
		asset_drain(db, &in, policy_of, NULL);
		asset_flush(db, now_us);
		now_us += 5 * S;
		for (uint32_t i = 0; i < 50; i++) {
			s = one(0x0a0100 + i, SIGHT_CLIENT);
			asset_note(a, &s);
		}
		sweep(a, now_us + ASSET_EVERY_US);
		asset_drain(db, &in, policy_of, NULL); /* not written yet: nothing new in it */
		asset_flush(db, now_us);
		raise(SIGKILL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	now_us += 5 * S;
	asset_open(db, events);
	assert_int_equal(db->rows, 50);
	asset_begin(db, &in, a, 77);
	assert_int_equal(in.tail, 50);
	asset_drain(db, &in, policy_of, NULL);
	assert_int_equal(in.tail, 100);
	assert_int_equal(told(&count, NULL), 0);
	json_t *o = listed(&(struct asset_query){.since_us = now_us});
	assert_int_equal(json_array_size(json_object_get(o, "assets")), 50);
	json_decref(o);
	/* A place that is not in this ring. */
	asset_begin(db, &in, a, 78);
	assert_int_equal(in.tail, 0);
	atomic_store(&a->head, 3);
	asset_flush(db, now_us + ASSET_WRITE_US);
	asset_begin(db, &in, a, 77);
	assert_int_equal(in.tail, 0);
	munmap(a, sizeof(*a));
}

/* Whatever an engine that was taken over writes: bounded, and JSON. */
static void nothing_of_the_ring_is_believed(void **state)
{
	struct assets *a = table();
	struct asset_reader in;
	uint64_t count;

	(void)state;
	srand(5);
	for (unsigned round = 0; round < 20; round++) {
		uint8_t *raw = (uint8_t *)a->ring;
		for (size_t i = 0; i < sizeof(a->ring); i++)
			raw[i] = (uint8_t)rand();
		for (unsigned i = 0; i < ASSET_RING; i++) {
			struct sighting *s = &a->ring[i].s;
			atomic_store(&a->ring[i].seq, i + 1);
			if (i % 2)
				continue;
			/* Half of them are nearly right. */
			s->generation = 1;
			memset(s->address, 0, 10);
			memcpy(s->address + 10, "\xff\xff\x0a\x0a\x02", 5);
			s->proto = (int16_t)(s->proto % 9);
			s->role &= 1;
			s->ipproto = i % 4 ? 6 : 17;
			s->ident = i % 3 ? s->ident % 16 : SIGHT_NO_IDENT;
		}
		atomic_store(&a->head, ASSET_RING);
		asset_begin(db, &in, a, 1000 + round);
		for (unsigned i = 0; i < ASSET_RING / ASSET_A_TURN; i++)
			asset_drain(db, &in, policy_of, NULL);
		now_us += S;
		told(&count, NULL);
	}
	assert_true(db->rows > 10 && db->rows <= 256);
	struct asset_query q = {.from = 0};
	json_t *o = listed(&q);
	assert_true(json_array_size(json_object_get(o, "assets")) > 0);
	json_decref(o);
	free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_ones_are_one),
		cmocka_unit_test(a_flood_is_bounded_and_counted),
		cmocka_unit_test(what_is_pushed_out_was_told),
		cmocka_unit_test_setup_teardown(one_asset_an_address, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(a_change_is_told, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(a_known_protocol_replaces_a_port, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(one_mac_of_many, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(it_is_bounded, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(a_kill_costs_nothing, db_setup, db_teardown),
		cmocka_unit_test_setup_teardown(nothing_of_the_ring_is_believed, db_setup, db_teardown),
	};

	test_policy_common(&enforce, "closed", "enforce", "drop", "40..49");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_policy_close(&enforce);
	return failed;
}
