/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror's socket and process. The kernel copies safety packets into the socket (NFLOG) and never waits for anybody to
 * read them; the guardian holds the socket, so that a mirror that dies loses no number and no copy that has room.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define MIRROR_RCVBUF (16 << 20) /* of the socket: some 8,000 copies of ordinary size */
#define MIRROR_WAIT   64         /* messages that may come before an answer */
#define COPY_RANGE    0xffffu

static bool wanted(const struct policy *p)
{
	for (unsigned i = 0; i < policy_conduits(p); i++)
		if (policy_copies(p, i))
			return true;
	return false;
}

static struct nlmsghdr *config(char *buf, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(PLAN_COPY_GROUP);
	return h;
}

/* The answer to message seq: 0, or -1 with errno. Copies may come ahead of it; they are only copies. */
static int answer(int sock, uint32_t seq)
{
	for (int i = 0; i < MIRROR_WAIT; i++) {
		char buf[8192];
		struct nlmsghdr h;
		struct nlmsgerr e;
		ssize_t n = recv(sock, buf, sizeof(buf), 0);

		if (n < 0)
			return -1;
		if ((size_t)n < sizeof(h) + sizeof(e))
			continue;
		memcpy(&h, buf, sizeof(h));
		memcpy(&e, buf + sizeof(h), sizeof(e));
		if (h.nlmsg_type != NLMSG_ERROR || h.nlmsg_seq != seq)
			continue;
		errno = -e.error;
		return e.error == 0 ? 0 : -1;
	}
	errno = EIO;
	return -1;
}

static int configure(int sock)
{
	struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	struct nfulnl_msg_config_mode mode = {.copy_mode = NFULNL_COPY_PACKET,
					      .copy_range = htonl(COPY_RANGE)};
	char buf[512];
	struct nlmsghdr *h = config(buf, 1);

	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(bind), &bind);
	if (send(sock, h, h->nlmsg_len, 0) < 0 || answer(sock, 1) < 0)
		return -1;
	h = config(buf, 2);
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u16(h, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	/* Each copy at once: a watchdog counts milliseconds. */
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(1));
	return send(sock, h, h->nlmsg_len, 0) < 0 ? -1 : answer(sock, 2);
}

static int open_socket(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct timeval second = {.tv_sec = 1}, never = {0};
	int size = MIRROR_RCVBUF, one = 1;
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (sock < 0)
		return -1;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	/* A smaller buffer loses copies sooner, and counts them. */
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(sock, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)) < 0 ||
	    bind(sock, (struct sockaddr *)&nl, sizeof(nl)) < 0 || configure(sock) < 0) {
		int e = errno;

		close(sock);
		errno = e;
		return -1;
	}
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
	return sock;
}

static int make_memory(struct mirror *m)
{
	size_t size = sizeof(struct mirror_shm);

	m->shm_fd = memfd_create("otfw-mirror", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->shm_fd < 0 || ftruncate(m->shm_fd, (off_t)size) < 0 ||
	    fcntl(m->shm_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -1;
	m->shm = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->shm_fd, 0);
	if (m->shm == MAP_FAILED) {
		m->shm = NULL;
		return -1;
	}
	mirror_init(m->shm);
	return 0;
}

int mirror_open(struct guardian *g, const struct policy *p)
{
	struct mirror *m = &g->mirror;

	/* Once open it stays: a later policy may want it again, and numbers go on. */
	if (m->shm || !wanted(p))
		return 0;
	m->sock = open_socket();
	if (m->sock >= 0 && make_memory(m) == 0) {
		mirror_tell_recorder(g);
		return 0;
	}
	say("mirror: NFLOG group %u: %s", PLAN_COPY_GROUP,
	    errno == EBUSY ? "another process has it" : strerror(errno));
	if (m->sock >= 0)
		close(m->sock);
	if (m->shm_fd >= 0)
		close(m->shm_fd);
	m->sock = m->shm_fd = -1;
	return -1;
}

void mirror_hand_out(struct guardian *g)
{
	struct msg m = {.type = MSG_IMAGE, .generation = g->active.generation};
	struct child *c = &g->mirror.child;

	if (!g->mirror.shm)
		return;
	if (c->pid == 0) {
		mirror_start(g);
	} else if (msg_send(c->channel, &m, g->active.fd) < 0) {
		/* It does not read: the next one starts with this policy. */
		say("mirror: does not take the policy (%s): killed; the safety lane goes on",
		    strerror(errno));
		kill(c->pid, SIGKILL);
	}
}

void mirror_start(struct guardian *g)
{
	struct mirror *m = &g->mirror;
	struct msg image = {.type = MSG_IMAGE, .generation = g->active.generation};
	char path[GUARDIAN_PATH + 16];
	const char *argv[] = {path, "--mirror", NULL};
	struct child *c = &m->child;
	int pair[2];

	c->name = "mirror";
	c->started_us = now_us();
	snprintf(path, sizeof(path), "%s/otfw-engine", g->libexec);
	c->channel = -1;
	c->pid = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		struct child_fd fds[] = {{m->sock, FD_QUEUE}, {m->shm_fd, FD_SHM}, {pair[1], FD_CHANNEL}};
		struct child_start s = {.argv = argv, .fds = fds, .nfds = 3, .die_with_parent = true};

		c->channel = pair[0];
		c->pid = child_spawn(&s, &c->pidfd);
		close(pair[1]);
	}
	if (c->pid < 0) {
		say("mirror: cannot be started: %s", strerror(errno));
		child_ended(c);
		return;
	}
	atomic_store(&m->shm->pid, (uint32_t)c->pid);
	if (g->active.fd >= 0 && msg_send(c->channel, &image, g->active.fd) < 0)
		say("mirror: cannot be handed the policy: %s", strerror(errno));
}

void mirror_ended(struct guardian *g)
{
	struct mirror *m = &g->mirror;
	int status = 0;

	if (!child_reap(m->child.pid, &status))
		return;
	child_ended(&m->child);
	atomic_store(&m->shm->pid, 0);
	atomic_store(&m->shm->restarts, atomic_load(&m->shm->restarts) + 1);
	say("the mirror ended (%s %d); the safety lane goes on, its alarms are blind until a new one runs",
	    WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (m->child.start_at_us <= now_us())
		mirror_start(g);
}

void mirror_tell_recorder(struct guardian *g)
{
	struct msg m = {.type = MSG_MIRROR};

	if (g->mirror.shm && g->recorder.channel >= 0 &&
	    msg_send(g->recorder.channel, &m, g->mirror.shm_fd) < 0)
		say("cannot hand the mirror's memory to the recorder: %s", strerror(errno));
}

bool mirror_down(const struct guardian *g)
{
	return g->mirror.shm && g->mirror.child.pid == 0 && g->active.fd >= 0;
}
