/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about policies, on their way to the guardian: the candidate, commit and what follows it. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

void candidate_add(struct recorder *r, uint32_t number, int fd)
{
	struct image_kept *k = &r->candidate;

	if (k->mem)
		image_unmap(k);
	*k = (struct image_kept){.generation = number};
	if (fd >= 0 && !image_map(k, number, fd))
		*k = (struct image_kept){0};
	differ_begin(&r->differ, k->mem != NULL, clock_us());
}

/* With the candidate beside it, or with the policy in force: two images go beside two answers. */
void run_differences(struct control *c, struct recorder *r, struct client *cl, const json_t *request)
{
	bool active = json_is_true(json_object_get(request, "active"));
	char hex[2 * POLICY_DIGEST + 1];
	struct jsonl j;

	(void)c;
	if (!r->candidate.mem) {
		client_refuse(cl, "there is no candidate");
		return;
	}
	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", true);
	digest_print(policy_digest(&r->candidate.policy), hex);
	jsonl_str(&j, "candidate", hex);
	if (!active)
		differ_print(&r->differ, &j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer_fd(cl, &j, active ? image_newest_fd(r) : r->candidate.fd);
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

void policies_status(const struct recorder *r, struct jsonl *j)
{
	char hex[2 * POLICY_DIGEST + 1];

	if (!r->candidate.mem) {
		jsonl_null(j, "candidate");
		return;
	}
	digest_print(policy_digest(&r->candidate.policy), hex);
	jsonl_str(j, "candidate", hex);
	jsonl_time(j, "candidate-since", r->differ.since_us);
	jsonl_uint(j, "candidate-differences", r->differ.used);
}
