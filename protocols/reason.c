/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "protocols/reason.h"

static const struct {
	const char *name, *text;
} reasons[] = {
#define REASON(sym, reason_id, reason_sentence) {reason_id, reason_sentence},
#include "protocols/reason.def"
#undef REASON
};

const char *reason_name(enum reason r)
{
	return (unsigned)r < REASON_COUNT_OF ? reasons[r].name : "?";
}

const char *reason_text(enum reason r)
{
	return (unsigned)r < REASON_COUNT_OF ? reasons[r].text : "?";
}

bool reason_of_rules(enum reason r)
{
	return r >= REASON_NO_ZONE && r < REASON_BAD_PACKET; /* a section of reason.def */
}

enum reason reason_find(const char *name)
{
	for (unsigned i = 0; i < REASON_COUNT_OF; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return (enum reason)i;
	return REASON_COUNT_OF;
}
