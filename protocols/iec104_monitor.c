/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a station reports: process information, the end of its initialisation; and files, which go either way. */
#include "protocols/iec104.h"

/* One point of process information, into an operation: unasked, or the answer to a read command for just this object. */
static struct op *point(struct iec104 *m, uint32_t ioa)
{
	bool asked = m->cause == I104_COT_REQUEST && m->count == 1;

	if (asked)
		m->out->answers = iec104_asked_read(m, ioa);
	asked = asked && m->out->answers >= 0;
	return iec104_op(m, asked ? DIR_RESPONSE : DIR_UNSOLICITED, ACCESS_READ);
}

/* SQ = 1: one address, then the elements of it and of those that follow it. */
static void sequence(struct iec104 *m)
{
	const struct iec104_type *t = m->t;
	uint32_t n = m->count;

	if (!iec104_size(m, 3 + n * t->size))
		return;
	uint32_t at = m->c.at, ioa = iec104_ioa(m, I104_A_POINT);
	if (cursor_ok(&m->c) && ioa + n - 1 > I104_IOA_MAX)
		cursor_fail_at(&m->c, REASON_RANGE_END, "information-object-address", at);
	struct view first = {.data = m->c.data + m->c.at, .len = n * t->size};
	/* At most 127, and their octets are there. */
	for (uint32_t i = 0; i < n && cursor_ok(&m->c); i++)
		iec104_element(m, cursor_bytes(&m->c, t->size, "information-element"));
	if (!cursor_ok(&m->c))
		return;
	struct op *op = point(m, ioa);
	iec104_range(op, t->space, ioa, n);
	iec104_values(op, t, first, n);
}

/* SQ = 0: every element behind an address of its own. An object has four octets at least: 60 fit, fewer than a PDU may have operations. */
static void objects(struct iec104 *m)
{
	const struct iec104_type *t = m->t;

	if (!iec104_size(m, (uint32_t)m->count * (3u + t->size)))
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		uint32_t ioa = iec104_ioa(m, t->space == I104_SPACE_NONE ? I104_NOTHING : I104_A_POINT);
		struct view v = cursor_bytes(&m->c, t->size, "information-element");
		if (!cursor_ok(&m->c))
			return;
		iec104_element(m, v);
		struct op *op = point(m, ioa);
		if (t->space != I104_SPACE_NONE)
			iec104_range(op, t->space, ioa, 1);
		else
			iec104_arg(op, I104_ARG_COI, view_u8(v, 0));
		iec104_values(op, t, v, 1);
	}
}

void iec104_monitor(struct iec104 *m)
{
	if (m->sq)
		sequence(m);
	else
		objects(m);
}

/*
 * Who sends what in a transfer tells where the file goes, and that is the sub-function: 0 from the station (upload), 1 to the station
 * (download), 2 the deletion of a file. A station that does not know a call sends it back as it came.
 */
enum { UPLOAD, DOWNLOAD, DELETE };

static unsigned transfer(const struct iec104 *m, uint32_t scq)
{
	bool server = m->in->from_server;

	switch (m->type) {
	case I104_F_SC:
		if (m->cause >= I104_COT_UNKNOWN_FIRST)
			server = false;
		return server ? DOWNLOAD : (scq & 15) == 4 ? DELETE : UPLOAD;
	case I104_F_AF: return server ? DOWNLOAD : UPLOAD;
	default: return server ? UPLOAD : DOWNLOAD;
	}
}

/* 126: name, length and time of each file of a directory, one behind the other like points; the operation says where it begins. */
static void directory(struct iec104 *m, uint32_t ioa)
{
	if (!iec104_size(m, m->count * 13u))
		return;
	if (ioa + m->count - 1 > I104_IOA_MAX) {
		cursor_fail_at(&m->c, REASON_RANGE_END, "information-object-address", m->c.at - 3);
		return;
	}
	for (uint32_t i = 0; i < m->count && cursor_ok(&m->c); i++)
		iec104_time(m, cursor_bytes(&m->c, 13, "directory-entry"), 6, 7, false);
	if (cursor_ok(&m->c))
		iec104_arg(iec104_op(m, DIR_UNSOLICITED, ACCESS_READ), I104_ARG_FILE, ioa);
}

/* Name of file, and then: its length and readiness; section, length, readiness; section and call; ... (7.3.6) */
static void file_object(struct iec104 *m, uint32_t ioa)
{
	bool server = m->in->from_server;
	uint32_t nof = cursor_le16(&m->c, "name-of-file"), nos = 0, scq = 0;
	bool section = m->type != I104_F_FR && m->type != I104_F_SC_NB;

	if (section)
		nos = cursor_u8(&m->c, "name-of-section");
	switch (m->type) {
	case I104_F_FR:
	case I104_F_SR: cursor_bytes(&m->c, 4, "length-and-qualifier"); break;
	case I104_F_SC:
		scq = cursor_u8(&m->c, "scq");
		cursor_check(&m->c, (scq & 15) <= 7, 1, REASON_RESERVED, "scq");
		break;
	case I104_F_LS: {
		uint32_t lsq = cursor_u8(&m->c, "lsq");
		cursor_check(&m->c, lsq >= 1 && lsq <= 4, 1, REASON_RESERVED, "lsq");
		cursor_u8(&m->c, "chs");
		break;
	}
	case I104_F_AF: {
		uint32_t afq = cursor_u8(&m->c, "afq") & 15;
		cursor_check(&m->c, afq >= 1 && afq <= 4, 1, REASON_RESERVED, "afq");
		break;
	}
	case I104_F_SG: {
		uint32_t los = cursor_u8(&m->c, "length-of-segment");
		cursor_check(&m->c, los >= 1 && los == cursor_left(&m->c), 1, REASON_LENGTH,
			     "length-of-segment");
		cursor_bytes(&m->c, cursor_left(&m->c), "segment");
		break;
	}
	default: {
		struct view v = cursor_bytes(&m->c, 14, "range-start-time");
		if (cursor_ok(&m->c)) {
			iec104_time(m, v, 0, 7, true);
			iec104_time(m, v, 7, 7, true);
		}
	}
	}
	if (!iec104_size(m, 0))
		return;
	unsigned sub = transfer(m, scq);
	struct op *op = iec104_op(m, server ? DIR_UNSOLICITED : DIR_REQUEST,
				  sub == UPLOAD || m->type == I104_F_SC_NB ? ACCESS_READ : ACCESS_PROGRAM);
	if (m->type != I104_F_SC_NB) {
		op->has |= OP_SUB;
		op->sub = (uint16_t)sub;
	}
	iec104_arg(op, I104_ARG_FILE, ioa);
	iec104_arg(op, I104_ARG_NOF, nof);
	if (section)
		iec104_arg(op, I104_ARG_NOS, nos);
	if (m->type == I104_F_SC)
		iec104_arg(op, I104_ARG_SCQ, scq & 15);
	if (!server && op->access == ACCESS_PROGRAM)
		m->out->claim = CLAIM_USE;
}

void iec104_file(struct iec104 *m)
{
	bool server = m->in->from_server;

	if (server ? m->type == I104_F_SC_NB && m->cause < I104_COT_UNKNOWN_FIRST : m->type == I104_F_DR) {
		cursor_fail_at(&m->c, REASON_FUNCTION_UNKNOWN, "type-identification", I104_APCI);
		return;
	}
	uint32_t ioa = iec104_ioa(m, I104_EITHER);
	if (!cursor_ok(&m->c))
		return;
	if (m->type == I104_F_DR)
		directory(m, ioa);
	else
		file_object(m, ioa);
}

/* What IEC/TS 60870-5-7 adds, segmented and keyed: named, not read. */
void iec104_secure(struct iec104 *m)
{
	cursor_bytes(&m->c, cursor_left(&m->c), "security");
	iec104_op(m, m->in->from_server ? DIR_UNSOLICITED : DIR_REQUEST, ACCESS_OPAQUE);
	if (!m->in->from_server)
		m->out->claim = CLAIM_USE;
}
