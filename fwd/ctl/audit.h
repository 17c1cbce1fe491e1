/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit chain, read record by record: from the running firewall, or from a file. */
#ifndef OTFW_FWD_CTL_AUDIT_H
#define OTFW_FWD_CTL_AUDIT_H

#include "fwd/common/chain.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

/* Is given each record in its order; digest has digest_len octets, CHAIN_DIGEST where all is well. */
typedef void audit_take(void *ctx, int64_t n, const char *text, size_t len, const void *digest,
			size_t digest_len);

/* What the recorder itself knows of the chain. */
struct audit_head {
	int64_t n;
	uint8_t digest[CHAIN_DIGEST];
	bool known;
	long long waiting, lost;
};

/* False after having said why it cannot be read. */
bool audit_read_live(const struct command *cmd, const struct ask *a, audit_take *take, void *ctx,
		     struct audit_head *head);
bool audit_read_file(const struct command *cmd, const char *path, audit_take *take, void *ctx);

/* audit_show.c: a record for people, in a line, or whole. */
void audit_show_line(const json_t *record);
void audit_show_whole(const json_t *record);

/* What verifying found. */
#define AUDIT_FINDINGS 16
struct audit_found {
	int64_t records; /* seen */
	uint8_t head[CHAIN_DIGEST];
	char why[AUDIT_FINDINGS][CHAIN_WHY];
	unsigned n, more; /* findings; beyond AUDIT_FINDINGS they are only counted */
};
/* Digests noted elsewhere: the record's number (0: not known) and its digest. */
struct audit_note {
	int64_t n;
	uint8_t digest[CHAIN_DIGEST];
	const char *from; /* who noted it, for the sentence: "the event log" */
	bool seen;
};

struct audit_notes {
	struct audit_note *v;
	size_t n, cap;
};
/* Of an event log's lines. False after having said why not. */
bool audit_notes_events(const struct command *cmd, struct audit_notes *s, const char *path);

struct audit_check {
	struct chain chain;
	struct audit_found *found;
	struct audit_note *notes; /* sorted by audit_check_begin() */
	size_t nnotes;
};
void audit_check_begin(struct audit_check *c, struct audit_found *found, struct audit_note *notes,
		       size_t nnotes);
audit_take audit_check_take;
/* The recorder knows its head from when it wrote it: what is read must go as far. */
void audit_check_head(struct audit_check *c, const struct audit_head *head);
/* After the last record: what is noted of records that are not there. */
void audit_check_end(struct audit_check *c);

#endif
