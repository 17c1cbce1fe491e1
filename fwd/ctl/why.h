/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A denial that the running firewall has kept. */
#ifndef OTFW_FWD_CTL_WHY_H
#define OTFW_FWD_CTL_WHY_H

#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

/*
 * {"id", "first", "last", "times", "event"}, or NULL after having said why. *known: policy is the one in force, to be closed.
 */
json_t *why_ask(const struct command *cmd, const struct ask *a, const char *id, struct loaded *policy,
		bool *known);
/* What the event was about, as `otfwctl explain` reads it, by addresses. False for what no rule can allow: an answer, bytes that are no PDU. */
bool why_line(const json_t *event, char *line, size_t cap);

/*
 * A rule on one line that allows what the line says and no more, for the `allow` of its conduit; malloc'ed, NULL where no rule can. ticket may be
 * NULL; *conduit is its name, the policy's own.
 */
char *why_rule(const struct policy *p, const char *line, const char *id, const char *reason,
	       const char *ticket, const char **conduit);

#endif
