/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: framing and decoding of EtherNet/IP, both directions, on one session. The input is a stream of entries, each
 *
 *   octet 0       bit 0: from the server, bit 1: options, bit 2: a datagram (no framing), bit 3: the session was found in its middle
 *   octet 1, 2    length of what follows, big-endian
 *
 * so that sessions, connections, requests and their answers come in one input. What must hold of every PDU is checked.
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

static uint8_t kept[PROTO_STATE_MAX] __attribute__((aligned(8)));
static struct asked asked[ASKED];

static bool view_in(const uint8_t *data, uint64_t len, const uint8_t *at, uint64_t n)
{
	return at >= data && at <= data + len && n <= (uint64_t)(data + len - at);
}

static void check_op(const struct proto *proto, const struct pdu_in *in, const struct pdu *pdu,
		     const struct op *op)
{
	const struct op_values *v = &op->values;
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	CHECK(op->access < ACCESS_COUNT && op->nargs <= OP_ARGS_MAX);
	CHECK(op->dir == (in->from_server ? DIR_RESPONSE : DIR_REQUEST) ||
	      (in->from_server && op->dir == DIR_UNSOLICITED));
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		CHECK(s);
		if (op->has & OP_RANGE)
			CHECK(op->first <= op->last && op->first >= s->min && op->last <= s->max);
	} else {
		CHECK(!(op->has & OP_RANGE));
	}
	if (op->has & OP_KEY)
		CHECK(op->key.len >= 1 && op->key.len <= 255 &&
		      (view_in(in->data, in->len, op->key.data, op->key.len) ||
		       view_in(pdu->scratch, PDU_SCRATCH, op->key.data, op->key.len)));
	if (v->form == VALUES_NUMBERS) {
		CHECK(v->count >= 1 && v->width >= 1 && v->width <= 8);
		CHECK(view_in(in->data, in->len, v->data, (uint64_t)(v->count - 1) * v->stride + v->width));
	} else {
		CHECK(v->form == VALUES_NONE || v->form == VALUES_UNKNOWN);
	}
	if (op->dir != DIR_REQUEST)
		return;
	/* What a rule asks for is what a request carries. */
	CHECK(f && (f->access & 1u << op->access));
	CHECK(!(f->flags & FN_RANGE) == !(op->has & OP_RANGE));
	CHECK(!(f->flags & FN_OPAQUE) == (op->access != ACCESS_OPAQUE));
	CHECK((f->flags & FN_KEY) || !(op->has & OP_KEY));
	CHECK((f->flags & FN_VALUES) || v->form == VALUES_NONE);
	for (unsigned i = 0; i < op->nargs; i++)
		CHECK(f->flags & FN_ARG(op->args[i].name));
	/* Every element that a request writes has exactly one value. */
	if (v->form == VALUES_NUMBERS && op->space != 1)
		CHECK(v->count == op->last - op->first + 1);
}

/* The line that logs would carry reads back as the same operation. */
static void check_text(const struct proto *proto, const struct op *op)
{
	static char line[65536], again[65536], err[256];
	static struct op_text read;
	size_t n = op_print(op, proto, 64, line, sizeof line);
	CHECK(n == strlen(line));
	if (op->dir != DIR_REQUEST)
		return;
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.access == op->access && read.op.has == op->has && read.op.function == op->function);
	CHECK(read.op.sub == op->sub && read.op.space == op->space && read.op.nargs == op->nargs);
	CHECK(read.op.first == op->first && read.op.last == op->last);
	(void)op_print(&read.op, proto, 64, again, sizeof again);
	if (!strstr(line, " ...") && !strstr(line, " nan") && !strstr(line, "inf"))
		CHECK(strcmp(line, again) == 0);
}

static void one(const struct proto *proto, const uint8_t *data, uint32_t len, uint8_t flags)
{
	static struct pdu pdu;
	static uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8))),
		second[PROTO_STATE_MAX] __attribute__((aligned(8)));
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, data, len);
	memcpy(state, kept, sizeof state);
	struct pdu_in in = {.data = copy,
			    .len = len,
			    .from_server = flags & 1,
			    .answers_known = !(flags & 8),
			    .asked = asked,
			    .nasked = ASKED,
			    .state = state,
			    .options = flags >> 1 & 1};
	struct frame f = proto->frame(copy, len, in.from_server);
	CHECK(f.state == FRAME_MORE || f.state == FRAME_PDU || f.state == FRAME_BAD);
	CHECK(f.state != FRAME_MORE || len < proto->header);
	CHECK((f.state == FRAME_BAD) == (f.fault.reason != REASON_NONE));
	if (f.state == FRAME_PDU)
		CHECK(f.length >= 24 && f.length <= proto->max_pdu);
	if (!(flags & 4) && f.state == FRAME_PDU && f.length < len)
		in.len = f.length;

	memset(&pdu, 0xa5, sizeof pdu);
	proto->decode(&in, &pdu);
	check_idents(&in, &pdu);
	CHECK(pdu.answers >= -1 && pdu.answers < ASKED);
	if (pdu.fault.reason != REASON_NONE) {
		CHECK(pdu.fault.reason < REASON_COUNT_OF && pdu.fault.field && pdu.fault.offset <= in.len);
		CHECK(pdu.nops == 0 && !pdu.answer_expected);
		free(copy);
		return;
	}
	CHECK(f.state == FRAME_PDU && f.length == in.len);
	CHECK(!pdu.fault.field && pdu.nops >= 1 && pdu.nops <= PDU_OPS_MAX);
	CHECK(!(in.from_server && pdu.answer_expected));
	for (uint32_t i = 0; i < pdu.nops; i++) {
		check_op(proto, &in, &pdu, &pdu.ops[i]);
		check_text(proto, &pdu.ops[i]);
	}
	/* Another look at the same octets in the same state sees the same. */
	uint32_t nops = pdu.nops;
	int32_t answers = pdu.answers;
	memcpy(second, kept, sizeof second);
	in.state = second;
	proto->decode(&in, &pdu);
	CHECK(pdu.fault.reason == REASON_NONE && pdu.nops == nops && pdu.answers == answers);
	CHECK(memcmp(state, second, proto->state_size) == 0);
	memcpy(kept, state, sizeof kept);
	if (pdu.answers >= 0) {
		CHECK(in.from_server && asked[pdu.answers].expires_us);
		asked[pdu.answers].expires_us = 0;
	}
	if (pdu.answer_expected) {
		asked[pdu.ask.id % ASKED] = pdu.ask;
		asked[pdu.ask.id % ASKED].expires_us = 1;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct proto *proto = proto_get(PROTO_enip);
	memset(asked, 0, sizeof asked);
	memset(kept, 0, sizeof kept);
	for (unsigned n = 0; n < 16 && size >= 3; n++) {
		uint8_t flags = data[0];
		uint32_t len = (uint32_t)(data[1] << 8 | data[2]);
		data += 3;
		size -= 3;
		if (len > size)
			len = (uint32_t)size;
		one(proto, data, len, flags);
		data += len;
		size -= len;
	}
	return 0;
}
