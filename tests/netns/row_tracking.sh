#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "connection tracking table full": the kernel drops what would open a session, in either kind of zone, and counts it; there is an alarm
# before. Sessions that are there go on, inspected; the safety lane is not tracked and not concerned. When there is room again, so it is said.
. "$(dirname "$0")/rows.inc"
need_tools "$TOOLS/ct_fill"
rows_plant
fw_start $POLICY
for c in "cell $PLC" "line $PACKER"; do
	client_open "${c% *}" "$C" -t 1500 "${c#* }"
	expect "${c% *}" 'read holding 7 1' 'ok 7'
done
tracking() { fw_status | "$PY" -c 'import json, sys; print(json.load(sys.stdin)["connection-tracking"][sys.argv[1]])' "$1"; }
limit=$(tracking limit)
same 'not full: near-full' False "$(tracking near-full)"
events_mark
in_f "$TOOLS/ct_fill" -n $((limit * 85 / 100)) >"$TMP/filled" || skip 'this kernel takes no entries of connection tracking from outside'
e=$(event 'connection tracking is [0-9]* % full') || fail 'no alarm before it is full'
same 'the alarm before it is full' alert "$(field "$e" event)"
same 'still room: a new session' 'ok 1' "$(tcp $PLC 502)"
# To the last place, and again what has come free meanwhile.
next=$((limit * 85 / 100))
top_up() { while in_f "$TOOLS/ct_fill" -f $next >>"$TMP/filled" 2>/dev/null; do next=$((next + $(awk 'END { print $2 }' "$TMP/filled"))); done; }
top_up
echo "      sessions of nobody: $(awk '{ n += $2 } END { print n }' "$TMP/filled"), entries now: $(tracking entries) of $limit"

for z in "closed zone:$PLC 502" "open zone:$PACKER 502" "kernel lane:$PLC 8080"; do
	top_up
	same "${z%:*}: a new session" 'connect:*' "$(tcp ${z#*:})"
done
e=$(event 'connection tracking dropped packets' 12) || fail 'no alarm about what was dropped'
more 'dropped, says the alarm' 1 "$(field "$e" count)"
counted_all() { [ "$(tracking tracking-dropped)" -ge 3 ]; }
wait_for 3 counted_all
more 'dropped, says status' 3 "$(tracking tracking-dropped)"
for c in cell line; do
	expect $c 'read holding 8 1' 'ok 8'
	ask $c connects
	same "$c: the session that is there goes on" 'ok 1' "$SAID"
done
safety 'with a full table' 300
ledger 'with a full table'

# Room again; what was there is found in the middle, and goes on.
events_mark
in_f "$TOOLS/ct_fill" -x || fail 'it cannot be emptied'
event 'connection tracking has room again' >/dev/null || fail 'nobody says that there is room again'
same 'room again: a new session' 'ok 1' "$(tcp $PLC 502)"
for c in cell line; do
	expect $c 'read holding 9 1' 'ok 9'
	events_mark
	expect $c 'write register 5 7' reset
	denied "$c: inspected all the while" function
done
ledger 'room again'
fw_stop
