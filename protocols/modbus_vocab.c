/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of Modbus. Function names are the specification's own (V1.1b3, section 6), in lower case with hyphens. */
#include "protocols/modbus.h"

#define KEY(fn)         (uint32_t)(fn) << 16, (uint32_t)(fn) << 16
#define SUB(fn, sub)    (uint32_t)(fn) << 16 | (sub), (uint32_t)(fn) << 16 | (sub)
#define ALL(fn, lo, hi) (uint32_t)(fn) << 16 | (lo), (uint32_t)(fn) << 16 | (hi)
#define IS(access)      (1u << ACCESS_##access)
#define USER(n)                                                                                              \
	{                                                                                                    \
		KEY(n), "user-defined-" #n, IS(OPAQUE), FN_OPAQUE, "user-defined function " #n               \
	}

const struct vocab_function modbus_functions[] = {
	{KEY(1), "read-coils", IS(READ), FN_RANGE, "1 to 2000 coils"},
	{KEY(2), "read-discrete-inputs", IS(READ), FN_RANGE, "1 to 2000 discrete inputs"},
	{KEY(3), "read-holding-registers", IS(READ), FN_RANGE, "1 to 125 holding registers"},
	{KEY(4), "read-input-registers", IS(READ), FN_RANGE, "1 to 125 input registers"},
	{KEY(5), "write-single-coil", IS(WRITE), FN_RANGE | FN_VALUES, "one coil, 0 or 1"},
	{KEY(6), "write-single-register", IS(WRITE), FN_RANGE | FN_VALUES, "one holding register"},
	{KEY(7), "read-exception-status", IS(READ), 0, "eight status bits of the device"},
	{ALL(8, 0, 0xffff), "diagnostics", IS(DIAGNOSE) | IS(OPERATE) | IS(CONFIGURE), FN_GROUP,
	 "every sub-function of 8"},
	{SUB(8, 0), "return-query-data", IS(DIAGNOSE), 0, "the device sends the data back"},
	{SUB(8, 1), "restart-communications", IS(OPERATE), FN_STOPS,
	 "restarts the port; with 0xff00 clears its event log"},
	{SUB(8, 2), "return-diagnostic-register", IS(DIAGNOSE), 0, "16 bits of the device's own"},
	{SUB(8, 3), "change-ascii-input-delimiter", IS(CONFIGURE), 0,
	 "end-of-message character of a serial line"},
	{SUB(8, 4), "force-listen-only-mode", IS(OPERATE), FN_STOPS,
	 "the device stops answering; no answer to this either"},
	{SUB(8, 10), "clear-counters", IS(CONFIGURE), 0, "clears counters and diagnostic register"},
	{SUB(8, 11), "return-bus-message-count", IS(DIAGNOSE), 0, "messages seen on the line"},
	{SUB(8, 12), "return-bus-communication-error-count", IS(DIAGNOSE), 0, "checksum errors on the line"},
	{SUB(8, 13), "return-bus-exception-error-count", IS(DIAGNOSE), 0, "exceptions the device answered"},
	{SUB(8, 14), "return-server-message-count", IS(DIAGNOSE), 0, "messages to the device"},
	{SUB(8, 15), "return-server-no-response-count", IS(DIAGNOSE), 0, "messages it did not answer"},
	{SUB(8, 16), "return-server-nak-count", IS(DIAGNOSE), 0, "negative acknowledgements it answered"},
	{SUB(8, 17), "return-server-busy-count", IS(DIAGNOSE), 0, "times it answered busy"},
	{SUB(8, 18), "return-bus-character-overrun-count", IS(DIAGNOSE), 0, "characters lost on the line"},
	{SUB(8, 20), "clear-overrun-counter", IS(CONFIGURE), 0, "clears overrun counter and flag"},
	{SUB(8, 21), "modbus-plus-statistics", IS(DIAGNOSE) | IS(CONFIGURE), 0,
	 "reads (3) or clears (4) the statistics of a Modbus Plus node"},
	{KEY(11), "get-comm-event-counter", IS(DIAGNOSE), 0, "status and count of successful messages"},
	{KEY(12), "get-comm-event-log", IS(DIAGNOSE), 0, "status, counts and up to 64 events"},
	{KEY(15), "write-multiple-coils", IS(WRITE), FN_RANGE | FN_VALUES, "1 to 1968 coils"},
	{KEY(16), "write-multiple-registers", IS(WRITE), FN_RANGE | FN_VALUES, "1 to 123 holding registers"},
	{KEY(17), "report-server-id", IS(READ), 0, "what the device is, and whether it runs"},
	{KEY(20), "read-file-record", IS(READ), FN_RANGE, "records of files, one operation a sub-request"},
	{KEY(21), "write-file-record", IS(WRITE), FN_RANGE | FN_VALUES,
	 "records of files, one operation a sub-request"},
	{KEY(22), "mask-write-register", IS(WRITE), FN_RANGE | FN_VALUES,
	 "sets and clears bits of a holding register: the result is not known"},
	{KEY(23), "read-write-multiple-registers", IS(READ) | IS(WRITE), FN_RANGE | FN_VALUES,
	 "two operations: a write of 1 to 121, then a read of 1 to 125"},
	{KEY(24), "read-fifo-queue", IS(READ), FN_RANGE, "up to 31 registers of a queue"},
	{SUB(43, 13), "canopen-general-reference", IS(OPAQUE), FN_OPAQUE,
	 "a CANopen request inside Modbus (43/13)"},
	{SUB(43, 14), "read-device-identification", IS(READ), FN_ARG(MB_ARG_ID_CODE) | FN_ARG(MB_ARG_OBJECT),
	 "names and versions of the device (43/14)"},
	USER(65),
	USER(66),
	USER(67),
	USER(68),
	USER(69),
	USER(70),
	USER(71),
	USER(72),
	{ALL(90, 0, 0xff), "umas", IS(OPAQUE), FN_OPAQUE,
	 "Schneider programming (UMAS); 90/CODE names one of its functions"},
	USER(100),
	USER(101),
	USER(102),
	USER(103),
	USER(104),
	USER(105),
	USER(106),
	USER(107),
	USER(108),
	USER(109),
	USER(110),
	{0},
};

/*
 * The six-digit Modicon number of a coil differs from a five-digit one of another table only by its leading zeros, which
 * a policy does not take: coils have the five-digit form alone.
 */
const struct vocab_space modbus_spaces[] = {
	{.code = MB_SPACE_COIL,
	 .name = "coil",
	 .max = MB_ADDRESSES - 1,
	 .bits = 1,
	 .writable = true,
	 .modicon_first = 1,
	 .modicon_last = 9999,
	 .doc = "coils, one bit each"},
	{.code = MB_SPACE_DISCRETE,
	 .name = "discrete",
	 .max = MB_ADDRESSES - 1,
	 .bits = 1,
	 .modicon_first = 10001,
	 .modicon_last = 19999,
	 .modicon_first6 = 100001,
	 .modicon_last6 = 165536,
	 .doc = "discrete inputs, one bit each"},
	{.code = MB_SPACE_INPUT,
	 .name = "input",
	 .max = MB_ADDRESSES - 1,
	 .bits = 16,
	 .modicon_first = 30001,
	 .modicon_last = 39999,
	 .modicon_first6 = 300001,
	 .modicon_last6 = 365536,
	 .doc = "input registers"},
	{.code = MB_SPACE_HOLDING,
	 .name = "holding",
	 .max = MB_ADDRESSES - 1,
	 .bits = 16,
	 .writable = true,
	 .modicon_first = 40001,
	 .modicon_last = 49999,
	 .modicon_first6 = 400001,
	 .modicon_last6 = 465536,
	 .doc = "holding registers"},
	{.code = MB_SPACE_FILE,
	 .name = "file",
	 .min = MB_FILE_RECORDS,
	 .max = 65535u * MB_FILE_RECORDS + MB_FILE_RECORDS - 1,
	 .bits = 16,
	 .writable = true,
	 .doc = "file records: file number * 10000 + record number, so that 40000..49999 is all of file 4"},
	{.code = MB_SPACE_FIFO,
	 .name = "fifo",
	 .max = MB_ADDRESSES - 1,
	 .bits = 16,
	 .doc = "first-in-first-out queues, by pointer address"},
	{0},
};

static const struct vocab_name id_codes[] = {
	{1, "basic"}, {2, "regular"}, {3, "extended"}, {4, "individual"}, {0}};

const struct vocab_arg modbus_args[] = {
	[MB_ARG_ID_CODE] = {"id-codes", "id-code", id_codes, "which part of the identification 43/14 reads"},
	[MB_ARG_OBJECT] = {"objects", "object", NULL, "the first object 43/14 reads"},
	{0},
};

const struct vocab_option modbus_options[] = {
	{MB_OPTION_UNIT_ZERO, "unit-zero-is-device",
	 "unit 0 is the device itself, which answers, and not a broadcast", REASON_BROADCAST, NULL},
	{MB_OPTION_PADDING, "padding-any", "bits behind the last coil may be set", REASON_RESERVED, NULL},
	{0},
};
