/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket is asked, by name. */
#include <jansson.h>
#include <string.h>

#include "fwd/recorder/recorder.h"

bool request_text(const struct json_t *request, const char *key, char *to, size_t cap)
{
	const json_t *s = json_object_get(request, key);
	size_t n = s ? json_string_length(s) : 0;

	if (!json_is_string(s) || n >= cap || strlen(json_string_value(s)) != n)
		return false;
	memcpy(to, json_string_value(s), n + 1);
	return true;
}

static void run_status(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	struct jsonl j;

	(void)c, (void)request;
	answer_open(&j);
	status_print(r, &j);
	client_answer(cl, &j);
}

static void run_reload(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	struct msg m = {.type = MSG_RELOAD};

	(void)r, (void)request;
	client_pass_on(c, cl, &m);
}

static void run_ledger(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	struct msg m = {.type = MSG_LEDGER};

	(void)r, (void)request;
	client_pass_on(c, cl, &m);
	cl->ledger = cl->waits != 0;
}

static void run_island(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	struct msg m;
	const char *wrong = island_message(request, cl->uid, &m);

	(void)r;
	if (wrong)
		client_refuse(cl, wrong);
	else
		client_pass_on(c, cl, &m);
}

const struct control_command control_commands[] = {
	{"status", run_status},
	{"reload", run_reload},
	{"ledger", run_ledger},
	{"isolate", run_island},
	{"release", run_island},
	{"override", run_island},
	{0},
};
