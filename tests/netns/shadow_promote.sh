#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A conduit's way from shadow to enforce: what the checklist asks and what it says while it does not hold, and the step itself, which is a commit that
# must be confirmed. Its neighbour and a session through it are let alone.
. "$(dirname "$0")/lib.sh"
plant_up
ip -n "$S" addr add 10.10.2.3/24 dev eth0
server_start
cp tests/netns/shadow.yaml "$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
# promote STATUS ARGS...: its output in $TMP/out
promote() {
	local want=$1
	shift
	ctl promote "$@" --policy "$TMP/policy.yaml" >"$TMP/out" 2>&1
	local got=$?
	[ $got -eq "$want" ] || fail "promote $*: exit status $got, not $want: $(cat "$TMP/out")"
}
says() { grep -q -- "$2" "$TMP/out" && ok "$1" || fail "$1: '$2' is not in: $(cat "$TMP/out")"; }
client_open hmi "$C" -t 1500 $PLC
client_open two "$C" -t 1500 10.10.2.3
expect hmi 'write register 45 5' ok

promote 1 control
says 'what enforces cannot be promoted' 'control enforces already'
promote 1 nosuch
says 'no such conduit' 'there is no conduit nosuch'
promote 1 watch
says 'a week in shadow is wanted' '\[ \] no would-be denial: in shadow for 0.0 days without one; 7 days are wanted'
says 'rules that were never used are named' '\[ \] every rule was used: never used: view, set'
says 'nothing is done then' 'not promoted: the checklist does not hold'
promote 2 watch --force
says '--force alone is not enough' '--force needs a --reason'

# It is used; something that no rule allows comes by.
expect two 'read holding 0 4' 'ok *'
expect two 'write register 45 5' ok
expect two 'write register 60 5' ok
counted() { ctl promote watch --check --policy "$TMP/policy.yaml" | grep -q '1 would-be denials, the last 0.0 days ago'; }
wait_for 5 counted || fail "the would-be denial is not counted: $(ctl promote watch --check --policy "$TMP/policy.yaml")"
ok 'a would-be denial is counted'
promote 1 watch --check --json
same 'as JSON' 'watch shadow enforce False False True True' "$("$PY" -c '
import json, sys
o = json.loads(sys.stdin.readline())
print(o["conduit"], o["from"], o["to"], o["holds"], *[c["holds"] for c in o["checks"]])' <"$TMP/out")"
# The recorder's own end changes nothing of what it knows.
sleep 1.2
kill -KILL "$(recorder_pid)"
wait_for 5 fw_status || fail 'no recorder comes back'
wait_for 5 counted || fail "a restart of the recorder forgot or counted twice: $(ctl promote watch --check --policy "$TMP/policy.yaml")"
ok 'a restart of the recorder neither forgets nor counts twice'

# What a person has yet to look at.
sed '/name: watch/a\    # - {id: new, values: REVIEW  # seen 1..2}' tests/netns/shadow.yaml >"$TMP/policy.yaml"
promote 1 watch --check --shadow-days 0
says 'what a person has to look at' '\[ \] nothing left to review: 1 lines say REVIEW'
cp tests/netns/shadow.yaml "$TMP/policy.yaml"
sed 's/0..1000/0..999/' tests/netns/shadow.yaml >"$TMP/other.yaml"
ctl promote watch --policy "$TMP/other.yaml" >"$TMP/out" 2>&1
same 'a file that is not the policy in force: exit status' 1 $?
says 'and why' 'is not the policy in force'

promote 0 watch --shadow-days 0 --confirm 1min
says 'the checklist holds' '\[x\] every rule was used'
says 'what to write into the file' 'policy.yaml:.*: mode: enforce'
mode() { fw_status | tr -d '\n' | sed 's/.*"name":"watch"\([^}]*\)}.*/\1/' | grep -o '"mode":"[a-z]*"'; }
enforces() { [ "$(mode)" = '"mode":"enforce"' ]; }
wait_for 5 enforces || fail "watch does not enforce: $(mode)"
ok 'watch enforces'
ctl confirm >/dev/null || fail 'confirm'
expect two 'read holding 0 4' 'ok *'
events_mark
expect two 'write register 60 5' reset
denied 'what shadow reported is denied now' address 'holding 60 is not inside 40..49 of rule watch/set'
expect hmi 'write register 45 6' ok
promote 1 watch
ctl history >"$TMP/out"
says 'the history says why' 'promote watch to enforce'
fw_stop
