/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a stream, one JSON object a line, one answer a session. Only root and the user the recorder runs as are
 * heard. Everything is bounded and nothing waits: a client that does not read or does not ask is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"
#include "fwd/recorder/unseen.h"
#include "fwd/recorder/use.h"

#define CLIENT_US 5000000  /* to ask, and to read the answer */
#define RELOAD_US 60000000 /* for a reload to be answered */
#define WORDS_MAX (256u << 10)

static char answer[JSONL_MAX];

int control_open(struct control *c, const char *path, int channel)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;

	*c = (struct control){.listen = -1, .channel = channel};
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		c->clients[i] = (struct client){.fd = -1, .out_fd = -1, .fd_in = -1};
	if (!path)
		return 0;
	if (strlen(path) >= sizeof(addr.sun_path)) {
		complain("%s: longer than the path of a socket can be (%zu)", path,
			 sizeof(addr.sun_path) - 1);
		return -1;
	}
	strcpy(addr.sun_path, path);
	/* What an earlier recorder left; anything but a socket is not ours to remove. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	c->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0117);
	int rc = c->listen < 0 ? -1 : bind(c->listen, (struct sockaddr *)&addr, sizeof(addr));
	int saved = errno;
	umask(mask);
	if (rc == 0 && (rc = listen(c->listen, CLIENTS_MAX)) != 0)
		saved = errno;
	if (rc == 0)
		return 0;
	complain("%s: %s", path, strerror(saved));
	if (c->listen >= 0)
		close(c->listen);
	c->listen = -1;
	return -1;
}

static void client_close(struct client *cl)
{
	close(cl->fd);
	if (cl->out_fd >= 0)
		close(cl->out_fd);
	if (cl->fd_in >= 0)
		close(cl->fd_in);
	free(cl->out);
	*cl = (struct client){.fd = -1, .out_fd = -1, .fd_in = -1};
}

void control_close(struct control *c, const char *path)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0)
			client_close(&c->clients[i]);
	if (c->listen >= 0) {
		close(c->listen);
		unlink(path);
	}
	c->listen = -1;
}

void client_answer(struct client *cl, const struct jsonl *j)
{
	cl->out = j->cut ? NULL : malloc(j->len);
	if (!cl->out) {
		client_close(cl);
		return;
	}
	memcpy(cl->out, j->buf, j->len);
	cl->out_len = j->len;
	cl->out_at = 0;
	cl->since_us = clock_us();
}

void client_answer_fd(struct client *cl, const struct jsonl *j, int fd)
{
	client_answer(cl, j);
	if (cl->out && fd >= 0)
		cl->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void answer_open(struct jsonl *j)
{
	jsonl_open(j, answer, sizeof(answer));
}

void client_refuse(struct client *cl, const char *text)
{
	struct jsonl j;

	answer_open(&j);
	jsonl_object(&j, NULL);
	jsonl_bool(&j, "ok", false);
	jsonl_str(&j, "error", text);
	jsonl_object_end(&j);
	jsonl_line(&j);
	client_answer(cl, &j);
}

/* Of the process that asks: sudo and su leave the login's user as it was. */
static uint32_t login_of(pid_t pid, uint32_t uid)
{
	char path[48], text[16] = "";
	unsigned long login;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	login = n > 0 ? strtoul(text, NULL, 10) : UINT32_MAX;
	return login >= UINT32_MAX ? uid : (uint32_t)login;
}

static bool heard(struct client *cl)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	if (getsockopt(cl->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	cl->uid = cred.uid;
	cl->login = login_of(cred.pid, cred.uid);
	return (cred.uid == 0 || cred.uid == geteuid());
}

static void control_accept(struct control *c)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];
		if (cl->fd >= 0)
			continue;
		int fd = accept4(c->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		*cl = (struct client){.fd = fd, .out_fd = -1, .fd_in = -1, .since_us = clock_us()};
		if (!heard(cl))
			client_refuse(cl,
				      "permission denied: only root and the recorder's own user are heard");
	}
}

void client_pass_on_fd(struct control *c, struct client *cl, struct msg *m, int fd)
{
	if (++c->requests == 0)
		c->requests = 1;
	m->arg = c->requests;
	if (msg_send(c->channel, m, fd) != 0) {
		client_refuse(cl, "the guardian cannot be reached");
		return;
	}
	cl->waits = m->arg;
	cl->since_us = clock_us();
}

void client_pass_on(struct control *c, struct client *cl, struct msg *m)
{
	client_pass_on_fd(c, cl, m, -1);
}

static void refuse_unknown(struct client *cl)
{
	char text[1024] = "unknown command; known are:";
	size_t n = strlen(text);

	for (const struct control_command *k = control_commands; k->name && n < sizeof(text); k++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", k->name);
	client_refuse(cl, text);
}

static void client_request(struct control *c, struct recorder *r, struct client *cl, const char *text,
			   size_t len)
{
	json_error_t err;
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	const struct control_command *k = control_commands;

	while (cmd && k->name && strcmp(k->name, cmd) != 0)
		k++;
	if (!request)
		client_refuse(cl, "the request is not JSON");
	else if (!cmd)
		client_refuse(cl, "the request has no \"cmd\"");
	else if (!k->name)
		refuse_unknown(cl);
	else
		k->run(c, r, cl, request);
	json_decref(request);
	/* Whoever wanted it has passed it on. */
	if (cl->fd_in >= 0)
		close(cl->fd_in);
	cl->fd_in = -1;
}

/* read(), and the descriptor beside it. One a request: of several the first stays, the rest is closed. */
static ssize_t client_receive(struct client *cl, void *buf, size_t cap)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(cl->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd = n < 0 ? -1 : msg_take_fd(&h);

	if (fd >= 0 && cl->fd_in >= 0)
		close(fd);
	else if (fd >= 0)
		cl->fd_in = fd;
	return n;
}

void control_reloaded(struct control *c, const struct msg *m, int fd)
{
	char *words = fd >= 0 ? malloc(WORDS_MAX) : NULL;
	ssize_t n = words ? pread(fd, words, WORDS_MAX, 0) : 0;

	if (fd >= 0)
		close(fd);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];
		if (cl->fd < 0 || cl->waits == 0 || cl->ledger || cl->waits != m->arg)
			continue;
		struct jsonl j;
		cl->waits = 0;
		jsonl_open(&j, answer, sizeof(answer));
		jsonl_object(&j, NULL);
		jsonl_bool(&j, "ok", m->status == 0);
		jsonl_uint(&j, "generation", m->generation);
		jsonl_strn(&j, "text", words ? words : "", n > 0 ? (size_t)n : 0);
		jsonl_object_end(&j);
		jsonl_line(&j);
		client_answer(cl, &j);
	}
	free(words);
}

void control_read_lanes(struct control *c)
{
	struct msg m = {.type = MSG_LEDGER};

	if (++c->requests == 0)
		c->requests = 1;
	m.arg = c->requests;
	if (msg_send(c->channel, &m, -1) != 0)
		complain("the guardian's channel: %s", strerror(errno));
}

void control_ledger(struct control *c, struct recorder *r, const struct msg *m, int fd)
{
	ledger_take(&r->ledger, m->status == 0 ? fd : -1);
	if (m->status != 0 && fd >= 0)
		close(fd);
	use_lanes(r);
	unseen_ledger(r);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];
		if (cl->fd < 0 || cl->waits == 0 || !cl->ledger || (int32_t)(cl->waits - m->arg) > 0)
			continue;
		cl->waits = 0;
		if (cl->differences) {
			differences_answer(r, cl);
			continue;
		}
		if (!r->ledger.good) {
			client_refuse(cl, "the kernel's counters cannot be read");
			continue;
		}
		struct jsonl j;
		jsonl_open(&j, answer, sizeof(answer));
		ledger_print(r, &j);
		client_answer(cl, &j);
	}
}

/* False when the client is gone or has had its time. */
static bool client_read(struct control *c, struct recorder *r, struct client *cl)
{
	if (cl->in_len == sizeof(cl->in)) {
		client_refuse(cl, "the request is too long");
		return true;
	}
	ssize_t n = client_receive(cl, cl->in + cl->in_len, sizeof(cl->in) - cl->in_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return clock_us() - cl->since_us < (cl->waits ? RELOAD_US : CLIENT_US);
	if (n <= 0)
		return false;
	cl->in_len += (size_t)n;
	const char *end = memchr(cl->in, '\n', cl->in_len);
	if (end && !cl->waits)
		client_request(c, r, cl, cl->in, (size_t)(end - cl->in));
	return true;
}

/* A part of the answer; the descriptor with its first octet. */
static ssize_t client_send(struct client *cl)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} rights = {
		.h = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = cl->out + cl->out_at, .iov_len = cl->out_len - cl->out_at};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (cl->out_fd >= 0) {
		memcpy(CMSG_DATA(&rights.h), &cl->out_fd, sizeof(int));
		m.msg_control = rights.space;
		m.msg_controllen = sizeof(rights.space);
	}
	ssize_t n = sendmsg(cl->fd, &m, MSG_NOSIGNAL);
	if (n > 0 && cl->out_fd >= 0) {
		close(cl->out_fd);
		cl->out_fd = -1;
	}
	return n;
}

/* False when all is written, or the client has had its time. */
static bool client_write(struct client *cl)
{
	while (cl->out_at < cl->out_len) {
		ssize_t n = client_send(cl);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN && clock_us() - cl->since_us < CLIENT_US;
		cl->out_at += (size_t)n;
	}
	return false;
}

void control_work(struct control *c, struct recorder *r)
{
	if (c->listen < 0)
		return;
	control_accept(c);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];
		if (cl->fd >= 0 && !cl->out && !client_read(c, r, cl))
			client_close(cl);
		if (cl->fd >= 0 && cl->out && !client_write(cl))
			client_close(cl);
	}
}
