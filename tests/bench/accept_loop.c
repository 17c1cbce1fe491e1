/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What otfw is measured against: the smallest honest NFQUEUE program. It reads each packet whole, as an inspector must (same copy
 * range, same GSO flag, same buffer), looks at nothing, and accepts it.
 *
 *   accept_loop QUEUE        prints "ready", then at SIGTERM "packets N"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static volatile sig_atomic_t stop;
static uint64_t packets;
static struct mnl_socket *nl;
static uint16_t queue;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static int one(const struct nlmsghdr *h, void *data)
{
	struct nlattr *attr[NFQA_MAX + 1] = {0};
	char buf[128];
	const struct nfqnl_msg_packet_hdr *ph;

	(void)data;
	if (nfq_nlmsg_parse(h, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return MNL_CB_ERROR;
	ph = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	struct nlmsghdr *v = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	v->nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_VERDICT;
	v->nlmsg_flags = NLM_F_REQUEST;
	g = mnl_nlmsg_put_extra_header(v, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(queue);
	nfq_nlmsg_verdict_put(v, (int)ntohl(ph->packet_id), NF_ACCEPT);
	packets++;
	return mnl_socket_sendto(nl, v, v->nlmsg_len) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int configure(char *buf)
{
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -1;
	h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, queue);
	nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, 0xffff);
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	nfq_nlmsg_cfg_put_qmaxlen(h, 4096);
	return mnl_socket_sendto(nl, h, h->nlmsg_len) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static char buf[0xffff + 4096];
	struct sigaction sa = {.sa_handler = on_term};
	int size = 64 << 20, on = 1;

	if (argc != 2)
		return 2;
	queue = (uint16_t)atoi(argv[1]);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || configure(buf) < 0) {
		perror("accept_loop");
		return 2;
	}
	mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	sigaction(SIGTERM, &sa, NULL);
	puts("ready");
	fflush(stdout);
	while (!stop) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0) {
			if (errno == EINTR || errno == ENOBUFS)
				continue;
			perror("accept_loop: recv");
			return 2;
		}
		if (mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), one, NULL) < 0) {
			perror("accept_loop: verdict");
			return 2;
		}
	}
	printf("packets %llu\n", (unsigned long long)packets);
	mnl_socket_close(nl);
	return 0;
}
