/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the audit chain as the recorder writes them: once each, in a chain, and none lost without a word. */
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
#include <sys/resource.h>
#include <unistd.h>

#include "fwd/common/chain.h"
#include "fwd/recorder/audit.h"
#include "fwd/recorder/db.h"

static char complaints[4096];
static int64_t now = INT64_C(1800000000000000);

void complain(const char *fmt, ...)
{
	size_t at = strlen(complaints);
	va_list args;

	va_start(args, fmt);
	vsnprintf(complaints + at, sizeof(complaints) - at, fmt, args);
	va_end(args);
}
int64_t clock_us(void)
{
	return now++;
}

static char dir[] = "/tmp/otfw-audit-XXXXXX";
static struct recorder *r;
static struct shm *shm;
static int shm_fd, log_fd;

static void up(void)
{
	r = calloc(1, sizeof(*r));
	assert_non_null(r);
	log_open(&r->log, log_fd);
	audit_open(r);
	assert_non_null(r->audit);
	queue_add(r, 7, dup(shm_fd));
}
/* kill -9: nothing is written at the end. Closing the file does not write. */
static void killed(void)
{
	log_flush(&r->log);
	munmap(r->queues[0].shm, shm_size());
	audit_close(r);
	free(r);
	r = NULL;
}

static int setup(void **state)
{
	(void)state;
	complaints[0] = 0;
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (dup2(fd, FD_STATE) != FD_STATE)
		return -1;
	close(fd);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	shm_fd = memfd_create("shm", MFD_CLOEXEC);
	if (ftruncate(shm_fd, (off_t)shm_size()) != 0)
		return -1;
	shm = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd, 0);
	shm_init(shm, 7, 0, FAILURE_CLOSED);
	return 0;
}
static int teardown(void **state)
{
	static const char *const names[] = {"audit.db", "audit.db-wal", "audit.db-shm"};
	char path[64];

	(void)state;
	if (r)
		killed();
	close(FD_STATE);
	close(log_fd);
	close(shm_fd);
	munmap(shm, shm_size());
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void guardian_says(unsigned n)
{
	struct event e = {.type = EVENT_AUDIT,
			  .ts_us = 1700000000000000 + n,
			  .proto = -1,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .audit = {.uid = 0, .login = 1000, .action = "isolate", .object = "cell"}};

	snprintf(e.audit.reason, sizeof(e.audit.reason), "reason %u", n);
	snprintf(e.text, sizeof(e.text), "isolated %u", n);
	ring_put(shm_at(shm, shm->guardian_ring_at), &e);
}
static void somebody_does(const char *action)
{
	audit_add(r, &(struct audit_entry){.action = action, .uid = 0, .login = 1000, .reason = "why"});
}

/* The chain as it is read back: it must hold. Returns how many records there are; *last is the last one's text. */
static unsigned chain_holds(json_t **last)
{
	static char text[JSONL_MAX];
	struct chain c = {.n = 0};
	struct jsonl j;
	json_t *o, *record;
	size_t i;

	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	audit_print(r, 0, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_true(json_is_true(json_object_get(o, "read")));
	json_array_foreach(json_object_get(o, "records"), i, record)
	{
		const json_t *t = json_array_get(record, 1);
		uint8_t digest[CHAIN_DIGEST];
		char why[CHAIN_WHY];

		assert_true(chain_read_hex(json_string_value(json_array_get(record, 2)), digest));
		if (!chain_check(&c, json_integer_value(json_array_get(record, 0)), json_string_value(t),
				 json_string_length(t), digest, sizeof(digest), why))
			fail_msg("%s", why);
		if (last) {
			json_decref(*last);
			*last = json_loads(json_string_value(t), 0, NULL);
			assert_non_null(*last);
		}
	}
	json_decref(o);
	return (unsigned)c.n;
}

/* Lines of the log with this in them. */
static unsigned logged(const char *what)
{
	static char text[1 << 20];
	unsigned n = 0;

	log_flush(&r->log);
	ssize_t len = pread(log_fd, text, sizeof(text) - 1, 0);
	assert_true(len >= 0);
	text[len] = 0;
	for (char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void each_action_is_one_record(void **state)
{
	json_t *last = NULL;

	(void)state;
	up();
	assert_int_equal(chain_holds(NULL), 1); /* that it begins */
	somebody_does("commit");
	guardian_says(1);
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 3);
	assert_string_equal(json_string_value(json_object_get(last, "action")), "isolate");
	assert_string_equal(json_string_value(json_object_get(last, "object")), "cell");
	assert_string_equal(json_string_value(json_object_get(last, "reason")), "reason 1");
	assert_string_equal(json_string_value(json_object_get(last, "detail")), "isolated 1");
	assert_int_equal(json_integer_value(json_object_get(last, "login")), 1000);
	json_decref(last);
	assert_int_equal(logged("\"n\":2,\"head\":\""), 1);
	assert_int_equal(logged("\"n\":3,\"head\":\""), 1);
	assert_int_equal(logged("\"source\":\"guardian\""), 1);
}

static void a_ring_read_again_adds_nothing(void **state)
{
	(void)state;
	up();
	for (unsigned i = 0; i < 5; i++)
		guardian_says(i);
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 6);
	killed();
	guardian_says(5); /* while nobody reads */
	up();
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 7);
	rings_drain(r);
	killed();
	up();
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 7);
}

static void another_memory_begins_at_its_first_event(void **state)
{
	(void)state;
	up();
	guardian_says(0);
	rings_drain(r);
	killed();
	memset(shm_at(shm, shm->guardian_ring_at), 0, sizeof(struct ring));
	shm_init(shm, 7, 0, FAILURE_CLOSED);
	guardian_says(1); /* at the same place of its ring */
	up();
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 3);
}

static void only_the_guardian_is_believed(void **state)
{
	struct event e = {.type = EVENT_AUDIT, .proto = -1, .text = "forged"};

	(void)state;
	up();
	ring_put(shm_at(shm, shm->ring_at), &e);
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 1);
	assert_int_equal(logged("forged"), 1);
}

static void strings_need_no_end(void **state)
{
	struct event e = {.type = EVENT_AUDIT, .proto = -1};
	json_t *last = NULL;

	(void)state;
	memset(e.audit.action, 'a', sizeof(e.audit.action));
	memset(e.audit.object, '"', sizeof(e.audit.object));
	memset(e.audit.reason, 0xff, sizeof(e.audit.reason));
	memset(e.text, '\n', sizeof(e.text));
	up();
	ring_put(shm_at(shm, shm->guardian_ring_at), &e);
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 2);
	assert_int_equal(json_string_length(json_object_get(last, "action")), EVENT_ACTION);
	assert_int_equal(json_string_length(json_object_get(last, "object")), EVENT_OBJECT);
	json_decref(last);
}

static void a_long_diff_is_cut_and_says_so(void **state)
{
	char *diff = calloc(1, 3 * AUDIT_DIFF);
	json_t *last = NULL;

	(void)state;
	for (size_t i = 0; i < 3 * AUDIT_DIFF - 1; i++)
		diff[i] = i % 50 == 49 ? '\n' : 'x';
	up();
	audit_add(r, &(struct audit_entry){.action = "commit", .diff = diff});
	assert_int_equal(chain_holds(&last), 2);
	assert_true(json_is_true(json_object_get(last, "diff-cut")));
	assert_true(json_string_length(json_object_get(last, "diff")) <= AUDIT_DIFF);
	json_decref(last);
	free(diff);
}

/* Files may not grow from here on, as on a full disk. */
static void disk(bool full)
{
	struct rlimit l;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = full ? 1 : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_keeps_counts_and_catches_up(void **state)
{
	json_t *last = NULL;

	(void)state;
	up();
	somebody_does("before");
	log_flush(&r->log);
	r->log.fd = open("/dev/null", O_WRONLY);
	disk(true);
	somebody_does("full");
	guardian_says(0);
	rings_drain(r);
	assert_non_null(strstr(complaints, "audit records cannot be written"));
	for (unsigned i = 2; i < AUDIT_WAITING + 3; i++)
		somebody_does("more");
	disk(false);
	close(r->log.fd);
	r->log.fd = log_fd;
	now += 2000000; /* it is not tried at every turn */
	rings_drain(r);
	audit_settle(r);
	assert_non_null(strstr(complaints, "audit records are written again"));
	/* Begin, before, those that there was room for, and one that says how many there was none for. */
	assert_int_equal(chain_holds(&last), 2 + AUDIT_WAITING + 1);
	assert_string_equal(json_string_value(json_object_get(last, "action")), "audit-lost");
	assert_non_null(strstr(json_string_value(json_object_get(last, "detail")), "3 records were lost"));
	json_decref(last);
	assert_int_equal(logged("a record that had to wait is written"), AUDIT_WAITING + 1);
	rings_drain(r);
	assert_int_equal(chain_holds(NULL), 2 + AUDIT_WAITING + 1);
}

static void damage_is_left_alone(void **state)
{
	char path[64], text[64] = "";
	struct jsonl j;
	char status[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/audit.db", dir);
	FILE *f = fopen(path, "w");
	fputs("this was a database, and somebody wrote over it, to the last octet", f);
	fclose(f);
	up();
	somebody_does("commit");
	guardian_says(0);
	rings_drain(r);
	assert_int_equal(logged("\"n\":null,\"head\":null}"), 2);
	jsonl_open(&j, status, sizeof(status));
	audit_status(r, &j);
	jsonl_line(&j);
	assert_non_null(strstr(status, "\"kept\":false"));
	assert_non_null(strstr(status, "\"waiting\":2"));
	f = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(strncmp(text, "this was a database", 19), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(each_action_is_one_record),
		CASE(a_ring_read_again_adds_nothing),
		CASE(another_memory_begins_at_its_first_event),
		CASE(only_the_guardian_is_believed),
		CASE(strings_need_no_end),
		CASE(a_long_diff_is_cut_and_says_so),
		CASE(a_full_disk_keeps_counts_and_catches_up),
		CASE(damage_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
