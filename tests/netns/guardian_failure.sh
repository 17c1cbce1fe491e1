#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "daemon killed whole" and stopped: without it a closed zone passes nothing, an open zone what its conduits list and no more,
# counted as unseen; the next start goes on with the running sessions and leaves the ruleset's counters alone.
. "$(dirname "$0")/guardian.inc"
guardian_plant
server_start
bg in_s "$TOOLS/modbus_server" -p 8080
bg in_s "$TOOLS/modbus_server" -p 7777
wait_for 5 listening "$S" 8080 && wait_for 5 listening "$S" 7777 || fail 'the other servers do not listen'
tcp() { printf '%s\n' 'read holding 1 1' | in_c "$TOOLS/modbus_client" -t 700 "$1" "$2" | cut -d' ' -f2-; }

fw_start $POLICY
client_open cell "$C" -t 1500 $PLC
client_open line "$C" -t 1500 $PACKER
client_open six "$C" -t 1500 $PLC6
for c in cell line six; do expect $c 'read holding 7 1' 'ok 7'; done
same 'one engine for each failure mode' 2 "$(engines | wc -l)"
same 'kernel lane' 'ok 1' "$(tcp $PLC 8080)"
same 'a port nobody lists' 'connect:*' "$(tcp $PACKER 7777)"
same 'nothing left unseen' 0 "$(counted 'ledger unseen')"
acks=$(counted ack)
[ "$acks" -gt 0 ] || fail 'no pure ACK was accepted in the kernel'
ok "pure ACKs accepted in the kernel: $acks"
# The ledger of what came through, to the packet: all that was forwarded left with a mark or was dropped with a count.
came=$(in_f iptables-save -c 2>/dev/null | sed -n 's/^\[\([0-9]*\):.*-A FORWARD -j otfw-forward$/\1/p')
if [ -n "$came" ]; then
	left=$(counted 'ledger')
	gone=$(($(counted invalid) + $(counted unlisted) + $(counted no-zone) + $(counted reset)))
	same 'P6: IPv4 in = marked out + dropped' "$came" $((left + gone))
fi

kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
expect line 'read holding 8 1' 'ok 8'
same 'daemon dead, open zone: a new session' 'ok 1' "$(tcp $PACKER 502)"
same 'daemon dead, open zone: a port nobody lists' 'connect:*' "$(tcp $PACKER 7777)"
same 'daemon dead, closed zone: a new session' 'connect:*' "$(tcp $PLC 502)"
same 'daemon dead, closed zone: over IPv6' 'connect:*' "$(tcp $PLC6 502)"
same 'daemon dead: kernel lane' 'ok 1' "$(tcp $PLC 8080)"
unseen=$(counted 'ledger unseen')
[ "$unseen" -gt 0 ] || fail 'what the kernel let go by is not counted'
ok "daemon dead: counted as unseen: $unseen"
inspected=$(counted 'ledger inspected')

fw_start $POLICY
for c in cell line six; do
	expect $c 'read holding 9 1' 'ok 9'
	ask $c connects
	same "started again, session of $c lives" 'ok 1' "$SAID"
done
[ "$(counted 'ledger inspected')" -gt "$inspected" ] || fail 'the ledger began anew'
ok 'started again: the ledger counts on'

fw_stop
same 'stopped, open zone' 'ok 1' "$(tcp $PACKER 502)"
same 'stopped, closed zone' 'connect:*' "$(tcp $PLC 502)"
in_f "$B/otfwd" --remove || fail 'otfwd --remove fails'
same 'removed: what is left of otfw' 0 "$(traces)"
same 'removed: all passes' 'ok 1' "$(tcp $PACKER 7777)"
