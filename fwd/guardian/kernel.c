/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ruleset, loaded by the system's own tools in processes of their own: their parsers stay out of the guardian. And the
 * kernel settings that the promises rest on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/guardian/guardian.h"

#define TOOL_SECONDS 20
#define WORDS_MAX    4096

/*
 * A job is one tool with one text. iptables: IPv4, then IPv6, which have no flow in common, then what is neither on a bridge.
 */
struct job {
	enum plan_backend backend;
	int family;
	const char *const *argv;
};
static const char *const ipt4[] = {"iptables-restore", "-w", "-n", NULL};
static const char *const ipt6[] = {"ip6tables-restore", "-w", "-n", NULL};
static const char *const nft[] = {"nft", "-f", "-", NULL};

static int jobs(const struct guardian *g, struct job j[GUARDIAN_JOBS])
{
	int n = 0;

	if (g->backend == PLAN_NFT) {
		j[n++] = (struct job){PLAN_NFT, 0, nft};
		return n;
	}
	j[n++] = (struct job){PLAN_IPTABLES, 4, ipt4};
	if (g->ipv6)
		j[n++] = (struct job){PLAN_IPTABLES, 6, ipt6};
	if (g->bridge)
		j[n++] = (struct job){PLAN_LINK, 0, nft};
	return n;
}

static int memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

static int memory_text(const char *text, size_t len)
{
	int fd = memory_file("otfw-rules");

	if (fd >= 0 && write(fd, text, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Says what a tool printed, line by line. */
static void say_words(int words)
{
	char buf[WORDS_MAX];
	ssize_t n = pread(words, buf, sizeof(buf) - 1, 0);
	char *save = NULL;

	if (n <= 0)
		return;
	buf[n] = '\0';
	for (char *line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		say("  %s", line);
}

/* Runs a tool on a text; says what went wrong. 0 or -1. */
static int load(const char *const *argv, const char *text, size_t len)
{
	int in = memory_text(text, len), words = memory_file("otfw-words"), rc = -1;

	if (in >= 0 && words >= 0)
		rc = child_run(argv, in, words, TOOL_SECONDS);
	if (rc != 0) {
		say("%s does not load the ruleset (%s)", argv[0],
		    rc < 0 ? strerror(errno) : "its words follow");
		if (words >= 0)
			say_words(words);
	}
	if (in >= 0)
		close(in);
	if (words >= 0)
		close(words);
	return rc == 0 ? 0 : -1;
}

/* A question that a tool answers by its exit status. */
static bool ask(const char *const *argv)
{
	int words = memory_file("otfw-words"), rc = child_run(argv, -1, words, TOOL_SECONDS);

	if (words >= 0)
		close(words);
	return rc == 0;
}

bool kernel_nft_queue(void)
{
	static const char probe[] =
		"add table inet otfw_probe\n"
		"add chain inet otfw_probe forward { type filter hook forward priority 0; }\n"
		"add rule inet otfw_probe forward queue num 0\n";
	/* -c: the kernel is asked, nothing stays. */
	static const char *const argv[] = {"nft", "-c", "-f", "-", NULL};
	int in = memory_text(probe, sizeof(probe) - 1), words = memory_file("otfw-words");
	int rc = in >= 0 && words >= 0 ? child_run(argv, in, words, TOOL_SECONDS) : -1;

	if (in >= 0)
		close(in);
	if (words >= 0)
		close(words);
	return rc == 0;
}

/* ---- kernel settings ---- */

static long sysctl_number(const char *path)
{
	char buf[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return strtol(buf, NULL, 10);
}

int kernel_check_sysctls(const struct guardian *g)
{
	static const struct {
		const char *name, *path;
		long want;
		const char *why;
		int only; /* 1: when routing, and no promise; 2: when bridging with iptables */
	} checks[] = {
		{"net.netfilter.nf_conntrack_checksum", "/proc/sys/net/netfilter/nf_conntrack_checksum", 1,
		 "segments with bad checksums would be judged but not received", 0},
		{"net.netfilter.nf_conntrack_tcp_be_liberal",
		 "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal", 0,
		 "segments out of window would not be invalid", 0},
		{"net.netfilter.nf_conntrack_tcp_loose", "/proc/sys/net/netfilter/nf_conntrack_tcp_loose", 1,
		 "sessions from before the start would be invalid", 0},
		{"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", 1, "nothing is routed", 1},
		{"net.bridge.bridge-nf-call-iptables", "/proc/sys/net/bridge/bridge-nf-call-iptables", 1,
		 "bridged packets would pass unseen", 2},
		{"net.bridge.bridge-nf-call-ip6tables", "/proc/sys/net/bridge/bridge-nf-call-ip6tables", 1,
		 "bridged packets would pass unseen", 2},
	};
	bool ipt_bridge = g->bridge && g->backend == PLAN_IPTABLES, good = true;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		bool must = checks[i].only != 1 && !g->best_effort;
		long n;

		if ((checks[i].only == 1 && g->bridge) || (checks[i].only == 2 && !ipt_bridge))
			continue;
		n = sysctl_number(checks[i].path);
		if (n < 0)
			say("%s%s cannot be read; it should be %ld", must ? "" : "warning: ", checks[i].name,
			    checks[i].want);
		else if (n != checks[i].want)
			say("%s%s is %ld, should be %ld: %s", must ? "" : "warning: ", checks[i].name, n,
			    checks[i].want, checks[i].why);
		if (must && n != checks[i].want)
			good = false;
	}
	return good ? 0 : -1;
}

/* ---- base ---- */

static int print(const struct guardian *g, const struct image_mem *img, const struct job *j,
		 enum plan_part part, char **text, size_t *len)
{
	struct plan_options o = {.backend = j->backend,
				 .family = j->family,
				 .queue_base = g->queue_base,
				 .queue_nums = img ? img->queue_nums : NULL,
				 .accounts = j->family == 6 ? g->accounts[1] : g->accounts[0],
				 .bridge = g->bridge};
	static struct plan_island islands[ISLAND_MAX];
	FILE *f = open_memstream(text, len);
	int rc;

	o.islands = islands;
	o.nislands = img ? island_plan(g, islands) : 0;
	o.keep_islands = g->island.keep;

	if (!f)
		return -1;
	rc = plan_print(img ? &img->policy : NULL, &o, part, f);
	if (fclose(f) != 0)
		rc = -1;
	if (rc < 0) {
		free(*text);
		*text = NULL;
	}
	return rc;
}

static int print_and_load(const struct guardian *g, const struct job *j, enum plan_part part)
{
	char *text;
	size_t len;
	int rc;

	if (print(g, NULL, j, part, &text, &len) < 0)
		return -1;
	rc = load(j->argv, text, len);
	free(text);
	return rc;
}

struct hook {
	const char *table, *hook, *chain;
};
static const struct hook hooks[] = {
	{"filter", "FORWARD", "otfw-forward"},
	{"raw", "PREROUTING", "otfw-prerouting"},
	{"mangle", "POSTROUTING", "otfw-postrouting"},
};
#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

static const char *tool(int family)
{
	return family == 4 ? "iptables" : "ip6tables";
}

static bool has_jump(int family, const struct hook *h)
{
	const char *const argv[] = {tool(family), "-w", "-t", h->table, "-C", h->hook, "-j", h->chain, NULL};

	return ask(argv);
}

static bool has_chain(int family, const struct hook *h)
{
	const char *const argv[] = {tool(family), "-w", "-t", h->table, "-S", h->chain, NULL};

	return ask(argv);
}

/* Is what stays over a restart of this version? Else the ledger could not balance, and rules of two versions would be mixed. */
static int layout_iptables(const struct guardian *g, int family)
{
	static const struct hook postrouting = {"mangle", "POSTROUTING", "otfw-postrouting"},
				 layout = {"mangle", "", PLAN_LAYOUT_CHAIN};

	if (!has_chain(family, &postrouting) || has_chain(family, &layout))
		return 0;
	say("the IPv%d ruleset in the kernel is another version's: take it away first (otfwd --remove)%s",
	    family, g->best_effort ? "; going on as told" : "");
	return g->best_effort ? 0 : -1;
}

/*
 * Table by table: a ruleset that is there is left alone (closed zones stay closed and open ones open while the guardian starts),
 * a jump that somebody took away is put back, a table without otfw gets its part of BASE.
 */
static int base_iptables(const struct guardian *g, const struct job *j)
{
	int family = j->family;
	char *text, *from, *to;
	size_t len;
	int rc = 0;

	if (layout_iptables(g, family) < 0 || print(g, NULL, j, PLAN_BASE, &text, &len) < 0)
		return -1;
	for (size_t i = 0; i < HOOKS && rc == 0; i++) {
		const struct hook *h = &hooks[i];
		const char *const jump[] = {tool(family), "-w", "-t", h->table, "-I",
					    h->hook,      "1",  "-j", h->chain, NULL};
		char head[16];

		if (has_jump(family, h))
			continue;
		if (has_chain(family, h)) {
			rc = child_run(jump, -1, -1, TOOL_SECONDS) == 0 ? 0 : -1;
			continue;
		}
		snprintf(head, sizeof(head), "*%s\n", h->table);
		from = strstr(text, head);
		to = from ? strstr(from, "COMMIT\n") : NULL;
		rc = to ? load(j->argv, from, (size_t)(to - from) + strlen("COMMIT\n")) : -1;
	}
	free(text);
	return rc;
}

int kernel_base(struct guardian *g)
{
	struct job j[GUARDIAN_JOBS];
	int n = jobs(g, j), rc = 0;

	for (int i = 0; i < n && rc == 0; i++)
		rc = j[i].backend == PLAN_IPTABLES ? base_iptables(g, &j[i])
						   : print_and_load(g, &j[i], PLAN_BASE);
	return rc;
}

/* ---- removal ---- */

/* Does this line of -S lead from somebody else's chain to one of otfw's? An older version may have had other hooks. */
static bool is_jump(const char *line)
{
	return strncmp(line, "-A ", 3) == 0 && strncmp(line + 3, "otfw-", 5) != 0 &&
	       strstr(line, " -j otfw-");
}

/* Every chain of otfw's in a table, emptied first: they lead to each other. */
static int sweep(int family, const char *table)
{
	const char *const list[] = {tool(family), "-w", "-t", table, "-S", NULL};
	int words = memory_file("otfw-words"), rc = 0;
	size_t cap = 4u << 20, len = 0;
	char *buf = malloc(cap + 1), *out = NULL, *save = NULL;
	FILE *f = open_memstream(&out, &len);
	ssize_t n = -1;

	if (buf && f && words >= 0 && child_run(list, -1, words, TOOL_SECONDS) == 0)
		n = pread(words, buf, cap, 0);
	if (n < 0)
		rc = -1;
	if (f && n > 0) {
		char *again;

		buf[n] = '\0';
		again = strdup(buf);
		fprintf(f, "*%s\n", table);
		/* A chain line under -n empties the chain; -X then finds nothing in it or leading to it. */
		for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			if (strncmp(l, "-N otfw-", 8) == 0)
				fprintf(f, ":%s - [0:0]\n", l + 3);
			else if (is_jump(l))
				fprintf(f, "-D %s\n", l + 3);
		for (char *l = again ? strtok_r(again, "\n", &save) : NULL; l;
		     l = strtok_r(NULL, "\n", &save))
			if (strncmp(l, "-N otfw-", 8) == 0)
				fprintf(f, "-X %s\n", l + 3);
		fputs("COMMIT\n", f);
		free(again);
	}
	if (f)
		fclose(f);
	if (rc == 0 && out && strstr(out, "-X "))
		rc = load(family == 4 ? ipt4 : ipt6, out, len);
	free(out);
	free(buf);
	if (words >= 0)
		close(words);
	return rc;
}

/* All jumps of a table before its chains: those lead to each other. */
static int remove_iptables(int family)
{
	int rc = 0;

	for (size_t i = 0; i < HOOKS; i++) {
		const struct hook *h = &hooks[i];
		const char *const argv[] = {tool(family), "-w", "-t",     h->table, "-D",
					    h->hook,      "-j", h->chain, NULL};

		if (has_jump(family, h) && child_run(argv, -1, -1, TOOL_SECONDS) != 0)
			rc = -1;
	}
	/* Jumps first: a chain that one of them leads to cannot be taken away. */
	for (size_t i = 0; i < HOOKS; i++)
		if (sweep(family, hooks[i].table) < 0)
			rc = -1;
	return rc;
}

int kernel_remove(struct guardian *g)
{
	struct job j[GUARDIAN_JOBS];
	int n = jobs(g, j), rc = 0;

	for (int i = 0; i < n; i++)
		if ((j[i].backend == PLAN_IPTABLES ? remove_iptables(j[i].family)
						   : print_and_load(g, &j[i], PLAN_REMOVE)) < 0)
			rc = -1;
	return rc;
}

/* ---- accounts: chains that FILL must not touch again (rules/plan_ledger.c) ---- */

static void account_add(char *accounts, const char *line)
{
	size_t at = strlen(accounts), n = strcspn(line, "\n") + 1;

	if (at + n + 1 > GUARDIAN_ACCOUNTS) {
		say("more accounts than %d octets of names", GUARDIAN_ACCOUNTS);
		return;
	}
	memcpy(accounts + at, line, n - 1);
	accounts[at + n - 1] = '\n';
	accounts[at + n] = '\0';
}

/* "-N otfw-KIND_KEY", the key eight hexadecimal digits: no other chain has such a name. */
static bool is_account(const char *line)
{
	const char *at = line + strlen("-N otfw-");

	if (strncmp(line, "-N otfw-", strlen("-N otfw-")) != 0)
		return false;
	at += strspn(at, "abcdefghijklmnopqrstuvwxyz");
	return *at == '_' && strspn(at + 1, "0123456789abcdef") == 8 && (at[9] == '\n' || at[9] == '\0');
}

/* Every one in a text. */
static void accounts_note(char *accounts, const char *text)
{
	for (const char *l = text; l; l = (l = strchr(l, '\n')) ? l + 1 : NULL)
		if (is_account(l))
			account_add(accounts, l + 3);
}

static char *text_of(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
	ssize_t n = text ? pread(fd, text, (size_t)size, 0) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* What cannot be read now stays as it was known. */
void kernel_accounts_read(struct guardian *g)
{
	static const char *const tables[] = {"raw", "filter", "mangle"};
	const size_t n = sizeof(tables) / sizeof(tables[0]);

	for (int six = 0; six <= (g->ipv6 && g->backend == PLAN_IPTABLES); six++) {
		char *text[sizeof(tables) / sizeof(tables[0])] = {NULL};
		bool all = g->backend == PLAN_IPTABLES;

		for (size_t t = 0; t < n && all; t++) {
			const char *const argv[] = {tool(six ? 6 : 4), "-w", "-t", tables[t], "-S", NULL};
			int words = memory_file("otfw-words");

			if (words >= 0 && child_run(argv, -1, words, TOOL_SECONDS) == 0)
				text[t] = text_of(words);
			if (words >= 0)
				close(words);
			all = text[t] != NULL;
		}
		if (all)
			*g->accounts[six] = '\0';
		for (size_t t = 0; t < n; t++) {
			if (all)
				accounts_note(g->accounts[six], text[t]);
			free(text[t]);
		}
	}
}

void kernel_fill_done(struct guardian *g, int i, int text)
{
	struct job j[GUARDIAN_JOBS];
	char *t;

	jobs(g, j);
	if (j[i].backend != PLAN_IPTABLES || !(t = text_of(text)))
		return;
	accounts_note(g->accounts[j[i].family == 6], t);
	free(t);
}

/* ---- fill ---- */

static int print_jobs(const struct guardian *g, const struct image_mem *img, const struct job *j, int n,
		      enum plan_part part, int text[GUARDIAN_JOBS])
{
	for (int i = 0; i < n; i++) {
		char *t;
		size_t len;

		text[i] = -1;
		if (print(g, img, &j[i], part, &t, &len) == 0) {
			text[i] = memory_text(t, len);
			free(t);
		}
		if (text[i] < 0) {
			for (int k = 0; k < i; k++)
				close(text[k]);
			return -1;
		}
	}
	return n;
}

int kernel_fill_print(struct guardian *g, const struct image_mem *img, int text[GUARDIAN_JOBS])
{
	struct job j[GUARDIAN_JOBS];
	int n = jobs(g, j);

	return print_jobs(g, img, j, n, PLAN_FILL, text);
}

int kernel_island_print(struct guardian *g, int text[GUARDIAN_JOBS])
{
	struct job j[GUARDIAN_JOBS];
	int n = jobs(g, j);

	/* Frames that are not IP belong to no zone; their job is the last. */
	if (j[n - 1].backend == PLAN_LINK)
		n--;
	return print_jobs(g, &g->active, j, n, PLAN_ISLAND, text);
}

pid_t kernel_fill_start(const struct guardian *g, int i, int text, int words, int *pidfd)
{
	struct child_fd fds[] = {{text, STDIN_FILENO}, {words, STDOUT_FILENO}, {words, STDERR_FILENO}};
	struct job j[GUARDIAN_JOBS];
	struct child_start s = {.fds = fds, .nfds = 3};

	jobs(g, j);
	s.argv = j[i].argv;
	lseek(text, 0, SEEK_SET);
	return child_spawn(&s, pidfd);
}
