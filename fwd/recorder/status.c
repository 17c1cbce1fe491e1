/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `otfwctl status` shows. Numbers are read while engines change them: each is right, their sum may be one packet off. */
#include "fwd/recorder/audit.h"
#include "fwd/recorder/recorder.h"

static uint64_t load32(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static uint64_t load64(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void queue_print(const struct queue *q, struct jsonl *j)
{
	const struct shm *s = q->shm;

	jsonl_object(j, NULL);
	jsonl_uint(j, "queue", q->num);
	jsonl_str(j, "failure", failure_name(s->guardian.failure));
	jsonl_uint(j, "engine-pid", load32(&s->guardian.engine_pid));
	jsonl_bool(j, "engine-started", load32(&s->engine.started) != 0);
	jsonl_uint(j, "generation", load32(&s->engine.generation));
	jsonl_uint(j, "generation-handed-out", load32(&s->guardian.generation));
	jsonl_uint(j, "restarts", load32(&s->guardian.restarts));
	jsonl_uint(j, "settled-accept", load32(&s->guardian.settled_accept));
	jsonl_uint(j, "settled-drop", load32(&s->guardian.settled_drop));
	jsonl_uint(j, "suspects", load32(&s->guardian.suspects));
	jsonl_uint(j, "quarantines", load32(&s->engine.quarantines));
	jsonl_uint(j, "released", load64(&s->guardian.released));
	jsonl_uint(j, "tick-late-us", load32(&s->guardian.tick_late_us));
	jsonl_uint(j, "stuck", load32(&s->guardian.stuck));
	jsonl_uint(j, "events-lost", q->engine.lost + q->guardian.lost);
	jsonl_object(j, "counters");
	for (unsigned i = 0; i < SHM_COUNTERS; i++)
		jsonl_uint(j, shm_counter_name(i), load64(&s->counters[i]));
	jsonl_object_end(j);
	jsonl_object(j, "reasons");
	for (unsigned i = REASON_NONE + 1; i < REASON_COUNT_OF; i++)
		if (load64(&s->reasons[i]))
			jsonl_uint(j, reason_name((enum reason)i), load64(&s->reasons[i]));
	jsonl_object_end(j);
	jsonl_object_end(j);
}

static const char *lane_name(enum lane lane)
{
	static const char *const names[] = {[LANE_NONE] = "none",
					    [LANE_SAFETY] = "safety",
					    [LANE_KERNEL] = "kernel",
					    [LANE_INSPECTED] = "inspected"};
	return (unsigned)lane < sizeof(names) / sizeof(names[0]) ? names[lane] : NULL;
}

static void policy_print(const struct policy *p, struct jsonl *j)
{
	struct policy_zone z;
	struct policy_conduit c;

	jsonl_array(j, "zones");
	for (unsigned i = 0; policy_zone_get(p, i, &z); i++) {
		jsonl_object(j, NULL);
		jsonl_str(j, "name", z.name);
		jsonl_str(j, "failure", failure_name(z.failure));
		jsonl_bool(j, "safety", z.safety);
		jsonl_uint(j, "deadline-us", z.deadline_us);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_array(j, "conduits");
	for (unsigned i = 0; policy_conduit_get(p, i, &c); i++) {
		jsonl_object(j, NULL);
		jsonl_str(j, "name", c.name);
		jsonl_str(j, "lane", lane_name(c.lane));
		jsonl_str(j, "to", policy_zone_get(p, c.to, &z) ? z.name : NULL);
		jsonl_str(j, "mode", c.lane == LANE_INSPECTED ? mode_name(c.mode) : NULL);
		jsonl_str(j, "failure", failure_name(c.failure));
		jsonl_uint(j, "rules", c.nrules);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
}

/* Per lane by name: lanes are numbered by the policy that the mirror has. */
static void mirror_print(const struct recorder *r, struct jsonl *j)
{
	const struct mirror_shm *m = r->mirror;
	const struct policy *p = m ? image_find(r, (uint32_t)load32(&m->generation)) : NULL;
	struct policy_conduit c;

	if (!m) {
		jsonl_null(j, "mirror");
		return;
	}
	jsonl_object(j, "mirror");
	jsonl_uint(j, "pid", load32(&m->pid));
	jsonl_uint(j, "restarts", load32(&m->restarts));
	jsonl_uint(j, "copies", load64(&m->copies));
	jsonl_uint(j, "copies-lost", load64(&m->lost));
	jsonl_uint(j, "copies-unknown", load64(&m->unknown));
	jsonl_uint(j, "alarms", load64(&m->alarms));
	jsonl_uint(j, "events-lost", r->mirror_events.lost);
	jsonl_array(j, "lanes");
	for (unsigned i = 0; p && i < MIRROR_LANES && policy_conduit_get(p, i, &c); i++) {
		const struct mirror_lane *l = &m->lanes[i];

		if (!policy_copies(p, i))
			continue;
		jsonl_object(j, NULL);
		jsonl_str(j, "conduit", c.name);
		jsonl_uint(j, "lane-copies", load64(&l->copies));
		jsonl_uint(j, "lane-alarms", load64(&l->alarms));
		jsonl_uint(j, "flows-seen", load32(&l->flows));
		jsonl_uint(j, "flows-silent", load32(&l->silent));
		jsonl_bool(j, "above-expected", load32(&l->above) != 0);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_object_end(j);
}

static void learn_print(const struct recorder *r, struct jsonl *j)
{
	uint64_t overwritten = 0;

	for (unsigned i = 0; i < r->nqueues; i++)
		overwritten += r->queues[i].learn.lost;
	jsonl_object(j, "learn");
	jsonl_uint(j, "shapes", r->learn.rows);
	jsonl_uint(j, "clients-learned", r->learn.clients);
	jsonl_uint(j, "shapes-lost", r->learn.lost + r->learn.unknown);
	jsonl_uint(j, "shapes-overwritten", overwritten);
	jsonl_object_end(j);
}

static void assets_print(const struct recorder *r, struct jsonl *j)
{
	uint64_t overwritten = 0, spared = 0;

	for (unsigned i = 0; i < r->nqueues; i++) {
		const struct queue *q = &r->queues[i];

		overwritten += q->assets.lost;
		if (q->assets.assets)
			spared += load64(&q->assets.assets->spared);
	}
	jsonl_object(j, "assets");
	jsonl_uint(j, "assets-seen", r->assets.rows);
	jsonl_uint(j, "assets-lost", r->assets.lost + r->assets.unknown);
	jsonl_uint(j, "assets-spared", spared);
	jsonl_uint(j, "assets-overwritten", overwritten);
	jsonl_object_end(j);
}

void status_print(const struct recorder *r, struct jsonl *j)
{
	const struct policy *p = image_newest(r);
	char hex[2 * POLICY_DIGEST + 1];

	jsonl_object(j, NULL);
	jsonl_bool(j, "ok", true);
	jsonl_str(j, "version", OTFW_VERSION);
	jsonl_time(j, "ts", clock_us());
	jsonl_str(j, "site", p ? policy_site(p) : NULL);
	jsonl_uint(j, "policy-generation", r->nimages ? r->images[0].generation : 0);
	if (p) {
		digest_print(policy_digest(p), hex);
		jsonl_str(j, "policy", hex);
		digest_print(policy_base_digest(p), hex);
		jsonl_str(j, "policy-proper", hex);
		policy_print(p, j);
	} else {
		jsonl_null(j, "policy");
	}
	policies_status(r, j);
	islands_status(r, j);
	lent_status(r, j);
	jsonl_array(j, "queues");
	for (unsigned i = 0; i < r->nqueues; i++)
		queue_print(&r->queues[i], j);
	jsonl_array_end(j);
	mirror_print(r, j);
	tracking_status(r, j);
	audit_status(r, j);
	learn_print(r, j);
	assets_print(r, j);
	jsonl_object(j, "recorder");
	jsonl_time(j, "since", r->started_us);
	jsonl_uint(j, "events", r->events);
	jsonl_uint(j, "lines-written", r->log.lines);
	jsonl_uint(j, "lines-lost", r->log.lost);
	jsonl_uint(j, "write-errors", r->log.errors);
	jsonl_object_end(j);
	jsonl_object_end(j);
	jsonl_line(j);
}
