/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about policies, on their way to the guardian: the candidate, commit and what follows it. */
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"
#include "fwd/recorder/unseen.h"

void candidate_add(struct recorder *r, uint32_t number, int fd)
{
	struct image_kept *k = &r->candidate;

	if (k->mem)
		image_unmap(k);
	*k = (struct image_kept){.generation = number};
	if (fd >= 0 && !image_map(k, number, fd))
		*k = (struct image_kept){0};
	r->candidate_told = true;
	unseen_begin(r, differ_begin(&r->differ, k->mem ? policy_digest(&k->policy) : NULL, clock_us()));
}

/* What the recorder knows of a conduit's way from learn to enforce. */
void run_promotion(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const json_t *name = json_object_get(request, "conduit");
	struct jsonl j;

	(void)c;
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	if (!json_is_string(name) || !modes_print(&r->modes, json_string_value(name), &j)) {
		client_refuse(cl, "the policy in force has no such conduit that is inspected");
		return;
	}
	int64_t newest = learn_newest(&r->learn, json_string_value(name));
	if (newest > 0)
		jsonl_time(&j, "newest-operation", newest);
	else if (newest == 0)
		jsonl_null(&j, "newest-operation");
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer(cl, &j);
}

static void answer_differences(struct recorder *r, struct client *cl, bool active)
{
	char hex[2 * POLICY_DIGEST + 1];
	struct jsonl j;

	if (!r->candidate.mem) {
		client_refuse(cl, "there is no candidate");
		return;
	}
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	digest_print(policy_digest(&r->candidate.policy), hex);
	jsonl_str(&j, "candidate", hex);
	if (!active) {
		unseen_print(r, &j);
		differ_print(&r->differ, &j);
	}
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer_fd(cl, &j, active ? image_newest_fd(r) : r->candidate.fd);
}

void differences_answer(struct recorder *r, struct client *cl)
{
	answer_differences(r, cl, false);
}

/*
 * With the candidate beside it, or with the policy in force: two images go beside two answers. What the kernel has counted until now is asked of the
 * guardian first.
 */
void run_differences(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	struct msg m = {.type = MSG_LEDGER};

	if (json_is_true(json_object_get(request, "active")) || !r->candidate.mem) {
		answer_differences(r, cl, true);
		return;
	}
	client_pass_on(c, cl, &m);
	cl->ledger = cl->differences = cl->waits != 0;
}

/* One line of text that may be missing; false when it is there and is none. */
static bool line_text(const json_t *request, const char *key, char *to, size_t cap)
{
	if (!json_object_get(request, key))
		return true;
	if (!request_text(request, key, to, cap))
		return false;
	for (const char *p = to; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

const char *policy_message(const struct json_t *request, const struct client *cl, enum msg_policy_act act,
			   struct msg *m)
{
	struct msg_policy *p = &m->policy;

	*m = (struct msg){.type = MSG_POLICY};
	p->act = act;
	p->uid = cl->uid;
	p->login = cl->login;
	if (!line_text(request, "reason", p->reason, sizeof(p->reason)) ||
	    (*p->reason && !island_reason_good(p->reason)))
		return "\"reason\" must be 1 to 95 octets, without control characters and blanks around it";
	if (!line_text(request, "ticket", p->ticket, sizeof(p->ticket)))
		return "\"ticket\" must be at most 63 octets, without control characters";
	if (!line_text(request, "name", p->name, sizeof(p->name)))
		return "\"name\" must be at most 255 octets, without control characters";
	return NULL;
}

void run_candidate(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	bool drop = json_is_true(json_object_get(request, "drop"));
	struct msg m;
	const char *wrong = policy_message(request, cl, drop ? POLICY_DROP : POLICY_CANDIDATE, &m);

	(void)r;
	if (!wrong && !drop && cl->fd_in < 0)
		wrong = "no memory with the candidate came with the request";
	if (wrong)
		client_refuse(cl, wrong);
	else
		client_pass_on_fd(c, cl, &m, drop ? -1 : cl->fd_in);
}

/* Its number, 0 where there is none, -1 where it is none. */
static int64_t number_of(const json_t *request, const char *key, int64_t hi)
{
	const json_t *n = json_object_get(request, key);

	if (!n)
		return 0;
	return json_is_integer(n) && json_integer_value(n) >= 0 && json_integer_value(n) <= hi
		       ? json_integer_value(n)
		       : -1;
}

/* Only what would be cut by it says no; everything else is the guardian's to say. */
void run_commit(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	int64_t confirm = number_of(request, "confirm-us", INT64_MAX);
	int64_t guard = number_of(request, "guard", UINT32_MAX);
	struct msg m;
	const char *wrong = policy_message(request, cl, POLICY_COMMIT, &m);

	if (!wrong && !*m.policy.reason)
		wrong = "a commit needs a reason";
	else if (!wrong && confirm < 0)
		wrong = "\"confirm-us\" is not a number of microseconds";
	else if (!wrong && guard < 0)
		wrong = "\"guard\" is not a number";
	else if (!wrong && !r->candidate.mem)
		wrong = "there is no candidate: load one first";
	if (wrong) {
		client_refuse(cl, wrong);
		return;
	}
	if (!json_is_true(json_object_get(request, "cut-sessions")) && sessions_refuse(r, cl))
		return;
	m.policy.confirm_us = confirm;
	m.policy.guard = (uint32_t)guard;
	m.policy.guarded = json_object_get(request, "guard") != NULL;
	memcpy(m.policy.digest, policy_digest(&r->candidate.policy), POLICY_DIGEST);
	client_pass_on(c, cl, &m);
}

void run_confirm(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	bool confirm = strcmp(cmd, "confirm") == 0;
	int64_t number = number_of(request, "number", META_NUMBER);
	struct msg m;
	const char *wrong = policy_message(request, cl, confirm ? POLICY_CONFIRM : POLICY_ROLLBACK, &m);

	(void)r;
	if (!wrong && number < 0)
		wrong = "\"number\" is not that of a policy";
	if (wrong) {
		client_refuse(cl, wrong);
		return;
	}
	m.policy.number = confirm ? 0 : (uint32_t)number;
	client_pass_on(c, cl, &m);
}

static int64_t boot_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void number_print(struct jsonl *j, const char *key, uint32_t number)
{
	if (number)
		jsonl_uint(j, key, number);
	else
		jsonl_null(j, key);
}

static void state_print(const struct recorder *r, struct jsonl *j)
{
	const struct msg_policy_state *s = &r->policy_state;
	int64_t left = s->deadline_boot_us - boot_us();

	number_print(j, "policy-number", s->running);
	number_print(j, "policy-confirmed", s->confirmed);
	if (s->trial) {
		jsonl_object(j, "trial");
		jsonl_uint(j, "number", s->trial);
		jsonl_uint(j, "seconds-left", left > 0 ? (uint64_t)(left + 999999) / 1000000 : 0);
		if (s->guarded) {
			jsonl_uint(j, "guard", s->guard);
			jsonl_uint(j, "guard-denied", s->guard_denied);
		}
		jsonl_object_end(j);
	} else {
		jsonl_null(j, "trial");
	}
	jsonl_str(j, "policy-file", r->policy_file);
	jsonl_str(j, "state-dir", r->state_dir);
}

void policies_status(const struct recorder *r, struct jsonl *j)
{
	char hex[2 * POLICY_DIGEST + 1];

	state_print(r, j);
	if (!r->candidate.mem) {
		jsonl_null(j, "candidate");
		return;
	}
	digest_print(policy_digest(&r->candidate.policy), hex);
	jsonl_str(j, "candidate", hex);
	jsonl_time(j, "candidate-since", r->differ.since_us);
	jsonl_uint(j, "candidate-differences", r->differ.used);
}
