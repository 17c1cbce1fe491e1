#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "out of sync, oversize", and what is truncated. Sessions found in the middle of a PDU, sessions of which segments went by unseen, a PDU
# longer than the protocol's, a datagram longer than the protocol's, one longer than the kernel hands over. A closed zone denies, and resets the
# stream; an open zone passes and counts it, and inspects again from the next segment that begins with a PDU.
. "$(dirname "$0")/rows.inc"
rows_plant
udp_sink "$S" $PLC 502 "$TMP/sunk-closed"
udp_sink "$S" $PACKER 502 "$TMP/sunk-open"

# raw NAME ADDRESS: a session that sends what it is told; do NAME COMMAND: what came of it in $SAID (nothing with `send`).
raw() {
	mkfifo "$TMP/$1.in" "$TMP/$1.out"
	ip netns exec "$C" "$PY" $TOOLSRC/raw.py --timeout 3 "$2" <"$TMP/$1.in" >"$TMP/$1.out" 2>&1 &
	PIDS+=($!)
	eval "exec {IN_$1}>\"$TMP/$1.in\" {OUT_$1}<\"$TMP/$1.out\""
}
tell() { local in=IN_$1; printf '%s\n' "$2" >&"${!in}"; }
hear() { local out=OUT_$1; read -r -t 5 SAID <&"${!out}" || fail "$1 says nothing to '$2'"; }
try() { tell "$1" "$2"; hear "$1" "$2"; }
# event_of REASON EVENT ZONE WHAT
event_of() {
	local e
	e=$(event "\"event\":\"$2\".*\"reason\":\"$1\"") || fail "$4: no $2 event with reason $1 (the last: $(events_new | tail -n 1))"
	same "$4: the event names the zone" "$3" "$(field "$e" zone)"
}

# ---- found in the middle of a PDU ----
for c in "closed $PLC" "open $PACKER"; do
	raw $c
	try "${c% *}" 'pdu 1 0300070001'
	same "${c% *} zone, before the start" 03020007 "$SAID"
	tell "${c% *}" 'send 0009000000060103'
done
sleep 0.3
fw_start $POLICY
events_mark
tell closed 'send 00070001'
try closed 'wait 3'
same 'closed zone, found in the middle of a PDU: the stream' reset "$SAID"
event_of not-synchronised deny cell 'closed zone'
events_mark
tell open 'send 00070001'
try open 'wait 3'
same 'open zone, found in the middle of a PDU: its end passes' 00090000000501030\* "$SAID"
event_of not-synchronised uninspected line 'open zone'
try open 'pdu 1 0300080001'
same 'open zone: from the next PDU in step' 03020008 "$SAID"
events_mark
try open 'pdu 1 0600050005'
same 'open zone: and inspected' reset "$SAID"
denied 'open zone: and inspected' function

# ---- segments that went by unseen: while an override was in force ----
for z in "cell $PLC" "line $PACKER"; do
	client_open "${z% *}" "$C" -t 3000 "${z#* }"
	expect "${z% *}" 'read holding 9 1' 'ok 9'
	"$B/otfwctl" override "${z% *}" --for 1min --reason test --run-dir "$RUN" >/dev/null || fail 'no override'
	expect "${z% *}" 'write register 5 5' 'ok*'
	"$B/otfwctl" override "${z% *}" --end --reason test --run-dir "$RUN" >/dev/null || fail 'no end of the override'
done
events_mark
expect cell 'read holding 9 1' reset
event_of '\(gap\|held-expired\|not-synchronised\)' deny cell 'closed zone, segments missing'
events_mark
expect line 'read holding 9 1' 'ok 9'
ask line connects
same 'open zone, segments missing: the session goes on' 'ok 1' "$SAID"
events_mark
expect line 'write register 5 7' reset
denied 'open zone, segments missing: inspected again' function

# ---- a PDU that says it is longer than any may be ----
ledger 'out of sync'
passed=$(figure line uninspected)
for c in "closed2 $PLC" "open2 $PACKER"; do
	raw $c
	try "${c% *}" 'pdu 1 0300070001'
done
events_mark
tell closed2 'send 000100000200010300070001'
try closed2 'wait 3'
same 'closed zone, oversize: the stream' reset "$SAID"
event_of length-mismatch deny cell 'closed zone, oversize'
events_mark
n=$(counted 'ledger passed')
tell open2 'send 000100000200010300070001'
event_of length-mismatch uninspected line 'open zone, oversize'
more 'open zone, oversize: left as passed uninspected' 1 $(($(counted 'ledger passed') - n))

# ---- datagrams: longer than a PDU, longer than the kernel hands over ----
# long ADDRESS OCTETS: five of them
long() {
	ip netns exec "$C" "$PY" -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
for i in range(5):
    s.sendto(bytes.fromhex("000100000006010300010001") + bytes(int(sys.argv[3]) - 12), (sys.argv[2], 502))
    time.sleep(0.02)' $HMI "$1" "$2"
	sleep 0.3
}
for what in '300 oversize trailing-bytes' '65507 truncated truncated'; do
	read -r octets word reason <<<"$what"
	n=$(count "$TMP/sunk-closed")
	events_mark
	long $PLC "$octets"
	same "closed zone, $word: datagrams of $octets octets, of 5 arrived" 0 $(($(count "$TMP/sunk-closed") - n))
	event_of "$reason" deny cell "closed zone, $word"
	n=$(count "$TMP/sunk-open")
	events_mark
	long $PACKER "$octets"
	same "open zone, $word: datagrams of $octets octets, of 5 arrived" 5 $(($(count "$TMP/sunk-open") - n))
	event_of "$word" uninspected line "open zone, $word"
done
n=$(count "$TMP/sunk-open")
udp_send "$C" $HMI $PACKER 502 5 $WRITE
sleep 0.2
same 'open zone: what inspection denies, of 5 arrived' 0 $(($(count "$TMP/sunk-open") - n))
safety 'beside all that' 200
ledger 'all that'
more 'open zone: passed uninspected' 11 $(($(figure line uninspected) - passed))
more 'closed zone: dropped' 11 "$(figure cell dropped)"
same 'closed zone: passed uninspected, but for the override' 0 $(($(figure cell uninspected) - $(figure cell uninspected/override)))
fw_stop
