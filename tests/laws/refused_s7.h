/* SPDX-License-Identifier: GPL-2.0-or-later */
/* S7 PDUs that are refused: each with its exact reason, field and offset. */
#ifndef OTFW_TESTS_LAWS_REFUSED_S7_H
#define OTFW_TESTS_LAWS_REFUSED_S7_H

#include "tests/laws/golden_s7.h"

#define NOT(name, hex, request, reason, field, offset)                                                       \
	{                                                                                                    \
		name, false, hex, request, 0, REASON_##reason, field, offset                                 \
	}
#define NOT_FROM_SERVER(name, hex, request, reason, field, offset)                                           \
	{                                                                                                    \
		name, true, hex, request, 0, REASON_##reason, field, offset                                  \
	}
/* A job in one TPKT; LEN, PLEN and DLEN in hex. */
#define JOB(len, plen, dlen, rest)  "0300" len "02f080 32010000 0001" plen dlen rest
#define ACK(len, plen, dlen, rest)  "0300" len "02f080 32030000 0001" plen dlen "0000" rest
#define USER(len, plen, dlen, rest) "0300" len "02f080 32070000 0001" plen dlen rest
/* One item of a read. */
#define READ(item) JOB("001f", "000e", "0000", "0401 120a10" item)
#define READ8      "0300001f02f080320100000001000e00000401120a10020008000184000000"
#define READ3                                                                                                \
	"0300 0037 02f080 32010000 0002 0026 0000 0403 120a10010001000083000053"                             \
	" 120a1008000 1000a84000020 120a10040002000081000000"
#define WRITE(len, dlen, item, data) JOB(len, "000e", dlen, "0501 120a10" item data)
#define BYTES4                       "02 0004 0001 84 000000"
#define BIT                          "01 0001 0000 83 000053"
#define WRITE4                       "03000027 02f080 32010000 0001 000e 0008 0501 120a10" BYTES4 "00040020deadbeef"
#define STOP                         "0300002102f0803201000000260010000029000000000009505f50524f4752414d"
#define DOWNLOAD                                                                                             \
	"0300003102f08032010000001e002000001a00010000000000095f30413030303031500d31303030323136303030303838"
#define UPLOAD "0300002302f080320100000028001200001d00000000000000095f30383030303031 41"
#define UPLOADING                                                                                            \
	S7_SESSION "|" UPLOAD "|<0300002302f0803203000000280010000000001d000000000000070730303030323132"
#define SZL    "0300002102f0803207000000010008000800011204114401 00ff09000400110000"
#define CREATE "0300002302f08072010014 31000004ca0000000100000120360000011d0004 72010000"

static const struct refusal refused_s7[] = {
	/* TPKT */
	NOT("nothing", "", NULL, SHORT, "tpkt.length", 0),
	NOT("a TPKT cut short", "0300001f02f0803201", NULL, SHORT, "tpkt.length", 9),
	NOT("TPKT version 2", "0200000b06800001000001", NULL, MAGIC, "tpkt.version", 0),
	NOT("TPKT reserved octet", "0301000b06800001000001", NULL, RESERVED, "tpkt.reserved", 1),
	NOT("TPKT of five octets", "0300000502f080", NULL, LENGTH, "tpkt.length", 2),
	NOT("TPKT of 8197 octets", "0300200502f080", NULL, LENGTH, "tpkt.length", 2),
	NOT("octets behind a TPKT", "0300000b0680000100000100", NULL, TRAILING, "tpkt.length", 11),
	/* COTP */
	NOT("DT with a header of 3", "0300000803f08000", S7_SESSION, LENGTH, "cotp.length-indicator", 4),
	NOT("DT with a TPDU number", "0300001f02f081320100000001000e00000401120a10020008000184000000",
	    S7_SESSION, RESERVED, "cotp.tpdu-number", 6),
	NOT("expedited data", "0300000d06100000000180 0000", S7_SESSION, FUNCTION_UNKNOWN, "cotp.pdu-type",
	    5),
	NOT("a TPDU error", "0300000b0670000100c100", S7_SESSION, FUNCTION_UNKNOWN, "cotp.pdu-type", 5),
	NOT("CC from a client", "0300001611d00001000300c0010ac1020100c2020102", NULL, FUNCTION_UNKNOWN,
	    "cotp.pdu-type", 5),
	NOT_FROM_SERVER("CR from a server", S7_REQUESTED, NULL, FUNCTION_UNKNOWN, "cotp.pdu-type", 5),
	NOT("CR with a wrong length indicator", "0300001612e00000000100c0010ac1020100c2020102", NULL, LENGTH,
	    "cotp.length-indicator", 4),
	NOT("CR with a destination", "0300001611e00001000100c0010ac1020100c2020102", NULL, FIELD_VALUE,
	    "cotp.destination-reference", 6),
	NOT("CR of class 4", "0300001611e00000000140c0010ac1020100c2020102", NULL, FIELD_VALUE, "cotp.class",
	    10),
	NOT("CR with an unknown parameter", "0300001611e00000000100c6010ac1020100c2020102", NULL, RESERVED,
	    "cotp.parameter-code", 11),
	NOT("CR with a TPDU size of 2^14", "0300001611e00000000100c0010ec1020100c2020102", NULL, FIELD_VALUE,
	    "cotp.tpdu-size", 13),
	NOT("CR with two called TSAPs", "0300001711e00000000100c2020101c1020100c20201 02", NULL, LENGTH,
	    "cotp.length-indicator", 4),
	NOT("CR with the called TSAP twice", "0300001712e00000000100c2020101c1020100c2020102", NULL,
	    FIELD_VALUE, "cotp.parameter-code", 19),
	NOT("CR with a parameter past its end", "0300001611e00000000100c0010ac1020100c2080102", NULL, SHORT,
	    "cotp.parameter", 20),
	NOT("CR on a session that has one", S7_REQUESTED, S7_CONFIRMED, STATE, "cotp.pdu-type", 5),
	NOT_FROM_SERVER("CC for another reference", "0300001611d00002000300c0010ac1020100c2020102",
			S7_REQUESTED, ANSWER_CONTENT, "cotp.destination-reference", 6),
	NOT_FROM_SERVER("CC from another TSAP", "0300001611d00001000300c0010ac1020100c2020103", S7_REQUESTED,
			ANSWER_CONTENT, "cotp.tsap", 11),
	NOT("data before a connection", READ8, "", STATE, "cotp.pdu-type", 5),
	NOT("data before the connection is confirmed", READ8, S7_REQUESTED, STATE, "cotp.pdu-type", 5),
	NOT("data after the end", READ8, S7_SESSION "|0300000b06800003000100", STATE, "cotp.pdu-type", 5),
	NOT("an empty message", "0300000702f080", S7_SESSION, NO_OPERATION, "cotp.user-data", 7),
	NOT("a connection between the parts of a message", "0300000702f000" S7_REQUESTED, S7_SESSION,
	    INTERLEAVED, "cotp.pdu-type", 12),
	NOT("something else on the port", "0300000b02f08047455420", S7_SESSION, MAGIC, "protocol-id", 7),
	/* header */
	NOT("a job before setup", READ8, S7_CONFIRMED, STATE, "param.function", 17),
	NOT("ROSCTR 4", "0300001f02f080320400000001000e00000401120a10020008000184000000", S7_SESSION,
	    FUNCTION_UNKNOWN, "header.rosctr", 8),
	NOT("redundancy identification", "0300001f02f080320100010001000e00000401120a10020008000184000000",
	    S7_SESSION, RESERVED, "header.redundancy-id", 9),
	NOT("parameters longer than the message",
	    "0300001f02f080320100000001000f00000401120a100200080001 84000000", S7_SESSION, LENGTH,
	    "header.parameter-length", 13),
	NOT("function 2", JOB("0012", "0001", "0000", "02"), S7_SESSION, FUNCTION_UNKNOWN, "param.function",
	    17),
	NOT_FROM_SERVER("a read by the controller", READ8, S7_SESSION, STATE, "param.function", 17),
	NOT("an answer by the client", "0300001602f0803203000000010002000100000501ff", S7_SESSION, STATE,
	    "param.function", 19),
	NOT("setup with a PDU length of 63", "0300001902f08032010000000000080000f00000010001003f",
	    S7_CONFIRMED, FIELD_VALUE, "setup.pdu-length", 23),
	NOT_FROM_SERVER("setup that agrees on more than was asked",
			"0300001b02f080320300000000000800000000f0000001000101e1",
			S7_CONFIRMED "|0300001902f08032010000000000080000f0000001000101e0", ANSWER_CONTENT,
			"setup.pdu-length", 25),
	/* items */
	NOT("no items", JOB("0013", "0002", "0000", "0400"), S7_SESSION, COUNT, "param.item-count", 18),
	NOT("21 items", JOB("0013", "0002", "0000", "0415"), S7_SESSION, COUNT, "param.item-count", 18),
	NOT("an item less than said", JOB("001f", "000e", "0000", "0402 120a10 02 0008 0001 84 000000"),
	    S7_SESSION, SHORT, "item.specification-type", 31),
	NOT("specification type 0x10", JOB("001f", "000e", "0000", "0401 100a10 02 0008 0001 84 000000"),
	    S7_SESSION, FIELD_VALUE, "item.specification-type", 19),
	NOT("specification length 11", JOB("0020", "000f", "0000", "0401 120b10 02 0008 0001 84 00000000"),
	    S7_SESSION, LENGTH, "item.length", 22),
	NOT("an unknown syntax", JOB("001f", "000e", "0000", "0401 120a13 02 0008 0001 84 000000"),
	    S7_SESSION, FIELD_VALUE, "item.syntax-id", 21),
	NOT("an unknown transport size", READ("20 0001 0001 84 000000"), S7_SESSION, FIELD_VALUE,
	    "item.transport-size", 22),
	NOT("no octets", READ("02 0000 0001 84 000000"), S7_SESSION, COUNT, "item.count", 23),
	NOT("two bits", READ("01 0002 0001 84 000000"), S7_SESSION, COUNT, "item.count", 23),
	NOT("a DB number where there is none", READ("02 0001 0001 83 000000"), S7_SESSION, RESERVED,
	    "item.db-number", 25),
	NOT("an unknown area", READ("02 0001 0000 90 000000"), S7_SESSION, FIELD_VALUE, "item.area", 27),
	NOT("octets that begin at bit 1", READ("02 0001 0000 83 000001"), S7_SESSION, FIELD_VALUE,
	    "item.address", 28),
	NOT("past the end of a data block", READ("02 0002 0001 84 07fff8"), S7_SESSION, RANGE_END,
	    "item.address", 28),
	NOT("65535 numbers of four octets", READ("08 ffff 0001 84 000000"), S7_SESSION, RANGE_END,
	    "item.address", 28),
	NOT("a bit past the end", READ("01 0001 0001 84 080000"), S7_SESSION, RANGE_END, "item.address", 28),
	NOT("counters as words", READ("04 0001 0000 1c 000005"), S7_SESSION, FIELD_VALUE,
	    "item.transport-size", 22),
	NOT("merkers as counters", READ("1c 0001 0000 83 000000"), S7_SESSION, FIELD_VALUE,
	    "item.transport-size", 22),
	NOT("a counter past the end", READ("1c 0001 0000 1c 010000"), S7_SESSION, RANGE_END, "item.address",
	    28),
	NOT("DBREAD without ranges", JOB("0017", "0006", "0000", "0401 1202b000"), S7_SESSION, COUNT,
	    "item.areas", 22),
	NOT("DBREAD with a wrong length", JOB("001c", "000b", "0000", "0401 1207b002 0200010000"), S7_SESSION,
	    LENGTH, "item.length", 23),
	NOT("DBREAD of no octets", JOB("001c", "000b", "0000", "0401 1207b001 0000010000"), S7_SESSION, COUNT,
	    "item.count", 23),
	NOT("a write by DBREAD", JOB("0021", "000b", "0005", "0501 1207b001 0100010000 0004000801"),
	    S7_SESSION, FIELD_VALUE, "item.syntax-id", 21),
	NOT("data in a read", JOB("0023", "000e", "0004", "0401 120a10" BYTES4 "00000000"), S7_SESSION,
	    LENGTH, "header.data-length", 31),
	/* written data */
	NOT("no data", WRITE("001f", "0000", BYTES4, ""), S7_SESSION, SHORT, "data.return-code", 31),
	NOT("a return code in a write", WRITE("0027", "0008", BYTES4, "0a040020deadbeef"), S7_SESSION,
	    FIELD_VALUE, "data.return-code", 31),
	NOT("three octets for four", WRITE("0026", "0007", BYTES4, "00040018deadbe"), S7_SESSION, LENGTH,
	    "data.length", 33),
	NOT("31 bits for four octets", WRITE("0027", "0008", BYTES4, "0004001fdeadbeef"), S7_SESSION, LENGTH,
	    "data.length", 33),
	NOT("a transport size that nobody counts alike", WRITE("0027", "0008", BYTES4, "00060020deadbeef"),
	    S7_SESSION, FIELD_VALUE, "data.transport-size", 32),
	NOT("octets written as bits", WRITE("0027", "0008", BYTES4, "00030004deadbeef"), S7_SESSION,
	    FIELD_VALUE, "data.transport-size", 32),
	NOT("a bit written as octets", WRITE("0024", "0005", BIT, "0004000801"), S7_SESSION, FIELD_VALUE,
	    "data.transport-size", 32),
	NOT("a bit that is 2", WRITE("0024", "0005", BIT, "0003000102"), S7_SESSION, FIELD_VALUE,
	    "data.value", 35),
	NOT("an octet behind the data", WRITE("0028", "0009", BYTES4, "00040020deadbeef00"), S7_SESSION,
	    TRAILING, "header.data-length", 39),
	/* answers */
	NOT_FROM_SERVER("an answer of two items to one", ACK("0019", "0002", "0004", "0402 0a000000"),
			S7_SESSION "|" READ8, ANSWER_SIZE, "param.item-count", 20),
	NOT_FROM_SERVER("seven octets for eight", ACK("0020", "0002", "000b", "0401 ff040038 01020304050607"),
			S7_SESSION "|" READ8, ANSWER_SIZE, "data.length", 23),
	NOT_FROM_SERVER("a bit for eight octets", ACK("001a", "0002", "0005", "0401 ff030001 01"),
			S7_SESSION "|" READ8, ANSWER_SIZE, "data.length", 23),
	NOT_FROM_SERVER("a write's answer to a read", ACK("0016", "0002", "0001", "0501 ff"),
			S7_SESSION "|" READ8, ANSWER_FUNCTION, "param.function", 19),
	NOT_FROM_SERVER("a refusal of another function", "0300001502f080320200000001000200008500 0501",
			S7_SESSION "|" READ8, ANSWER_FUNCTION, "param.function", 19),
	NOT_FROM_SERVER("an answer past the PDU length",
			"0300005c02f080320300000001000200470000"
			"0401ff040218"
			"00000000000000000000000000000000000000000000000000000000000000000000000000000000"
			"000000000000000000000000000000000000000000000000000000",
			S7_CONFIRMED "|0300001902f08032010000000000080000f000000100010040|"
				     "<0300001b02f080320300000000000800000000f000000100010040|" READ8,
			OVERSIZE, "header.data-length", 15),
	NOT_FROM_SERVER("octets behind a write's answer", ACK("0017", "0002", "0002", "0501 ffff"),
			S7_SESSION "|" WRITE4, TRAILING, "header.data-length", 22),
	/* blocks */
	NOT("a download of no block",
	    "0300003102f080320100000001002000001a00010000000000095f30393030303031500d31303030323136303030303838",
	    S7_SESSION, FIELD_VALUE, "block.type", 27),
	NOT("a block number that is none",
	    "0300003102f080320100000001002000001a00010000000000095f30413030304131500d31303030323136303030303838",
	    S7_SESSION, FIELD_VALUE, "block.number", 32),
	NOT("a block name without its mark",
	    "0300003102f080320100000001002000001a00010000000000092430413030303031500d31303030323136303030303838",
	    S7_SESSION, FIELD_VALUE, "block.name", 26),
	NOT("a block name of eight",
	    "0300003102f080320100000001002000001a00010000000000085f30413030303031500d31303030323136303030303838",
	    S7_SESSION, LENGTH, "block.name-length", 25),
	NOT("a file system that is none",
	    "0300003102f080320100000001002000001a00010000000000095f30413030303031510d31303030323136303030303838",
	    S7_SESSION, FIELD_VALUE, "block.file-system", 34),
	NOT("a download that the client feeds unasked",
	    "0300002302f080320100000001001200001b00000000000000095f3041303030303150", S7_SESSION, STATE,
	    "param.function", 17),
	NOT_FROM_SERVER("a part of a block that nobody downloads",
			"0300002302f080320100006501001200001b00000000000000095f3041303030303150", S7_SESSION,
			STATE, "block.name", 26),
	NOT("a part of an upload that nobody began", "0300001902f080320100000001000800001e00000000000007",
	    S7_SESSION, STATE, "upload.id", 21),
	NOT("a part of another upload", "0300001902f080320100000001000800001e00000000000008", UPLOADING,
	    STATE, "upload.id", 21),
	NOT("a start with a parameter",
	    "0300002602f0803201000000010015000028000000000000fd0001 41 09 505f50524f4752414d", S7_SESSION,
	    FIELD_VALUE, "pi.parameter", 27),
	NOT("a service without a name", "0300001c02f080320100000001000b000028000000000000fd000000",
	    S7_SESSION, COUNT, "pi.name-length", 27),
	NOT("no blocks to delete", "0300002302f0803201000000010012000028000000000000fd0002 0000 055f44454c45",
	    S7_SESSION, COUNT, "pi.block-count", 27),
	NOT("a stop by another name", "0300002102f0803201000000260010000029000000000009505f50524f4752414e",
	    S7_SESSION, FIELD_VALUE, "stop.name", 24),
	/* userdata */
	NOT("another head", "0300002102f0803207000000010008000800011304114401 00ff09000400110000", S7_SESSION,
	    MAGIC, "userdata.head", 17),
	NOT("a length that is neither", "0300002102f0803207000000010008000800011205114401 00ff09000400110000",
	    S7_SESSION, LENGTH, "userdata.length", 20),
	NOT("a method that does not fit",
	    "0300002102f0803207000000010008000800011204124401 00ff09000400110000", S7_SESSION, FIELD_VALUE,
	    "userdata.method", 21),
	NOT("a push by the client", "0300002102f080320700000001000800080001120411040100ff09000400110000",
	    S7_SESSION, FIELD_VALUE, "userdata.type", 22),
	NOT_FROM_SERVER("a request by the controller", SZL, S7_SESSION, FIELD_VALUE, "userdata.type", 22),
	NOT_FROM_SERVER("a list that nobody asked for",
			"0300002102f080320700000001000800080001120411040100ff09000400110000", S7_SESSION,
			FIELD_VALUE, "userdata.type", 22),
	NOT("an unknown sub-function", "0300002102f0803207000000010008000800011204114404 00ff09000400110000",
	    S7_SESSION, SUBFUNCTION_UNKNOWN, "userdata.sub-function", 23),
	NOT("an unknown group", "0300002102f0803207000000010008000800011204114801 00ff09000400110000",
	    S7_SESSION, SUBFUNCTION_UNKNOWN, "userdata.sub-function", 23),
	NOT("SZL of two octets", "0300001f02f0803207000000010008000600011204114401 00ff0900020011",
	    S7_SESSION, LENGTH, "data.length", 29),
	NOT("data shorter than said", "0300002102f0803207000000010008000800011204114401 00ff09000500110000",
	    S7_SESSION, LENGTH, "data.length", 27),
	NOT("the next part of nothing", "0300002102f080320700000001000c000400011208124401 01000000000a000000",
	    S7_SESSION, STATE, "userdata.sequence-number", 24),
	NOT_FROM_SERVER("another list than was asked for",
			"0300002502f080320700000001000c000800011208128401 0100000000ff09000400120000",
			S7_SESSION "|" SZL, ANSWER_CONTENT, "szl.id", 33),
	NOT_FROM_SERVER("the clock for a list",
			"0300002102f080320700000001000c000400011208128701 01000000000a000000",
			S7_SESSION "|" SZL, ANSWER_FUNCTION, "userdata.sub-function", 23),
	NOT_FROM_SERVER("a mode that is none", "0300001902f080320700000000000800000100101000000500",
			S7_SESSION, SUBFUNCTION_UNKNOWN, "userdata.mode", 23),
	/* S7comm-plus */
	NOT("S7comm-plus on an S7comm session", CREATE, S7_SESSION, STATE, "protocol-id", 7),
	NOT("S7comm on an S7comm-plus session", READ8, S7_CONFIRMED "|" CREATE, STATE, "protocol-id", 7),
	NOT("S7comm-plus version 4", "0300002302f0807204001431000004ca0000000100000120360000011d000472040000",
	    S7_CONFIRMED, FIELD_VALUE, "plus.version", 8),
	NOT("a trailer of another version",
	    "0300002302f0807201001431000004ca0000000100000120360000011d000472020000", S7_CONFIRMED, LENGTH,
	    "plus.trailer", 31),
	NOT("a response by the client",
	    "0300002302f0807201001432000004ca0000000100000120360000011d000472010000", S7_CONFIRMED,
	    FUNCTION_UNKNOWN, "plus.opcode", 11),
	NOT("reserved octets", "0300002302f0807201001431000104ca0000000100000120360000011d000472010000",
	    S7_CONFIRMED, RESERVED, "plus.reserved", 12),
	NOT("a function out of range",
	    "0300002302f08072010014310000f4ca0000000100000120360000011d000472010000", S7_CONFIRMED,
	    FUNCTION_UNKNOWN, "plus.function", 14),
	NOT("TLS nobody agreed on", "0300001102f08016030100050100000100", S7_CONFIRMED, MAGIC, "protocol-id",
	    7),
	/* MMS */
	NOT("an OSI session without MMS", "0300001302f0800d0ac1083106610442010000", S7_CONFIRMED, MAGIC,
	    "presentation.context", 19),
	NOT("a session PDU longer than said", "0300001302f0800d0bc1083106610442010000", S7_CONFIRMED, LENGTH,
	    "session.length-indicator", 8),
	NOT("MMS data without an association", "0300000d02f080010001006100", S7_CONFIRMED, STATE,
	    "session.type", 7),
};

#endif
