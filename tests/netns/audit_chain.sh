#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The audit chain of a running firewall: who isolates, overrides and releases, refusals, and an override that ends by itself, each once; and what each
# rule allowed. The recorder is killed in the middle of a burst of commands, again and again: the chain holds, and nothing is in it twice.
. "$(dirname "$0")/lib.sh"
need_root
plant_up
server_start
cp tests/netns/policy.yaml "$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
recorder_up() { fw_status >/dev/null 2>&1; }
holds() { ctl audit verify --events "$EVENTS" >"$TMP/out" 2>&1; }
ZONE=$(fw_status | tr -d '\n' | sed -n 's/.*"zones":\[{"name":"\([^"]*\)".*/\1/p')

ctl isolate "$ZONE" --reason 'a "worm" <b>' >/dev/null || fail 'isolate'
ctl release "$ZONE" --reason 'gone' >/dev/null || fail 'release'
ctl release "$ZONE" --reason 'again' >/dev/null && fail 'a second release is not refused'
ctl override "$ZONE" --for 1s --reason 'a moment' >/dev/null || fail 'override'
ended() { ctl audit export | grep -q 'its time is over'; }
wait_for 10 ended || fail 'the end of an override that nobody asked for is no record'
holds || fail "the chain: $(cat "$TMP/out")"
ok "$(cat "$TMP/out")"
same 'who, what and why' '*"action":"isolate","uid":0,*"refused":false,"object":"'"$ZONE"'","reason":"a ?"worm?" <b>"*' "$(ctl audit export | grep '"isolate"')"
same 'a refusal' '*"action":"release"*"refused":true*' "$(ctl audit export | grep '"refused":true')"
same 'nobody asked for the end' '*"action":"override-end","uid":null*' "$(ctl audit export | grep 'its time is over')"

# Loads of the file: what they changed is in the record, by operations, and in the event log all but that.
record() { ctl audit export | grep "$1" | tail -n 1; }
member() { "$PY" -c 'import json, sys; o = json.loads(sys.argv[1])
for k in sys.argv[2:]: print(o.get(k, "none"))' "$@" | tr '\n' '|'; }
digest() { "$B/otfwctl" check "$1" 2>/dev/null | tail -n 1; }
WAS=$(digest "$TMP/policy.yaml")
same 'the start' "None|None|$WAS|the policy of $TMP/policy.yaml|None|" "$(member "$(record '"action":"start"')" uid before after detail diff)"
sed -e 's/values: 0..1000/values: 0..900/' tests/netns/policy.yaml >"$TMP/policy.yaml"
NEXT=$(digest "$TMP/policy.yaml")
fw_reload >/dev/null || fail 'reload'
same 'a reload: who, and the policies before and after' "0|False|$WAS|$NEXT|0|0|" "$(member "$(record '"action":"reload"')" uid refused before after becomes-allowed diff-left-out)"
same '  what it changed' 'control/set: *becomes denied*' "$(member "$(record '"action":"reload"')" diff)"
same '  the event log: action, user and digests as fields' "reload|0|None|$WAS|$NEXT|none|" "$(member "$(grep '"event":"audit","zone".*"action":"reload"' "$EVENTS" | tail -n 1)" action uid reason before after diff)"
echo 'nonsense: [' >>"$TMP/policy.yaml"
fw_reload >/dev/null 2>&1 && fail 'nonsense is loaded'
same 'a reload that is refused' "0|True|$NEXT|$NEXT|None|" "$(member "$(record '"action":"reload"')" uid refused before after diff)"
cp tests/netns/policy.yaml "$TMP/policy.yaml"
kill -KILL "$(recorder_pid)" # a recorder that was not there has the policies all the same
kill -HUP "$FWPID"
reloaded() { record '"action":"reload"' | grep -q '"uid":null.*becomes allowed'; }
wait_for 10 reloaded || fail "a reload by SIGHUP while the recorder restarts: $(record '"action":"reload"')"
ok 'a reload by SIGHUP while the recorder restarts: nobody asked, and what it changed'

# A burst, and kill -9 in the middle of it.
burst() {
	local i
	for ((i = 0; i < 30; i++)); do
		wait_for 10 recorder_up || return # else most of them would find nobody
		ctl isolate "$ZONE" --reason "burst $i" && echo "$i" >>"$TMP/answered"
		ctl release "$ZONE" --reason "burst $i"
	done >/dev/null 2>&1
}
: >"$TMP/answered"
burst &
b=$!
PIDS+=($b)
kills=0
# A recorder that dies young is started again after up to a second.
while kill -0 $b 2>/dev/null && [ $kills -lt 8 ]; do
	p=$(recorder_pid)
	[ -n "$p" ] && recorder_up && sleep "0.0$((RANDOM % 10))" && kill -KILL "$p" 2>/dev/null && kills=$((kills + 1))
	sleep 0.05
done
wait $b
wait_for 10 recorder_up || fail 'the recorder is not back within 10 s'
[ $kills -ge 3 ] || fail "the recorder was killed $kills times only"
holds || fail "the chain after $kills kills: $(cat "$TMP/out")"
ok "the recorder was killed $kills times: $(cat "$TMP/out")"
ctl audit export >"$TMP/lines"
twice=$(grep -o '"ts":[0-9.]*,"action":"isolate".*"reason":"burst [0-9]*"' "$TMP/lines" | sort | uniq -d | wc -l)
same 'records that are there twice' 0 "$twice"
# What had an answer is in force, and its event was in the ring: whoever reads it next makes it a record.
missing=0
while read -r i; do grep -q "\"action\":\"isolate\".*\"reason\":\"burst $i\"" "$TMP/lines" || missing=$((missing + 1)); done <"$TMP/answered"
same "of $(wc -l <"$TMP/answered") that were answered without a record" 0 "$missing"

# A tail that is cut off while nobody looks.
p=$(recorder_pid)
DBFILE=$TMP/state/recorder/audit.db
cp "$DBFILE" "$TMP/cut.db"
[ -e "$DBFILE-wal" ] && cp "$DBFILE-wal" "$TMP/cut.db-wal"
"$B/otfwctl" audit verify --db "$TMP/cut.db" --events "$EVENTS" >"$TMP/out" || fail "a copy of the file: $(cat "$TMP/out")"
"$PY" -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("DELETE FROM record WHERE n > (SELECT max(n) - 5 FROM record)"); d.commit()' "$TMP/cut.db"
"$B/otfwctl" audit verify --db "$TMP/cut.db" >/dev/null || fail 'a chain that was cut holds in itself'
"$B/otfwctl" audit verify --db "$TMP/cut.db" --events "$EVENTS" >"$TMP/out"
same 'a tail that was cut off, against the event log' 1 $?
same 'it says' 'record* missing at the end: the event log knows *' "$(head -n 1 "$TMP/out")"

# The burst may have ended in the middle of an isolation.
released() { ctl release "$ZONE" --reason 'after the burst' 2>&1 | grep -q 'not isolated'; }
wait_for 10 released || fail 'the zone stays isolated'

# What rules have allowed, over kills and a restart of the daemon.
client_open hmi "$C" $PLC
ask hmi 'read holding 0 2'
for _ in 1 2 3 4; do ask hmi 'read holding 0 2'; done
same 'a read that is allowed' 'ok*' "$SAID"
used() { ctl rules --json | grep -o '"total":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'; }
before=$(used)
[ "$before" -ge 5 ] || fail "rules have allowed $before operations"
ok "rules have allowed $before operations: $(ctl rules | grep -v never | head -n 1)"
p=$(recorder_pid)
kill -KILL "$p"
wait_for 10 recorder_up || fail 'the recorder is not back'
same 'the same after the recorder was killed' "$before" "$(used)"
p=$(engine_pid)
kill -KILL "$p"
wait_for 10 fw_ready || fail 'no engine is back'
ask hmi 'read holding 0 2'
same 'the engine was killed: one more' $((before + 1)) "$(used)"
fw_reload >/dev/null || fail 'reload'
ask hmi 'read holding 0 2'
same 'a reload: one more' $((before + 2)) "$(used)"
client_close hmi
fw_stop
fw_start "$TMP/policy.yaml"
same 'a restart of the daemon' $((before + 2)) "$(used)"
holds || fail "the chain after the restart: $(cat "$TMP/out")"
ok "$(cat "$TMP/out")"

# One page about this firewall.
ctl evidence --out "$TMP/evidence" --policy tests/netns/policy.yaml --record-dir "$TMP" --events "$EVENTS" >"$TMP/out" 2>&1
same 'evidence: exit status' 0 $?
for text in 'The ledger balances:' 'The chain holds:' 'It was held against the event log as well' 'the same:</span>' 'There is no record of a proof test' 'data-l="State">in force, confirmed'; do
	grep -qF "$text" "$TMP/evidence/evidence.html" || fail "the page does not say: $text"
done
ok 'evidence: the page says what the firewall says'
fw_stop
