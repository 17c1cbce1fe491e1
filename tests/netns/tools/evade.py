#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Modbus over a TCP of its own making, from an address that no kernel owns: what a careful evader sends.

evade.py CASE [--source ADDRESS] SERVER        run in the client's namespace, as root
evade.py --list

The firewall needs a neighbour entry for the source address (10.10.1.77) that points at the client's card; nobody answers for
it, so no kernel resets these sessions. Each case opens a session, sends, and prints one word for each thing that came of it, in
this order: "answer HEX" (a PDU), "reset" (a RST from the server's side, at once or within a second), "nothing".
ALLOWED is register 41 = 7, FORBIDDEN is register 60 = 666.
"""
import argparse
import random
import socket
import struct
import sys
import time

from scapy.all import IP, TCP, Raw, fragment

ALLOWED = bytes.fromhex("0600290007")
FORBIDDEN = bytes.fromhex("06003c029a")
READ = bytes.fromhex("0300280001")
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LONG = 3  # seconds to wait for an answer that must come


def adu(pdu, tid=1, unit=1):
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu


class Session:
    """A client's end: sequence numbers are relative, 0 is the first octet after the SYN."""

    def __init__(self, source, server, port=502, timestamps=False, syn_data=b""):
        self.source, self.server, self.port = source, server, port
        self.sport = random.randint(20000, 60000)
        self.isn = random.randint(1, 1 << 31)
        self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(0x0800))
        self.tap.bind(("eth0", 0x0800))
        self.timestamps = timestamps
        self.tsval, self.tsecr = 100000, 0
        self.ack = 0
        self.reset = False
        self.got = b""
        self.next = 0  # what the server has acknowledged
        self.emit(self.segment(-1, syn_data, SYN))
        if not self.listen(2, lambda: self.ack):
            return
        self.emit(self.segment(0, b"", ACK))

    @property
    def open(self):
        return self.ack != 0

    def segment(self, at, data=b"", flags=PSH | ACK, tsval=None, ttl=64, urgent=0, checksum=None):
        options = []
        if self.timestamps:
            options = [("NOP", None), ("NOP", None), ("Timestamp", (self.tsval if tsval is None else tsval, self.tsecr))]
        if flags & SYN:
            options = [("MSS", 1460)] + options
        t = TCP(
            sport=self.sport,
            dport=self.port,
            seq=(self.isn + 1 + at) & 0xFFFFFFFF,
            ack=self.ack if flags & ACK else 0,
            flags=flags,
            window=64000,
            urgptr=urgent,
            options=options,
        )
        if checksum is not None:
            t.chksum = checksum
        return IP(src=self.source, dst=self.server, ttl=ttl, id=random.randint(1, 65535)) / t / Raw(data)

    def emit(self, *packets):
        for p in packets:
            self.out.sendto(bytes(p), (self.server, 0))
            time.sleep(0.01)
        self.tsval += 10

    def listen(self, seconds, enough=lambda: False):
        """Takes what comes for so long, or until it is enough; acknowledges data as a client does."""
        until = time.monotonic() + seconds
        while not enough():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self.tap.settimeout(left)
            try:
                data = self.tap.recv(65535)
            except socket.timeout:
                return False
            p = IP(data)
            if TCP not in p or p[TCP].sport != self.port or p[TCP].dport != self.sport or p.dst != self.source:
                continue
            t = p[TCP]
            for name, value in t.options:
                if name == "Timestamp":
                    self.tsecr = value[0]
            if t.flags & RST:
                self.reset = True
                continue
            if t.flags & ACK:
                self.next = (t.ack - self.isn - 1) & 0xFFFFFFFF
            if t.flags & SYN:
                self.ack = (t.seq + 1) & 0xFFFFFFFF
                continue
            size = p.len - 4 * p.ihl - 4 * t.dataofs
            if size and t.seq == self.ack:
                self.got += bytes(t.payload)[:size]
                self.ack = (self.ack + size) & 0xFFFFFFFF
                self.emit(self.segment(self.next, b"", ACK))
        return True

    def say(self, seconds=0.6):
        """What came: prints it."""
        self.listen(seconds, lambda: self.reset or len(self.got) >= 8)
        if self.got:
            print("answer", self.got[7:].hex())
            self.got = b""
        elif self.reset:
            print("reset")
        else:
            print("nothing")
        sys.stdout.flush()

    def ask(self, at, pdu, tid=9):
        self.emit(self.segment(at, adu(pdu, tid)))
        self.say(LONG)


def pieces(s, data, cuts):
    edges = [0, *cuts, len(data)]
    return [s.segment(i, data[i:j]) for i, j in zip(edges, edges[1:])]


CASES = {}


def case(f):
    CASES[f.__name__.replace("_", "-")] = f
    return f


@case
def one_byte_allowed(s):
    """An allowed write in one-byte segments: answered."""
    d = adu(ALLOWED)
    s.emit(*pieces(s, d, range(1, len(d))))
    s.say(LONG)


@case
def one_byte_forbidden(s):
    """A forbidden one in one-byte segments: reset."""
    d = adu(FORBIDDEN)
    s.emit(*pieces(s, d, range(1, len(d))))
    s.say()


@case
def reversed_allowed(s):
    """An allowed write, its segments in reverse order: answered once the gap is filled."""
    s.emit(*reversed(pieces(s, adu(ALLOWED), [3, 7, 9])))
    s.say(LONG)


@case
def reversed_forbidden(s):
    """A forbidden one in reverse order: reset."""
    s.emit(*reversed(pieces(s, adu(FORBIDDEN), [3, 7, 9])))
    s.say()


@case
def overlap_same(s):
    """Segments that overlap and agree: answered."""
    d = adu(ALLOWED)
    s.emit(s.segment(0, d[:8]), s.segment(4, d[4:10]), s.segment(6, d[6:]))
    s.say(LONG)


@case
def overlap_forbidden(s):
    """Segments that overlap and agree, and are a forbidden write together: reset."""
    d = adu(FORBIDDEN)
    s.emit(s.segment(0, d[:9]), s.segment(7, d[7:]))
    s.say()


@case
def overlap_differs(s):
    """Segments that overlap and do not agree: which octets the server takes is its own affair, so: reset."""
    a, f = adu(ALLOWED), adu(FORBIDDEN)
    s.emit(s.segment(0, a[:11]), s.segment(7, f[7:]))
    s.say()


@case
def overlap_ahead(s):
    """The end first and twice, with different octets, then the beginning: the forbidden one must not come together."""
    a, f = adu(ALLOWED), adu(FORBIDDEN)
    s.emit(s.segment(8, f[8:]), s.segment(8, a[8:]), s.segment(0, a[:8]))
    s.say()


@case
def repeat_differs(s):
    """A request that was answered, sent again with other octets at the same place."""
    s.ask(0, READ, 1)
    s.emit(s.segment(0, adu(FORBIDDEN)))
    s.say()


@case
def repeat_same(s):
    """A request that was answered, sent again as it was (a lost ACK): the session goes on."""
    d = adu(READ)
    s.emit(s.segment(0, d))
    s.say(LONG)
    s.emit(s.segment(0, d))
    s.ask(len(d), READ, 2)


@case
def paws_decoy(s):
    """A harmless request with a stale timestamp, which the server throws away, then a forbidden one at the same place."""
    d = adu(READ)
    s.ask(0, READ, 1)
    s.emit(s.segment(len(d), adu(READ, 2), tsval=50))
    s.say(0.4)
    s.emit(s.segment(len(d), adu(FORBIDDEN, 2)))
    s.say()


@case
def checksum_decoy(s):
    """The same with a wrong checksum."""
    s.emit(s.segment(0, adu(READ), checksum=0x1234))
    s.say(0.4)
    s.emit(s.segment(0, adu(FORBIDDEN)))
    s.say()


@case
def reset_decoy(s):
    """A RST far outside the window, which the server ignores, then the forbidden write."""
    s.emit(s.segment(1 << 30, b"", RST))
    s.emit(s.segment(0, adu(FORBIDDEN)))
    s.say()


@case
def ttl_decoy(s):
    """A harmless request that cannot reach the server (TTL), then a forbidden one at the same place."""
    s.emit(s.segment(0, adu(READ), ttl=1))
    s.say(0.4)
    s.emit(s.segment(0, adu(FORBIDDEN)))
    s.say()


@case
def fragments_allowed(s):
    """An allowed write in IP fragments: answered."""
    s.emit(*fragment(s.segment(0, adu(ALLOWED)), fragsize=24))
    s.say(LONG)


@case
def fragments_forbidden(s):
    """A forbidden one in IP fragments: reset."""
    s.emit(*fragment(s.segment(0, adu(FORBIDDEN)), fragsize=24))
    s.say()


@case
def fragments_reversed(s):
    """A forbidden one in IP fragments in reverse order: reset."""
    s.emit(*reversed(fragment(s.segment(0, adu(FORBIDDEN)), fragsize=24)))
    s.say()


@case
def keepalive_garbage(s):
    """A keep-alive with a garbage octet at next - 1: the session goes on."""
    d = adu(READ)
    s.ask(0, READ, 1)
    s.emit(s.segment(len(d) - 1, b"\xee", ACK))
    s.listen(0.2)
    s.ask(len(d), READ, 2)


@case
def keepalive_empty(s):
    """A keep-alive without data."""
    d = adu(READ)
    s.ask(0, READ, 1)
    s.emit(s.segment(len(d) - 1, b"", ACK))
    s.listen(0.2)
    s.ask(len(d), READ, 2)


@case
def urgent(s):
    """A request with the urgent flag: what the server makes of its octets nobody knows, so it is refused."""
    d = adu(ALLOWED)
    s.emit(s.segment(0, d, PSH | ACK | URG, urgent=len(d)))
    s.say()


@case
def syn_data(s):
    """A forbidden write on the SYN itself."""
    print("open" if s.open else "refused")


@case
def fin_data(s):
    """A forbidden write on a FIN."""
    s.emit(s.segment(0, adu(FORBIDDEN), FIN | PSH | ACK))
    s.say()


@case
def two_forbidden_second(s):
    """An allowed and a forbidden request in one segment: neither arrives."""
    s.emit(s.segment(0, adu(ALLOWED) + adu(FORBIDDEN, 2)))
    s.say()


parser = argparse.ArgumentParser()
parser.add_argument("--list", action="store_true")
parser.add_argument("--source", default="10.10.1.77")
parser.add_argument("case", nargs="?")
parser.add_argument("server", nargs="?")
args = parser.parse_args()
if args.list:
    for name, f in CASES.items():
        print(f"{name:22} {f.__doc__}")
    sys.exit(0)
s = Session(
    args.source,
    args.server,
    timestamps=args.case == "paws-decoy",
    syn_data=adu(FORBIDDEN) if args.case == "syn-data" else b"",
)
if not s.open and args.case != "syn-data":
    print("no session")
    sys.exit(1)
CASES[args.case](s)
s.emit(s.segment(s.next, b"", RST | ACK))
