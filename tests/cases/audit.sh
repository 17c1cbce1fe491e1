#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl audit on files: chains made here by the description in doc/otfwctl.md, not by the recorder's code, and what somebody with the right to write
# could do to them. Each must be found, and the record named.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
if ! python3 -c 'import sqlite3' 2>/dev/null; then
	echo 'python3 with sqlite3 is not installed: nobody to make chains'
	exit 77
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0 n=0

cat >"$tmp/chain.py" <<'P'
import hashlib, json, sqlite3, sys
path, what = sys.argv[1:3]
def text(n, object="cell", reason="r"):
    return '{"n":%d,"ts":%d.000000,"action":"isolate","uid":0,"login":1000,"refused":false,"object":"%s","reason":"%s"}' % (n, 1700000000 + n, object, reason)
def chain(texts, first=b"\0" * 32):
    d, out = first, []
    for t in texts:
        d = hashlib.sha256(d + t.encode()).digest()
        out.append((int(json.loads(t)["n"]), t, d))
    return out
good = chain([text(i) for i in range(1, 11)])
rows = list(good)
if what == "edit": rows[4] = (5, text(5, reason="another"), rows[4][2])
elif what == "edit-uid": rows[4] = (5, rows[4][1].replace('"uid":0', '"uid":7'), rows[4][2])
elif what == "digest": rows[4] = (5, rows[4][1], b"\1" * 32)
elif what == "short-digest": rows[4] = (5, rows[4][1], b"\1" * 5)
elif what == "remove": del rows[4]
elif what == "remove-three": del rows[4:7]
elif what == "remove-first": del rows[0]
elif what == "swap-texts": rows[4], rows[5] = (5, rows[5][1], rows[4][2]), (6, rows[4][1], rows[5][2])
elif what == "swap-all": rows[4], rows[5] = (5,) + rows[5][1:], (6,) + rows[4][1:]
elif what == "insert": rows = rows[:5] + [(6, text(6, reason="slipped in"), b"\2" * 32)] + [(n + 1, t, d) for n, t, d in rows[5:]]
elif what == "cut": rows = rows[:7]
elif what == "cut-one": rows = rows[:9]
elif what == "empty": rows = []
elif what == "anew": rows = chain([text(i, reason="other" if i == 5 else "r") for i in range(1, 11)])
elif what == "renumbered": rows = chain([text(i) for i in range(1, 10)])
elif what == "no-text": rows[4] = (5, "", rows[4][2])
elif what == "longer": rows = chain([text(i) for i in range(1, 13)])
elif what == "nothing-begun": rows = []
db = sqlite3.connect(path)
db.execute("CREATE TABLE record (n INTEGER PRIMARY KEY, text TEXT NOT NULL, digest BLOB NOT NULL)")
db.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
db.commit()
with open(path + ".events", "w") as f:
    for n, t, d in good if what != "nothing-begun" else []:
        f.write('{"ts":1.0,"event":"state","detail":"head"}\n')
        f.write(json.dumps({"ts": 1.0, "event": "audit", "action": "isolate", "n": n, "head": d.hex()}, separators=(",", ":")) + "\n")
    f.write('{"ts":1.0,"event":"audit","n":null,"head":null}\n{"ts":1.0,"event":"audit","n":4,"he')
open(path + ".head", "w").write(good[-1][2].hex())
P

# found STATUS TAMPERING PATTERN OPTIONS...: verify says that, and ends so. DB stands for the file.
found() {
	local want=$1 what=$2 pattern=$3 db=$tmp/$2.db
	shift 3
	[ -e "$db" ] || python3 "$tmp/chain.py" "$db" "$what" || exit 1
	"$B/otfwctl" audit verify --db "$db" "${@//DB/$db}" >"$tmp/out" 2>&1
	local rc=$?
	n=$((n + 1))
	[ $rc -eq "$want" ] || { echo "$what $*: exit $rc, wanted $want: $(cat "$tmp/out")" && bad=1; }
	grep -q -- "$pattern" "$tmp/out" || { echo "$what $*: does not say '$pattern' but: $(cat "$tmp/out")" && bad=1; }
}
head() { cat "$tmp/good.db.head"; }
found 0 good '^the audit chain holds: 10 records, head [0-9a-f]\{64\}$'
found 0 good 'holds: 10 records' --events DB.events
found 0 good 'holds: 10 records' --head "$(head)"
found 0 good 'holds: 10 records' --head "10:$(head)"
found 1 edit '^record 5 is not as it was written'
found 1 edit-uid '^record 5 is not as it was written'
found 1 digest '^record 5 is not as it was written'
found 1 short-digest '^record 5 is not as it was written'
found 1 remove '^record 5 is missing$'
found 1 remove-three '^records 5 to 7 are missing$'
found 1 remove-first '^record 1 is missing$'
found 1 swap-texts '^record 5 holds the text of record 6$'
found 1 swap-texts '^record 6 holds the text of record 5$'
found 1 swap-all '^record 5 holds the text of record 6$'
found 1 insert '^record 6 is not as it was written'
found 1 insert '^record 7 holds the text of record 6$'
found 1 no-text '^record 5 is not as it was written'
# Chains that hold in themselves: only what was noted elsewhere tells.
found 0 cut 'holds: 7 records'
found 1 cut '^records 8 to 10 are missing at the end: the event log knows them$' --events DB.events
found 1 cut '^no record has the digest that --head knows: the chain was cut off behind record 7' --head "$(head)"
found 1 cut '^records 8 to 10 are missing at the end: --head knows them$' --head "10:$(head)"
found 1 cut-one '^record 10 is missing at the end' --events DB.events
found 0 empty '^the audit chain has no records$'
found 1 empty '^records 1 to 10 are missing at the end' --events DB.events
found 0 anew 'holds: 10 records'
found 1 anew '^record 5 is not the one that the event log knows: the chain was made anew$' --events DB.events
found 1 anew 'no record has the digest that --head knows' --head "$(head)"
found 1 renumbered '^record 10 is missing at the end' --events DB.events
found 0 longer 'holds: 12 records' --events DB.events
found 0 longer 'holds: 12 records' --head "$(head)"
found 0 nothing-begun 'has no records' --events DB.events
# What cannot be run.
found 2 good 'is no digest' --head 12ab
found 2 good 'is not the number of a record' --head "x:$(head)"
found 2 good 'nowhere: No such file' --events "$tmp/nowhere"

says() {
	local want=$1 pattern=$2
	shift 2
	"$B/otfwctl" audit "$@" >"$tmp/out" 2>&1
	local rc=$?
	n=$((n + 1))
	[ $rc -eq "$want" ] || { echo "$*: exit $rc, wanted $want" && bad=1; }
	grep -q -- "$pattern" "$tmp/out" || { echo "$*: does not say '$pattern' but: $(cat "$tmp/out")" && bad=1; }
}
echo 'no database' >"$tmp/text"
says 2 'No such file' verify --db "$tmp/none"
says 2 'not a database' verify --db "$tmp/text"
says 2 'one of verify, show and export' prove
says 2 'is not the number of a record' show --db "$tmp/good.db" 0
says 2 'either --since or a number' show --db "$tmp/good.db" 3 --since 2023-11-14T00:00:00Z
says 2 'too many arguments' show --db "$tmp/good.db" 3 4
says 0 '^     5  2023-11-1[45] .* isolate cell, .* (logged in as .*): r' show --db "$tmp/good.db"
says 1 'there is no record 11' show --db "$tmp/good.db" 11
"$B/otfwctl" audit show --db "$tmp/good.db" --since 2023-11-14T22:13:28Z >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" -eq 3 ] || { echo "show --since: $(wc -l <"$tmp/lines") lines" && bad=1; }
# A record of a change, whole: the difference by lines, and nothing that steers a terminal.
python3 - "$tmp/change.db" <<'P' || exit 1
import hashlib, json, sqlite3, sys
r = {"n": 1, "ts": 1700000001.5, "action": "commit", "uid": 0, "login": 0, "refused": False, "object": None, "reason": "pump \x1b[2J \x9b1m7", "ticket": "CHG-1", "detail": "policy 2 is in force",
     "before": "aa" * 32, "after": "bb" * 32, "becomes-allowed": 2, "becomes-denied": 0, "other-changes": 1, "diff": "c/a: read 1 becomes allowed\nc/b: read 2 becomes allowed\n", "diff-left-out": 1}
s = {"n": 2, "ts": 1700000002.5, "action": "reload", "uid": None, "login": None, "refused": False, "object": None, "reason": None, "ticket": None, "detail": "x", "before": "bb" * 32, "after": "cc" * 32,
     "diff": None, "diff-why": "the policies are not at hand any more"}
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE record (n INTEGER PRIMARY KEY, text TEXT NOT NULL, digest BLOB NOT NULL)")
d = b"\0" * 32
for o in (r, s):
    t = json.dumps(o, separators=(",", ":"), ensure_ascii=False)
    d = hashlib.sha256(d + t.encode()).digest()
    db.execute("INSERT INTO record VALUES (?, ?, ?)", (o["n"], t, d))
db.commit()
P
says 0 '; policy 2 is in force; 2 become allowed, 0 become denied, 1 other changes$' show --db "$tmp/change.db"
says 0 '^          c/b: read 2 becomes allowed$' show --db "$tmp/change.db" 1
says 0 '^          and 1 more$' show --db "$tmp/change.db" 1
says 0 'pump ?\[2J ?1m7 (CHG-1)$' show --db "$tmp/change.db" 1
says 0 '^        after: bbbb' show --db "$tmp/change.db" 1
says 0 '^        what changed is not known: the policies are not' show --db "$tmp/change.db" 2
says 0 'reload, otfw itself$' show --db "$tmp/change.db" 2
says 2 'an argument is missing' --db "$tmp/good.db"
says 2 'go with verify' export --db "$tmp/good.db" --head "$(head)"
says 2 'goes with show and export' verify --db "$tmp/good.db" --since 2023-11-14T00:00:00Z
says 2 '--since yesterday' export --db "$tmp/good.db" --since yesterday
says 2 'nobody is asked' verify --db "$tmp/good.db" --run-dir "$tmp"
# What is exported can be checked by anybody.
"$B/otfwctl" audit export --db "$tmp/good.db" >"$tmp/lines" || bad=1
python3 - "$tmp/lines" <<'P' || { echo 'the lines that are exported cannot be checked' && bad=1; }
import hashlib, json, sys
d, n = b"\0" * 32, 0
for line in open(sys.argv[1]):
    n += 1
    o = json.loads(line)
    text = line.rstrip("\n")[: -len(',"digest":"%s"}' % o["digest"])] + "}"
    d = hashlib.sha256(d + text.encode()).digest()
    assert o["n"] == n and o["digest"] == d.hex(), line
assert n == 10
P
"$B/otfwctl" audit export --db "$tmp/good.db" --since 2023-11-14T22:13:28Z >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" -eq 3 ] || { echo "--since: $(wc -l <"$tmp/lines") lines" && bad=1; }
[ $bad -eq 0 ] && echo "$n runs"
exit $bad
