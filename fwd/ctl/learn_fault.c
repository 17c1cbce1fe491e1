/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fwd/ctl/learn_fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/common/jsonl.h"

#define SAID 12u /* kinds that are named one by one */

void learn_fault_add(struct learn_faults *f, const struct learn_fault *fault)
{
	f->messages += fault->count;
	for (size_t i = 0; i < f->n; i++) {
		struct learn_fault *x = &f->list[i];
		if (x->proto == fault->proto && x->reason == fault->reason &&
		    memcmp(x->client, fault->client, 16) == 0 && memcmp(x->server, fault->server, 16) == 0 &&
		    strcmp(x->field, fault->field) == 0) {
			x->count += fault->count;
			return;
		}
	}
	if (!f->list)
		f->list = calloc(LEARN_FAULTS, sizeof(*f->list));
	if (!f->list || f->n == LEARN_FAULTS)
		f->beyond += fault->count;
	else
		f->list[f->n++] = *fault;
}

static int by_count(const void *x, const void *y)
{
	const struct learn_fault *a = x, *b = y;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	int c = memcmp(a->client, b->client, 16);
	if (c == 0)
		c = memcmp(a->server, b->server, 16);
	return c ? c : strcmp(a->field, b->field);
}

void learn_faults_print(struct learn_faults *f, const struct policy *p, FILE *out)
{
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT];
	uint64_t said = 0;

	if (f->messages == 0)
		return;
	if (f->n)
		qsort(f->list, f->n, sizeof(*f->list), by_count);
	fprintf(out,
		"# needs a person: %" PRIu64
		" message%s passed only because nothing was enforced, and no rule below allows %s:\n",
		f->messages, f->messages == 1 ? "" : "s", f->messages == 1 ? "it" : "them");
	for (size_t i = 0; i < f->n && i < SAID; i++) {
		const struct learn_fault *x = &f->list[i];
		const struct proto *proto = x->proto < 0 ? NULL : proto_get((unsigned)x->proto);
		const struct vocab_option *o = proto ? proto_option_for(proto, x->reason, x->field) : NULL;

		fprintf(out, "#   %" PRIu64 " of %s, client %s, server %s: %s%s%s: %s\n", x->count,
			proto ? proto->name : "no protocol", end_name(p, x->client, -1, a),
			end_name(p, x->server, -1, b), reason_name(x->reason), *x->field ? " in " : "",
			x->field, reason_text(x->reason));
		if (o)
			fprintf(out, "#     a rule with `%s: true` is for that: %s\n", o->key, o->doc);
		said += x->count;
	}
	if (f->messages > said)
		fprintf(out, "#   %" PRIu64 " more of other kinds\n", f->messages - said);
}

void learn_faults_free(struct learn_faults *f)
{
	free(f->list);
	*f = (struct learn_faults){.list = NULL};
}
