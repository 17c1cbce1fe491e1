/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unlock, approve and permit: what people ask for by the recorder, checked against the policy in force, answered when it is done. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/candidate.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/overlay.h"

static unsigned conduit_of(const struct guardian *g, const char *name, struct policy_conduit *c)
{
	size_t n = strcspn(name, "/");

	for (unsigned i = 0; g->active.fd >= 0 && name[n] && policy_conduit_get(&g->active.policy, i, c); i++)
		if (strncmp(c->name, name, n) == 0 && !c->name[n])
			return i;
	return POLICY_NO_INDEX;
}

void overlay_event(struct guardian *g, enum event_type type, const char *name, const char *fmt, ...)
{
	struct policy_conduit c = {.to = POLICY_NO_INDEX};
	unsigned conduit = conduit_of(g, name, &c);
	struct event e = {.type = (uint16_t)type,
			  .ts_us = island_clock_us(CLOCK_REALTIME),
			  .zone = conduit == POLICY_NO_INDEX ? (uint16_t)POLICY_NO_INDEX : c.to,
			  .conduit = (uint16_t)conduit,
			  .rule = POLICY_NO_RULE,
			  .proto = -1,
			  .mode = conduit == POLICY_NO_INDEX ? 0 : (uint8_t)c.mode,
			  .flow = UINT32_MAX,
			  .count = 1,
			  .generation = g->active.generation};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	if (g->nqueues)
		ring_put(shm_at(g->queues[0].shm, shm_layout().guardian_ring), &e);
	say("%s", e.text);
}

static struct event_audit audit_of(const char *action, const char *name)
{
	struct event_audit a = {.uid = EVENT_NOBODY, .login = EVENT_NOBODY};

	snprintf(a.action, sizeof(a.action), "%s", action);
	if (strlen(name) < sizeof(a.object))
		memcpy(a.object, name, strlen(name) + 1);
	else
		snprintf(a.object, sizeof(a.object), "%.*s...", (int)sizeof(a.object) - 4, name);
	return a;
}

void overlay_itself(struct guardian *g, const struct overlay_entry *e, const char *words)
{
	struct event_audit a = audit_of(e->permit ? "permit-end" : "unlock-end", e->name);

	snprintf(a.reason, sizeof(a.reason), "%s", e->reason);
	snprintf(a.ticket, sizeof(a.ticket), "%s", e->ticket);
	audit_event(g, &a, "%s of %s %s", overlay_kind(e), e->name, words);
}

/* What somebody asked for, as the audit chain has it. */
static struct event_audit who(const struct lend_request *q, bool refused)
{
	static const char *const names[] = {[LEND_UNLOCK] = "unlock",
					    [LEND_UNLOCK_END] = "unlock-end",
					    [LEND_APPROVE] = "approve",
					    [LEND_PERMIT] = "permit",
					    [LEND_PERMIT_END] = "permit-end"};
	struct event_audit a = audit_of(names[q->act], q->name);

	a.uid = q->uid;
	a.login = q->login;
	a.refused = refused;
	memcpy(a.reason, q->reason, sizeof(a.reason));
	memcpy(a.ticket, q->ticket, sizeof(a.ticket));
	return a;
}

_Static_assert(EVENT_WHY == ISLAND_REASON && EVENT_TICKET == META_TICKET, "copied whole");

/* Refusals are of interest too: somebody tried. */
static void refuse(struct guardian *g, const struct msg *m, const struct lend_request *q, const char *what,
		   const char *why)
{
	struct event_audit a = who(q, true);

	audit_event(g, &a, "%s of %s refused to uid %" PRIu32 ", login %" PRIu32 ": %s", what, q->name,
		    q->uid, q->login, why);
	policy_answer(g, m->arg, false, "%s", why);
}

static void ask_add(struct guardian *g, const struct msg *m, const struct lend_request *q, bool permit,
		    bool must, const char *words)
{
	struct overlay_work *w = &g->overlay;
	struct overlay_ask *a = &w->asks[w->nasks++];

	*a = (struct overlay_ask){
		.request = m->arg, .want = w->want, .force = w->force, .permit = permit, .must = must};
	snprintf(a->name, sizeof(a->name), "%s", q->name);
	snprintf(a->words, sizeof(a->words), "%s", words);
}

static void begin(struct overlay_entry *e, const struct island_now *now, int64_t us)
{
	e->since_us = now->wall_us;
	e->until_us = now->wall_us + us;
	e->until_boot_us = now->boot_us + us;
	memcpy(e->boot, now->boot, sizeof(e->boot));
}

/* The rule's `unlock`, in the policy in force. */
static bool unlock_of(const struct guardian *g, const char *name, struct policy_unlock *u)
{
	struct policy_conduit c;
	struct policy_rule r;
	unsigned conduit = conduit_of(g, name, &c);

	for (unsigned i = 0; conduit != POLICY_NO_INDEX && i < c.nrules; i++)
		if (policy_rule_get(&g->active.policy, c.first_rule + i, &r) &&
		    strcmp(r.id, strchr(name, '/') + 1) == 0)
			return policy_unlock_get(&g->active.policy, c.first_rule + i, u) && u->max_us != 0;
	return false;
}

static struct overlay_entry *put(struct guardian *g, const struct lend_request *q, bool permit,
				 unsigned needs)
{
	struct overlay *o = &g->overlay.list;
	struct overlay_entry *e = o->n < OVERLAY_MAX ? &o->list[o->n++] : NULL;

	if (!e)
		return NULL;
	*e = (struct overlay_entry){.permit = permit,
				    .uid = q->uid,
				    .needs = needs,
				    .people = 1,
				    .login = {q->login},
				    .for_us = q->for_us};
	memcpy(e->name, q->name, sizeof(e->name));
	memcpy(e->reason, q->reason, sizeof(e->reason));
	memcpy(e->ticket, q->ticket, sizeof(e->ticket));
	if (permit)
		memcpy(e->operation, q->operation, sizeof(e->operation));
	return e;
}

static void act_unlock(struct guardian *g, const struct msg *m, const struct lend_request *q,
		       const struct island_now *now)
{
	struct overlay_entry *e = overlay_find(&g->overlay.list, false, q->name);
	struct policy_unlock u;
	char words[ISLAND_WORDS];

	if (!unlock_of(g, q->name, &u)) {
		refuse(g, m, q, "unlock", "the policy in force has no such rule with `unlock`");
	} else if (q->for_us < LEND_MIN_US || (uint64_t)q->for_us > u.max_us) {
		snprintf(words, sizeof(words),
			 "its time must be from 1 s to the %" PRIu64 " s of the rule's `unlock`",
			 u.max_us / 1000000);
		refuse(g, m, q, "unlock", words);
	} else if (e) {
		refuse(g, m, q, "unlock",
		       overlay_in_force(e) ? "it is unlocked; end that first"
					   : "it waits for approval; approve it, or end that first");
	} else if (!(e = put(g, q, false, u.approvals))) {
		refuse(g, m, q, "unlock", "the list is full");
	} else {
		bool on = overlay_in_force(e);

		begin(e, now, on ? q->for_us : LEND_WAIT_US);
		struct event_audit a = who(q, false);
		audit_event(g, &a,
			    "unlock of %s for %" PRId64 " s asked by uid %" PRIu32 ", login %" PRIu32 ": %s",
			    q->name, q->for_us / 1000000, q->uid, q->login, q->reason);
		overlay_changed(g, on);
		snprintf(words, sizeof(words),
			 on ? "unlocked for %" PRId64 " s"
			    : "asked for %" PRId64 " s: it takes %u more to approve within an hour",
			 q->for_us / 1000000, u.approvals - 1);
		ask_add(g, m, q, false, on, words);
	}
}

static void act_approve(struct guardian *g, const struct msg *m, const struct lend_request *q,
			const struct island_now *now)
{
	struct overlay_entry *e = overlay_find(&g->overlay.list, false, q->name);
	char words[ISLAND_WORDS];

	if (!e || overlay_in_force(e)) {
		refuse(g, m, q, "approval", e ? "it is unlocked already" : "nobody has asked for it");
		return;
	}
	for (unsigned i = 0; i < e->people; i++)
		if (e->login[i] == q->login) {
			refuse(g, m, q, "approval",
			       i ? "the same person has approved it already"
				 : "who asks cannot approve: another person must");
			return;
		}
	e->login[e->people++] = q->login;
	bool on = overlay_in_force(e);
	if (on)
		begin(e, now, e->for_us);
	struct event_audit a = who(q, false);
	audit_event(g, &a, "unlock of %s approved by uid %" PRIu32 ", login %" PRIu32 "%s%s", q->name, q->uid,
		    q->login, *q->reason ? ": " : "", q->reason);
	overlay_changed(g, on);
	snprintf(words, sizeof(words),
		 on ? "unlocked for %" PRId64 " s" : "approved; it takes more: %" PRId64 " s are asked for",
		 e->for_us / 1000000);
	ask_add(g, m, q, false, on, words);
}

static void act_permit(struct guardian *g, const struct msg *m, const struct lend_request *q,
		       const struct island_now *now)
{
	struct overlay_entry *e = overlay_find(&g->overlay.list, true, q->name);
	char words[ISLAND_WORDS];

	if (q->for_us < LEND_MIN_US || q->for_us > LEND_MAX_US) {
		refuse(g, m, q, "permit", "its time must be from 1 s to 24 h");
	} else if (e) {
		refuse(g, m, q, "permit", "it is permitted; end that first");
	} else if (!overlay_line_good(q->operation, sizeof(q->operation))) {
		refuse(g, m, q, "permit", "it says no operation that can be permitted");
	} else if (!(e = put(g, q, true, 1))) {
		refuse(g, m, q, "permit", "the list is full");
	} else {
		begin(e, now, q->for_us);
		struct event_audit a = who(q, false);
		audit_event(g, &a,
			    "permit of %s for %" PRId64 " s asked by uid %" PRIu32 ", login %" PRIu32 ": %s",
			    q->name, q->for_us / 1000000, q->uid, q->login, q->reason);
		overlay_changed(g, true);
		snprintf(words, sizeof(words), "permitted for %" PRId64 " s: exactly this operation",
			 q->for_us / 1000000);
		ask_add(g, m, q, true, true, words);
	}
}

static void act_end(struct guardian *g, const struct msg *m, const struct lend_request *q, bool permit)
{
	struct overlay_entry *e = overlay_find(&g->overlay.list, permit, q->name);

	if (!e) {
		refuse(g, m, q, permit ? "end of permit" : "end of unlock",
		       permit ? "it is not permitted" : "it is not unlocked");
		return;
	}
	bool on = overlay_in_force(e);
	struct event_audit a = who(q, false);
	audit_event(g, &a, "%s of %s ended by uid %" PRIu32 ", login %" PRIu32 "%s%s", overlay_kind(e),
		    q->name, q->uid, q->login, *q->reason ? ": " : "", q->reason);
	overlay_remove(&g->overlay.list, e);
	overlay_changed(g, on);
	ask_add(g, m, q, permit, false,
		permit ? "it is no longer permitted" : "it is locked again; a running job may finish");
}

static bool ended(const char *s, size_t cap)
{
	return strnlen(s, cap) < cap;
}

void overlay_request(struct guardian *g, const struct msg *m, int fd)
{
	static struct lend_request q;
	bool permit, ends;
	struct island_now now;

	if (fd < 0 || pread(fd, &q, sizeof(q), 0) != sizeof(q) || !ended(q.name, sizeof(q.name)) ||
	    !ended(q.reason, sizeof(q.reason)) || !ended(q.ticket, sizeof(q.ticket)) ||
	    !ended(q.operation, sizeof(q.operation))) {
		policy_answer(g, m->arg, false, "the request is not as it must be");
		return;
	}
	permit = q.act == LEND_PERMIT || q.act == LEND_PERMIT_END;
	ends = q.act == LEND_UNLOCK_END || q.act == LEND_PERMIT_END || q.act == LEND_APPROVE;
	if (!overlay_name_good(permit, q.name) || (!*q.reason && !ends) ||
	    (*q.reason && !island_reason_good(q.reason)) ||
	    (*q.ticket && !overlay_line_good(q.ticket, sizeof(q.ticket)))) {
		policy_answer(g, m->arg, false, "a name, the reason or the ticket is not as it must be");
		return;
	}
	if (g->overlay.nasks == OVERLAY_ASKS) {
		policy_answer(g, m->arg, false, "too many requests at a time");
		return;
	}
	island_now_get(g, &now);
	switch (q.act) {
	case LEND_UNLOCK: act_unlock(g, m, &q, &now); break;
	case LEND_APPROVE: act_approve(g, m, &q, &now); break;
	case LEND_PERMIT: act_permit(g, m, &q, &now); break;
	case LEND_UNLOCK_END:
	case LEND_PERMIT_END: act_end(g, m, &q, permit); break;
	default: policy_answer(g, m->arg, false, "no such request");
	}
}

/* ---- answers ---- */

static void ask_remove(struct overlay_work *w, struct overlay_ask *a)
{
	size_t i = (size_t)(a - w->asks);

	memmove(a, a + 1, (w->nasks - i - 1) * sizeof(*a));
	w->nasks--;
}

void overlay_answer_done(struct guardian *g)
{
	struct overlay_work *w = &g->overlay;

	for (unsigned i = 0; i < w->nasks;) {
		struct overlay_ask *a = &w->asks[i];

		if ((int32_t)(w->applied - a->force) < 0 || (int32_t)(w->saved - a->want) < 0) {
			i++;
			continue;
		}
		policy_answer(g, a->request, true, "%s", a->words);
		ask_remove(w, a);
	}
}

void overlay_answer_failed(struct guardian *g, const struct overlay_entry *e, const char *why)
{
	struct overlay_work *w = &g->overlay;

	for (unsigned i = 0; i < w->nasks;) {
		struct overlay_ask *a = &w->asks[i];

		if (!a->must || a->permit != e->permit || strcmp(a->name, e->name) != 0) {
			i++;
			continue;
		}
		policy_answer(g, a->request, false, "%s", why);
		ask_remove(w, a);
	}
}
