#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The inventory: a poll and a reading of a device's identification through the firewall make two assets, with zone, role, protocol, the MAC of the
# cable's end and what the device said; an event each, once, also when recorder, engine and daemon are started anew. What an attacker tries and is refused
# makes no server, and one whose serial changes is an event.
. "$(dirname "$0")/lib.sh"
plant_up
cat >"$TMP/policy.yaml" <<'Y'
version: 1
site: {name: test plant}
zones:
  control-room: {level: 3, networks: [10.10.1.0/24], failure: closed}
  cell: {level: 2, networks: [10.10.2.0/24], failure: closed}
hosts:
  hmi: 10.10.1.2
  plc: 10.10.2.2
  pump: {at: plc, unit: 1}
conduits:
  - name: control
    from: [control-room]
    to: cell
    servers: [plc]
    protocols: [modbus]
    mode: enforce
    on-deny: drop
    at-most: [read, diagnose]
    allow:
      - {id: view, clients: [hmi], protocol: modbus, units: [1], functions: [read-holding-registers], addresses: {holding: [0..99]}}
      - {id: who, clients: [hmi], protocol: modbus, units: [1], functions: [read-device-identification], id-codes: any, objects: any}
Y
# A device: registers of zeros, and who it is. SIGHUP changes its firmware.
cat >"$TMP/device.py" <<'P'
import signal, socket, struct, threading
version = b"V1.7"
def other(*_):
    global version
    version = b"V2.0"
signal.signal(signal.SIGHUP, other)
def answer(pdu):
    if pdu[0] == 3:
        n = struct.unpack(">H", pdu[3:5])[0]
        return bytes([3, 2 * n]) + bytes(2 * n)
    if pdu[:2] == b"\x2b\x0e":
        items = [(0, b"Acme \x1b[31mControls"), (1, b"GW-100"), (2, version)]
        return b"\x2b\x0e\x01\x01\x00\x00" + bytes([len(items)]) + b"".join(bytes([i, len(t)]) + t for i, t in items)
    return bytes([pdu[0] | 0x80, 1])
def serve(c):
    while True:
        head = c.recv(7, socket.MSG_WAITALL)
        if len(head) < 7:
            return
        tid, _, n, unit = struct.unpack(">HHHB", head)
        out = answer(c.recv(n - 1, socket.MSG_WAITALL))
        c.sendall(struct.pack(">HHHB", tid, 0, len(out) + 1, unit) + out)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.10.2.2", 502))
s.listen()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
# ask FROM HEX...: PDUs to the device one after the other in one session; prints how many octets came back to each.
cat >"$TMP/ask.py" <<'P'
import socket, struct, sys
s = socket.create_connection(("10.10.2.2", 502), 2, (sys.argv[1], 0))
s.settimeout(2)
for i, text in enumerate(sys.argv[2:]):
    pdu = bytes.fromhex(text)
    s.sendall(struct.pack(">HHHB", i + 1, 0, len(pdu) + 1, 1) + pdu)
    print(len(s.recv(300)))
P
bg in_s "$PY" "$TMP/device.py"
DEVICE=$!
wait_for 5 listening "$S" 502 || fail 'the device does not listen'
device_mac=$(ip -n "$S" -o link show eth0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')
hmi_mac=$(ip -n "$C" -o link show eth0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')
POLL=0300000004 IDENTIFY=2b0e0100
ask_device() { in_c timeout 10 "$PY" "$TMP/ask.py" "$@" 2>/dev/null | tr '\n' ' '; }

fw_start "$TMP/policy.yaml"
assets() { "$B/otfwctl" assets --run-dir "$RUN" "$@"; }
asset() { assets --json | grep "\"address\":\"$1\""; }
all() { assets --json | wc -l; }
asset_events() { grep -c '"event":"asset"' "$EVENTS"; }
same 'before anything passed: assets' 0 "$(all)"

# ---- an attacker first: what is refused makes nobody an asset ----
same 'an attacker asks from an address that no rule has' '' "$(ask_device "$EWS" $POLL)"
in_c timeout 10 "$PY" - <<'P'
import socket
for port in (21, 22, 80, 102, 443, 4840, 20000, 44818):
    s = socket.socket()
    s.settimeout(0.05)
    s.bind(("10.10.1.20", 0))
    try:
        s.connect(("10.10.2.2", port))
    except OSError:
        pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("10.10.1.20", 0))
for port in (502, 161, 20000):
    u.sendto(b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x04", ("10.10.2.2", port))
P
same 'behind the scan: assets' 0 "$(all)"

# ---- who is there ----
same 'poll and identification: octets of the answers' '17 *' "$(ask_device "$HMI" $POLL $IDENTIFY $POLL)"
two() { [ "$(all)" -eq 2 ]; }
wait_for 5 two || fail "assets: $(assets --json)"
two_events() { [ "$(asset_events)" -eq 2 ]; }
wait_for 5 two_events || fail "events: $(grep asset "$EVENTS")"
plc=$(asset $PLC) hmi=$(asset $HMI)
same 'the device: name, zone, MAC' "*\"name\":\"plc\",\"zone\":\"cell\",\"mac\":\"$device_mac\"*" "$plc"
same 'the device: role' '*"roles":\[{"role":"server","protocol":"modbus","transport":"tcp","port":502,*' "$plc"
same 'the client: name, zone, MAC' "*\"name\":\"hmi\",\"zone\":\"control-room\",\"mac\":\"$hmi_mac\"*" "$hmi"
same 'the client: role' '*"roles":\[{"role":"client","protocol":"modbus","transport":"tcp","port":502,*' "$hmi"
same 'events' '2 new' "$(grep '"event":"asset"' "$EVENTS" | grep -c '"change":"new"') new"
same 'the event says' 'new asset 10.10.2.2 (plc) in zone cell: server of modbus' "$(grep '"event":"asset"' "$EVENTS" | grep -o 'new asset 10.10.2.2[^"]*')"
identified() { asset $PLC | grep -q '"kind":"version","value":"V1.7"'; }
wait_for 5 identified || fail "no identification: $(asset $PLC)"
same 'what the device said, without what drives a terminal' '*"unit":1,"station":"pump","kind":"vendor","value":"Acme .\[31mControls"*' "$(asset $PLC)"
same 'for people' "*cell*$PLC*plc*server of modbus*from $device_mac*modbus unit 1 (pump): vendor Acme*" "$(assets)"
same '--zone' 1 "$(assets --json --zone cell | wc -l)"
same '--since' '0 2' "$(assets --json --since 2099-01-01 | wc -l) $(assets --json --since 1h | wc -l)"

# ---- changed ----
kill -HUP "$DEVICE"
same 'another firmware answers' '17 *' "$(ask_device "$HMI" $POLL $IDENTIFY)"
e=$(MARK=0; event '"change":"identification"' 5) || fail "no event of a change: $(asset $PLC)"
same 'the change is an event' 'asset 10.10.2.2 (plc) in zone cell: its version of unit 1 (pump) by modbus is \\"V2.0\\" now, it was \\"V1.7\\"' "$(field "$e" detail)"

# ---- started anew ----
kill -KILL "$(recorder_pid)"
wait_for 10 fw_status || fail 'no recorder comes back'
kill -KILL "$(engine_pid)"
wait_for 10 fw_ready || fail 'no engine comes back'
ask_device "$HMI" $POLL $IDENTIFY >/dev/null
same 'a recorder and an engine killed: assets' 2 "$(all)"
fw_stop
fw_start "$TMP/policy.yaml"
ask_device "$HMI" $POLL $IDENTIFY >/dev/null
sleep 1
same 'the daemon started anew: assets' 2 "$(all)"
same 'and no event came twice' '2 new, 3 all' "$(grep '"event":"asset"' "$EVENTS" | grep -c '"change":"new"') new, $(asset_events) all"
same 'status' '2 0' "$(status assets-seen) $(status assets-lost)"
fw_stop
