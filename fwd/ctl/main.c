/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl: the table of commands, and what they share in reading the command line. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/ctl.h"
#include "rules/arena.h"
#include "rules/scalar.h"
#include "rules/schema.h"

const struct command commands[] = {
	{"init", "(--routed | --bridge) INTERFACE INTERFACE",
	 "write a first policy, all learn, to standard output", cmd_init},
	{"check", "[--json] POLICY", "say what is wrong with a policy, and where", cmd_check},
	{"fmt", "[--write] POLICY", "print a policy in its normal form", cmd_fmt},
	{"compile", "POLICY -o IMAGE [--source FILE] [--overlay FILE]",
	 "compile a policy to an image and print its digest", cmd_compile},
	{"decode", "[--json] [--port PROTO=PORT]... FILE",
	 "print the operations in a capture, without a policy", cmd_decode},
	{"replay", "--policy POLICY [--json] [--in-step] [--fail-on-deny] FILE",
	 "judge a capture as the firewall would judge the traffic", cmd_replay},
	{"learn",
	 "FILE... [--policy POLICY] [--conduit CONDUIT] [--port PROTO=PORT]... [--gap N] [--days N] [--include all] [--owner TEXT] [--ticket TEXT] [--review DATE] | propose [--policy POLICY] [--conduit CONDUIT] [--since TIME] [--gap N] [--days N] [--include all] [--owner TEXT] [--ticket TEXT] [--review DATE] [--run-dir DIR | --control SOCKET]",
	 "propose rules for what captures hold, or what the running firewall has learned", cmd_learn},
	{"explain", "--policy POLICY [--json] [--at TIME] 'CLIENT -> SERVER[:PORT] OPERATION'",
	 "say which rule allows an operation, or what stops it", cmd_explain},
	{"ruleset",
	 "--policy POLICY [--backend nft|iptables] [--family 4|6] [--queue-base N] [--bridge] [--part base|fill|remove|island] [--isolate ZONE [--including-safety]]... [--override ZONE]...",
	 "print what the kernel is told", cmd_ruleset},
	{"diff", "[--json | --markdown] [--run-dir DIR | --control SOCKET | --state-dir DIR] OLD NEW",
	 "say what becomes allowed and what becomes denied", cmd_diff},
	{"status", "[--json] [--run-dir DIR | --control SOCKET]",
	 "ask the running firewall for its state and counters", cmd_status},
	{"reload", "[--force] [--json] [--run-dir DIR | --control SOCKET]",
	 "have the running firewall load its policy file again", cmd_reload},
	{"ledger", "[--json] [--run-dir DIR | --control SOCKET]",
	 "account for every packet that the running firewall was given", cmd_ledger},
	{"rules", "[--json] [--run-dir DIR | --control SOCKET]",
	 "say what each rule of the running firewall has allowed, and when last", cmd_rules},
	{"assets",
	 "[--json] [--zone ZONE] [--since TIME] [--run-dir DIR | --control SOCKET | [--policy POLICY] [--port PROTO=PORT]... FILE...]",
	 "list who was seen by the running firewall, or in captures", cmd_assets},
	{"audit",
	 "(verify [--head DIGEST] [--events FILE] | show [NUMBER | --since TIME] | export [--since TIME]) [--db FILE | --run-dir DIR | --control SOCKET]",
	 "check the chain of what was changed by whom, show what a record changed, or print it all",
	 cmd_audit},
	{"evidence",
	 "--out DIR [--policy FILE] [--record-dir DIR] [--events FILE] [--run-dir DIR | --control SOCKET]",
	 "write down what is allowed, what was, and what shows that it holds, as a page and as JSON",
	 cmd_evidence},
	{"isolate",
	 "ZONE --reason TEXT [--including-safety --confirm ZONE] [--json] [--run-dir DIR | --control SOCKET]",
	 "cut a zone off from all others, until it is released", cmd_isolate},
	{"release", "ZONE --reason TEXT [--json] [--run-dir DIR | --control SOCKET]",
	 "end the isolation of a zone", cmd_release},
	{"override",
	 "ZONE (--for DURATION | --end) --reason TEXT [--json] [--run-dir DIR | --control SOCKET]",
	 "let what a zone's conduits list pass without inspection, for a while", cmd_override},
	{"why", "ID [--json] [--run-dir DIR | --control SOCKET]",
	 "explain a denial by the short id that its event carries", cmd_why},
	{"candidate", "(load POLICY | diff | drop) [--json] [--run-dir DIR | --control SOCKET]",
	 "bring a policy beside the one in force, say what it would change, or take it away", cmd_candidate},
	{"permit",
	 "ID (--for DURATION | --end) --reason TEXT [--ticket TEXT] [--json] [--run-dir DIR | --control SOCKET]",
	 "allow exactly the operation of a denial for a while, and print the change for the policy",
	 cmd_permit},
	{"unlock",
	 "CONDUIT/ID (--for DURATION | --end) --reason TEXT [--ticket TEXT] [--json] [--run-dir DIR | --control SOCKET]",
	 "open a rule with `unlock` for a while, or ask others to approve that", cmd_unlock},
	{"approve", "CONDUIT/ID [--reason TEXT] [--json] [--run-dir DIR | --control SOCKET]",
	 "agree, as another person, to an unlock that waits", cmd_approve},
	{"commit",
	 "[--confirm DURATION [--guard N]] --reason TEXT [--ticket T] [--cut-sessions] [--json] [--run-dir DIR | --control SOCKET]",
	 "put the candidate into force", cmd_commit},
	{"confirm", "[--reason TEXT] [--leave-file] [--json] [--run-dir DIR | --control SOCKET]",
	 "keep the policy that is on trial", cmd_confirm},
	{"rollback", "[NUMBER] [--reason TEXT] [--ticket T] [--json] [--run-dir DIR | --control SOCKET]",
	 "go back to the policy before, or to one of the history", cmd_rollback},
	{"history", "[--json] [--run-dir DIR | --control SOCKET | --state-dir DIR]",
	 "list the policies that were in force, who brought them and why", cmd_history},
	{"promote",
	 "CONDUIT [--policy FILE] [--check | --force] [--reason TEXT] [--quiet-days N] [--shadow-days N] [--confirm DURATION] "
	 "[--cut-sessions] [--json] [--run-dir DIR | --control SOCKET]",
	 "take a conduit from learn to shadow to enforce, when its checklist holds", cmd_promote},
	{"prooftest",
	 "[--json] [--record-dir DIR] [--run-dir DIR] [--otfwd FILE] [--libexec DIR] [--backend auto|nft|iptables]",
	 "test the installed firewall with known answers, in networks of its own, and leave a dated record",
	 cmd_prooftest},
	{"manual", "", "print the reference of the policy language", cmd_manual},
	{"help", "[COMMAND]", "print this list, or the usage of one command", cmd_help},
	{0},
};

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const char *command_nearest(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	size_t n = 0;
	for (const struct command *c = commands; c->name; c++)
		names[n++] = c->name;
	names[n] = NULL;
	return schema_near(name, names);
}

static void say(const struct command *cmd, const char *fmt, va_list args)
{
	fprintf(stderr, "otfwctl%s%s: ", cmd ? " " : "", cmd ? cmd->name : "");
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

int ctl_error(const struct command *cmd, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	say(cmd, fmt, args);
	va_end(args);
	return EXIT_UNABLE;
}

int ctl_usage(const struct command *cmd, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	say(cmd, fmt, args);
	va_end(args);
	fprintf(stderr, "usage: otfwctl %s %s\n", cmd->name, cmd->usage);
	return EXIT_UNABLE;
}

#define WORD_MAX 64

#define OPTIONS_MAX 16

int ctl_option(const struct command *cmd, int argc, char **argv, const struct option *options)
{
	const char *names[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2] = ":";
	size_t n = 0, at = 1;

	for (const struct option *o = options; o->name && n < OPTIONS_MAX; o++) {
		names[n++] = o->name;
		if (o->val < OPT_LONG) {
			shorts[at++] = (char)o->val;
			if (o->has_arg == required_argument)
				shorts[at++] = ':';
		}
	}
	names[n] = NULL;
	shorts[at] = 0;
	opterr = 0;
	optopt = 0;
	int c = getopt_long(argc, argv, shorts, options, NULL);
	if (c != ':' && c != '?')
		return c;

	const char *word = argv[optind - 1];
	int len = (int)strcspn(word, "=");
	if (c == ':')
		ctl_usage(cmd, "option %s needs an argument", word);
	else if (optopt >= OPT_LONG)
		ctl_usage(cmd, "option %.*s takes no argument", len, word);
	else if (optopt)
		ctl_usage(cmd, "unknown option -%c", optopt);
	else {
		char name[WORD_MAX];
		snprintf(name, sizeof(name), "%.*s", len, word);
		const char *near = schema_near(name + strspn(name, "-"), names);
		if (near)
			ctl_usage(cmd, "unknown option %s; did you mean --%s?", name, near);
		else
			ctl_usage(cmd, "unknown option %s", name);
	}
	return '?';
}

bool ctl_arguments(const struct command *cmd, int argc, char **argv, int want)
{
	if (argc - optind < want) {
		ctl_usage(cmd, want == 1 ? "an argument is missing" : "arguments are missing");
		return false;
	}
	if (argc - optind > want) {
		ctl_usage(cmd, "too many arguments: %s", argv[optind + want]);
		return false;
	}
	return true;
}

bool ctl_number(const char *text, long lo, long hi, long *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && *end == 0 && *out >= lo && *out <= hi;
}

bool ctl_duration(const struct command *cmd, const char *option, const char *text, int64_t min_us,
		  int64_t max_us, int64_t *us)
{
	struct arena *a = arena_new();
	size_t digits = strspn(text, "0123456789");

	if (digits && strcmp(text + digits, "m") == 0)
		text = arena_print(a, "%sin", text);
	const char *wrong = scalar_duration(a, text, min_us, max_us, us);
	if (wrong)
		ctl_usage(cmd, "%s: %s", option, wrong);
	arena_free(a);
	return !wrong;
}

bool ctl_since(const struct command *cmd, const char *text, int64_t *us)
{
	struct arena *a = arena_new();
	int64_t ago;
	bool ok = scalar_time(a, text, us) == NULL ||
		  (strlen(text) == 10 && scalar_time(a, arena_print(a, "%sT00:00:00Z", text), us) == NULL);

	if (!ok && scalar_duration(a, text, 1000000, INT64_C(86400000000) * 3650, &ago) == NULL) {
		*us = ctl_now() - ago;
		ok = true;
	}
	arena_free(a);
	if (!ok)
		ctl_error(cmd,
			  "--since %s: a time (2026-11-20T06:00:00Z, 2026-11-20) or how long ago (8h, 3d)",
			  text);
	return ok;
}

static void usage_all(FILE *out)
{
	fprintf(out, "otfwctl: the tool of otfw, an industrial firewall\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  otfwctl %-8s %s\n", c->name, c->help);
	fprintf(out, "\n`otfwctl help COMMAND` prints its usage. POLICY is a YAML file or a compiled image.\n"
		     "Exit status: 0 done, 1 the answer is no, 2 it could not run.\n");
}

int cmd_help(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{0}};

	if (ctl_option(cmd, argc, argv, options) == '?')
		return EXIT_UNABLE;
	if (optind == argc) {
		usage_all(stdout);
		return EXIT_DONE;
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	const struct command *about = command_find(argv[optind]);
	if (!about) {
		const char *near = command_nearest(argv[optind]);
		return near ? ctl_error(cmd, "unknown command %s; did you mean %s?", argv[optind], near)
			    : ctl_error(cmd, "unknown command %s", argv[optind]);
	}
	printf("usage: otfwctl %s%s%s\n%s\n", about->name, *about->usage ? " " : "", about->usage,
	       about->help);
	return EXIT_DONE;
}

/* What was printed must have arrived: a full disk is no success. */
static int finish(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "otfwctl: standard output: %s\n", strerror(errno));
		return EXIT_UNABLE;
	}
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage_all(stderr);
		return EXIT_UNABLE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("otfwctl %s\n", OTFW_VERSION);
		return finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--help") == 0) {
		usage_all(stdout);
		return finish(EXIT_DONE);
	}
	const struct command *cmd = command_find(argv[1]);
	if (!cmd) {
		const char *near = command_nearest(argv[1]);
		const char *what = argv[1][0] == '-' ? "option" : "command";
		return near ? ctl_error(NULL, "unknown %s %s; did you mean %s?", what, argv[1], near)
			    : ctl_error(NULL, "unknown %s %s; `otfwctl help` lists the commands", what,
					argv[1]);
	}
	if (argc > 2 && strcmp(argv[2], "--help") == 0) {
		printf("usage: otfwctl %s%s%s\n%s\n", cmd->name, *cmd->usage ? " " : "", cmd->usage,
		       cmd->help);
		return finish(EXIT_DONE);
	}
	return finish(cmd->run(cmd, argc - 1, argv + 1));
}
