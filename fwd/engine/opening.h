/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What allowed messages open beside their session (struct pdu_opening), handed to the guardian: it tells the kernel, which lets those
 * datagrams pass without a queue. Collected while a segment is judged, published when it is let go, forgotten when it is not.
 */
#ifndef OTFW_FWD_ENGINE_OPENING_H
#define OTFW_FWD_ENGINE_OPENING_H

#include "fwd/common/shm.h"
#include "fwd/engine/flow.h"

#define OPENING_SEGMENT 16u /* of one segment; what is more is not opened */

struct openings {
	uint32_t n;
	struct shm_opening v[OPENING_SEGMENT];
};

/* Adds what the PDU opens between the flow's ends. rule: that allowed it (for an answer, its request). */
void opening_add(struct openings *o, const struct flow *f, const struct pdu *pdu, uint16_t rule,
		 uint32_t generation);
/* The segment goes: the guardian sees them. What finds no room is counted and not opened. */
void opening_publish(struct openings *o, struct shm *shm);

#endif
