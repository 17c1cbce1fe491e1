/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy images: sealed, checked, mapped read-only. */
#include "rules/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int image_take(struct image_mem *img, int fd, char *err, size_t cap)
{
	struct stat st;

	*img = (struct image_mem){.fd = -1};
	/* Sealed first: what is checked afterwards is what every engine will see. */
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0 || fstat(fd, &st) < 0) {
		snprintf(err, cap, "seal the policy image: %s", strerror(errno));
		return -1;
	}
	if (st.st_size == 0) {
		snprintf(err, cap, "the compiler left an empty policy image");
		return -1;
	}
	img->size = (size_t)st.st_size;
	img->map = mmap(NULL, img->size, PROT_READ, MAP_SHARED, fd, 0);
	if (img->map == MAP_FAILED) {
		snprintf(err, cap, "map the policy image: %s", strerror(errno));
		return -1;
	}
	if (image_verify(img->map, img->size, err, cap) < 0 ||
	    policy_open(&img->policy, img->map, img->size, err, cap) < 0) {
		munmap(img->map, img->size);
		return -1;
	}
	if (policy_queues(&img->policy) > PLAN_QUEUES_MAX) {
		snprintf(err, cap, "the policy needs %u queues, %d are possible", policy_queues(&img->policy),
			 PLAN_QUEUES_MAX);
		munmap(img->map, img->size);
		return -1;
	}
	img->fd = fd;
	return 0;
}

int image_share(struct image_mem *img, const struct image_mem *of)
{
	char err[128];

	*img = (struct image_mem){.fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 10), .size = of->size};
	if (img->fd < 0)
		return -1;
	img->map = mmap(NULL, img->size, PROT_READ, MAP_SHARED, img->fd, 0);
	if (img->map == MAP_FAILED) {
		close(img->fd);
		img->fd = -1;
		return -1;
	}
	return policy_open(&img->policy, img->map, img->size, err, sizeof(err));
}

void image_drop(struct image_mem *img)
{
	if (img->fd < 0)
		return;
	munmap(img->map, img->size);
	close(img->fd);
	*img = (struct image_mem){.fd = -1};
}
