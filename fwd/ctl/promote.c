/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfwctl promote: a conduit's next step, from learn to shadow or from shadow to enforce, when its checklist holds: the policy with that one word changed becomes the
 * candidate and is committed, to be confirmed.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/common/jsonl.h"
#include "fwd/common/meta.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/candidate.h"
#include "fwd/ctl/ctl.h"
#include "fwd/ctl/follow.h"
#include "rules/source.h"

#define POLICY_FILE "/etc/otfw/policy.yaml"
#define TIMEOUT_S   10
#define QUIET_DAYS  7 /* without anything new, before shadow */
#define WATCH_DAYS  7 /* in shadow without a would-be denial, before enforce */
#define CONFIRM_US  (10 * INT64_C(60000000))
#define DAY_S       86400.0
#define CHECKS      8

struct check {
	const char *name;
	bool known, holds;
	char text[256];
};

struct promote {
	struct ask ask;
	const char *conduit, *policy, *reason;
	long quiet_days, watch_days;
	int64_t confirm_us;
	bool force, look, cut;

	struct diag *diag;
	struct loaded loaded;
	const struct model_conduit *at;
	enum policy_mode to;
	json_t *state, *rules, *status;
	struct check checks[CHECKS];
	unsigned n;
};

static struct check *check(struct promote *p, const char *name, bool known, bool holds)
{
	struct check *c = &p->checks[p->n++];

	*c = (struct check){.name = name, .known = known, .holds = known && holds};
	return c;
}

static json_t *request(const struct command *cmd, const struct promote *p, json_t *what)
{
	char *line = what ? json_dumps(what, JSON_COMPACT) : NULL, *asked = NULL, *text = NULL;
	json_t *answer = NULL;

	json_decref(what);
	if (!line || asprintf(&asked, "%s\n", line) < 0)
		ctl_error(cmd, "the conduit's name is not UTF-8");
	else
		text = ask_text(cmd, &p->ask, asked, TIMEOUT_S);
	if (text)
		answer = ask_answer(cmd, &p->ask, text);
	free(line);
	free(asked);
	free(text);
	return answer;
}

/* ---- the checklist ---- */

/* "since" of the mode, in days. */
static double days_since(const json_t *when)
{
	return json_is_number(when) ? ((double)ctl_now() / 1e6 - json_number_value(when)) / DAY_S : -1;
}

static void check_learned(struct promote *p)
{
	const json_t *newest = json_object_get(p->state, "newest-operation");
	double in_mode = days_since(json_object_get(p->state, "since")), quiet = days_since(newest);
	bool known = json_is_number(newest) || json_is_null(newest);
	struct check *c = check(p, "nothing new", known && newest,
				in_mode >= (double)p->quiet_days &&
					(json_is_null(newest) || quiet >= (double)p->quiet_days));

	if (!c->known)
		snprintf(c->text, sizeof(c->text),
			 "not known: nothing tells when something new was learned last");
	else if (json_is_null(newest))
		snprintf(c->text, sizeof(c->text),
			 "in learn for %.1f days, nothing was seen; %ld days are wanted", in_mode,
			 p->quiet_days);
	else
		snprintf(
			c->text, sizeof(c->text),
			"in learn for %.1f days, the newest operation was first seen %.1f days ago; %ld days are wanted",
			in_mode, quiet, p->quiet_days);
}

static void check_watched(struct promote *p)
{
	const json_t *last = json_object_get(p->state, "last-denial");
	double in_mode = days_since(json_object_get(p->state, "since")), quiet = days_since(last);
	bool none = !json_is_number(last);
	struct check *c = check(p, "no would-be denial", true,
				in_mode >= (double)p->watch_days && (none || quiet >= (double)p->watch_days));

	if (none)
		snprintf(c->text, sizeof(c->text), "in shadow for %.1f days without one; %ld days are wanted",
			 in_mode, p->watch_days);
	else
		snprintf(
			c->text, sizeof(c->text),
			"in shadow for %.1f days, %lld would-be denials, the last %.1f days ago; %ld days without are wanted",
			in_mode, ask_number(p->state, "would-be-denials"), quiet, p->watch_days);
}

/* Has this rule ever allowed anything? */
static bool rule_seen(const struct promote *p, const char *id)
{
	char name[512];
	const json_t *r;
	size_t i;

	snprintf(name, sizeof(name), "%s/%s", p->conduit, id);
	json_array_foreach(json_object_get(p->rules, "rules"), i, r)
	{
		const char *s = json_string_value(json_object_get(r, "rule"));
		if (s && strcmp(s, name) == 0)
			return ask_number(r, "total") > 0;
	}
	return false;
}

static void check_rules(struct promote *p)
{
	bool known = json_is_true(json_object_get(p->rules, "rules-known"));
	struct check *c = check(p, "every rule was used", known, true);
	unsigned unseen = 0, rare = 0;
	size_t n = 0;

	if (!known) {
		snprintf(c->text, sizeof(c->text), "not known: the use of rules cannot be read");
		return;
	}
	for (size_t i = 0; i < p->at->nrules; i++) {
		const struct model_rule *r = &p->at->rules[i];
		if (r->rare) {
			rare++;
			continue;
		}
		if (rule_seen(p, r->id))
			continue;
		if (n < sizeof(c->text) - 1)
			n += (size_t)snprintf(c->text + n, sizeof(c->text) - n, "%s%s",
					      unseen ? ", " : "never used: ", r->id);
		unseen++;
	}
	c->holds = unseen == 0;
	if (unseen == 0)
		snprintf(c->text, sizeof(c->text), "%zu rules, %u of them marked rare", p->at->nrules, rare);
	else if (n >= sizeof(c->text) - 1)
		snprintf(c->text, sizeof(c->text), "%u rules were never used", unseen);
}

/* Lines of the conduit that still say REVIEW: in comments, for elsewhere they do not compile. */
static void check_review(struct promote *p)
{
	struct check *c = check(p, "nothing left to review", true, true);
	uint32_t from = p->at->pos.line, to = UINT32_MAX, line = 1, first = 0, n = 0;
	const char *path = "", *text = "", *next;
	size_t len = 0;

	for (size_t i = 0; i < p->loaded.model->nconduits; i++) {
		struct pos other = p->loaded.model->conduits[i].pos;
		if (other.file == p->at->pos.file && other.line > from && other.line < to)
			to = other.line;
	}
	diag_source(p->diag, p->at->pos.file, &path, &text, &len);
	for (const char *s = text, *end = text + len; s < end; s = next, line++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		next = nl ? nl + 1 : end;
		if (line < from || line >= to || !memmem(s, (size_t)(next - s), "REVIEW", 6))
			continue;
		first = first ? first : line;
		n++;
	}
	c->holds = n == 0;
	if (n)
		snprintf(c->text, sizeof(c->text), "%u lines say REVIEW, the first is %.128s:%u", n, path,
			 first);
	else
		snprintf(c->text, sizeof(c->text), "no line of the conduit says REVIEW");
}

static bool make_checks(struct promote *p)
{
	bool all = true;

	if (p->at->mode == MODE_LEARN) {
		check_learned(p);
	} else {
		check_watched(p);
		check_rules(p);
	}
	check_review(p);
	for (unsigned i = 0; i < p->n; i++)
		all &= p->checks[i].holds;
	return all;
}

static void print_checks(const struct promote *p, bool all)
{
	char line[4096];
	struct jsonl j;

	if (!p->ask.json) {
		printf("%s: %s -> %s\n", p->conduit, mode_name(p->at->mode), mode_name(p->to));
		for (unsigned i = 0; i < p->n; i++)
			printf("  [%c] %s: %s\n",
			       p->checks[i].holds   ? 'x'
			       : p->checks[i].known ? ' '
						    : '?',
			       p->checks[i].name, p->checks[i].text);
		return;
	}
	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_str(&j, "conduit", p->conduit);
	jsonl_str(&j, "from", mode_name(p->at->mode));
	jsonl_str(&j, "to", mode_name(p->to));
	jsonl_bool(&j, "holds", all);
	jsonl_array(&j, "checks");
	for (unsigned i = 0; i < p->n; i++) {
		jsonl_object(&j, NULL);
		jsonl_str(&j, "check", p->checks[i].name);
		jsonl_bool(&j, "holds", p->checks[i].holds);
		jsonl_bool(&j, "known", p->checks[i].known);
		jsonl_str(&j, "text", p->checks[i].text);
		jsonl_object_end(&j);
	}
	jsonl_array_end(&j);
	jsonl_object_end(&j);
	jsonl_line(&j);
	fwrite(line, 1, j.len, stdout);
}

/* ---- the change ---- */

/* By its whole path: who confirms it may stand elsewhere. */
static void add_text(struct diag *to, const char *path, const char *text, size_t len)
{
	char *dir = path[0] == '/' ? NULL : getcwd(NULL, 0), *whole = NULL;

	if (dir && asprintf(&whole, "%s/%s", dir, path) < 0)
		whole = NULL;
	diag_file(to, whole ? whole : path, text, len);
	free(whole);
	free(dir);
}

/* All texts of the policy, the word of the conduit's mode changed. NULL after having said why. */
static char *changed_source(const struct command *cmd, const struct promote *p, size_t *size)
{
	const char *old = mode_name(p->at->mode), *path, *text;
	struct diag *copy = diag_new();
	char *out = NULL;
	size_t len;
	bool good = false;

	for (uint32_t i = 0; diag_source(p->diag, i, &path, &text, &len); i++) {
		if (i != p->at->mode_pos.file) {
			add_text(copy, path, text, len);
			continue;
		}
		size_t at = mode_at(text, len, p->at->mode_pos);
		char *edited = NULL;
		int n = len - at < strlen(old) || memcmp(text + at, old, strlen(old)) != 0
				? -1
				: asprintf(&edited, "%.*s%s%.*s", (int)at, text, mode_name(p->to),
					   (int)(len - at - strlen(old)), text + at + strlen(old));
		if (n >= 0) {
			add_text(copy, path, edited, (size_t)n);
			free(edited);
			good = true;
		}
	}
	if (!good)
		ctl_error(cmd, "%s: the mode of %s is not where it was read", p->policy, p->conduit);
	else if (!(out = source_make(copy, size)))
		ctl_error(cmd, "%s: %s", p->policy, strerror(errno));
	diag_free(copy);
	return out;
}

/* Somebody's candidate. What was committed last is still beside the policy, and is none; nor is what an earlier promotion left. */
static bool in_the_way(const struct promote *p)
{
	const char *beside = json_string_value(json_object_get(p->status, "candidate")),
		   *proper = json_string_value(json_object_get(p->status, "policy-proper")),
		   *dir = json_string_value(json_object_get(p->status, "state-dir"));

	return beside && (!proper || strcmp(beside, proper) != 0) && !(dir && promote_left(dir));
}

static int commit(const struct command *cmd, const struct promote *p)
{
	char reason[ISLAND_REASON], name[META_NAME];
	size_t source_len, size;
	uint8_t *image = NULL;
	int status = EXIT_UNABLE;
	char *source = changed_source(cmd, p, &source_len);
	struct diag *diag = diag_new();
	promote_name(name, sizeof(name), p->conduit, mode_name(p->to));
	struct model *m = source ? model_load_text(p->policy, source, source_len, ctl_now(), diag) : NULL;

	if (!m || compile_image(m, diag, &image, &size) != 0) {
		if (source)
			diag_print(diag, stderr, false);
	} else if (in_the_way(p)) {
		fprintf(stderr, "a candidate is loaded, which this would replace: otfwctl candidate drop\n");
		status = EXIT_NO;
	} else {
		status = candidate_send(cmd, &p->ask, image, size, source, source_len, name);
	}
	if (status == EXIT_DONE) {
		snprintf(reason, sizeof(reason), "promote %.40s to %s", p->conduit, mode_name(p->to));
		json_t *what = json_pack("{s:s, s:b, s:I, s:s}", "cmd", "commit", "cut-sessions", p->cut,
					 "confirm-us", (json_int_t)p->confirm_us, "reason",
					 p->reason ? p->reason : reason);
		status = policy_ask(cmd, &p->ask, what, -1);
		if (status != EXIT_DONE)
			fprintf(stderr,
				"the candidate stays loaded: otfwctl candidate diff, candidate drop\n");
		else if (!p->ask.json)
			printf("`otfwctl confirm` keeps it and writes it into the file: %s: mode: %s\n",
			       diag_where(p->diag, p->at->mode_pos), mode_name(p->to));
	}
	model_free(m);
	diag_free(diag);
	free(image);
	free(source);
	return status;
}

/* ---- */

static int promote(const struct command *cmd, struct promote *p)
{
	char hex[2 * POLICY_DIGEST + 1];
	const char *mode;

	if (!(p->status = request(cmd, p, json_pack("{s:s}", "cmd", "status"))))
		return EXIT_UNABLE;
	const char *file = json_string_value(json_object_get(p->status, "policy-file"));
	if (!p->policy)
		p->policy = file && *file == '/' ? file : POLICY_FILE;
	if (!loaded_from(cmd, p->policy, p->diag, &p->loaded)) {
		diag_print(p->diag, stderr, false);
		return p->loaded.status;
	}
	if (!p->loaded.model)
		return ctl_error(cmd, "%s is a compiled image: the text is wanted", p->policy);
	for (size_t i = 0; i < p->loaded.model->nconduits && !p->at; i++)
		if (strcmp(p->loaded.model->conduits[i].name, p->conduit) == 0)
			p->at = &p->loaded.model->conduits[i];
	if (!p->at || p->at->lane != LANE_INSPECTED) {
		fprintf(stderr, "%s: there is no conduit %s that is inspected\n", p->policy, p->conduit);
		return EXIT_NO;
	}
	digest_print(policy_digest(&p->loaded.policy), hex);
	/* Without what is unlocked and permitted for a while: that stays on top of whatever is in force. */
	const char *proper = json_string_value(json_object_get(p->status, "policy-proper")),
		   *running = proper ? proper : json_string_value(json_object_get(p->status, "policy"));
	if (!running || strcmp(running, hex) != 0) {
		fprintf(stderr,
			"%s is not the policy in force: promote changes one word of that and nothing else\n",
			p->policy);
		return EXIT_NO;
	}
	if (!(p->state =
		      request(cmd, p, json_pack("{s:s, s:s}", "cmd", "promotion", "conduit", p->conduit))) ||
	    !(p->rules = ask_rules(cmd, &p->ask)))
		return EXIT_UNABLE;
	mode = json_string_value(json_object_get(p->state, "mode"));
	if (!mode || strcmp(mode, mode_name(p->at->mode)) != 0)
		return ctl_error(cmd, "the recorder does not know the mode of %s yet", p->conduit);
	if (p->at->mode == MODE_ENFORCE) {
		fprintf(stderr, "%s enforces already\n", p->conduit);
		return EXIT_NO;
	}
	p->to = p->at->mode == MODE_LEARN ? MODE_SHADOW : MODE_ENFORCE;
	bool all = make_checks(p);
	print_checks(p, all);
	fflush(stdout);
	if (p->look || (!all && !p->force)) {
		if (!all && !p->look)
			fprintf(stderr,
				"not promoted: the checklist does not hold (--force --reason TEXT does it all the same)\n");
		return all ? EXIT_DONE : EXIT_NO;
	}
	if (json_is_object(json_object_get(p->status, "trial"))) {
		fprintf(stderr, "policy %lld is on trial: confirm it or roll it back first\n",
			ask_number(json_object_get(p->status, "trial"), "number"));
		return EXIT_NO;
	}
	fflush(stdout);
	return commit(cmd, p);
}

static bool take_days(const struct command *cmd, const char *option, const char *text, long *out)
{
	if (ctl_number(text, 0, 3650, out))
		return true;
	ctl_usage(cmd, "%s: %s is not a number of days (0..3650)", option, text);
	return false;
}

int cmd_promote(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"policy", required_argument, NULL, OPT_POLICY},
						{"quiet-days", required_argument, NULL, OPT_QUIET_DAYS},
						{"shadow-days", required_argument, NULL, OPT_SHADOW_DAYS},
						{"confirm", required_argument, NULL, OPT_CONFIRM},
						{"check", no_argument, NULL, OPT_CHECK},
						{"force", no_argument, NULL, OPT_FORCE},
						{"reason", required_argument, NULL, OPT_REASON},
						{"cut-sessions", no_argument, NULL, OPT_CUT_SESSIONS},
						{"json", no_argument, NULL, OPT_JSON},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	struct promote p = {.quiet_days = QUIET_DAYS, .watch_days = WATCH_DAYS, .confirm_us = CONFIRM_US};
	const char *dir = NULL, *control = NULL;
	int c, status = EXIT_UNABLE;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_POLICY: p.policy = optarg; break;
		case OPT_QUIET_DAYS:
			if (!take_days(cmd, "--quiet-days", optarg, &p.quiet_days))
				return EXIT_UNABLE;
			break;
		case OPT_SHADOW_DAYS:
			if (!take_days(cmd, "--shadow-days", optarg, &p.watch_days))
				return EXIT_UNABLE;
			break;
		case OPT_CONFIRM:
			if (!ctl_duration(cmd, "--confirm", optarg, CONFIRM_MIN_US, CONFIRM_MAX_US,
					  &p.confirm_us))
				return EXIT_UNABLE;
			break;
		case OPT_CHECK: p.look = true; break;
		case OPT_FORCE: p.force = true; break;
		case OPT_REASON: p.reason = optarg; break;
		case OPT_CUT_SESSIONS: p.cut = true; break;
		case OPT_JSON: p.ask.json = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	p.conduit = argv[optind];
	if (p.force && !p.reason)
		return ctl_usage(cmd, "--force needs a --reason");
	if (p.reason && !island_reason_good(p.reason))
		return ctl_usage(cmd,
				 "--reason: 1 to %d octets, without control characters and blanks around it",
				 ISLAND_REASON - 1);
	if (!ask_path(cmd, dir, control, &p.ask))
		return EXIT_UNABLE;
	p.diag = diag_new();
	status = promote(cmd, &p);
	json_decref(p.status);
	json_decref(p.state);
	json_decref(p.rules);
	loaded_close(&p.loaded);
	diag_free(p.diag);
	return status;
}
