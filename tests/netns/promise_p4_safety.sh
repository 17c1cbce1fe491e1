#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P4: counters prove that the safety lane loses nothing and queues nothing, unicast and multicast, while engines are killed, the policy changes
# and the daemon dies; alarms are raised and never drop; a mirror that is stuck or dead does not touch the lane.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
POLICY=tests/netns/promise_p4.yaml
GROUP=239.9.9.9
guardian_plant
server_start
for port in 30010 30012 30013 30014; do udp_echo "$S" $SIS_B $port; done

# in_out CONDUIT: "in out queued" of all its flows.
in_out() { echo "$(counted "safety-in $1\\/") $(counted "safety-out $1\\/") $(counted "safety-queued $1\\/")"; }
mirror_pid() { child_pid otfw-mirror; }
mirror_runs() { [ -n "$(mirror_pid)" ]; }
# of_lane CONDUIT NAME: a number of that lane in `otfwctl status`.
of_lane() { fw_status | "$PY" -c '
import json, sys
print(next((l[sys.argv[2]] for l in json.load(sys.stdin)["mirror"]["lanes"] if l["conduit"] == sys.argv[1]), None))' "$1" "$2"; }
of_mirror() { fw_status | "$PY" -c 'import json, sys; print(json.load(sys.stdin)["mirror"][sys.argv[1]])' "$1"; }

# udp_rtt PORT: median round trip of 2000 datagrams, one after the other, in us.
udp_rtt() {
	ip netns exec "$C" "$PY" -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.connect((sys.argv[2], int(sys.argv[3])))
s.settimeout(5)
t = []
for i in range(2000):
    a = time.perf_counter_ns()
    s.send(b"x" * 100)
    s.recv(2048)
    t.append(time.perf_counter_ns() - a)
print(sorted(t)[len(t) // 2] // 1000)' $SIS_A $SIS_B "$1"
}

fw_start $POLICY
same 'P4: answers to 500 datagrams' 500 "$(udp_ask "$C" $SIS_A $SIS_B 30010 500)"
same 'P4: in, out, queued of the lane' '1000 1000 0' "$(in_out plain)"

# ---- multicast ----
bg in_f "$PY" $TOOLSRC/mroute.py $GROUP $SIS_A lan0 plc0 >"$TMP/mroute"
wait_for 5 grep -q ready "$TMP/mroute" || skip 'this kernel routes no multicast'
ip -n "$C" route add $GROUP/32 dev eth0
ip -n "$S" route add $GROUP/32 dev eth0
: >"$TMP/group"
ip netns exec "$S" "$PY" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 30011))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[1]) + socket.inet_aton(sys.argv[2]))
with open(sys.argv[3], "ab", 0) as f:
    while True:
        s.recv(2048)
        f.write(b".")' $GROUP $SIS_B "$TMP/group" &
PIDS+=($!)
wait_for 5 udp_bound "$S" 30011 || fail 'nobody listens to the group'
# group_send N: datagrams to the group, one a millisecond.
group_send() {
	ip netns exec "$C" "$PY" -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
for i in range(int(sys.argv[3])):
    s.sendto(b"%d" % i, (sys.argv[2], 30011))
    time.sleep(0.001)' $SIS_A $GROUP "$1"
}
got() { wc -c <"$TMP/group"; }
got_all() { [ "$(got)" -ge "$1" ]; }
group_send 300
wait_for 3 got_all 300
same 'P4: multicast: received of 300' 300 "$(got)"
same 'P4: multicast: in, out, queued' '300 300 0' "$(in_out group)"

# ---- trouble, with both running ----
: >"$TMP/group"
udp_ask "$C" $SIS_A $SIS_B 30010 3000 >"$TMP/asked" &
ASK=$!
group_send 3000 &
SEND=$!
for i in 1 2 3 4 5; do
	for p in $(engines); do kill -KILL "$p" 2>/dev/null; done
	sleep 0.2
	for p in $(engines); do kill -STOP "$p" 2>/dev/null; done
	sleep 0.1
	for p in $(engines); do kill -CONT "$p" 2>/dev/null; done
done
wait $ASK $SEND
wait_for 3 got_all 3000
same 'P4: engines killed and stopped meanwhile: answers to 3000' 3000 "$(cat "$TMP/asked")"
same 'P4: the same, multicast: received of 3000' 3000 "$(got)"
same 'P4: in, out, queued, unicast' '7000 7000 0' "$(in_out plain)"
same 'P4: in, out, queued, multicast' '3300 3300 0' "$(in_out group)"

: >"$TMP/group"
udp_ask "$C" $SIS_A $SIS_B 30010 2000 >"$TMP/asked" &
ASK=$!
group_send 2000 &
SEND=$!
for i in 1 2 3 4; do
	fw_reload >/dev/null || fail 'a reload failed'
	sleep 0.1
done
wait $ASK $SEND
wait_for 3 got_all 2000
same 'P4: four reloads meanwhile: answers to 2000' 2000 "$(cat "$TMP/asked")"
same 'P4: the same, multicast: received of 2000' 2000 "$(got)"
# Counters began anew in the middle, in and out in one commit: a packet between the two hooks just then may be on one side only.
read -r in out queued_here <<<"$(in_out plain)"
below 'P4: in and out since the last reload differ by' 2 $((in > out ? in - out : out - in))
same 'P4: queued since the last reload' 0 "$queued_here"

same 'P4: otfwctl ledger: flows whose in and out differ by more than 2, or that were queued' 0 "$("$B/otfwctl" ledger --json --run-dir "$RUN" | "$PY" -c '
import json, sys
flows = json.load(sys.stdin)["safety-flows"]
assert len(flows) == 17, flows # four for each of the four pairs, one for the group
print(sum(abs(f["in"] - f["out"]) > 2 or f["queued"] > 0 for f in flows))')"

# ---- expect: an alarm, never a drop ----
wait_for 5 mirror_runs || fail 'no mirror runs'
same 'the mirror has no capability' 0000000000000000 "$(sed -n 's/^CapEff:\t//p' "/proc/$(mirror_pid)/status")"
events_mark
same 'P4: expect: answers to 40' 40 "$(udp_ask "$C" $SIS_A $SIS_B 30012 40)"
sleep 1.2
same 'P4: expect: no alarm below it' 0 "$(of_lane rated lane-alarms)"
same 'P4: expect: answers to 400, above it' 400 "$(udp_ask "$C" $SIS_A $SIS_B 30012 400)"
event 'more than the expected 100 packets in 1000 ms' >/dev/null || fail 'no alarm about more packets than expected'
same 'P4: expect: the alarm is an alert of its conduit' rated "$(field "$(event 'more than the expected 100')" conduit)"
same 'P4: expect: in, out, queued' '880 880 0' "$(in_out rated)"
event 'no more than 100 packets in 1000 ms again' >/dev/null || fail 'no event about the end of it'

# ---- watchdog ----
events_mark
udp_ask "$C" $SIS_A $SIS_B 30013 300 >/dev/null
event 'no packet for more than 50 ms' >/dev/null || fail 'no alarm about a flow that fell silent'
# Both directions fell silent, and nothing before did: packets came every millisecond.
sleep 0.3
same 'P4: watchdog: one alarm a direction' 2 "$(events_new | grep -c 'no packet for more than 50 ms')"
same 'P4: watchdog: silent now' 2 "$(of_lane watched flows-silent)"
events_mark
udp_ask "$C" $SIS_A $SIS_B 30013 100 >/dev/null
event 'runs again after' >/dev/null || fail 'no event about a flow that runs again'

# ---- mirror: a PDU that changes something ----
events_mark
udp_send "$C" $SIS_A $SIS_B 30014 1 000100000006010300000001
sleep 0.3
same 'P4: mirror: a read: alarms' 0 "$(of_lane mirrored lane-alarms)"
udp_send "$C" $SIS_A $SIS_B 30014 20 000100000006010600050007
e=$(event 'in a safety lane, where nothing is inspected') || fail 'no alarm about a write'
same 'P4: mirror: what it was' 'write-single-register 5' "$(field "$e" function_name) $(field "$e" first)"
same 'P4: mirror: one alarm a direction for 20 of them (the peer sends them back)' 2 "$(of_lane mirrored lane-alarms)"
same 'P4: mirror: all passed' '42 42 0' "$(in_out mirrored)"

# ---- the mirror itself in trouble ----
M=$(mirror_pid)
runs=$(udp_rtt 30014)
kill -STOP "$M"
stuck=$(udp_rtt 30014)
below "P4: mirror stopped: median round trip in us (with one that runs: $runs)" $((runs * 3 / 2 + 50)) "$stuck"
n=$(counted 'safety-out mirrored\/')
same 'P4: mirror stopped: answers to 2000 of a mirrored lane' 2000 "$(udp_ask "$C" $SIS_A $SIS_B 30014 2000)"
same 'P4: mirror stopped: left' 4000 $(($(counted 'safety-out mirrored\/') - n))
# More than its socket holds: copies are lost and counted, packets are not.
same 'P4: mirror stopped: 30,000 more: left' 60000 "$(
	n=$(counted 'safety-out mirrored\/')
	ip netns exec "$C" "$PY" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.settimeout(5)
got = 0
for i in range(300):
    for k in range(100):
        s.sendto(b"x" * 600, (sys.argv[2], 30014))
    for k in range(100):
        s.recv(2048)' $SIS_A $SIS_B
	echo $(($(counted 'safety-out mirrored\/') - n))
)"
events_mark
kill -CONT "$M"
sleep 0.5
# A gap in the numbers shows with the next copy that arrives.
udp_ask "$C" $SIS_A $SIS_B 30014 10 >/dev/null
event 'copies of safety packets were lost' 5 >/dev/null || fail 'lost copies are not reported'
lost=$(of_mirror copies-lost)
[ "$lost" -gt 0 ] || fail 'lost copies are not counted'
sleep 0.5
same 'P4: copies read and lost are all the copies there were' "$((64000 + 42 + 20 + 8000))" "$(($(of_lane mirrored lane-copies) + $(of_mirror copies-lost)))"
kill -KILL "$(mirror_pid)"
same 'P4: mirror killed: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30014 200)"
wait_for 5 mirror_runs || fail 'the mirror is not started again'
[ "$(of_mirror restarts)" -ge 1 ] || fail 'the restart is not counted'
events_mark
udp_ask "$C" $SIS_A $SIS_B 30013 100 >/dev/null
event 'no packet for more than 50 ms' >/dev/null || fail 'the new mirror raises no alarm'
ok 'the new mirror raises alarms'
same 'P4: queued, all lanes, all the while' 0 "$(counted 'safety-queued ')"

# ---- the daemon dead ----
kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
: >"$TMP/group"
before=$(in_out plain)
same 'P4: daemon dead: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30010 200)"
same 'P4: daemon dead: answers to 200 of a mirrored lane' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30014 200)"
group_send 200
wait_for 3 got_all 200
same 'P4: daemon dead, multicast: received of 200' 200 "$(got)"
read -r in0 out0 _ <<<"$before"
read -r in out q <<<"$(in_out plain)"
same 'P4: daemon dead: in, out, queued' '400 400 0' "$((in - in0)) $((out - out0)) $q"
