/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfwd. The order of its start is what keeps closed zones closed and open zones open all the while:
 *
 *   1. compile the policy (another process), check and seal the image: a bad policy stops here and changes nothing
 *   2. base chains, which drop everything until they are filled; a ruleset that is there already stays as it is
 *   3. queues and their shared memory
 *   4. engines; each gets the image and says that it judges by it
 *   5. the policy's rules into the chains
 *   6. the recorder, and with it the control socket
 *
 * On SIGTERM the ruleset stays: without a reader closed zones drop and open zones pass (queue bypass), listed tuples only. `otfwd --remove`
 * takes it away.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/candidate.h"
#include "fwd/guardian/commit.h"
#include "fwd/guardian/guardian.h"
#include "fwd/guardian/overlay.h"

#define STOP_WAIT_MS 1000
#define POLL_FDS     (PLAN_QUEUES_MAX + WATCH_ENGINES)
#define SAY_MAX      512

int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void say(const char *fmt, ...)
{
	char buf[SAY_MAX] = "otfwd: ";
	size_t at = strlen(buf);
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf + at, sizeof(buf) - at - 1, fmt, ap);
	va_end(ap);
	at += n < 0 ? 0 : (size_t)n < sizeof(buf) - at - 1 ? (size_t)n : sizeof(buf) - at - 2;
	buf[at++] = '\n';
	/* One write a line: engines use the same descriptor. A pipe that nobody reads must not hold the guardian up. */
	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT && write(STDERR_FILENO, buf, at) < 0)
		errno = 0;
}

void say_event(struct guardian *g, struct queue *q, const char *fmt, ...)
{
	struct event e = {.type = EVENT_STATE,
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .proto = -1,
			  .failure = (uint8_t)q->failure,
			  .flow = UINT32_MAX,
			  .count = 1,
			  .generation = g->active.generation};
	struct timespec t;
	va_list ap;

	clock_gettime(CLOCK_REALTIME, &t);
	e.ts_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	ring_put(shm_at(q->shm, shm_layout().guardian_ring), &e);
	say("%s", e.text);
}

/* ---- options ---- */

static const char usage[] =
	"usage: otfwd [--policy FILE] [--backend auto|nft|iptables] [--queue-base N] [--run-dir DIR]\n"
	"             [--state-dir DIR] [--events FILE|-] [--bridge] [--best-effort] [--libexec DIR]\n"
	"       otfwd --remove [--backend auto|nft|iptables] [--bridge] [--run-dir DIR]\n";

enum option_id {
	OPT_POLICY = 256,
	OPT_BACKEND,
	OPT_QUEUE_BASE,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_EVENTS,
	OPT_BRIDGE,
	OPT_BEST_EFFORT,
	OPT_LIBEXEC,
	OPT_NO_FAIL_OPEN,
	OPT_REMOVE,
	OPT_VERSION,
	OPT_HELP
};

static int set_path(char *to, const char *from)
{
	if (strlen(from) >= GUARDIAN_PATH) {
		say("%.40s...: path is longer than %d", from, GUARDIAN_PATH - 1);
		return -1;
	}
	strcpy(to, from);
	return 0;
}

static int set_backend(struct guardian *g, const char *name)
{
	g->backend_auto = strcmp(name, "auto") == 0;
	if (strcmp(name, "nft") == 0)
		g->backend = PLAN_NFT;
	else if (strcmp(name, "iptables") == 0)
		g->backend = PLAN_IPTABLES;
	else if (!g->backend_auto) {
		say("unknown backend %s: auto, nft or iptables", name);
		return -1;
	}
	return 0;
}

static int set_queue_base(struct guardian *g, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n > UINT16_MAX - PLAN_QUEUES_MAX) {
		say("queue base %s is not a number from 0 to %d", text, UINT16_MAX - PLAN_QUEUES_MAX);
		return -1;
	}
	g->queue_base = (uint16_t)n;
	return 0;
}

/* 0: run; 1: remove; 2: done; -1: usage error. */
static int options(struct guardian *g, int argc, char **argv)
{
	static const struct option longs[] = {{"policy", required_argument, NULL, OPT_POLICY},
					      {"backend", required_argument, NULL, OPT_BACKEND},
					      {"queue-base", required_argument, NULL, OPT_QUEUE_BASE},
					      {"run-dir", required_argument, NULL, OPT_RUN_DIR},
					      {"state-dir", required_argument, NULL, OPT_STATE_DIR},
					      {"events", required_argument, NULL, OPT_EVENTS},
					      {"log", required_argument, NULL, OPT_EVENTS},
					      {"bridge", no_argument, NULL, OPT_BRIDGE},
					      {"best-effort", no_argument, NULL, OPT_BEST_EFFORT},
					      {"no-fail-open", no_argument, NULL, OPT_NO_FAIL_OPEN},
					      {"libexec", required_argument, NULL, OPT_LIBEXEC},
					      {"remove", no_argument, NULL, OPT_REMOVE},
					      {"version", no_argument, NULL, OPT_VERSION},
					      {"help", no_argument, NULL, OPT_HELP},
					      {NULL, 0, NULL, 0}};
	int remove = 0, bad = 0, c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case OPT_POLICY: bad |= set_path(g->policy, optarg); break;
		case OPT_BACKEND: bad |= set_backend(g, optarg); break;
		case OPT_QUEUE_BASE: bad |= set_queue_base(g, optarg); break;
		case OPT_RUN_DIR: bad |= set_path(g->run_dir, optarg); break;
		case OPT_STATE_DIR: bad |= set_path(g->state_dir, optarg); break;
		case OPT_EVENTS: bad |= set_path(g->events, optarg); break;
		case OPT_BRIDGE: g->bridge = true; break;
		case OPT_BEST_EFFORT: g->best_effort = true; break;
		case OPT_NO_FAIL_OPEN: g->no_fail_open = true; break;
		case OPT_LIBEXEC: bad |= set_path(g->libexec, optarg); break;
		case OPT_REMOVE: remove = 1; break;
		case OPT_VERSION: printf("otfwd %s\n", OTFW_VERSION); return 2;
		case OPT_HELP: fputs(usage, stdout); return 2;
		default: bad = -1;
		}
	}
	if (bad || optind < argc) {
		fputs(usage, stderr);
		return -1;
	}
	return remove;
}

/* Where the other executables are: beside this one in a build tree, else where they are installed. */
static void find_libexec(struct guardian *g)
{
	char self[GUARDIAN_PATH], engine[GUARDIAN_PATH + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (*g->libexec) {
		/* Children have working directories of their own. */
		char real[PATH_MAX];

		if (realpath(g->libexec, real) && strlen(real) < sizeof(g->libexec))
			strcpy(g->libexec, real);
		return;
	}
	strcpy(g->libexec, OTFW_LIBEXEC);
	if (n <= 0)
		return;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return;
	*slash = '\0';
	snprintf(engine, sizeof(engine), "%s/otfw-engine", self);
	if (access(engine, X_OK) == 0)
		strcpy(g->libexec, self);
}

/* ---- start ---- */

/* "otfw", else "nobody": the recorder needs nothing that root has. */
static int recorder_user(struct guardian *g)
{
	struct passwd *pw = getpwnam("otfw");

	if (!pw)
		pw = getpwnam("nobody");
	if (!pw) {
		say("there is neither a user otfw nor nobody for the recorder");
		return -1;
	}
	g->recorder_uid = pw->pw_uid;
	g->recorder_gid = pw->pw_gid;
	return 0;
}

/* Where the recorder makes its control socket: its own, if this makes it; a directory that is there keeps its owner. */
static int run_directory(struct guardian *g)
{
	bool made = mkdir(g->run_dir, 0755) == 0;

	if (!made && errno != EEXIST) {
		say("%s: %s", g->run_dir, strerror(errno));
		return -1;
	}
	g->run_fd = open(g->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->run_fd < 0 || (made && fchown(g->run_fd, g->recorder_uid, g->recorder_gid) < 0)) {
		say("%s: %s", g->run_dir, strerror(errno));
		return -1;
	}
	return 0;
}

/* Whoever is told it may have another working directory. Links stay: somebody may point them elsewhere. */
static void whole_path(char path[GUARDIAN_PATH])
{
	char cwd[PATH_MAX], whole[PATH_MAX + GUARDIAN_PATH];

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return;
	if (snprintf(whole, sizeof(whole), "%s/%s", cwd, path) < GUARDIAN_PATH)
		strcpy(path, whole);
}

/* The recorder's files: opened here, because it may lack the right to. */
static int open_files(struct guardian *g)
{
	whole_path(g->policy);
	if (recorder_user(g) < 0)
		return -1;
	if (run_directory(g) < 0)
		return -1;
	keep_open(g);
	g->log_fd = strcmp(g->events, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10)
		    : *g->events ? open(g->events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)
				 : -1;
	if (*g->events && g->log_fd < 0) {
		say("%s: %s", g->events, strerror(errno));
		return -1;
	}
	g->track_fd = open("/proc/net/nf_conntrack", O_RDONLY | O_CLOEXEC);
	g->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	g->proc_queue = open("/proc/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);
	return 0;
}

/* What the recorder keeps, in a directory of its own: it may not write beside what the guardian believes. */
static int records_directory(struct guardian *g)
{
	int state = g->island.dir;

	if (state < 0)
		return 0; /* --best-effort, and said */
	if (mkdirat(state, "recorder", 0700) < 0 && errno != EEXIST) {
		say("%s/recorder: %s", g->state_dir, strerror(errno));
		return -1;
	}
	g->records_fd = openat(state, "recorder", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (g->records_fd < 0 || fchown(g->records_fd, g->recorder_uid, g->recorder_gid) < 0) {
		say("%s/recorder: %s", g->state_dir, strerror(errno));
		return -1;
	}
	return 0;
}

static int signals(struct guardian *g)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	g->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return g->signal_fd < 0 ? -1 : 0;
}

/* The sd_notify protocol: one datagram. Without NOTIFY_SOCKET nobody asked. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(sa.sun_path))
		return;
	strcpy(sa.sun_path, path);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (*path == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa, len) < 0)
		say("tell the service manager: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* ---- the loop ---- */

enum watching {
	WATCH_SIGNALS,
	WATCH_RELOAD,
	WATCH_LEDGER,
	WATCH_RECORDER,
	WATCH_CHANNEL,
	WATCH_MIRROR,
	WATCH_ISLAND,
	WATCH_SAVE,
	WATCH_OPENING,
	WATCH_CANDIDATE,
	WATCH_OVERLAY,
	WATCH_COMMIT,
	WATCH_WATCH,
	WATCH_ENGINES
};

static void on_signals(struct guardian *g)
{
	struct signalfd_siginfo si;

	while (read(g->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGHUP) {
			g->commit.loader_uid = g->commit.loader_login = ISLAND_NOBODY;
			g->commit.loader_force = false;
			reload_begin(g, false, 0);
		} else if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			g->stop = true;
	}
}

static bool terminated(const char *s, size_t cap)
{
	return strnlen(s, cap) < cap;
}

static void policy_request(struct guardian *g, const struct msg *m, int fd)
{
	const struct msg_policy *p = &m->policy;

	if (!terminated(p->reason, sizeof(p->reason)) || !terminated(p->ticket, sizeof(p->ticket)) ||
	    !terminated(p->name, sizeof(p->name)))
		policy_answer(g, m->arg, false, "reason, ticket or name is not as it must be");
	else if (p->act == POLICY_CANDIDATE || p->act == POLICY_DROP)
		candidate_request(g, m, fd);
	else if (p->act == POLICY_COMMIT || p->act == POLICY_CONFIRM || p->act == POLICY_ROLLBACK)
		commit_request(g, m);
	else
		policy_answer(g, m->arg, false, "no such request");
}

static void on_recorder(struct guardian *g)
{
	struct msg m;
	int fd, r;

	while ((r = msg_recv(g->recorder.channel, &m, &fd)) == 1) {
		if (m.type == MSG_RELOAD) {
			g->commit.loader_uid = m.policy.uid;
			g->commit.loader_login = m.policy.login;
			g->commit.loader_force = m.policy.number == 1;
			reload_begin(g, true, m.arg);
		} else if (m.type == MSG_LEDGER && m.arg)
			ledger_begin(g, m.arg);
		else if (m.type == MSG_ISLAND)
			island_request(g, &m);
		else if (m.type == MSG_LEND)
			overlay_request(g, &m, fd);
		else if (m.type == MSG_POLICY)
			policy_request(g, &m, fd);
		if (fd >= 0)
			close(fd);
	}
	if (r == 0) {
		/* Gone, or about to be: its end is seen by its pidfd. */
		close(g->recorder.channel);
		g->recorder.channel = -1;
	}
}

static int wait_ms(const struct guardian *g)
{
	int64_t now = now_us(), next = INT64_MAX;
	int ms = reload_wait_ms(g), island_ms = island_wait_ms(g), commit_ms = commit_wait_ms(g);

	if (island_ms >= 0 && (ms < 0 || island_ms < ms))
		ms = island_ms;
	int lend_ms = overlay_wait_ms(g);
	if (lend_ms >= 0 && (ms < 0 || lend_ms < ms))
		ms = lend_ms;
	if (commit_ms >= 0 && (ms < 0 || commit_ms < ms))
		ms = commit_ms;
	if (g->recorder.pid == 0)
		next = g->recorder.start_at_us;
	if (mirror_down(g) && g->mirror.child.start_at_us < next)
		next = g->mirror.child.start_at_us;
	for (unsigned i = 0; i < g->nqueues; i++)
		if (g->queues[i].child.pid == 0 && g->queues[i].child.start_at_us < next)
			next = g->queues[i].child.start_at_us;
	if (next == INT64_MAX)
		return ms;
	next = next <= now ? 0 : (next - now) / 1000 + 1;
	return ms >= 0 && ms < next ? ms : (int)next;
}

/* Starts what is down and due. */
static void revive(struct guardian *g)
{
	int64_t now = now_us();

	for (unsigned i = 0; i < g->nqueues; i++)
		if (g->queues[i].child.pid == 0 && g->queues[i].child.start_at_us <= now)
			engine_start(g, &g->queues[i]);
	if (g->recorder.pid == 0 && g->recorder.start_at_us <= now)
		recorder_start(g);
	if (mirror_down(g) && g->mirror.child.start_at_us <= now)
		mirror_start(g);
}

static void turn(struct guardian *g)
{
	struct pollfd p[POLL_FDS];
	unsigned n = WATCH_ENGINES;

	p[WATCH_SIGNALS] = (struct pollfd){.fd = g->signal_fd, .events = POLLIN};
	p[WATCH_RELOAD] = (struct pollfd){.fd = g->reload.pid > 0 ? g->reload.pidfd : -1, .events = POLLIN};
	p[WATCH_LEDGER] = (struct pollfd){.fd = g->ledger.pid > 0 ? g->ledger.pidfd : -1, .events = POLLIN};
	p[WATCH_RECORDER] = (struct pollfd){.fd = g->recorder.pidfd, .events = POLLIN};
	p[WATCH_ISLAND] = (struct pollfd){.fd = g->island.pid > 0 ? g->island.pidfd : -1, .events = POLLIN};
	p[WATCH_SAVE] =
		(struct pollfd){.fd = g->island.save_pid > 0 ? g->island.save_pidfd : -1, .events = POLLIN};
	p[WATCH_OPENING] =
		(struct pollfd){.fd = g->opening.pid > 0 ? g->opening.pidfd : -1, .events = POLLIN};
	p[WATCH_CANDIDATE] =
		(struct pollfd){.fd = g->cand.job.pid > 0 ? g->cand.job.pidfd : -1, .events = POLLIN};
	p[WATCH_OVERLAY] =
		(struct pollfd){.fd = g->overlay.job.pid > 0 ? g->overlay.job.pidfd : -1, .events = POLLIN};
	p[WATCH_COMMIT] =
		(struct pollfd){.fd = g->commit.job.pid > 0 ? g->commit.job.pidfd : -1, .events = POLLIN};
	p[WATCH_CHANNEL] = (struct pollfd){.fd = g->recorder.channel, .events = POLLIN};
	p[WATCH_MIRROR] = (struct pollfd){.fd = g->mirror.child.pidfd, .events = POLLIN};
	p[WATCH_WATCH] = (struct pollfd){.fd = watch_fd(), .events = POLLIN};
	for (unsigned i = 0; i < g->nqueues; i++)
		p[n++] = (struct pollfd){.fd = g->queues[i].child.pidfd, .events = POLLIN};
	if (poll(p, n, wait_ms(g)) < 0) {
		if (errno != EINTR)
			say("poll: %s", strerror(errno));
		return;
	}
	/* Engines first: packets wait for them. */
	for (unsigned i = 0; WATCH_ENGINES + i < n; i++)
		if (p[WATCH_ENGINES + i].revents)
			engine_ended(g, &g->queues[i]);
	if (p[WATCH_WATCH].revents)
		watch_report(g);
	if (p[WATCH_CHANNEL].revents)
		on_recorder(g);
	if (p[WATCH_RECORDER].revents)
		recorder_ended(g);
	if (p[WATCH_MIRROR].revents)
		mirror_ended(g);
	if (p[WATCH_SIGNALS].revents)
		on_signals(g);
	if (g->reload.state != RELOAD_IDLE)
		reload_step(g, p[WATCH_RELOAD].revents != 0);
	if (p[WATCH_LEDGER].revents)
		ledger_step(g);
	island_step(g);
	overlay_step(g);
	candidate_step(g);
	commit_step(g);
	opening_step(g);
	revive(g);
}

/* ---- end ---- */

static void end_child(struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int status;

	if (c->pid == 0)
		return;
	if (poll(&p, 1, STOP_WAIT_MS) != 1) {
		kill(c->pid, SIGKILL);
		poll(&p, 1, STOP_WAIT_MS);
	}
	child_reap(c->pid, &status);
	child_ended(c);
}

/* Engines are stopped at once: what waits is settled by the zone's failure mode before the queue closes and would drop it. */
static void end(struct guardian *g)
{
	struct msg m = {.type = MSG_STOP};

	notify("STOPPING=1");
	watch_stop();
	for (unsigned i = 0; i < g->nqueues; i++) {
		struct queue *q = &g->queues[i];

		if (q->child.pid) {
			kill(q->child.pid, SIGKILL);
			end_child(&q->child);
		}
		queue_settle(g, q, false);
		queue_close(g, q);
	}
	if (g->mirror.child.pid) {
		kill(g->mirror.child.pid, SIGKILL);
		end_child(&g->mirror.child);
	}
	if (g->recorder.pid) {
		if (g->recorder.channel < 0 || msg_send(g->recorder.channel, &m, -1) < 0)
			kill(g->recorder.pid, SIGTERM);
		end_child(&g->recorder);
	}
	if (g->reload.pid > 0)
		kill(g->reload.pid, SIGKILL);
	island_end(g);
	overlay_end(g);
}

static int choose_backend(struct guardian *g)
{
	g->ipv6 = access("/proc/net/if_inet6", F_OK) == 0;
	if (g->backend_auto)
		g->backend = kernel_nft_queue() ? PLAN_NFT : PLAN_IPTABLES;
	return 0;
}

/* Steps 1 to 6. 0 when the policy is in force; -1 after what went wrong was said. */
static int start(struct guardian *g)
{
	if (open_files(g) < 0 || island_load(g) < 0 || records_directory(g) < 0)
		return -1;
	overlay_load(g);
	whole_path(g->state_dir);
	candidate_load(g);
	choose_backend(g);
	g->reload.initial = true;
	if (!commit_boot(g))
		reload_begin(g, false, 0);
	while (g->reload.state != RELOAD_IDLE && !g->stop)
		turn(g);
	return g->reload.initial ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct guardian g = {
		.policy = "/etc/otfw/policy.yaml",
		.run_dir = "/run/otfw",
		.state_dir = "/var/lib/otfw",
		.backend_auto = true,
		.log_fd = -1,
		.run_fd = -1,
		.keep_fd = -1,
		.records_fd = -1,
		.track_fd = -1,
		.proc_queue = -1,
		.active = {.fd = -1},
		.proper = {.fd = -1},
		.source = -1,
		.overlay = {.job = {.pidfd = -1}},
		.change = {.before = {.fd = -1}, .after = {.fd = -1}},
		.candidate = {.fd = -1},
		.cand = {.source = -1, .next = {.fd = -1}, .next_source = -1, .job = {.pidfd = -1}},
		.commit = {.base = {.fd = -1},
			   .base_source = -1,
			   .next = {.fd = -1},
			   .next_source = -1,
			   .file_source = -1,
			   .job = {.pidfd = -1}},
		.mirror = {.sock = -1, .shm_fd = -1, .child = {.pidfd = -1, .channel = -1}},
		.island = {.dir = -1, .pidfd = -1, .words = -1, .save_pidfd = -1},
		.recorder = {.pidfd = -1, .channel = -1, .start_at_us = INT64_MAX},
		.ledger = {.pidfd = -1, .text = -1, .base = -1},
		.reload = {.pidfd = -1,
			   .words = -1,
			   .out = -1,
			   .source = -1,
			   .previous_source = -1,
			   .next = {.fd = -1},
			   .previous = {.fd = -1},
			   .proper = {.fd = -1},
			   .previous_proper = {.fd = -1}},
	};
	int what = options(&g, argc, argv), rc;

	if (what < 0)
		return 2;
	if (what == 2)
		return 0;
	child_reserve_fds();
	if (what == 1) {
		choose_backend(&g);
		int rules = kernel_remove(&g), opened = opening_remove(&g), kept = keep_remove(&g);
		return rules == 0 && opened == 0 && kept == 0 ? 0 : 1;
	}
	find_libexec(&g);
	if (watch_lock(&g) < 0)
		return 1;
	if (signals(&g) < 0) {
		say("signals: %s", strerror(errno));
		return 2;
	}
	rc = start(&g);
	if (rc == 0) {
		keep_tidy(&g);
		caps_limit();
		notify("READY=1");
		while (!g.stop)
			turn(&g);
	}
	end(&g);
	return rc == 0 ? 0 : 1;
}
