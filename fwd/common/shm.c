/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/common/shm.h"

#include <string.h>
#include <sys/random.h>

#define LINE 64u /* parts start on a cache line, so that two writers never share one */
#define PAGE 4096u

/* What the layout and its users count on. */
_Static_assert(SHM_HELD < SHM_HELD_NONE, "held slots are 16-bit indices");
_Static_assert((SHM_RATES & (SHM_RATES - 1)) == 0, "rates.n is a power of two");
_Static_assert(SHM_FLOW_SIZE % LINE == 0, "flows start on cache lines");

static uint64_t up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

struct shm_layout shm_layout(void)
{
	struct shm_layout l;

	l.flows = up(sizeof(struct shm), PAGE);
	l.pool = up(l.flows + (uint64_t)SHM_FLOWS * SHM_FLOW_SIZE, PAGE);
	l.held = up(l.pool + SHM_POOL_SIZE, LINE);
	l.books = up(l.held + SHM_HELD * sizeof(struct shm_held), LINE);
	l.rates = up(l.books + SHM_BOOKS * sizeof(struct shm_book), LINE);
	l.claims = up(l.rates + SHM_RATES * sizeof(struct rate_slot), LINE);
	l.use = up(l.claims + (uint64_t)SHM_CLAIMS * SHM_CLAIM_SIZE, LINE);
	l.ring = up(l.use + SHM_USE_TABLES * sizeof(struct shm_use_table), LINE);
	l.guardian_ring = up(l.ring + sizeof(struct ring), LINE);
	l.learn = up(l.guardian_ring + sizeof(struct ring), LINE);
	l.assets = up(l.learn + sizeof(struct learn), LINE);
	l.end = up(l.assets + sizeof(struct assets), PAGE);
	return l;
}

const char *shm_counter_name(unsigned i)
{
	static const char *const names[SHM_COUNTERS] = {
		[SHM_PACKETS] = "packets",
		[SHM_BYTES] = "bytes",
		[SHM_INSPECTED] = "inspected",
		[SHM_PASSED] = "passed",
		[SHM_DROPPED] = "dropped",
		[SHM_RESETS] = "resets",
		[SHM_HELD_NOW] = "held-now",
		[SHM_HELD_EVER] = "held",
		[SHM_PDUS] = "pdus",
		[SHM_PDUS_DENIED] = "pdus-denied",
		[SHM_PDUS_SHADOW] = "pdus-shadow-denied",
		[SHM_LATE_ANSWERS] = "late-answers",
		[SHM_KEEPALIVES] = "keep-alives",
		[SHM_FLOWS_NOW] = "flows-now",
		[SHM_FLOWS_EVER] = "flows",
		[SHM_FLOWS_REFUSED] = "flows-refused",
		[SHM_PICKED_UP] = "picked-up",
		[SHM_QUEUE_ERRORS] = "queue-errors",
		[SHM_LATE_VERDICTS] = "late-verdicts",
		[SHM_LATE_DROPS] = "late-drops",
		[SHM_EVENTS_SPARED] = "events-spared",
		[SHM_SEQ_GAPS] = "sequence-gaps",
		[SHM_OPENINGS_LOST] = "openings-lost",
		[SHM_GUARD_DENIED] = "guard-denied",
	};

	return i < SHM_COUNTERS ? names[i] : NULL;
}

size_t shm_size(void)
{
	return shm_layout().end;
}

static void lay_out(struct shm *s, uint16_t queue_num, uint16_t queue_index, enum failure failure)
{
	struct shm_layout l = shm_layout();

	s->version = SHM_VERSION;
	if (getrandom(&s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch) || s->epoch == 0)
		s->epoch = (uint64_t)(uintptr_t)s | 1; /* no kernel of ours refuses eight octets */
	s->size = l.end;
	s->flows_at = l.flows;
	s->pool_at = l.pool;
	s->held_at = l.held;
	s->books_at = l.books;
	s->rates_at = l.rates;
	s->claims_at = l.claims;
	s->use_at = l.use;
	s->ring_at = l.ring;
	s->guardian_ring_at = l.guardian_ring;
	s->learn_at = l.learn;
	s->assets_at = l.assets;
	s->guardian.queue_num = queue_num;
	s->guardian.queue_index = queue_index;
	s->guardian.failure = (uint8_t)failure;
	atomic_store(&s->engine.current_flow, UINT32_MAX);
	atomic_store(&s->before.slot, UINT32_MAX);
}

/* Last: memory without it has not been laid out. */
static void laid_out(struct shm *s)
{
	atomic_signal_fence(memory_order_seq_cst);
	s->magic = SHM_MAGIC;
}

void shm_init(void *mem, uint16_t queue_num, uint16_t queue_index, enum failure failure)
{
	lay_out(mem, queue_num, queue_index, failure);
	laid_out(mem);
}

void shm_renew(struct shm *s, uint16_t queue_num, uint16_t queue_index, enum failure failure)
{
	/* The flow that an engine was killed in is put back by the next one, whoever starts it; that it died in of itself, given up. */
	struct shm_before before = s->before;
	uint32_t suspect = atomic_load(&s->guardian.suspect_flow);
	struct shm_layout l = shm_layout();
	char *at = (char *)s;

	s->magic = 0; /* cut off in here, it is not used again */
	atomic_signal_fence(memory_order_seq_cst);
	memset(s, 0, sizeof(*s));
	memset(at + l.held, 0, l.rates - l.held);
	/* Generations begin anew, and with them whose rule a number is. */
	memset(at + l.use, 0, l.end - l.use);
	lay_out(s, queue_num, queue_index, failure);
	s->before = before;
	atomic_store(&s->guardian.suspect_flow, suspect);
	laid_out(s);
}

struct shm *shm_open_mem(void *mem, size_t size, const char **err)
{
	struct shm_layout l = shm_layout();
	struct shm *s = mem;

	if (size < sizeof(struct shm))
		*err = "shared memory is shorter than its header";
	else if (s->magic != SHM_MAGIC)
		*err = "shared memory is not otfw's, or not laid out";
	else if (s->version != SHM_VERSION)
		*err = "shared memory has another version";
	else if (s->size != l.end || size < l.end)
		*err = "shared memory has another size";
	else if (s->flows_at != l.flows || s->pool_at != l.pool || s->held_at != l.held ||
		 s->books_at != l.books || s->rates_at != l.rates || s->claims_at != l.claims ||
		 s->use_at != l.use || s->ring_at != l.ring || s->guardian_ring_at != l.guardian_ring ||
		 s->learn_at != l.learn || s->assets_at != l.assets)
		*err = "shared memory has another layout";
	else
		return s;
	return NULL;
}
