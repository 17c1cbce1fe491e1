#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controlled station after IEC 60870-5-104, a stand-in written for these tests: the standard's library only.

iec104_station.py [--log FILE] [--spontaneous SECONDS] [--test SECONDS] ADDRESS [PORT]

Common addresses 1 and 2. Points, by kind: single 100..107, double 200..203, step 300, bitstring 400, normalised 500, scaled 600, float 700..701,
counters 800..801; commands single 1001..1010, double 1101..1110, step 1201, set-points normalised 1301, scaled 1401, float 1501..1502, bitstring 1601;
files at 2000. Select before execute as the command says; what it does not know goes back with cause 44 to 47. FILE gets one line for each ASDU that has
come in, `TYPE CAUSE IOA VALUE`, and `connect` and `startdt` for each of these.
"""
import argparse
import queue
import socket
import struct
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--log", default="/dev/null")
parser.add_argument("--spontaneous", type=float, default=0)
parser.add_argument("--test", type=float, default=0)
parser.add_argument("address")
parser.add_argument("port", type=int, nargs="?", default=2404)
args = parser.parse_args()
log = open(args.log, "a", encoding="ascii", buffering=1)
FILE = bytes(range(100)) * 2
STATE = {"single": 0, "float": 20.5}
ELEMENT = {45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11,
           100: 1, 101: 1, 102: 0, 103: 7, 104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5, 113: 1,
           122: 4, 124: 4, 120: 6, 121: 7, 123: 5}
COMMANDS = {45: (1001, 1010), 46: (1101, 1110), 47: (1201, 1201), 48: (1301, 1301), 49: (1401, 1401), 50: (1501, 1502), 51: (1601, 1601)}


def cp56(now=None):
    now = time.time() if now is None else now
    t = time.gmtime(now)
    ms = t.tm_sec * 1000 + int(now * 1000) % 1000
    return struct.pack("<HBBBBB", ms, t.tm_min, t.tm_hour, t.tm_mday | (t.tm_wday + 1) << 5, t.tm_mon, t.tm_year % 100)


def ioa(n):
    return struct.pack("<I", n)[:3]


class Link:
    def __init__(self, sock):
        self.sock, self.ns, self.nr, self.acked, self.unacked = sock, 0, 0, 0, 0
        self.started, self.lock, self.origin, self.todo = False, threading.Lock(), 0, queue.Queue()
        self.testing = False  # TESTFR was sent and not confirmed: no other one meanwhile

    def control(self, octets):
        with self.lock:
            self.sock.sendall(b"\x68\x04" + octets)

    def asdu(self, kind, cause, body, count=1, ca=1, origin=None):
        """An I format; waits while twelve are without acknowledgement, as k says."""
        for _ in range(500):
            if (self.ns - self.acked) % 32768 < 12:
                break
            time.sleep(0.01)
        head = struct.pack("<BBBBH", kind, count, cause, self.origin if origin is None else origin, ca) + body
        with self.lock:
            self.sock.sendall(struct.pack("<BBHH", 0x68, 4 + len(head), self.ns << 1, self.nr << 1) + head)
            self.ns, self.unacked = (self.ns + 1) % 32768, 0

    def data(self, cause, ca):
        point = self.asdu
        point(1, cause, ioa(100) + bytes([STATE["single"], 1, 0, 1, 0x40, 0, 0, 1]), 0x88, ca, 0)
        point(3, cause, ioa(200) + b"\x02" + ioa(202) + b"\x01", 2, ca, 0)
        point(5, cause, ioa(300) + b"\x05\x00", 1, ca, 0)
        point(7, cause, ioa(400) + b"\xef\xbe\xad\xde\x00", 1, ca, 0)
        point(9, cause, ioa(500) + b"\x00\x40\x00\x00\xc0\x00", 0x82, ca, 0)
        point(11, cause, ioa(600) + struct.pack("<hB", -100, 0), 1, ca, 0)
        point(13, cause, ioa(700) + struct.pack("<fB", STATE["float"], 0) + struct.pack("<fB", -0.75, 0x10), 0x82, ca, 0)

    def tagged(self):
        for kind, body in ((30, ioa(100) + bytes([STATE["single"]])), (31, ioa(200) + b"\x02"), (32, ioa(300) + b"\xfb\x00"),
                           (33, ioa(400) + b"\x01\x00\x00\x00\x00"), (34, ioa(500) + b"\x00\x20\x00"), (35, ioa(600) + b"\xe8\x03\x00"),
                           (36, ioa(700) + struct.pack("<fB", STATE["float"], 0)), (37, ioa(800) + b"\x2a\x00\x00\x00\x01"),
                           (38, ioa(900) + b"\x02\x0a\x00"), (39, ioa(901) + b"\x21\x00\x0a\x00"), (40, ioa(902) + b"\x09\x00\x0a\x00")):
            self.asdu(kind, 3, body + cp56())


def known(kind, point):
    if kind >= 100:
        return True
    first, last = COMMANDS[kind if kind < 58 else kind - 13]
    return first <= point <= last


def served(link, kind, cause, ca, point, element):
    """What the station does with one control ASDU."""
    body = ioa(point) + element

    def mirror(why, negative=0, at=ca):
        link.asdu(kind, why | negative << 6, body, 1, at)

    if kind not in ELEMENT or len(element) != ELEMENT[kind]:
        return mirror(44, 1)
    if kind == 104:
        mirror(7)
        return link.tagged()  # the tests' own sign to tell everything there is with a time
    if ca not in (1, 2, 65535):
        return mirror(46, 1)
    if not known(kind, point):
        return mirror(47, 1)
    stations = (1, 2) if ca == 65535 else (ca,)
    if kind < 100:
        if cause == 8:
            return mirror(9)
        execute = kind in (51, 64) or not element[{1: 0, 3: 2, 5: 4}[ELEMENT[kind if kind < 58 else kind - 13]]] & 0x80
        mirror(7)
        if execute:
            if kind in (45, 58):
                STATE["single"] = element[0] & 1
                link.asdu(30, 11, ioa(100) + bytes([STATE["single"]]) + cp56(), 1, ca)
            if kind in (50, 63):
                STATE["float"] = struct.unpack("<f", element[:4])[0]
                link.asdu(13, 11, ioa(700) + element[:4] + b"\x00", 1, ca)
            mirror(10)
    elif kind in (100, 101):
        for at in stations:
            if cause == 8:
                mirror(9, 0, at)
                continue
            mirror(7, 0, at)
            if kind == 100:
                link.data(element[0], at)
            else:
                link.asdu(15, 37, ioa(800) + b"\x2a\x00\x00\x00\x01\xff\xff\xff\xff\x02", 0x82, at)
            mirror(10, 0, at)
    elif kind == 102:
        if point == 100:
            link.asdu(1, 5, ioa(100) + bytes([STATE["single"]]), 1, ca)
        else:
            mirror(47, 1)
    elif kind in (103, 105):
        for at in stations:
            mirror(7, 0, at)
    elif kind == 122:
        call = element[3] & 15
        if call == 0:
            link.asdu(126, 5, ioa(2000) + struct.pack("<HI", 1, len(FILE))[:5] + b"\x00" + cp56(1700000000), 0x81, ca)
        elif call == 1:
            link.asdu(120, 13, ioa(2000) + struct.pack("<HI", 1, len(FILE))[:5] + b"\x00", 1, ca)
        elif call == 2:
            link.asdu(121, 13, ioa(2000) + struct.pack("<HBI", 1, 1, len(FILE))[:6] + b"\x00", 1, ca)
        elif call == 6:
            for i in range(0, len(FILE), 100):
                link.asdu(125, 13, ioa(2000) + struct.pack("<HBB", 1, 1, 100) + FILE[i:i + 100], 1, ca)
            link.asdu(123, 13, ioa(2000) + struct.pack("<HBBB", 1, 1, 3, sum(FILE) & 255), 1, ca)
        else:
            link.asdu(122, 45 | 64, body, 1, ca)
    elif kind == 124:
        if element[3] & 15 == 3:
            link.asdu(123, 13, ioa(2000) + struct.pack("<HBBB", 1, 1, 1, sum(FILE) & 255), 1, ca)
    elif kind not in (120, 121, 123):
        mirror(9 if cause == 8 else 7)


def spontaneous(link):
    n = 0
    try:
        while True:
            time.sleep(args.spontaneous)
            if link.started:
                n += 1
                link.asdu(30, 3, ioa(101) + bytes([n & 1]) + cp56(), 1, 1, 0)
    except OSError:
        pass


def tests(link):
    try:
        while True:
            time.sleep(args.test)
            if not link.testing:
                link.testing = True
                link.control(b"\x43\x00\x00\x00")
    except OSError:
        pass


def work(link):
    """Beside the reader, which goes on taking acknowledgements while this one waits for them."""
    try:
        while (asdu := link.todo.get()) is not None:
            link.origin = asdu[0]
            served(link, *asdu[1:])
    except OSError:
        pass


def apdus(sock):
    buf = b""
    while True:
        while len(buf) >= 2 and len(buf) >= 2 + buf[1]:
            yield buf[2:2 + buf[1]]
            buf = buf[2 + buf[1]:]
        got = sock.recv(65536)
        if not got:
            return
        buf += got


def serve(sock):
    link = Link(sock)
    log.write("connect\n")
    for wanted, loop in ((args.spontaneous, spontaneous), (args.test, tests), (True, work)):
        if wanted:
            threading.Thread(target=loop, args=(link,), daemon=True).start()
    try:
        for apdu in apdus(sock):
            one(link, apdu)
    except OSError:
        pass
    finally:
        link.started = False
        link.todo.put(None)
        sock.close()


def one(link, apdu):
    control = apdu[:4]
    if control[0] & 3 == 3:
        if control[0] == 0x83:
            link.testing = False
        if control[0] == 0x07:
            log.write("startdt\n")
            link.control(b"\x0b\x00\x00\x00")
            link.started = True
            link.asdu(70, 4, ioa(0) + b"\x00", 1, 1, 0)
        elif control[0] == 0x13:
            link.started = False
            link.control(b"\x23\x00\x00\x00")
        elif control[0] == 0x43:
            link.control(b"\x83\x00\x00\x00")
        return
    link.acked = struct.unpack("<H", control[2:4])[0] >> 1
    if control[0] & 1:
        return
    link.nr, link.unacked = (link.nr + 1) % 32768, link.unacked + 1
    kind, _, cause, origin, ca = struct.unpack("<BBBBH", apdu[4:10])
    point = int.from_bytes(apdu[10:13], "little")
    log.write(f"{kind} {cause & 63} {point} {apdu[13:].hex()}\n")
    link.todo.put((origin, kind, cause & 63, ca, point, apdu[13:]))
    if link.unacked >= 8:
        link.unacked = 0
        link.control(struct.pack("<HH", 1, link.nr << 1))


listener = socket.socket(socket.AF_INET6 if ":" in args.address else socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((args.address, args.port))
listener.listen(8)
while True:
    peer, _ = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(peer,), daemon=True).start()
