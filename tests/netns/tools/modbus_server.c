/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Modbus/TCP server made of libmodbus: modbus_receive() and modbus_reply() do the work. One process per client, all on one
 * set of tables in shared memory, so that a client that sent half a request delays nobody else.
 *
 *   modbus_server [-p PORT] [-w MS] [-v]
 *
 * It listens on every address, IPv4 and IPv6. At the start holding register N holds N, input register N holds 1000 + N, coil
 * and discrete input N hold N & 1. Its own account can be read beside the firewall: input register 256 + F counts the requests
 * of function F that arrived (whatever the answer was). -v prints each request that arrived. -w: how long it
 * waits within a request for its next octet (libmodbus's own 500).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CELLS   2000
#define ACCOUNT 256

struct tables {
	uint8_t coils[CELLS], discrete[CELLS];
	uint16_t holding[CELLS], input[CELLS];
};

static void serve(int fd, struct tables *t, int verbose, unsigned wait_ms)
{
	uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
	modbus_mapping_t map = {
		.nb_bits = CELLS,
		.nb_input_bits = CELLS,
		.nb_input_registers = CELLS,
		.nb_registers = CELLS,
		.tab_bits = t->coils,
		.tab_input_bits = t->discrete,
		.tab_input_registers = t->input,
		.tab_registers = t->holding,
	};
	modbus_t *m = modbus_new_tcp_pi(NULL, "502");

	if (!m)
		return;
	modbus_set_socket(m, fd);
	if (wait_ms)
		modbus_set_byte_timeout(m, wait_ms / 1000, wait_ms % 1000 * 1000);
	for (;;) {
		int n = modbus_receive(m, request);

		if (n < 0) {
			if (errno == EMBBADDATA || errno == EMBBADCRC || errno == EINTR)
				continue;
			break;
		}
		if (n < 8)
			continue;
		t->input[ACCOUNT + request[7]]++;
		if (verbose) {
			printf("unit %u function %u, %d octets\n", request[6], request[7], n);
			fflush(stdout);
		}
		if (modbus_reply(m, request, n, &map) < 0 && errno == EPIPE)
			break;
	}
	modbus_free(m);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	uint16_t port = 502;
	int c, verbose = 0, on = 1, off = 0;
	unsigned wait_ms = 0;

	while ((c = getopt(argc, argv, "p:w:v")) != -1) {
		if (c == 'p')
			port = (uint16_t)atoi(optarg);
		else if (c == 'w')
			wait_ms = (unsigned)atoi(optarg);
		else if (c == 'v')
			verbose = 1;
		else
			return 2;
	}
	struct tables *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED) {
		perror("modbus_server: mmap");
		return 2;
	}
	for (int i = 0; i < CELLS; i++) {
		t->coils[i] = t->discrete[i] = i & 1;
		t->holding[i] = (uint16_t)i;
		t->input[i] = i >= ACCOUNT && i < ACCOUNT + 256 ? 0 : (uint16_t)(1000 + i);
	}
	int s = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	any.sin6_port = htons(port);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 64) < 0) {
		perror("modbus_server: listen");
		return 2;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(s, NULL, NULL);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			perror("modbus_server: accept");
			return 2;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		pid_t pid = fork();

		if (pid == 0) {
			close(s);
			serve(fd, t, verbose, wait_ms);
			_exit(0);
		}
		close(fd);
	}
}
