/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs under a rule with `unlock`, protocol by protocol: one step, one operation; "|" between steps, "-" in front of one that comes when the rule is locked
 * again and must be refused, "+" in front of one that must pass although it is locked, nothing in front of one that comes while it is unlocked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fwd/engine/job.h"

#define RULE  UINT64_C(0x1234)
#define OTHER UINT64_C(0x5678)

#define DNP3   "dnp3 request unit 4 origin 3 "
#define OPEN   DNP3 "open-file write \"/cfg/a.xml\" object=g70v3 file-mode=write"
#define PART   DNP3 "write file 0 object=g70v5"
#define I104   "iec104 request unit 3 origin 0 "
#define FILE_1 " cause=file-transfer test=0 file=100 file-name=1"
#define CIP    "enip request "

static const struct {
	const char *name, *steps;
} rows[] = {
	{"S7comm: a block is loaded and put in place",
	 "s7comm request request-download block 5 block-type=db|+s7comm request download-block block 5 block-type=db|+s7comm request download-ended block 5 block-type=db|"
	 "+s7comm request insert-block block 5 block-type=db|-s7comm request download-block block 5 block-type=db|-s7comm request request-download block 6 block-type=db"},
	{"DNP3: a file is opened, written and closed",
	 OPEN "|+" PART "|+" DNP3 "confirm|+" PART "|+" DNP3 "close-file object=g70v4|-" PART "|-" OPEN},
	{"DNP3: a file that is not open", "-" PART},
	{"DNP3: a transfer that is given up", OPEN "|+" DNP3 "abort-file object=g70v4|-" PART},
	{"DNP3: another write is none of the job", OPEN "|-" DNP3 "write iin 7 object=g80v1|+" PART},
	{"DNP3: another outstation", OPEN "|-dnp3 request unit 5 origin 3 write file 0 object=g70v5|+" PART},
	{"DNP3: a file that is read",
	 DNP3 "open-file read \"/log\" object=g70v3 file-mode=read|+" DNP3 "read file 0 object=g70v5|-" DNP3
	      "read analog-input 0 object=g30v1"},
	{"IEC 104: a file is loaded", I104
	 "download-file-ready" FILE_1 "|+" I104 "download-call-file" FILE_1 " section=0 call=call-file|+" I104
	 "download-section-ready" FILE_1 " section=1|+" I104 "download-segment" FILE_1 " section=1|+" I104
	 "download-last-section" FILE_1 " section=1|+" I104 "download-acknowledge-file" FILE_1 " section=1"},
	{"IEC 104: another file of the same station",
	 I104 "download-file-ready" FILE_1 "|-" I104
	      "download-segment cause=file-transfer test=0 file=100 file-name=2 section=1|-" I104
	      "download-segment cause=file-transfer test=0 file=101 file-name=1 section=1|+" I104
	      "download-segment" FILE_1 " section=1"},
	{"IEC 104: the next file", I104 "download-file-ready" FILE_1 "|-" I104 "download-file-ready" FILE_1},
	{"IEC 104: a file is read",
	 I104 "call-file" FILE_1 " section=0 call=call-file|+" I104 "section-ready" FILE_1 " section=1|+" I104
	      "call-file" FILE_1 " section=1 call=call-section|+" I104 "segment" FILE_1 " section=1|-" I104
	      "call-file cause=file-transfer test=0 file=100 file-name=2 section=0 call=call-file"},
	{"IEC 104: a deletion is no job",
	 I104 "download-file-ready" FILE_1 "|-" I104 "delete-file" FILE_1 " section=0 call=delete-file"},
	{"CIP: a file object is loaded", CIP
	 "initiate-download object 55/1 route=direct|+" CIP "download-transfer object 55/1 route=direct|-" CIP
	 "download-transfer object 55/2 route=direct|-" CIP "initiate-download object 55/1 route=direct|-" CIP
	 "clear-file object 55/1 route=direct"},
	{"CIP: firmware", CIP "nvs-update object 161/1 route=direct|+" CIP
			      "nvs-transfer object 161/1 route=direct|-" CIP "reset object 1/1 route=direct"},
	{"PCCC: a program is loaded",
	 CIP "pccc-download-all-request route=direct|+" CIP "pccc-open-file route=direct|+" CIP
	     "pccc-typed-file-write route=direct|+" CIP "pccc-close-file route=direct|+" CIP
	     "pccc-download-completed route=direct|-" CIP "pccc-open-file route=direct"},
	{"PCCC: what is not a step of it",
	 CIP "pccc-download-all-request route=direct|-" CIP "pccc-initialize-memory route=direct|-" CIP
	     "pccc-change-mode route=direct mode=1|+" CIP "pccc-typed-file-write route=direct"},
	{"Modbus has none",
	 "modbus request unit 1 write-single-register holding 4 = 1|-modbus request unit 1 write-single-register holding 4 = 1|"
	 "-modbus request unit 1 write-multiple-registers holding 4 = 1"},
};

static struct verdict v;
static struct flow f;
static struct route route;
static struct verdict_time now;
static struct work w;
static struct op_text text;

static void begin(void)
{
	memset(&v, 0, sizeof(v));
	memset(&f, 0, sizeof(f));
	memset(&route, 0, sizeof(route));
	now = (struct verdict_time){.mono_us = 1000000};
	w = (struct work){.v = &v, .f = &f, .route = &route, .now = &now};
	v.match.job = RULE;
}

/* One operation; true when it passes. */
static bool step(const char *op, bool locked)
{
	char err[200];

	if (op_parse(op, &text, err, sizeof(err)) != 0)
		fail_msg("%s: %s", op, err);
	route.proto = proto_find(text.proto->name, strlen(text.proto->name));
	v.pdu.ops[0] = text.op;
	v.pdu.nops = 1;
	if (locked && !job_goes_on(&w))
		return false;
	job_note(&w);
	return true;
}

static void jobs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char steps[2048], *rest = steps, *at;
		print_message("           %s\n", rows[i].name);
		snprintf(steps, sizeof(steps), "%s", rows[i].steps);
		begin();
		while ((at = strsep(&rest, "|"))) {
			bool refused = *at == '-', locked = refused || *at == '+';
			if (step(at + locked, locked) == refused)
				fail_msg("%s: %s: %s", rows[i].name, refused ? "it passes" : "it is refused",
					 at + locked);
			now.mono_us += JOB_SILENT_US / 4;
		}
	}
}

static void silence_ends_it(void **state)
{
	(void)state;
	begin();
	assert_true(step(OPEN, false));
	now.mono_us += JOB_SILENT_US;
	assert_true(step(PART, true));
	now.mono_us += JOB_SILENT_US + 1;
	assert_false(step(PART, true));
}

static void is_its_rules_own(void **state)
{
	(void)state;
	begin();
	assert_true(step(OPEN, false));
	v.match.job = OTHER;
	assert_false(step(PART, true));
	v.match.job = RULE;
	assert_true(step(PART, true));
}

/* Every operation of a PDU must be of it. */
static void with_something_else_in_one_pdu(void **state)
{
	(void)state;
	begin();
	assert_true(step(OPEN, false));
	assert_true(step(PART, true));
	char err[200];
	static struct op_text other;
	assert_int_equal(op_parse(DNP3 "write iin 7 object=g80v1", &other, err, sizeof(err)), 0);
	v.pdu.ops[1] = other.op;
	v.pdu.nops = 2;
	assert_false(job_goes_on(&w));
	v.pdu.ops[1] = v.pdu.ops[0];
	assert_true(job_goes_on(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(is_its_rules_own),
		cmocka_unit_test(with_something_else_in_one_pdu),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
