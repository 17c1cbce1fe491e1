#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reset, a change of mode, a program and firmware through the shipped example policy: refused whole, octet by octet, behind an allowed
# read in one segment, in a packet with one, routed, and on a connection; and an I/O connection that nobody opened.
. "$(dirname "$0")/enip.inc"
plant_up
device_start
dangerous='reset stop service:0x08:0x68/0 service:0x4b:0xa1/1:00000100'
for r in $dangerous; do [ "$(hmi "$r")" != silent ] || fail "without otfw, $r is not answered"; done
same 'without otfw they reach the device: resets, mode changes' '1 1' "$(reached '^0x05') $(reached '^mode')"
: >"$REACHED"
fw_start examples/enip-cell.yaml
for r in $dangerous; do
	for form in "$r" "slot:$r" "packet:read Setpoint,$r" "read Setpoint+$r"; do
		events_mark
		same "$form" 'reset' "$(hmi "$form")"
		e=$(event '"event": *"deny"') || fail "$form: no event"
		case $(field "$e" reason) in function | access | opaque) ;; *) fail "$form: refused for $(field "$e" reason)" ;; esac
	done
	same "octet by octet: $r" 'reset' "$(hmi bytes "$r")"
	same "on a connection: $r" 'ok/reset' "$(hmi open "on:$r")"
done
for r in reset:1 start service:0x4b:0x8e/1 service:0x4d:0x69/0; do same "$r" 'reset' "$(hmi "$r")"; done
events_mark
hmi stop >/dev/null
denied 'the change of mode' function '*stop*'
events_mark
same 'a connection for I/O' 'reset' "$(hmi io)"
denied 'it' function '*forward-open-io*'
hmi datagram:0x10001 >/dev/null
same 'none of them reached the device' '0 0 0 0 0 0' \
	"$(for r in '^0x05' '^0x06' '^0x07' '^0x08' '^0x4b' '^io'; do reached "$r"; done | xargs)"
same 'the device runs on' 'ok 7' "$(hmi 'read Setpoint')"
fw_stop
