#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P5, bounded delay, open zone: while its engine is stopped, killed, in an endless loop or crashed by a PDU, each REPS times (25; the proof is a
# run with REPS=100), and the kernel's own fail-open is off, no packet of a running session takes longer than the deadline (5 ms) and
# 3 ms, and no session is lost. The PDU that crashes the engine does not reach the server, and its session gets a reset. FAULTS: some of "stop
# kill loop crash" only.
#
# The limit holds for the sum of firewall and machine: nothing is subtracted, nothing repeated. A packet's way ends when the far interface has it,
# by the kernel's time stamp; `heard` is until the prober's thread ran. Of the 3 ms, 1 ms is the guardian's (two ticks), or 2 ms while one of its
# two CPUs stands still. Where this machine kept both of its real-time threads waiting for more than 2 ms (the guardian says by how much
# a tick was ever late), and the worst packet is within the limit and twice that, or gave an engine no processor for the whole deadline, the promise
# is not shown here and not refuted: the test ends as skipped, with the figures.
. "$(dirname "$0")/promise.inc"
LIMIT=8000
unfit=
promise_plant open --no-fail-open

probe_start calm -k 4 -i 5000 -s 3 -x $LIMIT
wait_for 6 grep -q ^samples "$TMP/calm.probe" || fail 'the calm probe does not end'
probe_end calm
same 'P5: calm: sessions lost, wrong answers' '0 0' "$LOST $WRONG"

for fault in ${FAULTS:-stop kill loop crash}; do
	before=$(status suspects)
	released=$(status released)
	probe_start $fault -k 4 -i 5000 -x $LIMIT
	answers=0
	for ((REP = 0; REP < REPS; REP++)); do
		SHOT=
		fault_$fault
		[ "$SHOT" = answer ] && answers=$((answers + 1))
	done
	probe_end $fault
	late=$(status tick-late-us)
	if [ "$OVER" -gt 0 ] && [ "$late" -gt 2000 ]; then
		below "P5: engine $fault, $REPS times: slowest packet, with ticks late by $late us" $((LIMIT + 2 * late)) "$MAX"
		unfit="$unfit $fault: $OVER of $SAMPLES packets above $LIMIT us, worst $MAX;"
	else
		same "P5: engine $fault, $REPS times, ticks late by at most $late us: packets of $SAMPLES above $LIMIT us" 0 "$OVER"
	fi
	same "P5: engine $fault: wrong answers" 0 "$WRONG"
	suspects=$(($(status suspects) - before))
	case $fault in
	stop | kill) same "P5: engine $fault: suspects" 0 $suspects ;;
	crash)
		# One that no engine had the processor to read within the deadline has gone on by then, as promised, and crashes what looks at it later.
		same 'P5: engine crash: every PDU that an engine died on denied, or let go at the deadline before' $REPS $((suspects + answers))
		[ $answers -eq 0 ] || unfit="$unfit crash: $answers of $REPS magic PDUs waited for the processor until the deadline;"
		;;
	esac
	same "P5: engine $fault: sessions lost" 0 "$LOST"
	[ "$(status released)" -gt "$released" ] || fail "P5: engine $fault: no packet was released, so nothing was tested"
	ok "P5: engine $fault: packets released by the guardian: $(($(status released) - released))"
done
grep -q 'packets pass uninspected from here' "$EVENTS" || fail 'P6: no event at the start of an uninspected period'
sleep 1.2
event_end() { grep -q 'inspection again; [1-9][0-9]* packets passed uninspected' "$EVENTS"; }
wait_for 3 event_end || fail 'P6: no event at the end of an uninspected period'
ok 'P6: start and end of each uninspected period are events'
late=$(status tick-late-us)
fw_stop
[ -z "$unfit" ] || skip "all else holds, but this machine kept its real-time threads waiting for up to $late us:$unfit"
