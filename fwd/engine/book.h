/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger's books behind a queue: what was not let pass as inspected, by zone and reason, in shared memory (struct shm_book). */
#ifndef OTFW_FWD_ENGINE_BOOK_H
#define OTFW_FWD_ENGINE_BOOK_H

#include "fwd/common/shm.h"
#include "fwd/engine/pkt.h"
#include "rules/policy.h"

#define BOOK_ZONES 1024u /* zones of a policy that can have a book of their own */

struct books {
	struct shm *shm;
	uint8_t of[BOOK_ZONES]; /* by the zone's number in the policy */
};

/* Another policy, or the first: finds each zone its book by its name. */
void book_policy(struct books *b, struct shm *shm, const struct policy *p);
/* The entry of a packet between these ends; 0 without a policy. */
uint32_t book_entry(const struct books *b, const struct policy *p, const struct tuple *t,
		    enum shm_book_kind kind, enum reason reason);
/* One more of an entry, or one less: a verdict that came too late. */
void book_add(struct shm *shm, uint32_t at, int n);

#endif
