#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: one run, interleaved rounds, fresh namespaces each time, of
#
#   direct   client - router - server, no queue
#   accept   the same with an NFQUEUE loop that accepts everything and looks at nothing (accept_loop.c)
#   otfw     the same with otfw and a policy
#
# and the ratios of DESIGN section 10 for what can be measured here. Round trips: client, server and what inspects share CPU 0, so that
# the path is compared and not the scheduler. Pure acknowledgements pass in the kernel in both `accept` and `otfw`.
# ROUNDS=10 READS=20000 BULK_ROUNDS=5 BULK_MB=1000 FAULT_REPS=25 FAULT_ROUNDS=24 change the amount.
set -u
. "$(dirname "$0")/../netns/lib.sh"
ROUNDS=${ROUNDS:-10} READS=${READS:-20000} BULK_ROUNDS=${BULK_ROUNDS:-5} BULK_MB=${BULK_MB:-1000}
need_root
need_tools "$BENCH/accept_loop" "$BENCH/responder" "$BENCH/make_capture" "$TOOLS/modbus_poll" "$TOOLS/modbus_bulk" "$B/otfwd" "$B/otfwctl"
OUT=$(mktemp -d /tmp/otfw-bench.XXXXXX)
trap 'down; rm -rf "$OUT"' EXIT
ACK4='16,177 0 0 0,40 0 0 6,69 11 0 16383,80 0 0 13,84 0 0 63,21 0 8 16,80 0 0 12,116 0 0 2,84 0 0 60,2 0 0 0,40 0 0 2,28 0 0 0,97 0 0 0,29 1 0 0,6 0 0 0,6 0 0 65535'

# The policy of the measurement: N rules, of which the HMI has two. Its address is behind all others: if anything looks through
# them one by one, it shows.
policy() { # N
	local i
	cat <<-'END'
		version: 1
		site: {name: bench}
		zones:
		  control-room: {level: 2, networks: [10.10.1.0/24, 10.5.0.0/16], failure: closed}
		  cell: {level: 1, networks: [10.10.2.0/24], failure: closed}
		hosts: {hmi: 10.10.1.2, plc: 10.10.2.2}
		conduits:
		  - name: control
		    from: [control-room]
		    to: cell
		    servers: [plc]
		    protocols: [modbus]
		    mode: enforce
		    at-most: [read, write]
		    allow:
		      - {id: view, clients: [hmi], protocol: modbus, units: [1], functions: [read-holding-registers, read-input-registers], addresses: {holding: [0..99], input: [0..99]}}
		      - {id: recipe, clients: [hmi], protocol: modbus, ports: [1502], units: [0], functions: [write-multiple-registers], addresses: {holding: [0..122]}, values: 0..1023}
	END
	for ((i = 2; i < $1; i++)); do
		echo "      - {id: r$i, clients: [10.5.$((i / 250)).$((1 + i % 250))], protocol: modbus, units: [$((1 + i % 200))], functions: [read-holding-registers], addresses: {holding: [$((i % 5000))..$((i % 5000 + 9))]}}"
	done
}
# Compiled once: the compiler is not what is measured.
for n in 10 10000; do
	policy $n >"$OUT/$n.yaml"
	"$B/otfwctl" compile "$OUT/$n.yaml" -o "$OUT/$n.image" >"$OUT/compile" 2>&1 || fail "the policy of the measurement: $(cat "$OUT/compile")"
done

INSPECTOR=
begin() { # MODE PIN
	plant_up
	PIN=$2
	INSPECTOR=
	case $1 in
	direct) ;;
	accept)
		need_queue
		in_f iptables -A FORWARD -p tcp -m bpf --bytecode "$ACK4" -j ACCEPT || fail 'iptables has no bpf match'
		in_f iptables -A FORWARD -p tcp -j NFQUEUE --queue-num 7
		bg in_f $PIN "$BENCH/accept_loop" 7 >"$TMP/loop"
		INSPECTOR=$!
		wait_for 5 grep -q ready "$TMP/loop" || fail 'the accept-everything loop does not start'
		queue_bound || fail 'no queue is bound'
		;;
	otfw*)
		fw_start "$OUT/${1#otfw-}.image"
		INSPECTOR=$(engine_pid)
		;;
	esac
}
end() {
	down
	PIDS=() NAMESPACES=() FWPID='' TMP=''
}
cpu_ns() { cut -d' ' -f1 "/proc/$INSPECTOR/schedstat"; }
queued() { in_f awk '{n += $8} END {print n + 0}' /proc/net/netfilter/nfnetlink_queue; }

# reads MODE: one line "p50 p99 p999 cpu-us-per-packet" into $OUT/MODE
reads() {
	local c0=0 q0=0 c1=0 q1=0 line
	begin "$1" 'taskset -c 0'
	bg in_s $PIN "$BENCH/responder" 502
	wait_for 5 listening "$S" 502 || fail 'the responder does not listen'
	in_c $PIN "$TOOLS/modbus_poll" -n 2000 $PLC >/dev/null || fail "$1: the warm-up failed"
	[ -n "$INSPECTOR" ] && c0=$(cpu_ns) q0=$(queued)
	line=$(in_c $PIN "$TOOLS/modbus_poll" -n "$READS" $PLC) || fail "$1: $line"
	[ -n "$INSPECTOR" ] && c1=$(cpu_ns) q1=$(queued)
	[ -z "$INSPECTOR" ] || [ $((q1 - q0)) -ge $((2 * READS)) ] || fail "$1: only $((q1 - q0)) packets were queued"
	awk -v c=$((c1 - c0)) -v q=$((q1 - q0)) '{print $8, $10, $12, q ? c / q / 1000 : 0}' <<<"$line" >>"$OUT/$1"
	end
}
# bulk MODE: one line "Gbit/s" into $OUT/bulk-MODE; not pinned
bulk() {
	local line
	begin "$1" ''
	bg in_s "$TOOLS/modbus_bulk" sink 1502 >"$TMP/sink"
	wait_for 5 listening "$S" 1502 || fail 'the sink does not listen'
	line=$(in_c timeout 300 "$TOOLS/modbus_bulk" send $PLC 1502 "$BULK_MB") || fail "$1: $line"
	wait_for 3 grep -q received "$TMP/sink" || fail "$1: $(cat "$TMP/sink")"
	awk '{print $6}' <<<"$line" >>"$OUT/bulk-$1"
	end
}
median() { sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
col() { awk -v c="$2" '{print $c}' "$OUT/$1" | median; }
# The ratio of each round, then the median of those: rounds are pairs, machines drift.
paired() { paste -d' ' "$OUT/$1" "$OUT/$2" ${4:+"$OUT/$4"} | awk "{print $3}" | median; }

echo "Linux $(uname -r), $(nproc) CPUs; $ROUNDS rounds of $READS reads each, $BULK_ROUNDS bulk streams of $BULK_MB MB each"
for ((r = 0; r < ROUNDS; r++)); do
	for m in direct accept otfw-10 otfw-10000; do reads $m; done
done
for ((r = 0; r < BULK_ROUNDS; r++)); do
	for m in direct accept otfw-10; do bulk $m; done
done

printf '\n%-34s %10s %10s %10s %12s\n' '' direct accept otfw '10,000 rules'
i=0
for n in 'round trip p50, us' 'round trip p99, us' 'round trip p99.9, us'; do
	i=$((i + 1))
	printf '%-34s %10.2f %10.2f %10.2f %12.2f\n' "$n" "$(col direct $i)" "$(col accept $i)" "$(col otfw-10 $i)" "$(col otfw-10000 $i)"
done
printf '%-34s %10s %10.3f %10.3f %12.3f\n' 'CPU per inspected packet, us' '-' "$(col accept 4)" "$(col otfw-10 4)" "$(col otfw-10000 4)"
printf '%-34s %10.2f %10.2f %10.2f %12s\n' 'bulk stream, Gbit/s' "$(col bulk-direct 1)" "$(col bulk-accept 1)" "$(col bulk-otfw-10 1)" '-'

over=0
row() { # WHAT FIGURE BUDGET UNIT le|ge
	local say=ok
	if awk "BEGIN { exit !($2 $([ "$5" = le ] && echo '>' || echo '<') $3) }"; then say=OVER over=$((over + 1)); fi
	printf '%-74s %9s  %s %s%s  %s\n' "$1" "$2$4" "$([ "$5" = le ] && echo '<=' || echo '>=')" "$3" "$4" "$say"
}
r2() { printf '%.2f' "$1"; }
printf '\n'
row 'added median round trip, against accept-everything' "$(r2 "$(paired direct accept '($9 - $1) / ($5 - $1)' otfw-10)")" 1.15 x le
row '(the whole median round trip, against accept-everything)' "$(r2 "$(paired accept otfw-10 '$5 / $1')")" 1.15 x le
row 'CPU per inspected packet, against accept-everything' "$(r2 "$(paired accept otfw-10 '$8 / $4')")" 1.2 x le
row '10,000 rules against 10: added median round trip' "$(r2 "$(paired direct otfw-10 '($9 - $1) / ($5 - $1)' otfw-10000)")" 1.1 x le
row '10,000 rules against 10: CPU per inspected packet' "$(r2 "$(paired otfw-10 otfw-10000 '$8 / $4')")" 1.1 x le
row 'one bulk TCP stream, against accept-everything' "$(r2 "$(paired bulk-accept bulk-otfw-10 '$2 / $1')")" 0.9 x ge

# Instructions: the decoder and the matcher alone, over the capture path.
if command -v valgrind >/dev/null; then
	"$BENCH/make_capture" 1000 "$OUT/reads.pcap" || fail 'make_capture'
	for n in 10 10000; do
		if valgrind --tool=callgrind --callgrind-out-file="$OUT/cg.$n" --collect-atstart=no --toggle-collect=modbus_decode \
			--toggle-collect=policy_match_used "$B/otfwctl" replay --policy "$OUT/$n.image" "$OUT/reads.pcap" >"$OUT/replay.$n" 2>"$OUT/cg.err" &&
			[ "$(grep -c allow "$OUT/replay.$n")" -ge 1000 ]; then
			total=$(awk '/^(summary|totals):/ {print $2; exit}' "$OUT/cg.$n")
			row "decode + match of one read request, instructions, $n rules" $((total / 1000)) 400 '' le
		else
			echo "callgrind did not run: $(tail -n 1 "$OUT/cg.err")"
		fi
	done
else
	echo 'valgrind is not installed: instructions not counted'
fi

# Memory: what is resident, with the shared memory counted whole whether touched or not.
begin otfw-10 ''
bg in_s "$BENCH/responder" 502
wait_for 5 listening "$S" 502
in_c "$TOOLS/modbus_poll" -n 1000 $PLC >/dev/null || fail 'the poller'
own=$(awk '/^Rss(Anon|File):/ {n += $2} END {print n}' "/proc/$INSPECTOR/status")
shared=$(awk '/^[0-9a-f]+-[0-9a-f]+ / {m = /memfd:/} m && /^Size:/ {n += $2} END {print n + 0}' "/proc/$INSPECTOR/smaps")
row "engine memory, MiB (own $((own / 1024)), shared with guardian and recorder $((shared / 1024)))" $(((own + shared + 1023) / 1024)) 128 '' le
end

# Faults: the tests that keep these promises, shortened, and the figures they print. A test that fails has no figures: that is said.
fault() { # NAME, in $OUT/NAME: 0 when it has figures
	env "${@:2}" "tests/netns/$1.sh" >"$OUT/$1" 2>&1
	local rc=$?
	[ $rc -eq 0 ] || [ $rc -eq 77 ] && return 0
	echo "tests/netns/$1.sh fails: $(grep -m 1 -e '^WRONG' "$OUT/$1" || tail -n 1 "$OUT/$1")"
	over=$((over + 1))
	return 1
}
found() { # WHAT FIGURE BUDGET UNIT le|ge: a row, where the test has printed a figure
	if [ -n "$2" ]; then row "$@"; else echo "$1: not measured: $(tail -n 1 "$OUT/$FAULT")" && over=$((over + 1)); fi
}
echo
FAULT=promise_p5_bounded_delay
if fault $FAULT REPS="${FAULT_REPS:-25}"; then
	for what in stop kill loop crash; do
		worst=$(sed -n "s/^ *$what: samples .* max \([0-9.]*\).*/\1/p" "$OUT/$FAULT")
		found "open zone, deadline 5 ms, engine $what, ${FAULT_REPS:-25} times: slowest packet" "${worst:+$(awk "BEGIN { printf \"%.1f\", $worst / 1000 }")}" 8 ' ms' le
	done
fi
FAULT=promise_p4_flood
if fault $FAULT ROUNDS="${FAULT_ROUNDS:-24}" LIMIT=100; then
	found 'safety lane under flood: p99.9, against no firewall at all' "$(sed -n 's/.*P4: safety flow under flood.*ratio: \([0-9.]*\) .*/\1/p' "$OUT/$FAULT")" 1.2 x le
fi
FAULT=modbus_reload
if fault $FAULT; then
	found 'policy swap under load, 20 times: packets lost' "$(sed -n 's/^ok *packets lost meanwhile.*: \([0-9]*\)$/\1/p' "$OUT/$FAULT")" 0 '' le
fi
echo
[ "$over" -eq 0 ] && echo 'All within budget.' || echo "$over over budget."
exit 0
