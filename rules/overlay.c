/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/overlay.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/arena.h"
#include "rules/policy_inner.h"
#include "rules/sets.h"

#define END_TEXT 64

struct permit {
	struct tuple tuple; /* from client to server */
	struct op_text text;
	const struct proto *proto;
	const struct vocab_function *function;
};

static int no(char *why, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int no(char *why, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- unlocked rules ---- */

static struct model_conduit *conduit_find(struct model *m, const char *name, size_t len)
{
	for (size_t i = 0; i < m->nconduits; i++)
		if (strncmp(m->conduits[i].name, name, len) == 0 && !m->conduits[i].name[len])
			return &m->conduits[i];
	return NULL;
}

static int unlock(struct model *m, const struct overlay_item *it, char *why, size_t cap)
{
	const char *slash = strchr(it->name, '/');
	struct model_conduit *c = slash ? conduit_find(m, it->name, (size_t)(slash - it->name)) : NULL;

	for (size_t i = 0; c && i < c->nrules; i++) {
		if (strcmp(c->rules[i].id, slash + 1) != 0)
			continue;
		if (!c->rules[i].unlock_max_us)
			return no(why, cap, "the rule has no `unlock`");
		c->rules[i].lent_until_us = it->until_us;
		return 0;
	}
	return no(why, cap, "the policy has no such rule");
}

/* ---- permits ---- */

static bool address(const char *text, size_t len, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char buf[END_TEXT];

	if (len == 0 || len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET6, buf, ip) == 1)
		return true;
	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, buf, ip + sizeof(mapped)) == 1;
}

/* "A -> B:PORT/tcp OPERATION" */
static int permit_read(const char *line, struct permit *p, char *why, size_t cap)
{
	const char *arrow = strstr(line, " -> "), *to = arrow ? arrow + 4 : "";
	size_t len = strcspn(to, " ");
	const char *end = to + len, *slash = memchr(to, '/', len), *colon = slash;
	char *behind;
	unsigned long port;

	while (colon && colon > to && *colon != ':')
		colon--;
	bool six = *to == '[' && colon && colon > to + 1 && colon[-1] == ']';
	if (!arrow || !slash || !colon || *colon != ':' ||
	    !address(line, (size_t)(arrow - line), p->tuple.src) ||
	    !address(to + six, (size_t)(colon - to) - 2 * six, p->tuple.dst))
		return no(why, cap, "its ends are not two addresses, port and transport");
	port = strtoul(colon + 1, &behind, 10);
	p->tuple.ipproto = strncmp(slash, "/tcp ", 5) == 0 ? 6 : strncmp(slash, "/udp ", 5) == 0 ? 17 : 0;
	if (behind != slash || port == 0 || port > UINT16_MAX || !p->tuple.ipproto)
		return no(why, cap, "its port or transport is none");
	p->tuple.dport = (uint16_t)port;
	p->tuple.sport = 49152;
	if (op_parse(end, &p->text, why, cap) != 0)
		return -1;
	p->proto = p->text.proto;
	p->function = proto_function(p->proto, op_function_key(&p->text.op));
	if (p->text.op.dir == DIR_RESPONSE)
		return no(why, cap, "it is an answer: an answer is allowed when its request was");
	if (p->text.op.dir == DIR_UNSOLICITED) {
		/* It goes from server to client, and is judged like a request between the two. */
		struct tuple t = p->tuple;

		memcpy(p->tuple.src, t.dst, 16);
		memcpy(p->tuple.dst, t.src, 16);
	}
	return 0;
}

/* What nobody may permit. */
static int permit_good(const struct model *m, const struct model_conduit *c, const struct permit *p,
		       char *why, size_t cap)
{
	const struct op *op = &p->text.op;

	if (c->lane != LANE_INSPECTED)
		return no(why, cap, "its conduit is not inspected");
	for (size_t i = 0; i < m->nzones; i++)
		if (m->zones[i].safety && ((int)i == c->to || set_holds(&c->from, (int64_t)i, (int64_t)i)))
			return no(why, cap, "zone %s is a safety zone: nothing is permitted there",
				  m->zones[i].name);
	if (!(c->protocols & 1u << (unsigned)proto_find(p->proto->name, strlen(p->proto->name))))
		return no(why, cap, "%s is not one of the conduit's protocols", p->proto->name);
	if (!p->function || p->function->flags & FN_OPAQUE || op->access == ACCESS_OPAQUE)
		return no(why, cap, "its content cannot be read: what it does is not known");
	if (op->access == ACCESS_PROGRAM)
		return no(why, cap, "%s is programming, which is never permitted", p->function->name);
	if (p->function->flags & FN_STOPS)
		return no(why, cap, "%s starts or stops a device, which is never permitted",
			  p->function->name);
	if (op->access != ACCESS_SESSION && !(c->at_most >> op->access & 1))
		return no(why, cap, "it is %s, beyond `at-most` of conduit %s", access_name(op->access),
			  c->name);
	if (op->values.form == VALUES_UNKNOWN ||
	    (op->values.form == VALUES_NONE && op->access == ACCESS_WRITE && p->function->flags & FN_VALUES))
		return no(why, cap, "what it writes is not known, or not all of it was kept");
	if (op->has & OP_KEY && (op->key.len == 0 || op->key.data[op->key.len - 1] == '*' ||
				 memchr(op->key.data, 0, op->key.len)))
		return no(why, cap, "no rule can say its name");
	return 0;
}

static struct intervals one(struct arena *a, int64_t v)
{
	struct intervals s = {0};

	set_add(a, &s, v, v);
	return s;
}

static struct model_end end_of(struct arena *a, const uint8_t ip[16])
{
	struct model_end e = {0};
	struct model_net net = {.plen = 128};

	memcpy(net.ip, ip, 16);
	nets_add(a, &e.addrs, &net);
	return e;
}

static struct model_ends ends_of(struct arena *a, struct model_end e)
{
	struct model_ends s = {.v = arena_alloc(a, sizeof(e)), .n = 1};

	s.v[0] = e;
	return s;
}

/* Value i, of the operation that is written, at its own address. */
static bool cell_at(struct arena *a, const struct op *op, uint32_t i, uint32_t first, uint32_t last,
		    struct model_cell *c)
{
	bool is_float = op->values.form == VALUES_NUMBERS && op->values.kind == VALUES_FLOAT;
	int64_t v;

	*c = (struct model_cell){.space = op->space, .first = first, .last = last, .write = true};
	if (op->values.form == VALUES_NONE)
		return true;
	if (!op_value(&op->values, i, &v))
		return false;
	c->bounded = true;
	c->type = is_float ? TYPE_FLOAT32 : TYPE_RAW;
	c->values = one(a, v);
	return true;
}

static bool cells_of(struct arena *a, const struct op *op, struct model_rule *r)
{
	bool changes = (IMAGE_CHANGES >> op->access & 1) != 0;
	uint32_t n = op->last - op->first + 1, count = op->values.form == VALUES_ONE ? 1 : op->values.count;

	if (!changes || op->values.form == VALUES_NONE || count != n) {
		/* One value for several addresses bounds none of them. */
		if (changes && op->values.form != VALUES_NONE)
			return false;
		r->cells = arena_alloc(a, sizeof(*r->cells));
		r->ncells = 1;
		r->cells[0] = (struct model_cell){.space = op->space,
						  .first = op->first,
						  .last = op->last,
						  .read = !changes,
						  .write = changes};
		return true;
	}
	r->cells = arena_array(a, n, sizeof(*r->cells));
	r->ncells = n;
	for (uint32_t i = 0; i < n; i++)
		if (!cell_at(a, op, i, op->first + i, op->first + i, &r->cells[i]))
			return false;
	return true;
}

static bool values_of(struct arena *a, const struct op *op, struct model_rule *r)
{
	uint32_t n = op->values.form == VALUES_ONE ? 1 : op->values.count;
	int64_t v;

	if (!(IMAGE_CHANGES >> op->access & 1) || op->values.form == VALUES_NONE)
		return true;
	/* Numbers without an address: whole ones only. */
	if (op->values.form == VALUES_NUMBERS && op->values.kind == VALUES_FLOAT)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!op_value(&op->values, i, &v))
			return false;
		set_add(a, &r->values, v, v);
	}
	set_normalise(&r->values);
	r->values_bounded = true;
	return true;
}

static bool rule_of(struct model *m, const struct model_conduit *c, const struct permit *p,
		    const struct overlay_item *it, struct model_rule *r)
{
	const struct op *op = &p->text.op;
	struct arena *a = m->arena;

	*r = (struct model_rule){.id = arena_print(a, OVERLAY_RULE "%s", it->name),
				 .pos = c->pos,
				 .reason = it->reason ? arena_print(a, "%s", it->reason) : NULL,
				 .ticket = it->ticket ? arena_print(a, "%s", it->ticket) : NULL,
				 .lane = LANE_INSPECTED,
				 .clients = ends_of(a, end_of(a, p->tuple.src)),
				 .servers = ends_of(a, end_of(a, p->tuple.dst)),
				 .proto = proto_find(p->proto->name, strlen(p->proto->name)),
				 .transports = p->tuple.ipproto == 6 ? TRANSPORT_TCP : TRANSPORT_UDP,
				 .ports = one(a, p->tuple.dport),
				 .units = {.any = true},
				 .origins = {.any = true},
				 .functions = one(a, op_function_key(op)),
				 .access = 1u << op->access,
				 .until_us = INT64_MAX,
				 .lent_until_us = it->until_us};
	if (op->has & OP_UNIT)
		r->units = one(a, op->unit);
	if (op->has & OP_ORIGIN)
		r->origins = one(a, op->origin);
	for (unsigned i = 0; i < op->nargs && i < OP_ARGS_MAX; i++) {
		r->args = arena_more(a, r->args, r->nargs, sizeof(*r->args));
		r->args[r->nargs++] = (struct model_arg){op->args[i].name, one(a, op->args[i].value)};
	}
	if (op->has & OP_KEY) {
		r->names = arena_alloc(a, sizeof(*r->names));
		r->names[r->nnames++] = arena_text(a, (const char *)op->key.data, op->key.len);
	}
	if ((op->has & (OP_RANGE | OP_SPACE)) == OP_SPACE) {
		/* No range: the whole of the space is meant. */
		const struct vocab_space *s = proto_space(p->proto, op->space);
		struct op whole = *op;

		whole.first = s ? s->min : 0;
		whole.last = s ? s->max : UINT32_MAX;
		return cells_of(a, &whole, r);
	}
	return op->has & OP_RANGE ? cells_of(a, op, r) : values_of(a, op, r);
}

static int permit(struct model *m, const struct policy *base, const struct overlay_item *it, char *why,
		  size_t cap)
{
	static struct permit p;
	struct policy_conduit pc;
	struct model_rule rule;
	struct route route;

	if (permit_read(it->operation, &p, why, cap) != 0)
		return -1;
	policy_route(base, &p.tuple, false, &route);
	if (route.conduit == POLICY_NO_INDEX || !policy_conduit_get(base, route.conduit, &pc))
		return no(why, cap, "no conduit joins its ends");
	struct model_conduit *c = conduit_find(m, pc.name, strlen(pc.name));
	if (!c || permit_good(m, c, &p, why, cap) != 0)
		return c ? -1 : no(why, cap, "no conduit joins its ends");
	if (!rule_of(m, c, &p, it, &rule))
		return no(why, cap, "its values cannot be said in a rule");
	for (size_t i = 0; i < c->nrules; i++)
		if (strcmp(c->rules[i].id, rule.id) == 0)
			return no(why, cap, "rule %s/%s is in the policy already", c->name, rule.id);
	struct model_rule *more = arena_array(m->arena, c->nrules + 1, sizeof(*more));
	if (c->nrules)
		memcpy(more, c->rules, c->nrules * sizeof(*more));
	more[c->nrules] = rule;
	c->rules = more;
	c->nrules++;
	return 0;
}

int overlay_apply(struct model *m, const struct policy *base, const struct overlay_item *it, char *why,
		  size_t cap)
{
	return it->permit ? permit(m, base, it, why, cap) : unlock(m, it, why, cap);
}
