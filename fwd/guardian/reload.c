/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy swap, without losing a packet and without passing what only one of the two policies allows.
 *
 *   COMPILING   a child turns the file into an image; what it says is kept. A bad policy ends here: nothing has changed
 *   LENDING     where rules are unlocked or operations permitted: a child compiles it once more, with them on top
 *   HANDING     queues that are new are opened, engines get the sealed image, each says when it judges by it
 *   FILLING     the kernel's chains are replaced, one commit a table
 *
 * Engines first, then the ruleset. In between the old ruleset stands beside the new image:
 *  - a tuple that is new: the old ruleset does not list it, the kernel drops it;
 *  - a tuple that is gone: the old ruleset still queues it, the new image denies it;
 *  - inspected under both: queued by the old ruleset, judged by the new image;
 *  - inspected before, kernel lane now: still queued, and an engine passes nothing that its image does not inspect;
 *  - kernel lane before, inspected or gone now: the kernel alone decides about such a tuple, no engine ever did; the old policy stays in force
 *    for it until the commit, the new one from there. Nothing passes that neither allows;
 *  - other queue or failure mode than before: the packet comes to the old queue's engine, which has the same image.
 * The other order would let the kernel accept what the old image still inspects.
 * Nothing waiting is lost: only chains that base chains jump to are replaced (no hook comes or goes), queues are never closed, and a
 * queue that the new policy does not use stays open, with its engine, until the guardian ends.
 *
 * Should the kernel refuse the new ruleset, engines get the previous image again and the kernel the previous rules: the same way back.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/commit.h"
#include "fwd/guardian/guardian.h"
#include "fwd/guardian/overlay.h"
#include "rules/image.h"

#define COMPILE_US    (30 * 1000000ll)
#define COMPILE_CPU_S 30u
#ifdef __SANITIZE_ADDRESS__
#define COMPILE_AS_MB 0u /* none: the sanitizer maps more than any limit that would make sense */
#else
#define COMPILE_AS_MB 2048u
#endif
#define HAND_US   (2 * 1000000ll)
#define FILL_US   (20 * 1000000ll)
#define STEP_MS   2
#define WORDS_MAX 65536

static void words_add(struct reload *r, const char *text)
{
	lseek(r->words, 0, SEEK_END);
	dprintf(r->words, "%s\n", text);
}

/* To standard error, and to whoever asked. */
static void finish(struct guardian *g, bool good)
{
	struct reload *r = &g->reload;
	struct msg m = {.type = MSG_RELOADED,
			.arg = r->request,
			.status = good ? 0 : 1,
			.generation = g->active.generation};
	char buf[WORDS_MAX + 1] = "";

	if (r->words >= 0) {
		ssize_t n = pread(r->words, buf, WORDS_MAX, 0);

		buf[n > 0 ? n : 0] = '\0';
		if (n > 0 && write(STDERR_FILENO, buf, (size_t)n) < 0)
			errno = 0; /* nobody reads our standard error: then there is nobody to tell */
		if (ftruncate(r->words, n > 0 ? n : 0) < 0)
			say("cut the compiler's words: %s", strerror(errno));
		lseek(r->words, 0, SEEK_SET);
	}
	if (good) {
		const uint8_t *d = policy_digest(&g->active.policy);

		say("policy generation %u is in force, digest %02x%02x%02x%02x%02x%02x%02x%02x...",
		    g->active.generation, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
	}
	if (!good && !r->initial)
		say("the policy is not loaded; generation %u stays in force", g->active.generation);
	if (!good && !r->initial && !r->given && !r->lend)
		change_refused(g, buf);
	overlay_loaded(g, good, r->words);
	/* A load of the file is answered once a restart would know of it, too. */
	if (r->asked && good && commit_answers(g, r->request, r->words))
		r->words = -1;
	else if (r->asked && g->recorder.channel >= 0 && msg_send(g->recorder.channel, &m, r->words) < 0)
		say("cannot answer a reload request: %s", strerror(errno));
	if (r->words >= 0)
		close(r->words);
	if (r->out >= 0)
		close(r->out);
	if (r->source >= 0)
		close(r->source);
	r->words = r->out = r->source = -1;
	island_refilled(g, good);
	if (good)
		change_loaded(g);
	image_drop(&r->proper);
	image_drop(&r->previous);
	image_drop(&r->previous_proper);
	if (r->previous_source >= 0)
		close(r->previous_source);
	r->previous_source = -1;
	if (!good && r->initial && r->given)
		r->again = true; /* what was committed does not hold: the file, then */
	else if (!good && r->initial)
		g->stop = true;
	r->state = RELOAD_IDLE;
	r->rolling_back = false;
	if (!r->lend)
		commit_reloaded(g, good, r->given, buf);
	r->lend = false;
	if (good && r->initial) {
		/* Last: whoever reaches the control socket finds a policy in force. Until then events wait in their rings. */
		r->initial = false;
		if (g->accounted)
			ledger_begin(g, 0);
		recorder_start(g);
	}
	if (r->again && !g->stop) {
		r->again = false;
		reload_begin(g, r->again_asked, r->again_request);
	}
}

static void fail(struct guardian *g, const char *text)
{
	if (g->reload.words >= 0)
		words_add(&g->reload, text);
	else
		say("%s", text);
	finish(g, false);
}

/* A policy that is an image already is taken as it is. True when it was one. */
static bool copy_image(const char *path, int out)
{
	char buf[65536];
	int in = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = in < 0 ? -1 : read(in, buf, sizeof(buf));
	bool is = n >= (ssize_t)strlen(IMAGE_MAGIC) && memcmp(buf, IMAGE_MAGIC, strlen(IMAGE_MAGIC)) == 0;

	for (size_t total = 0; is && n > 0 && total < IMAGE_MAX; n = read(in, buf, sizeof(buf))) {
		if (write(out, buf, (size_t)n) != n)
			break;
		total += (size_t)n;
	}
	if (in >= 0)
		close(in);
	return is;
}

static void compiled(struct guardian *g);
static void take_over(struct guardian *g);

/* otfwctl compile WHAT -o (3) ...; fds are the descriptors beside the image and the words. False: it cannot be started. */
static bool compile_start(struct guardian *g, const char *what, const char *option, int fd, int in)
{
	struct reload *r = &g->reload;
	char path[GUARDIAN_PATH + 16];
	const char *argv[] = {path,   "compile",         what, "-o", "/proc/self/fd/3",
			      option, "/proc/self/fd/4", NULL};
	struct child_fd fds[] = {{r->out, 3},
				 {r->words, STDERR_FILENO},
				 /* the digest: said when the policy is in force */
				 {g->null_fd, STDOUT_FILENO},
				 {fd, 4},
				 {in, 5}};
	struct child_start s = {.argv = argv,
				.fds = fds,
				.nfds = in < 0 ? 4 : 5,
				.cpu_s = COMPILE_CPU_S,
				.as_mb = COMPILE_AS_MB,
				.die_with_parent = true};

	snprintf(path, sizeof(path), "%s/otfwctl", g->libexec);
	if (access(path, X_OK) < 0)
		snprintf(path, sizeof(path), "otfwctl");
	r->deadline_us = now_us() + COMPILE_US;
	r->pid = child_spawn(&s, &r->pidfd);
	return r->pid >= 0;
}

static int image_memory(void)
{
	return memfd_create("otfw-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Without what is lent: that at least can always be had. */
static void lend_none(struct guardian *g, const char *why)
{
	struct reload *r = &g->reload;

	words_add(r, why);
	if (image_share(&r->next, &r->proper) < 0) {
		fail(g, "no memory for a policy image");
		return;
	}
	image_drop(&r->proper);
	take_over(g);
}

/* r->next is the policy proper, r->source its texts: what is lent goes on top of it. */
static void lend(struct guardian *g)
{
	struct reload *r = &g->reload;
	int overlay = overlay_apply_text(g);

	if (overlay < 0) {
		take_over(g);
		return;
	}
	r->proper = r->next;
	r->next = (struct image_mem){.fd = -1};
	if (r->out >= 0)
		close(r->out);
	r->out = image_memory();
	int source = r->lend ? g->source : r->source;
	struct stat st;
	if (r->out < 0 || source < 0 || fstat(source, &st) < 0 || st.st_size == 0) {
		close(overlay);
		lend_none(
			g,
			"the policy in force is an image without its texts: nothing can be lent on top of it");
		return;
	}
	r->state = RELOAD_LENDING;
	bool started = compile_start(g, "/proc/self/fd/5", "--overlay", overlay, source);
	close(overlay);
	if (!started)
		lend_none(g, "cannot start the compiler");
}

static void lent(struct guardian *g, bool good)
{
	struct reload *r = &g->reload;
	char err[256] = "the policy does not compile with what is lent";

	if (!good || image_take(&r->next, r->out, err, sizeof(err)) < 0) {
		lend_none(g, err);
		return;
	}
	r->out = -1; /* the image's now */
	take_over(g);
}

void reload_overlay(struct guardian *g)
{
	struct reload *r = &g->reload;

	r->asked = false;
	r->lend = true;
	r->words = memfd_create("otfw-words", MFD_CLOEXEC);
	if (r->words < 0 || image_share(&r->next, g->proper.fd >= 0 ? &g->proper : &g->active) < 0) {
		fail(g, "no memory for a policy image");
		return;
	}
	lend(g);
}

static bool memory(struct guardian *g)
{
	struct reload *r = &g->reload;

	r->words = memfd_create("otfw-words", MFD_CLOEXEC);
	r->out = image_memory();
	r->source = memfd_create("otfw-source", MFD_CLOEXEC);
	if (r->words >= 0 && r->out >= 0 && r->source >= 0)
		return true;
	fail(g, "no memory for a policy image");
	return false;
}

/* Starts the compiler, or takes what is an image already. */
static void compile(struct guardian *g, const char *policy)
{
	struct reload *r = &g->reload;

	r->state = RELOAD_COMPILING;
	r->pid = 0;
	if (copy_image(policy, r->out))
		compiled(g);
	else if (!compile_start(g, policy, "--source", r->source, -1))
		fail(g, "cannot start the compiler");
}

void reload_image(struct guardian *g, struct image_mem *img, int source)
{
	struct reload *r = &g->reload;

	r->given = true;
	r->asked = false;
	r->next = *img;
	*img = (struct image_mem){.fd = -1};
	r->words = memfd_create("otfw-words", MFD_CLOEXEC);
	r->source = source >= 0 ? fcntl(source, F_DUPFD_CLOEXEC, 10) : -1;
	if (r->words >= 0 && (source < 0 || r->source >= 0)) {
		lend(g);
		return;
	}
	image_drop(&r->next);
	fail(g, "no memory for a policy image");
}

bool reload_source(struct guardian *g, const char *prefix)
{
	struct reload *r = &g->reload;
	char path[2 * GUARDIAN_PATH];

	r->given = true;
	r->asked = false;
	snprintf(path, sizeof(path), "%s/%ssource", g->state_dir, prefix);
	if (!memory(g))
		return false;
	compile(g, path);
	return true;
}

void reload_cancel(struct guardian *g)
{
	struct reload *r = &g->reload;

	if (r->state != RELOAD_COMPILING || r->pid <= 0)
		return;
	words_add(r, "given up: another policy must come back");
	kill(r->pid, SIGKILL);
	r->deadline_us = INT64_MAX;
}

void reload_begin(struct guardian *g, bool asked, uint32_t request)
{
	struct reload *r = &g->reload;

	if (r->state != RELOAD_IDLE) {
		/* One may wait; it answers for the newest who asked. */
		if (r->again && r->again_asked && asked) {
			struct msg m = {.type = MSG_RELOADED,
					.arg = r->again_request,
					.status = 1,
					.generation = g->active.generation};

			msg_send(g->recorder.channel, &m, -1);
		}
		r->again = true;
		r->again_asked |= asked;
		if (asked)
			r->again_request = request;
		return;
	}
	r->given = false;
	r->asked = asked;
	r->request = request;
	r->again_asked = false;
	if (memory(g))
		compile(g, g->policy);
}

/* ---- handing out ---- */

static struct queue *queue_find(struct guardian *g, const struct policy_queue *want)
{
	const char *name = want->engine ? want->engine : "";

	for (unsigned i = 0; i < g->nqueues; i++)
		if (g->queues[i].failure == want->failure && strcmp(g->queues[i].engine, name) == 0)
			return &g->queues[i];
	return NULL;
}

/* A queue number that no open queue has. */
static uint16_t free_number(const struct guardian *g)
{
	uint16_t num = g->queue_base;

	for (unsigned i = 0; i < g->nqueues; i++)
		if (g->queues[i].num >= num)
			num = (uint16_t)(g->queues[i].num + 1);
	return num;
}

/* Finds or opens the queue of every policy_queue() of img, and starts engines for new ones. */
static int open_queues(struct guardian *g, struct image_mem *img)
{
	for (unsigned i = 0; i < policy_queues(&img->policy); i++) {
		struct policy_queue want;
		struct queue *q;

		policy_queue_get(&img->policy, i, &want);
		q = queue_find(g, &want);
		if (!q) {
			if (g->nqueues == PLAN_QUEUES_MAX)
				return -1;
			q = &g->queues[g->nqueues];
			*q = (struct queue){.failure = want.failure,
					    .num = free_number(g),
					    .sock = -1,
					    .shm_fd = -1,
					    .child = {.pidfd = -1, .channel = -1}};
			snprintf(q->engine, sizeof(q->engine), "%s", want.engine ? want.engine : "");
			if (queue_open(g, q) < 0 || watch_add(g, q) < 0) {
				/* Not counted as a queue: nothing refers to it. */
				if (q->sock >= 0)
					close(q->sock);
				if (q->shm)
					munmap(q->shm, shm_size());
				if (q->shm_fd >= 0)
					close(q->shm_fd);
				return -1;
			}
			g->nqueues++;
			recorder_tell_queue(g, q);
		}
		img->queue_nums[i] = q->num;
	}
	return 0;
}

static void hand_out(struct guardian *g)
{
	struct reload *r = &g->reload;
	struct msg m = {.type = MSG_IMAGE, .generation = g->active.generation};

	r->state = RELOAD_HANDING;
	r->kicked = false;
	r->deadline_us = now_us() + HAND_US;
	for (unsigned i = 0; i < g->nqueues; i++) {
		struct queue *q = &g->queues[i];

		atomic_store(&q->shm->guardian.generation, m.generation);
		if (q->child.pid == 0)
			engine_start(g, q); /* is given the image as it starts */
		else if (msg_send(q->child.channel, &m, g->active.fd) < 0)
			say("queue %u: cannot hand the policy to the engine: %s", q->num, strerror(errno));
	}
	mirror_hand_out(g);
	if (g->recorder.pid && msg_send(g->recorder.channel, &m, g->active.fd) < 0)
		say("cannot hand the policy to the recorder: %s", strerror(errno));
}

static void activate(struct guardian *g, struct image_mem *img)
{
	g->active = *img;
	*img = (struct image_mem){.fd = -1};
	g->active.generation = ++g->generation;
	watch_deadlines(g, &g->active);
	opening_policy(g);
	hand_out(g);
}

static void compiled(struct guardian *g)
{
	struct reload *r = &g->reload;
	char err[256] = "";

	if (image_take(&r->next, r->out, err, sizeof(err)) < 0) {
		fail(g, err);
		return;
	}
	r->out = -1; /* the image's now */
	if (!r->initial && !r->given && commit_takes_back(g, &r->next, err, sizeof(err))) {
		image_drop(&r->next);
		fail(g, err);
		return;
	}
	lend(g);
}

/* r->next comes into force. */
static void take_over(struct guardian *g)
{
	struct reload *r = &g->reload;

	if (r->initial && kernel_base(g) < 0) {
		image_drop(&r->next);
		fail(g, "the base chains cannot be made");
		return;
	}
	if (r->initial) {
		kernel_accounts_read(g);
		g->accounted = g->backend == PLAN_NFT || *g->accounts[0] || *g->accounts[1];
	}
	/* Connection tracking has its settings once rules ask for it. */
	if (r->initial && kernel_check_sysctls(g) < 0) {
		image_drop(&r->next);
		fail(g,
		     "a promise cannot be kept with these kernel settings (--best-effort starts all the same)");
		return;
	}
	if (open_queues(g, &r->next) < 0) {
		image_drop(&r->next);
		fail(g, "a queue that the policy needs cannot be opened");
		return;
	}
	if (mirror_open(g, &r->next.policy) < 0) {
		image_drop(&r->next);
		fail(g, "copies of safety packets cannot be had, which the policy needs");
		return;
	}
	r->previous = g->active;
	r->previous_proper = g->proper;
	g->active = (struct image_mem){.fd = -1};
	g->proper = r->proper;
	r->proper = (struct image_mem){.fd = -1};
	if (!r->lend) {
		r->previous_source = g->source;
		g->source = r->source;
		r->source = -1;
	}
	activate(g, &r->next);
}

static bool all_judge_by(const struct guardian *g, uint32_t generation)
{
	for (unsigned i = 0; i < g->nqueues; i++) {
		const struct shm *s = g->queues[i].shm;

		if (!atomic_load(&s->engine.started) || atomic_load(&s->engine.generation) != generation)
			return false;
	}
	return true;
}

/* An engine that has not taken the image is stuck: a new one starts with it. */
static void kick(struct guardian *g)
{
	struct reload *r = &g->reload;

	for (unsigned i = 0; i < g->nqueues; i++) {
		struct queue *q = &g->queues[i];

		if (q->child.pid && atomic_load(&q->shm->engine.generation) != g->active.generation) {
			say("queue %u: the engine does not take the policy: killed", q->num);
			q->child.kicked = true;
			kill(q->child.pid, SIGKILL);
		}
	}
	r->kicked = true;
	r->deadline_us = now_us() + HAND_US;
}

/* ---- the kernel's part ---- */

static void start_job(struct guardian *g)
{
	struct reload *r = &g->reload;

	r->deadline_us = now_us() + FILL_US;
	r->pid = kernel_fill_start(g, r->job, r->job_text[r->job], r->words, &r->pidfd);
	if (r->pid < 0)
		reload_step(g, true);
}

static void fill(struct guardian *g)
{
	struct reload *r = &g->reload;

	island_policy(g);
	r->job = 0;
	r->njobs = kernel_fill_print(g, &g->active, r->job_text);
	r->state = RELOAD_FILLING;
	if (r->njobs < 0) {
		r->njobs = 0;
		r->pid = -1;
		reload_step(g, true);
		return;
	}
	start_job(g);
}

static void close_texts(struct reload *r)
{
	for (int i = 0; i < r->njobs; i++)
		close(r->job_text[i]);
	r->njobs = 0;
}

static void go_back(struct guardian *g, const char *why)
{
	struct reload *r = &g->reload;
	struct image_mem refused = g->active;

	words_add(r, why);
	if (r->rolling_back || r->previous.fd < 0) {
		if (r->rolling_back)
			words_add(
				r,
				"the previous ruleset does not load either: the kernel's rules may be of both");
		finish(g, false);
		return;
	}
	r->rolling_back = true;
	g->active = (struct image_mem){.fd = -1};
	image_drop(&g->proper);
	g->proper = r->previous_proper;
	r->previous_proper = (struct image_mem){.fd = -1};
	if (!r->lend) {
		if (g->source >= 0)
			close(g->source);
		g->source = r->previous_source;
		r->previous_source = -1;
	}
	activate(g, &r->previous);
	image_drop(&refused);
}

static void job_done(struct guardian *g, bool good)
{
	struct reload *r = &g->reload;

	if (good)
		kernel_fill_done(g, r->job, r->job_text[r->job]);
	else
		kernel_accounts_read(g);
	if (good && ++r->job < r->njobs) {
		start_job(g);
		return;
	}
	close_texts(r);
	if (!good)
		go_back(g, "the kernel does not take the ruleset of this policy");
	else
		finish(g, !r->rolling_back);
}

/* ---- */

static bool child_result(struct reload *r, bool ended, bool *good)
{
	int status = 0;

	*good = false;
	if (r->pid <= 0)
		return ended;
	if (!ended || !child_reap(r->pid, &status))
		return false;
	close(r->pidfd);
	r->pidfd = -1;
	r->pid = 0;
	*good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return true;
}

void reload_step(struct guardian *g, bool child_ended)
{
	struct reload *r = &g->reload;
	bool late = now_us() > r->deadline_us, good;

	switch (r->state) {
	case RELOAD_IDLE: break;
	case RELOAD_COMPILING:
		if (child_result(r, child_ended, &good)) {
			if (good)
				compiled(g);
			else
				finish(g, false);
		} else if (late && r->pid > 0) {
			words_add(r, "the compiler takes too long");
			kill(r->pid, SIGKILL);
			r->deadline_us = INT64_MAX;
		}
		break;
	case RELOAD_LENDING:
		if (child_result(r, child_ended, &good)) {
			lent(g, good);
		} else if (late && r->pid > 0) {
			kill(r->pid, SIGKILL);
			r->deadline_us = INT64_MAX;
		}
		break;
	case RELOAD_HANDING:
		if (all_judge_by(g, g->active.generation))
			fill(g);
		else if (late && !r->kicked)
			kick(g);
		else if (late)
			go_back(g, "an engine does not take the policy");
		break;
	case RELOAD_FILLING:
		if (child_result(r, child_ended, &good)) {
			job_done(g, good);
		} else if (late && r->pid > 0) {
			words_add(r, "loading the ruleset takes too long");
			kill(r->pid, SIGKILL);
			r->deadline_us = INT64_MAX;
		}
		break;
	}
}

int reload_wait_ms(const struct guardian *g)
{
	int64_t left;

	switch (g->reload.state) {
	case RELOAD_HANDING: return STEP_MS;
	case RELOAD_COMPILING:
	case RELOAD_LENDING:
	case RELOAD_FILLING:
		left = (g->reload.deadline_us - now_us()) / 1000;
		return left < 0 ? 0 : left > 1000 ? 1000 : (int)left + 1;
	default: return -1;
	}
}
