#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl status and reload against a stand-in for the recorder that says what it is told to: good answers, refusals, nonsense.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
if ! command -v python3 >/dev/null; then
	echo 'python3 is not installed: nobody to play the recorder'
	exit 77
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

# answer STATUS TEXT PATTERN ARGS...: the stand-in sends TEXT to one client; the command must end so and say that.
answer() {
	local want=$1 text=$2 pattern=$3
	shift 3
	rm -f "$tmp/control"
	python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + ".new")
s.listen(1)
os.rename(sys.argv[1] + ".new", sys.argv[1]) # who finds the name finds somebody listening
s.settimeout(10)
c, _ = s.accept()
open(sys.argv[1] + ".asked", "wb").write(c.recv(4096))
c.sendall(sys.argv[2].encode())
c.close()
' "$tmp/control" "$text" &
	local peer=$!
	for _ in $(seq 200); do [ -S "$tmp/control" ] && break; sleep 0.02; done
	"$B/otfwctl" "$@" --run-dir "$tmp" >"$tmp/out" 2>"$tmp/err"
	local rc=$?
	wait $peer || { echo "$*: nobody asked" && bad=1; }
	[ $rc -eq "$want" ] || { echo "$*: exit $rc, wanted $want" && bad=1; }
	grep -q "^{\"cmd\":\"$1\"[,}]" "$tmp/control.asked" || { echo "$*: asked $(cat "$tmp/control.asked")" && bad=1; }
	cat "$tmp/out" "$tmp/err" | grep -q -- "$pattern" || { echo "$*: does not say '$pattern' but: $(cat "$tmp/out" "$tmp/err")" && bad=1; }
}
status='{"ok":true,"version":"1","site":"Tank","policy-generation":3,"policy":"00ff","zones":[{"name":"cell","failure":"open","safety":true}],"conduits":[{"name":"c","to":"cell","lane":"safety","mode":null,"failure":"open","rules":0}],"queues":[{"queue":7,"failure":"open","engine-pid":9,"generation":3,"restarts":1,"events-lost":0,"counters":{"packets":12,"pdus":0},"reasons":{"address":4}}],"recorder":{"events":5,"lines-lost":0,"write-errors":0}}
'
answer 0 "$status" '^otfw 1, site Tank$' status
answer 0 "$status" '^policy generation 3, 00ff$' status
answer 0 "$status" '^zone cell: fails open, safety$' status
answer 0 "$status" '^queue 7: fails open, engine 9, generation 3, 1 restarts, 0 events lost$' status
answer 0 "$status" '^  packets 12$' status
answer 0 "$status" '^  refused: address 4$' status
answer 0 "$status" '^{"ok":true,"version":"1"' status --json
answer 0 '{"ok":true,"generation":4,"text":""}
' '^policy generation 4 is in force$' reload
answer 1 '{"ok":false,"generation":4,"text":"tank.yaml:3:1: error: unknown key\n"}
' '^tank.yaml:3:1: error: unknown key$' reload
answer 1 '{"ok":false,"generation":4,"text":"x\n"}
' '^the policy is not loaded; generation 4 stays in force$' reload
# What a recorder gone bad says does not steer a terminal; for programs it is what it is.
assets='{"ok":true,"assets":[{"address":"10.0.0.1","zone":"cell","name":"pump\u001b]0;x\u0007 \u009b1m","mac":null,"first":1,"last":2,"roles":[],"identification":[]}],"assets-known":true,"assets-total":1,"assets-lost":0,"next":null}
'
answer 0 "$assets" '^  10.0.0.1 *pump?\]0;x? ?1m ' assets
answer 0 "$assets" 'pump\\u001B' assets --json
answer 0 '{"ok":true,"id":"K3T9QX","times":1,"first":1,"last":1,"event":{"event":"deny","operation":"read\u001b[2J 1","conduit":"c","reason":"address","detail":"d\u007f"}}
' '^read?\[2J 1$' why K3T9QX
zone='"in":9,"safety":1,"kernel":2,"inspected":3,"uninspected":{"released":1,"unseen":0},"dropped":{"invalid":0,"queue":2}'
ledger() { printf '{"ok":true,"balanced":%s,"unaccounted":%s,"moving":0,"before-start":0,"zones":[{"name":"cell",%s}],"all":{"name":"all",%s},"queues":[{"queue":7,"ids":6,"denied":2,"full":0}]}' "$1" "$2" "$zone" "$zone"; }
answer 0 "$(ledger true 0)"$'\n' '^zone cell: in 9 = safety 1 + kernel 2 + inspected 3 + uninspected 1 + dropped 2$' ledger
answer 0 "$(ledger true 0)"$'\n' '^  dropped: denied 2$' ledger
answer 0 "$(ledger true 0)"$'\n' '^the ledger balances (0 packets moved while it was read)$' ledger
answer 1 "$(ledger false 4)"$'\n' '^the ledger does not balance: 4 packets came in and are in no book$' ledger
answer 1 "$(ledger false -4)"$'\n' '^the ledger does not balance: 4 packets more in the books than came in$' ledger
answer 2 '{"ok":false,"error":"the kernel counters cannot be read"}
' 'the kernel counters cannot be read' ledger
answer 2 '{"ok":false,"error":"permission denied: only root"}
' 'permission denied: only root' reload
answer 2 '{"ok":fal
' 'the answer is not JSON' status
answer 2 '[1,2]' 'closed without an answer' status
answer 2 '' 'closed without an answer' reload
# What is asked, word by word.
asked() { grep -qxF -- "$1" "$tmp/control.asked" || { echo "asked $(cat "$tmp/control.asked"), wanted $1" && bad=1; }; }
answer 0 '{"ok":true,"generation":4,"text":"isolated: nothing passes\n"}
' '^zone cell: isolated: nothing passes$' isolate cell --reason 'a "worm"'
asked '{"cmd":"isolate","including-safety":false,"zone":"cell","reason":"a \"worm\""}'
answer 0 '{"ok":true,"generation":4,"text":"isolated\n"}
' '^zone sis: isolated$' isolate sis --reason r --including-safety --confirm sis
asked '{"cmd":"isolate","including-safety":true,"zone":"sis","reason":"r"}'
answer 1 '{"ok":false,"generation":4,"text":"it is not isolated\n"}
' '^zone cell: it is not isolated$' release cell --reason r
asked '{"cmd":"release","zone":"cell","reason":"r"}'
answer 0 '{"ok":true,"generation":4,"text":"overridden\n"}
' '^{"ok":true,"generation":4,' override cell --for 15min --reason r --json
asked '{"cmd":"override","for-us":900000000,"zone":"cell","reason":"r"}'
answer 0 '{"ok":true,"generation":4,"text":"ended\n"}
' '^zone cell: ended$' override cell --end --reason r
asked '{"cmd":"override","end":true,"zone":"cell","reason":"r"}'
answer 2 '{"ok":false,"error":"permission denied: only root"}
' 'permission denied: only root' isolate cell --reason r
answer 2 '{"ok":tr
' 'the answer is not JSON' isolate cell --reason r
islands='{"ok":true,"islands":[{"zone":"cell","in-policy":false,"state":"isolated","including-safety":true,"since":1700000000.5,"uid":null,"reason":"why"},{"zone":"line","in-policy":true,"state":"overridden","since":1700000000,"until":1700000900,"uid":0,"reason":"batch"}]}
'
answer 0 "$islands" '^zone cell: ISOLATED, safety lanes too, since 2023-11-14 .* by otfw itself: why (no longer in the policy' status
answer 0 "$islands" '^zone line: OVERRIDDEN, not inspected, since 2023-11-1. .* until 2023-11-1. .* by root: batch$' status

# Refused before anybody is asked.
unasked() {
	local pattern=$1
	shift
	"$B/otfwctl" "$@" --run-dir "$tmp/nobody" >"$tmp/out" 2>"$tmp/err"
	[ $? -eq 2 ] || { echo "$*: not refused" && bad=1; }
	grep -q -- "$pattern" "$tmp/err" || { echo "$*: does not say '$pattern' but: $(cat "$tmp/err")" && bad=1; }
}
unasked 'an argument is missing' isolate --reason r
unasked '--reason is missing' release cell
unasked '--reason: 1 to 95 octets' isolate cell --reason "$(printf 'x%.0s' $(seq 96))"
unasked '--reason: 1 to 95 octets' isolate cell --reason ' r'
unasked 'the reason is not UTF-8' isolate cell --reason "$(printf 'a\377')"
unasked 'is not the name of a zone' isolate 'ce ll' --reason r
unasked 'repeat its name with --confirm sis' isolate sis --including-safety --confirm cell --reason r
unasked '--confirm goes with --including-safety' isolate sis --confirm sis --reason r
unasked 'a duration needs its unit' override cell --for 15 --reason r
unasked '--for: ' override cell --for 500ms --reason r
unasked '--for: ' override cell --for 481min --reason r
unasked 'either --for or --end' override cell --for 5min --end --reason r
unasked 'either --for or --end' override cell --reason r
exit "$bad"
