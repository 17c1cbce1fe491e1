/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: framing and decoding of Modbus, both directions. The input is a stream of entries, each
 *
 *   octet 0       bit 0: from the server, bit 1 and 2: options, bit 3: a datagram (no framing, the length is octet 1's)
 *   octet 1, 2    length of what follows, big-endian
 *
 * so that requests and the answers to them come in one input. What must hold of every PDU is checked.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/proto.h"
#include "tests/fuzz/ident.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

#define ASKED 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const uint8_t *data, uint32_t len, const uint8_t *at, uint64_t n)
{
	CHECK(at >= data && at <= data + len);
	CHECK(n <= (uint64_t)(data + len - at));
}

static void check_op(const struct proto *proto, const struct pdu_in *in, const struct op *op)
{
	const struct op_values *v = &op->values;
	CHECK(op->dir == (in->from_server ? DIR_RESPONSE : DIR_REQUEST));
	CHECK(op->access < ACCESS_COUNT);
	CHECK(op->nargs <= OP_ARGS_MAX);
	CHECK((op->has & OP_UNIT) && op->unit <= proto->unit_max);
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		CHECK(s);
		if (op->has & OP_RANGE)
			CHECK(op->first <= op->last && op->first >= s->min && op->last <= s->max);
	} else {
		CHECK(!(op->has & OP_RANGE));
	}
	if (v->form == VALUES_BITS) {
		CHECK(v->count >= 1);
		check_view(in->data, in->len, v->data, ((uint64_t)v->count + 7) / 8);
	} else if (v->form == VALUES_NUMBERS) {
		CHECK(v->count >= 1 && v->width == 2 && v->stride == 2);
		check_view(in->data, in->len, v->data, (uint64_t)v->count * 2);
	} else {
		CHECK(v->form == VALUES_NONE || v->form == VALUES_ONE || v->form == VALUES_UNKNOWN);
	}
	/* Every address that a request writes has exactly one value. */
	if (!in->from_server && v->form == VALUES_NUMBERS)
		CHECK(v->count == op->last - op->first + 1);
	for (uint32_t i = 0; v->form == VALUES_NUMBERS && i < v->count; i++) {
		int64_t n;
		CHECK(op_value(v, i, &n) && n >= 0 && n <= 65535);
	}
}

/* The line that logs would carry reads back as the same operation. */
static void check_text(const struct proto *proto, const struct op *op)
{
	static char line[65536], again[65536], err[256];
	static struct op_text read;
	size_t n = op_print(op, proto, 2000, line, sizeof line);
	CHECK(n == strlen(line));
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.dir == op->dir && read.op.access == op->access && read.op.has == op->has);
	CHECK(read.op.function == op->function && read.op.sub == op->sub && read.op.unit == op->unit);
	CHECK(read.op.space == op->space && read.op.first == op->first && read.op.last == op->last);
	(void)op_print(&read.op, proto, 2000, again, sizeof again);
	CHECK(strcmp(line, again) == 0);
}

static void one(const struct proto *proto, const uint8_t *data, uint32_t len, uint8_t flags,
		struct asked *asked)
{
	static struct pdu pdu;
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, data, len);
	struct pdu_in in = {.data = copy,
			    .len = len,
			    .from_server = flags & 1,
			    .asked = asked,
			    .nasked = ASKED,
			    .options = flags >> 1 & 3};
	struct frame f = proto->frame(copy, len, in.from_server);
	CHECK(f.state == FRAME_MORE || f.state == FRAME_PDU || f.state == FRAME_BAD);
	CHECK(f.state != FRAME_MORE || len < proto->header);
	CHECK((f.state == FRAME_BAD) == (f.fault.reason != REASON_NONE));
	if (f.state == FRAME_PDU)
		CHECK(f.length >= 8 && f.length <= proto->max_pdu);
	if (!(flags & 8) && f.state == FRAME_PDU && f.length < len)
		in.len = f.length;

	memset(&pdu, 0xa5, sizeof pdu);
	proto->decode(&in, &pdu);
	check_idents(&in, &pdu);
	if (pdu.fault.reason != REASON_NONE) {
		CHECK(pdu.fault.reason < REASON_COUNT_OF && pdu.fault.field && pdu.fault.offset <= in.len);
		CHECK(pdu.nops == 0 && !pdu.answer_expected);
	} else {
		CHECK(f.state == FRAME_PDU && f.length == in.len);
		CHECK(!pdu.fault.field);
		CHECK(pdu.nops >= 1 && pdu.nops <= PDU_OPS_MAX);
		CHECK(!(in.from_server && pdu.answer_expected));
		for (uint32_t i = 0; i < pdu.nops; i++) {
			check_op(proto, &in, &pdu.ops[i]);
			check_text(proto, &pdu.ops[i]);
		}
		/* Another look at the same octets sees the same. */
		uint32_t nops = pdu.nops;
		int32_t answers = pdu.answers;
		proto->decode(&in, &pdu);
		CHECK(pdu.fault.reason == REASON_NONE && pdu.nops == nops && pdu.answers == answers);
	}
	CHECK(pdu.answers >= -1 && pdu.answers < ASKED);
	if (pdu.answers >= 0) {
		CHECK(in.from_server && asked[pdu.answers].expires_us && asked[pdu.answers].id == pdu.id);
		if (pdu.fault.reason == REASON_NONE) {
			CHECK(pdu.ops[0].unit == asked[pdu.answers].unit);
			CHECK(pdu.ops[0].function == asked[pdu.answers].function);
			asked[pdu.answers].expires_us = 0;
		}
	}
	if (pdu.answer_expected) {
		asked[pdu.id % ASKED] = pdu.ask;
		asked[pdu.id % ASKED].expires_us = 1;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct proto *proto = proto_get(PROTO_modbus);
	struct asked asked[ASKED] = {{0}};
	for (unsigned n = 0; n < 16 && size >= 3; n++) {
		uint8_t flags = data[0];
		uint32_t len = (uint32_t)(data[1] << 8 | data[2]);
		data += 3;
		size -= 3;
		if (len > size)
			len = (uint32_t)size;
		one(proto, data, len, flags, asked);
		data += len;
		size -= len;
	}
	return 0;
}
