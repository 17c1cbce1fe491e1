/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl history: the policies that are kept, read from the state directory, with a daemon or without one. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/history.h"

#define TIMEOUT_S 10

bool history_open(const struct command *cmd, const struct ask *a, const char *state_dir, struct history *h)
{
	*h = (struct history){.n = 0};
	if (state_dir) {
		h->dir = strdup(state_dir);
	} else {
		char *text = ask_text(cmd, a, "{\"cmd\":\"status\"}\n", TIMEOUT_S);
		json_t *s = text ? ask_answer(cmd, a, text) : NULL;
		const char *dir = json_string_value(json_object_get(s, "state-dir"));

		if (s && !dir)
			ctl_error(cmd, "%s: the answer does not say where policies are kept", a->path);
		h->dir = dir ? strdup(dir) : NULL;
		h->running = (uint32_t)ask_number(s, "policy-number");
		json_decref(s);
		free(text);
	}
	if (!h->dir)
		return false;
	char path[4096];
	size_t size;
	snprintf(path, sizeof(path), "%s/commit", h->dir);
	char *text = (char *)file_read(path, &size);
	if (text)
		commit_state_parse(&h->state, text, size);
	free(text);
	return true;
}

void history_close(struct history *h)
{
	free(h->dir);
	h->dir = NULL;
}

static int by_number(const void *a, const void *b)
{
	const struct policy_meta *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

bool history_list(const struct command *cmd, struct history *h)
{
	char path[4096];
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/policies", h->dir);
	DIR *d = opendir(path);
	if (!d && errno == ENOENT)
		return true;
	if (!d) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		return false;
	}
	while ((e = readdir(d)) && h->n < HISTORY_MAX) {
		char *end;
		unsigned long number = strtoul(e->d_name, &end, 10);
		size_t size;

		if (strcmp(end, ".meta") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/policies/%s", h->dir, e->d_name);
		char *text = (char *)file_read(path, &size);
		if (text && meta_parse(&h->list[h->n], text, size) == 0 && h->list[h->n].number == number) {
			h->n++;
		} else {
			h->damaged++;
			ctl_error(cmd, "%s: damaged", path);
		}
		free(text);
	}
	closedir(d);
	qsort(h->list, h->n, sizeof(h->list[0]), by_number);
	return true;
}

/* The state file is the truth; a meta may be one step behind it. */
static const char *state_of(const struct history *h, const struct policy_meta *m)
{
	uint32_t now = h->state.confirmed ? h->state.confirmed : h->running;

	/* Without the daemon and without a commit: the newest that the file was. */
	for (unsigned i = 0; !h->state.confirmed && !h->running && i < h->n; i++)
		if (h->list[i].file)
			now = h->list[i].number;
	if (m->number == h->state.trial)
		return "trial";
	if (m->number == now)
		return "confirmed";
	if (m->state == META_TRIAL)
		return "not-confirmed";
	return m->state == META_CONFIRMED ? "replaced" : meta_state_name(m->state);
}

size_t history_line(const struct history *h, const struct policy_meta *m, char *line, size_t cap)
{
	char hex[2 * POLICY_DIGEST + 1];
	struct jsonl j;

	digest_print(m->digest, hex);
	jsonl_open(&j, line, cap);
	jsonl_object(&j, NULL);
	jsonl_uint(&j, "number", m->number);
	jsonl_str(&j, "state", state_of(h, m));
	if (h->running)
		jsonl_bool(&j, "running", m->number == h->running);
	else
		jsonl_null(&j, "running");
	jsonl_time(&j, "ts", m->at_us);
	jsonl_str(&j, "digest", hex);
	jsonl_str(&j, "from", m->file ? "file" : "commit");
	jsonl_str(&j, "name", m->name);
	if (m->uid == ISLAND_NOBODY) {
		jsonl_null(&j, "uid");
		jsonl_null(&j, "login");
	} else {
		jsonl_uint(&j, "uid", m->uid);
		jsonl_uint(&j, "login", m->login);
	}
	jsonl_str(&j, "reason", *m->reason ? m->reason : NULL);
	jsonl_str(&j, "ticket", *m->ticket ? m->ticket : NULL);
	if (m->before)
		jsonl_uint(&j, "before", m->before);
	else
		jsonl_null(&j, "before");
	jsonl_object_end(&j);
	jsonl_line(&j);
	return j.cut ? 0 : j.len;
}

static void print_json(const struct history *h, const struct policy_meta *m)
{
	char line[HISTORY_LINE];

	fwrite(line, 1, history_line(h, m, line, sizeof(line)), stdout);
}

static void print_text(const struct history *h, const struct policy_meta *m)
{
	char hex[2 * POLICY_DIGEST + 1], when[40], who[64];

	digest_print(m->digest, hex);
	json_t *at = json_integer(m->at_us / 1000000);
	json_t *login = m->uid == ISLAND_NOBODY ? json_null() : json_integer(m->login);
	const char *by = ask_who(login, who, sizeof(who));
	ask_when(at, when, sizeof(when));
	printf("%c %6u  %s  %.16s  %s  %s%s%s%s%s%s%s\n", m->number == h->running ? '*' : ' ', m->number,
	       when, hex, state_of(h, m), m->file ? "the policy file, loaded by " : "", by,
	       *m->reason ? ": " : "", m->reason, *m->ticket ? " (" : "", m->ticket, *m->ticket ? ")" : "");
	json_decref(at);
	json_decref(login);
}

int cmd_history(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{"state-dir", required_argument, NULL, OPT_STATE_DIR},
						{0}};
	const char *dir = NULL, *control = NULL, *state = NULL;
	struct ask a = {.json = false};
	static struct history h;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: a.json = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		case OPT_STATE_DIR: state = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 0) || !ask_path(cmd, dir, control, &a) ||
	    !history_open(cmd, &a, state, &h))
		return EXIT_UNABLE;
	int status = history_list(cmd, &h) ? EXIT_DONE : EXIT_UNABLE;
	for (unsigned i = 0; i < h.n; i++)
		(a.json ? print_json : print_text)(&h, &h.list[i]);
	if (status == EXIT_DONE && h.n == 0 && !a.json)
		puts("no policy has been kept yet");
	history_close(&h);
	return status;
}

char *history_image(const struct command *cmd, const struct ask *a, const char *state_dir, const char *name)
{
	static struct history h;
	char *path = NULL;
	long number = 0;
	bool known = strcmp(name, "candidate") == 0 || strcmp(name, "running") == 0 ||
		     ctl_number(name, 1, META_NUMBER, &number);

	if (!known)
		return strdup(name);
	if (!history_open(cmd, a, state_dir, &h))
		return NULL;
	if (strcmp(name, "running") == 0)
		number = h.running ? h.running : h.state.trial ? h.state.trial : h.state.confirmed;
	if (strcmp(name, "running") == 0 && !number)
		ctl_error(cmd, "which policy is in force cannot be told: ask the running firewall for it");
	else if ((path = malloc(strlen(h.dir) + 48)) && number)
		sprintf(path, "%s/policies/%06ld.image", h.dir, number);
	else if (path)
		sprintf(path, "%s/candidate/image", h.dir);
	history_close(&h);
	return path;
}
