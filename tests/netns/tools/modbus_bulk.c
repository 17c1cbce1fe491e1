/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One long TCP stream of Modbus writes that nobody answers: write-multiple-registers of 123 registers to unit 0 (broadcast), 260
 * octets each, as many to a segment as fit. For throughput through an inspected conduit.
 *
 *   modbus_bulk send ADDRESS PORT MEGABYTES      prints "sent BYTES in SECONDS s, RATE Gbit/s"
 *   modbus_bulk sink PORT                        takes one stream, compares every octet; "received BYTES, PDUS PDUs" or "wrong at BYTE"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REGISTERS 123
#define PDU       (13 + 2 * REGISTERS)
#define BATCH     65536 /* PDUs until the transaction ids start again: one pattern buffer holds them all */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The whole pattern: PDU i has transaction id i, register r of it holds (i + r) & 1023. */
static uint8_t *pattern(void)
{
	uint8_t *all = malloc((size_t)BATCH * PDU);

	for (unsigned i = 0; all && i < BATCH; i++) {
		uint8_t *p = all + (size_t)i * PDU;
		uint8_t head[13] = {(uint8_t)(i >> 8), (uint8_t)i,   0, 0, 0, PDU - 6, 0, 16, 0, 0, 0,
				    REGISTERS,         2 * REGISTERS};

		head[4] = (uint8_t)((PDU - 6) >> 8);
		memcpy(p, head, sizeof(head));
		for (unsigned r = 0; r < REGISTERS; r++) {
			p[13 + 2 * r] = (uint8_t)(((i + r) & 1023) >> 8);
			p[14 + 2 * r] = (uint8_t)(i + r);
		}
	}
	return all;
}

static int send_all(const char *host, const char *port, double megabytes)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *a;
	uint8_t *all = pattern();
	size_t pdus = (size_t)(megabytes * 1e6) / PDU, left = pdus * PDU, at = 0, total = left;

	if (!all || getaddrinfo(host, port, &hints, &a) != 0) {
		fprintf(stderr, "modbus_bulk: %s is no address\n", host);
		return 2;
	}
	int fd = socket(a->ai_family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		perror("modbus_bulk: connect");
		return 2;
	}
	freeaddrinfo(a);
	double start = now_s();

	while (left) {
		size_t n = (size_t)BATCH * PDU - at;

		if (n > left)
			n = left;
		if (n > 1 << 18)
			n = 1 << 18;
		ssize_t r = send(fd, all + at, n, MSG_NOSIGNAL);

		if (r < 0) {
			printf("failed after %zu bytes: %s\n", total - left, strerror(errno));
			return 1;
		}
		left -= (size_t)r;
		at = (at + (size_t)r) % ((size_t)BATCH * PDU);
	}
	shutdown(fd, SHUT_WR);
	/* The sink closes when it has everything: only then is the stream through. */
	char c;
	ssize_t r = recv(fd, &c, 1, 0);
	double s = now_s() - start;

	if (r != 0) {
		printf("failed: the sink did not close (%s)\n",
		       r < 0 ? strerror(errno) : "it sent something");
		return 1;
	}
	printf("sent %zu in %.3f s, %.2f Gbit/s\n", total, s, (double)total * 8 / s / 1e9);
	free(all);
	return 0;
}

static int sink(const char *port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	static uint8_t buf[1 << 18];
	uint8_t *all = pattern();
	size_t got = 0, at = 0, whole = (size_t)BATCH * PDU;
	int on = 1, off = 0, s = socket(AF_INET6, SOCK_STREAM, 0);

	any.sin6_port = htons((uint16_t)atoi(port));
	if (!all || s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 1) < 0) {
		perror("modbus_bulk: listen");
		return 2;
	}
	int fd = accept(s, NULL, NULL);

	if (fd < 0) {
		perror("modbus_bulk: accept");
		return 2;
	}
	for (;;) {
		size_t most = whole - at < sizeof(buf) ? whole - at : sizeof(buf);
		ssize_t r = recv(fd, buf, most, 0);

		if (r < 0) {
			printf("failed after %zu bytes: %s\n", got, strerror(errno));
			return 1;
		}
		if (r == 0)
			break;
		if (memcmp(buf, all + at, (size_t)r) != 0) {
			printf("wrong at byte %zu or soon after\n", got);
			return 1;
		}
		got += (size_t)r;
		at = (at + (size_t)r) % whole;
	}
	close(fd);
	printf("received %zu, %zu PDUs\n", got, got / PDU);
	free(all);
	return got % PDU ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send_all(argv[2], argv[3], atof(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "sink"))
		return sink(argv[2]);
	fprintf(stderr, "usage: modbus_bulk send ADDRESS PORT MEGABYTES | sink PORT\n");
	return 2;
}
