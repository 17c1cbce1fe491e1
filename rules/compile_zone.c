/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A time zone as a table: the engine has no files, so `when` must not need any. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rules/compile.h"

#define FROM_YEAR_S 1577836800 /* 2020-01-01 */
#define TO_YEAR_S   2556144000 /* 2051-01-01 */
#define STEP_S      86400

static int64_t offset_of(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return (int64_t)tm.tm_gmtoff * 1000000;
}

static void put(struct build *b, int64_t from_us, int64_t offset_us)
{
	struct image_offset *o = build_add(b, IMAGE_OFFSETS, 1);

	o->from_us = from_us;
	o->offset_us = offset_us;
}

/* The C library knows the zone only through TZ: it is set for the walk and put back. */
static void walk(struct build *b)
{
	int64_t have = offset_of(FROM_YEAR_S);

	put(b, INT64_MIN, have);
	for (int64_t t = FROM_YEAR_S; t < TO_YEAR_S; t += STEP_S) {
		int64_t next = offset_of(t + STEP_S);
		if (next == have)
			continue;
		int64_t lo = t, hi = t + STEP_S; /* lo has the old offset, hi the new */
		while (hi - lo > 1) {
			int64_t mid = lo + (hi - lo) / 2;
			if (offset_of(mid) == have)
				lo = mid;
			else
				hi = mid;
		}
		put(b, hi * 1000000, next);
		have = next;
	}
}

bool compile_offsets(struct build *b, bool wanted)
{
	const char *zone = b->model->timezone;
	char path[512], tz[300];

	if (!wanted || zone == NULL || strcmp(zone, "UTC") == 0) {
		put(b, INT64_MIN, 0);
		return true;
	}
	const char *dir = getenv("TZDIR");
	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "/usr/share/zoneinfo", zone);
	if (*zone == '/' || strstr(zone, "..") != NULL || strlen(zone) >= sizeof(tz) - 2 ||
	    access(path, R_OK) != 0) {
		put(b, INT64_MIN, 0);
		diag_error(b->diag, (struct pos){0, 0, 0},
			   "time zone \"%s\" is not known on this machine, and rules have hours", zone);
		return false;
	}
	const char *old = getenv("TZ");
	char *keep = old != NULL ? strdup(old) : NULL;
	snprintf(tz, sizeof(tz), ":%s", zone);
	setenv("TZ", tz, 1);
	tzset();
	walk(b);
	if (keep != NULL)
		setenv("TZ", keep, 1);
	else
		unsetenv("TZ");
	tzset();
	free(keep);
	return true;
}
