/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The known answers: what is sent from one end, what must arrive at the other, and what must not. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fwd/ctl/prooftest.h"

#define PORT           502
#define PORT_UNLISTED  503
#define PDU_MAX        300
#define ASK            12 /* octets of each request here */
#define ARRIVE_MS      3000
#define SILENCE_MS     400  /* what has not come by then was not passed */
#define RESET_MS       5000 /* the client learns of it by its first retransmission */
#define DEADLINE_MS    5    /* of zone "open" in the laboratory's policy */
#define ALLOWANCE_MS   3    /* two ticks of the guardian and their jitter */
#define DEADLINE_RUNS  10
#define SAFETY_PACKETS 200
#define ENGINE_MS      5000

/* What stays open over the steps. */
static struct {
	int closed, closed_unlisted, open, open_unlisted; /* listening */
	int sis_a, sis_b;
} at;

struct session {
	int client, server; /* -1 */
};

static bool fail(struct step_record *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct step_record *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
	return false;
}

static void figure(struct step_record *r, const char *name, double value)
{
	if (r->nfigures == LAB_FIGURES)
		return;
	snprintf(r->figures[r->nfigures].name, sizeof(r->figures[0].name), "%s", name);
	r->figures[r->nfigures++].value = value;
}

/* ---- sockets ---- */

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static int bound(const struct lab *l, enum lab_end end, int type, const char *ip, uint16_t port)
{
	struct sockaddr_in a = address(ip, port);
	int fd = lab_socket(l, end, type), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && (type != SOCK_STREAM || listen(fd, 16) == 0))
		return fd;
	close(fd);
	return -1;
}

static bool ready(int fd, short events, int64_t until_us)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = until_us - lab_now_us();

	return poll(&p, 1, left > 0 ? (int)(left / 1000 + 1) : 0) == 1;
}

static void session_close(struct session *s)
{
	if (s->client >= 0)
		close(s->client);
	if (s->server >= 0)
		close(s->server);
	*s = (struct session){-1, -1};
}

/* A session through the firewall to a listening socket. False when there is none within ms. */
static bool session_open(const struct lab *l, struct session *s, const char *ip, uint16_t port, int listener,
			 int ms)
{
	struct sockaddr_in a = address(ip, port), from = address(LAB_CLIENT, 0);
	int64_t until = lab_now_us() + ms * 1000ll;
	int one = 1;

	*s = (struct session){lab_socket(l, LAB_AT_CLIENT, SOCK_STREAM), -1};
	if (s->client < 0 || bind(s->client, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    (connect(s->client, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS)) {
		session_close(s);
		return false;
	}
	if (ready(listener, POLLIN, until))
		s->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s->server < 0 || !ready(s->client, POLLOUT, until)) {
		session_close(s);
		return false;
	}
	setsockopt(s->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(s->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return true;
}

/* Octets that arrive until there are want, or ms have passed; *gone: the other end closed or reset. */
static size_t arrive(int fd, uint8_t *buf, size_t want, int ms, bool *gone)
{
	int64_t until = lab_now_us() + ms * 1000ll;
	size_t n = 0;

	*gone = false;
	while (n < want && !*gone && ready(fd, POLLIN, until)) {
		ssize_t got = recv(fd, buf + n, want - n, 0);

		if (got > 0)
			n += (size_t)got;
		else if (got == 0 || (errno != EAGAIN && errno != EINTR))
			*gone = true;
	}
	return n;
}

/* ---- PDUs ---- */

static void ask(uint8_t q[ASK], uint16_t id, uint8_t function, uint16_t a, uint16_t b)
{
	const uint8_t pdu[ASK] = {
		(uint8_t)(id >> 8), (uint8_t)id,       0,         0, 0, 6, 1, function, (uint8_t)(a >> 8),
		(uint8_t)a,         (uint8_t)(b >> 8), (uint8_t)b};

	memcpy(q, pdu, ASK);
}

/* The server's answer: registers that count up from 1000, or a write repeated. */
static size_t answer(const uint8_t q[ASK], uint8_t out[PDU_MAX])
{
	size_t count = q[11];

	memcpy(out, q, ASK);
	if (q[7] != 3)
		return ASK;
	out[5] = (uint8_t)(3 + 2 * count);
	out[8] = (uint8_t)(2 * count);
	for (size_t i = 0; i < count; i++) {
		out[9 + 2 * i] = (uint8_t)((1000 + i) >> 8);
		out[10 + 2 * i] = (uint8_t)(1000 + i);
	}
	return 9 + 2 * count;
}

/* One request and its answer, octet by octet the same at the other end. us: how long the request took to arrive; may be NULL. */
static bool exchange(struct step_record *r, const struct session *s, const uint8_t q[ASK], double *us)
{
	uint8_t got[PDU_MAX], want[PDU_MAX];
	size_t n, len = answer(q, want);
	int64_t sent = lab_now_us();
	bool gone;

	if (send(s->client, q, ASK, MSG_NOSIGNAL) != ASK)
		return fail(r, "the client cannot send: %s", strerror(errno));
	n = arrive(s->server, got, ASK, ARRIVE_MS, &gone);
	if (us)
		*us = (double)(lab_now_us() - sent);
	if (n != ASK || memcmp(got, q, ASK) != 0)
		return fail(r, "of an allowed request of %d octets %zu arrived%s", ASK, n,
			    gone       ? ", the session is gone"
			    : n == ASK ? ", changed"
				       : "");
	if (send(s->server, want, len, MSG_NOSIGNAL) != (ssize_t)len)
		return fail(r, "the server cannot send: %s", strerror(errno));
	n = arrive(s->client, got, len, ARRIVE_MS, &gone);
	if (n != len || memcmp(got, want, len) != 0)
		return fail(r, "of its answer of %zu octets %zu arrived%s", len, n,
			    gone ? ", the session is gone" : "");
	return true;
}

static bool read_registers(struct step_record *r, const struct session *s, double *us)
{
	static uint16_t id;
	uint8_t q[ASK];

	ask(q, ++id, 3, 10, 2);
	return exchange(r, s, q, us);
}

static bool session_in_step(const struct lab *l, struct step_record *r, struct session *s, bool closed)
{
	if (!session_open(l, s, closed ? LAB_CLOSED : LAB_OPEN, PORT, closed ? at.closed : at.open,
			  ARRIVE_MS))
		return fail(r, "no session to a listed server and port");
	return read_registers(r, s, NULL);
}

/* ---- steps ---- */

static bool start(struct lab *l, struct step_record *r)
{
	char why[LAB_TEXT] = "";

	if (lab_start(l, why, sizeof(why)) < 0)
		return fail(r, "%s", why);
	at.closed = bound(l, LAB_AT_SERVER, SOCK_STREAM, LAB_CLOSED, PORT);
	at.closed_unlisted = bound(l, LAB_AT_SERVER, SOCK_STREAM, LAB_CLOSED, PORT_UNLISTED);
	at.open = bound(l, LAB_AT_SERVER, SOCK_STREAM, LAB_OPEN, PORT);
	at.open_unlisted = bound(l, LAB_AT_SERVER, SOCK_STREAM, LAB_OPEN, PORT_UNLISTED);
	at.sis_a = bound(l, LAB_AT_CLIENT, SOCK_DGRAM, LAB_SIS_A, LAB_SAFETY);
	at.sis_b = bound(l, LAB_AT_SERVER, SOCK_DGRAM, LAB_SIS_B, LAB_SAFETY);
	if (at.closed < 0 || at.closed_unlisted < 0 || at.open < 0 || at.open_unlisted < 0 || at.sis_a < 0 ||
	    at.sis_b < 0)
		return fail(r, "sockets of the laboratory: %s", strerror(errno));
	return true;
}

static bool allow(struct lab *l, struct step_record *r)
{
	struct session s;
	uint8_t q[ASK];
	double us = 0;
	bool good = session_in_step(l, r, &s, true) && read_registers(r, &s, &us);

	figure(r, "request-us", us);
	ask(q, 7, 6, 40, 100); /* the largest value that is allowed */
	good = good && exchange(r, &s, q, NULL);
	session_close(&s);
	return good;
}

/* A PDU that must not arrive as a whole, in two segments if cut is not 0; the client must hear of it, the events must say why. */
static bool denied(struct lab *l, struct step_record *r, const uint8_t q[ASK], size_t cut, const char *reason)
{
	struct session s;
	uint8_t got[PDU_MAX];
	char event[64];
	bool gone, good;
	size_t n;

	lab_events_mark(l);
	if (!session_in_step(l, r, &s, true)) {
		session_close(&s);
		return false;
	}
	good = send(s.client, q, cut ? cut : ASK, MSG_NOSIGNAL) > 0;
	if (cut) {
		usleep(50000);
		good = good && send(s.client, q + cut, ASK - cut, MSG_NOSIGNAL) > 0;
	}
	n = arrive(s.server, got, ASK, SILENCE_MS, &gone);
	figure(r, "octets-at-server", (double)n);
	if (!good)
		fail(r, "the client cannot send: %s", strerror(errno));
	else if (n >= ASK)
		good = fail(r, "the server received all %d octets of it", ASK);
	else if (!gone)
		good = fail(r, "the server's end of the session was not reset within %d ms", SILENCE_MS);
	if (good && (arrive(s.client, got, 1, RESET_MS, &gone) != 0 || !gone))
		good = fail(r, "the client's end of the session was not reset within %d ms", RESET_MS);
	snprintf(event, sizeof(event), "\"event\":\"deny\"");
	if (good && !lab_event(l, event, ARRIVE_MS))
		good = fail(r, "no event tells of the denial");
	snprintf(event, sizeof(event), "\"reason\":\"%s\"", reason);
	if (good && !lab_event(l, event, ARRIVE_MS))
		good = fail(r, "no event gives the reason %s", reason);
	session_close(&s);
	return good;
}

static bool deny_value(struct lab *l, struct step_record *r)
{
	uint8_t q[ASK];

	ask(q, 21, 6, 40, 101);
	return denied(l, r, q, 0, "value");
}

static bool deny_function(struct lab *l, struct step_record *r)
{
	uint8_t q[ASK];

	ask(q, 22, 5, 40, 0xff00);
	return denied(l, r, q, 0, "function");
}

static bool deny_address(struct lab *l, struct step_record *r)
{
	uint8_t q[ASK];

	ask(q, 23, 3, 95, 10); /* five registers inside, five beyond: overlap is not enough */
	return denied(l, r, q, 0, "address");
}

static bool deny_split(struct lab *l, struct step_record *r)
{
	uint8_t q[ASK];

	ask(q, 24, 6, 40, 101);
	return denied(l, r, q, 8, "value");
}

static bool deny_unlisted(struct lab *l, struct step_record *r)
{
	struct session s;
	long before = lab_counted(l, "unlisted-to closed"), after;
	bool passed = session_open(l, &s, LAB_CLOSED, PORT_UNLISTED, at.closed_unlisted, SILENCE_MS);

	session_close(&s);
	if (passed)
		return fail(r, "a session to a port that no rule names");
	after = lab_counted(l, "unlisted-to closed");
	if (before < 0 || after <= before)
		return fail(r, "the kernel does not count what it drops (%ld, then %ld)", before, after);
	return true;
}

/* n datagrams each way; how many arrived. */
static unsigned safety_exchange(unsigned n)
{
	struct sockaddr_in a = address(LAB_SIS_A, LAB_SAFETY), b = address(LAB_SIS_B, LAB_SAFETY);
	unsigned got = 0;
	char buf[64];

	for (unsigned i = 0; i < n; i++) {
		int64_t until = lab_now_us() + 200000;

		if (sendto(at.sis_a, "safe", 4, 0, (struct sockaddr *)&b, sizeof(b)) == 4 &&
		    ready(at.sis_b, POLLIN, until) && recv(at.sis_b, buf, sizeof(buf), 0) == 4)
			got++;
		if (sendto(at.sis_b, "back", 4, 0, (struct sockaddr *)&a, sizeof(a)) == 4 &&
		    ready(at.sis_a, POLLIN, until) && recv(at.sis_a, buf, sizeof(buf), 0) == 4)
			got++;
	}
	return got;
}

/* Half of them with every engine stopped. */
static bool safety(struct lab *l, struct step_record *r)
{
	long in = lab_counted(l, "safety-in "), out = lab_counted(l, "safety-out "), queued;
	pid_t closed = lab_engine(l, "closed"), open = lab_engine(l, "open");
	unsigned got = safety_exchange(SAFETY_PACKETS / 2);

	if (closed <= 0 || open <= 0)
		return fail(r, "an engine does not run");
	kill(closed, SIGSTOP);
	kill(open, SIGSTOP);
	got += safety_exchange(SAFETY_PACKETS / 2);
	kill(closed, SIGCONT);
	kill(open, SIGCONT);
	in = lab_counted(l, "safety-in ") - in;
	out = lab_counted(l, "safety-out ") - out;
	queued = lab_counted(l, "safety-queued ");
	figure(r, "sent", 2 * SAFETY_PACKETS);
	figure(r, "received", got);
	figure(r, "in", (double)in);
	figure(r, "out", (double)out);
	figure(r, "queued", (double)queued);
	if (got != 2 * SAFETY_PACKETS)
		return fail(r, "%u of %d safety packets arrived", got, 2 * SAFETY_PACKETS);
	if (in != 2 * SAFETY_PACKETS || out != in || queued != 0)
		return fail(r, "counters say in %ld, out %ld, queued %ld", in, out, queued);
	return true;
}

static bool engine_back(struct lab *l, const char *failure)
{
	int64_t until = lab_now_us() + ENGINE_MS * 1000ll;

	while (lab_now_us() < until) {
		if (lab_engine(l, failure) > 0)
			return true;
		usleep(50000);
	}
	return false;
}

static bool deadline(struct lab *l, struct step_record *r)
{
	double worst = 0, us = 0;
	struct session s;
	bool good = session_in_step(l, r, &s, false);

	for (int i = 0; good && i < DEADLINE_RUNS; i++) {
		pid_t engine = lab_engine(l, "open");

		if (engine <= 0) {
			good = fail(r, "no engine for the open zone");
			break;
		}
		kill(engine, SIGSTOP);
		good = read_registers(r, &s, &us);
		worst = us > worst ? us : worst;
		/* Gone by now, if the guardian has replaced it. */
		kill(engine, SIGCONT);
		usleep(50000);
		if (good && !engine_back(l, "open"))
			good = fail(r, "no engine for the open zone %d ms after it was stopped", ENGINE_MS);
	}
	session_close(&s);
	figure(r, "runs", DEADLINE_RUNS);
	figure(r, "deadline-ms", DEADLINE_MS);
	figure(r, "worst-ms", worst / 1000);
	if (good && worst > (DEADLINE_MS + ALLOWANCE_MS) * 1000.0)
		good = fail(r, "a request took %.3f ms with the engine stopped; %d are allowed", worst / 1000,
			    DEADLINE_MS + ALLOWANCE_MS);
	return good;
}

static bool hang_closed(struct lab *l, struct step_record *r)
{
	pid_t engine = lab_engine(l, "closed");
	uint8_t q[ASK], got[PDU_MAX];
	struct session s, again;
	bool gone, good;
	size_t n = 0;

	ask(q, 31, 6, 40, 101);
	good = session_in_step(l, r, &s, true);
	if (good && engine > 0) {
		kill(engine, SIGSTOP);
		good = send(s.client, q, ASK, MSG_NOSIGNAL) == ASK;
		n = arrive(s.server, got, ASK, ARRIVE_MS / 2, &gone);
		kill(engine, SIGCONT);
		n += arrive(s.server, got, ASK, SILENCE_MS, &gone);
	}
	figure(r, "octets-at-server", (double)n);
	session_close(&s);
	if (good && n > 0)
		return fail(r, "%zu octets of a forbidden request arrived with the engine stopped", n);
	if (good && !engine_back(l, "closed"))
		return fail(r, "no engine for the closed zone");
	if (good) {
		good = session_in_step(l, r, &again, true);
		session_close(&again);
	}
	return good;
}

static bool engine_killed(struct lab *l, struct step_record *r)
{
	struct session s;
	double us = 0;
	pid_t engine = lab_engine(l, "closed");
	bool good = session_in_step(l, r, &s, true);

	if (good && engine <= 0)
		good = fail(r, "no engine for the closed zone");
	if (good) {
		kill(engine, SIGKILL);
		good = read_registers(r, &s, &us);
	}
	figure(r, "request-ms", us / 1000);
	session_close(&s);
	return good;
}

static bool bypass(struct lab *l, struct step_record *r)
{
	struct session s;
	unsigned got;
	bool good;

	lab_kill(l);
	if (session_open(l, &s, LAB_CLOSED, PORT, at.closed, SILENCE_MS)) {
		session_close(&s);
		return fail(r, "a session to a closed zone without a firewall");
	}
	session_close(&s);
	/* A SYN that was dropped is sent again after a second; what comes of it is not for the next step. */
	good = session_in_step(l, r, &s, false);
	session_close(&s);
	if (!good)
		return false;
	if (session_open(l, &s, LAB_OPEN, PORT_UNLISTED, at.open_unlisted, SILENCE_MS)) {
		session_close(&s);
		return fail(r, "an open zone takes a port that no rule names");
	}
	session_close(&s);
	got = safety_exchange(SAFETY_PACKETS);
	figure(r, "safety-sent", 2 * SAFETY_PACKETS);
	figure(r, "safety-received", got);
	if (got != 2 * SAFETY_PACKETS)
		return fail(r, "%u of %d safety packets arrived", got, 2 * SAFETY_PACKETS);
	return true;
}

static const struct {
	const char *name, *proves;
	bool (*run)(struct lab *l, struct step_record *r);
	bool needed; /* without it nothing else can be run */
} steps[] = {
	{"start", "the installed firewall starts, loads its ruleset and judges by a policy", start, true},
	{"allow", "what a rule names passes both ways, octet by octet", allow, false},
	{"deny-value", "a value outside a rule's does not reach the server; both ends are reset", deny_value,
	 false},
	{"deny-function", "a function that no rule names does not reach the server", deny_function, false},
	{"deny-address", "a range that only overlaps a rule's does not reach the server", deny_address,
	 false},
	{"deny-split", "a forbidden PDU cut in two segments never reaches the server whole", deny_split,
	 false},
	{"deny-unlisted", "a port that no rule names is dropped in the kernel and counted", deny_unlisted,
	 false},
	{"safety", "the safety lane passes, half of it with every engine stopped: in = out, queued = 0",
	 safety, false},
	{"deadline", "open zone, engine stopped: released within the deadline plus 3 ms, the session lives",
	 deadline, false},
	{"hang-closed", "closed zone, engine stopped: nothing forbidden passes, and it is served again",
	 hang_closed, false},
	{"engine-killed", "closed zone, engine killed: the session goes on with the next one", engine_killed,
	 false},
	{"bypass", "daemon killed: closed drops, open passes listed tuples only, safety passes", bypass,
	 false},
};

void lab_steps(struct lab *l)
{
	struct lab_record *rec = l->record;
	bool go_on = true;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && i < LAB_STEPS; i++) {
		struct step_record *r = &rec->steps[i];

		snprintf(r->name, sizeof(r->name), "%s", steps[i].name);
		snprintf(r->proves, sizeof(r->proves), "%s", steps[i].proves);
		rec->nsteps = (unsigned)(i + 1);
		if (!go_on)
			continue;
		r->result = steps[i].run(l, r) ? STEP_PASS : STEP_FAIL;
		if (r->result == STEP_FAIL && steps[i].needed)
			go_on = false;
	}
	lab_kill(l);
}
