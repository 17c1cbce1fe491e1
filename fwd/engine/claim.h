/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is in control of a station, for conduits with `single-master`: one table an engine, in shared memory that outlives it. What a
 * request means for it the protocol says (enum claim); the holder is a client's address, because one station may speak over
 * several connections.
 *
 * A claim is entered when its request is allowed, before the segment is let go. A segment that is withheld for what else it
 * holds leaves its claim behind: of a client that the policy allows to have it, until it is silent for CLAIM_IDLE_US.
 */
#ifndef OTFW_FWD_ENGINE_CLAIM_H
#define OTFW_FWD_ENGINE_CLAIM_H

#include "fwd/common/shm.h"
#include "fwd/engine/flow.h"

#define CLAIM_IDLE_US (60ll * 1000000)
#define CLAIM_PROBE   8u /* slots looked at */

struct claim_slot {
	uint8_t server[16], client[16];
	int64_t last_us; /* the holder's last sign of life; 0: free */
	uint32_t station;
	uint16_t port;
	uint16_t pad;
};
_Static_assert(sizeof(struct claim_slot) == SHM_CLAIM_SIZE, "a claim does not fit in SHM_CLAIM_SIZE");

/*
 * What a client's request says of control of `station` (or CLAIM_SERVER) at the flow's server: REASON_NONE, ANOTHER_MASTER, or TABLE_FULL.
 * now_us is monotonic and not 0.
 */
enum reason claim_judge(struct shm *shm, const struct flow *f, enum claim claim, uint32_t station,
			int64_t now_us);
/* The same in a table of SHM_CLAIMS of one's own. */
enum reason claim_judge_in(struct claim_slot *slots, const struct flow *f, enum claim claim, uint32_t station,
			   int64_t now_us);

#endif
