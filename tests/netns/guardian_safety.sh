#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P4, the safety lane: its packets are accepted in the kernel, untracked, none is queued and none lost, with engines stopped, with the daemon
# dead and while the policy changes; nobody speaks for a safety controller from another interface.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
server_start
udp_echo "$S" $SIS_B 30010
# Somebody else's cable, for the forger below.
netns x; X=$NS
cable "$X" eth0 "$F" any0
ip -n "$X" addr add $SIS_A/32 dev eth0
ip -n "$F" addr add 10.10.8.1/24 dev any0
ip -n "$X" route add 10.10.8.0/24 dev eth0
ip -n "$X" route add default via 10.10.8.1
for d in all any0; do in_f sh -c "echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter"; done

fw_start $POLICY
before=$(queued)
same 'P4: answers to 500 datagrams' 500 "$(udp_ask "$C" $SIS_A $SIS_B 30010 500)"
same 'P4: counted in the lane, both ways' 1000 "$(counted 'safety-out sis-peer')"
same 'P4: kept out of connection tracking, both ways' 1000 "$(counted 'safety-in sis-peer')"
same 'P4: left as safety traffic' 1000 "$(counted 'ledger safety')"
same 'P4: queued' 0 $(($(queued) - before))

same 'P4: from another interface: answers' 0 "$(udp_ask "$X" $SIS_A $SIS_B 30010 50)"
same 'P4: from another interface: in the lane' 1000 "$(counted 'safety-out sis-peer')"
same 'P4: from another interface: dropped and counted by zone' 50 "$(counted 'unlisted-to sis-io')"
same 'P4: another port of the same pair: answers' 0 "$(udp_ask "$C" $SIS_A $SIS_B 30011 20)"

for p in $(engines); do kill -STOP "$p"; done
same 'P4: every engine stopped: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30010 200)"
for p in $(engines); do kill -CONT "$p"; done

udp_ask "$C" $SIS_A $SIS_B 30010 1500 >"$TMP/asked" &
ASK=$!
for _ in 1 2 3 4 5; do
	fw_reload >/dev/null || fail 'a reload failed'
	sleep 0.1
done
wait $ASK
same 'P4: five reloads meanwhile: answers to 1500' 1500 "$(cat "$TMP/asked")"

kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
same 'P4: daemon dead: answers to 200' 200 "$(udp_ask "$C" $SIS_A $SIS_B 30010 200)"
