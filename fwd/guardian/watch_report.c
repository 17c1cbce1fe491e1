/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main thread's side of the watch: which queues it has, and what it asks for but has no time to do or say. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/guardian/watch.h"

int watch_add(struct guardian *g, struct queue *q)
{
	unsigned n = atomic_load(&watch.n);
	struct watched *w = &watch.queues[n];
	size_t size = WATCH_SAMPLES * sizeof(struct sample);
	void *ring =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (ring == MAP_FAILED || madvise(ring, size, MADV_DONTFORK) < 0) {
		say("queue %u: no memory for the watch: %s", q->num, strerror(errno));
		return -1;
	}
	*w = (struct watched){.q = q, .open = q->failure == FAILURE_OPEN, .ring = ring};
	atomic_store(&w->deadline_us, UINT32_MAX / 4); /* until watch_deadlines() */
	if (watch.threads == 0 && watch_start(g) < 0) {
		munmap(ring, size);
		return -1;
	}
	atomic_store_explicit(&watch.n, n + 1, memory_order_release);
	watch_wake();
	return 0;
}

void watch_deadlines(const struct guardian *g, const struct image_mem *img)
{
	unsigned n = atomic_load(&watch.n);

	(void)g;
	for (unsigned i = 0; i < policy_queues(&img->policy); i++) {
		struct policy_queue pq;

		policy_queue_get(&img->policy, i, &pq);
		for (unsigned k = 0; k < n; k++)
			if (watch.queues[k].q->num == img->queue_nums[i])
				atomic_store(&watch.queues[k].deadline_us, pq.deadline_us);
	}
}

int watch_fd(void)
{
	return watch.tell;
}

static void report_period(struct guardian *g, struct watched *w)
{
	uint32_t period = atomic_load(&w->period);

	if (period == w->told)
		return;
	if (period & 1) {
		const char *why = w->q->child.pid == 0     ? "no engine runs"
				  : atomic_load(&w->alive) ? "the engine is too slow"
							   : "the engine is silent";
		say_event(g, w->q, "queue %u: packets pass uninspected from here: %s", w->q->num, why);
	} else {
		int64_t us = atomic_load(&w->period_end_us) - atomic_load(&w->period_us);

		say_event(g, w->q, "queue %u: inspection again; %llu packets passed uninspected in %lld ms",
			  w->q->num, (unsigned long long)atomic_load(&w->period_packets),
			  (long long)(us / 1000));
	}
	w->told = period;
}

/* What the kernel says a process does: 'R' when it runs, or would if it could. '?': not known. */
static char state_of(pid_t pid)
{
	char path[32], text[256];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '?';
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')'); /* the name stands in brackets */
	return p && p[1] == ' ' ? p[2] : '?';
}

/* What an engine did in its silence. */
struct silence {
	int64_t cpu_us; /* of a processor; -1: not known */
	char state;
};

static struct silence silence_of(const struct watched *w)
{
	pid_t pid = w->q->child.pid;
	int64_t before = atomic_load(&w->ask_cpu_us), had = watch_cpu_us((uint32_t)pid);

	return (struct silence){before < 0 || had < 0 ? -1 : had - before, state_of(pid)};
}

/* Silent for want of a processor? For STARVED_US at most: who is silent for longer is of no use, whatever the cause. */
static bool starved(const struct watched *w, const struct silence *s)
{
	return s->state == 'R' && s->cpu_us >= 0 && s->cpu_us < STARVED_CPU_US &&
	       now_us() - atomic_load(&w->ask_since_us) < STARVED_US;
}

static void do_asked(struct guardian *g, struct watched *w)
{
	uint32_t what = atomic_exchange(&w->ask, ASK_NOTHING);
	struct child *c = &w->q->child;

	if (what == ASK_NOTHING || c->pid == 0 || (uint32_t)c->pid != atomic_load(&w->ask_pid) || c->kicked)
		return;
	if (what == ASK_CONTINUE) {
		kill(c->pid, SIGCONT);
		return;
	}
	/* This thread may have waited for a processor itself, and the engine have had one before it. */
	if (atomic_load(&w->q->shm->engine.heartbeat) != atomic_load(&w->ask_beat))
		return;
	const struct silence s = silence_of(w);
	if (starved(w, &s)) {
		atomic_store(&w->spared_us, now_us() + SPARE_US);
		return;
	}
	c->kicked = true;
	kill(c->pid, SIGKILL);
	atomic_fetch_add(&w->q->shm->guardian.stuck, 1);
	say_event(
		g, w->q,
		"queue %u: the engine is stuck: killed (state %c, %lld ms of a processor since it was heard of)",
		w->q->num, s.state, (long long)(s.cpu_us < 0 ? -1 : s.cpu_us / 1000));
}

void watch_report(struct guardian *g)
{
	unsigned n = atomic_load(&watch.n);
	uint64_t count;

	if (read(watch.tell, &count, sizeof(count)) < 0)
		errno = 0;
	for (unsigned i = 0; i < n; i++) {
		do_asked(g, &watch.queues[i]);
		report_period(g, &watch.queues[i]);
	}
}
