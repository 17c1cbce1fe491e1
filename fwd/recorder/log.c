/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines on their way to a file or a pipe. A disk that is full or a reader that is slow fills the buffer, then lines are
 * dropped and counted; what was begun is finished before anything else, so the file never holds half a line in the middle.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/recorder/recorder.h"

void log_open(struct log *l, int fd)
{
	struct stat st;

	l->fd = fd;
	l->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	l->len = 0;
}

/* A pipe that polls writable takes PIPE_BUF octets without waiting; a file takes all. */
static ssize_t write_some(struct log *l)
{
	size_t n = l->len;

	if (!l->regular) {
		struct pollfd p = {.fd = l->fd, .events = POLLOUT};
		if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
			errno = p.revents & (POLLERR | POLLHUP) ? EPIPE : EAGAIN;
			return -1;
		}
		if (n > PIPE_BUF)
			n = PIPE_BUF;
	}
	return write(l->fd, l->buf, n);
}

void log_flush(struct log *l)
{
	while (l->len > 0) {
		ssize_t n = write_some(l);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			l->errors++;
			/* Said once for each kind of trouble, not at every try. */
			if (n < 0 && errno != l->last_errno) {
				l->last_errno = errno;
				complain("the event log: %s", strerror(errno));
			}
			return;
		}
		if (l->last_errno) {
			l->last_errno = 0;
			complain("the event log is written again");
		}
		l->len -= (size_t)n;
		memmove(l->buf, l->buf + n, l->len);
	}
}

static bool log_room(struct log *l, size_t len)
{
	if (l->len + len > sizeof(l->buf))
		log_flush(l);
	return l->len + len <= sizeof(l->buf);
}

void log_line(struct log *l, const char *line, size_t len)
{
	char note[256];

	if (l->lost > l->lost_told && log_room(l, sizeof(note) + len)) {
		struct jsonl j;
		jsonl_open(&j, note, sizeof(note));
		jsonl_object(&j, NULL);
		jsonl_time(&j, "ts", clock_us());
		jsonl_str(&j, "event", "state");
		jsonl_str(&j, "detail", "lines were dropped: the log could not be written");
		jsonl_uint(&j, "lost", l->lost - l->lost_told);
		jsonl_object_end(&j);
		jsonl_line(&j);
		memcpy(l->buf + l->len, note, j.len);
		l->len += j.len;
		l->lost_told = l->lost;
	}
	if (!log_room(l, len)) {
		l->lost++;
		return;
	}
	memcpy(l->buf + l->len, line, len);
	l->len += len;
	l->lines++;
}
