/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Behind a promotion that was confirmed: the policy file follows, so that a later `reload` does not take it back.
 *
 * The stored texts of that policy are those of the files as `promote` read them, with one word changed. A file is written only where that word is all that
 * it differs by from the stored text, is that of the conduit, and goes the way a promotion goes: whatever else stands in it, comments too, stays as it
 * is, and what somebody has changed meanwhile is theirs.
 */
#include "fwd/ctl/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/common/meta.h"
#include "rules/model.h"
#include "rules/source.h"

struct promotion {
	char conduit[128], mode[16];
	char *source;
	size_t size;
	char *path; /* of the file that has the mode of the conduit, */
	size_t at;  /* and where */
};

/* A promotion goes from this one to that one. NULL: no promotion does. */
static const char *mode_before(const char *mode)
{
	return strcmp(mode, "shadow") == 0 ? "learn" : strcmp(mode, "enforce") == 0 ? "shadow" : NULL;
}

/* "promote CONDUIT to MODE", as promote_name() has it. */
static bool read_name(const char *name, struct promotion *p)
{
	return sscanf(name, "promote %127s to %15[a-z]", p->conduit, p->mode) == 2 && mode_before(p->mode);
}

void promote_name(char *to, size_t cap, const char *conduit, const char *mode)
{
	snprintf(to, cap, "promote %s to %s", conduit, mode);
}

static bool read_meta(const char *path, struct promotion *p)
{
	struct policy_meta m;
	size_t size;
	char *text = (char *)file_read(path, &size);
	bool good = text && meta_parse(&m, text, size) == 0 && read_name(m.name, p);

	free(text);
	return good;
}

bool promote_left(const char *dir)
{
	struct promotion p;
	char path[4096];

	snprintf(path, sizeof(path), "%s/candidate/meta", dir);
	return read_meta(path, &p);
}

static bool read_stored(const char *dir, long long number, struct promotion *p)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/policies/%06lld.meta", dir, number);
	if (!read_meta(path, p))
		return false;
	snprintf(path, sizeof(path), "%s/policies/%06lld.source", dir, number);
	p->source = (char *)file_read(path, &p->size);
	return p->source != NULL;
}

size_t mode_at(const char *text, size_t len, struct pos pos)
{
	size_t at = 0;

	for (uint32_t line = 1; line < pos.line && at < len; at++)
		line += text[at] == '\n';
	/* Columns are characters: octets that go on with one do not count. */
	for (uint32_t col = 1; at < len && (col < pos.col || ((unsigned char)text[at] & 0xc0) == 0x80); at++)
		col += ((unsigned char)text[at] & 0xc0) != 0x80;
	return at + (at < len && (text[at] == '"' || text[at] == '\''));
}

/* Where the stored texts have the mode that is confirmed. */
static bool find_mode(const struct command *cmd, struct promotion *p)
{
	const char *path, *text;
	struct diag *diag = diag_new();
	struct model *m = model_load_text(cmd->name, p->source, p->size, ctl_now(), diag);
	size_t len;

	for (size_t i = 0; m && i < m->nconduits && !p->path; i++) {
		const struct model_conduit *c = &m->conduits[i];

		if (strcmp(c->name, p->conduit) == 0 && strcmp(mode_name(c->mode), p->mode) == 0 &&
		    c->mode_pos.line && diag_source(diag, c->mode_pos.file, &path, &text, &len)) {
			p->at = mode_at(text, len, c->mode_pos);
			p->path = strdup(path);
		}
	}
	model_free(m);
	diag_free(diag);
	return p->path != NULL;
}

static bool letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_mode(const char *at, size_t n)
{
	static const char *const modes[] = {"learn", "shadow", "enforce"};

	for (size_t i = 0; i < 3; i++)
		if (strlen(modes[i]) == n && memcmp(modes[i], at, n) == 0)
			return true;
	return false;
}

/* Is the word before this place "mode:"? */
static bool behind_mode(const char *text, size_t at)
{
	while (at > 0 && (text[at - 1] == '"' || text[at - 1] == '\'' || text[at - 1] == ' '))
		at--;
	return at >= 5 && memcmp(text + at - 5, "mode:", 5) == 0;
}

bool follow_word(const char *a, size_t alen, const char *b, size_t blen, size_t *at)
{
	size_t first = 0, last = 0;

	while (first < alen && first < blen && a[first] == b[first])
		first++;
	while (last < alen - first && last < blen - first && a[alen - 1 - last] == b[blen - 1 - last])
		last++;
	/* Whole words: they may begin or end alike. */
	while (first > 0 && letter(a[first - 1]))
		first--;
	while (last > 0 && letter(a[alen - last]))
		last--;
	*at = first;
	return is_mode(a + first, alen - last - first) && is_mode(b + first, blen - last - first) &&
	       behind_mode(a, first);
}

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

/* Is the word of that conduit's mode all that is to be written, and is it the one from which it was promoted? */
static bool one_word(const struct promotion *p, const char *path, const char *text, size_t size,
		     const struct source_file *f, size_t *at)
{
	const char *before = mode_before(p->mode);
	size_t n = strlen(before);

	return strcmp(path, p->path) == 0 && follow_word(text, size, f->text, f->len, at) && *at == p->at &&
	       size - *at > n && memcmp(text + *at, before, n) == 0 && !letter(text[*at + n]);
}

/* One file of the policy. True when it says what is confirmed. */
static bool follow_file(const struct command *cmd, const struct promotion *p, const struct source_file *f,
			bool leave, FILE *out)
{
	char path[4096];
	size_t size, at;
	bool good = false;

	snprintf(path, sizeof(path), "%.*s", (int)f->path_len, f->path);
	char *text = path[0] == '/' ? (char *)file_read(path, &size) : NULL;
	if (text && size == f->len && memcmp(text, f->text, size) == 0) {
		good = true;
	} else if (!text) {
		ctl_error(cmd, "%s: %s", path, path[0] == '/' ? strerror(errno) : "not known where that is");
	} else if (!one_word(p, path, text, size, f, &at)) {
		ctl_error(cmd, "%s was changed meanwhile, and is not written", path);
	} else if (leave) {
		ctl_error(cmd, "%s:%u: not written, as told", path, line_of(text, at));
	} else if (file_replace(path, f->text, f->len) != 0) {
		ctl_error(cmd, "%s:%u: %s", path, line_of(text, at), strerror(errno));
	} else {
		fprintf(out, "%s:%u: the file now says `mode: %s` too\n", path, line_of(text, at), p->mode);
		good = true;
	}
	free(text);
	return good;
}

void follow_promotion(const struct command *cmd, const struct ask *a, bool leave)
{
	char *text = ask_text(cmd, a, "{\"cmd\":\"status\"}\n", 10);
	json_t *status = text ? ask_answer(cmd, a, text) : NULL;
	const char *dir = json_string_value(json_object_get(status, "state-dir")),
		   *file = json_string_value(json_object_get(status, "policy-file"));
	struct promotion p = {.source = NULL};
	struct source_file f;
	bool found, good = true, its = false;
	size_t place = 0;
	int r = 0;

	if (dir && read_stored(dir, ask_number(status, "policy-confirmed"), &p)) {
		found = find_mode(cmd, &p);
		while (found && (r = source_next(p.source, p.size, &place, &f)) == 1) {
			its |= file && strlen(file) == f.path_len && memcmp(file, f.path, f.path_len) == 0;
			good &= follow_file(cmd, &p, &f, leave, a->json ? stderr : stdout);
		}
		if (!found || !good || r < 0)
			fprintf(stderr,
				"write `mode: %s` for conduit %s there: until then the file is not the policy in force, and `otfwctl reload` refuses to take the conduit back\n",
				p.mode, p.conduit);
		else if (file && !its)
			fprintf(stderr, "the daemon's own policy file is %s: see that it says the same\n",
				file);
	}
	free(p.path);
	free(p.source);
	json_decref(status);
	free(text);
}
