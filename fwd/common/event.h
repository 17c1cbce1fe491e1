/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events: what an engine or the guardian has to say, as fixed-size records in a ring in shared memory. One producer, one
 * consumer; the producer never waits: it overwrites, and the reader counts what it lost. Numbers only: names come from the
 * policy image of the same generation, when the recorder writes the line.
 */
#ifndef OTFW_FWD_COMMON_EVENT_H
#define OTFW_FWD_COMMON_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocols/proto.h"
#include "rules/policy.h"

enum event_type {
	EVENT_NONE,
	EVENT_DENY,
	EVENT_SHADOW_DENY,
	EVENT_ALERT,
	EVENT_UNINSPECTED,
	EVENT_LEARN,
	EVENT_POLICY,
	EVENT_STATE,
	EVENT_AUDIT,
	EVENT_SHADOW_ALLOW, /* a candidate would allow what is denied */
	EVENT_TYPES
};

#define EVENT_VALUES 16 /* written values kept */
#define EVENT_KEY    64
#define EVENT_FIELD  40
#define EVENT_TEXT   160

#define EVENT_ACTION 24
#define EVENT_OBJECT 64
#define EVENT_WHY    96
#define EVENT_TICKET 64
#define EVENT_NOBODY UINT32_MAX /* uid, login: nobody asked, a time was over or a start found it so */

enum event_has { EVENT_HAS_TUPLE = 1, EVENT_HAS_OP = 2, EVENT_HAS_MATCH = 4, EVENT_HAS_FAULT = 8 };

/* A copy of what an event says of one operation: no views. */
struct event_op {
	uint8_t dir, access, has, values_form; /* as in struct op */
	uint8_t values_kind, nargs;
	uint16_t function, sub;
	uint32_t unit, origin, space, first, last;
	uint32_t nvalues; /* of the operation; the first EVENT_VALUES are kept */
	uint32_t key_len;
	int64_t values[EVENT_VALUES];
	struct op_arg args[OP_ARGS_MAX];
	uint8_t key[EVENT_KEY];
};

/* What an EVENT_AUDIT says beside its text. Strings of another process need not be terminated. */
struct event_audit {
	uint32_t uid,
		login; /* by the peer credentials of the control socket; who logged in, where that is another (sudo) */
	uint8_t refused, has_before, has_after;
	char action[EVENT_ACTION]; /* one word, as the command is called */
	char object[EVENT_OBJECT]; /* a zone, "conduit/id"; empty: the policy as a whole */
	char reason[EVENT_WHY];
	char ticket[EVENT_TICKET];
	/* Digests of the policy in force before and after; equal where nothing of it has changed. */
	uint8_t before[POLICY_DIGEST], after[POLICY_DIGEST];
};
_Static_assert(sizeof(struct event_audit) <= sizeof(struct event_op), "an audit event makes no event larger");

struct event {
	_Atomic uint64_t seq;         /* ring position + 1, written last; 0 while it is being written */
	int64_t ts_us;                /* wall clock */
	uint32_t generation;          /* of the policy image whose names apply */
	uint16_t type;                /* enum event_type */
	uint16_t reason;              /* enum reason */
	uint16_t has;                 /* enum event_has */
	uint16_t zone, conduit, rule; /* POLICY_NO_INDEX, POLICY_NO_RULE */
	int16_t proto;
	uint8_t mode;      /* enum policy_mode */
	uint8_t transport; /* enum transport, 0: none */
	bool from_server;
	uint8_t failure;
	bool candidate;      /* by the candidate of this generation, not by the policy in force: */
	uint16_t now_reason; /* enum reason of that */
	uint32_t packet_id;  /* NFQUEUE id */
	uint32_t flow;       /* slot in the flow table */
	uint32_t count;      /* how many of its kind this one stands for, 1 at least */
	struct tuple tuple;  /* as the packet went */
	uint32_t fault_offset;
	char fault_field[EVENT_FIELD];
	struct match match;
	union {
		struct event_op op;       /* EVENT_HAS_OP */
		struct event_audit audit; /* EVENT_AUDIT */
	};
	char text[EVENT_TEXT]; /* EVENT_STATE, EVENT_POLICY, EVENT_ALERT, EVENT_AUDIT: what happened */
};

#define RING_EVENTS 4096u /* a power of two */
struct ring {
	_Atomic uint64_t head; /* events ever written */
	struct event slots[RING_EVENTS];
};

/* Copies e into the ring. Never waits. */
void ring_put(struct ring *r, const struct event *e);
/*
 * The next event at *tail; advances it. 1: out is filled. 0: nothing new. When events were overwritten before they were
 * read, *tail jumps to the oldest kept one and *lost grows by the number skipped. The other process is not trusted: numbers in
 * out can be anything, names of fields need not be terminated.
 */
int ring_get(struct ring *r, uint64_t *tail, struct event *out, uint64_t *lost);

/* Copies an operation. */
void event_op_from(struct event_op *out, const struct op *op);
/* The reverse: an operation whose views point into e. Values beyond EVENT_VALUES are gone (see nvalues). */
void event_op_to(const struct event_op *e, struct op *out);

#endif
