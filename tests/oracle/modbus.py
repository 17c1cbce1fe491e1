#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `otfwctl decode --json` against tshark, PDU by PDU.

modbus.py OTFWCTL KNOWN CAPTURE...: compares unit, function, exception, addresses, quantities and values of every Modbus
PDU, frame by frame and in order. A disagreement is an error unless KNOWN explains it; an explanation that explains nothing
is an error too. Exit status 0 when all agree.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import number, numbers, octets, run

PORT = 502


# ---- what tshark says ----


def words(data):
    return [data[i] << 8 | data[i + 1] for i in range(0, len(data) - 1, 2)]


def data_of(proto):
    return b"".join(octets(f.get("show")) for f in proto.iter("field") if f.get("name") == "modbus.data")


def tshark_files(pdu, proto):
    """Functions 20 and 21: one group a sub-request. Ours counts file * 10000 + record."""
    values = []
    for group in proto:
        code, count = number(group, "modbus.reference_num_32"), number(group, "modbus.word_cnt")
        if code is not None and count is not None:
            pdu["ranges"].append(((code >> 16) * 10000 + (code & 0xFFFF), count))
        values += words(data_of(group))
    if values:
        pdu["values"] = values


def tshark_pdu(frame, unit, proto):
    """One PDU in neutral terms; what tshark does not say is None or empty."""
    fn = number(proto, "modbus.func_code")
    code = number(proto, "modbus.exception_code")
    pdu = {"frame": frame, "unit": unit, "function": fn, "sub": None, "exception": code, "ranges": [], "values": None}
    if fn is None or code is not None:
        return pdu
    ref = number(proto, "modbus.reference_num")
    count = number(proto, "modbus.word_cnt")
    if count is None:
        count = number(proto, "modbus.bit_cnt")
    registers, bits = numbers(proto, "modbus.regval_uint16"), numbers(proto, "modbus.bitval")
    data = data_of(proto)
    if fn == 8:
        pdu["sub"] = number(proto, "modbus.diagnostic_code")
    elif fn == 43:
        pdu["sub"] = number(proto, "modbus.mei")
    elif fn in (20, 21):
        tshark_files(pdu, proto)
    elif fn == 23:
        for side in ("write", "read"):
            first = number(proto, f"modbus.{side}_reference_num")
            if first is not None:
                pdu["ranges"].append((first, number(proto, f"modbus.{side}_word_cnt")))
        pdu["values"] = registers or words(data) or None
    elif fn == 22:
        pdu["ranges"] = [(ref, 1)] if ref is not None else []
    elif fn == 24:
        pdu["ranges"] = [(ref, 1)] if ref is not None else []
        pdu["values"] = words(data) or None
    elif fn in (5, 6):
        pdu["ranges"] = [(ref, 1)] if ref is not None else []
        if fn == 5:
            pdu["values"] = [1 if data == b"\xff\x00" else 0] if data else None
        else:
            pdu["values"] = registers or words(data) or None
    elif fn in (1, 2, 3, 4, 15, 16):
        if ref is not None:
            pdu["ranges"] = [(ref, count)]
        if registers or bits:
            pdu["values"] = registers or bits
        elif fn in (1, 2, 15) and data:
            pdu["values"] = [data[i // 8] >> (i % 8) & 1 for i in range(len(data) * 8)]
        elif data:
            pdu["values"] = words(data)
    return pdu


def tshark_read(path, ports):
    """{frame: [pdu]}, and the frames that tshark itself calls malformed."""
    cmd = ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "frame mbtcp mbudp modbus _ws.malformed"]
    cmd += ["-o", "tcp.reassemble_out_of_order:TRUE", "-d", f"udp.port=={PORT},mbudp"]
    for port in ports:
        cmd += ["-d", f"tcp.port=={port},mbtcp", "-d", f"udp.port=={port},mbudp"]
    cmd += ["-Y", "mbtcp or mbudp"]
    out = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if not out.stdout:
        sys.exit(f"tshark: {path}: {out.stderr.decode(errors='replace').strip()}")
    frames, malformed = {}, set()
    for packet in ElementTree.fromstring(out.stdout):
        frame = unit = None
        for proto in packet:
            name = proto.get("name")
            if name == "frame":
                frame = number(proto, "frame.number")
                frames[frame] = []
            elif name in ("mbtcp", "mbudp"):
                unit = number(proto, f"{name}.unit_id")
                if unit is None:
                    unit = number(proto, "mbtcp.unit_id")
            elif name == "modbus":
                frames[frame].append(tshark_pdu(frame, unit, proto))
            elif name == "_ws.malformed":
                malformed.add(frame)
            if any(f.get("name") == "_ws.malformed" for f in proto.iter("field")):
                malformed.add(frame)
    return frames, malformed


# ---- what we say ----


def ours_read(otfwctl, path, ports):
    cmd = [otfwctl, "decode", "--json"]
    for port in ports:
        cmd += ["--port", f"modbus={port}"]
    out = subprocess.run(cmd + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        sys.exit(f"otfwctl decode {path}: exit {out.returncode}: {out.stderr.decode()}")
    frames, last = {}, None
    for line in out.stdout.splitlines():
        op = json.loads(line)
        if op["proto"] != "modbus":
            continue
        here = frames.setdefault(op["frame"], [])
        if "error" in op:
            here.append({"frame": op["frame"], "error": f"{op['error']} at {op['field']}"})
            last = None
            continue
        if op["pdu"] != last:
            here.append({"frame": op["frame"], "unit": op["unit"], "function": op["function"], "sub": op.get("sub"),
                         "exception": op.get("exception"), "dir": op["dir"], "ranges": [], "values": None})
            last = op["pdu"]
        pdu = here[-1]
        if op["first"] is not None:
            pdu["ranges"].append((op["first"], op["last"] - op["first"] + 1))
        if op["values"] is not None:
            pdu["values"] = (pdu["values"] or []) + op["values"]
    return frames


# ---- the two together ----


def disagreement(ours, theirs, tally):
    """None, or what differs, in words."""
    tally.valued += bool(ours.get("values") and theirs["values"])
    if "error" in ours:
        return f"we refuse it ({ours['error']}), tshark reads {short(theirs)}"
    for key in ("unit", "function", "exception"):
        if ours[key] != theirs[key]:
            return f"{key}: {ours[key]}, tshark {theirs[key]}"
    if ours["exception"] is not None:
        return None
    if theirs["sub"] is not None and ours["sub"] != theirs["sub"]:
        return f"sub-function: {ours['sub']}, tshark {theirs['sub']}"
    # An answer carries its range only in the request: tshark says it for few functions.
    if theirs["ranges"] and ours["ranges"] != theirs["ranges"]:
        return f"ranges (first, quantity): {ours['ranges']}, tshark {theirs['ranges']}"
    if ours["dir"] == "request" and ours["ranges"] and not theirs["ranges"]:
        return f"ranges (first, quantity): {ours['ranges']}, tshark none"
    mine, other = ours["values"] or [], theirs["values"] or []
    if ours["function"] in (1, 2, 15) and not any(other[len(mine):]):
        other = other[:len(mine)]  # bits that fill the last octet
    if mine != other:
        return f"values: {mine}, tshark {other}"
    return None


def short(pdu):
    return f"unit {pdu['unit']} function {pdu['function']} {pdu['ranges']} {pdu['values']}"


def read(otfwctl, path, ports):
    theirs, malformed = tshark_read(path, ports)
    return ours_read(otfwctl, path, ports), theirs, malformed


if __name__ == "__main__":
    sys.exit(run(read, disagreement, short))
