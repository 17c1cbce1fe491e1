/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch: two threads of the guardian that keep P5 (bounded delay) and find engines that are stuck. This file is what they do at a
 * tick, watch_threads.c when and where they do it. For a reviewer, why each promise holds:
 *
 * An open packet leaves within its zone's deadline D plus 3 ms, whatever its engine does.
 *   - The kernel says how many packets wait in a queue and which id it gave last. Each tick (TICK_US) keeps that id with the time after it was read. With W
 *     waiting and N the last id, the oldest that an engine has not read is N - W + 1, as it reads in order. If that is not above the id of
 *     a tick D ago, packets wait for longer than D: they are let go, up to that id and no further. So nothing is let go before
 *     its time, and a healthy engine under load, where something always waits, is left alone.
 *   - A packet is first covered by the tick after its arrival and let go by the first tick D later: D and two ticks. The threads tick in turns,
 *     each on a CPU of its own: D and 1 ms. While one of them is kept waiting (its CPU is in a long system call, or is a virtual one that
 *     its host does not run), the other's ticks are twice as far apart: D and 2 ms. The rest of the 3 ms is the scheduler's.
 *   - One looks at a time. The other leaves the tick to it and waits for its own next turn: what it would see is being looked at. Only if
 *     the one is kept waiting in the middle of a tick (some 10 us of each 1000) is there none meanwhile; `tick-late-us` shows that too.
 *   - These threads alone are real-time; their memory is locked; they wait for nothing but the clock: no lock, no heap, no
 *     file but one of /proc, no answer from anybody, no pipe to write to. Everything that may take time (starting, killing and
 *     reaping engines, policies, rulesets, events, words to a terminal) is the main thread's, which they only wake.
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
 * or if that does not help, it is killed, and what it held is settled by the failure mode (queue_settle). Each of the
 * watch's CPUs must have been seen to run meanwhile: a virtual one that its host stopped, or all of them, finds an old silence when it goes on,
 * and an engine that has not had its turn yet.
 *
 * An engine that would run and is given no processor is silent, but not stuck: to kill it would help nobody. So the time that it has had of a
 * processor is noted when a silence begins, and the main thread, before it kills, asks what came of it since (starved(), watch_report.c). That
 * delays no open packet: those go at the deadline as ever. What a closed zone waits for longer than before is bounded by STARVED_US.
 *
 * Nothing unseen is uncounted: every release carries PLAN_MARK_RELEASED, which the kernel counts on the way out; `released` in shared memory
 * counts as well, exactly while the engine does nothing, and as an upper bound while it races. Each period of releases is an event
 * at its start and at its end; it ends after PERIOD_QUIET_US without one, so no more than two events a second come of it.
 *
 * Idle, it costs nothing: after a second without a packet the ticks rest until a socket has a message.
 */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/watch.h"

#define STUCK_MIN_US    100000
#define STUCK_DEADLINES 8
#define START_US        5000000 /* an engine that starts may take so long */
#define CONTINUE_US     50000   /* from SIGCONT to SIGKILL: on a busy machine it waits for a CPU */
#define LIVE_US         3000    /* an engine that holds segments shows a sign of life every millisecond */
#define PERIOD_QUIET_US 1000000
#define TURN_US         4000  /* of a silence: for each so much, each thread must have had a turn */
#define DRAIN_MAX       4096u /* messages taken out in one tick */

struct row {
	uint32_t num, waiting, id;
};

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
	return &w->ring[i & (WATCH_SAMPLES - 1)];
}

static void remember(struct watched *w, uint32_t id, int64_t now)
{
	uint32_t d = atomic_load_explicit(&w->deadline_us, memory_order_relaxed);

	if (d != w->deadline_used) {
		w->deadline_used = d;
		w->tail = w->head > WATCH_SAMPLES / 2 ? w->head - WATCH_SAMPLES / 2 : 0;
		w->behind = false;
	}
	if (w->head == 0 || now - sample(w, w->head - 1)->at_us >= (int64_t)d / (WATCH_SAMPLES - 192)) {
		w->ring[w->head & (WATCH_SAMPLES - 1)] = (struct sample){now, id};
		w->head++;
		if (w->head - w->tail > WATCH_SAMPLES)
			w->tail = w->head - WATCH_SAMPLES;
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
	const struct shm_held *h = shm_at(s, shm_layout().held);
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
		watch_tell();
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
	watch_tell();
}

/* ---- stuck engines ---- */

int64_t watch_cpu_us(uint32_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (pid == 0 || clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return -1;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void ask_for(struct watched *w, enum ask what, int64_t since)
{
	atomic_store(&w->ask_pid, w->pid);
	atomic_store(&w->ask_beat, w->heartbeat);
	atomic_store(&w->ask_cpu_us, w->cpu_us);
	atomic_store(&w->ask_since_us, since);
	atomic_store(&w->ask, what);
	watch_tell();
}

static void turns(uint32_t n[WATCH_THREADS])
{
	for (unsigned i = 0; i < WATCH_THREADS; i++)
		n[i] = atomic_load_explicit(&watch.watchers[i].turns, memory_order_relaxed);
}

/* Was each CPU seen to run for most of so long a silence? */
static bool seen(const struct watched *w, int64_t limit)
{
	uint32_t n[WATCH_THREADS];

	turns(n);
	for (unsigned i = 0; i < watch.threads; i++)
		if (n[i] - w->turns[i] < limit / TURN_US)
			return false;
	return true;
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
		w->continued = false;
		return;
	}
	if (w->stuck_us == 0) {
		if (waiting > 0) {
			w->stuck_us = now;
			turns(w->turns);
			w->cpu_us = watch_cpu_us(pid);
		}
		return;
	}
	/* A closed queue waits for its engine: its deadline bounds no delay. */
	if (limit < STUCK_MIN_US || !w->open)
		limit = STUCK_MIN_US;
	if (!atomic_load_explicit(&s->engine.started, memory_order_relaxed))
		limit = START_US;
	stuck = now - w->stuck_us;
	if (stuck < limit || (stuck < limit + STARVED_US && !seen(w, limit)))
		return;
	if (atomic_load(&s->engine.busy) && stuck < limit + CONTINUE_US) {
		if (!w->continued)
			ask_for(w, ASK_CONTINUE, w->stuck_us + limit);
		w->continued = true;
		return;
	}
	if (now >= atomic_load(&w->spared_us))
		ask_for(w, ASK_KILL, w->stuck_us + limit);
}

/* ---- a tick ---- */

static void look(struct watched *w, const struct row *r, int64_t now)
{
	if (r->waiting > 0 || r->id != w->last_id)
		atomic_store_explicit(&watch.busy_us, now, memory_order_relaxed);
	w->last_id = r->id;
	remember(w, r->id, now);
	look_at_engine(w, r->waiting, now);
	if (w->stuck_us || atomic_load_explicit(&w->period, memory_order_relaxed) & 1)
		atomic_store_explicit(&watch.busy_us, now, memory_order_relaxed);
	if (w->open) {
		release(w, r, now);
		end_period(w, now);
	}
}

void watch_tick(void)
{
	int64_t now;
	unsigned n = atomic_load_explicit(&watch.n, memory_order_acquire);
	const char *p = watch.text, *end;

	for (unsigned i = 0; i < n; i++) {
		const struct shm_engine *e = &watch.queues[i].q->shm->engine;

		watch.queues[i].reading = atomic_load_explicit(&e->busy, memory_order_acquire) != 0;
		watch.queues[i].read_id = atomic_load_explicit(&e->last_id, memory_order_acquire);
	}
	end = p + read_rows();
	/* Not before: held up in between, this would take a packet for older than it is. */
	now = now_us();
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct row r;

		if (parse_row(p, eol ? eol : end, &r))
			for (unsigned i = 0; i < n; i++)
				if (watch.queues[i].q->num == r.num)
					look(&watch.queues[i], &r, now);
		p = eol ? eol + 1 : end;
	}
	/* What has been opened beside a session waits for the main thread, which sleeps. */
	for (unsigned i = 0; i < n; i++)
		if (opening_waiting(watch.queues[i].q)) {
			watch_tell();
			break;
		}
}
