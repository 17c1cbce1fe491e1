/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unlocked rules and permits in force: ended and warned of by the clock that counts from boot, which nobody can set; on disk; in the policy image.
 *
 * A change of what is in force starts a reload that compiles nothing new but the policy in force with what is lent on top (reload.c). Should that not compile,
 * or what is lent no longer find its place in a new policy, it is given up, and said: the policy proper can always be had. What has ended stays in the list
 * of nobody, but the engines go on with it until the swap is done; where the kernel or an engine refuses that, it is tried again each second, and the end
 * that the image carries holds meanwhile where the wall clock is good.
 */
#include "fwd/guardian/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/island.h"
#include "fwd/guardian/store.h"
#include "rules/overlay.h"

#define STATE_FILE    "overlay"
#define STATE_DAMAGED "overlay.damaged"
#define END_WAIT_MS   2000
#define WORDS_READ    16384

static char text[OVERLAY_TEXT_MAX];

const char *overlay_kind(const struct overlay_entry *e)
{
	return e->permit ? "permit" : "unlock";
}

/* ---- disk ---- */

void overlay_load(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;
	int dir = g->island.dir,
	    fd = dir < 0 ? -1 : openat(dir, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct island_now now;
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0 || overlay_parse(&w->list, text, (size_t)n) != 0) {
		say("%s/%s cannot be read or is damaged: nothing is unlocked or permitted", g->state_dir,
		    STATE_FILE);
		unlinkat(dir, STATE_DAMAGED, 0);
		if (linkat(dir, STATE_FILE, dir, STATE_DAMAGED, 0) < 0)
			say("keep it as %s: %s", STATE_DAMAGED, strerror(errno));
		overlay_changed(g, false);
		return;
	}
	island_now_get(g, &now);
	for (unsigned i = w->list.n; i-- > 0;) {
		struct overlay_entry *e = &w->list.list[i];

		if (overlay_over(e, &now)) {
			overlay_itself(g, e, "ended: its time is over, or the clock cannot be trusted");
			overlay_remove(&w->list, e);
			overlay_changed(g, false);
			continue;
		}
		if (strcmp(e->boot, now.boot) != 0) {
			overlay_carry(e, &now);
			overlay_changed(g, false);
		}
	}
}

static void save_start(struct guardian *g)
{
	static struct store_list list;
	struct overlay_work *w = &g->overlay;
	size_t len = overlay_print(&w->list, text, sizeof(text));
	int fd = memfd_create("otfw-overlay", MFD_CLOEXEC);

	w->saving = w->want;
	if (g->island.dir < 0) {
		w->saved = w->want; /* --best-effort: said at start */
	} else if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
		say("write %s/%s: %s", g->state_dir, STATE_FILE, strerror(errno));
		w->save_retry_us = now_us() + ISLAND_RETRY_US;
	} else {
		list.n = 0;
		store_fd(&list, STATE_FILE, fd);
		if (!store_start(g, &w->job, &list)) {
			say("start writing %s/%s: %s", g->state_dir, STATE_FILE, strerror(errno));
			w->save_retry_us = now_us() + ISLAND_RETRY_US;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void save_step(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;
	int err;

	if (w->job.pid <= 0 || !store_done(&w->job, &err))
		return;
	if (err == 0) {
		w->saved = w->saving;
		return;
	}
	say("%s/%s cannot be written: %s; tried again every second", g->state_dir, STATE_FILE, strerror(err));
	w->save_retry_us = now_us() + ISLAND_RETRY_US;
}

void overlay_end(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;
	int64_t until = now_us() + END_WAIT_MS * 1000ll;

	while ((w->job.pid > 0 || w->saved != w->want) && now_us() < until) {
		struct pollfd p = {.fd = w->job.pidfd, .events = POLLIN};

		if (w->job.pid <= 0)
			save_start(g);
		poll(&p, w->job.pid > 0, 100);
		save_step(g);
	}
}

void overlay_tell(struct guardian *g)
{
	struct msg m = {.type = MSG_LENT, .generation = g->active.generation};
	size_t len = overlay_print(&g->overlay.list, text, sizeof(text));
	int fd = g->recorder.channel < 0 ? -1 : memfd_create("otfw-overlay", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, len) != (ssize_t)len || msg_send(g->recorder.channel, &m, fd) < 0)
		say("cannot tell the recorder what is unlocked and permitted: %s", strerror(errno));
	close(fd);
}

void overlay_changed(struct guardian *g, bool force)
{
	g->overlay.want++;
	if (force)
		g->overlay.force++;
	overlay_tell(g);
}

/* ---- for reload.c ---- */

int overlay_apply_text(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;
	size_t len = overlay_print(&w->list, text, sizeof(text));
	bool some = false;
	int fd;

	w->applying = w->force;
	for (unsigned i = 0; i < w->list.n; i++)
		some |= overlay_in_force(&w->list.list[i]);
	fd = some ? memfd_create("otfw-overlay", MFD_CLOEXEC) : -1;
	if (fd >= 0 && write(fd, text, len) == (ssize_t)len)
		return fd;
	if (some)
		say("no memory for what is unlocked and permitted: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool overlay_is_lent(const struct guardian *g, const struct overlay_entry *e)
{
	const struct policy *p = &g->active.policy;
	const char *slash = strchr(e->name, '/');
	char id[OVERLAY_NAME + sizeof(OVERLAY_RULE)];
	struct policy_unlock u;
	struct policy_rule r;
	struct policy_conduit c;

	snprintf(id, sizeof(id), "%s%s", e->permit ? OVERLAY_RULE : "", slash ? slash + 1 : e->name);
	for (unsigned i = 0; policy_rule_get(p, i, &r); i++)
		if (strcmp(r.id, id) == 0 && policy_unlock_get(p, i, &u) && u.lent &&
		    (!slash ||
		     (policy_conduit_get(p, r.conduit, &c) &&
		      strncmp(c.name, e->name, (size_t)(slash - e->name)) == 0 && !c.name[slash - e->name])))
			return true;
	return false;
}

/* What the compiler said of it ("overlay NAME: ..."), or the last that anybody said. */
static void reason_of(const struct overlay_entry *e, char *words, char *why, size_t cap)
{
	char head[OVERLAY_NAME + 16], *line, *save = NULL;

	snprintf(head, sizeof(head), "overlay %s: ", e->name);
	snprintf(why, cap, "it cannot be made part of the policy");
	for (line = strtok_r(words, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, head, strlen(head)) == 0) {
			snprintf(why, cap, "%.250s", line + strlen(head));
			return;
		}
		if (strncmp(line, "overlay ", 8) != 0)
			snprintf(why, cap, "%.250s", line);
	}
}

static void give_up(struct guardian *g, struct overlay_entry *e, int words)
{
	static char said[WORDS_READ];
	char why[ISLAND_WHY], how[128];
	ssize_t n = words < 0 ? 0 : pread(words, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	reason_of(e, said, why, sizeof(why));
	snprintf(how, sizeof(how), "is not in force: %.100s", why);
	overlay_itself(g, e, how);
	overlay_answer_failed(g, e, why);
	overlay_remove(&g->overlay.list, e);
}

void overlay_loaded(struct guardian *g, bool good, int words)
{
	struct overlay_work *w = &g->overlay;
	bool some = false;

	if (!good) {
		w->apply_retry_us = now_us() + ISLAND_RETRY_US;
		for (unsigned i = w->list.n; g->reload.lend && i-- > 0;) {
			struct overlay_entry *e = &w->list.list[i];

			if (overlay_in_force(e) && g->active.fd >= 0 && !overlay_is_lent(g, e)) {
				give_up(g, e, words);
				some = true;
			}
		}
		if (some)
			overlay_changed(g, true);
		return;
	}
	w->applied = w->applying;
	/* What came meanwhile has its own reload. */
	for (unsigned i = w->applied == w->force ? w->list.n : 0; i-- > 0;) {
		struct overlay_entry *e = &w->list.list[i];

		if (!overlay_in_force(e) || overlay_is_lent(g, e))
			continue;
		give_up(g, e, words);
		some = true;
	}
	if (some)
		overlay_changed(g, false); /* it is not in the image as it is */
}

/* ---- a turn ---- */

static void expire(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;
	struct island_now now;
	bool any = false, force = false;

	island_now_get(g, &now);
	for (unsigned i = w->list.n; i-- > 0;) {
		struct overlay_entry *e = &w->list.list[i];
		int64_t next;
		unsigned due;

		if (overlay_over(e, &now)) {
			overlay_itself(g, e,
				       !overlay_in_force(e) ? "is given up: nobody has approved it"
				       : e->permit          ? "ended: its time is over"
						   : "ended: its time is over; running jobs may finish");
			force |= overlay_in_force(e);
			overlay_remove(&w->list, e);
			any = true;
			continue;
		}
		if (!overlay_in_force(e))
			continue;
		due = overlay_warnings(e, now.boot_us, &next);
		if (due > e->warned)
			overlay_event(g, EVENT_STATE, e->name, "%s of %s ends in %" PRId64 " s",
				      overlay_kind(e), e->name,
				      (e->until_boot_us - now.boot_us + 999999) / 1000000);
		e->warned = due;
	}
	if (any)
		overlay_changed(g, force);
}

static bool due(const struct guardian *g)
{
	return !g->reload.initial && g->reload.state == RELOAD_IDLE && g->overlay.applied != g->overlay.force;
}

void overlay_step(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;

	if (w->list.n)
		expire(g);
	save_step(g);
	if (due(g) && now_us() >= w->apply_retry_us)
		reload_overlay(g);
	if (w->job.pid <= 0 && w->saved != w->want && now_us() >= w->save_retry_us)
		save_start(g);
	if (w->nasks)
		overlay_answer_done(g);
}

static void sooner(int64_t *at, int64_t us)
{
	if (us < *at)
		*at = us;
}

int overlay_wait_ms(const struct guardian *g)
{
	const struct overlay_work *w = &g->overlay;
	int64_t now = now_us(), next = INT64_MAX, boot = w->list.n ? island_clock_us(CLOCK_BOOTTIME) : 0,
		warning;

	for (unsigned i = 0; i < w->list.n; i++) {
		const struct overlay_entry *e = &w->list.list[i];

		sooner(&next, now + e->until_boot_us - boot);
		overlay_warnings(e, boot, &warning);
		if (overlay_in_force(e) && warning != INT64_MAX)
			sooner(&next, now + warning);
	}
	if (due(g))
		sooner(&next, w->apply_retry_us);
	if (w->job.pid <= 0 && w->saved != w->want)
		sooner(&next, w->save_retry_us);
	if (next == INT64_MAX)
		return -1;
	next = next <= now ? 0 : (next - now) / 1000 + 1;
	return next > 3600000 ? 3600000 : (int)next;
}
