/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DNP3 requests ask for: one operation an object header, one a point where an index comes before each value. Groups that a
 * function has nothing to do with are refused, so that what is not read here does not reach a station that reads it differently.
 */
#include "protocols/dnp3.h"

/* Group 120 signs any request ("aggressive mode"): an operation of its own where the function has any. */
static bool is_signature(const struct dnp3_objects *o)
{
	return o->space == SP_AUTHENTICATION;
}

static bool more(struct dnp3 *d)
{
	return cursor_ok(&d->c) && cursor_left(&d->c) > 0;
}

/* One operation for a whole header. */
static struct op *header_op(struct dnp3 *d, const struct dnp3_objects *o, enum access access)
{
	struct op *op = dnp3_op(d, access);
	if (op)
		dnp3_range(op, o);
	return op;
}

static void unfit(struct dnp3 *d, const struct dnp3_objects *o)
{
	dnp3_fail(d, REASON_FIELD_VALUE, "group", o->at);
}

static void unfit_qualifier(struct dnp3 *d, const struct dnp3_objects *o)
{
	dnp3_fail(d, REASON_FIELD_VALUE, "qualifier", o->at + 2);
}

/* ---- functions without objects ---- */

static void request_bare(struct dnp3 *d, enum access access)
{
	struct dnp3_objects o;
	(void)dnp3_op(d, access);
	while (more(d) && dnp3_objects(d, true, &o))
		if (!is_signature(&o))
			dnp3_fail(d, REASON_TRAILING, "objects", o.at);
}

/* 15, 19: obsolete, and never laid down in full. */
static void request_opaque(struct dnp3 *d)
{
	(void)dnp3_op(d, ACCESS_OPAQUE);
	(void)cursor_bytes(&d->c, cursor_left(&d->c), "objects");
}

/* ---- read, freeze, classes ---- */

uint32_t dnp3_file_block(struct view v)
{
	return (uint32_t)(view_u8(v, 4) | view_u8(v, 5) << 8 | view_u8(v, 6) << 16) | (view_u8(v, 7) & 0x7fu)
											      << 24;
}

/* A block of a file: its address is the number of the block. */
static bool file_block(struct dnp3 *d, struct dnp3_objects *o)
{
	uint32_t at = 0;
	if (o->variation != 5) {
		dnp3_fail(d, REASON_FIELD_VALUE, "variation", o->at + 1);
	} else if (o->count != 1) {
		dnp3_fail(d, REASON_COUNT, "count", o->at + 3);
	} else {
		struct view v = dnp3_sized(o, &at);
		o->first = o->last = dnp3_file_block(v);
		dnp3_file_block_hash(d, v);
		d->blocks = (uint8_t)(d->blocks < 2 ? d->blocks + 1 : 2);
		dnp3_file_use(d, v);
		return cursor_ok(&d->c);
	}
	return false;
}

/* 1 */
static void request_read(struct dnp3 *d)
{
	struct dnp3_objects o;
	while (more(d) && dnp3_objects(d, false, &o)) {
		if (o.sized && !is_signature(&o)) {
			if (o.space != SP_FILE)
				unfit_qualifier(d, &o);
			else if (!file_block(d, &o))
				return;
		}
		(void)header_op(d, &o, ACCESS_READ);
	}
}

/* 7 to 12 */
static void request_freeze(struct dnp3 *d, bool at_time)
{
	struct dnp3_objects o;
	bool timed = !at_time;
	while (more(d) && dnp3_objects(d, !timed, &o)) {
		if (is_signature(&o)) {
			(void)header_op(d, &o, ACCESS_OPERATE);
		} else if (!timed) {
			if (o.group != 50 || o.variation != 2 || o.count != 1)
				unfit(d, &o);
			timed = true;
		} else if ((o.group != 20 && o.group != 30) || o.sized) {
			unfit(d, &o);
		} else {
			struct op *op = header_op(d, &o, ACCESS_OPERATE);
			if (op && at_time)
				op->values.form = VALUES_UNKNOWN; /* what will be frozen then */
		}
	}
}

/* 20, 21: classes 1 to 3. */
static void request_unsolicited(struct dnp3 *d)
{
	struct dnp3_objects o;
	while (more(d) && dnp3_objects(d, false, &o)) {
		if (!is_signature(&o) && (o.space != SP_CLASS || o.variation < 2 || !o.all))
			unfit(d, &o);
		(void)header_op(d, &o, ACCESS_CONFIGURE);
	}
}

/* 22: a class, then the points that are to belong to it. */
static void request_assign(struct dnp3 *d)
{
	struct dnp3_objects o;
	int class = -1;
	while (more(d) && dnp3_objects(d, false, &o)) {
		if (o.space == SP_CLASS) {
			class = o.variation - 1;
			continue;
		}
		if (!is_signature(&o) && (class < 0 || o.sized))
			unfit(d, &o);
		struct op *op = header_op(d, &o, ACCESS_CONFIGURE);
		if (op && !is_signature(&o))
			dnp3_arg(op, DNP3_ARG_CLASS, class);
	}
}

/* ---- write ---- */

/* One operation a point, with its number. */
static void write_points(struct dnp3 *d, const struct dnp3_objects *o)
{
	for (uint32_t i = 0; i < o->count && cursor_ok(&d->c); i++) {
		struct dnp3_objects one = *o;
		struct view v = dnp3_object(o, i, &one.first);
		struct op *op;
		one.last = one.first;
		one.count = 1;
		one.prefix = 0;
		one.octets = v;
		if (!(op = header_op(d, &one, ACCESS_WRITE)))
			return;
		op->values.form = VALUES_UNKNOWN;
		dnp3_numbers(&one, op);
	}
}

static void write_time(struct dnp3 *d, const struct dnp3_objects *o)
{
	if (o->group != 50) {
		unfit(d, o);
		return;
	}
	struct op *op = header_op(d, o, ACCESS_WRITE);
	if (!op)
		return;
	op->values.form = VALUES_UNKNOWN;
	if (o->count == 1 && o->prefix == 0 && o->octets.len == 6) {
		int64_t ms = 0;
		for (uint32_t i = 6; i-- > 0;)
			ms = ms << 8 | o->octets.data[i];
		op->values.form = VALUES_ONE;
		op->values.count = 1;
		op->values.one = ms;
	}
}

static void write_bits(struct dnp3 *d, const struct dnp3_objects *o)
{
	if (o->layout->lay != LAY_BITS) {
		dnp3_fail(d, REASON_FIELD_VALUE, "variation", o->at + 1);
		return;
	}
	struct op *op = header_op(d, o, ACCESS_WRITE);
	if (!op)
		return;
	op->values.form = VALUES_BITS;
	op->values.count = o->count;
	op->values.data = o->octets.data;
}

/* 2 */
static void request_write(struct dnp3 *d)
{
	struct dnp3_objects o;
	while (more(d) && dnp3_objects(d, true, &o)) {
		struct op *op;
		switch (o.space) {
		case SP_TIME: write_time(d, &o); break;
		case SP_IIN: write_bits(d, &o); break;
		case SP_BINARY_OUTPUT:
			if (o.group == 10)
				write_bits(d, &o);
			else
				unfit(d, &o);
			break;
		case SP_DEADBAND:
		case SP_INTEGER:
		case SP_BCD:
			if (o.prefix) {
				write_points(d, &o);
				break;
			}
			if (!(op = header_op(d, &o, ACCESS_WRITE)))
				return;
			op->values.form = VALUES_UNKNOWN;
			dnp3_numbers(&o, op);
			break;
		case SP_FILE:
			if (!file_block(d, &o))
				return;
			/* fall through */
		case SP_ATTRIBUTE:
		case SP_OCTET_STRING:
		case SP_TERMINAL:
		case SP_DATA_SET:
			if (!(op = header_op(d, &o, ACCESS_WRITE)))
				return;
			op->values.form = VALUES_UNKNOWN;
			break;
		case SP_AUTHENTICATION: (void)header_op(d, &o, ACCESS_WRITE); break;
		default: unfit(d, &o);
		}
	}
}

/* ---- select, operate, direct operate ---- */

void dnp3_command(struct dnp3 *d, const struct dnp3_objects *o)
{
	uint8_t head[6] = {o->group, o->variation};
	for (uint32_t i = 0; i < o->count; i++) {
		if (o->layout->lay != LAY_FIXED)
			break;
		uint32_t index;
		struct view v = dnp3_object(o, i, &index);
		for (unsigned k = 0; k < 4; k++)
			head[2 + k] = (uint8_t)(index >> 8 * k);
		d->command = dnp3_hash(d->command, head, sizeof head);
		d->command = dnp3_hash(d->command, v.data, v.len - 1);
	}
	if (o->layout->lay == LAY_BITS) {
		for (unsigned k = 0; k < 4; k++)
			head[2 + k] = (uint8_t)(o->first >> 8 * k);
		d->command = dnp3_hash(d->command, head, sizeof head);
		d->command = dnp3_hash(d->command, o->octets.data, o->octets.len);
	}
}

/* The control block of groups 12/1 and 12/2: code, count, times, status. */
static void control_block(struct dnp3 *d, struct op *op, struct view v)
{
	uint32_t at = (uint32_t)(v.data - d->c.data), code = v.data[0];
	if (code & 0x10)
		dnp3_fail(d, REASON_RESERVED, "control-code", at);
	if ((code & 0x0f) > 4 || code >> 6 == 3)
		dnp3_fail(d, REASON_FIELD_VALUE, "control-code", at);
	if (v.data[10] != 0)
		dnp3_fail(d, REASON_FIELD_VALUE, "status", at + 10);
	dnp3_arg(op, DNP3_ARG_CONTROL, code);
	dnp3_arg(op, DNP3_ARG_COUNT, v.data[1]);
	dnp3_arg(op, DNP3_ARG_ON,
		 (int64_t)((uint32_t)v.data[5] << 24 |
			   (uint32_t)(v.data[4] << 16 | v.data[3] << 8 | v.data[2])));
	dnp3_arg(op, DNP3_ARG_OFF,
		 (int64_t)((uint32_t)v.data[9] << 24 |
			   (uint32_t)(v.data[8] << 16 | v.data[7] << 8 | v.data[6])));
}

/* A point of its own: a control block, or a number. */
static void command_point(struct dnp3 *d, const struct dnp3_objects *o, uint32_t i)
{
	struct dnp3_objects one = *o;
	struct view v = dnp3_object(o, i, &one.first);
	one.last = one.first;
	one.count = 1;
	one.prefix = 0;
	one.octets = v;
	struct op *op = header_op(d, &one, ACCESS_OPERATE);
	if (!op)
		return;
	if (o->space == SP_CROB) {
		control_block(d, op, v);
		op->values.form = VALUES_ONE;
		op->values.count = 1;
		op->values.one = v.data[0];
	} else {
		if (v.data[v.len - 1] != 0)
			dnp3_fail(d, REASON_FIELD_VALUE, "status",
				  (uint32_t)(v.data - d->c.data) + v.len - 1);
		dnp3_numbers(&one, op);
	}
}

/* 12/2 and the mask 12/3 behind it: the same control block for points of a range. Which ones is not told apart. */
static void pattern(struct dnp3 *d, const struct dnp3_objects *block)
{
	struct dnp3_objects mask;
	if (block->prefix || block->count != 1) {
		unfit_qualifier(d, block);
		return;
	}
	if (!dnp3_objects(d, true, &mask))
		return;
	if (mask.group != 12 || mask.variation != 3) {
		unfit(d, &mask);
		return;
	}
	dnp3_command(d, block);
	dnp3_command(d, &mask);
	struct op *op = header_op(d, &mask, ACCESS_OPERATE);
	if (!op)
		return;
	control_block(d, op, block->octets);
	op->values.form = VALUES_NUMBERS;
	op->values.width = 1;
	op->values.little = true;
	op->values.stride = 0;
	op->values.count = mask.count;
	op->values.data = block->octets.data;
}

/* 3 to 6 */
static void request_command(struct dnp3 *d)
{
	struct dnp3_objects o;
	while (more(d) && dnp3_objects(d, true, &o)) {
		if (is_signature(&o)) {
			(void)header_op(d, &o, ACCESS_OPERATE);
		} else if (o.group == 12 && o.variation == 2) {
			pattern(d, &o);
		} else if ((o.group == 12 && o.variation == 1) || o.group == 41) {
			if (!o.prefix)
				unfit_qualifier(d, &o);
			dnp3_command(d, &o);
			for (uint32_t i = 0; i < o.count && cursor_ok(&d->c); i++)
				command_point(d, &o, i);
		} else {
			unfit(d, &o);
		}
	}
}

/* ---- files, applications, authentication ---- */

bool dnp3_file_name(struct dnp3 *d, struct view v, uint32_t fixed, struct view *name)
{
	uint32_t at = (uint32_t)(v.data - d->c.data);
	uint32_t offset = (uint32_t)(v.data[0] | v.data[1] << 8),
		 size = (uint32_t)(v.data[2] | v.data[3] << 8);
	if (offset != fixed)
		dnp3_fail(d, REASON_LENGTH, "file-name.offset", at);
	if (fixed + size != v.len)
		dnp3_fail(d, REASON_LENGTH, "file-name.size", at + 2);
	/* Only an answer may leave it out. */
	if (size == 0 && d->dir == DIR_REQUEST)
		dnp3_fail(d, REASON_COUNT, "file-name.size", at + 2);
	*name = (struct view){.data = v.data + fixed, .len = size};
	return cursor_ok(&d->c);
}

static void key_of(struct op *op, struct view name)
{
	op->has |= OP_KEY;
	op->key = name;
}

/* User name and password of 70/2 follow one another. */
static void check_credentials(struct dnp3 *d, struct view v)
{
	uint32_t at = (uint32_t)(v.data - d->c.data);
	uint32_t user = (uint32_t)(v.data[0] | v.data[1] << 8),
		 user_n = (uint32_t)(v.data[2] | v.data[3] << 8);
	uint32_t pass = (uint32_t)(v.data[4] | v.data[5] << 8),
		 pass_n = (uint32_t)(v.data[6] | v.data[7] << 8);
	if (user != 12 || pass != 12 + user_n || pass + pass_n != v.len)
		dnp3_fail(d, REASON_LENGTH, "user-name.offset", at);
}

/* 25 to 30: one object of the variation that the function takes. */
static void request_file(struct dnp3 *d, uint32_t variation, enum access access)
{
	struct dnp3_objects o;
	struct view name;
	uint32_t n = 0;
	while (more(d) && dnp3_objects(d, true, &o)) {
		if (is_signature(&o))
			continue;
		if (o.group != 70 || o.variation != variation || n++ > 0) {
			unfit(d, &o);
			return;
		}
		if (o.count != 1) {
			dnp3_fail(d, REASON_COUNT, "count", o.at + 3);
			return;
		}
		uint32_t at = 0;
		struct view v = dnp3_sized(&o, &at);
		struct op *op = dnp3_op(d, access);
		if (!op)
			return;
		dnp3_arg(op, DNP3_ARG_OBJECT, o.group << 8 | o.variation);
		if (variation == 2)
			check_credentials(d, v);
		if (variation == 4)
			dnp3_file_use(d, v);
		if (variation != 3 && variation != 7)
			continue;
		if (!dnp3_file_name(d, v, variation == 3 ? 26 : 20, &name))
			return;
		key_of(op, name);
		if (variation == 7)
			continue;
		uint32_t mode = (uint32_t)(v.data[20] | v.data[21] << 8);
		bool opens = d->function == DNP3_OPEN_FILE;
		if (mode > 3 || (opens && mode == 0))
			dnp3_fail(d, REASON_FIELD_VALUE, "file-mode", (uint32_t)(v.data - d->c.data) + 20);
		dnp3_arg(op, DNP3_ARG_FILE_MODE, mode);
		if (opens && mode == 1)
			op->access = ACCESS_READ;
		if (opens && cursor_ok(&d->c))
			dnp3_file_opening(d, v, mode);
	}
}

/* What stands for all applications: no name that a policy lists by accident. */
static struct view all_applications(struct dnp3 *d)
{
	static const char text[] = "(all)";
	uint8_t *at = d->out->scratch + DNP3_APP_MAX;
	for (uint32_t i = 0; i < sizeof text - 1; i++)
		at[i] = (uint8_t)text[i];
	return (struct view){.data = at, .len = sizeof text - 1};
}

/* 16 to 18, 31: what is named. Where nothing is, all applications are meant. */
static void request_named(struct dnp3 *d, uint32_t group, uint32_t variation, enum access access)
{
	struct dnp3_objects o;
	bool activate = d->function == DNP3_ACTIVATE;
	while (more(d) && dnp3_objects(d, false, &o)) {
		if (is_signature(&o))
			continue;
		if (o.group != group || o.variation != variation || !(o.sized || (o.all && !activate))) {
			unfit(d, &o);
			return;
		}
		uint32_t at = 0;
		for (uint32_t i = 0; i < (o.sized ? o.count : 1) && cursor_ok(&d->c); i++) {
			struct op *op = dnp3_op(d, access);
			if (!op)
				return;
			key_of(op, o.sized ? dnp3_sized(&o, &at) : all_applications(d));
			if (op->key.len == 0)
				dnp3_fail(d, REASON_COUNT, "size", o.at + 4);
			dnp3_arg(op, DNP3_ARG_OBJECT, o.group << 8 | o.variation);
		}
	}
	if (cursor_ok(&d->c) && d->out->nops == 0 && !activate) {
		struct op *op = dnp3_op(d, access);
		if (op)
			key_of(op, all_applications(d));
	}
}

/* 32, 33. The reply to a challenge is answered by the answer to what was challenged. */
static void request_authenticate(struct dnp3 *d)
{
	struct dnp3_objects o;
	d->unanswered = true;
	while (more(d) && dnp3_objects(d, true, &o)) {
		if (!is_signature(&o))
			unfit(d, &o);
		if (o.variation != 2)
			d->unanswered = false;
		(void)header_op(d, &o, ACCESS_SESSION);
	}
}

void dnp3_request(struct dnp3 *d)
{
	switch (d->function) {
	case DNP3_CONFIRM: request_bare(d, ACCESS_SESSION); break;
	case DNP3_READ: request_read(d); break;
	case DNP3_WRITE: request_write(d); break;
	case DNP3_SELECT:
	case DNP3_OPERATE:
	case DNP3_DIRECT_OPERATE:
	case DNP3_DIRECT_OPERATE_NR: request_command(d); break;
	case DNP3_FREEZE:
	case DNP3_FREEZE_NR:
	case DNP3_FREEZE_CLEAR:
	case DNP3_FREEZE_CLEAR_NR: request_freeze(d, false); break;
	case DNP3_FREEZE_AT:
	case DNP3_FREEZE_AT_NR: request_freeze(d, true); break;
	case DNP3_COLD_RESTART:
	case DNP3_WARM_RESTART: request_bare(d, ACCESS_OPERATE); break;
	case DNP3_INITIALIZE_DATA:
	case DNP3_SAVE_CONFIGURATION: request_opaque(d); break;
	case DNP3_INITIALIZE_APPLICATION:
	case DNP3_START_APPLICATION:
	case DNP3_STOP_APPLICATION: request_named(d, 90, 1, ACCESS_OPERATE); break;
	case DNP3_ENABLE_UNSOLICITED:
	case DNP3_DISABLE_UNSOLICITED: request_unsolicited(d); break;
	case DNP3_ASSIGN_CLASS: request_assign(d); break;
	case DNP3_DELAY_MEASURE:
	case DNP3_RECORD_TIME: request_bare(d, ACCESS_DIAGNOSE); break;
	case DNP3_OPEN_FILE:
	case DNP3_DELETE_FILE: request_file(d, 3, ACCESS_WRITE); break;
	case DNP3_CLOSE_FILE:
	case DNP3_ABORT_FILE: request_file(d, 4, ACCESS_SESSION); break;
	case DNP3_FILE_INFO: request_file(d, 7, ACCESS_READ); break;
	case DNP3_AUTHENTICATE_FILE: request_file(d, 2, ACCESS_SESSION); break;
	case DNP3_ACTIVATE: request_named(d, 70, 8, ACCESS_PROGRAM); break;
	default: request_authenticate(d); break;
	}
}
