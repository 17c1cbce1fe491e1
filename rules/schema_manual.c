/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference manual, from the table that the checker reads. */
#include "rules/schema.h"

#include <string.h>

static const char *type_text(const struct schema_key *k)
{
	switch (k->type) {
	case S_BOOL: return "true or false";
	case S_INT: return "number";
	case S_LEVEL: return "level";
	case S_WORD: return "one of";
	case S_WORDS: return "list of";
	case S_TEXT: return "text";
	case S_NAME: return "name";
	case S_TEXTS: return "list of texts";
	case S_NAMES: return "list of names";
	case S_DURATION: return "duration";
	case S_RATE: return "rate";
	case S_TIME: return "time";
	case S_DATE: return "day";
	case S_DAYS: return "days";
	case S_BETWEEN: return "hours";
	case S_RANGES: return "list of ranges";
	case S_ADDRESSES: return "list of addresses";
	case S_NETWORKS: return "list of networks";
	case S_ETHERTYPES: return "list of EtherTypes";
	case S_ICMP: return "list of ICMP types";
	case S_PROTOCOL: return "protocol";
	case S_PROTOCOLS: return "list of protocols";
	case S_SPEC: return "word, number or range, or a list of them";
	case S_CELLS: return "map of spaces to ranges";
	case S_HOST: return "host";
	case S_POINT: return "point";
	case S_MAP: return "map";
	case S_ENTRIES: return "map of names";
	case S_ITEMS: return "list";
	}
	return "";
}

static void print_limit(int64_t v, const struct schema_key *k, FILE *out)
{
	if (k->type != S_DURATION)
		fprintf(out, "%lld", (long long)v);
	else if (v % 3600000000 == 0)
		fprintf(out, "%lldh", (long long)(v / 3600000000));
	else if (v % 1000000 == 0)
		fprintf(out, "%llds", (long long)(v / 1000000));
	else
		fprintf(out, "%lldms", (long long)(v / 1000));
}

static void print_key(const struct schema_map *map, const struct schema_key *k, FILE *out)
{
	unsigned all = 0;

	fprintf(out, "- `%s` (%s", k->key, type_text(k));
	for (size_t i = 0; k->words && k->words[i]; i++)
		fprintf(out, "%s`%s`", i ? ", " : " ", k->words[i]);
	if (k->max > k->min && k->max != UINT32_MAX) {
		fputs(", ", out);
		print_limit(k->min, k, out);
		fputs("..", out);
		print_limit(k->max, k, out);
	}
	if (k->flags & S_ANY)
		fputs(", or `any`", out);
	for (unsigned i = 0; map->kind_names && map->kind_names[i]; i++)
		all |= 1u << i;
	if (!map->kind_names)
		fputs(k->needs ? "; must be written" : "", out);
	else if ((k->needs & all) == all)
		fputs("; must be written", out);
	else {
		const char *sep = "; only ";

		for (unsigned i = 0; map->kind_names[i] && (k->kinds & all) != all; i++)
			if (k->kinds & 1u << i) {
				fprintf(out, "%s%s", sep, map->kind_names[i]);
				sep = " or ";
			}
		if (k->needs & all)
			fputs(", must be written there", out);
	}
	fprintf(out, "): %s", k->doc);
	if (k->otherwise)
		fprintf(out, " Left out: %s.", k->otherwise);
	fputc('\n', out);
}

static void print_map(const struct schema_map *map, FILE *out)
{
	fprintf(out, "\n## %c%s\n\n%s\n\n", map->title[0] - 'a' + 'A', map->title + 1, map->doc);
	for (const struct schema_key *k = map->keys; k->key; k++)
		print_key(map, k, out);
	if (map->protocol_keys)
		fputs("\nBeside these a rule has the keys of its protocol, see below: stations, asking stations, qualifiers, leniencies.\n",
		      out);
	if (map->example)
		fprintf(out, "\n    %s\n", map->example);
}

static void print_accesses(uint32_t bits, FILE *out)
{
	const char *sep = "";

	for (unsigned i = 0; i < ACCESS_COUNT; i++)
		if (bits & 1u << i) {
			fprintf(out, "%s%s", sep, access_name(i));
			sep = ", ";
		}
}

static void print_function(const struct proto *p, const struct vocab_function *f, FILE *out)
{
	unsigned code = f->lo >> 16;

	fprintf(out, "- `%s` (%u", f->name, code);
	if (f->lo == f->hi && f->lo & 0xffff)
		fprintf(out, "/%u", f->lo & 0xffff);
	else if (f->lo != f->hi)
		fputs("/...", out);
	fputs("; ", out);
	print_accesses(f->access, out);
	if (f->flags & FN_RANGE)
		fputs("; needs `addresses`", out);
	if (f->flags & FN_VALUES)
		fputs("; needs `values`", out);
	for (unsigned i = 0; i < FN_ARGS_MAX && f->flags & FN_ARGS; i++)
		if (f->flags & FN_ARG(i))
			fprintf(out, "; needs `%s`", p->args[i].key);
	if (f->flags & FN_KEY)
		fprintf(out, "; needs `%s`", p->name_key);
	if (f->flags & FN_SESSION)
		fputs("; goes with every profile", out);
	if (f->flags & FN_NAMED)
		fputs("; goes with no profile", out);
	if (f->flags & FN_OPAQUE)
		fputs("; not part of `any`", out);
	fprintf(out, "): %s\n", f->doc);
}

static void print_protocol(const struct proto *p, FILE *out)
{
	fprintf(out, "\n## Protocol %s\n\n%s, over %s%s%s, port", p->name, p->title,
		p->transports & TRANSPORT_TCP ? "tcp" : "",
		p->transports == (TRANSPORT_TCP | TRANSPORT_UDP) ? " and " : "",
		p->transports & TRANSPORT_UDP ? "udp" : "");
	for (size_t i = 0; i < PROTO_PORTS_MAX && p->ports[i]; i++)
		fprintf(out, "%s %u", i ? "," : "", p->ports[i]);
	fputs(".\n", out);
	if (p->unit_key)
		fprintf(out,
			"\nStations: `%s`, ranges within 0..%u or `any`. Must be written in a rule without a profile; in a rule with a "
			"profile when a server is not itself a station, and only then.\n",
			p->unit_key, p->unit_max);
	if (p->origin_key)
		fprintf(out, "\nAsking stations: `%s`, ranges within 0..%u or `any`; must be written.\n",
			p->origin_key, p->origin_max);
	if (p->name_key)
		fprintf(out,
			"\nSymbolic names: `%s`, names, beginnings of names (`Motor*`) or `any`; must be written when a function may "
			"carry one.\n",
			p->name_key);
	fputs("\nFunctions:\n\n", out);
	for (const struct vocab_function *f = p->functions; f && f->name; f++)
		print_function(p, f, out);
	if (p->spaces && p->spaces->name)
		fputs("\nSpaces:\n\n", out);
	for (const struct vocab_space *s = p->spaces; s && s->name; s++) {
		char range[PROTO_RANGE_TEXT];

		(void)proto_range_print(s, s->min, s->max, range, sizeof(range));
		fprintf(out, "- `%s` (%s", s->name, range);
		if (s->bits)
			fprintf(out, ", %u bit%s", s->bits, s->bits == 1 ? "" : "s");
		if (s->minors)
			fprintf(out, ", written `A/B` with B below %u; `A` alone is all of them", s->minors);
		if (!s->writable)
			fputs(", read only", out);
		if (s->modicon_first)
			fprintf(out, "; modicon %u..%u", s->modicon_first, s->modicon_last);
		if (s->modicon_first6)
			fprintf(out, " or %u..%u", s->modicon_first6, s->modicon_last6);
		fprintf(out, "): %s\n", s->doc);
	}
	if (p->args && p->args->key)
		fputs("\nQualifiers: numbers, ranges, names or `any`; must be written when a function carries them.\n\n",
		      out);
	for (const struct vocab_arg *v = p->args; v && v->key; v++) {
		fprintf(out, "- `%s`: %s", v->key, v->doc);
		for (const struct vocab_name *n = v->names; n && n->name; n++)
			fprintf(out, "%s`%s` (%lld)", n == v->names ? ": " : ", ", n->name,
				(long long)n->value);
		fputc('\n', out);
	}
	if (p->options && p->options->key)
		fputs("\nLeniencies, `true` in a rule that needs them:\n\n", out);
	for (const struct vocab_option *v = p->options; v && v->key; v++)
		fprintf(out, "- `%s`: %s\n", v->key, v->doc);
}

void schema_manual(FILE *out)
{
	static const struct schema_map *const maps[] = {
		&schema_policy, &schema_site,    &schema_bridge, &schema_zone, &schema_host, &schema_profile,
		&schema_point,  &schema_conduit, &schema_rule,   &schema_rate, &schema_when, &schema_unlock};

	fputs("# The policy language of otfw\n\n"
	      "A policy is YAML: maps, lists and words. Aliases, anchors, tags, block text and several documents are refused. An unknown "
	      "key is an error.\n\n"
	      "- Ranges are `a..b`, both ends inclusive; ends of `values` may be negative. Leading zeros are refused.\n"
	      "- Durations carry a unit: `us`, `ms`, `s`, `min`, `h`, `d`.\n"
	      "- A list with one member may be written without brackets. `any` stands for everything and must be written.\n"
	      "- Names hold letters, digits, `-`, `_` and `.`. In lists of hosts, `p-101..p-120` stands for twenty of them.\n"
	      "- Addresses are those seen in forwarding: after destination NAT, before source NAT.\n",
	      out);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		print_map(maps[i], out);
	for (unsigned i = 0; proto_get(i); i++)
		print_protocol(proto_get(i), out);
}
