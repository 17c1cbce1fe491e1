/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory that the mirror, the guardian and the recorder share: one memfd, made by the guardian, fixed size. It outlives
 * the mirror. Nothing of it bears on a packet.
 */
#ifndef OTFW_FWD_COMMON_MIRROR_H
#define OTFW_FWD_COMMON_MIRROR_H

#include "fwd/common/event.h"

#define MIRROR_MAGIC   0x7272696du /* "mirr" */
#define MIRROR_VERSION 1u
#define MIRROR_LANES                                                                                         \
	256u /* conduits with a place of their own, by their number; beyond it: in the totals only */

/* One conduit. Written by the mirror; a new policy's conduit of the same name goes on counting. */
struct mirror_lane {
	_Atomic uint64_t copies;
	_Atomic uint64_t alarms;
	_Atomic uint32_t flows;  /* pairs and directions seen */
	_Atomic uint32_t silent; /* of them, longer than the watchdog allows */
	_Atomic uint32_t above;  /* 1: more packets than expected in the last whole window */
};

struct mirror_shm {
	uint32_t magic, version;
	uint64_t size;
	/* Written by the guardian. */
	_Atomic uint32_t pid; /* 0: none runs */
	_Atomic uint32_t restarts;
	/* Written by the mirror. */
	_Atomic uint32_t generation; /* of the policy whose conduits lanes[] are */
	_Atomic uint32_t seq_known;
	_Atomic uint32_t seq; /* number of the last copy read: the next mirror sees gaps from here */
	_Atomic uint64_t copies;
	_Atomic uint64_t lost;    /* copies that the kernel made and had no room for */
	_Atomic uint64_t unknown; /* of no conduit of this policy */
	_Atomic uint64_t alarms;
	_Atomic uint64_t turns; /* of the mirror's loop: stands still while it is stuck */
	struct mirror_lane lanes[MIRROR_LANES];
	struct ring ring;
};

static inline void mirror_add(_Atomic uint64_t *n, uint64_t by)
{
	/* One writer each: no read-modify-write needed. */
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

/* Lays out fresh zeroed memory of sizeof(struct mirror_shm). */
static inline void mirror_init(struct mirror_shm *m)
{
	m->version = MIRROR_VERSION;
	m->size = sizeof(*m);
	m->magic = MIRROR_MAGIC;
}

/* Is this memory, of size octets, laid out like this? */
static inline bool mirror_good(const struct mirror_shm *m, size_t size)
{
	return size >= sizeof(*m) && m->magic == MIRROR_MAGIC && m->version == MIRROR_VERSION &&
	       m->size == sizeof(*m);
}

#endif
