/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfwctl evidence: what the firewall is told to allow, what it allowed, and what shows that it does, as one page and as JSON.
 *
 *   evidence.c         the command: asks, and puts the answers together
 *   evidence_html.c    the page
 *   evidence_history.c its section of the policies that were in force
 *   evidence_style.c   how it looks
 *   evidence_draw.c    its pictures
 *   evidence_assets.c  who was seen
 *   evidence_tables.c  what does not depend on the plant: failure modes with their tests, clauses of standards
 */
#ifndef OTFW_FWD_CTL_EVIDENCE_H
#define OTFW_FWD_CTL_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "fwd/ctl/ask.h"

/* Text between tags and in attributes: whoever wrote a name or a reason writes no markup. NULL is a dash. */
void evidence_escape(FILE *f, const char *s);
/* A cell of a table under this heading; class may be "". A dash where there is no text. */
void evidence_cell(FILE *f, const char *label, const char *class, const char *text);
/* A time in seconds to the minute, UTC; NULL where it is none. */
const char *evidence_minute(const json_t *when, char buf[32]);
/* A string member, NULL where there is none. */
const char *evidence_str(const json_t *o, const char *key);

/* The page, whole. */
void evidence_page(FILE *f, const json_t *e);

extern const char evidence_style[];

/* evidence_history.c */
/* The last policies, from the state directory that the firewall names: "known", "why", "running", "policies". */
json_t *evidence_history_json(const struct command *cmd, const struct ask *a, const json_t *status);
void evidence_history(FILE *f, const json_t *e);
/* What came of a record of the audit chain: its detail, and how much became allowed and denied. */
void evidence_outcome(FILE *f, const json_t *record);

/* evidence_assets.c */
/* "known", "total", "lost", "assets"; NULL after having said why nobody could be asked. */
json_t *evidence_assets_json(const struct command *cmd, const struct ask *a);
void evidence_assets(FILE *f, const json_t *e);

/* evidence_draw.c */
void evidence_matrix(FILE *f, const json_t *e);
/* A bar of an account: what became of its packets. */
void evidence_account(FILE *f, const json_t *zone);
/* How much a rule was used, against the most used one, by powers of ten. */
void evidence_bar(FILE *f, long long n, long long most);

/* evidence_tables.c */
struct evidence_failure {
	const char *event, *closed, *open, *safety;
	const char *tests; /* files of tests/netns without ".sh", with blanks between them */
};
extern const struct evidence_failure evidence_failures[]; /* NULL event ends */
struct evidence_clause {
	const char *standard, *clause, *title;
	const char *asks;  /* in our words */
	const char *shows; /* what this page has to say to it */
	const char *section, *section_title;
	const char *beyond; /* what it does not show */
};
extern const struct evidence_clause evidence_clauses[]; /* NULL standard ends */

#endif
