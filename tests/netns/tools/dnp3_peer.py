#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A DNP3 outstation and a DNP3 master, written for these tests: link frames, transport, fragments in several parts.

dnp3_peer.py outstation [--udp] [--log FILE] ADDRESS: serves sessions one after the other; every request goes to FILE as
  `STATION FUNCTION OBJECTS`, in hex. After ENABLE UNSOLICITED it reports an event. With --replies FILE a read of binary input N is answered
  by line N of FILE: application octets from the function on (`=` in front: octets as they are).
dnp3_peer.py master [--udp] [--timeout S] ADDRESS: reads commands, one a line, and prints one line for each:
  app HEX              a request (function code and objects), the next sequence number in front; its answer without control octets
  seq N | unit N | origin N   for what follows; prints nothing
  cut HEX              the same in one-octet segments
  join HEX HEX...      several requests in one segment; the last answer
  parts N HEX          a request in link frames of N octets each
  link N               a link frame with this control octet, no data; the control octet that comes back
  raw HEX              octets as they are; what comes back, as octets
  unsolicited          waits for an unsolicited answer, confirms it
  reopen               a new session; prints nothing
A line is `reset` when the session was cut, `timeout` when nothing came.
"""

import argparse
import socket
import struct
import sys

PORT = 20000


def crc(data):
    c = 0
    for x in data:
        c ^= x
        for _ in range(8):
            c = c >> 1 ^ 0xA6BC if c & 1 else c >> 1
    return struct.pack("<H", c ^ 0xFFFF)


def frame(control, destination, source, user=b""):
    header = struct.pack("<BBBBHH", 5, 0x64, 5 + len(user), control, destination, source)
    out = header + crc(header)
    for i in range(0, len(user), 16):
        out += user[i : i + 16] + crc(user[i : i + 16])
    return out


def segments(control, destination, source, fragment, seq, size=249):
    out = b""
    for i in range(0, len(fragment), size):
        t = (0x40 if i == 0 else 0) | (0x80 if i + size >= len(fragment) else 0) | seq & 63
        out += frame(control, destination, source, bytes([t]) + fragment[i : i + size])
        seq += 1
    return out


class Link:
    """Frames from a TCP stream, or from datagrams."""

    def __init__(self, sock, udp, peer=None):
        self.sock, self.udp, self.peer, self.buffer = sock, udp, peer, b""

    def send(self, data):
        if self.udp:
            self.sock.sendto(data, self.peer)
        else:
            self.sock.sendall(data)

    def need(self, n):
        while len(self.buffer) < n:
            if self.udp:
                data, self.peer = self.sock.recvfrom(65535)
            else:
                data = self.sock.recv(4096)
            if not data:
                raise EOFError
            self.buffer += data

    def frame(self):
        """(control, destination, source, user data)"""
        self.need(10)
        n = self.buffer[2] - 5
        total = 10 + n + (n + 15) // 16 * 2
        self.need(total)
        raw, self.buffer = self.buffer[:total], self.buffer[total:]
        if raw[:2] != b"\x05\x64" or crc(raw[:8]) != raw[8:10]:
            raise ValueError("no frame: " + raw.hex())
        user, at = b"", 10
        while at < total:
            k = min(16, n - len(user))
            if crc(raw[at : at + k]) != raw[at + k : at + k + 2]:
                raise ValueError("CRC: " + raw.hex())
            user, at = user + raw[at : at + k], at + k + 2
        destination, source = struct.unpack("<HH", raw[4:8])
        return raw[3], destination, source, user


# ---- outstation ----

ANALOG = bytes.fromhex("1e01000059") + b"".join(b"\x01" + struct.pack("<i", 100 + i) for i in range(90))
STATIC = bytes.fromhex("01020000018101") + ANALOG
FILE = b"Station 10, configuration 7\n"


class Outstation:
    def __init__(self, link, log, replies=None):
        self.link, self.log, self.part, self.seq, self.replies = link, log, b"", 0, replies or []

    def answer(self, me, master, fragment):
        self.link.send(segments(0x44, master, me, fragment, self.seq))
        self.seq += (len(fragment) + 248) // 249

    def file(self, function, objects):
        if function == 25:
            return bytes.fromhex("46045b010d00efbeadde") + struct.pack("<IHHB", len(FILE), 512, 1, 0)
        if function == 1:
            return bytes.fromhex("46055b01") + struct.pack("<HII", 8 + len(FILE), 0xDEADBEEF, 0x80000000) + FILE
        if function == 2:
            return bytes.fromhex("46065b010900efbeadde") + objects[10:14] + b"\0"
        if function == 28:
            name = objects[26:]
            return bytes.fromhex("46075b01") + struct.pack("<HHHHI6sHH", 20 + len(name), 20, len(name), 1, len(FILE), bytes(6), 0o444, 1) + name
        return bytes.fromhex("46045b010d00efbeadde") + struct.pack("<IHHB", 0, 0, 1, 0)

    def request(self, fragment, me, master):
        control, function, objects = fragment[0], fragment[1], fragment[2:]
        print(me, function, objects.hex(), file=self.log, flush=True)
        if function in (0, 6, 8, 10, 12, 33) or me >= 0xFFFD:
            return
        iin, out = b"\0\0", b""
        if self.replies and function == 1 and objects[:1] == b"\x01":
            line = self.replies[objects[3]]
            if line[0] == "=":
                self.link.send(bytes.fromhex(line[1:]))
            else:
                self.answer(me, master, bytes([0xC0 | control & 15]) + bytes.fromhex(line))
            return
        if objects[:1] == b"\x46" or function in (25, 26, 27, 28, 29, 30):
            out = self.file(function, objects)
        elif function == 1 and objects[:2] == b"\x3c\x01":
            # Class 0 in two fragments, the first of them in several frames.
            self.answer(me, master, bytes([0xA0 | control & 15, 0x81]) + iin + STATIC)
            out, control = bytes.fromhex("140500000a") + bytes(44), 0x40 | (control + 1) & 15
            self.answer(me, master, bytes([control, 0x81]) + iin + out)
            return
        elif function == 1 and objects[:1] == b"\x3c":
            out = bytes.fromhex("02022801000300810010a5d4e801" "20032801000700" "01" "feffffff" "0010a5d4e801")
            control |= 0x20
        elif function == 1:
            out = bytes.fromhex("1e0100000101") + struct.pack("<i", 42) + b"\x01" + struct.pack("<i", -7)
            out = out if objects[:1] == b"\x1e" else b""
        elif function in (3, 4, 5):
            out = objects
        elif function in (13, 14):
            out = bytes.fromhex("34010701" "0100")
        elif function == 23:
            out = bytes.fromhex("34020701" "0000")
        elif function not in (2, 7, 9, 11, 20, 21, 22, 24):
            iin = b"\0\1"  # function code not supported
        self.answer(me, master, bytes([0xC0 | control & 0x2F, 0x81]) + iin + out)
        if function == 20:
            self.answer(me, master, bytes.fromhex("f0820000" "02011701" "0581"))

    def serve(self):
        while True:
            control, me, master, user = self.link.frame()
            fn = control & 15
            if control & 0x40 and fn == 9:
                self.link.send(frame(0x0B, master, me))
            elif control & 0x40 and fn in (0, 2, 3):
                self.link.send(frame(0x00, master, me))
            if user:
                self.part = user[1:] if user[0] & 0x40 else self.part + user[1:]
                if user[0] & 0x80:
                    self.request(self.part, me, master)


def outstation(args):
    log = open(args.log, "a", encoding="ascii") if args.log else sys.stdout
    replies = open(args.replies, encoding="ascii").read().split() if args.replies else None
    if args.udp:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((args.address, PORT))
        Outstation(Link(sock, True), log, replies).serve()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((args.address, PORT))
    listener.listen(8)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(20)
        try:
            Outstation(Link(sock, False), log, replies).serve()
        except (EOFError, OSError, ValueError) as why:
            print("#", type(why).__name__, why, file=sys.stderr, flush=True)
        sock.close()


# ---- master ----


class Master:
    def __init__(self, args):
        self.args, self.unit, self.origin, self.seq, self.transport, self.link = args, 10, 1, 0, 0, None

    def open(self):
        kind = socket.SOCK_DGRAM if self.args.udp else socket.SOCK_STREAM
        sock = socket.socket(socket.AF_INET, kind)
        if self.args.source:
            sock.bind((self.args.source, 0))
        sock.settimeout(self.args.timeout)
        if not self.args.udp:
            sock.connect((self.args.address, PORT))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link = Link(sock, self.args.udp, (self.args.address, PORT))

    def octets(self, app, size=249):
        fragment = bytes([0xC0 | self.seq]) + app
        self.seq = (self.seq + 1) & 15
        out = segments(0xC4, self.unit, self.origin, fragment, self.transport, size)
        self.transport += (len(fragment) + size - 1) // size
        return out

    def fragment(self):
        part = b""
        while True:
            _, _, _, user = self.link.frame()
            if user:
                part = user[1:] if user[0] & 0x40 else part + user[1:]
                if user[0] & 0x80:
                    return part

    def confirm(self, control):
        self.link.send(segments(0xC4, self.unit, self.origin, bytes([0xC0 | control & 0x1F, 0]), self.transport))
        self.transport += 1

    def answer(self, unsolicited=False):
        got, wanted = "", (self.seq - 1) & 15
        while True:
            f = self.fragment()
            if f[0] & 0x20:
                self.confirm(f[0])
            if unsolicited:
                if f[1] == 0x82:
                    return f[2:].hex()
                continue
            if f[1] == 0x82 or (f[0] & 15) != wanted:
                continue
            got += f[2:].hex()
            if f[0] & 0x40:
                return got
            wanted = (wanted + 1) & 15

    def do(self, word, rest):
        if word == "app":
            self.link.send(self.octets(bytes.fromhex(rest[0])))
        elif word == "parts":
            self.link.send(self.octets(bytes.fromhex(rest[1]), int(rest[0])))
        elif word == "cut":
            for x in self.octets(bytes.fromhex(rest[0])):
                self.link.send(bytes([x]))
        elif word == "join":
            self.link.send(b"".join(self.octets(bytes.fromhex(h)) for h in rest))
        elif word == "link":
            self.link.send(frame(int(rest[0], 0), self.unit, self.origin))
            return "%02x" % self.link.frame()[0]
        elif word == "raw":
            self.link.send(bytes.fromhex(rest[0]))
            self.link.buffer = b""
            self.link.need(1)
            return self.link.buffer.hex()
        elif word == "unsolicited":
            return self.answer(True)
        else:
            raise SystemExit(f"what is '{word}'?")
        return self.answer()

    def run(self):
        for line in sys.stdin:
            word, *rest = line.split()
            if word in ("seq", "unit", "origin"):
                setattr(self, word, int(rest[0]))
                continue
            if word == "reopen":
                if self.link:
                    self.link.sock.close()
                self.link = None
                continue
            try:
                if self.link is None:
                    self.open()
                said = self.do(word, rest)
            except socket.timeout:
                said = "timeout"
            except (EOFError, OSError):
                said = "reset"
            if said == "reset" and self.link:
                self.link.sock.close()
                self.link = None
            print(said, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["outstation", "master"])
    parser.add_argument("address")
    parser.add_argument("--udp", action="store_true")
    parser.add_argument("--log")
    parser.add_argument("--replies")
    parser.add_argument("--source")
    parser.add_argument("--timeout", type=float, default=5)
    args = parser.parse_args()
    if args.role == "outstation":
        outstation(args)
    else:
        Master(args).run()


if __name__ == "__main__":
    main()
