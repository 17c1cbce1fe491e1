/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a comparison: sorted, merged, printed. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff_line.h"

static const char *const change_names[] = {"allowed", "denied", "changed", "inspected", "reported"};

char *diff_text(const char *fmt, ...)
{
	va_list ap;
	char *out = NULL;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		abort();
	va_end(ap);
	return out;
}

void diff_append(char **s, const char *between, char *more)
{
	char *out = diff_text("%s%s%s", *s, **s != '\0' ? between : "", more);

	free(*s);
	free(more);
	*s = out;
}

static int line_head_cmp(const struct line *a, const struct line *b)
{
	int c = strcmp(a->conduit, b->conduit);

	if (c != 0)
		return c;
	if ((c = strcmp(a->rule != NULL ? a->rule : "", b->rule != NULL ? b->rule : "")) != 0)
		return c;
	if (a->change != b->change)
		return a->change < b->change ? -1 : 1;
	if (a->seen != b->seen)
		return a->seen < b->seen ? -1 : 1;
	return strcmp(a->what, b->what);
}

static int line_cmp(const void *x, const void *y)
{
	const struct line *a = x, *b = y;
	int c = line_head_cmp(a, b);

	if (c == 0)
		c = strcmp(a->server, b->server);
	return c != 0 ? c : strcmp(a->client, b->client);
}

static int line_client_cmp(const void *x, const void *y)
{
	const struct line *a = x, *b = y;
	int c = line_head_cmp(a, b);

	if (c == 0)
		c = strcmp(a->client, b->client);
	return c != 0 ? c : strcmp(a->server, b->server);
}

/* Lines that differ in one end only become one with both in it, apart by a tab. */
static void merge_lines(struct records *lines, bool servers)
{
	struct line *v = lines->v;
	size_t n = 0;

	if (lines->n > 0)
		qsort(v, lines->n, sizeof(*v), servers ? line_client_cmp : line_cmp);
	for (size_t i = 0; i < lines->n; i++) {
		char **mine = servers ? &v[i].server : &v[i].client;
		if (n > 0 && line_head_cmp(&v[n - 1], &v[i]) == 0 &&
		    (servers ? strcmp(v[n - 1].client, v[i].client) : strcmp(v[n - 1].server, v[i].server)) ==
			    0) {
			char **have = servers ? &v[n - 1].server : &v[n - 1].client;
			size_t len = strlen(*have), more = strlen(*mine);
			if (len >= more && strcmp(*have + len - more, *mine) == 0 &&
			    (len == more || (*have)[len - more - 1] == '\t'))
				free(*mine);
			else
				diff_append(have, "\t", *mine);
			free(v[i].what);
			free(servers ? v[i].client : v[i].server);
			continue;
		}
		v[n++] = v[i];
	}
	lines->n = n;
}

static void print_ends(FILE *out, const char *word, const char *ends)
{
	if (*ends == '\0')
		return;
	fprintf(out, " %s ", word);
	for (const char *c = ends; *c != '\0'; c++)
		if (*c == '\t')
			fputs(", ", out);
		else
			fputc(*c, out);
}

static void print_quoted(FILE *out, const char *s, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_list(FILE *out, const char *key, const char *ends)
{
	fprintf(out, ",\"%s\":[", key);
	for (const char *c = ends; *c != '\0';) {
		size_t n = strcspn(c, "\t");
		if (c != ends)
			fputc(',', out);
		print_quoted(out, c, n);
		c += n + (c[n] == '\t');
	}
	fputc(']', out);
}

static void print_line(FILE *out, const struct line *l, bool json)
{
	static const char *const seen[] = {"", "in the kernel: ", "in the kernel, not seen: ",
					   "in the kernel, seen: "},
				 *const observed[] = {"", "\"observed\":null,", "\"observed\":false,",
						      "\"observed\":true,"};

	if (json) {
		fprintf(out, "{%s\"change\":\"%s\",\"conduit\":", observed[l->seen], change_names[l->change]);
		print_quoted(out, l->conduit, strlen(l->conduit));
		fputs(",\"rule\":", out);
		if (l->rule != NULL)
			print_quoted(out, l->rule, strlen(l->rule));
		else
			fputs("null", out);
		fputs(",\"what\":", out);
		print_quoted(out, l->what, strlen(l->what));
		print_list(out, "clients", l->client);
		print_list(out, "servers", l->server);
		fputs("}\n", out);
		return;
	}
	fprintf(out, "%s%s%s%s: %s", seen[l->seen], l->conduit, l->rule != NULL ? "/" : "",
		l->rule != NULL ? l->rule : "", l->what);
	print_ends(out, "by", l->client);
	print_ends(out, "at", l->server);
	if (l->change != CHANGE_SETTING)
		fprintf(out, " becomes %s", change_names[l->change]);
	fputc('\n', out);
}

void diff_lines_print(struct records *lines, bool json, FILE *out, struct diff_count *count)
{
	merge_lines(lines, false);
	merge_lines(lines, true);
	*count = (struct diff_count){0};
	const struct line *l = lines->v;
	for (size_t i = 0; i < lines->n; i++) {
		unsigned *const n[] = {&count->allowed, &count->denied, &count->changed, &count->changed,
				       &count->changed};
		++*n[l[i].change];
		count->safety += l[i].safety;
		print_line(out, &l[i], json);
		free(l[i].what);
		free(l[i].client);
		free(l[i].server);
	}
}
