/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of safety packets: the ruleset that makes them and the mirror that reads them must agree on their names. */
#include <string.h>

#include "rules/policy.h"

bool policy_copies(const struct policy *p, unsigned conduit)
{
	struct policy_safety s;

	return policy_safety_get(p, conduit, &s) && (s.mirror || s.watchdog_us || s.expect_max);
}

const char *policy_clean(const char *src, char *buf, size_t cap)
{
	size_t n = 0;

	for (; src[n] && n + 1 < cap; n++) {
		unsigned char c = (unsigned char)src[n];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    strchr("-_./:", c);

		buf[n] = good ? (char)c : '_';
	}
	buf[n] = '\0';
	return buf;
}

const char *policy_copy_name(const char *conduit, char buf[POLICY_COPY_NAME])
{
	return policy_clean(conduit, buf, POLICY_COPY_NAME);
}
