/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a proof test must find out: an engine that looks like one to its guardian, says that it judges by the policy it is given, and accepts every
 * packet as inspected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/common/msg.h"
#include "fwd/common/shm.h"

static struct shm *shm;

static int one(const struct nlmsghdr *h, void *data)
{
	struct nlattr *attr[NFQA_MAX + 1] = {0};
	const struct nfqnl_msg_packet_hdr *ph;
	struct nlmsghdr *v;
	char buf[128];

	(void)data;
	if (nfq_nlmsg_parse(h, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	ph = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	v = nfq_nlmsg_put(buf, NFQNL_MSG_VERDICT, shm->guardian.queue_num);
	v->nlmsg_seq = ntohl(ph->packet_id);
	nfq_nlmsg_verdict_put(v, (int)ntohl(ph->packet_id), NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark(v, 1);
	atomic_store(&shm->engine.last_id, ntohl(ph->packet_id));
	atomic_store(&shm->engine.heartbeat, atomic_load(&shm->engine.heartbeat) + 1);
	return send(FD_QUEUE, v, v->nlmsg_len, 0) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

/* The policy is closed unread. 0: the guardian is gone. */
static int take_policy(void)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msg m;
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(FD_CHANNEL, &mh, MSG_DONTWAIT);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&mh) : NULL;

	if (n == 0)
		return 0;
	if (c && c->cmsg_type == SCM_RIGHTS) {
		int fd;

		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		close(fd);
	}
	if (n == (ssize_t)sizeof(m) && m.type == MSG_IMAGE) {
		atomic_store(&shm->engine.generation, m.generation);
		atomic_store(&shm->engine.started, 1);
	}
	return 1;
}

int main(void)
{
	static char buf[0xffff + 4096];
	struct stat st;

	if (fstat(FD_SHM, &st) < 0)
		return 2;
	shm = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, FD_SHM, 0);
	if (shm == MAP_FAILED)
		return 2;
	for (;;) {
		struct pollfd p[2] = {{.fd = FD_QUEUE, .events = POLLIN},
				      {.fd = FD_CHANNEL, .events = POLLIN}};
		ssize_t n;

		if (poll(p, 2, -1) < 0)
			return 2;
		if (p[1].revents && take_policy() == 0)
			return 0;
		if (!p[0].revents)
			continue;
		n = recv(FD_QUEUE, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, one, NULL);
	}
}
