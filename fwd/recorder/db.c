/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

#define PATH_MAX_OF 96
#define BUSY_MS     50 /* somebody else looks at the file (a backup): events wait in their rings meanwhile */

/* By descriptor: the way to the directory by its name may be closed to us. */
static void path_of(char path[PATH_MAX_OF], const char *name, const char *behind)
{
	snprintf(path, PATH_MAX_OF, "/proc/self/fd/%d/%s%s", FD_STATE, name, behind);
}

static void tell(struct db *db, const char *what)
{
	if (!db->told)
		complain("%s: %s%s%s", db->name, what, db->sql ? ": " : "",
			 db->sql ? sqlite3_errmsg(db->sql) : "");
	db->told = true;
}

bool db_run(struct db *db, const char *sql)
{
	if (!db->sql)
		return false;
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK) {
		tell(db, "cannot be written");
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL); /* of whatever was begun */
		return false;
	}
	db->told = false;
	return true;
}

int64_t db_number(struct db *db, const char *sql, int64_t otherwise)
{
	sqlite3_stmt *s = db_prepare(db, sql);
	int64_t n = otherwise;

	if (s && sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (!db->sql)
		return NULL;
	if (sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		tell(db, "cannot be asked");
	return s;
}

int db_step(struct db *db, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		tell(db, "cannot be read or written");
	else
		db->told = false;
	return rc;
}

void db_close(struct db *db)
{
	sqlite3_close(db->sql);
	db->sql = NULL;
}

static bool take_steps(struct db *db, const char *const *steps)
{
	int64_t version = db_number(db, "PRAGMA user_version", -1), last = 0;
	char sql[64];

	while (steps[last])
		last++;
	if (version < 0 || version > last) {
		tell(db, version < 0 ? "is damaged" : "was written by a newer version");
		return false;
	}
	for (int64_t v = version; v < last; v++) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld; COMMIT", (long long)v + 1);
		if (!db_run(db, "BEGIN IMMEDIATE") || !db_run(db, steps[v]) || !db_run(db, sql))
			return false;
	}
	return true;
}

/* SQLite would look up what the descriptor stands for, and the way there by name is closed to us: the path is taken as it is. */
static int path_kept(sqlite3_vfs *v, const char *name, int cap, char *out)
{
	int n = snprintf(out, (size_t)cap, "%s", name);

	(void)v;
	return n < 0 || n >= cap ? SQLITE_CANTOPEN : SQLITE_OK;
}

static const char *files(void)
{
	static sqlite3_vfs v;

	if (!v.zName) {
		v = *sqlite3_vfs_find(NULL);
		v.zName = "otfw";
		v.xFullPathname = path_kept;
		v.pNext = NULL;
		sqlite3_vfs_register(&v, 0);
	}
	return v.zName;
}

static bool open_once(struct db *db, const char *path, const char *const *steps, bool sync_full)
{
	int rc = sqlite3_open_v2(path, &db->sql,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_PRIVATECACHE,
				 files());

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db->sql, BUSY_MS);
		if (db_run(db, "PRAGMA journal_mode = WAL") &&
		    db_run(db, sync_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL") &&
		    take_steps(db, steps))
			return true;
	} else {
		tell(db, "cannot be opened");
	}
	db_close(db);
	return false;
}

bool db_open(struct db *db, const char *name, const char *const *steps, bool sync_full, bool anew)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char path[PATH_MAX_OF], aside[PATH_MAX_OF];

	*db = (struct db){.name = name};
	if (fcntl(FD_STATE, F_GETFD) < 0)
		return false; /* the guardian has said that there is no state directory */
	path_of(path, name, "");
	if (open_once(db, path, steps, sync_full))
		return true;
	if (!anew || access(path, F_OK) != 0)
		return false;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char damaged[32];

		snprintf(damaged, sizeof(damaged), ".damaged%s", parts[i]);
		path_of(path, name, parts[i]);
		path_of(aside, name, damaged);
		if (rename(path, aside) != 0 && errno != ENOENT)
			complain("%s: keep it aside: %s", name, strerror(errno));
	}
	path_of(path, name, "");
	db->told = false;
	return open_once(db, path, steps, sync_full);
}

bool db_open_memory(struct db *db, const char *const *steps)
{
	*db = (struct db){.name = "memory"};
	if (sqlite3_open(":memory:", &db->sql) == SQLITE_OK && take_steps(db, steps))
		return true;
	tell(db, "cannot be opened");
	db_close(db);
	return false;
}
