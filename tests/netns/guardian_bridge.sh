#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A transparent bridge: IP between two halves of one wire is inspected, bound to the bridge's ports where it is safety traffic; frames that are
# not IP cross only when their EtherType is named, 802.1Q and 802.3 frames never.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
need_root
workspace
netns c; C=$NS
netns f; F=$NS
netns s; S=$NS
cable "$C" eth0 "$F" left
cable "$S" eth0 "$F" right
ip -n "$F" link add br0 type bridge 2>/dev/null || skip 'this kernel has no bridge'
for d in left right; do ip -n "$F" link set $d master br0; done
ip -n "$F" link set br0 up
# The address lets REJECT answer the client of a session that was reset.
ip -n "$F" addr add 10.20.0.254/24 dev br0
ip -n "$F" addr add fd20::fe/64 dev br0 nodad
for x in 10.20.0.2/24 10.20.0.34/24; do ip -n "$C" addr add $x dev eth0; done
for x in 10.20.0.18/24 10.20.0.50/24; do ip -n "$S" addr add $x dev eth0; done
ip -n "$C" addr add fd20::12/64 dev eth0 nodad
ip -n "$S" addr add fd20::22/64 dev eth0 nodad
# nft has a bridge family of its own; iptables sees bridged packets by br_netfilter.
NFT=
nft_queue && NFT=1
[ -n "$NFT" ] || [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || skip 'this kernel has no br_netfilter'
[ -n "$NFT" ] || tune "$F" net/bridge/bridge-nf-call-iptables=1 net/bridge/bridge-nf-call-ip6tables=1
server_start
bg in_s "$TOOLS/modbus_server" -p 7777
udp_echo "$S" 10.20.0.50 30010

# frames HEX: sends one frame from the client's side; sniffed HEX: how many with that EtherType arrive.
sniff() {
	ip netns exec "$S" "$PY" -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 3))
with open(sys.argv[1], "ab", 0) as f:
    while True:
        d = s.recv(2048, socket.MSG_TRUNC)
        if b"otfw-test" in d:
            f.write(d[d.index(b"otfw-test") + 9 :][:1])' "$TMP/sniffed" &
	PIDS+=($!)
}
frame() {
	ip netns exec "$C" "$PY" -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(bytes.fromhex("ffffffffffff020000000001" + sys.argv[1]) + b"otfw-test" + sys.argv[2].encode() + bytes(40))' "$1" "$2"
}
: >"$TMP/sniffed"
sniff
sleep 0.5
frame 88b5 a
crossed() { grep -q "$1" "$TMP/sniffed"; }
wait_for 3 crossed a || fail 'the sniffer sees nothing: the bridge does not work'

fw_start tests/netns/guardian_bridge.yaml --bridge
client_open hmi "$C" 10.20.0.18
client_open six "$C" fd20::22
expect hmi 'read holding 5 1' 'ok 5'
expect six 'read holding 5 1' 'ok 5'
same 'a port nobody lists' 'connect:*' "$(printf 'read holding 1 1\n' | in_c "$TOOLS/modbus_client" -t 700 10.20.0.18 7777 | cut -d' ' -f2-)"
events_mark
expect hmi 'read holding 100 1' reset
denied 'it' address
expect hmi 'read holding 6 1' 'ok 6'
mac_of() { ip -n "$1" -o link show eth0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p'; }
asset() { "$B/otfwctl" assets --json --run-dir "$RUN" | grep "\"address\":\"$1\""; }
seen() { asset 10.20.0.18 && asset fd20::12; }
wait_for 5 seen || fail "who spoke is no asset: $("$B/otfwctl" assets --run-dir "$RUN")"
same 'assets: the server, by its own MAC' "*\"mac\":\"$(mac_of "$S")\"*\"role\":\"server\",\"protocol\":\"modbus\"*" "$(asset 10.20.0.18)"
same 'assets: the IPv6 client, by its own MAC' "*\"mac\":\"$(mac_of "$C")\"*\"role\":\"client\",\"protocol\":\"modbus\"*" "$(asset fd20::12)"
before=$(queued)
same 'P4: safety lane between the ports: answers to 200' 200 "$(udp_ask "$C" 10.20.0.34 10.20.0.50 30010 200)"
same 'P4: counted in the lane, both ways' 400 "$(counted 'safety-out sis-peer')"
same 'P4: queued' 0 $(($(queued) - before))

: >"$TMP/sniffed"
frame 9999 b                                 # an EtherType nobody named
frame 002faaaa03000000 c                     # 802.3 with LLC and SNAP
frame 810000010800 d                         # 802.1Q
frame 88a800010800 e                         # 802.1ad
frame 88641100000100020021 f                 # PPPoE
frame 88b5 g                                 # named
wait_for 3 crossed g || fail 'the frame with the named EtherType does not cross'
sleep 0.3
same 'frames that crossed' g "$(cat "$TMP/sniffed")"
same 'the others were counted' 5 "$(counted ethertype-unlisted)"
fw_stop
in_f "$B/otfwd" --remove --bridge || fail 'otfwd --remove --bridge fails'
same 'removed: what is left of otfw' 0 "$(traces)"
