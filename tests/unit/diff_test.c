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

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[i] =
			(struct CMUnitTest){rows[i].name, diff_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
