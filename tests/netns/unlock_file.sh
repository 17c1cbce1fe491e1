#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A rule with `unlock` and a DNP3 file transfer: what was begun while it was unlocked goes on behind its end, block by block, until the file is closed. Nothing
# else that the rule allows goes on with it, and no other file is opened.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dnp3.inc"
plant_up
outstation_start
cat >"$TMP/policy.yaml" <<'END'
version: 1
site: {name: maintenance}
zones:
  control-room: {level: 3, networks: ["10.10.1.0/24"], failure: closed}
  cell: {level: 2, networks: ["10.10.2.0/24"], failure: closed}
hosts: {scada: 10.10.1.2, rtu: 10.10.2.2}
conduits:
  - name: telecontrol
    from: [control-room]
    to: cell
    servers: [rtu]
    protocols: [dnp3]
    at-most: [read, write, session]
    allow:
      - {id: poll, clients: any, protocol: dnp3, outstations: [10], masters: [1], functions: [confirm, read], addresses: {binary-input: [0..99]}, objects: any}
      - {id: files, clients: [scada], protocol: dnp3, outstations: [10], masters: [1], functions: [open-file, read, write, close-file, abort-file],
         addresses: {file: any, iin: any}, objects: any, values: any, files: any, file-modes: any, unlock: {max: 1h, approvals: 1}}
END
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
OPEN='app 1946035b0124001a000a00000000000000ff0100000000ffffffff0200000201002f6366672f612e786d6c'
# block N: writes it; the handle is the one that this outstation gives.
block() { echo "app 0246055b010c00efbeadde0${1}00000001020304"; }
CLOSE='app 1a46045b010d00efbeadde000000000000010000' IIN='app 02500100070700'
# A master whose session is kept until it is reset; says WHAT COMMAND PATTERN: what it answers.
mkfifo "$TMP/in" "$TMP/out.fifo"
ip netns exec "$C" $PY $PEER master --timeout 3 $PLC <"$TMP/in" >"$TMP/out.fifo" 2>/dev/null &
PIDS+=($!)
exec {IN}>"$TMP/in" {OUT}<"$TMP/out.fifo"
says() {
	printf '%s\n' "$2" >&$IN
	read -r -t 10 SAID <&$OUT || SAID=nothing
	same "$1" "$3" "$SAID"
}
unlocked() { ctl unlock telecontrol/files --for 60s --reason 'new settings' >"$TMP/out" 2>&1 || fail "unlock: $(cat "$TMP/out")"; }
ended() { ctl unlock telecontrol/files --end >"$TMP/out" 2>&1 || fail "unlock --end: $(cat "$TMP/out")"; }
events_mark
says 'locked: a file is not opened' "$OPEN" reset
denied '  because' locked 'rule telecontrol/files is locked*'
unlocked
says 'unlocked: a file is opened' "$OPEN" '000046045b010d00efbeadde*'
says '  a block is written' "$(block 0)" '000046065b01*'
says '  and what else the rule allows' "$IIN" '0000*'
ended
says 'locked again: the next block is written' "$(block 1)" '000046065b01*'
says '  and the one behind it' "$(block 2)" '000046065b01*'
says '  the file is closed' "$CLOSE" '0000*'
events_mark
says '  and then no block is written' "$(block 3)" reset
denied '  because' state 'file-handle *'
unlocked
says 'unlocked once more: a file is opened' "$OPEN" '000046045b010d00efbeadde*'
ended
says '  its block, while it is locked' "$(block 4)" '000046065b01*'
events_mark
says '  but nothing else of the rule' "$IIN" reset
denied '  because' locked 'rule telecontrol/files is locked*'
says 'no file is opened any more' "$OPEN" reset
same 'blocks that reached the outstation' 4 "$(awk '$2 == 2 && $3 ~ /^4605/' "$TMP/rtu.log" | wc -l)"
same 'files that it opened' 2 "$(reached 25)"
fw_stop
