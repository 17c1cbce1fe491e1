/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule of the model as a record of the image. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

static int number_cmp(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/* `any` function: every one the vocabulary names but those whose content is not read. */
static struct image_span any_function(struct build *b, const struct proto *proto)
{
	struct records edges = {.size = sizeof(uint32_t)}, out = {.size = sizeof(struct image_interval)};

	for (const struct vocab_function *f = proto->functions; f->name != NULL; f++) {
		*(uint32_t *)records_add(&edges, 1) = f->lo;
		if (f->hi < UINT32_MAX)
			*(uint32_t *)records_add(&edges, 1) = f->hi + 1;
	}
	uint32_t *e = edges.v;
	qsort(e, edges.n, sizeof(*e), number_cmp);
	for (size_t i = 0; i < edges.n; i++) {
		if (i > 0 && e[i] == e[i - 1])
			continue;
		size_t k = i + 1;
		while (k < edges.n && e[k] == e[i])
			k++;
		/* Between two edges every number has the same narrowest entry. */
		const struct vocab_function *f = proto_function(proto, e[i]);
		if (f == NULL || (f->flags & FN_OPAQUE) != 0)
			continue;
		int64_t hi = k < edges.n ? (int64_t)e[k] - 1 : UINT32_MAX;
		struct image_interval *v = out.v;
		if (out.n > 0 && v[out.n - 1].hi + 1 == e[i])
			v[out.n - 1].hi = hi;
		else
			*(struct image_interval *)records_add(&out, 1) = (struct image_interval){e[i], hi};
	}
	struct image_span s = build_set(b, out.v, out.n);
	records_free(&edges);
	records_free(&out);
	return s;
}

/* A float bound of minus zero means zero: the matcher sees no other. */
static struct image_span cell_values(struct build *b, const struct model_cell *c)
{
	if (c->type != TYPE_FLOAT32)
		return build_intervals(b, &c->values);
	struct records out = {.size = sizeof(struct image_interval)};
	int64_t minus = op_order_double(-0.0), zero = op_order_double(0.0);
	for (size_t i = 0; i < c->values.n; i++) {
		struct image_interval *v = records_add(&out, 1);
		*v = (struct image_interval){c->values.v[i].lo, c->values.v[i].hi};
		if (v->lo == minus)
			v->lo = zero;
		if (v->hi == minus)
			v->hi = zero;
	}
	struct image_span s = build_set(b, out.v, out.n);
	records_free(&out);
	return s;
}

static struct image_span rule_cells(struct build *b, const struct model_rule *r, const struct proto *proto,
				    bool write)
{
	uint32_t at = build_n(b, IMAGE_CELLS), n = 0;

	for (size_t i = 0; i < r->ncells; i++) {
		const struct model_cell *c = &r->cells[i];
		if (write ? !c->write : !c->read)
			continue;
		struct image_cell *have = b->parts[IMAGE_CELLS].v;
		if (n > 0 && have[at + n - 1].space == c->space && have[at + n - 1].last >= c->first) {
			diag_error(b->diag, r->pos, "rule \"%s\" lists an address twice for %s", r->id,
				   write ? "writing" : "reading");
			break;
		}
		/* Readable ranges that touch are one: reading asks for nothing but the range. */
		if (!write && n > 0 && have[at + n - 1].space == c->space &&
		    (uint64_t)have[at + n - 1].last + 1 == c->first) {
			have[at + n - 1].last = c->last;
			continue;
		}
		struct image_span values = {0, 0};
		if (write && c->bounded && !c->values.any)
			values = cell_values(b, c);
		struct image_cell *out = build_add(b, IMAGE_CELLS, 1);
		*out = (struct image_cell){.space = c->space, .first = c->first, .last = c->last, .step = 1};
		n++;
		if (!write)
			continue;
		const struct vocab_space *s = proto_space(proto, c->space);
		unsigned bits = policy_type_bits((uint32_t)c->type);
		out->type = (uint32_t)c->type;
		out->step = s != NULL && s->bits >= 8 && bits > s->bits ? bits / s->bits : 1;
		out->flags = (c->word_swap ? IMAGE_CELL_SWAP : 0u) |
			     (s != NULL && s->bits == 0 ? IMAGE_CELL_NUMBERS : 0u) |
			     (c->bounded && !c->values.any ? IMAGE_CELL_BOUNDED : 0u);
		out->values = values;
		uint32_t point = build_string(b, c->point);
		((struct image_cell *)b->parts[IMAGE_CELLS].v)[at + n - 1].point = point;
	}
	return (struct image_span){n > 0 ? at : 0, n};
}

static uint64_t key_of(const char *conduit, const char *id)
{
	uint8_t out[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state st;
	uint64_t key;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, (const uint8_t *)conduit, strlen(conduit) + 1);
	crypto_hash_sha256_update(&st, (const uint8_t *)id, strlen(id));
	crypto_hash_sha256_final(&st, out);
	memcpy(&key, out, sizeof(key));
	return key;
}

static void rule_rate(struct image_rule *out, const struct model_rule *r)
{
	if (r->rate.max == 0)
		return;
	uint64_t step = r->rate.window_us * RATE_TICKS / r->rate.max;
	uint64_t more = r->rate.burst > 1 ? r->rate.burst - 1 : 0;
	out->flags |= IMAGE_RULE_RATE;
	if (r->rate.per == RATE_PER_CLIENT)
		out->flags |= IMAGE_RULE_PER_CLIENT;
	out->rate_step = step > 0 ? step : 1;
	out->rate_room = more > (UINT64_MAX >> 8) / out->rate_step ? UINT64_MAX >> 8 : more * out->rate_step;
	out->rate_max = r->rate.max;
	out->rate_window_us = (uint32_t)r->rate.window_us;
}

static void rule_unlock(struct image_rule *out, const struct model_rule *r)
{
	if (r->unlock_max_us != 0) {
		out->flags |= IMAGE_RULE_UNLOCK;
		out->unlock_max_us = r->unlock_max_us;
		out->unlock_approvals = r->unlock_approvals;
	}
	if (r->lent_until_us != 0) {
		out->flags |= IMAGE_RULE_LENT;
		out->lent_until_us = r->lent_until_us;
	}
}

void compile_rule(struct build *b, uint32_t conduit, const struct model_conduit *c,
		  const struct model_rule *r)
{
	struct image_rule out = {.conduit = conduit, .lane = r->lane, .proto = -1, .until_us = INT64_MAX};

	out.id = build_string(b, r->id);
	out.reason = build_string(b, r->reason);
	out.owner = build_string(b, r->owner);
	out.ticket = build_string(b, r->ticket);
	const struct proto *proto = proto_get((unsigned)r->proto);
	if (r->lane == LANE_INSPECTED && proto != NULL) {
		out.proto = r->proto;
		out.access = r->access & (c->at_most | 1u << ACCESS_SESSION);
		out.options = r->options;
		if (r->functions.any) {
			out.functions = any_function(b, proto);
		} else {
			out.functions = build_intervals(b, &r->functions);
			out.flags |= IMAGE_RULE_NAMED;
		}
		out.units = build_intervals(b, &r->units);
		if (!r->units.any)
			out.flags |= IMAGE_RULE_UNITS;
		/* Origins that were never spoken of bind nothing; a list does. */
		if (!r->origins.any && r->origins.n > 0) {
			out.flags |= IMAGE_RULE_ORIGINS;
			out.origins = build_intervals(b, &r->origins);
		}
		out.cells[0] = rule_cells(b, r, proto, false);
		out.cells[1] = rule_cells(b, r, proto, true);
		for (size_t i = 0; i < r->nargs; i++) {
			if (r->args[i].values.any)
				continue;
			struct image_span values = build_intervals(b, &r->args[i].values);
			if (out.args.n == 0)
				out.args.at = build_n(b, IMAGE_ARGS);
			struct image_arg *arg = build_add(b, IMAGE_ARGS, 1);
			*arg = (struct image_arg){.name = r->args[i].name, .values = values};
			out.args.n++;
			out.flags |= IMAGE_RULE_ARGS;
		}
		if (r->names_any)
			out.flags |= IMAGE_RULE_ANY_NAME;
		out.names = (struct image_span){r->nnames > 0 ? build_n(b, IMAGE_WORDS) : 0, 0};
		for (size_t i = 0; i < r->nnames; i++) {
			uint32_t name = build_string(b, r->names[i]);
			*(uint32_t *)build_add(b, IMAGE_WORDS, 1) = name;
			out.names.n++;
		}
		if (r->values_bounded && !r->values.any) {
			out.flags |= IMAGE_RULE_BOUNDED;
			out.values = build_intervals(b, &r->values);
		}
		if (r->when.days != 0) {
			out.flags |= IMAGE_RULE_WHEN;
			out.days = r->when.days;
			out.from_min = r->when.from_min;
			out.to_min = r->when.to_min;
		}
		if (r->until_us != INT64_MAX) {
			out.flags |= IMAGE_RULE_UNTIL;
			out.until_us = r->until_us;
		}
		rule_rate(&out, r);
		rule_unlock(&out, r);
		if ((out.flags & (IMAGE_RULE_RATE | IMAGE_RULE_UNLOCK)) != 0)
			out.rate_key = key_of(c->name, r->id);
	}
	*(struct image_rule *)build_add(b, IMAGE_RULES, 1) = out;
}
