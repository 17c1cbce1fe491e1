/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policy a start takes. */
#include "fwd/guardian/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/guardian/candidate.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/store.h"

static bool state_read(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	char text[COMMIT_TEXT_MAX];
	int fd = openat(g->island.dir, COMMIT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd >= 0)
		close(fd);
	if (n > 0 && commit_state_parse(&w->state, text, (size_t)n) == 0)
		return true;
	say("%s/%s cannot be read or is damaged: the policy is that of %s", g->state_dir, COMMIT_FILE,
	    g->policy);
	return false;
}

/* 0: its image. 1: only its source is good. -1: nothing; said. */
static int fetch_now(struct guardian *g, uint32_t number, struct image_mem *img, int *source)
{
	struct policy_meta meta;
	char prefix[STORE_NAME], why[256];
	int err, rc;

	*source = -1;
	store_prefix(number, prefix);
	err = store_fetch(g, &g->commit.job, prefix) ? store_wait(&g->commit.job) : errno;
	rc = err ? -1 : store_taken(&g->commit.job, img, source, &meta, why, sizeof(why));
	if (rc)
		say("policy %u of %s/policies: %s", number, g->state_dir, err ? strerror(err) : why);
	return rc;
}

/* Begins the load of a stored policy. False: it cannot be had. */
static bool boot_with(struct guardian *g, uint32_t number)
{
	struct commit_work *w = &g->commit;
	char prefix[STORE_NAME];
	int source, rc = number ? fetch_now(g, number, &w->next, &source) : -1;

	if (rc < 0)
		return false;
	w->next_source = source;
	w->act = ACT_BOOT;
	w->number = w->running = number;
	if (rc == 0) {
		w->phase = COMMIT_SWAPPING;
		reload_image(g, &w->next, w->next_source);
		return true;
	}
	/* An image of another version: from its source. */
	store_prefix(number, prefix);
	w->act = ACT_NONE;
	w->phase = COMMIT_IDLE;
	return reload_source(g, prefix);
}

bool commit_boot(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	int source;

	if (g->island.dir < 0)
		return false;
	commit_list_read(g);
	if (!state_read(g))
		return false;
	if (w->state.trial) {
		bool same = strcmp(w->state.boot, g->island.boot) == 0;

		if (same && !commit_over(g) && fetch_now(g, w->state.confirmed, &w->base, &source) == 0) {
			w->base_source = source;
			if (boot_with(g, w->state.trial))
				return true;
		}
		image_drop(&w->base);
		w->why = same ? META_TIMED_OUT : META_REBOOTED;
		w->number = w->state.trial;
		if (boot_with(g, w->state.confirmed)) {
			uint32_t trial = w->state.trial;

			w->number = trial;
			w->state.trial = 0;
			commit_mark(g, trial, w->why);
			if (w->state.by_file)
				w->state.confirmed = 0;
			w->booted_back = true;
			return true;
		}
	} else if (boot_with(g, w->state.confirmed)) {
		return true;
	}
	say("the committed policy cannot be had: the policy is that of %s", g->policy);
	w->fell_back = true;
	w->state = (struct commit_state){0};
	w->why = META_STORED;
	w->running = 0;
	return false;
}
