#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two days of a small plant, from learn to enforce, as an administrator walks it (DESIGN section 9). Operator panels poll at three rates and change
# shifts, a setpoint is rarely written, an engineer comes by, and on the second day of learning somebody scans the controller and writes to it. Learned,
# proposed, reviewed (one commented rule is accepted: the setpoint), judged in shadow, where a rare operation shows that learning never saw; that is
# added by the rule that `candidate diff` offers, and the conduit enforces, on trial until it is confirmed. On the day after all of the plant's
# own operations pass, and every step of the attacker is refused. It prints the story (`make plant-day`); a line that does not hold ends it.
#
# A day passes by moving what was learned a day back in the database: nothing here waits for midnight.
. "$(dirname "$0")/lib.sh"
need_python 'import sqlite3' sqlite3
plant_up
SHIFT2=10.10.1.3 ATTACKER=10.10.1.66
chapter() { printf '\n== %s\n' "$*"; }
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
# station NAME ADDRESS: a machine in the control room, and its Modbus client.
station() {
	netns "$1"
	cable "$NS" eth0 "$F" "$1"0
	ip -n "$NS" addr add "$2/24" dev eth0
	ip -n "$NS" route add default via 10.10.1.1
	ip -n "$F" route add "$2/32" dev "$1"0
	tune "$F" "net/ipv4/conf/$1"0/proxy_arp=1 "net/ipv4/conf/$1"0/rp_filter=0
	eval "NS_$1=$NS"
}
for a in $HMI/24 $EWS/24 $HMI6/64; do ip -n "$C" addr del "$a" dev eth0; done
station panel $HMI
station night $SHIFT2
station ews $EWS
station thief $ATTACKER
tune "$F" net/ipv4/conf/all/rp_filter=0
opens() {
	local ns=NS_$1
	client_open "$1" "${!ns}" -t 1500 $PLC
}
# does WHO REQUEST: a legitimate operation, which must succeed. Counted.
DONE=0
does() {
	ask "$1" "$2"
	[[ $SAID == ok* || $SAID == exception* ]] || fail "$1: $2: $SAID"
	DONE=$((DONE + 1))
}
polls() {
	local i
	for ((i = 0; i < 12; i++)); do
		does "$1" 'read holding 0 10'
		[ $((i % 3)) -ne 0 ] || does "$1" 'read input 0 4'
		[ $((i % 6)) -ne 0 ] || does "$1" 'read holding 100 20'
	done
}
# day SETPOINT: what the plant itself does in one.
day() {
	opens panel
	polls panel
	does panel "write register 40 $1"
	client_close panel
	opens night
	polls night
	client_close night
	opens ews
	does ews 'pdu 2b0e0100'
	does ews 'read holding 0 60'
	client_close ews
}
# What an attacker tries; each result in TRIED (passed/refused).
ATTACKS=('write register 40 9999' 'write registers 0 1 2 3' 'write coil 3 1' 'mask 5 0 65535' 'pdu 0800010000' 'pdu 5a0141ff00' 'read holding 2000 50' 'pdu 41'
	'cut write register 40 1' 'join read holding 0 2 + write register 41 1')
attack() {
	local who=$1 a
	PASSED=() REFUSED=0
	opens "$who"
	for a in "${ATTACKS[@]}"; do
		ask "$who" "$a"
		if [[ $SAID == ok* || $SAID == exception* ]]; then PASSED+=("$a"); else REFUSED=$((REFUSED + 1)); fi
	done
	client_close "$who"
}
# Until engines have told how often they saw what they have told of before: each tells it every ten seconds.
told() { sleep 11; }
# night_falls: what was learned becomes a day older.
night_falls() {
	told
	"$PY" - "$TMP/state/recorder/learn.db" <<'END' || fail 'the database of what was learned cannot be made older'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
for table in ("shape", "client"):
    db.execute(f"UPDATE {table} SET day = day - 1")
db.execute("UPDATE shape SET first = first - 86400000000, last = last - 86400000000")
db.commit()
END
	events_mark
}
mode_of() { fw_status | "$PY" -c 'import json, sys; print(next(c["mode"] for c in json.load(sys.stdin)["conduits"] if c["name"] == sys.argv[1]))' to-plc; }

cat >"$TMP/plant.yaml" <<'END'
version: 1
site: {name: Plant day, timezone: UTC}
zones:
  control-room: {level: 2, networks: [10.10.1.0/24], failure: closed}
  cell: {level: 1, networks: [10.10.2.0/24], failure: closed}
hosts:
  panel: 10.10.1.2
  panel-night: 10.10.1.3
  ews: 10.10.1.20
  plc: 10.10.2.2
conduits:
  - name: to-plc
    from: [control-room]
    to: cell
    servers: [plc]
    protocols: [modbus]
    mode: learn
    allow:
      - {id: ping, reason: Is it there, clients: [ews], icmp: any, rare: true}
END
server_start

chapter 'Learning. Everything passes, and is written down.'
fw_start "$TMP/plant.yaml"
day 412
night_falls
day 655
attack thief
ok "two days: $DONE of the plant's operations passed, and so did ${#PASSED[@]} of the attacker's ${#ATTACKS[@]} on the second"
[ ${#PASSED[@]} -gt 5 ] || fail 'learning stops what it should only see'
told

chapter 'A proposal. What writes and who is new needs a person.'
ctl learn propose --policy "$TMP/plant.yaml" >"$TMP/proposed.yaml" 2>"$TMP/words" || fail "learn propose: $(cat "$TMP/words")"
"$B/otfwctl" check "$TMP/proposed.yaml" >"$TMP/words" 2>&1 || fail "the proposal does not compile: $(cat "$TMP/words")"
grep -v '^ *#' "$TMP/proposed.yaml" >"$TMP/plain"
grep -q 'read-holding-registers' "$TMP/plain" || fail "nothing is proposed: $(cat "$TMP/proposed.yaml")"
grep -n 'write\|10.10.1.66\|restart\|REVIEW\|opaque' "$TMP/plain" && fail 'proposed by itself: what writes, or the attacker'
ok "proposed: $(grep -c '^ *- id:' "$TMP/plain") rules; left to a person: $(grep -c '^ *# *- id:' "$TMP/proposed.yaml")"

chapter 'Review. One of those is accepted: the panel sets 40; its bounds are written. The others are struck out.'
"$PY" - "$TMP/proposed.yaml" >"$TMP/reviewed.yaml" <<'END' || fail 'the rule for the setpoint is not among those left to a person'
import re, sys
lines, out, taken, i = open(sys.argv[1]).read().split("\n"), [], 0, 0
while i < len(lines):
    m = re.match(r"^( *)# ( *)- id: ", lines[i])
    if not m:
        out.append(lines[i]); i += 1; continue
    rule = [lines[i]]
    while i + 1 < len(lines) and re.match(r"^ *# " + m[2] + r"  \S", lines[i + 1]):
        i += 1; rule.append(lines[i])
    i += 1
    text = "\n".join(rule)
    if "clients: [panel]" in text and "[write-single-register]" in text and "[40]" in text:
        taken += 1
        out += [re.sub(r"values: REVIEW.*", "values: 400..700", re.sub(r"^( *)# ", r"\1", l)) for l in rule]
        if "REVIEW" not in text or "412..655" not in text: sys.exit(1)
print("\n".join(out), end="")
sys.exit(taken != 1)
END
"$B/otfwctl" check "$TMP/reviewed.yaml" >"$TMP/words" 2>&1 || fail "the reviewed policy does not compile: $(cat "$TMP/words")"
ok 'holding 40 may be set to 400..700 by the panel; 412..655 were seen'

chapter 'Shadow. Judged as if enforced; nothing is withheld.'
sed 's/mode: learn/mode: shadow/' "$TMP/reviewed.yaml" >"$TMP/shadow.yaml"
ctl candidate load "$TMP/shadow.yaml" >"$TMP/words" 2>&1 || fail "candidate load: $(cat "$TMP/words")"
ctl commit --reason 'two days learned and reviewed' --cut-sessions >"$TMP/words" 2>&1 || fail "commit: $(cat "$TMP/words")"
same 'mode of the conduit' shadow "$(mode_of)"
events_mark
day 500
opens panel
does panel 'write register 45 1'
client_close panel
e=$(event '"event":"shadow-deny"') || fail 'the totaliser reset, which no rule names, is not reported'
same 'a monthly reset of the totaliser, never seen in two days, is what enforcing would refuse' '*holding 45*' "$(field "$e" detail)"
[ "$(events_new | grep -c '"event":"shadow-deny"')" -eq 1 ] || fail "more than that would be refused: $(events_new | grep shadow-deny)"

chapter 'The rule that is missing is offered; a person bounds it.'
sed 's/mode: shadow/mode: enforce/' "$TMP/shadow.yaml" >"$TMP/enforce.yaml"
ctl candidate load "$TMP/enforce.yaml" >"$TMP/words" 2>&1 || fail "candidate load: $(cat "$TMP/words")"
sleep 0.5
opens panel
does panel 'write register 45 1'
client_close panel
covered() { ctl candidate diff --json >"$TMP/diff" 2>&1 && grep -q '"cover"' "$TMP/diff"; }
wait_for 5 covered || fail "candidate diff offers no rule: $(cat "$TMP/diff")"
"$PY" - "$TMP/diff" "$TMP/shadow.yaml" >"$TMP/fixed.yaml" <<'END' || fail "the rule that is offered cannot be taken: $(cat "$TMP/diff")"
import json, re, sys
rules = next(o["allow"] for o in map(json.loads, open(sys.argv[1])) if o.get("cover") == "to-plc")
rules = [re.sub(r"^( *)# (?=[ -] *\w)", r"\1", l) for l in rules.split("\n") if "# #" not in l and "----" not in l and l.strip() not in ("", "#")]
rules = [re.sub(r"values: REVIEW.*", "values: 0..1", l) for l in rules]
text = open(sys.argv[2]).read().split("\n")
at = next(i for i, l in enumerate(text) if re.match(r" *allow:", l))
print("\n".join(text[:at + 1] + rules + text[at + 1:]), end="")
END
"$B/otfwctl" check "$TMP/fixed.yaml" >"$TMP/words" 2>&1 || fail "with the rule it does not compile: $(cat "$TMP/words" "$TMP/fixed.yaml")"
ctl candidate load "$TMP/fixed.yaml" >"$TMP/words" 2>&1 || fail "candidate load: $(cat "$TMP/words")"
ctl commit --reason 'totaliser reset, found in shadow' --cut-sessions >"$TMP/words" 2>&1 || fail "commit: $(cat "$TMP/words")"
events_mark
day 600
opens panel
does panel 'write register 45 0'
client_close panel
sleep 1
same 'a whole day in shadow: would-be denials' 0 "$(events_new | grep -c '"event":"shadow-deny"')"

chapter 'Promoted, on trial until it is confirmed.'
ctl promote to-plc --policy "$TMP/fixed.yaml" --quiet-days 0 --shadow-days 0 --confirm 10m --reason 'a day in shadow without a denial' --cut-sessions >"$TMP/words" 2>&1 ||
	fail "promote: $(cat "$TMP/words")"
same 'mode of the conduit' enforce "$(mode_of)"
ctl confirm --reason 'it holds' >"$TMP/words" 2>&1 || fail "confirm: $(cat "$TMP/words")"

chapter 'The second day, enforced.'
before=$DONE
events_mark
day 690
opens panel
does panel 'write register 45 1'
client_close panel
sleep 0.5
same "all $((DONE - before)) operations of the plant passed; denials" 0 "$(events_new | grep -c '"event":"deny"')"
plc_holds '40 1' 690
attack thief
same 'what the attacker tried, and how much of it passed' "${#ATTACKS[@]} 0" "$REFUSED ${#PASSED[@]}"
attack ews
same 'the same from the engineering station' "${#ATTACKS[@]} 0" "$REFUSED ${#PASSED[@]}"
plc_holds '40 1' 690
ctl audit verify >"$TMP/words" 2>&1 || fail "the audit chain does not verify: $(cat "$TMP/words")"
ok "$(tail -n 1 "$TMP/words")"
fw_stop
