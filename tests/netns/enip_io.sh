#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CIP I/O on UDP 2222: only datagrams of a connection whose opening was allowed, in both directions, told by ends, id and size; never
# through a queue; until it is closed, its rule is gone, or its zone isolated.
. "$(dirname "$0")/enip.inc"
plant_up
PLC=10.10.2.4
ip -n "$S" addr add $PLC/24 dev eth0 2>/dev/null
device_start
POLICY=$TMP/policy.yaml
cp examples/enip-cell.yaml "$POLICY"
in_f sh -c 'command -v nft >/dev/null' || skip 'nft is not installed: openings need it'
fw_start "$POLICY"

cat >"$TMP/io.py" <<'P'
import socket, struct, sys, time
# io.py TO FROM ID SIZE N PORT: N datagrams of one connection, 2 ms apart
to, source, ident, size, n, port = sys.argv[1], sys.argv[2], int(sys.argv[3], 0), int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind((source, 0))
for i in range(n):
    u.sendto(struct.pack("<HHHIIHH", 2, 0x8002, 8, ident, i, 0xB1, size) + bytes(size), (to, port))
    time.sleep(0.002)
P
io() { in_c "$PY" "$TMP/io.py" "$PLC" "$EWS" "$@" 2222; }
packets() { status packets; }
OURS=0x10001

io $OURS 10 5
same 'before an opening nothing reaches the device' 0 "$(reached '^io')"
same 'and no way is open' 0 "$(in_f nft list tables | grep -c otfw_opened)"

same 'the engineering station opens a connection' 'ok' "$(ews io)"
OURS=$(sed -n 's/^opened \(0x[0-9a-f]*\)$/\1/p' "$REACHED" | tail -1)
wait_for 2 sh -c "[ \"\$(ip netns exec $F nft list set inet otfw_opened opened4 2>/dev/null | grep -o '\. 0x[0-9a-f]* expires' | wc -l)\" = 2 ]" ||
	fail "the kernel does not know both ways: $(in_f nft list ruleset | grep -A8 opened4)"
ok 'the kernel knows both ways of it'
: >"$REACHED"
sleep 0.2
before=$(packets)
io "$OURS" 10 100
same 'its datagrams reach the device' 100 "$(reached '^io')"
same 'and none of them came by a queue' "$before" "$(packets)"
in_c "$PY" -c '
import socket, sys
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind((sys.argv[1], 2222))
u.settimeout(1)
n = 0
try:
    while n < 50:
        u.recv(2048)
        n += 1
except socket.timeout:
    pass
print(n)' "$EWS" >"$TMP/back" &
LISTENER=$!
sleep 0.3
in_s "$PY" "$TMP/io.py" "$EWS" "$PLC" 0x20000002 10 50 2222
wait $LISTENER
same 'the device produces in the other direction' 50 "$(cat "$TMP/back")"
: >"$REACHED"
io 0x7777 10 10
io "$OURS" 12 10
in_c "$PY" "$TMP/io.py" "$PLC" "$HMI" "$OURS" 10 10 2222
same 'not with another id, another size, or from elsewhere' 0 "$(reached '^io')"

# As the set prints it: the octets of the wire, most significant first.
wire() { printf '0x%x' $(((($1 & 255) << 24) | (($1 >> 8 & 255) << 16) | (($1 >> 16 & 255) << 8) | ($1 >> 24 & 255))); }
known() { in_f nft list set inet otfw_opened opened4 | grep -q "$(wire "$1") expires"; }
unknown() { ! known "$1"; }
last_opened() { sed -n 's/^opened \(0x[0-9a-f]*\)$/\1/p' "$REACHED" | tail -1; }
same 'another is opened and closed' 'ok*/ok' "$(ews io io-close)"
FIRST=$OURS OURS=$(last_opened)
wait_for 2 unknown "$OURS" || fail "the kernel still knows it: $(in_f nft list set inet otfw_opened opened4)"
known "$FIRST" || fail 'the other connection was closed with it'
: >"$REACHED"
io "$OURS" 10 10
same 'closed, nothing reaches the device' 0 "$(reached '^io')"

# Of variable size: up to what was opened, until it is closed.
varied() { in_f nft list set inet otfw_opened varied4 | grep -c "$(wire "$1")"; }
same 'one of variable size is opened' 'ok' "$(ews io-varied)"
OURS=$(last_opened)
wait_for 2 sh -c "ip netns exec $F nft list set inet otfw_opened alive4 | grep -q '$(wire "$OURS") expires'" ||
	fail "the kernel does not know it: $(in_f nft list table inet otfw_opened)"
: >"$REACHED"
before=$(packets)
for n in 2 6 10; do io "$OURS" $n 10; done
same 'its datagrams reach the device, whatever their size' 30 "$(reached '^io')"
same 'and none of them came by a queue' "$before" "$(packets)"
: >"$REACHED"
io "$OURS" 11 10
io 0x7777 6 10
same 'not longer than it was opened, not with another id' 0 "$(reached '^io')"
VARIED=$OURS
same 'one more is opened and closed' 'ok*/ok' "$(ews io-varied io-close)"
OURS=$(last_opened)
wait_for 2 sh -c "! ip netns exec $F nft list set inet otfw_opened alive4 | grep -q '$(wire "$OURS") expires'" || fail 'the kernel still knows it'
same 'closed, the kernel knows no length of it' 0 "$(varied "$OURS")"
: >"$REACHED"
io "$OURS" 6 10
same 'and nothing reaches the device' 0 "$(reached '^io')"
io "$VARIED" 6 10
same 'the other one goes on' 10 "$(reached '^io')"

# An isolated zone is cut off from its I/O as well, at once; released, it goes on.
OURS=$FIRST
"$B/otfwctl" isolate cell --run-dir "$RUN" --reason test >/dev/null || fail 'isolate'
: >"$REACHED"
io "$OURS" 10 10
same 'isolated: nothing' 0 "$(reached '^io')"
"$B/otfwctl" release cell --run-dir "$RUN" --reason test >/dev/null || fail 'release'
io "$OURS" 10 10
same 'released: it goes on' 10 "$(reached '^io')"

# A reload keeps it as long as its rule is there.
fw_reload >/dev/null || fail 'reload'
: >"$REACHED"
io "$OURS" 10 10
same 'a reload lets it go on' 10 "$(reached '^io')"
sed -i 's/- id: io$/- id: other/' "$POLICY"
fw_reload >/dev/null || fail 'reload'
wait_for 2 unknown "$OURS" || fail 'its rule is gone and the way is open'
: >"$REACHED"
io "$OURS" 10 10
same 'without its rule it is closed' 0 "$(reached '^io')"
"$B/otfwctl" ledger --run-dir "$RUN" >"$TMP/ledger" || fail "the ledger does not balance: $(cat "$TMP/ledger")"
ok 'the ledger balances'
fw_stop
in_f "$B/otfwd" --remove --policy "$POLICY" >/dev/null 2>&1 || fail '--remove'
same 'removed, nothing of it is left' 0 "$(in_f nft list tables | grep -c otfw_opened)"
