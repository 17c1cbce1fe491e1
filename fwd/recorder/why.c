/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/why.h"

#include <string.h>

#define ID_BITS 30u

/* Crockford's: without I, L, O and U. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static const char *const steps[] = {
	"CREATE TABLE denial (place INTEGER PRIMARY KEY, id INTEGER NOT NULL, ident INTEGER NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, times INTEGER NOT NULL, line BLOB NOT NULL)",
	NULL};

static void id_print(uint32_t id, char text[WHY_ID])
{
	for (int i = WHY_ID - 2; i >= 0; i--, id >>= 5)
		text[i] = digits[id & 31];
	text[WHY_ID - 1] = '\0';
}

static bool id_read(const char *text, uint32_t *id)
{
	*id = 0;
	if (strnlen(text, WHY_ID) != WHY_ID - 1)
		return false;
	for (; *text; text++) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
		const char *at;

		c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
		at = strchr(digits, c);
		if (!at)
			return false;
		*id = *id << 5 | (uint32_t)(at - digits);
	}
	return true;
}

/* ---- what makes two denials the same ---- */

static uint64_t mix(uint64_t h, uint64_t x)
{
	h ^= x;
	h ^= h >> 30;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 27;
	h *= UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

static uint64_t mix_bytes(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return mix(h, n);
}

static uint64_t mix_op(uint64_t h, const struct event_op *op)
{
	h = mix(h, (uint64_t)op->dir << 32 | (uint64_t)op->access << 24 | (uint64_t)op->has << 16 |
			   (uint64_t)op->values_form << 8 | op->values_kind);
	h = mix(h, (uint64_t)op->function << 16 | op->sub);
	h = mix(h, op->has & OP_UNIT ? op->unit : 0);
	h = mix(h, op->has & OP_ORIGIN ? op->origin : 0);
	h = mix(h, op->has & OP_SPACE ? op->space : 0);
	if (op->has & OP_RANGE)
		h = mix(h, (uint64_t)op->first << 32 | op->last);
	if (op->has & OP_KEY)
		h = mix_bytes(h, op->key, op->key_len < EVENT_KEY ? op->key_len : EVENT_KEY);
	h = mix(h, op->nvalues);
	for (unsigned i = 0; i < op->nvalues && i < EVENT_VALUES; i++)
		h = mix(h, (uint64_t)op->values[i]);
	for (unsigned i = 0; i < op->nargs && i < OP_ARGS_MAX; i++)
		h = mix(mix(h, op->args[i].name), (uint64_t)op->args[i].value);
	return h;
}

/* Names, not numbers: those of another image would be others. */
static uint64_t ident_of(const struct event *e, const struct policy *p)
{
	const uint8_t *client = e->from_server ? e->tuple.dst : e->tuple.src;
	const uint8_t *server = e->from_server ? e->tuple.src : e->tuple.dst;
	const char *reason = reason_name(e->reason);
	struct policy_conduit c = {.name = ""};
	uint64_t h = mix(UINT64_C(0x6f746677), e->type);

	if (p && !policy_conduit_get(p, e->conduit, &c))
		c.name = "";
	h = mix_bytes(h, c.name, strlen(c.name));
	h = mix_bytes(h, reason ? reason : "", reason ? strlen(reason) : 0);
	h = mix_bytes(h, client, 16);
	h = mix_bytes(h, server, 16);
	h = mix(h, (uint64_t)e->from_server << 32 | (uint64_t)e->transport << 16 |
			   (e->from_server ? e->tuple.sport : e->tuple.dport));
	h = mix(h, (uint64_t)(int64_t)e->proto);
	if (e->has & EVENT_HAS_FAULT)
		h = mix(mix_bytes(h, e->fault_field, strnlen(e->fault_field, EVENT_FIELD)), e->fault_offset);
	if (e->has & EVENT_HAS_OP)
		h = mix_op(h, &e->op);
	return h;
}

/* ---- what is kept ---- */

static uint32_t *bucket_of(struct why *w, uint64_t ident)
{
	return &w->buckets[ident % WHY_BUCKETS];
}

static struct why_entry *find(struct why *w, uint64_t ident)
{
	for (uint32_t i = *bucket_of(w, ident); i; i = w->list[i - 1].next)
		if (w->list[i - 1].ident == ident)
			return &w->list[i - 1];
	return NULL;
}

static bool id_taken(const struct why *w, uint32_t id)
{
	for (uint32_t i = 0; i < w->used; i++)
		if (w->list[i].id == id)
			return true;
	return false;
}

static void link_in(struct why *w, struct why_entry *x)
{
	uint32_t *b = bucket_of(w, x->ident);

	x->next = *b;
	*b = (uint32_t)(x - w->list) + 1;
}

static void link_out(struct why *w, struct why_entry *x)
{
	uint32_t *at = bucket_of(w, x->ident), place = (uint32_t)(x - w->list) + 1;

	while (*at && *at != place)
		at = &w->list[*at - 1].next;
	if (*at)
		*at = x->next;
}

/* A free place, or that of one that was not seen since the hand went by; each gives way in its second round at the latest. */
static struct why_entry *place_for(struct why *w)
{
	struct why_entry *x;

	if (w->used < WHY_KEPT)
		return &w->list[w->used++];
	for (uint32_t n = 0; n < 2 * WHY_KEPT; n++) {
		x = &w->list[w->hand];
		w->hand = (w->hand + 1) % WHY_KEPT;
		if (!x->again)
			break;
		x->again = false;
	}
	link_out(w, x);
	return x;
}

bool why_id(struct why *w, const struct event *e, const struct policy *p, char text[WHY_ID], uint32_t *place)
{
	struct why_entry *x;
	uint64_t ident;

	if ((e->type != EVENT_DENY && e->type != EVENT_SHADOW_DENY) || e->candidate ||
	    !(e->has & EVENT_HAS_TUPLE))
		return false;
	ident = ident_of(e, p);
	x = find(w, ident);
	if (!x) {
		uint32_t id = (uint32_t)(ident >> (64 - ID_BITS));

		/* Among so few the next one is free soon. */
		while (id_taken(w, id))
			id = (id + 1) & ((1u << ID_BITS) - 1);
		x = place_for(w);
		*x = (struct why_entry){.ident = ident, .id = id, .first_us = e->ts_us};
		link_in(w, x);
	} else {
		x->again = true;
	}
	/* Not counted again when a ring is read a second time. */
	if (x->times == 0 || e->ts_us > x->last_us) {
		x->times += e->count ? e->count : 1;
		x->last_us = e->ts_us;
	}
	id_print(x->id, text);
	*place = (uint32_t)(x - w->list);
	return true;
}

/* ---- the database ---- */

void why_keep(struct why *w, uint32_t place, const char *line, size_t len)
{
	const struct why_entry *x = &w->list[place];

	if (!w->put || len > INT32_MAX)
		return;
	if (!w->begun && !(w->begun = db_run(&w->db, "BEGIN IMMEDIATE")))
		return;
	sqlite3_bind_int64(w->put, 1, place);
	sqlite3_bind_int64(w->put, 2, x->id);
	sqlite3_bind_int64(w->put, 3, (int64_t)x->ident);
	sqlite3_bind_int64(w->put, 4, x->first_us);
	sqlite3_bind_int64(w->put, 5, x->last_us);
	sqlite3_bind_int64(w->put, 6, (int64_t)x->times);
	sqlite3_bind_blob(w->put, 7, line, (int)len, SQLITE_STATIC);
	db_step(&w->db, w->put);
	sqlite3_reset(w->put);
	sqlite3_clear_bindings(w->put);
}

void why_flush(struct why *w)
{
	if (w->begun)
		db_run(&w->db, "COMMIT");
	w->begun = false;
}

static void load(struct why *w)
{
	sqlite3_stmt *s =
		db_prepare(&w->db, "SELECT id, ident, first, last, times, place FROM denial ORDER BY place");

	while (s && db_step(&w->db, s) == SQLITE_ROW) {
		struct why_entry x = {.id = (uint32_t)sqlite3_column_int64(s, 0),
				      .ident = (uint64_t)sqlite3_column_int64(s, 1),
				      .first_us = sqlite3_column_int64(s, 2),
				      .last_us = sqlite3_column_int64(s, 3),
				      .times = (uint64_t)sqlite3_column_int64(s, 4)};

		/* Places are without gaps: what is not so is not ours, and is written over. */
		if (w->used == WHY_KEPT || sqlite3_column_int64(s, 5) != w->used || find(w, x.ident) ||
		    x.id >> ID_BITS || id_taken(w, x.id))
			break;
		w->list[w->used] = x;
		link_in(w, &w->list[w->used++]);
	}
	sqlite3_finalize(s);
}

void why_open(struct why *w)
{
	if (!db_open(&w->db, "why.db", steps, false, true))
		return;
	load(w);
	w->put = db_prepare(&w->db,
			    "INSERT OR REPLACE INTO denial (place, id, ident, first, last, times, line)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	w->get = db_prepare(&w->db, "SELECT line FROM denial WHERE id = ?1");
}

void why_close(struct why *w)
{
	why_flush(w);
	sqlite3_finalize(w->put);
	sqlite3_finalize(w->get);
	w->put = w->get = NULL;
	db_close(&w->db);
}

static const struct why_entry *by_id(const struct why *w, const char *text)
{
	uint32_t id;

	for (uint32_t i = 0; id_read(text, &id) && i < w->used; i++)
		if (w->list[i].id == id)
			return &w->list[i];
	return NULL;
}

bool why_print(struct why *w, const char *text, struct jsonl *j)
{
	const struct why_entry *x = by_id(w, text);
	char id[WHY_ID];
	bool found;

	why_flush(w);
	if (!x || !w->get)
		return false;
	sqlite3_bind_int64(w->get, 1, x->id);
	found = db_step(&w->db, w->get) == SQLITE_ROW && sqlite3_column_bytes(w->get, 0) > 0;
	if (found) {
		id_print(x->id, id);
		jsonl_object(j, NULL);
		jsonl_bool(j, "ok", true);
		jsonl_str(j, "id", id);
		jsonl_time(j, "first", x->first_us);
		jsonl_time(j, "last", x->last_us);
		jsonl_uint(j, "times", x->times);
		jsonl_raw(j, "event", sqlite3_column_blob(w->get, 0),
			  (size_t)sqlite3_column_bytes(w->get, 0));
		jsonl_object_end(j);
		jsonl_line(j);
	}
	sqlite3_reset(w->get);
	return found;
}
