/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of closed queues outlives the guardian: where PDUs begin in sessions that run is not forgotten by its death or a restart.
 * It is a file in a directory that only root enters, in a memory file system, which ends with the boot as the monotonic clock in it does.
 * The next guardian takes it over if it is of the same build: the same version, the same engine by its executable, one layout
 * (shm_open_mem()). What cannot be kept is said, and the start goes on with memory of its own: a recorder gone bad, which may own the
 * directory around, or a full file system must not keep the guardian from starting.
 *
 * While a guardian or an engine has the file open it is locked (flock: the description is one, which engines inherit), so nobody takes over
 * memory that an engine of before still writes. Open queues have none of this: what passed unseen meanwhile makes it worthless.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define KEEP_DIR   "sessions"
#define KEEP_NAME  34 /* build and engine, 16 digits each */
#define KEEP_BUILD 16
#define KEEP_LEAVE                                                                                           \
	(32u                                                                                                 \
	 << 20) /* octets left to others: service managers refuse to work with less than half of that in /run */
#define KEEP_TRIES  100 /* for engines of before to end, */
#define KEEP_TRY_US 10000
#define KEEP_NOT    "what is known of sessions ends with this process"

/* FNV-1a. */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	for (const unsigned char *c = p; n > 0; n--)
		h = (h ^ *c++) * 0x100000001b3u;
	return h;
}
#define MIX_EMPTY 0xcbf29ce484222325u

static void name_of(const struct guardian *g, const char *engine, char name[KEEP_NAME])
{
	snprintf(name, KEEP_NAME, "%016" PRIx64 "-%016" PRIx64, g->keep_build,
		 mix(MIX_EMPTY, engine, strlen(engine)));
}

/* Takes files away: all but those whose name begins so, and those that somebody has open (unless `used` as well). */
static void clear(int dir, const char *but, bool used)
{
	int at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	DIR *d = at < 0 ? NULL : fdopendir(at);
	const struct dirent *e;

	if (!d) {
		if (at >= 0)
			close(at);
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || (*but && strncmp(e->d_name, but, strlen(but)) == 0))
			continue;
		fd = openat(dir, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (used || fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dir, e->d_name, 0);
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
}

static const char *open_directory(struct guardian *g)
{
	char path[GUARDIAN_PATH + 16], build[KEEP_NAME];
	struct statfs fs;
	struct stat st;
	uint64_t h;

	/* A disk would be written to for every packet, and outlive the boot. */
	if (fstatfs(g->run_fd, &fs) < 0)
		return strerror(errno);
	if ((unsigned long)fs.f_type != TMPFS_MAGIC)
		return "in no memory file system";
	if (mkdirat(g->run_fd, KEEP_DIR, 0700) < 0 && errno != EEXIST)
		return strerror(errno);
	g->keep_fd = openat(g->run_fd, KEEP_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->keep_fd < 0 || fstat(g->keep_fd, &st) < 0)
		return strerror(errno);
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return "others than root may write there";
	snprintf(path, sizeof(path), "%s/otfw-engine", g->libexec);
	if (stat(path, &st) < 0)
		return strerror(errno);
	h = mix(MIX_EMPTY, OTFW_VERSION, sizeof(OTFW_VERSION));
	h = mix(h, &st.st_dev, sizeof(st.st_dev));
	h = mix(h, &st.st_ino, sizeof(st.st_ino));
	h = mix(h, &st.st_size, sizeof(st.st_size));
	g->keep_build = mix(h, &st.st_mtim, sizeof(st.st_mtim));
	/* Another build's now, before there is to be room for ours. */
	name_of(g, "", build);
	build[KEEP_BUILD] = '\0';
	clear(g->keep_fd, build, false);
	return NULL;
}

void keep_open(struct guardian *g)
{
	const char *why = open_directory(g);

	if (!why)
		return;
	say("%s/" KEEP_DIR ": %s: " KEEP_NOT, g->run_dir, why);
	if (g->keep_fd >= 0)
		close(g->keep_fd);
	g->keep_fd = -1;
}

static bool lock(int fd)
{
	for (unsigned i = 0; i < KEEP_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		usleep(KEEP_TRY_US);
	}
	return false;
}

static struct shm *map(int fd)
{
	void *at = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* What is there, if it is whole and ours. *busy: somebody has it. */
static struct shm *find(const struct guardian *g, const char *name, int *fd, bool *busy)
{
	const char *why;
	struct stat st;
	struct shm *s = NULL;

	*busy = false;
	*fd = openat(g->keep_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return NULL;
	*busy = !lock(*fd);
	if (!*busy && fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & 077) && st.st_nlink == 1 && (size_t)st.st_size == shm_size())
		s = map(*fd);
	if (s && !shm_open_mem(s, shm_size(), &why)) {
		munmap(s, shm_size());
		s = NULL;
	}
	if (!s)
		close(*fd);
	return s;
}

/* Is there room, and some left? A memory file system without a limit says that it has no blocks. */
static bool room(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 &&
	       (fs.f_blocks == 0 || (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= shm_size() + KEEP_LEAVE);
}

static struct shm *make(const struct guardian *g, const char *name, int *fd)
{
	struct shm *s = NULL;
	int e = ENOSPC;

	unlinkat(g->keep_fd, name, 0);
	*fd = -1;
	if (room(g->keep_fd)) {
		*fd = openat(g->keep_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) < 0)
			e = errno;
		/* All of it now: later there might be no room, and whoever touched it then would die of it. */
		else if ((e = posix_fallocate(*fd, 0, (off_t)shm_size())) == 0 && !(s = map(*fd)))
			e = errno;
	}
	if (s)
		return s;
	say("%s/" KEEP_DIR ": %s: " KEEP_NOT, g->run_dir, strerror(e));
	if (*fd >= 0) {
		unlinkat(g->keep_fd, name, 0);
		close(*fd);
	}
	return NULL;
}

struct shm *keep_memory(const struct guardian *g, const struct queue *q, int *fd)
{
	char name[KEEP_NAME];
	struct shm *s;
	bool busy;

	if (g->keep_fd < 0 || q->failure != FAILURE_CLOSED)
		return NULL;
	name_of(g, q->engine, name);
	s = find(g, name, fd, &busy);
	if (busy) {
		say("%s/" KEEP_DIR "/%s is in use: " KEEP_NOT, g->run_dir, name);
		/* From here on sessions go on without it: no later guardian may take it for what is known of them. */
		unlinkat(g->keep_fd, name, 0);
	}
	return s || busy ? s : make(g, name, fd);
}

void keep_tidy(const struct guardian *g)
{
	if (g->keep_fd >= 0)
		clear(g->keep_fd, "", false);
}

int keep_remove(struct guardian *g)
{
	g->run_fd = open(g->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->run_fd < 0)
		return 0;
	g->keep_fd = openat(g->run_fd, KEEP_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Also what a guardian has that still runs: without a ruleset it no longer sees what passes. */
	if (g->keep_fd >= 0)
		clear(g->keep_fd, "", true);
	if (unlinkat(g->run_fd, KEEP_DIR, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	say("%s/" KEEP_DIR ": %s", g->run_dir, strerror(errno));
	return -1;
}
