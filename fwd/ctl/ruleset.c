/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl ruleset: the hook plan as the text that nft or iptables-restore would get. */
#include <errno.h>
#include <string.h>

#include "fwd/ctl/ctl.h"
#include "rules/plan.h"

static const struct {
	const char *name;
	enum plan_part part;
} parts[] = {{"base", PLAN_BASE}, {"fill", PLAN_FILL}, {"remove", PLAN_REMOVE}};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

struct wanted {
	struct plan_options plan;
	const char *policy;
	size_t part; /* PARTS: base and fill */
};

static bool option_take(const struct command *cmd, struct wanted *w, int c)
{
	long n;

	switch (c) {
	case OPT_POLICY: w->policy = optarg; return true;
	case OPT_BRIDGE: w->plan.bridge = true; return true;
	case OPT_BACKEND:
		if (strcmp(optarg, "nft") == 0) {
			w->plan.backend = PLAN_NFT;
		} else if (strcmp(optarg, "iptables") == 0) {
			w->plan.backend = PLAN_IPTABLES;
		} else {
			ctl_usage(cmd, "--backend %s: nft or iptables is wanted", optarg);
			return false;
		}
		return true;
	case OPT_FAMILY:
		if (!ctl_number(optarg, 4, 6, &n) || n == 5) {
			ctl_usage(cmd, "--family %s: 4 or 6 is wanted", optarg);
			return false;
		}
		w->plan.family = (int)n;
		return true;
	case OPT_QUEUE_BASE:
		if (!ctl_number(optarg, 0, 65535, &n)) {
			ctl_usage(cmd, "--queue-base %s: 0..65535 is wanted", optarg);
			return false;
		}
		w->plan.queue_base = (uint16_t)n;
		return true;
	case OPT_PART:
		for (w->part = 0; w->part < PARTS; w->part++)
			if (strcmp(parts[w->part].name, optarg) == 0)
				return true;
		ctl_usage(cmd, "--part %s: base, fill or remove is wanted", optarg);
		return false;
	default: return false;
	}
}

int cmd_ruleset(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"policy", required_argument, NULL, OPT_POLICY},
						{"backend", required_argument, NULL, OPT_BACKEND},
						{"family", required_argument, NULL, OPT_FAMILY},
						{"queue-base", required_argument, NULL, OPT_QUEUE_BASE},
						{"bridge", no_argument, NULL, OPT_BRIDGE},
						{"part", required_argument, NULL, OPT_PART},
						{0}};
	struct wanted w = {.plan = {.backend = PLAN_NFT, .family = 4}, .part = PARTS};
	struct loaded loaded;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1)
		if (!option_take(cmd, &w, c))
			return EXIT_UNABLE;
	if (!ctl_arguments(cmd, argc, argv, 0))
		return EXIT_UNABLE;
	if (!w.policy)
		return ctl_usage(cmd, "--policy is missing");
	if (!loaded_open(cmd, w.policy, &loaded))
		return loaded.status;
	unsigned queues = policy_queues(&loaded.policy);
	int rc = 0;
	if (w.plan.queue_base + queues > 65536) {
		loaded_close(&loaded);
		return ctl_error(cmd, "--queue-base %u: the policy needs %u queues, the last number is 65535",
				 w.plan.queue_base, queues);
	}
	if (w.part < PARTS)
		rc = plan_print(&loaded.policy, &w.plan, parts[w.part].part, stdout);
	else if (plan_print(&loaded.policy, &w.plan, PLAN_BASE, stdout) != 0 ||
		 plan_print(&loaded.policy, &w.plan, PLAN_FILL, stdout) != 0)
		rc = -1;
	loaded_close(&loaded);
	return rc == 0 ? EXIT_DONE : ctl_error(cmd, "standard output: %s", strerror(errno));
}
