#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P8: a policy is swapped under a running client: 0 packets and 0 requests lost, the same TCP session, the generation counts up. A policy
# that does not compile leaves the old one in force and says where it is wrong.
. "$(dirname "$0")/lib.sh"
RELOADS=${RELOADS:-20}
plant_up
server_start
cp tests/netns/policy.yaml "$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
generation=$(status generation)
# TCP repeats what is lost, so that a lost packet is not a lost request: count repetitions, at both ends.
repeated() { { in_c cat /proc/net/snmp; in_s cat /proc/net/snmp; } | awk '/^Tcp: [0-9]/ {n += $13} END {print n + 0}'; }
before=$(repeated)

bg in_c "$TOOLS/modbus_poll" -f 0 -c 10 $PLC >"$TMP/poll" 2>&1
POLL=$!
client_open hmi "$C" $PLC
expect hmi 'write register 45 5' ok
for ((i = 1; i <= RELOADS; i++)); do
	sed "s/holding: \[40..49\]/holding: [40..$((49 + i % 2))]/" tests/netns/policy.yaml >"$TMP/next" && mv "$TMP/next" "$TMP/policy.yaml"
	fw_reload >"$TMP/reload" 2>&1 || fail "reload $i: $(cat "$TMP/reload")"
done
same "$RELOADS reloads under load: the generation counts" $((generation + RELOADS)) "$(status generation)"
expect hmi 'write register 45 6' ok
same 'packets lost meanwhile (segments that TCP had to repeat)' 0 $(($(repeated) - before))

events_mark
sed 's/values: 0..1000/valuse: 0..1000/' tests/netns/policy.yaml >"$TMP/policy.yaml"
line=$(grep -n valuse "$TMP/policy.yaml" | cut -d: -f1)
fw_reload >"$TMP/reload" 2>&1
same 'a policy with a mistake: exit status' 1 $?
grep -q "policy.yaml:$line:" "$TMP/reload" || fail "it does not say where: $(cat "$TMP/reload")"
ok "it says where: $(grep -m 1 "policy.yaml:$line:" "$TMP/reload" | sed "s|$TMP/||")"
same 'the generation stays' $((generation + RELOADS)) "$(status generation)"
expect hmi 'write register 45 7' ok
ask hmi connects
same 'the HMI: one TCP session through all of it' 'ok 1' "$SAID"

# A narrower policy: what was allowed is refused from then on, by SIGHUP as well.
sed 's/values: 0..1000/values: 0..10/' tests/netns/policy.yaml >"$TMP/policy.yaml"
kill -HUP "$FWPID"
newer() { [ "$(status generation)" -eq $((generation + RELOADS + 1)) ]; }
wait_for 5 newer || fail "SIGHUP did not load the policy (generation $(status generation))"
ok 'SIGHUP loads it too'
events_mark
expect hmi 'write register 45 11' reset
denied 'by the new policy' value '*0..10*'
expect hmi 'write register 45 9' ok
kill -TERM $POLL
wait $POLL
same 'the poller: exit status' 0 $?
read -r _ requests _ answers _ wrong _ <"$TMP/poll"
same "$requests requests of the poller, answers, wrong ones" "$requests 0" "$answers $wrong"
plc_holds '45 1' 9
fw_stop
