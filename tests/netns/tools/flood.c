/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flood: frames written straight to an interface of a network namespace, as fast as one processor can. Bounded in number and in
 * time, always.
 *
 *   flood -i INTERFACE -m MAC [-s SECONDS] [-n PACKETS] [-r PER_SECOND] KIND[,KIND...] CLIENT SERVER [PORT]
 *
 *   junk     random source, protocol and port, to SERVER's network (the last octet is random)
 *   invalid  TCP segments with a wrong checksum on the listed tuple
 *   syn      SYNs from CLIENT with ever new source ports and from ever new neighbours, to PORT: each takes a conntrack entry
 *   read     datagrams on the listed tuple with a read of one holding register in them: each source port is a flow that is allowed
 *   pdu      datagrams on the listed tuple with malformed Modbus in them
 *   big      the same, larger than any PDU may be
 *   middle   TCP segments of sessions that never began, with malformed Modbus in them
 *
 * Kinds take turns, a batch each. Prints: sent N per-second N. Source addresses stay in CLIENT's /24. Same seed, same packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH       64
#define FRAME_MAX   1514
#define KINDS_MAX   16
#define SECONDS_MAX 60
#define PACKETS_MAX 100000000ull

enum kind { JUNK, INVALID, SYN, READ, PDU, BIG, MIDDLE, KINDS };
static const char *const names[KINDS] = {"junk", "invalid", "syn", "read", "pdu", "big", "middle"};

static uint64_t seed = 0x6f746677;
static uint32_t turn_port; /* counts source tuples */

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n & 1)
		s += (uint32_t)(p[n - 1] << 8);
	return s;
}
static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

struct target {
	uint8_t ether[14];
	uint8_t client[4], server[4];
	uint16_t port;
};

/* Octets of a Modbus message that nobody may pass: a wrong protocol number, a length that lies, a function that is none. */
static size_t malformed(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)random32();
	switch (random32() % 3) {
	case 0: put16(p + 2, 1 + random32() % 65535); break;
	case 1:
		put16(p + 2, 0);
		put16(p + 4, 255 + random32() % 60000);
		break;
	default:
		put16(p + 2, 0);
		put16(p + 4, (uint32_t)len - 6);
		p[7] = 0;
		break;
	}
	return len;
}

/* Of one register, from 0 to 63. */
static size_t read_request(uint8_t *p, uint32_t n)
{
	static const uint8_t request[12] = {0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1};

	memcpy(p, request, sizeof(request));
	put16(p, n);
	p[9] = (uint8_t)(n % 64);
	return sizeof(request);
}

static size_t build(const struct target *t, enum kind kind, uint8_t *f)
{
	uint8_t *ip = f + 14, *l4 = ip + 20;
	size_t head = 8, data = 0;
	uint32_t n = turn_port++;
	uint8_t proto = kind == READ || kind == PDU || kind == BIG ? IPPROTO_UDP : IPPROTO_TCP;

	memcpy(f, t->ether, sizeof(t->ether));
	memset(ip, 0, 40);
	if (kind == JUNK && random32() % 2)
		proto = IPPROTO_UDP;
	if (proto == IPPROTO_TCP)
		head = 20;
	if (kind == READ)
		data = read_request(l4 + head, n);
	else if (kind == PDU || kind == MIDDLE)
		data = malformed(l4 + head, 12 + random32() % 60);
	else if (kind == BIG)
		data = malformed(l4 + head, 300 + random32() % 1000);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(20 + head + data));
	put16(ip + 4, n);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, t->client, 4);
	memcpy(ip + 16, t->server, 4);
	if (kind == JUNK) {
		put32(ip + 12, random32() % 0xdf000000u + 0x01000000u);
		ip[19] = (uint8_t)random32();
	}
	put16(ip + 10, fold(sum(ip, 20, 0)));
	put16(l4, 1024 + n % 64000);
	put16(l4 + 2, kind == JUNK ? random32() : t->port);
	if (kind == SYN && n / 64000 % 64) {
		/* Every 64,000 ports another neighbour. */
		ip[15] = (uint8_t)(100 + n / 64000 % 64);
		put16(ip + 10, 0);
		put16(ip + 10, fold(sum(ip, 20, 0)));
	}
	if (proto == IPPROTO_UDP) {
		put16(l4 + 4, (uint32_t)(head + data));
		return 14 + 20 + head + data;
	}
	put32(l4 + 4, random32());
	l4[12] = 5 << 4;
	l4[13] = kind == SYN || kind == JUNK ? 0x02 : 0x18;
	if (l4[13] != 0x02)
		put32(l4 + 8, random32());
	put16(l4 + 14, 1024);
	uint32_t s = sum(ip + 12, 8, IPPROTO_TCP + (uint32_t)(head + data));
	put16(l4 + 16, (uint32_t)fold(sum(l4, head + data, s)) ^ (kind == INVALID ? 0x5555u : 0u));
	return 14 + 20 + head + data;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: flood -i INTERFACE -m MAC [-s SECONDS] [-n PACKETS] [-r PER_SECOND] KIND[,KIND...] CLIENT SERVER [PORT]\n");
	exit(2);
}

static unsigned kinds_of(char *list, enum kind kinds[KINDS_MAX])
{
	unsigned n = 0;

	for (char *w = strtok(list, ","); w && n < KINDS_MAX; w = strtok(NULL, ",")) {
		unsigned k = 0;

		while (k < KINDS && strcmp(names[k], w) != 0)
			k++;
		if (k == KINDS)
			usage();
		kinds[n++] = (enum kind)k;
	}
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t frames[BATCH][FRAME_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
	struct target t = {.port = 502};
	enum kind kinds[KINDS_MAX];
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	unsigned long long most = PACKETS_MAX, rate = 0, sent = 0;
	double seconds = 1, start;
	const char *interface = NULL;
	unsigned mac[6] = {0}, nkinds;
	int c, one = 1, s;

	while ((c = getopt(argc, argv, "i:m:s:n:r:")) != -1) {
		switch (c) {
		case 'i': interface = optarg; break;
		case 'm':
			if (sscanf(optarg, "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
				   &mac[5]) != 6)
				usage();
			break;
		case 's': seconds = strtod(optarg, NULL); break;
		case 'n': most = strtoull(optarg, NULL, 10); break;
		case 'r': rate = strtoull(optarg, NULL, 10); break;
		default: usage();
		}
	}
	if (argc - optind < 3 || !interface || seconds > SECONDS_MAX || most > PACKETS_MAX)
		usage();
	nkinds = kinds_of(argv[optind], kinds);
	if (nkinds == 0 || inet_pton(AF_INET, argv[optind + 1], t.client) != 1 ||
	    inet_pton(AF_INET, argv[optind + 2], t.server) != 1)
		usage();
	if (argc - optind > 3)
		t.port = (uint16_t)strtoul(argv[optind + 3], NULL, 10);
	for (int i = 0; i < 6; i++) {
		t.ether[i] = (uint8_t)mac[i];
		t.ether[6 + i] = (uint8_t)(i == 0 ? 2 : i);
	}
	put16(t.ether + 12, ETH_P_IP);
	s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	to.sll_ifindex = (int)if_nametoindex(interface);
	if (s < 0 || to.sll_ifindex == 0 || bind(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "flood: %s: %s\n", interface, strerror(errno));
		return 2;
	}
	/* Nothing is received here. */
	setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	start = now_s();
	for (unsigned turn = 0; sent < most && now_s() - start < seconds; turn++) {
		int n = BATCH, done;

		if (most - sent < BATCH)
			n = (int)(most - sent);
		for (int i = 0; i < n; i++) {
			iov[i] = (struct iovec){frames[i], build(&t, kinds[turn % nkinds], frames[i])};
			msgs[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
		}
		done = sendmmsg(s, msgs, (unsigned)n, 0);
		if (done < 0 && errno != ENOBUFS && errno != EAGAIN) {
			fprintf(stderr, "flood: send: %s\n", strerror(errno));
			return 2;
		}
		sent += done > 0 ? (unsigned long long)done : 0;
		while (rate && (double)sent > (now_s() - start) * (double)rate)
			usleep(500);
	}
	printf("sent %llu per-second %.0f\n", sent, (double)sent / (now_s() - start));
	return 0;
}
