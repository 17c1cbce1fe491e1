/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of DNP3. Functions after IEEE 1815-2012, 4.4, in lower case with hyphens; objects as gGROUPvVARIATION. */
#include "protocols/dnp3.h"

#define KEY(fn)    (uint32_t)(fn) << 16, (uint32_t)(fn) << 16
#define IS(access) (1u << ACCESS_##access)

#define OBJECT FN_ARG(DNP3_ARG_OBJECT)
#define COMMAND                                                                                              \
	(FN_RANGE | FN_VALUES | OBJECT | FN_ARG(DNP3_ARG_CONTROL) | FN_ARG(DNP3_ARG_COUNT) |                 \
	 FN_ARG(DNP3_ARG_ON) | FN_ARG(DNP3_ARG_OFF))

const struct vocab_function dnp3_functions[] = {
	{KEY(0), "confirm", IS(SESSION), FN_SESSION | FN_CONTINUES, "the master has the answer"},
	{KEY(1), "read", IS(READ), FN_RANGE | FN_CONTINUES | OBJECT,
	 "points, events by class, blocks of an open file"},
	{KEY(2), "write", IS(WRITE), FN_RANGE | FN_VALUES | FN_CONTINUES | OBJECT,
	 "clock, restart indication, deadbands, strings, blocks of an open file; not outputs"},
	{KEY(3), "select", IS(OPERATE), COMMAND, "announces the OPERATE that follows"},
	{KEY(4), "operate", IS(OPERATE), COMMAND, "does what was selected within 10 s before it"},
	{KEY(5), "direct-operate", IS(OPERATE), COMMAND | FN_NAMED, "does it without a select"},
	{KEY(6), "direct-operate-no-ack", IS(OPERATE), COMMAND | FN_NAMED, "the same, and nobody answers"},
	{KEY(7), "immediate-freeze", IS(OPERATE), FN_RANGE | OBJECT, "copies counters to frozen counters"},
	{KEY(8), "immediate-freeze-no-ack", IS(OPERATE), FN_RANGE | OBJECT, "the same, and nobody answers"},
	{KEY(9), "freeze-and-clear", IS(OPERATE), FN_RANGE | OBJECT, "copies counters, then sets them to 0"},
	{KEY(10), "freeze-and-clear-no-ack", IS(OPERATE), FN_RANGE | OBJECT, "the same, and nobody answers"},
	{KEY(11), "freeze-at-time", IS(OPERATE), FN_RANGE | FN_VALUES | OBJECT,
	 "copies counters at a time, perhaps again and again"},
	{KEY(12), "freeze-at-time-no-ack", IS(OPERATE), FN_RANGE | FN_VALUES | OBJECT,
	 "the same, and nobody answers"},
	{KEY(13), "cold-restart", IS(OPERATE), FN_STOPS, "restarts the whole outstation"},
	{KEY(14), "warm-restart", IS(OPERATE), FN_STOPS, "restarts the outstation's DNP3 application"},
	{KEY(15), "initialize-data", IS(OPAQUE), FN_OPAQUE, "obsolete: content not read"},
	{KEY(16), "initialize-application", IS(OPERATE), FN_KEY | OBJECT,
	 "makes an application ready to run"},
	{KEY(17), "start-application", IS(OPERATE), FN_STOPS | FN_KEY | OBJECT,
	 "starts an application, or all"},
	{KEY(18), "stop-application", IS(OPERATE), FN_STOPS | FN_KEY | OBJECT,
	 "stops an application, or all"},
	{KEY(19), "save-configuration", IS(OPAQUE), FN_OPAQUE, "obsolete: content not read"},
	{KEY(20), "enable-unsolicited", IS(CONFIGURE), FN_RANGE | OBJECT,
	 "the outstation may report classes unasked"},
	{KEY(21), "disable-unsolicited", IS(CONFIGURE), FN_RANGE | OBJECT,
	 "the outstation may not report classes unasked"},
	{KEY(22), "assign-class", IS(CONFIGURE), FN_RANGE | OBJECT | FN_ARG(DNP3_ARG_CLASS),
	 "which class points belong to; 0 silences them"},
	{KEY(23), "delay-measurement", IS(DIAGNOSE), 0, "how long an answer takes"},
	{KEY(24), "record-current-time", IS(DIAGNOSE), 0,
	 "notes the time of arrival, for a write that follows"},
	{KEY(25), "open-file", IS(READ) | IS(WRITE), FN_KEY | FN_BEGINS | OBJECT | FN_ARG(DNP3_ARG_FILE_MODE),
	 "opens a file by name, to read, to write or to append"},
	{KEY(26), "close-file", IS(SESSION), FN_ENDS | OBJECT, "by the handle that opening gave"},
	{KEY(27), "delete-file", IS(WRITE), FN_KEY | OBJECT | FN_ARG(DNP3_ARG_FILE_MODE), "by name"},
	{KEY(28), "get-file-information", IS(READ), FN_KEY | OBJECT, "size, time and permissions, by name"},
	{KEY(29), "authenticate-file", IS(SESSION), OBJECT, "user name and password for files"},
	{KEY(30), "abort-file", IS(SESSION), FN_ENDS | OBJECT, "ends a transfer, by handle"},
	{KEY(31), "activate-configuration", IS(PROGRAM), FN_KEY | OBJECT,
	 "the outstation takes a configuration into use, by name"},
	{KEY(32), "authenticate", IS(SESSION), FN_RANGE | OBJECT,
	 "challenges, replies, keys and users of secure authentication"},
	{KEY(33), "authenticate-no-ack", IS(SESSION), FN_RANGE | OBJECT, "the same, and nobody answers"},
	{KEY(129), "response", IS(READ), OBJECT, "an answer: needs no rule"},
	{KEY(130), "unsolicited-response", IS(READ), FN_RANGE | OBJECT,
	 "events that nobody asked for; internal indications come with each"},
	{KEY(131), "authenticate-response", IS(SESSION), OBJECT, "an answer: needs no rule"},
	{(uint32_t)DNP3_LINK_PRIMARY << 16, 0x11fu << 16, "link-layer", IS(SESSION), FN_GROUP | FN_SESSION,
	 "every link frame without user data"},
	{KEY(0x100), "link-reset", IS(SESSION), FN_SESSION, "the frame count bit begins anew"},
	{KEY(0x102), "link-test", IS(SESSION), FN_SESSION, "is the other end there?"},
	{KEY(0x109), "link-status-request", IS(SESSION), FN_SESSION, "is the other end there? (keep-alive)"},
	{KEY(0x110), "link-ack", IS(SESSION), FN_SESSION, "a confirmed link frame has come"},
	{KEY(0x111), "link-nack", IS(SESSION), FN_SESSION, "a confirmed link frame was not taken"},
	{KEY(0x11b), "link-status", IS(SESSION), FN_SESSION, "the other end is there"},
	{KEY(0x11f), "link-not-supported", IS(SESSION), FN_SESSION, "the link function is not supported"},
	{0},
};

#define POINTS DNP3_ADDRESSES - 1

const struct vocab_space dnp3_spaces[] = {
	{.code = SP_ATTRIBUTE,
	 .name = "attribute",
	 .max = DNP3_ADDRESSES * DNP3_VARIATIONS - 1,
	 .writable = true,
	 .minors = DNP3_VARIATIONS,
	 .doc = "device attributes (group 0): set/variation, 0/242 is the software version"},
	{.code = SP_BINARY_INPUT, .name = "binary-input", .max = POINTS, .doc = "groups 1 and 2"},
	{.code = SP_DOUBLE_BIT, .name = "double-bit-input", .max = POINTS, .doc = "groups 3 and 4"},
	{.code = SP_BINARY_OUTPUT,
	 .name = "binary-output",
	 .max = POINTS,
	 .writable = true,
	 .doc = "state of outputs (groups 10 and 11)"},
	{.code = SP_CROB,
	 .name = "crob",
	 .max = POINTS,
	 .writable = true,
	 .doc = "commands to outputs (groups 12 and 13); their value is the control code: 3 latch-on, 4 latch-off, "
		"65 close, 129 trip"},
	{.code = SP_COUNTER, .name = "counter", .max = POINTS, .writable = true, .doc = "groups 20 to 23"},
	{.code = SP_ANALOG_INPUT,
	 .name = "analog-input",
	 .max = POINTS,
	 .writable = true,
	 .doc = "groups 30 to 33"},
	{.code = SP_DEADBAND,
	 .name = "deadband",
	 .max = POINTS,
	 .writable = true,
	 .doc = "deadbands of analog inputs (group 34)"},
	{.code = SP_ANALOG_OUTPUT,
	 .name = "analog-output",
	 .max = POINTS,
	 .writable = true,
	 .doc = "state of and commands to analog outputs (groups 40 to 43)"},
	{.code = SP_TIME,
	 .name = "time",
	 .max = POINTS,
	 .writable = true,
	 .doc = "clock, milliseconds since 1970 (groups 50 to 52); address 0"},
	{.code = SP_CLASS,
	 .name = "class",
	 .max = 3,
	 .writable = true,
	 .doc = "event classes 1 to 3, all static data 0"},
	{.code = SP_FILE,
	 .name = "file",
	 .max = INT32_MAX,
	 .bits = 8,
	 .writable = true,
	 .doc = "blocks of an open file, by number (group 70)",
	 .job = true},
	{.code = SP_IIN,
	 .name = "iin",
	 .max = 15,
	 .bits = 1,
	 .writable = true,
	 .doc = "internal indications; 7 is the restart bit that masters clear (group 80)"},
	{.code = SP_DEVICE,
	 .name = "device",
	 .max = POINTS,
	 .doc = "storage, profile, registration (groups 81 to 83)"},
	{.code = SP_DATA_SET, .name = "data-set", .max = POINTS, .writable = true, .doc = "groups 85 to 88"},
	{.code = SP_APPLICATION, .name = "application", .max = POINTS, .doc = "groups 90 and 91"},
	{.code = SP_BCD, .name = "bcd", .max = POINTS, .writable = true, .doc = "decimal digits (group 101)"},
	{.code = SP_INTEGER, .name = "integer", .max = POINTS, .writable = true, .doc = "octets (group 102)"},
	{.code = SP_OCTET_STRING,
	 .name = "octet-string",
	 .max = POINTS,
	 .writable = true,
	 .doc = "groups 110 and 111"},
	{.code = SP_TERMINAL,
	 .name = "virtual-terminal",
	 .max = POINTS,
	 .writable = true,
	 .doc = "a console in the outstation (groups 112 and 113)"},
	{.code = SP_AUTHENTICATION,
	 .name = "authentication",
	 .max = 255,
	 .writable = true,
	 .doc = "secure authentication (group 120): the address is the variation"},
	{.code = SP_STATISTIC, .name = "security-statistic", .max = POINTS, .doc = "groups 121 and 122"},
	{0},
};

/* Objects g0v0 to g255v255: their number is group * 256 + variation. */
#define V(g, v)       {(g) << 8 | (v), "g" #g "v" #v},
#define TO2(g)        V(g, 0) V(g, 1) V(g, 2)
#define TO3(g)        TO2(g) V(g, 3)
#define TO4(g)        TO3(g) V(g, 4)
#define TO6(g)        TO4(g) V(g, 5) V(g, 6)
#define TO8(g)        TO6(g) V(g, 7) V(g, 8)
#define TO12(g)       TO8(g) V(g, 9) V(g, 10) V(g, 11) V(g, 12)
#define TO15(g)       TO12(g) V(g, 13) V(g, 14) V(g, 15)
#define FIVE(g, t)    V(g, t##0) V(g, t##1) V(g, t##2) V(g, t##3) V(g, t##4)
#define TEN(g, t)     FIVE(g, t) V(g, t##5) V(g, t##6) V(g, t##7) V(g, t##8) V(g, t##9)
#define FIFTY(g, h)   TEN(g, h##0) TEN(g, h##1) TEN(g, h##2) TEN(g, h##3) TEN(g, h##4)
#define HUNDRED(g, h) FIFTY(g, h) TEN(g, h##5) TEN(g, h##6) TEN(g, h##7) TEN(g, h##8) TEN(g, h##9)
#define TO49(g)       TO8(g) V(g, 9) TEN(g, 1) TEN(g, 2) TEN(g, 3) TEN(g, 4)
#define TO99(g)       TO49(g) TEN(g, 5) TEN(g, 6) TEN(g, 7) TEN(g, 8) TEN(g, 9)
#define ALL(g)        TO99(g) HUNDRED(g, 1) FIFTY(g, 2) FIVE(g, 25) V(g, 255)

/* clang-format off */
static const struct vocab_name object_names[] = { /* one row a kind of point */
	TO4(60)
	TO2(1) TO3(2) TO2(3) TO3(4)
	TO2(10) TO2(11) TO3(12) TO2(13)
	TO8(20) TO12(21) TO8(22) TO8(23)
	TO6(30) TO8(31) TO8(32) TO8(33) TO3(34)
	TO4(40) TO4(41) TO8(42) TO8(43)
	TO4(50) TO2(51) TO2(52)
	TO8(70) V(80, 1) V(81, 1) V(82, 1) V(83, 1) V(83, 2)
	V(85, 0) V(85, 1) TO3(86) V(87, 0) V(87, 1) V(88, 0) V(88, 1) V(90, 1) V(91, 1)
	TO3(101) V(102, 0) V(102, 1)
	TO15(120) V(121, 0) V(121, 1) TO2(122)
	ALL(110) ALL(111) ALL(0) ALL(112) ALL(113)
	{0},
};
/* clang-format on */

static const struct vocab_name control_names[] = {
	{0x00, "nul"},
	{0x01, "pulse-on"},
	{0x02, "pulse-off"},
	{0x03, "latch-on"},
	{0x04, "latch-off"},
	{0x20, "clear"},
	{0x21, "pulse-on-clear"},
	{0x22, "pulse-off-clear"},
	{0x23, "latch-on-clear"},
	{0x24, "latch-off-clear"},
	{0x40, "nul-close"},
	{0x41, "close"},
	{0x42, "pulse-off-close"},
	{0x43, "latch-on-close"},
	{0x44, "latch-off-close"},
	{0x61, "close-clear"},
	{0x80, "nul-trip"},
	{0x81, "trip"},
	{0x82, "pulse-off-trip"},
	{0x83, "latch-on-trip"},
	{0x84, "latch-off-trip"},
	{0xa1, "trip-clear"},
	{0},
};

static const struct vocab_name status_names[] = {
	{0, "success"},
	{1, "timeout"},
	{2, "no-select"},
	{3, "format-error"},
	{4, "not-supported"},
	{5, "already-active"},
	{6, "hardware-error"},
	{7, "local"},
	{8, "too-many-objects"},
	{9, "not-authorized"},
	{10, "automation-inhibit"},
	{11, "processing-limited"},
	{12, "out-of-range"},
	{13, "downstream-local"},
	{14, "already-complete"},
	{15, "blocked"},
	{16, "cancelled"},
	{17, "blocked-other-master"},
	{18, "downstream-fail"},
	{126, "non-participating"},
	{127, "undefined"},
	{0},
};

static const struct vocab_name file_modes[] = {{0, "none"}, {1, "read"}, {2, "write"}, {3, "append"}, {0}};

const struct vocab_arg dnp3_args[] = {
	[DNP3_ARG_OBJECT] = {"objects", "object", object_names,
			     "group and variation, such as g30v1; as a number group * 256 + variation"},
	[DNP3_ARG_CONTROL] = {"controls", "control", control_names,
			      "control code of a CROB: latch-on, trip, close ..."},
	[DNP3_ARG_COUNT] = {"counts", "count", NULL, "how often a CROB is to be done"},
	[DNP3_ARG_ON] = {"on-times", "on-time", NULL, "milliseconds on, of a CROB"},
	[DNP3_ARG_OFF] = {"off-times", "off-time", NULL, "milliseconds off, of a CROB"},
	[DNP3_ARG_STATUS] = {"statuses", "status", status_names, "what became of a command, in answers"},
	[DNP3_ARG_FILE_MODE] = {"file-modes", "file-mode", file_modes, "how a file is opened"},
	[DNP3_ARG_CLASS] = {"classes", "class", NULL, "the class that points are assigned to"},
	{0},
};
