/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a change of policy changed, for its record in the audit chain. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/recorder/audit.h"
#include "rules/diff.h"

void change_add(struct recorder *r, uint32_t which, int fd)
{
	struct image_kept *k = &r->change[which ? 1 : 0];

	image_unmap(k);
	if (!image_map(k, 0, fd))
		*k = (struct image_kept){0};
}

static bool is(const struct image_kept *k, const uint8_t *digest)
{
	return k->mem && memcmp(policy_digest(&k->policy), digest, POLICY_DIGEST) == 0;
}

const struct policy *change_policy(const struct recorder *r, const uint8_t digest[POLICY_DIGEST])
{
	for (unsigned i = 0; i < 2; i++)
		if (is(&r->change[i], digest))
			return &r->change[i].policy;
	for (unsigned i = 0; i < r->nimages; i++)
		if (is(&r->images[i], digest))
			return &r->images[i].policy;
	return is(&r->candidate, digest) ? &r->candidate.policy : NULL;
}

/* Whole lines, as many as fit. */
static void take_lines(struct change_text *out, const char *lines)
{
	bool full = false;

	for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
		size_t n = (size_t)(end + 1 - lines);

		full |= n > CHANGE_TEXT - out->len;
		if (full) {
			out->left_out++;
			continue;
		}
		memcpy(out->text + out->len, lines, n);
		out->len += (uint32_t)n;
	}
}

/* In the child. */
static int compare(const struct policy *before, const struct policy *after, struct change_text *out)
{
	struct diff_count n = {0};
	char *lines = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&lines, &size);

	if (!f || diff_print(before, after, false, f, &n) != 0 || fclose(f) != 0)
		return 1;
	out->allowed = n.allowed;
	out->denied = n.denied;
	out->changed = n.changed;
	take_lines(out, lines);
	free(lines);
	return 0;
}

/* NULL when it ended in time and well. */
static const char *wait_for(pid_t pid)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	bool late = p.fd < 0 || poll(&p, 1, CHANGE_WAIT_MS) != 1;
	int status = 0;

	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		close(p.fd);
	if (late)
		return "comparing the two policies took too long";
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL
							     : "the two policies could not be compared";
}

const char *change_compare(const struct recorder *r, const uint8_t *before, const uint8_t *after,
			   struct change_text *out)
{
	const struct policy *was = change_policy(r, before), *is_now = change_policy(r, after);
	struct change_text *shared;
	const char *why = NULL;

	memset(out, 0, sizeof(*out));
	if (!was || !is_now)
		return "the policies are not at hand any more";
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return "no memory to compare the two policies";
	pid_t pid = fork();
	if (pid == 0)
		_exit(compare(was, is_now, shared));
	why = pid < 0 ? "no process to compare the two policies" : wait_for(pid);
	if (!why)
		*out = *shared;
	munmap(shared, sizeof(*shared));
	return why;
}
