/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy's texts as one: the file and all that it includes, in the order in which they were read. What is kept beside an image, so that
 * a person can read it and a later version can compile it again.
 *
 *   #otfw-source 1
 *   #file 512 /etc/otfw/policy.yaml
 *   ... 512 octets and a line feed, then the next
 */
#ifndef OTFW_RULES_SOURCE_H
#define OTFW_RULES_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "rules/diag.h"

#define SOURCE_MAGIC "#otfw-source 1\n"
#define SOURCE_MAX   (64u << 20) /* octets */

/* Writes what diag has read. 0, or -1 with errno. */
int source_print(const struct diag *diag, FILE *out);
/* By its first octets. */
bool source_is(const void *bytes, size_t size);
struct source_file {
	const char *path; /* not terminated */
	size_t path_len;
	const char *text;
	size_t len;
};
/*
 * The file at *at (0: the first), and *at behind it. 1: out is filled; 0: the end; -1: this is no such text. Bounded by size, whatever the
 * text says.
 */
int source_next(const char *text, size_t size, size_t *at, struct source_file *out);

#endif
