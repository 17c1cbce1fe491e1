/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/scalar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rules/sets.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *scalar_int(struct arena *a, const char *s, int64_t min, int64_t max, bool hex, int64_t *out)
{
	const char *p = s;
	bool minus = *p == '-';
	uint64_t v = 0;

	if (minus)
		p++;
	if (hex && !minus && p[0] == '0' && p[1] == 'x' && isxdigit((unsigned char)p[2])) {
		for (p += 2; isxdigit((unsigned char)*p); p++) {
			if (v >> 40)
				break;
			v = v << 4 | (uint64_t)(digit(*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
		}
	} else {
		if (p[0] == '0' && digit(p[1])) {
			while (*p == '0' && digit(p[1]))
				p++;
			return arena_print(
				a,
				"leading zeros are refused, because some programs read \"%s\" as octal: write %s%.*s",
				s, minus ? "-" : "", (int)strspn(p, "0123456789"), p);
		}
		if (!digit(*p))
			return arena_print(a, "expected a number, found \"%s\"", s);
		for (; digit(*p) && v < UINT64_C(100000000000000000); p++)
			v = v * 10 + (uint64_t)(*p - '0');
	}
	if (*p && !digit(*p))
		return arena_print(a, "expected a whole number, found \"%s\"", s);
	int64_t n = minus ? -(int64_t)v : (int64_t)v;
	if (min == max && (*p || n != min))
		return arena_print(a, "expected %lld, found %s", (long long)min, s);
	if (*p || n < min || n > max)
		return arena_print(a, "%s is not within %lld..%lld", s, (long long)min, (long long)max);
	*out = n;
	return NULL;
}

/* The two ends of A..B; the second is NULL where there is one number only. */
static void split(struct arena *a, const char *s, const char **lo, const char **hi)
{
	const char *dots = strstr(s, "..");

	*lo = dots ? arena_text(a, s, (size_t)(dots - s)) : s;
	*hi = dots ? dots + 2 : NULL;
}

const char *scalar_range(struct arena *a, const char *s, int64_t min, int64_t max, bool hex,
			 struct interval *out)
{
	const char *lo, *hi, *why;

	split(a, s, &lo, &hi);
	if (!hi && digit(*s) && strchr(s, '-'))
		return arena_print(a, "a range is written with two dots, a..b; found \"%s\"", s);
	if (!*lo || (hi && !*hi))
		return arena_print(a, "a range needs both ends, a..b; found \"%s\"", s);
	if ((why = scalar_int(a, lo, min, max, hex, &out->lo)))
		return why;
	out->hi = out->lo;
	if (hi && (why = scalar_int(a, hi, min, max, hex, &out->hi)))
		return why;
	if (out->lo > out->hi)
		return arena_print(a, "the range runs backwards: write %s..%s", hi, lo);
	return NULL;
}

/* MAJOR/MINOR, or MAJOR: the first of its minors, or the last. */
static const char *one_part(struct arena *a, const char *s, int64_t minors, bool last, int64_t *out)
{
	const char *slash = strchr(s, '/'), *why;
	int64_t major, minor = last ? minors - 1 : 0;

	if ((why = scalar_int(a, slash ? arena_text(a, s, (size_t)(slash - s)) : s, 0, UINT32_MAX, true,
			      &major)) ||
	    (slash && (why = scalar_int(a, slash + 1, 0, minors - 1, true, &minor))))
		return why;
	*out = major * minors + minor;
	return NULL;
}

const char *scalar_parts(struct arena *a, const char *s, int64_t min, int64_t max, int64_t minors,
			 struct interval *out)
{
	const char *lo, *hi, *why;

	split(a, s, &lo, &hi);
	if (!*lo || (hi && !*hi))
		return arena_print(a, "a range needs both ends, a..b; found \"%s\"", s);
	if ((why = one_part(a, lo, minors, false, &out->lo)) ||
	    (why = one_part(a, hi ? hi : lo, minors, true, &out->hi)))
		return why;
	if (out->lo > out->hi)
		return arena_print(a, "the range runs backwards: write %s..%s", hi, lo);
	if (out->lo < min || out->hi > max)
		return arena_print(a, "%s is not within %lld/%lld..%lld/%lld", s, (long long)(min / minors),
				   (long long)(min % minors), (long long)(max / minors),
				   (long long)(max % minors));
	return NULL;
}

static const char *one_float(struct arena *a, const char *s, double *out)
{
	const char *p = s + (*s == '-');
	char *end;

	if (p[0] == '0' && digit(p[1]))
		return arena_print(a, "leading zeros are refused: \"%s\"", s);
	if (!digit(*p) || strspn(p, "0123456789.eE+-") != strlen(p))
		return arena_print(a, "expected a number, found \"%s\"", s);
	*out = strtod(s, &end);
	if (*end || !isfinite(*out) || fabs(*out) > (double)FLT_MAX)
		return arena_print(a, "expected a number that a float32 can hold, found \"%s\"", s);
	return NULL;
}

const char *scalar_float_range(struct arena *a, const char *s, struct interval *out)
{
	const char *lo, *hi, *why;
	double x, y;

	split(a, s, &lo, &hi);
	if (!*lo || (hi && !*hi))
		return arena_print(a, "a range needs both ends, a..b; found \"%s\"", s);
	if ((why = one_float(a, lo, &x)))
		return why;
	y = x;
	if (hi && (why = one_float(a, hi, &y)))
		return why;
	if (x > y)
		return arena_print(a, "the range runs backwards: write %s..%s", hi, lo);
	/* In the total order -0 lies below 0: a bound that is zero means both. */
	out->lo = op_order_double(x == 0 ? -0.0 : x);
	out->hi = op_order_double(y == 0 ? 0.0 : y);
	return NULL;
}

const char *scalar_duration(struct arena *a, const char *s, int64_t min_us, int64_t max_us, int64_t *out)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {{"us", 1},
		     {"ms", 1000},
		     {"s", 1000000},
		     {"min", 60000000},
		     {"h", INT64_C(3600000000)},
		     {"d", INT64_C(86400000000)}};
	size_t n = strspn(s, "0123456789");
	const char *why;
	int64_t v;

	if (n && !s[n])
		return arena_print(a, "a duration needs its unit: us, ms, s, min, h or d, as in %sms", s);
	for (size_t i = 0; n && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s + n, units[i].name))
			continue;
		if ((why = scalar_int(a, arena_text(a, s, n), 0, INT64_C(1000000000000), false, &v)))
			return why;
		if (v > INT64_MAX / units[i].us || v * units[i].us < min_us || v * units[i].us > max_us) {
			bool big = max_us >= 1000000;

			return arena_print(a, "%s is not within %lldms..%lld%s", s,
					   (long long)(min_us / 1000),
					   (long long)(max_us / (big ? 1000000 : 1000)), big ? "s" : "ms");
		}
		*out = v * units[i].us;
		return NULL;
	}
	return arena_print(a, "expected a duration such as 5ms, 10s, 2min, 8h or 1d, found \"%s\"", s);
}

const char *scalar_rate(struct arena *a, const char *s, struct model_rate *out)
{
	size_t n = strspn(s, "0123456789");
	const char *unit = s + n, *why;
	int64_t v;

	if (!strcmp(unit, "/s"))
		out->window_us = 1000000;
	else if (!strcmp(unit, "/min"))
		out->window_us = 60000000;
	else if (!strcmp(unit, "/h"))
		out->window_us = UINT64_C(3600000000);
	else
		n = 0;
	if (!n)
		return arena_print(a, "expected a rate such as 2/s, 100/min or 5/h, found \"%s\"", s);
	if ((why = scalar_int(a, arena_text(a, s, n), 1, 1000000, false, &v)))
		return why;
	out->max = (uint32_t)v;
	return NULL;
}

/* Digits only, exactly n of them. */
static bool fixed(const char **s, size_t n, int *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (!digit((*s)[i]))
			return false;
		*out = *out * 10 + ((*s)[i] - '0');
	}
	*s += n;
	return true;
}

static bool letter(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool day(const char **s, int64_t *days)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y, m, d;

	if (!fixed(s, 4, &y) || !letter(s, '-') || !fixed(s, 2, &m) || !letter(s, '-') || !fixed(s, 2, &d))
		return false;
	bool leap = (y % 4 == 0 && y % 100) || y % 400 == 0;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > len[m - 1] + (m == 2 && leap))
		return false;
	int64_t yy = m > 2 ? y : y - 1; /* years begin in March, so that a leap day comes last */
	int64_t in_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	*days = yy * 365 + yy / 4 - yy / 100 + yy / 400 + in_year - 719468;
	return true;
}

const char *scalar_date(struct arena *a, const char *s, int64_t *out)
{
	const char *p = s;
	int64_t days;

	if (!day(&p, &days) || *p)
		return arena_print(a, "expected a day such as 2026-12-31, found \"%s\"", s);
	*out = days * INT64_C(86400000000);
	return NULL;
}

const char *scalar_time(struct arena *a, const char *s, int64_t *out)
{
	const char *p = s;
	int64_t days, offset = 0;
	int h, min, sec = 0;

	if (!day(&p, &days) || !letter(&p, 'T') || !fixed(&p, 2, &h) || !letter(&p, ':') ||
	    !fixed(&p, 2, &min) || (letter(&p, ':') && !fixed(&p, 2, &sec)) || h > 23 || min > 59 || sec > 59)
		return arena_print(
			a, "expected a time with its offset such as 2026-12-31T18:00:00+01:00, found \"%s\"",
			s);
	if (!letter(&p, 'Z')) {
		int sign = *p == '-' ? -1 : 1, oh, om;

		if (!*p)
			return arena_print(
				a, "\"%s\" lacks the offset from UTC: add +01:00 or the like, or Z", s);
		if ((*p != '+' && *p != '-') || (p++, !fixed(&p, 2, &oh)) || !letter(&p, ':') ||
		    !fixed(&p, 2, &om) || oh > 14 || om > 59 || *p)
			return arena_print(a, "expected an offset such as +01:00 or Z at the end of \"%s\"",
					   s);
		offset = sign * (oh * 60 + om);
	} else if (*p) {
		return arena_print(a, "expected nothing behind Z in \"%s\"", s);
	}
	*out = ((days * 24 + h) * 60 + min - offset) * INT64_C(60000000) + sec * INT64_C(1000000);
	return NULL;
}

const char *scalar_between(struct arena *a, const char *s, int64_t *out)
{
	const char *p = s;
	int h1, m1, h2, m2;

	if (!fixed(&p, 2, &h1) || !letter(&p, ':') || !fixed(&p, 2, &m1) || !letter(&p, '-') ||
	    !fixed(&p, 2, &h2) || !letter(&p, ':') || !fixed(&p, 2, &m2) || *p || h1 > 23 || m1 > 59 ||
	    m2 > 59 || h2 > 24 || (h2 == 24 && m2))
		return arena_print(a, "expected hours such as \"06:00-22:00\", found \"%s\"", s);
	int from = h1 * 60 + m1, to = h2 * 60 + m2;
	if (from == to)
		return arena_print(
			a, "\"%s\" begins and ends at the same minute: leave `between` out for the whole day",
			s);
	*out = (int64_t)from << 16 | to;
	return NULL;
}

const char *scalar_days(struct arena *a, const char *s, int64_t *out)
{
	static const char names[] = "mon\0tue\0wed\0thu\0fri\0sat\0sun";
	int d[2], n = 0;
	const char *p = s;

	while (n < 2) {
		for (d[n] = 0; d[n] < 7 && strncmp(p, names + 4 * d[n], 3); d[n]++)
			;
		if (d[n] == 7)
			break;
		p += 3;
		n++;
		if (!*p) {
			*out = 0;
			for (int i = d[0];; i = (i + 1) % 7) {
				*out |= 1 << i;
				if (i == d[n - 1])
					return NULL;
			}
		}
		if (*p++ != '-')
			break;
	}
	return arena_print(a, "expected days such as mon, or mon-fri, found \"%s\"", s);
}

const char *scalar_net(struct arena *a, const char *s, bool net, struct model_net *out)
{
	const char *slash = strchr(s, '/'), *why;
	const char *addr = slash ? arena_text(a, s, (size_t)(slash - s)) : s;
	bool v4 = inet_pton(AF_INET, addr, out->ip + 12) == 1;
	int64_t plen = v4 ? 32 : 128;

	if (v4) {
		memset(out->ip, 0, 10);
		out->ip[10] = out->ip[11] = 0xff;
	} else if (inet_pton(AF_INET6, addr, out->ip) != 1) {
		if (strspn(addr, "0123456789.") == strlen(addr) && strchr(addr, '.'))
			return arena_print(
				a, "\"%s\" is no IPv4 address: four numbers 0..255 without leading zeros",
				addr);
		return arena_print(a, "expected an address%s, found \"%s\"",
				   net ? " or a network such as 10.1.2.0/24" : "", s);
	} else if (!memcmp(out->ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)) {
		return arena_print(a, "write \"%s\" as an IPv4 address", s);
	}
	if (slash && !net)
		return arena_print(a, "expected one address, found the network \"%s\"", s);
	if (slash && (why = scalar_int(a, slash + 1, 0, plen, false, &plen)))
		return arena_print(a, "the prefix length of %s: %s", s, why);
	out->plen = (uint8_t)(v4 ? plen + 96 : plen);
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
	struct model_net masked = *out, v4_all = {{0}, 96};
	memcpy(v4_all.ip, mapped, 16);
	if (!v4 && net_within(&v4_all, out))
		return arena_print(
			a,
			"%s would hold the IPv4 addresses too: write 2000::/3, fc00::/7, fe80::/10 or what is "
			"meant",
			s);
	for (unsigned bit = out->plen; bit < 128; bit++)
		masked.ip[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	if (memcmp(masked.ip, out->ip, 16)) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? masked.ip + 12 : masked.ip, text, sizeof(text));
		return arena_print(a, "%s has bits set behind its prefix: the network is %s/%lld", s, text,
				   (long long)plen);
	}
	return NULL;
}

bool scalar_is_net(const char *s)
{
	return strchr(s, ':') || strchr(s, '/') ||
	       (strchr(s, '.') && !strstr(s, "..") && strspn(s, "0123456789.") == strlen(s));
}

const char *scalar_level(struct arena *a, const char *s, int64_t *out)
{
	if (!(s[0] >= '0' && s[0] <= '5') ||
	    !(s[1] == 0 || (s[1] == '.' && digit(s[2]) && s[3] == 0 && (s[0] < '5' || s[2] == '0'))))
		return arena_print(a, "expected a Purdue level 0..5, such as 2 or 3.5, found \"%s\"", s);
	*out = (s[0] - '0') * 10 + (s[1] ? s[2] - '0' : 0);
	return NULL;
}

const char *scalar_name(struct arena *a, const char *s)
{
	size_t len = strlen(s);

	if (!strcmp(s, "any"))
		return "\"any\" is no name: it stands for everything";
	if (!len || len > SCALAR_NAME_MAX)
		return arena_print(a, "a name has 1 to %d characters", SCALAR_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		bool inner = i && (s[i] == '-' || s[i] == '_' || s[i] == '.');

		if (!inner && !isalnum((unsigned char)s[i]))
			return arena_print(
				a,
				"a name holds letters, digits, \"-\", \"_\" and \".\", and begins with a letter "
				"or digit; found \"%s\"",
				s);
	}
	if (scalar_is_net(s))
		return arena_print(a, "\"%s\" looks like an address and cannot be a name", s);
	if (strstr(s, ".."))
		return arena_print(a, "two dots stand for a range and cannot be part of a name; found \"%s\"",
				   s);
	return NULL;
}
