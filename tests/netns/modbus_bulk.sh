#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P7: a gigabyte of Modbus writes goes through an inspected conduit as one TCP stream, every octet compared at the other end, while a
# client polls beside it through the same engine; neither loses anything.
. "$(dirname "$0")/lib.sh"
plant_up
server_start
bg in_s "$TOOLS/modbus_bulk" sink 1502 >"$TMP/sink" 2>&1
SINK=$!
cat tests/netns/policy.yaml - >"$TMP/bulk.yaml" <<'END'
      - id: recipe
        clients: [hmi]
        protocol: modbus
        ports: [1502]
        units: [0]
        functions: [write-multiple-registers]
        addresses: {holding: [0..122]}
        values: 0..1023
END
fw_start "$TMP/bulk.yaml"
bg in_c "$TOOLS/modbus_poll" -i 1000 -w 5000 $PLC >"$TMP/poll" 2>&1
POLL=$!
before=$(status pdus)
in_c timeout 120 "$TOOLS/modbus_bulk" send $PLC 1502 1000 >"$TMP/send" || fail "the sender: $(cat "$TMP/send"); the sink: $(cat "$TMP/sink")"
wait_for 3 grep -q . "$TMP/sink"
same 'the sink, every octet compared' 'received 999999777, 3861003 PDUs' "$(cat "$TMP/sink")"
ok "$(cat "$TMP/send")"
after=$(status pdus)
[ $((after - before)) -ge 3861003 ] || fail "only $((after - before)) PDUs were inspected"
ok "$((after - before)) PDUs inspected meanwhile"
kill -TERM $POLL
wait $POLL
same 'the poller beside it: exit status' 0 $?
echo "      $(cat "$TMP/poll")"
same 'packets the queue or the socket refused' '0 0' "$(in_f awk '{q += $6; u += $7} END {print q, u}' /proc/net/netfilter/nfnetlink_queue)"
same 'packets dropped by the engine' 0 "$(status dropped)"
fw_stop
