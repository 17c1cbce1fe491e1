/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl candidate diff: what the candidate would change, of what came by and of what only the kernel sees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/candidate.h"
#include "rules/diff.h"

#define TIMEOUT_S 10

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Its answer, and the image that came beside it. NULL after having said why. */
static json_t *ask(const struct command *cmd, const struct ask *a, const char *request, struct loaded *policy,
		   int *status)
{
	char path[32];
	int fd = -1;
	char *text = ask_text_fd(cmd, a, request, TIMEOUT_S, &fd);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
	bool ok = json_is_true(json_object_get(answer, "ok"));

	*status = EXIT_UNABLE;
	if (text && !answer) {
		ctl_error(cmd, "the answer is not JSON");
	} else if (answer && !ok) {
		*status = EXIT_NO;
		fprintf(stderr, "%s\n", string_of(answer, "error"));
	} else if (answer && fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ok = loaded_open(cmd, path, policy);
	} else if (answer) {
		ok = false;
		ctl_error(cmd, "the policy did not come with the answer");
	}
	if (fd >= 0)
		close(fd);
	free(text);
	if (ok)
		return answer;
	json_decref(answer);
	return NULL;
}

bool difference_denies(const json_t *event)
{
	return strcmp(string_of(event, "event"), "shadow-deny") == 0;
}

static void print_text(const json_t *d)
{
	const json_t *e = json_object_get(d, "event");
	const char *op = string_of(e, "operation"), *detail = string_of(e, "detail");
	const char *conduit = string_of(e, "conduit"), *rule = string_of(e, "rule"),
		   *mode = string_of(e, "mode");
	char first[40], last[40];

	if (!json_is_object(e)) {
		printf("%lld times, too long to be kept\n", ask_number(d, "count"));
		return;
	}
	bool denies = difference_denies(e), watched = denies && *mode && strcmp(mode, "enforce") != 0;
	printf("would be %s, %lld time%s, first %s, last %s:\n",
	       denies ? watched ? "reported" : "denied" : "allowed", ask_number(d, "count"),
	       ask_number(d, "count") == 1 ? "" : "s",
	       ask_when(json_object_get(d, "first"), first, sizeof(first)),
	       ask_when(json_object_get(d, "last"), last, sizeof(last)));
	if (*op)
		printf("  %s\n", op);
	else
		printf("  %s port %lld -> %s port %lld/%s%s%s\n", string_of(e, "src"), ask_number(e, "sport"),
		       string_of(e, "dst"), ask_number(e, "dport"), string_of(e, "transport"),
		       *string_of(e, "proto") ? " " : "", string_of(e, "proto"));
	printf("  %s%s", *conduit ? "conduit " : "no conduit", conduit);
	if (denies)
		printf(": %s: %s\n", string_of(e, "reason"), detail);
	else
		printf(": by %s; now denied: %s\n", *rule ? rule : "its lane or its mode",
		       string_of(e, "now"));
}

static void print_json(const json_t *d)
{
	const json_t *e = json_object_get(d, "event");
	char *text = json_dumps(d, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(16));

	if (text)
		printf("{\"change\":\"%s\",\"observed\":true,%s\n",
		       difference_denies(e) ? "denied" : "allowed", text + 1);
	free(text);
}

/* What no engine sees, each line with what it is said in front. */
static int print_unseen(const struct policy *before, const struct policy *after, bool json,
			struct diff_count *n)
{
	char *text = NULL, *line, *next;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -1;
	int rc = diff_print_unseen(before, after, json, f, n);
	if (fclose(f) != 0)
		rc = -1;
	for (line = text; rc == 0 && *line; line = next) {
		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (json)
			printf("{\"observed\":false,%.*s", (int)(next - line - 1), line + 1);
		else
			printf("in the kernel, not observed: %.*s", (int)(next - line), line);
	}
	free(text);
	return rc;
}

static void summary(const json_t *answer, unsigned denied, unsigned allowed, const struct diff_count *unseen,
		    bool json)
{
	unsigned kernel = unseen->allowed + unseen->denied;
	long long left = ask_number(answer, "left-out") + ask_number(answer, "given-up");
	char since[40];

	if (json) {
		printf("{\"summary\":{\"candidate\":\"%s\",\"since\":%f,\"denied\":%u,\"allowed\":%u,\"in-kernel\":%u,\"events\":%lld,\"left-out\":%lld,"
		       "\"spared\":%lld}}\n",
		       string_of(answer, "candidate"), json_number_value(json_object_get(answer, "since")),
		       denied, allowed, kernel, ask_number(answer, "events"), left,
		       ask_number(answer, "spared"));
		return;
	}
	printf("candidate %.16s..., judged since %s: ", string_of(answer, "candidate"),
	       ask_when(json_object_get(answer, "since"), since, sizeof(since)));
	if (denied + allowed + kernel == 0)
		puts("no difference");
	else
		printf("%u different operations would be denied, %u allowed; %u more lines are the kernel's\n",
		       denied, allowed, kernel);
	if (left || ask_number(answer, "spared"))
		printf("not shown: %lld that found no room, %lld thinned out in a flood\n", left,
		       ask_number(answer, "spared"));
}

int candidate_diff(const struct command *cmd, const struct ask *a)
{
	struct loaded candidate, active;
	struct diff_count unseen = {0};
	unsigned denied = 0, allowed = 0;
	const json_t *d;
	size_t i;
	int status;
	json_t *answer = ask(cmd, a, "{\"cmd\":\"differences\"}\n", &candidate, &status);

	if (!answer)
		return status;
	json_t *other = ask(cmd, a, "{\"cmd\":\"differences\",\"active\":true}\n", &active, &status);
	if (!other) {
		json_decref(answer);
		loaded_close(&candidate);
		return status;
	}
	json_array_foreach(json_object_get(answer, "differences"), i, d)
	{
		(*(difference_denies(json_object_get(d, "event")) ? &denied : &allowed))++;
		if (a->json)
			print_json(d);
		else
			print_text(d);
	}
	status = EXIT_DONE;
	if (print_unseen(&active.policy, &candidate.policy, a->json, &unseen) != 0)
		status = ctl_error(cmd, "%s", strerror(errno));
	summary(answer, denied, allowed, &unseen, a->json);
	json_decref(answer);
	json_decref(other);
	loaded_close(&active);
	loaded_close(&candidate);
	return status;
}
