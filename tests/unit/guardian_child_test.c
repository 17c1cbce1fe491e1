/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child that writes a state down has of the guardian's queues: nothing that would keep the next guardian from their memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/file.h>
#include <sys/mman.h>

#include "fwd/guardian/child.c"

/* ---- what else the guardian has, of which a fork needs none ---- */

int64_t now_us(void)
{
	return 0;
}
void say(const char *fmt, ...)
{
	fail_msg("said: %s", fmt);
}
void say_event(struct guardian *g, struct queue *q, const char *fmt, ...)
{
	(void)g, (void)q;
	fail_msg("said: %s", fmt);
}
void candidate_hand_out(struct guardian *g, struct queue *q)
{
	(void)g, (void)q;
}
void candidate_tell(struct guardian *g)
{
	(void)g;
}
void change_tell(struct guardian *g)
{
	(void)g;
}
void commit_tell(struct guardian *g)
{
	(void)g;
}
void island_tell(struct guardian *g)
{
	(void)g;
}
void mirror_tell_recorder(struct guardian *g)
{
	(void)g;
}
void overlay_tell(struct guardian *g)
{
	(void)g;
}
void queue_deny_suspect(struct guardian *g, struct queue *q, bool of_itself)
{
	(void)g, (void)q, (void)of_itself;
}
void queue_settle(struct guardian *g, struct queue *q, bool crashed)
{
	(void)g, (void)q, (void)crashed;
}

/* A guardian with one queue has let go of it, its child lives on: the lock on the queue's memory is free. */
static void holds_no_queue(void **state)
{
	static struct guardian g;
	int wait[2], status = 0, next;
	char path[] = "/tmp/otfw-child-XXXXXX", c = 0;

	(void)state;
	g.nqueues = 1;
	g.queues[0].sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	g.queues[0].shm_fd = mkstemp(path);
	assert_true(g.queues[0].sock >= 0 && g.queues[0].shm_fd >= 0);
	assert_int_equal(ftruncate(g.queues[0].shm_fd, (off_t)shm_size()), 0);
	assert_int_equal(flock(g.queues[0].shm_fd, LOCK_EX | LOCK_NB), 0);
	g.queues[0].shm = mmap(NULL, shm_size(), PROT_READ | PROT_WRITE, MAP_SHARED, g.queues[0].shm_fd, 0);
	assert_true(g.queues[0].shm != MAP_FAILED);
	next = open(path, O_RDWR | O_CLOEXEC);
	assert_true(next >= 0 && unlink(path) == 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, wait), 0);
	pid_t pid = child_fork(&g);
	if (pid == 0) {
		/* It says that it is there, and ends when the guardian's end is closed. */
		close(wait[0]);
		if (write(wait[1], &c, 1) != 1)
			_exit(1);
		_exit(read(wait[1], &c, 1) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	close(wait[1]);
	assert_int_equal(read(wait[0], &c, 1), 1);
	assert_int_equal(flock(next, LOCK_EX | LOCK_NB), -1); /* the guardian has it */
	munmap(g.queues[0].shm, shm_size());
	close(g.queues[0].shm_fd);
	int locked = flock(next, LOCK_EX | LOCK_NB);
	close(wait[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(locked, 0);
	close(g.queues[0].sock);
	close(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(holds_no_queue)};

	return cmocka_run_group_tests_name("guardian child", tests, NULL, NULL);
}
