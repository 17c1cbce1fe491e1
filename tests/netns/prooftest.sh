#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl prooftest: passes on this build and leaves its record; beside a firewall that runs it changes nothing of that one; and it fails when
# something is broken: an engine that accepts everything, no engine at all, a kernel that is told nothing.
. "$(dirname "$0")/guardian.inc"
need_root
need_tools "$B/otfwctl" "$B/otfwd" "$TOOLS/accept_engine"
guardian_plant
server_start
fw_start $POLICY
REC=$TMP/records

# step RECORD NAME: its result.
step() { "$PY" -c 'import json, sys; print(next(s["result"] for s in json.load(open(sys.argv[1]))["steps"] if s["name"] == sys.argv[2]))' "$1" "$2"; }
of() { "$PY" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
record() { ls -t "$1"/prooftest-*.json | head -n 1; }
# broken NAME: a directory of executables in which one is to be replaced.
broken() {
	mkdir "$TMP/$1"
	cp "$B/otfw-engine" "$B/otfw-recorder" "$B/otfwctl" "$TMP/$1/"
}

# ---- as installed, beside a firewall that runs ----
traces_before=$(in_f iptables-save | grep -v '^#' | sed 's/\[[0-9:]*\]//' | md5sum)
in_f "$B/otfwctl" prooftest --libexec "$PWD/$B" --record-dir "$REC" --run-dir "$RUN" >"$TMP/out" 2>&1
rc=$?
sed 's/^/      /' "$TMP/out"
same 'as installed: exit status' 0 $rc
R=$(record "$REC")
same 'as installed: result in the record' pass "$(of "$R" result)"
same 'as installed: steps that did not pass' 0 "$(grep -c '"result": "\(fail\|not-run\)"' "$R")"
same 'as installed: the policy that the running firewall has' "$(fw_status | "$PY" -c 'import json, sys; print(json.load(sys.stdin)["policy"])')" "$(of "$R" policy)"
same 'the running firewall: its ruleset' "$traces_before" "$(in_f iptables-save | grep -v '^#' | sed 's/\[[0-9:]*\]//' | md5sum)"
same 'the running firewall: restarts of its engines' 0 "$(fw_status | "$PY" -c 'import json, sys; print(sum(q["restarts"] for q in json.load(sys.stdin)["queues"]))')"
client_open hmi "$C" $PLC
expect hmi 'read holding 1 1' 'ok 1'
client_close hmi
same 'nothing of it is left' 0 "$(ps -e -o args= | grep -c '[o]tfw-prooftest')"
fw_stop

# ---- an engine that accepts everything ----
broken accept
cp "$TOOLS/accept_engine" "$TMP/accept/otfw-engine"
"$B/otfwctl" prooftest --json --libexec "$TMP/accept" --record-dir "$REC-accept" >"$TMP/out" 2>&1
same 'engine that accepts everything: exit status' 1 $?
R=$(record "$REC-accept")
same 'engine that accepts everything: result in the record' fail "$(of "$R" result)"
same 'engine that accepts everything: what is allowed passes' pass "$(step "$R" allow)"
for s in deny-value deny-function deny-address deny-split; do
	same "engine that accepts everything: $s" fail "$(step "$R" $s)"
done
same 'engine that accepts everything: --json is the record' fail "$("$PY" -c 'import json, sys; print(json.load(sys.stdin)["result"])' <"$TMP/out")"

# ---- no engine that runs ----
broken none
printf '#!/bin/sh\nexit 1\n' >"$TMP/none/otfw-engine"
"$B/otfwctl" prooftest --libexec "$TMP/none" --record-dir "$REC-none" >"$TMP/out" 2>&1
same 'no engine: exit status' 1 $?
R=$(record "$REC-none")
same 'no engine: the daemon does not start' fail "$(step "$R" start)"
same 'no engine: the rest is not run, and does not read as passed' not-run "$(step "$R" deny-value)"

# ---- it could not run ----
"$B/otfwctl" prooftest --otfwd "$TMP/nothing" --record-dir "$REC" >"$TMP/out" 2>&1
same 'no daemon: exit status' 2 $?
: >"$TMP/file"
"$B/otfwctl" prooftest --record-dir "$TMP/file/x" >"$TMP/out" 2>&1
same 'no place for the record: exit status' 2 $?
setpriv --reuid 65534 --clear-groups "$B/otfwctl" prooftest --record-dir "$TMP/nobody" >"$TMP/out" 2>&1
same 'not root: exit status' 2 $?
