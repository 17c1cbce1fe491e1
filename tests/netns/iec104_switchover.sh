#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# single-master and IEC 60870-5-104: of two control centres the one that has sent STARTDT last is in control; the other may look, and not switch, until it
# takes over by STARTDT. What it says between is refused and its session reset.
. "$(dirname "$0")/lib.sh"
plant_up
ip -n "$C" addr add 10.10.1.3/24 dev eth0
bg in_s $PY tests/netns/iec104_station.py --log "$TMP/station.log" $PLC
wait_for 5 listening "$S" 2404 || fail 'the station does not listen'
fw_start examples/iec104-substation.yaml

centre() { # NAME ADDRESS: a control centre that keeps its session, told through NAME_IN, heard through NAME_OUT
	mkfifo "$TMP/$1.in" "$TMP/$1.out"
	ip netns exec "$C" $PY tests/netns/iec104_client.py --from "$2" $PLC <"$TMP/$1.in" >"$TMP/$1.out" 2>&1 &
	PIDS+=($!)
	eval "exec {$1_IN}>\"$TMP/$1.in\" {$1_OUT}<\"$TMP/$1.out\""
}
centre ONE 10.10.1.2
centre TWO 10.10.1.3
# say ONE|TWO LINE EXPECTED
say() {
	local in=$1_IN out=$1_OUT said
	printf '%s\n' "$2" >&"${!in}"
	read -r -t 10 said <&"${!out}" || fail "$1 gives no answer to '$2'"
	same "centre $1: $2" "$3" "$said"
}
SELECT='ask 2e01 0600 0100 4d0400 86' EXECUTE='ask 2 2e01 0600 0100 4d0400 06' LOOK='ask 2 6401 0600 0100 000000 14'

say ONE start 'ok u0b'
say ONE "$SELECT" 'ok *46/7'
say ONE "$EXECUTE" 'ok 46/7 46/10'
say TWO test 'ok u83' # stands by: connected, tested, not started
say ONE "$SELECT" 'ok 46/7'
say ONE "$EXECUTE" 'ok 46/7 46/10'

say TWO start 'ok u0b'
say TWO "$LOOK" 'ok *100/10'
say TWO "$SELECT" 'ok *46/7'
say TWO "$EXECUTE" 'ok 46/7 46/10'
say ONE "$LOOK" 'ok *100/10'
events_mark
say ONE "$SELECT" reset
denied '  because' another-master
same 'commands of centre ONE that reached the station' 6 "$(grep -c '^46 ' "$TMP/station.log")"

say ONE reopen ok
say ONE start 'ok u0b'
say ONE "$SELECT" 'ok *46/7'
say ONE "$EXECUTE" 'ok 46/7 46/10'
events_mark
say TWO "$SELECT" reset
denied '  because' another-master

# Given back by STOPDT: who comes next has it.
say ONE stop 'ok u23'
say TWO reopen ok
say TWO start 'ok u0b'
say TWO "$SELECT" 'ok *46/7'
say TWO "$EXECUTE" 'ok 46/7 46/10'
same 'commands that reached the station in all' 10 "$(grep -c '^46 ' "$TMP/station.log")"
fw_stop
