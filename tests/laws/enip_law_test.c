/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws over EtherNet/IP. */
#include "tests/laws/policy_law.h"
#include "tests/laws/segmentation.h"

#include "tests/laws/golden_enip.h"
#include "tests/laws/refused_enip.h"
#include "tests/laws/rules_enip.h"

static const char *const rules[][LAW_KEYS] = {
	{"id: r", "clients: [hmi]", "protocol: enip", "functions: [read-tag]", "addresses: {element: [0..9]}",
	 "tags: [Setpoint, Line]", "routes: [slot-0, direct]"},
	{"id: r", "clients: any", "protocol: enip", "functions: [write-tag]", "addresses: {element: [0]}",
	 "tags: [\"Set*\"]", "routes: [direct]", "types: [dint, real]", "values: -50..50", "ports: [44818]",
	 "transport: [tcp]"},
	{"id: r", "clients: [hmi]", "protocol: enip", "functions: [get-attribute-single]",
	 "addresses: {object: [1/1]}", "routes: any", "attributes: [1..7]"},
	{"id: r", "clients: any", "protocol: enip", "functions: [set-attribute-single]",
	 "addresses: {object: [15]}", "routes: any", "attributes: any", "values: any"},
	{"id: r", "clients: any", "protocol: enip", "functions: [reset]", "addresses: {object: any}",
	 "routes: any", "reset-types: [power-cycle]"},
	{"id: r", "clients: any", "protocol: enip", "functions: [forward-open-io]",
	 "addresses: {object: [4/100, 4/128, 4/150]}", "tags: any", "routes: any",
	 "transport-classes: [class-1-cyclic]", "o-t-rpi: 10000..20000", "t-o-rpi: 2000..10000",
	 "o-t-sizes: [38]", "t-o-sizes: [34]", "o-t-types: any", "t-o-types: [multicast]"},
	{"id: r", "clients: any", "protocol: enip", "functions: [pccc-typed-write-3]",
	 "addresses: {data-file: [7/0..7/99]}", "routes: any", "file-types: [integer]", "sub-elements: [0]",
	 "values: -500..500"},
	{"id: r", "clients: any", "protocol: enip", "functions: [0x4b/0x8e]", "addresses: {object: [142/1]}",
	 "routes: any"},
	{"id: r", "clients: any", "protocol: enip", "functions: [register-session]"},
};

/* The sender contexts differ. */
static void renumber(uint8_t *pdu, uint32_t n)
{
	if (n > 12)
		pdu[12] ^= 0x80;
}

int main(void)
{
	static const struct law enip = {
		.proto = "enip",
		.port = 44818,
		.golden = golden_enip,
		.ngolden = sizeof(golden_enip) / sizeof(golden_enip[0]),
		.refused = refused_enip,
		.nrefused = sizeof(refused_enip) / sizeof(refused_enip[0]),
		.wide = wide_enip,
		.narrow = narrow_enip,
		.renumber = renumber,
		.rules = rules,
		.nrules = sizeof(rules) / sizeof(rules[0]),
		.left_out = 2,
	};
	int policy = policy_law(&enip), segmentation = segmentation_law(&enip);

	return policy || segmentation;
}
