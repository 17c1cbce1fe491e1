/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws over IEC 60870-5-104. */
#include "tests/laws/policy_law.h"
#include "tests/laws/segmentation.h"

#include "tests/laws/golden_iec104.h"
#include "tests/laws/refused_iec104.h"
#include "tests/laws/rules_iec104.h"

#define ANYONE "clients: any", "protocol: iec104", "common-addresses: any", "originators: any"
#define WHY    "causes: any", "test: any"

static const char *const rules[][LAW_KEYS] = {
	{"id: r", "clients: [hmi]", "protocol: iec104", "common-addresses: [1]", "originators: [0]",
	 "functions: [single-point, double-point, measured-float]",
	 "addresses: {single: [100], double: any, float: [700..701]}", "causes: [spontaneous]", "test: 0"},
	{"id: r", "clients: [hmi]", "protocol: iec104", "common-addresses: [1]", "originators: [0]",
	 "functions: [single-command, double-command]", "addresses: {single: [1001], double: [1000..1010]}",
	 "values: [1, 2]", "causes: [activation]", "test: 0", "select: any", "qualifiers: [default]"},
	{"id: r", ANYONE, "functions: [set-point-float]", "addresses: {float: any}", "values: any",
	 "select: [select]", "qualifiers: any", WHY},
	{"id: r", ANYONE, "functions: [interrogation]", "qoi: [station]", WHY},
	{"id: r", ANYONE, "functions: [counter-interrogation]", "rqt: [all]", "frz: [read-only]", WHY},
	{"id: r", ANYONE, "functions: [reset-process]", "qrp: [process]", WHY},
	{"id: r", ANYONE, "functions: [clock-synchronisation, startdt, testfr]", WHY, "ports: [2404]",
	 "transport: [tcp]"},
	{"id: r", ANYONE, "functions: [call-file, file-ready, segment]", "files: [2000]", "file-names: [1]",
	 "sections: any", "calls: [call-file]", WHY},
	{"id: r", ANYONE, "functions: [parameter-float, parameter-activation]",
	 "addresses: {float: [700], object: [500]}", "values: any", "qpm: any", "qpa: any", WHY},
	{"id: r", ANYONE, "functions: [secure-authentication-81]", WHY},
};

/* The next send sequence number. */
static void renumber(uint8_t *pdu, uint32_t n)
{
	if (n > 2 && !(pdu[2] & 1))
		pdu[2] = (uint8_t)(pdu[2] + 2);
}

int main(void)
{
	static const struct law iec104 = {
		.proto = "iec104",
		.port = 2404,
		.golden = golden_iec104,
		.ngolden = sizeof(golden_iec104) / sizeof(golden_iec104[0]),
		.refused = refused_iec104,
		.nrefused = sizeof(refused_iec104) / sizeof(refused_iec104[0]),
		.wide = wide_iec104,
		.narrow = narrow_iec104,
		.renumber = renumber,
		.rules = rules,
		.nrules = sizeof(rules) / sizeof(rules[0]),
		.left_out = 2,
	};
	int policy = policy_law(&iec104), segmentation = segmentation_law(&iec104);

	return policy || segmentation;
}
