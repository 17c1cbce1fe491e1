#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# EtherNet/IP through the real daemon, with the shipped example policy: what its rules name passes, on its own, routed, in packets and on
# a connection; what they do not is refused at the tag, the element, the value, the type, the object, the client.
. "$(dirname "$0")/enip.inc"
plant_up
device_start
fw_start examples/enip-cell.yaml

same 'reads and writes, one session' 'ok 7/ok/ok 42/ok 3 4 5 6/ok 1.5/ok/ok 99.5' \
	"$(hmi 'read Setpoint' 'write Setpoint=42' 'read Setpoint' 'read Line:3:4' 'read Level' 'write Level=99.5' 'read Level')"
same 'routed to the slot' 'ok 42' "$(hmi 'slot:read Setpoint')"
same 'in a packet' 'ok' "$(hmi 'packet:read Setpoint,read Line:0:2')"
same 'on a connection' 'ok/ok 42/ok/ok 43/ok' "$(hmi open 'on:read Setpoint' 'on:write Setpoint=43' 'on:read Setpoint' close)"
same 'three in one segment' 'ok 43 | ok 99.5 | ok 0' "$(hmi 'read Setpoint+read Level+read Line')"
same 'every octet in a segment of its own' 'ok 43/ok' "$(hmi bytes 'read Setpoint' 'write Setpoint=44')"
same 'who it is' 'ok/ok' "$(hmi list-identity udp-list-identity)"
same 'the engineering station looks at attributes' 'ok 0754657374504c43' "$(ews 'get 1/1/7')"
[ "$(status inspected)" -ge 20 ] || fail "only $(status inspected) packets were inspected"

refuse() { # WHO REASON DETAIL REQUEST...
	events_mark
	same "$1: ${*:4}" '*reset' "$("$1" "${@:4}")"
	denied '  because' "$2" "$3"
}
refuse hmi key '*' 'read Secret'
refuse hmi address '*' 'read Line:90:20'
refuse hmi value '*' 'write Setpoint=1001'
refuse hmi value '*' 'write Level=100.5'
refuse hmi key '*' 'write Line=5'
refuse hmi function '*' 'get 1/1/7'
refuse ews function '*' 'read Setpoint'
refuse hmi function '*' 'set 15/1/1=0500'
refuse hmi value '*' 'packet:read Setpoint,write Setpoint=5000'
refuse hmi state '*' 'on:read Setpoint'
refuse hmi state '*' close
same 'what was refused did not reach the device' '0 1' "$(reached Secret) $(grep -c '^0x0e' "$REACHED")"
same 'the set-point is as it was left' 'ok 44' "$(hmi 'read Setpoint')"
fw_stop
