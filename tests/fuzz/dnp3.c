/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: framing and decoding of DNP3, both directions. The input is a session, entries one after the other:
 *
 *   octet 0       bit 0: from the server; bit 1: the octets are link frames as they are, else a fragment that is put into frames of
 *                 sound CRCs; bits 2, 3: seconds since the entry before, times 4; bits 4, 5: the station; bit 6: frames of 20 octets;
 *                 bit 7: what passes is not kept, as when a rule denies it
 *   octet 1, 2    length of what follows, big-endian
 *
 * What must hold of every PDU is checked.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/dnp3.h"
#include "tests/fuzz/ident.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

#define ASKED 8
#define WHOLE (PROTO_PDU_MAX + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pdu pdu;

static void check_view(const uint8_t *at, uint64_t n)
{
	CHECK(at >= pdu.scratch && at <= pdu.scratch + sizeof pdu.scratch);
	CHECK(n <= (uint64_t)(pdu.scratch + sizeof pdu.scratch - at));
}

static void check_op(const struct proto *proto, const struct pdu_in *in, const struct op *op)
{
	const struct op_values *v = &op->values;
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	CHECK(f && f->access & 1u << op->access);
	CHECK((op->dir == DIR_REQUEST) == !in->from_server);
	CHECK(op->nargs <= OP_ARGS_MAX && !(op->has & OP_SUB));
	CHECK(op->has & OP_UNIT && op->has & OP_ORIGIN && op->unit <= proto->unit_max &&
	      op->origin <= proto->origin_max);
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		CHECK(s && op->has & OP_RANGE);
		CHECK(op->first <= op->last && op->first >= s->min && op->last <= s->max);
	} else {
		CHECK(!(op->has & OP_RANGE));
	}
	if (op->dir != DIR_RESPONSE) {
		CHECK(!!(f->flags & FN_RANGE) == !!(op->has & OP_RANGE));
		CHECK(f->flags & FN_VALUES || v->form == VALUES_NONE || op->dir == DIR_UNSOLICITED);
		CHECK(!(op->has & OP_KEY) || f->flags & FN_KEY);
		for (uint32_t i = 0; i < op->nargs; i++)
			CHECK(f->flags & FN_ARG(op->args[i].name));
	}
	if (op->has & OP_KEY) {
		CHECK(op->key.len >= 1);
		check_view(op->key.data, op->key.len);
	}
	if (v->form == VALUES_BITS) {
		CHECK(v->count >= 1);
		check_view(v->data, ((uint64_t)v->count + 7) / 8);
	} else if (v->form == VALUES_NUMBERS) {
		CHECK(v->count >= 1 && (v->width == 1 || v->width == 2 || v->width == 4 || v->width == 8));
		check_view(v->data, (uint64_t)(v->count - 1) * v->stride + v->width);
	} else {
		CHECK(v->form == VALUES_NONE || v->form == VALUES_ONE || v->form == VALUES_UNKNOWN);
	}
	/* Every address that a request writes has exactly one value. */
	if (!in->from_server && (v->form == VALUES_NUMBERS || v->form == VALUES_BITS))
		CHECK(v->count == op->last - op->first + 1);
	if (!in->from_server && v->form == VALUES_ONE)
		CHECK(op->first == op->last);
}

/* The line that logs would carry reads back as the same operation. */
static void check_text(const struct proto *proto, const struct op *op)
{
	static char line[65536], again[65536], err[256];
	static struct op_text read;
	size_t n = op_print(op, proto, 40, line, sizeof line);
	CHECK(n == strlen(line));
	if (op->has & OP_KEY && op->key.len >= sizeof read.key)
		return;
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.dir == op->dir && read.op.access == op->access && read.op.has == op->has);
	CHECK(read.op.function == op->function && read.op.unit == op->unit && read.op.origin == op->origin);
	CHECK(read.op.space == op->space && read.op.first == op->first && read.op.last == op->last);
	if (op->values.form == VALUES_NUMBERS && op->values.count > 40)
		return; /* cut: reads back as unknown */
	if (op->values.form == VALUES_BITS && op->values.count > 40)
		return;
	(void)op_print(&read.op, proto, 40, again, sizeof again);
	CHECK(strcmp(line, again) == 0 || strstr(line, "nan"));
}

struct session {
	struct asked asked[ASKED];
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8)));
	int64_t now_us;
};

static void one(const struct proto *proto, struct session *s, const uint8_t *data, uint32_t len,
		uint8_t flags)
{
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8)));
	CHECK(copy);
	memcpy(copy, data, len);
	memcpy(state, s->state, sizeof state);
	struct pdu_in in = {.data = copy,
			    .len = len,
			    .from_server = flags & 1,
			    .answers_known = true,
			    .asked = s->asked,
			    .nasked = ASKED,
			    .now_us = s->now_us,
			    .state = state};
	struct frame f = proto->frame(copy, len < proto->header ? len : proto->header, in.from_server);
	CHECK(f.state == FRAME_MORE || f.state == FRAME_PDU || f.state == FRAME_BAD);
	CHECK(f.state != FRAME_MORE || len < proto->header);
	CHECK((f.state == FRAME_BAD) == (f.fault.reason != REASON_NONE));
	if (f.state == FRAME_PDU)
		CHECK(f.length >= DNP3_HEADER && f.length <= proto->max_pdu);
	if (f.state == FRAME_BAD)
		CHECK(f.fault.field && f.fault.offset <= len);
	if (f.state == FRAME_PDU && f.length < len)
		in.len = f.length;

	memset(&pdu, 0xa5, sizeof pdu);
	proto->decode(&in, &pdu);
	check_idents(&in, &pdu);
	if (pdu.fault.reason != REASON_NONE) {
		CHECK(pdu.fault.reason < REASON_COUNT_OF && pdu.fault.field && pdu.fault.offset <= in.len);
		CHECK(pdu.nops == 0 && !pdu.answer_expected && pdu.claim == CLAIM_NONE);
	} else {
		CHECK(f.state == FRAME_PDU && f.length == in.len && !pdu.fault.field);
		CHECK(pdu.nops >= 1 && pdu.nops <= PDU_OPS_MAX);
		CHECK(!(in.from_server && (pdu.answer_expected || pdu.claim != CLAIM_NONE)));
		for (uint32_t i = 0; i < pdu.nops; i++) {
			check_op(proto, &in, &pdu.ops[i]);
			check_text(proto, &pdu.ops[i]);
		}
		/* From the same state another look at the same octets sees the same. */
		uint32_t nops = pdu.nops;
		int32_t answers = pdu.answers;
		uint8_t after[PROTO_STATE_MAX];
		memcpy(after, state, sizeof after);
		memcpy(state, s->state, sizeof state);
		proto->decode(&in, &pdu);
		CHECK(pdu.fault.reason == REASON_NONE && pdu.nops == nops && pdu.answers == answers);
		CHECK(memcmp(after, state, sizeof after) == 0);
	}
	CHECK(pdu.answers >= -1 && pdu.answers < ASKED);
	if (pdu.answers >= 0)
		CHECK(in.from_server && s->asked[pdu.answers].expires_us);
	if (pdu.fault.reason == REASON_NONE && !(flags & 0x80)) {
		memcpy(s->state, state, sizeof state);
		if (pdu.answers >= 0 && !pdu.answer_more)
			s->asked[pdu.answers].expires_us = 0;
		if (pdu.answer_expected) {
			s->asked[pdu.ask.id % ASKED] = pdu.ask;
			s->asked[pdu.ask.id % ASKED].expires_us = 1;
		}
	}
	free(copy);
}

static uint32_t put_frame(uint8_t *out, const uint8_t *user, uint32_t n, bool from_server, uint16_t station)
{
	uint16_t destination = from_server ? 3 : station, source = from_server ? station : 3;
	const uint8_t header[8] = {0x05,
				   0x64,
				   (uint8_t)(5 + n),
				   from_server ? 0x44 : 0xc4,
				   (uint8_t)destination,
				   (uint8_t)(destination >> 8),
				   (uint8_t)source,
				   (uint8_t)(source >> 8)};
	uint32_t at = DNP3_HEADER;
	memcpy(out, header, sizeof header);
	uint16_t crc = dnp3_crc(out, 8);
	out[8] = (uint8_t)crc;
	out[9] = (uint8_t)(crc >> 8);
	for (uint32_t i = 0; i < n; i += DNP3_BLOCK) {
		uint32_t k = n - i < DNP3_BLOCK ? n - i : DNP3_BLOCK;
		memcpy(out + at, user + i, k);
		crc = dnp3_crc(user + i, k);
		out[at + k] = (uint8_t)crc;
		out[at + k + 1] = (uint8_t)(crc >> 8);
		at += k + 2;
	}
	return at;
}

/* A fragment in frames of sound CRCs. */
static uint32_t put_fragment(uint8_t *out, const uint8_t *app, uint32_t n, uint8_t flags)
{
	uint32_t each = flags & 0x40 ? 20 : 249, at = 0, done = 0, seq = 60;
	uint16_t station = (uint16_t)(10 + (flags >> 4 & 3));
	if ((flags >> 4 & 3) == 3 && !(flags & 1))
		station = 0xffff;
	do {
		uint32_t k = n - done < each ? n - done : each;
		uint8_t user[DNP3_USER_MAX];
		user[0] = (uint8_t)((done == 0 ? 0x40 : 0) | (done + k == n ? 0x80 : 0) | (seq++ & 63));
		memcpy(user + 1, app + done, k);
		at += put_frame(out + at, user, k + 1, flags & 1, station);
		done += k;
	} while (done < n);
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole[WHOLE];
	const struct proto *proto = proto_get(PROTO_dnp3);
	struct session s = {.now_us = 1000000};
	for (unsigned n = 0; n < 16 && size >= 3; n++) {
		uint8_t flags = data[0];
		uint32_t len = (uint32_t)(data[1] << 8 | data[2]);
		data += 3;
		size -= 3;
		if (len > size)
			len = (uint32_t)size;
		s.now_us += (int64_t)(flags >> 2 & 3) * 4000000;
		if (flags & 2) {
			one(proto, &s, data, len, flags);
		} else {
			uint32_t k = len < 3000 ? len : 3000;
			one(proto, &s, whole, put_fragment(whole, data, k, flags), flags);
		}
		data += len;
		size -= len;
	}
	return 0;
}
