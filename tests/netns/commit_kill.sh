#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P8, commit and SIGKILL: a guardian or a recorder killed at any point of a commit leaves exactly the old or the new policy, a history that agrees
# with what is in force, and an audit chain that holds. A guardian that is killed goes on with a trial and its time; a boot before `confirm` comes up
# with the confirmed policy.
. "$(dirname "$0")/lib.sh"
need_python 'import re' 're'
plant_up
server_start
cp tests/netns/policy.yaml "$TMP/policy.yaml"
sed -e 's/values: 0..1000/values: 0..10/' tests/netns/policy.yaml >"$TMP/narrow.yaml"
sed -e 's/values: 0..1000/values: 0..20/' tests/netns/policy.yaml >"$TMP/wide.yaml"
ctl() { "$B/otfwctl" "$1" --run-dir "$RUN" "${@:2}"; }
digest() { "$B/otfwctl" check "$1" 2>/dev/null | tail -n 1; }
in_force() { fw_status | sed -n 's/.*"policy":"\([0-9a-f]*\)".*/\1/p'; }
is_in_force() { [ "$(in_force)" = "$1" ]; }
again() { fw_start "$TMP/policy.yaml"; }
# killed: the daemon and all that it had started, at once.
killed() {
	kill -KILL "$FWPID"
	wait "$FWPID" 2>/dev/null
	wait_for 5 nobody_left || fail 'somebody of the daemon that was killed is left'
}
nobody_left() { [ -z "$(child_pid otfwd)$(engine_pid)$(recorder_pid)" ]; }
# The last policy that the audit chain says came into force is that one.
chain_agrees() { [ "$(ctl audit export | grep '"action":"\(start\|commit\|rollback\)".*"refused":false' | tail -n 1 | sed -n 's/.*"after":"\([0-9a-f]*\)".*/\1/p')" = "$(in_force)" ]; }
# The policy that the history says is confirmed is the one in force.
agrees() {
	local confirmed
	confirmed=$(ctl history --json | sed -n 's/.*"state":"confirmed","running":true.*"digest":"\([0-9a-f]*\)".*/\1/p')
	[ "$confirmed" = "$(in_force)" ] || fail "$1: in force is $(in_force), the history says: $(ctl history)"
	wait_for 5 chain_agrees || fail "$1: in force is $(in_force), the audit chain ends with: $(ctl audit export | tail -n 3)"
}
fw_start "$TMP/policy.yaml"
NOW=$(in_force) OLDS=0 NEWS=0
turn=0
# The commit as a whole takes from 100 ms to half a second, as the disk has it: killed before, within and behind it; the last once it was answered.
for ms in 5 40 90 150 220 300 400 answered; do
	next=$TMP/narrow.yaml
	[ "$NOW" = "$(digest "$next")" ] && next=$TMP/wide.yaml
	ctl candidate load "$next" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
	bg "$B/otfwctl" commit --reason 'to be killed' --run-dir "$RUN" >"$TMP/commit" 2>&1
	asked=$!
	if [ "$ms" = answered ]; then
		wait $asked || fail "commit: $(cat "$TMP/commit")"
		told=0
		killed
	else
		sleep "$(awk "BEGIN { print $ms / 1000 }")"
		killed
		wait $asked
		told=$?
	fi
	again
	got=$(in_force)
	if [ "$got" = "$(digest "$next")" ]; then
		NEWS=$((NEWS + 1))
	elif [ "$got" = "$NOW" ]; then
		OLDS=$((OLDS + 1))
		[ $told -ne 0 ] || fail "killed after $ms ms: the commit was said to be done, and is not"
	else
		fail "killed after $ms ms: $got is neither the old policy nor the new one"
	fi
	agrees "killed after $ms ms"
	NOW=$got
	turn=$((turn + 1))
done
[ "$NEWS" -gt 0 ] || fail 'no commit was ever done: nothing was tested behind it'
ok "P8: the guardian killed at $turn points of a commit: $OLDS times the old policy, $NEWS times the new one"

for ms in 5 60 150 300; do
	next=$TMP/narrow.yaml
	[ "$NOW" = "$(digest "$next")" ] && next=$TMP/wide.yaml
	ctl candidate load "$next" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
	bg "$B/otfwctl" commit --reason 'recorder to be killed' --run-dir "$RUN" >"$TMP/commit" 2>&1
	asked=$!
	sleep "$(awk "BEGIN { print $ms / 1000 }")"
	kill -KILL "$(recorder_pid)"
	wait $asked
	wait_for 5 fw_ready || fail 'no recorder comes back'
	sleep 0.4
	got=$(in_force)
	[ "$got" = "$NOW" ] || [ "$got" = "$(digest "$next")" ] || fail "recorder killed after $ms ms: $got is neither the old policy nor the new one"
	agrees "recorder killed after $ms ms"
	NOW=$got
done
ok 'P8: the recorder killed at 4 points of a commit: the old or the new policy, and a history that agrees'
sleep 0.5
ctl audit verify >"$TMP/said" 2>&1 || fail "the audit chain: $(cat "$TMP/said")"
ok "$(tail -n 1 "$TMP/said")"

# ---- a trial and SIGKILL ----
next=$TMP/narrow.yaml
[ "$NOW" = "$(digest "$next")" ] && next=$TMP/wide.yaml
NEXT=$(digest "$next")
ctl candidate load "$next" >"$TMP/said" 2>&1 || fail "candidate load: $(cat "$TMP/said")"
ctl commit --confirm 60s --reason 'over a kill' >"$TMP/said" 2>&1 || fail "commit: $(cat "$TMP/said")"
killed
again
same 'the guardian killed: the trial goes on' "$NEXT" "$(in_force)"
same 'and so does its time' '*ON TRIAL: *comes back in [2-6][0-9] s*' "$(ctl status | tr '\n' ' ')"
ctl rollback --reason 'enough' >"$TMP/said" 2>&1 || fail "rollback: $(cat "$TMP/said")"
same 'rolled back' "$NOW" "$(in_force)"
ctl commit --confirm 2s --reason 'its time ends while nobody runs' >"$TMP/said" 2>&1 || fail "commit: $(cat "$TMP/said")"
killed
sleep 2
again
same 'its time was over when the guardian came back' "$NOW" "$(in_force)"

# ---- a boot before confirm: another boot in the state file ----
ctl commit --confirm 60s --reason 'over a reboot' >"$TMP/said" 2>&1 || fail "commit: $(cat "$TMP/said")"
killed
"$PY" -c '
import re, sys
text = open(sys.argv[1], "rb").read()
head = re.sub(rb"\nboot [-0-9a-f]+\n", b"\nboot 00000000-0000-4000-8000-000000000000\n", text[:text.rindex(b"sum ")])
assert head != text[:len(head)]
h = 0xcbf29ce484222325
for b in head:
    h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
open(sys.argv[1], "wb").write(head + b"sum %016x\n" % h)' "$TMP/state/commit" || fail 'cannot play the reboot'
again
same 'a boot before confirm: the confirmed policy' "$NOW" "$(in_force)"
rebooted() { ctl history | tail -n 1 | grep -q ' rebooted '; }
wait_for 3 rebooted || fail "the history does not say it: $(ctl history)"
agrees 'after the reboot'
ok 'the history says that it was a reboot'
fw_stop
