#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A conduit that learns passes everything in its scope and records it, through a kill of recorder and engine. An attacker who writes, downloads, stops
# and tries other ports meanwhile gets nothing proposed. A write comes as a comment whose bound a person must write; with that one rule taken, the
# operator works on and the attacker is refused.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' sockets
plant_up
ATTACKER=10.10.1.66
ip -n "$C" addr add $ATTACKER/24 dev eth0
server_start
fw_start tests/netns/learn.yaml
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
propose() { ctl learn propose --policy tests/netns/learn.yaml "$@"; }

client_open hmi "$C" -t 1500 $PLC
for i in 1 2 3 4 5; do
	expect hmi 'read holding 0 4' 'ok *'
	expect hmi 'read holding 4 4' 'ok *'
done
expect hmi 'write register 60 5' ok
expect hmi 'write register 60 9' ok

# What an attacker does, each in a session of its own: a write, a restart, a stop (UMAS), a download (file records), another port, a ping.
cat >"$TMP/attack.py" <<'P'
import socket, sys
src, dst = sys.argv[1:3]
for i, pdu in enumerate(("06006303e7", "0800010000", "5a0041ff00", "1509060004000700010dfe")):
    s = socket.create_connection((dst, 502), timeout=3, source_address=(src, 0))
    body = bytes.fromhex("01" + pdu)
    s.settimeout(1)
    s.sendall((i + 1).to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body)
    try:
        print(i, len(s.recv(300)))
    except OSError as e:
        print(i, type(e).__name__)
    s.close()
try:
    socket.create_connection((dst, 4444), timeout=2, source_address=(src, 0))
except ConnectionRefusedError:
    print("refused by the host itself")
except OSError as e:
    print("4444", type(e).__name__)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.bind((src, 0))
s.settimeout(1)
s.sendto(bytes.fromhex("0800f7fd00010001"), (dst, 0))
try:
    while s.recv(100)[20] != 0:
        pass
    print("pong")
except OSError as e:
    print("ping", type(e).__name__)
P
in_c "$PY" "$TMP/attack.py" $ATTACKER $PLC >"$TMP/attack" || fail "attack: $(cat "$TMP/attack")"
same 'a port that nobody knows, and ping, pass while it learns' '*refused by the host itself*pong*' "$(tr '\n' ' ' <"$TMP/attack")"
same 'the attack did what it would' 'ok 999' "$(on_plc 'read holding 99 1')"

# A device that sets bits behind the last coil: that passes while it learns, and no rule but one with an option would allow it.
in_c "$PY" -c '
import socket, sys
s = socket.create_connection((sys.argv[2], 502), timeout=3, source_address=(sys.argv[1], 0))
for i in range(3):
    s.sendall(bytes([0, i, 0, 0, 0, 8, 1, 15, 0, 0, 0, 3, 1, 253]))
    s.recv(300)' $HMI $PLC || fail 'what is malformed does not pass while it learns'
learned() { [ "$(status shapes)" -ge "${1:-9}" ]; }
wait_for 10 learned 9 || fail "shapes learned: $(status shapes)"
kill -KILL "$(recorder_pid)"
wait_for 5 fw_status || fail 'no recorder comes back'
kill -KILL "$(engine_pid)"
wait_for 5 engine_pid || fail 'no engine comes back'
n=$(status shapes)
expect hmi 'read holding 0 4' 'ok *'
sleep 1
same 'recorder and engine killed: every shape is there, none twice' "$n" "$(status shapes)"
lost=$(fw_status | tr -d '\n' | sed -n 's/.*"shapes-lost": *\([0-9]*\).*/\1/p')
same 'none was lost' 0 "$lost"

propose >"$TMP/cautious.yaml" || fail 'propose'
same 'clients of one day: nothing is proposed' '*# 0 rules proposed,*' "$(head -2 "$TMP/cautious.yaml" | tr '\n' ' ')"
same 'what passed only because it learns is said' '*# needs a person: [1-9]* passed only because nothing was enforced, and no rule below allows*' "$(head -20 "$TMP/cautious.yaml" | tr '\n' ' ')"
same '  how often, and what is for that' '*#   3 of modbus, client hmi, server *: reserved in values: *`padding-any: true` is for that: *' "$(head -20 "$TMP/cautious.yaml" | tr '\n' ' ')"
propose --days 1 >"$TMP/proposed.yaml" || fail 'propose --days 1'
"$B/otfwctl" check "$TMP/proposed.yaml" || fail "what is proposed does not compile: $(cat "$TMP/proposed.yaml")"
rules() { grep -v '^ *#' "$1"; }
same 'the operator reads: one rule, ranges merged' 1 "$(rules "$TMP/proposed.yaml" | grep -c 'holding: \[0\.\.7\]')"
same 'rules proposed' 1 "$(rules "$TMP/proposed.yaml" | grep -c -- '- id:')"
rules "$TMP/proposed.yaml" | grep -q "$ATTACKER" && fail "something is proposed for the attacker: $(cat "$TMP/proposed.yaml")"
ok 'nothing is proposed for the attacker'
for what in write-single-register restart-communications 90/65 write-file-record 'tcp: \[4444\]' 'icmp: \[8\]'; do
	grep '^ *#' "$TMP/proposed.yaml" | grep -q "$what" || fail "$what is not listed: $(cat "$TMP/proposed.yaml")"
done
ok 'all that it did is listed for a person'

# A person takes one rule; its bound must be written.
cat >"$TMP/take.py" <<'P'
import re, sys
lines, block, out = open(sys.argv[1]).read().split("\n"), [], []
def done():
    text = "\n".join(block)
    take = "clients: [hmi]" in text and "write-single-register" in text
    out.extend(re.sub(r"^( *)# ", r"\1", l) if take else l for l in block)
    block.clear()
for l in lines:
    if l.strip() == "#":
        done()
    block.append(l)
done()
print("\n".join(out), end="")
P
"$PY" "$TMP/take.py" "$TMP/proposed.yaml" >"$TMP/taken.yaml"
"$B/otfwctl" check "$TMP/taken.yaml" >"$TMP/out" 2>&1
same 'without a bound it does not compile' '*error: a person must write the bound here*REVIEW  # seen 5..9*' "$(tr '\n' ' ' <"$TMP/out")"
sed '/^ *#/! { s/REVIEW/0..10/; s/mode: learn/mode: enforce/ }' "$TMP/taken.yaml" >"$TMP/enforced.yaml"
cp tests/netns/learn.yaml "$TMP/policy.yaml"
fw_stop
fw_start "$TMP/enforced.yaml"
client_open op "$C" -t 1500 $PLC
expect op 'read holding 0 8' 'ok *'
expect op 'write register 60 7' ok
expect op 'write register 60 11' reset
on_plc 'write register 99 0' >/dev/null
in_c "$PY" "$TMP/attack.py" $ATTACKER $PLC >"$TMP/attack" 2>&1
same 'enforced: the attacker writes nothing' 'ok 0' "$(on_plc 'read holding 99 1')"
fw_stop
