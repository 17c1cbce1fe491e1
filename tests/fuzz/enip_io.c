/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: CIP's implicit messages that nobody opened, one datagram. The input:
 *
 *   octet 0       bit 0: from the server
 *   then the datagram
 *
 * Its one operation is opaque, names the connection, and says how long the data is; over TCP nothing of it is a PDU.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/proto.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

#define OVERHEAD 18u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t le(const uint8_t *p, unsigned n)
{
	uint32_t x = 0;
	while (n-- > 0)
		x = x << 8 | p[n];
	return x;
}

static void check(const struct proto *proto, const struct pdu_in *in, const struct op *op)
{
	static struct op_text read;
	char line[512], again[512], err[256];
	const struct vocab_function *f = proto_function(proto, op_function_key(op));
	CHECK(f && f->access == 1u << op->access && op->access == ACCESS_OPAQUE);
	CHECK(op->dir == (in->from_server ? DIR_UNSOLICITED : DIR_REQUEST));
	CHECK(op->has == (OP_SPACE | OP_RANGE) && proto_space(proto, op->space));
	CHECK(op->values.form == VALUES_NONE);
	/* Read apart from the decoder. */
	CHECK(le(in->data, 2) == 2 && le(in->data + 2, 2) == 0x8002 && le(in->data + 4, 2) == 8);
	CHECK(op->first == le(in->data + 6, 4) && op->last == op->first);
	CHECK(le(in->data + 14, 2) == 0xb1 && le(in->data + 16, 2) == in->len - OVERHEAD);
	CHECK(op->nargs == 1 && op->args[0].value == in->len - OVERHEAD);
	CHECK(op_print(op, proto, 8, line, sizeof line) == strlen(line));
	if (op_parse(line, &read, err, sizeof err)) {
		fprintf(stderr, "%s\n%s\n", line, err);
		abort();
	}
	CHECK(read.op.function == op->function && read.op.first == op->first && read.op.has == op->has);
	(void)op_print(&read.op, proto, 8, again, sizeof again);
	CHECK(strcmp(line, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pdu pdu;
	const struct proto *proto = proto_get(PROTO_enip_io);
	if (size < 1 || size - 1 > PROTO_PDU_MAX)
		return 0;
	uint32_t len = (uint32_t)size - 1;
	/* Memory of exactly that size: a step beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, data + 1, len);
	struct pdu_in in = {.data = copy, .len = len, .from_server = data[0] & 1};
	struct frame f = proto->frame(copy, len < proto->header ? len : proto->header, in.from_server);
	CHECK(f.state == FRAME_BAD && f.fault.reason != REASON_NONE);
	memset(&pdu, 0xa5, sizeof pdu);
	proto->decode(&in, &pdu);
	CHECK(pdu.answers == -1 && !pdu.answer_expected && pdu.claim == CLAIM_NONE && pdu.nopenings == 0);
	if (pdu.fault.reason != REASON_NONE) {
		CHECK(pdu.fault.reason < REASON_COUNT_OF && pdu.fault.field && pdu.fault.offset <= len);
		CHECK(pdu.nops == 0);
	} else {
		CHECK(pdu.nops == 1 && !pdu.fault.field);
		check(proto, &in, &pdu.ops[0]);
	}
	free(copy);
	return 0;
}
