/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl status and reload, and how any command asks: questions to the running firewall, over the recorder's control socket. */
#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"

#define RUN_DIR      "/run/otfw"
#define ANSWER_MAX   (4u << 20)
#define TIMEOUT_S    10
#define TIMEOUT_LOAD 70 /* a reload compiles and waits for engines */

bool ask_path(const struct command *cmd, const char *dir, const char *control, struct ask *a)
{
	if (!dir)
		dir = RUN_DIR;
	int n = control ? snprintf(a->path, sizeof(a->path), "%s", control)
			: snprintf(a->path, sizeof(a->path), "%s/control", dir);
	if (n < 0 || (size_t)n >= sizeof(a->path)) {
		ctl_error(cmd, "%s: longer than the path of a socket can be", control ? control : dir);
		return false;
	}
	return true;
}

bool ask_options(const struct command *cmd, int argc, char **argv, struct ask *a)
{
	return ask_options_some(cmd, argc, argv, a) && ctl_arguments(cmd, argc, argv, 0);
}

bool ask_options_some(const struct command *cmd, int argc, char **argv, struct ask *a)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_JSON: a->json = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return false;
		}
	}
	return ask_path(cmd, dir, control, a);
}

/* Reads on; a descriptor that comes along is kept. */
static ssize_t receive(int sock, char *buf, size_t cap, int *got)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} rights;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = rights.space,
			   .msg_controllen = sizeof(rights.space)};
	ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int))) {
		if (*got >= 0)
			close(*got);
		memcpy(got, CMSG_DATA(c), sizeof(int));
	}
	return n;
}

/* send(), with a descriptor beside it. */
static bool send_with(int sock, const char *text, int passed)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {.buf = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed >= 0) {
		h.msg_control = control.buf;
		h.msg_controllen = sizeof(control.buf);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

char *ask_text(const struct command *cmd, const struct ask *a, const char *request, int timeout_s)
{
	int fd;
	char *text = ask_text_fd(cmd, a, request, timeout_s, &fd);

	if (fd >= 0)
		close(fd);
	return text;
}

char *ask_text_fd(const struct command *cmd, const struct ask *a, const char *request, int timeout_s,
		  int *got)
{
	return ask_text_with(cmd, a, request, -1, timeout_s, got);
}

char *ask_text_with(const struct command *cmd, const struct ask *a, const char *request, int passed,
		    int timeout_s, int *got)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = timeout_s};
	size_t len = 0, cap = 65536;
	char *text = malloc(cap);

	*got = -1;
	strcpy(addr.sun_path, a->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!text || fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || !send_with(fd, request, passed)) {
		ctl_error(cmd, "%s: %s", a->path, strerror(errno));
		goto fail;
	}
	for (;;) {
		ssize_t n = receive(fd, text + len, cap - len - 1, got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ctl_error(cmd, "%s: %s", a->path, errno == EAGAIN ? "no answer" : strerror(errno));
			goto fail;
		}
		len += (size_t)n;
		text[len] = 0;
		if (n == 0 || strchr(text, '\n'))
			break;
		if (len + 1 == cap) {
			char *more = cap < ANSWER_MAX ? realloc(text, cap * 2) : NULL;
			if (!more) {
				ctl_error(cmd, "%s: the answer is too long", a->path);
				goto fail;
			}
			text = more;
			cap *= 2;
		}
	}
	close(fd);
	if (!strchr(text, '\n')) {
		ctl_error(cmd, "%s: closed without an answer", a->path);
		free(text);
		return NULL;
	}
	return text;
fail:
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "-";
}

long long ask_number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

void ask_numbers_print(const char *title, const json_t *o)
{
	const char *key;
	json_t *value;
	bool any = false;

	json_object_foreach((json_t *)o, key, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		printf("%s%s %lld", any ? ", " : title, key, (long long)json_integer_value(value));
		any = true;
	}
	if (any)
		putchar('\n');
}

const char *ask_who(const json_t *uid, char *buf, size_t cap)
{
	struct passwd *pw;

	if (!json_is_integer(uid))
		return "otfw itself";
	pw = getpwuid((uid_t)json_integer_value(uid));
	if (pw)
		snprintf(buf, cap, "%s", pw->pw_name);
	else
		snprintf(buf, cap, "uid %lld", (long long)json_integer_value(uid));
	return buf;
}

const char *ask_when(const json_t *seconds, char *buf, size_t cap)
{
	time_t t = (time_t)json_number_value(seconds);
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(buf, cap, "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
		snprintf(buf, cap, "?");
	return buf;
}

static void status_text(const struct command *cmd, const json_t *s)
{
	json_t *item;
	size_t i;

	printf("otfw %s, site %s\n", string_of(s, "version"), string_of(s, "site"));
	printf("policy generation %lld, %s\n", ask_number(s, "policy-generation"), string_of(s, "policy"));
	const char *proper = json_string_value(json_object_get(s, "policy-proper"));
	if (proper && strcmp(proper, string_of(s, "policy")) != 0)
		printf("of it the policy proper, without what is unlocked or permitted: %s\n", proper);
	policies_text(cmd, s);
	json_array_foreach(json_object_get(s, "zones"), i, item)
		printf("zone %s: fails %s%s\n", string_of(item, "name"), string_of(item, "failure"),
		       json_is_true(json_object_get(item, "safety")) ? ", safety" : "");
	islands_text(s);
	lent_text(s);
	json_array_foreach(json_object_get(s, "conduits"), i, item)
		printf("conduit %s to %s: lane %s, mode %s, fails %s, %lld rules\n", string_of(item, "name"),
		       string_of(item, "to"), string_of(item, "lane"), string_of(item, "mode"),
		       string_of(item, "failure"), ask_number(item, "rules"));
	json_array_foreach(json_object_get(s, "queues"), i, item)
	{
		printf("queue %lld: fails %s, engine %lld, generation %lld, %lld restarts, %lld events lost\n",
		       ask_number(item, "queue"), string_of(item, "failure"), ask_number(item, "engine-pid"),
		       ask_number(item, "generation"), ask_number(item, "restarts"),
		       ask_number(item, "events-lost"));
		ask_numbers_print("  ", json_object_get(item, "counters"));
		ask_numbers_print("  refused: ", json_object_get(item, "reasons"));
	}
	const json_t *m = json_object_get(s, "mirror");
	if (json_is_object(m))
		printf("mirror %lld: %lld copies, %lld lost, %lld alarms, %lld restarts\n",
		       ask_number(m, "pid"), ask_number(m, "copies"), ask_number(m, "copies-lost"),
		       ask_number(m, "alarms"), ask_number(m, "restarts"));
	json_array_foreach(json_object_get(m, "lanes"), i, item) printf(
		"  safety lane %s: %lld copies, %lld flows, %lld silent%s, %lld alarms\n",
		string_of(item, "conduit"), ask_number(item, "lane-copies"), ask_number(item, "flows-seen"),
		ask_number(item, "flows-silent"),
		json_is_true(json_object_get(item, "above-expected")) ? ", above what is expected" : "",
		ask_number(item, "lane-alarms"));
	const json_t *t = json_object_get(s, "connection-tracking");
	if (json_is_object(t))
		printf("connection tracking: %lld of %lld entries%s, %lld packets dropped\n",
		       ask_number(t, "entries"), ask_number(t, "limit"),
		       json_is_true(json_object_get(t, "near-full")) ? ", NEARLY FULL" : "",
		       ask_number(t, "tracking-dropped"));
	const json_t *chain = json_object_get(s, "audit");
	if (json_is_object(chain))
		printf("audit: %lld records%s, %lld wait, %lld lost\n", ask_number(chain, "n"),
		       json_is_true(json_object_get(chain, "kept")) ? "" : ", CANNOT BE WRITTEN",
		       ask_number(chain, "waiting"), ask_number(chain, "lost"));
	const json_t *r = json_object_get(s, "recorder");
	printf("recorder: %lld events, %lld lines lost, %lld write errors\n", ask_number(r, "events"),
	       ask_number(r, "lines-lost"), ask_number(r, "write-errors"));
}

json_t *ask_answer(const struct command *cmd, const struct ask *a, const char *text)
{
	json_error_t err;
	json_t *answer = json_loads(text, 0, &err);

	if (!answer) {
		ctl_error(cmd, "%s: the answer is not JSON: %s", a->path, err.text);
		return NULL;
	}
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (error) {
		ctl_error(cmd, "%s: %s", a->path, error);
		json_decref(answer);
		return NULL;
	}
	return answer;
}

/* U+0080..U+009F count, of which some terminals know U+009B for ESC [. */
static void plain_string(json_t *s)
{
	char *text = strdup(json_string_value(s)), *to = text;

	if (!text)
		exit(EXIT_UNABLE);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

		*to++ = (*c < ' ' && *c != '\n') || *c == 0x7f || c1 ? '?' : (char)*c;
		c += c1;
	}
	*to = '\0';
	json_string_set(s, text);
	free(text);
}

void ask_plain(json_t *o)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(o))
		plain_string(o);
	json_array_foreach(o, i, member) ask_plain(member);
	json_object_foreach(o, key, member) ask_plain(member);
}

int cmd_status(const struct command *cmd, int argc, char **argv)
{
	struct ask a = {0};

	if (!ask_options(cmd, argc, argv, &a))
		return EXIT_UNABLE;
	char *text = ask_text(cmd, &a, "{\"cmd\":\"status\"}\n", TIMEOUT_S);
	json_t *answer = text ? ask_answer(cmd, &a, text) : NULL;
	if (answer && a.json)
		policies_json(cmd, answer, text);
	else if (answer)
		status_text(cmd, answer);
	int status = answer ? EXIT_DONE : EXIT_UNABLE;
	json_decref(answer);
	free(text);
	return status;
}

int cmd_reload(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"force", no_argument, NULL, OPT_FORCE},
						{"json", no_argument, NULL, OPT_JSON},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	const char *dir = NULL, *control = NULL;
	struct ask a = {0};
	bool force = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_FORCE: force = true; break;
		case OPT_JSON: a.json = true; break;
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 0) || !ask_path(cmd, dir, control, &a))
		return EXIT_UNABLE;
	char *text =
		ask_text(cmd, &a, force ? "{\"cmd\":\"reload\",\"force\":true}\n" : "{\"cmd\":\"reload\"}\n",
			 TIMEOUT_LOAD);
	json_t *answer = text ? ask_answer(cmd, &a, text) : NULL;
	int status = EXIT_UNABLE;
	if (answer) {
		bool ok = json_is_true(json_object_get(answer, "ok"));
		const char *words = json_string_value(json_object_get(answer, "text"));
		status = ok ? EXIT_DONE : EXIT_NO;
		if (a.json)
			fputs(text, stdout);
		else if (words)
			fputs(words, stderr);
		if (!a.json && ok)
			printf("policy generation %lld is in force\n", ask_number(answer, "generation"));
		else if (!a.json)
			printf("the policy is not loaded; generation %lld stays in force\n",
			       ask_number(answer, "generation"));
	}
	json_decref(answer);
	free(text);
	return status;
}
