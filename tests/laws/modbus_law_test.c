/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws over Modbus. */
#include "tests/laws/policy_law.h"
#include "tests/laws/segmentation.h"

#include "tests/laws/golden_modbus.h"
#include "tests/laws/refused_modbus.h"
#include "tests/laws/rules_modbus.h"

static const char *const rules[][LAW_KEYS] = {
	{"id: r", "clients: [hmi]", "protocol: modbus", "units: [4]", "functions: [3]",
	 "addresses: {holding: [100..120]}"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [6, 16]",
	 "addresses: {holding: [0..60]}", "values: 0..10"},
	{"id: r", "clients: any", "protocol: modbus", "units: [4]", "functions: [5, 15]",
	 "addresses: {coil: any}", "values: [1]", "ports: [502]", "transport: [tcp]"},
	{"id: r", "clients: [hmi]", "protocol: modbus", "units: any", "functions: [90]"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [8]"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [23]",
	 "addresses: {holding: any}", "values: any"},
	{"id: r", "clients: any", "protocol: modbus", "units: any", "functions: [22]",
	 "addresses: {holding: any}", "values: any"},
};

/* Transaction ids differ. */
static void renumber(uint8_t *pdu, uint32_t n)
{
	if (n > 1)
		pdu[1] ^= 0x80;
}

int main(void)
{
	static const struct law modbus = {
		.proto = "modbus",
		.port = 502,
		.golden = golden_modbus,
		.ngolden = sizeof(golden_modbus) / sizeof(golden_modbus[0]),
		.refused = refused_modbus,
		.nrefused = sizeof(refused_modbus) / sizeof(refused_modbus[0]),
		.wide = wide_modbus,
		.narrow = narrow_modbus,
		.renumber = renumber,
		.rules = rules,
		.nrules = sizeof(rules) / sizeof(rules[0]),
		.left_out = 2,
	};
	int policy = policy_law(&modbus), segmentation = segmentation_law(&modbus);

	return policy || segmentation;
}
