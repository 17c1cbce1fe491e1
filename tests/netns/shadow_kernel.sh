#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A candidate and what no engine sees: sessions of the kernel's lane that it would deny, report or have inspected are found in connection tracking and counted once
# each; of the safety lane and of what is dropped as unlisted the kernel's counters are said; a recorder that is killed goes on with what it had. Then the
# candidate is enforced: what was listed as denied is.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
server_start
udp_echo "$S" $SIS_B 30010
tcp_echo 8080
# tcp 8080 goes, 9090 comes; the safety lane goes; the rest stays.
"$PY" - "$POLICY" "$TMP" <<'PYTHON'
import sys
text, tmp = open(sys.argv[1]).read(), sys.argv[2]
web = "{id: web, clients: [hmi], tcp: [8080]}"
assert web in text
def write(name, text):
    open(f"{tmp}/{name}.yaml", "w").write(text)
at = text.index("  - name: sis-peer")
end = text.find("\n  - name:", at + 5)
write("next", text[:at] + (text[end + 1:] if end > 0 else ""))
write("next", open(f"{tmp}/next.yaml").read().replace(web, "{id: web, clients: [hmi], tcp: [9090]}"))
write("watched", text.replace("      - " + web + "\n", "").replace("mode: enforce", "mode: shadow", 1))
odd = "{id: web, clients: [hmi], protocol: modbus, ports: [8080], units: [1], functions: [read-coils], addresses: {coil: any}}"
write("inspected", text.replace(web, odd).replace("interfaces: [lan0, plc0]", "interfaces: [lan0, plc0, lo]"))
write("refused", text.replace("      - " + web + "\n", ""))
PYTHON
fw_start $POLICY
[ -r /proc/net/nf_conntrack ] || skip 'this kernel does not list connection tracking (/proc/net/nf_conntrack)'
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
candidate() { ctl candidate load "$TMP/$1.yaml" >"$TMP/out" 2>&1 || fail "candidate load: $(cat "$TMP/out")"; }
# lists PATTERN: a line of the list, waited for (a pass over connection tracking comes every 3 s)
listed() { ctl candidate diff >"$TMP/diff" 2>&1 && grep -q -- "$1" "$TMP/diff"; }
lists() {
	wait_for 15 listed "$2" || fail "$1: not in $(cat "$TMP/diff")"
	ok "$1: $(grep -m 1 -- "$2" "$TMP/diff" | sed 's/^ *//')"
}
row() { ctl candidate diff --json | grep '"kernel":true' | grep -c -- "$1"; }

kept one $HMI $PLC
candidate next
same 'asked at once, with nothing seen' 0 $?
listed 'becomes denied' || fail "no line of the kernel's lanes: $(cat "$TMP/diff")"
wait_for 10 listed 'would be denied, 1 session,' || fail "the session is not listed: $(cat "$TMP/diff")"
lists 'a session that would be denied' '^  10.10.1.2 port [0-9]* -> 10.10.2.2 port 8080/tcp$'
lists '  and why' '^  conduit cell: no-rule: '
lists 'of the two policies: seen' '^in the kernel, seen: cell: tcp 8080 in the kernel, not inspected by hmi at plc.* becomes denied$'
lists 'the safety lane' '^in the kernel: sis-peer: udp 30010 in the safety lane by .* becomes denied$'
lists 'what would pass' '^in the kernel: cell: tcp 9090 in the kernel, not inspected by hmi at plc.* becomes allowed$'
listed 'packets' && fail "something is counted that was not sent: $(cat "$TMP/diff")"
same 'answers in the safety lane' 50 "$(udp_ask "$C" $SIS_A $SIS_B 30010 50)"
in_c timeout 0.3 "$PY" -c 'import socket; socket.create_connection(("10.10.2.2", 9090), 5, ("10.10.1.2", 0))' 2>/dev/null && fail 'what is unlisted goes through'
lists 'the safety lane is counted' '^in the kernel: sis-peer: its safety lane took 100 packets since then'
lists 'so is what was dropped as unlisted' '^in the kernel: [1-9][0-9]* packets to zone cell were dropped as unlisted since then'
lists 'the rule that covers it, for a person' '^ *# *tcp: \[8080\]$'
kept two $HMI $PLC
lists 'a second session' 'would be denied, 2 sessions,'
sleep 4
same 'another pass counts nothing twice' 1 "$(row '"count":2,')"
since=$(ctl candidate diff --json | grep -o '"since":[0-9.]*')

kill -KILL "$(recorder_pid)"
recorded() { ctl candidate diff --json | grep -q '"since"'; }
wait_for 10 recorded || fail 'no recorder comes back'
same 'a killed recorder: judged since' "$since" "$(ctl candidate diff --json | grep -o '"since":[0-9.]*')"
same '  the sessions it had counted' 1 "$(row '"count":2,')"
sleep 4
same '  and not once more' 1 "$(row '"count":2,')"
lists '  what the kernel had counted' '^in the kernel: sis-peer: its safety lane took 100 packets since then'

candidate watched
lists 'in a conduit that watches' 'would be reported, 2 sessions,'
lists '  of the two policies' '^in the kernel, seen: cell: tcp 8080 .* becomes reported$'
candidate inspected
lists 'to be inspected' 'would be inspected, 2 sessions,'
lists '  which says what is not known' 'the kernel lets it through unseen; what its operations would come to is not known'
lists '  of the two policies' '^in the kernel, seen: cell: tcp 8080 .* becomes inspected$'
lists 'where a safety lane may come from' '^in the kernel: sis-peer: interfaces lan0, plc0 becomes lan0, plc0, lo$'
candidate refused
lists 'back to a denial' 'would be denied, 2 sessions,'
echoes 'judged only: the session goes on' one hello
ctl commit --reason 'as listed' >"$TMP/out" 2>&1 && fail 'the commit cuts sessions without being told to'
ctl commit --reason 'as listed' --cut-sessions >"$TMP/out" 2>&1 || fail "commit: $(cat "$TMP/out")"
echoes 'enforced: what was listed as denied is' one nothing
ctl candidate drop >/dev/null || fail 'candidate drop'
same 'and the list ends with the candidate' 'there is no candidate' "$(ctl candidate diff 2>&1)"
fw_stop
