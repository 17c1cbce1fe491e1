/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quickest Modbus server there is, so that a round trip shows the path and not the peer: it answers read-holding-registers of
 * any unit with the register numbers, one client at a time, until it is told to stop.
 *
 *   responder PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int fd)
{
	uint8_t q[300], a[300];

	for (;;) {
		ssize_t n = recv(fd, q, sizeof(q), 0);

		if (n != 12 || q[7] != 3 || q[11] > 125)
			return;
		unsigned count = q[11], first = (unsigned)(q[8] << 8 | q[9]);

		memcpy(a, q, 8);
		a[4] = 0;
		a[5] = (uint8_t)(3 + 2 * count);
		a[8] = (uint8_t)(2 * count);
		for (unsigned i = 0; i < count; i++) {
			a[9 + 2 * i] = (uint8_t)((first + i) >> 8);
			a[10 + 2 * i] = (uint8_t)(first + i);
		}
		if (send(fd, a, 9 + 2 * count, MSG_NOSIGNAL) < 0)
			return;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	int on = 1, off = 0, s = socket(AF_INET6, SOCK_STREAM, 0);

	if (argc != 2)
		return 2;
	any.sin6_port = htons((uint16_t)atoi(argv[1]));
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 8) < 0) {
		perror("responder: listen");
		return 2;
	}
	for (;;) {
		int fd = accept(s, NULL, NULL);

		if (fd < 0)
			return 2;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		serve(fd);
		close(fd);
	}
}
