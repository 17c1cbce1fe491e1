/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the loader: what names mean while nodes become a model. */
#ifndef OTFW_RULES_LOAD_H
#define OTFW_RULES_LOAD_H

#include "rules/model.h"
#include "rules/schema.h"
#include "rules/yaml.h"

#define LOAD_FILES_MAX    256
#define LOAD_HOSTS_MAX    65536
#define LOAD_GROUPS_DEPTH 16

/* A name defined somewhere in the policy; in one section: sorted by name. */
struct entry {
	const char *name;
	struct node *node;
	void *made;     /* model_zone, model_host, profile: what it became */
	uint32_t index; /* a station out of a range: its place in it */
	uint8_t state;  /* groups: 1 being resolved, 2 done */
};
struct section {
	const char *what; /* "host" */
	struct entry *v;
	size_t n;
};

/* A point of a profile: cells without access and with zero-based addresses. */
struct point {
	const char *name;
	struct pos pos;
	struct model_cell *cells;
	size_t ncells;
	enum value_type type;
	bool has_values;
	bool bad;
};
struct profile {
	const char *name;
	int proto;
	struct point *points;
	size_t npoints;
};

struct load {
	struct arena *arena;
	struct diag *diag;
	struct model *model;
	int64_t now_us;
	bool text_only;
	bool bundled; /* a source (rules/source.h): what is included comes by itself */
	struct {
		const char *path;
		uint64_t dev, ino;
		struct node *root;
	} files[LOAD_FILES_MAX];
	size_t nfiles;
	struct section zones, hosts, groups, profiles;
	unsigned require; /* bits of enum evidence */
};

/* ---- load.c ---- */
struct entry *load_find(const struct section *s, const char *name);
/* The names of PREFIXa..PREFIXb; false with a message in why when it is no such range. */
bool load_names(struct arena *a, const char *text, char *why, size_t cap, const char ***names, size_t *n);
/* `no host is called "x"; did you mean "y"?` */
void load_unknown(struct load *l, struct node *n, const char *what, const char *name,
		  const struct section *const *sections);
void *load_array(struct load *l, size_t n, size_t size);
/* A key's node when it is there and good. */
struct node *load_get(const struct node *map, const char *key);
/* The number of a key, or otherwise. */
int64_t load_num(const struct node *map, const char *key, int64_t otherwise);

/* ---- load_plant.c ---- */
void load_site(struct load *l);
void load_zones(struct load *l);
void load_hosts(struct load *l);
/* Adds what the members of a list stand for: hosts, groups, ranges of names, addresses, networks. Reports what is unknown. */
bool load_members(struct load *l, struct node *list, struct model_ends *out);

/* ---- load_profile.c ---- */
void load_profiles(struct load *l);
/* Values of a type, or of a space's own numbers (TYPE_RAW with bits). */
bool load_values(struct load *l, struct node *n, enum value_type type, unsigned bits, struct intervals *out);
/* "a..b" within a space, each address less `base`. */
bool load_addresses(struct load *l, struct node *n, const char *text, const struct vocab_space *s,
		    int64_t base, struct interval *out);
const struct vocab_space *load_space(struct load *l, struct node *n, const struct proto *p, const char *name);

/* ---- load_conduit.c ---- */
void load_conduits(struct load *l);
/* Keeps of each end the addresses inside nets; one that keeps none is an error: `"x" is not in WHERE`. */
void load_narrow(struct load *l, struct node *list, struct model_ends *ends, const struct model_nets *nets,
		 const char *where);
/* The protocol that owns a known engineering port, or NULL: none of them may bypass inspection towards a safety system. */
const char *load_engineering_port(const struct intervals *ports, bool udp, int64_t *port);

/* ---- load_rule.c ---- */
void load_rule(struct load *l, struct model_conduit *c, struct node *conduit, struct node *n,
	       struct model_rule *out);

/* ---- load_warn.c ---- */
/* What compiles and is likely not meant. Only for a model without errors. */
void load_warnings(struct load *l);

#endif
