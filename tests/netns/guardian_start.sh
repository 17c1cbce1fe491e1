#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Starting: a bad policy touches nothing; traffic of the host itself and other people's rules are never touched; a jump that somebody took
# away is put back; a second daemon is refused and disturbs nothing.
. "$(dirname "$0")/guardian.inc"
guardian_plant
server_start
bg in_f "$TOOLS/modbus_server" -p 5020
wait_for 5 listening "$F" 5020 || fail 'the host service does not listen'
need_tools "$B/otfwd" "$B/otfw-engine" "$B/otfw-recorder" "$B/otfwctl"
need_queue
start() { in_f timeout 20 "$B/otfwd" --libexec "$PWD/$B" --run-dir "$TMP/run" --state-dir "$TMP/state" "$@" >"$TMP/out" 2>&1; }

start --policy "$TMP/none.yaml"
same 'no such policy: exit status' 1 $?
same 'no such policy: it is named' "*$TMP/none.yaml*" "$(cat "$TMP/out")"
sed 's/at-most: \[read, write\]/at-most: [raed]/' $POLICY >"$TMP/bad.yaml"
start --policy "$TMP/bad.yaml"
same 'bad policy: exit status' 1 $?
same 'bad policy: file and line' "*$TMP/bad.yaml:2?:*error*raed*" "$(tr '\n' ' ' <"$TMP/out")"
same 'bad policy: what it left in the kernel' 0 "$(traces)"
start --polcy x
same 'unknown option: exit status' 2 $?
start --queue-base 70000
same 'queue base out of range: exit status' 2 $?
start --backend ipfw
same 'unknown backend: exit status' 2 $?

# What a promise rests on: refused, with the reason, where it is not so.
refused() {
	same "$1: exit status" 1 "$2"
	same "$1: the reason" "$3" "$(tr '\n' ' ' <"$TMP/out")"
	in_f "$B/otfwd" --remove
}
tune "$F" net/netfilter/nf_conntrack_tcp_be_liberal=1
start --policy $POLICY
refused 'connection tracking is liberal' $? '*nf_conntrack_tcp_be_liberal is 1, should be 0*promise*'
tune "$F" net/netfilter/nf_conntrack_tcp_be_liberal=0
if setpriv --bounding-set=-sys_nice true 2>/dev/null; then
	in_f timeout 20 setpriv --bounding-set=-sys_nice "$B/otfwd" --libexec "$PWD/$B" --run-dir "$TMP/run" --policy $POLICY >"$TMP/out" 2>&1
	refused 'no real-time priority' $? '*real-time priority is not to be had*'
	in_f timeout 20 setpriv --bounding-set=-ipc_lock "$B/otfwd" --libexec "$PWD/$B" --run-dir "$TMP/run" --policy $POLICY >"$TMP/out" 2>&1
	refused 'no locked memory' $? '*memory cannot be locked*'
fi

for s in checksum=0 tcp_loose=0; do
	tune "$F" net/netfilter/nf_conntrack_$s
	start --policy $POLICY
	refused "connection tracking with $s" $? "*nf_conntrack_${s%=*} is 0, should be 1*promise*"
	tune "$F" net/netfilter/nf_conntrack_${s%=*}=1
done
need_tools "$TOOLS/no_buffer"
in_f timeout 20 "$TOOLS/no_buffer" "$B/otfwd" --libexec "$PWD/$B" --run-dir "$TMP/run" --state-dir "$TMP/state" --policy $POLICY >"$TMP/out" 2>&1
refused 'no receive buffer' $? '*queue *: receive buffer is * octets, * are needed for 2048 packets*'

# Told to go on all the same, it says each of them, and inspects.
tune "$F" net/netfilter/nf_conntrack_checksum=0
PIN=$TOOLS/no_buffer fw_start $POLICY --best-effort
for w in 'receive buffer is .*; going on as told' 'warning: net.netfilter.nf_conntrack_checksum is 0'; do
	grep -q "$w" "$FWLOG" || fail "--best-effort: it does not say: $w"
	ok "--best-effort: it says: $(grep "$w" "$FWLOG" | tail -n 1)"
done
client_open best "$C" $PLC
expect best 'read holding 3 1' 'ok 3'
expect best 'write register 5 5' reset
client_close best
fw_stop
in_f "$B/otfwd" --remove || fail 'otfwd --remove fails'
tune "$F" net/netfilter/nf_conntrack_checksum=1

# A ruleset of an older version, whose hooks were others: refused, and taken away by this one.
fw_start $POLICY
fw_stop
layout=$(in_f iptables-save -t mangle 2>/dev/null | sed -n 's/^:\(otfw-layout-[0-9]*\) .*/\1/p')
if [ -n "$layout" ]; then
	in_f iptables -t mangle -X "$layout"
	in_f iptables -t mangle -N otfw-zones_in
	in_f iptables -t mangle -I FORWARD -j otfw-zones_in
	start --policy $POLICY
	same "another version's ruleset: exit status" 1 $?
	same "another version's ruleset: the reason" '*IPv4 ruleset in the kernel is another version*otfwd --remove*' "$(tr '\n' ' ' <"$TMP/out")"
	same "another version's ruleset: it stays" 'connect:*' "$(printf 'read holding 1 1\n' | in_c "$TOOLS/modbus_client" -t 500 $PLC | cut -d' ' -f2-)"
else
	echo 'note: the nft backend is in use, which replaces an older ruleset by itself'
fi
in_f "$B/otfwd" --remove || fail 'otfwd --remove fails'
same 'removed: what is left of otfw' 0 "$(traces)"

in_f iptables -A FORWARD -m comment --comment theirs -j ACCEPT
in_f iptables -A INPUT -m comment --comment theirs -j ACCEPT
fw_start $POLICY --queue-base 7
same 'queue numbers begin where they should' '7 8' "$(in_f awk '{ print $1 }' /proc/net/netfilter/nfnetlink_queue | xargs)"
same "the host's own service" 'ok 3' "$(echo 'read holding 3 1' | in_c "$TOOLS/modbus_client" 10.10.1.1 5020 | cut -d' ' -f2-)"
same "the host's own request" 'ok 3' "$(echo 'read holding 3 1' | in_f "$TOOLS/modbus_client" $PLC 502 | cut -d' ' -f2-)"
same 'rules in chains of the host' 0 "$(in_f iptables-save | grep -E '^-A (INPUT|OUTPUT)' | grep -c otfw)"
client_open hmi "$C" $PLC
expect hmi 'read holding 4 1' 'ok 4'

mkdir "$TMP/second"
in_f timeout 20 "$B/otfwd" --libexec "$PWD/$B" --run-dir "$TMP/second" --state-dir "$TMP/state2" --policy $POLICY --queue-base 7 >"$TMP/out" 2>&1
same 'a second daemon: exit status' 1 $?
same 'a second daemon: why' '*queue 7: another process has it*' "$(tr '\n' ' ' <"$TMP/out")"
expect hmi 'read holding 5 1' 'ok 5'

# Limits of privilege after the start (bounding set: nothing comes back by exec).
for cap in 21:SYS_ADMIN 16:SYS_MODULE 19:SYS_PTRACE 0:CHOWN 17:SYS_RAWIO; do
	bits=$(sed -n 's/^CapBnd:\t//p' "/proc/$FWPID/status")
	same "the guardian has no CAP_${cap#*:}" 0 $(((0x$bits >> ${cap%:*}) & 1))
done
recorder=$(recorder_pid)
same 'the recorder is not root' '[1-9]*' "$(awk '/^Uid:/ { print $2 }' "/proc/$recorder/status")"
same 'the recorder has no capability' 0000000000000000 "$(sed -n 's/^CapEff:\t//p' "/proc/$recorder/status")"
for p in $recorder $(engines); do
	same "$(cat /proc/"$p"/comm) holds no other queue or policy file" '' "$(readlink /proc/"$p"/fd/* | grep -v -e '^/dev/null$' -e '^socket:' -e '^/memfd:' -e "^$TMP" -e '^anon_inode:' -e '^pipe:' -e '/nf_conntrack[_a-z]*$')"
done
# What the recorder is handed to read it cannot open anew to write.
modes=$(for fd in /proc/"$FWPID"/fd/*; do case $(readlink "$fd") in /memfd:otfw-queue* | */sessions/*) [ -f "$fd" ] && stat -Lc '%u %a' "$fd" ;; esac; done | sort -u)
same 'the memory of queues: owner and mode' '0 600' "$modes"

if in_f iptables -C FORWARD -j otfw-forward 2>/dev/null; then
	fw_stop
	in_f iptables -D FORWARD -j otfw-forward
	fw_start $POLICY --queue-base 7
	same 'the jump that somebody took away is back, first' '-A FORWARD -j otfw-forward' "$(in_f iptables -S FORWARD | sed -n 2p)"
	expect hmi 'read holding 6 1' 'ok 6'
fi
fw_stop
in_f "$B/otfwd" --remove || fail 'otfwd --remove fails'
same "removed: others' rules" 2 "$(in_f iptables-save | grep -c theirs)"
in_f "$B/otfwd" --remove
same 'removed twice: exit status' 0 $?
