/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server side of the chaos test: Modbus servers (TCP and UDP, port 502 of every address) and a safety controller's echo, which
 * write down what arrives, octet for octet, before anybody looks at it. What is forbidden is for chaos_check.py to find.
 *
 *   chaos_server LOG ECHO_ADDRESS ECHO_PORT MODBUS_UDP_ADDRESS...
 *
 * A line of LOG: MS SESSION LOCAL PEER PORT HEX, what one recv() of a session gave; SESSION counts up, "u" is a datagram. Time is the wall
 * clock's. The log is written by the line: who reads it when nothing is under way sees all.
 *
 * Requests are answered as far as they are understood: function 3 with the address of each register as its value, any other with its own
 * first six octets; what is no Modbus ends the session. Real-time priority, so that the time of a line is that of its arrival.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 1000
#define UDP_MAX      8
#define ADU_MAX      260
#define PORT         502
#define PRIORITY     10
#define SILENT_MAX_S 30

struct session {
	unsigned long number;
	time_t heard; /* when it last sent something */
	struct sockaddr_in local, peer;
	size_t got;
	uint8_t buf[ADU_MAX];
};

static FILE *log_file;
static unsigned long sessions_ever;

static void die(const char *what)
{
	fprintf(stderr, "chaos_server: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void note(unsigned long session, const struct sockaddr_in *local, const struct sockaddr_in *peer,
		 const uint8_t *data, size_t len)
{
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN], who[24] = "u";
	struct timeval t;

	gettimeofday(&t, NULL);
	inet_ntop(AF_INET, &local->sin_addr, a, sizeof(a));
	inet_ntop(AF_INET, &peer->sin_addr, b, sizeof(b));
	if (session)
		snprintf(who, sizeof(who), "%lu", session);
	fprintf(log_file, "%lld %s %s %s %u ", (long long)t.tv_sec * 1000 + t.tv_usec / 1000, who, a, b,
		ntohs(peer->sin_port));
	for (size_t i = 0; i < len; i++)
		fprintf(log_file, "%02x", data[i]);
	fputs("\n", log_file);
}

/* The answer to one whole request; its length. */
static size_t answer(const uint8_t *q, size_t len, uint8_t *a)
{
	unsigned first = 0, count = 0;

	memcpy(a, q, 8);
	if (len == 12 && q[7] == 3) {
		first = (unsigned)q[8] << 8 | q[9];
		count = (unsigned)q[10] << 8 | q[11];
	}
	if (count >= 1 && count <= 125) {
		a[4] = 0;
		a[5] = (uint8_t)(3 + 2 * count);
		a[8] = (uint8_t)(2 * count);
		for (unsigned i = 0; i < count; i++) {
			a[9 + 2 * i] = (uint8_t)((first + i) >> 8);
			a[10 + 2 * i] = (uint8_t)(first + i);
		}
		return 9 + 2 * count;
	}
	len = len < 12 ? len : 12;
	memcpy(a + 8, q + 8, len - 8);
	a[4] = 0;
	a[5] = (uint8_t)(len - 6);
	return len;
}

/* What a session has sent so far: each whole request is answered. False: the session is over. */
static bool serve(struct session *s, int fd)
{
	uint8_t chunk[ADU_MAX * 4], a[ADU_MAX];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	s->heard = time(NULL);
	note(s->number, &s->local, &s->peer, chunk, (size_t)n);
	for (ssize_t i = 0; i < n; i++) {
		s->buf[s->got++] = chunk[i];
		if (s->got < 6)
			continue;
		size_t need = 6 + ((size_t)s->buf[4] << 8 | s->buf[5]);

		if (need < 8 || need > ADU_MAX)
			return false;
		if (s->got < need)
			continue;
		size_t len = answer(s->buf, need, a);

		s->got = 0;
		if (send(fd, a, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return false;
	}
	return true;
}

static int bound(int type, const char *address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int s = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1, size = 4 << 20;

	if (s < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
	    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(address);
	if (type == SOCK_DGRAM && setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		die("receive buffer");
	return s;
}

static void datagrams(int fd, const struct sockaddr_in *local, bool echo)
{
	uint8_t d[2048], a[ADU_MAX];
	struct sockaddr_in peer;

	for (;;) {
		socklen_t plen = sizeof(peer);
		ssize_t n = recvfrom(fd, d, sizeof(d), MSG_DONTWAIT, (struct sockaddr *)&peer, &plen);

		if (n < 0)
			return;
		if (echo) {
			sendto(fd, d, (size_t)n, 0, (struct sockaddr *)&peer, plen);
			continue;
		}
		note(0, local, &peer, d, (size_t)n);
		if (n >= 8 && n <= ADU_MAX)
			sendto(fd, a, answer(d, (size_t)n, a), 0, (struct sockaddr *)&peer, plen);
	}
}

int main(int argc, char **argv)
{
	static struct pollfd p[2 + UDP_MAX + SESSIONS_MAX];
	static struct session sessions[SESSIONS_MAX];
	struct sockaddr_in local[UDP_MAX];
	struct sched_param fifo = {.sched_priority = PRIORITY};
	nfds_t fixed = 2, n;
	int on = 1;

	if (argc < 5 || argc - 4 > UDP_MAX) {
		fprintf(stderr, "usage: chaos_server LOG ECHO_ADDRESS ECHO_PORT MODBUS_UDP_ADDRESS...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!(log_file = fopen(argv[1], "a")))
		die(argv[1]);
	setvbuf(log_file, NULL, _IOLBF, 0);
	p[0].fd = bound(SOCK_STREAM, "0.0.0.0", PORT);
	if (listen(p[0].fd, 256) < 0)
		die("listen");
	p[1].fd = bound(SOCK_DGRAM, argv[2], atoi(argv[3]));
	for (int i = 4; i < argc; i++) {
		p[fixed].fd = bound(SOCK_DGRAM, argv[i], PORT);
		inet_pton(AF_INET, argv[i], &local[fixed - 2].sin_addr);
		fixed++;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &fifo) < 0)
		die("real-time priority");
	n = fixed;
	for (nfds_t i = 0; i < fixed; i++)
		p[i].events = POLLIN;
	for (;;) {
		if (poll(p, n, -1) < 0)
			continue;
		datagrams(p[1].fd, NULL, true);
		for (nfds_t i = 2; i < fixed; i++)
			if (p[i].revents)
				datagrams(p[i].fd, &local[i - 2], false);
		for (nfds_t i = fixed; i < n; i++) {
			struct session *old = &sessions[i - fixed];

			/* One whose end was lost on the way (its zone was cut) makes room. */
			if (p[i].revents ? serve(old, p[i].fd) : time(NULL) - old->heard < SILENT_MAX_S)
				continue;
			close(p[i].fd);
			n--;
			p[i] = p[n];
			sessions[i - fixed] = sessions[n - fixed];
			i--;
		}
		p[0].events = n < fixed + SESSIONS_MAX ? POLLIN : 0;
		if (!p[0].revents || !p[0].events)
			continue;
		struct session *s = &sessions[n - fixed];
		socklen_t len = sizeof(s->peer);

		memset(s, 0, sizeof(*s));
		p[n].fd = accept4(p[0].fd, (struct sockaddr *)&s->peer, &len, SOCK_CLOEXEC);
		if (p[n].fd < 0)
			continue;
		len = sizeof(s->local);
		getsockname(p[n].fd, (struct sockaddr *)&s->local, &len);
		setsockopt(p[n].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		s->number = ++sessions_ever;
		s->heard = time(NULL);
		p[n].events = POLLIN;
		p[n].revents = 0;
		n++;
	}
}
