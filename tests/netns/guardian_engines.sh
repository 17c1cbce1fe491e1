#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `engine: NAME`: a zone with it has a process and a queue of its own, a safety zone always has, two failure modes never share one. One engine is
# killed, others are stopped: the rest keep their processes and their sessions, and answer every request meanwhile.
. "$(dirname "$0")/rows.inc"
PRESS=10.10.4.2 SIS=10.10.5.2
rows_plant
for n in 4 5; do
	ip -n "$F" addr add 10.10.$n.1/24 dev plc0
	ip -n "$S" addr add 10.10.$n.2/24 dev eth0
done
fw_start tests/netns/guardian_engines.yaml
all() { for z in "cell $PLC" "press $PRESS" "line $PACKER" "sis $SIS"; do echo "$z"; done; }
while read -r name address; do
	client_open "$name" "$C" -t 3000 "$address"
	expect "$name" 'read holding 7 1' 'ok 7'
done <<<"$(all)"
same 'engines' 4 "$(engines | wc -l)"
same 'queues' 4 "$(in_f grep -c '[0-9]' /proc/net/netfilter/nfnetlink_queue)"

# Which queue is whose: by where the packets of one session go.
ids() { in_f awk '{ print $1, $8 }' /proc/net/netfilter/nfnetlink_queue; }
pid_of() { fw_status | "$PY" -c 'import json, sys; print(next(q["engine-pid"] for q in json.load(sys.stdin)["queues"] if q["queue"] == int(sys.argv[1])))' "$1"; }
declare -A QUEUE ENGINE_OF
while read -r name address; do
	ids >"$TMP/before"
	for _ in 1 2 3; do expect "$name" 'read holding 8 1' 'ok 8'; done
	ids >"$TMP/after"
	QUEUE[$name]=$(diff "$TMP/before" "$TMP/after" | awk '/^>/ { print $2 }' | xargs)
	ENGINE_OF[$name]=$(pid_of "${QUEUE[$name]}")
	same "$name: its packets go to one queue" '[0-9]' "${QUEUE[$name]}"
done <<<"$(all)"
same 'four zones, four queues' 4 "$(printf '%s\n' "${QUEUE[@]}" | sort -u | wc -l)"
same 'and four processes' 4 "$(printf '%s\n' "${ENGINE_OF[@]}" | sort -u | wc -l)"

# others ZONE WHAT: all but that one have the engine they had, and their sessions.
others() {
	local name address
	while read -r name address; do
		[ "$name" = "$1" ] && continue
		same "$2: $name: its engine" "${ENGINE_OF[$name]}" "$(pid_of "${QUEUE[$name]}")"
		ask "$name" connects
		same "$2: $name: one session" 'ok 1' "$SAID"
	done <<<"$(all)"
}
poll_all() {
	local name address
	POLLS=()
	while read -r name address; do
		[ "$name" = "$1" ] && continue
		bg in_c "$TOOLS/modbus_poll" -s 1 -i 1000 -w 3000 "$address" >"$TMP/poll-$name"
		POLLS+=("$! $name")
	done <<<"$(all)"
	sleep 0.2
}
polled() {
	local p
	for p in "${POLLS[@]}"; do
		wait "${p% *}"
		same "$1: ${p#* }: the poller: exit status" 0 $?
		sed 's/^/      /' "$TMP/poll-${p#* }"
	done
}
new_engine() { local p; p=$(pid_of "${QUEUE[$1]}") && [ "$p" != "${ENGINE_OF[$1]}" ] && [ "$p" != 0 ]; }
for case in 'press KILL' 'sis STOP' 'cell STOP'; do
	read -r name signal <<<"$case"
	poll_all "$name"
	kill -"$signal" "${ENGINE_OF[$name]}"
	expect "$name" 'read holding 9 1' 'ok 9'
	wait_for 5 new_engine "$name" || fail "$name: no new engine"
	ENGINE_OF[$name]=$(pid_of "${QUEUE[$name]}")
	polled "$name's engine, SIG$signal"
	others "$name" "$name's engine, SIG$signal"
	ask "$name" connects
	same "$name's engine, SIG$signal: its own session lives" 'ok 1' "$SAID"
done
ledger 'three engines later'
for z in cell press sis; do same "$z: passed uninspected" 0 "$(figure $z uninspected)"; done
fw_stop
