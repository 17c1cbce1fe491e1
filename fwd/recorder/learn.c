/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/learn.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

#define KEY_SIZE  16
#define DAY_US    INT64_C(86400000000)
#define NAMES_MAX 4096u
#define OUT_MAX   256u /* shapes written at a time */

static const char *const steps[] = {
	"CREATE TABLE shape (conduit TEXT NOT NULL, key BLOB NOT NULL, identity BLOB NOT NULL, min INTEGER NOT NULL,"
	" max INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" days INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (conduit, key)) WITHOUT ROWID;"
	"CREATE INDEX shape_first ON shape (conduit, first);"
	"CREATE TABLE client (ip BLOB PRIMARY KEY, days INTEGER NOT NULL, day INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE ring (epoch INTEGER PRIMARY KEY, tail INTEGER NOT NULL, used INTEGER NOT NULL);",
	"CREATE TABLE fault (conduit TEXT NOT NULL, proto TEXT NOT NULL, client BLOB NOT NULL, server BLOB NOT NULL, reason TEXT NOT NULL,"
	" field TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" PRIMARY KEY (conduit, proto, client, server, reason, field)) WITHOUT ROWID;",
	NULL,
};

void learn_open(struct learn_db *l)
{
	if (!db_open(&l->db, "learn.db", steps, false, true))
		return;
	l->rows = (uint64_t)db_number(&l->db, "SELECT count(*) FROM shape", 0);
	l->clients = (uint64_t)db_number(&l->db, "SELECT count(*) FROM client", 0);
	l->more = db_prepare(&l->db,
			     "UPDATE shape SET min = min(min, ?3), max = max(max, ?4), count = count + ?5,"
			     " first = min(first, ?6), last = max(last, ?7), days = days + (?8 > day),"
			     " day = max(day, ?8) WHERE conduit = ?1 AND key = ?2");
	l->fresh = db_prepare(
		&l->db, "INSERT INTO shape (conduit, key, min, max, count, first, last, days, day, identity)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9)");
	l->client_more = db_prepare(
		&l->db, "UPDATE client SET days = days + (?2 > day), day = max(day, ?2) WHERE ip = ?1");
	l->client_fresh = db_prepare(&l->db, "INSERT INTO client (ip, days, day) VALUES (?1, 1, ?2)");
	l->place = db_prepare(&l->db, "INSERT OR REPLACE INTO ring (epoch, tail, used) VALUES (?1, ?2, ?3)");
	l->faults = (uint64_t)db_number(&l->db, "SELECT count(*) FROM fault", 0);
	l->fault_more = db_prepare(
		&l->db,
		"UPDATE fault SET count = count + ?7, last = ?8 WHERE conduit = ?1 AND proto = ?2 AND client = ?3"
		" AND server = ?4 AND reason = ?5 AND field = ?6 AND last < ?8");
	l->fault_fresh =
		db_prepare(&l->db, "INSERT OR IGNORE INTO fault VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)");
	/* Each start of the firewall makes new rings. */
	db_run(&l->db,
	       "DELETE FROM ring WHERE epoch NOT IN (SELECT epoch FROM ring ORDER BY used DESC LIMIT 64)");
}

void learn_close(struct learn_db *l)
{
	learn_flush(l);
	sqlite3_finalize(l->more);
	sqlite3_finalize(l->fresh);
	sqlite3_finalize(l->client_more);
	sqlite3_finalize(l->client_fresh);
	sqlite3_finalize(l->place);
	sqlite3_finalize(l->fault_more);
	sqlite3_finalize(l->fault_fresh);
	l->fault_more = l->fault_fresh = l->place = l->more = l->fresh = l->client_more = l->client_fresh =
		NULL;
	db_close(&l->db);
}

void learn_flush(struct learn_db *l)
{
	if (l->begun)
		db_run(&l->db, "COMMIT");
	l->begun = false;
}

/* Did it change a row? */
static bool done(struct learn_db *l, sqlite3_stmt *s)
{
	bool ok = db_step(&l->db, s) == SQLITE_DONE && sqlite3_changes(l->db.sql) > 0;

	sqlite3_reset(s);
	return ok;
}

static void bind_shape(sqlite3_stmt *q, const char *conduit, const uint8_t key[KEY_SIZE],
		       const struct shape *s, int64_t count)
{
	sqlite3_bind_text(q, 1, conduit, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, key, KEY_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, s->min);
	sqlite3_bind_int64(q, 4, s->max);
	sqlite3_bind_int64(q, 5, count);
	sqlite3_bind_int64(q, 6, s->first_us);
	sqlite3_bind_int64(q, 7, s->last_us);
	sqlite3_bind_int64(q, 8, s->last_us / DAY_US);
}

static void keep_client(struct learn_db *l, const struct shape *s)
{
	sqlite3_bind_blob(l->client_more, 1, s->client, 16, SQLITE_STATIC);
	sqlite3_bind_int64(l->client_more, 2, s->last_us / DAY_US);
	if (done(l, l->client_more) || l->clients >= LEARN_CLIENTS)
		return;
	sqlite3_bind_blob(l->client_fresh, 1, s->client, 16, SQLITE_STATIC);
	sqlite3_bind_int64(l->client_fresh, 2, s->last_us / DAY_US);
	l->clients += done(l, l->client_fresh);
}

void learn_keep(struct learn_db *l, const char *conduit, const struct shape *told)
{
	uint8_t key[KEY_SIZE];
	struct shape s = *told;
	int64_t count = s.count > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)s.count;

	if (!l->more || !l->fresh || !l->client_more || !l->client_fresh) {
		l->lost++;
		return;
	}
	if (!l->begun)
		l->begun = db_run(&l->db, "BEGIN");
	/* Numbers of one policy mean nothing in the next. A digest that nobody can aim: what is new must not pass for what is known. */
	s.generation = 0;
	s.conduit = 0;
	crypto_generichash(key, KEY_SIZE, (const uint8_t *)&s, SHAPE_IDENTITY, NULL, 0);
	keep_client(l, &s);
	bind_shape(l->more, conduit, key, &s, count);
	if (done(l, l->more))
		return;
	if (l->rows >= LEARN_ROWS) {
		l->lost++;
		if (!l->told)
			complain("learn.db is full: %u shapes; new ones are counted, not kept", LEARN_ROWS);
		l->told = true;
		return;
	}
	bind_shape(l->fresh, conduit, key, &s, count);
	sqlite3_bind_blob(l->fresh, 9, &s, SHAPE_IDENTITY, SQLITE_STATIC);
	if (done(l, l->fresh))
		l->rows++;
	else
		l->lost++;
}

/* ---- what no rule can allow ---- */

/* The name of a field, as an engine told it: it comes to stand in a comment of a policy that is proposed, and in a terminal. */
static size_t field_of(const struct event *e, char to[EVENT_FIELD])
{
	size_t n = e->has & EVENT_HAS_FAULT ? strnlen(e->fault_field, EVENT_FIELD) : 0;

	for (size_t i = 0; i < n; i++)
		to[i] = e->fault_field[i] >= ' ' && e->fault_field[i] <= '~' ? e->fault_field[i] : '?';
	return n;
}

static bool put_fault(struct learn_db *l, sqlite3_stmt *q, const char *conduit, const char *proto,
		      const struct event *e)
{
	char field[EVENT_FIELD];
	size_t n = field_of(e, field);

	sqlite3_bind_text(q, 1, conduit, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, proto, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 3, e->from_server ? e->tuple.dst : e->tuple.src, 16, SQLITE_STATIC);
	sqlite3_bind_blob(q, 4, e->from_server ? e->tuple.src : e->tuple.dst, 16, SQLITE_STATIC);
	sqlite3_bind_text(q, 5, reason_name((enum reason)e->reason), -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 6, field, (int)n, SQLITE_TRANSIENT);
	sqlite3_bind_int64(q, 7, e->count ? e->count : 1);
	sqlite3_bind_int64(q, 8, e->ts_us);
	return done(l, q);
}

void learn_fault(struct learn_db *l, const struct event *e, const struct policy *p)
{
	const struct proto *proto = e->proto < 0 ? NULL : proto_get((unsigned)e->proto);
	struct policy_conduit c;

	if (e->type != EVENT_LEARN || e->candidate || !proto || !(e->has & EVENT_HAS_TUPLE) ||
	    reason_of_rules((enum reason)e->reason) || !p || !policy_conduit_get(p, e->conduit, &c))
		return;
	if (!l->fault_more || !l->fault_fresh) {
		l->lost++;
		return;
	}
	if (!l->begun)
		l->begun = db_run(&l->db, "BEGIN");
	if (put_fault(l, l->fault_more, c.name, proto->name, e))
		return;
	if (l->faults >= LEARN_FAULTS_KEPT)
		l->lost++;
	else
		l->faults += put_fault(l, l->fault_fresh, c.name, proto->name, e);
}

static void put_text(struct jsonl *j, const char *key, sqlite3_stmt *q, int column)
{
	jsonl_strn(j, key, sqlite3_column_text(q, column), (size_t)sqlite3_column_bytes(q, column));
}

static void put_end(struct jsonl *j, const char *key, sqlite3_stmt *q, int column)
{
	char text[ADDRESS_TEXT];
	uint8_t ip[16] = {0};

	if (sqlite3_column_bytes(q, column) == 16)
		memcpy(ip, sqlite3_column_blob(q, column), 16);
	jsonl_str(j, key, address_print(ip, text));
}

void learn_faults_print(struct learn_db *l, int64_t since_us, struct jsonl *j)
{
	sqlite3_stmt *q =
		db_prepare(&l->db, "SELECT conduit, proto, client, server, reason, field, count FROM fault"
				   " WHERE last >= ?1 ORDER BY count DESC LIMIT ?2");

	learn_flush(l);
	jsonl_array(j, "faults");
	if (q) {
		sqlite3_bind_int64(q, 1, since_us);
		sqlite3_bind_int64(q, 2, LEARN_FAULTS_SAID);
	}
	while (q && j->len < JSONL_MAX / 2 && db_step(&l->db, q) == SQLITE_ROW) {
		jsonl_object(j, NULL);
		put_text(j, "conduit", q, 0);
		put_text(j, "proto", q, 1);
		put_end(j, "client", q, 2);
		put_end(j, "server", q, 3);
		put_text(j, "reason", q, 4);
		put_text(j, "field", q, 5);
		jsonl_int(j, "count", sqlite3_column_int64(q, 6));
		jsonl_object_end(j);
	}
	sqlite3_finalize(q);
	jsonl_array_end(j);
}

/* ---- rings ---- */

/* How far an engine's ring has been read, in this life or an earlier one: told once, kept once. */
static uint64_t tail_of(struct learn_db *l, uint64_t epoch)
{
	sqlite3_stmt *q = db_prepare(&l->db, "SELECT tail FROM ring WHERE epoch = ?1");
	uint64_t tail = 0;

	if (!q)
		return 0;
	sqlite3_bind_int64(q, 1, (int64_t)epoch);
	if (db_step(&l->db, q) == SQLITE_ROW)
		tail = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return tail;
}

static void keep_tail(struct learn_db *l, uint64_t epoch, uint64_t tail)
{
	sqlite3_bind_int64(l->place, 1, (int64_t)epoch);
	sqlite3_bind_int64(l->place, 2, (int64_t)tail);
	sqlite3_bind_int64(l->place, 3, clock_us());
	(void)done(l, l->place);
}

void learn_begin(struct learn_db *l, struct learn_reader *in, struct learn *learn, uint64_t epoch)
{
	*in = (struct learn_reader){.learn = learn, .epoch = epoch, .tail = tail_of(l, epoch)};
	/* A number that is not of this ring: from the oldest that is kept. */
	if (in->tail > atomic_load(&learn->head))
		in->tail = 0;
}

void learn_drain(struct learn_db *l, struct learn_reader *in,
		 const struct policy *(*policy_of)(void *ctx, uint32_t generation), void *ctx)
{
	uint64_t from = in->tail;
	struct policy_conduit c;
	struct shape s;

	for (unsigned n = 0; n < LEARN_A_TURN && learn_get(in->learn, &in->tail, &s, &in->lost) == 1; n++) {
		const struct policy *p = policy_of(ctx, s.generation);

		if (p && s.proto < PROTO_COUNT && s.proto >= -1 && policy_conduit_get(p, s.conduit, &c))
			learn_keep(l, c.name, &s);
		else
			l->unknown++;
	}
	if (in->tail != from && l->begun && l->place)
		keep_tail(l, in->epoch, in->tail);
}

/* ---- what otfwctl asks for ---- */

static bool put(int fd, const void *data, size_t n)
{
	for (const char *at = data; n > 0;) {
		ssize_t w = write(fd, at, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		at += w;
		n -= (size_t)w;
	}
	return true;
}

static char names[NAMES_MAX][LEARN_FILE_NAME];

static bool put_names(struct learn_db *l, int fd, struct learn_file *head)
{
	sqlite3_stmt *q = db_prepare(&l->db, "SELECT DISTINCT conduit FROM shape ORDER BY conduit");
	bool ok = q && put(fd, head, sizeof(*head));

	while (ok && head->names < NAMES_MAX && db_step(&l->db, q) == SQLITE_ROW) {
		char *name = memset(names[head->names++], 0, LEARN_FILE_NAME);
		strncpy(name, (const char *)sqlite3_column_text(q, 0), LEARN_FILE_NAME - 1);
		ok = put(fd, name, LEARN_FILE_NAME);
	}
	sqlite3_finalize(q);
	return ok;
}

/* Names and shapes come in the same order, so that counting the names is enough. */
static bool put_shapes(struct learn_db *l, int fd, int64_t since_us, struct learn_file *head)
{
	static struct shape out[OUT_MAX];
	sqlite3_stmt *q = db_prepare(
		&l->db, "SELECT s.conduit, s.identity, s.min, s.max, s.count, s.first, s.last, s.days, c.days"
			" FROM shape s LEFT JOIN client c ON c.ip = substr(s.identity, 1, 16)"
			" WHERE s.last >= ?1 AND length(s.identity) = ?2 ORDER BY s.conduit");
	uint32_t conduit = 0;
	size_t n = 0;
	bool ok = q != NULL;

	sqlite3_bind_int64(q, 1, since_us);
	sqlite3_bind_int64(q, 2, (int64_t)SHAPE_IDENTITY);
	while (ok && db_step(&l->db, q) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(q, 0);
		struct shape *s = &out[n];
		while (conduit < head->names && strncmp(name, names[conduit], LEARN_FILE_NAME - 1) != 0)
			conduit++;
		if (conduit == head->names)
			break;
		memset(s, 0, sizeof(*s));
		memcpy(s, sqlite3_column_blob(q, 1), SHAPE_IDENTITY);
		s->conduit = (uint16_t)conduit;
		s->min = sqlite3_column_int64(q, 2);
		s->max = sqlite3_column_int64(q, 3);
		s->count = (uint64_t)sqlite3_column_int64(q, 4);
		s->first_us = sqlite3_column_int64(q, 5);
		s->last_us = sqlite3_column_int64(q, 6);
		s->days = (uint32_t)sqlite3_column_int(q, 7);
		s->client_days = (uint32_t)sqlite3_column_int(q, 8);
		head->shapes++;
		if (++n == OUT_MAX) {
			ok = put(fd, out, n * sizeof(*out));
			n = 0;
		}
	}
	sqlite3_finalize(q);
	return ok && put(fd, out, n * sizeof(*out));
}

int learn_file(struct learn_db *l, int64_t since_us, uint64_t *shapes)
{
	struct learn_file head = {.magic = LEARN_FILE_MAGIC, .shape_size = sizeof(struct shape)};
	int fd;

	learn_flush(l);
	if (!l->db.sql)
		return -1;
	fd = memfd_create("otfw-learned", MFD_CLOEXEC);
	if (fd < 0 || !put_names(l, fd, &head) || !put_shapes(l, fd, since_us, &head) ||
	    pwrite(fd, &head, sizeof(head), 0) != sizeof(head)) {
		complain("what was learned: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*shapes = head.shapes;
	return fd;
}

int64_t learn_newest_us(struct learn_db *l, const char *conduit)
{
	sqlite3_stmt *q = db_prepare(&l->db, "SELECT max(first) FROM shape WHERE conduit = ?1");
	int64_t us = 0;

	learn_flush(l);
	if (!q)
		return 0;
	sqlite3_bind_text(q, 1, conduit, -1, SQLITE_STATIC);
	if (db_step(&l->db, q) == SQLITE_ROW)
		us = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return us;
}

int64_t learn_newest(struct learn_db *l, const char *conduit)
{
	int64_t newest = -1;

	if (!l->db.sql)
		return newest;
	learn_flush(l);
	sqlite3_stmt *q = db_prepare(&l->db, "SELECT max(first) FROM shape WHERE conduit = ?1");
	if (q) {
		sqlite3_bind_text(q, 1, conduit, -1, SQLITE_STATIC);
		if (db_step(&l->db, q) == SQLITE_ROW)
			newest = sqlite3_column_int64(q, 0);
	}
	sqlite3_finalize(q);
	return newest;
}
