/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When and where the watch ticks: a thread on each of two CPUs, in turns. Why two: a real-time thread still waits for a CPU that the kernel
 * does not give up (a long system call where it does not preempt itself), and for one that is not there (a host that does not run a
 * virtual CPU, a timer interrupt that comes late). Two CPUs seldom do that at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/watch.h"

#define TICK_US                                                                                              \
	500 /* from one to the next; two of a thread's own and 1 ms for the scheduler are within the promise */
#define PRIORITY     50
#define IDLE_US      1000000
#define IDLE_WAIT_MS 1000

struct watch watch = {.proc = -1, .tell = -1, .ticking = ATOMIC_FLAG_INIT};

static void signal_to(int fd)
{
	uint64_t one = 1;

	/* Full means that it is told already. */
	(void)!write(fd, &one, sizeof(one));
}

void watch_tell(void)
{
	signal_to(watch.tell);
}

void watch_wake(void)
{
	for (unsigned i = 0; i < watch.threads; i++)
		signal_to(watch.watchers[i].wake);
}

/*
 * Until a packet comes. A message that nobody reads wakes at once: then there is a second of ticks, no more than under traffic. Whoever a
 * packet wakes wakes the other: the engine may have read it by the time that one looks.
 */
static void wait_idle(struct watcher *me)
{
	struct pollfd p[PLAN_QUEUES_MAX + 1];
	unsigned n, woken = 0;
	uint64_t count;

	if (read(me->wake, &count, sizeof(count)) < 0)
		errno = 0;
	/* Woken before the read, by one who has seen a packet. */
	if (now_us() - atomic_load(&watch.busy_us) <= IDLE_US || atomic_load(&watch.stop))
		return;
	n = atomic_load_explicit(&watch.n, memory_order_acquire);
	p[0] = (struct pollfd){.fd = me->wake, .events = POLLIN};
	for (unsigned i = 0; i < n; i++)
		p[i + 1] = (struct pollfd){.fd = watch.queues[i].q->sock, .events = POLLIN};
	if (poll(p, n + 1, IDLE_WAIT_MS) <= 0)
		return;
	atomic_store(&watch.busy_us, now_us());
	for (unsigned i = 1; i <= n; i++)
		woken |= (unsigned)p[i].revents;
	for (unsigned i = 0; woken && i < watch.threads; i++)
		if (&watch.watchers[i] != me)
			signal_to(watch.watchers[i].wake);
}

/* Verdicts need one capability; a thread has its own set. */
static void keep_one_capability(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};

	d[0].effective = d[0].permitted = 1u << CAP_NET_ADMIN;
	(void)syscall(SYS_capset, &h, d);
}

static void book_late(int64_t now)
{
	unsigned n = atomic_load_explicit(&watch.n, memory_order_acquire);
	int64_t late = watch.ticked_us ? now - watch.ticked_us - TICK_US : 0;

	watch.ticked_us = now;
	if (late <= watch.late_us)
		return;
	watch.late_us = late;
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(&watch.queues[i].q->shm->guardian.tick_late_us, (uint32_t)late,
				      memory_order_relaxed);
}

/* True when there was nothing to do for so long that ticks may rest. */
static bool take_turn(void)
{
	int64_t now;
	bool idle;

	/* The other one looks at this very moment, and sees what there is to see. */
	if (atomic_flag_test_and_set_explicit(&watch.ticking, memory_order_acquire))
		return false;
	now = now_us();
	book_late(now);
	watch_tick();
	idle = now - atomic_load(&watch.busy_us) > IDLE_US;
	if (idle)
		watch.ticked_us = 0;
	atomic_flag_clear_explicit(&watch.ticking, memory_order_release);
	return idle;
}

/* The next time of the nth of the threads, on a grid that all share: so they stay apart. */
static int64_t next_turn(unsigned nth)
{
	int64_t now = now_us(), period = (int64_t)TICK_US * watch.threads;
	int64_t next = now - now % period + (int64_t)nth * TICK_US;

	return next > now ? next : next + period;
}

static void *run(void *arg)
{
	struct watcher *me = arg;

	keep_one_capability();
	while (!atomic_load_explicit(&watch.stop, memory_order_acquire)) {
		int64_t next;
		struct timespec t;

		atomic_fetch_add_explicit(&me->turns, 1, memory_order_relaxed);
		if (take_turn()) {
			wait_idle(me);
			continue;
		}
		next = next_turn(me->nth);
		t = (struct timespec){.tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
	}
	return NULL;
}

/* ---- the main thread's side ---- */

int watch_lock(const struct guardian *g)
{
/* The sanitizer's shadow is most of the address space. */
#if !defined(__SANITIZE_ADDRESS__)
	/*
	 * What is mapped now is read in and stays. What comes later (shared memory that is mostly the engine's) is kept from the first
	 * touch on; without the right to lock it, it could not even be mapped, which the first probe tells.
	 */
	void *probe = MAP_FAILED;
	size_t size = shm_size();

	if (mlockall(MCL_CURRENT) == 0 && mlockall(MCL_FUTURE | MCL_ONFAULT) == 0)
		probe = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe == MAP_FAILED) {
		say("memory cannot be locked: %s; a tick may wait for a disk%s", strerror(errno),
		    g->best_effort ? "; going on as told" : "");
		munlockall();
		return g->best_effort ? 0 : -1;
	}
	munmap(probe, size);
#else
	(void)g;
#endif
	return 0;
}

/* The first and the last CPU that this process may use: neighbours may be two halves of one core. How many there are, at most two. */
static unsigned choose_cpus(unsigned cpu[WATCH_THREADS])
{
	cpu_set_t may;
	unsigned n = 0;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &may)) {
			cpu[n > 0] = i;
			n += n < WATCH_THREADS;
		}
	return n;
}

static int start_thread(struct watcher *w, unsigned cpu, bool real_time)
{
	struct sched_param sp = {.sched_priority = PRIORITY};
	pthread_attr_t a;
	cpu_set_t set;
	int e;

	pthread_attr_init(&a);
	pthread_attr_setstack(&a, w->stack, sizeof(w->stack));
	if (real_time) {
		pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&a, SCHED_FIFO);
		pthread_attr_setschedparam(&a, &sp);
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_setaffinity_np(&a, sizeof(set), &set);
	e = pthread_create(&w->thread, &a, run, w);
	pthread_attr_destroy(&a);
	return e;
}

int watch_start(struct guardian *g)
{
	unsigned cpu[WATCH_THREADS];
	unsigned n = choose_cpus(cpu);
	bool real_time = true;

	/*
	 * When the main thread forks, all memory that can be written becomes copy-on-write: the threads' next write would wait for the kernel
	 * to be done with the fork. Not so this memory, which no child has.
	 */
	if (madvise(&watch, sizeof(watch), MADV_DONTFORK) < 0) {
		say("the watch: memory of its own: %s", strerror(errno));
		return -1;
	}
	watch.g = g;
	watch.proc = open("/proc/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);
	watch.tell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < n; i++) {
		watch.watchers[i].nth = i;
		watch.watchers[i].wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (watch.proc < 0 || watch.tell < 0 || n == 0 || watch.watchers[0].wake < 0 ||
	    watch.watchers[n - 1].wake < 0) {
		say("the watch: %s", strerror(errno));
		return -1;
	}
	atomic_store(&watch.busy_us, now_us());
	watch.threads = n; /* they count on it */
	for (unsigned i = 0; i < n; i++) {
		int e = start_thread(&watch.watchers[i], cpu[i], real_time);

		if (e != 0 && real_time) {
			say("real-time priority is not to be had (%s): open zones would wait for as long as the scheduler likes%s",
			    strerror(e), g->best_effort ? "; going on as told" : "");
			real_time = !g->best_effort;
			if (g->best_effort)
				e = start_thread(&watch.watchers[i], cpu[i], false);
		}
		if (e == 0)
			continue;
		watch.threads = i;
		watch_stop();
		return -1;
	}
	return 0;
}

void watch_stop(void)
{
	atomic_store_explicit(&watch.stop, true, memory_order_release);
	watch_wake();
	for (unsigned i = 0; i < watch.threads; i++)
		pthread_join(watch.watchers[i].thread, NULL);
	watch.threads = 0;
}
