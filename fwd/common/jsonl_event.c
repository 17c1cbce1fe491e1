/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event as one line. The ring is written by a process that reads hostile packets: nothing in an event is believed. */
#include <stdio.h>
#include <string.h>

#include "fwd/common/jsonl.h"

static void jsonl_names(struct jsonl *j, const struct event *e, const struct policy *p)
{
	struct policy_zone zone;
	struct policy_conduit conduit;

	jsonl_str(j, "zone", p && policy_zone_get(p, e->zone, &zone) ? zone.name : NULL);
	jsonl_str(j, "conduit", p && policy_conduit_get(p, e->conduit, &conduit) ? conduit.name : NULL);
	/* The rule that allowed it. Which one came closest to allowing what was refused, the detail says. */
	jsonl_rule(j, "rule", p, e->reason == REASON_NONE ? e->rule : POLICY_NO_RULE);
}

static void jsonl_ends(struct jsonl *j, const struct event *e, const struct policy *p, const struct op *op)
{
	char addr[ADDRESS_TEXT];
	const uint8_t *client = e->from_server ? e->tuple.dst : e->tuple.src;
	const uint8_t *server = e->from_server ? e->tuple.src : e->tuple.dst;
	int64_t unit = op && op->has & OP_UNIT ? (int64_t)op->unit : -1;

	jsonl_str(j, "client", end_name(p, client, -1, addr));
	jsonl_str(j, "server", end_name(p, server, unit, addr));
	jsonl_tuple(j, &e->tuple, e->transport);
}

static void jsonl_who(struct jsonl *j, const char *key, uint32_t uid)
{
	if (uid == EVENT_NOBODY)
		jsonl_null(j, key);
	else
		jsonl_uint(j, key, uid);
}

static void jsonl_text(struct jsonl *j, const char *key, const char *s, size_t cap)
{
	if (*s)
		jsonl_strn(j, key, s, strnlen(s, cap));
	else
		jsonl_null(j, key);
}

static void jsonl_digest(struct jsonl *j, const char *key, unsigned known, const uint8_t *digest)
{
	char hex[2 * POLICY_DIGEST + 1];

	if (known)
		digest_print(digest, hex);
	jsonl_str(j, key, known ? hex : NULL);
}

/* The members of a record of the audit chain, but for its diff. */
static void jsonl_audit(struct jsonl *j, const struct event *e)
{
	const struct event_audit *a = &e->audit;

	jsonl_text(j, "action", a->action, sizeof(a->action));
	jsonl_who(j, "uid", a->uid);
	jsonl_who(j, "login", a->login);
	jsonl_bool(j, "refused", a->refused);
	jsonl_text(j, "object", a->object, sizeof(a->object));
	jsonl_text(j, "reason", a->reason, sizeof(a->reason));
	jsonl_text(j, "ticket", a->ticket, sizeof(a->ticket));
	jsonl_text(j, "detail", e->text, sizeof(e->text));
	jsonl_digest(j, "before", a->has_before, a->before);
	jsonl_digest(j, "after", a->has_after, a->after);
}

static void jsonl_why(struct jsonl *j, const struct event *e, const struct policy *p, const struct op *op)
{
	char field[EVENT_FIELD + 1], detail[DETAIL_TEXT];
	struct fault fault = {.reason = e->reason, .offset = e->fault_offset, .field = field};
	bool from_wire = e->has & EVENT_HAS_FAULT;
	bool matched = e->has & EVENT_HAS_MATCH && e->match.reason == (enum reason)e->reason;

	snprintf(field, sizeof(field), "%.*s", EVENT_FIELD, e->fault_field);
	jsonl_str(j, "reason", reason_name(e->reason));
	if (e->text[0]) {
		jsonl_strn(j, "detail", e->text, strnlen(e->text, sizeof(e->text)));
	} else if (e->reason == REASON_NONE) {
		jsonl_null(j, "detail");
	} else {
		detail_print(p, op, e->proto, e->reason, matched ? &e->match : NULL,
			     from_wire ? &fault : NULL, detail, sizeof(detail));
		jsonl_str(j, "detail", detail);
	}
	if (from_wire) {
		jsonl_str(j, "field", field);
		jsonl_uint(j, "offset", e->fault_offset);
	}
}

void jsonl_event(struct jsonl *j, const struct event *e, const struct policy *p, const char *id,
		 const char *source, unsigned queue)
{
	const struct proto *proto = e->proto < 0 ? NULL : proto_get((unsigned)e->proto);
	bool has_op = e->has & EVENT_HAS_OP && proto && e->type != EVENT_AUDIT;
	struct op op;
	char line[4096], hex[2 * POLICY_DIGEST + 1];

	if (has_op)
		event_op_to(&e->op, &op);
	jsonl_object(j, NULL);
	jsonl_time(j, "ts", e->ts_us);
	jsonl_str(j, "event", event_name(e->type));
	if (id)
		jsonl_str(j, "id", id);
	jsonl_names(j, e, p);
	if (e->type == EVENT_AUDIT)
		jsonl_audit(j, e);
	else
		jsonl_why(j, e, p, has_op ? &op : NULL);
	if (e->has & EVENT_HAS_TUPLE)
		jsonl_ends(j, e, p, has_op ? &op : NULL);
	if (e->proto >= 0)
		jsonl_str(j, "proto", proto ? proto->name : NULL);
	if (has_op) {
		jsonl_op(j, &op, proto, e->op.nvalues);
		if (e->has & EVENT_HAS_TUPLE)
			operation_print(p, &e->tuple, e->from_server, &op, e->proto, line, sizeof(line));
		else
			op_print(&op, proto, EVENT_VALUES, line, sizeof(line));
		/* Values stand last: explain takes "..." for values it does not know. */
		size_t at = strlen(line);
		if (e->op.nvalues > EVENT_VALUES && op.values.form == VALUES_NUMBERS &&
		    at + 5 <= sizeof(line))
			memcpy(line + at, " ...", 5);
		jsonl_str(j, "operation", line);
	}
	if (e->candidate) {
		jsonl_bool(j, "candidate", true);
		jsonl_str(j, "now", reason_name(e->now_reason));
	}
	jsonl_str(j, "mode", e->conduit == POLICY_NO_INDEX ? NULL : mode_name(e->mode));
	jsonl_str(j, "failure", failure_name(e->failure));
	jsonl_uint(j, "count", e->count ? e->count : 1);
	if (e->packet_id)
		jsonl_uint(j, "packet", e->packet_id);
	if (p) {
		digest_print(policy_digest(p), hex);
		jsonl_str(j, "policy", hex);
	} else {
		jsonl_null(j, "policy");
	}
	jsonl_uint(j, "generation", e->generation);
	if (source) {
		jsonl_str(j, "source", source);
		jsonl_uint(j, "queue", queue);
		jsonl_uint(j, "seq", atomic_load_explicit(&e->seq, memory_order_relaxed));
	}
	jsonl_object_end(j);
	jsonl_line(j);
}
