#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for a controller: it answers what no library here serves. Written for this project from the Modbus application
protocol specification (1.1b3) and the public description of UMAS framing; on its own it proves less than a third-party server.

device.py [--udp] [--shuffle] [--delay SECONDS] ADDRESS [PORT]

Functions 1-6, 8 (every sub-function), 15, 16, 20, 21, 24, 43/13, 43/14, 65-72, 90, 100-110; unit 0 is a broadcast: done and not
answered. --shuffle answers the requests of one segment in reverse order. A frame it cannot take closes the session.
Input register 0x100 + F counts the requests of function F.
"""
import argparse
import socket
import socketserver
import struct
import time

parser = argparse.ArgumentParser()
parser.add_argument("--udp", action="store_true")
parser.add_argument("--shuffle", action="store_true")
parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
parser.add_argument("address")
parser.add_argument("port", type=int, nargs="?", default=502)
args = parser.parse_args()

coils = [i & 1 for i in range(2000)]
holding = list(range(2000))
counts = [0] * 256
files = {n: list(range(n * 100, n * 100 + 100)) for n in range(1, 10)}
NAMES = [b"Test plant", b"PLC-1", b"1.0"]


def bits(values):
    out = bytearray((len(values) + 7) // 8)
    for i, v in enumerate(values):
        out[i // 8] |= v << i % 8
    return bytes(out)


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def span(table, first, count, most):
    if not 1 <= count <= most:
        raise Refused(3)
    if first + count > len(table):
        raise Refused(2)
    return table[first : first + count]


def answer(pdu):
    """The PDU that answers this one."""
    f = pdu[0]
    counts[f] += 1
    if f in (1, 2):
        first, count = struct.unpack(">HH", pdu[1:5])
        b = bits(span(coils, first, count, 2000))
        return bytes([f, len(b)]) + b
    if f in (3, 4):
        first, count = struct.unpack(">HH", pdu[1:5])
        table = holding if f == 3 else [counts[i - 256] if 256 <= i < 512 else 1000 + i for i in range(2000)]
        v = span(table, first, count, 125)
        return struct.pack(f">BB{count}H", f, 2 * count, *v)
    if f in (5, 6):
        a, v = struct.unpack(">HH", pdu[1:5])
        table = coils if f == 5 else holding
        span(table, a, 1, 1)
        table[a] = int(v == 0xFF00) if f == 5 else v
        return pdu
    if f == 15:
        first, count = struct.unpack(">HH", pdu[1:5])
        span(coils, first, count, 1968)
        coils[first : first + count] = [pdu[6 + i // 8] >> i % 8 & 1 for i in range(count)]
        return pdu[:5]
    if f == 16:
        first, count = struct.unpack(">HH", pdu[1:5])
        span(holding, first, count, 123)
        holding[first : first + count] = struct.unpack(f">{count}H", pdu[6:])
        return pdu[:5]
    if f == 8:
        sub = struct.unpack(">H", pdu[1:3])[0]
        if sub == 4:
            return b""  # force listen only mode: nobody answers
        return pdu if sub in (0, 1, 3, 10, 20) else struct.pack(">BHH", 8, sub, 0x10 + sub)
    if f == 20:
        out = b""
        for at in range(2, len(pdu), 7):
            kind, number, record, length = struct.unpack(">BHHH", pdu[at : at + 7])
            if kind != 6 or number not in files:
                raise Refused(2)
            v = span(files[number], record, length, 125)
            out += struct.pack(f">BB{length}H", 2 * length + 1, 6, *v)
        return bytes([f, len(out)]) + out
    if f == 21:
        at = 2
        while at < len(pdu):
            kind, number, record, length = struct.unpack(">BHHH", pdu[at : at + 7])
            if kind != 6 or number not in files:
                raise Refused(2)
            span(files[number], record, length, 125)
            files[number][record : record + length] = struct.unpack(f">{length}H", pdu[at + 7 : at + 7 + 2 * length])
            at += 7 + 2 * length
        return pdu
    if f == 24:
        v = [0x1B8, 0x1284, 0x1322]
        return struct.pack(">BHH3H", f, 2 + 2 * len(v), len(v), *v)
    if f == 43 and pdu[1] == 14:
        wanted = [pdu[3]] if pdu[2] == 4 else range(pdu[3], len(NAMES))
        if pdu[3] >= len(NAMES):
            raise Refused(2)
        objects = b"".join(bytes([i, len(NAMES[i])]) + NAMES[i] for i in wanted)
        return bytes([43, 14, pdu[2], 0x81, 0, 0, len(wanted)]) + objects
    if f == 43 and pdu[1] == 13:  # CANopen: echoed, as a gateway does with an expedited answer
        return pdu
    if f == 90:  # UMAS: session key, 0xfe = done, data
        return bytes([90, pdu[1], 0xFE]) + pdu[2:]
    if 65 <= f <= 72 or 100 <= f <= 110:
        return bytes([f]) + pdu[1:][::-1]
    raise Refused(1)


def reply(adu):
    """The ADU that answers, or nothing (broadcast, listen only)."""
    tid, protocol, length, unit = struct.unpack(">HHHB", adu[:7])
    try:
        out = answer(adu[7:])
    except Refused as e:
        out = bytes([adu[7] | 0x80, e.code])
    return b"" if unit == 0 or not out else struct.pack(">HHHB", tid, protocol, len(out) + 1, unit) + out


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buf = b""
        while True:
            try:
                got = self.request.recv(4096)
            except OSError:
                return
            if not got:
                return
            buf += got
            answers = []
            while len(buf) >= 8:
                protocol, length = struct.unpack(">HH", buf[2:6])
                if protocol != 0 or not 2 <= length <= 254:
                    return
                if len(buf) < 6 + length:
                    break
                try:
                    answers.append(reply(buf[: 6 + length]))
                except (struct.error, IndexError):
                    return
                buf = buf[6 + length :]
            if args.delay:
                time.sleep(args.delay)
            for a in reversed(answers) if args.shuffle else answers:
                if a:
                    self.request.sendall(a)


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        a = reply(data)
        if a:
            sock.sendto(a, self.client_address)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    address_family = socket.AF_INET6 if ":" in args.address else socket.AF_INET


with (
    socketserver.UDPServer((args.address, args.port), Datagram) if args.udp else Tcp((args.address, args.port), Session)
) as server:
    server.serve_forever()
