/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/asset.h"

#include <stdio.h>
#include <string.h>

#include "fwd/recorder/asset_part.h"
#include "fwd/recorder/recorder.h"

static const char *const steps[] = {
	"CREATE TABLE asset (id INTEGER PRIMARY KEY, zone TEXT NOT NULL, ip BLOB NOT NULL, mac BLOB, mac_told INTEGER NOT NULL DEFAULT 0,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, UNIQUE (zone, ip));"
	"CREATE INDEX asset_mac ON asset (mac);"
	"CREATE TABLE role (asset INTEGER NOT NULL, role INTEGER NOT NULL, ipproto INTEGER NOT NULL, port INTEGER NOT NULL,"
	" proto TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (asset, role, ipproto, port, proto))"
	" WITHOUT ROWID;"
	"CREATE TABLE ident (asset INTEGER NOT NULL, proto TEXT NOT NULL, unit INTEGER NOT NULL, kind TEXT NOT NULL, value BLOB NOT NULL,"
	" before BLOB, changes INTEGER NOT NULL, told INTEGER NOT NULL, first INTEGER NOT NULL, since INTEGER NOT NULL,"
	" last INTEGER NOT NULL, PRIMARY KEY (asset, proto, unit, kind)) WITHOUT ROWID;"
	"CREATE TABLE ring (epoch INTEGER PRIMARY KEY, tail INTEGER NOT NULL, used INTEGER NOT NULL);",
	NULL,
};

/* first: of the value as well, `since`. A role whose protocol nobody knew gives way to one that is known. */
enum statement {
	GET_ASSET,
	ADD_ASSET,
	SEEN_ASSET,
	SET_MAC,
	SEEN_ROLE,
	GET_ROLE,
	COUNT_ROLES,
	ADD_ROLE,
	DROP_UNREAD,
	GET_IDENT,
	COUNT_IDENTS,
	ADD_IDENT,
	SEEN_IDENT,
	CHANGE_IDENT,
	PUT_RING,
	STATEMENTS
};
_Static_assert(STATEMENTS <= ASSET_STATEMENTS, "statements do not fit");
static const char *const sql[STATEMENTS] = {
	[GET_ASSET] = "SELECT id, mac, mac_told FROM asset WHERE zone = ?1 AND ip = ?2",
	[ADD_ASSET] = "INSERT INTO asset (zone, ip, first, last) VALUES (?1, ?2, ?3, ?4)",
	[SEEN_ASSET] = "UPDATE asset SET first = min(first, ?2), last = max(last, ?3) WHERE id = ?1",
	[SET_MAC] = "UPDATE asset SET mac = ?2, mac_told = ?3 WHERE id = ?1",
	[SEEN_ROLE] =
		"UPDATE role SET first = min(first, ?6), last = max(last, ?7) WHERE asset = ?1 AND role = ?2 AND ipproto = ?3"
		" AND port = ?4 AND proto = ?5",
	[GET_ROLE] =
		"SELECT 1 FROM role WHERE asset = ?1 AND role = ?2 AND ipproto = ?3 AND port = ?4 AND proto <> ''",
	[COUNT_ROLES] = "SELECT count(*) FROM role WHERE asset = ?1",
	[ADD_ROLE] =
		"INSERT INTO role (asset, role, ipproto, port, proto, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[DROP_UNREAD] =
		"DELETE FROM role WHERE asset = ?1 AND role = ?2 AND ipproto = ?3 AND port = ?4 AND proto = ''",
	[GET_IDENT] =
		"SELECT value, last, told FROM ident WHERE asset = ?1 AND proto = ?2 AND unit = ?3 AND kind = ?4",
	[COUNT_IDENTS] = "SELECT count(*) FROM ident WHERE asset = ?1",
	[ADD_IDENT] = "INSERT INTO ident (asset, proto, unit, kind, value, changes, told, first, since, last)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6, ?7)",
	[SEEN_IDENT] =
		"UPDATE ident SET first = min(first, ?5), last = max(last, ?6) WHERE asset = ?1 AND proto = ?2"
		" AND unit = ?3 AND kind = ?4",
	[CHANGE_IDENT] =
		"UPDATE ident SET before = value, value = ?5, changes = changes + 1, since = ?6, last = ?7, told = ?8"
		" WHERE asset = ?1 AND proto = ?2 AND unit = ?3 AND kind = ?4",
	[PUT_RING] = "INSERT OR REPLACE INTO ring (epoch, tail, used) VALUES (?1, ?2, ?3)",
};

/* ---- opening, closing ---- */

static void count_rows(struct asset_db *a)
{
	sqlite3_stmt *q = db_prepare(&a->db, "SELECT zone, count(*) FROM asset GROUP BY zone");

	a->rows = 0;
	a->parts = (uint64_t)db_number(
		&a->db, "SELECT (SELECT count(*) FROM role) + (SELECT count(*) FROM ident)", 0);
	a->nzones = 0;
	while (q && db_step(&a->db, q) == SQLITE_ROW) {
		a->rows += (uint64_t)sqlite3_column_int64(q, 1);
		if (a->nzones == ASSET_ZONES)
			continue;
		snprintf(a->zones[a->nzones].name, ASSET_ZONE_NAME, "%s",
			 (const char *)sqlite3_column_text(q, 0));
		a->zones[a->nzones++].rows = (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
}

static bool prepare(struct asset_db *a)
{
	bool good = true;

	for (unsigned i = 0; good && i < STATEMENTS; i++)
		good = (a->st[i] = db_prepare(&a->db, sql[i])) != NULL;
	if (good)
		count_rows(a);
	else
		asset_close(a);
	return good;
}

void asset_open(struct asset_db *a, struct log *log)
{
	*a = (struct asset_db){.log = log};
	if (!db_open(&a->db, "assets.db", steps, false, true) || !prepare(a))
		return;
	/* Each start of the firewall makes new rings. */
	db_run(&a->db,
	       "DELETE FROM ring WHERE epoch NOT IN (SELECT epoch FROM ring ORDER BY used DESC LIMIT 64)");
}

bool asset_open_memory(struct asset_db *a)
{
	*a = (struct asset_db){.log = NULL};
	return db_open_memory(&a->db, steps) && prepare(a);
}

void asset_close(struct asset_db *a)
{
	a->fresh = true;
	asset_flush(a, INT64_MAX);
	for (unsigned i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(a->st[i]);
		a->st[i] = NULL;
	}
	db_close(&a->db);
}

/* ---- keeping ---- */

/* Runs a statement that gives no rows. Did it change any? */
static bool run(struct asset_db *a, enum statement s)
{
	bool ok = db_step(&a->db, a->st[s]) == SQLITE_DONE && sqlite3_changes(a->db.sql) > 0;

	sqlite3_reset(a->st[s]);
	return ok;
}

/* The one number of a question; otherwise when there is none. */
static int64_t number(struct asset_db *a, enum statement s, int64_t otherwise)
{
	int64_t n = otherwise;

	if (db_step(&a->db, a->st[s]) == SQLITE_ROW)
		n = sqlite3_column_int64(a->st[s], 0);
	sqlite3_reset(a->st[s]);
	return n;
}

/* The zone's count; NULL when so many zones are counted already. */
static uint64_t *zone_rows(struct asset_db *a, const char *zone)
{
	for (unsigned i = 0; i < a->nzones; i++)
		if (strncmp(a->zones[i].name, zone, ASSET_ZONE_NAME - 1) == 0)
			return &a->zones[i].rows;
	if (a->nzones == ASSET_ZONES)
		return NULL;
	snprintf(a->zones[a->nzones].name, ASSET_ZONE_NAME, "%s", zone);
	a->zones[a->nzones].rows = 0;
	return &a->zones[a->nzones++].rows;
}

static void full(struct asset_db *a)
{
	a->lost++;
	if (!a->told)
		complain("assets.db is full: new assets, roles or identifications are counted, not kept");
	a->told = true;
}

static bool due(int64_t told_us, int64_t now_us)
{
	return now_us - told_us >= ASSET_TELL_US || now_us < told_us;
}

static void keep_mac(struct asset_db *a, int64_t id, const struct asset_news *about, const uint8_t *known,
		     int64_t told_us)
{
	const struct sighting *s = about->s;
	bool tell = known && due(told_us, s->last_us);
	sqlite3_stmt *set = a->st[SET_MAC];

	if (!s->has_mac || (known && memcmp(known, s->mac, 6) == 0))
		return;
	sqlite3_bind_int64(set, 1, id);
	sqlite3_bind_blob(set, 2, s->mac, 6, SQLITE_STATIC);
	sqlite3_bind_int64(set, 3, tell ? s->last_us : told_us);
	run(a, SET_MAC);
	a->fresh = true;
	if (tell) {
		struct asset_news n = *about;
		char now[18], before[18];

		asset_mac_print(s->mac, now);
		asset_mac_print(known, before);
		n.change = "mac";
		n.value = now;
		n.before = before;
		asset_say(a, &n);
	}
}

/* The asset's number, made where there is none (*made); 0: there is no room. */
static int64_t find_asset(struct asset_db *a, const struct asset_news *about, bool *made)
{
	sqlite3_stmt *get = a->st[GET_ASSET], *add = a->st[ADD_ASSET], *seen = a->st[SEEN_ASSET];
	const struct sighting *s = about->s;
	uint8_t mac[6];
	bool has_mac = false;
	int64_t id = 0, told_us = 0;

	sqlite3_bind_text(get, 1, about->zone, -1, SQLITE_STATIC);
	sqlite3_bind_blob(get, 2, s->address, 16, SQLITE_STATIC);
	if (db_step(&a->db, get) == SQLITE_ROW) {
		id = sqlite3_column_int64(get, 0);
		has_mac = sqlite3_column_bytes(get, 1) == 6;
		if (has_mac)
			memcpy(mac, sqlite3_column_blob(get, 1), 6);
		told_us = sqlite3_column_int64(get, 2);
	}
	sqlite3_reset(get);
	*made = id == 0;
	if (id) {
		sqlite3_bind_int64(seen, 1, id);
		sqlite3_bind_int64(seen, 2, s->first_us);
		sqlite3_bind_int64(seen, 3, s->last_us);
		run(a, SEEN_ASSET);
	} else {
		uint64_t *rows = zone_rows(a, about->zone);

		if (a->rows >= ASSET_ROWS || (rows && *rows >= ASSET_ZONE_ROWS)) {
			full(a);
			return 0;
		}
		sqlite3_bind_text(add, 1, about->zone, -1, SQLITE_STATIC);
		sqlite3_bind_blob(add, 2, s->address, 16, SQLITE_STATIC);
		sqlite3_bind_int64(add, 3, s->first_us);
		sqlite3_bind_int64(add, 4, s->last_us);
		if (!run(a, ADD_ASSET)) {
			a->lost++;
			return 0;
		}
		id = sqlite3_last_insert_rowid(a->db.sql);
		a->rows++;
		if (rows)
			++*rows;
		a->fresh = true;
	}
	keep_mac(a, id, about, has_mac ? mac : NULL, told_us);
	return id;
}

static void bind_role(sqlite3_stmt *q, int64_t id, const struct asset_news *about, bool values)
{
	const struct sighting *s = about->s;

	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, s->role);
	sqlite3_bind_int(q, 3, s->ipproto);
	sqlite3_bind_int(q, 4, s->port);
	if (!values)
		return;
	sqlite3_bind_text(q, 5, about->proto ? about->proto : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 6, s->first_us);
	sqlite3_bind_int64(q, 7, s->last_us);
}

static void keep_role(struct asset_db *a, int64_t id, struct asset_news *about, bool made)
{
	bind_role(a->st[SEEN_ROLE], id, about, true);
	if (run(a, SEEN_ROLE))
		return;
	if (!about->proto) {
		bind_role(a->st[GET_ROLE], id, about, false);
		if (number(a, GET_ROLE, 0))
			return;
	}
	if (about->proto) {
		bind_role(a->st[DROP_UNREAD], id, about, false);
		a->parts -= run(a, DROP_UNREAD);
	}
	sqlite3_bind_int64(a->st[COUNT_ROLES], 1, id);
	if (a->parts >= ASSET_PARTS || number(a, COUNT_ROLES, ASSET_ROLES) >= ASSET_ROLES) {
		full(a);
		return;
	}
	bind_role(a->st[ADD_ROLE], id, about, true);
	if (!run(a, ADD_ROLE)) {
		a->lost++;
		return;
	}
	a->parts++;
	a->fresh = true;
	about->change = made ? "new" : "role";
	asset_say(a, about);
}

/*
 * What a device said, as text that may stand in a terminal: UTF-8 without control characters (what is no UTF-8 is dealt with where it is
 * printed), up to the first 0, without blanks around it.
 */
static void value_of(const struct sighting *s, char buf[ASSET_VALUE])
{
	size_t n = 0, len = s->text_len <= SIGHT_TEXT ? s->text_len : SIGHT_TEXT;

	if (s->text_len == 0 && s->ident == IDENT_VERSION) {
		snprintf(buf, ASSET_VALUE, "%u.%u", s->number >> 16, s->number & 0xffff);
		return;
	}
	if (s->text_len == 0) {
		snprintf(buf, ASSET_VALUE, "%u", s->number);
		return;
	}
	for (size_t i = 0; i < len && s->text[i]; i++) {
		uint8_t c = s->text[i];
		bool c1 = c == 0xc2 && i + 1 < len && s->text[i + 1] >= 0x80 && s->text[i + 1] < 0xa0;

		if (c == ' ' && n == 0)
			continue;
		buf[n++] = (char)(c < 0x20 || c == 0x7f || c1 ? '.' : c);
		i += c1;
	}
	while (n > 0 && buf[n - 1] == ' ')
		n--;
	buf[n] = 0;
}

static void bind_ident(sqlite3_stmt *q, int64_t id, const struct asset_news *about)
{
	const struct sighting *s = about->s;

	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_text(q, 2, about->proto ? about->proto : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, s->has_unit ? (int64_t)s->unit : ASSET_NO_UNIT);
	sqlite3_bind_text(q, 4, ident_name(s->ident), -1, SQLITE_STATIC);
}

static void add_ident(struct asset_db *a, int64_t id, const struct asset_news *about)
{
	sqlite3_stmt *add = a->st[ADD_IDENT];

	sqlite3_bind_int64(a->st[COUNT_IDENTS], 1, id);
	if (a->parts >= ASSET_PARTS || number(a, COUNT_IDENTS, ASSET_IDENTS) >= ASSET_IDENTS) {
		full(a);
		return;
	}
	bind_ident(add, id, about);
	sqlite3_bind_blob(add, 5, about->value, (int)strlen(about->value), SQLITE_STATIC);
	sqlite3_bind_int64(add, 6, about->s->first_us);
	sqlite3_bind_int64(add, 7, about->s->last_us);
	if (!run(a, ADD_IDENT)) {
		a->lost++;
		return;
	}
	a->parts++;
	a->fresh = true;
}

static void keep_ident(struct asset_db *a, int64_t id, const struct asset_news *told)
{
	sqlite3_stmt *get = a->st[GET_IDENT], *seen = a->st[SEEN_IDENT], *change = a->st[CHANGE_IDENT];
	const struct sighting *s = told->s;
	struct asset_news about = *told;
	char before[ASSET_VALUE] = "", value[ASSET_VALUE];
	int64_t last_us = 0, told_us = 0;
	bool known = false;

	value_of(s, value);
	if (!*value)
		return;
	about.value = value;
	bind_ident(get, id, &about);
	if (db_step(&a->db, get) == SQLITE_ROW) {
		known = true;
		snprintf(before, sizeof(before), "%.*s", sqlite3_column_bytes(get, 0),
			 (const char *)sqlite3_column_blob(get, 0));
		last_us = sqlite3_column_int64(get, 1);
		told_us = sqlite3_column_int64(get, 2);
	}
	sqlite3_reset(get);
	if (!known) {
		add_ident(a, id, &about);
		return;
	}
	if (strcmp(before, value) == 0) {
		bind_ident(seen, id, &about);
		sqlite3_bind_int64(seen, 5, s->first_us);
		sqlite3_bind_int64(seen, 6, s->last_us);
		run(a, SEEN_IDENT);
		return;
	}
	if (s->last_us < last_us)
		return; /* what it said before: told late, or read twice */
	bool tell = due(told_us, s->last_us);
	bind_ident(change, id, &about);
	sqlite3_bind_blob(change, 5, value, (int)strlen(value), SQLITE_STATIC);
	sqlite3_bind_int64(change, 6, s->last_us);
	sqlite3_bind_int64(change, 7, s->last_us);
	sqlite3_bind_int64(change, 8, tell ? s->last_us : told_us);
	run(a, CHANGE_IDENT);
	a->fresh = true;
	about.change = "identification";
	about.before = before;
	if (tell)
		asset_say(a, &about);
}

void asset_keep(struct asset_db *a, const struct policy *p, const char *zone, const struct sighting *told)
{
	struct sighting s = *told;
	int64_t now = clock_us();
	bool made;

	if (s.role >= SIGHT_ROLES || (s.ipproto != 6 && s.ipproto != 17) || s.proto < -1 ||
	    s.proto >= PROTO_COUNT || (s.ident != SIGHT_NO_IDENT && s.ident >= IDENT_COUNT)) {
		a->unknown++;
		return;
	}
	if (!a->db.sql) {
		a->lost++;
		return;
	}
	/* A clock that is wrong in the other process makes nothing that was seen tomorrow. */
	if (s.last_us > now || s.last_us < 0)
		s.last_us = now;
	if (s.first_us > s.last_us || s.first_us < 0)
		s.first_us = s.last_us;
	if (a->begun_us == 0 && !db_run(&a->db, "BEGIN")) {
		a->lost++;
		return;
	}
	if (a->begun_us == 0)
		a->begun_us = now;
	struct asset_news about = {.zone = zone,
				   .s = &s,
				   .p = p,
				   .proto = s.proto < 0 ? NULL : proto_get((unsigned)s.proto)->name};
	int64_t id = find_asset(a, &about, &made);
	if (id == 0)
		return;
	if (s.ident == SIGHT_NO_IDENT)
		keep_role(a, id, &about, made);
	else
		keep_ident(a, id, &about);
}

void asset_flush(struct asset_db *a, int64_t now_us)
{
	asset_say_rest(a, now_us);
	if (a->begun_us == 0 || (!a->fresh && now_us - a->begun_us < ASSET_WRITE_US && now_us >= a->begun_us))
		return;
	if (!db_run(&a->db, "COMMIT"))
		count_rows(a);
	a->begun_us = 0;
	a->fresh = false;
}

/* ---- rings ---- */

void asset_begin(struct asset_db *a, struct asset_reader *in, struct assets *assets, uint64_t epoch)
{
	sqlite3_stmt *q = db_prepare(&a->db, "SELECT tail FROM ring WHERE epoch = ?1");

	*in = (struct asset_reader){.assets = assets, .epoch = epoch};
	if (!q)
		return;
	sqlite3_bind_int64(q, 1, (int64_t)epoch);
	if (db_step(&a->db, q) == SQLITE_ROW)
		in->tail = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	/* A number that is not of this ring: from the oldest that is kept. */
	if (in->tail > atomic_load(&assets->head))
		in->tail = 0;
}

void asset_drain(struct asset_db *a, struct asset_reader *in,
		 const struct policy *(*policy_of)(void *ctx, uint32_t generation), void *ctx)
{
	uint64_t from = in->tail;
	struct policy_zone z;
	struct sighting s;

	for (unsigned n = 0; n < ASSET_A_TURN && asset_get(in->assets, &in->tail, &s, &in->lost) == 1; n++) {
		const struct policy *p = policy_of(ctx, s.generation);
		int zone = p ? policy_zone_of(p, s.address) : -1;

		if (zone >= 0 && policy_zone_get(p, (unsigned)zone, &z))
			asset_keep(a, p, z.name, &s);
		else
			a->unknown++;
	}
	if (in->tail == from || a->begun_us == 0)
		return;
	sqlite3_bind_int64(a->st[PUT_RING], 1, (int64_t)in->epoch);
	sqlite3_bind_int64(a->st[PUT_RING], 2, (int64_t)in->tail);
	sqlite3_bind_int64(a->st[PUT_RING], 3, clock_us());
	run(a, PUT_RING);
}
