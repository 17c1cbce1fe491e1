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
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "fwd/guardian/island.h"

int64_t island_clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void island_now_get(const struct guardian *g, struct island_now *now)
{
	struct timex tx = {.modes = 0};
	int state = adjtimex(&tx);

	*now = (struct island_now){.wall_us = island_clock_us(CLOCK_REALTIME),
				   .boot_us = island_clock_us(CLOCK_BOOTTIME),
				   .clock_good = state >= 0 && state != TIME_ERROR};
	memcpy(now->boot, g->island.boot, sizeof(now->boot));
}

int island_zone_find(const struct guardian *g, const char *name, struct policy_zone *out)
{
	for (unsigned i = 0; g->active.fd >= 0 && policy_zone_get(&g->active.policy, i, out); i++)
		if (strcmp(out->name, name) == 0)
			return (int)i;
	return -1;
}

void island_event(struct guardian *g, enum event_type type, const char *zone, const char *fmt, ...)
{
	struct policy_zone z = {.name = NULL};
	int i = island_zone_find(g, zone, &z);
	struct event e = {.type = (uint16_t)type,
			  .ts_us = island_clock_us(CLOCK_REALTIME),
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
		ring_put(shm_at(g->queues[0].shm, shm_layout().guardian_ring), &e);
	say("zone %s: %s", zone, e.text);
}

/* What nobody asked for is a change all the same. */
static __attribute__((format(printf, 4, 5))) void island_itself(struct guardian *g, const char *action,
								const struct island *is, const char *fmt, ...)
{
	struct event_audit a = {.uid = EVENT_NOBODY, .login = EVENT_NOBODY};
	char words[EVENT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(a.action, sizeof(a.action), "%s", action);
	memcpy(a.object, is->zone, sizeof(a.object));
	memcpy(a.reason, is->reason, sizeof(a.reason));
	audit_event(g, &a, "%s", words);
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

void island_changed(struct guardian *g)
{
	g->island.want++;
	island_tell(g);
}

/* ---- changes that nobody asks for ---- */

bool island_take_nets(const struct guardian *g, struct island *is, unsigned zone)
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
			island_itself(g, "isolate", &is, "isolated: %s", is.reason);
		else
			island_event(g, EVENT_STATE, is.zone,
				     "not isolated: the state file is damaged and the list is full");
	}
}

static void keep_or_fill(struct guardian *g, bool settled)
{
	struct island_work *w = &g->island;
	int texts[GUARDIAN_JOBS], n = kernel_island_print(g, texts);
	bool good = n >= 0 && island_text_sum(texts, n, &w->printed_sum);

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

	island_now_get(g, &now);
	if (w->damaged) {
		isolate_closed(g, &now);
		w->damaged = false;
		w->want++;
	}
	for (unsigned i = w->list.n; i-- > 0;) {
		struct island *is = &w->list.list[i];
		struct policy_zone z;
		int zone = island_zone_find(g, is->zone, &z);

		if (!is->override && zone < 0) {
			island_event(
				g, EVENT_STATE, is->zone,
				"isolated, but no longer in the policy: its addresses of before stay cut");
			continue;
		}
		if (is->override && (zone < 0 || z.safety || island_over(is, &now))) {
			island_itself(g, "override-end", is, "override ended: %s",
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
		w->want += island_take_nets(g, is, (unsigned)zone);
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

	island_now_get(g, &now);
	for (unsigned i = g->island.list.n; i-- > 0;) {
		struct island *is = &g->island.list.list[i];

		if (!island_over(is, &now))
			continue;
		island_itself(g, "override-end", is, "override ended: its time is over");
		islands_remove(&g->island.list, is);
		any = true;
	}
	if (any)
		island_changed(g);
}

/* ---- a turn ---- */

/* No policy in force yet: its FILL will have it all. */
static bool idle(const struct guardian *g)
{
	return g->reload.initial;
}

void island_step(struct guardian *g)
{
	struct island_work *w = &g->island;

	expire(g);
	island_apply_step(g);
	island_save_step(g);
	if (!idle(g) && w->pid == 0 && w->applied != w->want && now_us() >= w->apply_retry_us)
		island_apply_start(g);
	if (w->save_pid == 0 && w->saved != w->want && now_us() >= w->save_retry_us)
		island_save_start(g);
	if (w->nasks)
		island_answer_done(g);
}

static void sooner(int64_t *at, int64_t us)
{
	if (us < *at)
		*at = us;
}

int island_wait_ms(const struct guardian *g)
{
	const struct island_work *w = &g->island;
	int64_t now = now_us(), next = INT64_MAX, boot = island_clock_us(CLOCK_BOOTTIME);

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
