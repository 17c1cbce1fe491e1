/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of the evidence page: inline SVG, coloured by the page's style, each with its words beside it. */
#include "fwd/ctl/evidence.h"

#include <string.h>

#define ZONES_DRAWN 16 /* beyond that the table says it better */
#define CELL        64
#define ROW         44
#define LABEL       118
#define EDGE        26 /* for the half of the last column's name that stands out */
#define NAME_DRAWN  15 /* characters of a zone's name beside its row */

const char *evidence_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

void evidence_escape(FILE *f, const char *s)
{
	for (s = s ? s : "\u2013"; *s; s++) {
		switch (*s) {
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '&': fputs("&amp;", f); break;
		case '"': fputs("&quot;", f); break;
		case '\'': fputs("&#39;", f); break;
		default: fputc(*s, f);
		}
	}
}

/* The first characters, whole ones. */
static void shortened(FILE *f, const char *s, unsigned most)
{
	char buf[4 * NAME_DRAWN + 8];
	size_t n = 0;
	unsigned chars = 0;

	while (s[n] && n < sizeof(buf) - 8) {
		if (((unsigned char)s[n] & 0xc0) != 0x80 && ++chars > most)
			break;
		buf[n] = s[n];
		n++;
	}
	if (chars > most)
		memcpy(buf + n, "\u2026", sizeof("\u2026"));
	else
		buf[n] = '\0';
	evidence_escape(f, buf);
}

static bool names(const json_t *list, const char *name)
{
	const json_t *s;
	size_t i;

	json_array_foreach(list, i, s) if (strcmp(json_string_value(s), name) == 0) return true;
	return false;
}

/* The class of a conduit's square. */
static const char *kind(const json_t *conduit)
{
	const char *lane = evidence_str(conduit, "lane"), *mode = evidence_str(conduit, "mode");

	return lane && strcmp(lane, "safety") == 0 ? "safety" : mode ? mode : "other";
}

/* What stands in one square: the first conduit's kind, and how many rules all of them have. */
static void square(FILE *f, const json_t *conduits, const char *from, const char *to, size_t x, size_t y)
{
	const json_t *c;
	const char *first = NULL;
	long long rules = 0;
	unsigned n = 0;
	size_t i;

	json_array_foreach(conduits, i, c)
	{
		const char *end = evidence_str(c, "to");

		if (!end || strcmp(end, to) != 0 || !names(json_object_get(c, "from"), from))
			continue;
		/* What lets most pass is what is to be seen. */
		const char *k = kind(c);
		if (!first || strcmp(k, "learn") == 0 ||
		    (strcmp(k, "shadow") == 0 && strcmp(first, "learn") != 0))
			first = k;
		rules += (long long)json_integer_value(json_object_get(c, "rules"));
		n++;
	}
	fprintf(f, "<rect x=\"%zu\" y=\"%zu\" width=\"%d\" height=\"%d\" rx=\"4\" class=\"sq %s\"/>", x + 2,
		y + 2, CELL - 4, ROW - 4,
		strcmp(from, to) == 0 && !n ? "self"
		: first                     ? first
					    : "none");
	if (!n)
		return;
	fprintf(f, "<text x=\"%zu\" y=\"%zu\" class=\"mode on-%s\">%s</text>", x + CELL / 2, y + 19, first,
		first);
	if (strcmp(first, "safety") != 0 || rules)
		fprintf(f, "<text x=\"%zu\" y=\"%zu\" class=\"count on-%s\">%lld rule%s</text>", x + CELL / 2,
			y + 33, first, rules, rules == 1 ? "" : "s");
}

void evidence_matrix(FILE *f, const json_t *e)
{
	const json_t *zones = json_object_get(e, "zones"), *conduits = json_object_get(e, "conduits"), *a, *b;
	size_t n = json_array_size(zones), i, k;

	if (n == 0 || n > ZONES_DRAWN)
		return;
	size_t w = LABEL + n * CELL + EDGE, h = 62 + n * ROW;
	fprintf(f,
		"<svg class=\"matrix\" role=\"img\" aria-labelledby=\"mt md\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" height=\"%zu\">"
		"<title id=\"mt\">Conduits between zones</title><desc id=\"md\">Rows are zones that clients are in, columns zones that servers are in. "
		"The table below says the same in words.</desc>",
		w, h, w, h);
	fprintf(f, "<text x=\"0\" y=\"14\" class=\"axis\">from \u2193 &#160;to \u2192</text>");
	json_array_foreach(zones, k, b)
	{
		/* Two heights in turn, so that long names do not run into each other. */
		fprintf(f, "<text x=\"%zu\" y=\"%d\" class=\"zone col\">", LABEL + k * CELL + CELL / 2,
			k % 2 ? 52 : 34);
		shortened(f, evidence_str(b, "name"), NAME_DRAWN);
		fprintf(f, "</text>");
	}
	json_array_foreach(zones, i, a)
	{
		fprintf(f, "<text x=\"0\" y=\"%zu\" class=\"zone\">", 62 + i * ROW + ROW / 2 + 4);
		shortened(f, evidence_str(a, "name"), NAME_DRAWN);
		fprintf(f, "</text>");
		json_array_foreach(zones, k, b)
			square(f, conduits, evidence_str(a, "name"), evidence_str(b, "name"),
			       LABEL + k * CELL, 62 + i * ROW);
	}
	fprintf(f, "</svg>\n");
}

static long long sum(const json_t *o)
{
	const char *key;
	json_t *v;
	long long n = 0;

	json_object_foreach((json_t *)o, key, v) n += (long long)json_integer_value(v);
	return n;
}

void evidence_account(FILE *f, const json_t *zone)
{
	static const char *const parts[] = {"safety", "kernel", "inspected", "uninspected", "dropped"};
	long long in = (long long)json_integer_value(json_object_get(zone, "in")), n;
	double at = 0;

	if (in <= 0)
		return;
	fprintf(f,
		"<svg class=\"account\" aria-hidden=\"true\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\">");
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *v = json_object_get(zone, parts[i]);

		n = json_is_object(v) ? sum(v) : (long long)json_integer_value(v);
		double width = n <= 0 ? 0 : 100.0 * (double)n / (double)in;
		/* What there is of it is to be seen. */
		if (n > 0 && width < 0.7)
			width = 0.7;
		if (at + width > 100)
			width = 100 - at;
		if (n > 0)
			fprintf(f, "<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"6\" class=\"p-%s\"/>",
				at, width, parts[i]);
		at += width;
	}
	fprintf(f, "</svg>");
}

static int digits(long long n)
{
	int d = 0;

	for (; n > 0; n /= 10)
		d++;
	return d;
}

void evidence_bar(FILE *f, long long n, long long most)
{
	int all = digits(most), own = digits(n);

	fprintf(f,
		"<svg class=\"bar\" aria-hidden=\"true\" viewBox=\"0 0 60 6\" preserveAspectRatio=\"none\"><rect width=\"60\" height=\"6\" class=\"rail\"/>");
	if (n > 0)
		fprintf(f, "<rect width=\"%d\" height=\"6\" class=\"fill\"/>", 60 * own / all);
	fprintf(f, "</svg>");
}
