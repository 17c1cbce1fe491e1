#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P4 and P6 under a flood. Somebody sends all that one processor can: junk tuples, wrong checksums, SYNs that fill the connection tracking table,
# then listed tuples with malformed and oversized PDUs. Meanwhile a safety flow loses nothing and is as fast as on the same plant
# without otfw under the same flood, within BUDGET; an open zone's session lives; at the end the ledger balances to the packet.
#
# The plant stands twice, with otfw and without any netfilter rule, and rounds of a second take turns between the two: what disturbs the machine for
# longer disturbs both. What is compared is the median of the rounds' 99.9th percentiles. The daemon and its engines share the
# flood's processor, and the safety flow has the other one to itself, with otfw and without: doc/otfwd.md says why. That one is kept
# awake by a process that gives way at once: else it sleeps between two datagrams, and wakes with what others left in its caches.
#
# A ratio above LIMIT, which holds beside compilers on both processors too, fails where three quarters of the rounds are above BUDGET as well, each against
# the one beside it, or where it is above 3; else the machine is too restless to say. Between BUDGET, which is DESIGN's, and LIMIT the test does not pass either: it
# ends as skipped, with the figures.
. "$(dirname "$0")/guardian.inc"
need_tools "$TOOLS/flood" "$TOOLS/udp_ping" "$TOOLS/modbus_poll"
guardian_plant
ROUNDS=${ROUNDS:-24} SAMPLES=${SAMPLES:-2000}
BUDGET=1.2 LIMIT=${LIMIT:-2}
# The whole client zone may use the kernel lane: so that SYNs of many neighbours are accepted, and fill the table.
sed 's/clients: \[hmi\], tcp: \[8080\]/clients: any, tcp: [8080]/' $POLICY >"$TMP/policy.yaml"
POLICY=$TMP/policy.yaml
netns x; X=$NS
netns bc; BC=$NS
netns bf; BF=$NS
netns bs; BS=$NS
lay() { plant_lay && guardian_lay; }
C=$BC F=$BF S=$BS lay

# prepare NAME: the plant of $C, $F and $S can be flooded from a cable of its own, and its servers answer.
prepare() {
	local d
	server_start
	cable "$X" "to-$1" "$F" any0
	for d in all any0; do in_f sh -c "echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter"; done
	# What is not for a service gets no answer: the flood is to be about the way to the servers. Connection tracking is no business of theirs.
	in_s iptables -A INPUT -p tcp --dport 8080 -j DROP 2>/dev/null || in_s nft 'add table ip t; add chain ip t i { type filter hook input priority 0; }; add rule ip t i tcp dport 8080 drop'
	in_s sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit' 2>/dev/null
	bg in_s taskset -c 0 "$TOOLS/udp_ping" -e -f $SIS_B 30010
	wait_for 5 udp_bound "$S" 30010 || fail 'nothing listens on UDP port 30010'
}
prepare with
C=$BC F=$BF S=$BS prepare without

# flood PLANT SECONDS KINDS PORT [LIMITS]: from a cable of its own, on the second processor.
flood() {
	local mac
	mac=$(in_f cat /sys/class/net/any0/address)
	ip netns exec "$X" taskset -c 1 "$TOOLS/flood" -i "to-$1" -m "$mac" -s "$2" ${5:-} "$3" $HMI $PLC "$4"
}
# The measured flow, at real-time priority on the first processor, with otfw and without; its line in $TMP/NAME.
probe() { in_c taskset -c 0 "$TOOLS/udp_ping" -f -n "$SAMPLES" -i 500 -w 100 $SIS_A $SIS_B 30010 >"$TMP/$1" || :; }
# One round: junk first, then listed tuples; the flood lasts as long as the probe does.
round() {
	local half sender
	half=$(awk "BEGIN { print $SAMPLES / 4000 + 0.15 }")
	(flood "$1" "$half" junk,invalid,junk,syn 8080; flood "$1" "$half" pdu,big,middle,junk 502) >"$TMP/flood" &
	sender=$!
	sleep 0.1
	probe "$1"
	wait $sender
	part "$1" p999 >>"$TMP/p999-$1"
	part "$1" p50 >>"$TMP/p50-$1"
	echo "note: $1: $(cat "$TMP/$1"); flood: $(xargs <"$TMP/flood")"
}
round_without() { C=$BC F=$BF S=$BS round without; }
round_with() {
	round with
	same "round $i: answers of the safety flow" "$(part with sent)" "$(part with answers)"
}
part() { sed -n "s/.*$2 \([0-9.]*\).*/\1/p" "$TMP/$1"; }
# quantile Q: of numbers, one a line.
quantile() { sort -n | awk -v q="$1" '{ v[NR] = $1 } END { at = 1 + (NR - 1) * q; i = int(at); print v[i] + (at - i) * (v[i < NR ? i + 1 : i] - v[i]) }'; }
ratio() { awk "BEGIN { printf \"%.3f\", $1 / $2 }"; }

# In a session of its own: where the kernel shares processors out by session, it would take the flood's share.
bg setsid nice -n -20 taskset -c 0 "$TOOLS/udp_ping" -k
AWAKE=$!
echo -20 2>/dev/null >"/proc/$AWAKE/autogroup" || :
PIN="taskset -c 1" fw_start "$POLICY"
# The hook that lib.sh has made to ask the kernel for a queue would be met by every packet.
in_f nft delete chain ip mangle FORWARD 2>/dev/null
for ((i = 1; i <= ROUNDS; i++)); do
	if ((i % 2)); then round_without && round_with; else round_with && round_without; fi
done
fw_stop
in_f "$B/otfwd" --remove || fail 'otfwd --remove fails'
with=$(quantile 0.5 <"$TMP/p999-with") without=$(quantile 0.5 <"$TMP/p999-without")
slow=$(ratio "$with" "$without")
above=$(paste "$TMP/p999-with" "$TMP/p999-without" | awk -v b=$BUDGET '$1 > b * $2' | wc -l)
echo "note: median of medians: $(quantile 0.5 <"$TMP/p50-with") us with otfw, $(quantile 0.5 <"$TMP/p50-without") us without; p99.9 above $BUDGET x that of the round beside it: $above of $ROUNDS"
UNMET=
awk "BEGIN { exit !($slow > $BUDGET) }" && UNMET="$slow x ($with us, $without us without), above it in $above of $ROUNDS rounds"
if awk "BEGIN { exit !($slow > $LIMIT && $slow <= 3 && $above < 0.75 * $ROUNDS) }"; then
	UNMET="$UNMET; the machine is too restless to say more"
else
	below "P4: safety flow under flood, median of p99.9: $with us with otfw, $without us without; ratio" "$LIMIT" "$slow"
fi
kill $AWAKE

# The same once more, with an open zone's session and the books.
max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
PIN="taskset -c 1" fw_start "$POLICY"
bg in_c "$TOOLS/modbus_poll" -s 12 -i 2000 -w 5000 $PACKER >"$TMP/poll"
POLLER=$!
(flood with 7 syn 8080 "-n 2000000"; in_f cat /proc/sys/net/netfilter/nf_conntrack_count >"$TMP/tracked"; flood with 3 pdu,big,middle,junk,invalid 502) >"$TMP/flood" &
sender=$!
sleep 0.3
SAMPLES=18000 probe books
wait $sender
echo "note: flood: $(xargs <"$TMP/flood"); entries in connection tracking: $(cat "$TMP/tracked") of $max"
[ "$(cat "$TMP/tracked")" -ge $((max * 9 / 10)) ] || fail 'the connection tracking table was not full'
ok 'the connection tracking table was full'
same 'P4: safety flow with a full table: answers' "$(part books sent)" "$(part books answers)"
wait $POLLER
same 'open zone: every request of the session that was there got its answer' 0 $?
echo "note: open zone: $(cat "$TMP/poll")"
idle() { [ "$(in_f awk '{ n += $3 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue)" -eq 0 ]; }
wait_for 10 idle || fail 'packets wait still, ten seconds after the flood'
sleep 0.5
"$B/otfwctl" ledger --run-dir "$RUN" >"$TMP/ledger"
same 'P6: the ledger after the flood: exit status' 0 $?
grep -e '^zone cell' -e '^all' -e dropped -e balances "$TMP/ledger" | sed 's/^/note: /'
same 'P6: it balances, and nothing moved while it was read' '*balances (0 packets moved*' "$(tail -n 1 "$TMP/ledger")"
for c in invalid unlisted; do grep -q "$c [1-9]" "$TMP/ledger" || fail "the ledger has no $c packets"; done
same 'denials for which no event was written are counted' '[1-9]*' "$(fw_status | tr -d '\n' | grep -o '"events-spared": *[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }')"
fw_stop
[ -z "$UNMET" ] || skip "all else holds, but the budget for the safety flow's p99.9 under flood, $BUDGET x, is not met here: $UNMET"
