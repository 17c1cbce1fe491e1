#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1 with `on-deny: drop`: a refused PDU never arrives and nobody is told; every retransmission of it is judged anew and refused; the
# server keeps its session until the client gives up, and the client can start over.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
sed 's/on-deny: reset/on-deny: drop/' tests/netns/policy.yaml >"$TMP/drop.yaml"
fw_start "$TMP/drop.yaml"

client_open hmi "$C" -t 1500 $PLC
expect hmi 'read holding 40 2' 'ok 40 41'
dropped=$(status dropped)
events_mark
expect hmi 'write register 60 666' timeout
denied 'a write outside the window' address 'holding 60* is not inside 40..49 of rule control/set'
[ "$(status dropped)" -ge $((dropped + 2)) ] || fail "the retransmissions were not dropped ($(status dropped) packets dropped in all)"
ok "the request and its retransmissions were dropped ($(($(status dropped) - dropped)) packets)"
same 'resets sent' 0 "$(status resets)"
plc_holds '60 1' 60
expect hmi 'read holding 40 2' 'ok 40 41'
ask hmi connects
same 'the client started over' 'ok 2' "$SAID"
expect hmi 'write register 41 7' ok
plc_holds '40 2' '40 7'
same 'writes of a single register that reached the PLC' 1 "$(plc_requests 6)"
fw_stop
