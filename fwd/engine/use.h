/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each rule allowed something, and when last: counted where an operation is allowed, for the recorder to read. */
#ifndef OTFW_FWD_ENGINE_USE_H
#define OTFW_FWD_ENGINE_USE_H

#include "fwd/common/shm.h"

struct use {
	struct shm_use_table *table; /* of the generation at hand; NULL without a policy */
	uint16_t by
		[PDU_OPS_MAX]; /* scratch of the PDU at hand: the rule of each operation, for policy_match_used() */
};

/* Goes on with the generation's table where there is one (an engine was restarted), else begins it in place of the oldest. */
void use_policy(struct use *u, struct shm *shm, const struct policy *p, uint32_t generation);

/* The rules by[0] to by[nops - 1] have each allowed an operation. */
static inline void use_add(struct use *u, uint32_t nops, int64_t wall_us)
{
	for (uint32_t i = 0; i < nops && i < PDU_OPS_MAX; i++) {
		if (u->by[i] >= POLICY_NO_RULE || !u->table)
			continue;
		struct shm_use *r = &u->table->rules[u->by[i]];
		/* One writer: no read-modify-write needed. */
		atomic_store_explicit(&r->last_us, wall_us, memory_order_relaxed);
		atomic_store_explicit(&r->n, atomic_load_explicit(&r->n, memory_order_relaxed) + 1,
				      memory_order_relaxed);
	}
}

#endif
