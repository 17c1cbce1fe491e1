/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTFW_FWD_RECORDER_SESSIONS_H
#define OTFW_FWD_RECORDER_SESSIONS_H

#include <stdio.h>

#include "fwd/recorder/recorder.h"

struct sessions {
	FILE *out; /* one line each, up to a number */
	unsigned n;
};
/* Of an engine's flow table: those that `next` denies, or reads otherwise, or cannot follow because their opening was not seen. */
void sessions_flows(struct sessions *s, const struct shm *shm, const struct policy *next, int64_t now_us);
/* Of the kernel's connection tracking (fd, -1: not readable): those of kernel lanes that `next` does not leave there. */
void sessions_tracked(struct sessions *s, int fd, const struct policy *now, const struct policy *next);
/* One line of /proc/net/nf_conntrack; false where it is neither TCP, UDP nor ICMP. ICMP: dport is the type. */
bool sessions_tuple(char *line, struct tuple *t);
/* The same; false where it is no TCP or UDP session that is up. */
bool sessions_parse(char *line, struct tuple *t);

#endif
