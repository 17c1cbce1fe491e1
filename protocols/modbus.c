/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modbus over TCP and UDP: frame and requests. Answers are in modbus_answer.c, names in modbus_vocab.c.
 *
 *   MODBUS Application Protocol Specification V1.1b3 (2012)             functions, limits, exceptions
 *   MODBUS Messaging on TCP/IP Implementation Guide V1.0b (2006), 3.1.3  the MBAP header
 *   PI-MBUS-300 Rev. J (1996)                                            diagnostics 8/21
 *
 *    octet  0        2        4        6      7          8
 *           +--------+--------+--------+------+----------+----------------- - - -+
 *           | trans- | proto- | length | unit | function | data                  |
 *           | action | col 0  |        |      | code     | 0 to 252 octets       |
 *           +--------+--------+--------+------+----------+----------------- - - -+
 *            MBAP header                      |<---- PDU, 1 to 253 octets ------>|
 *                                      |<---- length: 2 to 254 ----------------->|
 *
 * All numbers are big-endian. What is refused, and why:
 *   - a protocol identifier other than 0, a length outside 2..254: this is not Modbus, and what follows has no known start;
 *   - a length that is not exactly what the function needs: devices differ in what they do with the rest;
 *   - quantities, byte counts and addresses outside the specification's limits, also where the device would answer an
 *     exception: a device that does not is the one to protect;
 *   - coil values other than 0x0000 and 0xFF00, bits behind the last coil (option padding-any): data no rule can bound;
 *   - functions that are not defined: their effect is unknown. User-defined ones, UMAS and CANopen are opaque instead;
 *   - anything but a write to unit 0, and any answer from it (option unit-zero-is-device): it is the broadcast address.
 */
#include "protocols/modbus.h"

_Static_assert((int)MB_FILE_PARTS_MAX <= PDU_OPS_MAX, "one operation a sub-request");

static struct frame modbus_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	(void)from_server;
	struct frame f = {.state = FRAME_MORE};
	if (len < 4)
		return f;
	struct cursor c = cursor_open(data, len < 6 ? 4 : 6, &f.fault);
	cursor_be16(&c, "mbap.transaction-id");
	uint32_t protocol = cursor_be16(&c, "mbap.protocol-id");
	cursor_check(&c, protocol == 0, 2, REASON_MAGIC, "mbap.protocol-id");
	if (cursor_ok(&c)) {
		if (len < 6)
			return f;
		uint32_t length = cursor_be16(&c, "mbap.length");
		cursor_check(&c, length >= MB_LENGTH_MIN && length <= MB_LENGTH_MAX, 2, REASON_LENGTH,
			     "mbap.length");
		f.length = 6 + length;
	}
	f.state = cursor_ok(&c) ? FRAME_PDU : FRAME_BAD;
	return f;
}

void modbus_padding(struct modbus *m, struct view v, uint32_t count, const char *field)
{
	uint32_t used = count % 8;
	if (used == 0 || v.len == 0 || (m->in->options & MB_OPTION_PADDING))
		return;
	if (v.data[v.len - 1] >> used)
		cursor_fail_at(&m->c, REASON_RESERVED, field, m->c.at - 1);
}

/* Starting address and quantity, checked. The size of the fixed part already is. In line, for reads are most of what there is. */
static inline __attribute__((always_inline)) bool request_range(struct modbus *m, uint32_t max,
								uint32_t *first, uint32_t *n)
{
	struct view v = cursor_bytes(&m->c, 4, "starting-address");
	*first = view_be16(v, 0);
	*n = view_be16(v, 2);
	cursor_check(&m->c, *n >= 1 && *n <= max, 2, REASON_COUNT, "quantity");
	cursor_check(&m->c, *first + *n <= MB_ADDRESSES, 4, REASON_RANGE_END, "starting-address");
	return cursor_ok(&m->c);
}

/* What the answer will be held against; the rest is in the operation. */
static void ask(struct modbus *m, const struct op *op, uint32_t size, uint32_t aux0, uint32_t aux1)
{
	struct asked *a = &m->out->ask;
	a->expires_us = 0;
	a->id = m->out->id;
	a->unit = op->unit;
	a->space = op->space;
	a->first = op->first;
	a->last = op->last;
	a->size = size;
	a->aux[0] = aux0;
	a->aux[1] = aux1;
	a->function = op->function;
	a->sub = op->sub;
	a->rule = 0;
	a->has = op->has;
	a->flags = 0;
	m->out->answer_expected = true;
}

/* 1, 2, 3, 4 */
static void request_read(struct modbus *m, uint32_t space, uint32_t max)
{
	uint32_t first, n;
	if (!modbus_size(m, 4) || !request_range(m, max, &first, &n))
		return;
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_READ);
	modbus_range(op, space, first, n);
	ask(m, op, n, 0, 0);
}

/* 5 */
static void request_coil(struct modbus *m)
{
	if (!modbus_size(m, 4))
		return;
	uint32_t first = cursor_be16(&m->c, "output-address");
	uint32_t value = cursor_be16(&m->c, "output-value");
	cursor_check(&m->c, value == 0 || value == 0xff00, 2, REASON_FIELD_VALUE, "output-value");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_WRITE);
	modbus_range(op, MB_SPACE_COIL, first, 1);
	modbus_one(op, value != 0);
	ask(m, op, 1, value, 0);
}

/* 6 */
static void request_register(struct modbus *m)
{
	if (!modbus_size(m, 4))
		return;
	uint32_t first = cursor_be16(&m->c, "register-address");
	struct view v = cursor_bytes(&m->c, 2, "register-value");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_WRITE);
	modbus_range(op, MB_SPACE_HOLDING, first, 1);
	modbus_registers(op, v);
	ask(m, op, 1, (uint32_t)(v.data[0] << 8 | v.data[1]), 0);
}

/* 7, 11, 12, 17: the function code is all there is. */
static void request_bare(struct modbus *m, enum access access)
{
	if (!modbus_size(m, 0))
		return;
	ask(m, modbus_op(m, DIR_REQUEST, access), 0, 0, 0);
}

/* 15, 16 */
static void request_write_many(struct modbus *m, uint32_t space, uint32_t max)
{
	uint32_t first, n;
	if (!modbus_size_min(m, 5) || !request_range(m, max, &first, &n))
		return;
	bool bits = space == MB_SPACE_COIL;
	uint32_t bytes = cursor_u8(&m->c, "byte-count");
	cursor_check(&m->c, bytes == (bits ? (n + 7) / 8 : n * 2), 1, REASON_BYTE_COUNT, "byte-count");
	if (!modbus_size(m, bytes))
		return;
	struct view v = cursor_bytes(&m->c, bytes, "values");
	if (bits)
		modbus_padding(m, v, n, "values");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_WRITE);
	modbus_range(op, space, first, n);
	if (bits)
		modbus_bits(op, v, n);
	else
		modbus_registers(op, v);
	ask(m, op, n, 0, 0);
}

/* The access that a sub-function of 8 carries; ACCESS_COUNT where there is no such sub-function. */
static enum access diagnostics_access(uint32_t sub)
{
	switch (sub) {
	case MB_DIAG_RESTART:
	case MB_DIAG_LISTEN_ONLY: return ACCESS_OPERATE;
	case MB_DIAG_DELIMITER:
	case MB_DIAG_CLEAR:
	case MB_DIAG_CLEAR_OVERRUN: return ACCESS_CONFIGURE;
	case MB_DIAG_ECHO:
	case MB_DIAG_REGISTER:
	case MB_DIAG_PLUS: return ACCESS_DIAGNOSE;
	default:
		return sub >= MB_DIAG_COUNT_FIRST && sub <= MB_DIAG_COUNT_LAST ? ACCESS_DIAGNOSE
									       : ACCESS_COUNT;
	}
}

/* Whether the data field of a sub-function may hold this, where it holds two octets. */
static bool diagnostics_data(uint32_t sub, uint32_t data)
{
	switch (sub) {
	case MB_DIAG_RESTART: return data == 0 || data == 0xff00;
	case MB_DIAG_DELIMITER: return (data & 0xff) == 0;
	case MB_DIAG_PLUS: return data == 3 || data == 4;
	default: return data == 0;
	}
}

/* 8 */
static void request_diagnostics(struct modbus *m)
{
	if (!modbus_size_min(m, 2))
		return;
	uint32_t sub = cursor_be16(&m->c, "sub-function");
	enum access access = diagnostics_access(sub);
	if (access == ACCESS_COUNT) {
		cursor_fail_at(&m->c, REASON_SUBFUNCTION_UNKNOWN, "sub-function", m->c.at - 2);
		return;
	}
	uint32_t size = cursor_left(&m->c), aux0 = 0, aux1 = 0;
	if (sub == MB_DIAG_ECHO) {
		/* "Any" data, N times two octets (6.8.1). */
		if (size % 2 != 0 || !modbus_size_min(m, 2)) {
			cursor_fail_at(&m->c, REASON_LENGTH, "mbap.length", 4);
			return;
		}
		uint64_t h = modbus_hash(MB_HASH_START, cursor_bytes(&m->c, size, "data"));
		aux0 = (uint32_t)(h >> 32);
		aux1 = (uint32_t)h;
	} else {
		if (!modbus_size(m, 2))
			return;
		aux0 = cursor_be16(&m->c, "data");
		cursor_check(&m->c, diagnostics_data(sub, aux0), 2, REASON_FIELD_VALUE, "data");
		if (!cursor_ok(&m->c))
			return;
		if (sub == MB_DIAG_PLUS && aux0 == 4)
			access = ACCESS_CONFIGURE;
	}
	struct op *op = modbus_op(m, DIR_REQUEST, access);
	op->has |= OP_SUB;
	op->sub = (uint16_t)sub;
	/* "Force listen only mode" too: a device that does not know it answers with an exception, and only with that. */
	ask(m, op, size, aux0, aux1);
}

/*
 * 20, 21. Sub-requests one after the other: reference type 6, file, record, length in registers; for 21 the registers follow.
 * For 20 size is what the sub-answers need, aux a hash of their lengths; for 21 size and hash are those of the whole, which
 * the answer repeats.
 */
static void request_file(struct modbus *m)
{
	bool write = m->function == MB_WRITE_FILE;
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "byte-count");
	cursor_check(&m->c,
		     write ? bytes >= 9 && bytes <= MB_WRITE_FILE_MAX
			   : bytes >= 7 && bytes <= MB_READ_FILE_MAX,
		     1, REASON_BYTE_COUNT, "byte-count");
	if (!modbus_size(m, bytes))
		return;
	uint64_t hash = MB_HASH_START;
	uint32_t size = write ? bytes : 0, start = m->c.at;
	while (cursor_ok(&m->c) && cursor_left(&m->c) > 0 && m->out->nops < MB_FILE_PARTS_MAX) {
		uint32_t type = cursor_u8(&m->c, "reference-type");
		cursor_check(&m->c, type == 6, 1, REASON_FIELD_VALUE, "reference-type");
		uint32_t file = cursor_be16(&m->c, "file-number");
		cursor_check(&m->c, file >= 1, 2, REASON_FIELD_VALUE, "file-number");
		uint32_t record = cursor_be16(&m->c, "record-number");
		struct view length = cursor_bytes(&m->c, 2, "record-length");
		if (!cursor_ok(&m->c))
			return;
		uint32_t n = (uint32_t)(length.data[0] << 8 | length.data[1]);
		cursor_check(&m->c, n >= 1, 2, REASON_COUNT, "record-length");
		cursor_check(&m->c, record + n <= MB_FILE_RECORDS, 4, REASON_RANGE_END, "record-number");
		struct view v = {0};
		if (write) {
			v = cursor_bytes(&m->c, n * 2, "record-data");
		} else {
			size += 2 + n * 2;
			cursor_check(&m->c, size <= MB_READ_FILE_MAX, 2, REASON_COUNT, "record-length");
			hash = modbus_hash(hash, length);
		}
		if (!cursor_ok(&m->c))
			return;
		struct op *op = modbus_op(m, DIR_REQUEST, write ? ACCESS_WRITE : ACCESS_READ);
		modbus_range(op, MB_SPACE_FILE, file * MB_FILE_RECORDS + record, n);
		if (write)
			modbus_registers(op, v);
	}
	cursor_end(&m->c, "byte-count");
	if (!cursor_ok(&m->c))
		return;
	if (write)
		hash = modbus_hash(hash, (struct view){.data = m->in->data + start, .len = bytes});
	ask(m, &m->out->ops[0], size, (uint32_t)(hash >> 32), (uint32_t)hash);
	/* A range of its own has only an answer to a single sub-request. */
	if (m->out->nops > 1)
		m->out->ask.has &= (uint8_t)~OP_RANGE;
}

/* 22: result = (current AND and-mask) OR (or-mask AND NOT and-mask). */
static void request_mask(struct modbus *m)
{
	if (!modbus_size(m, 6))
		return;
	uint32_t first = cursor_be16(&m->c, "reference-address");
	uint32_t and_mask = cursor_be16(&m->c, "and-mask");
	uint32_t or_mask = cursor_be16(&m->c, "or-mask");
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_WRITE);
	modbus_range(op, MB_SPACE_HOLDING, first, 1);
	op->values.form = VALUES_UNKNOWN;
	ask(m, op, 1, and_mask, or_mask);
}

/* 23: the device writes before it reads (6.17), and so do the operations. */
static void request_read_write(struct modbus *m)
{
	uint32_t read_first, read_n;
	if (!modbus_size_min(m, 9))
		return;
	read_first = cursor_be16(&m->c, "read-starting-address");
	read_n = cursor_be16(&m->c, "quantity-to-read");
	cursor_check(&m->c, read_n >= 1 && read_n <= MB_READ_REGS_MAX, 2, REASON_COUNT, "quantity-to-read");
	cursor_check(&m->c, read_first + read_n <= MB_ADDRESSES, 4, REASON_RANGE_END,
		     "read-starting-address");
	uint32_t first = cursor_be16(&m->c, "write-starting-address");
	uint32_t n = cursor_be16(&m->c, "quantity-to-write");
	cursor_check(&m->c, n >= 1 && n <= MB_RW_WRITE_MAX, 2, REASON_COUNT, "quantity-to-write");
	cursor_check(&m->c, first + n <= MB_ADDRESSES, 4, REASON_RANGE_END, "write-starting-address");
	uint32_t bytes = cursor_u8(&m->c, "write-byte-count");
	cursor_check(&m->c, bytes == n * 2, 1, REASON_BYTE_COUNT, "write-byte-count");
	if (!modbus_size(m, bytes))
		return;
	struct view v = cursor_bytes(&m->c, bytes, "write-registers-value");
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_WRITE);
	modbus_range(op, MB_SPACE_HOLDING, first, n);
	modbus_registers(op, v);
	op = modbus_op(m, DIR_REQUEST, ACCESS_READ);
	modbus_range(op, MB_SPACE_HOLDING, read_first, read_n);
	ask(m, op, read_n, 0, 0);
}

/* 24 */
static void request_fifo(struct modbus *m)
{
	if (!modbus_size(m, 2))
		return;
	uint32_t first = cursor_be16(&m->c, "fifo-pointer-address");
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_READ);
	modbus_range(op, MB_SPACE_FIFO, first, 1);
	ask(m, op, 0, 0, 0);
}

/* 43 */
static void request_encapsulated(struct modbus *m)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t mei = cursor_u8(&m->c, "mei-type");
	uint32_t code = 0, object = 0;
	if (mei == MB_MEI_IDENTIFICATION) {
		if (!modbus_size(m, 2))
			return;
		code = cursor_u8(&m->c, "read-device-id-code");
		cursor_check(&m->c, code >= 1 && code <= 4, 1, REASON_FIELD_VALUE, "read-device-id-code");
		object = cursor_u8(&m->c, "object-id");
	} else if (mei != MB_MEI_CANOPEN) {
		cursor_fail_at(&m->c, REASON_SUBFUNCTION_UNKNOWN, "mei-type", m->c.at - 1);
	}
	if (!cursor_ok(&m->c))
		return;
	bool known = mei == MB_MEI_IDENTIFICATION;
	struct op *op = modbus_op(m, DIR_REQUEST, known ? ACCESS_READ : ACCESS_OPAQUE);
	op->has |= OP_SUB;
	op->sub = (uint16_t)mei;
	if (known) {
		op->nargs = 2;
		op->args[0] = (struct op_arg){.name = MB_ARG_ID_CODE, .value = code};
		op->args[1] = (struct op_arg){.name = MB_ARG_OBJECT, .value = object};
	}
	ask(m, op, 0, code, object);
}

/* 65 to 72, 100 to 110, and 90: pairing key, UMAS function code, data. */
static void request_opaque(struct modbus *m)
{
	uint32_t sub = 0;
	if (m->function == MB_UMAS) {
		if (!modbus_size_min(m, 2))
			return;
		cursor_u8(&m->c, "umas.pairing-key");
		sub = cursor_u8(&m->c, "umas.function-code");
	}
	struct op *op = modbus_op(m, DIR_REQUEST, ACCESS_OPAQUE);
	if (m->function == MB_UMAS)
		op->has |= OP_SUB;
	op->sub = (uint16_t)sub;
	ask(m, op, 0, 0, 0);
}

static bool user_defined(uint32_t function)
{
	return (function >= MB_USER_FIRST && function <= MB_USER_LAST) ||
	       (function >= MB_USER2_FIRST && function <= MB_USER2_LAST);
}

bool modbus_defined(uint32_t function)
{
	switch (function) {
	case MB_READ_COILS:
	case MB_READ_DISCRETE:
	case MB_READ_HOLDING:
	case MB_READ_INPUT:
	case MB_WRITE_COIL:
	case MB_WRITE_REGISTER:
	case MB_EXCEPTION_STATUS:
	case MB_DIAGNOSTICS:
	case MB_EVENT_COUNTER:
	case MB_EVENT_LOG:
	case MB_WRITE_COILS:
	case MB_WRITE_REGISTERS:
	case MB_SERVER_ID:
	case MB_READ_FILE:
	case MB_WRITE_FILE:
	case MB_MASK_WRITE:
	case MB_READ_WRITE:
	case MB_READ_FIFO:
	case MB_ENCAPSULATED:
	case MB_UMAS: return true;
	default: return user_defined(function);
	}
}

/* Out of line: else every request saves the registers that the rarest one needs. */
__attribute__((noinline)) static void request(struct modbus *m)
{
	switch (m->function) {
	case MB_READ_COILS: request_read(m, MB_SPACE_COIL, MB_READ_BITS_MAX); break;
	case MB_READ_DISCRETE: request_read(m, MB_SPACE_DISCRETE, MB_READ_BITS_MAX); break;
	case MB_READ_HOLDING: request_read(m, MB_SPACE_HOLDING, MB_READ_REGS_MAX); break;
	case MB_READ_INPUT: request_read(m, MB_SPACE_INPUT, MB_READ_REGS_MAX); break;
	case MB_WRITE_COIL: request_coil(m); break;
	case MB_WRITE_REGISTER: request_register(m); break;
	case MB_EXCEPTION_STATUS:
	case MB_SERVER_ID: request_bare(m, ACCESS_READ); break;
	case MB_DIAGNOSTICS: request_diagnostics(m); break;
	case MB_EVENT_COUNTER:
	case MB_EVENT_LOG: request_bare(m, ACCESS_DIAGNOSE); break;
	case MB_WRITE_COILS: request_write_many(m, MB_SPACE_COIL, MB_WRITE_BITS_MAX); break;
	case MB_WRITE_REGISTERS: request_write_many(m, MB_SPACE_HOLDING, MB_WRITE_REGS_MAX); break;
	case MB_READ_FILE:
	case MB_WRITE_FILE: request_file(m); break;
	case MB_MASK_WRITE: request_mask(m); break;
	case MB_READ_WRITE: request_read_write(m); break;
	case MB_READ_FIFO: request_fifo(m); break;
	case MB_ENCAPSULATED: request_encapsulated(m); break;
	case MB_UMAS: request_opaque(m); break;
	default:
		if (user_defined(m->function))
			request_opaque(m);
		else
			cursor_fail_at(&m->c, REASON_FUNCTION_UNKNOWN, "function-code", 7);
	}
}

/* A request to unit 0 goes to every station: only writes make sense, and nobody answers. */
static void broadcast(struct modbus *m)
{
	for (uint32_t i = 0; i < m->out->nops; i++)
		if (m->out->ops[i].access != ACCESS_WRITE)
			cursor_fail_at(&m->c, REASON_BROADCAST, "mbap.unit-identifier", 6);
	m->out->answer_expected = false;
}

/* The MBAP header and the function code. The whole is looked at first: only what is wrong is read field by field. */
static bool header(struct modbus *m)
{
	struct view v = {.data = m->in->data, .len = m->in->len};
	if (v.len >= 8 && v.len <= MB_PDU_MAX && view_be16(v, 2) == 0 && view_be16(v, 4) == v.len - 6) {
		m->out->id = view_be16(v, 0);
		m->unit = view_u8(v, 6);
		m->function = view_u8(v, 7);
		m->c.at = 8;
		return true;
	}
	m->out->id = cursor_be16(&m->c, "mbap.transaction-id");
	uint32_t protocol = cursor_be16(&m->c, "mbap.protocol-id");
	cursor_check(&m->c, protocol == 0, 2, REASON_MAGIC, "mbap.protocol-id");
	uint32_t length = cursor_be16(&m->c, "mbap.length");
	cursor_check(&m->c,
		     length >= MB_LENGTH_MIN && length <= MB_LENGTH_MAX && length <= cursor_left(&m->c), 2,
		     REASON_LENGTH, "mbap.length");
	if (cursor_ok(&m->c))
		cursor_fail_at(&m->c, REASON_TRAILING, "mbap.length", 6 + length);
	return false;
}

static void modbus_decode(const struct pdu_in *in, struct pdu *out)
{
	struct modbus m = {.c = cursor_open(in->data, in->len, &out->fault), .in = in, .out = out};

	pdu_open(out);
	if (!header(&m))
		return;
	bool to_all = m.unit == 0 && !(in->options & MB_OPTION_UNIT_ZERO);
	if (!in->from_server) {
		request(&m);
		if (to_all)
			broadcast(&m);
	} else if (to_all) {
		cursor_fail_at(&m.c, REASON_BROADCAST, "mbap.unit-identifier", 6);
	} else {
		modbus_answer(&m);
	}
	if (!cursor_ok(&m.c)) {
		out->nops = 0;
		out->nidents = 0;
		out->answer_expected = false;
	}
}

const struct proto proto_modbus = {
	.name = "modbus",
	.title = "Modbus/TCP",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = {502},
	.max_pdu = MB_PDU_MAX,
	.header = 6,
	.unit_key = "units",
	.unit_max = 255,
	.functions = modbus_functions,
	.spaces = modbus_spaces,
	.args = modbus_args,
	.options = modbus_options,
	.frame = modbus_frame,
	.decode = modbus_decode,
};
