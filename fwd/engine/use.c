/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/use.h"

static void begin(struct shm_use_table *t, uint32_t nrules, uint32_t order, uint32_t generation)
{
	/* A reader looks at the generation before and after: 0 in between says that the table is no longer what it was. */
	atomic_store_explicit(&t->generation, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	/* What stands behind the last rule is nobody's: not even touched, so that the memory is not either. */
	for (uint32_t i = 0; i < nrules && i < POLICY_NO_RULE; i++) {
		atomic_store_explicit(&t->rules[i].n, 0, memory_order_relaxed);
		atomic_store_explicit(&t->rules[i].last_us, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&t->order, order, memory_order_relaxed);
	atomic_store_explicit(&t->generation, generation, memory_order_release);
}

void use_policy(struct use *u, struct shm *shm, const struct policy *p, uint32_t generation)
{
	struct shm_use_table *oldest = shm_use_table(shm, 0);
	uint32_t newest = 0;

	u->table = NULL;
	if (!p || generation == 0)
		return;
	for (unsigned i = 0; i < SHM_USE_TABLES; i++) {
		struct shm_use_table *t = shm_use_table(shm, i);
		uint32_t order = atomic_load_explicit(&t->order, memory_order_relaxed);

		if (atomic_load_explicit(&t->generation, memory_order_relaxed) == generation) {
			u->table = t;
			return;
		}
		if (order < atomic_load_explicit(&oldest->order, memory_order_relaxed))
			oldest = t;
		if (order > newest)
			newest = order;
	}
	begin(oldest, policy_rules(p), newest + 1, generation);
	u->table = oldest;
}
