# SPDX-License-Identifier: GPL-2.0-or-later
# Plays the recorder for the evidence page: recorded answers of the control socket, one a session, and the daemon's state directory beside it. recorder.py SOCKET DIGEST [broken]
import hashlib, json, os, socket, sys

path, digest = sys.argv[1:3]
broken = "broken" in sys.argv
T = 1795329858
inspected, safety = "inspected", "safety"
conduits = [("hmi-filler", "filling-line", inspected, "enforce", "closed", 3), ("hmi-packer", "packaging", inspected, "shadow", "open", 2),
            ("capper-learning", "filling-line", inspected, "learn", "closed", 0), ("historian-feed", "control-room", inspected, "enforce", "closed", 1),
            ("boiler-trip", "boiler-sis-io", safety, None, "closed", 0)]
zones = ["enterprise", "control-room", "filling-line", "packaging", "boiler-sis", "boiler-sis-io"]
status = {"ok": True, "version": "0.1.0", "site": "Bottling <b>hall</b> 2 & cellar", "policy-generation": 12, "policy": digest,
          "zones": [{"name": z, "failure": "open" if z == "packaging" else "closed", "safety": "sis" in z, "deadline-us": 5000 if z == "packaging" else 0} for z in zones],
          "conduits": [dict(zip(("name", "to", "lane", "mode", "failure", "rules"), c)) for c in conduits],
          "islands": [{"zone": "packaging", "in-policy": True, "state": "overridden", "since": T + 60, "until": T + 960, "uid": 0, "reason": "batch <runs> out"}] if broken else []}
names = [("hmi-filler", "view", inspected, "modbus", 4183220, 211, T), ("hmi-filler", "setpoint", inspected, "modbus", 1840, 190, T - 7200), ("hmi-filler", "cleaning", inspected, "modbus", 0, 0, 0),
         ("hmi-packer", "view", inspected, "modbus", 77512, 30, T - 30), ("hmi-packer", "pages", "kernel", None, 91, 4, T - 90000),
         ("historian-feed", "a-rule-whose-name-is-quite-a-bit-longer-than-others", "kernel", None, 0, 0, 0)]
reasons = {"view": ("Level trend & alarm list", "operations", "CHG-0417"), "setpoint": ("<script>document.title='owned'</script> recipe setpoint", "operations", "CHG-0418"),
           "cleaning": ("Cleaning in place, twice a year", 'quality "assurance"', None), "pages": ("Web pages of the packer", "packaging", None)}
rules = []
for c, i, lane, proto, n, days, last in names:
    why = reasons.get(i, ("Averyveryverylongwordwithoutanyplacetobreakthatwouldmakeatablewiderthanatelephoneisfromsidetoside", "it", "CHG-0001"))
    rules.append({"rule": c + "/" + i, "conduit": c, "id": i, "lane": lane, "protocol": proto, "reason": why[0], "owner": why[1], "ticket": why[2], "total": n, "days": days,
                  "first": T - 20000000 if n else None, "last": last if n else None})
def account(name, *n):
    return {"name": name, "in": sum(n), "safety": n[0], "kernel": n[1], "inspected": n[2], "uninspected": {"released": n[3], "unseen": 0}, "dropped": {"unlisted": n[4], "queue": 0}}
ledger = {"ok": True, "balanced": not broken, "unaccounted": 17 if broken else 0, "moving": 12, "before-start": 0,
          "zones": [account("control-room", 0, 40211, 4183220, 0, 12), account("filling-line", 0, 0, 4190002, 0, 9121), account("packaging", 0, 412, 77512, 93, 4), account("boiler-sis-io", 8812345, 0, 0, 0, 0)],
          "all": account("all", 8812345, 40623, 8450734, 93, 9137), "queues": [],
          "safety-flows": [{"flow": "boiler-trip/0", "in": 8812345, "out": 8812345, "lost": 0, "queued": 0}]}
def text(n, action, uid, login, refused, object, reason, detail, ticket=None):
    r = {"n": n, "ts": T + 600 * n, "action": action, "uid": uid, "login": login, "refused": refused, "object": object, "reason": reason, "ticket": ticket, "detail": detail,
         "before": None, "after": None}
    change = {"becomes-allowed": 2, "becomes-denied": 1, "other-changes": 0, "diff": "hmi-filler/view: ...\n", "diff-left-out": 0} if action == "commit" else {"diff": None}
    return json.dumps(r | change, separators=(",", ":"))
# Policies as the daemon keeps them: a checksum over all lines ends each file.
state = path + ".state"
def sealed(name, text):
    h = 0xcbf29ce484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    os.makedirs(os.path.dirname(os.path.join(state, name)), exist_ok=True)
    open(os.path.join(state, name), "w").write(text + "sum %016x\n" % h)
NOBODY = 4294967295
kept = [(7, 0, NOBODY, NOBODY, 1, 2, "", ""), (8, 7, 0, 1000, 0, 4, "Faster <capper>", "CHG-0416"), (9, 7, 0, 1000, 0, 2, "New capper", "CHG-0417"), (10, 9, 0, 1001, 0, 5, "Trust the laptop", "")]
for number, before, uid, login, file, st, reason, ticket in kept:
    sealed("policies/%06d.meta" % number, "otfw policy 1\nnumber %d\nbefore %d\ndigest %s\nuid %d\nlogin %d\nat %d\nsource 0\nfile %d\nstate %d\nreason %s\nticket %s\nname p.yaml\n" %
           (number, before, hashlib.sha256(b"%d" % number).hexdigest() if number != 9 else digest, uid, login, (T + 600 * number) * 1000000, file, st, reason, ticket))
sealed("commit", "otfw commit 1\nconfirmed 9\nby-file 0\ntrial 0\nguarded 0\nguard 0\ndeadline 0\nboot x\n")
if broken:
    open(state + "/policies/000008.meta", "a").write("x")
status |= {"state-dir": state, "policy-number": 9}
records, d = [], b"\0" * 32
for n, r in enumerate([("begin", None, None, False, None, None, "the audit chain begins"), ("commit", 0, 1000, False, None, "New capper", "generation 11 is in force", "CHG-0417"),
                       ("override", 0, 1001, True, "boiler-sis", "test <i>it</i>", "it is a safety zone: its inspection is never bypassed"),
                       ("isolate", 0, 1000, False, "packaging", "worm on the packer's laptop", "isolated by uid 0"), ("release", 0, 1000, False, "packaging", "laptop removed", "released by uid 0"),
                       ("override-end", None, None, False, "packaging", "batch", "override ended: its time is over")], 1):
    t = text(n, *r)
    d = hashlib.sha256(d + t.encode()).digest()
    records.append([n, t, d.hex()])
if broken:
    del records[2]
audit = {"ok": True, "records": records, "read": True, "next": None, "kept": True, "n": 6, "head": d.hex(), "waiting": 0, "lost": 0, "untold": 0}
def role(role, protocol, port=502):
    return {"role": role, "protocol": protocol, "transport": "tcp", "port": port, "first": T - 9000000, "last": T}
def says(kind, value, unit=None, before=None):
    return {"protocol": "modbus", "unit": unit, "kind": kind, "value": value, "changes": 1 if before else 0, "before": before, "first": T - 9000000, "since": T - 90000, "last": T}
def seen(address, name, zone, mac, shared, last, roles, idents=()):
    return {"address": address, "name": name, "zone": zone, "mac": mac, "mac-addresses": shared, "first": T - 9000000, "last": last, "roles": roles, "identification": list(idents)}
# As the recorder gives them: by the time they were first seen.
assets = [seen("10.40.11.7", "filler-plc", "filling-line", "02:00:5e:10:00:01", 1, T, [role("server", "modbus")],
               [says("version", "V2.0", 1, "V1.7"), says("vendor", "<img src=x onerror=alert(1)>", 1), says("serial", "A" * 64, 1), says("vendor", "Pumps & Co", 4)]),
          seen("10.40.1.30", None, "control-room", "02:00:5e:10:00:ff", 2, T - 86400 * 90, [role("client", None, 4444), role("client", "modbus")]),
          seen("10.40.1.4", "hmi-1", "control-room", "02:00:5e:10:00:ff", 2, T, [role("client", "modbus")]),
          seen("fd40:0:0:1:aaaa:bbbb:cccc:dddd", None, "filling-line", None, 0, T, [role("server", None, 4840)])]
answers = {"assets": {"ok": True, "assets-known": not broken, "assets-total": 4, "assets-lost": 0, "assets": [] if broken else assets, "next": None},
           "status": status, "ledger": ledger, "rules": {"ok": True, "rules-known": True, "rules": rules, "rules-total": len(rules), "next": None}, "audit": audit}
s = socket.socket(socket.AF_UNIX)
s.bind(path + ".new")
s.listen(4)
os.rename(path + ".new", path)
s.settimeout(20)
for _ in range(5):
    c, _ = s.accept()
    c.settimeout(5)
    asked = json.loads(c.recv(4096))
    c.sendall((json.dumps(answers[asked["cmd"]]) + "\n").encode())
    c.close()
