/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of `otfwctl status`: which policy it is, what waits for confirmation, and whether the daemon's file says the same. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fwd/common/jsonl.h"
#include "fwd/ctl/ask.h"
#include "fwd/ctl/ctl.h"
#include "rules/source.h"

/*
 * Is the file, letter by letter, the text that the policy in force was made from? That saves compiling it. Where other files are included, one that is new among
 * them would not be seen.
 */
static bool same_text(const json_t *status, const char *path)
{
	const char *dir = json_string_value(json_object_get(status, "state-dir"));
	char stored[4096];
	size_t size, len, at = 0;
	struct source_file f;
	bool same = false;

	if (!dir || ask_number(status, "policy-number") <= 0)
		return false;
	snprintf(stored, sizeof(stored), "%s/policies/%06lld.source", dir,
		 ask_number(status, "policy-number"));
	char *source = (char *)file_read(stored, &size),
	     *text = source ? (char *)file_read(path, &len) : NULL;
	if (text && source_next(source, size, &at, &f) == 1 && at == size && strlen(path) == f.path_len &&
	    memcmp(path, f.path, f.path_len) == 0)
		same = len == f.len && memcmp(text, f.text, len) == 0 && !memmem(text, len, "include", 7);
	free(source);
	free(text);
	return same;
}

/* By compiling the file here, with the rights of whoever asks. NULL: there is nothing to compare. */
static const char *file_state(const struct command *cmd, const json_t *status)
{
	const char *path = json_string_value(json_object_get(status, "policy-file"));
	const char *digest = json_string_value(json_object_get(status, "policy"));
	char hex[2 * POLICY_DIGEST + 1] = "";
	const char *proper = json_string_value(json_object_get(status, "policy-proper"));
	struct loaded l;
	bool ok;

	if (!path || !digest)
		return NULL;
	if (access(path, R_OK) != 0)
		return "unreadable";
	if (same_text(status, path))
		return "same";
	struct diag *diag = diag_new();
	ok = loaded_from(cmd, path, diag, &l);
	diag_free(diag);
	if (ok)
		digest_print(policy_digest(&l.policy), hex);
	loaded_close(&l);
	return !ok ? "invalid" : strcmp(hex, proper ? proper : digest) == 0 ? "same" : "other";
}

void policies_text(const struct command *cmd, const json_t *status)
{
	const char *file = file_state(cmd, status);
	const char *path = json_string_value(json_object_get(status, "policy-file"));
	const char *candidate = json_string_value(json_object_get(status, "candidate"));
	const json_t *trial = json_object_get(status, "trial"), *guard = json_object_get(trial, "guard");

	if (json_is_integer(json_object_get(status, "policy-number")))
		printf("policy %lld of the history\n", ask_number(status, "policy-number"));
	if (json_is_object(trial)) {
		printf("ON TRIAL: without `otfwctl confirm` policy %lld comes back in %lld s",
		       ask_number(status, "policy-confirmed"), ask_number(trial, "seconds-left"));
		if (guard)
			printf(", and when more than %lld operations that it allows are denied (%lld so far)",
			       ask_number(trial, "guard"), ask_number(trial, "guard-denied"));
		putchar('\n');
	}
	if (candidate)
		printf("candidate %.16s...\n", candidate);
	if (file && strcmp(file, "other") == 0)
		printf("THE FILE DIFFERS: %s is not the policy in force\n", path);
	else if (file && strcmp(file, "invalid") == 0)
		printf("THE FILE DIFFERS: %s does not compile\n", path);
	else if (file && strcmp(file, "unreadable") == 0)
		printf("%s cannot be read, so that nothing is known of whether it is the policy in force\n",
		       path);
}

void policies_json(const struct command *cmd, const json_t *status, const char *text)
{
	const char *file = file_state(cmd, status), *end = strrchr(text, '}');

	if (!file || !end)
		fputs(text, stdout);
	else
		printf("%.*s,\"policy-file-state\":\"%s\"%s", (int)(end - text), text, file, end);
}
