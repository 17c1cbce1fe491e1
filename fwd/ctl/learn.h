/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl learn: what its two sources, captures and the running firewall, share. */
#ifndef OTFW_FWD_CTL_LEARN_H
#define OTFW_FWD_CTL_LEARN_H

#include "fwd/ctl/ctl.h"
#include "fwd/ctl/learn_fault.h"
#include "rules/cover.h"

struct learning {
	const struct command *cmd;
	struct cover_options options;
	const char *policy;  /* path, or NULL */
	const char *conduit; /* only this one, or NULL */
	const char *source;  /* what is said of it in the file */
	char extra[512];
	/* of the policy */
	char *text;
	size_t text_len;
	struct loaded loaded;
	struct cover *cover;
	struct learn_faults faults; /* beside the shapes */
};

/* Reads and compiles the policy. False after having said why; status in loaded. */
bool learning_open(struct learning *l);
/* The same of a text that is no file. */
bool learning_open_text(struct learning *l, char *text, size_t len);
/* Prints the policy with what it should allow besides. Returns the exit status. */
int learning_print(struct learning *l);
void learning_close(struct learning *l);

/* learn_live.c: asks the running firewall. */
int learn_propose(const struct command *cmd, int argc, char **argv);
/* Options of both. False: not one of them. */
bool learning_option(struct learning *l, int c, bool *bad);
#define LEARNING_OPTIONS                                                                                     \
	{"policy", required_argument, NULL, OPT_POLICY}, {"conduit", required_argument, NULL, OPT_CONDUIT},  \
		{"gap", required_argument, NULL, OPT_GAP}, {"days", required_argument, NULL, OPT_DAYS},      \
		{"include", required_argument, NULL, OPT_INCLUDE},                                           \
		{"owner", required_argument, NULL, OPT_OWNER},                                               \
		{"ticket", required_argument, NULL, OPT_TICKET},                                             \
	{                                                                                                    \
		"review", required_argument, NULL, OPT_REVIEW                                                \
	}

#endif
