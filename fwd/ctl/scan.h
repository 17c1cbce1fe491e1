/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture through the data path, for decode and replay alike: what the engine does to packets, without a kernel. */
#ifndef OTFW_FWD_CTL_SCAN_H
#define OTFW_FWD_CTL_SCAN_H

#include <stdint.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ctl.h"
#include "fwd/engine/verdict.h"

struct scan_port { /* --port PROTO=PORT */
	int proto;
	uint8_t transports;
	uint16_t port;
};
#define SCAN_PORTS 32

struct scan {
	const struct policy *policy; /* NULL: decode only */
	bool in_step;                /* a denial cuts nothing, so that all behind it is judged */
	struct scan_port ports[SCAN_PORTS];
	unsigned nports;
	void (*report)(void *ctx, const struct report *r);
	void *ctx;
	/* Counted while it runs. */
	uint64_t frames, not_ip, truncated;
	int64_t first_us, last_us;         /* of the capture; 0 when it holds no frame */
	uint64_t accepted, dropped, reset; /* packets, by decision */
	const struct shm *shm;             /* counters, valid until scan_close() */
	void *memory;
	struct verdict *verdict;
};

/* Reads "modbus=5020" or "modbus=5020/udp" into s. False after having said what is wrong. */
bool scan_port(const struct command *cmd, struct scan *s, const char *text);

/*
 * Runs every packet of the file through the data path; time is the packets' own. Returns EXIT_DONE, or EXIT_UNABLE after an
 * error: what could be read has been reported by then.
 */
int scan_run(const struct command *cmd, struct scan *s, const char *path);
void scan_close(struct scan *s);

/* One line of output, in a buffer that serves every line. */
extern char scan_line[JSONL_MAX];

/* "FRAME TS SRC -> DST ", as text lines begin. Returns the length. */
size_t scan_print_head(const struct report *r, char *buf, size_t cap);
/* frame, ts, src, sport, dst, dport, transport. */
void scan_json_head(struct jsonl *j, const struct report *r);

#endif
