/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl check and compile: is this policy one, and the image of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"
#include "fwd/common/overlay.h"
#include "fwd/ctl/ctl.h"
#include "rules/overlay.h"

/* Rules that allow nothing until people unlock them. */
static unsigned locked(const struct policy *p)
{
	struct policy_unlock u;
	unsigned n = 0;

	for (unsigned i = 0; i < policy_rules(p); i++)
		n += policy_unlock_get(p, i, &u) && u.max_us != 0 && !u.lent;
	return n;
}

static void valid_text(const char *path, const struct loaded *l, unsigned warnings)
{
	char hex[2 * POLICY_DIGEST + 1];
	const struct policy *p = &l->policy;

	digest_print(policy_digest(p), hex);
	printf("%s: valid: %u zones, %u conduits, %u rules, %u queues", path, policy_zones(p),
	       policy_conduits(p), policy_rules(p), policy_queues(p));
	if (locked(p))
		printf(", %u of the rules locked until people unlock them", locked(p));
	if (warnings)
		printf(", %u warning%s", warnings, warnings == 1 ? "" : "s");
	printf("\n%s\n", hex);
}

static void summary_json(const char *path, const struct loaded *l, bool valid, const struct diag *diag)
{
	char line[8192], hex[2 * POLICY_DIGEST + 1];
	struct jsonl j;

	jsonl_open(&j, line, sizeof(line));
	jsonl_object(&j, NULL);
	jsonl_str(&j, "policy", path);
	jsonl_bool(&j, "valid", valid);
	jsonl_uint(&j, "errors", diag_errors(diag));
	jsonl_uint(&j, "warnings", diag_warnings(diag));
	if (valid) {
		digest_print(policy_digest(&l->policy), hex);
		jsonl_uint(&j, "zones", policy_zones(&l->policy));
		jsonl_uint(&j, "conduits", policy_conduits(&l->policy));
		jsonl_uint(&j, "rules", policy_rules(&l->policy));
		jsonl_uint(&j, "locked", locked(&l->policy));
		jsonl_uint(&j, "queues", policy_queues(&l->policy));
		jsonl_str(&j, "digest", hex);
	}
	jsonl_object_end(&j);
	jsonl_line(&j);
	fwrite(line, 1, j.len, stdout);
}

int cmd_check(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPT_JSON}, {0}};
	struct loaded loaded;
	bool json = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c != OPT_JSON)
			return EXIT_UNABLE;
		json = true;
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	const char *path = argv[optind];
	struct diag *diag = diag_new();
	bool valid = loaded_from(cmd, path, diag, &loaded);
	if (valid || loaded.status == EXIT_NO) {
		/* What is wrong with it is the answer, hence data, when a program asks. */
		diag_print(diag, json ? stdout : stderr, json);
		if (json)
			summary_json(path, &loaded, valid, diag);
		else if (valid)
			valid_text(path, &loaded, diag_warnings(diag));
	}
	int status = loaded.status;
	loaded_close(&loaded);
	diag_free(diag);
	return status;
}

/* An image has none: then it is empty. */
static bool write_source(const struct diag *diag, const char *path)
{
	size_t size = 0;
	char *text = source_make(diag, &size);
	bool good = text && file_replace(path, text, size) == 0;

	free(text);
	return good;
}

/* Compiles once more with what the overlay lends. What does not hold is left out, and said. */
static bool lend(const struct command *cmd, const char *path, struct diag *diag, struct loaded *l)
{
	static struct overlay o;
	size_t size, len;
	char *text = (char *)file_read(path, &size), why[512];
	uint8_t *image;
	bool some = false;

	if (!text || overlay_parse(&o, text, size) != 0) {
		ctl_error(cmd, "%s: %s", path, text ? "is no overlay, or damaged" : strerror(errno));
		free(text);
		return false;
	}
	free(text);
	if (!l->model) {
		ctl_error(cmd, "an image has no source that anything could be lent on top of");
		return false;
	}
	memcpy(l->model->base, policy_digest(&l->policy), POLICY_DIGEST);
	for (unsigned i = 0; i < o.n; i++) {
		const struct overlay_entry *e = &o.list[i];
		struct overlay_item it = {.permit = e->permit,
					  .name = e->name,
					  .operation = e->operation,
					  .reason = e->reason,
					  .ticket = *e->ticket ? e->ticket : NULL,
					  .until_us = e->until_us};

		if (!overlay_in_force(e))
			continue;
		if (overlay_apply(l->model, &l->policy, &it, why, sizeof(why)) == 0)
			some = true;
		else
			fprintf(stderr, "overlay %s: %s\n", e->name, why);
	}
	if (!some)
		return true;
	l->model->lent = true;
	if (compile_image(l->model, diag, &image, &len) != 0 ||
	    policy_open(&l->policy, image, len, why, sizeof(why)) != 0)
		return false;
	free(l->bytes);
	l->bytes = image;
	l->size = len;
	return true;
}

int cmd_compile(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
						{"overlay", required_argument, NULL, OPT_OVERLAY},
						{"source", required_argument, NULL, OPT_SOURCE},
						{0}};
	char hex[2 * POLICY_DIGEST + 1];
	const char *output = NULL, *source = NULL, *overlay = NULL;
	struct loaded loaded;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		switch (c) {
		case 'o': output = optarg; break;
		case OPT_SOURCE: source = optarg; break;
		case OPT_OVERLAY: overlay = optarg; break;
		default: return EXIT_UNABLE;
		}
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	if (!output)
		return ctl_usage(cmd, "-o IMAGE is missing");
	struct diag *diag = diag_new();
	bool ok = loaded_from(cmd, argv[optind], diag, &loaded);
	int status = loaded.status;
	if (ok && overlay && !lend(cmd, overlay, diag, &loaded)) {
		status = EXIT_UNABLE;
		ok = false;
	}
	diag_print(diag, stderr, false);
	if (ok && source && !write_source(diag, source)) {
		status = ctl_error(cmd, "%s: %s", source, strerror(errno));
		ok = false;
	}
	diag_free(diag);
	if (ok && file_replace(output, loaded.bytes, loaded.size) != 0) {
		status = ctl_error(cmd, "%s: %s", output, strerror(errno));
	} else if (ok) {
		digest_print(policy_digest(&loaded.policy), hex);
		puts(hex);
	}
	loaded_close(&loaded);
	return status;
}
