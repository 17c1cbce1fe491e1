/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a flow was before the packet at hand changed it, kept beside the flow table until the packet's fate is decided. An engine can be killed
 * between any two instructions; its successor puts the flow back, so that no session is lost by it. The packet itself is gone for it: in a closed zone the
 * guardian drops it and its sender repeats it, in an open one it passes unseen, and the flow goes on behind it.
 */
#ifndef OTFW_FWD_ENGINE_BEFORE_H
#define OTFW_FWD_ENGINE_BEFORE_H

#include "fwd/engine/flow.h"

/* The packet that is about to change a flow. */
struct change {
	unsigned dir;
	uint32_t end;    /* TCP: the sequence number behind its payload */
	uint32_t octets; /* of payload; so much of the oldest history may be overwritten */
	bool fresh;      /* the flow has only just been made for it: nothing is to be kept */
};

/* Call before the first change, and before the next one after each before_done(). Copies some 700 octets. */
void before_keep(const struct memory *m, uint32_t slot, const struct change *c);
/* All that a decision rests on is written: there is no way back from here. */
static inline void before_done(struct shm *s)
{
	atomic_store_explicit(&s->before.slot, FLOW_NONE, memory_order_release);
}
/* For a successor, before flow_recover(): puts back what was left half done. Nothing in it is trusted. */
void before_restore(struct memory *m);

#endif
