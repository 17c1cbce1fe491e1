/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfw-recorder: writes events down and answers questions. It only reads what engines share; nothing it does, and
 * nothing that happens to it, changes a verdict.
 */
#ifndef OTFW_FWD_RECORDER_RECORDER_H
#define OTFW_FWD_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fwd/common/jsonl.h"
#include "fwd/common/mirror.h"
#include "fwd/common/msg.h"
#include "fwd/common/overlay.h"
#include "fwd/common/shm.h"
#include "fwd/recorder/asset.h"
#include "fwd/recorder/differ.h"
#include "fwd/recorder/learn.h"
#include "fwd/recorder/modes.h"
#include "fwd/recorder/why.h"

#define RECORDER_TICK_MS 20
#define QUEUES_MAX       64
#define IMAGES_MAX       4 /* generations whose names are still known: events of older ones have numbers only */
#define CLIENTS_MAX      16
#define REQUEST_MAX      4096
#define LOG_BUFFER       (1u << 20)

/* ---- log.c: lines to a file or a pipe, never waiting for it ---- */

struct log {
	int fd;
	bool regular;       /* a file: writes do not wait for a reader */
	size_t len;         /* of buf: what could not be written yet, beginning within a line maybe */
	uint64_t lines;     /* taken */
	uint64_t lost;      /* lines for which there was no room */
	uint64_t lost_told; /* of them, said in the log itself */
	uint64_t errors;    /* writes that failed */
	int last_errno;     /* of the last failed write; 0 since one succeeded */
	char buf[LOG_BUFFER];
};

/* fd stays the caller's. */
void log_open(struct log *l, int fd);
/* Takes a whole line, newline included. */
void log_line(struct log *l, const char *line, size_t len);
/* Writes what it can without waiting. */
void log_flush(struct log *l);

/* ---- rings.c: what engines and the guardian have to say ---- */

struct reader {
	struct ring *ring;
	uint64_t tail, lost, lost_told;
	uint64_t waited; /* seq of the event that was left in it for a turn; 0: none was */
};
struct queue {
	uint16_t num;
	struct shm *shm; /* mapped read-only; NULL: slot unused */
	dev_t dev;
	ino_t ino;
	struct reader engine, guardian;
	struct learn_reader learn;
	uint64_t differ_to; /* how far the engine's ring had been read when its differences were written */
	struct asset_reader assets;
};
struct image_kept {
	uint32_t generation;
	int fd; /* sealed */
	void *mem;
	size_t size;
	struct policy policy;
};

/* ---- ledger.c: the account of what was forwarded ---- */

#define LEDGER_FLOWS  256  /* of the safety lane; more are not shown */
#define LEDGER_LANES  1024 /* rules of the kernel lane */
#define LEDGER_ZONES  128
#define LEDGER_QUEUES 64
#define LEDGER_NAME   64

/* Where a packet's way through the forward chain ended (rules/plan_ledger.c), if it was not dropped there. */
enum ledger_way { WAY_SAFETY, WAY_KERNEL, WAY_OVERRIDE, WAY_QUEUE, WAYS };
/* Who let a packet go that had waited in a queue. */
enum ledger_out { OUT_INSPECTED, OUT_RELEASED, OUT_PASSED, OUT_UNSEEN, OUT_RESET, OUTS };
/* Why the kernel dropped one. */
enum ledger_drop { DROP_RESET, DROP_INVALID, DROP_ISOLATED, DROP_UNLISTED, DROPS };

/* Two readings of each counter, on both sides of everything that is read once. cut: isolated on the way out, having gone that way. */
struct ledger_zone {
	char name[LEDGER_NAME];
	uint64_t way[2][WAYS], cut[2][WAYS], out[2][OUTS], drop[2][DROPS];
};
struct ledger_queue {
	uint16_t num;
	uint64_t waiting, full, refused, ids;
	uint64_t denied[2], settled[2], suspects[2]; /* dropped: by the engine, by the guardian */
	uint64_t released;                           /* let go by the guardian when an engine had died */
};
/* A flow of the safety lane ("sis-peer/0"); queued: since the ruleset was last filled. */
struct ledger_flow {
	char name[2 * LEDGER_NAME];
	uint64_t in[2], out[2], queued;
};
/* A rule of the kernel lane ("historian/store", as the kernel's tools print it): packets since the ruleset was last filled. */
struct ledger_lane {
	char name[2 * LEDGER_NAME];
	uint64_t packets;
};
struct ledger {
	bool good;           /* it was read */
	uint64_t entered[2]; /* the forward chain, whatever became of it */
	struct ledger_flow flows[LEDGER_FLOWS];
	unsigned nflows;
	struct ledger_lane lanes[LEDGER_LANES];
	unsigned nlanes;
	struct ledger_zone zones[LEDGER_ZONES];
	unsigned nzones;
	struct ledger_queue queues[LEDGER_QUEUES];
	unsigned nqueues;
};
struct ledger_balance {
	int64_t unaccounted; /* packets that came in and are in no book (or, below 0, the other way round) */
	uint64_t moving;     /* packets that moved while it was read: as far it may be off unseen */
	int64_t before;      /* lost before the first reading of this run */
};

/* ---- tracking.c: how full the kernel's connection tracking is ---- */

struct tracking {
	int count_fd, limit_fd, stat_fd;  /* -1: this kernel has none */
	bool known, begun, near;          /* near: the alarm is on */
	uint64_t entries, limit, dropped; /* dropped: packets, since the network namespace began */
	uint64_t dropped_told;
	int64_t looked_us, told_us;
};

/* ---- unseen.c: what no engine sees, beside a candidate ---- */

#define UNSEEN_KNOWN    8192u       /* places for sessions that differ; three of four are used */
#define UNSEEN_PASS     (64l << 20) /* octets of connection tracking in one pass */
#define UNSEEN_COUNTERS (LEDGER_FLOWS + LEDGER_ZONES)

struct unseen_known {
	uint64_t ident; /* 0: free */
	uint32_t pass;  /* that found it last */
};
struct unseen_counter {
	char what[16], name[2 * LEDGER_NAME];
	uint64_t packets;
};
struct unseen_counters {
	struct unseen_counter list[UNSEEN_COUNTERS];
	unsigned n;
};
struct unseen {
	int64_t next_us; /* a pass begins, or is on its way */
	int64_t at;      /* of the file */
	size_t have;     /* of part: the beginning of a line */
	char part[8192];
	uint32_t pass;
	uint64_t passes, missed;
	bool resumed; /* the first pass after a restart of ours */
	unsigned nknown;
	struct unseen_known known[UNSEEN_KNOWN];
	bool wanted, asked,
		based; /* counters as they stood when the candidate came: to be read, asked for, here */
	bool read;     /* the last reading was good */
	struct unseen_counters base, now;
};

struct audit_book; /* audit.c */
struct use_book;   /* use.c */

struct recorder {
	struct log log;
	struct use_book *use;     /* NULL: not opened */
	struct audit_book *audit; /* NULL: not opened */
	struct tracking tracking;
	struct why why;
	struct learn_db learn;
	struct asset_db assets;
	struct queue queues[QUEUES_MAX];
	unsigned nqueues;
	struct mirror_shm *mirror; /* mapped read-only; NULL: none */
	struct reader mirror_events;
	struct image_kept images[IMAGES_MAX];
	unsigned nimages;            /* newest first */
	struct image_kept candidate; /* mem NULL: there is none */
	struct image_kept change
		[2]; /* the policies before and after the newest change, what is lent left out where that has not changed */
	struct differ differ; /* what it would change */
	struct unseen unseen;
	bool candidate_told; /* whether there is one */
	struct msg_policy_state policy_state;
	int track_fd;                        /* connection tracking, -1: not readable */
	const char *policy_file, *state_dir; /* the daemon's, for `status`; NULL: not told */
	struct modes modes;                  /* of conduits, and since when */
	struct ledger ledger, ledger_base;
	uint64_t events;
	struct islands islands; /* as the guardian says */
	struct overlay lent;    /* the same */
	int64_t started_us;
	bool stop;
};

/* Maps a queue's shared memory; takes fd. Errors are said on standard error and leave things as they were. */
void queue_add(struct recorder *r, uint32_t num, int fd);
/* The same for the mirror's memory. */
void mirror_add_memory(struct recorder *r, int fd);
/* Maps an image; takes fd. */
void image_add(struct recorder *r, uint32_t generation, int fd);
/* Maps an image, which it takes. False after having said what is wrong with it. */
bool image_map(struct image_kept *k, uint32_t generation, int fd);
void image_unmap(struct image_kept *k);
const struct policy *image_find(const struct recorder *r, uint32_t generation);
/* The image whose names an event has: the candidate's, where it is about that. */
const struct policy *image_of(const struct recorder *r, const struct event *e);
/* The newest image, or NULL; its sealed memory, or -1. */
const struct policy *image_newest(const struct recorder *r);
int image_newest_fd(const struct recorder *r);
/* Writes down what is in the rings now. True when there was anything. */
bool rings_drain(struct recorder *r);

/* ---- ledger.c ---- */

/* Reads the guardian's text. False, and not good, when it makes no sense. */
bool ledger_parse(struct ledger *l, const char *text);
/* base may be one that was not read. */
void ledger_weigh(const struct ledger *l, const struct ledger *base, struct ledger_balance *out);
/* Takes fd. */
void ledger_take(struct ledger *l, int fd);
/* The answer to {"cmd":"ledger"}, one line. */
void ledger_print(const struct recorder *r, struct jsonl *j);

/* ---- tracking.c ---- */

void tracking_open(struct tracking *t);
/* Now and then, at most once a second: reads, and says what there is to say. */
void tracking_look(struct recorder *r);
/* What is to be said of entries, limit and dropped as they are. */
void tracking_weigh(struct recorder *r, int64_t now_us);
/* The packets that connection tracking dropped, of /proc/net/stat/nf_conntrack. False: it makes no sense. */
bool tracking_parse(const char *text, uint64_t *dropped);
void tracking_status(const struct recorder *r, struct jsonl *j);

/* ---- island.c ---- */

/* Requests about one zone, told by "cmd". Sets m, or returns what is wrong with the request. */
struct json_t;
const char *island_message(const struct json_t *request, uint32_t uid, uint32_t login, struct msg *m);
/* What the guardian tells; takes fd. */
void islands_read(struct recorder *r, int fd);
void islands_status(const struct recorder *r, struct jsonl *j);

/* ---- policies.c ---- */

/* The candidate, or that there is none (fd -1); takes fd. */
void candidate_add(struct recorder *r, uint32_t number, int fd);
/* A request about policies: who asks and why. Sets m, or returns what is wrong with the request. */
struct client;
const char *policy_message(const struct json_t *request, const struct client *cl, enum msg_policy_act act,
			   struct msg *m);
struct control;
void run_candidate(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
void run_promotion(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
void run_differences(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
/* The answer to it: a reading of the ledger has come, or none can be had. */
void differences_answer(struct recorder *r, struct client *cl);
void run_commit(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
/* confirm and rollback */
void run_confirm(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
/* Would the candidate cut sessions? Then the client is told which, and it is true. */
bool sessions_refuse(const struct recorder *r, struct client *cl);
void policies_status(const struct recorder *r, struct jsonl *j);

/* ---- lend.c ---- */

void run_lend(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
/* What the guardian tells; takes fd. */
void lent_read(struct recorder *r, int fd);
void lent_status(const struct recorder *r, struct jsonl *j);

/* ---- status.c ---- */

/* The answer to {"cmd":"status"}, one line. */
void status_print(const struct recorder *r, struct jsonl *j);

/* ---- control.c: the control socket ---- */

struct client {
	int fd;    /* -1: free */
	int fd_in; /* the descriptor that came with the request; -1: none */
	int64_t since_us;
	uint32_t waits;   /* number of the request it waits for; 0: none */
	bool ledger;      /* it is a ledger */
	bool differences; /* beside the ledger's reading it waits for these */
	uint32_t uid,
		login; /* peer credentials; who logged in, where that is another (sudo), else the same */
	size_t in_len;
	char in[REQUEST_MAX];
	char *out; /* malloc'ed answer, or NULL */
	size_t out_len, out_at;
	int out_fd; /* goes with its first octet; -1: none. Whoever keeps it keeps it */
};
struct control {
	int listen; /* -1: no socket */
	int channel;
	uint32_t requests;
	struct client clients[CLIENTS_MAX];
};

/* What clients ask for. Each handler answers, refuses, or passes on; request is an object. NULL name ends. */
struct control_command {
	const char *name;
	void (*run)(struct control *c, struct recorder *r, struct client *cl, const struct json_t *request);
};
extern const struct control_command control_commands[];

/* The one answer of a session; the client is closed when it has read it. The line, or the text of a refusal, is copied. */
void client_answer(struct client *cl, const struct jsonl *j);
void client_refuse(struct client *cl, const char *text);
/* The same with a descriptor beside it; the client gets one of its own. */
void client_answer_fd(struct client *cl, const struct jsonl *j, int fd);
/* An answer whose line fits in JSONL_MAX, to be filled and handed to client_answer(); there is one buffer. */
void answer_open(struct jsonl *j);
/* To the guardian, which answers with MSG_RELOADED; the client waits for that. */
void client_pass_on(struct control *c, struct client *cl, struct msg *m);
/* The same with a descriptor beside it, which stays the caller's; -1: none. */
void client_pass_on_fd(struct control *c, struct client *cl, struct msg *m, int fd);
/* A string of the request that is text without a 0 in it and shorter than cap. False when there is none such. */
bool request_text(const struct json_t *request, const char *key, char *to, size_t cap);

/* Binds path (NULL: no socket). 0, or -1 after having said why. */
int control_open(struct control *c, const char *path, int channel);
void control_close(struct control *c, const char *path);
/* Accepts, reads, answers; never waits. */
void control_work(struct control *c, struct recorder *r);
/* The guardian's answer to a request; takes fd. */
void control_reloaded(struct control *c, const struct msg *m, int fd);

/* Asks the guardian for a reading that nobody waits for: counters of kernel lanes are folded from it (use.h). */
void control_read_lanes(struct control *c);
/* The guardian's reading for request m->arg and older ones; takes fd. */
void control_ledger(struct control *c, struct recorder *r, const struct msg *m, int fd);

int64_t clock_us(void);
/* "otfw-recorder: ..." on standard error. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
