/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules over which laws and fuzzing run: all requests of the golden table, and some of them. */
#ifndef OTFW_TESTS_LAWS_RULES_IEC104_H
#define OTFW_TESTS_LAWS_RULES_IEC104_H

static const char wide_iec104[] =
	"      - {id: all, clients: any, protocol: iec104, common-addresses: any, originators: any,\n"
	"         functions: any, addresses: any, values: any, causes: any, test: any, select: any,\n"
	"         qualifiers: any, qoi: any, rqt: any, frz: any, qrp: any, qpm: any, qpa: any, coi: any,\n"
	"         files: any, file-names: any, sections: any, calls: any}\n";

static const char narrow_iec104[] =
	"      - {id: session, clients: any, protocol: iec104, common-addresses: [1], originators: [0],\n"
	"         functions: [startdt, stopdt, testfr, acknowledge]}\n"
	"      - {id: view, clients: any, protocol: iec104, common-addresses: [1], originators: [0],\n"
	"         functions: [single-point, measured-float, interrogation], causes: any, test: any,\n"
	"         qoi: [station], addresses: {single: [1..999], float: any}}\n"
	"      - {id: set, clients: any, protocol: iec104, common-addresses: [1], originators: [0],\n"
	"         functions: [single-command], addresses: {single: [1000..1010]}, values: [1],\n"
	"         causes: [activation], test: any, select: any, qualifiers: any}\n";

#endif
