/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, their places, what is refused; and how diagnostics print them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/text.h"
#include "rules/yaml.h"

/* What diag_print says of a text. The caller frees it. */
static char *printed(const char *text, size_t len, bool json, struct node **root, struct arena *a)
{
	struct diag *d = diag_new();
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	*root = yaml_parse(a, d, diag_file(d, "t.yaml", text, len), text, len);
	diag_print(d, f, json);
	fclose(f);
	diag_free(d);
	return out;
}

struct row {
	const char *name, *text, *says;
	bool tree; /* a tree comes back nevertheless */
};

static const struct row rows[] = {
	{"good", "a: {b: [1, 2]}\n", "", true},
	{"empty", "", "", true},
	{"anchor", "a: &x 1\n",
	 "t.yaml:1:4: error: anchors are not allowed: a policy says everything where it is read\n"
	 "    1 | a: &x 1\n      |    ^\n",
	 false},
	{"anchor on a list", "a: &x [1]\n",
	 "t.yaml:1:4: error: anchors are not allowed: a policy says everything where it is read\n"
	 "    1 | a: &x [1]\n      |    ^\n",
	 false},
	{"alias", "a: *x\n",
	 "t.yaml:1:4: error: aliases are not allowed: a policy says everything where it is read\n"
	 "    1 | a: *x\n      |    ^\n",
	 false},
	{"tag", "a: !b c\n",
	 "t.yaml:1:4: error: tags (!...) are not allowed in a policy\n    1 | a: !b c\n      |    ^\n",
	 false},
	{"directive", "%YAML 1.1\n---\na: 1\n",
	 "t.yaml:1:1: error: directives (%...) are not allowed in a policy\n    1 | %YAML 1.1\n      | ^\n",
	 false},
	{"second document", "a: 1\n---\nb: 1\n",
	 "t.yaml:2:1: error: a second document (---) is not allowed: use `include` for more files\n"
	 "    2 | ---\n      | ^\n",
	 false},
	{"block text", "a: >\n  b\n",
	 "t.yaml:1:4: error: block text (| or >) is not allowed: write it on one line\n    1 | a: >\n      |    ^\n",
	 false},
	{"list as key", "[a]: b\n",
	 "t.yaml:1:1: error: a key must be a word, not a list or a map\n    1 | [a]: b\n      | ^\n", false},
	{"duplicate key", "a: 1\nb: 2\na: 3\n",
	 "t.yaml:3:1: error: key \"a\" is written twice; first in line 1\n    3 | a: 3\n      | ^\n", true},
	{"control character", "a: \"x\\e[2J\"\n",
	 "t.yaml:1:4: error: text must not hold control characters, nor ones that change the direction of writing\n"
	 "    1 | a: \"x\\e[2J\"\n      |    ^\n",
	 false},
	{"bidirectional text", "a: \"x\\u202ey\"\n",
	 "t.yaml:1:4: error: text must not hold control characters, nor ones that change the direction of writing\n"
	 "    1 | a: \"x\\u202ey\"\n      |    ^\n",
	 false},
	{"not UTF-8", "a: \xff\n",
	 "t.yaml: error: not text in UTF-8: invalid leading UTF-8 octet at octet 3\n", false},
	{"carriage returns count lines", "a: 1\r\nb: 2\rc: *x\r\n",
	 "t.yaml:3:4: error: aliases are not allowed: a policy says everything where it is read\n"
	 "    3 | c: *x\n      |    ^\n",
	 false},
	{"byte order mark takes no column",
	 "\xef\xbb\xbf"
	 "a: *x\n",
	 "t.yaml:1:4: error: aliases are not allowed: a policy says everything where it is read\n"
	 "    1 | a: *x\n      |    ^\n",
	 false},
	{"wide characters before the caret", "{\"\xe8\xa3\xbd\xe9\x80\xa0\": *x}\n",
	 "t.yaml:1:8: error: aliases are not allowed: a policy says everything where it is read\n"
	 "    1 | {\"\xe8\xa3\xbd\xe9\x80\xa0\": *x}\n      |          ^\n",
	 false},
	{"tabs before the caret", "{a:\t\t*x}\n",
	 "t.yaml:1:6: error: aliases are not allowed: a policy says everything where it is read\n"
	 "    1 | {a:\t\t*x}\n      |    \t\t^\n",
	 false},
	{"too deep", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n",
	 "t.yaml:1:17: error: lists and maps are nested too deep\n"
	 "    1 | [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n      |                 ^\n",
	 false},
};

static void test_row(void **state)
{
	const struct row *r = *state;
	struct arena *a = arena_new();
	struct node *root;
	char *out = printed(r->text, strlen(r->text), false, &root, a);

	assert_string_equal(out, r->says);
	assert_int_equal(root != NULL, r->tree);
	free(out);
	arena_free(a);
}

static void test_tree(void **state)
{
	static const char text[] = "a: {b: [x, 'y z']}\nc: -5..5\n";
	struct arena *a = arena_new();
	struct node *root, *b;
	char *out = printed(text, strlen(text), false, &root, a);

	(void)state;
	assert_string_equal(out, "");
	assert_int_equal(root->kind, NODE_MAP);
	assert_int_equal(root->n, 2);
	b = node_find(node_find(root, "a"), "b");
	assert_non_null(b);
	assert_int_equal(b->n, 2);
	assert_string_equal(b->first->text, "x");
	assert_false(b->first->quoted);
	assert_string_equal(b->first->next->text, "y z");
	assert_true(b->first->next->quoted);
	assert_int_equal(b->first->next->pos.line, 1);
	assert_int_equal(b->first->next->pos.col, 12);
	assert_int_equal(b->first->next->end.col, 17);
	assert_ptr_equal(b->parent, node_find(root, "a"));
	assert_string_equal(node_find(root, "c")->text, "-5..5");
	assert_null(node_find(root, "d"));
	free(out);
	arena_free(a);
}

static void test_json(void **state)
{
	static const char text[] = "\"a\\\"\\\\\": 1\n\"a\\\"\\\\\": 2\n";
	struct arena *a = arena_new();
	struct node *root;
	char *out = printed(text, strlen(text), true, &root, a);

	(void)state;
	assert_string_equal(
		out, "{\"file\":\"t.yaml\",\"line\":2,\"col\":1,\"severity\":\"error\",\"message\":\"key "
		     "\\\"a\\\"\\\\\\\" is written twice; first in line 1\"}\n");
	free(out);
	arena_free(a);
}

/* Twenty are kept, in the order of their places, and the rest is counted; warnings push no error out. */
static void test_many(void **state)
{
	struct diag *d = diag_new();
	uint32_t f = diag_file(d, "t", "x\n", 2);
	char *out = NULL, *last;
	size_t n, lines = 0;

	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		diag_warn(d, (struct pos){f, 0, 0}, "warning %u", i);
	for (uint32_t i = 0; i < 25; i++)
		diag_error(d, (struct pos){f, 1, 30 - i}, "error %u", i);
	diag_error(d, (struct pos){f, 1, 30}, "error 0");
	assert_int_equal(diag_errors(d), 25);
	assert_int_equal(diag_warnings(d), 30);
	FILE *m = open_memstream(&out, &n);
	diag_print(d, m, false);
	fclose(m);
	for (const char *p = out; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 20 + 3 * 20 + 2);
	last = strstr(out, "t:1:11: error: error 19\n");
	assert_non_null(last);
	assert_non_null(strstr(last, "t:1:30: error: error 0\n"));
	assert_non_null(strstr(out, "and 5 more errors\nand 10 more warnings\n"));
	assert_string_equal(diag_where(d, (struct pos){f, 3, 4}), "t:3:4");
	assert_string_equal(diag_where(d, (struct pos){f, 0, 0}), "t");
	free(out);
	diag_free(d);
}

/* A line of any length is shown around the caret only. */
static void test_long_line(void **state)
{
	char text[5000];
	struct diag *d = diag_new();
	char *out = NULL, *caret;
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[2999] = '!';
	uint32_t f = diag_file(d, "t", text, sizeof(text));
	diag_error(d, (struct pos){f, 1, 3000}, "here");
	FILE *m = open_memstream(&out, &n);
	diag_print(d, m, false);
	fclose(m);
	char *source = strstr(out, "\n    1 | ") + 1, *below = strchr(source, '\n') + 1;
	assert_true(below - source < 200);
	caret = strchr(below, '^');
	assert_non_null(caret);
	assert_int_equal(source[caret - below], '!');
	free(out);
	diag_free(d);
}

static void test_text(void **state)
{
	uint32_t c;

	(void)state;
	assert_int_equal(text_break("\r\n", 2), 2);
	assert_int_equal(text_break("\xc2\x85", 2), 2);
	assert_int_equal(text_break("\xe2\x80\xa8x", 4), 3);
	assert_int_equal(text_break("x", 1), 0);
	assert_int_equal(text_break("", 0), 0);
	assert_int_equal(text_char("\xf0\x9f\x8f\xad", 4, &c), 4);
	assert_int_equal(c, 0x1f3ed);
	assert_int_equal(text_width(c), 2);
	assert_int_equal(text_char("\xf0\x9f", 2, &c), 1);
	assert_int_equal(c, 0xfffd);
	assert_int_equal(text_width(0x301), 0);
	assert_int_equal(text_count("\xc3\xa4x"), 2);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 5];
	size_t n = 0;

	for (; n < sizeof(rows) / sizeof(rows[0]); n++)
		tests[n] =
			(struct CMUnitTest){rows[n].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_tree);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_json);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_long_line);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_text);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
