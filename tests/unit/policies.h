/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy from YAML text for a bench: loaded, compiled and opened as the real ones are. */
#ifndef OTFW_TESTS_UNIT_POLICIES_H
#define OTFW_TESTS_UNIT_POLICIES_H

#include <unistd.h>

#include "rules/diag.h"
#include "rules/model.h"
#include "tests/unit/packets.h"

struct test_policy {
	struct policy p;
	uint8_t *image;
};

/* Ends the test program when the text is no policy: that is a mistake in the test. */
static inline void test_policy_open(struct test_policy *t, const char *yaml)
{
	char path[] = "/tmp/otfw-test-XXXXXX", err[160];
	int fd = mkstemp(path);
	size_t size = 0, n = strlen(yaml);
	struct diag *d = diag_new();

	if (fd < 0 || write(fd, yaml, n) != (ssize_t)n)
		abort();
	close(fd);
	struct model *m = model_load(path, 1700000000000000, d);
	if (!m || compile_image(m, d, &t->image, &size) < 0) {
		diag_print(d, stderr, false);
		abort();
	}
	unlink(path);
	model_free(m);
	diag_free(d);
	if (policy_open(&t->p, t->image, size, err, sizeof err) < 0) {
		fprintf(stderr, "%s\n", err);
		abort();
	}
}
static inline void test_policy_close(struct test_policy *t)
{
	free(t->image);
}

/*
 * The common one: reads of holding 0..99 and writes of 40..49 up to 1000 on unit 1 of 10.10.2.2.
 * failure, mode, on_deny as in YAML.
 */
static inline void test_policy_common(struct test_policy *t, const char *failure, const char *mode,
				      const char *on_deny, const char *writable)
{
	char text[2048];
	snprintf(
		text, sizeof text,
		"version: 1\n"
		"site: {name: test}\n"
		"zones:\n"
		"  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"
		"  cell: {level: 2, networks: [10.10.2.0/24], failure: %s, deadline: 20ms}\n"
		"hosts:\n"
		"  plc: 10.10.2.2\n"
		"conduits:\n"
		"  - name: control\n"
		"    from: [room]\n"
		"    to: cell\n"
		"    servers: [plc]\n"
		"    protocols: [modbus]\n"
		"    mode: %s\n"
		"    on-deny: %s\n"
		"    at-most: [read, write]\n"
		"    allow:\n"
		"      - {id: view, clients: any, protocol: modbus, transport: [tcp, udp], units: [1],\n"
		"         functions: [read-holding-registers], addresses: {holding: [0..99]}}\n"
		"      - {id: set, clients: any, protocol: modbus, transport: [tcp, udp], units: [1],\n"
		"         functions: [write-single-register], addresses: {holding: [%s]}, values: 0..1000}\n",
		failure, mode, on_deny, writable);
	test_policy_open(t, text);
}

#endif
