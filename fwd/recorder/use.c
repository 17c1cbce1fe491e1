/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters only grow in memory that may go away; the database remembers, in the same transaction as the sums, how much of each counter it has taken
 * ("taken", by the memory's epoch, the generation and the rule). So whoever dies in between, nothing is counted twice; what an engine counted
 * and nobody folded before its memory was gone is all that can be missing.
 */
#include "fwd/recorder/use.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/recorder/db.h"

#define FOLD_US      INT64_C(5000000)
#define DAY_US       INT64_C(86400000000)
#define NAME_LONGEST 160
#define LANES_US                                                                                             \
	INT64_C(3600000000) /* between readings that nobody asked for: they print the whole ruleset */
#define ANSWER_PART (JSONL_MAX / 2)

static const char *const steps[] = {
	"CREATE TABLE use (name TEXT PRIMARY KEY, total INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE day (name TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (name, day)) WITHOUT ROWID;"
	"CREATE TABLE taken (epoch INTEGER NOT NULL, generation INTEGER NOT NULL, counter TEXT NOT NULL, n INTEGER NOT NULL,"
	" PRIMARY KEY (epoch, generation, counter)) WITHOUT ROWID;",
	NULL,
};

enum statement { ADD_USE, ADD_DAY, OLD_DAYS, GET_TAKEN, GET_ONE, PUT_TAKEN, GET_USE, STATEMENTS };
static const char *const sql[STATEMENTS] = {
	[ADD_USE] =
		("INSERT INTO use VALUES (?1, ?2, ?3, ?3) ON CONFLICT (name) DO UPDATE SET total = total + ?2,"
		 " last_us = max(last_us, ?3)"),
	[ADD_DAY] = "INSERT INTO day VALUES (?1, ?2, ?3) ON CONFLICT (name, day) DO UPDATE SET n = n + ?3",
	[OLD_DAYS] = "DELETE FROM day WHERE name = ?1 AND day < ?2",
	[GET_TAKEN] = "SELECT counter, n FROM taken WHERE epoch = ?1 AND generation = ?2",
	[GET_ONE] = "SELECT n FROM taken WHERE epoch = ?1 AND generation = ?2 AND counter = ?3",
	[PUT_TAKEN] = "INSERT OR REPLACE INTO taken VALUES (?1, ?2, ?3, ?4)",
	[GET_USE] =
		"SELECT total, first_us, last_us, (SELECT count(*) FROM day WHERE day.name = use.name) FROM use WHERE name = ?1",
};

/* What was taken from one table of one memory. */
struct taken {
	uint64_t epoch;
	uint32_t generation;
	uint32_t n;
	uint64_t *of; /* by rule */
};
struct use_book {
	struct db db;
	sqlite3_stmt *st[STATEMENTS];
	struct taken taken[QUEUES_MAX * SHM_USE_TABLES];
	int64_t folded_us, lanes_us;
	bool begun; /* a transaction */
};

void use_close(struct recorder *r)
{
	struct use_book *b = r->use;

	if (!b)
		return;
	for (unsigned i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(b->st[i]);
	for (unsigned i = 0; i < QUEUES_MAX * SHM_USE_TABLES; i++)
		free(b->taken[i].of);
	db_close(&b->db);
	free(b);
	r->use = NULL;
}

void use_open(struct recorder *r)
{
	bool good = true;

	r->use = calloc(1, sizeof(*r->use));
	if (!r->use) {
		complain("no memory for the use of rules");
		return;
	}
	int64_t now = clock_us();
	good = db_open(&r->use->db, "rules.db", steps, false, true);
	for (unsigned i = 0; good && i < STATEMENTS; i++)
		good = (r->use->st[i] = db_prepare(&r->use->db, sql[i])) != NULL;
	r->use->lanes_us = now;
	if (!good)
		use_close(r);
}

bool use_known(const struct recorder *r)
{
	return r->use != NULL;
}

/* Runs a statement that gives no rows. */
static bool run(struct use_book *b, enum statement s)
{
	int rc = db_step(&b->db, b->st[s]);

	sqlite3_reset(b->st[s]);
	return rc == SQLITE_DONE;
}

static bool begin(struct use_book *b)
{
	if (!b->begun)
		b->begun = db_run(&b->db, "BEGIN IMMEDIATE");
	return b->begun;
}

/* n more operations of name, the last of them at last_us; the counter that said so stands at now. */
static bool add(struct use_book *b, const char *name, uint64_t n, int64_t last_us, uint64_t epoch,
		uint32_t generation, const char *counter, uint64_t now)
{
	int64_t day = last_us / DAY_US;
	sqlite3_stmt *use = b->st[ADD_USE], *on = b->st[ADD_DAY], *old = b->st[OLD_DAYS],
		     *put = b->st[PUT_TAKEN];

	if (!begin(b))
		return false;
	sqlite3_bind_text(use, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(use, 2, (int64_t)n);
	sqlite3_bind_int64(use, 3, last_us);
	sqlite3_bind_text(on, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(on, 2, day);
	sqlite3_bind_int64(on, 3, (int64_t)n);
	sqlite3_bind_text(old, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(old, 2, day - USE_DAYS_KEPT);
	sqlite3_bind_int64(put, 1, (int64_t)epoch);
	sqlite3_bind_int64(put, 2, generation);
	sqlite3_bind_text(put, 3, counter, -1, SQLITE_STATIC);
	sqlite3_bind_int64(put, 4, (int64_t)now);
	return run(b, ADD_USE) && run(b, ADD_DAY) && run(b, OLD_DAYS) && run(b, PUT_TAKEN);
}

/* What was taken of it so far: from memory, or as the database has it. NULL: no memory. */
static struct taken *taken_of(struct use_book *b, struct taken *t, uint64_t epoch, uint32_t generation,
			      uint32_t nrules)
{
	sqlite3_stmt *get = b->st[GET_TAKEN];

	if (t->of && t->epoch == epoch && t->generation == generation && t->n == nrules)
		return t;
	free(t->of);
	*t = (struct taken){.epoch = epoch, .generation = generation, .n = nrules};
	t->of = calloc(nrules ? nrules : 1, sizeof(*t->of));
	if (!t->of)
		return NULL;
	sqlite3_bind_int64(get, 1, (int64_t)epoch);
	sqlite3_bind_int64(get, 2, generation);
	while (db_step(&b->db, get) == SQLITE_ROW) {
		unsigned long rule = strtoul((const char *)sqlite3_column_text(get, 0), NULL, 10);

		if (rule < nrules)
			t->of[rule] = (uint64_t)sqlite3_column_int64(get, 1);
	}
	sqlite3_reset(get);
	return t;
}

/* One table of one queue. False: nothing of it may be kept. */
static bool fold_table(struct recorder *r, const struct shm *shm, const struct shm_use_table *t,
		       struct taken *taken)
{
	uint32_t generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	const struct policy *p = generation ? image_find(r, generation) : NULL;
	uint32_t n = p ? policy_rules(p) : 0;

	if (!p || n > POLICY_NO_RULE || !(taken = taken_of(r->use, taken, shm->epoch, generation, n)))
		return true;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t now = atomic_load_explicit(&t->rules[i].n, memory_order_relaxed);
		int64_t last = atomic_load_explicit(&t->rules[i].last_us, memory_order_relaxed);
		char name[NAME_LONGEST], counter[16];

		/* The other process is not believed to only ever add. */
		if (now <= taken->of[i] || !rule_print(p, i, name, sizeof(name)))
			continue;
		snprintf(counter, sizeof(counter), "%" PRIu32, i);
		if (!add(r->use, name, now - taken->of[i], last, shm->epoch, generation, counter, now))
			return false;
		taken->of[i] = now;
	}
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&t->generation, memory_order_relaxed) == generation;
}

/* Taken is what the database has: after a transaction that came to nothing it is read again. */
static void finish(struct use_book *b, bool good)
{
	if (b->begun && good && db_run(&b->db, "COMMIT")) {
		b->begun = false;
		return;
	}
	if (b->begun && sqlite3_get_autocommit(b->db.sql) == 0)
		db_run(&b->db, "ROLLBACK");
	if (b->begun || !good)
		for (unsigned i = 0; i < QUEUES_MAX * SHM_USE_TABLES; i++) {
			free(b->taken[i].of);
			b->taken[i] = (struct taken){.of = NULL};
		}
	b->begun = false;
}

/* Memories that are gone are not asked again. */
static void forget(struct recorder *r)
{
	char text[64 + QUEUES_MAX * 24];
	size_t at = (size_t)snprintf(text, sizeof(text), "DELETE FROM taken WHERE epoch NOT IN (0");

	for (unsigned i = 0; i < r->nqueues && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",%" PRId64,
				       (int64_t)r->queues[i].shm->epoch);
	if (at + 2 < sizeof(text)) {
		strcpy(text + at, ")");
		db_run(&r->use->db, text);
	}
}

void use_fold(struct recorder *r)
{
	if (!r->use)
		return;
	for (unsigned q = 0; q < r->nqueues; q++) {
		struct shm *shm = r->queues[q].shm;

		/* Each table by itself: one that is begun anew under our eyes spoils nothing else. */
		for (unsigned k = 0; k < SHM_USE_TABLES; k++)
			finish(r->use, fold_table(r, shm, shm_use_table(shm, k),
						  &r->use->taken[q * SHM_USE_TABLES + k]));
	}
	r->use->folded_us = clock_us();
}

void use_look(struct recorder *r)
{
	int64_t now = clock_us();

	if (!r->use || r->nqueues == 0 || (now - r->use->folded_us < FOLD_US && now >= r->use->folded_us))
		return;
	if (r->use->folded_us == 0)
		forget(r);
	use_fold(r);
}

/* Two rules of one name after cleaning share a counter, which is then nobody's: names that clean to another are. */
static void lane(struct recorder *r, const struct ledger_lane *l, const char *name)
{
	struct use_book *b = r->use;
	uint64_t epoch = r->queues[0].shm->epoch, before = 0;
	uint32_t generation = r->images[0].generation;
	sqlite3_stmt *get = b->st[GET_ONE];
	char counter[NAME_LONGEST];

	snprintf(counter, sizeof(counter), "lane %s", l->name);
	sqlite3_bind_int64(get, 1, (int64_t)epoch);
	sqlite3_bind_int64(get, 2, generation);
	sqlite3_bind_text(get, 3, counter, -1, SQLITE_STATIC);
	if (db_step(&b->db, get) == SQLITE_ROW)
		before = (uint64_t)sqlite3_column_int64(get, 0);
	sqlite3_reset(get);
	if (l->packets == before)
		return;
	/* Below what it was: the ruleset was filled once more within a generation, and it has begun anew. */
	uint64_t n = l->packets > before ? l->packets - before : l->packets;
	bool good = n == 0 || add(b, name, n, clock_us(), epoch, generation, counter, l->packets);
	finish(b, good);
}

void use_lanes(struct recorder *r)
{
	const struct policy *p = image_newest(r);
	struct policy_rule rule;
	struct policy_conduit c;

	if (!r->use || !p || r->nqueues == 0 || !r->ledger.good)
		return;
	for (unsigned i = 0; policy_rule_get(p, i, &rule); i++) {
		char conduit[48], id[48], clean[100], name[NAME_LONGEST];

		if (rule.lane != LANE_KERNEL || !policy_conduit_get(p, rule.conduit, &c) ||
		    !rule_print(p, i, name, sizeof(name)))
			continue;
		policy_clean(c.name, conduit, sizeof(conduit));
		policy_clean(rule.id, id, sizeof(id));
		snprintf(clean, sizeof(clean), "%s/%s", conduit, id);
		for (unsigned k = 0; k < r->ledger.nlanes; k++)
			if (strcmp(r->ledger.lanes[k].name, clean) == 0)
				lane(r, &r->ledger.lanes[k], name);
	}
	r->use->lanes_us = clock_us();
}

bool use_lanes_due(struct recorder *r)
{
	const struct policy *p = image_newest(r);
	int64_t now = clock_us();
	struct policy_rule rule;

	if (!r->use || !p || (now - r->use->lanes_us < LANES_US && now >= r->use->lanes_us))
		return false;
	r->use->lanes_us = now;
	for (unsigned i = 0; policy_rule_get(p, i, &rule); i++)
		if (rule.lane == LANE_KERNEL)
			return true;
	return false;
}

bool use_get(struct recorder *r, const char *name, struct use_sum *out)
{
	sqlite3_stmt *get = r->use ? r->use->st[GET_USE] : NULL;
	bool found = false;

	*out = (struct use_sum){.total = 0};
	if (!get)
		return false;
	sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
	if (db_step(&r->use->db, get) == SQLITE_ROW) {
		*out = (struct use_sum){.total = (uint64_t)sqlite3_column_int64(get, 0),
					.first_us = sqlite3_column_int64(get, 1),
					.last_us = sqlite3_column_int64(get, 2),
					.days = (unsigned)sqlite3_column_int64(get, 3)};
		found = true;
	}
	sqlite3_reset(get);
	return found;
}

void use_print(struct recorder *r, unsigned from, struct jsonl *j)
{
	const struct policy *p = image_newest(r);
	struct policy_conduit c;
	struct policy_rule rule;
	char name[NAME_LONGEST];

	jsonl_bool(j, "rules-known", use_known(r));
	jsonl_array(j, "rules");
	unsigned i = from;
	for (; p && j->len < ANSWER_PART && policy_rule_get(p, i, &rule); i++) {
		struct use_sum s;

		if (!rule_print(p, i, name, sizeof(name)) || !policy_conduit_get(p, rule.conduit, &c))
			continue;
		use_get(r, name, &s);
		jsonl_object(j, NULL);
		jsonl_str(j, "rule", name);
		jsonl_str(j, "conduit", c.name);
		jsonl_str(j, "id", rule.id);
		jsonl_str(j, "lane", rule.lane == LANE_KERNEL ? "kernel" : "inspected");
		jsonl_str(j, "protocol", rule.proto < 0 ? NULL : proto_get((unsigned)rule.proto)->name);
		jsonl_str(j, "reason", rule.reason);
		jsonl_str(j, "owner", rule.owner);
		jsonl_str(j, "ticket", rule.ticket);
		jsonl_uint(j, "total", s.total);
		jsonl_uint(j, "days", s.days);
		if (s.total) {
			jsonl_time(j, "first", s.first_us);
			jsonl_time(j, "last", s.last_us);
		} else {
			jsonl_null(j, "first");
			jsonl_null(j, "last");
		}
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_uint(j, "rules-total", p ? policy_rules(p) : 0);
	if (p && i < policy_rules(p))
		jsonl_uint(j, "next", i);
	else
		jsonl_null(j, "next");
}
