/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets for tests: a small builder, an engine in private memory, and a sink that writes down what came out of it. */
#ifndef OTFW_TESTS_UNIT_PACKETS_H
#define OTFW_TESTS_UNIT_PACKETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fwd/engine/verdict.h"
#include "rules/plan.h"

#define PACKET_MAX 65535u

struct packet {
	uint8_t data[PACKET_MAX];
	uint32_t len, l4, payload;
};

static inline void packet_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void packet_put32(uint8_t *p, uint32_t v)
{
	packet_put16(p, v >> 16);
	packet_put16(p + 2, v & 0xffff);
}
static inline uint32_t packet_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The server's port. */
static uint16_t bench_port = 502;

/* IPv4 10.10.1.a -> 10.10.2.b or back; addresses are the last two octets. */
static inline void packet_v4(struct packet *k, uint16_t src, uint16_t dst, uint8_t proto, uint32_t l4_len)
{
	memset(k->data, 0, 20);
	k->data[0] = 0x45;
	k->data[8] = 64;
	k->data[9] = proto;
	k->data[12] = k->data[16] = 10;
	k->data[13] = k->data[17] = 10;
	packet_put16(k->data + 14, src);
	packet_put16(k->data + 18, dst);
	k->l4 = 20;
	k->len = 20 + l4_len;
	packet_put16(k->data + 2, k->len);
}

static inline void packet_tcp(struct packet *k, bool from_server, uint16_t client_port, uint8_t flags,
			      uint32_t seq, uint32_t ack, const uint8_t *data, uint32_t n)
{
	packet_v4(k, from_server ? 0x0202 : 0x0102, from_server ? 0x0102 : 0x0202, 6, 20 + n);
	uint8_t *t = k->data + 20;
	memset(t, 0, 20);
	packet_put16(t, from_server ? bench_port : client_port);
	packet_put16(t + 2, from_server ? client_port : bench_port);
	packet_put32(t + 4, seq);
	packet_put32(t + 8, ack);
	t[12] = 5 << 4;
	t[13] = flags;
	packet_put16(t + 14, 8192);
	k->payload = 40;
	if (n)
		memcpy(k->data + 40, data, n);
}

static inline void packet_udp(struct packet *k, bool from_server, uint16_t client_port, const uint8_t *data,
			      uint32_t n)
{
	packet_v4(k, from_server ? 0x0202 : 0x0102, from_server ? 0x0102 : 0x0202, 17, 8 + n);
	uint8_t *t = k->data + 20;
	packet_put16(t, from_server ? bench_port : client_port);
	packet_put16(t + 2, from_server ? client_port : bench_port);
	packet_put16(t + 4, 8 + n);
	packet_put16(t + 6, 0);
	k->payload = 28;
	if (n)
		memcpy(k->data + 28, data, n);
}

/* ---- Modbus requests and answers ---- */

/* FC 3 or 6 or any function with two 16-bit fields: 12 octets. */
static inline uint32_t modbus_ask(uint8_t out[12], uint16_t id, uint8_t unit, uint8_t fc, uint16_t a,
				  uint16_t b)
{
	packet_put16(out, id);
	packet_put16(out + 2, 0);
	packet_put16(out + 4, 6);
	out[6] = unit;
	out[7] = fc;
	packet_put16(out + 8, a);
	packet_put16(out + 10, b);
	return 12;
}
/* The answer to FC 3 for n registers, all zero. */
static inline uint32_t modbus_answer(uint8_t *out, uint16_t id, uint8_t unit, uint16_t n)
{
	packet_put16(out, id);
	packet_put16(out + 2, 0);
	packet_put16(out + 4, 3u + 2u * n);
	out[6] = unit;
	out[7] = 3;
	out[8] = (uint8_t)(2 * n);
	memset(out + 9, 0, 2u * n);
	return 9u + 2u * n;
}

/* ---- an engine ---- */

#define BENCH_IDS     4096u
#define BENCH_REPORTS 4096u

struct seen {
	enum judgement judgement;
	enum reason reason;
	bool would_deny, is_pdu, from_server;
	uint32_t id;
	uint16_t function;
	uint32_t first, last;
	uint32_t candidate; /* as in struct report */
	enum reason now;
};

struct bench {
	struct verdict *v;
	struct shm *shm;
	struct verdict_time now;
	uint32_t next_id;
	struct {
		int count; /* decisions this id got: must become 1 */
		enum action action;
		uint32_t mark;
		uint32_t len; /* of the rewritten packet, 0: unchanged */
	} got[BENCH_IDS];
	uint32_t nreports;
	struct seen reports[BENCH_REPORTS];
	uint8_t rewritten[PACKET_MAX];
	void (*on_decide)(struct bench *b, uint32_t id, const struct decision *d);
	void *user;
};

static inline void bench_decide(void *ctx, uint32_t id, const struct decision *d)
{
	struct bench *b = ctx;

	b->got[id % BENCH_IDS].count++;
	b->got[id % BENCH_IDS].action = d->action;
	b->got[id % BENCH_IDS].mark = d->mark;
	b->got[id % BENCH_IDS].len = d->packet ? d->packet_len : 0;
	if (d->packet)
		memcpy(b->rewritten, d->packet, d->packet_len);
	if (b->on_decide)
		b->on_decide(b, id, d);
}

static inline void bench_report(void *ctx, const struct report *r)
{
	struct bench *b = ctx;
	struct seen *s = &b->reports[b->nreports++ % BENCH_REPORTS];

	*s = (struct seen){
		.judgement = r->judgement,
		.reason = r->reason,
		.would_deny = r->would_deny,
		.is_pdu = r->pdu != NULL,
		.from_server = r->from_server,
		.id = r->id,
		.candidate = r->candidate,
		.now = r->now,
	};
	if (r->pdu && r->pdu->fault.reason == REASON_NONE && r->pdu->nops) {
		s->function = r->pdu->ops[0].function;
		s->first = r->pdu->ops[0].first;
		s->last = r->pdu->ops[0].last;
	}
}

/* Attaches an engine to the bench's memory: the first one, or the successor of one that died. */
static inline void bench_attach(struct bench *b)
{
	struct verdict_sink sink = {.ctx = b, .decide = bench_decide, .report = bench_report};
	verdict_init(b->v, b->shm, &sink, b->now.mono_us);
}

/* Its memory is a mapping of fd (MAP_SHARED, MAP_PRIVATE), or of nothing where fd is -1; it is laid out unless an engine has used it. */
static inline struct bench *bench_on(int fd, int how, bool fresh)
{
	struct bench *b = calloc(1, sizeof *b);
	b->v = calloc(1, sizeof *b->v);
	b->shm = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE,
		      how | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (b->shm == MAP_FAILED)
		abort();
	if (fresh)
		shm_init(b->shm, 0, 0, FAILURE_CLOSED);
	b->now = (struct verdict_time){.mono_us = 1000000, .wall_us = 1700000000000000, .clock_good = true};
	b->next_id = 1;
	bench_attach(b);
	return b;
}

static inline struct bench *bench_new(void)
{
	return bench_on(-1, MAP_PRIVATE, true);
}

static inline void bench_free(struct bench *b)
{
	munmap(b->shm, shm_size());
	free(b->v);
	free(b);
}

static inline uint32_t bench_send(struct bench *b, const struct packet *k)
{
	uint32_t id = b->next_id++;
	b->got[id % BENCH_IDS].count = 0;
	verdict_packet(b->v, k->data, k->len, id, false, false, &b->now);
	return id;
}

static inline uint32_t bench_tcp(struct bench *b, bool from_server, uint8_t flags, uint32_t seq, uint32_t ack,
				 const uint8_t *data, uint32_t n)
{
	static struct packet k;
	packet_tcp(&k, from_server, 40000, flags, seq, ack, data, n);
	return bench_send(b, &k);
}

/* Lets us microseconds pass, with a tick every millisecond. */
static inline void bench_wait(struct bench *b, int64_t us)
{
	for (int64_t t = 0; t < us; t += 1000) {
		b->now.mono_us += 1000;
		b->now.wall_us += 1000;
		verdict_tick(b->v, &b->now);
	}
}

#define CLIENT_ISN 1000u
#define SERVER_ISN 5000u
static inline void bench_handshake(struct bench *b)
{
	bench_tcp(b, false, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
	bench_tcp(b, true, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, NULL, 0);
}

#endif
