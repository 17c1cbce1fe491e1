#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An EtherNet/IP device for tests: enip_device.py ADDRESS LOG.

TCP and UDP 44818. Identity, an assembly, tags, Unconnected Send, Multiple Service Packets, connections for messages and for I/O, start
and stop of the controller, reset. Each service that reaches it is a line of LOG: `SERVICE CLASS/INSTANCE` or `SERVICE TAG`. It does not
check what it is sent: that is what a firewall stands before it for.
"""

import socket
import socketserver
import struct
import sys
import threading

TAGS = {"Setpoint": (0xC4, [7]), "Level": (0xCA, [1.5]), "Line": (0xC3, list(range(20))), "Secret": (0xC4, [99])}
FORMATS = {0xC3: "h", 0xC4: "i", 0xCA: "f"}
ATTRIBUTES = {(1, 1, 1): struct.pack("<H", 1), (1, 1, 7): b"\x07TestPLC", (4, 100, 3): bytes(8), (15, 1, 1): b"\x05\0"}
IDENTITY = struct.pack("<HHHBBHI", 1, 14, 55, 20, 11, 0x60, 0x12345678) + b"\x07TestPLC"
STATE = {"mode": "run", "session": 0x100, "connection": 0x10000}
WAYS = {}
LOG = open(sys.argv[2], "a", buffering=1, encoding="ascii")
LOCK = threading.Lock()


def path_of(p):
    out, name, i = {}, [], 0
    while i < len(p):
        kind = p[i]
        if kind == 0x91:
            n = p[i + 1]
            name.append(p[i + 2:i + 2 + n].decode("latin-1"))
            i += 2 + n + (n & 1)
        elif kind & 3 == 1:
            out.setdefault(kind & 0xFC, struct.unpack_from("<H", p, i + 2)[0])
            i += 4
        else:
            out.setdefault(kind & 0xFC, p[i + 1])
            i += 2
    return out, ".".join(name)


def reply(service, data=b"", status=0):
    return bytes([service | 0x80, 0, status, 0]) + data


def packed(kind, values):
    return b"".join(struct.pack("<" + FORMATS[kind], v) for v in values)


def manager(service, d):
    if service == 0x52:
        n = struct.unpack_from("<H", d, 2)[0]
        return cip(d[4:4 + n])
    if service in (0x54, 0x5B):
        wide = 4 if service == 0x5B else 2
        with LOCK:
            STATE["connection"] += 1
            ours = STATE["connection"]
            WAYS[ours] = struct.unpack_from("<I", d, 6)[0]
            LOG.write(f"opened {ours:#x}\n")
        to_id, rpi_ot, rpi_to = d[6:10], d[22:26], d[26 + wide:30 + wide]
        return reply(service, struct.pack("<I", ours) + to_id + d[10:18] + rpi_ot + rpi_to + b"\0\0")
    if service == 0x4E:
        return reply(service, d[2:10] + b"\0\0")
    return reply(service, status=8)


def tag(service, name, index, d):
    if name not in TAGS:
        return reply(service, status=4)
    kind, values = TAGS[name]
    size = struct.calcsize("<" + FORMATS[kind])
    if service == 0x4C:
        n = struct.unpack_from("<H", d)[0]
        return reply(service, struct.pack("<H", kind) + packed(kind, values[index:index + n]))
    if service == 0x4D:
        n = struct.unpack_from("<H", d, 2)[0]
        for i in range(n):
            values[index + i] = struct.unpack_from("<" + FORMATS[kind], d, 4 + i * size)[0]
        return reply(service)
    return reply(service, status=8)


def cip(q):
    service, n = q[0], q[1] * 2
    p, name = path_of(q[2:2 + n])
    d = q[2 + n:]
    where = name or f"{p.get(0x20, 0):#x}/{p.get(0x24, 0)}"
    LOG.write(f"{service:#04x} {where}\n")
    if p.get(0x20) == 6:
        return manager(service, d)
    if service == 0x0A and p.get(0x20) == 2:
        n = struct.unpack_from("<H", d)[0]
        at = [struct.unpack_from("<H", d, 2 + 2 * i)[0] for i in range(n)] + [len(d)]
        parts = [cip(d[at[i]:at[i + 1]]) for i in range(n)]
        table, offset = b"", 2 + 2 * n
        for part in parts:
            table += struct.pack("<H", offset)
            offset += len(part)
        return reply(service, struct.pack("<H", n) + table + b"".join(parts))
    if name:
        return tag(service, name, p.get(0x28, 0), d)
    if service == 1 and p.get(0x20) == 1:
        return reply(service, IDENTITY)
    key = (p.get(0x20), p.get(0x24), p.get(0x30))
    if service == 0x0E:
        return reply(service, ATTRIBUTES[key]) if key in ATTRIBUTES else reply(service, status=0x14)
    if service == 0x10:
        ATTRIBUTES[key] = d
        return reply(service)
    if service in (6, 7):
        STATE["mode"] = "run" if service == 6 else "program"
        LOG.write(f"mode {STATE['mode']}\n")
        return reply(service)
    return reply(service) if service == 5 else reply(service, status=8)


def wrap(q, data, session, status=0):
    return q[:2] + struct.pack("<HII", len(data), session, status) + q[12:24] + data


def answer(q):
    command, _, session = struct.unpack_from("<HHI", q)
    d = q[24:]
    if command == 0x63:
        item = struct.pack("<H", 1) + struct.pack(">HH", 2, 44818) + bytes(12) + IDENTITY + b"\x03"
        return wrap(q, struct.pack("<HHH", 1, 0x0C, len(item)) + item, 0)
    if command == 0x04:
        return wrap(q, struct.pack("<HHHHH", 1, 0x100, 20, 1, 0x20) + b"Communications\0\0", 0)
    if command == 0x64:
        return wrap(q, b"\0\0", 0)
    if command == 0x65:
        with LOCK:
            STATE["session"] += 1
            return wrap(q, d[:4], STATE["session"])
    if command == 0x6F:
        r = cip(d[16:16 + struct.unpack_from("<H", d, 14)[0]])
        return wrap(q, bytes(6) + struct.pack("<HHHHH", 2, 0, 0, 0xB2, len(r)) + r, session)
    if command == 0x70:
        r = cip(d[22:])
        back = WAYS.get(struct.unpack_from("<I", d, 12)[0], 0)  # the number that the opening named
        return wrap(q, bytes(6) + struct.pack("<HHHI", 2, 0xA1, 4, back) + struct.pack("<HH", 0xB1, 2 + len(r)) + d[20:22] + r,
                    session)
    return None if command in (0, 0x66) else wrap(q, b"", session, 1)


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        have = b""
        while True:
            try:
                more = self.request.recv(65536)
            except OSError:
                return
            if not more:
                return
            have += more
            while len(have) >= 24 and len(have) >= 24 + struct.unpack_from("<H", have, 2)[0]:
                n = 24 + struct.unpack_from("<H", have, 2)[0]
                r = answer(have[:n])
                have = have[n:]
                if r:
                    self.request.sendall(r)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def datagrams(port):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("0.0.0.0", port))
    while True:
        q, who = u.recvfrom(65536)
        if port == 2222:
            LOG.write(f"io {struct.unpack_from('<I', q, 6)[0]:#x}\n")
        elif len(q) >= 24:
            u.sendto(answer(q), who)


if __name__ == "__main__":
    for p in (44818, 2222):
        threading.Thread(target=datagrams, args=(p,), daemon=True).start()
    Server((sys.argv[1], 44818), Session).serve_forever()
