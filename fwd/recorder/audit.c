/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/audit.h"

static char line[JSONL_MAX];

static void who(struct jsonl *j, const char *key, uint32_t uid)
{
	if (uid == AUDIT_ITSELF)
		jsonl_null(j, key);
	else
		jsonl_uint(j, key, uid);
}

static void digest(struct jsonl *j, const char *key, const uint8_t *d)
{
	char hex[2 * POLICY_DIGEST + 1];

	if (d)
		digest_print(d, hex);
	jsonl_str(j, key, d ? hex : NULL);
}

void audit_add(struct recorder *r, const struct audit_entry *e)
{
	struct jsonl j;

	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", clock_us());
	jsonl_str(&j, "event", "audit");
	jsonl_str(&j, "action", e->action);
	who(&j, "uid", e->uid);
	who(&j, "login", e->login);
	jsonl_bool(&j, "refused", e->refused);
	jsonl_str(&j, "object", e->object);
	jsonl_str(&j, "reason", e->reason);
	jsonl_str(&j, "ticket", e->ticket);
	jsonl_str(&j, "detail", e->detail);
	digest(&j, "before", e->before);
	digest(&j, "after", e->after);
	jsonl_str(&j, "diff", e->diff);
	jsonl_object_end(&j);
	jsonl_line(&j);
	if (!j.cut)
		log_line(&r->log, line, j.len);
}
