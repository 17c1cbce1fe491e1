/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the compiler share. Not for anyone else. */
#ifndef OTFW_RULES_COMPILE_H
#define OTFW_RULES_COMPILE_H

#include "rules/image.h"
#include "rules/model.h"
#include "rules/policy_inner.h"

/* Limits of one policy. Passing one is an error at the place that passed it. */
#define COMPILE_TUPLES_MAX 8000000u /* (client class, server class, rule group) */
#define COMPILE_FLOWS_MAX  1000000u /* boxes of the hook plan */
/* An index may hold so many candidates per rule before it is left out for that dimension and rules are tried one by one. */
#define COMPILE_SPREAD 16u

/* Records of one size that grow. */
struct records {
	void *v;
	size_t n, cap;
	size_t size;
};
/* Room for n more, zeroed; their first one's address. Ends the process when there is no memory. */
void *records_add(struct records *r, size_t n);
void records_free(struct records *r);

/* From bytes to a number, so that what is equal is written once. */
struct intern {
	struct records bytes, entries;
	uint32_t *table;
	size_t slots;
};
/* The number kept under these bytes. *fresh: there was none; the caller sets it. Valid until the next call. */
uint32_t *intern_at(struct intern *t, const void *key, size_t len, bool *fresh);
void intern_free(struct intern *t);

struct class_list {
	uint32_t *v;
	size_t n;
};

/* Rules of one conduit that speak of the same clients, servers and ports. */
struct rule_group {
	uint32_t conduit;        /* image index */
	uint32_t lane;           /* enum lane */
	int32_t proto;           /* -1 unless LANE_INSPECTED */
	uint32_t clients;        /* address list */
	struct image_span ends;  /* in build.ends */
	struct image_span ports; /* in build.ports: keys ipproto << 16 | port */
	struct image_span rules; /* in build.group_rules: image rule numbers, ascending; n == 0: a scope */
	struct pos pos;
	const char *name;
};
/* A server of a group. */
struct group_end {
	uint32_t list;  /* of addresses */
	uint32_t flags; /* GROUP_END_* */
	uint32_t unit;
};
enum { GROUP_END_UNIT = 1, GROUP_END_GROUP = 2 };
struct port_key {
	uint32_t lo, hi;
};

struct build {
	const struct model *model;
	struct diag *diag;
	struct records parts[IMAGE_PART_COUNT];
	struct intern strings, sets, lists, units, rulesets;
	uint32_t *zone_of, *zone_order;       /* model index -> image index, and back */
	uint32_t *conduit_of, *conduit_order; /* the same */
	struct records groups, ends, ports, group_rules;
	struct records list_spans; /* struct image_span into list_ranges, by list number */
	struct records list_ranges;
	struct records conduit_lists;    /* two a conduit: lists of its clients, its servers */
	struct class_list *list_classes; /* by list number */
	uint32_t site;
	struct image_span ethertypes;
};

void *build_add(struct build *b, enum image_part_id part, size_t n);
uint32_t build_n(const struct build *b, enum image_part_id part);
/* 0 for NULL and "". */
uint32_t build_string(struct build *b, const char *s);
/* Interned. */
struct image_span build_set(struct build *b, const struct image_interval *v, size_t n);
struct image_span build_intervals(struct build *b, const struct intervals *v);
struct image_span build_nets(struct build *b, const struct model_net *v, size_t n);
/* A number for a list of addresses: equal lists have equal numbers. */
uint32_t build_list(struct build *b, const struct model_net *v, size_t n);

/* compile_zone.c: the offsets of the site's time zone, 2020 to 2050, when some rule has hours. False after an error. */
bool compile_offsets(struct build *b, bool wanted);
/* compile_rule.c */
void compile_rule(struct build *b, uint32_t conduit, const struct model_conduit *c,
		  const struct model_rule *r);
/* compile_group.c: rules of the same tuples, gathered. */
void compile_groups(struct build *b);
/* The list of all addresses of these ends. */
uint32_t compile_ends_list(struct build *b, const struct model_ends *ends);
/* compile_class.c: atoms and classes. False after an error, told or for want of memory. */
bool compile_classes(struct build *b);
/* Classes of the clients (0) or servers (1) of a conduit. */
struct class_list compile_conduit_classes(const struct build *b, uint32_t conduit, unsigned server);
/* compile_route.c: pairs, entries, sets. */
void compile_routes(struct build *b);
/* compile_flow.c: boxes of the hook plan. */
void compile_flows(struct build *b);
/* compile_index.c: fills the set's slots and function atoms. slots: rule and listed units, sorted by rule. */
void compile_index(struct build *b, struct image_set *set, const struct image_slot *slots, size_t n);

#endif
