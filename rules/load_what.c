/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule speaks of: functions, addresses, points of a profile. */
#include <stdlib.h>
#include <string.h>

#include "rules/load_rule.h"
#include "rules/scalar.h"
#include "rules/sets.h"

/* ---- which functions ---- */

static void take_function(struct making *m, const struct vocab_function *f)
{
	m->flags |= f->flags;
	m->all_access |= f->access;
}

/* 16, 8/1, 90, 90/0x10. */
static bool function_number(struct making *m, struct node *n, struct intervals *out)
{
	struct arena *a = m->l->arena;
	const char *slash = strchr(n->text, '/'), *why;
	const char *code = slash ? arena_text(a, n->text, (size_t)(slash - n->text)) : n->text;
	int64_t fn, sub = -1, lo, hi;
	bool found = false, subs = false;

	if ((why = scalar_int(a, code, 0, 0xffff, true, &fn)) ||
	    (slash && (why = scalar_int(a, slash + 1, 0, 0xffff, true, &sub)))) {
		diag_error(m->l->diag, n->pos, "%s", why);
		return false;
	}
	lo = fn << 16 | (slash ? sub : 0);
	hi = fn << 16 | (slash ? sub : 0xffff);
	/* A group's access is that of all its members: of a single sub-function only its own entry speaks, where it has one. */
	for (unsigned groups = 0; groups < 2 && !(found && slash); groups++)
		for (const struct vocab_function *f = m->p->functions; f->name; f++) {
			if ((int64_t)f->lo > hi || (int64_t)f->hi < lo || !(f->flags & FN_GROUP) != !groups)
				continue;
			found = true;
			subs = subs || f->lo != f->hi || f->lo & 0xffff;
			take_function(m, f);
		}
	if (!found) {
		diag_error(m->l->diag, n->pos, "%s has no function %s", m->p->name, n->text);
		return false;
	}
	set_add(a, out, lo, subs ? hi : lo);
	return true;
}

static bool function_name(struct making *m, struct node *n, struct intervals *out)
{
	const struct vocab_function *f = proto_function_find(m->p, n->text, strlen(n->text));

	if (f) {
		/* A group's name stands for what it holds but the opaque ones; those need their own name. */
		struct intervals set = {0}, opaque = {0};

		set_add(m->l->arena, &set, f->lo, f->hi);
		for (const struct vocab_function *o = m->p->functions; o->name && !(f->flags & FN_OPAQUE);
		     o++) {
			if (o->lo < f->lo || o->hi > f->hi)
				continue;
			if (o->flags & FN_OPAQUE)
				set_add(m->l->arena, &opaque, o->lo, o->hi);
			else
				take_function(m, o);
		}
		set_normalise(&opaque);
		set = set_subtract(m->l->arena, &set, &opaque);
		for (size_t i = 0; i < set.n; i++)
			set_add(m->l->arena, out, set.v[i].lo, set.v[i].hi);
		take_function(m, f);
		return true;
	}
	struct near near = {.text = n->text};
	for (f = m->p->functions; f->name; f++)
		schema_nearer(&near, f->name);
	diag_error(m->l->diag, n->pos, "%s has no function \"%s\"%s", m->p->name, n->text,
		   schema_hint(m->l->arena, near.best));
	return false;
}

bool load_rule_functions(struct making *m)
{
	struct node *list = load_get(m->n, "functions");
	struct intervals *out = &m->r->functions;
	bool good = true;

	if (!list)
		return false;
	if (list->set.any) {
		struct intervals opaque = {0};

		for (const struct vocab_function *f = m->p->functions; f->name; f++) {
			set_add(m->l->arena, f->flags & FN_OPAQUE ? &opaque : out, f->lo, f->hi);
			if (!(f->flags & FN_OPAQUE))
				take_function(m, f);
		}
		set_normalise(out);
		set_normalise(&opaque);
		*out = set_subtract(m->l->arena, out, &opaque);
		return true;
	}
	for (struct node *n = list->kind == NODE_LIST ? list->first : list; n; n = n->next) {
		if (n->text[0] >= '0' && n->text[0] <= '9')
			good = function_number(m, n, out) && good;
		else
			good = function_name(m, n, out) && good;
		if (list->kind != NODE_LIST)
			break;
	}
	set_normalise(out);
	return good;
}

/* ---- where ---- */

static void add_cell(struct making *m, const struct model_cell *c)
{
	m->r->cells = arena_more(m->l->arena, m->r->cells, m->r->ncells, sizeof(*m->r->cells));
	m->r->cells[m->r->ncells++] = *c;
}

static bool ranges_of(struct making *m, struct node *n, const struct vocab_space *s, struct intervals *out)
{
	bool good = true;

	if (n->kind == NODE_SCALAR && !strcmp(n->text, "any")) {
		set_add(m->l->arena, out, s->min, s->max);
		return true;
	}
	if (n->kind == NODE_MAP || (n->kind == NODE_LIST && !n->n)) {
		diag_error(m->l->diag, n->pos, "expected ranges such as [0..99], or `any`");
		return false;
	}
	for (struct node *i = n->kind == NODE_LIST ? n->first : n; i; i = i->next) {
		struct interval r;

		if (i->kind != NODE_SCALAR) {
			diag_error(m->l->diag, i->pos, "expected a range such as 0..99");
			good = false;
		} else if (load_addresses(m->l, i, i->text, s, 0, &r)) {
			set_add(m->l->arena, out, r.lo, r.hi);
		} else {
			good = false;
		}
		if (n->kind != NODE_LIST)
			break;
	}
	set_normalise(out);
	return good;
}

/* What `except` takes from one space. */
static bool except_of(struct making *m, struct node *except, const struct vocab_space *s,
		      struct intervals *out)
{
	if (!except)
		return true;
	if (except->kind != NODE_MAP)
		return ranges_of(m, except, s, out);
	struct node *n = node_find(except, s->name);
	return !n || ranges_of(m, n, s, out);
}

static void cells_of(struct making *m, const struct vocab_space *s, const struct intervals *set)
{
	for (size_t i = 0; i < set->n; i++)
		add_cell(m, &(struct model_cell){.space = s->code,
						 .first = (uint32_t)set->v[i].lo,
						 .last = (uint32_t)set->v[i].hi,
						 .read = true,
						 .write = true,
						 .bounded = m->r->values_bounded,
						 .values = m->r->values});
}

static int by_cell(const void *a, const void *b)
{
	const struct model_cell *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (int)x->write - (int)y->write;
}

void load_rule_cells(struct making *m)
{
	struct node *map = load_get(m->n, "addresses");

	if (!map)
		return;
	if (map->set.any) {
		for (const struct vocab_space *s = m->p->spaces; s && s->name; s++) {
			struct intervals all = {0};

			set_add(m->l->arena, &all, s->min, s->max);
			cells_of(m, s, &all);
		}
	}
	struct node *except = map->set.any ? NULL : node_find(map, "except");
	for (struct node *n = except && except->kind == NODE_MAP ? except->first : NULL; n; n = n->next)
		if (load_space(m->l, n->key, m->p, n->key->text) && !node_find(map, n->key->text))
			diag_error(m->l->diag, n->key->pos,
				   "`except` takes from \"%s\", which the rule does not name", n->key->text);
	for (struct node *n = map->set.any ? NULL : map->first; n; n = n->next) {
		const struct vocab_space *s;
		struct intervals set = {0}, less = {0};

		if (n == except)
			continue;
		s = load_space(m->l, n->key, m->p, n->key->text);
		if (!s || !ranges_of(m, n, s, &set) || !except_of(m, except, s, &less))
			continue;
		set = set_subtract(m->l->arena, &set, &less);
		if (!set.n)
			diag_error(m->l->diag, n->key->pos, "`except` leaves nothing of \"%s\"", s->name);
		cells_of(m, s, &set);
	}
	if (except && map->n == 1)
		diag_error(m->l->diag, map->pos, "`except` alone names no addresses");
	if (m->r->ncells)
		qsort(m->r->cells, m->r->ncells, sizeof(*m->r->cells), by_cell);
}

/* ---- a profile's points ---- */

static const struct point *find_point(struct making *m, const struct profile *p, struct node *n)
{
	struct near near = {.text = n->text};

	for (size_t i = 0; i < p->npoints; i++)
		if (!strcmp(p->points[i].name, n->text))
			return &p->points[i];
	for (size_t i = 0; i < p->npoints; i++)
		schema_nearer(&near, p->points[i].name);
	diag_error(m->l->diag, n->pos, "profile \"%s\" has no point \"%s\"%s", p->name, n->text,
		   schema_hint(m->l->arena, near.best));
	return NULL;
}

/*
 * Adds a point's cells for one access. Two points that share addresses: of two that are written, one would lift the other's
 * bound; of two typed ones, the cut would be doubtful; reading untyped ones twice is harmless and the second is trimmed.
 */
static void point_cells(struct making *m, const struct point *p, struct node *n, bool write)
{
	size_t before = m->r->ncells;

	for (size_t i = 0; i < p->ncells; i++) {
		struct intervals left = {0}, taken = {0};
		struct model_cell c = p->cells[i];

		for (size_t j = 0; j < before; j++) {
			const struct model_cell *o = &m->r->cells[j];

			if (o->write != write || o->space != c.space || o->last < c.first ||
			    o->first > c.last)
				continue;
			if (write || (o->type != TYPE_RAW && c.type != TYPE_RAW)) {
				const struct vocab_space *s = proto_space(m->p, c.space);
				char both[PROTO_RANGE_TEXT];

				(void)proto_range_print(s, o->first > c.first ? o->first : c.first,
							o->last < c.last ? o->last : c.last, both,
							sizeof(both));
				diag_error(m->l->diag, n->pos,
					   "points \"%s\" and \"%s\" overlap: %s %s is in both", p->name,
					   o->point, s->name, both);
				return;
			}
			set_add(m->l->arena, &taken, o->first, o->last);
		}
		set_normalise(&taken);
		set_add(m->l->arena, &left, c.first, c.last);
		left = set_subtract(m->l->arena, &left, &taken);
		c.read = !write;
		c.write = write;
		if (!write) {
			c.bounded = false;
			c.values = (struct intervals){0};
		}
		for (size_t j = 0; j < left.n; j++) {
			c.first = (uint32_t)left.v[j].lo;
			c.last = (uint32_t)left.v[j].hi;
			add_cell(m, &c);
		}
	}
}

static void points_of(struct making *m, const struct profile *p, const char *key, enum access access)
{
	bool write = access != ACCESS_READ;
	struct node *list = load_get(m->n, key);

	if (!list)
		return;
	for (struct node *n = list->kind == NODE_LIST ? list->first : list; n; n = n->next) {
		const struct point *pt = find_point(m, p, n);
		bool twice = false;

		for (struct node *o = list->kind == NODE_LIST ? list->first : n; o != n; o = o->next)
			twice = twice || !strcmp(o->text, n->text);
		if (twice) {
			diag_error(m->l->diag, n->pos, "point \"%s\" is in this list twice", n->text);
		} else if (pt && !pt->bad && write && !proto_space(m->p, pt->cells[0].space)->writable) {
			diag_error(m->l->diag, n->pos, "point \"%s\" cannot be written: %s is read only",
				   pt->name, proto_space(m->p, pt->cells[0].space)->name);
		} else if (pt && !pt->bad && write && !pt->has_values) {
			diag_error(
				m->l->diag, n->pos,
				"point \"%s\" has no \"values\" in profile \"%s\" (%s): say what may be written; "
				"`any` must be written",
				pt->name, p->name, diag_where(m->l->diag, pt->pos));
		} else if (pt && !pt->bad) {
			point_cells(m, pt, n, write);
		}
		if (list->kind != NODE_LIST)
			break;
	}
	m->r->access |= 1u << access;
}

void load_rule_profile(struct making *m)
{
	const struct section *const sections[] = {&m->l->profiles, NULL};
	struct node *use = load_get(m->n, "use");
	struct entry *e = use ? load_find(&m->l->profiles, use->text) : NULL;

	const struct node *write = node_find(m->n, "write"), *operate = node_find(m->n, "operate");

	if (!node_find(m->n, "read") && !write && !operate)
		diag_error(
			m->l->diag, m->r->pos,
			"a rule with a profile needs \"read\", \"write\" or \"operate\", with points of the profile");
	/* Their functions and addresses would be one rule's: what may be written could be operated. */
	if (write && operate)
		diag_error(m->l->diag, operate->key->pos,
			   "\"write\" and \"operate\" do not go together: make two rules of it");
	if (use && !e)
		load_unknown(m->l, use, "profile", use->text, sections);
	if (!e || !e->made)
		return;
	const struct profile *p = e->made;
	m->p = proto_get((unsigned)p->proto);
	m->r->proto = p->proto;
	points_of(m, p, "read", ACCESS_READ);
	points_of(m, p, "write", ACCESS_WRITE);
	points_of(m, p, "operate", ACCESS_OPERATE);
	if (m->r->ncells)
		qsort(m->r->cells, m->r->ncells, sizeof(*m->r->cells), by_cell);
	for (const struct vocab_function *f = m->p->functions; f->name; f++) {
		bool points = f->flags & FN_RANGE && f->access & m->r->access;

		if (f->flags & (FN_OPAQUE | FN_GROUP | FN_NAMED) || !(points || f->flags & FN_SESSION))
			continue;
		set_add(m->l->arena, &m->r->functions, f->lo, f->hi);
		m->flags |= f->flags;
	}
	set_normalise(&m->r->functions);
	m->all_access = m->r->access;
	if (m->flags & FN_SESSION)
		m->r->access |= 1u << ACCESS_SESSION;
}
