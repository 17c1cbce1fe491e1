/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of all protocols do with the rows of their tables. */
#ifndef OTFW_TESTS_UNIT_ROWS_H
#define OTFW_TESTS_UNIT_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/laws/play.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* The protocol whose rows they are. */
static const struct proto *rows_proto;

/* Octets of a hex string (blanks between them are fine), up to `|`, in memory of exactly that size: so a sanitizer sees any step beyond. */
static inline uint8_t *rows_octets(const char *hex, uint32_t *len)
{
	static uint8_t all[PLAY_BYTES];

	*len = play_unhex(hex, all, NULL);
	uint8_t *p = malloc(*len ? *len : 1);
	assert_non_null(p);
	memcpy(p, all, *len);
	return p;
}

/* A golden row: each line that can be printed can be read back, and is the same line again; one that was cut does not say what is written. */
static inline void rows_text(void **state)
{
	const struct golden *g = *state;

	for (const char *line = g->ops; *line; line = strchr(line, '\n') + 1) {
		static struct op_text read;
		char text[1024], again[1024], err[200];
		(void)snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
		if (op_parse(text, &read, err, sizeof err))
			fail_msg("'%s': %s", text, err);
		(void)op_print(&read.op, read.proto, 24, again, sizeof again);
		if (strstr(text, " ..."))
			assert_int_equal(read.op.values.form, VALUES_UNKNOWN);
		else
			assert_string_equal(again, text);
	}
}

struct framing {
	const char *name, *hex;
	enum frame_state state;
	uint32_t length;
	enum reason reason;
	const char *field;
	uint32_t offset;
};

/* A row of framing: the same whoever sent it. */
static inline void rows_framed(void **state)
{
	const struct framing *c = *state;
	uint32_t len;
	uint8_t *data = rows_octets(c->hex, &len);

	for (int from_server = 0; from_server < 2; from_server++) {
		struct frame f = rows_proto->frame(data, len, from_server);
		assert_int_equal(f.state, c->state);
		assert_int_equal(f.fault.reason, c->reason);
		if (f.state == FRAME_PDU)
			assert_int_equal(f.length, c->length);
		if (f.state == FRAME_BAD) {
			assert_string_equal(f.fault.field, c->field);
			assert_int_equal(f.fault.offset, c->offset);
		}
	}
	free(data);
}

#endif
