/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl candidate: a policy beside the one in force. It is compiled here, where whoever wrote it sees what is wrong with it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fwd/common/msg.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/candidate.h"
#include "fwd/ctl/ctl.h"

#define TIMEOUT_S 30

/* Sealed memory as struct candidate_head says it, or -1 with errno. */
static int pack(const uint8_t *image, size_t size, const char *source, size_t source_len)
{
	struct candidate_head head = {.image = (uint32_t)size, .source = (uint32_t)source_len};
	int fd = memfd_create("otfw-candidate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	FILE *f = fd < 0 ? NULL : fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "wb");

	memcpy(head.magic, CANDIDATE_MAGIC, sizeof(head.magic));
	bool good = f && fwrite(&head, sizeof(head), 1, f) == 1 && fwrite(image, 1, size, f) == size &&
		    fwrite(source, 1, source_len, f) == source_len;
	if (f && fclose(f) != 0)
		good = false;
	if (good && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int policy_ask(const struct command *cmd, const struct ask *a, json_t *request, int passed)
{
	char *line = request ? json_dumps(request, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL, *text = NULL;
	json_t *answer = NULL;
	int status = EXIT_UNABLE, got = -1;

	json_decref(request);
	if (!line) {
		ctl_error(cmd, "the request is not UTF-8");
		return status;
	}
	size_t n = strlen(line);
	char *more = realloc(line, n + 2);
	if (more) {
		line = more;
		memcpy(line + n, "\n", 2);
		text = ask_text_with(cmd, a, line, passed, TIMEOUT_S, &got);
	}
	if (got >= 0)
		close(got);
	if (text)
		answer = ask_answer(cmd, a, text);
	if (answer) {
		const char *words = json_string_value(json_object_get(answer, "text"));
		bool ok = json_is_true(json_object_get(answer, "ok"));
		status = ok ? EXIT_DONE : EXIT_NO;
		if (a->json)
			fputs(text, stdout);
		else
			fputs(words && *words ? words : "no answer\n", ok ? stdout : stderr);
	}
	json_decref(answer);
	free(text);
	free(line);
	return status;
}

int candidate_send(const struct command *cmd, const struct ask *a, const uint8_t *image, size_t size,
		   const char *source, size_t source_len, const char *name)
{
	int fd = pack(image, size, source, source_len);

	if (fd < 0)
		return ctl_error(cmd, "%s: %s", name, strerror(errno));
	/* One too long, or not text, is left out. */
	json_t *said = strlen(name) < META_NAME ? json_string(name) : NULL;
	int status = policy_ask(
		cmd, a, json_pack("{s:s, s:o}", "cmd", "candidate", "name", said ? said : json_string("")),
		fd);
	close(fd);
	return status;
}

static int load(const struct command *cmd, const struct ask *a, const char *path)
{
	struct diag *diag = diag_new();
	struct loaded loaded;
	bool ok = loaded_from(cmd, path, diag, &loaded);
	int status = loaded.status;
	size_t source_len = 0;
	char *whole = realpath(path, NULL), *source = ok ? source_make(diag, &source_len) : NULL;

	diag_print(diag, stderr, false);
	diag_free(diag);
	if (ok && !source)
		status = ctl_error(cmd, "%s: %s", path, strerror(errno));
	else if (ok)
		status = candidate_send(cmd, a, loaded.bytes, loaded.size, source, source_len,
					whole ? whole : "");
	free(whole);
	free(source);
	loaded_close(&loaded);
	return status;
}

int cmd_candidate(const struct command *cmd, int argc, char **argv)
{
	struct ask a = {0};

	if (!ask_options_some(cmd, argc, argv, &a))
		return EXIT_UNABLE;
	const char *what = optind < argc ? argv[optind] : "";
	if (strcmp(what, "load") == 0)
		return ctl_arguments(cmd, argc, argv, 2) ? load(cmd, &a, argv[optind + 1]) : EXIT_UNABLE;
	if (strcmp(what, "drop") == 0)
		return ctl_arguments(cmd, argc, argv, 1)
			       ? policy_ask(cmd, &a, json_pack("{s:s, s:b}", "cmd", "candidate", "drop", 1),
					    -1)
			       : EXIT_UNABLE;
	if (strcmp(what, "diff") == 0)
		return ctl_arguments(cmd, argc, argv, 1) ? candidate_diff(cmd, &a) : EXIT_UNABLE;
	return ctl_usage(
		cmd, *what ? "%s is not one of load, drop and diff" : "load, drop or diff is missing", what);
}
