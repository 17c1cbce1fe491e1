/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfw-recorder [--control PATH] [--log FILE|-] [--policy-file FILE] [--state-dir DIR]
 *
 * Started by the guardian with FD_CHANNEL, and FD_LOG unless events go to standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fwd/recorder/audit.h"
#include "fwd/recorder/recorder.h"
#include "fwd/recorder/unseen.h"
#include "fwd/recorder/use.h"

#define BEHIND_OTHERS 10      /* nice */
#define LAST_FLUSH_MS 1000    /* for what is left at the end */
#define TOLD_US       1000000 /* the guardian says all at once what there is */

static volatile sig_atomic_t stopping;

static void on_stop(int signal)
{
	(void)signal;
	stopping = 1;
}

void complain(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("otfw-recorder: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

int64_t clock_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void message(struct recorder *r, struct control *c, const struct msg *m, int fd)
{
	if (m->type == MSG_SHM && fd >= 0)
		queue_add(r, m->arg, fd);
	else if (m->type == MSG_MIRROR && fd >= 0)
		mirror_add_memory(r, fd);
	else if (m->type == MSG_IMAGE && fd >= 0)
		image_add(r, m->generation, fd);
	else if (m->type == MSG_CANDIDATE)
		candidate_add(r, m->generation, fd);
	else if (m->type == MSG_CHANGE && fd >= 0)
		change_add(r, m->arg, fd);
	else if (m->type == MSG_POLICY_STATE)
		r->policy_state = m->state;
	else if (m->type == MSG_RELOADED)
		control_reloaded(c, m, fd);
	else if (m->type == MSG_LEDGER_BASE)
		ledger_take(&r->ledger_base, fd);
	else if (m->type == MSG_LEDGER_READ)
		control_ledger(c, r, m, fd);
	else if (m->type == MSG_ISLANDS && fd >= 0)
		islands_read(r, fd);
	else if (m->type == MSG_LENT && fd >= 0)
		lent_read(r, fd);
	else if (fd >= 0)
		close(fd);
	if (m->type == MSG_STOP)
		r->stop = true;
}

/* False when the guardian is gone. */
static bool channel_read(struct recorder *r, struct control *c)
{
	struct msg m;
	int fd, rc;

	while ((rc = msg_recv(c->channel, &m, &fd)) == 1)
		message(r, c, &m, fd);
	if (rc < 0 && errno != EAGAIN)
		complain("the guardian's channel: %s", strerror(errno));
	return rc < 0;
}

/* Waits for a message or a client, a tick at most: rings do not wake anyone. */
static void wait_tick(const struct control *c)
{
	struct pollfd p[2 + CLIENTS_MAX];
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = c->channel, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = c->listen, .events = POLLIN};
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0)
			p[n++] = (struct pollfd){.fd = c->clients[i].fd,
						 .events = c->clients[i].out ? POLLOUT : POLLIN};
	poll(p, n, RECORDER_TICK_MS);
}

static void finish(struct recorder *r)
{
	do {
		r->differ.written_us = 0;
		log_flush(&r->log);
	} while (rings_drain(r));
	audit_close(r);
	for (int ms = 0; ms < LAST_FLUSH_MS; ms += RECORDER_TICK_MS) {
		log_flush(&r->log);
		if (r->log.len == 0)
			return;
		usleep(RECORDER_TICK_MS * 1000);
	}
	complain("%zu octets of events could not be written", r->log.len);
}

static int log_fd(const char *path)
{
	if (!path && fcntl(FD_LOG, F_GETFD) >= 0)
		return FD_LOG;
	if (!path || strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"control", required_argument, NULL, 'c'},
						{"log", required_argument, NULL, 'l'},
						{"policy-file", required_argument, NULL, 'p'},
						{"state-dir", required_argument, NULL, 's'},
						{0}};
	static struct recorder r;
	static struct control control;
	const char *socket = NULL, *log = NULL;
	struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		*(c == 'c' ? &socket : c == 'l' ? &log : c == 'p' ? &r.policy_file : &r.state_dir) = optarg;
	}
	if (optind < argc) {
		complain("%s: no arguments are taken", argv[optind]);
		return 2;
	}
	if (fcntl(FD_CHANNEL, F_GETFD) < 0) {
		complain("descriptor %d is not open: the guardian starts this program", FD_CHANNEL);
		return 2;
	}
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Whoever gives verdicts comes first. */
	setpriority(PRIO_PROCESS, 0, BEHIND_OTHERS);
	int fd = log_fd(log);
	if (fd < 0)
		return 2;
	log_open(&r.log, fd);
	r.started_us = clock_us();
	tracking_open(&r.tracking);
	why_open(&r.why);
	learn_open(&r.learn);
	asset_open(&r.assets, &r.log);
	use_open(&r);
	audit_open(&r);
	differ_open(&r.differ);
	r.track_fd = fcntl(FD_TRACK, F_GETFD) < 0 ? -1 : FD_TRACK;
	modes_open(&r.modes);
	/* Without its socket it still writes events down. */
	control_open(&control, socket, FD_CHANNEL);

	while (!stopping && !r.stop) {
		if (!channel_read(&r, &control))
			break;
		/* Differences in the rings are those of a candidate, which must be known first. */
		if (r.candidate_told || clock_us() - r.started_us > TOLD_US)
			rings_drain(&r);
		tracking_look(&r);
		unseen_look(&r);
		use_look(&r);
		if (use_lanes_due(&r) || unseen_due(&r))
			control_read_lanes(&control);
		log_flush(&r.log);
		control_work(&control, &r);
		wait_tick(&control);
	}
	use_fold(&r);
	use_close(&r);
	finish(&r);
	why_close(&r.why);
	learn_close(&r.learn);
	asset_close(&r.assets);
	modes_close(&r.modes);
	differ_close(&r.differ);
	control_close(&control, socket);
	return 0;
}
