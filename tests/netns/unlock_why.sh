#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A denial's id in its event, and what `otfwctl why` makes of it: who, what, which check of which rule fails in the policy in force. The same denial
# again has the same id; a restart of recorder and daemon keeps it.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
fw_start tests/netns/policy.yaml
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
client_open hmi "$C" -t 1500 $PLC
events_mark
expect hmi 'write register 60 5' reset
e=$(event '"reason":"address"') || fail 'no event'
id=$(field "$e" id)
same 'the id in the event' '[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]' "$id"
says() { same "$1" "$2" "$(ctl why "$id" | tr '\n' '|')"; }
says 'why: what it was' "$id: denied *|client hmi, server plc; *|hmi -> plc:502 modbus request unit 1 write-single-register holding 60 = 5|*"
says 'why: what would allow it' '*in `allow` of conduit control:|      - {id: from-*60*'
says 'why: what the policy in force says' '*rule by rule:|*control/set: address: holding 60 is not inside 40..49 of rule control/set|*'
same 'why --json' '{"ok":true,*"explain":{"operation":*"reason":"address",*}' "$(ctl why "${id,,}" --json)"
same 'it is JSON' "$id 1 deny" "$(ctl why "$id" --json | "$PY" -c 'import json, sys; o = json.load(sys.stdin); print(o["id"], o["times"], o["explain"]["verdict"])')"
ctl why 000000 >"$TMP/out" 2>&1
same 'an id that nobody has: exit status' 2 $?

expect hmi 'write register 60 5' reset
expect hmi 'write register 61 5' reset
ids() { events_new | grep -o '"id":"[^"]*"' | sort -u; }
two() { [ "$(ids | wc -l)" -eq 2 ]; }
wait_for 3 two || fail "ids of two different denials, one of them twice: $(ids)"
ok 'the same denial has the same id, another has another'
kill -KILL "$(recorder_pid)"
wait_for 5 fw_status || fail 'no recorder comes back'
says 'a recorder killed: the id is still known' "$id: denied *, 2 times, last *"
fw_stop
fw_start tests/netns/policy.yaml
says 'the daemon started anew' "$id: denied *, 2 times, last *"
fw_stop
