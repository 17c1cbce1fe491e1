/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the DNP3 decoder share: dnp3_link.c (link frames, transport), dnp3.c (application header, pairing, select
 * before operate), dnp3_request.c and dnp3_answer.c (what objects mean in each direction), dnp3_file.c (which files are open),
 * dnp3_objects.c (headers and sizes),
 * dnp3_vocab.c (names). Other code knows DNP3 only through proto.h. Clauses are those of IEEE 1815-2012.
 */
#ifndef OTFW_PROTOCOLS_DNP3_H
#define OTFW_PROTOCOLS_DNP3_H

#include "protocols/proto.h"

/* Limits. */
enum {
	DNP3_HEADER = 10,      /* link header with its CRC */
	DNP3_BLOCK = 16,       /* octets of user data before each CRC */
	DNP3_LENGTH_MIN = 5,   /* control, destination, source */
	DNP3_USER_MAX = 250,   /* octets of user data of a frame: the length octet less those five */
	DNP3_FRAME_LEAST = 14, /* of a frame with application data */
	DNP3_PDU_MAX = 2628,   /* nine of the longest frames, 292 octets each */
	DNP3_APP_MAX = 2048,   /* octets of one application fragment (4.2.1) */
	DNP3_ADDRESSES = 65536,
	DNP3_HEADERS_MAX = 683,  /* object headers of one fragment: DNP3_APP_MAX / 3 */
	DNP3_OBJECTS_MAX = 2048, /* indexed or sized objects of one header: each has an octet at least */
	DNP3_STATIONS = 12,      /* whose selects and answers in parts one session remembers */
	DNP3_FILES = 8,          /* files that one session has open, or asks to open, at a time */
	DNP3_SELECT_US = 10000000,
};

/* Link addresses with a meaning of their own (9.2.4.1.4). */
enum {
	DNP3_RESERVED_FIRST = 0xfff0,
	DNP3_RESERVED_LAST = 0xfffb,
	DNP3_SELF = 0xfffc,
	DNP3_BROADCAST_FIRST = 0xfffd,
};

/* Link control (9.2.4.1.3). */
enum {
	LINK_DIR = 0x80,
	LINK_PRM = 0x40,
	LINK_FCB = 0x20, /* reserved where PRM is 0 */
	LINK_FCV = 0x10, /* DFC where PRM is 0 */
	LINK_FUNCTION = 0x0f,
	LINK_RESET = 0,
	LINK_TEST = 2,
	LINK_CONFIRMED_DATA = 3,
	LINK_DATA = 4,
	LINK_STATUS = 9,
	LINK_ACK = 0, /* PRM 0 from here */
	LINK_NACK = 1,
	LINK_STATUS_IS = 11,
	LINK_NOT_USED = 15,
};
/* A link frame without user data as a function: these and its link function code. */
#define DNP3_LINK_PRIMARY   0x100
#define DNP3_LINK_SECONDARY 0x110

/* Transport (8.2). */
enum { TRANSPORT_FIN = 0x80, TRANSPORT_FIR = 0x40, TRANSPORT_SEQ = 0x3f };

/* Application control (4.2.2.1). */
enum { APP_FIR = 0x80, APP_FIN = 0x40, APP_CON = 0x20, APP_UNS = 0x10, APP_SEQ = 0x0f };

/* Application functions (4.4). */
enum {
	DNP3_CONFIRM = 0,
	DNP3_READ = 1,
	DNP3_WRITE = 2,
	DNP3_SELECT = 3,
	DNP3_OPERATE = 4,
	DNP3_DIRECT_OPERATE = 5,
	DNP3_DIRECT_OPERATE_NR = 6,
	DNP3_FREEZE = 7,
	DNP3_FREEZE_NR = 8,
	DNP3_FREEZE_CLEAR = 9,
	DNP3_FREEZE_CLEAR_NR = 10,
	DNP3_FREEZE_AT = 11,
	DNP3_FREEZE_AT_NR = 12,
	DNP3_COLD_RESTART = 13,
	DNP3_WARM_RESTART = 14,
	DNP3_INITIALIZE_DATA = 15,
	DNP3_INITIALIZE_APPLICATION = 16,
	DNP3_START_APPLICATION = 17,
	DNP3_STOP_APPLICATION = 18,
	DNP3_SAVE_CONFIGURATION = 19,
	DNP3_ENABLE_UNSOLICITED = 20,
	DNP3_DISABLE_UNSOLICITED = 21,
	DNP3_ASSIGN_CLASS = 22,
	DNP3_DELAY_MEASURE = 23,
	DNP3_RECORD_TIME = 24,
	DNP3_OPEN_FILE = 25,
	DNP3_CLOSE_FILE = 26,
	DNP3_DELETE_FILE = 27,
	DNP3_FILE_INFO = 28,
	DNP3_AUTHENTICATE_FILE = 29,
	DNP3_ABORT_FILE = 30,
	DNP3_ACTIVATE = 31,
	DNP3_AUTHENTICATE = 32,
	DNP3_AUTHENTICATE_NR = 33,
	DNP3_RESPONSE = 129,
	DNP3_UNSOLICITED = 130,
	DNP3_AUTHENTICATE_ANSWER = 131,
};

/* Spaces: kinds of points, whatever group carries them. Below 32: an answer is held against a set of them. */
enum dnp3_space {
	SP_ATTRIBUTE,
	SP_BINARY_INPUT,
	SP_DOUBLE_BIT,
	SP_BINARY_OUTPUT,
	SP_CROB,
	SP_COUNTER,
	SP_ANALOG_INPUT,
	SP_DEADBAND,
	SP_ANALOG_OUTPUT,
	SP_TIME,
	SP_CLASS,
	SP_FILE,
	SP_IIN,
	SP_DEVICE,
	SP_DATA_SET,
	SP_APPLICATION,
	SP_BCD,
	SP_INTEGER,
	SP_OCTET_STRING,
	SP_TERMINAL,
	SP_AUTHENTICATION,
	SP_STATISTIC,
	SP_COUNT
};
_Static_assert(SP_COUNT <= 32, "a set of spaces is 32 bits");
#define DNP3_VARIATIONS 256u /* of device attributes: set * 256 + variation */

/* Named integers. */
enum {
	DNP3_ARG_OBJECT,
	DNP3_ARG_CONTROL,
	DNP3_ARG_COUNT,
	DNP3_ARG_ON,
	DNP3_ARG_OFF,
	DNP3_ARG_STATUS,
	DNP3_ARG_FILE_MODE,
	DNP3_ARG_CLASS,
};

/* How the objects of one group and variation lie. */
enum dnp3_lay {
	LAY_NONE,   /* no such variation */
	LAY_EMPTY,  /* never has objects: variation 0, class data */
	LAY_FIXED,  /* .size octets each */
	LAY_BITS,   /* one bit each, packed */
	LAY_PAIRS,  /* two bits each, packed */
	LAY_SIZED,  /* each with its size in front (qualifier 0x5B) */
	LAY_STRING, /* as many octets as the variation says */
	LAY_TYPED,  /* device attributes: type, length, value */
};

struct dnp3_layout {
	uint8_t lay;   /* enum dnp3_lay */
	uint8_t size;  /* LAY_FIXED: of one object; LAY_SIZED: the least one */
	uint8_t at;    /* where its number begins */
	uint8_t width; /* octets of the number, 0: none that is shown */
	uint8_t kind;  /* enum values_kind */
};

struct dnp3_group {
	const struct dnp3_layout *layouts; /* by variation; NULL: no such group */
	uint8_t n;
	uint8_t space; /* enum dnp3_space */
};

/* One object header with what follows it. */
struct dnp3_objects {
	uint8_t group, variation;
	uint8_t prefix; /* octets of the index before each object, 0: none */
	bool all;       /* no range: every point (qualifier 6), or so many of all (7, 8, 9 without objects) */
	bool sized;     /* qualifier 0x5B */
	bool data;      /* objects follow */
	const struct dnp3_layout *layout;
	uint8_t space;
	uint32_t count;       /* objects, 0 with .all */
	uint32_t first, last; /* points, inclusive */
	uint32_t at;          /* of the header, in the fragment */
	struct view octets;   /* what follows the header */
};

/* What a session remembers of two stations. All zero: free. */
struct dnp3_station {
	uint64_t select;   /* hash of the objects that are selected */
	int64_t select_us; /* when */
	uint32_t asked;    /* id of the request whose answer comes in parts */
	uint32_t stamp;    /* the higher, the later it was used; 0: free */
	uint16_t unit, origin;
	uint8_t select_seq; /* of the SELECT */
	uint8_t next;       /* sequence number of the next part */
	bool selected, parts;
};

/* A file that is open, or waits to be. All zero: free. */
struct dnp3_file {
	uint32_t handle; /* as the outstation gave it */
	uint16_t unit, origin;
	uint16_t id;  /* of the request to open it */
	uint8_t mode; /* what it was opened for */
	bool waits;   /* for its handle */
};

struct dnp3_state {
	uint32_t requests; /* so many were sent: what tells two requests with one sequence number apart */
	uint32_t stamp;
	uint32_t opened;
	struct dnp3_station stations[DNP3_STATIONS];
	struct dnp3_file files[DNP3_FILES];
};
_Static_assert(sizeof(struct dnp3_state) <= PROTO_STATE_MAX, "what a session remembers does not fit");

/* One decoding at work. c reads the fragment, whose offsets dnp3_link_offset() turns into those of the PDU. */
struct dnp3 {
	struct cursor c;
	const struct pdu_in *in;
	struct pdu *out;
	struct dnp3_state *state;
	const struct asked *asked; /* the request an answer belongs to, or NULL */
	uint32_t spaces;           /* set of the spaces that objects so far belong to */
	uint64_t command;          /* hash of the commands so far */
	uint32_t app_len;
	uint16_t unit, origin;
	uint8_t control; /* link control */
	uint8_t app_control;
	uint16_t function; /* application function, or DNP3_LINK_... */
	uint8_t dir;       /* enum direction of the operations */
	bool unanswered;   /* a request whose answer is that to another one */
	uint8_t blocks;    /* of files, asked for or answered */
};

/* ---- dnp3_link.c ---- */

struct frame dnp3_frame(const uint8_t *data, uint32_t len, bool from_server);
/*
 * Checks every frame and CRC of the PDU in d->in, sets stations and control, and puts the fragment together in out->scratch
 * (d->app_len octets; 0: a link frame without user data). False: d->out->fault says why, with its offset in the PDU.
 */
bool dnp3_link(struct dnp3 *d);
/* Where octet `at` of the fragment lies in the PDU. at == its length: where the PDU ends. */
uint32_t dnp3_link_offset(const struct pdu_in *in, uint32_t at);
/* CRC of n octets, as the two octets behind them (9.2.4.3). */
uint16_t dnp3_crc(const uint8_t *p, uint32_t n);

/* ---- dnp3_objects.c ---- */

/* The group, or NULL. */
const struct dnp3_group *dnp3_group(uint32_t group);
/* The layout of a variation; lay LAY_NONE where there is none. */
const struct dnp3_layout *dnp3_layout(const struct dnp3_group *g, uint32_t variation);
/*
 * Reads the next object header and steps over its objects. data: objects follow it (writes, commands, answers); without,
 * qualifier 0x5B has them all the same. False after a failure.
 */
bool dnp3_objects(struct dnp3 *d, bool data, struct dnp3_objects *o);
/* Object number i of an indexed header (prefix, and a fixed layout): its index and octets. */
struct view dnp3_object(const struct dnp3_objects *o, uint32_t i, uint32_t *index);
/* The next object of a header with sizes or typed attributes: *at moves on from 0. Empty at the end. */
struct view dnp3_sized(const struct dnp3_objects *o, uint32_t *at);
/* The number in an object of fixed layout as values of an operation, one for each of its points. */
void dnp3_numbers(const struct dnp3_objects *o, struct op *op);

/* ---- dnp3.c ---- */

/* The next operation, without space, range and values; NULL (too-many-operations) when there is no room. */
struct op *dnp3_op(struct dnp3 *d, enum access access);
void dnp3_arg(struct op *op, unsigned name, int64_t value);
/* Space, range and object (the argument that comes first) of a header. */
void dnp3_range(struct op *op, const struct dnp3_objects *o);
/* The entry for the two stations of this PDU: found, or (make) the one that was used longest ago. NULL: none. */
struct dnp3_station *dnp3_station(struct dnp3 *d, bool make);
/* A fault at octet `at` of the fragment. */
static inline void dnp3_fail(struct dnp3 *d, enum reason reason, const char *field, uint32_t at)
{
	cursor_fail_at(&d->c, reason, field, at);
}

/* FNV-1a: what an answer or an OPERATE must repeat. */
static inline uint64_t dnp3_hash(uint64_t h, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}
#define DNP3_HASH_START UINT64_C(0xcbf29ce484222325)

/* ---- dnp3_file.c: views are the objects of group 70 ---- */

/* A request to open a file (variation 3), and the status that gives it its handle, or does not (variation 4). */
void dnp3_file_opening(struct dnp3 *d, struct view object, uint32_t mode);
void dnp3_file_status(struct dnp3 *d, struct view object);
/* A request with a handle (variations 4 and 5): a fault (state) where it is not open for what the function does. */
void dnp3_file_use(struct dnp3 *d, struct view object);
/* Adds which block it is (variation 5) to d->command: what an answer repeats. */
void dnp3_file_block_hash(struct dnp3 *d, struct view object);

/* ---- dnp3_request.c, dnp3_answer.c: from behind the function code ---- */

void dnp3_request(struct dnp3 *d);
void dnp3_answer(struct dnp3 *d);
/* Adds the objects of a command to d->command, without their status: what an answer repeats. */
void dnp3_command(struct dnp3 *d, const struct dnp3_objects *o);
/* Number of a file block, without the bit that says it is the last; of an object of group 70 variation 5. */
uint32_t dnp3_file_block(struct view object);
/* The file name in an object whose fixed part has `fixed` octets, beginning with offset and size of the name. False: not sound. */
bool dnp3_file_name(struct dnp3 *d, struct view object, uint32_t fixed, struct view *name);

extern const struct vocab_function dnp3_functions[];
extern const struct vocab_space dnp3_spaces[];
extern const struct vocab_arg dnp3_args[];

#endif
