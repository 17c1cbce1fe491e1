/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl ledger: what came in, what became of it, and whether that is all. */
#include <stdlib.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

#define TIMEOUT_S 30 /* the guardian has the kernel's tools print every counter, twice */

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* "inspected 12", "released 3": those that are not 0. */
static void numbers(const char *title, const json_t *o)
{
	const char *key;
	json_t *value;
	bool any = false;

	json_object_foreach((json_t *)o, key, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		printf("%s%s %lld", any ? ", " : title, key, (long long)json_integer_value(value));
		any = true;
	}
	if (any)
		putchar('\n');
}

static long long total(const json_t *o)
{
	const char *key;
	json_t *value;
	long long n = 0;

	json_object_foreach((json_t *)o, key, value) n += (long long)json_integer_value(value);
	return n;
}

static void zone_text(const char *title, const json_t *z)
{
	const json_t *uninspected = json_object_get(z, "uninspected"),
		     *dropped = json_object_get(z, "dropped");
	const char *name = json_string_value(json_object_get(z, "name"));

	printf("%s%s: in %lld = safety %lld + kernel %lld + inspected %lld + uninspected %lld + dropped %lld\n",
	       title, name ? name : "-", number(z, "in"), number(z, "safety"), number(z, "kernel"),
	       number(z, "inspected"), total(uninspected), total(dropped));
	numbers("  uninspected: ", uninspected);
	numbers("  dropped: ", dropped);
}

static void ledger_text(const json_t *s)
{
	long long off = number(s, "unaccounted");
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(s, "zones"), i, item) zone_text("zone ", item);
	zone_text("", json_object_get(s, "all"));
	json_array_foreach(json_object_get(s, "queues"), i, item)
	{
		printf("queue %lld: %lld packets\n", number(item, "queue"), number(item, "ids"));
		json_object_del(item, "queue");
		json_object_del(item, "ids");
		numbers("  dropped: ", item);
	}
	json_array_foreach(json_object_get(s, "safety-flows"), i, item)
	{
		const char *flow = json_string_value(json_object_get(item, "flow"));
		bool equal = number(item, "in") == number(item, "out") && number(item, "queued") == 0;

		printf("safety flow %s: in %lld, out %lld, queued %lld%s\n", flow ? flow : "-",
		       number(item, "in"), number(item, "out"), number(item, "queued"),
		       equal ? "" : ": NOT EQUAL");
	}
	if (number(s, "before-start"))
		printf("dropped behind queues before this start: %lld\n", number(s, "before-start"));
	if (off == 0)
		printf("the ledger balances (%lld packets moved while it was read)\n", number(s, "moving"));
	else if (off > 0)
		printf("the ledger does not balance: %lld packets came in and are in no book\n", off);
	else
		printf("the ledger does not balance: %lld packets more in the books than came in\n", -off);
}

int cmd_ledger(const struct command *cmd, int argc, char **argv)
{
	struct ask a = {0};

	if (!ask_options(cmd, argc, argv, &a))
		return EXIT_UNABLE;
	char *text = ask_text(cmd, &a, "{\"cmd\":\"ledger\"}\n", TIMEOUT_S);
	json_t *answer = text ? ask_answer(cmd, &a, text) : NULL;
	int status = EXIT_UNABLE;
	if (answer) {
		status = json_is_true(json_object_get(answer, "balanced")) ? EXIT_DONE : EXIT_NO;
		if (a.json)
			fputs(text, stdout);
		else
			ledger_text(answer);
	}
	json_decref(answer);
	free(text);
	return status;
}
