/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P3, segmentation never matters: the same octets get the same verdict however TCP cuts, joins, repeats or reorders them. Every golden
 * and every refused PDU in every cut into two and three, every pair of requests joined and cut again; in order, in reversed order
 * (held), and with every segment sent twice; under policies that allow, that deny with reset, that deny with drop, that only watch, and without one.
 * The receiver is played along: what is allowed must have arrived, of a denied PDU at least one octet must be missing.
 *
 * The verdicts of a stream are its PDUs' reports up to the first denial, behind which nothing passes.
 */
#ifndef OTFW_TESTS_LAWS_SEGMENTATION_H
#define OTFW_TESTS_LAWS_SEGMENTATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/laws/law.h"
#include "tests/laws/play.h"
#include "tests/unit/policies.h"

#define STREAM_MAX  (2 * PLAY_BYTES)
#define VERDICTS    8u
#define SEGMENTS    8u
#define LONG        300u
#define CLIENT_NEXT (CLIENT_ISN + 1)
#define SERVER_NEXT (SERVER_ISN + 1)

struct verdicts {
	uint32_t n;
	struct {
		enum judgement judgement;
		enum reason reason;
		bool would_deny;
		uint16_t function;
		uint32_t first, last;
	} v[VERDICTS];
};

enum arrival { IN_ORDER, REVERSED, TWICE, REVERSED_TWICE, ARRIVALS };

static struct bench *b;
static uint64_t runs;

/* The receiver's side of the stream at hand. */
static struct {
	struct {
		uint32_t id, at, n;
	} sent[SEGMENTS * 2];
	uint32_t nsent;
	bool has[STREAM_MAX];
} line;

static void on_decide(struct bench *bench, uint32_t id, const struct decision *d)
{
	(void)bench;
	if (d->action != ACTION_ACCEPT || d->packet)
		return;
	for (uint32_t i = 0; i < line.nsent; i++)
		if (line.sent[i].id == id)
			memset(line.has + line.sent[i].at, true, line.sent[i].n);
}

/* What went before: the octets each end has sent. */
struct before {
	struct played parts[PLAY_PARTS];
	uint32_t nparts, sent[2];
};

static void send_segment(bool from_server, const uint8_t *data, uint32_t at, uint32_t n,
			 const struct before *w)
{
	line.sent[line.nsent].id = b->next_id;
	line.sent[line.nsent].at = at;
	line.sent[line.nsent].n = n;
	line.nsent++;
	uint32_t next[2] = {CLIENT_NEXT + w->sent[0], SERVER_NEXT + w->sent[1]};
	bench_tcp(b, from_server, TCP_ACK | TCP_PSH, next[from_server] + at, next[!from_server], data + at,
		  n);
}

/*
 * One stream of n octets, cut after cut[0] < cut[1] ...; the verdicts it got. w: what was sent before it. False when
 * something of that is denied and has closed the session: there is no stream to speak of.
 */
static bool run(struct verdicts *out, const uint8_t *data, uint32_t n, const uint32_t *cut, uint32_t ncuts,
		enum arrival how, bool from_server, struct before *w)
{
	line.nsent = 0;
	memset(line.has, false, n);
	b->now.mono_us += 1000;
	bench_handshake(b);
	w->sent[0] = w->sent[1] = 0;
	for (uint32_t i = 0; i < w->nparts; i++) {
		const struct played *p = &w->parts[i];
		uint32_t next[2] = {CLIENT_NEXT + w->sent[0], SERVER_NEXT + w->sent[1]}, id = b->next_id;

		bench_tcp(b, p->from_server, TCP_ACK | TCP_PSH, next[p->from_server], next[!p->from_server],
			  p->data, p->n);
		if (b->got[id % BENCH_IDS].action == ACTION_RESET)
			return false;
		/* The other end acknowledges what it got; what was dropped is as if never sent. */
		if (b->got[id % BENCH_IDS].action == ACTION_ACCEPT)
			w->sent[p->from_server] += p->n;
	}
	b->nreports = 0;
	for (uint32_t i = 0; i <= ncuts; i++) {
		uint32_t k = how == REVERSED || how == REVERSED_TWICE ? ncuts - i : i;
		uint32_t from = k ? cut[k - 1] : 0, to = k < ncuts ? cut[k] : n;
		send_segment(from_server, data, from, to - from, w);
		if (how == TWICE || how == REVERSED_TWICE)
			send_segment(from_server, data, from, to - from, w);
	}
	if (b->v->memory.head->nheld)
		bench_wait(b, b->v->policy ? 25000 : 1002000);
	for (uint32_t i = 0; i < line.nsent; i++)
		assert_int_equal(b->got[line.sent[i].id % BENCH_IDS].count, 1);
	*out = (struct verdicts){0};
	for (uint32_t i = 0; i < b->nreports && i < BENCH_REPORTS; i++) {
		const struct seen *s = &b->reports[i];
		if (!s->is_pdu)
			continue;
		assert_true(out->n < VERDICTS);
		out->v[out->n].judgement = s->judgement;
		out->v[out->n].reason = s->reason;
		out->v[out->n].would_deny = s->would_deny;
		out->v[out->n].function = s->function;
		out->v[out->n].first = s->first;
		out->v[out->n].last = s->last;
		out->n++;
		if (s->judgement == JUDGED_DENY)
			break;
	}
	runs++;
	return true;
}

static bool all_of(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (!line.has[i])
			return false;
	return true;
}

/* ends[i]: where PDU i ends. What arrived must fit what was said. */
static void assert_receiver(const struct verdicts *v, const uint32_t *ends, uint32_t nends, uint32_t n)
{
	uint32_t i = 0;
	for (; i < v->n; i++)
		if (v->v[i].judgement == JUDGED_DENY)
			break;
	if (i == v->n) {
		assert_true(all_of(0, n));
		return;
	}
	uint32_t k = i < nends ? i : nends - 1;
	assert_false(all_of(k ? ends[k - 1] : 0, ends[k]));
}

static void assert_same(const struct verdicts *a, const struct verdicts *c, const char *what,
			const char *what2, const uint32_t *cut, uint32_t ncuts, enum arrival how)
{
	if (memcmp(a, c, sizeof *a) == 0)
		return;
	fprintf(stderr, "%s + %s, arrival %d, cut at", what, what2, how);
	for (uint32_t i = 0; i < ncuts; i++)
		fprintf(stderr, " %u", cut[i]);
	fprintf(stderr, ":\n");
	for (unsigned side = 0; side < 2; side++) {
		const struct verdicts *v = side ? c : a;
		for (uint32_t i = 0; i < v->n; i++)
			fprintf(stderr, "  %s: judgement %d %s function %u %u..%u\n", side ? "cut" : "whole",
				v->v[i].judgement, reason_name(v->v[i].reason), v->v[i].function,
				v->v[i].first, v->v[i].last);
	}
	fail();
}

struct subject {
	const char *name;
	bool from_server;
	uint8_t data[PLAY_BYTES];
	uint32_t n;
	const char *request;
};

#define SUBJECTS 2048
static struct subject subjects[SUBJECTS];
static uint32_t nsubjects, ngolden;
static const struct law *law;
static struct before none_before, went;

static void subject_add(const char *name, bool from_server, const char *hex, const char *request)
{
	assert_true(nsubjects < SUBJECTS);
	struct subject *s = &subjects[nsubjects++];
	s->name = name;
	s->from_server = from_server;
	s->n = play_unhex(hex, s->data, NULL);
	s->request = request;
	if (s->n == 0)
		nsubjects--; /* refused because there is nothing: no stream */
}

static void cuts_of(const struct subject *s)
{
	struct verdicts whole, got;
	uint32_t cut[2];
	/* Long PDUs: every single cut; of two cuts those at every so many octets. */
	uint32_t step = s->n > LONG ? s->n / 24 : 1;

	went.nparts = play_parts(s->request, went.parts);
	if (!run(&whole, s->data, s->n, NULL, 0, IN_ORDER, s->from_server, &went))
		return;
	assert_receiver(&whole, &s->n, 1, s->n);
	for (cut[0] = 1; cut[0] < s->n; cut[0]++) {
		for (enum arrival how = IN_ORDER; how < ARRIVALS; how++) {
			run(&got, s->data, s->n, cut, 1, how, s->from_server, &went);
			assert_same(&whole, &got, s->name, "", cut, 1, how);
			assert_receiver(&got, &s->n, 1, s->n);
		}
		for (cut[1] = cut[0] + 1; cut[0] % step == 0 && cut[1] < s->n; cut[1] += step) {
			enum arrival how = (cut[0] + cut[1]) % ARRIVALS;
			run(&got, s->data, s->n, cut, 2, how, s->from_server, &went);
			assert_same(&whole, &got, s->name, "", cut, 2, how);
			assert_receiver(&got, &s->n, 1, s->n);
			if (how != IN_ORDER) {
				run(&got, s->data, s->n, cut, 2, IN_ORDER, s->from_server, &went);
				assert_same(&whole, &got, s->name, "", cut, 2, IN_ORDER);
				assert_receiver(&got, &s->n, 1, s->n);
			}
		}
	}
}

static void cuts(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < nsubjects; i++)
		cuts_of(&subjects[i]);
}

/* Without a policy, and in open zones, what does not frame makes boundaries unknown until a segment begins with a PDU: there golden ones only. */
static void cuts_golden(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ngolden; i++)
		cuts_of(&subjects[i]);
}

/* Two requests: apart, in one segment, and in one stream cut anywhere. */
static void joins(void **state)
{
	static uint8_t both[STREAM_MAX];
	uint64_t before = runs;

	(void)state;
	for (uint32_t i = 0; i < ngolden; i++)
		for (uint32_t j = 0; j < ngolden; j++) {
			const struct subject *x = &subjects[i], *y = &subjects[j];
			if (x->from_server || y->from_server || x->request || y->request ||
			    x->n + y->n > LONG)
				continue;
			uint32_t n = x->n + y->n, ends[2] = {x->n, n}, cut = x->n;
			struct verdicts apart, got;
			memcpy(both, x->data, x->n);
			memcpy(both + x->n, y->data, y->n);
			if (law->renumber)
				law->renumber(both + x->n, y->n);
			run(&apart, both, n, &cut, 1, IN_ORDER, false, &none_before);
			assert_receiver(&apart, ends, 2, n);
			run(&got, both, n, NULL, 0, IN_ORDER, false, &none_before);
			assert_same(&apart, &got, x->name, y->name, NULL, 0, IN_ORDER);
			assert_receiver(&got, ends, 2, n);
			/* Every place for short pairs, every seventh for long ones: the single cuts above see them all. */
			for (cut = 1; cut<n; cut += n> 64 ? 7 : 1) {
				enum arrival how = (i + j + cut) % ARRIVALS;
				run(&got, both, n, &cut, 1, how, false, &none_before);
				assert_same(&apart, &got, x->name, y->name, &cut, 1, how);
				assert_receiver(&got, ends, 2, n);
			}
		}
	assert_true(runs > before);
}

static struct test_policy reset, dropping, shadow, wide;

static void open_policy(struct test_policy *t, const char *mode, const char *on_deny, const char *rules)
{
	static char text[16384];
	int n = snprintf(text, sizeof text,
			 "version: 1\n"
			 "site: {name: test}\n"
			 "zones:\n"
			 "  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"
			 "  cell: {level: 2, networks: [10.10.2.0/24], failure: closed, deadline: 20ms}\n"
			 "hosts:\n"
			 "  plc: 10.10.2.2\n"
			 "conduits:\n"
			 "  - name: control\n"
			 "    from: [room]\n"
			 "    to: cell\n"
			 "    servers: [plc]\n"
			 "    protocols: [%s]\n"
			 "    mode: %s\n"
			 "    on-deny: %s\n"
			 "    allow:\n%s",
			 law->proto, mode, on_deny, rules);
	assert_in_range(n, 1, sizeof text - 1);
	test_policy_open(t, text);
}

static int attach(void **state, struct test_policy *t)
{
	(void)state;
	b = bench_new();
	b->on_decide = on_decide;
	if (t)
		verdict_policy(b->v, &t->p, 1);
	return 0;
}
static int on_wide(void **state)
{
	return attach(state, &wide);
}
static int on_reset(void **state)
{
	return attach(state, &reset);
}
static int on_dropping(void **state)
{
	return attach(state, &dropping);
}
static int on_shadow(void **state)
{
	return attach(state, &shadow);
}
static int on_nothing(void **state)
{
	return attach(state, NULL);
}
static int down(void **state)
{
	(void)state;
	bench_free(b);
	return 0;
}

static int open_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < law->ngolden; i++)
		subject_add(law->golden[i].name, law->golden[i].from_server, law->golden[i].hex,
			    law->golden[i].request);
	ngolden = nsubjects;
	for (size_t i = 0; i < law->nrefused; i++)
		subject_add(law->refused[i].name, law->refused[i].from_server, law->refused[i].hex,
			    law->refused[i].request);
	open_policy(&wide, "enforce", "reset", law->wide);
	open_policy(&reset, "enforce", "reset", law->narrow);
	open_policy(&dropping, "enforce", "drop", law->narrow);
	open_policy(&shadow, "shadow", "reset", law->narrow);
	return 0;
}
static int close_all(void **state)
{
	(void)state;
	test_policy_close(&wide);
	test_policy_close(&reset);
	test_policy_close(&dropping);
	test_policy_close(&shadow);
	printf("%llu streams\n", (unsigned long long)runs);
	return 0;
}

#define ON(policy, test)                                                                                     \
	{                                                                                                    \
		"law_segmentation_" #test "_" #policy, test, on_##policy, down, NULL                         \
	}
static int segmentation_law(const struct law *l)
{
	const struct CMUnitTest tests[] = {
		ON(wide, cuts),          ON(reset, cuts),          ON(dropping, cuts),
		ON(shadow, cuts_golden), ON(nothing, cuts_golden), ON(wide, joins),
		ON(reset, joins),        ON(dropping, joins),      ON(shadow, joins),
	};
	law = l;
	bench_port = l->port;
	return cmocka_run_group_tests_name("segmentation", tests, open_all, close_all);
}

#endif
