#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A conduit in shadow lets a rare forbidden operation pass and says why enforcing would not, while its neighbour enforces. Then a candidate: what it would
# change is listed both ways, as traffic comes by, nothing is decided by it, and a session lives through all of it.
. "$(dirname "$0")/lib.sh"
plant_up
ip -n "$S" addr add 10.10.2.3/24 dev eth0
server_start
fw_start tests/netns/shadow.yaml
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
# The neighbour enforces.
client_open alone "$C" -t 1500 $PLC
events_mark
expect alone 'write register 60 5' reset
denied 'the conduit that enforces' address 'holding 60 is not inside 40..49 of rule control/set'
client_close alone

# The other watches: the same operation passes, and is reported for the reason that enforcing has.
client_open two "$C" -t 1500 10.10.2.3
expect two 'read holding 0 4' 'ok *'
events_mark
expect two 'write register 60 5' ok
e=$(event '"event":"shadow-deny"') || fail 'no shadow-deny'
same 'in shadow: reason, detail and mode' 'address|holding 60 is not inside 40..49 of rule watch/set|shadow' "$(field "$e" reason)|$(field "$e" detail)|$(field "$e" mode)"
sed 's/mode: shadow/mode: enforce/' tests/netns/shadow.yaml >"$TMP/enforced.yaml"
same 'explain says the same of the policy that enforces' "*: address: $(field "$e" detail)*" \
	"$("$B/otfwctl" explain --policy "$TMP/enforced.yaml" 'hmi -> plc-2:502 modbus request unit 1 write-single-register holding 60 = 5' | grep 'watch/set')"
expect two 'read holding 0 4' 'ok *'

# ---- the candidate ----
client_open hmi "$C" -t 1500 $PLC
expect hmi 'write register 40 7' ok
ctl candidate diff >"$TMP/out" 2>&1
same 'no candidate: exit status' 1 $?
# control: 40 is no longer writable, 60 is; ssh goes; watch enforces.
sed '0,/holding: \[40..49\]/s//holding: [41..49, 60]/; /id: service/d; s/mode: shadow/mode: enforce/' tests/netns/shadow.yaml >"$TMP/next.yaml"
diffs() { ctl candidate diff "$@"; }
# Engines take a candidate within a tenth of a second.
candidate() { ctl candidate load "$1" >"$TMP/out" 2>&1 && sleep 0.3 || fail "candidate load: $(cat "$TMP/out")"; }
candidate "$TMP/next.yaml"
digest=$("$B/otfwctl" compile "$TMP/next.yaml" -o "$TMP/next.img")
same 'status says which candidate is judged' "*${digest%% *}*" "$(fw_status | tr -d '\n' | grep -o '"candidate":"[0-9a-f]*"')"
differs() { diffs --json | grep -q "$1"; }
expect hmi 'write register 40 8' ok
expect hmi 'write register 41 8' ok
wait_for 5 differs '"change":"denied".*holding 40 = 8' || fail "the denial of 40 is not listed: $(diffs)"
expect two 'write register 60 5' ok
wait_for 5 differs '"conduit":"watch"' || fail "what watch would deny is not listed: $(diffs)"
client_open other "$C" -t 1500 $PLC
events_mark
expect other 'write register 60 5' reset
client_close other
denied 'the policy in force alone decides' address '*of rule control/set'
wait_for 5 differs '"change":"allowed"' || fail "what would be allowed is not listed: $(diffs)"
for _ in 1 2 3; do expect hmi 'write register 40 9' ok; done
counted() { diffs --json | grep '"change":"denied".*holding 40 = ' | grep -q '"count":4,'; }
wait_for 5 counted || fail "the writes of 40 are not added up: $(diffs --json)"
ok 'equal differences are one line with a count'
diffs >"$TMP/diff"
# lists WHAT LINE NEXT-LINE LINE-BEHIND: patterns of lines that follow each other
lists() {
	grep -A2 -- "^$2" "$TMP/diff" | grep -A1 -- "^  $3" | grep -q -- "^  $4" || fail "$1 is not in: $(cat "$TMP/diff")"
	ok "$1"
}
lists 'would be denied, with the reason' 'would be denied, 4 times' 'hmi -> plc:502 .* holding 40 = 9$' 'conduit control: address: holding 40 is not inside 41..49 of rule control/set$'
lists 'would be denied where it is only watched now' 'would be denied, 1 time,' 'hmi -> plc-2:502 .* holding 60 = 5$' 'conduit watch: address: .* of rule watch/set$'
lists 'would be allowed, and by which rule' 'would be allowed, 1 time,' 'hmi -> plc:502 .* holding 60 = 5$' 'conduit control: by control/set; now denied: address$'
same 'the newest first' 'would be denied, 4 times*' "$(head -n 1 "$TMP/diff")"
same 'what only the kernel sees' 'in the kernel, not seen: control: tcp 22 * by ews at plc becomes denied' "$(grep kernel, "$TMP/diff")"
same 'it is JSON' 'denied allowed denied denied cover cover summary' "$(diffs --json | "$PY" -c '
import json, sys
print(*[o.get("change") or next(iter(o)) for o in map(json.loads, sys.stdin)])')"

# So is a recorder, which goes on with what had been counted: the rings are read again, and nothing of them twice.
since=$(diffs --json | grep -o '"since":[0-9.]*')
rows() { diffs --json | sed -n '/"observed":true/s/.*"count":\([0-9]*\),.*"op[a-z]*":"\([^"]*\)".*/\1 \2/p' | sort; }
before=$(rows)
kill -KILL "$(recorder_pid)"
same_rows() { [ "$(rows)" = "$before" ]; }
wait_for 10 same_rows || fail "a killed recorder: expected '$before', got '$(rows)'"
ok "a killed recorder goes on with $(printf '%s\n' "$before" | wc -l) differences"
same '  since' "$since" "$(diffs --json | grep -o '"since":[0-9.]*')"
sleep 0.5
same '  nothing is counted twice' "$before" "$(rows)"
expect hmi 'write register 40 9' ok
counted() { diffs --json | grep '"change":"denied".*holding 40 = ' | grep -q '"count":5,'; }
wait_for 5 counted || fail "the next one is not added: $(diffs --json)"
ok 'and the next one is added'

# An engine that is started anew is given the candidate as well.
kill -KILL "$(engine_pid)"
wait_for 5 fw_ready || fail 'no engine comes back'
events_mark
wait_engine() { [ "$(status engine-pid)" != 0 ]; }
wait_for 5 wait_engine
expect hmi 'write register 40 3' ok
event '"candidate":true' >/dev/null || fail 'the new engine does not judge by the candidate'
ok 'a new engine judges by the candidate too'

# The rules that cover it: reads are given as they are, writes as comments that a person takes up, with the bound that the event has.
sed '0,/holding: \[0..49\]/s//holding: [0..9]/; 0,/holding: \[40..49\]/s//holding: [41..49]/' tests/netns/shadow.yaml >"$TMP/narrow.yaml"
candidate "$TMP/narrow.yaml"
traffic() {
	expect hmi 'read holding 20 4' 'ok *'
	expect hmi 'write register 40 4' ok
	expect two 'write register 60 5' ok
}
traffic
both() { [ "$(diffs --json | grep -c '"change":"denied"')" -eq 2 ]; }
wait_for 5 both || fail "two differences are not listed: $(diffs)"
diffs --json | "$PY" -c '
import json, re, sys
for o in map(json.loads, sys.stdin):
    if o.get("cover") == "control":
        head, mark, tail = o["allow"].partition("# ----")
        print(head + mark + re.sub(r"(?m)^( *)# (?!----)", r"\1", tail).replace("REVIEW", "0..100"), end="")' >"$TMP/rules"
grep -q 'read-holding-registers' "$TMP/rules" && grep -q 'write-single-register' "$TMP/rules" || fail "the rules do not cover both: $(diffs)"
"$PY" - "$TMP" <<'PYTHON'
import sys
tmp = sys.argv[1]
lines = open(tmp + "/narrow.yaml").read().split("\n")
at = next(i for i, line in enumerate(lines) if line.strip() == "allow:")
open(tmp + "/covered.yaml", "w").write("\n".join(lines[:at + 1]) + "\n" + open(tmp + "/rules").read() + "\n".join(lines[at + 1:]))
PYTHON
"$B/otfwctl" check "$TMP/covered.yaml" >"$TMP/out" 2>&1 || fail "the covering rules do not compile: $(cat "$TMP/out" "$TMP/covered.yaml")"
candidate "$TMP/covered.yaml"
traffic
sleep 0.3
same 'with the rules that cover it: what came by would not change' '*: no difference' "$(diffs)"
ctl candidate drop >/dev/null || fail 'candidate drop'
events_mark
expect hmi 'write register 40 4' ok
sleep 0.2
same 'dropped: no more is judged' 0 "$(events_new | grep -c '"candidate":true')"
expect two 'read holding 0 4' 'ok *'
ok 'both sessions have lived through it'
fw_stop
