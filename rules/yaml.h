/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML file as a tree of nodes, each with its place. Only what a policy needs: one document of maps, lists and scalars.
 * Aliases, anchors, tags, directives, block scalars (| and >), several documents and duplicate keys are errors, because
 * each of them makes a policy say something else than a reader sees.
 */
#ifndef OTFW_RULES_YAML_H
#define OTFW_RULES_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/arena.h"
#include "rules/diag.h"
#include "rules/model.h"

#define YAML_FILE_MAX (4u << 20) /* octets */
#define YAML_DEPTH    16

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct schema_key;
struct schema_map;
struct notes;

struct node {
	enum node_kind kind;
	struct pos pos, end; /* end: the place behind it */
	bool quoted;         /* a scalar in quotes: text, whatever it looks like */
	bool flow;           /* [] or {} */
	bool bad;            /* an error in here has been reported */
	const char *text;    /* a scalar's, terminated; never holds control characters */
	struct node *key;    /* in a map: the scalar before the colon */
	struct node *first, *next, *parent;
	size_t n;            /* children */
	struct notes *notes; /* comments: rules/fmt*.c */

	/* Filled in by schema_check(): what the key means, and the value in its neutral form. */
	const struct schema_key *schema;
	const struct schema_map *map; /* the keys a map was checked against */
	int type;                     /* enum schema_type of the value */
	int64_t num;
	struct intervals set;
	struct model_net net;
	struct model_rate rate;
};

/* NULL when diag got an error. An empty file is an empty map. text need not be terminated; it must outlive nothing. */
struct node *yaml_parse(struct arena *a, struct diag *d, uint32_t file, const char *text, size_t len);

/* The value of a key of a map; NULL where there is none. */
struct node *node_find(const struct node *map, const char *key);

/* Reads a whole file; *text is malloc'ed and terminated. 0, or -1 with errno (EFBIG beyond YAML_FILE_MAX). */
int yaml_read(const char *path, char **text, size_t *len);

#endif
