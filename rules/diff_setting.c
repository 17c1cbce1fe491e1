/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conduits are set to, conduit by conduit. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff_line.h"

struct setting {
	struct records *lines;
	const char *conduit;
	bool unseen;
};

static void put(const struct setting *s, const char *what, char *before, char *after)
{
	if (strcmp(before, after) != 0)
		*(struct line *)records_add(s->lines, 1) =
			(struct line){.change = CHANGE_SETTING,
				      .seen = s->unseen ? SEEN_UNKNOWN : SEEN_NONE,
				      .safety = s->unseen,
				      .conduit = s->conduit,
				      .what = diff_text("%s %s becomes %s", what, before, after),
				      .client = diff_text("%s", ""),
				      .server = diff_text("%s", "")};
	free(before);
	free(after);
}

static char *access_text(uint32_t bits)
{
	char *out = diff_text("%s", "");

	for (unsigned i = 0; i < ACCESS_COUNT; i++)
		if ((bits >> i & 1) != 0)
			diff_append(&out, " ", diff_text("%s", access_name(i)));
	return out;
}

/* Where a safety conduit's packets must come from. */
static char *interfaces_text(const struct policy *p, unsigned conduit)
{
	char *out = diff_text("%s", "");
	const char *name;

	for (unsigned i = 0; (name = policy_interface(p, conduit, i)) != NULL; i++)
		diff_append(&out, ", ", diff_text("%s", name));
	if (*out == '\0')
		diff_append(&out, "", diff_text("any"));
	return out;
}

static char *expect_text(const struct policy_safety *s)
{
	if (s->expect_max == 0)
		return diff_text("none");
	return diff_text("%" PRIu32 " packets in %" PRIu64 " us", s->expect_max, s->expect_window_us);
}

static void safety(const struct setting *s, const struct policy *before, unsigned a,
		   const struct policy *after, unsigned b)
{
	struct policy_safety x, y;

	if (!policy_safety_get(before, a, &x) || !policy_safety_get(after, b, &y))
		return;
	put(s, "interfaces", interfaces_text(before, a), interfaces_text(after, b));
	if (s->unseen)
		return;
	put(s, "mirror", diff_text(x.mirror ? "yes" : "no"), diff_text(y.mirror ? "yes" : "no"));
	put(s, "watchdog", diff_text("%" PRIu64 " us", x.watchdog_us),
	    diff_text("%" PRIu64 " us", y.watchdog_us));
	put(s, "expect", expect_text(&x), expect_text(&y));
}

static unsigned named(const struct policy *p, const char *name, struct policy_conduit *out)
{
	unsigned i = 0;

	while (policy_conduit_get(p, i, out) && strcmp(out->name, name) != 0)
		i++;
	return i;
}

static void one(const struct setting *s, const struct policy_conduit *a, const struct policy_conduit *b)
{
	static const char *const modes[] = {"enforce", "shadow", "learn"},
				 *const failures[] = {"closed", "open"}, *const denies[] = {"reset", "drop"},
				 *const lanes[] = {"none", "safety", "kernel", "inspected"};

	if (!s->unseen || a->lane == LANE_SAFETY || b->lane == LANE_SAFETY)
		put(s, "lane", diff_text("%s", lanes[a->lane]), diff_text("%s", lanes[b->lane]));
	if (s->unseen)
		return;
	put(s, "mode", diff_text("%s", modes[a->mode]), diff_text("%s", modes[b->mode]));
	put(s, "failure", diff_text("%s", failures[a->failure]), diff_text("%s", failures[b->failure]));
	put(s, "on-deny", diff_text("%s", denies[a->on_deny]), diff_text("%s", denies[b->on_deny]));
	put(s, "deadline", diff_text("%" PRIu32 " us", a->deadline_us),
	    diff_text("%" PRIu32 " us", b->deadline_us));
	put(s, "answer-within", diff_text("%" PRIu64 " us", a->answer_within_us),
	    diff_text("%" PRIu64 " us", b->answer_within_us));
	put(s, "single-master", diff_text(a->single_master ? "yes" : "no"),
	    diff_text(b->single_master ? "yes" : "no"));
	put(s, "at-most", access_text(a->at_most), access_text(b->at_most));
}

void diff_settings(const struct policy *before, const struct policy *after, bool unseen,
		   struct records *lines)
{
	struct setting s = {.lines = lines, .unseen = unseen};
	struct policy_conduit a, b;

	for (unsigned i = 0; policy_conduit_get(after, i, &b); i++) {
		s.conduit = b.name;
		unsigned k = named(before, b.name, &a);
		if (k < policy_conduits(before)) {
			one(&s, &a, &b);
			safety(&s, before, k, after, i);
		} else if (!unseen) {
			put(&s, "conduit", diff_text("absent"), diff_text("present"));
		}
	}
	for (unsigned i = 0; !unseen && policy_conduit_get(before, i, &a); i++) {
		s.conduit = a.name;
		if (named(after, a.name, &b) == policy_conduits(after))
			put(&s, "conduit", diff_text("present"), diff_text("absent"));
	}
}
