/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: one TCP session through the whole engine, with a receiver that is played along. The input:
 *
 *   octet 0      policy: none, closed with reset, closed with drop, open, shadow, closed and wide; 6 times the protocol, unless
 *                FUZZ_PROTOCOL in the environment names it
 *   then entries of four octets and data:
 *     octet 0    0..3 what (see enum step), bit 2: from the server, bit 3: with FIN, bit 4: with RST, bit 5: GSO, bit 6: send it twice,
 *                bit 7: mend it (see mend())
 *     octet 1    sequence number: signed difference to what the sender would send next
 *     octet 2    length of data, or time
 *     octet 3    times 4: length on top of it
 *
 * Every packet gets exactly one decision. In a closed zone the receiver never gets two versions of an octet, and every PDU that it can
 * put together from what it got is one that the policy allows. A PDU that only makes sense after others is not judged there again.
 */
#include "fwd/engine/before.h"
#include "protocols/dnp3.h"
#include "tests/laws/rules_dnp3.h"
#include "tests/laws/rules_enip.h"
#include "tests/laws/rules_iec104.h"
#include "tests/laws/rules_modbus.h"
#include "tests/laws/rules_s7.h"
#include "tests/unit/policies.h"

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

#define STREAM_OCTETS 16384u
#define STEPS_MAX     512u

enum step { STEP_DATA, STEP_WAIT, STEP_SYN, STEP_RESTART };
enum { POLICY_NONE, POLICY_RESET, POLICY_DROP, POLICY_OPEN, POLICY_SHADOW, POLICY_WIDE, POLICIES };

static const struct subject {
	enum proto_id proto;
	const char *narrow, *wide;
} subjects[] = {
	{PROTO_modbus, narrow_modbus, wide_modbus}, {PROTO_dnp3, narrow_dnp3, wide_dnp3},
	{PROTO_enip, narrow_enip, wide_enip},       {PROTO_iec104, narrow_iec104, wide_iec104},
	{PROTO_s7comm, narrow_s7, wide_s7},
};
#define SUBJECTS (sizeof subjects / sizeof subjects[0])
static enum proto_id proto_id;
static const struct proto *proto;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct test_policy policies[SUBJECTS][POLICIES];

/* What the server has of the client's octets. */
static struct {
	uint32_t base; /* sequence number of octet 0 */
	uint8_t octet[STREAM_OCTETS];
	bool has[STREAM_OCTETS];
	uint32_t parsed; /* PDUs up to here were looked at */
	bool strict;
} server;

static struct packet packet;

/* IEC 104: I formats of each side that passed. */
static uint32_t numbered[2];

static void server_restart(uint32_t base)
{
	server.base = base;
	server.parsed = 0;
	memset(server.has, 0, sizeof server.has);
	numbered[0] = numbered[1] = 0;
}

/* Every PDU that is complete must be one the policy allows. */
static void server_reads(const struct policy *p)
{
	static struct pdu pdu;
	static const uint8_t client[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 10, [14] = 1, [15] = 2};
	uint32_t end = server.parsed;

	while (end < STREAM_OCTETS && server.has[end])
		end++;
	for (;;) {
		uint32_t left = end - server.parsed;
		struct frame f = proto->frame(server.octet + server.parsed,
					      left < proto->header ? left : proto->header, false);
		if (f.state != FRAME_PDU || f.length > left)
			return;
		uint8_t state[PROTO_STATE_MAX] __attribute__((aligned(8))) = {0};
		struct pdu_in in = {.data = server.octet + server.parsed,
				    .len = f.length,
				    .now_us = 1000000,
				    .state = state};
		proto->decode(&in, &pdu);
		server.parsed += f.length;
		if (proto->state_size > 0 && pdu.fault.reason != REASON_NONE)
			continue;
		CHECK(pdu.fault.reason == REASON_NONE);
		if (pdu.ops[0].dir == DIR_RESPONSE)
			continue; /* to a request of the server's: pairing judges it, not the rules */
		struct tuple t = {.sport = 40000, .dport = proto->ports[0], .ipproto = 6};
		memcpy(t.src, client, 16);
		memcpy(t.dst, client, 16);
		t.dst[14] = t.dst[15] = 2;
		struct route r;
		policy_route(p, &t, false, &r);
		struct policy_now now = {.unix_us = 1700000000000000, .clock_good = true};
		struct match m;
		CHECK(policy_match(p, r.ruleset, &pdu, client, &now, NULL, &m) == REASON_NONE);
	}
}

/* The I formats of one segment, counted; with `put` their numbers are set. */
static void iec104_numbers(uint8_t *data, uint32_t n, bool from_server, bool put)
{
	uint32_t own = numbered[from_server];

	for (uint32_t at = 0; at + 6 <= n; at += 2u + data[at + 1]) {
		if (put) {
			data[at] = 0x68;
			if (data[at + 1] < 4 || data[at + 1] > n - at - 2)
				data[at + 1] = (uint8_t)(n - at - 2 < 253 ? n - at - 2 : 253);
		}
		if (put && (data[at + 2] & 3) != 3) {
			data[at + 4] = (uint8_t)(numbered[!from_server] << 1);
			data[at + 5] = (uint8_t)(numbered[!from_server] >> 7);
		}
		if (data[at + 2] & 1)
			continue;
		if (put) {
			data[at + 2] = (uint8_t)(own << 1);
			data[at + 3] = (uint8_t)(own >> 7);
		}
		own = (own + 1) & 32767;
	}
	if (!put)
		numbered[from_server] = own;
}

static void dnp3_checksum(uint8_t *data, uint32_t n)
{
	uint16_t crc = dnp3_crc(data, n);
	data[n] = (uint8_t)crc;
	data[n + 1] = (uint8_t)(crc >> 8);
}

/* Makes lengths, checksums and numbers right, else hardly an input would get past them. */
static void mend(uint8_t *data, uint32_t n, bool from_server)
{
	switch (proto_id) {
	case PROTO_modbus:
		if (n >= 8 && n <= 260) {
			data[2] = data[3] = 0;
			data[4] = (uint8_t)((n - 6) >> 8);
			data[5] = (uint8_t)(n - 6);
		}
		break;
	case PROTO_enip:
		if (n >= 24) {
			data[2] = (uint8_t)(n - 24);
			data[3] = (uint8_t)((n - 24) >> 8);
		}
		break;
	case PROTO_s7comm:
		if (n >= 7) {
			data[0] = 3;
			data[1] = 0;
			data[2] = (uint8_t)(n >> 8);
			data[3] = (uint8_t)n;
		}
		break;
	case PROTO_iec104: iec104_numbers(data, n, from_server, true); break;
	case PROTO_dnp3:
		for (uint32_t at = 0; at + DNP3_HEADER <= n;) {
			uint32_t user = data[at + 2] < 5 ? 0 : data[at + 2] - 5u;
			data[at] = 5;
			data[at + 1] = 0x64;
			dnp3_checksum(data + at, 8);
			at += DNP3_HEADER;
			for (uint32_t k; user > 0 && at + 3 <= n; at += k + 2, user -= k) {
				k = user < DNP3_BLOCK ? user : DNP3_BLOCK;
				k = k < n - at - 2 ? k : n - at - 2;
				dnp3_checksum(data + at, k);
			}
		}
		break;
	default: break;
	}
}

static struct {
	uint32_t id, seq, n;
	bool client;
	uint8_t data[2048];
} sent[STEPS_MAX * 2 + 4];
static uint32_t nsent;

static void on_decide(struct bench *b, uint32_t id, const struct decision *d)
{
	if (d->action != ACTION_ACCEPT || id - 1 >= nsent)
		return;
	CHECK(sent[id - 1].id == id);
	if (proto_id == PROTO_iec104)
		iec104_numbers(sent[id - 1].data, sent[id - 1].n, !sent[id - 1].client, false);
	if (!server.strict)
		return;
	if (!sent[id - 1].client)
		return;
	uint32_t at = sent[id - 1].seq - server.base;
	for (uint32_t i = 0; i < sent[id - 1].n; i++, at++) {
		if (at >= STREAM_OCTETS)
			continue;
		uint8_t octet = d->packet ? d->packet[40 + i] : sent[id - 1].data[i];
		CHECK(!server.has[at] || server.octet[at] == octet);
		server.octet[at] = octet;
		server.has[at] = true;
	}
	server_reads(b->v->policy);
}

static void send_one(struct bench *b, bool from_server, uint8_t flags, uint32_t seq, uint32_t ack,
		     const uint8_t *data, uint32_t n, bool gso)
{
	uint32_t id = b->next_id++;

	CHECK(id == nsent + 1);
	sent[nsent].id = id;
	sent[nsent].seq = seq;
	sent[nsent].n = n;
	sent[nsent].client = !from_server;
	memcpy(sent[nsent].data, data, n);
	nsent++;
	packet_tcp(&packet, from_server, 40000, flags, seq, ack, data, n);
	/* A packet of its own, so that a sanitizer sees a step beyond it. */
	uint8_t *copy = malloc(packet.len);
	memcpy(copy, packet.data, packet.len);
	verdict_packet(b->v, copy, packet.len, id, false, gso, &b->now);
	free(copy);
}

static void policy_of(struct test_policy *t, const struct subject *x, const char *failure, const char *mode,
		      const char *on_deny, const char *rules)
{
	static char text[16384];
	int n = snprintf(text, sizeof text,
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
			 "    protocols: [%s]\n"
			 "    mode: %s\n"
			 "    on-deny: %s\n"
			 "    allow:\n%s",
			 failure, proto_get(x->proto)->name, mode, on_deny, rules);
	CHECK(n > 0 && (size_t)n < sizeof text);
	test_policy_open(t, text);
}

static void policies_open(void)
{
	static bool open;

	if (open)
		return;
	open = true;
	for (unsigned i = 0; i < SUBJECTS; i++) {
		const struct subject *x = &subjects[i];
		policy_of(&policies[i][POLICY_RESET], x, "closed", "enforce", "reset", x->narrow);
		policy_of(&policies[i][POLICY_DROP], x, "closed", "enforce", "drop", x->narrow);
		policy_of(&policies[i][POLICY_OPEN], x, "open", "enforce", "reset", x->narrow);
		policy_of(&policies[i][POLICY_SHADOW], x, "closed", "shadow", "reset", x->narrow);
		policy_of(&policies[i][POLICY_WIDE], x, "closed", "enforce", "reset", x->wide);
	}
}

/* The protocol that the environment names, so that a run can be one protocol's; without it the input says which. */
static unsigned subject_of(uint8_t octet)
{
	static const char *name;
	static bool asked;

	if (!asked)
		name = getenv("FUZZ_PROTOCOL");
	asked = true;
	if (!name)
		return octet / POLICIES % SUBJECTS;
	for (unsigned i = 0; i < SUBJECTS; i++)
		if (!strcmp(proto_get(subjects[i].proto)->name, name))
			return i;
	fprintf(stderr, "FUZZ_PROTOCOL=%s: no protocol of this target\n", name);
	exit(2);
}

static void restart(struct bench *b, const struct policy *p, bool torn)
{
	if (torn && flow_at(&b->v->memory, 0)->used) {
		struct flow *f = flow_at(&b->v->memory, 0);
		before_keep(&b->v->memory, 0, &(struct change){.end = f->dir[0].next});
		memset(f->dir, 0xa5, sizeof f->dir);
		memset(f->asked, 0xa5, sizeof f->asked);
		memset(f->state, 0xa5, sizeof f->state);
	}
	/* The guardian settles what was held: it drops it. */
	for (uint32_t i = 0; i < SHM_HELD; i++)
		if (atomic_load(&b->v->memory.held[i].state))
			b->got[b->v->memory.held[i].id % BENCH_IDS].count++;
	bench_attach(b);
	verdict_policy(b->v, p, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t next[2] = {CLIENT_ISN + 1, SERVER_ISN + 1};
	uint32_t syn = 0;

	if (size < 1)
		return 0;
	policies_open();
	unsigned which = data[0] % POLICIES;
	unsigned whose = subject_of(data[0]);
	const struct policy *p = which == POLICY_NONE ? NULL : &policies[whose][which].p;
	proto_id = subjects[whose].proto;
	proto = proto_get(proto_id);
	bench_port = proto->ports[0];
	struct bench *b = bench_new();
	verdict_policy(b->v, p, 1);
	b->on_decide = on_decide;
	server.strict = which == POLICY_RESET || which == POLICY_DROP || which == POLICY_WIDE;
	server_restart(next[0]);
	nsent = 0;
	send_one(b, false, TCP_SYN, CLIENT_ISN, 0, data, 0, false);
	send_one(b, true, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, data, 0, false);
	data++;
	size--;
	static uint8_t mended[2048];
	for (unsigned steps = 0; steps < STEPS_MAX && size >= 4; steps++) {
		uint8_t what = data[0];
		unsigned dir = what >> 2 & 1;
		int32_t by = (int8_t)data[1];
		uint32_t seq = next[dir];
		seq += (uint32_t)by;
		uint32_t n = data[2] + 4u * data[3];
		data += 4;
		size -= 4;
		switch ((enum step)(what & 3)) {
		case STEP_DATA: {
			uint8_t flags = TCP_ACK;
			n = n < size ? n : (uint32_t)size;
			flags |= what & 8 ? TCP_FIN : 0;
			flags |= what & 16 ? TCP_RST : 0;
			memcpy(mended, data, n);
			if (what & 128)
				mend(mended, n, dir == 1);
			for (unsigned i = 0; i < ((what & 64) ? 2u : 1u); i++)
				send_one(b, dir == 1, flags, seq, next[dir ? 0 : 1], mended, n,
					 (what & 32) != 0);
			if ((int32_t)(seq + n - next[dir]) > 0)
				next[dir] = seq + n;
			data += n;
			size -= n;
			break;
		}
		case STEP_WAIT: bench_wait(b, (int64_t)(n % 64) * 1000); break;
		case STEP_SYN:
			/* From the client; the server answers it when the direction bit says so. */
			syn = seq;
			send_one(b, false, TCP_SYN, syn, 0, data, 0, false);
			if (dir) {
				send_one(b, true, TCP_SYN | TCP_ACK, SERVER_ISN, syn + 1, data, 0, false);
				next[0] = syn + 1;
				next[1] = SERVER_ISN + 1;
				server_restart(syn + 1);
			}
			break;
		case STEP_RESTART: restart(b, p, dir); break;
		}
	}
	bench_wait(b, p ? 30000 : 1100000);
	CHECK(b->v->memory.head->nheld == 0);
	for (uint32_t id = 1; id < b->next_id; id++)
		CHECK(b->got[id].count == 1);
	bench_free(b);
	return 0;
}
