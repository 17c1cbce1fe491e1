/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl prooftest: the periodic test of a safety manual. See doc/prooftest.md for what it proves and what it does not. */
#include "fwd/ctl/prooftest.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fwd/ctl/ctl.h"

#define RECORD_DIR "/var/lib/otfw/prooftest"
#define RUN_DIR    "/run/otfw"
#define STATUS_MAX (1u << 20)
#define VERSION    1 /* of the record */

struct options {
	const char *record_dir, *run_dir, *otfwd, *libexec, *backend;
	bool json;
};

static bool read_options(const struct command *cmd, int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"record-dir", required_argument, NULL, OPT_RECORD_DIR},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"otfwd", required_argument, NULL, OPT_OTFWD},
						{"libexec", required_argument, NULL, OPT_LIBEXEC},
						{"backend", required_argument, NULL, OPT_BACKEND},
						{0}};
	int c;

	*o = (struct options){.record_dir = RECORD_DIR, .run_dir = RUN_DIR, .backend = "auto"};
	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: o->json = true; break;
		case OPT_RECORD_DIR: o->record_dir = optarg; break;
		case OPT_RUN_DIR: o->run_dir = optarg; break;
		case OPT_OTFWD: o->otfwd = optarg; break;
		case OPT_LIBEXEC: o->libexec = optarg; break;
		case OPT_BACKEND: o->backend = optarg; break;
		default: return false;
		}
	}
	return ctl_arguments(cmd, argc, argv, 0);
}

/* An absolute path, since the daemon may run elsewhere. */
static bool resolve(const struct command *cmd, const char *path, char out[LAB_PATH])
{
	char real[PATH_MAX];

	if (!realpath(path, real)) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		return false;
	}
	if (strlen(real) >= LAB_PATH) {
		ctl_error(cmd, "%s: path is longer than %d", real, LAB_PATH - 1);
		return false;
	}
	strcpy(out, real);
	return true;
}

/* The daemon beside this program in a build tree, else where it is installed. */
static bool find_programs(const struct command *cmd, const struct options *o, struct lab *l)
{
	static const char *const places[] = {"otfwd", "../sbin/otfwd"};
	char *slash, path[LAB_PATH + 32];

	if (!resolve(cmd, "/proc/self/exe", l->otfwctl))
		return false;
	if (o->libexec && !resolve(cmd, o->libexec, l->libexec))
		return false;
	if (o->otfwd)
		return resolve(cmd, o->otfwd, l->otfwd);
	slash = strrchr(l->otfwctl, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - l->otfwctl), l->otfwctl, places[i]);
		if (access(path, X_OK) == 0)
			return resolve(cmd, path, l->otfwd);
	}
	ctl_error(cmd, "otfwd is neither beside otfwctl nor in sbin: name it with --otfwd");
	return false;
}

/* The digest of the policy that a running firewall has, or null. */
static json_t *running_policy(const struct lab *l, const struct options *o)
{
	const char *argv[] = {l->otfwctl, "status", "--json", "--run-dir", o->run_dir, NULL};
	char *text = malloc(STATUS_MAX);
	json_t *status = NULL, *digest = NULL;

	if (text && lab_run(argv, -1, text, STATUS_MAX) == 0)
		status = json_loads(text, 0, NULL);
	digest = json_incref(json_object_get(status, "policy"));
	json_decref(status);
	free(text);
	return digest ? digest : json_null();
}

/* ---- the run ---- */

static void run(struct lab *l)
{
	struct sched_param first = {.sched_priority = 1};
	struct lab_record *rec = l->record;

	/* Times are taken here: whoever else computes on this machine must not be in them. What it starts does not inherit it. */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	signal(SIGPIPE, SIG_IGN);
	if (lab_open(l) == 0)
		lab_steps(l);
	else if (!rec->unable[0])
		snprintf(rec->unable, sizeof(rec->unable), "the laboratory cannot be laid out");
}

/* Every namespace and mount ends with the process that made it, however it ends. 0, or -1 after having said why. */
static int run_apart(const struct command *cmd, struct lab *l)
{
	int status;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run(l);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		ctl_error(cmd, "%s", strerror(errno));
		return -1;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		ctl_error(cmd, "the test ended before its end (%s %d)",
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return -1;
	}
	if (l->record->unable[0]) {
		ctl_error(cmd, "%s", l->record->unable);
		return -1;
	}
	return 0;
}

/* ---- the record ---- */

static const char *result_name(enum step_result r)
{
	return r == STEP_PASS ? "pass" : r == STEP_FAIL ? "fail" : "not-run";
}

static json_t *step_json(const struct step_record *r)
{
	json_t *figures = json_object();

	for (unsigned i = 0; i < r->nfigures; i++)
		json_object_set_new(figures, r->figures[i].name, json_real(r->figures[i].value));
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", r->name, "proves", r->proves, "result",
			 result_name(r->result), "detail",
			 r->detail[0] ? json_string(r->detail) : json_null(), "figures", figures);
}

static json_t *record_json(const struct lab *l, const char *when, json_t *policy, bool pass)
{
	const struct lab_record *rec = l->record;
	struct utsname u = {.sysname = ""};
	json_t *steps = json_array(), *o;

	uname(&u);
	for (unsigned i = 0; i < rec->nsteps; i++)
		json_array_append_new(steps, step_json(&rec->steps[i]));
	o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "prooftest", VERSION, "ts", when,
		      "result", pass ? "pass" : "fail", "version", OTFW_VERSION, "host", u.nodename,
		      "backend", rec->backend, "otfwd", l->otfwd, "policy", policy, "steps", steps);
	json_object_set_new(o, "kernel",
			    json_sprintf("%s %s %s %s", u.sysname, u.release, u.version, u.machine));
	return o;
}

static bool make_directories(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *at = dir + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return false;
		*at = '/';
	}
	return mkdir(dir, 0755) == 0 || errno == EEXIST;
}

static bool record_write(const struct command *cmd, const struct options *o, const json_t *record,
			 const char *stamp, char *path, size_t cap)
{
	char *text = json_dumps(record, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	bool good;

	snprintf(path, cap, "%s/prooftest-%s.json", o->record_dir, stamp);
	good = text && make_directories(o->record_dir) && file_replace(path, text, strlen(text)) == 0;
	if (!good)
		ctl_error(cmd, "%s: %s", path, strerror(errno));
	free(text);
	return good;
}

static void print_table(const struct lab *l, bool pass, const char *path)
{
	const struct lab_record *rec = l->record;

	for (unsigned i = 0; i < rec->nsteps; i++) {
		const struct step_record *r = &rec->steps[i];

		printf("%-8s %-14s %s\n", result_name(r->result), r->name, r->proves);
		for (unsigned k = 0; k < r->nfigures; k++)
			printf("%s%s %g", k ? ", " : "                        ", r->figures[k].name,
			       r->figures[k].value);
		if (r->nfigures)
			putchar('\n');
		if (r->detail[0])
			printf("                        %s\n", r->detail);
	}
	printf("%s; record: %s\n", pass ? "passed" : "FAILED", path);
}

int cmd_prooftest(const struct command *cmd, int argc, char **argv)
{
	struct options o;
	struct lab l = {.ns = {-1, -1, -1}};
	char when[40], stamp[40], path[PATH_MAX];
	time_t now = time(NULL);
	struct tm tm;
	bool pass = true;

	if (!read_options(cmd, argc, argv, &o) || !find_programs(cmd, &o, &l))
		return EXIT_UNABLE;
	snprintf(l.backend, sizeof(l.backend), "%s", o.backend);
	l.record = mmap(NULL, sizeof(*l.record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l.record == MAP_FAILED)
		return ctl_error(cmd, "%s", strerror(errno));
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	json_t *policy = running_policy(&l, &o);
	if (run_apart(cmd, &l) < 0) {
		json_decref(policy);
		return EXIT_UNABLE;
	}
	for (unsigned i = 0; i < l.record->nsteps; i++)
		pass = pass && l.record->steps[i].result == STEP_PASS;
	json_t *record = record_json(&l, when, policy, pass);
	bool kept = record_write(cmd, &o, record, stamp, path, sizeof(path));
	if (o.json) {
		json_dumpf(record, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_table(&l, pass, kept ? path : "none");
	}
	json_decref(record);
	/* A test without its record has not been made. */
	return !kept ? EXIT_UNABLE : pass ? EXIT_DONE : EXIT_NO;
}
