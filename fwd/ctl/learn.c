/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl learn: from captures to a proposed policy. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/learn.h"
#include "fwd/ctl/scan.h"
#include "fwd/engine/study.h"
#include "rules/image.h"

/* ---- both sources ---- */

static void extra(struct learning *l, const char *key, const char *value)
{
	size_t n = strlen(l->extra);

	/* In quotes: whatever it holds, it is one text. */
	snprintf(l->extra + n, sizeof(l->extra) - n, "%s%s: \"%.100s\"", n ? ", " : "", key, value);
	l->options.extra = l->extra;
}

bool learning_option(struct learning *l, int c, bool *bad)
{
	long n;

	switch (c) {
	case OPT_POLICY: l->policy = optarg; return true;
	case OPT_CONDUIT: l->conduit = optarg; return true;
	case OPT_GAP:
		if (!ctl_number(optarg, 0, 65535, &n)) {
			ctl_error(l->cmd, "--gap %s: 0..65535 addresses", optarg);
			*bad = true;
		} else {
			l->options.gap = (uint32_t)n;
		}
		return true;
	case OPT_DAYS:
		if (!ctl_number(optarg, 0, 3650, &n)) {
			ctl_error(l->cmd, "--days %s: 0..3650 days", optarg);
			*bad = true;
		} else {
			l->options.days = (unsigned)n;
		}
		return true;
	case OPT_INCLUDE:
		if (strcmp(optarg, "all") != 0) {
			ctl_error(l->cmd, "--include %s: only `all` can be included", optarg);
			*bad = true;
		}
		l->options.all = true;
		return true;
	case OPT_OWNER:
	case OPT_TICKET:
	case OPT_REVIEW:
		if (strpbrk(optarg, "\"\\\n")) {
			ctl_error(l->cmd, "%s: no quotes, no backslashes", optarg);
			*bad = true;
		} else {
			extra(l, c == OPT_OWNER ? "owner" : c == OPT_TICKET ? "ticket" : "review", optarg);
		}
		return true;
	default: return false;
	}
}

bool learning_open(struct learning *l)
{
	if (!loaded_open(l->cmd, l->policy, &l->loaded))
		return false;
	l->text = (char *)file_read(l->policy, &l->text_len);
	if (!l->text || image_is(l->text, l->text_len)) {
		ctl_error(l->cmd, "%s: %s", l->policy,
			  l->text ? "a policy's text is needed here, not an image" : strerror(errno));
		l->loaded.status = EXIT_UNABLE;
		return false;
	}
	l->cover = cover_new(&l->loaded.policy, &l->options);
	return true;
}

bool learning_open_text(struct learning *l, char *text, size_t len)
{
	struct diag *diag = diag_new();
	char err[256];

	l->text = text;
	l->text_len = len;
	l->policy = l->source;
	l->loaded = (struct loaded){.status = EXIT_UNABLE};
	l->loaded.model = model_load_text(l->source, text, len, ctl_now(), diag);
	bool ok = l->loaded.model &&
		  compile_image(l->loaded.model, diag, &l->loaded.bytes, &l->loaded.size) == 0 &&
		  policy_open(&l->loaded.policy, l->loaded.bytes, l->loaded.size, err, sizeof(err)) == 0;
	if (!ok)
		diag_print(diag, stderr, false);
	diag_free(diag);
	if (ok)
		l->cover = cover_new(&l->loaded.policy, &l->options);
	return ok;
}

void learning_close(struct learning *l)
{
	cover_free(l->cover);
	learn_faults_free(&l->faults);
	loaded_close(&l->loaded);
	free(l->text);
}

static void head(struct learning *l, const struct cover_counts *n, FILE *out)
{
	fprintf(out, "# Proposed from %s: %llu shapes of operations seen, %llu of them allowed already,\n",
		l->source, (unsigned long long)n->shapes, (unsigned long long)n->allowed);
	fprintf(out, "# %llu rules proposed, %llu more need a person (look for \"needs a person\").\n",
		(unsigned long long)n->rules, (unsigned long long)n->doubts);
	if (l->options.all)
		fputs("# CAUTION IS OFF (--include all): everything that was seen is allowed, writes, programs and unknown\n"
		      "# protocols included, whoever sent it. For tests and laboratories.\n",
		      out);
	else
		fputs("# Not proposed by itself: what writes, operates, configures, programs or is not read, and new clients.\n",
		      out);
	learn_faults_print(&l->faults, &l->loaded.policy, out);
}

/* Is this name one of a list? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ','))
			return true;
	return false;
}

/* Rules of a conduit that stands in an included file: they cannot be put there from here. */
static void aside(const struct cover_part *p, FILE *out)
{
	fprintf(out, "\n# Conduit %s stands in an included file. For its `allow`, take one \"# \" away:\n",
		p->conduit);
	for (const char *at = p->rules; *at;) {
		size_t n = strcspn(at, "\n");
		fprintf(out, "# %.*s\n", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

int learning_print(struct learning *l)
{
	const struct policy *p = &l->loaded.policy;
	unsigned n = policy_conduits(p);
	struct cover_part *parts = calloc(n + 1, sizeof(*parts));
	struct cover_counts counts = {0};
	struct policy_conduit c;
	struct diag *diag = diag_new();
	char *profiles = NULL;
	const char *missing = "";
	size_t len = 0, nparts = 0;
	bool found = false;
	FILE *points = open_memstream(&profiles, &len);

	for (unsigned i = 0; parts && points && policy_conduit_get(p, i, &c); i++) {
		char *rules = NULL;
		size_t size = 0;
		if (l->conduit && strcmp(l->conduit, c.name) != 0)
			continue;
		found = true;
		FILE *f = open_memstream(&rules, &size);
		cover_write(l->cover, i, 0, f, points, &counts);
		fclose(f);
		parts[nparts++] = (struct cover_part){c.name, rules};
	}
	fclose(points);
	int status = EXIT_DONE;
	if (!found && l->conduit) {
		status = ctl_error(l->cmd, "%s: there is no such conduit", l->conduit);
	} else {
		head(l, &counts, stdout);
		if (cover_splice(l->policy, l->text, l->text_len, parts, nparts, profiles, diag, stdout,
				 &missing) != 0)
			status = EXIT_UNABLE;
	}
	for (size_t i = 0; status == EXIT_DONE && *missing && i < nparts; i++)
		if (*parts[i].rules && listed(missing, parts[i].conduit))
			aside(&parts[i], stdout);
	if (diag_errors(diag))
		diag_print(diag, stderr, false);
	diag_free(diag);
	for (size_t i = 0; i < nparts; i++)
		free((char *)(uintptr_t)parts[i].rules);
	free(parts);
	free(profiles);
	return status;
}

/* ---- captures ---- */

struct end {
	uint8_t ip[16];
	bool client, server;
};
struct tuples {
	struct learning *l;
	struct end *ends;
	size_t n, cap;
	uint32_t protocols;
	bool full;
};

static struct end *end_at(struct tuples *t, const uint8_t ip[16])
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int k = memcmp(t->ends[mid].ip, ip, 16);
		if (k == 0)
			return &t->ends[mid];
		*(k < 0 ? &lo : &hi) = k < 0 ? mid + 1 : mid;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		struct end *more = realloc(t->ends, t->cap * sizeof(*more));
		if (!more) {
			t->full = true;
			return NULL;
		}
		t->ends = more;
	}
	memmove(&t->ends[lo + 1], &t->ends[lo], (t->n++ - lo) * sizeof(*t->ends));
	t->ends[lo] = (struct end){0};
	memcpy(t->ends[lo].ip, ip, 16);
	return &t->ends[lo];
}

static void see_shape(void *ctx, struct shape *s)
{
	struct tuples *t = ctx;
	struct end *e;

	if ((e = end_at(t, s->client)) != NULL)
		e->client = true;
	if ((e = end_at(t, s->server)) != NULL)
		e->server = true;
	if (s->proto >= 0)
		t->protocols |= 1u << s->proto;
}

/* First time: who talks to whom. */
static void see(void *ctx, const struct report *r)
{
	struct tuples *t = ctx;
	struct shape s;

	if (study_report(r, see_shape, ctx) > 0 || r->proto < 0)
		return;
	/* Answers and what is malformed show who there is as well. */
	shape_of(&s, 0, r->tuple, r->proto, NULL, 0);
	if (r->from_server) {
		memcpy(s.client, r->tuple->dst, 16);
		memcpy(s.server, r->tuple->src, 16);
	}
	t->protocols |= 1u << r->proto;
	see_shape(ctx, &s);
}

static void name_of(const struct end *e, size_t i, char buf[32])
{
	snprintf(buf, 32, "%s-%zu", e->client && e->server ? "peer" : e->client ? "client" : "server", i + 1);
}

static const char *ip_text(const uint8_t ip[16], char buf[64])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(ip, mapped, sizeof(mapped)) == 0;

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, buf, 64);
}

static const char *const role_names[] = {"clients", "servers", "peers"};

static unsigned role_of(const struct end *e)
{
	return e->client && e->server ? 2 : e->server ? 1 : 0;
}

/* A policy that knows who was seen and allows nothing yet. Zones: who only asks, who only answers, who does both. */
static char *skeleton(const struct tuples *t, size_t *len)
{
	char *text = NULL, name[32], ip[64];
	bool has[3] = {0};
	FILE *f = open_memstream(&text, len);

	fputs("version: 1\nsite: {name: From a capture, timezone: UTC}\n\nzones:\n", f);
	for (size_t i = 0; i < t->n; i++)
		has[role_of(&t->ends[i])] = true;
	for (unsigned r = 0; r < 3; r++) {
		const char *sep = "";
		if (!has[r])
			continue;
		fprintf(f, "  %s:\n    networks: [", role_names[r]);
		for (size_t i = 0; i < t->n; i++)
			if (role_of(&t->ends[i]) == r) {
				fprintf(f, "%s%s", sep, ip_text(t->ends[i].ip, ip));
				sep = ", ";
			}
		fputs("]\n    failure: closed\n", f);
	}
	fputs("\nhosts:\n", f);
	for (size_t i = 0; i < t->n; i++) {
		name_of(&t->ends[i], i, name);
		fprintf(f, "  %s: \"%s\"\n", name, ip_text(t->ends[i].ip, ip));
	}
	fputs("\nconduits:\n", f);
	for (unsigned to = 1; to < 3; to++) {
		if (!has[to] || (!has[0] && !has[2]))
			continue;
		fprintf(f,
			"  - name: to-%s\n    from: [%s%s%s]\n    to: %s\n    servers: any\n    protocols: [",
			role_names[to], has[0] ? "clients" : "", has[0] && has[2] ? ", " : "",
			has[2] ? "peers" : "", role_names[to]);
		const char *sep = "";
		for (unsigned i = 0; i < PROTO_COUNT; i++)
			if (t->protocols >> i & 1) {
				fprintf(f, "%s%s", sep, proto_get(i)->name);
				sep = ", ";
			}
		fputs("]\n    mode: learn\n", f);
	}
	fclose(f);
	return text;
}

static void take_shape(void *ctx, struct shape *s)
{
	struct learning *l = ctx;
	struct tuple t = {.dport = s->port, .ipproto = s->ipproto};
	struct route r;

	/* Without a policy of its own the capture was read by ports alone. */
	memcpy(t.src, s->client, 16);
	memcpy(t.dst, s->server, 16);
	policy_route(&l->loaded.policy, &t, false, &r);
	s->conduit = r.conduit;
	if (s->conduit != POLICY_NO_INDEX && !cover_add(l->cover, s))
		ctl_error(l->cmd, "no memory for more shapes");
}

/* What no rule can allow, and enforcing would deny. */
static void take_fault(struct learning *l, const struct report *r)
{
	const struct fault *fault = r->pdu ? &r->pdu->fault : NULL;
	struct learn_fault f = {.proto = r->proto,
				.count = 1,
				.reason = fault && fault->reason != REASON_NONE ? fault->reason : r->reason};
	const char *field = fault && fault->reason != REASON_NONE && fault->field ? fault->field : "";

	if (f.proto < 0 || f.reason == REASON_NONE || reason_of_rules(f.reason) ||
	    r->reason == REASON_ANSWER_LATE)
		return;
	snprintf(f.field, sizeof(f.field), "%s", field);
	memcpy(f.client, r->from_server ? r->tuple->dst : r->tuple->src, 16);
	memcpy(f.server, r->from_server ? r->tuple->src : r->tuple->dst, 16);
	learn_fault_add(&l->faults, &f);
}

static void take(void *ctx, const struct report *r)
{
	study_report(r, take_shape, ctx);
}

static void take_both(void *ctx, const struct report *r)
{
	take(ctx, r);
	take_fault(ctx, r);
}

/* What is in no protocol that is known, and what is at fault where a policy judges. */
static void take_rest(void *ctx, const struct report *r)
{
	take_fault(ctx, r);
	if (!r->pdu && r->proto < 0)
		study_report(r, take_shape, ctx);
}

static int read_files(struct learning *l, struct scan *s, char **files, int n)
{
	int status = EXIT_DONE;

	for (int i = 0; i < n && status == EXIT_DONE; i++) {
		status = scan_run(l->cmd, s, files[i]);
		scan_close(s);
	}
	return status;
}

/* The policy as if all of its conduits were learning, so that all of their scope is seen. */
static bool watching(struct learning *l, uint8_t **image, struct policy *out)
{
	struct diag *diag = diag_new();
	struct model *m = l->loaded.model;
	char err[256] = "out of memory";
	size_t size;

	for (size_t i = 0; i < m->nconduits; i++)
		m->conduits[i].mode = MODE_LEARN;
	bool ok = compile_image(m, diag, image, &size) == 0 &&
		  policy_open(out, *image, size, err, sizeof(err)) == 0;
	if (diag_errors(diag))
		diag_print(diag, stderr, false);
	else if (!ok)
		ctl_error(l->cmd, "%s: %s", l->policy, err);
	diag_free(diag);
	if (!ok)
		l->loaded.status = EXIT_UNABLE;
	return ok;
}

static int learn_files(struct learning *l, struct scan *s, char **files, int n)
{
	struct tuples t = {.l = l};
	struct policy watch;
	uint8_t *image = NULL;
	char what[64];
	int status = EXIT_DONE;

	snprintf(what, sizeof(what), "%d capture%s", n, n == 1 ? "" : "s");
	l->source = what;
	if (l->policy) {
		if (!learning_open(l) || !watching(l, &image, &watch))
			return l->loaded.status;
		s->policy = &watch;
	} else {
		s->report = see;
		s->ctx = &t;
		status = read_files(l, s, files, n);
		if (status == EXIT_DONE && t.n == 0)
			status = ctl_error(l->cmd,
					   "no operation of a protocol that is known: nothing to learn");
		size_t len = 0;
		char *text = status == EXIT_DONE ? skeleton(&t, &len) : NULL;
		free(t.ends);
		if (!text)
			return status;
		if (!learning_open_text(l, text, len))
			return EXIT_UNABLE;
	}
	/* Without a policy of its own, faults are those of the policy that was made: sessions are judged otherwise where none is. */
	s->report = l->policy == l->source && s->nports == 0 ? take : take_both;
	s->ctx = l;
	s->in_step = true;
	status = read_files(l, s, files, n);
	if (status == EXIT_DONE && !s->policy && s->nports == 0) {
		/* Between those who were seen, by the policy that was made for them. */
		s->policy = &l->loaded.policy;
		s->report = take_rest;
		status = read_files(l, s, files, n);
	}
	if (status == EXIT_DONE)
		status = learning_print(l);
	free(image);
	return status;
}

int cmd_learn(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		LEARNING_OPTIONS, {"port", required_argument, NULL, OPT_PORT}, {0}};
	struct learning l = {.cmd = cmd, .options = {.days = 1}};
	struct scan s = {0};
	bool bad = false;
	int c;

	if (argc > 1 && strcmp(argv[1], "propose") == 0)
		return learn_propose(cmd, argc - 1, argv + 1);
	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c == OPT_PORT ? !scan_port(cmd, &s, optarg) : !learning_option(&l, c, &bad) || bad)
			return EXIT_UNABLE;
	}
	if (optind == argc)
		return ctl_usage(cmd, "`propose` or a capture is wanted");
	int status = learn_files(&l, &s, argv + optind, argc - optind);
	learning_close(&l);
	return status;
}
