/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tags: Rockwell 1756-PM020, "CIP Services Supported by Logix 5000 Controllers", which other vendors have taken up.
 *
 *   Read Tag               count
 *   Write Tag              type, count, values
 *   Read Tag Fragmented    count, offset in octets
 *   Write Tag Fragmented   type, count, offset in octets, values
 *   Read Modify Write Tag  size of the masks, OR mask, AND mask
 *
 * A tag is named by symbols, and the elements of an array are the range: `Line.Speed` element 4..7. Or it is an instance of the
 * symbol class, and then that object is the address; what stands behind the instance is the name and the `member` argument.
 */
#include "protocols/enip.h"

uint32_t cip_type_size(uint32_t type)
{
	switch (type) {
	case TYPE_BOOL:
	case 0xc2:           /* SINT */
	case 0xc6:           /* USINT */
	case 0xd1: return 1; /* BYTE */
	case 0xc3:           /* INT */
	case 0xc7:           /* UINT */
	case 0xcd:           /* DATE */
	case 0xd2:           /* WORD */
	case 0xd8: return 2; /* ITIME */
	case 0xc4:           /* DINT */
	case 0xc8:           /* UDINT */
	case 0xca:           /* REAL */
	case 0xcc:           /* STIME */
	case 0xce:           /* TIME_OF_DAY */
	case 0xd3:           /* DWORD */
	case 0xd6:           /* FTIME */
	case 0xdb: return 4; /* TIME */
	case 0xc5:           /* LINT */
	case 0xc9:           /* ULINT */
	case 0xcb:           /* LREAL */
	case 0xd4:           /* LWORD */
	case 0xd7: return 8; /* LTIME */
	default: return 0;
	}
}

static enum values_kind type_kind(uint32_t type)
{
	switch (type) {
	case 0xca:
	case 0xcb: return VALUES_FLOAT;
	case 0xc2:
	case 0xc3:
	case 0xc4:
	case 0xc5:
	case 0xcc:
	case 0xd6:
	case 0xd7:
	case 0xd8:
	case 0xdb: return VALUES_SIGNED;
	default: return VALUES_UNSIGNED;
	}
}

void cip_values(struct op *op, uint32_t type, struct view v)
{
	uint32_t size = cip_type_size(type);
	if (size == 0 || v.len < size || v.len % size != 0) {
		op->values.form = v.len ? VALUES_UNKNOWN : VALUES_NONE;
		return;
	}
	op->values.form = VALUES_NUMBERS;
	op->values.kind = (uint8_t)type_kind(type);
	op->values.width = (uint8_t)size;
	op->values.little = true;
	op->values.stride = size;
	op->values.count = v.len / size;
	op->values.data = v.data;
}

static bool type_good(uint32_t type)
{
	return cip_type_size(type) || type == TYPE_STRING || type == TYPE_SHORT_STRING ||
	       type == TYPE_STRUCTURE;
}

/* The type, and behind that of a structure what tells it from others. */
static uint32_t data_type(struct cursor *c)
{
	uint32_t type = cursor_le16(c, "data-type");
	cursor_check(c, type_good(type), 2, REASON_FIELD_VALUE, "data-type");
	if (type == TYPE_STRUCTURE)
		cursor_le16(c, "structure-handle");
	return type;
}

/* The operation on n elements, `skip` of them behind where the path begins. */
static struct op *tag_op(struct enip *e, struct cip_service *s, uint32_t skip, uint32_t n)
{
	const struct cip_path *p = &s->path;
	struct op *op = cip_op(e, s, cip_access(s->code, s->class, s->class), s->code);
	if (!op)
		return NULL;
	op->has |= OP_SUB;
	op->sub = (uint16_t)s->class;
	if (s->class == CLASS_SYMBOL) {
		cip_object(op, p, 0);
		cip_arg(op, ARG_MEMBER, n == 1 && skip == 0 ? p->member : SEVERAL);
		return op;
	}
	uint32_t first = p->nmembers ? p->member : 0;
	if (first > UINT32_MAX - skip || first + skip > UINT32_MAX - (n - 1)) {
		cursor_fail_at(&s->c, REASON_RANGE_END, "path.member", p->start);
		return NULL;
	}
	op->has |= OP_SPACE | OP_RANGE;
	op->space = SPACE_ELEMENT;
	op->first = first + skip;
	op->last = first + skip + n - 1;
	return op;
}

static uint32_t element_count(struct cip_service *s)
{
	uint32_t n = cursor_le16(&s->c, "element-count");
	cursor_check(&s->c, n >= 1, 2, REASON_COUNT, "element-count");
	return n;
}

static void read_tag(struct enip *e, struct cip_service *s, bool fragment)
{
	uint32_t n = element_count(s);
	if (fragment)
		cursor_le32(&s->c, "offset");
	cip_done(s, "element-count");
	s->size = n;
	if (cursor_ok(&s->c))
		tag_op(e, s, 0, n);
}

static void write_tag(struct enip *e, struct cip_service *s)
{
	uint32_t type = data_type(&s->c);
	uint32_t n = element_count(s), size = cip_type_size(type);
	if (size && cursor_ok(&s->c) && cursor_left(&s->c) != n * size)
		cursor_fail(&s->c, REASON_BYTE_COUNT, "data");
	if (!size)
		cursor_check(&s->c, cursor_left(&s->c) > 0, 0, REASON_SHORT, "data");
	struct view v = cursor_bytes(&s->c, cursor_left(&s->c), "data");
	s->size = n;
	if (!cursor_ok(&s->c))
		return;
	struct op *op = tag_op(e, s, 0, n);
	if (!op)
		return;
	cip_arg(op, ARG_TYPE, type);
	cip_values(op, type, v);
}

/* Whole elements of an atomic type are those elements alone; of anything else it is not known which part is written. */
static void write_fragment(struct enip *e, struct cip_service *s)
{
	uint32_t type = data_type(&s->c);
	uint32_t n = element_count(s), size = cip_type_size(type);
	uint32_t offset = cursor_le32(&s->c, "offset");
	uint32_t len = cursor_left(&s->c);
	cursor_check(&s->c, len > 0, 0, REASON_SHORT, "data");
	if (size)
		cursor_check(&s->c, (uint64_t)offset + len <= (uint64_t)n * size, 4, REASON_RANGE_END,
			     "offset");
	struct view v = cursor_bytes(&s->c, len, "data");
	s->size = n;
	if (!cursor_ok(&s->c))
		return;
	bool whole = size && offset % size == 0 && len % size == 0;
	struct op *op = whole ? tag_op(e, s, offset / size, len / size) : tag_op(e, s, 0, n);
	if (!op)
		return;
	cip_arg(op, ARG_TYPE, type);
	if (whole)
		cip_values(op, type, v);
	else
		op->values.form = VALUES_UNKNOWN;
}

static void modify_tag(struct enip *e, struct cip_service *s)
{
	uint32_t size = cursor_le16(&s->c, "mask-size");
	cursor_check(&s->c, size == 1 || size == 2 || size == 4 || size == 8 || size == 12, 2,
		     REASON_FIELD_VALUE, "mask-size");
	cursor_bytes(&s->c, size * 2, "masks");
	cip_done(s, "masks");
	s->size = 1;
	if (!cursor_ok(&s->c))
		return;
	struct op *op = tag_op(e, s, 0, 1);
	if (op)
		op->values.form = VALUES_UNKNOWN;
}

/* A tag is named by a path of symbols alone, or by one instance of the symbol class. */
void cip_tag(struct enip *e, struct cip_service *s)
{
	if (s->path.npairs > 1 || s->path.has_attribute ||
	    (s->class == CLASS_SYMBOL && !s->path.has_instance[0])) {
		cursor_fail_at(&s->c, REASON_FIELD_VALUE, "path.segment", s->path.start);
		return;
	}
	switch (s->code) {
	case CIP_READ_TAG: read_tag(e, s, false); break;
	case CIP_READ_FRAGMENT: read_tag(e, s, true); break;
	case CIP_WRITE_TAG: write_tag(e, s); break;
	case CIP_WRITE_FRAGMENT: write_fragment(e, s); break;
	default: modify_tag(e, s); break;
	}
}

/* A service of one object of the vendor's, which only reads: offset and length of a definition. */
void cip_template(struct enip *e, struct cip_service *s)
{
	cursor_le32(&s->c, "offset");
	cursor_le16(&s->c, "length");
	cip_done(s, "length");
	if (s->path.npairs != 1 || s->path.has_key || s->path.has_attribute || s->path.nmembers)
		cursor_fail_at(&s->c, REASON_FIELD_VALUE, "path.segment", s->path.start);
	if (!cursor_ok(&s->c))
		return;
	struct op *op = cip_op(e, s, ACCESS_READ, s->code);
	if (!op)
		return;
	op->has |= OP_SUB;
	op->sub = CLASS_TEMPLATE;
	cip_object(op, &s->path, 0);
}

/* Lists symbols from an instance on, as many as the answer holds: all of them, for a rule. */
void cip_instances(struct enip *e, struct cip_service *s)
{
	uint32_t n = cursor_le16(&s->c, "attribute-count");
	cursor_check(&s->c, n >= 1 && n * 2 == cursor_left(&s->c), 2, REASON_COUNT, "attribute-count");
	cursor_bytes(&s->c, cursor_left(&s->c), "attribute");
	if (s->path.npairs != 1 || s->path.has_attribute || s->path.nmembers || !s->path.has_instance[0])
		cursor_fail_at(&s->c, REASON_FIELD_VALUE, "path.segment", s->path.start);
	if (!cursor_ok(&s->c))
		return;
	struct op *op = cip_op(e, s, ACCESS_READ, s->code);
	if (!op)
		return;
	op->has |= OP_SUB;
	op->sub = CLASS_SYMBOL;
	cip_object(op, &s->path, 0);
	op->last = CLASS_SYMBOL * CIP_MINORS + CIP_MINORS - 1;
}

/* Type and values of what was read; nothing where a write was done. More than was asked for is refused. */
void cip_tag_answer(struct enip *e, struct cip_reply *r, struct op *op)
{
	bool read = r->code == CIP_READ_TAG || r->code == CIP_READ_FRAGMENT;
	if (!read) {
		cursor_end(&r->c, "service");
		return;
	}
	uint32_t type = data_type(&r->c), size = cip_type_size(type), len = cursor_left(&r->c);
	struct view v = cursor_bytes(&r->c, len, "data");
	if (!cursor_ok(&r->c))
		return;
	if (size)
		cursor_check(&r->c, len % size == 0, len, REASON_BYTE_COUNT, "data");
	if (size && r->alone && e->asked) {
		uint32_t n = len / size;
		bool part = r->code == CIP_READ_FRAGMENT || r->status == 6;
		cursor_check(&r->c, part ? n <= e->asked->size : n == e->asked->size, len, REASON_ANSWER_SIZE,
			     "data");
	}
	if (!cursor_ok(&r->c))
		return;
	if (r->status == 0 || r->status == 6)
		cip_values(op, type, v);
}
