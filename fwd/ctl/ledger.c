/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl ledger: what came in, what became of it, and whether that is all. */
#include <stdlib.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

#define TIMEOUT_S 30 /* the guardian has the kernel's tools print every counter, twice */

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
	       title, name ? name : "-", ask_number(z, "in"), ask_number(z, "safety"),
	       ask_number(z, "kernel"), ask_number(z, "inspected"), total(uninspected), total(dropped));
	ask_numbers_print("  uninspected: ", uninspected);
	ask_numbers_print("  dropped: ", dropped);
	ask_numbers_print("  passed uninspected by engines, why: ", json_object_get(z, "passed-by"));
	ask_numbers_print("  denied with a reset, why: ", json_object_get(z, "reset-by"));
	ask_numbers_print("  dropped by engines, why: ", json_object_get(z, "queue-by"));
}

static void ledger_text(const json_t *s)
{
	long long off = ask_number(s, "unaccounted");
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(s, "zones"), i, item) zone_text("zone ", item);
	zone_text("", json_object_get(s, "all"));
	json_array_foreach(json_object_get(s, "queues"), i, item)
	{
		printf("queue %lld: %lld packets\n", ask_number(item, "queue"), ask_number(item, "ids"));
		json_object_del(item, "queue");
		json_object_del(item, "ids");
		ask_numbers_print("  dropped: ", item);
	}
	json_array_foreach(json_object_get(s, "safety-flows"), i, item)
	{
		const char *flow = json_string_value(json_object_get(item, "flow"));
		bool equal = ask_number(item, "lost") == 0 && ask_number(item, "queued") == 0;

		printf("safety flow %s: in %lld, out %lld, queued %lld%s\n", flow ? flow : "-",
		       ask_number(item, "in"), ask_number(item, "out"), ask_number(item, "queued"),
		       equal ? "" : ": NOT EQUAL");
	}
	if (ask_number(s, "before-start"))
		printf("dropped behind queues before this start: %lld\n", ask_number(s, "before-start"));
	if (off == 0)
		printf("the ledger balances (%lld packets moved while it was read)\n",
		       ask_number(s, "moving"));
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
