#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P8, commit: a policy on trial under load goes back by itself within 1 s of its time, 0 requests and 0 sessions lost; confirm keeps it. A commit that
# would cut a live session is refused and names it. A guard counts what the confirmed policy allows and nothing else: thousands of denials by
# an attacker change nothing, a legitimate operation that is denied brings the old policy back.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
cp tests/netns/policy.yaml "$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$1" --run-dir "$RUN" "${@:2}"; }
digest() { "$B/otfwctl" check "$1" 2>/dev/null | tail -n 1; }
in_force() { fw_status | sed -n 's/.*"policy":"\([0-9a-f]*\)".*/\1/p'; }
is_in_force() { [ "$(in_force)" = "$1" ]; }
state_of() { "$B/otfwctl" history --json --state-dir "$TMP/state" | sed -n "s/.*\"number\":$1,\"state\":\"\([a-z-]*\)\".*/\1/p"; }
repeated() { { in_c cat /proc/net/snmp; in_s cat /proc/net/snmp; } | awk '/^Tcp: [0-9]/ {n += $13} END {print n + 0}'; }
# Writes of 40..49 up to 10 only, and reads of all but input registers.
sed -e 's/values: 0..1000/values: 0..10/' tests/netns/policy.yaml >"$TMP/next.yaml"
OLD=$(digest "$TMP/policy.yaml") NEXT=$(digest "$TMP/next.yaml")
same 'no candidate, no commit: exit status' 2 "$(ctl commit --reason 'too early' >"$TMP/said" 2>&1; echo $?)"
ctl candidate load "$TMP/next.yaml" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
same 'a candidate changes nothing' "$OLD" "$(in_force)"

# ---- not confirmed, under load ----
before=$(repeated)
bg in_c "$TOOLS/modbus_poll" -f 0 -c 10 $PLC >"$TMP/poll" 2>&1
POLL=$!
client_open hmi "$C" $PLC
expect hmi 'write register 45 500' ok
ctl commit --confirm 4s --reason 'a trial' --ticket T-17 >"$TMP/said" 2>&1 || fail "commit: $(cat "$TMP/said")"
began=$(now_ms)
same 'the candidate is in force' "$NEXT" "$(in_force)"
same 'status says so' '*ON TRIAL: without `otfwctl confirm` policy 1 comes back in [1-4] s*' "$(ctl status | tr '\n' ' ')"
same 'another commit meanwhile: exit status' 1 "$(ctl commit --reason 'one more' >"$TMP/said2" 2>&1; echo $?)"
kill -KILL "$(recorder_pid)" # not needed for what follows
wait_for 9 is_in_force "$OLD" || fail "the trial does not end: $(in_force)"
below 'P8: back after commit --confirm 4s, in ms' 5000 $(($(now_ms) - began))
expect hmi 'write register 45 501' ok
ask hmi connects
same 'the HMI: one TCP session through both swaps' 'ok 1' "$SAID"
same 'packets lost meanwhile (segments that TCP had to repeat)' 0 $(($(repeated) - before))
kill -TERM $POLL
wait $POLL
same 'the poller: exit status' 0 $?
read -r _ requests _ answers _ wrong _ <"$TMP/poll"
same "$requests requests of the poller, answers, wrong ones" "$requests 0" "$answers $wrong"
trial_over() { [ "$(state_of 2)" = not-confirmed ]; }
wait_for 3 trial_over || fail "the history says: $(ctl history)"
same 'the history' "confirmed not-confirmed" "$(state_of 1) $(state_of 2)"
[ ! -e "$TMP/state/commit" ] || fail 'the file is the policy again, but the state says otherwise'

# ---- confirmed; then back to a policy of the history ----
ctl commit --confirm 20s --reason 'again' >"$TMP/said" 2>&1 || fail "commit: $(cat "$TMP/said")"
ctl confirm >"$TMP/said" 2>&1 || fail "confirm: $(cat "$TMP/said")"
same 'confirmed' "$NEXT confirmed" "$(in_force) $(state_of 3)"
same 'status: the file differs' '*THE FILE DIFFERS*' "$(ctl status | tr '\n' ' ')"
same 'diff by numbers' '*becomes denied*' "$(ctl diff 1 running | tr '\n' ' ')"
same 'diff for a pull request' '*| control/set |*' "$(ctl diff --markdown 1 3 | tr '\n' ' ')"
ctl rollback 1 --reason 'no good' >"$TMP/said" 2>&1 || fail "rollback: $(cat "$TMP/said")"
grep -q 'policy file was not touched' "$TMP/said" || fail "rollback says nothing of the policy file: $(cat "$TMP/said")"
same 'rolled back' "$OLD confirmed replaced" "$(in_force) $(state_of 1) $(state_of 3)"

# ---- each of these changes in the audit chain ----
ctl audit export >"$TMP/lines" || fail 'audit export'
"$PY" - "$TMP/lines" "$OLD" "$NEXT" <<'P' || fail "the audit chain: $(grep -v '"action":"start"' "$TMP/lines")"
import json, sys
old, new = sys.argv[2:4]
r = [o for o in map(json.loads, open(sys.argv[1])) if o["action"] in ("commit", "confirm", "rollback")]
assert [(o["action"], o["refused"], o["uid"]) for o in r] == [("commit", False, 0), ("commit", True, 0), ("rollback", False, None),
    ("commit", False, 0), ("confirm", False, 0), ("rollback", False, 0)], [(o["action"], o["refused"], o["uid"]) for o in r]
assert [(o["before"], o["after"]) for o in r] == [(old, new), (new, new), (new, old), (old, new), (new, new), (new, old)], [(o["before"], o["after"]) for o in r]
assert [o["reason"] for o in r] == ["a trial", "one more", None, "again", None, "no good"], [o["reason"] for o in r]
assert r[0]["ticket"] == "T-17", r[0]
for o in r:
    if o["before"] == o["after"]:
        assert o["diff"] is None and "diff-why" not in o, o
    else:
        assert "becomes " + ("denied" if o["after"] == new else "allowed") in o["diff"] and "control/set" in o["diff"], o
        assert (o["becomes-allowed"] > 0, o["becomes-denied"] > 0, o["diff-left-out"]) == (o["after"] == old, o["after"] == new, 0), o
P
ok 'each change is a record: who, why, the digests before and after, and what becomes allowed or denied'

# ---- sessions that it would cut ----
sed -e '/^    servers: \[plc\]/s/plc/raw-plc/' -e 's/^  raw: .*/&\n  raw-plc: 10.10.2.77/' tests/netns/policy.yaml >"$TMP/cut.yaml"
CUT=$(digest "$TMP/cut.yaml")
ctl candidate load "$TMP/cut.yaml" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
same 'a commit that would cut a session: exit status' 1 "$(ctl commit --reason 'cut' >"$TMP/said" 2>&1; echo $?)"
grep -q ' -> plc:502 tcp: \|-> 10.10.2.2:502 tcp: ' "$TMP/said" || fail "it does not name the session: $(cat "$TMP/said")"
ok "it names the session: $(grep -m 1 ':502 tcp' "$TMP/said")"
same 'it changed nothing' "$OLD" "$(in_force)"
ctl commit --cut-sessions --reason 'cut' >"$TMP/said" 2>&1 || fail "commit --cut-sessions: $(cat "$TMP/said")"
same 'with --cut-sessions it goes' "$CUT" "$(in_force)"
ctl rollback 1 >"$TMP/said" 2>&1 || fail "rollback: $(cat "$TMP/said")"

# ---- a guard ----
ctl candidate load "$TMP/next.yaml" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
ctl commit --confirm 60s --guard 3 --cut-sessions --reason 'guarded' >"$TMP/said" 2>&1 || fail "commit --guard: $(cat "$TMP/said")"
# Neither policy has ever allowed these: a write far outside, thousands of datagrams of it.
in_c "$PY" -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.10.1.20", 0))
for i in range(3000):
    s.sendto((i & 0xffff).to_bytes(2, "big") + bytes.fromhex("000000060106006f0001"[0:8]) + bytes.fromhex("010600c80001"), ("10.10.2.2", 502))
    time.sleep(0.0003)'
sleep 0.5
refused=$(status pdus-denied)
[ "$refused" -ge 2000 ] || fail "only $refused operations of the attacker were denied"
same "an attacker's $refused denials: the trial goes on" "$NEXT 0" "$(in_force) $(status guard-denied)"
client_close hmi
client_open ews "$C" $PLC
for i in 1 2 3; do expect ews "write register 45 $((500 + i))" reset; done
sleep 0.4
same 'three denials of what was allowed, as many as the guard lets go' "$NEXT" "$(in_force)"
expect ews 'write register 45 504' reset
wait_for 3 is_in_force "$OLD" || fail 'the guard does not bring the old policy back'
ok 'the fourth brings the old policy back'
guarded() { [ "$("$B/otfwctl" history --json --state-dir "$TMP/state" | tail -n 1 | sed -n 's/.*"state":"\([a-z-]*\)".*/\1/p')" = guard ]; }
wait_for 3 guarded || fail "the history does not say why: $(ctl history)"
expect ews 'write register 45 505' ok
fw_stop
