/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otfwctl decode: the operations in a capture, one a line, no policy asked. */
#include <string.h>

#include "fwd/ctl/scan.h"

static void print_error(struct jsonl *j, const struct report *r)
{
	const struct fault *fault = r->pdu && r->pdu->fault.reason != REASON_NONE ? &r->pdu->fault : NULL;

	if (r->pdu)
		jsonl_uint(j, "pdu", r->pdu_no);
	else
		jsonl_null(j, "pdu");
	jsonl_str(j, "error", reason_name(r->reason != REASON_NONE || !fault ? r->reason : fault->reason));
	jsonl_str(j, "field", fault ? fault->field : NULL);
	if (fault)
		jsonl_uint(j, "offset", fault->offset);
	else
		jsonl_null(j, "offset");
}

/* What the device says of itself: text as it is, versions that are numbers as MAJOR.MINOR. */
static void print_identification(struct jsonl *j, const struct pdu *pdu)
{
	char version[24];

	jsonl_object(j, "identification");
	if (pdu->idents[0].has_unit)
		jsonl_uint(j, "unit", pdu->idents[0].unit);
	for (uint32_t i = 0; i < pdu->nidents; i++) {
		const struct pdu_ident *id = &pdu->idents[i];
		const char *key = ident_name(id->kind);
		if (id->text.data) {
			jsonl_strn(j, key, id->text.data, id->text.len);
		} else if (id->kind == IDENT_VERSION) {
			(void)snprintf(version, sizeof(version), "%u.%u", (unsigned)(id->number >> 16),
				       (unsigned)(id->number & 0xffff));
			jsonl_str(j, key, version);
		} else {
			jsonl_uint(j, key, id->number);
		}
	}
	jsonl_object_end(j);
}

/* One operation, or with op NULL the reason why there is none. */
static void print_json(const struct report *r, const struct proto *proto, const struct op *op)
{
	struct jsonl j;

	jsonl_open(&j, scan_line, sizeof(scan_line));
	jsonl_object(&j, NULL);
	scan_json_head(&j, r);
	jsonl_str(&j, "proto", proto ? proto->name : NULL);
	if (op) {
		jsonl_uint(&j, "pdu", r->pdu_no);
		jsonl_op(&j, op, proto, 0);
		if (r->pdu->exception)
			jsonl_uint(&j, "exception", r->pdu->exception_code);
		/* Of the PDU as a whole: once, with its first operation. */
		if (op == &r->pdu->ops[0] && r->pdu->nidents > 0)
			print_identification(&j, r->pdu);
	} else {
		print_error(&j, r);
	}
	jsonl_object_end(&j);
	jsonl_line(&j);
	fwrite(scan_line, 1, j.len, stdout);
}

static void print_text(const struct report *r, const struct proto *proto, const struct op *op)
{
	size_t n = scan_print_head(r, scan_line, sizeof(scan_line));

	if (op) {
		op_print(op, proto, PROTO_PDU_MAX * 8, scan_line + n, sizeof(scan_line) - n);
		printf(r->pdu->exception ? "%s exception %u\n" : "%s\n", scan_line, r->pdu->exception_code);
		return;
	}
	const struct fault *fault = r->pdu ? &r->pdu->fault : NULL;
	detail_print(NULL, NULL, r->proto, r->reason, NULL, fault, scan_line + n, sizeof(scan_line) - n);
	printf("%.*s%s error %s: %s\n", (int)n, scan_line, proto ? proto->name : "-", reason_name(r->reason),
	       scan_line + n);
}

struct decode {
	bool json;
};

static void report(void *ctx, const struct report *r)
{
	const struct decode *d = ctx;
	const struct proto *proto = r->proto < 0 ? NULL : proto_get((unsigned)r->proto);
	void (*print)(const struct report *, const struct proto *, const struct op *) =
		d->json ? print_json : print_text;

	/* A capture holds much that no protocol of ours is in: nothing to say of it. */
	if (!proto)
		return;
	if (!r->pdu || r->pdu->fault.reason != REASON_NONE) {
		print(r, proto, NULL);
		return;
	}
	for (uint32_t i = 0; i < r->pdu->nops; i++)
		print(r, proto, &r->pdu->ops[i]);
	if (r->reason != REASON_NONE && r->judgement != JUDGED_ALLOW)
		print(r, proto, NULL);
}

int cmd_decode(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON}, {"port", required_argument, NULL, OPT_PORT}, {0}};
	struct decode d = {0};
	struct scan s = {.report = report, .ctx = &d};
	int c;

	while ((c = ctl_option(cmd, argc, argv, options)) != -1) {
		if (c == OPT_JSON)
			d.json = true;
		else if (c != OPT_PORT || !scan_port(cmd, &s, optarg))
			return EXIT_UNABLE;
	}
	if (!ctl_arguments(cmd, argc, argv, 1))
		return EXIT_UNABLE;
	int status = scan_run(cmd, &s, argv[optind]);
	scan_close(&s);
	return status;
}
