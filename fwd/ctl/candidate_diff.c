/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl candidate diff: what the candidate would change, of what came by and of what only the kernel sees. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/candidate.h"
#include "fwd/ctl/explain_ends.h"
#include "fwd/ctl/why.h"
#include "rules/cover.h"
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

/* ---- what would cover it ---- */

static bool address_read(const char *text, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ip + 12) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* The shape of a difference, in the candidate's terms. False: no rule of a conduit of its can allow it. */
static bool shape_read(const struct policy *p, const json_t *d, struct shape *s)
{
	static struct question q;
	const json_t *e = json_object_get(d, "event"), *min = json_object_get(d, "min");
	const char *dir = string_of(e, "dir");
	bool back = strcmp(dir, "response") == 0 || strcmp(dir, "unsolicited") == 0;
	int64_t last_us = (int64_t)(json_number_value(json_object_get(d, "last")) * 1e6);
	struct tuple t = {.ipproto = strcmp(string_of(e, "transport"), "udp") == 0 ? 17 : 6};
	struct route r;
	char line[8192], err[256];
	bool read = why_line(e, line, sizeof(line)) && question_read(p, line, &q, err, sizeof(err)) == 0;

	if (!read && (*dir || json_is_string(json_object_get(e, "proto"))))
		return false; /* an answer, or octets that are no PDU */
	if (!address_read(string_of(e, back ? "dst" : "src"), t.src) ||
	    !address_read(string_of(e, back ? "src" : "dst"), t.dst))
		return false;
	t.dport = (uint16_t)ask_number(e, back ? "sport" : "dport");
	policy_route(p, &t, false, &r);
	if (r.conduit == POLICY_NO_INDEX)
		return false;
	shape_of(s, r.conduit, &t, read ? proto_find(q.text.proto->name, strlen(q.text.proto->name)) : -1,
		 read ? &q.text.op : NULL, last_us);
	s->count = (uint64_t)ask_number(d, "count");
	s->first_us = (int64_t)(json_number_value(json_object_get(d, "first")) * 1e6);
	if (json_is_integer(min) && (s->values == SHAPE_INTEGERS || s->values == SHAPE_FLOATS)) {
		s->min = json_integer_value(min);
		s->max = json_integer_value(json_object_get(d, "max"));
	}
	return true;
}

struct covering {
	struct cover *cover;
	const struct policy *policy;
	unsigned shapes, beyond; /* beyond: what no rule of a conduit can allow */
};

static void cover_difference(struct covering *c, const json_t *d)
{
	struct shape s;

	if (!c->cover || !difference_denies(json_object_get(d, "event")))
		return;
	if (shape_read(c->policy, d, &s) && cover_add(c->cover, &s))
		c->shapes++;
	else
		c->beyond++;
}

/* The rules of a conduit that would cover what it would deny, as text; NULL: none. malloc'ed. */
static char *cover_text(const struct covering *c, unsigned conduit, char **profiles)
{
	struct cover_counts n = {0};
	char *rules = NULL;
	size_t a, b;

	*profiles = NULL;
	FILE *out = open_memstream(&rules, &a), *prof = open_memstream(profiles, &b);
	if (out && prof)
		cover_write(c->cover, conduit, 6, out, prof, &n);
	if (out)
		fclose(out);
	if (prof)
		fclose(prof);
	if (n.rules + n.doubts > 0)
		return rules;
	free(rules);
	free(*profiles);
	*profiles = NULL;
	return NULL;
}

static void print_cover(const struct covering *c, bool json)
{
	struct policy_conduit conduit;
	char *rules, *profiles;

	if (!c->cover || c->shapes + c->beyond == 0)
		return;
	for (unsigned i = 0; policy_conduit_get(c->policy, i, &conduit); i++) {
		if (!(rules = cover_text(c, i, &profiles)))
			continue;
		if (json) {
			json_t *o = json_pack("{s:s, s:s, s:s}", "cover", conduit.name, "allow", rules,
					      "profiles", profiles ? profiles : "");
			if (o && json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0)
				putchar('\n');
			json_decref(o);
		} else {
			printf("\n# conduit %s: rules that cover what it would deny; what stands in comments needs a person\n    allow:\n%s",
			       conduit.name, rules);
			if (profiles && *profiles)
				printf("# with these profiles\nprofiles:\n%s", profiles);
		}
		free(rules);
		free(profiles);
	}
	if (!json && c->beyond)
		printf("\n# %u of them no rule can cover: answers, malformed PDUs, or hosts of no conduit\n",
		       c->beyond);
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
	const struct cover_options options = {.id = "candidate"};
	struct covering cover = {0};
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
	cover.policy = &candidate.policy;
	cover.cover = cover_new(&candidate.policy, &options);
	json_array_foreach(json_object_get(answer, "differences"), i, d)
	{
		cover_difference(&cover, d);
		(*(difference_denies(json_object_get(d, "event")) ? &denied : &allowed))++;
		if (a->json)
			print_json(d);
		else
			print_text(d);
	}
	status = EXIT_DONE;
	if (print_unseen(&active.policy, &candidate.policy, a->json, &unseen) != 0)
		status = ctl_error(cmd, "%s", strerror(errno));
	print_cover(&cover, a->json);
	summary(answer, denied, allowed, &unseen, a->json);
	cover_free(cover.cover);
	json_decref(answer);
	json_decref(other);
	loaded_close(&active);
	loaded_close(&candidate);
	return status;
}
