/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws over DNP3. */
#include "tests/laws/policy_law.h"
#include "tests/laws/segmentation.h"

#include "tests/laws/golden_dnp3.h"
#include "tests/laws/refused_dnp3.h"
#include "tests/laws/rules_dnp3.h"

#define ANYONE "clients: any", "protocol: dnp3", "masters: any", "outstations: any"

static const char *const rules[][LAW_KEYS] = {
	{"id: r", "clients: [hmi]", "protocol: dnp3", "masters: [3]", "outstations: [4]", "functions: [read]",
	 "addresses: {analog-input: [0..9], class: any}", "objects: [g30v1, g60v1, g60v2, g60v3, g60v4]"},
	{"id: r", "clients: [hmi]", "protocol: dnp3", "masters: [3]", "outstations: [4]", "functions: [2]",
	 "addresses: {iin: [7], time: [0]}", "values: any", "objects: [g80v1, g50v1]"},
	{"id: r", ANYONE, "functions: [3, 4]", "addresses: {crob: [10]}", "values: [3]", "objects: any",
	 "controls: [latch-on]", "counts: [1]", "on-times: 0..1000", "off-times: 0..1000"},
	{"id: r", ANYONE, "functions: [direct-operate]", "addresses: {analog-output: [0..7]}",
	 "values: 0..1000", "objects: [g41v2]", "controls: any", "counts: any", "on-times: any",
	 "off-times: any"},
	{"id: r", ANYONE, "functions: [cold-restart]"},
	{"id: r", ANYONE, "functions: [unsolicited-response]", "addresses: {iin: any, binary-input: any}",
	 "objects: any"},
	{"id: r", ANYONE, "functions: [open-file]", "files: [\"/cfg/a.xml\"]", "file-modes: [read]",
	 "objects: any"},
	{"id: r", ANYONE, "functions: [assign-class]", "addresses: {binary-input: any}", "objects: any",
	 "classes: [1]"},
	{"id: r", ANYONE, "functions: [link-layer, confirm]", "ports: [20000]", "transport: [tcp]"},
};

int main(void)
{
	static const struct law dnp3 = {
		.proto = "dnp3",
		.port = 20000,
		.golden = golden_dnp3,
		.ngolden = sizeof(golden_dnp3) / sizeof(golden_dnp3[0]),
		.refused = refused_dnp3,
		.nrefused = sizeof(refused_dnp3) / sizeof(refused_dnp3[0]),
		.wide = wide_dnp3,
		.narrow = narrow_dnp3,
		.rules = rules,
		.nrules = sizeof(rules) / sizeof(rules[0]),
		.left_out = 2,
	};
	int policy = policy_law(&dnp3), segmentation = segmentation_law(&dnp3);

	return policy || segmentation;
}
