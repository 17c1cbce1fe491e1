/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules over which laws and fuzzing run: all requests of the golden table, and some of them. */
#ifndef OTFW_TESTS_LAWS_RULES_DNP3_H
#define OTFW_TESTS_LAWS_RULES_DNP3_H

static const char wide_dnp3[] =
	"      - {id: all, clients: any, protocol: dnp3, outstations: any, masters: any, functions: any,\n"
	"         values: any, addresses: any, objects: any, controls: any, counts: any, on-times: any,\n"
	"         off-times: any, file-modes: any, classes: any, files: any}\n";

static const char narrow_dnp3[] =
	"      - {id: view, clients: any, protocol: dnp3, transport: [tcp, udp], outstations: [4],\n"
	"         masters: [3], functions: [read, unsolicited-response], objects: any,\n"
	"         addresses: {analog-input: any, class: any, iin: any}}\n"
	"      - {id: set, clients: any, protocol: dnp3, transport: [tcp, udp], outstations: [4],\n"
	"         masters: [3], functions: [select, operate], objects: [g12v1], controls: [latch-on],\n"
	"         counts: [1], on-times: any, off-times: any, addresses: {crob: [0..49]}, values: any}\n";

#endif
