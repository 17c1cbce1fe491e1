/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The laboratory: three network namespaces (client, firewall, server), two cables, and a daemon in the middle. This process
 * makes sockets at either end by entering the namespace for a moment: a socket stays where it was made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fwd/ctl/prooftest.h"

#define START_MS     15000
#define STEP_US      20000
#define RULES_MAX    (1u << 20)
#define EVENTS_MAX   (4u << 20)
#define STATUS_MAX   (1u << 20)
#define COMMAND_ARGS 16

static const char policy_text[] =
	"version: 1\n"
	"site: {name: otfwctl prooftest}\n"
	"zones:\n"
	"  clients: {level: 3, networks: [198.18.1.0/24], failure: closed}\n"
	"  closed: {level: 2, networks: [198.18.2.0/24], failure: closed}\n"
	"  open: {level: 2, networks: [198.18.3.0/24], failure: open, deadline: 5ms}\n"
	"  sis: {level: 1, networks: [198.18.9.0/28], failure: closed, safety: true}\n"
	"  sis-io: {level: 1, networks: [198.18.9.16/28], failure: closed, safety: true}\n"
	"hosts: {closed-plc: 198.18.2.2, open-plc: 198.18.3.2, sis-a: 198.18.9.2, sis-b: 198.18.9.18}\n"
	"conduits:\n"
	"  - name: closed\n"
	"    from: [clients]\n"
	"    to: closed\n"
	"    servers: [closed-plc]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    allow:\n"
	"      - {id: read, clients: any, protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [0..99]}}\n"
	"      - {id: set, clients: any, protocol: modbus, units: [1], functions: [write-single-register], addresses: {holding: [40]}, values: 0..100}\n"
	"  - name: open\n"
	"    from: [clients]\n"
	"    to: open\n"
	"    servers: [open-plc]\n"
	"    protocols: [modbus]\n"
	"    mode: enforce\n"
	"    allow:\n"
	"      - {id: read, clients: any, protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [0..99]}}\n"
	"  - {name: safety, from: [sis], to: sis-io, lane: safety, peers: [sis-a, sis-b], udp: [30010], interfaces: [lan0, plc0]}\n";

int64_t lab_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int unable(struct lab *l, const char *what)
{
	snprintf(l->record->unable, sizeof(l->record->unable), "%s: %s", what, strerror(errno));
	return -1;
}

int lab_run(const char *const *argv, int ns, char *out, size_t cap)
{
	int p[2], status;
	size_t len = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((ns >= 0 && setns(ns, CLONE_NEWNET) < 0) || dup2(null, 0) < 0 || dup2(p[1], 1) < 0 ||
		    dup2(null, 2) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(p[1]);
	while (pid > 0) {
		char spill[4096];
		bool room = cap && len + 1 < cap;
		ssize_t n = read(p[0], room ? out + len : spill, room ? cap - len - 1 : sizeof(spill));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (room)
			len += (size_t)n;
	}
	close(p[0]);
	if (cap)
		out[len] = '\0';
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* "ip ..." in a namespace: words separated by one blank. */
static int ip(struct lab *l, enum lab_end end, const char *words)
{
	char copy[160], *save = NULL;
	const char *argv[COMMAND_ARGS] = {"ip"};
	int n = 1, rc;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w && n + 1 < COMMAND_ARGS; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	rc = lab_run(argv, l->ns[end], NULL, 0);
	if (rc == 0)
		return 0;
	snprintf(l->record->unable, sizeof(l->record->unable), "ip %s: %s", words,
		 rc == 127 ? "there is no ip command (iproute2)" : "failed");
	return -1;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

/* Mounts of our own: the lock of iptables, run directories and saved state of a firewall that runs are out of reach. */
static int own_mounts(struct lab *l)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return unable(l, "a mount namespace of its own");
	if (mount("tmpfs", "/run", "tmpfs", MS_NODEV | MS_NOSUID, "mode=0755,size=64m") < 0 ||
	    mount("tmpfs", "/var/lib", "tmpfs", MS_NODEV | MS_NOSUID, "mode=0755,size=64m") < 0)
		return unable(l, "a file system in memory");
	if (mkdir(LAB_DIR, 0755) < 0 || mkdir("/var/lib/otfw", 0755) < 0)
		return unable(l, LAB_DIR);
	return 0;
}

static int own_networks(struct lab *l)
{
	/* The firewall's last: this process stays in it. */
	static const enum lab_end order[] = {LAB_AT_CLIENT, LAB_AT_SERVER, LAB_AT_FIREWALL};

	for (unsigned i = 0; i < LAB_ENDS; i++) {
		if (unshare(CLONE_NEWNET) < 0)
			return unable(l, "a network namespace of its own");
		l->ns[order[i]] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (l->ns[order[i]] < 0)
			return unable(l, "/proc/self/ns/net");
	}
	return 0;
}

static int cable(struct lab *l, enum lab_end end, const char *there)
{
	char words[160];

	snprintf(words, sizeof(words), "link add eth0 type veth peer name %s netns %d", there, (int)getpid());
	return ip(l, end, words);
}

static int lay_out(struct lab *l)
{
	static const struct {
		enum lab_end end;
		const char *words;
	} commands[] = {
		{LAB_AT_CLIENT, "link set lo up"},
		{LAB_AT_CLIENT, "link set eth0 up"},
		{LAB_AT_CLIENT, "addr add 198.18.1.2/24 dev eth0"},
		{LAB_AT_CLIENT, "addr add 198.18.9.2/28 dev eth0"},
		{LAB_AT_CLIENT, "route add default via 198.18.1.1"},
		{LAB_AT_SERVER, "link set lo up"},
		{LAB_AT_SERVER, "link set eth0 up"},
		{LAB_AT_SERVER, "addr add 198.18.2.2/24 dev eth0"},
		{LAB_AT_SERVER, "addr add 198.18.3.2/24 dev eth0"},
		{LAB_AT_SERVER, "addr add 198.18.9.18/28 dev eth0"},
		{LAB_AT_FIREWALL, "link set lo up"},
		{LAB_AT_FIREWALL, "link set lan0 up"},
		{LAB_AT_FIREWALL, "link set plc0 up"},
		{LAB_AT_FIREWALL, "addr add 198.18.1.1/24 dev lan0"},
		{LAB_AT_FIREWALL, "addr add 198.18.9.1/28 dev lan0"},
		{LAB_AT_FIREWALL, "addr add 198.18.2.1/24 dev plc0"},
		{LAB_AT_FIREWALL, "addr add 198.18.3.1/24 dev plc0"},
		{LAB_AT_FIREWALL, "addr add 198.18.9.17/28 dev plc0"},
		{LAB_AT_SERVER, "route add 198.18.1.0/24 via 198.18.2.1"},
		{LAB_AT_SERVER, "route add 198.18.9.0/28 via 198.18.9.17"},
		{LAB_AT_CLIENT, "route add 198.18.9.16/28 via 198.18.9.1"},
	};

	if (cable(l, LAB_AT_CLIENT, "lan0") < 0 || cable(l, LAB_AT_SERVER, "plc0") < 0)
		return -1;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (ip(l, commands[i].end, commands[i].words) < 0)
			return -1;
	if (write_file("/proc/sys/net/ipv4/ip_forward", "1") < 0)
		return unable(l, "net.ipv4.ip_forward");
	return 0;
}

int lab_open(struct lab *l)
{
	if (own_networks(l) < 0 || own_mounts(l) < 0 || lay_out(l) < 0)
		return -1;
	if (write_file(LAB_DIR "/policy.yaml", policy_text) < 0)
		return unable(l, LAB_DIR "/policy.yaml");
	return 0;
}

/* ---- the daemon ---- */

static void daemon_exec(const struct lab *l)
{
	const char *argv[] = {l->otfwd,
			      "--policy",
			      LAB_DIR "/policy.yaml",
			      "--run-dir",
			      LAB_DIR "/run",
			      "--events",
			      LAB_DIR "/events",
			      "--backend",
			      l->backend,
			      l->libexec[0] ? "--libexec" : NULL,
			      l->libexec,
			      NULL};
	int log = open(LAB_DIR "/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A service manager hears nothing of this one. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("LISTEN_FDS");
	if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

json_t *lab_status(const struct lab *l)
{
	const char *argv[] = {l->otfwctl, "status", "--json", "--run-dir", LAB_DIR "/run", NULL};
	char *text = malloc(STATUS_MAX);
	json_t *s = NULL;

	if (text && lab_run(argv, -1, text, STATUS_MAX) == 0)
		s = json_loads(text, 0, NULL);
	free(text);
	return s;
}

static json_t *queue_of(const json_t *status, const char *failure)
{
	const json_t *queues = json_object_get(status, "queues");

	for (size_t i = 0; i < json_array_size(queues); i++) {
		json_t *q = json_array_get(queues, i);
		const char *f = json_string_value(json_object_get(q, "failure"));

		if (f && strcmp(f, failure) == 0 && json_is_true(json_object_get(q, "engine-started")))
			return q;
	}
	return NULL;
}

pid_t lab_engine(const struct lab *l, const char *failure)
{
	json_t *s = lab_status(l);
	pid_t pid = (pid_t)json_integer_value(json_object_get(queue_of(s, failure), "engine-pid"));

	json_decref(s);
	return pid;
}

static void last_words(char *why, size_t cap)
{
	char log[4096];
	int fd = open(LAB_DIR "/log", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, log, sizeof(log) - 1);
	char *line;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	log[n] = '\0';
	while (n > 0 && log[n - 1] == '\n')
		log[--n] = '\0';
	line = strrchr(log, '\n');
	snprintf(why, cap, "%.180s", line ? line + 1 : log);
}

int lab_start(struct lab *l, char *why, size_t cap)
{
	int64_t until = lab_now_us() + START_MS * 1000ll;
	int status;

	l->daemon = fork();
	if (l->daemon == 0)
		daemon_exec(l);
	if (l->daemon < 0) {
		l->daemon = 0;
		snprintf(why, cap, "fork: %s", strerror(errno));
		return -1;
	}
	while (lab_now_us() < until) {
		if (waitpid(l->daemon, &status, WNOHANG) == l->daemon) {
			l->daemon = 0;
			snprintf(why, cap, "the daemon ended");
			last_words(why, cap);
			return -1;
		}
		if (access(LAB_DIR "/run/control", F_OK) == 0 && lab_engine(l, "closed") > 0 &&
		    lab_engine(l, "open") > 0) {
			const char *const tables[] = {"nft", "list", "table", "inet", "otfw", NULL};
			bool nft = lab_run(tables, l->ns[LAB_AT_FIREWALL], NULL, 0) == 0;

			snprintf(l->record->backend, sizeof(l->record->backend), "%s",
				 nft ? "nft" : "iptables");
			return 0;
		}
		usleep(STEP_US);
	}
	snprintf(why, cap, "the daemon is not ready after %d s", START_MS / 1000);
	return -1;
}

void lab_kill(struct lab *l)
{
	if (l->daemon <= 0)
		return;
	kill(l->daemon, SIGKILL);
	waitpid(l->daemon, NULL, 0);
	l->daemon = 0;
	/* Its children die with it; their sockets, and with them the queues, are gone shortly after. */
	usleep(200000);
}

/* ---- what it left to be read ---- */

/* One line of iptables-save -c ("[packets:octets] ... --comment "otfw LABEL ...") or of nft list ("counter packets N ..."). */
static long counted_in(const char *text, const char *label)
{
	char want[64];
	long sum = 0;

	snprintf(want, sizeof(want), "\"otfw %s", label);
	for (const char *at = text; (at = strstr(at, want)) != NULL; at++) {
		const char *line = at, *n;

		while (line > text && line[-1] != '\n')
			line--;
		if (*line == '[')
			sum += strtol(line + 1, NULL, 10);
		else if ((n = strstr(line, "counter packets ")) != NULL && n < at)
			sum += strtol(n + strlen("counter packets "), NULL, 10);
	}
	return sum;
}

long lab_counted(const struct lab *l, const char *label)
{
	static const char *const save[] = {"iptables-save", "-c", NULL};
	static const char *const nft[] = {"nft", "list", "ruleset", NULL};
	char *text = malloc(RULES_MAX);
	long n = 0;
	bool any = false;

	if (!text)
		return -1;
	if (lab_run(save, l->ns[LAB_AT_FIREWALL], text, RULES_MAX) == 0 && strstr(text, "otfw-forward")) {
		any = true;
		n += counted_in(text, label);
	} else if (lab_run(nft, l->ns[LAB_AT_FIREWALL], text, RULES_MAX) == 0 && strstr(text, "otfw")) {
		/* iptables over nftables would be counted twice: one or the other. */
		any = true;
		n += counted_in(text, label);
	}
	free(text);
	return any ? n : -1;
}

void lab_events_mark(struct lab *l)
{
	struct stat st;

	l->events_at = stat(LAB_DIR "/events", &st) == 0 ? st.st_size : 0;
}

bool lab_event(const struct lab *l, const char *what, int ms)
{
	int64_t until = lab_now_us() + ms * 1000ll;
	char *text = malloc(EVENTS_MAX);
	bool found = false;

	while (text && !found) {
		int fd = open(LAB_DIR "/events", O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : pread(fd, text, EVENTS_MAX - 1, l->events_at);

		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = '\0';
		found = strstr(text, what) != NULL;
		if (lab_now_us() >= until)
			break;
		if (!found)
			usleep(STEP_US);
	}
	free(text);
	return found;
}

int lab_socket(const struct lab *l, enum lab_end end, int type)
{
	int fd = -1, e;

	if (setns(l->ns[end], CLONE_NEWNET) == 0)
		fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	e = errno;
	if (setns(l->ns[LAB_AT_FIREWALL], CLONE_NEWNET) < 0)
		abort(); /* in the wrong network nothing else may be done */
	errno = e;
	return fd;
}
