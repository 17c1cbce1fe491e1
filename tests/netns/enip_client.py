#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An EtherNet/IP client for tests: enip_client.py ADDRESS [bytes] REQUEST...

One session; each REQUEST in its turn, its answer on one line: `ok [VALUES]`, `status N`, `reset` or `silent`. `bytes` sends every octet
in a segment of its own. REQUESTs joined by `+` go out in one segment.

  read TAG[:INDEX[:COUNT]]   write TAG[:INDEX]=VALUE   get CLASS/INSTANCE/ATTRIBUTE   set CLASS/INSTANCE/ATTRIBUTE=HEX
  reset[:TYPE]   start   stop   service:CODE:CLASS/INSTANCE[:HEX]
  slot:REQUEST (by Unconnected Send)   packet:REQUEST,REQUEST   open   close   on:REQUEST (on the connection)
  io, io-varied (opens I/O, of one size or of up to that)   io-close   raw:HEX   list-identity   udp-list-identity   datagram:ID (on UDP 2222)
"""

import socket
import struct
import sys
import time

KINDS = {0xC3: "h", 0xC4: "i", 0xCA: "f"}
TYPES = {"Setpoint": 0xC4, "Level": 0xCA, "Line": 0xC3, "Secret": 0xC4}
TRIAD = struct.pack("<HHI", 0x1234, 0x4D, 0xCAFE0001)
ROUTER = bytes.fromhex("20022401")
MANAGER = bytes.fromhex("20062401")


def place(text, with_attribute=True):
    numbers = [int(x, 0) for x in text.split("/")]
    out = b""
    for kind, n in zip((0x20, 0x24, 0x30), numbers):
        out += bytes([kind, n]) if n < 256 else bytes([kind | 1, 0]) + struct.pack("<H", n)
    return out


def symbol(name, index=0):
    out = b""
    for part in name.split("."):
        raw = part.encode()
        out += bytes([0x91, len(raw)]) + raw + bytes(len(raw) & 1)
    return out + (bytes([0x28, index]) if index else b"")


def message(code, path, data=b""):
    return bytes([code, len(path) // 2]) + path + data


def request(text):
    what, _, rest = text.partition(":") if not text.startswith(("read ", "write ", "get ", "set ")) else text.partition(" ")
    if what == "read":
        name, index, count = (rest.split(":") + ["0", "1"])[:3] if rest.count(":") != 1 else rest.split(":") + ["1"]
        return message(0x4C, symbol(name, int(index)), struct.pack("<H", int(count)))
    if what == "write":
        name, value = rest.split("=")
        name, _, index = name.partition(":")
        kind = TYPES[name]
        number = float(value) if kind == 0xCA else int(value)
        return message(0x4D, symbol(name, int(index or 0)), struct.pack("<HH" + KINDS[kind], kind, 1, number))
    if what == "get":
        return message(0x0E, place(rest))
    if what == "set":
        where, value = rest.split("=")
        return message(0x10, place(where), bytes.fromhex(value))
    if what == "reset":
        return message(5, place("1/1"), bytes([int(rest)]) if rest else b"")
    if what in ("start", "stop"):
        return message(6 if what == "start" else 7, place("0x8e/1"))
    if what == "service":
        code, where, data = (rest.split(":") + [""])[:3]
        return message(int(code, 0), place(where), bytes.fromhex(data))
    if what == "slot":
        inner = request(rest)
        return message(0x52, MANAGER, b"\x0a\x0e" + struct.pack("<H", len(inner)) + inner + bytes(len(inner) & 1) + b"\x01\0\x01\0")
    if what == "packet":
        parts = [request(x) for x in rest.split(",")]
        table, offset = struct.pack("<H", len(parts)), 2 + 2 * len(parts)
        for part in parts:
            table += struct.pack("<H", offset)
            offset += len(part)
        return message(0x0A, ROUTER, table + b"".join(parts))
    if what == "open":
        return message(0x54, MANAGER, b"\x0a\x0e" + struct.pack("<II", 0, 0x20000001) + TRIAD + bytes([3, 0, 0, 0]) +
                       struct.pack("<IHIHBB", 2000000, 0x43F4, 2000000, 0x43F4, 0xA3, 2) + ROUTER)
    if what == "close":
        return message(0x4E, MANAGER, b"\x0a\x0e" + TRIAD + b"\x02\0" + ROUTER)
    if what in ("io", "io-varied"):
        way = 0x480A if what == "io" else 0x4A0A
        path = bytes.fromhex("200424802c962c64")
        return message(0x54, MANAGER, b"\x0a\x0e" + struct.pack("<II", 0, 0x20000002) + struct.pack("<HHI", 0x1235, 0x4D, 0xCAFE0001) +
                       bytes([0, 0, 0, 0]) + struct.pack("<IHIHBB", int(rest or 10000), way, 10000, way, 1, len(path) // 2) + path)
    if what == "io-close":
        return message(0x4E, MANAGER, b"\x0a\x0e" + struct.pack("<HHI", 0x1235, 0x4D, 0xCAFE0001) + b"\x04\0" +
                       bytes.fromhex("200424802c962c64"))
    sys.exit(f"enip_client: '{text}' is not understood")


class Client:
    def __init__(self, address, slow):
        self.address, self.slow, self.session, self.context, self.sequence, self.connection = address, slow, 0, 0, 0, 0
        self.s = socket.create_connection((address, 44818), 5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.settimeout(1.5)

    def encapsulate(self, command, data):
        self.context += 1
        return struct.pack("<HHIIQI", command, len(data), self.session, 0, self.context, 0) + data

    def pdu(self, text):
        if text == "list-identity":
            return self.encapsulate(0x63, b"")
        if text == "nop":
            return self.encapsulate(0, b"")
        if text.startswith("raw:"):
            return bytes.fromhex(text[4:])
        if text.startswith("on:"):
            self.sequence += 1
            m = request(text[3:])
            return self.encapsulate(0x70, bytes(6) + struct.pack("<HHHIHHH", 2, 0xA1, 4, self.connection, 0xB1, 2 + len(m),
                                                                 self.sequence) + m)
        m = request(text)
        return self.encapsulate(0x6F, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(m)) + m)

    def receive(self, n):
        out = b""
        while len(out) < n:
            more = self.s.recv(n - len(out))
            if not more:
                raise ConnectionResetError
            out += more
        return out

    def answer(self):
        head = self.receive(24)
        command, length, session, status = struct.unpack_from("<HHII", head)
        data = self.receive(length)
        if command == 0x65:
            self.session = session
        if status or command not in (0x6F, 0x70):
            return f"encapsulation {status}" if status else "ok"
        return self.cip(data[16:] if command == 0x6F else data[22:])

    def cip(self, r):
        if r[2]:
            return f"status {r[2]}"
        if r[0] == 0xD4 and len(r) >= 30:
            self.connection = struct.unpack_from("<I", r, 4)[0]
        if r[0] == 0xCC:
            kind = struct.unpack_from("<H", r, 4)[0]
            form = KINDS[kind]
            n = (len(r) - 6) // struct.calcsize("<" + form)
            return " ".join(["ok"] + [f"{v:g}" for v in struct.unpack_from(f"<{n}{form}", r, 6)])
        return " ".join(["ok"] + ([r[4:].hex()] if r[0] == 0x8E else []))

    def do(self, text):
        parts = text.split("+")
        data = b"".join(self.pdu(p.strip()) for p in parts)
        try:
            if self.slow:
                for b in data:
                    self.s.sendall(bytes([b]))
                    time.sleep(0.0005)
            else:
                self.s.sendall(data)
            return " | ".join(self.answer() for _ in parts)
        except socket.timeout:
            return "silent"
        except OSError:
            return "reset"


def datagram(address, text):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(1)
    if text.startswith("datagram:"):
        ident = int(text[9:], 0)
        u.sendto(struct.pack("<HHHIIHH", 2, 0x8002, 8, ident, 1, 0xB1, 10) + bytes(10), (address, 2222))
        return "sent"
    u.sendto(struct.pack("<HHIIQI", 0x63, 0, 0, 0, 1, 0), (address, 44818))
    try:
        return "ok" if u.recv(4096)[:2] == b"\x63\0" else "odd"
    except socket.timeout:
        return "silent"


def main():
    address, todo = sys.argv[1], sys.argv[2:]
    slow = todo[:1] == ["bytes"]
    client = None
    for text in todo[slow:]:
        if text.startswith(("datagram:", "udp-")):
            print(datagram(address, text), flush=True)
            continue
        if client is None:
            client = Client(address, slow)
            client.s.sendall(client.encapsulate(0x65, struct.pack("<HH", 1, 0)))
            try:
                client.answer()
            except OSError:
                print("no session", flush=True)
        print(client.do(text), flush=True)


if __name__ == "__main__":
    main()
