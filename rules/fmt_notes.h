/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comments and blank lines, tied to the nodes they speak of: libyaml drops them. */
#ifndef OTFW_RULES_FMT_NOTES_H
#define OTFW_RULES_FMT_NOTES_H

#include "rules/yaml.h"

struct note {
	const char *text; /* from the "#" on */
	bool blank;       /* a blank line stands before it */
	struct note *next;
};

/* What belongs to one entry: a key with its value, or a member of a list. */
struct notes {
	struct note *before;  /* lines of their own above it */
	struct note *after;   /* lines of their own below its last line, indented as it is */
	const char *trailing; /* on its line */
	bool blank;           /* a blank line stands before it */
};

struct fmt_file {
	struct note *head; /* above the first entry and apart from it by a blank line */
	struct note *tail; /* behind the last entry */
};

/* Fills in the notes of every entry of the tree. */
void fmt_notes(struct arena *a, struct node *root, uint32_t file, const char *text, size_t len,
	       struct fmt_file *out);

#endif
