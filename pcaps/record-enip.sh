#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pcaps/record-enip.sh [NAME...]: records pcaps/enip/*.pcap anew (all of them, or those named): a client and a device in network
# namespaces, a cable between them, no firewall. Root; needs tcpdump and ethtool; npm for st-ethernet-ip and ethernet-ip.
# The captures in the tree were recorded once and stay: golden files and tests hold on to their frames.
set -u
. "$(dirname "$0")/../tests/netns/lib.sh"
need_root
for t in tcpdump ethtool; do command -v $t >/dev/null || skip "$t is not installed"; done
OUT=pcaps/enip
TMP=$(mktemp -d /tmp/otfw-pcaps.XXXXXX)
wanted=("$@")

begin() { # NAME: fresh namespaces, a device, capture running
	netns "c$1"; C=$NS
	netns "s$1"; S=$NS
	cable "$C" eth0 "$S" eth0
	ip -n "$C" link set eth0 address 02:00:00:00:01:02
	ip -n "$S" link set eth0 address 02:00:00:00:02:02
	# What stands on the wire, not what a virtual card puts off: real checksums, segments no longer than the MTU.
	for n in "$C" "$S"; do ip netns exec "$n" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	ip -n "$C" addr add 10.10.1.2/16 dev eth0
	ip -n "$S" addr add 10.10.2.2/16 dev eth0
	ip netns exec "$S" $PY tests/netns/enip_device.py 10.10.2.2 "$TMP/device.log" >"$TMP/server.log" 2>&1 &
	PIDS+=($!)
	wait_for 10 listening "$S" 44818 || fail "no device: $(cat "$TMP/server.log")"
	ip netns exec "$S" tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/$1.pcap" 'port 44818 or port 2222' 2>"$TMP/$1.err" &
	CAP=$!
	PIDS+=($CAP)
	wait_for 5 grep -q 'listening on' "$TMP/$1.err" || fail "tcpdump: $(cat "$TMP/$1.err")"
}
end() { # NAME
	local p n
	sleep 0.5
	kill -TERM "$CAP"
	wait "$CAP" 2>/dev/null
	for n in "$C" "$S"; do for p in $(ip netns pids "$n"); do kill "$p" 2>/dev/null; done; done
	mkdir -p "$OUT"
	mv "$TMP/$1.pcap" "$OUT/$1.pcap"
	echo "$OUT/$1.pcap: $(tcpdump -r "$OUT/$1.pcap" 2>/dev/null | wc -l) frames, $(stat -c %s "$OUT/$1.pcap") octets"
}
client() { ip netns exec "$C" "$@" >"$TMP/client.out" 2>&1 || fail "the client ended with $?: $(cat "$TMP/client.out")"; }
say() { client $PY tests/netns/enip_client.py 10.10.2.2 "$@"; }
npm_client() { # PACKAGE, then a script on standard input
	command -v npm >/dev/null || { echo "$1: npm is not installed: left as it is"; return 1; }
	(cd "$TMP" && npm install --no-audit --no-fund --omit=optional --ignore-scripts "$1" >npm.log 2>&1) ||
		{ echo "$1: npm could not install it: left as it is"; return 1; }
	cat >"$TMP/client.js"
	client timeout 20 node "$TMP/client.js"
}

record_st-ethernet-ip() { # connected messages: Forward Open, tags, identity in a packet
	npm_client st-ethernet-ip@2.7.5 <<-'END'
		const { Controller, Tag } = require('st-ethernet-ip'), p = new Controller(true);
		p.connect('10.10.2.2', 0, false).then(async () => {
			const t = new Tag('Setpoint'); await p.readTag(t); t.value = 42; await p.writeTag(t); await p.readTag(t);
			const l = new Tag('Level'); await p.readTag(l); l.value = 2.5; await p.writeTag(l);
			await p.disconnect(); process.exit(0);
		}).catch(e => { console.error(e); process.exit(1); });
	END
}
record_ethernet-ip() { # the same unconnected, routed to slot 0
	npm_client ethernet-ip@1.2.5 <<-'END'
		const { Controller, Tag } = require('ethernet-ip'), p = new Controller();
		p.connect('10.10.2.2', 0).then(async () => {
			const t = new Tag('Setpoint'); await p.readTag(t); t.value = 43; await p.writeTag(t); await p.readTag(t);
			p.destroy(); process.exit(0);
		}).catch(e => { console.error(e); process.exit(1); });
	END
}
record_tags() { # elements, packets, routed, on a connection, one octet a segment, three in one segment
	say 'read Setpoint' 'write Setpoint=42' 'read Line:3:4' 'write Line:3=-5' 'read Level' 'write Level=99.5' 'slot:read Setpoint' \
		'packet:read Setpoint,write Line:1=7,get 1/1/7' 'slot:packet:read Level,read Line:0:2' 'read Missing' \
		open 'on:read Setpoint' 'on:write Setpoint=43' 'on:packet:read Setpoint,read Level' close 'read Setpoint+read Level+read Line'
	say bytes 'read Setpoint' 'write Setpoint=44'
}
record_objects() { # attributes, and what may not be: reset, create, firmware
	say 'get 1/1/7' 'get 1/1/1' 'get 4/100/3' 'set 15/1/1=0500' 'set 0xf5/1/5=0a0a0202' 'service:1:1/1' \
		'service:0x03:1/1:020001000700' 'service:0x08:0x68/0' 'service:0x4b:0xa1/1:00000100' 'service:0x4d:0x69/0' 'service:0x4b:0x8e/1' \
		reset reset:1
}
record_mode-change() { # a controller to program mode, on a connection and on its own
	say open 'on:read Setpoint' on:stop
	say stop start
}
record_io() { # an I/O connection is opened; datagrams of it and of none
	say list-identity udp-list-identity io:10000 datagram:0x10001 datagram:0x77
}

for r in st-ethernet-ip ethernet-ip tags objects mode-change io; do
	[ ${#wanted[@]} -eq 0 ] || case " ${wanted[*]} " in *" $r "*) ;; *) continue ;; esac
	begin "$r"
	"record_$r" && end "$r"
done
