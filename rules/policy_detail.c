/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentence for a verdict. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "rules/policy_inner.h"

#define KEY_SAID 80u /* octets of a name */

/* Text that grows in a buffer of fixed size; at counts on past its end, as snprintf does. */
struct text {
	char *buf;
	size_t cap, at;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->at < t->cap ? t->buf + t->at : NULL, t->at < t->cap ? t->cap - t->at : 0, fmt,
			  ap);
	va_end(ap);
	if (n > 0)
		t->at += (size_t)n;
}

/* A name off the wire, as operation_print() has it: a sentence may stand in a terminal. */
static void add_key(struct text *t, struct view key)
{
	for (uint32_t i = 0; i < key.len && i < KEY_SAID; i++) {
		uint8_t c = key.data[i];

		if (c == '"' || c == '\\')
			add(t, "\\%c", c);
		else
			add(t, c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
	}
}

static void add_range(struct text *t, int64_t lo, int64_t hi)
{
	if (lo == hi)
		add(t, "%" PRId64, lo);
	else
		add(t, "%" PRId64 "..%" PRId64, lo, hi);
}

static void add_address_range(struct text *t, const struct proto *proto, const struct op *op, int64_t lo,
			      int64_t hi)
{
	const struct vocab_space *s =
		proto != NULL && (op->has & OP_SPACE) != 0 ? proto_space(proto, op->space) : NULL;
	char range[PROTO_RANGE_TEXT];

	(void)proto_range_print(s, (uint32_t)lo, (uint32_t)hi, range, sizeof(range));
	add(t, "%s", range);
}

static void add_number(struct text *t, int64_t v, bool is_float)
{
	if (is_float)
		add(t, "%.9g", op_double_of(v));
	else
		add(t, "%" PRId64, v);
}

static void add_numbers(struct text *t, int64_t lo, int64_t hi, bool is_float)
{
	add_number(t, lo, is_float);
	if (lo != hi) {
		add(t, "..");
		add_number(t, hi, is_float);
	}
}

static void add_space(struct text *t, const struct proto *proto, const struct op *op)
{
	if ((op->has & OP_SPACE) == 0) {
		add(t, "address");
		return;
	}
	const struct vocab_space *s = proto != NULL ? proto_space(proto, op->space) : NULL;
	if (s != NULL)
		add(t, "%s", s->name);
	else
		add(t, "space %" PRIu32, op->space);
}

/* "holding 40..60" */
static void add_addresses(struct text *t, const struct proto *proto, const struct op *op)
{
	add_space(t, proto, op);
	if ((op->has & OP_RANGE) != 0) {
		add(t, " ");
		add_address_range(t, proto, op, op->first, op->last);
	} else {
		add(t, " as a whole");
	}
}

static void add_function(struct text *t, const struct proto *proto, const struct op *op)
{
	const struct vocab_function *f = proto != NULL ? proto_function(proto, op_function_key(op)) : NULL;

	if (f != NULL && (f->flags & FN_GROUP) == 0)
		add(t, "%s", f->name);
	else if ((op->has & OP_SUB) != 0)
		add(t, "function %u/%u", (unsigned)op->function, (unsigned)op->sub);
	else
		add(t, "function %u", (unsigned)op->function);
}

static const struct image_rule *rule_of(const struct policy *p, const struct match *m)
{
	return m->rule < image_n_rules(p->image) ? &image_rules(p->image)[m->rule] : NULL;
}

static const char *conduit_name(const struct policy *p, const struct image_rule *r)
{
	return image_strings(p->image) + image_conduits(p->image)[r->conduit].name;
}

/* "rule hmi-pumps/set" */
static void add_rule(struct text *t, const struct policy *p, const struct match *m)
{
	const struct image_rule *r = rule_of(p, m);

	if (r == NULL)
		add(t, "any rule");
	else
		add(t, "rule %s/%s", conduit_name(p, r), image_strings(p->image) + r->id);
}

static const char *key_or(const char *key, const char *otherwise)
{
	return key != NULL ? key : otherwise;
}

static void add_value(struct text *t, const struct policy *p, const struct proto *proto, const struct op *op,
		      const struct match *m)
{
	const char *point = "";
	const struct image_cell *cell = NULL;

	if (m->cell < image_n_cells(p->image))
		cell = &image_cells(p->image)[m->cell];
	if (cell != NULL)
		point = image_strings(p->image) + cell->point;
	if (*point != '\0')
		add(t, "%s (", point);
	if (cell != NULL && m->reason == REASON_VALUE) {
		add_space(t, proto, op);
		add(t, " ");
		add_address_range(t, proto, op, m->at, (int64_t)m->at + cell->step - 1);
	} else if ((op->has & (OP_RANGE | OP_SPACE)) != 0) {
		add_addresses(t, proto, op);
	} else {
		add_function(t, proto, op);
	}
	if (*point != '\0')
		add(t, ")");
}

/* The hour and day that a rule's hours begin and end, of a minute of the day. */
static void add_hours(struct text *t, const struct image_rule *r)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	bool some = false;

	for (unsigned i = 0; i < 7; i++)
		if ((r->days >> i & 1) != 0) {
			add(t, "%s%s", some ? "," : "", days[i]);
			some = true;
		}
	add(t, " %02u:%02u-%02u:%02u", r->from_min / 60u, r->from_min % 60u, r->to_min / 60u,
	    r->to_min % 60u);
}

static void add_window(struct text *t, uint32_t us)
{
	switch (us) {
	case 1000000: add(t, "second"); break;
	case 60000000: add(t, "minute"); break;
	case 3600000000: add(t, "hour"); break;
	default: add(t, "%" PRIu32 " us", us); break;
	}
}

/* Seconds since 1970 as a UTC date; years 1970 to 9999 (days_from_civil turned round). */
static void add_date(struct text *t, int64_t us)
{
	int64_t s = us / 1000000, day = s / 86400 + 719468, rest = s % 86400;
	if (us < 0 || day > 3652059 + 306) {
		add(t, "%" PRId64 " us", us);
		return;
	}
	int64_t era = day / 146097, doe = day % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	add(t, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)(yoe + era * 400 + (month <= 2)), (int)month,
	    (int)(doy - (153 * mp + 2) / 5 + 1), (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

/* A number by its name, where it has one. */
static void add_named(struct text *t, const struct vocab_name *names, int64_t v)
{
	for (; names != NULL && names->name != NULL; names++)
		if (names->value == v) {
			add(t, "%s", names->name);
			return;
		}
	add(t, "%" PRId64, v);
}

static void add_argument(struct text *t, const struct policy *p, const struct proto *proto,
			 const struct match *m)
{
	const char *name = "argument";
	const struct vocab_name *names = NULL;

	if (proto != NULL && proto->args != NULL)
		for (unsigned i = 0; proto->args[i].name != NULL; i++)
			if (i == m->arg) {
				name = proto->args[i].name;
				names = proto->args[i].names;
			}
	add(t, "%s ", name);
	add_named(t, names, m->got);
	add(t, " is not inside ");
	add_named(t, names, m->lo);
	if (m->hi != m->lo) {
		add(t, "..");
		add_named(t, names, m->hi);
	}
	add(t, " of ");
	add_rule(t, p, m);
}

static void add_policy(struct text *t, const struct policy *p, const struct op *op, const struct proto *proto,
		       const struct match *m)
{
	const struct image_rule *r = rule_of(p, m);

	switch (m->reason) {
	case REASON_FUNCTION:
	case REASON_OPAQUE:
		add_function(t, proto, op);
		add(t, " is in no rule");
		if (r != NULL)
			add(t, " of %s", conduit_name(p, r));
		add(t, " for this client");
		if (m->reason == REASON_OPAQUE)
			add(t, ", and its payload cannot be read");
		break;
	case REASON_ACCESS:
		add_function(t, proto, op);
		add(t, " is %s, which ",
		    access_name(op->access) != NULL ? access_name(op->access) : "unknown");
		if (r == NULL) {
			add(t, "is beyond at-most of the conduit");
		} else {
			add_rule(t, p, m);
			add(t, " does not allow");
		}
		break;
	case REASON_UNIT:
		if (m->got == IMAGE_UNIT_NONE || (op->has & OP_UNIT) == 0)
			add(t, "no station is named, and it must be ");
		else
			add(t, "unit %" PRId64 " is not inside ", m->got);
		if (m->lo <= m->hi)
			add_range(t, m->lo, m->hi);
		else
			add(t, "any");
		add(t, " of ");
		add_rule(t, p, m);
		break;
	case REASON_ORIGIN:
		if ((op->has & OP_ORIGIN) == 0)
			add(t, "no asking station is named, and it must be ");
		else
			add(t, "%s %" PRId64 " is not inside ",
			    key_or(proto != NULL ? proto->origin_key : NULL, "origin"), m->got);
		add_range(t, m->lo, m->hi);
		add(t, " of ");
		add_rule(t, p, m);
		break;
	case REASON_KEY:
		add_function(t, proto, op);
		add(t, " \"");
		add_key(t, op->key);
		add(t, "\" is not among the names of ");
		add_rule(t, p, m);
		break;
	case REASON_ADDRESS:
		if ((op->has & (OP_RANGE | OP_SPACE)) == 0) {
			add_function(t, proto, op);
			add(t, " names no addresses");
		} else if (m->cell == IMAGE_NONE) {
			add_addresses(t, proto, op);
			add(t, " is not inside ");
			add_rule(t, p, m);
			add(t, ", which has no ");
			add_space(t, proto, op);
			add(t, " to %s", op->access == ACCESS_READ ? "read" : "write");
			break;
		} else {
			add_addresses(t, proto, op);
			add(t, " is not inside ");
			add_address_range(t, proto, op, m->lo, m->hi);
			add(t, " of ");
			add_rule(t, p, m);
			break;
		}
		add(t, ", which ");
		add_rule(t, p, m);
		add(t, " bounds");
		break;
	case REASON_VALUE:
		add_value(t, p, proto, op, m);
		if (m->arg == 1)
			add(t, " = no number is not inside ");
		else {
			add(t, " = ");
			add_number(t, m->got, m->is_float);
			add(t, " is not inside ");
		}
		if (m->lo <= m->hi)
			add_numbers(t, m->lo, m->hi, m->is_float);
		else
			add(t, "the empty list");
		add(t, " of ");
		add_rule(t, p, m);
		break;
	case REASON_VALUE_CUT:
		add_value(t, p, proto, op, m);
		add(t, " cuts through a value of %s addresses in ",
		    m->cell < image_n_cells(p->image) && image_cells(p->image)[m->cell].step == 4 ? "four"
												  : "two");
		add_address_range(t, proto, op, m->lo, m->hi);
		add(t, " of ");
		add_rule(t, p, m);
		break;
	case REASON_VALUE_UNKNOWN:
		add_value(t, p, proto, op, m);
		add(t, ": what is written cannot be known, and ");
		add_rule(t, p, m);
		add(t, " bounds it");
		break;
	case REASON_ARGUMENT: add_argument(t, p, proto, m); break;
	case REASON_RATE:
		if (r != NULL) {
			add(t, "more than %" PRIu32 " operations in a ", r->rate_max);
			add_window(t, r->rate_window_us);
			add(t,
			    (r->flags & IMAGE_RULE_PER_CLIENT) != 0 ? " by this client under " : " under ");
			add_rule(t, p, m);
		} else {
			add(t, "%s", reason_text(m->reason));
		}
		break;
	case REASON_WHEN:
		add(t, "outside ");
		if (r != NULL) {
			add_hours(t, r);
			add(t, " of ");
		}
		add_rule(t, p, m);
		break;
	case REASON_UNTIL:
		add_rule(t, p, m);
		add(t, " ended ");
		add_date(t, m->hi);
		break;
	case REASON_LOCKED:
		add_rule(t, p, m);
		add(t, " is locked");
		if (r != NULL)
			add(t, ": `otfwctl unlock %s/%s` opens it for %s%" PRIu64 " min, by %" PRIu32 "%s",
			    conduit_name(p, r), image_strings(p->image) + r->id, "at most ",
			    r->unlock_max_us / 60000000, r->unlock_approvals,
			    r->unlock_approvals == 1 ? " person" : " people");
		break;
	case REASON_CLOCK:
		add(t, "the clock is not synchronised, so ");
		add_rule(t, p, m);
		add(t, " is off");
		break;
	case REASON_PROTOCOL:
		add(t, "%s is not what ", proto != NULL ? proto->name : "this");
		add_rule(t, p, m);
		add(t, " is about");
		break;
	case REASON_NO_RULE:
		if (r != NULL) {
			add_rule(t, p, m);
			add(t, " is not for this client and server");
		} else {
			add(t, "%s", reason_text(m->reason));
		}
		break;
	default: add(t, "%s", reason_text(m->reason)); break;
	}
}

size_t policy_detail(const struct policy *p, const struct op *op, int proto, const struct match *m, char *buf,
		     size_t cap)
{
	struct text t = {.buf = buf, .cap = cap};

	if (cap > 0)
		buf[0] = '\0';
	if (m == NULL)
		return 0;
	if (m->reason == REASON_NONE) {
		add(&t, "allowed by ");
		add_rule(&t, p, m);
		return t.at;
	}
	if (op == NULL)
		add(&t, "%s", reason_text(m->reason));
	else
		add_policy(&t, p, op, proto >= 0 ? proto_get((unsigned)proto) : NULL, m);
	return t.at;
}
