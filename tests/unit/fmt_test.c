/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The normal form: what it does to a text, and that it does nothing to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/fmt.h"
#include "rules/schema.h"

struct row {
	const char *name, *text, *normal; /* normal NULL: it has none, because of an error */
};

#define ZONE "zones:\n  a: {networks: [10.0.0.0/8], failure: closed}\n"

static const struct row rows[] = {
	{"keys in the order of the schema", "site: {timezone: UTC, name: x}\nversion: 1\n",
	 "version: 1\nsite: {name: x, timezone: UTC}\n"},
	{"short maps on one line", "version: 1\nsite:\n  name: x\n  timezone: UTC\n",
	 "version: 1\nsite: {name: x, timezone: UTC}\n"},
	{"names in the order of the file", "groups: {b: [x], a: [y]}\n", "groups:\n  b: [x]\n  a: [y]\n"},
	{"a list of one gets its brackets", "groups: {b: x}\n", "groups:\n  b: [x]\n"},
	{"any stays without", "bridge: {ethertypes: any}\n", "bridge: {ethertypes: any}\n"},
	{"a blank line before a section", "version: 1\n" ZONE "groups: {b: x}\n",
	 "version: 1\n\n" ZONE "\ngroups:\n  b: [x]\n"},
	{"blank lines are kept, one at a time", "groups:\n\n  b: [x]\n\n\n  c: [x]\n",
	 "groups:\n  b: [x]\n\n  c: [x]\n"},
	{"comments",
	 "# head\n\n# of version\nversion: 1 # one\ngroups: # g\n  # of b\n  b: [x]   # b\n# end\n",
	 "# head\n\n# of version\nversion: 1  # one\n\ngroups:  # g\n  # of b\n  b: [x]  # b\n# end\n"},
	{"comments inside make a block", "site: {name: x, # it\n  timezone: UTC}\n",
	 "site:\n  name: x  # it\n  timezone: UTC\n"},
	{"comments go with their key", "site:\n  # zone\n  timezone: UTC\n  # name\n  name: x\n",
	 "site:\n  # name\n  name: x\n  # zone\n  timezone: UTC\n"},
	{"a sign that is no comment", "site: {name: \"a # b\"}\n", "site: {name: \"a # b\"}\n"},
	{"quotes only where needed", "site: {name: 'it''s', timezone: \"UTC\"}\n",
	 "site: {name: it's, timezone: UTC}\n"},
	{"quotes for what looks like a number", "site: {name: \"007\"}\n", "site: {name: \"007\"}\n"},
	{"text over two lines", "site:\n  name: one\n    two\n", "site: {name: one two}\n"},
	{"carriage returns", "version: 1\r\nsite: {name: x} # y\r\n", "version: 1\nsite: {name: x}  # y\n"},
	{"an empty section", "zones:\nhosts: # none yet\n", "zones: {}\nhosts: {}  # none yet\n"},
	{"a comment alone", "# nothing\n", "# nothing\n"},
	{"nothing", "", ""},
	{"hours in quotes",
	 "conduits:\n- {name: c, from: a, to: b, servers: any, allow: [{id: r, clients: any, use: p, read: x, when: {between: "
	 "06:00-22:00}}]}\n",
	 "conduits:\n  - name: c\n    from: [a]\n    to: b\n    servers: any\n    allow:\n      - {id: r, clients: any, use: p, read: "
	 "[x], when: {between: \"06:00-22:00\"}}\n"},
	{"an unknown key", "versoin: 1\n", NULL},
	{"no YAML", "a: [\n", NULL},
};

static char *format(const char *text)
{
	struct diag *d = diag_new();
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);
	int r = fmt_policy("t.yaml", text, strlen(text), d, f);

	fclose(f);
	assert_int_equal(r == 0, diag_errors(d) == 0);
	if (r)
		assert_int_equal(n, 0); /* nothing is written */
	diag_free(d);
	if (r == 0)
		return out;
	free(out);
	return NULL;
}

static void test_row(void **state)
{
	const struct row *r = *state;
	char *once = format(r->text), *twice;

	if (!r->normal) {
		assert_null(once);
		return;
	}
	assert_non_null(once);
	assert_string_equal(once, r->normal);
	twice = format(once);
	assert_non_null(twice);
	assert_string_equal(twice, once);
	free(once);
	free(twice);
}

/* Every key of the language and of every protocol is in the manual. */
static void test_manual(void **state)
{
	static const struct schema_map *const maps[] = {
		&schema_policy, &schema_site,    &schema_bridge, &schema_zone, &schema_host, &schema_profile,
		&schema_point,  &schema_conduit, &schema_rule,   &schema_rate, &schema_when};
	char *text, key[80];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	schema_manual(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		for (const struct schema_key *k = maps[i]->keys; k->key; k++) {
			snprintf(key, sizeof(key), "- `%s` (", k->key);
			assert_non_null(strstr(text, key));
			assert_true(k->doc && strlen(k->doc) > 5);
		}
	for (unsigned i = 0; proto_get(i); i++)
		for (const struct vocab_function *v = proto_get(i)->functions; v->name; v++) {
			snprintf(key, sizeof(key), "- `%s` (", v->name);
			assert_non_null(strstr(text, key));
		}
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 1];
	size_t n = 0;

	for (; n < sizeof(rows) / sizeof(rows[0]); n++)
		tests[n] =
			(struct CMUnitTest){rows[n].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_manual);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
