/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: framing and decoding of S7 sessions, both directions. The input is a stream of entries, each
 *
 *   octet 0       bit 0: from the server, bit 1: option, bit 2: the session's beginning was not seen, bit 3: decoded whole (no framing)
 *   octet 1, 2    length of what follows, big-endian
 *
 * so that a session's state and its requests come before what needs them. What must hold of every PDU is checked.
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

#define ASKED   6
#define ENTRIES 24

struct session {
	struct asked asked[ASKED];
	uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8)));
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(const uint8_t *base, size_t len, const uint8_t *at, uint64_t n)
{
	return at >= base && at <= base + len && n <= (uint64_t)(base + len - at);
}

static void check_view(const struct pdu_in *in, const struct pdu *pdu, const uint8_t *at, uint64_t n)
{
	CHECK(within(in->data, in->len, at, n) || within(pdu->scratch, sizeof pdu->scratch, at, n));
}

static void check_op(const struct proto *proto, const struct pdu_in *in, const struct pdu *pdu,
		     const struct op *op)
{
	const struct op_values *v = &op->values;
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	CHECK(f && op->access < ACCESS_COUNT && op->nargs <= OP_ARGS_MAX);
	CHECK(op->dir == pdu->ops[0].dir && !(op->has & (OP_UNIT | OP_ORIGIN)));
	CHECK(in->from_server || op->dir != DIR_UNSOLICITED);
	CHECK(!in->from_server || op->dir != DIR_REQUEST);
	if (op->dir != DIR_RESPONSE) {
		/* Rules bound what the vocabulary says, so a request carries no less. */
		CHECK(f->access & 1u << op->access);
		CHECK(!(op->has & OP_RANGE) == !(f->flags & FN_RANGE));
		CHECK(!(op->has & OP_KEY) == !(f->flags & FN_KEY));
		CHECK((v->form == VALUES_NONE) == !(f->flags & FN_VALUES));
		CHECK((op->access == ACCESS_OPAQUE) == !!(f->flags & FN_OPAQUE));
		for (uint32_t i = 0; i < op->nargs; i++)
			CHECK(f->flags & FN_ARG(op->args[i].name) || strcmp(f->name, "read-bit") == 0);
	}
	if (op->has & OP_KEY)
		check_view(in, pdu, op->key.data ? op->key.data : in->data, op->key.len);
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		CHECK(s);
		if (op->has & OP_RANGE)
			CHECK(op->first <= op->last && op->first >= s->min && op->last <= s->max);
		/* No range runs from one data block into the next. */
		if ((op->has & OP_RANGE) && s->minors)
			CHECK(op->first / s->minors == op->last / s->minors);
	} else {
		CHECK(!(op->has & OP_RANGE));
	}
	CHECK(v->form == VALUES_NONE || v->form == VALUES_ONE || v->form == VALUES_NUMBERS);
	if (v->form == VALUES_NUMBERS) {
		CHECK(v->count >= 1 && (v->width == 1 || v->width == 2) && v->stride == v->width);
		check_view(in, pdu, v->data, (uint64_t)v->count * v->stride);
	}
	/* Every address that a request writes has exactly one value. */
	if (op->dir == DIR_REQUEST && v->form != VALUES_NONE)
		CHECK((v->form == VALUES_ONE ? 1 : v->count) == op->last - op->first + 1);
}

/* The line that logs would carry reads back as the same operation. */
static void check_text(const struct proto *proto, const struct op *op)
{
	static char line[65536], again[65536], err[256];
	static struct op_text read;
	if ((op->has & OP_KEY) && op->key.len > 200)
		return;
	size_t n = op_print(op, proto, 1000, line, sizeof line);
	CHECK(n == strlen(line));
	if (op->values.form == VALUES_NUMBERS && op->values.count > 1000)
		return;
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.dir == op->dir && read.op.has == op->has && read.op.function == op->function);
	CHECK(read.op.sub == op->sub && read.op.space == op->space);
	CHECK(read.op.first == op->first && read.op.last == op->last && read.op.nargs == op->nargs);
	(void)op_print(&read.op, proto, 1000, again, sizeof again);
	CHECK(strcmp(line, again) == 0);
}

static void one(const struct proto *proto, const uint8_t *data, uint32_t len, uint8_t flags,
		struct session *s)
{
	static struct pdu pdu, twin;
	uint8_t before[PROTO_STATE_MAX] __attribute__((aligned(8)));
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, data, len);
	struct pdu_in in = {.data = copy,
			    .len = len,
			    .from_server = flags & 1,
			    .answers_known = !(flags & 4),
			    .asked = s->asked,
			    .nasked = ASKED,
			    .state = s->state,
			    .options = flags >> 1 & 1};
	struct frame f = proto->frame(copy, len, in.from_server);
	CHECK(f.state == FRAME_MORE || f.state == FRAME_PDU || f.state == FRAME_BAD);
	CHECK(f.state != FRAME_MORE || len < proto->header);
	CHECK((f.state == FRAME_BAD) == (f.fault.reason != REASON_NONE));
	if (f.state == FRAME_PDU) {
		CHECK(f.length >= 7 && f.length <= proto->max_pdu);
		/* Once it knows, it never says anything else: with what it said there, and with all but the last octet. */
		if (f.length < len) {
			struct frame g = proto->frame(copy, f.length, in.from_server);
			CHECK(g.state == FRAME_PDU && g.length == f.length);
		}
	}
	if (!(flags & 8) && f.state == FRAME_PDU && f.length < len)
		in.len = f.length;

	memcpy(before, s->state, sizeof before);
	memset(&pdu, 0xa5, sizeof pdu);
	proto->decode(&in, &pdu);
	check_idents(&in, &pdu);
	CHECK(pdu.answers >= -1 && pdu.answers < ASKED);
	if (pdu.fault.reason != REASON_NONE) {
		CHECK(pdu.fault.reason < REASON_COUNT_OF && pdu.fault.field && pdu.fault.offset <= in.len);
		CHECK(pdu.nops == 0 && !pdu.answer_expected);
		CHECK(memcmp(before, s->state, sizeof before) == 0);
	} else {
		CHECK(f.state == FRAME_PDU && f.length == in.len);
		CHECK(!pdu.fault.field);
		CHECK(pdu.nops >= 1 && pdu.nops <= PDU_OPS_MAX);
		for (uint32_t i = 0; i < pdu.nops; i++) {
			check_op(proto, &in, &pdu, &pdu.ops[i]);
			check_text(proto, &pdu.ops[i]);
		}
		/* From the same state the same octets mean the same. */
		uint8_t after[PROTO_STATE_MAX];
		memcpy(after, s->state, sizeof after);
		memcpy(s->state, before, sizeof before);
		memset(&twin, 0x5a, sizeof twin);
		proto->decode(&in, &twin);
		CHECK(twin.fault.reason == REASON_NONE && twin.nops == pdu.nops &&
		      twin.answers == pdu.answers && twin.answer_more == pdu.answer_more &&
		      twin.answer_expected == pdu.answer_expected && twin.claim == pdu.claim);
		CHECK(memcmp(after, s->state, sizeof after) == 0);
	}
	if (pdu.answers >= 0 && pdu.fault.reason == REASON_NONE) {
		CHECK(pdu.ops[0].dir == DIR_RESPONSE);
		CHECK(s->asked[pdu.answers].expires_us && s->asked[pdu.answers].id == pdu.id);
		CHECK(pdu.ops[0].function == s->asked[pdu.answers].function);
		if (!pdu.answer_more)
			s->asked[pdu.answers].expires_us = 0;
	}
	if (pdu.answer_expected) {
		CHECK(pdu.ops[0].dir != DIR_RESPONSE && pdu.ask.id == pdu.id);
		uint32_t slot = (pdu.id ^ pdu.id >> 16) % ASKED;
		s->asked[slot] = pdu.ask;
		s->asked[slot].expires_us = 1;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct proto *proto = proto_get(PROTO_s7comm);
	static struct session s;
	memset(&s, 0, sizeof s);
	for (unsigned n = 0; n < ENTRIES && size >= 3; n++) {
		uint8_t flags = data[0];
		uint32_t len = (uint32_t)(data[1] << 8 | data[2]);
		data += 3;
		size -= 3;
		if (len > size)
			len = (uint32_t)size;
		one(proto, data, len, flags, &s);
		data += len;
		size -= len;
	}
	return 0;
}
