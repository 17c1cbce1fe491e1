/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unlock, approve and permit on their way to the guardian, and what it tells is lent, for `otfwctl status`. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

/* Text that may be missing. False when it is there and is none. */
static bool text_of(const json_t *request, const char *key, char *to, size_t cap)
{
	return !json_object_get(request, key) || request_text(request, key, to, cap);
}

/* The guardian checks all of it again. */
void run_lend(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	const json_t *time = json_object_get(request, "for-us");
	bool permit = strcmp(cmd, "permit") == 0, end = json_is_true(json_object_get(request, "end"));
	struct lend_request q = {.act = strcmp(cmd, "approve") == 0 ? LEND_APPROVE
					: permit && end             ? LEND_PERMIT_END
					: permit                    ? LEND_PERMIT
					: end                       ? LEND_UNLOCK_END
								    : LEND_UNLOCK,
				 .uid = cl->uid,
				 .login = cl->login,
				 .for_us = json_is_integer(time) ? json_integer_value(time) : 0};
	struct msg m = {.type = MSG_LEND};
	int fd;

	(void)r;
	if (!request_text(request, "name", q.name, sizeof(q.name)) ||
	    !text_of(request, "reason", q.reason, sizeof(q.reason)) ||
	    !text_of(request, "ticket", q.ticket, sizeof(q.ticket)) ||
	    !text_of(request, "operation", q.operation, sizeof(q.operation))) {
		client_refuse(cl, "\"name\", \"reason\", \"ticket\" or \"operation\" is missing or too long");
		return;
	}
	fd = memfd_create("otfw-lend", MFD_CLOEXEC);
	if (fd < 0 || write(fd, &q, sizeof(q)) != sizeof(q))
		client_refuse(cl, "no memory to pass the request on");
	else
		client_pass_on_fd(c, cl, &m, fd);
	if (fd >= 0)
		close(fd);
}

void lent_read(struct recorder *r, int fd)
{
	char *text = malloc(OVERLAY_TEXT_MAX);
	ssize_t n = text ? pread(fd, text, OVERLAY_TEXT_MAX, 0) : -1;

	close(fd);
	if (n < 0 || overlay_parse(&r->lent, text, (size_t)n) != 0)
		complain("what is unlocked and permitted cannot be read");
	free(text);
}

void lent_status(const struct recorder *r, struct jsonl *j)
{
	jsonl_array(j, "lent");
	for (unsigned i = 0; i < r->lent.n; i++) {
		const struct overlay_entry *e = &r->lent.list[i];

		jsonl_object(j, NULL);
		jsonl_str(j, "kind", e->permit ? "permit" : "unlock");
		jsonl_str(j, "name", e->name);
		jsonl_bool(j, "in-force", overlay_in_force(e));
		jsonl_time(j, "since", e->since_us);
		jsonl_time(j, "until", e->until_us);
		jsonl_uint(j, "for-s", (uint64_t)e->for_us / 1000000);
		jsonl_uint(j, "uid", e->uid);
		jsonl_uint(j, "needs", e->needs);
		jsonl_array(j, "people");
		for (unsigned k = 0; k < e->people; k++)
			jsonl_uint(j, NULL, e->login[k]);
		jsonl_array_end(j);
		jsonl_str(j, "reason", e->reason);
		jsonl_str(j, "ticket", *e->ticket ? e->ticket : NULL);
		if (e->permit)
			jsonl_str(j, "operation", e->operation);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
}
