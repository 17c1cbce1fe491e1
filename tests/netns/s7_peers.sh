#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# S7 between real programs: snap7 (node-snap7) and nodes7 against a snap7 server, under the shipped example policy and under one that
# lets an engineering station do all of it. NODE_PATH names the folder that has node-snap7 and nodes7; else they are those that tests/deps.sh
# has put into build/peers.
. "$(dirname "$0")/lib.sh"
command -v node >/dev/null || skip 'node is not installed'
if [ -z "${NODE_PATH:-}" ]; then
	NODE_PATH=$PWD/build/peers/node_modules
	[ ! -e build/peers/lock ] || flock -w 120 build/peers/lock true
fi
export NODE_PATH
for p in node-snap7 nodes7; do
	node -e "require('$p')" 2>/dev/null ||
		skip "npm package $p cannot be loaded (npm install node-snap7@1.0.9 nodes7@0.3.18, its folder in NODE_PATH; $(tail -n 1 build/peers/npm.log 2>&1))"
done
plant_up
bg in_s node tests/netns/s7_snap7.js server $PLC >"$TMP/server.log" 2>&1
wait_for 10 listening "$S" 102 || fail "no server: $(cat "$TMP/server.log")"
sed -e 's/slots: \[2\]/slots: [1]/' -e 's/status: db 1\/0..1\/99/status: db 1\/0..1\/255/' -e 's/at: db 10\/4..10\/5/at: db 1\/0..1\/1/' \
	-e 's/request: {at: merker 10/request: {at: db 1\/10/' examples/s7-filling-line.yaml >"$TMP/policy.yaml"
fw_start "$TMP/policy.yaml"
run() { in_c timeout 20 node tests/netns/s7_snap7.js "$1" $PLC 2>&1; }

out=$(run nodes7)
same 'nodes7: reads, writes a number and a bit, reads them back' 'read ok;write ok;back ok 1234 true' "$(paste -sd';' <<<"$out")"
events_mark
out=$(run client)
same 'snap7: reads' 'connect ok;read-db ok 04d2020304050607' "$(sed -n 1,2p <<<"$out" | paste -sd';')"
same 'snap7: a write of four octets, part of which no rule has' 'write-db failed*' "$(sed -n 3p <<<"$out")"
denied '  because' address
same 'snap7: stop, starts, clock, password' 0 "$(grep -cE '^(plc-stop|plc-cold-start|plc-hot-start|set-clock|password) ok' <<<"$out")"

cat >"$TMP/open.yaml" <<'END'
version: 1
site: {name: x}
zones:
  room: {level: 2, networks: [10.10.1.0/24], failure: closed}
  cell: {level: 1, networks: [10.10.2.0/24], failure: closed}
hosts: {plc: 10.10.2.2}
conduits:
  - name: engineering
    from: [room]
    to: cell
    servers: [plc]
    protocols: [s7comm]
    mode: enforce
    at-most: [read, write, operate, configure, program, diagnose]
    allow:
      - {id: all, clients: any, protocol: s7comm, functions: any, addresses: any, values: any, bits: any, block-types: any, services: any,
         start-kinds: any, calling-tsaps: any, connection-kinds: any, racks: any, slots: any}
END
fw_stop
fw_start "$TMP/open.yaml"
events_mark
out=$(run client)
same 'snap7 where all is allowed: what fails' '' \
	"$(grep failed <<<"$out" | cut -d' ' -f1 | paste -sd' ')"
same 'snap7: stop and starts' 3 "$(grep -cE '^(plc-stop|plc-cold-start|plc-hot-start) ok' <<<"$out")"
out=$(run download)
same 'snap7: blocks, which its server refuses itself' 'connect ok' "$(sed -n 1p <<<"$out")"
sleep 0.5
event_find '"event":"deny"' && fail "denied: $(events_new | grep '"event":"deny"' | head -n 1)"
ok 'and nothing was denied'
[ "$(status inspected)" -ge 40 ] || fail "only $(status inspected) packets were inspected"
fw_stop
