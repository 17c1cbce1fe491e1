/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The matcher: a compiled image, opened read-only. No heap, no YAML, no clock, no system call: what the engine links.
 * Everything here is bounded by the image's own counts, which policy_open() has checked.
 */
#ifndef OTFW_RULES_POLICY_H
#define OTFW_RULES_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/proto.h"

enum lane { LANE_NONE, LANE_SAFETY, LANE_KERNEL, LANE_INSPECTED };
enum failure { FAILURE_CLOSED, FAILURE_OPEN };
enum policy_mode { MODE_ENFORCE, MODE_SHADOW, MODE_LEARN };
enum on_deny { DENY_RESET, DENY_DROP };
enum rate_per { RATE_PER_RULE, RATE_PER_CLIENT };
/* TYPE_RAW: numbers as the protocol itself types them, one per address. */
enum value_type {
	TYPE_RAW,
	TYPE_BOOL,
	TYPE_UINT16,
	TYPE_INT16,
	TYPE_UINT32,
	TYPE_INT32,
	TYPE_FLOAT32,
	TYPE_COUNT
};

/* Bits of a type whose numbers may be made of several addresses; 0 for types that are always at one. */
static inline unsigned policy_type_bits(uint32_t type)
{
	return type == TYPE_UINT16 || type == TYPE_INT16 ? 16
	       : type == TYPE_RAW || type == TYPE_BOOL   ? 0
	       : type < TYPE_COUNT                       ? 32
							 : 0;
}

#define UNLOCK_APPROVALS_MAX 4

#define POLICY_DIGEST   32
#define POLICY_NO_RULE  0xffffu
#define POLICY_NO_INDEX 0xffffu

struct image; /* rules/image.h: the layout; only compile and policy know it */

struct policy {
	const struct image *image;
	size_t size;
};

/*
 * Checks magic, version, size, every offset and every count of the image, then points p at it. Returns 0, or -1 with a
 * one-line message ("image version 3, this is version 4") in err. After success no lookup can leave the image.
 * The digest itself is checked by image_verify() (rules/image.h) before the image is handed to an engine: the engine links no
 * cryptography, and gets images only as sealed memory from the guardian.
 */
int policy_open(struct policy *p, const void *image, size_t size, char *err, size_t errcap);

/* SHA-256 over everything behind the digest, 32 octets. */
const uint8_t *policy_digest(const struct policy *p);
/* Of the policy proper: that of the image as it would be without an overlay (rules/overlay.h). The same where none is applied. */
const uint8_t *policy_base_digest(const struct policy *p);

/* ---- names and settings, for logs, status and the hook plan ---- */

struct policy_zone {
	const char *name;
	int level;
	enum failure failure;
	uint32_t deadline_us;
	bool safety;
	uint16_t queue; /* index of policy_queue() that inspected traffic to it uses by default */
};
struct policy_conduit {
	const char *name;
	enum lane lane;
	uint16_t to;    /* zone */
	uint16_t queue; /* POLICY_NO_INDEX for a safety lane */
	enum policy_mode mode;
	enum on_deny on_deny;
	enum failure failure;
	uint32_t deadline_us;
	uint64_t answer_within_us;
	uint32_t at_most;
	bool single_master;
	uint32_t first_rule, nrules; /* global rule numbers */
};
struct policy_rule {
	const char *id, *reason, *owner, *ticket;
	uint16_t conduit;
	enum lane lane;
	int proto; /* -1: L4 only */
};
struct policy_queue {       /* one engine each */
	const char *engine; /* "" for the common one */
	enum failure failure;
	uint32_t deadline_us; /* the shortest of its conduits */
};
unsigned policy_zones(const struct policy *p);
unsigned policy_conduits(const struct policy *p);
unsigned policy_rules(const struct policy *p);
unsigned policy_queues(const struct policy *p);
/* Each false past the end. */
bool policy_zone_get(const struct policy *p, unsigned i, struct policy_zone *out);
bool policy_conduit_get(const struct policy *p, unsigned i, struct policy_conduit *out);
bool policy_rule_get(const struct policy *p, unsigned i, struct policy_rule *out);
bool policy_queue_get(const struct policy *p, unsigned i, struct policy_queue *out);
/* How a rule is unlocked, and what an overlay has made of it. False for one that neither concerns, and past the end. */
struct policy_unlock {
	uint64_t max_us; /* 0: it has no `unlock`: an overlay added it (a permit) */
	unsigned approvals;
	bool lent;        /* it is in force by an overlay, */
	int64_t until_us; /* until then */
};
bool policy_unlock_get(const struct policy *p, unsigned rule, struct policy_unlock *out);
const char *policy_site(const struct policy *p);
/* A host's name for an address and unit ("p-101"), for an address ("gw-1"), or NULL. unit < 0: none. */
const char *policy_host_name(const struct policy *p, const uint8_t ip[16], int64_t unit);
/* Host i, one entry per address; false past the end. unit -1: the address alone, else a station behind it. */
struct policy_host {
	const char *name;
	uint8_t ip[16];
	int64_t unit;
};
bool policy_host_get(const struct policy *p, unsigned i, struct policy_host *out);
/* The zone an address lies in, or -1. */
int policy_zone_of(const struct policy *p, const uint8_t ip[16]);

/* ---- what the hook plan must express ---- */

/* Addresses in IPv6 form, IPv4 as ::ffff:a.b.c.d with plen 96..128. */
struct policy_net {
	uint8_t ip[16];
	uint8_t plen;
};
/*
 * One box of tuples that a lane takes, replies included. Boxes of one policy are distinct and sorted by conduit; boxes of
 * different conduits never overlap; both nets are of one family. In enforce mode only what a rule names; in learn and
 * shadow mode the conduit's whole scope as well: on its protocols' default ports, and on all others (`rest`). For LANE_SAFETY client and server are two peers (each pair
 * in both orders), or a peer and a multicast group: packets to the server's ports, and from those ports back.
 */
struct policy_flow {
	uint16_t conduit;
	uint16_t
		rule; /* the first that names it (kernel lane: counters); POLICY_NO_RULE: scope, or safety lane */
	enum lane lane;
	enum policy_mode mode;
	enum failure failure;
	struct policy_net client, server;
	uint8_t ipproto; /* 6, 17, 1, 58 */
	uint16_t lo, hi; /* ports of the server; ICMP and ICMPv6: types */
	uint16_t queue;  /* POLICY_NO_INDEX unless LANE_INSPECTED */
	bool multicast;  /* server is a group */
	bool rest;       /* every port of the scope, for what nothing else of the conduit takes: comes last */
};
unsigned policy_flows(const struct policy *p);
bool policy_flow_get(const struct policy *p, unsigned i, struct policy_flow *out);

/* Network i of a zone; false past the end. Networks of different zones never overlap. */
bool policy_zone_net(const struct policy *p, unsigned zone, unsigned i, struct policy_net *out);

struct policy_safety {
	bool mirror;
	uint64_t watchdog_us; /* 0: none */
	uint32_t expect_max;  /* packets in expect_window_us; 0: none */
	uint64_t expect_window_us;
	unsigned interfaces; /* 0: any */
};
/* Settings of a conduit with LANE_SAFETY; false for any other. */
bool policy_safety_get(const struct policy *p, unsigned conduit, struct policy_safety *out);
/* Interface i of a safety conduit, or NULL past the end. */
const char *policy_interface(const struct policy *p, unsigned conduit, unsigned i);
/* Peer i, multicast group i of a safety conduit; false past the end. */
bool policy_peer(const struct policy *p, unsigned conduit, unsigned i, struct policy_net *out);
bool policy_group(const struct policy *p, unsigned conduit, unsigned i, struct policy_net *out);

/* Has a safety conduit an alarm (mirror, watchdog, expect), so that its packets are copied? False for any other conduit. */
bool policy_copies(const struct policy *p, unsigned conduit);
/* Writes src into buf as the kernel's tools take it in a comment: letters, digits and -_./: only. Returns buf. */
const char *policy_clean(const char *src, char *buf, size_t cap);
/* What a copy carries to say its conduit. Returns buf. */
#define POLICY_COPY_NAME 56 /* terminated */
const char *policy_copy_name(const char *conduit, char buf[POLICY_COPY_NAME]);

/* Extra EtherTypes a bridge lets pass, as sorted ranges. */
bool policy_ethertype(const struct policy *p, unsigned i, uint16_t *lo, uint16_t *hi);

/* ---- from tuple to rule set: once per flow ---- */

/* Addresses in IPv6 form, IPv4 as ::ffff:a.b.c.d, as seen in forwarding; ports in host order. ICMP: dport is the type. */
struct tuple {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t ipproto;
};

struct route {
	enum reason
		reason; /* REASON_NONE, or NO_ZONE, NO_CONDUIT, NO_RULE: then only zone and conduit may be set */
	bool from_server; /* the tuple runs from server to client */
	enum lane lane;
	enum policy_mode mode;
	enum failure failure;
	enum on_deny on_deny;
	bool single_master;
	int proto; /* enum proto_id; -1 for LANE_KERNEL, LANE_SAFETY, and what learn and shadow take of unknown ports and protocols */
	uint16_t conduit; /* POLICY_NO_INDEX: none */
	uint16_t zone;    /* the conduit's `to` zone, or that of dst; POLICY_NO_INDEX: none */
	uint16_t queue;
	uint32_t ruleset; /* opaque; valid for this image only */
	uint32_t options; /* leniencies: the union over the rule set, for pdu_in.options */
	uint32_t deadline_us;
	uint64_t answer_within_us;
};

/*
 * Which conduit and rule set a packet belongs to. The tuple is tried as client to server; if that finds none and `both`
 * is set, as server to client. A conduit in learn or shadow mode takes every tuple of its scope, so that what no rule names can be
 * seen; what is neither a rule's nor on a port of its protocols comes with LANE_INSPECTED and proto -1.
 */
void policy_route(const struct policy *p, const struct tuple *t, bool both, struct route *out);

/* ---- from operations to a verdict: once per PDU ---- */

struct policy_now {
	int64_t unix_us;
	bool clock_good; /* false: rules with `when` or `until` are off */
	/* Not 0: what is judged belongs to a job that was begun under the rule whose match.job this is: it passes by it though it is locked. */
	uint64_t job;
};

/* Token buckets of rules with `rate`, in memory the caller owns (zeroed at first): no heap. */
struct rate_slot {
	uint64_t key; /* of rule and client; 0: free */
	uint64_t tat; /* theoretical arrival time (GCRA), in 256ths of a us */
};
struct rates {
	struct rate_slot *slots;
	uint32_t n; /* a power of two */
};

/* Why, in numbers; policy_detail() turns it into a sentence. Filled on allow as well (rule of operation 0). */
struct match {
	enum reason reason; /* REASON_NONE: every operation is allowed */
	uint16_t rule; /* global number: that allowed operation 0, or that came closest; POLICY_NO_RULE */
	uint16_t op;   /* the operation that failed */
	uint16_t arg;  /* REASON_ARGUMENT: which; REASON_VALUE: 1 when it is no number (NaN) */
	uint32_t
		cell; /* REASON_ADDRESS, VALUE*: the rule's range that came closest, image-internal; UINT32_MAX: none */
	uint32_t at;    /* REASON_VALUE, VALUE_CUT: the first address of the value that failed */
	int64_t got;    /* the value, function key, unit ... that failed */
	int64_t lo, hi; /* the interval it was held against (the nearest one) */
	bool is_float;  /* got, lo, hi are op_order_double() numbers */
	/* A rule with `unlock` allowed operation 0, or would have if it were unlocked: its name as a number, the same in every image. Else 0. */
	uint64_t job;
};

/*
 * Judges every operation of a PDU against one rule set. REASON_NONE and out filled when each is contained in one rule;
 * rate tokens are taken only then. `client` is the client's address (rates). Rates may be NULL: then no rate is enforced.
 */
enum reason policy_match(const struct policy *p, uint32_t ruleset, const struct pdu *pdu,
			 const uint8_t client[16], const struct policy_now *now, struct rates *rates,
			 struct match *out);

/* The same; where every operation is allowed, used[i] is the rule that allowed operation i. NULL: nobody asks. */
enum reason policy_match_used(const struct policy *p, uint32_t ruleset, const struct pdu *pdu,
			      const uint8_t client[16], const struct policy_now *now, struct rates *rates,
			      struct match *out, uint16_t used[PDU_OPS_MAX]);

/*
 * Does every operation of a PDU stay below the conduit's at-most? Learn mode stops here: what is beyond is denied with
 * REASON_ACCESS. False for a PDU without operations and for a conduit that is none.
 */
bool policy_at_most(const struct policy *p, unsigned conduit, const struct pdu *pdu);

/*
 * The sentence for a verdict: "holding 40..60 is not inside 40..49 of rule hmi-pumps/set". Empty without a match (a fault
 * from the wire has its field and offset instead). op may be NULL. Returns the length as snprintf does.
 */
size_t policy_detail(const struct policy *p, const struct op *op, int proto, const struct match *m, char *buf,
		     size_t cap);

/*
 * Would rule `rule` alone allow this operation, and if not, which check fails first? For `otfwctl explain`. REASON_NO_RULE when
 * it is not for this client and server; where either is NULL, addresses are not asked. Rates are not looked at.
 */
enum reason policy_try(const struct policy *p, unsigned rule, const struct op *op, int proto,
		       const uint8_t client[16], const uint8_t server[16], const struct policy_now *now,
		       struct match *out);

#endif
