/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules over which laws and fuzzing run: all requests of the golden table, and some of them. */
#ifndef OTFW_TESTS_LAWS_RULES_ENIP_H
#define OTFW_TESTS_LAWS_RULES_ENIP_H

static const char wide_enip[] =
	"      - {id: all, clients: any, protocol: enip, functions: any, values: any, addresses: any, tags: any,\n"
	"         routes: any, attributes: any, members: any, reset-types: any, types: any, transport-classes: any,\n"
	"         o-t-rpi: any, t-o-rpi: any, o-t-sizes: any, t-o-sizes: any, o-t-types: any, t-o-types: any,\n"
	"         file-types: any, sub-elements: any, modes: any}\n"
	"      - {id: opaque, clients: any, protocol: enip, functions: [0x4b/0x8e, 0x32/0x300],\n"
	"         addresses: {object: any}, routes: any}\n"
	"      - {id: plain, clients: any, protocol: enip, functions: [0x308, 0x30f/0x68], routes: any}\n";

static const char narrow_enip[] =
	"      - {id: session, clients: any, protocol: enip, functions: [register-session, forward-open, nop],\n"
	"         routes: [slot-0]}\n"
	"      - {id: view, clients: any, protocol: enip, functions: [read-tag], addresses: {element: [0]},\n"
	"         tags: [Setpoint], routes: any}\n"
	"      - {id: set, clients: any, protocol: enip, functions: [write-tag], addresses: {element: [0]},\n"
	"         tags: [Setpoint], routes: any, types: [dint], values: 0..1000}\n";

#endif
