/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * S7comm: reading and writing variables (0x04, 0x05). Up to 20 items, each an operation of its own.
 *
 *    specification, syntax "any":                                              data item:
 *    +------+--------+------+-----------+-------+--------+------+---------+    +--------+-----------+--------+- - -+- - -+
 *    | 0x12 | length | 0x10 | transport | count | DB     | area | bit     |    | return | transport | length | data | fill |
 *    |      | 10     |      | size      |       | number |      | address |    | code   | size      |        |      |      |
 *    +------+--------+------+-----------+-------+--------+------+---------+    +--------+-----------+--------+- - -+- - -+
 *
 * The bit address counts bits, except in counters and timers, where it is their number. A write of one bit changes part of an octet: it
 * is a function of its own, write-bit, which operates: no bound on the octet's value could hold it. Octets are values of one octet each.
 *
 * Besides "any" there are DBREAD (0xb0), up to 32 ranges of data blocks in one item: they are read like any other, and never written.
 * Symbolic addresses of S7-1200 and 1500 (0xb2), NC variables (0x82 to 0x84) and drive parameters (0xa2) say nothing that a policy could
 * bound: they are opaque, under names of their own. Other specifications are refused.
 *
 * Refused are also: bits in twos or more, octets that do not begin at bit 0, a DB number where the area has none, ranges past 65535, data
 * whose length is not what its specification says, and transport sizes whose length some devices count in bits and others in octets.
 */
#include "protocols/s7.h"

enum {
	TRANSPORT_BIT = 0x01,
	DATA_NULL = 0,
	DATA_BIT = 3,
	DATA_BYTE = 4,
	DATA_INT = 5,
	DATA_REAL = 7,
	DATA_OCTETS = 9,
	SUCCESS = 0xff,
	/* Sizes of items as an answer is held against them, 10 bits each. */
	SIZE_BIT = 0,
	SIZE_ANY = 1022,
	SIZE_LARGE = 1023, /* that, or more */
	SIZE_BITS = 10,
};

/* Octets of one element; 0: no such transport size, or a bit. */
static uint32_t element(uint32_t transport)
{
	switch (transport) {
	case 0x02: /* BYTE */
	case 0x03: /* CHAR */ return 1;
	case 0x04: /* WORD */
	case 0x05: /* INT */
	case 0x09: /* DATE */
	case 0x0c: /* S5TIME */
	case 0x13: /* WCHAR, S7-1200 */
	case 0x1c: /* COUNTER */
	case 0x1d: /* TIMER */ return 2;
	case 0x06: /* DWORD */
	case 0x07: /* DINT */
	case 0x08: /* REAL */
	case 0x0a: /* TIME_OF_DAY */
	case 0x0b: /* TIME */ return 4;
	case 0x0f: /* DATE_AND_TIME */ return 8;
	default: return 0;
	}
}

uint32_t s7_data_octets(uint32_t transport, uint32_t length)
{
	switch (transport) {
	case DATA_NULL: return 0;
	case DATA_BIT:
	case DATA_REAL:
	case DATA_OCTETS: return length;
	case DATA_BYTE:
	case DATA_INT: return (length + 7) / 8;
	default: return UINT32_MAX;
	}
}

/* One range of an area as an operation. Latches. size: octets, or SIZE_BIT. */
static void item_any(struct s7 *s, struct cursor *c, enum direction dir, uint32_t function, uint32_t *size)
{
	if (!s7_size(c, 9, "item.length"))
		return;
	uint32_t at = c->at;
	struct view v = cursor_bytes(c, 9, "item");
	uint32_t transport = view_u8(v, 0), count = view_be16(v, 1), db = view_be16(v, 3);
	uint32_t area = view_u8(v, 5), address = (uint32_t)view_u8(v, 6) << 16 | view_be16(v, 7);
	bool is_db = area == S7_SPACE_DB || area == S7_SPACE_INSTANCE_DB;
	bool numbered = area == S7_SPACE_COUNTER || area == S7_SPACE_TIMER;
	bool bit = transport == TRANSPORT_BIT;
	uint32_t each = element(transport);

	if (!bit && each == 0)
		cursor_fail_at(c, REASON_FIELD_VALUE, "item.transport-size", at);
	if (count == 0 || (bit && count != 1))
		cursor_fail_at(c, REASON_COUNT, "item.count", at + 1);
	if (!is_db && db != 0)
		cursor_fail_at(c, REASON_RESERVED, "item.db-number", at + 3);
	switch (area) {
	case S7_SPACE_SYSTEM:
	case S7_SPACE_ANALOG_IN:
	case S7_SPACE_ANALOG_OUT:
	case S7_SPACE_PERIPHERAL:
	case S7_SPACE_INPUT:
	case S7_SPACE_OUTPUT:
	case S7_SPACE_MERKER:
	case S7_SPACE_DB:
	case S7_SPACE_INSTANCE_DB:
	case S7_SPACE_LOCAL:
	case S7_SPACE_CALLER_LOCAL:
	case S7_SPACE_COUNTER:
	case S7_SPACE_TIMER: break;
	default: cursor_fail_at(c, REASON_FIELD_VALUE, "item.area", at + 5);
	}
	/* Counters and timers are read as what they are, and nothing else is. */
	if (numbered ? transport != area : transport == S7_SPACE_COUNTER || transport == S7_SPACE_TIMER)
		cursor_fail_at(c, REASON_FIELD_VALUE, "item.transport-size", at);
	uint32_t first = numbered ? address : address >> 3;
	uint32_t n = numbered ? count : bit ? 1 : count * each;
	if (!numbered && !bit && (address & 7) != 0)
		cursor_fail_at(c, REASON_FIELD_VALUE, "item.address", at + 6);
	if (first + n > S7_ADDRESSES)
		cursor_fail_at(c, REASON_RANGE_END, "item.address", at + 6);
	if (!cursor_ok(c))
		return;
	*size = bit ? SIZE_BIT : numbered ? count * 2 : n;
	uint32_t sub = bit ? S7_VAR_BIT : S7_VAR_BYTES;
	struct op *op = s7_op(s, dir, s7_access(function, sub), function);
	s7_sub(op, sub);
	s7_range(op, area, is_db ? db * S7_MINORS + first : first, n);
	if (bit)
		s7_arg(op, S7_ARG_BIT, address & 7);
}

/* Ranges of data blocks: number of octets, DB, first octet. */
static void item_dbread(struct s7 *s, struct cursor *c, uint32_t function)
{
	uint32_t n = cursor_u8(c, "item.areas");
	cursor_check(c, n >= 1 && n <= S7_DBREAD_MAX, 1, REASON_COUNT, "item.areas");
	if (!s7_size(c, n * 5, "item.length"))
		return;
	if (s->out->nops + n > PDU_OPS_MAX) {
		cursor_fail(c, REASON_TOO_MANY_OPERATIONS, "item.areas");
		return;
	}
	for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
		uint32_t count = cursor_u8(c, "item.count");
		uint32_t db = cursor_be16(c, "item.db-number");
		uint32_t first = cursor_be16(c, "item.address");
		cursor_check(c, count >= 1, 5, REASON_COUNT, "item.count");
		cursor_check(c, first + count <= S7_ADDRESSES, 2, REASON_RANGE_END, "item.address");
		if (!cursor_ok(c))
			return;
		bool cyclic = function != S7_READ;
		struct op *op = s7_op(s, DIR_REQUEST, ACCESS_READ, cyclic ? function >> 16 : function);
		s7_sub(op, cyclic ? function & 0xffff : S7_VAR_BYTES);
		s7_range(op, S7_SPACE_DB, db * S7_MINORS + first, count);
	}
}

/* Names what it cannot read. Each variable of an item is one operation with nothing but a function. */
static void item_opaque(struct s7 *s, struct cursor *c, uint32_t function, uint32_t sub)
{
	cursor_bytes(c, cursor_left(c), "item");
	if (!cursor_ok(c))
		return;
	s7_sub(s7_op(s, DIR_REQUEST, ACCESS_OPAQUE, function), sub);
}

/* function: S7_READ or S7_WRITE, or of cyclic data the key, group above its sub-function. At most PDU_OPS_MAX. */
static uint32_t item(struct s7 *s, struct cursor *c, uint32_t function)
{
	uint32_t type = cursor_u8(c, "item.specification-type");
	cursor_check(c, type == 0x12, 1, REASON_FIELD_VALUE, "item.specification-type");
	uint32_t length = cursor_u8(c, "item.length"), size = SIZE_ANY;
	struct cursor sub = cursor_sub(c, length, "item.length");
	uint32_t syntax = cursor_u8(&sub, "item.syntax-id"), before = s->out->nops;
	bool cyclic = function > UINT16_MAX;
	if (!cursor_ok(c))
		return 0;
	if (before >= PDU_OPS_MAX) {
		cursor_fail(c, REASON_TOO_MANY_OPERATIONS, "item.specification-type");
		return 0;
	}
	switch (syntax) {
	case 0x10:
		item_any(s, &sub, DIR_REQUEST, cyclic ? S7_READ : function, &size);
		if (cyclic && cursor_ok(c)) {
			/* The same range under another function, which says nothing of single bits. */
			s->out->ops[before].function = (uint16_t)(function >> 16);
			s->out->ops[before].sub = (uint16_t)function;
			s->out->ops[before].nargs = 0;
		}
		break;
	case 0xb0:
		if (function == S7_WRITE)
			cursor_fail_at(&sub, REASON_FIELD_VALUE, "item.syntax-id", sub.at - 1);
		else
			item_dbread(s, &sub, function);
		break;
	case 0xb2:
	case 0x82:
	case 0x83:
	case 0x84:
	case 0xa2:
		if (cyclic)
			cursor_fail_at(&sub, REASON_FIELD_VALUE, "item.syntax-id", sub.at - 1);
		else
			item_opaque(s, &sub, function,
				    syntax == 0xb2   ? S7_VAR_SYMBOLIC
				    : syntax == 0xa2 ? S7_VAR_DRIVE
						     : S7_VAR_NCK);
		break;
	default: cursor_fail_at(&sub, REASON_FIELD_VALUE, "item.syntax-id", sub.at - 1);
	}
	cursor_end(&sub, "item.length");
	return size;
}

/* An octet between two items where the first has an odd length, so that each begins at an even offset. */
static void fill(struct cursor *c, uint32_t octets, const char *field)
{
	if (octets % 2 == 0 || cursor_left(c) == 0 || !cursor_ok(c))
		return;
	cursor_u8(c, field);
}

void s7_items_read(struct s7 *s, struct cursor *c, uint32_t function, uint32_t count)
{
	cursor_check(c, count >= 1 && count <= S7_ITEMS_MAX, 2, REASON_COUNT, "item-count");
	for (uint32_t i = 0; i < count && cursor_ok(c); i++) {
		uint32_t at = c->at;
		item(s, c, function);
		if (i + 1 < count)
			fill(c, c->at - at, "item.fill");
	}
}

/* The six 32-bit fields of a request that a request of several items has no other use for. */
static uint32_t *slot(struct asked *a, uint32_t i)
{
	switch (i) {
	case 0: return &a->unit;
	case 1: return &a->space;
	case 2: return &a->first;
	case 3: return &a->last;
	case 4: return &a->aux[0];
	case 5: return &a->aux[1];
	default: return &a->size;
	}
}

/* Three sizes in each field: 20 items in 7. */
static void size_put(struct asked *a, uint32_t i, uint32_t size)
{
	if (size >= SIZE_ANY && size != SIZE_ANY)
		size = SIZE_LARGE;
	*slot(a, i / 3) |= size << (i % 3 * SIZE_BITS);
}

static uint32_t size_get(const struct asked *asked, uint32_t i)
{
	struct asked a = *asked;
	return *slot(&a, i / 3) >> (i % 3 * SIZE_BITS) & ((1u << SIZE_BITS) - 1);
}

/* The header of a data item: *octets are what follows it, also where it is refused. */
static struct view data_item(struct cursor *c, uint32_t *code, uint32_t *transport, uint32_t *length)
{
	*code = cursor_u8(c, "data.return-code");
	*transport = cursor_u8(c, "data.transport-size");
	*length = cursor_be16(c, "data.length");
	uint32_t octets = s7_data_octets(*transport, *length);
	cursor_check(c, octets != UINT32_MAX, 3, REASON_FIELD_VALUE, "data.transport-size");
	return cursor_bytes(c, octets, "data.length");
}

/* What is written to the range of op. */
static void write_item(struct s7 *s, struct op *op, bool last)
{
	struct cursor *c = &s->data;
	uint32_t code, transport, length;
	struct view v = data_item(c, &code, &transport, &length);
	cursor_check(c, code == 0 || code == SUCCESS, v.len + 4, REASON_FIELD_VALUE, "data.return-code");
	if (!cursor_ok(c))
		return;
	if (op->access != ACCESS_OPAQUE) {
		bool bit = op->sub == S7_VAR_BIT;
		bool words = op->space == S7_SPACE_COUNTER || op->space == S7_SPACE_TIMER;
		uint32_t n = op->last - op->first + 1;
		cursor_check(c, bit == (transport == DATA_BIT), v.len + 3, REASON_FIELD_VALUE,
			     "data.transport-size");
		cursor_check(c,
			     v.len == (words ? n * 2 : n) && (transport != DATA_BYTE || length % 8 == 0) &&
				     (transport != DATA_INT || length % 8 == 0),
			     v.len + 2, REASON_LENGTH, "data.length");
		if (bit)
			cursor_check(c, view_u8(v, 0) <= 1, 1, REASON_FIELD_VALUE, "data.value");
		if (!cursor_ok(c))
			return;
		struct op_values *values = &op->values;
		values->form = bit ? VALUES_ONE : VALUES_NUMBERS;
		values->width = words ? 2 : 1;
		values->little = false;
		values->stride = values->width;
		values->count = n;
		values->data = v.data;
		values->one = view_u8(v, 0);
	}
	if (!last)
		fill(c, v.len, "data.fill");
}

/* 0x04, 0x05 */
void s7_var_request(struct s7 *s, uint32_t function)
{
	uint32_t count = cursor_u8(&s->param, "param.item-count");
	cursor_check(&s->param, count >= 1 && count <= S7_ITEMS_MAX, 1, REASON_COUNT, "param.item-count");
	struct asked sizes = {0};
	uint32_t size = 0;
	for (uint32_t i = 0; i < count && cursor_ok(&s->param); i++) {
		uint32_t at = s->param.at;
		size = item(s, &s->param, function);
		if (count > 1)
			size_put(&sizes, i, size);
		if (i + 1 < count)
			fill(&s->param, s->param.at - at, "item.fill");
	}
	cursor_end(&s->param, "header.parameter-length");
	if (function == S7_READ)
		s7_size(&s->data, 0, "header.data-length");
	else
		for (uint32_t i = 0; i < count && cursor_ok(&s->data); i++)
			write_item(s, &s->out->ops[i], i + 1 == count);
	if (!cursor_ok(&s->c))
		return;
	struct asked *a = s7_ask(s, &s->out->ops[0]);
	if (count > 1) {
		sizes.id = a->id;
		sizes.function = a->function;
		sizes.sub = a->sub;
		*a = sizes;
		a->has = OP_SUB;
	} else if (s->out->nops > 1) { /* one DBREAD of several ranges */
		a->has &= (uint8_t) ~(OP_RANGE | OP_SPACE);
		a->size = size;
	} else {
		a->size = size;
		a->aux[0] = s->out->ops[0].nargs ? (uint32_t)s->out->ops[0].args[0].value : 0;
	}
	a->flags = (uint8_t)count;
}

/* An item read: its size is the one asked for, its values are octets. */
static void read_values(struct s7 *s, struct op *op, struct view v, uint32_t transport, uint32_t size)
{
	struct cursor *c = &s->data;
	bool bit = transport == DATA_BIT;
	uint32_t items = s->asked ? s->asked->flags : 0;
	if (s->asked && size != SIZE_ANY) {
		bool right = size == SIZE_BIT                  ? bit && v.len == 1
			     : size == SIZE_LARGE && items > 1 ? !bit && v.len >= SIZE_LARGE
							       : !bit && v.len == size;
		cursor_check(c, right, v.len + 2, REASON_ANSWER_SIZE, "data.length");
	}
	if (!cursor_ok(c) || v.len == 0 || op->access == ACCESS_OPAQUE)
		return;
	struct op_values *values = &op->values;
	bool words = (op->has & OP_SPACE) && (op->space == S7_SPACE_COUNTER || op->space == S7_SPACE_TIMER);
	values->form = bit && v.len == 1 ? VALUES_ONE : VALUES_NUMBERS;
	values->width = words ? 2 : 1;
	values->little = false;
	values->stride = values->width;
	values->count = v.len / values->width;
	values->data = v.data;
	values->one = view_u8(v, 0);
}

/* 0x04, 0x05 */
void s7_var_answer(struct s7 *s, uint32_t function)
{
	uint32_t count = cursor_u8(&s->param, "param.item-count");
	cursor_check(&s->param, count >= 1 && count <= S7_ITEMS_MAX, 1, REASON_COUNT, "param.item-count");
	if (s->asked)
		cursor_check(&s->param, count == s->asked->flags, 1, REASON_ANSWER_SIZE, "param.item-count");
	cursor_end(&s->param, "header.parameter-length");
	for (uint32_t i = 0; i < count && cursor_ok(&s->c); i++) {
		struct cursor *c = &s->data;
		uint32_t size = !s->asked ? 0 : count == 1 ? s->asked->size : size_get(s->asked, i);
		uint32_t sub = s->asked && count == 1         ? s->asked->sub
			       : s->asked && size == SIZE_BIT ? S7_VAR_BIT
							      : S7_VAR_BYTES;
		struct op *op = s7_op(s, DIR_RESPONSE, s7_access(function, sub), function);
		s7_sub(op, sub);
		if (s->asked && count == 1 && (s->asked->has & OP_RANGE)) {
			s7_range(op, s->asked->space, s->asked->first, s->asked->last - s->asked->first + 1);
			if (sub == S7_VAR_BIT)
				s7_arg(op, S7_ARG_BIT, s->asked->aux[0]);
		}
		uint32_t code, transport = 0, length = 0;
		struct view v = {0};
		if (function == S7_WRITE) {
			code = cursor_u8(c, "data.return-code");
		} else {
			v = data_item(c, &code, &transport, &length);
			/* What is refused may hold data, and says nothing by it. */
			if (cursor_ok(c) && code == SUCCESS)
				read_values(s, op, v, transport, size);
			if (!s->asked && transport == DATA_BIT)
				op->sub = S7_VAR_BIT;
			if (i + 1 < count)
				fill(c, v.len, "data.fill");
		}
		if (code != SUCCESS)
			s7_arg(op, S7_ARG_RESULT, code);
	}
	cursor_end(&s->data, "header.data-length");
}
