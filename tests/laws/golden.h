/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the golden tables of all protocols (golden_X.h) and the tables of refusals (refused_X.h) are made of. Laws and unit tests run over
 * them; X_law_test.c hands them to the laws.
 */
#ifndef OTFW_TESTS_LAWS_GOLDEN_H
#define OTFW_TESTS_LAWS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "protocols/proto.h"

struct golden {
	const char *name;
	bool from_server;
	const char *hex; /* one whole PDU; blanks between octets are allowed */
	/*
	 * What went before on a fresh session, as the decoder must have seen it: PDUs in hex, `|` between them, `<` before one that
	 * the server sent. For an answer the last is its request. NULL: nothing, or nothing that anybody saw.
	 */
	const char *request;
	const char *ops; /* one line an operation, as op_print() writes it with 24 values at most */
};

struct refusal {
	const char *name;
	bool from_server;
	const char *hex;
	const char *request; /* as in struct golden */
	uint32_t options;
	enum reason reason;
	const char *field;
	uint32_t offset;
};

#define REQUEST(name, hex, reason, field, offset)                                                            \
	{                                                                                                    \
		name, false, hex, NULL, 0, REASON_##reason, field, offset                                    \
	}
#define ANSWER(name, hex, reason, field, offset)                                                             \
	{                                                                                                    \
		name, true, hex, NULL, 0, REASON_##reason, field, offset                                     \
	}
#define REPLY(name, request, hex, reason, field, offset)                                                     \
	{                                                                                                    \
		name, true, hex, request, 0, REASON_##reason, field, offset                                  \
	}

#endif
