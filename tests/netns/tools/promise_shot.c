/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One read of one holding register in a session of its own, and what came of it.
 *
 *   promise_shot [-b FROM] [-w TIMEOUT_MS] SERVER REGISTER
 *
 * Prints "answer", "reset", "closed", "silence", or "connect: TEXT". Exit status 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in me = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(502)};
	int timeout_ms = 1000, fd = socket(AF_INET, SOCK_STREAM, 0), c;

	while ((c = getopt(argc, argv, "b:w:")) != -1) {
		if (c == 'w')
			timeout_ms = atoi(optarg);
		else if (c != 'b' || inet_pton(AF_INET, optarg, &me.sin_addr) != 1)
			return 2;
	}
	if (argc - optind != 2 || inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: promise_shot [-b FROM] [-w TIMEOUT_MS] SERVER REGISTER\n");
		return 2;
	}
	unsigned at = (unsigned)atoi(argv[optind + 1]);
	uint8_t q[12] = {0, 1, 0, 0, 0, 6, 1, 3, (uint8_t)(at >> 8), (uint8_t)at, 0, 1}, a[64];
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		printf("connect: %s\n", errno == EINPROGRESS ? "silence" : strerror(errno));
		return 0;
	}
	ssize_t n = send(fd, q, sizeof(q), MSG_NOSIGNAL) < 0 ? -1 : recv(fd, a, sizeof(a), 0);

	puts(n > 0                                     ? "answer"
	     : n == 0                                  ? "closed"
	     : errno == EAGAIN || errno == EINPROGRESS ? "silence"
						       : "reset");
	return 0;
}
