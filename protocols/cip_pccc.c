/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCCC inside CIP: Execute PCCC of class 0x67 (Rockwell 1770-6.5.16, "DF1 Protocol and Command Set"; 1756-PM020).
 *
 *    request    requestor: length 1, vendor 2, serial 4 | command 1, status 1 (0), transaction 2, [function 1,] data
 *    answer     the same requestor | command + 0x40, status, transaction, [extended status 1 | data]
 *
 * The data files of SLC 500 and MicroLogix are read and written by `typed logical` commands: octets, file, type, element and, in
 * the forms with three fields, sub-element. A field is one octet, or 0xff and two. The address is file * 65536 + element; how many
 * elements the octets touch follows from the type. Of a type without a known size, it is everything from the element on.
 */
#include "protocols/enip.h"

enum {
	PCCC_REQUESTOR = 7,
	PCCC_ANSWER = 0x40,
	PCCC_DIAGNOSTIC = 0x06,
	PCCC_CONTROL = 0x07,
	PCCC_EXTENDED = 0x0f,
	PCCC_EXTENDED_STATUS = 0xf0,
	PCCC_READ_2 = 0xa1,
	PCCC_READ_3 = 0xa2,
	PCCC_WRITE_2 = 0xa9,
	PCCC_WRITE_3 = 0xaa,
	PCCC_MASKED_3 = 0xab,
	PCCC_OCTETS_MAX = 244,
};

static bool has_function(uint32_t command)
{
	return command == PCCC_DIAGNOSTIC || command == PCCC_CONTROL || command == PCCC_EXTENDED;
}

enum access pccc_access(uint32_t command, uint32_t function)
{
	switch (command << 8 | function) {
	case 0x0600:
	case 0x0601:
	case 0x0603: return ACCESS_DIAGNOSE;
	case 0x0700:
	case 0x0701:
	case 0x0703:
	case 0x0f07:
	case 0x0f0a:
	case 0x0f3a:
	case 0x0f41:
	case 0x0f80: return ACCESS_OPERATE;
	case 0x0704:
	case 0x0705:
	case 0x0706:
	case 0x0f11:
	case 0x0f12:
	case 0x0f50:
	case 0x0f52:
	case 0x0f53:
	case 0x0f55:
	case 0x0f57:
	case 0x0f81:
	case 0x0f82:
	case 0x0fa7:
	case 0x0faf: return ACCESS_PROGRAM;
	case 0x0fa1:
	case 0x0fa2: return ACCESS_READ;
	case 0x0fa9:
	case 0x0faa:
	case 0x0fab: return ACCESS_WRITE;
	default: return ACCESS_OPAQUE;
	}
}

/* Octets of an element, 0: not known. */
static uint32_t element_size(uint32_t type)
{
	switch (type) {
	case 0x84:            /* status */
	case 0x85:            /* bit */
	case 0x89:            /* integer */
	case 0x8e:            /* ASCII */
	case 0x8f: return 2;  /* BCD */
	case 0x8a:            /* float */
	case 0x91: return 4;  /* long */
	case 0x86:            /* timer */
	case 0x87:            /* counter */
	case 0x88: return 6;  /* control */
	case 0x8d: return 84; /* string */
	default: return 0;
	}
}

static void file_values(struct op *op, uint32_t type, struct view v)
{
	uint32_t size = element_size(type);
	if ((size != 2 && size != 4) || v.len < size || v.len % size != 0) {
		op->values.form = VALUES_UNKNOWN;
		return;
	}
	op->values.form = VALUES_NUMBERS;
	op->values.kind = type == 0x8a                   ? VALUES_FLOAT
			  : type == 0x89 || type == 0x91 ? VALUES_SIGNED
							 : VALUES_UNSIGNED;
	op->values.width = (uint8_t)size;
	op->values.little = true;
	op->values.stride = size;
	op->values.count = v.len / size;
	op->values.data = v.data;
}

static uint32_t address_field(struct cursor *c, const char *field)
{
	uint32_t n = cursor_u8(c, field);
	return n == 0xff ? cursor_le16(c, field) : n;
}

static struct op *pccc_op(struct enip *e, const struct cip_service *s, uint32_t command, uint32_t function)
{
	struct op *op = cip_op(e, s, pccc_access(command, function), PCCC_FN | command);
	if (op && has_function(command)) {
		op->has |= OP_SUB;
		op->sub = (uint16_t)function;
	}
	return op;
}

static void typed_logical(struct enip *e, struct cip_service *s, uint32_t function)
{
	struct cursor *c = &s->c;
	bool three = function != PCCC_READ_2 && function != PCCC_WRITE_2;
	bool write = function != PCCC_READ_2 && function != PCCC_READ_3;
	uint32_t octets = cursor_u8(c, "byte-size");
	cursor_check(c, octets >= 1 && octets <= PCCC_OCTETS_MAX, 1, REASON_COUNT, "byte-size");
	uint32_t file = address_field(c, "file-number");
	uint32_t type = cursor_u8(c, "file-type");
	uint32_t at = c->at, element = address_field(c, "element-number");
	uint32_t sub = three ? address_field(c, "sub-element-number") : 0;
	if (function == PCCC_MASKED_3)
		cursor_le16(c, "mask");
	struct view v = cursor_bytes(c, write ? octets : 0, "data");
	cip_done(s, "data");
	uint32_t size = element_size(type);
	uint32_t n = size ? (sub * 2 + octets + size - 1) / size : CIP_MINORS - element;
	if (cursor_ok(c) && element + n > CIP_MINORS)
		cursor_fail_at(c, REASON_RANGE_END, "element-number", at);
	if (!cursor_ok(c))
		return;
	struct op *op = pccc_op(e, s, PCCC_EXTENDED, function);
	if (!op)
		return;
	op->has |= OP_SPACE | OP_RANGE;
	op->space = SPACE_DATA_FILE;
	op->first = file * CIP_MINORS + element;
	op->last = op->first + n - 1;
	cip_arg(op, ARG_FILE_TYPE, type);
	if (three)
		cip_arg(op, ARG_SUB_ELEMENT, sub);
	if (function == PCCC_MASKED_3 || (write && sub != 0))
		op->values.form = VALUES_UNKNOWN;
	else if (write)
		file_values(op, type, v);
	s->size = write ? 0 : octets;
	s->unit |= type << 16;
}

/* The device it came from, by vendor and serial number: what an answer goes back to. */
static void requestor(struct cursor *c)
{
	uint32_t length = cursor_u8(c, "requestor-length");
	cursor_check(c, length == PCCC_REQUESTOR, 1, REASON_FIELD_VALUE, "requestor-length");
	cursor_bytes(c, PCCC_REQUESTOR - 1, "requestor");
}

void cip_pccc(struct enip *e, struct cip_service *s)
{
	struct cursor *c = &s->c;
	const struct cip_path *p = &s->path;
	if (p->npairs != 1 || p->has_attribute || p->has_key || p->nmembers || !p->has_instance[0] ||
	    p->instance[0] != 1)
		cursor_fail_at(c, REASON_FIELD_VALUE, "path.segment", p->start);
	requestor(c);
	uint32_t command = cursor_u8(c, "pccc.command");
	cursor_check(c, command <= PCCC_EXTENDED, 1, REASON_FUNCTION_UNKNOWN, "pccc.command");
	uint32_t status = cursor_u8(c, "pccc.status");
	cursor_check(c, status == 0, 1, REASON_FIELD_VALUE, "pccc.status");
	s->unit = cursor_le16(c, "pccc.transaction");
	uint32_t function = has_function(command) ? cursor_u8(c, "pccc.function") : 0;
	if (!cursor_ok(c))
		return;
	switch (command << 8 | function) {
	case 0x0fa1:
	case 0x0fa2:
	case 0x0fa9:
	case 0x0faa:
	case 0x0fab: typed_logical(e, s, function); return;
	case 0x0f3a:
	case 0x0f80: {
		uint32_t mode = cursor_u8(c, "pccc.mode");
		cip_done(s, "pccc.mode");
		struct op *op = cursor_ok(c) ? pccc_op(e, s, command, function) : NULL;
		if (op)
			cip_arg(op, ARG_MODE, mode);
		return;
	}
	case 0x0601:
	case 0x0603: cip_done(s, "pccc.function"); break;
	default: break; /* what else it carries is not read */
	}
	if (cursor_ok(c))
		pccc_op(e, s, command, function);
}

void cip_pccc_answer(struct enip *e, struct cip_reply *r, struct op *op)
{
	const struct asked *a = r->alone ? e->asked : NULL;
	struct cursor *c = &r->c;
	requestor(c);
	uint32_t command = cursor_u8(c, "pccc.command");
	cursor_check(c, (command & ~0x0fu) == PCCC_ANSWER, 1, REASON_FIELD_VALUE, "pccc.command");
	command &= 0x0f;
	if (a)
		cursor_check(c, a->function == (PCCC_FN | command), 1, REASON_ANSWER_FUNCTION,
			     "pccc.command");
	uint32_t status = cursor_u8(c, "pccc.status");
	uint32_t transaction = cursor_le16(c, "pccc.transaction");
	if (a)
		cursor_check(c, (a->unit & 0xffff) == transaction, 2, REASON_ANSWER_CONTENT,
			     "pccc.transaction");
	if (status == PCCC_EXTENDED_STATUS)
		status = cursor_u8(c, "pccc.extended-status");
	if (!cursor_ok(c))
		return;
	if (status) {
		/* A refusal carries nothing. */
		cursor_end(c, "service");
		e->out->exception = true;
		e->out->exception_code = (uint8_t)status;
	}
	uint32_t len = cursor_left(c);
	struct view v = cursor_bytes(c, len, "data");
	if (!a) {
		op->function = (uint16_t)(PCCC_FN | command);
		op->has &= (uint8_t)~OP_SUB;
		op->sub = has_function(command) ? 0xffff : 0;
		op->access = (uint8_t)(has_function(command) ? ACCESS_SESSION : ACCESS_OPAQUE);
		return;
	}
	enum access access = pccc_access(command, a->sub);
	if (!status && (access == ACCESS_READ || access == ACCESS_WRITE))
		cursor_check(c, len == a->size, len, REASON_ANSWER_SIZE, "data");
	if (cursor_ok(c) && !status && access == ACCESS_READ)
		file_values(op, a->unit >> 16, v);
}
