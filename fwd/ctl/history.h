/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policies that the daemon keeps, as files in its state directory. */
#ifndef OTFW_FWD_CTL_HISTORY_H
#define OTFW_FWD_CTL_HISTORY_H

#include "fwd/common/meta.h"
#include "fwd/ctl/ask.h"

#define HISTORY_MAX (META_KEPT + 8)

struct history {
	char *dir; /* the state directory */
	struct commit_state state;
	uint32_t running;                     /* 0: not known */
	unsigned n, damaged;                  /* damaged: found so, and not in the list */
	struct policy_meta list[HISTORY_MAX]; /* oldest first */
};

/* Where it is: state_dir, or NULL: the running firewall says it. False after having said why not. */
bool history_open(const struct command *cmd, const struct ask *a, const char *state_dir, struct history *h);
void history_close(struct history *h);
/* Reads the list. False after having said why not. */
bool history_list(const struct command *cmd, struct history *h);
/* One of them as a line of JSON, newline included. Its octets. */
#define HISTORY_LINE 4096
size_t history_line(const struct history *h, const struct policy_meta *m, char *line, size_t cap);
/*
 * The path of an image that "7", "running" or "candidate" means; any other name is a path already. malloc'ed; NULL after having said why.
 */
char *history_image(const struct command *cmd, const struct ask *a, const char *state_dir, const char *name);

#endif
