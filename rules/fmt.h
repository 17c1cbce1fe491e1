/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The normal form of a policy file. */
#ifndef OTFW_RULES_FMT_H
#define OTFW_RULES_FMT_H

#include <stddef.h>
#include <stdio.h>

#include "rules/diag.h"

/*
 * Writes one file in normal form: keys in the order of the schema, blocks of two blanks, short maps on one line, comments
 * and single blank lines kept. It compiles to the same image, and its own normal form is itself. Names need not resolve:
 * one file of several can be formatted. 0, or -1 when diag got an error (then nothing is written) or the stream failed.
 */
int fmt_policy(const char *name, const char *text, size_t len, struct diag *diag, FILE *out);

#endif
