#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "engine killed or crashed" and "recorder dead": the engine is killed under a running client, again and again: no request is
# lost, every session lives, the new engine judges as the old one did. The recorder's death changes no verdict, and a new one writes on.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
fw_start tests/netns/policy.yaml
bg in_c "$TOOLS/modbus_poll" -f 0 -c 10 $PLC >"$TMP/poll" 2>&1
POLL=$!
client_open hmi "$C" $PLC
client_open six "$C" $PLC6
expect hmi 'read holding 40 2' 'ok 40 41'
expect six 'read holding 40 2' 'ok 40 41'
another() { local p; p=$(engine_pid) && [ -n "$p" ] && [ "$p" != "$old" ] && queue_bound; }
for ((i = 1; i <= 5; i++)); do
	old=$(engine_pid)
	[ -n "$old" ] || fail 'no engine'
	kill -KILL "$old"
	expect hmi "write register 41 $i" ok
	wait_for 3 another || fail 'no new engine within 3 s'
	expect six "read holding 41 1" "ok $i"
	sleep 0.2
done
ask hmi connects
same 'engine killed five times: the HMI has one TCP session' 'ok 1' "$SAID"
ask six connects
same 'over IPv6 as well' 'ok 1' "$SAID"
same 'restarts counted' '[5-9]' "$(status restarts)"
events_mark
expect six 'write register 60 666' reset
denied 'the sixth engine' address
plc_holds '60 1' 60

old=$(recorder_pid)
kill -KILL "$old"
expect hmi 'write register 41 77' ok
events_mark
expect hmi 'write register 60 666' reset
alive() { local p; p=$(recorder_pid) && [ -n "$p" ] && [ "$p" != "$old" ]; }
wait_for 5 alive || fail 'no new recorder within 5 s'
denied 'recorder killed: the denial is written by the new one' address
wait_for 5 fw_status || fail 'the control socket does not come back'
ok 'the control socket is back'
kill -TERM $POLL
wait $POLL
polled=$?
same 'the poller through all of it: exit status' 0 $polled
read -r _ requests _ answers _ wrong _ p50 _ _ _ _ _ max _ <"$TMP/poll"
same "$requests requests of the poller, answers, wrong ones" "$requests 0" "$answers $wrong"
echo "      slowest answer $max us, p50 $p50 us"
plc_holds '41 1' 77
fw_stop
