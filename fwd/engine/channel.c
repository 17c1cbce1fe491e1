/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/common/msg.h"

#define IMAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int take_image(struct channel *c, int fd, uint32_t generation, const char **what)
{
	static char err[160];
	struct policy p, old = c->policy;
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
	if (policy_open(&p, at, (size_t)st.st_size, err, sizeof err) < 0) {
		munmap(at, (size_t)st.st_size);
		*what = err;
		errno = EINVAL;
		return -1;
	}
	c->policy = p;
	c->taken(&old, generation);
	if (old.image)
		munmap((void *)(uintptr_t)old.image, old.size);
	return 0;
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
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return -1;
	}
}
