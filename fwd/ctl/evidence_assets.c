/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of the evidence page: who was seen. */
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/assets.h"
#include "fwd/ctl/evidence.h"

#define ROWS_MAX 500 /* on the page; the rest is in the JSON */
#define QUIET_S  (30 * 86400.0)

json_t *evidence_assets_json(const struct command *cmd, const struct ask *a)
{
	json_t *all = ask_assets(cmd, a, NULL, 0), *out = NULL;

	if (all)
		out = json_pack(
			"{s:b, s:I, s:I, s:O}", "known", json_is_true(json_object_get(all, "assets-known")),
			"total", (json_int_t)ask_number(all, "assets-total"), "lost",
			(json_int_t)ask_number(all, "assets-lost"), "assets", json_object_get(all, "assets"));
	json_decref(all);
	return out;
}

static void cell_time(FILE *f, const char *label, const json_t *when)
{
	char text[32];

	evidence_cell(f, label, "nw", evidence_minute(when, text));
}

static void row(FILE *f, const json_t *asset)
{
	const char *mac = evidence_str(asset, "mac"), *name = evidence_str(asset, "name");
	char *roles = assets_roles_text(asset), *ident = assets_ident_text(asset, "; ");

	fputs("<tr><th scope=\"row\">", f);
	evidence_escape(f, evidence_str(asset, "address"));
	fputs("</th>", f);
	evidence_cell(f, "Zone", "", evidence_str(asset, "zone"));
	evidence_cell(f, "Name", name ? "" : "warn", name ? name : "not in the policy");
	evidence_cell(f, "Is", "", roles);
	evidence_cell(f, "Says of itself", "", ident);
	fputs("<td class=\"mono\" data-l=\"MAC\">", f);
	evidence_escape(f, mac);
	if (mac && ask_number(asset, "mac-addresses") > 1)
		fprintf(f, " <span class=\"soft\">(of %lld addresses)</span>",
			ask_number(asset, "mac-addresses"));
	fputs("</td>", f);
	cell_time(f, "First", json_object_get(asset, "first"));
	cell_time(f, "Last", json_object_get(asset, "last"));
	fputs("</tr>\n", f);
	free(roles);
	free(ident);
}

/* How many there are, how many nobody named, how many were silent for long before the newest was seen. */
static void sums(FILE *f, const json_t *list, const json_t *a)
{
	const json_t *asset;
	double newest = 0;
	unsigned unnamed = 0, quiet = 0;
	size_t i;

	json_array_foreach(list, i, asset)
	{
		double last = json_number_value(json_object_get(asset, "last"));

		newest = last > newest ? last : newest;
		unnamed += !evidence_str(asset, "name");
	}
	json_array_foreach(list, i, asset) quiet +=
		newest - json_number_value(json_object_get(asset, "last")) > QUIET_S;
	fprintf(f,
		"<p>Who spoke through the engines, by zone and address: %zu, %u of them not named in the policy, %u silent for the last 30 days. The firewall asks nobody: it "
		"writes down what passes. What a device says of itself is its own claim. A MAC is that of the last box on the way, a router's where several addresses have it.</p>\n",
		json_array_size(list), unnamed, quiet);
	if (ask_number(a, "lost"))
		fprintf(f,
			"<p class=\"note\"><strong>Not all are here:</strong> %lld sightings found no room.</p>\n",
			ask_number(a, "lost"));
	if (json_array_size(list) > ROWS_MAX)
		fprintf(f, "<p class=\"note\">The first %d are shown; all are in evidence.json.</p>\n",
			ROWS_MAX);
}

void evidence_assets(FILE *f, const json_t *e)
{
	static const char *const heads[] = {"Address",           "Zone", "Name",  "It is",
					    "It says of itself", "MAC",  "First", "Last"};
	const json_t *a = json_object_get(e, "assets"), *list = json_object_get(a, "assets");

	fputs("<section id=\"assets\" aria-labelledby=\"h-assets\"><h2 id=\"h-assets\">Assets</h2>\n", f);
	if (!json_is_true(json_object_get(a, "known"))) {
		fputs("<p class=\"note\"><strong>Not known:</strong> the inventory cannot be read.</p></section>\n",
		      f);
		return;
	}
	sums(f, list, a);
	fputs("<table class=\"assets\"><caption>Every asset that was seen</caption><thead><tr>", f);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		fprintf(f, "<th scope=\"col\">%s</th>", heads[i]);
	fputs("</tr></thead><tbody>\n", f);
	for (size_t i = 0; i < json_array_size(list) && i < ROWS_MAX; i++)
		row(f, json_array_get(list, i));
	fputs("</tbody></table>\n</section>\n", f);
}
