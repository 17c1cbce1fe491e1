#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `otfwctl decode --json` against tshark, DNP3 PDU by PDU.

dnp3.py OTFWCTL KNOWN CAPTURE...: compares stations, function, internal indications, and of every object header group, variation, points,
values and what a command says. A disagreement is an error unless KNOWN explains it; an explanation that explains nothing is an
error too. Exit status 0 when all agree.
"""

import json
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import number, numbers, run

PORT = 20000
NUMERIC = {20, 21, 22, 23, 30, 31, 32, 33, 40, 41, 42, 43}
STRINGS = {110, 111, 112, 113}  # their variation is a length, which tshark leaves out
# Functions whose objects tshark 4.0 walks to the end; of others it shows some or none.
WALKED = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 25, 26, 27, 129, 130}


# ---- what tshark says ----


def floats(proto, name):
    return [float(f.get("show")) for f in proto.iter("field") if f.get("name") == name]


def object_of(field):
    """One object header: number, points (None: it does not say), values, commands."""
    prefix, code = number(field, "dnp3.al.objq.prefix"), number(field, "dnp3.al.objq.range")
    start, stop = number(field, "dnp3.al.range.start"), number(field, "dnp3.al.range.stop")
    indexes = numbers(field, "dnp3.al.index")
    points = None
    if start is not None and stop is not None:
        points = [(start, stop)]
    elif prefix in (1, 2, 3) and indexes:
        points = [(i, i) for i in indexes]
    values = []
    for kind in ("ana", "anaout"):
        values += numbers(field, f"dnp3.al.{kind}.int")
        values += floats(field, f"dnp3.al.{kind}.float") + floats(field, f"dnp3.al.{kind}.double")
    values += numbers(field, "dnp3.al.cnt")
    op, clear, trip = (numbers(field, f"dnp3.ctl.{k}") for k in ("op", "clr", "trip"))
    controls = [a | b << 4 | c << 6 for a, b, c in zip(op, clear, trip)]
    commands = list(zip(controls, *(numbers(field, f"dnp3.al.{k}") for k in ("count", "on_time", "off_time"))))
    names = [f.get("show") for f in field.iter("field") if f.get("name") == "dnp3.al.file_name"]
    return {"object": int(field.get("show"), 0), "range": code, "prefix": prefix, "points": points, "values": values,
            "bits": numbers(field, "dnp3.al.bit"), "commands": commands, "names": names}


def tshark_pdu(proto):
    """A link frame that completes a PDU; None for one that does not."""
    control = number(proto, "dnp3.ctl")
    stations = number(proto, "dnp3.dst"), number(proto, "dnp3.src")
    unit, origin = stations if control & 0x80 else stations[::-1]
    function = number(proto, "dnp3.al.func")
    if function is None:
        if number(proto, "dnp3.len") != 5:
            return None
        function = (0x100 if control & 0x40 else 0x110) | control & 15
    objects = [object_of(f) for f in proto.iter("field") if f.get("name") == "dnp3.al.obj"]
    # An object it does not know ends what it reads.
    stops = any(f.get("name") in ("dnp3.unknown_object", "dnp3.unknown_group0_variation") for f in proto.iter("field"))
    return {"unit": unit, "origin": origin, "function": function, "iin": number(proto, "dnp3.al.iin"), "objects": objects,
            "stops": stops or function not in WALKED}


def tshark_read(path, ports):
    """{frame: [pdu]}, and the frames that tshark itself finds fault with."""
    cmd = ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "frame dnp3 _ws.malformed", "-o", "tcp.reassemble_out_of_order:TRUE"]
    for port in ports:
        cmd += ["-d", f"tcp.port=={port},dnp3.tcp"]
    out = subprocess.run(cmd + ["-Y", "dnp3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if not out.stdout:
        sys.exit(f"tshark: {path}: {out.stderr.decode(errors='replace').strip()}")
    frames, malformed = {}, set()
    for packet in ElementTree.fromstring(out.stdout):
        frame = None
        for proto in packet:
            if proto.get("name") == "frame":
                frame = number(proto, "frame.number")
                frames[frame] = []
            elif proto.get("name") == "dnp3":
                pdu = tshark_pdu(proto)
                frames[frame] += [pdu] if pdu else []
            names = {f.get("name") for f in proto.iter()}
            if names & {"_ws.malformed", "dnp3.num_items_invalid", "dnp3.unknown_object", "dnp3.unknown_group0_variation",
                        "dnp3.num_items_neg", "dnp3.invalid_length", "dnp3.hdr.CRC.incorrect", "dnp3.data_chunk.CRC.incorrect"}:
                malformed.add(frame)
    return frames, malformed


# ---- what we say ----


def ours_read(otfwctl, path, ports):
    cmd = [otfwctl, "decode", "--json"]
    for port in ports:
        cmd += ["--port", f"dnp3={port}"]
    out = subprocess.run(cmd + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        sys.exit(f"otfwctl decode {path}: exit {out.returncode}: {out.stderr.decode()}")
    frames, last = {}, None
    for line in out.stdout.splitlines():
        op = json.loads(line)
        if op["proto"] != "dnp3":
            continue
        here = frames.setdefault(op["frame"], [])
        if "error" in op:
            here.append({"error": f"{op['error']} at {op['field']}", "seen": op["error"] != "not-synchronised"})
            last = None
            continue
        if op["pdu"] != last:
            here.append({"unit": op["unit"], "origin": op["origin"], "function": op["function"], "iin": None, "objects": [],
                         "dir": op["dir"]})
            last = op["pdu"]
        args = op.get("args") or {}
        if "object" in args:
            here[-1]["objects"].append({"object": args["object"], "points": (op["first"], op["last"]), "values": op["values"],
                                        "command": tuple(args.get(k) for k in ("control", "count", "on-time", "off-time")),
                                        "name": op["key"], "class": args.get("class")})
        elif op["space"] == "iin":
            here[-1]["iin"] = sum(v << (i + 8) % 16 for i, v in enumerate(op["values"]))
    return frames


# ---- the two together ----


def close(a, b):
    """A float that tshark prints with six digits, or an integer that it prints whole; 16-bit numbers of either sign are one."""
    if isinstance(a, float) or isinstance(b, float):
        a32 = struct.unpack("<f", struct.pack("<f", a))[0] if abs(a) < 3e38 else a
        return a == b or a32 == b or abs(a - b) <= 1e-5 * max(abs(a), abs(b))
    return a == b or (a - b) % 65536 == 0 and -32768 <= min(a, b) and max(a, b) < 65536


def by_point(pdu, header):
    """Does this header have one operation a point?"""
    group = header["object"] >> 8
    commands = pdu["function"] in (3, 4, 5, 6) and group in (12, 41)
    return header["prefix"] in (1, 2, 3) and bool(header["points"]) and (commands or pdu["function"] == 2 and group in (34, 101, 102))


def headers_of(pdu, theirs):
    """Our operations as object headers: the points of one indexed command come one by one."""
    mine, at = [], 0
    for header in theirs:
        count = len(header["points"]) if by_point(pdu, header) else 1
        mine.append(pdu["objects"][at:at + count])
        at += count
    return mine, pdu["objects"][at:]


def object_differs(pdu, mine, header):
    group, variation = header["object"] >> 8, header["object"] & 255
    same = (lambda o: o >> 8 == group) if group in STRINGS else (lambda o: o == header["object"])
    if not mine or not all(same(o["object"]) for o in mine):
        return f"objects {[o['object'] for o in mine]}, tshark {header['object']} (g{group}v{variation})"
    points = header["points"]
    if points and group not in (0, 60, 120):
        if by_point(pdu, header):
            if [o["points"] for o in mine] != points:
                return f"points {[o['points'] for o in mine]}, tshark {points}"
        elif mine[0]["points"] != (min(p[0] for p in points), max(p[1] for p in points)):
            return f"points {mine[0]['points']}, tshark {points}"
    if group == 0 and points and tuple(p // 256 for p in mine[0]["points"]) != points[0]:
        return f"attribute sets {mine[0]['points']}, tshark {points}"
    if group == 0 and variation < 254 and mine[0]["points"][0] % 256 != variation:
        return f"attribute {mine[0]['points']}, tshark {variation}"
    if group == 60 and mine[0]["points"] != (variation - 1, variation - 1):
        return f"class {mine[0]['points']}, tshark variation {variation}"
    values = [v for o in mine for v in o["values"] or []] if any(o["values"] for o in mine) else None
    if group in NUMERIC and values and header["values"]:
        if len(values) != len(header["values"]) or not all(close(a, b) for a, b in zip(values, header["values"])):
            return f"values {values}, tshark {header['values']}"
    if group != 12 and header["bits"] and values and values != header["bits"][:len(values)]:
        return f"bits {values}, tshark {header['bits']}"
    if group == 12 and header["commands"] and pdu["dir"] == "request" and [o["command"] for o in mine] != header["commands"]:
        return f"commands {[o['command'] for o in mine]}, tshark {header['commands']}"
    if header["names"] and any(o["name"] for o in mine) and [o["name"] for o in mine] != header["names"]:
        return f"names {[o['name'] for o in mine]}, tshark {header['names']}"
    return None


def disagreement(ours, theirs, tally):
    """None, or what differs, in words."""
    tally.valued += any(o["values"] for o in ours.get("objects", []))
    if "error" in ours:
        return f"we refuse it ({ours['error']}), tshark reads function {theirs['function']}"
    for key in ("unit", "origin", "function", "iin"):
        if ours[key] != theirs[key] and not (key == "iin" and ours["function"] == 131):
            return f"{key}: {ours[key]}, tshark {theirs[key]}"
    headers = theirs["objects"]
    function = ours["function"]
    # What has no operation of its own: classes that points are assigned to, the times and patterns that go with other objects.
    without = {22: lambda g, v: g == 60, 11: lambda g, v: g == 50, 12: lambda g, v: g == 50}.get(function, lambda g, v: False)
    if function in (3, 4, 5, 6):
        without = lambda g, v: (g, v) == (12, 2)  # noqa: E731
    headers = [h for h in headers if not without(h["object"] >> 8, h["object"] & 255)]
    if function in (15, 19):
        return None  # not read
    mine, rest = headers_of(ours, headers)
    if rest and not theirs["stops"]:
        return f"only we see objects {[o['object'] for o in rest]}"
    for a, header in zip(mine, headers):
        text = object_differs(ours, a, header)
        if text:
            return text
    return None


def short(pdu):
    return f"function {pdu['function']}, stations {pdu['unit']} and {pdu['origin']}"


def read(otfwctl, path, ports):
    theirs, malformed = tshark_read(path, ports)
    return ours_read(otfwctl, path, ports), theirs, malformed


if __name__ == "__main__":
    sys.exit(run(read, disagreement, short))
