/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing records, and numbers for what is equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"

static void *grow(void *p, size_t n, size_t size)
{
	void *out = reallocarray(p, n, size);

	if (out == NULL) {
		fputs("otfw: out of memory while compiling a policy\n", stderr);
		abort();
	}
	return out;
}

void *records_add(struct records *r, size_t n)
{
	if (r->cap - r->n < n || r->v == NULL) {
		size_t cap = r->cap < 16 ? 16 : r->cap * 2;
		while (cap - r->n < n)
			cap *= 2;
		r->v = grow(r->v, cap, r->size);
		r->cap = cap;
	}
	void *at = (char *)r->v + r->n * r->size;
	memset(at, 0, n * r->size);
	r->n += n;
	return at;
}

void records_free(struct records *r)
{
	free(r->v);
	*r = (struct records){.size = r->size};
}

struct intern_entry {
	uint64_t hash;
	size_t at, len;
	uint32_t value;
};

static uint64_t hash_of(const uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static void rehash(struct intern *t)
{
	const struct intern_entry *e = t->entries.v;

	t->slots = t->slots == 0 ? 64 : t->slots * 2;
	t->table = grow(t->table, t->slots, sizeof(*t->table));
	memset(t->table, 0xff, t->slots * sizeof(*t->table));
	for (uint32_t i = 0; i < t->entries.n; i++) {
		size_t s = e[i].hash & (t->slots - 1);
		while (t->table[s] != UINT32_MAX)
			s = (s + 1) & (t->slots - 1);
		t->table[s] = i;
	}
}

uint32_t *intern_at(struct intern *t, const void *key, size_t len, bool *fresh)
{
	if (t->entries.size == 0) {
		t->entries.size = sizeof(struct intern_entry);
		t->bytes.size = 1;
	}
	if (t->slots < 2 * (t->entries.n + 1))
		rehash(t);
	uint64_t hash = hash_of(key, len);
	size_t s = hash & (t->slots - 1);
	for (; t->table[s] != UINT32_MAX; s = (s + 1) & (t->slots - 1)) {
		struct intern_entry *e = (struct intern_entry *)t->entries.v + t->table[s];
		if (e->hash == hash && e->len == len &&
		    (len == 0 || memcmp((char *)t->bytes.v + e->at, key, len) == 0)) {
			*fresh = false;
			return &e->value;
		}
	}
	size_t at = t->bytes.n;
	if (len > 0)
		memcpy(records_add(&t->bytes, len), key, len);
	t->table[s] = (uint32_t)t->entries.n;
	struct intern_entry *e = records_add(&t->entries, 1);
	*e = (struct intern_entry){.hash = hash, .at = at, .len = len};
	*fresh = true;
	return &e->value;
}

void intern_free(struct intern *t)
{
	records_free(&t->bytes);
	records_free(&t->entries);
	free(t->table);
	*t = (struct intern){0};
}

void *build_add(struct build *b, enum image_part_id part, size_t n)
{
	return records_add(&b->parts[part], n);
}

uint32_t build_n(const struct build *b, enum image_part_id part)
{
	return (uint32_t)b->parts[part].n;
}

uint32_t build_string(struct build *b, const char *s)
{
	bool fresh;

	if (b->parts[IMAGE_STRINGS].n == 0)
		build_add(b, IMAGE_STRINGS, 1);
	if (s == NULL || *s == '\0')
		return 0;
	size_t len = strlen(s) + 1;
	uint32_t *at = intern_at(&b->strings, s, len, &fresh);
	if (fresh) {
		*at = build_n(b, IMAGE_STRINGS);
		memcpy(build_add(b, IMAGE_STRINGS, len), s, len);
	}
	return *at;
}

struct image_span build_set(struct build *b, const struct image_interval *v, size_t n)
{
	bool fresh;

	if (n == 0)
		return (struct image_span){0, 0};
	uint32_t *at = intern_at(&b->sets, v, n * sizeof(*v), &fresh);
	if (fresh) {
		*at = build_n(b, IMAGE_INTERVALS);
		memcpy(build_add(b, IMAGE_INTERVALS, n), v, n * sizeof(*v));
	}
	return (struct image_span){*at, (uint32_t)n};
}

_Static_assert(sizeof(struct interval) == sizeof(struct image_interval),
	       "the model's intervals are the image's");

struct image_span build_intervals(struct build *b, const struct intervals *v)
{
	return build_set(b, (const struct image_interval *)(const void *)v->v, v->any ? 0 : v->n);
}

struct image_span build_nets(struct build *b, const struct model_net *v, size_t n)
{
	uint32_t at = build_n(b, IMAGE_NETS);

	for (size_t i = 0; i < n; i++) {
		struct image_net *net = build_add(b, IMAGE_NETS, 1);
		memcpy(net->ip, v[i].ip, sizeof(net->ip));
		net->plen = v[i].plen;
	}
	return (struct image_span){n > 0 ? at : 0, (uint32_t)n};
}

static void range_of(const struct model_net *net, struct policy_ip out[2])
{
	struct policy_ip a = policy_ip(net->ip);
	uint64_t hi = net->plen >= 64 ? UINT64_MAX : net->plen == 0 ? 0 : ~(UINT64_MAX >> net->plen);
	uint64_t lo = net->plen >= 128 ? UINT64_MAX : net->plen <= 64 ? 0 : ~(UINT64_MAX >> (net->plen - 64));

	out[0] = (struct policy_ip){a.hi & hi, a.lo & lo};
	out[1] = (struct policy_ip){a.hi | ~hi, a.lo | ~lo};
}

static int range_cmp(const void *x, const void *y)
{
	const struct policy_ip *a = x, *b = y;
	int c = policy_ip_cmp(a[0], b[0]);

	return c != 0 ? c : policy_ip_cmp(a[1], b[1]);
}

uint32_t build_list(struct build *b, const struct model_net *v, size_t n)
{
	struct policy_ip(*r)[2] = grow(NULL, n + 1, sizeof(*r));
	size_t k = 0;
	bool fresh;

	for (size_t i = 0; i < n; i++)
		range_of(&v[i], r[i]);
	qsort(r, n, sizeof(*r), range_cmp);
	for (size_t i = 0; i < n; i++) { /* nested or equal ones: nets never overlap in part */
		if (k > 0 && policy_ip_cmp(r[i][0], r[k - 1][1]) <= 0)
			continue;
		memmove(r[k++], r[i], sizeof(*r));
	}
	uint32_t *number = intern_at(&b->lists, r, k * sizeof(*r), &fresh);
	if (fresh) {
		*number = (uint32_t)b->list_spans.n;
		struct image_span *s = records_add(&b->list_spans, 1);
		*s = (struct image_span){(uint32_t)b->list_ranges.n, (uint32_t)k};
		memcpy(records_add(&b->list_ranges, k), r, k * sizeof(*r));
	}
	free(r);
	return *number;
}
