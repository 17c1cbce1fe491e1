/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Information elements: IEC 60870-5-101:2003, 7.2.6. Their reserved bits, their times, and what of them is a value. */
#include "protocols/iec104.h"

/* Bits that must be 0: of SIQ, DIQ, QDS, QDP, SEP, SPE, OCI. */
enum {
	RES_SIQ = 0x0e,
	RES_DIQ = 0x0c,
	RES_QDS = 0x0e,
	RES_QDP = 0x07,
	RES_SEP = 0x04,
	RES_SPE = 0xc0,
	RES_OCI = 0xf0,
};

static void reserved(struct iec104 *m, struct view v, uint32_t at, uint8_t bits, const char *field)
{
	if (view_u8(v, at) & bits)
		cursor_fail_at(&m->c, REASON_RESERVED, field, (uint32_t)(v.data + at - m->c.data));
}

static void field(struct iec104 *m, bool ok, struct view v, uint32_t at, enum reason reason, const char *name)
{
	if (!ok)
		cursor_fail_at(&m->c, reason, name, (uint32_t)(v.data + at - m->c.data));
}

static void milliseconds(struct iec104 *m, struct view v, uint32_t at, const char *name)
{
	field(m, iec104_le16(v, at) <= 59999, v, at, REASON_FIELD_VALUE, name);
}

/*
 * Milliseconds (2 octets), minute (6 bits), substituted, invalid; with 7 octets hour (5 bits), 2 reserved, summer time; day (5 bits), day
 * of week (3 bits); month (4 bits), 4 reserved; year (7 bits), 1 reserved. A station whose clock was never set sends no date:
 * that is what "invalid" is for.
 */
void iec104_time(struct iec104 *m, struct view v, uint32_t at, uint32_t size, bool strict)
{
	uint32_t minute = view_u8(v, at + 2);
	bool date = strict || !(minute & 0x80);

	if (date)
		milliseconds(m, v, at, "time.milliseconds");
	field(m, !date || (minute & 0x3f) <= 59, v, at + 2, REASON_FIELD_VALUE, "time.minute");
	if (size < 7)
		return;
	uint32_t hour = view_u8(v, at + 3), day = view_u8(v, at + 4), month = view_u8(v, at + 5),
		 year = view_u8(v, at + 6);
	field(m, !(hour & 0x60), v, at + 3, REASON_RESERVED, "time.hour");
	field(m, !(month & 0xf0), v, at + 5, REASON_RESERVED, "time.month");
	field(m, !(year & 0x80), v, at + 6, REASON_RESERVED, "time.year");
	if (!date)
		return;
	field(m, (hour & 0x1f) <= 23, v, at + 3, REASON_FIELD_VALUE, "time.hour");
	field(m, (day & 0x1f) >= 1, v, at + 4, REASON_FIELD_VALUE, "time.day");
	field(m, month >= 1 && month <= 12, v, at + 5, REASON_FIELD_VALUE, "time.month");
	field(m, year <= 99 || m->in->options & I104_OPTION_YEAR, v, at + 6, REASON_FIELD_VALUE, "time.year");
}

uint32_t iec104_ioa(struct iec104 *m, enum iec104_addressed what)
{
	struct view v = cursor_bytes(&m->c, 3, "information-object-address");
	uint32_t ioa = iec104_le24(v, 0);

	cursor_check(&m->c, what == I104_EITHER || (ioa != 0) == (what == I104_A_POINT), 3,
		     REASON_FIELD_VALUE, "information-object-address");
	return ioa;
}

void iec104_element(struct iec104 *m, struct view v)
{
	const struct iec104_type *t = m->t;

	switch (t->form) {
	case I104_F_SIQ: reserved(m, v, 0, RES_SIQ, "siq"); break;
	case I104_F_DIQ: reserved(m, v, 0, RES_DIQ, "diq"); break;
	case I104_F_VTI: reserved(m, v, 1, RES_QDS, "qds"); break;
	case I104_F_NVA:
	case I104_F_SVA: reserved(m, v, 2, RES_QDS, "qds"); break;
	case I104_F_BSI:
	case I104_F_R32:
	case I104_F_SCD: reserved(m, v, 4, RES_QDS, "qds"); break;
	case I104_F_SEP:
		reserved(m, v, 0, RES_SEP, "sep");
		milliseconds(m, v, 1, "elapsed-time");
		break;
	case I104_F_SPE:
		reserved(m, v, 0, RES_SPE, "spe");
		reserved(m, v, 1, RES_QDP, "qdp");
		milliseconds(m, v, 2, "relay-duration-time");
		break;
	case I104_F_OCI:
		reserved(m, v, 0, RES_OCI, "oci");
		reserved(m, v, 1, RES_QDP, "qdp");
		milliseconds(m, v, 2, "relay-operating-time");
		break;
	case I104_F_COI: {
		uint32_t coi = view_u8(v, 0) & 0x7f;
		field(m, coi <= 2 || coi >= 32, v, 0, REASON_RESERVED, "coi");
		break;
	}
	default: break;
	}
	if (t->time)
		iec104_time(m, v, (uint32_t)t->size - t->time, t->time, false);
}

static void one(struct op *op, int64_t value)
{
	op->values.form = VALUES_ONE;
	op->values.count = 1;
	op->values.one = value;
}

static void numbers(struct op *op, enum values_kind kind, uint8_t width, struct view v, uint32_t stride,
		    uint32_t n)
{
	op->values.form = VALUES_NUMBERS;
	op->values.kind = (uint8_t)kind;
	op->values.width = width;
	op->values.little = true;
	op->values.stride = stride;
	op->values.count = n;
	op->values.data = v.data;
}

/*
 * Points whose value shares its octet with the quality: one alone is taken out of it. A row of them is a row of octets, which are the values
 * as long as nothing else is set in them; with a quality that says something, the operation carries none.
 */
static void points(struct op *op, struct view v, uint32_t stride, uint32_t n, uint8_t mask)
{
	uint32_t other = 0;

	if (n == 1) {
		one(op, view_u8(v, 0) & mask);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		other |= view_u8(v, i * stride) & (uint32_t)~mask;
	if (other == 0)
		numbers(op, VALUES_UNSIGNED, 1, v, stride, n);
}

void iec104_values(struct op *op, const struct iec104_type *t, struct view v, uint32_t n)
{
	switch (t->form) {
	case I104_F_SIQ: points(op, v, t->size, n, 1); break;
	case I104_F_DIQ:
	case I104_F_SEP: points(op, v, t->size, n, 3); break;
	case I104_F_VTI:
		/* Seven bits with a sign, and one that says that the tap changer is moving. */
		if (n > 1)
			points(op, v, t->size, n, 0x3f);
		else
			one(op, (int64_t)((view_u8(v, 0) & 0x7fu) ^ 0x40u) - 0x40);
		break;
	case I104_F_SPE:
	case I104_F_OCI: one(op, view_u8(v, 0)); break;
	case I104_F_NVA:
	case I104_F_NVA_BARE:
	case I104_F_SVA: numbers(op, VALUES_SIGNED, 2, v, t->size, n); break;
	case I104_F_R32: numbers(op, VALUES_FLOAT, 4, v, t->size, n); break;
	case I104_F_BCR: numbers(op, VALUES_SIGNED, 4, v, t->size, n); break;
	case I104_F_BSI:
	case I104_F_SCD: numbers(op, VALUES_UNSIGNED, 4, v, t->size, n); break;
	default: break;
	}
}

/* ---- what a controlling station sends, and its mirror ---- */

/* Qualifier of command: 0 none, 1 to 3 pulses and persistent, 9 to 31 as the site has agreed (7.2.6.26). */
static void qoc(struct iec104 *m, struct op *op, struct view v, uint8_t value, struct iec104_content *out)
{
	uint8_t octet = view_u8(v, 0);
	uint32_t qu = octet >> 2 & 0x1f;

	field(m, qu <= 3 || qu >= 9, v, 0, REASON_RESERVED, "qoc.qu");
	out->value = value;
	out->qualifier = octet & 0xfc;
	out->select = octet & 0x80;
	one(op, value);
	iec104_arg(op, I104_ARG_SELECT, out->select);
	iec104_arg(op, I104_ARG_QUALIFIER, qu);
}

/* Qualifier of set-point command: 0 none, 64 to 127 as the site has agreed (7.2.6.39). */
static void qos(struct iec104 *m, struct op *op, struct view v, uint32_t at, struct iec104_content *out)
{
	uint8_t octet = view_u8(v, at);
	uint32_t ql = octet & 0x7f;

	field(m, ql == 0 || ql >= 64, v, at, REASON_RESERVED, "qos.ql");
	out->qualifier = octet;
	out->select = octet & 0x80;
	iec104_arg(op, I104_ARG_SELECT, out->select);
	iec104_arg(op, I104_ARG_QUALIFIER, ql);
}

/* Kind of parameter: 1 threshold, 2 smoothing, 3 and 4 limits, 32 to 63 as the site has agreed (7.2.6.24). */
static void qpm(struct iec104 *m, struct op *op, struct view v, uint32_t at, struct iec104_content *out)
{
	uint8_t octet = view_u8(v, at);
	uint32_t kpa = octet & 0x3f;

	field(m, (kpa >= 1 && kpa <= 4) || kpa >= 32, v, at, REASON_RESERVED, "qpm.kpa");
	out->qualifier = octet;
	iec104_arg(op, I104_ARG_QPM, kpa);
}

/* A float that is written is a number. */
static void finite(struct iec104 *m, struct view v)
{
	field(m, (iec104_le32(v, 0) & 0x7f800000u) != 0x7f800000u, v, 0, REASON_FIELD_VALUE, "r32");
}

static void number16(struct op *op, struct view v, struct iec104_content *out)
{
	out->value = iec104_le16(v, 0);
	numbers(op, VALUES_SIGNED, 2, v, 2, 1);
}

static void number32(struct op *op, enum values_kind kind, struct view v, struct iec104_content *out)
{
	out->value = iec104_le32(v, 0);
	numbers(op, kind, 4, v, 4, 1);
}

/* Request and freeze: which counters, and what becomes of them (7.2.6.23). */
static void qcc(struct iec104 *m, struct op *op, struct view v, struct iec104_content *out)
{
	uint8_t octet = view_u8(v, 0);
	uint32_t rqt = octet & 0x3f, frz = octet >> 6;

	field(m, (rqt >= 1 && rqt <= 5) || rqt >= 32, v, 0, REASON_RESERVED, "qcc.rqt");
	out->qualifier = octet;
	if (frz)
		op->access = ACCESS_OPERATE;
	iec104_arg(op, I104_ARG_RQT, rqt);
	iec104_arg(op, I104_ARG_FRZ, frz);
}

/* One octet that is a code, some of them reserved. */
static void code(struct iec104 *m, struct op *op, struct view v, bool ok, const char *name, uint16_t arg,
		 struct iec104_content *out)
{
	field(m, ok, v, 0, REASON_RESERVED, name);
	out->qualifier = view_u8(v, 0);
	iec104_arg(op, arg, out->qualifier);
}

void iec104_object(struct iec104 *m, struct op *op, struct iec104_content *out)
{
	const struct iec104_type *t = m->t;
	/* Only what addresses a point has an address; QPA 1 speaks of all parameters that were loaded. */
	uint32_t ioa = iec104_ioa(m, t->space == I104_SPACE_NONE   ? I104_NOTHING
				     : t->group == I104_G_ACTIVATE ? I104_EITHER
								   : I104_A_POINT);
	struct view v = cursor_bytes(&m->c, t->size, "information-element");
	uint8_t first = view_u8(v, 0);

	*out = (struct iec104_content){0};
	if (!cursor_ok(&m->c))
		return;
	if (t->space != I104_SPACE_NONE)
		iec104_range(op, t->space, ioa, 1);
	switch (t->form) {
	case I104_F_SCO:
		field(m, !(first & 2), v, 0, REASON_RESERVED, "sco");
		qoc(m, op, v, first & 1, out);
		break;
	case I104_F_DCO:
	case I104_F_RCO:
		field(m, (first & 3) == 1 || (first & 3) == 2, v, 0, REASON_FIELD_VALUE,
		      t->form == I104_F_DCO ? "dco.dcs" : "rco.rcs");
		qoc(m, op, v, first & 3, out);
		break;
	case I104_F_NVA_QOS:
	case I104_F_SVA_QOS:
		number16(op, v, out);
		qos(m, op, v, 2, out);
		break;
	case I104_F_R32_QOS:
		finite(m, v);
		number32(op, VALUES_FLOAT, v, out);
		qos(m, op, v, 4, out);
		break;
	case I104_F_BSI_BARE: number32(op, VALUES_UNSIGNED, v, out); break;
	case I104_F_NVA_QPM:
	case I104_F_SVA_QPM:
		number16(op, v, out);
		qpm(m, op, v, 2, out);
		break;
	case I104_F_R32_QPM:
		finite(m, v);
		number32(op, VALUES_FLOAT, v, out);
		qpm(m, op, v, 4, out);
		break;
	case I104_F_QOI:
		code(m, op, v, (first >= 20 && first <= 36) || first >= 64, "qoi", I104_ARG_QOI, out);
		break;
	case I104_F_QCC: qcc(m, op, v, out); break;
	case I104_F_FBP:
		out->value = iec104_le16(v, 0);
		field(m, out->value == 0x55aa, v, 0, REASON_MAGIC, "fbp");
		break;
	case I104_F_QRP:
		code(m, op, v, first == 1 || first == 2 || first >= 128, "qrp", I104_ARG_QRP, out);
		break;
	case I104_F_CP16: milliseconds(m, v, 0, "delay"); break;
	case I104_F_TSC: out->value = iec104_le16(v, 0); break;
	case I104_F_QPA:
		code(m, op, v, (first >= 1 && first <= 3) || first >= 128, "qpa", I104_ARG_QPA, out);
		break;
	default: break;
	}
	/* What is executed or set by its time needs a good one; the answer may tell that of a clock not yet set. */
	if (t->time)
		iec104_time(m, v, (uint32_t)t->size - t->time, t->time, !m->in->from_server);
}
