/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets, operations and events in words: the fields that every kind of line shares. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "fwd/common/jsonl.h"

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

const char *address_print(const uint8_t ip[16], char buf[ADDRESS_TEXT])
{
	if (memcmp(ip, v4_prefix, sizeof(v4_prefix)) != 0) {
		if (!inet_ntop(AF_INET6, ip, buf, ADDRESS_TEXT))
			buf[0] = 0;
		return buf;
	}
	char *at = buf;
	for (int i = 12; i < 16; i++) {
		unsigned n = ip[i];
		if (i > 12)
			*at++ = '.';
		if (n >= 100)
			*at++ = (char)('0' + n / 100);
		if (n >= 10)
			*at++ = (char)('0' + n / 10 % 10);
		*at++ = (char)('0' + n % 10);
	}
	*at = 0;
	return buf;
}

const char *transport_name(unsigned transport)
{
	return transport == TRANSPORT_TCP ? "tcp" : transport == TRANSPORT_UDP ? "udp" : NULL;
}

const char *mode_name(unsigned mode)
{
	static const char *const names[] = {
		[MODE_ENFORCE] = "enforce", [MODE_SHADOW] = "shadow", [MODE_LEARN] = "learn"};
	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : NULL;
}

const char *failure_name(unsigned failure)
{
	return failure == FAILURE_CLOSED ? "closed" : failure == FAILURE_OPEN ? "open" : NULL;
}

const char *event_name(unsigned type)
{
	static const char *const names[EVENT_TYPES] = {
		[EVENT_DENY] = "deny",
		[EVENT_SHADOW_DENY] = "shadow-deny",
		[EVENT_ALERT] = "alert",
		[EVENT_UNINSPECTED] = "uninspected",
		[EVENT_LEARN] = "learn",
		[EVENT_POLICY] = "policy",
		[EVENT_STATE] = "state",
		[EVENT_AUDIT] = "audit",
		[EVENT_SHADOW_ALLOW] = "shadow-allow",
	};
	return type < EVENT_TYPES ? names[type] : NULL;
}

void digest_print(const uint8_t digest[POLICY_DIGEST], char hex[2 * POLICY_DIGEST + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < POLICY_DIGEST; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * POLICY_DIGEST] = 0;
}

bool rule_print(const struct policy *p, unsigned rule, char *buf, size_t cap)
{
	struct policy_rule r;
	struct policy_conduit c;

	if (cap)
		buf[0] = 0;
	if (!p || !policy_rule_get(p, rule, &r) || !policy_conduit_get(p, r.conduit, &c))
		return false;
	snprintf(buf, cap, "%s/%s", c.name, r.id);
	return true;
}

void jsonl_rule(struct jsonl *j, const char *key, const struct policy *p, unsigned rule)
{
	char name[512];
	if (rule_print(p, rule, name, sizeof(name)))
		jsonl_str(j, key, name);
	else
		jsonl_null(j, key);
}

void jsonl_tuple(struct jsonl *j, const struct tuple *t, unsigned transport)
{
	char addr[ADDRESS_TEXT];

	jsonl_str(j, "src", address_print(t->src, addr));
	jsonl_uint(j, "sport", t->sport);
	jsonl_str(j, "dst", address_print(t->dst, addr));
	jsonl_uint(j, "dport", t->dport);
	jsonl_str(j, "transport", transport_name(transport));
}

static void jsonl_values(struct jsonl *j, const struct op_values *v)
{
	uint32_t n = v->form == VALUES_ONE ? 1 : v->count;

	if (v->form == VALUES_NONE || v->form == VALUES_UNKNOWN) {
		jsonl_null(j, "values");
		return;
	}
	jsonl_array(j, "values");
	for (uint32_t i = 0; i < n; i++) {
		int64_t number;
		if (!op_value(v, i, &number))
			jsonl_null(j, NULL);
		else if (v->form == VALUES_NUMBERS && v->kind == VALUES_FLOAT)
			jsonl_double(j, NULL, op_double_of(number));
		else
			jsonl_int(j, NULL, number);
	}
	jsonl_array_end(j);
}

static void jsonl_args(struct jsonl *j, const struct op *op, const struct proto *proto)
{
	if (!op->nargs || !proto || !proto->args)
		return;
	uint16_t names = 0;
	while (proto->args[names].key)
		names++;
	jsonl_object(j, "args");
	for (unsigned i = 0; i < op->nargs && i < OP_ARGS_MAX; i++)
		if (op->args[i].name < names)
			jsonl_int(j, proto->args[op->args[i].name].name, op->args[i].value);
	jsonl_object_end(j);
}

void jsonl_op(struct jsonl *j, const struct op *op, const struct proto *proto, uint32_t nvalues)
{
	const struct vocab_function *f = proto ? proto_function(proto, op_function_key(op)) : NULL;
	const struct vocab_space *s = proto && op->has & OP_SPACE ? proto_space(proto, op->space) : NULL;

	jsonl_str(j, "dir", direction_name(op->dir));
	if (op->has & OP_UNIT)
		jsonl_uint(j, "unit", op->unit);
	else
		jsonl_null(j, "unit");
	jsonl_uint(j, "function", op->function);
	jsonl_str(j, "function_name", f ? f->name : NULL);
	jsonl_str(j, "access", access_name(op->access));
	jsonl_str(j, "space", s ? s->name : NULL);
	if (op->has & OP_RANGE) {
		jsonl_uint(j, "first", op->first);
		jsonl_uint(j, "last", op->last);
	} else {
		jsonl_null(j, "first");
		jsonl_null(j, "last");
	}
	if (op->has & OP_KEY)
		jsonl_strn(j, "key", op->key.data, op->key.len);
	else
		jsonl_null(j, "key");
	jsonl_values(j, &op->values);
	if (nvalues > op->values.count && op->values.form == VALUES_NUMBERS)
		jsonl_uint(j, "values_total", nvalues);
	if (op->has & OP_SUB)
		jsonl_uint(j, "sub", op->sub);
	if (op->has & OP_ORIGIN)
		jsonl_uint(j, "origin", op->origin);
	jsonl_args(j, op, proto);
}

size_t detail_print(const struct policy *p, const struct op *op, int proto, enum reason reason,
		    const struct match *m, const struct fault *fault, char *buf, size_t cap)
{
	int n;

	if (fault && fault->reason != REASON_NONE)
		n = snprintf(buf, cap, "%s at offset %u: %s", fault->field ? fault->field : "PDU",
			     fault->offset, reason_text(fault->reason));
	else if (p && op && m && m->reason != REASON_NONE)
		return policy_detail(p, op, proto, m, buf, cap);
	else
		n = snprintf(buf, cap, "%s", reason_text(reason));
	return n < 0 ? 0 : (size_t)n;
}

const char *end_name(const struct policy *p, const uint8_t ip[16], int64_t unit, char addr[ADDRESS_TEXT])
{
	const char *name = p && unit >= 0 ? policy_host_name(p, ip, unit) : NULL;
	if (!name && p)
		name = policy_host_name(p, ip, -1);
	return name ? name : address_print(ip, addr);
}

size_t operation_print(const struct policy *p, const struct tuple *t, bool from_server, const struct op *op,
		       int proto, char *buf, size_t cap)
{
	const uint8_t *client = from_server ? t->dst : t->src, *server = from_server ? t->src : t->dst;
	const struct proto *pr = proto < 0 ? NULL : proto_get((unsigned)proto);
	char from_addr[ADDRESS_TEXT], to_addr[ADDRESS_TEXT];
	const char *from = end_name(p, client, -1, from_addr);
	const char *to = end_name(p, server, op->has & OP_UNIT ? (int64_t)op->unit : -1, to_addr);
	bool colons = strchr(to, ':') != NULL;
	int n = snprintf(buf, cap, "%s -> %s%s%s:%u ", from, colons ? "[" : "", to, colons ? "]" : "",
			 from_server ? t->sport : t->dport);
	if (n < 0 || !pr)
		return n < 0 ? 0 : (size_t)n;
	size_t at = (size_t)n < cap ? (size_t)n : cap;
	return (size_t)n + op_print(op, pr, EVENT_VALUES, at < cap ? buf + at : NULL, cap - at);
}
