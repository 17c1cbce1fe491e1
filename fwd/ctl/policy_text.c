/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl init, fmt and manual: policies as texts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/ctl.h"
#include "rules/fmt.h"
#include "rules/init.h"
#include "rules/schema.h"

int cmd_init(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{"routed", no_argument, NULL, OPT_ROUTED}, {"bridge", no_argument, NULL, OPT_BRIDGE}, {0}};
	bool routed = false, bridge = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c != OPT_ROUTED && c != OPT_BRIDGE)
			return EXIT_UNABLE;
		*(c == OPT_ROUTED ? &routed : &bridge) = true;
	}
	if (routed == bridge)
		return ctl_usage(cmd, "either --routed or --bridge is wanted");
	if (!ctl_arguments(cmd, argc, argv, 2))
		return EXIT_UNABLE;
	if (init_policy(bridge, argv[optind], argv[optind + 1], stdout) == 0)
		return EXIT_DONE;
	if (errno == EINVAL)
		return ctl_error(cmd, "%s and %s: these are no names of two interfaces", argv[optind],
				 argv[optind + 1]);
	return ctl_error(cmd, "standard output: %s", strerror(errno));
}

/* Formats into memory first: a file that does not hold is never half written. */
static int format(const struct command *cmd, const char *path, bool in_place)
{
	size_t size, out_size = 0;
	char *text = (char *)file_read(path, &size), *out = NULL;
	FILE *memory = open_memstream(&out, &out_size);
	struct diag *diag = diag_new();
	int status = EXIT_DONE;

	if (!text || !memory) {
		status = ctl_error(cmd, "%s: %s", path, strerror(errno));
	} else if (fmt_policy(path, text, size, diag, memory) != 0 || fflush(memory) != 0) {
		status = diag_errors(diag) ? EXIT_NO : ctl_error(cmd, "%s: %s", path, strerror(errno));
		diag_print(diag, stderr, false);
	} else if (!in_place) {
		fwrite(out, 1, out_size, stdout);
	} else if ((out_size != size || memcmp(out, text, size) != 0) &&
		   file_replace(path, out, out_size) != 0) {
		status = ctl_error(cmd, "%s: %s", path, strerror(errno));
	}
	if (memory)
		fclose(memory);
	free(out);
	free(text);
	diag_free(diag);
	return status;
}

int cmd_fmt(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"write", no_argument, NULL, OPT_WRITE}, {0}};
	bool in_place = false;
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c != OPT_WRITE)
			return EXIT_UNABLE;
		in_place = true;
	}
	return ctl_arguments(cmd, argc, argv, 1) ? format(cmd, argv[optind], in_place) : EXIT_UNABLE;
}

int cmd_manual(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {{0}};

	if (ctl_option(cmd, argc, argv, options) != -1 || !ctl_arguments(cmd, argc, argv, 0))
		return EXIT_UNABLE;
	schema_manual(stdout);
	return EXIT_DONE;
}
