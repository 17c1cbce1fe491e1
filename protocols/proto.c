/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/proto.h"

#define PROTOCOL(sym) extern const struct proto proto_##sym;
#include "protocols/protocols.def"
#undef PROTOCOL

static const struct proto *const registry[PROTO_COUNT] = {
#define PROTOCOL(sym) &proto_##sym,
#include "protocols/protocols.def"
#undef PROTOCOL
};

static bool name_is(const char *have, const char *name, size_t len)
{
	return strlen(have) == len && memcmp(have, name, len) == 0;
}

const char *ident_name(unsigned kind)
{
	static const char *const names[IDENT_COUNT] = {
		[IDENT_VENDOR] = "vendor",   [IDENT_PRODUCT] = "product", [IDENT_ORDER] = "order",
		[IDENT_VERSION] = "version", [IDENT_SERIAL] = "serial",   [IDENT_NAME] = "name",
		[IDENT_PLACE] = "place",     [IDENT_KIND] = "kind",
	};
	return kind < IDENT_COUNT ? names[kind] : NULL;
}

const struct proto *proto_get(unsigned id)
{
	return id < PROTO_COUNT ? registry[id] : NULL;
}

int proto_find(const char *name, size_t len)
{
	for (int i = 0; i < PROTO_COUNT; i++)
		if (name_is(registry[i]->name, name, len))
			return i;
	return -1;
}

int proto_by_port(enum transport t, uint16_t port)
{
	if (port == 0)
		return -1;
	for (int i = 0; i < PROTO_COUNT; i++) {
		if (!(registry[i]->transports & t))
			continue;
		for (unsigned k = 0; k < PROTO_PORTS_MAX && registry[i]->ports[k]; k++)
			if (registry[i]->ports[k] == port)
				return i;
	}
	return -1;
}

const struct vocab_option *proto_option_for(const struct proto *p, enum reason reason, const char *field)
{
	for (const struct vocab_option *o = p->options; o && o->key && reason != REASON_NONE; o++)
		if (o->forgives == reason && (!o->field || (field && strcmp(o->field, field) == 0)))
			return o;
	return NULL;
}

const struct vocab_function *proto_function(const struct proto *p, uint32_t key)
{
	const struct vocab_function *best = NULL;
	for (const struct vocab_function *f = p->functions; f->name; f++) {
		if ((f->flags & FN_GROUP) || key < f->lo || key > f->hi)
			continue;
		if (!best || f->hi - f->lo < best->hi - best->lo)
			best = f;
	}
	return best;
}

const struct vocab_function *proto_function_find(const struct proto *p, const char *name, size_t len)
{
	for (const struct vocab_function *f = p->functions; f->name; f++)
		if (name_is(f->name, name, len))
			return f;
	return NULL;
}

const struct vocab_space *proto_space(const struct proto *p, uint32_t code)
{
	for (const struct vocab_space *s = p->spaces; s->name; s++)
		if (s->code == code)
			return s;
	return NULL;
}

const struct vocab_space *proto_space_find(const struct proto *p, const char *name, size_t len)
{
	for (const struct vocab_space *s = p->spaces; s->name; s++)
		if (name_is(s->name, name, len))
			return s;
	return NULL;
}

int32_t asked_find(const struct asked *asked, uint32_t n, uint32_t id)
{
	for (uint32_t i = 0; i < n; i++)
		if (asked[i].id == id && asked[i].expires_us != 0)
			return (int32_t)i;
	return -1;
}

size_t proto_range_print(const struct vocab_space *s, uint32_t first, uint32_t last, char *buf, size_t cap)
{
	uint32_t n = s ? s->minors : 0;
	int len;

	if (n && first % n == 0 && last % n == n - 1 && n > 1)
		len = first / n == last / n
			      ? snprintf(buf, cap, "%" PRIu32, first / n)
			      : snprintf(buf, cap, "%" PRIu32 "..%" PRIu32, first / n, last / n);
	else if (n)
		len = first == last ? snprintf(buf, cap, "%" PRIu32 "/%" PRIu32, first / n, first % n)
				    : snprintf(buf, cap, "%" PRIu32 "/%" PRIu32 "..%" PRIu32 "/%" PRIu32,
					       first / n, first % n, last / n, last % n);
	else
		len = first == last ? snprintf(buf, cap, "%" PRIu32, first)
				    : snprintf(buf, cap, "%" PRIu32 "..%" PRIu32, first, last);
	return len > 0 ? (size_t)len : 0;
}
