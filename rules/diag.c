/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules/arena.h"
#include "rules/text.h"

#define CLIP 160 /* characters of a source line that are shown; longer ones are cut around the caret */

struct file {
	const char *path;
	const char *text;
	size_t len;
};
struct item {
	struct pos pos;
	unsigned seq; /* found first is printed first at the same place */
	bool error;
	const char *text;
};
struct diag {
	struct arena *arena;
	struct file *files;
	uint32_t nfiles;
	struct item items[2 * DIAG_MAX];
	unsigned nitems, errors, warnings;
	char where[512];
};

struct diag *diag_new(void)
{
	struct arena *a = arena_new();
	struct diag *d = arena_alloc(a, sizeof(*d));

	d->arena = a;
	return d;
}

void diag_free(struct diag *d)
{
	if (d)
		arena_free(d->arena);
}

uint32_t diag_file(struct diag *d, const char *path, const char *text, size_t len)
{
	d->files = arena_more(d->arena, d->files, d->nfiles, sizeof(*d->files));
	d->files[d->nfiles] =
		(struct file){arena_text(d->arena, path, strlen(path)), arena_text(d->arena, text, len), len};
	return d->nfiles++;
}

bool diag_source(const struct diag *d, uint32_t i, const char **path, const char **text, size_t *len)
{
	if (i >= d->nfiles)
		return false;
	*path = d->files[i].path;
	*text = d->files[i].text;
	*len = d->files[i].len;
	return true;
}

static void add(struct diag *d, struct pos pos, bool error, const char *fmt, va_list ap)
{
	char text[1024];
	unsigned *count = error ? &d->errors : &d->warnings;

	vsnprintf(text, sizeof(text), fmt, ap);
	for (unsigned i = 0; i < d->nitems; i++) {
		const struct item *it = &d->items[i];

		if (it->error == error && it->pos.file == pos.file && it->pos.line == pos.line &&
		    it->pos.col == pos.col && !strcmp(it->text, text))
			return; /* two rules of the loader found the same fault */
	}
	if ((*count)++ >= DIAG_MAX)
		return;
	d->items[d->nitems] = (struct item){pos, d->nitems, error, arena_text(d->arena, text, strlen(text))};
	d->nitems++;
}

void diag_error(struct diag *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, pos, true, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, pos, false, fmt, ap);
	va_end(ap);
}

unsigned diag_errors(const struct diag *d)
{
	return d->errors;
}

unsigned diag_warnings(const struct diag *d)
{
	return d->warnings;
}

static const char *path_of(const struct diag *d, uint32_t file)
{
	return file < d->nfiles ? d->files[file].path : "?";
}

const char *diag_where(struct diag *d, struct pos pos)
{
	if (pos.line)
		snprintf(d->where, sizeof(d->where), "%s:%u:%u", path_of(d, pos.file), pos.line, pos.col);
	else
		snprintf(d->where, sizeof(d->where), "%s", path_of(d, pos.file));
	return d->where;
}

static bool find_line(const struct file *f, uint32_t line, const char **start, size_t *len)
{
	size_t at = 0;

	if (f->len >= 3 && !memcmp(f->text, "\xef\xbb\xbf", 3))
		at = 3;
	for (uint32_t n = 1;; n++) {
		size_t from = at, b = 0;

		while (at < f->len && !(b = text_break(f->text + at, f->len - at)))
			at++;
		if (n == line) {
			*start = f->text + from;
			*len = at - from;
			return true;
		}
		if (at >= f->len)
			return false;
		at += b;
	}
}

/* The source line, and below it the caret: tabs are repeated, wide characters take two blanks. */
static void print_source(const struct diag *d, struct pos pos, FILE *out)
{
	const char *s;
	size_t len;

	if (!pos.line || pos.file >= d->nfiles || !find_line(&d->files[pos.file], pos.line, &s, &len))
		return;
	uint32_t skip = pos.col > CLIP / 2 ? pos.col - CLIP / 2 : 0, col = 0, code;
	char caret[CLIP * 2 + 8];
	size_t ncaret = 0;

	fprintf(out, "%5u | %s", pos.line, skip ? "..." : "");
	if (skip)
		ncaret = (size_t)snprintf(caret, sizeof(caret), "   ");
	for (size_t at = 0, n; at < len; at += n) {
		n = text_char(s + at, len - at, &code);
		col++;
		if (col <= skip)
			continue;
		if (col > skip + CLIP) {
			fputs("...", out);
			break;
		}
		bool control = (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0) ||
			       (code >= 0x202a && code <= 0x202e);
		if (control || (code == 0xfffd && n == 1))
			fputc('?', out);
		else
			fwrite(s + at, 1, n, out);
		unsigned w = control ? 1 : text_width(code);
		for (unsigned i = 0; col < pos.col && i < w && ncaret < sizeof(caret) - 2; i++)
			caret[ncaret++] = code == '\t' ? '\t' : ' ';
	}
	for (; col + 1 < pos.col && ncaret < sizeof(caret) - 2; col++)
		caret[ncaret++] = ' ';
	caret[ncaret] = 0;
	fprintf(out, "\n      | %s^\n", caret);
}

static void json_text(const char *s, FILE *out)
{
	size_t len = strlen(s), n;
	uint32_t code;

	fputc('"', out);
	for (size_t at = 0; at < len; at += n) {
		n = text_char(s + at, len - at, &code);
		if (code == 0xfffd && n == 1)
			fputs("\\ufffd", out);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code < 0x20 || code == 0x7f)
			fprintf(out, "\\u%04x", code);
		else
			fwrite(s + at, 1, n, out);
	}
	fputc('"', out);
}

static int by_place(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	const uint32_t kx[] = {x->pos.file, x->pos.line, x->pos.col, x->seq};
	const uint32_t ky[] = {y->pos.file, y->pos.line, y->pos.col, y->seq};

	for (size_t i = 0; i < 4; i++)
		if (kx[i] != ky[i])
			return kx[i] < ky[i] ? -1 : 1;
	return 0;
}

void diag_print(const struct diag *d, FILE *out, bool json)
{
	struct item items[2 * DIAG_MAX];

	memcpy(items, d->items, d->nitems * sizeof(items[0]));
	qsort(items, d->nitems, sizeof(items[0]), by_place);
	for (unsigned i = 0; i < d->nitems; i++) {
		const struct item *it = &items[i];
		const char *severity = it->error ? "error" : "warning", *path = path_of(d, it->pos.file);

		if (json) {
			fputs("{\"file\":", out);
			json_text(path, out);
			fprintf(out, ",\"line\":%u,\"col\":%u,\"severity\":\"%s\",\"message\":", it->pos.line,
				it->pos.col, severity);
			json_text(it->text, out);
			fputs("}\n", out);
			continue;
		}
		if (it->pos.line)
			fprintf(out, "%s:%u:%u: %s: %s\n", path, it->pos.line, it->pos.col, severity,
				it->text);
		else
			fprintf(out, "%s: %s: %s\n", path, severity, it->text);
		print_source(d, it->pos, out);
	}
	if (json)
		return;
	if (d->errors > DIAG_MAX)
		fprintf(out, "and %u more errors\n", d->errors - DIAG_MAX);
	if (d->warnings > DIAG_MAX)
		fprintf(out, "and %u more warnings\n", d->warnings - DIAG_MAX);
}
