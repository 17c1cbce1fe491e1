#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What arrived at the servers of the chaos test (the log of chaos_server), against what may. It puts each session's octets together and cuts
# them into PDUs by itself; nothing of otfw is in it.
#
#   chaos_check.py LOG TIMELINE CLOSED
#
# TIMELINE holds a line for each change, "MS WORD": strict (from now on only the narrow policy is in force), wide (the wide one may be), cut ADDRESS MS
# (an isolation was ordered, to be in force within MS), held ADDRESS (it was answered: it is in force), uncut ADDRESS (its end was ordered). At the server CLOSED may arrive: reads of holding registers 0..199 of unit 1, and of
# 200..299 while the wide policy may be in force. At an address that is cut nothing may arrive later than those MS after the order, nor after the answer.
# Prints what is wrong (at most 10 lines) and "pdus N wide N datagrams N forbidden N late N slowest-cut MS". Exit status 0: nothing is; 1: something.
import sys

GRACE_MS = 20
log, timeline, closed = sys.argv[1:4]
changes = []
for line in open(timeline):
    ms, word, *rest = line.split()
    changes.append((int(ms), word, rest[0] if rest else "", int(rest[1]) if len(rest) > 1 else 0))

state = {"wide": True, "narrow-since": 0, "cut": {}}
streams = {}
count = {"pdus": 0, "wide": 0, "datagrams": 0, "forbidden": 0, "late": 0, "slowest-cut": 0}
shown = 0


def wrong(kind, line, why):
    global shown
    count[kind] += 1
    if shown < 10:
        shown += 1
        print("%s: %s: %s" % (kind, why, line.strip()[:160]))


def forward(now):
    while changes and changes[0][0] <= now:
        ms, word, address, limit = changes.pop(0)
        if word == "cut":
            state["cut"][address] = (ms, ms + limit)
        elif word == "held":
            begun, limit = state["cut"][address]
            state["cut"][address] = (begun, min(limit, ms + GRACE_MS))
        elif word == "uncut":
            state["cut"].pop(address, None)
        else:
            state["wide"] = word == "wide"
            state["narrow-since"] = ms


def judge(pdu, now, line):
    count["pdus"] += 1
    if len(pdu) != 12 or pdu[2:6] != b"\0\0\0\x06" or pdu[6] != 1 or pdu[7] != 3:
        wrong("forbidden", line, "a PDU that is no read of unit 1 (%s)" % pdu.hex())
        return
    first, n = pdu[8] << 8 | pdu[9], pdu[10] << 8 | pdu[11]
    if n < 1 or n > 125 or first + n > 300:
        wrong("forbidden", line, "registers %d..%d" % (first, first + n - 1))
    elif first + n > 200:
        count["wide"] += 1
        if not state["wide"] and now > state["narrow-since"] + GRACE_MS:
            wrong("forbidden", line, "registers %d..%d under the narrow policy" % (first, first + n - 1))


for line in open(log):
    if not line.endswith("\n"):
        break
    ms, session, local, peer, port, data = line.split()
    now, data = int(ms), bytes.fromhex(data)
    forward(now)
    if local in state["cut"]:
        begun, limit = state["cut"][local]
        count["slowest-cut"] = max(count["slowest-cut"], now - begun)
        if now > limit:
            wrong("late", line, "%d ms after the order to cut the zone off, by %d too late" % (now - begun, now - limit))
    if local != closed:
        continue
    if session == "u":
        count["datagrams"] += 1
        judge(data, now, line)
        continue
    stream = streams.get(session, b"") + data
    while len(stream) >= 4:
        if stream[2:4] != b"\0\0" or (len(stream) >= 6 and not 2 <= stream[4] << 8 | stream[5] <= 254):
            wrong("forbidden", line, "octets that are no Modbus (%s)" % stream[:16].hex())
            stream = b""
            break
        need = 6 + (stream[4] << 8 | stream[5]) if len(stream) >= 6 else 6
        if len(stream) < need or len(stream) < 6:
            break
        judge(stream[:need], now, line)
        stream = stream[need:]
    streams[session] = stream
print(" ".join("%s %d" % kv for kv in count.items()))
sys.exit(1 if count["forbidden"] or count["late"] else 0)
