/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line that op_print.c writes, read back; a person types it for `otfwctl explain`. More than what is printed is taken: the
 * direction may be left out (request), numbers stand for names (16, 8/1, 90/16), numbers may be hexadecimal, and
 * one number may fill several addresses: `holding 40..41 = 3.5` is one float in two registers, most significant first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/op_text.h"

#define VALUES_MAX (OP_PARSE_VALUES * 64) /* bits that op_text.bytes holds */

struct token {
	const char *at;
	size_t len;
	bool quoted;
};

struct parse {
	const char *next;
	struct op_text *out;
	bool have_function, have_access;
	uint32_t ambiguous; /* access bits of a function that has several */
	char *err;
	size_t errcap;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(p->err, p->errcap, format, args);
	va_end(args);
	return -1;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* False at the end of the line. A quoted token runs to its closing quote, which may be missing. */
static bool token_next(struct parse *p, struct token *t)
{
	const char *s = p->next;
	while (blank(*s))
		s++;
	t->at = s;
	t->quoted = *s == '"';
	if (t->quoted) {
		s++;
		while (*s && *s != '"')
			s += s[0] == '\\' && s[1] ? 2 : 1;
		if (*s)
			s++;
	} else {
		while (*s && !blank(*s))
			s++;
	}
	t->len = (size_t)(s - t->at);
	p->next = s;
	return t->len > 0;
}

static bool token_is(const struct token *t, const char *word)
{
	return !t->quoted && strlen(word) == t->len && memcmp(word, t->at, t->len) == 0;
}

/* The token as a string, "" when it is longer than any number. */
static void token_copy(const struct token *t, char s[static 64])
{
	size_t n = t->len < 64 ? t->len : 0;
	memcpy(s, t->at, n);
	s[n] = '\0';
}

/* A whole number at s, decimal or 0x; *end behind it. No sign, no blanks. */
static bool number_at(const char *s, uint64_t max, uint64_t *out, const char **end)
{
	if (*s < '0' || *s > '9')
		return false;
	char *stop;
	errno = 0;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned long long n = strtoull(s, &stop, hex ? 16 : 10);
	if (errno || n > max)
		return false;
	*out = n;
	*end = stop;
	return true;
}

static int number(struct parse *p, const char *what, uint64_t max, uint64_t *out)
{
	struct token t;
	char s[64];
	const char *end;
	if (!token_next(p, &t))
		return fail(p, "'%s' needs a number", what);
	token_copy(&t, s);
	if (!number_at(s, max, out, &end) || *end)
		return fail(p, "'%.*s' is no %s: 0 to %" PRIu64, (int)t.len, t.at, what, max);
	return 0;
}

/* CODE or CODE/SUB */
static bool function_number(const struct token *t, uint64_t *code, uint64_t *sub, bool *has_sub)
{
	char s[64];
	const char *end;
	token_copy(t, s);
	*has_sub = false;
	if (!number_at(s, UINT16_MAX, code, &end))
		return false;
	if (*end == '/') {
		*has_sub = true;
		if (!number_at(end + 1, UINT16_MAX, sub, &end))
			return false;
	}
	return *end == '\0';
}

static int function(struct parse *p, const struct token *t)
{
	struct op *op = &p->out->op;
	const struct proto *proto = p->out->proto;
	const struct vocab_function *f;
	uint64_t code, sub = 0;
	bool has_sub;
	if (p->have_function)
		return fail(p, "'%.*s' is not understood here", (int)t->len, t->at);
	if (function_number(t, &code, &sub, &has_sub)) {
		bool needs = op_function_has_sub(proto, (uint16_t)code);
		if (has_sub && !needs && proto_function(proto, (uint32_t)code << 16))
			return fail(p, "%s function %u has no sub-functions", proto->name, (unsigned)code);
		op->function = (uint16_t)code;
		op->sub = (uint16_t)sub;
		f = has_sub == needs ? proto_function(proto, op_function_key(op)) : NULL;
	} else {
		f = proto_function_find(proto, t->at, t->len);
		if (!f)
			return fail(p, "%s has no function '%.*s'", proto->name, (int)t->len, t->at);
		if (f->lo != f->hi)
			return fail(p, "'%s' stands for several functions: write %u/SUB", f->name,
				    (unsigned)(f->lo >> 16));
		op->function = (uint16_t)(f->lo >> 16);
		op->sub = (uint16_t)f->lo;
		has_sub = op_function_has_sub(proto, op->function);
	}
	if (has_sub)
		op->has |= OP_SUB;
	p->have_function = true;
	p->ambiguous = f ? f->access : 1u << ACCESS_OPAQUE;
	return 0;
}

/* What was read before must not come again: the later one would change what the earlier was checked against. */
static int once(struct parse *p, bool before, const char *what)
{
	return before ? fail(p, "%s is said twice", what) : 0;
}

/* Addresses are checked against their table as they are read. */
static int table_first(struct parse *p)
{
	return p->out->op.has & OP_RANGE ? fail(p, "the table comes before its addresses") : 0;
}

/*
 * One end of a range: ADDRESS, MAJOR/MINOR, or MAJOR for the first (as a range's end: the last) of its minors.
 */
static bool address_at(const char *s, const struct vocab_space *space, bool last, uint64_t *out,
		       const char **end)
{
	uint32_t minors = space ? space->minors : 0;
	uint64_t minor = last && minors ? minors - 1 : 0;
	if (!number_at(s, UINT32_MAX, out, end))
		return false;
	if (!minors)
		return true;
	if (**end == '/' && (!number_at(*end + 1, minors - 1, &minor, end)))
		return false;
	*out = *out * minors + minor;
	return *out <= UINT32_MAX;
}

/* FIRST or FIRST..LAST */
static int range(struct parse *p, const struct token *t)
{
	struct op *op = &p->out->op;
	const struct vocab_space *space = op->has & OP_SPACE ? proto_space(p->out->proto, op->space) : NULL;
	char s[64];
	const char *end;
	uint64_t first, last;
	if (once(p, op->has & OP_RANGE, "the range"))
		return -1;
	token_copy(t, s);
	bool ok = address_at(s, space, false, &first, &end);
	if (ok && strncmp(end, "..", 2) == 0)
		ok = address_at(end + 2, space, true, &last, &end);
	else if (ok)
		ok = address_at(s, space, true, &last, &end);
	if (!ok || *end)
		return fail(p, "'%.*s' is no address range: FIRST or FIRST..LAST", (int)t->len, t->at);
	if (first > last)
		return fail(p, "the range %.*s runs backwards", (int)t->len, t->at);
	if (space && (first < space->min || last > space->max))
		return fail(p, "%.*s is outside %s %" PRIu32 "..%" PRIu32, (int)t->len, t->at, space->name,
			    space->min, space->max);
	op->has |= OP_RANGE;
	op->first = (uint32_t)first;
	op->last = (uint32_t)last;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int key(struct parse *p, const struct token *t)
{
	struct op_text *out = p->out;
	size_t n = 0, i = 1;
	if (once(p, out->op.has & OP_KEY, "the name"))
		return -1;
	while (i < t->len && t->at[i] != '"') {
		char c = t->at[i++];
		if (c == '\\' && i < t->len) {
			c = t->at[i++];
			int hi = c == 'x' && i < t->len ? hex_digit(t->at[i]) : -1;
			int lo = hi >= 0 && i + 1 < t->len ? hex_digit(t->at[i + 1]) : -1;
			if (lo >= 0) {
				c = (char)(hi << 4 | lo);
				i += 2;
			} else if (c != '"' && c != '\\') {
				return fail(p, "a name in quotes knows the escapes \\\" \\\\ and \\xHH");
			}
		}
		if (n == sizeof out->key)
			return fail(p, "the name in quotes is longer than %zu octets", sizeof out->key);
		out->key[n++] = c;
	}
	if (i >= t->len)
		return fail(p, "the name in quotes has no end");
	out->op.has |= OP_KEY;
	out->op.key = (struct view){.data = (const uint8_t *)out->key, .len = (uint32_t)n};
	return 0;
}

static bool integer(const char *s, int64_t *out)
{
	bool minus = *s == '-';
	uint64_t n;
	const char *end;
	if (!number_at(s + minus, minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &n, &end) || *end)
		return false;
	*out = minus && n > 0 ? -(int64_t)(n - 1) - 1 : (int64_t)n;
	return true;
}

static int argument(struct parse *p, const struct token *t)
{
	struct op *op = &p->out->op;
	const char *eq = memchr(t->at, '=', t->len);
	size_t name_len = (size_t)(eq - t->at);
	const struct vocab_arg *a = p->out->proto->args;
	uint16_t index = 0;
	while (a && a->key && !(strlen(a->name) == name_len && memcmp(a->name, t->at, name_len) == 0)) {
		a++;
		index++;
	}
	if (!a || !a->key)
		return fail(p, "%s has no argument '%.*s'", p->out->proto->name, (int)name_len, t->at);
	if (op->nargs == OP_ARGS_MAX)
		return fail(p, "more than %d arguments", OP_ARGS_MAX);
	char s[64];
	struct token value = {.at = eq + 1, .len = t->len - name_len - 1};
	token_copy(&value, s);
	int64_t n = 0;
	bool ok = integer(s, &n);
	for (const struct vocab_name *v = a->names; !ok && v && v->name; v++) {
		ok = strcmp(v->name, s) == 0;
		n = v->value;
	}
	if (!ok)
		return fail(p, "'%s' is no value of %s", s, a->name);
	op->args[op->nargs++] = (struct op_arg){.name = index, .value = n};
	return 0;
}

/* ---- values ---- */

struct value {
	bool is_float, negative;
	uint64_t u; /* two's complement when negative */
	double d;
};

static bool value_read(const struct token *t, struct value *v)
{
	char s[64], *end;
	const char *stop;
	token_copy(t, s);
	*v = (struct value){.negative = s[0] == '-'};
	if (number_at(s + v->negative, UINT64_MAX, &v->u, &stop) && *stop == '\0') {
		v->d = v->negative ? -(double)v->u : (double)v->u;
		if (v->negative && v->u > (uint64_t)INT64_MAX + 1)
			return false;
		if (v->negative)
			v->u = 0 - v->u;
		return true;
	}
	v->is_float = true;
	errno = 0;
	v->d = strtod(s, &end);
	/* An integer that is too long is no float. */
	return *end == '\0' && strpbrk(s, ".eEnNiI");
}

/* Big-endian. False when the number does not fit. */
static bool value_store(const struct value *v, bool as_float, bool as_signed, unsigned width, uint8_t *to)
{
	uint64_t raw = v->u;
	if (as_float && width == 4) {
		float f = (float)v->d;
		uint32_t half;
		memcpy(&half, &f, sizeof half);
		raw = half;
	} else if (as_float && width == 8) {
		memcpy(&raw, &v->d, sizeof raw);
	} else if (as_float) {
		return false;
	} else if (width < 8) {
		uint64_t top = (uint64_t)1 << (width * 8);
		if (v->negative ? raw < 0 - top / 2 : raw >= (as_signed ? top / 2 : top))
			return false;
	} else if (as_signed && !v->negative && raw > INT64_MAX) {
		return false;
	}
	for (unsigned i = 0; i < width; i++)
		to[i] = (uint8_t)(raw >> (8 * (width - 1 - i)));
	return true;
}

/* Octets of one value: from the range where there is one, so that a number may fill several addresses. */
static int value_width(struct parse *p, const struct vocab_space *space, uint32_t n, unsigned *width)
{
	const struct op *op = &p->out->op;
	unsigned bits = space ? space->bits : 0;
	*width = bits >= 8 ? bits / 8 : 8;
	if (!(op->has & OP_RANGE) || bits == 0)
		return 0;
	uint64_t addresses = (uint64_t)op->last - op->first + 1;
	if (n > addresses && !space->writable)
		return 0; /* a queue hands out several values at one address */
	uint64_t each = addresses / n * (bits < 8 ? 1 : bits / 8);
	if (addresses % n != 0 || (bits < 8 && addresses != n) ||
	    (bits >= 8 && each != 1 && each != 2 && each != 4 && each != 8))
		return fail(p, "%" PRIu32 " values do not fill %" PRIu64 " addresses", n, addresses);
	if (bits >= 8)
		*width = (unsigned)each;
	return 0;
}

static int values_of(struct parse *p, const char *text, uint32_t n, bool any_float, bool any_negative)
{
	struct op_text *out = p->out;
	struct op_values *v = &out->op.values;
	const struct vocab_space *space =
		out->op.has & OP_SPACE ? proto_space(out->proto, out->op.space) : NULL;
	unsigned bits = space ? space->bits : 0, width;
	if (value_width(p, space, n, &width))
		return -1;
	if (bits != 1 && (uint64_t)n * width > sizeof out->bytes)
		return fail(p, "too many values");
	p->next = text;
	struct token t;
	for (uint32_t i = 0; i < n && token_next(p, &t); i++) {
		struct value x;
		(void)value_read(&t, &x);
		if (bits == 1 && (x.is_float || x.negative || x.u > 1))
			return fail(p, "'%.*s' is neither 0 nor 1", (int)t.len, t.at);
		if (bits == 1)
			out->bytes[i / 8] |= (uint8_t)(x.u << (i % 8));
		else if (!value_store(&x, any_float, any_negative, width, out->bytes + (size_t)i * width))
			return fail(p, "'%.*s' does not fit into %u bits", (int)t.len, t.at, width * 8);
	}
	v->data = out->bytes;
	v->count = n;
	if (bits == 1) {
		v->form = n == 1 ? VALUES_ONE : VALUES_BITS;
		v->one = out->bytes[0] & 1;
		return 0;
	}
	v->form = VALUES_NUMBERS;
	v->kind = any_float ? VALUES_FLOAT : any_negative ? VALUES_SIGNED : VALUES_UNSIGNED;
	v->width = (uint8_t)width;
	if (bits >= 8 && width > bits / 8) {
		/* A number over several addresses is, on the wire, a number at each of them. */
		v->kind = VALUES_UNSIGNED;
		v->count = n * width / (bits / 8);
		v->width = (uint8_t)(bits / 8);
	}
	v->stride = v->width;
	return 0;
}

static int values(struct parse *p)
{
	struct op_values *v = &p->out->op.values;
	const char *text = p->next;
	struct token t;
	uint32_t n = 0;
	bool any_float = false, any_negative = false, cut = false;
	while (token_next(p, &t)) {
		struct value x;
		if (cut || (token_is(&t, "?") && n > 0))
			return fail(p, "nothing may follow '...' or stand beside '?'");
		if (token_is(&t, "?") || token_is(&t, "...")) {
			cut = true;
			continue;
		}
		if (t.quoted || !value_read(&t, &x))
			return fail(p, "'%.*s' is no number", (int)t.len, t.at);
		any_float |= x.is_float;
		any_negative |= x.negative;
		if (++n > VALUES_MAX)
			return fail(p, "too many values");
	}
	if (cut) {
		v->form = VALUES_UNKNOWN; /* what is not shown is not known */
		return 0;
	}
	return n > 0 ? values_of(p, text, n, any_float, any_negative) : fail(p, "'=' needs values");
}

/* ---- the line ---- */

static int word(struct parse *p, const struct token *t)
{
	struct op *op = &p->out->op;
	const struct proto *proto = p->out->proto;
	uint64_t n = 0;
	struct token next;
	if (t->quoted)
		return key(p, t);
	if (token_is(t, "="))
		return values(p);
	if (token_is(t, "unit") || token_is(t, "origin")) {
		bool unit = token_is(t, "unit");
		if (!(unit ? proto->unit_key : proto->origin_key))
			return fail(p, "%s knows no '%s'", proto->name, unit ? "unit" : "origin");
		if (once(p, op->has & (unit ? OP_UNIT : OP_ORIGIN), unit ? "the unit" : "the origin"))
			return -1;
		if (number(p, unit ? "unit" : "origin", unit ? proto->unit_max : proto->origin_max, &n))
			return -1;
		*(unit ? &op->unit : &op->origin) = (uint32_t)n;
		op->has |= unit ? OP_UNIT : OP_ORIGIN;
		return 0;
	}
	if (token_is(t, "function") && once(p, p->have_function, "the function"))
		return -1;
	if (token_is(t, "function"))
		return token_next(p, &next) ? function(p, &next)
					    : fail(p, "'function' needs a number or a name");
	if (token_is(t, "space")) {
		if (once(p, op->has & OP_SPACE, "the table") || table_first(p) ||
		    number(p, "space", UINT32_MAX, &n))
			return -1;
		op->space = (uint32_t)n;
		op->has |= OP_SPACE;
		return 0;
	}
	if (token_is(t, "range"))
		return token_next(p, &next) ? range(p, &next) : fail(p, "'range' needs FIRST..LAST");
	if (!p->have_function)
		return function(p, t);
	if (memchr(t->at, '=', t->len))
		return argument(p, t);
	enum access access = access_find(t->at, t->len);
	if (access != ACCESS_COUNT) {
		if (once(p, p->have_access, "the access"))
			return -1;
		op->access = (uint8_t)access;
		p->have_access = true;
		return 0;
	}
	const struct vocab_space *space = proto_space_find(proto, t->at, t->len);
	if (space && !(op->has & OP_SPACE)) {
		if (table_first(p))
			return -1;
		op->space = space->code;
		op->has |= OP_SPACE;
		return 0;
	}
	if ((op->has & OP_SPACE) && !(op->has & OP_RANGE) && t->at[0] >= '0' && t->at[0] <= '9')
		return range(p, t);
	return fail(p, "'%.*s' is not understood here", (int)t->len, t->at);
}

static int settle(struct parse *p)
{
	struct op *op = &p->out->op;
	const struct proto *proto = p->out->proto;
	if (!p->have_function)
		return fail(p, "no function: write its name or its number");
	if (op->dir == DIR_REQUEST && !(op->has & OP_SUB) && op_function_has_sub(proto, op->function))
		return fail(p, "function %u needs its sub-function: %u/SUB", op->function, op->function);
	if (!p->have_access) {
		if (p->ambiguous & (p->ambiguous - 1)) {
			bool write = op->values.form != VALUES_NONE && (p->ambiguous & 1u << ACCESS_WRITE);
			if (!write && !(p->ambiguous & 1u << ACCESS_READ))
				return fail(
					p,
					"the function does several things: add operate, configure or diagnose");
			op->access = write ? ACCESS_WRITE : ACCESS_READ;
		} else {
			while (op->access < ACCESS_COUNT - 1 && !(p->ambiguous >> op->access & 1))
				op->access++;
		}
	}
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	if (f && op->dir == DIR_REQUEST && (f->flags & FN_RANGE) &&
	    (op->has & (OP_SPACE | OP_RANGE)) != (OP_SPACE | OP_RANGE))
		return fail(p, "%s needs a table and its addresses", f->name);
	return 0;
}

int op_parse(const char *text, struct op_text *out, char *err, size_t errcap)
{
	struct parse p = {.next = text, .out = out, .err = err, .errcap = errcap};
	struct token t;
	memset(out, 0, sizeof *out);
	if (!token_next(&p, &t))
		return fail(&p, "nothing to read: PROTOCOL [unit N] FUNCTION TABLE FIRST..LAST [= VALUES]");
	int id = proto_find(t.at, t.len);
	if (id < 0)
		return fail(&p, "no protocol '%.*s'", (int)t.len, t.at);
	out->proto = proto_get((unsigned)id);
	bool first = true;
	while (token_next(&p, &t)) {
		bool direction = false;
		for (unsigned d = 0; first && direction_name(d); d++) {
			if (token_is(&t, direction_name(d))) {
				out->op.dir = (uint8_t)d;
				direction = true;
			}
		}
		first = false;
		if (!direction && word(&p, &t))
			return -1;
	}
	return settle(&p);
}
