/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The candidate: a policy that somebody has brought and that is not in force. It is compiled where its author sits; here its image is
 * checked as any other, copied, sealed and stored, and from then on there for whoever judges by it, and for `commit`.
 *
 * What comes is believed for what it is, not for who passes it on: the memory must be sealed, and must have been made by a process of our own
 * user. The recorder can neither change it nor make one.
 */
#include "fwd/guardian/candidate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/guardian/commit.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/store.h"
#include "rules/source.h"

#define PREFIX     "candidate/"
#define IMAGE_SIZE (128u << 20) /* of a candidate, at most: it is read within one turn of the guardian */
#define SEALS      (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static struct store_list list;

void policy_answer(struct guardian *g, uint32_t request, bool good, const char *fmt, ...)
{
	struct msg m = {.type = MSG_RELOADED,
			.arg = request,
			.status = good ? 0 : 1,
			.generation = g->active.generation};
	int fd = memfd_create("otfw-words", MFD_CLOEXEC);
	va_list ap;

	va_start(ap, fmt);
	if (fd >= 0 && (vdprintf(fd, fmt, ap) < 0 || write(fd, "\n", 1) != 1))
		errno = 0; /* the status says it too */
	va_end(ap);
	if (g->recorder.channel >= 0 && msg_send(g->recorder.channel, &m, fd) < 0)
		say("cannot answer a request: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void candidate_tell(struct guardian *g)
{
	struct msg m = {.type = MSG_CANDIDATE, .generation = g->candidate.generation};

	if (g->recorder.channel >= 0 && msg_send(g->recorder.channel, &m, g->candidate.fd) < 0)
		say("cannot hand the candidate to the recorder: %s", strerror(errno));
}

static void hand_out(struct guardian *g, struct queue *q)
{
	bool guard = commit_guards(g);
	struct msg m = {.type = MSG_CANDIDATE,
			.generation = guard ? g->commit.base.generation : g->candidate.generation,
			.arg = guard ? CANDIDATE_GUARD : 0};
	int fd = guard ? g->commit.base.fd : g->candidate.fd;

	if (q->child.pid && q->child.channel >= 0 && msg_send(q->child.channel, &m, fd) < 0)
		say("queue %u: cannot hand the candidate to the engine: %s", q->num, strerror(errno));
}

void candidate_hand_out(struct guardian *g, struct queue *q)
{
	if (g->candidate.fd >= 0 || commit_guards(g))
		hand_out(g, q);
}

void candidate_guard(struct guardian *g)
{
	g->commit.base.generation = ++g->cand.generation;
	for (unsigned i = 0; i < g->nqueues; i++)
		hand_out(g, &g->queues[i]);
}

static void forget(struct guardian *g)
{
	image_drop(&g->candidate);
	if (g->cand.source >= 0)
		close(g->cand.source);
	g->cand.source = -1;
	g->cand.meta = (struct policy_meta){0};
}

/* Another from here on, or none. */
static void changed(struct guardian *g)
{
	g->candidate.generation = ++g->cand.generation;
	candidate_tell(g);
	for (unsigned i = 0; i < g->nqueues; i++)
		hand_out(g, &g->queues[i]);
}

/* ---- from the disk ---- */

void candidate_load(struct guardian *g)
{
	struct candidate_work *w = &g->cand;
	char err[256];
	int failed = store_fetch(g, &w->job, PREFIX) ? store_wait(&w->job) : errno;

	if (failed == ENOENT)
		return;
	if (failed) {
		say("the candidate cannot be read: %s", strerror(failed));
		return;
	}
	if (store_taken(&w->job, &g->candidate, &w->source, &w->meta, err, sizeof(err)) != 0) {
		say("the candidate is given up: %s", err);
		forget(g);
		return;
	}
	g->candidate.generation = ++w->generation;
}

/* ---- requests ---- */

static int copied(const char *from, size_t len, const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	for (size_t at = 0; fd >= 0 && at < len;) {
		ssize_t n = write(fd, from + at, len - at);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	return fd;
}

/* What stands in the way of believing this memory, or NULL and its parts. */
static const char *take(int fd, struct image_mem *img, int *source, char *err, size_t cap)
{
	struct candidate_head head;
	struct stat st;
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS), image;
	char *map;

	if (fd < 0 || seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
		return "no sealed memory came with the request";
	if (st.st_uid != geteuid())
		return "its memory was not made by root";
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.magic, CANDIDATE_MAGIC, sizeof(head.magic)) != 0 || head.image > IMAGE_SIZE ||
	    head.source > SOURCE_MAX ||
	    (uint64_t)st.st_size != sizeof(head) + (uint64_t)head.image + head.source)
		return "its memory is not laid out as it must be, or is too large";
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return "its memory cannot be mapped";
	image = copied(map + sizeof(head), head.image, "otfw-image");
	*source = copied(map + sizeof(head) + head.image, head.source, "otfw-source");
	munmap(map, (size_t)st.st_size);
	if (image < 0 || *source < 0)
		snprintf(err, cap, "no memory for it");
	else if (image_take(img, image, err, cap) == 0)
		return NULL;
	if (image >= 0)
		close(image);
	if (*source >= 0)
		close(*source);
	*source = -1;
	return err;
}

static void refuse(struct guardian *g, const struct msg *m, const char *action, const char *why)
{
	policy_audit(g, &m->policy, action, true, NULL, NULL, "%s", why);
	policy_answer(g, m->arg, false, "%s", why);
}

void candidate_request(struct guardian *g, const struct msg *m, int fd)
{
	struct candidate_work *w = &g->cand;
	const struct msg_policy *p = &m->policy;
	bool drop = p->act == POLICY_DROP;
	const char *action = drop ? "candidate-drop" : "candidate-load", *why;
	char err[256];
	struct image_mem img = {.fd = -1};
	int source = -1;

	if (w->job.pid > 0) {
		refuse(g, m, action, "another candidate is being stored");
		return;
	}
	list.n = 0;
	if (drop) {
		if (g->candidate.fd < 0) {
			refuse(g, m, action, "there is no candidate");
			return;
		}
		store_policy_remove(&list, PREFIX);
	} else {
		why = take(fd, &img, &source, err, sizeof(err));
		if (why) {
			refuse(g, m, action, why);
			return;
		}
		w->next_meta = (struct policy_meta){.uid = p->uid,
						    .login = p->login,
						    .at_us = island_clock_us(CLOCK_REALTIME),
						    .source_sum = store_sum(source)};
		memcpy(w->next_meta.digest, policy_digest(&img.policy), POLICY_DIGEST);
		memcpy(w->next_meta.reason, p->reason, sizeof(p->reason));
		memcpy(w->next_meta.ticket, p->ticket, sizeof(p->ticket));
		memcpy(w->next_meta.name, p->name, sizeof(p->name));
		store_policy(&list, PREFIX, &w->next_meta, img.fd, source);
	}
	w->next = img;
	w->next_source = source;
	w->ask = *p;
	w->request = m->arg;
	if (!store_start(g, &w->job, &list)) {
		refuse(g, m, action, strerror(errno));
		image_drop(&w->next);
		if (source >= 0)
			close(source);
		w->next_source = -1;
	}
}

void candidate_step(struct guardian *g)
{
	struct candidate_work *w = &g->cand;
	bool drop = w->ask.act == POLICY_DROP;
	char hex[17];
	int err;

	if (w->job.pid == 0 || !store_done(&w->job, &err))
		return;
	if (err) {
		policy_audit(g, &w->ask, drop ? "candidate-drop" : "candidate-load", true, NULL, NULL,
			     "its files cannot be written: %s", strerror(err));
		policy_answer(g, w->request, false, "its files cannot be written: %s", strerror(err));
		image_drop(&w->next);
		if (w->next_source >= 0)
			close(w->next_source);
		w->next_source = -1;
		return;
	}
	forget(g);
	if (!drop) {
		g->candidate = w->next;
		w->source = w->next_source;
		w->meta = w->next_meta;
	}
	w->next = (struct image_mem){.fd = -1};
	w->next_source = -1;
	changed(g);
	if (drop) {
		policy_audit(g, &w->ask, "candidate-drop", false, NULL, NULL,
			     "there is no candidate any more");
		policy_answer(g, w->request, true, "there is no candidate any more");
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", w->meta.digest[i]);
	policy_audit(g, &w->ask, "candidate-load", false, NULL, w->meta.digest, "digest %s... of %.60s", hex,
		     w->meta.name);
	policy_answer(g, w->request, true, "candidate %s... is loaded; what is in force has not changed",
		      hex);
}

bool candidate_take(struct guardian *g, struct image_mem *img, int *source, struct policy_meta *meta)
{
	if (g->candidate.fd < 0 || g->cand.job.pid > 0 || image_share(img, &g->candidate) < 0)
		return false;
	*source = g->cand.source >= 0 ? fcntl(g->cand.source, F_DUPFD_CLOEXEC, 10) : -1;
	*meta = g->cand.meta;
	return true;
}
