/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What no engine sees, held against the candidate. Sessions that the kernel's lane lets through stand in connection tracking: while there is a candidate it is read from
 * time to time, a part at each turn, and a session that the candidate would deny, report or have inspected becomes a difference (differ.h). The safety lane is not tracked,
 * and what is dropped as unlisted leaves nothing behind: of both there are only the kernel's counters, as they stood when the candidate came and as they stand now.
 */
#ifndef OTFW_FWD_RECORDER_UNSEEN_H
#define OTFW_FWD_RECORDER_UNSEEN_H

#include "fwd/recorder/recorder.h"

#define UNSEEN_EVERY_US                                                                                      \
	INT64_C(3000000) /* between two passes; entries of sessions that have ended stay for 10 s at least */
#define UNSEEN_TURN (64u << 10) /* octets of connection tracking at a turn, */
#define UNSEEN_TURN_US                                                                                       \
	2000 /* and how long it may take: older kernels look for the place from the beginning at each read */

/* Another candidate, or none; same: the one that there was before. */
void unseen_begin(struct recorder *r, bool same);
/* A turn of a pass, when it is time. */
void unseen_look(struct recorder *r);
/* Should the ledger be read for what it says now? Says so once. */
bool unseen_due(struct recorder *r);
/* A reading of the ledger has come. */
void unseen_ledger(struct recorder *r);
/* One line of connection tracking; true where it is a difference. Cuts up the line. */
bool unseen_line(struct recorder *r, char *line, int64_t now_us);
/*
 * Member "kernel" of an answer: "tracking" (can it be read), "passes", "missed" (sessions for whose number there was no room), "counters" since the candidate
 * came: "what" ("safety", of a conduit, or "unlisted", of a zone), "name", "packets"; null when the ledger could not be read.
 */
void unseen_print(const struct recorder *r, struct jsonl *j);

#endif
