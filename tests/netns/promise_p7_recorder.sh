#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P7, whatever happens to the recorder changes no verdict: killed again and again, stopped, its log on a full disk of 1 MiB. Verdicts
# and their latency are those of calm rounds between the others, and what could not be written is counted.
. "$(dirname "$0")/guardian.inc"
need_tools "$TOOLS/modbus_poll"
need_python 'import socket' sockets
guardian_plant
ROUNDS=${ROUNDS:-5}
server_start
udp_sink "$S" $PLC 502 "$TMP/sunk"
mkdir "$TMP/log"
mount -t tmpfs -o size=1m,mode=777 otfw-log "$TMP/log" 2>/dev/null || skip 'a tmpfs cannot be mounted here'
trap 'umount -l "$TMP/log" 2>/dev/null; down' EXIT
# What is malformed is an event every time while it learns: it fills rings as no denial may.
sed '/name: line/,$ s/mode: enforce/mode: learn/' $POLICY >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml" --events "$TMP/log/events.jsonl"
EVENTS=$TMP/log/events.jsonl

# Requests that are denied, 100 a second, each in a datagram of its own: every one must be dropped, in every round.
cat >"$TMP/denied.py" <<'P'
import socket, sys, time
src, dst, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((src, 0))
n, end = 0, time.time() + seconds
while time.time() < end:
    n += 1
    s.sendto((n % 65536).to_bytes(2, "big") + bytes.fromhex("0000000601060001dead"), (dst, 502))
    time.sleep(0.01)
print(n)
P
part() { sed -n "s/.*$2 \([0-9.]*\).*/\1/p" "$TMP/$1"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
sum_of() { fw_status | tr -d '\n' | grep -o "\"$1\": *[0-9]*" | awk -F: '{ n += $2 } END { print n + 0 }'; }
recorder_up() { fw_status >/dev/null 2>&1; }

# Finding the recorder and signalling it costs the machine something too: so it is done in calm rounds as well, with signal 0.
signals() {
	local p
	while :; do
		p=$(recorder_pid)
		[ -n "$p" ] && kill "-$1" "$p" && [ "$1" = KILL ] && echo >>"$TMP/kills"
		sleep 0.2
	done 2>/dev/null
}

# round NAME: two seconds of an allowed session and of denials; its figures are kept under NAME.
denied=0
round() {
	local k d
	signals "${2:-0}" &
	k=$!
	PIDS+=($k)
	in_c "$PY" "$TMP/denied.py" $HMI $PLC 2 >"$TMP/n" &
	d=$!
	in_c "$TOOLS/modbus_poll" -s 2 -i 500 $PLC >"$TMP/poll" || fail "$1: a request of the session has no answer: $(cat "$TMP/poll")"
	wait $d
	kill $k
	wait $k 2>/dev/null
	denied=$((denied + $(cat "$TMP/n")))
	part poll p50 >>"$TMP/p50-$1"
	part poll p99 >>"$TMP/p99-$1"
	echo "note: $1: $(cat "$TMP/poll"); denied: $(cat "$TMP/n")"
}

round calm
for ((i = 1; i <= ROUNDS; i++)); do
	: >"$TMP/log/events.jsonl"
	rm -f "$TMP/log/filler"
	round calm

	dd if=/dev/zero of="$TMP/log/filler" bs=4096 count=1024 2>/dev/null
	round full

	round killed KILL
	wait_for 10 recorder_up || fail 'the recorder is not back within 10 s'

	p=$(recorder_pid)
	kill -STOP "$p"
	round stopped
	kill -CONT "$p"
done
killed=$(wc -l <"$TMP/kills")
[ "$killed" -ge "$ROUNDS" ] || fail "the recorder was killed $killed times only"
ok "the recorder was killed $killed times"
# The tail is wider than the middle: a busy machine moves a p99 by half without anybody's doing, a recorder in the way by a factor of ten.
for what in full killed stopped; do
	for q in p50 p99; do
		calm=$(median <"$TMP/$q-calm") it=$(median <"$TMP/$q-$what")
		below "P7: recorder $what: median of $q $it us against $calm us; ratio" "$([ $q = p50 ] && echo 1.2 || echo 2)" \
			"$(awk "BEGIN { printf \"%.3f\", $it / $calm }")"
	done
done
same 'P7: of the requests denied reached the server' 0 "$(wc -c <"$TMP/sunk")"
wait_for 10 recorder_up || fail 'the recorder is not back within 10 s'
same "P7: each of the $denied was denied and counted" "$denied" "$(fw_status | tr -d '\n' | grep -o '"reasons": *{[^}]*}' | grep -o '"function": *[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }')"

# What cannot be written is counted: a full disk, then a reader that does not read.
before=$(sum_of lines-lost)
# malformed N: N thousand datagrams with another protocol's number.
malformed() {
	local n
	for ((n = 0; n < $1; n++)); do
		udp_send "$C" $HMI $PACKER 502 1000 0000000100060103000001f4
		sleep 0.1
	done
}
malformed 6
lost() { [ "$(sum_of lines-lost)" -gt "$before" ]; }
wait_for 5 lost || fail 'a full disk loses lines and does not say so'
ok "full disk: lines lost and counted: $(sum_of lines-lost), write errors: $(sum_of write-errors)"
# Room for what comes next: what the recorder still holds of before would fill it again.
rm -f "$TMP/log/filler"
: >"$EVENTS"
sleep 0.5
: >"$EVENTS"
p=$(recorder_pid)
kill -STOP "$p"
malformed 9
kill -CONT "$p"
wait_for 5 recorder_up
overwritten() { [ "$(sum_of events-lost)" -gt 0 ]; }
wait_for 5 overwritten || fail 'events were overwritten and nobody counts them'
ok "stopped recorder: events overwritten and counted: $(sum_of events-lost)"
told() { grep -q '"lost":' "$EVENTS"; }
wait_for 5 told || fail 'the log does not say that events were lost'
ok "the log says so: $(grep -o '"detail":"[^"]*","lost":[0-9]*' "$EVENTS" | tail -n 1)"
fw_stop
