#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A conduit's way from shadow to enforce: what the checklist asks and what it says while it does not hold, and the step itself, which is a commit that
# must be confirmed. Its neighbour and a session through it are let alone.
. "$(dirname "$0")/lib.sh"
plant_up
ip -n "$S" addr add 10.10.2.3/24 dev eth0
server_start
# Beside that, in the conduit that is promoted, a rule that is off until somebody unlocks it.
late='      - {id: late, rare: true, clients: any, protocol: modbus, units: [1], functions: [write-single-register], addresses: {holding: [49]}, values: 4001, unlock: {max: 1h, approvals: 1}}'
{ cat tests/netns/shadow.yaml; echo "$late"; } >"$TMP/shadow.yaml"
cp "$TMP/shadow.yaml" "$TMP/policy.yaml"
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
sed '/name: watch/a\    # - {id: new, values: REVIEW  # seen 1..2}' "$TMP/shadow.yaml" >"$TMP/policy.yaml"
promote 1 watch --check --shadow-days 0
says 'what a person has to look at' '\[ \] nothing left to review: 1 lines say REVIEW'
cp "$TMP/shadow.yaml" "$TMP/policy.yaml"
sed 's/0..1000/0..999/' "$TMP/shadow.yaml" >"$TMP/other.yaml"
ctl promote watch --policy "$TMP/other.yaml" >"$TMP/out" 2>&1
same 'a file that is not the policy in force: exit status' 1 $?
says 'and why' 'is not the policy in force'

# The file as people write it: with a comment behind the mode, not for everybody, and by a link from where the daemon looks.
sed '/name: watch/,$ s/mode: shadow/mode: shadow  # since May, "shadow" first/' "$TMP/shadow.yaml" >"$TMP/real.yaml"
chmod 640 "$TMP/real.yaml"
chown 1:1 "$TMP/real.yaml"
cp -p "$TMP/real.yaml" "$TMP/before.yaml"
ln -sf real.yaml "$TMP/policy.yaml"
same 'status: the file is the policy' 0 "$(ctl status | grep -c 'THE FILE')"
mode() { fw_status | tr -d '\n' | sed 's/.*"name":"watch"\([^}]*\)}.*/\1/' | grep -o '"mode":"[a-z]*"'; }
enforces() { [ "$(mode)" = '"mode":"enforce"' ]; }
watches() { [ "$(mode)" = '"mode":"shadow"' ]; }

# Not confirmed: all is as before, the file too.
promote 0 watch --shadow-days 0 --confirm 4s
says 'the checklist holds' '\[x\] every rule was used'
says 'what confirm will do' '`otfwctl confirm` keeps it and writes it into the file: .*policy.yaml:.*: mode: enforce'
wait_for 5 enforces || fail "watch does not enforce: $(mode)"
promote 1 watch --shadow-days 0
says 'a trial is under way' 'is on trial: confirm it or roll it back first\|is not the policy in force'
over() { watches && fw_status | grep -q '"trial":null'; }
wait_for 10 over || fail "a promotion that is not confirmed does not end: $(mode)"
same 'not confirmed: the file is the policy' 0 "$(ctl status | grep -c 'THE FILE')"
expect two 'write register 60 5' ok

# While something is permitted and something unlocked, in both conduits.
events_mark
expect hmi 'write register 60 7' reset
id=$(field "$(event '"reason":"address"')" id)
client_close hmi
client_open hmi "$C" -t 1500 $PLC
ctl permit "$id" --for 1h --reason 'while it is promoted' >"$TMP/said" 2>&1 || fail "permit: $(cat "$TMP/said")"
ctl unlock watch/late --for 1h --reason 'while it is promoted' >"$TMP/said" 2>&1 || fail "unlock: $(cat "$TMP/said")"
expect hmi 'write register 60 7' ok
promote 0 watch --shadow-days 0 --confirm 1min
wait_for 5 enforces || fail "watch does not enforce: $(mode)"
ok 'promoted while something is lent: watch enforces'
expect hmi 'write register 60 7' ok
expect two 'write register 49 4001' ok
ok 'what is lent goes on'
# A reload before confirm would take it back.
fw_reload >"$TMP/said" 2>&1
same 'a reload that would take it back: exit status' 1 $?
grep -q 'would take conduit watch from enforce back to shadow, and policy [0-9]*, in force, was committed: `otfwctl reload --force` does it' "$TMP/said" || fail "it says: $(cat "$TMP/said")"
enforces || fail 'it is taken back all the same'
ok 'it is refused, and said how it is done'
ctl confirm >"$TMP/out" 2>&1 || fail "confirm: $(cat "$TMP/out")"
says 'confirm writes the file' 'policy.yaml:[0-9]*: the file now says `mode: enforce` too'
sed '/name: watch/,$ s/mode: shadow/mode: enforce/' "$TMP/before.yaml" | cmp - "$TMP/real.yaml" || fail 'more than one word has changed, or none'
ok 'one word of it, comments and all else as they were'
same 'its mode and owner, and the link to it' '640 1:1 real.yaml' "$(stat -c '%a %u:%g' "$TMP/real.yaml") $(readlink "$TMP/policy.yaml")"
same 'status: the file is the policy' 0 "$(ctl status | grep -c 'THE FILE')"
fw_reload >/dev/null 2>&1 || fail 'a reload of the file'
enforces || fail 'a reload takes it back'
expect hmi 'write register 60 7' ok
ok 'a reload leaves it promoted'
ctl permit "$id" --end >/dev/null && ctl unlock watch/late --end >/dev/null || fail 'cannot end what is lent'
expect two 'read holding 0 4' 'ok *'
events_mark
expect two 'write register 60 5' reset
denied 'what shadow reported is denied now' address 'holding 60 is not inside 40..49 of rule watch/set'
expect hmi 'write register 45 6' ok
promote 1 watch
ctl history >"$TMP/out"
says 'the history says why' 'promote watch to enforce'

# Changed by somebody meanwhile: their file is let alone, and it is said what to write.
sed 's/mode: enforce/mode: shadow/' "$TMP/real.yaml" >"$TMP/next.yaml" && cat "$TMP/next.yaml" >"$TMP/real.yaml"
fw_reload >/dev/null 2>&1 || fail 'back to shadow by the file, behind which nothing was committed'
client_close two
client_open two "$C" -t 1500 10.10.2.3
expect two 'read holding 0 4' 'ok *'
expect two 'write register 45 5' ok
promote 0 watch --shadow-days 0 --confirm 1min
sed -i 's/0\.\.1000/0..900/' "$TMP/real.yaml"
cp "$TMP/real.yaml" "$TMP/before.yaml"
ctl confirm >"$TMP/out" 2>&1 || fail "confirm: $(cat "$TMP/out")"
says 'a file that was changed meanwhile is not written' 'policy.yaml was changed meanwhile, and is not written'
says 'what to write there' 'write `mode: enforce` for conduit watch there'
cmp "$TMP/before.yaml" "$TMP/real.yaml" || fail 'the file was written'
same 'status says so' 1 "$(ctl status | grep -c 'THE FILE DIFFERS')"
fw_reload >"$TMP/said" 2>&1 && fail 'a reload takes it back'
kill -HUP "$FWPID"
wait_for 5 grep -q 'reload: it would take conduit watch' "$FWLOG" || fail 'SIGHUP: nothing is said'
enforces || fail 'SIGHUP takes it back'
fw_reload --force >"$TMP/said" 2>&1 || fail "reload --force: $(cat "$TMP/said")"
watches || fail 'reload --force does not take the file'
ok 'a reload, and SIGHUP, do not take it back; reload --force does'

# Where the file has the step already, and its neighbour was changed: the one word that differs is not the conduit's.
sed -i '/name: control/,/name: watch/ s/mode: shadow/mode: enforce/' "$TMP/real.yaml"
fw_reload >"$TMP/said" 2>&1 || fail "reload: $(cat "$TMP/said")"
promote 0 watch --shadow-days 0 --confirm 1min
sed -i 's/mode: enforce/mode: learn/; s/mode: shadow/mode: enforce/; s/mode: learn/mode: shadow/' "$TMP/real.yaml"
cp "$TMP/real.yaml" "$TMP/next.yaml"
grep -q 'mode: shadow' "$TMP/real.yaml" && grep -q 'mode: enforce' "$TMP/real.yaml" || fail 'the file is not as it is meant'
ctl confirm >"$TMP/out" 2>&1 || fail "confirm: $(cat "$TMP/out")"
says "a neighbour's mode is not written" 'policy.yaml was changed meanwhile, and is not written'
cmp "$TMP/next.yaml" "$TMP/real.yaml" || fail 'the file was written'
cat "$TMP/before.yaml" >"$TMP/real.yaml"
fw_reload --force >"$TMP/said" 2>&1 || fail "reload --force: $(cat "$TMP/said")"
watches || fail 'reload --force does not take the file'

# Where files are somebody else's: told only.
promote 0 watch --shadow-days 0 --confirm 1min
cp "$TMP/real.yaml" "$TMP/before.yaml"
ctl confirm --leave-file >"$TMP/out" 2>&1 || fail "confirm --leave-file: $(cat "$TMP/out")"
says 'confirm --leave-file: which line' 'policy.yaml:[0-9]*: not written, as told'
cmp "$TMP/before.yaml" "$TMP/real.yaml" || fail 'the file was written'
enforces || fail 'it is not promoted'
fw_stop
