/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is proposed for a conduit, and what needs a person. */
#include <stdlib.h>
#include <string.h>

#include "rules/cover_inner.h"

#define PROFILE_SERVERS 3u /* so many of one shape become a profile */

static struct cover_box *add_box(struct cover *c)
{
	if (c->nboxes == c->boxes_cap) {
		c->boxes_cap = c->boxes_cap ? c->boxes_cap * 2 : 1024;
		c->boxes = cover_alloc(c->boxes, c->boxes_cap, sizeof(*c->boxes));
	}
	return &c->boxes[c->nboxes++];
}

/* On how many days each client was seen at all, by the number of its text. */
static uint32_t *client_days(struct cover *c)
{
	uint32_t *days = cover_alloc(NULL, c->ntexts + 1, sizeof(*days));

	memset(days, 0, (c->ntexts + 1) * sizeof(*days));
	for (size_t i = 0; i < c->nboxes; i++) {
		const struct cover_box *b = &c->boxes[i];
		int64_t at = c->sets[b->set[DIM_CLIENTS]].v[0].lo;
		days[at] = b->client_days > days[at] ? b->client_days : days[at];
	}
	return days;
}

static void gather(struct cover *c, unsigned conduit, struct cover_counts *counts)
{
	c->nboxes = 0;
	for (size_t i = 0; i < c->nshapes; i++) {
		const struct shape *s = &c->shapes[i];
		struct cover_box b;
		if (s->conduit != conduit)
			continue;
		counts->shapes++;
		if (shape_allowed(c->policy, s)) {
			counts->allowed++;
			continue;
		}
		(void)cover_box_of(c, s, &b);
		/* What is written has a bound from a person, not from what was seen. */
		if (b.doubt == COVER_WRITES && b.set[DIM_VALUES] != COVER_NOTHING)
			b.set[DIM_VALUES] = COVER_ANY;
		b.shape = i;
		*add_box(c) = b;
	}
	if (c->options.days > 1) {
		uint32_t *days = client_days(c);
		for (size_t i = 0; i < c->nboxes; i++) {
			struct cover_box *b = &c->boxes[i];
			if (days[c->sets[b->set[DIM_CLIENTS]].v[0].lo] >= c->options.days || c->options.all)
				continue;
			b->kind |= KIND_NEW;
			if (b->doubt == COVER_PROPOSED)
				b->doubt = COVER_NEW;
		}
		free(days);
	}
	cover_merge(c, c->boxes, c->nboxes);
	size_t n = 0;
	for (size_t i = 0; i < c->nboxes; i++)
		if (!c->boxes[i].gone)
			c->boxes[n++] = c->boxes[i];
	c->nboxes = n;
}

/* ---- an order that does not depend on that of the packets ---- */

static struct cover *sorting; /* qsort has no room for it */

static int set_cmp(uint32_t x, uint32_t y)
{
	const struct cover_set *a = &sorting->sets[x], *b = &sorting->sets[y];

	for (uint32_t i = 0; i < a->n && i < b->n; i++)
		if (a->v[i].lo != b->v[i].lo)
			return a->v[i].lo < b->v[i].lo ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n;
}

static int texts_cmp(uint32_t x, uint32_t y)
{
	const struct cover_set *a = &sorting->sets[x], *b = &sorting->sets[y];

	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		int k = strcmp(sorting->texts[a->v[i].lo], sorting->texts[b->v[i].lo]);
		if (k != 0)
			return k;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static int box_cmp(const void *x, const void *y)
{
	const struct cover_box *a = x, *b = y;
	int k;

	if (a->doubt != b->doubt)
		return a->doubt < b->doubt ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? 1 : -1;
	if ((k = texts_cmp(a->set[DIM_SERVERS], b->set[DIM_SERVERS])) != 0 ||
	    (k = texts_cmp(a->set[DIM_CLIENTS], b->set[DIM_CLIENTS])) != 0 ||
	    (k = (int)a->ipproto - (int)b->ipproto) != 0 || (k = (int)a->port - (int)b->port) != 0 ||
	    (k = (int)a->access - (int)b->access) != 0 ||
	    (k = set_cmp(a->set[DIM_FUNCTIONS], b->set[DIM_FUNCTIONS])) != 0 ||
	    (k = set_cmp(a->set[DIM_ADDRESSES], b->set[DIM_ADDRESSES])) != 0)
		return k;
	for (unsigned d = DIM_KEYS; d < DIMS; d++)
		if (d != DIM_CLIENTS && d != DIM_SERVERS && a->set[d] != b->set[d] &&
		    (k = set_cmp(a->set[d], b->set[d])) != 0)
			return k;
	return 0;
}

/* ---- ids ---- */

/* The first number so that ID-N and all behind it are free. */
static unsigned first_free(const struct cover *c, unsigned conduit)
{
	size_t len = strlen(c->options.id);
	struct policy_conduit at;
	struct policy_rule r;
	unsigned n = 1;

	if (!policy_conduit_get(c->policy, conduit, &at))
		return 1;
	for (unsigned i = at.first_rule; i < at.first_rule + at.nrules; i++) {
		if (!policy_rule_get(c->policy, i, &r) || strncmp(r.id, c->options.id, len) != 0 ||
		    r.id[len] != '-')
			continue;
		unsigned long k = strtoul(r.id + len + 1, NULL, 10);
		if (k >= n && k < 1000000)
			n = (unsigned)k + 1;
	}
	return n;
}

/* ---- profiles ---- */

/* Reads of ranges and nothing else, of a protocol whose reading functions ask for nothing else. */
static bool foldable(const struct cover *c, const struct cover_box *b)
{
	if (b->doubt != COVER_PROPOSED || b->proto < 0 || b->access != ACCESS_READ || b->kind & KIND_VALUES ||
	    (b->kind & KIND_RANGE) == 0 || b->set[DIM_KEYS] != COVER_NOTHING ||
	    c->sets[b->set[DIM_SERVERS]].n < PROFILE_SERVERS)
		return false;
	for (unsigned d = DIM_ARGS; d < DIMS; d++)
		if (b->set[d] != COVER_NOTHING)
			return false;
	for (const struct vocab_function *f = proto_get((unsigned)b->proto)->functions; f->name; f++)
		if ((f->flags & (FN_OPAQUE | FN_GROUP)) == 0 && (f->flags & (FN_ARGS | FN_KEY)) != 0 &&
		    ((f->flags & FN_SESSION) != 0 ||
		     ((f->flags & FN_RANGE) != 0 && (f->access >> ACCESS_READ & 1) != 0)))
			return false;
	return true;
}

static bool folds_with(const struct cover_box *a, const struct cover_box *b)
{
	return a->proto == b->proto && a->port == b->port && a->ipproto == b->ipproto && a->kind == b->kind &&
	       a->set[DIM_SERVERS] == b->set[DIM_SERVERS] && a->set[DIM_CLIENTS] == b->set[DIM_CLIENTS] &&
	       a->set[DIM_UNITS] == b->set[DIM_UNITS] && a->set[DIM_ORIGINS] == b->set[DIM_ORIGINS];
}

/* Writes the points of one box; their names go to points. */
static void write_points(const struct cover *c, const struct cover_box *b, unsigned *n, FILE *profiles,
			 FILE *points)
{
	const struct proto *p = proto_get((unsigned)b->proto);
	const struct cover_set *s = &c->sets[b->set[DIM_ADDRESSES]];
	char range[PROTO_RANGE_TEXT];

	for (uint32_t i = 0; i < s->n; i++) {
		const struct vocab_space *sp = proto_space(p, (uint32_t)((uint64_t)s->v[i].lo >> 32));
		(void)proto_range_print(sp, (uint32_t)s->v[i].lo, (uint32_t)s->v[i].hi, range, sizeof(range));
		fprintf(profiles, "      p%u: %s %s\n", ++*n, sp->name, range);
		fprintf(points, "%sp%u", *n > 1 ? ", " : "", *n);
	}
}

static void write_profile(struct cover *c, size_t at, const char *id, const char *conduit, unsigned indent,
			  FILE *out, FILE *profiles)
{
	struct cover_box *b = &c->boxes[at], sum = *b;
	char name[64], *points = NULL;
	size_t len = 0;
	unsigned n = 0;
	FILE *list = open_memstream(&points, &len);

	snprintf(name, sizeof(name), "%.40s-%u", conduit, ++c->profiles);
	fprintf(profiles, "  %s:  # what %u servers have in common\n    protocol: %s\n    points:\n", name,
		c->sets[b->set[DIM_SERVERS]].n, proto_get((unsigned)b->proto)->name);
	for (size_t i = at; i < c->nboxes; i++) {
		struct cover_box *o = &c->boxes[i];
		if (o->gone || !foldable(c, o) || !folds_with(b, o))
			continue;
		if (i != at) {
			sum.count += o->count;
			sum.first_us = o->first_us < sum.first_us ? o->first_us : sum.first_us;
			sum.last_us = o->last_us > sum.last_us ? o->last_us : sum.last_us;
			sum.days = o->days > sum.days ? o->days : sum.days;
		}
		write_points(c, o, &n, profiles, list);
		o->gone = true;
	}
	fclose(list);
	struct cover_line line = {.indent = indent,
				  .reason = "Learned",
				  .profile = name,
				  .points = points != NULL ? points : ""};
	cover_print_evidence(c, &sum, indent, "", out);
	cover_print_rule(c, &sum, id, &line, out);
	free(points);
}

/* ---- one conduit ---- */

/* What was seen and cannot be said: as logs print it. */
static void write_unsayable(struct cover *c, const struct cover_box *b, unsigned indent, FILE *out)
{
	static struct shape_op op;
	const struct shape *s = &c->shapes[b->shape];
	const struct proto *p = s->proto >= 0 ? proto_get((unsigned)s->proto) : NULL;
	char line[600], client[64], server[64];

	shape_op(s, true, &op);
	if (p != NULL)
		op_print(&op.op, p, 1, line, sizeof(line));
	else
		snprintf(line, sizeof(line), "protocol %u port %u", s->ipproto, s->port);
	fprintf(out, "%*s#\n%*s# # %s: %s -> %s:%u %s\n", (int)indent, "", (int)indent, "",
		cover_doubt_text(COVER_UNSAYABLE), cover_end(c->policy, s->client, -1, client),
		cover_end(c->policy, s->server, -1, server), s->port, line);
	cover_print_evidence(c, b, indent, "# ", out);
}

void cover_write(struct cover *c, unsigned conduit, unsigned indent, FILE *out, FILE *profiles,
		 struct cover_counts *counts)
{
	struct cover_counts mine = {0};
	struct policy_conduit at;
	unsigned number;
	char id[64];
	int doubt = COVER_PROPOSED;

	if (counts == NULL)
		counts = &mine;
	if (!policy_conduit_get(c->policy, conduit, &at))
		at.name = "learned";
	gather(c, conduit, counts);
	sorting = c;
	if (c->nboxes > 0)
		qsort(c->boxes, c->nboxes, sizeof(*c->boxes), box_cmp);
	number = first_free(c, conduit);
	for (size_t i = 0; i < c->nboxes; i++) {
		const struct cover_box *b = &c->boxes[i];
		if (b->gone)
			continue;
		snprintf(id, sizeof(id), "%.40s-%u", c->options.id, number++);
		if (profiles != NULL && foldable(c, b)) {
			counts->rules++;
			counts->profiles++;
			write_profile(c, i, id, at.name, indent, out, profiles);
			continue;
		}
		if (b->doubt != COVER_PROPOSED && doubt == COVER_PROPOSED)
			fprintf(out,
				"%*s# ---- needs a person: take the \"# \" away from each rule that is right ----\n",
				(int)indent, "");
		doubt = b->doubt;
		struct cover_line line = {.indent = indent,
					  .reason = "Learned",
					  .comment = doubt != COVER_PROPOSED,
					  .review = doubt == COVER_WRITES};
		if (b->doubt == COVER_UNSAYABLE) {
			number--;
			write_unsayable(c, b, indent, out);
			counts->doubts++;
			continue;
		}
		if (line.comment) {
			fprintf(out, "%*s#\n%*s# # needs a person: %s%s%s\n", (int)indent, "", (int)indent,
				"", cover_doubt_text((enum cover_doubt)doubt),
				b->kind & KIND_NEW && doubt != COVER_NEW ? "; and " : "",
				b->kind & KIND_NEW && doubt != COVER_NEW ? cover_doubt_text(COVER_NEW) : "");
			cover_print_evidence(c, b, indent, "# ", out);
			counts->doubts++;
		} else {
			cover_print_evidence(c, b, indent, "", out);
			counts->rules++;
		}
		cover_print_rule(c, b, id, &line, out);
	}
}

char *cover_rule(const struct policy *p, const struct shape *s, const char *id, const char *reason,
		 const char *extra, enum cover_doubt *why)
{
	struct cover_options o = {.extra = extra};
	struct cover *c = cover_new(p, &o);
	struct cover_line line = {.flow = true, .reason = reason};
	struct cover_box b;
	char *text = NULL;
	size_t len = 0;
	bool good = cover_box_of(c, s, &b);

	if (why != NULL)
		*why = (enum cover_doubt)b.doubt;
	if (good) {
		FILE *f = open_memstream(&text, &len);
		cover_print_rule(c, &b, id, &line, f);
		if (fclose(f) != 0) {
			free(text);
			text = NULL;
		}
	}
	cover_free(c);
	return text;
}
