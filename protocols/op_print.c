/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An operation as the line of text that logs carry; op_parse.c reads it back.
 *
 *   PROTO DIRECTION [unit N] [origin N] FUNCTION [ACCESS] [SPACE] [FIRST[..LAST]] ["KEY"] [ARG=VALUE]... [= VALUES]
 *
 * FUNCTION is a name, or `function CODE[/SUB]` where the vocabulary has none for exactly this code. ACCESS stands there only
 * where the function alone does not tell it. VALUES are numbers, `?` when they cannot be known, and end in `...` when cut.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocols/op_text.h"

struct text {
	char *buf;
	size_t cap, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	size_t at = t->len < t->cap ? t->len : t->cap;
	int n = vsnprintf(t->cap ? t->buf + at : NULL, t->cap - at, format, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
}

bool op_function_has_sub(const struct proto *proto, uint16_t function)
{
	for (const struct vocab_function *f = proto->functions; f->name; f++)
		if (f->lo >> 16 == function && f->hi >> 16 == function && (f->lo & 0xffff || f->hi & 0xffff))
			return true;
	return false;
}

static void put_function(struct text *t, const struct op *op, const struct proto *proto)
{
	bool sub = op->has & OP_SUB;
	const struct vocab_function *f = NULL;
	if (sub == op_function_has_sub(proto, op->function))
		f = proto_function(proto, op_function_key(op));
	if (f && f->lo == f->hi)
		put(t, " %s", f->name);
	else if (sub)
		put(t, " function %u/%u", op->function, op->sub);
	else
		put(t, " function %u", op->function);
	if (!f || f->access != 1u << op->access) {
		const char *access = access_name(op->access);
		put(t, " %s", access ? access : "?");
	}
}

static void put_key(struct text *t, struct view key)
{
	put(t, " \"");
	for (uint32_t i = 0; i < key.len; i++) {
		uint8_t c = key.data[i];
		if (c == '"' || c == '\\')
			put(t, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			put(t, "\\x%02x", c);
		else
			put(t, "%c", c);
	}
	put(t, "\"");
}

static void put_arg(struct text *t, const struct op_arg *arg, const struct proto *proto)
{
	const struct vocab_arg *a = proto->args;
	for (unsigned i = 0; a && a->key && i < arg->name; i++)
		a++;
	if (!a || !a->key) {
		put(t, " arg%u=%" PRId64, arg->name, arg->value);
		return;
	}
	for (const struct vocab_name *n = a->names; n && n->name; n++) {
		if (n->value == arg->value) {
			put(t, " %s=%s", a->name, n->name);
			return;
		}
	}
	put(t, " %s=%" PRId64, a->name, arg->value);
}

/* As few digits as read back as this number, at least 6; never like an integer. */
static void put_float(struct text *t, double d, bool single)
{
	char s[40];
	for (int digits = 6; digits <= 17; digits++) {
		(void)snprintf(s, sizeof s, "%.*g", digits, d);
		double back = 0;
		if (sscanf(s, "%lf", &back) == 1 && (single ? (float)back == (float)d : back == d))
			break;
	}
	put(t, " %s%s", s, strpbrk(s, ".einf") ? "" : ".0");
}

static void put_values(struct text *t, const struct op_values *v, unsigned max)
{
	if (v->form == VALUES_NONE)
		return;
	put(t, " =");
	if (v->form == VALUES_UNKNOWN) {
		put(t, " ?");
		return;
	}
	uint32_t count = v->form == VALUES_ONE ? 1 : v->count;
	for (uint32_t i = 0; i < count; i++) {
		int64_t n;
		if (i == max) {
			put(t, " ...");
			return;
		}
		if (!op_value(v, i, &n))
			put(t, " nan");
		else if (v->kind == VALUES_FLOAT)
			put_float(t, op_double_of(n), v->form == VALUES_NUMBERS && v->width == 4);
		else
			put(t, " %" PRId64, n);
	}
}

size_t op_print(const struct op *op, const struct proto *proto, unsigned values_max, char *buf, size_t cap)
{
	struct text t = {.buf = buf, .cap = cap};
	const char *dir = direction_name(op->dir);
	if (cap)
		buf[0] = '\0';
	put(&t, "%s %s", proto->name, dir ? dir : "?");
	if (op->has & OP_UNIT)
		put(&t, " unit %" PRIu32, op->unit);
	if (op->has & OP_ORIGIN)
		put(&t, " origin %" PRIu32, op->origin);
	put_function(&t, op, proto);
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		if (s)
			put(&t, " %s", s->name);
		else
			put(&t, " space %" PRIu32, op->space);
	}
	if (op->has & OP_RANGE) {
		char range[PROTO_RANGE_TEXT];
		const struct vocab_space *s = op->has & OP_SPACE ? proto_space(proto, op->space) : NULL;
		(void)proto_range_print(s, op->first, op->last, range, sizeof range);
		put(&t, " %s%s", op->has & OP_SPACE ? "" : "range ", range);
	}
	if (op->has & OP_KEY)
		put_key(&t, op->key);
	for (unsigned i = 0; i < op->nargs && i < OP_ARGS_MAX; i++)
		put_arg(&t, &op->args[i], proto);
	put_values(&t, &op->values, values_max);
	return t.len;
}
