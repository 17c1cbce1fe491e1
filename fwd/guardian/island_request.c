/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people ask for by the recorder: checked against the policy in force, and answered when it is done. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/guardian/island.h"

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

/* What somebody asked for, as the audit chain has it. */
static struct event_audit who(const struct msg_island *i, bool refused)
{
	static const char *const names[] = {[ISLAND_ISOLATE] = "isolate",
					    [ISLAND_RELEASE] = "release",
					    [ISLAND_OVERRIDE] = "override",
					    [ISLAND_OVERRIDE_END] = "override-end"};
	struct event_audit a = {.uid = i->uid, .login = i->login, .refused = refused};

	snprintf(a.action, sizeof(a.action), "%s", names[i->act]);
	memcpy(a.object, i->zone, sizeof(a.object));
	memcpy(a.reason, i->reason, sizeof(a.reason));
	return a;
}

/* Refusals are of interest too: somebody tried. */
static void refuse(struct guardian *g, const struct msg *m, const char *what, const char *why)
{
	struct event_audit a = who(&m->island, true);

	audit_event(g, &a, "%s refused to uid %" PRIu32 ": %s", what, m->island.uid, why);
	answer(g, m->arg, false, why);
}

_Static_assert(EVENT_OBJECT == ISLAND_ZONE && EVENT_WHY == ISLAND_REASON, "copied whole");

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
	island_take_nets(g, &new, (unsigned)zone);
	is = islands_put(&g->island.list, &new);
	if (!is) {
		refuse(g, m, "isolate", "the list is full: release a zone that need not be isolated");
		return;
	}
	island_changed(g);
	struct event_audit a = who(i, false);
	audit_event(g, &a, "isolated%s by uid %" PRIu32 ": %s", is->safety ? ", safety lanes too," : "",
		    i->uid, i->reason);
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
		island_take_nets(g, &new, (unsigned)zone);
		if (!islands_put(&g->island.list, &new)) {
			refuse(g, m, "override", "the list is full");
			return;
		}
		island_changed(g);
		struct event_audit a = who(i, false);
		audit_event(g, &a, "overridden for %" PRId64 " s by uid %" PRIu32 ": %s", i->for_us / 1000000,
			    i->uid, i->reason);
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
	island_changed(g);
	struct event_audit a = who(&m->island, false);
	audit_event(g, &a, "%s by uid %" PRIu32 ": %s", override ? "override ended" : "released",
		    m->island.uid, m->island.reason);
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
	island_now_get(g, &now);
	zone = island_zone_find(g, i->zone, &z);
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

void island_answer_done(struct guardian *g)
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

void island_answer_failed(struct guardian *g, uint32_t upto, bool kernel, const char *why)
{
	struct island_work *w = &g->island;
	char words[ISLAND_WHY];

	for (unsigned i = 0; i < w->nasks;) {
		struct island_ask *a = &w->asks[i];
		struct island *is = islands_find(&w->list, a->zone, true);

		if (!reached(upto, a->at)) {
			i++;
			continue;
		}
		if (kernel && a->override && is) {
			islands_remove(&w->list, is);
			island_changed(g);
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
