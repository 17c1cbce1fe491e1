/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfw-engine: started by the guardian with FD_QUEUE, FD_SHM and FD_CHANNEL open, never by hand. Takes the shared memory, closes itself
 * in, and judges packets until the guardian goes. With --mirror it looks at copies of safety packets and judges nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/common/msg.h"
#include "fwd/engine/mirror.h"
#include "fwd/engine/nfq.h"
#include "fwd/engine/sandbox.h"

enum { EXIT_RAN = 0, EXIT_COULD_NOT = 2 };

/* Without stdio, which wants system calls and heap that are gone by then. */
static int fail(const char *what)
{
	char line[256];
	const char *why = strerrordesc_np(errno);
	int n = snprintf(line, sizeof line, "otfw-engine: %s: %s\n", what, why ? why : "unknown error");

	if (n > 0)
		(void)!write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	return EXIT_COULD_NOT;
}

static struct shm *map_shared(const char **err)
{
	struct stat st;

	if (fstat(FD_SHM, &st) < 0)
		return NULL;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, FD_SHM, 0);
	if (at == MAP_FAILED)
		return NULL;
	struct shm *s = shm_open_mem(at, (size_t)st.st_size, err);
	if (!s)
		errno = EINVAL;
	return s;
}

/* Closes itself in. 0, or -1 with *what. */
static int close_in(bool verdicts, const char **what)
{
	if (sandbox_root() < 0)
		dprintf(STDERR_FILENO,
			"otfw-engine: no empty root to be had; the system call filter alone keeps files away\n");
	*what = "drop privileges";
	if (sandbox_privileges(verdicts) < 0)
		return -1;
	*what = "system call filter";
	return sandbox_calls();
}

static int run_mirror(void)
{
	const char *what = "shared memory";
	struct mirror_shm *shm = mirror_map();

	/* A name of its own in lists of processes. */
	prctl(PR_SET_NAME, "otfw-mirror", 0, 0, 0);
	if (!shm || close_in(false, &what) < 0 || mirror_run(shm, &what) < 0)
		return fail(what);
	return EXIT_RAN;
}

int main(int argc, char **argv)
{
	const char *what = "shared memory";

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("otfw-engine " OTFW_VERSION);
		return EXIT_RAN;
	}
	bool mirror = argc == 2 && strcmp(argv[1], "--mirror") == 0;
	if (argc > 1 && !mirror) {
		dprintf(STDERR_FILENO, "usage: otfw-engine [--mirror | --version]; the guardian starts it\n");
		return EXIT_COULD_NOT;
	}
	/* What the guardian holds is none of the engine's business. */
	if (close_range(FD_CHANNEL + 1, ~0u, 0) < 0)
		return fail("close descriptors");
	if (mirror)
		return run_mirror();
	struct shm *shm = map_shared(&what);
	if (!shm)
		return fail(what);
	if (nfq_prepare() < 0)
		return fail("queue socket");
	if (close_in(true, &what) < 0)
		return fail(what);
	if (nfq_run(shm, &what) < 0)
		return fail(what);
	return EXIT_RAN;
}
