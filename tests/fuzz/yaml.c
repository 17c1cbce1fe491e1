/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy's text: whatever it is, loading ends with a model or with errors. What can be formatted has one normal form, and
 * a policy compiles to the same image as its normal form.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/fmt.h"
#include "rules/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now = INT64_C(1767268800000000);

/* The normal form, or NULL. */
static char *format(const char *text, size_t size, size_t *out_size)
{
	struct diag *d = diag_new();
	char *out = NULL;
	FILE *f = open_memstream(&out, out_size);

	if (!f)
		abort();
	int r = fmt_policy("fuzz", text, size, d, f);
	fclose(f);
	if ((r == 0) != (diag_errors(d) == 0))
		abort();
	diag_free(d);
	if (r == 0)
		return out;
	free(out);
	return NULL;
}

/* The image, or NULL. */
static uint8_t *compile(const char *text, size_t size, size_t *out_size)
{
	struct diag *d = diag_new();
	struct model *m = model_load_text("fuzz", text, size, now, d);
	uint8_t *image = NULL;
	char *says;
	size_t n;

	if ((m != NULL) != (diag_errors(d) == 0))
		abort();
	if (m && compile_image(m, d, &image, out_size) != 0)
		image = NULL;
	FILE *f = open_memstream(&says, &n);
	if (!f)
		abort();
	diag_print(d, f, false);
	diag_print(d, f, true);
	fclose(f);
	free(says);
	model_free(m);
	diag_free(d);
	return image;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t n1 = 0, n2 = 0, i1 = 0, i2 = 0;
	char *once = format(text, size, &n1);
	uint8_t *image = compile(text, size, &i1);

	if (once) {
		char *twice = format(once, n1, &n2);
		uint8_t *again = compile(once, n1, &i2);

		if (!twice || n1 != n2 || memcmp(once, twice, n1))
			abort();
		if ((image != NULL) != (again != NULL) || (image && (i1 != i2 || memcmp(image, again, i1))))
			abort();
		free(twice);
		free(again);
	} else if (image) {
		abort();
	}
	free(once);
	free(image);
	return 0;
}
