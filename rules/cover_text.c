/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boxes as rules in YAML, with what was seen as comments. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules/cover_inner.h"

struct page {
	const struct cover *c;
	const struct cover_line *line;
	FILE *out;
	unsigned keys;
};

const char *cover_doubt_text(enum cover_doubt d)
{
	static const char *const texts[COVER_DOUBTS] = {
		[COVER_PROPOSED] = "proposed",
		[COVER_WRITES] = "it writes, operates, configures or programs",
		[COVER_OPAQUE] = "its content is not read",
		[COVER_NEW] = "the client was seen on too few days",
		[COVER_BEYOND] = "it is beyond the conduit's at-most, or no server of the conduit",
		[COVER_UNSAYABLE] = "no rule can say exactly this",
	};

	return d < COVER_DOUBTS ? texts[d] : "?";
}

uint32_t cover_flags(const struct cover *c, const struct cover_box *b, uint32_t *access)
{
	const struct cover_set *s = &c->sets[b->set[DIM_FUNCTIONS]];
	const struct proto *p = b->proto >= 0 ? proto_get((unsigned)b->proto) : NULL;
	uint32_t flags = 0, bits = 0;

	for (uint32_t i = 0; p != NULL && i < s->n; i++) {
		const struct vocab_function *f = proto_function(p, (uint32_t)s->v[i].lo);
		flags |= f != NULL ? f->flags : 0;
		bits |= f != NULL ? f->access : 0;
	}
	if (access != NULL)
		*access = bits;
	return flags;
}

/* ---- lines ---- */

static void begin_line(struct page *p)
{
	const struct cover_line *l = p->line;

	fprintf(p->out, "%*s%s%s", (int)l->indent, "", l->comment ? "# " : "", p->keys == 0 ? "- " : "  ");
}

/* "KEY: " at its place. */
static void key(struct page *p, const char *name)
{
	if (p->line->flow)
		fprintf(p->out, "%s%s: ", p->keys == 0 ? "{" : ", ", name);
	else {
		if (p->keys > 0)
			fputc('\n', p->out);
		begin_line(p);
		fprintf(p->out, "%s: ", name);
	}
	p->keys++;
}

static void quoted(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++)
		fprintf(out, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	fputc('"', out);
}

/* Does it stand for itself in YAML, also within brackets? */
static bool plain(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == strlen(s) &&
	       *s != '-' && strcmp(s, "any") != 0;
}

static void text(FILE *out, const char *s)
{
	if (plain(s))
		fputs(s, out);
	else
		quoted(out, s);
}

/* Texts in the order of the alphabet, so that the same traffic gives the same file. */
static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void texts_of(const struct page *p, uint32_t set, bool quote)
{
	const struct cover_set *s = &p->c->sets[set];
	const char **v = cover_alloc(NULL, s->n + 1, sizeof(*v));

	for (uint32_t i = 0; i < s->n; i++)
		v[i] = p->c->texts[s->v[i].lo];
	qsort(v, s->n, sizeof(*v), by_text);
	fputc('[', p->out);
	for (uint32_t i = 0; i < s->n; i++) {
		fputs(i ? ", " : "", p->out);
		if (quote)
			quoted(p->out, v[i]);
		else
			text(p->out, v[i]);
	}
	fputc(']', p->out);
	free(v);
}

static void numbers(const struct page *p, uint32_t set)
{
	const struct cover_set *s = &p->c->sets[set];

	if (set == COVER_ANY || set == COVER_NOTHING) {
		fputs("any", p->out);
		return;
	}
	fputc('[', p->out);
	for (uint32_t i = 0; i < s->n; i++)
		fprintf(p->out, s->v[i].lo == s->v[i].hi ? "%s%" PRId64 : "%s%" PRId64 "..%" PRId64,
			i ? ", " : "", s->v[i].lo, s->v[i].hi);
	fputc(']', p->out);
}

static void functions(const struct page *p, const struct cover_box *b)
{
	const struct proto *proto = proto_get((unsigned)b->proto);
	const struct cover_set *s = &p->c->sets[b->set[DIM_FUNCTIONS]];

	fputc('[', p->out);
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t k = (uint32_t)s->v[i].lo;
		const struct vocab_function *f = proto_function(proto, k);
		fputs(i ? ", " : "", p->out);
		if (f != NULL && f->lo == f->hi)
			fputs(f->name, p->out);
		else
			fprintf(p->out, "%u/%u", k >> 16, k & 0xffff);
	}
	fputc(']', p->out);
}

static void addresses(const struct page *p, const struct cover_box *b)
{
	const struct proto *proto = proto_get((unsigned)b->proto);
	const struct cover_set *s = &p->c->sets[b->set[DIM_ADDRESSES]];
	char range[PROTO_RANGE_TEXT];
	int64_t space = -1;

	fputc('{', p->out);
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t code = (uint32_t)((uint64_t)s->v[i].lo >> 32);
		const struct vocab_space *sp = proto_space(proto, code);
		(void)proto_range_print(sp, (uint32_t)s->v[i].lo, (uint32_t)s->v[i].hi, range, sizeof(range));
		if (space != (int64_t)code)
			fprintf(p->out, "%s%s: [%s", space >= 0 ? "], " : "", sp->name, range);
		else
			fprintf(p->out, ", %s", range);
		space = code;
	}
	fputs("]}", p->out);
}

static void number_text(FILE *out, int64_t v, bool is_float)
{
	if (is_float)
		fprintf(out, "%.9g", op_double_of(v));
	else
		fprintf(out, "%" PRId64, v);
}

static void seen_values(FILE *out, const struct cover_box *b)
{
	if (b->values == SHAPE_VALUES_UNKNOWN || b->values == SHAPE_NO_VALUES) {
		fputs("values that the message does not tell", out);
		return;
	}
	number_text(out, b->min, b->values == SHAPE_FLOATS);
	if (b->min != b->max) {
		fputs("..", out);
		number_text(out, b->max, b->values == SHAPE_FLOATS);
	}
}

static void values(struct page *p, const struct cover_box *b)
{
	key(p, "values");
	if (p->line->review && (b->kind & KIND_CHANGES) != 0) {
		fputs("REVIEW", p->out);
		if (!p->line->flow) {
			fputs("  # seen ", p->out);
			seen_values(p->out, b);
		}
		return;
	}
	if (b->set[DIM_VALUES] == COVER_NOTHING)
		fputs("0",
		      p->out); /* it reads; what its function may also write is kept as small as can be */
	else
		numbers(p, b->set[DIM_VALUES]);
}

static void arguments(struct page *p, const struct cover_box *b, uint32_t flags)
{
	const struct proto *proto = proto_get((unsigned)b->proto);

	for (unsigned i = 0; proto->args != NULL && proto->args[i].key != NULL; i++) {
		const struct cover_set *s = &p->c->sets[b->set[DIM_ARGS + i]];
		if ((flags & FN_ARG(i)) == 0)
			continue;
		key(p, proto->args[i].key);
		if (s->n == 0) {
			fputs("any", p->out);
			continue;
		}
		fputc('[', p->out);
		for (uint32_t k = 0; k < s->n; k++) {
			const struct vocab_name *n = proto->args[i].names;
			while (n != NULL && n->name != NULL && n->value != s->v[k].lo)
				n++;
			fputs(k ? ", " : "", p->out);
			if (n != NULL && n->name != NULL && s->v[k].lo == s->v[k].hi)
				text(p->out, n->name);
			else
				fprintf(p->out,
					s->v[k].lo == s->v[k].hi ? "%" PRId64 : "%" PRId64 "..%" PRId64,
					s->v[k].lo, s->v[k].hi);
		}
		fputc(']', p->out);
	}
}

static void transport(struct page *p, const struct cover_box *b)
{
	const struct proto *proto = proto_get((unsigned)b->proto);
	bool own = false;

	if (b->ipproto == 17 && proto->transports != TRANSPORT_UDP) {
		key(p, "transport");
		fputs("[udp]", p->out);
	}
	for (unsigned i = 0; i < PROTO_PORTS_MAX && proto->ports[i] != 0; i++)
		own = own || proto->ports[i] == b->port;
	if (!own) {
		key(p, "ports");
		fprintf(p->out, "[%u]", b->port);
	}
}

static void inspected(struct page *p, const struct cover_box *b)
{
	const struct proto *proto = proto_get((unsigned)b->proto);
	uint32_t flags = cover_flags(p->c, b, NULL);
	const char *profile = p->line->profile;

	if (profile != NULL) {
		key(p, "use");
		fputs(profile, p->out);
		key(p, "read");
		fprintf(p->out, "[%s]", p->line->points);
	} else {
		key(p, "protocol");
		fputs(proto->name, p->out);
	}
	transport(p, b);
	if (proto->unit_key != NULL && (profile == NULL || (b->kind & KIND_STATION) == 0)) {
		key(p, proto->unit_key);
		numbers(p, b->set[DIM_UNITS]);
	}
	if (proto->origin_key != NULL) {
		key(p, proto->origin_key);
		numbers(p, b->set[DIM_ORIGINS]);
	}
	if (profile != NULL)
		return;
	key(p, "functions");
	functions(p, b);
	if ((flags & FN_RANGE) != 0) {
		key(p, "addresses");
		addresses(p, b);
	}
	if ((flags & FN_KEY) != 0 && proto->name_key != NULL) {
		key(p, proto->name_key);
		if (b->set[DIM_KEYS] == COVER_NOTHING)
			fputs("any", p->out);
		else
			texts_of(p, b->set[DIM_KEYS], true);
	}
	arguments(p, b, flags);
	if ((flags & FN_VALUES) != 0)
		values(p, b);
}

void cover_print_rule(const struct cover *c, const struct cover_box *b, const char *id,
		      const struct cover_line *line, FILE *out)
{
	struct page p = {.c = c, .line = line, .out = out};

	key(&p, "id");
	fputs(id, out);
	if (line->reason != NULL) {
		key(&p, "reason");
		quoted(out, line->reason);
	}
	for (const char *e = c->options.extra; e != NULL && *e != '\0';) {
		/* "owner: ops, ticket: 4711" goes in as it stands, key by key. */
		const char *colon = strchr(e, ':'), *end = e;
		char name[32];
		for (bool in = false; *end != '\0' && (in || *end != ','); end++)
			in ^= *end == '"';
		snprintf(name, sizeof(name), "%.*s", (int)(colon != NULL && colon < end ? colon - e : 0), e);
		key(&p, name);
		if (colon != NULL && colon < end)
			fprintf(out, "%.*s", (int)(end - colon - 1) - (int)strspn(colon + 1, " "),
				colon + 1 + strspn(colon + 1, " "));
		e = end + (*end == ',');
		e += strspn(e, " ");
	}
	key(&p, "clients");
	texts_of(&p, b->set[DIM_CLIENTS], false);
	key(&p, "servers");
	texts_of(&p, b->set[DIM_SERVERS], false);
	if (b->proto >= 0) {
		inspected(&p, b);
	} else {
		key(&p, b->ipproto == 6 ? "tcp" : b->ipproto == 17 ? "udp" : "icmp");
		numbers(&p, b->set[DIM_UNITS]);
	}
	fputs(line->flow ? "}" : "\n", out);
}

static const char *time_text(int64_t us, char buf[32])
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		strcpy(buf, "?");
	return buf;
}

void cover_print_evidence(const struct cover *c, const struct cover_box *b, unsigned indent, const char *lead,
			  FILE *out)
{
	char first[32], last[32];

	(void)c;
	fprintf(out, "%*s# %sseen %" PRIu64 " time%s", (int)indent, "", lead, b->count,
		b->count == 1 ? "" : "s");
	if (b->days > 0)
		fprintf(out, " on %u day%s", b->days, b->days == 1 ? "" : "s");
	fprintf(out, ", first %s, last %s", time_text(b->first_us, first), time_text(b->last_us, last));
	if ((b->kind & KIND_CHANGES) != 0 && b->values != SHAPE_NO_VALUES) {
		fputs(b->values == SHAPE_VALUES_UNKNOWN ? ", " : ", values ", out);
		seen_values(out, b);
	}
	fputc('\n', out);
}
