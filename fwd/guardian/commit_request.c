/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit, confirm and rollback as people ask for them, and the way back that nobody asks for. */
#include "fwd/guardian/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fwd/guardian/candidate.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/store.h"

static void refuse(struct guardian *g, const struct msg *m, const char *action, const char *why)
{
	const uint8_t *now = change_digest(commit_proper(g));

	policy_audit(g, &m->policy, action, true, now, now, "%s", why);
	policy_answer(g, m->arg, false, "%s", why);
}

static const char *begin_commit(struct guardian *g, const struct msg_policy *p)
{
	struct commit_work *w = &g->commit;
	struct policy_meta meta;

	if (!island_reason_good(p->reason))
		return "a commit needs a reason";
	if (p->confirm_us != 0 && (p->confirm_us < COMMIT_MIN_US || p->confirm_us > COMMIT_MAX_US))
		return "the time for confirm must be from 1 s to 7 days";
	if (p->guarded && !p->confirm_us)
		return "--guard goes with --confirm: without it there is no trial";
	if (w->state.trial)
		return "another policy is on trial: confirm it or roll it back first";
	if (!w->running)
		return "the policy in force could not be kept in the history: there would be no way back";
	if (!candidate_take(g, &w->next, &w->next_source, &meta))
		return "there is no candidate: load one first";
	if (memcmp(meta.digest, p->digest, POLICY_DIGEST) != 0)
		return "the candidate is another by now";
	if (memcmp(meta.digest, policy_digest(&commit_proper(g)->policy), POLICY_DIGEST) == 0)
		return "the candidate is what is in force already";
	meta.uid = p->uid;
	meta.login = p->login;
	meta.at_us = island_clock_us(CLOCK_REALTIME);
	meta.state = META_STORED;
	memcpy(meta.reason, p->reason, sizeof(meta.reason));
	memcpy(meta.ticket, p->ticket, sizeof(meta.ticket));
	if (commit_store_next(g, &meta))
		return NULL;
	commit_forget_stored(g);
	return "the history cannot be written";
}

static const char *begin_confirm(struct guardian *g)
{
	struct commit_work *w = &g->commit;

	if (!w->state.trial)
		return "nothing waits for confirmation";
	w->number = w->state.trial;
	commit_trial_over(g, META_CONFIRMED);
	w->state = (struct commit_state){.confirmed = w->number};
	commit_save(g);
	return NULL;
}

void commit_back(struct guardian *g, enum meta_state why)
{
	struct commit_work *w = &g->commit;

	w->act = ACT_BACK;
	w->why = why;
	w->number = w->state.trial;
	w->retry_us = 0;
	/* A compile of the file that runs just now may take long, and would be for nothing. */
	reload_cancel(g);
	w->next_source = w->base_source >= 0 ? fcntl(w->base_source, F_DUPFD_CLOEXEC, 10) : -1;
	if (image_share(&w->next, &w->base) < 0) {
		w->retry_us = now_us() + COMMIT_RETRY_US;
		commit_conclude(g, false,
				"no memory for the policy that must come back; tried again every second");
		return;
	}
	commit_swap(g);
}

static const char *begin_rollback(struct guardian *g, const struct msg_policy *p)
{
	struct commit_work *w = &g->commit;
	const struct policy_meta *now = commit_find(g, w->running);
	uint32_t number = p->number;
	char prefix[STORE_NAME];

	if (w->state.trial && (!number || number == w->state.confirmed)) {
		commit_back(g, META_ROLLED_BACK);
		return NULL;
	}
	if (!number)
		number = now ? now->before : 0;
	if (!number)
		return "there was no policy before this one: name one of the history";
	if (!commit_find(g, number))
		return "the history has no such policy";
	if (number == w->running)
		return "that policy is in force";
	w->number = number;
	store_prefix(number, prefix);
	if (!store_fetch(g, &w->job, prefix))
		return "the history cannot be read";
	w->phase = COMMIT_FETCHING;
	return NULL;
}

void commit_fetched(struct guardian *g, int err)
{
	struct commit_work *w = &g->commit;
	struct policy_meta meta;
	char why[256], words[EVENT_TEXT];

	if (!err && store_taken(&w->job, &w->next, &w->next_source, &meta, why, sizeof(why)) == 0) {
		commit_swap(g);
		return;
	}
	snprintf(words, sizeof(words), "policy %u cannot be had: %.100s", w->number,
		 err ? strerror(err) : why);
	commit_conclude(g, false, words);
}

void commit_held(struct guardian *g)
{
	struct commit_work *w = &g->commit;
	struct msg m = w->held;

	if (!m.type || ((w->phase == COMMIT_STORING || w->phase == COMMIT_SAVING) && w->job.pid > 0))
		return;
	w->held.type = MSG_NONE;
	if (w->held_of == g->recorder.started_us)
		commit_request(g, &m);
}

void commit_request(struct guardian *g, const struct msg *m)
{
	struct commit_work *w = &g->commit;
	const struct msg_policy *p = &m->policy;
	const char *action = p->act == POLICY_COMMIT    ? "commit"
			     : p->act == POLICY_CONFIRM ? "confirm"
							: "rollback",
		   *why;

	/* Who comes just as a trial has ended by itself, say, need not come again. */
	if ((w->phase == COMMIT_STORING || w->phase == COMMIT_SAVING) && w->job.pid > 0 && !w->asked &&
	    !w->held.type) {
		w->held = *m;
		w->held_of = g->recorder.started_us;
		return;
	}
	if (g->island.dir < 0 || w->phase != COMMIT_IDLE || w->file_loaded ||
	    (g->reload.state != RELOAD_IDLE && p->act != POLICY_CONFIRM)) {
		refuse(g, m, action,
		       g->island.dir < 0 ? "there is no state directory to keep policies in"
					 : "another change of the policy is under way");
		return;
	}
	w->ask = *p;
	w->asked = true;
	w->asked_of = g->recorder.started_us;
	w->request = m->arg;
	switch (p->act) {
	case POLICY_COMMIT:
		w->act = ACT_COMMIT;
		why = begin_commit(g, p);
		break;
	case POLICY_CONFIRM:
		w->act = ACT_CONFIRM;
		why = begin_confirm(g);
		break;
	default: w->act = ACT_ROLLBACK; why = begin_rollback(g, p);
	}
	if (why && w->phase != COMMIT_IDLE)
		w->phase = COMMIT_IDLE;
	if (why)
		commit_conclude(g, false, why);
}
