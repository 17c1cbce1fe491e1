/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SQLite as the recorder uses it: files in the directory the guardian gave (FD_STATE), write-ahead log, a schema with a
 * version that is raised step by step. Nothing here is needed for a verdict: a file that cannot be opened or written is
 * said once, and what would have gone into it is counted as lost by its owner.
 */
#ifndef OTFW_FWD_RECORDER_DB_H
#define OTFW_FWD_RECORDER_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct db {
	sqlite3 *sql;     /* NULL: not open */
	const char *name; /* the file's, in the state directory */
	bool told;        /* that it fails, since it last worked */
};

/*
 * Opens or makes `name`. steps: statements that lead from each version of the schema to the next, NULL ends; the file's
 * version is user_version. sync_full: each commit is on the disk before it returns (the audit chain), else a power cut may cost the last ones.
 * A damaged file, or one of a newer version, is moved aside to NAME.damaged and begun anew where `anew` is set, else left alone and not opened.
 * False after having said why.
 */
bool db_open(struct db *db, const char *name, const char *const *steps, bool sync_full, bool anew);
/* The same in memory, gone with db_close(). */
bool db_open_memory(struct db *db, const char *const *steps);
void db_close(struct db *db);
/* Statements without results. False after having said why (once until it works again). */
bool db_run(struct db *db, const char *sql);
/* One statement to be kept and used again; NULL after having said why. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql);
/* SQLITE_ROW or SQLITE_DONE; anything else has been said. */
int db_step(struct db *db, sqlite3_stmt *s);
/* A question with one number as its answer; otherwise when there is none. */
int64_t db_number(struct db *db, const char *sql, int64_t otherwise);

#endif
