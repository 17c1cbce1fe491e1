/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/source.h"

#include <string.h>

#define DIGITS_MAX 9

int source_print(const struct diag *diag, FILE *out)
{
	const char *path, *text;
	size_t len;

	if (fputs(SOURCE_MAGIC, out) < 0)
		return -1;
	for (uint32_t i = 0; diag_source(diag, i, &path, &text, &len); i++) {
		/* A path with a line feed would end its line early: nothing depends on the name. */
		size_t n = strcspn(path, "\n");

		if (fprintf(out, "#file %zu %.*s\n", len, (int)n, path) < 0 ||
		    fwrite(text, 1, len, out) != len || fputc('\n', out) == EOF)
			return -1;
	}
	return 0;
}

bool source_is(const void *bytes, size_t size)
{
	return size >= strlen(SOURCE_MAGIC) && memcmp(bytes, SOURCE_MAGIC, strlen(SOURCE_MAGIC)) == 0;
}

int source_next(const char *text, size_t size, size_t *at, struct source_file *out)
{
	static const char word[] = "#file ";
	size_t p = *at ? *at : strlen(SOURCE_MAGIC), digits = 0, len = 0;

	if (!source_is(text, size) || p > size)
		return -1;
	if (p == size)
		return 0;
	if (size - p < strlen(word) || memcmp(text + p, word, strlen(word)) != 0)
		return -1;
	for (p += strlen(word); p < size && text[p] >= '0' && text[p] <= '9' && digits <= DIGITS_MAX;
	     digits++)
		len = len * 10 + (size_t)(text[p++] - '0');
	if (digits == 0 || digits > DIGITS_MAX || p == size || text[p] != ' ')
		return -1;
	out->path = text + ++p;
	const char *end = memchr(out->path, '\n', size - p);
	if (!end)
		return -1;
	out->path_len = (size_t)(end - out->path);
	p += out->path_len + 1;
	if (len >= size - p || text[p + len] != '\n')
		return -1;
	out->text = text + p;
	out->len = len;
	*at = p + len + 1;
	return 1;
}
