/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the watch share: watch.c (a tick), watch_threads.c (when, and on which CPU) and watch_report.c (the main thread's side). */
#ifndef OTFW_FWD_GUARDIAN_WATCH_H
#define OTFW_FWD_GUARDIAN_WATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "fwd/guardian/guardian.h"

#define WATCH_THREADS 2u
#define WATCH_SAMPLES                                                                                        \
	8192u /* a power of two; the longest deadline (10 s) in steps of little more than a tick */
#define WATCH_TEXT  16384
#define WATCH_STACK (256u << 10)

struct sample {
	int64_t at_us;
	uint32_t id; /* the last one given by then */
};

/*
 * Who is silent and wants to run is starved while it has had less than this of a processor: in so long it would have given a sign of life
 * many times over. How long that saves it, and how often it is looked at meanwhile.
 */
#define STARVED_CPU_US 40000
#define STARVED_US     1000000
#define SPARE_US       10000

enum ask { ASK_NOTHING, ASK_CONTINUE, ASK_KILL };

struct watched {
	/* Set once, before `n` counts it. */
	struct queue *q;
	bool open;
	struct sample *ring;
	_Atomic uint32_t deadline_us; /* main thread */

	/* Whose tick it is. */
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
	uint32_t turns[WATCH_THREADS]; /* that each thread had had when it fell silent */
	bool continued;                /* stuck, and told to go on */
	int64_t cpu_us;                /* of a processor when it fell silent; -1: not known */

	/* From here to the main thread. */
	_Atomic uint32_t ask, ask_pid;
	_Atomic uint64_t ask_beat;    /* its last sign of life; */
	_Atomic int64_t ask_cpu_us;   /* what it had had of a processor then; */
	_Atomic int64_t ask_since_us; /* since when it counts as stuck */
	_Atomic uint32_t period;      /* odd while packets pass uninspected */
	_Atomic int64_t period_us, period_end_us;
	_Atomic uint64_t period_packets;
	_Atomic bool alive; /* at its start: the engine was only slow */

	/* The main thread's. */
	_Atomic int64_t spared_us; /* not to be asked for again before */
	uint32_t told;
};

/* Pages of its own, which a fork leaves alone: see watch_start(). */
struct watch {
	struct watched queues[PLAN_QUEUES_MAX];
	_Atomic unsigned n;
	_Atomic bool stop;
	atomic_flag ticking; /* held for a tick; nobody waits for it */
	struct guardian *g;  /* for the queues' file alone */
	int proc, tell;
	_Atomic unsigned threads;
	_Atomic int64_t busy_us; /* when something last happened */

	/* Whose tick it is. */
	int64_t ticked_us, late_us; /* the last tick, 0 after a rest; by how much one was ever late */
	char text[WATCH_TEXT];

	struct watcher {
		pthread_t thread;
		int wake;
		unsigned nth;
		_Atomic uint32_t turns; /* taken, or left to the other */
		uint8_t stack[WATCH_STACK] __attribute__((aligned(4096)));
	} watchers[WATCH_THREADS];
} __attribute__((aligned(4096)));
extern struct watch watch;

/* What a process has had of a processor, all its threads; -1: not known. */
int64_t watch_cpu_us(uint32_t pid);
/* Looks at every queue once. Not from two threads at a time. */
void watch_tick(void);
/* Lets the main thread call watch_report(). */
void watch_tell(void);
/* Starts the threads. 0, or -1 with the reason said. */
int watch_start(struct guardian *g);
/* Ends a rest: a queue is new, or the end is near. */
void watch_wake(void);

#endif
