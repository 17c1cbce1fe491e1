#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Modbus client that sends exactly the octets it is told, for what no library sends. Reads lines from standard input:

    pdu UNIT HEX [HEX...]   one ADU for each HEX (function code onward), all in one segment; waits for as many answers
    tell UNIT HEX           one ADU that nobody answers
    cut UNIT HEX            the same ADU in one-byte segments; waits for the answer
    parts UNIT HEX A,B,...  the same ADU cut at these offsets
    send HEX                these octets as they are; waits for nothing
    wait [SECONDS]          what comes within that time (default 0.3), as hex, "closed", "reset" or "nothing"
    urgent HEX              one octet of urgent data
    sleep SECONDS
    reopen                  a new session (from the same source port when --port was given)

raw.py [--udp] [--from ADDRESS] [--port N] [--timeout SECONDS] ADDRESS [PORT]
For pdu, cut and parts one line is printed for each answer: its PDU as hex, or "closed", "reset", "timeout".
"""
import argparse
import socket
import struct
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--udp", action="store_true")
parser.add_argument("--from", dest="source", default="")
parser.add_argument("--port", dest="sport", type=int, default=0)
parser.add_argument("--timeout", type=float, default=2)
parser.add_argument("address")
parser.add_argument("port", type=int, nargs="?", default=502)
args = parser.parse_args()

tid = 0
sock = None
buf = b""


def say(text):
    print(text, flush=True)


def reopen():
    global sock, buf
    if sock:
        sock.close()
    buf = b""
    kind = socket.SOCK_DGRAM if args.udp else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET6 if ":" in args.address else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(args.timeout)
    if args.source or args.sport:
        sock.bind((args.source, args.sport))
    sock.connect((args.address, args.port))
    if not args.udp:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def adu(unit, pdu):
    global tid
    tid += 1
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, int(unit)) + pdu


def one_answer():
    global buf
    while len(buf) < 6 or len(buf) < 6 + struct.unpack(">H", buf[4:6])[0]:
        try:
            got = sock.recv(4096)
        except socket.timeout:
            return "timeout"
        except ConnectionError:
            return "reset"
        if not got:
            return "closed"
        buf += got
    n = 6 + struct.unpack(">H", buf[4:6])[0]
    out, buf = buf[:n], buf[n:]
    return out[7:].hex()


def in_pieces(data, sizes):
    for i, j in zip([0] + sizes, sizes + [len(data)]):
        sock.sendall(data[i:j])
        time.sleep(0.003)


reopen()
for line in sys.stdin:
    word = line.split("#")[0].split()
    if not word:
        continue
    try:
        if word[0] == "pdu":
            sock.sendall(b"".join(adu(word[1], bytes.fromhex(h)) for h in word[2:]))
            for _ in word[2:] if int(word[1]) else []:
                say(one_answer())
        elif word[0] == "tell":
            sock.sendall(adu(word[1], bytes.fromhex(word[2])))
        elif word[0] in ("cut", "parts"):
            data = adu(word[1], bytes.fromhex(word[2]))
            in_pieces(data, list(range(1, len(data))) if word[0] == "cut" else [int(n) for n in word[3].split(",")])
            say(one_answer())
        elif word[0] == "send":
            sock.sendall(bytes.fromhex(word[1]))
        elif word[0] == "urgent":
            sock.send(bytes.fromhex(word[1]), socket.MSG_OOB)
        elif word[0] == "wait":
            sock.settimeout(float(word[1]) if len(word) > 1 else 0.3)
            try:
                got = buf or sock.recv(4096)
                buf = b""
                say(got.hex() if got else "closed")
            except socket.timeout:
                say("nothing")
            sock.settimeout(args.timeout)
        elif word[0] == "sleep":
            time.sleep(float(word[1]))
        elif word[0] == "reopen":
            reopen()
        else:
            sys.exit(f"raw.py: no such command: {word[0]}")
    except ConnectionError:
        say("reset")
