/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutated images: policy_open() refuses, or everything that can be asked of the image stays inside it. Digests are not looked
 * at, as in the engine.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/image.h"
#include "rules/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct policy *p, uint32_t set, const struct op *op)
{
	static struct pdu pdu;
	static struct rate_slot slots[16];
	struct rates rates = {slots, 16};
	struct match m;
	char detail[400];

	pdu.nops = 2;
	pdu.ops[0] = pdu.ops[1] = *op;
	for (unsigned k = 0; k < 4; k++) {
		struct policy_now now = {(int64_t)k * 800000000000000, k != 3, 0};
		uint8_t client[16] = {[15] = (uint8_t)k};
		policy_match(p, set, &pdu, client, &now, k == 2 ? NULL : &rates, &m);
		policy_detail(p, op, 0, &m, detail, sizeof(detail));
	}
}

static void walk(const struct policy *p)
{
	struct policy_zone zone;
	struct policy_conduit conduit;
	struct policy_rule rule;
	struct policy_queue queue;
	struct policy_flow flow;
	struct policy_net net;
	struct policy_safety safety;
	struct policy_now now = {1800000000000000, true, 0};
	struct route r;
	struct match m;
	uint16_t lo, hi;
	static const uint8_t words[] = {0, 5, 0, 7, 0x7f, 0xc0, 0xff, 0xff};
	size_t seen = strlen(policy_site(p));

	for (unsigned i = 0; policy_zone_get(p, i, &zone); i++) {
		seen += strlen(zone.name);
		for (unsigned k = 0; policy_zone_net(p, i, k, &net); k++)
			seen += net.plen;
	}
	for (unsigned i = 0; policy_conduit_get(p, i, &conduit); i++) {
		seen += strlen(conduit.name);
		if (policy_safety_get(p, i, &safety))
			for (unsigned k = 0; k < safety.interfaces; k++)
				seen += strlen(policy_interface(p, i, k));
		for (unsigned k = 0; policy_peer(p, i, k, &net); k++)
			seen += net.plen;
		for (unsigned k = 0; policy_group(p, i, k, &net); k++)
			seen += net.plen;
	}
	for (unsigned i = 0; policy_queue_get(p, i, &queue); i++)
		seen += strlen(queue.engine);
	for (unsigned i = 0; policy_ethertype(p, i, &lo, &hi); i++)
		seen += lo;
	struct op op = {
		.dir = DIR_REQUEST,
		.access = ACCESS_WRITE,
		.has = OP_UNIT | OP_SPACE | OP_RANGE,
		.function = 16,
		.unit = 4,
		.space = 3,
		.first = 40,
		.last = 43,
		.values = {.form = VALUES_NUMBERS, .width = 2, .stride = 2, .count = 4, .data = words}};
	for (unsigned i = 0; policy_rule_get(p, i, &rule); i++) {
		seen += strlen(rule.id);
		policy_try(p, i, &op, rule.proto, NULL, NULL, &now, &m);
	}
	for (unsigned i = 0; i < 64 && policy_flow_get(p, i, &flow); i++) {
		struct tuple t = {.sport = 40000, .dport = flow.lo, .ipproto = flow.ipproto};
		memcpy(t.src, flow.client.ip, 16);
		memcpy(t.dst, flow.server.ip, 16);
		policy_route(p, &t, true, &r);
		seen += (size_t)(policy_zone_of(p, t.src) + 1);
		const char *host = policy_host_name(p, t.dst, 4);
		seen += host != NULL ? strlen(host) : 0;
		if (r.reason != REASON_NONE || r.lane != LANE_INSPECTED)
			continue;
		judge(p, r.ruleset, &op);
	}
	static const uint16_t functions[] = {3, 5, 6, 16, 22, 23, 90, 255};
	for (uint32_t set = 0; set < 8; set++)
		for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++)
			for (unsigned space = 0; space < 6; space++) {
				op.function = functions[f];
				op.space = space;
				op.access = functions[f] == 3 ? ACCESS_READ : ACCESS_WRITE;
				op.values.form = functions[f] == 22 ? VALUES_UNKNOWN : VALUES_NUMBERS;
				op.first = 38 + set;
				op.last = op.first + 3;
				judge(p, set, &op);
			}
	op.has = OP_UNIT;
	op.function = 8;
	judge(p, 0, &op);
	if (seen == SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy p;
	char err[200];
	/* Exactly as large as the input, and aligned: a step beyond it is seen. */
	void *image = malloc(size > 0 ? size : 1);

	if (image == NULL)
		return 0;
	if (size > 0)
		memcpy(image, data, size);
	if (size >= sizeof(struct image)) { /* the fuzzer need not find out the length */
		uint32_t n = (uint32_t)size;
		memcpy((char *)image + offsetof(struct image, size), &n, sizeof(n));
	}
	if (policy_open(&p, image, size, err, sizeof(err)) == 0)
		walk(&p);
	else if (strlen(err) == 0)
		abort();
	free(image);
	return 0;
}
