/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl: one file a command; what they share. */
#ifndef OTFW_FWD_CTL_CTL_H
#define OTFW_FWD_CTL_CTL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/diag.h"
#include "rules/model.h"
#include "rules/policy.h"

/* Exit status: the same for every command. */
#define EXIT_DONE   0
#define EXIT_NO     1 /* the answer is no */
#define EXIT_UNABLE 2 /* it could not run: usage, file, permission */

struct command {
	const char *name;
	const char *usage;                                            /* what follows the name */
	const char *help;                                             /* one line */
	int (*run)(const struct command *cmd, int argc, char **argv); /* argv[0] is the command's name */
};
extern const struct command commands[]; /* ends with name NULL */

int cmd_candidate(const struct command *cmd, int argc, char **argv);
int cmd_assets(const struct command *cmd, int argc, char **argv);
int cmd_audit(const struct command *cmd, int argc, char **argv);
int cmd_check(const struct command *cmd, int argc, char **argv);
int cmd_commit(const struct command *cmd, int argc, char **argv);
int cmd_compile(const struct command *cmd, int argc, char **argv);
int cmd_confirm(const struct command *cmd, int argc, char **argv);
int cmd_decode(const struct command *cmd, int argc, char **argv);
int cmd_diff(const struct command *cmd, int argc, char **argv);
int cmd_evidence(const struct command *cmd, int argc, char **argv);
int cmd_explain(const struct command *cmd, int argc, char **argv);
int cmd_fmt(const struct command *cmd, int argc, char **argv);
int cmd_help(const struct command *cmd, int argc, char **argv);
int cmd_history(const struct command *cmd, int argc, char **argv);
int cmd_isolate(const struct command *cmd, int argc, char **argv);
int cmd_init(const struct command *cmd, int argc, char **argv);
int cmd_learn(const struct command *cmd, int argc, char **argv);
int cmd_ledger(const struct command *cmd, int argc, char **argv);
int cmd_manual(const struct command *cmd, int argc, char **argv);
int cmd_override(const struct command *cmd, int argc, char **argv);
int cmd_release(const struct command *cmd, int argc, char **argv);
int cmd_promote(const struct command *cmd, int argc, char **argv);
int cmd_prooftest(const struct command *cmd, int argc, char **argv);
int cmd_reload(const struct command *cmd, int argc, char **argv);
int cmd_replay(const struct command *cmd, int argc, char **argv);
int cmd_rollback(const struct command *cmd, int argc, char **argv);
int cmd_rules(const struct command *cmd, int argc, char **argv);
int cmd_ruleset(const struct command *cmd, int argc, char **argv);
int cmd_approve(const struct command *cmd, int argc, char **argv);
int cmd_permit(const struct command *cmd, int argc, char **argv);
int cmd_unlock(const struct command *cmd, int argc, char **argv);
int cmd_why(const struct command *cmd, int argc, char **argv);
int cmd_status(const struct command *cmd, int argc, char **argv);

/* "otfwctl COMMAND: ..." on standard error. Returns EXIT_UNABLE, so that a command can return it. */
int ctl_error(const struct command *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, followed by the command's usage line. */
int ctl_usage(const struct command *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Values of long options; one that has a short form too has the letter as its value. */
enum {
	OPT_LONG = 256,
	OPT_AT,
	OPT_BACKEND,
	OPT_BRIDGE,
	OPT_CHECK,
	OPT_CONDUIT,
	OPT_CONFIRM,
	OPT_CONTROL,
	OPT_CUT_SESSIONS,
	OPT_DAYS,
	OPT_DB,
	OPT_END,
	OPT_EVENTS,
	OPT_FAIL_ON_DENY,
	OPT_FAMILY,
	OPT_FOR,
	OPT_FORCE,
	OPT_GAP,
	OPT_HEAD,
	OPT_INCLUDE,
	OPT_GUARD,
	OPT_INCLUDING_SAFETY,
	OPT_IN_STEP,
	OPT_ISOLATE,
	OPT_JSON,
	OPT_LEAVE_FILE,
	OPT_LIBEXEC,
	OPT_MARKDOWN,
	OPT_OTFWD,
	OPT_OUT,
	OPT_OVERLAY,
	OPT_OVERRIDE,
	OPT_OWNER,
	OPT_PART,
	OPT_POLICY,
	OPT_PORT,
	OPT_QUEUE_BASE,
	OPT_QUIET_DAYS,
	OPT_REASON,
	OPT_RECORD_DIR,
	OPT_REVIEW,
	OPT_ROUTED,
	OPT_RUN_DIR,
	OPT_SHADOW_DAYS,
	OPT_SINCE,
	OPT_SOURCE,
	OPT_STATE_DIR,
	OPT_TICKET,
	OPT_WRITE,
	OPT_ZONE,
};

/*
 * getopt_long() with our own words for what is wrong: returns '?' after having said it (unknown option with the nearest
 * name, missing or unexpected argument). -1 at the end.
 */
int ctl_option(const struct command *cmd, int argc, char **argv, const struct option *options);
/* Exactly `want` arguments must be left behind the options. False after having said what is missing or too many. */
bool ctl_arguments(const struct command *cmd, int argc, char **argv, int want);
/* A decimal number lo..hi and nothing else. */
bool ctl_number(const char *text, long lo, long hi, long *out);
#define CONFIRM_MIN_US INT64_C(1000000) /* a trial */
#define CONFIRM_MAX_US (7 * INT64_C(86400000000))
/* A duration in the language of policies, or with "m" for minutes. False after having said what is wrong with that option's. */
bool ctl_duration(const struct command *cmd, const char *option, const char *text, int64_t min_us,
		  int64_t max_us, int64_t *us);
/* --since: 2026-11-20T06:00:00Z, 2026-11-20 (UTC), or how long ago: 8h, 3d. Microseconds; false after having said what is wrong. */
bool ctl_since(const struct command *cmd, const char *text, int64_t *us);
/*
 * A policy from a YAML file or from an image. model is NULL for an image. Errors are said on standard error (a policy that
 * does not hold: as located errors); status then is what the command returns: EXIT_NO for those, EXIT_UNABLE else.
 */
struct loaded {
	struct policy policy;
	struct model *model;
	uint8_t *bytes; /* the image */
	size_t size;
	int status;
};
bool loaded_open(const struct command *cmd, const char *path, struct loaded *out);
/* The same, with located errors and warnings left in diag for the caller to print. Close out in either case. */
bool loaded_from(const struct command *cmd, const char *path, struct diag *diag, struct loaded *out);
void loaded_close(struct loaded *l);
/* The texts that loaded_from() has read (rules/source.h), of size 0 when it was an image. NULL with errno; free() it. */
char *source_make(const struct diag *diag, size_t *size);

/* Reads a whole file. NULL with errno. The text is followed by a 0 that size does not count; free() it. */
uint8_t *file_read(const char *path, size_t *size);
/*
 * Writes a file as a whole or not at all: beside it first, then renamed. One that is there keeps its mode and owner, and a link stays one to it. 0, or -1
 * with errno.
 */
int file_replace(const char *path, const void *bytes, size_t size);
/* Wall clock, microseconds. */
int64_t ctl_now(void);

#endif
