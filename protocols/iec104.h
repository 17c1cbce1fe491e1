/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the IEC 60870-5-104 decoder share: iec104.c (APCI: frame, numbers, session), iec104_types.c (what every type
 * identification consists of), iec104_element.c (information elements), iec104_monitor.c (process information, file transfer),
 * iec104_command.c (commands, their answers, select before execute), iec104_vocab.c (names). Other code knows it only through proto.h.
 */
#ifndef OTFW_PROTOCOLS_IEC104_H
#define OTFW_PROTOCOLS_IEC104_H

#include "protocols/proto.h"

/* Functions: the type identification of an I format (1..127), and these for what has none. */
enum {
	I104_STARTDT = 256,
	I104_STOPDT = 257,
	I104_TESTFR = 258,
	I104_ACKNOWLEDGE = 259,
};

/* Type identifications that the code names; iec104_types.c has them all. IEC 60870-5-101:2003, table 8 and following. */
enum {
	I104_M_EP_TA = 17,
	I104_C_SC = 45,
	I104_C_BO = 51,
	I104_C_BO_TA = 64,
	I104_M_EI = 70,
	I104_C_IC = 100,
	I104_C_CI = 101,
	I104_C_RD = 102,
	I104_C_CS = 103,
	I104_C_TS = 104,
	I104_C_RP = 105,
	I104_C_CD = 106,
	I104_C_TS_TA = 107,
	I104_P_AC = 113,
	I104_F_FR = 120,
	I104_F_SR = 121,
	I104_F_SC = 122,
	I104_F_LS = 123,
	I104_F_AF = 124,
	I104_F_SG = 125,
	I104_F_DR = 126,
	I104_F_SC_NB = 127,
};

/* Causes of transmission: IEC 60870-5-101:2003, 7.2.3. */
enum {
	I104_COT_SPONTANEOUS = 3,
	I104_COT_REQUEST = 5,
	I104_COT_ACT = 6,
	I104_COT_ACTCON = 7,
	I104_COT_DEACT = 8,
	I104_COT_DEACTCON = 9,
	I104_COT_ACTTERM = 10,
	I104_COT_UNKNOWN_FIRST = 44, /* type, cause, common address, information object address */
	I104_COT_UNKNOWN_LAST = 47,
};

/*
 * A space a kind of point, so that a point of a profile is an address and a kind: `double 1001` can be reported as a double
 * point and operated with double commands, not with anything else. `object`: by its address alone, whatever kind it is.
 */
enum {
	I104_SPACE_NONE,
	I104_SPACE_SINGLE,
	I104_SPACE_DOUBLE,
	I104_SPACE_STEP,
	I104_SPACE_BITSTRING,
	I104_SPACE_NORMALISED,
	I104_SPACE_SCALED,
	I104_SPACE_FLOAT,
	I104_SPACE_COUNTER,
	I104_SPACE_PROTECTION,
	I104_SPACE_PACKED,
	I104_SPACE_OBJECT,
};

enum {
	I104_ARG_CAUSE,
	I104_ARG_TEST,
	I104_ARG_NEGATIVE, /* answers only */
	I104_ARG_SELECT,
	I104_ARG_QUALIFIER,
	I104_ARG_QOI,
	I104_ARG_RQT,
	I104_ARG_FRZ,
	I104_ARG_QRP,
	I104_ARG_QPM,
	I104_ARG_QPA,
	I104_ARG_COI,
	I104_ARG_FILE,
	I104_ARG_NOF,
	I104_ARG_NOS,
	I104_ARG_SCQ,
};

/* Leniencies, struct pdu_in.options. */
enum {
	I104_OPTION_DIRECT = 1 << 0,  /* direct-execute */
	I104_OPTION_NO_TERM = 1 << 1, /* no-termination */
	I104_OPTION_WINDOW = 1 << 2,  /* wide-window */
	I104_OPTION_YEAR = 1 << 3,    /* any-year */
};

enum {
	I104_START = 0x68,
	I104_APCI = 6,         /* start, length, four control octets */
	I104_LENGTH_MIN = 4,   /* what the length octet counts: control octets and ASDU */
	I104_LENGTH_MAX = 253, /* IEC 60870-5-104:2006, 5 */
	I104_PDU_MAX = 255,
	I104_HEAD = 6,        /* of an ASDU: type, structure, cause (2), common address (2) */
	I104_NUMBERS = 32768, /* send and receive sequence numbers */
	I104_K = 12,          /* I formats without acknowledgement: the standard's own value */
	I104_K_MAX = 32767,   /* the most it allows (9.6) */
	I104_CA_ALL = 65535,  /* every station behind the address */
	I104_IOA_MAX = 0xffffff,
	I104_TYPE_MAX = 127,
	I104_SELECTS = 16,         /* points selected at the same time on one connection */
	I104_SELECT_US = 30000000, /* a select that is older has lapsed */
	I104_ID_SESSION = 0x10000, /* ids of what waits for a U format: above every sequence number */
};

/* ---- a type identification ---- */

enum iec104_group {
	I104_G_UNDEFINED,
	I104_G_DATA,
	I104_G_COUNTER,
	I104_G_EVENT,
	I104_G_INIT,
	I104_G_COMMAND,
	I104_G_INTERROGATE,
	I104_G_COUNTERS,
	I104_G_READ,
	I104_G_CLOCK,
	I104_G_TEST,
	I104_G_RESET,
	I104_G_DELAY,
	I104_G_PARAMETER,
	I104_G_ACTIVATE,
	I104_G_FILE,
	I104_G_SECURE,
	I104_GROUPS
};

/* The element a type begins with, its time tag apart. */
enum iec104_form {
	I104_F_NONE,
	I104_F_SIQ,      /* single point, quality */
	I104_F_DIQ,      /* double point, quality */
	I104_F_VTI,      /* step position, QDS */
	I104_F_BSI,      /* 32 bits, QDS */
	I104_F_NVA,      /* normalised, QDS */
	I104_F_NVA_BARE, /* normalised */
	I104_F_SVA,      /* scaled, QDS */
	I104_F_R32,      /* short float, QDS */
	I104_F_BCR,      /* counter reading */
	I104_F_SEP,      /* event of protection equipment, elapsed time */
	I104_F_SPE,      /* start events, QDP, duration */
	I104_F_OCI,      /* output circuit information, QDP, operating time */
	I104_F_SCD,      /* 16 single points with change detection, QDS */
	I104_F_COI,      /* cause of initialisation */
	I104_F_SCO,      /* single command */
	I104_F_DCO,      /* double command */
	I104_F_RCO,      /* regulating step command */
	I104_F_NVA_QOS,  /* set-points */
	I104_F_SVA_QOS,
	I104_F_R32_QOS,
	I104_F_BSI_BARE, /* 32 bits */
	I104_F_QOI,
	I104_F_QCC,
	I104_F_FBP,
	I104_F_QRP,
	I104_F_CP16,
	I104_F_TSC,
	I104_F_NVA_QPM,
	I104_F_SVA_QPM,
	I104_F_R32_QPM,
	I104_F_QPA,
	I104_FORMS
};

enum {
	I104_T_SQ = 1,
	I104_T_MANY = 2
}; /* struct iec104_type.flags: SQ = 1 is allowed; more than one object is */

struct iec104_type {
	uint8_t group; /* enum iec104_group */
	uint8_t form;  /* enum iec104_form */
	uint8_t space;
	uint8_t size; /* octets of one object without its address, time tag included; of file segments the fixed part */
	uint8_t time; /* of these the time tag's: 0, 3 or 7 */
	uint8_t flags;
	uint8_t access; /* of its requests, or of what the station reports */
};

extern const struct iec104_type iec104_types[I104_TYPE_MAX + 1];
/* Bits 1 << cause that a group may have, [1] when the server sends it. */
extern const uint64_t iec104_causes[2][I104_GROUPS];

/* ---- state between APDUs ---- */

enum { I104_CLIENT, I104_SERVER };

enum iec104_transfer {
	I104_STOPPED,  /* as a connection begins */
	I104_STARTING, /* STARTDT asked for */
	I104_STARTED,
	I104_STOPPING, /* STOPDT asked for: the station may still send */
	I104_UNSEEN,   /* picked up in the middle */
};

enum { I104_SENT_KNOWN = 1, I104_ACKED_KNOWN = 2 }; /* of each direction */

/* The part that every APDU needs; copied out and back, for the flow's state has no alignment. */
struct iec104_session {
	uint8_t seen;     /* 0: nothing was decoded yet */
	uint8_t transfer; /* enum iec104_transfer */
	uint8_t known[2];
	uint16_t sent[2];  /* the number that end's next I format has */
	uint16_t acked[2]; /* its oldest one without acknowledgement */
};

/* A point that was selected. */
struct iec104_select {
	int64_t at_us;
	uint32_t ioa, value;
	uint16_t unit;
	uint8_t used, type, qualifier, origin;
};

struct iec104_state {
	struct iec104_session session;
	uint32_t fill;
	struct iec104_select selects[I104_SELECTS];
};
_Static_assert(sizeof(struct iec104_state) <= PROTO_STATE_MAX, "the state does not fit");

/* One decoding at work. */
struct iec104 {
	struct cursor c;
	const struct pdu_in *in;
	struct pdu *out;
	const struct iec104_type *t;
	struct iec104_session s;
	uint8_t type, cause, count, origin;
	bool sq, negative, test;
	uint16_t unit;
};

/* What a command's answer repeats of it: the value, and the octet of its qualifier. */
struct iec104_content {
	uint32_t value;
	uint8_t qualifier;
	bool select;
};

static inline void iec104_arg(struct op *op, uint16_t name, int64_t value)
{
	op->args[op->nargs++] = (struct op_arg){.name = name, .value = value};
}

/* The next operation of the APDU, without space, range and values. At most 60 of them fit. */
static inline struct op *iec104_op(struct iec104 *m, enum direction dir, enum access access)
{
	struct op *op = &m->out->ops[m->out->nops++];
	op->dir = (uint8_t)dir;
	op->access = (uint8_t)access;
	op->has = OP_UNIT | OP_ORIGIN;
	op->nargs = 0;
	op->function = m->type;
	op->sub = 0;
	op->unit = m->unit;
	op->origin = m->origin;
	op->space = 0;
	op->first = 0;
	op->last = 0;
	op->key.data = NULL;
	op->key.len = 0;
	op->values.form = VALUES_NONE;
	op->values.kind = VALUES_UNSIGNED;
	op->values.count = 0;
	iec104_arg(op, I104_ARG_CAUSE, m->cause);
	iec104_arg(op, I104_ARG_TEST, m->test);
	if (dir == DIR_RESPONSE)
		iec104_arg(op, I104_ARG_NEGATIVE, m->negative);
	return op;
}

/* n >= 1. */
static inline void iec104_range(struct op *op, uint32_t space, uint32_t first, uint32_t n)
{
	op->has |= OP_SPACE | OP_RANGE;
	op->space = space;
	op->first = first;
	op->last = first + n - 1;
}

/* Latches unless exactly n octets are left of the ASDU. */
static inline bool iec104_size(struct iec104 *m, uint32_t n)
{
	if (cursor_ok(&m->c) && cursor_left(&m->c) != n)
		cursor_fail_at(&m->c, REASON_LENGTH, "apci.length", 1);
	return cursor_ok(&m->c);
}

/* A field inside an element that starts at octet `at` of the APDU, unless ok. */
static inline void iec104_check(struct iec104 *m, bool ok, uint32_t at, enum reason reason, const char *field)
{
	if (!ok)
		cursor_fail_at(&m->c, reason, field, at);
}

static inline uint32_t iec104_le16(struct view v, uint32_t at)
{
	return (uint32_t)view_u8(v, at) | (uint32_t)view_u8(v, at + 1) << 8;
}
static inline uint32_t iec104_le24(struct view v, uint32_t at)
{
	return iec104_le16(v, at) | (uint32_t)view_u8(v, at + 2) << 16;
}
static inline uint32_t iec104_le32(struct view v, uint32_t at)
{
	return iec104_le16(v, at) | iec104_le16(v, at + 2) << 16;
}

/* An information object address. 0 means that nothing is addressed: where something is it is refused, elsewhere all but it. */
enum iec104_addressed { I104_NOTHING, I104_A_POINT, I104_EITHER };
uint32_t iec104_ioa(struct iec104 *m, enum iec104_addressed what);

/* A time tag of 3 or 7 octets that begins at octet `at` of v; strict: also one that calls itself invalid must hold a time. */
void iec104_time(struct iec104 *m, struct view v, uint32_t at, uint32_t size, bool strict);

/* One element of process information (its time tag included): reserved bits and times. */
void iec104_element(struct iec104 *m, struct view v);
/* The values of n elements of that form, as far as they can be said; v is the first one. */
void iec104_values(struct op *op, const struct iec104_type *t, struct view v, uint32_t n);

/* The object of a command, a parameter or a system command, in either direction: checked, and put into op. */
void iec104_object(struct iec104 *m, struct op *op, struct iec104_content *out);

void iec104_monitor(struct iec104 *m); /* types 1 to 40 and 70 */
void iec104_file(struct iec104 *m);    /* 120 to 127 */
void iec104_secure(struct iec104 *m);  /* 81 to 95 */
void iec104_request(struct iec104 *m); /* 45 to 64, 100 to 113 from the client */
void iec104_reply(struct iec104 *m);   /* the same types from the server */

/* The slot of a C_RD that this object answers, or -1. */
int32_t iec104_asked_read(const struct iec104 *m, uint32_t ioa);

extern const struct vocab_function iec104_functions[];
extern const struct vocab_space iec104_spaces[];
extern const struct vocab_arg iec104_args[];
extern const struct vocab_option iec104_options[];

#endif
