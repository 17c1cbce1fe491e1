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

static void clear(struct differ *d)
{
	for (unsigned i = 0; i < d->used; i++)
		free(d->list[i].line);
	memset(d->list, 0, d->used * sizeof(d->list[0]));
	memset(d->table, 0, sizeof(d->table));
	memset(d->digest, 0, sizeof(d->digest));
	d->since_us = 0;
	d->given_up = d->events = d->spared = 0;
	d->used = 0;
}

/* ---- differences.db ---- */

static const char *const steps[] = {
	"CREATE TABLE candidate (one INTEGER PRIMARY KEY CHECK (one = 1), digest BLOB NOT NULL, since INTEGER NOT NULL, events INTEGER NOT NULL,"
	" spared INTEGER NOT NULL, given INTEGER NOT NULL);"
	"CREATE TABLE difference (place INTEGER PRIMARY KEY, ident INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" count INTEGER NOT NULL, kernel INTEGER NOT NULL, min INTEGER, max INTEGER, line BLOB);"
	"CREATE TABLE ring (epoch INTEGER PRIMARY KEY, tail INTEGER NOT NULL);"
	"CREATE TABLE counter (name TEXT PRIMARY KEY, packets INTEGER NOT NULL) WITHOUT ROWID;",
	NULL};

static void file_all(struct differ *d);

/* One row of `difference`; false: the file is not as this program writes it. */
static bool take_row(struct differ *d, sqlite3_stmt *s)
{
	int64_t at = sqlite3_column_int64(s, 0);
	int len = sqlite3_column_bytes(s, 8);
	struct differ_entry *e = &d->list[d->used];

	if (at != d->used || d->used == DIFFER_KEPT || len < 0 || len > (int)DIFFER_LINE ||
	    sqlite3_column_int64(s, 1) == 0)
		return false;
	*e = (struct differ_entry){.ident = (uint64_t)sqlite3_column_int64(s, 1),
				   .first_us = sqlite3_column_int64(s, 2),
				   .last_us = sqlite3_column_int64(s, 3),
				   .count = (uint64_t)sqlite3_column_int64(s, 4),
				   .kernel = sqlite3_column_int(s, 5) != 0,
				   .values = sqlite3_column_type(s, 6) != SQLITE_NULL,
				   .min = sqlite3_column_int64(s, 6),
				   .max = sqlite3_column_int64(s, 7)};
	if (len > 0 && (e->line = malloc((size_t)len)) != NULL) {
		memcpy(e->line, sqlite3_column_blob(s, 8), (size_t)len);
		e->len = (size_t)len;
	}
	d->used++;
	return true;
}

static void take_up(struct differ *d)
{
	sqlite3_stmt *s = db_prepare(&d->db, "SELECT digest, since, events, spared, given FROM candidate");
	bool good = s && db_step(&d->db, s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == POLICY_DIGEST;

	if (good) {
		memcpy(d->digest, sqlite3_column_blob(s, 0), POLICY_DIGEST);
		d->since_us = sqlite3_column_int64(s, 1);
		d->events = (uint64_t)sqlite3_column_int64(s, 2);
		d->spared = (uint64_t)sqlite3_column_int64(s, 3);
		d->given_up = (uint64_t)sqlite3_column_int64(s, 4);
	}
	sqlite3_finalize(s);
	s = good ? db_prepare(
			   &d->db,
			   "SELECT place, ident, first, last, count, kernel, min, max, line FROM difference ORDER BY place")
		 : NULL;
	while (s && db_step(&d->db, s) == SQLITE_ROW && take_row(d, s))
		;
	sqlite3_finalize(s);
	file_all(d);
}

void differ_open(struct differ *d)
{
	memset(d, 0, sizeof(*d));
	if (!db_open(&d->db, "differences.db", steps, false, true))
		return;
	take_up(d);
	d->head = db_prepare(&d->db, "INSERT OR REPLACE INTO candidate VALUES (1, ?1, ?2, ?3, ?4, ?5)");
	d->place = db_prepare(&d->db, "INSERT OR REPLACE INTO ring VALUES (?1, ?2)");
	d->put = db_prepare(&d->db,
			    "INSERT OR REPLACE INTO difference VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
}

void differ_close(struct differ *d)
{
	sqlite3_finalize(d->head);
	sqlite3_finalize(d->place);
	sqlite3_finalize(d->put);
	d->head = d->place = d->put = NULL;
	clear(d);
	db_close(&d->db);
}

uint64_t differ_read_to(struct differ *d, uint64_t epoch)
{
	sqlite3_stmt *s = db_prepare(&d->db, "SELECT tail FROM ring WHERE epoch = ?1");
	uint64_t tail = 0;

	if (!s)
		return 0;
	sqlite3_bind_int64(s, 1, (int64_t)epoch);
	if (db_step(&d->db, s) == SQLITE_ROW)
		tail = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return tail;
}

static bool run(struct differ *d, sqlite3_stmt *s)
{
	int rc = db_step(&d->db, s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE;
}

static bool put_head(struct differ *d)
{
	sqlite3_bind_blob(d->head, 1, d->digest, POLICY_DIGEST, SQLITE_STATIC);
	sqlite3_bind_int64(d->head, 2, d->since_us);
	sqlite3_bind_int64(d->head, 3, (int64_t)d->events);
	sqlite3_bind_int64(d->head, 4, (int64_t)d->spared);
	sqlite3_bind_int64(d->head, 5, (int64_t)d->given_up);
	return run(d, d->head);
}

static bool put_row(struct differ *d, unsigned at)
{
	const struct differ_entry *e = &d->list[at];

	sqlite3_bind_int64(d->put, 1, at);
	sqlite3_bind_int64(d->put, 2, (int64_t)e->ident);
	sqlite3_bind_int64(d->put, 3, e->first_us);
	sqlite3_bind_int64(d->put, 4, e->last_us);
	sqlite3_bind_int64(d->put, 5, (int64_t)e->count);
	sqlite3_bind_int(d->put, 6, e->kernel);
	if (e->values) {
		sqlite3_bind_int64(d->put, 7, e->min);
		sqlite3_bind_int64(d->put, 8, e->max);
	}
	if (e->line)
		sqlite3_bind_blob(d->put, 9, e->line, (int)e->len, SQLITE_STATIC);
	return run(d, d->put);
}

/* Rings stay: what was read for an earlier candidate is not the next one's. */
static void write_anew(struct differ *d)
{
	d->stale = true;
	if (!d->put ||
	    !db_run(&d->db,
		    "BEGIN IMMEDIATE; DELETE FROM candidate; DELETE FROM difference; DELETE FROM counter"))
		return;
	if (d->since_us && !put_head(d))
		db_run(&d->db, "ROLLBACK");
	else
		d->stale = !db_run(&d->db, "COMMIT");
}

/* Epochs other than these are of memory that is gone. */
static bool put_places(struct differ *d, const struct differ_place *places, unsigned n)
{
	if (n > 0 && !db_run(&d->db, "DELETE FROM ring"))
		return false;
	for (unsigned i = 0; i < n; i++) {
		sqlite3_bind_int64(d->place, 1, (int64_t)places[i].epoch);
		sqlite3_bind_int64(d->place, 2, (int64_t)places[i].tail);
		if (!run(d, d->place))
			return false;
	}
	return true;
}

void differ_flush(struct differ *d, const struct differ_place *places, unsigned n, int64_t now_us)
{
	bool good;

	if (now_us < d->written_us)
		d->written_us = 0; /* the wall clock may be set back */
	if (!d->dirty || !d->put || now_us - d->written_us < DIFFER_WRITE_US)
		return;
	d->written_us = now_us;
	if (d->stale)
		write_anew(d);
	if (d->stale || !db_run(&d->db, "BEGIN IMMEDIATE"))
		return;
	good = put_head(d) && put_places(d, places, n);
	for (unsigned i = 0; good && i < d->used; i++)
		good = !d->list[i].dirty || put_row(d, i);
	if (!good || !db_run(&d->db, "COMMIT")) {
		if (sqlite3_get_autocommit(d->db.sql) == 0)
			db_run(&d->db, "ROLLBACK");
		return;
	}
	for (unsigned i = 0; i < d->used; i++)
		d->list[i].dirty = false;
	d->dirty = false;
}

bool differ_begin(struct differ *d, const uint8_t *digest, int64_t now_us)
{
	if (digest && d->since_us && memcmp(d->digest, digest, POLICY_DIGEST) == 0)
		return true;
	bool any = d->since_us != 0;
	clear(d);
	if (digest) {
		memcpy(d->digest, digest, POLICY_DIGEST);
		d->since_us = now_us;
	}
	if (any || digest)
		write_anew(d);
	return false;
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

static struct differ_entry *note(struct differ *d, const struct event *e, const char *line, size_t len)
{
	struct differ_entry *x = entry_for(d, ident_of(e));

	if (x->count == 0 || e->ts_us < x->first_us)
		x->first_us = e->ts_us;
	if (e->ts_us > x->last_us)
		x->last_us = e->ts_us;
	x->count += e->count ? e->count : 1;
	x->dirty = true;
	for (uint32_t i = 0; e->has & EVENT_HAS_OP && i < e->op.nvalues && i < EVENT_VALUES; i++) {
		int64_t v = e->op.values[i];
		x->min = !x->values || v < x->min ? v : x->min;
		x->max = !x->values || v > x->max ? v : x->max;
		x->values = true;
	}
	char *copy = len <= DIFFER_LINE ? malloc(len) : NULL;
	if (copy) {
		memcpy(copy, line, len);
		free(x->line);
		x->line = copy;
		x->len = len;
	}
	return x;
}

void differ_note(struct differ *d, const struct event *e, const char *line, size_t len)
{
	uint64_t n = e->count ? e->count : 1;

	d->events += n;
	d->dirty = true;
	if (e->has & EVENT_HAS_TUPLE)
		note(d, e, line, len);
	else
		d->spared += n; /* of many flows, thinned out: no operation of its own to be filed under */
}

void differ_session(struct differ *d, const struct event *e, const char *line, size_t len)
{
	d->events++;
	d->dirty = true;
	note(d, e, line, len)->kernel = true;
}

bool differ_again(struct differ *d, const struct event *e)
{
	uint16_t at = *place_of(d, ident_of(e));

	if (at == 0)
		return false;
	if (e->ts_us > d->list[at - 1].last_us)
		d->list[at - 1].last_us = e->ts_us;
	d->list[at - 1].dirty = d->dirty = true;
	return true;
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
	jsonl_bool(j, "kept", d->put != NULL);
	jsonl_uint(j, "events", d->events);
	jsonl_uint(j, "spared", d->spared);
	jsonl_uint(j, "given-up", d->given_up);
	jsonl_array(j, "differences");
	for (i = 0; i < d->used && j->len + v[i]->len + ANSWER_ROOM < j->cap; i++) {
		jsonl_object(j, NULL);
		jsonl_time(j, "first", v[i]->first_us);
		jsonl_time(j, "last", v[i]->last_us);
		jsonl_uint(j, "count", v[i]->count);
		jsonl_bool(j, "kernel", v[i]->kernel);
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
