/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files to nodes, nodes to sections of names, and the order in which the rest of the loader resolves them. */
#include "rules/load.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules/sets.h"
#include "rules/source.h"

void *load_array(struct load *l, size_t n, size_t size)
{
	return arena_array(l->arena, n ? n : 1, size);
}

struct node *load_get(const struct node *map, const char *key)
{
	struct node *n = node_find(map, key);

	return n && !n->bad ? n : NULL;
}

int64_t load_num(const struct node *map, const char *key, int64_t otherwise)
{
	const struct node *n = load_get(map, key);

	return n ? n->num : otherwise;
}

/* ---- sections ---- */

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	if (c)
		return c;
	const struct pos *p = &x->node->key->pos, *q = &y->node->key->pos;
	if (p->file != q->file)
		return p->file < q->file ? -1 : 1;
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	if (p->col != q->col)
		return p->col < q->col ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int find_entry(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entry *)entry)->name);
}

struct entry *load_find(const struct section *s, const char *name)
{
	return s->n ? bsearch(name, s->v, s->n, sizeof(*s->v), find_entry) : NULL;
}

void load_unknown(struct load *l, struct node *n, const char *what, const char *name,
		  const struct section *const *sections)
{
	struct near near = {.text = name};

	for (; *sections; sections++)
		for (size_t i = 0; i < (*sections)->n; i++)
			schema_nearer(&near, (*sections)->v[i].name);
	diag_error(l->diag, n->pos, "no %s is called \"%s\"%s", what, name, schema_hint(l->arena, near.best));
	n->bad = true;
}

static void add_entry(struct load *l, struct section *s, const char *name, struct node *node, uint32_t index)
{
	s->v = arena_more(l->arena, s->v, s->n, sizeof(*s->v));
	s->v[s->n++] = (struct entry){.name = name, .node = node, .index = index};
}

/* p-101..p-120: the same letters before numbers of the same width. Adds each name; false when it is no such range. */
bool load_names(struct arena *a, const char *text, char *why, size_t cap, const char ***names, size_t *n)
{
	const char *dots = strstr(text, ".."), *hi = dots + 2;
	size_t len = (size_t)(dots - text), stem = len, digits;
	char *end;

	while (stem && text[stem - 1] >= '0' && text[stem - 1] <= '9')
		stem--;
	digits = len - stem;
	if (!digits || digits > 9 || strlen(hi) != len || strncmp(text, hi, stem) ||
	    strspn(hi + stem, "0123456789") != digits) {
		snprintf(
			why, cap,
			"a range of names has the same letters and as many digits on both sides, p-101..p-120; "
			"found \"%s\"",
			text);
		return false;
	}
	unsigned long x = strtoul(text + stem, &end, 10), y = strtoul(hi + stem, &end, 10);
	if (x > y || y - x >= 4096) {
		snprintf(why, cap,
			 x > y ? "the range \"%s\" runs backwards"
			       : "the range \"%s\" has more than 4096 names",
			 text);
		return false;
	}
	*n = y - x + 1;
	*names = arena_array(a, *n, sizeof(**names));
	for (size_t i = 0; i < *n; i++)
		(*names)[i] = arena_print(a, "%.*s%0*lu", (int)stem, text, (int)digits, x + i);
	return true;
}

static void collect(struct load *l, struct section *s, const struct node *root, const char *key,
		    const char *what)
{
	const struct node *map = load_get(root, key);

	s->what = what;
	if (!map || map->kind != NODE_MAP)
		return;
	for (struct node *n = map->first; n; n = n->next) {
		const char *name = n->key->text, **names;
		size_t count;
		char why[256];

		if (n->key->bad)
			continue;
		if (!strstr(name, "..")) {
			add_entry(l, s, name, n, 0);
			continue;
		}
		if (!load_names(l->arena, name, why, sizeof(why), &names, &count)) {
			diag_error(l->diag, n->key->pos, "%s", why);
			continue;
		}
		for (size_t i = 0; i < count; i++)
			add_entry(l, s, names[i], n, (uint32_t)i);
	}
}

/* Sorts and reports what is defined twice; the first one stays. */
static void settle(struct load *l, struct section *s)
{
	size_t n = 0;

	if (!s->n)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_name);
	for (size_t i = 1; i < s->n; i++) {
		if (strcmp(s->v[i].name, s->v[n].name)) {
			s->v[++n] = s->v[i];
			continue;
		}
		const struct node *first = s->v[n].node->key;
		/* Twice in one map has been said already. */
		if (first->pos.file == s->v[i].node->key->pos.file &&
		    !strcmp(first->text, s->v[i].node->key->text))
			continue;
		diag_error(l->diag, s->v[i].node->key->pos, "%s \"%s\" is defined twice; first at %s",
			   s->what, s->v[i].name, diag_where(l->diag, first->pos));
	}
	s->n = n + 1;
}

/* ---- files ---- */

static struct pos whole_file(uint32_t file)
{
	return (struct pos){file, 0, 0};
}

static void load_text(struct load *l, const char *path, const char *text, size_t len);

static void load_file(struct load *l, const char *path, struct node *by)
{
	struct pos pos = by ? by->pos : whole_file(0);
	struct stat st = {0};
	char *text;
	size_t len;

	if (yaml_read(path, &text, &len) < 0 || stat(path, &st) < 0) {
		int err = errno;

		if (!by)
			pos = whole_file(diag_file(l->diag, path, "", 0));
		if (err == EFBIG)
			diag_error(l->diag, pos, "%s%scannot be read: larger than %u MiB", by ? path : "",
				   by ? " " : "", YAML_FILE_MAX >> 20);
		else
			diag_error(l->diag, pos, "%s%scannot be read: %s", by ? path : "", by ? " " : "",
				   strerror(err));
		return;
	}
	for (size_t i = 0; i < l->nfiles; i++)
		if (l->files[i].dev == (uint64_t)st.st_dev && l->files[i].ino == (uint64_t)st.st_ino && by) {
			diag_error(l->diag, by->pos, "%s is included twice", path);
			free(text);
			return;
		}
	if (l->nfiles == LOAD_FILES_MAX) {
		diag_error(l->diag, pos, "more than %d files", LOAD_FILES_MAX);
		free(text);
		return;
	}
	l->files[l->nfiles].dev = (uint64_t)st.st_dev;
	l->files[l->nfiles].ino = (uint64_t)st.st_ino;
	load_text(l, path, text, len);
	free(text);
}

/* A directory that is not there matches nothing; one that cannot be read may hide a file. */
static int glob_error(const char *path, int err)
{
	(void)path;
	errno = err;
	return err != ENOENT && err != ENOTDIR;
}

static void load_includes(struct load *l, const char *path, const struct node *root)
{
	struct node *list = load_get(root, "include");
	const char *slash = strrchr(path, '/');

	if (!list || l->bundled)
		return;
	if (l->text_only) {
		diag_error(l->diag, list->pos, "`include` needs a policy that is a file");
		return;
	}
	for (struct node *n = list->kind == NODE_LIST ? list->first : list; n; n = n->next) {
		const char *pattern =
			n->text[0] == '/' || !slash
				? n->text
				: arena_print(l->arena, "%.*s/%s", (int)(slash - path), path, n->text);
		glob_t g;
		int r = glob(pattern, 0, glob_error, &g);

		if (r == GLOB_NOMATCH && strpbrk(n->text, "*?["))
			diag_warn(l->diag, n->pos, "no file matches \"%s\"", n->text);
		else if (r == GLOB_NOMATCH)
			diag_error(l->diag, n->pos, "%s cannot be read: %s", pattern, strerror(ENOENT));
		else if (r)
			diag_error(l->diag, n->pos, "%s cannot be searched: %s", pattern, strerror(errno));
		for (size_t i = 0; !r && i < g.gl_pathc; i++)
			load_file(l, g.gl_pathv[i], n);
		if (!r)
			globfree(&g);
		if (list->kind != NODE_LIST)
			break;
	}
}

static void load_text(struct load *l, const char *path, const char *text, size_t len)
{
	uint32_t file = diag_file(l->diag, path, text, len);
	size_t index = l->nfiles++;
	struct node *root = yaml_parse(l->arena, l->diag, file, text, len);
	static const char *const first_only[] = {"site", "bridge", NULL};

	l->files[index].path = path = arena_text(l->arena, path, strlen(path));
	if (!root)
		return;
	if (!schema_check(l->arena, l->diag, root, &schema_policy) && root->kind != NODE_MAP)
		return;
	l->files[index].root = root;
	if (!index && !node_find(root, "version"))
		diag_error(l->diag, whole_file(file), "a policy begins with `version: 1`");
	for (const char *const *k = first_only; index && *k; k++) {
		const struct node *n = node_find(root, *k);

		if (n)
			diag_error(l->diag, n->key->pos, "\"%s\" belongs in the first file, %s", *k,
				   l->files[0].path);
	}
	load_includes(l, path, root);
}

/* ---- the whole ---- */

static struct model *finish(struct load *l)
{
	for (size_t i = 0; i < l->nfiles; i++) {
		const struct node *root = l->files[i].root;

		collect(l, &l->zones, root, "zones", "zone");
		collect(l, &l->hosts, root, "hosts", "host");
		collect(l, &l->groups, root, "groups", "group");
		collect(l, &l->profiles, root, "profiles", "profile");
	}
	settle(l, &l->zones);
	settle(l, &l->hosts);
	settle(l, &l->groups);
	settle(l, &l->profiles);
	load_site(l);
	load_zones(l);
	load_hosts(l);
	load_profiles(l);
	load_conduits(l);
	if (!diag_errors(l->diag))
		load_warnings(l);
	if (!diag_errors(l->diag))
		return l->model;
	model_free(l->model);
	return NULL;
}

static struct load *begin(int64_t now_us, struct diag *diag)
{
	struct arena *a = arena_new();
	struct load *l = arena_alloc(a, sizeof(*l));

	l->arena = a;
	l->diag = diag;
	l->now_us = now_us;
	l->model = arena_alloc(a, sizeof(*l->model));
	l->model->arena = a;
	return l;
}

struct model *model_load(const char *path, int64_t now_us, struct diag *diag)
{
	struct load *l = begin(now_us, diag);

	load_file(l, path, NULL);
	return finish(l);
}

/* Each text where it would have been included. */
static void load_source(struct load *l, const char *name, const char *text, size_t len)
{
	struct source_file f;
	size_t at = 0;
	int r;

	l->bundled = true;
	while ((r = source_next(text, len, &at, &f)) == 1 && l->nfiles < LOAD_FILES_MAX)
		load_text(l, arena_text(l->arena, f.path, f.path_len), f.text, f.len);
	if (r != 0 || !l->nfiles)
		diag_error(l->diag, whole_file(diag_file(l->diag, name, "", 0)),
			   r == 1 ? "more than %d files" : "the stored source is damaged", LOAD_FILES_MAX);
}

struct model *model_load_text(const char *name, const char *text, size_t len, int64_t now_us,
			      struct diag *diag)
{
	struct load *l = begin(now_us, diag);

	l->text_only = true;
	if (source_is(text, len))
		load_source(l, name, text, len);
	else
		load_text(l, name, text, len);
	return finish(l);
}

void model_free(struct model *m)
{
	if (m)
		arena_free(m->arena);
}
