/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger (P6): what came in per zone, what became of it, and whether that is all. The guardian hands over text: what
 * the kernel's tools print of the zones' accounts (rules/plan_ledger.c), and the books of queues and engines.
 *
 *   in = out, by mark + dropped in the kernel, by cause + dropped behind a queue
 *
 * The last is what the first three leave over; the books of queues and engines must explain it. Packets move while it is read. So
 * what enters and leaves is read before (first) and after (second) the rest: early in against late out is a lower bound of what is
 * missing, late in against early out an upper bound. The ledger balances when 0 lies between them.
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

static const char *const out_names[OUTS] = {
	[OUT_INSPECTED] = "inspected", [OUT_RELEASED] = "released", [OUT_PASSED] = "passed",
	[OUT_KERNEL] = "kernel",       [OUT_SAFETY] = "safety",     [OUT_UNSEEN] = "unseen",
	[OUT_OVERRIDE] = "override",   [OUT_RESET] = "reset"};
static const char *const drop_names[DROPS] = {[DROP_RESET] = "reset",
					      [DROP_INVALID] = "invalid",
					      [DROP_ISOLATED] = "isolated",
					      [DROP_UNLISTED] = "unlisted"};

/* Which readings the section at hand is. */
struct section {
	bool counts, first, second, drops, books;
	bool nft; /* counters have objects of their own */
};

/* ---- text ---- */

static struct ledger_zone *zone_of(struct ledger *l, const char *name)
{
	for (unsigned i = 0; i < l->nzones; i++)
		if (strcmp(l->zones[i].name, name) == 0)
			return &l->zones[i];
	if (l->nzones == LEDGER_ZONES)
		return NULL;
	struct ledger_zone *z = &l->zones[l->nzones++];
	snprintf(z->name, sizeof(z->name), "%s", name);
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

static void add(uint64_t n[2], const struct section *s, uint64_t packets)
{
	if (s->first)
		n[0] += packets;
	if (s->second)
		n[1] += packets;
}

/* n[2][kinds], of one kind */
static void add_kind(uint64_t *first, uint64_t *second, const struct section *s, uint64_t packets)
{
	if (s->first)
		*first += packets;
	if (s->second)
		*second += packets;
}

/* "safety-in CONDUIT/FLOW", "safety-out ...", "safety-queued ...". False: it is none of them. */
static bool flow_take(struct ledger *l, const struct section *s, const char *kind, const char *name,
		      uint64_t packets)
{
	struct ledger_flow *f = l->flows;
	bool in = strcmp(kind, "safety-in") == 0, out = strcmp(kind, "safety-out") == 0;

	if (!in && !out && strcmp(kind, "safety-queued") != 0)
		return false;
	/* The second reading alone: in and out then stand in one listing. */
	if (!s->second)
		return true;
	while (f < l->flows + l->nflows && strcmp(f->name, name) != 0)
		f++;
	if (f == l->flows + LEDGER_FLOWS)
		return true;
	if (f == l->flows + l->nflows) {
		l->nflows++;
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
	*(in ? &f->in : out ? &f->out : &f->queued) += packets;
	return true;
}

/* "in ZONE", "out ZONE/MARK", "invalid ZONE" ... Others' labels are nobody's business here. False: no room. */
static bool label_take(struct ledger *l, const struct section *s, const char *label, uint64_t packets)
{
	char kind[WORD] = "", name[WORD + WORD] = "";
	static const struct {
		const char *kind;
		enum ledger_drop cause;
	} drops[] = {{"reset", DROP_RESET},
		     {"invalid", DROP_INVALID},
		     {"isolated", DROP_ISOLATED},
		     {"unlisted-to", DROP_UNLISTED},
		     {"unlisted-from", DROP_UNLISTED}};
	int words = sscanf(label, "otfw %63[^ \"] %127[^\"]", kind, name);
	char *slash = strrchr(name, '/');
	struct ledger_zone *z;

	if (words == 1 && strcmp(kind, "no-zone") == 0) {
		strcpy(name, "no-zone");
		strcpy(kind, "unlisted-to");
	} else if (words != 2) {
		return true;
	}
	if (flow_take(l, s, kind, name, packets))
		return true;
	if (strcmp(kind, "in") == 0) {
		if (!(z = zone_of(l, name)))
			return false;
		add(z->in, s, packets);
	} else if (strcmp(kind, "isolated-out") == 0) {
		if (!(z = zone_of(l, name)))
			return false;
		add(z->isolated_out, s, packets);
	} else if (strcmp(kind, "out") == 0 && slash) {
		*slash = '\0';
		if (!(z = zone_of(l, name)))
			return false;
		for (unsigned i = 0; i < OUTS; i++)
			if (strcmp(slash + 1, out_names[i]) == 0)
				add_kind(&z->out[0][i], &z->out[1][i], s, packets);
	}
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		if (strcmp(kind, drops[i].kind) != 0)
			continue;
		if (!(z = zone_of(l, name)))
			return false;
		add_kind(&z->drop[0][drops[i].cause], &z->drop[1][drops[i].cause], s, packets);
	}
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
	if (!label)
		return true;
	label += strlen("comment \"");
	if (object && sscanf(object, "counter name \"%63[^\"]\"", name) == 1)
		return label_take(l, s, label, counter_value(name));
	/* nft: what begins anew with a reload counts in its rule. */
	const char *inlined = strncmp(label, "otfw safety-", 12) == 0 ? strstr(at, "counter packets ") : NULL;
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

/* "@ first", "@ drops", "@ books", "@ second": what follows. */
static void section_begin(struct section *s, const char *title)
{
	bool first = strncmp(title, "first", 5) == 0, second = strncmp(title, "second", 6) == 0;
	bool drops = strncmp(title, "drops", 5) == 0;

	*s = (struct section){.counts = first || second || drops,
			      .first = first || drops,
			      .second = second || drops,
			      .books = strncmp(title, "books", 5) == 0};
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
			firsts += s.first && !s.second;
			seconds += s.second && !s.first;
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

static uint64_t out_sum(const struct ledger_zone *z, unsigned k)
{
	uint64_t n = z->isolated_out[k];

	for (unsigned i = 0; i < OUTS; i++)
		n += z->out[k][i];
	return n;
}

static uint64_t drop_sum(const struct ledger_zone *z, unsigned k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DROPS; i++)
		n += z->drop[k][i];
	return n;
}

/* Dropped behind a queue, as far as a queue's books tell. */
static uint64_t queue_sum(const struct ledger_queue *q, unsigned k)
{
	return q->waiting + q->full + q->refused + q->denied[k] + q->settled[k] + q->suspects[k];
}

/* Between which bounds lies what is in no book? */
static void bounds(const struct ledger *l, int64_t *least, int64_t *most)
{
	*least = *most = 0;
	for (unsigned i = 0; i < l->nzones; i++) {
		const struct ledger_zone *z = &l->zones[i];

		*least += (int64_t)(z->in[0] - out_sum(z, 1) - drop_sum(z, 1));
		*most += (int64_t)(z->in[1] - out_sum(z, 0) - drop_sum(z, 0));
	}
	for (unsigned i = 0; i < l->nqueues; i++) {
		*least -= (int64_t)queue_sum(&l->queues[i], 1);
		*most -= (int64_t)queue_sum(&l->queues[i], 0);
	}
}

void ledger_weigh(const struct ledger *l, const struct ledger *base, struct ledger_balance *out)
{
	int64_t least, most, base_least = 0, base_most = 0;

	bounds(l, &least, &most);
	if (base->good)
		bounds(base, &base_least, &base_most);
	out->before = base_least;
	least -= base_most;
	most -= base_least;
	out->moving = (uint64_t)(most - least);
	out->unaccounted = least > 0 ? least : most < 0 ? most : 0;
}

/* ---- the answer ---- */

static void account_print(const struct ledger_zone *z, struct jsonl *j)
{
	uint64_t out = out_sum(z, 1);
	uint64_t in = z->in[1], drop = drop_sum(z, 1);

	jsonl_str(j, "name", z->name);
	jsonl_uint(j, "in", in);
	jsonl_uint(j, "safety", z->out[1][OUT_SAFETY]);
	jsonl_uint(j, "kernel", z->out[1][OUT_KERNEL]);
	jsonl_uint(j, "inspected", z->out[1][OUT_INSPECTED]);
	jsonl_object(j, "uninspected");
	jsonl_uint(j, "released", z->out[1][OUT_RELEASED]);
	jsonl_uint(j, "passed", z->out[1][OUT_PASSED]);
	jsonl_uint(j, "unseen", z->out[1][OUT_UNSEEN]);
	jsonl_uint(j, "override", z->out[1][OUT_OVERRIDE]);
	jsonl_object_end(j);
	jsonl_object(j, "dropped");
	jsonl_uint(j, "denied-reset", z->out[1][OUT_RESET]);
	for (unsigned i = 0; i < DROPS; i++)
		jsonl_uint(j, drop_names[i], z->drop[1][i] + (i == DROP_ISOLATED ? z->isolated_out[1] : 0));
	jsonl_int(j, "queue", (int64_t)(in - out - drop));
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
	struct ledger_zone sum = {.name = "all"};
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
		const struct ledger_zone *z = &l->zones[i];

		sum.in[1] += z->in[1];
		sum.isolated_out[1] += z->isolated_out[1];
		for (unsigned k = 0; k < OUTS; k++)
			sum.out[1][k] += z->out[1][k];
		for (unsigned k = 0; k < DROPS; k++)
			sum.drop[1][k] += z->drop[1][k];
		jsonl_object(j, NULL);
		account_print(z, j);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_object(j, "all");
	account_print(&sum, j);
	jsonl_object_end(j);
	jsonl_array(j, "safety-flows");
	for (unsigned i = 0; i < l->nflows; i++) {
		jsonl_object(j, NULL);
		jsonl_str(j, "flow", l->flows[i].name);
		jsonl_uint(j, "in", l->flows[i].in);
		jsonl_uint(j, "out", l->flows[i].out);
		jsonl_uint(j, "queued", l->flows[i].queued);
		jsonl_object_end(j);
	}
	jsonl_array_end(j);
	jsonl_array(j, "queues");
	for (unsigned i = 0; i < l->nqueues; i++)
		book_print(&l->queues[i], j);
	jsonl_array_end(j);
	jsonl_object_end(j);
	jsonl_line(j);
}
