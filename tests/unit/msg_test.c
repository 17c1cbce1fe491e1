/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fwd/common/msg.h"

static int pair[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	return 0;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_message_arrives_as_it_was(void **state)
{
	struct msg in = {.type = MSG_RELOADED, .generation = 3, .arg = 9, .status = -1}, out;
	int fd;

	(void)state;
	assert_int_equal(msg_send(pair[0], &in, -1), 0);
	assert_int_equal(msg_recv(pair[1], &out, &fd), 1);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(fd, -1);
}

static void a_descriptor_travels_and_closes_on_exec(void **state)
{
	struct msg in = {.type = MSG_IMAGE}, out;
	char buf[3] = "";
	int mem = memfd_create("test", MFD_CLOEXEC), fd;

	(void)state;
	assert_int_equal(write(mem, "abc", 3), 3);
	assert_int_equal(msg_send(pair[0], &in, mem), 0);
	close(mem);
	assert_int_equal(msg_recv(pair[1], &out, &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buf, 3, 0), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void nothing_there_is_eagain(void **state)
{
	struct msg out;
	int fd;

	(void)state;
	assert_int_equal(msg_recv(pair[1], &out, &fd), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd, -1);
}

static void other_end_gone_is_zero(void **state)
{
	struct msg out;
	int fd;

	(void)state;
	close(pair[0]);
	pair[0] = -1;
	assert_int_equal(msg_recv(pair[1], &out, &fd), 0);
}

static void other_end_gone_with_mail_unread_is_zero(void **state)
{
	struct msg m = {.type = MSG_STOP}, out;
	int fd;

	(void)state;
	assert_int_equal(msg_send(pair[1], &m, -1), 0);
	close(pair[0]);
	pair[0] = -1;
	assert_int_equal(msg_recv(pair[1], &out, &fd), 0);
}

static void sending_to_nobody_fails_without_a_signal(void **state)
{
	struct msg m = {.type = MSG_STOP};

	(void)state;
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(msg_send(pair[0], &m, -1), -1);
	assert_int_equal(errno, EPIPE);
}

static void a_reader_that_does_not_read_never_blocks_the_sender(void **state)
{
	struct msg m = {.type = MSG_RELOAD};
	int sent = 0;

	(void)state;
	while (sent < 100000 && msg_send(pair[0], &m, -1) == 0)
		sent++;
	assert_true(sent > 0 && sent < 100000);
	assert_int_equal(errno, EAGAIN);
}

static void a_short_message_is_refused(void **state)
{
	struct msg out;
	int fd;

	(void)state;
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	assert_int_equal(msg_recv(pair[1], &out, &fd), -1);
	assert_int_equal(errno, EBADMSG);
}

static void a_long_message_is_refused(void **state)
{
	char big[sizeof(struct msg) + 1] = {0};
	struct msg out;
	int fd;

	(void)state;
	assert_int_equal(send(pair[0], big, sizeof(big), 0), (ssize_t)sizeof(big));
	assert_int_equal(msg_recv(pair[1], &out, &fd), -1);
	assert_int_equal(errno, EBADMSG);
}

static void descriptors_of_a_refused_message_do_not_leak(void **state)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control = {.buf = {0}};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int two[2] = {pair[0], pair[1]}, fd, before;
	struct msg out;

	(void)state;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(two));
	memcpy(CMSG_DATA(c), two, sizeof(two));
	before = open_fds();
	assert_int_equal(sendmsg(pair[0], &h, 0), 1);
	assert_int_equal(msg_recv(pair[1], &out, &fd), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(fd, -1);
	assert_int_equal(open_fds(), before);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_message_arrives_as_it_was),
		T(a_descriptor_travels_and_closes_on_exec),
		T(nothing_there_is_eagain),
		T(other_end_gone_is_zero),
		T(other_end_gone_with_mail_unread_is_zero),
		T(sending_to_nobody_fails_without_a_signal),
		T(a_reader_that_does_not_read_never_blocks_the_sender),
		T(a_short_message_is_refused),
		T(a_long_message_is_refused),
		T(descriptors_of_a_refused_message_do_not_leak),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
