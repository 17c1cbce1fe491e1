/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory an engine, the guardian and the recorder share: one file in memory per queue, made by the guardian, fixed size. It
 * outlives the engine, so that a new one goes on with every session. The layout is said once here; a change of it changes
 * SHM_VERSION.
 *
 *   struct shm | flows | pool (history and held bytes) | held | books | rates | claims | rule use | ring | guardian ring | learn | assets
 *
 * Who writes what is said at each part; everything that another process reads while it changes is atomic.
 */
#ifndef OTFW_FWD_COMMON_SHM_H
#define OTFW_FWD_COMMON_SHM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fwd/common/asset.h"
#include "fwd/common/event.h"
#include "fwd/common/island.h"
#include "fwd/common/learn.h"

#define SHM_MAGIC   0x7766746fu /* "otfw" */
#define SHM_VERSION 9u

#define SHM_FLOWS      16384u
#define SHM_FLOW_SIZE  2816u       /* octets reserved per flow: fwd/engine/flow.h asserts that it fits */
#define SHM_POOL_SIZE  (56u << 20) /* history of forwarded bytes, and the bytes of held segments */
#define SHM_HELD       4096u       /* held segments of one engine */
#define SHM_RATES      16384u
#define SHM_CLAIMS     1024u /* stations of conduits with one master at a time */
#define SHM_CLAIM_SIZE 48u   /* fwd/engine/claim.h */

enum shm_counter {
	SHM_PACKETS, /* messages read from the queue */
	SHM_BYTES,
	SHM_INSPECTED, /* accepted with PLAN_MARK_INSPECTED */
	SHM_PASSED,    /* accepted with PLAN_MARK_PASSED: open zone, learn or shadow, not inspected */
	SHM_DROPPED,
	SHM_RESETS,
	SHM_HELD_NOW, /* a gauge */
	SHM_HELD_EVER,
	SHM_PDUS,
	SHM_PDUS_DENIED,
	SHM_PDUS_SHADOW, /* would have been denied */
	SHM_LATE_ANSWERS,
	SHM_KEEPALIVES, /* keep-alives whose garbage octet was replaced */
	SHM_FLOWS_NOW,  /* a gauge */
	SHM_FLOWS_EVER,
	SHM_FLOWS_REFUSED, /* table full */
	SHM_PICKED_UP,     /* sessions found in the middle */
	SHM_QUEUE_ERRORS,  /* ENOBUFS on the socket */
	SHM_LATE_VERDICTS, /* a verdict came back: the guardian had been faster */
	SHM_LATE_DROPS,    /* of those, drops: the packet went on, it is in SHM_DROPPED all the same */
	SHM_EVENTS_SPARED, /* denials for which no event of their own was written */
	SHM_SEQ_GAPS,      /* ids the kernel used up without a message */
	SHM_OPENINGS_LOST, /* openings that found the guardian's list full */
	SHM_GUARD_DENIED, /* operations denied that the confirmed policy allows, while another is on trial with a guard */
	SHM_COUNTERS
};

/* Written by the guardian. */
struct shm_guardian {
	_Atomic uint32_t engine_pid;
	_Atomic uint32_t restarts;
	_Atomic uint32_t generation; /* of the policy it has handed out */
	_Atomic uint32_t
		released_upto; /* packets with ids up to this are no longer waiting: their messages are ghosts */
	_Atomic uint32_t settled_accept; /* packets of a dead engine that were let go (open) */
	_Atomic uint32_t settled_drop;
	_Atomic uint32_t suspects;
	_Atomic uint32_t tick_late_us; /* by how much a tick was ever late */
	_Atomic uint32_t stuck;        /* engines killed for showing no sign of life */
	_Atomic uint64_t
		released; /* packets let go at the deadline (open); an upper bound where an engine raced */
	_Atomic uint32_t
		suspect_flow; /* slot + 1 of the flow whose packet an engine died on of itself: for the next engine, which clears it */
	uint16_t queue_num; /* set once */
	uint16_t queue_index;
	uint8_t failure; /* enum failure */
};

/* A segment whose verdict waits for bytes before it. Written by the engine; ids are settled by the guardian after its death. */
struct shm_held {
	_Atomic uint32_t state; /* 0 free, 1 held */
	uint32_t id;
	uint32_t flow;
	uint32_t seq, len; /* TCP sequence number of the first octet, octets of payload */
	uint32_t bytes;    /* where in the pool the packet's payload is kept */
	uint8_t dir;
	uint8_t flags; /* TCP flags */
	uint16_t next; /* list of the flow and direction; SHM_HELD_NONE ends */
	int64_t since_us;
};
#define SHM_HELD_NONE 0xffffu

/* Written by the engine. */
struct shm_engine {
	_Atomic uint32_t started;    /* 1 once it reads the queue */
	_Atomic uint32_t generation; /* of the policy it judges by */
	_Atomic uint32_t busy;       /* 1 while it is in packet current_id */
	_Atomic uint32_t current_id;
	_Atomic uint32_t dropping_id;  /* a drop is being given to this packet, */
	_Atomic uint64_t dropping;     /* and this is what SHM_DROPPED is to be then; 0: none is */
	_Atomic uint32_t dropping_at;  /* of that packet: its entry in the books (SHM_BOOK_*), */
	_Atomic uint64_t dropping_now; /* and what it is to be; 0: none */
	_Atomic uint32_t current_flow; /* slot, or UINT32_MAX while unknown */
	_Atomic uint32_t last_id;      /* last id read: the next engine sees gaps from here */
	_Atomic uint64_t heartbeat; /* signs of life: packets handled, and the times it found nothing to do */
	_Atomic uint32_t quarantines; /* ever imposed */
};

/*
 * Of what the engine did not let pass as inspected: why, by the zone that the packet was for (where that is none, by the one it came
 * from). Written by the engine, a book is one zone's, found by its name, for good. The first is of packets of no zone, the last of all
 * zones for which there is no other left.
 */
enum shm_book_kind { SHM_BOOK_DROPPED, SHM_BOOK_PASSED, SHM_BOOK_RESET, SHM_BOOK_KINDS };
struct shm_book {
	_Atomic uint32_t used; /* 1: the name is written */
	char zone[ISLAND_ZONE];
	_Atomic uint64_t n[SHM_BOOK_KINDS][REASON_COUNT_OF];
};
#define SHM_BOOKS 64u
/* An entry as one number, not 0. */
#define SHM_BOOK_AT(book, kind, reason) (1u + ((book)*SHM_BOOK_KINDS + (kind)) * REASON_COUNT_OF + (reason))
#define SHM_BOOK_KIND(at)               (((at)-1u) / REASON_COUNT_OF % SHM_BOOK_KINDS)
_Static_assert(SHM_BOOK_AT(SHM_BOOKS, 0, 0) <= 0xffffu, "entries are 16-bit numbers");

/*
 * How often each rule allowed an operation, by its global number. Written by the engine. One table a generation: a new one takes the table of the
 * oldest, so that what the last one counted can still be read.
 */
struct shm_use {
	_Atomic uint64_t n;
	_Atomic int64_t last_us; /* wall clock */
};
#define SHM_USE_TABLES 2u
struct shm_use_table {
	_Atomic uint32_t generation; /* 0: being cleared, or never used */
	_Atomic uint32_t order;      /* grows with each table that is begun */
	struct shm_use rules[POLICY_NO_RULE];
};

/* Ends that engines died on: see fwd/engine/suspect.h. Written by the engine. */
struct shm_suspect {
	uint8_t client[16], server[16];
	uint16_t port; /* the server's */
	uint8_t ipproto;
	uint8_t crashes;  /* 0: free */
	int64_t first_us; /* CLOCK_MONOTONIC */
	int64_t until_us; /* quarantined till then; 0: not */
};
#define SHM_SUSPECTS 16u

/*
 * What messages that passed have opened or closed beside their session: from the engine to the guardian, one writer and one reader.
 * Addresses are as the datagrams will carry them.
 */
struct shm_opening {
	uint8_t from[16], to[16];
	uint32_t id; /* octets 6 to 9 of the payload, most significant first */
	uint32_t generation;
	uint16_t port, lo, hi; /* destination; octets of the payload */
	uint16_t rule;         /* of that generation's image */
	uint8_t close;
	uint8_t pad[3];
};
#define SHM_OPENINGS 64u
struct shm_openings {
	_Atomic uint32_t head, tail; /* of all there ever were: the engine's, the guardian's */
	struct shm_opening v[SHM_OPENINGS];
};

/* The flow that the engine changes, as it was before its packet: see fwd/engine/before.h. Written by the engine. */
struct shm_before {
	_Atomic uint32_t slot; /* UINT32_MAX: none is half changed */
	uint32_t dir, end, octets, asked, state, fresh;
	uint64_t flow[SHM_FLOW_SIZE / 8];
};

struct shm {
	uint32_t magic, version;
	uint64_t size;
	uint64_t epoch; /* a number of this memory's own: no other has it, nor had it before */
	uint64_t flows_at, pool_at, held_at, books_at, rates_at, claims_at, use_at, ring_at, guardian_ring_at,
		learn_at, assets_at; /* offsets from the start of struct shm */
	struct shm_guardian guardian;
	struct shm_engine engine;
	struct shm_suspect suspects[SHM_SUSPECTS];
	struct shm_openings openings;
	_Atomic uint64_t counters[SHM_COUNTERS];
	_Atomic uint64_t reasons[REASON_COUNT_OF]; /* PDUs and packets not passed, by reason */
	struct shm_before before;
};

/* Name of a counter in `otfwctl status` ("packets"). */
const char *shm_counter_name(unsigned i);

/*
 * Where the parts are, for whoever does not trust the engine: it can write over what the memory says of itself (flows_at and so on) after
 * shm_open_mem() has looked at it.
 */
struct shm_layout {
	uint64_t flows, pool, held, books, rates, claims, use, ring, guardian_ring, learn, assets, end;
};
struct shm_layout shm_layout(void);
/* Octets to ftruncate. */
size_t shm_size(void);
/* Lays out fresh zeroed memory, with an epoch at random. */
void shm_init(void *mem, uint16_t queue_num, uint16_t queue_index, enum failure failure);
/*
 * Memory that shm_init() laid out for an earlier guardian, and that nobody uses any more: what is known of flows, rates and claims stays, everything
 * else is as shm_init() leaves it.
 */
void shm_renew(struct shm *s, uint16_t queue_num, uint16_t queue_index, enum failure failure);
/* Checks magic, version, size. NULL with a message in err. */
struct shm *shm_open_mem(void *mem, size_t size, const char **err);

static inline void *shm_at(struct shm *s, uint64_t off)
{
	return (char *)s + off;
}
/* The counter of an entry, NULL for 0. */
static inline _Atomic uint64_t *shm_book_at(struct shm *s, uint32_t at)
{
	struct shm_book *books = (struct shm_book *)shm_at(s, shm_layout().books);
	uint32_t i = at - 1, one = SHM_BOOK_KINDS * REASON_COUNT_OF;

	if (at == 0 || i / one >= SHM_BOOKS)
		return NULL;
	return &books[i / one].n[i % one / REASON_COUNT_OF][i % REASON_COUNT_OF];
}
static inline struct shm_use_table *shm_use_table(struct shm *s, unsigned i)
{
	return (struct shm_use_table *)shm_at(s, shm_layout().use) + i;
}
static inline void shm_add(struct shm *s, enum shm_counter c, uint64_t n)
{
	/* One writer each: no read-modify-write needed. */
	atomic_store_explicit(&s->counters[c],
			      atomic_load_explicit(&s->counters[c], memory_order_relaxed) + n,
			      memory_order_relaxed);
}

#endif
