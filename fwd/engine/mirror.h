/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `otfw-engine --mirror`: reads copies of safety packets and raises alarms. It has no verdict to give. */
#ifndef OTFW_FWD_ENGINE_MIRROR_H
#define OTFW_FWD_ENGINE_MIRROR_H

#include "fwd/common/mirror.h"

/* Maps FD_SHM. NULL with errno. */
struct mirror_shm *mirror_map(void);
/* Reads copies from FD_QUEUE, an NFLOG socket, until the guardian closes FD_CHANNEL: 0 then, -1 with errno and *what. No heap. */
int mirror_run(struct mirror_shm *shm, const char **what);

#endif
