/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of the evidence page: which policies were in force, who brought each and why, and what became of it. */
#include <stdlib.h>
#include <string.h>

#include "fwd/ctl/evidence.h"
#include "fwd/ctl/history.h"

json_t *evidence_history_json(const struct command *cmd, const struct ask *a, const json_t *status)
{
	static struct history h;
	const char *dir = evidence_str(status, "state-dir"), *why = NULL;
	json_t *all = json_array();
	char line[HISTORY_LINE];

	if (!dir)
		why = "the firewall does not say where policies are kept";
	else if (!history_open(cmd, a, dir, &h))
		why = "the state directory cannot be read";
	else {
		h.running = (uint32_t)ask_number(status, "policy-number");
		if (!history_list(cmd, &h))
			why = "the state directory cannot be read";
		for (unsigned i = 0; i < h.n; i++) {
			size_t n = history_line(&h, &h.list[i], line, sizeof(line));

			json_array_append_new(all, json_loadb(line, n, 0, NULL));
		}
		history_close(&h);
	}
	return json_pack("{s:b, s:i, s:s?, s:O?, s:o}", "known", !why, "damaged", why ? 0 : (int)h.damaged,
			 "why", why, "running", json_object_get(status, "policy-number"), "policies", all);
}

/* ---- the section ---- */

/* In words, and how it is shown. */
static const char *state_of(const json_t *m, const char **class)
{
	static const struct {
		const char *state, *class, *words;
	} known[] = {
		{"confirmed", "good", "confirmed"},
		{"trial", "warn", "on trial: goes back unless it is confirmed"},
		{"replaced", "", "was confirmed; replaced since"},
		{"not-confirmed", "warn", "rolled back: not confirmed in time"},
		{"guard", "warn", "rolled back by its guard: it denied what had been allowed"},
		{"rebooted", "warn", "rolled back: a boot came before the confirmation"},
		{"rolled-back", "warn", "rolled back by a person"},
		{"refused", "warn", "never in force: the kernel or an engine did not take it"},
		{"stored", "", "never in force"},
	};
	const char *state = evidence_str(m, "state");

	*class = "";
	for (size_t i = 0; state && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].state, state) == 0) {
			*class = known[i].class;
			return known[i].words;
		}
	return state;
}

static void row(FILE *f, const json_t *m)
{
	const json_t *login = json_object_get(m, "login"), *uid = json_object_get(m, "uid");
	const char *class, *words = state_of(m, &class), *ticket = evidence_str(m, "ticket");
	bool running = json_is_true(json_object_get(m, "running"));
	char text[64], when[32];

	fprintf(f, "<tr><th scope=\"row\" class=\"n\">%lld</th>", ask_number(m, "number"));
	evidence_cell(f, "Time", "nw", evidence_minute(json_object_get(m, "ts"), when));
	fprintf(f, "<td class=\"%s\" data-l=\"State\">%s", class, running ? "in force, " : "");
	evidence_escape(f, words);
	fputs("</td>", f);
	if (!json_is_integer(uid))
		snprintf(text, sizeof(text), "otfw itself");
	else if (json_equal(uid, login))
		snprintf(text, sizeof(text), "user %lld", ask_number(m, "uid"));
	else
		snprintf(text, sizeof(text), "user %lld, logged in as %lld", ask_number(m, "uid"),
			 ask_number(m, "login"));
	evidence_cell(f, "By", "", text);
	const char *from = evidence_str(m, "from");
	evidence_cell(f, "From", "", from && strcmp(from, "file") == 0 ? "the policy file" : from);
	fputs("<td data-l=\"Reason\">", f);
	evidence_escape(f, evidence_str(m, "reason"));
	if (ticket) {
		fputs(" (", f);
		evidence_escape(f, ticket);
		fputc(')', f);
	}
	fputs("</td>", f);
	evidence_cell(f, "Digest", "mono", evidence_str(m, "digest"));
	fputs("</tr>\n", f);
}

void evidence_history(FILE *f, const json_t *e)
{
	const json_t *h = json_object_get(e, "history"), *all = json_object_get(h, "policies");

	fputs("<section id=\"history\" aria-labelledby=\"h-history\"><h2 id=\"h-history\">Policies and their changes</h2>\n",
	      f);
	if (!json_is_true(json_object_get(h, "known"))) {
		fputs("<p class=\"note\"><strong>Not known:</strong> ", f);
		evidence_escape(f, evidence_str(h, "why"));
		fputs(".</p></section>\n", f);
		return;
	}
	fprintf(f,
		"<p>The last %d policies are kept, each as it was, with its texts: <code>otfwctl diff 3 4</code> says what changed between two. A policy that is committed "
		"on trial goes back by itself unless it is confirmed.</p>\n",
		META_KEPT);
	if (ask_number(h, "damaged"))
		fprintf(f,
			"<p class=\"note bad-note\">%lld more are damaged on the disk, and not shown.</p>\n",
			ask_number(h, "damaged"));
	fputs("<table class=\"records\"><caption>Every policy that is kept, newest first</caption><thead><tr><th scope=\"col\" class=\"n\">Policy</th>",
	      f);
	static const char *const heads[] = {"Time", "State", "By", "From", "Reason", "Digest"};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		fprintf(f, "<th scope=\"col\">%s</th>", heads[i]);
	fputs("</tr></thead><tbody>\n", f);
	for (size_t i = json_array_size(all); i-- > 0;)
		row(f, json_array_get(all, i));
	fputs("</tbody></table>\n</section>\n", f);
}

void evidence_outcome(FILE *f, const json_t *record)
{
	const char *detail = evidence_str(record, "detail");

	fprintf(f, "<td class=\"%s\" data-l=\"Outcome\">", detail && *detail ? "" : " empty");
	evidence_escape(f, detail && *detail ? detail : NULL);
	if (json_object_get(record, "becomes-allowed"))
		fprintf(f, "; %lld become allowed, %lld become denied, %lld other changes",
			ask_number(record, "becomes-allowed"), ask_number(record, "becomes-denied"),
			ask_number(record, "other-changes"));
	fputs("</td>", f);
}
