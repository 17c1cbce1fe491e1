/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy after loading: every name resolved, every number in its neutral form (addresses zero-based, durations in
 * microseconds, ranges sorted and merged), every error already reported. rules/load*.c makes it from nodes, rules/compile*.c
 * turns it into an image; nothing else touches it. All memory belongs to the model's arena.
 */
#ifndef OTFW_RULES_MODEL_H
#define OTFW_RULES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/proto.h"
#include "rules/diag.h"
#include "rules/policy.h"

/* Inclusive. In a set: sorted, disjoint, adjacent ones merged. */
struct interval {
	int64_t lo, hi;
};
struct intervals {
	struct interval *v;
	size_t n;
	bool any; /* `any` was written: n is 0 */
};

/* An IPv6 or IPv4-mapped address with its prefix length in 128-bit terms (an IPv4 host has 128). */
struct model_net {
	uint8_t ip[16];
	uint8_t plen;
};
struct model_nets {
	struct model_net *v;
	size_t n;
};

struct model_zone {
	const char *name;
	struct pos pos;
	int level; /* -1: not given; 35 is Purdue level 3.5 */
	struct model_nets nets;
	enum failure failure;
	uint32_t deadline_us;
	bool safety;
	const char *
		engine; /* NULL: the common engine of its failure mode; safety zones always have one of their own */
};

/* A host, or a station behind one (at != NULL): then addrs are the gateway's. */
struct model_host {
	const char *name;
	struct pos pos;
	struct model_nets addrs;
	const struct model_host *at;
	uint32_t unit;
	int zone; /* index, -1: in none */
};

/* One member of a conduit's or rule's `servers` or `clients`. */
struct model_end {
	const struct model_host *host; /* NULL: a whole network (any) */
	struct model_nets addrs;
	bool has_unit; /* a station: only this unit behind the address */
	uint32_t unit;
};
struct model_ends {
	struct model_end *v;
	size_t n;
};

/*
 * Addresses a rule lets through in one space, with one treatment of values. Cells of one rule and one access are disjoint
 * and sorted by space and first; a range that several adjacent cells cover together is contained.
 */
struct model_cell {
	uint32_t space, first, last;
	bool read, write;
	enum value_type type;
	bool word_swap;          /* least significant word first */
	bool bounded;            /* false: `any` was written, or it is not writable */
	struct intervals values; /* of the typed value; floats through op_order_double() */
	const char *point;       /* name in the profile, or NULL */
};

struct model_rate {
	uint32_t max;       /* operations in per_us; 0: no rate */
	uint64_t window_us; /* 1 s, 1 min, 1 h */
	uint32_t burst;
	enum rate_per per;
};

struct model_when {
	uint8_t days; /* bit 0 Monday; 0: no `when` at all */
	uint16_t from_min,
		to_min; /* minutes of the local day, to exclusive; from >= to crosses midnight; 0,1440: all day */
};

struct model_arg {     /* a bound on a named integer of the operation */
	uint16_t name; /* index into proto->args */
	struct intervals values;
};

struct model_rule {
	const char *id;
	struct pos pos;
	const char *reason, *owner, *ticket, *review; /* evidence; NULL where not given */
	enum lane lane;                               /* LANE_INSPECTED or LANE_KERNEL */
	struct model_ends clients, servers;           /* servers: those of the conduit this rule speaks of */

	/* LANE_KERNEL: any of these. ICMP types as ICMPv4 numbers them; for IPv6 the types of the same meaning. */
	struct intervals tcp, udp, icmp;

	/* LANE_INSPECTED */
	int proto;
	uint8_t transports; /* enum transport bits */
	struct intervals ports;
	struct intervals units; /* any, or stations; ends with has_unit narrow it further */
	struct intervals origins;
	/* Function keys (code << 16 | sub). A rule with points has the functions that its read and write imply; FN_OPAQUE ones only when named. */
	struct intervals functions;
	uint32_t access; /* bits 1 << enum access: never beyond the conduit's at-most */
	struct model_cell *cells;
	size_t ncells;
	bool values_bounded; /* operations without a range that write: must they satisfy values? */
	struct intervals values;
	struct model_arg *args;
	size_t nargs;
	uint32_t options;   /* leniencies, bits of proto->options */
	const char **names; /* symbolic names it is about, sorted; one that ends in `*` is a prefix */
	size_t nnames;
	bool names_any;

	struct model_rate rate;
	struct model_when when;
	int64_t until_us;       /* unix time, INT64_MAX: no end */
	uint64_t unlock_max_us; /* not 0: the rule is off unless an overlay unlocks it */
	unsigned unlock_approvals;
	int64_t lent_until_us; /* not 0: an overlay adds it, or has unlocked it, until then */
	bool rare;
};

struct model_conduit {
	const char *name;
	struct pos pos;
	enum lane lane;        /* LANE_SAFETY or LANE_INSPECTED */
	struct intervals from; /* zone indices, each interval one zone or more */
	int to;
	struct model_ends
		clients; /* the addresses of the from zones, or of `clients` where the conduit narrows them */
	struct model_ends servers; /* scope */
	uint32_t protocols;        /* bits 1 << enum proto_id */
	enum policy_mode mode;
	struct pos mode_pos; /* where it is written; line 0: it is not */
	uint32_t at_most;    /* bits 1 << enum access; all ones but opaque when `any` */
	enum on_deny on_deny;
	bool on_deny_given;
	enum failure failure;
	uint32_t deadline_us;
	uint64_t answer_within_us;
	bool single_master;
	struct model_rule *rules;
	size_t nrules;

	/* LANE_SAFETY */
	struct model_ends peers;
	struct model_nets groups; /* multicast destinations */
	struct intervals tcp, udp;
	const char **interfaces;
	size_t ninterfaces;
	bool mirror;
	uint64_t watchdog_us; /* 0: none */
	struct model_rate expect;
};

struct model {
	const char *site_name, *timezone; /* timezone NULL: UTC */
	struct model_zone *zones;
	size_t nzones;
	struct model_host *hosts;
	size_t nhosts;
	struct model_conduit *conduits; /* in the order of their names, so that file order changes no image */
	size_t nconduits;
	struct intervals ethertypes; /* extra EtherTypes a bridge lets pass */
	bool lent;                   /* an overlay is applied; base: the digest without it */
	uint8_t base[POLICY_DIGEST];
	struct arena *arena;
};

/*
 * Loads FILE and what it includes. Returns NULL when diag holds an error. `now_us` decides warnings about dates only,
 * never the image.
 */
struct model *model_load(const char *path, int64_t now_us, struct diag *diag);
/* The same for a text that is no file; `include` in it is an error. A source (rules/source.h) has with it what it includes. `name` is what diagnostics call it. */
struct model *model_load_text(const char *name, const char *text, size_t len, int64_t now_us,
			      struct diag *diag);
void model_free(struct model *m);

/*
 * Compiles. The same model gives the same bytes. *image is malloc'ed. Errors (limits passed, conduits that overlap)
 * go to diag; returns 0 or -1.
 */
int compile_image(const struct model *m, struct diag *diag, uint8_t **image, size_t *size);

#endif
