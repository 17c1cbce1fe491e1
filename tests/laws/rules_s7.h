/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules over which laws and fuzzing run: all requests of the golden table, and some of them. */
#ifndef OTFW_TESTS_LAWS_RULES_S7_H
#define OTFW_TESTS_LAWS_RULES_S7_H

#define TSAPS "calling-tsaps: any, connection-kinds: any, racks: any, slots: any"

static const char wide_s7[] =
	"      - {id: all, clients: any, protocol: s7comm, functions: any, values: any, addresses: any,\n"
	"         services: any, bits: any, block-types: any, start-kinds: any, " TSAPS "}\n"
	"      - {id: opaque, clients: any, protocol: s7comm, functions: [read-symbolic, write-symbolic, read-nck,\n"
	"         read-drive, programmer, bsend, nc-programming, mms-associate, mms-data, mms-release]}\n"
	"      - {id: plus, clients: any, protocol: s7comm, functions: [plus], plus-versions: any, plus-sessions: any}\n";

static const char narrow_s7[] =
	"      - {id: session, clients: any, protocol: s7comm, functions: [connect, setup-communication], " TSAPS
	"}\n"
	"      - {id: view, clients: any, protocol: s7comm, functions: [read-var], addresses: {db: [1/0..1/99]}}\n"
	"      - {id: set, clients: any, protocol: s7comm, functions: [write-var], addresses: {db: [1/0..1/3]},\n"
	"         values: 100..255}\n";

#endif
