/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: framing and decoding of IEC 60870-5-104, both directions, as one session. The input is a stream of entries, each
 *
 *   octet 0       bit 0: from the server, bits 1 to 4: options, bit 5: nothing before was seen, bit 6: a minute later, bit 7: it is denied
 *   octet 1       length of what follows
 *
 * so that requests and the answers to them come in one input. Numbers are mended when bit 7 of the length is set, else hardly an input would hold
 * two I formats that pass. What must hold of every APDU is checked.
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

#define ASKED 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	uint8_t state[PROTO_STATE_MAX];
	struct asked asked[ASKED];
	int64_t now_us;
	uint32_t sent[2]; /* what passed, counted apart from the decoder */
	bool unseen;      /* some of it was not: numbers may have been believed */
};

static void check_view(const uint8_t *data, uint32_t len, const uint8_t *at, uint64_t n)
{
	CHECK(at >= data && at <= data + len);
	CHECK(n <= (uint64_t)(data + len - at));
}

static void check_op(const struct proto *proto, const struct pdu_in *in, const struct op *op)
{
	const struct op_values *v = &op->values;
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	CHECK(f && f->lo == f->hi);
	CHECK(op->access < ACCESS_COUNT && (f->access & 1u << op->access));
	CHECK(op->dir == DIR_RESPONSE || op->dir == (in->from_server ? DIR_UNSOLICITED : DIR_REQUEST));
	CHECK(op->nargs <= OP_ARGS_MAX);
	CHECK(((op->has & OP_UNIT) != 0) == (op->access != ACCESS_SESSION));
	CHECK(((op->has & OP_ORIGIN) != 0) == (op->access != ACCESS_SESSION));
	CHECK(op->unit <= proto->unit_max && op->origin <= proto->origin_max);
	CHECK(((op->has & OP_SPACE) != 0) == ((f->flags & FN_RANGE) != 0));
	for (uint32_t i = 0; i < op->nargs; i++)
		CHECK(op->args[i].name == 2 || (f->flags & FN_ARG(op->args[i].name)));
	if (op->has & OP_SPACE) {
		const struct vocab_space *s = proto_space(proto, op->space);
		CHECK(s && op->has & OP_RANGE);
		CHECK(op->first <= op->last && op->first >= s->min && op->last <= s->max);
	}
	if (v->form == VALUES_NUMBERS) {
		CHECK(v->count >= 1 && v->width <= v->stride);
		check_view(in->data, in->len, v->data, (uint64_t)(v->count - 1) * v->stride + v->width);
	} else {
		CHECK(v->form == VALUES_NONE || v->form == VALUES_ONE);
	}
	if (v->form != VALUES_NONE) {
		int64_t n;
		CHECK(v->form == VALUES_ONE || v->count == op->last - op->first + 1);
		/* What is written is a number. */
		CHECK(in->from_server || op_value(v, 0, &n));
	} else {
		CHECK(in->from_server || !(f->flags & FN_VALUES));
	}
}

/* The line that logs would carry reads back as the same operation. */
static void check_text(const struct proto *proto, const struct op *op)
{
	static char line[16384], again[16384], err[256];
	static struct op_text read;
	size_t n = op_print(op, proto, 128, line, sizeof line);
	CHECK(n == strlen(line));
	if (strstr(line, "nan") || strstr(line, "inf"))
		return;
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.dir == op->dir && read.op.access == op->access && read.op.has == op->has);
	CHECK(read.op.function == op->function && read.op.sub == op->sub && read.op.unit == op->unit);
	CHECK(read.op.space == op->space && read.op.first == op->first && read.op.last == op->last);
	(void)op_print(&read.op, proto, 128, again, sizeof again);
	CHECK(strcmp(line, again) == 0);
}

static void passed(struct session *s, const struct pdu *p, const struct pdu_in *in)
{
	if (p->answers >= 0 && !p->answer_more)
		s->asked[p->answers].expires_us = 0;
	for (unsigned i = 0; p->answer_expected && i < ASKED; i++) {
		if (s->asked[i].expires_us)
			continue;
		s->asked[i] = p->ask;
		s->asked[i].expires_us = 1;
		break;
	}
	if (!(in->data[2] & 1)) {
		uint32_t ns = (uint32_t)(in->data[2] | in->data[3] << 8) >> 1;
		if (!s->unseen)
			CHECK(ns == s->sent[in->from_server]);
		s->sent[in->from_server] = (ns + 1) & 32767;
	}
}

static void one(const struct proto *proto, struct session *s, const uint8_t *data, uint32_t len,
		uint8_t flags, bool mend)
{
	static struct pdu pdu, second;
	uint8_t state[PROTO_STATE_MAX], state2[PROTO_STATE_MAX];
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, data, len);
	bool server = flags & 1;
	if (mend && len >= 6) {
		copy[0] = 0x68;
		copy[1] = (uint8_t)(len - 2);
		if (!(copy[2] & 1)) {
			copy[2] = (uint8_t)(s->sent[server] << 1);
			copy[3] = (uint8_t)(s->sent[server] >> 7);
		}
		if ((copy[2] & 3) != 3) {
			copy[4] = (uint8_t)(s->sent[!server] << 1);
			copy[5] = (uint8_t)(s->sent[!server] >> 7);
		}
	}
	memcpy(state, s->state, sizeof state);
	memcpy(state2, s->state, sizeof state);
	s->unseen = s->unseen || flags & 32;
	if (flags & 64)
		s->now_us += 60000000;
	struct pdu_in in = {.data = copy,
			    .len = len,
			    .from_server = server,
			    .answers_known = !(flags & 32),
			    .asked = s->asked,
			    .nasked = ASKED,
			    .now_us = s->now_us,
			    .state = state,
			    .options = flags >> 1 & 15};
	struct frame f = proto->frame(copy, len, server);
	CHECK(f.state == FRAME_MORE || f.state == FRAME_PDU || f.state == FRAME_BAD);
	CHECK(f.state != FRAME_MORE || len < proto->header);
	CHECK((f.state == FRAME_BAD) == (f.fault.reason != REASON_NONE));
	if (f.state == FRAME_PDU)
		CHECK(f.length >= 6 && f.length <= proto->max_pdu);
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
		CHECK((pdu.claim == CLAIM_NONE) == server);
		CHECK(pdu.answers >= -1 && pdu.answers < ASKED);
		CHECK(pdu.answers < 0 || s->asked[pdu.answers].expires_us);
		CHECK(pdu.answers < 0 || pdu.ops[0].dir == DIR_RESPONSE);
		for (uint32_t i = 0; i < pdu.nops; i++) {
			CHECK(pdu.ops[i].dir == pdu.ops[0].dir);
			check_op(proto, &in, &pdu.ops[i]);
			check_text(proto, &pdu.ops[i]);
		}
		/* Another look at the same octets from the same state sees the same, and leaves the same. */
		in.state = state2;
		memset(&second, 0x5a, sizeof second);
		proto->decode(&in, &second);
		CHECK(second.fault.reason == REASON_NONE && second.nops == pdu.nops &&
		      second.answers == pdu.answers && second.claim == pdu.claim);
		CHECK(memcmp(state, state2, sizeof state) == 0);
		if (!(flags & 128)) {
			memcpy(s->state, state, sizeof state);
			passed(s, &pdu, &in);
		}
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct proto *proto = proto_get(PROTO_iec104);
	static struct session s;
	memset(&s, 0, sizeof s);
	s.now_us = 1000;
	for (unsigned n = 0; n < 24 && size >= 2; n++) {
		uint8_t flags = data[0];
		bool mend = data[1] & 0x80;
		uint32_t len = mend ? data[1] & 0x7f : data[1];
		data += 2;
		size -= 2;
		if (len > size)
			len = (uint32_t)size;
		one(proto, &s, data, len, flags, mend);
		data += len;
		size -= len;
	}
	return 0;
}
