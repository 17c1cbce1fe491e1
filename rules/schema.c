/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/schema.h"

#include <stdlib.h>
#include <string.h>

#include "rules/scalar.h"
#include "rules/sets.h"

#define NEAR_MAX 40

struct check {
	struct arena *arena;
	struct diag *diag;
	bool good;
};

static void wrong(struct check *c, struct node *n, const char *why)
{
	diag_error(c->diag, n->pos, "%s", why);
	n->bad = true;
	c->good = false;
}

/* ---- near words ---- */

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static unsigned edits(const char *a, const char *b)
{
	unsigned d[3][NEAR_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > NEAR_MAX || nb > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			now[j] = best;
		}
	}
	return d[na % 3][nb];
}

void schema_nearer(struct near *n, const char *word)
{
	size_t len = strlen(n->text);
	unsigned limit = len <= 3 ? 1 : len <= 6 ? 2 : 3, e = edits(n->text, word);

	if (e > limit || e >= strlen(word) || (n->best && e >= n->distance))
		return;
	n->best = word;
	n->distance = e;
}

const char *schema_near(const char *text, const char *const *words)
{
	struct near n = {.text = text};

	for (; *words; words++)
		schema_nearer(&n, *words);
	return n.best;
}

const char *schema_hint(struct arena *a, const char *near)
{
	return near ? arena_print(a, "; did you mean \"%s\"?", near) : "";
}

/* ---- values ---- */

static const char *kind_text(const struct node *n)
{
	return n->kind == NODE_MAP ? "a map" : n->kind == NODE_LIST ? "a list" : "a word";
}

static const char *word_list(struct arena *a, const char *const *words)
{
	const char *s = words[0];

	for (size_t i = 1; words[i]; i++)
		s = arena_print(a, "%s%s%s", s, words[i + 1] ? ", " : " or ", words[i]);
	return s;
}

static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return -1;
}

static const char *check_text(struct arena *a, const char *s)
{
	if (!*s)
		return "this text is empty";
	if (strlen(s) > SCALAR_TEXT_MAX)
		return arena_print(a, "text is longer than %d octets", SCALAR_TEXT_MAX);
	return NULL;
}

/* A name, or PREFIXa..PREFIXb, or an address or network: which of them, the loader sees. */
static const char *check_member(struct arena *a, const char *s)
{
	struct model_net net;
	const char *dots = strstr(s, ".."), *why;

	if (scalar_is_net(s))
		return scalar_net(a, s, true, &net);
	if (!dots)
		return scalar_name(a, s);
	if ((why = scalar_name(a, arena_text(a, s, (size_t)(dots - s)))))
		return why;
	return scalar_name(a, dots + 2);
}

static const char *one_ethertype(struct check *c, const struct schema_key *k, struct node *n, int64_t *v)
{
	static const uint16_t carriers[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8,
					    0x9100, 0x8847, 0x8848, 0x8863, 0x8864};
	const char *why;

	*v = schema_ethertype(n->text);
	if (*v < 0 && n->text[0] != '0' && !(n->text[0] >= '1' && n->text[0] <= '9'))
		return arena_print(c->arena,
				   "expected an EtherType such as lldp, profinet or 0x88cc, found \"%s\"",
				   n->text);
	if (*v < 0 && (why = scalar_int(c->arena, n->text, k->min, k->max, true, v)))
		return why;
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (*v == carriers[i])
			return arena_print(c->arena, "%s carries IP, which only conduits let pass", n->text);
	return NULL;
}

/* One scalar of a list or on its own; adds to owner's num or set. */
static void check_item(struct check *c, const struct schema_key *k, struct node *n, struct node *owner)
{
	struct arena *a = c->arena;
	const char *why = NULL;
	struct interval r;
	int64_t v;
	int w;

	if (n->kind != NODE_SCALAR) {
		wrong(c, n, arena_print(a, "expected a word or number, found %s", kind_text(n)));
		owner->bad = true;
		return;
	}
	if (!strcmp(n->text, "any") && k->type != S_TEXTS)
		why = k->flags & S_ANY ? "`any` stands alone, not in a list"
				       : arena_print(a, "`any` cannot be written for \"%s\"", k->key);
	switch (why ? S_MAP : k->type) {
	case S_WORDS:
		if ((w = find_word(k->words, n->text)) < 0)
			why = arena_print(a, "\"%s\" is none of %s%s", n->text, word_list(a, k->words),
					  schema_hint(a, schema_near(n->text, k->words)));
		else
			owner->num |= INT64_C(1) << w;
		break;
	case S_TEXTS: why = check_text(a, n->text); break;
	case S_NAMES: why = check_member(a, n->text); break;
	case S_DAYS:
		if (!(why = scalar_days(a, n->text, &v)))
			owner->num |= v;
		break;
	case S_RANGES:
		if (!(why = scalar_range(a, n->text, k->min, k->max, false, &r)))
			set_add(a, &owner->set, r.lo, r.hi);
		break;
	case S_ICMP:
		if ((v = schema_icmp(n->text)) >= 0)
			set_add(a, &owner->set, v, v);
		else if (strspn(n->text, "0123456789") != strlen(n->text))
			why = arena_print(
				a,
				"expected an ICMP type such as echo, unreachable, time-exceeded or a number, found "
				"\"%s\"",
				n->text);
		else if (!(why = scalar_int(a, n->text, k->min, k->max, false, &v)))
			set_add(a, &owner->set, v, v);
		break;
	case S_ETHERTYPES:
		if (!(why = one_ethertype(c, k, n, &v)))
			set_add(a, &owner->set, v, v);
		break;
	case S_ADDRESSES: why = scalar_net(a, n->text, false, &n->net); break;
	case S_NETWORKS: why = scalar_net(a, n->text, true, &n->net); break;
	case S_PROTOCOLS:
		if ((w = proto_find(n->text, strlen(n->text))) < 0) {
			struct near near = {.text = n->text};

			for (unsigned i = 0; proto_get(i); i++)
				schema_nearer(&near, proto_get(i)->name);
			why = arena_print(a, "no protocol is called \"%s\"%s", n->text,
					  schema_hint(a, near.best));
		} else {
			owner->num |= INT64_C(1) << w;
		}
		break;
	case S_SPEC: why = check_text(a, n->text); break;
	default: break;
	}
	if (why) {
		wrong(c, n, why);
		owner->bad = true;
	}
}

static void check_list(struct check *c, const struct schema_key *k, struct node *n)
{
	if (n->kind == NODE_SCALAR) {
		if (k->flags & S_ANY && !strcmp(n->text, "any"))
			n->set.any = true;
		else
			check_item(c, k, n, n);
	} else if (n->kind == NODE_MAP) {
		wrong(c, n, arena_print(c->arena, "\"%s\" expects a list, found a map", k->key));
	} else if (!n->n) {
		wrong(c, n,
		      arena_print(c->arena, "this list is empty%s",
				  k->flags & S_ANY ? ": write `any` if everything is meant" : ""));
	} else {
		for (struct node *i = n->first; i; i = i->next)
			check_item(c, k, i, n);
	}
	set_normalise(&n->set);
}

static void check_scalar(struct check *c, const struct schema_key *k, struct node *n)
{
	struct arena *a = c->arena;
	const char *why = NULL;
	int w;

	if (n->kind != NODE_SCALAR) {
		wrong(c, n, arena_print(a, "\"%s\" expects one value, found %s", k->key, kind_text(n)));
		return;
	}
	if (!*n->text && !n->quoted) {
		wrong(c, n, arena_print(a, "\"%s\" has no value", k->key));
		return;
	}
	switch (k->type) {
	case S_BOOL:
		if (strcmp(n->text, "true") && strcmp(n->text, "false"))
			why = arena_print(a, "expected true or false, found \"%s\"", n->text);
		n->num = !strcmp(n->text, "true");
		break;
	case S_INT: why = scalar_int(a, n->text, k->min, k->max, false, &n->num); break;
	case S_LEVEL: why = scalar_level(a, n->text, &n->num); break;
	case S_WORD:
		w = find_word(k->words, n->text);
		if (w < 0)
			why = arena_print(a, "\"%s\" expects %s, found \"%s\"%s", k->key,
					  word_list(a, k->words), n->text,
					  schema_hint(a, schema_near(n->text, k->words)));
		n->num = w;
		break;
	case S_TEXT: why = check_text(a, n->text); break;
	case S_NAME: why = scalar_name(a, n->text); break;
	case S_DURATION: why = scalar_duration(a, n->text, k->min, k->max, &n->num); break;
	case S_RATE: why = scalar_rate(a, n->text, &n->rate); break;
	case S_TIME: why = scalar_time(a, n->text, &n->num); break;
	case S_DATE: why = scalar_date(a, n->text, &n->num); break;
	case S_BETWEEN: why = scalar_between(a, n->text, &n->num); break;
	case S_PROTOCOL:
		check_item(c, &(struct schema_key){.key = k->key, .type = S_PROTOCOLS}, n, n);
		if (!n->bad)
			n->num = proto_find(n->text, strlen(n->text));
		break;
	default: break;
	}
	if (why)
		wrong(c, n, why);
}

/* ---- maps ---- */

static void check_map(struct check *c, struct node *n, const struct schema_map *map);

enum protocol_key schema_protocol_key(const struct proto *p, const char *key, unsigned *index)
{
	if (p->unit_key && !strcmp(p->unit_key, key))
		return PROTOCOL_KEY_UNITS;
	if (p->origin_key && !strcmp(p->origin_key, key))
		return PROTOCOL_KEY_ORIGINS;
	if (p->name_key && !strcmp(p->name_key, key))
		return PROTOCOL_KEY_NAMES;
	for (unsigned i = 0; p->args && p->args[i].key; i++)
		if (!strcmp(p->args[i].key, key)) {
			*index = i;
			return PROTOCOL_KEY_ARG;
		}
	for (unsigned i = 0; p->options && p->options[i].key; i++)
		if (!strcmp(p->options[i].key, key)) {
			*index = i;
			return PROTOCOL_KEY_OPTION;
		}
	return PROTOCOL_KEY_NONE;
}

static const struct schema_key protocol_units = {"units",        S_RANGES, .kinds = ~0u,
						 .flags = S_ANY, .min = 0, .max = UINT32_MAX};
static const struct schema_key protocol_arg = {"argument", S_SPEC, .kinds = ~0u, .flags = S_ANY};
static const struct schema_key protocol_option = {"option", S_BOOL, .kinds = ~0u};

/* A key that some protocol's vocabulary adds; whether it is the rule's protocol, the loader sees. */
static const struct schema_key *from_protocols(const char *key)
{
	unsigned index;

	for (unsigned i = 0; proto_get(i); i++)
		switch (schema_protocol_key(proto_get(i), key, &index)) {
		case PROTOCOL_KEY_UNITS:
		case PROTOCOL_KEY_ORIGINS: return &protocol_units;
		case PROTOCOL_KEY_ARG:
		case PROTOCOL_KEY_NAMES: return &protocol_arg;
		case PROTOCOL_KEY_OPTION: return &protocol_option;
		case PROTOCOL_KEY_NONE: break;
		}
	return NULL;
}

static const struct schema_key *find_key(const struct schema_map *map, const char *key)
{
	for (const struct schema_key *k = map->keys; k->key; k++)
		if (!strcmp(k->key, key))
			return k;
	return NULL;
}

static void unknown_key(struct check *c, const struct schema_map *map, unsigned kind, struct node *n)
{
	struct near near = {.text = n->key->text};

	for (const struct schema_key *k = map->keys; k->key; k++)
		if (k->kinds & kind)
			schema_nearer(&near, k->key);
	for (unsigned i = 0; map->protocol_keys && proto_get(i); i++) {
		const struct proto *p = proto_get(i);

		if (p->unit_key)
			schema_nearer(&near, p->unit_key);
		if (p->origin_key)
			schema_nearer(&near, p->origin_key);
		if (p->name_key)
			schema_nearer(&near, p->name_key);
		for (unsigned j = 0; p->args && p->args[j].key; j++)
			schema_nearer(&near, p->args[j].key);
		for (unsigned j = 0; p->options && p->options[j].key; j++)
			schema_nearer(&near, p->options[j].key);
	}
	diag_error(c->diag, n->key->pos, "unknown key \"%s\" in a %s%s", n->key->text, map->title,
		   schema_hint(c->arena, near.best));
	c->good = false;
	n->bad = true;
}

static const char *kind_name(const struct schema_map *map, unsigned kind)
{
	for (unsigned i = 0; map->kind_names && map->kind_names[i]; i++)
		if (kind == 1u << i)
			return map->kind_names[i];
	return "";
}

static void check_host(struct check *c, const struct schema_key *k, struct node *n)
{
	static const struct schema_key addresses = {"host", S_ADDRESSES, .kinds = ~0u};

	if (n->kind == NODE_MAP)
		check_map(c, n, k->map);
	else
		check_list(c, &addresses, n);
}

static void check_point(struct check *c, const struct schema_key *k, struct node *n)
{
	static const struct schema_key at = {"at", S_SPEC, .kinds = ~0u};

	if (n->kind == NODE_MAP)
		check_map(c, n, k->map);
	else
		check_list(c, &at, n);
}

/* `any`, or a map of spaces. Ranges and names are the loader's: they need the protocol. */
static void check_cells(struct check *c, const struct schema_key *k, struct node *n)
{
	if (n->kind == NODE_SCALAR && !strcmp(n->text, "any"))
		n->set.any = true;
	else if (n->kind != NODE_MAP)
		wrong(c, n,
		      arena_print(
			      c->arena, "\"%s\" expects `any` or a map such as {holding: [0..99]}, found %s",
			      k->key,
			      n->kind == NODE_LIST ? "a list" : arena_print(c->arena, "\"%s\"", n->text)));
	else if (!n->n)
		wrong(c, n, "this map is empty: write `any` if everything is meant");
}

static void check_value(struct check *c, const struct schema_key *k, enum schema_type type, struct node *n);

static void check_entries(struct check *c, const struct schema_key *k, struct node *n)
{
	const char *why;

	if (n->kind == NODE_SCALAR && !*n->text && !n->quoted) { /* `hosts:` with nothing below it */
		n->kind = NODE_MAP;
		return;
	}
	if (n->kind != NODE_MAP) {
		wrong(c, n,
		      arena_print(c->arena, "\"%s\" expects a map of names, found %s", k->key, kind_text(n)));
		return;
	}
	for (struct node *i = n->first; i; i = i->next) {
		const char *name = i->key->text, *dots = k->each == S_HOST ? strstr(name, "..") : NULL;

		if (dots)
			why = (why = scalar_name(c->arena, arena_text(c->arena, name, (size_t)(dots - name))))
				      ? why
				      : scalar_name(c->arena, dots + 2);
		else
			why = scalar_name(c->arena, name);
		if (why) {
			wrong(c, i->key, why);
			i->bad = true;
		}
		struct schema_key each = *k;
		each.key = name;
		i->schema = k;
		check_value(c, &each, k->each, i);
	}
}

static void check_value(struct check *c, const struct schema_key *k, enum schema_type type, struct node *n)
{
	n->type = (int)type;
	switch (type) {
	case S_WORDS:
	case S_TEXTS:
	case S_NAMES:
	case S_DAYS:
	case S_RANGES:
	case S_ADDRESSES:
	case S_NETWORKS:
	case S_ETHERTYPES:
	case S_ICMP:
	case S_PROTOCOLS:
	case S_SPEC: {
		struct schema_key list = *k;

		list.type = type;
		check_list(c, &list, n);
		break;
	}
	case S_HOST: check_host(c, k, n); break;
	case S_POINT: check_point(c, k, n); break;
	case S_CELLS: check_cells(c, k, n); break;
	case S_MAP: check_map(c, n, k->map); break;
	case S_ENTRIES: check_entries(c, k, n); break;
	case S_ITEMS:
		if (n->kind == NODE_SCALAR && !*n->text && !n->quoted) {
			n->kind = NODE_LIST;
		} else if (n->kind != NODE_LIST) {
			wrong(c, n,
			      arena_print(c->arena, "\"%s\" expects a list of %ss (- ...), found %s", k->key,
					  k->map->title, kind_text(n)));
		} else {
			for (struct node *i = n->first; i; i = i->next)
				check_map(c, i, k->map);
		}
		break;
	default: check_scalar(c, k, n); break;
	}
}

static void check_map(struct check *c, struct node *n, const struct schema_map *map)
{
	const char *why = NULL;
	unsigned kind;

	if (n->kind != NODE_MAP) {
		wrong(c, n,
		      arena_print(c->arena, "expected a map of the keys of a %s, found %s", map->title,
				  n->kind == NODE_SCALAR && *n->text
					  ? arena_print(c->arena, "\"%s\"", n->text)
					  : kind_text(n)));
		return;
	}
	n->map = map;
	kind = map->kind ? map->kind(n, &why) : 1;
	if (!kind) {
		diag_error(c->diag, n->pos, "%s", why);
		c->good = false;
	}
	for (struct node *i = n->first; i; i = i->next) {
		const struct schema_key *k = find_key(map, i->key->text);

		if (!k && map->protocol_keys)
			k = from_protocols(i->key->text);
		if (!k) {
			unknown_key(c, map, kind, i);
			continue;
		}
		if (kind && !(k->kinds & kind)) {
			diag_error(c->diag, i->key->pos, "\"%s\" has no meaning in a %s %s", k->key,
				   map->title, kind_name(map, kind));
			c->good = false;
			i->bad = true;
			continue;
		}
		i->schema = k;
		if (k == &protocol_units || k == &protocol_arg || k == &protocol_option) {
			struct schema_key named = *k;

			named.key = i->key->text;
			check_value(c, &named, k->type, i);
		} else {
			check_value(c, k, k->type, i);
		}
	}
	for (const struct schema_key *k = map->keys; k->key; k++)
		if (kind && (k->needs & kind) && !node_find(n, k->key)) {
			const char *kn = kind_name(map, kind);

			diag_error(c->diag, n->key && map != &schema_rule ? n->key->pos : n->pos,
				   "a %s%s%s needs \"%s\"%s", map->title, *kn ? " " : "", kn, k->key,
				   k->flags & S_ANY ? "; `any` must be written" : "");
			c->good = false;
			n->bad = true;
		}
}

bool schema_check(struct arena *a, struct diag *d, struct node *n, const struct schema_map *map)
{
	struct check c = {a, d, true};

	check_map(&c, n, map);
	return c.good;
}
