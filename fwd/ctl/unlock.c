/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl unlock, approve, permit: what is lent on top of the policy for a while; asked of the running firewall. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/overlay.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/why.h"
#include "rules/arena.h"

#define TIMEOUT_S 70 /* a reload is part of it */

struct wish {
	const char *dir, *control, *reason, *ticket;
	int64_t for_us;
	bool json, end;
};

static bool wish_options(const struct command *cmd, int argc, char **argv, const struct option *options,
			 struct wish *w)
{
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: w->json = true; break;
		case OPT_RUN_DIR: w->dir = optarg; break;
		case OPT_CONTROL: w->control = optarg; break;
		case OPT_REASON: w->reason = optarg; break;
		case OPT_TICKET: w->ticket = optarg; break;
		case OPT_END: w->end = true; break;
		case OPT_FOR:
			if (!ctl_duration(cmd, "--for", optarg, LEND_MIN_US, LEND_MAX_US, &w->for_us))
				return false;
			break;
		default: return false;
		}
	}
	return ctl_arguments(cmd, argc, argv, 1);
}

/* must: there has to be a reason. */
static bool wish_good(const struct command *cmd, const struct wish *w, const char *name, bool permit,
		      bool must)
{
	if (!overlay_name_good(permit, name))
		ctl_usage(cmd, permit ? "%s is not the id of a denial" : "%s is not CONDUIT/ID", name);
	else if (!w->reason && must)
		ctl_usage(cmd, "--reason is missing");
	else if (w->reason && !island_reason_good(w->reason))
		ctl_usage(cmd, "--reason: 1 to %d octets, without control characters and blanks around it",
			  ISLAND_REASON - 1);
	else if (w->ticket && !overlay_line_good(w->ticket, META_TICKET))
		ctl_usage(cmd, "--ticket: 1 to %d octets, without control characters", META_TICKET - 1);
	else
		return true;
	return false;
}

static bool add_text(json_t *request, const char *key, const char *text)
{
	return !text || json_object_set_new(request, key, json_string(text)) == 0;
}

/* Sends the request, which it takes, and prints the answer. */
static int wish_ask(const struct command *cmd, const struct wish *w, const char *name, json_t *request)
{
	struct ask a = {.json = w->json};
	char *line = NULL, *asked = NULL, *text = NULL;
	json_t *answer = NULL;
	int status = EXIT_UNABLE;

	if (!request || !add_text(request, "name", name) || !add_text(request, "reason", w->reason) ||
	    !add_text(request, "ticket", w->ticket))
		ctl_error(cmd, "the reason or the ticket is not UTF-8");
	else if (ask_path(cmd, w->dir, w->control, &a))
		line = json_dumps(request, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(request);
	if (line && asprintf(&asked, "%s\n", line) > 0)
		text = ask_text(cmd, &a, asked, TIMEOUT_S);
	if (text)
		answer = ask_answer(cmd, &a, text);
	if (answer) {
		const char *words = json_string_value(json_object_get(answer, "text"));
		bool ok = json_is_true(json_object_get(answer, "ok"));

		status = ok ? EXIT_DONE : EXIT_NO;
		if (w->json)
			fputs(text, stdout);
		else
			fprintf(ok ? stdout : stderr, "%s: %s", name,
				words && *words ? words : "no answer\n");
	}
	json_decref(answer);
	free(text);
	free(asked);
	free(line);
	return status;
}

#define COMMON                                                                                               \
	{"json", no_argument, NULL, OPT_JSON}, {"run-dir", required_argument, NULL, OPT_RUN_DIR},            \
		{"control", required_argument, NULL, OPT_CONTROL},                                           \
	{                                                                                                    \
		"reason", required_argument, NULL, OPT_REASON                                                \
	}
#define LENDING                                                                                              \
	{"for", required_argument, NULL, OPT_FOR}, {"end", no_argument, NULL, OPT_END},                      \
	{                                                                                                    \
		"ticket", required_argument, NULL, OPT_TICKET                                                \
	}

int cmd_unlock(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {COMMON, LENDING, {0}};
	struct wish w = {0};

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, &w, argv[optind], false, !w.end))
		return EXIT_UNABLE;
	if (w.end == (w.for_us != 0))
		return ctl_usage(cmd, "either --for or --end is wanted");
	return wish_ask(cmd, &w, argv[optind],
			w.end ? json_pack("{s:s, s:b}", "cmd", "unlock", "end", 1)
			      : json_pack("{s:s, s:I}", "cmd", "unlock", "for-us", (json_int_t)w.for_us));
}

int cmd_approve(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {COMMON, {0}};
	struct wish w = {0};

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, &w, argv[optind], false, false))
		return EXIT_UNABLE;
	return wish_ask(cmd, &w, argv[optind], json_pack("{s:s}", "cmd", "approve"));
}

int cmd_permit(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {COMMON, LENDING, {0}};
	char line[OVERLAY_OPERATION];
	struct wish w = {0};
	struct ask a = {0};
	struct loaded policy;
	bool known;

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, &w, argv[optind], true, !w.end))
		return EXIT_UNABLE;
	if (w.end == (w.for_us != 0))
		return ctl_usage(cmd, "either --for or --end is wanted");
	if (!ask_path(cmd, w.dir, w.control, &a))
		return EXIT_UNABLE;
	json_t *denial = why_ask(cmd, &a, argv[optind], &policy, &known);
	if (!denial)
		return EXIT_UNABLE;
	/* As the recorder writes it, whatever way it was typed. */
	const char *id = json_string_value(json_object_get(denial, "id"));
	int status = EXIT_NO;
	if (w.end)
		status = wish_ask(cmd, &w, id ? id : argv[optind],
				  json_pack("{s:s, s:b}", "cmd", "permit", "end", 1));
	else if (!id || !why_line(json_object_get(denial, "event"), line, sizeof(line)))
		fprintf(stderr, "%s: no rule can allow what it was about\n", argv[optind]);
	else
		status = wish_ask(cmd, &w, id,
				  json_pack("{s:s, s:I, s:s}", "cmd", "permit", "for-us",
					    (json_int_t)w.for_us, "operation", line));
	if (status == EXIT_DONE && !w.end && !w.json && known) {
		const char *conduit = NULL;
		char name[32], *rule;

		snprintf(name, sizeof(name), "from-%.6s", id);
		rule = why_rule(&policy.policy, line, name, w.reason, w.ticket, &conduit);
		if (rule)
			printf("the change for the policy, should it be allowed for good, in `allow` of conduit %s:\n      - %s\n",
			       conduit, rule);
		free(rule);
	}
	if (known)
		loaded_close(&policy);
	json_decref(denial);
	return status;
}

/* ---- in `otfwctl status` ---- */

void lent_text(const json_t *status)
{
	json_t *item, *person;
	size_t i, k;

	json_array_foreach(json_object_get(status, "lent"), i, item)
	{
		const char *kind = json_string_value(json_object_get(item, "kind"));
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *reason = json_string_value(json_object_get(item, "reason"));
		const char *operation = json_string_value(json_object_get(item, "operation"));
		bool on = json_is_true(json_object_get(item, "in-force")),
		     permit = kind && strcmp(kind, "permit") == 0;
		char user[64], to[40];

		printf("%s %s: %s until %s, ", permit ? "permit" : "rule", name ? name : "-",
		       permit ? "PERMITTED"
		       : on   ? "UNLOCKED"
			      : "waits for approval",
		       ask_when(json_object_get(item, "until"), to, sizeof(to)));
		json_array_foreach(json_object_get(item, "people"), k, person)
			printf("%s%s", k ? ", approved by " : "by ", ask_who(person, user, sizeof(user)));
		printf(": %s\n", reason ? reason : "-");
		if (operation)
			printf("  %s\n", operation);
	}
}
