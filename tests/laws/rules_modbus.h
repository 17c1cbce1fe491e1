/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules over which laws and fuzzing run: all requests of the golden table, and some of them. */
#ifndef OTFW_TESTS_LAWS_RULES_MODBUS_H
#define OTFW_TESTS_LAWS_RULES_MODBUS_H

static const char wide_modbus[] =
	"      - {id: all, clients: any, protocol: modbus, units: any, functions: any, values: any, id-codes: any,\n"
	"         objects: any, addresses: any}\n";

static const char narrow_modbus[] =
	"      - {id: view, clients: any, protocol: modbus, transport: [tcp, udp], units: [1],\n"
	"         functions: [read-holding-registers], addresses: {holding: [0..99]}}\n"
	"      - {id: set, clients: any, protocol: modbus, transport: [tcp, udp], units: [1],\n"
	"         functions: [write-single-register], addresses: {holding: [40..49]}, values: 0..1000}\n";

#endif
