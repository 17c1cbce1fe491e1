/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a comparison, between who finds them and who prints them. Not for anyone else. */
#ifndef OTFW_RULES_DIFF_LINE_H
#define OTFW_RULES_DIFF_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "rules/compile.h"
#include "rules/diff.h"

enum change { CHANGE_ALLOWED, CHANGE_DENIED, CHANGE_SETTING, CHANGE_INSPECTED, CHANGE_REPORTED };
/* Has it come by? Nobody asks; nobody can say. */
enum seen { SEEN_NONE, SEEN_UNKNOWN, SEEN_NO, SEEN_YES };

struct line {
	enum change change;
	enum seen seen;
	bool safety;                  /* about a safety lane */
	const char *conduit, *rule;   /* rule NULL: none */
	char *what, *client, *server; /* owned; client and server "" for a setting */
};

/* Text that the caller frees. Ends the process when there is no memory. */
char *diff_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Grows *s by more, with between in the middle if there was something; frees more. */
void diff_append(char **s, const char *between, char *more);

/* Lines of what conduits are set to otherwise; unseen: only of safety lanes, what the kernel is told of them. */
void diff_settings(const struct policy *before, const struct policy *after, bool unseen,
		   struct records *lines);

/* Merges lines that differ in one end only, prints them sorted, frees what they own and counts them. */
void diff_lines_print(struct records *lines, bool json, FILE *out, struct diff_count *count);

#endif
