/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes as the audit chain has them: who, what and why in an event, the policies before and after beside it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fwd/guardian/commit.h"
#include "fwd/guardian/island.h"
#include "fwd/guardian/overlay.h"

/* Told before there is a ring: what a start finds to be over. */
#define EARLY_MAX 64
static struct event early[EARLY_MAX];
static unsigned nearly;

static void put(struct guardian *g, const struct event *e)
{
	if (g->nqueues)
		ring_put(shm_at(g->queues[0].shm, shm_layout().guardian_ring), e);
	else if (nearly < EARLY_MAX)
		early[nearly++] = *e;
}

static struct event_audit nobody(const char *action)
{
	struct event_audit a = {.uid = EVENT_NOBODY, .login = EVENT_NOBODY};

	snprintf(a.action, sizeof(a.action), "%s", action);
	return a;
}

/* Zone and conduit of its object, for whoever looks for events of one. */
static void place(const struct guardian *g, const struct event_audit *who, struct event *e)
{
	size_t n = strcspn(who->object, "/");
	struct policy_conduit c;
	struct policy_zone z;

	if (g->active.fd < 0 || !who->object[0])
		return;
	for (unsigned i = 0; !who->object[n] && policy_zone_get(&g->active.policy, i, &z); i++)
		if (strcmp(z.name, who->object) == 0) {
			e->zone = (uint16_t)i;
			e->failure = (uint8_t)z.failure;
		}
	for (unsigned i = 0; who->object[n] && policy_conduit_get(&g->active.policy, i, &c); i++)
		if (strncmp(c.name, who->object, n) == 0 && !c.name[n]) {
			e->conduit = (uint16_t)i;
			e->zone = c.to;
			e->mode = (uint8_t)c.mode;
		}
}

void audit_event(struct guardian *g, const struct event_audit *who, const char *fmt, ...)
{
	struct event e = {.type = EVENT_AUDIT,
			  .ts_us = island_clock_us(CLOCK_REALTIME),
			  .zone = POLICY_NO_INDEX,
			  .conduit = POLICY_NO_INDEX,
			  .rule = POLICY_NO_RULE,
			  .proto = -1,
			  .flow = UINT32_MAX,
			  .count = 1,
			  .audit = *who,
			  .generation = g->active.generation};
	va_list ap;

	place(g, who, &e);
	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	put(g, &e);
	if (e.zone != POLICY_NO_INDEX && e.conduit == POLICY_NO_INDEX)
		say("zone %s: %s", who->object, e.text);
	else
		say("%s%s%s: %s%s%s", who->action, who->object[0] ? " " : "", who->object, e.text,
		    who->ticket[0] ? "; ticket " : "", who->ticket);
}

void policy_audit(struct guardian *g, const struct msg_policy *who, const char *action, bool refused,
		  const uint8_t *before, const uint8_t *after, const char *fmt, ...)
{
	struct event_audit a = nobody(action);
	char text[EVENT_TEXT];
	va_list ap;

	if (who) {
		a.uid = who->uid;
		a.login = who->login;
		snprintf(a.reason, sizeof(a.reason), "%s", who->reason);
		snprintf(a.ticket, sizeof(a.ticket), "%s", who->ticket);
	}
	a.refused = refused;
	a.has_before = before != NULL;
	if (before)
		memcpy(a.before, before, POLICY_DIGEST);
	a.has_after = after != NULL;
	if (after)
		memcpy(a.after, after, POLICY_DIGEST);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	audit_event(g, &a, "%s", text);
}

/* ---- the policies ---- */

static void tell(struct guardian *g, uint32_t which, const struct image_mem *img)
{
	struct msg m = {.type = MSG_CHANGE, .arg = which, .generation = g->active.generation};

	if (img->fd >= 0 && g->recorder.channel >= 0 && msg_send(g->recorder.channel, &m, img->fd) < 0)
		say("cannot hand the recorder the policies of a change: %s", strerror(errno));
}

void change_tell(struct guardian *g)
{
	tell(g, 0, &g->change.before);
	tell(g, 1, &g->change.after);
}

static void keep(struct image_mem *to, const struct image_mem *img)
{
	image_drop(to);
	if (img->fd >= 0 && image_share(to, img) < 0)
		say("no memory to keep a policy for the audit chain: its change will be told without a diff");
}

void change_made(struct guardian *g, const struct image_mem *before, const struct image_mem *after)
{
	keep(&g->change.before, before);
	keep(&g->change.after, after);
	change_tell(g);
}

const uint8_t *change_digest(const struct image_mem *img)
{
	return img->fd >= 0 ? policy_digest(&img->policy) : NULL;
}

void change_refused(struct guardian *g, const char *words)
{
	const struct msg_policy who = {.uid = g->commit.loader_uid, .login = g->commit.loader_login};
	const uint8_t *now = change_digest(commit_proper(g));

	policy_audit(g, &who, "reload", true, now, now, "%.*s", (int)strcspn(words, "\n"), words);
}

/* What is lent now, by name, as far as there is room. */
static void lent(const struct guardian *g, char *to, size_t cap)
{
	size_t n = 0;

	for (unsigned i = 0; i < g->overlay.list.n && n < cap; i++) {
		const struct overlay_entry *e = &g->overlay.list.list[i];

		if (overlay_in_force(e) && overlay_is_lent(g, e))
			n += (size_t)snprintf(to + n, cap - n, "%s%s %s", n ? ", " : "",
					      e->permit ? "permit" : "unlock", e->name);
	}
	if (n == 0)
		snprintf(to, cap, "nothing is lent on top of the policy");
}

void change_loaded(struct guardian *g)
{
	const struct reload *r = &g->reload;
	const struct image_mem *was = r->lend || r->previous_proper.fd < 0 ? &r->previous
									   : &r->previous_proper,
			       *is = r->lend ? &g->active : commit_proper(g);
	const uint8_t *before = change_digest(was), *after = change_digest(is);
	char words[EVENT_TEXT];

	change_made(g, was, is);
	if (r->initial) {
		for (unsigned i = 0; g->nqueues && i < nearly; i++)
			put(g, &early[i]);
		nearly = 0;
		if (r->given)
			policy_audit(g, NULL, "start", false, NULL, after, "policy %u of the history",
				     g->commit.running);
		else
			policy_audit(g, NULL, "start", false, NULL, after, "the policy of %.120s", g->policy);
	} else if (r->lend && before && memcmp(before, after, POLICY_DIGEST) != 0) {
		lent(g, words, sizeof(words));
		policy_audit(g, NULL, "lend", false, before, after, "in force: %s", words);
	}
}
