/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Warnings: what compiles and is likely not meant. */
#include <stdlib.h>
#include <string.h>

#include "rules/load.h"
#include "rules/load_near.h"
#include "rules/scalar.h"
#include "rules/sets.h"

#define DAY  INT64_C(86400000000)
#define HOUR INT64_C(3600000000)

/* ---- one rule contained in another ---- */

static bool values_within(const struct model_cell *in, const struct model_cell *out)
{
	if (!out->bounded)
		return true;
	return in->bounded && in->type == out->type && in->word_swap == out->word_swap &&
	       set_within(&in->values, &out->values);
}

/* Is every address of a cell in cells of the other rule that allow at least as much? */
static bool cell_within(const struct model_cell *in, const struct model_rule *outer, bool write)
{
	int64_t next = in->first;

	for (size_t i = 0; i < outer->ncells && next <= in->last; i++) {
		const struct model_cell *o = &outer->cells[i];

		if (o->space != in->space || (write ? !o->write : !o->read) || o->first > next ||
		    o->last < next)
			continue;
		if (write && !values_within(in, o))
			return false;
		next = (int64_t)o->last + 1;
	}
	return next > in->last;
}

static bool cells_within(const struct model_rule *inner, const struct model_rule *outer)
{
	for (size_t i = 0; i < inner->ncells; i++) {
		const struct model_cell *c = &inner->cells[i];

		if (c->read && inner->access & 1u << ACCESS_READ && !cell_within(c, outer, false))
			return false;
		if (c->write && inner->access & 1u << ACCESS_WRITE && !cell_within(c, outer, true))
			return false;
	}
	return true;
}

static bool args_within(const struct model_rule *inner, const struct model_rule *outer)
{
	for (size_t i = 0; i < outer->nargs; i++) {
		bool held = false;

		for (size_t j = 0; j < inner->nargs && !held; j++)
			held = inner->args[j].name == outer->args[i].name &&
			       set_within(&inner->args[j].values, &outer->args[i].values);
		if (!held)
			return false;
	}
	return true;
}

/* Equal lists only: a prefix that holds another's names is not looked for, for this is a warning. */
static bool names_within(const struct model_rule *inner, const struct model_rule *outer)
{
	if (outer->names_any)
		return true;
	if (inner->names_any || inner->nnames != outer->nnames)
		return false;
	for (size_t i = 0; i < inner->nnames; i++)
		if (strcmp(inner->names[i], outer->names[i]))
			return false;
	return true;
}

static bool limited(const struct model_rule *r)
{
	return r->rate.max || r->when.days || r->until_us != INT64_MAX || r->unlock_max_us;
}

static bool rule_within(const struct model_rule *inner, const struct model_rule *outer)
{
	if (inner->lane != outer->lane || limited(outer) || !ends_within(&inner->clients, &outer->clients) ||
	    !ends_within(&inner->servers, &outer->servers))
		return false;
	if (inner->lane == LANE_KERNEL)
		return set_within(&inner->tcp, &outer->tcp) && set_within(&inner->udp, &outer->udp) &&
		       set_within(&inner->icmp, &outer->icmp);
	return inner->proto == outer->proto && !(inner->transports & ~outer->transports) &&
	       set_within(&inner->ports, &outer->ports) && set_within(&inner->units, &outer->units) &&
	       set_within(&inner->origins, &outer->origins) &&
	       set_within(&inner->functions, &outer->functions) && !(inner->access & ~outer->access) &&
	       !(inner->options & ~outer->options) && cells_within(inner, outer) &&
	       args_within(inner, outer) && names_within(inner, outer);
}

/* ---- two rules that look as if they were one ---- */

/* May both allow the same function of the same station between the same ends? */
static bool side_by_side(const struct model_rule *x, const struct model_rule *y)
{
	return x->lane == LANE_INSPECTED && y->lane == LANE_INSPECTED && x->proto == y->proto &&
	       (x->transports & y->transports) && ends_meet(&x->clients, &y->clients, false) &&
	       ends_meet(&x->servers, &y->servers, true) && set_meets(&x->ports, &y->ports) &&
	       set_meets(&x->units, &y->units) && set_meets(&x->origins, &y->origins) &&
	       set_meets(&x->functions, &y->functions);
}

/*
 * A range of x ends where one of y begins: what spans both is in neither, because different rules never merge. Returns the
 * range on x's side of the seam.
 */
static const struct model_cell *adjacent(const struct model_rule *x, const struct model_rule *y,
					 const struct model_cell **other)
{
	for (size_t i = 0; i < x->ncells; i++)
		for (size_t j = 0; j < y->ncells; j++) {
			const struct model_cell *c = &x->cells[i], *d = &y->cells[j];
			bool read = c->read && d->read && x->access & y->access & 1u << ACCESS_READ;
			bool write = c->write && d->write && x->access & y->access & 1u << ACCESS_WRITE;

			if (c->space != d->space || !(read || write) || (int64_t)c->last + 1 != d->first)
				continue;
			/* One of the two may hold the other side as well. */
			if (cell_within(d, x, !read) || cell_within(c, y, !read))
				continue;
			*other = d;
			return c;
		}
	return NULL;
}

static const char *address_text(struct load *l, const struct model_rule *r, uint32_t space, uint32_t at)
{
	char text[PROTO_RANGE_TEXT];

	(void)proto_range_print(proto_space(proto_get((unsigned)r->proto), space), at, at, text,
				sizeof(text));
	return arena_text(l->arena, text, strlen(text));
}

/* Tells once that rule i is held by another, and of every rule that it meets. */
static void warn_rule(struct load *l, const struct model_conduit *c, struct near_index *near, size_t i)
{
	const struct model_rule *x = &c->rules[i];
	uint32_t found[NEAR_MAX];
	size_t n = near_find(near, i, found);
	bool held = false;

	for (size_t k = 0; k < n; k++) {
		const struct model_rule *y = &c->rules[found[k]];
		const struct model_cell *one, *two;
		bool within = rule_within(x, y);

		if (within && !held && (i > found[k] || !rule_within(y, x))) {
			diag_warn(l->diag, x->pos,
				  "rule \"%s/%s\" allows nothing that rule \"%s\" (line %u) does not",
				  c->name, x->id, y->id, y->pos.line);
			held = true;
		}
		if (within || !side_by_side(x, y) || rule_within(y, x) || !(one = adjacent(x, y, &two)))
			continue;
		diag_warn(
			l->diag, (i > found[k] ? x : y)->pos,
			"rules \"%s\" and \"%s\" of conduit \"%s\" meet at %s %s and %s: what spans both is allowed by neither; put the ranges "
			"into one rule if it should pass",
			x->id, y->id, c->name, proto_space(proto_get((unsigned)x->proto), one->space)->name,
			address_text(l, x, one->space, one->last),
			address_text(l, x, two->space, two->first));
	}
}

static void warn_pairs(struct load *l, const struct model_conduit *c)
{
	if (c->nrules < 2)
		return;
	struct near_index *near = near_index_new(l, c);
	for (size_t i = 0; i < c->nrules; i++)
		warn_rule(l, c, near, i);
}

/* ---- single rules and conduits ---- */

/* Does it take every client, or server, that the conduit has, where that is a whole zone? */
static bool whole(const struct model_ends *e, const struct model_ends *of)
{
	bool nets = false;

	for (size_t i = 0; i < e->n; i++)
		for (size_t j = 0; j < e->v[i].addrs.n; j++)
			nets = nets || (!e->v[i].host && e->v[i].addrs.v[j].plen < 128);
	return nets && ends_within(of, e);
}

static void warn_dates(struct load *l, const struct model_conduit *c, const struct model_rule *r)
{
	int64_t review, left;

	if (r->review && !scalar_date(l->arena, r->review, &review) && l->now_us >= review + DAY)
		diag_warn(l->diag, r->pos, "rule \"%s/%s\" should have been reviewed by %s", c->name, r->id,
			  r->review);
	if (r->until_us == INT64_MAX)
		return;
	left = r->until_us - l->now_us;
	if (left <= 0)
		diag_warn(l->diag, r->pos, "rule \"%s/%s\" has ended", c->name, r->id);
	else if (left <= DAY)
		diag_warn(l->diag, r->pos, "rule \"%s/%s\" ends within 24 hours (in %lld h)", c->name, r->id,
			  (long long)(left / HOUR));
	else if (left <= 7 * DAY)
		diag_warn(l->diag, r->pos, "rule \"%s/%s\" ends within 7 days (in %lld d)", c->name, r->id,
			  (long long)(left / DAY));
}

static const char *level_text(struct arena *a, int level)
{
	return level % 10 ? arena_print(a, "%d.%d", level / 10, level % 10)
			  : arena_print(a, "%d", level / 10);
}

static void warn_level(struct load *l, const struct model_conduit *c)
{
	const struct model_zone *to = &l->model->zones[c->to];

	for (size_t i = 0; i < c->from.n; i++)
		for (int64_t z = c->from.v[i].lo; z <= c->from.v[i].hi; z++) {
			const struct model_zone *from = &l->model->zones[z];

			if (from->level < 0 || to->level < 0 || abs(from->level - to->level) <= 10)
				continue;
			diag_warn(l->diag, c->pos,
				  "conduit \"%s\" skips a level: from \"%s\" (%s) to \"%s\" (%s)", c->name,
				  from->name, level_text(l->arena, from->level), to->name,
				  level_text(l->arena, to->level));
		}
}

void load_warnings(struct load *l)
{
	for (size_t i = 0; i < l->model->nconduits; i++) {
		const struct model_conduit *c = &l->model->conduits[i];
		bool tcp = false;

		warn_level(l, c);
		for (size_t j = 0; j < c->nrules; j++) {
			const struct model_rule *r = &c->rules[j];

			tcp = tcp || (r->lane == LANE_INSPECTED && r->transports & TRANSPORT_TCP);
			warn_dates(l, c, r);
			/* In learn mode everything passes anyway. */
			if (c->mode != MODE_LEARN && whole(&r->clients, &c->clients) &&
			    whole(&r->servers, &c->servers))
				diag_warn(
					l->diag, r->pos,
					"rule \"%s/%s\" is an any-any rule: every client of a zone may reach every server of "
					"another",
					c->name, r->id);
		}
		if (c->lane == LANE_INSPECTED && c->on_deny_given && c->on_deny == DENY_DROP && tcp)
			diag_warn(
				l->diag, c->pos,
				"conduit \"%s\" drops on TCP: the client repeats what is denied, and every poll behind it "
				"stalls; reset is better",
				c->name);
		warn_pairs(l, c);
	}
}
