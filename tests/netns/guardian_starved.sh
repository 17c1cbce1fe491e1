#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An engine that is given no processor is not stuck. For 400 ms, four times what a silent engine is allowed, something of higher priority
# has the processor of guardian and engines: no engine is killed, every session goes on, and an open zone's packets leave at their deadline.
# One that is stopped is killed as ever; so is one in a busy loop (promise_p5_bounded_delay).
. "$(dirname "$0")/guardian.inc"
command -v chrt >/dev/null || skip 'chrt is not installed'
[ "$(nproc)" -gt 1 ] || skip 'one processor: the peers would have none either'
read -r slice </proc/sys/kernel/sched_rt_runtime_us
{ [ "$slice" -ge 0 ] && [ "$slice" -lt 1000000 ]; } || skip "real-time processes are not throttled here (sched_rt_runtime_us=$slice)"
guardian_plant
server_start
PIN="taskset -c 0" fw_start "$POLICY"
client_open hmi "$C" -t 3000 $PLC
client_open line "$C" -t 3000 $PACKER
expect hmi 'read holding 1 1' 'ok 1'
expect line 'read holding 1 1' 'ok 1'
before=$(engines | sort | xargs)
stuck() { fw_status | tr -d '\n' | grep -o '"stuck": *[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'; }
same 'two engines run' '[0-9]* [0-9]*' "$before"
# Below the guardian's watch, above everything else, on its processor. Three things end it: what runs on the other one, real-time throttling (which
# leaves 50 ms of each second to others), and its own limit of 1 s.
timeout -k 0.2 0.4 taskset -c 0 sh -c 'ulimit -t 1; exec chrt -f 1 sh -c "while :; do :; done"' &
HOG=$!
PIDS+=($HOG)
sleep 0.05
expect line 'read holding 1 1' 'ok 1'
below 'ms an open zone waited for' 200 "$MS"
expect hmi 'read holding 1 1' 'ok 1'
[ "$(awk "BEGIN { print ($MS > 100) }")" = 1 ] || skip "the engine had a processor all the while: the answer took $MS ms"
ok "the closed zone's answer waited for a processor: $MS ms"
wait $HOG
same 'the same engines run' "$before" "$(engines | sort | xargs)"
same 'none was taken for stuck' 0 "$(stuck)"
for c in hmi line; do
	ask $c connects
	same "$c: one session all the while" 'ok 1' "$SAID"
done
# The same silence from one that is stopped.
for victim in $before; do
	kill -STOP "$victim"
	expect hmi 'read holding 1 1' 'ok 1'
	expect line 'read holding 1 1' 'ok 1'
	gone() { ! kill -0 "$victim" 2>/dev/null; }
	wait_for 3 gone || fail 'a stopped engine is left alone'
done
same 'both stopped engines were replaced' 2 "$(stuck)"
fw_stop
