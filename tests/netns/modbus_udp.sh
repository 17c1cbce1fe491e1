#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P2 for Modbus over UDP (pymodbus at both ends): a datagram is a PDU; what is refused is dropped, and the next one passes.
. "$(dirname "$0")/lib.sh"
need_python 'import pymodbus' pymodbus
plant_up
bg in_s $PY $TOOLSRC/pymodbus_server.py --udp $PLC
bound() { in_s grep -qi ':01F6 ' /proc/net/udp; }
wait_for 10 bound || fail 'the UDP server does not listen'
fw_start tests/netns/policy.yaml

out=$(in_c $PY $TOOLSRC/pymodbus_client.py --udp --only read-coils,read-holding-registers,read-input-registers,write-single-register,write-multiple-registers $PLC)
same 'five allowed requests answered' 5 "$(grep -c ': ok' <<<"$out")"
events_mark
out=$(in_c $PY $TOOLSRC/pymodbus_client.py --udp --timeout 1 --only write-multiple-coils $PLC)
same 'a write no rule names' 'write-multiple-coils: failed*' "$out"
denied 'it' function
raw() { printf '%s\n' "$@" | in_c $PY $TOOLSRC/raw.py --udp --timeout 1 $PLC | xargs; }
same 'refused, and the same socket goes on' 'timeout 030400280029' "$(raw 'pdu 1 06003c029a' 'pdu 1 0300640002' | sed 's/0304.*/030400280029/')"
same 'two PDUs in one datagram' timeout "$(raw 'send 000100000006010300280001000200000006010300280001' wait | sed 's/nothing/timeout/')"
direct() { printf '%s\n' "$@" | in_s $PY $TOOLSRC/raw.py --udp --timeout 1 $PLC | xargs; }
same "PLC's own register 60" 0302003c "$(direct 'pdu 1 03003c0001')"
same "PLC's own registers 40..42" 0306000100020003 "$(direct 'pdu 1 0300280003')"
fw_stop
