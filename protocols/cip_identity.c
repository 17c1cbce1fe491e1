/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device says of itself in its identity object (class 1, instance 1): Volume 1, 5-2.
 *
 *    attribute  1        2        3         4                 5        6         7
 *              +--------+--------+---------+-----------------+--------+---------+--------------+
 *              | vendor | device | product | major and minor | status | serial  | product name |
 *              |        | type   | code    | revision        |        | number  | length, text |
 *              +--------+--------+---------+-----------------+--------+---------+--------------+
 *    octets     2        2        2         1 and 1           2        4         1 and so many
 *
 * Get Attributes All answers with them in a row, Get Attribute Single with one, List Identity with the row behind a socket address. Only
 * the request of the first two says that it is this object, and by which route it lies.
 */
#include "protocols/enip.h"
#include "protocols/ident.h"

enum { VENDOR = 1, TYPE = 2, PRODUCT = 3, REVISION = 4, SERIAL = 6, NAME = 7 };

static uint32_t le(struct view v, uint32_t at, uint32_t octets)
{
	uint32_t n = 0;
	for (uint32_t i = octets; i-- > 0;)
		n = n << 8 | view_u8(v, at + i);
	return n;
}

/* Modules behind the device have their route for a station, as the argument `route` of a request has it. */
static struct pdu_ident ident_from(uint32_t route)
{
	return (struct pdu_ident){.has_unit = route != ROUTE_DIRECT, .unit = route};
}

static uint32_t revision(struct view v, uint32_t at)
{
	return (uint32_t)view_u8(v, at) << 16 | view_u8(v, at + 1);
}

void cip_identity(struct enip *e, struct view fixed, struct view name, uint32_t route)
{
	struct pdu_ident from = ident_from(route);
	if (fixed.len < CIP_IDENTITY_FIXED)
		return;
	ident_number(e->out, from, IDENT_VENDOR, le(fixed, 0, 2));
	ident_number(e->out, from, IDENT_KIND, le(fixed, 2, 2));
	ident_number(e->out, from, IDENT_ORDER, le(fixed, 4, 2));
	ident_number(e->out, from, IDENT_VERSION, revision(fixed, 6));
	ident_number(e->out, from, IDENT_SERIAL, le(fixed, 10, 4));
	ident_text(e->out, from, IDENT_PRODUCT, name);
}

/* The row, behind which a device may have more attributes. */
static void all(struct enip *e, struct view v, uint32_t route)
{
	uint32_t n = view_u8(v, CIP_IDENTITY_FIXED);
	if (v.len <= CIP_IDENTITY_FIXED || n > v.len - CIP_IDENTITY_FIXED - 1)
		return;
	struct view name = {.data = v.data + CIP_IDENTITY_FIXED + 1, .len = n};
	cip_identity(e, v, name, route);
}

/* One, of exactly its size. */
static void single(struct enip *e, struct view v, uint32_t attribute, uint32_t route)
{
	struct pdu_ident from = ident_from(route);
	if (attribute == VENDOR && v.len == 2)
		ident_number(e->out, from, IDENT_VENDOR, le(v, 0, 2));
	else if (attribute == TYPE && v.len == 2)
		ident_number(e->out, from, IDENT_KIND, le(v, 0, 2));
	else if (attribute == PRODUCT && v.len == 2)
		ident_number(e->out, from, IDENT_ORDER, le(v, 0, 2));
	else if (attribute == REVISION && v.len == 2)
		ident_number(e->out, from, IDENT_VERSION, revision(v, 0));
	else if (attribute == SERIAL && v.len == 4)
		ident_number(e->out, from, IDENT_SERIAL, le(v, 0, 4));
	else if (attribute == NAME && v.len > 1 && v.data[0] == v.len - 1)
		ident_text(e->out, from, IDENT_PRODUCT, (struct view){.data = v.data + 1, .len = v.len - 1});
}

void cip_identity_answer(struct enip *e, const struct cip_reply *r)
{
	const struct asked *a = e->asked;
	struct view v = {.data = r->c.data + r->c.at, .len = cursor_left(&r->c)};
	bool object = (a->has & OP_RANGE) && a->space == SPACE_OBJECT && a->first == a->last &&
		      a->first == CLASS_IDENTITY * CIP_MINORS + 1;
	if (!object || a->unit == ROUTE_ELSEWHERE)
		return;
	if (a->function == CIP_GET_ALL && r->code == CIP_GET_ALL)
		all(e, v, a->unit);
	else if (a->function == CIP_GET_SINGLE && r->code == CIP_GET_SINGLE)
		single(e, v, a->size, a->unit);
}
