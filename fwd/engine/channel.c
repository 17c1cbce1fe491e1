/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/common/msg.h"

#define IMAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int open_image(struct policy *p, int fd, const char **what)
{
	static char err[160];
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & IMAGE_SEALS) != IMAGE_SEALS || fstat(fd, &st) < 0 || st.st_size <= 0) {
		*what = "the policy image is not sealed memory";
		errno = EINVAL;
		return -1;
	}
	/* Private, because older kernels refuse a shared mapping of memory sealed against writing. */
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		*what = "map the policy image";
		return -1;
	}
	if (policy_open(p, at, (size_t)st.st_size, err, sizeof err) < 0) {
		munmap(at, (size_t)st.st_size);
		*what = err;
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static void close_image(const struct policy *p)
{
	if (p->image)
		munmap((void *)(uintptr_t)p->image, p->size);
}

static int take_image(struct channel *c, int fd, uint32_t generation, const char **what)
{
	struct policy p, old = c->policy;

	if (open_image(&p, fd, what) < 0)
		return -1;
	c->policy = p;
	c->taken(&old, generation);
	close_image(&old);
	return 0;
}

/* fd -1: there is none. One that cannot be used is as good as none: no verdict depends on it. */
static void take_candidate(struct channel *c, int fd, uint32_t generation, bool guard)
{
	struct policy p = {0}, old = c->candidate;
	const char *what;

	if (fd >= 0 && open_image(&p, fd, &what) < 0)
		p = (struct policy){0};
	c->candidate = p;
	c->guard = guard;
	c->candidate_taken(generation);
	close_image(&old);
}

int channel_read(struct channel *c, const char **what)
{
	for (;;) {
		struct msg m;
		int fd = -1, r = msg_recv(FD_CHANNEL, &m, &fd);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : (*what = "read the channel", -1);
		if (r == 0)
			return 0;
		if (m.type == MSG_IMAGE && fd >= 0)
			r = take_image(c, fd, m.generation, what);
		else if (m.type == MSG_CANDIDATE)
			take_candidate(c, fd, m.generation, m.arg == CANDIDATE_GUARD);
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return -1;
	}
}
