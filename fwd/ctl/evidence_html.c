/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The evidence page: one file, no script, nothing fetched. On paper, on a telephone, in the dark. */
#include "fwd/ctl/evidence.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- pieces ---- */

static void put(FILE *f, const char *before, const char *text, const char *after)
{
	fputs(before, f);
	evidence_escape(f, text);
	fputs(after, f);
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static bool truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* A cell; label is what stands before it where columns have no heads (narrow screens). */
void evidence_cell(FILE *f, const char *label, const char *class, const char *text)
{
	fprintf(f, "<td class=\"%s%s\" data-l=\"%s\">", class, text && *text ? "" : " empty", label);
	evidence_escape(f, text && *text ? text : NULL);
	fputs("</td>", f);
}

/* 4 183 220, with blanks that do not break. */
static void put_number(FILE *f, long long n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			fputs("\u202f", f);
		fputc(digits[i], f);
	}
}

static void cell_number(FILE *f, const char *label, long long n)
{
	fprintf(f, "<td class=\"n\" data-l=\"%s\">", label);
	put_number(f, n);
	fputs("</td>", f);
}

const char *evidence_minute(const json_t *when, char buf[32])
{
	double seconds = json_number_value(when);
	struct tm tm;

	/* Beyond the year 9999 it is no time that anything here has written. */
	if (!json_is_number(when) || !(seconds >= 0 && seconds < 253402300800.0))
		return NULL;
	time_t t = (time_t)seconds;
	if (!gmtime_r(&t, &tm))
		return NULL;
	strftime(buf, 32, "%Y-%m-%d %H:%M", &tm);
	return buf;
}

static void table(FILE *f, const char *class, const char *caption, const char *const *heads)
{
	fprintf(f, "<table class=\"%s\">", class);
	put(f, "<caption>", caption, "</caption><thead><tr>");
	for (; *heads; heads++) {
		bool n = **heads == '#';

		fputs(n ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">", f);
		evidence_escape(f, *heads + n);
		fputs("</th>", f);
	}
	fputs("</tr></thead><tbody>\n", f);
}
#define TABLE(f, class, caption, ...) table(f, class, caption, (const char *const[]){__VA_ARGS__, NULL})
#define TABLE_END                     "</tbody></table>\n"

static void list(FILE *f, const json_t *strings)
{
	const json_t *s;
	size_t i;

	if (json_array_size(strings) == 0)
		evidence_escape(f, NULL);
	json_array_foreach(strings, i, s) put(f, i ? ", " : "", json_string_value(s), "");
}

static void section(FILE *f, const char *id, const char *title, bool sheet)
{
	fprintf(f, "<section id=\"%s\"%s aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>\n", id,
		sheet ? " class=\"sheet\"" : "", id, id, title);
}

/* ---- the top ---- */

static void tile(FILE *f, const char *class, const char *value, const char *words)
{
	fprintf(f, "<li><strong class=\"%s\">%s</strong><span>%s</span></li>", class, value, words);
}

static unsigned with(const json_t *array, const char *key, const char *value)
{
	const json_t *o;
	unsigned n = 0;
	size_t i;

	json_array_foreach(array, i, o)
	{
		const char *s = evidence_str(o, key);
		n += s && strcmp(s, value) == 0;
	}
	return n;
}

static bool overdue(const json_t *rule, const char *today)
{
	const char *review = evidence_str(rule, "review");

	return review && strncmp(review, today, 10) < 0;
}

static void tiles(FILE *f, const json_t *e)
{
	const json_t *conduits = json_object_get(e, "conduits"), *rules = json_object_get(e, "rules"),
		     *chain = json_object_get(e, "audit"),
		     *last = json_array_get(json_object_get(e, "prooftests"), 0), *r;
	bool balanced = truth(json_object_get(e, "ledger"), "balanced"), holds = truth(chain, "holds");
	unsigned inspected = with(conduits, "lane", "inspected"), enforce = with(conduits, "mode", "enforce"),
		 used = 0, due = 0;
	char text[64];
	size_t i;

	json_array_foreach(rules, i, r)
	{
		used += number(r, "total") > 0;
		due += overdue(r, evidence_str(e, "ts"));
	}
	fputs("<ul class=\"tiles\">", f);
	snprintf(text, sizeof(text), "%u of %u", enforce, inspected);
	tile(f, enforce == inspected ? "good" : "warn", text, "inspected conduits enforce");
	snprintf(text, sizeof(text), "%u of %zu", used, json_array_size(rules));
	tile(f, "", truth(e, "use-known") ? text : "not known", "rules were used");
	snprintf(text, sizeof(text), "%u", due);
	tile(f, due ? "warn" : "good", text, "rules are past their review");
	tile(f, balanced ? "good" : "bad", balanced ? "balances" : "does not", "the ledger");
	tile(f, holds ? "good" : "bad", holds ? "holds" : "broken", "the audit chain");
	const char *result = evidence_str(last, "result");
	bool pass = result && strcmp(result, "pass") == 0;
	tile(f,
	     !result ? "warn"
	     : pass  ? "good"
		     : "bad",
	     !result ? "none"
	     : pass  ? "passed"
		     : "failed",
	     "last proof test");
	fputs("</ul>\n", f);
}

static void notes(FILE *f, const json_t *e)
{
	const json_t *p = json_object_get(e, "policy"), *is;
	char buf[32], until[32];
	size_t i;

	if (!truth(p, "same")) {
		put(f,
		    "<p class=\"note\"><strong>The policy file is not what this page shows.</strong> <code>",
		    evidence_str(p, "file"), "</code>: ");
		put(f, "", evidence_str(p, "why"),
		    ". Networks, levels, clients' zones and review dates, which only the file has, are missing here.</p>\n");
	}
	json_array_foreach(json_object_get(e, "islands"), i, is)
	{
		const char *state = evidence_str(is, "state");

		put(f, "<p class=\"note bad-note\"><strong>Zone ",
		    evidence_str(is, "name") ? evidence_str(is, "name") : evidence_str(is, "zone"),
		    state && strcmp(state, "isolated") == 0 ? " is isolated"
							    : " is overridden: not inspected");
		fprintf(f, "</strong> since %s UTC", evidence_minute(json_object_get(is, "since"), buf));
		if (json_object_get(is, "until"))
			fprintf(f, ", until %s UTC", evidence_minute(json_object_get(is, "until"), until));
		put(f, ": ", evidence_str(is, "reason"), "</p>\n");
	}
}

static void top(FILE *f, const json_t *e)
{
	const json_t *p = json_object_get(e, "policy");
	const char *site = evidence_str(e, "site");
	char buf[32], text[64];

	put(f, "<header><p class=\"kicker\">Evidence of an industrial firewall</p><h1>",
	    site && *site ? site : "A site without a name", "</h1><dl class=\"facts\">");
	put(f, "<dt>Written</dt><dd>", evidence_str(e, "ts"), " (all times are UTC)</dd>");
	put(f, "<dt>Firewall</dt><dd>", evidence_str(e, "host"), ", otfw ");
	put(f, "", evidence_str(e, "version"), "</dd>");
	put(f, "<dt>Policy in force</dt><dd><code>", evidence_str(p, "digest"), "</code>");
	snprintf(text, sizeof(text), ", generation %lld", number(p, "generation"));
	put(f, "", text, "</dd>");
	if (truth(p, "same"))
		put(f, "<dt>Its file</dt><dd><span class=\"good\">the same:</span> <code>",
		    evidence_str(p, "file"), "</code></dd>");
	const char *candidate = evidence_str(e, "candidate");
	if (candidate) {
		put(f, "<dt>Candidate</dt><dd>judged beside it since ",
		    evidence_minute(json_object_get(e, "candidate-since"), buf), ": <code>");
		put(f, "", candidate, "</code>");
		snprintf(text, sizeof(text), ", %lld differences", number(e, "candidate-differences"));
		put(f, "", text, "</dd>");
	}
	fputs("</dl>\n", f);
	tiles(f, e);
	notes(f, e);
	fputs("<nav aria-label=\"Sections\"><ol><li><a href=\"#matrix\">Conduits</a></li><li><a href=\"#rules\">Rules</a></li>"
	      "<li><a href=\"#failure\">Zones and failure modes</a></li><li><a href=\"#assets\">Assets</a></li><li><a href=\"#ledger\">Ledger</a></li><li><a href=\"#prooftests\">Proof tests</a></li>"
	      "<li><a href=\"#history\">Policies and their changes</a></li>"
	      "<li><a href=\"#audit\">Audit chain</a></li><li><a href=\"#clauses\">Clauses of standards</a></li><li><a href=\"#policy\">The policy</a></li></ol></nav></header>\n<main>\n",
	      f);
}

/* ---- sections ---- */

static void key(FILE *f, const char *class, const char *words)
{
	fprintf(f,
		"<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect width=\"10\" height=\"10\" rx=\"2\" class=\"%s\"/></svg>%s</li>",
		class, words);
}

static void conduits(FILE *f, const json_t *e)
{
	const json_t *c;
	size_t i;

	section(f, "matrix", "Conduits", false);
	fputs("<p>A conduit is the only way from a client zone to a server zone. Where there is none, nothing passes.</p>\n",
	      f);
	if (truth(json_object_get(e, "policy"), "same")) {
		evidence_matrix(f, e);
		fputs("<ul class=\"key\">", f);
		key(f, "sq enforce", "enforce: only what a rule names passes");
		key(f, "sq shadow", "shadow: all passes, denials are reported");
		key(f, "sq learn", "learn: all passes, and is recorded");
		key(f, "sq safety", "safety lane: never waits for inspection");
		key(f, "sq none", "no conduit: nothing passes");
		fputs("</ul>\n", f);
	}
	TABLE(f, "", "Every conduit", "Conduit", "From", "To", "Lane", "Mode", "Fails", "#Rules");
	json_array_foreach(json_object_get(e, "conduits"), i, c)
	{
		const char *mode = evidence_str(c, "mode");

		put(f, "<tr><th scope=\"row\">", evidence_str(c, "name"), "</th><td data-l=\"From\">");
		list(f, json_object_get(c, "from"));
		fputs("</td>", f);
		evidence_cell(f, "To", "", evidence_str(c, "to"));
		evidence_cell(f, "Lane", "", evidence_str(c, "lane"));
		evidence_cell(f, "Mode", !mode || strcmp(mode, "enforce") == 0 ? "" : "warn", mode);
		evidence_cell(f, "Fails", "", evidence_str(c, "failure"));
		cell_number(f, "Rules", number(c, "rules"));
		fputs("</tr>\n", f);
	}
	fputs(TABLE_END "</section>\n", f);
}

static void rule_row(FILE *f, const json_t *e, const json_t *r, long long most)
{
	const char *lane = evidence_str(r, "lane"), *proto = evidence_str(r, "protocol");
	char buf[32];

	put(f, "<tr><th scope=\"row\">", evidence_str(r, "id"), "</th>");
	evidence_cell(f, "Reason", "", evidence_str(r, "reason"));
	evidence_cell(f, "Owner", "", evidence_str(r, "owner"));
	evidence_cell(f, "Ticket", "", evidence_str(r, "ticket"));
	evidence_cell(f, "Review by", overdue(r, evidence_str(e, "ts")) ? "nw bad" : "nw",
		      evidence_str(r, "review"));
	evidence_cell(f, "Protocol", "",
		      proto                    ? proto
		      : lane && lane[0] == 'k' ? "by port, in the kernel"
					       : NULL);
	fputs("<td class=\"n\" data-l=\"Allowed\">", f);
	if (!truth(e, "use-known"))
		fputs("not known", f);
	else if (number(r, "total") == 0)
		fprintf(f, "<span class=\"%s\">never%s</span>", truth(r, "rare") ? "" : "warn",
			truth(r, "rare") ? ", and rare" : "");
	else
		put_number(f, number(r, "total"));
	evidence_bar(f, number(r, "total"), most);
	fputs("</td>", f);
	cell_number(f, "Days", number(r, "days"));
	evidence_cell(f, "Last", "nw", evidence_minute(json_object_get(r, "last"), buf));
	fputs("</tr>\n", f);
}

static void rules(FILE *f, const json_t *e)
{
	const json_t *all = json_object_get(e, "rules"), *c, *r;
	long long most = 1;
	size_t i, k;

	section(f, "rules", "Rules, and what they allowed", false);
	fputs("<p>Each exception from \u201cnothing passes\u201d, with who wants it and why. <em>Allowed</em> counts operations (in the kernel lane: packets) since the "
	      "counting of the rule's name began, <em>days</em> those with any use; bars grow by powers of ten.</p>\n",
	      f);
	json_array_foreach(all, i, r) if (number(r, "total") > most) most = number(r, "total");
	json_array_foreach(json_object_get(e, "conduits"), k, c)
	{
		const char *name = evidence_str(c, "name"), *mode = evidence_str(c, "mode");
		char caption[256];

		if (number(c, "rules") == 0)
			continue;
		put(f, "<h3>", name, "</h3>\n");
		snprintf(caption, sizeof(caption), "Rules of conduit %.100s, mode %s", name ? name : "-",
			 mode ? mode : "-");
		TABLE(f, "rules", caption, "Rule", "Reason", "Owner", "Ticket", "Review by", "Protocol",
		      "#Allowed", "#Days", "Last");
		json_array_foreach(all, i, r)
		{
			const char *of = evidence_str(r, "conduit");

			if (of && name && strcmp(of, name) == 0)
				rule_row(f, e, r, most);
		}
		fputs(TABLE_END, f);
	}
	fputs("</section>\n", f);
}

static void zones(FILE *f, const json_t *e)
{
	const json_t *z;
	bool file = truth(json_object_get(e, "policy"), "same");
	char text[48];
	size_t i;

	section(f, "failure", "Zones and failure modes", false);
	fputs("<p>What happens when traffic cannot be inspected. A closed zone drops it; an open zone lets pass what its conduits list by address and port, and counts it. Safety lanes are the kernel's alone.</p>\n",
	      f);
	TABLE(f, "", "Every zone", "Zone", "Level", "Networks", "Fails", "Deadline", "Safety");
	json_array_foreach(json_object_get(e, "zones"), i, z)
	{
		const json_t *level = json_object_get(z, "level");

		put(f, "<tr><th scope=\"row\">", evidence_str(z, "name"), "</th>");
		snprintf(text, sizeof(text), "%g", json_number_value(level));
		evidence_cell(f, "Level", "", json_is_number(level) ? text : NULL);
		fputs("<td class=\"mono\" data-l=\"Networks\">", f);
		list(f, file ? json_object_get(z, "networks") : NULL);
		fputs("</td>", f);
		evidence_cell(f, "Fails", "", evidence_str(z, "failure"));
		snprintf(text, sizeof(text), "%g ms", (double)number(z, "deadline-us") / 1000);
		evidence_cell(f, "Deadline", "", number(z, "deadline-us") ? text : NULL);
		evidence_cell(f, "Safety", "", truth(z, "safety") ? "yes" : NULL);
		fputs("</tr>\n", f);
	}
	fputs(TABLE_END "<h3>What each failure does, and the tests that show it</h3>\n", f);
	TABLE(f, "failures",
	      "Tests are those of the sources, in tests/netns; they run real clients and servers through the real firewall",
	      "Failure", "Zone that fails closed", "Zone that fails open", "Safety lane", "Shown by");
	json_array_foreach(json_object_get(e, "failures"), i, z)
	{
		put(f, "<tr><th scope=\"row\">", evidence_str(z, "event"), "</th>");
		evidence_cell(f, "Closed", "", evidence_str(z, "closed"));
		evidence_cell(f, "Open", "", evidence_str(z, "open"));
		evidence_cell(f, "Safety lane", "", evidence_str(z, "safety"));
		fputs("<td class=\"mono\" data-l=\"Shown by\">", f);
		list(f, json_object_get(z, "tests"));
		fputs("</td></tr>\n", f);
	}
	fputs(TABLE_END "</section>\n", f);
}

static long long all_of(const json_t *o)
{
	const char *name;
	json_t *v;
	long long n = 0;

	json_object_foreach((json_t *)o, name, v) n += (long long)json_integer_value(v);
	return n;
}

static void account_row(FILE *f, const json_t *z)
{
	put(f, "<tr><th scope=\"row\">", evidence_str(z, "name"), "</th>");
	cell_number(f, "In", number(z, "in"));
	cell_number(f, "Safety lane", number(z, "safety"));
	cell_number(f, "Kernel lane", number(z, "kernel"));
	cell_number(f, "Inspected", number(z, "inspected"));
	cell_number(f, "Uninspected", all_of(json_object_get(z, "uninspected")));
	cell_number(f, "Dropped", all_of(json_object_get(z, "dropped")));
	fputs("</tr>\n<tr class=\"bars\"><td colspan=\"7\">", f);
	evidence_account(f, z);
	fputs("</td></tr>\n", f);
}

static void ledger(FILE *f, const json_t *e)
{
	const json_t *l = json_object_get(e, "ledger"), *z;
	size_t i;

	section(f, "ledger", "Ledger", false);
	if (truth(l, "balanced"))
		fprintf(f,
			"<p><span class=\"good\">The ledger balances:</span> every packet that was to be forwarded is in one account. %lld packets moved while it was read.</p>\n",
			number(l, "moving"));
	else
		fprintf(f,
			"<p class=\"note bad-note\"><strong>The ledger does not balance:</strong> %lld packets came in and are in no book.</p>\n",
			number(l, "unaccounted"));
	TABLE(f, "", "Packets by the zone they were for, since the ruleset was loaded", "Zone", "#In",
	      "#Safety lane", "#Kernel lane", "#Inspected", "#Uninspected", "#Dropped");
	json_array_foreach(json_object_get(l, "zones"), i, z) account_row(f, z);
	account_row(f, json_object_get(l, "all"));
	fputs(TABLE_END "<ul class=\"key\">", f);
	key(f, "p-safety", "safety lane");
	key(f, "p-kernel", "kernel lane");
	key(f, "p-inspected", "inspected");
	key(f, "p-uninspected", "passed uninspected");
	key(f, "p-dropped", "dropped");
	fputs("</ul>\n", f);
	if (json_array_size(json_object_get(l, "safety-flows"))) {
		TABLE(f, "",
		      "Flows of safety lanes: in equals out where nothing was lost, and none is ever queued",
		      "Flow", "#In", "#Out", "#Lost", "#Queued");
		json_array_foreach(json_object_get(l, "safety-flows"), i, z)
		{
			put(f, "<tr><th scope=\"row\">", evidence_str(z, "flow"), "</th>");
			cell_number(f, "In", number(z, "in"));
			cell_number(f, "Out", number(z, "out"));
			cell_number(f, "Lost", number(z, "lost"));
			cell_number(f, "Queued", number(z, "queued"));
			fputs("</tr>\n", f);
		}
		fputs(TABLE_END, f);
	}
	fputs("</section>\n", f);
}

static void prooftests(FILE *f, const json_t *e)
{
	const json_t *t, *s;
	const char *digest = evidence_str(json_object_get(e, "policy"), "digest");
	size_t i, k;

	section(f, "prooftests", "Proof tests", false);
	if (json_array_size(json_object_get(e, "prooftests")) == 0) {
		fputs("<p class=\"note\"><strong>There is no record of a proof test.</strong> <code>otfwctl prooftest</code> makes one.</p></section>\n",
		      f);
		return;
	}
	TABLE(f, "", "Known answers, given by the installed firewall in networks of its own; newest first",
	      "Time", "Result", "Version", "Kernel", "#Steps", "What did not pass");
	json_array_foreach(json_object_get(e, "prooftests"), i, t)
	{
		const char *result = evidence_str(t, "result"), *policy = evidence_str(t, "policy");
		bool pass = result && strcmp(result, "pass") == 0, any = false;

		put(f, "<tr><th scope=\"row\">", evidence_str(t, "ts"), "</th>");
		evidence_cell(f, "Result", pass ? "good" : "bad", result);
		evidence_cell(f, "Version", "", evidence_str(t, "version"));
		evidence_cell(f, "Kernel", "", evidence_str(t, "kernel"));
		cell_number(f, "Steps", (long long)json_array_size(json_object_get(t, "steps")));
		fputs("<td data-l=\"Not passed\">", f);
		json_array_foreach(json_object_get(t, "steps"), k, s)
		{
			const char *how = evidence_str(s, "result");

			if (how && strcmp(how, "pass") == 0)
				continue;
			put(f, any ? "; " : "", evidence_str(s, "name"), "");
			put(f, " (", how, ")");
			any = true;
		}
		if (!any)
			evidence_escape(f, "nothing");
		if (policy && digest && strcmp(policy, digest) != 0)
			fputs(" <span class=\"soft\">(under another policy than today's)</span>", f);
		fputs("</td></tr>\n", f);
	}
	fputs(TABLE_END "</section>\n", f);
}

static void who(char *buf, size_t cap, const json_t *r)
{
	const json_t *uid = json_object_get(r, "uid"), *login = json_object_get(r, "login");

	if (!json_is_integer(uid))
		snprintf(buf, cap, "otfw itself");
	else if (json_is_integer(login) && !json_equal(uid, login))
		snprintf(buf, cap, "user %lld, logged in as %lld", (long long)json_integer_value(uid),
			 (long long)json_integer_value(login));
	else
		snprintf(buf, cap, "user %lld", (long long)json_integer_value(uid));
}

static void audit(FILE *f, const json_t *e)
{
	const json_t *a = json_object_get(e, "audit"), *list_of = json_object_get(a, "last"), *v;
	char buf[32], by[64];
	size_t i;

	section(f, "audit", "Audit chain", false);
	fprintf(f,
		"<p><span class=\"%s\">The chain %s:</span> %lld records, each with the digest of the one before it.",
		truth(a, "holds") ? "good" : "bad", truth(a, "holds") ? "holds" : "is broken",
		number(a, "records"));
	put(f, " The last digest is <code>", evidence_str(a, "head"),
	    "</code>: note it somewhere else, so that a chain that is cut off shows.");
	fputs(truth(a, "against-events") ? " It was held against the event log as well.</p>\n"
					 : " It was not held against an event log.</p>\n",
	      f);
	json_array_foreach(json_object_get(a, "findings"), i, v)
		put(f, "<p class=\"note bad-note\">", json_string_value(v), "</p>\n");
	if (number(a, "lost") || number(a, "waiting"))
		fprintf(f,
			"<p class=\"note bad-note\">%lld records were lost and %lld wait: the disk does not take them.</p>\n",
			number(a, "lost"), number(a, "waiting"));
	TABLE(f, "records", "The newest records, newest first", "#Record", "Time", "Action", "On", "By",
	      "Reason", "What came of it");
	for (i = json_array_size(list_of); i-- > 0;) {
		v = json_array_get(list_of, i);
		fprintf(f, "<tr><th scope=\"row\" class=\"n\">%lld</th>", number(v, "n"));
		evidence_cell(f, "Time", "nw", evidence_minute(json_object_get(v, "ts"), buf));
		put(f, "<td data-l=\"Action\">", evidence_str(v, "action"),
		    truth(v, "refused") ? " <span class=\"bad\">refused</span></td>" : "</td>");
		evidence_cell(f, "On", "", evidence_str(v, "object"));
		who(by, sizeof(by), v);
		evidence_cell(f, "By", "", by);
		fputs("<td data-l=\"Reason\">", f);
		evidence_escape(f, evidence_str(v, "reason"));
		if (evidence_str(v, "ticket"))
			put(f, " (", evidence_str(v, "ticket"), ")");
		fputs("</td>", f);
		evidence_outcome(f, v);
		fputs("</tr>\n", f);
	}
	fputs(TABLE_END "</section>\n", f);
}

static void clauses(FILE *f)
{
	const char *standard = NULL;

	section(f, "clauses", "Clauses of standards", true);
	fputs("<p>Where an auditor who asks by these clauses finds something on this page. It is a map, not a claim: <strong>nothing here says that a clause is met</strong>. "
	      "Whether it is depends on the plant, on people and on what the last column names. The words are ours, not the standards'.</p>\n",
	      f);
	for (const struct evidence_clause *c = evidence_clauses; c->standard; c++) {
		if (!standard || strcmp(standard, c->standard) != 0) {
			if (standard)
				fputs(TABLE_END, f);
			standard = c->standard;
			put(f, "<h3>", standard, "</h3>\n");
			TABLE(f, "clauses", "Clauses and where this page speaks of them", "Clause",
			      "It is about", "This page shows", "In section", "It does not show");
		}
		put(f, "<tr><th scope=\"row\">", c->clause, "<br>");
		put(f, "<span class=\"soft\">", c->title, "</span></th>");
		evidence_cell(f, "About", "", c->asks);
		evidence_cell(f, "Shows", "", c->shows);
		fprintf(f, "<td data-l=\"Section\"><a href=\"#%s\">%s</a></td>", c->section,
			c->section_title);
		evidence_cell(f, "Does not show", "", c->beyond);
		fputs("</tr>\n", f);
	}
	fputs(TABLE_END "</section>\n", f);
}

static void policy(FILE *f, const json_t *e)
{
	const json_t *p = json_object_get(e, "policy");

	section(f, "policy", "The policy", true);
	if (evidence_str(p, "source"))
		put(f, "<p>As it is in its file, which compiles to the digest in force.</p>\n<pre>",
		    evidence_str(p, "source"), "</pre>\n");
	else
		fputs("<p>Its text is not at hand: what is in force was not compiled from a file that is here.</p>\n",
		      f);
	fputs("</section>\n", f);
}

void evidence_page(FILE *f, const json_t *e)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	      "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
	      f);
	put(f, "<title>Evidence: ", evidence_str(e, "site"), "</title><style>");
	fputs(evidence_style, f);
	fputs("</style></head><body>\n", f);
	top(f, e);
	conduits(f, e);
	rules(f, e);
	zones(f, e);
	evidence_assets(f, e);
	ledger(f, e);
	prooftests(f, e);
	evidence_history(f, e);
	audit(f, e);
	clauses(f);
	policy(f, e);
	put(f, "</main><footer><p>Written by <code>otfwctl evidence</code>, ", evidence_str(e, "ts"),
	    ". The same data stands in <code>evidence.json</code> beside this file.</p></footer></body></html>\n");
}
