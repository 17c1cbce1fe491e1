/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed, by whom and why: a chain of records (fwd/common/chain.h) in audit.db, each on the disk before whoever asked has an answer. Each
 * is in the event log too, with its number and digest, and its digest in the system's journal, so that a chain that was cut off or made anew shows.
 */
#ifndef OTFW_FWD_RECORDER_AUDIT_H
#define OTFW_FWD_RECORDER_AUDIT_H

#include <stdint.h>

#include "fwd/recorder/recorder.h"

#define AUDIT_ITSELF  UINT32_MAX /* uid: nobody asked, a time was over */
#define AUDIT_WAITING 64 /* records kept while the disk does not take them; more are lost, and counted */
#define AUDIT_DIFF    (32u << 10)

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
	const char *
		diff; /* as `otfwctl diff` says it, lines; what is beyond AUDIT_DIFF octets is cut off, and it says so */
};
void audit_add(struct recorder *r, const struct audit_entry *e);

void audit_open(struct recorder *r);
/* Writes what still waits, if it can. */
void audit_close(struct recorder *r);
/*
 * An EVENT_AUDIT of a guardian's ring becomes a record, once however often the ring is read. line: the event as a line of the log, newline included; it
 * is written with the record's number. False: it is a record already, and the line is the caller's to write. audit_settle() ends a turn.
 */
bool audit_event(struct recorder *r, const struct event *e, uint64_t epoch, const char *line, size_t len);
void audit_settle(struct recorder *r);
/* Member "audit" of status. */
void audit_status(const struct recorder *r, struct jsonl *j);
/* Members of an answer: "records" from number `from` on as [number, text, digest], "next" (null: no more), and the head as it is known here. */
void audit_print(struct recorder *r, int64_t from, struct jsonl *j);

#endif
