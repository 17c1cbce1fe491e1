#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controlling station after IEC 60870-5-104 that does what it is told, line by line from standard input:

    start | stop | test         STARTDT, STOPDT, TESTFR; waits for the confirmation
    ask [N] HEX                 an I format with this ASDU, its numbers filled in; waits for N answers (1) of its type
    cut [N] HEX                 the same in segments of one octet
    join N HEX + HEX            two I formats in one segment; waits for N answers of the last one's type
    tell HEX                    an I format that nobody answers
    take KIND [N]               waits for N I formats of this type (1)
    raw HEX                     these octets as they are
    skip N                      the next I format's number is N too high
    ack                         an S format
    wait SECONDS                what comes in that time
    reopen

HEX: type, structure, cause, originator, common address, object ..., blanks allowed. For each line one is printed: `ok` and TYPE/CAUSE of what has come,
`-` before a negative one, or `reset`, `closed`, `timeout`. iec104_client.py [--from ADDRESS] [--timeout SECONDS] ADDRESS [PORT]
"""
import argparse
import socket
import struct
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--from", dest="source", default="")
parser.add_argument("--timeout", type=float, default=3)
parser.add_argument("address")
parser.add_argument("port", type=int, nargs="?", default=2404)
args = parser.parse_args()


class Session:
    def __init__(self):
        self.sock, self.buf = None, b""
        self.open()

    def open(self):
        if self.sock:
            self.sock.close()
        self.ns = self.nr = self.unacked = 0
        self.buf = b""
        self.sock = socket.socket(socket.AF_INET6 if ":" in args.address else socket.AF_INET)
        self.sock.settimeout(args.timeout)
        if args.source:
            self.sock.bind((args.source, 0))
        self.sock.connect((args.address, args.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def i_format(self, text):
        asdu = bytes.fromhex(text)
        apdu = struct.pack("<BBHH", 0x68, 4 + len(asdu), self.ns << 1, self.nr << 1) + asdu
        self.ns = (self.ns + 1) % 32768
        self.unacked = 0
        return apdu

    def receive(self, until):
        """One APDU's control field and ASDU; TESTFR is answered, every eighth I format acknowledged."""
        while True:
            while len(self.buf) < 2 or len(self.buf) < 2 + self.buf[1]:
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.sock.settimeout(left)
                got = self.sock.recv(65536)
                if not got:
                    raise EOFError
                self.buf += got
            n = 2 + self.buf[1]
            apdu, self.buf = self.buf[2:n], self.buf[n:]
            if apdu[0] == 0x43:
                self.sock.sendall(b"\x68\x04\x83\x00\x00\x00")
                continue
            if not apdu[0] & 1:
                self.nr = (struct.unpack("<H", apdu[:2])[0] >> 1) + 1
                self.nr %= 32768
                self.unacked += 1
                if self.unacked == 8:
                    self.ack()
            return apdu

    def ack(self):
        self.unacked = 0
        self.sock.sendall(struct.pack("<BBHH", 0x68, 4, 1, self.nr << 1))

    def collect(self, wanted, seconds=None):
        """What comes until wanted(apdu) has been true as often as it returns 0 for; as words."""
        words, until = [], time.monotonic() + (args.timeout if seconds is None else seconds)
        while True:
            apdu = self.receive(until)
            if not apdu[0] & 1:
                words.append(f"{'-' if apdu[6] & 64 else ''}{apdu[4]}/{apdu[6] & 63}")
            elif apdu[0] & 3 == 3:
                words.append(f"u{apdu[0]:02x}")
            if wanted(apdu):
                return words


def counted(kind, n):
    left = [n]

    def wanted(apdu):
        if not apdu[0] & 1 and apdu[4] == kind:
            left[0] -= 1
        return left[0] == 0
    return wanted


def number_first(words, default):
    if words and len(words[0]) <= 2 and words[0].isdigit() and len(words) > 1:
        return int(words[0]), words[1:]
    return default, words


def run(s, line):
    word, *rest = line.split()
    u = {"start": (0x07, 0x0B), "stop": (0x13, 0x23), "test": (0x43, 0x83)}
    if word in u:
        s.sock.sendall(bytes([0x68, 4, u[word][0], 0, 0, 0]))
        return s.collect(lambda a: a[0] == u[word][1])
    if word in ("ask", "cut"):
        n, rest = number_first(rest, 1)
        text = "".join(rest)
        apdu = s.i_format(text)
        for piece in [apdu] if word == "ask" else [apdu[i:i + 1] for i in range(len(apdu))]:
            s.sock.sendall(piece)
            if word == "cut":
                time.sleep(0.002)
        return s.collect(counted(int(text[:2], 16), n))
    if word == "join":
        n, rest = number_first(rest, 1)
        texts = ["".join(t.split()) for t in " ".join(rest).split("+")]
        s.sock.sendall(b"".join(s.i_format(t) for t in texts))
        return s.collect(counted(int(texts[-1][:2], 16), n))
    if word == "tell":
        s.sock.sendall(s.i_format("".join(rest)))
    elif word == "take":
        return s.collect(counted(int(rest[0]), int(rest[1]) if len(rest) > 1 else 1))
    elif word == "raw":
        s.sock.sendall(bytes.fromhex("".join(rest)))
    elif word == "skip":
        s.ns += int(rest[0])
    elif word == "ack":
        s.ack()
    elif word == "reopen":
        s.open()
    elif word == "wait":
        words = []
        until = time.monotonic() + float(rest[0])
        while True:
            try:
                words += s.collect(lambda a: True, until - time.monotonic())
            except TimeoutError:
                return words
    else:
        sys.exit(f"no such word: {word}")
    return []


session = Session()
for text in sys.stdin:
    text = text.split("#")[0].strip()
    if not text:
        continue
    try:
        said = " ".join(["ok"] + run(session, text))
    except TimeoutError:
        said = "timeout"
    except EOFError:
        said = "closed"
    except (ConnectionResetError, BrokenPipeError):
        said = "reset"
    print(said, flush=True)
