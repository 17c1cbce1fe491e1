/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections: Volume 1, 3-5.5. Forward Open, Large Forward Open and Forward Close of the Connection Manager.
 *
 *    Forward Open    time 2 | ids O->T 4, T->O 4 | serial 2, vendor 2, originator 4 | multiplier 1, reserved 3
 *                    | O->T RPI 4, parameters 2 or 4 | T->O RPI 4, parameters 2 or 4 | transport 1 | path size 1, path
 *    Forward Close   time 2 | serial 2, vendor 2, originator 4 | path size 1, reserved 1, path
 *
 * There are two kinds. One is for messages to the router of the target (transport class 2 or 3): it changes nothing by itself, and
 * each message is judged on its own. Any other one moves data without being asked again: it is `forward-open-io`, with
 * an operation for each object and connection point of its path, and one more where the path carries a configuration.
 */
#include "protocols/enip.h"

struct enip_conn *conn_find(struct enip_state *st, uint32_t id, bool from_server)
{
	for (unsigned i = 0; i < CIP_CONNS_MAX; i++) {
		struct enip_conn *k = &st->conns[i];
		if (k->state < CONN_OPEN || !k->explicit || (from_server ? k->to : k->ot) != id)
			continue;
		/* The way back of a connection that was found in use is not known before its first answer. */
		if (!from_server || k->state == CONN_OPEN || k->to != 0)
			return k;
	}
	return NULL;
}

/* One whose opening was never answered gives way to another: its answer, should it come, finds nothing. */
struct enip_conn *conn_new(struct enip_state *st)
{
	for (unsigned state = CONN_FREE; state <= CONN_ASKED; state++)
		for (unsigned i = 0; i < CIP_CONNS_MAX; i++)
			if (st->conns[i].state == state)
				return &st->conns[i];
	return NULL;
}

struct triad {
	uint32_t originator;
	uint16_t vendor, serial;
};

static struct triad triad(struct cursor *c)
{
	struct triad t;
	t.serial = cursor_le16(c, "connection-serial-number");
	t.vendor = cursor_le16(c, "originator-vendor");
	t.originator = cursor_le32(c, "originator-serial-number");
	return t;
}

static struct enip_conn *conn_named(struct enip_state *st, const struct triad *t)
{
	for (unsigned i = 0; i < CIP_CONNS_MAX; i++) {
		struct enip_conn *k = &st->conns[i];
		if ((k->state == CONN_ASKED || k->state == CONN_OPEN) && k->serial == t->serial &&
		    k->vendor == t->vendor && k->originator == t->originator)
			return k;
	}
	return NULL;
}

/* One direction of a connection. */
struct way {
	uint32_t rpi; /* microseconds */
	uint32_t size, type;
	bool fixed;
};

static struct way way(struct cursor *c, bool large, const char *rpi, const char *parameters)
{
	struct way w;
	w.rpi = cursor_le32(c, rpi);
	if (large) {
		uint32_t p = cursor_le32(c, parameters);
		cursor_check(c, (p & 0x11ff0000) == 0, 4, REASON_RESERVED, parameters);
		w.size = p & 0xffff;
		w.type = p >> 29 & 3;
		w.fixed = !(p & 0x02000000);
	} else {
		uint32_t p = cursor_le16(c, parameters);
		cursor_check(c, (p & 0x1000) == 0, 2, REASON_RESERVED, parameters);
		w.size = p & 0x1ff;
		w.type = p >> 13 & 3;
		w.fixed = !(p & 0x0200);
	}
	cursor_check(c, w.type != 3, large ? 4 : 2, REASON_RESERVED, parameters);
	return w;
}

static struct op *open_op(struct enip *e, const struct cip_service *s, uint32_t sub)
{
	struct op *op = cip_op(e, s, cip_access(s->code, sub, 0), s->code);
	if (!op)
		return NULL;
	op->has |= OP_SUB;
	op->sub = (uint16_t)sub;
	return op;
}

static void io_args(struct op *op, uint32_t transport, const struct way *ot, const struct way *to)
{
	cip_arg(op, ARG_TRANSPORT, transport);
	cip_arg(op, ARG_OT_RPI, ot->rpi);
	cip_arg(op, ARG_TO_RPI, to->rpi);
	cip_arg(op, ARG_OT_SIZE, ot->size);
	cip_arg(op, ARG_TO_SIZE, to->size);
	cip_arg(op, ARG_OT_TYPE, ot->type);
	cip_arg(op, ARG_TO_TYPE, to->type);
}

/* An operation for each object of the path, and for each connection point: an instance of the last class. */
static void io_ops(struct enip *e, const struct cip_service *s, uint32_t transport, const struct way *ot,
		   const struct way *to)
{
	const struct cip_path *p = &s->path;
	struct op *op;
	if (p->npairs == 0) {
		/* A tag that is produced: all of it. */
		op = open_op(e, s, CLASS_OPEN_IO);
		if (!op)
			return;
		op->has |= OP_SPACE | OP_RANGE;
		op->space = SPACE_ELEMENT;
		op->first = p->nmembers ? p->member : 0;
		op->last = op->first;
		io_args(op, transport, ot, to);
		return;
	}
	for (unsigned i = 0; i < p->npairs; i++) {
		if (i == p->npairs - 1u && !p->has_instance[i] && p->npoints)
			break; /* the points say which instances */
		op = open_op(e, s, CLASS_OPEN_IO);
		if (!op)
			return;
		cip_object(op, p, i);
		io_args(op, transport, ot, to);
	}
	for (unsigned i = 0; i < p->npoints; i++) {
		op = open_op(e, s, CLASS_OPEN_IO);
		if (!op)
			return;
		bool one = p->points[i] < CIP_MINORS;
		op->has |= OP_SPACE | OP_RANGE;
		op->space = SPACE_OBJECT;
		op->first = p->class[p->npairs - 1] * CIP_MINORS + (one ? p->points[i] : 0);
		op->last = p->class[p->npairs - 1] * CIP_MINORS + (one ? p->points[i] : CIP_MINORS - 1);
		io_args(op, transport, ot, to);
	}
}

static void config_op(struct enip *e, const struct cip_service *s)
{
	struct op *op = open_op(e, s, CLASS_OPEN_CONFIG);
	if (!op)
		return;
	if (s->path.npairs) {
		cip_object(op, &s->path, s->path.npairs - 1u);
	} else {
		op->has |= OP_SPACE | OP_RANGE;
		op->space = SPACE_ELEMENT;
		op->first = op->last = s->path.nmembers ? s->path.member : 0;
	}
	cip_octets(op, s->path.config);
}

/* Only straight to the Connection Manager, and not over a connection: else it opens something elsewhere that nobody keeps track of. */
static bool manager(struct enip *e, struct cip_service *s)
{
	const struct cip_path *p = &s->path;
	bool good = p->npairs == 1 && p->has_instance[0] && p->instance[0] == 1 && !p->has_attribute &&
		    !p->has_key && !p->nmembers;
	if (!good)
		cursor_fail_at(&s->c, REASON_FIELD_VALUE, "path.segment", p->start);
	if (!s->alone || e->connected)
		cursor_fail_at(&s->c, REASON_STATE, "service", s->at);
	return cursor_ok(&s->c);
}

/* The port of the socket address whose data is at `at`. */
static uint16_t socket_port(const struct enip *e, uint32_t at)
{
	uint16_t port = view_be16((struct view){.data = e->in->data, .len = e->in->len}, at + 2);
	return port ? port : ENIP_IO_PORT;
}

void cip_open(struct enip *e, struct cip_service *s)
{
	bool large = s->code == CIP_LARGE_OPEN;
	struct cursor *c = &s->c;
	if (!manager(e, s))
		return;
	cursor_le16(c, "time-out");
	uint32_t ot_id = cursor_le32(c, "o-t-connection-id");
	uint32_t to_id = cursor_le32(c, "t-o-connection-id");
	uint32_t named = c->at;
	struct triad t = triad(c);
	uint32_t multiplier = cursor_u8(c, "timeout-multiplier");
	cursor_check(c, multiplier <= 7, 1, REASON_FIELD_VALUE, "timeout-multiplier");
	cursor_bytes(c, 3, "reserved"); /* clients leave anything in it */
	struct way ot = way(c, large, "o-t-rpi", "o-t-parameters");
	struct way to = way(c, large, "t-o-rpi", "t-o-parameters");
	uint32_t transport = cursor_u8(c, "transport");
	uint32_t class = transport & 15;
	cursor_check(c, class <= 3 && (transport >> 4 & 7) <= 2, 1, REASON_FIELD_VALUE, "transport");
	uint32_t words = cursor_u8(c, "connection-path-size");
	cip_path(e, c, words, PATH_CONNECT, &s->path);
	cip_done(s, "connection-path-size");
	if (!cursor_ok(c))
		return;
	const struct cip_path *p = &s->path;
	bool explicit = class >= 2 && p->npairs == 1 && p->class[0] == CLASS_ROUTER && p->has_instance[0] &&
			p->instance[0] == 1 && !p->npoints && !p->has_attribute && !p->has_key &&
			!p->nmembers && p->config.data == NULL;
	if (!explicit && (p->has_attribute || (p->npairs && p->nmembers))) {
		cursor_fail_at(c, REASON_FIELD_VALUE, "path.segment", p->start);
		return;
	}
	s->route = p->route;
	if (explicit) {
		open_op(e, s, CLASS_CONNECTION);
	} else {
		io_ops(e, s, transport, &ot, &to);
		if (p->config.data)
			config_op(e, s);
	}
	if (!cursor_ok(c))
		return;
	if (!explicit) {
		s->unit = cip_io_way(ot.size, ot.type, ot.fixed);
		s->size = cip_io_way(to.size, to.type, to.fixed);
	}
	/* Asked again before the answer came, or in place of one that is open: a target takes it for the same connection. */
	struct enip_conn *k = conn_named(e->st, &t);
	if (k && k->state == CONN_OPEN) {
		cursor_fail_at(c, REASON_STATE, "connection-serial-number", named);
		return;
	}
	if (!k)
		k = conn_new(e->st);
	if (!k) {
		cursor_fail_at(c, REASON_PENDING_FULL, "connection-serial-number", named);
		return;
	}
	*k = (struct enip_conn){.ot = ot_id,
				.to = to_id,
				.originator = t.originator,
				.vendor = t.vendor,
				.serial = t.serial,
				.route = p->route,
				.state = CONN_ASKED,
				.explicit = explicit,
				.to_port = e->socket_to ? socket_port(e, e->socket_to) : ENIP_IO_PORT};
}

void cip_close(struct enip *e, struct cip_service *s)
{
	struct cursor *c = &s->c;
	if (!manager(e, s))
		return;
	cursor_le16(c, "time-out");
	uint32_t named = c->at;
	struct triad t = triad(c);
	uint32_t words = cursor_u8(c, "connection-path-size");
	cursor_u8(c, "reserved");
	cip_path(e, c, words, PATH_CONNECT, &s->path);
	cip_done(s, "connection-path-size");
	if (!cursor_ok(c))
		return;
	struct enip_conn *k = conn_named(e->st, &t);
	if (!k && e->in->answers_known) {
		cursor_fail_at(c, REASON_STATE, "connection-serial-number", named);
		return;
	}
	s->route = s->path.route;
	s->path.has_key = false; /* what is closed is named by its numbers */
	s->unit = (uint32_t)t.serial << 16 | t.vendor;
	open_op(e, s, CLASS_CONNECTION);
}

/* A refused opening repeats what names it, and how much of the path was left: a route that failed says no more than that. */
static bool refused(struct cip_reply *r, struct triad *t)
{
	if (cursor_left(&r->c) == 0) {
		*t = (struct triad){0};
		return false;
	}
	*t = triad(&r->c);
	cursor_u8(&r->c, "remaining-path-size");
	cursor_u8(&r->c, "reserved");
	cursor_end(&r->c, "service");
	return cursor_ok(&r->c);
}

void cip_open_answer(struct enip *e, struct cip_reply *r)
{
	struct triad t;
	struct enip_conn *k;
	if (r->status != 0) {
		if (refused(r, &t)) {
			k = conn_named(e->st, &t);
			if (k && k->state == CONN_ASKED)
				k->state = CONN_FREE;
		}
		return;
	}
	uint32_t ot_id = cursor_le32(&r->c, "o-t-connection-id");
	uint32_t to_id = cursor_le32(&r->c, "t-o-connection-id");
	uint32_t named = r->c.at;
	t = triad(&r->c);
	cursor_bytes(&r->c, 8, "api");
	uint32_t words = cursor_u8(&r->c, "application-reply-size");
	cursor_u8(&r->c, "reserved");
	cursor_bytes(&r->c, words * 2, "application-reply");
	cursor_end(&r->c, "service");
	if (!cursor_ok(&r->c))
		return;
	k = conn_named(e->st, &t);
	if (!k && e->asked)
		cursor_fail_at(&r->c, REASON_ANSWER_CONTENT, "connection-serial-number", named);
	if (!cursor_ok(&r->c))
		return;
	if (!k) {
		k = conn_new(e->st);
		if (!k)
			return;
		*k = (struct enip_conn){.originator = t.originator,
					.vendor = t.vendor,
					.serial = t.serial,
					.route = ROUTE_ELSEWHERE,
					.explicit = true};
	} else if (k->explicit && k->to != to_id) {
		cursor_fail_at(&r->c, REASON_ANSWER_CONTENT, "t-o-connection-id", named - 4);
		return;
	}
	k->ot = ot_id;
	k->to = to_id;
	if (e->asked && !k->explicit) {
		k->ot_port = e->socket_ot ? socket_port(e, e->socket_ot) : ENIP_IO_PORT;
		if (!cip_io_open(e, &r->c, k, e->asked->unit, e->asked->size))
			return;
	}
	k->state = CONN_OPEN;
}

void cip_close_answer(struct enip *e, struct cip_reply *r)
{
	struct triad t;
	uint32_t at = r->c.at;
	if (r->status != 0) {
		refused(r, &t);
		return;
	}
	t = triad(&r->c);
	uint32_t words = cursor_u8(&r->c, "application-reply-size");
	cursor_u8(&r->c, "reserved");
	cursor_bytes(&r->c, words * 2, "application-reply");
	cursor_end(&r->c, "service");
	if (e->asked && e->asked->unit != ((uint32_t)t.serial << 16 | t.vendor))
		cursor_fail_at(&r->c, REASON_ANSWER_CONTENT, "connection-serial-number", at);
	if (!cursor_ok(&r->c))
		return;
	struct enip_conn *k = conn_named(e->st, &t);
	if (!k)
		return;
	if (!k->explicit && k->state == CONN_OPEN)
		cip_io_close(e, k);
	k->state = CONN_FREE;
}
