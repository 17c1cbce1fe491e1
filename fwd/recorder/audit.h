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

/* What a change of policy changed, as `otfwctl diff` says it: counts of lines, and as many of them as there is room for. */
#define CHANGE_TEXT    (32u << 10)
#define CHANGE_WAIT_MS 2000 /* a comparison that takes longer is given up, and the record says so */
struct change_text {
	uint32_t allowed, denied,
		changed;   /* lines of what becomes allowed, of what becomes denied, of settings */
	uint32_t left_out; /* lines of these that text has no room for */
	uint32_t len;
	char text[CHANGE_TEXT];
};

/* One change or privileged action, or the attempt. Strings may be NULL. */
struct audit_entry {
	const char *action;  /* "commit", "unlock": one word, as the command is called */
	uint32_t uid, login; /* as in struct client; AUDIT_ITSELF */
	bool refused;
	const char *
		object; /* what it was done to: a zone, "conduit/id", a conduit; NULL: the policy as a whole */
	const char *reason, *ticket;
	const char *detail;               /* what came of it, one sentence */
	const uint8_t *before, *after;    /* digests of policies; NULL: not concerned */
	const struct change_text *change; /* NULL: not known, or nothing has changed */
	const char *change_why;           /* not known: why */
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
/* Can the images of this change still come? Then it is read once more, with the next turn. */
bool audit_early(const struct recorder *r, const struct event *e);
/* Member "audit" of status. */
void audit_status(const struct recorder *r, struct jsonl *j);
/* Members of an answer: "records" from number `from` on as [number, text, digest], "next" (null: no more), and the head as it is known here. */
void audit_print(struct recorder *r, int64_t from, struct jsonl *j);

/* ---- change.c ---- */

/* MSG_CHANGE: the policy before (0) or after (1) the newest change; takes fd. */
void change_add(struct recorder *r, uint32_t which, int fd);
/* A policy of this digest that is at hand, or NULL. */
const struct policy *change_policy(const struct recorder *r, const uint8_t digest[POLICY_DIGEST]);
/*
 * Compares two policies of those digests, in a process of its own: what comes of it cannot stop whoever writes events. NULL when it is done, else why it
 * cannot be.
 */
const char *change_compare(const struct recorder *r, const uint8_t *before, const uint8_t *after,
			   struct change_text *out);

#endif
