/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guardian: starts and restarts what inspects and what records, and owns what must outlive them: queue sockets, shared
 * memory, the sealed image and the ruleset. It sees counters and packet ids, never packet bytes, and no YAML.
 *
 * Memory: everything is in one struct guardian of fixed size. The heap is used by the printing of a ruleset, at start and on
 * reload, and of openings, and by nothing else.
 */
#ifndef OTFW_FWD_GUARDIAN_H
#define OTFW_FWD_GUARDIAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fwd/common/mirror.h"
#include "fwd/common/msg.h"
#include "fwd/common/overlay.h"
#include "fwd/common/shm.h"
#include "rules/plan.h"
#include "rules/plan_opening.h"
#include "rules/policy.h"

#define GUARDIAN_ENGINE_NAME 64
#define GUARDIAN_JOBS        4
#define GUARDIAN_PATH        512
#define GUARDIAN_ACCOUNTS    262144 /* octets of names of accounts, of one family */

/* ---- child.c: a process that was started, and how long to wait before it is started again ---- */

struct child {
	const char *name;
	pid_t pid;            /* 0: not running */
	int pidfd;            /* -1 */
	int64_t started_us;   /* CLOCK_MONOTONIC */
	int64_t start_at_us;  /* not running: when to start it */
	bool kicked;          /* the guardian killed it */
	uint32_t back_off_us; /* grows while it dies young */
	int channel;          /* our end; -1 */
};

struct queue {
	char engine
		[GUARDIAN_ENGINE_NAME]; /* with failure: what makes a queue the same one in the next policy */
	enum failure failure;
	uint16_t num;
	int sock; /* the netlink socket: a queue lives as long as somebody holds it */
	int shm_fd;
	struct shm *shm;
	uint32_t suspects_told; /* of shm->guardian.suspects */
	struct child child;
};

/* ---- mirror.c: who looks at copies of safety packets ---- */

struct mirror {
	int sock; /* NFLOG; -1: no policy has wanted it yet */
	int shm_fd;
	struct mirror_shm *shm; /* NULL: as sock */
	struct child child;
};

/* ---- image.c ---- */

struct image_mem {
	int fd; /* sealed memfd; -1: none */
	void *map;
	size_t size;
	struct policy policy;
	uint32_t generation;
	uint16_t queue_nums[PLAN_QUEUES_MAX]; /* kernel number of policy_queue() i */
};

/* ---- reload.c ---- */

/* How commits may be timed. */
#define COMMIT_MIN_US (1 * INT64_C(1000000))
#define COMMIT_MAX_US (7 * INT64_C(86400000000))

/* LENDING: RELOAD_COMPILING once more, with the overlay. */
enum reload_state { RELOAD_IDLE, RELOAD_COMPILING, RELOAD_LENDING, RELOAD_HANDING, RELOAD_FILLING };

struct reload {
	enum reload_state state;
	bool initial;      /* the first policy: a failure ends the guardian */
	bool rolling_back; /* the kernel refused the new ruleset: the old policy is on its way back */
	bool kicked;       /* engines that did not take the image were killed */
	bool asked;        /* by the recorder, with request number `request` */
	uint32_t request;
	bool given; /* an image of the history or the candidate, not the file */
	bool again; /* asked for while one was running */
	bool again_asked;
	uint32_t again_request;
	pid_t pid; /* compiler or ruleset loader */
	int pidfd;
	int words;           /* memfd: what the compiler said */
	int out;             /* memfd: the image, before it is sealed */
	bool lend;           /* the policy stays, its overlay has changed */
	int source;          /* memfd: the texts of next; -1: there are none */
	int64_t deadline_us; /* RELOAD_COMPILING, RELOAD_HANDING, RELOAD_FILLING */
	struct image_mem next, previous;
	/* The policy proper, where something is lent on top of it; else fd -1. As of next, of previous. */
	struct image_mem proper, previous_proper;
	int previous_source;
	int job, njobs; /* RELOAD_FILLING */
	int job_text[GUARDIAN_JOBS];
};

/* ---- ledger.c ---- */

#define LEDGER_STEPS 8

struct ledger {
	bool running;
	uint32_t request; /* the recorder's; 0: our own first reading */
	uint32_t again;   /* asked for meanwhile; 0: not */
	int step;
	pid_t pid; /* of the tool that prints */
	int pidfd;
	int text; /* memfd: what it prints */
	int base; /* memfd: the first reading; -1: none yet */
	int64_t deadline_us;
};

/* ---- opening.c ---- */

#define OPENINGS_KEPT 1024

struct opened {
	struct plan_opening o;
	uint64_t rule; /* that allowed it, by its names; 0: this place is free */
	int64_t at_us;
};

struct opening {
	pid_t pid; /* of nft, while it takes a batch */
	int pidfd;
	int64_t deadline_us;
	bool unruled; /* the policy is new: what it has no rule for is to be closed */
	bool made;    /* this guardian has handed over the table */
	struct opened list[OPENINGS_KEPT];
};

/* ---- island.c ---- */

#define ISLAND_ASKS  8
#define ISLAND_WORDS 128

struct island_ask {
	uint32_t request, at; /* at: the change that must be done before it is answered */
	bool override;
	char zone[ISLAND_ZONE], words[ISLAND_WORDS];
};
struct island_work {
	struct islands list;
	char boot[ISLAND_BOOT];
	int dir;      /* the state directory; -1: none */
	bool damaged; /* the state file could not be read: the next policy decides */
	/* Changes are counted: the newest, in force, being loaded, in the text of the running reload, on disk, being written. */
	uint32_t want, applied, applying, printed, saved, saving;
	bool filling, keep; /* a reload's tools run; they leave the chains alone */
	/* Sums of the text of PLAN_ISLAND: in force (known: nothing else is), being loaded, in the running reload. */
	bool known;
	uint64_t sum, applying_sum, printed_sum;
	pid_t pid; /* the ruleset loader; 0: none */
	int pidfd, words, job, njobs, job_text[GUARDIAN_JOBS];
	int64_t deadline_us, apply_retry_us;
	pid_t save_pid; /* writes the state file; 0: none */
	int save_pidfd;
	int64_t save_retry_us;
	struct island_ask asks[ISLAND_ASKS];
	unsigned nasks;
};

/* ---- store.c: files in the state directory ---- */

enum store_part { STORE_SOURCE, STORE_IMAGE, STORE_META, STORE_PARTS };
struct store_job {
	pid_t pid; /* of the process that writes or reads; 0: none */
	int pidfd;
	int fetched[STORE_PARTS]; /* memfds with what was read; 0: none */
};

/* ---- candidate.c ---- */

struct candidate_work {
	uint32_t generation; /* of candidates, counted */
	int source;          /* memfd; -1: none */
	struct policy_meta meta;
	struct store_job job;
	/* On its way to the disk. */
	struct image_mem next;
	int next_source;
	struct policy_meta next_meta;
	struct msg_policy ask;
	uint32_t request;
};

/* ---- change.c ---- */

struct change {
	struct image_mem before, after; /* of the newest change of what is in force; fd -1: none */
};

/* ---- overlay.c ---- */

#define OVERLAY_ASKS 8

struct overlay_ask {
	uint32_t request, want, force; /* the changes that must be done before it is answered */
	bool permit, must;             /* must: it is to come into force, and is given up if it cannot */
	char name[OVERLAY_NAME], words[ISLAND_WORDS];
};
struct overlay_work {
	struct overlay list;
	/* Changes are counted: all of them, on disk, being written; of what is in force, in the engines, in the running reload. */
	uint32_t want, saved, saving, force, applied, applying;
	struct store_job job;
	int64_t save_retry_us, apply_retry_us;
	struct overlay_ask asks[OVERLAY_ASKS];
	unsigned nasks;
};

/* ---- commit.c ---- */

enum commit_phase {
	COMMIT_IDLE,
	COMMIT_STORING,
	COMMIT_FETCHING,
	COMMIT_WAITING, /* for a reload that runs */
	COMMIT_SWAPPING,
	COMMIT_SAVING
};
enum commit_act { ACT_NONE, ACT_COMMIT, ACT_CONFIRM, ACT_ROLLBACK, ACT_BACK, ACT_FILE, ACT_BOOT };

struct load_answer {
	uint32_t request; /* 0: nobody asked */
	int words;        /* memfd */
	int64_t of;       /* started_us of the recorder that asked */
};
struct commit_work {
	struct policy_meta list[META_KEPT + 1]; /* oldest first; one more than is kept, for a moment */
	unsigned n;
	struct commit_state state;
	uint32_t running;      /* number of the policy in force; 0: not in the history */
	struct image_mem base; /* of state.confirmed, while another is on trial; and its texts, -1: none */
	int base_source;
	enum commit_phase phase;
	enum commit_act act;
	struct store_job job;
	/* What is being done. */
	struct msg_policy ask;
	uint32_t request;
	bool asked;
	int64_t asked_of; /* started_us of the recorder that asked */
	struct msg held; /* a request that waits for what nobody asked for to be written down; type 0: none */
	int64_t held_of;
	uint32_t number;
	uint8_t before[POLICY_DIGEST],
		loaded_before[POLICY_DIGEST]; /* of the policy before; of that before the newest load */
	bool has_before, has_loaded_before;
	struct image_mem next;
	int next_source;
	enum meta_state why; /* ACT_BACK */
	int64_t retry_us;
	bool told;        /* that it cannot be written */
	bool booted_back; /* this boot found a trial that is over: to be written down */
	bool file_loaded; /* to be taken into the history */
	struct load_answer answer_next,
		answer; /* of the newest load of the file; of the one that is being taken in */
	bool starting;  /* that was the daemon's start */
	bool fell_back; /* the start took the file, because what was committed could not be had */
	uint32_t loader_uid, loader_login; /* who asked for the newest load of the file */
	bool loader_force;                 /* also where it takes back a promotion */
	int file_source;
	uint64_t guard_from, guard_denied; /* of SHM_GUARD_DENIED: when the trial began, since */
};

struct guardian {
	/* options */
	char policy[GUARDIAN_PATH], libexec[GUARDIAN_PATH], events[GUARDIAN_PATH], run_dir[GUARDIAN_PATH],
		state_dir[GUARDIAN_PATH];
	enum plan_backend backend;
	bool backend_auto, bridge;
	bool no_fail_open; /* for tests: without the kernel's last net */
	bool best_effort;  /* start also where a promise cannot be kept, and say so */
	uint16_t queue_base;

	bool ipv6;           /* this kernel has it */
	int log_fd;          /* the recorder's; -1: none */
	int run_fd;          /* the run directory */
	int keep_fd;         /* where memory is kept over a restart; -1: nowhere */
	uint64_t keep_build; /* which builds understand it */
	int records_fd;      /* "recorder" in the state directory, the recorder's own; -1: none */
	int track_fd;        /* /proc/net/nf_conntrack, for the recorder; -1: none */
	int null_fd;         /* /dev/null */
	uid_t recorder_uid;
	gid_t recorder_gid;
	int proc_queue; /* /proc/net/netfilter/nfnetlink_queue */
	int signal_fd;
	uint32_t generation;        /* of the newest image handed out */
	struct image_mem active;    /* what engines are given when they start */
	struct image_mem proper;    /* active without what is lent; fd -1: nothing is */
	int source;                 /* memfd: the texts that active was made from; -1: there are none */
	struct image_mem candidate; /* fd -1: none */
	struct candidate_work cand;
	struct change change;
	struct commit_work commit;
	struct queue queues[PLAN_QUEUES_MAX];
	unsigned nqueues;
	struct child recorder;
	struct mirror mirror;
	struct reload reload;
	struct ledger ledger;
	bool accounted; /* the kernel had accounts already when we started: there may be losses in them */
	struct island_work island;
	struct overlay_work overlay;
	struct opening opening;
	char accounts[2][GUARDIAN_ACCOUNTS]; /* iptables: the chains that the kernel has, IPv4 and IPv6 */
	bool stop;
};

int64_t now_us(void);
/* "otfwd: ..." on standard error, one line. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* An EVENT_STATE in a queue's guardian ring, and the same on standard error. */
void say_event(struct guardian *g, struct queue *q, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* keep.c */
/* Once the run directory is there: where memory is kept over a restart, or nowhere (keep_fd -1), with the reason said. */
void keep_open(struct guardian *g);
/* Kept memory for a closed queue, mapped, *fd its file: of before, or new and all zero. NULL: there is none for it. */
struct shm *keep_memory(const struct guardian *g, const struct queue *q, int *fd);
/* Takes away what no queue has, once all are open. */
void keep_tidy(const struct guardian *g);
/* Takes everything away. 0 or -1, said. */
int keep_remove(struct guardian *g);

/* queue.c */
/* Binds and configures queue num. 0, or -1 with the reason said. */
int queue_open(struct guardian *g, struct queue *q);
/* One verdict for one packet. 0 or -1 with errno; a packet that is gone is no error here. */
int queue_verdict(const struct queue *q, uint32_t id, bool accept);
/*
 * Gives what still waits its verdict by the failure mode and closes the queue. From there the ruleset alone decides: closed drops,
 * open passes.
 */
void queue_close(struct guardian *g, struct queue *q);
/* All up to id, with PLAN_MARK_RELEASED. 0 or -1 with errno. */
int queue_release(const struct queue *q, uint32_t upto);
/*
 * The next message of the socket, without waiting; peek leaves it there. 1: a packet, its id set. 0: something else. -1 with errno. Nothing
 * behind the id is read.
 */
int queue_message(const struct queue *q, bool peek, uint32_t *id);
/*
 * The packet that a dead engine was in: dropped when the engine died of itself, else left to queue_settle(). Safe
 * from two threads: the first does it.
 */
void queue_deny_suspect(struct guardian *g, struct queue *q, bool of_itself);
/* What a dead engine had read. Books it in shared memory. crashed: it died of itself, or the guardian killed it for being stuck. */
void queue_settle(struct guardian *g, struct queue *q, bool crashed);

/* child.c */
/* Takes descriptors 3 to 9 out of the way, so that children can be given theirs by number. */
#define CHILD_EXEC_FAILED 126 /* exit status of a child whose program cannot be run */
void child_reserve_fds(void);
struct child_fd {
	int have, want;
};
struct child_start {
	const char *const *
		argv; /* NULL-terminated; argv[0] with a slash is a path, else looked up in the system's directories */
	const struct child_fd *fds;
	unsigned nfds;
	int dir;   /* working directory; 0: stay */
	uid_t uid; /* 0: stay */
	gid_t gid;
	uint32_t cpu_s, as_mb; /* limits; 0: none */
	bool die_with_parent;
};
/* pid, or -1 with errno. *pidfd is open. */
pid_t child_spawn(const struct child_start *s, int *pidfd);
/*
 * One that runs on in this program: 0 in it. It may outlive the guardian, writing to a slow disk; a queue lives as long as somebody holds it, with packets that
 * wait for nobody, so it holds none.
 */
pid_t child_fork(const struct guardian *g);
/* Reaps; true when it had ended, status as of waitpid. */
bool child_reap(pid_t pid, int *status);
/* Runs to its end, bounded by seconds. Exit status, or -1 with errno. words: memfd for its standard error, -1: ours. */
int child_run(const char *const *argv, int in, int words, int seconds);
/* The end of a child was seen: closes its descriptors and sets when to start it again. */
void child_ended(struct child *c);
void engine_start(struct guardian *g, struct queue *q);
/* Kills, settles, starts again as the back-off allows. */
void engine_ended(struct guardian *g, struct queue *q);
void recorder_start(struct guardian *g);
void recorder_ended(struct guardian *g);
void recorder_tell_queue(struct guardian *g, struct queue *q);

/* opening.c */
/* Has this queue's engine something for opening_step()? From any thread. */
bool opening_waiting(const struct queue *q);
/* Hands the kernel what engines have opened and closed, without waiting for it. */
void opening_step(struct guardian *g);
/* The active policy has changed: closes what it has no rule for. */
void opening_policy(struct guardian *g);
/* Takes all openings out of the kernel. 0 or -1, said. */
int opening_remove(struct guardian *g);

/* mirror.c: does nothing until a policy wants copies. */
/* 0, or -1 after having said why. */
int mirror_open(struct guardian *g, const struct policy *p);
/* Gives it the policy in force, and starts it if it does not run. */
void mirror_hand_out(struct guardian *g);
void mirror_start(struct guardian *g);
void mirror_ended(struct guardian *g);
void mirror_tell_recorder(struct guardian *g);
/* Is it to be started, when its back-off allows? */
bool mirror_down(const struct guardian *g);

/* watch*.c: the threads that keep deadlines */
#define QUEUE_MAXLEN 2048u /* packets that may wait in one queue */
#define GHOSTS_MAX   256u /* messages of packets that are gone, left for an engine to follow the streams by */
/* At the start. 0, or -1 with the reason said. */
int watch_lock(const struct guardian *g);
/* A queue that was opened; the first starts the threads. 0, or -1 with the reason said. */
int watch_add(struct guardian *g, struct queue *q);
/* The deadlines of a policy's queues, from here on. */
void watch_deadlines(const struct guardian *g, const struct image_mem *img);
/* Readable: watch_report() has something to do. -1 before the first queue. */
int watch_fd(void);
/* Kills engines that are stuck, and says what the threads have no time to say. */
void watch_report(struct guardian *g);
/* Before queues are closed. */
void watch_stop(void);

/* kernel.c */
/* Does nft work with queues here? */
bool kernel_nft_queue(void);
/* 0, or -1 where a promise cannot be kept; says which. */
int kernel_check_sysctls(const struct guardian *g);
int kernel_base(struct guardian *g);
int kernel_remove(struct guardian *g);
/* Prints the parts that job 0..n-1 of kernel_fill_job() load, each into a memfd. n, or -1. */
int kernel_fill_print(struct guardian *g, const struct image_mem *img, int text[GUARDIAN_JOBS]);
/* Which accounts of zones the kernel has: at start, and when a ruleset was refused. Waits for iptables. */
void kernel_accounts_read(struct guardian *g);
/* Job i has loaded text: the accounts in it are there now. */
void kernel_fill_done(struct guardian *g, int i, int text);
/* The same with what isolates and overrides, in the active policy: jobs 0..n-1. */
int kernel_island_print(struct guardian *g, int text[GUARDIAN_JOBS]);
/* Starts job i. pid, or -1. */
pid_t kernel_fill_start(const struct guardian *g, int i, int text, int words, int *pidfd);

/* image.c */
/* Seals what is in fd, checks digest and structure, maps it. 0, or -1 with the reason in err. */
int image_take(struct image_mem *img, int fd, char *err, size_t cap);
void image_drop(struct image_mem *img);
/* The same image once more, to be dropped by itself. 0, or -1 with errno. */
int image_share(struct image_mem *img, const struct image_mem *of);

/* reload.c */
/* Starts a reload, or notes that another is wanted when one is running. asked: answer request on the recorder's channel. */
void reload_begin(struct guardian *g, bool asked, uint32_t request);
/* What is lent has changed: the policy in force is made anew with it. Only while no reload runs. */
void reload_overlay(struct guardian *g);
/* The same with an image, which it takes, and its texts (a memfd or -1, the caller's), in place of the file. None may run. Its end is told to commit_reloaded(). */
void reload_image(struct guardian *g, struct image_mem *img, int source);
/* The first policy from a stored source: its files' prefix in the state directory. False after having said why not. */
bool reload_source(struct guardian *g, const char *prefix);
/* Ends a compile that runs; nothing has changed then. */
void reload_cancel(struct guardian *g);
/* Called when its child ended, and every few milliseconds while it runs. */
void reload_step(struct guardian *g, bool child_ended);
/* Milliseconds until reload_step() is useful without a child's end; -1: no need. */
int reload_wait_ms(const struct guardian *g);

/* change.c */
/*
 * An EVENT_AUDIT, which becomes a record of the audit chain: who did what is said in who, the text says what came of it. On standard error as well. Rings belong
 * to queues: the first one's carries it.
 */
void audit_event(struct guardian *g, const struct event_audit *who, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The same of what was done or refused to a policy. who NULL: nobody asked. Digests of the policy in force before and after, NULL where it is not about that; where
 * they differ the recorder compares the two, which change_made() has told it.
 */
void policy_audit(struct guardian *g, const struct msg_policy *who, const char *action, bool refused,
		  const uint8_t *before, const uint8_t *after, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
/* Keeps both, so that a recorder that was restarted has them too. Before the event that names them. */
void change_made(struct guardian *g, const struct image_mem *before, const struct image_mem *after);
/* To the recorder: the policies of the newest change. */
void change_tell(struct guardian *g);
/* A load is in force, what was before still in reload.previous: tells the recorder, and of a start or of what is lent the chain. */
void change_loaded(struct guardian *g);
/* A load of the file that comes to nothing; words: what was said about it. */
void change_refused(struct guardian *g, const char *words);
/* NULL where there is none. */
const uint8_t *change_digest(const struct image_mem *img);

/* ledger.c */
/* Reads the ledger's counters for the recorder; request 0: the first reading, for itself. */
void ledger_begin(struct guardian *g, uint32_t request);
/* Called when its child ended, and now and then. */
void ledger_step(struct guardian *g);

/* island.c */
/* Opens the state directory and reads what is isolated and overridden. 0, or -1 with the reason said. */
int island_load(struct guardian *g);
/* A reload is about to print its ruleset: ends what the new policy ends, and takes what zones are in it. */
void island_policy(struct guardian *g);
/* A reload is over; good: its ruleset is in force. */
void island_refilled(struct guardian *g, bool good);
void island_request(struct guardian *g, const struct msg *m);
/* Called each turn: ends overrides, loads and writes what has changed, answers. Never waits. */
void island_step(struct guardian *g);
/* Milliseconds until island_step() is useful without the end of a child; -1: no need. */
int island_wait_ms(const struct guardian *g);
/* What is in force, for the recorder; for the printing of a ruleset: how many. */
void island_tell(struct guardian *g);
unsigned island_plan(const struct guardian *g, struct plan_island out[ISLAND_MAX]);
/* Has the last change written down, waiting for it at most two seconds. */
void island_end(struct guardian *g);

/* caps.c */
void caps_limit(void);

#endif
