/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/text.h"

#include <string.h>

size_t text_char(const char *s, size_t len, uint32_t *code)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80             ? 1
		   : (u[0] & 0xe0) == 0xc0 ? 2
		   : (u[0] & 0xf0) == 0xe0 ? 3
		   : (u[0] & 0xf8) == 0xf0 ? 4
					   : 0;

	*code = 0xfffd;
	if (!n || n > len)
		return 1;
	uint32_t c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (u[i] & 0x3fu);
	}
	*code = c;
	return n;
}

unsigned text_width(uint32_t c)
{
	static const struct {
		uint32_t lo, hi;
		unsigned width;
	} table[] = {
		{0x300, 0x36f, 0},     {0x483, 0x489, 0},     {0x591, 0x5bd, 0},     {0x610, 0x61a, 0},
		{0x64b, 0x65f, 0},     {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},
		{0x200b, 0x200f, 0},   {0x202a, 0x202e, 0},   {0x2060, 0x2064, 0},   {0x20d0, 0x20ff, 0},
		{0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},   {0x3400, 0x4dbf, 2},   {0x4e00, 0x9fff, 2},
		{0xa000, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
		{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xfeff, 0xfeff, 0},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
		{0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (c >= table[i].lo && c <= table[i].hi)
			return table[i].width;
	return 1;
}

size_t text_break(const char *s, size_t len)
{
	if (len >= 2 && s[0] == '\r' && s[1] == '\n')
		return 2;
	if (len && (s[0] == '\r' || s[0] == '\n'))
		return 1;
	if (len >= 2 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (len >= 3 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

size_t text_count(const char *s)
{
	size_t n = 0, len = strlen(s);
	uint32_t code;

	for (size_t at = 0; at < len; n++)
		at += text_char(s + at, len - at, &code);
	return n;
}
