/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of IEC 60870-5-104. Each function's text begins with the standard's own abbreviation. */
#include "protocols/iec104.h"

#define KEY(fn)      (uint32_t)(fn) << 16, (uint32_t)(fn) << 16
#define SUB(fn, sub) (uint32_t)(fn) << 16 | (sub), (uint32_t)(fn) << 16 | (sub)
#define ALL(fn)      (uint32_t)(fn) << 16, (uint32_t)(fn) << 16 | 0xffff
#define SPAN(lo, hi) (uint32_t)(lo) << 16, (uint32_t)(hi) << 16 | 0xffff
#define IS(access)   (1u << ACCESS_##access)

#define CAUSE   (FN_ARG(I104_ARG_CAUSE) | FN_ARG(I104_ARG_TEST))
#define POINT   (FN_RANGE | CAUSE)
#define COMMAND (FN_RANGE | FN_VALUES | CAUSE | FN_ARG(I104_ARG_SELECT) | FN_ARG(I104_ARG_QUALIFIER))
#define BITS    (FN_RANGE | FN_VALUES | CAUSE)
#define SETTING (FN_RANGE | FN_VALUES | CAUSE | FN_ARG(I104_ARG_QPM))
#define A_FILE  (CAUSE | FN_ARG(I104_ARG_FILE) | FN_ARG(I104_ARG_NOF))
#define SECTION (A_FILE | FN_ARG(I104_ARG_NOS))
#define CALL    (SECTION | FN_ARG(I104_ARG_SCQ))
#define SECURE(n, text)                                                                                      \
	{                                                                                                    \
		KEY(n), "secure-authentication-" #n, IS(OPAQUE), FN_OPAQUE | CAUSE, text                     \
	}

const struct vocab_function iec104_functions[] = {
	{SPAN(1, 40), "process-information", IS(READ), FN_GROUP,
	 "every type 1 to 40: what a station reports"},
	{KEY(1), "single-point", IS(READ), POINT, "M_SP_NA_1: one bit with its quality"},
	{KEY(2), "single-point-time24", IS(READ), POINT, "M_SP_TA_1: with a time tag of three octets"},
	{KEY(3), "double-point", IS(READ), POINT, "M_DP_NA_1: 0 between, 1 off, 2 on, 3 disturbed"},
	{KEY(4), "double-point-time24", IS(READ), POINT, "M_DP_TA_1: with a time tag of three octets"},
	{KEY(5), "step-position", IS(READ), POINT, "M_ST_NA_1: position of a tap changer, -64 to 63"},
	{KEY(6), "step-position-time24", IS(READ), POINT, "M_ST_TA_1: with a time tag of three octets"},
	{KEY(7), "bitstring", IS(READ), POINT, "M_BO_NA_1: 32 bits"},
	{KEY(8), "bitstring-time24", IS(READ), POINT, "M_BO_TA_1: with a time tag of three octets"},
	{KEY(9), "measured-normalised", IS(READ), POINT, "M_ME_NA_1: -32768 to 32767, meaning -1 to 1"},
	{KEY(10), "measured-normalised-time24", IS(READ), POINT,
	 "M_ME_TA_1: with a time tag of three octets"},
	{KEY(11), "measured-scaled", IS(READ), POINT, "M_ME_NB_1: -32768 to 32767"},
	{KEY(12), "measured-scaled-time24", IS(READ), POINT, "M_ME_TB_1: with a time tag of three octets"},
	{KEY(13), "measured-float", IS(READ), POINT, "M_ME_NC_1: a short floating point number"},
	{KEY(14), "measured-float-time24", IS(READ), POINT, "M_ME_TC_1: with a time tag of three octets"},
	{KEY(15), "integrated-totals", IS(READ), POINT, "M_IT_NA_1: a counter"},
	{KEY(16), "integrated-totals-time24", IS(READ), POINT, "M_IT_TA_1: with a time tag of three octets"},
	{KEY(17), "protection-event-time24", IS(READ), POINT, "M_EP_TA_1: an event of protection equipment"},
	{KEY(18), "protection-start-time24", IS(READ), POINT, "M_EP_TB_1: start events, packed"},
	{KEY(19), "protection-output-time24", IS(READ), POINT, "M_EP_TC_1: output circuits, packed"},
	{KEY(20), "packed-single-points", IS(READ), POINT, "M_PS_NA_1: 16 bits, and which of them changed"},
	{KEY(21), "measured-normalised-bare", IS(READ), POINT, "M_ME_ND_1: without a quality"},
	{KEY(30), "single-point-time", IS(READ), POINT, "M_SP_TB_1: with date and time"},
	{KEY(31), "double-point-time", IS(READ), POINT, "M_DP_TB_1: with date and time"},
	{KEY(32), "step-position-time", IS(READ), POINT, "M_ST_TB_1: with date and time"},
	{KEY(33), "bitstring-time", IS(READ), POINT, "M_BO_TB_1: with date and time"},
	{KEY(34), "measured-normalised-time", IS(READ), POINT, "M_ME_TD_1: with date and time"},
	{KEY(35), "measured-scaled-time", IS(READ), POINT, "M_ME_TE_1: with date and time"},
	{KEY(36), "measured-float-time", IS(READ), POINT, "M_ME_TF_1: with date and time"},
	{KEY(37), "integrated-totals-time", IS(READ), POINT, "M_IT_TB_1: with date and time"},
	{KEY(38), "protection-event-time", IS(READ), POINT, "M_EP_TD_1: with date and time"},
	{KEY(39), "protection-start-time", IS(READ), POINT, "M_EP_TE_1: with date and time"},
	{KEY(40), "protection-output-time", IS(READ), POINT, "M_EP_TF_1: with date and time"},
	{SPAN(45, 64), "process-commands", IS(OPERATE) | IS(WRITE), FN_GROUP,
	 "every type 45 to 64: commands and set-points"},
	{KEY(45), "single-command", IS(OPERATE), COMMAND, "C_SC_NA_1: 0 off, 1 on"},
	{KEY(46), "double-command", IS(OPERATE), COMMAND, "C_DC_NA_1: 1 off, 2 on"},
	{KEY(47), "step-command", IS(OPERATE), COMMAND, "C_RC_NA_1: 1 lower, 2 higher"},
	{KEY(48), "set-point-normalised", IS(WRITE), COMMAND, "C_SE_NA_1: -32768 to 32767, meaning -1 to 1"},
	{KEY(49), "set-point-scaled", IS(WRITE), COMMAND, "C_SE_NB_1: -32768 to 32767"},
	{KEY(50), "set-point-float", IS(WRITE), COMMAND, "C_SE_NC_1: a short floating point number"},
	{KEY(51), "bitstring-command", IS(OPERATE), BITS, "C_BO_NA_1: 32 bits, never selected"},
	{KEY(58), "single-command-time", IS(OPERATE), COMMAND, "C_SC_TA_1: with date and time"},
	{KEY(59), "double-command-time", IS(OPERATE), COMMAND, "C_DC_TA_1: with date and time"},
	{KEY(60), "step-command-time", IS(OPERATE), COMMAND, "C_RC_TA_1: with date and time"},
	{KEY(61), "set-point-normalised-time", IS(WRITE), COMMAND, "C_SE_TA_1: with date and time"},
	{KEY(62), "set-point-scaled-time", IS(WRITE), COMMAND, "C_SE_TB_1: with date and time"},
	{KEY(63), "set-point-float-time", IS(WRITE), COMMAND, "C_SE_TC_1: with date and time"},
	{KEY(64), "bitstring-command-time", IS(OPERATE), BITS, "C_BO_TA_1: with date and time"},
	{KEY(70), "end-of-initialisation", IS(READ), CAUSE | FN_ARG(I104_ARG_COI),
	 "M_EI_NA_1: the station has started, and why"},
	SECURE(81, "S_CH_NA_1: challenge"),
	SECURE(82, "S_RP_NA_1: reply"),
	SECURE(83, "S_AR_NA_1: aggressive mode request, which holds another message"),
	SECURE(84, "S_KR_NA_1: session key status request"),
	SECURE(85, "S_KS_NA_1: session key status"),
	SECURE(86, "S_KC_NA_1: session key change"),
	SECURE(87, "S_ER_NA_1: authentication error"),
	SECURE(90, "S_US_NA_1: user status change"),
	SECURE(91, "S_UQ_NA_1: update key change request"),
	SECURE(92, "S_UR_NA_1: update key change reply"),
	SECURE(93, "S_UK_NA_1: update key change, symmetric"),
	SECURE(94, "S_UA_NA_1: update key change, asymmetric"),
	SECURE(95, "S_UC_NA_1: update key change confirmation"),
	{KEY(100), "interrogation", IS(READ), CAUSE | FN_ARG(I104_ARG_QOI),
	 "C_IC_NA_1: the state of all points, or of a group"},
	{KEY(101), "counter-interrogation", IS(READ) | IS(OPERATE),
	 CAUSE | FN_ARG(I104_ARG_RQT) | FN_ARG(I104_ARG_FRZ),
	 "C_CI_NA_1: reads counters; operates when it freezes or resets them"},
	{KEY(102), "read", IS(READ), POINT, "C_RD_NA_1: one point, of any kind"},
	{KEY(103), "clock-synchronisation", IS(CONFIGURE) | IS(READ), CAUSE,
	 "C_CS_NA_1: sets the clock of the station; reads where the station tells its time"},
	{KEY(104), "test", IS(DIAGNOSE), CAUSE, "C_TS_NA_1: a fixed pattern, sent back"},
	{KEY(105), "reset-process", IS(OPERATE), FN_STOPS | CAUSE | FN_ARG(I104_ARG_QRP),
	 "C_RP_NA_1: restarts the station"},
	{KEY(106), "delay-acquisition", IS(CONFIGURE), CAUSE, "C_CD_NA_1: tells the transmission delay"},
	{KEY(107), "test-time", IS(DIAGNOSE), CAUSE, "C_TS_TA_1: a counter and a time, sent back"},
	{KEY(110), "parameter-normalised", IS(CONFIGURE), SETTING,
	 "P_ME_NA_1: threshold, smoothing or limit of a measured value"},
	{KEY(111), "parameter-scaled", IS(CONFIGURE), SETTING, "P_ME_NB_1: the same, scaled"},
	{KEY(112), "parameter-float", IS(CONFIGURE), SETTING, "P_ME_NC_1: the same, floating point"},
	{KEY(113), "parameter-activation", IS(CONFIGURE), POINT | FN_ARG(I104_ARG_QPA),
	 "P_AC_NA_1: activates parameters, or the cyclic transmission of a point"},
	{ALL(120), "any-file-ready", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 120"},
	{SUB(120, 0), "file-ready", IS(READ), FN_CONTINUES | A_FILE, "F_FR_NA_1: the station offers a file"},
	{SUB(120, 1), "download-file-ready", IS(PROGRAM), FN_BEGINS | A_FILE,
	 "F_FR_NA_1: a file is offered to the station"},
	{ALL(121), "any-section-ready", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 121"},
	{SUB(121, 0), "section-ready", IS(READ), FN_CONTINUES | SECTION,
	 "F_SR_NA_1: the station offers a section"},
	{SUB(121, 1), "download-section-ready", IS(PROGRAM), FN_CONTINUES | SECTION,
	 "F_SR_NA_1: a section is offered to the station"},
	{ALL(122), "any-call", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 122"},
	{SUB(122, 0), "call-file", IS(READ), FN_BEGINS | FN_CONTINUES | CALL,
	 "F_SC_NA_1: calls a directory, a file or a section"},
	{SUB(122, 1), "download-call-file", IS(PROGRAM), FN_CONTINUES | CALL,
	 "F_SC_NA_1: the station calls what was offered"},
	{SUB(122, 2), "delete-file", IS(PROGRAM), CALL, "F_SC_NA_1: deletes a file in the station"},
	{ALL(123), "any-last-section", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 123"},
	{SUB(123, 0), "last-section", IS(READ), FN_CONTINUES | SECTION,
	 "F_LS_NA_1: the end of a section or file"},
	{SUB(123, 1), "download-last-section", IS(PROGRAM), FN_CONTINUES | SECTION,
	 "F_LS_NA_1: the same, to the station"},
	{ALL(124), "any-acknowledge-file", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 124"},
	{SUB(124, 0), "acknowledge-file", IS(READ), FN_CONTINUES | SECTION,
	 "F_AF_NA_1: a file or section has come"},
	{SUB(124, 1), "download-acknowledge-file", IS(PROGRAM), FN_CONTINUES | SECTION,
	 "F_AF_NA_1: the same, by the station"},
	{ALL(125), "any-segment", IS(READ) | IS(PROGRAM), FN_GROUP, "every sub-function of 125"},
	{SUB(125, 0), "segment", IS(READ), FN_CONTINUES | SECTION, "F_SG_NA_1: octets of a file"},
	{SUB(125, 1), "download-segment", IS(PROGRAM), FN_CONTINUES | SECTION,
	 "F_SG_NA_1: octets of a file to the station"},
	{KEY(126), "directory", IS(READ), CAUSE | FN_ARG(I104_ARG_FILE), "F_DR_TA_1: what files there are"},
	{KEY(127), "query-log", IS(READ), A_FILE, "F_SC_NB_1: calls the part of a log between two times"},
	{KEY(I104_STARTDT), "startdt", IS(SESSION), FN_SESSION,
	 "starts the transfer: this client is in control"},
	{KEY(I104_STOPDT), "stopdt", IS(SESSION), FN_SESSION, "stops it: the connection stands by"},
	{KEY(I104_TESTFR), "testfr", IS(SESSION), FN_SESSION, "tests the connection, from either end"},
	{KEY(I104_ACKNOWLEDGE), "acknowledge", IS(SESSION), FN_SESSION,
	 "S format: acknowledges what was received"},
	{0},
};

#define SPACE(sym, text, number_of_bits, can_be_written, lowest, about)                                      \
	{                                                                                                    \
		.code = I104_SPACE_##sym, .name = text, .min = lowest, .max = I104_IOA_MAX,                  \
		.bits = number_of_bits, .writable = can_be_written, .doc = about                             \
	}

const struct vocab_space iec104_spaces[] = {
	SPACE(SINGLE, "single", 1, true, 1, "single points and single commands: 0 off, 1 on"),
	SPACE(DOUBLE, "double", 2, true, 1, "double points and double commands: 1 off, 2 on"),
	SPACE(STEP, "step", 8, true, 1, "step positions and regulating step commands: 1 lower, 2 higher"),
	SPACE(BITSTRING, "bitstring", 32, true, 1, "strings of 32 bits, reported and commanded"),
	SPACE(NORMALISED, "normalised", 16, true, 1,
	      "measured values, set-points and parameters from -32768 to 32767 that mean -1 to 1 (type int16)"),
	SPACE(SCALED, "scaled", 16, true, 1,
	      "measured values, set-points and parameters from -32768 to 32767 (type int16)"),
	SPACE(FLOAT, "float", 32, true, 1,
	      "measured values, set-points and parameters, short floating point (type float32)"),
	SPACE(COUNTER, "counter", 32, false, 1, "integrated totals"),
	SPACE(PROTECTION, "protection", 8, false, 1, "events of protection equipment"),
	SPACE(PACKED, "packed", 32, false, 1, "16 single points with change detection"),
	SPACE(OBJECT, "object", 0, true, 0,
	      "a point by its address alone, whatever kind it is: the read command and the activation of parameters"),
	{0},
};

static const struct vocab_name causes[] = {
	{1, "periodic"},
	{2, "background"},
	{3, "spontaneous"},
	{4, "initialised"},
	{5, "request"},
	{6, "activation"},
	{7, "activation-confirmation"},
	{8, "deactivation"},
	{9, "deactivation-confirmation"},
	{10, "activation-termination"},
	{11, "return-remote"},
	{12, "return-local"},
	{13, "file-transfer"},
	{14, "authentication"},
	{15, "session-key"},
	{16, "user-role"},
	{20, "interrogated"},
	{21, "interrogated-1"},
	{22, "interrogated-2"},
	{23, "interrogated-3"},
	{24, "interrogated-4"},
	{25, "interrogated-5"},
	{26, "interrogated-6"},
	{27, "interrogated-7"},
	{28, "interrogated-8"},
	{29, "interrogated-9"},
	{30, "interrogated-10"},
	{31, "interrogated-11"},
	{32, "interrogated-12"},
	{33, "interrogated-13"},
	{34, "interrogated-14"},
	{35, "interrogated-15"},
	{36, "interrogated-16"},
	{37, "counters"},
	{38, "counters-1"},
	{39, "counters-2"},
	{40, "counters-3"},
	{41, "counters-4"},
	{44, "unknown-type"},
	{45, "unknown-cause"},
	{46, "unknown-common-address"},
	{47, "unknown-object"},
	{0},
};
static const struct vocab_name selects[] = {{0, "execute"}, {1, "select"}, {0}};
static const struct vocab_name qualifiers[] = {
	{0, "default"}, {1, "short-pulse"}, {2, "long-pulse"}, {3, "persistent"}, {0}};
static const struct vocab_name qois[] = {{20, "station"}, {0}};
static const struct vocab_name rqts[] = {{5, "all"}, {0}};
static const struct vocab_name frzs[] = {
	{0, "read-only"}, {1, "freeze"}, {2, "freeze-and-reset"}, {3, "reset"}, {0}};
static const struct vocab_name qrps[] = {{1, "process"}, {2, "pending-events"}, {0}};
static const struct vocab_name qpms[] = {
	{1, "threshold"}, {2, "smoothing"}, {3, "low-limit"}, {4, "high-limit"}, {0}};
static const struct vocab_name qpas[] = {{1, "loaded"}, {2, "point"}, {3, "cyclic"}, {0}};
static const struct vocab_name scqs[] = {
	{0, "directory"},       {1, "select-file"},        {2, "call-file"},
	{3, "deactivate-file"}, {4, "delete-file"},        {5, "select-section"},
	{6, "call-section"},    {7, "deactivate-section"}, {0},
};

const struct vocab_arg iec104_args[] = {
	[I104_ARG_CAUSE] = {"causes", "cause", causes, "cause of transmission: why it is sent"},
	[I104_ARG_TEST] = {"test", "test", NULL, "the test bit: 1 is not meant for the process"},
	[I104_ARG_NEGATIVE] = {"negative", "negative", NULL, "the P/N bit of an answer: 1 says no"},
	[I104_ARG_SELECT] = {"select", "select", selects, "S/E: select announces, execute acts"},
	[I104_ARG_QUALIFIER] = {"qualifiers", "qualifier", qualifiers,
				"QU of a command, QL of a set-point: pulse lengths and what the site agreed"},
	[I104_ARG_QOI] = {"qoi", "qoi", qois,
			  "what is interrogated: the station (20), groups 1 to 16 (21 to 36)"},
	[I104_ARG_RQT] = {"rqt", "rqt", rqts, "which counters: groups 1 to 4, all (5)"},
	[I104_ARG_FRZ] = {"frz", "frz", frzs, "what becomes of the counters"},
	[I104_ARG_QRP] = {"qrp", "qrp", qrps, "what is reset: the process, or the pending events"},
	[I104_ARG_QPM] = {"qpm", "qpm", qpms, "kind of parameter"},
	[I104_ARG_QPA] = {"qpa", "qpa", qpas, "what is activated"},
	[I104_ARG_COI] = {"coi", "coi", NULL,
			  "cause of initialisation: 0 switched on, 1 reset here, 2 remotely; "
			  "128 more where parameters have changed"},
	[I104_ARG_FILE] = {"files", "file", NULL, "the file's information object address"},
	[I104_ARG_NOF] = {"file-names", "file-name", NULL, "name of a file: a number"},
	[I104_ARG_NOS] = {"sections", "section", NULL, "name of a section: a number"},
	[I104_ARG_SCQ] = {"calls", "call", scqs, "what is called"},
	{0},
};

const struct vocab_option iec104_options[] = {
	{I104_OPTION_DIRECT, "direct-execute",
	 "a command that was not selected may be executed: for points that need no select",
	 REASON_NOT_SELECTED, "s-e"},
	{I104_OPTION_NO_TERM, "no-termination",
	 "the station confirms commands and does not say when they have ended", REASON_NONE, NULL},
	{I104_OPTION_WINDOW, "wide-window",
	 "more than 12 messages may wait for an acknowledgement: both ends are set to a larger k",
	 REASON_SEQUENCE, "k"},
	{I104_OPTION_YEAR, "any-year",
	 "a time tag may hold a year above 99, as of clocks that count from 1900", REASON_FIELD_VALUE,
	 "time.year"},
	{0},
};
