/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Islands into the kernel: a tool loads the chains of PLAN_ISLAND, one job after the other, and nobody waits for it. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/island.h"

#define APPLY_US (20 * 1000000ll)

bool island_text_sum(int *texts, int n, uint64_t *sum)
{
	*sum = 0;
	for (int i = 0; i < n; i++) {
		off_t size = lseek(texts[i], 0, SEEK_END);
		void *p = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, texts[i], 0) : NULL;

		if (size < 0 || p == MAP_FAILED)
			return false;
		*sum = islands_sum(*sum, p, (size_t)size);
		if (p)
			munmap(p, (size_t)size);
	}
	return true;
}

static void apply_close(struct island_work *w)
{
	for (int i = 0; i < w->njobs; i++)
		close(w->job_text[i]);
	if (w->words >= 0)
		close(w->words);
	w->njobs = 0;
	w->words = -1;
}

static void apply_failed(struct guardian *g)
{
	struct island_work *w = &g->island;
	char buf[ISLAND_WHY] = "";
	ssize_t n = w->words < 0 ? -1 : pread(w->words, buf, sizeof(buf) - 1, 0);

	buf[n < 0 ? 0 : (size_t)n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	apply_close(w);
	w->apply_retry_us = now_us() + ISLAND_RETRY_US;
	island_answer_failed(g, w->applying, true, *buf ? buf : "its tool fails");
}

static void apply_job(struct guardian *g)
{
	struct island_work *w = &g->island;

	w->deadline_us = now_us() + APPLY_US;
	w->pid = kernel_fill_start(g, w->job, w->job_text[w->job], w->words, &w->pidfd);
	if (w->pid < 0) {
		w->pid = 0;
		apply_failed(g);
	}
}

void island_apply_start(struct guardian *g)
{
	struct island_work *w = &g->island;

	w->applying = w->want;
	w->job = 0;
	w->words = memfd_create("otfw-words", MFD_CLOEXEC);
	w->njobs = kernel_island_print(g, w->job_text);
	if (w->njobs < 0 || w->words < 0 || !island_text_sum(w->job_text, w->njobs, &w->applying_sum)) {
		w->njobs = w->njobs < 0 ? 0 : w->njobs;
		apply_failed(g);
		return;
	}
	apply_job(g);
}

bool island_child_done(pid_t *pid, int *pidfd, int *status)
{
	if (*pid <= 0 || !child_reap(*pid, status))
		return false;
	close(*pidfd);
	*pidfd = -1;
	*pid = 0;
	return true;
}

void island_apply_step(struct guardian *g)
{
	struct island_work *w = &g->island;
	int status = 0;

	if (island_child_done(&w->pid, &w->pidfd, &status)) {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			apply_failed(g);
		} else if (++w->job < w->njobs) {
			apply_job(g);
		} else {
			apply_close(w);
			w->applied = w->applying;
			w->sum = w->applying_sum;
			w->known = !w->filling || w->keep;
		}
	} else if (w->pid > 0 && now_us() > w->deadline_us) {
		kill(w->pid, SIGKILL);
		w->deadline_us = INT64_MAX;
	}
}
