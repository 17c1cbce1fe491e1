/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line that `otfwctl explain` is given: CLIENT -> SERVER[:PORT][/udp] OPERATION, or the operation alone. */
#ifndef OTFW_FWD_CTL_EXPLAIN_ENDS_H
#define OTFW_FWD_CTL_EXPLAIN_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/proto.h"
#include "rules/policy.h"

#define QUESTION_NAME 256
#define QUESTION_ENDS 16 /* addresses of one name that are tried */

struct question_end {
	char name[QUESTION_NAME]; /* as written */
	uint8_t ip[QUESTION_ENDS][16];
	unsigned n;
	int64_t unit; /* of a station, or -1 */
};
struct question {
	bool has_ends; /* false: the operation alone was given */
	struct question_end client, server;
	uint16_t port; /* 0: the protocol's own */
	uint8_t ipproto;
	struct op_text text;
};

/* Reads the line; names are looked up in p. 0, or -1 with one line in err. */
int question_read(const struct policy *p, const char *line, struct question *q, char *err, size_t errcap);

#endif
