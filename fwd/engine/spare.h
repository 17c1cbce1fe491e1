/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which denials get an event of their own. A client that keeps asking for what it may not, or a flood, must not fill rings and
 * disks: of one flow and reason SPARE_BURST events a second are written, of all flows together SPARE_RATE. What is spared is counted and
 * told within about two seconds, in one event that carries the count. Memory is fixed, the work per event is constant.
 */
#ifndef OTFW_FWD_ENGINE_SPARE_H
#define OTFW_FWD_ENGINE_SPARE_H

#include "fwd/common/shm.h"

#define SPARE_SLOTS     1024u /* flows and reasons watched at a time; a power of two */
#define SPARE_BURST     8u
#define SPARE_RATE      500u /* events a second of all denials, and at once */
#define SPARE_WINDOW_US 1000000
#define SPARE_SWEEP     128u /* slots looked at by one spare_tick() */

/* ring: where events go; counts SHM_EVENTS_SPARED in shm. */
void spare_open(struct shm *shm, struct ring *ring);
/*
 * Writes e into the ring, or counts it. Only denials are ever spared, would-be ones and those of a candidate too; of these the same operation of
 * one flow counts as one kind.
 */
void spare_put(const struct event *e);
/* Tells what was spared and is due. now_us: the clock of events. */
void spare_tick(int64_t now_us);

#endif
