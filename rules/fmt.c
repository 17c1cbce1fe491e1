/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/fmt.h"

#include <stdlib.h>
#include <string.h>

#include "rules/fmt_notes.h"
#include "rules/schema.h"
#include "rules/text.h"

#define WIDTH 120

struct writer {
	struct arena *arena;
	FILE *out;
	bool started; /* something has been written: a blank line may stand here */
	bool was_blank;
};

/* ---- scalars ---- */

static bool looks_typed(const char *s)
{
	static const char *const words[] = {"~",     "null",  "Null", "NULL", "true", "True", "TRUE", "false",
					    "False", "FALSE", "yes",  "no",   "Yes",  "No",   "YES",  "NO",
					    "on",    "On",    "ON",   "off",  "Off",  "OFF",  NULL};

	for (const char *const *w = words; *w; w++)
		if (!strcmp(*w, s))
			return true;
	return strpbrk(s, "0123456789") && strspn(s, "0123456789.+-eExX_:") == strlen(s);
}

static bool plain(const struct node *n)
{
	const char *s = n->text;
	size_t len = strlen(s);
	enum schema_type type = n->schema ? n->schema->type : S_SPEC;

	if (!len || s[0] == ' ' || s[len - 1] == ' ' || s[len - 1] == ':' ||
	    strchr("-?:,[]{}#&*!|>'\"%@`", s[0])) {
		if (!(len > 1 && s[0] == '-' && s[1] >= '0' && s[1] <= '9'))
			return false;
	}
	if (strpbrk(s, ",[]{}\"\\") || strstr(s, ": ") || strstr(s, " #"))
		return false;
	return type != S_BETWEEN && !(type == S_TEXT && looks_typed(s));
}

static const char *scalar(struct writer *w, const struct node *n)
{
	char *out, *p;

	if (plain(n))
		return n->text;
	p = out = arena_alloc(w->arena, 2 * strlen(n->text) + 3);
	*p++ = '"';
	for (const char *s = n->text; *s; s++) {
		if (*s == '"' || *s == '\\')
			*p++ = '\\';
		*p++ = *s;
	}
	*p++ = '"';
	return out;
}

/* ---- order ---- */

static int rank(const struct schema_map *map, const struct node *n)
{
	int i = 0, protocol = 0;

	if (!map)
		return 0;
	for (const struct schema_key *k = map->keys; k->key; k++, i += 2) {
		if (!strcmp(k->key, n->key->text))
			return i;
		if (!strcmp(k->key, "functions"))
			protocol = i - 1; /* stations and the like stand before the functions */
	}
	return protocol;
}

struct ranked {
	struct node *n;
	int rank;
	size_t place;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* The children: keys in the schema's order, names and members in that of the file. */
static struct node **in_order(struct writer *w, const struct node *n)
{
	struct ranked *v = arena_array(w->arena, n->n + 1, sizeof(*v));
	struct node **out = arena_array(w->arena, n->n + 1, sizeof(struct node *));
	size_t i = 0;

	for (struct node *c = n->first; c; c = c->next, i++)
		v[i] = (struct ranked){c, rank(n->map, c), i};
	qsort(v, n->n, sizeof(*v), by_rank);
	for (i = 0; i < n->n; i++)
		out[i] = v[i].n;
	return out;
}

/* ---- one line ---- */

static bool has_notes(const struct node *n)
{
	for (const struct node *c = n->first; c; c = c->next)
		if (c->notes->before || c->notes->after || c->notes->trailing || has_notes(c))
			return true;
	return false;
}

/* One member may stand without brackets; the normal form has them where a list is the rule. */
static bool wants_brackets(const struct node *n)
{
	if (n->kind != NODE_SCALAR || n->set.any)
		return false;
	switch ((enum schema_type)n->type) {
	case S_NAMES:
	case S_WORDS:
	case S_TEXTS:
	case S_RANGES:
	case S_NETWORKS:
	case S_ETHERTYPES:
	case S_ICMP:
	case S_PROTOCOLS: return true;
	default: return false;
	}
}

static void one_line(struct writer *w, const struct node *n, FILE *out)
{
	struct node **v;

	if (n->kind == NODE_SCALAR) {
		fprintf(out, wants_brackets(n) ? "[%s]" : "%s", scalar(w, n));
		return;
	}
	v = in_order(w, n);
	fputc(n->kind == NODE_LIST ? '[' : '{', out);
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			fputs(", ", out);
		if (v[i]->key)
			fprintf(out, "%s: ", scalar(w, v[i]->key));
		one_line(w, v[i], out);
	}
	fputc(n->kind == NODE_LIST ? ']' : '}', out);
}

/* These are written out however short they are. */
static bool always_block(const struct node *n)
{
	if (n->kind == NODE_SCALAR || !n->n)
		return false;
	return n->type == S_ENTRIES || n->type == S_ITEMS || n->map == &schema_policy ||
	       n->map == &schema_conduit || n->map == &schema_profile;
}

/* The value as one line, or NULL when it must be a block or is too long behind `used` columns. */
static const char *inline_text(struct writer *w, const struct node *n, size_t used)
{
	char *text = NULL;
	const char *kept;
	size_t len;
	FILE *out;

	if (always_block(n) || has_notes(n))
		return NULL;
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	one_line(w, n, out);
	fclose(out);
	kept = arena_text(w->arena, text, len);
	free(text);
	return n->kind == NODE_SCALAR || !n->n || used + 1 + text_count(kept) <= WIDTH ? kept : NULL;
}

/* ---- blocks ---- */

static void blank_line(struct writer *w)
{
	if (w->started && !w->was_blank)
		fputc('\n', w->out);
	w->was_blank = true;
}

static void indent(struct writer *w, unsigned depth)
{
	fprintf(w->out, "%*s", (int)depth, "");
	w->started = true;
	w->was_blank = false;
}

static void write_notes(struct writer *w, const struct note *n, unsigned depth)
{
	for (; n; n = n->next) {
		if (n->blank)
			blank_line(w);
		indent(w, depth);
		fprintf(w->out, "%s\n", n->text);
	}
}

static void end_line(struct writer *w, const struct node *n)
{
	if (n->notes->trailing)
		fprintf(w->out, "  %s", n->notes->trailing);
	fputc('\n', w->out);
}

/* A list of words that is too long for a line goes on in the next, indented. */
static bool wraps(const struct node *n)
{
	for (const struct node *c = n->first; c; c = c->next)
		if (c->kind != NODE_SCALAR)
			return false;
	return n->kind == NODE_LIST && n->n && !has_notes(n);
}

static void write_wrapped(struct writer *w, const struct node *n, unsigned depth, size_t used)
{
	size_t col = used + 2;

	fputs(" [", w->out);
	for (const struct node *c = n->first; c; c = c->next) {
		const char *s = scalar(w, c);
		size_t width = text_count(s) + 1;

		if (c != n->first && col + 1 + width > WIDTH) {
			fprintf(w->out, "\n%*s", (int)depth + 2, "");
			col = depth + 2;
		} else if (c != n->first) {
			fputc(' ', w->out);
			col++;
		}
		fprintf(w->out, "%s%c", s, c->next ? ',' : ']');
		col += width;
	}
}

static void write_entry(struct writer *w, struct node *n, unsigned depth, bool dashed, bool first);

static void write_children(struct writer *w, struct node *n, unsigned depth, bool dashed)
{
	struct node **v = in_order(w, n);

	for (size_t i = 0; i < n->n; i++)
		write_entry(w, v[i], depth, dashed && !i, !i);
}

/* What stands above an entry. Of a member that is written as a block, the dash's line has no room for comments. */
static void write_above(struct writer *w, const struct node *n, unsigned depth, bool first, const char *line)
{
	const struct notes *t = n->notes;

	if (n->parent->map == &schema_policy && !line && n->kind != NODE_SCALAR)
		blank_line(w);
	if (first)
		w->was_blank = true; /* none below the key */
	write_notes(w, t->before, depth);
	if (!n->key && !line && n->kind == NODE_MAP) {
		if (t->trailing) {
			indent(w, depth);
			fprintf(w->out, "%s\n", t->trailing);
		}
		write_notes(w, in_order(w, n)[0]->notes->before, depth);
	}
	if (t->blank)
		blank_line(w);
}

/* dashed: the "- " before it has been written. */
static void write_entry(struct writer *w, struct node *n, unsigned depth, bool dashed, bool first)
{
	const char *key = n->key ? scalar(w, n->key) : NULL;
	size_t used = depth + (key ? text_count(key) : 0) + 1;
	const char *line = inline_text(w, n, used);

	if (!dashed) {
		write_above(w, n, depth, first && n->parent->parent, line);
		indent(w, depth);
	}
	if (key)
		fprintf(w->out, "%s:", key);
	else
		fputc('-', w->out);
	if (line && (*line || n->quoted)) {
		fprintf(w->out, " %s", line);
		end_line(w, n);
	} else if (line) {
		end_line(w, n);
	} else if (wraps(n)) {
		write_wrapped(w, n, depth, used);
		end_line(w, n);
	} else if (key) {
		end_line(w, n);
		write_children(w, n, depth + 2, false);
	} else {
		fputc(' ', w->out);
		write_children(w, n, depth + 2, true);
	}
	write_notes(w, n->notes->after, depth);
}

int fmt_policy(const char *name, const char *text, size_t len, struct diag *diag, FILE *out)
{
	struct arena *a = arena_new();
	struct writer w = {.arena = a, .out = out};
	struct fmt_file file = {0};
	uint32_t index = diag_file(diag, name, text, len);
	struct node *root = yaml_parse(a, diag, index, text, len);
	int r = -1;

	if (root && schema_check(a, diag, root, &schema_policy) && !diag_errors(diag)) {
		fmt_notes(a, root, index, text, len, &file);
		write_notes(&w, file.head, 0);
		if (file.head)
			blank_line(&w);
		write_children(&w, root, 0, false);
		write_notes(&w, file.tail, 0);
		r = ferror(out) ? -1 : 0;
	}
	arena_free(a);
	return r;
}
