/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl assets: who was seen, by the running firewall or in captures. */
#include "fwd/ctl/assets.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/scan.h"

#define TIMEOUT_S 10
#define PARTS_MAX 1000

struct options {
	bool json;
	const char *zone, *policy;
	int64_t since_us;
	struct ask ask;
	struct scan scan;
};

static bool read_options(const struct command *cmd, int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"zone", required_argument, NULL, OPT_ZONE},
						{"since", required_argument, NULL, OPT_SINCE},
						{"policy", required_argument, NULL, OPT_POLICY},
						{"port", required_argument, NULL, OPT_PORT},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: o->json = true; break;
		case OPT_ZONE: o->zone = optarg; break;
		case OPT_SINCE:
			if (!ctl_since(cmd, optarg, &o->since_us))
				return false;
			break;
		case OPT_POLICY: o->policy = optarg; break;
		case OPT_PORT:
			if (!scan_port(cmd, &o->scan, optarg))
				return false;
			break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return false;
		}
	}
	if (optind < argc && (dir || control)) {
		ctl_usage(cmd, "captures are read without the firewall: no --run-dir, no --control");
		return false;
	}
	if (optind == argc && (o->policy || o->scan.nports)) {
		ctl_usage(cmd, "--policy and --port go with captures");
		return false;
	}
	return optind < argc || ask_path(cmd, dir, control, &o->ask);
}

/* ---- the running firewall ---- */

static char *request_of(const char *zone, int64_t since_us, json_int_t from)
{
	json_t *request =
		json_pack("{s:s, s:I, s:I}", "cmd", "assets", "from", from, "since", (json_int_t)since_us);
	char *text, *line = NULL;

	if (zone)
		json_object_set_new(request, "zone", json_string(zone));
	text = json_dumps(request, JSON_COMPACT);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	json_decref(request);
	return line;
}

json_t *ask_assets(const struct command *cmd, const struct ask *a, const char *zone, int64_t since_us)
{
	json_t *all = json_object(), *assets = json_array();
	json_int_t from = 0;

	json_object_set_new(all, "assets", assets);
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		char *request = request_of(zone, since_us, from);
		char *text = request ? ask_text(cmd, a, request, TIMEOUT_S) : NULL;
		json_t *part = text ? ask_answer(cmd, a, text) : NULL;
		const json_t *next = json_object_get(part, "next");
		json_int_t at = json_integer_value(next);

		free(request);
		free(text);
		if (!part)
			break;
		json_array_extend(assets, json_object_get(part, "assets"));
		static const char *const sums[] = {"assets-known", "assets-total", "assets-lost"};
		for (unsigned k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
			json_object_set(all, sums[k], json_object_get(part, sums[k]));
		if (!json_is_integer(next)) {
			json_decref(part);
			assets_sort(all);
			return all;
		}
		json_decref(part);
		if (at <= from) {
			ctl_error(cmd, "%s: the answer does not go on", a->path);
			break;
		}
		from = at;
	}
	json_decref(all);
	return NULL;
}

/* ---- order ---- */

struct placed {
	const char *zone;
	uint8_t ip[16];
	json_t *asset;
};

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int c = strcmp(x->zone, y->zone);

	return c ? c : memcmp(x->ip, y->ip, sizeof(x->ip));
}

void assets_sort(json_t *answer)
{
	json_t *list = json_object_get(answer, "assets"), *sorted = json_array();
	size_t n = json_array_size(list);
	struct placed *p = calloc(n + 1, sizeof(*p));

	for (size_t i = 0; p && i < n; i++) {
		json_t *asset = json_array_get(list, i);
		const char *zone = str(asset, "zone"), *ip = str(asset, "address");

		p[i] = (struct placed){.zone = zone ? zone : "", .asset = asset};
		/* IPv4 first; what is no address stands ahead of all. */
		if (ip && inet_pton(AF_INET, ip, p[i].ip + 12) != 1 && inet_pton(AF_INET6, ip, p[i].ip) != 1)
			memset(p[i].ip, 0, sizeof(p[i].ip));
	}
	if (p)
		qsort(p, n, sizeof(*p), by_place);
	for (size_t i = 0; p && i < n; i++)
		json_array_append(sorted, p[i].asset);
	if (p)
		json_object_set(answer, "assets", sorted);
	json_decref(sorted);
	free(p);
}

/* ---- for people ---- */

static void role_text(const json_t *r, FILE *f)
{
	const char *role = str(r, "role"), *proto = str(r, "protocol"), *transport = str(r, "transport");

	fprintf(f, "%s of ", role ? role : "?");
	if (proto)
		fputs(proto, f);
	else
		fprintf(f, "%s port %lld", transport ? transport : "?", ask_number(r, "port"));
}

char *assets_roles_text(const json_t *asset)
{
	char *text = NULL;
	size_t size, i;
	const char *sep = "";
	json_t *r;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	json_array_foreach(json_object_get(asset, "roles"), i, r)
	{
		char *one = NULL;
		size_t len;
		FILE *g = open_memstream(&one, &len);

		if (!g)
			break;
		role_text(r, g);
		fclose(g);
		/* The same over TCP and UDP, or on several ports, is said once. */
		fflush(f);
		char *at = one && text ? strstr(text, one) : NULL;
		bool said = at && (at[len] == ',' || at[len] == 0) && (at == text || at[-1] == ' ');
		if (one && !said) {
			fprintf(f, "%s%s", sep, one);
			sep = ", ";
		}
		free(one);
	}
	fclose(f);
	return text;
}

/* Of the same protocol and station? */
static bool same_station(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "protocol"), json_object_get(b, "protocol")) &&
	       json_equal(json_object_get(a, "unit"), json_object_get(b, "unit"));
}

/* One of the station of `of`, in the order of kinds: "vendor Acme". */
static void station_text(const json_t *list, const json_t *of, FILE *f)
{
	const char *proto = str(of, "protocol"), *sep = " ";
	json_t *d;
	size_t i;

	fputs(proto ? proto : "?", f);
	if (json_is_integer(json_object_get(of, "unit")))
		fprintf(f, " unit %lld", ask_number(of, "unit"));
	if (str(of, "station"))
		fprintf(f, " (%s)", str(of, "station"));
	fputc(':', f);
	for (unsigned kind = 0; kind < IDENT_COUNT; kind++)
		json_array_foreach(list, i, d)
		{
			const char *k = str(d, "kind"), *value = str(d, "value"), *before = str(d, "before");

			if (!k || strcmp(k, ident_name(kind)) != 0 || !same_station(d, of))
				continue;
			fprintf(f, "%s%s %s", sep, k, value ? value : "?");
			if (before)
				fprintf(f, " (was %s)", before);
			sep = ", ";
		}
}

char *assets_ident_text(const json_t *asset, const char *between)
{
	const json_t *list = json_object_get(asset, "identification"), *last = NULL;
	char *text = NULL;
	size_t size, i;
	json_t *d;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	json_array_foreach(list, i, d)
	{
		if (last && same_station(last, d))
			continue;
		if (last)
			fputs(between, f);
		station_text(list, d, f);
		last = d;
	}
	fclose(f);
	return text;
}

static void one_text(const json_t *asset)
{
	char *roles = assets_roles_text(asset), *ident = assets_ident_text(asset, "\n                  "),
	     first[32], last[32];
	const char *name = str(asset, "name"), *mac = str(asset, "mac"), *addr = str(asset, "address");
	long long shared = ask_number(asset, "mac-addresses");

	printf("  %-15s %-16s %s\n", addr ? addr : "?", name ? name : "-", roles ? roles : "");
	printf("  %15s first seen %s, last %s", "", ask_when(json_object_get(asset, "first"), first, 32),
	       ask_when(json_object_get(asset, "last"), last, 32));
	if (mac)
		printf(", from %s", mac);
	if (mac && shared > 1)
		printf(" (as %lld other addresses)", shared - 1);
	putchar('\n');
	if (ident && *ident)
		printf("  %15s %s\n", "", ident);
	free(roles);
	free(ident);
}

static void all_text(const json_t *answer)
{
	const char *zone = NULL;
	json_t *asset;
	size_t i;

	json_array_foreach(json_object_get(answer, "assets"), i, asset)
	{
		const char *z = str(asset, "zone");

		z = z ? z : "no zone";
		if (!zone || strcmp(zone, z) != 0)
			printf("%s%s\n", zone ? "\n" : "", z);
		zone = z;
		one_text(asset);
	}
}

int cmd_assets(const struct command *cmd, int argc, char **argv)
{
	struct options o = {.json = false};
	int status = EXIT_UNABLE;
	json_t *item;
	size_t i;

	if (!read_options(cmd, argc, argv, &o))
		return EXIT_UNABLE;
	json_t *answer = optind < argc ? scan_assets(cmd, &o.scan, o.policy, argv + optind, argc - optind,
						     o.zone, o.since_us, &status)
				       : ask_assets(cmd, &o.ask, o.zone, o.since_us);
	if (!answer)
		return status;
	status = EXIT_DONE;
	if (!o.json) {
		ask_plain(answer);
		all_text(answer);
	} else {
		json_array_foreach(json_object_get(answer, "assets"), i, item)
		{
			json_dumpf(item, stdout, JSON_COMPACT | JSON_REAL_PRECISION(16));
			putchar('\n');
		}
	}
	if (!json_is_true(json_object_get(answer, "assets-known")))
		status = ctl_error(cmd, "assets.db cannot be read: who was seen is not known");
	else if (ask_number(answer, "assets-lost"))
		fprintf(stderr, "otfwctl assets: %lld sightings found no room\n",
			ask_number(answer, "assets-lost"));
	json_decref(answer);
	return status;
}
