/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/ctl/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/capture.h"

char scan_line[JSONL_MAX];

/* Behind the end of a capture: what was held for a gap is judged, since nothing will fill it. */
#define AFTER_END_US 60000000
#define TICKS_AT_END 64

bool scan_port(const struct command *cmd, struct scan *s, const char *text)
{
	const char *eq = strchr(text, '=');
	int proto = eq ? proto_find(text, (size_t)(eq - text)) : -1;
	char number[16];
	long port;

	if (!eq) {
		ctl_usage(cmd, "--port %s: PROTO=PORT is wanted", text);
		return false;
	}
	if (proto < 0) {
		ctl_error(cmd, "--port %s: %.*s is no protocol", text, (int)(eq - text), text);
		return false;
	}
	const char *slash = strchr(eq, '/');
	uint8_t transports = proto_get((unsigned)proto)->transports;
	if (slash && strcmp(slash, "/tcp") == 0) {
		transports = TRANSPORT_TCP;
	} else if (slash && strcmp(slash, "/udp") == 0) {
		transports = TRANSPORT_UDP;
	} else if (slash) {
		ctl_error(cmd, "--port %s: /tcp or /udp is wanted behind the port", text);
		return false;
	}
	int len = (int)(slash ? slash - eq - 1 : (long)strlen(eq + 1));
	snprintf(number, sizeof(number), "%.*s", len, eq + 1);
	if (len >= (int)sizeof(number) || !ctl_number(number, 1, 65535, &port)) {
		ctl_error(cmd, "--port %s: %.*s is no port (1..65535)", text, len, eq + 1);
		return false;
	}
	if (s->nports == SCAN_PORTS) {
		ctl_error(cmd, "--port %s: more than %d ports", text, SCAN_PORTS);
		return false;
	}
	s->ports[s->nports++] =
		(struct scan_port){.proto = proto, .transports = transports, .port = (uint16_t)port};
	return true;
}

static bool port_of(void *ctx, const struct tuple *t, int *proto, bool *from_server)
{
	const struct scan *s = ctx;
	uint8_t transport = t->ipproto == 6 ? TRANSPORT_TCP : TRANSPORT_UDP;

	for (int server = 0; server < 2; server++)
		for (unsigned i = 0; i < s->nports; i++)
			if (s->ports[i].transports & transport &&
			    s->ports[i].port == (server ? t->sport : t->dport)) {
				*proto = s->ports[i].proto;
				*from_server = server;
				return true;
			}
	return false;
}

static void decide(void *ctx, uint32_t id, const struct decision *d)
{
	struct scan *s = ctx;
	(void)id;
	switch (d->action) {
	case ACTION_ACCEPT: s->accepted++; break;
	case ACTION_DROP: s->dropped++; break;
	case ACTION_RESET: s->reset++; break;
	}
}

static void report(void *ctx, const struct report *r)
{
	struct scan *s = ctx;
	s->report(s->ctx, r);
}

static void frame(struct scan *s, const struct capture_frame *f, struct verdict_time *now)
{
	s->frames++;
	if (s->frames == 1)
		s->first_us = f->ts_us;
	s->last_us = f->ts_us;
	/* Captures of several interfaces are not always in order; the order of the file is the order of the packets. */
	if (f->ts_us > now->mono_us)
		now->mono_us = f->ts_us;
	now->wall_us = f->ts_us;
	verdict_tick(s->verdict, now);
	if (!f->ip) {
		s->not_ip++;
		return;
	}
	s->truncated += f->truncated;
	s->verdict->mac = f->mac;
	s->verdict->mac_id = f->number;
	verdict_packet(s->verdict, f->ip, f->len, f->number, f->truncated, false, now);
	s->verdict->mac = NULL;
}

int scan_run(const struct command *cmd, struct scan *s, const char *path)
{
	struct verdict_sink sink = {.ctx = s, .decide = decide, .report = report};
	struct verdict_time now = {.clock_good = true};
	struct capture_frame f;
	char err[512];
	int rc;

	struct capture *c = capture_open(path, err, sizeof(err));
	if (!c)
		return ctl_error(cmd, "%s", err);
	/* Zeroed pages come into being as they are touched: a small capture costs little of it. */
	s->memory = calloc(1, shm_size());
	s->verdict = calloc(1, sizeof(*s->verdict));
	if (!s->memory || !s->verdict) {
		capture_close(c);
		return ctl_error(cmd, "memory for flows: %s", strerror(errno));
	}
	shm_init(s->memory, 0, 0, FAILURE_CLOSED);
	s->shm = s->memory;
	verdict_init(s->verdict, s->memory, &sink, 0);
	if (s->policy)
		verdict_policy(s->verdict, s->policy, 1);
	s->verdict->in_step = s->in_step;
	if (s->nports) {
		s->verdict->port_hook = port_of;
		s->verdict->port_ctx = s;
	}
	while ((rc = capture_next(c, &f, err, sizeof(err))) == 1)
		frame(s, &f, &now);
	capture_close(c);
	now.mono_us += AFTER_END_US;
	for (int i = 0; i < TICKS_AT_END; i++)
		verdict_tick(s->verdict, &now);
	return rc < 0 ? ctl_error(cmd, "%s", err) : EXIT_DONE;
}

void scan_close(struct scan *s)
{
	free(s->memory);
	free(s->verdict);
	s->memory = NULL;
	s->verdict = NULL;
	s->shm = NULL;
}

static void print_end(const uint8_t ip[16], unsigned port, char *buf, size_t cap)
{
	char addr[ADDRESS_TEXT];
	address_print(ip, addr);
	bool v6 = strchr(addr, ':') != NULL;
	snprintf(buf, cap, "%s%s%s:%u", v6 ? "[" : "", addr, v6 ? "]" : "", port);
}

size_t scan_print_head(const struct report *r, char *buf, size_t cap)
{
	char src[64], dst[64];
	print_end(r->tuple->src, r->tuple->sport, src, sizeof(src));
	print_end(r->tuple->dst, r->tuple->dport, dst, sizeof(dst));
	int n = snprintf(buf, cap, "%u %lld.%06lld %s -> %s ", r->id, (long long)(r->ts_us / 1000000),
			 (long long)(r->ts_us % 1000000), src, dst);
	return n < 0 ? 0 : (size_t)n;
}

void scan_json_head(struct jsonl *j, const struct report *r)
{
	jsonl_uint(j, "frame", r->id);
	jsonl_time(j, "ts", r->ts_us);
	jsonl_tuple(j, r->tuple, r->transport);
}
