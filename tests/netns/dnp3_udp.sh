#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P2 for DNP3 over UDP: a datagram is a fragment; what is refused is dropped, and the next one passes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dnp3.inc"
plant_up
outstation_start --udp
fw_start tests/netns/dnp3.yaml

master --udp >"$TMP/out" <<END
link 0xc9
app 013c0206
app 02500100070700
app 03$on5
app 04$on5
app 052902170101e80300
END
same 'a session' "0b 000002022801* 0000 0000$on5 0000$on5 000029021701*" "$(xargs <"$TMP/out")"
events_mark
out=$(printf '%s\n' 'app 0d' 'app 011e01000001' "app 05$on5" "app 04$on5" 'join 011e01000001 0d' 'app 011e01000001' | master --udp --timeout 1)
same 'restart, direct operate, operate without select, two fragments in one datagram: dropped; polls between them pass' \
	'timeout 00001e01* timeout timeout timeout 00001e01*' "$(xargs <<<"$out")"
denied 'the restart' function
denied 'the operate' not-selected
denied 'the datagram of two' trailing-bytes
same 'restarts that reached the outstation, operates' '0 1' "$(reached 13) $(reached 4)"
fw_stop
