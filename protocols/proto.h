/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of a protocol: framing, decoding, and the vocabularies that give YAML, logs and golden files
 * their names. A protocol knows nothing of rules, flows or processes. README.md is the recipe for a new one.
 */
#ifndef OTFW_PROTOCOLS_PROTO_H
#define OTFW_PROTOCOLS_PROTO_H

#include "protocols/op.h"

#define PDU_OPS_MAX     64  /* operations of one PDU: more is REASON_TOO_MANY_OPERATIONS */
#define PROTO_STATE_MAX 512 /* octets of per-flow protocol state */
#define PROTO_PDU_MAX   65535
#define PDU_SCRATCH     4352 /* octets put together from parts: 16 times a link frame, a COTP message of 4096 */
#define PROTO_PORTS_MAX 4

enum transport { TRANSPORT_TCP = 1, TRANSPORT_UDP = 2 };

/* What the fixed header alone says of the bytes at a PDU boundary. */
enum frame_state {
	FRAME_MORE, /* too few bytes to tell */
	FRAME_PDU,  /* a PDU of .length octets starts here (they need not all be there yet) */
	FRAME_BAD,  /* this is no PDU: .fault says why */
};
struct frame {
	enum frame_state state;
	uint32_t length;
	struct fault fault;
};

/*
 * A request that waits for its answer. Decoding a request fills one in; the flow keeps it (only when the
 * request was allowed) and hands the table back when it decodes an answer. Fields are the decoder's to use.
 */
struct asked {
	uint64_t expires_us; /* the flow's: 0 = slot free */
	uint32_t id;         /* transaction id, invoke id, sequence ...; what pairs answer and request */
	uint32_t unit;
	uint32_t space, first, last;
	uint32_t size;   /* what the answer must hold, in the protocol's own unit */
	uint32_t aux[2]; /* whatever else the answer is checked against */
	uint16_t function, sub;
	uint16_t rule; /* the flow's: the rule that allowed it */
	uint8_t has;   /* enum op_has of the request */
	uint8_t flags; /* the decoder's */
};

struct pdu_in {
	const uint8_t *data;
	uint32_t len;       /* exactly one PDU, as frame() measured it (a datagram for UDP) */
	bool from_server;   /* which end sent it */
	bool answers_known; /* asked[] is complete: false when a capture or a session began in the middle */
	const struct asked *asked; /* all slots of the flow, free ones included; NULL with nasked 0 */
	uint32_t nasked;
	int64_t now_us; /* monotonic; for what has to follow within a time (select before operate) */
	void *state; /* a scratch copy of the flow's protocol state, state_size octets: kept only if the PDU passes */
	uint32_t options; /* bits of struct proto.options that the rule set switched on */
};

/*
 * What a request says of who is in control of a station. Held against it only in a conduit with `single-master`: there one client
 * has control, and what another one asks for is REASON_ANOTHER_MASTER until it takes over, or the first was silent for CLAIM_IDLE_US.
 */
enum claim {
	CLAIM_NONE,
	CLAIM_USE,  /* only for who is in control, or for anyone while nobody is: who comes first is it */
	CLAIM_TAKE, /* takes control, from whoever has it (STARTDT of IEC 60870-5-104) */
	CLAIM_GIVE, /* gives it back */
	CLAIM_KEEP, /* asks for nothing: who is in control shows that it is still there */
};
#define CLAIM_SERVER UINT32_MAX

/*
 * Datagrams beside a session that one of its messages opens or closes, too frequent to wait for user space (CIP's implicit
 * messages). The kernel lets them pass by their ends, their destination port, their length and 32 bits at a fixed place, for as long as
 * they keep coming.
 */
struct pdu_opening {
	bool close;        /* by ends, port and id, whatever the length */
	bool from_server;  /* who sends them */
	bool to_group;     /* to .group instead of the other end */
	uint8_t group[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;     /* UDP */
	uint16_t lo, hi;   /* octets behind the UDP header */
	uint32_t id;       /* octets 6 to 9 of them, most significant first */
};
#define PDU_OPENINGS 4

/*
 * What a device says of itself in an answer (Modbus device identification, S7 SZL, CIP identity, DNP3 attributes): for the inventory, never for a
 * verdict. As text, a view of the PDU (or of its scratch) that holds any octets, or as a number where .text.data is NULL.
 */
enum ident_kind {
	IDENT_VENDOR,
	IDENT_PRODUCT, /* what it is called in a catalogue */
	IDENT_ORDER,   /* order code, product code */
	IDENT_VERSION, /* a number: major << 16 | minor */
	IDENT_SERIAL,
	IDENT_NAME, /* what its owner calls it */
	IDENT_PLACE,
	IDENT_KIND, /* what kind of device */
	IDENT_COUNT
};
struct pdu_ident {
	uint8_t kind; /* enum ident_kind */
	bool has_unit;
	uint32_t unit; /* the station, where the protocol has them */
	uint32_t number;
	struct view text;
};
#define PDU_IDENTS 8 /* of one PDU; more are left out */

/* A decoded PDU. nops counts only when fault.reason is REASON_NONE. ops past nops are not initialised. */
struct pdu {
	struct fault fault;
	bool answer_expected; /* a request: the flow keeps .ask until it is answered */
	bool answer_more;     /* an answer that others follow: its request goes on waiting */
	uint8_t claim;        /* enum claim */
	bool exception;       /* an answer that says no: .exception_code */
	uint8_t exception_code;
	int32_t answers;  /* index into asked[], or -1: an answer nobody asked for, or not an answer */
	uint32_t id;      /* transaction id as on the wire, 0 where there is none */
	uint32_t claimed; /* the station that .claim is about; CLAIM_SERVER: the server as a whole */
	uint32_t nops;
	uint16_t nopenings; /* in effect when the message passes */
	uint16_t nidents;
	struct pdu_opening openings[PDU_OPENINGS];
	struct pdu_ident idents[PDU_IDENTS];
	struct asked ask;
	struct op ops[PDU_OPS_MAX];
	uint8_t scratch
		[PDU_SCRATCH]; /* the decoder's: octets put together that do not lie side by side in the PDU */
};

/* Where a decoder begins: nothing asked, nothing answered, no operation yet. The large arrays are left as they are. */
static inline void pdu_open(struct pdu *p)
{
	p->answer_expected = p->answer_more = p->exception = false;
	p->claim = CLAIM_NONE;
	p->exception_code = 0;
	p->answers = -1;
	p->id = 0;
	p->claimed = 0;
	p->nops = 0;
	p->nopenings = p->nidents = 0;
}

/* One more of them; empty text says nothing, and what there is no room for is left out. */
static inline void pdu_tell(struct pdu *p, const struct pdu_ident *i)
{
	if (p->nidents < PDU_IDENTS && (i->text.len > 0 || !i->text.data))
		p->idents[p->nidents++] = *i;
}
/* "vendor" ... "kind"; NULL for a number that is none. */
const char *ident_name(unsigned kind);

/* ---- vocabularies: static tables, the end marked by name == NULL ---- */

enum fn_flags {
	FN_RANGE = 1 << 0,  /* its operations carry space and range: a rule must bound them */
	FN_VALUES = 1 << 1, /* writes values: a rule must bound them or say any */
	FN_OPAQUE = 1 << 2, /* content is not read: only a rule that names this very function allows it */
	FN_GROUP = 1 << 3,  /* a name for several (lo..hi): good in rules, never the name of an operation
			       that a narrower entry names */
	FN_KEY = 1 << 4,    /* its operations may carry a symbolic name: a rule must list names or say any */
	FN_SESSION =
		1
		<< 5, /* belongs to the session itself (connect, keep alive, acknowledge): a rule with a profile
				has it beside the functions of its points */
	/* A job of several requests. A rule with `unlock` that is locked again lets a job that was begun go on to its end, and no new one begin. */
	FN_BEGINS = 1 << 6,    /* begins one */
	FN_CONTINUES = 1 << 7, /* belongs to one that was begun; with FN_RANGE: in spaces that have `job` */
	FN_ENDS = 1 << 8,      /* so does this, and is its end */
	FN_STOPS = 1 << 9,  /* starts, stops or restarts a device or what runs on it: no `permit` allows it */
	FN_NAMED = 1 << 10, /* skips a safeguard: points of a profile do not imply it, a rule must name it */
};
/* It may carry named integer i of struct proto.args: a rule must bound it or say any. An operation carries it wherever the
 * message has it; where it has not, the bound says nothing. */
#define FN_ARG(i)   (1u << (11 + (i)))
#define FN_ARGS     0xfffff800u
#define FN_ARGS_MAX 21
struct vocab_function {
	uint32_t lo, hi; /* function << 16 | sub, inclusive; lo == hi for a single one */
	const char *name;
	uint32_t access; /* bits 1 << enum access that its requests carry */
	uint32_t flags;  /* enum fn_flags */
	const char *doc;
};

struct vocab_space {
	uint32_t code;
	const char *name;
	uint32_t min, max; /* zero-based addresses */
	uint8_t bits;      /* an address holds so many bits (coil 1, register 16) */
	bool writable;
	bool job; /* what FN_CONTINUES functions do here may belong to a job */
	uint32_t
		modicon_first; /* the written number of address 0 in `addressing: modicon`, 5-digit form; 0: none */
	uint32_t modicon_last;
	uint32_t modicon_first6, modicon_last6; /* 6-digit form */
	/* Not 0: an address is major * minors + minor and is written `major/minor` (DB 10, byte 4: 10/4); `major` alone is all of
	 * its minors. */
	uint32_t minors;
	const char *doc;
};

struct vocab_arg {
	const char *key;  /* YAML key in a rule */
	const char *name; /* in logs */
	const struct vocab_name {
		int64_t value;
		const char *name;
	} * names; /* optional names of values */
	const char *doc;
};

struct vocab_option {
	uint32_t bit;
	const char *key;
	const char *doc;
	/* The reason that it takes away, and the field that is at fault then (NULL: any). NONE: none that a message shows. */
	enum reason forgives;
	const char *field;
};
/* The option of p that takes such a fault away, or NULL. */
const struct vocab_option *proto_option_for(const struct proto *p, enum reason reason, const char *field);

struct proto {
	const char *name;
	const char *title; /* for people: "Modbus/TCP" */
	uint8_t transports;
	uint16_t ports[PROTO_PORTS_MAX]; /* 0 ends */
	uint32_t max_pdu;
	uint32_t header;        /* octets frame() needs at most to tell */
	uint32_t state_size;    /* <= PROTO_STATE_MAX */
	const char *unit_key;   /* YAML key for stations: "units"; NULL when the protocol has none */
	const char *origin_key; /* YAML key for asking stations, or NULL */
	const char
		*name_key; /* YAML key for symbolic names (OP_KEY): "tags"; NULL when the protocol has none */
	uint32_t unit_max, origin_max;
	bool opens; /* its messages may open the way for datagrams beside the session (struct pdu_opening) */
	const struct vocab_function *functions;
	const struct vocab_space *spaces;
	const struct vocab_arg *args;       /* may be NULL */
	const struct vocab_option *options; /* may be NULL */
	/* What tells a job from another of the same rule and station: FN_RANGE (the first address), FN_ARG; 0: nothing. */
	uint32_t job_of;

	/* Looks at len octets at a PDU boundary, TCP only. Never reads past len, never needs more than .header. */
	struct frame (*frame)(const uint8_t *data, uint32_t len, bool from_server);
	/* Decodes one PDU. Always sets fault; on success nops >= 1 and every op below it. No other effect. */
	void (*decode)(const struct pdu_in *in, struct pdu *out);
};

/* The registry, from protocols.def. Index = the protocol's number inside one build. */
enum proto_id {
#define PROTOCOL(sym) PROTO_##sym,
#include "protocols/protocols.def"
#undef PROTOCOL
	PROTO_COUNT
};
const struct proto *proto_get(unsigned id);   /* NULL past the end */
int proto_find(const char *name, size_t len); /* id or -1 */
/* The protocol whose default port this is, or -1. */
int proto_by_port(enum transport t, uint16_t port);

/* Names. All NULL or -1 when there is none. Linear in the vocabulary: for text and for compiling rules, not for packets. */
/* The narrowest entry without FN_GROUP that covers the key: what says flags and access. It is the operation's own name where lo == hi. */
const struct vocab_function *proto_function(const struct proto *p, uint32_t key);
const struct vocab_function *proto_function_find(const struct proto *p, const char *name, size_t len);
const struct vocab_space *proto_space(const struct proto *p, uint32_t code);
const struct vocab_space *proto_space_find(const struct proto *p, const char *name, size_t len);

/*
 * Addresses first..last of a space (NULL: of none) as people write them: "40..41", "10/4", "10/0..10/9", "10" for all of major 10. Returns
 * the length it needed (as snprintf).
 */
size_t proto_range_print(const struct vocab_space *s, uint32_t first, uint32_t last, char *buf, size_t cap);
#define PROTO_RANGE_TEXT 48

/* The slot of asked[] that waits for id, or -1. */
int32_t asked_find(const struct asked *asked, uint32_t n, uint32_t id);

#endif
