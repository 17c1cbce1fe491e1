/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event ring: a sequence number per slot, so that the reader sees a slot whole or not at all. */
#include "fwd/common/event.h"

#include <stddef.h>
#include <string.h>

#define BODY      offsetof(struct event, ts_us) /* everything behind seq */
#define BODY_SIZE (sizeof(struct event) - BODY)

_Static_assert((RING_EVENTS & (RING_EVENTS - 1)) == 0, "positions wrap by a mask");

/*
 * A producer that dies between the two stores of seq leaves a slot with 0 at head, which its successor writes again: head
 * moves last, so a reader never waits for it.
 */
void ring_put(struct ring *r, const struct event *e)
{
	uint64_t at = atomic_load_explicit(&r->head, memory_order_relaxed);
	struct event *slot = &r->slots[at & (RING_EVENTS - 1)];

	atomic_store_explicit(&slot->seq, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy((char *)slot + BODY, (const char *)e + BODY, BODY_SIZE);
	atomic_store_explicit(&slot->seq, at + 1, memory_order_release);
	atomic_store_explicit(&r->head, at + 1, memory_order_release);
}

/* A bool must hold 0 or 1 before C may look at it, whatever the other process wrote there. */
static void make_bool(bool *b)
{
	unsigned char octet;
	memcpy(&octet, b, 1);
	*b = octet != 0;
}

int ring_get(struct ring *r, uint64_t *tail, struct event *out, uint64_t *lost)
{
	/* A producer that keeps overtaking ends the call after one round; the next call goes on from there. */
	for (unsigned round = 0; round < RING_EVENTS; round++) {
		uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
		if (*tail >= head)
			return 0;
		if (head - *tail > RING_EVENTS) {
			*lost += head - RING_EVENTS - *tail;
			*tail = head - RING_EVENTS;
		}
		uint64_t want = *tail + 1;
		struct event *slot = &r->slots[*tail & (RING_EVENTS - 1)];
		if (atomic_load_explicit(&slot->seq, memory_order_acquire) == want) {
			memcpy((char *)out + BODY, (const char *)slot + BODY, BODY_SIZE);
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(&slot->seq, memory_order_relaxed) == want) {
				atomic_store_explicit(&out->seq, want, memory_order_relaxed);
				make_bool(&out->from_server);
				make_bool(&out->candidate);
				make_bool(&out->match.is_float);
				*tail = want;
				return 1;
			}
		}
		/* The producer has come round and is writing here: this event is gone. */
		*lost += 1;
		*tail = want;
	}
	return 0;
}

void event_op_from(struct event_op *out, const struct op *op)
{
	memset(out, 0, sizeof(*out));
	out->dir = op->dir;
	out->access = op->access;
	out->has = op->has;
	out->values_form = op->values.form;
	out->values_kind = op->values.kind;
	out->nargs = op->nargs < OP_ARGS_MAX ? op->nargs : OP_ARGS_MAX;
	out->function = op->function;
	out->sub = op->sub;
	out->unit = op->unit;
	out->origin = op->origin;
	out->space = op->space;
	out->first = op->first;
	out->last = op->last;
	memcpy(out->args, op->args, out->nargs * sizeof(out->args[0]));

	if (op->values.form == VALUES_ONE)
		out->nvalues = 1;
	else if (op->values.form == VALUES_BITS || op->values.form == VALUES_NUMBERS)
		out->nvalues = op->values.count;
	for (uint32_t i = 0; i < out->nvalues && i < EVENT_VALUES; i++) {
		int64_t v = 0;
		(void)op_value(&op->values, i, &v);
		if (op->values.form == VALUES_NUMBERS && op->values.kind == VALUES_FLOAT) {
			/* Kept as the bits of a double, so that the copy is again a float to op_value(). */
			double d = op_double_of(v);
			memcpy(&v, &d, sizeof(v));
		}
		out->values[i] = v;
	}
	if (op->has & OP_KEY) {
		out->key_len = op->key.len < EVENT_KEY ? op->key.len : EVENT_KEY;
		memcpy(out->key, op->key.data, out->key_len);
	}
}

void event_op_to(const struct event_op *e, struct op *out)
{
	memset(out, 0, sizeof(*out));
	out->dir = e->dir;
	out->access = e->access;
	out->has = e->has;
	out->nargs = e->nargs < OP_ARGS_MAX ? e->nargs : OP_ARGS_MAX;
	out->function = e->function;
	out->sub = e->sub;
	out->unit = e->unit;
	out->origin = e->origin;
	out->space = e->space;
	out->first = e->first;
	out->last = e->last;
	memcpy(out->args, e->args, out->nargs * sizeof(out->args[0]));
	out->key = (struct view){.data = e->key, .len = e->key_len < EVENT_KEY ? e->key_len : EVENT_KEY};

	switch (e->values_form) {
	case VALUES_UNKNOWN: out->values.form = VALUES_UNKNOWN; break;
	case VALUES_ONE:
		out->values.form = VALUES_ONE;
		out->values.count = 1;
		out->values.one = e->values[0];
		break;
	case VALUES_BITS:
	case VALUES_NUMBERS:
		out->values.form = VALUES_NUMBERS;
		out->values.kind = e->values_form == VALUES_BITS || e->values_kind > VALUES_FLOAT
					   ? VALUES_UNSIGNED
					   : e->values_kind;
		out->values.width = sizeof(e->values[0]);
		out->values.stride = sizeof(e->values[0]);
		out->values.little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
		out->values.count = e->nvalues < EVENT_VALUES ? e->nvalues : EVENT_VALUES;
		out->values.data = (const uint8_t *)e->values;
		break;
	default: break;
	}
}
