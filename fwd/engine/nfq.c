/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One read and one send per packet, as few as there can be: the read waits, so nothing polls while traffic flows. The channel
 * is read when the guardian's generation in shared memory differs from ours, and whenever the queue was idle for NFQ_IDLE_US.
 */
#include "fwd/engine/nfq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>

#include "fwd/common/msg.h"
#include "fwd/engine/candidate.h"
#include "fwd/engine/channel.h"
#include "fwd/engine/live.h"
#include "fwd/engine/suspect.h"
#include "fwd/engine/verdict.h"

#define MESSAGE_MAX    (0xffffu + 4096u) /* a packet and its attributes */
#define ATTRIBUTES_MAX 64u               /* of one message */
#define BOOKED_IDS     65536u            /* more than a queue and its answers hold */
#define CLOCK_EVERY_US 1000000

/* Everything the engine has, fixed at start. */
static struct {
	struct verdict verdict;
	struct channel channel;
	struct candidate candidate;
	struct verdict_time now;
	int64_t clock_at,
		wall_off; /* when the wall clock was last asked, and how far it is from the monotonic one */
	uint16_t queue_num;
	uint16_t booked
		[BOOKED_IDS]; /* where the last verdict for an id is booked; 0: nowhere, it was inspected */
	uint8_t message[MESSAGE_MAX] __attribute__((aligned(8)));
} engine;

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The wall clock and its state are asked once a second: rules with hours need no more, and each packet is spared the call. */
static void now_set(void)
{
	engine.now.mono_us = clock_us(CLOCK_MONOTONIC);
	if (engine.now.mono_us - engine.clock_at >= CLOCK_EVERY_US) {
		struct timex tx = {.modes = 0};
		int state = adjtimex(&tx);

		engine.now.clock_good = state >= 0 && state != TIME_ERROR;
		engine.clock_at = engine.now.mono_us;
		engine.wall_off = clock_us(CLOCK_REALTIME) - engine.now.mono_us;
	}
	engine.now.wall_us = engine.now.mono_us + engine.wall_off;
}

/* ---- verdicts ---- */

struct verdict_message {
	struct nlmsghdr h;
	struct nfgenmsg g;
	struct nlattr verdict_attr;
	struct nfqnl_msg_verdict_hdr verdict;
	struct nlattr mark_attr;
	uint32_t mark;
	struct nlattr payload_attr; /* only with a rewritten packet */
};
#define VERDICT_PLAIN offsetof(struct verdict_message, payload_attr)
_Static_assert(sizeof(struct verdict_message) == 16 + 4 + 12 + 8 + 4, "netlink attributes are packed");

/* A verdict may come back as too late: then it must be known what was booked for it. */
static uint16_t *booked(uint32_t id)
{
	return &engine.booked[id % BOOKED_IDS];
}

static void decide(void *ctx, uint32_t id, const struct decision *d)
{
	static const uint8_t pad[4];
	bool accept = d->action != ACTION_DROP;
	uint32_t plen = d->packet ? d->packet_len : 0, fill = (4 - plen % 4) % 4;
	struct verdict_message m = {
		.h = {.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
		      .nlmsg_flags = NLM_F_REQUEST,
		      .nlmsg_seq = id},
		.g = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(engine.queue_num)},
		.verdict_attr = {.nla_len = 12, .nla_type = NFQA_VERDICT_HDR},
		.verdict = {.verdict = htonl(accept ? NF_ACCEPT : NF_DROP), .id = htonl(id)},
		.mark_attr = {.nla_len = 8, .nla_type = NFQA_MARK},
		.mark = htonl(d->mark),
		.payload_attr = {.nla_len = (uint16_t)(4 + plen), .nla_type = NFQA_PAYLOAD},
	};
	ssize_t n;

	(void)ctx;
	*booked(id) = (uint16_t)d->book;
	if (plen == 0) {
		m.h.nlmsg_len = VERDICT_PLAIN;
		n = send(FD_QUEUE, &m, VERDICT_PLAIN, 0);
	} else {
		m.h.nlmsg_len = (uint32_t)sizeof m + plen + fill;
		struct iovec iov[3] = {{.iov_base = &m, .iov_len = sizeof m},
				       {.iov_base = (void *)(uintptr_t)d->packet, .iov_len = plen},
				       {.iov_base = (void *)(uintptr_t)pad, .iov_len = fill}};
		struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 3};
		n = sendmsg(FD_QUEUE, &mh, 0);
	}
	/* The kernel answers a verdict it cannot use with a message; a send itself fails only for want of kernel memory. */
	if (n < 0)
		shm_add(engine.verdict.shm, SHM_QUEUE_ERRORS, 1);
}

static void report(void *ctx, const struct report *r)
{
	(void)ctx;
	live_event(r);
}

/* ---- messages ---- */

static void on_error(const struct nlmsghdr *h)
{
	struct nlmsgerr e;

	if (h->nlmsg_len < sizeof *h + sizeof e)
		return;
	memcpy(&e, (const uint8_t *)h + sizeof *h, sizeof e);
	if (e.error == 0 || h->nlmsg_seq == 0)
		return; /* an acknowledgement, or an answer to the guardian */
	if (e.error == -ENOENT) {
		shm_add(engine.verdict.shm, SHM_LATE_VERDICTS, 1);
		uint32_t at = *booked(h->nlmsg_seq);
		if (at && SHM_BOOK_KIND(at) == SHM_BOOK_DROPPED)
			shm_add(engine.verdict.shm, SHM_LATE_DROPS, 1);
		book_add(engine.verdict.shm, at, -1);
		*booked(h->nlmsg_seq) = 0;
		live_late(h->nlmsg_seq, &engine.now);
	} else {
		shm_add(engine.verdict.shm, SHM_QUEUE_ERRORS, 1);
	}
}

/* An Ethernet address of 6 octets, else NULL. */
static const uint8_t *mac_of(const struct nlattr *hw)
{
	const struct nfqnl_msg_packet_hw *h = hw ? mnl_attr_get_payload(hw) : NULL;

	return h && mnl_attr_get_payload_len(hw) >= sizeof *h && ntohs(h->hw_addrlen) == 6 ? h->hw_addr
											   : NULL;
}

static void judge(const uint8_t *data, uint32_t len, uint32_t id, bool truncated, bool gso,
		  const struct nlattr *hw)
{
	engine.verdict.mac = mac_of(hw);
	engine.verdict.mac_id = id;
	verdict_packet(&engine.verdict, data, len, id, truncated, gso, &engine.now);
	engine.verdict.mac = NULL; /* the next message comes where this one is */
}

static void on_packet(const struct nlmsghdr *h)
{
	struct shm *shm = engine.verdict.shm;
	struct shm_engine *me = &shm->engine;
	const struct nfqnl_msg_packet_hdr *ph = NULL;
	const struct nlattr *a, *payload = NULL, *hw = NULL;
	bool truncated = false, gso = false;
	unsigned n = 0;

	for (a = mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg));
	     n < ATTRIBUTES_MAX &&
	     mnl_attr_ok(a, (int)((const char *)mnl_nlmsg_get_payload_tail(h) - (const char *)a));
	     a = mnl_attr_next(a), n++) {
		switch (mnl_attr_get_type(a)) {
		case NFQA_PACKET_HDR:
			if (mnl_attr_get_payload_len(a) >= sizeof *ph)
				ph = mnl_attr_get_payload(a);
			break;
		case NFQA_PAYLOAD: payload = a; break;
		case NFQA_HWADDR: hw = a; break;
		case NFQA_CAP_LEN: truncated = true; break;
		case NFQA_SKB_INFO:
			gso = mnl_attr_get_payload_len(a) >= 4 && ntohl(mnl_attr_get_u32(a)) & NFQA_SKB_GSO;
			break;
		default: break;
		}
	}
	if (!ph)
		return;
	uint32_t id;
	memcpy(&id, &ph->packet_id, sizeof id);
	id = ntohl(id);
	const uint8_t *data = payload ? mnl_attr_get_payload(payload) : NULL;
	uint32_t len = payload ? mnl_attr_get_payload_len(payload) : 0;

	uint32_t last = atomic_load_explicit(&me->last_id, memory_order_relaxed);
	if ((int32_t)(id - last) > 1)
		shm_add(shm, SHM_SEQ_GAPS, id - last - 1);
	atomic_store_explicit(&me->current_id, id, memory_order_relaxed);
	atomic_store_explicit(&me->busy, 1, memory_order_release);
	atomic_store_explicit(&me->last_id, id, memory_order_relaxed);
	uint32_t released = atomic_load_explicit(&shm->guardian.released_upto, memory_order_acquire);
	if (released && (int32_t)(id - released) <= 0)
		verdict_released(&engine.verdict, data, len, id, &engine.now);
	else
		judge(data, len, id, truncated, gso, hw);
	atomic_store_explicit(&me->busy, 0, memory_order_release);
}

static void on_datagram(int len)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)engine.message;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		if (h->nlmsg_type == NLMSG_ERROR)
			on_error(h);
		else if (h->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) &&
			 h->nlmsg_len >= sizeof *h + sizeof(struct nfgenmsg))
			on_packet(h);
	}
}

static void taken(const struct policy *old, uint32_t generation)
{
	(void)old;
	verdict_policy(&engine.verdict, &engine.channel.policy, generation);
	live_generation(generation);
	atomic_store(&engine.verdict.shm->engine.generation, generation);
}

static void candidate_taken(uint32_t generation)
{
	const struct policy *p = engine.channel.candidate.image ? &engine.channel.candidate : NULL;

	candidate_policy(&engine.candidate, p, generation, engine.channel.guard);
	engine.verdict.candidate = p ? &engine.candidate : NULL;
}

/* ---- the loop ---- */

int nfq_prepare(void)
{
	struct timeval idle = {.tv_usec = NFQ_IDLE_US};

	return setsockopt(FD_QUEUE, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
}

static int wait_for_policy(const char **what)
{
	while (!engine.verdict.policy) {
		struct pollfd p = {.fd = FD_CHANNEL, .events = POLLIN};
		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			*what = "poll";
			return -1;
		}
		int r = channel_read(&engine.channel, what);
		if (r <= 0)
			return r;
	}
	return 1;
}

/* For the guardian: still here. */
static void beat(struct shm_engine *me)
{
	atomic_store_explicit(&me->heartbeat, atomic_load_explicit(&me->heartbeat, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* The one before died in a packet of its own accord: its flow is given up, and its ends are watched. */
static void take_suspect(struct shm *shm)
{
	uint32_t slot = atomic_exchange(&shm->guardian.suspect_flow, 0);
	struct tuple ends;

	if (slot && suspect_book(&engine.verdict.memory, slot - 1, engine.now.mono_us, &ends))
		live_quarantine(&ends, slot - 1, &engine.now);
}

/* Held segments and idle flows. Returns microseconds until the next time. */
static int64_t tick(void)
{
	struct shm_engine *me = &engine.verdict.shm->engine;

	live_tick(&engine.now);
	atomic_store_explicit(&me->busy, engine.verdict.memory.head->nheld > 0, memory_order_release);
	int64_t next = verdict_tick(&engine.verdict, &engine.now);
	atomic_store_explicit(&me->busy, 0, memory_order_release);
	return next;
}

int nfq_run(struct shm *shm, const char **what)
{
	struct verdict_sink sink = {.decide = decide, .report = report};
	int64_t due;
	int r;

	engine.clock_at = -CLOCK_EVERY_US;
	engine.channel.taken = taken;
	engine.channel.candidate_taken = candidate_taken;
	now_set();
	engine.queue_num = shm->guardian.queue_num;
	live_open(shm);
	verdict_init(&engine.verdict, shm, &sink, engine.now.mono_us);
	take_suspect(shm);
	if ((r = wait_for_policy(what)) <= 0)
		return r;
	now_set();
	due = engine.now.mono_us;
	atomic_store(&shm->engine.started, 1);
	for (;;) {
		uint32_t held = engine.verdict.memory.head->nheld;
		if (held) {
			/* A deadline is near: wait no longer than to it. */
			int64_t us = due - engine.now.mono_us;
			struct timespec t = {.tv_nsec = us > 0 ? (us < 1000 ? us : 1000) * 1000 : 0};
			struct pollfd p = {.fd = FD_QUEUE, .events = POLLIN};
			(void)ppoll(&p, 1, &t, NULL);
		}
		ssize_t n = recv(FD_QUEUE, engine.message, sizeof engine.message, held ? MSG_DONTWAIT : 0);
		int e = errno;
		now_set();
		beat(&shm->engine);
		if (n > 0) {
			on_datagram((int)n);
			beat(&shm->engine); /* the time of this packet is over: a wait for the next one begins */
		} else if (n < 0 && e == ENOBUFS) {
			shm_add(shm, SHM_QUEUE_ERRORS, 1);
		} else if (n < 0 && e != EAGAIN && e != EWOULDBLOCK && e != EINTR) {
			errno = e;
			*what = "read the queue";
			return -1;
		}
		/* 0: the guardian does not publish what it hands out before the first change. */
		uint32_t handed = atomic_load_explicit(&shm->guardian.generation, memory_order_relaxed);
		bool idle = !held && n <= 0, tick_due = engine.now.mono_us >= due;
		if (idle || (handed && handed != engine.verdict.generation) || (tick_due && !held)) {
			r = channel_read(&engine.channel, what);
			if (r <= 0)
				return r;
		}
		if (tick_due || (!held && engine.verdict.memory.head->nheld))
			due = engine.now.mono_us + tick();
	}
}
