#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first policy (`otfwctl init`): putting otfw into a running plant with it cuts nothing, sessions that were there included, and what then passes is
# learned, also on ports and of protocols that nobody knows here. Nothing of it is left to the kernel.
. "$(dirname "$0")/guardian.inc"
need_python "import socket" sockets
plant_up
server_start
udp_echo "$S" $PLC 9999
tcp_echo 8080
# pings ADDRESS: how many of three echo requests are answered.
pings() {
	in_c "$PY" -c '
import select, socket, struct, sys, time
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.getprotobyname("ipv6-icmp" if six else "icmp"))
def checksum(data):
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
got = 0
for i in range(3):
    head = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 77, i)
    s.sendto(head if six else head[:2] + struct.pack("!H", checksum(head)) + head[4:], (sys.argv[1], 0))
    end = time.time() + 2
    while time.time() < end:
        if not select.select([s], [], [], 0.1)[0]:
            continue
        data = s.recv(2048)
        data = data if six else data[(data[0] & 15) * 4:]
        if data[0] == (129 if six else 0) and data[4:8] == head[4:8]:
            got += 1
            break
print(got)' "$1"
}

kept before $HMI $PLC
client_open hmi "$C" -t 3000 $PLC
expect hmi 'write register 5 7' ok
"$B/otfwctl" init --routed lan0 plc0 >"$TMP/first.yaml" || fail 'init'
fw_start "$TMP/first.yaml"
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
echoes 'a session from before goes on' before hello
expect hmi 'read holding 5 1' 'ok 7'
expect hmi 'write register 5 8' ok
kept later $EWS $PLC
echoes 'a port that nobody knows' later hello
kept six $HMI6 $PLC6
echoes '  over IPv6' six hello
same 'datagrams' 20 "$(udp_ask "$C" $HMI $PLC 9999 20)"
same 'echoes' 3 "$(pings $PLC)"
same '  over IPv6' 3 "$(pings $PLC6)"
same 'left to the kernel' 0 "$("$B/otfwctl" ruleset --policy "$TMP/first.yaml" | grep -c 'comment "otfw kernel ')"
same 'denied' 0 "$(grep -c '"event":"deny"' "$EVENTS")"
same 'taken for a client: the server' 0 "$(grep -c '"client":"\(10.10.2.2\|fd10:2::2\)"' "$EVENTS")"
proposed() { ctl learn propose --include all --policy "$TMP/first.yaml" >"$TMP/proposed" 2>&1 && grep -q "$1" "$TMP/proposed"; }
for what in 'functions: \[.*write-single-register' 'tcp: \[8080\]' 'udp: \[9999\]' 'icmp: \[8\]'; do
	wait_for 10 proposed "$what" || fail "not learned: $what: $(cat "$TMP/proposed")"
	ok "learned: $what"
done
fw_stop
