#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `otfwctl decode --json` against tshark, PDU by PDU, for S7.

s7.py OTFWCTL KNOWN CAPTURE...: of every TPDU and message the kind; of S7comm the function, the ranges, bits, blocks, lists, names, values and
results of every item. S7comm-plus and MMS are compared as what they are, not for their content. A disagreement is an error
unless KNOWN explains it; an explanation that explains nothing is an error too. Exit status 0 when all agree.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import number, numbers, octets, run

AREAS = {0x05: "system-memory", 0x06: "analog-input", 0x07: "analog-output", 0x1C: "counter", 0x1D: "timer", 0x80: "peripheral",
         0x81: "input", 0x82: "output", 0x83: "merker", 0x84: "db", 0x85: "instance-db", 0x86: "local", 0x87: "caller-local"}
WIDTH = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 4, 9: 2, 10: 4, 11: 4, 12: 2, 15: 8, 19: 2}
SERVICES = {"P_PROGRAM": 1, "_INSE": 2, "_DELE": 3, "_GARB": 4, "_MODU": 5}
COTP = {0x0E: 992, 0x0D: 992, 0x08: 896}
ARGS = ("bit", "block-type", "result")


def text(proto, name):
    return next((f.get("show") for f in proto.iter("field") if f.get("name") == name), None)


# ---- what tshark says ----


def tshark_item(group):
    """(space, first, n, bit) of every range of one item; None where it is no range."""
    syntax = number(group, "s7comm.param.item.syntaxid")
    if syntax == 0xB0:
        areas = zip(*(numbers(group, f"s7comm.param.item.dbread.{f}") for f in ("db", "startaddress", "length")))
        return [("db", db * 65536 + first, n, None) for db, first, n in areas]
    if syntax != 0x10:
        return [None]
    size, count = number(group, "s7comm.param.item.transp_size"), number(group, "s7comm.param.item.length")
    area, db = number(group, "s7comm.param.item.area"), number(group, "s7comm.param.item.db")
    if area in (0x1C, 0x1D):
        return [(AREAS[area], number(group, "s7comm.param.item.address.number"), count, None)]
    first = number(group, "s7comm.param.item.address.byte")
    if area in (0x84, 0x85):
        first += db * 65536
    if size == 1:
        return [(AREAS.get(area), first, 1, number(group, "s7comm.param.item.address.bit"))]
    return [(AREAS.get(area), first, count * WIDTH.get(size, 0), None)]


def tshark_block(pdu, kind, number_text):
    pdu["items"].append(("block", int(number_text), 1, None))
    pdu["types"].append(int(kind[-1], 16))


def tshark_variables(pdu, proto, rosctr):
    for group in proto.iter("field"):
        if group.get("name") == "s7comm.param.item" and rosctr == 1:
            pdu["items"] += tshark_item(group)
        if group.get("name") == "s7comm.data.item":
            code = number(group, "s7comm.data.returncode")
            if rosctr == 3:
                pdu["results"].append(None if code == 0xFF else code)
            if rosctr == 1 or code == 0xFF:
                pdu["values"] += list(octets(text(group, "s7comm.resp.data") or ""))


def tshark_s7(frame, proto):
    rosctr = number(proto, "s7comm.header.rosctr")
    pdu = {"frame": frame, "kind": "s7", "function": number(proto, "s7comm.param.func"), "sub": None, "items": [], "types": [],
           "values": [], "results": [], "key": None, "szl": None, "rosctr": rosctr, "error": number(proto, "s7comm.header.errcls")}
    fn = pdu["function"]
    if rosctr == 7:
        group = number(proto, "s7comm.param.userdata.funcgroup")
        if group is None:
            return pdu
        pdu["function"], pdu["sub"] = 0x700 | group, number(proto, "s7comm.param.userdata.subfunc")
        kind = number(proto, "s7comm.param.userdata.type")
        if group == 4 and kind == 4 and pdu["sub"] == 1 and number(proto, "s7comm.data.userdata.szl_id") is not None:
            pdu["szl"] = number(proto, "s7comm.data.userdata.szl_id") * 65536 + number(proto, "s7comm.data.userdata.szl_index")
        if group == 3 and kind == 4 and pdu["sub"] == 3:
            tshark_block(pdu, text(proto, "s7comm.blockinfo.blocktype"), text(proto, "s7comm.data.blockinfo.block_number"))
        if group == 2 and kind == 4 and pdu["sub"] in (1, 5, 7):
            for field in proto.iter("field"):
                if field.get("name") == "s7comm.param.item":
                    pdu["items"] += tshark_item(field)
    elif fn in (4, 5):
        tshark_variables(pdu, proto, rosctr)
    elif rosctr == 1 and fn in (0x1A, 0x1B, 0x1C, 0x1D):
        tshark_block(pdu, text(proto, "s7comm.data.blockcontrol.block_type"), text(proto, "s7comm.data.blockcontrol.block_number"))
    elif rosctr == 1 and fn == 0x28:
        name = text(proto, "s7comm.param.pistart.servicename")
        pdu["sub"] = SERVICES.get(name, 0)
        pdu["key"] = None if name in SERVICES else name
        if name in ("_INSE", "_DELE"):
            kinds = [f.get("show") for f in proto.iter("field") if f.get("name") == "s7comm.data.blockcontrol.block_type"]
            found = [f.get("show") for f in proto.iter("field") if f.get("name") == "s7comm.data.blockcontrol.block_number"]
            for kind, which in zip(kinds, found):
                tshark_block(pdu, kind, which)
    return pdu


def tshark_read(path):
    """{frame: [pdu]}, and the frames that tshark itself calls malformed."""
    cmd = ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "frame cotp s7comm ses mms _ws.malformed", "-Y", "cotp and tcp.port == 102"]
    out = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0 and not out.stdout:
        sys.exit(f"tshark: {path}: {out.stderr.decode(errors='replace').strip()}")
    frames, malformed = {}, set()
    for packet in ElementTree.fromstring(out.stdout):
        frame, here = None, []
        for proto in packet:
            name = proto.get("name")
            if name == "frame":
                frame = number(proto, "frame.number")
            elif name == "cotp":
                kind = number(proto, "cotp.type")
                if kind in COTP:
                    here.append({"frame": frame, "kind": "cotp", "function": COTP[kind]})
                elif kind != 0x0F:
                    here.append({"frame": frame, "kind": "other", "function": None})
                else:
                    whole = number(proto, "cotp.eot") == 1
                    here.append({"frame": frame, "kind": "data" if whole else "part", "function": None})
            elif name == "" and any((f.get("name") or "").startswith("s7comm") for f in proto.iter("field")):
                if here:
                    here[-1] = tshark_s7(frame, proto)
            elif name == "s7comm" and here:
                here[-1] = tshark_s7(frame, proto)
            elif name in ("ses", "mms") and here and here[-1]["kind"] == "data":
                here[-1]["kind"] = "mms"
            elif name == "_ws.malformed":
                malformed.add(frame)
            if any(f.get("name") == "_ws.malformed" for f in proto.iter("field")):
                malformed.add(frame)
        if here:
            frames[frame] = here
    return frames, malformed


# ---- what we say ----


def ours_read(otfwctl, path):
    out = subprocess.run([otfwctl, "decode", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        sys.exit(f"otfwctl decode {path}: exit {out.returncode}: {out.stderr.decode()}")
    frames, last = {}, None
    for line in out.stdout.splitlines():
        op = json.loads(line)
        if op["proto"] != "s7comm":
            continue
        here = frames.setdefault(op["frame"], [])
        if "error" in op:
            here.append({"frame": op["frame"], "error": f"{op['error']} at {op['field']}"})
            last = None
            continue
        if op["pdu"] != last:
            here.append({"frame": op["frame"], "function": op["function"], "dir": op["dir"], "ops": []})
            last = op["pdu"]
        here[-1]["ops"].append(op)
        here[-1]["values"] = here[-1].get("values") or op["values"]
    return frames


# ---- the two together ----


def s7_disagreement(ops, theirs):
    first, request = ops[0], ops[0]["dir"] != "response"
    if theirs["function"] is not None and first["function"] != theirs["function"]:
        return f"function: {first['function']}, tshark {theirs['function']}"
    if theirs["rosctr"] == 7 and theirs["sub"] is not None and first["sub"] & 0xFF != theirs["sub"]:
        return f"sub-function: {first['sub']}, tshark {theirs['sub']}"
    if theirs["rosctr"] in (2, 3) and bool(theirs["error"]) != (first.get("exception") is not None):
        return f"exception: {first.get('exception')}, tshark {theirs['error']}"
    if request and first["function"] == 0x28 and (first["sub"], first["key"]) != (theirs["sub"], theirs["key"]):
        return f"service: {first['sub']} {first['key']}, tshark {theirs['sub']} {theirs['key']}"
    if theirs["szl"] is not None and first["first"] != theirs["szl"]:
        return f"list: {first['first']}, tshark {theirs['szl']}"
    args = [op.get("args") or {} for op in ops]
    if theirs["types"] and [a.get("block-type") for a in args] != theirs["types"]:
        return f"block types: {args}, tshark {theirs['types']}"
    if request and theirs["items"]:
        cyclic = first["function"] == 0x702
        mine = [None if op["first"] is None else
                (op["space"], op["first"], op["last"] - op["first"] + 1, a.get("bit")) for op, a in zip(ops, args)]
        other = [i[:3] + (None,) if i and cyclic else i for i in theirs["items"]]
        if mine != other:
            return f"items: {mine}, tshark {other}"
    if theirs["results"] and [a.get("result") for a in args] != theirs["results"]:
        return f"results: {args}, tshark {theirs['results']}"
    values = []
    for op in ops:
        wide = op["space"] in ("counter", "timer")
        for v in op["values"] or []:
            values += [v >> 8, v & 0xFF] if wide else [v]
    if any(op["access"] == "opaque" for op in ops):
        return None
    return None if values == theirs["values"] else f"values: {values}, tshark {theirs['values']}"


def disagreement(ours, theirs, tally):
    """None, or what differs, in words."""
    tally.valued += bool(ours.get("values") and theirs.get("values"))
    if "error" in ours:
        return f"we refuse it ({ours['error']}), tshark reads {short(theirs)}"
    if theirs["kind"] == "s7":
        return s7_disagreement(ours["ops"], theirs)
    if theirs["kind"] == "cotp":
        return None if ours["function"] == theirs["function"] else f"function: {ours['function']}, tshark {theirs['function']}"
    if theirs["kind"] in ("mms", "part"):
        return None if ours["function"] == 0x4D00 else f"function: {ours['function']}, tshark MMS"
    # This tshark has no dissector for S7comm-plus.
    return None if ours["function"] in (0x7200, 0x4D00) else f"function: {ours['function']}, tshark only data"


def short(pdu):
    return f"{pdu['kind']} function {pdu['function']} {pdu.get('items') or ''}"


def read(otfwctl, path, _ports):
    theirs, malformed = tshark_read(path)
    ours = ours_read(otfwctl, path)
    for frame, pdus in theirs.items():
        # A message in parts is one PDU of ours where it is S7, else each part is one.
        opaque = any(pdu.get("function") in (0x4D00, 0x7200) for pdu in ours.get(frame, []))
        theirs[frame] = [pdu for pdu in pdus if opaque or pdu["kind"] != "part"]
    return ours, theirs, malformed


if __name__ == "__main__":
    sys.exit(run(read, disagreement, short))
