/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first policy of a site. */
#ifndef OTFW_RULES_INIT_H
#define OTFW_RULES_INIT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes a policy that passes and records everything, so that putting otfw in cuts nothing: one zone that holds every
 * address, one conduit in learn mode with every protocol of this build and without a rule: learning takes every port of TCP and UDP, and
 * ICMP, and records what it does not know as such. Other protocols of IP are dropped, which the text says. For a router, the networks of both interfaces are proposed as zones, in comments. 0, or -1 with errno: a name that can be
 * no interface (EINVAL), or a fault of the stream.
 */
int init_policy(bool bridge, const char *interface1, const char *interface2, FILE *out);

#endif
