#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 7, "matching cost does not grow with the number of rules a flow does not use", in the kernel: of two thousand clients each
# finds its way by a few rules; who is listed gets through, its neighbour in the address space does not.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' python
plant_up
server_start
{
	sed 's/"10.10.1.0\/24"/"10.10.1.0\/24", "10.5.0.0\/16"/; s/clients: any/clients: [hmi, 10.5.7.64\/26]/' tests/netns/policy.yaml
	for ((i = 0; i < 2000; i++)); do
		echo "      - {id: r$i, clients: [10.5.$((i / 100)).$((1 + i % 100 * 2))], protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [$i]}}"
	done
} >"$TMP/many.yaml"
for a in 10.5.0.1 10.5.7.133 10.5.7.134 10.5.7.66 10.5.19.199 10.5.19.200; do ip -n "$C" addr add $a/32 dev lo; done
ip -n "$F" route add 10.5.0.0/16 dev lan0
ip -n "$F" neigh replace 10.10.1.2 lladdr "$(in_c cat /sys/class/net/eth0/address)" dev lan0
fw_start "$TMP/many.yaml"
longest=$(in_f iptables-save -t filter | awk '/^-A otfw-(to|from)_/ {n[$2]++} END {for (c in n) if (n[c] > m) m = n[c]; print m}')
below 'rules of the longest chain between clients and the server' 24 "$longest"
from() { in_c timeout 3 $PY $TOOLSRC/raw.py --from "$1" --timeout 1 $PLC <<<"pdu 1 $2" 2>/dev/null | tail -n 1; }
same 'the HMI' 03020028 "$(from $HMI 0300280001)"
same 'the first listed client, its register' 03020000 "$(from 10.5.0.1 0300000001)"
same 'one in the middle' "$(printf '0302%04x' 766)" "$(from 10.5.7.133 0302fe0001)"
same 'the last' "$(printf '0302%04x' 1999)" "$(from 10.5.19.199 0307cf0001)"
same 'one of a listed network' 03020028 "$(from 10.5.7.66 0300280001)"
packets=$(status packets)
for a in 10.5.7.134 10.5.19.200 $EWS; do same "$a, which is not listed" '' "$(from $a 0300000001)"; done
same 'packets of theirs that an engine saw' "$packets" "$(status packets)"
same 'a register of another client' reset "$(from 10.5.0.1 0300010001)"
client_open six "$C" $PLC6
expect six 'read holding 40 2' 'ok 40 41'
fw_stop
