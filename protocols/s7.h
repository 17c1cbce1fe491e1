/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the S7 decoder share: s7_link.c (TPKT, COTP, the session), s7_header.c (jobs and their acknowledgements),
 * s7_var.c (variables), s7_block.c (blocks and program invocations), s7_userdata.c, s7_plus.c (S7comm-plus), s7_osi.c (MMS),
 * s7_vocab.c (names). Other code knows S7 only through proto.h.
 */
#ifndef OTFW_PROTOCOLS_S7_H
#define OTFW_PROTOCOLS_S7_H

#include "protocols/proto.h"

/*
 * Function codes. Those below 0x100 are the job's own; the others put in front what tells them apart: 0x3xx a COTP TPDU (TPKT
 * version 3), 0x7xx a function group of userdata (ROSCTR 7), 0x7200 S7comm-plus, 0x4d00 MMS.
 */
enum {
	S7_READ = 0x04,
	S7_WRITE = 0x05,
	S7_REQUEST_DOWNLOAD = 0x1a,
	S7_DOWNLOAD_BLOCK = 0x1b,
	S7_DOWNLOAD_ENDED = 0x1c,
	S7_START_UPLOAD = 0x1d,
	S7_UPLOAD = 0x1e,
	S7_END_UPLOAD = 0x1f,
	S7_PI_SERVICE = 0x28,
	S7_PLC_STOP = 0x29,
	S7_SETUP = 0xf0,
	S7_ACKNOWLEDGE = 0x2ff, /* an acknowledgement that names no function, to a job nobody saw */
	S7_CONNECT = 0x3e0,
	S7_DISCONNECT = 0x380,
	S7_USERDATA = 0x700,
	S7_PLUS = 0x7200,
	S7_MMS = 0x4d00,
};

/* Sub-functions of reading and writing: what an item's specification is. */
enum { S7_VAR_BYTES, S7_VAR_BIT, S7_VAR_SYMBOLIC, S7_VAR_NCK, S7_VAR_DRIVE };
/* Of S7_CONNECT: TSAPs of two octets, or names. */
enum { S7_CONNECT_NUMBER, S7_CONNECT_NAME };
/* Of S7_PI_SERVICE. */
enum { S7_PI_OTHER, S7_PI_START, S7_PI_INSERT, S7_PI_DELETE, S7_PI_COMPRESS, S7_PI_COPY };
/* Of S7_MMS. */
enum { S7_MMS_ASSOCIATE, S7_MMS_DATA, S7_MMS_RELEASE };
/* Of S7_PLUS besides the protocol's own codes. */
enum { S7_PLUS_NOTIFICATION = 0x33, S7_PLUS_INIT_SSL = 0x5b3, S7_PLUS_EVENT = 0xfffd, S7_PLUS_TLS = 0xfffe };

/* Function groups of userdata. */
enum {
	S7_GROUP_MODE = 0,
	S7_GROUP_PROGRAMMER = 1,
	S7_GROUP_CYCLIC = 2,
	S7_GROUP_BLOCKS = 3,
	S7_GROUP_CPU = 4,
	S7_GROUP_SECURITY = 5,
	S7_GROUP_BSEND = 6,
	S7_GROUP_TIME = 7,
	S7_GROUP_NC = 15,
};

/* Beside the sub-function of cyclic data that comes unasked. */
enum { S7_PUSHED = 0x100 };

/* Spaces: the area codes of the protocol where there is one. */
enum {
	S7_SPACE_SYSTEM = 0x05,
	S7_SPACE_ANALOG_IN = 0x06,
	S7_SPACE_ANALOG_OUT = 0x07,
	S7_SPACE_COUNTER = 0x1c,
	S7_SPACE_TIMER = 0x1d,
	S7_SPACE_PERIPHERAL = 0x80,
	S7_SPACE_INPUT = 0x81,
	S7_SPACE_OUTPUT = 0x82,
	S7_SPACE_MERKER = 0x83,
	S7_SPACE_DB = 0x84,
	S7_SPACE_INSTANCE_DB = 0x85,
	S7_SPACE_LOCAL = 0x86,
	S7_SPACE_CALLER_LOCAL = 0x87,
	S7_SPACE_SZL = 0x100,
	S7_SPACE_BLOCK = 0x101,
};
#define S7_MINORS 65536u /* db and szl: major * S7_MINORS + minor */

enum {
	S7_ARG_CALLING_TSAP,
	S7_ARG_KIND,
	S7_ARG_RACK,
	S7_ARG_SLOT,
	S7_ARG_BIT,
	S7_ARG_BLOCK_TYPE,
	S7_ARG_START_KIND,
	S7_ARG_PLUS_VERSION,
	S7_ARG_PLUS_SESSION,
	S7_ARG_RESULT, /* of answers alone */
};

/* Leniencies, struct pdu_in.options. */
enum { S7_OPTION_TPDU_NUMBER = 1 << 0 }; /* tpdu-number-any */

/* Limits. */
enum {
	S7_TPKT = 4,                 /* RFC 1006, 6 */
	S7_DT = 7,                   /* TPKT and the DT's header, class 0 */
	S7_TPDU_MAX = 8192,          /* the largest TPDU size of ISO 8073, 13.3.4 b */
	S7_PDU_MAX = 4 + 8192,       /* one TPKT */
	S7_JOINED_MAX = 4096,        /* a message in parts, their headers with it */
	S7_PARTS_MAX = 64,           /* of one message */
	S7_COTP_PARAMS_MAX = 8,      /* of a CR or CC */
	S7_LENGTH_MIN = 64,          /* a PDU length no device goes below */
	S7_ITEMS_MAX = 20,           /* of one read or write: what the devices take */
	S7_DBREAD_MAX = 32,          /* areas of one DBREAD item */
	S7_PI_BLOCKS_MAX = 32,       /* blocks of one _INSE or _DELE */
	S7_SEQUENCES = 4,            /* answers in parts at a time */
	S7_ADDRESSES = 65536,        /* octets of an area, or of a data block */
	S7_BLOCK_NUMBER_MAX = 99999, /* five digits */
};

enum s7_phase {
	S7_NEW,        /* nothing seen */
	S7_CONNECTING, /* CR */
	S7_CONNECTED,  /* CC: what the session carries is not known yet */
	S7_PICKED,     /* a session whose beginning nobody saw, the same */
	S7_READY,      /* S7comm, set up */
	S7_IS_PLUS,
	S7_ASSOCIATING, /* MMS, CONNECT SPDU */
	S7_IS_MMS,
	S7_CLOSED, /* DR */
};

/* What the flow keeps. */
struct s7_state {
	uint8_t phase;       /* enum s7_phase */
	uint8_t tls;         /* S7comm-plus agreed on TLS */
	uint8_t middle[2];   /* a message goes on in the next TPKT: from the client, from the server */
	uint16_t pdu_length; /* negotiated, 0: not known */
	uint16_t plus_sub[2];
	uint32_t plus_id[2];
	/* Answers in parts: who asks for the next part says group, sub-function and sequence number. */
	struct s7_sequence {
		uint8_t on, group, sub, number;
		uint32_t szl;
	} sequence[S7_SEQUENCES];
	uint8_t sequence_next;
	uint8_t upload_on, upload_type;
	uint8_t download_on, download_type;
	uint32_t upload_id, upload_number, download_number;
};
_Static_assert(sizeof(struct s7_state) <= PROTO_STATE_MAX, "what a flow has room for");

/* One decoding at work. */
struct s7 {
	struct cursor c;           /* behind the link header, at the message */
	struct cursor param, data; /* of a job, an acknowledgement, userdata */
	const struct pdu_in *in;
	struct pdu *out;
	const struct asked
		*asked; /* the request an answer belongs to, NULL: not known, or this is a request */
	struct s7_state st;
	uint32_t error; /* class and code of an acknowledgement */
	uint8_t rosctr;
	bool eot; /* of the last TPKT */
};

/* What pairs answer and request: the PDU reference, apart for who asked and for what. */
#define S7_ID_CLIENT   0x00000000u
#define S7_ID_SERVER   0x00010000u
#define S7_ID_USERDATA 0x00070000u
#define S7_ID_CONNECT  0x03e00000u
#define S7_ID_MMS      0x4d000000u
#define S7_ID_PLUS     0x72000000u

/* The next operation of the PDU, without space, range and values. At most PDU_OPS_MAX of them: who loops has checked. */
static inline struct op *s7_op(struct s7 *s, enum direction dir, enum access access, uint32_t function)
{
	struct op *op = &s->out->ops[s->out->nops++];
	op->dir = (uint8_t)dir;
	op->access = (uint8_t)access;
	op->has = 0;
	op->nargs = 0;
	op->function = (uint16_t)function;
	op->sub = 0;
	op->unit = 0;
	op->origin = 0;
	op->space = 0;
	op->first = 0;
	op->last = 0;
	op->key.data = NULL;
	op->key.len = 0;
	op->values.form = VALUES_NONE;
	op->values.kind = VALUES_UNSIGNED;
	op->values.count = 0;
	return op;
}

static inline void s7_sub(struct op *op, uint32_t sub)
{
	op->has |= OP_SUB;
	op->sub = (uint16_t)sub;
}

/* n >= 1. */
static inline void s7_range(struct op *op, uint32_t space, uint32_t first, uint32_t n)
{
	op->has |= OP_SPACE | OP_RANGE;
	op->space = space;
	op->first = first;
	op->last = first + n - 1;
}

/* At most OP_ARGS_MAX. */
static inline void s7_arg(struct op *op, uint32_t name, int64_t value)
{
	op->args[op->nargs++] = (struct op_arg){.name = (uint16_t)name, .value = value};
}

/* What the answer will be held against: function, sub and range of op, the rest 0. */
static inline struct asked *s7_ask(struct s7 *s, const struct op *op)
{
	struct asked *a = &s->out->ask;
	a->expires_us = 0;
	a->id = s->out->id;
	a->unit = 0;
	a->space = op->space;
	a->first = op->first;
	a->last = op->last;
	a->size = 0;
	a->aux[0] = 0;
	a->aux[1] = 0;
	a->function = op->function;
	a->sub = op->sub;
	a->rule = 0;
	a->has = op->has & (OP_SUB | OP_SPACE | OP_RANGE);
	a->flags = 0;
	s->out->answer_expected = true;
	return a;
}

/* One operation of an answer; sub, space and range come from the request where it is known. */
struct op *s7_answer_op(struct s7 *s, enum access access, uint32_t function);

/* Latches unless the sub-cursor holds exactly n octets more. */
static inline bool s7_size(struct cursor *c, uint32_t n, const char *field)
{
	if (cursor_ok(c) && cursor_left(c) != n)
		cursor_fail(c, REASON_LENGTH, field);
	return cursor_ok(c);
}

/* FNV-1a over octets that an answer must repeat: it finds a device that errs, it does not resist one that lies. */
uint32_t s7_hash(struct view v);

/* s7_header.c: c stands at the protocol identifier 0x32. */
void s7_message(struct s7 *s);
/* The access of a function, as its vocabulary has it. */
enum access s7_access(uint32_t function, uint32_t sub);

/* s7_var.c */
void s7_var_request(struct s7 *s, uint32_t function);
void s7_var_answer(struct s7 *s, uint32_t function);
/* An item specification as one operation or more of a reading function; s7_var_request() and cyclic data use it. Latches. */
void s7_items_read(struct s7 *s, struct cursor *c, uint32_t function, uint32_t count);
/* How many octets a data item's length field means; UINT32_MAX: no such transport size. */
uint32_t s7_data_octets(uint32_t transport, uint32_t length);

/* s7_block.c: functions 0x1a to 0x29, behind the function octet. */
void s7_block_request(struct s7 *s, uint32_t function);
void s7_block_server_job(struct s7 *s, uint32_t function);
void s7_block_answer(struct s7 *s, uint32_t function);
/* Two octets of type ("0A") as a number; latches REASON_FIELD_VALUE. */
uint32_t s7_block_type(struct cursor *c, const char *field);
/* Five digits; latches. */
uint32_t s7_block_number(struct cursor *c, const char *field);

void s7_userdata(struct s7 *s); /* s7_userdata.c: param and data are set */
void s7_plus(struct s7 *s);     /* s7_plus.c: c stands at 0x72 */
void s7_tls(struct s7 *s);      /* at a TLS record, or in the middle of one */
void s7_osi(struct s7 *s);      /* s7_osi.c: c stands at a session PDU, or in the middle of one */

extern const struct vocab_function s7_functions[];
extern const struct vocab_space s7_spaces[];
extern const struct vocab_arg s7_args[];
extern const struct vocab_option s7_options[];

#endif
