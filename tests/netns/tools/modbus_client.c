/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Modbus/TCP client made of libmodbus that does what it is told, one line of standard input at a time, and says what came of
 * it, one line each: "MILLISECONDS RESULT". It connects when it must and keeps the session; after a reset, a close or a
 * timeout the next request opens a new one.
 *
 *   modbus_client [-u UNIT] [-t TIMEOUT_MS] ADDRESS [PORT]
 *
 *   read coils|discrete|holding|input FIRST COUNT
 *   write coil|coils|register|registers FIRST VALUE...
 *   mask ADDRESS AND OR              readwrite READ COUNT WRITE VALUE...
 *   pdu HEX                          any function: the octets after the unit
 *   cut REQUEST                      the same request in one-byte segments
 *   join REQUEST + REQUEST           two requests in one segment (the result is that of the last)
 *   unit N    close    connects (how many sessions so far)
 *
 * RESULT: "ok VALUE...", "exception N TEXT", "reset", "closed", "timeout", "connect: TEXT", "error: TEXT".
 * libmodbus sends and receives all but cut and join, which write to libmodbus's own socket.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORDS    160
#define READ_MAX 2000

static modbus_t *ctx;
static bool connected;
static unsigned connects;
static int unit = 1;
static int timeout_ms = 1000;
static uint16_t next_id = 1;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint16_t number(const char *s)
{
	return (uint16_t)strtol(s, NULL, 0);
}

static size_t put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

/* The PDU (from the function code on) of a request, for cut, join and pdu. 0: not understood. */
static size_t encode(char **w, size_t n, uint8_t *p)
{
	static const char *const tables[] = {"coils", "discrete", "holding", "input"};
	size_t len = 0;

	if (n == 4 && !strcmp(w[0], "read")) {
		for (uint8_t i = 0; i < 4; i++)
			if (!strcmp(w[1], tables[i]))
				p[len++] = (uint8_t)(i + 1);
		if (!len)
			return 0;
		len += put16(p + len, number(w[2]));
		return len + put16(p + len, number(w[3]));
	}
	if (n == 4 && !strcmp(w[0], "write") && (!strcmp(w[1], "register") || !strcmp(w[1], "coil"))) {
		bool coil = !strcmp(w[1], "coil");

		p[len++] = coil ? 5 : 6;
		len += put16(p + len, number(w[2]));
		return len + put16(p + len, coil ? (number(w[3]) ? 0xff00 : 0) : number(w[3]));
	}
	if (n >= 4 && n <= 126 && !strcmp(w[0], "write") && !strcmp(w[1], "registers")) {
		p[len++] = 16;
		len += put16(p + len, number(w[2]));
		len += put16(p + len, (uint16_t)(n - 3));
		p[len++] = (uint8_t)(2 * (n - 3));
		for (size_t i = 3; i < n; i++)
			len += put16(p + len, number(w[i]));
		return len;
	}
	if (n == 2 && !strcmp(w[0], "pdu")) {
		for (const char *s = w[1]; s[0] && s[1] && len < 253; s += 2) {
			unsigned octet;

			if (sscanf(s, "%2x", &octet) != 1)
				return 0;
			p[len++] = (uint8_t)octet;
		}
		return len;
	}
	return 0;
}

static size_t frame(const uint8_t *pdu, size_t len, uint8_t *adu)
{
	put16(adu, next_id++);
	put16(adu + 2, 0);
	put16(adu + 4, (uint16_t)(len + 1));
	adu[6] = (uint8_t)unit;
	memcpy(adu + 7, pdu, len);
	return len + 7;
}

static void hang_up(void)
{
	if (connected)
		modbus_close(ctx);
	connected = false;
}

/* What errno means for the session, and its line. */
static void failed(double since)
{
	int e = errno;

	printf("%.3f ", now_ms() - since);
	if (e > MODBUS_ENOBASE && e < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX) {
		printf("exception %d %s\n", e - MODBUS_ENOBASE, modbus_strerror(e));
		return;
	}
	if (e == ECONNRESET || e == EPIPE)
		puts("reset");
	else if (e == ETIMEDOUT)
		puts("timeout");
	else
		printf("error: %s\n", modbus_strerror(e));
	hang_up();
}

/* One whole answer on libmodbus's socket, read without it. False with errno. */
static bool raw_answer(int fd, uint8_t *adu, size_t *len)
{
	double until = now_ms() + timeout_ms;
	size_t got = 0, need = 7;

	while (got < need) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		double left = until - now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left + 1) : 0;

		if (n == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		ssize_t r = n < 0 ? -1 : recv(fd, adu + got, need - got, 0);

		if (r == 0)
			errno = ECONNRESET;
		if (r <= 0)
			return false;
		got += (size_t)r;
		if (got == 7 && need == 7)
			need = 6 + (size_t)(adu[4] << 8 | adu[5]);
		if (need < 8 || need > MODBUS_TCP_MAX_ADU_LENGTH) {
			errno = EMBBADDATA;
			return false;
		}
	}
	*len = got;
	return true;
}

static void raw_result(double since, const uint8_t *adu, size_t len)
{
	if (adu[7] & 0x80) {
		errno = MODBUS_ENOBASE + (len > 8 ? adu[8] : 0);
		failed(since);
		return;
	}
	printf("%.3f ok", now_ms() - since);
	if ((adu[7] == 3 || adu[7] == 4) && len > 9)
		for (size_t i = 9; i + 1 < len; i += 2)
			printf(" %d", adu[i] << 8 | adu[i + 1]);
	else if (adu[7] != 5 && adu[7] != 6 && adu[7] != 15 && adu[7] != 16)
		for (size_t i = 8; i < len; i++)
			printf(" %02x", adu[i]);
	putchar('\n');
}

/* cut and join. */
static void send_raw(char **w, size_t n, bool cut)
{
	uint8_t adus[4 * MODBUS_TCP_MAX_ADU_LENGTH], pdu[300];
	size_t len = 0, requests = 0, from = 0;
	int fd = modbus_get_socket(ctx), on = 1;
	double since = now_ms();

	for (size_t i = 0; i <= n; i++) {
		if (i < n && strcmp(w[i], "+") != 0)
			continue;
		size_t l = encode(w + from, i - from, pdu);

		if (!l || requests == 4) {
			printf("0 error: request not understood\n");
			return;
		}
		len += frame(pdu, l, adus + len);
		requests++;
		from = i + 1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < len;) {
		ssize_t r = send(fd, adus + i, cut ? 1 : len - i, MSG_NOSIGNAL);

		if (r < 0) {
			failed(since);
			return;
		}
		i += (size_t)r;
		if (cut)
			usleep(2000); /* a segment each: nothing may wait and be joined */
	}
	for (size_t i = 0; i < requests; i++)
		if (!raw_answer(fd, adus, &len)) {
			failed(since);
			return;
		}
	raw_result(since, adus, len);
}

static void run(char **w, size_t n)
{
	uint16_t regs[READ_MAX], out[WORDS];
	uint8_t bits[READ_MAX], raw[300];
	double since = now_ms();
	int rc = -1, got = 0;
	bool is_bits = false;

	if (!strcmp(w[0], "cut") || !strcmp(w[0], "join")) {
		send_raw(w + 1, n - 1, w[0][0] == 'c');
		return;
	}
	errno = EINVAL;
	if (!strcmp(w[0], "read") && n == 4) {
		int a = number(w[2]), k = number(w[3]);

		is_bits = w[1][0] == 'c' || w[1][0] == 'd';
		if (!strcmp(w[1], "coils"))
			rc = modbus_read_bits(ctx, a, k, bits);
		else if (!strcmp(w[1], "discrete"))
			rc = modbus_read_input_bits(ctx, a, k, bits);
		else if (!strcmp(w[1], "holding"))
			rc = modbus_read_registers(ctx, a, k, regs);
		else if (!strcmp(w[1], "input"))
			rc = modbus_read_input_registers(ctx, a, k, regs);
		got = rc;
	} else if (!strcmp(w[0], "write") && n >= 4) {
		int a = number(w[2]), k = (int)n - 3;

		for (int i = 0; i < k; i++) {
			out[i] = number(w[3 + i]);
			bits[i] = out[i] != 0;
		}
		if (!strcmp(w[1], "coil"))
			rc = modbus_write_bit(ctx, a, bits[0]);
		else if (!strcmp(w[1], "coils"))
			rc = modbus_write_bits(ctx, a, k, bits);
		else if (!strcmp(w[1], "register"))
			rc = modbus_write_register(ctx, a, out[0]);
		else if (!strcmp(w[1], "registers"))
			rc = modbus_write_registers(ctx, a, k, out);
	} else if (!strcmp(w[0], "mask") && n == 4) {
		rc = modbus_mask_write_register(ctx, number(w[1]), number(w[2]), number(w[3]));
	} else if (!strcmp(w[0], "readwrite") && n >= 5) {
		for (size_t i = 4; i < n; i++)
			out[i - 4] = number(w[i]);
		rc = modbus_write_and_read_registers(ctx, number(w[3]), (int)n - 4, out, number(w[1]),
						     number(w[2]), regs);
		got = rc;
	} else if (!strcmp(w[0], "pdu")) {
		size_t len = encode(w, n, raw + 1);

		raw[0] = (uint8_t)unit;
		if (len && modbus_send_raw_request(ctx, raw, (int)len + 1) > 0) {
			uint8_t adu[MODBUS_TCP_MAX_ADU_LENGTH];
			size_t alen;

			/* libmodbus does not know how long the answer to a function it lacks is: the MBAP header says. */
			if (raw_answer(modbus_get_socket(ctx), adu, &alen)) {
				raw_result(since, adu, alen);
				return;
			}
		}
	} else {
		printf("0 error: request not understood\n");
		return;
	}
	if (rc < 0) {
		failed(since);
		return;
	}
	printf("%.3f ok", now_ms() - since);
	for (int i = 0; i < got; i++)
		printf(" %d", is_bits ? bits[i] : regs[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	char line[2048], *w[WORDS];
	int c;

	while ((c = getopt(argc, argv, "u:t:")) != -1) {
		if (c == 'u')
			unit = atoi(optarg);
		else if (c == 't')
			timeout_ms = atoi(optarg);
		else
			return 2;
	}
	if (optind >= argc) {
		fprintf(stderr, "usage: modbus_client [-u UNIT] [-t TIMEOUT_MS] ADDRESS [PORT]\n");
		return 2;
	}
	ctx = modbus_new_tcp_pi(argv[optind], optind + 1 < argc ? argv[optind + 1] : "502");
	if (!ctx) {
		perror("modbus_client");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	modbus_set_response_timeout(ctx, (uint32_t)(timeout_ms / 1000), (uint32_t)(timeout_ms % 1000) * 1000);
	while (fgets(line, sizeof(line), stdin)) {
		size_t n = 0;

		for (char *s = strtok(line, " \t\n"); s && n < WORDS; s = strtok(NULL, " \t\n"))
			w[n++] = s;
		if (n == 0)
			continue;
		if (!strcmp(w[0], "close")) {
			hang_up();
			puts("0 ok");
			continue;
		}
		if (!strcmp(w[0], "connects")) {
			printf("0 ok %u\n", connects);
			continue;
		}
		if (!strcmp(w[0], "unit") && n == 2) {
			unit = number(w[1]);
			puts("0 ok");
			continue;
		}
		modbus_set_slave(ctx, unit);
		if (!connected) {
			double since = now_ms();

			if (modbus_connect(ctx) < 0) {
				printf("%.3f connect: %s\n", now_ms() - since, modbus_strerror(errno));
				continue;
			}
			connected = true;
			connects++;
		}
		run(w, n);
	}
	hang_up();
	modbus_free(ctx);
	return 0;
}
