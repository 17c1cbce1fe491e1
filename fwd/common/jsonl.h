/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON lines: the one place that knows how a packet, an operation or an event looks to other programs. A line is written
 * into a buffer of the caller's, so that a large capture costs no allocation per line. Field names are an interface: see
 * doc/otfwctl.md.
 */
#ifndef OTFW_FWD_COMMON_JSONL_H
#define OTFW_FWD_COMMON_JSONL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fwd/common/event.h"
#include "protocols/op.h"
#include "rules/policy.h"

/* Holds the longest line there can be: a name of PROTO_PDU_MAX octets, each escaped, or as many values. */
#define JSONL_MAX (1u << 20)

struct jsonl {
	char *buf;
	size_t cap, len;
	bool cut;   /* the buffer was too small: the line must not be used */
	bool comma; /* the next member needs one before it */
};

void jsonl_open(struct jsonl *j, char *buf, size_t cap);

/*
 * Members of the object or array at hand. key NULL inside arrays. Strings: what is not UTF-8 becomes U+FFFD; a NULL
 * string is null. jsonl_time: microseconds as seconds with six decimals.
 */
void jsonl_object(struct jsonl *j, const char *key);
void jsonl_object_end(struct jsonl *j);
void jsonl_array(struct jsonl *j, const char *key);
void jsonl_array_end(struct jsonl *j);
void jsonl_str(struct jsonl *j, const char *key, const char *s);
void jsonl_strn(struct jsonl *j, const char *key, const void *s, size_t n);
void jsonl_int(struct jsonl *j, const char *key, int64_t v);
void jsonl_uint(struct jsonl *j, const char *key, uint64_t v);
void jsonl_double(struct jsonl *j, const char *key, double v);
void jsonl_bool(struct jsonl *j, const char *key, bool v);
void jsonl_null(struct jsonl *j, const char *key);
void jsonl_time(struct jsonl *j, const char *key, int64_t us);
/* What is JSON already. */
void jsonl_raw(struct jsonl *j, const char *key, const void *json, size_t n);
/* Ends the line: a newline, and a terminating 0 that len does not count. */
void jsonl_line(struct jsonl *j);

/* ---- what every kind of line shares ---- */

#define ADDRESS_TEXT 48 /* an IPv6 address, terminated */
#define DETAIL_TEXT  512

/* An address as people write it: IPv4 dotted where it is mapped. Returns buf. */
const char *address_print(const uint8_t ip[16], char buf[ADDRESS_TEXT]);
/*
 * A station's name ("p-101") where unit >= 0 and it has one, else the host's, else its address (in addr). p may be NULL.
 */
const char *end_name(const struct policy *p, const uint8_t ip[16], int64_t unit, char addr[ADDRESS_TEXT]);
/* "tcp", "udp", NULL. */
const char *transport_name(unsigned transport);
const char *mode_name(unsigned mode);
const char *failure_name(unsigned failure);
const char *event_name(unsigned type);
/* 64 lower-case hexadecimal digits. */
void digest_print(const uint8_t digest[POLICY_DIGEST], char hex[2 * POLICY_DIGEST + 1]);
/* "conduit/id" of a global rule number; false when there is no such rule (buf is then empty). */
bool rule_print(const struct policy *p, unsigned rule, char *buf, size_t cap);
/* "conduit/id", or null. */
void jsonl_rule(struct jsonl *j, const char *key, const struct policy *p, unsigned rule);

/* src, sport, dst, dport, transport. */
void jsonl_tuple(struct jsonl *j, const struct tuple *t, unsigned transport);

/*
 * dir, unit, function, function_name, access, space, first, last, key, values; then where there are any: sub, origin,
 * args. What the operation does not have is null. nvalues: how many values the operation had (more than op.values.count
 * when a copy kept only the first ones: then `values_total` is added).
 */
void jsonl_op(struct jsonl *j, const struct op *op, const struct proto *proto, uint32_t nvalues);

/*
 * Why, as a sentence: from the policy (m and its rule), from the wire (fault: "field at offset N: text"), or the reason's
 * own text. Each of p, op, m and fault may be NULL. Returns the length as snprintf does.
 */
size_t detail_print(const struct policy *p, const struct op *op, int proto, enum reason reason,
		    const struct match *m, const struct fault *fault, char *buf, size_t cap);

/*
 * "hmi-1 -> p-101:502 modbus request unit 4 write-single-register holding 40 = 5": what logs print and `otfwctl explain`
 * reads. t is the packet's tuple, from_server tells which end of it is the server. p may be NULL: then addresses only.
 */
size_t operation_print(const struct policy *p, const struct tuple *t, bool from_server, const struct op *op,
		       int proto, char *buf, size_t cap);

/*
 * A whole line for an event. p: the image of the event's generation, or NULL when it is no longer known: names are null then.
 * source: whose ring it came from ("engine"), with the queue's number and the event's place in the ring; NULL: not said. id: by which
 * `otfwctl why` knows it, or NULL.
 */
void jsonl_event(struct jsonl *j, const struct event *e, const struct policy *p, const char *id,
		 const char *source, unsigned queue);

#endif
