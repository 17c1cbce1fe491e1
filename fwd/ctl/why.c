/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl why: a denial by its short id: what it was, what the policy in force says of it, and what would allow it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/explain.h"
#include "fwd/ctl/explain_ends.h"
#include "fwd/ctl/why.h"
#include "rules/cover.h"

#define TIMEOUT_S 10

static const char *string_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static char *json_dumps_string(const char *text)
{
	json_t *s = json_string(text);
	char *out = s ? json_dumps(s, JSON_ENCODE_ANY) : NULL;

	json_decref(s);
	return out;
}

bool why_line(const json_t *event, char *line, size_t cap)
{
	const char *op = string_of(event, "operation"), *dir = string_of(event, "dir");
	const char *src = string_of(event, "src"), *dst = string_of(event, "dst");
	const char *transport = string_of(event, "transport"), *at = op ? strstr(op, "-> ") : NULL;
	long long sport = ask_number(event, "sport"), dport = ask_number(event, "dport");
	bool unasked = dir && strcmp(dir, "unsolicited") == 0;

	at = at ? strchr(at + 3, ' ') : NULL;
	if (!at || !src || !dst || !transport || !dir || strcmp(dir, "response") == 0)
		return false;
	bool six = strchr(dst, ':') != NULL;
	/* The names of then may be others now, addresses are not. What a station says unasked has its own port as the server's. */
	int n = snprintf(line, cap, "%s -> %s%s%s:%lld/%s%s", src, six ? "[" : "", dst, six ? "]" : "",
			 unasked ? sport : dport, transport, at);
	return n > 0 && (size_t)n < cap;
}

char *why_rule(const struct policy *p, const char *line, const char *id, const char *reason,
	       const char *ticket, const char **conduit)
{
	static struct question q;
	struct tuple t = {.sport = 49152};
	struct policy_conduit c;
	struct shape s;
	struct route r;
	char err[512], *extra = NULL, *rule = NULL;
	enum cover_doubt doubt;

	if (question_read(p, line, &q, err, sizeof(err)) != 0 || !q.client.n || !q.server.n)
		return NULL;
	memcpy(t.src, q.client.ip[0], 16);
	memcpy(t.dst, q.server.ip[0], 16);
	t.dport = q.port;
	t.ipproto = q.ipproto;
	policy_route(p, &t, false, &r);
	if (r.conduit == POLICY_NO_INDEX || !policy_conduit_get(p, r.conduit, &c))
		return NULL;
	*conduit = c.name;
	shape_of(&s, r.conduit, &t, proto_find(q.text.proto->name, strlen(q.text.proto->name)), &q.text.op,
		 ctl_now());
	/* Quoted as JSON quotes, which YAML reads: the ticket is anybody's text. */
	char *quoted = ticket ? json_dumps_string(ticket) : NULL;
	if (!ticket || (quoted && asprintf(&extra, "ticket: %s", quoted) > 0))
		rule = cover_rule(p, &s, id, reason, extra, &doubt);
	free(quoted);
	free(extra);
	return rule;
}

json_t *why_ask(const struct command *cmd, const struct ask *a, const char *id, struct loaded *policy,
		bool *known)
{
	char path[32];
	json_t *request = json_pack("{s:s, s:s}", "cmd", "why", "id", id), *answer = NULL;
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL, *text = NULL, *asked = NULL;
	int fd = -1;

	*known = false;
	json_decref(request);
	if (line && asprintf(&asked, "%s\n", line) > 0)
		text = ask_text_fd(cmd, a, asked, TIMEOUT_S, &fd);
	else
		ctl_error(cmd, "the id is not UTF-8");
	if (text)
		answer = ask_answer(cmd, a, text);
	if (!a->json)
		ask_plain(answer);
	if (answer && fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		*known = loaded_open(cmd, path, policy);
	}
	if (fd >= 0)
		close(fd);
	free(asked);
	free(line);
	free(text);
	return answer;
}

static void print_event(const json_t *answer)
{
	const json_t *e = json_object_get(answer, "event");
	const char *op = string_of(e, "operation"), *conduit = string_of(e, "conduit");
	const char *reason = string_of(e, "reason"), *detail = string_of(e, "detail");
	const char *event = string_of(e, "event"), *client = string_of(e, "client"),
		   *server = string_of(e, "server");
	const char *src = string_of(e, "src"), *dst = string_of(e, "dst"), *mode = string_of(e, "mode");
	char first[40], last[40];

	printf("%s: %s %s", string_of(answer, "id") ? string_of(answer, "id") : "?",
	       event && strcmp(event, "deny") == 0 ? "denied" : "would have been denied",
	       ask_when(json_object_get(answer, "first"), first, sizeof(first)));
	if (ask_number(answer, "times") > 1)
		printf(", %lld times, last %s", ask_number(answer, "times"),
		       ask_when(json_object_get(answer, "last"), last, sizeof(last)));
	printf("\nclient %s, server %s; the packet went from %s port %lld to %s port %lld\n",
	       client ? client : "?", server ? server : "?", src ? src : "?", ask_number(e, "sport"),
	       dst ? dst : "?", ask_number(e, "dport"));
	if (op)
		printf("%s\n", op);
	printf("%s%s: %s: %s\n", conduit ? "conduit " : "no conduit", conduit ? conduit : "",
	       reason ? reason : "?", detail ? detail : "?");
	if (mode && strcmp(mode, "enforce") != 0)
		printf("the conduit was in %s mode: it passed\n", mode);
}

static int why(const struct command *cmd, const struct ask *a, const char *id)
{
	char line[8192], err[512] = "";
	struct loaded policy;
	bool known;
	json_t *answer = why_ask(cmd, a, id, &policy, &known);
	const json_t *event = json_object_get(answer, "event");

	if (!answer)
		return EXIT_UNABLE;
	bool explained = known && why_line(event, line, sizeof(line)), allowed = false;
	const char *conduit = NULL;
	char *rule = NULL, name[32];
	if (explained) {
		snprintf(name, sizeof(name), "from-%.6s",
			 string_of(answer, "id") ? string_of(answer, "id") : id);
		rule = why_rule(&policy.policy, line, name, NULL, NULL, &conduit);
	}
	if (a->json) {
		char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(16));
		printf("%.*s,\"explain\":", text ? (int)strlen(text) - 1 : 1, text ? text : "{");
		if (!explained ||
		    (!explain_print(&policy.policy, line, ctl_now(), true, err, sizeof(err)) && *err))
			printf("null");
		char *quoted = rule ? json_dumps_string(rule) : NULL;
		printf(",\"rule\":%s}\n", quoted ? quoted : "null");
		free(quoted);
		free(text);
	} else {
		print_event(answer);
		if (explained)
			printf("\nby the policy in force now:\n");
		if (explained)
			allowed = explain_print(&policy.policy, line, ctl_now(), false, err, sizeof(err));
		if (rule && !allowed && !*err)
			printf("\nwhat would allow it and no more, in `allow` of conduit %s:\n      - %s\n",
			       conduit, rule);
		if (*err)
			ctl_error(cmd, "%s", err);
	}
	free(rule);
	if (known)
		loaded_close(&policy);
	json_decref(answer);
	return EXIT_DONE;
}

int cmd_why(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL;
	struct ask a = {0};
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: a.json = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 1) || !ask_path(cmd, dir, control, &a))
		return EXIT_UNABLE;
	return why(cmd, &a, argv[optind]);
}
