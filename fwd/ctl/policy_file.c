/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wherever --policy is taken: a YAML file or a compiled image, told apart by its first octets. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fwd/ctl/ctl.h"
#include "rules/image.h"
#include "rules/source.h"

uint8_t *file_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *bytes = NULL;
	size_t cap = 0;

	*size = 0;
	if (!f)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		fclose(f);
		errno = EISDIR;
		return NULL;
	}
	for (;;) {
		if (*size + 1 >= cap) {
			uint8_t *more = realloc(bytes, cap ? cap * 2 : 65536);
			if (!more)
				break;
			bytes = more;
			cap = cap ? cap * 2 : 65536;
		}
		size_t n = fread(bytes + *size, 1, cap - *size - 1, f);
		*size += n;
		if (n == 0 && ferror(f))
			break;
		if (n == 0) {
			fclose(f);
			bytes[*size] = 0;
			return bytes;
		}
	}
	int saved = errno;
	free(bytes);
	fclose(f);
	errno = saved;
	return NULL;
}

/* So that the new name is there behind a loss of power; where that cannot be had, the old one is. */
static void sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

int file_replace(const char *path, const void *bytes, size_t size)
{
	struct stat st;
	if (stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink == 0)) {
		/* A device, a pipe, or a file without a name (the guardian's memfd): nothing may take its place. */
		FILE *out = fopen(path, "wb");
		bool written = out && fwrite(bytes, 1, size, out) == size;
		return (out && fclose(out) != 0) || !written ? -1 : 0;
	}
	bool there = lstat(path, &st) == 0;
	char *real = there ? realpath(path, NULL) : strdup(path), *beside = NULL;
	if (!real || stat(real, &st) != 0)
		there = false;
	if (!real || asprintf(&beside, "%s.XXXXXX", real) < 0) {
		free(real);
		return -1;
	}
	mode_t mask = umask(0);
	umask(mask);
	int fd = mkstemp(beside);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
	bool ok = f && (!there || fchown(fd, st.st_uid, st.st_gid) == 0 || geteuid() != 0) &&
		  fchmod(fd, there ? st.st_mode & 07777 : 0666 & ~mask) == 0 &&
		  fwrite(bytes, 1, size, f) == size && fflush(f) == 0 && fsync(fd) == 0;
	int saved = errno;
	if (f && fclose(f) != 0 && ok) {
		saved = errno;
		ok = false;
	}
	if (ok && rename(beside, real) != 0) {
		saved = errno;
		ok = false;
	}
	if (!ok && fd >= 0)
		unlink(beside);
	if (ok)
		sync_directory(real);
	free(beside);
	free(real);
	errno = saved;
	return ok ? 0 : -1;
}

int64_t ctl_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static bool open_image(const struct command *cmd, const char *path, struct loaded *out)
{
	char err[256];

	out->status = EXIT_UNABLE;
	if (image_verify(out->bytes, out->size, err, sizeof(err)) != 0 ||
	    policy_open(&out->policy, out->bytes, out->size, err, sizeof(err)) != 0) {
		ctl_error(cmd, "%s: %s", path, err);
		return false;
	}
	out->status = EXIT_DONE;
	return true;
}

bool loaded_from(const struct command *cmd, const char *path, struct diag *diag, struct loaded *out)
{
	*out = (struct loaded){.status = EXIT_UNABLE};
	out->bytes = file_read(path, &out->size);
	if (!out->bytes) {
		ctl_error(cmd, "%s: %s", path, strerror(errno));
		return false;
	}
	if (image_is(out->bytes, out->size))
		return open_image(cmd, path, out);
	out->status = EXIT_NO;
	/* What came from a pipe cannot be read a second time. */
	struct stat st;
	if ((stat(path, &st) == 0 && !S_ISREG(st.st_mode)) || source_is(out->bytes, out->size))
		out->model = model_load_text(path, (const char *)out->bytes, out->size, ctl_now(), diag);
	else
		out->model = model_load(path, ctl_now(), diag);
	free(out->bytes);
	out->bytes = NULL;
	if (!out->model || compile_image(out->model, diag, &out->bytes, &out->size) != 0)
		return false;
	return open_image(cmd, path, out);
}

bool loaded_open(const struct command *cmd, const char *path, struct loaded *out)
{
	struct diag *diag = diag_new();
	bool ok = loaded_from(cmd, path, diag, out);

	if (diag_errors(diag))
		diag_print(diag, stderr, false);
	diag_free(diag);
	if (!ok)
		loaded_close(out);
	return ok;
}

char *source_make(const struct diag *diag, size_t *size)
{
	const char *path, *first;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, size);

	if (!f)
		return NULL;
	bool good = !diag_source(diag, 0, &path, &first, &len) || source_print(diag, f) == 0;
	if (fclose(f) != 0 || !good) {
		free(text);
		return NULL;
	}
	return text;
}

void loaded_close(struct loaded *l)
{
	model_free(l->model);
	free(l->bytes);
	l->model = NULL;
	l->bytes = NULL;
}
