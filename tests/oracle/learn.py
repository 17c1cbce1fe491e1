# SPDX-License-Identifier: GPL-2.0-or-later
"""The closed loop of learning, capture by capture.

The policy proposed from a capture (--include all) compiles, allows every message of it that is well-formed, and refuses each operation
with one thing of it moved outside: station, addresses, function, value. Where it denies what no rule can allow, the proposal has said
so in front. Usage: learn.py OTFWCTL CAPTURE...
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

# What a rule decides. Everything else is the message's own fault, or that of what came before it.
POLICY = {"no-zone", "no-conduit", "no-rule", "protocol", "function", "access", "unit", "origin", "address", "value", "value-cut",
          "value-unknown", "argument", "key", "opaque"}
# Of requests that a rule must allow first: learning, which has none, says that none does.
HIDDEN = {"id-in-use", "pending-full"}
SAMPLES = 4  # operations of a capture that are moved
FAR = 100003
LINE = re.compile(r"^\d+ [\d.]+ (\S+) -> (\S+) (\w+) (request|unsolicited) (.*)$")

ctl = sys.argv[1]


def run(*args):
    return subprocess.run([ctl, *args], capture_output=True, text=True, errors="replace", check=False)


def address(end):
    return end.rpartition(":")[0]


def moved(op):
    """The same operation with one thing outside: (what, text)."""
    unit = re.search(r"\bunit (\d+)", op)
    if unit:
        yield "unit", op[: unit.start(1)] + str(int(unit[1]) ^ 0x55) + op[unit.end(1):]
    held = re.search(r" (?!origin |unit |function )([a-z][a-z0-9-]*) (\d+)(\.\.(\d+))?(?= |$)", op)
    if held:
        last = int(held[4] or held[2]) + FAR if int(held[2]) + FAR < 2**31 else int(held[2])
        yield "addresses", op[: held.start(2)] + f"{held[2]}..{last}" + op[held.end():]
    if re.search(r" = -?\d+$", op):
        # Beyond the smallest and the largest that were written, not between them.
        yield "value", re.sub(r"-?\d+$", lambda m: str(abs(int(m[0])) * 3 + FAR), op)


def loop(path):
    """Problems, and what was looked at."""
    problems, seen = [], collections.Counter()
    with tempfile.TemporaryDirectory() as tmp:
        policy = os.path.join(tmp, "policy.yaml")
        made = run("learn", "--include", "all", path)
        if made.returncode == 2 and "nothing to learn" in made.stderr:
            seen["nothing to learn"] += 1
            return problems, seen
        if made.returncode == 2 and "truncated dump file" in made.stderr:
            seen["cut short"] += 1
            return problems, seen
        if made.returncode:
            return [f"learn: {made.returncode}: {made.stderr.strip()[-200:]}"], seen
        with open(policy, "w", encoding="utf-8") as f:
            f.write(made.stdout.replace("mode: learn", "mode: enforce"))
        checked = run("check", policy)
        if checked.returncode:
            return [f"does not compile: {checked.stderr.strip()[:300]}"], seen
        unsaid = made.stdout.count("# # no rule can say exactly this") + made.stdout.count("# # needs a person: it is beyond")
        seen["no rule can say"] += unsaid
        replayed = run("replay", "--in-step", "--policy", policy, path)
        lines = replayed.stdout.split("\n")
        said = re.search(r"^# needs a person: (\d+) message", made.stdout, re.M)
        seen["said to pass only while learning"] += int(said[1]) if said else 0
        refused, faulty = collections.Counter(), 0
        for line in lines:
            m = re.search(r": (allow|deny|uninspected)(?:, ([a-z0-9-]+): .*)?(?: by .*)?$", line)
            if not m or " -> " not in line:
                continue
            seen[m[1]] += 1
            if m[1] == "deny" and m[2] not in POLICY | HIDDEN:
                faulty += 1
            # What came in pieces without its protocol's name is no message: unlisted ports, mid-session.
            if m[1] == "deny" and m[2] in POLICY and LINE.match(line):
                refused[m[2]] += 1
                if not unsaid:
                    problems.append(f"refused: {line[:200]}")
        if faulty and not said:
            problems.append(f"{faulty} messages are denied that no rule can allow, and learning says nothing of them")
        # Moved outside: asked of the same policy, one by one.
        ops = sorted({(address(m[1]), m[2], m[3], m[4], m[5]) for m in map(LINE.match, lines) if m and ": allow" in m[5]})
        for client, server, proto, direction, rest in ops[:: max(1, len(ops) // SAMPLES)][:SAMPLES]:
            op = f"{proto} {direction} " + re.sub(r": allow.*$", "", rest)
            if "..." in op or direction == "unsolicited":
                continue
            base = run("explain", "--policy", policy, f"{client} -> {server} {op}")
            if base.returncode:
                continue  # one of several of a message, or a text that was cut
            for what, text in moved(op):
                answer = run("explain", "--policy", policy, f"{client} -> {server} {text}")
                if answer.returncode == 2:
                    seen["moved to what cannot be"] += 1  # not even an operation
                    continue
                seen["moved"] += 1
                if answer.returncode == 0:
                    problems.append(f"{what} outside and allowed: {text}")
    return problems[:5], seen


def main():
    captures = sys.argv[2:]
    total, bad = collections.Counter(), 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for path, (problems, seen) in zip(captures, pool.map(loop, captures)):
            total += seen
            bad += bool(problems)
            for p in problems:
                print(f"{path}: {p}")
    print(f"{len(captures)} captures, " + ", ".join(f"{n} {what}" for what, n in sorted(total.items())) + f", {bad} wrong")
    if not total["allow"] or not total["moved"]:
        sys.exit("nothing was allowed or nothing moved: this looked at nothing")
    sys.exit(bad != 0)


main()
