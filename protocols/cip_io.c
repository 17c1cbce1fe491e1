/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that move data by themselves, and the datagrams they move it in: Volume 2, 3-3 and 2-6.2. A datagram is
 *
 *    octet  0       2       4       6               10         14      16       18
 *           +-------+-------+-------+---------------+----------+-------+--------+----------- - - -+
 *           | count | type  | len   | connection id | sequence | type  | length | data            |
 *           | 2     | 8002  | 8     |               | number   | 00b1  |        | [sequence] ...  |
 *           +-------+-------+-------+---------------+----------+-------+--------+----------- - - -+
 *
 * The data has the size that the opening said, or less where that was said to vary. Opening and closing say which datagrams pass
 * beside the session (struct pdu_opening). Those that nobody opened are judged as protocol `enip-io`: their content means
 * something only to the two ends, so they are opaque, and pass where a rule names them and their connections.
 */
#include <string.h>

#include "protocols/enip.h"

enum { IO_OVERHEAD = 18, IO_DATA_MAX = 65511, IO_FUNCTION = 1, SPACE_CONNECTION = 1 };

static uint32_t swap(uint32_t x)
{
	return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

static void opening(struct enip *e, bool close, bool from_server, const struct enip_conn *k, uint32_t way)
{
	struct pdu_opening *o = &e->out->openings[e->out->nopenings++];
	uint32_t most = IO_OVERHEAD + (way & 0xffff), group = from_server ? k->group : 0;
	memset(o, 0, sizeof *o);
	o->close = close;
	o->from_server = from_server;
	o->to_group = group != 0;
	if (group) {
		o->group[10] = o->group[11] = 0xff;
		for (unsigned i = 0; i < 4; i++)
			o->group[12 + i] = (uint8_t)(group >> (24 - 8 * i));
	}
	o->port = from_server ? k->to_port : k->ot_port;
	o->hi = (uint16_t)(most > UINT16_MAX ? UINT16_MAX : most);
	o->lo = way >> 18 & 1 ? o->hi : IO_OVERHEAD;
	o->id = swap(from_server ? k->to : k->ot);
}

bool cip_io_open(struct enip *e, struct cursor *c, struct enip_conn *k, uint32_t ot, uint32_t to)
{
	k->group = 0;
	if ((to >> 16 & 3) == 1) {
		/* To a group: the server says which one, and it must be one. */
		struct view v = {.data = e->in->data, .len = e->in->len};
		if (e->socket_to) {
			k->to_port = view_be16(v, e->socket_to + 2);
			k->group = (uint32_t)view_be16(v, e->socket_to + 4) << 16 |
				   view_be16(v, e->socket_to + 6);
		}
		if (!e->socket_to || k->group >> 28 != 14 || k->to_port == 0) {
			cursor_fail_at(c, REASON_FIELD_VALUE, "socket.address",
				       e->socket_to ? e->socket_to + 2 : 30);
			return false;
		}
	}
	/* To the server never by a group: that would reach others. */
	if ((ot >> 16 & 3) == 2)
		opening(e, false, false, k, ot);
	else
		k->ot_port = 0;
	if (to >> 16 & 3)
		opening(e, false, true, k, to);
	else
		k->to_port = 0;
	return true;
}

void cip_io_close(struct enip *e, const struct enip_conn *k)
{
	if (k->ot_port)
		opening(e, true, false, k, IO_DATA_MAX);
	if (k->to_port)
		opening(e, true, true, k, IO_DATA_MAX);
}

/* ---- what nobody opened ---- */

static struct frame io_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	(void)data;
	(void)len;
	(void)from_server;
	return (struct frame){.state = FRAME_BAD,
			      .fault = {.reason = REASON_TRANSPORT, .field = "transport"}};
}

static void io_decode(const struct pdu_in *in, struct pdu *out)
{
	struct cursor c = cursor_open(in->data, in->len, &out->fault);
	pdu_open(out);
	uint32_t n = cursor_le16(&c, "item-count");
	cursor_check(&c, n == 2, 2, REASON_COUNT, "item-count");
	uint32_t type = cursor_le16(&c, "item.type");
	cursor_check(&c, type == CPF_SEQUENCED_ADDRESS, 2, REASON_FIELD_VALUE, "item.type");
	uint32_t length = cursor_le16(&c, "item.length");
	cursor_check(&c, length == 8, 2, REASON_LENGTH, "item.length");
	uint32_t id = cursor_le32(&c, "connection-id");
	cursor_le32(&c, "sequence-number");
	type = cursor_le16(&c, "item.type");
	cursor_check(&c, type == CPF_CONNECTED_DATA, 2, REASON_FIELD_VALUE, "item.type");
	length = cursor_le16(&c, "item.length");
	cursor_bytes(&c, length, "item.length");
	cursor_end(&c, "item.length");
	if (!cursor_ok(&c))
		return;
	struct op *op = &out->ops[out->nops++];
	*op = (struct op){.dir = in->from_server ? DIR_UNSOLICITED : DIR_REQUEST,
			  .access = ACCESS_OPAQUE,
			  .has = OP_SPACE | OP_RANGE,
			  .nargs = 1,
			  .function = IO_FUNCTION,
			  .space = SPACE_CONNECTION,
			  .first = id,
			  .last = id,
			  .args = {{.name = 0, .value = length}}};
}

static const struct vocab_function io_functions[] = {
	{IO_FUNCTION << 16, IO_FUNCTION << 16, "io-data", 1u << ACCESS_OPAQUE,
	 FN_OPAQUE | FN_RANGE | FN_ARG(0), "data of a connection whose opening was not seen, or not allowed"},
	{0},
};
static const struct vocab_space io_spaces[] = {
	{.code = SPACE_CONNECTION,
	 .name = "connection",
	 .max = UINT32_MAX,
	 .writable = true,
	 .doc = "connection ids"},
	{0},
};
static const struct vocab_arg io_arguments[] = {{"sizes", "size", NULL, "octets of data"}, {0}};

const struct proto proto_enip_io = {
	.name = "enip-io",
	.title = "EtherNet/IP implicit messages",
	.transports = TRANSPORT_UDP,
	.ports = {ENIP_IO_PORT},
	.max_pdu = PROTO_PDU_MAX,
	.header = 1,
	.functions = io_functions,
	.spaces = io_spaces,
	.args = io_arguments,
	.frame = io_frame,
	.decode = io_decode,
};
