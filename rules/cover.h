/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules for what was seen: YAML text that allows exactly the given shapes. Ranges are merged, clients, servers, stations and
 * functions grouped, but only so that nothing is allowed that was not seen: two rules become one when they differ in a single
 * thing.
 */
#ifndef OTFW_RULES_COVER_H
#define OTFW_RULES_COVER_H

#include <stdio.h>

#include "rules/diag.h"
#include "rules/shape.h"

/* What keeps a rule from being proposed by itself. */
enum cover_doubt {
	COVER_PROPOSED,
	COVER_WRITES,    /* its functions write, operate, configure or program */
	COVER_OPAQUE,    /* content that is not read, or a protocol that is not known */
	COVER_NEW,       /* a client seen on too few days */
	COVER_BEYOND,    /* not below the conduit's at-most, or no server of the conduit */
	COVER_UNSAYABLE, /* a name that no rule can say */
	COVER_DOUBTS
};

struct cover_options {
	uint32_t gap;      /* addresses between two ranges that are bridged */
	unsigned days;     /* a client seen on fewer days needs a person; 0 and 1: none does */
	bool all;          /* nothing needs a person */
	const char *id;    /* rules are ID-1, ID-2 ...; NULL: "learned" */
	const char *extra; /* what else each rule says, as YAML ("owner: ops, ticket: 4711"), or NULL */
};

/*
 * One rule on one line that allows exactly this shape, for the `allow` of its conduit:
 *   {id: ID, reason: REASON, clients: [hmi-1], servers: [p-101], protocol: modbus, units: [4], ...}
 * reason NULL: none; extra as above. malloc'ed; NULL where no rule can say it (enum cover_doubt in *why, which may be NULL).
 * A doubt other than COVER_UNSAYABLE is said in *why and the rule given all the same.
 */
char *cover_rule(const struct policy *p, const struct shape *s, const char *id, const char *reason,
		 const char *extra, enum cover_doubt *why);

struct cover; /* of one policy: shapes are added, rules taken out by conduit */
struct cover_counts {
	uint64_t shapes, allowed; /* all of the conduit; of them, allowed by its rules already */
	uint64_t rules, profiles; /* proposed */
	uint64_t doubts;          /* rules written as comments */
};
struct cover *cover_new(const struct policy *p, const struct cover_options *o);
void cover_free(struct cover *c);
/* Copied. Shapes of the same identity are added up. False when there is no memory. */
bool cover_add(struct cover *c, const struct shape *s);
/*
 * Writes the rules of a conduit as items of its `allow` list, `indent` blanks in front of each "- "; below them, as comments,
 * what needs a person. Profiles that they use go to `profiles` as entries of the top-level `profiles`, two blanks in front.
 */
void cover_write(struct cover *c, unsigned conduit, unsigned indent, FILE *out, FILE *profiles,
		 struct cover_counts *counts);

/* Rules of a conduit that go into a policy's text: items of its `allow`, without the indent. */
struct cover_part {
	const char *conduit, *rules;
};
/*
 * Writes the policy's text with each part behind the last rule of its conduit, and the profiles (two blanks in front) under `profiles`. name is
 * what errors call the file. A conduit that this text does not hold is left out and named in *missing (a comma list in a static buffer,
 * empty when none is). 0, or -1 after an error went to diag: the text does not parse, or writes such a conduit in braces.
 */
int cover_splice(const char *name, const char *text, size_t len, const struct cover_part *parts, size_t n,
		 const char *profiles, struct diag *diag, FILE *out, const char **missing);

/* The name of an address in YAML: a host's, or the address itself. */
const char *cover_end(const struct policy *p, const uint8_t ip[16], int64_t unit, char buf[64]);

#endif
