/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and characters of a policy's text, as libyaml counts them. */
#ifndef OTFW_RULES_TEXT_H
#define OTFW_RULES_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Octets of the line break at s (CR LF, CR, LF, NEL, LS, PS), 0 where there is none. */
size_t text_break(const char *s, size_t len);
/* Octets of the character at s; a byte that is no UTF-8 counts as one, with the code 0xfffd. len > 0. */
size_t text_char(const char *s, size_t len, uint32_t *code);
/* Columns a terminal gives it: 0 for combining marks, 2 for East Asian wide ones and pictographs. */
unsigned text_width(uint32_t code);
/* Characters of a terminated text. */
size_t text_count(const char *s);

#endif
