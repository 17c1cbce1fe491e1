/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger (P6): what came in per zone, what became of it, and whether that is all. The guardian hands over text: what
 * the kernel's tools print of the accounts (rules/plan_ledger.c), and the books of queues and engines.
 *
 *   entered the forward chain = accepted, by lane + given to a queue + dropped in the kernel, by cause
 *   given to a queue          = left, by mark + dropped behind the queue
 *
 * Both are checked. The last term is what the others leave over; the books of queues and engines must explain it. Packets move while
 * it is read. So the kernel's counters are read before (first) and after (second) the books: what entered early against what left late is
 * a lower bound of what is missing, late against early an upper bound. The ledger balances when 0 lies between them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

#define TEXT_MAX     (16u << 20)
#define WORD         64
#define COUNTERS_MAX 4096 /* nft: counter objects of one listing */

static const char *const way_names[WAYS] = {
	[WAY_SAFETY] = "safety", [WAY_KERNEL] = "kernel", [WAY_OVERRIDE] = "override", [WAY_QUEUE] = "queue"};
static const char *const out_names[OUTS] = {[OUT_INSPECTED] = "inspected",
					    [OUT_RELEASED] = "released",
					    [OUT_PASSED] = "passed",
					    [OUT_UNSEEN] = "unseen",
					    [OUT_RESET] = "reset"};
static const char *const drop_names[DROPS] = {[DROP_RESET] = "reset",
					      [DROP_INVALID] = "invalid",
					      [DROP_ISOLATED] = "isolated",
					      [DROP_UNLISTED] = "unlisted"};

/* Which readings the section at hand is. */
struct section {
	bool counts, books;
	unsigned k; /* 0: before the books, 1: after */
};

/* ---- text ---- */

/* False: it is longer than a name can be, and would be taken for another each time it is met. */
static bool name_take(char *to, size_t cap, const char *name)
{
	size_t n = strlen(name);

	if (n >= cap)
		return false;
	memcpy(to, name, n + 1);
	return true;
}

static struct ledger_zone *zone_of(struct ledger *l, const char *name)
{
	for (unsigned i = 0; i < l->nzones; i++)
		if (strcmp(l->zones[i].name, name) == 0)
			return &l->zones[i];
	if (l->nzones == LEDGER_ZONES)
		return NULL;
	struct ledger_zone *z = &l->zones[l->nzones];
	if (!name_take(z->name, sizeof(z->name), name))
		return NULL;
	l->nzones++;
	return z;
}

static struct ledger_queue *queue_of(struct ledger *l, unsigned num)
{
	for (unsigned i = 0; i < l->nqueues; i++)
		if (l->queues[i].num == num)
			return &l->queues[i];
	if (l->nqueues == LEDGER_QUEUES)
		return NULL;
	l->queues[l->nqueues].num = (uint16_t)num;
	return &l->queues[l->nqueues++];
}

/*
 * "safety-in CONDUIT/FLOW", "safety-queued CONDUIT/FLOW", "safety-out CONDUIT/FLOW ZONE": the last is what its zone has accepted as well. False:
 * it is none of them.
 */
static bool flow_take(struct ledger *l, const struct section *s, const char *kind, char *name,
		      uint64_t packets)
{
	struct ledger_flow *f = l->flows;
	bool in = strcmp(kind, "safety-in") == 0, out = strcmp(kind, "safety-out") == 0;
	char *zone = strchr(name, ' ');
	struct ledger_zone *z;

	if (!in && !out && strcmp(kind, "safety-queued") != 0)
		return false;
	if (zone)
		*zone++ = '\0';
	if (out && zone && (z = zone_of(l, zone)) != NULL)
		z->way[s->k][WAY_SAFETY] += packets;
	while (f < l->flows + l->nflows && strcmp(f->name, name) != 0)
		f++;
	if (f == l->flows + LEDGER_FLOWS)
		return true;
	if (f == l->flows + l->nflows) {
		if (!name_take(f->name, sizeof(f->name), name))
			return true;
		l->nflows++;
	}
	if (in)
		f->in[s->k] += packets;
	else if (out)
		f->out[s->k] += packets;
	else if (s->k == 1)
		f->queued += packets;
	return true;
}

/* "kernel CONDUIT/RULE": each box of tuples, and the answers, have a rule of their own in the kernel. False: it is none. */
static bool lane_take(struct ledger *l, const struct section *s, const char *kind, const char *name,
		      uint64_t packets)
{
	struct ledger_lane *lane = l->lanes;

	if (strcmp(kind, "kernel") != 0)
		return false;
	if (s->k == 0)
		return true;
	while (lane < l->lanes + l->nlanes && strcmp(lane->name, name) != 0)
		lane++;
	if (lane == l->lanes + LEDGER_LANES)
		return true;
	if (lane == l->lanes + l->nlanes) {
		if (!name_take(lane->name, sizeof(lane->name), name))
			return true;
		l->nlanes++;
	}
	lane->packets += packets;
	return true;
}

static bool add_named(uint64_t *n, const char *const *names, unsigned count, const char *name,
		      uint64_t packets)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0) {
			n[i] += packets;
			return true;
		}
	return false;
}

/* What a zone's account says. NULL: the kind is none of an account's. */
static uint64_t *zone_counter(struct ledger_zone *z, unsigned k, const char *kind)
{
	static const struct {
		const char *kind;
		enum ledger_drop cause;
	} drops[] = {{"reset", DROP_RESET},
		     {"invalid", DROP_INVALID},
		     {"isolated", DROP_ISOLATED},
		     {"unlisted-to", DROP_UNLISTED},
		     {"unlisted-from", DROP_UNLISTED}};
	static const struct {
		const char *kind;
		enum ledger_way way;
	} ways[] = {
		{"accepted-kernel", WAY_KERNEL}, {"accepted-override", WAY_OVERRIDE}, {"queued", WAY_QUEUE}};

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		if (strcmp(kind, drops[i].kind) == 0)
			return &z->drop[k][drops[i].cause];
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(kind, ways[i].kind) == 0)
			return &z->way[k][ways[i].way];
	return NULL;
}

/* "queued ZONE", "out ZONE/MARK", "invalid ZONE" ... Others' labels are nobody's business here. False: no room. */
static bool label_take(struct ledger *l, const struct section *s, const char *label, uint64_t packets)
{
	char kind[WORD] = "", name[3 * WORD] = "", *slash;
	int words = sscanf(label, "otfw %63[^ \"] %191[^\"]", kind, name);
	struct ledger_zone other = {.name = ""}, *z;
	bool out = strcmp(kind, "out") == 0, cut = strcmp(kind, "isolated-out") == 0;
	uint64_t *n;

	if (words == 1 && strcmp(kind, "entered") == 0) {
		l->entered[s->k] += packets;
		return true;
	}
	if (words == 1 && strcmp(kind, "no-zone") == 0) {
		strcpy(name, "no-zone");
		strcpy(kind, "unlisted-to");
	} else if (words != 2 || flow_take(l, s, kind, name, packets) ||
		   lane_take(l, s, kind, name, packets)) {
		return true;
	}
	slash = strrchr(name, '/');
	if (out || cut) {
		if (!slash)
			return true;
		*slash = '\0';
		if (!(z = zone_of(l, name)))
			return false;
		(void)(out ? add_named(z->out[s->k], out_names, OUTS, slash + 1, packets)
			   : add_named(z->cut[s->k], way_names, WAYS, slash + 1, packets));
		return true;
	}
	if (!zone_counter(&other, 0, kind))
		return true;
	if (!(z = zone_of(l, name)))
		return false;
	n = zone_counter(z, s->k, kind);
	*n += packets;
	return true;
}

/* nft's counter objects: declared ahead of the rules that name them. */
static struct {
	char name[WORD];
	uint64_t packets;
} counters[COUNTERS_MAX];
static unsigned ncounters;

static uint64_t counter_value(const char *name)
{
	for (unsigned i = 0; i < ncounters; i++)
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].packets;
	return 0;
}

/* One line of what iptables-save or nft prints. */
static bool rule_line(struct ledger *l, const struct section *s, const char *at)
{
	const char *label = strstr(at, "comment \"otfw "), *object = strstr(at, "counter name \"");
	char name[WORD] = "";
	uint64_t packets;
	char brace;

	if (sscanf(at, " counter %63s %c", name, &brace) == 2 && brace == '{') {
		if (ncounters == COUNTERS_MAX)
			return false;
		strcpy(counters[ncounters].name, name);
		counters[ncounters++].packets = 0;
		return true;
	}
	if (ncounters && sscanf(at, " packets %" SCNu64 " bytes", &packets) == 1) {
		counters[ncounters - 1].packets = packets;
		return true;
	}
	if (!label) {
		/* The rule that leads to otfw has no comment: who looks for it asks for it as it is. */
		if (sscanf(at, "[%" SCNu64 ":", &packets) == 1 && strstr(at, "] -A FORWARD -j otfw-forward"))
			l->entered[s->k] += packets;
		return true;
	}
	label += strlen("comment \"");
	if (object && sscanf(object, "counter name \"%63[^\"]\"", name) == 1)
		return label_take(l, s, label, counter_value(name));
	/* nft: what begins anew with a reload counts in its rule. */
	const char *inlined =
		strncmp(label, "otfw safety-queued ", 19) == 0 || strncmp(label, "otfw kernel ", 12) == 0
			? strstr(at, "counter packets ")
			: NULL;
	if (inlined && sscanf(inlined, "counter packets %" SCNu64, &packets) == 1)
		return label_take(l, s, label, packets);
	if (sscanf(at, "[%" SCNu64 ":", &packets) == 1)
		return label_take(l, s, label, packets);
	return true;
}

/* One line of the guardian's books. */
static bool book_line(struct ledger *l, const char *at)
{
	uint64_t n[8];
	char word[WORD];
	unsigned num;
	struct ledger_queue *q;

	if (sscanf(at, "%63[a-z] %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, word, &num,
		   &n[0], &n[1], &n[2], &n[3], &n[4]) == 7) {
		bool after = strcmp(word, "after") == 0;

		if (!(q = queue_of(l, num)))
			return false;
		q->denied[after] = n[0] - n[1];
		q->settled[after] = n[2];
		q->suspects[after] = n[3];
		q->released = n[4];
	} else if (sscanf(at,
			  "%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			  " %" SCNu64,
			  &num, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]) == 8) {
		if (!(q = queue_of(l, num)))
			return false;
		q->waiting = n[1];
		q->full = n[4];
		q->refused = n[5];
		q->ids = n[6];
	}
	return true;
}

/* "@ first", "@ books", "@ second": what follows. */
static void section_begin(struct section *s, const char *title)
{
	bool first = strncmp(title, "first", 5) == 0, second = strncmp(title, "second", 6) == 0;

	*s = (struct section){
		.counts = first || second, .k = second, .books = strncmp(title, "books", 5) == 0};
	ncounters = 0;
}

bool ledger_parse(struct ledger *l, const char *text)
{
	struct section s = {.counts = false};
	unsigned firsts = 0, seconds = 0, books = 0;
	char row[1024];

	memset(l, 0, sizeof(*l));
	while (*text) {
		size_t n = strcspn(text, "\n");
		bool good = true;

		snprintf(row, sizeof(row), "%.*s", n < sizeof(row) ? (int)n : (int)sizeof(row) - 1, text);
		text += n + (text[n] == '\n');
		if (row[0] == '@' && row[1] == ' ') {
			section_begin(&s, row + 2);
			firsts += s.counts && s.k == 0;
			seconds += s.counts && s.k == 1;
			books += s.books;
		} else if (s.counts) {
			good = rule_line(l, &s, row);
		} else if (s.books) {
			good = book_line(l, row);
		}
		if (!good)
			return false;
	}
	l->good = firsts > 0 && firsts == seconds && books == 1;
	return l->good;
}

void ledger_take(struct ledger *l, int fd)
{
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	char *text = size >= 0 && size <= (off_t)TEXT_MAX ? malloc((size_t)size + 1) : NULL;
	ssize_t n = text ? pread(fd, text, (size_t)size, 0) : -1;

	l->good = false;
	if (n >= 0) {
		text[n] = '\0';
		if (!ledger_parse(l, text))
			complain("the ledger's counters make no sense");
	}
	free(text);
	if (fd >= 0)
		close(fd);
}

/* ---- weighing ---- */

static uint64_t sum(const uint64_t *v, unsigned n)
{
	uint64_t all = 0;

	while (n > 0)
		all += v[--n];
	return all;
}

/* What came in, as far as accounts know. */
static uint64_t in_sum(const struct ledger_zone *z, unsigned k)
{
	return sum(z->way[k], WAYS) + sum(z->drop[k], DROPS);
}

/* What waited in a queue and came as far as the way out. */
static uint64_t out_sum(const struct ledger_zone *z, unsigned k)
{
	return sum(z->out[k], OUTS) + z->cut[k][WAY_QUEUE];
}

/* Dropped behind a queue, as far as a queue's books tell. */
static uint64_t queue_sum(const struct ledger_queue *q, unsigned k)
{
	return q->waiting + q->full + q->refused + q->denied[k] + q->settled[k] + q->suspects[k];
}

struct bounds {
	int64_t least, most;
};

/* Between which bounds lies what entered and is in no account? */
static struct bounds bounds_entry(const struct ledger *l)
{
	struct bounds b = {(int64_t)l->entered[0], (int64_t)l->entered[1]};

	for (unsigned i = 0; i < l->nzones; i++) {
		b.least -= (int64_t)in_sum(&l->zones[i], 1);
		b.most -= (int64_t)in_sum(&l->zones[i], 0);
	}
	return b;
}

/* And what was given to a queue, did not leave, and is in no queue's books? */
static struct bounds bounds_queue(const struct ledger *l)
{
	struct bounds b = {0, 0};

	for (unsigned i = 0; i < l->nzones; i++) {
		const struct ledger_zone *z = &l->zones[i];

		b.least += (int64_t)(z->way[0][WAY_QUEUE] - out_sum(z, 1));
		b.most += (int64_t)(z->way[1][WAY_QUEUE] - out_sum(z, 0));
	}
	for (unsigned i = 0; i < l->nqueues; i++) {
		b.least -= (int64_t)queue_sum(&l->queues[i], 1);
		b.most -= (int64_t)queue_sum(&l->queues[i], 0);
	}
	return b;
}

void ledger_weigh(const struct ledger *l, const struct ledger *base, struct ledger_balance *out)
{
	static struct bounds (*const checks[])(const struct ledger *) = {bounds_entry, bounds_queue};

	*out = (struct ledger_balance){.before = 0};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct bounds b = checks[i](l), before = {0, 0};

		if (base->good)
			before = checks[i](base);
		out->before += before.least;
		b.least -= before.most;
		b.most -= before.least;
		out->moving += (uint64_t)(b.most - b.least);
		out->unaccounted += b.least > 0 ? b.least : b.most < 0 ? b.most : 0;
	}
}

/* ---- the answer ---- */

/* What engines say of a zone ("all": of every one), by reason. */
static void causes_print(const struct recorder *r, const char *zone, enum shm_book_kind kind, const char *key,
			 struct jsonl *j)
{
	uint64_t n[REASON_COUNT_OF] = {0};
	bool all = strcmp(zone, "all") == 0;

	for (unsigned i = 0; i < r->nqueues; i++) {
		struct shm *s = r->queues[i].shm;

		for (unsigned k = 0; s && k < SHM_BOOKS; k++) {
			struct shm_book *b = (struct shm_book *)shm_at(s, shm_layout().books) + k;

			if (!atomic_load_explicit(&b->used, memory_order_acquire) ||
			    (!all && strncmp(b->zone, zone, sizeof(b->zone)) != 0))
				continue;
			for (unsigned c = 0; c < REASON_COUNT_OF; c++)
				n[c] += atomic_load_explicit(&b->n[kind][c], memory_order_relaxed);
		}
	}
	jsonl_object(j, key);
	for (unsigned c = 0; c < REASON_COUNT_OF; c++)
		if (n[c])
			jsonl_uint(j, reason_name((enum reason)c), n[c]);
	jsonl_object_end(j);
}

static void account_print(const struct recorder *r, const struct ledger_zone *z, struct jsonl *j)
{
	const uint64_t *way = z->way[1], *cut = z->cut[1], *out = z->out[1];

	jsonl_str(j, "name", z->name);
	jsonl_uint(j, "in", in_sum(z, 1));
	jsonl_uint(j, "safety", way[WAY_SAFETY] - cut[WAY_SAFETY]);
	jsonl_uint(j, "kernel", way[WAY_KERNEL] - cut[WAY_KERNEL]);
	jsonl_uint(j, "inspected", out[OUT_INSPECTED]);
	jsonl_object(j, "uninspected");
	jsonl_uint(j, "released", out[OUT_RELEASED]);
	jsonl_uint(j, "passed", out[OUT_PASSED]);
	jsonl_uint(j, "unseen", out[OUT_UNSEEN]);
	jsonl_uint(j, "override", way[WAY_OVERRIDE] - cut[WAY_OVERRIDE]);
	jsonl_object_end(j);
	jsonl_object(j, "dropped");
	jsonl_uint(j, "denied-reset", out[OUT_RESET]);
	for (unsigned i = 0; i < DROPS; i++)
		jsonl_uint(j, drop_names[i], z->drop[1][i] + (i == DROP_ISOLATED ? sum(cut, WAYS) : 0));
	jsonl_int(j, "queue", (int64_t)(way[WAY_QUEUE] - out_sum(z, 1)));
	jsonl_object_end(j);
	causes_print(r, z->name, SHM_BOOK_PASSED, "passed-by", j);
	causes_print(r, z->name, SHM_BOOK_RESET, "reset-by", j);
	causes_print(r, z->name, SHM_BOOK_DROPPED, "queue-by", j);
}

static void zone_add(struct ledger_zone *all, const struct ledger_zone *z)
{
	for (unsigned i = 0; i < WAYS; i++) {
		all->way[1][i] += z->way[1][i];
		all->cut[1][i] += z->cut[1][i];
	}
	for (unsigned i = 0; i < OUTS; i++)
		all->out[1][i] += z->out[1][i];
	for (unsigned i = 0; i < DROPS; i++)
		all->drop[1][i] += z->drop[1][i];
}

/* Packets of a safety flow that came in and did not leave; 0 as long as what moved meanwhile can be it. */
static int64_t flow_lost(const struct ledger_flow *f)
{
	int64_t least = (int64_t)(f->in[0] - f->out[1]), most = (int64_t)(f->in[1] - f->out[0]);

	return least > 0 ? least : most < 0 ? most : 0;
}

static void flow_print(const struct ledger_flow *f, struct jsonl *j)
{
	jsonl_object(j, NULL);
	jsonl_str(j, "flow", f->name);
	jsonl_uint(j, "in", f->in[1]);
	jsonl_uint(j, "out", f->out[1]);
	jsonl_uint(j, "queued", f->queued);
	jsonl_int(j, "lost", flow_lost(f));
	jsonl_object_end(j);
}

static void book_print(const struct ledger_queue *q, struct jsonl *j)
{
	jsonl_object(j, NULL);
	jsonl_uint(j, "queue", q->num);
	jsonl_uint(j, "ids", q->ids);
	jsonl_uint(j, "denied", q->denied[1]);
	jsonl_uint(j, "settled", q->settled[1]);
	jsonl_uint(j, "suspects", q->suspects[1]);
	jsonl_uint(j, "full", q->full);
	jsonl_uint(j, "refused", q->refused);
	jsonl_uint(j, "waiting", q->waiting);
	jsonl_object_end(j);
}

void ledger_print(const struct recorder *r, struct jsonl *j)
{
	const struct ledger *l = &r->ledger;
	struct ledger_zone all = {.name = "all"};
	struct ledger_balance b;

	ledger_weigh(l, &r->ledger_base, &b);
	jsonl_object(j, NULL);
	jsonl_bool(j, "ok", true);
	jsonl_time(j, "ts", clock_us());
	jsonl_bool(j, "balanced", b.unaccounted == 0);
	jsonl_int(j, "unaccounted", b.unaccounted);
	jsonl_uint(j, "moving", b.moving);
	jsonl_int(j, "before-start", b.before);
	jsonl_array(j, "zones");
	for (unsigned i = 0; i < l->nzones; i++) {
		zone_add(&all, &l->zones[i]);
		jsonl_object(j, NULL);
		account_print(r, &l->zones[i], j);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_object(j, "all");
	account_print(r, &all, j);
	jsonl_object_end(j);
	jsonl_array(j, "safety-flows");
	for (unsigned i = 0; i < l->nflows; i++)
		flow_print(&l->flows[i], j);
	jsonl_array_end(j);
	jsonl_array(j, "queues");
	for (unsigned i = 0; i < l->nqueues; i++)
		book_print(&l->queues[i], j);
	jsonl_array_end(j);
	jsonl_object_end(j);
	jsonl_line(j);
}
