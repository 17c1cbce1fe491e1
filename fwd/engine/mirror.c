/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror. The kernel copies a safety packet to this process's socket and sends it on; a copy for which the socket has no
 * room is counted by its number and gone. So whether this process is fast, stuck or dead changes nothing for the lane, only for
 * the alarms.
 */
#include "fwd/engine/mirror.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "fwd/common/msg.h"
#include "fwd/engine/channel.h"
#include "fwd/engine/lane.h"

#define MESSAGE_MAX    (0xffffu + 4096u)
#define ATTRIBUTES_MAX 64u   /* of one message */
#define COPIES_A_TURN  4096u /* before alarms and the channel are looked at again */

static struct {
	struct lanes lanes;
	struct mirror_shm *shm;
	struct channel channel;
	uint32_t generation;
	uint64_t lost; /* copies, not yet told */
	int64_t now_us;
	uint8_t message[MESSAGE_MAX] __attribute__((aligned(8)));
} mirror;

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- events ---- */

static void event_begin(struct event *e, unsigned conduit)
{
	struct policy_conduit c;
	bool known = policy_conduit_get(&mirror.channel.policy, conduit, &c);

	memset(e, 0, sizeof(*e));
	e->ts_us = clock_us(CLOCK_REALTIME);
	e->generation = mirror.generation;
	e->type = EVENT_ALERT;
	e->zone = known ? c.to : POLICY_NO_INDEX;
	e->conduit = known ? (uint16_t)conduit : POLICY_NO_INDEX;
	e->failure = known ? (uint8_t)c.failure : FAILURE_CLOSED;
	e->rule = POLICY_NO_RULE;
	e->proto = -1;
	e->mode = MODE_ENFORCE;
	e->flow = UINT32_MAX;
	e->count = 1;
}

static void on_alarm(void *ctx, const struct lane_alarm *a)
{
	static struct event e;

	(void)ctx;
	event_begin(&e, a->conduit);
	e.count = a->count;
	if (a->tuple) {
		e.has |= EVENT_HAS_TUPLE;
		e.tuple = *a->tuple;
		e.transport = a->tuple->ipproto == 6 ? TRANSPORT_TCP : TRANSPORT_UDP;
	}
	if (a->op) {
		e.has |= EVENT_HAS_OP;
		e.proto = (int16_t)a->proto;
		event_op_from(&e.op, a->op);
	}
	memcpy(e.text, a->text, sizeof(e.text));
	e.text[sizeof(e.text) - 1] = '\0';
	ring_put(&mirror.shm->ring, &e);
}

static void tell_lost(void)
{
	static struct event e;

	if (mirror.lost == 0)
		return;
	event_begin(&e, POLICY_NO_INDEX);
	e.count = mirror.lost < UINT32_MAX ? (uint32_t)mirror.lost : UINT32_MAX;
	strcpy(e.text, "copies of safety packets were lost: alarms were blind; the packets passed");
	mirror.lost = 0;
	ring_put(&mirror.shm->ring, &e);
}

/* ---- copies ---- */

static void on_copy(const struct nlmsghdr *h)
{
	const struct nlattr *a, *payload = NULL, *prefix = NULL;
	const char *tail = mnl_nlmsg_get_payload_tail(h);
	unsigned n = 0;

	for (a = mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg));
	     n < ATTRIBUTES_MAX && mnl_attr_ok(a, (int)(tail - (const char *)a)); a = mnl_attr_next(a), n++) {
		switch (mnl_attr_get_type(a)) {
		case NFULA_PAYLOAD: payload = a; break;
		case NFULA_PREFIX: prefix = a; break;
		case NFULA_SEQ:
			if (mnl_attr_get_payload_len(a) >= sizeof(uint32_t)) {
				uint32_t seq = ntohl(mnl_attr_get_u32(a));
				uint32_t gap = seq - atomic_load(&mirror.shm->seq) - 1;

				if (atomic_load(&mirror.shm->seq_known) && gap < UINT32_MAX / 2) {
					mirror_add(&mirror.shm->lost, gap);
					mirror.lost += gap;
				}
				atomic_store(&mirror.shm->seq, seq);
				atomic_store(&mirror.shm->seq_known, 1);
			}
			break;
		default: break;
		}
	}
	if (!payload || !prefix)
		return;
	const char *name = mnl_attr_get_payload(prefix);
	uint32_t len = (uint32_t)strnlen(name, mnl_attr_get_payload_len(prefix));
	int conduit = lane_find(&mirror.lanes, name, len);

	if (conduit < 0)
		mirror_add(&mirror.shm->unknown, 1);
	else
		lane_packet(&mirror.lanes, (unsigned)conduit, mnl_attr_get_payload(payload),
			    mnl_attr_get_payload_len(payload), mirror.now_us);
}

static void on_datagram(int len)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)mirror.message;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len))
		if (h->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) &&
		    h->nlmsg_len >= sizeof(*h) + sizeof(struct nfgenmsg))
			on_copy(h);
}

/* Reads what is there. 1: everything. 0: there is more. -1 with errno. */
static int read_copies(const char **what)
{
	for (unsigned i = 0; i < COPIES_A_TURN; i++) {
		/* Taken before the socket is found empty, or a pause of ours in between would look like silence. */
		mirror.now_us = clock_us(CLOCK_MONOTONIC);
		ssize_t n = recv(FD_QUEUE, mirror.message, sizeof(mirror.message), MSG_DONTWAIT);

		if (n > 0)
			on_datagram((int)n);
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 1;
		else if (n < 0 && errno != ENOBUFS && errno != EINTR) {
			*what = "read copies";
			return -1;
		}
	}
	return 0;
}

static void taken(const struct policy *old, uint32_t generation)
{
	/* What it goes on counting is found by both. */
	if (mirror.lanes.policy)
		mirror.lanes.policy = old;
	mirror.generation = generation;
	lane_policy(&mirror.lanes, &mirror.channel.policy, generation);
}

/* ---- */

struct mirror_shm *mirror_map(void)
{
	struct stat st;
	struct mirror_shm *m;

	if (fstat(FD_SHM, &st) < 0)
		return NULL;
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, FD_SHM, 0);
	if (m == MAP_FAILED)
		return NULL;
	if (!mirror_good(m, (size_t)st.st_size)) {
		errno = EINVAL;
		return NULL;
	}
	return m;
}

int mirror_run(struct mirror_shm *shm, const char **what)
{
	int64_t next = 0;
	int r;

	mirror.shm = mirror.lanes.shm = shm;
	mirror.lanes.alarm = on_alarm;
	mirror.channel.taken = taken;
	for (;;) {
		struct pollfd p[2] = {{.fd = FD_CHANNEL, .events = POLLIN},
				      {.fd = mirror.lanes.policy ? FD_QUEUE : -1, .events = POLLIN}};
		struct timespec t = {.tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000};

		if (ppoll(p, 2, mirror.lanes.policy ? &t : NULL, NULL) < 0 && errno != EINTR) {
			*what = "poll";
			return -1;
		}
		if (p[0].revents && (r = channel_read(&mirror.channel, what)) <= 0)
			return r;
		if (!mirror.lanes.policy)
			continue;
		if ((r = read_copies(what)) < 0)
			return r;
		mirror_add(&shm->turns, 1);
		next = r == 1 ? lane_tick(&mirror.lanes, mirror.now_us) : 0;
		tell_lost();
	}
}
