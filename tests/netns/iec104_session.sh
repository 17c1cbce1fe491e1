#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An IEC 60870-5-104 session that lives: spontaneous data that nobody asks for, TESTFR from the station, a new engine in the middle of it, a
# message that only the other direction may send; and the messages of scapy's codec, which is not ours.
. "$(dirname "$0")/lib.sh"
plant_up
bg in_s $PY tests/netns/iec104_station.py --log "$TMP/station.log" --spontaneous 0.05 --test 0.3 $PLC
wait_for 5 listening "$S" 2404 || fail 'the station does not listen'
# With the two points that scapy's centre commands, for its layer has few kinds of command.
sed 's/operate: \[breakers, tap-changer\]/operate: [breakers, tap-changer, lamp]/; s/^      breakers: /      lamp: {at: single 1001, values: [0, 1]}\n&/; s/write: \[power\]/write: [power, reactive]/; s/^      power: /      reactive: {at: scaled 1401, type: int16, values: -300..300}\n&/' \
	examples/iec104-substation.yaml >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"

coproc CENTRE { ip netns exec "$C" $PY tests/netns/iec104_client.py $PLC; }
PIDS+=("$CENTRE_PID")
say() {
	printf '%s\n' "$1" >&"${CENTRE[1]}"
	read -r -t 10 SAID <&"${CENTRE[0]}" || fail "no answer to '$1'"
}
say start
say 'take 30 20'
same 'twenty spontaneous changes that nobody asked for' 20 "$(grep -o 30/3 <<<"$SAID" | wc -l)"
engine=$(engine_pid)
kill -KILL "$engine"
wait_for 5 fw_ready || fail 'no new engine'
[ "$(engine_pid)" != "$engine" ] || fail 'the engine was not replaced'
say 'take 30 10'
same 'ten more behind a new engine' 10 "$(grep -o 30/3 <<<"$SAID" | wc -l)"
say 'ask 2e01 0600 0100 4d0400 86'
same 'a select' 'ok *46/7' "$SAID"
say 'ask 2 2e01 0600 0100 4d0400 06'
same 'and its execute' 'ok *46/7* 46/10' "$SAID"
events_mark
say 'tell 1e01 0300 0100 640000 01 e8031e0cd50b1a'
say 'wait 1'
same 'process information to the station' reset "$SAID"
denied '  because' function-unknown
same 'what the station saw of it' 0 "$(grep -c '^30 ' "$TMP/station.log")"

if $PY -c 'import scapy' 2>/dev/null; then
	out=$(in_c timeout 10 $PY tests/netns/iec104_scapy.py $PLC 2>&1) || fail "scapy's centre: $out"
	same "scapy's centre: interrogated, commanded, set, stopped" '100 7;100 10;45 7;45 7;45 10;49 7;49 7;49 10' \
		"$(sed -n 's/.*type \(100\|45\|49\) cause \([0-9]*\) .*/\1 \2/p' <<<"$out" | paste -sd';')"
else
	echo "      $PY has no scapy (tests/deps.sh installs it): its messages were not sent"
fi
fw_stop
