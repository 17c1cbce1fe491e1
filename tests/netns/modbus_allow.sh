#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P2: what a rule names passes, inspected, over IPv4 and IPv6, from libmodbus and from pymodbus; what none names is refused, at
# the boundary of the range, of the values, of the station and of the function.
. "$(dirname "$0")/lib.sh"
need_python 'import pymodbus' pymodbus
plant_up
server_start
fw_start tests/netns/policy.yaml

client_open hmi "$C" $PLC
expect hmi 'read holding 0 100' 'ok 0 1 2*98 99'
expect hmi 'read coils 0 8' 'ok 0 1 0 1 0 1 0 1'
expect hmi 'read discrete 3 5' 'ok 1 0 1 0 1'
expect hmi 'read input 0 4' 'ok 1000 1001 1002 1003'
expect hmi 'read holding 199 1' 'ok 199'
expect hmi 'write register 40 0' ok
expect hmi 'write register 49 1000' ok
expect hmi 'write registers 40 1 2 3 4 5 6 7 8 9 10' ok
expect hmi 'read holding 39 12' 'ok 39 1 2 3 4 5 6 7 8 9 10 50'
ask hmi connects
same 'one TCP session for all of it' 'ok 1' "$SAID"
plc_holds '39 12' '39 1 2 3 4 5 6 7 8 9 10 50'

client_open six "$C" $PLC6
expect six 'read holding 40 3' 'ok 1 2 3'
expect six 'write registers 42 33 44' ok
ask six connects
same 'IPv6, one session' 'ok 1' "$SAID"
plc_holds '42 2' '33 44'

[ "$(status inspected)" -ge 20 ] || fail "only $(status inspected) packets were inspected"
ok "$(status inspected) packets went through the engine, $(status pdus) PDUs"

for c in hmi six; do
	for r in 'read holding 199 2|address' 'write register 39 5|address' 'write register 50 5|address' 'write registers 45 1 1 1 1 1 1|address' \
		'write register 40 1001|value' 'write registers 40 1 1001|value' 'write coil 2 1|function' 'mask 40 0xff00 1|function' \
		'readwrite 40 2 41 7|function' 'pdu 11|function' 'pdu 0800010000|function' 'pdu 2b0e0100|function' 'pdu 5a0010|opaque' \
		'pdu 2b0d00000160|opaque' 'pdu 6b|*'; do
		events_mark
		expect $c "${r%|*}" reset
		e=$(event '"event": *"deny"') || fail 'no event'
		same "  because" "${r#*|}" "$(field "$e" reason)"
	done
	ask $c 'unit 7'
	events_mark
	expect $c 'read holding 0 1' reset
	denied '  another station' unit
	ask $c 'unit 1'
	expect $c 'read holding 0 1' 'ok 0'
done
plc_holds '39 13' '39 1 2 33 44 5 6 7 8 9 10 50 51'
same 'mask writes, diagnostics, 43 and 90 that reached the PLC' '0 0 0 0 0' "$(for f in 22 8 43 90 23; do plc_requests $f; done | xargs)"

# pymodbus: its own session, its own way of cutting segments.
out=$(in_c $PY $TOOLSRC/pymodbus_client.py --only read-coils,read-discrete-inputs,read-holding-registers,read-input-registers,write-single-register,write-multiple-registers $PLC)
same 'pymodbus: six allowed requests answered' 6 "$(grep -c ': ok' <<<"$out")"
plc_holds '40 3' '1 2 3'
out=$(in_c $PY $TOOLSRC/pymodbus_client.py --only write-multiple-coils $PLC)
same 'pymodbus: a write no rule names' 'write-multiple-coils: failed*' "$out"
same 'coil writes that reached the PLC' '0 0' "$(plc_requests 5) $(plc_requests 15)"
fw_stop
