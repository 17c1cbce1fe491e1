/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows that engines died on. The packet is denied and its flow given up; that alone would let a client (or a broken device) kill
 * one engine after the other with new sessions or new datagrams. So deaths are counted by ends: client, server and the server's
 * port. SUSPECT_CRASHES within SUSPECT_WINDOW_US, and nothing new between them passes for SUSPECT_QUARANTINE_US. Sessions between the same
 * ends that no engine died on go on.
 */
#ifndef OTFW_FWD_ENGINE_SUSPECT_H
#define OTFW_FWD_ENGINE_SUSPECT_H

#include "fwd/engine/flow.h"

#define SUSPECT_CRASHES       3u
#define SUSPECT_WINDOW_US     (60ll * 1000000)
#define SUSPECT_QUARANTINE_US (600ll * 1000000)

/*
 * An engine died in a packet of this flow: the flow is dead from here. *ends: client to server. True when its ends are in quarantine from
 * now on and were not before.
 */
bool suspect_book(struct memory *m, uint32_t slot, int64_t now_us, struct tuple *ends);

/* May nothing new pass between the ends of this tuple? */
bool suspect_barred(const struct shm *s, const struct tuple *t, bool from_server, int64_t now_us);

#endif
