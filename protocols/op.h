/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct op: what one PDU asks for, in terms that no protocol owns. Decoders produce it, rules/ judges it,
 * logs print it; none of the three knows the others.
 */
#ifndef OTFW_PROTOCOLS_OP_H
#define OTFW_PROTOCOLS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/cursor.h"

struct proto;

enum direction { DIR_REQUEST, DIR_RESPONSE, DIR_UNSOLICITED };

/* What kind of thing an operation does. ACCESS_OPAQUE: its content could not be read. */
enum access {
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_OPERATE,
	ACCESS_CONFIGURE,
	ACCESS_PROGRAM,
	ACCESS_SESSION,
	ACCESS_DIAGNOSE,
	ACCESS_OPAQUE,
	ACCESS_COUNT
};

/* Which fields of a struct op say something. */
enum op_has {
	OP_UNIT = 1 << 0,   /* unit */
	OP_ORIGIN = 1 << 1, /* origin */
	OP_SUB = 1 << 2,    /* sub */
	OP_SPACE = 1 << 3,  /* space */
	OP_RANGE = 1 << 4,  /* first, last */
	OP_KEY = 1 << 5,    /* key */
};

enum values_form {
	VALUES_NONE,    /* nothing is written, or nothing was read back */
	VALUES_UNKNOWN, /* something is written, but the PDU alone does not tell what (mask write) */
	VALUES_ONE,     /* one value, in .one (a Modbus coil: 0 or 1) */
	VALUES_BITS,    /* .count bits, least significant bit of .data[0] first, one bit an address */
	VALUES_NUMBERS, /* .count numbers of .width octets, every .stride octets from .data */
};

enum values_kind { VALUES_UNSIGNED, VALUES_SIGNED, VALUES_FLOAT };

/* A view of the values in the PDU: never copied, never owned. */
struct op_values {
	uint8_t form;  /* enum values_form */
	uint8_t kind;  /* enum values_kind: how the protocol itself types the number; rules may reinterpret */
	uint8_t width; /* octets of a number: 1, 2, 4, 8 */
	bool little;   /* least significant octet first */
	uint32_t stride;
	uint32_t count;
	const uint8_t *data;
	int64_t one;
};

/* A named integer for what else a rule may ask (cause of transmission, control code, RPI ...).
 * name indexes the protocol's vocabulary of arguments (struct proto.args). */
struct op_arg {
	uint16_t name;
	int64_t value;
};

#define OP_ARGS_MAX 8

struct op {
	uint8_t dir;    /* enum direction */
	uint8_t access; /* enum access */
	uint8_t has;    /* enum op_has */
	uint8_t nargs;
	uint16_t function;    /* raw code */
	uint16_t sub;         /* raw sub-function (OP_SUB): a function has one always or never */
	uint32_t unit;        /* station */
	uint32_t origin;      /* asking station */
	uint32_t space;       /* table, area and DB, group and variation, class ... */
	uint32_t first, last; /* inclusive, zero-based, first <= last */
	struct view key;
	struct op_values values;
	struct op_arg args[OP_ARGS_MAX]; /* only the first nargs are set */
};

/* Function and sub-function as one ordered number, for interval sets. */
static inline uint32_t op_function_key(const struct op *op)
{
	return (uint32_t)op->function << 16 | op->sub;
}

/* "read" ... "opaque"; NULL for a number that is none. */
const char *access_name(unsigned access);
/* The access of that name, or ACCESS_COUNT. */
enum access access_find(const char *name, size_t len);
/* "request", "response", "unsolicited". */
const char *direction_name(unsigned dir);

/*
 * Number i of values as the protocol typed it: integers in *out (above INT64_MAX: that), floats as op_order_double().
 * False where i is past the end, the form has no numbers, or a float is not a number.
 */
bool op_value(const struct op_values *v, uint32_t i, int64_t *out);

/* A double as an integer of the same order, so that bounds need one comparison; and back. -0 and 0 are one number. */
int64_t op_order_double(double d);
double op_double_of(int64_t ordered);

/*
 * The line logs print and `otfwctl explain` reads back:
 *   modbus request unit 4 write-multiple-registers holding 40..41 = 5 7
 * op_print.c has the grammar, op_parse.c what people may write besides.
 * Returns the length it needed (as snprintf); the text is cut at cap, always terminated.
 * At most values_max values are printed, then "..." .
 */
size_t op_print(const struct op *op, const struct proto *proto, unsigned values_max, char *buf, size_t cap);

#define OP_PARSE_VALUES 128
/* What op_parse read: the operation and the storage its views point into (so it is not copied). */
struct op_text {
	const struct proto *proto;
	struct op op;
	uint8_t bytes[OP_PARSE_VALUES * 8];
	char key[256];
};
/* Reads that line. 0, or -1 with a one-line message in err. A line whose values were cut ("...") has VALUES_UNKNOWN. */
int op_parse(const char *text, struct op_text *out, char *err, size_t errcap);

#endif
