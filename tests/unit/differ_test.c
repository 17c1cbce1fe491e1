/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a candidate would change: what is kept across the recorder's end, for whom, how much of it; and sessions of the kernel's lane held against it. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/recorder/unseen.h"
#include "tests/policy_make.h"
#include "tests/unit/statedir.h"

#define NOW INT64_C(1800000000000000)
#define FILE_MAX                                                                                             \
	(48L                                                                                                 \
	 << 20) /* what DIFFER_KEPT rows of DIFFER_LINE octets come to, written twice over, and their log */

static int64_t clock_now = NOW;

void complain(const char *fmt, ...)
{
	(void)fmt;
}

int64_t clock_us(void)
{
	return clock_now;
}

static struct recorder *r;
static const uint8_t one[POLICY_DIGEST] = {1}, two[POLICY_DIGEST] = {2};

static int setup(void **state)
{
	(void)state;
	if (statedir_open() < 0)
		return -1;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	r->track_fd = -1;
	clock_now = NOW;
	differ_open(&r->differ);
	return r->differ.put ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	differ_close(&r->differ);
	free(r);
	return statedir_close("differences.db");
}

static struct event event_to(uint16_t port, int64_t ts_us)
{
	struct event e = {.ts_us = ts_us,
			  .type = EVENT_SHADOW_DENY,
			  .reason = REASON_NO_RULE,
			  .has = EVENT_HAS_TUPLE,
			  .proto = -1,
			  .transport = TRANSPORT_TCP,
			  .candidate = true,
			  .count = 1,
			  .tuple = tuple_of("10.1.0.2", 40000, "10.2.0.2", port, 6)};

	return e;
}

static void note(uint16_t port, int64_t ts_us)
{
	struct event e = event_to(port, ts_us);

	differ_note(&r->differ, &e, "{}", 2);
}

static void flush(uint64_t tail)
{
	struct differ_place place = {.epoch = 77, .tail = tail};

	r->differ.written_us = 0; /* it is time */
	differ_flush(&r->differ, &place, 1, NOW);
}

/* What it says of itself, parsed. */
static json_t *said(void)
{
	static char text[JSONL_MAX];
	struct jsonl j;

	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	unseen_print(r, &j);
	differ_print(&r->differ, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	assert_false(j.cut);
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

/* Writes in a process that is killed, without any chance to close. */
static void killed(void (*write)(void))
{
	differ_close(&r->differ);
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		differ_open(&r->differ);
		write();
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	differ_open(&r->differ);
}

static void write_three(void)
{
	differ_begin(&r->differ, one, NOW);
	note(502, NOW + 1);
	note(502, NOW + 5);
	note(503, NOW + 3);
	flush(3);
	note(504, NOW + 9); /* not written any more: it stands in the ring, behind what was read */
}

static void outlives_a_kill(void **state)
{
	(void)state;
	killed(write_three);
	assert_true(differ_begin(&r->differ, one, NOW + 100));
	assert_int_equal(differ_read_to(&r->differ, 77), 3);
	assert_int_equal(differ_read_to(&r->differ, 78), 0);
	json_t *o = said(), *list = json_object_get(o, "differences"), *d = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_object_get(d, "count")), 2);
	assert_true(json_number_value(json_object_get(d, "last")) * 1e6 > (double)NOW + 4);
	assert_true(json_number_value(json_object_get(o, "since")) * 1e6 < (double)NOW + 1);
	assert_true(json_is_true(json_object_get(o, "kept")));
	assert_int_equal(json_integer_value(json_object_get(o, "events")), 3);
	json_decref(o);
	/* It goes on with the same rows. */
	note(503, NOW + 200);
	assert_int_equal(r->differ.used, 2);
}

static void another_candidate_begins_anew(void **state)
{
	(void)state;
	killed(write_three);
	assert_false(differ_begin(&r->differ, two, NOW + 100));
	assert_int_equal(r->differ.used, 0);
	differ_close(&r->differ);
	differ_open(&r->differ);
	assert_true(differ_begin(&r->differ, two, NOW + 200));
	assert_int_equal(r->differ.used, 0);
	assert_true(r->differ.since_us == NOW + 100);
}

static void without_a_candidate_nothing_is_kept(void **state)
{
	(void)state;
	killed(write_three);
	assert_false(differ_begin(&r->differ, NULL, NOW + 100));
	differ_close(&r->differ);
	differ_open(&r->differ);
	assert_false(differ_begin(&r->differ, one, NOW + 200));
	assert_int_equal(r->differ.used, 0);
}

static void written_from_time_to_time(void **state)
{
	struct differ_place place = {.epoch = 77, .tail = 9};

	(void)state;
	differ_begin(&r->differ, one, NOW);
	note(502, NOW);
	differ_flush(&r->differ, &place, 1, NOW);
	note(502, NOW);
	differ_flush(&r->differ, &place, 1, NOW + DIFFER_WRITE_US - 1);
	assert_true(r->differ.dirty);
	differ_flush(&r->differ, &place, 1, NOW + DIFFER_WRITE_US);
	assert_false(r->differ.dirty);
	/* A clock that is set back does not stop it. */
	note(502, NOW);
	differ_flush(&r->differ, &place, 1, NOW - 1000000000);
	assert_false(r->differ.dirty);
}

/* The oldest gives way, in the file as well: it ends at a size. */
static void is_bounded(void **state)
{
	static char line[DIFFER_LINE];
	static const char *const files[] = {"differences.db", "differences.db-wal"};
	char path[96];
	struct stat st;
	long size = 0;

	(void)state;
	memset(line, ' ', sizeof(line));
	differ_begin(&r->differ, one, NOW);
	for (unsigned i = 0; i < 3 * DIFFER_KEPT; i++) {
		struct event e = event_to((uint16_t)(1 + i), NOW + i);
		differ_note(&r->differ, &e, line, sizeof(line));
		if (i % DIFFER_KEPT == DIFFER_KEPT - 1)
			flush(i);
	}
	assert_int_equal(r->differ.used, DIFFER_KEPT);
	assert_int_equal(r->differ.given_up, 2 * DIFFER_KEPT);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", statedir, files[i]);
		assert_int_equal(stat(path, &st), 0);
		size += st.st_size;
	}
	assert_true(size < FILE_MAX);
	differ_close(&r->differ);
	differ_open(&r->differ);
	assert_int_equal(r->differ.used, DIFFER_KEPT);
	struct event oldest = event_to(1, NOW), newest = event_to((uint16_t)(3 * DIFFER_KEPT), NOW);
	assert_false(differ_again(&r->differ, &oldest));
	assert_true(differ_again(&r->differ, &newest));
}

/* ---- sessions of the kernel's lane ---- */

#define POLICY(mode, at_most, rules)                                                                         \
	"version: 1\n"                                                                                       \
	"zones:\n"                                                                                           \
	"  a: {level: 3, networks: [10.1.0.0/16], failure: closed}\n"                                        \
	"  b: {level: 2, networks: [10.2.0.0/24], failure: closed}\n"                                        \
	"hosts:\n"                                                                                           \
	"  plc: 10.2.0.2\n"                                                                                  \
	"conduits:\n"                                                                                        \
	"  - name: c\n"                                                                                      \
	"    from: [a]\n"                                                                                    \
	"    to: b\n"                                                                                        \
	"    servers: [plc]\n"                                                                               \
	"    protocols: [modbus]\n"                                                                          \
	"    mode: " mode "\n"                                                                               \
	"    at-most: [" at_most "]\n"                                                                       \
	"    allow:\n" rules
#define VIEW                                                                                                 \
	"      - {id: view, clients: any, protocol: modbus, units: [1], functions: [read-coils], addresses: {coil: any}}\n"
#define SERVICE VIEW "      - {id: service, clients: any, tcp: [22, 8080], udp: [123]}\n"
#define PING    SERVICE "      - {id: ping, clients: any, icmp: [8]}\n"
#define ODD                                                                                                  \
	VIEW "      - {id: odd, clients: any, protocol: modbus, ports: [8080], units: [1], functions: [read-coils], addresses: {coil: any}}\n"

#define TCP(state, port)                                                                                     \
	"ipv4     2 tcp      6 431999 " state " src=10.1.0.2 dst=10.2.0.2 sport=40112 dport=" port           \
	" src=10.2.0.2 dst=10.1.0.2 sport=" port " dport=40112 [ASSURED] mark=0 zone=0 use=2"

static const struct judged {
	const char *name, *active, *candidate, *line;
	const char *event; /* NULL: no difference */
	enum reason reason;
	enum policy_mode mode;
} judged[] = {
	{"kept", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", SERVICE),
	 TCP("ESTABLISHED", "22"), NULL, REASON_NONE, MODE_ENFORCE},
	{"its rule is gone", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 TCP("ESTABLISHED", "22"), "shadow-deny", REASON_NO_RULE, MODE_ENFORCE},
	{"a session that is opening", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 TCP("SYN_SENT", "22"), "shadow-deny", REASON_NO_RULE, MODE_ENFORCE},
	{"a session that has ended", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 TCP("TIME_WAIT", "22"), "shadow-deny", REASON_NO_RULE, MODE_ENFORCE},
	{"watched", POLICY("enforce", "read", SERVICE), POLICY("shadow", "read", VIEW),
	 TCP("ESTABLISHED", "22"), "shadow-deny", REASON_NO_RULE, MODE_SHADOW},
	{"to be inspected", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", ODD),
	 TCP("ESTABLISHED", "8080"), "uninspected", REASON_NONE, MODE_ENFORCE},
	{"datagrams without an answer", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 "ipv4     2 udp      17 29 src=10.1.0.2 dst=10.2.0.2 sport=4 dport=123 [UNREPLIED] src=10.2.0.2 dst=10.1.0.2 sport=123 dport=4",
	 "shadow-deny", REASON_NO_RULE, MODE_ENFORCE},
	{"echoes", POLICY("enforce", "read", PING), POLICY("enforce", "read", SERVICE),
	 "ipv4     2 icmp     1 29 src=10.1.0.2 dst=10.2.0.2 type=8 code=0 id=1 src=10.2.0.2 dst=10.1.0.2 type=0 code=0 id=1",
	 "shadow-deny", REASON_NO_RULE, MODE_ENFORCE},
	{"an engine's", POLICY("enforce", "read", VIEW), POLICY("enforce", "read", "      []\n"),
	 TCP("ESTABLISHED", "502"), NULL, REASON_NONE, MODE_ENFORCE},
	{"an engine's, because it learns", POLICY("learn", "read", VIEW), POLICY("enforce", "read", VIEW),
	 TCP("ESTABLISHED", "22"), NULL, REASON_NONE, MODE_ENFORCE},
	{"denied now", POLICY("enforce", "read", VIEW), POLICY("enforce", "read", SERVICE),
	 TCP("ESTABLISHED", "22"), NULL, REASON_NONE, MODE_ENFORCE},
	{"nobody's", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 "ipv4     2 tcp      6 9 ESTABLISHED src=10.9.0.2 dst=10.2.0.2 sport=4 dport=22 src=10.2.0.2 dst=10.9.0.2 sport=22 dport=4",
	 NULL, REASON_NONE, MODE_ENFORCE},
	{"no line", POLICY("enforce", "read", SERVICE), POLICY("enforce", "read", VIEW),
	 "c=10.1.0.2 dst=10.2", NULL, REASON_NONE, MODE_ENFORCE},
};
#define JUDGED (sizeof(judged) / sizeof(judged[0]))

static void look(const char *text)
{
	char line[512];

	snprintf(line, sizeof(line), "%s", text);
	unseen_line(r, line, clock_now);
}

static void with(struct made *active, struct made *candidate)
{
	r->images[0].policy = active->policy;
	r->nimages = 1;
	r->candidate.policy = candidate->policy;
	r->candidate.mem = candidate->image;
	r->candidate.generation = 3;
	unseen_begin(r, differ_begin(&r->differ, policy_digest(&candidate->policy), NOW));
}

static void judged_against_the_candidate(void **state)
{
	const struct judged *row = *state;
	struct made active = made_from(row->active), candidate = made_from(row->candidate);

	with(&active, &candidate);
	look(row->line);
	json_t *o = said(), *list = json_object_get(o, "differences"), *d = json_array_get(list, 0);
	json_t *e = json_object_get(d, "event");
	assert_int_equal(json_array_size(list), row->event != NULL);
	if (row->event) {
		assert_true(json_is_true(json_object_get(d, "kernel")));
		assert_string_equal(json_string_value(json_object_get(e, "event")), row->event);
		assert_string_equal(json_string_value(json_object_get(e, "reason")),
				    reason_name(row->reason));
		assert_string_equal(json_string_value(json_object_get(e, "mode")), mode_name(row->mode));
		assert_string_equal(json_string_value(json_object_get(e, "conduit")), "c");
		assert_true(json_is_true(json_object_get(e, "candidate")));
	}
	json_decref(o);
	made_free(&active);
	made_free(&candidate);
}

/* Passes over a file of tracked sessions: each counts once, however often it is seen. */
static void sessions_are_counted_once(void **state)
{
	struct made active = made_from(judged[1].active), candidate = made_from(judged[1].candidate);
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	with(&active, &candidate);
	r->track_fd = fileno(f);
	for (unsigned i = 0; i < 500; i++)
		fprintf(f,
			"ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=10.2.0.2 sport=%u dport=22 src=10.2.0.2 dst=10.1.0.2 sport=22 dport=%u [ASSURED]\n",
			i + 1, i + 1);
	fflush(f);
	while (r->unseen.passes < 3) {
		unseen_look(r);
		clock_now += 1000000;
	}
	json_t *o = said(), *list = json_object_get(o, "differences");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "count")), 500);
	json_decref(o);
	/* One ends, and comes back later: that is another session. */
	assert_int_equal(ftruncate(r->track_fd, 0), 0);
	for (uint64_t passes = r->unseen.passes; r->unseen.passes < passes + 3; clock_now += 1000000)
		unseen_look(r);
	look(TCP("ESTABLISHED", "22"));
	o = said();
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(o, "differences"), 0), "count")),
			 501);
	json_decref(o);
	/* A restart of the recorder: what is there still has been counted. */
	flush(0);
	differ_close(&r->differ);
	differ_open(&r->differ);
	with(&active, &candidate);
	assert_true(r->unseen.resumed);
	look(TCP("ESTABLISHED", "22"));
	look(TCP("ESTABLISHED", "22"));
	assert_int_equal(r->differ.list[0].count, 501);
	r->track_fd = -1;
	fclose(f);
	made_free(&active);
	made_free(&candidate);
}

/* The kernel's counters, from the candidate on. */
static void counters_begin_with_the_candidate(void **state)
{
	static const char before[] = "\"name\":\"cell\",\"packets\":0",
			  after[] = "\"name\":\"cell\",\"packets\":7",
			  flow[] = "\"name\":\"sis\",\"packets\":25";
	struct made active = made_from(judged[1].active), candidate = made_from(judged[1].candidate);

	(void)state;
	with(&active, &candidate);
	assert_true(unseen_due(r));
	assert_false(unseen_due(r));
	r->ledger.good = true;
	r->ledger.nzones = 1;
	strcpy(r->ledger.zones[0].name, "cell");
	r->ledger.zones[0].drop[1][DROP_UNLISTED] = 1000;
	r->ledger.nflows = 2;
	strcpy(r->ledger.flows[0].name, "sis/0");
	strcpy(r->ledger.flows[1].name, "sis/1");
	r->ledger.flows[0].in[1] = 100;
	unseen_ledger(r);
	for (unsigned life = 0; life < 2; life++) {
		char *text;
		json_t *o = said();
		text = json_dumps(o, JSON_COMPACT);
		assert_non_null(text);
		assert_non_null(strstr(text, life ? after : before));
		assert_int_equal(strstr(text, flow) != NULL, life);
		free(text);
		json_decref(o);
		/* In the next life of the recorder, the numbers are of the same beginning. */
		flush(0);
		differ_close(&r->differ);
		differ_open(&r->differ);
		with(&active, &candidate);
		assert_false(unseen_due(r));
		r->ledger.zones[0].drop[1][DROP_UNLISTED] = 1007;
		r->ledger.flows[0].in[1] = 120;
		r->ledger.flows[1].in[1] = 5;
		unseen_ledger(r);
	}
	made_free(&active);
	made_free(&candidate);
}

static void each_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < JUDGED; i++) {
		void *row = (void *)(uintptr_t)&judged[i];
		print_message("           %s\n", judged[i].name);
		judged_against_the_candidate(&row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(outlives_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(another_candidate_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_candidate_nothing_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(written_from_time_to_time, setup, teardown),
		cmocka_unit_test_setup_teardown(is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(each_is_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_are_counted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_begin_with_the_candidate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
