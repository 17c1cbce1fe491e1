/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state directory of its own for a test of what the recorder keeps, as the recorder inherits it: at FD_STATE. */
#ifndef OTFW_TESTS_UNIT_STATEDIR_H
#define OTFW_TESTS_UNIT_STATEDIR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/common/msg.h"

static char statedir[64];

static inline int statedir_open(void)
{
	strcpy(statedir, "/tmp/otfw-state-test-XXXXXX");
	if (!mkdtemp(statedir))
		return -1;
	int fd = open(statedir, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || dup2(fd, FD_STATE) != FD_STATE)
		return -1;
	if (fd != FD_STATE)
		close(fd);
	return 0;
}

/* database: "x.db", the one thing in it. An error where anything else was left. */
static inline int statedir_close(const char *database)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[128];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", statedir, database, ends[i]);
		unlink(path);
	}
	close(FD_STATE);
	return rmdir(statedir);
}

#endif
