#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A rule with `unlock`: locked, it allows nothing and `why` says what would open it; one person asks, the same one cannot approve, another one does (people are
# told apart by their login, /proc/PID/loginuid); warnings; its end, at which a block download that is on its way finishes and no new one begins.
. "$(dirname "$0")/lib.sh"
plant_up
"$PY" -c 'open("/proc/self/loginuid", "w").write("1001")' 2>/dev/null || skip 'logins cannot be set here (/proc/PID/loginuid)'
bg in_s "$PY" tests/netns/s7_plc.py $PLC "$TMP/plc.log" 10 0.25
wait_for 5 listening "$S" 102 || fail 'the controller does not listen'
cat >"$TMP/policy.yaml" <<'END'
version: 1
site: {name: maintenance}
zones:
  control-room: {level: 3, networks: ["10.10.1.0/24"], failure: closed}
  cell: {level: 2, networks: ["10.10.2.0/24"], failure: closed}
hosts: {hmi: 10.10.1.2, ews: 10.10.1.20, plc: 10.10.2.2}
conduits:
  - name: prog
    from: [control-room]
    to: cell
    servers: [plc]
    protocols: [s7comm]
    at-most: [read, program]
    allow:
      - {id: view, clients: any, protocol: s7comm, functions: [connect, disconnect, setup-communication, read-var], addresses: {db: any},
         calling-tsaps: any, connection-kinds: any, racks: any, slots: any}
      - {id: load, clients: [ews], protocol: s7comm, functions: [download, insert-block], addresses: {block: any}, block-types: any,
         unlock: {max: 1h, approvals: 2}}
      - {id: stop, clients: [ews], protocol: s7comm, functions: [plc-stop], unlock: {max: 1h, approvals: 1}}
END
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
# as LOGIN COMMAND...: its output in $OUT, its exit status as it is.
as() {
	local login=$1
	shift
	OUT=$("$PY" -c 'import os, sys
open("/proc/self/loginuid", "w").write(sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])' "$login" "$B/otfwctl" "$@" --run-dir "$RUN" 2>&1)
}
# says WHAT STATUS PATTERN LOGIN COMMAND...
says() {
	local what=$1 want=$2 pattern=$3
	shift 3
	as "$@"
	same "$what: exit status" "$want" $?
	same '  and says' "$pattern" "$OUT"
}
drive() { local from=$1; shift; printf '%s\n' "$@" | in_c "$PY" tests/netns/s7_client.py --from "$from" $PLC | cut -d' ' -f2-; }
reached() { grep -c "^$1" "$TMP/plc.log"; }
same 'reading' 'ok 0001' "$(drive $EWS 'read db 1 0 2')"
events_mark
same 'locked: a download' reset "$(drive $EWS 'download 0A00001P' | tail -n 1)"
denied '  because' locked 'rule prog/load is locked: `otfwctl unlock prog/load`*by 2 people'
same 'why' '*prog/load: locked: rule prog/load is locked*' "$(ctl why "$(field "$(event '"reason":"locked"')" id)" | tr '\n' '|')"

says 'too long' 1 '*from 1 s to the 3600 s*' 1001 unlock prog/load --for 2h --reason 'new recipe'
says 'not a rule that can be unlocked' 1 '*no such rule with `unlock`*' 1001 unlock prog/view --for 60s --reason 'x'
says 'approved before anybody asked' 1 '*nobody has asked*' 1002 approve prog/load
says 'the first person' 0 '*takes 1 more*' 1001 unlock prog/load --for 12s --reason 'new recipe' --ticket M-7
same 'status' '*rule prog/load: waits for approval*new recipe*' "$(ctl status | tr '\n' ' ')"
same 'still locked' reset "$(drive $EWS 'download 0A00001P' | tail -n 1)"
says 'the same person again' 1 '*another person must*' 1001 approve prog/load
start=$(now_ms)
says 'the second person' 0 '*unlocked for 12 s*' 1002 approve prog/load
same 'status' '*rule prog/load: UNLOCKED until*' "$(ctl status | tr '\n' ' ')"
same 'a download' 'ok*' "$(drive $EWS 'download 0A00001P' | tail -n 1)"
same 'what else needs a key of its own' reset "$(drive $EWS stop | tail -n 1)"
events_mark
: >"$TMP/plc.log"
# Begun before the end, with a part every 0.25 s, it lasts beyond it; what the client asks for then is a new job.
sleep "$(awk "BEGIN { s = 10 - ($(now_ms) - $start) / 1000; print (s > 0 ? s : 0) }")"
printf 'download 0A00002P\ndownload 0A00003P\n' | in_c "$PY" tests/netns/s7_client.py --from $EWS $PLC >"$TMP/late" &
PIDS+=($!)
event 'unlock of prog/load ends in' 5 >/dev/null || fail 'no warning before the end'
event 'unlock of prog/load ended: its time is over; running jobs may finish' 15 >/dev/null || fail 'it does not end'
below "ms until it ended" 14500 $(($(now_ms) - start))
same 'a new download from elsewhere' reset "$(drive $EWS 'download 0A00004P' | tail -n 1)"
wait "${PIDS[-1]}" || fail 'the client ends badly'
same 'the running download, its block put in place, and a new one' 'ok;reset' "$(cut -d' ' -f2- "$TMP/late" | paste -sd';')"
same 'parts, blocks put in place, blocks of new downloads that the controller saw' '10 1 0' "$(reached part) $(reached 'service _INSE') $(reached 'download .*0000[34]')"

says 'one person is enough where the rule says so' 0 '*unlocked for 60 s*' 1001 unlock prog/stop --for 60s --reason 'stop it'
same 'a stop' 'ok*' "$(drive $EWS stop | tail -n 1)"
says 'ended early' 0 '*it is locked again*' 1001 unlock prog/stop --end
same 'locked again' reset "$(drive $EWS stop | tail -n 1)"
same 'audit events name both people' 2 "$(grep -c '"event":"audit".*unlock of prog/load.*login 100[12]: new recipe\|"event":"audit".*approved by uid 0, login 1002' "$EVENTS")"
fw_stop
