/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports become events in the ring. Only what somebody wants to read: denials, would-be denials, what passed uninspected,
 * late answers. A flood of denials is thinned out. Segments without a PDU of one flow and one reason that follow each other are one event with a count.
 */
#ifndef OTFW_FWD_ENGINE_LIVE_H
#define OTFW_FWD_ENGINE_LIVE_H

#include "fwd/engine/verdict.h"

void live_open(struct shm *shm);
void live_generation(uint32_t generation);
void live_event(const struct report *r);
/* The verdict on packet id came too late: the guardian had let it go uninspected. */
/* Nothing new passes between these ends (client to server): engines died on packets of theirs. */
void live_quarantine(const struct tuple *ends, uint32_t flow, const struct verdict_time *now);
void live_late(uint32_t id, const struct verdict_time *now);
/* Writes what is due: the event that still counts, and what was spared (fwd/engine/spare.h). */
void live_tick(const struct verdict_time *now);
/* Writes an event that still counts. */
void live_flush(void);

#endif
