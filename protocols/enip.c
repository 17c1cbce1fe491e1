/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EtherNet/IP: frame, sessions and items. What the items carry is CIP's: cip*.c. Names are in enip_vocab.c.
 *
 *   The CIP Networks Library, Volume 2, EtherNet/IP Adaptation of CIP   the encapsulation (2-1 to 2-7)
 *   The CIP Networks Library, Volume 1, Common Industrial Protocol      services, paths, connections, objects
 *   Rockwell Automation 1756-PM020, Logix 5000 Controllers Data Access   tags
 *   Rockwell Automation 1770-6.5.16, DF1 Protocol and Command Set        PCCC
 *
 *    octet  0         2        4         8        12                20        24
 *           +---------+--------+---------+--------+-----------------+---------+-------------- - - -+
 *           | command | length | session | status | sender context  | options | data               |
 *           +---------+--------+---------+--------+-----------------+---------+-------------- - - -+
 *
 *   SendRRData, SendUnitData:
 *           +-----------+---------+-------+----------------------+--------------------------- - - -+
 *           | interface | timeout | count | address item         | data item                        |
 *           | 0         |         | 2..4  | type, length, data   | type, length, [sequence,] CIP    |
 *           +-----------+---------+-------+----------------------+--------------------------- - - -+
 *
 * All numbers are little-endian but those of socket addresses. What is refused, and why:
 *   - commands that are not defined, options other than 0, a status in a request: the specification has receivers discard them;
 *   - more than 4096 octets behind the header: no connection is that large;
 *   - any command that needs a session before one was registered, or under another number; messages on a connection that was
 *     not opened in this session; the closing of a connection that was not opened here;
 *   - octets behind what a command, an item or a service needs: devices differ in what they do with them;
 *   - paths whose segments are out of order, padded with anything but 0, or of kinds that a request has no use for;
 *   - services 0x64 to 0x7f, and common services that are not defined. Those of a class that is not known are opaque instead.
 */
#include "protocols/enip.h"
#include "protocols/ident.h"

static bool command_defined(uint32_t command)
{
	switch (command) {
	case ENIP_NOP:
	case ENIP_LIST_SERVICES:
	case ENIP_LIST_IDENTITY:
	case ENIP_LIST_INTERFACES:
	case ENIP_REGISTER:
	case ENIP_UNREGISTER:
	case ENIP_RR_DATA:
	case ENIP_UNIT_DATA: return true;
	default: return false;
	}
}

static struct frame enip_frame(const uint8_t *data, uint32_t len, bool from_server)
{
	(void)from_server;
	struct frame f = {.state = FRAME_MORE};
	if (len < 2)
		return f;
	struct cursor c = cursor_open(data, len < 4 ? 2 : 4, &f.fault);
	uint32_t command = cursor_le16(&c, "command");
	cursor_check(&c, command_defined(command), 2, REASON_FUNCTION_UNKNOWN, "command");
	if (cursor_ok(&c)) {
		if (len < 4)
			return f;
		uint32_t length = cursor_le16(&c, "length");
		cursor_check(&c, length <= ENIP_DATA_MAX, 2, REASON_OVERSIZE, "length");
		f.length = ENIP_HEADER + length;
	}
	f.state = cursor_ok(&c) ? FRAME_PDU : FRAME_BAD;
	return f;
}

struct op *enip_op(struct enip *e, enum direction dir, enum access access, uint32_t function)
{
	if (e->out->nops == PDU_OPS_MAX) {
		cursor_fail(&e->c, REASON_TOO_MANY_OPERATIONS, "service");
		return NULL;
	}
	struct op *op = &e->out->ops[e->out->nops++];
	op->dir = (uint8_t)dir;
	op->access = (uint8_t)access;
	op->has = 0;
	op->nargs = 0;
	op->function = (uint16_t)function;
	op->sub = 0;
	op->unit = 0;
	op->origin = 0;
	op->space = 0;
	op->first = 0;
	op->last = 0;
	op->key.data = NULL;
	op->key.len = 0;
	op->values.form = VALUES_NONE;
	op->values.kind = VALUES_UNSIGNED;
	op->values.count = 0;
	return op;
}

uint32_t enip_id(uint32_t command, uint32_t a, uint32_t b)
{
	/* Any mix will do that tells small differences apart: what it lets coincide, the two words behind it do not. */
	uint64_t x = ((uint64_t)b << 32 | a) ^ (uint64_t)command << 56;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(x >> 32) ^ (uint32_t)x;
}

/* The two words that name the transaction, and the id made of them. */
static uint32_t pair_words(const struct enip *e, uint32_t words[2])
{
	words[0] = e->connected ? e->conn_id : e->context[0];
	words[1] = e->connected ? e->sequence : e->context[1];
	return enip_id(e->command, words[0], words[1]);
}

void enip_ask(struct enip *e, const struct op *op, uint32_t size)
{
	struct asked *a = &e->out->ask;
	a->expires_us = 0;
	a->id = e->out->id = pair_words(e, a->aux);
	a->unit = 0;
	a->space = op->space;
	a->first = op->first;
	a->last = op->last;
	a->size = size;
	a->function = op->function;
	a->sub = op->sub;
	a->rule = 0;
	a->has = op->has;
	a->flags = 0;
	e->out->answer_expected = true;
}

/* Finds the request of an answer. True: found and the same in every bit, or none waits. */
static bool pair(struct enip *e)
{
	uint32_t words[2];
	e->out->id = pair_words(e, words);
	int32_t i = asked_find(e->in->asked, e->in->nasked, e->out->id);
	if (i < 0 || e->in->asked[i].aux[0] != words[0] || e->in->asked[i].aux[1] != words[1])
		return false;
	e->out->answers = i;
	e->asked = &e->in->asked[i];
	return true;
}

/* ---- the header ---- */

/* Status codes of answers: Volume 2, 2-3.2. */
static bool status_defined(uint32_t status)
{
	return status <= 3 || status == 0x64 || status == 0x65 || status == 0x69 || status == 0x6a;
}

static bool header(struct enip *e)
{
	struct cursor *c = &e->c;
	e->command = cursor_le16(c, "command");
	cursor_check(c, command_defined(e->command), 2, REASON_FUNCTION_UNKNOWN, "command");
	uint32_t length = cursor_le16(c, "length");
	cursor_check(c, length <= ENIP_DATA_MAX, 2, REASON_OVERSIZE, "length");
	e->session = cursor_le32(c, "session-handle");
	e->status = cursor_le32(c, "status");
	cursor_check(c, e->in->from_server ? status_defined(e->status) : e->status == 0, 4,
		     REASON_FIELD_VALUE, "status");
	e->context[0] = cursor_le32(c, "sender-context");
	e->context[1] = cursor_le32(c, "sender-context");
	uint32_t options = cursor_le32(c, "options");
	cursor_check(c, options == 0, 4, REASON_RESERVED, "options");
	if (!cursor_ok(c))
		return false;
	if (length > cursor_left(c))
		cursor_fail_at(c, REASON_LENGTH, "length", 2);
	else if (length < cursor_left(c))
		cursor_fail_at(c, REASON_TRAILING, "length", ENIP_HEADER + length);
	return cursor_ok(c);
}

/*
 * The session that a message belongs to. In one that was found in its middle the first number seen is the number; that is said only
 * while requests that nobody saw may still be on their way.
 */
static bool session(struct enip *e)
{
	struct enip_state *st = e->st;
	if (st->registered == SESSION_NONE && !e->in->answers_known && e->session != 0) {
		st->registered = SESSION_ASSUMED;
		st->session = e->session;
	}
	if (st->registered < SESSION_OPEN || st->session != e->session)
		cursor_fail_at(&e->c, REASON_STATE, "session-handle", 4);
	return cursor_ok(&e->c);
}

/* ---- List commands ---- */

/* A device has one identity: who answers with several is told of by the first. */
static void identity_item(struct enip *e, struct cursor *c)
{
	uint32_t version = cursor_le16(c, "identity.version");
	cursor_check(c, version == 1, 2, REASON_FIELD_VALUE, "identity.version");
	uint32_t family = cursor_be16(c, "identity.family");
	cursor_check(c, family == 2, 2, REASON_FIELD_VALUE, "identity.family");
	/* Port, address, zeros; vendor, type, product, revision, status, serial number. */
	struct view v = cursor_bytes(c, 14 + CIP_IDENTITY_FIXED, "identity");
	uint32_t name = cursor_u8(c, "identity.name");
	struct view text = cursor_bytes(c, name, "identity.name");
	cursor_u8(c, "identity.state");
	cursor_end(c, "identity");
	if (cursor_ok(c) && ident_heard(e->in, e->asked) && e->out->nidents == 0)
		cip_identity(e, (struct view){.data = v.data + 14, .len = v.len - 14}, text, ROUTE_DIRECT);
}

static void list_answer(struct enip *e)
{
	struct cursor *c = &e->c;
	uint32_t n = cursor_le16(c, "item-count");
	cursor_check(c, n <= CIP_LIST_MAX, 2, REASON_COUNT, "item-count");
	for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
		uint32_t type = cursor_le16(c, "item.type");
		uint32_t length = cursor_le16(c, "item.length");
		struct cursor item = cursor_sub(c, length, "item.length");
		if (e->command == ENIP_LIST_IDENTITY) {
			cursor_check(c, type == CPF_IDENTITY, length + 4, REASON_FIELD_VALUE, "item.type");
			identity_item(e, &item);
		} else if (e->command == ENIP_LIST_SERVICES) {
			cursor_check(c, type == CPF_SERVICES, length + 4, REASON_FIELD_VALUE, "item.type");
			uint32_t version = cursor_le16(&item, "service.version");
			cursor_check(&item, version == 1, 2, REASON_FIELD_VALUE, "service.version");
			cursor_le16(&item, "service.capabilities");
			cursor_bytes(&item, 16, "service.name");
			cursor_end(&item, "service");
		}
	}
	cursor_end(c, "length");
}

/* Nothing is behind the header of the question; nobody needs a session. */
static void list(struct enip *e)
{
	enum direction dir = e->in->from_server ? DIR_RESPONSE : DIR_REQUEST;
	if (!e->in->from_server) {
		cursor_end(&e->c, "length");
	} else {
		pair(e);
		if (e->status == 0)
			list_answer(e);
		else
			cursor_end(&e->c, "length");
	}
	if (!cursor_ok(&e->c))
		return;
	struct op *op = enip_op(e, dir, ACCESS_DIAGNOSE, ENIP_FN | e->command);
	if (dir == DIR_REQUEST)
		enip_ask(e, op, 0);
}

/* ---- the session's own commands ---- */

static void register_session(struct enip *e)
{
	struct cursor *c = &e->c;
	bool answer = e->in->from_server;
	/* A refusal may say the version that the server knows, or nothing. */
	if (cursor_left(c) > 0 || e->status == 0) {
		uint32_t version = cursor_le16(c, "protocol-version");
		cursor_check(c, version == 1 || e->status != 0, 2, REASON_FIELD_VALUE, "protocol-version");
		uint32_t flags = cursor_le16(c, "options-flags");
		cursor_check(c, flags == 0, 2, REASON_RESERVED, "options-flags");
	}
	cursor_end(c, "length");
	if (!cursor_ok(c))
		return;
	if (!answer) {
		if (e->session != 0)
			cursor_fail_at(c, REASON_FIELD_VALUE, "session-handle", 4);
		if (e->st->registered != SESSION_NONE)
			cursor_fail_at(c, REASON_STATE, "command", 0);
		if (!cursor_ok(c))
			return;
		e->st->registered = SESSION_ASKED;
		enip_ask(e, enip_op(e, DIR_REQUEST, ACCESS_SESSION, ENIP_FN | ENIP_REGISTER), 0);
		return;
	}
	bool paired = pair(e);
	if (e->status == 0 && e->session == 0)
		cursor_fail_at(c, REASON_FIELD_VALUE, "session-handle", 4);
	if (!cursor_ok(c))
		return;
	if (e->status != 0) {
		if (e->st->registered == SESSION_ASKED)
			e->st->registered = SESSION_NONE;
	} else if (paired || (e->st->registered == SESSION_NONE && !e->in->answers_known)) {
		e->st->registered = SESSION_OPEN;
		e->st->session = e->session;
	}
	enip_op(e, DIR_RESPONSE, ACCESS_SESSION, ENIP_FN | ENIP_REGISTER);
}

/* Neither is answered. A server may send either. */
static void session_only(struct enip *e)
{
	cursor_end(&e->c, "length");
	if (e->command == ENIP_UNREGISTER && session(e))
		*e->st = (struct enip_state){.registered = SESSION_NONE};
	if (cursor_ok(&e->c))
		enip_op(e, e->in->from_server ? DIR_UNSOLICITED : DIR_REQUEST, ACCESS_SESSION,
			ENIP_FN | e->command);
}

/* ---- SendRRData, SendUnitData ---- */

/* One item's header, its type known beforehand. length 0: any. */
static struct cursor item(struct cursor *c, uint32_t type, uint32_t length)
{
	uint32_t t = cursor_le16(c, "item.type");
	cursor_check(c, t == type, 2, REASON_FIELD_VALUE, "item.type");
	uint32_t n = cursor_le16(c, "item.length");
	cursor_check(c, length == 0 || n == length, 2, REASON_LENGTH, "item.length");
	return cursor_sub(c, n, "item.length");
}

/* Socket addresses beside an opening of connections over UDP: Volume 2, 2-6.3.3. */
static void sockets(struct enip *e, uint32_t n)
{
	struct cursor *c = &e->c;
	for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
		uint32_t type = cursor_le16(c, "item.type");
		uint32_t *at = type == CPF_SOCKET_OT ? &e->socket_ot : &e->socket_to;
		cursor_check(c, (type == CPF_SOCKET_OT || type == CPF_SOCKET_TO) && *at == 0, 2,
			     REASON_FIELD_VALUE, "item.type");
		uint32_t length = cursor_le16(c, "item.length");
		cursor_check(c, length == 16, 2, REASON_LENGTH, "item.length");
		*at = c->at;
		uint32_t family = cursor_be16(c, "socket.family");
		cursor_check(c, family == 2, 2, REASON_FIELD_VALUE, "socket.family");
		cursor_bytes(c, 6, "socket.address");
		uint32_t zero = cursor_le32(c, "socket.zero");
		zero |= cursor_le32(c, "socket.zero");
		cursor_check(c, zero == 0, 8, REASON_RESERVED, "socket.zero");
	}
}

static bool interface(struct cursor *c)
{
	uint32_t handle = cursor_le32(c, "interface-handle");
	cursor_check(c, handle == 0, 4, REASON_FIELD_VALUE, "interface-handle");
	cursor_le16(c, "timeout");
	return cursor_ok(c);
}

static void rr_data(struct enip *e)
{
	struct cursor *c = &e->c;
	if (!interface(c))
		return;
	uint32_t n = cursor_le16(c, "item-count");
	cursor_check(c, n >= 2 && n <= CIP_ITEMS_MAX, 2, REASON_COUNT, "item-count");
	struct cursor address = item(c, CPF_NULL, 0);
	cursor_end(&address, "item.length");
	struct cursor m = item(c, CPF_UNCONNECTED_DATA, 0);
	sockets(e, n - 2);
	cursor_end(c, "length");
	if (!cursor_ok(c))
		return;
	if (e->in->from_server) {
		pair(e);
		cip_answer(e, &m);
	} else {
		cip_request(e, &m);
	}
}

/* The answer on a connection whose way back is not known yet: that of a session found in its middle. */
static bool assume_way_back(struct enip *e, uint32_t id)
{
	for (unsigned i = 0; i < CIP_CONNS_MAX; i++) {
		struct enip_conn *k = &e->st->conns[i];
		if (k->state != CONN_ASSUMED || k->to != 0)
			continue;
		e->conn_id = k->ot;
		if (pair(e)) {
			k->to = id;
			return true;
		}
	}
	e->conn_id = 0;
	return false;
}

static void unit_data(struct enip *e)
{
	struct cursor *c = &e->c;
	if (!interface(c))
		return;
	uint32_t n = cursor_le16(c, "item-count");
	cursor_check(c, n == 2, 2, REASON_COUNT, "item-count");
	struct cursor address = item(c, CPF_CONNECTED_ADDRESS, 4);
	uint32_t at = address.at, id = cursor_le32(&address, "connection-id");
	struct cursor m = item(c, CPF_CONNECTED_DATA, 0);
	cursor_end(c, "length");
	e->sequence = cursor_le16(&m, "sequence-count");
	if (!cursor_ok(c))
		return;
	e->connected = true;
	struct enip_conn *k = conn_find(e->st, id, e->in->from_server);
	if (k) {
		e->conn_id = k->ot;
		e->route = k->route;
	} else if (e->in->answers_known) {
		cursor_fail_at(c, REASON_STATE, "connection-id", at);
		return;
	} else if (!e->in->from_server) {
		e->conn_id = id;
		e->route = ROUTE_ELSEWHERE;
		k = conn_new(e->st);
		if (k)
			*k = (struct enip_conn){
				.ot = id, .route = ROUTE_ELSEWHERE, .state = CONN_ASSUMED, .explicit = true};
	}
	if (!e->in->from_server) {
		cip_request(e, &m);
		return;
	}
	if (k)
		pair(e);
	else
		assume_way_back(e, id);
	cip_answer(e, &m);
}

static void data(struct enip *e)
{
	if (!session(e))
		return;
	if (e->status == 0) {
		if (e->command == ENIP_RR_DATA)
			rr_data(e);
		else
			unit_data(e);
		return;
	}
	/* The command itself was refused: nothing is behind the header, and only the context says which one. */
	cursor_end(&e->c, "length");
	if (!cursor_ok(&e->c))
		return;
	pair(e);
	e->out->exception = true;
	e->out->exception_code = (uint8_t)e->status;
	uint32_t function = e->asked ? e->asked->function : ENIP_FN | e->command;
	uint32_t sub = e->asked ? e->asked->sub : 0;
	uint32_t class = e->asked && e->asked->space == SPACE_OBJECT ? e->asked->first / CIP_MINORS : 0;
	struct op *op = enip_op(e, DIR_RESPONSE, e->asked ? cip_access(function, sub, class) : ACCESS_SESSION,
				function);
	if (e->asked) {
		op->has = e->asked->has & (OP_SUB | OP_SPACE | OP_RANGE);
		op->sub = (uint16_t)sub;
		op->space = e->asked->space;
		op->first = e->asked->first;
		op->last = e->asked->last;
	}
}

static void enip_decode(const struct pdu_in *in, struct pdu *out)
{
	struct enip_state none;
	struct enip e;

	e.c = cursor_open(in->data, in->len, &out->fault);
	e.in = in;
	e.out = out;
	e.asked = NULL;
	e.scratch = 0;
	e.connected = false;
	e.conn_id = e.sequence = 0;
	e.route = ROUTE_DIRECT;
	e.socket_ot = e.socket_to = 0;
	e.st = in->state;
	if (!e.st) {
		none = (struct enip_state){.registered = SESSION_NONE};
		e.st = &none;
	}
	pdu_open(out);
	if (!header(&e))
		return;
	switch (e.command) {
	case ENIP_RR_DATA:
	case ENIP_UNIT_DATA: data(&e); break;
	case ENIP_REGISTER: register_session(&e); break;
	case ENIP_NOP:
	case ENIP_UNREGISTER: session_only(&e); break;
	default: list(&e); break;
	}
	if (in->from_server && e.status != 0) {
		out->exception = true;
		out->exception_code = (uint8_t)e.status;
	}
	if (!cursor_ok(&e.c)) {
		out->nops = 0;
		out->nidents = 0;
		out->answer_expected = false;
	}
}

const struct proto proto_enip = {
	.name = "enip",
	.title = "EtherNet/IP with CIP",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = {ENIP_PORT},
	.max_pdu = ENIP_PDU_MAX,
	.header = 4,
	.state_size = sizeof(struct enip_state),
	.name_key = "tags",
	.opens = true,
	.functions = enip_functions,
	.spaces = enip_spaces,
	.args = enip_args,
	.options = enip_options,
	.job_of = FN_RANGE | FN_ARG(ARG_ROUTE),
	.frame = enip_frame,
	.decode = enip_decode,
};
