/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden DNP3 PDUs: every function in both directions, every kind of object header. The objects follow the tables of IEEE 1815-2012,
 * annex A, and what public captures of devices hold; link frames and CRCs are put around them.
 */
#ifndef OTFW_TESTS_LAWS_GOLDEN_DNP3_H
#define OTFW_TESTS_LAWS_GOLDEN_DNP3_H

#include "tests/laws/golden.h"

/* A file is opened, to read or to write, and its handle is aabbccdd. */
#define OPENED "|<05641d44030004008308c0c181000046045b010d00ddccbbaa00e4b21000000002010000b702"
#define READING                                                                                              \
	"056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff010000759d0201002f6366672f612e786d6c77ea" OPENED
#define WRITING                                                                                              \
	"056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff020000bdb70201002f6366672f612e786d6c77ea" OPENED

static const struct golden golden_dnp3[] = {
	{"class poll", false, "056414c404000300c717c0c0013c02063c03063c04063c01068a51", NULL,
	 "dnp3 request unit 4 origin 3 read class 1 object=g60v2\n"
	 "dnp3 request unit 4 origin 3 read class 2 object=g60v3\n"
	 "dnp3 request unit 4 origin 3 read class 3 object=g60v4\n"
	 "dnp3 request unit 4 origin 3 read class 0 object=g60v1\n"},
	{"read all binary inputs", false, "05640bc404000300e42bc0c1010100065d5c", NULL,
	 "dnp3 request unit 4 origin 3 read binary-input 0..65535 object=g1v0\n"},
	{"read analog inputs 0 to 9", false, "05640dc4040003003d40c0c2011e010000092d70", NULL,
	 "dnp3 request unit 4 origin 3 read analog-input 0..9 object=g30v1\n"},
	{"read counters 256 to 511", false, "05640fc4040003008a66c0c3011405010001ff0178b1", NULL,
	 "dnp3 request unit 4 origin 3 read counter 256..511 object=g20v5\n"},
	{"read the last analog output", false, "056413c404000300f9c9c0c301280302ffff0000ffff00001bc6", NULL,
	 "dnp3 request unit 4 origin 3 read analog-output 65535 object=g40v3\n"},
	{"read binary outputs of a list", false, "05640fc4040003008a66c0c4010a021703070205da48", NULL,
	 "dnp3 request unit 4 origin 3 read binary-output 2..7 object=g10v2\n"},
	{"read double bits of a list of 16-bit indexes", false,
	 "056411c4040003004eefc0c40103022802000001000296c3", NULL,
	 "dnp3 request unit 4 origin 3 read double-bit-input 256..512 object=g3v2\n"},
	{"read a point by a 32-bit index", false, "056413c404000300f9c9c0c4011e0639010000001000000026a2",
	 NULL, "dnp3 request unit 4 origin 3 read analog-input 16 object=g30v6\n"},
	{"read up to 10 events", false, "05640cc404000300daf5c0c5010202070ad750", NULL,
	 "dnp3 request unit 4 origin 3 read binary-input 0..65535 object=g2v2\n"},
	{"read up to 1000 events", false, "05640dc4040003003d40c0c501200308e8030d36", NULL,
	 "dnp3 request unit 4 origin 3 read analog-input 0..65535 object=g32v3\n"},
	{"read up to 5 events of class 1", false, "05640cc404000300daf5c0c6013c02070529fa", NULL,
	 "dnp3 request unit 4 origin 3 read class 1 object=g60v2\n"},
	{"read the clock", false, "05640cc404000300daf5c0c6013201070134e8", NULL,
	 "dnp3 request unit 4 origin 3 read time 0 object=g50v1\n"},
	{"read all attributes", false, "05640dc4040003003d40c0c70100fe000000416e", NULL,
	 "dnp3 request unit 4 origin 3 read attribute 0 object=g0v254\n"},
	{"read the software version", false, "05640dc4040003003d40c0c70100f20000004547", NULL,
	 "dnp3 request unit 4 origin 3 read attribute 0/242 object=g0v242\n"},
	{"read strings", false, "05640bc404000300e42bc0c8016e00061ec7", NULL,
	 "dnp3 request unit 4 origin 3 read octet-string 0..65535 object=g110v0\n"},
	{"read a data set", false, "05640dc4040003003d40c0c801570100010139bd", NULL,
	 "dnp3 request unit 4 origin 3 read data-set 1 object=g87v1\n"},
	{"read frozen values", false, "05640ec4040003006dd3c0c8011505061f08067c90", NULL,
	 "dnp3 request unit 4 origin 3 read counter 0..65535 object=g21v5\n"
	 "dnp3 request unit 4 origin 3 read analog-input 0..65535 object=g31v8\n"},
	{"read indications", false, "05640dc4040003003d40c0c801500100000f28b5", NULL,
	 "dnp3 request unit 4 origin 3 read iin 0..15 object=g80v1\n"},
	{"read block 1 of a file", false, "056416c4040003007031c0c90146055b010800ddccbbaa010000c05f00ffff",
	 READING, "dnp3 request unit 4 origin 3 read file 1 object=g70v5\n"},
	{"read in two frames", false,
	 "056410c404000300a95a40ca011e010000091e01004d4d05640dc4040003003d408114191e0100282971e9", NULL,
	 "dnp3 request unit 4 origin 3 read analog-input 0..9 object=g30v1\n"
	 "dnp3 request unit 4 origin 3 read analog-input 20..25 object=g30v1\n"
	 "dnp3 request unit 4 origin 3 read analog-input 40..41 object=g30v1\n"},
	{"read in confirmed frames", false, "05640bf3040003003970c0cb013c020617d0", NULL,
	 "dnp3 request unit 4 origin 3 read class 1 object=g60v2\n"},
	{"read by another master", false, "05640bc4efffefff1bbac0cc013c0106ae89", NULL,
	 "dnp3 request unit 65519 origin 65519 read class 0 object=g60v1\n"},
	{"confirm", false, "056408c404000300b4b8c0c1007d3d", NULL, "dnp3 request unit 4 origin 3 confirm\n"},
	{"confirm unasked events", false, "056408c404000300b4b8c0d10055e2", NULL,
	 "dnp3 request unit 4 origin 3 confirm\n"},
	{"clear restart", false, "05640ec4040003006dd3c0c1025001000707003e5f", NULL,
	 "dnp3 request unit 4 origin 3 write iin 7 object=g80v1 = 0\n"},
	{"set the clock", false, "056412c4040003001e7cc0c20232010701001a2b3c4d0131e3", NULL,
	 "dnp3 request unit 4 origin 3 write time 0 object=g50v1 = 1431233567232\n"},
	{"set the clock over LAN", false, "056412c4040003001e7cc0c30232030701ffffffffffffe1e1", NULL,
	 "dnp3 request unit 4 origin 3 write time 0 object=g50v3 = 281474976710655\n"},
	{"write deadbands", false, "056411c4040003004eefc0c40222010002030a0014005b10", NULL,
	 "dnp3 request unit 4 origin 3 write deadband 2..3 object=g34v1 = 10 20\n"},
	{"write deadbands by index", false,
	 "056419c4040003009275c0c5022202280200070010270000010001baffffffff8f7a", NULL,
	 "dnp3 request unit 4 origin 3 write deadband 7 object=g34v2 = 10000\n"
	 "dnp3 request unit 4 origin 3 write deadband 1 object=g34v2 = 4294967295\n"},
	{"write a floating deadband", false, "056411c4040003004eefc0c60222031701090000c03f5201", NULL,
	 "dnp3 request unit 4 origin 3 write deadband 9 object=g34v3 = 1.5\n"},
	{"write a string", false, "056412c4040003001e7cc0c7026e0500030348656c6c6f1b79", NULL,
	 "dnp3 request unit 4 origin 3 write octet-string 3 object=g110v5 = ?\n"},
	{"write to the terminal", false, "056410c404000300a95ac0c80270031701006c730a3c6e", NULL,
	 "dnp3 request unit 4 origin 3 write virtual-terminal 0 object=g112v3 = ?\n"},
	{"write the location", false, "056413c404000300f9c9c0c90200f5000000010442617931ed77", NULL,
	 "dnp3 request unit 4 origin 3 write attribute 0/245 object=g0v245 = ?\n"},
	{"write a block of a file", false,
	 "05641ac404000300c2e6c0ca0246055b010c00ddccbbaa000000cf1b8001020304c006", WRITING,
	 "dnp3 request unit 4 origin 3 write file 0 object=g70v5 = ?\n"},
	{"write integers", false, "05640fc4040003008a66c0cb02660100000107ffd149", NULL,
	 "dnp3 request unit 4 origin 3 write integer 0..1 object=g102v1 = 7 255\n"},
	{"write outputs", false, "05640fc4040003008a66c0cc020a0100000aff059761", NULL,
	 "dnp3 request unit 4 origin 3 write binary-output 0..10 object=g10v1 = 1 1 1 1 1 1 1 1 1 0 1\n"},
	{"write a data set", false, "056411c4040003004eefc0cd0257015b010300010203119f", NULL,
	 "dnp3 request unit 4 origin 3 write data-set 0..65535 object=g87v1 = ?\n"},
	{"write a time and interval", false,
	 "056418c40400030075c0c0ce0232041701020000000000010a00b4f70000024393", NULL,
	 "dnp3 request unit 4 origin 3 write time 2 object=g50v4 = ?\n"},
	{"select", false, "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb", NULL,
	 "dnp3 request unit 4 origin 3 select crob 10 object=g12v1 control=latch-on count=1 on-time=100 off-time=200 = 3\n"},
	{"operate", false, "05641ac404000300c2e6c0c6040c012801000a00030164000000b066c80000000078fb",
	 "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb",
	 "dnp3 request unit 4 origin 3 operate crob 10 object=g12v1 control=latch-on count=1 on-time=100 off-time=200 = 3\n"},
	{"operate after number 15", false,
	 "05641ac404000300c2e6c0c0040c012801000a00030164000000994fc80000000078fb",
	 "05641ac404000300c2e6c0cf030c012801000a000301640000003317c80000000078fb",
	 "dnp3 request unit 4 origin 3 operate crob 10 object=g12v1 control=latch-on count=1 on-time=100 off-time=200 = 3\n"},
	{"operate after the answer to select", false,
	 "05641ac404000300c2e6c0c6040c012801000a00030164000000b066c80000000078fb",
	 "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb|<05641c440300040064bdc0c58100000c012801000a0003016400f8510000c80000000078fb",
	 "dnp3 request unit 4 origin 3 operate crob 10 object=g12v1 control=latch-on count=1 on-time=100 off-time=200 = 3\n"},
	{"direct operate: trip", false, "056418c40400030075c0c0c7050c011701058102e803000000003a3c000000ffff",
	 NULL,
	 "dnp3 request unit 4 origin 3 direct-operate crob 5 object=g12v1 control=trip count=2 on-time=1000 off-time=0 = 129\n"},
	{"direct operate: two points", false,
	 "056424c404000300849ec0c7050c011702054101ffffffff00008c340000000604010000000000000000000596", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate crob 5 object=g12v1 control=close count=1 on-time=4294967295 off-time=0 = 65\n"
	 "dnp3 request unit 4 origin 3 direct-operate crob 6 object=g12v1 control=latch-off count=1 on-time=0 off-time=0 = 4\n"},
	{"direct operate without answer", false,
	 "05641ac404000300c2e6c0c8060c01280100ffff010100000000c7530000000000ffff", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate-no-ack crob 65535 object=g12v1 control=pulse-on count=1 on-time=0 off-time=0 = 1\n"},
	{"direct operate to all", false,
	 "05641ac4ffff03005cd9c0c8060c012801000100040100000000d8180000000000ffff", NULL,
	 "dnp3 request unit 65535 origin 3 direct-operate-no-ack crob 1 object=g12v1 control=latch-off count=1 on-time=0 off-time=0 = 4\n"},
	{"analog output, 32 bits", false, "056414c404000300c717c0c9052901280100010085ffffff0061b8", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 1 object=g41v1 = -123\n"},
	{"analog output, 16 bits", false, "056414c404000300c717c0ca052902170200e803000118fc00da4f", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 0 object=g41v2 = 1000\n"
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 1 object=g41v2 = -1000\n"},
	{"analog output, floating", false, "056414c404000300c717c0cb05290328010002000000484100de11", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 2 object=g41v3 = 12.5\n"},
	{"analog output, long floating", false,
	 "056418c40400030075c0c0cc052904280100020000000000000000ddf0bf009ecf", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 2 object=g41v4 = -1.0\n"},
	{"select a number", false, "056410c404000300a95ac0cd0329021701076400005f72", NULL,
	 "dnp3 request unit 4 origin 3 select analog-output 7 object=g41v2 = 100\n"},
	{"a pattern", false, "05641ec404000300acabc0ce050c02070103016400000064000094fc00000c03000009ff03d6c7",
	 NULL,
	 "dnp3 request unit 4 origin 3 direct-operate crob 0..9 object=g12v3 control=latch-on count=1 on-time=100 off-time=100 = 3 3 3 3 3 3 3 3 3 3\n"},
	{"a signed command", false,
	 "056424c404000300849ec0cf05780307010100000001002902173775010764000078095b010400deadbeefbf57", NULL,
	 "dnp3 request unit 4 origin 3 direct-operate authentication 3 object=g120v3\n"
	 "dnp3 request unit 4 origin 3 direct-operate analog-output 7 object=g41v2 = 100\n"
	 "dnp3 request unit 4 origin 3 direct-operate authentication 9 object=g120v9\n"},
	{"freeze", false, "05640bc404000300e42bc0c1071400067ee1", NULL,
	 "dnp3 request unit 4 origin 3 immediate-freeze counter 0..65535 object=g20v0\n"},
	{"freeze without answer", false, "05640dc4040003003d40c0c20814000001029e80", NULL,
	 "dnp3 request unit 4 origin 3 immediate-freeze-no-ack counter 1..2 object=g20v0\n"},
	{"freeze and clear", false, "05640ec4040003006dd3c0c3091400061e0006ed17", NULL,
	 "dnp3 request unit 4 origin 3 freeze-and-clear counter 0..65535 object=g20v0\n"
	 "dnp3 request unit 4 origin 3 freeze-and-clear analog-input 0..65535 object=g30v0\n"},
	{"freeze and clear without answer", false, "05640bc404000300e42bc0c40a1400068ca5", NULL,
	 "dnp3 request unit 4 origin 3 freeze-and-clear-no-ack counter 0..65535 object=g20v0\n"},
	{"freeze at a time", false, "056419c4040003009275c0c50b32020701001a2b3c4d0160ea00c1d90014000622fa",
	 NULL, "dnp3 request unit 4 origin 3 freeze-at-time counter 0..65535 object=g20v0 = ?\n"},
	{"freeze at a time without answer", false,
	 "05641bc4040003002553c0c60c32020701001a2b3c4d0160ea0039d300140000000075d9", NULL,
	 "dnp3 request unit 4 origin 3 freeze-at-time-no-ack counter 0 object=g20v0 = ?\n"},
	{"cold-restart", false, "056408c404000300b4b8c0c10dd22d", NULL,
	 "dnp3 request unit 4 origin 3 cold-restart\n"},
	{"warm-restart", false, "056408c404000300b4b8c0c10e3077", NULL,
	 "dnp3 request unit 4 origin 3 warm-restart\n"},
	{"delay-measurement", false, "056408c404000300b4b8c0c1178c0c", NULL,
	 "dnp3 request unit 4 origin 3 delay-measurement\n"},
	{"record-current-time", false, "056408c404000300b4b8c0c1189f70", NULL,
	 "dnp3 request unit 4 origin 3 record-current-time\n"},
	{"cold restart of all", false, "056408c4fdff0300834fc0c10dd22d", NULL,
	 "dnp3 request unit 65533 origin 3 cold-restart\n"},
	{"initialize data", false, "05640bc404000300e42bc0c10f010006f0bd", NULL,
	 "dnp3 request unit 4 origin 3 initialize-data\n"},
	{"save configuration", false, "056408c404000300b4b8c0c113f4d5", NULL,
	 "dnp3 request unit 4 origin 3 save-configuration\n"},
	{"initialize an application", false, "056412c4040003001e7cc0c1105a015b01040074657374baf9", NULL,
	 "dnp3 request unit 4 origin 3 initialize-application \"test\" object=g90v1\n"},
	{"start two applications", false, "056413c404000300f9c9c0c1115a015b0201004102004242389b", NULL,
	 "dnp3 request unit 4 origin 3 start-application \"A\" object=g90v1\n"
	 "dnp3 request unit 4 origin 3 start-application \"BB\" object=g90v1\n"},
	{"stop all applications", false, "05640bc404000300e42bc0c1125a0106ebe7", NULL,
	 "dnp3 request unit 4 origin 3 stop-application \"(all)\" object=g90v1\n"},
	{"stop everything", false, "056408c404000300b4b8c0c112aae3", NULL,
	 "dnp3 request unit 4 origin 3 stop-application \"(all)\"\n"},
	{"enable unsolicited", false, "05640ec4040003006dd3c0c1143c02063c04061f3f", NULL,
	 "dnp3 request unit 4 origin 3 enable-unsolicited class 1 object=g60v2\n"
	 "dnp3 request unit 4 origin 3 enable-unsolicited class 3 object=g60v4\n"},
	{"disable unsolicited", false, "05640bc404000300e42bc0c2153c03061a76", NULL,
	 "dnp3 request unit 4 origin 3 disable-unsolicited class 2 object=g60v3\n"},
	{"assign classes", false, "056416c4040003007031c0c3163c02060100063c01061e000005ec40087600", NULL,
	 "dnp3 request unit 4 origin 3 assign-class binary-input 0..65535 object=g1v0 class=1\n"
	 "dnp3 request unit 4 origin 3 assign-class analog-input 5..8 object=g30v0 class=0\n"},
	{"open a file to read", false,
	 "056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff010000759d0201002f6366672f612e786d6c77ea",
	 NULL, "dnp3 request unit 4 origin 3 open-file read \"/cfg/a.xml\" object=g70v3 file-mode=read\n"},
	{"open a file to write", false,
	 "056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff020000bdb70201002f6366672f612e786d6c77ea",
	 NULL, "dnp3 request unit 4 origin 3 open-file write \"/cfg/a.xml\" object=g70v3 file-mode=write\n"},
	{"open a file to append", false,
	 "056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff03000005ae0201002f6366672f612e786d6c77ea",
	 NULL, "dnp3 request unit 4 origin 3 open-file write \"/cfg/a.xml\" object=g70v3 file-mode=append\n"},
	{"close a file", false, "05641bc4040003002553c0c21a46045b010d00ddccbbaa000000d00c00000001000047e6",
	 READING, "dnp3 request unit 4 origin 3 close-file object=g70v4\n"},
	{"delete a file", false,
	 "056432c4040003009c8dc0c31b46035b0124001a000a000000005a84000000ff0100000000ffffffff000000cd840201002f6366672f612e786d6c77ea",
	 NULL, "dnp3 request unit 4 origin 3 delete-file \"/cfg/a.xml\" object=g70v3 file-mode=none\n"},
	{"ask about a file", false,
	 "056424c404000300849ec0c41c46075b011600140002000000009b2c000000000000000000000001002f61646a", NULL,
	 "dnp3 request unit 4 origin 3 get-file-information \"/a\" object=g70v7\n"},
	{"authenticate for files", false,
	 "056421c4040003000d66c0c51d46025b0113000c0003000f00047d5f00000000006f7073313233348d20", NULL,
	 "dnp3 request unit 4 origin 3 authenticate-file object=g70v2\n"},
	{"abort a file", false, "05641bc4040003002553c0c61e46045b010d00ddccbbaa000000090200000001000047e6",
	 WRITING, "dnp3 request unit 4 origin 3 abort-file object=g70v4\n"},
	{"activate a configuration", false, "056413c404000300f9c9c0c71f46085b010500632e786d6cdfac", NULL,
	 "dnp3 request unit 4 origin 3 activate-configuration \"c.xml\" object=g70v8\n"},
	{"reply to a challenge", false, "056418c40400030075c0c0c12078025b010a00010000000100de83b2adbeef802c",
	 NULL, "dnp3 request unit 4 origin 3 authenticate authentication 2 object=g120v2\n"},
	{"ask for the key status", false, "05640ec4040003006dd3c0c220780407010100a87a", NULL,
	 "dnp3 request unit 4 origin 3 authenticate authentication 4 object=g120v4\n"},
	{"authentication error", false,
	 "05641cc4040003001b8dc0c32178075b010e00010000000100031a2300010000000000184a", NULL,
	 "dnp3 request unit 4 origin 3 authenticate-no-ack authentication 7 object=g120v7\n"},
	{"reset link", false, "056405c004000300f956", NULL, "dnp3 request unit 4 origin 3 link-reset\n"},
	{"test link", false, "056405f2040003003aa2", NULL, "dnp3 request unit 4 origin 3 link-test\n"},
	{"link status request", false, "056405c904000300b620", NULL,
	 "dnp3 request unit 4 origin 3 link-status-request\n"},
	{"link ack", false, "05640580040003004366", NULL, "dnp3 request unit 4 origin 3 link-ack\n"},
	{"link nack", false, "05640581040003004545", NULL, "dnp3 request unit 4 origin 3 link-nack\n"},
	{"link status", false, "0564058b040003000056", NULL, "dnp3 request unit 4 origin 3 link-status\n"},
	{"link not supported", false, "0564058f0400030018da", NULL,
	 "dnp3 request unit 4 origin 3 link-not-supported\n"},
	{"link status of the outstation", true, "0564050b030004007f66", NULL,
	 "dnp3 unsolicited unit 4 origin 3 link-status\n"},
	{"link status request of the outstation", true, "0564054903000400c910", NULL,
	 "dnp3 unsolicited unit 4 origin 3 link-status-request\n"},
	{"link ack of the outstation, busy", true, "0564051003000400aefc", NULL,
	 "dnp3 unsolicited unit 4 origin 3 link-ack\n"},
	{"nothing to report", true, "05640a44030004007caec0c08100009ce8",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"},
	{"restarted, wants the time", true, "05640a44030004007caec0c08190009b2c",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 1 0 0 1 0 0 0 0 0 0 0 0\n"},
	{"function not supported", true, "05640a44030004007caec0c18100012a1c",
	 "056408c404000300b4b8c0c10dd22d",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n"},
	{"static data", true,
	 "05645144030004004c71c0c08100000101000009550301020000ab2500810301000004aa020a0200000101811f0114050000002a0000001e0200000101646f76ff0101001e0500020201000048412804bf7c00000001000000000000f0bf50fc",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response binary-input 0..9 object=g1v1 = 1 0 1 0 1 0 1 0 1 1\n"
	 "dnp3 response unit 4 origin 3 response binary-input 0 object=g1v2 = 1\n"
	 "dnp3 response unit 4 origin 3 response double-bit-input 0..4 object=g3v1\n"
	 "dnp3 response unit 4 origin 3 response binary-output 0..1 object=g10v2\n"
	 "dnp3 response unit 4 origin 3 response counter 0 object=g20v5 = 42\n"
	 "dnp3 response unit 4 origin 3 response analog-input 0..1 object=g30v2 = -156 1\n"
	 "dnp3 response unit 4 origin 3 response analog-input 2 object=g30v5 = 12.5\n"
	 "dnp3 response unit 4 origin 3 response analog-output 0 object=g40v4 = -1.0\n"},
	{"events", true,
	 "05645244030004001ce2c0e081020033010701001a2b3c4d0102915703170203810100010102002001280100912a070001ffffffff160128010002000105ce270000006f031701006162630402170104958fc1001a2b3c4d010d01170105801a03",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response time 0 object=g51v1\n"
	 "dnp3 response unit 4 origin 3 response binary-input 1..3 object=g2v3\n"
	 "dnp3 response unit 4 origin 3 response analog-input 7 object=g32v1 = -1\n"
	 "dnp3 response unit 4 origin 3 response counter 2 object=g22v1 = 5\n"
	 "dnp3 response unit 4 origin 3 response octet-string 0 object=g111v3\n"
	 "dnp3 response unit 4 origin 3 response double-bit-input 4 object=g4v2 = 3\n"
	 "dnp3 response unit 4 origin 3 response crob 5 object=g13v1 = 1\n"},
	{"an answer nobody is known to have asked for", true,
	 "056411440300040031dfc0c48100001e040000000700e816", NULL,
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response analog-input 0 object=g30v4 = 7\n"},
	{"first part", true, "056411440300040031dfc0a08100001e0400000007008691",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response analog-input 0 object=g30v4 = 7\n"},
	{"last part", true, "056411440300040031dfc0618100001e0400010108007843",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51|<056411440300040031dfc0a08100001e0400000007008691",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response analog-input 1 object=g30v4 = 8\n"},
	{"selected", true, "05641c440300040064bdc0c58100000c012801000a0003016400f8510000c80000000078fb",
	 "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response crob 10 object=g12v1 status=success\n"},
	{"not selected: no select", true,
	 "05641c440300040064bdc0c58100000c012801000a0003016400f8510000c800000002c497",
	 "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response crob 10 object=g12v1 status=no-select\n"},
	{"select not understood", true, "05640a44030004007caec0c5810004272f",
	 "05641ac404000300c2e6c0c5030c012801000a00030164000000486cc80000000078fb",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0\n"},
	{"a number was operated", true, "05641644030004000f01c0cb8100002903280100020000004841f15400ffff",
	 "056414c404000300c717c0cb05290328010002000000484100de11",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response analog-output 2 object=g41v3 status=success = 12.5\n"},
	{"a pattern was operated", true,
	 "056420440300040095e3c0ce8100000c020701030164000000646718000000000c03000009ff03d6c7",
	 "05641ec404000300acabc0ce050c02070103016400000064000094fc00000c03000009ff03d6c7",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response crob 0 object=g12v2 status=success\n"
	 "dnp3 response unit 4 origin 3 response crob 0..9 object=g12v3 = 1 1 1 1 1 1 1 1 1 1\n"},
	{"the delay", true, "0564104403000400d66ac0c1810000340207010a00308a",
	 "056408c404000300b4b8c0c1178c0c",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response time 0 object=g52v2 = 10\n"},
	{"attributes", true,
	 "05641f4403000400342ec0c781000000f20000000103312e3000e13aff000000fe04f200f301c5c3",
	 "05640dc4040003003d40c0c70100fe000000416e",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response attribute 0/242 object=g0v242\n"
	 "dnp3 response unit 4 origin 3 response attribute 0 object=g0v255\n"},
	{"a file is open", true,
	 "05641d44030004008308c0c181000046045b010d00ddccbbaa00e4b21000000002010000b702",
	 "056432c4040003009c8dc0c11946035b0124001a000a000000008a25000000ff0100000000ffffffff010000759d0201002f6366672f612e786d6c77ea",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response file 0..2147483647 object=g70v4\n"},
	{"a block", true, "05641b44030004005a63c0c981000046055b010b00ddccbbaa01a66e0000806162638be5",
	 READING "|056416c4040003007031c0c90146055b010800ddccbbaa010000c05f00ffff",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response file 1 object=g70v5\n"},
	{"a block was written", true, "0564194403000400ed45c0ca81000046065b010900ddccbbaa00cb5c00008000d0e4",
	 WRITING "|05641ac404000300c2e6c0ca0246055b010c00ddccbbaa000000cf1b8001020304c006",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response file 0 object=g70v6\n"},
	{"about a file", true,
	 "05642644030004004c88c0c481000046075b0116001400020001097b0000020000001a2b3c4d01a40101002f78e06150b3",
	 "056424c404000300849ec0c41c46075b011600140002000000009b2c000000000000000000000001002f61646a",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response file 0..2147483647 object=g70v7\n"},
	{"a challenge", true, "05641c440300040064bdc0cf83000078015b010c000100000001d58500030101020304e2d7",
	 "056410c404000300a95ac0cf05290217010764000096e5",
	 "dnp3 response unit 4 origin 3 authenticate-response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 authenticate-response authentication 1 object=g120v1\n"},
	{"answer behind the reply to a challenge", true, "0564124403000400614cc0cf810000290217010764000086f3",
	 "056410c404000300a95ac0cf05290217010764000096e5|<05641c440300040064bdc0cf83000078015b010c000100000001d58500030101020304e2d7|056418c40400030075c0c0cf2078025b010a00010000000100dee13cadbeef802c",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response analog-output 7 object=g41v2 status=success = 100\n"},
	{"the key status", true,
	 "05641d44030004008308c0c283000078055b010d000100000001fe3c000202000200aabb41ab",
	 "05640ec4040003006dd3c0c220780407010100a87a",
	 "dnp3 response unit 4 origin 3 authenticate-response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 authenticate-response authentication 5 object=g120v5\n"},
	{"statistics", true, "05641644030004000f01c0c08100007901000000010000070000fc1400ffff",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response security-statistic 0 object=g121v1 = 7\n"},
	{"unasked: restarted", true, "05640a44030004007caec0f08280006b7d", NULL,
	 "dnp3 unsolicited unit 4 origin 3 unsolicited-response iin 0..15 = 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0\n"},
	{"unasked: events", true,
	 "0564244403000400fbaec0f182000002012801000300812a03281cc50100010001ffffffff001a2b3c4d01bf87", NULL,
	 "dnp3 unsolicited unit 4 origin 3 unsolicited-response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 unsolicited unit 4 origin 3 unsolicited-response binary-input 3 object=g2v1 = 1\n"
	 "dnp3 unsolicited unit 4 origin 3 unsolicited-response analog-output 1 object=g42v3 = -1\n"},
	{"answer in two frames", true,
	 "05641a4403000400bdd67fc08100006e1400000001020304050631780708090a0ba0e605640f4403000400f556800c0d0e0f101112131470f5",
	 "056414c404000300c717c0c0013c02063c03063c04063c01068a51",
	 "dnp3 response unit 4 origin 3 response iin 0..15 = 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	 "dnp3 response unit 4 origin 3 response octet-string 0 object=g110v20\n"},
};

#define GOLDEN_DNP3 (sizeof golden_dnp3 / sizeof *golden_dnp3)

#endif
