#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IEC 60870-5-104 through the daemon under the shipped example policy: interrogation, selected commands and set-points, a read, the clock; and what no
# rule names, what was not selected, what does not follow the session; the reset of the station refused whole, in one-byte segments, and behind an
# allowed message in one segment.
. "$(dirname "$0")/lib.sh"
plant_up
bg in_s $PY tests/netns/iec104_station.py --log "$TMP/station.log" $PLC
wait_for 5 listening "$S" 2404 || fail 'the station does not listen'
fw_start examples/iec104-substation.yaml

# One session: a line of input each, what the client says of the last one, or of all.
drive() { printf '%s\n' "$@" | in_c $PY tests/netns/iec104_client.py $PLC; }
reached() { grep -c "^$1 " "$TMP/station.log"; }

out=$(drive test start 'ask 2 6401 0600 0100 000000 14' 'ask 2 6501 0600 0100 000000 05' 'tell 6601 0500 0100 640000' 'take 1' \
	'ask 6701 0600 0100 000000 e8031e0cd50b1a' 'ask 2e01 0600 0100 4d0400 86' 'ask 2 2e01 0600 0100 4d0400 06' \
	'ask 2f01 0600 0100 b10400 81' 'ask 2 2f01 0600 0100 b10400 01' 'ask 3f01 0600 0100 dd0500 0000284280 e8031e0cd50b1a' \
	'ask 2 3f01 0600 0100 dd0500 0000284200 e8031e0cd50b1a' 'cut 2e01 0600 0100 4e0400 81' 'join 2 6401 0600 0100 000000 14 + 2e01 0600 0100 4e0400 01' ack stop)
same 'TESTFR and STARTDT' 'ok u83;ok u0b' "$(sed -n 1,2p <<<"$out" | paste -sd';')"
same 'interrogation, its data unasked' 'ok 70/4 100/7 1/20 3/20 5/20 7/20 9/20 11/20 13/20 100/10' "$(sed -n 3p <<<"$out")"
same 'counters' 'ok 101/7 15/37 101/10' "$(sed -n 4p <<<"$out")"
same 'a read, and its answer' 'ok 1/5' "$(sed -n 6p <<<"$out")"
same 'clock synchronisation' 'ok 103/7' "$(sed -n 7p <<<"$out")"
same 'breaker selected' 'ok 46/7' "$(sed -n 8p <<<"$out")"
same 'breaker executed' 'ok 46/7 46/10' "$(sed -n 9p <<<"$out")"
same 'tap changer' 'ok 47/7;ok 47/7 47/10' "$(sed -n 10,11p <<<"$out" | paste -sd';')"
same 'set-point of 42 MW, with a time' 'ok 63/7;ok 63/7 13/11 63/10' "$(sed -n 12,13p <<<"$out" | paste -sd';')"
same 'a select in one-byte segments' 'ok 46/7' "$(sed -n 14p <<<"$out")"
same 'an interrogation and the execute in one segment' 'ok 100/7 * 100/10 46/7 46/10' "$(sed -n 15p <<<"$out")"
same 'STOPDT' 'ok u23' "$(sed -n 17p <<<"$out")"
same 'commands that reached the station' '4 2 2' "$(for t in 46 47 63; do reached $t; done | xargs)"
[ "$(status inspected)" -ge 20 ] || fail "only $(status inspected) packets were inspected"

# WHAT | REASON | LINES...: refused, the session reset, the event says why
refuse() {
	local what=$1 reason=$2 detail=$3
	shift 3
	events_mark
	same "$what" 'reset' "$(drive "$@" | tail -n 1)"
	denied "  because" "$reason" "$detail"
}
refuse 'a breaker that the profile has not' address 'double 1105 is not inside 1101..1104*' start 'ask 2e01 0600 0100 510400 86'
refuse 'a single command to a breaker' address '*no single*' start 'ask 2d01 0600 0100 4d0400 81'
refuse '61 MW' value '*61*0..60*' start 'ask 3201 0600 0100 dd0500 0000744280'
refuse 'another station' unit '*' start 'ask 2e01 0600 0200 4d0400 86'
refuse 'another originator' origin '*' start 'ask 2e01 0605 0100 4d0400 86'
refuse 'a test command' argument '*test*' start 'ask 2e01 8600 0100 4d0400 86'
refuse 'a pulse that is not allowed' argument '*qualifier*' start 'ask 2e01 0600 0100 4d0400 8a'
refuse 'interrogation of a group' argument '*qoi*' start 'ask 6401 0600 0100 000000 15'
refuse 'counters frozen' argument '*frz*' start 'ask 6501 0600 0100 000000 45'
refuse 'an execute without a select' not-selected '*' start 'ask 2e01 0600 0100 4d0400 06'
refuse 'an execute of what was not selected' not-selected '*' start 'ask 2e01 0600 0100 4d0400 86' 'ask 2e01 0600 0100 4d0400 05'
refuse 'a command before STARTDT' state '*' 'tell 2e01 0600 0100 4d0400 86' 'wait 1'
refuse 'a number left out' sequence '*' start 'skip 1' 'ask 2e01 0600 0100 4d0400 86'
refuse 'a parameter' function '*' start 'ask 7001 0600 0100 bc0200 0000c84204'
refuse 'a download' function '*' start 'ask 7801 0d00 0100 d00700 0200 100000 00'
refuse 'reset process' function '*reset-process*' start 'ask 6901 0600 0100 000000 01'
refuse 'reset process in one-byte segments' function '*reset-process*' start 'cut 6901 0600 0100 000000 01'
refuse 'reset process behind an interrogation' function '*reset-process*' start 'join 6401 0600 0100 000000 14 + 6901 0600 0100 000000 01'
same 'resets, parameters, downloads, single commands that reached the station' '0 0 0 0' "$(for t in 105 112 120 45; do reached $t; done | xargs)"
same 'executes of what was not selected that reached it' 0 "$(grep -c '^46 6 1101 05' "$TMP/station.log")"
out=$(drive start 'ask 2 6401 0600 0100 000000 14' | tail -n 1)
same 'after all this' 'ok * 100/10' "$out"
fw_stop
