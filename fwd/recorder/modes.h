/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long each conduit has been in its mode, and what enforcing would have denied in it since: what a conduit's promotion from learn to shadow to enforce
 * asks. By the conduit's name, in memory and in modes.db; without a database since the recorder's start.
 */
#ifndef OTFW_FWD_RECORDER_MODES_H
#define OTFW_FWD_RECORDER_MODES_H

#include "fwd/common/jsonl.h"
#include "fwd/recorder/db.h"

struct mode_entry {
	char *name;
	uint32_t mode; /* enum policy_mode */
	int64_t since_us;
	uint64_t denials; /* would-be ones since then */
	int64_t last_us;  /* the newest; 0: none */
	bool dirty;
};
struct modes {
	struct db db;
	sqlite3_stmt *put;
	struct mode_entry *list;
	unsigned n;
	int64_t written_us;
	bool dirty;
};

void modes_open(struct modes *m);
void modes_close(struct modes *m);
/* The policy in force: conduits that have another mode than before begin anew, those that it does not have are forgotten. */
void modes_policy(struct modes *m, const struct policy *p, int64_t now_us);
/* An event of the policy in force. */
void modes_note(struct modes *m, const struct event *e, const struct policy *p);
/* Writes what has changed, once a second at most. */
void modes_flush(struct modes *m, int64_t now_us);
/* Members about a conduit: mode, since, would-be-denials, last-denial, kept (across restarts). False: it is not in the policy in force. */
bool modes_print(const struct modes *m, const char *name, struct jsonl *j);

#endif
