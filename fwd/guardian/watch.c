/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch: a thread of the guardian that keeps P5 (bounded delay) and finds engines that are stuck. For a reviewer, why each
 * promise holds:
 *
 * An open packet leaves within its zone's deadline D plus 3 ms, whatever its engine does.
 *   - The kernel says how many packets wait in a queue and which id it gave last. Each tick (TICK_US) keeps that id with its time. With W
 *     waiting and N the last id, the oldest that an engine has not read is N - W + 1, as it reads in order. If that is not above the id of
 *     a tick D ago, packets wait for longer than D: they are let go, up to that id and no further. So nothing is let go before
 *     its time, and a healthy engine under load, where something always waits, is left alone.
 *   - A packet is first covered by the tick after its arrival and let go by the first tick D later: D, two ticks, and what
 *     the scheduler adds. This thread alone is real-time; its memory is locked; it waits for nothing but the clock: no lock, no heap, no
 *     file but one of /proc, no answer from anybody, no pipe to write to. Everything that may take time (starting, killing and
 *     reaping engines, policies, rulesets, events, words to a terminal) is the main thread's, which this one only wakes.
 *   - Segments that an engine holds back wait on purpose. While it shows signs of life they do not count as waiting until the id of
 *     each says that its time is over (the engine counts from when it read them, which may be later). When it shows none they count at once.
 *   - A stray is a packet whose message an engine had taken when it died: no engine will see it, and newer packets hide it from the
 *     first rule. It shows because more packets wait than the live engine has yet to read; while there is one, whatever is as old as D goes.
 *   - A batch verdict goes out only where something waits; with nothing there the kernel would answer with an error into the very buffer
 *     that packets need. That a live engine decides the last of them in between remains possible; it reads such an answer and drops it.
 *   - Messages of packets that are gone stay readable. `released_upto` says so before the verdict, so an engine never judges, and never
 *     gives an opinion on, a packet that is gone: it only follows the stream. When more than GHOSTS_MAX lie unread they are taken
 *     out, or they would fill the buffer: it holds QUEUE_MAXLEN packets and the ghosts.
 *   - Kernel fail-open, set on open queues, is not needed for any of this: it helps when the queue is full.
 *
 * A closed packet never leaves uninspected: this file sends a verdict on open queues only (`open` is set once, and read in one place).
 *
 * The packet an engine died on is denied, also in an open zone: before a release, an engine that is busy with one of the packets concerned
 * is looked at; if it has ended, that packet is dropped first. (The main thread drops it as well; the first of the two does.)
 * A packet that an engine hangs in, alive, leaves an open zone at the deadline like any other.
 *
 * An engine is stuck when a packet waits and no sign of life has come for STUCK_MIN_US, or STUCK_DEADLINES deadlines where that is more.
 * If it is in the middle of a packet it is told to continue first (somebody may have stopped it): killed there, it would cost a session. Else,
 * or if that does not help, it is killed, and what it held is settled by the failure mode (queue_settle).
 *
 * Nothing unseen is uncounted: every release carries PLAN_MARK_RELEASED, which the kernel counts on the way out; `released` in shared memory
 * counts as well, exactly while the engine does nothing, and as an upper bound while it races. Each period of releases is an event
 * at its start and at its end; it ends after PERIOD_QUIET_US without one, so no more than two events a second come of it.
 *
 * Idle, it costs nothing: after IDLE_US without a packet the ticks stop until a socket has a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define TICK_US         500 /* two of them and 2 ms for the scheduler are within the promise */
#define PRIORITY        50
#define SAMPLES         8192u /* a power of two; the longest deadline (10 s) in steps of little more than a tick */
#define STUCK_MIN_US    100000
#define STUCK_DEADLINES 8
#define START_US        5000000 /* an engine that starts may take so long */
#define CONTINUE_US     3000    /* from SIGCONT to SIGKILL */
#define LIVE_US         3000    /* an engine that holds segments shows a sign of life every millisecond */
#define PERIOD_QUIET_US 1000000
#define IDLE_US         1000000
#define IDLE_WAIT_MS    1000
#define DRAIN_MAX       4096u /* messages taken out in one tick */
#define ROWS_TEXT       16384
#define STACK_SIZE      (256u << 10)

struct sample {
	int64_t at_us;
	uint32_t id; /* the last one given by then */
};

enum ask { ASK_NOTHING, ASK_CONTINUE, ASK_KILL };

struct watched {
	/* Set once, before `n` counts it. */
	struct queue *q;
	bool open;
	struct sample *ring;
	_Atomic uint32_t deadline_us; /* main thread */

	/* This thread's. */
	uint32_t deadline_used;
	uint64_t head,
		tail;     /* samples ever kept; the newest that is a deadline old, and everything behind it */
	bool behind;      /* a sample is a deadline old at all */
	uint32_t drained; /* messages up to here were taken out */
	uint32_t last_id, released_id;
	uint32_t read_id,
		reading; /* of the engine, from before the kernel was asked: the last id it read, and 1 while it is in it */
	uint64_t heartbeat;
	uint32_t pid;
	int64_t beat_us, stuck_us, released_us;

	/* From here to the main thread. */
	_Atomic uint32_t ask, ask_pid;
	_Atomic uint32_t period; /* odd while packets pass uninspected */
	_Atomic int64_t period_us, period_end_us;
	_Atomic uint64_t period_packets;
	_Atomic bool alive; /* at its start: the engine was only slow */

	/* The main thread's. */
	uint32_t told;
};

struct row {
	uint32_t num, waiting, id;
};

/* Pages of its own, which a fork leaves alone: see start_thread(). */
static struct {
	struct watched queues[PLAN_QUEUES_MAX];
	_Atomic unsigned n;
	_Atomic bool stop;
	struct guardian *g; /* for the queues' file alone */
	int proc, wake, tell;
	int64_t busy_us; /* when something last happened */
	bool running;
	pthread_t thread;
	char text[ROWS_TEXT];
	uint8_t stack[STACK_SIZE] __attribute__((aligned(4096)));
} __attribute__((aligned(4096))) watch = {.proc = -1, .wake = -1, .tell = -1};

static void tell_main(void)
{
	uint64_t one = 1;

	/* Full means that it is told already. */
	(void)!write(watch.tell, &one, sizeof(one));
}

/* ---- what the kernel says ---- */

static const char *number(const char *p, const char *end, uint32_t *out)
{
	uint32_t n = 0;

	while (p < end && *p == ' ')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return NULL;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (uint32_t)(*p - '0');
	*out = n;
	return p;
}

/* Columns: queue, port id, waiting, mode, range, dropped, dropped by the socket, last id, 1. */
static bool parse_row(const char *p, const char *end, struct row *r)
{
	uint32_t c[8];

	for (unsigned i = 0; i < 8; i++) {
		p = number(p, end, &c[i]);
		if (!p)
			return false;
	}
	*r = (struct row){.num = c[0], .waiting = c[2], .id = c[7]};
	return true;
}

static size_t read_rows(void)
{
	size_t at = 0;
	ssize_t n;

	while (at < sizeof(watch.text) &&
	       (n = pread(watch.proc, watch.text + at, sizeof(watch.text) - at, (off_t)at)) > 0)
		at += (size_t)n;
	return at;
}

/* ---- samples ---- */

static const struct sample *sample(const struct watched *w, uint64_t i)
{
	return &w->ring[i & (SAMPLES - 1)];
}

static void remember(struct watched *w, uint32_t id, int64_t now)
{
	uint32_t d = atomic_load_explicit(&w->deadline_us, memory_order_relaxed);

	if (d != w->deadline_used) {
		w->deadline_used = d;
		w->tail = w->head > SAMPLES / 2 ? w->head - SAMPLES / 2 : 0;
		w->behind = false;
	}
	if (w->head == 0 || now - sample(w, w->head - 1)->at_us >= (int64_t)d / (SAMPLES - 192)) {
		w->ring[w->head & (SAMPLES - 1)] = (struct sample){now, id};
		w->head++;
		if (w->head - w->tail > SAMPLES)
			w->tail = w->head - SAMPLES;
	}
	if (!w->behind && sample(w, w->tail)->at_us <= now - d)
		w->behind = true;
	while (w->behind && w->tail + 1 < w->head && sample(w, w->tail + 1)->at_us <= now - d)
		w->tail++;
}

/* ---- open queues: release ---- */

/* Has it ended? Not reaped here: that is the main thread's. */
static bool engine_dead(const struct watched *w, bool *of_itself)
{
	siginfo_t si = {.si_pid = 0};

	if (w->pid == 0 || waitid(P_PID, w->pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
		return false;
	*of_itself = si.si_code != CLD_KILLED || si.si_status != SIGKILL;
	return true;
}

static void deny_suspect(struct watched *w, uint32_t upto)
{
	struct shm_engine *e = &w->q->shm->engine;
	bool of_itself;

	if ((atomic_load(&e->busy) || atomic_load(&e->dropping)) &&
	    (int32_t)(atomic_load(&e->current_id) - upto) <= 0 && engine_dead(w, &of_itself))
		queue_deny_suspect(watch.g, w->q, of_itself);
}

static void drain(struct watched *w, uint32_t upto)
{
	uint32_t seen = atomic_load_explicit(&w->q->shm->engine.last_id, memory_order_relaxed), id;

	if ((int32_t)(w->drained - seen) > 0)
		seen = w->drained;
	if ((int32_t)(upto - seen) <= (int32_t)GHOSTS_MAX)
		return;
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		int kind = queue_message(w->q, true, &id);

		if (kind < 0 || (kind == 1 && (int32_t)(id - upto) > 0))
			break;
		kind = queue_message(w->q, false, &id);
		/* An engine that came back took the one we looked at: this one nobody will read. */
		if (kind == 1 && (int32_t)(id - upto) > 0) {
			queue_verdict(w->q, id, true);
			break;
		}
	}
	w->drained = upto;
}

/* Segments that the engine holds back: how many, and how many of them are as old as `old` and were not let go before. */
static uint32_t held_back(const struct watched *w, uint32_t old, uint32_t *due)
{
	struct shm *s = w->q->shm;
	const struct shm_held *h = shm_at(s, s->held_at);
	uint64_t now = atomic_load_explicit(&s->counters[SHM_HELD_NOW], memory_order_relaxed);
	uint32_t n = 0;

	for (uint32_t i = 0; i < SHM_HELD && n < now; i++) {
		if (atomic_load_explicit(&h[i].state, memory_order_acquire) == 0)
			continue;
		n++;
		*due += (int32_t)(h[i].id - old) <= 0 && (int32_t)(h[i].id - w->released_id) > 0;
	}
	return n;
}

static void release(struct watched *w, const struct row *r, int64_t now)
{
	struct shm *s = w->q->shm;
	uint32_t unread = r->waiting, due = 0, old, first;
	bool stray = false;

	if (!w->behind || unread == 0)
		return;
	old = sample(w, w->tail)->id;
	if (now - w->beat_us <= LIVE_US) {
		uint32_t held = held_back(w, old, &due);
		unread = held < unread ? unread - held : 0;
		/* Taken from the engine's word and the kernel's, in this order, it is never too many. */
		stray = (int32_t)(unread - (r->id - w->read_id) - w->reading) > 0 &&
			(int32_t)(old - w->released_id) > 0;
	}
	first = r->id - unread; /* the last one before them */
	if (unread > 0 && (int32_t)(old - first) > 0)
		due += old - first;
	if (due == 0 && !stray)
		return;
	deny_suspect(w, old);
	atomic_store_explicit(&s->guardian.released_upto, old, memory_order_seq_cst);
	if (queue_release(w->q, old) < 0)
		return; /* the kernel is out of memory: the next tick tries again */
	drain(w, old);
	atomic_fetch_add_explicit(&s->guardian.released, due, memory_order_relaxed);
	w->released_id = old;
	if (due == 0)
		return; /* strays have an event already, their engine's end; the kernel's marks count them */
	w->released_us = now;
	if (!(atomic_load_explicit(&w->period, memory_order_relaxed) & 1)) {
		atomic_store(&w->period_us, now);
		atomic_store(&w->period_packets, 0);
		atomic_store(&w->alive, now - w->beat_us <= LIVE_US);
		atomic_fetch_add(&w->period, 1);
		tell_main();
	}
	atomic_fetch_add_explicit(&w->period_packets, due, memory_order_relaxed);
}

static void end_period(struct watched *w, int64_t now)
{
	if (!(atomic_load_explicit(&w->period, memory_order_relaxed) & 1) ||
	    now - w->released_us < PERIOD_QUIET_US)
		return;
	atomic_store(&w->period_end_us, w->released_us);
	atomic_fetch_add(&w->period, 1);
	tell_main();
}

/* ---- stuck engines ---- */

static void ask_for(struct watched *w, enum ask what)
{
	atomic_store(&w->ask_pid, w->pid);
	atomic_store(&w->ask, what);
	tell_main();
}

static void look_at_engine(struct watched *w, uint32_t waiting, int64_t now)
{
	struct shm *s = w->q->shm;
	uint64_t beat = atomic_load_explicit(&s->engine.heartbeat, memory_order_relaxed);
	uint32_t pid = atomic_load_explicit(&s->guardian.engine_pid, memory_order_acquire);
	int64_t limit = (int64_t)STUCK_DEADLINES * w->deadline_used, stuck;

	if (beat != w->heartbeat || pid != w->pid || pid == 0) {
		if (beat != w->heartbeat)
			w->beat_us = now;
		w->heartbeat = beat;
		w->pid = pid;
		w->stuck_us = 0;
		return;
	}
	if (w->stuck_us == 0) {
		if (waiting > 0)
			w->stuck_us = now;
		return;
	}
	/* A closed queue waits for its engine: its deadline bounds no delay. */
	if (limit < STUCK_MIN_US || !w->open)
		limit = STUCK_MIN_US;
	if (!atomic_load_explicit(&s->engine.started, memory_order_relaxed))
		limit = START_US;
	stuck = now - w->stuck_us;
	if (stuck < limit)
		return;
	if (atomic_load(&s->engine.busy) && stuck < limit + CONTINUE_US) {
		if (atomic_load(&w->ask) == ASK_NOTHING)
			ask_for(w, ASK_CONTINUE);
		return;
	}
	ask_for(w, ASK_KILL);
}

/* ---- the thread ---- */

static void look(struct watched *w, const struct row *r, int64_t now)
{
	if (r->waiting > 0 || r->id != w->last_id)
		watch.busy_us = now;
	w->last_id = r->id;
	remember(w, r->id, now);
	look_at_engine(w, r->waiting, now);
	if (w->stuck_us || atomic_load_explicit(&w->period, memory_order_relaxed) & 1)
		watch.busy_us = now;
	if (w->open) {
		release(w, r, now);
		end_period(w, now);
	}
}

static void tick(int64_t now)
{
	unsigned n = atomic_load_explicit(&watch.n, memory_order_acquire);
	const char *p = watch.text, *end;

	for (unsigned i = 0; i < n; i++) {
		const struct shm_engine *e = &watch.queues[i].q->shm->engine;

		watch.queues[i].reading = atomic_load_explicit(&e->busy, memory_order_acquire) != 0;
		watch.queues[i].read_id = atomic_load_explicit(&e->last_id, memory_order_acquire);
	}
	end = p + read_rows();

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct row r;

		if (parse_row(p, eol ? eol : end, &r))
			for (unsigned i = 0; i < n; i++)
				if (watch.queues[i].q->num == r.num)
					look(&watch.queues[i], &r, now);
		p = eol ? eol + 1 : end;
	}
}

/* Until a packet comes. A message that nobody reads wakes at once: then there is a second of ticks, no more than under traffic. */
static void wait_idle(void)
{
	struct pollfd p[PLAN_QUEUES_MAX + 1];
	unsigned n = atomic_load_explicit(&watch.n, memory_order_acquire);
	uint64_t count;

	p[0] = (struct pollfd){.fd = watch.wake, .events = POLLIN};
	for (unsigned i = 0; i < n; i++)
		p[i + 1] = (struct pollfd){.fd = watch.queues[i].q->sock, .events = POLLIN};
	if (poll(p, n + 1, IDLE_WAIT_MS) > 0)
		watch.busy_us = now_us();
	if (p[0].revents && read(watch.wake, &count, sizeof(count)) < 0)
		errno = 0;
}

/* Verdicts need one capability; a thread has its own set. */
static void keep_one_capability(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};

	d[0].effective = d[0].permitted = 1u << CAP_NET_ADMIN;
	(void)syscall(SYS_capset, &h, d);
}

static void tell_late(int64_t us)
{
	unsigned n = atomic_load_explicit(&watch.n, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(&watch.queues[i].q->shm->guardian.tick_late_us, (uint32_t)us,
				      memory_order_relaxed);
}

static void *run(void *arg)
{
	struct timespec t;
	int64_t next, now, late = 0;

	(void)arg;
	keep_one_capability();
	watch.busy_us = next = now_us();
	while (!atomic_load_explicit(&watch.stop, memory_order_acquire)) {
		now = now_us();
		if (now - next > late)
			tell_late(late = now - next);
		tick(now);
		if (now - watch.busy_us > IDLE_US) {
			wait_idle();
			next = now_us();
			continue;
		}
		next += TICK_US;
		if (next < now)
			next = now + TICK_US;
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

static int start_thread(struct guardian *g)
{
	struct sched_param sp = {.sched_priority = PRIORITY};
	pthread_attr_t a;
	int e;

	/*
	 * When the main thread forks, all memory that can be written becomes copy-on-write: the thread's next write would wait for the kernel
	 * to be done with the fork. Not so this memory, which no child has.
	 */
	if (madvise(&watch, sizeof(watch), MADV_DONTFORK) < 0) {
		say("the watch: memory of its own: %s", strerror(errno));
		return -1;
	}

	watch.g = g;
	watch.proc = open("/proc/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);
	watch.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch.tell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch.proc < 0 || watch.wake < 0 || watch.tell < 0) {
		say("the watch: %s", strerror(errno));
		return -1;
	}
	pthread_attr_init(&a);
	pthread_attr_setstack(&a, watch.stack, sizeof(watch.stack));
	pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&a, SCHED_FIFO);
	pthread_attr_setschedparam(&a, &sp);
	e = pthread_create(&watch.thread, &a, run, NULL);
	if (e != 0) {
		say("real-time priority is not to be had (%s): open zones would wait for as long as the scheduler likes%s",
		    strerror(e), g->best_effort ? "; going on as told" : "");
		if (g->best_effort) {
			pthread_attr_setinheritsched(&a, PTHREAD_INHERIT_SCHED);
			e = pthread_create(&watch.thread, &a, run, NULL);
		}
	}
	pthread_attr_destroy(&a);
	if (e != 0)
		return -1;
	watch.running = true;
	return 0;
}

int watch_add(struct guardian *g, struct queue *q)
{
	unsigned n = atomic_load(&watch.n);
	struct watched *w = &watch.queues[n];
	size_t size = SAMPLES * sizeof(struct sample);
	uint64_t one = 1;
	void *ring =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (ring == MAP_FAILED || madvise(ring, size, MADV_DONTFORK) < 0) {
		say("queue %u: no memory for the watch: %s", q->num, strerror(errno));
		return -1;
	}
	*w = (struct watched){.q = q, .open = q->failure == FAILURE_OPEN, .ring = ring};
	atomic_store(&w->deadline_us, UINT32_MAX / 4); /* until watch_deadlines() */
	if (!watch.running && start_thread(g) < 0) {
		munmap(ring, size);
		return -1;
	}
	atomic_store_explicit(&watch.n, n + 1, memory_order_release);
	(void)!write(watch.wake, &one, sizeof(one));
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
	c->kicked = true;
	kill(c->pid, SIGKILL);
	atomic_fetch_add(&w->q->shm->guardian.stuck, 1);
	say_event(g, w->q, "queue %u: the engine is stuck: killed", w->q->num);
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

void watch_stop(void)
{
	uint64_t one = 1;

	if (!watch.running)
		return;
	atomic_store_explicit(&watch.stop, true, memory_order_release);
	(void)!write(watch.wake, &one, sizeof(one));
	pthread_join(watch.thread, NULL);
	watch.running = false;
}
