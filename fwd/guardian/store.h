/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files in the state directory, written and read by a process of its own: a disk may take seconds, and the guardian does not wait. A file
 * is written aside, synced and renamed, in the order given; directories are synced at the end.
 *
 *   candidate/{source,image,meta}     the candidate
 *   policies/NNNNNN.{source,image,meta}   the history
 *   commit                            which of it is the policy (fwd/common/meta.h)
 *
 * A policy's meta comes last and has the sums of the others: without it, or where they disagree, there is no such policy.
 */
#ifndef OTFW_FWD_GUARDIAN_STORE_H
#define OTFW_FWD_GUARDIAN_STORE_H

#include "fwd/common/meta.h"
#include "fwd/guardian/guardian.h"

#define STORE_NAME 48
#define STORE_TEXT META_TEXT_MAX
#define STORE_OPS  16

/* One file: written from fd (a memfd) or from text, or removed, which is no error where it is not there. */
struct store_op {
	char name[STORE_NAME]; /* from the state directory */
	int fd;                /* -1: text */
	char text[STORE_TEXT];
	size_t len;
	bool remove;
};
struct store_list {
	unsigned n;
	struct store_op op[STORE_OPS];
};

void store_remove(struct store_list *l, const char *name);
void store_text(struct store_list *l, const char *name, const char *text, size_t len);
/* All of a memfd; -1: an empty file. */
void store_fd(struct store_list *l, const char *name, int fd);
/* The three files of a policy under prefix ("candidate/", "policies/000007."), or their removal. */
void store_policy(struct store_list *l, const char *prefix, const struct policy_meta *meta, int image,
		  int source);
void store_policy_remove(struct store_list *l, const char *prefix);
void store_prefix(uint32_t number, char out[STORE_NAME]);

/* Starts the writing. False with errno. */
bool store_start(struct guardian *g, struct store_job *j, const struct store_list *l);
/* Starts reading a policy's files into three memfds of j. False with errno. */
bool store_fetch(struct guardian *g, struct store_job *j, const char *prefix);
/* Has it ended? Then *err is 0 or an errno. What was fetched stays in j until store_taken(). */
bool store_done(struct store_job *j, int *err);
/* islands_sum() of a memfd; 0 where it is empty or -1. */
uint64_t store_sum(int fd);
/* Waits for it, for as long as a start may take. 0 or an errno. */
int store_wait(struct store_job *j);
/*
 * Checks what was fetched and maps it. source: the memfd, the caller's from here; it is good also where only the image is not. 0, 1: the image
 * alone is bad (of another version, say), -1: nothing is good. The reason in err.
 */
int store_taken(struct store_job *j, struct image_mem *img, int *source, struct policy_meta *meta, char *err,
		size_t cap);

#endif
