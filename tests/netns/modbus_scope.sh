#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1 in the kernel: what no conduit lists by address and port does not reach an engine and does not pass; pure acknowledgements do not
# wait for one. When the daemon is gone a closed zone stays closed.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' python
plant_up
server_start
bg in_s "$TOOLS/modbus_server" -p 5020
ip -n "$S" addr add 10.10.2.9/24 dev eth0
ip -n "$C" addr add 10.10.9.9/32 dev lo
ip -n "$F" route add 10.10.9.9/32 dev lan0
fw_start tests/netns/policy.yaml
client_open hmi "$C" $PLC
expect hmi 'read holding 40 2' 'ok 40 41'
# reached ADDRESS PORT [SOURCE]: does an answer come back?
reached() { in_c timeout 2 $PY $TOOLSRC/raw.py ${3:+--from $3} --timeout 0.7 "$1" "$2" <<<'pdu 1 0300280001' 2>/dev/null | grep -q '^0302'; }
reached $PLC 502 || fail 'the probe itself does not work'
packets=$(status packets)
reached $PLC 5020 && fail 'port 5020 is reachable'
reached 10.10.2.9 502 && fail 'a server that is in no conduit is reachable'
reached $PLC 502 10.10.9.9 && fail 'a client of no zone gets through'
ok 'another port, another server, a client of no zone: no way through'
same 'packets of theirs that an engine saw' "$packets" "$(status packets)"
# 200 requests are 400 packets with data; the acknowledgements beside them pass in the kernel.
in_c "$TOOLS/modbus_poll" -n 200 $PLC >/dev/null || fail 'the poller'
below 'packets an engine saw of 200 requests' 410 $(($(status packets) - packets))

kill -KILL "$FWPID"
for p in $(ip netns pids "$F"); do kill -KILL "$p" 2>/dev/null; done
FWPID=
ask hmi 'read holding 40 2' 5
case $SAID in ok*) fail 'a closed zone is open when the daemon is gone' ;; *) ok "daemon killed whole: the closed zone is closed ($SAID)" ;; esac
fw_start tests/netns/policy.yaml
expect hmi 'read holding 40 2' 'ok 40 41'
ok 'started again over what it left: works'
fw_stop
