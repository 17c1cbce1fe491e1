/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection tracking has a table of its own in the kernel. When it is full, the kernel drops what would open a session, in any zone,
 * ahead of every rule and of the ledger: so there is an alarm before, and one with the number when it happens.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

#define LOOK_US     1000000
#define DROPS_US    10000000 /* between two alarms about drops */
#define NEAR        80u      /* per cent: the alarm */
#define FAR         70u      /* and its end */
#define STAT_TEXT   65536
#define COLUMNS_MAX 32

void tracking_open(struct tracking *t)
{
	*t = (struct tracking){
		.count_fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC),
		.limit_fd = open("/proc/sys/net/netfilter/nf_conntrack_max", O_RDONLY | O_CLOEXEC),
		.stat_fd = open("/proc/net/stat/nf_conntrack", O_RDONLY | O_CLOEXEC)};
}

static bool read_number(int fd, uint64_t *out)
{
	char text[32];
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;

	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%" SCNu64, out) == 1;
}

/* A line of names, then a line of hexadecimal numbers for each processor. */
bool tracking_parse(const char *text, uint64_t *dropped)
{
	unsigned column = 0, at = 0;
	const char *p = text;
	char name[32] = "";
	int n;

	*dropped = 0;
	while (sscanf(p, " %31[a-z_]%n", name, &n) == 1 && strcmp(name, "drop") != 0 &&
	       column < COLUMNS_MAX) {
		column++;
		p += n;
	}
	p = strchr(text, '\n');
	if (column == COLUMNS_MAX || !p || strcmp(name, "drop") != 0)
		return false;
	while (*p) {
		uint32_t value;

		if (*p == '\n') {
			at = 0;
			p++;
			continue;
		}
		if (sscanf(p, " %" SCNx32 "%n", &value, &n) != 1)
			return *(p + strspn(p, " \n")) == '\0';
		if (at++ == column)
			*dropped += value;
		p += n + (int)strspn(p + n, " ");
	}
	return true;
}

static void read_dropped(struct tracking *t)
{
	static char text[STAT_TEXT];
	size_t len = 0;
	ssize_t n;

	while (t->stat_fd >= 0 && len < sizeof(text) - 1 &&
	       (n = pread(t->stat_fd, text + len, sizeof(text) - 1 - len, (off_t)len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (len > 0)
		(void)tracking_parse(text, &t->dropped);
}

static void say(struct recorder *r, const char *event, const char *detail, uint64_t count)
{
	const struct tracking *t = &r->tracking;
	struct jsonl j;
	char text[512];

	jsonl_open(&j, text, sizeof(text));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", clock_us());
	jsonl_str(&j, "event", event);
	jsonl_str(&j, "detail", detail);
	jsonl_uint(&j, "count", count);
	jsonl_uint(&j, "entries", t->entries);
	jsonl_uint(&j, "limit", t->limit);
	jsonl_str(&j, "source", "recorder");
	jsonl_object_end(&j);
	jsonl_line(&j);
	log_line(&r->log, text, j.len);
}

void tracking_weigh(struct recorder *r, int64_t now_us)
{
	struct tracking *t = &r->tracking;
	char detail[160];

	if (!t->near && t->entries * 100 >= t->limit * NEAR) {
		t->near = true;
		snprintf(detail, sizeof(detail),
			 "connection tracking is %" PRIu64
			 " %% full: when it is full, no session opens in any zone",
			 t->entries * 100 / t->limit);
		say(r, "alert", detail, 1);
	} else if (t->near && t->entries * 100 < t->limit * FAR) {
		t->near = false;
		say(r, "state", "connection tracking has room again", 1);
	}
	if (t->dropped < t->dropped_told) /* a new count */
		t->dropped_told = t->dropped;
	if (t->dropped > t->dropped_told && now_us - t->told_us >= DROPS_US) {
		say(r, "alert", "connection tracking dropped packets: it is full, or cannot take them",
		    t->dropped - t->dropped_told);
		t->dropped_told = t->dropped;
		t->told_us = now_us;
	}
}

void tracking_look(struct recorder *r)
{
	struct tracking *t = &r->tracking;
	int64_t now = clock_us();

	/* The wall clock may be set back. */
	if (now < t->looked_us)
		t->looked_us = t->told_us = 0;
	if (now - t->looked_us < LOOK_US)
		return;
	t->known =
		read_number(t->count_fd, &t->entries) && read_number(t->limit_fd, &t->limit) && t->limit > 0;
	if (!t->known)
		return;
	read_dropped(t);
	/* What was dropped before anybody looked is not news. */
	if (t->looked_us == 0 && !t->begun)
		t->dropped_told = t->dropped;
	t->begun = true;
	t->looked_us = now;
	tracking_weigh(r, now);
}

void tracking_status(const struct recorder *r, struct jsonl *j)
{
	const struct tracking *t = &r->tracking;

	if (!t->known) {
		jsonl_null(j, "connection-tracking");
		return;
	}
	jsonl_object(j, "connection-tracking");
	jsonl_uint(j, "entries", t->entries);
	jsonl_uint(j, "limit", t->limit);
	jsonl_bool(j, "near-full", t->near);
	jsonl_uint(j, "tracking-dropped", t->dropped);
	jsonl_object_end(j);
}
