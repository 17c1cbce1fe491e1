/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/differ.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_ROOM 1024u /* what of an answer is kept free for its end */

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The same operation between the same ends, with the same outcome: values do not tell two apart, nor does the client's port. */
static uint64_t ident_of(const struct event *e)
{
	const struct event_op *o = &e->op;
	const struct {
		uint16_t type, reason, now, port;
		int32_t proto;
		uint32_t transport;
	} about = {e->type,  e->reason,   e->now_reason, e->from_server ? e->tuple.sport : e->tuple.dport,
		   e->proto, e->transport};
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), &about, sizeof(about));

	h = mix(h, e->from_server ? e->tuple.dst : e->tuple.src, 16);
	h = mix(h, e->from_server ? e->tuple.src : e->tuple.dst, 16);
	if (e->has & EVENT_HAS_OP) {
		const uint32_t what[] = {o->dir,
					 o->function,
					 o->sub,
					 o->has & OP_UNIT ? o->unit : UINT32_MAX,
					 o->has & OP_ORIGIN ? o->origin : UINT32_MAX,
					 o->has & OP_SPACE ? o->space : UINT32_MAX,
					 o->has & OP_RANGE ? o->first : UINT32_MAX,
					 o->has & OP_RANGE ? o->last : UINT32_MAX};
		h = mix(h, what, sizeof(what));
		if (o->has & OP_KEY)
			h = mix(h, o->key, o->key_len < EVENT_KEY ? o->key_len : EVENT_KEY);
	}
	if (e->has & EVENT_HAS_FAULT)
		h = mix(h, e->fault_field, strnlen(e->fault_field, EVENT_FIELD));
	h ^= h >> 31;
	return h ? h : 1;
}

void differ_begin(struct differ *d, bool candidate, int64_t now_us)
{
	for (unsigned i = 0; i < d->used; i++)
		free(d->list[i].line);
	memset(d, 0, sizeof(*d));
	d->since_us = candidate ? now_us : 0;
}

/* The place in the table of this entry, or of the one that it would get. */
static uint16_t *place_of(struct differ *d, uint64_t ident)
{
	unsigned i = (unsigned)(ident % DIFFER_TABLE);

	/* Half of the table is free: this ends. */
	while (d->table[i] && d->list[d->table[i] - 1].ident != ident)
		i = (i + 1) % DIFFER_TABLE;
	return &d->table[i];
}

static void file_all(struct differ *d)
{
	memset(d->table, 0, sizeof(d->table));
	for (unsigned i = 0; i < d->used; i++)
		*place_of(d, d->list[i].ident) = (uint16_t)(i + 1);
}

static struct differ_entry *entry_for(struct differ *d, uint64_t ident)
{
	uint16_t *at = place_of(d, ident);
	struct differ_entry *e;

	if (*at)
		return &d->list[*at - 1];
	if (d->used < DIFFER_KEPT) {
		e = &d->list[d->used++];
		*e = (struct differ_entry){.ident = ident};
		*at = (uint16_t)d->used;
		return e;
	}
	e = &d->list[0];
	for (unsigned i = 1; i < DIFFER_KEPT; i++)
		if (d->list[i].last_us < e->last_us)
			e = &d->list[i];
	free(e->line);
	*e = (struct differ_entry){.ident = ident};
	d->given_up++;
	file_all(d);
	return e;
}

void differ_note(struct differ *d, const struct event *e, const char *line, size_t len)
{
	uint64_t n = e->count ? e->count : 1;

	d->events += n;
	if (!(e->has & EVENT_HAS_TUPLE)) {
		d->spared += n; /* of many flows, thinned out: no operation of its own to be filed under */
		return;
	}
	struct differ_entry *x = entry_for(d, ident_of(e));
	if (x->count == 0 || e->ts_us < x->first_us)
		x->first_us = e->ts_us;
	if (e->ts_us > x->last_us)
		x->last_us = e->ts_us;
	x->count += n;
	for (uint32_t i = 0; e->has & EVENT_HAS_OP && i < e->op.nvalues && i < EVENT_VALUES; i++) {
		int64_t v = e->op.values[i];
		x->min = !x->values || v < x->min ? v : x->min;
		x->max = !x->values || v > x->max ? v : x->max;
		x->values = true;
	}
	if (len > DIFFER_LINE)
		return;
	char *copy = malloc(len);
	if (!copy)
		return;
	memcpy(copy, line, len);
	free(x->line);
	x->line = copy;
	x->len = len;
}

static int newer(const void *a, const void *b)
{
	const struct differ_entry *x = *(const struct differ_entry *const *)a,
				  *y = *(const struct differ_entry *const *)b;

	if (x->last_us != y->last_us)
		return x->last_us > y->last_us ? -1 : 1;
	return x->ident < y->ident ? -1 : x->ident > y->ident;
}

void differ_print(const struct differ *d, struct jsonl *j)
{
	const struct differ_entry *v[DIFFER_KEPT];
	unsigned i;

	for (i = 0; i < d->used; i++)
		v[i] = &d->list[i];
	if (d->used)
		qsort(v, d->used, sizeof(v[0]), newer);
	if (d->since_us)
		jsonl_time(j, "since", d->since_us);
	else
		jsonl_null(j, "since");
	jsonl_uint(j, "events", d->events);
	jsonl_uint(j, "spared", d->spared);
	jsonl_uint(j, "given-up", d->given_up);
	jsonl_array(j, "differences");
	for (i = 0; i < d->used && j->len + v[i]->len + ANSWER_ROOM < j->cap; i++) {
		jsonl_object(j, NULL);
		jsonl_time(j, "first", v[i]->first_us);
		jsonl_time(j, "last", v[i]->last_us);
		jsonl_uint(j, "count", v[i]->count);
		if (v[i]->values) {
			jsonl_int(j, "min", v[i]->min);
			jsonl_int(j, "max", v[i]->max);
		}
		if (v[i]->line)
			jsonl_raw(j, "event", v[i]->line, v[i]->len);
		else
			jsonl_null(j, "event");
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_uint(j, "left-out", d->used - i);
}
