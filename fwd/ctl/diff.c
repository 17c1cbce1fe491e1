/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl diff: what a change of policy changes. */
#include <errno.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ctl.h"
#include "rules/diff.h"

static int diff(const struct command *cmd, const struct policy *before, const struct policy *after, bool json)
{
	struct diff_count n = {0};

	if (diff_print(before, after, json, stdout, &n) != 0)
		return ctl_error(cmd, "%s", strerror(errno));
	if (json) {
		char line[256];
		struct jsonl j;
		jsonl_open(&j, line, sizeof(line));
		jsonl_object(&j, NULL);
		jsonl_object(&j, "summary");
		jsonl_uint(&j, "allowed", n.allowed);
		jsonl_uint(&j, "denied", n.denied);
		jsonl_uint(&j, "changed", n.changed);
		jsonl_object_end(&j);
		jsonl_object_end(&j);
		jsonl_line(&j);
		fwrite(line, 1, j.len, stdout);
	} else if (n.allowed + n.denied + n.changed == 0) {
		puts("no difference");
	} else {
		printf("%u become allowed, %u become denied, %u other changes\n", n.allowed, n.denied,
		       n.changed);
	}
	return EXIT_DONE;
}

int cmd_diff(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON}, {0}};
	struct loaded before, after;
	bool json = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c != OPT_JSON)
			return EXIT_UNABLE;
		json = true;
	}
	if (!ctl_arguments(cmd, argc, argv, 2))
		return EXIT_UNABLE;
	if (!loaded_open(cmd, argv[optind], &before))
		return before.status;
	if (!loaded_open(cmd, argv[optind + 1], &after)) {
		loaded_close(&before);
		return after.status;
	}
	int status = diff(cmd, &before.policy, &after.policy, json);
	loaded_close(&before);
	loaded_close(&after);
	return status;
}
