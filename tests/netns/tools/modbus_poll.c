/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poller that counts: one session, one read of holding registers after the other, each answer checked for transaction id,
 * unit, function and size. It never reconnects: a session that ends is a failure.
 *
 *   modbus_poll [-n REQUESTS] [-s SECONDS] [-i INTERVAL_US] [-u UNIT] [-f FIRST] [-c COUNT] [-w TIMEOUT_MS] [-p PORT] [-l FILE] ADDRESS
 *
 * Ends after REQUESTS, after SECONDS, or at SIGTERM, and prints one line:
 *   requests N answers N wrong N p50 US p99 US p999 US max US local PORT
 * -l keeps every round trip in FILE, microseconds, one a line. Exit status 0: every request had its right answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 4000000u

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int dial(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *a;
	int on = 1;

	if (getaddrinfo(host, port, &hints, &a) != 0) {
		fprintf(stderr, "modbus_poll: %s is no address\n", host);
		return -1;
	}
	int fd = socket(a->ai_family, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		fprintf(stderr, "modbus_poll: connect to %s: %s\n", host, strerror(errno));
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static unsigned local_port(int fd)
{
	struct sockaddr_storage s;
	socklen_t len = sizeof(s);

	if (getsockname(fd, (struct sockaddr *)&s, &len) < 0)
		return 0;
	/* The port is at the same place in both families. */
	return ntohs(((struct sockaddr_in *)(void *)&s)->sin_port);
}

int main(int argc, char **argv)
{
	unsigned long limit = SAMPLES_MAX, requests = 0, answers = 0, wrong = 0;
	unsigned unit = 1, first = 0, count = 10, interval = 0, timeout_ms = 5000;
	double seconds = 0;
	const char *port = "502", *list = NULL;
	int c;

	while ((c = getopt(argc, argv, "n:s:i:u:f:c:w:p:l:")) != -1) {
		switch (c) {
		case 'n': limit = strtoul(optarg, NULL, 10); break;
		case 's': seconds = atof(optarg); break;
		case 'i': interval = (unsigned)atoi(optarg); break;
		case 'u': unit = (unsigned)atoi(optarg); break;
		case 'f': first = (unsigned)atoi(optarg); break;
		case 'c': count = (unsigned)atoi(optarg); break;
		case 'w': timeout_ms = (unsigned)atoi(optarg); break;
		case 'p': port = optarg; break;
		case 'l': list = optarg; break;
		default: return 2;
		}
	}
	if (optind >= argc || limit > SAMPLES_MAX || count == 0 || count > 125) {
		fprintf(stderr,
			"usage: modbus_poll [-n REQUESTS] [-s SECONDS] [-i INTERVAL_US] [-u UNIT] [-f FIRST] [-c COUNT] "
			"[-w TIMEOUT_MS] [-p PORT] [-l FILE] ADDRESS\n");
		return 2;
	}
	float *us = malloc(SAMPLES_MAX * sizeof(*us));
	int fd = us ? dial(argv[optind], port) : -1;

	if (fd < 0)
		return 2;
	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	double start = now_us();
	const char *end = NULL;

	while (!stop && requests < limit && (seconds <= 0 || now_us() - start < seconds * 1e6)) {
		uint16_t id = (uint16_t)(requests + 1);
		uint8_t q[12] = {(uint8_t)(id >> 8),
				 (uint8_t)id,
				 0,
				 0,
				 0,
				 6,
				 (uint8_t)unit,
				 3,
				 (uint8_t)(first >> 8),
				 (uint8_t)first,
				 (uint8_t)(0),
				 (uint8_t)count};
		uint8_t a[300];
		size_t want = 9 + 2 * (size_t)count, got = 0;
		double t = now_us();

		if (send(fd, q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q)) {
			end = strerror(errno);
			break;
		}
		requests++;
		while (got < want) {
			ssize_t r = recv(fd, a + got, sizeof(a) - got, 0);

			if (r < 0 && errno == EINTR)
				continue; /* told to stop: the answer under way still counts */
			if (r <= 0) {
				end = r == 0 ? "closed by the other end" : strerror(errno);
				break;
			}
			got += (size_t)r;
			if (got >= 9 && (a[7] != 3 || a[8] != 2 * count))
				want = got; /* an exception, or something else: judged below */
		}
		if (end)
			break;
		us[answers++] = (float)(now_us() - t);
		if (got != 9 + 2 * (size_t)count || memcmp(a, q, 2) != 0 || a[6] != unit || a[7] != 3)
			wrong++;
		if (interval)
			usleep(interval);
	}
	unsigned local = local_port(fd);

	close(fd);
	if (list) {
		FILE *f = fopen(list, "w");

		if (!f) {
			perror(list);
			return 2;
		}
		for (unsigned long i = 0; i < answers; i++)
			fprintf(f, "%.2f\n", (double)us[i]);
		fclose(f);
	}
	qsort(us, answers, sizeof(*us), by_value);
#define AT(q) (answers ? (double)us[(unsigned long)((double)(answers - 1) * (q))] : 0.0)
	printf("requests %lu answers %lu wrong %lu p50 %.2f p99 %.2f p999 %.2f max %.2f local %u\n", requests,
	       answers, wrong, AT(0.5), AT(0.99), AT(0.999), AT(1.0), local);
	if (end)
		printf("the session ended: %s\n", end);
	free(us);
	return !end && answers == requests && wrong == 0 && answers > 0 ? 0 : 1;
}
