/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the Modbus decoder share: modbus.c (frame, requests), modbus_answer.c (answers),
 * modbus_vocab.c (names). Other code knows Modbus only through proto.h.
 */
#ifndef OTFW_PROTOCOLS_MODBUS_H
#define OTFW_PROTOCOLS_MODBUS_H

#include "protocols/proto.h"

/* Function codes: MODBUS Application Protocol V1.1b3, 5.1; 90 is Schneider's, after its published analyses. */
enum {
	MB_READ_COILS = 1,
	MB_READ_DISCRETE = 2,
	MB_READ_HOLDING = 3,
	MB_READ_INPUT = 4,
	MB_WRITE_COIL = 5,
	MB_WRITE_REGISTER = 6,
	MB_EXCEPTION_STATUS = 7,
	MB_DIAGNOSTICS = 8,
	MB_EVENT_COUNTER = 11,
	MB_EVENT_LOG = 12,
	MB_WRITE_COILS = 15,
	MB_WRITE_REGISTERS = 16,
	MB_SERVER_ID = 17,
	MB_READ_FILE = 20,
	MB_WRITE_FILE = 21,
	MB_MASK_WRITE = 22,
	MB_READ_WRITE = 23,
	MB_READ_FIFO = 24,
	MB_ENCAPSULATED = 43,
	MB_USER_FIRST = 65,
	MB_USER_LAST = 72,
	MB_UMAS = 90,
	MB_USER2_FIRST = 100,
	MB_USER2_LAST = 110,
	MB_EXCEPTION_BIT = 0x80,
};

/* Sub-functions of 8 (6.8.1) and MEI types of 43 (6.19 to 6.21). */
enum {
	MB_DIAG_ECHO = 0,
	MB_DIAG_RESTART = 1,
	MB_DIAG_REGISTER = 2,
	MB_DIAG_DELIMITER = 3,
	MB_DIAG_LISTEN_ONLY = 4,
	MB_DIAG_CLEAR = 10,
	MB_DIAG_COUNT_FIRST = 11,
	MB_DIAG_COUNT_LAST = 18,
	MB_DIAG_CLEAR_OVERRUN = 20,
	MB_DIAG_PLUS = 21,
	MB_MEI_CANOPEN = 13,
	MB_MEI_IDENTIFICATION = 14,
};

/*
 * Codes of the spaces: the leading digit of the Modicon notation where there is one.
 * A file record has one flat address, file number * 10000 + record number (a file has the records 0 to 9999), so that
 * one range bounds both: record 12 of file 4 is `file 40012`, all of file 4 `file 40000..49999`.
 */
enum {
	MB_SPACE_COIL = 0,
	MB_SPACE_DISCRETE = 1,
	MB_SPACE_INPUT = 3,
	MB_SPACE_HOLDING = 4,
	MB_SPACE_FILE = 6,
	MB_SPACE_FIFO = 7,
};
#define MB_FILE_RECORDS 10000u

enum { MB_ARG_ID_CODE, MB_ARG_OBJECT };

/* Leniencies, struct pdu_in.options. */
enum {
	MB_OPTION_UNIT_ZERO = 1 << 0, /* unit-zero-is-device */
	MB_OPTION_PADDING = 1 << 1,   /* padding-any */
};

/* Limits of the application protocol. */
enum {
	MB_MBAP = 7,          /* octets up to and with the unit identifier */
	MB_LENGTH_MIN = 2,    /* mbap.length: unit and function code */
	MB_LENGTH_MAX = 254,  /* unit and a PDU of 253 octets */
	MB_PDU_MAX = 260,     /* 6 + MB_LENGTH_MAX */
	MB_ADDRESSES = 65536, /* of every table */
	MB_READ_BITS_MAX = 2000,
	MB_READ_REGS_MAX = 125,
	MB_WRITE_BITS_MAX = 1968,
	MB_WRITE_REGS_MAX = 123,
	MB_RW_WRITE_MAX = 121,
	MB_READ_FILE_MAX = 245, /* octets of sub-requests, or of sub-answers */
	MB_WRITE_FILE_MAX = 251,
	MB_FILE_PARTS_MAX = 35, /* 245 / 7 */
	MB_FIFO_MAX = 31,
	MB_EVENTS_MAX = 64,
};

/* One decoding at work. */
struct modbus {
	struct cursor c;
	const struct pdu_in *in;
	struct pdu *out;
	const struct asked
		*asked; /* the request an answer belongs to, NULL: not known, or this is a request */
	uint8_t unit, function;
};

/* Latches unless exactly n octets are left of the PDU: what the function implies. */
static inline bool modbus_size(struct modbus *m, uint32_t n)
{
	if (cursor_ok(&m->c) && cursor_left(&m->c) != n)
		cursor_fail_at(&m->c, REASON_LENGTH, "mbap.length", 4);
	return cursor_ok(&m->c);
}

/* The same for at least n octets: the fixed part of a function whose length varies. */
static inline bool modbus_size_min(struct modbus *m, uint32_t n)
{
	if (cursor_ok(&m->c) && cursor_left(&m->c) < n)
		cursor_fail_at(&m->c, REASON_LENGTH, "mbap.length", 4);
	return cursor_ok(&m->c);
}

/* The next operation of the PDU, without space, range and values. At most MB_FILE_PARTS_MAX of them. */
static inline struct op *modbus_op(struct modbus *m, enum direction dir, enum access access)
{
	struct op *op = &m->out->ops[m->out->nops++];
	op->dir = (uint8_t)dir;
	op->access = (uint8_t)access;
	op->has = OP_UNIT;
	op->nargs = 0;
	op->function = m->function;
	op->sub = 0;
	op->unit = m->unit;
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

/* n >= 1. */
static inline void modbus_range(struct op *op, uint32_t space, uint32_t first, uint32_t n)
{
	op->has |= OP_SPACE | OP_RANGE;
	op->space = space;
	op->first = first;
	op->last = first + n - 1;
}

static inline void modbus_registers(struct op *op, struct view v)
{
	op->values.form = VALUES_NUMBERS;
	op->values.width = 2;
	op->values.little = false;
	op->values.stride = 2;
	op->values.count = v.len / 2;
	op->values.data = v.data;
}

static inline void modbus_bits(struct op *op, struct view v, uint32_t count)
{
	op->values.form = VALUES_BITS;
	op->values.count = count;
	op->values.data = v.data;
}

static inline void modbus_one(struct op *op, int64_t one)
{
	op->values.form = VALUES_ONE;
	op->values.count = 1;
	op->values.one = one;
}

/* FNV-1a over octets that an answer must repeat: it finds a device that errs, it does not resist one that lies. */
static inline uint64_t modbus_hash(uint64_t h, struct view v)
{
	for (uint32_t i = 0; i < v.len; i++)
		h = (h ^ v.data[i]) * UINT64_C(0x100000001b3);
	return h;
}
#define MB_HASH_START UINT64_C(0xcbf29ce484222325)

/* Latches REASON_RESERVED when bits behind the last coil of v are set, unless the option lets them be. */
void modbus_padding(struct modbus *m, struct view v, uint32_t count, const char *field);

/* Whether a function code without MB_EXCEPTION_BIT is one that decodes. */
bool modbus_defined(uint32_t function);

/* Decodes an answer from behind its function code, where m->c stands. */
void modbus_answer(struct modbus *m);

extern const struct vocab_function modbus_functions[];
extern const struct vocab_space modbus_spaces[];
extern const struct vocab_arg modbus_args[];
extern const struct vocab_option modbus_options[];

#endif
