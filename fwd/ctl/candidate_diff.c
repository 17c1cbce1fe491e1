/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl candidate diff: what the candidate would change, of what came by and of what only the kernel sees. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/ctl/ask.h"
#include "fwd/ctl/candidate.h"
#include "fwd/ctl/explain_ends.h"
#include "fwd/ctl/why.h"
#include "rules/cover.h"
#include "rules/diff.h"

#define TIMEOUT_S 10

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Its answer, and the image that came beside it. NULL after having said why. */
static json_t *ask(const struct command *cmd, const struct ask *a, const char *request, struct loaded *policy,
		   int *status)
{
	char path[32];
	int fd = -1;
	char *text = ask_text_fd(cmd, a, request, TIMEOUT_S, &fd);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
	bool ok = json_is_true(json_object_get(answer, "ok"));

	*status = EXIT_UNABLE;
	if (text && !answer) {
		ctl_error(cmd, "the answer is not JSON");
	} else if (answer && !ok) {
		*status = EXIT_NO;
		fprintf(stderr, "%s\n", string_of(answer, "error"));
	} else if (answer && fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ok = loaded_open(cmd, path, policy);
	} else if (answer) {
		ok = false;
		ctl_error(cmd, "the policy did not come with the answer");
	}
	if (fd >= 0)
		close(fd);
	free(text);
	if (ok)
		return answer;
	json_decref(answer);
	return NULL;
}

bool difference_denies(const json_t *event)
{
	return strcmp(string_of(event, "event"), "shadow-deny") == 0;
}

#define CHANGES 4
static const char *const changes[CHANGES] = {"denied", "allowed", "inspected", "reported"};

static void count_change(unsigned n[CHANGES], const char *change)
{
	for (unsigned i = 0; i < CHANGES; i++)
		n[i] += strcmp(change, changes[i]) == 0;
}

/* A session of the kernel's lane that the candidate would have inspected: what its operations are, nobody has seen. */
static bool difference_inspects(const json_t *event)
{
	return strcmp(string_of(event, "event"), "uninspected") == 0;
}

static const char *change_of(const json_t *d)
{
	const json_t *e = json_object_get(d, "event");
	const char *mode = string_of(e, "mode");

	if (difference_inspects(e))
		return "inspected";
	if (!difference_denies(e))
		return "allowed";
	return *mode && strcmp(mode, "enforce") != 0 ? "reported" : "denied";
}

static const char *transport_of(const json_t *event)
{
	const char *transport = string_of(event, "transport");

	return *transport ? transport : "icmp";
}

static void print_text(const json_t *d)
{
	const json_t *e = json_object_get(d, "event");
	bool kernel = json_is_true(json_object_get(d, "kernel"));
	const char *each = kernel ? "session" : "time";
	const char *op = string_of(e, "operation"), *detail = string_of(e, "detail");
	const char *conduit = string_of(e, "conduit"), *rule = string_of(e, "rule");
	char first[40], last[40];

	if (!json_is_object(e)) {
		printf("%lld times, too long to be kept\n", ask_number(d, "count"));
		return;
	}
	printf("would be %s, %lld %s%s, first %s, last %s:\n", change_of(d), ask_number(d, "count"), each,
	       ask_number(d, "count") == 1 ? "" : "s",
	       ask_when(json_object_get(d, "first"), first, sizeof(first)),
	       ask_when(json_object_get(d, "last"), last, sizeof(last)));
	if (*op)
		printf("  %s\n", op);
	else
		printf("  %s port %lld -> %s port %lld/%s%s%s\n", string_of(e, "src"), ask_number(e, "sport"),
		       string_of(e, "dst"), ask_number(e, "dport"), transport_of(e),
		       *string_of(e, "proto") ? " " : "", string_of(e, "proto"));
	printf("  %s%s", *conduit ? "conduit " : "no conduit", conduit);
	if (difference_inspects(e))
		puts(": the kernel lets it through unseen; what its operations would come to is not known");
	else if (difference_denies(e))
		printf(": %s: %s\n", string_of(e, "reason"), detail);
	else
		printf(": by %s; now denied: %s\n", *rule ? rule : "its lane or its mode",
		       string_of(e, "now"));
}

static void print_json(const json_t *d)
{
	char *text = json_dumps(d, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(16));

	if (text)
		printf("{\"change\":\"%s\",\"observed\":true,%s\n", change_of(d), text + 1);
	free(text);
}

/* ---- what would cover it ---- */

/* transport is null where there are no ports. */
static uint8_t ipproto_of(const json_t *event)
{
	const char *transport = string_of(event, "transport");

	if (*transport)
		return strcmp(transport, "udp") == 0 ? 17 : 6;
	return strchr(string_of(event, "dst"), ':') ? 58 : 1;
}

static bool address_read(const char *text, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ip + 12) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* The shape of a difference, in the candidate's terms. False: no rule of a conduit of its can allow it. */
static bool shape_read(const struct policy *p, const json_t *d, struct shape *s)
{
	static struct question q;
	const json_t *e = json_object_get(d, "event"), *min = json_object_get(d, "min");
	const char *dir = string_of(e, "dir");
	bool back = strcmp(dir, "response") == 0 || strcmp(dir, "unsolicited") == 0;
	int64_t last_us = (int64_t)(json_number_value(json_object_get(d, "last")) * 1e6);
	struct tuple t = {.ipproto = ipproto_of(e)};
	struct route r;
	char line[8192], err[256];
	bool read = why_line(e, line, sizeof(line)) && question_read(p, line, &q, err, sizeof(err)) == 0;

	if (!read && (*dir || json_is_string(json_object_get(e, "proto"))))
		return false; /* an answer, or octets that are no PDU */
	if (!address_read(string_of(e, back ? "dst" : "src"), t.src) ||
	    !address_read(string_of(e, back ? "src" : "dst"), t.dst))
		return false;
	t.dport = (uint16_t)ask_number(e, back ? "sport" : "dport");
	policy_route(p, &t, false, &r);
	if (r.conduit == POLICY_NO_INDEX)
		return false;
	shape_of(s, r.conduit, &t, read ? proto_find(q.text.proto->name, strlen(q.text.proto->name)) : -1,
		 read ? &q.text.op : NULL, last_us);
	s->count = (uint64_t)ask_number(d, "count");
	s->first_us = (int64_t)(json_number_value(json_object_get(d, "first")) * 1e6);
	if (json_is_integer(min) && (s->values == SHAPE_INTEGERS || s->values == SHAPE_FLOATS)) {
		s->min = json_integer_value(min);
		s->max = json_integer_value(json_object_get(d, "max"));
	}
	return true;
}

struct covering {
	struct cover *cover;
	const struct policy *policy;
	unsigned shapes, beyond; /* beyond: what no rule of a conduit can allow */
};

static void cover_difference(struct covering *c, const json_t *d)
{
	struct shape s;

	if (!c->cover || !difference_denies(json_object_get(d, "event")))
		return;
	if (shape_read(c->policy, d, &s) && cover_add(c->cover, &s))
		c->shapes++;
	else
		c->beyond++;
}

/* The rules of a conduit that would cover what it would deny, as text; NULL: none. malloc'ed. */
static char *cover_text(const struct covering *c, unsigned conduit, char **profiles)
{
	struct cover_counts n = {0};
	char *rules = NULL;
	size_t a, b;

	*profiles = NULL;
	FILE *out = open_memstream(&rules, &a), *prof = open_memstream(profiles, &b);
	if (out && prof)
		cover_write(c->cover, conduit, 6, out, prof, &n);
	if (out)
		fclose(out);
	if (prof)
		fclose(prof);
	if (n.rules + n.doubts > 0)
		return rules;
	free(rules);
	free(*profiles);
	*profiles = NULL;
	return NULL;
}

static void print_cover(const struct covering *c, bool json)
{
	struct policy_conduit conduit;
	char *rules, *profiles;

	if (!c->cover || c->shapes + c->beyond == 0)
		return;
	for (unsigned i = 0; policy_conduit_get(c->policy, i, &conduit); i++) {
		if (!(rules = cover_text(c, i, &profiles)))
			continue;
		if (json) {
			json_t *o = json_pack("{s:s, s:s, s:s}", "cover", conduit.name, "allow", rules,
					      "profiles", profiles ? profiles : "");
			if (o && json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) == 0)
				putchar('\n');
			json_decref(o);
		} else {
			printf("\n# conduit %s: rules that cover what it would deny; what stands in comments needs a person\n    allow:\n%s",
			       conduit.name, rules);
			if (profiles && *profiles)
				printf("# with these profiles\nprofiles:\n%s", profiles);
		}
		free(rules);
		free(profiles);
	}
	if (!json && c->beyond)
		printf("\n# %u of them no rule can cover: answers, malformed PDUs, or hosts of no conduit\n",
		       c->beyond);
}

/* ---- what no engine sees ---- */

struct unseen {
	struct diff_seen *seen; /* sessions of the kernel's lane that came by */
	size_t n;
	struct diff_count count;
};

static void unseen_add(struct unseen *u, const json_t *d)
{
	const json_t *e = json_object_get(d, "event");
	struct diff_seen s = {.port = (uint16_t)ask_number(e, "dport"), .ipproto = ipproto_of(e)};

	if (json_is_true(json_object_get(d, "kernel")) && address_read(string_of(e, "src"), s.client) &&
	    address_read(string_of(e, "dst"), s.server))
		u->seen[u->n++] = s;
}

/* What the kernel has counted of it since the candidate came. */
static void print_counters(const json_t *kernel, const struct unseen *u, bool json)
{
	const json_t *list = json_object_get(kernel, "counters"), *c;
	size_t i;

	json_array_foreach(list, i, c)
	{
		long long n = ask_number(c, "packets");
		bool safety = strcmp(string_of(c, "what"), "safety") == 0;

		if (n <= 0 || (safety ? u->count.safety : u->count.allowed) == 0)
			continue;
		if (json)
			printf("{\"counter\":\"%s\",\"name\":\"%s\",\"packets\":%lld}\n",
			       string_of(c, "what"), string_of(c, "name"), n);
		else if (safety)
			printf("in the kernel: %s: its safety lane took %lld packets since then, which of these is not known\n",
			       string_of(c, "name"), n);
		else
			printf("in the kernel: %lld packets to zone %s were dropped as unlisted since then, which of these is not known\n",
			       n, string_of(c, "name"));
	}
	if (!json && u->count.safety + u->count.allowed > 0 && !json_is_array(list))
		puts("in the kernel: its counters could not be read");
	if (!json && !json_is_true(json_object_get(kernel, "tracking")))
		puts("in the kernel: connection tracking cannot be read here, so that nothing of its lane is seen");
	if (!json && ask_number(kernel, "missed") > 0)
		printf("in the kernel: more sessions than can be told apart: %lld may be counted more than once\n",
		       ask_number(kernel, "missed"));
}

/* ---- the whole ---- */

static void summary(const json_t *answer, const unsigned n[CHANGES], const struct diff_count *unseen,
		    bool json)
{
	unsigned kernel = unseen->allowed + unseen->denied + unseen->changed, all = kernel;
	long long left = ask_number(answer, "left-out") + ask_number(answer, "given-up");
	char since[40];

	for (unsigned i = 0; i < CHANGES; i++)
		all += n[i];
	if (json) {
		printf("{\"summary\":{\"candidate\":\"%s\",\"since\":%f", string_of(answer, "candidate"),
		       json_number_value(json_object_get(answer, "since")));
		for (unsigned i = 0; i < CHANGES; i++)
			printf(",\"%s\":%u", changes[i], n[i]);
		printf(",\"in-kernel\":%u,\"events\":%lld,\"left-out\":%lld,\"spared\":%lld,\"kept\":%s}}\n",
		       kernel, ask_number(answer, "events"), left, ask_number(answer, "spared"),
		       json_is_true(json_object_get(answer, "kept")) ? "true" : "false");
		return;
	}
	printf("candidate %.16s..., judged since %s: ", string_of(answer, "candidate"),
	       ask_when(json_object_get(answer, "since"), since, sizeof(since)));
	if (all == 0) {
		puts("no difference");
	} else {
		for (unsigned i = 0; i < CHANGES; i++)
			if (i < 2 || n[i])
				printf("%s%u would be %s", i ? ", " : "", n[i], changes[i]);
		printf("; %u more line%s the kernel's\n", kernel, kernel == 1 ? " is" : "s are");
	}
	if (left || ask_number(answer, "spared"))
		printf("not shown: %lld that found no room, %lld thinned out in a flood\n", left,
		       ask_number(answer, "spared"));
	if (!json_is_true(json_object_get(answer, "kept")))
		puts("there is no state directory: with the recorder all of this is gone");
}

int candidate_diff(const struct command *cmd, const struct ask *a)
{
	struct loaded candidate, active;
	struct unseen unseen = {.n = 0};
	unsigned n[CHANGES] = {0};
	const struct cover_options options = {.id = "candidate"};
	struct covering cover = {0};
	const json_t *d;
	size_t i;
	int status;
	json_t *answer = ask(cmd, a, "{\"cmd\":\"differences\"}\n", &candidate, &status);

	if (!answer)
		return status;
	if (!a->json)
		ask_plain(answer);
	json_t *other = ask(cmd, a, "{\"cmd\":\"differences\",\"active\":true}\n", &active, &status);
	if (!other) {
		json_decref(answer);
		loaded_close(&candidate);
		return status;
	}
	cover.policy = &candidate.policy;
	cover.cover = cover_new(&candidate.policy, &options);
	const json_t *list = json_object_get(answer, "differences");
	unseen.seen = calloc(json_array_size(list) + 1, sizeof(*unseen.seen));
	json_array_foreach(list, i, d)
	{
		cover_difference(&cover, d);
		count_change(n, change_of(d));
		if (unseen.seen)
			unseen_add(&unseen, d);
		if (a->json)
			print_json(d);
		else
			print_text(d);
	}
	status = EXIT_DONE;
	if (!unseen.seen || diff_print_unseen(&active.policy, &candidate.policy, unseen.seen, unseen.n,
					      a->json, stdout, &unseen.count) != 0)
		status = ctl_error(cmd, "%s", strerror(errno));
	print_counters(json_object_get(answer, "kernel"), &unseen, a->json);
	print_cover(&cover, a->json);
	summary(answer, n, &unseen.count, a->json);
	free(unseen.seen);
	cover_free(cover.cover);
	json_decref(answer);
	json_decref(other);
	loaded_close(&active);
	loaded_close(&candidate);
	return status;
}
