/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules into the text of a policy, which otherwise stays as its authors wrote it. */
#include <stdlib.h>
#include <string.h>

#include "rules/cover_inner.h"
#include "rules/yaml.h"

#define PLACES_MAX 1026u

struct place {
	uint32_t line;     /* behind this one; 0: at the beginning */
	unsigned indent;   /* of what is put there */
	const char *first; /* a line of its own before it, or NULL */
	const char *text;
};

/* The last line that something of the node stands on. */
static uint32_t last_line(const struct node *n)
{
	uint32_t line = n->pos.line;

	if (n->kind == NODE_SCALAR || n->flow)
		return n->end.line > line ? n->end.line : line;
	for (const struct node *i = n->first; i != NULL; i = i->next) {
		uint32_t l = last_line(i);
		line = l > line ? l : line;
	}
	return line;
}

static const struct node *find_conduit(const struct node *root, const char *name)
{
	const struct node *list = node_find(root, "conduits");

	for (const struct node *i = list != NULL && list->kind == NODE_LIST ? list->first : NULL; i != NULL;
	     i = i->next) {
		const struct node *at = i->kind == NODE_MAP ? node_find(i, "name") : NULL;
		if (at != NULL && at->kind == NODE_SCALAR && strcmp(at->text, name) == 0)
			return i;
	}
	return NULL;
}

static bool place_rules(const struct node *conduit, const char *text, struct diag *diag, struct place *p)
{
	const struct node *name = node_find(conduit, "name"), *allow = node_find(conduit, "allow");

	if (conduit->flow || (allow != NULL && (allow->flow || allow->kind != NODE_LIST))) {
		diag_error(
			diag, allow != NULL ? allow->pos : conduit->pos,
			"rules cannot be added to what is written in brackets: `otfwctl fmt` writes it line by line");
		return false;
	}
	*p = (struct place){.text = text};
	if (allow == NULL) {
		p->line = last_line(conduit);
		p->indent = name->key->pos.col + 1;
		p->first = "allow:";
	} else {
		p->line = last_line(allow);
		/* "- " stands two characters before what it lists. */
		p->indent = allow->first != NULL ? allow->first->pos.col - 3 : allow->key->pos.col + 1;
	}
	return true;
}

static void put_lines(const char *text, unsigned indent, FILE *out)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		fprintf(out, "%*s%.*s\n", n > 0 ? (int)indent : 0, "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void put_place(const struct place *p, FILE *out)
{
	if (p->first != NULL)
		fprintf(out, "%*s%s\n", p->indent >= 2 ? (int)p->indent - 2 : 0, "", p->first);
	put_lines(p->text, p->indent, out);
}

static int by_line(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	return a->line < b->line ? -1 : a->line > b->line;
}

static bool place_profiles(const struct node *root, const char *text, struct diag *diag, struct place *p)
{
	const struct node *n = node_find(root, "profiles"), *before = node_find(root, "conduits");

	*p = (struct place){.text = text};
	if (n != NULL && (n->flow || n->kind != NODE_MAP)) {
		diag_error(
			diag, n->pos,
			"profiles cannot be added to what is written in braces: `otfwctl fmt` writes it line by line");
		return false;
	}
	if (n != NULL) {
		p->line = last_line(n);
	} else {
		p->line = before->key->pos.line - 1;
		p->indent = 0;
		p->first = "profiles:";
	}
	return true;
}

int cover_splice(const char *name, const char *text, size_t len, const struct cover_part *parts, size_t n,
		 const char *profiles, struct diag *diag, FILE *out, const char **missing)
{
	static char left[1024];
	struct place *places = cover_alloc(NULL, n + 2, sizeof(*places));
	struct arena *a = arena_new();
	uint32_t file = diag_file(diag, name, text, len);
	const struct node *root = yaml_parse(a, diag, file, text, len);
	size_t count = 0;
	bool ok = root != NULL && root->kind == NODE_MAP;

	left[0] = '\0';
	for (size_t i = 0; ok && i < n; i++) {
		const struct node *conduit = find_conduit(root, parts[i].conduit);
		if (*parts[i].rules == '\0')
			continue;
		if (conduit != NULL) {
			ok = place_rules(conduit, parts[i].rules, diag, &places[count++]);
			continue;
		}
		size_t at = strlen(left);
		snprintf(left + at, sizeof(left) - at, "%s%s", at > 0 ? ", " : "", parts[i].conduit);
	}
	if (ok && profiles != NULL && *profiles != '\0' && node_find(root, "conduits") != NULL)
		ok = place_profiles(root, profiles, diag, &places[count++]);
	if (ok) {
		qsort(places, count, sizeof(*places), by_line);
		uint32_t line = 0;
		size_t next = 0;
		for (const char *at = text;;) {
			while (next < count && places[next].line == line)
				put_place(&places[next++], out);
			if (at >= text + len)
				break;
			const char *end = memchr(at, '\n', (size_t)(text + len - at));
			size_t take = end != NULL ? (size_t)(end - at) : (size_t)(text + len - at);
			fprintf(out, "%.*s\n", (int)take, at);
			at += take + 1;
			line++;
		}
	}
	*missing = left;
	arena_free(a);
	free(places);
	return ok ? 0 : -1;
}
