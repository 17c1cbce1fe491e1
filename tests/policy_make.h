/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies for tests: from YAML text to an open image. */
#ifndef OTFW_TESTS_POLICY_MAKE_H
#define OTFW_TESTS_POLICY_MAKE_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules/image.h"
#include "rules/model.h"

#define MAKE_NOW 1800000000000000 /* 2027-01-15T08:00:00Z, a Friday */

struct made {
	uint8_t *image;
	size_t size;
	struct policy policy;
};

/* False when the text does not load or compile; its errors are printed when `loud`. */
static inline bool made_try(struct made *m, const char *yaml, bool loud)
{
	char path[] = "/tmp/otfw-test-XXXXXX", err[200];
	int fd = mkstemp(path);

	if (fd < 0)
		return false;
	FILE *f = fdopen(fd, "w");
	fputs(yaml, f);
	fclose(f);
	struct diag *d = diag_new();
	struct model *model = model_load(path, MAKE_NOW, d);
	bool ok = model != NULL && compile_image(model, d, &m->image, &m->size) == 0;
	if (!ok && loud)
		diag_print(d, stderr, false);
	model_free(model);
	diag_free(d);
	unlink(path);
	if (ok && policy_open(&m->policy, m->image, m->size, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		free(m->image);
		ok = false;
	}
	return ok;
}

static inline struct made made_from(const char *yaml)
{
	struct made m = {0};

	if (!made_try(&m, yaml, true))
		abort();
	return m;
}

static inline void made_free(struct made *m)
{
	free(m->image);
	*m = (struct made){0};
}

static inline void ip_of(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (strchr(text, ':') != NULL) {
		inet_pton(AF_INET6, text, out);
		return;
	}
	out[10] = out[11] = 0xff;
	inet_pton(AF_INET, text, out + 12);
}

static inline struct tuple tuple_of(const char *src, unsigned sport, const char *dst, unsigned dport,
				    unsigned ipproto)
{
	struct tuple t = {.sport = (uint16_t)sport, .dport = (uint16_t)dport, .ipproto = (uint8_t)ipproto};

	ip_of(src, t.src);
	ip_of(dst, t.dst);
	return t;
}

#endif
