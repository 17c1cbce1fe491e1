/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long single packets take from a client to a server and back, measured on one clock: both ends are threads of this
 * process, each in a network namespace of its own. The client keeps SESSIONS sessions open and sends on each one read request
 * every INTERVAL; it never reconnects: a session that ends is lost. A request and its answer are two samples, each of one packet's way: from
 * before it is sent to when the far interface has it, by the kernel's own receive time stamp. How long a CPU then takes to
 * run the thread that reads it is no property of what lies between the two; `heard` is the slowest with that.
 *
 *   promise_probe [-k SESSIONS] [-i INTERVAL_US] [-s SECONDS] [-x LIMIT_US] [-f] [-a ADDRESS] CLIENT_NS SERVER_NS SERVER
 *
 * -f: a third thread sends what no rule allows, a write, on one new session after the other (from ADDRESS where one is given); the server
 * counts every PDU that is no read. Ends after SECONDS or at SIGTERM and prints one line:
 *
 *   samples N lost N wrong N forbidden N/SENT over N p50 US p999 US max US late US heard US
 *
 * lost: sessions; over: samples above LIMIT; late: by how much this process's own timers were ever late. Real-time priority (below the guardian's), so that it measures the firewall rather than itself. Exit status 0 when it ran.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 64
#define SERVED_MAX   512
#define SAMPLES_MAX  4000000u
#define PORT         502
#define REQUEST      12
#define ANSWER       11
#define PRIORITY     10

static struct {
	unsigned sessions, interval_us;
	double seconds, limit_us;
	bool forbidden;
	const char *attacker;
	struct sockaddr_in server;
	int client_ns, server_ns;
	_Atomic bool stop, end; /* end: the server stays until the last answer */
	_Atomic bool listening;
} opt = {.sessions = 4, .interval_us = 5000};

/* Of the one request that a session has under way. Times in ns, CLOCK_REALTIME. */
static struct {
	_Atomic int64_t came, heard, answered;
} way[SESSIONS_MAX];

static float *samples;
static unsigned long nsamples, lost, wrong, over, early, unstamped;
static bool stamping;
static _Atomic unsigned long forbidden, forbidden_sent;
static double late_us, heard_us;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The clock of the kernel's receive time stamps. */
static int64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* recv() that also tells when the last octets reached this host: *came, 0 where the kernel does not say. */
static ssize_t receive(int fd, void *to, size_t n, int64_t *came)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct timespec)) + 128];
	} control;
	struct iovec v = {.iov_base = to, .iov_len = n};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT);

	*came = 0;
	for (struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			*came = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
		}
	return got;
}

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&opt.stop, true);
}

static void enter(int ns)
{
	struct sched_param sp = {.sched_priority = PRIORITY};

	if (setns(ns, CLONE_NEWNET) < 0) {
		perror("promise_probe: setns");
		exit(2);
	}
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &sp) != 0)
		fprintf(stderr, "promise_probe: no real-time priority: late by more\n");
}

/* ---- the server ---- */

struct served {
	int fd;
	unsigned got;
	uint8_t buf[REQUEST];
};

/* One whole PDU of REQUEST octets; both kinds that are sent here have that length. */
static void answer(struct served *s, int64_t came)
{
	unsigned i = s->buf[9];
	uint8_t a[ANSWER] = {s->buf[0], s->buf[1], 0, 0, 0, 5, s->buf[6], 3, 2, 0, (uint8_t)i};

	if (s->buf[7] != 3) {
		atomic_fetch_add(&forbidden, 1);
		return;
	}
	if (s->buf[8] == 0 && i < opt.sessions) {
		atomic_store(&way[i].came, came);
		atomic_store(&way[i].heard, real_ns());
		atomic_store(&way[i].answered, real_ns());
	}
	if (send(s->fd, a, sizeof(a), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
}

static void serve(struct served *s)
{
	int64_t came;
	ssize_t n = receive(s->fd, s->buf + s->got, REQUEST - s->got, &came);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		close(s->fd);
		s->fd = -1;
		return;
	}
	if (n < 0)
		return;
	s->got += (unsigned)n;
	if (s->got == REQUEST) {
		answer(s, came);
		s->got = 0;
	}
}

static void *server(void *arg)
{
	static struct served v[SERVED_MAX];
	struct pollfd p[SERVED_MAX + 1];
	struct sockaddr_in any = opt.server;
	int one = 1, l;

	(void)arg;
	enter(opt.server_ns);
	l = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(l, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)); /* and of all that come by it */
	if (l < 0 || bind(l, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(l, SERVED_MAX) < 0) {
		perror("promise_probe: listen");
		exit(2);
	}
	for (unsigned i = 0; i < SERVED_MAX; i++)
		v[i].fd = -1;
	atomic_store(&opt.listening, true);
	while (!atomic_load(&opt.end)) {
		unsigned slot = SERVED_MAX;

		p[0] = (struct pollfd){.fd = l, .events = POLLIN};
		for (unsigned i = 0; i < SERVED_MAX; i++) {
			p[i + 1] = (struct pollfd){.fd = v[i].fd, .events = POLLIN};
			if (v[i].fd < 0)
				slot = i;
		}
		if (poll(p, SERVED_MAX + 1, 100) <= 0)
			continue;
		for (unsigned i = 0; i < SERVED_MAX; i++)
			if (p[i + 1].revents)
				serve(&v[i]);
		if (p[0].revents && slot < SERVED_MAX) {
			v[slot] = (struct served){.fd = accept(l, NULL, NULL)};
			if (v[slot].fd >= 0)
				setsockopt(v[slot].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		}
	}
	return NULL;
}

/* ---- what must not come through ---- */

static int dial(const char *from, int timeout_ms)
{
	struct sockaddr_in me = {.sin_family = AF_INET};
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	if (from && (inet_pton(AF_INET, from, &me.sin_addr) != 1 ||
		     bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)) {
		close(fd);
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&opt.server, sizeof(opt.server)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *attack(void *arg)
{
	static const uint8_t q[REQUEST] = {0, 1, 0, 0, 0, 6, 1, 6, 0, 60, 2, 154};
	uint8_t a[64];

	(void)arg;
	enter(opt.client_ns);
	while (!atomic_load(&opt.stop)) {
		int fd = dial(opt.attacker, 300);

		if (fd < 0) {
			usleep(10000);
			continue;
		}
		if (send(fd, q, sizeof(q), MSG_NOSIGNAL) == (ssize_t)sizeof(q)) {
			atomic_fetch_add(&forbidden_sent, 1);
			(void)!recv(fd, a, sizeof(a), 0); /* a reset, or nothing */
		}
		close(fd);
		usleep(2000);
	}
	return NULL;
}

/* ---- the client ---- */

struct session {
	int fd;
	uint16_t id;
	unsigned got;
	bool waits;
	int64_t due, sent;
	uint8_t buf[ANSWER];
};

/* From `sent` on; came: 0 for a packet without a time stamp. */
static void keep(int64_t sent, int64_t came, int64_t heard)
{
	double us = (double)((came ? came : heard) - sent) / 1e3, all = (double)(heard - sent) / 1e3;

	/* The kernel begins to stamp when it comes to it, which on a busy machine is a while after it was asked. */
	if (came)
		stamping = true;
	else if (stamping)
		unstamped++;
	else
		early++;
	if (all > heard_us)
		heard_us = all;
	if (nsamples < SAMPLES_MAX)
		samples[nsamples++] = (float)us;
	if (opt.limit_us > 0 && us > opt.limit_us)
		over++;
}

static void lose(struct session *s, unsigned i, const char *why)
{
	fprintf(stderr, "promise_probe: session %u lost after request %u: %s\n", i, s->id, why);
	lost++;
	close(s->fd);
	s->fd = -1;
}

static void ask(struct session *s, unsigned i, int64_t now)
{
	uint8_t q[REQUEST] = {(uint8_t)(++s->id >> 8), (uint8_t)s->id, 0, 0, 0, 6, 1, 3, 0, (uint8_t)i, 0, 1};

	s->sent = real_ns();
	s->got = 0;
	s->waits = true;
	s->due = now + (int64_t)opt.interval_us * 1000;
	if (send(s->fd, q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q))
		lose(s, i, strerror(errno));
}

static void hear(struct session *s, unsigned i)
{
	int64_t came;
	ssize_t n = receive(s->fd, s->buf + s->got, ANSWER - s->got, &came);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		lose(s, i, n == 0 ? "closed by the server" : strerror(errno));
		return;
	}
	s->got += (unsigned)n;
	if (s->got < ANSWER)
		return;
	s->waits = false;
	if (s->buf[0] != (uint8_t)(s->id >> 8) || s->buf[1] != (uint8_t)s->id || s->buf[10] != i)
		wrong++;
	keep(s->sent, atomic_load(&way[i].came), atomic_load(&way[i].heard));
	keep(atomic_load(&way[i].answered), came, real_ns());
}

static void client(void)
{
	static struct session v[SESSIONS_MAX];
	struct pollfd p[SESSIONS_MAX];
	int64_t start, now, next;

	for (unsigned i = 0; i < opt.sessions; i++) {
		v[i].fd = dial(NULL, 5000);
		if (v[i].fd < 0) {
			perror("promise_probe: connect");
			exit(2);
		}
	}
	start = now_ns();
	/* Apart, so that they do not wait for each other. */
	for (unsigned i = 0; i < opt.sessions; i++)
		v[i].due = start + (int64_t)i * opt.interval_us * 1000 / opt.sessions;
	printf("ready\n");
	fflush(stdout);
	while (!atomic_load(&opt.stop)) {
		unsigned alive = 0;

		now = now_ns();
		if (opt.seconds > 0 && (double)(now - start) > opt.seconds * 1e9)
			break;
		next = now + 100000000;
		for (unsigned i = 0; i < opt.sessions; i++) {
			if (v[i].fd >= 0 && !v[i].waits && v[i].due <= now)
				ask(&v[i], i, now);
			if (v[i].fd >= 0 && !v[i].waits && v[i].due < next)
				next = v[i].due;
			p[i] = (struct pollfd){.fd = v[i].fd, .events = POLLIN};
			alive += v[i].fd >= 0;
		}
		if (!alive)
			break;
		int64_t left = next - now_ns();
		struct timespec t = {.tv_nsec = left > 0 ? left : 0};
		int n = ppoll(p, opt.sessions, &t, NULL);

		if (n == 0 && left > 0) {
			double us = (double)(now_ns() - next) / 1e3;
			if (us > late_us)
				late_us = us;
		}
		for (unsigned i = 0; n > 0 && i < opt.sessions; i++)
			if (p[i].revents)
				hear(&v[i], i);
	}
	/* Whoever still waits is given five seconds (TCP repeats itself ever more slowly): an answer that never comes is a lost session too. */
	now = now_ns();
	for (unsigned i = 0; i < opt.sessions; i++)
		while (v[i].fd >= 0 && v[i].waits && now_ns() - now < 5000000000) {
			p[0] = (struct pollfd){.fd = v[i].fd, .events = POLLIN};
			if (poll(p, 1, 100) == 1)
				hear(&v[i], i);
		}
	for (unsigned i = 0; i < opt.sessions; i++)
		if (v[i].fd >= 0 && v[i].waits)
			lose(&v[i], i, "no answer");
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int namespace_of(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

int main(int argc, char **argv)
{
	pthread_t t[2];
	int c;

	while ((c = getopt(argc, argv, "k:i:s:x:fa:")) != -1) {
		switch (c) {
		case 'k': opt.sessions = (unsigned)atoi(optarg); break;
		case 'i': opt.interval_us = (unsigned)atoi(optarg); break;
		case 's': opt.seconds = atof(optarg); break;
		case 'x': opt.limit_us = atof(optarg); break;
		case 'f': opt.forbidden = true; break;
		case 'a': opt.attacker = optarg; break;
		default: return 2;
		}
	}
	opt.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
	if (argc - optind != 3 || opt.sessions < 1 || opt.sessions > SESSIONS_MAX ||
	    inet_pton(AF_INET, argv[optind + 2], &opt.server.sin_addr) != 1) {
		fprintf(stderr,
			"usage: promise_probe [-k SESSIONS] [-i INTERVAL_US] [-s SECONDS] [-x LIMIT_US] [-f] "
			"[-a ADDRESS] CLIENT_NS SERVER_NS SERVER\n");
		return 2;
	}
	opt.client_ns = namespace_of(argv[optind]);
	opt.server_ns = namespace_of(argv[optind + 1]);
	samples = malloc(SAMPLES_MAX * sizeof(*samples));
	if (!samples)
		return 2;
	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	signal(SIGPIPE, SIG_IGN);
	(void)mlockall(MCL_CURRENT);
	if (pthread_create(&t[0], NULL, server, NULL) != 0)
		return 2;
	while (!atomic_load(&opt.listening))
		usleep(1000);
	if (opt.forbidden && pthread_create(&t[1], NULL, attack, NULL) != 0)
		return 2;
	enter(opt.client_ns);
	client();
	atomic_store(&opt.stop, true);
	atomic_store(&opt.end, true);
	pthread_join(t[0], NULL);
	if (opt.forbidden)
		pthread_join(t[1], NULL);
	if (unstamped > 20 + nsamples / 1000 || early > nsamples / 4) {
		fprintf(stderr,
			"promise_probe: %lu of %lu packets without a time stamp, %lu before the first\n",
			unstamped + early, nsamples, early);
		return 2;
	}
	qsort(samples, nsamples, sizeof(*samples), by_value);
#define AT(q) (nsamples ? (double)samples[(unsigned long)((double)(nsamples - 1) * (q))] : 0.0)
	printf("samples %lu lost %lu wrong %lu forbidden %lu/%lu over %lu p50 %.1f p999 %.1f max %.1f late %.1f "
	       "heard %.1f\n",
	       nsamples, lost, wrong, atomic_load(&forbidden), atomic_load(&forbidden_sent), over, AT(0.5),
	       AT(0.999), AT(1.0), late_us, heard_us);
	return 0;
}
