/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which live sessions a candidate would cut, said before it is committed. Sessions of inspected lanes are in the engines' flow tables, those of
 * kernel lanes in the kernel's connection tracking. Both are read while they change: a session that opens just now may be missed.
 */
#include "fwd/recorder/sessions.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fwd/engine/flow.h"

#define LISTED     50         /* sessions said; the rest is counted */
#define TRACK_READ (64 << 10) /* octets of connection tracking at a time */
#define TRACK_MAX  (64 << 20) /* and in all */

static const char *why_cut(const struct policy *next, const struct tuple *t, const struct route *now,
			   bool tracked, bool in_step, struct route *then)
{
	policy_route(next, t, false, then);
	if (then->reason != REASON_NONE)
		return reason_name(then->reason);
	if (then->lane != LANE_INSPECTED || then->mode != MODE_ENFORCE)
		return NULL;
	if (!tracked && now->proto != then->proto)
		return "read as another protocol";
	if (then->failure == FAILURE_CLOSED && (tracked || !in_step))
		return "its opening was not seen";
	return NULL;
}

static void say_session(struct sessions *s, const struct policy *next, const struct tuple *t,
			const struct route *then, const char *why)
{
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT];
	struct policy_conduit c = {.name = NULL};

	policy_conduit_get(next, then->conduit, &c);
	if (s->n++ >= LISTED)
		return;
	fprintf(s->out, "  %s:%u -> %s:%u %s: %s%s%s\n", end_name(next, t->src, -1, a), t->sport,
		end_name(next, t->dst, -1, b), t->dport, transport_name(t->ipproto == 6 ? 1 : 2) ?: "?", why,
		c.name ? ", conduit " : "", c.name ? c.name : "");
}

static bool in_step(const struct flow *f)
{
	return f->key.ipproto != 6 || (f->dir[0].state != STREAM_LOST && f->dir[1].state != STREAM_LOST);
}

void sessions_flows(struct sessions *s, const struct shm *shm, const struct policy *next, int64_t now_us)
{
	const uint8_t *flows = (const uint8_t *)shm + shm_layout().flows;

	for (uint32_t i = 0; i < SHM_FLOWS; i++) {
		const struct flow *live =
			(const struct flow *)(const void *)(flows + (size_t)i * SHM_FLOW_SIZE);
		struct flow f;
		struct route then;
		struct tuple t;

		if (!live->used)
			continue;
		memcpy(&f, live, sizeof(f));
		atomic_thread_fence(memory_order_acquire);
		/* Given to another meanwhile: that one is new, and not concerned. */
		if (!live->used || memcmp(&f.key, &live->key, sizeof(f.key)) != 0)
			continue;
		if (f.flags & (FLOW_DEAD | FLOW_RST | FLOW_FRESH) ||
		    ((f.flags & FLOW_FIN0) && (f.flags & FLOW_FIN1)) || flow_expired(&f, now_us))
			continue;
		flow_tuple(&f, &t);
		const char *why = why_cut(next, &t, &f.route, false, in_step(&f), &then);
		if (why)
			say_session(s, next, &t, &then, why);
	}
}

/* The next "name=" behind *p, its value's end cut off. */
static bool value(char **p, const char *name, char *out, size_t cap)
{
	char *at = strstr(*p, name);

	if (!at)
		return false;
	at += strlen(name);
	size_t n = strcspn(at, " \n");
	if (n >= cap)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	*p = at + n;
	return true;
}

static bool address(const char *text, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, ip) == 1;
	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ip + 12) == 1;
}

/*
 * ipv4     2 tcp      6 431999 ESTABLISHED src=10.10.1.2 dst=10.10.2.2 sport=40112 dport=80 src=10.10.2.2 dst=10.10.1.2 sport=80
 * dport=40112 [ASSURED] ... : the client as it asked, the server as it answers, which is behind destination NAT.
 */
bool sessions_tuple(char *line, struct tuple *t)
{
	static const struct {
		const char *word;
		uint8_t ipproto;
	} protocols[] = {{" tcp ", 6}, {" udp ", 17}, {" icmp ", 1}, {" icmpv6 ", 58}};
	char text[64], *p = line;
	unsigned i = 0;

	while (i < 4 && !strstr(line, protocols[i].word))
		i++;
	if (i == 4)
		return false;
	bool ports = i < 2;
	*t = (struct tuple){.ipproto = protocols[i].ipproto};
	if (!value(&p, "src=", text, sizeof(text)) || !address(text, t->src) ||
	    !value(&p, ports ? "sport=" : "type=", text, sizeof(text)))
		return false;
	*(ports ? &t->sport : &t->dport) = (uint16_t)strtoul(text, NULL, 10);
	if (!value(&p, "src=", text, sizeof(text)) || !address(text, t->dst) ||
	    (ports && !value(&p, "sport=", text, sizeof(text))))
		return false;
	if (ports)
		t->dport = (uint16_t)strtoul(text, NULL, 10);
	return true;
}

bool sessions_parse(char *line, struct tuple *t)
{
	bool tcp = strstr(line, " tcp ") != NULL;

	if ((!tcp && !strstr(line, " udp ")) || (tcp && !strstr(line, " ESTABLISHED ")) ||
	    (!tcp && strstr(line, "[UNREPLIED]")))
		return false;
	return sessions_tuple(line, t);
}

static void tracked_line(struct sessions *s, char *line, const struct policy *now, const struct policy *next)
{
	struct route was, then;
	struct tuple t;

	if (!sessions_parse(line, &t))
		return;
	policy_route(now, &t, false, &was);
	if (was.reason != REASON_NONE || was.lane != LANE_KERNEL)
		return; /* inspected ones are in the flow tables; what is denied now is no session */
	const char *why = why_cut(next, &t, &was, true, false, &then);
	if (why)
		say_session(s, next, &t, &then, why);
}

void sessions_tracked(struct sessions *s, int fd, const struct policy *now, const struct policy *next)
{
	char *buf = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? malloc(TRACK_READ + 1) : NULL;
	size_t have = 0, total = 0;
	ssize_t n;

	while (buf && total < TRACK_MAX && (n = read(fd, buf + have, TRACK_READ - have)) > 0) {
		char *line = buf, *end;

		total += (size_t)n;
		have += (size_t)n;
		buf[have] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			tracked_line(s, line, now, next);
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == TRACK_READ)
			have = 0; /* no line is that long */
	}
	free(buf);
}

bool sessions_refuse(const struct recorder *r, struct client *cl)
{
	const struct policy *now = image_newest(r);
	char *list = NULL, *text = NULL;
	size_t len = 0, text_len = 0;
	struct sessions s = {.out = open_memstream(&list, &len)};
	struct timespec t;
	struct jsonl j;

	if (!s.out || !now) {
		if (s.out)
			fclose(s.out);
		free(list);
		client_refuse(cl, "no memory to look for sessions");
		return true;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (unsigned i = 0; i < r->nqueues; i++)
		if (r->queues[i].shm)
			sessions_flows(&s, r->queues[i].shm, &r->candidate.policy,
				       (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	sessions_tracked(&s, r->track_fd, now, &r->candidate.policy);
	fclose(s.out);
	FILE *out = s.n && list ? open_memstream(&text, &text_len) : NULL;
	if (out) {
		fprintf(out,
			"not committed: %u live session%s would be cut (--cut-sessions goes on all the same):\n%s",
			s.n, s.n == 1 ? "" : "s", list);
		if (s.n > LISTED)
			fprintf(out, "  and %u more\n", s.n - LISTED);
		fclose(out);
		answer_open(&j);
		jsonl_object(&j, NULL);
		jsonl_bool(&j, "ok", false);
		jsonl_uint(&j, "sessions", s.n);
		jsonl_str(&j, "text", text);
		jsonl_object_end(&j);
		jsonl_line(&j);
		client_answer(cl, &j);
	}
	free(text);
	free(list);
	return s.n != 0;
}
