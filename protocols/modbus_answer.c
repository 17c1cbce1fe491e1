/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modbus answers. Each is checked twice: on its own, as the specification lays it out, and, when its request is known,
 * against what was asked. An answer whose request is not known carries no address unless it repeats it.
 */
#include "protocols/ident.h"
#include "protocols/modbus.h"

/* One operation of an answer; space and range come from the request where it is known. */
static struct op *answer_op(struct modbus *m, enum access access)
{
	struct op *op = modbus_op(m, DIR_RESPONSE, access);
	if (m->asked) {
		op->has |= m->asked->has & (OP_SPACE | OP_RANGE | OP_SUB);
		op->sub = m->asked->sub;
		op->space = m->asked->space;
		op->first = m->asked->has & OP_RANGE ? m->asked->first : 0;
		op->last = m->asked->has & OP_RANGE ? m->asked->last : 0;
	}
	return op;
}

/* Latches when ok is false and the request is known: the answer does not repeat what it should. */
static void repeats(struct modbus *m, bool ok, uint32_t back, const char *field)
{
	if (m->asked)
		cursor_check(&m->c, ok, back, REASON_ANSWER_CONTENT, field);
}

/* 1, 2 */
static void answer_bits(struct modbus *m, uint32_t space)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "byte-count");
	cursor_check(&m->c, bytes >= 1 && bytes <= MB_READ_BITS_MAX / 8, 1, REASON_BYTE_COUNT, "byte-count");
	uint32_t count = m->asked ? m->asked->size : bytes * 8;
	cursor_check(&m->c, bytes == (count + 7) / 8, 1, REASON_ANSWER_SIZE, "byte-count");
	if (!modbus_size(m, bytes))
		return;
	struct view v = cursor_bytes(&m->c, bytes, "status");
	modbus_padding(m, v, count, "status");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = answer_op(m, ACCESS_READ);
	op->has |= OP_SPACE;
	op->space = space;
	modbus_bits(op, v, count);
}

/* 3, 4, 23 */
static void answer_registers(struct modbus *m, uint32_t space)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "byte-count");
	cursor_check(&m->c, bytes >= 2 && bytes <= MB_READ_REGS_MAX * 2 && bytes % 2 == 0, 1,
		     REASON_BYTE_COUNT, "byte-count");
	if (m->asked)
		cursor_check(&m->c, bytes == m->asked->size * 2, 1, REASON_ANSWER_SIZE, "byte-count");
	if (!modbus_size(m, bytes))
		return;
	struct view v = cursor_bytes(&m->c, bytes, "registers-value");
	struct op *op = answer_op(m, ACCESS_READ);
	op->has |= OP_SPACE;
	op->space = space;
	modbus_registers(op, v);
}

/* 5, 6: repeats the request. */
static void answer_write_one(struct modbus *m)
{
	bool coil = m->function == MB_WRITE_COIL;
	if (!modbus_size(m, 4))
		return;
	const char *field = coil ? "output-address" : "register-address";
	uint32_t first = cursor_be16(&m->c, field);
	repeats(m, m->asked && first == m->asked->first, 2, field);
	field = coil ? "output-value" : "register-value";
	struct view v = cursor_bytes(&m->c, 2, field);
	if (!cursor_ok(&m->c))
		return;
	uint32_t value = (uint32_t)(v.data[0] << 8 | v.data[1]);
	cursor_check(&m->c, !coil || value == 0 || value == 0xff00, 2, REASON_FIELD_VALUE, field);
	repeats(m, m->asked && value == m->asked->aux[0], 2, field);
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_RESPONSE, ACCESS_WRITE);
	modbus_range(op, coil ? MB_SPACE_COIL : MB_SPACE_HOLDING, first, 1);
	if (coil)
		modbus_one(op, value != 0);
	else
		modbus_registers(op, v);
}

/* 15, 16: repeats address and quantity. */
static void answer_write_many(struct modbus *m, uint32_t space, uint32_t max)
{
	if (!modbus_size(m, 4))
		return;
	uint32_t first = cursor_be16(&m->c, "starting-address");
	repeats(m, m->asked && first == m->asked->first, 2, "starting-address");
	uint32_t n = cursor_be16(&m->c, "quantity");
	cursor_check(&m->c, n >= 1 && n <= max, 2, REASON_COUNT, "quantity");
	cursor_check(&m->c, first + n <= MB_ADDRESSES, 4, REASON_RANGE_END, "starting-address");
	repeats(m, m->asked && n == m->asked->size, 2, "quantity");
	if (!cursor_ok(&m->c))
		return;
	modbus_range(modbus_op(m, DIR_RESPONSE, ACCESS_WRITE), space, first, n);
}

/* 7 */
static void answer_status(struct modbus *m)
{
	if (!modbus_size(m, 1))
		return;
	cursor_u8(&m->c, "output-data");
	answer_op(m, ACCESS_READ);
}

/* 8 */
static void answer_diagnostics(struct modbus *m)
{
	if (!modbus_size_min(m, 4))
		return;
	uint32_t sub = cursor_be16(&m->c, "sub-function");
	repeats(m, m->asked && sub == m->asked->sub, 2, "sub-function");
	uint32_t left = cursor_left(&m->c);
	enum access access = ACCESS_DIAGNOSE;
	bool echo = false;
	switch (sub) {
	case MB_DIAG_ECHO: {
		if (left % 2 != 0)
			cursor_fail_at(&m->c, REASON_LENGTH, "mbap.length", 4);
		if (m->asked && left != m->asked->size)
			cursor_fail(&m->c, REASON_ANSWER_SIZE, "data");
		uint64_t h = modbus_hash(MB_HASH_START, cursor_bytes(&m->c, left, "data"));
		repeats(m, m->asked && m->asked->aux[0] == h >> 32 && m->asked->aux[1] == (uint32_t)h, left,
			"data");
		break;
	}
	case MB_DIAG_PLUS: {
		uint32_t operation = cursor_be16(&m->c, "data");
		cursor_check(&m->c, operation == 3 || operation == 4, 2, REASON_FIELD_VALUE, "data");
		repeats(m, m->asked && operation == m->asked->aux[0], 2, "data");
		access = operation == 4 ? ACCESS_CONFIGURE : ACCESS_DIAGNOSE;
		/* What the statistics hold is the node's own. */
		cursor_bytes(&m->c, cursor_left(&m->c), "statistics");
		break;
	}
	case MB_DIAG_RESTART:
		access = ACCESS_OPERATE;
		echo = true;
		break;
	case MB_DIAG_DELIMITER:
	case MB_DIAG_CLEAR:
	case MB_DIAG_CLEAR_OVERRUN:
		access = ACCESS_CONFIGURE;
		echo = true;
		break;
	case MB_DIAG_REGISTER: break;
	case MB_DIAG_LISTEN_ONLY:
		/* "No response is returned" (6.8.1): an exception is the only answer. */
		cursor_fail_at(&m->c, REASON_SUBFUNCTION_UNKNOWN, "sub-function", m->c.at - 2);
		return;
	default:
		if (sub < MB_DIAG_COUNT_FIRST || sub > MB_DIAG_COUNT_LAST) {
			cursor_fail_at(&m->c, REASON_SUBFUNCTION_UNKNOWN, "sub-function", m->c.at - 2);
			return;
		}
	}
	if (sub != MB_DIAG_ECHO && sub != MB_DIAG_PLUS) {
		if (!modbus_size(m, 2))
			return;
		uint32_t data = cursor_be16(&m->c, "data");
		if (echo)
			repeats(m, m->asked && data == m->asked->aux[0], 2, "data");
	}
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_RESPONSE, access);
	op->has |= OP_SUB;
	op->sub = (uint16_t)sub;
}

/* The status word of 11 and 12: a program command is being processed, or not. */
static void event_status(struct modbus *m)
{
	uint32_t status = cursor_be16(&m->c, "status");
	cursor_check(&m->c, status == 0 || status == 0xffff, 2, REASON_FIELD_VALUE, "status");
	cursor_be16(&m->c, "event-count");
}

/* 11, 12 */
static void answer_events(struct modbus *m)
{
	if (m->function == MB_EVENT_COUNTER) {
		if (!modbus_size(m, 4))
			return;
		event_status(m);
	} else {
		if (!modbus_size_min(m, 7))
			return;
		uint32_t bytes = cursor_u8(&m->c, "byte-count");
		cursor_check(&m->c, bytes >= 6 && bytes <= 6 + MB_EVENTS_MAX, 1, REASON_BYTE_COUNT,
			     "byte-count");
		if (!modbus_size(m, bytes))
			return;
		event_status(m);
		cursor_be16(&m->c, "message-count");
		cursor_bytes(&m->c, bytes - 6, "events");
	}
	if (cursor_ok(&m->c))
		answer_op(m, ACCESS_DIAGNOSE);
}

/* 17: the length of the identifier is the device's own, so the run indicator behind it cannot be found. */
static void answer_server_id(struct modbus *m)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "byte-count");
	cursor_check(&m->c, bytes >= 1, 1, REASON_BYTE_COUNT, "byte-count");
	if (!modbus_size(m, bytes))
		return;
	cursor_bytes(&m->c, bytes, "server-id");
	answer_op(m, ACCESS_READ);
}

/* 20: sub-answers one after the other: length, reference type 6, registers. */
static void answer_read_file(struct modbus *m)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "response-data-length");
	cursor_check(&m->c, bytes >= 4 && bytes <= MB_READ_FILE_MAX, 1, REASON_BYTE_COUNT,
		     "response-data-length");
	if (m->asked)
		cursor_check(&m->c, bytes == m->asked->size, 1, REASON_ANSWER_SIZE, "response-data-length");
	if (!modbus_size(m, bytes))
		return;
	uint64_t hash = MB_HASH_START;
	/* A sub-answer has four octets at least: 61 fit, fewer than a PDU may hold operations. */
	while (cursor_ok(&m->c) && cursor_left(&m->c) > 0 && m->out->nops < PDU_OPS_MAX) {
		uint32_t len = cursor_u8(&m->c, "file-response-length");
		cursor_check(&m->c, len >= 3 && len % 2 == 1, 1, REASON_BYTE_COUNT, "file-response-length");
		uint32_t type = cursor_u8(&m->c, "reference-type");
		cursor_check(&m->c, type == 6, 1, REASON_FIELD_VALUE, "reference-type");
		if (!cursor_ok(&m->c))
			return;
		struct view v = cursor_bytes(&m->c, len - 1, "record-data");
		if (!cursor_ok(&m->c))
			return;
		const uint8_t n[2] = {0, (uint8_t)(v.len / 2)};
		hash = modbus_hash(hash, (struct view){.data = n, .len = 2});
		struct op *op = answer_op(m, ACCESS_READ);
		op->has |= OP_SPACE;
		op->space = MB_SPACE_FILE;
		modbus_registers(op, v);
	}
	cursor_end(&m->c, "response-data-length");
	if (m->asked && (m->asked->aux[0] != hash >> 32 || m->asked->aux[1] != (uint32_t)hash))
		cursor_fail_at(&m->c, REASON_ANSWER_SIZE, "file-response-length", MB_MBAP + 2);
}

/* 21: repeats the request, which it is laid out like. */
static void answer_write_file(struct modbus *m)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t bytes = cursor_u8(&m->c, "response-data-length");
	cursor_check(&m->c, bytes >= 9 && bytes <= MB_WRITE_FILE_MAX, 1, REASON_BYTE_COUNT,
		     "response-data-length");
	if (m->asked)
		cursor_check(&m->c, bytes == m->asked->size, 1, REASON_ANSWER_SIZE, "response-data-length");
	if (!modbus_size(m, bytes))
		return;
	uint32_t start = m->c.at;
	while (cursor_ok(&m->c) && cursor_left(&m->c) > 0 && m->out->nops < MB_FILE_PARTS_MAX) {
		uint32_t type = cursor_u8(&m->c, "reference-type");
		cursor_check(&m->c, type == 6, 1, REASON_FIELD_VALUE, "reference-type");
		uint32_t file = cursor_be16(&m->c, "file-number");
		cursor_check(&m->c, file >= 1, 2, REASON_FIELD_VALUE, "file-number");
		uint32_t record = cursor_be16(&m->c, "record-number");
		uint32_t n = cursor_be16(&m->c, "record-length");
		cursor_check(&m->c, n >= 1, 2, REASON_COUNT, "record-length");
		cursor_check(&m->c, record + n <= MB_FILE_RECORDS, 4, REASON_RANGE_END, "record-number");
		struct view v = cursor_bytes(&m->c, n * 2, "record-data");
		if (!cursor_ok(&m->c))
			return;
		struct op *op = modbus_op(m, DIR_RESPONSE, ACCESS_WRITE);
		modbus_range(op, MB_SPACE_FILE, file * MB_FILE_RECORDS + record, n);
		modbus_registers(op, v);
	}
	cursor_end(&m->c, "response-data-length");
	uint64_t h = modbus_hash(MB_HASH_START, (struct view){.data = m->in->data + start, .len = bytes});
	repeats(m, m->asked && m->asked->aux[0] == h >> 32 && m->asked->aux[1] == (uint32_t)h, bytes,
		"record-data");
}

/* 22: repeats the request. */
static void answer_mask(struct modbus *m)
{
	if (!modbus_size(m, 6))
		return;
	uint32_t first = cursor_be16(&m->c, "reference-address");
	repeats(m, m->asked && first == m->asked->first, 2, "reference-address");
	uint32_t and_mask = cursor_be16(&m->c, "and-mask");
	repeats(m, m->asked && and_mask == m->asked->aux[0], 2, "and-mask");
	uint32_t or_mask = cursor_be16(&m->c, "or-mask");
	repeats(m, m->asked && or_mask == m->asked->aux[1], 2, "or-mask");
	if (cursor_ok(&m->c))
		modbus_range(modbus_op(m, DIR_RESPONSE, ACCESS_WRITE), MB_SPACE_HOLDING, first, 1);
}

/* 24: byte count and queue count, both 16 bits; an empty queue is an answer too. */
static void answer_fifo(struct modbus *m)
{
	if (!modbus_size_min(m, 4))
		return;
	uint32_t bytes = cursor_be16(&m->c, "byte-count");
	uint32_t n = cursor_be16(&m->c, "fifo-count");
	cursor_check(&m->c, n <= MB_FIFO_MAX, 2, REASON_COUNT, "fifo-count");
	cursor_check(&m->c, bytes == 2 + n * 2, 4, REASON_BYTE_COUNT, "byte-count");
	if (!modbus_size(m, n * 2))
		return;
	struct view v = cursor_bytes(&m->c, n * 2, "fifo-value-register");
	struct op *op = answer_op(m, ACCESS_READ);
	op->has |= OP_SPACE;
	op->space = MB_SPACE_FIFO;
	if (n > 0)
		modbus_registers(op, v);
}

/* What objects of 43/14 say (6.21, table of object ids): the basic ones and those of the regular category that name the device. */
static void tell_object(struct modbus *m, uint32_t id, struct view value)
{
	static const uint8_t kinds[] = {
		[0] = IDENT_VENDOR,  [1] = IDENT_ORDER, [2] = IDENT_VERSION, [3] = IDENT_COUNT,
		[4] = IDENT_PRODUCT, [5] = IDENT_KIND,  [6] = IDENT_NAME};
	struct pdu_ident from = {.has_unit = true, .unit = m->unit};
	if (id < sizeof kinds && kinds[id] != IDENT_COUNT && ident_heard(m->in, m->asked))
		ident_text(m->out, from, (enum ident_kind)kinds[id], value);
}

/* 43/14 */
static void answer_identification(struct modbus *m)
{
	if (!modbus_size_min(m, 5))
		return;
	uint32_t code = cursor_u8(&m->c, "read-device-id-code");
	cursor_check(&m->c, code >= 1 && code <= 4, 1, REASON_FIELD_VALUE, "read-device-id-code");
	repeats(m, m->asked && code == m->asked->aux[0], 1, "read-device-id-code");
	uint32_t level = cursor_u8(&m->c, "conformity-level") & 0x7f;
	cursor_check(&m->c, level >= 1 && level <= 3, 1, REASON_FIELD_VALUE, "conformity-level");
	uint32_t more = cursor_u8(&m->c, "more-follows");
	cursor_check(&m->c, more == 0 || more == 0xff, 1, REASON_FIELD_VALUE, "more-follows");
	uint32_t next = cursor_u8(&m->c, "next-object-id");
	cursor_check(&m->c, more != 0 || next == 0, 1, REASON_FIELD_VALUE, "next-object-id");
	uint32_t n = cursor_u8(&m->c, "number-of-objects");
	cursor_check(&m->c, code != 4 || n == 1, 1, REASON_COUNT, "number-of-objects");
	/* An object has two octets at least, which bounds the loop before its count does. */
	for (uint32_t i = 0; i < n && cursor_ok(&m->c); i++) {
		uint32_t id = cursor_u8(&m->c, "object-id");
		uint32_t len = cursor_u8(&m->c, "object-length");
		tell_object(m, id, cursor_bytes(&m->c, len, "object-value"));
	}
	cursor_end(&m->c, "object-value");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_RESPONSE, ACCESS_READ);
	op->has |= OP_SUB;
	op->sub = MB_MEI_IDENTIFICATION;
	op->nargs = 1;
	op->args[0] = (struct op_arg){.name = MB_ARG_ID_CODE, .value = code};
}

/* 43 */
static void answer_encapsulated(struct modbus *m)
{
	if (!modbus_size_min(m, 1))
		return;
	uint32_t mei = cursor_u8(&m->c, "mei-type");
	repeats(m, m->asked && mei == m->asked->sub, 1, "mei-type");
	if (mei == MB_MEI_IDENTIFICATION) {
		answer_identification(m);
		return;
	}
	cursor_check(&m->c, mei == MB_MEI_CANOPEN, 1, REASON_SUBFUNCTION_UNKNOWN, "mei-type");
	if (!cursor_ok(&m->c))
		return;
	struct op *op = modbus_op(m, DIR_RESPONSE, ACCESS_OPAQUE);
	op->has |= OP_SUB;
	op->sub = MB_MEI_CANOPEN;
}

/* 65 to 72, 100 to 110, and 90: pairing key, status (0xfe good, 0xfd not), data. The status stands for the UMAS function
 * where the request is not known. */
static void answer_opaque(struct modbus *m)
{
	uint32_t status = 0;
	if (m->function == MB_UMAS) {
		if (!modbus_size_min(m, 2))
			return;
		cursor_u8(&m->c, "umas.pairing-key");
		status = cursor_u8(&m->c, "umas.status");
	}
	struct op *op = answer_op(m, ACCESS_OPAQUE);
	if (m->function == MB_UMAS && !m->asked) {
		op->has |= OP_SUB;
		op->sub = (uint16_t)status;
	}
}

/* What an exception or a bare answer is about: the kind of the function, as far as its code tells. */
static enum access function_access(const struct modbus *m)
{
	uint32_t key = (uint32_t)m->function << 16 | (m->asked ? m->asked->sub : 0);
	switch (m->function) {
	case MB_WRITE_COIL:
	case MB_WRITE_REGISTER:
	case MB_WRITE_COILS:
	case MB_WRITE_REGISTERS:
	case MB_WRITE_FILE:
	case MB_MASK_WRITE: return ACCESS_WRITE;
	case MB_EVENT_COUNTER:
	case MB_EVENT_LOG: return ACCESS_DIAGNOSE;
	case MB_DIAGNOSTICS:
		for (const struct vocab_function *f = modbus_functions; m->asked && f->name; f++)
			if (f->lo == key && f->hi == key)
				return f->access & 1u << ACCESS_OPERATE    ? ACCESS_OPERATE
				       : f->access & 1u << ACCESS_DIAGNOSE ? ACCESS_DIAGNOSE
									   : ACCESS_CONFIGURE;
		return ACCESS_DIAGNOSE;
	case MB_ENCAPSULATED:
		return m->asked && m->asked->sub == MB_MEI_IDENTIFICATION ? ACCESS_READ : ACCESS_OPAQUE;
	default: return m->function >= MB_USER_FIRST ? ACCESS_OPAQUE : ACCESS_READ;
	}
}

/* Function code | 0x80, exception code (7). */
static void answer_exception(struct modbus *m)
{
	if (!modbus_size(m, 1))
		return;
	uint32_t code = cursor_u8(&m->c, "exception-code");
	bool known = (code >= 1 && code <= 6) || code == 8 || code == 10 || code == 11;
	cursor_check(&m->c, known, 1, REASON_FIELD_VALUE, "exception-code");
	if (!cursor_ok(&m->c))
		return;
	answer_op(m, function_access(m));
	m->out->exception = true;
	m->out->exception_code = (uint8_t)code;
}

void modbus_answer(struct modbus *m)
{
	bool exception = m->function & MB_EXCEPTION_BIT;
	m->function &= (uint8_t)~MB_EXCEPTION_BIT;
	cursor_check(&m->c, modbus_defined(m->function), 1, REASON_FUNCTION_UNKNOWN, "function-code");

	m->out->answers = asked_find(m->in->asked, m->in->nasked, m->out->id);
	if (m->out->answers >= 0) {
		m->asked = &m->in->asked[m->out->answers];
		cursor_check(&m->c, m->asked->unit == m->unit, 2, REASON_ANSWER_UNIT, "mbap.unit-identifier");
		cursor_check(&m->c, m->asked->function == m->function, 1, REASON_ANSWER_FUNCTION,
			     "function-code");
	}
	if (!cursor_ok(&m->c))
		return;
	if (exception) {
		answer_exception(m);
		return;
	}
	switch (m->function) {
	case MB_READ_COILS: answer_bits(m, MB_SPACE_COIL); break;
	case MB_READ_DISCRETE: answer_bits(m, MB_SPACE_DISCRETE); break;
	case MB_READ_HOLDING:
	case MB_READ_WRITE: answer_registers(m, MB_SPACE_HOLDING); break;
	case MB_READ_INPUT: answer_registers(m, MB_SPACE_INPUT); break;
	case MB_WRITE_COIL:
	case MB_WRITE_REGISTER: answer_write_one(m); break;
	case MB_EXCEPTION_STATUS: answer_status(m); break;
	case MB_DIAGNOSTICS: answer_diagnostics(m); break;
	case MB_EVENT_COUNTER:
	case MB_EVENT_LOG: answer_events(m); break;
	case MB_WRITE_COILS: answer_write_many(m, MB_SPACE_COIL, MB_WRITE_BITS_MAX); break;
	case MB_WRITE_REGISTERS: answer_write_many(m, MB_SPACE_HOLDING, MB_WRITE_REGS_MAX); break;
	case MB_SERVER_ID: answer_server_id(m); break;
	case MB_READ_FILE: answer_read_file(m); break;
	case MB_WRITE_FILE: answer_write_file(m); break;
	case MB_MASK_WRITE: answer_mask(m); break;
	case MB_READ_FIFO: answer_fifo(m); break;
	case MB_ENCAPSULATED: answer_encapsulated(m); break;
	default: answer_opaque(m); break;
	}
}
