/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guardian keeps of root after its start, for itself and, as the bounding set, for every child that it starts later:
 *
 *   CAP_NET_ADMIN  verdicts, new queues, and the ruleset that iptables or nft loads for it
 *   CAP_NET_RAW    iptables asks for it
 *   CAP_KILL       engines and the recorder run as other users
 *   CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_CHROOT   children give up what they do not need and lock themselves in
 *   CAP_SYS_NICE, CAP_IPC_LOCK   real-time priority and locked memory, which no child inherits
 *   CAP_DAC_READ_SEARCH   a policy may belong to the engineers' group
 *
 * Not kept: loading modules, mounting, tracing, opening devices, changing owners, writing into other users' files.
 */
#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "fwd/guardian/guardian.h"

void caps_limit(void)
{
	static const unsigned keep[] = {CAP_NET_ADMIN, CAP_NET_RAW,        CAP_KILL,       CAP_SETUID,
					CAP_SETGID,    CAP_SETPCAP,        CAP_SYS_CHROOT, CAP_SYS_NICE,
					CAP_IPC_LOCK,  CAP_DAC_READ_SEARCH};

	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		capng_update(CAPNG_ADD,
			     (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET), keep[i]);
	if (capng_apply(CAPNG_SELECT_BOTH) < 0)
		say("warning: capabilities cannot be limited: %s", strerror(errno));
}
