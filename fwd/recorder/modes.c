/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/modes.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_US 1000000

static const char *const steps[] = {
	"CREATE TABLE conduit (name TEXT PRIMARY KEY, mode INTEGER NOT NULL, since INTEGER NOT NULL, denials INTEGER NOT NULL,"
	" last INTEGER NOT NULL)",
	NULL};

static struct mode_entry *find(const struct modes *m, const char *name)
{
	for (unsigned i = 0; i < m->n; i++)
		if (strcmp(m->list[i].name, name) == 0)
			return &m->list[i];
	return NULL;
}

static struct mode_entry *add(struct modes *m, const char *name)
{
	struct mode_entry *more = realloc(m->list, (m->n + 1) * sizeof(*more));
	char *copy = strdup(name);

	if (more)
		m->list = more;
	if (!more || !copy) {
		free(copy);
		return NULL;
	}
	m->list[m->n] = (struct mode_entry){.name = copy};
	return &m->list[m->n++];
}

void modes_open(struct modes *m)
{
	*m = (struct modes){0};
	if (!db_open(&m->db, "modes.db", steps, false, true))
		return;
	m->put = db_prepare(
		&m->db,
		"INSERT OR REPLACE INTO conduit (name, mode, since, denials, last) VALUES (?, ?, ?, ?, ?)");
	sqlite3_stmt *s = db_prepare(&m->db, "SELECT name, mode, since, denials, last FROM conduit");
	while (s && db_step(&m->db, s) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 0);
		struct mode_entry *e = name ? add(m, name) : NULL;
		if (!e)
			continue;
		e->mode = (uint32_t)sqlite3_column_int(s, 1);
		e->since_us = sqlite3_column_int64(s, 2);
		e->denials = (uint64_t)sqlite3_column_int64(s, 3);
		e->last_us = sqlite3_column_int64(s, 4);
	}
	sqlite3_finalize(s);
}

void modes_close(struct modes *m)
{
	modes_flush(m, INT64_MAX);
	for (unsigned i = 0; i < m->n; i++)
		free(m->list[i].name);
	free(m->list);
	sqlite3_finalize(m->put);
	db_close(&m->db);
	*m = (struct modes){0};
}

static void forget_others(struct modes *m, const struct policy *p)
{
	struct policy_conduit c;

	for (unsigned i = 0; i < m->n;) {
		unsigned k = 0;
		while (policy_conduit_get(p, k, &c) && strcmp(c.name, m->list[i].name) != 0)
			k++;
		if (k < policy_conduits(p)) {
			i++;
			continue;
		}
		sqlite3_stmt *s = m->db.sql ? db_prepare(&m->db, "DELETE FROM conduit WHERE name = ?") : NULL;
		if (s) {
			sqlite3_bind_text(s, 1, m->list[i].name, -1, SQLITE_TRANSIENT);
			db_step(&m->db, s);
			sqlite3_finalize(s);
		}
		free(m->list[i].name);
		m->list[i] = m->list[--m->n];
	}
}

void modes_policy(struct modes *m, const struct policy *p, int64_t now_us)
{
	struct policy_conduit c;

	forget_others(m, p);
	for (unsigned i = 0; policy_conduit_get(p, i, &c); i++) {
		struct mode_entry *e = find(m, c.name);
		if (c.lane != LANE_INSPECTED || (e && e->mode == (uint32_t)c.mode))
			continue;
		if (!e && !(e = add(m, c.name)))
			continue;
		e->mode = c.mode;
		e->since_us = now_us;
		e->denials = 0;
		e->last_us = 0;
		e->dirty = m->dirty = true;
	}
}

void modes_note(struct modes *m, const struct event *e, const struct policy *p)
{
	struct policy_conduit c;
	struct mode_entry *x;

	if (e->type != EVENT_SHADOW_DENY || e->candidate || !p || !policy_conduit_get(p, e->conduit, &c))
		return;
	x = find(m, c.name);
	/* A ring that is read a second time has nothing new to say, and what was said of an earlier mode is not about this one. */
	if (!x || e->ts_us <= x->last_us || e->ts_us < x->since_us)
		return;
	x->denials += e->count ? e->count : 1;
	x->last_us = e->ts_us;
	x->dirty = m->dirty = true;
}

void modes_flush(struct modes *m, int64_t now_us)
{
	if (!m->dirty || !m->put || now_us - m->written_us < WRITE_US || !db_run(&m->db, "BEGIN IMMEDIATE"))
		return;
	for (unsigned i = 0; i < m->n; i++) {
		struct mode_entry *e = &m->list[i];
		if (!e->dirty)
			continue;
		sqlite3_bind_text(m->put, 1, e->name, -1, SQLITE_STATIC);
		sqlite3_bind_int(m->put, 2, (int)e->mode);
		sqlite3_bind_int64(m->put, 3, e->since_us);
		sqlite3_bind_int64(m->put, 4, (sqlite3_int64)e->denials);
		sqlite3_bind_int64(m->put, 5, e->last_us);
		db_step(&m->db, m->put);
		sqlite3_reset(m->put);
		e->dirty = false;
	}
	db_run(&m->db, "COMMIT");
	m->dirty = false;
	m->written_us = now_us;
}

bool modes_print(const struct modes *m, const char *name, struct jsonl *j)
{
	const struct mode_entry *e = find(m, name);

	if (!e)
		return false;
	jsonl_str(j, "mode", mode_name(e->mode));
	jsonl_time(j, "since", e->since_us);
	jsonl_uint(j, "would-be-denials", e->denials);
	if (e->last_us)
		jsonl_time(j, "last-denial", e->last_us);
	else
		jsonl_null(j, "last-denial");
	jsonl_bool(j, "kept", m->put != NULL);
	return true;
}
