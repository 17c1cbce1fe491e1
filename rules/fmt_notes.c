/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/fmt_notes.h"

#include <stdlib.h>
#include <string.h>

#include "rules/text.h"

struct span { /* of a scalar: a "#" in it is no comment */
	struct pos from, to;
};
struct scan {
	struct arena *arena;
	struct span *spans;
	size_t nspans;
	struct node **entries; /* in the order of the file */
	size_t nentries;
};

static bool before(struct pos x, struct pos y)
{
	return x.line != y.line ? x.line < y.line : x.col < y.col;
}

static struct pos start_of(const struct node *n)
{
	return n->key ? n->key->pos : n->pos;
}

static void add_span(struct scan *s, const struct node *n)
{
	if (n->kind != NODE_SCALAR || !before(n->pos, n->end))
		return;
	s->spans = arena_more(s->arena, s->spans, s->nspans, sizeof(*s->spans));
	s->spans[s->nspans++] = (struct span){n->pos, n->end};
}

static void collect(struct scan *s, struct node *n)
{
	for (struct node *c = n->first; c; c = c->next) {
		c->notes = arena_alloc(s->arena, sizeof(*c->notes));
		s->entries = arena_more(s->arena, s->entries, s->nentries, sizeof(*s->entries));
		s->entries[s->nentries++] = c;
		if (c->key)
			add_span(s, c->key);
		add_span(s, c);
		collect(s, c);
	}
}

static void append(struct note **list, struct note *n)
{
	while (*list)
		list = &(*list)->next;
	*list = n;
}

/*
 * A comment behind something belongs to the outermost entry that ends before it on its line, or else to the last one that
 * begins there (`zones:  # ...`).
 */
static struct node *entry_on_line(const struct scan *s, uint32_t line, uint32_t col)
{
	struct node *best = NULL;
	struct pos at = {0, line, col};

	for (size_t i = 0; i < s->nentries; i++) {
		struct node *e = s->entries[i];
		bool block = e->kind != NODE_SCALAR && !e->flow;

		if (start_of(e).line > line)
			break;
		if (!block && e->end.line == line && before(e->end, at) &&
		    (!best || before(start_of(e), start_of(best))))
			best = e;
	}
	if (best)
		return best;
	for (size_t i = 0; i < s->nentries && !before(at, start_of(s->entries[i])); i++)
		if (start_of(s->entries[i]).line == line)
			best = s->entries[i];
	return best;
}

/* A "-" stands before a member of a block list: its column is what a comment above it lines up with. */
static uint32_t column(const struct node *n)
{
	uint32_t col = start_of(n).col;

	return n->parent && n->parent->kind == NODE_LIST && !n->parent->flow && col > 2 ? n->parent->pos.col
											: col;
}

static unsigned depth(const struct node *n)
{
	unsigned d = 0;

	for (; n->parent; n = n->parent)
		d++;
	return d;
}

/* A comment on a line of its own: above the next entry, unless it is indented deeper, as the end of what came before. */
static void own_line(struct scan *s, struct note *n, uint32_t line, uint32_t col, struct fmt_file *out)
{
	size_t i = 0;
	struct node *next, *last;

	while (i < s->nentries && start_of(s->entries[i]).line <= line)
		i++;
	next = i < s->nentries ? s->entries[i] : NULL;
	last = i ? s->entries[i - 1] : NULL;
	if (!last && !next) {
		append(&out->tail, n);
		return;
	}
	bool in_flow = next && next->parent && next->parent->flow;
	if (next && (!last || in_flow || col <= column(next))) {
		append(&next->notes->before, n);
		return;
	}
	/* Below `last` or one of those around it: the deepest that does not stand further right than the comment. */
	while (last->parent && last->parent->parent && (column(last) > col || last->parent->flow))
		last = last->parent;
	if (next && depth(last) <= depth(next)) /* written out, it would stand above that one */
		append(&next->notes->before, n);
	else if (!last->parent->parent)
		append(&out->tail, n);
	else
		append(&last->notes->after, n);
}

void fmt_notes(struct arena *a, struct node *root, uint32_t file, const char *text, size_t len,
	       struct fmt_file *out)
{
	struct scan s = {.arena = a};
	uint32_t line = 1, col = 1, code;
	size_t span = 0, at = 0;
	bool blank = false, empty = true; /* the line before; this line so far */
	bool *blanks = NULL;
	uint32_t nblanks = 0;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		at = 3;
	collect(&s, root);
	while (at < len) {
		size_t b = text_break(text + at, len - at);

		if (b) {
			at += b;
			blanks = arena_more(a, blanks, nblanks, sizeof(*blanks));
			blanks[nblanks++] = blank = empty;
			empty = true;
			line++;
			col = 1;
			continue;
		}
		while (span < s.nspans && !before((struct pos){file, line, col}, s.spans[span].to))
			span++;
		bool inside = span < s.nspans && !before((struct pos){file, line, col}, s.spans[span].from);
		if (text[at] == '#' && !inside) {
			size_t end = at;
			struct note *n = arena_alloc(a, sizeof(*n));
			struct node *e = empty ? NULL : entry_on_line(&s, line, col);

			while (end < len && !text_break(text + end, len - end))
				end++;
			size_t stop = end;
			while (text[stop - 1] == ' ' || text[stop - 1] == '\t')
				stop--;
			n->text = arena_text(a, text + at, stop - at);
			n->blank = blank;
			if (e && !e->notes->trailing)
				e->notes->trailing = n->text;
			else
				own_line(&s, n, line, col, out);
			at = end;
			empty = false;
			continue;
		}
		size_t n = text_char(text + at, len - at, &code);
		if (code != ' ' && code != '\t')
			empty = false;
		at += n;
		col++;
	}
	for (size_t i = 0; i < s.nentries; i++) {
		uint32_t here = start_of(s.entries[i]).line, above = here - 1;
		bool first = !i || start_of(s.entries[i - 1]).line != here; /* on its line */

		s.entries[i]->notes->blank = first && above && above <= nblanks && blanks[above - 1];
	}
	/* A blank line between the first comments and the first entry: they speak of the file. */
	if (root->first && root->first->notes->before) {
		struct note **cut = NULL;

		for (struct note **n = &root->first->notes->before; *n; n = &(*n)->next)
			if (*n != root->first->notes->before && (*n)->blank)
				cut = n;
		if (root->first->notes->blank) {
			out->head = root->first->notes->before;
			root->first->notes->before = NULL;
		} else if (cut) {
			out->head = root->first->notes->before;
			root->first->notes->before = *cut;
			*cut = NULL;
		}
	}
}
