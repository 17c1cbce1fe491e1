/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CIP requests: Volume 1, 2-4 and appendix A.
 *
 *    octet  0         1            2             2 + 2 * size
 *           +---------+------------+-------------+-------------- - - -+
 *           | service | path size  | path        | the service's data |
 *           +---------+------------+-------------+-------------- - - -+
 *
 * A Multiple Service Packet holds several of these, an Unconnected Send one that is routed on; either may hold the other. They are
 * opened one level at a time, with what is left of each level in an array of CIP_LEVELS_MAX. Neither is an operation itself:
 * what they hold is.
 *
 * The object is one address, class * 65536 + instance. A path that names a class alone may mean all of its instances, and is held
 * against all of them; so is an instance that needs more than 16 bits. Where an object lies inside another one (a routine in
 * a program) there is an operation for each of the two, and both must be allowed.
 */
#include "protocols/enip.h"

struct level {
	struct cursor c; /* what it holds */
	uint32_t base;   /* where its offsets count from */
	uint32_t table;  /* offset of its table of offsets; 0: it holds one message, all of it */
	uint32_t next, count;
	uint16_t route;
};

static void fail(struct cip_service *s, enum reason reason, const char *field, uint32_t at)
{
	cursor_fail_at(&s->c, reason, field, at);
}

void cip_done(struct cip_service *s, const char *field)
{
	cursor_end(&s->c, field);
}

void cip_arg(struct op *op, unsigned name, int64_t value)
{
	op->args[op->nargs].name = (uint16_t)name;
	op->args[op->nargs++].value = value;
}

void cip_octets(struct op *op, struct view v)
{
	bool number = v.len == 1 || v.len == 2 || v.len == 4 || v.len == 8;
	if (v.len == 0 || (!number && op->dir == DIR_REQUEST)) {
		op->values.form = VALUES_UNKNOWN;
		return;
	}
	op->values.form = VALUES_NUMBERS;
	op->values.kind = VALUES_UNSIGNED;
	op->values.width = number ? (uint8_t)v.len : 1;
	op->values.little = true;
	op->values.stride = op->values.width;
	op->values.count = number ? 1 : v.len;
	op->values.data = v.data;
}

void cip_object(struct op *op, const struct cip_path *p, unsigned i)
{
	bool one = p->has_instance[i] && p->instance[i] < CIP_MINORS;
	op->has |= OP_SPACE | OP_RANGE;
	op->space = SPACE_OBJECT;
	op->first = p->class[i] * CIP_MINORS + (one ? p->instance[i] : 0);
	op->last = p->class[i] * CIP_MINORS + (one ? p->instance[i] : CIP_MINORS - 1);
}

struct op *cip_op(struct enip *e, const struct cip_service *s, enum access access, uint32_t function)
{
	struct op *op = enip_op(e, DIR_REQUEST, access, function);
	if (!op)
		return NULL;
	cip_arg(op, ARG_ROUTE, s->route);
	if (s->path.has_key) {
		op->has |= OP_KEY;
		op->key = s->path.key;
	}
	return op;
}

/* Classes that hold the user's program: what is created, deleted or set there is programming. */
static bool program_class(uint32_t class)
{
	return (class >= CLASS_VENDOR && class <= CLASS_PROGRAM_LAST && class != CLASS_PCCC) ||
	       class == CLASS_CONTROLLER || class == CLASS_NVS;
}

/* Classes whose attributes say how the device is reached, not what it controls. */
static bool network_class(uint32_t class)
{
	return class == CLASS_IDENTITY || class == CLASS_ROUTER || class == CLASS_CONNECTION ||
	       class == CLASS_TIME_SYNC || class == CLASS_DLR || class == CLASS_QOS ||
	       (class >= CLASS_NETWORK_FIRST && class <= CLASS_NETWORK_LAST);
}

static enum access common_access(uint32_t function, uint32_t class)
{
	switch (function) {
	case CIP_GET_ALL:
	case CIP_GET_LIST:
	case CIP_GET_SINGLE:
	case CIP_FIND_NEXT:
	case CIP_GET_MEMBER: return ACCESS_READ;
	case CIP_SET_ALL:
	case CIP_SET_LIST:
	case CIP_SET_SINGLE:
	case CIP_SET_MEMBER:
		return program_class(class)   ? ACCESS_PROGRAM
		       : network_class(class) ? ACCESS_CONFIGURE
					      : ACCESS_WRITE;
	case CIP_RESET:
	case CIP_START:
	case CIP_STOP:
	case CIP_GROUP_SYNC: return ACCESS_OPERATE;
	case CIP_NO_OPERATION:
	case CIP_MULTIPLE: return ACCESS_SESSION;
	default: return program_class(class) ? ACCESS_PROGRAM : ACCESS_CONFIGURE;
	}
}

#define KEY(service, class) ((uint32_t)(service) << 16 | (class))

enum access cip_access(uint32_t function, uint32_t sub, uint32_t class)
{
	if (function <= CIP_COMMON_LAST)
		return common_access(function, class);
	if (function >= PCCC_FN)
		return pccc_access(function & 0xff, sub);
	switch (function << 16 | sub) {
	case KEY(CIP_READ_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_READ_TAG, CLASS_SYMBOL):
	case KEY(CIP_READ_TAG, CLASS_TEMPLATE):
	case KEY(CIP_READ_FRAGMENT, CLASS_SYMBOLIC):
	case KEY(CIP_READ_FRAGMENT, CLASS_SYMBOL):
	case KEY(CIP_INSTANCE_LIST, CLASS_SYMBOL):
	case KEY(CIP_FILE_UPLOAD, CLASS_FILE):
	case KEY(CIP_FILE_PART_READ, CLASS_FILE):
	case KEY(CIP_FILE_UP_TRANSFER, CLASS_FILE): return ACCESS_READ;
	case KEY(CIP_WRITE_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_WRITE_TAG, CLASS_SYMBOL):
	case KEY(CIP_MODIFY_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_MODIFY_TAG, CLASS_SYMBOL):
	case KEY(CIP_WRITE_FRAGMENT, CLASS_SYMBOLIC):
	case KEY(CIP_WRITE_FRAGMENT, CLASS_SYMBOL): return ACCESS_WRITE;
	case KEY(CIP_FILE_DOWNLOAD, CLASS_FILE):
	case KEY(CIP_FILE_PART_WRITE, CLASS_FILE):
	case KEY(CIP_FILE_DOWN_TRANSFER, CLASS_FILE):
	case KEY(CIP_FILE_CLEAR, CLASS_FILE):
	case KEY(0x4b, CLASS_NVS):
	case KEY(0x4d, CLASS_NVS):
	case KEY(CIP_UNLOCK, CLASS_LOCK): return ACCESS_PROGRAM;
	case KEY(CIP_FORCES_ON, CLASS_FORCES):
	case KEY(CIP_FORCES_OFF, CLASS_FORCES):
	case KEY(CIP_FORCES_ON, CLASS_PROGRAM):
	case KEY(CIP_FORCES_OFF, CLASS_PROGRAM):
	case KEY(CIP_FORWARD_OPEN, CLASS_OPEN_IO):
	case KEY(CIP_LARGE_OPEN, CLASS_OPEN_IO): return ACCESS_OPERATE;
	case KEY(CIP_FORWARD_OPEN, CLASS_OPEN_CONFIG):
	case KEY(CIP_LARGE_OPEN, CLASS_OPEN_CONFIG): return ACCESS_CONFIGURE;
	case KEY(CIP_FORWARD_OPEN, CLASS_CONNECTION):
	case KEY(CIP_LARGE_OPEN, CLASS_CONNECTION):
	case KEY(CIP_FORWARD_CLOSE, CLASS_CONNECTION):
	case KEY(CIP_UNCONNECTED_SEND, CLASS_CONNECTION):
	case KEY(CIP_EXECUTE_PCCC, CLASS_PCCC): return ACCESS_SESSION;
	case KEY(CIP_CONNECTION_DATA, CLASS_CONNECTION):
	case KEY(CIP_SEARCH_CONNECTION, CLASS_CONNECTION): return ACCESS_DIAGNOSE;
	default: return ACCESS_OPAQUE;
	}
}

/* ---- services that any class may have ---- */

/* An operation for each object of the path, the same in all else: the last is returned, NULL when there was no room. */
static struct op *objects(struct enip *e, struct cip_service *s, uint32_t function)
{
	struct op *op = NULL;
	for (unsigned i = 0; i < s->path.npairs; i++) {
		op = cip_op(e, s, cip_access(function, s->class, s->path.class[i]), function);
		if (!op)
			return NULL;
		cip_object(op, &s->path, i);
		if (function > CIP_COMMON_LAST) {
			op->has |= OP_SUB;
			op->sub = (uint16_t)s->class;
		}
		if (s->path.has_attribute)
			cip_arg(op, ARG_ATTRIBUTE, s->path.attribute);
		if (s->path.nmembers)
			cip_arg(op, ARG_MEMBER, s->path.member);
	}
	return op;
}

static void get_list(struct enip *e, struct cip_service *s)
{
	uint32_t n = cursor_le16(&s->c, "attribute-count");
	cursor_check(&s->c, n >= 1 && n * 2 == cursor_left(&s->c), 2, REASON_COUNT, "attribute-count");
	s->size = n;
	for (uint32_t i = 0; i < n && cursor_ok(&s->c); i++) {
		s->path.attribute = cursor_le16(&s->c, "attribute");
		s->path.has_attribute = true;
		objects(e, s, s->code);
	}
}

/* Only of a single attribute is it known where its value ends. */
static void set_list(struct enip *e, struct cip_service *s)
{
	uint32_t n = cursor_le16(&s->c, "attribute-count");
	cursor_check(&s->c, n >= 1, 2, REASON_COUNT, "attribute-count");
	uint32_t attribute = cursor_le16(&s->c, "attribute");
	cursor_check(&s->c, cursor_left(&s->c) >= n, 0, REASON_SHORT, "attribute-data");
	struct view v = cursor_bytes(&s->c, cursor_left(&s->c), "attribute-data");
	if (!cursor_ok(&s->c))
		return;
	s->size = n;
	s->path.attribute = n == 1 ? attribute : SEVERAL;
	s->path.has_attribute = true;
	struct op *op = objects(e, s, s->code);
	if (op && n == 1)
		cip_octets(op, v);
	else if (op)
		op->values.form = VALUES_UNKNOWN;
}

/* Type 0 is as if power were cycled, 1 back to what the factory set, 2 that but for communication; from 100 on the vendor's. */
static void reset(struct enip *e, struct cip_service *s)
{
	uint32_t type = 0;
	if (cursor_left(&s->c) > 0) {
		type = cursor_u8(&s->c, "reset-type");
		cursor_check(&s->c, type <= 2 || type >= 100, 1, REASON_FIELD_VALUE, "reset-type");
	}
	cip_done(s, "reset-type");
	if (!cursor_ok(&s->c))
		return;
	struct op *op = objects(e, s, s->code);
	if (op)
		cip_arg(op, ARG_RESET, type);
}

/* What the path must have, may have, must not have besides its object. */
static void shape(struct cip_service *s, bool attribute, bool member)
{
	if (s->path.has_key)
		fail(s, REASON_FIELD_VALUE, "path.symbol", s->path.start);
	if (s->path.has_attribute != attribute)
		fail(s, REASON_FIELD_VALUE, "path.attribute", s->path.start);
	if (s->path.nmembers && !member)
		fail(s, REASON_FIELD_VALUE, "path.member", s->path.start);
}

static void common(struct enip *e, struct cip_service *s)
{
	struct op *op = NULL;
	bool members = s->code >= CIP_GET_MEMBER && s->code <= CIP_REMOVE_MEMBER;
	bool single = s->code == CIP_GET_SINGLE || s->code == CIP_SET_SINGLE;
	shape(s, single || (members && s->path.has_attribute), members);
	if (!cursor_ok(&s->c))
		return;
	struct view rest = {.data = s->c.data + s->c.at, .len = cursor_left(&s->c)};
	switch (s->code) {
	case CIP_GET_LIST: get_list(e, s); break;
	case CIP_SET_LIST: set_list(e, s); break;
	case CIP_RESET: reset(e, s); break;
	case CIP_GET_ALL:
	case CIP_GET_SINGLE:
	case CIP_DELETE:
		if (s->code != CIP_GET_ALL || !(e->in->options & OPTION_GET_ALL_DATA))
			cip_done(s, "service");
		if (cursor_ok(&s->c))
			objects(e, s, s->code);
		/* Which attribute is answered, and by whom: the answer itself does not say. */
		s->size = s->path.has_attribute ? s->path.attribute : 0;
		s->unit = s->path.npairs == 1 ? s->route : ROUTE_ELSEWHERE;
		break;
	case CIP_SET_ALL:
	case CIP_SET_SINGLE:
	case CIP_SET_MEMBER:
		cursor_check(&s->c, rest.len > 0, 0, REASON_SHORT, "attribute-data");
		if (cursor_ok(&s->c))
			op = objects(e, s, s->code);
		if (op && s->code == CIP_SET_SINGLE)
			cip_octets(op, rest);
		else if (op)
			op->values.form = VALUES_UNKNOWN;
		break;
	case CIP_FIND_NEXT:
		cursor_u8(&s->c, "maximum");
		cip_done(s, "maximum");
		if (cursor_ok(&s->c))
			objects(e, s, s->code);
		break;
	/* What else they carry is the class's own. */
	case CIP_START:
	case CIP_STOP:
	case CIP_CREATE:
	case CIP_APPLY:
	case CIP_RESTORE:
	case CIP_SAVE:
	case CIP_NO_OPERATION:
	case CIP_GET_MEMBER:
	case CIP_INSERT_MEMBER:
	case CIP_REMOVE_MEMBER:
	case CIP_GROUP_SYNC: objects(e, s, s->code); break;
	default: fail(s, REASON_FUNCTION_UNKNOWN, "service", s->at);
	}
}

/* ---- services of one class ---- */

/* 0x56 of the Connection Manager asks for one connection by number, 0x57 by what names it. */
static void connection_data(struct enip *e, struct cip_service *s)
{
	cursor_bytes(&s->c, s->code == CIP_CONNECTION_DATA ? 2 : 8, "connection");
	cip_done(s, "connection");
	shape(s, false, false);
	if (cursor_ok(&s->c))
		objects(e, s, s->code);
}

/* Known by name and object, or by neither: content is not read. */
static void unread(struct enip *e, struct cip_service *s)
{
	if (s->path.npairs == 0 || s->class >= CLASS_OPEN_CONFIG)
		fail(s, REASON_FUNCTION_UNKNOWN, "service", s->at);
	shape(s, false, false);
	if (cursor_ok(&s->c))
		objects(e, s, s->code);
}

static void special(struct enip *e, struct cip_service *s)
{
	switch (KEY(s->code, s->class)) {
	case KEY(CIP_READ_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_READ_TAG, CLASS_SYMBOL):
	case KEY(CIP_WRITE_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_WRITE_TAG, CLASS_SYMBOL):
	case KEY(CIP_MODIFY_TAG, CLASS_SYMBOLIC):
	case KEY(CIP_MODIFY_TAG, CLASS_SYMBOL):
	case KEY(CIP_READ_FRAGMENT, CLASS_SYMBOLIC):
	case KEY(CIP_READ_FRAGMENT, CLASS_SYMBOL):
	case KEY(CIP_WRITE_FRAGMENT, CLASS_SYMBOLIC):
	case KEY(CIP_WRITE_FRAGMENT, CLASS_SYMBOL): cip_tag(e, s); break;
	case KEY(CIP_READ_TAG, CLASS_TEMPLATE): cip_template(e, s); break;
	case KEY(CIP_INSTANCE_LIST, CLASS_SYMBOL): cip_instances(e, s); break;
	case KEY(CIP_EXECUTE_PCCC, CLASS_PCCC): cip_pccc(e, s); break;
	case KEY(CIP_FORWARD_OPEN, CLASS_CONNECTION):
	case KEY(CIP_LARGE_OPEN, CLASS_CONNECTION): cip_open(e, s); break;
	case KEY(CIP_FORWARD_CLOSE, CLASS_CONNECTION): cip_close(e, s); break;
	case KEY(CIP_CONNECTION_DATA, CLASS_CONNECTION):
	case KEY(CIP_SEARCH_CONNECTION, CLASS_CONNECTION): connection_data(e, s); break;
	case KEY(CIP_UNCONNECTED_SEND, CLASS_CONNECTION):
		fail(s, REASON_FIELD_VALUE, "path.segment", s->path.start);
		break;
	default: unread(e, s); break;
	}
}

/* ---- messages inside messages ---- */

static bool object_is(const struct cip_path *p, uint32_t class)
{
	return p->npairs == 1 && p->class[0] == class && p->has_instance[0] && p->instance[0] == 1 &&
	       !p->has_attribute && !p->has_key && !p->nmembers;
}

/* Volume 1, A-4.10: a count, as many offsets from the count on, ascending, the first right behind the table. */
static void open_multiple(struct cip_service *s, struct level *l)
{
	l->base = s->c.at;
	l->count = cursor_le16(&s->c, "service-count");
	l->next = 0;
	l->table = s->c.at;
	cursor_check(&s->c, l->count >= 1, 2, REASON_COUNT, "service-count");
	cursor_check(&s->c, l->count <= PDU_OPS_MAX, 2, REASON_TOO_MANY_OPERATIONS, "service-count");
	cursor_bytes(&s->c, l->count * 2, "service-offset");
	l->c = s->c;
	l->route = s->route;
}

/* Volume 1, 3-5.5.4: time, a message, a filler where its length is odd, the way on. */
static void open_routed(struct enip *e, struct cip_service *s, struct level *l)
{
	struct cip_path way;
	cursor_le16(&s->c, "time-out");
	uint32_t n = cursor_le16(&s->c, "message-size");
	struct cursor message = cursor_sub(&s->c, n, "message-size");
	if (n & 1) {
		uint32_t zero = cursor_u8(&s->c, "message-pad");
		cursor_check(&s->c, zero == 0, 1, REASON_RESERVED, "message-pad");
	}
	uint32_t words = cursor_u8(&s->c, "route-size");
	uint32_t reserved = cursor_u8(&s->c, "route-reserved");
	cursor_check(&s->c, reserved == 0, 1, REASON_RESERVED, "route-reserved");
	cip_path(e, &s->c, words, PATH_ROUTE, &way);
	cip_done(s, "route-size");
	l->c = message;
	l->table = 0;
	l->next = 0;
	l->count = 1;
	l->route = s->route == ROUTE_DIRECT ? way.route : (uint16_t)ROUTE_ELSEWHERE;
}

/* The next message of a level. */
static struct cursor level_next(struct level *l)
{
	uint32_t i = l->next++;
	if (l->table == 0)
		return l->c;
	struct cursor t = cip_part(&l->c, l->table + 2 * i, l->c.end);
	uint32_t from = cursor_le16(&t, "service-offset"), to = l->c.end - l->base;
	if (i + 1 < l->count)
		to = cursor_le16(&t, "service-offset");
	uint32_t least = 2 + 2 * l->count;
	if ((i == 0 ? from != least : from < least) || to <= from || to > l->c.end - l->base) {
		cursor_fail_at(&l->c, REASON_LENGTH, "service-offset", l->table + 2 * i);
		return cip_part(&l->c, l->c.end, l->c.end);
	}
	return cip_part(&l->c, l->base + from, l->base + to);
}

static void service_open(struct enip *e, struct cip_service *s, struct cursor c, uint16_t route)
{
	s->c = c;
	s->at = c.at;
	s->route = route;
	s->size = s->unit = 0;
	s->code = cursor_u8(&s->c, "service");
	uint32_t words = cursor_u8(&s->c, "path-size");
	bool known = s->code >= 1 && s->code <= CIP_SERVICE_LAST;
	cursor_check(&s->c, known, 2, REASON_FUNCTION_UNKNOWN, "service");
	cip_path(e, &s->c, words, PATH_REQUEST, &s->path);
	s->class = s->path.npairs ? s->path.class[s->path.npairs - 1] : CLASS_SYMBOLIC;
}

/* FNV-1a over the codes of the services in a packet of several: what its answer must repeat. */
#define CODES_START 0x811c9dc5u

void cip_request(struct enip *e, struct cursor *m)
{
	struct level levels[CIP_LEVELS_MAX];
	struct cip_service s;
	uint32_t top = 1, codes = CODES_START, count = 0, several = 0;
	bool routed = false;

	levels[0].c = *m;
	levels[0].table = levels[0].next = 0;
	levels[0].count = 1;
	levels[0].route = e->route;
	/* Each turn takes a message of at least two octets, or leaves a level. */
	while (top > 0 && cursor_ok(m)) {
		struct level *l = &levels[top - 1];
		if (l->next == l->count) {
			top--;
			continue;
		}
		service_open(e, &s, level_next(l), l->route);
		if (!cursor_ok(m))
			return;
		s.alone = top == 1;
		if (top == several)
			codes = (codes ^ s.code) * 0x01000193u;
		bool multiple = s.code == CIP_MULTIPLE && object_is(&s.path, CLASS_ROUTER);
		bool way = s.code == CIP_UNCONNECTED_SEND && object_is(&s.path, CLASS_CONNECTION);
		if (multiple || way) {
			if (top == CIP_LEVELS_MAX) {
				fail(&s, REASON_TOO_MANY_OPERATIONS, "service", s.at);
				return;
			}
			if (multiple)
				open_multiple(&s, &levels[top]);
			else
				open_routed(e, &s, &levels[top]);
			top++;
			if (multiple && several == 0) {
				several = top;
				count = levels[top - 1].count;
			}
			routed |= way && top == 2;
		} else if (s.code <= CIP_COMMON_LAST) {
			common(e, &s);
		} else {
			special(e, &s);
		}
	}
	if (!cursor_ok(m) || e->out->nops == 0)
		return;
	const struct op *op = &e->out->ops[e->out->nops - 1];
	enip_ask(e, op, several ? count : s.size);
	struct asked *a = &e->out->ask;
	a->unit = several ? codes : s.unit;
	a->flags = (uint8_t)(s.code | (routed ? CIP_ANSWER : 0));
	if (several) {
		a->function = CIP_MULTIPLE;
		a->has = 0;
		a->space = 0;
		a->flags = (uint8_t)(CIP_MULTIPLE | (routed ? CIP_ANSWER : 0));
	}
}
