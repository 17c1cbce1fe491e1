/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DNP3 outstations answer, asked or unasked. Crafted answers crashed masters in the field, so every object header is walked to
 * its end as in a request, and where the request is known the answer holds the kinds of objects that it asked for, and repeats
 * its commands. One operation for the internal indications, which every answer has, and one an object header.
 */
#include "protocols/dnp3.h"
#include "protocols/ident.h"

/* Operations of one answer before headers of one kind share one. */
#define ANSWER_OPS 48u

static enum access access_of(const struct dnp3 *d)
{
	return d->function == DNP3_AUTHENTICATE_ANSWER ? ACCESS_SESSION : ACCESS_READ;
}

/* Internal indications: 16 bits, of which the two highest are reserved (4.2.2.6). */
static void indications(struct dnp3 *d)
{
	struct view v = cursor_bytes(&d->c, 2, "internal-indications");
	if (!cursor_ok(&d->c))
		return;
	if (v.data[1] & 0xc0)
		dnp3_fail(d, REASON_RESERVED, "internal-indications", 3);
	struct op *op = dnp3_op(d, access_of(d));
	if (!op)
		return;
	op->has |= OP_SPACE | OP_RANGE;
	op->space = SP_IIN;
	op->last = 15;
	op->values.form = VALUES_BITS;
	op->values.count = 16;
	op->values.data = v.data;
}

/* A header that gets no operation of its own: one of the same kind is widened to hold it. False: there is none. */
static bool join(struct dnp3 *d, const struct dnp3_objects *o)
{
	uint32_t object = (uint32_t)(o->group << 8 | o->variation);
	for (uint32_t i = 1; i < d->out->nops; i++) {
		struct op *op = &d->out->ops[i];
		if (op->space != o->space || op->args[0].value != object)
			continue;
		op->first = o->first < op->first ? o->first : op->first;
		op->last = o->last > op->last ? o->last : op->last;
		op->values.form = VALUES_NONE;
		op->values.count = 0;
		op->nargs = 1;
		return true;
	}
	return false;
}

/* The state in the flag octet of a binary point. */
static bool state_of(const struct dnp3_objects *o, int64_t *state)
{
	uint32_t index;
	if (o->count != 1 || o->layout->lay != LAY_FIXED || (o->group > 11 && o->group != 13))
		return false;
	uint8_t flags = dnp3_object(o, 0, &index).data[0];
	*state = o->space == SP_DOUBLE_BIT ? flags >> 6 : flags >> 7;
	return true;
}

/* The worst status of commands, which is their last octet. */
static void status_of(const struct dnp3_objects *o, struct op *op)
{
	uint32_t worst = 0, index;
	for (uint32_t i = 0; i < o->count; i++) {
		struct view v = dnp3_object(o, i, &index);
		uint32_t status = v.data[v.len - 1] & 0x7fu;
		worst = status > worst ? status : worst;
	}
	dnp3_arg(op, DNP3_ARG_STATUS, worst);
}

static bool is_command(const struct dnp3_objects *o)
{
	return o->group == 12 || o->group == 41;
}

/* What a sized object of group 70 must be like inside. */
static void check_file(struct dnp3 *d, struct dnp3_objects *o)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < o->count && cursor_ok(&d->c); i++) {
		struct view v = dnp3_sized(o, &at), name;
		if (o->variation == 3 || o->variation == 7)
			(void)dnp3_file_name(d, v, o->variation == 3 ? 26 : 20, &name);
		if ((o->variation == 5 || o->variation == 6) && o->count == 1)
			o->first = o->last = dnp3_file_block(v);
		if (o->variation == 4)
			dnp3_file_status(d, v);
		if (o->variation == 5 && d->asked && d->asked->aux[1]) {
			dnp3_file_block_hash(d, v);
			d->blocks = 1;
		}
	}
}

/*
 * Device attributes of the standard set (annex A, group 0) that name the outstation, as visible strings. One attribute for each kind: the
 * version is that of the software, the name the one its owner gave, so that reading others does not seem to change the device.
 */
static void tell(struct dnp3 *d, const struct dnp3_objects *o)
{
	enum { VISIBLE_STRING = 1 };
	struct pdu_ident from = {.has_unit = true, .unit = d->unit};
	enum ident_kind kind;
	switch (o->variation) {
	case 242: kind = IDENT_VERSION; break;
	case 245: kind = IDENT_PLACE; break;
	case 247: kind = IDENT_NAME; break;
	case 248: kind = IDENT_SERIAL; break;
	case 250: kind = IDENT_PRODUCT; break;
	case 252: kind = IDENT_VENDOR; break;
	default: return;
	}
	struct view v = o->octets;
	bool first_set = o->first / DNP3_VARIATIONS == 0;
	if (!first_set || v.len < 2 || v.data[0] != VISIBLE_STRING || v.data[1] > v.len - 2)
		return;
	ident_text(d->out, from, kind, (struct view){.data = v.data + 2, .len = v.data[1]});
}

static void one_header(struct dnp3 *d, struct dnp3_objects *o)
{
	int64_t state;
	if (d->asked && !(d->asked->space >> o->space & 1))
		dnp3_fail(d, REASON_ANSWER_CONTENT, "group", o->at);
	/* Commands are repeated to whoever gave them; what was commanded by others is an event, of groups 13 and 43. */
	if (is_command(o) && d->dir == DIR_UNSOLICITED)
		dnp3_fail(d, REASON_FIELD_VALUE, "group", o->at);
	if (is_command(o))
		dnp3_command(d, o);
	if (o->group == 70)
		check_file(d, o);
	if (o->group == 0 && cursor_ok(&d->c) && d->function == DNP3_RESPONSE && ident_heard(d->in, d->asked))
		tell(d, o);
	if (!cursor_ok(&d->c) || (d->out->nops >= ANSWER_OPS && join(d, o)))
		return;
	struct op *op = dnp3_op(d, access_of(d));
	if (!op)
		return;
	dnp3_range(op, o);
	if (is_command(o) && o->layout->lay == LAY_FIXED)
		status_of(o, op);
	if (o->layout->lay == LAY_BITS) {
		op->values.form = VALUES_BITS;
		op->values.count = o->count;
		op->values.data = o->octets.data;
	} else if (state_of(o, &state)) {
		op->values.form = VALUES_ONE;
		op->values.count = 1;
		op->values.one = state;
	} else if (o->prefix == 0 || o->count == 1) {
		dnp3_numbers(o, op);
	}
}

/* The answer to a command repeats it, a block is the one that was asked for; or it says in its indications why there is nothing to repeat. */
static void repeats(struct dnp3 *d)
{
	uint32_t fn = d->asked->function;
	uint64_t want = (uint64_t)d->asked->first << 32 | d->asked->last;
	if (fn == DNP3_READ && d->blocks && d->command != want)
		dnp3_fail(d, REASON_ANSWER_CONTENT, "file-handle", 4);
	if (fn != DNP3_SELECT && fn != DNP3_OPERATE && fn != DNP3_DIRECT_OPERATE)
		return;
	bool nothing = !(d->spaces & (1u << SP_CROB | 1u << SP_ANALOG_OUTPUT));
	if (d->command != want && !(nothing && (d->c.data[3] & 0x3f)))
		dnp3_fail(d, REASON_ANSWER_CONTENT, "objects", 4);
}

void dnp3_answer(struct dnp3 *d)
{
	struct dnp3_objects o;
	indications(d);
	while (cursor_ok(&d->c) && cursor_left(&d->c) > 0 && dnp3_objects(d, true, &o))
		one_header(d, &o);
	if (!cursor_ok(&d->c) || !d->asked)
		return;
	d->out->exception = d->c.data[3] & 0x07;
	d->out->exception_code = d->c.data[3] & 0x07;
	if (d->function == DNP3_RESPONSE)
		repeats(d);
	else if (d->asked->function != DNP3_AUTHENTICATE)
		d->out->answer_more = true; /* a challenge: the answer itself comes behind the reply to it */
}
