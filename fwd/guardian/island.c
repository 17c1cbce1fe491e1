/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolate and override: kept on disk, put into the kernel, shown, ended.
 *
 * A request is checked against the policy image in force; the recorder is believed in one thing only, who asked. A change then goes two ways at
 * once, neither of which this process waits for: a tool loads the chains of PLAN_ISLAND, and a child writes the state file. The
 * answer is given when both are done. A change of the kernel that fails is tried again until it holds, but an override that the
 * kernel does not take is given up: what cannot be isolated must be, what cannot be opened need not be.
 *
 * Reloads: where a new policy changes nothing in these chains, FILL leaves them alone, and a change that comes while a reload's tools run
 * goes beside them. Where it does (networks of an isolated zone, tuples of an overridden one, the first load), FILL has the chains too, so what is in force
 * changes in the same commit as the rest; a change that comes meanwhile is loaded at once, and once more when the tools are done,
 * because their text was printed before it.
 *
 * A zone that a new policy no longer names stays isolated by the networks that it had. An override of such a zone ends, and so does one of a
 * zone that has become a safety zone.
 *
 * A state file that is damaged says nothing about who was isolated. Then the zones' own failure mode decides: zones that fail closed are
 * isolated until somebody releases them, zones that fail open are not; no override goes on; safety lanes are not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define STATE_FILE    "islands"
#define STATE_NEW     "islands.new"
#define STATE_DAMAGED "islands.damaged"
#define APPLY_US      (20 * 1000000ll)
#define RETRY_US      1000000
#define END_WAIT_MS   2000
#define WORDS_MAX     512

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void now_get(const struct guardian *g, struct island_now *now)
{
	struct timex tx = {.modes = 0};
	int state = adjtimex(&tx);

	*now = (struct island_now){.wall_us = clock_us(CLOCK_REALTIME),
				   .boot_us = clock_us(CLOCK_BOOTTIME),
				   .clock_good = state >= 0 && state != TIME_ERROR};
	memcpy(now->boot, g->island.boot, sizeof(now->boot));
}

static int zone_find(const struct guardian *g, const char *name, struct policy_zone *out)
{
	for (unsigned i = 0; g->active.fd >= 0 && policy_zone_get(&g->active.policy, i, out); i++)
		if (strcmp(out->name, name) == 0)
			return (int)i;
	return -1;
}

/* An event about a zone, on standard error as well. Rings belong to queues: where there are several, the first one's carries it. */
static void island_event(struct guardian *g, enum event_type type, const char *zone, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void island_event(struct guardian *g, enum event_type type, const char *zone, const char *fmt, ...)
{
	struct policy_zone z = {.name = NULL};
	int i = zone_find(g, zone, &z);
	struct event e = {.type = (uint16_t)type,
			  .ts_us = clock_us(CLOCK_REALTIME),
			  .zone = i < 0 ? POLICY_NO_INDEX : (uint16_t)i,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .proto = -1,
			  .failure = (uint8_t)z.failure,
			  .flow = UINT32_MAX,
			  .count = 1,
			  .generation = g->active.generation};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	if (g->nqueues)
		ring_put(shm_at(g->queues[0].shm, g->queues[0].shm->guardian_ring_at), &e);
	say("zone %s: %s", zone, e.text);
}

/* ---- the state file ---- */

static char text[ISLAND_TEXT_MAX];

static void boot_read(struct guardian *g)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, g->island.boot, sizeof(g->island.boot) - 1);

	if (fd >= 0)
		close(fd);
	/* Unknown: then no boot is the same, and an override ends with the daemon that gave it. */
	g->island.boot[n < 0 ? 0 : (size_t)n] = '\0';
	g->island.boot[strcspn(g->island.boot, "\n ")] = '\0';
	if (!*g->island.boot)
		snprintf(g->island.boot, sizeof(g->island.boot), "unknown-%d", (int)getpid());
}

static int state_directory(struct guardian *g)
{
	struct stat st;

	if (mkdir(g->state_dir, 0700) < 0 && errno != EEXIST)
		return -1;
	g->island.dir = open(g->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->island.dir < 0 || fstat(g->island.dir, &st) < 0)
		return -1;
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	/* Whoever can write there could release a zone. */
	close(g->island.dir);
	g->island.dir = -1;
	errno = EPERM;
	return -1;
}

int island_load(struct guardian *g)
{
	struct island_work *w = &g->island;
	ssize_t n = 0;
	int fd;

	boot_read(g);
	if (state_directory(g) < 0) {
		say("%s: %s; isolations would not survive a restart%s", g->state_dir,
		    errno == EPERM ? "belongs to, or can be written by, somebody else" : strerror(errno),
		    g->best_effort ? "; going on as told" : "");
		return g->best_effort ? 0 : -1;
	}
	fd = openat(w->dir, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (fd >= 0 && n >= 0 && islands_parse(&w->list, text, (size_t)n) == 0)
		return 0;
	w->damaged = true;
	say("%s/%s cannot be read or is damaged: zones that fail closed are isolated until they are released",
	    g->state_dir, STATE_FILE);
	/* Kept for whoever wants to look at it, and in its place until another takes it: a crash before that changes nothing. */
	unlinkat(w->dir, STATE_DAMAGED, 0);
	if (linkat(w->dir, STATE_FILE, w->dir, STATE_DAMAGED, 0) < 0)
		say("keep it as %s: %s", STATE_DAMAGED, strerror(errno));
	return 0;
}

/* In the child: its exit status says at which step it failed. */
static void save_child(int dir, size_t len)
{
	int fd = openat(dir, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		_exit(errno & 0x7f);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n <= 0)
			_exit(n < 0 ? errno & 0x7f : EIO);
		at += (size_t)n;
	}
	if (fsync(fd) < 0 || close(fd) < 0 || renameat(dir, STATE_NEW, dir, STATE_FILE) < 0 || fsync(dir) < 0)
		_exit(errno & 0x7f);
	_exit(0);
}

/* A disk may take seconds: not in this process. */
static void save_start(struct guardian *g)
{
	struct island_work *w = &g->island;
	size_t len = islands_print(&w->list, text, sizeof(text));

	w->saving = w->want;
	if (w->dir < 0) {
		w->saved = w->want; /* --best-effort: said at start */
		return;
	}
	w->save_pid = _Fork(); /* not fork(): see child_spawn() */
	if (w->save_pid == 0)
		save_child(w->dir, len);
	w->save_pidfd = w->save_pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, w->save_pid, 0);
	if (w->save_pidfd >= 0)
		return;
	say("start writing %s/%s: %s", g->state_dir, STATE_FILE, strerror(errno));
	if (w->save_pid > 0)
		waitpid(w->save_pid, NULL, 0);
	w->save_pid = 0;
	w->save_retry_us = now_us() + RETRY_US;
}

/* ---- what others ask ---- */

unsigned island_plan(const struct guardian *g, struct plan_island out[ISLAND_MAX])
{
	for (unsigned i = 0; i < g->island.list.n; i++) {
		const struct island *is = &g->island.list.list[i];

		out[i] = (struct plan_island){.zone = is->zone,
					      .override = is->override,
					      .safety = is->safety,
					      .until_unix = is->override ? is->until_us / 1000000 + 1 : 0,
					      .nets = is->nets,
					      .nnets = is->nnets};
	}
	return g->island.list.n;
}

void island_tell(struct guardian *g)
{
	struct msg m = {.type = MSG_ISLANDS, .generation = g->active.generation};
	size_t len = islands_print(&g->island.list, text, sizeof(text));
	int fd = g->recorder.channel < 0 ? -1 : memfd_create("otfw-islands", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, len) != (ssize_t)len || msg_send(g->recorder.channel, &m, fd) < 0)
		say("cannot tell the recorder what is isolated: %s", strerror(errno));
	close(fd);
}

static void changed(struct guardian *g)
{
	g->island.want++;
	island_tell(g);
}

/* ---- changes that nobody asks for ---- */

static bool take_nets(const struct guardian *g, struct island *is, unsigned zone)
{
	struct policy_net old[ISLAND_NETS], net;
	unsigned n = is->nnets;

	memcpy(old, is->nets, sizeof(old));
	is->nnets = 0;
	while (is->nnets < ISLAND_NETS && policy_zone_net(&g->active.policy, zone, is->nnets, &net))
		is->nets[is->nnets++] = net;
	return n != is->nnets || memcmp(old, is->nets, n * sizeof(old[0])) != 0;
}

static void isolate_closed(struct guardian *g, const struct island_now *now)
{
	struct policy_zone z;

	for (unsigned i = 0; policy_zone_get(&g->active.policy, i, &z); i++) {
		struct island is = {.uid = ISLAND_NOBODY,
				    .since_us = now->wall_us,
				    .reason = "the state file is damaged; release what need not be isolated"};

		snprintf(is.zone, sizeof(is.zone), "%s", z.name);
		if (z.failure != FAILURE_CLOSED)
			continue;
		if (islands_put(&g->island.list, &is))
			island_event(g, EVENT_STATE, is.zone, "isolated: %s", is.reason);
		else
			island_event(g, EVENT_STATE, is.zone,
				     "not isolated: the state file is damaged and the list is full");
	}
}

/* Of what PLAN_ISLAND says in the active policy. False when it cannot be printed. */
static bool text_sum(int *texts, int n, uint64_t *sum)
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

static void keep_or_fill(struct guardian *g, bool settled)
{
	struct island_work *w = &g->island;
	int texts[GUARDIAN_JOBS], n = kernel_island_print(g, texts);
	bool good = n >= 0 && text_sum(texts, n, &w->printed_sum);

	for (int i = 0; i < n; i++)
		close(texts[i]);
	w->keep = good && settled && w->known && w->printed_sum == w->sum;
	/* A reload that is refused half way leaves the chains of both. */
	if (!w->keep)
		w->known = false;
	w->printed = w->want;
	w->filling = true;
}

void island_policy(struct guardian *g)
{
	struct island_work *w = &g->island;
	uint32_t before = w->want;
	bool settled = w->pid == 0 && w->applied == w->want;
	struct island_now now;

	now_get(g, &now);
	if (w->damaged) {
		isolate_closed(g, &now);
		w->damaged = false;
		w->want++;
	}
	for (unsigned i = w->list.n; i-- > 0;) {
		struct island *is = &w->list.list[i];
		struct policy_zone z;
		int zone = zone_find(g, is->zone, &z);

		if (!is->override && zone < 0) {
			island_event(
				g, EVENT_STATE, is->zone,
				"isolated, but no longer in the policy: its addresses of before stay cut");
			continue;
		}
		if (is->override && (zone < 0 || z.safety || island_over(is, &now))) {
			island_event(g, EVENT_STATE, is->zone, "override ended: %s",
				     zone < 0   ? "the policy no longer has the zone"
				     : z.safety ? "it is a safety zone now"
						: "its time is over, or the clock cannot be trusted");
			islands_remove(&w->list, is);
			w->want++;
			continue;
		}
		if (strcmp(is->boot, now.boot) != 0 && is->override) {
			island_carry(is, &now);
			w->want++;
		}
		w->want += take_nets(g, is, (unsigned)zone);
	}
	keep_or_fill(g, settled);
	if (w->want != before)
		island_tell(g);
}

void island_refilled(struct guardian *g, bool good)
{
	struct island_work *w = &g->island;

	bool kept = w->keep || !w->filling;

	w->keep = w->filling = false;
	if (kept)
		return;
	/* What came in between is loaded once more: the reload's text did not have it. A loader that runs may have been before it. */
	if (w->pid > 0)
		w->applying = w->printed - 1;
	w->applied = good ? w->printed : w->want - 1;
	w->known = good;
	w->sum = w->printed_sum;
}

static void expire(struct guardian *g)
{
	struct island_now now;
	bool any = false;

	now_get(g, &now);
	for (unsigned i = g->island.list.n; i-- > 0;) {
		struct island *is = &g->island.list.list[i];

		if (!island_over(is, &now))
			continue;
		island_event(g, EVENT_STATE, is->zone, "override ended: its time is over");
		islands_remove(&g->island.list, is);
		any = true;
	}
	if (any)
		changed(g);
}

/* ---- requests ---- */

static void answer(struct guardian *g, uint32_t request, bool good, const char *words)
{
	struct msg m = {.type = MSG_RELOADED,
			.arg = request,
			.status = good ? 0 : 1,
			.generation = g->active.generation};
	int fd = memfd_create("otfw-words", MFD_CLOEXEC);

	if (g->recorder.channel >= 0) {
		if (fd >= 0 && dprintf(fd, "%s\n", words) < 0)
			errno = 0; /* the status says it too */
		if (msg_send(g->recorder.channel, &m, fd) < 0)
			say("cannot answer a request: %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

/* Refusals are of interest too: somebody tried. */
static void refuse(struct guardian *g, const struct msg *m, const char *what, const char *why)
{
	island_event(g, EVENT_AUDIT, m->island.zone, "%s refused to uid %" PRIu32 ": %s", what, m->island.uid,
		     why);
	answer(g, m->arg, false, why);
}

static bool terminated(const char *s, size_t cap)
{
	return strnlen(s, cap) < cap;
}

static void ask_add(struct guardian *g, const struct msg *m, const char *words)
{
	struct island_work *w = &g->island;
	struct island_ask *a = &w->asks[w->nasks++];

	*a = (struct island_ask){
		.request = m->arg, .at = w->want, .override = m->island.act == ISLAND_OVERRIDE};
	snprintf(a->zone, sizeof(a->zone), "%s", m->island.zone);
	snprintf(a->words, sizeof(a->words), "%s", words);
}

static void act_isolate(struct guardian *g, const struct msg *m, const struct island_now *now, int zone)
{
	const struct msg_island *i = &m->island;
	struct island new = {.safety = i->safety == 1, .uid = i->uid, .since_us = now->wall_us}, *is;

	if (zone < 0) {
		refuse(g, m, "isolate", "the policy has no such zone");
		return;
	}
	memcpy(new.zone, i->zone, sizeof(new.zone));
	memcpy(new.reason, i->reason, sizeof(new.reason));
	take_nets(g, &new, (unsigned)zone);
	is = islands_put(&g->island.list, &new);
	if (!is) {
		refuse(g, m, "isolate", "the list is full: release a zone that need not be isolated");
		return;
	}
	changed(g);
	island_event(g, EVENT_AUDIT, i->zone, "isolated%s by uid %" PRIu32 ": %s",
		     is->safety ? ", safety lanes too," : "", i->uid, i->reason);
	ask_add(g, m,
		is->safety ? "isolated: nothing passes between it and any other zone, safety lanes included"
			   : "isolated: nothing passes between it and any other zone but its safety lanes");
}

static void act_override(struct guardian *g, const struct msg *m, const struct island_now *now, int zone,
			 const struct policy_zone *z)
{
	const struct msg_island *i = &m->island;
	struct island new = {.override = true,
			     .uid = i->uid,
			     .since_us = now->wall_us,
			     .until_us = now->wall_us + i->for_us,
			     .until_boot_us = now->boot_us + i->for_us};

	if (zone < 0) {
		refuse(g, m, "override", "the policy has no such zone");
	} else if (z->safety) {
		refuse(g, m, "override", "it is a safety zone: its inspection is never bypassed");
	} else if (i->for_us < OVERRIDE_MIN_US || i->for_us > OVERRIDE_MAX_US) {
		refuse(g, m, "override", "its time must be from 1 s to 8 h");
	} else {
		memcpy(new.zone, i->zone, sizeof(new.zone));
		memcpy(new.reason, i->reason, sizeof(new.reason));
		memcpy(new.boot, now->boot, sizeof(new.boot));
		take_nets(g, &new, (unsigned)zone);
		if (!islands_put(&g->island.list, &new)) {
			refuse(g, m, "override", "the list is full");
			return;
		}
		changed(g);
		island_event(g, EVENT_AUDIT, i->zone, "overridden for %" PRId64 " s by uid %" PRIu32 ": %s",
			     i->for_us / 1000000, i->uid, i->reason);
		ask_add(g, m,
			islands_find(&g->island.list, i->zone, false)
				? "overridden, but it is isolated, and that wins: nothing passes until it is released"
				: "overridden: what its conduits list by address and port passes without inspection");
	}
}

static void act_end(struct guardian *g, const struct msg *m, bool override)
{
	struct island *is = islands_find(&g->island.list, m->island.zone, override);

	if (!is) {
		refuse(g, m, override ? "end of override" : "release",
		       override ? "it is not overridden"
		       : islands_find(&g->island.list, m->island.zone, true)
			       ? "it is not isolated; its override ends with `override --end`"
			       : "it is not isolated");
		return;
	}
	islands_remove(&g->island.list, is);
	changed(g);
	island_event(g, EVENT_AUDIT, m->island.zone, "%s by uid %" PRIu32 ": %s",
		     override ? "override ended" : "released", m->island.uid, m->island.reason);
	ask_add(g, m,
		override ? "the override has ended: it is inspected again"
		: islands_find(&g->island.list, m->island.zone, true)
			? "released; it is still overridden: listed tuples pass without inspection"
			: "released: its conduits pass what the policy allows");
}

void island_request(struct guardian *g, const struct msg *m)
{
	const struct msg_island *i = &m->island;
	struct policy_zone z = {.name = NULL};
	struct island_now now;
	int zone;

	if (!terminated(i->zone, sizeof(i->zone)) || !terminated(i->reason, sizeof(i->reason)) ||
	    !island_zone_good(i->zone) || !island_reason_good(i->reason)) {
		answer(g, m->arg, false, "a zone's name, or the reason, is not as it must be");
		return;
	}
	if (g->island.nasks == ISLAND_ASKS) {
		answer(g, m->arg, false, "too many requests at a time");
		return;
	}
	now_get(g, &now);
	zone = zone_find(g, i->zone, &z);
	switch (i->act) {
	case ISLAND_ISOLATE: act_isolate(g, m, &now, zone); break;
	case ISLAND_OVERRIDE: act_override(g, m, &now, zone, &z); break;
	case ISLAND_RELEASE: act_end(g, m, false); break;
	case ISLAND_OVERRIDE_END: act_end(g, m, true); break;
	default: answer(g, m->arg, false, "no such request");
	}
}

static bool reached(uint32_t have, uint32_t at)
{
	return (int32_t)(have - at) >= 0;
}

/* Answers those whose change is in the kernel and on disk. */
static void answer_done(struct guardian *g)
{
	struct island_work *w = &g->island;

	/* The reload's text is older: what is in force now will have to be loaded again. */
	if (w->filling && !w->keep && w->printed != w->want)
		return;

	for (unsigned i = 0; i < w->nasks;) {
		struct island_ask *a = &w->asks[i];

		if (!reached(w->applied, a->at) || !reached(w->saved, a->at)) {
			i++;
			continue;
		}
		answer(g, a->request, true, a->words);
		memmove(a, a + 1, (w->nasks - i - 1) * sizeof(*a));
		w->nasks--;
	}
}

/* The kernel refused what these asked for (or the disk did): said once, and overrides that are not in force are given up. */
static void answer_failed(struct guardian *g, uint32_t upto, bool kernel, const char *why)
{
	struct island_work *w = &g->island;
	char words[WORDS_MAX];

	for (unsigned i = 0; i < w->nasks;) {
		struct island_ask *a = &w->asks[i];
		struct island *is = islands_find(&w->list, a->zone, true);

		if (!reached(upto, a->at)) {
			i++;
			continue;
		}
		if (kernel && a->override && is) {
			islands_remove(&w->list, is);
			changed(g);
		}
		snprintf(words, sizeof(words), "%s: %.300s",
			 !kernel ? "in force, but it would not survive a restart; tried again every second"
			 : a->override ? "not overridden; the kernel does not take it"
				       : "the kernel does not take it; tried again every second",
			 why);
		island_event(g, EVENT_STATE, a->zone, "%.120s", words);
		answer(g, a->request, false, words);
		memmove(a, a + 1, (w->nasks - i - 1) * sizeof(*a));
		w->nasks--;
	}
}

/* ---- into the kernel ---- */

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
	char buf[WORDS_MAX] = "";
	ssize_t n = w->words < 0 ? -1 : pread(w->words, buf, sizeof(buf) - 1, 0);

	buf[n < 0 ? 0 : (size_t)n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	apply_close(w);
	w->apply_retry_us = now_us() + RETRY_US;
	answer_failed(g, w->applying, true, *buf ? buf : "its tool fails");
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

static void apply_start(struct guardian *g)
{
	struct island_work *w = &g->island;

	w->applying = w->want;
	w->job = 0;
	w->words = memfd_create("otfw-words", MFD_CLOEXEC);
	w->njobs = kernel_island_print(g, w->job_text);
	if (w->njobs < 0 || w->words < 0 || !text_sum(w->job_text, w->njobs, &w->applying_sum)) {
		w->njobs = w->njobs < 0 ? 0 : w->njobs;
		apply_failed(g);
		return;
	}
	apply_job(g);
}

/* True when the child of pid has ended; good: well. */
static bool child_done(pid_t *pid, int *pidfd, int *status)
{
	if (*pid <= 0 || !child_reap(*pid, status))
		return false;
	close(*pidfd);
	*pidfd = -1;
	*pid = 0;
	return true;
}

static void apply_step(struct guardian *g)
{
	struct island_work *w = &g->island;
	int status = 0;

	if (child_done(&w->pid, &w->pidfd, &status)) {
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

static void save_step(struct guardian *g)
{
	struct island_work *w = &g->island;
	int status = 0;

	if (!child_done(&w->save_pid, &w->save_pidfd, &status))
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		w->saved = w->saving;
		return;
	}
	w->save_retry_us = now_us() + RETRY_US;
	answer_failed(g, w->saving, false,
		      WIFEXITED(status) ? strerror(WEXITSTATUS(status))
					: "the process that writes was killed");
}

/* No policy in force yet: its FILL will have it all. */
static bool idle(const struct guardian *g)
{
	return g->reload.initial;
}

void island_step(struct guardian *g)
{
	struct island_work *w = &g->island;

	expire(g);
	apply_step(g);
	save_step(g);
	if (!idle(g) && w->pid == 0 && w->applied != w->want && now_us() >= w->apply_retry_us)
		apply_start(g);
	if (w->save_pid == 0 && w->saved != w->want && now_us() >= w->save_retry_us)
		save_start(g);
	if (w->nasks)
		answer_done(g);
}

static void sooner(int64_t *at, int64_t us)
{
	if (us < *at)
		*at = us;
}

int island_wait_ms(const struct guardian *g)
{
	const struct island_work *w = &g->island;
	int64_t now = now_us(), next = INT64_MAX, boot = clock_us(CLOCK_BOOTTIME);

	for (unsigned i = 0; i < w->list.n; i++)
		if (w->list.list[i].override)
			sooner(&next, now + w->list.list[i].until_boot_us - boot);
	if (w->pid > 0)
		sooner(&next, w->deadline_us);
	else if (!idle(g) && w->applied != w->want)
		sooner(&next, w->apply_retry_us);
	if (w->save_pid == 0 && w->saved != w->want)
		sooner(&next, w->save_retry_us);
	if (next == INT64_MAX)
		return -1;
	next = next <= now ? 0 : (next - now) / 1000 + 1;
	return next > 3600000 ? 3600000 : (int)next;
}

void island_end(struct guardian *g)
{
	struct island_work *w = &g->island;
	int64_t until = now_us() + END_WAIT_MS * 1000ll;

	while ((w->save_pid > 0 || w->saved != w->want) && now_us() < until) {
		struct pollfd p = {.fd = w->save_pidfd, .events = POLLIN};

		if (w->save_pid == 0)
			save_start(g);
		poll(&p, 1, w->save_pid > 0 ? (int)((until - now_us()) / 1000) + 1 : 100);
		save_step(g);
	}
	if (w->saved != w->want)
		say("%s/%s could not be written", g->state_dir, STATE_FILE);
}
