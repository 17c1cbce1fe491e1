/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws over S7. */
#include "tests/laws/policy_law.h"
#include "tests/laws/segmentation.h"

#include "tests/laws/golden_s7.h"
#include "tests/laws/refused_s7.h"
#include "tests/laws/rules_s7.h"

static const char *const rules[][LAW_KEYS] = {
	{"id: r", "clients: [hmi]", "protocol: s7comm", "functions: [connect]", "calling-tsaps: [256]",
	 "connection-kinds: [pg]", "racks: [0]", "slots: [2]"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [connect-named]",
	 "services: [SIMATIC-ROOT-HMI]"},
	{"id: r", "clients: [hmi]", "protocol: s7comm", "functions: [read-var]",
	 "addresses: {db: [1/0..1/7], merker: any}"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [write-var]", "addresses: {db: [1]}",
	 "values: 0..255"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [write-bit]", "addresses: {merker: [10]}",
	 "values: [1]", "bits: [3]", "ports: [102]", "transport: [tcp]"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [request-download, insert-block]",
	 "addresses: {block: [1]}", "block-types: [db]"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [read-szl]", "addresses: {szl: [17]}"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [plc-start]", "start-kinds: [restart]"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [pi-service]", "services: [_N_SELECT]"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [plus-create-object]", "plus-versions: any",
	 "plus-sessions: any"},
	{"id: r", "clients: any", "protocol: s7comm", "functions: [mms-data]"},
};

/* PDU references differ; what has none stays as it is. */
static void renumber(uint8_t *pdu, uint32_t n)
{
	if (n > 12 && pdu[5] == 0xf0 && pdu[7] == 0x32)
		pdu[11] ^= 0x80;
}

int main(void)
{
	static const struct law s7 = {
		.proto = "s7comm",
		.port = 102,
		.golden = golden_s7,
		.ngolden = sizeof(golden_s7) / sizeof(golden_s7[0]),
		.refused = refused_s7,
		.nrefused = sizeof(refused_s7) / sizeof(refused_s7[0]),
		.wide = wide_s7,
		.narrow = narrow_s7,
		.renumber = renumber,
		.rules = rules,
		.nrules = sizeof(rules) / sizeof(rules[0]),
		.left_out = 2,
	};
	int policy = policy_law(&s7), segmentation = segmentation_law(&s7);

	return policy || segmentation;
}
