/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* otfwctl is no library: the one file of it that is tested alone comes in whole. */
#include "fwd/ctl/capture.c"

#define MAC 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

/* Rows: the first octets of a frame, and where its IP packet starts. */
struct row {
	const char *name;
	int link;
	uint8_t bytes[80];
	uint32_t len;
	int at;
};

static struct row rows[] = {
	{"ethernet: IPv4", DLT_EN10MB, {MAC, 0x08, 0x00, 0x45}, 15, 14},
	{"ethernet: IPv6", DLT_EN10MB, {MAC, 0x86, 0xdd, 0x60}, 15, 14},
	{"ethernet: ARP", DLT_EN10MB, {MAC, 0x08, 0x06, 0x00}, 15, -1},
	{"ethernet: length instead of a type", DLT_EN10MB, {MAC, 0x00, 0x26, 0x45}, 15, -1},
	{"ethernet: IPv4 type, other version", DLT_EN10MB, {MAC, 0x08, 0x00, 0x15}, 15, -1},
	{"ethernet: header cut", DLT_EN10MB, {MAC, 0x08}, 13, -1},
	{"ethernet: nothing behind the header", DLT_EN10MB, {MAC, 0x08, 0x00}, 14, -1},
	{"one VLAN tag", DLT_EN10MB, {MAC, 0x81, 0x00, 0x00, 0x05, 0x08, 0x00, 0x45}, 19, 18},
	{"two VLAN tags", DLT_EN10MB, {MAC, 0x88, 0xa8, 0, 1, 0x81, 0x00, 0, 5, 0x08, 0x00, 0x45}, 23, 22},
	{"three VLAN tags, old type",
	 DLT_EN10MB,
	 {MAC, 0x91, 0x00, 0, 1, 0x81, 0x00, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xdd, 0x60},
	 27,
	 26},
	{"VLAN tag cut", DLT_EN10MB, {MAC, 0x81, 0x00, 0x00}, 15, -1},
	{"cooked: IPv4", DLT_LINUX_SLL, {[14] = 0x08, 0x00, 0x45}, 17, 16},
	{"cooked: VLAN", DLT_LINUX_SLL, {[14] = 0x81, 0x00, 0, 5, 0x08, 0x00, 0x45}, 21, 20},
	{"cooked: cut", DLT_LINUX_SLL, {0}, 15, -1},
	{"cooked 2: IPv4", DLT_LINUX_SLL2, {0x08, 0x00, [20] = 0x45}, 21, 20},
	{"cooked 2: IPv6", DLT_LINUX_SLL2, {0x86, 0xdd, [20] = 0x60}, 21, 20},
	{"cooked 2: VLAN", DLT_LINUX_SLL2, {0x81, 0x00, [20] = 0, 5, 0x08, 0x00, 0x45}, 25, 24},
	{"cooked 2: ARP", DLT_LINUX_SLL2, {0x08, 0x06, [20] = 0x45}, 21, -1},
	{"raw: IPv4", DLT_RAW, {0x45}, 1, 0},
	{"raw: IPv6", DLT_RAW, {0x60}, 1, 0},
	{"raw: neither", DLT_RAW, {0x00}, 1, -1},
	{"raw: empty", DLT_RAW, {0}, 0, -1},
	{"loopback: little-endian IPv4", DLT_NULL, {2, 0, 0, 0, 0x45}, 5, 4},
	{"loopback: big-endian IPv4", DLT_LOOP, {0, 0, 0, 2, 0x45}, 5, 4},
	{"loopback: Darwin IPv6", DLT_NULL, {30, 0, 0, 0, 0x60}, 5, 4},
	{"loopback: other family", DLT_NULL, {7, 0, 0, 0, 0x45}, 5, -1},
	{"a link type of another world", 147, {0x45}, 1, -1},
};

static void link_layer(void **state)
{
	const struct row *row = *state;
	/* Exactly as long as it says, so that a read past the end is seen by the sanitiser. */
	uint8_t *exact = malloc(row->len ? row->len : 1);
	assert_non_null(exact);
	memcpy(exact, row->bytes, row->len);
	assert_int_equal(capture_ip(row->link, exact, row->len), row->at);
	free(exact);
}

static void every_prefix_is_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t len = 0; len <= rows[i].len; len++) {
			uint8_t *exact = malloc(len ? len : 1);
			assert_non_null(exact);
			memcpy(exact, rows[i].bytes, len);
			int at = capture_ip(rows[i].link, exact, len);
			assert_true(at < (int)len);
			free(exact);
		}
}

static void endless_tags(void **state)
{
	(void)state;
	uint8_t frame[400];
	for (size_t i = 0; i < sizeof(frame); i += 2) {
		frame[i] = 0x81;
		frame[i + 1] = 0x00;
	}
	assert_int_equal(capture_ip(DLT_EN10MB, frame, sizeof(frame)), -1);
}

/* ---- files ---- */

static char path[64];

static int file_setup(void **state)
{
	(void)state;
	strcpy(path, "/tmp/otfw-capture-test-XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int file_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static const uint8_t ipv4[] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
			       0,    1, 10, 0,  0, 2, 0, 9, 0,  9,  0, 8, 0,  0};

/* One raw IPv4 packet of which caplen octets are kept, and len were on the wire; time in nanoseconds. */
static void write_packets(unsigned n, uint32_t caplen, uint32_t len)
{
	pcap_t *p = pcap_open_dead_with_tstamp_precision(DLT_RAW, 65535, PCAP_TSTAMP_PRECISION_NANO);
	assert_non_null(p);
	pcap_dumper_t *d = pcap_dump_open(p, path);
	assert_non_null(d);
	for (unsigned i = 0; i < n; i++) {
		uint8_t bytes[64] = {0};
		memcpy(bytes, ipv4, sizeof(ipv4));
		struct pcap_pkthdr h = {
			.ts = {.tv_sec = 1700000000, .tv_usec = 123456789}, .caplen = caplen, .len = len};
		pcap_dump((u_char *)d, &h, bytes);
	}
	pcap_dump_close(d);
	pcap_close(p);
}

static void whole_packets(void **state)
{
	(void)state;
	char err[256] = "";
	struct capture_frame f;
	write_packets(3, sizeof(ipv4), sizeof(ipv4));
	struct capture *c = capture_open(path, err, sizeof(err));
	assert_non_null(c);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(capture_next(c, &f, err, sizeof(err)), 1);
		assert_int_equal(f.number, i);
		assert_int_equal(f.ts_us, 1700000000123456);
		assert_int_equal(f.len, sizeof(ipv4));
		assert_memory_equal(f.ip, ipv4, sizeof(ipv4));
		assert_false(f.truncated);
	}
	assert_int_equal(capture_next(c, &f, err, sizeof(err)), 0);
	capture_close(c);
}

static void cut_packets(void **state)
{
	(void)state;
	/* kept, on the wire, is the IP packet cut? */
	static const struct {
		uint32_t caplen, len;
		bool truncated;
	} cuts[] = {{27, 28, true}, {28, 60, false}, {28, 28, false}, {19, 28, true}, {1, 28, true}};
	char err[256] = "";
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct capture_frame f;
		write_packets(1, cuts[i].caplen, cuts[i].len);
		struct capture *c = capture_open(path, err, sizeof(err));
		assert_non_null(c);
		assert_int_equal(capture_next(c, &f, err, sizeof(err)), 1);
		assert_int_equal(f.truncated, cuts[i].truncated);
		capture_close(c);
	}
}

static void file_cut_in_a_packet(void **state)
{
	(void)state;
	char err[256] = "";
	struct capture_frame f;
	write_packets(2, sizeof(ipv4), sizeof(ipv4));
	assert_int_equal(truncate(path, 24 + 16 + 28 + 16 + 5), 0);
	struct capture *c = capture_open(path, err, sizeof(err));
	assert_non_null(c);
	assert_int_equal(capture_next(c, &f, err, sizeof(err)), 1);
	assert_int_equal(capture_next(c, &f, err, sizeof(err)), -1);
	assert_non_null(strstr(err, path));
	assert_non_null(strstr(err, "after frame 1"));
	capture_close(c);
}

static void no_capture(void **state)
{
	(void)state;
	char err[512] = "";
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("version: 1\nzones: {}\nand some more text than a file header is long\n", f);
	fclose(f);
	assert_null(capture_open(path, err, sizeof(err)));
	assert_non_null(strstr(err, "not a capture"));
	assert_null(capture_open("/nonexistent/file", err, sizeof(err)));
	assert_string_equal(err, "/nonexistent/file: No such file or directory");
}

static void unknown_link_type(void **state)
{
	(void)state;
	char err[512] = "";
	pcap_t *p = pcap_open_dead(DLT_IEEE802_11, 65535);
	pcap_dumper_t *d = pcap_dump_open(p, path);
	assert_non_null(d);
	pcap_dump_close(d);
	pcap_close(p);
	assert_null(capture_open(path, err, sizeof(err)));
	assert_non_null(strstr(err, "IEEE802_11"));
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 8];
	size_t n = 0;
	for (; n < sizeof(rows) / sizeof(rows[0]); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, link_layer, NULL, NULL, &rows[n]};
	const struct CMUnitTest more[] = {
		cmocka_unit_test(every_prefix_is_safe),
		cmocka_unit_test(endless_tags),
		cmocka_unit_test_setup_teardown(whole_packets, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(cut_packets, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(file_cut_in_a_packet, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(no_capture, file_setup, file_teardown),
		cmocka_unit_test_setup_teardown(unknown_link_type, file_setup, file_teardown),
	};
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		tests[n++] = more[i];
	return _cmocka_run_group_tests("capture", tests, n, NULL, NULL);
}
