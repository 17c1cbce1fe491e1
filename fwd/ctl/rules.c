/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl rules: what each rule has allowed, how often and when last. */
#include <stdlib.h>
#include <time.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

#define TIMEOUT_S 10
#define PARTS_MAX 1000

json_t *ask_rules(const struct command *cmd, const struct ask *a)
{
	json_t *all = json_object(), *rules = json_array();
	long long from = 0;

	json_object_set_new(all, "rules", rules);
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		char request[64];

		snprintf(request, sizeof(request), "{\"cmd\":\"rules\",\"from\":%lld}\n", from);
		char *text = ask_text(cmd, a, request, TIMEOUT_S);
		json_t *part = text ? ask_answer(cmd, a, text) : NULL;
		bool known = json_is_true(json_object_get(part, "rules-known"));
		const json_t *next = json_object_get(part, "next");
		long long at = (long long)json_integer_value(next);

		free(text);
		if (!part)
			break;
		json_array_extend(rules, json_object_get(part, "rules"));
		json_object_set_new(all, "rules-known", json_boolean(known));
		if (!json_is_integer(next)) {
			json_decref(part);
			return all;
		}
		json_decref(part);
		if (at <= from) {
			ctl_error(cmd, "%s: the answer does not go on", a->path);
			break;
		}
		from = at;
	}
	json_decref(all);
	return NULL;
}

static const char *day(const json_t *when, char buf[32])
{
	time_t t = (time_t)json_number_value(when);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

static void rule_text(const json_t *r)
{
	const char *name = json_string_value(json_object_get(r, "rule")),
		   *lane = json_string_value(json_object_get(r, "lane")), *what = "operations";
	char buf[32];

	if (lane && lane[0] == 'k')
		what = "packets in the kernel lane";
	if (ask_number(r, "total") == 0)
		printf("%s: never\n", name ? name : "-");
	else
		printf("%s: %lld %s on %lld days, last %s\n", name ? name : "-", ask_number(r, "total"), what,
		       ask_number(r, "days"), day(json_object_get(r, "last"), buf));
}

int cmd_rules(const struct command *cmd, int argc, char **argv)
{
	struct ask a = {0};
	json_t *item;
	size_t i;

	if (!ask_options(cmd, argc, argv, &a))
		return EXIT_UNABLE;
	json_t *answer = ask_rules(cmd, &a);
	if (!answer)
		return EXIT_UNABLE;
	json_array_foreach(json_object_get(answer, "rules"), i, item)
	{
		if (!a.json) {
			rule_text(item);
			continue;
		}
		json_dumpf(item, stdout, JSON_COMPACT | JSON_REAL_PRECISION(16));
		putchar('\n');
	}
	int status = EXIT_DONE;
	if (!json_is_true(json_object_get(answer, "rules-known"))) {
		ctl_error(cmd, "rules.db cannot be read: what was allowed is not known");
		status = EXIT_UNABLE;
	}
	json_decref(answer);
	return status;
}
