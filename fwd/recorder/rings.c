/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/recorder/audit.h"
#include "fwd/recorder/recorder.h"
#include "fwd/recorder/use.h"

#define EVENTS_A_TURN RING_EVENTS /* of one ring, so that a flood in one does not silence the others */

static char line[JSONL_MAX];

static struct queue *queue_slot(struct recorder *r, uint32_t num)
{
	for (unsigned i = 0; i < r->nqueues; i++)
		if (r->queues[i].num == num)
			return &r->queues[i];
	if (r->nqueues == QUEUES_MAX) {
		complain("queue %u: more than %u queues", num, QUEUES_MAX);
		return NULL;
	}
	return &r->queues[r->nqueues];
}

static struct reader reader_of(struct ring *ring)
{
	struct reader in = {.ring = ring};
	uint64_t head = atomic_load(&in.ring->head);

	/* From the oldest event kept: after a restart of ours some are written twice, none is lost; seq tells them apart. */
	if (head > RING_EVENTS)
		in.tail = head - RING_EVENTS;
	return in;
}

void queue_add(struct recorder *r, uint32_t num, int fd)
{
	struct queue *q = queue_slot(r, num);
	const char *why = NULL;
	struct stat st;

	if (!q || fstat(fd, &st) != 0) {
		close(fd);
		return;
	}
	if (q->shm && q->dev == st.st_dev && q->ino == st.st_ino) {
		close(fd); /* the same memory again */
		return;
	}
	void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED) {
		complain("queue %u: shared memory: %s", num, strerror(errno));
		return;
	}
	struct shm *shm = shm_open_mem(mem, (size_t)st.st_size, &why);
	if (!shm) {
		complain("queue %u: %s", num, why);
		munmap(mem, (size_t)st.st_size);
		return;
	}
	if (q->shm)
		munmap(q->shm, q->shm->size);
	if (q == &r->queues[r->nqueues])
		r->nqueues++;
	*q = (struct queue){.num = (uint16_t)num,
			    .shm = shm,
			    .dev = st.st_dev,
			    .ino = st.st_ino,
			    .engine = reader_of(shm_at(shm, shm_layout().ring)),
			    .guardian = reader_of(shm_at(shm, shm_layout().guardian_ring))};
	learn_begin(&r->learn, &q->learn, shm_at(shm, shm_layout().learn), shm->epoch);
	q->differ_to = differ_read_to(&r->differ, shm->epoch);
	asset_begin(&r->assets, &q->assets, shm_at(shm, shm_layout().assets), shm->epoch);
}

void mirror_add_memory(struct recorder *r, int fd)
{
	struct stat st;
	void *mem;

	if (r->mirror || fstat(fd, &st) != 0) {
		close(fd);
		return;
	}
	mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED) {
		complain("the mirror's memory: %s", strerror(errno));
		return;
	}
	if (!mirror_good(mem, (size_t)st.st_size)) {
		complain("the mirror's memory has another layout");
		munmap(mem, (size_t)st.st_size);
		return;
	}
	r->mirror = mem;
	r->mirror_events = reader_of(&r->mirror->ring);
}

bool image_map(struct image_kept *k, uint32_t generation, int fd)
{
	struct stat st;
	char err[256];

	*k = (struct image_kept){.generation = generation, .fd = fd};
	if (fstat(fd, &st) != 0 || st.st_size <= 0) {
		complain("policy generation %u: no image", generation);
		close(fd);
		return false;
	}
	k->size = (size_t)st.st_size;
	k->mem = mmap(NULL, k->size, PROT_READ, MAP_SHARED, fd, 0);
	if (k->mem == MAP_FAILED) {
		complain("policy generation %u: %s", generation, strerror(errno));
		close(fd);
		k->mem = NULL;
		return false;
	}
	if (policy_open(&k->policy, k->mem, k->size, err, sizeof(err)) != 0) {
		complain("policy generation %u: %s", generation, err);
		image_unmap(k);
		return false;
	}
	return true;
}

void image_unmap(struct image_kept *k)
{
	if (!k->mem)
		return;
	munmap(k->mem, k->size);
	close(k->fd);
	k->mem = NULL;
}

void image_add(struct recorder *r, uint32_t generation, int fd)
{
	struct image_kept k;

	use_fold(r); /* while the table of the generation before the last is there */
	if (!image_map(&k, generation, fd))
		return;
	unsigned at = 0;
	while (at < r->nimages && r->images[at].generation != generation)
		at++;
	if (at == IMAGES_MAX)
		at = IMAGES_MAX - 1;
	if (at < r->nimages)
		image_unmap(&r->images[at]);
	else
		r->nimages++;
	memmove(&r->images[1], &r->images[0], at * sizeof(r->images[0]));
	r->images[0] = k;
	modes_policy(&r->modes, &k.policy, clock_us());
}

const struct policy *image_find(const struct recorder *r, uint32_t generation)
{
	for (unsigned i = 0; i < r->nimages; i++)
		if (r->images[i].generation == generation)
			return &r->images[i].policy;
	return NULL;
}

const struct policy *image_of(const struct recorder *r, const struct event *e)
{
	if (!e->candidate)
		return image_find(r, e->generation);
	return r->candidate.mem && r->candidate.generation == e->generation ? &r->candidate.policy : NULL;
}

const struct policy *image_newest(const struct recorder *r)
{
	return r->nimages ? &r->images[0].policy : NULL;
}

int image_newest_fd(const struct recorder *r)
{
	return r->nimages ? r->images[0].fd : -1;
}

static void tell_lost(struct recorder *r, unsigned queue, struct reader *in, const char *source)
{
	struct jsonl j;

	if (in->lost == in->lost_told)
		return;
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", clock_us());
	jsonl_str(&j, "event", "state");
	jsonl_str(&j, "detail", "events were overwritten before they were written down");
	jsonl_uint(&j, "lost", in->lost - in->lost_told);
	jsonl_str(&j, "source", source);
	jsonl_uint(&j, "queue", queue);
	jsonl_object_end(&j);
	jsonl_line(&j);
	log_line(&r->log, line, j.len);
	in->lost_told = in->lost;
}

/* noted: differences up to there are written. epoch: of the memory, where audit events of this ring are the guardian's; 0: whoever writes it changes nothing. */
static bool reader_drain(struct recorder *r, unsigned queue, struct reader *in, const char *source,
			 uint64_t epoch, uint64_t noted)
{
	struct event e;
	unsigned n = 0;

	while (n < EVENTS_A_TURN && ring_get(in->ring, &in->tail, &e, &in->lost) == 1) {
		const struct policy *p = image_of(r, &e);
		char id[WHY_ID];
		uint32_t place;
		/* Its policies come by another way, and may be a moment behind it. */
		uint64_t seq = atomic_load_explicit(&e.seq, memory_order_relaxed);
		if (epoch && e.type == EVENT_AUDIT && seq == in->tail && in->waited != seq &&
		    audit_early(r, &e)) {
			in->waited = seq;
			in->tail--;
			return true;
		}
		struct jsonl j;
		tell_lost(r, queue, in, source);
		bool kept = why_id(&r->why, &e, p, id, &place);
		jsonl_open(&j, line, sizeof(line));
		jsonl_event(&j, &e, p, kept ? id : NULL, source, queue);
		bool audited =
			!j.cut && epoch && e.type == EVENT_AUDIT && audit_event(r, &e, epoch, line, j.len);
		if (!j.cut && !audited)
			log_line(&r->log, line, j.len);
		if (!j.cut && kept)
			why_keep(&r->why, place, line, j.len - 1);
		modes_note(&r->modes, &e, p);
		learn_fault(&r->learn, &e, p);
		if (!j.cut && p && e.candidate && in->tail > noted)
			differ_note(&r->differ, &e, line, j.len - 1);
		r->events++;
		n++;
	}
	tell_lost(r, queue, in, source);
	return n > 0;
}

static const struct policy *policy_of(void *ctx, uint32_t generation)
{
	return image_find(ctx, generation);
}

/* Zones and hosts of an address: where the policy of that time is no longer known, those of now are as good. */
static const struct policy *places_of(void *ctx, uint32_t generation)
{
	const struct policy *p = image_find(ctx, generation);

	return p ? p : image_newest(ctx);
}

bool rings_drain(struct recorder *r)
{
	struct differ_place places[QUEUES_MAX];
	bool any = false;

	for (unsigned i = 0; i < r->nqueues; i++) {
		struct queue *q = &r->queues[i];
		any |= reader_drain(r, q->num, &q->guardian, "guardian", q->shm->epoch, 0);
		any |= reader_drain(r, q->num, &q->engine, "engine", 0, q->differ_to);
		places[i] = (struct differ_place){.epoch = q->shm->epoch, .tail = q->engine.tail};
		learn_drain(&r->learn, &q->learn, policy_of, r);
		if (r->nimages)
			asset_drain(&r->assets, &q->assets, places_of, r);
	}
	if (r->mirror)
		any |= reader_drain(r, 0, &r->mirror_events, "mirror", 0, 0);
	audit_settle(r);
	why_flush(&r->why);
	learn_flush(&r->learn);
	asset_flush(&r->assets, clock_us());
	modes_flush(&r->modes, clock_us());
	differ_flush(&r->differ, places, r->nqueues, clock_us());
	return any;
}
