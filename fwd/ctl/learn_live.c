/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl learn propose: what the running firewall has learned. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fwd/common/learn.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/learn.h"

#define TIMEOUT_S   60
#define POLICY_FILE "/etc/otfw/policy.yaml"

static int conduit_of(const struct policy *p, const char *name)
{
	struct policy_conduit c;

	for (unsigned i = 0; policy_conduit_get(p, i, &c); i++)
		if (strcmp(c.name, name) == 0)
			return (int)i;
	return -1;
}

/* The file is another process's: every number in it is checked. */
static bool take_file(struct learning *l, int fd, uint64_t *foreign)
{
	struct stat st;
	struct learn_file head;
	bool ok = false;

	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(head))
		return false;
	size_t size = (size_t)st.st_size;
	uint8_t *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	memcpy(&head, map, sizeof(head));
	if (head.magic == LEARN_FILE_MAGIC && head.shape_size == sizeof(struct shape) &&
	    head.names <= 65535 && head.shapes <= 100000000 &&
	    size >= sizeof(head) + (size_t)head.names * LEARN_FILE_NAME +
			    (size_t)head.shapes * sizeof(struct shape)) {
		const uint8_t *at = map + sizeof(head);
		int *of = calloc(head.names + 1u, sizeof(*of));
		ok = of != NULL;
		for (uint32_t i = 0; ok && i < head.names; i++, at += LEARN_FILE_NAME) {
			char name[LEARN_FILE_NAME];
			memcpy(name, at, sizeof(name));
			name[sizeof(name) - 1] = '\0';
			of[i] = conduit_of(&l->loaded.policy, name);
		}
		for (uint32_t i = 0; ok && i < head.shapes; i++, at += sizeof(struct shape)) {
			struct shape s;
			memcpy(&s, at, sizeof(s));
			if (s.conduit >= head.names || of[s.conduit] < 0) {
				++*foreign;
				continue;
			}
			s.conduit = (uint16_t)of[s.conduit];
			ok = cover_add(l->cover, &s);
		}
		free(of);
	}
	munmap(map, size);
	return ok;
}

static void address_read(const json_t *o, const char *key, uint8_t ip[16])
{
	const char *text = json_string_value(json_object_get(o, key));

	memset(ip, 0, 16);
	if (text && strchr(text, ':')) {
		(void)inet_pton(AF_INET6, text, ip);
	} else if (text) {
		ip[10] = ip[11] = 0xff;
		(void)inet_pton(AF_INET, text, ip + 12);
	}
}

static void take_faults(struct learning *l, const json_t *answer)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(answer, "faults"), i, o)
	{
		const char *proto = json_string_value(json_object_get(o, "proto")),
			   *reason = json_string_value(json_object_get(o, "reason")),
			   *field = json_string_value(json_object_get(o, "field")),
			   *conduit = json_string_value(json_object_get(o, "conduit"));
		struct learn_fault f = {.proto = proto ? proto_find(proto, strlen(proto)) : -1,
					.reason = reason ? reason_find(reason) : REASON_COUNT_OF,
					.count = (uint64_t)ask_number(o, "count")};

		if (l->conduit && (!conduit || strcmp(conduit, l->conduit) != 0))
			continue;
		snprintf(f.field, sizeof(f.field), "%s", field ? field : "");
		address_read(o, "client", f.client);
		address_read(o, "server", f.server);
		learn_fault_add(&l->faults, &f);
	}
}

static int propose(struct learning *l, const struct ask *a, int64_t since)
{
	char request[128], what[200];
	uint64_t foreign = 0;
	int fd = -1;

	if (!learning_open(l))
		return l->loaded.status;
	snprintf(request, sizeof(request), "{\"cmd\":\"learn\",\"since\":%lld}\n", (long long)since);
	char *text = ask_text_fd(l->cmd, a, request, TIMEOUT_S, &fd);
	json_t *answer = text ? ask_answer(l->cmd, a, text) : NULL;
	int status = EXIT_UNABLE;
	if (answer && (fd < 0 || !take_file(l, fd, &foreign))) {
		ctl_error(l->cmd, "%s: the answer makes no sense: is the firewall of another version?",
			  a->path);
	} else if (answer) {
		snprintf(what, sizeof(what), "the running firewall (%lld shapes kept, %lld lost)",
			 ask_number(answer, "shapes"), ask_number(answer, "lost"));
		l->source = what;
		if (foreign)
			fprintf(stderr,
				"otfwctl learn: %llu shapes are of conduits that %s does not have: left out\n",
				(unsigned long long)foreign, l->policy);
		take_faults(l, answer);
		status = learning_print(l);
	}
	if (fd >= 0)
		close(fd);
	json_decref(answer);
	free(text);
	return status;
}

int learn_propose(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {LEARNING_OPTIONS,
						{"since", required_argument, NULL, OPT_SINCE},
						{"run-dir", required_argument, NULL, OPT_RUN_DIR},
						{"control", required_argument, NULL, OPT_CONTROL},
						{0}};
	struct learning l = {.cmd = cmd, .options = {.days = 2}, .policy = POLICY_FILE};
	const char *dir = NULL, *control = NULL;
	struct ask a = {0};
	int64_t since = 0;
	bool bad = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case OPT_RUN_DIR: dir = optarg; break;
		case OPT_CONTROL: control = optarg; break;
		case OPT_SINCE:
			if (!ctl_since(cmd, optarg, &since))
				return EXIT_UNABLE;
			break;
		default:
			if (!learning_option(&l, c, &bad) || bad)
				return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 0) || !ask_path(cmd, dir, control, &a))
		return EXIT_UNABLE;
	int status = propose(&l, &a, since);
	learning_close(&l);
	return status;
}
