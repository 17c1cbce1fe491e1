/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/recorder/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fwd/common/chain.h"
#include "fwd/recorder/db.h"

#define RETRY_US    1000000
#define ANSWER_PART (JSONL_MAX / 4) /* of text; as a string in JSON it grows, never to four times as much */
#define NOTICE      "<85>"          /* authpriv.notice, as syslog has it */

/* How far a ring has been taken is kept with the records, in one transaction: after a restart it is read from its oldest event. */
static const char *const steps[] = {
	"CREATE TABLE record (n INTEGER PRIMARY KEY, text TEXT NOT NULL, digest BLOB NOT NULL);"
	"CREATE TABLE taken (epoch INTEGER PRIMARY KEY, seq INTEGER NOT NULL);",
	NULL};

struct waiting {
	int64_t ts_us;
	char *body; /* members behind number and time, the closing brace included */
	char *line; /* of the event log without its closing brace; NULL: it has been written, without a number */
	uint64_t epoch, seq; /* of an event of a ring; 0: a command's */
	int64_t n;
	uint8_t digest[CHAIN_DIGEST];
};
struct audit_book {
	struct db db;
	sqlite3_stmt *put, *take, *took, *get;
	int64_t n; /* the head */
	uint8_t digest[CHAIN_DIGEST];
	struct waiting waiting[AUDIT_WAITING];
	unsigned nwaiting;
	uint64_t lost, lost_told; /* records for which there was no room */
	bool failing;
	int64_t retry_us;
	int journal;     /* -1: none */
	uint64_t untold; /* heads that the journal did not take */
};

static char line[JSONL_MAX];

/* ---- one record ---- */

static void who(struct jsonl *j, const char *key, uint32_t uid)
{
	if (uid == AUDIT_ITSELF)
		jsonl_null(j, key);
	else
		jsonl_uint(j, key, uid);
}

static void digest(struct jsonl *j, const char *key, const uint8_t *d)
{
	char hex[2 * POLICY_DIGEST + 1];

	if (d)
		digest_print(d, hex);
	jsonl_str(j, key, d ? hex : NULL);
}

static void change(struct jsonl *j, const struct audit_entry *e)
{
	const struct change_text *c = e->change;

	if (!c) {
		jsonl_null(j, "diff");
		if (e->change_why)
			jsonl_str(j, "diff-why", e->change_why);
		return;
	}
	jsonl_uint(j, "becomes-allowed", c->allowed);
	jsonl_uint(j, "becomes-denied", c->denied);
	jsonl_uint(j, "other-changes", c->changed);
	jsonl_strn(j, "diff", c->text, c->len);
	jsonl_uint(j, "diff-left-out", c->left_out);
}

static void members(struct jsonl *j, const struct audit_entry *e)
{
	jsonl_str(j, "action", e->action);
	who(j, "uid", e->uid);
	who(j, "login", e->login);
	jsonl_bool(j, "refused", e->refused);
	jsonl_str(j, "object", e->object);
	jsonl_str(j, "reason", e->reason);
	jsonl_str(j, "ticket", e->ticket);
	jsonl_str(j, "detail", e->detail);
	digest(j, "before", e->before);
	digest(j, "after", e->after);
	change(j, e);
}

static char *copy(const char *s, size_t n)
{
	char *c = malloc(n + 1);

	if (c) {
		memcpy(c, s, n);
		c[n] = '\0';
	}
	return c;
}

static void waiting_free(struct waiting *w)
{
	free(w->body);
	free(w->line);
	*w = (struct waiting){.body = NULL};
}

/* ---- telling ---- */

/* Never waits for whoever keeps the journal. */
static void tell_journal(struct audit_book *b, const struct waiting *w)
{
	static const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char text[160], hex[CHAIN_HEX];
	int n;

	digest_print(w->digest, hex);
	n = snprintf(text, sizeof(text), NOTICE "otfw-recorder[%d]: audit record %" PRId64 " head %s",
		     (int)getpid(), w->n, hex);
	if (b->journal >= 0 && sendto(b->journal, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
				      (const struct sockaddr *)&to, sizeof(to)) == n)
		return;
	if (b->untold++ == 0)
		complain("there is no journal to tell the audit chain's head to: only the event log has it");
}

/* The event log's line, with the record's number and digest behind it; null while it is not written. */
static void tell_log(struct recorder *r, struct waiting *w, bool written)
{
	struct jsonl j;
	char hex[CHAIN_HEX], tail[CHAIN_HEX + 48];
	int n = snprintf(tail, sizeof(tail), ",\"n\":null,\"head\":null}\n");

	digest_print(w->digest, hex);
	if (written)
		n = snprintf(tail, sizeof(tail), ",\"n\":%" PRId64 ",\"head\":\"%s\"}\n", w->n, hex);
	if (w->line) {
		size_t len = strlen(w->line);

		if (len + (size_t)n < sizeof(line)) {
			memcpy(line, w->line, len);
			memcpy(line + len, tail, (size_t)n);
			log_line(&r->log, line, len + (size_t)n);
		}
	} else if (written) {
		jsonl_open(&j, line, sizeof(line));
		jsonl_object(&j, NULL);
		jsonl_time(&j, "ts", clock_us());
		jsonl_str(&j, "event", "audit");
		jsonl_str(&j, "detail", "a record that had to wait is written");
		jsonl_int(&j, "n", w->n);
		jsonl_str(&j, "head", hex);
		jsonl_object_end(&j);
		jsonl_line(&j);
		log_line(&r->log, line, j.len);
	}
	free(w->line);
	w->line = NULL;
}

/* ---- writing ---- */

static bool run(struct audit_book *b, sqlite3_stmt *s)
{
	int rc = db_step(&b->db, s);

	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

static bool write_one(struct audit_book *b, struct waiting *w, int64_t n, const uint8_t before[CHAIN_DIGEST])
{
	struct jsonl j;

	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_int(&j, "n", n);
	jsonl_time(&j, "ts", w->ts_us);
	size_t body = strlen(w->body);
	if (j.cut || j.len + 1 + body >= sizeof(line))
		return false;
	line[j.len] = ',';
	memcpy(line + j.len + 1, w->body, body);
	size_t len = j.len + 1 + body;
	w->n = n;
	chain_digest(before, line, len, w->digest);
	sqlite3_bind_int64(b->put, 1, n);
	sqlite3_bind_text(b->put, 2, line, (int)len, SQLITE_STATIC);
	sqlite3_bind_blob(b->put, 3, w->digest, CHAIN_DIGEST, SQLITE_STATIC);
	if (!run(b, b->put))
		return false;
	if (w->epoch == 0)
		return true;
	sqlite3_bind_int64(b->take, 1, (int64_t)w->epoch);
	sqlite3_bind_int64(b->take, 2, (int64_t)w->seq);
	return run(b, b->take);
}

/* All of them or none. */
static bool write_all(struct audit_book *b, struct waiting *const *all, unsigned n)
{
	const uint8_t *before = b->digest;

	if (!b->db.sql || !db_run(&b->db, "BEGIN IMMEDIATE"))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!write_one(b, all[i], b->n + 1 + i, before)) {
			if (!sqlite3_get_autocommit(b->db.sql))
				sqlite3_exec(b->db.sql, "ROLLBACK", NULL, NULL, NULL);
			return false;
		}
		before = all[i]->digest;
	}
	if (!db_run(&b->db, "COMMIT")) {
		if (!sqlite3_get_autocommit(b->db.sql))
			sqlite3_exec(b->db.sql, "ROLLBACK", NULL, NULL, NULL);
		return false;
	}
	b->n = all[n - 1]->n;
	memcpy(b->digest, all[n - 1]->digest, CHAIN_DIGEST);
	return true;
}

/* A record about records that are not there. */
static void lost_record(struct audit_book *b, struct waiting *w)
{
	char detail[80];
	struct jsonl j;

	snprintf(detail, sizeof(detail), "%" PRIu64 " records were lost: they could not be written",
		 b->lost - b->lost_told);
	jsonl_open(&j, line, sizeof(line));
	j.comma = false;
	members(&j, &(struct audit_entry){.action = "audit-lost",
					  .uid = AUDIT_ITSELF,
					  .login = AUDIT_ITSELF,
					  .detail = detail});
	jsonl_object_end(&j);
	*w = (struct waiting){.ts_us = clock_us(), .body = copy(line, j.len)};
}

static bool reopen(struct recorder *r);

void audit_settle(struct recorder *r)
{
	struct audit_book *b = r->audit;
	struct waiting *all[AUDIT_WAITING + 1], lost = {.body = NULL};
	unsigned n = 0;
	int64_t now = clock_us();
	bool good;

	if (!b || (b->nwaiting == 0 && b->lost == b->lost_told))
		return;
	good = !b->failing || now >= b->retry_us || now < b->retry_us - RETRY_US;
	if (good && !b->db.sql)
		good = reopen(r);
	if (good) {
		for (unsigned i = 0; i < b->nwaiting; i++)
			all[n++] = &b->waiting[i];
		if (b->lost > b->lost_told) {
			lost_record(b, &lost);
			if (lost.body)
				all[n++] = &lost;
		}
		good = n > 0 && write_all(b, all, n);
		if (!good)
			b->retry_us = now + RETRY_US;
	}
	for (unsigned i = 0; i < b->nwaiting; i++) {
		if (good)
			tell_journal(b, &b->waiting[i]);
		if (good || b->waiting[i].line)
			tell_log(r, &b->waiting[i], good);
		if (good)
			waiting_free(&b->waiting[i]);
	}
	if (good && lost.body) {
		tell_journal(b, &lost);
		tell_log(r, &lost, true);
		b->lost_told = b->lost;
	}
	waiting_free(&lost);
	if (good)
		b->nwaiting = 0;
	if (good && b->failing)
		complain("audit records are written again");
	else if (!good && !b->failing)
		complain("audit records cannot be written; %d are kept until they can", AUDIT_WAITING);
	b->failing = !good;
}

/* Takes body and log line (without closing brace; both the callee's), NULL where there was no memory. */
static void put(struct recorder *r, const struct waiting *w)
{
	struct audit_book *b = r->audit;
	struct waiting lost = *w;

	if (b && b->nwaiting == AUDIT_WAITING)
		audit_settle(r);
	if (b && w->body && b->nwaiting < AUDIT_WAITING) {
		b->waiting[b->nwaiting++] = *w;
		return;
	}
	if (b)
		b->lost++;
	if (lost.line)
		tell_log(r, &lost, false);
	waiting_free(&lost);
}

void audit_add(struct recorder *r, const struct audit_entry *e)
{
	struct waiting w = {.ts_us = clock_us()};
	struct jsonl j;

	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_time(&j, "ts", w.ts_us);
	jsonl_str(&j, "event", "audit");
	members(&j, e);
	w.line = j.cut ? NULL : copy(line, j.len);
	jsonl_open(&j, line, sizeof(line));
	members(&j, e);
	jsonl_object_end(&j);
	w.body = j.cut ? NULL : copy(line, j.len);
	put(r, &w);
	audit_settle(r);
}

/* ---- events of the guardian ---- */

static bool known(struct audit_book *b, uint64_t epoch, uint64_t seq)
{
	bool yes = false;

	for (unsigned i = 0; i < b->nwaiting && !yes; i++)
		yes = b->waiting[i].epoch == epoch && b->waiting[i].seq == seq;
	if (!b->took || yes)
		return yes;
	sqlite3_bind_int64(b->took, 1, (int64_t)epoch);
	if (db_step(&b->db, b->took) == SQLITE_ROW)
		yes = (uint64_t)sqlite3_column_int64(b->took, 0) >= seq;
	sqlite3_reset(b->took);
	return yes;
}

/* Does it tell of a policy in the place of another? */
static bool change_of(const struct event *e)
{
	const struct event_audit *a = &e->audit;

	return a->has_before && a->has_after && memcmp(a->before, a->after, POLICY_DIGEST) != 0;
}

bool audit_early(const struct recorder *r, const struct event *e)
{
	return change_of(e) && (!change_policy(r, e->audit.before) || !change_policy(r, e->audit.after));
}

bool audit_event(struct recorder *r, const struct event *e, uint64_t epoch, const char *text, size_t len)
{
	char action[EVENT_ACTION + 1], object[EVENT_OBJECT + 1], reason[EVENT_WHY + 1],
		ticket[EVENT_TICKET + 1], detail[EVENT_TEXT + 1];
	static struct change_text text_of;
	const struct event_audit *a = &e->audit;
	uint64_t seq = atomic_load_explicit(&e->seq, memory_order_relaxed);
	const char *why = NULL;
	struct waiting w = {.ts_us = e->ts_us, .epoch = epoch, .seq = seq};
	struct jsonl j;

	if (!r->audit || seq == 0 || len < 2 || known(r->audit, epoch, seq))
		return false;
	w.line = copy(text, len - 2); /* up to its closing brace */
	bool differs = change_of(e);
	if (differs)
		why = change_compare(r, a->before, a->after, &text_of);
	snprintf(action, sizeof(action), "%.*s", EVENT_ACTION, a->action);
	snprintf(object, sizeof(object), "%.*s", EVENT_OBJECT, a->object);
	snprintf(reason, sizeof(reason), "%.*s", EVENT_WHY, a->reason);
	snprintf(ticket, sizeof(ticket), "%.*s", EVENT_TICKET, a->ticket);
	snprintf(detail, sizeof(detail), "%.*s", EVENT_TEXT, e->text);
	jsonl_open(&j, line, sizeof(line));
	members(&j, &(struct audit_entry){.action = action,
					  .uid = a->uid,
					  .login = a->login,
					  .refused = a->refused != 0,
					  .object = object[0] ? object : NULL,
					  .reason = reason[0] ? reason : NULL,
					  .ticket = ticket[0] ? ticket : NULL,
					  .detail = detail,
					  .before = a->has_before ? a->before : NULL,
					  .after = a->has_after ? a->after : NULL,
					  .change = differs && !why ? &text_of : NULL,
					  .change_why = why});
	jsonl_object_end(&j);
	w.body = j.cut ? NULL : copy(line, j.len);
	put(r, &w);
	return true;
}

/* ---- the file ---- */

static void statements_end(struct audit_book *b)
{
	sqlite3_finalize(b->put);
	sqlite3_finalize(b->take);
	sqlite3_finalize(b->took);
	sqlite3_finalize(b->get);
	b->put = b->take = b->took = b->get = NULL;
	db_close(&b->db);
}

/* The head of what is there. */
static bool head(struct audit_book *b)
{
	sqlite3_stmt *s = db_prepare(&b->db, "SELECT n, digest FROM record ORDER BY n DESC LIMIT 1");
	int rc = s ? db_step(&b->db, s) : SQLITE_ERROR;
	bool good = rc == SQLITE_DONE || rc == SQLITE_ROW;

	b->n = 0;
	memset(b->digest, 0, sizeof(b->digest));
	if (rc == SQLITE_ROW) {
		b->n = sqlite3_column_int64(s, 0);
		/* One that is no digest breaks the chain here, for `audit verify` to say. */
		if (sqlite3_column_bytes(s, 1) == CHAIN_DIGEST)
			memcpy(b->digest, sqlite3_column_blob(s, 1), CHAIN_DIGEST);
	}
	sqlite3_finalize(s);
	return good;
}

static bool reopen(struct recorder *r)
{
	struct audit_book *b = r->audit;

	/* Never begun anew of itself: what is damaged is evidence, and for a person to put aside. */
	if (db_open(&b->db, "audit.db", steps, true, false) && head(b)) {
		b->put = db_prepare(&b->db, "INSERT INTO record VALUES (?1, ?2, ?3)");
		b->take = db_prepare(
			&b->db,
			"INSERT INTO taken VALUES (?1, ?2) ON CONFLICT (epoch) DO UPDATE SET seq = max(seq, ?2)");
		b->took = db_prepare(&b->db, "SELECT seq FROM taken WHERE epoch = ?1");
		b->get = db_prepare(&b->db, "SELECT n, text, digest FROM record WHERE n >= ?1 ORDER BY n");
		if (b->put && b->take && b->took && b->get)
			return true;
	}
	statements_end(b);
	return false;
}

void audit_open(struct recorder *r)
{
	r->audit = calloc(1, sizeof(*r->audit));
	if (!r->audit) {
		complain("no memory for the audit chain");
		return;
	}
	r->audit->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (reopen(r) && r->audit->n == 0)
		audit_add(r, &(struct audit_entry){.action = "begin",
						   .uid = AUDIT_ITSELF,
						   .login = AUDIT_ITSELF,
						   .detail = "the audit chain begins"});
}

void audit_close(struct recorder *r)
{
	struct audit_book *b = r->audit;

	if (!b)
		return;
	b->retry_us = 0;
	audit_settle(r);
	if (b->nwaiting)
		complain("%u audit records could not be written", b->nwaiting);
	for (unsigned i = 0; i < b->nwaiting; i++)
		waiting_free(&b->waiting[i]);
	statements_end(b);
	if (b->journal >= 0)
		close(b->journal);
	free(b);
	r->audit = NULL;
}

/* ---- answers ---- */

static void state_print(const struct audit_book *b, struct jsonl *j)
{
	char hex[CHAIN_HEX];

	digest_print(b->digest, hex);
	jsonl_bool(j, "kept", b->db.sql != NULL);
	jsonl_int(j, "n", b->n);
	jsonl_str(j, "head", b->n ? hex : NULL);
	jsonl_uint(j, "waiting", b->nwaiting);
	jsonl_uint(j, "lost", b->lost);
	jsonl_uint(j, "untold", b->untold);
}

void audit_status(const struct recorder *r, struct jsonl *j)
{
	if (!r->audit) {
		jsonl_null(j, "audit");
		return;
	}
	jsonl_object(j, "audit");
	state_print(r->audit, j);
	jsonl_object_end(j);
}

void audit_print(struct recorder *r, int64_t from, struct jsonl *j)
{
	struct audit_book *b = r->audit;
	size_t begin = j->len;
	int64_t next = 0;
	int rc = SQLITE_DONE;

	jsonl_array(j, "records");
	if (b && b->get) {
		sqlite3_bind_int64(b->get, 1, from);
		while ((rc = db_step(&b->db, b->get)) == SQLITE_ROW) {
			char hex[2 * CHAIN_DIGEST + 1] = "";
			const void *d = sqlite3_column_blob(b->get, 2);
			size_t n = (size_t)sqlite3_column_bytes(b->get, 1);

			if (j->len - begin > ANSWER_PART) {
				next = sqlite3_column_int64(b->get, 0);
				break;
			}
			if (sqlite3_column_bytes(b->get, 2) == CHAIN_DIGEST)
				digest_print(d, hex);
			jsonl_array(j, NULL);
			jsonl_int(j, NULL, sqlite3_column_int64(b->get, 0));
			jsonl_strn(j, NULL, sqlite3_column_text(b->get, 1), n);
			jsonl_str(j, NULL, hex);
			jsonl_array_end(j);
		}
		sqlite3_reset(b->get);
	}
	jsonl_array_end(j);
	jsonl_bool(j, "read", b && b->get && (rc == SQLITE_DONE || rc == SQLITE_ROW));
	if (next)
		jsonl_int(j, "next", next);
	else
		jsonl_null(j, "next");
	if (b)
		state_print(b, j);
}
