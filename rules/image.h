/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy image: one block of memory without a pointer in it. Compile writes it, policy reads it, nobody else knows it. A
 * header, then parts: arrays of fixed-size records, each found by its offset. Records refer to others by index (struct
 * image_span: a run of records of another part) and to strings by offset. Numbers are the machine's own; `order` says which.
 *
 * How a PDU finds its rules:
 *
 *   address -> atom -> class            addresses that no list tells apart share a class
 *   (client class, server class) -> pair -> entry (transport, port) -> rule set
 *   rule set -> function atom -> unit atom -> address atom -> candidates
 *
 * Each arrow is a binary search over disjoint sorted intervals. Where stations or addresses are many, a guide narrows it to
 * the few that a stretch of the dimension holds: what a PDU costs hardly grows with the rules it does not use.
 */
#ifndef OTFW_RULES_IMAGE_H
#define OTFW_RULES_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC   "otfw-img"
#define IMAGE_VERSION 5u
#define IMAGE_ORDER   0x0102u
#define IMAGE_MAX     (512u << 20) /* octets */
#define IMAGE_NONE    UINT32_MAX   /* no index */
#define IMAGE_DIGEST  32

/* Records at..at+n of the part that the field's comment names. */
struct image_span {
	uint32_t at, n;
};

/* A number of the parts below, with the record each is made of. Records are multiples of 4 octets but for strings. */
#define IMAGE_PARTS                                                                                          \
	IMAGE_PART(STRINGS, strings, char)                                                                   \
	IMAGE_PART(WORDS, words, uint32_t)                                                                   \
	IMAGE_PART(INTERVALS, intervals, struct image_interval)                                              \
	IMAGE_PART(NETS, nets, struct image_net)                                                             \
	IMAGE_PART(ZONES, zones, struct image_zone)                                                          \
	IMAGE_PART(HOSTS, hosts, struct image_host)                                                          \
	IMAGE_PART(QUEUES, queues, struct image_queue)                                                       \
	IMAGE_PART(CONDUITS, conduits, struct image_conduit)                                                 \
	IMAGE_PART(RULES, rules, struct image_rule)                                                          \
	IMAGE_PART(CELLS, cells, struct image_cell)                                                          \
	IMAGE_PART(ARGS, args, struct image_arg)                                                             \
	IMAGE_PART(FLOWS, flows, struct image_flow)                                                          \
	IMAGE_PART(OFFSETS, offsets, struct image_offset)                                                    \
	IMAGE_PART(ATOMS, atoms, struct image_atom)                                                          \
	IMAGE_PART(CLASSES, classes, struct image_class)                                                     \
	IMAGE_PART(PAIRS, pairs, struct image_pair)                                                          \
	IMAGE_PART(ENTRIES, entries, struct image_entry)                                                     \
	IMAGE_PART(SETS, sets, struct image_set)                                                             \
	IMAGE_PART(SLOTS, slots, struct image_slot)                                                          \
	IMAGE_PART(FATOMS, fatoms, struct image_fatom)                                                       \
	IMAGE_PART(UATOMS, uatoms, struct image_uatom)                                                       \
	IMAGE_PART(AATOMS, aatoms, struct image_aatom)                                                       \
	IMAGE_PART(GUIDES, guides, struct image_guide)                                                       \
	IMAGE_PART(CANDS, cands, struct image_cand)

enum image_part_id {
#define IMAGE_PART(sym, name, type) IMAGE_##sym,
	IMAGE_PARTS
#undef IMAGE_PART
		IMAGE_PART_COUNT
};

struct image_part {
	uint32_t at; /* octets from the start of the image, a multiple of 8 */
	uint32_t n;  /* records */
};

struct image {
	char magic[8];
	uint16_t version, order;
	uint32_t size;
	uint8_t digest[IMAGE_DIGEST]; /* SHA-256 of everything behind it */
	struct image_part parts[IMAGE_PART_COUNT];
	uint32_t site;                /* string */
	struct image_span ethertypes; /* intervals */
	uint32_t lent;                /* 1: an overlay is applied */
	uint8_t base[IMAGE_DIGEST];   /* the digest of the image without it */
	uint32_t pad[2];
};

/* Inclusive; in a set sorted, disjoint and not adjacent. */
struct image_interval {
	int64_t lo, hi;
};
struct image_net {
	uint8_t ip[16];
	uint32_t plen;
};
struct image_zone {
	uint32_t name; /* string */
	int32_t level;
	uint32_t failure, safety, deadline_us;
	uint32_t queue; /* IMAGE_NONE: no inspected traffic to it */
	struct image_span nets;
};
/* Sorted by address, then by unit; the address alone (unit -1) first. */
struct image_host {
	uint64_t hi, lo;
	int64_t unit;
	uint32_t name;
	uint32_t pad;
};
struct image_queue {
	uint32_t engine, failure, deadline_us;
};
struct image_conduit {
	uint32_t name;
	uint32_t lane, to;
	uint32_t queue;
	uint32_t mode, on_deny, failure, deadline_us;
	uint64_t answer_within_us;
	uint64_t watchdog_us;
	uint64_t expect_window_us;
	uint32_t expect_max, mirror;
	uint32_t at_most;
	struct image_span rules;
	struct image_span interfaces;    /* words: strings */
	struct image_span peers, groups; /* nets */
	uint32_t single_master;
};

enum image_rule_flag {
	IMAGE_RULE_NAMED = 1 << 0,   /* functions are named, not `any`: opaque ones may pass */
	IMAGE_RULE_BOUNDED = 1 << 1, /* values bound writes without a range */
	IMAGE_RULE_ORIGINS = 1 << 2,
	IMAGE_RULE_ARGS = 1 << 3,
	IMAGE_RULE_WHEN = 1 << 4,
	IMAGE_RULE_UNTIL = 1 << 5,
	IMAGE_RULE_RATE = 1 << 6,
	IMAGE_RULE_PER_CLIENT = 1 << 7,
	IMAGE_RULE_UNITS = 1 << 8,    /* units are listed, not any */
	IMAGE_RULE_ANY_NAME = 1 << 9, /* symbolic names: any; otherwise those of .names */
	IMAGE_RULE_UNLOCK = 1 << 10,  /* off, but where it is lent */
	IMAGE_RULE_LENT = 1 << 11,    /* in force by an overlay, until lent_until_us at the latest */
	/* Any of these: more is to be checked than access, unit, range and values. */
	IMAGE_RULE_MORE = IMAGE_RULE_ORIGINS | IMAGE_RULE_ARGS | IMAGE_RULE_WHEN | IMAGE_RULE_UNTIL |
			  IMAGE_RULE_RATE | IMAGE_RULE_UNLOCK | IMAGE_RULE_LENT,
};
struct image_rule {
	uint32_t id, reason, owner, ticket; /* strings, 0: none */
	uint32_t conduit, lane;
	int32_t proto;
	uint32_t access, flags, options;
	struct image_span functions, units, origins; /* intervals */
	struct image_span cells[2];                  /* that may be read; that may be written */
	struct image_span args;
	struct image_span values; /* intervals */
	struct image_span names;  /* words: strings; one that ends in `*` stands for all that begin so */
	int64_t until_us;
	int64_t lent_until_us;
	uint64_t unlock_max_us;
	uint64_t
		rate_key; /* of rules with rate or unlock: stays the same for a rule of the same name in another image */
	uint64_t rate_step, rate_room; /* GCRA: emission interval and tolerance, in RATE_TICKS of a us */
	uint32_t rate_max, rate_window_us;
	uint32_t days; /* bit 0 Monday */
	uint16_t from_min, to_min;
	uint32_t unlock_approvals, pad;
};

enum image_cell_flag {
	IMAGE_CELL_SWAP = 1 << 0,    /* least significant word first */
	IMAGE_CELL_BOUNDED = 1 << 1, /* values bound what is written */
	IMAGE_CELL_NUMBERS = 1 << 2, /* the protocol itself types its numbers: nothing is reinterpreted */
};
/* Those of one rule and direction are disjoint, sorted by space, then first. */
struct image_cell {
	uint32_t space, first, last;
	uint32_t flags;
	uint32_t type;            /* enum value_type */
	uint32_t step;            /* addresses one value takes: 1, 2 or 4 */
	struct image_span values; /* intervals */
	uint32_t point;           /* string, 0: none */
};
struct image_arg {
	uint32_t name; /* index into the protocol's arguments */
	struct image_span values;
};
struct image_flow {
	struct image_net client, server;
	uint32_t conduit, rule; /* rule: IMAGE_NONE for a scope or a safety lane */
	uint32_t lane;
	uint16_t lo, hi;
	uint32_t ipproto, multicast;
};
/* From this moment the site's clocks show UTC plus so much. The first begins at INT64_MIN. */
struct image_offset {
	int64_t from_us;
	int64_t offset_us;
};

/* Addresses from this one up to the next atom's. The first begins at 0. */
struct image_atom {
	uint64_t hi, lo;
	uint32_t class;
	uint32_t pad;
};
struct image_class {
	uint32_t zone;                      /* IMAGE_NONE: in none */
	struct image_span clients, servers; /* words: the conduits it is client, server of, ascending */
};
/* Sorted by client, then server. */
struct image_pair {
	uint32_t client, server; /* classes */
	struct image_span entries;
};
/* Sorted by lo, disjoint. Keys are ipproto << 16 | port. */
struct image_entry {
	uint32_t lo, hi;
	uint32_t
		set; /* IMAGE_NONE but for LANE_INSPECTED; there too for the rest of a scope, whose protocol nobody knows */
	uint32_t conduit, lane;
};

struct image_set {
	uint32_t conduit, proto, options;
	struct image_span slots;
	struct image_span fatoms;
};
/* A rule as it applies between two classes: stations narrow it by server. */
struct image_slot {
	uint32_t rule;
	uint32_t listed; /* units are listed; otherwise any */
	struct image_span units;
};
enum image_fatom_flag {
	IMAGE_FATOM_RANGE = 1 << 0, /* operations without a range are not what the function does */
};
/* Function keys lo..hi, which the same rules allow. Sorted, disjoint. */
struct image_fatom {
	uint32_t lo, hi;
	uint32_t flags;
	struct image_span uatoms[2]; /* for reading, for writing */
	uint32_t guide[2];           /* of uatoms; IMAGE_NONE: none */
	uint32_t pad[3];
};
/* Units from this one up to the next atom's. The first of a function atom begins at 0. */
struct image_uatom {
	uint32_t lo;
	struct image_span aatoms;
	struct image_span all; /* cands of operations without a range */
	uint32_t guide;        /* of aatoms; IMAGE_NONE: none */
};
/*
 * Where to look among many atoms: word i is the last atom that begins at or before base + (i << shift), counted from the first
 * of them; the last word is of the end of the last stretch. Keys outside are looked for among all.
 */
struct image_guide {
	uint64_t base;
	uint32_t shift;
	struct image_span words;
	uint32_t pad;
};
/* Keys space << 32 | address, from this one up to the next atom's. The first of a unit atom begins at 0. */
struct image_aatom {
	uint64_t lo;
	struct image_span cands;
};
/*
 * A run of adjacent cells of one rule and direction: what it contains, the rule's addresses contain. plain: the kinds of access
 * (bits 1 << enum access) of operations that the rule allows once they lie in lo..hi, so that nothing of rule, slot and cells
 * need be looked at: the rule has no more to ask, its values bound none of the cells, and every unit of the atom that leads
 * here is one of the slot's.
 */
struct image_cand {
	uint32_t slot;
	uint32_t lo, hi;
	uint32_t cell; /* the first of the run; IMAGE_NONE: no range */
	uint16_t rule; /* the slot's */
	uint16_t plain;
};

/* Kinds of access for which a range is one to be changed, not read. */
#define IMAGE_CHANGES                                                                                        \
	(1u << ACCESS_WRITE | 1u << ACCESS_OPERATE | 1u << ACCESS_CONFIGURE | 1u << ACCESS_PROGRAM |         \
	 1u << ACCESS_OPAQUE)

#define IMAGE_PART(sym, name, type)                                                                          \
	static inline const type *image_##name(const struct image *m)                                        \
	{                                                                                                    \
		return (const type *)(const void *)((const char *)m + m->parts[IMAGE_##sym].at);             \
	}                                                                                                    \
	static inline uint32_t image_n_##name(const struct image *m)                                         \
	{                                                                                                    \
		return m->parts[IMAGE_##sym].n;                                                              \
	}
IMAGE_PARTS
#undef IMAGE_PART

/* A listed unit, origin or the like that no operation carries: only `any` covers it. */
#define IMAGE_UNIT_NONE UINT32_MAX

/* Are these the first octets of an image? What is not, is YAML. */
bool image_is(const void *data, size_t size);

/*
 * Size, magic, version and digest. 0, or -1 with one line in err ("image version 3, this is version 4"). Does not check what
 * policy_open() does.
 */
int image_verify(const void *image, size_t size, char *err, size_t errcap);

/* Writes the digest into the header. */
void image_seal(void *image, size_t size);

#endif
