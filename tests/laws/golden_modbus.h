/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden Modbus PDUs: every function in both directions, at its limits. The octets follow the examples of the specification
 * where it has them. Laws (segmentation, containment, prefixes) run over this table, and so does the unit test.
 */
#ifndef OTFW_TESTS_LAWS_GOLDEN_MODBUS_H
#define OTFW_TESTS_LAWS_GOLDEN_MODBUS_H

#include "tests/laws/golden.h"

static const struct golden golden_modbus[] = {
	{"read coils", false, "010100000006040100130013", NULL,
	 "modbus request unit 4 read-coils coil 19..37\n"},
	{"coils", true, "010100000006040103cd6b05", "010100000006040100130013",
	 "modbus response unit 4 read-coils coil 19..37 = 1 0 1 1 0 0 1 1 1 1 0 1 0 1 1 0 1 0 1\n"},
	{"coils refused", true, "010100000003048102", "010100000006040100130013",
	 "modbus response unit 4 read-coils coil 19..37\n"},
	{"read all coils of one answer", false, "0102000000060101000007d0", NULL,
	 "modbus request unit 1 read-coils coil 0..1999\n"},
	{"2000 coils", true,
	 "0102000000fd0101fa00000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000080",
	 "0102000000060101000007d0",
	 "modbus response unit 1 read-coils coil 0..1999 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ...\n"},
	{"read the last coil", false, "0103000000060101ffff0001", NULL,
	 "modbus request unit 1 read-coils coil 65535\n"},
	{"the last coil", true, "01030000000401010101", "0103000000060101ffff0001",
	 "modbus response unit 1 read-coils coil 65535 = 1\n"},
	{"read discrete inputs", false, "010400000006040200c40016", NULL,
	 "modbus request unit 4 read-discrete-inputs discrete 196..217\n"},
	{"discrete inputs", true, "010400000006040203acdb35", "010400000006040200c40016",
	 "modbus response unit 4 read-discrete-inputs discrete 196..217 = 0 0 1 1 0 1 0 1 1 1 0 1 1 0 1 1 1 0 1 0 1 1\n"},
	{"read holding registers", false, "0105000000060403006b0003", NULL,
	 "modbus request unit 4 read-holding-registers holding 107..109\n"},
	{"holding registers", true, "010500000009040306022b00000064", "0105000000060403006b0003",
	 "modbus response unit 4 read-holding-registers holding 107..109 = 555 0 100\n"},
	{"holding registers refused", true, "010500000003048302", "0105000000060403006b0003",
	 "modbus response unit 4 read-holding-registers holding 107..109\n"},
	{"holding registers nobody is known to have asked for", true, "0900000000070403040001ffff", NULL,
	 "modbus response unit 4 read-holding-registers holding = 1 65535\n"},
	{"coils nobody is known to have asked for", true, "09010000000404010185", NULL,
	 "modbus response unit 4 read-coils coil = 1 0 1 0 0 0 0 1\n"},
	{"an exception nobody is known to have caused", true, "090200000003048801", NULL,
	 "modbus response unit 4 function 8 diagnose\n"},
	{"read 125 holding registers", false, "010600000006ff03ff83007d", NULL,
	 "modbus request unit 255 read-holding-registers holding 65411..65535\n"},
	{"125 holding registers", true,
	 "0106000000fdff03fa01020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102010201020102010201020102010201020102010201"
	 "02010201020102010201020102010201020102",
	 "010600000006ff03ff83007d",
	 "modbus response unit 255 read-holding-registers holding 65411..65535 = 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 258 ...\n"},
	{"read input registers", false, "010700000006040400080001", NULL,
	 "modbus request unit 4 read-input-registers input 8\n"},
	{"input registers", true, "010700000005040402000a", "010700000006040400080001",
	 "modbus response unit 4 read-input-registers input 8 = 10\n"},
	{"write coil on", false, "010800000006040500acff00", NULL,
	 "modbus request unit 4 write-single-coil coil 172 = 1\n"},
	{"coil on", true, "010800000006040500acff00", "010800000006040500acff00",
	 "modbus response unit 4 write-single-coil coil 172 = 1\n"},
	{"write coil off", false, "010900000006040500ac0000", NULL,
	 "modbus request unit 4 write-single-coil coil 172 = 0\n"},
	{"coil off", true, "010900000006040500ac0000", "010900000006040500ac0000",
	 "modbus response unit 4 write-single-coil coil 172 = 0\n"},
	{"write register", false, "010a00000006040600010003", NULL,
	 "modbus request unit 4 write-single-register holding 1 = 3\n"},
	{"register", true, "010a00000006040600010003", "010a00000006040600010003",
	 "modbus response unit 4 write-single-register holding 1 = 3\n"},
	{"register refused", true, "010a00000003048604", "010a00000006040600010003",
	 "modbus response unit 4 write-single-register holding 1\n"},
	{"broadcast register", false, "010b0000000600060001ffff", NULL,
	 "modbus request unit 0 write-single-register holding 1 = 65535\n"},
	{"broadcast coils", false, "010c00000008000f000000020103", NULL,
	 "modbus request unit 0 write-multiple-coils coil 0..1 = 1 1\n"},
	{"read exception status", false, "010d000000020407", NULL,
	 "modbus request unit 4 read-exception-status\n"},
	{"exception status", true, "010d0000000304076d", "010d000000020407",
	 "modbus response unit 4 read-exception-status\n"},
	{"query data", false, "010e0000000804080000a5371122", NULL,
	 "modbus request unit 4 return-query-data\n"},
	{"query data back", true, "010e0000000804080000a5371122", "010e0000000804080000a5371122",
	 "modbus response unit 4 return-query-data\n"},
	{"restart", false, "010f0000000604080001ff00", NULL,
	 "modbus request unit 4 restart-communications\n"},
	{"restarted", true, "010f0000000604080001ff00", "010f0000000604080001ff00",
	 "modbus response unit 4 restart-communications\n"},
	{"restart refused", true, "010f00000003048801", "010f0000000604080001ff00",
	 "modbus response unit 4 restart-communications\n"},
	{"diagnostic register", false, "011000000006040800020000", NULL,
	 "modbus request unit 4 return-diagnostic-register\n"},
	{"diagnostic register back", true, "011000000006040800021234", "011000000006040800020000",
	 "modbus response unit 4 return-diagnostic-register\n"},
	{"delimiter", false, "011100000006040800030a00", NULL,
	 "modbus request unit 4 change-ascii-input-delimiter\n"},
	{"delimiter changed", true, "011100000006040800030a00", "011100000006040800030a00",
	 "modbus response unit 4 change-ascii-input-delimiter\n"},
	{"listen only", false, "011200000006040800040000", NULL,
	 "modbus request unit 4 force-listen-only-mode\n"},
	{"listen only refused", true, "011200000003048801", "011200000006040800040000",
	 "modbus response unit 4 force-listen-only-mode\n"},
	{"clear counters", false, "0113000000060408000a0000", NULL, "modbus request unit 4 clear-counters\n"},
	{"counters cleared", true, "0113000000060408000a0000", "0113000000060408000a0000",
	 "modbus response unit 4 clear-counters\n"},
	{"count 11", false, "0114000000060408000b0000", NULL,
	 "modbus request unit 4 return-bus-message-count\n"},
	{"count 11 back", true, "0114000000060408000b004d", "0114000000060408000b0000",
	 "modbus response unit 4 return-bus-message-count\n"},
	{"count 12", false, "0115000000060408000c0000", NULL,
	 "modbus request unit 4 return-bus-communication-error-count\n"},
	{"count 12 back", true, "0115000000060408000c0054", "0115000000060408000c0000",
	 "modbus response unit 4 return-bus-communication-error-count\n"},
	{"count 13", false, "0116000000060408000d0000", NULL,
	 "modbus request unit 4 return-bus-exception-error-count\n"},
	{"count 13 back", true, "0116000000060408000d005b", "0116000000060408000d0000",
	 "modbus response unit 4 return-bus-exception-error-count\n"},
	{"count 14", false, "0117000000060408000e0000", NULL,
	 "modbus request unit 4 return-server-message-count\n"},
	{"count 14 back", true, "0117000000060408000e0062", "0117000000060408000e0000",
	 "modbus response unit 4 return-server-message-count\n"},
	{"count 15", false, "0118000000060408000f0000", NULL,
	 "modbus request unit 4 return-server-no-response-count\n"},
	{"count 15 back", true, "0118000000060408000f0069", "0118000000060408000f0000",
	 "modbus response unit 4 return-server-no-response-count\n"},
	{"count 16", false, "011900000006040800100000", NULL,
	 "modbus request unit 4 return-server-nak-count\n"},
	{"count 16 back", true, "011900000006040800100070", "011900000006040800100000",
	 "modbus response unit 4 return-server-nak-count\n"},
	{"count 17", false, "011a00000006040800110000", NULL,
	 "modbus request unit 4 return-server-busy-count\n"},
	{"count 17 back", true, "011a00000006040800110077", "011a00000006040800110000",
	 "modbus response unit 4 return-server-busy-count\n"},
	{"count 18", false, "011b00000006040800120000", NULL,
	 "modbus request unit 4 return-bus-character-overrun-count\n"},
	{"count 18 back", true, "011b0000000604080012007e", "011b00000006040800120000",
	 "modbus response unit 4 return-bus-character-overrun-count\n"},
	{"clear overrun", false, "011c00000006040800140000", NULL,
	 "modbus request unit 4 clear-overrun-counter\n"},
	{"overrun cleared", true, "011c00000006040800140000", "011c00000006040800140000",
	 "modbus response unit 4 clear-overrun-counter\n"},
	{"read modbus plus statistics", false, "011d00000006040800150003", NULL,
	 "modbus request unit 4 modbus-plus-statistics diagnose\n"},
	{"modbus plus statistics", true,
	 "011d000000730408001500036c000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00",
	 "011d00000006040800150003", "modbus response unit 4 modbus-plus-statistics diagnose\n"},
	{"clear modbus plus statistics", false, "011e00000006040800150004", NULL,
	 "modbus request unit 4 modbus-plus-statistics configure\n"},
	{"modbus plus statistics cleared", true, "011e00000006040800150004", "011e00000006040800150004",
	 "modbus response unit 4 modbus-plus-statistics configure\n"},
	{"event counter", false, "011f00000002040b", NULL, "modbus request unit 4 get-comm-event-counter\n"},
	{"event count", true, "011f00000006040bffff0108", "011f00000002040b",
	 "modbus response unit 4 get-comm-event-counter\n"},
	{"event log", false, "012000000002040c", NULL, "modbus request unit 4 get-comm-event-log\n"},
	{"events", true, "01200000000b040c080000010801212000", "012000000002040c",
	 "modbus response unit 4 get-comm-event-log\n"},
	{"event counter refused", true, "011f00000003048b01", "011f00000002040b",
	 "modbus response unit 4 get-comm-event-counter\n"},
	{"event log refused", true, "012000000003048c0b", "012000000002040c",
	 "modbus response unit 4 get-comm-event-log\n"},
	{"write coils", false, "012100000009040f0013000a02cd01", NULL,
	 "modbus request unit 4 write-multiple-coils coil 19..28 = 1 0 1 1 0 0 1 1 1 0\n"},
	{"coils written", true, "012100000006040f0013000a", "012100000009040f0013000a02cd01",
	 "modbus response unit 4 write-multiple-coils coil 19..28\n"},
	{"coils busy", true, "012100000003048f06", "012100000009040f0013000a02cd01",
	 "modbus response unit 4 write-multiple-coils coil 19..28\n"},
	{"write 1968 coils", false,
	 "0122000000fd040f000007b0f6ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffff",
	 NULL,
	 "modbus request unit 4 write-multiple-coils coil 0..1967 = 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ...\n"},
	{"1968 coils written", true, "012200000006040f000007b0",
	 "0122000000fd040f000007b0f6ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	 "ffffffffffffffffffffffffffffffffffffff",
	 "modbus response unit 4 write-multiple-coils coil 0..1967\n"},
	{"write registers", false, "01230000000b0410002800020400050007", NULL,
	 "modbus request unit 4 write-multiple-registers holding 40..41 = 5 7\n"},
	{"registers written", true, "012300000006041000280002", "01230000000b0410002800020400050007",
	 "modbus response unit 4 write-multiple-registers holding 40..41\n"},
	{"write 123 registers", false,
	 "0124000000fd04100000007bf67fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff",
	 NULL,
	 "modbus request unit 4 write-multiple-registers holding 0..122 = 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 32767 ...\n"},
	{"123 registers written", true, "01240000000604100000007b",
	 "0124000000fd04100000007bf67fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7fff7f"
	 "ff7fff7fff7fff7fff7fff7fff7fff7fff7fff",
	 "modbus response unit 4 write-multiple-registers holding 0..122\n"},
	{"server id", false, "0125000000020411", NULL, "modbus request unit 4 report-server-id\n"},
	{"server id back", true, "0125000000080411050102ff4142", "0125000000020411",
	 "modbus response unit 4 report-server-id\n"},
	{"server id refused", true, "01250000000304910a", "0125000000020411",
	 "modbus response unit 4 report-server-id\n"},
	{"read records", false, "01260000001104140e0600040001000206000300090002", NULL,
	 "modbus request unit 4 read-file-record file 40001..40002\n"
	 "modbus request unit 4 read-file-record file 30009..30010\n"},
	{"records", true, "01260000000f04140c05060dfe0020050633cd0040",
	 "01260000001104140e0600040001000206000300090002",
	 "modbus response unit 4 read-file-record file = 3582 32\n"
	 "modbus response unit 4 read-file-record file = 13261 64\n"},
	{"read one record", false, "01270000000a04140706ffff270f0001", NULL,
	 "modbus request unit 4 read-file-record file 655359999\n"},
	{"one record", true, "01270000000704140403061234", "01270000000a04140706ffff270f0001",
	 "modbus response unit 4 read-file-record file 655359999 = 4660\n"},
	{"read 35 records", false,
	 "0128000000f80414f506000100000001060001000000010600010000000106000100000001060001"
	 "00000001060001000000010600010000000106000100000001060001000000010600010000000106"
	 "00010000000106000100000001060001000000010600010000000106000100000001060001000000"
	 "01060001000000010600010000000106000100000001060001000000010600010000000106000100"
	 "00000106000100000001060001000000010600010000000106000100000001060001000000010600"
	 "01000000010600010000000106000100000001060001000000010600010000000106000100000001"
	 "0600010000000106000100000001",
	 NULL,
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"
	 "modbus request unit 4 read-file-record file 10000\n"},
	{"35 records", true,
	 "01280000008f04148c03060001030600010306000103060001030600010306000103060001030600"
	 "01030600010306000103060001030600010306000103060001030600010306000103060001030600"
	 "01030600010306000103060001030600010306000103060001030600010306000103060001030600"
	 "0103060001030600010306000103060001030600010306000103060001",
	 "0128000000f80414f506000100000001060001000000010600010000000106000100000001060001"
	 "00000001060001000000010600010000000106000100000001060001000000010600010000000106"
	 "00010000000106000100000001060001000000010600010000000106000100000001060001000000"
	 "01060001000000010600010000000106000100000001060001000000010600010000000106000100"
	 "00000106000100000001060001000000010600010000000106000100000001060001000000010600"
	 "01000000010600010000000106000100000001060001000000010600010000000106000100000001"
	 "0600010000000106000100000001",
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"
	 "modbus response unit 4 read-file-record file = 1\n"},
	{"write records", false, "0129000000190415160600040007000306af04be100d060001000000010001", NULL,
	 "modbus request unit 4 write-file-record file 40007..40009 = 1711 1214 4109\n"
	 "modbus request unit 4 write-file-record file 10000 = 1\n"},
	{"records written", true, "0129000000190415160600040007000306af04be100d060001000000010001",
	 "0129000000190415160600040007000306af04be100d060001000000010001",
	 "modbus response unit 4 write-file-record file 40007..40009 = 1711 1214 4109\n"
	 "modbus response unit 4 write-file-record file 10000 = 1\n"},
	{"mask write", false, "012a000000080416000400f20025", NULL,
	 "modbus request unit 4 mask-write-register holding 4 = ?\n"},
	{"mask written", true, "012a000000080416000400f20025", "012a000000080416000400f20025",
	 "modbus response unit 4 mask-write-register holding 4\n"},
	{"read and write", false, "012b00000011041700030006000e00030600ff00ff00ff", NULL,
	 "modbus request unit 4 read-write-multiple-registers write holding 14..16 = 255 255 255\n"
	 "modbus request unit 4 read-write-multiple-registers read holding 3..8\n"},
	{"read and written", true, "012b0000000f04170c00fe0acd00010003000d00ff",
	 "012b00000011041700030006000e00030600ff00ff00ff",
	 "modbus response unit 4 read-write-multiple-registers read holding 3..8 = 254 2765 1 3 13 255\n"},
	{"read and write refused", true, "012b00000003049703",
	 "012b00000011041700030006000e00030600ff00ff00ff",
	 "modbus response unit 4 read-write-multiple-registers read holding 3..8\n"},
	{"read and write at their limits", false,
	 "012c000000fd04170000007d00000079f20000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000000000",
	 NULL,
	 "modbus request unit 4 read-write-multiple-registers write holding 0..120 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ...\n"
	 "modbus request unit 4 read-write-multiple-registers read holding 0..124\n"},
	{"read fifo", false, "012d00000004041804de", NULL,
	 "modbus request unit 4 read-fifo-queue fifo 1246\n"},
	{"fifo", true, "012d0000000a04180006000201b81284", "012d00000004041804de",
	 "modbus response unit 4 read-fifo-queue fifo 1246 = 440 4740\n"},
	{"fifo refused", true, "012d00000003049805", "012d00000004041804de",
	 "modbus response unit 4 read-fifo-queue fifo 1246\n"},
	{"records refused", true, "012600000003049408", "01260000001104140e0600040001000206000300090002",
	 "modbus response unit 4 read-file-record file\n"},
	{"one record refused", true, "012700000003049408", "01270000000a04140706ffff270f0001",
	 "modbus response unit 4 read-file-record file 655359999\n"},
	{"empty fifo", true, "012d00000006041800020000", "012d00000004041804de",
	 "modbus response unit 4 read-fifo-queue fifo 1246\n"},
	{"identification", false, "012e00000005042b0e0100", NULL,
	 "modbus request unit 4 read-device-identification id-code=basic object=0\n"},
	{"identification back", true, "012e00000017042b0e0101000003000341424301025031020456322e31",
	 "012e00000005042b0e0100", "modbus response unit 4 read-device-identification id-code=basic\n"},
	{"identification in parts", true, "012e0000000d042b0e0181ff02010003414243", "012e00000005042b0e0100",
	 "modbus response unit 4 read-device-identification id-code=basic\n"},
	{"identification refused", true, "012e0000000304ab01", "012e00000005042b0e0100",
	 "modbus response unit 4 read-device-identification\n"},
	{"one object", false, "012f00000005042b0e0480", NULL,
	 "modbus request unit 4 read-device-identification id-code=individual object=128\n"},
	{"one object back", true, "012f0000000a042b0e04830000018000", "012f00000005042b0e0480",
	 "modbus response unit 4 read-device-identification id-code=individual\n"},
	{"canopen", false, "013000000007042b0d01020304", NULL,
	 "modbus request unit 4 canopen-general-reference\n"},
	{"canopen back", true, "013000000004042b0dff", "013000000007042b0d01020304",
	 "modbus response unit 4 canopen-general-reference\n"},
	{"umas stop", false, "013100000006015a0041ff00", NULL, "modbus request unit 1 function 90/65\n"},
	{"umas good", true, "013100000004015a00fe", "013100000006015a0041ff00",
	 "modbus response unit 1 function 90/65\n"},
	{"umas refused", true, "01310000000301da01", "013100000006015a0041ff00",
	 "modbus response unit 1 function 90/65\n"},
	{"canopen refused", true, "01300000000304ab01", "013000000007042b0d01020304",
	 "modbus response unit 4 canopen-general-reference\n"},
	{"umas status nobody is known to have asked for", true, "090300000006015a00fd0102", NULL,
	 "modbus response unit 1 function 90/253\n"},
	{"user-defined 65", false, "0132000000050141010203", NULL, "modbus request unit 1 user-defined-65\n"},
	{"user-defined 65 back", true, "0132000000020141", "0132000000050141010203",
	 "modbus response unit 1 user-defined-65\n"},
	{"user-defined 72", false, "0133000000050148010203", NULL, "modbus request unit 1 user-defined-72\n"},
	{"user-defined 72 back", true, "0133000000020148", "0133000000050148010203",
	 "modbus response unit 1 user-defined-72\n"},
	{"user-defined 100", false, "0134000000050164010203", NULL,
	 "modbus request unit 1 user-defined-100\n"},
	{"user-defined 100 back", true, "0134000000020164", "0134000000050164010203",
	 "modbus response unit 1 user-defined-100\n"},
	{"user-defined 110", false, "013500000005016e010203", NULL,
	 "modbus request unit 1 user-defined-110\n"},
	{"user-defined 110 back", true, "013500000002016e", "013500000005016e010203",
	 "modbus response unit 1 user-defined-110\n"},
	{"user-defined refused", true, "01320000000301c101", "0132000000050141010203",
	 "modbus response unit 1 user-defined-65\n"},
};
#define GOLDEN_MODBUS (sizeof golden_modbus / sizeof *golden_modbus)

#endif
