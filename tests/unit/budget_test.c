/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The budget of decode and match, in instructions, which no other load on the machine changes: callgrind counts this very
 * program at work, twice, and the difference is what so many PDUs cost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocols/proto.h"
#include "tests/policy_make.h"

#define BUDGET     400.0 /* decode and match of one read request */
#define MANY_RATIO 1.1   /* 10,000 rules against 10, of the same */
#define ROUNDS     4096ul
#define ADUS       256u /* different ones, one after the other */

static const uint8_t client_ip[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 10, 1, 2};

/* How a policy of n rules is laid out between one client and one server. */
enum layout { BY_ADDRESS, BY_UNIT };

static char *policy_text(enum layout layout, unsigned n)
{
	size_t cap = 4096 + (size_t)n * 200, at;
	char *text = malloc(cap);

	if (text == NULL)
		abort();
	at = (size_t)snprintf(text, cap,
			      "version: 1\n"
			      "site: {name: budget}\n"
			      "zones:\n"
			      "  room: {level: 3, networks: [10.10.1.0/24], failure: closed}\n"
			      "  cell: {level: 2, networks: [10.10.2.0/24], failure: closed}\n"
			      "hosts:\n"
			      "  client: 10.10.1.2\n"
			      "  server: 10.10.2.2\n"
			      "conduits:\n"
			      "  - name: line\n"
			      "    from: [room]\n"
			      "    to: cell\n"
			      "    servers: [server]\n"
			      "    protocols: [modbus]\n"
			      "    at-most: [read, write]\n"
			      "    allow:\n");
	for (unsigned i = 0; i < n; i++) {
		/* Units take turns by 200: as many addresses apart as needed to tell rules of one unit. */
		unsigned unit = layout == BY_UNIT ? 1 + i % 200 : 1;
		unsigned first = layout == BY_UNIT ? i / 200 * 6 : i * 6;
		at += (size_t)snprintf(
			text + at, cap - at,
			"      - {id: r%u, clients: [client], protocol: modbus, functions: [read-holding-registers], "
			"units: [%u], addresses: {holding: [%u..%u]}}\n",
			i, unit, first, first + 4);
	}
	return text;
}

/* Decodes and judges so many reads, spread over the rules. Returns how many were allowed. */
static unsigned long work(const struct made *m, enum layout layout, unsigned rules, unsigned long rounds)
{
	static struct pdu pdu;
	struct tuple t = tuple_of("10.10.1.2", 40000, "10.10.2.2", 502, 6);
	struct policy_now now = {MAKE_NOW, true, 0};
	const struct proto *proto = proto_get(PROTO_modbus);
	unsigned long allowed = 0;
	struct route route;
	struct match match;

	policy_route(&m->policy, &t, false, &route);
	if (route.reason != REASON_NONE)
		abort();
	static uint8_t adus[ADUS][12];
	uint16_t wanted[ADUS];
	for (unsigned i = 0; i < ADUS; i++) {
		unsigned rule = i * 2654435761u % rules;
		unsigned first = (layout == BY_UNIT ? rule / 200 : rule) * 6 + 1;
		uint8_t unit = (uint8_t)(layout == BY_UNIT ? 1 + rule % 200 : 1);
		const uint8_t adu[] = {
			0, (uint8_t)i, 0, 0, 0, 6, unit, 3, (uint8_t)(first >> 8), (uint8_t)first, 0, 2};
		memcpy(adus[i], adu, sizeof(adu));
		wanted[i] = (uint16_t)rule;
	}
	struct pdu_in in = {.len = sizeof(adus[0]), .answers_known = true, .options = route.options};
	for (unsigned long i = 0; i < rounds; i++) {
		in.data = adus[i % ADUS];
		proto->decode(&in, &pdu);
		allowed += policy_match(&m->policy, route.ruleset, &pdu, client_ip, &now, NULL, &match) ==
				   REASON_NONE &&
			   match.rule == wanted[i % ADUS];
	}
	return allowed;
}

static int work_main(char **argv)
{
	enum layout layout = strcmp(argv[1], "unit") == 0 ? BY_UNIT : BY_ADDRESS;
	unsigned rules = (unsigned)strtoul(argv[2], NULL, 10);
	unsigned long rounds = strtoul(argv[3], NULL, 10);
	struct made m = {0};
	char err[200];
	FILE *f = fopen(argv[4], "rb");

	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		return 2;
	m.size = (size_t)ftell(f);
	rewind(f);
	m.image = malloc(m.size);
	if (m.image == NULL || fread(m.image, 1, m.size, f) != m.size)
		return 2;
	fclose(f);
	if (policy_open(&m.policy, m.image, m.size, err, sizeof(err)) != 0)
		return 2;
	bool good = work(&m, layout, rules, rounds) == rounds;
	made_free(&m);
	return good ? 0 : 1;
}

/* Instructions of this program for so many rounds. Negative: it did not run as it should. */
static double counted(const char *self, const char *layout, unsigned rules, unsigned long rounds,
		      const char *path)
{
	char line[512];
	double n = -1;

	snprintf(line, sizeof(line),
		 "valgrind --tool=callgrind --callgrind-out-file=/dev/null '%s' %s %u %lu '%s' 2>&1", self,
		 layout, rules, rounds, path);
	FILE *f = popen(line, "r");
	if (f == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, "Collected : ");
		if (at != NULL)
			n = strtod(at + strlen("Collected : "), NULL);
	}
	return pclose(f) == 0 ? n : -1;
}

/* Instructions that one PDU costs under a policy of so many rules; negative after a failure, which is said. */
static double cost(const char *self, enum layout layout, unsigned rules)
{
	char path[] = "/tmp/otfw-budget-XXXXXX";
	const char *name = layout == BY_UNIT ? "unit" : "address";
	char *text = policy_text(layout, rules);
	struct made m = made_from(text);
	int fd = mkstemp(path);
	double some = -1, more = -1;

	if (fd >= 0 && write(fd, m.image, m.size) == (ssize_t)m.size) {
		some = counted(self, name, rules, ROUNDS, path);
		more = counted(self, name, rules, 2 * ROUNDS, path);
	}
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	made_free(&m);
	free(text);
	double each = some > 0 && more > some ? (more - some) / (double)ROUNDS : -1;
	if (each < 0)
		printf("%u rules by %s: not every read was allowed by its rule, or valgrind failed\n", rules,
		       name);
	else
		printf("%u rules by %s: %.0f instructions a read, decoded and matched\n", rules, name, each);
	fflush(stdout);
	return each;
}

int main(int argc, char **argv)
{
	static const enum layout layouts[] = {BY_ADDRESS, BY_UNIT};
	bool bad = false;

	if (argc == 5)
		return work_main(argv);
#ifndef __OPTIMIZE__
	printf("skipped: the budget is one of optimised code\n");
	return 77;
#endif
#ifdef __SANITIZE_ADDRESS__
	printf("skipped: the budget is that of the release build, without sanitizers\n");
	return 77;
#endif
	if (system("command -v valgrind >/dev/null") != 0) {
		printf("skipped: valgrind is not installed\n");
		return 77;
	}
	for (unsigned i = 0; i < 2; i++) {
		double few = cost(argv[0], layouts[i], 10), many = cost(argv[0], layouts[i], 10000);
		if (few < 0 || many < 0) {
			bad = true;
			continue;
		}
		if (few > BUDGET) {
			printf("more than %.0f\n", BUDGET);
			bad = true;
		}
		if (many > few * MANY_RATIO) {
			printf("too much more with many rules: %.2f times as many instructions\n",
			       many / few);
			bad = true;
		}
	}
	return bad ? 1 : 0;
}
