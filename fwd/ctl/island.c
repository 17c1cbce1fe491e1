/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl isolate, release, override: a zone cut off, or let pass uninspected; asked of the running firewall. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/island.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

#define TIMEOUT_S 30

struct wish {
	const char *dir, *control, *reason, *confirm;
	int64_t for_us;
	bool json, safety, end;
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
		case OPT_CONFIRM: w->confirm = optarg; break;
		case OPT_INCLUDING_SAFETY: w->safety = true; break;
		case OPT_END: w->end = true; break;
		case OPT_FOR:
			if (!ctl_duration(cmd, "--for", optarg, OVERRIDE_MIN_US, OVERRIDE_MAX_US, &w->for_us))
				return false;
			break;
		default: return false;
		}
	}
	return true;
}

/* What every one of them needs. */
static bool wish_good(const struct command *cmd, int argc, char **argv, const struct wish *w)
{
	if (!ctl_arguments(cmd, argc, argv, 1))
		return false;
	if (!island_zone_good(argv[optind])) {
		ctl_usage(cmd, "%s is not the name of a zone", argv[optind]);
		return false;
	}
	if (!w->reason) {
		ctl_usage(cmd, "--reason is missing");
		return false;
	}
	if (!island_reason_good(w->reason)) {
		ctl_usage(cmd, "--reason: 1 to %d octets, without control characters and blanks around it",
			  ISLAND_REASON - 1);
		return false;
	}
	return true;
}

/* Sends the request, which it takes, and prints the answer. */
static int wish_ask(const struct command *cmd, const struct wish *w, const char *zone, json_t *request)
{
	struct ask a = {.json = w->json};
	char *line = NULL, *text = NULL;
	json_t *answer = NULL;
	int status = EXIT_UNABLE;

	/* The name of the command is what is asked for. */
	if (!request || json_object_set_new(request, "zone", json_string(zone)) != 0 ||
	    json_object_set_new(request, "reason", json_string(w->reason)) != 0)
		ctl_error(cmd, "the reason is not UTF-8");
	else if (ask_path(cmd, w->dir, w->control, &a))
		line = json_dumps(request, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(request);
	if (line) {
		size_t n = strlen(line);
		char *more = realloc(line, n + 2);
		if (more) {
			line = more;
			memcpy(line + n, "\n", 2);
			text = ask_text(cmd, &a, line, TIMEOUT_S);
		}
	}
	if (text)
		answer = ask_answer(cmd, &a, text);
	if (answer) {
		const char *words = json_string_value(json_object_get(answer, "text"));
		bool ok = json_is_true(json_object_get(answer, "ok"));
		status = ok ? EXIT_DONE : EXIT_NO;
		if (w->json)
			fputs(text, stdout);
		else
			fprintf(ok ? stdout : stderr, "zone %s: %s", zone,
				words && *words ? words : "no answer\n");
	}
	json_decref(answer);
	free(text);
	free(line);
	return status;
}

#define COMMON                                                                                               \
	{"json", no_argument, NULL, OPT_JSON}, {"run-dir", required_argument, NULL, OPT_RUN_DIR},            \
		{"control", required_argument, NULL, OPT_CONTROL},                                           \
	{                                                                                                    \
		"reason", required_argument, NULL, OPT_REASON                                                \
	}

int cmd_isolate(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {COMMON,
						{"including-safety", no_argument, NULL, OPT_INCLUDING_SAFETY},
						{"confirm", required_argument, NULL, OPT_CONFIRM},
						{0}};
	struct wish w = {0};

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, argc, argv, &w))
		return EXIT_UNABLE;
	const char *zone = argv[optind];
	if (w.safety && (!w.confirm || strcmp(w.confirm, zone) != 0))
		return ctl_usage(
			cmd,
			"--including-safety cuts the safety lanes of zone %s as well: repeat its name with --confirm %s",
			zone, zone);
	if (!w.safety && w.confirm)
		return ctl_usage(cmd, "--confirm goes with --including-safety");
	return wish_ask(cmd, &w, zone,
			json_pack("{s:s, s:b}", "cmd", "isolate", "including-safety", w.safety));
}

int cmd_release(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {COMMON, {0}};
	struct wish w = {0};

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, argc, argv, &w))
		return EXIT_UNABLE;
	return wish_ask(cmd, &w, argv[optind], json_pack("{s:s}", "cmd", "release"));
}

int cmd_override(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		COMMON, {"for", required_argument, NULL, OPT_FOR}, {"end", no_argument, NULL, OPT_END}, {0}};
	struct wish w = {0};

	if (!wish_options(cmd, argc, argv, options, &w) || !wish_good(cmd, argc, argv, &w))
		return EXIT_UNABLE;
	if (w.end == (w.for_us != 0))
		return ctl_usage(cmd, "either --for or --end is wanted");
	if (w.end)
		return wish_ask(cmd, &w, argv[optind],
				json_pack("{s:s, s:b}", "cmd", "override", "end", true));
	return wish_ask(cmd, &w, argv[optind],
			json_pack("{s:s, s:I}", "cmd", "override", "for-us", (json_int_t)w.for_us));
}

/* ---- in `otfwctl status` ---- */

void islands_text(const json_t *status)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(status, "islands"), i, item)
	{
		const char *zone = json_string_value(json_object_get(item, "zone"));
		const char *state = json_string_value(json_object_get(item, "state"));
		const char *reason = json_string_value(json_object_get(item, "reason"));
		const json_t *until = json_object_get(item, "until");
		char user[64], from[40], to[40];

		printf("zone %s: %s%s since %s%s%s by %s: %s%s\n", zone ? zone : "-",
		       state && strcmp(state, "isolated") == 0 ? "ISOLATED" : "OVERRIDDEN, not inspected,",
		       json_is_true(json_object_get(item, "including-safety")) ? ", safety lanes too," : "",
		       ask_when(json_object_get(item, "since"), from, sizeof(from)), until ? " until " : "",
		       until ? ask_when(until, to, sizeof(to)) : "",
		       ask_who(json_object_get(item, "uid"), user, sizeof(user)), reason ? reason : "-",
		       json_is_false(json_object_get(item, "in-policy"))
			       ? " (no longer in the policy: by the addresses that it had)"
			       : "");
	}
}
