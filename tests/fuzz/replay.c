/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target over files, without a fuzzer: every file of every directory given (or the file itself). A directory that
 * does not exist is said and passed over; one that is there and empty is an error, and so is a run without any input.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Some targets have one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned long inputs;

static int say(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

static int run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return say(path);
	/* Exactly as large as the input, so that a sanitizer sees a step beyond it. */
	uint8_t *data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "%s: cannot read %zu octets\n", path, size);
		free(data);
		(void)fclose(f);
		return -1;
	}
	(void)fclose(f);
	printf("%s\n", path);
	(void)fflush(stdout); /* the last name printed is that of the input that failed */
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
	return 0;
}

static int run_directory(const char *path)
{
	struct dirent **names;
	char file[4096];
	int rc = 0, found = 0;
	int n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		return say(path);
	for (int i = 0; i < n; i++) {
		struct stat st;
		(void)snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.') {
			if (stat(file, &st))
				rc = say(file);
			else if (S_ISREG(st.st_mode) && ++found && run_file(file, (size_t)st.st_size))
				rc = -1;
		}
		free(names[i]);
	}
	free(names);
	if (found == 0) {
		fprintf(stderr, "%s: holds no input\n", path);
		rc = -1;
	}
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st)) {
			if (errno == ENOENT)
				printf("%s: not there\n", argv[i]);
			else
				rc = say(argv[i]);
		} else if (S_ISDIR(st.st_mode) ? run_directory(argv[i])
					       : run_file(argv[i], (size_t)st.st_size)) {
			rc = -1;
		}
	}
	printf("%lu inputs\n", inputs);
	if (inputs == 0) {
		fprintf(stderr, "no input was run\n");
		rc = -1;
	}
	return rc ? 1 : 0;
}
