/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the mirror looks for in copies of safety packets: more of them than `expect` says, a flow that ran and falls silent for longer than
 * `watchdog`, and with `mirror` a PDU of an industrial protocol that changes something. Pure: copies and time come in as arguments.
 * It can only report: what it looks at has long left.
 */
#ifndef OTFW_FWD_ENGINE_LANE_H
#define OTFW_FWD_ENGINE_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "fwd/common/mirror.h"
#include "fwd/engine/pkt.h"
#include "protocols/proto.h"
#include "rules/policy.h"

#define LANE_FLOWS     1024u    /* watched: pairs of a policy, each direction and transport once */
#define LANE_SLOTS     2048u    /* of the hash over them; a power of two */
#define LANE_RUNS      2u       /* packets after which a flow is taken for running */
#define LANE_PDU_EVERY 10000000 /* us between two alarms about PDUs of one flow */
#define LANE_IDLE_US   1000000  /* lane_tick() with nothing to wait for */
#define LANE_TEXT      EVENT_TEXT

enum lane_alarm_kind {
	LANE_ABOVE,  /* more packets than expected */
	LANE_BELOW,  /* no longer */
	LANE_SILENT, /* a flow that ran has stopped */
	LANE_RUNS_AGAIN,
	LANE_PDU, /* .proto, .op */
};
struct lane_alarm {
	enum lane_alarm_kind kind;
	uint16_t conduit;
	const struct tuple
		*tuple; /* NULL: of the conduit as a whole. Ports are those of the flow's last packet */
	int proto;
	const struct op *op;
	uint32_t count; /* how many of its kind it stands for */
	char text[LANE_TEXT];
};

struct lane_flow {
	struct tuple tuple;
	uint16_t conduit;
	bool silent;
	uint32_t packets;
	int64_t last_us;
	int64_t pdu_us; /* of the last alarm about a PDU; 0: none */
	uint32_t pdus;  /* since then */
};
struct lane_rate {
	int64_t window_us; /* when the window began; 0: none yet */
	uint32_t packets;
	bool above;
};
struct lanes {
	const struct policy *policy;
	struct mirror_shm *shm;
	void (*alarm)(void *ctx, const struct lane_alarm *a);
	void *ctx;
	uint32_t nflows;
	uint16_t slots[LANE_SLOTS]; /* index into flows + 1; 0: free */
	struct lane_flow flows[LANE_FLOWS];
	struct lane_rate rates[MIRROR_LANES];
	struct pdu pdu;
};

/*
 * Takes a policy, the first or another: flows begin anew (a flow that is silent just then goes unnoticed until it runs again), counters of
 * conduits that keep their name go on.
 */
void lane_policy(struct lanes *l, const struct policy *p, uint32_t generation);
/* The conduit whose copies carry this prefix, or -1. */
int lane_find(const struct lanes *l, const char *prefix, uint32_t len);
/* A copy: len octets from the IP header on, all of the packet or its head. now_us: monotonic. */
void lane_packet(struct lanes *l, unsigned conduit, const uint8_t *data, uint32_t len, int64_t now_us);
/* Silence, and ends of windows. Only with every copy read that is there. Microseconds until it is useful again. */
int64_t lane_tick(struct lanes *l, int64_t now_us);

#endif
