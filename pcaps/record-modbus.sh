#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pcaps/record-modbus.sh [NAME...]: records pcaps/modbus/*.pcap anew (all of them, or those named): a client and a server in
# network namespaces, a cable between them, no firewall. Root; needs tcpdump and ethtool, npm for modbus-serial only.
# The captures in the tree were recorded once and stay: golden files and tests hold on to their frames.
set -u
. "$(dirname "$0")/../tests/netns/lib.sh"
need_root
for t in tcpdump ethtool; do command -v $t >/dev/null || skip "$t is not installed"; done
need_tools "$TOOLS/modbus_server" "$TOOLS/modbus_client"
need_python 'import pymodbus' pymodbus
OUT=pcaps/modbus
P=tests/netns/tools
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
	ip -n "$C" addr add 10.10.1.2/16 dev eth0
	ip -n "$S" addr add 10.10.2.2/16 dev eth0
	ip -n "$C" addr add fd10::1:2/64 dev eth0 nodad
	ip -n "$S" addr add fd10::2:2/64 dev eth0 nodad
	ip netns exec "$S" tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/$1.pcap" 'port 502' 2>"$TMP/$1.err" &
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
server() { # COMMAND...: up once something listens on port 502
	ip netns exec "$S" "$@" >"$TMP/server.log" 2>&1 &
	PIDS+=($!)
	wait_for 10 bound "$S" || fail "no server: $(cat "$TMP/server.log")"
}
bound() { ip netns exec "$1" cat /proc/net/{tcp,tcp6,udp,udp6} | grep -qi ':01F6 0*:0000 '; }
client() { ip netns exec "$C" "$@" >"$TMP/client.out" 2>&1 || fail "the client ended with $?: $(cat "$TMP/client.out")"; }
raw() { client $PY $P/raw.py "$@"; }

record_libmodbus() { # libmodbus to libmodbus: every function it has, one-byte segments, two requests in one segment, exceptions
	server "$TOOLS/modbus_server"
	client "$TOOLS/modbus_client" 10.10.2.2 <<-'END'
		read coils 0 16
		read discrete 3 9
		read holding 40 2
		read input 0 4
		write coil 2 1
		write coil 2 0
		write register 41 1234
		write coils 4 1 0 1 1 0 1 0 1 1
		write registers 40 1 2 3
		mask 41 0xff00 0x12
		readwrite 40 4 50 9 8
		read holding 0 125
		read coils 0 2000
		write registers 100 65535 0 32768
		read holding 1995 10
		write register 3000 1
		pdu 11
		pdu 0800005aa5
		cut write register 42 77
		cut read holding 40 3
		join read holding 0 2 + write register 43 5
		join write registers 44 1 2 + read input 7 1 + read holding 44 2
	END
}
record_libmodbus-ipv6() {
	server "$TOOLS/modbus_server"
	client "$TOOLS/modbus_client" fd10::2:2 <<-'END'
		read holding 40 2
		write registers 40 1 2 3
		read coils 0 16
		cut write register 42 77
		read holding 1995 10
	END
}
record_pymodbus() {
	server $PY $P/pymodbus_server.py 0.0.0.0
	client $PY $P/pymodbus_client.py 10.10.2.2
}
record_pymodbus-udp() {
	server $PY $P/pymodbus_server.py --udp 10.10.2.2
	client $PY $P/pymodbus_client.py --udp 10.10.2.2
}
record_pymodbus-libmodbus() { # one library's client against the other's server: what the server lacks is an exception
	server "$TOOLS/modbus_server"
	client $PY $P/pymodbus_client.py --only read-coils,read-holding-registers,write-multiple-coils,write-multiple-registers,mask-write-register,read-write-registers,outside 10.10.2.2
}
record_modbus-serial() {
	command -v npm >/dev/null || { echo 'modbus-serial: npm is not installed: left as it is'; return 1; }
	(cd "$TMP" && npm install --no-audit --no-fund --omit=optional --ignore-scripts modbus-serial@8.0.25 >npm.log 2>&1) ||
		{ echo "modbus-serial: npm could not install it: left as it is"; return 1; }
	export NODE_PATH=$TMP/node_modules
	server node $P/modbus_serial.js server 10.10.2.2
	client node $P/modbus_serial.js client 10.10.2.2
}
record_diagnostics() { # function 8, every sub-function; 7 and 11 and 12 and 17 are in pymodbus.pcap
	server $PY $P/device.py 10.10.2.2
	raw 10.10.2.2 <<-'END'
		pdu 1 080000a537
		pdu 1 0800010000
		pdu 1 080001ff00
		pdu 1 0800020000
		pdu 1 0800030a00
		pdu 1 08000a0000
		pdu 1 08000b0000
		pdu 1 08000c0000
		pdu 1 08000d0000
		pdu 1 08000e0000
		pdu 1 08000f0000
		pdu 1 0800100000
		pdu 1 0800110000
		pdu 1 0800120000
		pdu 1 0800140000
		tell 1 0800040000
		wait
	END
}
record_files() { # 20, 21, 24 with several sub-requests
	server $PY $P/device.py 10.10.2.2
	raw 10.10.2.2 <<-'END'
		pdu 1 140706000400010002
		pdu 1 140e0600040001000206000300090002
		pdu 1 150d0600040007000306af04be100d
		pdu 1 151606000400070002000100020600050000000212345678
		pdu 1 140706000900630001
		pdu 1 140706000f00010002
		pdu 1 180010
	END
}
record_opaque() { # UMAS (90), CANopen (43/13), user-defined codes: content that otfw names but does not read
	server $PY $P/device.py 10.10.2.2
	raw 10.10.2.2 <<-'END'
		pdu 1 5a0002
		pdu 1 5a001000000000054465736b3100
		pdu 1 5a0140ff00
		pdu 1 2b0d000001600000000000
		pdu 1 2b0e0100
		pdu 1 2b0e0401
		pdu 1 41010203
		pdu 1 64aabb
		pdu 1 6e
	END
}
record_pipelined() { # several requests outstanding; answers in another order than the questions
	server $PY $P/device.py --shuffle 10.10.2.2
	raw 10.10.2.2 <<-'END'
		pdu 1 0300280002 0400000001 0100000010
		pdu 1 0600290005 0300290001
		pdu 1 030000000a 0300640005 030096000a 10002800020400070008
		parts 1 100028000306000100020003 7
		parts 1 100028000306000100020003 3,6,8,12
	END
}
record_broadcast() { # unit 0: writes that nobody answers
	server $PY $P/device.py 10.10.2.2
	raw 10.10.2.2 <<-'END'
		pdu 0 0600280007
		pdu 0 10002900020400010002
		pdu 0 05000aff00
		pdu 0 0f00040009020d01
		sleep 0.1
		pdu 1 0300280004
	END
}
record_malformed() { # what a decoder must refuse; each in a session of its own, because the server may hang up
	server $PY $P/device.py 10.10.2.2
	raw 10.10.2.2 <<-'END'
		send 000100000006010300280000 # quantity 0
		wait
		reopen
		send 00010000000601030028007e # quantity 126
		wait
		reopen
		send 0001000000060103ffff0002 # past the end
		wait
		reopen
		send 000100000006010500011234 # a coil that is neither on nor off
		wait
		reopen
		send 000100000008010300280002ffff # trailing octets
		wait
		reopen
		send 0001000000050103002800 # too short for its function
		wait
		reopen
		send 00010000000b011000280002040007 # byte count and quantity disagree
		wait
		reopen
		send 000100010006010300280002 # protocol id 1
		wait
		reopen
		send 00010000ffff010300280002 # length beyond the limit
		wait
		reopen
		send 000100000002010000000000 # function 0
		wait
		reopen
		send 0001000000060019aabbccdd # a function nobody defined, broadcast
		wait
	END
}
record_udp-device() {
	server $PY $P/device.py --udp 10.10.2.2
	raw --udp 10.10.2.2 <<-'END'
		pdu 1 0300280002
		pdu 1 10002800020400070008
		pdu 1 0800010000
		pdu 1 5a0002
	END
}

all=(libmodbus libmodbus-ipv6 pymodbus pymodbus-udp pymodbus-libmodbus modbus-serial diagnostics files opaque pipelined broadcast malformed udp-device)
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}" demo)
for name in "${wanted[@]}"; do
	if [ "$name" = demo ]; then
		tests/netns/demo/run.sh --record "$OUT/demo.pcap"
		continue
	fi
	declare -F "record_$name" >/dev/null || fail "no such capture: $name"
	begin "$name"
	if "record_$name"; then end "$name"; fi
done
