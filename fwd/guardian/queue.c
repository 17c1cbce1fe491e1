/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFQUEUE sockets: opening them, and verdicts for what a dead engine has read. The guardian reads nothing of a packet but
 * its id.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

/*
 * The socket's buffer must hold as many messages as packets may wait, and ghosts beside them, of the worst size that a session's may have (a
 * GSO packet of 64 KiB and its bookkeeping), or the kernel refuses packets long before the queue is full. Datagrams of nearly 64 KiB take twice
 * that; no PDU is so long, and of theirs the socket refuses what is beyond half a queue, to the same effect as a queue that is full.
 */
#define QUEUE_RCVBUF ((QUEUE_MAXLEN + GHOSTS_MAX) * (68u << 10))
#define COPY_RANGE   65531u /* what the kernel makes of 65535 */
#define CONFIG_WAIT  200    /* messages of packets that may come before the answer to a configuration */
#define HEAD_OCTETS                                                                                          \
	32 /* nlmsghdr, nfgenmsg and the packet header attribute, which is the first: the id is in it */
#define HEAD_ID       24 /* where the id stands in them */
#define MESSAGE_SPACE 256
#define READINGS      4 /* of a queue's row, some microseconds each */

struct proc_row {
	bool found;
	unsigned waiting, mode, range, refused;
	uint32_t id;
};

static bool read_row(const struct guardian *g, uint16_t num, struct proc_row *row)
{
	char buf[8192];
	ssize_t n = pread(g->proc_queue, buf, sizeof(buf) - 1, 0);

	*row = (struct proc_row){.found = false};
	if (n <= 0)
		return false;
	buf[n] = '\0';
	for (char *line = buf; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		unsigned q, port, dropped, id;

		if (sscanf(line, "%u %u %u %u %u %u %u %u", &q, &port, &row->waiting, &row->mode, &row->range,
			   &dropped, &row->refused, &id) == 8 &&
		    q == num) {
			row->found = true;
			row->id = id;
			return true;
		}
	}
	return false;
}

/* Sequence number 0: no packet has this id, so an error that comes back for it is nobody's late verdict. */
static int send_verdict(int sock, uint16_t num, uint32_t id, bool accept, bool batch)
{
	char buf[MESSAGE_SPACE];
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, batch ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT, num);

	nlh->nlmsg_seq = 0;
	nfq_nlmsg_verdict_put(nlh, (int)id, accept ? NF_ACCEPT : NF_DROP);
	if (accept)
		nfq_nlmsg_verdict_put_mark(nlh, PLAN_MARK_RELEASED);
	return send(sock, nlh, nlh->nlmsg_len, MSG_DONTWAIT) < 0 ? -1 : 0;
}

int queue_verdict(const struct queue *q, uint32_t id, bool accept)
{
	return send_verdict(q->sock, q->num, id, accept, false);
}

int queue_release(const struct queue *q, uint32_t upto)
{
	return send_verdict(q->sock, q->num, upto, true, true);
}

/* 1: the next message is a packet, its id set. 0: something else. -1 with errno. Cuts off everything behind the id. */
static int next_message(int sock, int flags, uint32_t *id)
{
	unsigned char head[HEAD_OCTETS];
	struct nlmsghdr nlh;
	ssize_t n = recv(sock, head, sizeof(head), flags | MSG_TRUNC);

	if (n < 0)
		return -1;
	if ((size_t)n < sizeof(head))
		return 0;
	memcpy(&nlh, head, sizeof(nlh));
	if (nlh.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return 0;
	memcpy(id, head + HEAD_ID, sizeof(*id));
	*id = ntohl(*id);
	return 1;
}

int queue_message(const struct queue *q, bool peek, uint32_t *id)
{
	return next_message(q->sock, MSG_DONTWAIT | (peek ? MSG_PEEK : 0), id);
}

/*
 * Waits for the kernel's answer to message seq. Where the ruleset is already there (the guardian was restarted), packets come as
 * soon as the queue is bound, also ahead of the answer: nobody will read those again, so they get their verdict here.
 */
static int await_answer(const struct queue *q, uint32_t seq)
{
	for (int i = 0; i < CONFIG_WAIT; i++) {
		char buf[8192];
		struct nlmsghdr nlh;
		struct nlmsgerr e;
		uint32_t id;
		ssize_t n;

		switch (next_message(q->sock, MSG_PEEK, &id)) {
		case -1: return -1;
		case 1:
			if (recv(q->sock, buf, 0, MSG_TRUNC) < 0)
				return -1;
			queue_verdict(q, id, q->failure == FAILURE_OPEN);
			continue;
		default: break;
		}
		n = recv(q->sock, buf, sizeof(buf), 0);
		if (n < 0)
			return -1;
		if ((size_t)n < sizeof(nlh) + sizeof(e))
			continue;
		memcpy(&nlh, buf, sizeof(nlh));
		memcpy(&e, buf + sizeof(nlh), sizeof(e));
		if (nlh.nlmsg_type != NLMSG_ERROR || nlh.nlmsg_seq != seq)
			continue;
		if (e.error == 0)
			return 0;
		errno = -e.error;
		return -1;
	}
	errno = EIO;
	return -1;
}

static int bind_socket(struct queue *q, bool best_effort)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	int size = (int)(QUEUE_RCVBUF / 2), one = 1; /* the kernel doubles it */
	socklen_t len = sizeof(size);
	struct timeval second = {.tv_sec = 1};

	q->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (q->sock < 0 || bind(q->sock, (struct sockaddr *)&nl, sizeof(nl)) < 0) {
		say("queue %u: netlink socket: %s", q->num, strerror(errno));
		return -1;
	}
	/* While it is configured only: an answer that does not come must not hang the start. */
	setsockopt(q->sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (setsockopt(q->sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    getsockopt(q->sock, SOL_SOCKET, SO_RCVBUF, &size, &len) < 0 || (unsigned)size < QUEUE_RCVBUF) {
		say("queue %u: receive buffer is %d octets, %u are needed for %u packets%s", q->num, size,
		    QUEUE_RCVBUF, QUEUE_MAXLEN, best_effort ? "; going on as told" : "");
		if (!best_effort)
			return -1;
	}
	/*
	 * Without it one overrun makes the kernel refuse every packet until the buffer has run empty. What is refused shows as a gap in the
	 * ids.
	 */
	if (setsockopt(q->sock, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)) < 0) {
		say("queue %u: NETLINK_NO_ENOBUFS: %s", q->num, strerror(errno));
		return -1;
	}
	return 0;
}

/* Everything in one message: between a bind and its parameters the kernel would refuse packets. */
static int configure(const struct guardian *g, struct queue *q)
{
	char buf[MESSAGE_SPACE];
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->num);
	uint32_t mask = NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN;
	bool fail_open = q->failure == FAILURE_OPEN && !g->no_fail_open;
	uint32_t flags = NFQA_CFG_F_GSO | (fail_open ? NFQA_CFG_F_FAIL_OPEN : 0);

	nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_RANGE);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, QUEUE_MAXLEN);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(mask));
	if (send(q->sock, nlh, nlh->nlmsg_len, 0) < 0 || await_answer(q, 1) < 0) {
		if (errno == EBUSY || errno == EPERM)
			say("queue %u: another process has it, or this one lacks CAP_NET_ADMIN", q->num);
		else
			say("queue %u: configure: %s", q->num, strerror(errno));
		return -1;
	}
	return 0;
}

static int make_memory(const struct guardian *g, struct queue *q, uint16_t index)
{
	size_t size = shm_size();

	q->shm = keep_memory(g, q, &q->shm_fd);
	if (q->shm) {
		if (q->shm->magic)
			shm_renew(q->shm, q->num, index, q->failure);
		else
			shm_init(q->shm, q->num, index, q->failure);
		return 0;
	}
	q->shm_fd = memfd_create("otfw-queue", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Root's alone: whoever is handed it to be read could open it anew to be written. */
	if (q->shm_fd < 0 || fchmod(q->shm_fd, 0600) < 0 || ftruncate(q->shm_fd, (off_t)size) < 0 ||
	    fcntl(q->shm_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		say("queue %u: shared memory: %s", q->num, strerror(errno));
		return -1;
	}
	q->shm = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, q->shm_fd, 0);
	if (q->shm == MAP_FAILED) {
		q->shm = NULL;
		say("queue %u: map shared memory: %s", q->num, strerror(errno));
		return -1;
	}
	shm_init(q->shm, q->num, index, q->failure);
	return 0;
}

int queue_open(struct guardian *g, struct queue *q)
{
	struct timeval never = {0};
	struct proc_row row;

	q->sock = q->shm_fd = -1;
	if (make_memory(g, q, (uint16_t)(q - g->queues)) < 0 || bind_socket(q, g->best_effort) < 0 ||
	    configure(g, q) < 0)
		return -1;
	setsockopt(q->sock, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
	/* The file exists once the kernel's queue module is there. */
	if (g->proc_queue < 0)
		g->proc_queue = open("/proc/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);
	/* What the kernel can be asked back. Unknown flags it would have refused. */
	if (!read_row(g, q->num, &row) || row.mode != NFQNL_COPY_PACKET || row.range < COPY_RANGE) {
		say("queue %u: reads back as mode %u, range %u", q->num, row.mode, row.range);
		return -1;
	}
	return 0;
}

void queue_close(struct guardian *g, struct queue *q)
{
	struct proc_row row;

	if (read_row(g, q->num, &row) && row.waiting > 0) {
		/* Messages first: they would fill the buffer and hide nothing. */
		while (recv(q->sock, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) > 0)
			;
		send_verdict(q->sock, q->num, row.id, q->failure == FAILURE_OPEN, true);
	}
	close(q->sock);
	q->sock = -1;
}

static void book(_Atomic uint32_t *counter, uint32_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/*
 * How many packets ever left the queue by a verdict. Each takes an id as it comes; those that the socket refused took one and do not wait. One that is
 * just coming has its id a moment before it waits, and would seem to have left: the least of some readings is right.
 */
static bool read_decided(const struct guardian *g, const struct queue *q, uint32_t *n)
{
	for (int i = 0; i < READINGS; i++) {
		struct proc_row row;

		if (!read_row(g, q->num, &row))
			return false;
		uint32_t m = row.id - row.refused - row.waiting;
		if (i == 0 || (int32_t)(m - *n) < 0)
			*n = m;
	}
	return true;
}

/*
 * A verdict for one packet that a dead engine had. True when the packet was still there: the engine may have died between giving
 * its verdict and noting so, and what the watch has released is booked as such.
 */
static bool settle_one(struct guardian *g, struct queue *q, uint32_t id, bool accept)
{
	uint32_t released = atomic_load(&q->shm->guardian.released_upto), before, after;
	struct proc_row row;

	if (released && (int32_t)(id - released) <= 0)
		return false;
	if (!read_row(g, q->num, &row) || row.waiting == 0 || !read_decided(g, q, &before))
		return false;
	queue_verdict(q, id, accept);
	return read_decided(g, q, &after) && after != before;
}

void queue_deny_suspect(struct guardian *g, struct queue *q, bool of_itself)
{
	struct shm *s = q->shm;
	uint32_t flow = atomic_load(&s->engine.current_flow);
	uint64_t dropping = atomic_exchange(&s->engine.dropping, 0);

	if (dropping) {
		/* Given or not, it is now, and the engine's. */
		queue_verdict(q, atomic_load(&s->engine.dropping_id), false);
		atomic_store(&s->counters[SHM_DROPPED], dropping);
		_Atomic uint64_t *entry = shm_book_at(s, atomic_load(&s->engine.dropping_at));
		if (entry)
			atomic_store(entry, atomic_load(&s->engine.dropping_now));
	}
	if (!of_itself)
		return;
	if (!atomic_exchange(&s->engine.busy, 0))
		return;
	if (settle_one(g, q, atomic_load(&s->engine.current_id), false))
		book(&s->guardian.suspects, 1);
	if (flow < SHM_FLOWS)
		atomic_store(&s->guardian.suspect_flow, flow + 1);
}

/*
 * The kernel keeps what a dead engine had read and not decided; its messages are gone. There are three kinds:
 *  - the packet it was in when it died of itself: the suspect. It is denied in either kind of zone, or it
 *    would kill the next engine too. When somebody killed the engine, the packet is one of those below, and its flow is put back (fwd/engine/before.h);
 *  - held segments, whose ids stand in shared memory;
 *  - what it had received but not begun, known by being older than the next unread message.
 * The last two go by the zone's failure mode: closed drops (TCP repeats them, and the next engine looks), open lets go.
 * A verdict for a packet that is no longer there comes back as an error with sequence number 0, which is nobody's.
 */
void queue_settle(struct guardian *g, struct queue *q, bool crashed)
{
	struct shm *s = q->shm;
	struct shm_held *held = shm_at(s, shm_layout().held);
	bool open = q->failure == FAILURE_OPEN;
	struct proc_row before, row;
	uint32_t settled = 0, upto = 0, decided, then;
	bool known;

	queue_deny_suspect(g, q, crashed);
	if (atomic_exchange(&s->engine.busy, 0) && settle_one(g, q, atomic_load(&s->engine.current_id), open))
		settled++;
	for (uint32_t i = 0; i < SHM_HELD; i++) {
		if (atomic_load(&held[i].state) == 0)
			continue;
		settled += settle_one(g, q, held[i].id, open);
		atomic_store(&held[i].state, 0);
	}
	if (read_row(g, q->num, &before) && before.waiting > 0) {
		/*
		 * An id is taken before its message is sent, both under the queue's lock: a millisecond later the messages of all ids up
		 * to this one are there, and what of them is unread tells where the dead engine stopped.
		 */
		usleep(1000);
		switch (next_message(q->sock, MSG_PEEK | MSG_DONTWAIT, &upto)) {
		case 1:
			upto--;
			known = true;
			break;
		case -1:
			upto = before.id;
			known = errno == EAGAIN;
			break;
		default: known = false; /* an error answer lies in front: packets behind it are unread */
		}
		if (known && read_row(g, q->num, &row) && row.waiting > 0 && read_decided(g, q, &decided)) {
			send_verdict(q->sock, q->num, upto, open, true);
			if (read_decided(g, q, &then))
				settled += then - decided;
		}
	}
	if (settled)
		book(open ? &s->guardian.settled_accept : &s->guardian.settled_drop, settled);
}
