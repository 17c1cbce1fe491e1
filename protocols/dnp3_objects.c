/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNP3 object headers, and how long the objects behind them are.
 *
 *   IEEE 1815-2012, 4.2.2.7 (object header), annex A (object library)
 *
 *    octet 0       1           2           3
 *         +-------+-----------+-----------+------------------+--------------------------
 *         | group | variation | qualifier | range: 0 to 8    | objects, where there are any
 *         +-------+-----------+-----------+------------------+--------------------------
 *                               0ppp rrrr
 *
 *   qualifier 00 01 02     start and stop point, 1, 2 or 4 octets each
 *             06           all points
 *             07 08 09     a count of 1, 2 or 4 octets
 *             p7 p8 p9     the same, an index of 1, 2 or 4 octets (p = 1, 2, 3) before each object
 *             5B           a count of 1 octet, a size of 2 octets before each object
 *
 * Refused: groups and variations that are not in the library, since nobody can say where their objects end; qualifiers that are
 * reserved or that carry virtual addresses (03 to 05) or other sizes; ranges that end before they begin, counts of 0, points
 * beyond 65535; one-octet strings of length 0.
 */
#include "protocols/dnp3.h"

#define EMPTY                                                                                                \
	{                                                                                                    \
		.lay = LAY_EMPTY                                                                             \
	}
#define BITS                                                                                                 \
	{                                                                                                    \
		.lay = LAY_BITS                                                                              \
	}
#define PAIRS                                                                                                \
	{                                                                                                    \
		.lay = LAY_PAIRS                                                                             \
	}
#define FIXED(n)                                                                                             \
	{                                                                                                    \
		.lay = LAY_FIXED, .size = (n)                                                                \
	}
#define SIZED(n)                                                                                             \
	{                                                                                                    \
		.lay = LAY_SIZED, .size = (n)                                                                \
	}
#define UINT(n, at_, w)                                                                                      \
	{                                                                                                    \
		.lay = LAY_FIXED, .size = (n), .at = (at_), .width = (w), .kind = VALUES_UNSIGNED            \
	}
#define SINT(n, at_, w)                                                                                      \
	{                                                                                                    \
		.lay = LAY_FIXED, .size = (n), .at = (at_), .width = (w), .kind = VALUES_SIGNED              \
	}
#define REAL(n, at_, w)                                                                                      \
	{                                                                                                    \
		.lay = LAY_FIXED, .size = (n), .at = (at_), .width = (w), .kind = VALUES_FLOAT               \
	}

/* One flag octet where they have one, then the number, then six octets of time. */
static const struct dnp3_layout attribute[] = {{.lay = LAY_TYPED}};
static const struct dnp3_layout string[] = {{.lay = LAY_STRING}};
static const struct dnp3_layout binary[] = {EMPTY, BITS, FIXED(1)};
static const struct dnp3_layout binary_event[] = {EMPTY, FIXED(1), FIXED(7), FIXED(3)};
static const struct dnp3_layout double_bit[] = {EMPTY, PAIRS, FIXED(1)};
static const struct dnp3_layout output_event[] = {EMPTY, FIXED(1), FIXED(7)};
static const struct dnp3_layout crob[] = {EMPTY, FIXED(11), FIXED(11), BITS};
static const struct dnp3_layout counter[] = {EMPTY,         UINT(5, 1, 4), UINT(3, 1, 2),
					     UINT(5, 1, 4), UINT(3, 1, 2), UINT(4, 0, 4),
					     UINT(2, 0, 2), UINT(4, 0, 4), UINT(2, 0, 2)};
static const struct dnp3_layout frozen_counter[] = {
	EMPTY,          UINT(5, 1, 4), UINT(3, 1, 2),  UINT(5, 1, 4), UINT(3, 1, 2),
	UINT(11, 1, 4), UINT(9, 1, 2), UINT(11, 1, 4), UINT(9, 1, 2), UINT(4, 0, 4),
	UINT(2, 0, 2),  UINT(4, 0, 4), UINT(2, 0, 2)};
static const struct dnp3_layout counter_event[] = {EMPTY,         UINT(5, 1, 4),  UINT(3, 1, 2),
						   UINT(5, 1, 4), UINT(3, 1, 2),  UINT(11, 1, 4),
						   UINT(9, 1, 2), UINT(11, 1, 4), UINT(9, 1, 2)};
static const struct dnp3_layout analog_input[] = {EMPTY,         SINT(5, 1, 4), SINT(3, 1, 2), SINT(4, 0, 4),
						  SINT(2, 0, 2), REAL(5, 1, 4), REAL(9, 1, 8)};
static const struct dnp3_layout frozen_analog[] = {EMPTY,          SINT(5, 1, 4), SINT(3, 1, 2),
						   SINT(11, 1, 4), SINT(9, 1, 2), SINT(4, 0, 4),
						   SINT(2, 0, 2),  REAL(5, 1, 4), REAL(9, 1, 8)};
static const struct dnp3_layout analog_event[] = {EMPTY,          SINT(5, 1, 4),  SINT(3, 1, 2),
						  SINT(11, 1, 4), SINT(9, 1, 2),  REAL(5, 1, 4),
						  REAL(9, 1, 8),  REAL(11, 1, 4), REAL(15, 1, 8)};
static const struct dnp3_layout deadband[] = {EMPTY, UINT(2, 0, 2), UINT(4, 0, 4), REAL(4, 0, 4)};
static const struct dnp3_layout analog_output[] = {EMPTY, SINT(5, 1, 4), SINT(3, 1, 2), REAL(5, 1, 4),
						   REAL(9, 1, 8)};
static const struct dnp3_layout analog_command[] = {EMPTY, SINT(5, 0, 4), SINT(3, 0, 2), REAL(5, 0, 4),
						    REAL(9, 0, 8)};
static const struct dnp3_layout time_and_date[] = {EMPTY, FIXED(6), FIXED(10), FIXED(6), FIXED(11)};
static const struct dnp3_layout common_time[] = {EMPTY, FIXED(6), FIXED(6)};
static const struct dnp3_layout delay[] = {EMPTY, UINT(2, 0, 2), UINT(2, 0, 2)};
static const struct dnp3_layout class_data[] = {{0}, EMPTY, EMPTY, EMPTY, EMPTY};
static const struct dnp3_layout file[] = {{0},      {0},      SIZED(12), SIZED(26), SIZED(13),
					  SIZED(8), SIZED(9), SIZED(20), SIZED(0)};
static const struct dnp3_layout indications[] = {{0}, BITS};
static const struct dnp3_layout storage[] = {{0}, FIXED(3)};
static const struct dnp3_layout sized_one[] = {{0}, SIZED(0)};
static const struct dnp3_layout sized_two[] = {{0}, SIZED(0), SIZED(0)};
static const struct dnp3_layout sized_any[] = {EMPTY, SIZED(0)};
static const struct dnp3_layout descriptor[] = {EMPTY, SIZED(0), FIXED(1), SIZED(0)};
static const struct dnp3_layout decimal[] = {EMPTY, FIXED(2), FIXED(4), FIXED(8)};
static const struct dnp3_layout integer[] = {EMPTY, UINT(1, 0, 1)};
static const struct dnp3_layout authentication[] = {
	EMPTY,    SIZED(8), SIZED(6), FIXED(6), FIXED(2), SIZED(11), SIZED(6), SIZED(14),
	SIZED(1), SIZED(1), SIZED(1), SIZED(1), SIZED(1), SIZED(1),  SIZED(1), SIZED(1)};
static const struct dnp3_layout statistic[] = {EMPTY, UINT(7, 3, 4)};
static const struct dnp3_layout statistic_event[] = {EMPTY, UINT(7, 3, 4), UINT(13, 3, 4)};

#define GROUP(table, sp)                                                                                     \
	{                                                                                                    \
		.layouts = (table), .n = sizeof(table) / sizeof *(table), .space = (sp)                      \
	}

static const struct dnp3_group groups[] = {
	[0] = GROUP(attribute, SP_ATTRIBUTE),
	[1] = GROUP(binary, SP_BINARY_INPUT),
	[2] = GROUP(binary_event, SP_BINARY_INPUT),
	[3] = GROUP(double_bit, SP_DOUBLE_BIT),
	[4] = GROUP(binary_event, SP_DOUBLE_BIT),
	[10] = GROUP(binary, SP_BINARY_OUTPUT),
	[11] = GROUP(output_event, SP_BINARY_OUTPUT),
	[12] = GROUP(crob, SP_CROB),
	[13] = GROUP(output_event, SP_CROB),
	[20] = GROUP(counter, SP_COUNTER),
	[21] = GROUP(frozen_counter, SP_COUNTER),
	[22] = GROUP(counter_event, SP_COUNTER),
	[23] = GROUP(counter_event, SP_COUNTER),
	[30] = GROUP(analog_input, SP_ANALOG_INPUT),
	[31] = GROUP(frozen_analog, SP_ANALOG_INPUT),
	[32] = GROUP(analog_event, SP_ANALOG_INPUT),
	[33] = GROUP(analog_event, SP_ANALOG_INPUT),
	[34] = GROUP(deadband, SP_DEADBAND),
	[40] = GROUP(analog_output, SP_ANALOG_OUTPUT),
	[41] = GROUP(analog_command, SP_ANALOG_OUTPUT),
	[42] = GROUP(analog_event, SP_ANALOG_OUTPUT),
	[43] = GROUP(analog_event, SP_ANALOG_OUTPUT),
	[50] = GROUP(time_and_date, SP_TIME),
	[51] = GROUP(common_time, SP_TIME),
	[52] = GROUP(delay, SP_TIME),
	[60] = GROUP(class_data, SP_CLASS),
	[70] = GROUP(file, SP_FILE),
	[80] = GROUP(indications, SP_IIN),
	[81] = GROUP(storage, SP_DEVICE),
	[82] = GROUP(sized_one, SP_DEVICE),
	[83] = GROUP(sized_two, SP_DEVICE),
	[85] = GROUP(sized_any, SP_DATA_SET),
	[86] = GROUP(descriptor, SP_DATA_SET),
	[87] = GROUP(sized_any, SP_DATA_SET),
	[88] = GROUP(sized_any, SP_DATA_SET),
	[90] = GROUP(sized_one, SP_APPLICATION),
	[91] = GROUP(sized_one, SP_APPLICATION),
	[101] = GROUP(decimal, SP_BCD),
	[102] = GROUP(integer, SP_INTEGER),
	[110] = GROUP(string, SP_OCTET_STRING),
	[111] = GROUP(string, SP_OCTET_STRING),
	[112] = GROUP(string, SP_TERMINAL),
	[113] = GROUP(string, SP_TERMINAL),
	[120] = GROUP(authentication, SP_AUTHENTICATION),
	[121] = GROUP(statistic, SP_STATISTIC),
	[122] = GROUP(statistic_event, SP_STATISTIC),
};

const struct dnp3_group *dnp3_group(uint32_t group)
{
	if (group >= sizeof groups / sizeof *groups || !groups[group].layouts)
		return NULL;
	return &groups[group];
}

const struct dnp3_layout *dnp3_layout(const struct dnp3_group *g, uint32_t variation)
{
	static const struct dnp3_layout none = {.lay = LAY_NONE}, empty = EMPTY;
	if (g->layouts == string)
		return variation == 0 ? &empty : string;
	if (g->layouts == attribute)
		return variation == 0 ? &none : attribute;
	return variation < g->n ? &g->layouts[variation] : &none;
}

/* The highest address of a space. */
static uint32_t space_last(uint32_t space)
{
	switch (space) {
	case SP_ATTRIBUTE: return DNP3_ADDRESSES * DNP3_VARIATIONS - 1;
	case SP_CLASS: return 3;
	case SP_IIN: return 15;
	case SP_AUTHENTICATION: return 255;
	case SP_FILE: return INT32_MAX;
	default: return DNP3_ADDRESSES - 1;
	}
}

/* The highest point of a space; of attributes it is the set, whose variations are addresses. */
static uint32_t point_last(uint32_t space)
{
	return space == SP_ATTRIBUTE ? DNP3_ADDRESSES - 1 : space_last(space);
}

static uint32_t number(struct dnp3 *d, uint32_t width, const char *field)
{
	switch (width) {
	case 1: return cursor_u8(&d->c, field);
	case 2: return cursor_le16(&d->c, field);
	default: return cursor_le32(&d->c, field);
	}
}

/* Qualifier and range. Sets all, sized, prefix, count, first, last. */
static bool read_range(struct dnp3 *d, struct dnp3_objects *o)
{
	static const uint8_t widths[16] = {1, 2, 4, 0, 0, 0, 0, 1, 2, 4, 0, 1};
	static const uint8_t prefixes[4] = {0, 1, 2, 4};
	uint32_t q = cursor_u8(&d->c, "qualifier"), range = q & 0x0f, prefix = q >> 4, width = widths[range];
	bool counted = range >= 7;
	o->sized = q == 0x5b;
	o->all = q == 0x06;
	if (!o->sized && !o->all && (width == 0 || range == 0x0b || prefix > 3 || (prefix > 0 && !counted))) {
		cursor_check(&d->c, false, 1, q & 0x80 ? REASON_RESERVED : REASON_FIELD_VALUE, "qualifier");
		return false;
	}
	o->prefix = o->sized ? 0 : prefixes[prefix];
	o->count = 0;
	o->first = 0;
	o->last = space_last(o->space);
	if (o->all)
		return cursor_ok(&d->c);
	uint32_t at = d->c.at;
	if (counted) {
		o->count = number(d, width, "count");
		if (cursor_ok(&d->c) && (o->count == 0 || o->count > DNP3_ADDRESSES))
			dnp3_fail(d, REASON_COUNT, "count", at);
		return cursor_ok(&d->c);
	}
	o->first = number(d, width, "start");
	uint32_t last = number(d, width, "stop");
	if (cursor_ok(&d->c) && (o->first > last || last > point_last(o->space)))
		dnp3_fail(d, REASON_RANGE_END, "stop", at + width);
	o->last = last;
	o->count = last - o->first + 1;
	return cursor_ok(&d->c);
}

/* Objects that each have an index before them: the least and the highest one. */
static void read_indexes(struct dnp3 *d, struct dnp3_objects *o, uint32_t size)
{
	uint32_t each = o->prefix + size;
	o->octets = cursor_bytes(&d->c, o->count * each, "objects");
	if (!cursor_ok(&d->c))
		return;
	uint32_t start = d->c.at - o->octets.len, end = point_last(o->space);
	o->first = UINT32_MAX;
	o->last = 0;
	for (uint32_t i = 0; i < o->count; i++) {
		uint32_t index = 0;
		for (uint32_t k = o->prefix; k-- > 0;)
			index = index << 8 | o->octets.data[i * each + k];
		if (index > end) {
			dnp3_fail(d, REASON_RANGE_END, "index", start + i * each);
			return;
		}
		o->first = index < o->first ? index : o->first;
		o->last = index > o->last ? index : o->last;
	}
}

/* Objects with a size of their own before each. */
static void read_sized(struct dnp3 *d, struct dnp3_objects *o)
{
	uint32_t start = d->c.at;
	for (uint32_t i = 0; i < o->count && cursor_ok(&d->c); i++) {
		uint32_t size = cursor_le16(&d->c, "size");
		cursor_check(&d->c, size >= o->layout->size, 2, REASON_LENGTH, "size");
		(void)cursor_bytes(&d->c, size, "object");
	}
	o->octets = (struct view){.data = d->c.data + start, .len = d->c.at - start};
}

/* Device attributes: type, length (type 255: 256 more), value. */
static void read_typed(struct dnp3 *d, struct dnp3_objects *o)
{
	uint32_t start = d->c.at;
	for (uint32_t i = 0; i < o->count && cursor_ok(&d->c); i++) {
		uint32_t type = cursor_u8(&d->c, "attribute.type");
		cursor_check(&d->c, (type >= 1 && type <= 7) || type >= 254, 1, REASON_FIELD_VALUE,
			     "attribute.type");
		uint32_t length = cursor_u8(&d->c, "attribute.length") + (type == 255 ? 256u : 0u);
		(void)cursor_bytes(&d->c, length, "attribute.value");
	}
	o->octets = (struct view){.data = d->c.data + start, .len = d->c.at - start};
}

/* Bits behind the last point of a packed header. */
static void check_padding(struct dnp3 *d, const struct dnp3_objects *o, uint32_t bits)
{
	uint32_t used = bits % 8;
	if (cursor_ok(&d->c) && used != 0 && o->octets.data[o->octets.len - 1] >> used)
		dnp3_fail(d, REASON_RESERVED, "objects", d->c.at - 1);
}

/* A count alone (7, 8, 9) with objects: points from 0 on, for kinds that have one or few of each. */
static void count_is_range(struct dnp3 *d, struct dnp3_objects *o, uint32_t back)
{
	o->first = 0;
	cursor_check(&d->c, o->count - 1 <= o->last, back, REASON_COUNT, "count");
	o->last = o->count - 1;
}

static void read_data(struct dnp3 *d, struct dnp3_objects *o, bool counted)
{
	uint32_t size = o->layout->size;
	/* Every layout has a qualifier that says which points: but only sized ones say how long each is. */
	if (o->all || o->sized != (o->layout->lay == LAY_SIZED)) {
		dnp3_fail(d, REASON_FIELD_VALUE, "qualifier", o->at + 2);
		return;
	}
	switch (o->layout->lay) {
	case LAY_SIZED: read_sized(d, o); return;
	case LAY_STRING: size = o->variation; break;
	case LAY_FIXED: break;
	case LAY_BITS:
	case LAY_PAIRS:
	case LAY_TYPED:
		if (counted) {
			dnp3_fail(d, REASON_FIELD_VALUE, "qualifier", o->at + 2);
			return;
		}
		if (o->layout->lay == LAY_TYPED) {
			read_typed(d, o);
		} else {
			uint32_t bits = o->count * (o->layout->lay == LAY_PAIRS ? 2 : 1);
			o->octets = cursor_bytes(&d->c, (bits + 7) / 8, "objects");
			check_padding(d, o, bits);
		}
		return;
	default: dnp3_fail(d, REASON_FIELD_VALUE, "variation", o->at + 1); return;
	}
	if (o->prefix) {
		read_indexes(d, o, size);
		return;
	}
	if (counted)
		count_is_range(d, o, d->c.at - o->at - 3);
	o->octets = cursor_bytes(&d->c, o->count * size, "objects");
}

bool dnp3_objects(struct dnp3 *d, bool data, struct dnp3_objects *o)
{
	o->at = d->c.at;
	o->group = cursor_u8(&d->c, "group");
	o->variation = cursor_u8(&d->c, "variation");
	if (!cursor_ok(&d->c))
		return false;
	const struct dnp3_group *g = dnp3_group(o->group);
	if (!g) {
		dnp3_fail(d, REASON_FIELD_VALUE, "group", o->at);
		return false;
	}
	o->layout = dnp3_layout(g, o->variation);
	if (o->layout->lay == LAY_NONE) {
		dnp3_fail(d, REASON_FIELD_VALUE, "variation", o->at + 1);
		return false;
	}
	o->space = g->space;
	o->octets = (struct view){0};
	if (!read_range(d, o))
		return false;
	d->spaces |= 1u << o->space;
	o->data = data || o->sized;
	bool counted = !o->all && !o->sized && (d->c.data[o->at + 2] & 0x0f) >= 7;
	if (o->data) {
		read_data(d, o, counted);
	} else if (counted && o->prefix) {
		read_indexes(d, o, 0);
	} else if (counted && o->space == SP_TIME) {
		count_is_range(d, o, d->c.at - o->at - 3);
	} else if (counted) {
		o->all = true; /* so many events, whichever they are */
	}
	if (!o->data && o->all)
		o->count = 0;
	/* What has no points has its place in its space all the same. */
	if (o->space == SP_CLASS || o->space == SP_AUTHENTICATION) {
		o->first = o->last = o->space == SP_CLASS ? o->variation - 1u : o->variation;
	} else if (o->space == SP_ATTRIBUTE && cursor_ok(&d->c)) {
		uint32_t set = o->first, end = o->all ? DNP3_ADDRESSES - 1 : o->last;
		bool every = o->variation >= 254;
		o->first = set * DNP3_VARIATIONS + (every ? 0 : o->variation);
		o->last = end * DNP3_VARIATIONS + (every ? DNP3_VARIATIONS - 1 : o->variation);
	}
	return cursor_ok(&d->c);
}

struct view dnp3_object(const struct dnp3_objects *o, uint32_t i, uint32_t *index)
{
	uint32_t size = o->layout->lay == LAY_STRING ? o->variation : o->layout->size;
	uint32_t each = o->prefix + size;
	*index = o->first + i;
	if (o->prefix) {
		*index = 0;
		for (uint32_t k = o->prefix; k-- > 0;)
			*index = *index << 8 | o->octets.data[i * each + k];
	}
	return (struct view){.data = o->octets.data + i * each + o->prefix, .len = size};
}

struct view dnp3_sized(const struct dnp3_objects *o, uint32_t *at)
{
	if (o->octets.len < 2 || *at > o->octets.len - 2)
		return (struct view){0};
	const uint8_t *p = o->octets.data + *at;
	uint32_t n = (uint32_t)(p[0] | p[1] << 8);
	*at += 2 + n;
	return (struct view){.data = p + 2, .len = n};
}

void dnp3_numbers(const struct dnp3_objects *o, struct op *op)
{
	if (o->layout->width == 0 || o->count == 0)
		return;
	op->values.form = VALUES_NUMBERS;
	op->values.kind = o->layout->kind;
	op->values.width = o->layout->width;
	op->values.little = true;
	op->values.stride = (uint32_t)o->prefix + o->layout->size;
	op->values.count = o->count;
	op->values.data = o->octets.data + o->prefix + o->layout->at;
}
