#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "queue full", and its neighbour, a socket that refuses because its receive buffer is full. Engines are stopped and a flood on listed tuples
# comes: in a closed zone nothing more than the queue holds waits, the rest is dropped and counted; in an open zone all of it passes and is counted, by the
# kernel at once or by the guardian at the deadline, and what no conduit lists does not. Nothing of the safety lane is queued or lost.
. "$(dirname "$0")/rows.inc"
rows_plant
udp_sink "$S" $PLC 502 "$TMP/sunk-closed"
udp_sink "$S" $PACKER 502 "$TMP/sunk-open"
# What arrives, to the packet: a socket may be too slow for all of it.
for a in $PLC $PACKER; do in_s iptables -A INPUT -d $a -p udp --dport 502 -m comment --comment arrived || skip 'no iptables to count arrivals with'; done
arrived() { in_s iptables-save -c | sed -n "s|^\[\([0-9]*\):.*-d $1/32 .*arrived.*|\1|p"; }
# A deadline that leaves time to fill a queue; an engine of an open zone counts as stuck after eight of them.
sed 's/deadline: 5ms/deadline: 500ms/' $POLICY >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
for c in "cell $PLC" "line $PACKER"; do
	client_open "${c% *}" "$C" -t 3000 "${c#* }"
	expect "${c% *}" 'read holding 7 1' 'ok 7'
done
number() { in_f awk -v n="$1" 'NR == n { print $1 }' /proc/net/netfilter/nfnetlink_queue; }
CLOSED=$(number 1) OPEN=$(number 2)
full() { [ "$(waiting "$1")" -ge 2048 ]; }
engine_of() { of_queue "$1" engine-pid; }

# ---- full: the engine is stopped, and killed for it a tenth of a second later; the flood takes less to fill the queue ----
engine=$(engine_of closed)
before=$(arrived $PLC)
udp_ask "$C" $SIS_A $SIS_B 30010 1500 >"$TMP/asked" &
ASK=$!
kill -STOP "$engine"
sent=$(flood read $PLC 502 '-n 8000' | awk '{ print $2 }')
another() { local p; p=$(engine_of closed) && [ "$p" != "$engine" ] && [ "$p" != 0 ]; }
wait_for 5 another || fail 'the stopped engine is not replaced'
wait_for 5 quiet || fail 'packets wait still'
expect cell 'read holding 8 1' 'ok 8'
ledger 'closed zone, queue full'
more "closed zone, queue full: of $sent packets dropped for want of room, counted" 100 "$(book full)"
same "closed zone, queue full: of $sent packets arrived: all that were not dropped and counted" $((sent - $(figure cell dropped))) $(($(arrived $PLC) - before))
same 'closed zone, queue full: passed uninspected' 0 "$(figure cell uninspected)"

engine=$(engine_of open)
before=$(arrived $PACKER)
events_mark
kill -STOP "$engine"
sent=$(flood read $PACKER 502 '-n 6000' | awk '{ print $2 }')
full "$OPEN" || fail "the open zone's queue is not full ($(waiting "$OPEN"))"
more "open zone, queue full: of $sent packets arrived before the deadline" 3000 $(($(arrived $PACKER) - before))
same 'open zone, queue full: a port nobody lists' 'connect:*' "$(WITHIN=300 tcp $PACKER 7777)"
wait_for 3 quiet || fail 'packets wait still'
same 'open zone, queue full: arrived in the end' "$sent" $(($(arrived $PACKER) - before))
kill -CONT "$engine"
event 'packets pass uninspected from here' >/dev/null || fail 'no event at the start of the uninspected period'
event 'inspection again; [1-9][0-9]* packets passed uninspected' 5 >/dev/null || fail 'no event at its end'
expect line 'read holding 8 1' 'ok 8'
ledger 'open zone, queue full'
more 'open zone, queue full: passed unseen by the kernel, counted' 3000 "$(figure line uninspected/unseen)"
more 'open zone, queue full: released at the deadline, counted' 2000 "$(figure line uninspected/released)"
same 'open zone, queue full: dropped for want of room' 0 "$("$PY" -c 'import json, sys; print(next(q["full"] for q in json.load(open(sys.argv[1]))["queues"] if q["queue"] == int(sys.argv[2])))' "$TMP/ledger" "$OPEN")"
wait $ASK
same 'safety lane, queues full: answers to 1500' 1500 "$(cat "$TMP/asked")"

# ---- refused: datagrams that take 128 KiB of the socket's buffer each fill it before the queue is full; the guardian is stopped too, to have the time ----
# giants ADDRESS: 1500 of 65507 octets
giants() {
	ip netns exec "$C" "$PY" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
for i in range(1500):
    s.sendto(bytes.fromhex("000100000006010300010001") + bytes(65507 - 12), (sys.argv[2], 502))' $HMI "$1"
}
before=$(book full) unseen=$(figure line uninspected/unseen) passed=$(figure cell uninspected) closed=$(arrived $PLC) open=$(arrived $PACKER)
udp_ask "$C" $SIS_A $SIS_B 30010 1500 >"$TMP/asked" &
ASK=$!
pids="$(engine_of closed) $(engine_of open)"
kill -STOP "$FWPID" $pids
giants $PLC
echo "      waiting in the closed zone's queue: $(waiting "$CLOSED")"
giants $PACKER
echo "      waiting in the open zone's queue: $(waiting "$OPEN")"
same 'closed zone, socket refuses: arrived' 0 $(($(arrived $PLC) - closed))
more 'open zone, socket refuses: of 1500 arrived at once' 100 $(($(arrived $PACKER) - open))
wait $ASK
same 'safety lane, sockets refuse and the guardian is stopped: answers to 1500' 1500 "$(cat "$TMP/asked")"
kill -CONT $pids "$FWPID"
wait_for 10 quiet || fail 'packets wait still'
for c in cell line; do
	expect $c 'read holding 10 1' 'ok 10'
	ask $c connects
	same "$c: one session through all of it" 'ok 1' "$SAID"
done
ledger 'sockets refused'
more 'closed zone, socket refuses: counted as refused' 100 "$(book refused)"
same 'sockets refuse: counted as full' 0 $(($(book full) - before))
same 'closed zone, socket refuses: arrived in the end' 0 $(($(arrived $PLC) - closed))
same 'closed zone: passed uninspected' 0 $(($(figure cell uninspected) - passed))
more 'open zone, socket refuses: passed unseen by the kernel, counted' 100 $(($(figure line uninspected/unseen) - unseen))
same 'open zone, socket refuses: of 1500 arrived in the end' 1500 $(($(arrived $PACKER) - open))
safety 'in the end' 100
fw_stop
