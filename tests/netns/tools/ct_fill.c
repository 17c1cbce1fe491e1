/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fills the connection tracking table of its network namespace with sessions that are established: the kernel makes room for new ones by
 * dropping half-open ones, so a flood of SYNs alone does not show what happens when there is no room.
 *
 *   ct_fill [-f FIRST] [-n MOST]     sessions number FIRST and on
 *   ct_fill -x                       empties it, of all sessions
 *
 * Stops at MOST or when the kernel takes no more. Prints: entries N.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_MAX 10000000u
#define ANSWER   8192
#define MESSAGE  512
#define LIFETIME 600         /* seconds */
#define FIRST    0x0a630000u /* 10.99.0.0: nobody's here */
#define PORTS    60000u

static void tuple(struct nlmsghdr *h, uint16_t which, uint32_t from, uint32_t to, uint16_t sport,
		  uint16_t dport)
{
	struct nlattr *t = mnl_attr_nest_start(h, which), *n = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	mnl_attr_put_u32(h, CTA_IP_V4_SRC, htonl(from));
	mnl_attr_put_u32(h, CTA_IP_V4_DST, htonl(to));
	mnl_attr_nest_end(h, n);
	n = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(dport));
	mnl_attr_nest_end(h, n);
	mnl_attr_nest_end(h, t);
}

/* Session number n. */
static size_t entry(char *buf, uint32_t n)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	uint32_t from = FIRST + 1 + n / PORTS, to = FIRST;
	uint16_t port = (uint16_t)(1024 + n % PORTS);

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	*g = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
	tuple(h, CTA_TUPLE_ORIG, from, to, port, 80);
	tuple(h, CTA_TUPLE_REPLY, to, from, 80, port);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_ASSURED | IPS_SEEN_REPLY));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(LIFETIME));
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO),
		      *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
	return h->nlmsg_len;
}

/* A deletion that names no session. */
static size_t flush(char *buf)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	*g = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
	return h->nlmsg_len;
}

int main(int argc, char **argv)
{
	char buf[MESSAGE], answer[ANSWER];
	uint32_t most = MOST_MAX, first = 0, n = 0;
	bool empty = false;
	struct mnl_socket *s;
	int c;

	while ((c = getopt(argc, argv, "f:n:x")) != -1) {
		if (c == 'n')
			most = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'f')
			first = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'x')
			empty = true;
		else
			return 2;
	}
	s = mnl_socket_open(NETLINK_NETFILTER);
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		fprintf(stderr, "ct_fill: %s\n", strerror(errno));
		return 2;
	}
	for (; n < most && n < MOST_MAX; n++) {
		ssize_t got;

		if (mnl_socket_sendto(s, buf, empty ? flush(buf) : entry(buf, first + n)) < 0 ||
		    (got = mnl_socket_recvfrom(s, answer, sizeof(answer))) < 0) {
			fprintf(stderr, "ct_fill: %s\n", strerror(errno));
			return 2;
		}
		if (mnl_cb_run(answer, (size_t)got, 0, mnl_socket_get_portid(s), NULL, NULL) < 0)
			break; /* full, or refused */
		if (empty)
			return 0;
	}
	if (n == 0) {
		fprintf(stderr, "ct_fill: %s\n", strerror(errno));
		return 2;
	}
	printf("entries %u\n", n);
	return 0;
}
