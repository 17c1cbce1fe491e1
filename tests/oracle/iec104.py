#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `otfwctl decode --json` against tshark, APDU by APDU.

iec104.py OTFWCTL KNOWN CAPTURE...: compares format and function, station, originator, cause and its bits, object addresses, values and qualifiers of
every IEC 60870-5-104 message, frame by frame and in order. A disagreement is an error unless KNOWN explains it; an explanation that
explains nothing is an error too. Exit status 0 when all agree.
"""

import json
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import number, run

U_TYPES = {1: (256, "request"), 2: (256, "response"), 4: (257, "request"), 8: (257, "response"), 16: (258, None), 32: (258, "response")}
A = "iec60870_asdu."
# What else tshark reads, by the name that our operations have for it.
ARGS = {"select": ("sco.se", "dco.se", "rco.se", "qos.se"), "qualifier": ("sco.qu", "dco.qu", "rco.qu", "qos.ql"), "qoi": ("qoi",), "rqt": ("rqt",),
        "frz": ("frz",), "qrp": ("qrp",), "qpm": ("qpm.kpa",)}


# ---- what tshark says ----


def shown(proto, name):
    return [f for f in proto.iter("field") if f.get("name") == name]


def raw(field):
    return bytes.fromhex(field.get("value"))


def values_of(asdu):
    """Values as they stand in the octets, in their order; empty where tshark reads none."""
    values = []
    for field in asdu.iter("field"):
        name = (field.get("name") or "").removeprefix(A)
        if name in ("siq.spi", "diq.dpi", "sco.on", "dco.on", "rco.up", "vti.v", "scalval", "bcr.count"):
            values.append(int(field.get("show"), 0))
        elif name == "normval":
            values.append(struct.unpack("<h", raw(field))[0])
        elif name == "bitstring":
            values.append(struct.unpack("<I", raw(field))[0])
        elif name == "float":
            values.append(struct.unpack("<f", raw(field))[0])
    return values


def i_format(pdu, asdu):
    pdu.update(function=number(asdu, A + "typeid"), unit=number(asdu, A + "addr"), origin=number(asdu, A + "oa"), values=values_of(asdu))
    pdu["addresses"] = [int(f.get("show"), 0) for f in shown(asdu, A + "ioa")]
    pdu["args"] = {"cause": number(asdu, A + "causetx"), "test": number(asdu, A + "test"), "negative": number(asdu, A + "nega")}
    for arg, names in ARGS.items():
        for name in names:
            if (value := number(asdu, A + name)) is not None:
                pdu["args"][arg] = value


def tshark_read(path):
    cmd = ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "frame iec60870_104 iec60870_asdu _ws.malformed", "-o", "tcp.reassemble_out_of_order:TRUE",
           "-Y", "iec60870_104"]
    out = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if not out.stdout:
        sys.exit(f"tshark: {path}: {out.stderr.decode(errors='replace').strip()}")
    frames, malformed = {}, set()
    for packet in ElementTree.fromstring(out.stdout):
        frame = None
        for proto in packet:
            name = proto.get("name")
            if name == "frame":
                frame = number(proto, "frame.number")
                frames[frame] = []
            elif name == "iec60870_104":
                pdu = {"frame": frame, "function": None, "dir": None, "unit": None, "origin": None, "addresses": [], "values": [], "args": {}}
                if number(proto, "iec60870_104.type") == 3:
                    pdu["function"], pdu["dir"] = U_TYPES.get(number(proto, "iec60870_104.utype"), (None, None))
                elif number(proto, "iec60870_104.type") == 1:
                    pdu["function"] = 259
                frames[frame].append(pdu)
            elif name == "iec60870_asdu":
                i_format(frames[frame][-1], proto)
            if name == "_ws.malformed" or any(f.get("name") == "_ws.malformed" for f in proto.iter("field")):
                malformed.add(frame)
    return frames, malformed


# ---- what we say ----


def ours_read(otfwctl, path):
    out = subprocess.run([otfwctl, "decode", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        sys.exit(f"otfwctl decode {path}: exit {out.returncode}: {out.stderr.decode()}")
    frames, last = {}, None
    for line in out.stdout.splitlines():
        op = json.loads(line)
        if op["proto"] != "iec104":
            continue
        here = frames.setdefault(op["frame"], [])
        if "error" in op:
            here.append({"frame": op["frame"], "error": f"{op['error']} at {op['field']}"})
            last = None
            continue
        if op["pdu"] != last:
            here.append({"frame": op["frame"], "function": op["function"], "dir": op["dir"], "unit": op["unit"], "origin": op.get("origin"),
                         "addresses": [], "values": [], "args": op.get("args", {})})
            last = op["pdu"]
        pdu = here[-1]
        if op["first"] is not None:
            pdu["addresses"] += range(op["first"], op["last"] + 1)
        elif "file" in pdu["args"]:
            pdu["addresses"].append(pdu["args"]["file"])
        pdu["values"] += op["values"] or []
    return frames


# ---- the two together ----


def equal(a, b):
    return a == b or (isinstance(a, float) or isinstance(b, float)) and abs(a - b) <= 1e-6 * abs(b)


def disagreement(ours, theirs, tally):
    """None, or what differs, in words."""
    if "error" in ours:
        return f"we refuse it ({ours['error']}), tshark reads {short(theirs)}"
    for key in ("function", "unit", "origin"):
        if ours[key] != theirs[key]:
            return f"{key}: {ours[key]}, tshark {theirs[key]}"
    if theirs["dir"] and ours["dir"] != theirs["dir"]:
        return f"direction: {ours['dir']}, tshark {theirs['dir']}"
    for arg, value in ours["args"].items():
        if arg in theirs["args"]:
            tally.qualifiers += 1
            if theirs["args"][arg] != value:
                return f"{arg}: {value}, tshark {theirs['args'][arg]}"
    # Ours has `negative` only where it means something: elsewhere it must be 0.
    if "negative" not in ours["args"] and ours["function"] < 120 and theirs["args"].get("negative"):
        return "negative: none, tshark 1"
    # Where nothing is addressed the octets hold 0. Of a directory we say where it begins.
    theirs_at = [] if theirs["addresses"] == [0] and not ours["addresses"] else theirs["addresses"]
    if ours["function"] == 126:
        theirs_at = theirs_at[:1]
    if ours["addresses"] != theirs_at:
        return f"addresses: {ours['addresses']}, tshark {theirs['addresses']}"
    # A row with qualities carries no values of ours; tshark reads none of some types.
    if ours["values"] and theirs["values"]:
        tally.valued += 1
        if len(ours["values"]) != len(theirs["values"]) or not all(map(equal, ours["values"], theirs["values"])):
            return f"values: {ours['values']}, tshark {theirs['values']}"
    return None


def short(pdu):
    return f"function {pdu['function']} station {pdu['unit']} {pdu['addresses']} {pdu['values']} {pdu['args']}"


def read(otfwctl, path, _ports):
    theirs, malformed = tshark_read(path)
    return ours_read(otfwctl, path), theirs, malformed


if __name__ == "__main__":
    sys.exit(run(read, disagreement, short))
