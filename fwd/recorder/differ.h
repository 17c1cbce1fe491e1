/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a candidate would change, of what has come by since it was loaded: engines report each difference (fwd/engine/candidate.h), here they are added up.
 * In memory, of fixed bounds: the oldest gives way, which is counted.
 */
#ifndef OTFW_FWD_RECORDER_DIFFER_H
#define OTFW_FWD_RECORDER_DIFFER_H

#include "fwd/common/jsonl.h"

#define DIFFER_KEPT  1024u
#define DIFFER_LINE  8192u /* octets of an event; one that is longer is counted, and not shown */
#define DIFFER_TABLE 2048u /* a power of two, twice DIFFER_KEPT */

struct differ_entry {
	uint64_t ident; /* 0: free */
	int64_t first_us, last_us;
	uint64_t count;
	bool values; /* written ones, as the events carry them: */
	int64_t min, max;
	char *line; /* the newest event, as JSON without its newline; malloc'ed */
	size_t len;
};
struct differ {
	int64_t since_us; /* 0: there is no candidate */
	uint64_t given_up, events, spared;
	unsigned used;
	uint16_t table[DIFFER_TABLE]; /* index + 1; rebuilt when an entry gives way */
	struct differ_entry list[DIFFER_KEPT];
};

/* Another candidate, or none: what was counted is forgotten. */
void differ_begin(struct differ *d, bool candidate, int64_t now_us);
/* A difference that an engine has reported, by the candidate p; line: its event. */
void differ_note(struct differ *d, const struct event *e, const char *line, size_t len);
/* Members of the answer: since, events, spared, given-up, and differences, the newest first. What finds no room is said as left-out. */
void differ_print(const struct differ *d, struct jsonl *j);

#endif
