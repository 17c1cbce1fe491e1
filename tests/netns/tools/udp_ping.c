/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Round trips of datagrams, one every INTERVAL microseconds whatever comes back, as a safety controller sends them.
 *
 *   udp_ping -e ADDRESS PORT                                          sends every datagram back
 *   udp_ping [-n COUNT] [-i INTERVAL_US] [-w WAIT_MS] FROM TO PORT    prints: sent N answers N p50 US p99 US p999 US max US
 *
 *   udp_ping -k                                                       keeps its processor awake, and does nothing else
 *
 * -f: SCHED_FIFO, so that what is measured is the path and not who else wants the processor. Exit status 0: every answer came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 1000000u

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct sockaddr_in end_of(const char *address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1) {
		fprintf(stderr, "udp_ping: %s: no IPv4 address\n", address);
		exit(2);
	}
	return a;
}

static void die(const char *what)
{
	fprintf(stderr, "udp_ping: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void echo(int s)
{
	char buf[2048];

	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len);

		if (n >= 0)
			sendto(s, buf, (size_t)n, 0, (struct sockaddr *)&peer, len);
	}
}

struct probe {
	uint32_t number;
	int64_t sent_ns;
};

static int64_t *took; /* by number; -1: no answer yet */

static void take_answers(int s, uint32_t count)
{
	struct probe p;

	while (recv(s, &p, sizeof(p), MSG_DONTWAIT) == (ssize_t)sizeof(p))
		if (p.number < count && took[p.number] < 0)
			took[p.number] = now_ns() - p.sent_ns;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void wait_until(int s, int64_t until, uint32_t count)
{
	for (int64_t left; (left = until - now_ns()) > 0;) {
		struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		struct pollfd p = {.fd = s, .events = POLLIN};

		if (ppoll(&p, 1, &t, NULL) > 0)
			take_answers(s, count);
	}
}

static double quantile(uint32_t n, double q)
{
	return n ? (double)took[(uint32_t)((double)(n - 1) * q)] / 1e3 : 0;
}

int main(int argc, char **argv)
{
	uint32_t count = 1000, answers = 0;
	int64_t every = 1000000, wait = 500000000, start;
	int echoes = 0, fifo = 0, awake = 0, c, s;
	struct sockaddr_in from, to;
	struct sched_param prio = {.sched_priority = 10};

	while ((c = getopt(argc, argv, "en:i:w:fk")) != -1) {
		switch (c) {
		case 'e': echoes = 1; break;
		case 'n': count = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'i': every = strtol(optarg, NULL, 10) * 1000; break;
		case 'w': wait = strtol(optarg, NULL, 10) * 1000000; break;
		case 'f': fifo = 1; break;
		case 'k': awake = 1; break;
		default: return 2;
		}
	}
	while (awake)
		;
	if (argc - optind != (echoes ? 2 : 3) || count == 0 || count > COUNT_MAX) {
		fprintf(stderr,
			"usage: udp_ping -e [-f] ADDRESS PORT | [-f] [-n COUNT] [-i US] [-w MS] FROM TO PORT | -k\n");
		return 2;
	}
	if (fifo && sched_setscheduler(0, SCHED_FIFO, &prio) < 0)
		die("real-time priority");
	from = end_of(argv[optind], echoes ? (int)strtol(argv[optind + 1], NULL, 10) : 0);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("bind");
	if (echoes)
		echo(s);
	to = end_of(argv[optind + 1], (int)strtol(argv[optind + 2], NULL, 10));
	if (connect(s, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	took = malloc(count * sizeof(*took));
	if (!took)
		die("memory");
	memset(took, 0xff, count * sizeof(*took));
	start = now_ns();
	for (uint32_t i = 0; i < count; i++) {
		struct probe p = {.number = i, .sent_ns = now_ns()};

		if (send(s, &p, sizeof(p), 0) < 0 && errno != ECONNREFUSED)
			die("send");
		wait_until(s, start + (int64_t)(i + 1) * every, count);
	}
	wait_until(s, now_ns() + wait, count);
	for (uint32_t i = 0; i < count; i++)
		if (took[i] >= 0)
			took[answers++] = took[i];
	qsort(took, answers, sizeof(*took), compare);
	printf("sent %u answers %u p50 %.1f p99 %.1f p999 %.1f max %.1f\n", count, answers,
	       quantile(answers, 0.5), quantile(answers, 0.99), quantile(answers, 0.999),
	       quantile(answers, 1));
	return answers == count ? 0 : 1;
}
