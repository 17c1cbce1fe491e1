/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl evidence: asks the running firewall, holds its policy against the file, and writes evidence.html and evidence.json. */
#include "fwd/ctl/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/audit.h"
#include "rules/sets.h"

#define VERSION        1
#define POLICY_FILE    "/etc/otfw/policy.yaml"
#define RECORD_DIR     "/var/lib/otfw/prooftest"
#define PROOFTESTS_MAX 24 /* the newest */
#define RECORDS_SHOWN  40 /* of the audit chain, the newest */
#define TIMEOUT_S      30

struct options {
	const char *out, *policy, *record_dir, *events;
	bool policy_given;
	struct ask ask;
};

static bool read_options(const struct command *cmd, int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"out", required_argument, NULL, OPT_OUT},
						{"policy", required_argument, NULL, OPT_POLICY},
						{"record-dir", required_argument, NULL, OPT_RECORD_DIR},
						{"events", required_argument, NULL, OPT_EVENTS},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL;
	int c;

	*o = (struct options){.policy = POLICY_FILE, .record_dir = RECORD_DIR};
	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_OUT: o->out = optarg; break;
		case OPT_POLICY:
			o->policy = optarg;
			o->policy_given = true;
			break;
		case OPT_RECORD_DIR: o->record_dir = optarg; break;
		case OPT_EVENTS: o->events = optarg; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return false;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 0))
		return false;
	if (!o->out) {
		ctl_usage(cmd, "--out is missing");
		return false;
	}
	return ask_path(cmd, dir, control, &o->ask);
}

static json_t *ask_one(const struct command *cmd, const struct options *o, const char *what)
{
	char request[64];

	snprintf(request, sizeof(request), "{\"cmd\":\"%s\"}\n", what);
	char *text = ask_text(cmd, &o->ask, request, TIMEOUT_S);
	json_t *answer = text ? ask_answer(cmd, &o->ask, text) : NULL;
	free(text);
	return answer;
}

/* ---- the policy's file: what the image does not carry ---- */

static json_t *net_json(const struct model_net *n)
{
	char addr[ADDRESS_TEXT];
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool four = memcmp(n->ip, mapped, sizeof(mapped)) == 0;

	return json_sprintf("%s/%d", address_print(n->ip, addr), four ? n->plen - 96 : n->plen);
}

/* An array's object whose member `key` is that. */
static json_t *find(const json_t *list, const char *key, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *s = evidence_str(o, key);

		if (s && strcmp(s, name) == 0)
			return o;
	}
	return NULL;
}

static void file_zones(const struct model *m, json_t *zones)
{
	for (size_t i = 0; i < m->nzones; i++) {
		json_t *z = find(zones, "name", m->zones[i].name), *nets = json_array();

		for (size_t k = 0; k < m->zones[i].nets.n; k++)
			json_array_append_new(nets, net_json(&m->zones[i].nets.v[k]));
		json_object_set_new(z, "networks", nets);
		json_object_set_new(z, "level",
				    m->zones[i].level < 0   ? json_null()
				    : m->zones[i].level > 9 ? json_real(m->zones[i].level / 10.0)
							    : json_integer(m->zones[i].level));
	}
}

static void file_conduits(const struct model *m, json_t *conduits, json_t *rules)
{
	for (size_t i = 0; i < m->nconduits; i++) {
		const struct model_conduit *mc = &m->conduits[i];
		json_t *c = find(conduits, "name", mc->name), *from = json_array();

		for (size_t z = 0; z < m->nzones; z++)
			if (set_holds(&mc->from, (int64_t)z, (int64_t)z))
				json_array_append_new(from, json_string(m->zones[z].name));
		json_object_set_new(c, "from", from);
		for (size_t k = 0; k < mc->nrules; k++) {
			char name[256];

			snprintf(name, sizeof(name), "%s/%s", mc->name, mc->rules[k].id);
			json_t *r = find(rules, "rule", name);
			json_object_set_new(r, "review",
					    mc->rules[k].review ? json_string(mc->rules[k].review)
								: json_null());
			json_object_set_new(r, "rare", json_boolean(mc->rules[k].rare));
		}
	}
}

/* What the file adds to what the firewall says, if it is the same policy. */
static json_t *file_json(const struct command *cmd, const struct options *o, const json_t *status,
			 json_t *zones, json_t *conduits, json_t *rules)
{
	/* Without what is lent for a while: no file has that. */
	const char *proper = evidence_str(status, "policy-proper"),
		   *running = proper ? proper : evidence_str(status, "policy");
	struct diag *diag = diag_new();
	struct loaded l = {.model = NULL};
	char hex[2 * POLICY_DIGEST + 1] = "";
	json_t *out;
	bool same = false;

	if (access(o->policy, R_OK) != 0) {
		out = json_pack("{s:s, s:n, s:b, s:s}", "file", o->policy, "file-digest", "same", 0, "why",
				strerror(errno));
	} else if (!loaded_from(cmd, o->policy, diag, &l)) {
		out = json_pack("{s:s, s:n, s:b, s:s}", "file", o->policy, "file-digest", "same", 0, "why",
				"it does not compile");
	} else {
		digest_print(policy_digest(&l.policy), hex);
		same = running && strcmp(running, hex) == 0;
		out = json_pack("{s:s, s:s, s:b, s:s?}", "file", o->policy, "file-digest", hex, "same", same,
				"why", same ? NULL : "it is another policy than the one in force");
		if (same && l.model) {
			size_t size = 0;
			char *text = source_make(diag, &size);

			file_zones(l.model, zones);
			file_conduits(l.model, conduits, rules);
			json_object_set_new(out, "source",
					    text ? json_stringn(text, strnlen(text, size)) : json_null());
			free(text);
		}
	}
	loaded_close(&l);
	diag_free(diag);
	json_object_set_new(out, "digest", running ? json_string(running) : json_null());
	json_object_set(out, "generation", json_object_get(status, "policy-generation"));
	return out;
}

/* ---- proof tests ---- */

static int newest_first(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

static json_t *prooftests(const struct options *o)
{
	DIR *d = opendir(o->record_dir);
	json_t *out = json_array();
	const char **list = NULL;
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		const char **more;

		if (strncmp(e->d_name, "prooftest-", 10) != 0 || !strstr(e->d_name, ".json") ||
		    !(more = realloc(list, (n + 1) * sizeof(*list))))
			continue;
		list = more;
		if ((list[n] = strdup(e->d_name)))
			n++;
	}
	if (d)
		closedir(d);
	/* The time is in their names. */
	if (n)
		qsort(list, n, sizeof(*list), newest_first);
	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", o->record_dir, list[i]);
		json_t *record = i < PROOFTESTS_MAX ? json_load_file(path, 0, NULL) : NULL;
		if (json_is_object(record)) {
			json_object_set_new(record, "file", json_string(list[i]));
			json_array_append(out, record);
		}
		json_decref(record);
		free((char *)list[i]);
	}
	free(list);
	return out;
}

/* ---- the audit chain ---- */

struct chain_reading {
	struct audit_check check;
	json_t *last; /* the newest records */
};

static void chain_take(void *ctx, int64_t n, const char *text, size_t len, const void *digest,
		       size_t digest_len)
{
	struct chain_reading *c = ctx;
	json_t *record = json_loadb(text, len, 0, NULL);

	audit_check_take(&c->check, n, text, len, digest, digest_len);
	if (json_is_object(record)) {
		json_object_del(record, "diff");
		json_array_append(c->last, record);
	}
	json_decref(record);
	if (json_array_size(c->last) > RECORDS_SHOWN)
		json_array_remove(c->last, 0);
}

static json_t *chain_json(const struct command *cmd, const struct options *o)
{
	struct audit_found *f = malloc(sizeof(*f));
	struct audit_head head = {.n = 0};
	struct audit_notes notes = {.v = NULL};
	struct chain_reading c = {.last = json_array()};
	json_t *out = NULL;
	char hex[CHAIN_HEX];

	if (f && (!o->events || audit_notes_events(cmd, &notes, o->events))) {
		audit_check_begin(&c.check, f, notes.v, notes.n);
		if (audit_read_live(cmd, &o->ask, chain_take, &c, &head)) {
			json_t *findings = json_array();

			audit_check_head(&c.check, &head);
			audit_check_end(&c.check);
			for (unsigned i = 0; i < f->n; i++)
				json_array_append_new(findings, json_string(f->why[i]));
			digest_print(f->head, hex);
			out = json_pack("{s:b, s:I, s:s?, s:o, s:I, s:I, s:b, s:O}", "holds", f->n == 0,
					"records", (json_int_t)f->records, "head", f->records ? hex : NULL,
					"findings", findings, "waiting", (json_int_t)head.waiting, "lost",
					(json_int_t)head.lost, "against-events", o->events != NULL, "last",
					c.last);
		}
	}
	json_decref(c.last);
	free(notes.v);
	free(f);
	return out;
}

/* ---- what does not depend on the plant ---- */

static json_t *words(const char *list)
{
	json_t *out = json_array();

	while (*list) {
		size_t n = strcspn(list, " ");

		json_array_append_new(out, json_stringn(list, n));
		list += n + strspn(list + n, " ");
	}
	return out;
}

static json_t *failures_json(void)
{
	json_t *out = json_array();

	for (const struct evidence_failure *v = evidence_failures; v->event; v++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s, s:o}", "event", v->event, "closed",
						     v->closed, "open", v->open, "safety", v->safety, "tests",
						     words(v->tests)));
	return out;
}

static json_t *clauses_json(void)
{
	json_t *out = json_array();

	for (const struct evidence_clause *v = evidence_clauses; v->standard; v++)
		json_array_append_new(out,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "standard", v->standard,
						"clause", v->clause, "title", v->title, "shows", v->shows,
						"section", v->section, "does-not-show", v->beyond));
	return out;
}

/* ---- together ---- */

static json_t *gather(const struct command *cmd, const struct options *o)
{
	json_t *status = ask_one(cmd, o, "status"), *ledger = status ? ask_one(cmd, o, "ledger") : NULL,
	       *rules = ledger ? ask_rules(cmd, &o->ask) : NULL, *chain = rules ? chain_json(cmd, o) : NULL,
	       *assets = chain ? evidence_assets_json(cmd, &o->ask) : NULL, *e = NULL;
	struct utsname u = {.nodename = ""};
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	uname(&u);
	if (assets) {
		json_t *zones = json_deep_copy(json_object_get(status, "zones")),
		       *conduits = json_deep_copy(json_object_get(status, "conduits")),
		       *list = json_incref(json_object_get(rules, "rules")),
		       *policy = file_json(cmd, o, status, zones, conduits, list);

		e = json_object();
		json_object_set_new(e, "evidence", json_integer(VERSION));
		json_object_set_new(e, "ts", json_string(when));
		json_object_set_new(e, "host", json_string(u.nodename));
		json_object_set(e, "version", json_object_get(status, "version"));
		json_object_set(e, "site", json_object_get(status, "site"));
		json_object_set_new(e, "policy", policy);
		json_object_set_new(e, "zones", zones);
		json_object_set(e, "islands", json_object_get(status, "islands"));
		json_object_set_new(e, "conduits", conduits);
		json_object_set_new(e, "rules", list);
		json_object_set(e, "use-known", json_object_get(rules, "rules-known"));
		json_object_set_new(e, "failures", failures_json());
		json_object_set(e, "ledger", ledger);
		json_object_set_new(e, "prooftests", prooftests(o));
		json_object_set_new(e, "history", evidence_history_json(cmd, &o->ask, status));
		json_object_set(e, "assets", assets);
		json_object_set(e, "audit", chain);
		/* Where there is one: a candidate, a commit on trial. */
		static const char *const more[] = {"candidate", "candidate-since", "candidate-differences",
						   "trial"};
		for (unsigned i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			if (json_object_get(status, more[i]))
				json_object_set(e, more[i], json_object_get(status, more[i]));
		json_object_set_new(e, "clauses", clauses_json());
	}
	json_decref(status);
	json_decref(ledger);
	json_decref(rules);
	json_decref(chain);
	json_decref(assets);
	return e;
}

/* As a whole or not at all, for its owner alone: it says what the plant is made of. */
static bool write_out(const struct command *cmd, const char *dir, const char *name, const char *text,
		      size_t len)
{
	char path[PATH_MAX];
	mode_t mask = umask(0077);
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	bool good = n > 0 && (size_t)n < sizeof(path) && file_replace(path, text, len) == 0 &&
		    chmod(path, 0600) == 0;

	umask(mask);
	if (!good)
		ctl_error(cmd, "%s: %s", path, strerror(errno));
	return good;
}

int cmd_evidence(const struct command *cmd, int argc, char **argv)
{
	struct options o;
	char *page = NULL, *json = NULL;
	size_t size = 0;

	if (!read_options(cmd, argc, argv, &o))
		return EXIT_UNABLE;
	if (mkdir(o.out, 0750) != 0 && errno != EEXIST)
		return ctl_error(cmd, "%s: %s", o.out, strerror(errno));
	json_t *e = gather(cmd, &o);
	if (!e)
		return EXIT_UNABLE;
	FILE *f = open_memstream(&page, &size);
	bool good = f != NULL;
	if (f) {
		evidence_page(f, e);
		good = fclose(f) == 0;
	}
	json = json_dumps(e, JSON_INDENT(1) | JSON_REAL_PRECISION(16));
	if (!good || !json)
		ctl_error(cmd, "%s", strerror(ENOMEM));
	good = good && json && write_out(cmd, o.out, "evidence.json", json, strlen(json)) &&
	       write_out(cmd, o.out, "evidence.html", page, size);
	if (good)
		printf("%s/evidence.html\n%s/evidence.json\n", o.out, o.out);
	/* What it shows may be that something does not hold. */
	bool holds = json_is_true(json_object_get(json_object_get(e, "audit"), "holds")) &&
		     json_is_true(json_object_get(json_object_get(e, "ledger"), "balanced"));
	json_decref(e);
	free(page);
	free(json);
	return !good ? EXIT_UNABLE : holds ? EXIT_DONE : EXIT_NO;
}
