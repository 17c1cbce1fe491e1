/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was changed, by whom and why. */
#ifndef OTFW_FWD_RECORDER_AUDIT_H
#define OTFW_FWD_RECORDER_AUDIT_H

#include <stdint.h>

#include "fwd/recorder/recorder.h"

#define AUDIT_ITSELF UINT32_MAX /* uid: nobody asked, a time was over */

/* One change or privileged action, or the attempt. Strings may be NULL. */
struct audit_entry {
	const char *action;  /* "commit", "unlock": one word, as the command is called */
	uint32_t uid, login; /* as in struct client; AUDIT_ITSELF */
	bool refused;
	const char *
		object; /* what it was done to: a zone, "conduit/id", a conduit; NULL: the policy as a whole */
	const char *reason, *ticket;
	const char *detail;            /* what came of it, one sentence */
	const uint8_t *before, *after; /* digests of policies; NULL: not concerned */
	const char *diff;              /* as `otfwctl diff` says it, lines */
};
void audit_add(struct recorder *r, const struct audit_entry *e);

#endif
