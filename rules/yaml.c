/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "rules/text.h"

struct build {
	struct arena *arena;
	struct diag *diag;
	uint32_t file;
	yaml_parser_t parser;
	struct node *root;
	struct node *stack[YAML_DEPTH]; /* open lists and maps */
	struct node *last[YAML_DEPTH];  /* newest child of each */
	struct node *key[YAML_DEPTH];   /* a key that waits for its value */
	size_t depth;
	unsigned documents;
	bool stop;
};

static struct pos place(const struct build *b, yaml_mark_t m)
{
	return (struct pos){b->file, (uint32_t)m.line + 1, (uint32_t)m.column + 1};
}

/* These end the reading of the file: what follows cannot be trusted to mean what it seems to. */
static void refuse(struct build *b, yaml_mark_t m, const char *text)
{
	diag_error(b->diag, place(b, m), "%s", text);
	b->stop = true;
}

static void attach(struct build *b, struct node *n)
{
	if (!b->depth) {
		b->root = n;
		return;
	}
	size_t top = b->depth - 1;
	struct node *parent = b->stack[top];

	if (parent->kind == NODE_MAP && !b->key[top]) {
		if (n->kind != NODE_SCALAR) {
			diag_error(b->diag, n->pos, "a key must be a word, not a list or a map");
			b->stop = true;
			return;
		}
		b->key[top] = n;
		return;
	}
	n->key = b->key[top];
	b->key[top] = NULL;
	n->parent = parent;
	if (b->last[top])
		b->last[top]->next = n;
	else
		parent->first = n;
	b->last[top] = n;
	parent->n++;
}

static struct node *make(struct build *b, enum node_kind kind, const yaml_event_t *e)
{
	struct node *n = arena_alloc(b->arena, sizeof(*n));

	n->kind = kind;
	n->pos = place(b, e->start_mark);
	n->end = place(b, e->end_mark);
	return n;
}

static void on_scalar(struct build *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	yaml_scalar_style_t style = e->data.scalar.style;

	if (e->data.scalar.anchor) {
		refuse(b, e->start_mark,
		       "anchors are not allowed: a policy says everything where it is read");
		return;
	}
	if (e->data.scalar.tag) {
		refuse(b, e->start_mark, "tags (!...) are not allowed in a policy");
		return;
	}
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
		refuse(b, e->start_mark, "block text (| or >) is not allowed: write it on one line");
		return;
	}
	for (size_t i = 0; i < len;) {
		uint32_t c;

		i += text_char(text + i, len - i, &c);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff) {
			refuse(b, e->start_mark,
			       "text must not hold control characters, nor ones that change the direction of writing");
			return;
		}
	}
	struct node *n = make(b, NODE_SCALAR, e);
	n->text = arena_text(b->arena, text, len);
	n->quoted = style != YAML_PLAIN_SCALAR_STYLE;
	attach(b, n);
}

static void on_start(struct build *b, const yaml_event_t *e)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor = map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? e->data.mapping_start.tag : e->data.sequence_start.tag;

	if (anchor) {
		refuse(b, e->start_mark,
		       "anchors are not allowed: a policy says everything where it is read");
		return;
	}
	if (tag) {
		refuse(b, e->start_mark, "tags (!...) are not allowed in a policy");
		return;
	}
	if (b->depth == YAML_DEPTH) {
		refuse(b, e->start_mark, "lists and maps are nested too deep");
		return;
	}
	struct node *n = make(b, map ? NODE_MAP : NODE_LIST, e);
	n->flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		      : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	attach(b, n);
	b->stack[b->depth] = n;
	b->last[b->depth] = b->key[b->depth] = NULL;
	b->depth++;
}

static int by_key(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int c = strcmp(x->key->text, y->key->text);

	if (c)
		return c;
	return x->pos.line != y->pos.line ? (x->pos.line < y->pos.line ? -1 : 1)
					  : (x->pos.col < y->pos.col ? -1 : x->pos.col > y->pos.col);
}

static void check_duplicates(struct build *b, struct node *map)
{
	struct node **v = arena_array(b->arena, map->n, sizeof(struct node *));
	size_t n = 0;

	for (struct node *c = map->first; c; c = c->next)
		v[n++] = c;
	qsort(v, n, sizeof(struct node *), by_key);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (strcmp(v[first]->key->text, v[i]->key->text)) {
			first = i;
			continue;
		}
		diag_error(b->diag, v[i]->key->pos, "key \"%s\" is written twice; first in line %u",
			   v[i]->key->text, v[first]->key->pos.line);
		map->bad = true;
	}
}

static void on_event(struct build *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++b->documents > 1)
			refuse(b, e->start_mark,
			       "a second document (---) is not allowed: use `include` for more files");
		else if (e->data.document_start.version_directive ||
			 e->data.document_start.tag_directives.start !=
				 e->data.document_start.tag_directives.end)
			refuse(b, e->start_mark, "directives (%...) are not allowed in a policy");
		break;
	case YAML_ALIAS_EVENT:
		refuse(b, e->start_mark,
		       "aliases are not allowed: a policy says everything where it is read");
		break;
	case YAML_SCALAR_EVENT: on_scalar(b, e); break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT: on_start(b, e); break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		b->stack[b->depth]->end = place(b, e->end_mark);
		if (b->stack[b->depth]->kind == NODE_MAP)
			check_duplicates(b, b->stack[b->depth]);
		break;
	default: break;
	}
}

static void report(struct build *b)
{
	const yaml_parser_t *p = &b->parser;
	yaml_mark_t m = p->problem_mark;
	const char *problem = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_READER_ERROR)
		diag_error(b->diag, (struct pos){b->file, 0, 0}, "not text in UTF-8: %s at octet %zu",
			   problem, p->problem_offset);
	else if (!strcmp(problem, "found character that cannot start any token") || strstr(problem, "tab"))
		diag_error(b->diag, place(b, m),
			   "%s: indent with blanks, and put text that starts with a sign in quotes", problem);
	else if (p->context && p->context_mark.line != m.line)
		diag_error(b->diag, place(b, m), "%s, %s that starts in line %zu", problem, p->context,
			   p->context_mark.line + 1);
	else
		diag_error(b->diag, place(b, m), "%s", problem);
}

struct node *yaml_parse(struct arena *a, struct diag *d, uint32_t file, const char *text, size_t len)
{
	struct build b = {.arena = a, .diag = d, .file = file};
	bool done = false;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) { /* columns count from behind it */
		text += 3;
		len -= 3;
	}
	if (len > YAML_FILE_MAX) {
		diag_error(d, (struct pos){file, 0, 0}, "larger than %u MiB", YAML_FILE_MAX >> 20);
		return NULL;
	}
	if (!yaml_parser_initialize(&b.parser)) {
		diag_error(d, (struct pos){file, 0, 0}, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	while (!done && !b.stop) {
		yaml_event_t e;

		if (!yaml_parser_parse(&b.parser, &e)) {
			report(&b);
			break;
		}
		on_event(&b, &e);
		done = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&b.parser);
	/* Duplicate keys leave a tree that can be checked further: more errors are found at once. */
	if (!done)
		return NULL;
	if (!b.root) {
		b.root = arena_alloc(a, sizeof(*b.root));
		b.root->kind = NODE_MAP;
		b.root->pos = b.root->end = (struct pos){file, 1, 1};
	}
	return b.root;
}

struct node *node_find(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (struct node *c = map->first; c; c = c->next)
		if (!strcmp(c->key->text, key))
			return c;
	return NULL;
}

int yaml_read(const char *path, char **text, size_t *len)
{
	size_t cap = 65536, n = 0;
	char *buf = NULL;
	struct stat st;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		err = S_ISDIR(st.st_mode) ? EISDIR : errno;
		goto out;
	}
	for (;;) {
		if (!buf || n == cap) {
			char *p = realloc(buf, (cap = buf ? 2 * cap : cap) + 1);

			if (!p) {
				err = ENOMEM;
				break;
			}
			buf = p;
		}
		ssize_t r = read(fd, buf + n, cap - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			err = errno;
			break;
		}
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > YAML_FILE_MAX) {
			err = EFBIG;
			break;
		}
	}
out:
	close(fd);
	if (err) {
		free(buf);
		errno = err;
		return -1;
	}
	buf[n] = 0;
	*text = buf;
	*len = n;
	return 0;
}
