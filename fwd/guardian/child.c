/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes: engines, recorder, and the short-lived ones that compile or load a ruleset. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/candidate.h"
#include "fwd/guardian/commit.h"
#include "fwd/guardian/guardian.h"
#include "fwd/guardian/overlay.h"

#define FIRST_FREE_FD 10
#define YOUNG_US      1000000 /* who dies before this age is in a loop */
#define BACK_OFF_MIN  10000u  /* us */
#define BACK_OFF_MAX  1000000u

void child_reserve_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < FIRST_FREE_FD - 1);
}

static void limit(int what, rlim_t n)
{
	struct rlimit r = {.rlim_cur = n, .rlim_max = n};

	setrlimit((__rlimit_resource_t)what, &r);
}

/* Between fork and exec: system calls only. */
static void child_exec(const struct child_start *s, pid_t parent)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	static char *env[] = {path, locale, NULL};
	sigset_t none;

	if (s->die_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(CHILD_EXEC_FAILED);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (unsigned i = 0; i < s->nfds; i++)
		if (dup2(s->fds[i].have, s->fds[i].want) < 0)
			_exit(CHILD_EXEC_FAILED);
	if (s->dir > 0 && fchdir(s->dir) < 0)
		_exit(CHILD_EXEC_FAILED);
	/* The rest closes on exec; what we inherited ourselves need not. */
	close_range(FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC);
	if (s->cpu_s)
		limit(RLIMIT_CPU, s->cpu_s);
	if (s->as_mb)
		limit(RLIMIT_AS, (rlim_t)s->as_mb << 20);
	/* The calls themselves: the library's would look for the threads that this process had before the fork. */
	if (s->uid &&
	    (syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
	     syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0))
		_exit(CHILD_EXEC_FAILED);
	if (s->uid && s->die_with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
	/* A child gets no environment but this: nothing of the caller's changes what it does. */
	environ = env;
	execvp(s->argv[0], (char *const *)(uintptr_t)s->argv);
	dprintf(STDERR_FILENO, "otfwd: %s: %s\n", s->argv[0], strerror(errno));
	_exit(CHILD_EXEC_FAILED);
}

pid_t child_spawn(const struct child_start *s, int *pidfd)
{
	/* Not fork(): in the child that would tidy up the watch's stack, which the child does not have. */
	pid_t parent = getpid(), pid = _Fork();

	*pidfd = -1;
	if (pid == 0)
		child_exec(s, parent);
	if (pid < 0)
		return -1;
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*pidfd < 0) {
		int e = errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		errno = e;
		return -1;
	}
	return pid;
}

pid_t child_fork(const struct guardian *g)
{
	pid_t pid = _Fork(); /* as child_spawn() */

	for (unsigned i = 0; pid == 0 && i < g->nqueues; i++) {
		close(g->queues[i].sock);
		close(g->queues[i].shm_fd);
		/* Mapped, it would be locked for the next guardian (keep.c). */
		munmap(g->queues[i].shm, shm_size());
	}
	return pid;
}

bool child_reap(pid_t pid, int *status)
{
	pid_t r;

	do
		r = waitpid(pid, status, WNOHANG);
	while (r < 0 && errno == EINTR);
	return r == pid;
}

int child_run(const char *const *argv, int in, int words, int seconds)
{
	struct child_fd fds[3];
	struct child_start s = {.argv = argv, .fds = fds};
	struct pollfd p = {.events = POLLIN};
	int status;
	pid_t pid;

	if (in >= 0) {
		lseek(in, 0, SEEK_SET);
		fds[s.nfds++] = (struct child_fd){in, STDIN_FILENO};
	}
	if (words >= 0) {
		fds[s.nfds++] = (struct child_fd){words, STDOUT_FILENO};
		fds[s.nfds++] = (struct child_fd){words, STDERR_FILENO};
	}
	pid = child_spawn(&s, &p.fd);
	if (pid < 0)
		return -1;
	if (poll(&p, 1, seconds * 1000) != 1)
		kill(pid, SIGKILL);
	close(p.fd);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	errno = ETIME;
	return -1;
}

void child_ended(struct child *c)
{
	int64_t now = now_us();

	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->channel >= 0)
		close(c->channel);
	c->pidfd = c->channel = -1;
	c->pid = 0;
	c->kicked = false;
	if (now - c->started_us >= YOUNG_US)
		c->back_off_us = 0; /* at once */
	else if (c->back_off_us == 0)
		c->back_off_us = BACK_OFF_MIN;
	else if (c->back_off_us < BACK_OFF_MAX / 2)
		c->back_off_us *= 2;
	else
		c->back_off_us = BACK_OFF_MAX;
	/* A first death is no loop: it is started at once. */
	c->start_at_us = now + (c->back_off_us > BACK_OFF_MIN ? c->back_off_us : 0);
}

static int send_image(struct guardian *g, struct child *c)
{
	struct msg m = {.type = MSG_IMAGE, .generation = g->active.generation};

	return g->active.fd < 0 || c->channel < 0 ? 0 : msg_send(c->channel, &m, g->active.fd);
}

static int make_channel(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

void engine_start(struct guardian *g, struct queue *q)
{
	char path[GUARDIAN_PATH + 16];
	const char *argv[] = {path, NULL};
	int pair[2];
	struct child *c = &q->child;

	c->name = "engine";
	c->started_us = now_us();
	snprintf(path, sizeof(path), "%s/otfw-engine", g->libexec);
	if (make_channel(pair) == 0) {
		struct child_fd fds[] = {{q->sock, FD_QUEUE}, {q->shm_fd, FD_SHM}, {pair[1], FD_CHANNEL}};
		struct child_start s = {.argv = argv, .fds = fds, .nfds = 3, .die_with_parent = true};

		atomic_store(&q->shm->engine.started, 0);
		c->channel = pair[0];
		c->pid = child_spawn(&s, &c->pidfd);
		close(pair[1]);
	} else {
		c->channel = -1;
		c->pid = -1;
	}
	if (c->pid < 0) {
		say("queue %u: cannot start an engine: %s", q->num, strerror(errno));
		child_ended(c);
		return;
	}
	atomic_store(&q->shm->guardian.engine_pid, (uint32_t)c->pid);
	if (send_image(g, c) < 0)
		say("queue %u: cannot hand the policy to the engine: %s", q->num, strerror(errno));
	candidate_hand_out(g, q);
}

void engine_ended(struct guardian *g, struct queue *q)
{
	struct shm *s = q->shm;
	uint32_t suspects;
	siginfo_t si = {.si_pid = 0};
	int status = 0;
	char how[32];

	/* Its packet first: until it is reaped the watch sees that it has ended, and lets nothing of it go. */
	if (waitid(P_PID, (id_t)q->child.pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
		return;
	queue_deny_suspect(g, q, q->child.kicked || si.si_code != CLD_KILLED || si.si_status != SIGKILL);
	if (!child_reap(q->child.pid, &status))
		return;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	/* From outside it is killed with SIGKILL; any other end is its own doing. */
	queue_settle(g, q, q->child.kicked || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL);
	child_ended(&q->child);
	atomic_store(&s->guardian.engine_pid, 0);
	atomic_store(&s->guardian.restarts, atomic_load(&s->guardian.restarts) + 1);
	if (q->child.start_at_us <= now_us())
		engine_start(g, q);
	suspects = atomic_load(&s->guardian.suspects);
	say_event(g, q, "engine of queue %u ended (%s)%s; %s", q->num, how,
		  suspects != q->suspects_told ? " in packet, which is denied" : "",
		  q->child.pid ? "a new one runs" : "a new one waits");
	q->suspects_told = suspects;
}

void recorder_tell_queue(struct guardian *g, struct queue *q)
{
	struct msg m = {.type = MSG_SHM, .arg = q->num};
	char path[32];
	int fd;

	if (g->recorder.channel < 0)
		return;
	/* To be read: it must neither change what engines know nor take memory away from under them. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", q->shm_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || msg_send(g->recorder.channel, &m, fd) < 0)
		say("cannot hand queue %u to the recorder: %s", q->num, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void recorder_start(struct guardian *g)
{
	char path[GUARDIAN_PATH + 16];
	/* A name in its working directory: its user may not be able to come there by path. */
	const char *argv[] = {path,      "--control",   "control",    "--policy-file",
			      g->policy, "--state-dir", g->state_dir, NULL};
	struct child *c = &g->recorder;
	int pair[2];

	c->name = "recorder";
	c->started_us = now_us();
	snprintf(path, sizeof(path), "%s/otfw-recorder", g->libexec);
	if (make_channel(pair) == 0) {
		struct child_fd fds[4] = {{pair[1], FD_CHANNEL}};
		struct child_start s = {.argv = argv,
					.fds = fds,
					.nfds = 1,
					.dir = g->run_fd,
					.uid = g->recorder_uid,
					.gid = g->recorder_gid,
					.die_with_parent = true};

		if (g->log_fd >= 0)
			fds[s.nfds++] = (struct child_fd){g->log_fd, FD_LOG};
		if (g->records_fd >= 0)
			fds[s.nfds++] = (struct child_fd){g->records_fd, FD_STATE};
		if (g->track_fd >= 0)
			fds[s.nfds++] = (struct child_fd){g->track_fd, FD_TRACK};
		c->channel = pair[0];
		c->pid = child_spawn(&s, &c->pidfd);
		close(pair[1]);
	} else {
		c->channel = -1;
		c->pid = -1;
	}
	if (c->pid < 0) {
		say("cannot start the recorder: %s", strerror(errno));
		child_ended(c);
		return;
	}
	for (unsigned i = 0; i < g->nqueues; i++)
		recorder_tell_queue(g, &g->queues[i]);
	mirror_tell_recorder(g);
	island_tell(g);
	overlay_tell(g);
	if (send_image(g, c) < 0)
		say("cannot hand the policy to the recorder: %s", strerror(errno));
	candidate_tell(g);
	change_tell(g);
	commit_tell(g);
}

void recorder_ended(struct guardian *g)
{
	int status = 0;

	if (!child_reap(g->recorder.pid, &status))
		return;
	child_ended(&g->recorder);
	say("the recorder ended (%s %d); verdicts go on", WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (g->recorder.start_at_us <= now_us())
		recorder_start(g);
}
