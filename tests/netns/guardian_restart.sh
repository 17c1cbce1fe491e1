#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1 across a restart of the guardian: where PDUs begin in a closed zone's session is not forgotten. A client sends the first part of a write that nobody
# allows, the guardian is killed, the next one starts, and the rest of the write looks like an allowed read: it does not pass. Sessions that are between
# two PDUs go on. What is kept and cannot be trusted, or not be kept, is said and does not stop the start.
IN_MEMORY=1
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
# A server that waits for as long as it takes: every octet that comes into a file, an answer to each twelve of the first request.
: >"$TMP/came"
ip netns exec "$S" "$PY" -c '
import socket, sys, threading
def serve(c):
    while True:
        try:
            d = c.recv(4096)
        except ConnectionError:
            return
        if not d:
            return
        with open(sys.argv[1], "a") as f:
            f.write(d.hex() + "\n")
        if len(d) == 12:
            c.sendall(d[:5] + b"\x05" + d[6:8] + b"\x02\x00\x07")
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 502))
s.listen()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()' "$TMP/came" &
PIDS+=($!)
wait_for 5 listening "$S" 502 || fail 'the server does not listen'
came() { grep -q "$1" "$TMP/came"; }
fw_start "$POLICY"
client_open cell "$C" -t 3000 $PLC
expect cell 'read holding 7 1' 'ok 7'
# Each of them in a session of its own that is known from its first PDU on.
for name in cut whole; do
	mkfifo "$TMP/$name.in"
	ip netns exec "$C" "$PY" $TOOLSRC/raw.py --timeout 3 $PLC <"$TMP/$name.in" >"$TMP/$name.out" &
	PIDS+=($!)
done
exec 8>"$TMP/cut.in" 9>"$TMP/whole.in"
for fd in 8 9; do echo 'pdu 1 0300280001' >&$fd; done
for name in cut whole; do wait_for 3 grep -q '^03020007' "$TMP/$name.out" || fail "$name: no answer to an allowed read"; done
# A write of 60..65, whose twelve octets of values are a whole read.
echo 'send 0009000000130110003c00060c' >&8
wait_for 3 came 0009000000130110003c00060c || fail 'the first part does not arrive'
kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
fw_start "$POLICY"
echo 'send 0aaa00000006010300280001' >&8
echo 'send 0bbb00000006010300280001' >&9
wait_for 5 came 0bbb00000006010300280001 || fail 'the session between two PDUs does not go on'
ok 'a whole PDU of a session of before passes'
echo 'wait 1' >&8
wait_for 5 grep -q reset "$TMP/cut.out" || fail "the session in the middle of a PDU is not reset: $(tail -n 1 "$TMP/cut.out")"
ok 'the session in the middle of a PDU is reset'
same 'P1: the rest of the write at the server' 0 "$(grep -c 0aaa "$TMP/came")"
expect cell 'read holding 9 1' 'ok 7'
ask cell connects
same 'a client'"'"'s session goes on' 'ok 1' "$SAID"
exec 8>&- 9>&-

# kept FILE OLD: the file that is kept, and whether it is another than OLD.
kept() { KEPT=$(stat -c %i "$RUN"/sessions/* 2>/dev/null); }
# again WHAT: stops, does WHAT, starts; the client's session goes on. The daemon's words are in $FWLOG.
again() {
	fw_stop
	"$@"
	fw_start "$POLICY"
	expect cell 'read holding 9 1' 'ok 7'
}
kept
WAS=$KEPT
again true
kept
same 'stopped and started: the same is kept' "$WAS" "$KEPT"
same 'and taken over: sessions picked up in the middle' 0 "$(status picked-up)"
same 'for root alone' "700 0 600 0" "$(stat -c '%a %u' "$RUN/sessions" "$RUN"/sessions/* | xargs)"
spoil() { printf '\377' | dd of="$(echo "$RUN"/sessions/*)" bs=1 seek="$1" conv=notrunc status=none; }
for at in 0:magic 4:version 8:size 24:layout; do
	kept
	WAS=$KEPT
	again spoil ${at%:*}
	kept
	[ -n "$KEPT" ] && [ "$KEPT" != "$WAS" ] || fail "kept with another ${at#*:}: taken over"
done
ok 'with another magic, version, size or layout: made anew'
# An engine gone bad says, while all run, that the guardian's ring and what is held are elsewhere: nobody looks there.
moved() {
	for at in 47 95; do spoil $at; done
	fw_reload --force >/dev/null || fail 'no reload when an engine says that the parts are elsewhere'
	kill -KILL "$(engine_pid)"
	wait_for 5 said_restart || fail "the guardian says nothing of an engine that was killed: $(cat "$FWLOG")"
	kill -0 "$FWPID" || fail "the guardian follows an engine that says that the parts are elsewhere: $(cat "$FWLOG")"
}
said_restart() { grep -q "ended (signal 9)" "$FWLOG"; }
moved
again true
ok 'parts that are said to be elsewhere: not looked for there'
noise() { dd if=/dev/urandom of="$(echo "$RUN"/sessions/*)" bs=1M seek=1 count=90 conv=notrunc status=none; }
again noise
same 'noise in place of flows: engines that died of it' 0 "$(status restarts)"
shorter() { truncate -s 1000000 "$RUN"/sessions/*; }
again shorter
ok 'too short: made anew'
elsewhere() {
	rm -r "$RUN/sessions"
	mkdir "$TMP/elsewhere"
	ln -s "$TMP/elsewhere" "$RUN/sessions"
}
again elsewhere
grep -q 'sessions: .*: what is known of sessions ends' "$FWLOG" || fail "a link in its place is not said: $(cat "$FWLOG")"
same 'a link in its place: not followed' 0 "$(find "$TMP/elsewhere" -mindepth 1 | wc -l)"
somebodys() {
	rm "$RUN/sessions"
	mkdir "$RUN/sessions"
	chown 65534 "$RUN/sessions"
}
again somebodys
grep -q 'others than root may write there: what is known of sessions ends' "$FWLOG" || fail "somebody else's directory in its place is not said: $(cat "$FWLOG")"
same "somebody else's directory in its place: not used" 0 "$(find "$RUN/sessions" -mindepth 1 | wc -l)"
full() {
	rmdir "$RUN/sessions"
	fallocate -l $(($(df --output=avail -k "$TMP" | tail -n 1) - 100000))k "$TMP/full"
}
again full
grep -q 'No space left on device: what is known of sessions ends' "$FWLOG" || fail "a full file system is not said: $(cat "$FWLOG")"
same 'a full file system: nothing is left half made' 0 "$(find "$RUN/sessions" -mindepth 1 | wc -l)"
room() { rm "$TMP/full"; }
again room
in_use() { exec 7<"$(echo "$RUN"/sessions/*)" && flock 7; }
again in_use
grep -q 'is in use: what is known of sessions ends' "$FWLOG" || fail "a lock on it is not said: $(cat "$FWLOG")"
same 'in use by somebody: left to no later guardian' 0 "$(find "$RUN/sessions" -mindepth 1 | wc -l)"
exec 7<&-
fw_stop
in_f "$B/otfwd" --remove --run-dir "$RUN" || fail 'otfwd --remove fails'
same 'removed: what is kept of sessions' 0 "$(find "$RUN" -name sessions | wc -l)"
