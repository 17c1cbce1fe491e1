/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the line of text that stands for an operation. What parses prints, and what was printed parses to the same line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/proto.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op_text read;
	static char line[65536], again[65536];
	char err[120];
	char *text = malloc(size + 1);
	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	err[0] = '\0';
	int rc = op_parse(text, &read, err, sizeof err);
	free(text);
	if (rc) {
		CHECK(rc == -1 && err[0] != '\0' && strlen(err) < sizeof err);
		return 0;
	}
	const struct op *op = &read.op;
	CHECK(read.proto && op->nargs <= OP_ARGS_MAX && op->access < ACCESS_COUNT);
	CHECK(!(op->has & OP_RANGE) || op->first <= op->last);
	int64_t n;
	for (uint32_t i = 0; op->values.form == VALUES_NUMBERS && i < op->values.count; i++)
		(void)op_value(&op->values, i, &n);
	size_t len = op_print(op, read.proto, UINT32_MAX, line, sizeof line);
	CHECK(len == strlen(line));
	CHECK(op_parse(line, &read, err, sizeof err) == 0);
	CHECK(op_print(&read.op, read.proto, UINT32_MAX, again, sizeof again) == len);
	CHECK(strcmp(line, again) == 0);
	return 0;
}
