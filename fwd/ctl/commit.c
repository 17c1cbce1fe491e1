/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl commit, confirm and rollback: which policy is the policy; asked of the running firewall. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/meta.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/follow.h"

struct wish {
	struct ask ask;
	const char *dir, *control, *reason, *ticket;
	int64_t confirm_us;
	long guard; /* -1: none */
	bool cut, leave;
};

#define COMMON                                                                                               \
	{"json", no_argument, NULL, OPT_JSON}, {"run-dir", required_argument, NULL, OPT_RUN_DIR},            \
		{"control", required_argument, NULL, OPT_CONTROL},                                           \
	{                                                                                                    \
		"reason", required_argument, NULL, OPT_REASON                                                \
	}

static bool one_line(const char *text, size_t cap)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return n < cap;
}

static bool options(const struct command *cmd, int argc, char **argv, const struct option *known,
		    struct wish *w)
{
	int c;

	*w = (struct wish){.guard = -1};
	while ((c = ctl_option(cmd, argc, argv, known)) != -1) {
		switch (c) {
		case OPT_JSON: w->ask.json = true; break;
		case OPT_RUN_DIR: w->dir = optarg; break;
		case OPT_CONTROL: w->control = optarg; break;
		case OPT_REASON: w->reason = optarg; break;
		case OPT_TICKET: w->ticket = optarg; break;
		case OPT_CUT_SESSIONS: w->cut = true; break;
		case OPT_LEAVE_FILE: w->leave = true; break;
		case OPT_GUARD:
			if (!ctl_number(optarg, 0, 1000000000, &w->guard)) {
				ctl_usage(cmd, "--guard: %s is not a number from 0 to 1000000000", optarg);
				return false;
			}
			break;
		case OPT_CONFIRM:
			if (!ctl_duration(cmd, "--confirm", optarg, CONFIRM_MIN_US, CONFIRM_MAX_US,
					  &w->confirm_us))
				return false;
			break;
		default: return false;
		}
	}
	if (w->reason && !island_reason_good(w->reason)) {
		ctl_usage(cmd, "--reason: 1 to %d octets, without control characters and blanks around it",
			  ISLAND_REASON - 1);
		return false;
	}
	if (w->ticket && !one_line(w->ticket, META_TICKET)) {
		ctl_usage(cmd, "--ticket: at most %d octets, without control characters", META_TICKET - 1);
		return false;
	}
	return ask_path(cmd, w->dir, w->control, &w->ask);
}

/* Takes request. */
static int wish_ask(const struct command *cmd, const struct wish *w, json_t *request)
{
	if (request && w->reason && json_object_set_new(request, "reason", json_string(w->reason)) != 0)
		return ctl_error(cmd, "the reason is not UTF-8");
	if (request && w->ticket && json_object_set_new(request, "ticket", json_string(w->ticket)) != 0)
		return ctl_error(cmd, "the ticket is not UTF-8");
	return policy_ask(cmd, &w->ask, request, -1);
}

int cmd_commit(const struct command *cmd, int argc, char **argv)
{
	static const struct option known[] = {COMMON,
					      {"confirm", required_argument, NULL, OPT_CONFIRM},
					      {"guard", required_argument, NULL, OPT_GUARD},
					      {"ticket", required_argument, NULL, OPT_TICKET},
					      {"cut-sessions", no_argument, NULL, OPT_CUT_SESSIONS},
					      {0}};
	struct wish w;

	if (!options(cmd, argc, argv, known, &w) || !ctl_arguments(cmd, argc, argv, 0))
		return EXIT_UNABLE;
	if (!w.reason)
		return ctl_usage(cmd, "--reason is missing");
	if (w.guard >= 0 && !w.confirm_us)
		return ctl_usage(cmd, "--guard goes with --confirm: without it there is no trial to end");
	json_t *request = json_pack("{s:s, s:b, s:I}", "cmd", "commit", "cut-sessions", w.cut, "confirm-us",
				    (json_int_t)w.confirm_us);
	if (request && w.guard >= 0)
		json_object_set_new(request, "guard", json_integer(w.guard));
	return wish_ask(cmd, &w, request);
}

int cmd_confirm(const struct command *cmd, int argc, char **argv)
{
	static const struct option known[] = {COMMON, {"leave-file", no_argument, NULL, OPT_LEAVE_FILE}, {0}};
	struct wish w;

	if (!options(cmd, argc, argv, known, &w) || !ctl_arguments(cmd, argc, argv, 0))
		return EXIT_UNABLE;
	int status = wish_ask(cmd, &w, json_pack("{s:s}", "cmd", "confirm"));
	/* It is confirmed: whether the file could follow does not change that. */
	if (status == EXIT_DONE)
		follow_promotion(cmd, &w.ask, w.leave);
	return status;
}

int cmd_rollback(const struct command *cmd, int argc, char **argv)
{
	static const struct option known[] = {COMMON, {"ticket", required_argument, NULL, OPT_TICKET}, {0}};
	struct wish w;
	long number = 0;

	if (!options(cmd, argc, argv, known, &w) || (optind < argc && !ctl_arguments(cmd, argc, argv, 1)))
		return EXIT_UNABLE;
	if (optind < argc && !ctl_number(argv[optind], 1, META_NUMBER, &number))
		return ctl_usage(cmd, "%s is not the number of a policy in the history", argv[optind]);
	int status =
		wish_ask(cmd, &w, json_pack("{s:s, s:I}", "cmd", "rollback", "number", (json_int_t)number));
	if (status == EXIT_DONE && !w.ask.json) {
		fflush(stdout);
		fputs("the policy file was not touched: where it holds what was taken back, a reload brings that into force\n",
		      stderr);
	}
	return status;
}
