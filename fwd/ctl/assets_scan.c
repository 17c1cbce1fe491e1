/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inventory of captures: the data path's sightings, kept as the recorder keeps them, in memory. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/assets.h"
#include "fwd/ctl/scan.h"
#include "fwd/recorder/asset.h"
#include "fwd/recorder/recorder.h"

/* What the recorder's code needs of its program. */
void complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("otfwctl assets: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

int64_t clock_us(void)
{
	return ctl_now();
}

struct gathering {
	struct asset_db db;
	struct scan *scan;
	const struct policy *policy; /* NULL: there are no zones */
	uint64_t tail, lost;
};

static struct assets *table(const struct gathering *g)
{
	struct shm *shm = g->scan->memory;

	return shm_at(shm, shm->assets_at);
}

static void drain(struct gathering *g)
{
	struct policy_zone z;
	struct sighting s;

	while (asset_get(table(g), &g->tail, &s, &g->lost) == 1) {
		int zone = g->policy ? policy_zone_of(g->policy, s.address) : -1;

		if (!g->policy)
			asset_keep(&g->db, NULL, "", &s);
		else if (zone >= 0 && policy_zone_get(g->policy, (unsigned)zone, &z))
			asset_keep(&g->db, g->policy, z.name, &s);
	}
}

/* A capture is no flood: nothing is spared. */
static void report(void *ctx, const struct report *r)
{
	struct gathering *g = ctx;

	(void)r;
	drain(g);
	table(g)->fresh[0] = table(g)->fresh[1] = 0;
}

static int read_file(const struct command *cmd, struct gathering *g, const char *path)
{
	int status;

	g->tail = 0;
	status = scan_run(cmd, g->scan, path);
	/* What goes on at the end of the capture is told now. */
	for (unsigned i = 0; g->scan->memory && i < ASSET_SETS * ASSET_WAYS / ASSET_TURN; i++) {
		asset_tick(table(g), INT64_MAX);
		drain(g);
	}
	scan_close(g->scan);
	return status;
}

static json_t *answer_of(struct gathering *g, const char *zone, int64_t since_us)
{
	json_t *all = json_object(), *assets = json_array();
	struct asset_query q = {.since_us = since_us, .zone = zone};
	char *text = malloc(JSONL_MAX);
	struct jsonl j;

	json_object_set_new(all, "assets", assets);
	while (text) {
		jsonl_open(&j, text, JSONL_MAX);
		jsonl_object(&j, NULL);
		asset_print(&g->db, g->policy, &q, &j);
		jsonl_object_end(&j);
		jsonl_line(&j);
		json_t *part = j.cut ? NULL : json_loads(text, 0, NULL);
		json_array_extend(assets, json_object_get(part, "assets"));
		q.from = json_integer_value(json_object_get(part, "next"));
		json_object_set(all, "assets-known", json_object_get(part, "assets-known"));
		json_object_set(all, "assets-lost", json_object_get(part, "assets-lost"));
		json_decref(part);
		if (q.from == 0)
			break;
	}
	free(text);
	assets_sort(all);
	return all;
}

json_t *scan_assets(const struct command *cmd, struct scan *s, const char *policy, char **files, int n,
		    const char *zone, int64_t since_us, int *status)
{
	struct gathering *g = calloc(1, sizeof(*g));
	struct loaded l = {.model = NULL};
	json_t *answer = NULL;

	*status = EXIT_UNABLE;
	if (!g || !asset_open_memory(&g->db)) {
		free(g);
		return NULL;
	}
	if (policy && !loaded_open(cmd, policy, &l)) {
		*status = l.status;
	} else {
		g->scan = s;
		g->policy = policy ? &l.policy : NULL;
		s->policy = g->policy;
		s->report = report;
		s->ctx = g;
		*status = EXIT_DONE;
		for (int i = 0; i < n && *status == EXIT_DONE; i++)
			*status = read_file(cmd, g, files[i]);
		if (*status == EXIT_DONE)
			answer = answer_of(g, zone, since_us);
	}
	loaded_close(&l);
	asset_close(&g->db);
	free(g);
	return answer;
}
