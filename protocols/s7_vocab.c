/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of S7: those that manuals and tools of the field use, in lower case with hyphens. */
#include "protocols/s7.h"

#define KEY(fn)         (uint32_t)(fn) << 16, (uint32_t)(fn) << 16
#define SUB(fn, sub)    (uint32_t)(fn) << 16 | (sub), (uint32_t)(fn) << 16 | (sub)
#define ALL(fn, lo, hi) (uint32_t)(fn) << 16 | (lo), (uint32_t)(fn) << 16 | (hi)
#define SPAN(lo, hi)    (uint32_t)(lo) << 16, (uint32_t)(hi) << 16 | 0xffff
#define IS(access)      (1u << ACCESS_##access)

#define TSAPS            (FN_ARG(S7_ARG_CALLING_TSAP) | FN_ARG(S7_ARG_KIND) | FN_ARG(S7_ARG_RACK) | FN_ARG(S7_ARG_SLOT))
#define BLOCK            (FN_RANGE | FN_ARG(S7_ARG_BLOCK_TYPE))
#define USER(group, sub) SUB(S7_USERDATA | S7_GROUP_##group, sub)
#define MODE(n, mode)                                                                                        \
	{                                                                                                    \
		USER(MODE, n), "mode-" mode, IS(READ), 0, "unasked: the controller changed to " mode         \
	}
#define TIS(n, name, doc)                                                                                    \
	{                                                                                                    \
		USER(PROGRAMMER, n), name, IS(OPAQUE), FN_OPAQUE, doc                                        \
	}
#define PLUS(sub, name, doc)                                                                                 \
	{                                                                                                    \
		SUB(S7_PLUS, sub), "plus-" name, IS(OPAQUE),                                                 \
			FN_OPAQUE | FN_ARG(S7_ARG_PLUS_VERSION) | FN_ARG(S7_ARG_PLUS_SESSION), doc           \
	}

const struct vocab_function s7_functions[] = {
	/* COTP */
	{SUB(S7_CONNECT, S7_CONNECT_NUMBER), "connect", IS(SESSION), TSAPS,
	 "opens the connection, to a rack and slot (TSAPs of two octets)"},
	{SUB(S7_CONNECT, S7_CONNECT_NAME), "connect-named", IS(SESSION), FN_KEY,
	 "opens the connection, to a TSAP that is a name (SIMATIC-ROOT-HMI)"},
	{KEY(S7_DISCONNECT), "disconnect", IS(SESSION), FN_SESSION, "ends the connection"},
	{KEY(S7_SETUP), "setup-communication", IS(SESSION), FN_SESSION,
	 "parallel jobs and PDU length of an S7 session"},
	{KEY(S7_ACKNOWLEDGE), "acknowledge", IS(SESSION), FN_SESSION,
	 "an answer that names no function, to a job nobody saw"},
	/* variables */
	{SUB(S7_READ, S7_VAR_BYTES), "read-var", IS(READ), FN_RANGE,
	 "octets, counters or timers; 1 to 20 items"},
	{SUB(S7_READ, S7_VAR_BIT), "read-bit", IS(READ), FN_RANGE, "one bit of an octet"},
	{SUB(S7_READ, S7_VAR_SYMBOLIC), "read-symbolic", IS(OPAQUE), FN_OPAQUE,
	 "a symbolic address of an S7-1200 or 1500, not read"},
	{SUB(S7_READ, S7_VAR_NCK), "read-nck", IS(OPAQUE), FN_OPAQUE,
	 "a variable of a SINUMERIK NC, not read"},
	{SUB(S7_READ, S7_VAR_DRIVE), "read-drive", IS(OPAQUE), FN_OPAQUE, "a drive parameter, not read"},
	{SUB(S7_WRITE, S7_VAR_BYTES), "write-var", IS(WRITE), FN_RANGE | FN_VALUES,
	 "octets, counters or timers; 1 to 20 items"},
	{SUB(S7_WRITE, S7_VAR_BIT), "write-bit", IS(OPERATE), FN_RANGE | FN_VALUES | FN_ARG(S7_ARG_BIT),
	 "one bit of an octet, 0 or 1: the others stay"},
	{SUB(S7_WRITE, S7_VAR_SYMBOLIC), "write-symbolic", IS(OPAQUE), FN_OPAQUE,
	 "a symbolic address of an S7-1200 or 1500, not read"},
	{SUB(S7_WRITE, S7_VAR_NCK), "write-nck", IS(OPAQUE), FN_OPAQUE,
	 "a variable of a SINUMERIK NC, not read"},
	{SUB(S7_WRITE, S7_VAR_DRIVE), "write-drive", IS(OPAQUE), FN_OPAQUE, "a drive parameter, not read"},
	/* blocks */
	{SPAN(S7_REQUEST_DOWNLOAD, S7_DOWNLOAD_ENDED), "download", IS(PROGRAM), FN_GROUP | BLOCK,
	 "all steps of a block's way into the controller"},
	{KEY(S7_REQUEST_DOWNLOAD), "request-download", IS(PROGRAM), BLOCK | FN_BEGINS,
	 "asks to load a block"},
	{KEY(S7_DOWNLOAD_BLOCK), "download-block", IS(PROGRAM), BLOCK | FN_CONTINUES,
	 "the controller asks for a part of the block that is loaded"},
	{KEY(S7_DOWNLOAD_ENDED), "download-ended", IS(PROGRAM), BLOCK | FN_CONTINUES,
	 "the controller has all parts"},
	{SPAN(S7_START_UPLOAD, S7_END_UPLOAD), "upload", IS(PROGRAM), FN_GROUP | BLOCK,
	 "all steps of a block's way out of the controller"},
	{KEY(S7_START_UPLOAD), "start-upload", IS(PROGRAM), BLOCK | FN_BEGINS, "asks to read a block out"},
	{KEY(S7_UPLOAD), "upload-block", IS(PROGRAM), BLOCK | FN_CONTINUES,
	 "a part of the block that is read out"},
	{KEY(S7_END_UPLOAD), "end-upload", IS(PROGRAM), BLOCK | FN_ENDS, "all parts are read out"},
	/* program invocations */
	{SUB(S7_PI_SERVICE, S7_PI_OTHER), "pi-service", IS(PROGRAM), FN_KEY,
	 "a program invocation service that has no function of its own here, by name"},
	{SUB(S7_PI_SERVICE, S7_PI_START), "plc-start", IS(PROGRAM), FN_STOPS | FN_ARG(S7_ARG_START_KIND),
	 "P_PROGRAM: starts the user program"},
	{SUB(S7_PI_SERVICE, S7_PI_INSERT), "insert-block", IS(PROGRAM), BLOCK | FN_ENDS,
	 "_INSE: puts a loaded block in place; one operation a block"},
	{SUB(S7_PI_SERVICE, S7_PI_DELETE), "delete-block", IS(PROGRAM), BLOCK,
	 "_DELE: deletes a block; one operation a block"},
	{SUB(S7_PI_SERVICE, S7_PI_COMPRESS), "compress-memory", IS(PROGRAM), 0, "_GARB"},
	{SUB(S7_PI_SERVICE, S7_PI_COPY), "copy-ram-to-rom", IS(PROGRAM), 0, "_MODU"},
	{KEY(S7_PLC_STOP), "plc-stop", IS(PROGRAM), FN_STOPS, "stops the user program"},
	/* userdata */
	{ALL(S7_USERDATA | S7_GROUP_MODE, 0, 12), "mode-change", IS(READ), FN_GROUP,
	 "unasked: the controller changed its mode"},
	MODE(0, "stop"),
	MODE(1, "warm-restart"),
	MODE(2, "run"),
	MODE(3, "hot-restart"),
	MODE(4, "hold"),
	MODE(6, "cold-restart"),
	MODE(9, "run-redundant"),
	MODE(11, "link-up"),
	MODE(12, "update"),
	{ALL(S7_USERDATA | S7_GROUP_PROGRAMMER, 0, 0xff), "programmer", IS(OPAQUE), FN_OPAQUE,
	 "test and installation functions of the programming device; 1793/CODE names one"},
	TIS(1, "programmer-block-status", "watches a block while it runs"),
	TIS(2, "programmer-variable-status", "watches variables"),
	TIS(3, "programmer-interrupt-stack", "reads the interrupt stack"),
	TIS(4, "programmer-block-stack", "reads the block stack"),
	TIS(5, "programmer-local-stack", "reads the local data stack"),
	TIS(6, "programmer-time-measurement", "measures the run time between two places"),
	TIS(7, "programmer-force-selection", "chooses what is forced"),
	TIS(8, "programmer-modify-variable", "writes variables from the programming device"),
	TIS(9, "programmer-force", "forces inputs and outputs"),
	TIS(10, "programmer-breakpoint", "sets a breakpoint"),
	TIS(11, "programmer-exit-hold", "goes on after a breakpoint"),
	TIS(12, "programmer-memory-reset", "clears the controller's memory"),
	TIS(13, "programmer-disable-job", "switches a test job off"),
	TIS(14, "programmer-enable-job", "switches a test job on"),
	TIS(15, "programmer-delete-job", "deletes a test job"),
	TIS(16, "programmer-read-job-list", "lists the test jobs"),
	TIS(17, "programmer-read-job", "reads a test job"),
	TIS(18, "programmer-replace-job", "replaces a test job"),
	TIS(19, "programmer-block-status-2", "watches a block while it runs"),
	TIS(22, "programmer-flash-led", "lets a lamp of the controller blink"),
	{USER(CYCLIC, 1), "cyclic-read", IS(READ), FN_RANGE, "asks for variables at an interval"},
	{USER(CYCLIC, 4), "cyclic-end", IS(READ), 0, "ends cyclic data"},
	{USER(CYCLIC, 5), "change-driven-read", IS(READ), FN_RANGE,
	 "asks for variables whenever they change"},
	{USER(BLOCKS, 1), "list-blocks", IS(DIAGNOSE), 0, "how many blocks there are of each type"},
	{USER(BLOCKS, 2), "list-blocks-of-type", IS(DIAGNOSE), FN_ARG(S7_ARG_BLOCK_TYPE),
	 "which blocks there are"},
	{USER(BLOCKS, 3), "block-info", IS(DIAGNOSE), BLOCK, "what a block is: author, dates, checksum"},
	{USER(CYCLIC, 7), "change-driven-modify", IS(READ), FN_RANGE,
	 "asks for other variables whenever they change"},
	{USER(CYCLIC, S7_PUSHED | 1), "cyclic-data", IS(READ), 0, "unasked: what cyclic-read asked for"},
	{USER(CYCLIC, S7_PUSHED | 5), "changed-data", IS(READ), 0,
	 "unasked: what change-driven-read asked for"},
	{USER(CYCLIC, S7_PUSHED | 7), "changed-data-modified", IS(READ), 0,
	 "unasked: what change-driven-modify asked for"},
	{USER(CPU, 1), "read-szl", IS(READ), FN_RANGE, "a system state list"},
	{USER(CPU, 2), "message-service", IS(READ), 0, "subscribes to messages of the controller"},
	{USER(CPU, 3), "diagnostic-message", IS(READ), 0, "unasked: an entry of the diagnostic buffer"},
	{USER(CPU, 5), "alarm-8", IS(READ), 0, "unasked: ALARM_8 indication"},
	{USER(CPU, 6), "notify", IS(READ), 0, "unasked: NOTIFY indication"},
	{USER(CPU, 7), "alarm-lock", IS(OPERATE), 0, "locks alarms"},
	{USER(CPU, 8), "alarm-unlock", IS(OPERATE), 0, "unlocks alarms"},
	{USER(CPU, 9), "scan", IS(READ), 0, "unasked: SCAN indication"},
	{USER(CPU, 0x0b), "alarm-acknowledge", IS(OPERATE), 0, "acknowledges alarms"},
	{USER(CPU, 0x0c), "alarm-acknowledged", IS(READ), 0, "unasked: an alarm was acknowledged"},
	{USER(CPU, 0x0d), "alarm-locked", IS(READ), 0, "unasked: an alarm was locked"},
	{USER(CPU, 0x0e), "alarm-unlocked", IS(READ), 0, "unasked: an alarm was unlocked"},
	{USER(CPU, 0x11), "alarm-sq", IS(READ), 0, "unasked: ALARM_SQ indication"},
	{USER(CPU, 0x12), "alarm-s", IS(READ), 0, "unasked: ALARM_S indication"},
	{USER(CPU, 0x13), "alarm-query", IS(READ), 0, "asks which alarms are pending"},
	{USER(CPU, 0x16), "notify-8", IS(READ), 0, "unasked: NOTIFY_8 indication"},
	{USER(SECURITY, 1), "password", IS(PROGRAM), 0, "lifts the controller's protection with a password"},
	{USER(SECURITY, 2), "password-end", IS(PROGRAM), 0, "puts the protection back"},
	{ALL(S7_USERDATA | S7_GROUP_BSEND, 0, 0xff), "bsend", IS(OPAQUE), FN_OPAQUE,
	 "BSEND and BRECV between controllers"},
	{USER(TIME, 1), "read-clock", IS(READ), 0, "the controller's clock"},
	{USER(TIME, 2), "set-clock", IS(CONFIGURE), 0, "sets it"},
	{USER(TIME, 3), "read-clock-following", IS(READ), 0, "the clock, another form"},
	{USER(TIME, 4), "set-clock-following", IS(CONFIGURE), 0, "sets it, another form"},
	{ALL(S7_USERDATA | S7_GROUP_NC, 0, 0xff), "nc-programming", IS(OPAQUE), FN_OPAQUE,
	 "files of a SINUMERIK NC"},
	/* S7comm-plus */
	{ALL(S7_PLUS, 0, 0xffff), "plus", IS(OPAQUE),
	 FN_OPAQUE | FN_ARG(S7_ARG_PLUS_VERSION) | FN_ARG(S7_ARG_PLUS_SESSION),
	 "S7comm-plus; 29184/CODE names one of its functions"},
	PLUS(S7_PLUS_NOTIFICATION, "notification", "unasked: what a subscription brings"),
	PLUS(0x4bb, "explore", "looks at the controller's objects"),
	PLUS(0x4ca, "create-object", "opens a session, subscribes, loads a block"),
	PLUS(0x4d4, "delete-object", "closes a session, deletes a block"),
	PLUS(0x4f2, "set-variable", "writes an attribute"),
	PLUS(0x4fc, "get-variable", "reads an attribute"),
	PLUS(0x506, "add-link", "links objects"),
	PLUS(0x51a, "remove-link", "unlinks objects"),
	PLUS(0x524, "get-link", "reads links"),
	PLUS(0x542, "set-multi-variables", "writes variables"),
	PLUS(0x54c, "get-multi-variables", "reads variables"),
	PLUS(0x556, "begin-sequence", "begins a change of several objects"),
	PLUS(0x560, "end-sequence", "ends it"),
	PLUS(0x56b, "invoke", "calls a method"),
	PLUS(0x57c, "set-variable-substreamed", "writes an attribute in parts"),
	PLUS(0x586, "get-variable-substreamed", "reads an attribute in parts"),
	PLUS(0x590, "get-variables-address", "asks for addresses"),
	PLUS(0x59a, "abort", "ends a job"),
	PLUS(0x5a9, "error", "reports an error"),
	PLUS(S7_PLUS_INIT_SSL, "init-ssl", "goes over to TLS"),
	PLUS(S7_PLUS_EVENT, "system-event", "a message of the transport itself"),
	{SUB(S7_PLUS, S7_PLUS_TLS), "plus-tls", IS(OPAQUE), FN_OPAQUE, "S7comm-plus inside TLS"},
	/* MMS */
	{SUB(S7_MMS, S7_MMS_ASSOCIATE), "mms-associate", IS(OPAQUE), FN_OPAQUE, "opens an MMS session"},
	{SUB(S7_MMS, S7_MMS_DATA), "mms-data", IS(OPAQUE), FN_OPAQUE, "whatever MMS carries, both ways"},
	{SUB(S7_MMS, S7_MMS_RELEASE), "mms-release", IS(OPAQUE), FN_OPAQUE, "ends an MMS session"},
	{0},
};

#define AREA(space, key, can_write, text)                                                                    \
	{                                                                                                    \
		.code = (space), .name = (key), .max = S7_ADDRESSES - 1, .bits = 8, .writable = (can_write), \
		.doc = (text)                                                                                \
	}

const struct vocab_space s7_spaces[] = {
	{.code = S7_SPACE_DB,
	 .name = "db",
	 .max = UINT32_MAX,
	 .bits = 8,
	 .writable = true,
	 .minors = S7_MINORS,
	 .doc = "data blocks: number/octet"},
	{.code = S7_SPACE_INSTANCE_DB,
	 .name = "instance-db",
	 .max = UINT32_MAX,
	 .bits = 8,
	 .writable = true,
	 .minors = S7_MINORS,
	 .doc = "instance data blocks: number/octet"},
	AREA(S7_SPACE_INPUT, "input", true, "process image of the inputs (I, E), by octet"),
	AREA(S7_SPACE_OUTPUT, "output", true, "process image of the outputs (Q, A), by octet"),
	AREA(S7_SPACE_MERKER, "merker", true, "bit memory (M), by octet"),
	AREA(S7_SPACE_PERIPHERAL, "peripheral", true, "inputs and outputs themselves (PI, PQ), by octet"),
	AREA(S7_SPACE_LOCAL, "local", true, "local data, by octet"),
	AREA(S7_SPACE_CALLER_LOCAL, "caller-local", true, "local data of the calling block, by octet"),
	AREA(S7_SPACE_SYSTEM, "system-memory", true, "special memory of an S7-200 (SM), by octet"),
	AREA(S7_SPACE_ANALOG_IN, "analog-input", true, "analog inputs of an S7-200 (AI), by octet"),
	AREA(S7_SPACE_ANALOG_OUT, "analog-output", true, "analog outputs of an S7-200 (AQ), by octet"),
	{.code = S7_SPACE_COUNTER,
	 .name = "counter",
	 .max = S7_ADDRESSES - 1,
	 .bits = 16,
	 .writable = true,
	 .doc = "counters (C, Z), by number"},
	{.code = S7_SPACE_TIMER,
	 .name = "timer",
	 .max = S7_ADDRESSES - 1,
	 .bits = 16,
	 .writable = true,
	 .doc = "timers (T), by number"},
	{.code = S7_SPACE_SZL,
	 .name = "szl",
	 .max = UINT32_MAX,
	 .bits = 8,
	 .minors = S7_MINORS,
	 .doc = "system state lists: id/index"},
	{.code = S7_SPACE_BLOCK,
	 .name = "block",
	 .max = S7_BLOCK_NUMBER_MAX,
	 .bits = 8,
	 .writable = true,
	 .doc = "blocks by number; their type is an argument, block-type",
	 .job = true},
	{0},
};

static const struct vocab_name kinds[] = {{1, "pg"}, {2, "op"}, {3, "basic"}, {0}};
static const struct vocab_name block_types[] = {{8, "ob"},   {10, "db"}, {11, "sdb"}, {12, "fc"},
						{13, "sfc"}, {14, "fb"}, {15, "sfb"}, {0}};
static const struct vocab_name start_kinds[] = {{0, "restart"}, {1, "cold"}, {0}};
static const struct vocab_name results[] = {{0x00, "reserved"},
					    {0x01, "hardware-fault"},
					    {0x03, "access-denied"},
					    {0x05, "address-out-of-range"},
					    {0x06, "type-not-supported"},
					    {0x07, "type-inconsistent"},
					    {0x0a, "object-does-not-exist"},
					    {0}};

const struct vocab_arg s7_args[] = {
	[S7_ARG_CALLING_TSAP] = {"calling-tsaps", "calling-tsap", NULL, "the client's TSAP, two octets"},
	[S7_ARG_KIND] = {"connection-kinds", "connection-kind", kinds,
			 "first octet of the called TSAP: programming device, operator panel, other"},
	[S7_ARG_RACK] = {"racks", "rack", NULL, "three bits of the called TSAP"},
	[S7_ARG_SLOT] = {"slots", "slot", NULL, "five bits of the called TSAP"},
	[S7_ARG_BIT] = {"bits", "bit", NULL, "which bit of the octet"},
	[S7_ARG_BLOCK_TYPE] = {"block-types", "block-type", block_types, "the type of block"},
	[S7_ARG_START_KIND] = {"start-kinds", "start-kind", start_kinds, "how the user program is started"},
	[S7_ARG_PLUS_VERSION] = {"plus-versions", "plus-version", NULL, "protocol version of S7comm-plus"},
	[S7_ARG_PLUS_SESSION] = {"plus-sessions", "plus-session", NULL,
				 "session id of an S7comm-plus request"},
	[S7_ARG_RESULT] = {"results", "result", results, "of answers: why an item was refused"},
	{0},
};

const struct vocab_option s7_options[] = {
	{S7_OPTION_TPDU_NUMBER, "tpdu-number-any",
	 "DT may carry a TPDU number, which class 0 does not have: some PLC libraries count there",
	 REASON_RESERVED, "cotp.tpdu-number"},
	{0},
};
