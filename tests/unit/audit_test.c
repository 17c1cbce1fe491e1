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
#include "rules/model.h"

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
	for (unsigned i = 0; i < 2; i++)
		image_unmap(&r->change[i]);
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

/* A memfd with the policy that a text compiles to; its digest. */
static int compiled(const char *text, uint8_t digest[POLICY_DIGEST])
{
	struct diag *diag = diag_new();
	struct model *m = model_load_text("policy.yaml", text, strlen(text), 0, diag);
	uint8_t *bytes = NULL;
	struct policy p;
	char err[256];
	size_t size;
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (!m || compile_image(m, diag, &bytes, &size) != 0) {
		diag_print(diag, stderr, false);
		fail_msg("a policy of this test does not compile");
	}
	assert_int_equal(policy_open(&p, bytes, size, err, sizeof(err)), 0);
	memcpy(digest, policy_digest(&p), POLICY_DIGEST);
	assert_int_equal(write(fd, bytes, size), size);
	model_free(m);
	diag_free(diag);
	free(bytes);
	return fd;
}

#define HEAD                                                                                                      \
	"version: 1\nsite: {name: s}\nzones:\n  a: {level: 3, networks: [10.1.0.0/16], failure: closed}\n"        \
	"  b: {level: 2, networks: [10.2.0.0/16], failure: closed}\nhosts:\n  plc: 10.2.0.2\nconduits:\n"         \
	"  - name: c\n    from: [a]\n    to: b\n    servers: [plc]\n    protocols: [modbus]\n    mode: enforce\n" \
	"    on-deny: reset\n    at-most: [read]\n    allow:\n"
#define RULE(id, functions, addresses)                                                                       \
	"      - {id: " id ", clients: any, protocol: modbus, functions: [" functions                        \
	"], units: [1], addresses: {" addresses "}}\n"
#define HOLDING(id, range) RULE(id, "read-holding-registers", "holding: [" range "]")

static void a_policy_changes(const uint8_t *before, const uint8_t *after)
{
	struct event e = {.type = EVENT_AUDIT,
			  .ts_us = 1700000000000000,
			  .proto = -1,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .audit = {.uid = 0,
				    .login = 1000,
				    .action = "commit",
				    .reason = "pump 7",
				    .ticket = "CHG-118",
				    .has_before = 1,
				    .has_after = 1},
			  .text = "policy 2 is in force"};

	memcpy(e.audit.before, before, POLICY_DIGEST);
	memcpy(e.audit.after, after, POLICY_DIGEST);
	ring_put(shm_at(shm, shm->guardian_ring_at), &e);
}

static void says(json_t *o, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(o, key));

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void a_change_has_digests_and_a_diff(void **state)
{
	uint8_t before[POLICY_DIGEST], after[POLICY_DIGEST];
	char hex[2 * POLICY_DIGEST + 1];
	int was = compiled(HEAD HOLDING("view", "0..9"), before),
	    now_fd = compiled(HEAD HOLDING("view", "0..4") RULE("more", "read-input-registers", "input: [7]"),
			      after);
	json_t *last = NULL;

	(void)state;
	up();
	change_add(r, 0, was);
	/* The second comes a moment after the event: it waits for it one turn. */
	a_policy_changes(before, after);
	assert_true(rings_drain(r));
	assert_int_equal(chain_holds(NULL), 1);
	change_add(r, 1, now_fd);
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 2);
	digest_print(before, hex);
	says(last, "before", hex);
	digest_print(after, hex);
	says(last, "after", hex);
	says(last, "ticket", "CHG-118");
	assert_int_equal(json_integer_value(json_object_get(last, "becomes-allowed")), 1);
	assert_int_equal(json_integer_value(json_object_get(last, "becomes-denied")), 1);
	assert_int_equal(json_integer_value(json_object_get(last, "diff-left-out")), 0);
	const char *text = json_string_value(json_object_get(last, "diff"));
	assert_non_null(strstr(text, "c/more: read input 7"));
	assert_non_null(strstr(text, "c/view: read holding 5..9"));
	json_decref(last);
	/* In the log the members stand by themselves, the diff does not. */
	assert_int_equal(
		logged("\"action\":\"commit\",\"uid\":0,\"login\":1000,\"refused\":false,\"object\":"
		       "null,\"reason\":\"pump 7\",\"ticket\":\"CHG-118\",\"detail\":\"policy 2 is in"),
		1);
	assert_int_equal(logged(hex), 1);
	assert_int_equal(logged("becomes"), 0);
}

static void policies_that_are_gone_are_named_all_the_same(void **state)
{
	uint8_t before[POLICY_DIGEST], after[POLICY_DIGEST];
	char hex[2 * POLICY_DIGEST + 1];
	json_t *last = NULL;

	(void)state;
	close(compiled(HEAD HOLDING("view", "0..9"), before));
	close(compiled(HEAD HOLDING("view", "0..8"), after));
	up();
	a_policy_changes(before, after);
	assert_true(rings_drain(r)); /* it waits one turn, and no more */
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 2);
	digest_print(before, hex);
	says(last, "before", hex);
	assert_true(json_is_null(json_object_get(last, "diff")));
	says(last, "diff-why", "the policies are not at hand any more");
	/* Where nothing has changed there is nothing to compare. */
	a_policy_changes(before, before);
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 3);
	assert_null(json_object_get(last, "diff-why"));
	json_decref(last);
}

static void a_long_diff_is_cut_and_counted(void **state)
{
	uint8_t before[POLICY_DIGEST], after[POLICY_DIGEST];
	char *many = NULL;
	size_t size = 0, lines = 0;
	FILE *f = open_memstream(&many, &size);
	json_t *last = NULL;

	(void)state;
	fputs(HEAD, f);
	for (unsigned i = 0; i < 900; i++)
		fprintf(f, HOLDING("rule-%u", "%u"), i, 2 * i);
	fclose(f);
	up();
	change_add(r, 0, compiled(HEAD HOLDING("view", "1"), before));
	change_add(r, 1, compiled(many, after));
	a_policy_changes(before, after);
	rings_drain(r);
	assert_int_equal(chain_holds(&last), 2);
	const char *text = json_string_value(json_object_get(last, "diff"));
	assert_non_null(text);
	assert_in_range(strlen(text), CHANGE_TEXT - 200, CHANGE_TEXT);
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines + (size_t)json_integer_value(json_object_get(last, "diff-left-out")), 901);
	assert_int_equal(json_integer_value(json_object_get(last, "becomes-allowed")), 900);
	json_decref(last);
	free(many);
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
		CASE(a_change_has_digests_and_a_diff),
		CASE(policies_that_are_gone_are_named_all_the_same),
		CASE(a_long_diff_is_cut_and_counted),
		CASE(a_full_disk_keeps_counts_and_catches_up),
		CASE(damage_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
