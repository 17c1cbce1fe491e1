/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of what is isolated and overridden: on disk, and as the recorder is told it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/island.h"

#define STATE_FILE    "islands"
#define STATE_NEW     "islands.new"
#define STATE_DAMAGED "islands.damaged"
#define END_WAIT_MS   2000

static char text[ISLAND_TEXT_MAX];

static void boot_read(struct guardian *g)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, g->island.boot, sizeof(g->island.boot) - 1);

	if (fd >= 0)
		close(fd);
	/* Unknown: then no boot is the same, and an override ends with the daemon that gave it. */
	g->island.boot[n < 0 ? 0 : (size_t)n] = '\0';
	g->island.boot[strcspn(g->island.boot, "\n ")] = '\0';
	if (!*g->island.boot)
		snprintf(g->island.boot, sizeof(g->island.boot), "unknown-%d", (int)getpid());
}

static int state_directory(struct guardian *g)
{
	struct stat st;

	if (mkdir(g->state_dir, 0700) < 0 && errno != EEXIST)
		return -1;
	g->island.dir = open(g->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->island.dir < 0 || fstat(g->island.dir, &st) < 0)
		return -1;
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	/* Whoever can write there could release a zone. */
	close(g->island.dir);
	g->island.dir = -1;
	errno = EPERM;
	return -1;
}

int island_load(struct guardian *g)
{
	struct island_work *w = &g->island;
	ssize_t n = 0;
	int fd;

	boot_read(g);
	if (state_directory(g) < 0) {
		say("%s: %s; isolations would not survive a restart%s", g->state_dir,
		    errno == EPERM ? "belongs to, or can be written by, somebody else" : strerror(errno),
		    g->best_effort ? "; going on as told" : "");
		return g->best_effort ? 0 : -1;
	}
	fd = openat(w->dir, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (fd >= 0 && n >= 0 && islands_parse(&w->list, text, (size_t)n) == 0)
		return 0;
	w->damaged = true;
	say("%s/%s cannot be read or is damaged: zones that fail closed are isolated until they are released",
	    g->state_dir, STATE_FILE);
	/* Kept for whoever wants to look at it, and in its place until another takes it: a crash before that changes nothing. */
	unlinkat(w->dir, STATE_DAMAGED, 0);
	if (linkat(w->dir, STATE_FILE, w->dir, STATE_DAMAGED, 0) < 0)
		say("keep it as %s: %s", STATE_DAMAGED, strerror(errno));
	return 0;
}

/* In the child: its exit status says at which step it failed. */
static void save_child(int dir, size_t len)
{
	int fd = openat(dir, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		_exit(errno & 0x7f);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n <= 0)
			_exit(n < 0 ? errno & 0x7f : EIO);
		at += (size_t)n;
	}
	if (fsync(fd) < 0 || close(fd) < 0 || renameat(dir, STATE_NEW, dir, STATE_FILE) < 0 || fsync(dir) < 0)
		_exit(errno & 0x7f);
	_exit(0);
}

void island_save_start(struct guardian *g)
{
	struct island_work *w = &g->island;
	size_t len = islands_print(&w->list, text, sizeof(text));

	w->saving = w->want;
	if (w->dir < 0) {
		w->saved = w->want; /* --best-effort: said at start */
		return;
	}
	w->save_pid = child_fork(g);
	if (w->save_pid == 0)
		save_child(w->dir, len);
	w->save_pidfd = w->save_pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, w->save_pid, 0);
	if (w->save_pidfd >= 0)
		return;
	say("start writing %s/%s: %s", g->state_dir, STATE_FILE, strerror(errno));
	if (w->save_pid > 0)
		waitpid(w->save_pid, NULL, 0);
	w->save_pid = 0;
	w->save_retry_us = now_us() + ISLAND_RETRY_US;
}

void island_save_step(struct guardian *g)
{
	struct island_work *w = &g->island;
	int status = 0;

	if (!island_child_done(&w->save_pid, &w->save_pidfd, &status))
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		w->saved = w->saving;
		return;
	}
	w->save_retry_us = now_us() + ISLAND_RETRY_US;
	island_answer_failed(g, w->saving, false,
			     WIFEXITED(status) ? strerror(WEXITSTATUS(status))
					       : "the process that writes was killed");
}

void island_end(struct guardian *g)
{
	struct island_work *w = &g->island;
	int64_t until = now_us() + END_WAIT_MS * 1000ll;

	while ((w->save_pid > 0 || w->saved != w->want) && now_us() < until) {
		struct pollfd p = {.fd = w->save_pidfd, .events = POLLIN};

		if (w->save_pid == 0)
			island_save_start(g);
		poll(&p, 1, w->save_pid > 0 ? (int)((until - now_us()) / 1000) + 1 : 100);
		island_save_step(g);
	}
	if (w->saved != w->want)
		say("%s/%s could not be written", g->state_dir, STATE_FILE);
}

void island_tell(struct guardian *g)
{
	struct msg m = {.type = MSG_ISLANDS, .generation = g->active.generation};
	size_t len = islands_print(&g->island.list, text, sizeof(text));
	int fd = g->recorder.channel < 0 ? -1 : memfd_create("otfw-islands", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, len) != (ssize_t)len || msg_send(g->recorder.channel, &m, fd) < 0)
		say("cannot tell the recorder what is isolated: %s", strerror(errno));
	close(fd);
}
