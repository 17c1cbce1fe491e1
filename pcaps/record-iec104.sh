#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pcaps/record-iec104.sh [NAME...]: records pcaps/iec104/*.pcap anew (all of them, or those named): a controlling and a controlled
# station in network namespaces, a cable between them, no firewall. Root; needs tcpdump and ethtool, python3-scapy for scapy only.
# The captures in the tree were recorded once and stay: golden files and tests hold on to their frames.
set -u
. "$(dirname "$0")/../tests/netns/lib.sh"
need_root
for t in tcpdump ethtool; do command -v $t >/dev/null || skip "$t is not installed"; done
OUT=pcaps/iec104
P=tests/netns
TMP=$(mktemp -d /tmp/otfw-pcaps.XXXXXX)
wanted=("$@")

begin() { # NAME: fresh namespaces, capture running
	netns "c$1"; C=$NS
	netns "s$1"; S=$NS
	cable "$C" eth0 "$S" eth0
	ip -n "$C" link set eth0 address 02:00:00:00:01:02
	ip -n "$S" link set eth0 address 02:00:00:00:02:02
	for n in "$C" "$S"; do ip netns exec "$n" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	ip -n "$C" addr add 10.10.1.2/16 dev eth0
	ip -n "$C" addr add 10.10.1.3/16 dev eth0
	ip -n "$C" addr add 10.10.1.20/16 dev eth0
	ip -n "$S" addr add 10.10.2.2/16 dev eth0
	ip netns exec "$S" tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/$1.pcap" 'tcp port 2404' 2>"$TMP/$1.err" &
	CAP=$!
	PIDS+=($CAP)
	wait_for 5 grep -q 'listening on' "$TMP/$1.err" || fail "tcpdump: $(cat "$TMP/$1.err")"
}
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
station() {
	ip netns exec "$S" $PY $P/iec104_station.py "$@" 10.10.2.2 >"$TMP/station.log" 2>&1 &
	PIDS+=($!)
	wait_for 10 listening "$S" 2404 || fail "no station: $(cat "$TMP/station.log")"
}
client() { # lines on standard input; whatever is not `ok` must be expected: the words that may come are the arguments
	ip netns exec "$C" $PY $P/iec104_client.py "${FROM[@]}" 10.10.2.2 >"$TMP/client.out" 2>&1 || fail "the client ended with $?: $(cat "$TMP/client.out")"
	local said
	while read -r said; do
		[[ $said == ok* || " $* " == *" $said "* ]] || fail "the client says $said"
	done <"$TMP/client.out"
}
FROM=()

record_scada() { # a control centre at work: interrogation, counters, read, clock, selected commands and set-points of every kind
	station --spontaneous 0.4
	client <<-'END'
		test
		start
		ask 2 6401 0600 0100 000000 14
		ask 2 6501 0600 0100 000000 05
		ask 6701 0600 0100 000000 e8031e0cd50b1a
		tell 6601 0500 0100 640000
		take 1
		ask 2d01 0600 0100 e90300 81
		ask 2 2d01 0600 0100 e90300 01
		ask 2e01 0600 0100 4d0400 86
		ask 2 2e01 0600 0100 4d0400 06
		ask 2f01 0600 0100 b10400 82
		ask 2 2f01 0600 0100 b10400 02
		ask 3001 0600 0100 150500 008080
		ask 2 3001 0600 0100 150500 008000
		ask 3101 0600 0100 790500 9cff80
		ask 2 3101 0600 0100 790500 9cff00
		ask 3201 0600 0100 dd0500 0000284280
		ask 2 3201 0600 0100 dd0500 0000284200
		ask 2 3301 0600 0100 410600 efbeadde
		wait 0.5
		ack
		stop
	END
}
record_timed() { # commands with a time, and everything a station reports with one
	station
	client <<-'END'
		start
		ask 3a01 0605 0100 e90300 81 e8031e0cd50b1a
		ask 2 3a01 0605 0100 e90300 01 e8031e0cd50b1a
		ask 3b01 0600 0100 4d0400 82 e8031e0cd50b1a
		ask 2 3b01 0600 0100 4d0400 02 e8031e0cd50b1a
		ask 3c01 0600 0100 b10400 81 e8031e0cd50b1a
		ask 2 3c01 0600 0100 b10400 01 e8031e0cd50b1a
		ask 3d01 0600 0100 150500 ff7f80 e8031e0cd50b1a
		ask 2 3d01 0600 0100 150500 ff7f00 e8031e0cd50b1a
		ask 3e01 0600 0100 790500 e80380 e8031e0cd50b1a
		ask 2 3e01 0600 0100 790500 e80300 e8031e0cd50b1a
		ask 3f01 0600 0100 dd0500 0000c8c280 e8031e0cd50b1a
		ask 2 3f01 0600 0100 dd0500 0000c8c200 e8031e0cd50b1a
		ask 2 4001 0600 0100 410600 01000000 e8031e0cd50b1a
		ask 6801 0600 0100 000000 aa55
		take 40
		ask 6b01 0600 0100 000000 0700 e8031e0cd50b1a
		ack
		stop
	END
}
record_engineering() { # parameters, reset, delay, deactivation, all stations, test bit, what the station does not know
	station
	client <<-'END'
		start
		ask 6e01 0600 0100 f40100 004001
		ask 6f01 0600 0100 580200 9cff03
		ask 7001 0600 0100 bc0200 0000c84204
		ask 7101 0600 0100 f40100 03
		ask 7101 0800 0100 f40100 03
		ask 6a01 0600 0100 000000 e803
		ask 6901 0600 0100 000000 01
		ask 2d01 0600 0100 ea0300 81
		ask 2d01 0800 0100 ea0300 81
		ask 2 6401 8600 0100 000000 15
		ask 4 6401 0600 ffff 000000 14
		ask 2 6501 0600 0200 000000 45
		ask 2d01 0600 0100 102700 81
		ask 2d01 0600 0900 e90300 81
		tell 6601 0500 0100 102700
		take 102
		ask 2 2d01 0600 0100 eb0300 01
		ack
		stop
		start
		ask 2 6401 0600 0100 000000 14
		ack
		stop
	END
}
record_files() { # the directory, and one file uploaded
	station
	client <<-'END'
		start
		tell 7a01 0500 0100 000000 0000 00 00
		take 126
		tell 7a01 0d00 0100 d00700 0100 00 01
		take 120
		tell 7a01 0d00 0100 d00700 0100 00 02
		take 121
		tell 7a01 0d00 0100 d00700 0100 01 06
		take 123
		tell 7c01 0d00 0100 d00700 0100 01 03
		take 123
		tell 7c01 0d00 0100 d00700 0100 00 01
		tell 7a01 0d00 0100 d00700 0100 00 04
		take 122
		tell 7801 0d00 0100 d00700 0200 100000 00
		tell 7901 0d00 0100 d00700 0200 01 100000 00
		tell 7d01 0d00 0100 d00700 0200 01 04 01020304
		tell 7b01 0d00 0100 d00700 0200 01 03 0a
		wait 0.3
		ack
		stop
	END
}
record_segments() { # one-byte segments, two I formats in one segment, TESTFR from the station
	station --test 0.2
	client <<-'END'
		start
		cut 2 6401 0600 0100 000000 14
		cut 2d01 0600 0100 e90300 81
		join 2 6601 0500 0100 640000 + 2d01 0600 0100 e90300 01
		wait 0.7
		ack
		stop
	END
}
record_switchover() { # a control centre takes over from another one, and that one again
	station
	coproc ONE { ip netns exec "$C" $PY $P/iec104_client.py --from 10.10.1.2 10.10.2.2; }
	PIDS+=($ONE_PID)
	tell() { printf '%s\n' "$1" >&"${ONE[1]}"; read -r -t 5 said <&"${ONE[0]}"; [[ $said == ok* ]] || fail "$1: $said"; }
	tell start
	tell 'ask 2 6401 0600 0100 000000 14'
	tell 'ask 2d01 0600 0100 e90300 81'
	tell 'ask 2 2d01 0600 0100 e90300 01'
	FROM=(--from 10.10.1.3)
	client <<-'END'
		start
		ask 2 6401 0600 0100 000000 14
		ask 2d01 0600 0100 e90300 80
		ask 2 2d01 0600 0100 e90300 00
		stop
	END
	FROM=()
	tell stop
	tell start
	tell 'ask 2d01 0600 0100 e90300 81'
	tell 'ask 2 2d01 0600 0100 e90300 01'
	tell stop
}
record_malformed() { # what a decoder must refuse, a session each
	local bad
	station
	while IFS= read -r bad; do
		printf 'start\n%s\nwait 0.1\n' "${bad//|/$'\n'}" | client timeout reset closed
	done <<-'END'
		tell 2d01 0600 0100 e90300 83
		tell 2d02 0600 0100 e90300 81 ea0300 81
		tell 2d01 0600 ffff e90300 81
		tell 2e01 0600 0100 4d0400 80
		tell 0101 0300 0100 640000 01
		tell 2c01 0600 0100 e90300 81
		tell 2d01 0600 0000 e90300 81
		tell 6401 0600 0100 010000 14
		tell 6901 0600 0100 000000 00
		tell 6801 0600 0100 000000 55aa
		tell 6701 0600 0100 000000 e8031e0cd50d1a
		tell 2d01 2a00 0100 e90300 81
		tell 2d81 0600 0100 e90300 81
		tell 2d01 0600 0100 e90300 81 00
		skip 1|tell 6401 0600 0100 000000 14
		raw 680401006400
		raw 680447000000
		raw 68fe
		raw 160401000000
	END
	# Before the transfer was started.
	printf '%s\n' 'tell 6401 0600 0100 000000 14' 'wait 0.1' | client timeout reset closed
}
record_industroyer2() { # as its public analyses tell: a list of objects, each commanded off without being selected, then with a select; from a host of
	# its own, and from the control centre's
	local list
	station
	list=$(for o in 510400 520400 530400 540400; do
		echo "ask 2e01 0600 0100 $o 81"
		echo "ask 2 2e01 0600 0100 $o 01"
	done)
	FROM=(--from 10.10.1.20)
	printf '%s\n' test start 'ask 2 6401 0600 0100 000000 14' "$list" | client
	FROM=(--from 10.10.1.2)
	printf '%s\n' test start 'ask 2 6401 0600 0100 000000 14' 'ask 2 2e01 0600 0100 4d0400 01' 'ask 2 2e01 0600 0100 4e0400 01' | client
	printf '%s\n' test start 'ask 2 6401 0600 0100 000000 14' "$list" | client
	printf '%s\n' test start 'ask 2 6401 0600 0100 000000 14' 'ask 2d01 0600 0100 e90300 80' 'ask 2 2d01 0600 0100 e90300 00' | client
	FROM=()
}
record_scapy() {
	need_python 'import scapy' scapy
	station
	ip netns exec "$C" $PY $P/iec104_scapy.py 10.10.2.2 >"$TMP/client.out" 2>&1 || fail "scapy: $(cat "$TMP/client.out")"
}

all=(scada timed engineering files segments switchover malformed industroyer2 scapy)
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
for name in "${wanted[@]}"; do
	declare -F "record_$name" >/dev/null || fail "no such capture: $name"
	begin "$name"
	if "record_$name"; then end "$name"; fi
done
