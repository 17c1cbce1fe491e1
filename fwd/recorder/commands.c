/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket is asked, by name. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/audit.h"
#include "fwd/recorder/recorder.h"
#include "fwd/recorder/use.h"

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
	struct msg m = {.type = MSG_RELOAD, .policy = {.uid = cl->uid, .login = cl->login}};

	(void)r;
	m.policy.number = json_is_true(json_object_get(request, "force"));
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
	const char *wrong = island_message(request, cl->uid, cl->login, &m);

	(void)r;
	if (wrong)
		client_refuse(cl, wrong);
	else
		client_pass_on(c, cl, &m);
}

/* With the policy in force beside it, so that who asks can hold the operation against it. */
static void run_why(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	char id[WHY_ID + 1];
	struct jsonl j;

	(void)c;
	answer_open(&j);
	if (!request_text(request, "id", id, sizeof(id)))
		client_refuse(cl, "\"id\" is not the id of a denial");
	else if (!why_print(&r->why, id, &j))
		client_refuse(cl, "no denial of that id is kept");
	else
		client_answer_fd(cl, &j, image_newest_fd(r));
}

static void run_rules(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const json_t *from = json_object_get(request, "from");
	json_int_t at = json_integer_value(from);
	struct jsonl j;

	(void)c;
	if (from && (!json_is_integer(from) || at < 0 || at > POLICY_NO_RULE)) {
		client_refuse(cl, "\"from\" is not the number of a rule");
		return;
	}
	use_fold(r);
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	use_print(r, (unsigned)at, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer(cl, &j);
}

static void run_audit(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const json_t *from = json_object_get(request, "from");
	struct jsonl j;

	(void)c;
	if (from && (!json_is_integer(from) || json_integer_value(from) < 0)) {
		client_refuse(cl, "\"from\" is not the number of a record");
		return;
	}
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	audit_print(r, json_integer_value(from), &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer(cl, &j);
}

static void run_assets(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const json_t *from = json_object_get(request, "from"), *since = json_object_get(request, "since");
	char zone[ASSET_ZONE_NAME * 4];
	struct asset_query q = {.from = json_integer_value(from), .since_us = json_integer_value(since)};
	struct jsonl j;

	(void)c;
	if ((from && !json_is_integer(from)) || (since && !json_is_integer(since))) {
		client_refuse(cl, "\"from\" or \"since\" is not a number");
		return;
	}
	if (json_object_get(request, "zone")) {
		if (!request_text(request, "zone", zone, sizeof(zone))) {
			client_refuse(cl, "\"zone\" is not the name of a zone");
			return;
		}
		q.zone = zone;
	}
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	asset_print(&r->assets, image_newest(r), &q, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer(cl, &j);
}

/* What was learned, as a descriptor beside the answer. */
static void run_learn(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	uint64_t shapes = 0;
	struct jsonl j;
	int fd = learn_file(&r->learn, json_integer_value(json_object_get(request, "since")), &shapes);

	(void)c;
	if (fd < 0) {
		client_refuse(cl, "what was learned cannot be read: the journal says why");
		return;
	}
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	jsonl_uint(&j, "shapes", shapes);
	jsonl_uint(&j, "lost", r->learn.lost);
	learn_faults_print(&r->learn, json_integer_value(json_object_get(request, "since")), &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer_fd(cl, &j, fd);
	close(fd);
}

/* clang-format off */
const struct control_command control_commands[] = {
	{"status", run_status},
	{"reload", run_reload},
	{"ledger", run_ledger},
	{"why", run_why},
	{"learn", run_learn},
	{"rules", run_rules},
	{"assets", run_assets},
	{"audit", run_audit},
	{"isolate", run_island},
	{"release", run_island},
	{"override", run_island},
	{"candidate", run_candidate},
	{"differences", run_differences},
	{"unlock", run_lend},
	{"approve", run_lend},
	{"permit", run_lend},
	{"commit", run_commit},
	{"confirm", run_confirm},
	{"rollback", run_confirm},
	{"promotion", run_promotion},
	{0},
};
/* clang-format on */
