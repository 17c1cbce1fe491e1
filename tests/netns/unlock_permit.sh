#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A denial is permitted for a while: exactly its operation passes, a neighbouring address, value or client does not; sessions are kept; it ends by itself, by
# the guardian's clock, also with the recorder dead, and over a restart goes on for what is left. A permit is refused beyond at-most, and for what stops a device.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
sed 's|^        values: 0..1000|&\n      - {id: diag, clients: any, protocol: modbus, units: [1], functions: [return-query-data]}|; s/at-most: \[read, write\]/at-most: [read, write, operate, diagnose]/' tests/netns/policy.yaml >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
does() { OUT=$(ctl "$@" 2>&1) || fail "otfwctl $*: $OUT"; }
refuses() {
	local pattern=$1
	shift
	OUT=$(ctl "$@" 2>&1)
	same "otfwctl $*: exit status" 1 $?
	same '  because' "$pattern" "$OUT"
}
# denial REASON: the id of the newest one.
denial() { field "$(event "\"reason\":\"$1\"")" id; }
client_open hmi "$C" -t 1500 $PLC
client_open six "$C" -t 1500 $PLC6 # another client and server
expect six 'read holding 1 1' 'ok 1'
events_mark
expect hmi 'write register 60 5' reset
id=$(denial address)
proper=$(fw_status | "$PY" -c 'import json,sys; print(json.load(sys.stdin)["policy-proper"])')
start=$(now_ms)
does permit "${id,,}" --for 6s --reason 'pump 3 stuck' --ticket OPS-1
below "ms until the permit is in force" 5000 $(($(now_ms) - start))
same 'what permit says' "$id: permitted for 6 s*" "$OUT"
expect hmi 'write register 60 5' ok
expect hmi 'write register 60 5' ok
# The change that it prints, taken over into the policy, is a policy that allows it.
rule=$(echo "$OUT" | sed -n 's/^      - {/{/p')
same 'the change for the policy' "{id: from-$id, *pump 3 stuck*OPS-1*" "$rule"
awk -v rule="      - $rule" '{ print } /^    allow:/ { print rule }' "$TMP/policy.yaml" >"$TMP/changed.yaml"
same 'with it' "*allowed by control/from-$id*" "$("$B/otfwctl" explain --policy "$TMP/changed.yaml" 'hmi -> plc:502 modbus request unit 1 write-single-register holding 60 = 5' | tr '\n' '|')"
same 'status' "*permit $id: PERMITTED until *: pump 3 stuck*60 = 5*" "$(ctl status | tr '\n' ' ')"
same 'the policy proper is what it was' "$proper yes" "$(fw_status | "$PY" -c 'import json,sys; s = json.load(sys.stdin); print(s["policy-proper"], "yes" if s["policy"] != s["policy-proper"] else "no")')"
refuses '*it is permitted; end that first*' permit "$id" --for 5s --reason again
expect hmi 'write register 60 6' reset
expect hmi 'write register 61 5' reset
expect hmi 'write register 60 5' ok
ask six connects
same 'another session lived through the swap' 'ok 1' "$SAID"
expect six 'write register 60 5' reset
sleep 1 # the daemon must not need its recorder for the end
kill -STOP "$(recorder_pid)"
ended() { grep -q "permit of $id ended" "$FWLOG"; }
wait_for 9 ended || fail 'the permit does not end'
below 'ms after its time' 8500 $(($(now_ms) - start))
wait_for 2 grep -q 'generation 3 is in force' "$FWLOG" || fail 'no image without it'
expect hmi 'write register 60 5' reset
kill -CONT "$(recorder_pid)"
event "permit of $id ended" >/dev/null || fail 'the end is not in the events'
warned() { events_new | grep -c "permit of $id ends in"; }
same 'warnings before its end' 2 "$(warned)"
same 'and its end in the events' 1 "$(events_new | grep -c "permit of $id ended")"
member() { "$PY" -c 'import json, sys; o = json.loads(sys.argv[1])
for k in sys.argv[2:]: print(o.get(k, "none"))' "$@" | tr '\n' '|'; }
nth() { ctl audit export | grep "\"action\":\"$1\"" | sed -n "$2p"; }
lends() { nth lend 2 | grep -q .; }
wait_for 5 lends || fail "what was lent and is no more is no record: $(ctl audit export)"
same 'the chain: who permitted it, and why' "0|False|$id|pump 3 stuck|OPS-1|" "$(member "$(nth permit 1)" uid refused object reason ticket)"
same '  what that came to' 'None|in force: permit '"$id|control/permit-$id: write holding 60 with write-single-register = 5 by hmi at plc*becomes allowed*" "$(member "$(nth lend 1)" uid detail diff)"
same '  a second time was refused' "0|True|$id|again|" "$(member "$(nth permit 2)" uid refused object reason)"
same '  its end, which nobody asked for' "None|$id|pump 3 stuck|permit of $id ended: its time is over|" "$(member "$(nth permit-end 1)" uid object reason detail)"
same '  and what that came to' 'in force: nothing is lent on top of the policy|*becomes denied*' "$(member "$(nth lend 2)" detail diff)"
same '  in the event log as fields' "permit|0|$id|pump 3 stuck|OPS-1|" "$(member "$(grep '"action":"permit"' "$EVENTS" | head -n 1)" action uid object reason ticket)"

# Ended early; kept over a restart; a damaged file lends nothing.
does permit "$id" --for 1h --reason 'longer'
expect hmi 'write register 60 5' ok
does permit "$id" --end
expect hmi 'write register 60 5' reset
refuses '*it is not permitted*' permit "$id" --end
does permit "$id" --for 1h --reason 'over a restart'
fw_stop
fw_start "$TMP/policy.yaml"
client_close hmi; client_open hmi "$C" -t 1500 $PLC
expect hmi 'write register 60 5' ok
# What ends while nobody runs is a record of the next start.
expect six 'read holding 1 1' 'ok 1'
events_mark
expect hmi 'write register 61 5' reset
other=$(denial address)
does permit "$other" --for 2s --reason 'a moment'
fw_stop
sleep 2
fw_start "$TMP/policy.yaml"
client_close hmi; client_open hmi "$C" -t 1500 $PLC
told() { ctl audit export | grep "\"permit-end\",\"uid\":null.*\"object\":\"$other\".*its time is over"; }
wait_for 5 told || fail "an end while nobody ran is no record: $(ctl audit export | tail -n 3)"
ok 'an end while nobody ran is a record'
expect hmi 'write register 60 5' ok
# A reload of another policy takes it along; one that has no place for it gives it up, loudly.
sed 's/0..1000/0..900/' "$TMP/policy.yaml" >"$TMP/next" && cp "$TMP/next" "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'the reload fails'
expect hmi 'write register 60 5' ok
expect hmi 'write register 45 950' reset
sed 's/at-most: .*/at-most: [read]/; /id: set/,/values:/d; /id: diag/d' "$TMP/policy.yaml" >"$TMP/next" && cp "$TMP/next" "$TMP/policy.yaml"
events_mark
fw_reload >/dev/null 2>&1 || fail 'the narrower policy does not load'
event "permit of $id is not in force: it is write, beyond" >/dev/null || fail 'nothing says that the permit is given up'
ok 'a policy that has no place for it: given up, and said'
expect hmi 'write register 60 5' reset
same 'nothing is lent any more' 0 "$(ctl status | grep -c PERMITTED)"
events_mark
expect hmi 'write register 70 5' reset
refuses '*it is write, beyond `at-most` of conduit control*' permit "$(denial function)" --for 1h --reason x
fw_stop
