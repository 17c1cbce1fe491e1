# SPDX-License-Identifier: GPL-2.0-or-later
"""What all oracles share: explanations that must explain something, comparing frame by frame, the closing line.

A protocol's script says how to read a capture twice (tshark and `otfwctl decode --json`) and what makes two PDUs disagree. A
disagreement is an error unless KNOWN explains it; an explanation that explains nothing is an error too.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor


class Known:
    """Lines: CAPTURE <tab> FRAMES <tab> why ours is right; or CAPTURE <tab> port <tab> NUMBER."""

    def __init__(self, path):
        self.path, self.rows, self.ports = path, [], {}
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                line = line.rstrip("\n")
                if not line or line.startswith("#"):
                    continue
                fields = line.split("\t")
                if len(fields) != 3 or not fields[2]:
                    sys.exit(f"{path}:{number}: CAPTURE, FRAMES and a reason are wanted, with tabs between them")
                if fields[1] == "port":
                    self.ports.setdefault(fields[0], []).append(int(fields[2]))
                    continue
                frames = set()
                for part in fields[1].split(","):
                    first, _, last = part.partition("-")
                    frames.update(range(int(first), int(last or first) + 1))
                self.rows.append({"line": number, "capture": fields[0], "frames": frames, "used": set()})

    def explains(self, capture, frame):
        for row in self.rows:
            if row["capture"] == capture and frame in row["frames"]:
                row["used"].add(frame)
                return True
        return False

    def stale(self, captures):
        """Says which explanations explain nothing; how many."""
        n = 0
        for row in self.rows:
            if row["capture"] in captures and row["used"] != row["frames"]:
                print(f"{self.path}:{row['line']}: explains nothing in frames {sorted(row['frames'] - row['used'])[:10]}")
                n += 1
        return n


def octets(show):
    return bytes.fromhex((show or "").replace(":", ""))


def numbers(proto, name):
    return [int(f.get("show"), 0) for f in proto.iter("field") if f.get("name") == name]


def number(proto, name):
    found = numbers(proto, name)
    return found[0] if found else None


class Tally:
    def __init__(self):
        self.pdus = self.valued = self.qualifiers = self.known = self.malformed = self.wrong = 0

    def add(self, other):
        for key in vars(self):
            setattr(self, key, getattr(self, key) + getattr(other, key))

    def __str__(self):
        qualifiers = f", {self.qualifiers} qualifiers" if self.qualifiers else ""
        return (f"{self.pdus} PDUs compared ({self.valued} with values{qualifiers}), {self.malformed} frames malformed to both, "
                f"{self.known} differences explained, {self.wrong} not")


def name_of(path):
    return "/".join(os.path.normpath(path).split(os.sep)[-2:])


def compare(name, ours, theirs, malformed, known, disagreement, short):
    """disagreement(ours, theirs, tally): None, or what differs, in words; short(theirs): a PDU in words."""
    tally = Tally()

    def differ(frame, text):
        if known.explains(name, frame):
            tally.known += 1
            return
        tally.wrong += 1
        print(f"{name}: frame {frame}: {text}")

    for frame in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(frame, []), theirs.get(frame, [])
        if frame in malformed and any("error" in p for p in mine):
            tally.malformed += 1
            known.explains(name, frame)
            continue
        for a, b in zip(mine, other):
            tally.pdus += 1
            text = disagreement(a, b, tally)
            if text:
                differ(frame, text)
        for a in mine[len(other):]:
            differ(frame, f"only we see a PDU: {a}")
        for b in other[len(mine):]:
            differ(frame, f"only tshark sees a PDU: {short(b)}")
    return tally


def run(read, disagreement, short):
    """SCRIPT OTFWCTL KNOWN CAPTURE...; read(otfwctl, path, ports): (ours, theirs, frames malformed to tshark). The exit status."""
    otfwctl, known, captures = sys.argv[1], Known(sys.argv[2]), sys.argv[3:]
    total = Tally()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        both = list(pool.map(lambda path: read(otfwctl, path, known.ports.get(name_of(path), [])), captures))
    for path, (ours, theirs, malformed) in zip(captures, both):
        tally = compare(name_of(path), ours, theirs, malformed, known, disagreement, short)
        if tally.pdus or tally.known or tally.malformed:
            print(f"{name_of(path)}: {tally}")
        total.add(tally)
    total.wrong += known.stale({name_of(path) for path in captures})
    print(f"{len(captures)} captures, {total}")
    return 1 if total.wrong or total.valued == 0 else 0
