/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modbus PDUs that are refused: each with its exact reason, field and offset. */
#ifndef OTFW_TESTS_LAWS_REFUSED_MODBUS_H
#define OTFW_TESTS_LAWS_REFUSED_MODBUS_H

#include "protocols/proto.h"

struct refusal {
	const char *name;
	bool from_server;
	const char *hex;
	const char *request; /* known to the flow, or NULL */
	uint32_t options;
	enum reason reason;
	const char *field;
	uint32_t offset;
};

#define REQUEST(name, hex, reason, field, offset)                                                            \
	{                                                                                                    \
		name, false, hex, NULL, 0, REASON_##reason, field, offset                                    \
	}
#define ANSWER(name, hex, reason, field, offset)                                                             \
	{                                                                                                    \
		name, true, hex, NULL, 0, REASON_##reason, field, offset                                     \
	}
#define REPLY(name, request, hex, reason, field, offset)                                                     \
	{                                                                                                    \
		name, true, hex, request, 0, REASON_##reason, field, offset                                  \
	}

#define READ3  "0007 0000 0006 04 03 0010 0003"
#define READ1  "0007 0000 0006 04 01 0010 0003"
#define WRITE6 "0007 0000 0006 04 06 0010 1234"
#define WRITE5 "0007 0000 0006 04 05 0010 ff00"
#define WRITEN "0007 0000 000b 04 10 0010 0002 04 0001 0002"
#define FILES  "0007 0000 0011 04 14 0e 06 0004 0001 0002 06 0003 0009 0003"

static const struct refusal refusals[] = {
	/* MBAP */
	REQUEST("nothing", "", SHORT, "mbap.transaction-id", 0),
	REQUEST("five octets", "0001 0000 00", SHORT, "mbap.length", 4),
	REQUEST("protocol identifier 1", "0001 0001 0006 04 03 0000 0001", MAGIC, "mbap.protocol-id", 2),
	REQUEST("length 0", "0001 0000 0000 04 03 0000 0001", LENGTH, "mbap.length", 4),
	REQUEST("length 1", "0001 0000 0001 04 03 0000 0001", LENGTH, "mbap.length", 4),
	REQUEST("length 255", "0001 0000 00ff 04 03 0000 0001", LENGTH, "mbap.length", 4),
	REQUEST("length beyond the datagram", "0001 0000 0007 04 03 0000 0001", LENGTH, "mbap.length", 4),
	REQUEST("octets behind the length", "0001 0000 0006 04 03 0000 0001 00", TRAILING, "mbap.length", 12),
	REQUEST("read with an octet too many", "0001 0000 0007 04 03 0000 0001 00", LENGTH, "mbap.length", 4),
	REQUEST("read with an octet too few", "0001 0000 0005 04 03 0000 00", LENGTH, "mbap.length", 4),
	/* functions */
	REQUEST("function 0", "0001 0000 0002 04 00", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("function 9", "0001 0000 0002 04 09", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("function 64", "0001 0000 0002 04 40", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("function 73", "0001 0000 0002 04 49", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("function 99", "0001 0000 0002 04 63", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("function 111", "0001 0000 0002 04 6f", FUNCTION_UNKNOWN, "function-code", 7),
	REQUEST("an exception as a request", "0001 0000 0003 04 83 02", FUNCTION_UNKNOWN, "function-code", 7),
	/* quantities and addresses */
	REQUEST("0 coils", "0001 0000 0006 04 01 0000 0000", COUNT, "quantity", 10),
	REQUEST("2001 coils", "0001 0000 0006 04 01 0000 07d1", COUNT, "quantity", 10),
	REQUEST("2001 discrete inputs", "0001 0000 0006 04 02 0000 07d1", COUNT, "quantity", 10),
	REQUEST("0 registers", "0001 0000 0006 04 03 0000 0000", COUNT, "quantity", 10),
	REQUEST("126 holding registers", "0001 0000 0006 04 03 0000 007e", COUNT, "quantity", 10),
	REQUEST("126 input registers", "0001 0000 0006 04 04 0000 007e", COUNT, "quantity", 10),
	REQUEST("a coil past the end", "0001 0000 0006 04 01 ffff 0002", RANGE_END, "starting-address", 8),
	REQUEST("a register past the end", "0001 0000 0006 04 03 ffff 0002", RANGE_END, "starting-address",
		8),
	REQUEST("125 registers past the end", "0001 0000 0006 04 04 ff84 007d", RANGE_END, "starting-address",
		8),
	/* writes */
	REQUEST("coil value 1", "0001 0000 0006 04 05 0000 0001", FIELD_VALUE, "output-value", 10),
	REQUEST("coil value 0xff01", "0001 0000 0006 04 05 0000 ff01", FIELD_VALUE, "output-value", 10),
	REQUEST("write 0 coils", "0001 0000 0007 04 0f 0000 0000 00", COUNT, "quantity", 10),
	REQUEST("write 1969 coils", "0001 0000 0007 04 0f 0000 07b1 f7", COUNT, "quantity", 10),
	REQUEST("byte count for 9 coils is 1", "0001 0000 0008 04 0f 0000 0009 01 ff", BYTE_COUNT,
		"byte-count", 12),
	REQUEST("byte count for 8 coils is 2", "0001 0000 0009 04 0f 0000 0008 02 ff00", BYTE_COUNT,
		"byte-count", 12),
	REQUEST("a bit behind the last coil", "0001 0000 0008 04 0f 0000 0003 01 0d", RESERVED, "values", 13),
	REQUEST("coils past the end", "0001 0000 0008 04 0f fffe 0003 01 00", RANGE_END, "starting-address",
		8),
	REQUEST("write 0 registers", "0001 0000 0007 04 10 0000 0000 00", COUNT, "quantity", 10),
	REQUEST("write 124 registers", "0001 0000 0007 04 10 0000 007c f8", COUNT, "quantity", 10),
	REQUEST("byte count is the quantity", "0001 0000 0009 04 10 0000 0002 02 0001", BYTE_COUNT,
		"byte-count", 12),
	REQUEST("byte count beyond the octets", "0001 0000 0009 04 10 0000 0002 04 0001", LENGTH,
		"mbap.length", 4),
	REQUEST("registers past the end", "0001 0000 000b 04 10 ffff 0002 04 0001 0002", RANGE_END,
		"starting-address", 8),
	REQUEST("mask write with an octet too many", "0001 0000 0009 04 16 0000 0000 0000 00", LENGTH,
		"mbap.length", 4),
	REQUEST("coil with an octet too many", "0001 0000 0007 04 05 0000 ff00 00", LENGTH, "mbap.length", 4),
	REQUEST("register with an octet too few", "0001 0000 0005 04 06 0000 00", LENGTH, "mbap.length", 4),
	REQUEST("write with no byte count", "0001 0000 0006 04 10 0000 0001", LENGTH, "mbap.length", 4),
	REQUEST("queue without address", "0001 0000 0003 04 18 00", LENGTH, "mbap.length", 4),
	REQUEST("file request of nothing", "0001 0000 0002 04 14", LENGTH, "mbap.length", 4),
	REQUEST("read-write without byte count", "0001 0000 000a 04 17 0000 0001 0000 0001", LENGTH,
		"mbap.length", 4),
	/* 7, 11, 12, 17 have no data */
	REQUEST("exception status with data", "0001 0000 0003 04 07 00", LENGTH, "mbap.length", 4),
	REQUEST("event counter with data", "0001 0000 0003 04 0b 00", LENGTH, "mbap.length", 4),
	REQUEST("event log with data", "0001 0000 0003 04 0c 00", LENGTH, "mbap.length", 4),
	REQUEST("server id with data", "0001 0000 0003 04 11 00", LENGTH, "mbap.length", 4),
	/* 8 */
	REQUEST("diagnostics without sub-function", "0001 0000 0003 04 08 00", LENGTH, "mbap.length", 4),
	REQUEST("sub-function 5", "0001 0000 0006 04 08 0005 0000", SUBFUNCTION_UNKNOWN, "sub-function", 8),
	REQUEST("sub-function 9", "0001 0000 0006 04 08 0009 0000", SUBFUNCTION_UNKNOWN, "sub-function", 8),
	REQUEST("sub-function 19", "0001 0000 0006 04 08 0013 0000", SUBFUNCTION_UNKNOWN, "sub-function", 8),
	REQUEST("sub-function 22", "0001 0000 0006 04 08 0016 0000", SUBFUNCTION_UNKNOWN, "sub-function", 8),
	REQUEST("sub-function 0x0100", "0001 0000 0006 04 08 0100 0000", SUBFUNCTION_UNKNOWN, "sub-function",
		8),
	REQUEST("restart with other data", "0001 0000 0006 04 08 0001 0001", FIELD_VALUE, "data", 10),
	REQUEST("delimiter with a low octet", "0001 0000 0006 04 08 0003 0a01", FIELD_VALUE, "data", 10),
	REQUEST("clear counters with data", "0001 0000 0006 04 08 000a 0001", FIELD_VALUE, "data", 10),
	REQUEST("statistics operation 5", "0001 0000 0006 04 08 0015 0005", FIELD_VALUE, "data", 10),
	REQUEST("query data of 3 octets", "0001 0000 0007 04 08 0000 010203", LENGTH, "mbap.length", 4),
	REQUEST("query data of none", "0001 0000 0004 04 08 0000", LENGTH, "mbap.length", 4),
	/* 20, 21 */
	REQUEST("file request of 6 octets", "0001 0000 0009 04 14 06 06 0001 0000 00", BYTE_COUNT,
		"byte-count", 8),
	REQUEST("file request of 8 octets", "0001 0000 000b 04 14 08 06 0001 0000 0001 06", SHORT,
		"file-number", 17),
	REQUEST("byte count beyond the sub-requests", "0001 0000 000a 04 14 0e 06 0001 0000 0001", LENGTH,
		"mbap.length", 4),
	REQUEST("reference type 7", "0001 0000 000a 04 14 07 07 0001 0000 0001", FIELD_VALUE,
		"reference-type", 9),
	REQUEST("file 0", "0001 0000 000a 04 14 07 06 0000 0000 0001", FIELD_VALUE, "file-number", 10),
	REQUEST("record 10000", "0001 0000 000a 04 14 07 06 0001 2710 0001", RANGE_END, "record-number", 12),
	REQUEST("records past 9999", "0001 0000 000a 04 14 07 06 0001 270f 0002", RANGE_END, "record-number",
		12),
	REQUEST("record length 0", "0001 0000 000a 04 14 07 06 0001 0000 0000", COUNT, "record-length", 14),
	REQUEST("records that no answer can hold", "0001 0000 000a 04 14 07 06 0001 0000 007a", COUNT,
		"record-length", 14),
	REQUEST("second sub-request is wrong", "0001 0000 0011 04 14 0e 06 0001 0000 0001 05 0001 0000 0001",
		FIELD_VALUE, "reference-type", 16),
	REQUEST("file write of 7 octets", "0001 0000 000a 04 15 07 06 0001 0000 0001", BYTE_COUNT,
		"byte-count", 8),
	REQUEST("file write longer than its data", "0001 0000 000c 04 15 09 06 0001 0000 0002 0001", SHORT,
		"record-data", 16),
	REQUEST("file write to file 0", "0001 0000 000c 04 15 09 06 0000 0000 0001 0001", FIELD_VALUE,
		"file-number", 10),
	/* 23 */
	REQUEST("read 0 of read-write", "0001 0000 000d 04 17 0000 0000 0000 0001 02 0001", COUNT,
		"quantity-to-read", 10),
	REQUEST("read 126 of read-write", "0001 0000 000d 04 17 0000 007e 0000 0001 02 0001", COUNT,
		"quantity-to-read", 10),
	REQUEST("write 0 of read-write", "0001 0000 000b 04 17 0000 0001 0000 0000 00", COUNT,
		"quantity-to-write", 14),
	REQUEST("write 122 of read-write", "0001 0000 000b 04 17 0000 0001 0000 007a f4", COUNT,
		"quantity-to-write", 14),
	REQUEST("read past the end of read-write", "0001 0000 000d 04 17 ffff 0002 0000 0001 02 0001",
		RANGE_END, "read-starting-address", 8),
	REQUEST("write past the end of read-write", "0001 0000 000f 04 17 0000 0001 ffff 0002 04 0001 0001",
		RANGE_END, "write-starting-address", 12),
	REQUEST("byte count of read-write", "0001 0000 000e 04 17 0000 0001 0000 0001 03 000102", BYTE_COUNT,
		"write-byte-count", 16),
	/* 43, 90 */
	REQUEST("MEI type 15", "0001 0000 0003 04 2b 0f", SUBFUNCTION_UNKNOWN, "mei-type", 8),
	REQUEST("no MEI type", "0001 0000 0002 04 2b", LENGTH, "mbap.length", 4),
	REQUEST("identification code 0", "0001 0000 0005 04 2b 0e 00 00", FIELD_VALUE, "read-device-id-code",
		9),
	REQUEST("identification code 5", "0001 0000 0005 04 2b 0e 05 00", FIELD_VALUE, "read-device-id-code",
		9),
	REQUEST("identification too long", "0001 0000 0006 04 2b 0e 01 00 00", LENGTH, "mbap.length", 4),
	REQUEST("UMAS without function", "0001 0000 0003 04 5a 00", LENGTH, "mbap.length", 4),
	/* broadcast */
	REQUEST("broadcast read", "0001 0000 0006 00 03 0000 0001", BROADCAST, "mbap.unit-identifier", 6),
	REQUEST("broadcast read and write", "0001 0000 000d 00 17 0000 0001 0000 0001 02 0001", BROADCAST,
		"mbap.unit-identifier", 6),
	REQUEST("broadcast restart", "0001 0000 0006 00 08 0001 0000", BROADCAST, "mbap.unit-identifier", 6),
	REQUEST("broadcast UMAS", "0001 0000 0004 00 5a 00 02", BROADCAST, "mbap.unit-identifier", 6),
	ANSWER("answer to a broadcast", "0001 0000 0006 00 06 0001 0003", BROADCAST, "mbap.unit-identifier",
	       6),
	ANSWER("exception to a broadcast", "0001 0000 0003 00 86 02", BROADCAST, "mbap.unit-identifier", 6),
	/* answers on their own */
	ANSWER("answer of function 9", "0001 0000 0002 04 09", FUNCTION_UNKNOWN, "function-code", 7),
	ANSWER("exception of function 9", "0001 0000 0003 04 89 01", FUNCTION_UNKNOWN, "function-code", 7),
	ANSWER("exception code 0", "0001 0000 0003 04 83 00", FIELD_VALUE, "exception-code", 8),
	ANSWER("exception code 7", "0001 0000 0003 04 83 07", FIELD_VALUE, "exception-code", 8),
	ANSWER("exception code 9", "0001 0000 0003 04 83 09", FIELD_VALUE, "exception-code", 8),
	ANSWER("exception code 12", "0001 0000 0003 04 83 0c", FIELD_VALUE, "exception-code", 8),
	ANSWER("exception with data", "0001 0000 0004 04 83 02 00", LENGTH, "mbap.length", 4),
	ANSWER("no coils", "0001 0000 0003 04 01 00", BYTE_COUNT, "byte-count", 8),
	ANSWER("251 octets of coils", "0001 0000 0003 04 01 fb", BYTE_COUNT, "byte-count", 8),
	ANSWER("coils beyond the octets", "0001 0000 0004 04 01 02 00", LENGTH, "mbap.length", 4),
	ANSWER("no registers", "0001 0000 0003 04 03 00", BYTE_COUNT, "byte-count", 8),
	ANSWER("an odd count of octets", "0001 0000 0006 04 03 03 000102", BYTE_COUNT, "byte-count", 8),
	ANSWER("252 octets of registers", "0001 0000 0003 04 04 fc", BYTE_COUNT, "byte-count", 8),
	ANSWER("registers beyond the octets", "0001 0000 0005 04 03 04 0001", LENGTH, "mbap.length", 4),
	ANSWER("registers of read-write", "0001 0000 0003 04 17 01", BYTE_COUNT, "byte-count", 8),
	ANSWER("coil value 2 back", "0001 0000 0006 04 05 0000 0002", FIELD_VALUE, "output-value", 10),
	ANSWER("0 registers written", "0001 0000 0006 04 10 0000 0000", COUNT, "quantity", 10),
	ANSWER("124 registers written", "0001 0000 0006 04 10 0000 007c", COUNT, "quantity", 10),
	ANSWER("1969 coils written", "0001 0000 0006 04 0f 0000 07b1", COUNT, "quantity", 10),
	ANSWER("written past the end", "0001 0000 0006 04 10 ffff 0002", RANGE_END, "starting-address", 8),
	ANSWER("exception status of two octets", "0001 0000 0004 04 07 0000", LENGTH, "mbap.length", 4),
	ANSWER("answer to listen only", "0001 0000 0006 04 08 0004 0000", SUBFUNCTION_UNKNOWN, "sub-function",
	       8),
	ANSWER("answer of sub-function 19", "0001 0000 0006 04 08 0013 0000", SUBFUNCTION_UNKNOWN,
	       "sub-function", 8),
	ANSWER("counter of four octets", "0001 0000 0008 04 08 000b 0000 0000", LENGTH, "mbap.length", 4),
	ANSWER("odd query data back", "0001 0000 0007 04 08 0000 010203", LENGTH, "mbap.length", 4),
	ANSWER("statistics of operation 1", "0001 0000 0006 04 08 0015 0001", FIELD_VALUE, "data", 10),
	ANSWER("event status 1", "0001 0000 0006 04 0b 0001 0000", FIELD_VALUE, "status", 8),
	ANSWER("event log of 5 octets", "0001 0000 0008 04 0c 05 0000 0000 00", LENGTH, "mbap.length", 4),
	ANSWER("65 events", "0001 0000 0009 04 0c 47 0000 0000 0000", BYTE_COUNT, "byte-count", 8),
	ANSWER("event log status 7", "0001 0000 0009 04 0c 06 0007 0000 0000", FIELD_VALUE, "status", 9),
	ANSWER("server id of nothing", "0001 0000 0003 04 11 00", BYTE_COUNT, "byte-count", 8),
	ANSWER("server id beyond the octets", "0001 0000 0004 04 11 02 00", LENGTH, "mbap.length", 4),
	ANSWER("file answer of 3 octets", "0001 0000 0006 04 14 03 030600", BYTE_COUNT,
	       "response-data-length", 8),
	ANSWER("file answer, even length", "0001 0000 0008 04 14 05 04 06 000102", BYTE_COUNT,
	       "file-response-length", 9),
	ANSWER("file answer, length 1", "0001 0000 0007 04 14 04 01 06 0001", BYTE_COUNT,
	       "file-response-length", 9),
	ANSWER("file answer, type 5", "0001 0000 0007 04 14 04 03 05 0001", FIELD_VALUE, "reference-type",
	       10),
	ANSWER("file answer beyond its end", "0001 0000 0007 04 14 04 05 06 0001", SHORT, "record-data", 11),
	ANSWER("file write answer, type 5", "0001 0000 000c 04 15 09 05 0001 0000 0001 0001", FIELD_VALUE,
	       "reference-type", 9),
	ANSWER("32 registers of a queue", "0001 0000 0006 04 18 0042 0020", COUNT, "fifo-count", 10),
	ANSWER("queue byte count", "0001 0000 0008 04 18 0006 0001 0001", BYTE_COUNT, "byte-count", 8),
	ANSWER("MEI type 15 back", "0001 0000 0003 04 2b 0f", SUBFUNCTION_UNKNOWN, "mei-type", 8),
	ANSWER("conformity level 4", "0001 0000 0008 04 2b 0e 01 04 00 00 00", FIELD_VALUE,
	       "conformity-level", 10),
	ANSWER("more follows 1", "0001 0000 0008 04 2b 0e 01 01 01 00 00", FIELD_VALUE, "more-follows", 11),
	ANSWER("a next object but no more", "0001 0000 0008 04 2b 0e 01 01 00 01 00", FIELD_VALUE,
	       "next-object-id", 12),
	ANSWER("two individual objects", "0001 0000 000c 04 2b 0e 04 81 00 00 02 0000 0100", COUNT,
	       "number-of-objects", 13),
	ANSWER("fewer objects than said", "0001 0000 000a 04 2b 0e 01 01 00 00 02 0000", SHORT, "object-id",
	       16),
	ANSWER("more octets than objects", "0001 0000 000b 04 2b 0e 01 01 00 00 01 0000 00", TRAILING,
	       "object-value", 16),
	ANSWER("an object longer than the rest", "0001 0000 000b 04 2b 0e 01 01 00 00 01 0002 41", SHORT,
	       "object-value", 16),
	ANSWER("coils of nothing", "0001 0000 0002 04 01", LENGTH, "mbap.length", 4),
	ANSWER("registers of nothing", "0001 0000 0002 04 03", LENGTH, "mbap.length", 4),
	ANSWER("server id without byte count", "0001 0000 0002 04 11", LENGTH, "mbap.length", 4),
	ANSWER("file answer of nothing", "0001 0000 0002 04 14", LENGTH, "mbap.length", 4),
	ANSWER("file write answer of nothing", "0001 0000 0002 04 15", LENGTH, "mbap.length", 4),
	ANSWER("MEI type missing", "0001 0000 0002 04 2b", LENGTH, "mbap.length", 4),
	ANSWER("identification without its head", "0001 0000 0007 04 2b 0e 01 01 00 00", LENGTH,
	       "mbap.length", 4),
	ANSWER("exception without code", "0001 0000 0002 04 83", LENGTH, "mbap.length", 4),
	ANSWER("queue without counts", "0001 0000 0004 04 18 0002", LENGTH, "mbap.length", 4),
	ANSWER("UMAS without status", "0001 0000 0003 04 5a 00", LENGTH, "mbap.length", 4),
	/* answers against their request */
	REPLY("other unit", READ3, "0007 0000 0009 05 03 06 0001 0002 0003", ANSWER_UNIT,
	      "mbap.unit-identifier", 6),
	REPLY("exception of another unit", READ3, "0007 0000 0003 05 83 02", ANSWER_UNIT,
	      "mbap.unit-identifier", 6),
	REPLY("other function", READ3, "0007 0000 0009 04 04 06 0001 0002 0003", ANSWER_FUNCTION,
	      "function-code", 7),
	REPLY("exception of another function", READ3, "0007 0000 0003 04 84 02", ANSWER_FUNCTION,
	      "function-code", 7),
	REPLY("fewer registers", READ3, "0007 0000 0007 04 03 04 0001 0002", ANSWER_SIZE, "byte-count", 8),
	REPLY("more registers", READ3, "0007 0000 000b 04 03 08 0001 0002 0003 0004", ANSWER_SIZE,
	      "byte-count", 8),
	REPLY("more coils", READ1, "0007 0000 0005 04 01 02 0500", ANSWER_SIZE, "byte-count", 8),
	REPLY("a bit behind the last coil read", READ1, "0007 0000 0004 04 01 01 0d", RESERVED, "status", 9),
	REPLY("other register written", WRITE6, "0007 0000 0006 04 06 0011 1234", ANSWER_CONTENT,
	      "register-address", 8),
	REPLY("other value written", WRITE6, "0007 0000 0006 04 06 0010 1235", ANSWER_CONTENT,
	      "register-value", 10),
	REPLY("other coil written", WRITE5, "0007 0000 0006 04 05 0011 ff00", ANSWER_CONTENT,
	      "output-address", 8),
	REPLY("coil written the other way", WRITE5, "0007 0000 0006 04 05 0010 0000", ANSWER_CONTENT,
	      "output-value", 10),
	REPLY("other start written", WRITEN, "0007 0000 0006 04 10 0011 0002", ANSWER_CONTENT,
	      "starting-address", 8),
	REPLY("other quantity written", WRITEN, "0007 0000 0006 04 10 0010 0001", ANSWER_CONTENT, "quantity",
	      10),
	REPLY("other mask", "0007 0000 0008 04 16 0004 00f2 0025", "0007 0000 0008 04 16 0004 00f2 0024",
	      ANSWER_CONTENT, "or-mask", 12),
	REPLY("other and-mask", "0007 0000 0008 04 16 0004 00f2 0025", "0007 0000 0008 04 16 0004 00f3 0025",
	      ANSWER_CONTENT, "and-mask", 10),
	REPLY("other masked register", "0007 0000 0008 04 16 0004 00f2 0025",
	      "0007 0000 0008 04 16 0005 00f2 0025", ANSWER_CONTENT, "reference-address", 8),
	REPLY("other sub-function", "0007 0000 0006 04 08 000b 0000", "0007 0000 0006 04 08 000c 0000",
	      ANSWER_CONTENT, "sub-function", 8),
	REPLY("other query data", "0007 0000 0006 04 08 0000 1234", "0007 0000 0006 04 08 0000 1235",
	      ANSWER_CONTENT, "data", 10),
	REPLY("more query data", "0007 0000 0006 04 08 0000 1234", "0007 0000 0008 04 08 0000 1234 0000",
	      ANSWER_SIZE, "data", 10),
	REPLY("other restart option", "0007 0000 0006 04 08 0001 ff00", "0007 0000 0006 04 08 0001 0000",
	      ANSWER_CONTENT, "data", 10),
	REPLY("statistics cleared, not read", "0007 0000 0006 04 08 0015 0003",
	      "0007 0000 0006 04 08 0015 0004", ANSWER_CONTENT, "data", 10),
	REPLY("fewer sub-answers", FILES, "0007 0000 0009 04 14 06 05 06 0001 0002", ANSWER_SIZE,
	      "response-data-length", 8),
	REPLY("sub-answers in the other order", FILES,
	      "0007 0000 0011 04 14 0e 07 06 0001 0002 0003 05 06 0001 0002", ANSWER_SIZE,
	      "file-response-length", 9),
	REPLY("other record written", "0007 0000 000c 04 15 09 06 0001 0000 0001 0001",
	      "0007 0000 000c 04 15 09 06 0001 0001 0001 0001", ANSWER_CONTENT, "record-data", 9),
	REPLY("fewer registers of read-write", "0007 0000 000d 04 17 0000 0002 0000 0001 02 0001",
	      "0007 0000 0005 04 17 02 0001", ANSWER_SIZE, "byte-count", 8),
	REPLY("other identification code", "0007 0000 0005 04 2b 0e 01 00",
	      "0007 0000 0008 04 2b 0e 02 02 00 00 00", ANSWER_CONTENT, "read-device-id-code", 9),
	REPLY("other MEI type", "0007 0000 0005 04 2b 0e 01 00", "0007 0000 0003 04 2b 0d", ANSWER_CONTENT,
	      "mei-type", 8),
};

#undef REQUEST
#undef ANSWER
#undef REPLY
#undef READ3
#undef READ1
#undef WRITE6
#undef WRITE5
#undef WRITEN
#undef FILES

#endif
