/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What engines say has been opened beside a session (fwd/engine/opening.h) goes to the kernel here: a batch at a time, by nft in a process of
 * its own, while the guardian goes on. A batch is what has come meanwhile.
 *
 * Who opened what is kept, so that a reload closes what its new policy has no rule for. A guardian that starts anew finds openings
 * in the kernel that it has not made; they stay for as long as their datagrams come, as sessions do, but for those whose length varies.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"
#include "rules/plan_opening.h"

#define OPENING_TIME_US (10 * 1000000ll)

static const char *const nft[] = {"nft", "-f", "-", NULL};

/* A rule by its names, which mean the same in the next image. 0: none. */
static uint64_t rule_name(const struct image_mem *img, uint16_t rule)
{
	struct policy_rule r;
	struct policy_conduit c;
	uint64_t h = UINT64_C(14695981039346656037);

	if (!policy_rule_get(&img->policy, rule, &r) || !policy_conduit_get(&img->policy, r.conduit, &c))
		return 0;
	for (const char *p = c.name; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	h = (h ^ '/') * UINT64_C(1099511628211);
	for (const char *p = r.id; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	return h ? h : 1;
}

/* The same datagrams, whatever their length. */
static bool same(const struct plan_opening *a, const struct plan_opening *b)
{
	return a->id == b->id && a->port == b->port && memcmp(a->from, b->from, 16) == 0 &&
	       memcmp(a->to, b->to, 16) == 0;
}

/* Keeps it, in the place of the same one, of a free one, or of the oldest, which is closed. */
static void keep(struct guardian *g, const struct plan_opening *o, uint64_t rule, FILE *out)
{
	struct opened *list = g->opening.list, *to = &list[0];

	for (unsigned i = 0; i < OPENINGS_KEPT; i++) {
		if (list[i].rule && same(&list[i].o, o)) {
			to = &list[i];
			break;
		}
		if (to->rule && (!list[i].rule || list[i].at_us < to->at_us))
			to = &list[i];
	}
	if (to->rule && !same(&to->o, o))
		say("more than %u openings: the oldest is closed", OPENINGS_KEPT);
	if (to->rule && (!same(&to->o, o) || to->o.lo != o->lo || to->o.hi != o->hi))
		plan_opening_put(g->bridge, &to->o, true, out);
	*to = (struct opened){*o, rule, now_us()};
	plan_opening_put(g->bridge, o, false, out);
}

/* Whatever its length: a closing message need not repeat it. True when there was one. */
static bool drop(struct guardian *g, const struct plan_opening *o, FILE *out)
{
	bool some = false;

	for (unsigned i = 0; i < OPENINGS_KEPT; i++) {
		struct opened *x = &g->opening.list[i];

		if (!x->rule || !same(&x->o, o))
			continue;
		plan_opening_put(g->bridge, &x->o, true, out);
		x->rule = 0;
		some = true;
	}
	return some;
}

/* What one engine has said since. True when there was something for the kernel. */
static bool collect(struct guardian *g, struct queue *q, FILE *out)
{
	struct shm_openings *from = &q->shm->openings;
	uint32_t head = atomic_load_explicit(&from->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&from->tail, memory_order_relaxed);
	bool some = false;

	/* The engine's memory is not to be trusted with our time. */
	if (head - tail > SHM_OPENINGS)
		tail = head - SHM_OPENINGS;
	for (; tail != head; tail++) {
		const struct shm_opening *s = &from->v[tail % SHM_OPENINGS];
		struct plan_opening o = {.id = s->id, .port = s->port, .lo = s->lo, .hi = s->hi};
		uint64_t rule = s->generation == g->active.generation ? rule_name(&g->active, s->rule) : 0;

		memcpy(o.from, s->from, 16);
		memcpy(o.to, s->to, 16);
		if (s->close) {
			some = drop(g, &o, out) || some;
		} else if (rule && o.lo <= o.hi && o.hi <= UINT16_MAX - PLAN_OPENING_LEN) {
			keep(g, &o, rule, out);
			some = true;
		}
	}
	atomic_store_explicit(&from->tail, tail, memory_order_release);
	return some;
}

static bool has_rule(const struct image_mem *img, uint64_t rule)
{
	for (unsigned i = 0; i < policy_rules(&img->policy); i++)
		if (rule_name(img, (uint16_t)i) == rule)
			return true;
	return false;
}

static bool close_unruled(struct guardian *g, FILE *out)
{
	bool some = false;

	for (unsigned i = 0; i < OPENINGS_KEPT; i++) {
		struct opened *x = &g->opening.list[i];

		if (!x->rule || has_rule(&g->active, x->rule))
			continue;
		plan_opening_put(g->bridge, &x->o, true, out);
		x->rule = 0;
		some = true;
	}
	return some;
}

static void begin(struct guardian *g)
{
	struct opening *o = &g->opening;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool some = false;
	int in = memfd_create("otfw-openings", MFD_CLOEXEC);

	if (!out || in < 0) {
		say("no memory for openings: %s", strerror(errno));
		if (out)
			fclose(out);
		free(text);
		if (in >= 0)
			close(in);
		return;
	}
	plan_opening_table(g->bridge, !o->made, out);
	for (unsigned i = 0; i < g->nqueues; i++)
		some = collect(g, &g->queues[i], out) || some;
	if (o->unruled)
		some = close_unruled(g, out) || some;
	o->unruled = false;
	fclose(out);
	struct child_fd fds[] = {{in, STDIN_FILENO}, {g->null_fd, STDOUT_FILENO}};
	struct child_start c = {.argv = nft, .fds = fds, .nfds = 2, .die_with_parent = true};
	if (some && (write(in, text, size) != (ssize_t)size || lseek(in, 0, SEEK_SET) < 0 ||
		     (o->pid = child_spawn(&c, &o->pidfd)) < 0)) {
		say("openings cannot be handed to the kernel: %s", strerror(errno));
		o->pid = 0;
	}
	o->made = o->made || o->pid > 0;
	o->deadline_us = now_us() + OPENING_TIME_US;
	free(text);
	close(in);
}

int opening_remove(struct guardian *g)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int in = memfd_create("otfw-openings", MFD_CLOEXEC), rc = -1;

	if (out) {
		plan_opening_remove(g->bridge, out);
		fclose(out);
	}
	if (out && in >= 0 && write(in, text, size) == (ssize_t)size)
		rc = child_run(nft, in, -1, OPENING_TIME_US / 1000000);
	if (rc == CHILD_EXEC_FAILED)
		rc = 0; /* where there is no nft, nothing was ever opened */
	if (rc != 0)
		say("openings cannot be taken away: %s", rc < 0 ? strerror(errno) : "nft refuses");
	free(text);
	if (in >= 0)
		close(in);
	return rc == 0 ? 0 : -1;
}

bool opening_waiting(const struct queue *q)
{
	const struct shm_openings *o = &q->shm->openings;

	return atomic_load_explicit(&o->head, memory_order_relaxed) !=
	       atomic_load_explicit(&o->tail, memory_order_relaxed);
}

void opening_policy(struct guardian *g)
{
	g->opening.unruled = true;
	opening_step(g);
}

void opening_step(struct guardian *g)
{
	struct opening *o = &g->opening;
	int status = 0;

	if (o->pid > 0) {
		if (!child_reap(o->pid, &status)) {
			if (now_us() > o->deadline_us)
				kill(o->pid, SIGKILL);
			return;
		}
		close(o->pidfd);
		o->pidfd = -1;
		o->pid = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			say("nft does not take the openings");
	}
	bool some = o->unruled;
	for (unsigned i = 0; i < g->nqueues && !some; i++)
		some = opening_waiting(&g->queues[i]);
	if (some)
		begin(g);
}
