#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pcaps/record-s7.sh [NAME...]: records pcaps/s7/*.pcap anew (all of them, or those named): a client and a server in network namespaces, a
# cable between them, no firewall. Root; needs tcpdump and ethtool; npm for node-snap7 and nodes7, which it installs unless NODE_PATH has
# them. The captures in the tree were recorded once and stay: golden files and tests hold on to their frames.
set -u
. "$(dirname "$0")/../tests/netns/lib.sh"
need_root
for t in tcpdump ethtool; do command -v $t >/dev/null || skip "$t is not installed"; done
OUT=pcaps/s7
P=tests/netns
TMP=$(mktemp -d /tmp/otfw-pcaps.XXXXXX)
wanted=("$@")

begin() { # NAME: fresh namespaces, capture running
	netns "c$1"; C=$NS
	netns "s$1"; S=$NS
	cable "$C" eth0 "$S" eth0
	ip -n "$C" link set eth0 address 02:00:00:00:01:02
	ip -n "$S" link set eth0 address 02:00:00:00:02:02
	# What stands on the wire, not what a virtual card puts off: real checksums, segments no longer than the MTU.
	for n in "$C" "$S"; do ip netns exec "$n" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	[ "$1" = stuxnet ] && ip -n "$C" addr add 10.10.1.20/16 dev eth0 # the engineering station it sat on, asked first
	ip -n "$C" addr add 10.10.1.2/16 dev eth0
	ip -n "$S" addr add 10.10.2.2/16 dev eth0
	ip netns exec "$S" tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/$1.pcap" 'tcp port 102' 2>"$TMP/$1.err" &
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
server() { # COMMAND...: up once something listens on port 102
	ip netns exec "$S" "$@" >"$TMP/server.log" 2>&1 &
	PIDS+=($!)
	wait_for 10 listening "$S" 102 || fail "no server: $(cat "$TMP/server.log")"
}
client() { ip netns exec "$C" "$@" >"$TMP/client.out" 2>&1 || fail "the client ended with $?: $(cat "$TMP/client.out")"; }
packages() {
	[ -d "${NODE_PATH:-/nowhere}/node-snap7" ] && return
	command -v npm >/dev/null || { echo "$1: npm is not installed: left as it is"; return 1; }
	(cd "$TMP" && npm_config_nodedir=/usr npm install --no-audit --no-fund node-snap7@1.0.9 nodes7@0.3.18 && npm rebuild --foreground-scripts node-snap7) \
		>"$TMP/npm.log" 2>&1 || { echo "$1: npm could not install node-snap7 and nodes7: left as it is"; return 1; }
	export NODE_PATH=$TMP/node_modules
}

record_snap7() { # variables, bits, several items, SZL, clock, password, stop and starts
	packages snap7 || return
	server node $P/s7_snap7.js server 10.10.2.2
	client node $P/s7_snap7.js client 10.10.2.2
}
record_snap7-blocks() { # upload, download, delete: refused by the server
	packages snap7-blocks || return
	server node $P/s7_snap7.js server 10.10.2.2
	client node $P/s7_snap7.js download 10.10.2.2
}
record_nodes7() { # another client's way of asking
	packages nodes7 || return
	server node $P/s7_snap7.js server 10.10.2.2
	client node $P/s7_snap7.js nodes7 10.10.2.2
}
record_engineering() { # a block down and up, services, lists in parts, cyclic data, messages in parts and in one segment
	server $PY $P/s7_plc.py 10.10.2.2 "$TMP/plc.log"
	client $PY $P/s7_client.py 10.10.2.2 <<-'END'
		read db 1 0 8
		multi db,1,0,3 m,0,4,1 db,99,0,2
		write db 10 4 42f60000
		bit m 0 10 3 1
		download 0A00001P
		upload 0A00001P
		delete 0A00002P
		copy
		stop
		start
		cold
		szl 0x11 0
		szl 0x1c 0 more
		user 3 1
		user 3 2 3041
		user 3 3 3041303030303141
		user 7 1
		user 7 2 00191402080810005005
		user 2 1 0001010a120a10020004000083000000
		cut read db 1 0 8
		parts 5 write db 10 0 0102030405
		empty read db 1 0 8
		join read db 1 0 2 + write db 10 0 07 + stop
	END
}
record_other() { # what else speaks on port 102: S7comm-plus and MMS, as far as their beginnings go
	server $PY $P/s7_plc.py 10.10.2.2 "$TMP/plc.log"
	client $PY $P/s7_client.py 10.10.2.2 <<-'END'
		named
		plus
		mms
		mmsdata 6100
	END
}

record_stuxnet() { # what Stuxnet did to a controller, by its public analyses: looks, loads DB 890, FC 1865 and OB 35 among others, starts it again
	server $PY $P/s7_plc.py 10.10.2.2 "$TMP/plc.log"
	client $PY $P/s7_client.py 10.10.2.2 <<-'END'
		szl 0x131 3
		upload 0800001A
		connect
		download 0A00890P
		connect
		download 0C01865P
		connect
		download 0800035P
		connect
		write db 1 0 00
		connect
		stop
		connect
		start
	END
	client $PY $P/s7_client.py --from 10.10.1.2 10.10.2.2 <<-'END'
		read db 1 0 8
	END
}

for name in snap7 snap7-blocks nodes7 engineering other stuxnet; do
	[ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]] && continue
	begin "$name"
	"record_$name" && end "$name"
done
