/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON text into a bounded buffer. */
#include "fwd/common/jsonl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void jsonl_open(struct jsonl *j, char *buf, size_t cap)
{
	*j = (struct jsonl){.buf = buf, .cap = cap};
	if (cap)
		buf[0] = 0;
}

/* One octet is always left for the terminating 0. */
static void put(struct jsonl *j, const char *s, size_t n)
{
	if (j->cut || j->cap - j->len <= n) {
		j->cut = true;
		return;
	}
	memcpy(j->buf + j->len, s, n);
	j->len += n;
}

static void put_char(struct jsonl *j, char c)
{
	put(j, &c, 1);
}

/* Octets of the UTF-8 sequence at s, or 0 when it is none (overlong forms and surrogates included). */
static size_t utf8_len(const uint8_t *s, size_t n)
{
	static const struct {
		uint8_t lo, hi, second_lo, second_hi;
		size_t len;
	} forms[] = {
		{0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		if (s[0] < forms[f].lo || s[0] > forms[f].hi)
			continue;
		if (n < forms[f].len)
			return 0;
		for (size_t i = 1; i < forms[f].len; i++) {
			uint8_t lo = i == 1 ? forms[f].second_lo : 0x80;
			uint8_t hi = i == 1 ? forms[f].second_hi : 0xbf;
			if (s[i] < lo || s[i] > hi)
				return 0;
		}
		return forms[f].len;
	}
	return 0;
}

static void put_quoted(struct jsonl *j, const void *text, size_t n)
{
	const uint8_t *s = text;

	put_char(j, '"');
	for (size_t i = 0; i < n;) {
		/* The run that needs nothing done, in one piece: nearly always all of it. */
		size_t run = i;
		while (run < n && s[run] >= 0x20 && s[run] < 0x7f && s[run] != '"' && s[run] != '\\')
			run++;
		put(j, (const char *)s + i, run - i);
		i = run;
		if (i == n)
			break;
		if (s[i] == '"' || s[i] == '\\') {
			put_char(j, '\\');
			put_char(j, (char)s[i++]);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			static const char hex[] = "0123456789abcdef";
			char u[6] = {'\\', 'u', '0', '0', hex[s[i] >> 4], hex[s[i] & 15]};
			put(j, u, sizeof(u));
			i++;
		} else {
			size_t len = utf8_len(s + i, n - i);
			if (len)
				put(j, (const char *)s + i, len);
			else
				put(j, "\\ufffd", 6);
			i += len ? len : 1;
		}
	}
	put_char(j, '"');
}

static void begin(struct jsonl *j, const char *key)
{
	if (j->comma)
		put_char(j, ',');
	j->comma = true;
	if (key) {
		put_char(j, '"');
		put(j, key, strlen(key));
		put(j, "\":", 2);
	}
}

static void put_uint(struct jsonl *j, uint64_t v, unsigned digits)
{
	char text[20];
	size_t at = sizeof(text);
	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v || sizeof(text) - at < digits);
	put(j, text + at, sizeof(text) - at);
}

void jsonl_object(struct jsonl *j, const char *key)
{
	begin(j, key);
	put_char(j, '{');
	j->comma = false;
}

void jsonl_object_end(struct jsonl *j)
{
	put_char(j, '}');
	j->comma = true;
}

void jsonl_array(struct jsonl *j, const char *key)
{
	begin(j, key);
	put_char(j, '[');
	j->comma = false;
}

void jsonl_array_end(struct jsonl *j)
{
	put_char(j, ']');
	j->comma = true;
}

void jsonl_str(struct jsonl *j, const char *key, const char *s)
{
	if (!s)
		jsonl_null(j, key);
	else
		jsonl_strn(j, key, s, strlen(s));
}

void jsonl_strn(struct jsonl *j, const char *key, const void *s, size_t n)
{
	begin(j, key);
	put_quoted(j, s, n);
}

void jsonl_uint(struct jsonl *j, const char *key, uint64_t v)
{
	begin(j, key);
	put_uint(j, v, 1);
}

void jsonl_int(struct jsonl *j, const char *key, int64_t v)
{
	begin(j, key);
	if (v < 0)
		put_char(j, '-');
	put_uint(j, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1);
}

void jsonl_double(struct jsonl *j, const char *key, double v)
{
	char text[32];

	if (!isfinite(v)) {
		jsonl_null(j, key);
		return;
	}
	/* The shortest form that reads back as the same number. */
	for (int digits = 6; digits <= 17; digits++) {
		double back = 0;
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (sscanf(text, "%lf", &back) == 1 && !(back < v) && !(back > v))
			break;
	}
	begin(j, key);
	put(j, text, strlen(text));
}

void jsonl_bool(struct jsonl *j, const char *key, bool v)
{
	begin(j, key);
	put(j, v ? "true" : "false", v ? 4 : 5);
}

void jsonl_null(struct jsonl *j, const char *key)
{
	begin(j, key);
	put(j, "null", 4);
}

void jsonl_time(struct jsonl *j, const char *key, int64_t us)
{
	uint64_t abs = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

	begin(j, key);
	if (us < 0)
		put_char(j, '-');
	put_uint(j, abs / 1000000, 1);
	put_char(j, '.');
	put_uint(j, abs % 1000000, 6);
}

void jsonl_raw(struct jsonl *j, const char *key, const void *json, size_t n)
{
	begin(j, key);
	put(j, json, n);
}

void jsonl_line(struct jsonl *j)
{
	put_char(j, '\n');
	if (j->cap)
		j->buf[j->len] = 0;
}
