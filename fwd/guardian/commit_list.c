/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history of policies: what is kept of it in memory, and how it is found at the start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/guardian/commit.h"
#include "fwd/guardian/store.h"

struct policy_meta *commit_find(struct guardian *g, uint32_t number)
{
	for (unsigned i = 0; number && i < g->commit.n; i++)
		if (g->commit.list[i].number == number)
			return &g->commit.list[i];
	return NULL;
}

static void take_out(struct commit_work *w, unsigned i)
{
	memmove(&w->list[i], &w->list[i + 1], (w->n - i - 1) * sizeof(w->list[0]));
	w->n--;
}

/* Numbers go up: the last is the newest. */
static bool needed(const struct commit_work *w, uint32_t number)
{
	return number == w->running || number == w->state.confirmed || number == w->state.trial;
}

struct policy_meta *commit_new(struct guardian *g, uint32_t *gone)
{
	struct commit_work *w = &g->commit;
	uint32_t number = w->n ? w->list[w->n - 1].number + 1 : 1;

	*gone = 0;
	for (unsigned i = 0; w->n == META_KEPT && i < w->n; i++)
		if (!needed(w, w->list[i].number)) {
			*gone = w->list[i].number;
			take_out(w, i);
			break;
		}
	w->list[w->n] = (struct policy_meta){.number = number};
	return &w->list[w->n++];
}

static int by_number(const void *a, const void *b)
{
	const struct policy_meta *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static bool read_meta(int dir, const char *name, struct policy_meta *m)
{
	char text[META_TEXT_MAX];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	return n > 0 && meta_parse(m, text, (size_t)n) == 0;
}

void commit_list_read(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	int fd = openat(g->island.dir, "policies", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	w->n = 0;
	while (d && (e = readdir(d)) && w->n < META_KEPT) {
		struct policy_meta *m = &w->list[w->n];
		char *end;
		unsigned long number = strtoul(e->d_name, &end, 10);

		if (strcmp(end, ".meta") != 0)
			continue;
		if (!read_meta(fd, e->d_name, m) || m->number != number)
			say("%s/policies/%s is damaged; that policy is not in the history", g->state_dir,
			    e->d_name);
		else
			w->n++;
	}
	if (d)
		closedir(d);
	qsort(w->list, w->n, sizeof(w->list[0]), by_number);
}
