#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pcaps/record-dnp3.sh [NAME...]: records pcaps/dnp3/*.pcap anew (all of them, or those named): a master and an outstation in network
# namespaces, a cable between them, no firewall. Root; needs tcpdump and ethtool. The captures in the tree were recorded once and stay.
set -u
. "$(dirname "$0")/../tests/netns/lib.sh"
need_root
for t in tcpdump ethtool; do command -v $t >/dev/null || skip "$t is not installed"; done
OUT=pcaps/dnp3
PEER=tests/netns/tools/dnp3_peer.py
TMP=$(mktemp -d /tmp/otfw-pcaps.XXXXXX)
wanted=("$@")

begin() { # NAME [peer options]: fresh namespaces, outstation up, capture running
	local name=$1
	shift
	netns "c$name"; C=$NS
	netns "s$name"; S=$NS
	cable "$C" eth0 "$S" eth0
	ip -n "$C" link set eth0 address 02:00:00:00:01:02
	ip -n "$S" link set eth0 address 02:00:00:00:02:02
	# What stands on the wire, not what a virtual card puts off: real checksums, segments no longer than the MTU.
	for n in "$C" "$S"; do ip netns exec "$n" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	ip -n "$C" addr add 10.10.1.2/16 dev eth0
	ip -n "$S" addr add 10.10.2.2/16 dev eth0
	ip netns exec "$S" tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/$name.pcap" 'port 20000' 2>"$TMP/$name.err" &
	CAP=$!
	PIDS+=($CAP)
	wait_for 5 grep -q 'listening on' "$TMP/$name.err" || fail "tcpdump: $(cat "$TMP/$name.err")"
	ip netns exec "$S" $PY $PEER outstation "$@" --log "$TMP/$name.log" 10.10.2.2 2>/dev/null &
	PIDS+=($!)
	wait_for 10 bound "$S" || fail 'no outstation'
}
bound() { ip netns exec "$1" cat /proc/net/{tcp,udp} | grep -qi ':4E20 0*:0000 '; }
master() { ip netns exec "$C" $PY $PEER master --timeout 1 "$@" 10.10.2.2 >"$TMP/master.out" 2>&1 || fail "the master ended with $?: $(cat "$TMP/master.out")"; }
end() { # NAME
	local p n
	sleep 0.3
	kill -TERM "$CAP"
	wait "$CAP" 2>/dev/null
	for n in "$C" "$S"; do for p in $(ip netns pids "$n"); do kill "$p" 2>/dev/null; done; done
	mkdir -p "$OUT"
	mv "$TMP/$1.pcap" "$OUT/$1.pcap"
	echo "$OUT/$1.pcap: $(tcpdump -r "$OUT/$1.pcap" 2>/dev/null | wc -l) frames, $(stat -c %s "$OUT/$1.pcap") octets"
}

crob=0c0128010005000301640000006400000000 # point 5, latch on
record_session() { # what a master does when it comes up, then polls and commands
	begin session
	master <<-END
		link 0xc0
		link 0xc9
		app 153c02063c03063c0406
		app 013c02063c03063c04063c0106
		app 02500100070700
		app 143c02063c03063c0406
		unsolicited
		app 013c0206
		app 011e01000001
		app 011e0128020001000700
		app 01010006
		app 013c0106
		app 17
		app 0232010701001a2b3c4d01
		app 18
		app 0232030701001a2b3c4d01
		app 03$crob
		app 04$crob
		app 050c0117020541010a0000000000000000068101140000000000000000
		app 0529012801000100d204000000
		app 052902170200e803000118fc00
		app 0529031701020000484100
		app 06$crob
		app 011e01000001
	END
}
record_udp() {
	begin udp --udp
	master --udp <<-END
		app 153c02063c03063c0406
		app 011e01000001
		app 02500100070700
		app 03$crob
		app 04$crob
		app 0529031701020000484100
		app 0d
		link 0xc9
	END
}
record_functions() { # functions of all kinds; those the outstation lacks are answered so
	begin functions
	master <<-END
		app 07140006
		app 081400000102
		app 09140006
		app 0a140006
		app 0b32020701001a2b3c4d0160ea0000140006
		app 0d
		app 0e
		app 163c02060100063c01061e00000508
		app 153c0306
		app 105a015b01040074657374
		app 115a015b01040074657374
		app 125a015b01040074657374
		app 0222010002030a001400
		app 022202280100070010270000
		app 026e0500030348656c6c6f
		app 0200f5000000010442617931
		app 050c02070103016400000064000000000c03000009ff03
		app 0100fe000000
		app 20780407010100
	END
}
record_files() { # open, read, write, ask about, delete
	begin files
	local before=1a000a00000000000000ff0100000000ffffffff after=000201002f6366672f612e786d6c
	master <<-END
		app 1946035b012400${before}0100$after
		app 0146055b010800efbeadde00000000
		app 1a46045b010d00efbeadde000000000000010000
		app 1946035b012400${before}0200$after
		app 0246055b010c00efbeadde0000008001020304
		app 1a46045b010d00efbeadde000000000000010000
		app 1c46075b01160014000200000000000000000000000000000001002f61
		app 1b46035b012400${before}0000$after
	END
}
record_frames() { # requests in several link frames, in one-octet segments, several in one segment
	begin frames
	master <<-END
		parts 4 011e010000011e01000001
		cut 011e01000001
		cut 05$crob
		join 011e01000001 01010006 17
		parts 9 013c0106
		parts 9 013c02063c03063c04063c0106
	END
}
record_stations() { # several outstations behind one address, another master, broadcasts
	begin stations
	master <<-END
		unit 10
		app 011e01000001
		unit 11
		app 011e01000001
		unit 65519
		app 011e01000001
		origin 100
		app 011e01000001
		unit 65535
		app 02500100070700
		unit 10
		app 17
	END
}
record_refused() { # what a decoder must refuse, a session each
	begin refused
	{
		for app in 04$crob 05290128010001000000000001 010500 01010003 01010086 0201010000077f 050c010000000301640000006400000000 \
			011e010009 020700 ff 70 0d3c0206 0502 143c0106 01 026e00000000 027000010000ffff; do
			printf 'app %s\nreopen\n' "$app"
		done
		printf 'raw %s\nreopen\n' 05640bc40a000100ffffc0c0013c0206ffff 056404c40a000100 05640bc40a0001000000
	} | master
}

all=(session udp functions files frames stations refused)
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
for name in "${wanted[@]}"; do
	"record_$name" || exit 1
	cat "$TMP/master.out" | sed "s/^/$name: /"
	end "$name"
done
