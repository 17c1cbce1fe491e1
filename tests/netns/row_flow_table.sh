#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "flow table full": all 16,384 flows of both engines are taken by datagrams from as many ports. A closed zone denies what needs a new
# flow, an open zone passes and counts it, a listed tuple only; sessions that have their flow are inspected as before; the safety lane is not concerned.
. "$(dirname "$0")/rows.inc"
rows_plant
udp_sink "$S" $PLC 502 "$TMP/sunk-closed"
udp_sink "$S" $PACKER 502 "$TMP/sunk-open"
fw_start $POLICY
for c in "cell $PLC" "line $PACKER" "cell2 $PLC" "line2 $PACKER"; do
	client_open "${c% *}" "$C" -t 1500 "${c#* }"
	expect "${c% *}" 'read holding 7 1' 'ok 7'
done

# fill closed|open SERVER: again what a busy machine let go by, uninspected.
fill() {
	local i
	for ((i = 0; i < 8; i++)); do
		flood read "$2" 502 '-n 20000 -r 25000' >/dev/null
		wait_for 3 quiet
		[ "$(of_queue "$1" flows-now)" -lt 16384 ] || return 0
	done
}
for z in "closed $PLC" "open $PACKER"; do
	fill $z
	same "${z% *} zone: flows in the table" 16384 "$(of_queue "${z% *}" flows-now)"
	more "${z% *} zone: packets that found no place" 1 "$(of_queue "${z% *}" flows-refused)"
done

ledger 'both tables full'
dropped=$(figure cell dropped) passed=$(figure line uninspected)
refused=$(of_queue open flows-refused)
events_mark
same 'closed zone: a new session' 'connect:*' "$(tcp $PLC 502)"
denied 'closed zone' table-full
same 'closed zone: the event names it' cell "$(field "$(event '"reason":"table-full"')" zone)"
n=$(count "$TMP/sunk-closed")
udp_send "$C" $EWS $PLC 502 20 $READ
sleep 0.2
same 'closed zone: datagrams of new ends, of 20 arrived' 0 $(($(count "$TMP/sunk-closed") - n))

events_mark
same 'open zone: a new session' 'ok 1' "$(tcp $PACKER 502)"
same 'open zone: a new session, what inspection denies' 'ok*' "$(tcp $PACKER 502 'write register 5 5')"
e=$(event '"event":"uninspected".*"reason":"table-full"') || fail 'open zone: no event about what passes uninspected'
same 'open zone: the event names it' line "$(field "$e" zone)"
n=$(count "$TMP/sunk-open")
udp_send "$C" $EWS $PACKER 502 20 $READ
arrived() { [ $(($(count "$TMP/sunk-open") - n)) -eq 20 ]; }
wait_for 2 arrived
same 'open zone: datagrams of new ends, of 20 arrived' 20 $(($(count "$TMP/sunk-open") - n))
same 'open zone: a port nobody lists' 'connect:*' "$(tcp $PACKER 7777)"
more 'open zone: packets that found no place, counted' 24 $(($(of_queue open flows-refused) - refused))

for c in cell line; do
	expect $c 'read holding 8 1' 'ok 8'
	ask $c connects
	same "$c: the session that has its flow goes on" 'ok 1' "$SAID"
	events_mark
	expect ${c}2 'write register 5 7' reset
	denied "$c: a session that has its flow is inspected as before" function
done
safety 'both tables full' 300
ledger 'a closed zone denied, an open zone passed'
more 'closed zone: dropped' 21 $(($(figure cell dropped) - dropped))
more 'open zone: passed uninspected' 24 $(($(figure line uninspected) - passed))
fw_stop
