/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/guardian/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/island.h"
#include "rules/image.h"
#include "rules/source.h"

#define START_WAIT_MS 10000

static const char *const parts[STORE_PARTS] = {"source", "image", "meta"};

/* ---- what is to be done ---- */

static struct store_op *add(struct store_list *l, const char *name)
{
	struct store_op *op = &l->op[l->n];

	if (l->n + 1 < STORE_OPS)
		l->n++;
	op->fd = -1;
	op->len = 0;
	op->remove = false;
	snprintf(op->name, sizeof(op->name), "%s", name);
	return op;
}

void store_remove(struct store_list *l, const char *name)
{
	add(l, name)->remove = true;
}

void store_text(struct store_list *l, const char *name, const char *text, size_t len)
{
	struct store_op *op = add(l, name);

	op->len = len < sizeof(op->text) ? len : 0;
	memcpy(op->text, text, op->len);
}

void store_fd(struct store_list *l, const char *name, int fd)
{
	add(l, name)->fd = fd;
}

void store_prefix(uint32_t number, char out[STORE_NAME])
{
	snprintf(out, STORE_NAME, "policies/%06u.", number);
}

static void part(char out[STORE_NAME], const char *prefix, unsigned i)
{
	snprintf(out, STORE_NAME, "%.30s%s", prefix, parts[i]);
}

void store_policy(struct store_list *l, const char *prefix, const struct policy_meta *meta, int image,
		  int source)
{
	char name[STORE_NAME], text[META_TEXT_MAX];
	size_t len = meta_print(meta, text, sizeof(text));

	part(name, prefix, STORE_SOURCE);
	store_fd(l, name, source);
	part(name, prefix, STORE_IMAGE);
	store_fd(l, name, image);
	part(name, prefix, STORE_META);
	store_text(l, name, text, len);
}

void store_policy_remove(struct store_list *l, const char *prefix)
{
	char name[STORE_NAME];

	for (unsigned i = STORE_PARTS; i-- > 0;) {
		part(name, prefix, i);
		store_remove(l, name);
	}
}

/* ---- in the child: system calls only; its exit status is an errno ---- */

static int write_all(int fd, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, bytes + at, len - at);

		if (n <= 0)
			return n < 0 ? errno : EIO;
		at += (size_t)n;
	}
	return 0;
}

static int copy(int from, int to)
{
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, buf, sizeof(buf), at)) > 0) {
		int err = write_all(to, buf, (size_t)n);

		if (err)
			return err;
		at += n;
	}
	return n < 0 ? errno : 0;
}

static int write_file(int dir, const struct store_op *op)
{
	char aside[STORE_NAME + 8];
	int fd, err;

	snprintf(aside, sizeof(aside), "%s.new", op->name);
	fd = openat(dir, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	err = op->fd >= 0 ? copy(op->fd, fd) : write_all(fd, op->text, op->len);
	if (!err && fsync(fd) < 0)
		err = errno;
	if (close(fd) < 0 && !err)
		err = errno;
	if (!err && renameat(dir, aside, dir, op->name) < 0)
		err = errno;
	if (err)
		unlinkat(dir, aside, 0);
	return err;
}

static int sync_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd < 0 || fsync(fd) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err == ENOENT ? 0 : err;
}

static void write_child(int dir, const struct store_list *l)
{
	static const char *const dirs[] = {"candidate", "policies"};
	int err = 0;

	for (unsigned i = 0; i < 2; i++)
		if (mkdirat(dir, dirs[i], 0700) < 0 && errno != EEXIST)
			_exit(errno & 0x7f);
	for (unsigned i = 0; i < l->n && !err; i++) {
		if (!l->op[i].remove)
			err = write_file(dir, &l->op[i]);
		else if (unlinkat(dir, l->op[i].name, 0) < 0 && errno != ENOENT)
			err = errno;
	}
	for (unsigned i = 0; i < 2 && !err; i++)
		err = sync_dir(dir, dirs[i]);
	if (!err && fsync(dir) < 0)
		err = errno;
	_exit(err & 0x7f);
}

static void read_child(int dir, const char *prefix, const int to[STORE_PARTS])
{
	char name[STORE_NAME];

	for (unsigned i = 0; i < STORE_PARTS; i++) {
		part(name, prefix, i);
		int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		int err = fd < 0 ? errno : copy(fd, to[i]);
		if (err)
			_exit(err & 0x7f);
		close(fd);
	}
	_exit(0);
}

/* ---- the child, from outside ---- */

static bool started(struct store_job *j)
{
	int err = errno;

	j->pidfd = j->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, j->pid, 0);
	if (j->pidfd >= 0)
		return true;
	if (j->pid > 0) {
		err = errno;
		kill(j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
	}
	j->pid = 0;
	errno = err;
	return false;
}

bool store_start(struct guardian *g, struct store_job *j, const struct store_list *l)
{
	if (g->island.dir < 0) {
		errno = ENOENT;
		return false;
	}
	j->pid = child_fork(g);
	if (j->pid == 0)
		write_child(g->island.dir, l);
	return started(j);
}

static void forget(struct store_job *j)
{
	for (unsigned i = 0; i < STORE_PARTS; i++) {
		if (j->fetched[i] > 0)
			close(j->fetched[i]);
		j->fetched[i] = 0;
	}
}

bool store_fetch(struct guardian *g, struct store_job *j, const char *prefix)
{
	forget(j);
	for (unsigned i = 0; i < STORE_PARTS; i++) {
		j->fetched[i] = memfd_create("otfw-stored", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (j->fetched[i] < 0) {
			j->fetched[i] = 0;
			return false;
		}
	}
	if (g->island.dir < 0) {
		errno = ENOENT;
		return false;
	}
	j->pid = child_fork(g);
	if (j->pid == 0)
		read_child(g->island.dir, prefix, j->fetched);
	return started(j);
}

bool store_done(struct store_job *j, int *err)
{
	int status = 0;

	if (!island_child_done(&j->pid, &j->pidfd, &status))
		return false;
	*err = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return true;
}

int store_wait(struct store_job *j)
{
	struct pollfd p = {.fd = j->pidfd, .events = POLLIN};
	int err = EINTR;

	if (poll(&p, 1, START_WAIT_MS) != 1)
		kill(j->pid, SIGKILL);
	poll(&p, 1, START_WAIT_MS);
	return store_done(j, &err) ? err : ETIME;
}

uint64_t store_sum(int fd)
{
	struct stat st;
	uint64_t sum = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return 0;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 0;
	sum = islands_sum(0, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	return sum;
}

int store_taken(struct store_job *j, struct image_mem *img, int *source, struct policy_meta *meta, char *err,
		size_t cap)
{
	char text[META_TEXT_MAX];
	ssize_t n = pread(j->fetched[STORE_META], text, sizeof(text), 0);
	int rc = 0;

	*source = -1;
	*img = (struct image_mem){.fd = -1};
	if (n <= 0 || meta_parse(meta, text, (size_t)n) != 0 ||
	    meta->source_sum != store_sum(j->fetched[STORE_SOURCE])) {
		snprintf(err, cap, "its files are damaged");
		forget(j);
		return -1;
	}
	if (image_take(img, j->fetched[STORE_IMAGE], err, cap) < 0)
		rc = 1;
	else
		j->fetched[STORE_IMAGE] = 0;
	if (rc == 0 && memcmp(policy_digest(&img->policy), meta->digest, POLICY_DIGEST) != 0) {
		snprintf(err, cap, "its image is another than the one that was stored");
		image_drop(img);
		rc = 1;
	}
	*source = j->fetched[STORE_SOURCE];
	j->fetched[STORE_SOURCE] = 0;
	forget(j);
	return rc;
}
