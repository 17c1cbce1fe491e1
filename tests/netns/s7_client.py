#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An S7 client for the tests: s7_client.py [--from ADDRESS] ADDRESS, a request a line on standard input, "MS RESULT" a line on standard output.

  connect [TSAP]            CR (called TSAP in hex, default 0102) and setup communication; done by the first request that needs it
  read AREA DB FIRST N      AREA db, m or i; N octets in hex
  write AREA DB FIRST HEX   octets;   bit AREA DB FIRST BIT VALUE
  multi AREA,DB,FIRST,N...  one read of several items
  szl ID INDEX [more]       with more: the next part too
  user GROUP SUB HEX        userdata with data of that content
  stop, start, cold, copy, delete 0B00000A
  download 0A00001P, upload 0A00001P
  plus, mms, mmsdata HEX
  cut REQUEST               octet by octet;   parts N REQUEST   in DT parts of N octets;   empty REQUEST   behind an empty part
  join REQUEST + REQUEST    in one segment, two results
  raw HEX                   one TPKT or more as they are, on a connection without CR where there is none

RESULT: ok [HEX], refused CODE, reset (the connection was cut), silent (no answer in time).
"""

import socket
import struct
import sys
import time

AREAS = {"db": 0x84, "m": 0x83, "i": 0x81, "q": 0x82}
WAIT = 1.5


def tpkt(user, eot=True):
    return struct.pack(">BBHBBB", 3, 0, len(user) + 7, 2, 0xF0, 0x80 if eot else 0) + user


def any_item(transport, count, db, area, bits):
    return struct.pack(">BBBBHHB", 0x12, 0x0A, 0x10, transport, count, db, area) + bits.to_bytes(3, "big")


class Client:
    def __init__(self, address, source):
        self.address, self.source, self.conn, self.ref = address, source, None, 0

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None

    def open(self, called="0102", setup=True):
        self.close()
        self.conn = socket.create_connection((self.address, 102), WAIT, (self.source, 0) if self.source else None)
        self.conn.settimeout(WAIT)
        self.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tsaps = b"\xc1\x02\x01\x00\xc2" + bytes([len(called) // 2]) + bytes.fromhex(called)
        body = b"\xe0\0\0\0\x01\0\xc0\x01\x0a" + tsaps
        self.conn.sendall(struct.pack(">BBHB", 3, 0, len(body) + 5, len(body)) + body)
        self.receive()
        if setup:
            self.conn.sendall(tpkt(self.job(b"\xf0\0\0\x01\0\x01\x01\xe0")))
            self.receive()

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.conn.recv(n - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def receive(self):
        head = self.exactly(4)
        body = self.exactly(struct.unpack(">H", head[2:])[0] - 4)
        return body[3:] if body[1] == 0xF0 else b""

    def message(self, rosctr, param, data=b"", ref=None, error=b""):
        if ref is None:
            self.ref = self.ref % 60000 + 1
            ref = self.ref
        return struct.pack(">BBHHHH", 0x32, rosctr, 0, ref, len(param), len(data)) + error + param + data

    def job(self, param, data=b""):
        return self.message(1, param, data)

    def user(self, group, sub, data, more=None):
        head = b"\0\x01\x12\x04\x11" if more is None else b"\0\x01\x12\x08\x12"
        tail = b"\0" if more is None else bytes([more, 0, 0, 0, 0])
        return self.message(7, head + bytes([0x40 | group, sub]) + tail, data)

    # ---- requests as S7 messages ----

    def build(self, words):
        name, args = words[0], words[1:]
        if name == "read":
            return self.job(b"\x04\x01" + any_item(2, int(args[3]), int(args[1]), AREAS[args[0]], int(args[2]) * 8))
        if name == "multi":
            split = [a.split(",") for a in args]
            specs = b"".join(any_item(2, int(n), int(db), AREAS[area], int(first) * 8) for area, db, first, n in split)
            return self.job(bytes([4, len(split)]) + specs)
        if name == "write":
            data = bytes.fromhex(args[3])
            spec = any_item(2, len(data), int(args[1]), AREAS[args[0]], int(args[2]) * 8)
            return self.job(b"\x05\x01" + spec, struct.pack(">BBH", 0, 4, len(data) * 8) + data)
        if name == "bit":
            spec = any_item(1, 1, int(args[1]), AREAS[args[0]], int(args[2]) * 8 + int(args[3]))
            return self.job(b"\x05\x01" + spec, b"\0\x03\0\x01" + bytes([int(args[4])]))
        if name == "szl":
            return self.user(4, 1, b"\xff\x09\0\x04" + struct.pack(">HH", int(args[0], 0), int(args[1], 0)))
        if name == "user":
            data = bytes.fromhex(args[2]) if len(args) > 2 else b""
            return self.user(int(args[0]), int(args[1]), (b"\xff\x09" if data else b"\x0a\0") + struct.pack(">H", len(data)) + data)
        if name == "stop":
            return self.job(b"\x29\0\0\0\0\0\x09P_PROGRAM")
        services = {"start": (b"", b"P_PROGRAM"), "cold": (b"C ", b"P_PROGRAM"), "copy": (b"EP", b"_MODU")}
        if name == "delete":
            services[name] = (b"\x01\0" + args[0].encode(), b"_DELE")
        if name == "insert":
            services[name] = (b"\x01\0" + args[0].encode(), b"_INSE")
        if name in services:
            block, service = services[name]
            return self.job(b"\x28\0\0\0\0\0\0\xfd" + struct.pack(">H", len(block)) + block + bytes([len(service)]) + service)
        if name == "download":
            return self.job(b"\x1a\0\1\0\0\0\0\0\x09_" + args[0].encode() + b"\x0d1000216000088")
        if name == "upload":
            return self.job(b"\x1d\0\0\0\0\0\0\0\x09_" + args[0].encode())
        raise SystemExit(f"what is '{' '.join(words)}'?")

    def result(self, answer):
        if not answer or answer[0] != 0x32:
            return "ok " + answer.hex()
        rosctr, nparam = answer[1], struct.unpack(">H", answer[6:8])[0]
        if rosctr in (2, 3):
            if answer[10:12] != b"\0\0":
                return "refused " + answer[10:12].hex()
            param, data = answer[12:12 + nparam], answer[12 + nparam:]
            if param[0] == 4 and param[1] == 1:
                return "ok " + data[4:].hex() if data[0] == 0xFF else f"refused {data[0]:02x}"
            if param[0] == 5:
                return "ok" if set(data) == {0xFF} else "refused " + data.hex()
            return "ok"
        return "ok " + answer[10 + nparam + 4:].hex()

    # ---- what takes more than one message ----

    def serve_download(self):
        """The controller asks for the parts; until it has them all."""
        number = 0
        while True:
            ask = self.receive()
            ref, code = struct.unpack(">H", ask[4:6])[0], ask[10]
            if code == 0x1C:
                self.conn.sendall(tpkt(self.message(3, b"\x1c", b"", ref, b"\0\0")))
                return
            number += 1
            block = b"pp\x01\x01\x05\x0a\0\x01" if number == 1 else bytes(16)
            more = b"\x01" if number == 1 else b"\0"
            data = struct.pack(">HH", len(block), 0xFB) + block
            self.conn.sendall(tpkt(self.message(3, b"\x1b" + more, data, ref, b"\0\0")))

    def run(self, line):
        words = line.split()
        if words[0] == "connect":
            self.open(words[1] if len(words) > 1 else "0102")
            return "ok"
        if words[0] == "raw":
            if self.conn is None:
                self.conn = socket.create_connection((self.address, 102), WAIT, (self.source, 0) if self.source else None)
            self.conn.sendall(bytes.fromhex("".join(words[1:])))
            return self.result(self.receive())
        if words[0] in ("plus", "mms", "named"):
            self.open("53494d415449432d524f4f542d484d49" if words[0] == "named" else "0102", setup=False)
            if words[0] == "mms":
                user = bytes.fromhex("318193a003800101a28189060528ca220201")
                params = b"\xc1" + bytes([len(user)]) + user
                self.conn.sendall(tpkt(b"\x0d" + bytes([len(params)]) + params))
            else:
                self.conn.sendall(tpkt(bytes.fromhex("7201001431000004ca0000000100000120360000011d000472010000")))
            return self.result(self.receive())
        if words[0] == "mmsdata":
            self.conn.sendall(tpkt(b"\x01\0\x01\0" + bytes.fromhex(words[1])))
            return self.result(self.receive())
        if self.conn is None:
            self.open()
        if words[0] == "join":
            requests = " ".join(words[1:]).split(" + ")
            self.conn.sendall(b"".join(tpkt(self.build(r.split())) for r in requests))
            return " | ".join(self.result(self.receive()) for _ in requests)
        if words[0] == "cut":
            for octet in tpkt(self.build(words[1:])):
                self.conn.sendall(bytes([octet]))
                time.sleep(0.001)
        elif words[0] == "empty":
            self.conn.sendall(tpkt(b"", False))
            time.sleep(0.02)
            words = words[1:]
            self.conn.sendall(tpkt(self.build(words)))
        elif words[0] == "parts":
            user, n = self.build(words[2:]), int(words[1])
            for at in range(0, len(user), n):
                self.conn.sendall(tpkt(user[at:at + n], at + n >= len(user)))
        else:
            self.conn.sendall(tpkt(self.build(words)))
        answer = self.receive()
        if words[0] == "download" and answer[1] == 3 and answer[10:12] == b"\0\0":
            self.serve_download()
            self.conn.sendall(tpkt(self.build(["insert", words[1]])))
            answer = self.receive()
        if words[0] == "upload" and answer[1] == 3 and answer[10:12] == b"\0\0":
            number = answer[16:20]
            self.conn.sendall(tpkt(self.job(b"\x1e\0\0\0" + number)))
            part = self.receive()
            self.conn.sendall(tpkt(self.job(b"\x1f\0\0\0" + number)))
            self.receive()
            return "ok " + part[18:].hex()
        if words[0] == "szl" and words[-1] == "more":
            first = self.result(answer)
            self.conn.sendall(tpkt(self.user(4, 1, b"\x0a\0\0\0", 1)))
            return first + " " + self.result(self.receive())
        return self.result(answer)


def main():
    source = sys.argv[2] if sys.argv[1] == "--from" else None
    client = Client(sys.argv[-1], source)
    for line in sys.stdin:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        start = time.monotonic()
        try:
            said = client.run(line)
        except socket.timeout:
            said = "silent"
            client.close()
        except OSError:
            said = "reset"
            client.close()
        print(int((time.monotonic() - start) * 1000), said.strip(), flush=True)


main()
