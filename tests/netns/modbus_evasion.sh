#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P3 against someone who writes the packets: overlaps, reversed order, decoys that the server throws away (stale timestamp, wrong
# checksum, TTL, RST outside the window), IP fragments, data on SYN and FIN, urgent data; and honest oddities that must go on:
# repetitions, keep-alives with a garbage octet. Each attack is first run without a firewall, to show that it works there.
. "$(dirname "$0")/lib.sh"
need_python 'import scapy.all' scapy
plant_up
need_queue
server_start
ip -n "$F" neigh add 10.10.1.77 lladdr "$(in_c cat /sys/class/net/eth0/address)" dev lan0 nud permanent
evade() { in_c $PY $TOOLSRC/evade.py "$1" $PLC 2>&1 | xargs; }
held() { on_plc "read holding $1 1" | cut -d' ' -f2; }

attacks='one-byte-forbidden reversed-forbidden overlap-forbidden overlap-ahead paws-decoy checksum-decoy reset-decoy ttl-decoy
	fragments-forbidden fragments-reversed fin-data two-forbidden-second'
for a in $attacks; do
	said=$(evade $a)
	same "without otfw, $a writes register 60 ($said)" 666 "$(held 60)"
	on_plc 'write register 60 60' >/dev/null
	on_plc 'write register 41 41' >/dev/null
done
fw_start tests/netns/policy.yaml
for a in $attacks; do
	said=$(evade $a)
	same "$a: register 60 ($said)" 60 "$(held 60)"
done
# The server lacks the decoys' octets, so it must not get others in their place: the engine compares.
events_mark
said=$(evade paws-decoy)
same 'paws-decoy: what it came to' 'answer 03020028 nothing *' "$said"
denied 'paws-decoy' overlap-differs
events_mark
said=$(evade overlap-differs)
same "overlap-differs: register 41 ($said)" 41 "$(held 41)"
denied 'overlap-differs' overlap-differs
events_mark
same 'repeat-differs' 'answer 03020028*' "$(evade repeat-differs)"
denied 'repeat-differs' overlap-differs
events_mark
evade urgent >/dev/null
denied 'urgent' urgent
evade syn-data >/dev/null
same 'data on a SYN: register 60' 60 "$(held 60)"
same 'register 41, which only two-forbidden-second and overlaps tried to write so far' 41 "$(held 41)"

for a in one-byte-allowed reversed-allowed overlap-same fragments-allowed; do
	same "$a is answered" 'answer 0600290007' "$(evade $a)"
	same "$a: register 41" 7 "$(held 41)"
	on_plc 'write register 41 41' >/dev/null
done
same 'repeat-same: the session goes on' 'answer 03020028 answer 03020028' "$(evade repeat-same)"
same 'keepalive-empty: the session goes on' 'answer 03020028 answer 03020028' "$(evade keepalive-empty)"
# What the server sees of the garbage octet: the octet that was there.
bg in_s timeout 20 $PY -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)); s.bind(("eth0", 0x0800))
while True:
    p = s.recv(65535); h = 4 * (p[0] & 15)
    if p[9] != 6 or p[h+2:h+4] != b"\x01\xf6": continue
    d = p[h + 4 * (p[h+12] >> 4):int.from_bytes(p[2:4], "big")]
    if len(d) == 1: print("octet %02x" % d[0], flush=True); break
' >"$TMP/octet"
sleep 0.5
same 'keepalive-garbage: the session goes on' 'answer 03020028 answer 03020028' "$(evade keepalive-garbage)"
same 'keepalive-garbage: counted' '[1-9]*' "$(status keep-alives)"
same 'keepalive-garbage: the octet the server got is the one that was there (01)' 'octet 01' "$(cat "$TMP/octet")"
fw_stop
