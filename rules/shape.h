/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of an operation: what is left of it when time, transaction and the single value are taken away, and how often and
 * when it was seen. Learning keeps shapes, rules/cover.h writes the rules that allow them.
 */
#ifndef OTFW_RULES_SHAPE_H
#define OTFW_RULES_SHAPE_H

#include <stddef.h>

#include "rules/policy.h"

#define SHAPE_KEY 96 /* octets of a symbolic name that are kept; of a longer one the rest is a hash */

enum shape_values { SHAPE_NO_VALUES, SHAPE_VALUES_UNKNOWN, SHAPE_INTEGERS, SHAPE_FLOATS };

/* Shapes are equal when everything before `min` is, octet for octet: what is not used is 0. */
struct shape {
	uint8_t client[16], server[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t generation;            /* of the policy that numbers the conduit; 0 outside an engine */
	uint16_t conduit;
	uint16_t port;   /* the server's; ICMP: the type */
	uint8_t ipproto; /* 6, 17, 1, 58 */
	uint8_t nargs;
	int16_t proto; /* -1: a protocol or port that is not known; nothing below says anything then */
	uint8_t dir, access, has; /* as in struct op */
	uint8_t values;           /* enum shape_values */
	uint16_t function, sub;
	uint32_t unit, origin, space, first, last;
	uint32_t key_len; /* on the wire */
	uint64_t key_hash;
	uint8_t key[SHAPE_KEY];
	uint16_t arg_name[OP_ARGS_MAX];
	int64_t arg[OP_ARGS_MAX];
	/* evidence */
	int64_t min, max; /* of all values written; SHAPE_FLOATS: op_order_double() */
	uint64_t count;
	int64_t first_us, last_us; /* unix time */
	uint32_t days;             /* on how many days it was seen; 0: not known */
	uint32_t client_days;      /* and its client, whatever it did */
};
#define SHAPE_IDENTITY offsetof(struct shape, min)

/*
 * The shape of one operation (NULL: all that is known are the ends), seen once. client, server, port: of the tuple as it runs
 * from client to server.
 */
void shape_of(struct shape *s, uint16_t conduit, const struct tuple *to_server, int proto,
	      const struct op *op, int64_t now_us);
uint64_t shape_hash(const struct shape *s);
bool shape_same(const struct shape *a, const struct shape *b);
/* More of the same: counts, times, values. */
void shape_add(struct shape *to, const struct shape *more);

#define SHAPE_OP_VALUES 2048
/* What shape_op() made: an operation of that shape, whose views point into it (so it is not copied). */
struct shape_op {
	struct op op;
	uint8_t values[SHAPE_OP_VALUES * 8];
};
/* high: it writes the largest value seen, else the smallest. */
void shape_op(const struct shape *s, bool high, struct shape_op *out);
/*
 * Does the policy's rules (not its learn or shadow mode) allow it, whatever the hour? A name that was cut is not allowed.
 */
bool shape_allowed(const struct policy *p, const struct shape *s);

#endif
