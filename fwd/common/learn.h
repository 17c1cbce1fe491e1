/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shapes of operations (rules/shape.h) on their way from an engine to the recorder: a table of fixed size in shared memory where equal
 * ones are added up, and a ring through which they go to the recorder, each with what it counted since it went the last
 * time. Whatever a full set pushes out goes into the ring first: nothing is lost but what the ring overwrites, and that is counted.
 */
#ifndef OTFW_FWD_COMMON_LEARN_H
#define OTFW_FWD_COMMON_LEARN_H

#include <stdatomic.h>

#include "rules/shape.h"

#define LEARN_WAYS     4u
#define LEARN_SETS     1024u    /* a power of two */
#define LEARN_RING     4096u    /* a power of two */
#define LEARN_TURN     128u     /* entries looked at in one tick, */
#define LEARN_EVERY_US 10000000 /* and how long one that changes waits before it is told again */

struct learn_entry {
	uint64_t hash; /* 0: free */
	int64_t told_us;
	struct shape shape; /* count 0: all of it has been told */
};
struct learn_slot {
	_Atomic uint64_t seq; /* ring position + 1, written last; 0 while it is being written */
	struct shape shape;
};
/* Written by the engine alone. */
struct learn {
	_Atomic uint64_t head;   /* shapes ever put into the ring */
	_Atomic uint64_t fresh;  /* shapes that were not in the table when they came */
	_Atomic uint64_t pushed; /* entries pushed out by others */
	uint32_t sweep_at;
	uint32_t pad;
	struct learn_entry entries[LEARN_SETS * LEARN_WAYS];
	struct learn_slot ring[LEARN_RING];
};

/* One operation that passed. True: this shape was not in the table. Constant work, never waits. */
bool learn_note(struct learn *l, const struct shape *s);
/* Tells some of what has changed and is due. */
void learn_tick(struct learn *l, int64_t now_us);
/*
 * For the reader, which writes nothing: the next shape at *tail. 1: out is filled; 0: nothing new. *lost grows by what was overwritten before it
 * was read. The other process is not trusted: numbers in out can be anything.
 */
int learn_get(struct learn *l, uint64_t *tail, struct shape *out, uint64_t *lost);

/*
 * What the recorder hands to `otfwctl learn propose`, as a file without a name: this, names of conduits (LEARN_FILE_NAME octets each,
 * terminated), then shapes, whose conduit is the number of a name.
 */
#define LEARN_FILE_MAGIC 0x6e72656cu
#define LEARN_FILE_NAME  64u
struct learn_file {
	uint32_t magic, shape_size, names, shapes;
};

#endif
