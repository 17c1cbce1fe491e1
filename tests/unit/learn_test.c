/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"
#include "rules/cover.h"
#include "tests/policy_make.h"
#include "tests/unit/statedir.h"

#define MANY    100000u
#define NOW     INT64_C(1800000000000000)
#define DAY     INT64_C(86400000000)
#define SECONDS 10.0 /* for what takes one or two */

void complain(const char *fmt, ...)
{
	(void)fmt;
}

int64_t clock_us(void)
{
	return NOW;
}

static const char yaml[] = "version: 1\n"
			   "zones:\n"
			   "  a: {level: 3, networks: [10.1.0.0/16], failure: closed}\n"
			   "  b: {level: 2, networks: [10.2.0.0/24], failure: closed}\n"
			   "hosts:\n"
			   "  hmi: 10.1.0.2\n"
			   "  plc: 10.2.0.2\n"
			   "  gw: 10.2.0.9\n"
			   "  pump: {at: gw, unit: 4}\n"
			   "conduits:\n"
			   "  - name: c\n"
			   "    from: [a]\n"
			   "    to: b\n"
			   "    servers: [plc, pump]\n"
			   "    protocols: [modbus, enip]\n"
			   "    mode: learn\n";

/* CLIENT -> SERVER and an operation as text. */
static void shape_text(struct shape *s, const char *client, const char *server, const char *op, int64_t us)
{
	static struct op_text text;
	struct tuple t = tuple_of(client, 40000, server, 502, 6);
	char err[200];

	if (op_parse(op, &text, err, sizeof(err)) != 0)
		fail_msg("%s: %s", op, err);
	int proto = proto_find(text.proto->name, strlen(text.proto->name));
	t.dport = text.proto->ports[0];
	shape_of(s, 0, &t, proto, &text.op, us);
}

/* ---- the table ---- */

static struct learn *table(void)
{
	struct learn *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	return l;
}

static uint64_t drain(struct learn *l, uint64_t *tail, uint64_t *lost, uint64_t *shapes)
{
	struct shape s;
	uint64_t n = 0;

	while (learn_get(l, tail, &s, lost) == 1) {
		n += s.count;
		++*shapes;
	}
	return n;
}

static void equal_ones_are_added_up(void **state)
{
	struct learn *l = table();
	uint64_t tail = 0, lost = 0;
	struct shape s;

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 412",
		   NOW);
	assert_true(learn_note(l, &s));
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 655",
		   NOW + 5);
	assert_false(learn_note(l, &s));
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 8 = 655",
		   NOW + 6);
	assert_true(learn_note(l, &s));
	for (unsigned i = 0; i < LEARN_SETS * LEARN_WAYS / LEARN_TURN; i++)
		learn_tick(l, NOW + 10);
	uint64_t seen = 0;
	while (learn_get(l, &tail, &s, &lost) == 1) {
		seen++;
		if (s.first != 7)
			continue;
		assert_int_equal(s.count, 2);
		assert_int_equal(s.min, 412);
		assert_int_equal(s.max, 655);
		assert_int_equal(s.first_us, NOW);
		assert_int_equal(s.last_us, NOW + 5);
	}
	assert_int_equal(seen, 2);
	/* Told once; what comes later is told for itself, when it is due. */
	for (unsigned i = 0; i < LEARN_SETS * LEARN_WAYS / LEARN_TURN; i++)
		learn_tick(l, NOW + 2 * LEARN_EVERY_US);
	assert_int_equal(learn_get(l, &tail, &s, &lost), 0);
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 1",
		   NOW);
	assert_false(learn_note(l, &s));
	for (unsigned i = 0; i < LEARN_SETS * LEARN_WAYS / LEARN_TURN; i++)
		learn_tick(l, NOW + 3 * LEARN_EVERY_US);
	assert_int_equal(learn_get(l, &tail, &s, &lost), 1);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.min, 1);
	assert_int_equal(lost, 0);
	free(l);
}

static void what_is_pushed_out_is_told(void **state)
{
	struct learn *l = table();
	uint64_t tail = 0, lost = 0, shapes = 0, told = 0;
	struct shape s;

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0", NOW);
	for (uint32_t i = 0; i < MANY; i++) {
		s.first = s.last = i;
		s.last_us = NOW + i;
		learn_note(l, &s);
		if (i % 1000 == 999)
			told += drain(l, &tail, &lost, &shapes);
	}
	for (unsigned i = 0; i < LEARN_SETS * LEARN_WAYS / LEARN_TURN; i++)
		learn_tick(l, NOW + MANY);
	told += drain(l, &tail, &lost, &shapes);
	assert_int_equal(told, MANY);
	assert_int_equal(lost, 0);
	/* A reader that sleeps loses, and knows how much. */
	for (uint32_t i = 0; i < MANY; i++) {
		s.first = s.last = MANY + i;
		learn_note(l, &s);
	}
	told = 0;
	shapes = 0;
	uint64_t head = atomic_load(&l->head), from = tail;
	drain(l, &tail, &lost, &shapes);
	assert_int_equal(shapes, LEARN_RING);
	assert_int_equal(lost, head - from - LEARN_RING);
	free(l);
}

/* ---- rules ---- */

struct row {
	const char *name, *client, *server, *op, *rule;
	enum cover_doubt doubt;
};
static const struct row rows[] = {
	{"a read", "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0..3",
	 "{id: x, clients: [hmi], servers: [plc], protocol: modbus, units: [1], functions: [read-holding-registers], "
	 "addresses: {holding: [0..3]}}",
	 COVER_PROPOSED},
	{"a station", "10.1.0.77", "10.2.0.9", "modbus request unit 4 read-coils coil 5",
	 "{id: x, clients: [10.1.0.77], servers: [pump], protocol: modbus, units: [4], functions: [read-coils], "
	 "addresses: {coil: [5]}}",
	 COVER_PROPOSED},
	{"none of the stations", "10.1.0.77", "10.2.0.9", "modbus request unit 5 read-coils coil 5",
	 "*units: [5]*", COVER_BEYOND},
	{"a write", "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 412",
	 "*functions: [write-single-register], addresses: {holding: [7]}, values: [412]}", COVER_WRITES},
	{"a mask", "10.1.0.2", "10.2.0.2", "modbus request unit 1 mask-write-register holding 7 = ?",
	 "*values: any}", COVER_WRITES},
	{"a restart", "10.1.0.2", "10.2.0.2", "modbus request unit 1 restart-communications",
	 "*functions: [restart-communications]}", COVER_WRITES},
	{"not read", "10.1.0.2", "10.2.0.2", "modbus request unit 1 function 90/65 opaque",
	 "*functions: [90/65]}", COVER_OPAQUE},
	{"a name", "10.1.0.2", "10.2.0.2", "enip request write-tag element 0 \"Level.SP\" = 5",
	 "*tags: [\"Level.SP\"]*", COVER_WRITES},
	{"a name with a star", "10.1.0.2", "10.2.0.2", "enip request read-tag element 0 \"a*b\"", NULL,
	 COVER_UNSAYABLE},
};

static struct made made;

static void exact_rule(void **state)
{
	const struct row *r = *state;
	enum cover_doubt why;
	struct shape s;

	shape_text(&s, r->client, r->server, r->op, NOW);
	assert_false(shape_allowed(&made.policy, &s));
	char *rule = cover_rule(&made.policy, &s, "x", NULL, NULL, &why);
	assert_int_equal(why, r->doubt);
	if (r->rule == NULL) {
		assert_null(rule);
		return;
	}
	assert_non_null(rule);
	const char *want = r->rule, *tail = strchr(want + 1, '*');
	if (*want != '*')
		assert_string_equal(rule, want);
	else {
		char middle[200];
		snprintf(middle, sizeof(middle), "%.*s",
			 (int)(tail != NULL ? (size_t)(tail - want - 1) : strlen(want + 1)), want + 1);
		if (strstr(rule, middle) == NULL)
			fail_msg("%s is not in %s", middle, rule);
	}
	if (why != COVER_BEYOND) {
		/* It compiles, allows the operation, and nothing next to it. */
		char text[4000];
		snprintf(text, sizeof(text), "%s    allow:\n      - %s\n", yaml, rule);
		struct made with = {0};
		assert_true(made_try(&with, text, true));
		assert_true(shape_allowed(&with.policy, &s));
		s.function ^= 0x40;
		assert_false(shape_allowed(&with.policy, &s));
		s.function ^= 0x40;
		if (s.has & OP_RANGE) {
			s.last++;
			assert_false(shape_allowed(&with.policy, &s));
			s.last--;
		}
		if (s.values == SHAPE_INTEGERS) {
			s.max++;
			assert_false(shape_allowed(&with.policy, &s));
		}
		made_free(&with);
	}
	free(rule);
}

static void written(struct cover *c, char **rules, char **profiles, struct cover_counts *n)
{
	size_t a, b;
	FILE *f = open_memstream(rules, &a), *g = open_memstream(profiles, &b);

	*n = (struct cover_counts){0};
	cover_write(c, 0, 0, f, g, n);
	fclose(f);
	fclose(g);
}

static void ranges_merge_and_gaps_are_kept(void **state)
{
	static const unsigned gaps[] = {0, 6};
	static const char *const want[] = {"holding: [0..7, 14..15]", "holding: [0..15]"};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct cover_options o = {.gap = gaps[k]};
		struct cover *c = cover_new(&made.policy, &o);
		struct cover_counts n;
		struct shape s;
		char *rules, *profiles;
		shape_text(&s, "10.1.0.2", "10.2.0.2",
			   "modbus request unit 1 read-holding-registers holding 4..7", NOW);
		cover_add(c, &s);
		shape_text(&s, "10.1.0.2", "10.2.0.2",
			   "modbus request unit 1 read-holding-registers holding 0..5", NOW);
		cover_add(c, &s);
		shape_text(&s, "10.1.0.2", "10.2.0.2",
			   "modbus request unit 1 read-holding-registers holding 14..15", NOW);
		cover_add(c, &s);
		written(c, &rules, &profiles, &n);
		assert_int_equal(n.rules, 1);
		if (strstr(rules, want[k]) == NULL)
			fail_msg("%s is not in %s", want[k], rules);
		free(rules);
		free(profiles);
		cover_free(c);
	}
}

/* The law of merging: a client that reads and another that writes stay two. */
static void nothing_is_joined_that_was_not_seen(void **state)
{
	struct cover_options o = {.all = true};
	struct cover *c = cover_new(&made.policy, &o);
	struct cover_counts n;
	struct shape s;
	char *rules, *profiles;

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0..5",
		   NOW);
	cover_add(c, &s);
	shape_text(&s, "10.1.0.3", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0..6",
		   NOW);
	cover_add(c, &s);
	shape_text(&s, "10.1.0.3", "10.2.0.2", "modbus request unit 2 read-holding-registers holding 0..5",
		   NOW);
	cover_add(c, &s);
	written(c, &rules, &profiles, &n);
	assert_int_equal(n.rules, 3);
	char text[8000];
	size_t at = (size_t)snprintf(text, sizeof(text), "%s    allow:\n", yaml);
	for (const char *l = rules; *l; l += strcspn(l, "\n") + 1)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "      %.*s\n", (int)strcspn(l, "\n"),
				       l);
	struct made with = {0};
	assert_true(made_try(&with, text, true));
	assert_true(shape_allowed(&with.policy, &s));
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0..6",
		   NOW);
	assert_false(shape_allowed(&with.policy, &s));
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 2 read-holding-registers holding 0..5",
		   NOW);
	assert_false(shape_allowed(&with.policy, &s));
	made_free(&with);
	free(rules);
	free(profiles);
	cover_free(c);
}

static void clients_of_few_days_wait(void **state)
{
	struct cover_options o = {.days = 3};
	struct cover *c = cover_new(&made.policy, &o);
	struct cover_counts n;
	struct shape s;
	char *rules, *profiles;

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-coils coil 5", NOW);
	s.days = 1;
	s.client_days = 3;
	cover_add(c, &s);
	shape_text(&s, "10.1.0.3", "10.2.0.2", "modbus request unit 1 read-coils coil 5", NOW);
	s.days = s.client_days = 2;
	cover_add(c, &s);
	written(c, &rules, &profiles, &n);
	assert_int_equal(n.rules, 1);
	assert_int_equal(n.doubts, 1);
	assert_non_null(strstr(rules, "# # needs a person: the client was seen on too few days"));
	free(rules);
	free(profiles);
	cover_free(c);
}

/* ---- the database ---- */

static struct learn_db *db;

static int db_setup(void **state)
{
	(void)state;
	if (statedir_open() < 0)
		return -1;
	db = calloc(1, sizeof(*db));
	if (!db)
		return -1;
	learn_open(db);
	return db->db.sql ? 0 : -1;
}

static int db_teardown(void **state)
{
	(void)state;
	learn_close(db);
	free(db);
	return statedir_close("learn.db");
}

static void again(void)
{
	learn_close(db);
	memset(db, 0, sizeof(*db));
	learn_open(db);
}

/* Shapes of the file, at most cap. */
static uint64_t file_read_back(struct shape *out, size_t cap)
{
	struct learn_file head;
	struct stat st;
	uint64_t n = 0;
	int fd = learn_file(db, 0, &n);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(head.shapes, n);
	assert_int_equal((uint64_t)st.st_size,
			 sizeof(head) + head.names * (uint64_t)LEARN_FILE_NAME + n * sizeof(struct shape));
	for (size_t i = 0; i < n && i < cap; i++)
		assert_int_equal(pread(fd, &out[i], sizeof(out[i]),
				       (off_t)(sizeof(head) + head.names * (uint64_t)LEARN_FILE_NAME +
					       i * sizeof(out[i]))),
				 sizeof(out[i]));
	close(fd);
	return n;
}

static void days_and_counts(void **state)
{
	struct shape s, out[4];

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 412",
		   NOW);
	s.generation = 3;
	learn_keep(db, "c", &s);
	s.generation = 4; /* of another policy: the same shape */
	s.conduit = 9;
	s.min = s.max = 655;
	s.last_us = NOW + DAY;
	learn_keep(db, "c", &s);
	learn_keep(db, "c", &s);
	learn_keep(db, "other", &s);
	learn_flush(db);
	again();
	assert_int_equal(db->rows, 2);
	assert_int_equal(file_read_back(out, 4), 2);
	assert_int_equal(out[0].count, 3);
	assert_int_equal(out[0].days, 2);
	assert_int_equal(out[0].client_days, 2);
	assert_int_equal(out[0].min, 412);
	assert_int_equal(out[0].max, 655);
	assert_int_equal(out[0].conduit, 0);
	assert_int_equal(out[1].conduit, 1);
	assert_int_equal(learn_newest_us(db, "c"), NOW);
	assert_int_equal(learn_newest_us(db, "none"), 0);
}

/* What passes only because it learns, and no rule can allow, as events say it. */
static void faults_are_kept(void **state)
{
	static char text[JSONL_MAX];
	struct event e = {.ts_us = NOW,
			  .type = EVENT_LEARN,
			  .reason = REASON_RESERVED,
			  .has = EVENT_HAS_TUPLE | EVENT_HAS_FAULT,
			  .fault_field = "values",
			  .count = 1,
			  .tuple = tuple_of("10.1.0.2", 40000, "10.2.0.2", 502, 6)};
	struct event other = e, back = e;
	struct jsonl j;
	uint64_t lost = 0;

	(void)state;
	learn_fault(db, &e, &made.policy);
	learn_fault(db, &e, &made.policy); /* the ring is read again */
	e.ts_us++;
	e.count = 3;
	e.tuple.sport++; /* another session of the same two */
	learn_fault(db, &e, &made.policy);
	back.from_server = true;
	back.ts_us += 2;
	back.tuple = tuple_of("10.2.0.2", 502, "10.1.0.2", 40000, 6);
	learn_fault(db, &back, &made.policy);
	/* Not of this kind: what a rule could allow, what is denied, what a candidate says, what is of no conduit. */
	other.reason = REASON_ADDRESS;
	learn_fault(db, &other, &made.policy);
	other.reason = REASON_RESERVED;
	other.type = EVENT_DENY;
	learn_fault(db, &other, &made.policy);
	other.type = EVENT_LEARN;
	other.candidate = true;
	learn_fault(db, &other, &made.policy);
	other.candidate = false;
	other.conduit = 9;
	learn_fault(db, &other, &made.policy);
	learn_flush(db);
	again();
	assert_int_equal(db->faults, 1);
	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	learn_faults_print(db, NOW, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_string_equal(
		text,
		"{\"faults\":[{\"conduit\":\"c\",\"proto\":\"modbus\",\"client\":\"10.1.0.2\",\"server\":\"10.2.0.2\",\"reason\":\"reserved\",\"field\":\"values\",\"count\":5}]}\n");
	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	learn_faults_print(db, NOW + DAY, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_string_equal(text, "{\"faults\":[]}\n");
	/* The engine is not believed: no line of its own in a proposal, nothing that steers a terminal. */
	other = e;
	other.ts_us += 2 * DAY;
	snprintf(other.fault_field, sizeof(other.fault_field), "a\n    x: \x1b[2J\xc2\x9b");
	learn_fault(db, &other, &made.policy);
	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	learn_faults_print(db, NOW + DAY, &j);
	jsonl_object_end(&j);
	assert_non_null(strstr(text, "\"field\":\"a?    x: ?[2J??\","));
	/* Of fixed bounds. */
	lost = db->lost;
	for (unsigned i = 0; i < LEARN_FAULTS_KEPT + 10; i++) {
		snprintf(e.fault_field, sizeof(e.fault_field), "field-%u", i);
		learn_fault(db, &e, &made.policy);
	}
	assert_int_equal(db->faults, LEARN_FAULTS_KEPT);
	assert_int_equal(db->lost - lost, 12);
}

static const struct policy *policy_of(void *ctx, uint32_t generation)
{
	(void)ctx;
	return generation == 0 ? &made.policy : NULL;
}

/* 100,000 different shapes from a generator, all the way: memory of the engine fixed, database bounded, a proposal in time. */
static void many(void **state)
{
	struct learn *l = table();
	struct learn_reader in;
	struct timespec a, b;
	struct shape s, *out = calloc(MANY, sizeof(*out));
	struct cover_options o = {.days = 1};
	struct cover_counts n;
	char *rules, *profiles;

	(void)state;
	assert_non_null(out);
	learn_begin(db, &in, l, 77);
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 read-holding-registers holding 0", NOW);
	for (uint32_t i = 0; i < MANY; i++) {
		/* Clients, stations, functions and addresses, so that much of it merges and much does not. */
		s.client[15] = (uint8_t)(i % 50 + 2);
		s.unit = i / 50 % 20 + 1;
		s.function = i / 1000 % 2 ? 3 : 4;
		s.space = i / 1000 % 2 ? 3 : 2;
		s.first = s.last = i / 2000 * 3;
		s.last_us = NOW + i;
		learn_note(l, &s);
		if (i % 1000 == 999)
			learn_drain(db, &in, policy_of, NULL);
	}
	for (unsigned i = 0; i < LEARN_SETS * LEARN_WAYS / LEARN_TURN; i++)
		learn_tick(l, NOW + MANY);
	for (unsigned i = 0; i < 8; i++)
		learn_drain(db, &in, policy_of, NULL);
	learn_flush(db);
	assert_int_equal(in.lost, 0);
	assert_int_equal(db->lost, 0);
	assert_int_equal(db->unknown, 0);
	assert_int_equal(db->rows, MANY + 2);
	/* Read on where it was left, also by another life of the recorder. */
	again();
	struct learn_reader next;
	learn_begin(db, &next, l, 77);
	assert_int_equal(next.tail, in.tail);
	assert_int_equal(db->rows, MANY + 2);

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &a), 0);
	uint64_t kept = file_read_back(out, MANY);
	assert_int_equal(kept, MANY + 2);
	struct cover *c = cover_new(&made.policy, &o);
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(cover_add(c, &out[i]));
	written(c, &rules, &profiles, &n);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &b), 0);
	double seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	printf("%u shapes: %llu rules, %llu need a person, %.2f s\n", MANY, (unsigned long long)n.rules,
	       (unsigned long long)n.doubts, seconds);
	assert_true(seconds < SECONDS);
	assert_in_range(n.rules, 1, 200);
	free(rules);
	free(profiles);
	cover_free(c);
	free(out);
	free(l);
}

static void full(void **state)
{
	struct shape s;

	(void)state;
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 9 read-holding-registers holding 0", NOW);
	db->rows = LEARN_ROWS; /* as if */
	learn_keep(db, "c", &s);
	assert_int_equal(db->lost, 1);
	assert_int_equal(db->rows, LEARN_ROWS);
	learn_flush(db);
	/* What is known goes on being counted. */
	shape_text(&s, "10.1.0.2", "10.2.0.2", "modbus request unit 1 write-single-register holding 7 = 412",
		   NOW);
	learn_keep(db, "c", &s);
	assert_int_equal(db->lost, 1);
}

int main(void)
{
	struct CMUnitTest tests[40];
	size_t n = 0;

	made = made_from(yaml);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(equal_ones_are_added_up);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(what_is_pushed_out_is_told);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, exact_rule, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(ranges_merge_and_gaps_are_kept);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_joined_that_was_not_seen);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(clients_of_few_days_wait);
	int bad = _cmocka_run_group_tests("learn: table and rules", tests, n, NULL, NULL);
	const struct CMUnitTest kept[] = {cmocka_unit_test(days_and_counts), cmocka_unit_test(many),
					  cmocka_unit_test(full), cmocka_unit_test(faults_are_kept)};
	bad += cmocka_run_group_tests_name("learn: database", kept, db_setup, db_teardown);
	made_free(&made);
	return bad;
}
