/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept beside a policy, which policy is the policy, a source as one text, and sessions as the kernel tracks them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/meta.h"
#include "fwd/recorder/sessions.h"
#include "rules/model.h"
#include "rules/source.h"

/* What the recorder's main() has. */
void complain(const char *fmt, ...)
{
	(void)fmt;
}
int64_t clock_us(void)
{
	return 0;
}

static const struct policy_meta whole = {.number = 17,
					 .before = 16,
					 .digest = {1, 2, 0xfe, 0xff},
					 .uid = 1000,
					 .login = 1001,
					 .at_us = INT64_C(1795328176925984),
					 .source_sum = UINT64_MAX,
					 .file = true,
					 .state = META_GUARDED,
					 .reason = "as ordered",
					 .ticket = "T-1",
					 .name = "/etc/otfw/policy.yaml"};

static void a_meta_comes_back_as_it_was(void **state)
{
	char text[META_TEXT_MAX];
	struct policy_meta back;
	size_t n = meta_print(&whole, text, sizeof(text));

	(void)state;
	assert_true(n > 0);
	assert_int_equal(meta_parse(&back, text, n), 0);
	assert_int_equal(back.number, 17);
	assert_int_equal(back.before, 16);
	assert_memory_equal(back.digest, whole.digest, POLICY_DIGEST);
	assert_int_equal(back.uid, 1000);
	assert_int_equal(back.login, 1001);
	assert_true(back.at_us == whole.at_us && back.source_sum == UINT64_MAX && back.file);
	assert_int_equal(back.state, META_GUARDED);
	assert_string_equal(back.reason, "as ordered");
	assert_string_equal(back.ticket, "T-1");
	assert_string_equal(back.name, "/etc/otfw/policy.yaml");
}

/* Every octet of it, each cut, and what no room is for. */
static void a_damaged_meta_is_none(void **state)
{
	char text[META_TEXT_MAX], bad[META_TEXT_MAX];
	struct policy_meta back;
	size_t n = meta_print(&whole, text, sizeof(text));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, text, n);
		bad[i] ^= 1;
		assert_int_equal(meta_parse(&back, bad, n), -1);
		assert_int_equal(meta_parse(&back, text, i), -1);
	}
	assert_int_equal(meta_print(&whole, bad, n), 0);
}

static void a_commit_state_comes_back_or_is_none(void **state)
{
	struct commit_state s = {.confirmed = 3,
				 .by_file = true,
				 .trial = 4,
				 .guard = 5,
				 .guarded = true,
				 .deadline_boot_us = 123456789,
				 .boot = "47cb92bb-becb-4a56-b9dd-e0fa3e445b55"},
			    back;
	char text[COMMIT_TEXT_MAX], bad[COMMIT_TEXT_MAX];
	size_t n = commit_state_print(&s, text, sizeof(text));

	(void)state;
	assert_true(n > 0);
	assert_int_equal(commit_state_parse(&back, text, n), 0);
	assert_true(back.confirmed == 3 && back.by_file && back.trial == 4 && back.guard == 5 &&
		    back.guarded);
	assert_true(back.deadline_boot_us == 123456789);
	assert_string_equal(back.boot, s.boot);
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, text, n);
		bad[i] ^= 1;
		assert_int_equal(commit_state_parse(&back, bad, n), -1);
		assert_true(back.confirmed == 0 && back.trial == 0);
		assert_int_equal(commit_state_parse(&back, text, i), -1);
	}
}

static void a_source_is_taken_apart_as_it_was_made(void **state)
{
	struct diag *d = diag_new();
	struct source_file f;
	char *text = NULL;
	size_t n = 0, at = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	diag_file(d, "/etc/otfw/policy.yaml", "version: 1\n#file 3 x\n", 21);
	diag_file(d, "cells/a b.yaml", "", 0);
	assert_int_equal(source_print(d, out), 0);
	fclose(out);
	assert_true(source_is(text, n));
	assert_int_equal(source_next(text, n, &at, &f), 1);
	assert_int_equal(f.len, 21);
	assert_memory_equal(f.text, "version: 1\n#file 3 x\n", 21);
	assert_int_equal(source_next(text, n, &at, &f), 1);
	assert_int_equal(f.path_len, strlen("cells/a b.yaml"));
	assert_int_equal(f.len, 0);
	assert_int_equal(source_next(text, n, &at, &f), 0);
	/* Cut anywhere, it ends or is refused within what is there. */
	for (size_t cut = 0; cut < n; cut++) {
		char *part = malloc(cut ? cut : 1);
		int rc;

		memcpy(part, text, cut);
		at = 0;
		while ((rc = source_next(part, cut, &at, &f)) == 1)
			assert_true(f.text + f.len <= part + cut);
		free(part);
	}
	free(text);
	diag_free(d);
}

struct tracked {
	const char *name, *line;
	bool good;
	uint8_t ipproto;
	uint16_t sport, dport;
	uint8_t server; /* last octet of its address */
};
static struct tracked lines[] = {
	{"a TCP session",
	 "ipv4     2 tcp      6 431999 ESTABLISHED src=10.10.1.2 dst=10.10.2.2 sport=40112 dport=80 src=10.10.2.2 dst=10.10.1.2 sport=80 dport=40112 [ASSURED] mark=0 use=1",
	 true, 6, 40112, 80, 2},
	{"behind destination NAT",
	 "ipv4     2 tcp      6 9 ESTABLISHED src=10.10.1.2 dst=192.0.2.9 sport=40112 dport=8080 src=10.10.2.7 dst=10.10.1.2 sport=80 dport=40112 [ASSURED]",
	 true, 6, 40112, 80, 7},
	{"UDP in both directions",
	 "ipv6     10 udp      17 29 src=fd10:1::2 dst=fd10:2::3 sport=5 dport=30020 src=fd10:2::3 dst=fd10:1::2 sport=30020 dport=5",
	 true, 17, 5, 30020, 3},
	{"one that closes",
	 "ipv4     2 tcp      6 9 TIME_WAIT src=10.10.1.2 dst=10.10.2.2 sport=4 dport=80 src=10.10.2.2 dst=10.10.1.2 sport=80 dport=4",
	 false, 0, 0, 0, 0},
	{"UDP without an answer",
	 "ipv4     2 udp      17 29 src=10.10.1.2 dst=10.10.2.2 sport=4 dport=80 [UNREPLIED] src=10.10.2.2 dst=10.10.1.2 sport=80 dport=4",
	 false, 0, 0, 0, 0},
	{"a protocol without ports", "ipv4     2 icmp     1 9 src=10.10.1.2 dst=10.10.2.2 type=8 code=0 id=1",
	 false, 0, 0, 0, 0},
	{"cut short", "ipv4     2 tcp      6 431999 ESTABLISHED src=10.10.1.2 dst=10.10.2.2 sport=40112",
	 false, 0, 0, 0, 0},
	{"nothing", "", false, 0, 0, 0, 0},
};

static void tracked_session(void **state)
{
	const struct tracked *row = *state;
	char line[512];
	struct tuple t;

	snprintf(line, sizeof(line), "%s", row->line);
	assert_int_equal(sessions_parse(line, &t), row->good);
	if (!row->good)
		return;
	assert_int_equal(t.ipproto, row->ipproto);
	assert_int_equal(t.sport, row->sport);
	assert_int_equal(t.dport, row->dport);
	assert_int_equal(t.dst[15], row->server);
}

int main(void)
{
	struct CMUnitTest tests[4 + sizeof(lines) / sizeof(lines[0])] = {
		cmocka_unit_test(a_meta_comes_back_as_it_was),
		cmocka_unit_test(a_damaged_meta_is_none),
		cmocka_unit_test(a_commit_state_comes_back_or_is_none),
		cmocka_unit_test(a_source_is_taken_apart_as_it_was_made),
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		tests[4 + i] = (struct CMUnitTest){
			.name = lines[i].name, .test_func = tracked_session, .initial_state = &lines[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
