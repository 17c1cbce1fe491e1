/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/engine/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Exists on every system, and what it hides belongs to this namespace alone. */
#define EMPTY "/proc"
/* A directory of procfs without names once the process has no descriptor there to list. */
#define NAMELESS "/proc/self/fdinfo"

static int empty_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", EMPTY, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_RDONLY,
		  "nr_inodes=2,mode=0500") < 0 ||
	    chdir(EMPTY) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}

static int landlock_all(void)
{
	/* All rights of the first Landlock version are handled and none is granted. */
	struct landlock_ruleset_attr a = {.handled_access_fs = (1ull << 13) - 1};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof a, 0);

	if (fd < 0)
		return -1;
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
	return r;
}

int sandbox_root(void)
{
	if (empty_namespace() == 0)
		return 0;
	if (chroot(NAMELESS) == 0 && chdir("/") == 0)
		return 0;
	return landlock_all();
}

int sandbox_privileges(bool verdicts)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};
	struct rlimit none = {0};

	/* Without CAP_SETPCAP the bounding set stays; no_new_privs and the missing execve make it moot. */
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (c != CAP_NET_ADMIN || !verdicts)
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	d[0].effective = d[0].permitted = verdicts ? 1u << CAP_NET_ADMIN : 0;
	if (syscall(SYS_capset, &h, d) < 0)
		return -1;
	/* Root's number is kept: a number shared with others would let them send signals. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	return setrlimit(RLIMIT_CORE, &none);
}

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer maps memory whenever it likes: such a build, which is for tests, keeps its system calls. */
int sandbox_calls(void)
{
	return 0;
}
#else
int sandbox_calls(void)
{
	static const int plain[] = {
		SCMP_SYS(recvfrom),      SCMP_SYS(recvmsg),      SCMP_SYS(sendto),
		SCMP_SYS(sendmsg),       SCMP_SYS(poll),         SCMP_SYS(ppoll),
		SCMP_SYS(munmap),        SCMP_SYS(close),        SCMP_SYS(fstat),
		SCMP_SYS(newfstatat),    SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime),
		SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),     SCMP_SYS(exit),
		SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	};
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = c ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < sizeof plain / sizeof plain[0]; i++)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, plain[i], 0);
	/* Images are mapped to be read, and nothing else is mapped. */
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)PROT_READ));
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				     SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)F_GET_SEALS));
	/* Last words. */
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)STDERR_FILENO));
	if (r == 0)
		r = seccomp_load(c);
	if (c)
		seccomp_release(c);
	errno = -r;
	return r == 0 ? 0 : -1;
}
#endif
