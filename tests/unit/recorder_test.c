/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

static char complaint[1024];

void complain(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, args);
	va_end(args);
}

int64_t clock_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static struct recorder *r;
static struct control control;
static struct shm *shm;
static int shm_fd, guardian; /* the guardian's end of the channel */
static char dir[64], log_path[96], socket_path[96];

static int setup(void **state)
{
	int pair[2];

	(void)state;
	complaint[0] = 0;
	strcpy(dir, "/tmp/otfw-recorder-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/events", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/control", dir);
	r = calloc(1, sizeof(*r));
	shm_fd = memfd_create("shm", MFD_CLOEXEC);
	if (!r || shm_fd < 0 || ftruncate(shm_fd, (off_t)shm_size()) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	shm = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd, 0);
	if (shm == MAP_FAILED)
		return -1;
	shm_init(shm, 7, 0, FAILURE_CLOSED);
	guardian = pair[0];
	return control_open(&control, socket_path, pair[1]);
}

static int teardown(void **state)
{
	(void)state;
	control_close(&control, socket_path);
	for (unsigned i = 0; i < r->nqueues; i++)
		munmap(r->queues[i].shm, shm_size());
	munmap(shm, shm_size());
	close(shm_fd);
	close(guardian);
	close(control.channel);
	free(r);
	unlink(log_path);
	return rmdir(dir);
}

static struct ring *engine_ring(void)
{
	return shm_at(shm, shm->ring_at);
}

static void put(unsigned n)
{
	struct event e = {.type = EVENT_STATE,
			  .ts_us = 1700000000000000 + n,
			  .proto = -1,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE};
	snprintf(e.text, sizeof(e.text), "event %u", n);
	ring_put(engine_ring(), &e);
}

static void add_queue(void)
{
	int fd = dup(shm_fd);
	assert_true(fd >= 0);
	queue_add(r, 7, fd);
	assert_string_equal(complaint, "");
	assert_int_equal(r->nqueues, 1);
}

/* Every line of the file must be JSON; returns how many there are, and the sum of their "lost". */
static unsigned lines(const char *path, uint64_t *lost)
{
	static char text[JSONL_MAX];
	FILE *f = fopen(path, "r");
	unsigned n = 0;

	assert_non_null(f);
	*lost = 0;
	while (fgets(text, sizeof(text), f)) {
		json_error_t err;
		json_t *o = json_loads(text, 0, &err);
		if (!o)
			fail_msg("line %u: %s: %s", n + 1, err.text, text);
		*lost += (uint64_t)json_integer_value(json_object_get(o, "lost"));
		json_decref(o);
		n++;
	}
	fclose(f);
	return n;
}

static void open_log(void)
{
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	assert_true(fd >= 0);
	log_open(&r->log, fd);
}

static void events_become_lines(void **state)
{
	(void)state;
	uint64_t lost;
	add_queue();
	open_log();
	for (unsigned i = 0; i < 100; i++)
		put(i);
	assert_true(rings_drain(r));
	assert_false(rings_drain(r));
	log_flush(&r->log);
	close(r->log.fd);
	assert_int_equal(lines(log_path, &lost), 100);
	assert_int_equal(lost, 0);
}

static void overwritten_events_are_counted(void **state)
{
	(void)state;
	uint64_t lost;
	add_queue();
	open_log();
	for (unsigned i = 0; i < RING_EVENTS + 10; i++)
		put(i);
	while (rings_drain(r))
		log_flush(&r->log);
	log_flush(&r->log);
	close(r->log.fd);
	/* One line more than events are left: it says how many are not. */
	assert_int_equal(lines(log_path, &lost), RING_EVENTS + 1);
	assert_int_equal(lost, 10);
}

static void the_same_memory_twice_is_read_once(void **state)
{
	(void)state;
	uint64_t lost;
	add_queue();
	open_log();
	put(1);
	assert_true(rings_drain(r));
	add_queue();
	assert_false(rings_drain(r));
	log_flush(&r->log);
	close(r->log.fd);
	assert_int_equal(lines(log_path, &lost), 1);
}

static void memory_that_is_not_ours(void **state)
{
	(void)state;
	int fd = memfd_create("junk", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), 0);
	queue_add(r, 3, fd);
	assert_int_equal(r->nqueues, 0);
	assert_non_null(strstr(complaint, "queue 3"));
	fd = memfd_create("junk", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), 0);
	image_add(r, 9, fd);
	assert_int_equal(r->nimages, 0);
	assert_non_null(strstr(complaint, "generation 9"));
}

/* A full disk: nothing waits, what there is no room for is counted, and the log says so when it is written again. */
static void full_disk(void **state)
{
	(void)state;
	uint64_t lost;
	add_queue();
	log_open(&r->log, open("/dev/full", O_WRONLY));
	r->log.regular = true;
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 1000; i++)
			put(i);
		assert_true(rings_drain(r));
		log_flush(&r->log);
	}
	assert_int_equal(r->events, 10000);
	assert_true(r->log.errors > 0);
	assert_true(r->log.lost > 0);
	assert_string_equal(complaint, "the event log: No space left on device");
	uint64_t dropped = r->log.lost, kept = r->log.lines;
	close(r->log.fd);
	r->log.fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	put(0);
	assert_true(rings_drain(r));
	log_flush(&r->log);
	close(r->log.fd);
	assert_int_equal(r->log.len, 0);
	assert_int_equal(lines(log_path, &lost), kept + 2);
	assert_int_equal(lost, dropped);
	assert_string_equal(complaint, "the event log is written again");
}

/* A reader of a pipe that stops reading must not stop the recorder. */
static void pipe_that_nobody_reads(void **state)
{
	(void)state;
	int p[2];
	assert_int_equal(pipe(p), 0);
	add_queue();
	log_open(&r->log, p[1]);
	for (unsigned i = 0; i < 4000; i++) {
		put(i);
		rings_drain(r);
		log_flush(&r->log);
	}
	assert_int_equal(r->events, 4000);
	assert_true(r->log.len > 0);
	/* Now it reads again: whole lines, in order. */
	static char all[4u << 20];
	size_t got = 0;
	while (r->log.len > 0) {
		ssize_t n = read(p[0], all + got, sizeof(all) - got);
		assert_true(n > 0);
		got += (size_t)n;
		log_flush(&r->log);
	}
	close(p[1]);
	for (ssize_t n; (n = read(p[0], all + got, sizeof(all) - got)) > 0;)
		got += (size_t)n;
	close(p[0]);
	unsigned count = 0;
	char *save = NULL;
	for (char *text = strtok_r(all, "\n", &save); text; text = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(text, 0, NULL);
		assert_non_null(o);
		json_decref(o);
		count++;
	}
	assert_int_equal(count, r->log.lines);
}

/* ---- the control socket ---- */

static int ask(const char *request)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(addr.sun_path, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return fd;
}

static json_t *answer_of(int fd)
{
	static char text[JSONL_MAX];
	size_t len = 0;
	for (int turn = 0; turn < 100; turn++) {
		control_work(&control, r);
		ssize_t n = recv(fd, text + len, sizeof(text) - len - 1, MSG_DONTWAIT);
		if (n > 0)
			len += (size_t)n;
		if (n == 0)
			break;
	}
	close(fd);
	text[len] = 0;
	json_t *o = json_loads(text, 0, NULL);
	if (!o)
		fail_msg("no answer: %s", text);
	return o;
}

static void socket_is_not_for_everyone(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void status_answers(void **state)
{
	(void)state;
	add_queue();
	shm_add(shm, SHM_PDUS, 42);
	atomic_store(&shm->reasons[REASON_ADDRESS], 3);
	json_t *o = answer_of(ask("{\"cmd\":\"status\"}\n"));
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_t *q = json_array_get(json_object_get(o, "queues"), 0);
	assert_int_equal(json_integer_value(json_object_get(q, "queue")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(q, "counters"), "pdus")), 42);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(q, "reasons"), "address")), 3);
	json_decref(o);
}

struct bad_request {
	const char *name, *request, *error;
};
static struct bad_request bad_requests[] = {
	{"not JSON", "status\n", "the request is not JSON"},
	{"no command", "{\"a\":1}\n", "the request has no \"cmd\""},
	{"command is no string", "{\"cmd\":1}\n", "the request has no \"cmd\""},
	{"unknown command", "{\"cmd\":\"format\"}\n", "unknown command; known are: status reload "},
	{"isolate what", "{\"cmd\":\"isolate\",\"reason\":\"r\"}\n", "\"zone\" is not the name of a zone"},
	{"release why", "{\"cmd\":\"release\",\"zone\":\"cell\"}\n",
	 "\"reason\" must be 1 to 95 octets, without control characters and blanks around it"},
	{"a reason of two lines", "{\"cmd\":\"release\",\"zone\":\"cell\",\"reason\":\"a\\nb\"}\n",
	 "\"reason\" must be 1 to 95 octets, without control characters and blanks around it"},
	{"override for how long", "{\"cmd\":\"override\",\"zone\":\"cell\",\"reason\":\"r\"}\n",
	 "\"for-us\" is not a number of microseconds"},
	{"an array", "[]\n", "the request has no \"cmd\""},
	{"empty line", "\n", "the request is not JSON"},
};

static void bad_request(void **state)
{
	const struct bad_request *row = *state;
	assert_int_equal(setup(NULL), 0);
	json_t *o = answer_of(ask(row->request));
	assert_true(json_is_false(json_object_get(o, "ok")));
	const char *error = json_string_value(json_object_get(o, "error"));
	size_t n = strlen(row->error);
	/* A list is told by its beginning: it grows. */
	assert_non_null(error);
	assert_memory_equal(error, row->error, n && row->error[n - 1] == ' ' ? n : n + 1);
	json_decref(o);
	assert_int_equal(teardown(NULL), 0);
}

static void request_too_long(void **state)
{
	(void)state;
	static char longer[2 * REQUEST_MAX];
	memset(longer, 'x', sizeof(longer) - 1);
	json_t *o = answer_of(ask(longer));
	assert_string_equal(json_string_value(json_object_get(o, "error")), "the request is too long");
	json_decref(o);
}

static void more_clients_than_places(void **state)
{
	(void)state;
	int silent[CLIENTS_MAX];
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		silent[i] = ask("");
	control_work(&control, r);
	int waiting = ask("{\"cmd\":\"status\"}\n");
	control_work(&control, r);
	close(silent[3]); /* one place becomes free */
	json_t *o = answer_of(waiting);
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_decref(o);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (i != 3)
			close(silent[i]);
}

static void reload_goes_to_the_guardian_and_back(void **state)
{
	(void)state;
	struct msg m;
	int fd, words = memfd_create("words", MFD_CLOEXEC);
	const char text[] = "tank.yaml:3:1: error: unknown key \"zonse\"\n";
	assert_int_equal(write(words, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	int client = ask("{\"cmd\":\"reload\"}\n");
	control_work(&control, r);
	assert_int_equal(msg_recv(guardian, &m, &fd), 1);
	assert_int_equal(m.type, MSG_RELOAD);
	/* An answer to another request is not this client's. */
	control_reloaded(&control, &(struct msg){.type = MSG_RELOADED, .arg = m.arg + 1}, -1);
	control_reloaded(&control,
			 &(struct msg){.type = MSG_RELOADED, .arg = m.arg, .status = 1, .generation = 5},
			 words);
	json_t *o = answer_of(client);
	assert_true(json_is_false(json_object_get(o, "ok")));
	assert_int_equal(json_integer_value(json_object_get(o, "generation")), 5);
	assert_string_equal(json_string_value(json_object_get(o, "text")), text);
	json_decref(o);
}

static void socket_replaces_a_stale_one(void **state)
{
	(void)state;
	struct control second;
	assert_int_equal(control_open(&second, socket_path, -1), 0);
	control_close(&second, socket_path);
	FILE *f = fopen(socket_path, "w");
	assert_non_null(f);
	fclose(f);
	/* A file is nobody's socket. */
	assert_int_equal(control_open(&second, socket_path, -1), -1);
	assert_non_null(strstr(complaint, "Address already in use"));
}

/* ---- connection tracking ---- */

#define HEADER                                                                                                            \
	"entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  " \
	"expect_new expect_create expect_delete search_restart\n"

static void tracking_text(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t dropped;
	} rows[] = {
		{HEADER
		 "00000001  00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a "
		 "00000010 0000000c 00000000  00000000 00000000 00000000 00000000\n"
		 "00000001  00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a "
		 "000000ff 0000000c 00000000  00000000 00000000 00000000 00000000\n",
		 true, 0x10f},
		{HEADER, true, 0},
		{"found drop\n1 2\n3 4\n", true, 6},
		{"found lost\n1 2\n", false, 0},
		{"found drop", false, 0},
		{"found drop\n1 x\n", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t dropped;

		assert_int_equal(tracking_parse(rows[i].text, &dropped), rows[i].good);
		assert_int_equal(dropped, rows[i].dropped);
	}
}

/* Fuller and emptier, and drops: how many lines each makes. */
static void tracking_alarms(void **state)
{
	static const struct {
		uint64_t entries, dropped;
		int64_t s;
		unsigned lines;
	} rows[] = {{0, 0, 100, 0},   {79, 0, 101, 0},  {80, 0, 102, 1},  {100, 0, 103, 1},
		    {75, 0, 104, 1},  {69, 0, 105, 2},  {90, 0, 106, 3},  {100, 7, 107, 4},
		    {100, 9, 108, 4}, {100, 9, 118, 5}, {100, 9, 200, 5}, {10, 9, 201, 6}};
	uint64_t lost;

	(void)state;
	open_log();
	r->tracking = (struct tracking){.known = true, .begun = true, .limit = 100};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r->tracking.entries = rows[i].entries;
		r->tracking.dropped = rows[i].dropped;
		tracking_weigh(r, rows[i].s * 1000000);
		log_flush(&r->log);
		assert_int_equal(lines(log_path, &lost), rows[i].lines);
	}
	close(r->log.fd);
}

int main(void)
{
	struct CMUnitTest tests[32];
	size_t n = 0;
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test_setup_teardown(events_become_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(overwritten_events_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_memory_twice_is_read_once, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_that_is_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(pipe_that_nobody_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(socket_is_not_for_everyone, setup, teardown),
		cmocka_unit_test_setup_teardown(status_answers, setup, teardown),
		cmocka_unit_test(tracking_text),
		cmocka_unit_test_setup_teardown(tracking_alarms, setup, teardown),
		cmocka_unit_test_setup_teardown(request_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(more_clients_than_places, setup, teardown),
		cmocka_unit_test_setup_teardown(reload_goes_to_the_guardian_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(socket_replaces_a_stale_one, setup, teardown),
	};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		tests[n++] = fixed[i];
	for (size_t i = 0; i < sizeof(bad_requests) / sizeof(bad_requests[0]); i++)
		tests[n++] =
			(struct CMUnitTest){bad_requests[i].name, bad_request, NULL, NULL, &bad_requests[i]};
	return _cmocka_run_group_tests("recorder", tests, n, NULL, NULL);
}
