/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl audit show: records of the chain for people, the newest in a line each, or one whole with what it changed. */
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/audit.h"

/* A string that is there, behind `before`. */
static bool member(const json_t *o, const char *key, const char *before)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || !*s)
		return false;
	printf("%s%s", before, s);
	return true;
}

static void head(const json_t *o)
{
	const json_t *uid = json_object_get(o, "uid"), *login = json_object_get(o, "login");
	char when[40], who[64], first[64];

	printf("%6lld  %s  ", ask_number(o, "n"), ask_when(json_object_get(o, "ts"), when, sizeof(when)));
	member(o, "action", "");
	member(o, "object", " ");
	fputs(json_is_true(json_object_get(o, "refused")) ? " REFUSED, " : ", ", stdout);
	fputs(ask_who(uid, who, sizeof(who)), stdout);
	if (json_is_integer(login) && !json_equal(uid, login))
		printf(" (logged in as %s)", ask_who(login, first, sizeof(first)));
	member(o, "reason", ": ");
	if (member(o, "ticket", " ("))
		putchar(')');
}

static void counts(const json_t *o, const char *before)
{
	if (json_object_get(o, "becomes-allowed"))
		printf("%s%lld become allowed, %lld become denied, %lld other changes", before,
		       ask_number(o, "becomes-allowed"), ask_number(o, "becomes-denied"),
		       ask_number(o, "other-changes"));
}

void audit_show_line(const json_t *o)
{
	head(o);
	member(o, "detail", "; ");
	counts(o, "; ");
	putchar('\n');
}

static void lines(const char *s)
{
	for (size_t n; s && *s; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		printf("          %.*s\n", (int)n, s);
	}
}

void audit_show_whole(const json_t *o)
{
	static const char *const members[][2] = {{"detail", "        what came of it: "},
						 {"before", "        before: "},
						 {"after", "        after: "},
						 {"diff-why", "        what changed is not known: "}};

	head(o);
	putchar('\n');
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (member(o, members[i][0], members[i][1]))
			putchar('\n');
	if (!json_object_get(o, "becomes-allowed"))
		return;
	counts(o, "        ");
	putchar('\n');
	lines(json_string_value(json_object_get(o, "diff")));
	if (ask_number(o, "diff-left-out"))
		printf("          and %lld more\n", ask_number(o, "diff-left-out"));
}
