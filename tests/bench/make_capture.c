/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a capture of N sessions, each a SYN and one read-holding-registers request from 10.10.1.2 to 10.10.2.2: what callgrind counts
 * decode and match on.
 *
 *   make_capture N FILE
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void packet(FILE *f, unsigned i, int syn)
{
	static const uint8_t adu[12] = {0, 1, 0, 0, 0, 6, 1, 3, 0, 40, 0, 2};
	uint8_t p[52] = {0x45};
	uint32_t len = syn ? 40 : 52,
		 head[4] = {1700000000u + i / 1000u, i % 1000u * 1000u + (syn ? 0 : 1), len, len};

	put16(p + 2, len);
	p[8] = 64;
	p[9] = 6;
	memcpy(p + 12, (const uint8_t[]){10, 10, 1, 2, 10, 10, 2, 2}, 8);
	put16(p + 20, 20000 + i);
	put16(p + 22, 502);
	p[27] = syn ? 0 : 1; /* sequence number */
	p[31] = syn ? 0 : 1; /* acknowledgement */
	p[32] = 0x50;
	p[33] = syn ? 0x02 : 0x18;
	put16(p + 34, 64000);
	if (!syn)
		memcpy(p + 40, adu, sizeof(adu));
	fwrite(head, sizeof(head), 1, f);
	fwrite(p, len, 1, f);
}

int main(int argc, char **argv)
{
	/* pcap, microseconds, link type raw IP */
	const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 101};
	FILE *f = argc == 3 ? fopen(argv[2], "wb") : NULL;
	unsigned n = argc == 3 ? (unsigned)atoi(argv[1]) : 0;

	if (!f || n == 0 || n > 40000) {
		perror("make_capture N FILE");
		return 2;
	}
	fwrite(head, sizeof(head), 1, f);
	for (unsigned i = 0; i < n; i++) {
		packet(f, i, 1);
		packet(f, i, 0);
	}
	return fclose(f) ? 2 : 0;
}
