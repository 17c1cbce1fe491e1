/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Isolate and override: requests on their way to the guardian, and what it tells, for `otfwctl status`. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

/* The guardian checks all of it again, against its policy. */
const char *island_message(const struct json_t *request, uint32_t uid, uint32_t login, struct msg *m)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	const json_t *time = json_object_get(request, "for-us");
	struct msg_island *i = &m->island;

	*m = (struct msg){.type = MSG_ISLAND, .island = {.uid = uid, .login = login}};
	if (!request_text(request, "zone", i->zone, sizeof(i->zone)) || !island_zone_good(i->zone))
		return "\"zone\" is not the name of a zone";
	if (!request_text(request, "reason", i->reason, sizeof(i->reason)) || !island_reason_good(i->reason))
		return "\"reason\" must be 1 to 95 octets, without control characters and blanks around it";
	if (strcmp(cmd, "isolate") == 0) {
		i->act = ISLAND_ISOLATE;
		i->safety = json_is_true(json_object_get(request, "including-safety"));
	} else if (strcmp(cmd, "release") == 0) {
		i->act = ISLAND_RELEASE;
	} else if (json_is_true(json_object_get(request, "end"))) {
		i->act = ISLAND_OVERRIDE_END;
	} else {
		i->act = ISLAND_OVERRIDE;
		if (!json_is_integer(time))
			return "\"for-us\" is not a number of microseconds";
		i->for_us = json_integer_value(time);
	}
	return NULL;
}

void islands_read(struct recorder *r, int fd)
{
	char *text = malloc(ISLAND_TEXT_MAX);
	ssize_t n = text ? pread(fd, text, ISLAND_TEXT_MAX, 0) : -1;

	close(fd);
	if (n < 0 || islands_parse(&r->islands, text, (size_t)n) != 0)
		complain("what is isolated cannot be read");
	free(text);
}

void islands_status(const struct recorder *r, struct jsonl *j)
{
	const struct policy *p = image_newest(r);

	jsonl_array(j, "islands");
	for (unsigned i = 0; i < r->islands.n; i++) {
		const struct island *is = &r->islands.list[i];
		struct policy_zone z;
		bool known = false;

		for (unsigned k = 0; p && !known && policy_zone_get(p, k, &z); k++)
			known = strcmp(z.name, is->zone) == 0;
		jsonl_object(j, NULL);
		jsonl_str(j, "zone", is->zone);
		jsonl_bool(j, "in-policy", known);
		jsonl_str(j, "state", is->override ? "overridden" : "isolated");
		if (!is->override)
			jsonl_bool(j, "including-safety", is->safety);
		jsonl_time(j, "since", is->since_us);
		if (is->override)
			jsonl_time(j, "until", is->until_us);
		if (is->uid == ISLAND_NOBODY)
			jsonl_null(j, "uid");
		else
			jsonl_uint(j, "uid", is->uid);
		jsonl_str(j, "reason", is->reason);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
}
