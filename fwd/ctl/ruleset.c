/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl ruleset: the hook plan as the text that nft or iptables-restore would get. */
#include <errno.h>
#include <string.h>

#include "fwd/ctl/ctl.h"
#include "rules/plan.h"

static const struct {
	const char *name;
	enum plan_part part;
} parts[] = {{"base", PLAN_BASE}, {"fill", PLAN_FILL}, {"remove", PLAN_REMOVE}, {"island", PLAN_ISLAND}};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

#define ISLANDS_MAX 32

struct wanted {
	struct plan_options plan;
	struct plan_island islands[ISLANDS_MAX];
	const char *policy;
	size_t part; /* PARTS: base and fill */
	bool safety; /* isolate: the safety lanes as well */
};

static bool island_take(const struct command *cmd, struct wanted *w, bool override)
{
	if (w->plan.nislands == ISLANDS_MAX) {
		ctl_usage(cmd, "more than %d zones to isolate or override", ISLANDS_MAX);
		return false;
	}
	w->islands[w->plan.nislands++] = (struct plan_island){.zone = optarg, .override = override};
	return true;
}

/* Each must be a zone of the policy; an override of a safety zone says nothing. */
static int islands_check(const struct command *cmd, struct wanted *w, const struct policy *p, bool safety)
{
	for (unsigned i = 0; i < w->plan.nislands; i++) {
		struct policy_zone z;
		unsigned k = 0;

		while (policy_zone_get(p, k, &z) && strcmp(z.name, w->islands[i].zone) != 0)
			k++;
		if (k == policy_zones(p))
			return ctl_error(cmd, "%s: the policy has no such zone", w->islands[i].zone);
		if (w->islands[i].override && z.safety)
			return ctl_error(cmd, "%s: a safety zone is never overridden", w->islands[i].zone);
		w->islands[i].safety = safety;
	}
	w->plan.islands = w->islands;
	return EXIT_DONE;
}

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
	case OPT_ISOLATE: return island_take(cmd, w, false);
	case OPT_OVERRIDE: return island_take(cmd, w, true);
	case OPT_INCLUDING_SAFETY: w->safety = true; return true;
	case OPT_PART:
		for (w->part = 0; w->part < PARTS; w->part++)
			if (strcmp(parts[w->part].name, optarg) == 0)
				return true;
		ctl_usage(cmd, "--part %s: base, fill, remove or island is wanted", optarg);
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
						{"isolate", required_argument, NULL, OPT_ISOLATE},
						{"override", required_argument, NULL, OPT_OVERRIDE},
						{"including-safety", no_argument, NULL, OPT_INCLUDING_SAFETY},
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
	int rc = islands_check(cmd, &w, &loaded.policy, w.safety);
	if (rc != EXIT_DONE) {
		loaded_close(&loaded);
		return rc;
	}
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
