/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which policy is the policy, and how another becomes it.
 *
 *   commit     STORING (the history gets it) -> SWAPPING (reload.c) -> SAVING (STATE_DIR/commit names it) -> answered
 *   confirm    SAVING
 *   rollback   FETCHING -> SWAPPING -> SAVING; the one that was confirmed is in memory while another is on trial
 *
 * STATE_DIR/commit is one file, replaced as a whole, and a start believes nothing else. It is written once the policy is in force: whoever is
 * killed before comes back with the old one, whoever is killed behind with the new one, and nobody was told before.
 *
 * A trial (commit --confirm) ends by itself at its time on the clock that counts from boot, in this process: neither recorder nor whoever
 * committed is needed. A guardian that was killed goes on with the trial and its time; another boot comes up with the confirmed policy. Where
 * the swap back fails, it is tried again until it holds.
 *
 * Without a commit the file is the policy, and STATE_DIR/commit is not there. A load of the file makes that so again.
 */
#include "fwd/guardian/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/common/jsonl.h"
#include "fwd/guardian/candidate.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/store.h"

#define TRIAL_MS 1000 /* a trial's clock may stand still while ours runs */
#define GUARD_MS 100
#define WAIT_MS  5 /* for a reload to end */

static struct store_list list;

static const char *hex8(const uint8_t *digest)
{
	static char hex[17];

	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

const struct image_mem *commit_proper(const struct guardian *g)
{
	return g->proper.fd >= 0 ? &g->proper : &g->active;
}

void commit_tell(struct guardian *g)
{
	const struct commit_work *w = &g->commit;
	struct msg m = {.type = MSG_POLICY_STATE,
			.generation = g->active.generation,
			.state = {.running = w->running,
				  .confirmed = w->state.confirmed,
				  .trial = w->state.trial,
				  .guarded = w->state.guarded,
				  .guard = w->state.guard,
				  .guard_denied = (uint32_t)w->guard_denied,
				  .deadline_boot_us = w->state.deadline_boot_us}};

	if (g->recorder.channel >= 0 && msg_send(g->recorder.channel, &m, -1) < 0)
		say("cannot tell the recorder which policy it is: %s", strerror(errno));
}

/* ---- the end of a change ---- */

static void drop_next(struct commit_work *w)
{
	image_drop(&w->next);
	if (w->next_source >= 0)
		close(w->next_source);
	w->next_source = -1;
}

static const char *action_of(const struct commit_work *w)
{
	static const char *const names[] = {
		[ACT_COMMIT] = "commit", [ACT_CONFIRM] = "confirm", [ACT_ROLLBACK] = "rollback",
		[ACT_BACK] = "rollback", [ACT_FILE] = "reload",     [ACT_BOOT] = "start"};

	return w->act < sizeof(names) / sizeof(names[0]) && names[w->act] ? names[w->act] : "change";
}

static void send_answer(struct guardian *g, struct load_answer *a)
{
	struct msg m = {.type = MSG_RELOADED, .arg = a->request, .generation = g->active.generation};

	if (a->request && a->of == g->recorder.started_us && g->recorder.channel >= 0 &&
	    msg_send(g->recorder.channel, &m, a->words) < 0)
		say("cannot answer a reload request: %s", strerror(errno));
	if (a->request)
		close(a->words);
	*a = (struct load_answer){.request = 0};
}

bool commit_answers(struct guardian *g, uint32_t request, int words)
{
	struct commit_work *w = &g->commit;

	if (g->island.dir < 0 || words < 0)
		return false;
	send_answer(g, &w->answer_next);
	w->answer_next =
		(struct load_answer){.request = request, .words = words, .of = g->recorder.started_us};
	return true;
}

/* Whoever asked is told, unless a recorder died meanwhile, and the chain is told in any case. */
void commit_conclude(struct guardian *g, bool good, const char *words)
{
	struct commit_work *w = &g->commit;

	const uint8_t *now = change_digest(commit_proper(g));

	policy_audit(g, w->asked ? &w->ask : NULL, action_of(w), !good,
		     good && w->has_before ? w->before : now, now, "%s", words);
	w->has_before = false;
	commit_tell(g); /* first: whoever is answered may ask at once */
	if (w->asked && g->recorder.started_us == w->asked_of)
		policy_answer(g, w->request, good, "%s", words);
	if (w->act == ACT_FILE)
		send_answer(g, &w->answer);
	drop_next(w);
	w->phase = COMMIT_IDLE;
	w->act = ACT_NONE;
	w->asked = false;
}

static void in_words(const struct guardian *g, char *to, size_t cap)
{
	const struct commit_work *w = &g->commit;
	int64_t left = w->state.deadline_boot_us - island_clock_us(CLOCK_BOOTTIME);
	int n = snprintf(to, cap, "policy %u (%s...) is in force", w->running,
			 hex8(policy_digest(&commit_proper(g)->policy)));

	if (w->state.trial)
		snprintf(to + n, cap - (size_t)n,
			 " on trial: without `confirm` policy %u comes back in %" PRId64 " s",
			 w->state.confirmed, (left + 999999) / 1000000);
	else if (w->act == ACT_BACK)
		snprintf(to + n, cap - (size_t)n, " again: policy %u %s", w->number,
			 w->why == META_TIMED_OUT ? "was not confirmed in time"
			 : w->why == META_GUARDED
				 ? "denied what it had allowed more often than --guard lets it"
			 : w->why == META_REBOOTED ? "was not confirmed before a reboot"
						   : "was taken back");
	else if (w->act != ACT_FILE)
		snprintf(to + n, cap - (size_t)n, " and confirmed");
	else
		snprintf(to + n, cap - (size_t)n, ", from the file");
}

bool commit_guards(const struct guardian *g)
{
	return g->commit.state.trial && g->commit.state.guarded && g->commit.base.fd >= 0;
}

/* What is in force may have to come back. */
static bool base_keep(struct guardian *g)
{
	struct commit_work *w = &g->commit;

	w->base_source = g->source >= 0 ? fcntl(g->source, F_DUPFD_CLOEXEC, 10) : -1;
	return image_share(&w->base, commit_proper(g)) == 0;
}

/* The confirmed image is no longer needed beside the one in force. */
static void base_drop(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	bool guarded = commit_guards(g);

	image_drop(&w->base);
	if (w->base_source >= 0)
		close(w->base_source);
	w->base_source = -1;
	w->guard_denied = 0;
	if (guarded)
		candidate_guard(g);
}

/* ---- writing down ---- */

void commit_save(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	char name[STORE_NAME], text[META_TEXT_MAX];
	size_t len;

	list.n = 0;
	if (w->state.confirmed || w->state.trial) {
		len = commit_state_print(&w->state, text, sizeof(text));
		store_text(&list, COMMIT_FILE, text, len);
	} else {
		store_remove(&list, COMMIT_FILE);
	}
	for (unsigned i = 0; i < w->n; i++) {
		struct policy_meta *m = &w->list[i];

		if (!m->changed || list.n + 1 >= STORE_OPS)
			continue;
		len = meta_print(m, text, sizeof(text));
		store_prefix(m->number, name);
		strcat(name, "meta");
		store_text(&list, name, text, len);
	}
	w->phase = COMMIT_SAVING;
	w->retry_us = 0;
	if (!store_start(g, &w->job, &list))
		w->retry_us = now_us() + COMMIT_RETRY_US;
}

void commit_mark(struct guardian *g, uint32_t number, enum meta_state state)
{
	struct policy_meta *m = commit_find(g, number);

	if (!m || m->state == state)
		return;
	m->state = state;
	m->changed = true;
}

static void saved(struct guardian *g, int err)
{
	struct commit_work *w = &g->commit;
	char words[EVENT_TEXT];

	if (err) {
		if (!w->told)
			say("%s/%s cannot be written: %s; tried again every second", g->state_dir,
			    COMMIT_FILE, strerror(err));
		w->told = true;
		w->retry_us = now_us() + COMMIT_RETRY_US;
		/* Who asked is not left to wait: it is in force, and that a restart would not know it is said. */
		if (w->asked && g->recorder.started_us == w->asked_of)
			policy_answer(
				g, w->request, false,
				"in force, but a restart would not know it: %s; tried again every second",
				strerror(err));
		w->asked_of = -1;
		send_answer(g, &w->answer);
		return;
	}
	w->told = false;
	for (unsigned i = 0; i < w->n; i++)
		w->list[i].changed = false;
	in_words(g, words, sizeof(words));
	commit_conclude(g, true, words);
}

/* ---- swapping ---- */

/* Operations that the confirmed policy allows and the one on trial has denied, of all engines. */
static uint64_t guard_denied(const struct guardian *g)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < g->nqueues; i++)
		n += atomic_load(&g->queues[i].shm->counters[SHM_GUARD_DENIED]);
	return n;
}

void commit_swap(struct guardian *g)
{
	struct commit_work *w = &g->commit;

	w->phase = COMMIT_WAITING;
	if (g->reload.state != RELOAD_IDLE)
		return;
	if (w->file_loaded) {
		commit_conclude(g, false, "the policy file was loaded meanwhile, and is what is in force");
		return;
	}
	w->phase = COMMIT_SWAPPING;
	reload_image(g, &w->next, w->next_source);
}

void commit_trial_over(struct guardian *g, enum meta_state why)
{
	struct commit_work *w = &g->commit;

	if (w->state.trial)
		commit_mark(g, w->state.trial, why);
	base_drop(g);
}

/* In force: what the state is from here. */
static void swapped(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	struct commit_state old = w->state;

	switch (w->act) {
	case ACT_COMMIT:
		w->state = (struct commit_state){.confirmed = w->number};
		if (w->ask.confirm_us) {
			w->state = (struct commit_state){
				.confirmed = old.confirmed ? old.confirmed : w->running,
				.by_file = old.confirmed == 0,
				.trial = w->number,
				.guard = w->ask.guard,
				.guarded = w->ask.guarded == 1,
				.deadline_boot_us = island_clock_us(CLOCK_BOOTTIME) + w->ask.confirm_us};
			memcpy(w->state.boot, g->island.boot, sizeof(w->state.boot));
		}
		w->guard_from = guard_denied(g);
		w->guard_denied = 0;
		if (commit_guards(g))
			candidate_guard(g);
		commit_mark(g, w->number, w->ask.confirm_us ? META_TRIAL : META_CONFIRMED);
		w->running = w->number;
		break;
	case ACT_ROLLBACK:
		commit_trial_over(g, META_ROLLED_BACK);
		w->state = (struct commit_state){.confirmed = w->number};
		commit_mark(g, w->number, META_CONFIRMED);
		w->running = w->number;
		break;
	default:
		commit_trial_over(g, w->why);
		w->running = old.confirmed;
		w->state = (struct commit_state){.confirmed = old.by_file ? 0 : old.confirmed};
	}
	commit_tell(g);
	commit_save(g);
}

static void not_swapped(struct guardian *g, const char *said)
{
	struct commit_work *w = &g->commit;
	char words[EVENT_TEXT];

	snprintf(words, sizeof(words), "not in force; policy %u stays: %.90s", w->running, said);
	words[strcspn(words, "\n")] = '\0';
	if (w->act == ACT_BACK) {
		w->retry_us = now_us() + COMMIT_RETRY_US;
	} else if (w->act == ACT_COMMIT) {
		commit_mark(g, w->number, META_REFUSED);
		base_drop(g);
	}
	commit_conclude(g, false, words);
}

/* ---- a policy for the history ---- */

bool commit_store_next(struct guardian *g, const struct policy_meta *what)
{
	struct commit_work *w = &g->commit;
	char prefix[STORE_NAME];
	uint32_t gone, number;
	struct policy_meta *m = commit_new(g, &gone);

	number = m->number;
	*m = *what;
	m->number = w->number = number;
	m->before = w->running;
	m->source_sum = store_sum(w->next_source);
	list.n = 0;
	store_prefix(number, prefix);
	store_policy(&list, prefix, m, w->next.fd, w->next_source);
	if (gone) {
		store_prefix(gone, prefix);
		store_policy_remove(&list, prefix);
	}
	w->phase = COMMIT_STORING;
	return store_start(g, &w->job, &list);
}

void commit_forget_stored(struct guardian *g)
{
	struct commit_work *w = &g->commit;

	if (w->n && w->list[w->n - 1].number == w->number)
		w->n--;
}

static void file_in_force(struct guardian *g)
{
	struct commit_work *w = &g->commit;

	w->running = w->number;
	/* Where the committed policy could not be had, a later start may find it again. */
	if (w->fell_back || (w->starting && !w->state.confirmed && !w->state.trial)) {
		w->fell_back = w->starting = false;
		w->phase = COMMIT_IDLE;
		w->act = ACT_NONE;
		send_answer(g, &w->answer);
		drop_next(w);
		commit_tell(g);
		return;
	}
	commit_trial_over(g, META_ROLLED_BACK);
	w->state = (struct commit_state){0};
	commit_save(g);
}

/* The file was loaded: it is the policy, whatever was committed before. */
static void file_loaded(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	const uint8_t *digest = policy_digest(&commit_proper(g)->policy);
	struct policy_meta meta = {.uid = w->starting ? ISLAND_NOBODY : w->loader_uid,
				   .login = w->starting ? ISLAND_NOBODY : w->loader_login,
				   .at_us = island_clock_us(CLOCK_REALTIME),
				   .file = true,
				   .state = META_CONFIRMED};
	const struct policy_meta *last = w->n ? &w->list[w->n - 1] : NULL;

	w->file_loaded = false;
	memcpy(w->before, w->loaded_before, sizeof(w->before));
	w->has_before = w->has_loaded_before;
	w->act = ACT_FILE;
	w->answer = w->answer_next;
	w->answer_next = (struct load_answer){.request = 0};
	w->asked = !w->starting && w->loader_uid != ISLAND_NOBODY;
	w->asked_of = -1; /* the reload itself was answered */
	w->ask = (struct msg_policy){.uid = w->loader_uid, .login = w->loader_login};
	if (last && last->file && memcmp(last->digest, digest, POLICY_DIGEST) == 0) {
		w->number = last->number;
		if (w->file_source >= 0)
			close(w->file_source);
		w->file_source = -1;
	} else {
		memcpy(meta.digest, digest, POLICY_DIGEST);
		snprintf(meta.name, sizeof(meta.name), "%.*s", META_NAME - 1, g->policy);
		w->next_source = w->file_source;
		w->file_source = -1;
		if (image_share(&w->next, commit_proper(g)) == 0 && commit_store_next(g, &meta))
			return;
		commit_forget_stored(g);
		w->number = 0;
		say("the policy of the file cannot be kept in the history: %s", strerror(errno));
	}
	file_in_force(g);
}

bool commit_takes_back(const struct guardian *g, const struct image_mem *file, char *why, size_t cap)
{
	const struct commit_work *w = &g->commit;
	const struct image_mem *now = commit_proper(g);
	struct policy_conduit was, is;

	if (w->loader_force || now->fd < 0 || (!w->state.confirmed && !w->state.trial))
		return false;
	for (unsigned i = 0; policy_conduit_get(&now->policy, i, &was); i++)
		for (unsigned k = 0; was.lane == LANE_INSPECTED && policy_conduit_get(&file->policy, k, &is);
		     k++)
			if (strcmp(was.name, is.name) == 0 && is.lane == LANE_INSPECTED &&
			    is.mode > was.mode) {
				snprintf(
					why, cap,
					"it would take conduit %.60s from %s back to %s, and policy %u, in force, was committed: `otfwctl reload --force` does it",
					was.name, mode_name(was.mode), mode_name(is.mode), w->running);
				return true;
			}
	return false;
}

static void stored(struct guardian *g, int err)
{
	struct commit_work *w = &g->commit;
	char words[EVENT_TEXT];

	if (err)
		commit_forget_stored(g);
	if (w->act == ACT_FILE) {
		if (err) {
			say("the policy of the file cannot be kept in the history: %s", strerror(err));
			w->number = 0;
		}
		file_in_force(g);
		return;
	}
	if (err) {
		snprintf(words, sizeof(words), "the history cannot be written: %s", strerror(err));
		commit_conclude(g, false, words);
		return;
	}
	if (w->ask.confirm_us && !base_keep(g)) {
		commit_conclude(g, false, "no memory to keep the policy that may have to come back");
		return;
	}
	commit_swap(g);
}

/* ---- a turn ---- */

void commit_reloaded(struct guardian *g, bool good, bool given, const char *words)
{
	struct commit_work *w = &g->commit;

	if (!good && given && g->reload.initial) {
		say("the committed policy does not hold: the policy is that of %s", g->policy);
		w->fell_back = true;
		w->phase = COMMIT_IDLE;
		w->act = ACT_NONE;
		w->booted_back = false;
		w->state = (struct commit_state){0};
		return;
	}
	if (good && !g->reload.initial && !w->file_loaded) {
		const uint8_t *was = change_digest(&g->change.before);

		w->has_loaded_before = was != NULL;
		if (was)
			memcpy(w->loaded_before, was, sizeof(w->loaded_before));
	}
	if (!given && good) {
		w->starting = g->reload.initial;
		if (w->file_source >= 0)
			close(w->file_source);
		w->file_source = g->source >= 0 ? fcntl(g->source, F_DUPFD_CLOEXEC, 10) : -1;
		w->file_loaded = g->island.dir >= 0;
		return;
	}
	if (!given || w->phase != COMMIT_SWAPPING)
		return;
	if (w->act == ACT_BOOT) {
		w->phase = COMMIT_IDLE;
		w->act = ACT_NONE;
	} else if (good) {
		memcpy(w->before, w->loaded_before, sizeof(w->before));
		w->has_before = w->has_loaded_before;
		swapped(g);
	} else {
		not_swapped(g, words);
	}
}

static void guard_look(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	uint64_t n = guard_denied(g), seen = n - w->guard_from;

	if (seen == w->guard_denied)
		return;
	w->guard_denied = seen;
	commit_tell(g);
}

bool commit_over(const struct guardian *g)
{
	return island_clock_us(CLOCK_BOOTTIME) >= g->commit.state.deadline_boot_us;
}

void commit_step(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	int err;

	if (w->phase == COMMIT_STORING && store_done(&w->job, &err))
		stored(g, err);
	else if (w->phase == COMMIT_FETCHING && store_done(&w->job, &err))
		commit_fetched(g, err);
	else if (w->phase == COMMIT_SAVING && w->job.pid > 0 && store_done(&w->job, &err))
		saved(g, err);
	else if (w->phase == COMMIT_SAVING && w->job.pid == 0 && now_us() >= w->retry_us)
		commit_save(g);
	if (w->phase == COMMIT_WAITING)
		commit_swap(g);
	if (g->reload.initial)
		return;
	if (w->phase == COMMIT_IDLE && w->file_loaded)
		file_loaded(g);
	commit_held(g);
	if (w->state.trial && w->state.guarded)
		guard_look(g);
	if (w->phase != COMMIT_IDLE || now_us() < w->retry_us)
		return;
	if (w->booted_back) {
		const struct policy_meta *was = commit_find(g, w->number);

		w->booted_back = false;
		w->has_before = was != NULL;
		if (was)
			memcpy(w->before, was->digest, sizeof(w->before));
		w->act = ACT_BACK;
		commit_save(g);
	} else if (w->state.trial && commit_over(g)) {
		commit_back(g, META_TIMED_OUT);
	} else if (w->state.trial && w->state.guarded && w->guard_denied > w->state.guard) {
		commit_back(g, META_GUARDED);
	}
}

int commit_wait_ms(const struct guardian *g)
{
	const struct commit_work *w = &g->commit;
	int64_t left = (w->state.deadline_boot_us - island_clock_us(CLOCK_BOOTTIME)) / 1000 + 1, ms = -1;
	int64_t retry = w->retry_us > now_us() ? (w->retry_us - now_us()) / 1000 + 1 : 0;

	/* Else the end of a child, or that of the reload, wakes us. */
	if (w->phase == COMMIT_WAITING)
		return WAIT_MS;
	if (w->phase == COMMIT_SAVING && w->job.pid == 0)
		return (int)retry;
	if (w->phase != COMMIT_IDLE)
		return -1;
	if (w->booted_back || w->file_loaded)
		ms = 0;
	else if (w->state.trial)
		ms = left < 0 ? 0 : left < TRIAL_MS ? left : TRIAL_MS;
	if (w->state.trial && w->state.guarded && ms > GUARD_MS)
		ms = GUARD_MS;
	return (int)(ms >= 0 && ms < retry ? retry : ms);
}
