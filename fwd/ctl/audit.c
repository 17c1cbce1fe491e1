/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl audit: verify the chain of what was changed, show it, or print it for programs. */
#include "fwd/ctl/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"

#define LINE_LONGEST (JSONL_MAX + 1)

#define SHOWN 20 /* records, without a time */

struct options {
	bool verify, show, since;
	long number; /* show: this one; 0: the newest */
	const char *head, *events, *db;
	int64_t since_us;
	struct ask ask;
};

static bool read_options(const struct command *cmd, int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"db", required_argument, NULL, OPT_DB},
						{"head", required_argument, NULL, OPT_HEAD},
						{"events", required_argument, NULL, OPT_EVENTS},
						{"since", required_argument, NULL, OPT_SINCE},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL, *what;
	int c;

	*o = (struct options){.verify = false};
	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_DB: o->db = optarg; break;
		case OPT_HEAD: o->head = optarg; break;
		case OPT_EVENTS: o->events = optarg; break;
		case OPT_SINCE:
			o->since = true;
			if (!ctl_since(cmd, optarg, &o->since_us))
				return false;
			break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return false;
		}
	}
	what = optind < argc ? argv[optind] : "";
	o->verify = strcmp(what, "verify") == 0;
	o->show = strcmp(what, "show") == 0;
	if (!ctl_arguments(cmd, argc, argv, o->show && optind + 1 < argc ? 2 : 1))
		return false;
	if (!o->verify && !o->show && strcmp(what, "export") != 0) {
		ctl_usage(cmd, "%s: one of verify, show and export", what);
		return false;
	}
	if (o->show && optind + 1 < argc && !ctl_number(argv[optind + 1], 1, INT64_MAX, &o->number)) {
		ctl_usage(cmd, "%s is not the number of a record", argv[optind + 1]);
		return false;
	}
	if (o->number && o->since) {
		ctl_usage(cmd, "either --since or a number");
		return false;
	}
	if ((o->head || o->events) && !o->verify) {
		ctl_usage(cmd, "--head and --events go with verify");
		return false;
	}
	if (o->since && o->verify) {
		ctl_usage(cmd, "--since goes with show and export: a chain is verified as a whole");
		return false;
	}
	if (o->db && (dir || control)) {
		ctl_usage(cmd, "--db reads a file: nobody is asked");
		return false;
	}
	return o->db || ask_path(cmd, dir, control, &o->ask);
}

/* ---- what was noted ---- */

static bool note(const struct command *cmd, struct audit_notes *s, int64_t n, const char *hex,
		 const char *from)
{
	struct audit_note a = {.n = n, .from = from};

	if (!chain_read_hex(hex, a.digest)) {
		ctl_error(cmd, "%s: \"%.80s\" is no digest (64 hexadecimal digits)", from, hex);
		return false;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct audit_note *v = realloc(s->v, cap * sizeof(*v));

		if (!v) {
			ctl_error(cmd, "%s", strerror(ENOMEM));
			return false;
		}
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = a;
	return true;
}

/* "DIGEST" or "NUMBER:DIGEST". */
static bool note_head(const struct command *cmd, struct audit_notes *s, const char *text)
{
	const char *colon = strchr(text, ':');
	char number[20];
	long n = 0;

	if (!colon)
		return note(cmd, s, 0, text, "--head");
	snprintf(number, sizeof(number), "%.*s", (int)(colon - text), text);
	if (!ctl_number(number, 1, INT64_MAX, &n)) {
		ctl_error(cmd, "--head: \"%s\" is not the number of a record", number);
		return false;
	}
	return note(cmd, s, n, colon + 1, "--head");
}

/* Lines that name a record and its digest; all others, and a last one that is cut off, are nobody's business. */
bool audit_notes_events(const struct command *cmd, struct audit_notes *s, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	bool good = true;

	if (!f) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		return false;
	}
	while (good && getline(&line, &cap, f) > 0) {
		if (!strstr(line, "\"event\":\"audit\"") || !strstr(line, "\"head\":\""))
			continue;
		json_t *o = json_loads(line, 0, NULL);
		const char *event = json_string_value(json_object_get(o, "event")),
			   *head = json_string_value(json_object_get(o, "head"));
		const json_t *n = json_object_get(o, "n");

		if (event && strcmp(event, "audit") == 0 && head && json_integer_value(n) > 0)
			good = note(cmd, s, (int64_t)json_integer_value(n), head, "the event log");
		json_decref(o);
	}
	if (good && ferror(f)) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		good = false;
	}
	free(line);
	fclose(f);
	return good;
}

/* ---- verify ---- */

static void print_found(const struct audit_found *f, const struct audit_head *head)
{
	char hex[CHAIN_HEX];

	for (unsigned i = 0; i < f->n; i++)
		printf("%s\n", f->why[i]);
	if (f->more)
		printf("%u more are wrong\n", f->more);
	if (head->lost || head->waiting)
		printf("%lld records wait to be written, %lld were lost since the recorder started\n",
		       head->waiting, head->lost);
	digest_print(f->head, hex);
	if (f->n)
		printf("the audit chain is broken: %" PRId64 " records\n", f->records);
	else if (f->records)
		printf("the audit chain holds: %" PRId64 " records, head %s\n", f->records, hex);
	else
		printf("the audit chain has no records\n");
}

static int verify(const struct command *cmd, const struct options *o)
{
	struct audit_notes notes = {.v = NULL};
	struct audit_found *f = malloc(sizeof(*f));
	struct audit_head head = {.n = 0};
	struct audit_check c;
	bool good = f && (!o->head || note_head(cmd, &notes, o->head)) &&
		    (!o->events || audit_notes_events(cmd, &notes, o->events));

	if (good) {
		audit_check_begin(&c, f, notes.v, notes.n);
		good = o->db ? audit_read_file(cmd, o->db, audit_check_take, &c)
			     : audit_read_live(cmd, &o->ask, audit_check_take, &c, &head);
	}
	if (good) {
		audit_check_head(&c, &head);
		audit_check_end(&c);
		print_found(f, &head);
	}
	int status = !good ? EXIT_UNABLE : f->n ? EXIT_NO : EXIT_DONE;
	free(notes.v);
	free(f);
	return status;
}

/* ---- export ---- */

/* Time of a record, in microseconds: the second member of its text. */
static int64_t time_of(const char *text)
{
	const char *ts = strstr(text, "\"ts\":");
	long long s = 0, us = 0;

	if (ts && sscanf(ts, "\"ts\":%lld.%6lld", &s, &us) == 2)
		return (int64_t)s * 1000000 + us;
	return INT64_MAX; /* a record that says no time is never left out */
}

static void export_take(void *ctx, int64_t n, const char *text, size_t len, const void *digest,
			size_t digest_len)
{
	const struct options *o = ctx;
	char hex[CHAIN_HEX] = "";

	(void)n;
	if (time_of(text) < o->since_us)
		return;
	if (digest_len == CHAIN_DIGEST)
		digest_print(digest, hex);
	/* The text without its brace, so that who knows the digest before can check it. */
	printf("%.*s,\"digest\":\"%s\"}\n", len ? (int)(len - 1) : 0, text, hex);
}

/* ---- show ---- */

struct showing {
	const struct options *o;
	json_t *newest; /* the last SHOWN of them */
	bool found;
};

static void show_take(void *ctx, int64_t n, const char *text, size_t len, const void *digest,
		      size_t digest_len)
{
	struct showing *s = ctx;

	(void)digest, (void)digest_len;
	if (s->o->number ? n != s->o->number : time_of(text) < s->o->since_us)
		return;
	json_t *record = json_loadb(text, len, 0, NULL);
	ask_plain(record);
	if (!json_is_object(record)) {
		printf("%6" PRId64 "  is no record: `otfwctl audit verify`\n", n);
	} else if (s->o->number) {
		audit_show_whole(record);
	} else if (s->o->since) {
		audit_show_line(record);
	} else {
		json_array_append(s->newest, record);
		if (json_array_size(s->newest) > SHOWN)
			json_array_remove(s->newest, 0);
	}
	s->found = true;
	json_decref(record);
}

static int show(const struct command *cmd, const struct options *o)
{
	struct showing s = {.o = o, .newest = json_array()};
	struct audit_head head;
	json_t *record;
	size_t i;
	bool good = o->db ? audit_read_file(cmd, o->db, show_take, &s)
			  : audit_read_live(cmd, &o->ask, show_take, &s, &head);

	json_array_foreach(s.newest, i, record) audit_show_line(record);
	json_decref(s.newest);
	if (good && o->number && !s.found)
		fprintf(stderr, "there is no record %ld\n", o->number);
	return !good ? EXIT_UNABLE : o->number && !s.found ? EXIT_NO : EXIT_DONE;
}

int cmd_audit(const struct command *cmd, int argc, char **argv)
{
	struct audit_head head;
	struct options o;

	if (!read_options(cmd, argc, argv, &o))
		return EXIT_UNABLE;
	if (o.verify)
		return verify(cmd, &o);
	if (o.show)
		return show(cmd, &o);
	bool good = o.db ? audit_read_file(cmd, o.db, export_take, &o)
			 : audit_read_live(cmd, &o.ask, export_take, &o, &head);
	return good ? EXIT_DONE : EXIT_UNABLE;
}
