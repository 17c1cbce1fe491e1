/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine gives up before it reads a byte from the network. In stages, because each takes away what an earlier one
 * needs: an empty root, capabilities but CAP_NET_ADMIN (a verdict needs it when it is sent), the system calls.
 */
#ifndef OTFW_FWD_ENGINE_SANDBOX_H
#define OTFW_FWD_ENGINE_SANDBOX_H

#include <stdbool.h>

/*
 * No files: a mount namespace with an empty root; where that is not permitted, a chroot into a directory without names; where that
 * is not either, Landlock without a rule. Returns 0, or -1 when the kernel offered none of them (the system calls of the last stage still
 * know no path).
 */
int sandbox_root(void);

/* No privilege but CAP_NET_ADMIN, and that only for verdicts; none to be had, no new executable, no core dump. 0, or -1 with errno. */
int sandbox_privileges(bool verdicts);

/* Only the system calls of the loop; any other ends the process. 0, or -1 with errno. */
int sandbox_calls(void);

#endif
