/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors and warnings with their places. Up to DIAG_MAX errors and as many warnings are kept, sorted by place when printed:
 *
 *   tank.yaml:12:7: error: unknown key "adresses"; did you mean "addresses"?
 *      12 |       adresses: {holding: [0..9]}
 *         |       ^
 */
#ifndef OTFW_RULES_DIAG_H
#define OTFW_RULES_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DIAG_MAX 20

struct pos {
	uint32_t file;      /* index of diag_file() */
	uint32_t line, col; /* from 1, columns in characters; line 0: the file as a whole */
};

struct diag;

struct diag *diag_new(void);
void diag_free(struct diag *d);

/* Registers a file and keeps its text for the source lines (copied). Returns its index. */
uint32_t diag_file(struct diag *d, const char *path, const char *text, size_t len);
/* The text of file i, false past the last. Good as long as d is. */
bool diag_source(const struct diag *d, uint32_t i, const char **path, const char **text, size_t *len);

void diag_error(struct diag *d, struct pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_warn(struct diag *d, struct pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* How many there were, those beyond DIAG_MAX included. */
unsigned diag_errors(const struct diag *d);
unsigned diag_warnings(const struct diag *d);

/* "tank.yaml:12:7" for messages that name a second place; "tank.yaml" for a file as a whole. Good until the next call. */
const char *diag_where(struct diag *d, struct pos pos);

/*
 * For people (with source line and caret), or as JSON lines {"file","line","col","severity","message"}; line and col are
 * 0 for a file as a whole. Where there were more than are kept, a last line says how many.
 */
void diag_print(const struct diag *d, FILE *out, bool json);

#endif
