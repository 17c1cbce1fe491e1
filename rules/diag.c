/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules/arena.h"

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

/* One character of UTF-8; a byte that is none counts as one character with the code 0xfffd. */
static size_t next_char(const char *s, size_t len, uint32_t *code)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80             ? 1
		   : (u[0] & 0xe0) == 0xc0 ? 2
		   : (u[0] & 0xf0) == 0xe0 ? 3
		   : (u[0] & 0xf8) == 0xf0 ? 4
					   : 0;

	*code = 0xfffd;
	if (!n || n > len)
		return 1;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (u[i] & 0x3fu);
	}
	*code = c;
	return n;
}

/* Columns a terminal gives a character: 0 for combining marks, 2 for East Asian wide ones and pictographs. */
static unsigned width_of(uint32_t c)
{
	static const struct {
		uint32_t lo, hi;
		unsigned width;
	} table[] = {
		{0x300, 0x36f, 0},     {0x483, 0x489, 0},     {0x591, 0x5bd, 0},     {0x610, 0x61a, 0},
		{0x64b, 0x65f, 0},     {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},
		{0x200b, 0x200f, 0},   {0x202a, 0x202e, 0},   {0x2060, 0x2064, 0},   {0x20d0, 0x20ff, 0},
		{0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},   {0x3400, 0x4dbf, 2},   {0x4e00, 0x9fff, 2},
		{0xa000, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
		{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xfeff, 0xfeff, 0},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
		{0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (c >= table[i].lo && c <= table[i].hi)
			return table[i].width;
	return 1;
}

/* Octets of the line break at s, 0 where there is none. The same breaks as libyaml counts. */
static size_t line_break(const char *s, size_t len)
{
	if (len >= 2 && s[0] == '\r' && s[1] == '\n')
		return 2;
	if (len && (s[0] == '\r' || s[0] == '\n'))
		return 1;
	if (len >= 2 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (len >= 3 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

static bool find_line(const struct file *f, uint32_t line, const char **start, size_t *len)
{
	size_t at = 0;

	if (f->len >= 3 && !memcmp(f->text, "\xef\xbb\xbf", 3))
		at = 3;
	for (uint32_t n = 1;; n++) {
		size_t from = at, b = 0;

		while (at < f->len && !(b = line_break(f->text + at, f->len - at)))
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
		n = next_char(s + at, len - at, &code);
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
		unsigned w = control ? 1 : width_of(code);
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
		n = next_char(s + at, len - at, &code);
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
