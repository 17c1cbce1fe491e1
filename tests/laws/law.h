/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the laws need to know of a protocol. tests/laws/X_law_test.c has one of these and calls segmentation_law() and policy_law();
 * modbus_law_test.c is the example.
 */
#ifndef OTFW_TESTS_LAWS_LAW_H
#define OTFW_TESTS_LAWS_LAW_H

#include "tests/laws/golden.h"

#define LAW_KEYS 14

struct law {
	const char *proto;
	uint16_t port;
	const struct golden *golden;
	size_t ngolden;
	const struct refusal *refused;
	size_t nrefused;
	/* Rules of the conduit, lines of YAML as `      - {...}`: all requests of the golden table; some of them. */
	const char *wide, *narrow;
	/* The second of two requests on one session: gives it numbers that follow the first's. NULL: the two are as they are. */
	void (*renumber)(uint8_t *pdu, uint32_t n);
	/* Rules key by key, NULL behind the last; without any one of them a rule does not compile, or allows no more. */
	const char *const (*rules)[LAW_KEYS];
	size_t nrules;
	unsigned
		left_out; /* how many of all those keys may be left out because they default to what they say */
};

#endif
