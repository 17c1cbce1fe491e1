#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P8, the policy swap: packets that wait survive it, also a stuck engine's; a failure mode that appears gets a queue and an engine of its own and
# moves nobody else's; a ruleset that the kernel refuses leaves the old policy in force, in engines and kernel alike.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
server_start
sed '/  line:/d; /- name: line/,/addresses/d; /packer/d' $POLICY >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
client_open hmi "$C" -t 1500 $PLC
expect hmi 'read holding 1 1' 'ok 1'
same 'one failure mode, one engine' 1 "$(engines | wc -l)"
first=$(engine_pid)

cp $POLICY "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'the wider policy does not load'
same 'an open zone appears: engines' 2 "$(engines | wc -l)"
same 'the first engine goes on' "$first" "$(engines | grep -x "$first")"
client_open line "$C" -t 1500 $PACKER
expect line 'read holding 2 1' 'ok 2'
expect hmi 'read holding 2 1' 'ok 2'
ask hmi connects
same 'the session of before' 'ok 1' "$SAID"

# A stuck engine: the swap replaces it; what waited is judged by the new one. Datagrams, because nobody sends those again.
udp_sink "$S" $PLC 502 "$TMP/sunk"
closed=$(in_f awk '{ print $1; exit }' /proc/net/netfilter/nfnetlink_queue)
kill -STOP "$first"
udp_send "$C" $HMI $PLC 502 20 000100000006010300010001
arrived() { [ "$(waiting "$closed")" -eq 20 ]; }
wait_for 3 arrived || fail "20 datagrams do not wait for the stopped engine ($(waiting "$closed"))"
fw_reload >/dev/null || fail 'the swap fails because an engine is stuck'
gone() { ! kill -0 "$first"; }
wait_for 3 gone || fail 'the stuck engine lives'
sunk() { [ "$(wc -c <"$TMP/sunk")" -ge 20 ]; }
wait_for 3 sunk
same 'P8: of 20 datagrams that waited through the swap arrived' 20 "$(wc -c <"$TMP/sunk")"
same 'nothing waits any more' 0 "$(waiting "$closed")"
expect hmi 'read holding 3 1' 'ok 3'
ask hmi connects
same 'the session of before' 'ok 1' "$SAID"

# A kernel that refuses: its tool replaced by one that fails, seen by the daemon alone.
tool=$(readlink -f "$(command -v iptables-restore)")
if in_f iptables -C FORWARD -j otfw-forward 2>/dev/null && nsenter -t "$FWPID" -m mount --bind /bin/false "$tool" 2>/dev/null; then
	generation=$(status generation)
	sed 's/holding: \[0..199\]/holding: [0..1]/' $POLICY >"$TMP/policy.yaml"
	fw_reload >"$TMP/out" 2>&1
	same 'refused by the kernel: exit status' 1 $?
	same 'refused by the kernel: why' '*the kernel does not take the ruleset*' "$(tr '\n' ' ' <"$TMP/out")"
	[ "$(status generation)" -gt "$generation" ] || fail 'engines were not given the old policy again'
	expect hmi 'read holding 100 1' 'ok 100'
	nsenter -t "$FWPID" -m umount "$tool"
	fw_reload >/dev/null || fail 'the next swap fails'
	expect hmi 'read holding 100 1' reset
	expect hmi 'read holding 1 1' 'ok 1'
else
	echo 'note: the nft backend is in use, or mounts cannot be changed: refusal by the kernel not shown'
fi
fw_stop
