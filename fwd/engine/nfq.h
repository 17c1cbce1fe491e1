/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live queue: messages in, verdicts out, policies over the channel, events into the ring. */
#ifndef OTFW_FWD_ENGINE_NFQ_H
#define OTFW_FWD_ENGINE_NFQ_H

#include <stdbool.h>

#include "fwd/common/shm.h"

/* How long a read waits on an idle queue before it looks at the channel again; nfq_prepare() sets it on the socket. */
/* Less than the guardian waits for a sign of life. */
#define NFQ_IDLE_US 50000

/* Readies FD_QUEUE. 0, or -1 with errno. Before the sandbox closes. */
int nfq_prepare(void);

/*
 * Waits for the first policy, then reads FD_QUEUE until the guardian closes FD_CHANNEL: 0 then, -1 with errno and *what
 * when the queue or an image cannot be read. Uses no heap.
 */
int nfq_run(struct shm *shm, const char **what);

#endif
