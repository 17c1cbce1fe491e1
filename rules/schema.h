/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language as one table: keys, types, limits, documentation (rules/schema_table.c). The checker, the normal form and the
 * reference manual all read it. What a protocol adds (stations, qualifiers, leniencies) comes from its vocabulary.
 */
#ifndef OTFW_RULES_SCHEMA_H
#define OTFW_RULES_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rules/yaml.h"

enum schema_type {
	S_BOOL,
	S_INT,
	S_LEVEL,
	S_WORD,  /* one of words: its index */
	S_WORDS, /* a list of them: bits */
	S_TEXT,
	S_NAME,
	S_TEXTS,
	S_NAMES, /* a list of names; a single one may stand without brackets; PREFIXa..PREFIXb for several */
	S_DURATION,
	S_RATE,
	S_TIME,
	S_DATE,
	S_DAYS,
	S_BETWEEN,
	S_RANGES,
	S_ADDRESSES,
	S_NETWORKS,
	S_ETHERTYPES,
	S_ICMP,
	S_PROTOCOL,
	S_PROTOCOLS,
	S_SPEC, /* a scalar or a list of them that only the loader can read, because it needs the protocol */
	S_CELLS,
	S_HOST,  /* addresses, or a map */
	S_POINT, /* addresses in the profile's form, or a map */
	S_MAP,
	S_ENTRIES, /* names chosen by the user, each with a value of type `each` */
	S_ITEMS,   /* a list of maps */
};

#define S_ANY 1u /* the word `any` may be written */

struct schema_map;

struct schema_key {
	const char *key;
	enum schema_type type;
	unsigned kinds, needs; /* bits of schema_map.kind: where the key may stand, where it must */
	unsigned flags;
	int64_t min, max; /* durations in microseconds */
	const char *const *words;
	const struct schema_map *map;
	enum schema_type each; /* S_ENTRIES */
	const char *otherwise; /* what holds when the key is left out */
	const char *doc;
};

struct schema_map {
	const char *title; /* "rule": for messages and the manual */
	const char *doc;
	const struct schema_key *keys; /* in the order of the normal form; ends with key NULL */
	const char *const *kind_names; /* "with a profile" ...; NULL: one kind */
	/* Which kind a map is, one bit; 0 with *why when it is none. NULL: always 1. */
	unsigned (*kind)(const struct node *map, const char **why);
	bool protocol_keys; /* a protocol's vocabulary adds keys */
	const char *example;
};

extern const struct schema_map schema_policy, schema_rule, schema_conduit, schema_zone, schema_site,
	schema_host, schema_profile, schema_point, schema_rate, schema_when, schema_unlock, schema_bridge;

/* Kinds of rules and conduits. */
enum rule_kind { RULE_PROFILE = 1, RULE_RAW = 2, RULE_L4 = 4 };
enum conduit_kind { CONDUIT_INSPECTED = 1, CONDUIT_SAFETY = 2 };
enum evidence { EVIDENCE_REASON, EVIDENCE_OWNER, EVIDENCE_TICKET, EVIDENCE_REVIEW };
enum word_order { WORD_ORDER_BIG, WORD_ORDER_LITTLE };
enum addressing { ADDRESSING_ZERO, ADDRESSING_ONE, ADDRESSING_MODICON };

/*
 * Checks a tree against a map of the schema: unknown and missing keys, types, limits. Values are put into the nodes; what is
 * wrong is reported and marked bad, so that the loader passes over it. False when anything was wrong.
 */
bool schema_check(struct arena *a, struct diag *d, struct node *n, const struct schema_map *map);

/* What a protocol's vocabulary says of a key of a rule. */
enum protocol_key {
	PROTOCOL_KEY_NONE,
	PROTOCOL_KEY_UNITS,
	PROTOCOL_KEY_ORIGINS,
	PROTOCOL_KEY_ARG,
	PROTOCOL_KEY_NAMES,
	PROTOCOL_KEY_OPTION
};
enum protocol_key schema_protocol_key(const struct proto *p, const char *key, unsigned *index);

/* The word of the list (ended by NULL) that is nearest to text, or NULL when none is near. */
const char *schema_near(const char *text, const char *const *words);
/* The same over any number of words, one after the other: start with best NULL. */
struct near {
	const char *text, *best;
	unsigned distance;
};
void schema_nearer(struct near *n, const char *word);
/* `; did you mean "x"?` or an empty string. */
const char *schema_hint(struct arena *a, const char *near);

/* EtherTypes and ICMP types by name; -1 when there is none. */
int64_t schema_ethertype(const char *name);
int64_t schema_icmp(const char *name);

/* The reference manual in Markdown: every key, and every protocol's vocabulary. */
void schema_manual(FILE *out);

#endif
