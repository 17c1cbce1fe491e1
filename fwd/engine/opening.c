/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/opening.h"

#include <string.h>

void opening_add(struct openings *o, const struct flow *f, const struct pdu *pdu, uint16_t rule,
		 uint32_t generation)
{
	bool b = f->flags & FLOW_CLIENT_B;
	const uint8_t *client = b ? f->key.b : f->key.a, *server = b ? f->key.a : f->key.b;

	for (uint32_t i = 0; i < pdu->nopenings && i < PDU_OPENINGS && o->n < OPENING_SEGMENT; i++) {
		const struct pdu_opening *p = &pdu->openings[i];
		struct shm_opening *s = &o->v[o->n++];

		*s = (struct shm_opening){.id = p->id,
					  .generation = generation,
					  .port = p->port,
					  .lo = p->lo,
					  .hi = p->hi,
					  .rule = rule,
					  .close = p->close};
		memcpy(s->from, p->from_server ? server : client, 16);
		memcpy(s->to, p->to_group ? p->group : p->from_server ? client : server, 16);
	}
}

void opening_publish(struct openings *o, struct shm *shm)
{
	struct shm_openings *q = &shm->openings;
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

	for (uint32_t i = 0; i < o->n; i++) {
		if (head - atomic_load_explicit(&q->tail, memory_order_acquire) >= SHM_OPENINGS) {
			shm_add(shm, SHM_OPENINGS_LOST, o->n - i);
			break;
		}
		q->v[head % SHM_OPENINGS] = o->v[i];
		atomic_store_explicit(&q->head, ++head, memory_order_release);
	}
	o->n = 0;
}
