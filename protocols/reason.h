/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTFW_PROTOCOLS_REASON_H
#define OTFW_PROTOCOLS_REASON_H

#include <stdbool.h>

/* Every reason otfw can give, from reason.def. REASON_NONE is 0 and means success wherever one is returned. */
enum reason {
#define REASON(sym, name, text) REASON_##sym,
#include "protocols/reason.def"
#undef REASON
	REASON_COUNT_OF
};

/* The name that events and --json carry ("length-mismatch"); "?" for a number that is none. */
const char *reason_name(enum reason r);

/* One sentence for people, without a full stop. */
const char *reason_text(enum reason r);

/* Is it that no rule allows it? Else no rule could: the message, its session or its packet is at fault. */
bool reason_of_rules(enum reason r);

/* The reason of that name, or REASON_COUNT_OF. */
enum reason reason_find(const char *name);

#endif
