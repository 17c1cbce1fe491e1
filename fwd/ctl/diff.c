/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl diff: what a change of policy changes. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/history.h"
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

/* ---- for a pull request ---- */

static void names_print(const json_t *list)
{
	json_t *name;
	size_t i;

	json_array_foreach(list, i, name) printf("%s%s", i ? ", " : "", json_string_value(name));
}

/* A cell of a table: what would end it or be markup is escaped. */
static void cell(const char *text)
{
	for (; *text; text++) {
		if (strchr("|\\`*_<>[]", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void section(const char *lines, const char *change, const char *title, unsigned n)
{
	const char *at = lines, *end;

	if (!n)
		return;
	printf("\n#### %s (%u)\n\n| rule | what | clients | servers |\n|---|---|---|---|\n", title, n);
	for (; (end = strchr(at, '\n')); at = end + 1) {
		json_t *o = json_loadb(at, (size_t)(end - at), 0, NULL);
		const char *is = json_string_value(json_object_get(o, "change"));
		const char *conduit = json_string_value(json_object_get(o, "conduit"));
		const char *rule = json_string_value(json_object_get(o, "rule"));
		const char *what = json_string_value(json_object_get(o, "what"));

		if (is && strcmp(is, change) == 0) {
			fputs("| ", stdout);
			cell(conduit ? conduit : "");
			if (rule) {
				putchar('/');
				cell(rule);
			}
			fputs(" | ", stdout);
			cell(what ? what : "");
			fputs(" | ", stdout);
			names_print(json_object_get(o, "clients"));
			fputs(" | ", stdout);
			names_print(json_object_get(o, "servers"));
			puts(" |");
		}
		json_decref(o);
	}
}

static int markdown(const struct command *cmd, const struct policy *before, const struct policy *after)
{
	char was[2 * POLICY_DIGEST + 1], is[2 * POLICY_DIGEST + 1], *lines = NULL;
	struct diff_count n = {0};
	size_t size = 0;
	FILE *f = open_memstream(&lines, &size);

	if (!f || diff_print(before, after, true, f, &n) != 0 || fclose(f) != 0) {
		free(lines);
		return ctl_error(cmd, "%s", strerror(errno));
	}
	digest_print(policy_digest(before), was);
	digest_print(policy_digest(after), is);
	printf("### Policy change: %u become allowed, %u become denied, %u other changes\n\n`%s` \u2192 `%s`\n",
	       n.allowed, n.denied, n.changed, was, is);
	section(lines, "allowed", "Becomes allowed", n.allowed);
	section(lines, "denied", "Becomes denied", n.denied);
	section(lines, "changed", "Other changes", n.changed);
	free(lines);
	return EXIT_DONE;
}

/* A file, or what the running firewall keeps. */
static bool open_named(const struct command *cmd, const struct ask *a, const char *state, const char *name,
		       struct loaded *out)
{
	char *path = history_image(cmd, a, state, name);
	bool ok;

	*out = (struct loaded){.status = EXIT_UNABLE};
	ok = path && loaded_open(cmd, path, out);
	free(path);
	return ok;
}

int cmd_diff(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"markdown", no_argument, NULL, OPT_MARKDOWN},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{"state-dir", required_argument, NULL, OPT_STATE_DIR},
						{0}};
	const char *dir = NULL, *control = NULL, *state = NULL;
	struct loaded before, after;
	bool json = false, md = false;
	struct ask a = {.json = false};
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: json = true; break;
		case OPT_MARKDOWN: md = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		case OPT_STATE_DIR: state = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 2) || !ask_path(cmd, dir, control, &a))
		return EXIT_UNABLE;
	if (json && md)
		return ctl_usage(cmd, "either --json or --markdown");
	if (!open_named(cmd, &a, state, argv[optind], &before))
		return before.status;
	if (!open_named(cmd, &a, state, argv[optind + 1], &after)) {
		loaded_close(&before);
		return after.status;
	}
	int status = md ? markdown(cmd, &before.policy, &after.policy)
			: diff(cmd, &before.policy, &after.policy, json);
	loaded_close(&before);
	loaded_close(&after);
	return status;
}
