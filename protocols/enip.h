/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the EtherNet/IP decoder share. From the wire inwards: enip.c (frame, sessions, items), cip_path.c (EPATH),
 * cip.c (requests), cip_logix.c (tags), cip_conn.c and cip_io.c (connections), cip_pccc.c, cip_answer.c (answers), enip_vocab.c (names).
 * Other code knows EtherNet/IP only through proto.h.
 */
#ifndef OTFW_PROTOCOLS_ENIP_H
#define OTFW_PROTOCOLS_ENIP_H

#include "protocols/proto.h"

enum {
	ENIP_HEADER = 24,
	ENIP_DATA_MAX = 4096, /* octets behind the header: a connection of 4000 octets and its items */
	ENIP_PDU_MAX = ENIP_HEADER + ENIP_DATA_MAX,
	ENIP_PORT = 44818,
	ENIP_IO_PORT = 2222,
	CIP_LEVELS_MAX = 3,  /* messages inside messages */
	CIP_PAIRS_MAX = 3,   /* class and instance inside class and instance */
	CIP_POINTS_MAX = 3,  /* connection points of a path */
	CIP_INDEXES_MAX = 3, /* dimensions of an array */
	CIP_KEY_MAX = 255,   /* octets of a tag's whole name */
	CIP_ITEMS_MAX = 4,   /* items of a SendRRData: address, data, and two socket addresses */
	CIP_CONNS_MAX = 16,
	CIP_LIST_MAX = 32,       /* items of an answer to a List command */
	CIP_IDENTITY_FIXED = 14, /* octets of an identity before its name */
};

/* Encapsulation commands: CIP Volume 2, 2-3.2. As functions they carry ENIP_FN. */
enum {
	ENIP_NOP = 0x00,
	ENIP_LIST_SERVICES = 0x04,
	ENIP_LIST_IDENTITY = 0x63,
	ENIP_LIST_INTERFACES = 0x64,
	ENIP_REGISTER = 0x65,
	ENIP_UNREGISTER = 0x66,
	ENIP_RR_DATA = 0x6f,
	ENIP_UNIT_DATA = 0x70,
};
#define ENIP_FN 0x100u

/* Common packet format items: CIP Volume 2, 2-6.2. */
enum {
	CPF_NULL = 0x0000,
	CPF_IDENTITY = 0x000c,
	CPF_CONNECTED_ADDRESS = 0x00a1,
	CPF_CONNECTED_DATA = 0x00b1,
	CPF_UNCONNECTED_DATA = 0x00b2,
	CPF_SERVICES = 0x0100,
	CPF_SOCKET_OT = 0x8000,
	CPF_SOCKET_TO = 0x8001,
	CPF_SEQUENCED_ADDRESS = 0x8002,
};

/* CIP services: Volume 1, appendix A; from 0x4b on their meaning is the class's, and the sub-function says the class. */
enum {
	CIP_GET_ALL = 0x01,
	CIP_SET_ALL = 0x02,
	CIP_GET_LIST = 0x03,
	CIP_SET_LIST = 0x04,
	CIP_RESET = 0x05,
	CIP_START = 0x06,
	CIP_STOP = 0x07,
	CIP_CREATE = 0x08,
	CIP_DELETE = 0x09,
	CIP_MULTIPLE = 0x0a,
	CIP_APPLY = 0x0d,
	CIP_GET_SINGLE = 0x0e,
	CIP_SET_SINGLE = 0x10,
	CIP_FIND_NEXT = 0x11,
	CIP_RESTORE = 0x15,
	CIP_SAVE = 0x16,
	CIP_NO_OPERATION = 0x17,
	CIP_GET_MEMBER = 0x18,
	CIP_SET_MEMBER = 0x19,
	CIP_INSERT_MEMBER = 0x1a,
	CIP_REMOVE_MEMBER = 0x1b,
	CIP_GROUP_SYNC = 0x1c,
	CIP_COMMON_LAST = 0x31,
	CIP_SERVICE_LAST = 0x63, /* 0x64 to 0x7f are reserved */
	CIP_READ_TAG = 0x4c,
	CIP_WRITE_TAG = 0x4d,
	CIP_MODIFY_TAG = 0x4e,
	CIP_READ_FRAGMENT = 0x52,
	CIP_WRITE_FRAGMENT = 0x53,
	CIP_INSTANCE_LIST = 0x55,
	CIP_EXECUTE_PCCC = 0x4b,
	CIP_FORWARD_CLOSE = 0x4e,
	CIP_UNCONNECTED_SEND = 0x52,
	CIP_FORWARD_OPEN = 0x54,
	CIP_CONNECTION_DATA = 0x56,
	CIP_SEARCH_CONNECTION = 0x57,
	CIP_LARGE_OPEN = 0x5b,
	CIP_FORCES_ON = 0x4d,
	CIP_FORCES_OFF = 0x4e,
	CIP_UNLOCK = 0x4c,
	CIP_FILE_UPLOAD = 0x4b,
	CIP_FILE_DOWNLOAD = 0x4c,
	CIP_FILE_PART_READ = 0x4d,
	CIP_FILE_PART_WRITE = 0x4e,
	CIP_FILE_UP_TRANSFER = 0x4f,
	CIP_FILE_DOWN_TRANSFER = 0x50,
	CIP_FILE_CLEAR = 0x51,
	CIP_ANSWER = 0x80,
};

/* Classes: Volume 1, chapter 5; those from 0x64 on are the vendor's, named after published descriptions. */
enum {
	CLASS_SYMBOLIC = 0, /* not a class: the path is a tag's name */
	CLASS_IDENTITY = 0x01,
	CLASS_ROUTER = 0x02,
	CLASS_ASSEMBLY = 0x04,
	CLASS_CONNECTION = 0x06,
	CLASS_FILE = 0x37,
	CLASS_TIME_SYNC = 0x43,
	CLASS_DLR = 0x47,
	CLASS_QOS = 0x48,
	CLASS_VENDOR = 0x64,
	CLASS_PCCC = 0x67,
	CLASS_PROGRAM = 0x68,
	CLASS_FORCES = 0x69,
	CLASS_SYMBOL = 0x6b,
	CLASS_TEMPLATE = 0x6c,
	CLASS_PROGRAM_LAST = 0x70,
	CLASS_LOCK = 0x74,
	CLASS_CONTROLLER = 0x8e,
	CLASS_NVS = 0xa1,
	CLASS_NETWORK_FIRST = 0xf0,
	CLASS_NETWORK_LAST = 0xf6,
	CLASS_OPEN_IO = 0xff06,     /* sub-function of an opening that is not for messages to the router */
	CLASS_OPEN_CONFIG = 0xfe06, /* sub-function of the configuration that an opening carries */
};

/* PCCC commands as functions: PCCC_FN | command, the sub-function is the function code. */
#define PCCC_FN 0x300u

enum { SPACE_OBJECT = 1, SPACE_ELEMENT = 2, SPACE_DATA_FILE = 3 };
#define CIP_MINORS 65536u

enum {
	ARG_ROUTE,
	ARG_ATTRIBUTE,
	ARG_MEMBER,
	ARG_RESET,
	ARG_TYPE,
	ARG_TRANSPORT,
	ARG_OT_RPI,
	ARG_TO_RPI,
	ARG_OT_SIZE,
	ARG_TO_SIZE,
	ARG_OT_TYPE,
	ARG_TO_TYPE,
	ARG_FILE_TYPE,
	ARG_SUB_ELEMENT,
	ARG_MODE,
};
/* Leniencies, struct pdu_in.options. */
enum { OPTION_GET_ALL_DATA = 1 << 0 };

/* Values of arguments that are none on the wire. */
#define ROUTE_DIRECT    0u
#define ROUTE_ELSEWHERE 0xffffu
#define SEVERAL         65536

/* Types of Logix data (Volume 1, C-6.1). */
enum { TYPE_BOOL = 0xc1, TYPE_STRING = 0xd0, TYPE_SHORT_STRING = 0xda, TYPE_STRUCTURE = 0x2a0 };

/* A connection of this session. Its three numbers in a row are what names it (Volume 1, 3-5.5.1.7). */
enum conn_state {
	CONN_FREE,
	CONN_ASKED,  /* opening was asked for */
	CONN_OPEN,   /* and answered */
	CONN_ASSUMED /* seen in use in a session that was found in its middle */
};
struct enip_conn {
	uint32_t ot, to; /* connection ids: to the server, and back */
	uint32_t originator;
	uint16_t vendor, serial;
	uint16_t route;
	uint8_t state;             /* enum conn_state */
	uint8_t explicit;          /* messages to the router */
	uint16_t ot_port, to_port; /* of its datagrams; 0: there are none this way */
	uint32_t group;            /* where those from the server go, 0: to the client */
};

enum { SESSION_NONE, SESSION_ASKED, SESSION_OPEN, SESSION_ASSUMED };
struct enip_state {
	uint32_t session;
	uint8_t registered; /* SESSION_... */
	uint8_t spare[3];
	struct enip_conn conns[CIP_CONNS_MAX];
};
_Static_assert(sizeof(struct enip_state) <= PROTO_STATE_MAX, "the state fits");

/* One decoding at work. */
struct enip {
	struct cursor c;
	const struct pdu_in *in;
	struct pdu *out;
	struct enip_state *st;
	const struct asked
		*asked; /* the request an answer belongs to; NULL: not known, or this is a request */
	uint32_t command;
	uint32_t session;
	uint32_t status;
	uint32_t context[2];
	uint32_t scratch; /* octets of out->scratch that are in use */
	uint32_t conn_id, sequence;
	bool connected; /* the message came on a connection */
	uint16_t route;
	uint32_t socket_to; /* offset of the T->O socket address item's data, 0: none */
	uint32_t socket_ot;
};

/* A path taken apart (Volume 1, C-1.4). */
struct cip_path {
	uint32_t start;    /* its first octet */
	uint32_t class[3]; /* CIP_PAIRS_MAX */
	uint32_t instance[3];
	uint32_t points[3];
	uint32_t attribute, member;
	struct view key;    /* the name of a tag */
	struct view config; /* a simple data segment: what an opening configures */
	uint16_t route;
	uint8_t npairs, npoints;
	uint8_t nmembers; /* member segments that are not in key: 0 or 1 */
	bool has_instance[3];
	bool has_attribute, has_key;
};

enum path_kind {
	PATH_REQUEST, /* of a service */
	PATH_ROUTE,   /* port segments only */
	PATH_CONNECT, /* of an opening: port segments, then key, object, data */
};

/* The next operation, without space, range and values; NULL and latched when there are too many. */
struct op *enip_op(struct enip *e, enum direction dir, enum access access, uint32_t function);

/* What the answer will be held against; space, range and function are those of the operation. */
void enip_ask(struct enip *e, const struct op *op, uint32_t size);

/* What pairs question and answer; checked by the two words it is made of. */
uint32_t enip_id(uint32_t command, uint32_t a, uint32_t b);

/* Takes apart `words` words of path at c. */
void cip_path(struct enip *e, struct cursor *c, uint32_t words, enum path_kind kind, struct cip_path *out);

/* Decodes a request, or an answer, that fills m to its end. */
void cip_request(struct enip *e, struct cursor *m);
void cip_answer(struct enip *e, struct cursor *m);

/* What an operation does; class is that of its object, CLASS_SYMBOLIC where it has none. */
enum access cip_access(uint32_t function, uint32_t sub, uint32_t class);
enum access pccc_access(uint32_t command, uint32_t function);

/* ---- requests, each from behind its path; they publish operations ---- */

/* One service of a request. */
struct cip_service {
	struct cursor c; /* behind the path, up to the service's end */
	struct cip_path path;
	uint32_t code;
	uint32_t class; /* the one that says what the code means: that of the last pair */
	uint32_t at;    /* offset of the service code */
	uint16_t route;
	bool alone;    /* not one of several, nor routed on */
	uint32_t size; /* out: what the answer should hold, in the service's own unit */
	uint32_t unit; /* out: anything else its answer is held against */
};

/* An operation of s, with its route. */
struct op *cip_op(struct enip *e, const struct cip_service *s, enum access access, uint32_t function);
/* Space and range from pair i of the path. */
void cip_object(struct op *op, const struct cip_path *p, unsigned i);
void cip_arg(struct op *op, unsigned name, int64_t value);
/* Octets as one number where a number has that size; else they are not known, or in an answer that many octets. */
void cip_octets(struct op *op, struct view v);
/* Latches unless nothing is left of the service. */
void cip_done(struct cip_service *s, const char *field);

void cip_tag(struct enip *e, struct cip_service *s);
void cip_template(struct enip *e, struct cip_service *s);
void cip_instances(struct enip *e, struct cip_service *s);
void cip_open(struct enip *e, struct cip_service *s);
void cip_close(struct enip *e, struct cip_service *s);
void cip_pccc(struct enip *e, struct cip_service *s);

/* ---- answers, from behind the status ---- */

/* One service of an answer. */
struct cip_reply {
	struct cursor c;
	uint32_t code;   /* without CIP_ANSWER */
	uint32_t status; /* general status */
	uint32_t at;
	bool alone; /* held against e->asked */
};
void cip_tag_answer(struct enip *e, struct cip_reply *r, struct op *op);
/* What the identity object says of a device, as its attributes 1 to 6 lie one behind the other (CIP_IDENTITY_FIXED octets), and its name. */
void cip_identity(struct enip *e, struct view fixed, struct view name, uint32_t route);
/* The same from an answer of that object itself, where the request is known. */
void cip_identity_answer(struct enip *e, const struct cip_reply *r);
/* Says which datagrams connection k lets pass from now on; ot and to are cip_io_way() of its opening. False and latched: it cannot be. */
bool cip_io_open(struct enip *e, struct cursor *c, struct enip_conn *k, uint32_t ot, uint32_t to);
/* And that they end. */
void cip_io_close(struct enip *e, const struct enip_conn *k);
void cip_open_answer(struct enip *e, struct cip_reply *r);
void cip_close_answer(struct enip *e, struct cip_reply *r);
void cip_pccc_answer(struct enip *e, struct cip_reply *r, struct op *op);

/* The open connection for messages that the client (or, from_server, the server) names so; NULL: none. */
struct enip_conn *conn_find(struct enip_state *st, uint32_t id, bool from_server);
/* A free entry, or NULL. */
struct enip_conn *conn_new(struct enip_state *st);

/* Octets of an element of an atomic type; 0: not one, or not of a fixed size. */
uint32_t cip_type_size(uint32_t type);
/* Values of an atomic type. */
void cip_values(struct op *op, uint32_t type, struct view v);

/* A part of what c covers, from and to being offsets from the start of the PDU that were checked to lie inside. */
static inline struct cursor cip_part(const struct cursor *c, uint32_t from, uint32_t to)
{
	struct cursor s = *c;
	s.at = from;
	s.end = to;
	return s;
}

/* One way of an opening in a word, to be kept till its answer comes. type: 0 none, 1 multicast, 2 point to point. */
static inline uint32_t cip_io_way(uint32_t size, uint32_t type, bool fixed)
{
	return size | type << 16 | (uint32_t)fixed << 18;
}

extern const struct vocab_function enip_functions[];
extern const struct vocab_space enip_spaces[];
extern const struct vocab_arg enip_args[];
extern const struct vocab_option enip_options[];

#endif
