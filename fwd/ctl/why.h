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

#endif
