/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the ledger. The kernel's tools print the counters, each in a process of its own, into one memory file; in the middle
 * the guardian adds what only it knows: the queues' rows and what engines and itself have dropped. Nothing is parsed here. The
 * kernel's counters are read twice, before and after that: packets go on meanwhile, and two readings bound how many.
 *
 * The first reading is made when the first policy is in force and kept: what was lost before (nobody held the queues) is no
 * fault of this run. It goes to the recorder with every later one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define LEDGER_US (10 * 1000000ll)

static const char *const save4[] = {"iptables-save", "-c", NULL};
static const char *const save6[] = {"ip6tables-save", "-c", NULL};
static const char *const list_inet[] = {"nft", "list", "table", "inet", "otfw", NULL};
static const char *const list_bridge[] = {"nft", "list", "table", "bridge", "otfw", NULL};

struct step {
	const char *title;
	const char *const *argv; /* NULL: the guardian's own books */
};

static int steps(const struct guardian *g, struct step s[LEDGER_STEPS])
{
	const char *const *list = g->bridge ? list_bridge : list_inet;
	int n = 0;

	if (g->backend == PLAN_NFT) {
		s[n++] = (struct step){"first", list};
		s[n++] = (struct step){"books", NULL};
		s[n++] = (struct step){"second", list};
		return n;
	}
	s[n++] = (struct step){"first", save4};
	if (g->ipv6)
		s[n++] = (struct step){"first", save6};
	s[n++] = (struct step){"books", NULL};
	s[n++] = (struct step){"second", save4};
	if (g->ipv6)
		s[n++] = (struct step){"second", save6};
	return n;
}

/* What was dropped with a verdict. */
static void dropped(const struct guardian *g, int out, const char *word)
{
	for (unsigned i = 0; i < g->nqueues; i++) {
		const struct queue *q = &g->queues[i];
		const struct shm *s = q->shm;

		dprintf(out, "%s %u %llu %llu %u %u %u\n", word, q->num,
			(unsigned long long)atomic_load(&s->counters[SHM_DROPPED]),
			(unsigned long long)atomic_load(&s->counters[SHM_LATE_DROPS]),
			atomic_load(&s->guardian.settled_drop), atomic_load(&s->guardian.suspects),
			atomic_load(&s->guardian.settled_accept));
	}
}

/* The kernel's rows as they are. A packet leaves a row before its drop is booked: read on both sides, it is never missed. */
static void books(const struct guardian *g, int out)
{
	char buf[8192];
	ssize_t n;

	dropped(g, out, "before");
	n = pread(g->proc_queue, buf, sizeof(buf), 0);
	dprintf(out, "%.*s", n > 0 ? (int)n : 0, buf);
	dropped(g, out, "after");
}

static void tell(struct guardian *g, int status)
{
	struct ledger *l = &g->ledger;
	struct msg base = {.type = MSG_LEDGER_BASE},
		   m = {.type = MSG_LEDGER_READ, .arg = l->request, .status = status};

	if (g->recorder.channel < 0)
		return;
	if ((l->base >= 0 && msg_send(g->recorder.channel, &base, l->base) < 0) ||
	    msg_send(g->recorder.channel, &m, l->text) < 0)
		say("cannot hand the ledger to the recorder: %s", strerror(errno));
}

static void done(struct guardian *g, bool good)
{
	struct ledger *l = &g->ledger;

	l->running = false;
	if (l->request)
		tell(g, good ? 0 : 1);
	if (good && !l->request && l->base < 0) {
		l->base = l->text;
		l->text = -1;
	}
	if (l->text >= 0)
		close(l->text);
	l->text = -1;
	if (l->again) {
		uint32_t request = l->again;

		l->again = 0;
		ledger_begin(g, request);
	}
}

/* Goes on to the next tool, writing the books on the way. */
static void next(struct guardian *g)
{
	struct ledger *l = &g->ledger;
	struct step s[LEDGER_STEPS];
	int n = steps(g, s);

	for (; l->step < n; l->step++) {
		struct child_fd fds[] = {{l->text, STDOUT_FILENO}, {g->null_fd, STDERR_FILENO}};
		struct child_start c = {
			.argv = s[l->step].argv, .fds = fds, .nfds = 2, .die_with_parent = true};

		dprintf(l->text, "\n@ %s\n", s[l->step].title);
		if (!s[l->step].argv) {
			books(g, l->text);
			continue;
		}
		l->pid = child_spawn(&c, &l->pidfd);
		if (l->pid < 0) {
			l->pid = 0;
			say("cannot start %s: %s", c.argv[0], strerror(errno));
			done(g, false);
		}
		return;
	}
	done(g, true);
}

void ledger_begin(struct guardian *g, uint32_t request)
{
	struct ledger *l = &g->ledger;

	if (l->running) {
		l->again = request;
		return;
	}
	l->request = request;
	l->step = 0;
	l->text = memfd_create("otfw-ledger", MFD_CLOEXEC);
	if (l->text < 0) {
		say("no memory for the ledger: %s", strerror(errno));
		return;
	}
	l->running = true;
	l->deadline_us = now_us() + LEDGER_US;
	next(g);
}

void ledger_step(struct guardian *g)
{
	struct ledger *l = &g->ledger;
	int status = 0;

	if (l->pid <= 0)
		return;
	if (child_reap(l->pid, &status)) {
		close(l->pidfd);
		l->pidfd = -1;
		l->pid = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			say("the kernel's counters cannot be read");
			done(g, false);
			return;
		}
		l->step++;
		next(g);
	} else if (now_us() > l->deadline_us) {
		kill(l->pid, SIGKILL);
	}
}
