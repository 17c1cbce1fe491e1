/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy says of one operation, as `otfwctl explain` and `otfwctl why` print it. */
#ifndef OTFW_FWD_CTL_EXPLAIN_H
#define OTFW_FWD_CTL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/policy.h"

/*
 * Which rule allows the operation that the line says, or what stops it: text, or one JSON object without a newline, on standard output. True:
 * it is allowed. Where the line is not understood nothing is printed and err says why; it is empty otherwise.
 */
bool explain_print(const struct policy *p, const char *line, int64_t at_us, bool json, char *err, size_t cap);

#endif
