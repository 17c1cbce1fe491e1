/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept beside a policy: who brought it, when and why. The guardian writes it in NNNN.meta and in candidate/meta, last of the
 * files of a policy; `otfwctl history` reads it. No system call, no heap.
 */
#ifndef OTFW_FWD_COMMON_META_H
#define OTFW_FWD_COMMON_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fwd/common/island.h"
#include "rules/policy.h"

#define META_TICKET   64
#define META_NAME     256
#define META_TEXT_MAX 2048
#define META_KEPT     32 /* policies in the history */
#define META_NUMBER   999999u

enum meta_state {
	META_STORED,      /* on its way into force: what is found so was never taken */
	META_TRIAL,       /* waits for `confirm` */
	META_CONFIRMED,   /* was the policy, until another was */
	META_REFUSED,     /* the kernel or an engine did not take it */
	META_TIMED_OUT,   /* not confirmed in time */
	META_GUARDED,     /* taken back by --guard */
	META_REBOOTED,    /* a boot came before `confirm` */
	META_ROLLED_BACK, /* taken back by a person */
	META_STATES
};

struct policy_meta {
	uint32_t number; /* in the history; 0: a candidate */
	uint32_t before; /* the one in force when this came; 0: none known */
	uint8_t digest[POLICY_DIGEST];
	uint32_t uid, login; /* ISLAND_NOBODY: nobody asked, the daemon started with it */
	int64_t at_us;       /* wall clock */
	uint64_t source_sum; /* islands_sum() of the source */
	bool file;           /* loaded from the daemon's policy file, not committed */
	enum meta_state state;
	bool changed; /* in memory: the disk has another state */
	char reason[ISLAND_REASON], ticket[META_TICKET],
		name[META_NAME]; /* name: of the file it was made from */
};

/* "confirmed", "timed-out"; NULL past the last. */
const char *meta_state_name(unsigned state);
/* As text with a checksum. Octets written, 0 when cap is too small (META_TEXT_MAX is not). */
size_t meta_print(const struct policy_meta *m, char *buf, size_t cap);
/* Takes exactly what meta_print() makes. 0 or -1. */
int meta_parse(struct policy_meta *m, const char *text, size_t len);

/* ---- STATE_DIR/commit: which stored policy is the policy ---- */

struct commit_state {
	uint32_t confirmed; /* number; 0: none, the file is the policy */
	bool by_file; /* the confirmed one is what the file was: when the trial ends without `confirm`, the file is the policy again */
	uint32_t trial;           /* number; 0: none */
	uint32_t guard;           /* denials that are too many; 0: no guard */
	bool guarded;             /* 0 is a guard as well */
	int64_t deadline_boot_us; /* trial: CLOCK_BOOTTIME of this boot */
	char boot[ISLAND_BOOT];
};
#define COMMIT_TEXT_MAX 512
size_t commit_state_print(const struct commit_state *s, char *buf, size_t cap);
int commit_state_parse(struct commit_state *s, const char *text, size_t len);

#endif
