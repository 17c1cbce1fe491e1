/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet headers: what parses, what is refused and why, and that a rewritten packet's checksums are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fwd/engine/rewrite.h"
#include "tests/unit/packets.h"

/* Headers as hexadecimal text; spaces are ignored. */
static uint32_t hex(const char *text, uint8_t *out)
{
	uint32_t n = 0;
	for (const char *p = text; *p; p++) {
		if (*p == ' ')
			continue;
		unsigned v;
		assert_int_equal(sscanf(p, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
		p++;
	}
	return n;
}

#define TCP_HEAD "9c40 01f6 000003e8 00001388 50 10 2000 0000 0000 "
#define UDP_HEAD "9c40 01f6 "
#define V6_ADDR  "fd000000000000000000000000000001 fd000000000000000000000000000002 "

struct row {
	const char *name, *bytes;
	enum reason reason;
	uint32_t l4, payload, payload_len;
	bool v6;
};

static const struct row rows[] = {
	{"IPv4 TCP without payload", "4500 0028 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD,
	 REASON_NONE, 20, 40, 0, false},
	{"IPv4 TCP with payload", "4500 002b 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD "010203",
	 REASON_NONE, 20, 40, 3, false},
	{"padding behind the packet is cut off",
	 "4500 0029 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD "01 0000000000", REASON_NONE, 20, 40, 1,
	 false},
	{"IPv4 options", "4600 002d 0000 0000 40 06 0000 0a0a0102 0a0a0202 01010101 " TCP_HEAD "01",
	 REASON_NONE, 24, 44, 1, false},
	{"TCP options",
	 "4500 002d 0000 0000 40 06 0000 0a0a0102 0a0a0202 9c40 01f6 000003e8 00001388 60 10 2000 0000 0000 "
	 "01010101 07",
	 REASON_NONE, 20, 44, 1, false},
	{"don't-fragment is no fragment", "4500 0028 0000 4000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD,
	 REASON_NONE, 20, 40, 0, false},
	{"UDP", "4500 001e 0000 0000 40 11 0000 0a0a0102 0a0a0202 " UDP_HEAD "000a 0000 aabb", REASON_NONE,
	 20, 28, 2, false},
	{"IPv6 TCP", "60000000 0015 06 40 " V6_ADDR TCP_HEAD "ff", REASON_NONE, 40, 60, 1, true},
	{"IPv6 hop-by-hop and destination options",
	 "60000000 0025 00 40 " V6_ADDR "3c00010400000000 0600010400000000 " TCP_HEAD "ff", REASON_NONE, 56,
	 76, 1, true},
	{"IPv6 routing header", "60000000 001d 2b 40 " V6_ADDR "0600000000000000 " TCP_HEAD "ff", REASON_NONE,
	 48, 68, 1, true},
	{"nothing", "", REASON_BAD_PACKET, 0, 0, 0, false},
	{"neither IPv4 nor IPv6", "1500 0028", REASON_BAD_PACKET, 0, 0, 0, false},
	{"IPv4 header cut", "4500 0028 0000", REASON_BAD_PACKET, 0, 0, 0, false},
	{"IPv4 header length below 20", "4400 0028 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD,
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"IPv4 options run past the buffer", "4f00 0028 0000 0000 40 06 0000 0a0a0102 0a0a0202 00",
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"total length below the header", "4500 0013 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD,
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"TCP header cut by the total length", "4500 0027 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD,
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"TCP data offset below 5",
	 "4500 0028 0000 0000 40 06 0000 0a0a0102 0a0a0202 9c40 01f6 000003e8 00001388 40 10 2000 0000 0000",
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"TCP data offset past the packet",
	 "4500 0028 0000 0000 40 06 0000 0a0a0102 0a0a0202 9c40 01f6 000003e8 00001388 f0 10 2000 0000 0000",
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"UDP length below 8", "4500 001e 0000 0000 40 11 0000 0a0a0102 0a0a0202 " UDP_HEAD "0007 0000 aabb",
	 REASON_BAD_PACKET, 0, 0, 0, false},
	{"UDP longer than its packet",
	 "4500 001e 0000 0000 40 11 0000 0a0a0102 0a0a0202 " UDP_HEAD "000b 0000 aabb", REASON_BAD_PACKET, 0,
	 0, 0, false},
	{"UDP that hides octets behind itself",
	 "4500 001e 0000 0000 40 11 0000 0a0a0102 0a0a0202 " UDP_HEAD "0009 0000 aabb", REASON_BAD_PACKET, 0,
	 0, 0, false},
	{"first fragment", "4500 0028 0000 2000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD, REASON_FRAGMENT, 0,
	 0, 0, false},
	{"later fragment", "4500 0028 0000 0001 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD, REASON_FRAGMENT, 0,
	 0, 0, false},
	{"IPv6 fragment", "60000000 001d 2c 40 " V6_ADDR "0600000100000000 " TCP_HEAD "ff", REASON_FRAGMENT,
	 0, 0, 0, true},
	{"IPv6 extension header cut", "60000000 0004 00 40 " V6_ADDR "06000104", REASON_BAD_PACKET, 0, 0, 0,
	 true},
	{"IPv6 extension header past the end", "60000000 0008 00 40 " V6_ADDR "0604010400000000",
	 REASON_BAD_PACKET, 0, 0, 0, true},
	{"too many IPv6 extension headers",
	 "60000000 0050 3c 40 " V6_ADDR
	 "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
	 "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 0600010400000000",
	 REASON_BAD_PACKET, 0, 0, 0, true},
	{"ICMP", "4500 001c 0000 0000 40 01 0000 0a0a0102 0a0a0202 0800 0000 0000 0000", REASON_TRANSPORT, 0,
	 0, 0, false},
	{"payload shorter than the packet says",
	 "4500 0030 0000 0000 40 06 0000 0a0a0102 0a0a0202 " TCP_HEAD "0102", REASON_TRUNCATED, 20, 40, 8,
	 false},
};

static void parses(void **state)
{
	const struct row *r = *state;
	uint8_t *data = malloc(256);
	uint32_t n = hex(r->bytes, data);
	struct pkt p;

	/* Exactly as large as the packet, so that the sanitizer sees a read behind it. */
	data = realloc(data, n ? n : 1);
	assert_string_equal(reason_name(pkt_parse(data, n, &p)), reason_name(r->reason));
	if (r->reason == REASON_NONE || r->reason == REASON_TRUNCATED) {
		assert_int_equal(p.l4, r->l4);
		assert_int_equal(p.payload, r->payload);
		assert_int_equal(p.payload_len, r->payload_len);
		assert_int_equal(p.v6, r->v6);
		assert_int_equal(p.tuple.sport, 40000);
		assert_int_equal(p.tuple.dport, 502);
		if (p.tuple.ipproto == 6) {
			assert_int_equal(p.seq, 1000);
			assert_int_equal(p.ack, 5000);
			assert_int_equal(p.flags, TCP_ACK);
		}
	}
	free(data);
}

static void addresses(void **state)
{
	static const uint8_t src4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 10, [14] = 1, [15] = 2};
	static struct packet k;
	struct pkt p;

	(void)state;
	packet_tcp(&k, false, 40000, TCP_ACK, 1, 2, NULL, 0);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	assert_memory_equal(p.tuple.src, src4, 16);
	assert_int_equal(p.tuple.dst[15], 2);
}

/* Sums to zero over header and pseudo header when the checksums are right. */
static uint16_t check(const uint8_t *p, uint32_t n, uint64_t acc)
{
	for (uint32_t i = 0; i < n; i++)
		acc += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}
static void assert_checksums(const uint8_t *p, uint32_t len, uint32_t l4, bool v6)
{
	uint64_t pseudo = 6 + (len - l4);
	const uint8_t *a = v6 ? p + 8 : p + 12;
	for (unsigned i = 0; i < (v6 ? 32u : 8u); i++)
		pseudo += i % 2 ? a[i] : (uint32_t)a[i] << 8;
	if (!v6)
		assert_int_equal(check(p, (p[0] & 15) * 4u, 0), 0);
	assert_int_equal(check(p + l4, len - l4, pseudo), 0);
}

static void resets(void **state)
{
	static const struct {
		enum reset_form form;
		uint32_t len;
		uint8_t flags;
	} forms[] = {{RESET_CUT, 40, TCP_RST | TCP_ACK}, {RESET_KEEP, 45, TCP_RST | TCP_ACK}};
	static struct packet k;
	uint8_t out[128];
	struct pkt p;

	(void)state;
	packet_tcp(&k, false, 40000, TCP_ACK | TCP_PSH, 1000, 2000, (const uint8_t *)"hello", 5);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	for (unsigned i = 0; i < 2; i++) {
		struct pkt q;
		uint32_t n = rewrite_reset(&p, forms[i].form, 990, out, sizeof out);
		assert_int_equal(n, forms[i].len);
		assert_int_equal(pkt_parse(out, n, &q), REASON_NONE);
		assert_int_equal(q.flags, forms[i].flags);
		assert_int_equal(q.seq, 990);
		assert_int_equal(q.ack, 2000);
		assert_int_equal(q.len, n);
		for (uint32_t j = q.payload; j < n; j++)
			assert_int_equal(out[j], 0);
		assert_checksums(out, n, q.l4, false);
	}
	assert_int_equal(rewrite_reset(&p, RESET_KEEP, 0, out, 44), 0);
	packet_udp(&k, false, 40000, (const uint8_t *)"x", 1);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	assert_int_equal(rewrite_reset(&p, RESET_CUT, 0, out, sizeof out), 0);
}

static void reset_v6(void **state)
{
	uint8_t in[128], out[128];
	struct pkt p, q;

	(void)state;
	uint32_t n = hex("60000000 001d 3c 40 " V6_ADDR "0600010400000000 " TCP_HEAD "ff", in);
	assert_int_equal(pkt_parse(in, n, &p), REASON_NONE);
	n = rewrite_reset(&p, RESET_CUT, 1000, out, sizeof out);
	assert_int_equal(n, 68);
	assert_int_equal(pkt_parse(out, n, &q), REASON_NONE);
	assert_int_equal(q.payload_len, 0);
	assert_checksums(out, n, q.l4, true);
}

static void keep_alive_octet(void **state)
{
	static struct packet k;
	uint8_t out[64];
	struct pkt p;

	(void)state;
	packet_tcp(&k, false, 40000, TCP_ACK, 999, 2000, (const uint8_t *)"x", 1);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	assert_int_equal(rewrite_octet(&p, 'k', out, sizeof out), 41);
	assert_int_equal(out[40], 'k');
	assert_checksums(out, 41, 20, false);
	packet_tcp(&k, false, 40000, TCP_ACK, 999, 2000, (const uint8_t *)"xy", 2);
	assert_int_equal(pkt_parse(k.data, k.len, &p), REASON_NONE);
	assert_int_equal(rewrite_octet(&p, 'k', out, sizeof out), 0);
}

int main(void)
{
	enum { ROWS = sizeof rows / sizeof rows[0] };
	struct CMUnitTest tests[ROWS + 4];

	for (unsigned i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = parses,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(addresses);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(resets);
	tests[ROWS + 2] = (struct CMUnitTest)cmocka_unit_test(reset_v6);
	tests[ROWS + 3] = (struct CMUnitTest)cmocka_unit_test(keep_alive_octet);
	return cmocka_run_group_tests_name("pkt", tests, NULL, NULL);
}
