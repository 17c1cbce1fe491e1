#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds `otfwctl decode --json` against tshark for EtherNet/IP and CIP, frame by frame.

enip.py OTFWCTL KNOWN CAPTURE...: of each frame compares, in order, the encapsulation commands that are not CIP, and of each CIP message
its direction, service, class and instance (or the tag's symbols), attribute, and for answers whether they refuse. What tshark 4.0 does not
dissect (values of tags, PCCC data, the objects of an opening) is not compared. A disagreement is an error unless KNOWN explains it; an
explanation that explains nothing is an error too. Exit status 0 when all agree.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import Known, name_of

CONTAINERS = {(0x0A, 2), (0x52, 6)}
MANAGER = {0x54, 0x5B, 0x4E}


def number(field):
    return int(field.get("show"), 0)


def squeezed(items):
    """The same thing several times in a row is once: one operation an attribute here, one message there."""
    out = []
    for item in items:
        if not out or out[-1] != item:
            out.append(item)
    return out


# ---- what tshark says ----


def messages(packet):
    """[message] in order: each with what stands between its service code and the next one."""
    found, now = [], None
    for proto in packet:
        if proto.get("name") not in ("enip", "cip", "cipcm", "cippccc", "cipcls"):
            continue
        for field in proto.iter("field"):
            name = field.get("name")
            if name == "enip.command":
                command = number(field)
                if command not in (0x6F, 0x70):
                    found.append({"command": command})
                now = None
            elif name == "cip.rr":
                now = {"answer": number(field) == 1, "pairs": [], "attribute": None, "symbols": [], "status": 0, "code": None}
                found.append(now)
            elif now is None:
                continue
            elif name == "cip.sc" and now["code"] is None:
                now["code"] = number(field)
            elif name in ("cip.class", "cip.class8", "cip.class16") and field.get("show"):
                now["pairs"].append([number(field), None])
            elif name in ("cip.instance", "cip.instance8", "cip.instance16", "cip.instance32") and now["pairs"]:
                now["pairs"][-1][1] = number(field)
            elif name in ("cip.attribute", "cip.attribute8", "cip.attribute16") and now["attribute"] is None:
                now["attribute"] = number(field)
            elif name == "cip.symbol":
                now["symbols"].append(field.get("show"))
            elif name == "cip.genstat":
                now["status"] = number(field)
    # A layer of its own for a class says the direction once more, and no service code.
    return [m for m in found if "command" in m or m["code"] is not None]


def theirs_of(packet):
    out, refused = [], False
    for m in messages(packet):
        if "command" in m:
            out.append(("command", m["command"]))
            continue
        code, pairs = m["code"], m["pairs"]
        if m["answer"]:
            if code == 0x0A and m["status"] in (0, 0x1E):
                continue
            out.append(("answer", code))
            refused = refused or m["status"] not in (0, 6)
        elif (code, pairs[0][0] if pairs else 0) in CONTAINERS:
            continue
        elif code in MANAGER and pairs and pairs[0][0] == 6:
            out.append(("manager", code))
        elif m["symbols"]:
            out.append(("tag", code, m["symbols"]))
        else:
            single = code in (0x0E, 0x10)
            for cls, instance in pairs:
                out.append(("object", code, cls, instance, m["attribute"] if single else None))
    return squeezed(out), refused


def tshark_read(path):
    cmd = ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "frame enip cip cipcm cipcls cippccc _ws.malformed", "-Y", "enip and not cipio"]
    cmd += ["-o", "tcp.reassemble_out_of_order:TRUE"]
    frames, malformed = {}, set()
    with subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        for _, packet in ElementTree.iterparse(p.stdout):
            if packet.tag != "packet":
                continue
            frame = next(number(f) for f in packet.iter("field") if f.get("name") == "frame.number")
            frames[frame] = theirs_of(packet)
            if any(f.get("name") == "_ws.malformed" for f in packet.iter()):
                malformed.add(frame)
            packet.clear()
    return frames, malformed


# ---- what we say ----


def symbols_of(key):
    """The symbols of a whole name, without its indexes."""
    return [part.partition("[")[0] for part in key.split(".")]


def one(op):
    fn, sub = op["function"], op.get("sub")
    if 0x100 <= fn < 0x200:
        return ("command", fn & 0xFF)
    if fn >= 0x300:
        return ("answer", 0x4B) if op["dir"] == "response" else ("object", 0x4B, 0x67, 1, None)
    if op["dir"] == "response":
        return ("answer", fn)
    if fn in MANAGER and sub in (6, 0xFF06, 0xFE06):
        return ("manager", fn)
    if op["space"] == "element":
        return ("tag", fn, symbols_of(op["key"]))
    attribute = (op.get("args") or {}).get("attribute") if fn in (0x0E, 0x10) else None
    whole = op["first"] != op["last"]
    return ("object", fn, op["first"] >> 16, None if whole else op["first"] & 0xFFFF, attribute)


def ours_read(otfwctl, path):
    out = subprocess.run([otfwctl, "decode", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        sys.exit(f"otfwctl decode {path}: exit {out.returncode}: {out.stderr.decode()}")
    frames = {}
    for line in out.stdout.splitlines():
        op = json.loads(line)
        if op["proto"] != "enip":
            continue
        items, refused, errors, pdus = frames.setdefault(op["frame"], ([], [], [], set()))
        if "error" in op:
            errors.append(f"{op['error']} at {op['field']}")
            continue
        pdus.add(op["pdu"])
        items.append(one(op))
        refused.append(op.get("exception") is not None)
    return frames


def main():
    otfwctl, known, captures = sys.argv[1], Known(sys.argv[2]), sys.argv[3:]
    total, wrong, explained, bad, seen = 0, 0, 0, 0, set()
    for path in captures:
        name = name_of(path)
        seen.add(name)
        ours = ours_read(otfwctl, path)
        theirs, malformed = tshark_read(path)
        for frame in sorted(set(ours) | set(theirs)):
            items, refused, errors, pdus = ours.get(frame, ([], [], [], set()))
            want, says_no = theirs.get(frame, ([], False))
            total += len(pdus)
            if errors and frame in malformed:
                bad += 1
                continue
            text = None
            if errors:
                text = f"we refuse it ({errors[0]}), tshark reads {want}"
            elif squeezed(items) != want:
                text = f"ours {squeezed(items)[:6]}, tshark {want[:6]}"
            elif len(pdus) == 1 and want and want[0][0] == "answer" and len(want) == 1 and any(refused) != says_no:
                text = f"refused: ours {any(refused)}, tshark {says_no}"
            if text is None:
                continue
            if known.explains(name, frame):
                explained += 1
                continue
            wrong += 1
            if wrong <= 40:
                print(f"{name}: frame {frame}: {text}")
    wrong += known.stale(seen)
    print(f"enip: {total} PDUs of {len(captures)} captures compared: {wrong} disagreements, {explained} more explained, "
          f"{bad} frames that tshark calls malformed and we refuse")
    return wrong > 0 or total == 0


if __name__ == "__main__":
    sys.exit(main())
