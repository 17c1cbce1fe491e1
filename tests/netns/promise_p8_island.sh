#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P8, island and override. Isolate cuts a zone within 100 ms, kernel lane and inspected lane, also with engines stopped; other zones lose nothing,
# not even what waits in the queue they share; a reload, a restart and a killed daemon keep it; release brings the sessions back. Override passes
# what inspection denies and nothing that no conduit lists, ends by itself, never for a safety zone; isolate wins over it. The safety lane goes on unless
# told. All of it shows in status and events, with reason and user.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
NEXT=10.10.4.2
ip -n "$F" addr add 10.10.4.1/24 dev plc0
ip -n "$S" addr add $NEXT/24 dev eth0
# Another closed zone, which has its engine and queue in common with the cell; a kernel lane into each.
sed -e 's|^  line: {level|  next: {level: 2, networks: [10.10.4.0/24], failure: closed}\n&|' \
	-e 's|^  packer: |  next-plc: 10.10.4.2\n&|' \
	-e 's|^      - {id: web,.*|&\n      - {id: sync, clients: [hmi], udp: [30020]}|' \
	-e '/^  - name: line/i\  - name: next\n    from: [control]\n    to: next\n    servers: [next-plc]\n    protocols: [modbus]\n    mode: enforce\n    at-most: [read]\n    allow:\n      - {id: view, clients: any, protocol: modbus, transport: [tcp, udp], units: [1], functions: [read-holding-registers], addresses: {holding: [0..199]}}' \
	"$POLICY" >"$TMP/policy.yaml"
server_start
udp_echo "$S" $SIS_B 30010
fw_start "$TMP/policy.yaml"
READ=000100000006010300010001

# sink ADDRESS PORT FILE: a line "MS N" for each datagram, N its first two octets; it is answered as a read of one register.
sink() {
	: >"$3"
	ip netns exec "$S" "$PY" -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
with open(sys.argv[3], "wb", 0) as f:
    while True:
        d, peer = s.recvfrom(2048)
        f.write(b"%d %d\n" % (time.time_ns() // 1000000, int.from_bytes(d[:2], "big")))
        s.sendto(d[:2] + bytes.fromhex("000000050103020001"), peer)' "$1" "$2" "$3" &
	PIDS+=($!)
	wait_for 5 bound "$1" "$2" || fail "nothing listens on $1 port $2"
}
# Little-endian address and port, as the kernel writes them.
bound() { in_s grep -qi "$(printf '%02X%02X%02X%02X:%04X' $(echo "$1" | tr . '\n' | tac) "$2") " /proc/net/udp; }
# stream TO PORT FILE: one datagram every 2 ms until its process is told to end; then how many into FILE.
stream() {
	ip netns exec "$C" "$PY" -c '
import signal, socket, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *a: stop.append(1))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
data, n = bytes.fromhex(sys.argv[4]), 0
while not stop:
    n += 1
    s.sendto((n % 65536).to_bytes(2, "big") + data[2:], (sys.argv[2], int(sys.argv[3])))
    time.sleep(0.002)
open(sys.argv[5], "w").write("%d\n" % n)' $HMI "$1" "$2" $READ "$3" &
	PIDS+=($!)
	STREAMS+=($!)
}
STREAMS=()
# balanced WHAT: the ledger, which counts what is cut and what passes for an override.
balanced() {
	OUT=$(ctl ledger --json) || fail "P6: $1: the ledger does not balance: $OUT"
	ok "P6: $1: the ledger balances: isolated $(echo "$OUT" | grep -o '"isolated":[0-9]*' | cut -d: -f2 | sort -n | tail -n 1), override $(echo "$OUT" | grep -o '"override":[0-9]*' | cut -d: -f2 | sort -n | tail -n 1)"
}
lines() { wc -l <"$1"; }
# after FILE MS: the newest line's time, in ms behind MS (negative: before).
after() { echo $(($(tail -n 1 "$1" | cut -d' ' -f1) - $2)); }
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
# does COMMAND... : it must succeed; what it says in $OUT.
does() {
	OUT=$(ctl "$@" 2>&1) || fail "otfwctl $*: $OUT"
}
# refuses STATUS PATTERN COMMAND...
refuses() {
	local want=$1 pattern=$2
	shift 2
	OUT=$(ctl "$@" 2>&1)
	same "otfwctl $*: exit status" "$want" $?
	same 'and why' "$pattern" "$(echo "$OUT" | head -n 1)"
}
# cut ZONE MS FILE...: after the isolation at MS nothing more than 100 ms later reached any of the files.
cut_within() {
	local at=$1 f
	shift
	sleep 0.4
	for f in "$@"; do below "P8: ms from the command to the last packet (${f##*/})" 100 "$(after "$f" "$at")"; done
}
grows() { local n; n=$(lines "$1"); sleep 0.3; [ "$(lines "$1")" -gt "$n" ]; }
# On a slow machine what has arrived is given the time to be written down first.
still() { local n; [ "${SLOWER:-1}" = 1 ] || sleep 0.2; n=$(lines "$1"); sleep 0.4; same "P8: $2: packets meanwhile (${1##*/})" 0 $(($(lines "$1") - n)); }

sink $PLC 502 "$TMP/inspected"; sink $PLC 30020 "$TMP/kernel-lane"; sink $NEXT 502 "$TMP/next"
stream $PLC 502 "$TMP/sent-inspected"; stream $PLC 30020 "$TMP/sent-kernel"
stream $NEXT 502 "$TMP/sent-next"; NEXT_PID=$!
client_open hmi "$C" -t 1000 $PLC
client_open line "$C" -t 1000 $PACKER
expect hmi 'read holding 1 1' 'ok 1'
expect line 'read holding 1 1' 'ok 1'
for f in inspected kernel-lane next; do wait_for 3 grows "$TMP/$f" || fail "nothing arrives in $f"; done

# ---- isolate ----
udp_ask "$C" $SIS_A $SIS_B 30010 2500 >"$TMP/asked" &
ASK=$!
events_mark
at=$(now_ms)
does isolate cell --reason 'worm in the cell: cut'
same 'P8: isolate says' 'zone cell: isolated: nothing passes between it and any other zone but its safety lanes' "$OUT"
below 'P8: ms until it says so' 1000 $(($(now_ms) - at))
cut_within "$at" "$TMP/inspected" "$TMP/kernel-lane"
e=$(event '"event":"audit"') || fail 'no audit event'
same 'P8: the event has the zone' cell "$(field "$e" zone)"
same 'P8: the event has user and reason' "isolated by uid $(id -u): worm in the cell: cut" "$(field "$e" detail)"
same 'P8: status' "*zone cell: ISOLATED since * by $(id -un): worm in the cell: cut*" "$(ctl status | tr '\n' ' ')"
grep -q 'zone cell: isolated by uid' "$FWLOG" || fail 'the daemon does not say it'
for f in inspected kernel-lane; do still "$TMP/$f" 'isolated'; done
ask hmi 'read holding 1 1'
same 'the cell'"'"'s session: no answer' 'timeout*' "$SAID"
expect line 'read holding 2 1' 'ok 2'
[ "$(counted 'isolated')" -gt 100 ] || fail "what is cut is not counted ($(counted isolated))"
ok "P8: what is cut is counted: $(counted isolated) packets"
wait $ASK
same 'P8: the safety lane meanwhile: answers to 2500' 2500 "$(cat "$TMP/asked")"

# ---- it stays ----
for i in 1 2 3; do fw_reload >/dev/null || fail "reload $i"; done
for f in inspected kernel-lane; do still "$TMP/$f" 'three reloads later'; done
n=$(lines "$TMP/kernel-lane") m=$(lines "$TMP/inspected")
kill -TERM $NEXT_PID # its sums are of the isolation and the reloads: a stopped daemon drops closed zones
wait $NEXT_PID
all_there() { [ "$(lines "$TMP/next")" -ge "$(cat "$TMP/sent-next")" ]; }
wait_for 2 all_there
same 'P8: of the packets for another zone arrived' "$(cat "$TMP/sent-next")" "$(lines "$TMP/next")"
balanced 'isolated'
sed 's/^  cell: {level/  renamed: {level/; s/to: cell/to: renamed/' "$TMP/policy.yaml" >"$TMP/renamed" && cp "$TMP/policy.yaml" "$TMP/kept"
cp "$TMP/renamed" "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'the policy without the zone does not load'
for f in inspected kernel-lane; do still "$TMP/$f" 'the zone renamed'; done
same 'P8: status says that the zone is gone' '*zone cell: ISOLATED*no longer in the policy*' "$(ctl status | tr '\n' ' ')"
cp "$TMP/kept" "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'the policy with the zone does not load'
fw_stop
fw_start "$TMP/policy.yaml"
kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
fw_start "$TMP/policy.yaml"
sleep 0.3
same 'P8: through a stop, a kill and two starts: packets into the zone' "$n $m" "$(lines "$TMP/kernel-lane") $(lines "$TMP/inspected")"
same 'P8: status after the restarts' "*zone cell: ISOLATED since * by $(id -un): worm in the cell: cut*" "$(ctl status | tr '\n' ' ')"

# ---- release ----
refuses 1 'zone line: it is not isolated' release line --reason 'by mistake'
events_mark
does release cell --reason 'cleaned'
e=$(event '"released by uid') || e=$(event 'released by uid') || fail 'no event of the release'
same 'P8: the event of the release' "released by uid $(id -u): cleaned" "$(field "$e" detail)"
wait_for 3 grows "$TMP/kernel-lane" && wait_for 3 grows "$TMP/inspected" || fail 'nothing arrives after the release'
again() { ask hmi 'read holding 3 1'; [ "$SAID" = 'ok 3' ]; }
wait_for 8 again || fail "the session does not come back: $SAID"
ask hmi connects
ok "P8: released: the session answers again (connections made: $SAID)"

client_open keep "$C" -t 8000 $PLC
expect keep 'read holding 3 1' 'ok 3'
does isolate cell --reason 'briefly'
(sleep 0.7; ctl release cell --reason 'over' >/dev/null) &
ask keep 'read holding 4 1'
same 'P8: asked while isolated, answered when released' 'ok 4' "$SAID"
[ "${MS%.*}" -ge 500 ] || fail "the answer came after $MS ms, while the zone was isolated"
ask keep connects
same 'P8: by the same TCP session' 'ok 1' "$SAID"
client_close keep

# ---- with engines stopped; what waits ----
stopped() { local p; for p in $(engines); do kill "-$1" "$p"; done; }
client_close line
n=$(lines "$TMP/next")
before=$(engines | sort | xargs)
stopped STOP
udp_send "$C" $HMI $NEXT 502 20 $READ
m=$(lines "$TMP/inspected")
at=$(now_ms)
does isolate cell --reason 'engines stopped'
# A machine that takes so long to come here that the stopped engines have been replaced shows it from the answer on.
[ "$(engines | sort | xargs)" = "$before" ] || m=$(lines "$TMP/inspected")
cut_within "$at" "$TMP/kernel-lane"
stopped CONT
there() { [ "$(lines "$TMP/next")" -ge $((n + 20)) ]; }
wait_for 3 there
same 'P8: engines stopped: of 20 packets of another zone that waited arrived' 20 $(($(lines "$TMP/next") - n))
below 'P8: of the isolated zone'"'"'s packets that waited arrived (those sent before the command could have left before it)' 0 $(($(lines "$TMP/inspected") - m))
does release cell --reason 'done'
for p in $(engines); do kill -KILL "$p"; done
at=$(now_ms)
does isolate cell --reason 'engines killed'
cut_within "$at" "$TMP/kernel-lane" "$TMP/inspected"
does release cell --reason 'done'

# ---- in the middle of reloads: some that change nothing in the zone, some that change its networks and tuples ----
sed 's|"fd10:2::/64"\]|"fd10:2::/64", 10.10.7.0/24]|; s|udp: \[30020\]|udp: [30020, 30022]|' "$TMP/policy.yaml" >"$TMP/wider"
cp "$TMP/policy.yaml" "$TMP/kept"
for i in 1 2 3 4 5 6; do
	(for k in 1 2 3 4; do
		if [ $((k % 2)) = 1 ] && [ $((i % 2)) = 0 ]; then cp "$TMP/wider" "$TMP/policy.yaml"; else cp "$TMP/kept" "$TMP/policy.yaml"; fi
		ctl reload >/dev/null 2>"$TMP/reload-$k" || echo "$k"
	done >"$TMP/failed") &
	RELOADS=$!
	sleep "0.0$((i * 3))"
	at=$(now_ms)
	does isolate cell --reason "in reloads $i"
	wait $RELOADS
	cut_within "$at" "$TMP/kernel-lane" "$TMP/inspected"
	same 'reloads that failed' '' "$(cat "$TMP/failed")"
	does release cell --reason 'over'
	wait_for 3 grows "$TMP/kernel-lane" || fail 'nothing arrives after the release'
done
cp "$TMP/kept" "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'a reload'

# ---- safety ----
refuses 2 'otfwctl isolate: --including-safety cuts the safety lanes of zone sis as well*' isolate sis --including-safety --reason x
refuses 2 'otfwctl isolate: --reason is missing' isolate sis
does isolate sis --reason 'lanes go on'
same 'P4: safety zone isolated: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30010 200)"
does isolate sis --including-safety --confirm sis --reason 'told twice'
same 'P8: safety lanes cut when told: answers' 0 "$(udp_ask "$C" $SIS_A $SIS_B 30010 50)"
does isolate sis --reason 'once more'
same 'P8: isolating again never loosens: answers' 0 "$(udp_ask "$C" $SIS_A $SIS_B 30010 50)"
does release sis --reason 'over'
same 'P4: released: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30010 200)"

# ---- override ----
refuses 1 'zone sis: it is a safety zone*' override sis --for 10s --reason x
refuses 1 'zone nowhere: the policy has no such zone' override nowhere --for 10s --reason x
refuses 2 'otfwctl override: --for: *' override cell --for 9h --reason x
refuses 2 'otfwctl override: either --for or --end is wanted' override cell --reason x
client_open ews "$C" -t 1500 $PLC
expect ews 'write register 45 6' reset
events_mark
does override cell --for 10s --reason 'engine trouble, batch must end'
same 'P8: override says' 'zone cell: overridden: what its conduits list by address and port passes without inspection' "$OUT"
e=$(event 'overridden for') || fail 'no event of the override'
same 'P8: the event has user and reason' "overridden for 10 s by uid $(id -u): engine trouble, batch must end" "$(field "$e" detail)"
same 'P8: status' '*zone cell: OVERRIDDEN, not inspected, since * until *: engine trouble, batch must end*' "$(ctl status | tr '\n' ' ')"
expect ews 'write register 45 6' ok
expect ews 'write register 45 7' ok
plc_holds '45 1' 7
sink $PLC 30021 "$TMP/unlisted"
udp_send "$C" $HMI $PLC 30021 20 $READ
udp_send "$C" 10.10.1.20 $PLC 30020 20 $READ
sleep 0.2
same 'P8: overridden: packets of an unlisted port' 0 "$(lines "$TMP/unlisted")"
[ "$(counted 'ledger override')" -gt 2 ] || fail 'what passes uninspected is not counted'
ok "P8: what passed uninspected is counted by its mark: $(counted 'ledger override')"
fw_reload >/dev/null || fail 'a reload'
expect ews 'write register 45 8' ok
balanced 'overridden'
over() { ctl status | grep -q OVERRIDDEN && return 1 || return 0; }
wait_for 14 over || fail 'the override does not end by itself'
event 'override ended: its time is over' >/dev/null || fail 'no event of its end'
expect ews 'write register 45 9' reset
plc_holds '45 1' 8
ok 'P8: the override ended by itself: inspected again'

does override cell --for 1h --reason 'longer'
does isolate cell --reason 'wins'
ask ews 'write register 45 9'
same 'P8: isolate wins over override: no answer' '[!o]*' "$SAID"
does release cell --reason 'see the override'
same 'P8: release says that the override goes on' '*it is still overridden*' "$OUT"
fw_stop
fw_start "$TMP/policy.yaml"
client_open after "$C" -t 1500 $PLC
expect after 'write register 46 1' ok
does override cell --end --reason 'enough'
client_close after
client_open last "$C" -t 1500 $PLC
expect last 'write register 46 2' reset
plc_holds '45 2' '8 1'

# The daemon killed within the override: the kernel ends it.
does override cell --for 2s --reason 'and then killed'
kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
sleep 3.5
n=$(counted 'override cell')
udp_send "$C" $HMI $PLC 502 10 $READ
same 'P8: the daemon dead: the kernel itself ends an override: packets it passes' 0 $(($(counted 'override cell') - n))

# ---- a disk and a kernel that refuse ----
fw_start "$TMP/policy.yaml"
mkdir "$TMP/state/islands.new"
refuses 1 'zone cell: in force, but it would not survive a restart*: Is a directory' isolate cell --reason 'no disk'
still "$TMP/kernel-lane" 'the state file cannot be written'
rmdir "$TMP/state/islands.new"
written() { grep -q '^isolate cell' "$TMP/state/islands"; }
wait_for 4 written || fail 'the state file is not tried again'
ok 'P8: the state file is tried again until it is written'
does release cell --reason 'over'
tool=$(readlink -f "$(command -v iptables-restore)")
if in_f iptables -C FORWARD -j otfw-forward 2>/dev/null && nsenter -t "$FWPID" -m mount --bind /bin/false "$tool" 2>/dev/null; then
	refuses 1 'zone cell: not overridden; the kernel does not take it*' override cell --for 1h --reason 'no kernel'
	same 'P8: an override that the kernel refuses is given up' 0 "$(ctl status | grep -c OVERRIDDEN)"
	refuses 1 'zone cell: the kernel does not take it; tried again*' isolate cell --reason 'no kernel'
	nsenter -t "$FWPID" -m umount "$tool"
	holds() { ! grows "$TMP/kernel-lane"; }
	wait_for 5 holds || fail 'an isolation that the kernel refused is not tried again'
	still "$TMP/kernel-lane" 'refused by the kernel at first'
	does release cell --reason 'over'
	wait_for 3 grows "$TMP/kernel-lane" || fail 'nothing arrives after the release'
else
	echo 'note: the nft backend is in use, or mounts cannot be changed: refusal by the kernel not shown'
fi
fw_stop

# ---- a reboot: no ruleset in the kernel, another boot in the state file ----
fw_start "$TMP/policy.yaml"
does isolate cell --reason 'over a reboot'
does override line --for 1h --reason 'over a reboot'
fw_stop
in_f "$B/otfwd" --remove >/dev/null || fail 'otfwd --remove fails'
n=$(lines "$TMP/kernel-lane")
"$PY" -c '
import re, sys
text = open(sys.argv[1], "rb").read()
head = re.sub(rb" of [-0-9a-f]+\n", b" of 00000000-0000-4000-8000-000000000000\n", text[:text.rindex(b"sum ")])
assert head != text[:len(head)]
h = 0xcbf29ce484222325
for b in head:
    h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
open(sys.argv[1], "wb").write(head + b"sum %016x\n" % h)' "$TMP/state/islands" || fail 'cannot play the reboot'
synchronised=$("$PY" -c '
import ctypes
print(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) not in (-1, 5))')
fw_start "$TMP/policy.yaml"
[ ! -e "$TMP/state/islands.damaged" ] || fail 'the state file of before is called damaged'
same 'P8: rebooted: status' '*zone cell: ISOLATED*: over a reboot*' "$(ctl status | tr '\n' ' ')"
still "$TMP/kernel-lane" 'rebooted'
overridden=$(ctl status | grep -c 'zone line: OVERRIDDEN')
case $synchronised in
True) same 'P8: rebooted, the clock synchronised: overrides that go on' 1 "$overridden" ;;
*) same 'P8: rebooted, the clock doubtful: overrides that go on' 0 "$overridden" ;;
esac
does release cell --reason 'after the reboot'
fw_stop

# ---- a state file that is damaged ----
fw_start "$TMP/policy.yaml"
does isolate line --reason 'open zone, isolated'
fw_stop
sed -i 's/line/lime/' "$TMP/state/islands"
fw_start "$TMP/policy.yaml"
same 'P8: damaged state: closed zones are isolated' '*zone cell: ISOLATED*by otfw itself: the state file is damaged*' "$(ctl status | tr '\n' ' ')"
same 'P8: damaged state: open zones are not' 0 "$(ctl status | grep -c 'zone line: ISOLATED')"
[ -s "$TMP/state/islands.damaged" ] || fail 'the damaged file is not kept'
still "$TMP/kernel-lane" 'damaged state, a closed zone'
for z in control cell next sis sis-io; do does release $z --reason 'looked into'; done
wait_for 3 grows "$TMP/kernel-lane" || fail 'nothing arrives after the release'
fw_stop
kill -TERM "${STREAMS[@]}" 2>/dev/null
wait "${STREAMS[@]}" 2>/dev/null
exit 0
