/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a change of policy changes: one row, one change, the lines it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rules/diff.h"
#include "tests/policy_make.h"

#define HEAD                                                                                                 \
	"version: 1\n"                                                                                       \
	"site: {name: Test plant}\n"                                                                         \
	"zones:\n"                                                                                           \
	"  control: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"                                  \
	"  cell:    {level: 2, networks: [10.2.0.0/24], failure: closed}\n"                                  \
	"hosts:\n"                                                                                           \
	"  hmi-1: 10.1.0.2\n"                                                                                \
	"  hmi-2: 10.1.0.3\n"                                                                                \
	"  gw: 10.2.0.2\n"                                                                                   \
	"  p-101: {at: gw, unit: 4}\n"                                                                       \
	"  p-102: {at: gw, unit: 5}\n"                                                                       \
	"conduits:\n"                                                                                        \
	"  - name: pumps\n"                                                                                  \
	"    from: [control]\n"                                                                              \
	"    to: cell\n"                                                                                     \
	"    servers: [p-101, p-102]\n"                                                                      \
	"    protocols: [modbus]\n"                                                                          \
	"    at-most: [read, write]\n"
#define ENFORCE "    mode: enforce\n    allow:\n"
#define RULE(id, clients, servers, functions, holding, more)                                                 \
	"      - {id: " id ", clients: [" clients "], servers: " servers                                     \
	", protocol: modbus, units: any, functions: [" functions "], addresses: {holding: [" holding         \
	"]}" more "}\n"

#define HOST(clients, ports)                                                                                 \
	"version: 1\nsite: {name: x}\nzones:\n"                                                              \
	"  control: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"                                  \
	"  cell:    {level: 2, networks: [10.2.0.0/24], failure: closed}\n"                                  \
	"hosts: {hmi-1: 10.1.0.2, gw: 10.2.0.2}\n"                                                           \
	"conduits:\n"                                                                                        \
	"  - {name: pumps, from: [control], to: cell, servers: [gw], protocols: [modbus], mode: enforce,\n"  \
	"     at-most: [read], allow: [{id: web, clients: [" clients "], tcp: " ports "}]}\n"

struct row {
	const char *name, *before, *after, *lines;
};

#define BASE               HEAD ENFORCE RULE("view", "hmi-1", "any", "3", "0..9", "")
#define BASE_WRITE(values) HEAD ENFORCE RULE("set", "hmi-1", "[p-101]", "6", "40", ", values: " values)
static const struct row rows[] = {
	{"nothing", BASE, BASE, ""},
	{"a name alone", BASE, HEAD ENFORCE RULE("look", "hmi-1", "any", "3", "0..9", ""), ""},
	{"one more address", BASE, HEAD ENFORCE RULE("view", "hmi-1", "any", "3", "0..10", ""),
	 "pumps/view: read holding 10 with read-holding-registers by hmi-1 at p-101, p-102 becomes allowed\n"},
	{"one address fewer", BASE, HEAD ENFORCE RULE("view", "hmi-1", "any", "3", "0..8", ""),
	 "pumps/view: read holding 9 with read-holding-registers by hmi-1 at p-101, p-102 becomes denied\n"},
	{"one more client", BASE, HEAD ENFORCE RULE("view", "hmi-1, hmi-2", "any", "3", "0..9", ""),
	 "pumps/view: read holding 0..9 with read-holding-registers by hmi-2 at p-101, p-102 becomes allowed\n"},
	{"one server fewer", BASE, HEAD ENFORCE RULE("view", "hmi-1", "[p-102]", "3", "0..9", ""),
	 "pumps/view: read holding 0..9 with read-holding-registers by hmi-1 at p-101 becomes denied\n"},
	{"one more function", BASE,
	 HEAD ENFORCE RULE("view", "hmi-1", "any", "3, 6", "0..9", ", values: any"),
	 "pumps/view: write holding 0..9 with write-single-register by hmi-1 at p-101, p-102 becomes allowed\n"},
	{"wider values", BASE_WRITE("0..1000"), BASE_WRITE("0..1500"),
	 "pumps/set: write holding 40 with write-single-register = 1001..1500 by hmi-1 at p-101 becomes allowed\n"},
	{"other values", BASE_WRITE("0..10"), BASE_WRITE("5..12"),
	 "pumps/set: write holding 40 with write-single-register = 11..12 by hmi-1 at p-101 becomes allowed\n"
	 "pumps/set: write holding 40 with write-single-register = 0..4 by hmi-1 at p-101 becomes denied\n"},
	{"a rate that goes",
	 HEAD ENFORCE RULE("view", "hmi-1", "[p-101]", "3", "0..9",
			   ", rate: {max: 2/s, burst: 2, per: client}"),
	 HEAD ENFORCE RULE("view", "hmi-1", "[p-101]", "3", "0..9", ""),
	 "pumps/view: read holding 0..9 with read-holding-registers by hmi-1 at p-101 becomes allowed\n"},
	{"the kernel lane", HOST("hmi-1", "[80]"), HOST("hmi-1", "[80, 443]"),
	 "pumps: tcp 443 in the kernel, not inspected by hmi-1 at gw becomes allowed\n"},
	{"a mode", HEAD "    mode: shadow\n    allow:\n" RULE("view", "hmi-1", "any", "3", "0..9", ""), BASE,
	 "pumps: mode shadow becomes enforce\n"},
};

static char *diff_of(const struct row *r, bool json, bool turned, struct diff_count *n)
{
	struct made a = made_from(turned ? r->after : r->before),
		    b = made_from(turned ? r->before : r->after);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(diff_print(&a.policy, &b.policy, json, f, n), 0);
	fclose(f);
	made_free(&a);
	made_free(&b);
	return text;
}

static unsigned lines_of(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void diff_row(void **state)
{
	const struct row *r = *state;
	struct diff_count n, back;

	char *text = diff_of(r, false, false, &n);
	assert_string_equal(text, r->lines);
	free(text);
	assert_int_equal(n.allowed + n.denied + n.changed, lines_of(r->lines));
	/* Turned round, what became allowed becomes denied. */
	free(diff_of(r, false, true, &back));
	assert_int_equal(n.allowed, back.denied);
	assert_int_equal(n.denied, back.allowed);
	assert_int_equal(n.changed, back.changed);
	text = diff_of(r, true, false, &n);
	assert_int_equal(lines_of(text), lines_of(r->lines));
	assert_true(*text == '\0' || strncmp(text, "{\"change\":\"", 11) == 0);
	free(text);
}

/* ---- what no engine sees ---- */

#define PLANT(mode, rules, more)                                                                             \
	"version: 1\nsite: {name: x}\nzones:\n"                                                              \
	"  control: {level: 3, networks: [10.1.0.0/24], failure: closed}\n"                                  \
	"  cell:    {level: 2, networks: [10.2.0.0/24], failure: closed}\n"                                  \
	"  sis:     {level: 1, networks: [10.3.0.0/24], failure: closed, safety: true}\n"                    \
	"  sis-io:  {level: 1, networks: [10.4.0.0/24], failure: closed, safety: true}\n"                    \
	"hosts: {hmi-1: 10.1.0.2, hmi-2: 10.1.0.3, gw: 10.2.0.2, sis-a: 10.3.0.2, sis-b: 10.4.0.2}\n"        \
	"conduits:\n"                                                                                        \
	"  - {name: pumps, from: [control], to: cell, servers: [gw], protocols: [modbus], mode: " mode ",\n" \
	"     at-most: [read], allow: [" rules "]}\n" more
#define WEB   "{id: web, clients: [hmi-1, hmi-2], tcp: [80]}"
#define WEB_1 "{id: web, clients: [hmi-1], tcp: [80]}"
#define ODD                                                                                                  \
	"{id: odd, clients: any, protocol: modbus, ports: [80], units: [1], functions: [3], addresses: {holding: [1]}}"
#define SIS(from, more)                                                                                                  \
	"  - {name: trip, from: [sis], to: sis-io, lane: safety, peers: [sis-a, sis-b], udp: [4000], interfaces: [" from \
	"]" more "}\n"

static const struct row unseen_rows[] = {
	{"nothing", PLANT("enforce", WEB, ""), PLANT("enforce", WEB, ""), ""},
	{"a rule that goes, of two clients one was there", PLANT("enforce", WEB, ""),
	 PLANT("enforce", "", ""),
	 "in the kernel, seen: pumps: tcp 80 in the kernel, not inspected by 10.1.0.2..10.1.0.3 at gw becomes denied\n"},
	{"the client that was there goes",
	 PLANT("enforce", "{id: web, clients: [hmi-2, hmi-1], tcp: [80]}", ""),
	 PLANT("enforce", "{id: web, clients: [hmi-2], tcp: [80]}", ""),
	 "in the kernel, seen: pumps: tcp 80 in the kernel, not inspected by hmi-1 at gw becomes denied\n"},
	{"the other one goes", PLANT("enforce", WEB, ""), PLANT("enforce", WEB_1, ""),
	 "in the kernel, not seen: pumps: tcp 80 in the kernel, not inspected by hmi-2 at gw becomes denied\n"},
	{"what is unlisted and comes", PLANT("enforce", "", ""), PLANT("enforce", WEB_1, ""),
	 "in the kernel: pumps: tcp 80 in the kernel, not inspected by hmi-1 at gw becomes allowed\n"},
	{"what an engine learns is none of it", PLANT("learn", "", ""), PLANT("enforce", WEB_1, ""), ""},
	{"it is inspected then", PLANT("enforce", WEB_1, ""), PLANT("enforce", ODD, ""),
	 "in the kernel, seen: pumps: tcp 80 in the kernel, not inspected by hmi-1 at gw becomes inspected\n"
	 "in the kernel: pumps/odd: read holding 1 with read-holding-registers by 10.1.0.0..10.1.0.1, 10.1.0.3..10.1.0.255 at gw unit 1 becomes allowed\n"},
	{"it is watched then", PLANT("enforce", WEB_1, ""), PLANT("shadow", "", ""),
	 "in the kernel, seen: pumps: tcp 80 in the kernel, not inspected by hmi-1 at gw becomes reported\n"},
	{"a safety lane that goes", PLANT("enforce", "", SIS("eth1", "")), PLANT("enforce", "", ""),
	 "in the kernel: trip: udp 4000 in the safety lane by sis-a at sis-b becomes denied\n"
	 "in the kernel: trip: udp 4000 in the safety lane by sis-b at sis-a becomes denied\n"},
	{"one that goes to the kernel lane", PLANT("enforce", "", SIS("eth1", "")),
	 PLANT("enforce", "",
	       "  - {name: trip, lane: inspected, failure: closed, from: [sis], to: sis-io, servers: [sis-b], protocols: [modbus], mode: enforce, at-most: [read], allow: [{id: t, clients: [sis-a], udp: [4000]}]}\n"),
	 "in the kernel: trip: udp 4000 in the safety lane by sis-b at sis-a becomes denied\n"
	 "in the kernel: trip: lane safety becomes inspected\n"
	 "in the kernel: trip: udp 4000 goes from the safety lane to the kernel lane by sis-a at sis-b\n"},
	{"one that is bound to interfaces", PLANT("enforce", "", SIS("eth1", "")),
	 PLANT("enforce", "", SIS("eth1, eth2", "")),
	 "in the kernel: trip: interfaces eth1 becomes eth1, eth2\n"},
	{"an alarm of its own is no lane", PLANT("enforce", "", SIS("eth1", "")),
	 PLANT("enforce", "", SIS("eth1", ", watchdog: 1s")), ""},
};

/* Of safety lanes the whole difference has their alarms as well. */
static const struct row safety_rows[] = {
	{"interfaces of a safety lane", PLANT("enforce", "", SIS("eth1", "")),
	 PLANT("enforce", "", SIS("eth1, eth2", "")), "trip: interfaces eth1 becomes eth1, eth2\n"},
	{"alarms of a safety lane", PLANT("enforce", "", SIS("eth1", "")),
	 PLANT("enforce", "", SIS("eth1", ", watchdog: 1s, mirror: true, expect: 5/s")),
	 "trip: expect none becomes 5 packets in 1000000 us\n"
	 "trip: mirror no becomes yes\n"
	 "trip: watchdog 0 us becomes 1000000 us\n"},
};

static void unseen_row(void **state)
{
	static const char *const marks[] = {
		"{\"observed\":true,\"change\":", "{\"observed\":false,\"change\":",
		"{\"observed\":null,\"change\":"};
	const struct row *r = *state;
	struct made a = made_from(r->before), b = made_from(r->after);
	struct diff_seen seen = {.ipproto = 6, .port = 80};
	struct diff_count n, same;
	char *text = NULL;
	size_t len = 0;

	ip_of("10.1.0.2", seen.client);
	ip_of("10.2.0.2", seen.server);
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_int_equal(diff_print_unseen(&a.policy, &b.policy, &seen, 1, false, f, &n), 0);
	fclose(f);
	assert_string_equal(text, r->lines);
	free(text);
	assert_int_equal(n.allowed + n.denied + n.changed, lines_of(r->lines));
	assert_int_equal(n.safety > 0, strstr(r->lines, "trip") != NULL);
	f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_int_equal(diff_print_unseen(&a.policy, &b.policy, &seen, 1, true, f, &same), 0);
	fclose(f);
	assert_int_equal(lines_of(text), lines_of(r->lines));
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
		unsigned i = 0;
		while (i < 3 && strncmp(at, marks[i], strlen(marks[i])) != 0)
			i++;
		assert_true(i < 3);
	}
	free(text);
	made_free(&a);
	made_free(&b);
}

int main(void)
{
	const size_t n = sizeof(rows) / sizeof(rows[0]), m = sizeof(unseen_rows) / sizeof(unseen_rows[0]),
		     k = sizeof(safety_rows) / sizeof(safety_rows[0]);
	struct CMUnitTest tests[(sizeof(rows) + sizeof(unseen_rows) + sizeof(safety_rows)) / sizeof(rows[0])];

	for (size_t i = 0; i < n; i++)
		tests[i] =
			(struct CMUnitTest){rows[i].name, diff_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < m; i++)
		tests[n + i] = (struct CMUnitTest){unseen_rows[i].name, unseen_row, NULL, NULL,
						   (void *)(uintptr_t)&unseen_rows[i]};
	for (size_t i = 0; i < k; i++)
		tests[n + m + i] = (struct CMUnitTest){safety_rows[i].name, diff_row, NULL, NULL,
						       (void *)(uintptr_t)&safety_rows[i]};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
